//! The lines and tax subtotals of a document, and the one place where a document reads the rates that were applied. It
//! must not know how figures are written.

use crate::catalog::PercentOff;
use crate::credit_note::CreditNoteLine;
use crate::discount::Discount;
use crate::invoice::InvoiceLine;
use crate::money::{Money, Quantity, UnitPrice};
use crate::tax::{AppliedRate, Percentage, TaxBehavior, TaxCategory, TaxSubtotal};
use crate::text::{Description, DisplayName};

/// A line of a document. Net and tax add up to gross.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLine {
    /// The nature of what is supplied.
    pub description: Description,
    /// How many at which price; absent where a sum alone is stated, as on a credit note for a part of a price.
    pub price: Option<LinePrice>,
    /// What was taken off of the price, where anything was (article 226, point 8); with tax inside if `behavior` says so.
    pub discount: Option<LineDiscount>,
    /// Whether the stated price and amount have their tax inside.
    pub behavior: TaxBehavior,
    /// Without tax.
    pub net: Money,
    /// Tax.
    pub tax: Money,
    /// With tax.
    pub gross: Money,
    /// The rates that apply; none where no tax does.
    pub rates: Vec<LineRate>,
}

/// What was taken off of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineDiscount {
    /// How much; never zero.
    pub amount: Money,
    /// By which percentage, where one alone led to it; the amount may differ from it by a share of what was rounded.
    pub percent: Option<PercentOff>,
}

/// How many at which price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinePrice {
    /// How many.
    pub quantity: Quantity,
    /// What one costs; with tax inside if the line's `behavior` says so.
    pub unit_price: UnitPrice,
}

/// A rate that applies to a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRate {
    /// What it is called, such as `VAT` or `Moms`.
    pub name: DisplayName,
    /// The percentage.
    pub percentage: Percentage,
}

/// What one rate comes to on the whole document, or what has no rate by one category (article 226, point 8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentTaxSubtotal {
    /// What the supplies are for tax.
    pub category: TaxCategory,
    /// The rate; absent where none applies.
    pub rate: Option<LineRate>,
    /// Whose tax it is, as a code of ISO 3166 such as `SE`; absent if that is not known, or no rate applies.
    pub jurisdiction: Option<String>,
    /// What it is charged on, without tax.
    pub base: Money,
    /// Tax by it.
    pub tax: Money,
}

impl DocumentLine {
    /// The line of an invoice, of which `whole` is taken off of all lines.
    pub fn of(line: &InvoiceLine, whole: Option<Discount>) -> Self {
        let percent = match (line.item.discount, whole) {
            (Some(Discount::Percent(percent)), None) | (None, Some(Discount::Percent(percent))) => Some(percent),
            _ => None,
        };
        Self {
            description: line.item.description.clone(),
            price: Some(LinePrice { quantity: line.item.quantity, unit_price: line.item.unit_price }),
            discount: LineDiscount::of(line.discount_amount, percent),
            behavior: line.item.tax_behavior,
            net: line.taxed.net,
            tax: line.taxed.tax,
            gross: line.taxed.gross,
            rates: line.taxed.components.iter().map(|component| LineRate::of(&component.rate)).collect(),
        }
    }

    /// The line of a credit note.
    pub fn of_credit(line: &CreditNoteLine) -> Self {
        Self {
            description: line.description.clone(),
            price: line.quantity.map(|quantity| LinePrice { quantity, unit_price: line.unit_price }),
            discount: LineDiscount::of(line.discount_amount(), None),
            behavior: line.tax_behavior,
            net: line.taxed.net,
            tax: line.taxed.tax,
            gross: line.taxed.gross,
            rates: line.taxed.components.iter().map(|component| LineRate::of(&component.rate)).collect(),
        }
    }

    /// The amount that the line states: with tax if its price has it inside, else without.
    pub const fn amount(&self) -> Money {
        match self.behavior {
            TaxBehavior::Exclusive => self.net,
            TaxBehavior::Inclusive => self.gross,
        }
    }
}

impl LineDiscount {
    /// What was taken off. Older invoices have a stored zero where nothing was.
    fn of(amount: Option<Money>, percent: Option<PercentOff>) -> Option<Self> {
        amount.filter(|amount| !amount.is_zero()).map(|amount| Self { amount, percent })
    }
}

impl LineRate {
    /// A rate as it was applied.
    pub fn of(rate: &AppliedRate) -> Self {
        Self { name: rate.display_name.clone(), percentage: rate.percentage }
    }
}

impl DocumentTaxSubtotal {
    /// What a rate or a category comes to by a tax calculation.
    pub fn of(subtotal: &TaxSubtotal) -> Self {
        let levier = |rate: &AppliedRate| rate.jurisdiction.map(|levier| levier.to_string());
        Self {
            category: subtotal.category,
            rate: subtotal.rate.as_ref().map(LineRate::of),
            jurisdiction: subtotal.rate.as_ref().and_then(levier),
            base: subtotal.base,
            tax: subtotal.tax,
        }
    }
}

//! The content of an invoice, as its caller gives it: what it must be like whatever becomes of it, and what its lines cost.
//! It knows neither states nor what was paid.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::discount::Discount;
use crate::id::{CustomerId, PriceId, ShippingRateId};
use crate::metadata::Metadata;
use crate::money::{Currency, Money, MoneyError, Quantity, UnitPrice};
use crate::tax::{TaxBehavior, TaxCalculation, TaxExchangeRate, TaxRounding, TaxTreatment, TaxableLine};
use crate::text::Description;
use crate::validation::{Invalid, Validator, Violations};

/// What a caller says of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceItem {
    /// What it is.
    pub description: Description,
    /// How many.
    pub quantity: Quantity,
    /// What one costs.
    pub unit_price: UnitPrice,
    /// Whether the price has its tax inside.
    pub tax_behavior: TaxBehavior,
    /// How it is taxed.
    pub tax_treatment: TaxTreatment,
    /// The stored price that it came from.
    pub price_id: Option<PriceId>,
    /// The stored shipping rate that it came from.
    #[serde(default)]
    pub shipping_rate_id: Option<ShippingRateId>,
    /// What is taken off of the line, before tax.
    #[serde(default)]
    pub discount: Option<Discount>,
}

/// The content of an invoice as the caller gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvoiceContent {
    /// Who is invoiced.
    pub customer_id: Option<CustomerId>,
    /// Currency of every amount.
    pub currency: Currency,
    /// The lines: 1 to [`InvoiceContent::LINES_MAX`].
    pub items: Vec<InvoiceItem>,
    /// What is taken off of all lines, after their own discounts and before tax.
    pub discount: Option<Discount>,
    /// How tax is rounded, where not as the seller does.
    pub tax_rounding: Option<TaxRounding>,
    /// A note on the whole.
    pub description: Option<Description>,
    /// The date that decides tax rates.
    pub tax_point: Option<Date>,
    /// When it is due.
    pub due_date: Option<Date>,
    /// By which rate the tax is told in the seller's currency.
    pub tax_exchange_rate: Option<TaxExchangeRate>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

impl InvoiceItem {
    /// Refuses a line whose amount is out of range.
    ///
    /// # Errors
    /// It is.
    pub fn check_amount(unit_price: UnitPrice, quantity: Quantity) -> Result<(), Invalid> {
        unit_price.times(quantity).map(|_| ()).map_err(|_| amount_overflow())
    }

    /// An order in which only lines that are taxed alike are equal.
    fn order_by_tax(&self, other: &Self) -> Ordering {
        let is_inclusive = |item: &Self| item.tax_behavior == TaxBehavior::Inclusive;
        let by_behavior = is_inclusive(self).cmp(&is_inclusive(other));
        by_behavior.then_with(|| self.tax_treatment.order(&other.tax_treatment))
    }

    /// Refuses a price in another currency than its invoice's.
    ///
    /// # Errors
    /// It is in another.
    pub fn check_currency(unit_price: UnitPrice, currency: Currency) -> Result<(), Invalid> {
        if unit_price.currency() == currency {
            return Ok(());
        }
        Err(Invalid::new("CURRENCY_MISMATCH", format!("must be in the invoice's currency, {currency}")))
    }
}

impl InvoiceContent {
    /// The most lines.
    pub const LINES_MAX: usize = 1_000;
    /// The most days by which the tax point or the due date lies before the day of issue: ten years, for which books are kept.
    /// What is further away is a slip.
    pub const DATE_DAYS_BEFORE_MAX: i64 = 3_653;
    /// The most days by which they lie after it: a hundred years.
    pub const DATE_DAYS_AFTER_MAX: i64 = 36_525;

    /// An invoice of these lines, with nothing that is optional.
    pub fn new(currency: Currency, items: Vec<InvoiceItem>) -> Self {
        Self {
            customer_id: None,
            currency,
            items,
            discount: None,
            tax_rounding: None,
            description: None,
            tax_point: None,
            due_date: None,
            tax_exchange_rate: None,
            metadata: Metadata::default(),
        }
    }

    /// Checks the rules that join fields: number of lines, one currency, line totals and their sum within range; and the
    /// dates of an invoice that is issued on `issued_on`, by a seller whose own currency is `sellers_currency`.
    ///
    /// # Errors
    /// Every violation, with paths such as `lines[3].price_data.unit_price`.
    pub fn check(&self, issued_on: Date, sellers_currency: Currency) -> Result<(), Violations> {
        let mut validator = Validator::new();
        for (field, date) in [("tax_point", self.tax_point), ("due_date", self.due_date)] {
            validator.check_optional(field, date, |date| Self::check_date(date, issued_on));
        }
        if let Some(rate) = &self.tax_exchange_rate {
            validator.within("tax_exchange_rate", |v| rate.check(v, (self.currency, issued_on), sellers_currency));
        }
        validator.check("lines", Self::check_line_count(self.items.len()));
        for (index, item) in self.items.iter().enumerate() {
            if let Err(mismatch) = InvoiceItem::check_currency(item.unit_price, self.currency) {
                validator.refuse(&format!("lines[{index}].price_data.unit_price"), mismatch);
            } else if let Err(overflow) = InvoiceItem::check_amount(item.unit_price, item.quantity) {
                validator.refuse(&format!("lines[{index}]"), overflow);
            } else if let Ok(price) = item.unit_price.times(item.quantity) {
                let field = format!("lines[{index}].discount.amount_off");
                self.check_discount(&mut validator, &field, item.discount, Some(price));
            }
        }
        // What the lines come to is known once they are right.
        let left = validator.is_clean().then(|| {
            let priced = price_items(self.currency, self.items.iter(), None)?;
            let amounts = priced.iter().map(PricedItem::amount).collect::<Result<Vec<_>, _>>()?;
            Money::sum(self.currency, amounts)
        });
        // Twice the sum leaves room for tax of up to 100 %.
        let left = left.map(|left| left.ok().filter(|left| left.minor() <= Money::MINOR_MAX / 2));
        let left = left.and_then(|left| validator.check("lines", left.ok_or_else(amount_overflow)));
        self.check_discount(&mut validator, "discount.amount_off", self.discount, left);
        validator.finish(Some(()))
    }

    /// Refuses a tax point or a due date that is too far from the day of issue. Both may lie before it: a supply is often
    /// billed later, and what was to be paid at once is overdue from the start.
    ///
    /// # Errors
    /// It is more than [`InvoiceContent::DATE_DAYS_BEFORE_MAX`] days before it, or more than
    /// [`InvoiceContent::DATE_DAYS_AFTER_MAX`] after.
    pub fn check_date(date: Date, issued_on: Date) -> Result<Date, Invalid> {
        if (-Self::DATE_DAYS_BEFORE_MAX..=Self::DATE_DAYS_AFTER_MAX).contains(&(date - issued_on).whole_days()) {
            return Ok(date);
        }
        let expected = format!("must be from 10 years before to 100 years after the day of issue, {issued_on}");
        Err(Invalid::new("DATE_OUT_OF_RANGE", expected))
    }

    /// Refuses a total that is above what an amount may be. What the lines come to is bounded before their tax is known, and
    /// several rates may come to more than 100 %.
    ///
    /// # Errors
    /// It is above [`Money::MINOR_MAX`].
    pub fn check_total(tax: &TaxCalculation) -> Result<(), Invalid> {
        if tax.gross.minor() <= Money::MINOR_MAX {
            return Ok(());
        }
        let expected = format!("must come to at most {} minor units with tax", Money::MINOR_MAX);
        Err(Invalid::new("AMOUNT_OUT_OF_RANGE", expected))
    }

    /// Refuses an exchange rate by which the tax is out of range.
    ///
    /// # Errors
    /// It is above [`Money::MINOR_MAX`].
    pub fn check_exchanged_tax(&self, tax: &TaxCalculation) -> Result<(), Invalid> {
        let exchanged = self.tax_exchange_rate.as_ref().map(|rate| rate.exchange(tax.tax));
        match exchanged {
            Some(exchanged) if exchanged.as_ref().map_or(true, |it| it.tax.minor() > Money::MINOR_MAX) => {
                let expected = format!("must bring the tax to at most {} minor units", Money::MINOR_MAX);
                Err(Invalid::new("AMOUNT_OUT_OF_RANGE", expected))
            }
            _ => Ok(()),
        }
    }

    /// Refuses an amount that is taken off in another currency than the invoice's.
    ///
    /// # Errors
    /// It is in another.
    pub fn check_discount_currency(discount: Option<Discount>, currency: Currency) -> Result<(), Invalid> {
        match discount {
            Some(Discount::Amount(amount)) if amount.currency() != currency => {
                Err(Invalid::new("CURRENCY_MISMATCH", format!("must be in the invoice's currency, {currency}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses an amount that is taken off in another currency, or is more than there is, where that is known.
    fn check_discount(&self, v: &mut Validator, field: &str, discount: Option<Discount>, there: Option<Money>) {
        let Some(Discount::Amount(amount)) = discount else { return };
        if let Err(mismatch) = Self::check_discount_currency(discount, self.currency) {
            v.refuse(&format!("{field}.currency_code"), mismatch);
        } else if let Some(there) = there.filter(|there| amount.minor() > there.minor()) {
            let expected = format!("must be at most {there}, which is what it is taken off of");
            v.refuse(&format!("{field}.minor_units"), Invalid::new("DISCOUNT_ABOVE_AMOUNT", expected));
        }
    }

    /// Refuses a wrong number of lines.
    ///
    /// # Errors
    /// None, or more than [`InvoiceContent::LINES_MAX`].
    pub fn check_line_count(count: usize) -> Result<(), Invalid> {
        if (1..=Self::LINES_MAX).contains(&count) {
            return Ok(());
        }
        Err(Invalid::new("LINE_COUNT", format!("must have 1 to {} lines", Self::LINES_MAX)))
    }

    /// The lines as a tax calculator wants them: after what is taken off.
    ///
    /// # Errors
    /// A line's total is out of range.
    pub fn taxable_lines(&self) -> Result<Vec<TaxableLine>, MoneyError> {
        let priced = price_items(self.currency, self.items.iter(), self.discount)?;
        let line = |(item, priced): (&InvoiceItem, PricedItem)| {
            let treatment = item.tax_treatment.clone();
            Ok(TaxableLine { amount: priced.amount()?, behavior: item.tax_behavior, treatment })
        };
        self.items.iter().zip(priced).map(line).collect()
    }
}

/// What a line costs, and what is taken off of it.
pub(super) struct PricedItem {
    /// Quantity times unit price.
    price: Money,
    /// Taken off of the line.
    own_discount: Money,
    /// Its share of what is taken off of all lines.
    shared_discount: Money,
}

impl PricedItem {
    pub(super) fn discount(&self) -> Result<Money, MoneyError> {
        self.own_discount.checked_add(self.shared_discount)
    }

    pub(super) fn amount(&self) -> Result<Money, MoneyError> {
        self.price.checked_sub(self.discount()?)
    }
}

/// Prices the lines of an invoice. What is taken off of the whole is taken of what is left of each line, in proportion, by
/// largest remainder. Where equal lines compete for a minor unit, how they are taxed decides and not their order, which would
/// decide the tax with it.
pub(super) fn price_items<'a>(
    currency: Currency,
    items: impl Iterator<Item = &'a InvoiceItem>,
    discount: Option<Discount>,
) -> Result<Vec<PricedItem>, MoneyError> {
    let items: Vec<_> = items.collect();
    let mut priced = Vec::with_capacity(items.len());
    for item in &items {
        let price = item.unit_price.times(item.quantity)?;
        let own = item.discount.map(|discount| discount.parts(currency, &[price])).transpose()?;
        let own_discount = own.and_then(|parts| parts.first().copied()).unwrap_or(Money::zero(currency));
        priced.push(PricedItem { price, own_discount, shared_discount: Money::zero(currency) });
    }
    if let Some(discount) = discount {
        let mut places: Vec<usize> = (0..items.len()).collect();
        places.sort_by(|a, b| items[*a].order_by_tax(items[*b]));
        let left = |place: &usize| priced[*place].price.checked_sub(priced[*place].own_discount);
        let left = places.iter().map(left).collect::<Result<Vec<_>, _>>()?;
        for (place, share) in places.into_iter().zip(discount.parts(currency, &left)?) {
            priced[place].shared_discount = share;
        }
    }
    Ok(priced)
}

fn amount_overflow() -> Invalid {
    Invalid::new("AMOUNT_OUT_OF_RANGE", format!("must come to at most {} minor units", Money::MINOR_MAX / 2))
}

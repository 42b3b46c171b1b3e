//! Tax: what is asked of a calculator, what it answers, and the arithmetic that every calculator shares.
//!
//! A [calculator](crate::ports::tax::TaxCalculator) decides which rates apply to a line; [`compute()`] turns lines with
//! their rates into figures that add up, so that rounding has one home. What a calculator elsewhere has computed is held to
//! the same ([`TaxCalculation::charged`]).

mod charged;
mod compute;
mod decision;
mod jurisdiction;
mod rate;
mod registration;
mod sellers_currency;
mod subtotal;

use std::cmp::Ordering;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::Date;

pub use charged::{Charge, ChargedError, ChargedFault, ChargedLine};
use compute::order_of_rates;
pub(crate) use compute::traced;
pub use compute::{RatedLine, TaxComputeError, compute};
pub use decision::{TaxCategory, TaxDecision};
pub use jurisdiction::Jurisdiction;
pub use rate::{AppliedRate, Percentage, TaxCode, TaxRate, TaxRateChanges, TaxRateData};
pub use registration::{StoredTaxRegistration, StoredTaxRegistrationData, TaxRegistration, TaxScheme};
pub use sellers_currency::{ExchangedTax, TaxExchangeRate};
pub use subtotal::TaxSubtotal;
pub(crate) use subtotal::with_untaxed;

use crate::money::{Currency, Money, MoneyError, Quotient, Rounding};
use crate::party::Address;
use crate::tax_id::TaxId;
use crate::validation::{Invalid, Validator};

/// Whether a price has its tax inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxBehavior {
    /// Tax is added to the price.
    Exclusive,
    /// The price includes the tax.
    Inclusive,
}

/// Where tax is rounded to whole minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundingScope {
    /// On each line and rate.
    PerLine,
    /// Once for each rate of the document; the lines share the rounded sum by largest remainder.
    #[default]
    PerInvoice,
}

/// How tax is rounded on a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TaxRounding {
    /// Where.
    pub scope: RoundingScope,
    /// Which way.
    pub mode: Rounding,
}

/// How a line is taxed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxTreatment {
    /// By these rates, chosen by the caller; at most [`TaxTreatment::RATES_MAX`]. None at all means untaxed.
    Manual(Vec<AppliedRate>),
    /// By the rules for the seller, the customer and the kind of product.
    Automatic {
        /// The kind of product; the seller's usual one where absent.
        tax_code: Option<TaxCode>,
    },
}

impl TaxTreatment {
    /// The most manual rates of a line.
    pub const RATES_MAX: usize = 5;

    /// A total order, in which only equal treatments are equal.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Manual(mine), Self::Manual(theirs)) => mine
                .iter()
                .zip(theirs)
                .map(|(mine, theirs)| order_of_rates(mine, theirs))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| mine.len().cmp(&theirs.len())),
            (Self::Manual(_), Self::Automatic { .. }) => Ordering::Less,
            (Self::Automatic { .. }, Self::Manual(_)) => Ordering::Greater,
            (Self::Automatic { tax_code: mine }, Self::Automatic { tax_code: theirs }) => {
                mine.as_ref().map(TaxCode::as_str).cmp(&theirs.as_ref().map(TaxCode::as_str))
            }
        }
    }
}

/// A line for which tax is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxableLine {
    /// The price of the whole line, after discounts, with or without tax as `behavior` says.
    pub amount: Money,
    /// Whether `amount` has the tax inside.
    pub behavior: TaxBehavior,
    /// How it is taxed.
    pub treatment: TaxTreatment,
}

/// What a customer is for tax, as the seller has found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerTaxStatus {
    /// Taxed by the rules: its place and its tax ids decide.
    #[default]
    Taxable,
    /// Never taxed, such as an embassy or an international body: the seller keeps the certificate.
    Exempt,
    /// A business that accounts for the tax itself, with or without a tax id that tells so.
    ReverseCharge,
}

impl CustomerTaxStatus {
    /// Whether its place and its tax ids decide.
    pub const fn is_taxable(&self) -> bool {
        matches!(self, Self::Taxable)
    }
}

/// What a calculator needs to know of the customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaxedCustomer {
    /// Where the customer is, if known: for goods where they go to.
    pub place: Option<Jurisdiction>,
    /// The address that `place` is of, where a whole one is known: for calculators that tell cities apart.
    pub address: Option<Address>,
    /// The customer's tax ids.
    pub tax_ids: Vec<TaxId>,
    /// What it is for tax.
    pub status: CustomerTaxStatus,
}

/// A question to a calculator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRequest {
    /// Where the seller is established.
    pub seller: Jurisdiction,
    /// Where the seller is registered, as it is kept here. A calculator elsewhere may go by what is set up there instead, and
    /// then says so.
    pub registrations: Vec<TaxRegistration>,
    /// The kind of product of an automatic line that names none.
    pub default_tax_code: TaxCode,
    /// The customer.
    pub customer: TaxedCustomer,
    /// The date whose rates apply (the tax point).
    pub tax_point: Date,
    /// Currency of every line.
    pub currency: Currency,
    /// How to round. A calculator elsewhere may have a way of its own for what it taxes.
    pub rounding: TaxRounding,
    /// The lines, in the order of the document.
    pub lines: Vec<TaxableLine>,
}

impl TaxRequest {
    /// Refuses an amount in another currency than the whole request.
    ///
    /// # Errors
    /// It is in another.
    pub fn check_currency(currency: Currency, amount: Money) -> Result<(), Invalid> {
        if amount.currency() == currency { Ok(()) } else { Err(currency_mismatch(currency)) }
    }

    /// Refuses lines in another currency, or with too many rates: what no calculator can answer.
    pub fn check_lines(&self, validator: &mut Validator) {
        for (index, line) in self.lines.iter().enumerate() {
            // A field that is right needs no name.
            if let Err(invalid) = Self::check_currency(self.currency, line.amount) {
                validator.refuse(&amount_field(index), invalid);
            }
            if matches!(&line.treatment, TaxTreatment::Manual(rates) if rates.len() > TaxTreatment::RATES_MAX) {
                let expected = format!("must have at most {} rates", TaxTreatment::RATES_MAX);
                validator.refuse(&format!("lines[{index}].tax"), Invalid::new("TOO_MANY", expected));
            }
        }
    }
}

fn amount_field(line: usize) -> String {
    format!("lines[{line}].amount")
}

fn currency_mismatch(currency: Currency) -> Invalid {
    Invalid::new("CURRENCY_MISMATCH", format!("must be in {currency} like the whole request"))
}

/// The tax of a document. Nets and taxes add up to grosses, lines to totals, and components to lines, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredTaxCalculation")]
pub struct TaxCalculation {
    /// One for each line of the request, in its order.
    pub lines: Vec<TaxedLine>,
    /// One for each category and rate, by jurisdiction and percentage; then one for each category without a rate.
    pub subtotals: Vec<TaxSubtotal>,
    /// All without tax.
    pub net: Money,
    /// All tax.
    pub tax: Money,
    /// All with tax.
    pub gross: Money,
    /// How each figure came about.
    pub trace: Vec<TraceStep>,
}

/// What a part of a whole is without tax, and the tax in it, where `before` of the whole came in parts before it. The whole
/// is told by its gross and the tax in that. Both add up to the part; and the tax of all parts adds up to the tax of the
/// whole, since each part has the tax that is due up to its end, rounded as `rounding` says, less what was due up to its
/// beginning.
///
/// # Errors
/// An amount is in another currency, or does not fit.
pub fn part_of(
    whole: (Money, Money),
    before: Money,
    part: Money,
    rounding: Rounding,
) -> Result<(Money, Money), MoneyError> {
    let end = before.checked_add(part)?;
    let tax = tax_up_to(whole, end, rounding)?.checked_sub(tax_up_to(whole, before, rounding)?)?;
    Ok((part.checked_sub(tax)?, tax))
}

/// The tax in the first so much of a whole, in proportion.
fn tax_up_to((gross, tax): (Money, Money), up_to: Money, rounding: Rounding) -> Result<Money, MoneyError> {
    let share = Quotient::share(tax.minor(), up_to.minor(), gross.minor());
    Ok(Money::new(share.round(rounding)?, tax.currency()))
}

/// The form in which calculations are stored: early ones lack categories, and the subtotals of what has no rate.
#[derive(Deserialize)]
struct StoredTaxCalculation {
    lines: Vec<TaxedLine>,
    subtotals: Vec<TaxSubtotal>,
    net: Money,
    tax: Money,
    gross: Money,
    trace: Vec<TraceStep>,
}

impl TryFrom<StoredTaxCalculation> for TaxCalculation {
    type Error = MoneyError;

    fn try_from(stored: StoredTaxCalculation) -> Result<Self, MoneyError> {
        let StoredTaxCalculation { lines, subtotals, net, tax, gross, trace } = stored;
        let subtotals = with_untaxed(&subtotals, lines.iter())?;
        Ok(Self { lines, subtotals, net, tax, gross, trace })
    }
}

/// A line with its tax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "subtotal::StoredTaxedLine")]
pub struct TaxedLine {
    /// Without tax.
    pub net: Money,
    /// Tax.
    pub tax: Money,
    /// With tax.
    pub gross: Money,
    /// What the supply is for tax.
    pub category: TaxCategory,
    /// The tax by rate; empty where no tax applies.
    pub components: Vec<TaxComponent>,
}

/// The tax of a line by one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxComponent {
    /// The rate.
    pub rate: AppliedRate,
    /// Tax by it.
    pub tax: Money,
}

/// Why a line has the tax that it has: one step for each line and rate, or one that says why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredTraceStep")]
pub struct TraceStep {
    /// Index of the line in the request.
    pub line: usize,
    /// The rule that chose the rate, and what the supply is by it.
    #[serde(flatten)]
    pub decision: TaxDecision,
    /// The rate, if any applies.
    pub rate: Option<AppliedRate>,
    /// What the rate was applied to, in minor units before rounding.
    pub base: Decimal,
    /// The tax in minor units before rounding; as charged, where who computed it tells no other.
    pub unrounded: Decimal,
    /// The tax in minor units as charged on this line.
    pub rounded: i64,
}

/// The form in which steps are stored: the decisions of early ones have no category.
#[derive(Deserialize)]
struct StoredTraceStep {
    line: usize,
    #[serde(flatten)]
    decision: decision::StoredDecision,
    rate: Option<AppliedRate>,
    base: Decimal,
    unrounded: Decimal,
    rounded: i64,
}

impl From<StoredTraceStep> for TraceStep {
    fn from(stored: StoredTraceStep) -> Self {
        let StoredTraceStep { line, decision, rate, base, unrounded, rounded } = stored;
        Self { line, decision: decision.of_rates(rate.as_slice()), rate, base, unrounded, rounded }
    }
}

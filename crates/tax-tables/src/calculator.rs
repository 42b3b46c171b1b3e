//! Which rate of the table applies to a line. It must not compute tax: that is [`domain::tax::compute`]'s.
//!
//! A line with manual rates has those: `MANUAL_RATE`, or `UNTAXED` where the list is empty. For automatic lines the first
//! rule that fits decides; a registration counts from its first date on, and the EU is that of the tax point:
//!
//! | code | when | tax |
//! |---|---|---|
//! | `REGISTERED_COUNTRY_STANDARD` | the seller is registered in the customer's country | that country's standard rate |
//! | `OUTSIDE_EU` | the customer is outside the EU | none |
//! | `SELLER_COUNTRY_STANDARD` | the customer is in another Member State or unknown, and the seller is registered in its own, a Member State | the seller's country's standard rate |
//! | `NOT_REGISTERED` | otherwise | none |
//!
//! `SELLER_COUNTRY_STANDARD` is the rule below the threshold of EUR 10 000 a year for distance sales and electronic
//! services (Directive 2006/112/EC, art. 59c). A seller above it registers in its customers' countries, and the
//! first rule decides.
//!
//! Standard rates of whole countries are applied alone, though the tables know more: a line's tax code changes nothing,
//! nor do the customer's tax ids.

use async_trait::async_trait;
use domain::money::MoneyError;
use domain::party::Country;
use domain::ports::tax::{TaxCalculator, TaxError};
use domain::tax::{
    AppliedRate, RatedLine, TaxCalculation, TaxComputeError, TaxRequest, TaxTreatment, TaxableLine, compute,
};
use domain::validation::{Invalid, Validator, Violations};

use crate::table::{RateTable, TableError};

/// Calculates tax by a [`RateTable`], without asking anybody.
#[derive(Debug, Clone)]
pub struct TableTaxCalculator {
    table: RateTable,
}

impl TableTaxCalculator {
    /// A calculator over `table`.
    pub const fn new(table: RateTable) -> Self {
        Self { table }
    }

    /// A calculator over the table that is part of the program.
    ///
    /// # Errors
    /// The program was built with a bad table.
    pub fn embedded() -> Result<Self, TableError> {
        RateTable::embedded().map(Self::new)
    }

    fn answer(&self, request: &TaxRequest) -> Result<TaxCalculation, Violations> {
        check_lines(request)?;
        // All automatic lines of a document have the same parties and date, hence the same rule. A document of manual
        // lines alone does not need one, and must not fail for want of a rate.
        let automatic = request.lines.iter().any(|line| matches!(line.treatment, TaxTreatment::Automatic { .. }));
        let automatic = if automatic { self.decide(request)? } else { Decision::UNTAXED };
        let lines: Vec<RatedLine> = request.lines.iter().map(|line| rated(line, automatic)).collect();
        compute(request.currency, request.rounding, &lines).map_err(refusal)
    }

    /// What applies to the automatic lines of a request.
    fn decide(&self, request: &TaxRequest) -> Result<Decision<'_>, Violations> {
        let on = request.tax_point;
        let is_registered = |country: Country| {
            request.registrations.iter().any(|registration| {
                registration.country == country && registration.since.is_none_or(|since| since <= on)
            })
        };
        let (seller, customer) = (request.seller_country, request.customer.country);
        if let Some(country) = customer.filter(|country| is_registered(*country)) {
            return self.standard(Rule::RegisteredCountryStandard, country, request);
        }
        if customer.is_some_and(|country| !self.table.is_eu_member(country, on)) {
            return Ok(Decision { rule: Rule::OutsideEu, rate: None });
        }
        // A customer in the seller's own country got here for want of a registration there.
        if is_registered(seller) && self.table.is_eu_member(seller, on) {
            return self.standard(Rule::SellerCountryStandard, seller, request);
        }
        Ok(Decision { rule: Rule::NotRegistered, rate: None })
    }

    fn standard(&self, rule: Rule, country: Country, request: &TaxRequest) -> Result<Decision<'_>, Violations> {
        match self.table.standard(country, request.tax_point) {
            Some(rate) => Ok(Decision { rule, rate: Some(rate) }),
            None => Err(Violations::one(
                "tax_point",
                Invalid::new("NO_TAX_RATE", format!("must be a date for which the tax rate of {country} is known")),
            )),
        }
    }
}

#[async_trait]
impl TaxCalculator for TableTaxCalculator {
    async fn calculate(&self, request: &TaxRequest) -> Result<TaxCalculation, TaxError> {
        self.answer(request).map_err(TaxError::Rejected)
    }
}

/// Why a line has its rates. The codes are stable: they are kept with documents.
#[derive(Debug, Clone, Copy)]
enum Rule {
    ManualRate,
    Untaxed,
    RegisteredCountryStandard,
    SellerCountryStandard,
    OutsideEu,
    NotRegistered,
}

impl Rule {
    const fn code(self) -> &'static str {
        match self {
            Self::ManualRate => "MANUAL_RATE",
            Self::Untaxed => "UNTAXED",
            Self::RegisteredCountryStandard => "REGISTERED_COUNTRY_STANDARD",
            Self::SellerCountryStandard => "SELLER_COUNTRY_STANDARD",
            Self::OutsideEu => "OUTSIDE_EU",
            Self::NotRegistered => "NOT_REGISTERED",
        }
    }
}

/// The rate that a rule chose, or none.
#[derive(Clone, Copy)]
struct Decision<'a> {
    rule: Rule,
    rate: Option<&'a AppliedRate>,
}

impl Decision<'_> {
    const UNTAXED: Self = Self { rule: Rule::Untaxed, rate: None };
}

fn rated(line: &TaxableLine, automatic: Decision<'_>) -> RatedLine {
    let (rule, rates) = match &line.treatment {
        TaxTreatment::Manual(rates) if rates.is_empty() => (Rule::Untaxed, Vec::new()),
        TaxTreatment::Manual(rates) => (Rule::ManualRate, rates.clone()),
        TaxTreatment::Automatic { .. } => (automatic.rule, automatic.rate.cloned().into_iter().collect()),
    };
    RatedLine { amount: line.amount, behavior: line.behavior, rates, rule: rule.code().to_owned() }
}

/// Refuses every line in another currency or with too many rates.
fn check_lines(request: &TaxRequest) -> Result<(), Violations> {
    let mut validator = Validator::new();
    for (index, line) in request.lines.iter().enumerate() {
        if line.amount.currency() != request.currency {
            validator.refuse(&amount_field(index), currency_mismatch(request.currency));
        }
        if matches!(&line.treatment, TaxTreatment::Manual(rates) if rates.len() > TaxTreatment::RATES_MAX) {
            let expected = format!("must have at most {} rates", TaxTreatment::RATES_MAX);
            validator.refuse(&format!("lines[{index}].treatment"), Invalid::new("TOO_MANY", expected));
        }
    }
    validator.finish(Some(()))
}

fn amount_field(line: usize) -> String {
    format!("lines[{line}].amount")
}

fn currency_mismatch(currency: impl std::fmt::Display) -> Invalid {
    Invalid::new("CURRENCY_MISMATCH", format!("must be in {currency} like the whole request"))
}

fn refusal(error: TaxComputeError) -> Violations {
    let invalid = match error.source {
        MoneyError::Overflow => {
            Invalid::new("AMOUNT_OUT_OF_RANGE", "must keep the sums of the document within 64 bits of minor units")
        }
        MoneyError::CurrencyMismatch { left, .. } => currency_mismatch(left),
    };
    Violations::one(amount_field(error.line), invalid)
}

#[cfg(test)]
mod tests;

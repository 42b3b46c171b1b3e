//! A tax calculator over dated rate tables, which are data files with their sources.
//!
//! It knows the standard rates of value-added tax of the 27 Member States of the European Union, and decides by these
//! rules, each under the name that a trace shows:
//!
//! | rule | when | tax |
//! | --- | --- | --- |
//! | `MANUAL_RATE` | the line names rates | those |
//! | `UNTAXED` | the line names that it is not taxed | none |
//! | `REGISTERED_COUNTRY_STANDARD` | the seller is registered in the customer's country | that country's standard rate |
//! | `SELLER_COUNTRY_STANDARD` | the customer is elsewhere in the Union, or unknown, and the seller is registered at home: below the threshold of Directive 2006/112/EC, article 59c | the seller's country's standard rate |
//! | `OUTSIDE_EU` | the customer is outside of the Union | none |
//! | `NOT_REGISTERED` | the seller is registered nowhere that applies | none |
//!
//! Every customer is taken for a consumer. It must not know invoices, storage or providers.

mod table;

use async_trait::async_trait;
use domain::party::Country;
use domain::ports::tax::{TaxCalculator, TaxError};
use domain::tax::{AppliedRate, RatedLine, TaxCalculation, TaxRequest, TaxTreatment, compute};
use domain::validation::{Invalid, Validator, Violations};
use time::Date;

use table::RateTable;
pub use table::TableError;

/// The calculator.
pub struct TableTaxCalculator {
    table: RateTable,
}

impl TableTaxCalculator {
    /// The calculator over the tables that this crate carries.
    ///
    /// # Errors
    /// A table is malformed.
    pub fn new() -> Result<Self, TableError> {
        Ok(Self { table: RateTable::parse(include_str!("../data/eu_vat_standard.toml"))? })
    }

    /// The rates of a line that leaves the choice to the rules, and the rule that chose.
    fn decide(&self, request: &TaxRequest) -> Result<(Vec<AppliedRate>, &'static str), Invalid> {
        let (home, point) = (request.seller_country, request.tax_point);
        let country = request.customer.country.unwrap_or(home);
        let standard = |country: Country, rule| self.standard(country, point).map(|rate| (vec![rate], rule));
        if request.customer.country.is_some() && is_registered(request, country) && self.table.has(country) {
            return standard(country, "REGISTERED_COUNTRY_STANDARD");
        }
        if !self.table.has(country) {
            return Ok((Vec::new(), "OUTSIDE_EU"));
        }
        if is_registered(request, home) && self.table.has(home) {
            return standard(home, "SELLER_COUNTRY_STANDARD");
        }
        Ok((Vec::new(), "NOT_REGISTERED"))
    }

    fn standard(&self, country: Country, point: Date) -> Result<AppliedRate, Invalid> {
        self.table.standard(country, point).cloned().ok_or_else(|| {
            Invalid::new("NO_RATE_FOR_DATE", format!("must be a date for which the rates of {country} are known"))
        })
    }
}

#[async_trait]
impl TaxCalculator for TableTaxCalculator {
    async fn calculate(&self, request: &TaxRequest) -> Result<TaxCalculation, TaxError> {
        let is_automatic = |treatment: &TaxTreatment| matches!(treatment, TaxTreatment::Automatic { .. });
        let automatic = if request.lines.iter().any(|line| is_automatic(&line.treatment)) {
            self.decide(request).map_err(|invalid| TaxError::Rejected(Violations::one("tax_point", invalid)))?
        } else {
            (Vec::new(), "UNTAXED")
        };
        let rated = |line: &domain::tax::TaxableLine| {
            let (rates, rule) = match &line.treatment {
                TaxTreatment::Manual(rates) if rates.is_empty() => (Vec::new(), "UNTAXED"),
                TaxTreatment::Manual(rates) => (rates.clone(), "MANUAL_RATE"),
                TaxTreatment::Automatic { .. } => automatic.clone(),
            };
            RatedLine { amount: line.amount, behavior: line.behavior, rates, rule }
        };
        let lines: Vec<RatedLine> = request.lines.iter().map(rated).collect();
        compute(request.currency, request.rounding, &lines).map_err(|error| {
            let field =
                if error.line < lines.len() { format!("lines[{}].amount", error.line) } else { "lines".to_owned() };
            let mut validator = Validator::new();
            validator.refuse(
                &field,
                Invalid::new("AMOUNT_OUT_OF_RANGE", format!("must be fit to be taxed: {}", error.source)),
            );
            match validator.finish(Some(())) {
                Err(violations) => TaxError::Rejected(violations),
                Ok(()) => TaxError::Unavailable,
            }
        })
    }
}

fn is_registered(request: &TaxRequest, country: Country) -> bool {
    request.registrations.iter().any(|registration| {
        registration.country == country && registration.since.is_none_or(|since| since <= request.tax_point)
    })
}

#[cfg(test)]
mod tests {
    use domain::money::{Currency, Money};
    use domain::seller::TaxRegistration;
    use domain::tax::{TaxBehavior, TaxRounding, TaxableLine, TaxedCustomer};
    use time::macros::date;

    use super::*;

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap()
    }

    async fn taxed(customer: Option<&str>, registered: &[&str], point: Date) -> Result<(String, i64), TaxError> {
        let currency = Currency::parse("EUR").unwrap();
        let request = TaxRequest {
            seller_country: country("SE"),
            registrations: registered
                .iter()
                .map(|code| TaxRegistration { country: country(code), since: None })
                .collect(),
            customer: TaxedCustomer { country: customer.map(country), tax_ids: vec![] },
            tax_point: point,
            currency,
            rounding: TaxRounding::default(),
            lines: vec![TaxableLine {
                amount: Money::new(10_000, currency),
                behavior: TaxBehavior::Exclusive,
                treatment: TaxTreatment::Automatic { tax_code: None },
            }],
        };
        let calculation = TableTaxCalculator::new().unwrap().calculate(&request).await?;
        Ok((calculation.trace[0].rule.clone(), calculation.tax.minor()))
    }

    #[tokio::test]
    async fn registrations_decide_whose_rate_applies() {
        let point = date!(2026 - 11 - 24);
        for (customer, registered, rule, tax) in [
            (Some("SE"), vec!["SE"], "REGISTERED_COUNTRY_STANDARD", 2_500),
            (Some("FI"), vec!["SE", "FI"], "REGISTERED_COUNTRY_STANDARD", 2_550),
            (Some("FI"), vec!["SE"], "SELLER_COUNTRY_STANDARD", 2_500),
            (None, vec!["SE"], "SELLER_COUNTRY_STANDARD", 2_500),
            (Some("US"), vec!["SE"], "OUTSIDE_EU", 0),
            (Some("FI"), vec![], "NOT_REGISTERED", 0),
        ] {
            assert_eq!(
                taxed(customer, &registered, point).await.unwrap(),
                (rule.to_owned(), tax),
                "{customer:?} {registered:?}"
            );
        }
    }

    #[tokio::test]
    async fn the_date_decides_which_rate_applies() {
        let at = |point| taxed(Some("DE"), &["DE"], point);
        assert_eq!(at(date!(2020 - 06 - 30)).await.unwrap().1, 1_900);
        assert_eq!(at(date!(2020 - 07 - 01)).await.unwrap().1, 1_600);
        assert_eq!(at(date!(2021 - 01 - 01)).await.unwrap().1, 1_900);
        assert!(
            matches!(at(date!(1990 - 01 - 01)).await, Err(TaxError::Rejected(violations)) if violations.iter().all(|v| v.field == "tax_point"))
        );
    }
}

//! Dated rates, read from a data file.

use std::collections::BTreeMap;

use domain::party::Country;
use domain::tax::{AppliedRate, Percentage};
use domain::text::DisplayName;
use rust_decimal::Decimal;
use serde::Deserialize;
use time::Date;

/// Why a table was refused.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not of the table's form.
    #[error("the rate table can't be read")]
    Syntax(#[source] toml::de::Error),
    /// A value that makes no sense.
    #[error("the rate table has a bad {what} for {country}")]
    Value {
        /// What is bad.
        what: &'static str,
        /// Where.
        country: String,
    },
}

/// Standard rates by country, each with the first day of its force, in order.
pub(crate) struct RateTable(BTreeMap<Country, Vec<(Date, AppliedRate)>>);

#[derive(Deserialize)]
struct File {
    country: Vec<FileCountry>,
}

#[derive(Deserialize)]
struct FileCountry {
    code: String,
    display_name: String,
    source: String,
    rates: Vec<FileRate>,
}

#[derive(Deserialize)]
struct FileRate {
    since: Date,
    percentage: Decimal,
}

impl RateTable {
    pub(crate) fn parse(text: &str) -> Result<Self, TableError> {
        let file: File = toml::from_str(text).map_err(TableError::Syntax)?;
        let mut table = BTreeMap::new();
        for row in file.country {
            let bad = |what| TableError::Value { what, country: row.code.clone() };
            let country = Country::parse(&row.code).map_err(|_| bad("code"))?;
            let display_name = DisplayName::parse(&row.display_name).map_err(|_| bad("display name"))?;
            let mut rates: Vec<(Date, AppliedRate)> = Vec::with_capacity(row.rates.len());
            for rate in &row.rates {
                if rates.last().is_some_and(|(before, _)| *before >= rate.since) {
                    return Err(bad("order of dates"));
                }
                let applied = AppliedRate {
                    tax_rate_id: None,
                    display_name: display_name.clone(),
                    percentage: Percentage::parse(rate.percentage).map_err(|_| bad("percentage"))?,
                    country: Some(country),
                    source: Some(row.source.clone()),
                    since: Some(rate.since),
                };
                rates.push((rate.since, applied));
            }
            if rates.is_empty() || table.insert(country, rates).is_some() {
                return Err(bad("list of rates"));
            }
        }
        Ok(Self(table))
    }

    /// Whether the country is in the table.
    pub(crate) fn has(&self, country: Country) -> bool {
        self.0.contains_key(&country)
    }

    /// The standard rate of a country on a date.
    pub(crate) fn standard(&self, country: Country, date: Date) -> Option<&AppliedRate> {
        self.0.get(&country)?.iter().rev().find(|(since, _)| *since <= date).map(|(_, rate)| rate)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn table() -> RateTable {
        RateTable::parse(include_str!("../data/eu_vat_standard.toml")).unwrap()
    }

    #[test]
    fn all_27_countries_have_a_rate_on_every_day_since_2010_or_their_accession() {
        let table = table();
        assert_eq!(table.0.len(), 27);
        let croatia = Country::parse("HR").unwrap();
        for (country, rates) in &table.0 {
            let from = if *country == croatia { date!(2013 - 07 - 01) } else { date!(2010 - 01 - 01) };
            assert!(rates[0].0 <= from, "{country}");
        }
    }

    #[test]
    fn standard_rates_keep_to_the_floor_of_the_directive() {
        // Directive 2006/112/EC, article 97: at least 15 %; none is above 27 %.
        let range = Decimal::from(15)..=Decimal::from(27);
        assert!(table().0.values().flatten().all(|(_, rate)| range.contains(&rate.percentage.percent())));
    }

    #[test]
    fn malformed_tables_are_refused() {
        let row = |rates: &str| {
            format!("[[country]]\ncode = \"SE\"\ndisplay_name = \"Moms\"\nsource = \"x\"\nrates = [{rates}]")
        };
        for bad in [
            "",
            &row("{ since = \"2010-01-01\", percentage = \"101\" }"),
            &row("{ since = \"2010-01-01\", percentage = \"25\" }, { since = \"2009-01-01\", percentage = \"20\" }"),
            &row(""),
        ] {
            assert!(RateTable::parse(bad).is_err(), "{bad}");
        }
    }
}

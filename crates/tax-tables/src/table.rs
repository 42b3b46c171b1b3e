//! Dated rates by country, read from TOML. It knows when a rate is in force, and nothing of sellers and customers.

use std::collections::BTreeMap;

use domain::party::Country;
use domain::tax::{AppliedRate, Percentage};
use domain::text::DisplayName;
use domain::validation::Invalid;
use rust_decimal::Decimal;
use serde::Deserialize;
use time::Date;

/// The standard rates of the EU; its sources stand in the file.
const EU_VAT_STANDARD: &str = include_str!("../data/eu_vat_standard.toml");

/// The standard rates of some countries, each in force from its date until the next one's.
#[derive(Debug, Clone)]
pub struct RateTable {
    countries: BTreeMap<Country, CountryRates>,
}

#[derive(Debug, Clone)]
struct CountryRates {
    member_since: Date,
    /// By date, the oldest first; never empty.
    rates: Vec<DatedRate>,
}

#[derive(Debug, Clone)]
struct DatedRate {
    since: Date,
    rate: AppliedRate,
}

/// Table data that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not TOML, or not of the table's form; an unknown country or a malformed date is told here too.
    #[error("the rate table can't be read")]
    Malformed(#[source] Box<toml::de::Error>),
    /// A country stands there twice.
    #[error("{0} is in the rate table twice")]
    Duplicate(Country),
    /// A country has no rates.
    #[error("{0} has no rates in the rate table")]
    NoRates(Country),
    /// A rate does not begin after the one before it.
    #[error("the rate of {country} since {since} is not in the order of dates")]
    OutOfOrder {
        /// Whose rate it is.
        country: Country,
        /// When it begins.
        since: Date,
    },
    /// A name or a percentage is unfit.
    #[error("the rate table has an unfit value for {country}")]
    Unfit {
        /// Whose value it is.
        country: Country,
        /// What was expected.
        #[source]
        source: Invalid,
    },
}

impl RateTable {
    /// The table that is part of the program: the standard VAT of the 27 Member States of the EU.
    ///
    /// # Errors
    /// The program was built with a bad table.
    pub fn embedded() -> Result<Self, TableError> {
        Self::parse(EU_VAT_STANDARD)
    }

    /// Reads a table of the form of the embedded one: for each `[[country]]` its `code`, the `name` of the tax, the date
    /// `member_since` which it is in the EU, a `source`, and `rates`, each with `since`, `percent` and maybe a `source`.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let file: File = toml::from_str(text).map_err(|error| TableError::Malformed(Box::new(error)))?;
        let mut countries = BTreeMap::new();
        for entry in file.country {
            let country = entry.code;
            if countries.insert(country, CountryRates::read(entry)?).is_some() {
                return Err(TableError::Duplicate(country));
            }
        }
        Ok(Self { countries })
    }

    /// The countries of the table.
    pub fn countries(&self) -> impl Iterator<Item = Country> {
        self.countries.keys().copied()
    }

    /// Whether the country is a Member State of the EU on that date.
    pub fn is_eu_member(&self, country: Country, on: Date) -> bool {
        self.countries.get(&country).is_some_and(|rates| rates.member_since <= on)
    }

    /// The standard rate that is in force in the country on that date, if the table has one.
    pub fn standard(&self, country: Country, on: Date) -> Option<&AppliedRate> {
        let rates = &self.countries.get(&country)?.rates;
        let begun = rates.partition_point(|dated| dated.since <= on);
        rates[..begun].last().map(|dated| &dated.rate)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    country: Vec<CountryEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountryEntry {
    code: Country,
    name: String,
    member_since: Date,
    source: String,
    rates: Vec<RateEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateEntry {
    since: Date,
    percent: Decimal,
    source: Option<String>,
}

impl CountryRates {
    fn read(entry: CountryEntry) -> Result<Self, TableError> {
        let country = entry.code;
        let unfit = |source| TableError::Unfit { country, source };
        let display_name = DisplayName::parse(&entry.name).map_err(unfit)?;
        let mut rates: Vec<DatedRate> = Vec::with_capacity(entry.rates.len());
        for RateEntry { since, percent, source } in entry.rates {
            if rates.last().is_some_and(|before| before.since >= since) {
                return Err(TableError::OutOfOrder { country, since });
            }
            let rate = AppliedRate {
                tax_rate_id: None,
                display_name: display_name.clone(),
                percentage: Percentage::parse(percent).map_err(unfit)?,
                country: Some(country),
                source: Some(source.unwrap_or_else(|| entry.source.clone())),
                since: Some(since),
            };
            rates.push(DatedRate { since, rate });
        }
        if rates.is_empty() {
            return Err(TableError::NoRates(country));
        }
        Ok(Self { member_since: entry.member_since, rates })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use time::macros::date;

    use super::*;

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap()
    }

    fn percent(table: &RateTable, code: &str, on: Date) -> Option<String> {
        table.standard(country(code), on).map(|rate| rate.percentage.percent().to_string())
    }

    #[test]
    fn the_embedded_table_covers_the_27_since_2010_or_accession() {
        let table = RateTable::embedded().unwrap();
        let codes: Vec<_> = table.countries().map(Country::alpha2).collect();
        let mut members = [
            "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU",
            "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
        ]
        .map(country);
        members.sort();
        assert_eq!(codes, members.map(Country::alpha2));
        for (country, rates) in &table.countries {
            let needed = rates.member_since.max(date!(2010 - 01 - 01));
            assert!(rates.rates[0].since <= needed, "{country} has a gap");
            assert_eq!(rates.member_since > date!(2010 - 01 - 01), country.alpha2() == "HR", "{country}");
            for pair in rates.rates.windows(2) {
                assert!(pair[0].since < pair[1].since, "{country} overlaps");
                assert_ne!(pair[0].rate.percentage, pair[1].rate.percentage, "{country} changes nothing");
            }
            for DatedRate { rate, .. } in &rates.rates {
                let percent = rate.percentage.percent();
                assert!((Decimal::from(15)..=Decimal::from(27)).contains(&percent), "{country} {percent}");
                assert!(rate.source.as_deref().is_some_and(|source| !source.trim().is_empty()), "{country}");
            }
        }
    }

    #[test]
    fn every_change_since_2010_is_on_its_day() {
        let table = RateTable::embedded().unwrap();
        let changes = [
            ("CY", date!(2012 - 03 - 01), "15", "17"),
            ("CY", date!(2013 - 01 - 14), "17", "18"),
            ("CY", date!(2014 - 01 - 13), "18", "19"),
            ("CZ", date!(2010 - 01 - 01), "19", "20"),
            ("CZ", date!(2013 - 01 - 01), "20", "21"),
            ("DE", date!(2020 - 07 - 01), "19", "16"),
            ("DE", date!(2021 - 01 - 01), "16", "19"),
            ("EE", date!(2024 - 01 - 01), "20", "22"),
            ("EE", date!(2025 - 07 - 01), "22", "24"),
            ("ES", date!(2010 - 07 - 01), "16", "18"),
            ("ES", date!(2012 - 09 - 01), "18", "21"),
            ("FI", date!(2010 - 07 - 01), "22", "23"),
            ("FI", date!(2013 - 01 - 01), "23", "24"),
            ("FI", date!(2024 - 09 - 01), "24", "25.5"),
            ("FR", date!(2014 - 01 - 01), "19.6", "20"),
            ("GR", date!(2010 - 03 - 15), "19", "21"),
            ("GR", date!(2010 - 07 - 01), "21", "23"),
            ("GR", date!(2016 - 06 - 01), "23", "24"),
            ("HU", date!(2012 - 01 - 01), "25", "27"),
            ("IE", date!(2010 - 01 - 01), "21.5", "21"),
            ("IE", date!(2012 - 01 - 01), "21", "23"),
            ("IE", date!(2020 - 09 - 01), "23", "21"),
            ("IE", date!(2021 - 03 - 01), "21", "23"),
            ("IT", date!(2011 - 09 - 17), "20", "21"),
            ("IT", date!(2013 - 10 - 01), "21", "22"),
            ("LU", date!(2015 - 01 - 01), "15", "17"),
            ("LU", date!(2023 - 01 - 01), "17", "16"),
            ("LU", date!(2024 - 01 - 01), "16", "17"),
            ("LV", date!(2011 - 01 - 01), "21", "22"),
            ("LV", date!(2012 - 07 - 01), "22", "21"),
            ("NL", date!(2012 - 10 - 01), "19", "21"),
            ("PL", date!(2011 - 01 - 01), "22", "23"),
            ("PT", date!(2010 - 07 - 01), "20", "21"),
            ("PT", date!(2011 - 01 - 01), "21", "23"),
            ("RO", date!(2010 - 07 - 01), "19", "24"),
            ("RO", date!(2016 - 01 - 01), "24", "20"),
            ("RO", date!(2017 - 01 - 01), "20", "19"),
            ("RO", date!(2025 - 08 - 01), "19", "21"),
            ("SI", date!(2013 - 07 - 01), "20", "22"),
            ("SK", date!(2011 - 01 - 01), "19", "20"),
            ("SK", date!(2025 - 01 - 01), "20", "23"),
        ];
        for (code, on, before, after) in changes {
            assert_eq!(percent(&table, code, on - Duration::DAY).as_deref(), Some(before), "{code} before {on}");
            assert_eq!(percent(&table, code, on).as_deref(), Some(after), "{code} on {on}");
        }
        let in_table = table.countries.values().flat_map(|c| &c.rates).filter(|r| r.since >= date!(2010 - 01 - 01));
        // HR's only rate began after 2010 without one before it.
        assert_eq!(in_table.count(), changes.len() + 1);
    }

    #[test]
    fn countries_without_changes_have_their_one_rate() {
        let table = RateTable::embedded().unwrap();
        let steady = [("AT", "20"), ("BE", "21"), ("BG", "20"), ("DK", "25"), ("LT", "21"), ("MT", "18"), ("SE", "25")];
        for (code, rate) in steady {
            for on in [date!(2010 - 01 - 01), date!(2026 - 01 - 01)] {
                assert_eq!(percent(&table, code, on).as_deref(), Some(rate), "{code} on {on}");
            }
        }
        assert_eq!(percent(&table, "HR", date!(2013 - 07 - 01)).as_deref(), Some("25"));
        assert_eq!(percent(&table, "GB", date!(2015 - 01 - 01)), None);
    }

    #[test]
    fn croatia_is_a_member_from_its_accession_on() {
        let table = RateTable::embedded().unwrap();
        assert!(!table.is_eu_member(country("HR"), date!(2013 - 06 - 30)));
        assert!(table.is_eu_member(country("HR"), date!(2013 - 07 - 01)));
        assert!(!table.is_eu_member(country("NO"), date!(2026 - 01 - 01)));
    }

    fn parsed(name: &str, rates: &str) -> Result<RateTable, TableError> {
        RateTable::parse(&entry("SE", name, rates))
    }

    fn entry(code: &str, name: &str, rates: &str) -> String {
        format!(
            "[[country]]\ncode = '{code}'\nname = '{name}'\nmember_since = '1995-01-01'\nsource = 's'\nrates = [{rates}]\n"
        )
    }

    #[test]
    fn bad_data_is_a_typed_error() {
        const RATE: &str = "{ since = '2010-01-01', percent = '25' }";
        assert!(parsed("Moms", RATE).is_ok());
        assert!(matches!(RateTable::parse("country = 1"), Err(TableError::Malformed(_))));
        assert!(matches!(RateTable::parse(&entry("XX", "VAT", RATE)), Err(TableError::Malformed(_))));
        assert!(matches!(parsed("Moms", "{ since = '2010-13-01', percent = '25' }"), Err(TableError::Malformed(_))));
        assert!(matches!(
            parsed("Moms", "{ since = '2010-01-01', percent = '25', until = '2011-01-01' }"),
            Err(TableError::Malformed(_))
        ));
        assert!(matches!(parsed("", RATE), Err(TableError::Unfit { .. })));
        assert!(matches!(parsed("Moms", "{ since = '2010-01-01', percent = '250' }"), Err(TableError::Unfit { .. })));
        assert!(matches!(parsed("Moms", ""), Err(TableError::NoRates(_))));
        assert!(matches!(parsed("Moms", &format!("{RATE}, {RATE}")), Err(TableError::OutOfOrder { .. })));
        let twice = entry("SE", "Moms", RATE) + &entry("SE", "Moms", RATE);
        assert!(matches!(RateTable::parse(&twice), Err(TableError::Duplicate(_))));
    }

    proptest! {
        #[test]
        fn any_member_has_a_rate_on_any_day_and_it_has_begun(days in 0i64..20_000, index in 0usize..27) {
            let table = RateTable::embedded().unwrap();
            let on = date!(2010 - 01 - 01) + Duration::days(days);
            let country = table.countries().nth(index).unwrap();
            prop_assume!(table.is_eu_member(country, on));
            let rate = table.standard(country, on).unwrap();
            prop_assert!(rate.since.unwrap() <= on);
            prop_assert_eq!(rate.country, Some(country));
        }
    }
}

//! Where a seller is registered for tax, as the file says it. What there can be, the tax tables know.

use domain::party::Country;
use domain::ports::tax::TaxRegistrationRules;
use domain::tax::{Jurisdiction, TaxRegistration, TaxScheme};
use domain::validation::{Invalid, Validator};
use serde::Deserialize;
use time::Date;

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileRegistration {
    country: String,
    /// The part of the country that registered the seller, such as QC; the country itself where empty.
    subdivision: String,
    scheme: TaxScheme,
    since: Option<FileDate>,
    until: Option<FileDate>,
}

impl FileRegistration {
    /// One of that country for supplies there, always in force.
    pub(super) fn of(country: &str) -> Self {
        Self { country: country.to_owned(), ..Self::default() }
    }
}

/// A date, as TOML writes it or as a text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a date such as 2024-01-01")]
enum FileDate {
    Toml(toml::value::Datetime),
    Text(String),
}

impl FileDate {
    fn parse(&self) -> Result<Date, Invalid> {
        let text = match self {
            Self::Toml(date) => date.to_string(),
            Self::Text(text) => text.clone(),
        };
        let format = time::macros::format_description!("[year]-[month]-[day]");
        Date::parse(&text, format).map_err(|_| Invalid::new("MALFORMED_DATE", "must be a date such as 2024-01-01"))
    }
}

/// The registrations of a seller that is established in `country`; where that is none, what depends on it is not checked.
pub(super) fn tax_registrations(
    v: &mut Validator,
    rules: &dyn TaxRegistrationRules,
    country: &str,
    rows: &[FileRegistration],
) -> Option<Vec<TaxRegistration>> {
    let seller = Country::parse(country).ok().map(Jurisdiction::of);
    let mut read: Vec<Option<TaxRegistration>> = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let registration = v.within(&format!("tax_registrations[{index}]"), |v| {
            let registration = registration(v, row)?;
            if let Some(Err(violations)) = seller.map(|seller| rules.check(seller, &registration)) {
                let violations = violations.renamed("jurisdiction.country", "country");
                v.absorb(violations.renamed("jurisdiction.subdivision", "subdivision"));
            }
            if read.iter().flatten().any(|earlier| earlier.overlaps(&registration)) {
                let expected =
                    "must not be of the same authority and scheme as an earlier one on some of the same days";
                v.refuse("", Invalid::new("TAX_REGISTRATION_OVERLAPS", expected));
            }
            Some(registration)
        });
        read.push(registration);
    }
    read.into_iter().collect()
}

fn registration(v: &mut Validator, row: &FileRegistration) -> Option<TaxRegistration> {
    let country = v.check("country", Country::parse(&row.country));
    let since = v.check_optional("since", row.since.as_ref(), FileDate::parse);
    let until = v.check_optional("until", row.until.as_ref(), FileDate::parse);
    let jurisdiction = match row.subdivision.as_str() {
        "" => country.map(Jurisdiction::of),
        code => country.and_then(|country| v.check("subdivision", Jurisdiction::part(country, code))),
    };
    Some(TaxRegistration { jurisdiction: jurisdiction?, scheme: row.scheme, since: since?, until: until? })
}

#[cfg(test)]
mod tests {
    use tax_tables::TableTaxCalculator;

    use super::*;

    #[derive(Deserialize)]
    struct File {
        tax_registrations: Vec<FileRegistration>,
    }

    fn refused(country: &str, rows: &str) -> Vec<(String, String)> {
        let file: File = toml::from_str(&format!("tax_registrations = [{rows}]")).unwrap();
        let mut validator = Validator::new();
        let rules = TableTaxCalculator::embedded().unwrap();
        let read = tax_registrations(&mut validator, &rules, country, &file.tax_registrations);
        match validator.finish(read) {
            Ok(_) => Vec::new(),
            Err(violations) => violations.iter().map(|v| (v.field.clone(), v.rule.clone())).collect(),
        }
    }

    #[test]
    fn every_registration_that_nobody_can_have_is_told_at_once() {
        let rows = r#"{ country = "SE" }, { country = "FI", scheme = "union_oss" }, { country = "CA", subdivision = "ZZ" },
            { country = "DE", subdivision = "BY" }, { country = "SE", since = 2026-01-01 }, { country = "XX" },
            { country = "NO", since = 2026-01-02, until = "2026-01-01" }, { country = "SE", scheme = "non_union_oss" }"#;
        let expected = [
            ("tax_registrations[1].country", "NOT_SELLERS_COUNTRY"),
            ("tax_registrations[2].subdivision", "UNKNOWN_SUBDIVISION"),
            ("tax_registrations[3].subdivision", "UNTAXED_SUBDIVISION"),
            ("tax_registrations[4]", "TAX_REGISTRATION_OVERLAPS"),
            ("tax_registrations[5].country", "UNKNOWN_COUNTRY"),
            ("tax_registrations[6].until", "ENDS_BEFORE_BEGIN"),
            ("tax_registrations[7].scheme", "SCHEME_NOT_OPEN"),
        ];
        assert_eq!(refused("SE", rows), expected.map(|(at, rule)| (at.to_owned(), rule.to_owned())));
    }

    #[test]
    fn registrations_as_sellers_have_them_are_taken() {
        let rows = r#"{ country = "SE" }, { country = "SE", scheme = "union_oss", since = 2021-07-01 },
            { country = "CA" }, { country = "CA", subdivision = "QC" }, { country = "US", subdivision = "CA" }"#;
        assert_eq!(refused("SE", rows), []);
    }
}

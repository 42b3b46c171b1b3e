//! Which registrations there can be: of the jurisdictions that levy a tax, and for whom a one-stop shop is open. It must not
//! know rates, nor where a registration is kept.

use domain::ports::tax::TaxRegistrationRules;
use domain::tax::{Jurisdiction, TaxRegistration, TaxScheme};
use domain::validation::{Invalid, Validator, Violations};

use crate::calculator::TableTaxCalculator;
use crate::place::taxed_as;
use crate::table::{PartRelation, RateTable};

const COUNTRY: &str = "jurisdiction.country";
const SUBDIVISION: &str = "jurisdiction.subdivision";

impl TaxRegistrationRules for TableTaxCalculator {
    fn check(&self, seller: Jurisdiction, registration: &TaxRegistration) -> Result<(), Violations> {
        let mut validator = Validator::new();
        validator.check("until", registration.check_end());
        check_jurisdiction(&mut validator, &self.table, registration.jurisdiction);
        if validator.check("scheme", registration.check_scheme()).is_some() {
            check_one_stop_shop(&mut validator, &self.table, taxed_as(seller), registration);
        }
        validator.finish(Some(()))
    }
}

/// Refuses a jurisdiction without a tax of its own. Of countries that the table does not know any part will do: tax there is
/// by manual rates.
fn check_jurisdiction(v: &mut Validator, table: &RateTable, jurisdiction: Jurisdiction) {
    let country = Jurisdiction::of(jurisdiction.country());
    let taxed_as = taxed_as(country);
    if taxed_as != country {
        let expected = format!("must be {taxed_as}, whose tax {country} has");
        v.refuse(COUNTRY, Invalid::new("TAXED_AS_ANOTHER", expected));
        return;
    }
    if jurisdiction.subdivision().is_none() || !table.contains(&country) {
        return;
    }
    let parts = table.parts_of(country.country());
    let taxed: Vec<_> = parts.filter(|part| table.relation(part) != Some(PartRelation::Untaxed)).collect();
    if taxed.contains(&jurisdiction) {
        return;
    }
    let invalid = match table.relation(&jurisdiction) {
        _ if taxed.is_empty() => {
            let expected = format!("must be empty: parts of {country} have no tax of their own");
            Invalid::new("UNTAXED_SUBDIVISION", expected)
        }
        Some(_) => Invalid::new("UNTAXED_SUBDIVISION", format!("must be empty: {jurisdiction} has no tax of its own")),
        None => {
            let known: Vec<_> = taxed.iter().filter_map(Jurisdiction::subdivision).collect();
            let expected = format!("must be a part of {country} with a tax of its own: {}", known.join(", "));
            Invalid::new("UNKNOWN_SUBDIVISION", expected)
        }
    };
    v.refuse(SUBDIVISION, invalid);
}

/// Refuses a one-stop shop that is not open to the seller (Directive 2006/112/EC, art. 358a and 369a): that of the Union is
/// the seller's own Member State's, and the other one is for sellers that are established in none.
fn check_one_stop_shop(v: &mut Validator, table: &RateTable, seller: Jurisdiction, registration: &TaxRegistration) {
    let of = registration.jurisdiction.country();
    let is_member = |country| table.is_eu_member_throughout(country, registration.since, registration.until);
    match registration.scheme {
        TaxScheme::Standard => {}
        TaxScheme::UnionOss if !is_member(seller.country()) => {
            let expected = "must not be union_oss: the seller is not established in the EU on all of these days";
            v.refuse("scheme", Invalid::new("SCHEME_NOT_OPEN", expected));
        }
        TaxScheme::UnionOss if of != seller.country() => {
            let expected = format!("must be {}: union_oss is of the seller's own Member State", seller.country());
            v.refuse(COUNTRY, Invalid::new("NOT_SELLERS_COUNTRY", expected));
        }
        TaxScheme::UnionOss => {}
        TaxScheme::NonUnionOss => {
            if is_member(seller.country()) {
                let expected = "must not be non_union_oss: the seller is established in the EU";
                v.refuse("scheme", Invalid::new("SCHEME_NOT_OPEN", expected));
            }
            if !is_member(of) {
                let expected = "must be a Member State of the EU on all of these days: non_union_oss is of one";
                v.refuse(COUNTRY, Invalid::new("NOT_MEMBER_STATE", expected));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn refused(seller: &str, registration: &TaxRegistration) -> Vec<(String, String)> {
        let rules = TableTaxCalculator::embedded().unwrap();
        match rules.check(Jurisdiction::parse(seller).unwrap(), registration) {
            Ok(()) => Vec::new(),
            Err(violations) => violations.iter().map(|v| (v.field.clone(), v.rule.clone())).collect(),
        }
    }

    fn of(code: &str, scheme: TaxScheme) -> TaxRegistration {
        TaxRegistration { scheme, ..TaxRegistration::standard(Jurisdiction::parse(code).unwrap()) }
    }

    fn check(seller: &str, registration: &TaxRegistration, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(at, rule)| ((*at).to_owned(), (*rule).to_owned())).collect();
        assert_eq!(refused(seller, registration), expected, "{seller} {registration:?}");
    }

    #[test]
    fn a_part_of_a_country_has_to_have_a_tax_of_its_own() {
        for (code, expected) in [
            ("SE", &[][..]),
            ("CA", &[]),
            ("CA-QC", &[]),
            ("CA-ON", &[]),
            // Not in the tables: tax there is by manual rates.
            ("US-CA", &[]),
            ("CA-ZZ", &[(SUBDIVISION, "UNKNOWN_SUBDIVISION")]),
            ("CA-AB", &[(SUBDIVISION, "UNTAXED_SUBDIVISION")]),
            ("DE-BY", &[(SUBDIVISION, "UNTAXED_SUBDIVISION")]),
            ("MC", &[(COUNTRY, "TAXED_AS_ANOTHER")]),
            ("IM", &[(COUNTRY, "TAXED_AS_ANOTHER")]),
        ] {
            check("SE", &of(code, TaxScheme::Standard), expected);
        }
    }

    #[test]
    fn a_one_stop_shop_is_open_to_sellers_of_its_own_kind_alone() {
        use TaxScheme::{NonUnionOss, UnionOss};
        for (seller, code, scheme, expected) in [
            ("SE", "SE", UnionOss, &[][..]),
            ("MC", "FR", UnionOss, &[]),
            ("SE", "FI", UnionOss, &[(COUNTRY, "NOT_SELLERS_COUNTRY")]),
            ("NO", "IE", UnionOss, &[("scheme", "SCHEME_NOT_OPEN")]),
            ("NO", "NO", UnionOss, &[("scheme", "SCHEME_NOT_OPEN")]),
            ("NO", "IE", NonUnionOss, &[]),
            ("NO", "NO", NonUnionOss, &[(COUNTRY, "NOT_MEMBER_STATE")]),
            ("SE", "IE", NonUnionOss, &[("scheme", "SCHEME_NOT_OPEN")]),
            ("SE", "CA-QC", UnionOss, &[("scheme", "SCHEME_OF_COUNTRY")]),
        ] {
            check(seller, &of(code, scheme), expected);
        }
    }

    #[test]
    fn a_state_that_left_the_eu_has_a_one_stop_shop_up_to_then() {
        let british = of("GB", TaxScheme::UnionOss);
        let until = |until| TaxRegistration { until: Some(until), ..british };
        check("GB", &until(date!(2020 - 12 - 31)), &[]);
        check("GB", &until(date!(2021 - 01 - 01)), &[("scheme", "SCHEME_NOT_OPEN")]);
        check("GB", &british, &[("scheme", "SCHEME_NOT_OPEN")]);
        let after = TaxRegistration { since: Some(date!(2021 - 01 - 01)), ..of("IE", TaxScheme::NonUnionOss) };
        check("GB", &after, &[]);
        let too_early = TaxRegistration { since: Some(date!(2013 - 06 - 30)), ..of("HR", TaxScheme::UnionOss) };
        check("HR", &too_early, &[("scheme", "SCHEME_NOT_OPEN")]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let backwards = TaxRegistration {
            since: Some(date!(2026 - 01 - 01)),
            until: Some(date!(2025 - 12 - 31)),
            ..of("CA-ZZ", TaxScheme::UnionOss)
        };
        let expected =
            [("until", "ENDS_BEFORE_BEGIN"), (SUBDIVISION, "UNKNOWN_SUBDIVISION"), ("scheme", "SCHEME_OF_COUNTRY")];
        check("SE", &backwards, &expected);
    }
}

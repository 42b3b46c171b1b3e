//! What the embedded table answers, and what a table is refused for.

mod bad_data;
mod reduced;
mod standard;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use time::Duration;
use time::macros::date;

use super::*;

/// The days on which every jurisdiction of the table has rates.
const RECENT: Date = date!(2020 - 01 - 01);
const TODAY: Date = date!(2026 - 11 - 24);

/// The embedded table, read once for all tests.
fn table() -> &'static RateTable {
    static TABLE: LazyLock<RateTable> = LazyLock::new(|| RateTable::embedded().unwrap());
    &TABLE
}

fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

fn jurisdiction(code: &str) -> Jurisdiction {
    Jurisdiction::parse(code).unwrap()
}

fn tax_code(code: &str) -> TaxCode {
    TaxCode::parse(code).unwrap()
}

/// The percentage in force, `-` for none.
fn percent(table: &RateTable, code: &str, kind: Option<&str>, on: Date) -> String {
    let kind = kind.map(tax_code);
    let rate = table.rate(&jurisdiction(code), kind.as_ref(), on);
    rate.map_or_else(|| "-".to_owned(), |rate| rate.percentage.percent().to_string())
}

/// Every rate of the table.
fn rates(table: &RateTable) -> impl Iterator<Item = (Jurisdiction, &history::DatedRate)> {
    table.jurisdictions.iter().flat_map(|(jurisdiction, rates)| {
        let lists = std::iter::once(&rates.standard).chain(&rates.reduced);
        lists.flat_map(|list| &list.0).map(|dated| (*jurisdiction, dated))
    })
}

#[test]
fn every_rate_tells_its_source_its_country_and_its_day() {
    let table = table();
    for (jurisdiction, dated) in rates(table) {
        let rate = &dated.rate;
        assert!(rate.source.as_deref().is_some_and(|source| source.len() > 10), "{jurisdiction} {rate:?}");
        assert_eq!(rate.jurisdiction, Some(jurisdiction));
        assert_eq!(rate.since, dated.began.then_some(dated.from), "{jurisdiction}");
        assert_eq!(rate.tax_rate_id, None);
        assert!(rate.percentage.percent() <= 27.into(), "{jurisdiction} {rate:?}");
    }
}

#[test]
fn rates_follow_one_another_and_each_changes_something() {
    for rates in table().jurisdictions.values() {
        for list in std::iter::once(&rates.standard).chain(&rates.reduced) {
            for pair in list.0.windows(2) {
                assert!(pair[0].until.map_or(pair[0].from, |until| until) < pair[1].from);
                let follows = pair[0].until.is_none();
                assert!(!follows || pair[0].rate.percentage != pair[1].rate.percentage, "{pair:?}");
            }
        }
    }
}

#[test]
fn callers_are_told_every_tax_code() {
    let told = include_str!("../../../../proto/paylinks/v1/tax.proto");
    for entry in RateTable::embedded().unwrap().tax_codes() {
        let code = entry.code.as_str();
        assert!(told.contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn every_tax_code_is_general_or_some_jurisdiction_taxes_it_apart() {
    let table = table();
    let used: BTreeSet<_> = table.jurisdictions.values().flat_map(|rates| rates.reduced_by_code.keys()).collect();
    let unused: Vec<_> = table.tax_codes().enumerate().filter(|(index, _)| !used.contains(index)).collect();
    let unused: Vec<_> = unused.iter().map(|(_, entry)| entry.code.as_str()).collect();
    assert_eq!(unused, ["goods", "shipping", "electronic_service", "service", "nontaxable"]);
}

#[test]
fn a_tax_code_is_found_by_its_aliases_and_has_their_rate() {
    let table = table();
    for (alias, code, supply) in [
        ("txcd_99999999", "goods", Supply::Goods),
        ("txcd_10000000", "electronic_service", Supply::ElectronicService),
        ("txcd_10103001", "electronic_service", Supply::ElectronicService),
        ("txcd_20030000", "service", Supply::Service),
        ("txcd_00000000", "nontaxable", Supply::Nontaxable),
        ("txcd_35010000", "book", Supply::Goods),
        ("txcd_10302000", "ebook", Supply::ElectronicService),
        ("txcd_35020100", "newspaper", Supply::Goods),
        ("txcd_35020200", "periodical", Supply::Goods),
        ("txcd_40040000", "food", Supply::Goods),
        ("txcd_40060003", "restaurant_meal", Supply::Service),
        ("txcd_32020002", "medicine", Supply::Goods),
        ("txcd_30011200", "childrens_clothing", Supply::Goods),
    ] {
        let entry = table.tax_code(&tax_code(alias)).unwrap();
        assert_eq!((entry.code.as_str(), entry.supply), (code, supply));
        assert_eq!(table.tax_code(&tax_code(code)), Some(entry));
        for at in ["SE", "CA-QC", "JP"] {
            assert_eq!(percent(table, at, Some(alias), TODAY), percent(table, at, Some(code), TODAY), "{alias} {at}");
        }
    }
    assert_eq!(table.tax_code(&tax_code("books")), None);
}

#[test]
fn a_code_that_nothing_defines_has_the_standard_rate() {
    assert_eq!(percent(table(), "SE", Some("books"), TODAY), "25");
}

#[test]
fn nothing_has_a_rate_outside_of_the_scope_of_tax() {
    let table = table();
    for jurisdiction in table.jurisdictions() {
        assert_eq!(table.rate(&jurisdiction, Some(&tax_code("nontaxable")), TODAY), None, "{jurisdiction}");
    }
}

#[test]
fn a_code_that_does_not_tell_the_rate_has_none_and_a_reason() {
    let table = table();
    let reason = |code, kind, on| table.undetermined(&jurisdiction(code), &tax_code(kind), on);
    for (code, kind, undetermined, told) in [
        ("HU", "food", TODAY, None),
        ("DK", "book", date!(2026 - 01 - 01), Some(date!(2025 - 12 - 31))),
        ("CA-BC", "service", TODAY, None),
        ("CA-MB", "electronic_service", date!(2025 - 12 - 31), Some(date!(2026 - 01 - 01))),
    ] {
        assert_eq!(percent(table, code, Some(kind), undetermined), "-", "{code} {kind}");
        assert!(reason(code, kind, undetermined).is_some_and(|reason| !reason.is_empty()), "{code} {kind}");
        if let Some(told) = told {
            assert_ne!(percent(table, code, Some(kind), told), "-", "{code} {kind}");
            assert_eq!(reason(code, kind, told), None, "{code} {kind}");
        }
    }
    assert_eq!(reason("SE", "food", TODAY), None);
    assert_eq!(reason("US", "food", TODAY), None);
}

#[test]
fn what_was_charged_before_the_first_known_day_is_not_known() {
    let table = table();
    // The rate of printed books began before 2020, that of electronic ones on its day.
    assert_eq!(percent(table, "AT", Some("book"), date!(2019 - 12 - 31)), "-");
    assert_eq!(percent(table, "AT", Some("ebook"), date!(2019 - 12 - 31)), "20");
    // The day on which 3 % replaced 5 % in summer 2023 is not known.
    assert_eq!(percent(table, "CY", Some("book"), date!(2023 - 08 - 01)), "-");
    let rate = table.rate(&jurisdiction("CY"), Some(&tax_code("book")), TODAY).unwrap();
    assert_eq!(rate.since, None);
}

#[test]
fn canada_has_every_province_and_territory_with_its_relation() {
    let table = table();
    let with = |wanted: PartRelation| {
        let parts = table.parts_of(country("CA"));
        let parts = parts.filter(|part| table.relation(part) == Some(wanted));
        parts.map(|part| part.subdivision().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(with(PartRelation::Replaces), "NB NL NS ON PE");
    assert_eq!(with(PartRelation::Adds), "BC MB QC SK");
    assert_eq!(with(PartRelation::Untaxed), "AB NT NU YT");
    assert_eq!(table.parts_of(country("CA")).count(), 13);
    for code in ["BR", "CH", "SE", "US"] {
        assert_eq!(table.parts_of(country(code)).count(), 0, "{code}");
    }
    assert_eq!(table.relation(&jurisdiction("CA")), None);
    assert_eq!(table.relation(&jurisdiction("CA-XX")), None);
    assert!(table.contains(&jurisdiction("CA-AB")) && !table.contains(&jurisdiction("CA-XX")));
}

#[test]
fn membership_in_the_eu_has_its_days() {
    let table = table();
    for (code, first, last) in [
        ("SE", Some(date!(1995 - 01 - 01)), None),
        ("HR", Some(date!(2013 - 07 - 01)), None),
        ("GB", Some(date!(1973 - 01 - 01)), Some(date!(2020 - 12 - 31))),
    ] {
        let is_member = |on| table.is_eu_member(country(code), on);
        if let Some(first) = first {
            assert!(!is_member(first - Duration::DAY) && is_member(first), "{code}");
        }
        match last {
            Some(last) => assert!(is_member(last) && !is_member(last + Duration::DAY), "{code}"),
            None => assert!(is_member(TODAY), "{code}"),
        }
    }
    for code in ["NO", "CH", "CA", "US"] {
        assert!(!table.is_eu_member(country(code), TODAY), "{code}");
    }
    let members = table.jurisdictions().filter(|jurisdiction| table.is_eu_member(jurisdiction.country(), TODAY));
    assert_eq!(members.count(), 27);
}

proptest! {
    #[test]
    fn a_rate_that_is_in_force_has_begun(days in 0i64..20_000, place in 0usize..100, kind in 0usize..100) {
        let table = table();
        let on = date!(2000 - 01 - 01) + Duration::days(days);
        let jurisdictions: Vec<_> = table.jurisdictions().collect();
        let kinds: Vec<_> = table.tax_codes().map(|entry| entry.code.clone()).collect();
        let (at, kind) = (&jurisdictions[place % jurisdictions.len()], &kinds[kind % kinds.len()]);
        if let Some(rate) = table.rate(at, Some(kind), on) {
            prop_assert!(rate.since.is_none_or(|since| since <= on));
            prop_assert_eq!(rate.jurisdiction, Some(*at));
            prop_assert!(table.undetermined(at, kind, on).is_none());
        }
    }
}

//! A bad file is refused, and the error names what is bad.

use std::error::Error;

use super::*;

const TAX_CODES: &str = "[[tax_code]]\ncode = 'book'\nname = 'Books'\nsupply = 'goods'\naliases = ['other_book']\n\
                         [[tax_code]]\ncode = 'food'\nname = 'Food'\nsupply = 'goods'\n";
const SE: &str = "[[jurisdiction]]\ncode = 'SE'\nname = 'Moms'\nsource = 'law'\n";
const RATE: &str = "{ since = '2010-01-01', percent = '25' }";

fn parsed(rates: &str) -> Result<RateTable, TableError> {
    RateTable::parse(("codes.toml", TAX_CODES), &[("rates.toml", rates)])
}

/// Sweden with a standard rate and `more`.
fn sweden(more: &str) -> String {
    format!("{SE}rates = [{RATE}]\n{more}\n")
}

fn reduced(tax_codes: &str, rates: &str) -> String {
    sweden(&format!("[[jurisdiction.reduced]]\ntax_codes = [{tax_codes}]\nsource = 'law'\nrates = [{rates}]"))
}

/// What the error says, with its sources.
fn refusal(result: Result<RateTable, TableError>) -> String {
    let error = result.unwrap_err();
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        told = format!("{told}: {inner}");
        source = inner.source();
    }
    told
}

fn check(rates: &str, expected: &str) {
    let told = refusal(parsed(rates));
    assert!(told.contains(expected), "{told}\n{rates}");
}

#[test]
fn the_smallest_table_is_fit() {
    let table = parsed(&reduced("'book'", "{ since = '2011-01-01', percent = '6', until = '2011-12-31' }")).unwrap();
    for (on, expected) in [
        (date!(2009 - 12 - 31), "-"),
        (date!(2010 - 12 - 31), "25"),
        (date!(2011 - 01 - 01), "6"),
        (date!(2011 - 12 - 31), "6"),
        (date!(2012 - 01 - 01), "25"),
    ] {
        assert_eq!(percent(&table, "SE", Some("other_book"), on), expected, "{on}");
    }
}

#[test]
fn a_file_of_another_form_is_named_with_the_place() {
    check("jurisdiction = 1", "rates.toml");
    check(&sweden("colour = 'blue'"), "colour");
    check(&sweden("").replace("'SE'", "'XX'"), "ISO 3166-1");
    check(&sweden("").replace("2010-01-01", "2010-13-01"), "rates.toml");
    check(&sweden("").replace("'25'", "'many'"), "rates.toml");
    check(&sweden("relation = 'beside'"), "beside");
    let told = refusal(RateTable::parse(("codes.toml", "tax_code = 1"), &[]));
    assert!(told.contains("codes.toml"), "{told}");
}

#[test]
fn what_stands_twice_is_named() {
    let twice = sweden("") + &sweden("");
    assert!(matches!(parsed(&twice), Err(TableError::DuplicateJurisdiction(_))));
    check(&twice, "SE");
    let files = [("one.toml", &*sweden("")), ("two.toml", &*sweden(""))];
    assert!(matches!(RateTable::parse(("codes.toml", TAX_CODES), &files), Err(TableError::DuplicateJurisdiction(_))));
    for code in ["book", "other_book"] {
        let codes = format!("{TAX_CODES}[[tax_code]]\ncode = '{code}'\nname = 'More'\nsupply = 'goods'\n");
        let told = refusal(RateTable::parse(("codes.toml", &codes), &[]));
        assert!(told.contains(code), "{told}");
    }
    check(&reduced("'book', 'book'", RATE), "SE lists the tax code book twice");
    let lists = reduced("'book'", RATE) + "\n[[jurisdiction.reduced]]\ntax_codes = ['food', 'book']\nsource = 'law'\n";
    check(&format!("{lists}rates = [{RATE}]"), "SE lists the tax code book twice");
    let undetermined = "[[jurisdiction.undetermined]]\ntax_codes = ['book']\nreason = 'mixed'\n";
    check(&(reduced("'book'", RATE) + undetermined), "SE lists the tax code book twice");
    assert!(parsed(&(reduced("'book'", RATE) + undetermined + "since = '2020-01-01'\n")).is_ok());
}

#[test]
fn a_tax_code_must_be_defined_and_stand_by_its_own_name() {
    check(&reduced("'boook'", RATE), "SE has rates for the unknown tax code boook");
    check(&reduced("'other_book'", RATE), "SE has rates for the unknown tax code other_book");
    check(
        &sweden("[[jurisdiction.undetermined]]\ntax_codes = ['boook']\nreason = 'mixed'"),
        "SE has rates for the unknown tax code boook",
    );
}

#[test]
fn rates_must_be_in_the_order_of_their_days() {
    for (first, second) in [
        ("{ since = '2010-01-01', percent = '6' }", "{ since = '2010-01-01', percent = '7' }"),
        ("{ since = '2012-01-01', percent = '6' }", "{ since = '2010-01-01', percent = '7' }"),
        ("{ since = '2009-01-01', until = '2010-01-01', percent = '6' }", "{ since = '2010-01-01', percent = '7' }"),
        ("{ since = '2009-01-01', percent = '6' }", "{ by = '2010-01-01', percent = '7' }"),
    ] {
        check(&reduced("'book'", &format!("{first}, {second}")), "a period of SE at 2010-01-01");
    }
    check(
        &reduced("'book'", "{ since = '2011-01-01', until = '2010-12-31', percent = '6' }"),
        "a period of SE at 2010-12-31",
    );
    check(
        &sweden("").replace("rates", "eu_member_since = '2000-01-01'\neu_member_until = '1999-01-01'\nrates"),
        "1999",
    );
}

#[test]
fn a_rate_begins_once_and_a_standard_rate_never_ends() {
    check(&reduced("'book'", "{ percent = '6' }"), "a rate of SE must have one of since and by");
    check(&reduced("'book'", "{ since = '2010-01-01', by = '2010-01-01', percent = '6' }"), "one of since and by");
    check(&reduced("'book'", ""), "SE has a list without rates");
    check(SE, "SE has a list without rates");
    check(&sweden("").replace("percent", "until = '2012-01-01', percent"), "a standard rate of SE must not end");
}

#[test]
fn a_source_must_stand_where_a_figure_does() {
    check(&sweden("").replace("'law'", "' '"), "SE has a rate without a source");
    check(&sweden("").replace("source = 'law'\n", ""), "SE has a rate without a source");
    let list = format!("[[jurisdiction.reduced]]\ntax_codes = ['book']\nrates = [{RATE}]");
    check(&sweden(&list), "SE has a rate without a source");
    check(&sweden(&list.replace("percent", "source = '', percent")), "SE has a rate without a source");
    assert!(parsed(&sweden(&list.replace("percent", "source = 'law', percent"))).is_ok());
    check(
        &sweden("[[jurisdiction.undetermined]]\ntax_codes = ['book']\nreason = ''"),
        "SE has a rate without a source",
    );
}

#[test]
fn names_and_percentages_must_be_fit() {
    for percent in ["-1", "100.1", "6.12345"] {
        check(&reduced("'book'", &format!("{{ since = '2010-01-01', percent = '{percent}' }}")), "SE: must be from 0");
    }
    check(&sweden("").replace("'Moms'", "''"), "unfit value for SE");
    let codes = TAX_CODES.replace("'food'", "'food and drink'");
    let told = refusal(RateTable::parse(("codes.toml", &codes), &[]));
    assert!(told.contains("unfit value for food and drink"), "{told}");
}

#[test]
fn a_part_has_its_country_and_a_relation_to_it() {
    const PART: &str = "[[jurisdiction]]\ncode = 'SE-AB'\nname = 'Stockholm'\nsource = 'law'\n";
    let with_country = |part: &str| sweden("") + part;
    let part = format!("{PART}relation = 'adds'\nrates = [{RATE}]\n");
    assert!(parsed(&with_country(&part)).is_ok());
    check(&part, "SE-AB does not stand");
    check(&with_country(&format!("{PART}rates = [{RATE}]\n")), "SE-AB does not stand");
    check(&with_country(&format!("{PART}relation = 'untaxed'\nrates = [{RATE}]\n")), "SE-AB does not stand");
    check(&with_country(&format!("{part}eu_member_since = '1995-01-01'\n")), "SE-AB does not stand");
    check(&sweden("relation = 'adds'"), "SE does not stand");
    check(&sweden("eu_member_until = '1995-01-01'"), "SE does not stand");
    let untaxed = "[[jurisdiction]]\ncode = 'SE-AB'\nrelation = 'untaxed'\nsource = 'law'\n";
    let table = parsed(&with_country(untaxed)).unwrap();
    assert_eq!(percent(&table, "SE-AB", None, TODAY), "-");
}

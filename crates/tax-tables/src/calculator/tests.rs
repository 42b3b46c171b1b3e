//! What each rule decides, and what a request is refused for.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use domain::money::{Currency, Money};
use domain::seller::TaxRegistration;
use domain::tax::{Percentage, TaxBehavior, TaxCode, TaxRounding, TaxedCustomer};
use domain::text::DisplayName;
use time::Date;
use time::macros::date;

use super::*;

fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

fn sek(minor: i64) -> Money {
    Money::new(minor, Currency::parse("SEK").unwrap())
}

fn line(minor: i64, treatment: TaxTreatment) -> TaxableLine {
    TaxableLine { amount: sek(minor), behavior: TaxBehavior::Exclusive, treatment }
}

fn automatic(minor: i64) -> TaxableLine {
    line(minor, TaxTreatment::Automatic { tax_code: None })
}

fn manual_rate(percent: u32) -> AppliedRate {
    AppliedRate {
        tax_rate_id: None,
        display_name: DisplayName::parse("Local tax").unwrap(),
        percentage: Percentage::parse(percent.into()).unwrap(),
        country: None,
        source: None,
        since: None,
    }
}

/// A request of a seller in `seller`, registered in `registered`, to a customer in `customer`, on 2026-11-24.
fn request(seller: &str, registered: &[&str], customer: Option<&str>, lines: Vec<TaxableLine>) -> TaxRequest {
    let registration = |code: &&str| TaxRegistration { country: country(code), since: None };
    TaxRequest {
        seller_country: country(seller),
        registrations: registered.iter().map(registration).collect(),
        customer: TaxedCustomer { country: customer.map(country), tax_ids: Vec::new() },
        tax_point: date!(2026 - 11 - 24),
        currency: Currency::parse("SEK").unwrap(),
        rounding: TaxRounding::default(),
        lines,
    }
}

/// Calculates through the port. This calculator never waits, so one poll has the answer.
fn calculate(request: &TaxRequest) -> Result<TaxCalculation, Violations> {
    let calculator = TableTaxCalculator::embedded().unwrap();
    let mut future = pin!(calculator.calculate(request));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(calculation)) => Ok(calculation),
        Poll::Ready(Err(TaxError::Rejected(violations))) => Err(violations),
        other => panic!("{other:?}"),
    }
}

/// The rule and the tax of a line of 100.00 without tax.
fn check(request: &TaxRequest, rule: &str, tax: i64) {
    let calculation = calculate(request).unwrap();
    assert_eq!((calculation.trace[0].rule.as_str(), calculation.tax.minor()), (rule, tax), "{request:?}");
    assert_eq!(calculation.trace[0].rate.is_some(), tax != 0);
}

fn refused(request: &TaxRequest) -> Vec<(String, String)> {
    calculate(request).unwrap_err().iter().map(|v| (v.field.clone(), v.rule.clone())).collect()
}

fn refusals(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(field, rule)| ((*field).to_owned(), (*rule).to_owned())).collect()
}

#[test]
fn a_registration_in_the_customers_country_decides_first() {
    let rule = "REGISTERED_COUNTRY_STANDARD";
    check(&request("SE", &["SE"], Some("SE"), vec![automatic(10_000)]), rule, 2_500);
    check(&request("SE", &["SE", "FI"], Some("FI"), vec![automatic(10_000)]), rule, 2_550);
    check(&request("US", &["DE"], Some("DE"), vec![automatic(10_000)]), rule, 1_900);
}

#[test]
fn a_customer_elsewhere_in_the_eu_or_unknown_has_the_sellers_rate() {
    for customer in [Some("DE"), None] {
        check(&request("SE", &["SE"], customer, vec![automatic(10_000)]), "SELLER_COUNTRY_STANDARD", 2_500);
    }
}

#[test]
fn a_customer_outside_the_eu_has_no_tax() {
    for customer in ["US", "NO", "GB"] {
        check(&request("SE", &["SE"], Some(customer), vec![automatic(10_000)]), "OUTSIDE_EU", 0);
    }
}

#[test]
fn a_country_is_outside_the_eu_until_its_accession() {
    let mut request = request("SE", &["SE"], Some("HR"), vec![automatic(10_000)]);
    request.tax_point = date!(2013 - 06 - 30);
    check(&request, "OUTSIDE_EU", 0);
    request.tax_point = date!(2013 - 07 - 01);
    check(&request, "SELLER_COUNTRY_STANDARD", 2_500);
}

#[test]
fn a_seller_without_a_registration_that_applies_charges_nothing() {
    let rule = "NOT_REGISTERED";
    for (seller, registered, customer) in [
        ("SE", vec![], Some("SE")),
        ("SE", vec![], Some("DE")),
        ("SE", vec![], None),
        ("SE", vec!["DE"], Some("FR")),
        ("US", vec!["US"], Some("DE")),
        ("US", vec!["DE"], None),
    ] {
        check(&request(seller, &registered, customer, vec![automatic(10_000)]), rule, 0);
    }
}

#[test]
fn a_registration_counts_from_its_first_date_on() {
    let mut request = request("SE", &[], Some("SE"), vec![automatic(10_000)]);
    request.registrations = vec![TaxRegistration { country: country("SE"), since: Some(date!(2026 - 11 - 24)) }];
    check(&request, "REGISTERED_COUNTRY_STANDARD", 2_500);
    request.tax_point = date!(2026 - 11 - 23);
    check(&request, "NOT_REGISTERED", 0);
}

#[test]
fn the_rate_is_that_of_the_tax_point() {
    let mut request = request("DE", &["DE"], Some("DE"), vec![automatic(10_000)]);
    let cases: [(Date, i64); 4] = [
        (date!(2020 - 06 - 30), 1_900),
        (date!(2020 - 07 - 01), 1_600),
        (date!(2020 - 12 - 31), 1_600),
        (date!(2021 - 01 - 01), 1_900),
    ];
    for (tax_point, tax) in cases {
        request.tax_point = tax_point;
        check(&request, "REGISTERED_COUNTRY_STANDARD", tax);
    }
}

#[test]
fn the_applied_rate_tells_its_source_country_and_date() {
    let calculation = calculate(&request("FI", &["FI"], None, vec![automatic(10_000)])).unwrap();
    let rate = &calculation.subtotals[0].rate;
    assert_eq!((rate.country, rate.since), (Some(country("FI")), Some(date!(2024 - 09 - 01))));
    assert_eq!((rate.display_name.as_str(), rate.tax_rate_id), ("ALV", None));
    assert!(rate.source.as_deref().unwrap().contains("1501/1993"));
}

#[test]
fn a_tax_code_does_not_change_the_standard_rate() {
    let coded = TaxTreatment::Automatic { tax_code: Some(TaxCode::parse("books").unwrap()) };
    check(&request("SE", &["SE"], None, vec![line(10_000, coded)]), "SELLER_COUNTRY_STANDARD", 2_500);
}

#[test]
fn manual_and_automatic_lines_stand_in_one_document() {
    let lines = vec![
        automatic(10_000),
        line(10_000, TaxTreatment::Manual(vec![manual_rate(10), manual_rate(3)])),
        line(10_000, TaxTreatment::Manual(vec![])),
        TaxableLine { behavior: TaxBehavior::Inclusive, ..automatic(160_875) },
    ];
    let calculation = calculate(&request("SE", &["SE"], Some("SE"), lines)).unwrap();
    let taxes: Vec<_> = calculation.lines.iter().map(|line| line.tax.minor()).collect();
    assert_eq!(taxes, [2_500, 1_300, 0, 32_175]);
    let rules: Vec<_> = calculation.trace.iter().map(|step| (step.line, step.rule.as_str())).collect();
    let registered = "REGISTERED_COUNTRY_STANDARD";
    let expected = [(0, registered), (1, "MANUAL_RATE"), (1, "MANUAL_RATE"), (2, "UNTAXED"), (3, registered)];
    assert_eq!(rules, expected);
}

#[test]
fn a_tax_point_without_a_rate_is_refused_for_automatic_lines_alone() {
    let mut old = request("SE", &["SE"], Some("SE"), vec![automatic(100)]);
    old.tax_point = date!(1990 - 06 - 30);
    assert_eq!(refused(&old), refusals(&[("tax_point", "NO_TAX_RATE")]));
    old.lines = vec![line(100, TaxTreatment::Manual(vec![manual_rate(10)]))];
    assert_eq!(calculate(&old).unwrap().tax, sek(10));
}

#[test]
fn a_registration_in_a_country_without_a_table_is_never_taken_for_no_tax() {
    let request = request("SE", &["SE", "IS"], Some("IS"), vec![automatic(100)]);
    assert_eq!(refused(&request), refusals(&[("tax_point", "NO_TAX_RATE")]));
}

#[test]
fn every_line_in_another_currency_or_with_too_many_rates_is_named() {
    let foreign = TaxableLine { amount: Money::new(1, Currency::parse("EUR").unwrap()), ..automatic(1) };
    let crowded = line(1, TaxTreatment::Manual(vec![manual_rate(1); TaxTreatment::RATES_MAX + 1]));
    let full = line(1, TaxTreatment::Manual(vec![manual_rate(1); TaxTreatment::RATES_MAX]));
    let request = request("SE", &["SE"], None, vec![foreign.clone(), full, crowded, foreign]);
    let expected = [
        ("lines[0].amount", "CURRENCY_MISMATCH"),
        ("lines[2].treatment", "TOO_MANY"),
        ("lines[3].amount", "CURRENCY_MISMATCH"),
    ];
    assert_eq!(refused(&request), refusals(&expected));
}

#[test]
fn an_amount_whose_tax_overflows_is_named() {
    let request = request("SE", &["SE"], None, vec![automatic(1), automatic(i64::MAX)]);
    assert_eq!(refused(&request), refusals(&[("lines[1].amount", "AMOUNT_OUT_OF_RANGE")]));
}

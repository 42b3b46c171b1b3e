//! Questions and answers of the tax engine, against a server that answers as it is told.

use std::collections::BTreeSet;

use domain::money::{Currency, Money};
use domain::party::Address;
use domain::tax::{
    AppliedRate, CustomerTaxStatus, Jurisdiction, Percentage, TaxBehavior, TaxCategory, TaxCode, TaxRounding,
    TaxedCustomer,
};
use domain::tax_id::TaxId;
use domain::text::DisplayName;
use port_contracts::fixtures::money;
use serde_json::json;
use time::macros::date;
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::config::StripeConfig;

fn calculator(server: &MockServer) -> StripeTaxCalculator {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base = server.uri().parse().unwrap();
    let config = StripeConfig::new("stripe".parse().unwrap(), "sk_test_1".into(), vec![], base);
    StripeTaxCalculator::new(Arc::new(Client::new(&config).unwrap()))
}

fn automatic(minor: i64, code: Option<&str>) -> TaxableLine {
    let tax_code = code.map(|code| TaxCode::parse(code).unwrap());
    TaxableLine {
        amount: money(minor),
        behavior: TaxBehavior::Exclusive,
        treatment: TaxTreatment::Automatic { tax_code },
    }
}

fn by_hand(minor: i64, percents: &[i64]) -> TaxableLine {
    let rate = |percent: &i64| AppliedRate {
        tax_rate_id: None,
        display_name: DisplayName::parse("Moms").unwrap(),
        percentage: Percentage::parse((*percent).into()).unwrap(),
        jurisdiction: None,
        source: None,
        since: None,
    };
    let treatment = TaxTreatment::Manual(percents.iter().map(rate).collect());
    TaxableLine { amount: money(minor), behavior: TaxBehavior::Exclusive, treatment }
}

fn request(lines: Vec<TaxableLine>) -> TaxRequest {
    TaxRequest {
        seller: Jurisdiction::parse("SE").unwrap(),
        registrations: vec![],
        default_tax_code: TaxCode::parse("electronic_service").unwrap(),
        customer: TaxedCustomer { place: Some(Jurisdiction::parse("DE").unwrap()), ..TaxedCustomer::default() },
        tax_point: date!(2026 - 11 - 28),
        currency: money(0).currency(),
        rounding: TaxRounding::default(),
        lines,
    }
}

/// One part of a line's tax.
fn part(amount: i64, base: i64, percent: &str, reason: &str) -> Value {
    json!({"amount": amount, "taxable_amount": base, "taxability_reason": reason, "sourcing": "destination",
        "jurisdiction": {"country": "DE", "display_name": "Germany", "level": "country", "state": null},
        "tax_rate_details": {"display_name": "VAT", "percentage_decimal": percent, "tax_type": "vat"}})
}

/// A line of which 19 % of tax were charged in one part.
fn answered(index: usize, amount: i64, tax: i64) -> Value {
    json!({"id": format!("tax_li_{index}"), "object": "tax.calculation_line_item", "amount": amount, "amount_tax": tax,
        "reference": format!("L{index}"), "tax_behavior": "exclusive",
        "tax_breakdown": [part(tax, amount, "19.0", "standard_rated")]})
}

/// A calculation of lines without tax inside, as the first page of them.
fn answer(lines: &[Value], shown: usize) -> Value {
    let sum = |name: &str| lines.iter().map(|line| line[name].as_i64().unwrap()).sum::<i64>();
    json!({"id": "taxcalc_1", "object": "tax.calculation", "currency": "sek",
        "amount_total": sum("amount") + sum("amount_tax"), "tax_amount_exclusive": sum("amount_tax"),
        "tax_amount_inclusive": 0, "shipping_cost": null,
        "line_items": {"object": "list", "has_more": shown < lines.len(), "data": &lines[..shown]}})
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path(CALCULATIONS)).respond_with(response).mount(&server).await;
    server
}

async fn calculate(answer: Value, request: &TaxRequest) -> Result<TaxCalculation, TaxError> {
    let server = answering(ResponseTemplate::new(200).set_body_json(answer)).await;
    calculator(&server).calculate(request).await
}

fn refused(result: Result<TaxCalculation, TaxError>) -> Vec<(String, String)> {
    match result {
        Err(TaxError::Rejected(violations)) => violations.iter().map(|v| (v.field.clone(), v.rule.clone())).collect(),
        other => panic!("not refused: {other:?}"),
    }
}

/// Every part of a question.
fn full() -> TaxRequest {
    let inside = TaxableLine { behavior: TaxBehavior::Inclusive, ..automatic(2_500, Some("ebook")) };
    let mut request = request(vec![automatic(1_000, None), by_hand(100, &[25]), inside]);
    let address = Address::parse(["1 Market St", "Floor 2", "94105", "San Francisco", "CA"], "US").unwrap();
    request.customer = TaxedCustomer {
        place: Some(address.jurisdiction()),
        address: Some(address),
        tax_ids: vec![TaxId::parse("ABC-12345").unwrap(), TaxId::parse("DE136695976").unwrap()],
        status: CustomerTaxStatus::ReverseCharge,
    };
    request
}

#[tokio::test]
async fn the_question_is_in_stripes_words_and_of_the_automatic_lines_alone() {
    let server = answering(ResponseTemplate::new(500).insert_header("stripe-should-retry", "false")).await;
    assert!(calculator(&server).calculate(&full()).await.is_err());
    let sent = server.received_requests().await.unwrap();
    assert!(!sent[0].headers.contains_key("idempotency-key"));
    let form: Vec<String> =
        url::form_urlencoded::parse(&sent[0].body).map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        form,
        [
            "currency=sek",
            "line_items[0][amount]=1000",
            "line_items[0][reference]=L0",
            "line_items[0][tax_behavior]=exclusive",
            "line_items[0][tax_code]=txcd_10000000",
            "line_items[1][amount]=2500",
            "line_items[1][reference]=L2",
            "line_items[1][tax_behavior]=inclusive",
            "line_items[1][tax_code]=txcd_10302000",
            "customer_details[address][country]=US",
            "customer_details[address][state]=CA",
            "customer_details[address][line1]=1 Market St",
            "customer_details[address][line2]=Floor 2",
            "customer_details[address][city]=San Francisco",
            "customer_details[address][postal_code]=94105",
            "customer_details[address_source]=billing",
            "customer_details[tax_ids][0][type]=eu_vat",
            "customer_details[tax_ids][0][value]=DE136695976",
            "customer_details[taxability_override]=reverse_charge",
            "tax_date=1795824000",
            "expand[0]=line_items",
            "expand[1]=line_items.data.tax_breakdown",
        ]
    );
}

/// What is not sent, and why.
const NOT_SENT: &[(&str, &str)] = &[
    ("customer", "the customer's details are told with each question, as they are kept here"),
    ("customer_details[ip_address]", "tax is computed for invoices, not for visitors"),
    ("line_items[][metadata]", "a calculation is not kept"),
    ("line_items[][performance_location]", "the domain knows no places of events"),
    ("line_items[][product]", "the kind of product is said by its code"),
    ("line_items[][quantity]", "a line is taxed as a whole"),
    ("ship_from_details", "the seller's place is that of the Stripe account"),
    ("shipping_cost", "what shipping costs is a line"),
];

#[test]
fn every_parameter_is_sent_or_is_left_out_for_a_reason() {
    let request = full();
    let mut validator = Validator::new();
    let question = Question::of(&mut validator, &request, &[(0, None)]).unwrap();
    let sent: BTreeSet<String> =
        question.params.iter().map(|(name, _)| name.replace("[0]", "[]").replace("[1]", "[]")).collect();
    let known = crate::params::table::known("POST /v1/tax/calculations");
    assert_eq!(sent.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
    let explained = |name: &String| NOT_SENT.iter().any(|(prefix, _)| name.starts_with(prefix));
    let faults: Vec<_> = known.difference(&sent).filter(|name| !explained(name)).collect();
    assert!(faults.is_empty(), "neither sent nor explained: {faults:?}");
    for (prefix, _) in NOT_SENT {
        assert!(known.difference(&sent).any(|name| name.starts_with(prefix)), "{prefix} needs no explanation");
    }
}

#[tokio::test]
async fn stripes_tax_is_taken_as_it_is_and_joined_with_lines_by_hand() {
    // 19 % of 1003 is 190.57: Stripe's rounding is Stripe's.
    let lines = [answered(0, 1_003, 190), answered(3, 500, 95)];
    let asked = request(vec![automatic(1_003, None), by_hand(200, &[25]), by_hand(10, &[]), automatic(500, None)]);
    let calculation = calculate(answer(&lines, 2), &asked).await.unwrap();
    let taxes: Vec<_> = calculation.lines.iter().map(|line| line.tax.minor()).collect();
    assert_eq!(taxes, [190, 50, 0, 95]);
    assert_eq!([calculation.net, calculation.tax, calculation.gross].map(Money::minor), [1_713, 335, 2_048]);
    let trace: Vec<_> = calculation
        .trace
        .iter()
        .map(|step| (step.line, step.decision.rule.as_ref(), step.unrounded.to_string(), step.rounded))
        .collect();
    let theirs = "PROVIDER_TAX";
    let expected =
        [(0, theirs, "190", 190), (1, "MANUAL_RATE", "50", 50), (2, "UNTAXED", "0", 0), (3, theirs, "95", 95)];
    assert_eq!(trace, expected.map(|(line, rule, unrounded, tax)| (line, rule, unrounded.to_owned(), tax)));
    let step = &calculation.trace[0];
    assert_eq!(step.decision.jurisdiction.unwrap().to_string(), "DE");
    let rate = step.rate.as_ref().unwrap();
    assert_eq!((rate.percentage.percent().to_string().as_str(), rate.source.as_deref()), ("19", Some("Stripe Tax")));
    let bases: Vec<_> = calculation.subtotals.iter().map(|it| (it.category.name(), it.base.minor())).collect();
    assert_eq!(bases, [("standard", 200), ("standard", 1_503), ("outside_scope", 10)]);
}

#[tokio::test]
async fn lines_by_hand_alone_need_no_answer() {
    let server = MockServer::start().await;
    let calculation = calculator(&server).calculate(&request(vec![by_hand(200, &[25])])).await.unwrap();
    assert_eq!((calculation.tax, server.received_requests().await.unwrap().len()), (money(50), 0));
}

#[tokio::test]
async fn a_long_answer_is_read_page_by_page() {
    let lines: Vec<_> = (0..5).map(|index| answered(index, 100, 19)).collect();
    let server = answering(ResponseTemplate::new(200).set_body_json(answer(&lines, 2))).await;
    let page = |from: usize, to: usize, has_more: bool| {
        let body = json!({"object": "list", "has_more": has_more, "data": &lines[from..to]});
        Mock::given(method("GET"))
            .and(path(format!("{CALCULATIONS}/taxcalc_1/line_items")))
            .and(query_param("starting_after", format!("tax_li_{}", from - 1)))
            .and(query_param("expand[0]", "data.tax_breakdown"))
            .and(query_param_is_missing("ending_before"))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .expect(1)
    };
    page(2, 4, true).mount(&server).await;
    page(4, 5, false).mount(&server).await;
    let asked = request((0..5).map(|_| automatic(100, None)).collect());
    assert_eq!(calculator(&server).calculate(&asked).await.unwrap().tax, money(95));
}

#[tokio::test]
async fn what_can_not_be_asked_is_told_at_once_and_not_asked() {
    let server = MockServer::start().await;
    let mut asked = request(vec![automatic(1_000, Some("accommodation")), automatic(100_000_000, None)]);
    asked.customer.place = None;
    let told = refused(calculator(&server).calculate(&asked).await);
    assert_eq!(
        told.iter().map(|(field, rule)| (field.as_str(), rule.as_str())).collect::<Vec<_>>(),
        [
            ("lines[0].tax.automatic.tax_code", "UNKNOWN_TAX_CODE"),
            ("lines[1].amount", "AMOUNT_OUT_OF_RANGE"),
            ("customer.place.country", "REQUIRED"),
        ]
    );
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_does_not_add_up_is_refused() {
    let lines = || [answered(0, 1_000, 190)];
    let asked = request(vec![automatic(1_000, None)]);
    assert!(calculate(answer(&lines(), 1), &asked).await.is_ok());
    for (pointer, value) in [
        ("/amount_total", json!(1_191)),
        ("/tax_amount_exclusive", json!(191)),
        ("/tax_amount_inclusive", json!(1)),
        ("/tax_amount_inclusive", json!(null)),
        ("/currency", json!("eur")),
        ("/line_items/data", json!([])),
        ("/line_items/data", json!(null)),
        ("/line_items/data/0/reference", json!("L1")),
        ("/line_items/data/0/amount", json!(999)),
        ("/line_items/data/0/tax_behavior", json!("inclusive")),
        ("/line_items/data/0/amount_tax", json!(189)),
        ("/line_items/data/0/tax_breakdown", json!([])),
        ("/line_items/data/0/tax_breakdown", json!(null)),
        ("/line_items/data/0/tax_breakdown/0/amount", json!(189)),
        ("/line_items/data/0/tax_breakdown/0/tax_rate_details", json!(null)),
        ("/line_items/data/0/tax_breakdown/0/tax_rate_details/percentage_decimal", json!("much")),
    ] {
        let mut wrong = answer(&lines(), 1);
        *wrong.pointer_mut(pointer).unwrap() = value.clone();
        let result = calculate(wrong, &asked).await;
        assert!(matches!(result, Err(TaxError::Failed(_))), "{pointer} {value}: {result:?}");
    }
}

#[tokio::test]
async fn a_reason_is_the_category_of_its_line() {
    use TaxCategory::{Exempt, OutsideScope, ReverseCharge, Standard, ZeroRated};
    for (percent, tax, reason, category, has_rate) in [
        ("19.0", 190, "standard_rated", Standard, true),
        ("7.0", 70, "reduced_rated", Standard, true),
        ("0.0", 0, "zero_rated", ZeroRated, true),
        ("0.0", 0, "customer_exempt", Exempt, false),
        ("0.0", 0, "product_exempt", Exempt, false),
        ("0.0", 0, "reverse_charge", ReverseCharge, false),
        ("0.0", 0, "not_collecting", OutsideScope, false),
        ("0.0", 0, "not_subject_to_tax", OutsideScope, false),
        ("0.0", 0, "a_reason_of_tomorrow", OutsideScope, false),
        ("3.0", 30, "a_reason_of_tomorrow", Standard, true),
    ] {
        let mut line = answered(0, 1_000, tax);
        line["tax_breakdown"] = json!([part(tax, 1_000, percent, reason)]);
        let calculation = calculate(answer(&[line], 1), &request(vec![automatic(1_000, None)])).await.unwrap();
        let (taxed, step) = (&calculation.lines[0], &calculation.trace[0]);
        assert_eq!((taxed.category, step.decision.category), (category, category), "{reason}");
        assert_eq!((taxed.components.len() == 1, step.rate.is_some()), (has_rate, has_rate), "{reason}");
        assert_eq!((taxed.tax, step.decision.law.as_deref()), (money(tax), None), "{reason}");
    }
    // Stripe says nothing of what is outside of the scope of tax.
    let mut line = answered(0, 1_000, 0);
    line["tax_breakdown"] = json!([]);
    let calculation =
        calculate(answer(&[line], 1), &request(vec![automatic(1_000, Some("nontaxable"))])).await.unwrap();
    assert_eq!((calculation.lines[0].category, calculation.trace.len()), (OutsideScope, 1));
}

#[tokio::test]
async fn states_and_cities_tax_one_line_each_by_its_own_rate() {
    let of = |level: &str, place: &str, amount: i64, percent: &str| {
        json!({"amount": amount, "taxable_amount": 1_000, "taxability_reason": "standard_rated",
            "jurisdiction": {"country": "US", "display_name": place, "level": level, "state": "CA"},
            "tax_rate_details": {"display_name": "Sales Tax", "percentage_decimal": percent, "tax_type": "sales_tax"}})
    };
    let mut line = answered(0, 1_000, 86);
    let parts =
        [of("state", "California", 60, "6.0"), of("county", "Marin", 13, "1.25"), of("city", "Novato", 13, "1.25")];
    line["tax_breakdown"] = json!(parts);
    let calculation = calculate(answer(&[line], 1), &request(vec![automatic(1_000, None)])).await.unwrap();
    let rates: Vec<_> = calculation
        .subtotals
        .iter()
        .filter_map(|part| Some((part.rate.as_ref()?, part.tax.minor())))
        .map(|(rate, tax)| (rate.display_name.as_str(), rate.jurisdiction.unwrap().to_string(), tax))
        .collect();
    let place = || "US-CA".to_owned();
    assert_eq!(
        rates,
        [("Sales Tax (Marin)", place(), 13), ("Sales Tax (Novato)", place(), 13), ("Sales Tax", place(), 60)]
    );
}

#[tokio::test]
async fn amounts_are_in_stripes_units_on_the_wire_alone() {
    let isk = Currency::parse("ISK").unwrap();
    let mut asked = request(vec![TaxableLine { amount: Money::new(1_000, isk), ..automatic(0, None) }]);
    asked.currency = isk;
    let mut told = answer(&[answered(0, 100_000, 24_000)], 1);
    told["currency"] = "isk".into();
    let calculation = calculate(told, &asked).await.unwrap();
    assert_eq!((calculation.net, calculation.tax), (Money::new(1_000, isk), Money::new(240, isk)));
}

#[tokio::test]
async fn a_refusal_names_the_requests_own_field() {
    let asked = request(vec![by_hand(1, &[]), automatic(1_000, None)]);
    for (param, code, field, rule) in [
        ("line_items[0][tax_code]", "resource_missing", "lines[1].tax.automatic.tax_code", "UNKNOWN_TAX_CODE"),
        ("line_items[0][amount]", "parameter_invalid_integer", "lines[1].amount", "PROVIDER_REJECTED"),
        ("line_items[0][reference]", "parameter_invalid", "lines[1]", "PROVIDER_REJECTED"),
        ("line_items", "parameter_invalid", "lines", "PROVIDER_REJECTED"),
        (
            "customer_details[address][postal_code]",
            "customer_tax_location_invalid",
            "customer.place",
            "PROVIDER_REJECTED",
        ),
        ("", "customer_tax_location_invalid", "customer.place", "PROVIDER_REJECTED"),
        ("customer_details[tax_ids][0][value]", "tax_id_invalid", "customer.tax_ids", "PROVIDER_REJECTED"),
        ("customer_details[taxability_override]", "parameter_invalid", "customer.status", "PROVIDER_REJECTED"),
        ("tax_date", "parameter_invalid", "tax_point", "PROVIDER_REJECTED"),
        ("currency", "parameter_invalid", "lines[1].amount", "PROVIDER_REJECTED"),
    ] {
        let error = json!({"error": {"type": "invalid_request_error", "code": code, "param": param}});
        let server = answering(ResponseTemplate::new(400).set_body_json(error)).await;
        let told = refused(calculator(&server).calculate(&asked).await);
        assert_eq!(told, [(field.to_owned(), rule.to_owned())], "{param} {code}");
    }
    let error = json!({"error": {"type": "invalid_request_error", "code": "stripe_tax_inactive"}});
    let server = answering(ResponseTemplate::new(400).set_body_json(error)).await;
    let result = calculator(&server).calculate(&asked).await;
    assert!(matches!(&result, Err(TaxError::Failed(code)) if code == "stripe_tax_inactive"), "{result:?}");
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_unavailable() {
    let asked = request(vec![automatic(1_000, None)]);
    for response in [
        ResponseTemplate::new(500).insert_header("stripe-should-retry", "false"),
        ResponseTemplate::new(429).insert_header("retry-after", "60"),
        ResponseTemplate::new(401),
    ] {
        let server = answering(response).await;
        let result = calculator(&server).calculate(&asked).await;
        assert!(matches!(result, Err(TaxError::Unavailable)), "{result:?}");
    }
    let server = answering(ResponseTemplate::new(503)).await;
    assert!(matches!(calculator(&server).calculate(&asked).await, Err(TaxError::Unavailable)));
    assert_eq!(server.received_requests().await.unwrap().len(), 3, "it is tried again");
}

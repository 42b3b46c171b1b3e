//! Tax as callers see it: what the customer's place, its tax ids and the kind of product make of an invoice.

use api_proto::v1;

use crate::harness::{
    Db, Server, error_parts, invoice_request, item_tax, line, mask, minor, on_both_databases, sek_amount, unique,
};

on_both_databases!(
    an_invoice_is_taxed_by_who_buys_what_where,
    a_product_brings_its_tax_code_to_the_lines_of_its_price,
    a_province_has_to_be_named_where_provinces_tax,
    tax_that_is_not_known_names_its_line,
    what_a_question_says_twice_or_wrongly_is_told_at_once,
    a_registration_is_charged_by_from_its_beginning_to_its_end,
    a_registration_that_nobody_can_have_is_refused_and_a_mistaken_one_withdrawn,
    a_tax_id_is_checked_and_what_its_register_said_is_kept,
    a_register_that_does_not_answer_stops_nobody,
);

const SELLERS: &str = r#"
[[sellers]]
id = "acme"
name = "Acme AB"
country = "SE"
currency = "SEK"
tax_registrations = [{ country = "SE" }, { country = "SE", scheme = "union_oss", since = 2026-01-01 }, { country = "CH" }]

[[sellers]]
id = "maple"
name = "Maple Inc."
country = "CA"
state = "ON"
currency = "SEK"
tax_registrations = [{ country = "CA" }, { country = "CA", subdivision = "QC" }]
default_tax_code = "goods"
"#;

/// A customer of `acme`, or of `maple` where it is Canadian.
async fn customer(server: &Server, place: &str, tax_id: &str, status: v1::CustomerTaxStatus) -> v1::Customer {
    let (country_code, state) = place.split_once('-').unwrap_or((place, ""));
    let request = v1::CreateCustomerRequest {
        request_id: unique("customer"),
        seller_id: if country_code == "CA" { "maple" } else { "acme" }.to_owned(),
        name: "Some One".to_owned(),
        address: Some(v1::Address {
            country_code: country_code.to_owned(),
            state: state.to_owned(),
            ..v1::Address::default()
        }),
        tax_ids: (!tax_id.is_empty()).then(|| tax_id.to_owned()).into_iter().collect(),
        tax_status: status.into(),
        ..v1::CreateCustomerRequest::default()
    };
    server.customers().create_customer(request).await.unwrap().into_inner().customer.unwrap()
}

fn invoice(customer: &v1::Customer, tax_code: &str) -> v1::CreateInvoiceRequest {
    v1::CreateInvoiceRequest {
        seller_id: customer.seller_id.clone(),
        customer_id: customer.id.clone(),
        lines: vec![v1::InvoiceLineInput { tax: Some(item_tax(tax_code)), ..line(10_000) }],
        finalize: true,
        ..invoice_request()
    }
}

async fn an_invoice_is_taxed_by_who_buys_what_where(db: Db) {
    use v1::CustomerTaxStatus::{Exempt, ReverseCharge, Taxable};
    use v1::TaxCategory as Category;
    let server = Server::start_with(db, SELLERS).await;
    let cases = [
        ("SE", "", Taxable, "ebook", "DOMESTIC", Category::Standard, 600),
        ("SE", "SE556703748501", Taxable, "service", "DOMESTIC", Category::Standard, 2_500),
        ("DE", "DE136695976", Taxable, "service", "REVERSE_CHARGE", Category::ReverseCharge, 0),
        ("DE", "DE136695976", Taxable, "goods", "INTRA_COMMUNITY_SUPPLY", Category::IntraCommunitySupply, 0),
        ("DE", "", Taxable, "goods", "DESTINATION", Category::Standard, 1_900),
        ("DE", "", Taxable, "service", "SUPPLIER_COUNTRY", Category::Standard, 2_500),
        ("DE", "", ReverseCharge, "service", "REVERSE_CHARGE", Category::ReverseCharge, 0),
        ("SE", "", Exempt, "goods", "CUSTOMER_EXEMPT", Category::Exempt, 0),
        ("US", "", Taxable, "goods", "EXPORT", Category::Export, 0),
        ("US", "", Taxable, "", "OUTSIDE_SCOPE", Category::OutsideScope, 0),
        ("CH", "", Taxable, "", "DESTINATION", Category::Standard, 810),
        ("CA-ON", "", Taxable, "", "DOMESTIC", Category::Standard, 1_300),
        ("CA-QC", "", Taxable, "", "DOMESTIC", Category::Standard, 1_498),
        ("CA-AB", "", Taxable, "food", "DOMESTIC", Category::ZeroRated, 0),
    ];
    for (place, tax_id, status, code, rule, category, tax) in cases {
        let buyer = customer(&server, place, tax_id, status).await;
        assert_eq!(buyer.tax_status(), status);
        let invoice =
            server.invoices().create_invoice(invoice(&buyer, code)).await.unwrap().into_inner().invoice.unwrap();
        let step = &invoice.tax_trace[0];
        let told =
            (step.rule.as_str(), invoice.lines[0].taxed.as_ref().unwrap().category(), minor(invoice.tax.as_ref()));
        assert_eq!(told, (rule, category, tax), "{place} {tax_id} {status:?} {code}");
        let (country, part) = place.split_once('-').unwrap_or((place, ""));
        let taxed_at_home = rule == "SUPPLIER_COUNTRY";
        let expected = if taxed_at_home { ("SE", "") } else { (country, part) };
        assert_eq!((step.country_code.as_str(), step.subdivision_code.as_str()), expected, "{place} {rule}");
        let is_eu_rule = matches!(rule, "REVERSE_CHARGE" | "INTRA_COMMUNITY_SUPPLY" | "SUPPLIER_COUNTRY" | "EXPORT");
        assert!(!is_eu_rule || step.law.starts_with("Directive 2006/112/EC, art. "), "{rule}: {}", step.law);
        // Read back, it is what was answered.
        let request = v1::GetInvoiceRequest { id: invoice.id.clone() };
        let read = server.invoices().get_invoice(request).await.unwrap().into_inner().invoice.unwrap();
        assert_eq!(
            (read.tax_trace, read.tax_subtotals, read.lines),
            (invoice.tax_trace, invoice.tax_subtotals, invoice.lines)
        );
    }
}

async fn a_product_brings_its_tax_code_to_the_lines_of_its_price(db: Db) {
    let server = Server::start_with(db, SELLERS).await;
    let product = v1::CreateProductRequest {
        request_id: unique("product"),
        seller_id: "acme".to_owned(),
        name: "A novel".to_owned(),
        tax_code: "book".to_owned(),
        ..v1::CreateProductRequest::default()
    };
    let product = server.catalog().create_product(product).await.unwrap().into_inner().product.unwrap();
    let price = v1::CreatePriceRequest {
        request_id: unique("price"),
        seller_id: "acme".to_owned(),
        product_id: product.id,
        unit_price: Some(v1::UnitPrice { minor_units: "10000".to_owned(), currency_code: "SEK".to_owned() }),
        tax_behavior: v1::TaxBehavior::Exclusive.into(),
        ..v1::CreatePriceRequest::default()
    };
    let price = server.catalog().create_price(price).await.unwrap().into_inner().price.unwrap();
    let stored = |tax_code| v1::InvoiceLineInput {
        price: Some(v1::invoice_line_input::Price::PriceId(price.id.clone())),
        quantity: 1,
        tax: Some(item_tax(tax_code)),
        ..v1::InvoiceLineInput::default()
    };
    let request = v1::CreateInvoiceRequest {
        seller_id: "acme".to_owned(),
        lines: vec![stored(""), stored("goods")],
        ..invoice_request()
    };
    let invoice = server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap();
    let taxes: Vec<_> = invoice.lines.iter().map(|line| minor(line.taxed.as_ref().unwrap().tax.as_ref())).collect();
    assert_eq!(taxes, [600, 2_500]);
}

async fn a_province_has_to_be_named_where_provinces_tax(db: Db) {
    let server = Server::start_with(db, SELLERS).await;
    let buyer = customer(&server, "CA", "", v1::CustomerTaxStatus::Taxable).await;
    let status = server.invoices().create_invoice(invoice(&buyer, "goods")).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["customer_id"]);
    let change = v1::UpdateCustomerRequest {
        request_id: unique("change"),
        customer: Some(v1::Customer {
            id: buyer.id.clone(),
            tax_status: v1::CustomerTaxStatus::Exempt.into(),
            ..v1::Customer::default()
        }),
        update_mask: mask(&["tax_status"]),
    };
    let exempt = server.customers().update_customer(change).await.unwrap().into_inner().customer.unwrap();
    assert_eq!(exempt.tax_status(), v1::CustomerTaxStatus::Exempt);
    // Who is never taxed needs no province.
    server.invoices().create_invoice(invoice(&exempt, "goods")).await.unwrap();
    let request = |subdivision: &str| v1::CalculateTaxRequest {
        seller_id: "maple".to_owned(),
        customer_country_code: "CA".to_owned(),
        customer_subdivision_code: subdivision.to_owned(),
        lines: vec![v1::TaxLine {
            amount: Some(sek_amount(10_000)),
            tax_behavior: v1::TaxBehavior::Exclusive.into(),
            tax: Some(item_tax("")),
        }],
        ..v1::CalculateTaxRequest::default()
    };
    for (subdivision, field) in [("", "customer_subdivision_code"), ("ONTARIO", "customer_subdivision_code")] {
        let status = server.tax().calculate_tax(request(subdivision)).await.unwrap_err();
        assert_eq!(error_parts(&status).2, [field], "{subdivision}");
    }
    let answer = server.tax().calculate_tax(request("QC")).await.unwrap().into_inner().calculation.unwrap();
    let rates: Vec<_> = answer.lines[0].components.iter().map(|part| part.rate.as_ref().unwrap()).collect();
    let told: Vec<_> = rates.iter().map(|rate| (rate.percentage.as_str(), rate.subdivision_code.as_str())).collect();
    assert_eq!(told, [("5", ""), ("9.975", "QC")]);
}

async fn tax_that_is_not_known_names_its_line(db: Db) {
    let server = Server::start_with(db, SELLERS).await;
    let buyer = customer(&server, "SE", "", v1::CustomerTaxStatus::Taxable).await;
    let mut request = invoice(&buyer, "unheard_of");
    request.lines.push(v1::InvoiceLineInput { tax: Some(item_tax("goods")), ..line(1) });
    request.lines.push(v1::InvoiceLineInput { tax: None, ..line(1) });
    let status = server.invoices().create_invoice(request.clone()).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["lines[2].tax"]);
    request.lines.pop();
    let status = server.invoices().create_invoice(request.clone()).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["lines[0].tax.automatic.tax_code"]);
    request.lines.remove(0);
    request.tax_point = Some(v1::Date { year: 1980, month: 1, day: 1 });
    let status = server.invoices().create_invoice(request).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["tax_point"]);
    let payment = v1::CreatePaymentRequest {
        request_id: unique("payment"),
        seller_id: "acme".to_owned(),
        amount: Some(sek_amount(100)),
        description: "Thing".to_owned(),
        tax: Some(item_tax("unheard_of")),
        ..v1::CreatePaymentRequest::default()
    };
    let status = server.payments().create_payment(payment).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["tax.automatic.tax_code"]);
    assert_eq!(server.event_types().await, ["customer.created"]);
}

fn day(year: i32, month: i32, day: i32) -> Option<v1::Date> {
    Some(v1::Date { year, month, day })
}

fn amount(minor_units: i64, currency_code: &str) -> Option<v1::Money> {
    Some(v1::Money { minor_units, currency_code: currency_code.to_owned() })
}

fn tax_line(minor_units: i64, currency_code: &str) -> v1::TaxLine {
    v1::TaxLine {
        amount: amount(minor_units, currency_code),
        tax_behavior: v1::TaxBehavior::Exclusive.into(),
        tax: Some(item_tax("")),
    }
}

async fn what_a_question_says_twice_or_wrongly_is_told_at_once(db: Db) {
    let server = Server::start_with(db, SELLERS).await;
    let swedish = customer(&server, "SE", "", v1::CustomerTaxStatus::Taxable).await;
    let canadian = customer(&server, "CA", "", v1::CustomerTaxStatus::Taxable).await;
    let refused = async |request| error_parts(&server.tax().calculate_tax(request).await.unwrap_err()).2;
    let of = |buyer: &v1::Customer| v1::CalculateTaxRequest {
        seller_id: buyer.seller_id.clone(),
        customer_id: buyer.id.clone(),
        lines: vec![tax_line(10_000, "SEK")],
        ..v1::CalculateTaxRequest::default()
    };
    let request = v1::CalculateTaxRequest {
        customer_tax_ids: vec!["DE136695976".to_owned()],
        customer_tax_status: v1::CustomerTaxStatus::Exempt.into(),
        lines: vec![
            tax_line(10_000, "SEK"),
            tax_line(1, "EUR"),
            v1::TaxLine { tax: None, ..tax_line(1, "SEK") },
            tax_line(1, "XXX"),
        ],
        tax_point: day(2026, 13, 1),
        ..of(&swedish)
    };
    let expected = [
        "customer_tax_ids",
        "customer_tax_status",
        "tax_point",
        "lines[1].amount",
        "lines[2].tax",
        "lines[3].amount.currency_code",
    ];
    assert_eq!(refused(request).await, expected);
    // It is the stored customer that says no province, or is elsewhere.
    assert_eq!(refused(of(&canadian)).await, ["customer_id"]);
    let elsewhere = |country: &str, part: &str, buyer| v1::CalculateTaxRequest {
        customer_country_code: country.to_owned(),
        customer_subdivision_code: part.to_owned(),
        ..of(buyer)
    };
    assert_eq!(refused(elsewhere("DE", "", &swedish)).await, ["customer_country_code"]);
    assert_eq!(refused(elsewhere("CA", "QC", &canadian)).await, ["customer_subdivision_code"]);
    server.tax().calculate_tax(elsewhere("SE", "", &swedish)).await.unwrap();
    let many = v1::CalculateTaxRequest { lines: vec![v1::TaxLine::default(); 1_001], ..of(&swedish) };
    assert_eq!(refused(many).await, ["lines"]);
}

async fn a_registration_that_nobody_can_have_is_refused_and_a_mistaken_one_withdrawn(db: Db) {
    let server = Server::start_with(db, SELLERS).await;
    let of = |country: &str, part: &str, scheme: v1::TaxScheme| v1::CreateTaxRegistrationRequest {
        request_id: unique("registration"),
        seller_id: "acme".to_owned(),
        country_code: country.to_owned(),
        subdivision_code: part.to_owned(),
        scheme: scheme.into(),
        since: day(2026, 1, 1),
        ..v1::CreateTaxRegistrationRequest::default()
    };
    use v1::TaxScheme::{NonUnionOss, Standard, UnionOss};
    for (request, fields) in [
        (of("FI", "", UnionOss), &["country_code"][..]),
        (of("FI", "", NonUnionOss), &["scheme"]),
        (of("CA", "ZZ", Standard), &["subdivision_code"]),
        (of("DE", "BY", Standard), &["subdivision_code"]),
        (
            v1::CreateTaxRegistrationRequest { until: day(2025, 12, 31), ..of("CA", "ZZ", UnionOss) },
            &["until", "subdivision_code", "scheme"],
        ),
    ] {
        let told = error_parts(&server.tax().create_tax_registration(request.clone()).await.unwrap_err());
        let fields: Vec<_> = fields.iter().map(|field| (*field).to_owned()).collect();
        assert_eq!((told.1.as_str(), told.2), ("INVALID_FIELDS", fields), "{request:?}");
    }
    assert_eq!(server.all_events().await.len(), 0, "nothing is stored");
    let create = async |request| {
        let answer = server.tax().create_tax_registration(request).await.unwrap().into_inner();
        answer.tax_registration.unwrap()
    };
    let mistaken = create(of("NO", "", Standard)).await;
    let buyer = customer(&server, "NO", "", v1::CustomerTaxStatus::Taxable).await;
    let sold = server.invoices().create_invoice(invoice(&buyer, "")).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!((sold.tax_trace[0].rule.as_str(), minor(sold.tax.as_ref())), ("DESTINATION", 2_500));
    let end = |until| v1::EndTaxRegistrationRequest { request_id: unique("end"), id: mistaken.id.clone(), until };
    let too_early = server.tax().end_tax_registration(end(day(2025, 12, 30))).await.unwrap_err();
    assert_eq!(error_parts(&too_early).2, ["until"]);
    let ended = server.tax().end_tax_registration(end(day(2025, 12, 31))).await.unwrap().into_inner();
    assert_eq!(ended.tax_registration.unwrap().until, day(2025, 12, 31));
    // It never was in force; what was billed by it stays as it is, and the right one takes its place.
    let next = server.invoices().create_invoice(invoice(&buyer, "")).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!((next.tax_trace[0].rule.as_str(), minor(next.tax.as_ref())), ("OUTSIDE_SCOPE", 0));
    let read = v1::GetInvoiceRequest { id: sold.id.clone() };
    assert_eq!(server.invoices().get_invoice(read).await.unwrap().into_inner().invoice.unwrap(), sold);
    create(of("NO", "", Standard)).await;
}

async fn a_registration_is_charged_by_from_its_beginning_to_its_end(db: Db) {
    let server = Server::start_with(db, SELLERS).await;
    let finland = v1::CreateTaxRegistrationRequest {
        request_id: unique("registration"),
        seller_id: "acme".to_owned(),
        country_code: "NO".to_owned(),
        since: day(2026, 1, 1),
        ..v1::CreateTaxRegistrationRequest::default()
    };
    let create = async |request| server.tax().create_tax_registration(request).await.map(|answer| answer.into_inner());
    let stored = create(finland.clone()).await.unwrap().tax_registration.unwrap();
    assert_eq!(stored.scheme(), v1::TaxScheme::Standard);
    let again = create(finland.clone()).await.unwrap().tax_registration.unwrap();
    assert_eq!(again, stored, "the same request has the same answer");
    let tax_on = async |month: i32| {
        let request = v1::CalculateTaxRequest {
            seller_id: "acme".to_owned(),
            customer_country_code: "NO".to_owned(),
            tax_point: day(2026, month, 28),
            lines: vec![v1::TaxLine {
                amount: Some(sek_amount(10_000)),
                tax_behavior: v1::TaxBehavior::Exclusive.into(),
                tax: Some(item_tax("")),
            }],
            ..v1::CalculateTaxRequest::default()
        };
        let told = server.tax().calculate_tax(request).await.unwrap().into_inner().calculation.unwrap();
        (told.trace[0].rule.clone(), minor(told.tax.as_ref()))
    };
    assert_eq!(tax_on(7).await, ("DESTINATION".to_owned(), 2_500));
    // On some of the same days there can't be another, be it stored or configured.
    for country_code in ["NO", "SE"] {
        let twice = v1::CreateTaxRegistrationRequest {
            request_id: unique("registration"),
            country_code: country_code.to_owned(),
            ..finland.clone()
        };
        assert_eq!(error_parts(&create(twice).await.unwrap_err()).1, "TAX_REGISTRATION_OVERLAPS");
    }
    let end =
        v1::EndTaxRegistrationRequest { request_id: unique("end"), id: stored.id.clone(), until: day(2026, 6, 30) };
    let ended = server.tax().end_tax_registration(end).await.unwrap().into_inner().tax_registration.unwrap();
    assert_eq!((ended.until, ended.id), (day(2026, 6, 30), stored.id.clone()));
    assert_eq!(tax_on(6).await.1, 2_500);
    assert_eq!(tax_on(7).await, ("OUTSIDE_SCOPE".to_owned(), 0));
    let bad = v1::CreateTaxRegistrationRequest {
        request_id: unique("registration"),
        seller_id: "acme".to_owned(),
        subdivision_code: "?".to_owned(),
        scheme: 99,
        ..v1::CreateTaxRegistrationRequest::default()
    };
    assert_eq!(error_parts(&create(bad).await.unwrap_err()).2, ["country_code", "scheme"]);
    let backwards = v1::CreateTaxRegistrationRequest {
        request_id: unique("registration"),
        country_code: "FI".to_owned(),
        until: day(2025, 12, 31),
        ..finland
    };
    assert_eq!(error_parts(&create(backwards).await.unwrap_err()).2, ["until"]);
    let end = v1::EndTaxRegistrationRequest { request_id: unique("end"), id: stored.id, until: None };
    assert_eq!(error_parts(&server.tax().end_tax_registration(end).await.unwrap_err()).2, ["until"]);
    let list = v1::ListTaxRegistrationsRequest { seller_id: "acme".to_owned(), ..Default::default() };
    let list = server.tax().list_tax_registrations(list).await.unwrap().into_inner();
    let countries = |list: &[v1::TaxRegistration]| list.iter().map(|it| it.country_code.clone()).collect::<Vec<_>>();
    assert_eq!(countries(&list.tax_registrations), ["NO"]);
    assert_eq!(countries(&list.configured), ["SE", "SE", "CH"]);
    assert_eq!(server.event_types().await, ["tax_registration.created", "tax_registration.updated"]);
}

fn check_of(tax_id: &str, look_up: bool) -> v1::CheckTaxIdRequest {
    let (request_id, tax_id) = (unique("check"), tax_id.to_owned());
    v1::CheckTaxIdRequest { request_id, seller_id: "acme".to_owned(), tax_id, look_up }
}

async fn checked(server: &Server, request: v1::CheckTaxIdRequest) -> v1::TaxIdCheck {
    server.tax().check_tax_id(request).await.unwrap().into_inner().check.unwrap()
}

/// A server that looks tax ids up at a double of VIES.
async fn looking_up_at(db: Db, vies: &wiremock::MockServer) -> Server {
    let config = format!("[vies]\nenabled = true\napi_base = \"{}/\"\nrequester = \"SE556703748501\"\n", vies.uri());
    Server::start_with(db, &format!("{config}{SELLERS}")).await
}

async fn a_tax_id_is_checked_and_what_its_register_said_is_kept(db: Db) {
    let vies = wiremock::MockServer::start().await;
    let answer =
        serde_json::json!({"valid": true, "name": "BEISPIEL GMBH", "address": "---", "requestIdentifier": "WAPI1"});
    wiremock::Mock::given(wiremock::matchers::path("/check-vat-number"))
        .respond_with(wiremock::ResponseTemplate::new(200).set_body_json(answer))
        .expect(1)
        .mount(&vies)
        .await;
    let server = looking_up_at(db, &vies).await;
    let request = check_of("de 136 695 976", true);
    let check = checked(&server, request.clone()).await;
    assert_eq!((check.tax_id.as_str(), check.country_code.as_str(), check.eu_vat), ("DE136695976", "DE", true));
    assert_eq!(check.answer(), v1::TaxIdAnswer::Registered);
    let told = [&check.registry, &check.name, &check.address, &check.consultation_number];
    assert_eq!(told, ["VIES", "BEISPIEL GMBH", "", "WAPI1"]);
    // The same request is answered from what is kept: the register is asked once.
    assert_eq!(checked(&server, request).await, check);
    let unasked = checked(&server, check_of("CHE-116.281.710 MWST", true)).await;
    assert_eq!((unasked.answer(), unasked.country_code.as_str()), (v1::TaxIdAnswer::Unsupported, "CH"));
    assert_eq!(checked(&server, check_of("DE136695976", false)).await.answer(), v1::TaxIdAnswer::NotAsked);
    let list = v1::ListTaxIdChecksRequest {
        seller_id: "acme".to_owned(),
        tax_id: "DE136695976".to_owned(),
        ..v1::ListTaxIdChecksRequest::default()
    };
    let list = server.tax().list_tax_id_checks(list).await.unwrap().into_inner().checks;
    assert_eq!((list.len(), list.last()), (2, Some(&check)));
    for (wrong, rule) in [("DE136695975", "TAX_ID_CHECK_DIGITS"), ("DE1", "MALFORMED_TAX_ID"), ("", "MALFORMED_TAX_ID")]
    {
        let status = server.tax().check_tax_id(check_of(wrong, true)).await.unwrap_err();
        assert_eq!(error_parts(&status).2, ["tax_id"], "{wrong} {rule}");
    }
    assert_eq!(server.event_types().await, ["tax_id.checked"; 3]);
}

async fn a_register_that_does_not_answer_stops_nobody(db: Db) {
    let vies = wiremock::MockServer::start().await;
    let refusal = serde_json::json!({"actionSucceed": false, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]});
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(wiremock::ResponseTemplate::new(500).set_body_json(refusal))
        .mount(&vies)
        .await;
    let server = looking_up_at(db, &vies).await;
    let check = checked(&server, check_of("DE136695976", true)).await;
    assert_eq!((check.answer(), check.registry.as_str()), (v1::TaxIdAnswer::Unavailable, ""));
    let buyer = customer(&server, "DE", "DE136695976", v1::CustomerTaxStatus::Taxable).await;
    let invoice =
        server.invoices().create_invoice(invoice(&buyer, "service")).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!(invoice.tax_trace[0].rule, "REVERSE_CHARGE");
}

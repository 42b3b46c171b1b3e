//! Tax by the provider's own engine, for a seller that chose it: its figures on invoices, its refusals, and its silence.

use api_proto::v1;
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{
    Db, Server, automatic, error_parts, eventually, invoice_request, item_tax, line, minor, on_both_databases,
    sek_amount, unique,
};

on_both_databases!(
    an_invoice_has_the_tax_that_the_engine_charges,
    lines_of_both_kinds_are_one_document,
    what_the_engine_refuses_names_its_field,
    without_the_engine_nothing_is_stored_and_a_retry_finds_it,
);

const CALCULATIONS: &str = "POST /v1/tax/calculations";

const SELLERS: &str = r#"
[[sellers]]
id = "acme"
name = "Acme AB"
country = "SE"
currency = "SEK"
tax_engine = "provider"

[[sellers]]
id = "north"
name = "North AB"
country = "SE"
currency = "SEK"
tax_registrations = [{ country = "SE" }]
"#;

async fn customer(server: &Server, country: &str, tax_id: &str, status: v1::CustomerTaxStatus) -> String {
    let address =
        (!country.is_empty()).then(|| v1::Address { country_code: country.to_owned(), ..v1::Address::default() });
    let request = v1::CreateCustomerRequest {
        request_id: unique("customer"),
        seller_id: "acme".to_owned(),
        name: "Some One".to_owned(),
        address,
        tax_ids: (!tax_id.is_empty()).then(|| tax_id.to_owned()).into_iter().collect(),
        tax_status: status.into(),
        ..v1::CreateCustomerRequest::default()
    };
    server.customers().create_customer(request).await.unwrap().into_inner().customer.unwrap().id
}

fn invoice(customer_id: &str, tax_code: &str) -> v1::CreateInvoiceRequest {
    v1::CreateInvoiceRequest {
        seller_id: "acme".to_owned(),
        customer_id: customer_id.to_owned(),
        lines: vec![v1::InvoiceLineInput { tax: Some(item_tax(tax_code)), ..line(10_000) }],
        finalize: true,
        ..invoice_request()
    }
}

fn question(lines: &[(i64, v1::LineTax)]) -> v1::CalculateTaxRequest {
    let line = |(minor_units, tax): &(i64, v1::LineTax)| v1::TaxLine {
        amount: Some(sek_amount(*minor_units)),
        tax_behavior: v1::TaxBehavior::Exclusive.into(),
        tax: Some(tax.clone()),
    };
    v1::CalculateTaxRequest {
        seller_id: "acme".to_owned(),
        customer_country_code: "DE".to_owned(),
        lines: lines.iter().map(line).collect(),
        ..v1::CalculateTaxRequest::default()
    }
}

async fn an_invoice_has_the_tax_that_the_engine_charges(db: Db) {
    use v1::CustomerTaxStatus::{Exempt, ReverseCharge, Taxable};
    use v1::TaxCategory as Category;
    let server = Server::start_with(db, SELLERS).await;
    for (country, tax_id, status, category, tax) in [
        ("SE", "", Taxable, Category::Standard, 2_500),
        ("DE", "", Taxable, Category::Standard, 1_900),
        ("DE", "DE136695976", Taxable, Category::ReverseCharge, 0),
        ("FR", "", ReverseCharge, Category::ReverseCharge, 0),
        ("SE", "", Exempt, Category::Exempt, 0),
        ("NO", "", Taxable, Category::OutsideScope, 0),
    ] {
        let buyer = customer(&server, country, tax_id, status).await;
        let created = server.invoices().create_invoice(invoice(&buyer, "ebook")).await.unwrap().into_inner();
        let invoice = created.invoice.unwrap();
        let (step, taxed) = (&invoice.tax_trace[0], invoice.lines[0].taxed.as_ref().unwrap());
        let told = (step.rule.as_str(), step.country_code.as_str(), taxed.category(), minor(invoice.tax.as_ref()));
        assert_eq!(told, ("PROVIDER_TAX", country, category, tax), "{country} {tax_id} {status:?}");
        assert_eq!((minor(invoice.total.as_ref()), step.unrounded.as_str()), (10_000 + tax, &*tax.to_string()));
        assert_eq!(step.rate.as_ref().map(|rate| rate.source.as_str()), (tax > 0).then_some("Stripe Tax"));
        let told =
            |it: &v1::TaxSubtotal| (it.category(), it.rate.is_some(), minor(it.base.as_ref()), minor(it.tax.as_ref()));
        let subtotals: Vec<_> = invoice.tax_subtotals.iter().map(told).collect();
        assert_eq!(subtotals, [(category, tax > 0, 10_000, tax)], "{country} {status:?}");
        let request = v1::GetInvoiceRequest { id: invoice.id.clone() };
        let read = server.invoices().get_invoice(request).await.unwrap().into_inner().invoice.unwrap();
        assert_eq!(read, invoice);
    }
    assert_eq!(server.executed(CALCULATIONS).await, 6);
    // Another seller's tables ask nobody.
    let request = v1::CreateInvoiceRequest {
        seller_id: "north".to_owned(),
        lines: vec![v1::InvoiceLineInput { tax: Some(item_tax("ebook")), ..line(10_000) }],
        ..invoice_request()
    };
    let invoice = server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!((invoice.tax_trace[0].rule.as_str(), minor(invoice.tax.as_ref())), ("DOMESTIC", 600));
    assert_eq!(server.executed(CALCULATIONS).await, 6);
}

async fn lines_of_both_kinds_are_one_document(db: Db) {
    let server = Server::start_with(db, SELLERS).await;
    let rate = v1::CreateTaxRateRequest {
        request_id: unique("rate"),
        seller_id: "acme".to_owned(),
        display_name: "Moms".to_owned(),
        percentage: "12".to_owned(),
        ..v1::CreateTaxRateRequest::default()
    };
    let rate = server.tax().create_tax_rate(rate).await.unwrap().into_inner().tax_rate.unwrap();
    let manual =
        v1::LineTax { treatment: Some(v1::line_tax::Treatment::Manual(v1::ManualTax { tax_rate_ids: vec![rate.id] })) };
    let untaxed = v1::LineTax { treatment: Some(v1::line_tax::Treatment::Untaxed(v1::Untaxed {})) };
    // More lines than one page of the provider's answer has.
    let mut lines = vec![(100, untaxed.clone()), (1_003, automatic()), (500, manual)];
    lines.extend((0..24).map(|_| (100, automatic())));
    let answer = server.tax().calculate_tax(question(&lines)).await.unwrap().into_inner();
    let calculation = answer.calculation.unwrap();
    let taxes: Vec<_> = calculation.lines.iter().map(|line| minor(line.tax.as_ref())).collect();
    assert_eq!((&taxes[..4], taxes.len()), (&[0, 191, 60, 19][..], 27));
    assert_eq!([&calculation.net, &calculation.tax].map(|sum| minor(sum.as_ref())), [4_003, 191 + 60 + 24 * 19]);
    let rules: Vec<_> = calculation.trace.iter().take(4).map(|step| step.rule.as_str()).collect();
    assert_eq!(rules, ["UNTAXED", "PROVIDER_TAX", "MANUAL_RATE", "PROVIDER_TAX"]);
    let bases: Vec<_> =
        calculation.subtotals.iter().map(|it| (it.category(), it.rate.is_some(), minor(it.base.as_ref()))).collect();
    let standard = v1::TaxCategory::Standard;
    assert_eq!(bases, [(standard, true, 500), (standard, true, 3_403), (v1::TaxCategory::OutsideScope, false, 100)]);
    // Where there is nothing for the engine to decide, it isn't asked.
    let asked = server.executed(CALCULATIONS).await;
    server.tax().calculate_tax(question(&[(100, untaxed)])).await.unwrap();
    assert_eq!(server.executed(CALCULATIONS).await, asked);
}

async fn what_the_engine_refuses_names_its_field(db: Db) {
    let server = Server::start_with(db, SELLERS).await;
    let good = question(&[(1_000, automatic())]);
    let of = |country: &str| v1::CalculateTaxRequest { customer_country_code: country.to_owned(), ..good.clone() };
    let long_ago = v1::Date { year: 2020, month: 1, day: 1 };
    for (request, fields) in [
        (question(&[(1_000, automatic()), (1_000, item_tax("accommodation"))]), ["lines[1].tax.automatic.tax_code"]),
        (question(&[(1_000, item_tax("txcd_1"))]), ["lines[0].tax.automatic.tax_code"]),
        (question(&[(100_000_000, automatic())]), ["lines[0].amount"]),
        (of(""), ["customer_country_code"]),
        (of("US"), ["customer_subdivision_code"]),
        (v1::CalculateTaxRequest { tax_point: Some(long_ago), ..good.clone() }, ["tax_point"]),
    ] {
        let status = server.tax().calculate_tax(request).await.unwrap_err();
        let (code, reason, told) = error_parts(&status);
        assert_eq!(
            (code, reason.as_str(), told),
            (Code::InvalidArgument, "INVALID_FIELDS", fields.map(str::to_owned).to_vec())
        );
    }
    let nowhere = customer(&server, "", "", v1::CustomerTaxStatus::Taxable).await;
    for buyer in [nowhere.as_str(), ""] {
        let status = server.invoices().create_invoice(invoice(buyer, "")).await.unwrap_err();
        assert_eq!(error_parts(&status).2, ["customer_id"], "{buyer}");
    }
    assert!(server.all_events().await.iter().all(|event| !event.r#type.starts_with("invoice.")));
}

async fn without_the_engine_nothing_is_stored_and_a_retry_finds_it(db: Db) {
    let server = Server::start_with(db, SELLERS).await;
    let buyer = customer(&server, "DE", "", v1::CustomerTaxStatus::Taxable).await;
    let request = invoice(&buyer, "");
    for fault in [
        json!({"kind": "status", "status": 500, "times": 9}),
        json!({"kind": "status", "status": 429, "retry_after": 10, "times": 9}),
        json!({"kind": "reset_before", "times": 9}),
        json!({"kind": "garbage", "times": 9}),
    ] {
        let mut fault = fault;
        fault["operation"] = CALCULATIONS.into();
        server.control("faults", json!([fault])).await;
        let refused = [
            server.invoices().create_invoice(request.clone()).await.unwrap_err(),
            server.tax().calculate_tax(question(&[(1_000, automatic())])).await.unwrap_err(),
        ];
        for status in refused {
            let (code, reason, _) = error_parts(&status);
            assert_eq!((code, reason.as_str()), (Code::Unavailable, "TAX_UNAVAILABLE"), "{fault}");
            assert!(status.get_details_retry_info().is_some(), "{fault}");
        }
        server.end_faults().await;
    }
    let list = v1::ListInvoicesRequest { seller_id: "acme".to_owned(), ..v1::ListInvoicesRequest::default() };
    assert!(server.invoices().list_invoices(list).await.unwrap().into_inner().invoices.is_empty());
    assert!(server.all_events().await.iter().all(|event| !event.r#type.starts_with("invoice.")));
    // So many failures in a row have the engine left alone for a moment; the caller asks again, as it is told.
    let first = eventually(async || server.invoices().create_invoice(request.clone()).await.ok()).await;
    let first = first.into_inner().invoice.unwrap();
    assert_eq!((minor(first.tax.as_ref()), first.number.ends_with("00001")), (1_900, true));
    // What is done is answered again without the engine.
    server.control("faults", json!([{"operation": CALCULATIONS, "kind": "reset_before", "times": 9}])).await;
    let again = server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!(again, first);
}

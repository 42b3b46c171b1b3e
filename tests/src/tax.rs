//! Tax as callers see it: what the customer's place, its tax ids and the kind of product make of an invoice.

use api_proto::v1;

use crate::harness::{
    Db, Server, error_parts, invoice_request, item_tax, line, mask, minor, on_both_databases, unique,
};

on_both_databases!(
    an_invoice_is_taxed_by_who_buys_what_where,
    a_product_brings_its_tax_code_to_the_lines_of_its_price,
    a_province_has_to_be_named_where_provinces_tax,
    tax_that_is_not_known_names_its_line,
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
            amount: Some(v1::Money { minor_units: 10_000, currency_code: "SEK".to_owned() }),
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
        amount: Some(v1::Money { minor_units: 100, currency_code: "SEK".to_owned() }),
        description: "Thing".to_owned(),
        tax: Some(item_tax("unheard_of")),
        ..v1::CreatePaymentRequest::default()
    };
    let status = server.payments().create_payment(payment).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["tax.automatic.tax_code"]);
    let types: Vec<_> = server.all_events().await.into_iter().map(|event| event.r#type).collect();
    assert_eq!(types, ["customer.created"]);
}

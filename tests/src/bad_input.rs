//! Bad input: every bad field is named at once, with its code and reason, and nothing is stored.

use api_proto::v1;
use tonic::Code;

use crate::harness::{Db, Server, error_parts, invoice_request, item, line, mask, on_both_databases, raw, unique};

on_both_databases!(
    links_name_every_bad_field,
    invoices_name_every_bad_field,
    checkouts_name_every_bad_field,
    states_and_uniqueness_have_their_codes,
    a_message_over_the_limit_is_refused,
    a_message_that_is_none_is_the_callers_fault,
    what_is_not_known_is_not_guessed,
);

/// A server whose hosted pages may send a browser to one host alone.
const CONFIG: &str = "[[sellers]]\nid = \"acme\"\nname = \"Acme AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n\
    tax_registrations = [{ country = \"SE\" }]\nredirect_hosts = [\"shop.example.com\"]\n";

async fn refused_link(server: &Server, request: v1::CreatePaymentLinkRequest) -> (Code, String, Vec<String>) {
    error_parts(&server.links().create_payment_link(request).await.unwrap_err())
}

fn link(items: Vec<v1::LineItemInput>) -> v1::CreatePaymentLinkRequest {
    v1::CreatePaymentLinkRequest { request_id: unique("link"), line_items: items, ..Default::default() }
}

fn invalid(fields: &[&str]) -> (Code, String, Vec<String>) {
    (Code::InvalidArgument, "INVALID_FIELDS".to_owned(), fields.iter().map(|field| (*field).to_owned()).collect())
}

async fn links_name_every_bad_field(db: Db) {
    let server = Server::start_with(db, CONFIG).await;
    let many = vec![item("Thing", 10_000, 1); 21];
    assert_eq!(refused_link(&server, link(many)).await, invalid(&["line_items"]));
    let mut bad = item("", -5, 0);
    if let Some(v1::line_item_input::Price::PriceData(data)) = &mut bad.price {
        data.unit_price = Some(v1::UnitPrice { minor_units: "-5".to_owned(), currency_code: "XXX".to_owned() });
    }
    let request = v1::CreatePaymentLinkRequest {
        request_id: String::new(),
        inactive_message: "x".repeat(501),
        restrictions: Some(v1::Restrictions { completed_sessions_limit: 0 }),
        metadata: [("card".to_owned(), "4242 4242 4242 4242".to_owned())].into(),
        after_completion: Some(redirect("javascript:alert(1)")),
        ..link(vec![item("Fine", 10_000, 1), bad])
    };
    let want = [
        "request_id",
        "line_items[1].price_data.name",
        "line_items[1].price_data.unit_price.currency_code",
        "line_items[1].price_data.unit_price.minor_units",
        "line_items[1].quantity",
        "after_completion.redirect.url",
        "inactive_message",
        "restrictions.completed_sessions_limit",
        "metadata[\"card\"]",
    ];
    assert_eq!(refused_link(&server, request).await, invalid(&want));
    for url in ["http://shop.example.com/", "https://evil.example.com/", "https://user@shop.example.com/"] {
        let request = v1::CreatePaymentLinkRequest {
            after_completion: Some(redirect(url)),
            ..link(vec![item("Fine", 10_000, 1)])
        };
        assert_eq!(refused_link(&server, request).await, invalid(&["after_completion.redirect.url"]), "{url}");
    }
    let over = link(vec![item("Gold", 999_999_999_999, 2)]);
    assert_eq!(refused_link(&server, over).await, invalid(&["line_items[0]"]));
    let too_small = refused_link(&server, link(vec![item("Sweet", 100, 1)])).await;
    assert_eq!(too_small, (Code::FailedPrecondition, "PROVIDER_REJECTED".to_owned(), vec!["line_items".to_owned()]));
    assert_eq!(server.executed("POST /v1/payment_links").await, 0);
    let at = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
    let odd = v1::CreatePaymentLinkRequest {
        expire_time: at,
        subscription: Some(v1::SubscriptionSettings { trial_period_days: 14, ..Default::default() }),
        ..link(vec![item("Fine", 10_000, 1)])
    };
    assert_eq!(refused_link(&server, odd).await, invalid(&["expire_time", "subscription"]));
    let for_invoice = v1::CreatePaymentLinkRequest {
        invoice_id: server.open_invoice(10_000).await.id,
        expire_time: at,
        managed_payments: true,
        currency_code: "SEK".to_owned(),
        ..link(vec![])
    };
    let want = invalid(&["expire_time", "currency_code", "managed_payments"]);
    assert_eq!(refused_link(&server, for_invoice).await, want);
    let change = v1::UpdatePaymentLinkRequest {
        request_id: unique("update"),
        payment_link: Some(v1::PaymentLink {
            id: "plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned(),
            metadata: [("card".to_owned(), "4242 4242 4242 4242".to_owned())].into(),
            ..Default::default()
        }),
        update_mask: mask(&["metadata"]),
    };
    let status = server.links().update_payment_link(change).await.unwrap_err();
    assert_eq!(error_parts(&status), invalid(&["payment_link.metadata[\"card\"]"]));
    let keyless = v1::ListPaymentLinksRequest { metadata_value: "7".to_owned(), ..Default::default() };
    let status = server.links().list_payment_links(keyless).await.unwrap_err();
    assert_eq!(error_parts(&status), invalid(&["metadata_key"]));
    let unknown = v1::GetPaymentLinkRequest { id: "plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned() };
    assert_eq!(server.links().get_payment_link(unknown).await.unwrap_err().code(), Code::NotFound);
    let malformed = v1::GetPaymentLinkRequest { id: "plink_1".to_owned() };
    assert_eq!(error_parts(&server.links().get_payment_link(malformed).await.unwrap_err()), invalid(&["id"]));
}

fn redirect(url: &str) -> v1::AfterCompletion {
    v1::AfterCompletion { kind: Some(v1::after_completion::Kind::Redirect(v1::Redirect { url: url.to_owned() })) }
}

async fn invoices_name_every_bad_field(db: Db) {
    let server = Server::start_with(db, CONFIG).await;
    let refused = async |request: v1::CreateInvoiceRequest| {
        error_parts(&server.invoices().create_invoice(request).await.unwrap_err())
    };
    assert_eq!(refused(invoice_request()).await, invalid(&["lines"]));
    let mut untreated = line(10_000);
    (untreated.tax, untreated.quantity) = (None, -1);
    let request = v1::CreateInvoiceRequest {
        currency_code: "XXX".to_owned(),
        lines: vec![line(10_000), untreated],
        due_date: Some(v1::Date { year: 2026, month: 2, day: 30 }),
        ..invoice_request()
    };
    assert_eq!(refused(request).await, invalid(&["currency_code", "lines[1].quantity", "lines[1].tax", "due_date"]));
    let request =
        v1::CreateInvoiceRequest { lines: vec![line(999_999_999_999), line(999_999_999_999)], ..invoice_request() };
    assert_eq!(refused(request).await, invalid(&["lines"]));
    let request =
        v1::CreateInvoiceRequest { currency_code: "EUR".to_owned(), lines: vec![line(10_000)], ..invoice_request() };
    assert_eq!(refused(request).await, invalid(&["lines[0].price_data.unit_price"]));
    // What is in another currency is told with all that is malformed.
    let euro = Some(v1::Money { minor_units: 1, currency_code: "EUR".to_owned() });
    let off = v1::InvoiceDiscount { discount: euro.map(v1::invoice_discount::Discount::AmountOff) };
    let day = |year| Some(v1::Date { year, month: 1, day: 1 });
    let request = v1::CreateInvoiceRequest {
        request_id: "pay-4242424242424242".to_owned(),
        currency_code: "EUR".to_owned(),
        lines: vec![v1::InvoiceLineInput { quantity: 0, ..line(10_000) }],
        discount: Some(v1::InvoiceDiscount {
            discount: Some(v1::invoice_discount::Discount::AmountOff(v1::Money {
                minor_units: 1,
                currency_code: "SEK".to_owned(),
            })),
        }),
        tax_point: day(1),
        due_date: day(9999),
        tax_exchange_rate: Some(v1::TaxExchangeRate { rate: "0".to_owned(), ..v1::TaxExchangeRate::default() }),
        ..invoice_request()
    };
    let fields = [
        "request_id",
        "lines[0].quantity",
        "lines[0].price_data.unit_price",
        "discount.amount_off.currency_code",
        "tax_point",
        "due_date",
        "tax_exchange_rate.currency_code",
        "tax_exchange_rate.rate",
        "tax_exchange_rate.date",
        "tax_exchange_rate.source",
    ];
    assert_eq!(refused(request).await, invalid(&fields));
    let request = v1::CreateInvoiceRequest { lines: vec![line(10_000)], discount: Some(off), ..invoice_request() };
    assert_eq!(refused(request).await, invalid(&["discount.amount_off.currency_code"]));
    let rate =
        v1::CreateTaxRateRequest { request_id: unique("rate"), percentage: "100.5".to_owned(), ..Default::default() };
    let status = server.tax().create_tax_rate(rate).await.unwrap_err();
    assert_eq!(error_parts(&status), invalid(&["display_name", "percentage"]));
    assert!(
        server
            .invoices()
            .list_invoices(v1::ListInvoicesRequest::default())
            .await
            .unwrap()
            .into_inner()
            .invoices
            .is_empty()
    );
    assert!(server.all_events().await.is_empty());
}

async fn checkouts_name_every_bad_field(db: Db) {
    let server = Server::start_with(db, CONFIG).await;
    let invoice = server.open_invoice(10_000).await;
    let good = v1::CreateInvoiceCheckoutRequest {
        invoice_id: invoice.id,
        mode: v1::CheckoutMode::Payment as i32,
        return_url: "https://shop.example.com/".to_owned(),
        ..Default::default()
    };
    let refused = async |request: v1::CreateInvoiceCheckoutRequest| {
        let request = v1::CreateInvoiceCheckoutRequest { request_id: unique("checkout"), ..request };
        error_parts(&server.checkouts().create_invoice_checkout(request).await.unwrap_err())
    };
    let money = |minor_units: i64, code: &str| Some(v1::Money { minor_units, currency_code: code.to_owned() });
    let nothing = v1::CreateInvoiceCheckoutRequest::default();
    assert_eq!(refused(nothing).await, invalid(&["mode", "invoice_id", "return_url"]));
    let above = v1::CreateInvoiceCheckoutRequest { amount: money(12_501, "SEK"), ..good.clone() };
    assert_eq!(refused(above).await, invalid(&["amount.minor_units"]));
    let negative = v1::CreateInvoiceCheckoutRequest { amount: money(-1, "SEK"), ..good.clone() };
    assert_eq!(refused(negative).await, invalid(&["amount.minor_units"]));
    let foreign = v1::CreateInvoiceCheckoutRequest { amount: money(5_000, "EUR"), ..good.clone() };
    assert_eq!(refused(foreign).await, invalid(&["amount.currency_code"]));
    let locale = v1::CreateInvoiceCheckoutRequest { locale: "tlh".to_owned(), ..good.clone() };
    assert_eq!(refused(locale).await, invalid(&["locale"]));
    let host = v1::CreateInvoiceCheckoutRequest { cancel_url: "https://evil.example.com/".to_owned(), ..good };
    assert_eq!(refused(host).await, invalid(&["cancel_url"]));
}

async fn states_and_uniqueness_have_their_codes(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let first = server.invoice_link(&invoice.id).await.unwrap();
    let second = error_parts(&server.invoice_link(&invoice.id).await.unwrap_err());
    assert_eq!((second.0, second.1.as_str()), (Code::AlreadyExists, "COLLECTABLE_OPEN"));
    let request = v1::DeactivatePaymentLinkRequest { request_id: "again".to_owned(), id: first.id.clone() };
    server.links().deactivate_payment_link(request.clone()).await.unwrap();
    let reused = v1::ActivatePaymentLinkRequest { request_id: "again".to_owned(), id: first.id };
    let status = server.links().activate_payment_link(reused).await.unwrap_err();
    assert_eq!((error_parts(&status).0, error_parts(&status).1.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    let third = server.invoice_link(&invoice.id).await.unwrap();
    server.pay(&third.url, crate::harness::GOOD_CARD).await;
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let paid = error_parts(&server.invoice_link(&invoice.id).await.unwrap_err());
    assert_eq!((paid.0, paid.1.as_str()), (Code::FailedPrecondition, "INVOICE_STATE"));
    let edit = v1::UpdateInvoiceRequest {
        request_id: unique("edit"),
        id: invoice.id.clone(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["description".to_owned()] }),
        ..Default::default()
    };
    let status = server.invoices().update_invoice(edit).await.unwrap_err();
    assert_eq!((error_parts(&status).0, error_parts(&status).1.as_str()), (Code::FailedPrecondition, "INVOICE_STATE"));
    let unknown = server.invoice_link("inv_0193a5c2e8b27c3a9f0e1d2c3b4a5968").await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

async fn what_is_not_known_is_not_guessed(db: Db) {
    let server = Server::start(db).await;
    let list = v1::ListInvoicesRequest { state: 99, ..Default::default() };
    assert_eq!(error_parts(&server.invoices().list_invoices(list).await.unwrap_err()), invalid(&["state"]));
    let list = v1::ListInvoicesRequest { number: "a\0b".to_owned(), ..Default::default() };
    assert_eq!(error_parts(&server.invoices().list_invoices(list).await.unwrap_err()), invalid(&["number"]));
    let list = v1::ListCreditNotesRequest { number: "№ 1".to_owned(), ..Default::default() };
    assert_eq!(error_parts(&server.invoices().list_credit_notes(list).await.unwrap_err()), invalid(&["number"]));
    let rounding = Some(v1::TaxRounding { scope: 77, mode: 0 });
    let request = v1::CreateInvoiceRequest { lines: vec![line(10_000)], tax_rounding: rounding, ..invoice_request() };
    assert_eq!(
        error_parts(&server.invoices().create_invoice(request).await.unwrap_err()),
        invalid(&["tax_rounding.scope"])
    );
    for cursor in ["999999", "-1", "x"] {
        let request = v1::ListEventsRequest { after_cursor: cursor.to_owned(), ..Default::default() };
        assert_eq!(
            error_parts(&server.events().list_events(request).await.unwrap_err()),
            invalid(&["after_cursor"]),
            "{cursor}"
        );
    }
    let request = v1::ListEventsRequest { subject_id: "a\0b".to_owned(), ..Default::default() };
    assert_eq!(error_parts(&server.events().list_events(request).await.unwrap_err()), invalid(&["subject_id"]));
    let pair = v1::ListPaymentLinksRequest { metadata_key: "a\0b".to_owned(), ..Default::default() };
    assert_eq!(error_parts(&server.links().list_payment_links(pair).await.unwrap_err()), invalid(&["metadata_key"]));
    let mut bad = line(10_000);
    bad.quantity = -1;
    let request = v1::CreateInvoiceRequest { lines: vec![bad; 500], ..invoice_request() };
    let (code, reason, fields) = error_parts(&server.invoices().create_invoice(request).await.unwrap_err());
    assert_eq!((code, reason.as_str(), fields.len()), (Code::InvalidArgument, "INVALID_FIELDS", 20));
}

async fn a_message_over_the_limit_is_refused(db: Db) {
    let server = Server::start(db).await;
    let request = v1::CreateProductRequest {
        request_id: unique("big"),
        name: "Book".to_owned(),
        description: "x".repeat(5 << 20),
        ..Default::default()
    };
    let status = server.catalog().create_product(request).await.unwrap_err();
    assert_eq!(
        (error_parts(&status).0, error_parts(&status).1.as_str()),
        (Code::ResourceExhausted, "MESSAGE_TOO_LARGE")
    );
    assert!(
        server
            .catalog()
            .list_products(v1::ListProductsRequest::default())
            .await
            .unwrap()
            .into_inner()
            .products
            .is_empty()
    );
}

async fn a_message_that_is_none_is_the_callers_fault(db: Db) {
    let server = Server::start(db).await;
    let (create, health) = ("/paylinks.v1.CatalogService/CreateProduct", "/grpc.health.v1.Health/Check");
    // Text that is no UTF-8, a field that is longer than what is there, and no message at all.
    for (path, message, place) in [
        (create, Some(&b"\x1a\x03\xff\xfe\xfd"[..]), "CreateProductRequest.name"),
        (create, Some(b"\x1a\xff\xff\xff\xff\x0f"), "CreateProductRequest.name"),
        (create, None, "Missing"),
        (health, Some(b"\x0a\x03\xff\xfe\xfd"), "HealthCheckRequest.service"),
    ] {
        let status = match message {
            Some(message) => raw::call(&server, path, None, message.to_vec()).await.unwrap_err(),
            None => raw::call_with_nothing(&server, path).await.unwrap_err(),
        };
        let (code, reason, fields) = error_parts(&status);
        assert_eq!((code, reason.as_str(), fields.len()), (Code::InvalidArgument, "MESSAGE_MALFORMED", 0));
        assert!(status.message().contains(place), "{status}");
    }
    // Nobody is called for that.
    let calls = |code: &str| {
        format!("paylinks_grpc_calls_total{{method=\"/paylinks.v1.CatalogService/CreateProduct\",code=\"{code}\"}}")
    };
    assert_eq!(server.metric(&calls("InvalidArgument")).await.as_deref(), Some("3"));
    assert_eq!(server.metric(&calls("Internal")).await.as_deref(), Some("0"));
}

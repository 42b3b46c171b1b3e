//! Invoices: drafts that change, finalization, what is never collected, what is overdue, and every figure of their tax.

use api_proto::v1;
use tonic::Code;

use crate::harness::{
    Db, GOOD_CARD, Server, automatic, error_parts, invoice_request, line, mask, minor, on_both_databases, sek,
    sek_amount, unique,
};

on_both_databases!(
    a_draft_changes_by_mask_and_is_final_once_finalized,
    a_bad_change_of_a_draft_names_its_fields_and_changes_nothing,
    an_uncollectible_invoice_turns_paid_when_money_comes_after_all,
    overdue_invoices_are_found,
    a_manual_rate_and_inclusive_prices_add_up_by_line_and_by_invoice,
    calculated_tax_explains_every_figure_and_stores_nothing,
    discounts_are_taken_off_before_tax_and_shipping_is_taxed,
    discounts_that_do_not_fit_name_their_fields,
);

async fn draft(server: &Server, request: v1::CreateInvoiceRequest) -> v1::Invoice {
    server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap()
}

fn update(invoice: &v1::Invoice, draft: v1::InvoiceDraft, paths: &[&str]) -> v1::UpdateInvoiceRequest {
    v1::UpdateInvoiceRequest {
        request_id: unique("update"),
        id: invoice.id.clone(),
        etag: invoice.etag.clone(),
        draft: Some(draft),
        update_mask: mask(paths),
    }
}

async fn a_draft_changes_by_mask_and_is_final_once_finalized(db: Db) {
    let server = Server::start(db).await;
    let request = v1::CreateInvoiceRequest {
        lines: vec![line(10_000)],
        description: "May".to_owned(),
        due_date: Some(v1::Date { year: 2031, month: 5, day: 31 }),
        metadata: [("order".to_owned(), "1".to_owned()), ("shop".to_owned(), "a".to_owned())].into(),
        ..invoice_request()
    };
    let first = draft(&server, request).await;
    assert_eq!((first.state(), first.number.as_str(), &first.seller), (v1::InvoiceState::Draft, "", &None));
    let change = v1::InvoiceDraft {
        lines: vec![line(20_000), line(5_000)],
        metadata: [("order".to_owned(), "2".to_owned())].into(),
        ..v1::InvoiceDraft::default()
    };
    let change = update(&first, change, &["lines", "due_date", "metadata.order", "metadata.shop"]);
    let second = server.invoices().update_invoice(change.clone()).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!((minor(second.net.as_ref()), minor(second.total.as_ref())), (25_000, 31_250));
    assert_eq!((second.description.as_str(), second.due_date), ("May", None));
    assert_eq!(second.metadata, [("order".to_owned(), "2".to_owned())].into());
    let stale = v1::UpdateInvoiceRequest { request_id: unique("stale"), ..change };
    let status = server.invoices().update_invoice(stale).await.unwrap_err();
    assert_eq!((error_parts(&status).0, error_parts(&status).1.as_str()), (Code::Aborted, "ETAG_MISMATCH"));

    let no_link = error_parts(&server.invoice_link(&first.id).await.unwrap_err());
    assert_eq!((no_link.0, no_link.1.as_str()), (Code::FailedPrecondition, "INVOICE_STATE"));
    let finalize =
        v1::FinalizeInvoiceRequest { request_id: unique("finalize"), id: second.id.clone(), etag: second.etag.clone() };
    let last = server.invoices().finalize_invoice(finalize.clone()).await.unwrap().into_inner().invoice.unwrap();
    let year = last.tax_point.unwrap().year;
    assert_eq!((last.state(), last.number), (v1::InvoiceState::Open, format!("INV-{year}-00001")));
    assert!(last.seller.is_some() && last.finalize_time.is_some());
    let twice = v1::FinalizeInvoiceRequest { request_id: unique("finalize"), etag: last.etag, ..finalize };
    let status = server.invoices().finalize_invoice(twice).await.unwrap_err();
    assert_eq!((error_parts(&status).0, error_parts(&status).1.as_str()), (Code::FailedPrecondition, "INVOICE_STATE"));
}

async fn a_bad_change_of_a_draft_names_its_fields_and_changes_nothing(db: Db) {
    let server = Server::start(db).await;
    let first = draft(&server, v1::CreateInvoiceRequest { lines: vec![line(10_000)], ..invoice_request() }).await;
    let mut bad = line(-1);
    bad.quantity = 0;
    let change = v1::InvoiceDraft {
        lines: vec![line(10_000), bad],
        due_date: Some(v1::Date { year: 2026, month: 13, day: 1 }),
        ..v1::InvoiceDraft::default()
    };
    let status = server
        .invoices()
        .update_invoice(update(&first, change, &["lines", "due_date", "total", "metadata."]))
        .await
        .unwrap_err();
    let want = [
        "update_mask.paths[2]",
        "update_mask.paths[3]",
        "draft.lines[1].quantity",
        "draft.lines[1].price_data.unit_price.minor_units",
        "draft.due_date",
    ];
    assert_eq!(
        error_parts(&status),
        (Code::InvalidArgument, "INVALID_FIELDS".to_owned(), want.map(str::to_owned).to_vec())
    );
    let unknown = v1::ManualTax { tax_rate_ids: vec!["txr_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned()] };
    let tax = Some(v1::LineTax { treatment: Some(v1::line_tax::Treatment::Manual(unknown)) });
    let change = v1::InvoiceDraft { lines: vec![v1::InvoiceLineInput { tax, ..line(10_000) }], ..Default::default() };
    let status = server.invoices().update_invoice(update(&first, change, &["lines"])).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["draft.lines[0].tax.manual.tax_rate_ids[0]"]);
    let emptied = update(&first, v1::InvoiceDraft::default(), &["lines"]);
    let status = server.invoices().update_invoice(emptied).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["draft.lines"]);
    assert_eq!(server.invoice(&first.id).await, first);
}

async fn an_uncollectible_invoice_turns_paid_when_money_comes_after_all(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    // The provider can't be told to close its page, and the customer pays there.
    let fault = serde_json::json!([{"operation": "POST /v1/payment_links/{id}", "kind": "status", "status": 503, "times": 1_000_000}]);
    server.control("faults", fault).await;
    let request = v1::MarkInvoiceUncollectibleRequest {
        request_id: unique("uncollectible"),
        id: invoice.id.clone(),
        etag: invoice.etag,
    };
    let written_off =
        server.invoices().mark_invoice_uncollectible(request).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!(
        (written_off.state(), minor(written_off.amount_due.as_ref())),
        (v1::InvoiceState::Uncollectible, 12_500)
    );
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.end_faults().await;
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    assert_eq!((minor(paid.amount_paid.as_ref()), minor(paid.amount_due.as_ref())), (12_500, 0));
}

async fn overdue_invoices_are_found(db: Db) {
    let server = Server::start(db).await;
    let due = |year| Some(v1::Date { year, month: 1, day: 1 });
    let mut made = Vec::new();
    for (due_date, finalize) in [(due(2020), true), (due(2020), false), (due(2090), true), (None, true)] {
        let lines = vec![line(10_000)];
        made.push(draft(&server, v1::CreateInvoiceRequest { lines, due_date, finalize, ..invoice_request() }).await);
    }
    assert_eq!(made.iter().map(|invoice| invoice.overdue).collect::<Vec<_>>(), [true, false, false, false]);
    let overdue = async || {
        let request = v1::ListInvoicesRequest { overdue: true, ..v1::ListInvoicesRequest::default() };
        let found = server.invoices().list_invoices(request).await.unwrap().into_inner().invoices;
        found.into_iter().map(|invoice| invoice.id).collect::<Vec<_>>()
    };
    assert_eq!(overdue().await, [made[0].id.clone()]);
    let link = server.invoice_link(&made[0].id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&made[0].id, v1::InvoiceState::Paid).await;
    assert!(overdue().await.is_empty());
}

/// A line at a price, taxed by a manual rate.
fn taxed(minor: i64, tax_behavior: v1::TaxBehavior, rate: &v1::TaxRate) -> v1::InvoiceLineInput {
    let manual = v1::ManualTax { tax_rate_ids: vec![rate.id.clone()] };
    v1::InvoiceLineInput {
        price: Some(v1::invoice_line_input::Price::PriceData(v1::InlinePrice {
            unit_price: Some(sek(minor)),
            tax_behavior: tax_behavior as i32,
        })),
        tax: Some(v1::LineTax { treatment: Some(v1::line_tax::Treatment::Manual(manual)) }),
        ..line(minor)
    }
}

async fn rate(server: &Server, percentage: &str) -> v1::TaxRate {
    let request = v1::CreateTaxRateRequest {
        request_id: unique("rate"),
        display_name: "Moms".to_owned(),
        percentage: percentage.to_owned(),
        country_code: "SE".to_owned(),
        ..v1::CreateTaxRateRequest::default()
    };
    server.tax().create_tax_rate(request).await.unwrap().into_inner().tax_rate.unwrap()
}

async fn a_manual_rate_and_inclusive_prices_add_up_by_line_and_by_invoice(db: Db) {
    let server = Server::start(db).await;
    let twelve = rate(&server, "12").await;
    let of = async |lines: Vec<v1::InvoiceLineInput>, scope: v1::TaxRoundingScope| {
        let tax_rounding = Some(v1::TaxRounding { scope: scope as i32, mode: v1::TaxRoundingMode::HalfUp as i32 });
        let invoice = draft(&server, v1::CreateInvoiceRequest { lines, tax_rounding, ..invoice_request() }).await;
        let figures = [&invoice.net, &invoice.tax, &invoice.total].map(|money| minor(money.as_ref()));
        let lines: Vec<_> = invoice
            .lines
            .iter()
            .map(|line| line.taxed.as_ref().map(|taxed| minor(taxed.tax.as_ref())).unwrap())
            .collect();
        (figures, lines)
    };
    // 12 % of 0.04 is 0.0048 SEK: three lines round to nothing each, and to 0.01 together.
    let small = || vec![taxed(4, v1::TaxBehavior::Exclusive, &twelve); 3];
    assert_eq!(of(small(), v1::TaxRoundingScope::PerLine).await, ([12, 0, 12], vec![0, 0, 0]));
    assert_eq!(of(small(), v1::TaxRoundingScope::PerInvoice).await, ([12, 1, 13], vec![1, 0, 0]));
    // 112.00 SEK with its tax inside is 100.00 and 12.00; beside it an exclusive price at the tables' 25 %.
    let mixed = vec![taxed(11_200, v1::TaxBehavior::Inclusive, &twelve), line(10_000)];
    assert_eq!(of(mixed, v1::TaxRoundingScope::PerLine).await, ([20_000, 3_700, 23_700], vec![1_200, 2_500]));
    let unknown = v1::TaxRate { id: "txr_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned(), ..twelve };
    let lines = vec![taxed(10_000, v1::TaxBehavior::Exclusive, &unknown)];
    let status =
        server.invoices().create_invoice(v1::CreateInvoiceRequest { lines, ..invoice_request() }).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["lines[0].tax.manual.tax_rate_ids[0]"]);
}

async fn calculated_tax_explains_every_figure_and_stores_nothing(db: Db) {
    let server = Server::start(db).await;
    let half = rate(&server, "12.5").await;
    let manual = v1::ManualTax { tax_rate_ids: vec![half.id.clone()] };
    let tax_line = |minor_units, tax| v1::TaxLine {
        amount: Some(sek_amount(minor_units)),
        tax_behavior: v1::TaxBehavior::Exclusive as i32,
        tax: Some(tax),
    };
    let untaxed = v1::LineTax { treatment: Some(v1::line_tax::Treatment::Untaxed(v1::Untaxed {})) };
    let request = v1::CalculateTaxRequest {
        lines: vec![
            tax_line(999, automatic()),
            tax_line(100, v1::LineTax { treatment: Some(v1::line_tax::Treatment::Manual(manual)) }),
            tax_line(50, untaxed),
        ],
        tax_point: Some(v1::Date { year: 2026, month: 3, day: 1 }),
        ..v1::CalculateTaxRequest::default()
    };
    let told_tax = async |request: v1::CalculateTaxRequest| {
        server.tax().calculate_tax(request).await.unwrap().into_inner().calculation.unwrap()
    };
    let calculation = told_tax(request.clone()).await;
    let steps: Vec<_> = calculation
        .trace
        .iter()
        .map(|step| (step.line, step.rule.as_str(), step.base.as_str(), step.unrounded.as_str(), step.rounded))
        .collect();
    assert_eq!(
        steps,
        [(0, "DOMESTIC", "999", "249.75", 250), (1, "MANUAL_RATE", "100", "12.5", 13), (2, "UNTAXED", "50", "0", 0),]
    );
    let source = calculation.trace[0].rate.as_ref().unwrap();
    assert_eq!((source.percentage.as_str(), source.country_code.as_str()), ("25", "SE"));
    assert!(!source.source.is_empty() && source.since.is_some());
    assert_eq!((minor(calculation.tax.as_ref()), minor(calculation.gross.as_ref())), (263, 1_412));
    // A buyer in Germany where the seller is not registered: the seller's own country, below the threshold.
    let german = v1::CalculateTaxRequest { customer_country_code: "DE".to_owned(), ..request.clone() };
    assert_eq!(told_tax(german).await.trace[0].rule, "ORIGIN_BELOW_THRESHOLD");
    let american = v1::CalculateTaxRequest { customer_country_code: "US".to_owned(), ..request.clone() };
    assert_eq!(told_tax(american).await.trace[0].rule, "OUTSIDE_SCOPE");
    // Nothing but the rate was ever stored.
    assert_eq!(server.event_types().await, ["tax_rate.created"]);
    let bad = v1::CalculateTaxRequest {
        customer_country_code: "XX1".to_owned(),
        lines: vec![v1::TaxLine::default()],
        ..v1::CalculateTaxRequest::default()
    };
    let status = server.tax().calculate_tax(bad).await.unwrap_err();
    assert_eq!(
        error_parts(&status).2,
        ["customer_country_code", "lines[0].amount", "lines[0].tax_behavior", "lines[0].tax"]
    );
}

fn percent_off(percent: &str) -> Option<v1::InvoiceDiscount> {
    Some(v1::InvoiceDiscount { discount: Some(v1::invoice_discount::Discount::PercentOff(percent.to_owned())) })
}

fn amount_off(minor_units: i64, currency_code: &str) -> Option<v1::InvoiceDiscount> {
    let amount = v1::Money { minor_units, currency_code: currency_code.to_owned() };
    Some(v1::InvoiceDiscount { discount: Some(v1::invoice_discount::Discount::AmountOff(amount)) })
}

fn inclusive(minor: i64) -> v1::InvoiceLineInput {
    let mut line = line(minor);
    if let Some(v1::invoice_line_input::Price::PriceData(data)) = &mut line.price {
        data.tax_behavior = v1::TaxBehavior::Inclusive.into();
    }
    line
}

async fn discounts_are_taken_off_before_tax_and_shipping_is_taxed(db: Db) {
    let server = Server::start(db).await;
    let rate = v1::CreateShippingRateRequest {
        request_id: unique("shipping"),
        display_name: "Parcel".to_owned(),
        amount: Some(sek_amount(4_900)),
        tax_behavior: v1::TaxBehavior::Inclusive.into(),
        tax_code: "shipping".to_owned(),
        ..v1::CreateShippingRateRequest::default()
    };
    let rate = server.catalog().create_shipping_rate(rate).await.unwrap().into_inner().shipping_rate.unwrap();
    let shipping = v1::InvoiceLineInput {
        price: Some(v1::invoice_line_input::Price::ShippingRateId(rate.id.clone())),
        quantity: 1,
        tax: Some(automatic()),
        ..v1::InvoiceLineInput::default()
    };
    let request = v1::CreateInvoiceRequest {
        lines: vec![
            v1::InvoiceLineInput { quantity: 3, discount: percent_off("10"), ..line(3_333) },
            v1::InvoiceLineInput { discount: amount_off(500, "SEK"), ..inclusive(10_500) },
            shipping,
        ],
        discount: amount_off(1_000, "SEK"),
        ..invoice_request()
    };
    let invoice = draft(&server, request.clone()).await;
    let figures = |line: &v1::InvoiceLine| {
        let taxed = line.taxed.as_ref().unwrap();
        [line.discount_amount.as_ref(), line.amount.as_ref(), taxed.tax.as_ref()].map(minor)
    };
    // 9999 less 1000 leaves 8999, 10500 less 500 leaves 10000, and 4900; of their 23899 go 1000, in proportion:
    // 376.54, 418.43 and 205.03. Tax is 25 % of 8622, and inside of 9582 and of 4695.
    let lines: Vec<_> = invoice.lines.iter().map(figures).collect();
    assert_eq!(lines, [[1_377, 8_622, 2_156], [918, 9_582, 1_916], [205, 4_695, 939]]);
    assert_eq!((invoice.lines[2].description.as_str(), &invoice.lines[2].shipping_rate_id), ("Parcel", &rate.id));
    assert_eq!((minor(invoice.discount_amount.as_ref()), minor(invoice.total.as_ref())), (2_500, 25_055));
    assert_eq!((&invoice.discount, &invoice.lines[0].discount), (&request.discount, &request.lines[0].discount));
    // The share of each line is found anew when lines or the discount change, and stays through finalization.
    let change = v1::InvoiceDraft { discount: percent_off("100"), ..v1::InvoiceDraft::default() };
    let change = update(&invoice, change, &["discount"]);
    let free = server.invoices().update_invoice(change).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!((minor(free.total.as_ref()), minor(free.tax.as_ref())), (0, 0));
    let clear = update(&free, v1::InvoiceDraft::default(), &["discount"]);
    let cleared = server.invoices().update_invoice(clear).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!((cleared.discount, minor(cleared.discount_amount.as_ref())), (None, 1_500));
    let finalize =
        v1::FinalizeInvoiceRequest { request_id: unique("final"), id: invoice.id.clone(), etag: cleared.etag };
    let fixed = server.invoices().finalize_invoice(finalize).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!(fixed.lines, cleared.lines);
    assert_eq!(minor(fixed.total.as_ref()), 8_999 + 2_250 + 10_000 + 4_900);
}

async fn discounts_that_do_not_fit_name_their_fields(db: Db) {
    let server = Server::start(db).await;
    let refused = async |lines: Vec<v1::InvoiceLineInput>, discount: Option<v1::InvoiceDiscount>| {
        let request = v1::CreateInvoiceRequest { lines, discount, ..invoice_request() };
        error_parts(&server.invoices().create_invoice(request).await.unwrap_err()).2
    };
    let with = |discount| v1::InvoiceLineInput { discount, ..line(100) };
    let lines = vec![with(percent_off("101")), with(amount_off(0, "SEK")), with(Some(v1::InvoiceDiscount::default()))];
    let fields = [
        "lines[0].discount.percent_off",
        "lines[1].discount.amount_off.minor_units",
        "lines[2].discount",
        "discount.amount_off.currency_code",
    ];
    assert_eq!(refused(lines, amount_off(1, "?")).await, fields);
    let currency = ["lines[1].discount.amount_off.currency_code"];
    assert_eq!(refused(vec![with(amount_off(1, "SEK")), with(amount_off(1, "EUR"))], None).await, currency);
    // What a line costs is known once the form is right.
    let amount = ["lines[0].discount.amount_off.minor_units"];
    assert_eq!(refused(vec![with(amount_off(101, "SEK"))], None).await, amount);
    let field = ["discount.amount_off.minor_units"];
    assert_eq!(refused(vec![with(amount_off(60, "SEK"))], amount_off(41, "SEK")).await, field);
    let unknown = v1::InvoiceLineInput {
        price: Some(v1::invoice_line_input::Price::ShippingRateId("shr_0".to_owned())),
        ..line(1)
    };
    assert_eq!(refused(vec![unknown], None).await, ["lines[0].shipping_rate_id"]);
    assert_eq!(server.all_events().await, []);
}

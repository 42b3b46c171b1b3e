//! Credit notes: whole and by line, in parts that add up to the mirror, above what is left, with a page that is open, and
//! with faults in between.

use api_proto::v1;
use api_proto::v1::create_credit_note_request::Scope;
use api_proto::v1::credited_line::Part;
use serde_json::json;
use tonic::{Code, Status};

use crate::harness::{
    Db, GOOD_CARD, Server, error_parts, eventually, invoice_request, line, minor, on_both_databases, sek, sek_amount,
    unique,
};

on_both_databases!(
    a_credit_of_everything_is_the_mirror_of_the_invoice,
    thirds_of_an_invoice_add_up_to_the_mirror,
    a_credit_above_what_is_left_names_every_line_and_changes_nothing,
    a_bad_credit_names_every_field_at_once,
    a_draft_and_a_payment_under_way_are_not_credited,
    the_open_link_is_closed_before_what_is_due_is_lowered,
    what_was_paid_goes_back_by_refunds_that_name_the_credit_note,
    what_goes_back_with_a_credit_note_and_without_is_never_more_than_what_came_in,
    a_credit_that_waits_for_the_provider_outlives_a_crash_and_is_issued_once,
    a_customer_who_is_faster_gets_the_credit_paid_back,
    credits_at_once_never_pass_the_invoice,
    held_money_is_decided_before_its_invoice_is_credited,
    tax_is_told_and_explained_in_the_sellers_currency_too,
);

async fn tax_is_told_and_explained_in_the_sellers_currency_too(db: Db) {
    let server = Server::start(db).await;
    let price = v1::InlinePrice {
        unit_price: Some(v1::UnitPrice { minor_units: "3333".to_owned(), currency_code: "EUR".to_owned() }),
        tax_behavior: v1::TaxBehavior::Exclusive as i32,
    };
    let priced = v1::InvoiceLineInput {
        quantity: 3,
        price: Some(v1::invoice_line_input::Price::PriceData(price)),
        ..line(10_000)
    };
    let untaxed = Some(v1::LineTax { treatment: Some(v1::line_tax::Treatment::Untaxed(v1::Untaxed {})) });
    let asked = v1::CreateInvoiceRequest {
        currency_code: "EUR".to_owned(),
        lines: vec![priced.clone(), v1::InvoiceLineInput { tax: untaxed, quantity: 1, ..priced }],
        tax_exchange_rate: Some(v1::TaxExchangeRate {
            currency_code: "SEK".to_owned(),
            rate: "11.0785".to_owned(),
            date: Some(v1::Date { year: 2026, month: 11, day: 27 }),
            source: "European Central Bank".to_owned(),
        }),
        finalize: true,
        ..invoice_request()
    };
    let invoice = server.invoices().create_invoice(asked.clone()).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!(invoice.tax_exchange_rate, asked.tax_exchange_rate);
    // 25 % of 99.99 EUR is 25.00 EUR.
    assert_eq!((minor(invoice.tax.as_ref()), minor(invoice.tax_in_sellers_currency.as_ref())), (2_500, 27_696));
    let told = |it: &v1::TaxSubtotal| (it.category(), it.rate.is_some(), minor(it.base.as_ref()));
    let bases: Vec<_> = invoice.tax_subtotals.iter().map(told).collect();
    let want = [(v1::TaxCategory::Standard, true, 9_999), (v1::TaxCategory::OutsideScope, false, 3_333)];
    assert_eq!(bases, want);
    let (first, _) = credit(&server, &invoice, by_line(vec![(&invoice, 0, Part::Quantity(1))])).await;
    let (second, _) = credit(&server, &invoice, rest()).await;
    let exchanged = [&first, &second].map(|note| minor(note.tax_in_sellers_currency.as_ref()));
    assert_eq!((exchanged.iter().sum::<i64>(), exchanged[0]), (27_696, 9_228));
    assert_eq!([&first, &second].map(|note| note.tax_trace.len()), [1, 2]);
    let step = &first.tax_trace[0];
    assert_eq!((step.rule.as_str(), step.category(), step.rounded), ("DOMESTIC", v1::TaxCategory::Standard, 833));
}

/// Money of a payment that went back in cash, by a credit note.
fn in_cash(payment_id: &str, note: &v1::CreditNote, minor_units: i64) -> v1::RecordRefundRequest {
    v1::RecordRefundRequest {
        request_id: unique("cash"),
        payment_id: payment_id.to_owned(),
        amount: Some(sek_amount(minor_units)),
        method: v1::OutOfBandRefundMethod::Cash as i32,
        refund_date: Some(v1::Date { year: 2026, month: 6, day: 2 }),
        credit_note_id: note.id.clone(),
        ..v1::RecordRefundRequest::default()
    }
}

const CLOSE: &str = "POST /v1/payment_links/{id}";

pub(crate) fn rest() -> Scope {
    Scope::Rest(v1::CreditRest {})
}

fn by_line(lines: Vec<(&v1::Invoice, usize, Part)>) -> Scope {
    let lines = lines.into_iter().map(|(invoice, place, part)| v1::CreditedLine {
        invoice_line_id: invoice.lines[place].id.clone(),
        part: Some(part),
    });
    Scope::ByLine(v1::CreditedLines { lines: lines.collect() })
}

pub(crate) fn request(invoice: &v1::Invoice, scope: Scope) -> v1::CreateCreditNoteRequest {
    v1::CreateCreditNoteRequest {
        request_id: unique("credit"),
        invoice_id: invoice.id.clone(),
        scope: Some(scope),
        reason: v1::CreditNoteReason::OrderChange as i32,
        ..v1::CreateCreditNoteRequest::default()
    }
}

pub(crate) async fn try_credit(
    server: &Server,
    request: v1::CreateCreditNoteRequest,
) -> Result<(v1::CreditNote, v1::Invoice), Status> {
    let response = server.invoices().create_credit_note(request).await?.into_inner();
    Ok((response.credit_note.unwrap(), response.invoice.unwrap()))
}

async fn credit(server: &Server, invoice: &v1::Invoice, scope: Scope) -> (v1::CreditNote, v1::Invoice) {
    try_credit(server, request(invoice, scope)).await.unwrap()
}

async fn notes_of(server: &Server, invoice: &v1::Invoice) -> Vec<v1::CreditNote> {
    let request = v1::ListCreditNotesRequest { invoice_id: invoice.id.clone(), ..Default::default() };
    server.invoices().list_credit_notes(request).await.unwrap().into_inner().credit_notes
}

/// An open invoice of three lines: 3 at 33.33, 1 at 0.99 with its tax inside, 2 at 100.00 untaxed.
async fn invoice_of_three_lines(server: &Server) -> v1::Invoice {
    let priced = |minor: i64, behavior: v1::TaxBehavior, quantity, tax| v1::InvoiceLineInput {
        quantity,
        price: Some(v1::invoice_line_input::Price::PriceData(v1::InlinePrice {
            unit_price: Some(sek(minor)),
            tax_behavior: behavior as i32,
        })),
        tax,
        ..line(minor)
    };
    let untaxed = Some(v1::LineTax { treatment: Some(v1::line_tax::Treatment::Untaxed(v1::Untaxed {})) });
    let lines = vec![
        priced(3_333, v1::TaxBehavior::Exclusive, 3, line(1).tax),
        priced(99, v1::TaxBehavior::Inclusive, 1, line(1).tax),
        priced(10_000, v1::TaxBehavior::Exclusive, 2, untaxed),
    ];
    let request = v1::CreateInvoiceRequest { lines, finalize: true, ..invoice_request() };
    server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap()
}

fn reason(status: &Status) -> (Code, String) {
    let (code, reason, _) = error_parts(status);
    (code, reason)
}

fn refused(reason: &str) -> (Code, String) {
    (Code::FailedPrecondition, reason.to_owned())
}

async fn a_credit_of_everything_is_the_mirror_of_the_invoice(db: Db) {
    let server = Server::start(db).await;
    let invoice = invoice_of_three_lines(&server).await;
    let asked = v1::CreateCreditNoteRequest {
        reason: v1::CreditNoteReason::Other as i32,
        reason_text: "Never delivered".to_owned(),
        memo: "With our apologies".to_owned(),
        metadata: [("case".to_owned(), "7".to_owned())].into(),
        etag: invoice.etag.clone(),
        ..request(&invoice, rest())
    };
    let (note, credited) = try_credit(&server, asked.clone()).await.unwrap();
    let year = invoice.tax_point.unwrap().year;
    assert_eq!((note.number.as_str(), &note.invoice_number), (format!("CN-{year}-00001").as_str(), &invoice.number));
    assert_eq!((&note.net, &note.tax, &note.total), (&invoice.net, &invoice.tax, &invoice.total));
    assert_eq!((&note.tax_subtotals, note.tax_point), (&invoice.tax_subtotals, invoice.tax_point));
    assert_eq!((&note.seller, &note.buyer), (&invoice.seller, &invoice.buyer));
    let (of_note, of_invoice): (Vec<_>, Vec<_>) = note
        .lines
        .iter()
        .zip(&invoice.lines)
        .map(|(a, b)| ((a.quantity, &a.amount, &a.taxed), (b.quantity, &b.amount, &b.taxed)))
        .unzip();
    assert_eq!((of_note, note.lines.len()), (of_invoice, 3));
    assert_eq!((note.reason(), note.reason_text.as_str()), (v1::CreditNoteReason::Other, "Never delivered"));
    assert_eq!((&note.pre_payment_amount, minor(note.refundable_amount.as_ref())), (&invoice.total, 0));
    assert_eq!((credited.state(), minor(credited.amount_due.as_ref())), (v1::InvoiceState::Paid, 0));
    assert_eq!((&credited.amount_credited, minor(credited.amount_paid.as_ref())), (&invoice.total, 0));
    assert_eq!(credited.total, invoice.total);

    assert_eq!(try_credit(&server, asked.clone()).await.unwrap(), (note.clone(), credited.clone()));
    let other = v1::CreateCreditNoteRequest { memo: "Another".to_owned(), ..asked };
    let reused = error_parts(&try_credit(&server, other).await.unwrap_err());
    assert_eq!((reused.0, reused.1.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    let twice = try_credit(&server, request(&invoice, rest())).await.unwrap_err();
    assert_eq!(reason(&twice), refused("INVOICE_CREDITED"));
    let get = v1::GetCreditNoteRequest { id: note.id.clone() };
    let got = server.invoices().get_credit_note(get).await.unwrap().into_inner().credit_note.unwrap();
    assert_eq!((got, notes_of(&server, &invoice).await), (note.clone(), vec![note.clone()]));
    let nobody = v1::GetCreditNoteRequest { id: "cn_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned() };
    assert_eq!(server.invoices().get_credit_note(nobody).await.unwrap_err().code(), Code::NotFound);
    let events = server.all_events().await;
    let types: Vec<_> = events.iter().map(|event| event.r#type.as_str()).collect();
    let want = ["invoice.created", "invoice.finalized", "credit_note.created", "invoice.credited", "invoice.paid"];
    assert_eq!(types, want);
    assert_eq!(events[2].subject, Some(v1::event::Subject::CreditNote(note)));
}

async fn thirds_of_an_invoice_add_up_to_the_mirror(db: Db) {
    let server = Server::start(db).await;
    let invoice = invoice_of_three_lines(&server).await;
    let (first, _) = credit(
        &server,
        &invoice,
        by_line(vec![(&invoice, 0, Part::Quantity(1)), (&invoice, 1, Part::Amount(sek_amount(33)))]),
    )
    .await;
    assert_eq!((first.lines[0].quantity, minor(first.lines[0].amount.as_ref())), (1, 3_333));
    let (second, partly) = credit(
        &server,
        &invoice,
        by_line(vec![(&invoice, 2, Part::Amount(sek_amount(6_667))), (&invoice, 0, Part::Quantity(1))]),
    )
    .await;
    // In the order of the invoice, not of the request.
    assert_eq!(second.lines.iter().map(|line| line.quantity).collect::<Vec<_>>(), [1, 0]);
    let (third, last) = credit(&server, &invoice, rest()).await;
    let sum = |of: fn(&v1::CreditNote) -> &Option<v1::Money>| {
        [&first, &second, &third].into_iter().map(|note| minor(of(note).as_ref())).sum::<i64>()
    };
    let all = [sum(|note| &note.net), sum(|note| &note.tax), sum(|note| &note.total)];
    assert_eq!(all, [&invoice.net, &invoice.tax, &invoice.total].map(|of| minor(of.as_ref())));
    let by_rate: i64 = [&first, &second, &third]
        .iter()
        .flat_map(|note| &note.tax_subtotals)
        .map(|subtotal| minor(subtotal.tax.as_ref()))
        .sum();
    assert_eq!(by_rate, minor(invoice.tax_subtotals[0].tax.as_ref()));
    assert_eq!((partly.state(), last.state()), (v1::InvoiceState::Open, v1::InvoiceState::Paid));
    let due = minor(invoice.total.as_ref()) - sum(|note| &note.total) + minor(third.total.as_ref());
    assert_eq!(minor(partly.amount_due.as_ref()), due);
    let numbers: Vec<_> = notes_of(&server, &invoice).await.into_iter().map(|note| note.number).collect();
    let year = invoice.tax_point.unwrap().year;
    assert_eq!(numbers, [3, 2, 1].map(|number| format!("CN-{year}-{number:05}")));
}

async fn a_credit_above_what_is_left_names_every_line_and_changes_nothing(db: Db) {
    let server = Server::start(db).await;
    let invoice = invoice_of_three_lines(&server).await;
    let taken = by_line(vec![
        (&invoice, 0, Part::Quantity(2)),
        (&invoice, 1, Part::Rest(v1::CreditRest {})),
        (&invoice, 2, Part::Amount(sek_amount(5_000))),
    ]);
    let (_, before) = credit(&server, &invoice, taken).await;
    let asked = by_line(vec![
        (&invoice, 0, Part::Quantity(2)),
        (&invoice, 1, Part::Amount(sek_amount(1))),
        (&invoice, 2, Part::Amount(sek_amount(15_001))),
        (&invoice, 2, Part::Rest(v1::CreditRest {})),
    ]);
    let want = ["[0].quantity", "[1].amount.minor_units", "[2].amount.minor_units", "[3].invoice_line_id"];
    let status = try_credit(&server, request(&invoice, asked)).await.unwrap_err();
    assert_eq!(error_parts(&status).2, want.map(|below| format!("by_line.lines{below}")));
    let stale = v1::CreateCreditNoteRequest { etag: invoice.etag.clone(), ..request(&invoice, rest()) };
    assert_eq!(error_parts(&try_credit(&server, stale).await.unwrap_err()).1, "ETAG_MISMATCH");
    assert_eq!(server.invoice(&invoice.id).await, before);
    assert_eq!(notes_of(&server, &invoice).await.len(), 1);
    let void = v1::VoidInvoiceRequest { request_id: unique("void"), id: invoice.id.clone(), etag: String::new() };
    assert_eq!(reason(&server.invoices().void_invoice(void).await.unwrap_err()), refused("INVOICE_CREDITED"));
}

async fn a_bad_credit_names_every_field_at_once(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let euros = v1::Money { minor_units: 0, currency_code: "EURO".to_owned() };
    let lines = vec![
        v1::CreditedLine { invoice_line_id: "il_1".to_owned(), part: None },
        v1::CreditedLine { invoice_line_id: invoice.lines[0].id.clone(), part: Some(Part::Quantity(0)) },
        v1::CreditedLine { invoice_line_id: String::new(), part: Some(Part::Amount(euros)) },
    ];
    let bad = v1::CreateCreditNoteRequest {
        reason: v1::CreditNoteReason::Duplicate as i32,
        reason_text: "twice".to_owned(),
        memo: "x".repeat(501),
        metadata: [(String::new(), "1".to_owned())].into(),
        ..request(&invoice, Scope::ByLine(v1::CreditedLines { lines }))
    };
    let want = [
        "by_line.lines[0].invoice_line_id",
        "by_line.lines[0].part",
        "by_line.lines[1].quantity",
        "by_line.lines[2].invoice_line_id",
        "by_line.lines[2].amount.currency_code",
        "by_line.lines[2].amount.minor_units",
        "reason_text",
        "memo",
    ];
    let fields = error_parts(&try_credit(&server, bad).await.unwrap_err()).2;
    assert_eq!(fields[..want.len()], want);
    assert!(fields[want.len()].starts_with("metadata"), "{fields:?}");
    let empty = v1::CreateCreditNoteRequest { invoice_id: invoice.id.clone(), ..Default::default() };
    let status = try_credit(&server, empty).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["request_id", "scope", "reason"]);
    // An empty list is not taken for the whole.
    let none = request(&invoice, Scope::ByLine(v1::CreditedLines::default()));
    assert_eq!(error_parts(&try_credit(&server, none).await.unwrap_err()).2, ["by_line.lines"]);
    #[expect(deprecated, reason = "it is refused, which is what is seen here")]
    let back = v1::CreateCreditNoteRequest {
        memo: "x".repeat(501),
        out_of_band_refund_amount: Some(sek_amount(1)),
        ..request(&invoice, rest())
    };
    let status = try_credit(&server, back).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["memo", "out_of_band_refund_amount"]);
    assert_eq!(server.invoice(&invoice.id).await, invoice);
}

async fn a_draft_and_a_payment_under_way_are_not_credited(db: Db) {
    let server = Server::start(db).await;
    let lines = vec![line(10_000)];
    let draft = v1::CreateInvoiceRequest { lines, ..invoice_request() };
    let draft = server.invoices().create_invoice(draft).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!(reason(&try_credit(&server, request(&draft, rest())).await.unwrap_err()), refused("INVOICE_STATE"));
    // The one invoice of an ad-hoc payment, which waits for its customer.
    let asked_for = v1::CreatePaymentRequest {
        request_id: unique("payment"),
        amount: Some(sek_amount(12_500)),
        description: "Consulting".to_owned(),
        ..v1::CreatePaymentRequest::default()
    };
    let payment = server.payments().create_payment(asked_for).await.unwrap().into_inner().payment.unwrap();
    let invoice = server.invoice(&payment.invoice_id).await;
    let status = try_credit(&server, request(&invoice, rest())).await.unwrap_err();
    assert_eq!(reason(&status), refused("PAYMENT_UNDER_WAY"));
    assert_eq!(server.link(&payment.payment_link_id).await.state(), v1::PaymentLinkState::Active);
    assert_eq!(server.pay(&payment.url, GOOD_CARD).await, 200);
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let (note, _) = credit(&server, &paid, rest()).await;
    assert_eq!((&note.post_payment_amount, &note.refundable_amount), (&paid.total, &paid.total));
}

async fn the_open_link_is_closed_before_what_is_due_is_lowered(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let (note, lowered) =
        credit(&server, &invoice, by_line(vec![(&invoice, 0, Part::Amount(sek_amount(2_000)))])).await;
    assert_eq!((minor(note.total.as_ref()), minor(note.pre_payment_amount.as_ref())), (2_500, 2_500));
    assert_eq!((lowered.state(), minor(lowered.amount_due.as_ref())), (v1::InvoiceState::Open, 10_000));
    // Not eventually: it is closed by the time that the credit note is there.
    let closed = server.link(&link.id).await;
    assert_eq!(
        (closed.state(), closed.close_reason()),
        (v1::PaymentLinkState::Inactive, v1::CloseReason::InvoiceClosed)
    );
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 410);
    let next = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(minor(next.amount.as_ref()), 10_000);
    assert_eq!(server.pay(&next.url, GOOD_CARD).await, 200);
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let amounts = [&paid.total, &paid.amount_paid, &paid.amount_credited, &paid.amount_credited_after_payment];
    assert_eq!(amounts.map(|amount| minor(amount.as_ref())), [12_500, 10_000, 2_500, 0]);
    server.expect_no_notification_stuck().await;
}

async fn what_was_paid_goes_back_by_refunds_that_name_the_credit_note(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let (note, credited) =
        credit(&server, &invoice, by_line(vec![(&invoice, 0, Part::Amount(sek_amount(4_000)))])).await;
    let amounts = [&note.pre_payment_amount, &note.post_payment_amount, &note.refundable_amount];
    assert_eq!(amounts.map(|amount| minor(amount.as_ref())), [0, 5_000, 5_000]);
    assert_eq!(minor(credited.amount_credited_after_payment.as_ref()), 5_000);
    let payments = v1::ListPaymentsRequest { invoice_id: invoice.id.clone(), ..Default::default() };
    let payment = server.payments().list_payments(payments).await.unwrap().into_inner().payments.remove(0);
    let refund = |note: &v1::CreditNote, amount: Option<i64>| v1::CreateRefundRequest {
        request_id: unique("refund"),
        payment_id: payment.id.clone(),
        amount: amount.map(sek_amount),
        credit_note_id: note.id.clone(),
        ..v1::CreateRefundRequest::default()
    };
    // A part goes back beside the provider.
    let in_cash = server.payments().record_refund(in_cash(&payment.id, &note, 500)).await.unwrap().into_inner();
    assert_eq!(minor(in_cash.payment.unwrap().refunded.as_ref()), 500);
    let above = server.payments().create_refund(refund(&note, Some(4_501))).await.unwrap_err();
    assert_eq!(error_parts(&above).2, ["amount.minor_units"]);
    for (asked, got) in [(Some(1_500), 1_500), (None, 3_000)] {
        let made = server.payments().create_refund(refund(&note, asked)).await.unwrap().into_inner().refund.unwrap();
        assert_eq!((minor(made.amount.as_ref()), &made.credit_note_id), (got, &note.id));
    }
    let none_left = server.payments().create_refund(refund(&note, None)).await.unwrap_err();
    assert_eq!(reason(&none_left), refused("INVOICE_CREDITED"));
    let listed = v1::ListRefundsRequest { credit_note_id: note.id.clone(), ..Default::default() };
    assert_eq!(server.payments().list_refunds(listed).await.unwrap().into_inner().refunds.len(), 3);
    let elsewhere = server.open_invoice(100).await;
    let (foreign, _) = credit(&server, &elsewhere, rest()).await;
    let status = server.payments().create_refund(refund(&foreign, Some(1))).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["credit_note_id"]);
}

async fn what_goes_back_with_a_credit_note_and_without_is_never_more_than_what_came_in(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let (note, _) = credit(&server, &paid, rest()).await;
    assert_eq!(minor(note.refundable_amount.as_ref()), 12_500);
    let payments = v1::ListPaymentsRequest { invoice_id: invoice.id.clone(), ..Default::default() };
    let payment = server.payments().list_payments(payments).await.unwrap().into_inner().payments.remove(0);
    server.payments().record_refund(in_cash(&payment.id, &note, 5_000)).await.unwrap();
    let without_note = |minor_units: Option<i64>| v1::CreateRefundRequest {
        request_id: unique("refund"),
        payment_id: payment.id.clone(),
        amount: minor_units.map(sek_amount),
        ..v1::CreateRefundRequest::default()
    };
    let above = server.payments().create_refund(without_note(Some(7_501))).await.unwrap_err();
    assert_eq!(error_parts(&above).2, ["amount.minor_units"]);
    let rest = server.payments().create_refund(without_note(None)).await.unwrap().into_inner().refund.unwrap();
    assert_eq!(minor(rest.amount.as_ref()), 7_500);
    // What the credit note still gives back by its own count is not there any more.
    let gone = server.payments().record_refund(in_cash(&payment.id, &note, 1)).await.unwrap_err();
    assert_eq!(error_parts(&gone).2, ["amount.minor_units"]);
}

async fn a_credit_that_waits_for_the_provider_outlives_a_crash_and_is_issued_once(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    server.control("faults", json!([{"operation": CLOSE, "kind": "status", "status": 503, "times": 1_000_000}])).await;
    let asked = request(&invoice, rest());
    assert_eq!(try_credit(&server, asked.clone()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(notes_of(&server, &invoice).await, []);
    let server = server.crash_and_restart().await;
    let (note, credited) = eventually(async || try_credit(&server, asked.clone()).await.ok()).await;
    assert_eq!((&note.total, credited.state()), (&invoice.total, v1::InvoiceState::Paid));
    assert_eq!(server.link(&link.id).await.state(), v1::PaymentLinkState::Inactive);
    assert_eq!(try_credit(&server, asked).await.unwrap(), (note.clone(), credited));
    assert_eq!(notes_of(&server, &invoice).await, [note]);
}

async fn a_customer_who_is_faster_gets_the_credit_paid_back(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    server.control("faults", json!([{"operation": CLOSE, "kind": "status", "status": 503, "times": 1_000_000}])).await;
    let asked = request(&invoice, by_line(vec![(&invoice, 0, Part::Amount(sek_amount(4_000)))]));
    assert_eq!(try_credit(&server, asked.clone()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.end_faults().await;
    let (note, credited) = eventually(async || try_credit(&server, asked.clone()).await.ok()).await;
    let amounts = [&note.pre_payment_amount, &note.post_payment_amount, &credited.amount_paid];
    assert_eq!(amounts.map(|amount| minor(amount.as_ref())), [0, 5_000, 12_500]);
}

async fn credits_at_once_never_pass_the_invoice(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let calls = (0..8).map(|_| {
        let asked = request(&invoice, by_line(vec![(&invoice, 0, Part::Amount(sek_amount(3_000)))]));
        let mut invoices = server.invoices();
        tokio::spawn(async move { invoices.create_credit_note(asked).await.map(|_| ()) })
    });
    let mut refusals = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        refusals.extend(call.await.unwrap().err());
    }
    assert_eq!(refusals.len(), 5, "{refusals:?}");
    assert!(
        refusals.iter().all(|status| error_parts(status).2 == ["by_line.lines[0].amount.minor_units"]),
        "{refusals:?}"
    );
    let credited = server.invoice(&invoice.id).await;
    assert_eq!((minor(credited.amount_credited.as_ref()), minor(credited.amount_due.as_ref())), (11_250, 1_250));
    assert_eq!(notes_of(&server, &invoice).await.len(), 3);
}

async fn held_money_is_decided_before_its_invoice_is_credited(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        invoice_id: invoice.id.clone(),
        payment: Some(v1::PaymentSettings { capture_method: v1::CaptureMethod::Manual as i32, ..Default::default() }),
        ..v1::CreatePaymentLinkRequest::default()
    };
    let link = server.links().create_payment_link(link).await.unwrap().into_inner().payment_link.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let held = eventually(async || {
        let state = v1::PaymentState::Authorized as i32;
        let held = v1::ListPaymentsRequest { invoice_id: invoice.id.clone(), state, ..Default::default() };
        server.payments().list_payments(held).await.unwrap().into_inner().payments.pop()
    })
    .await;
    let asked = request(&invoice, by_line(vec![(&invoice, 0, Part::Amount(sek_amount(4_000)))]));
    assert_eq!(reason(&try_credit(&server, asked).await.unwrap_err()), refused("PAYMENT_UNDER_WAY"));
    let capture = v1::CapturePaymentRequest { request_id: unique("capture"), id: held.id, amount: None };
    server.payments().capture_payment(capture).await.unwrap();
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let (note, _) = credit(&server, &paid, rest()).await;
    assert_eq!(note.refundable_amount, paid.total);
}

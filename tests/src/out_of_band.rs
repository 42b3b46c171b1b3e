//! Money that came in beside the provider: in parts, above what is due, with a page that is open, and with faults.

use api_proto::v1;
use serde_json::json;
use tonic::{Code, Status};

use crate::credit_notes::{request as credit_request, rest, try_credit};
use crate::harness::{
    Db, GOOD_CARD, Server, error_parts, eventually, invoice_request, line, minor, on_both_databases, sek_amount, unique,
};

on_both_databases!(
    cash_in_two_parts_pays_an_invoice_and_closes_its_link,
    the_open_session_is_closed_before_money_is_recorded,
    more_than_what_is_due_is_refused_by_name,
    every_bad_field_of_a_receipt_is_told_at_once,
    what_is_on_its_way_comes_before_what_is_recorded,
    a_receipt_that_waits_for_the_provider_outlives_a_crash_and_is_recorded_once,
    an_overdue_or_uncollectible_invoice_is_paid_in_cash,
    what_goes_back_in_cash_is_recorded_after_its_credit_note_too,
);

fn money(minor_units: i64) -> Option<v1::Money> {
    Some(sek_amount(minor_units))
}

fn request(invoice: &v1::Invoice, minor_units: i64) -> v1::RecordInvoicePaymentRequest {
    v1::RecordInvoicePaymentRequest {
        request_id: unique("receipt"),
        invoice_id: invoice.id.clone(),
        amount: money(minor_units),
        method: v1::OutOfBandMethod::BankTransfer as i32,
        reference: "BG 5050-1055 / May".to_owned(),
        receive_date: Some(v1::Date { year: 2026, month: 5, day: 31 }),
        ..v1::RecordInvoicePaymentRequest::default()
    }
}

async fn record(
    server: &Server,
    request: v1::RecordInvoicePaymentRequest,
) -> Result<(v1::Payment, v1::Invoice), Status> {
    let response = server.invoices().record_invoice_payment(request).await?.into_inner();
    Ok((response.payment.unwrap(), response.invoice.unwrap()))
}

async fn payments_of(server: &Server, invoice: &v1::Invoice) -> Vec<v1::Payment> {
    let request = v1::ListPaymentsRequest { invoice_id: invoice.id.clone(), ..Default::default() };
    server.payments().list_payments(request).await.unwrap().into_inner().payments
}

async fn cash_in_two_parts_pays_an_invoice_and_closes_its_link(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let first = v1::RecordInvoicePaymentRequest {
        metadata: [("till".to_owned(), "3".to_owned())].into(),
        description: "At the counter".to_owned(),
        ..request(&invoice, 4_500)
    };
    let (part, partly) = record(&server, first.clone()).await.unwrap();
    assert_eq!((part.kind(), part.state()), (v1::PaymentKind::OutOfBand, v1::PaymentState::Succeeded));
    assert_eq!((part.provider.as_str(), part.provider_ref.as_str()), ("out-of-band", ""));
    let amounts = [&part.subtotal, &part.tax, &part.total, &part.received];
    assert_eq!(amounts.map(|amount| minor(amount.as_ref())), [3_600, 900, 4_500, 4_500]);
    let how = part.out_of_band.as_ref().unwrap();
    assert_eq!((how.method(), how.reference.as_str()), (v1::OutOfBandMethod::BankTransfer, "BG 5050-1055 / May"));
    assert_eq!(how.receive_date, first.receive_date);
    assert_eq!((partly.state(), minor(partly.amount_due.as_ref())), (v1::InvoiceState::Open, 8_000));
    // It asked for more than what is due now.
    let closed = server.link(&link.id).await;
    assert_eq!(
        (closed.state(), closed.close_reason()),
        (v1::PaymentLinkState::Inactive, v1::CloseReason::InvoiceClosed)
    );
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 410);
    assert_eq!(record(&server, first.clone()).await.unwrap(), (part.clone(), partly));
    let reused = v1::RecordInvoicePaymentRequest { amount: money(1), ..first };
    assert_eq!(error_parts(&record(&server, reused).await.unwrap_err()).1, "REQUEST_ID_REUSED");

    let next = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(minor(next.amount.as_ref()), 8_000);
    let (last, paid) = record(&server, request(&invoice, 8_000)).await.unwrap();
    assert_eq!((paid.state(), minor(paid.amount_paid.as_ref())), (v1::InvoiceState::Paid, 12_500));
    assert_eq!(server.pay(&next.url, GOOD_CARD).await, 410);
    let refund = v1::CreateRefundRequest {
        request_id: unique("refund"),
        payment_id: last.id.clone(),
        ..v1::CreateRefundRequest::default()
    };
    assert_eq!(error_parts(&server.payments().create_refund(refund).await.unwrap_err()).1, "PAYMENT_STATE");
    assert_eq!(payments_of(&server, &invoice).await, [last, part]);
    let mut kinds = server.event_types().await;
    kinds.retain(|kind| kind == "payment.succeeded" || kind.starts_with("invoice.pa"));
    assert_eq!(kinds, ["invoice.payment_received", "payment.succeeded", "invoice.paid", "payment.succeeded"]);
    server.expect_no_notification_stuck().await;
}

async fn the_open_session_is_closed_before_money_is_recorded(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let checkout = v1::CreateInvoiceCheckoutRequest {
        request_id: unique("checkout"),
        invoice_id: invoice.id.clone(),
        mode: v1::CheckoutMode::Payment as i32,
        return_url: "https://shop.example.com/thanks".to_owned(),
        cancel_url: "https://shop.example.com/basket".to_owned(),
        ..v1::CreateInvoiceCheckoutRequest::default()
    };
    let checkout = server.checkouts().create_invoice_checkout(checkout).await.unwrap().into_inner();
    let session = checkout.checkout_session.unwrap();
    let (_, paid) = record(&server, request(&invoice, 12_500)).await.unwrap();
    assert_eq!(paid.state(), v1::InvoiceState::Paid);
    let get = v1::GetCheckoutSessionRequest { id: session.id };
    let closed = server.checkouts().get_checkout_session(get).await.unwrap().into_inner().checkout_session.unwrap();
    let want = (v1::CheckoutSessionState::Expired, v1::CloseReason::InvoiceClosed);
    assert_eq!((closed.state(), closed.close_reason()), want);
    assert_eq!(server.pay(&session.url, GOOD_CARD).await, 410);
}

async fn more_than_what_is_due_is_refused_by_name(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let status = record(&server, request(&invoice, 12_501)).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["amount.minor_units"]);
    let mut euros = request(&invoice, 100);
    euros.amount = Some(v1::Money { minor_units: 100, currency_code: "EUR".to_owned() });
    assert_eq!(error_parts(&record(&server, euros).await.unwrap_err()).2, ["amount.currency_code"]);
    assert_eq!(server.link(&link.id).await.state(), v1::PaymentLinkState::Active);
    let draft = v1::CreateInvoiceRequest { lines: vec![line(10_000)], ..invoice_request() };
    let draft = server.invoices().create_invoice(draft).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!(error_parts(&record(&server, request(&draft, 1)).await.unwrap_err()).1, "INVOICE_STATE");
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let paid = record(&server, request(&invoice, 1)).await.unwrap_err();
    assert_eq!((error_parts(&paid).0, error_parts(&paid).1.as_str()), (Code::FailedPrecondition, "INVOICE_STATE"));
    assert_eq!(payments_of(&server, &invoice).await.len(), 1);
}

async fn every_bad_field_of_a_receipt_is_told_at_once(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let bad = v1::RecordInvoicePaymentRequest {
        amount: money(0),
        method: 99,
        reference: "x".repeat(251),
        receive_date: Some(v1::Date { year: 9999, month: 1, day: 1 }),
        description: "x".repeat(501),
        ..request(&invoice, 1)
    };
    let want = ["amount.minor_units", "method", "reference", "receive_date", "description"];
    assert_eq!(error_parts(&record(&server, bad).await.unwrap_err()).2, want);
    let empty = v1::RecordInvoicePaymentRequest::default();
    let want = ["request_id", "invoice_id", "amount", "method", "receive_date"];
    assert_eq!(error_parts(&record(&server, empty).await.unwrap_err()).2, want);
    assert_eq!(server.invoice(&invoice.id).await, invoice);
}

async fn what_is_on_its_way_comes_before_what_is_recorded(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    server.control("faults", json!([{"operation": CLOSE, "kind": "status", "status": 503, "times": 1_000_000}])).await;
    let asked = request(&invoice, 12_500);
    assert_eq!(record(&server, asked.clone()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.end_faults().await;
    // The customer was faster: nothing is due any more, and the cash is to be given back.
    let refused = eventually(async || {
        record(&server, asked.clone()).await.err().filter(|status| status.code() == Code::FailedPrecondition)
    });
    assert_eq!(error_parts(&refused.await).1, "INVOICE_STATE");
    let kinds: Vec<_> = payments_of(&server, &invoice).await.iter().map(v1::Payment::kind).collect();
    assert_eq!(kinds, [v1::PaymentKind::Link]);
}

const CLOSE: &str = "POST /v1/payment_links/{id}";

async fn a_receipt_that_waits_for_the_provider_outlives_a_crash_and_is_recorded_once(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    server.control("faults", json!([{"operation": CLOSE, "kind": "status", "status": 503, "times": 1_000_000}])).await;
    let asked = request(&invoice, 5_000);
    assert_eq!(record(&server, asked.clone()).await.unwrap_err().code(), Code::Unavailable);
    let server = server.crash_and_restart().await;
    let (payment, partly) = eventually(async || record(&server, asked.clone()).await.ok()).await;
    assert_eq!((minor(partly.amount_paid.as_ref()), minor(partly.amount_due.as_ref())), (5_000, 7_500));
    assert_eq!(server.link(&link.id).await.state(), v1::PaymentLinkState::Inactive);
    assert_eq!(record(&server, asked).await.unwrap(), (payment.clone(), partly));
    assert_eq!(payments_of(&server, &invoice).await, [payment]);
}

async fn an_overdue_or_uncollectible_invoice_is_paid_in_cash(db: Db) {
    let server = Server::start(db).await;
    let due_date = Some(v1::Date { year: 2020, month: 1, day: 1 });
    let late = v1::CreateInvoiceRequest { lines: vec![line(10_000)], due_date, finalize: true, ..invoice_request() };
    let late = server.invoices().create_invoice(late).await.unwrap().into_inner().invoice.unwrap();
    assert!(late.overdue);
    let (_, paid) = record(&server, request(&late, 12_500)).await.unwrap();
    assert_eq!((paid.state(), paid.overdue), (v1::InvoiceState::Paid, false));
    let invoice = server.open_invoice(10_000).await;
    let give_up = v1::MarkInvoiceUncollectibleRequest {
        request_id: unique("uncollectible"),
        id: invoice.id.clone(),
        etag: String::new(),
    };
    server.invoices().mark_invoice_uncollectible(give_up).await.unwrap();
    let (_, partly) = record(&server, request(&invoice, 500)).await.unwrap();
    assert_eq!((partly.state(), minor(partly.amount_due.as_ref())), (v1::InvoiceState::Uncollectible, 12_000));
    let (_, paid) = record(&server, request(&invoice, 12_000)).await.unwrap();
    assert_eq!(paid.state(), v1::InvoiceState::Paid);
}

async fn what_goes_back_in_cash_is_recorded_after_its_credit_note_too(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let (payment, _) = record(&server, request(&invoice, 12_500)).await.unwrap();
    let (note, _) = try_credit(&server, credit_request(&invoice, rest())).await.unwrap();
    assert_eq!(minor(note.refundable_amount.as_ref()), 12_500);
    let asked = |minor_units: i64| v1::RecordRefundRequest {
        request_id: unique("cash"),
        payment_id: payment.id.clone(),
        amount: money(minor_units),
        method: v1::OutOfBandRefundMethod::Cash as i32,
        reference: "Receipt 17".to_owned(),
        refund_date: Some(v1::Date { year: 2026, month: 6, day: 2 }),
        credit_note_id: note.id.clone(),
        ..v1::RecordRefundRequest::default()
    };
    let recorded = async |request: v1::RecordRefundRequest| {
        server.payments().record_refund(request).await.map(|response| response.into_inner())
    };
    let first = asked(5_000);
    let answer = recorded(first.clone()).await.unwrap();
    let refund = answer.refund.clone().unwrap();
    assert_eq!((refund.state(), refund.provider.as_str()), (v1::RefundState::Succeeded, "out-of-band"));
    let how = refund.out_of_band.clone().unwrap();
    assert_eq!((how.method(), how.refund_date), (v1::OutOfBandRefundMethod::Cash, first.refund_date));
    assert_eq!(minor(answer.payment.as_ref().unwrap().refunded.as_ref()), 5_000);
    assert_eq!(recorded(first).await.unwrap(), answer);
    // More than what is left, and a day on which the money had not come in yet.
    let early = Some(v1::Date { year: 2026, month: 5, day: 30 });
    assert_eq!(error_parts(&recorded(asked(7_501)).await.unwrap_err()).2, ["amount.minor_units"]);
    let before = v1::RecordRefundRequest { refund_date: early, ..asked(100) };
    assert_eq!(error_parts(&recorded(before).await.unwrap_err()).2, ["refund_date"]);
    let second = recorded(asked(7_500)).await.unwrap();
    assert_eq!(minor(second.payment.unwrap().refunded.as_ref()), 12_500);
    let none_left = v1::RecordRefundRequest { credit_note_id: String::new(), ..asked(1) };
    assert_eq!(error_parts(&recorded(none_left).await.unwrap_err()).2, ["amount.minor_units"]);
    let by_note = v1::ListRefundsRequest { credit_note_id: note.id.clone(), ..v1::ListRefundsRequest::default() };
    let refunds = server.payments().list_refunds(by_note).await.unwrap().into_inner().refunds;
    assert_eq!(refunds, [second.refund.unwrap(), refund]);
    let bad = v1::RecordRefundRequest {
        payment_id: payment.id.clone(),
        refund_date: Some(v1::Date { year: 9999, month: 1, day: 1 }),
        ..v1::RecordRefundRequest::default()
    };
    let fields = ["request_id", "amount", "method", "refund_date"];
    assert_eq!(error_parts(&recorded(bad).await.unwrap_err()).2, fields);
    let mut kinds = server.event_types().await;
    kinds.retain(|kind| kind.starts_with("refund.") || kind == "payment.updated");
    let one = ["refund.created", "refund.succeeded", "payment.updated"];
    assert_eq!(kinds, [one, one].concat());
}

//! Webhooks that never come: what they would have told is found all the same.

use api_proto::v1;
use serde_json::{Value, json};

use crate::harness::{Db, GOOD_CARD, Server, eventually, http, item, on_both_databases, unique};

on_both_databases!(what_no_webhook_told_for_a_week_is_found, reading_back_goes_on_after_a_crash_and_after_failures,);

/// Looked for every second, so that a test need not wait.
const CONFIG: &str = "reconcile_every_seconds = 1\n";
/// More than the provider lists on one page.
const VISITORS: usize = 60;

async fn lose_webhooks(server: &Server) {
    server.control("webhooks/policy", json!({"lose": true})).await;
}

/// What came in, by the provider's own ledger: in minor units.
async fn ledger(server: &Server) -> Vec<i64> {
    let ledger: Value =
        http().get(format!("{}/_sandbox/ledger", server.sandbox)).send().await.unwrap().json().await.unwrap();
    ledger["charges"].as_array().unwrap().iter().map(|charge| charge["amount"].as_i64().unwrap()).collect()
}

/// The payments that have succeeded here, by what came in.
async fn received(server: &Server) -> Vec<i64> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListPaymentsRequest { page_size: 100, page_token, ..Default::default() };
        let page = server.payments().list_payments(request).await.unwrap().into_inner();
        let succeeded = page.payments.iter().filter(|payment| payment.state() == v1::PaymentState::Succeeded);
        all.extend(succeeded.map(|payment| payment.received.as_ref().unwrap().minor_units));
        if page.next_page_token.is_empty() {
            return all;
        }
        page_token = page.next_page_token;
    }
}

async fn what_no_webhook_told_for_a_week_is_found(db: Db) {
    let server = Server::start_with(db, CONFIG).await;
    lose_webhooks(&server).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let request = v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        line_items: vec![item("Ticket", 5_000, 1)],
        ..Default::default()
    };
    let tickets = server.links().create_payment_link(request).await.unwrap().into_inner().payment_link.unwrap();
    for _ in 0..VISITORS {
        assert_eq!(server.pay(&tickets.url, GOOD_CARD).await, 200);
    }
    server.control("clock", json!({"advance_seconds": 7 * 24 * 60 * 60})).await;
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let complete = async || Some(received(&server).await).filter(|all| all.len() == VISITORS + 1);
    let (mut ours, mut theirs) = (eventually(complete).await, ledger(&server).await);
    ours.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(ours, theirs);

    // What happens in the provider's dashboard a week later.
    let request = v1::ListPaymentsRequest { invoice_id: invoice.id.clone(), ..Default::default() };
    let payment = server.payments().list_payments(request).await.unwrap().into_inner().payments.remove(0);
    let refund = http().post(format!("{}/v1/refunds", server.sandbox)).bearer_auth("sk_test_paylinks_sandbox");
    let refund = refund.form(&[("payment_intent", payment.provider_ref.as_str()), ("amount", "700")]);
    assert_eq!(refund.send().await.unwrap().status().as_u16(), 200);
    let refunded = async || {
        let request = v1::ListRefundsRequest { payment_id: payment.id.clone(), ..Default::default() };
        server.payments().list_refunds(request).await.unwrap().into_inner().refunds.pop()
    };
    assert_eq!(eventually(refunded).await.amount.unwrap().minor_units, 700);
}

async fn reading_back_goes_on_after_a_crash_and_after_failures(db: Db) {
    let server = Server::start_with(db, CONFIG).await;
    lose_webhooks(&server).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    server
        .control("faults", json!([{"operation": "GET /v1/events", "kind": "status", "status": 500, "times": 4}]))
        .await;
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let server = server.crash_and_restart().await;
    lose_webhooks(&server).await;
    server.control("faults", json!([{"operation": "GET /v1/events", "kind": "garbage", "times": 4}])).await;
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    assert_eq!(received(&server).await, ledger(&server).await);
}

//! Faults: lost answers, deadlines, forged and doubled notifications, many callers at once, a stop.

use std::time::Duration;

use api_proto::v1;
use serde_json::json;
use tonic::{Code, Request};
use tonic_types::StatusExt;

use crate::harness::{Db, GOOD_CARD, PATIENCE, Server, error_parts, eventually, http, on_both_databases, unique};

on_both_databases!(
    a_lost_answer_makes_one_link,
    a_deadline_passes_and_the_retry_gets_the_one_link,
    one_request_64_times_at_once_is_one_link,
    two_requests_for_one_invoice_make_one_link,
    doubled_and_forged_webhooks_have_one_effect_or_none,
    a_provider_that_refuses_for_now_is_asked_again,
    a_stop_ends_streams_so_that_they_come_back,
);

fn link_request(invoice_id: &str) -> v1::CreatePaymentLinkRequest {
    v1::CreatePaymentLinkRequest { request_id: unique("link"), invoice_id: invoice_id.to_owned(), ..Default::default() }
}

const CREATE: &str = "POST /v1/payment_links";

async fn a_lost_answer_makes_one_link(db: Db) {
    let server = Server::start(db).await;
    for kind in ["reset_after", "truncate", "garbage"] {
        let before = server.executed(CREATE).await;
        let invoice = server.open_invoice(10_000).await;
        server.control("faults", json!([{"operation": CREATE, "kind": kind}])).await;
        let link = server.invoice_link(&invoice.id).await.unwrap();
        assert_eq!((link.state(), server.executed(CREATE).await - before), (v1::PaymentLinkState::Active, 1), "{kind}");
    }
}

async fn a_deadline_passes_and_the_retry_gets_the_one_link(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    server.control("faults", json!([{"operation": CREATE, "kind": "delay", "ms": 6_000}])).await;
    let request = link_request(&invoice.id);
    let mut hurried = Request::new(request.clone());
    hurried.set_timeout(Duration::from_millis(300));
    let status = server.links().create_payment_link(hurried).await.unwrap_err();
    // The caller's clock and the server's run out at once: either may be the first to say so.
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
    let status = server.links().create_payment_link(request.clone()).await.unwrap_err();
    assert_eq!((error_parts(&status).0, error_parts(&status).1.as_str()), (Code::Aborted, "REQUEST_IN_PROGRESS"));
    let link = eventually(async || server.links().create_payment_link(request.clone()).await.ok()).await;
    assert_eq!(link.into_inner().payment_link.unwrap().state(), v1::PaymentLinkState::Active);
    assert_eq!(server.executed(CREATE).await, 1);
}

async fn one_request_64_times_at_once_is_one_link(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let request = link_request(&invoice.id);
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let (mut links, request) = (server.links(), request.clone());
            tokio::spawn(async move {
                loop {
                    match links.create_payment_link(request.clone()).await {
                        Ok(answer) => return answer.into_inner().payment_link.unwrap().id,
                        Err(status) if matches!(status.code(), Code::Aborted | Code::Unavailable) => {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        Err(status) => panic!("{status:?}"),
                    }
                }
            })
        })
        .collect();
    let mut ids = Vec::new();
    for call in calls {
        ids.push(call.await.unwrap());
    }
    ids.dedup();
    assert_eq!((ids.len(), server.executed(CREATE).await), (1, 1));
}

async fn two_requests_for_one_invoice_make_one_link(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let calls = (0..8).map(|_| {
        let (mut links, request) = (server.links(), link_request(&invoice.id));
        tokio::spawn(async move { links.create_payment_link(request).await })
    });
    let (mut made, mut refused) = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(_) => made += 1,
            Err(status) => {
                assert_eq!(error_parts(&status).1, "COLLECTABLE_OPEN", "{status:?}");
                refused += 1;
            }
        }
    }
    assert_eq!((made, refused, server.executed(CREATE).await), (1, 7, 1));
}

async fn doubled_and_forged_webhooks_have_one_effect_or_none(db: Db) {
    let server = Server::start(db).await;
    let webhook = format!("{}/webhooks/stripe", server.http);
    for signature in [None, Some("t=1,v1=00"), Some("nonsense")] {
        let mut request = http().post(&webhook).body("{\"id\":\"evt_1\",\"type\":\"checkout.session.completed\"}");
        if let Some(signature) = signature {
            request = request.header("stripe-signature", signature);
        }
        assert_eq!(request.send().await.unwrap().status().as_u16(), 400);
    }
    assert_eq!(http().post(format!("{}/webhooks/nobody", server.http)).send().await.unwrap().status().as_u16(), 404);
    assert_eq!(http().post(&webhook).body("x".repeat(1 << 20)).send().await.unwrap().status().as_u16(), 413);
    server.control("webhooks/policy", json!({"duplicate": 20})).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    server.pay(&link.url, GOOD_CARD).await;
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    server.expect_no_notification_stuck().await;
    let events = server.all_events().await;
    let counts = ["invoice.paid", "payment.succeeded", "checkout_session.completed"]
        .map(|kind| events.iter().filter(|event| event.r#type == kind).count());
    assert_eq!(counts, [1, 1, 1]);
}

async fn a_provider_that_refuses_for_now_is_asked_again(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    server.control("faults", json!([{"operation": CREATE, "kind": "status", "status": 503, "times": 5}])).await;
    let request = link_request(&invoice.id);
    let status = server.links().create_payment_link(request.clone()).await.unwrap_err();
    assert_eq!((error_parts(&status).0, error_parts(&status).1.as_str()), (Code::Unavailable, "OUTCOME_UNKNOWN"));
    let link = eventually(async || server.links().create_payment_link(request.clone()).await.ok()).await;
    assert_eq!(link.into_inner().payment_link.unwrap().state(), v1::PaymentLinkState::Active);
    assert_eq!(server.executed(CREATE).await, 1);
}

async fn a_stop_ends_streams_so_that_they_come_back(db: Db) {
    let mut server = Server::start(db).await;
    let get =
        async |path: &str| http().get(format!("{}/{path}", server.http)).send().await.unwrap().text().await.unwrap();
    server.open_invoice(10_000).await;
    assert!(
        get("metrics")
            .await
            .contains("paylinks_grpc_calls_total{method=\"/paylinks.v1.InvoiceService/CreateInvoice\",code=\"Ok\"} 1")
    );
    assert_eq!((get("healthz").await.as_str(), get("readyz").await.as_str()), ("ok\n", "ok\n"));
    let stream = server.events().stream_events(v1::StreamEventsRequest::default()).await.unwrap();
    let call_id = stream.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned();
    let mut stream = stream.into_inner();
    assert!(stream.message().await.unwrap().unwrap().event.is_none());
    assert!(server.terminate().await);
    let ended = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap_err();
    assert_eq!((error_parts(&ended).0, error_parts(&ended).1.as_str()), (Code::Unavailable, "SERVER_STOPPING"));
    let call = ended.get_details_request_info().map(|info| info.request_id);
    assert_eq!(call.as_ref(), Some(&call_id), "the end of a stream tells which call it was: {ended:?}");
}

//! Work that no caller waits for, and a provider under pressure: crashes, refusals, what must be put right by a person.

use std::time::{Duration, Instant};

use api_proto::v1;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{Db, GOOD_CARD, PATIENCE, Server, error_parts, eventually, on_both_databases, unique};

on_both_databases!(
    the_call_of_a_crashed_server_soon_goes_on,
    a_notification_set_aside_is_shown_and_tried_again,
    a_provider_that_limits_the_rate_is_obeyed_and_its_wait_is_told,
    a_provider_that_is_down_is_left_alone_and_comes_back,
    clocks_are_held_against_each_other,
);

const CREATE: &str = "POST /v1/payment_links";
const READ_SESSION: &str = "GET /v1/checkout/sessions/{id}";

fn link_request(invoice_id: &str) -> v1::CreatePaymentLinkRequest {
    v1::CreatePaymentLinkRequest { request_id: unique("link"), invoice_id: invoice_id.to_owned(), ..Default::default() }
}

async fn link_of(server: &Server, request: &v1::CreatePaymentLinkRequest) -> Result<v1::PaymentLink, Status> {
    Ok(server.links().create_payment_link(request.clone()).await?.into_inner().payment_link.unwrap())
}

async fn the_call_of_a_crashed_server_soon_goes_on(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    server.control("faults", json!([{"operation": CREATE, "kind": "hold"}])).await;
    let request = link_request(&invoice.id);
    let (mut links, asked) = (server.links(), request.clone());
    let call = tokio::spawn(async move { links.create_payment_link(asked).await });
    eventually(async || server.texts("SELECT id FROM intents").await.pop()).await;
    // Under way for so long that its first lease would have run out: it is renewed.
    let under_way = Instant::now();
    while under_way.elapsed() < Duration::from_secs(14) {
        let refused = link_of(&server, &request).await;
        if let Err(status) = refused {
            assert_eq!(error_parts(&status).1, "REQUEST_IN_PROGRESS", "{status:?}");
            assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let crashed = Instant::now();
    let server = server.crash_and_restart().await;
    assert!(call.await.unwrap().is_err());
    let link = eventually(async || link_of(&server, &request).await.ok()).await;
    // Its lease, and what a start takes on a busy machine.
    assert!(crashed.elapsed() < Duration::from_secs(20), "{:?}", crashed.elapsed());
    assert_eq!((link.state(), server.executed(CREATE).await), (v1::PaymentLinkState::Active, 1));
}

async fn a_notification_set_aside_is_shown_and_tried_again(db: Db) {
    let server = Server::start(db).await;
    let none = server.command(&["unanswered-refunds", "list"]).await;
    assert!(none.starts_with("No refund is unanswered in "), "{none}");
    for id in ["re_0193a5c2e8b27c3a9f0e1d2c3b4a5968", "7"] {
        let refused = server.try_command(&["unanswered-refunds", "not-made", id]).await.unwrap_err();
        assert!(refused.contains(id), "{refused}");
    }
    let none = server.command(&["notifications", "list", "--aside"]).await;
    assert!(none.starts_with("No notification is set aside in "), "{none}");
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let fault = json!([{"operation": READ_SESSION, "kind": "status", "status": 400, "times": 1_000}]);
    server.control("faults", fault).await;
    server.pay(&link.url, GOOD_CARD).await;
    let waiting = eventually(async || {
        let listed = server.command(&["notifications", "list"]).await;
        listed.contains("the provider refused it").then_some(listed)
    })
    .await;
    assert!(waiting.contains("  waits  ") && waiting.contains("  checkout cs_"), "{waiting}");
    // An outage that was long is no failure of its own.
    let database = server.database().await;
    let tried = "UPDATE notifications SET attempts = 100, due_at_us = 0 WHERE state = 'new' AND reason IS NOT NULL";
    database.execute_unprepared(tried).await.unwrap();
    let again = "SELECT id FROM notifications WHERE state = 'new' AND attempts > 100 AND failures > 1";
    eventually(async || server.texts(again).await.pop()).await;
    // It has failed for long: the next failure is the last.
    let failed = "UPDATE notifications SET failures = 20, due_at_us = 0 WHERE state = 'new' AND reason IS NOT NULL";
    database.execute_unprepared(failed).await.unwrap();
    let is_counted = async || server.metric("paylinks_notifications_set_aside").await.filter(|count| count != "0");
    eventually(is_counted).await;
    let listed = server.command(&["notifications", "list", "--aside"]).await;
    let row = listed.lines().nth(1).unwrap();
    assert!(
        row.starts_with("ntf_") && row.contains("  aside  ") && row.contains("the provider refused it"),
        "{listed}"
    );
    let id = row.split_whitespace().next().unwrap();
    // What a person has seen to waits for nobody; what was closed in error can be tried again.
    for refused in
        [["notifications", "close", id, "--note", " "], ["notifications", "close", "ntf_1", "--note", "seen to"]]
    {
        server.try_command(&refused).await.unwrap_err();
    }
    let closed = server.command(&["notifications", "close", id, "--note", "refunded at the provider"]).await;
    assert_eq!(closed, format!("{id} is closed\n"));
    server.try_command(&["notifications", "close", id, "--note", "twice"]).await.unwrap_err();
    let listed = server.command(&["notifications", "list", "--closed"]).await;
    let row = listed.lines().nth(1).unwrap();
    assert!(
        row.starts_with(id)
            && row.contains("  closed  ")
            && row.contains("refused it")
            && row.ends_with("  refunded at the provider"),
        "{listed}"
    );
    eventually(async || server.metric("paylinks_notifications_set_aside").await.filter(|count| count == "0")).await;
    for others in [&["notifications", "list"][..], &["notifications", "list", "--aside"]] {
        assert!(!server.command(others).await.contains(id));
    }
    server.end_faults().await;
    let again = server.command(&["notifications", "retry", id]).await;
    assert_eq!(again, format!("{id} is tried again\n"));
    for refused in [id, "ntf_1"] {
        server.try_command(&["notifications", "retry", refused]).await.unwrap_err();
    }
    // The others, where more than one told of the payment, wait for no person.
    server.command(&["notifications", "retry", "--all"]).await;
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    server.expect_no_notification_stuck().await;
    database.close().await.unwrap();
}

async fn a_provider_that_limits_the_rate_is_obeyed_and_its_wait_is_told(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let limit = json!([{"operation": CREATE, "kind": "status", "status": 429, "retry_after": 5}]);
    server.control("faults", limit).await;
    let (request, asked) = (link_request(&invoice.id), Instant::now());
    let status = link_of(&server, &request).await.unwrap_err();
    assert_eq!((status.code(), error_parts(&status).1.as_str()), (Code::Unavailable, "PROVIDER_RATE_LIMITED"));
    // When it is tried next: as told, and up to a quarter later.
    let wait = |status: &Status| status.get_details_retry_info().unwrap().retry_delay.unwrap();
    let told = wait(&status);
    assert!(told >= Duration::from_secs(5) && told <= Duration::from_millis(6_300), "{told:?}");
    // A caller who does not wait is told for how long still, and the provider hears nothing of it.
    let status = link_of(&server, &request).await.unwrap_err();
    assert_eq!((status.code(), error_parts(&status).1.as_str()), (Code::Aborted, "REQUEST_IN_PROGRESS"));
    assert!(wait(&status) > Duration::from_secs(2) && wait(&status) <= told, "{status:?}");
    // Nor does it hear of others meanwhile, who would be limited as well.
    let other = link_of(&server, &link_request(&server.open_invoice(10_000).await.id)).await.unwrap_err();
    assert_eq!(error_parts(&other).1, "PROVIDER_RATE_LIMITED");
    let link = eventually(async || link_of(&server, &request).await.ok()).await;
    assert!(asked.elapsed() >= Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(link.state(), v1::PaymentLinkState::Active);
    // What was refused so is not withdrawn: the worker makes the call, though nobody asks again.
    eventually(async || (server.executed(CREATE).await == 2).then_some(())).await;
}

async fn a_provider_that_is_down_is_left_alone_and_comes_back(db: Db) {
    let server = Server::start(db).await;
    let circuit = "paylinks_provider_circuit_state{provider=\"stripe\"}";
    assert_eq!(server.metric(circuit).await.as_deref(), Some("0"));
    let mut requests = Vec::new();
    for _ in 0..6 {
        requests.push(link_request(&server.open_invoice(10_000).await.id));
    }
    server.control("faults", json!([{"operation": "*", "kind": "status", "status": 503, "times": 1_000}])).await;
    let mut statuses = Vec::new();
    for request in &requests {
        statuses.push(link_of(&server, request).await.unwrap_err());
    }
    assert!(statuses.iter().all(|status| status.code() == Code::Unavailable), "{statuses:?}");
    assert_eq!(server.metric(circuit).await.as_deref(), Some("2"));
    // Nothing was sent for the last: it is surely not done, and is told at once.
    let last = statuses.last().unwrap();
    assert_eq!(error_parts(last).1, "PROVIDER_UNAVAILABLE", "{last:?}");
    // As long as it is left alone, which has just begun.
    let wait = last.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!(wait > Duration::from_millis(1_500) && wait < Duration::from_secs(7), "{last:?}");
    server.end_faults().await;
    for request in &requests {
        let link = eventually(async || link_of(&server, request).await.ok()).await;
        assert_eq!(link.state(), v1::PaymentLinkState::Active);
    }
    assert_eq!(server.executed(CREATE).await, 6);
    assert_eq!(server.metric(circuit).await.as_deref(), Some("0"));
}

async fn clocks_are_held_against_each_other(db: Db) {
    let server = Server::start(db).await;
    let began = Instant::now();
    for against in ["database", "stripe"] {
        let name = format!("paylinks_clock_offset_seconds{{against=\"{against}\"}}");
        let seconds = eventually(async || server.metric(&name).await).await;
        assert!(["-1", "0", "1"].contains(&seconds.as_str()), "{against}: {seconds}");
    }
    assert!(began.elapsed() < PATIENCE);
}

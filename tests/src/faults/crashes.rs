//! A server is killed in the middle of a provider call, at every point of it.

use api_proto::v1;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::{Code, Response, Status};

use super::{CREATE_LINK, link_request};
use crate::harness::{Db, GOOD_CARD, PATIENCE, Provider, Server, error_parts, eventually, on_both_databases};

on_both_databases!(
    a_crash_behind_the_call_ends_with_the_one_link,
    a_crash_before_the_call_ends_with_one_link,
    a_call_that_a_crash_left_on_its_way_is_not_made_twice,
);

type Answer = Result<Response<v1::CreatePaymentLinkResponse>, Status>;

fn call(server: &Server, request: &v1::CreatePaymentLinkRequest) -> JoinHandle<Answer> {
    let (mut links, request) = (server.links(), request.clone());
    tokio::spawn(async move { links.create_payment_link(request).await })
}

/// A retry is told to wait until the lease of the server that died has run out.
async fn let_the_lease_run_out(server: &Server, request: &v1::CreatePaymentLinkRequest) {
    let status = server.links().create_payment_link(request.clone()).await.unwrap_err();
    assert_eq!((error_parts(&status).0, error_parts(&status).1.as_str()), (Code::Aborted, "REQUEST_IN_PROGRESS"));
    server.let_leases_run_out().await;
}

/// The worker ends the call without anyone asking, and the retry gets that link.
async fn expect_one_link(server: &Server, provider: &Provider, request: &v1::CreatePaymentLinkRequest) {
    let list = v1::ListPaymentLinksRequest { invoice_id: request.invoice_id.clone(), ..Default::default() };
    let made = eventually(async || {
        let links = server.links().list_payment_links(list.clone()).await.unwrap().into_inner().payment_links;
        assert_eq!(links.len(), 1);
        links.into_iter().find(|link| link.state() == v1::PaymentLinkState::Active)
    })
    .await;
    let answer = server.links().create_payment_link(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.payment_link.unwrap().id, made.id);
    assert_eq!(server.executed(CREATE_LINK).await, 1);
    let at_provider = provider.get("payment_links?limit=100").await["data"].clone();
    assert_eq!((at_provider.as_array().unwrap().len(), at_provider[0]["id"].as_str()), (1, Some(&*made.provider_ref)));
    let is_told = async || {
        let events = server.all_events().await;
        let told = events.iter().filter(|event| event.r#type == "payment_link.created").count();
        (told > 0).then_some(told)
    };
    assert_eq!(eventually(is_told).await, 1);

    // It is a link like any other.
    assert_eq!(server.pay(&made.url, GOOD_CARD).await, 200);
    for event in provider.told().await {
        assert_eq!(server.deliver(&event).await, 200);
    }
    server.wait_for_invoice(&request.invoice_id, v1::InvoiceState::Paid).await;
}

async fn a_crash_behind_the_call_ends_with_the_one_link(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    let request = link_request(&server.open_invoice(10_000).await.id);
    server.control("faults", json!([{"operation": CREATE_LINK, "kind": "hold_answer"}])).await;
    let calling = call(&server, &request);
    eventually(async || (server.executed(CREATE_LINK).await == 1).then_some(())).await;
    let server = server.crash_and_restart().await;
    assert!(calling.await.unwrap().is_err());
    server.end_faults().await;
    let_the_lease_run_out(&server, &request).await;
    expect_one_link(&server, &provider, &request).await;
}

async fn a_crash_before_the_call_ends_with_one_link(db: Db) {
    let provider = Provider::start().await;
    // Nobody answers there, and nothing is passed on to the provider.
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", nowhere.local_addr().unwrap());
    let server = Provider::server_at(&url, db, "").await;
    let request = link_request(&server.open_invoice(10_000).await.id);
    let calling = call(&server, &request);
    // The reading back at the start calls as well: the call about the link is under way once its intent is there.
    let is_intended = async || {
        let intended = server.texts("SELECT id FROM intents").await;
        (intended.len() == 1).then_some(())
    };
    eventually(is_intended).await;
    let _connection = tokio::time::timeout(PATIENCE, nowhere.accept()).await.unwrap().unwrap();
    let server = server.crash_and_restart_at(&provider).await;
    assert!(calling.await.unwrap().is_err());
    assert_eq!(server.executed(CREATE_LINK).await, 0);
    let_the_lease_run_out(&server, &request).await;
    expect_one_link(&server, &provider, &request).await;
}

async fn a_call_that_a_crash_left_on_its_way_is_not_made_twice(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    let request = link_request(&server.open_invoice(10_000).await.id);
    server.control("faults", json!([{"operation": CREATE_LINK, "kind": "hold"}])).await;
    let calling = call(&server, &request);
    let is_held = async || {
        let left: serde_json::Value = crate::harness::http()
            .get(format!("{}/_sandbox/faults", server.sandbox))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        left.as_array().unwrap().is_empty().then_some(())
    };
    eventually(is_held).await;
    let server = server.crash_and_restart().await;
    assert!(calling.await.unwrap().is_err());
    // The worker asks under the same key, and is told that the first call of it is still being worked on.
    server.let_leases_run_out().await;
    let is_tried_again = async || {
        let unknown = server.texts("SELECT id FROM intents WHERE lease_epoch > 0").await;
        (unknown.len() == 1).then_some(())
    };
    eventually(is_tried_again).await;
    assert_eq!(server.executed(CREATE_LINK).await, 0);
    server.end_faults().await;
    expect_one_link(&server, &provider, &request).await;
}

//! A provider whose answers can't be used: broken off, nonsense, without end, or the same error for ever.

use api_proto::v1;
use serde_json::json;
use tonic::Code;

use super::{CREATE_LINK, link_request};
use crate::harness::{Db, Provider, error_parts, eventually, on_both_databases};

on_both_databases!(
    answers_without_sense_or_end_cost_no_memory_and_lead_to_one_link,
    an_error_that_its_key_repeats_is_looked_up_before_another_key_is_used,
);

/// An answer has 50 MB, and the server that reads it may grow by less than that.
const GROWTH_BYTES_MAX: u64 = 40 << 20;

async fn answers_without_sense_or_end_cost_no_memory_and_lead_to_one_link(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    server.invoice_link(&server.open_invoice(10_000).await.id).await.unwrap();
    let before = server.resident_bytes();
    for (made_before, kind) in (1..).zip(["garbage", "truncate", "reset_before", "reset_after", "huge_body"]) {
        let invoice = server.open_invoice(10_000).await;
        server.control("faults", json!([{"operation": CREATE_LINK, "kind": kind}])).await;
        let link = server.invoice_link(&invoice.id).await.unwrap();
        let made = server.executed(CREATE_LINK).await;
        assert_eq!((link.state(), made), (v1::PaymentLinkState::Active, made_before + 1), "{kind}");
    }
    // Every try ends so: then it is not known what became of it, until the provider is asked.
    let invoice = server.open_invoice(10_000).await;
    server.control("faults", json!([{"operation": CREATE_LINK, "kind": "huge_body", "times": 3}])).await;
    let request = link_request(&invoice.id);
    let status = server.links().create_payment_link(request.clone()).await.unwrap_err();
    assert_eq!((error_parts(&status).0, error_parts(&status).1.as_str()), (Code::Unavailable, "OUTCOME_UNKNOWN"));
    eventually(async || server.links().create_payment_link(request.clone()).await.ok()).await;
    assert_eq!(server.executed(CREATE_LINK).await, 7);
    let growth = server.resident_bytes().saturating_sub(before);
    assert!(growth < GROWTH_BYTES_MAX, "it grew by {growth} bytes");
}

async fn an_error_that_its_key_repeats_is_looked_up_before_another_key_is_used(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    for (made, was_done) in [(1, true), (2, false)] {
        let fault = json!([{"operation": CREATE_LINK, "kind": "status", "status": 500, "after_execution": was_done,
            "kept": true}]);
        server.control("faults", fault).await;
        let invoice = server.open_invoice(10_000).await;
        let request = link_request(&invoice.id);
        let status = server.links().create_payment_link(request.clone()).await.unwrap_err();
        assert_eq!((error_parts(&status).0, error_parts(&status).1.as_str()), (Code::Unavailable, "OUTCOME_UNKNOWN"));
        let link = eventually(async || server.links().create_payment_link(request.clone()).await.ok()).await;
        let link = link.into_inner().payment_link.unwrap();
        assert_eq!(server.executed(CREATE_LINK).await, made, "done before: {was_done}");
        let known = provider.get(&format!("payment_links/{}", link.provider_ref)).await;
        assert_eq!((known["active"].as_bool(), known["url"].as_str()), (Some(true), Some(link.url.as_str())));
    }
}

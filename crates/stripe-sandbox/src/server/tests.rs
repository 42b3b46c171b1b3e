//! Keys, faults and the end, over HTTP.

use std::net::Ipv4Addr;

use super::*;
use crate::control::Fault;

async fn sandbox() -> Sandbox {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    start(SandboxConfig { listen, state_file: None }).await.unwrap()
}

/// The status and whether it is a replay.
async fn post(sandbox: &Sandbox, path: &str, key: &str, body: &'static str) -> (u16, bool) {
    let answer = request(sandbox, path, key, body).send().await.unwrap();
    (answer.status().as_u16(), answer.headers().contains_key("idempotent-replayed"))
}

fn request(sandbox: &Sandbox, path: &str, key: &str, body: &'static str) -> reqwest::RequestBuilder {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(sandbox.url().join(path).unwrap()).bearer_auth("sk_test_a");
    request.header("content-type", "application/x-www-form-urlencoded").header("idempotency-key", key).body(body)
}

fn fault(sandbox: &Sandbox, operation: &str, kind: FaultKind) {
    sandbox.state().faults.push(Fault { operation: operation.to_owned(), kind, times: 1 });
}

#[tokio::test]
async fn a_key_keeps_a_refusal_too_unless_the_parameters_were_not_even_looked_at() {
    let sandbox = sandbox().await;
    assert_eq!(post(&sandbox, "/v1/coupons/C", "late", "name=N").await, (404, false));
    assert_eq!(post(&sandbox, "/v1/coupons", "made", "id=C&percentage=5").await, (400, false));
    assert_eq!(post(&sandbox, "/v1/coupons", "made", "id=C&percent_off=5").await, (200, false));
    assert_eq!(post(&sandbox, "/v1/coupons/C", "late", "name=N").await, (404, true));
    assert_eq!(post(&sandbox, "/v1/coupons/C", "anew", "name=N").await, (200, false));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_key_is_in_use_until_its_call_has_ended_though_the_caller_is_gone() {
    let sandbox = sandbox().await;
    fault(&sandbox, "POST /v1/products", FaultKind::Hold);
    let first = tokio::spawn(request(&sandbox, "/v1/products", "k", "name=N").send());
    let has_begun = || serde_json::to_string(&*sandbox.state()).unwrap().contains("fingerprint");
    while !has_begun() {
        tokio::task::yield_now().await;
    }
    assert_eq!(post(&sandbox, "/v1/products", "k", "name=N").await.0, 409);
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()), "it waits for its answer");
    sandbox.shared().held.send_replace(Released::Once);
    let mut last = (409, false);
    while last.0 == 409 {
        last = post(&sandbox, "/v1/products", "k", "name=N").await;
    }
    assert_eq!(last, (200, true));
    let executed: Vec<u64> = sandbox.state().accounts.values().flat_map(|a| a.executed.values().copied()).collect();
    assert_eq!(executed, [1]);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_refusal_can_be_lost_on_its_way_and_is_repeated_under_its_key() {
    let sandbox = sandbox().await;
    fault(&sandbox, "POST /v1/coupons/{id}", FaultKind::Garbage);
    assert_eq!(post(&sandbox, "/v1/coupons/C", "k", "name=N").await, (200, false), "what came is no JSON");
    assert_eq!(post(&sandbox, "/v1/coupons/C", "k", "name=N").await, (404, true));
    fault(&sandbox, "POST /v1/coupons/{id}", FaultKind::ResetAfter);
    let lost = request(&sandbox, "/v1/coupons/C", "other", "name=N").send().await;
    assert!(match lost {
        Ok(answer) => answer.bytes().await.is_err(),
        Err(_) => true,
    });
    assert_eq!(post(&sandbox, "/v1/coupons/C", "other", "name=N").await, (404, true));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_answer_that_is_held_is_of_a_call_that_is_done() {
    let sandbox = sandbox().await;
    fault(&sandbox, "POST /v1/products", FaultKind::HoldAnswer);
    let first = tokio::spawn(request(&sandbox, "/v1/products", "k", "name=N").send());
    let executed = || sandbox.state().accounts.values().flat_map(|a| a.executed.values()).sum::<u64>();
    while executed() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(post(&sandbox, "/v1/products", "k", "name=N").await, (200, true));
    assert!(!first.is_finished());
    sandbox.shared().held.send_replace(Released::Once);
    assert_eq!(first.await.unwrap().unwrap().status().as_u16(), 200);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_key_keeps_an_error_of_the_sandboxs_own_whether_the_call_was_executed_or_not() {
    let sandbox = sandbox().await;
    for (key, after_execution) in [("before", false), ("after", true)] {
        let (retry_after, should_retry) = (None, None);
        let kind = FaultKind::Status { status: 500, retry_after, should_retry, after_execution, kept: true };
        fault(&sandbox, "POST /v1/products", kind);
        assert_eq!(post(&sandbox, "/v1/products", key, "name=N").await, (500, false));
        assert_eq!(post(&sandbox, "/v1/products", key, "name=N").await, (500, true));
    }
    let executed: u64 = sandbox.state().accounts.values().flat_map(|a| a.executed.values()).sum();
    assert_eq!(executed, 1);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_truncated_answer_has_its_beginning_and_a_reset_has_nothing() {
    let sandbox = sandbox().await;
    for (kind, is_torn) in [(FaultKind::Truncate, true), (FaultKind::ResetAfter, false)] {
        fault(&sandbox, "*", kind);
        let answer = request(&sandbox, "/v1/products", &ids::random(9), "name=N").send().await;
        assert_eq!(answer.is_ok(), is_torn);
        if let Ok(mut answer) = answer {
            let begins = answer.chunk().await.unwrap().unwrap();
            assert!(begins.starts_with(b"{\"active\":true,"), "{begins:?}");
            assert!(answer.chunk().await.is_err());
        }
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_sandbox_that_ends_holds_no_call() {
    let sandbox = sandbox().await;
    fault(&sandbox, "*", FaultKind::HoldAnswer);
    let held = tokio::spawn(request(&sandbox, "/v1/products", "k", "name=N").send());
    while !sandbox.state().faults.is_empty() {
        tokio::task::yield_now().await;
    }
    sandbox.shutdown().await;
    assert_eq!(held.await.unwrap().unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn a_call_that_panics_changes_nothing_and_its_key_answers_so() {
    let sandbox = sandbox().await;
    let account = State::account_of_key("sk_test_a");
    {
        let mut state = sandbox.state();
        let mut ctx = state.enter(&account, "");
        // Nothing can be set in a number; that is found after the end was scheduled.
        let broken = serde_json::json!({"id": "sub_1", "status": "active", "cancellation_details": 5});
        ctx.add("subscription", broken);
    }
    let known = || serde_json::to_value(&sandbox.state().accounts[&account]).unwrap();
    let before = known();
    for (kind, is_replayed) in [(None, false), (None, true), (Some(FaultKind::Delay { ms: 1 }), true)] {
        kind.into_iter().for_each(|kind| fault(&sandbox, "*", kind));
        let body = "cancel_at=4102444800";
        assert_eq!(post(&sandbox, "/v1/subscriptions/sub_1", "k", body).await, (500, is_replayed));
    }
    let after = known();
    for part in ["collections", "events", "scheduled", "executed"] {
        assert_eq!(before[part], after[part]);
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_kept_fault_does_not_take_the_place_of_what_was_answered_before() {
    let sandbox = sandbox().await;
    assert_eq!(post(&sandbox, "/v1/products", "k", "name=N").await, (200, false));
    for after_execution in [false, true] {
        let (retry_after, should_retry) = (None, None);
        let kind = FaultKind::Status { status: 500, retry_after, should_retry, after_execution, kept: true };
        fault(&sandbox, "*", kind);
        assert_eq!(post(&sandbox, "/v1/products", "k", "name=N").await, (500, false));
        assert_eq!(post(&sandbox, "/v1/products", "k", "name=N").await, (200, true));
    }
    sandbox.shutdown().await;
}

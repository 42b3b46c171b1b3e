//! Calls against a server that answers as it is told.

use tokio::task::JoinSet;
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::circuit::FAILURES_MAX;

fn client(uri: &str) -> Client {
    Client::new(&config(uri)).unwrap()
}

fn config(uri: &str) -> StripeConfig {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = StripeConfig::new("stripe".parse().unwrap(), "sk_test_1".into(), vec![], uri.parse().unwrap());
    config.timeout = Duration::from_millis(400);
    config
}

async fn post(server: &MockServer) -> Result<Value, ProviderError> {
    client(&server.uri()).post("/v1/payment_links", vec![("a[b]".into(), "c d".into())], "key-1").await
}

async fn answers(server: &MockServer, response: ResponseTemplate, times: u64) {
    Mock::given(method("POST")).respond_with(response).up_to_n_times(times).mount(server).await;
}

#[tokio::test]
async fn every_call_carries_key_version_and_form() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/payment_links"))
        .and(header("authorization", "Bearer sk_test_1"))
        .and(header("stripe-version", API_VERSION))
        .and(header("idempotency-key", "key-1"))
        .and(body_string("a%5Bb%5D=c+d"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{\"id\":\"plink_1\"}"))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(post(&server).await.unwrap()["id"], "plink_1");
}

#[tokio::test]
async fn a_server_error_is_tried_again_under_the_same_key_and_then_unknown() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(500), 3).await;
    assert_eq!(post(&server).await, Err(ProviderError::OutcomeUnknown));
    let requests = server.received_requests().await.unwrap();
    let keys: Vec<_> = requests.iter().map(|r| r.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys, ["key-1", "key-1", "key-1"]);
}

#[tokio::test]
async fn a_server_error_that_passes_is_not_noticed() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(503), 1).await;
    answers(&server, ResponseTemplate::new(200).set_body_string("{}"), 1).await;
    assert!(post(&server).await.is_ok());
}

#[tokio::test]
async fn should_retry_false_and_long_waits_are_obeyed() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(429).insert_header("retry-after", "60"), 1).await;
    let retry_after = Some(Duration::from_secs(60));
    assert_eq!(post(&server).await, Err(ProviderError::RateLimited { retry_after }));
    answers(&server, ResponseTemplate::new(409).insert_header("stripe-should-retry", "false"), 1).await;
    assert!(matches!(post(&server).await, Err(ProviderError::Conflict { .. })));
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn refusals_name_our_field_and_stripes_code_but_not_its_words() {
    let server = MockServer::start().await;
    let body = "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"parameter_invalid_integer\",\
                \"param\":\"line_items[2][quantity]\",\"message\":\"canary\"}}";
    answers(&server, ResponseTemplate::new(400).set_body_string(body), 1).await;
    let error = post(&server).await.unwrap_err();
    let field = Some("line_items[2].quantity".into());
    assert_eq!(error, ProviderError::Rejected { field, code: "parameter_invalid_integer".into() });
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[tokio::test]
async fn late_broken_and_huge_answers_leave_the_outcome_unknown() {
    for response in [
        ResponseTemplate::new(200).set_body_string("{}").set_delay(Duration::from_secs(2)),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_string(" ".repeat(ANSWER_BYTES_MAX + 1)),
    ] {
        let server = MockServer::start().await;
        answers(&server, response, 3).await;
        assert_eq!(post(&server).await, Err(ProviderError::OutcomeUnknown));
    }
}

#[tokio::test]
async fn a_refused_connection_is_surely_not_done() {
    // Port 1 of loopback has no listener.
    let error = client("http://127.0.0.1:1/").post("/v1/payment_links", vec![], "key-1").await;
    assert_eq!(error, Err(ProviderError::Unavailable));
}

#[tokio::test]
async fn a_stripe_that_fails_again_and_again_is_left_alone_and_tried_by_one_call() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(500), u64::from(FAILURES_MAX)).await;
    answers(&server, ResponseTemplate::new(200).set_body_string("{}"), 100).await;
    let client = client(&server.uri());
    let ask = async || client.post("/v1/payment_links", vec![], "key-1").await;
    let mut told = Vec::new();
    // Three tries a call: the last one finds the circuit open in the middle.
    for _ in 0..FAILURES_MAX.div_ceil(TRIES_MAX) {
        told.push(ask().await);
    }
    assert!(told.iter().all(|told| *told == Err(ProviderError::OutcomeUnknown)), "{told:?}");
    let sent = || async { server.received_requests().await.unwrap().len() };
    assert_eq!(sent().await, usize::try_from(FAILURES_MAX).unwrap());
    // Nothing was sent, so it is surely not done.
    assert_eq!(ask().await, Err(ProviderError::Unavailable));
    assert_eq!(sent().await, usize::try_from(FAILURES_MAX).unwrap());
    client.door.circuit.let_time_pass();
    assert!(ask().await.is_ok() && ask().await.is_ok());
}

#[tokio::test]
async fn what_finds_no_turn_is_refused_as_surely_not_done() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(200).set_body_string("{}"), 1_000).await;
    let mut config = config(&server.uri());
    config.calls_per_second_max = 4;
    let client = Client::new(&config).unwrap();
    let mut calls = JoinSet::new();
    for number in 0..60 {
        let client = client.clone();
        calls.spawn(async move { client.post("/v1/payment_links", vec![], &format!("key-{number}")).await });
    }
    let outcomes = calls.join_all().await;
    let refused = Err(ProviderError::RateLimited { retry_after: Some(TURN_WAIT_MAX) });
    let passed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == refused).count() + passed, 60);
    // As many as two seconds bring; the very last may have waited a moment too long.
    assert!((7..=8).contains(&passed), "{passed}");
    assert_eq!(server.received_requests().await.unwrap().len(), passed);
}

#[tokio::test]
async fn a_call_that_was_perhaps_done_stays_so_though_its_next_try_is_refused() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(500), 1).await;
    let mut config = config(&server.uri());
    config.calls_per_second_max = 1;
    let client = Client::new(&config).unwrap();
    let call = client.post("/v1/payment_links", vec![], "key-1");
    // Others take all places for waiting as soon as the first try is made.
    let crowd = async {
        while server.received_requests().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let waiting = (0..100).map(|_| client.door.pressure.enter(Urgency::Caller));
        let held = futures::future::join_all(waiting).await;
        held.len()
    };
    assert_eq!(tokio::join!(call, crowd).0, Err(ProviderError::OutcomeUnknown));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_tells_the_time_by_stripes_clock() {
    let server = MockServer::start().await;
    let dated = ResponseTemplate::new(200).insert_header("date", "Sun, 06 Nov 1994 08:49:37 GMT").set_body_string("{}");
    answers(&server, dated, 1).await;
    let client = client(&server.uri());
    assert_eq!(client.stripes_time(), None);
    client.post("/v1/payment_links", vec![], "key-1").await.unwrap();
    let passed = client.in_background().stripes_time().unwrap().since(Timestamp::from_unix_seconds(784_111_777));
    assert!(passed < Duration::from_secs(20), "{passed:?}");
    assert_eq!(read_date("yesterday"), None);
}

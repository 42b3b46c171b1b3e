//! Calls against a server that answers as it is told.

use tokio::task::JoinSet;
use wiremock::matchers::{body_string, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::circuit::FAILURES_MAX;

const LIMITS: Limits = Limits { calls_per_second_max: 20, timeout: Duration::from_millis(400) };

fn client(uri: &str, limits: Limits) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let headers = [("x-name".parse().unwrap(), "ours".parse().unwrap())].into_iter().collect();
    let headers = (headers, HeaderName::from_static("call-name"));
    Client::new("acquirer".to_owned(), uri.parse().unwrap(), headers, limits).unwrap()
}

/// Of a provider that says no more than its status does.
fn judge(answer: Answer) -> Verdict {
    let wait = answer.retry_after();
    match (answer.status.as_u16(), answer.body) {
        (200, Some(value)) => Verdict::Done(value),
        (400, _) => Verdict::Refused(ProviderError::Rejected { field: None, code: "bad".to_owned() }),
        (429, _) => Verdict::NotDone { error: ProviderError::RateLimited { retry_after: wait }, wait },
        _ => Verdict::Unknown { wait },
    }
}

async fn post(client: &Client, key: &str) -> Result<Value, ProviderError> {
    let content = Content::Json(&Value::Null);
    client.call(&Call { method: Method::POST, path: "/links", content, key: Some(key) }, judge).await
}

async fn answers(server: &MockServer, response: ResponseTemplate, times: u64) {
    Mock::given(method("POST")).respond_with(response).up_to_n_times(times).mount(server).await;
}

#[tokio::test]
async fn a_call_carries_its_key_headers_and_content() {
    let server = MockServer::start().await;
    let pairs = [("a[b]".to_owned(), "c d".to_owned())];
    let json = serde_json::json!({"a": 1});
    let expected = |matcher: &str| {
        let mock = Mock::given(header("x-name", "ours")).and(header("idempotency-key", "key-1"));
        match matcher {
            "form" => mock.and(path("/form")).and(body_string("a%5Bb%5D=c+d")),
            "json" => mock.and(path("/json")).and(body_string("{\"a\":1}")),
            _ => mock.and(path("/query")).and(query_param("a[b]", "c d")),
        }
    };
    for name in ["form", "json", "query"] {
        let response = ResponseTemplate::new(200).set_body_string("{}");
        expected(name).respond_with(response).expect(1).mount(&server).await;
    }
    let client = client(&server.uri(), LIMITS);
    for (path, content) in
        [("/form", Content::Form(&pairs)), ("/json", Content::Json(&json)), ("/query", Content::Query(&pairs))]
    {
        let call = Call { method: Method::POST, path, content, key: Some("key-1") };
        assert!(client.call(&call, judge).await.is_ok(), "{path}");
    }
}

#[tokio::test]
async fn a_failure_is_tried_again_under_the_same_key_and_then_unknown() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(500), 3).await;
    assert_eq!(post(&client(&server.uri(), LIMITS), "key-1").await, Err(ProviderError::OutcomeUnknown));
    let requests = server.received_requests().await.unwrap();
    let keys: Vec<_> = requests.iter().map(|r| r.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys, ["key-1", "key-1", "key-1"]);
}

#[tokio::test]
async fn a_failure_that_passes_is_not_noticed() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(503), 1).await;
    answers(&server, ResponseTemplate::new(200).set_body_string("{}"), 1).await;
    assert!(post(&client(&server.uri(), LIMITS), "key-1").await.is_ok());
}

#[tokio::test]
async fn refusals_and_long_waits_are_obeyed() {
    let server = MockServer::start().await;
    let (limited, others) = (client(&server.uri(), LIMITS), client(&server.uri(), LIMITS));
    answers(&server, ResponseTemplate::new(429).insert_header("retry-after", "60"), 1).await;
    let retry_after = Some(Duration::from_secs(60));
    assert_eq!(post(&limited, "key-1").await, Err(ProviderError::RateLimited { retry_after }));
    answers(&server, ResponseTemplate::new(400), 1).await;
    assert!(matches!(post(&others, "key-1").await, Err(ProviderError::Rejected { .. })));
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_wait_that_is_told_holds_all_calls_back() {
    let server = MockServer::start().await;
    let client = client(&server.uri(), LIMITS);
    let is_held_back = async |key: &str| {
        let told = post(&client.in_background(), key).await;
        matches!(told, Err(ProviderError::RateLimited { retry_after: Some(wait) }) if wait > Duration::from_secs(50))
    };
    // Perhaps done, and then told to wait: the outcome stays unknown, and the wait is not forgotten.
    answers(&server, ResponseTemplate::new(500), 1).await;
    answers(&server, ResponseTemplate::new(429).insert_header("retry-after", "60"), 1).await;
    answers(&server, ResponseTemplate::new(200).set_body_string("{}"), 100).await;
    assert_eq!(post(&client, "key-1").await, Err(ProviderError::OutcomeUnknown));
    assert!(is_held_back("key-1").await && is_held_back("key-2").await);
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_short_wait_is_waited_for_by_others_too() {
    let server = MockServer::start().await;
    let client = client(&server.uri(), LIMITS);
    answers(&server, ResponseTemplate::new(429).insert_header("retry-after", "1"), 1).await;
    answers(&server, ResponseTemplate::new(200).set_body_string("{}"), 100).await;
    let told = tokio::spawn({
        let client = client.clone();
        async move { post(&client, "key-1").await }
    });
    while client.door.cool_until.lock().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    assert!(post(&client, "key-2").await.is_ok());
    assert!(began.elapsed() > Duration::from_millis(800), "{:?}", began.elapsed());
    assert!(told.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(307).insert_header("location", "/elsewhere"), 3).await;
    assert_eq!(post(&client(&server.uri(), LIMITS), "key-1").await, Err(ProviderError::OutcomeUnknown));
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|request| request.url.path() == "/links"));
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
        assert_eq!(post(&client(&server.uri(), LIMITS), "key-1").await, Err(ProviderError::OutcomeUnknown));
    }
}

#[tokio::test]
async fn a_refused_connection_is_surely_not_done() {
    // Port 1 of loopback has no listener.
    let error = post(&client("http://127.0.0.1:1/", LIMITS), "key-1").await;
    assert_eq!(error, Err(ProviderError::Unavailable));
}

#[tokio::test]
async fn a_provider_that_fails_again_and_again_is_left_alone_and_tried_by_one_call() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(500), u64::from(FAILURES_MAX)).await;
    answers(&server, ResponseTemplate::new(200).set_body_string("{}"), 100).await;
    let client = client(&server.uri(), LIMITS);
    let next = std::sync::atomic::AtomicU32::new(0);
    // About another thing each time.
    let ask = async || {
        let nth = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        post(&client, &format!("key-{nth}")).await
    };
    let mut told = Vec::new();
    // Three tries a call: the last one finds the circuit open in the middle.
    for _ in 0..FAILURES_MAX.div_ceil(TRIES_MAX) {
        told.push(ask().await);
    }
    assert!(told.iter().all(|told| *told == Err(ProviderError::OutcomeUnknown)), "{told:?}");
    let sent = || async { server.received_requests().await.unwrap().len() };
    assert_eq!(sent().await, usize::try_from(FAILURES_MAX).unwrap());
    // Nothing was sent, so it is surely not done.
    let told = ask().await;
    assert!(matches!(told, Err(ProviderError::CircuitOpen { retry_after }) if !retry_after.is_zero()), "{told:?}");
    assert_eq!(sent().await, usize::try_from(FAILURES_MAX).unwrap());
    client.door.circuit.let_time_pass();
    assert!(ask().await.is_ok() && ask().await.is_ok());
}

#[tokio::test]
async fn what_finds_no_turn_is_refused_as_surely_not_done() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(200).set_body_string("{}"), 1_000).await;
    let client = client(&server.uri(), Limits { calls_per_second_max: 4, ..LIMITS });
    let mut calls = JoinSet::new();
    for number in 0..60 {
        let client = client.clone();
        calls.spawn(async move { post(&client, &format!("key-{number}")).await });
    }
    let outcomes = calls.join_all().await;
    let refused = Err(ProviderError::RateLimited { retry_after: Some(TURN_WAIT_MAX) });
    let passed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == refused).count() + passed, 60);
    // As many as two seconds bring; the one whose turn comes at their very end is refused or not, as the machine is busy.
    assert!((7..=9).contains(&passed), "{passed}");
    assert_eq!(server.received_requests().await.unwrap().len(), passed);
}

#[tokio::test]
async fn a_call_that_was_perhaps_done_stays_so_though_its_next_try_is_refused() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(500), 1).await;
    let client = client(&server.uri(), Limits { calls_per_second_max: 1, ..LIMITS });
    // Others take all places for waiting as soon as the first try is made.
    let crowd = async {
        while server.received_requests().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let waiting = (0..100).map(|_| client.door.pressure.enter(Urgency::Caller));
        let held = futures::future::join_all(waiting).await;
        held.len()
    };
    assert_eq!(tokio::join!(post(&client, "key-1"), crowd).0, Err(ProviderError::OutcomeUnknown));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_tells_the_time_by_the_providers_clock() {
    let server = MockServer::start().await;
    let dated = ResponseTemplate::new(200).insert_header("date", "Sun, 06 Nov 1994 08:49:37 GMT").set_body_string("{}");
    answers(&server, dated, 1).await;
    let client = client(&server.uri(), LIMITS);
    assert_eq!(client.provider_time(), None);
    post(&client, "key-1").await.unwrap();
    let passed = client.in_background().provider_time().unwrap().since(Timestamp::from_unix_seconds(784_111_777));
    assert!(passed < Duration::from_secs(20), "{passed:?}");
    assert_eq!(read_date("yesterday"), None);
}

#[test]
fn a_log_names_what_was_called_and_no_id() {
    assert_eq!(operation("/v1/payment_methods/pm_1NXWPnCo6bFb1KQto6C8OWvE/detach"), "/v1/payment_methods/{id}/detach");
    assert_eq!(operation("v71/payments/QFQTPCQ8HXSKGK82/refunds"), "v71/payments/{id}/refunds");
    // Nor one that is short: each would be a series of its own in the metrics.
    assert_eq!(operation("/v1/coupons/SPRING24?expand[]=x"), "/v1/coupons/{id}");
}

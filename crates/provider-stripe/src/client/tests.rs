//! Calls against a server that answers as it is told.

use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

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

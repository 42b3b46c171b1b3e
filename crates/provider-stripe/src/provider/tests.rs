//! Calls that belong together, against a server that answers as it is told.

use domain::metadata::Metadata;
use port_contracts::fixtures::{items_link, made_link, moment, seller};
use serde_json::json;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        moment()
    }
}

fn stripe(server: &MockServer) -> StripeProvider {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base = server.uri().parse().unwrap();
    let config = StripeConfig::new("stripe".parse().unwrap(), "sk_test_1".into(), vec![], base);
    StripeProvider::new(config, Arc::new(Stopped)).unwrap()
}

fn key() -> ProviderKey {
    ProviderKey("key-0".to_owned())
}

fn list(data: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"object": "list", "has_more": false, "data": data}))
}

#[tokio::test]
async fn a_link_is_not_closed_as_long_as_a_session_of_it_is_open() {
    let link = made_link(items_link(&seller("north"), None, Metadata::default()), "plink_1");
    for (left, want) in [
        (json!([{"id": "cs_1"}]), Err(ProviderError::Conflict { code: "session_still_open".to_owned() })),
        (json!([]), Ok(vec![])),
    ] {
        let server = MockServer::start().await;
        let closed = ResponseTemplate::new(200).set_body_json(json!({"id": "plink_1"}));
        Mock::given(path("/v1/payment_links/plink_1")).respond_with(closed).expect(1).mount(&server).await;
        let refusal = json!({"error": {"type": "invalid_request_error", "code": "resource_locked"}});
        Mock::given(method("POST"))
            .and(path("/v1/checkout/sessions/cs_1/expire"))
            .respond_with(ResponseTemplate::new(400).set_body_json(refusal))
            .expect(1)
            .mount(&server)
            .await;
        let open = || Mock::given(path("/v1/checkout/sessions")).and(query_param("status", "open"));
        open().respond_with(list(json!([{"id": "cs_1"}]))).up_to_n_times(1).mount(&server).await;
        open().respond_with(list(left)).mount(&server).await;
        assert_eq!(stripe(&server).deactivate_payment_link(&key(), &link).await, want);
    }
}

/// Answers of a server that has no price by the lookup key, then one made by another call where `then` says so.
async fn without_price(then: Option<&str>, made: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let found = || Mock::given(method("GET")).and(path("/v1/prices"));
    found().respond_with(list(json!([]))).up_to_n_times(1).mount(&server).await;
    found().respond_with(list(then.iter().map(|id| json!({"id": id})).collect())).mount(&server).await;
    let product = ResponseTemplate::new(200).set_body_json(json!({"id": "prod_1"}));
    Mock::given(path("/v1/products")).respond_with(product).expect(1).mount(&server).await;
    Mock::given(method("POST")).and(path("/v1/prices")).respond_with(made).expect(1).mount(&server).await;
    server
}

#[tokio::test]
async fn a_price_is_made_with_its_product_or_found_where_another_made_it() {
    let link = items_link(&seller("north"), None, Metadata::default());
    let item = items_to_prepare(&link).next().unwrap();
    let server = without_price(None, ResponseTemplate::new(200).set_body_json(json!({"id": "price_1"}))).await;
    assert_eq!(stripe(&server).price(&key(), item).await, Ok("price_1".to_owned()));
    let sent = server.received_requests().await.unwrap();
    let product = sent.iter().find(|request| request.url.path() == "/v1/products").unwrap();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&product.body).into_owned().collect();
    for (name, value) in [
        ("name", item.name.as_str()),
        ("description", item.description.as_ref().unwrap().as_str()),
        ("tax_code", item.tax_code.as_ref().unwrap().as_str()),
    ] {
        assert!(form.contains(&(name.to_owned(), value.to_owned())), "{name} of {form:?}");
    }
    let keys: Vec<_> = sent.iter().filter_map(|request| request.headers.get("idempotency-key")).collect();
    assert!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
    assert!(keys.iter().all(|sent| sent.to_str().unwrap().starts_with(&key().0)), "{keys:?}");

    let taken = json!({"error": {"type": "invalid_request_error", "param": "lookup_key"}});
    let refusal = || ResponseTemplate::new(400).set_body_json(&taken);
    let server = without_price(Some("price_2"), refusal()).await;
    assert_eq!(stripe(&server).price(&key(), item).await, Ok("price_2".to_owned()));
    let server = without_price(None, refusal()).await;
    assert!(matches!(stripe(&server).price(&key(), item).await, Err(ProviderError::Rejected { .. })));
}

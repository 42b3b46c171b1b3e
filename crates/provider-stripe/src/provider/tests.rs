//! Calls that belong together, against a server that answers as it is told.

use std::collections::{BTreeSet, VecDeque};

use domain::metadata::Metadata;
use port_contracts::fixtures::{items_link, made_link, seller};
use serde_json::json;
use wiremock::matchers::{method, path, path_regex, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;

fn stripe(server: &MockServer) -> StripeProvider {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base = server.uri().parse().unwrap();
    let config = StripeConfig::new("stripe".parse().unwrap(), "sk_test_1".into(), vec![], base);
    StripeProvider::new(config).unwrap()
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
    let (_, item) = items_to_prepare(&link).next().unwrap();
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

#[tokio::test]
async fn a_refusal_of_what_a_link_needs_first_names_the_links_own_field() {
    let link = items_link(&seller("north"), None, Metadata::default());
    let refusal = |param: &str| {
        let error = json!({"error": {"type": "invalid_request_error", "code": "parameter_invalid", "param": param}});
        ResponseTemplate::new(400).set_body_json(error)
    };
    let fields: Vec<String> = items_to_prepare(&link).map(|(field, _)| field).collect();
    assert!(fields.iter().any(|field| field.starts_with("line_items[")), "{fields:?}");
    assert!(fields.iter().any(|field| field.starts_with("optional_items[")), "{fields:?}");
    for (at, param) in [("/v1/products", "tax_code"), ("/v1/prices", "unit_amount_decimal")] {
        let server = MockServer::start().await;
        Mock::given(method("GET")).and(path("/v1/prices")).respond_with(list(json!([]))).mount(&server).await;
        Mock::given(method("POST")).and(path(at)).respond_with(refusal(param)).mount(&server).await;
        let made = ResponseTemplate::new(200).set_body_json(json!({"id": "made_1"}));
        Mock::given(method("POST")).respond_with(made).mount(&server).await;
        for (field, item) in items_to_prepare(&link) {
            let refused = stripe(&server).prepare(&key(), vec![(field.clone(), item)], &[]).await.unwrap_err();
            let want = ProviderError::Rejected { field: Some(field), code: "parameter_invalid".to_owned() };
            assert_eq!(refused, want, "{at}");
        }
    }
    let server = MockServer::start().await;
    Mock::given(path("/v1/shipping_rates")).respond_with(refusal("tax_code")).mount(&server).await;
    let refused = stripe(&server).prepare(&key(), vec![], &link.options.shipping_options.0).await.unwrap_err();
    let field = Some("shipping_options[0]".to_owned());
    assert_eq!(refused, ProviderError::Rejected { field, code: "parameter_invalid".to_owned() });
}

/// A server with a session that has begun a subscription, which it tells as `subscription`.
async fn with_subscription(subscription: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let session = json!({"id": "cs_1", "status": "complete", "payment_status": "paid", "currency": "sek",
        "amount_total": 0, "payment_intent": null, "invoice": "in_1", "subscription": "sub_1",
        "metadata": {"paylinks_link": LINK}});
    let answers =
        |at: &str, body: Value| Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(body));
    answers("/v1/checkout/sessions/cs_1", session.clone()).mount(&server).await;
    answers("/v1/checkout/sessions/cs_1/line_items", json!({"data": []})).mount(&server).await;
    let sessions = Mock::given(path("/v1/checkout/sessions")).and(query_param("subscription", "sub_1"));
    sessions.respond_with(list(json!([session]))).mount(&server).await;
    let none = Mock::given(path("/v1/checkout/sessions")).and(query_param("subscription", "sub_2"));
    none.respond_with(list(json!([]))).mount(&server).await;
    Mock::given(path("/v1/subscriptions/sub_1")).respond_with(subscription.clone()).mount(&server).await;
    Mock::given(path("/v1/subscriptions/sub_2")).respond_with(subscription).mount(&server).await;
    server
}

const LINK: &str = "plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968";

/// A subscription whose metadata says nothing of us.
fn without_link() -> ResponseTemplate {
    let price = json!({"id": "price_1", "unit_amount": 9_900, "product": {"id": "prod_1", "name": "Hosting"},
        "recurring": {"interval": "month", "interval_count": 1}});
    let item = json!({"price": price, "quantity": 1, "current_period_start": 100, "current_period_end": 200});
    ResponseTemplate::new(200).set_body_json(json!({"id": "sub_1", "status": "active", "currency": "sek",
        "metadata": {}, "items": {"data": [item]}, "start_date": 50}))
}

#[tokio::test]
async fn a_payment_is_told_though_its_subscription_cannot_be_read() {
    let refusal = json!({"error": {"type": "invalid_request_error", "code": "resource_missing"}});
    for (subscription, is_read) in [
        (without_link(), true),
        (ResponseTemplate::new(200).set_body_json(json!({"id": "sub_1"})), false),
        (ResponseTemplate::new(404).set_body_json(&refusal), false),
        (ResponseTemplate::new(403).set_body_json(&refusal), false),
    ] {
        let server = with_subscription(subscription).await;
        let read = stripe(&server).fetch_checkout(&ProviderRef("cs_1".to_owned())).await.unwrap();
        assert_eq!(read.payment_link_id.unwrap().to_string(), LINK);
        assert_eq!(read.subscription.map(|read| read.payment_link_id), read.payment_link_id.filter(|_| is_read));
    }
}

#[tokio::test]
async fn a_subscription_whose_metadata_were_lost_is_known_by_its_session() {
    let server = with_subscription(without_link()).await;
    let fetched = async |id: &str| stripe(&server).fetch_subscription(&ProviderRef(id.to_owned())).await.unwrap();
    assert_eq!(fetched("sub_1").await.unwrap().payment_link_id.to_string(), LINK);
    assert_eq!(fetched("sub_2").await, None, "another program's");
    for (subscription, is_ours) in [("sub_1", true), ("sub_2", false)] {
        let invoice = json!({"id": "in_1", "status": "paid", "billing_reason": "subscription_cycle", "payments": {"data": []},
            "parent": {"subscription_details": {"subscription": subscription, "metadata": {}}}});
        let at = format!("/v1/invoices/{subscription}");
        Mock::given(path(&at)).respond_with(ResponseTemplate::new(200).set_body_json(invoice)).mount(&server).await;
        let renewal = stripe(&server).fetch_renewal(&ProviderRef(subscription.to_owned())).await.unwrap();
        assert_eq!(renewal.is_some(), is_ours, "{subscription}");
    }
}

/// A link with visitors: which of their sessions are open. Each time they are listed, new ones may have come.
#[derive(Clone, Default)]
struct Visitors(Arc<Mutex<VisitorsState>>);

#[derive(Default)]
struct VisitorsState {
    open: BTreeSet<String>,
    /// How many come before each of the next listings.
    coming: VecDeque<usize>,
    came: usize,
    listed: usize,
}

impl Visitors {
    /// A server of theirs; `coming` visitors come before each listing.
    async fn start(&self, coming: impl IntoIterator<Item = usize>) -> MockServer {
        self.0.lock().unwrap().coming.extend(coming);
        let server = MockServer::start().await;
        let closed = ResponseTemplate::new(200).set_body_json(json!({"id": "plink_1"}));
        Mock::given(path("/v1/payment_links/plink_1")).respond_with(closed).mount(&server).await;
        let listing = self.clone();
        Mock::given(method("GET"))
            .and(query_param("status", "open"))
            .respond_with(move |_: &Request| listing.list())
            .mount(&server)
            .await;
        let closing = self.clone();
        Mock::given(method("POST"))
            .and(path_regex("^/v1/checkout/sessions/[^/]+/expire$"))
            .respond_with(move |request: &Request| {
                let id = request.url.path().split('/').nth(4).unwrap();
                closing.0.lock().unwrap().open.remove(id);
                ResponseTemplate::new(200).set_body_json(json!({"id": id}))
            })
            .mount(&server)
            .await;
        server
    }

    fn list(&self) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        state.listed += 1;
        for _ in 0..state.coming.pop_front().unwrap_or(0) {
            state.came += 1;
            let id = format!("cs_{}", state.came);
            state.open.insert(id);
        }
        let data: Vec<Value> = state.open.iter().take(100).map(|id| json!({"id": id})).collect();
        let has_more = state.open.len() > data.len();
        ResponseTemplate::new(200).set_body_json(json!({"object": "list", "has_more": has_more, "data": data}))
    }
}

#[tokio::test]
async fn a_link_of_many_visitors_is_closed_though_more_come_meanwhile() {
    let visitors = Visitors::default();
    let server = visitors.start([230, 0, 40]).await;
    let link = made_link(items_link(&seller("north"), None, Metadata::default()), "plink_1");
    assert_eq!(fast(&server).deactivate_payment_link(&key(), &link).await, Ok(vec![]));
    let state = visitors.0.lock().unwrap();
    assert_eq!((state.came, state.open.len()), (270, 0));
}

#[tokio::test]
async fn closing_a_link_ends_however_many_visitors_come_and_goes_on_where_it_ended() {
    let visitors = Visitors::default();
    // More pages than one call closes.
    let server = visitors.start(std::iter::repeat_n(1, PAGES_MAX + 5)).await;
    let link = made_link(items_link(&seller("north"), None, Metadata::default()), "plink_1");
    let stripe = fast(&server);
    let still_open = Err(ProviderError::Conflict { code: "session_still_open".to_owned() });
    assert_eq!(stripe.deactivate_payment_link(&key(), &link).await, still_open);
    assert_eq!(visitors.0.lock().unwrap().listed, PAGES_MAX);
    assert_eq!(stripe.deactivate_payment_link(&key(), &link).await, Ok(vec![]));
    assert_eq!(visitors.0.lock().unwrap().came, PAGES_MAX + 5);
}

/// One that nobody has to spare.
fn fast(server: &MockServer) -> StripeProvider {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base = server.uri().parse().unwrap();
    let mut config = StripeConfig::new("stripe".parse().unwrap(), "sk_test_1".into(), vec![], base);
    config.calls_per_second_max = 100_000;
    StripeProvider::new(config).unwrap()
}

#[tokio::test]
async fn an_endpoint_delivers_once_what_it_told_is_taken() {
    for (untaken, want) in [(json!([]), Delivery::On), (json!([{"id": "evt_1"}]), Delivery::Untaken)] {
        let server = MockServer::start().await;
        let endpoint =
            json!([{"url": "https://pay.test/webhooks/stripe", "status": "enabled", "enabled_events": ["*"]}]);
        Mock::given(path("/v1/webhook_endpoints")).respond_with(list(endpoint)).mount(&server).await;
        Mock::given(path("/v1/events"))
            .and(query_param("delivery_success", "false"))
            .respond_with(list(untaken))
            .expect(1)
            .mount(&server)
            .await;
        assert_eq!(stripe(&server).probe("https://pay.test/webhooks/stripe").await, Ok(want));
    }
}

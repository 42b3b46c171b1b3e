//! HTTP to Stripe: every call has a time limit, a capped answer and bounded retries under one key.

use std::num::NonZeroU32;
use std::time::Duration;

use domain::ports::provider::ProviderError;
use governor::{DefaultDirectRateLimiter, Jitter, Quota};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use crate::config::{ConfigError, StripeConfig};
use crate::params::our_field;

/// The version of Stripe's API that every call asks for.
pub(crate) const API_VERSION: &str = "2026-10-28.endive";
/// The longest that connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a call is tried.
const TRIES_MAX: u32 = 3;
/// The longest wait between two tries; what asks for more is left to whoever called.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// The wait after the first try; it doubles.
const WAIT_FIRST: Duration = Duration::from_millis(250);
/// The largest answer that is read, in bytes. A page of a hundred sessions with full metadata is about 3 MiB.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Our field for a parameter of Stripe's, where there is one.
type FieldName = fn(&str) -> Option<String>;

/// Parameters of a call, in Stripe's bracketed names.
pub(crate) type Params = Vec<(String, String)>;

pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    headers: HeaderMap,
    limiter: DefaultDirectRateLimiter,
}

/// What one try came to.
enum Tried {
    Answer(Value),
    /// Final, and surely not done.
    Failed(ProviderError),
    /// Surely not done; another try may help.
    NotDone {
        error: ProviderError,
        wait: Option<Duration>,
    },
    /// Perhaps done; another try under the same key may tell.
    Unknown {
        wait: Option<Duration>,
    },
}

impl Client {
    pub(crate) fn new(config: &StripeConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("paylinks/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ConfigError::Client)?;
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", config.api_key.expose_secret());
        let mut bearer = HeaderValue::try_from(bearer).map_err(|_| ConfigError::MalformedKey)?;
        bearer.set_sensitive(true);
        headers.insert("authorization", bearer);
        headers.insert("stripe-version", HeaderValue::from_static(API_VERSION));
        if let Some(account) = config.account.as_deref() {
            let account = HeaderValue::try_from(account).map_err(|_| ConfigError::MalformedAccount)?;
            headers.insert("stripe-account", account);
        }
        let per_second = NonZeroU32::new(config.calls_per_second_max).unwrap_or(NonZeroU32::MIN);
        let limiter = DefaultDirectRateLimiter::direct(Quota::per_second(per_second));
        Ok(Self { http, base: config.api_base.clone(), headers, limiter })
    }

    /// Reads. A read that fails has changed nothing, so an unknown outcome is just unavailable.
    pub(crate) async fn get(&self, path: &str, params: Params) -> Result<Value, ProviderError> {
        self.call(Method::GET, path, params, None, our_field).await.map_err(unchanged)
    }

    /// Asks for something to be computed that nobody can tell from what was computed before: there is nothing to do once, so
    /// there is no key, and an unknown outcome is just unavailable. A refusal names Stripe's parameter.
    pub(crate) async fn compute(&self, path: &str, params: Params) -> Result<Value, ProviderError> {
        self.call(Method::POST, path, params, None, |param| Some(param.to_owned())).await.map_err(unchanged)
    }

    /// Changes, once for its key.
    pub(crate) async fn post(&self, path: &str, params: Params, key: &str) -> Result<Value, ProviderError> {
        self.call(Method::POST, path, params, Some(key), our_field).await
    }

    /// Ends something. Stripe takes no key for it, and needs none: what has ended can't end again.
    pub(crate) async fn delete(&self, path: &str) -> Result<Value, ProviderError> {
        self.call(Method::DELETE, path, Params::new(), None, our_field).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        params: Params,
        key: Option<&str>,
        field_name: FieldName,
    ) -> Result<Value, ProviderError> {
        let mut perhaps_done = false;
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.limiter.until_ready_with_jitter(Jitter::up_to(Duration::from_millis(20))).await;
            let (error, wait) = match self.try_once(&method, path, &params, (key, field_name)).await {
                Tried::Answer(value) => return Ok(value),
                Tried::Failed(error) => return Err(error),
                Tried::NotDone { error, wait } => (error, wait),
                Tried::Unknown { wait } => {
                    perhaps_done = true;
                    (ProviderError::OutcomeUnknown, wait)
                }
            };
            let wait = wait.unwrap_or(WAIT_FIRST * 2u32.pow(attempt - 1));
            if attempt == TRIES_MAX || wait > WAIT_MAX {
                // Once it was perhaps done, a later try that surely was not changes nothing about that.
                return Err(if perhaps_done { ProviderError::OutcomeUnknown } else { error });
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn try_once(
        &self,
        method: &Method,
        path: &str,
        params: &Params,
        (key, field_name): (Option<&str>, FieldName),
    ) -> Tried {
        let Ok(url) = self.base.join(path) else { return Tried::Failed(ProviderError::Unavailable) };
        let mut request = self.http.request(method.clone(), url).headers(self.headers.clone());
        request = if *method == Method::GET { request.query(params) } else { request.form(params) };
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                tracing::warn!(%method, operation = operation(path), "can't connect to the provider");
                return Tried::NotDone { error: ProviderError::Unavailable, wait: None };
            }
            Err(error) => {
                tracing::warn!(%method, operation = operation(path), timeout = error.is_timeout(), "the provider's answer was lost");
                return Tried::Unknown { wait: None };
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_capped(response).await;
        let request_id = headers.get("request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        tracing::debug!(%method, operation = operation(path), status = status.as_u16(), request_id, "called the provider");
        judge(status, &headers, body, field_name)
    }
}

/// The failure of a call that changes nothing.
fn unchanged(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::OutcomeUnknown => ProviderError::Unavailable,
        other => other,
    }
}

/// What an answer means.
fn judge(status: StatusCode, headers: &HeaderMap, body: Option<Value>, field_name: FieldName) -> Tried {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let wait = header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let should_retry = header("stripe-should-retry").and_then(|text| text.parse::<bool>().ok());
    if status.is_success() {
        return match body {
            Some(value) => Tried::Answer(value),
            // Done, as the status says; but what, we can't read.
            None => Tried::Unknown { wait },
        };
    }
    let error = body.map(|body| body["error"].clone()).unwrap_or_default();
    let not_done = |error: ProviderError, by_default: bool| {
        if should_retry.unwrap_or(by_default) { Tried::NotDone { error, wait } } else { Tried::Failed(error) }
    };
    match status.as_u16() {
        401 | 403 => Tried::Failed(ProviderError::Unauthorized),
        // A 404 of someone in between says nothing about the thing.
        404 if error["code"] == "resource_missing" => Tried::Failed(ProviderError::NotFound),
        404 => Tried::NotDone { error: ProviderError::Unavailable, wait },
        409 => not_done(ProviderError::Conflict { code: code(&error) }, true),
        429 => not_done(ProviderError::RateLimited { retry_after: wait }, true),
        // The key was used with other parameters, as after an update of this program: what it did must be looked up.
        _ if error["type"] == "idempotency_error" => Tried::Failed(ProviderError::OutcomeUnknown),
        400..=499 => {
            let field = error["param"].as_str().and_then(field_name);
            not_done(ProviderError::Rejected { field, code: code(&error) }, false)
        }
        // Whatever else: it may have been done, and the same key will tell.
        _ if should_retry == Some(false) => Tried::Unknown { wait: Some(Duration::MAX) },
        _ => Tried::Unknown { wait },
    }
}

/// Stripe's code, or its type. Never its message, which may repeat what a customer entered.
fn code(error: &Value) -> String {
    let code = error["code"].as_str().or(error["type"].as_str()).unwrap_or("unknown");
    code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(100).collect()
}

/// The path without ids, for logs.
fn operation(path: &str) -> String {
    path.split('/')
        .map(|part| if part.contains('_') && part.len() > 16 { "{id}" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// The answer as JSON; nothing if it is too large, broken off or something else.
async fn read_capped(mut response: Response) -> Option<Value> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return None;
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{body_string, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    fn client(uri: &str) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = StripeConfig::new("stripe".parse().unwrap(), "sk_test_1".into(), vec![], uri.parse().unwrap());
        config.timeout = Duration::from_millis(400);
        Client::new(&config).unwrap()
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
}

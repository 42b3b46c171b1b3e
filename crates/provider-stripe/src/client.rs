//! HTTP to Stripe: every call waits for its turn, has a time limit, a capped answer and bounded retries under one key.
//!
//! What is refused here, before anything was sent, is surely not done: [`ProviderError::RateLimited`] where too many calls
//! wait, and [`ProviderError::Unavailable`] while the circuit is open.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use domain::ports::provider::ProviderError;
use domain::timestamp::Timestamp;
use governor::Jitter;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::circuit::Circuit;
use crate::config::{ConfigError, StripeConfig};
use crate::params::our_field;
use crate::pressure::{Pressure, Urgency, WAIT_MAX as TURN_WAIT_MAX};

/// The version of Stripe's API that every call asks for.
pub(crate) const API_VERSION: &str = "2026-10-28.endive";
/// The longest that connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a call is tried.
const TRIES_MAX: u32 = 3;
/// The longest wait between two tries; what asks for more is left to whoever called.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// The wait after the first try, on average; it doubles.
const WAIT_FIRST: Duration = Duration::from_millis(250);
/// The largest answer that is read, in bytes. A page of a hundred sessions with full metadata is about 3 MiB.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// For how long an answer tells the time.
const TIME_KNOWN_FOR: Duration = Duration::from_secs(120);

/// Our field for a parameter of Stripe's, where there is one.
type FieldName = fn(&str) -> Option<String>;

/// Parameters of a call, in Stripe's bracketed names.
pub(crate) type Params = Vec<(String, String)>;

/// A way to one Stripe. A clone is another, behind the same door.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    headers: HeaderMap,
    door: Arc<Door>,
    urgency: Urgency,
}

/// What all calls to one Stripe share.
struct Door {
    /// The name of the provider, for metrics.
    name: String,
    pressure: Pressure,
    circuit: Circuit,
    /// The date of the last answer, and when it came.
    last_date: Mutex<Option<(Timestamp, Instant)>>,
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
    /// Nothing was sent, and nothing is to be sent for now.
    Refused(ProviderError),
}

impl Tried {
    /// Whether Stripe was not there, or not itself. A limit of its own, or a refusal, is an answer.
    fn has_failed(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::NotDone { error: ProviderError::Unavailable, .. })
    }

    fn outcome(&self) -> &'static str {
        match self {
            Self::Answer(_) => "answered",
            Self::Failed(_) => "rejected",
            Self::NotDone { error: ProviderError::RateLimited { .. }, .. } => "rate_limited",
            Self::NotDone { .. } => "not_done",
            Self::Unknown { .. } => "unknown",
            Self::Refused(ProviderError::RateLimited { .. }) => "queue_full",
            Self::Refused(_) => "circuit_open",
        }
    }
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
        let name = config.name.to_string();
        let door = Door {
            pressure: Pressure::new(per_second),
            circuit: Circuit::new(name.clone()),
            name,
            last_date: Mutex::new(None),
        };
        Ok(Self { http, base: config.api_base.clone(), headers, door: Arc::new(door), urgency: Urgency::Caller })
    }

    /// The same way for calls that no caller waits for: they come behind the callers'.
    pub(crate) fn in_background(&self) -> Self {
        Self { urgency: Urgency::Worker, ..self.clone() }
    }

    /// The time by Stripe's clock, as far as an answer of the last two minutes told it.
    pub(crate) fn stripes_time(&self) -> Option<Timestamp> {
        let (date, came) = (*self.door.last_date.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = came.elapsed();
        (since <= TIME_KNOWN_FOR).then(|| date.plus(since))
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
            let tried = self.try_in_turn(&method, path, &params, (key, field_name)).await;
            let (provider, outcome) = (self.door.name.clone(), tried.outcome());
            metrics::counter!("paylinks_provider_calls_total", "provider" => provider, "outcome" => outcome)
                .increment(1);
            let (error, told) = match tried {
                Tried::Answer(value) => return Ok(value),
                Tried::Failed(error) => return Err(error),
                Tried::Refused(error) => return Err(if perhaps_done { ProviderError::OutcomeUnknown } else { error }),
                Tried::NotDone { error, wait } => (error, wait),
                Tried::Unknown { wait } => {
                    perhaps_done = true;
                    (ProviderError::OutcomeUnknown, wait)
                }
            };
            let doubled = WAIT_FIRST * 2u32.pow(attempt - 1);
            let wait = told.unwrap_or(doubled);
            if attempt == TRIES_MAX || wait > WAIT_MAX {
                // Once it was perhaps done, a later try that surely was not changes nothing about that.
                return Err(if perhaps_done { ProviderError::OutcomeUnknown } else { error });
            }
            // Calls that failed together do not come back together, and none before it was told to.
            let spread = match told {
                Some(told) => Jitter::up_to(WAIT_FIRST) + told,
                None => Jitter::up_to(doubled) + doubled / 2,
            };
            tokio::time::sleep(spread).await;
        }
    }

    /// One try, once it may be made.
    async fn try_in_turn(&self, method: &Method, path: &str, params: &Params, how: (Option<&str>, FieldName)) -> Tried {
        let door = &self.door;
        if door.circuit.is_open() {
            return Tried::Refused(ProviderError::Unavailable);
        }
        let Ok(_under_way) = door.pressure.enter(self.urgency).await else {
            return Tried::Refused(ProviderError::RateLimited { retry_after: Some(TURN_WAIT_MAX) });
        };
        let Some(pass) = door.circuit.pass() else { return Tried::Refused(ProviderError::Unavailable) };
        let tried = self.try_once(method, path, params, how).await;
        pass.answered(tried.has_failed());
        tried
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
        if let Some(date) = headers.get("date").and_then(|date| date.to_str().ok()).and_then(read_date) {
            *self.door.last_date.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, Instant::now()));
        }
        let body = read_capped(response).await;
        let request_id = headers.get("request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        tracing::debug!(%method, operation = operation(path), status = status.as_u16(), request_id, "called the provider");
        judge(status, &headers, body, field_name)
    }
}

/// The date of an answer, which is whole seconds.
fn read_date(header: &str) -> Option<Timestamp> {
    let since_epoch = httpdate::parse_http_date(header).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since_epoch.as_secs()).ok().map(Timestamp::from_unix_seconds)
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
        // Of someone in between, as a proxy that gave up waiting: what became of the call is not known.
        400..=499 if error["type"].is_null() => Tried::Unknown { wait },
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
mod tests;

//! One call to Stripe's API: its headers, time limits, retries, rate, and what its answer means.
//!
//! It knows HTTP and Stripe's conventions for all endpoints (docs.stripe.com/api/errors, …/idempotent_requests,
//! …/rate-limits), and no endpoint. Nothing of a body is logged, nor any error text: either may carry what a customer
//! entered.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use url::Url;

use crate::config::{ConfigError, StripeConfig};
use crate::failure::Failure;
use crate::form::Form;
use crate::limiter::Limiter;
use crate::wire::ErrorBody;

/// The version of Stripe's API that the wire types are of.
const API_VERSION: &str = "2026-10-28.endive";
const USER_AGENT: &str = concat!("paylinks/", env!("CARGO_PKG_VERSION"));
/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept: less than load balancers commonly do, so that few calls meet a closed one.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// How long one call may take with all its tries and waits.
const CALL_BUDGET: Duration = Duration::from_secs(25);
/// Tries of one call in all.
const TRIES_MAX: usize = 3;
/// The wait before the second try, before jitter; it doubles.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// The longest wait that is our own choice.
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// The most bytes of an object's answer.
const OBJECT_BYTES_MAX: usize = 1024 * 1024;
/// The most bytes of a list's answer: [`LIST_LIMIT`] objects with all the metadata that Stripe takes.
const LIST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many objects of a list are asked for at once.
pub(crate) const LIST_LIMIT: u32 = 50;

/// A call.
pub(crate) struct Call<'a> {
    /// Method and path with placeholders: the name in logs, and the endpoint whose rate counts.
    operation: &'static str,
    /// The path's segments below `v1`.
    path: &'a [&'a str],
    /// The query or body.
    form: Form,
    effect: Effect,
}

/// What a call does, which decides what a failure may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Effect {
    /// Reads one object.
    Reads,
    /// Reads a page of a list.
    Lists,
    /// Makes something: once, by its idempotency key.
    Makes { key: String },
    /// Sets a state that is the same however often it is set.
    Sets { key: String },
}

impl<'a> Call<'a> {
    pub(crate) fn read(operation: &'static str, path: &'a [&'a str]) -> Self {
        Self { operation, path, form: Form::default(), effect: Effect::Reads }
    }

    pub(crate) fn list(operation: &'static str, path: &'a [&'a str]) -> Self {
        let form = Form::default().with("limit", LIST_LIMIT);
        Self { operation, path, form, effect: Effect::Lists }
    }

    pub(crate) fn make(operation: &'static str, path: &'a [&'a str], key: &str) -> Self {
        Self { operation, path, form: Form::default(), effect: Effect::Makes { key: key.to_owned() } }
    }

    pub(crate) fn set(operation: &'static str, path: &'a [&'a str], key: &str) -> Self {
        Self { operation, path, form: Form::default(), effect: Effect::Sets { key: key.to_owned() } }
    }

    pub(crate) fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    pub(crate) fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.form.push(name, value);
        self
    }
}

impl Effect {
    fn key(&self) -> Option<&str> {
        match self {
            Self::Makes { key } | Self::Sets { key } => Some(key),
            Self::Reads | Self::Lists => None,
        }
    }
}

/// A try that came to nothing.
struct Failed {
    failure: Failure,
    /// Whether the same may be tried again.
    retry: bool,
    /// How long Stripe wants us to wait.
    wait: Option<Duration>,
    /// Whether Stripe told what it had told before under this key, without doing anything.
    replayed: bool,
    /// Whether the key was used before with other parameters.
    key_reused: bool,
}

/// Connections to Stripe for one configuration.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    timeout: Duration,
    limiter: Limiter,
}

impl Client {
    /// A client for a configuration that was checked.
    pub(crate) fn new(config: &StripeConfig, livemode: bool) -> Result<Self, ConfigError> {
        let mut builder = reqwest::Client::builder()
            .https_only(!config.is_loopback())
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .user_agent(USER_AGENT)
            .default_headers(default_headers(config)?);
        if config.is_loopback() {
            builder = builder.no_proxy();
        }
        let by_mode =
            if livemode { StripeConfig::LIVE_RATE_PER_SECOND } else { StripeConfig::TEST_RATE_PER_SECOND };
        let rate = config.rate_per_second.unwrap_or(by_mode);
        let endpoint_rate = config.endpoint_rate_per_second.unwrap_or(StripeConfig::ENDPOINT_RATE_PER_SECOND);
        Ok(Self {
            http: builder.build().map_err(ConfigError::Client)?,
            base: config.api_base.clone(),
            timeout: config.timeout,
            limiter: Limiter::new(rate, endpoint_rate),
        })
    }

    /// Makes a call, again where that is safe and may help.
    pub(crate) async fn send<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failure> {
        let span = tracing::info_span!(
            "stripe_call",
            operation = call.operation,
            attempts = Empty,
            status = Empty,
            request_id = Empty
        );
        let sent = self.send_within_budget(call).instrument(span.clone()).await;
        if let Err(failure) = &sent {
            span.in_scope(|| tracing::debug!(?failure, "call failed"));
        }
        sent
    }

    async fn send_within_budget<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failure> {
        let deadline = Instant::now() + CALL_BUDGET;
        let mut waits = backoff();
        let mut key = call.effect.key().map(str::to_owned);
        let mut perhaps_done = false;
        let mut attempts = 0u32;
        loop {
            if let Err(wait) = self.limiter.admit(call.operation, deadline).await {
                return Err(settle(Failure::RateLimited { retry_after: Some(wait) }, perhaps_done));
            }
            attempts += 1;
            Span::current().record("attempts", attempts);
            let failed = match self.attempt(&call, key.as_deref(), deadline).await {
                Ok(body) => match self.read_answer(&body) {
                    Ok(answer) => return Ok(answer),
                    Err(failed) => failed,
                },
                Err(failed) => failed,
            };
            perhaps_done |= call.effect.key().is_some() && failed.failure == Failure::Unclear;
            let may_renew = matches!(call.effect, Effect::Sets { .. });
            let renew = may_renew && (failed.replayed || failed.key_reused) && failed.failure == Failure::Unclear;
            let Some(wait) = waits.next().filter(|_| failed.retry || renew) else {
                return Err(settle(failed.failure, perhaps_done));
            };
            let wait = failed.wait.unwrap_or_default().max(wait);
            if Instant::now() + wait >= deadline {
                return Err(settle(failed.failure, perhaps_done));
            }
            if renew {
                // Stripe keeps telling the outcome of the first call under this key. Setting the state again is
                // harmless, so it is asked under a fresh one.
                key = call.effect.key().map(fresh_key).transpose()?;
            }
            sleep(wait).await;
        }
    }

    /// One try: the body of an answer of success.
    async fn attempt(&self, call: &Call<'_>, key: Option<&str>, deadline: Instant) -> Result<Vec<u8>, Failed> {
        let timeout = self.timeout.min(deadline.saturating_duration_since(Instant::now()));
        let request = self.request(call, key)?.timeout(timeout);
        let mut response = request.send().await.map_err(|error| transport_failed(&error))?;
        let status = response.status();
        Span::current().record("status", status.as_u16());
        if let Some(id) = header_text(response.headers(), "request-id") {
            Span::current().record("request_id", id);
        }
        let bytes_max = if call.effect == Effect::Lists { LIST_BYTES_MAX } else { OBJECT_BYTES_MAX };
        let headers = response.headers().clone();
        let body = read_capped(&mut response, bytes_max).await;
        if status.is_success() {
            return body;
        }
        // The status alone tells enough where the body of an error is lost.
        Err(answer_failed(status.as_u16(), &headers, &body.unwrap_or_default(), &call.effect))
    }

    fn request(&self, call: &Call<'_>, key: Option<&str>) -> Result<reqwest::RequestBuilder, Failed> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().push("v1").extend(call.path),
            // Not for a base that was checked.
            Err(()) => return Err(Failed::for_good(Failure::Unreachable)),
        };
        let Some(key) = key else {
            if !call.form.is_empty() {
                url.set_query(Some(&call.form.encode()));
            }
            return Ok(self.http.request(Method::GET, url));
        };
        Ok(self
            .http
            .request(Method::POST, url)
            .header("Idempotency-Key", key)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(call.form.encode()))
    }

    fn read_answer<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failed> {
        serde_json::from_slice(body).map_err(|error| {
            // The error's own text may quote the body.
            tracing::error!(
                category = ?error.classify(),
                line = error.line(),
                column = error.column(),
                "Stripe's answer is not to be understood"
            );
            Failed::again(Failure::Unclear)
        })
    }
}

impl Failed {
    fn for_good(failure: Failure) -> Self {
        Self { failure, retry: false, wait: None, replayed: false, key_reused: false }
    }

    fn again(failure: Failure) -> Self {
        Self { retry: true, ..Self::for_good(failure) }
    }
}

fn default_headers(config: &StripeConfig) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", config.api_key.expose_secret());
    let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| ConfigError::UnknownKeyForm)?;
    bearer.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, bearer);
    headers.insert(HeaderName::from_static("stripe-version"), HeaderValue::from_static(API_VERSION));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(account) = &config.account {
        let account = HeaderValue::from_str(account).map_err(|_| ConfigError::MalformedAccount)?;
        headers.insert(HeaderName::from_static("stripe-account"), account);
    }
    Ok(headers)
}

fn backoff() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(BACKOFF_MIN)
        .with_max_delay(BACKOFF_MAX)
        .with_max_times(TRIES_MAX - 1)
        .with_jitter()
        .build()
}

/// A failure that says "surely not done" of its own try does not say so of an earlier one.
fn settle(failure: Failure, perhaps_done: bool) -> Failure {
    match failure {
        Failure::Unreachable | Failure::RateLimited { .. } | Failure::Unauthorized if perhaps_done => Failure::Unclear,
        other => other,
    }
}

fn fresh_key(key: &str) -> Result<String, Failure> {
    let nonce = getrandom::u64().map_err(|_| Failure::Unclear)?;
    Ok(format!("{key}-{nonce:016x}"))
}

/// What a call without an answer means: one whose connection did not come about is surely not done.
fn transport_failed(error: &reqwest::Error) -> Failed {
    let is_sent = !error.is_connect() && !error.is_builder();
    tracing::warn!(timeout = error.is_timeout(), is_sent, "no answer from Stripe");
    Failed::again(if is_sent { Failure::Unclear } else { Failure::Unreachable })
}

async fn read_capped(response: &mut Response, bytes_max: usize) -> Result<Vec<u8>, Failed> {
    let too_large = || {
        tracing::error!(bytes_max, "Stripe's answer is too large");
        Failed::for_good(Failure::Unclear)
    };
    if response.content_length().is_some_and(|length| usize::try_from(length).is_ok_and(|l| l > bytes_max)) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > bytes_max => return Err(too_large()),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => {
                tracing::warn!(timeout = error.is_timeout(), "Stripe's answer broke off");
                return Err(Failed::again(Failure::Unclear));
            }
        }
    }
}

/// What an answer that is no success means, and whether the same call may be tried again.
fn answer_failed(status: u16, headers: &HeaderMap, body: &[u8], effect: &Effect) -> Failed {
    let detail = serde_json::from_slice::<ErrorBody>(body).ok().map(|body| body.error);
    let key_reused = status == 400 && detail.as_ref().is_some_and(|detail| detail.kind == "idempotency_error");
    let wait = retry_after(headers);
    let replayed = header_text(headers, "idempotent-replayed") == Some("true");
    let by_status = matches!(status, 409 | 429 | 500..=599);
    // Under the same key the same answer would come again.
    let is_stored = replayed && status >= 500 && matches!(effect, Effect::Makes { .. });
    let retry = match header_text(headers, "stripe-should-retry") {
        Some("true") => true,
        Some("false") => false,
        _ => by_status && !is_stored,
    };
    Failed { failure: Failure::of_answer(status, detail, wait), retry, wait, replayed, key_reused }
}

/// Seconds to wait, as Stripe gives them; the header's other form, a date, it does not use.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    header_text(headers, "retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;

//! Stripe's operations over HTTP, and what its answers mean.

use std::time::Duration;

use domain::ports::provider::ProviderError;
use domain::timestamp::Timestamp;
use provider_http::{Answer, Call, Content, Limits, Verdict, unchanged};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::config::{ConfigError, StripeConfig};
use crate::params::our_field;

/// The version of Stripe's API that every call asks for.
pub(crate) const API_VERSION: &str = "2026-10-28.endive";

/// Our field for a parameter of Stripe's, where there is one.
type FieldName = fn(&str) -> Option<String>;

/// Parameters of a call, in Stripe's bracketed names.
pub(crate) type Params = Vec<(String, String)>;

/// The header in which Stripe names a call.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// A way to one Stripe. A clone is another, behind the same door.
#[derive(Clone)]
pub(crate) struct Client(provider_http::Client);

impl Client {
    pub(crate) fn new(config: &StripeConfig) -> Result<Self, ConfigError> {
        config.check()?;
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
        let limits = Limits { calls_per_second_max: config.calls_per_second_max, timeout: config.timeout };
        let http =
            provider_http::Client::new(config.name.to_string(), config.api_base.clone(), (headers, REQUEST_ID), limits);
        http.map(Self).map_err(ConfigError::Client)
    }

    /// The same way for calls that no caller waits for: they come behind the callers'.
    pub(crate) fn in_background(&self) -> Self {
        Self(self.0.in_background())
    }

    /// The time by Stripe's clock, as far as an answer of the last two minutes told it.
    pub(crate) fn stripes_time(&self) -> Option<Timestamp> {
        self.0.provider_time()
    }

    /// Reads. A read that fails has changed nothing, so an unknown outcome is just unavailable.
    pub(crate) async fn get(&self, path: &str, params: Params) -> Result<Value, ProviderError> {
        let call = Call { method: Method::GET, path, content: Content::Query(&params), key: None };
        self.0.call(&call, |answer| judge(answer, our_field)).await.map_err(unchanged)
    }

    /// Asks for something to be computed that nobody can tell from what was computed before: there is nothing to do once, so
    /// there is no key, and an unknown outcome is just unavailable. A refusal names Stripe's parameter.
    pub(crate) async fn compute(&self, path: &str, params: Params) -> Result<Value, ProviderError> {
        let call = Call { method: Method::POST, path, content: Content::Form(&params), key: None };
        let own_name: FieldName = |param| Some(param.to_owned());
        self.0.call(&call, |answer| judge(answer, own_name)).await.map_err(unchanged)
    }

    /// Changes, once for its key.
    pub(crate) async fn post(&self, path: &str, params: Params, key: &str) -> Result<Value, ProviderError> {
        let call = Call { method: Method::POST, path, content: Content::Form(&params), key: Some(key) };
        self.0.call(&call, |answer| judge(answer, our_field)).await
    }

    /// Ends something. Stripe takes no key for it, and needs none: what has ended can't end again.
    pub(crate) async fn delete(&self, path: &str) -> Result<Value, ProviderError> {
        let call = Call { method: Method::DELETE, path, content: Content::Nothing, key: None };
        self.0.call(&call, |answer| judge(answer, our_field)).await
    }
}

/// What an answer means.
fn judge(answer: Answer, field_name: FieldName) -> Verdict {
    let wait = answer.retry_after();
    let should_retry = answer.header("stripe-should-retry").and_then(|text| text.parse::<bool>().ok());
    if answer.status.is_success() {
        return match answer.body {
            Some(value) => Verdict::Done(value),
            // Done, as the status says; but what, we can't read.
            None => Verdict::Unknown { wait },
        };
    }
    let error = answer.body.map(|body| body["error"].clone()).unwrap_or_default();
    let not_done = |error: ProviderError, by_default: bool| {
        if should_retry.unwrap_or(by_default) { Verdict::NotDone { error, wait } } else { Verdict::Refused(error) }
    };
    match answer.status.as_u16() {
        401 | 403 => Verdict::Refused(ProviderError::Unauthorized),
        // A 404 of someone in between says nothing about the thing.
        404 if error["code"] == "resource_missing" => Verdict::Refused(ProviderError::NotFound),
        404 => Verdict::NotDone { error: ProviderError::Unavailable, wait },
        409 => not_done(ProviderError::Conflict { code: code(&error) }, true),
        429 => not_done(ProviderError::RateLimited { retry_after: wait }, true),
        // The key was used with other parameters, as after an update of this program: what it did must be looked up.
        _ if error["type"] == "idempotency_error" => Verdict::Refused(ProviderError::OutcomeUnknown),
        // Of someone in between, as a proxy that gave up waiting: what became of the call is not known.
        400..=499 if error["type"].is_null() => Verdict::Unknown { wait },
        400..=499 => {
            let field = error["param"].as_str().and_then(field_name);
            not_done(ProviderError::Rejected { field, code: code(&error) }, false)
        }
        // Whatever else: it may have been done, and the same key will tell.
        _ if should_retry == Some(false) => Verdict::Unknown { wait: Some(Duration::MAX) },
        _ => Verdict::Unknown { wait },
    }
}

/// Stripe's code, or its type. Never its message, which may repeat what a customer entered.
fn code(error: &Value) -> String {
    let code = error["code"].as_str().or(error["type"].as_str()).unwrap_or("unknown");
    code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(100).collect()
}

#[cfg(test)]
mod tests;

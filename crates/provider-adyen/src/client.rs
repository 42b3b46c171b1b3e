//! Adyen's operations over HTTP, and what its answers mean: docs.adyen.com/development-resources/error-codes and
//! docs.adyen.com/development-resources/api-idempotency.

use domain::ports::provider::ProviderError;
use domain::timestamp::Timestamp;
use provider_http::{Answer, Call, Content, Limits, Verdict, unchanged};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::Value;

use crate::config::AdyenConfig;

/// The most characters of a key under which something is done once.
const KEY_CHARS_MAX: usize = 64;
/// Adyen's code for a key whose first call is still being worked on.
const IN_PROGRESS: &str = "704";

/// A way to one Adyen. A clone is another, behind the same door.
#[derive(Clone)]
pub(crate) struct Client(provider_http::Client);

impl Client {
    /// A way to the Adyen of a configuration.
    ///
    /// # Errors
    /// The HTTP client can't be made.
    pub(crate) fn new(config: &AdyenConfig) -> Result<Self, reqwest::Error> {
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-api-key"), config.api_key.clone())]);
        let limits = Limits { calls_per_second_max: config.calls_per_second_max, timeout: config.timeout };
        let headers = (headers, HeaderName::from_static("pspreference"));
        provider_http::Client::new(config.name.to_string(), config.base.clone(), headers, limits).map(Self)
    }

    /// The same way for calls that no caller waits for: they come behind the callers'.
    pub(crate) fn in_background(&self) -> Self {
        Self(self.0.in_background())
    }

    /// The time by Adyen's clock, as far as an answer of the last two minutes told it.
    pub(crate) fn adyens_time(&self) -> Option<Timestamp> {
        self.0.provider_time()
    }

    /// Reads. A read that fails has changed nothing, so an unknown outcome is just unavailable.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ProviderError> {
        let call = Call { method: Method::GET, path, content: Content::Nothing, key: None };
        self.0.call(&call, judge).await.map_err(unchanged)
    }

    /// Makes something, once for its key.
    pub(crate) async fn post(&self, path: &str, body: &Value, key: &str) -> Result<Value, ProviderError> {
        if key.len() > KEY_CHARS_MAX {
            return Err(ProviderError::Rejected { field: None, code: "key_too_long".to_owned() });
        }
        let call = Call { method: Method::POST, path, content: Content::Json(body), key: Some(key) };
        self.0.call(&call, judge).await
    }

    /// Sets a state. Adyen takes no key for it, and needs none: done twice, it is as done once.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, ProviderError> {
        let call = Call { method: Method::PATCH, path, content: Content::Json(body), key: None };
        self.0.call(&call, judge).await
    }
}

/// What an answer means.
fn judge(answer: Answer) -> Verdict {
    let wait = answer.retry_after();
    if answer.status.is_success() {
        return match answer.body {
            Some(value) => Verdict::Done(value),
            // Done, as the status says; but what, we can't read.
            None => Verdict::Unknown { wait },
        };
    }
    // By Adyen's word the same call may pass later under the same key; whether it was done this time, it does not say.
    let is_transient = answer.header("transient-error").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let error = answer.body.unwrap_or_default();
    let code = code(&error);
    match (answer.status.as_u16(), code) {
        (429, _) => Verdict::NotDone { error: ProviderError::RateLimited { retry_after: wait }, wait },
        (400..=499, Some(code)) if code == IN_PROGRESS => {
            Verdict::NotDone { error: ProviderError::Conflict { code }, wait }
        }
        _ if is_transient => Verdict::Unknown { wait },
        (401 | 403, _) => Verdict::Refused(ProviderError::Unauthorized),
        (404, Some(_)) => Verdict::Refused(ProviderError::NotFound),
        // A 404 of someone in between says nothing about the thing.
        (404, None) => Verdict::NotDone { error: ProviderError::Unavailable, wait },
        (409, code) => {
            let code = code.unwrap_or_else(|| "conflict".to_owned());
            Verdict::NotDone { error: ProviderError::Conflict { code }, wait }
        }
        (400..=499, Some(code)) => Verdict::Refused(ProviderError::Rejected { field: field(&error), code }),
        // Of someone in between, as a proxy that gave up waiting, or of Adyen when it fails: it may have been done, and the
        // same key will tell.
        _ => Verdict::Unknown { wait },
    }
}

/// Adyen's code, with the category before it where that says more. Never its message, which may repeat what a customer
/// entered. Nothing where the answer is none of Adyen's.
fn code(error: &Value) -> Option<String> {
    let code: String =
        error["errorCode"].as_str()?.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!code.is_empty()).then(|| code.chars().take(40).collect())
}

/// Our field for the one that Adyen names as invalid, in a list of its own or between quotes in its message.
fn field(error: &Value) -> Option<String> {
    let listed = error["invalidFields"][0]["name"].as_str();
    let quoted = || error["message"].as_str()?.split('\'').nth(1);
    let name = listed.or_else(quoted)?;
    let field = match name.split('.').next_back().unwrap_or(name) {
        "amount" | "value" | "currency" => "amount",
        "expiresAt" => "expire_time",
        "returnUrl" => "return_url",
        "shopperLocale" => "locale",
        "shopperStatement" => "payment.statement_descriptor",
        "allowedPaymentMethods" => "payment.method_types",
        _ => return None,
    };
    Some(field.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::StatusCode;
    use reqwest::header::HeaderValue;
    use serde_json::json;

    use super::*;

    fn answered(status: u16, headers: &[(&'static str, &'static str)], body: Option<Value>) -> Verdict {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        judge(Answer { status: StatusCode::from_u16(status).unwrap(), headers, body })
    }

    fn error(code: &str, message: &str) -> Option<Value> {
        Some(json!({"status": 422, "errorCode": code, "message": message, "errorType": "validation"}))
    }

    #[test]
    fn a_refusal_names_our_field_and_adyens_code_but_not_its_words() {
        let told = |body| match answered(422, &[], body) {
            Verdict::Refused(ProviderError::Rejected { field, code }) => (field, code),
            other => panic!("{other:?}"),
        };
        let quoted = told(error("15_002", "Field 'amount' is not valid: canary"));
        assert_eq!(quoted, (Some("amount".to_owned()), "15_002".to_owned()));
        let listed = json!({"errorCode": "702", "invalidFields": [{"name": "expiresAt", "value": "canary"}]});
        assert_eq!(told(Some(listed)), (Some("expire_time".to_owned()), "702".to_owned()));
        assert_eq!(told(error("100", "canary")), (None, "100".to_owned()));
    }

    #[test]
    fn what_surely_was_not_done_is_told_from_what_perhaps_was() {
        let refused = |verdict: &Verdict| match verdict {
            Verdict::Refused(error) => Some(error.clone()),
            _ => None,
        };
        for status in [401, 403] {
            let verdict = answered(status, &[], error("010", "Not allowed"));
            assert_eq!(refused(&verdict), Some(ProviderError::Unauthorized));
        }
        assert_eq!(refused(&answered(404, &[], error("155", "unknown"))), Some(ProviderError::NotFound));
        let limited = answered(429, &[("retry-after", "7")], None);
        let (seven, later) = (Some(Duration::from_secs(7)), matches!(limited, Verdict::NotDone { .. }));
        assert!(later && format!("{limited:?}").contains(&format!("retry_after: {seven:?}")), "{limited:?}");
        for (status, code) in [(422, "704"), (409, "1")] {
            let verdict = answered(status, &[], error(code, "in progress"));
            assert!(matches!(verdict, Verdict::NotDone { error: ProviderError::Conflict { .. }, .. }), "{verdict:?}");
        }
        for (status, headers, body) in [
            (200, vec![], None),
            (500, vec![], error("905", "internal")),
            (502, vec![], None),
            (408, vec![], None),
            (422, vec![("transient-error", "true")], error("15_1", "later")),
        ] {
            let verdict = answered(status, &headers, body);
            assert!(matches!(verdict, Verdict::Unknown { .. }), "{status}: {verdict:?}");
        }
    }
}

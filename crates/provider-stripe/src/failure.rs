//! What went wrong with a call, and what that means to the domain.

use std::time::Duration;

use domain::ports::provider::ProviderError;

use crate::wire::ErrorDetail;

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Stripe understood it and said no.
    Refused(Refusal),
    /// Stripe has no such object.
    Missing,
    /// A call under the same key is running, or the object is locked by another.
    Busy { code: String },
    /// Surely not done.
    RateLimited { retry_after: Option<Duration> },
    /// Surely not done.
    Unreachable,
    /// The answer was lost, late, or not to be understood.
    Unclear,
    /// Our key is not good for that.
    Unauthorized,
}

/// Stripe's refusal, without its message: that may repeat what a customer entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Stripe's `code`, or its `type` where it gives none.
    pub(crate) code: String,
    /// The parameter at fault, such as `line_items[0][quantity]`.
    pub(crate) param: Option<String>,
}

impl Refusal {
    fn new(detail: ErrorDetail) -> Self {
        Self { code: detail.code.unwrap_or(detail.kind), param: detail.param }
    }
}

impl Failure {
    /// What an error answer means. `detail` is absent where the body was not Stripe's.
    pub(crate) fn of_answer(status: u16, detail: Option<ErrorDetail>, retry_after: Option<Duration>) -> Self {
        let Some(detail) = detail else {
            return match status {
                401 | 403 => Self::Unauthorized,
                429 => Self::RateLimited { retry_after },
                // A proxy's page, perhaps. A 404 of that kind must not pass for a missing object.
                _ => Self::Unclear,
            };
        };
        match status {
            401 | 403 => Self::Unauthorized,
            404 if detail.code.as_deref() == Some("resource_missing") => Self::Missing,
            409 => Self::Busy { code: Refusal::new(detail).code },
            429 => Self::RateLimited { retry_after },
            // An earlier call under this key had other parameters. Perhaps it was done, by another version of us before
            // a restart: so this is not a refusal, but something to be looked up.
            400 if detail.kind == "idempotency_error" => Self::Unclear,
            400..=499 => Self::Refused(Refusal::new(detail)),
            _ => Self::Unclear,
        }
    }

    /// What it means to the domain, after a call that may have changed something. `field` knows which field of ours a
    /// parameter came from.
    pub(crate) fn of_change(self, field: impl FnOnce(&str) -> Option<String>) -> ProviderError {
        match self {
            Self::Refused(refusal) => {
                ProviderError::Rejected { field: refusal.param.as_deref().and_then(field), code: refusal.code }
            }
            Self::Missing => ProviderError::NotFound,
            Self::Busy { code } => ProviderError::Conflict { code },
            Self::RateLimited { retry_after } => ProviderError::RateLimited { retry_after },
            Self::Unreachable => ProviderError::Unavailable,
            Self::Unclear => ProviderError::OutcomeUnknown,
            Self::Unauthorized => ProviderError::Unauthorized,
        }
    }

    /// What it means to the domain, after a call that only read.
    pub(crate) fn of_read(self) -> ProviderError {
        match self {
            Self::Unclear => ProviderError::Unavailable,
            other => other.of_change(|_| None),
        }
    }
}

/// The segments of a parameter's path: `line_items[0][quantity]` is `line_items`, `0` and `quantity`.
pub(crate) fn segments(param: &str) -> Vec<&str> {
    param.split(['[', ']']).filter(|segment| !segment.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> ProviderError {
        let detail = serde_json::from_str::<crate::wire::ErrorBody>(body).ok().map(|body| body.error);
        Failure::of_answer(status, detail, None).of_change(|param| Some(format!("our {param}")))
    }

    #[test]
    fn answers_become_what_can_be_done_about_them() {
        let rejected = |field: Option<&str>, code: &str| ProviderError::Rejected {
            field: field.map(str::to_owned),
            code: code.to_owned(),
        };
        let cases = [
            (
                400,
                r#"{"error":{"type":"invalid_request_error","code":"parameter_missing","param":"x"}}"#,
                rejected(Some("our x"), "parameter_missing"),
            ),
            (400, r#"{"error":{"type":"invalid_request_error"}}"#, rejected(None, "invalid_request_error")),
            (402, r#"{"error":{"type":"card_error","code":"card_declined"}}"#, rejected(None, "card_declined")),
            (401, r#"{"error":{"type":"invalid_request_error"}}"#, ProviderError::Unauthorized),
            (403, "<html>", ProviderError::Unauthorized),
            (
                404,
                r#"{"error":{"type":"invalid_request_error","code":"resource_missing"}}"#,
                ProviderError::NotFound,
            ),
            (404, r#"{"error":{"type":"invalid_request_error"}}"#, rejected(None, "invalid_request_error")),
            (404, "<html>not Stripe's</html>", ProviderError::OutcomeUnknown),
            (400, "", ProviderError::OutcomeUnknown),
            (302, "", ProviderError::OutcomeUnknown),
            (
                409,
                r#"{"error":{"type":"idempotency_error","code":"idempotency_key_in_use"}}"#,
                ProviderError::Conflict { code: "idempotency_key_in_use".to_owned() },
            ),
            (400, r#"{"error":{"type":"idempotency_error"}}"#, ProviderError::OutcomeUnknown),
            (429, "", ProviderError::RateLimited { retry_after: None }),
            (500, r#"{"error":{"type":"api_error"}}"#, ProviderError::OutcomeUnknown),
            (503, "", ProviderError::OutcomeUnknown),
        ];
        for (status, body, want) in cases {
            assert_eq!(answer(status, body), want, "{status} {body}");
        }
    }

    #[test]
    fn a_lookup_that_failed_did_nothing() {
        assert_eq!(Failure::Unclear.of_read(), ProviderError::Unavailable);
        assert_eq!(Failure::Missing.of_read(), ProviderError::NotFound);
    }
}

//! The one place where errors become statuses of HTTP. How an endpoint writes them down is its own matter.

use std::sync::Arc;
use std::time::Duration;

use application::{Error, Lacking, Reason};
use axum::http::StatusCode;
use domain::validation::Violations;
use serde::Serialize;

use crate::body::BODY_TIME_MAX;

/// How many bad fields are told.
const DETAILS_MAX: usize = 50;
/// How many characters of a field's name are told, which the caller had a say in.
const FIELD_CHARS_MAX: usize = 200;

/// Every status that a request can come to nothing with.
#[cfg(test)]
pub(crate) const STATUSES: [u16; 14] = [400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 503, 504];

/// Why a request came to nothing.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    /// For programs.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: String,
    /// The fields at fault; may be empty.
    pub(crate) details: Vec<FieldFault>,
    /// When a retry may help.
    pub(crate) retry_after: Option<Duration>,
    /// What went wrong inside: for the log, never for the caller.
    pub(crate) cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
    /// Whether the fields have the names that the caller wrote, and not those of the use cases.
    is_as_written: bool,
}

/// A field at fault.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FieldFault {
    pub(crate) field: String,
    /// The rule that it broke, for programs.
    pub(crate) reason: String,
    /// What is expected there, for people.
    pub(crate) message: String,
}

impl Fault {
    /// A fault without fields.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, details: Vec::new(), retry_after: None, cause: None, is_as_written: true }
    }

    /// The body could not be read: too large, too slow, or broken off.
    pub(crate) fn of_body(status: StatusCode) -> Self {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "BODY_TOO_LARGE", "the body is too large"),
            StatusCode::REQUEST_TIMEOUT => {
                let seconds = BODY_TIME_MAX.as_secs();
                let message = format!("the body did not come in within {seconds} seconds; nothing was done");
                Self::new(status, "BODY_TOO_SLOW", message)
            }
            _ => Self::new(StatusCode::BAD_REQUEST, "BODY_UNREADABLE", "the body could not be read to its end"),
        }
    }

    /// The deadline passed. A write goes on; a retry with the same id tells its result.
    pub(crate) fn deadline_exceeded() -> Self {
        let message = "the deadline passed; a retry with the same request id tells the result";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED", message)
    }

    /// The same fault with the fields named as the callers of an endpoint know them.
    pub(crate) fn renamed(mut self, names: &[(&str, &str)]) -> Self {
        if self.is_as_written {
            return self;
        }
        for detail in &mut self.details {
            if let Some((_, name)) = names.iter().find(|(inner, _)| *inner == detail.field) {
                detail.field = (*name).to_owned();
            }
        }
        if self.code == Error::INVALID_FIELDS {
            self.message = invalid_message(&self.details);
        }
        self
    }
}

fn invalid_message(details: &[FieldFault]) -> String {
    match details {
        [] => "invalid request".to_owned(),
        [only] => format!("invalid request: {} {}", only.field, only.message),
        [first, rest @ ..] => {
            format!("invalid request: {} {}; and {} more, see the details", first.field, first.message, rest.len())
        }
    }
}

impl From<Violations> for Fault {
    /// What a reader found, which has the names of the request.
    fn from(violations: Violations) -> Self {
        Self { is_as_written: true, ..Error::Invalid(violations).into() }
    }
}

impl From<Error> for Fault {
    /// What a use case told, in its own names for fields.
    fn from(error: Error) -> Self {
        let (status, retry_after, mut cause) = (status(&error), retry_after(&error), None);
        let (code, message, details) = match error {
            Error::Invalid(violations) => {
                let details: Vec<_> = violations
                    .iter()
                    .take(DETAILS_MAX)
                    .map(|v| FieldFault { field: cut(&v.field), reason: v.rule.clone(), message: v.expected.clone() })
                    .collect();
                (Error::INVALID_FIELDS, invalid_message(&details), details)
            }
            Error::NotFound { kind, id } => ("NOT_FOUND", format!("no {kind} {}", cut(&id)), Vec::new()),
            Error::FailedPrecondition { reason, message, field } => {
                let field = field.filter(|field| !field.is_empty());
                let fault = |field| FieldFault { field, reason: reason.code().to_owned(), message: message.clone() };
                let details = field.map(fault).into_iter().collect();
                (reason.code(), message, details)
            }
            Error::Unsupported { lacking } => {
                let code = Reason::UnsupportedCapability.code();
                let message = Error::Unsupported { lacking: lacking.clone() }.to_string();
                let named = lacking.into_iter().filter(|lacking| !lacking.field.is_empty());
                let fault = |lacking: Lacking| FieldFault {
                    field: lacking.field,
                    reason: code.to_owned(),
                    message: format!("the provider has not the ability {}", lacking.ability),
                };
                (code, message, named.map(fault).collect())
            }
            Error::AlreadyExists { reason, message, .. }
            | Error::Aborted { reason, message, .. }
            | Error::Unavailable { reason, message, .. }
            | Error::Unauthenticated { reason, message }
            | Error::PermissionDenied { reason, message } => (reason.code(), message, Vec::new()),
            Error::Internal(source) => {
                cause = Some(source);
                ("INTERNAL_ERROR", "An unexpected error occurred".to_owned(), Vec::new())
            }
        };
        Self { status, code, message, details, retry_after, cause, is_as_written: false }
    }
}

/// A text that a caller had a say in, no longer than it needs to be.
fn cut(text: &str) -> String {
    text.chars().take(FIELD_CHARS_MAX).collect()
}

const fn status(error: &Error) -> StatusCode {
    match error {
        Error::Invalid(_) => StatusCode::BAD_REQUEST,
        Error::NotFound { .. } => StatusCode::NOT_FOUND,
        Error::FailedPrecondition { .. } | Error::Unsupported { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Error::AlreadyExists { .. } | Error::Aborted { .. } => StatusCode::CONFLICT,
        Error::Unavailable { reason: Reason::ProviderRateLimited, .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
        Error::PermissionDenied { .. } => StatusCode::FORBIDDEN,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

const fn retry_after(error: &Error) -> Option<Duration> {
    match error {
        Error::Aborted { retry_after, .. } | Error::Unavailable { retry_after, .. } => *retry_after,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::validation::Invalid;

    use super::*;

    #[test]
    fn internal_text_never_leaves() {
        let fault = Fault::from(Error::internal("canary"));
        assert_eq!(fault.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(fault.cause.as_ref().is_some_and(|cause| cause.to_string() == "canary"));
        assert!(!fault.message.contains("canary") && fault.details.is_empty());
    }

    #[test]
    fn a_limit_of_the_provider_is_too_many_requests_and_says_when() {
        let error =
            |reason| Error::Unavailable { reason, message: "m".into(), retry_after: Some(Duration::from_secs(2)) };
        let limited = Fault::from(error(Reason::ProviderRateLimited));
        assert_eq!((limited.status.as_u16(), limited.retry_after), (429, Some(Duration::from_secs(2))));
        assert_eq!(Fault::from(error(Reason::OutcomeUnknown)).status.as_u16(), 503);
    }

    #[test]
    fn fields_of_use_cases_get_the_names_of_the_endpoint_and_others_keep_theirs() {
        let violations = || Violations::one("invoice_id", Invalid::required());
        let names = [("invoice_id", "invoiceId")];
        let told = |fault: Fault| fault.renamed(&names).message;
        assert_eq!(told(Error::Invalid(violations()).into()), "invalid request: invoiceId is required");
        assert_eq!(told(violations().into()), "invalid request: invoice_id is required");
        assert_eq!(Fault::from(violations()).details[0].reason, "REQUIRED");
    }
}

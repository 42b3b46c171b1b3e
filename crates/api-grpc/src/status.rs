//! The one place where errors become gRPC statuses, with details that a program can act on.

use std::collections::HashMap;
use std::time::Duration;

use api_proto::v1::ErrorReason;
use application::{Error, Reason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::layer::current_call_id;
use crate::server::MESSAGE_BYTES_MAX;

/// The domain of our reasons in `ErrorInfo`.
const DOMAIN: &str = "paylinks";

/// How many bad fields are told: what does not fit into a client's limit on trailers (8 KiB) would be lost altogether.
const VIOLATIONS_MAX: usize = 20;
/// How many characters of a text are told that a caller may have had a say in.
const CHARS_MAX: usize = 100;
/// How many of what was expected of a field, where no more than [`FEW`] fields are bad: what there is to choose from is told whole.
const EXPECTED_CHARS_MAX: usize = 400;
const FEW: usize = 4;

/// A text that is no longer than trailers bear.
fn cut(text: &str) -> String {
    cut_at(text, CHARS_MAX)
}

fn cut_at(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

/// The status of an error. Internal text goes to the log and never to the caller.
pub(crate) fn status(error: Error) -> Status {
    match error {
        Error::Invalid(violations) => {
            let total = violations.iter().count();
            let mut details = details(Error::INVALID_FIELDS, [("violations", total.to_string())]);
            let expected = |text| cut_at(text, if total > FEW { CHARS_MAX } else { EXPECTED_CHARS_MAX });
            for violation in violations.iter().take(VIOLATIONS_MAX) {
                add_field(&mut details, (&violation.field, &expected(&violation.expected)), &violation.rule);
            }
            let first = violations.iter().next();
            let first = first.map(|first| format!("{} {}", cut(&first.field), expected(&first.expected)));
            let more = if total > 1 { format!("; and {} more, see the details", total - 1) } else { String::new() };
            build(Code::InvalidArgument, format!("invalid request: {}{more}", first.unwrap_or_default()), details)
        }
        Error::NotFound { kind, id } => {
            let id = cut(&id);
            let mut details = details(ErrorReason::NotFound.as_str_name(), [("kind", kind.to_owned())]);
            details.set_resource_info(kind, &id, "", "there is none among the caller's sellers'");
            build(Code::NotFound, format!("no {kind} {id}"), details)
        }
        Error::FailedPrecondition { reason, message, field } => {
            let mut details = details(reason.code(), []);
            details.add_precondition_failure_violation(reason.code(), field.clone().unwrap_or_default(), &message);
            if let Some(field) = field.filter(|field| !field.is_empty()) {
                add_field(&mut details, (&field, &message), reason.code());
            }
            build(Code::FailedPrecondition, message, details)
        }
        error @ Error::Unsupported { .. } => unsupported(&error),
        Error::AlreadyExists { reason, message, existing } => {
            build(Code::AlreadyExists, message, details(reason.code(), existing.map(|id| ("existing", id))))
        }
        Error::Aborted { reason, message, retry_after } => retryable(Code::Aborted, reason, message, retry_after),
        Error::Unavailable { reason, message, retry_after } => {
            retryable(Code::Unavailable, reason, message, retry_after)
        }
        Error::Unauthenticated { reason, message } => build(Code::Unauthenticated, message, details(reason.code(), [])),
        Error::PermissionDenied { reason, message } => {
            build(Code::PermissionDenied, message, details(reason.code(), []))
        }
        Error::Internal(source) => {
            let request_id = current_call_id().unwrap_or_default();
            tracing::error!(request_id, error = source.as_ref() as &dyn std::error::Error, "internal error");
            build(
                Code::Internal,
                "an internal error; the log has it under the request id".to_owned(),
                details(ErrorReason::Internal.as_str_name(), []),
            )
        }
    }
}

fn unsupported(error: &Error) -> Status {
    let (reason, message) = (Reason::UnsupportedCapability.code(), error.to_string());
    let mut details = details(reason, []);
    if let Error::Unsupported { lacking } = error {
        for lacking in lacking.iter().take(VIOLATIONS_MAX) {
            let what = format!("the provider has not the ability {}", lacking.ability);
            details.add_precondition_failure_violation(reason, &lacking.field, &what);
            if !lacking.field.is_empty() {
                add_field(&mut details, (&lacking.field, &what), reason);
            }
        }
    }
    build(Code::FailedPrecondition, message, details)
}

/// Adds a bad field: for people what was expected, for programs the rule that it broke.
fn add_field(details: &mut ErrorDetails, (field, expected): (&str, &str), rule: &str) {
    let violation =
        FieldViolation { reason: cut(rule), ..FieldViolation::new(cut(field), cut_at(expected, EXPECTED_CHARS_MAX)) };
    let mut violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    violations.push(violation);
    details.set_bad_request(violations);
}

/// The status of a call whose deadline passed. A write goes on; a retry with the same request id tells its result.
pub(crate) fn deadline_exceeded() -> Status {
    let message = "the deadline passed; a retry with the same request id tells the result";
    build(Code::DeadlineExceeded, message.to_owned(), details(ErrorReason::DeadlineExceeded.as_str_name(), []))
}

/// The status of a call whose message is over the limit of the server.
pub(crate) fn message_too_large() -> Status {
    let message = format!("the message is larger than {} MiB", MESSAGE_BYTES_MAX >> 20);
    build(Code::ResourceExhausted, message, details(ErrorReason::MessageTooLarge.as_str_name(), []))
}

/// What is told of a message that is none; `unreadable` is where and how, without what is there.
pub(crate) fn message_malformed(unreadable: &str) -> Status {
    let message = format!("the message can't be read as what the method takes: {unreadable}");
    build(Code::InvalidArgument, message, details(ErrorReason::MessageMalformed.as_str_name(), []))
}

/// The status with which streams end when the server stops: begin again behind the last cursor.
pub(crate) fn stopping() -> Status {
    let mut details = details(ErrorReason::ServerStopping.as_str_name(), []);
    details.set_retry_info(Some(Duration::from_millis(500)));
    build(Code::Unavailable, "the server is stopping; connect again".to_owned(), details)
}

fn retryable(code: Code, reason: Reason, message: String, retry_after: Option<Duration>) -> Status {
    let mut details = details(reason.code(), []);
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    build(code, message, details)
}

fn details(reason: &str, metadata: impl IntoIterator<Item = (&'static str, String)>) -> ErrorDetails {
    let metadata: HashMap<String, String> = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    if let Some(request_id) = current_call_id() {
        details.set_request_info(request_id, "");
    }
    details
}

fn build(code: Code, message: String, details: ErrorDetails) -> Status {
    Status::with_error_details(code, message, details)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use application::Lacking;
    use domain::validation::{Invalid, Validator};

    use super::*;

    #[test]
    fn every_bad_field_is_in_the_details() {
        let mut validator = Validator::new();
        validator.refuse("currency_code", Invalid::new("UNKNOWN_CURRENCY", "must be a currency"));
        validator.refuse("lines[0].quantity", Invalid::required());
        let status = status(Error::Invalid(validator.finish::<()>(None).unwrap_err()));
        assert_eq!(status.code(), Code::InvalidArgument);
        let bad = status.get_details_bad_request().unwrap();
        let told: Vec<_> = bad.field_violations.iter().map(|bad| (bad.field.as_str(), bad.reason.as_str())).collect();
        assert_eq!(told, [("currency_code", "UNKNOWN_CURRENCY"), ("lines[0].quantity", "REQUIRED")]);
    }

    #[test]
    fn many_bad_fields_fit_into_the_trailers() {
        let mut validator = Validator::new();
        for index in 0..4_000 {
            validator.refuse(
                &format!("lines[{index}].price_data.unit_price.minor_units"),
                Invalid::new("ADJUSTABLE_QUANTITY_OUT_OF_RANGE", "x".repeat(500)),
            );
        }
        let status = status(Error::Invalid(validator.finish::<()>(None).unwrap_err()));
        // In base64 a third more, and the message beside it.
        assert!(status.details().len() * 4 / 3 + status.message().len() < 8_192, "{}", status.details().len());
        assert_eq!(status.get_details_error_info().unwrap().metadata["violations"], "4000");
    }

    #[test]
    fn every_ability_that_is_missing_is_told_with_the_field_that_wants_it() {
        let lacking = |field: &str, ability: &str| Lacking { field: field.to_owned(), ability: ability.to_owned() };
        let lacking = vec![lacking("collection.phone_number", "phone_collection"), lacking("platform", "platforms")];
        let status = status(Error::Unsupported { lacking }.within("payment_link"));
        assert_eq!(
            (status.code(), status.message()),
            (Code::FailedPrecondition, "the provider has not the ability phone_collection, platforms")
        );
        let bad = status.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<_> = bad.iter().map(|bad| (bad.field.as_str(), bad.reason.as_str())).collect();
        let reason = "UNSUPPORTED_CAPABILITY";
        assert_eq!(fields, [("payment_link.collection.phone_number", reason), ("payment_link.platform", reason)]);
        assert_eq!(status.get_details_error_info().unwrap().reason, reason);
    }

    /// Callers work by the contract's list of reasons: it has each that a use case gives and each of our own, and no other.
    #[test]
    fn the_contract_lists_every_reason_and_no_other() {
        let own = [
            ErrorReason::Unspecified,
            ErrorReason::InvalidFields,
            ErrorReason::NotFound,
            ErrorReason::ServerStopping,
            ErrorReason::DeadlineExceeded,
            ErrorReason::MessageTooLarge,
            ErrorReason::MessageMalformed,
            ErrorReason::Internal,
        ];
        let given: BTreeSet<_> =
            own.iter().map(ErrorReason::as_str_name).chain(Reason::ALL.iter().map(|reason| reason.code())).collect();
        let listed: BTreeSet<_> =
            (0..).map_while(|number| ErrorReason::try_from(number).ok()).map(|reason| reason.as_str_name()).collect();
        assert_eq!(given, listed);
    }

    #[test]
    fn internal_text_never_leaves() {
        let status = status(Error::internal("canary"));
        assert_eq!(status.code(), Code::Internal);
        assert!(!format!("{status:?}").contains("canary"));
    }

    #[test]
    fn a_retryable_failure_says_when() {
        let error = Error::Unavailable {
            reason: Reason::OutcomeUnknown,
            message: "m".into(),
            retry_after: Some(Duration::from_secs(1)),
        };
        let status = status(error);
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
        assert_eq!(status.get_details_error_info().unwrap().reason, "OUTCOME_UNKNOWN");
    }
}

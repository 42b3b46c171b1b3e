//! What goes wrong, told to a person or to a script, and the code that the command ends with.

use std::io::{self, Write};
use std::time::Duration;

use api_proto::v1::ErrorReason;
use serde_json::{Value as Json, json};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::values::printable;

/// Why a command did not do what it was to do.
pub(crate) enum Fault {
    /// The command line, or what it names, is not as it should be. Nothing was sent.
    Input(Vec<String>),
    /// There is no way to the server. Nothing was sent, unless it `was_sent_before`.
    Unreachable { server: String, cause: String, was_sent_before: bool },
    /// The server, or the way to it, answered with an error.
    Refused { status: Box<Status>, request: Option<RequestId> },
    /// What came can't be written.
    Output(io::Error),
    /// The same, of a change that is done.
    Unwritten { error: io::Error, request: RequestId },
}

/// The id of a change that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId {
    pub(crate) id: String,
    /// Whether it was made for this try: then nothing of it was done before.
    pub(crate) is_new: bool,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What `--help` says of the codes that commands end with.
pub(crate) const EXIT_CODES: &str = "\
Ends with
  0  when it is done
  1  for all that is not below
  2  for bad input
  3  for what is not there
  4  for what is refused as things stand
  5  for a key that does not open this
  6  for a server that can't be reached or can't do it now: nothing was done
  7  for a change whose outcome is not known: the same --request-id finds out";

impl Fault {
    pub(crate) fn refused(status: Status, request: Option<RequestId>) -> Self {
        Self::Refused { status: Box::new(status), request }
    }

    /// The fault of a change that is done by then: what remains is to tell it.
    pub(crate) fn once_done(self, request: Option<RequestId>) -> Self {
        match (self, request) {
            (Self::Output(error), Some(request)) if error.kind() != io::ErrorKind::BrokenPipe => {
                Self::Unwritten { error, request }
            }
            (other, _) => other,
        }
    }

    /// The fault where that request was to be sent: an earlier try of it may have done it.
    pub(crate) fn for_request(self, request: Option<&RequestId>) -> Self {
        match self {
            Self::Unreachable { server, cause, .. } => {
                Self::Unreachable { server, cause, was_sent_before: request.is_some_and(|request| !request.is_new) }
            }
            other => other,
        }
    }

    /// The code that the command ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Unreachable { was_sent_before: true, .. } => 7,
            Self::Unreachable { .. } => 6,
            // Whoever read our output has read enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 1,
            Self::Unwritten { .. } => 7,
            Self::Refused { status, request } => match status.code() {
                Code::InvalidArgument | Code::OutOfRange => 2,
                Code::NotFound => 3,
                Code::FailedPrecondition | Code::AlreadyExists | Code::Unimplemented => 4,
                Code::Unauthenticated | Code::PermissionDenied => 5,
                // A defect may come after the change as well as before it.
                Code::Ok | Code::Internal | Code::DataLoss if request.is_none() => 1,
                _ => match reason(status) {
                    Some(ErrorReason::EtagMismatch | ErrorReason::MessageTooLarge) => 4,
                    // What only reads changes nothing, however it ended.
                    _ if request.is_none() => 6,
                    // Of a request that was asked before, this says nothing of what came of it then.
                    Some(ErrorReason::TaxUnavailable | ErrorReason::Overloaded | ErrorReason::RendererBusy)
                        if request.as_ref().is_some_and(|request| request.is_new) =>
                    {
                        6
                    }
                    // Also where a connection broke: the change may be done, or be on its way.
                    _ => 7,
                },
            },
        }
    }

    /// Tells it: to a person in lines, to a script as an object.
    pub(crate) fn tell(&self, is_json: bool, notes: &mut impl Write) {
        // Whoever read our output has read enough.
        let is_told_enough = matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe);
        let told = match is_json {
            _ if is_told_enough => return,
            true => format!("{}\n", self.json()),
            false => self.text(),
        };
        // With standard error gone there is nobody to tell.
        let _ = notes.write_all(told.as_bytes()).and_then(|()| notes.flush());
    }

    fn text(&self) -> String {
        let lines = match self {
            Self::Input(faults) => match faults.as_slice() {
                [fault] => vec![fault.clone()],
                faults => [vec!["the command line is not as it should be:".to_owned()], indented(faults)].concat(),
            },
            Self::Unreachable { server, cause, .. } => {
                vec![format!("the server at {server} can't be reached: {cause}")]
            }
            Self::Output(error) => vec![format!("what came can't be written: {error}")],
            Self::Unwritten { error, request } => vec![
                format!("it is done, but what came can't be written: {error}"),
                format!("  request id: {}", request.id),
            ],
            Self::Refused { status, request } => refused_lines(status, request.as_ref().map(|it| it.id.as_str())),
        };
        format!("paylinks: {}\n", lines.join("\n"))
    }

    fn json(&self) -> Json {
        match self {
            Self::Input(faults) => json!({"code": "INVALID_ARGUMENT", "message": faults.join("; ")}),
            Self::Unreachable { server, cause, .. } => {
                json!({"code": "UNAVAILABLE", "message": format!("the server at {server} can't be reached: {cause}")})
            }
            Self::Output(error) => json!({"code": "INTERNAL", "message": error.to_string()}),
            Self::Unwritten { error, request } => json!({
                "code": "INTERNAL",
                "message": format!("it is done, but what came can't be written: {error}"),
                "requestId": request.id,
            }),
            Self::Refused { status, request } => refused_json(status, request.as_ref().map(|it| it.id.as_str())),
        }
    }
}

fn indented(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("  {line}")).collect()
}

fn refused_lines(status: &Status, request_id: Option<&str>) -> Vec<String> {
    let details = status.get_error_details();
    let info = details.error_info();
    let reason = info.map(|info| format!(" ({})", printable(&info.reason))).unwrap_or_default();
    let mut lines = vec![format!("{}{reason}: {}", code_name(status.code()), printable(status.message()))];
    if info.is_some_and(|info| info.reason == "CREDENTIALS_MISSING") {
        lines.push("  here it is put in PAYLINKS_API_KEY, or its file is named by --api-key-file".to_owned());
    }
    for violation in details.bad_request().into_iter().flat_map(|bad| &bad.field_violations) {
        let rule = if violation.reason.is_empty() { String::new() } else { format!(" ({})", violation.reason) };
        lines.push(printable(&format!("  {} {}{rule}", violation.field, violation.description)));
    }
    let told = details.bad_request().map_or(0, |bad| bad.field_violations.len()).to_string();
    let metadata = info.into_iter().flat_map(|info| &info.metadata);
    // How many fields are bad in all says something only where they are not all told.
    let mut metadata: Vec<_> = metadata.filter(|(key, value)| *key != "violations" || **value != told).collect();
    metadata.sort();
    lines.extend(metadata.into_iter().map(|(key, value)| printable(&format!("  {key}: {value}"))));
    if let Some(delay) = details.retry_info().and_then(|info| info.retry_delay) {
        lines.push(format!("  try again in {} s", seconds(delay)));
    }
    if let Some(request_id) = request_id {
        lines.push(format!("  request id: {request_id}"));
    }
    if let Some(call) = details.request_info().filter(|info| !info.request_id.is_empty()) {
        lines.push(printable(&format!("  call id: {}", call.request_id)));
    }
    lines
}

fn refused_json(status: &Status, request_id: Option<&str>) -> Json {
    let details = status.get_error_details();
    let violations = details.bad_request().into_iter().flat_map(|bad| &bad.field_violations);
    let violations: Vec<Json> =
        violations.map(|it| json!({"field": it.field, "description": it.description, "reason": it.reason})).collect();
    json!({
        "code": code_name(status.code()),
        "reason": details.error_info().map(|info| &info.reason),
        "message": status.message(),
        "metadata": details.error_info().map(|info| &info.metadata),
        "fieldViolations": violations,
        "retryDelay": details.retry_info().and_then(|info| info.retry_delay).map(|delay| seconds(delay) + "s"),
        "requestId": request_id,
        "callId": details.request_info().map(|info| &info.request_id),
    })
}

/// Why, as the contract lists it.
fn reason(status: &Status) -> Option<ErrorReason> {
    status.get_details_error_info().and_then(|info| ErrorReason::from_str_name(&info.reason))
}

/// A time in seconds, to the thousandth.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

/// The name of a code, as gRPC writes it: `FAILED_PRECONDITION`.
fn code_name(code: Code) -> String {
    let mut name = String::new();
    for c in format!("{code:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;

    fn request(is_new: bool) -> RequestId {
        RequestId { id: "r-1".to_owned(), is_new }
    }

    fn refused() -> Fault {
        let mut details =
            ErrorDetails::with_error_info("INVALID_FIELDS", "paylinks", [("violations".to_owned(), "2".to_owned())]);
        details.set_request_info("call-1", "");
        details.set_retry_info(Some(Duration::from_millis(1_500)));
        for (field, description) in
            [("lines[0].quantity", "must be from 1 to 999999"), ("customer_id", "must be \u{1b}[2J an id")]
        {
            let violation = FieldViolation { reason: "RANGE".to_owned(), ..FieldViolation::new(field, description) };
            let mut all = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
            all.push(violation);
            details.set_bad_request(all);
        }
        Fault::refused(
            Status::with_error_details(Code::InvalidArgument, "invalid request", details),
            Some(request(true)),
        )
    }

    #[test]
    fn a_refusal_is_told_with_all_that_a_person_can_act_on() {
        insta::assert_snapshot!(refused().text(), @r"
        paylinks: INVALID_ARGUMENT (INVALID_FIELDS): invalid request
          lines[0].quantity must be from 1 to 999999 (RANGE)
          customer_id must be �[2J an id (RANGE)
          try again in 1.500 s
          request id: r-1
          call id: call-1
        ");
    }

    #[test]
    fn a_script_gets_the_same_as_an_object() {
        let told = refused().json();
        assert_eq!(told["code"], "INVALID_ARGUMENT");
        assert_eq!(told["reason"], "INVALID_FIELDS");
        assert_eq!(
            told["fieldViolations"][0],
            json!({"field": "lines[0].quantity", "description": "must be from 1 to 999999", "reason": "RANGE"})
        );
        assert_eq!(
            (&told["retryDelay"], &told["requestId"], &told["callId"]),
            (&json!("1.500s"), &json!("r-1"), &json!("call-1"))
        );
    }

    /// The codes for a change, for one that may be asked again, and for what only reads.
    fn codes(code: Code, reason: ErrorReason) -> [u8; 3] {
        let details = ErrorDetails::with_error_info(reason.as_str_name(), "paylinks", []);
        let status = Status::with_error_details(code, "", details);
        let asked = [Some(request(true)), Some(request(false)), None];
        asked.map(|request| Fault::refused(status.clone(), request).exit_code())
    }

    #[test]
    fn a_change_that_may_be_done_is_told_from_one_that_surely_is_not() {
        for may_be_done in [
            ErrorReason::OutcomeUnknown,
            ErrorReason::ProviderUnavailable,
            ErrorReason::ProviderRateLimited,
            ErrorReason::StorageUnavailable,
            ErrorReason::ServerStopping,
        ] {
            assert_eq!(codes(Code::Unavailable, may_be_done), [7, 7, 6], "{may_be_done:?}");
        }
        for may_be_done in [ErrorReason::RequestInProgress, ErrorReason::ConcurrentChange] {
            assert_eq!(codes(Code::Aborted, may_be_done), [7, 7, 6], "{may_be_done:?}");
        }
        for not_begun in [ErrorReason::Overloaded, ErrorReason::RendererBusy, ErrorReason::TaxUnavailable] {
            assert_eq!(codes(Code::Unavailable, not_begun), [6, 7, 6], "{not_begun:?}");
        }
        // The same request would be refused again.
        assert_eq!(codes(Code::Aborted, ErrorReason::EtagMismatch), [4, 4, 4]);
        assert_eq!(codes(Code::ResourceExhausted, ErrorReason::MessageTooLarge), [4, 4, 4]);
    }

    #[test]
    fn every_kind_of_fault_has_a_code_of_its_own() {
        let code = |code| Fault::refused(Status::new(code, ""), Some(request(true))).exit_code();
        // As a connection that breaks since we showed no certificate.
        assert_eq!(Fault::refused(Status::new(Code::Unknown, "transport error"), None).exit_code(), 6);
        assert_eq!([Code::InvalidArgument, Code::NotFound, Code::FailedPrecondition].map(code), [2, 3, 4]);
        assert_eq!(
            [Code::Unauthenticated, Code::Unavailable, Code::DeadlineExceeded, Code::Internal].map(code),
            [5, 7, 7, 7]
        );
        assert_eq!(Fault::refused(Status::new(Code::Internal, ""), None).exit_code(), 1);
        assert_eq!(code_name(Code::FailedPrecondition), "FAILED_PRECONDITION");
        let gone = Fault::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(gone.exit_code(), 0);
        for is_json in [false, true] {
            let mut told = Vec::new();
            gone.tell(is_json, &mut told);
            assert_eq!(told, b"");
        }
        let full = |request| Fault::Output(io::ErrorKind::StorageFull.into()).once_done(request);
        assert_eq!([full(None), full(Some(request(true)))].map(|fault| fault.exit_code()), [1, 7]);
        assert!(full(Some(request(true))).text().contains("it is done"));
    }
}

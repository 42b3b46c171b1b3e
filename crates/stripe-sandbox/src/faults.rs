//! Faults that a test has asked for: which call they happen to, and what is answered then.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use crate::control::{Fault, FaultKind};
use crate::error::ApiError;
use crate::state::{Answer, State};

/// The fault that happens to a call, if one was asked for; it happens once less from then on.
pub(crate) fn take_fault(state: &mut State, operation: &str) -> Option<FaultKind> {
    let fits = |fault: &Fault| fault.times > 0 && (fault.operation == "*" || fault.operation == operation);
    let fault = state.faults.iter_mut().find(|fault| fits(fault))?;
    fault.times -= 1;
    let kind = fault.kind.clone();
    state.faults.retain(|fault| fault.times > 0);
    Some(kind)
}

/// What is answered instead of executing the call.
pub(crate) fn before_execution(fault: &FaultKind) -> Option<Response> {
    match fault {
        FaultKind::Status { status, retry_after, should_retry, after_execution: false, .. } => {
            Some(status_fault(*status, *retry_after, *should_retry))
        }
        FaultKind::ResetBefore => Some(broken()),
        _ => None,
    }
}

/// What is answered instead of what the call, which was executed, came to.
pub(crate) fn after_execution(fault: &FaultKind, value: &Value) -> Option<Response> {
    match fault {
        FaultKind::Status { status, retry_after, should_retry, after_execution: true, .. } => {
            Some(status_fault(*status, *retry_after, *should_retry))
        }
        FaultKind::ResetAfter => Some(broken()),
        FaultKind::Truncate => {
            let mut bytes = value.to_string().into_bytes();
            bytes.truncate(bytes.len() / 2);
            Some(torn(bytes))
        }
        FaultKind::Garbage => Some("<html>not what you expected</html>".into_response()),
        FaultKind::HugeBody => {
            let chunks = std::iter::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 20]))).take(50);
            Some(Body::from_stream(stream::iter(chunks)).into_response())
        }
        _ => None,
    }
}

/// What a key answers from now on, where the fault is kept.
pub(crate) fn kept_answer(fault: &FaultKind) -> Option<Answer> {
    match fault {
        FaultKind::Status { status, kept: true, .. } => Some((*status, status_error(*status).to_json().into())),
        _ => None,
    }
}

fn status_error(status: u16) -> ApiError {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ApiError::api(status, "A fault that was asked for.")
}

fn status_fault(status: u16, retry_after: Option<u64>, should_retry: Option<bool>) -> Response {
    let mut response = status_error(status).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    if let Some(should_retry) = should_retry {
        response
            .headers_mut()
            .insert("stripe-should-retry", HeaderValue::from_static(if should_retry { "true" } else { "false" }));
    }
    response
}

/// An answer whose connection breaks before a byte of it is sent.
fn broken() -> Response {
    Body::from_stream(stream::iter([Err::<Bytes, _>(breaking())])).into_response()
}

/// An answer whose connection breaks after some bytes of the body.
fn torn(bytes: Vec<u8>) -> Response {
    let sent = stream::iter([Ok(Bytes::from(bytes))]);
    // What is there is sent while more is waited for; an error that comes along with it would take it down, too.
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Err(breaking())
    });
    Body::from_stream(sent.chain(end)).into_response()
}

fn breaking() -> std::io::Error {
    std::io::Error::other("a fault that was asked for")
}

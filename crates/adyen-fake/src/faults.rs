//! What goes wrong with calls, as a test says.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::StatusCode;
use serde_json::{Value, json};

/// What an API call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A payment link is made.
    CreateLink,
    /// It is asked how a payment link stands.
    GetLink,
    /// A payment link is closed.
    UpdateLink,
    /// Money is sent back.
    Refund,
}

/// A fault of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// To which calls it happens.
    pub operation: Operation,
    /// To those alone whose link, or whose refund, has a reference that begins so.
    pub reference_prefix: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// To how many calls it still happens; to each where absent.
    pub times: Option<u32>,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It is done, and the connection breaks in the middle of the answer.
    AnswerLost,
    /// It is done, and the answer is no JSON.
    Nonsense,
    /// It is done, and the answer is 50 MB.
    Oversized,
    /// It is done, and the answer does not come as long as the fault is there.
    Late,
    /// It is done, and answered by an error of Adyen's own; so is the same key from then on.
    FailureKept,
    /// It is not done, and answered by an error of Adyen's own; so is the same key from then on.
    FailureKeptUndone,
    /// It is not done, and answered by an error of Adyen's own.
    Failure,
    /// It is not done, since there were too many calls.
    RateLimited {
        /// The header `Retry-After`, in whole seconds.
        retry_after: Duration,
    },
}

impl FaultKind {
    /// Whether the call is done all the same.
    pub(crate) const fn does_it(self) -> bool {
        matches!(self, Self::AnswerLost | Self::Nonsense | Self::Oversized | Self::Late | Self::FailureKept)
    }

    /// Whether the same key is answered by the failure from then on.
    pub(crate) const fn is_kept(self) -> bool {
        matches!(self, Self::FailureKept | Self::FailureKeptUndone)
    }

    /// What is answered in the place of `answer`; nothing where it is answered after all, once the fault is gone.
    pub(crate) fn response(self, answer: &Value) -> Option<Response> {
        match self {
            Self::AnswerLost => {
                let mut bytes = answer.to_string().into_bytes();
                bytes.truncate(bytes.len() / 2);
                let chunks = [Ok(Bytes::from(bytes)), Err(std::io::Error::other("a fault that was asked for"))];
                Some(Body::from_stream(stream::iter(chunks)).into_response())
            }
            Self::Nonsense => Some("<html>not what you expected</html>".into_response()),
            Self::Oversized => {
                let chunk = || Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 20]));
                Some(Body::from_stream(stream::iter(std::iter::repeat_with(chunk).take(50))).into_response())
            }
            Self::Late => None,
            Self::FailureKept | Self::FailureKeptUndone | Self::Failure => {
                Some((StatusCode::INTERNAL_SERVER_ERROR, axum::Json(failure())).into_response())
            }
            Self::RateLimited { retry_after } => {
                let mut response = StatusCode::TOO_MANY_REQUESTS.into_response();
                response.headers_mut().insert("retry-after", retry_after.as_secs().into());
                Some(response)
            }
        }
    }
}

/// An error of Adyen's own.
pub(crate) fn failure() -> Value {
    json!({"status": 500, "errorCode": "905", "message": "A fault that was asked for.", "errorType": "internal"})
}

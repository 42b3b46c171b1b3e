//! What happens around each call: who calls, how long it may take, and a line in the log.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use application::App;
use call_headers::CALL_ID;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response};
use telemetry::table::{GRPC_CALL_SECONDS, GRPC_CALLS};
use telemetry::trace;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Span;
use tracing::field::Empty;

use crate::methods::{self, Method};
use crate::status::{deadline_exceeded, message_malformed, message_too_large, status};

/// Where the details of a status are, of the gRPC protocol over HTTP/2.
const DETAILS: &str = "grpc-status-details-bin";
/// How long a call may take where its caller says nothing. Streams have no end.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

tokio::task_local! {
    static CALL: CallIds;
}

/// The ids of a call.
#[derive(Clone)]
struct CallIds {
    /// The call's own: one for each attempt.
    call_id: Arc<str>,
}

/// The id of the call that is being answered.
pub(crate) fn current_call_id() -> Option<String> {
    CALL.try_with(|call| call.call_id.to_string()).ok()
}

/// A call, for what is done for it once its answer has begun: a stream's errors tell its id as all others do.
#[derive(Clone)]
pub(crate) struct BegunCall {
    /// Absent in tests alone.
    ids: Option<CallIds>,
    traced: trace::Call,
}

impl BegunCall {
    /// The one that is being answered.
    pub(crate) fn present() -> Self {
        Self { ids: CALL.try_with(Clone::clone).ok(), traced: trace::Call::present() }
    }

    /// One of that id.
    #[cfg(test)]
    pub(crate) fn of(call_id: &str) -> Self {
        Self { ids: Some(CallIds { call_id: call_id.into() }), traced: trace::Call::present() }
    }

    /// Goes on with its answer.
    pub(crate) async fn answer<F: Future>(&self, work: F) -> F::Output {
        match self.ids.clone() {
            Some(ids) => CALL.scope(ids, work).await,
            None => work.await,
        }
    }

    /// Works for it in a task of its own: in its log and its trace.
    pub(crate) fn work<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        let traced = self.traced.clone();
        traced.carry(async move { self.answer(work).await })
    }
}

/// Notes the id that the caller gave its mutation, for the log.
pub(crate) fn note_request_id(request_id: &str) {
    trace::note_in_log("request_id", request_id);
}

/// Puts access, deadlines and the log around the services.
#[derive(Clone)]
pub(crate) struct CallLayer {
    app: App,
    calls: Arc<AtomicU64>,
    /// Whether reflection is open to callers without a key.
    open_reflection: bool,
}

impl CallLayer {
    pub(crate) fn new(app: App, open_reflection: bool) -> Self {
        // Ids of different runs differ by their beginning.
        let first = app.now().unix_micros().unsigned_abs();
        Self { app, calls: Arc::new(AtomicU64::new(first)), open_reflection }
    }

    fn call_id(&self, headers: &HeaderMap) -> String {
        match call_headers::call_id(headers) {
            Some(id) => id.to_owned(),
            None => format!("{:016x}", self.calls.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = CallService<S>;

    fn layer(&self, inner: S) -> CallService<S> {
        CallService { inner, layer: self.clone() }
    }
}

/// What a caller presented, for streams: they outlive the check at their beginning. It has no `Debug`.
#[derive(Clone)]
pub(crate) struct Credentials(pub(crate) Option<String>);

/// See [`CallLayer`].
#[derive(Clone)]
pub(crate) struct CallService<S> {
    inner: S,
    layer: CallLayer,
}

impl<S> Service<Request<Body>> for CallService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The clone that was polled ready is the one to call.
        let mut inner = self.inner.clone();
        std::mem::swap(&mut inner, &mut self.inner);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (path, began) = (request.uri().path().to_owned(), Instant::now());
            let call = CallIds { call_id: layer.call_id(request.headers()).into() };
            let method = methods::at(&path);
            let span = span(method.path);
            let trace_id = trace::begin(&span, trace::of_headers(request.headers()).as_ref());
            // At the level that no filter drops, or what is told within would not say to which call it belongs.
            let log = tracing::error_span!("call", call_id = &*call.call_id, request_id = Empty, trace_id);
            let answering =
                CALL.scope(call.clone(), answer(&layer.app, inner, request, (method, layer.open_reflection)));
            let answered = trace::in_call(log.clone(), span.clone(), answering).await;
            let mut response = answered.unwrap_or_else(|status| status.into_http());
            let code = code(&response);
            let ms = began.elapsed().as_millis();
            log.in_scope(|| {
                // These are most calls, and leave nothing to look up; their metrics and traces are those of all.
                if code == Code::Ok && method.only_looks() {
                    tracing::debug!(method = %path, code = ?code, ms, "call");
                } else {
                    tracing::info!(method = %path, code = ?code, ms, "call");
                }
            });
            span.record("rpc.grpc.status_code", i32::from(code));
            if is_our_failure(code) {
                span.record("otel.status_code", "ERROR");
            }
            GRPC_CALLS.increment([method.path.into(), name(code).into()]);
            GRPC_CALL_SECONDS.record([method.path.into(), name(code).into()], began.elapsed());
            if let Ok(value) = HeaderValue::from_str(&call.call_id) {
                response.headers_mut().insert(CALL_ID, value);
            }
            Ok(response)
        })
    }
}

/// A span of a call, as OpenTelemetry's conventions for RPC have it.
fn span(path: &'static str) -> Span {
    let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap_or(("", path));
    telemetry::span!(
        "grpc call",
        otel.name = path.trim_start_matches('/'),
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty
    )
}

/// Whether a status says that the server failed, and not its caller.
const fn is_our_failure(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// What a status is called in metrics.
const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "Ok",
        Code::Cancelled => "Cancelled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}

async fn answer<S>(
    app: &App,
    mut inner: S,
    mut request: Request<Body>,
    (method, open_reflection): (Method, bool),
) -> Result<Response<Body>, Status>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    if !method.is_public(open_reflection) {
        let token = call_headers::token(request.headers()).map(str::to_owned);
        let caller = app.authenticate(token.as_deref()).await.map_err(status)?;
        app.authorize(&caller, method.scope).map_err(status)?;
        request.extensions_mut().insert(Credentials(token));
        request.extensions_mut().insert(caller);
    }
    let timeout = timeout(request.headers(), method);
    let call = inner.call(request);
    let answered = match timeout {
        Some(timeout) => tokio::time::timeout(timeout, call).await.map_err(|_| deadline_exceeded())?,
        None => call.await,
    };
    let Ok(response) = answered;
    // Messages are measured and read by tonic, before they reach a method. What comes of it is told from what is ours: the one
    // code nothing else has here, and the other comes from us with details alone.
    match code(&response) {
        Code::OutOfRange => Err(message_too_large()),
        Code::Internal if !response.headers().contains_key(DETAILS) => {
            let told = Status::from_header_map(response.headers());
            Err(message_malformed(told.as_ref().map(Status::message).unwrap_or_default()))
        }
        _ => Ok(response),
    }
}

/// A little less than the caller's own deadline, so that our status comes before tonic's `CANCELLED`.
fn timeout(headers: &HeaderMap, method: Method) -> Option<Duration> {
    let asked = headers.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(parse_timeout);
    let asked = asked
        .map(|asked| asked.saturating_sub((asked / 20).clamp(Duration::from_millis(1), Duration::from_millis(20))));
    match asked {
        Some(asked) => Some(asked),
        None if method.is_stream => None,
        None => Some(DEFAULT_TIMEOUT),
    }
}

/// `grpc-timeout` of the gRPC protocol over HTTP/2: at most eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

fn code(response: &Response<Body>) -> Code {
    let header = response.headers().get("grpc-status").map(HeaderValue::as_bytes);
    header.map_or(Code::Ok, Code::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_protocol_has_them() {
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("1S"), Some(Duration::from_secs(1)));
        for bad in ["", "m", "123456789m", "-1m", "1x", "1é"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }
}

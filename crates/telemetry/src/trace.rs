//! Traces: spans of one target, which the log does not show below its fullest, and which go to OpenTelemetry where the binary
//! has [installed](install) a tracer.
//!
//! Within a process a trace follows `tracing`'s spans. Between processes, and over the database, it follows a [`TraceContext`].

use std::sync::OnceLock;

use domain::trace_context::TraceContext;
use http::HeaderMap;
use tracing::{Instrument, Span};

/// The target of all spans that are traced.
pub const TARGET: &str = "paylinks::trace";

/// Who knows the places of spans in their traces.
pub trait Tracer: Send + Sync {
    /// Where a span is in its trace; it begins with that. Nothing where it is not traced.
    fn place(&self, span: &Span) -> Option<TraceContext>;

    /// Has a span that has not begun yet go on from somewhere else.
    fn go_on(&self, span: &Span, from: &TraceContext);

    /// Notes at a span that another one has to do with it.
    fn link(&self, span: &Span, other: &TraceContext);
}

static TRACER: OnceLock<Box<dyn Tracer>> = OnceLock::new();

tokio::task_local! {
    /// What each line of the log tells of the call that it belongs to.
    static CALL: Span;
}

/// Makes a span that is traced. An error is noted as `otel.status_code`.
#[macro_export]
macro_rules! span {
    (parent: $parent:expr, $name:literal $(, $($fields:tt)*)?) => {
        $crate::trace::tracing::trace_span!(target: $crate::trace::TARGET, parent: $parent, $name $(, $($fields)*)?)
    };
    ($name:literal $(, $($fields:tt)*)?) => {
        $crate::trace::tracing::trace_span!(target: $crate::trace::TARGET, $name $(, $($fields)*)?)
    };
}

#[doc(hidden)]
pub use tracing;

/// Begins to trace. What is installed first stays.
pub fn install(tracer: Box<dyn Tracer>) {
    // A second one would be another exporter's, and there is one in a process.
    let _ = TRACER.set(tracer);
}

/// Whether anything is traced.
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// Whether what is done now is a part of something that is traced. What the server does by itself, again and again, is not.
pub fn is_within() -> bool {
    is_on() && !Span::current().is_none()
}

/// Where the present span is in its trace.
pub fn current() -> Option<TraceContext> {
    TRACER.get()?.place(&Span::current())
}

/// Has a span go on from somewhere else, before it begins; answers the id of its trace, also where it is not traced here.
pub fn begin(span: &Span, from: Option<&TraceContext>) -> Option<String> {
    match (TRACER.get(), from) {
        (Some(tracer), from) => {
            if let Some(from) = from {
                tracer.go_on(span, from);
            }
            tracer.place(span).map(|place| place.trace_id().to_owned())
        }
        (None, from) => from.map(|from| from.trace_id().to_owned()),
    }
}

/// Notes at a span that another one has to do with it.
pub fn link(span: &Span, other: Option<&TraceContext>) {
    if let (Some(tracer), Some(other)) = (TRACER.get(), other) {
        tracer.link(span, other);
    }
}

/// The place in a trace that a caller tells. Where it is told twice it is nobody's.
pub fn of_headers(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent").iter();
    let (parent, None) = (parents.next()?.to_str().ok()?, parents.next()) else { return None };
    TraceContext::parse(parent, headers.get("tracestate").and_then(|state| state.to_str().ok()))
}

/// Works on a call: each line of the log tells what `call` does, and all spans are below `span`.
pub fn in_call<F: Future>(call: Span, span: Span, work: F) -> impl Future<Output = F::Output> {
    CALL.scope(call.clone(), work.instrument(span).instrument(call))
}

/// A call, for work that is begun on its behalf later, from elsewhere.
#[derive(Clone)]
pub struct Call {
    log: Span,
    span: Span,
}

impl Call {
    /// The one that is being answered, and where in its trace that is.
    pub fn present() -> Self {
        Self { log: CALL.try_with(Span::clone).unwrap_or_else(|_| Span::none()), span: Span::current() }
    }

    /// Works on its behalf.
    pub fn carry<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        in_call(self.log, self.span, work)
    }
}

/// Takes the present call and its trace along, for work in a task of its own.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    Call::present().carry(work)
}

/// Tells the present call's log something that was not known at its beginning.
pub fn note_in_log(field: &str, value: &str) {
    // Outside of a call there is nothing to note it at.
    let _ = CALL.try_with(|call| {
        call.record(field, value);
    });
}

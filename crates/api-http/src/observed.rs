//! What is measured, traced and logged of every request, whatever its route.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use telemetry::table::{HTTP_CALL_SECONDS, HTTP_CALLS};
use telemetry::trace;
use tracing::field::Empty;

use crate::json::PATHS;

/// What a path that is no route of ours is told as: it is the client's own, and may be anything.
const OTHER: &str = "other";
/// Routes that are asked every few seconds, and say nothing by being asked.
const QUIET: [&str; 3] = ["/healthz", "/metrics", "/readyz"];

pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or(OTHER, MatchedPath::as_str).to_owned();
    let method = known(request.method());
    // Who calls with a key says which trace it is a part of. Who comes from the world does not.
    let is_callers = PATHS.contains(&route.as_str());
    let span = telemetry::span!(
        "http request",
        otel.name = format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty
    );
    let from = trace::of_headers(request.headers()).filter(|_| is_callers);
    let trace_id = trace::begin(&span, from.as_ref());
    let log = tracing::error_span!("call", call_id = Empty, request_id = Empty, trace_id);
    let response = trace::in_call(log.clone(), span.clone(), next.run(request)).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    HTTP_CALLS.increment([route.clone().into(), status.as_str().to_owned().into()]);
    HTTP_CALL_SECONDS.record([route.clone().into()], began.elapsed());
    let (status, ms) = (status.as_u16(), began.elapsed().as_millis());
    // The endpoints of callers tell more of a call themselves.
    if QUIET.contains(&route.as_str()) {
        log.in_scope(|| tracing::debug!(%method, route, status, ms, "request"));
    } else if !is_callers {
        log.in_scope(|| tracing::info!(%method, route, status, ms, "request"));
    }
    response
}

/// The method, or `_OTHER`, as OpenTelemetry has it, for one that is made up.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "_OTHER",
    }
}

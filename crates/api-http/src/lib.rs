//! The HTTP face: providers' webhooks in, health and metrics out, [pages](hosted) for the customers of invoices, and
//! [JSON](json) for callers without gRPC.
//!
//! A webhook is verified and stored before it is acknowledged; it is processed from the store. It must not know any
//! provider: the name in the path picks the adapter.

mod body;
mod connections;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hosted;
mod json;
mod observed;
mod server;

use std::sync::Arc;

use application::{App, NotificationReceipt};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::ports::provider::NotificationError;
use telemetry::table;

use self::body::{BODY_BYTES_MAX, WholeBody};

/// Below which the hosted invoices are.
pub use hosted::INVOICE_PAGES;
pub use server::{HttpLimits, serve};

/// Renders the metrics in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

#[derive(Clone)]
struct Face {
    app: App,
    metrics: RenderMetrics,
}

/// The routes.
pub fn router(app: App, metrics: RenderMetrics) -> Router {
    Router::new()
        .route("/webhooks/{provider}", post(webhook))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(render_metrics))
        .merge(hosted::routes())
        .merge(json::routes())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(observed::observe))
        .with_state(Face { app, metrics })
}

/// `POST /webhooks/{provider}`: 200 once it is stored, with the body that the provider expects; 400 if it does not verify,
/// 401 if it lacks the credentials that are agreed on, 404 for an unknown provider, 408 if it comes too slowly, 413 if it is
/// too large, 503 if it could not be stored and should come again.
async fn webhook(
    State(face): State<Face>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> (StatusCode, &'static str) {
    let headers: Vec<(String, String)> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let state = match face.app.receive_notification(&provider, &headers, &body).await {
        Ok(NotificationReceipt::Stored { acknowledgement }) => return (StatusCode::OK, acknowledgement),
        Ok(NotificationReceipt::UnknownProvider) => StatusCode::NOT_FOUND,
        Ok(NotificationReceipt::Refused(reason)) => {
            tracing::warn!(provider, %reason, "a notification was refused");
            // A refused one leaves nothing else behind. The provider is one of ours: others are not found.
            table::NOTIFICATIONS_REFUSED.increment([provider.into(), name(reason).into()]);
            match reason {
                NotificationError::BadCredentials => StatusCode::UNAUTHORIZED,
                NotificationError::BadSignature | NotificationError::StaleSignature | NotificationError::Malformed => {
                    StatusCode::BAD_REQUEST
                }
            }
        }
        Err(error) => {
            tracing::warn!(provider, error = &error as &dyn std::error::Error, "a notification could not be stored");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (state, "")
}

/// Why a notification was refused, for metrics.
fn name(reason: NotificationError) -> &'static str {
    match reason {
        NotificationError::BadCredentials => "bad_credentials",
        NotificationError::BadSignature => "bad_signature",
        NotificationError::StaleSignature => "stale_signature",
        NotificationError::Malformed => "malformed",
    }
}

/// `GET /readyz`: whether the store answers.
async fn ready(State(face): State<Face>) -> Response {
    match face.app.ping().await {
        Ok(()) => "ok\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database is unavailable\n").into_response(),
    }
}

/// `GET /metrics`.
async fn render_metrics(State(face): State<Face>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], (face.metrics)()).into_response()
}

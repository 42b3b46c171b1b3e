//! Traces go to a collector by OTLP, where one is configured: from a queue that is bounded, by a thread of its own, so that a
//! collector that is slow or away costs spans and no caller's time.

use std::time::Duration;

use ::telemetry::trace::{TARGET, Tracer as Traced};
use anyhow::{Context as _, Result};
use domain::trace_context::TraceContext;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use rust_decimal::prelude::ToPrimitive;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::config::TraceConfig;

/// How long a batch may take to be handed over.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long what is still to be sent may keep the process from its end.
const FINISH: Duration = Duration::from_secs(2);
/// What this program is called where `OTEL_SERVICE_NAME` says nothing.
const SERVICE: &str = "paylinks";

/// The way to the collector.
pub(crate) struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Makes ready to send; the collector need not be there.
    ///
    /// # Errors
    /// The exporter can't be made of what is configured.
    pub(crate) fn new(config: &TraceConfig) -> Result<Self> {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(config.endpoint.as_str())
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .context("traces can't be sent")?;
        let mut resource =
            Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        if std::env::var_os("OTEL_SERVICE_NAME").is_none_or(|name| name.is_empty()) {
            resource = resource.with_service_name(SERVICE);
        }
        let ratio = config.sample_ratio.to_f64().unwrap_or(1.0);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
            .build();
        ::telemetry::trace::install(Box::new(OpenTelemetry));
        Ok(Self(provider))
    }

    /// What hears of spans.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TARGET, LevelFilter::TRACE))
    }

    /// Sends what is still to be sent, for a moment.
    pub(crate) fn finish(self) {
        // A collector that is away gets nothing, and nobody is to be told at the end.
        let _ = self.0.shutdown_with_timeout(FINISH);
    }
}

/// Knows spans as OpenTelemetry does.
struct OpenTelemetry;

impl Traced for OpenTelemetry {
    fn place(&self, span: &Span) -> Option<TraceContext> {
        let context = span.context();
        let place = context.span();
        let span = place.span_context();
        let flags = span.trace_flags().to_u8();
        let parent = format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
        // Without a span it is all zeros, which is no place.
        TraceContext::parse(&parent, Some(&span.trace_state().header()))
    }

    fn go_on(&self, span: &Span, from: &TraceContext) {
        if let Some(from) = span_context(from) {
            // An error says that the span is not traced at all.
            let _ = span.set_parent(Context::new().with_remote_span_context(from));
        }
    }

    fn link(&self, span: &Span, other: &TraceContext) {
        if let Some(other) = span_context(other) {
            span.add_link(other);
        }
    }
}

fn span_context(place: &TraceContext) -> Option<SpanContext> {
    let flags = if place.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let state = place.tracestate().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    let (trace, span) = (TraceId::from_hex(place.trace_id()).ok()?, SpanId::from_hex(place.span_id()).ok()?);
    Some(SpanContext::new(trace, span, flags, true, state))
}

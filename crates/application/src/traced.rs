//! Where work that no caller waits for belongs, in traces and in the log.
//!
//! A provider call that is made later goes on in the trace in which it was intended. A notification is processed in the trace in
//! which it was delivered; what it brings into the books belongs to the trace in which the thing was made, with a link between
//! the two: so whoever follows a call's trace sees what became of it, up to the money and its events.

use domain::provider::{InboxEntry, Intent};
use telemetry::trace;
use tracing::Span;

use crate::app::App;
use crate::inbox::Findings;

/// What the log tells of a call that is made later, and its span.
pub(crate) fn intended_call(intent: &Intent) -> (Span, Span) {
    let span = telemetry::span!(
        parent: None,
        "intended call",
        otel.name = intent.action.name(),
        paylinks.subject = intent.action.subject(),
        paylinks.attempts = intent.attempts
    );
    let trace_id = trace::begin(&span, intent.trace.as_ref());
    (tracing::error_span!(parent: None, "intended call", intent = %intent.id, trace_id), span)
}

/// What the log tells of a notification, and its span.
pub(crate) fn notification(entry: &InboxEntry) -> (Span, Span) {
    let span = telemetry::span!(
        parent: None,
        "notification",
        otel.name = "process notification",
        otel.kind = "consumer",
        messaging.operation.type = "process",
        messaging.message.id = %entry.id,
        paylinks.provider = entry.provider.as_str(),
        paylinks.attempts = entry.attempts
    );
    let trace_id = trace::begin(&span, entry.trace.as_ref());
    (tracing::error_span!(parent: None, "notification", notification = %entry.id, trace_id), span)
}

impl App {
    /// A span in the trace in which the thing was made that was found to have moved, linked to that in which its provider told of
    /// it: so whoever follows a call's trace sees what became of it, up to the money and its events.
    pub(crate) async fn span_of(&self, findings: &Findings) -> Span {
        let span = telemetry::span!("findings", otel.name = "bring into the books");
        if !trace::is_on() {
            return span;
        }
        let told = trace::current();
        let made = match findings.subject() {
            // A trace that can't be read is no reason to do nothing.
            Some(subject) => self.0.storage.trace_of(&subject).await.unwrap_or_default(),
            None => None,
        };
        if let Some(made) = made {
            trace::begin(&span, Some(&made));
            trace::link(&span, told.as_ref());
        }
        span
    }
}

impl Findings {
    /// The id of the thing that moved, as far as it was made or is known here.
    fn subject(&self) -> Option<String> {
        match self {
            Self::Checkout(snapshot) | Self::CheckoutTold(snapshot) => {
                let session = snapshot.checkout_session_id.map(|id| id.to_string());
                session.or_else(|| snapshot.payment_link_id.map(|id| id.to_string()))
            }
            Self::Link(_, snapshot) => Some(snapshot.payment_link_id.to_string()),
            Self::Refunds(look, _)
            | Self::RefundTold(look, _)
            | Self::CaptureTold(look, ..)
            | Self::Dispute(look, _)
            | Self::DisputeTold(look, ..) => Some(look.payment_id.to_string()),
            Self::Renewal(subscription, _) => Some(subscription.to_string()),
            Self::MethodDetached(_) | Self::PromotionCode(..) | Self::Subscription(..) | Self::Nothing => None,
        }
    }
}

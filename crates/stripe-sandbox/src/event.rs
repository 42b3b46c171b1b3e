//! What happened, for those who ask and for webhooks.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::DAY;

/// How long an event can be listed, in seconds: 30 days.
const LIFETIME: i64 = 30 * DAY;

/// Something that happened to an object. It has the object as it was then: nobody has a copy as long as it did not change.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: Arc<str>,
    /// Such as `payment_link.created`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Seconds since the Unix epoch, by the sandbox's clock.
    pub(crate) created: i64,
    /// The version in whose shape the object is.
    api_version: Cow<'static, str>,
    data: Data,
    /// How many endpoints have not acknowledged it.
    pub(crate) pending_webhooks: usize,
}

#[derive(Clone, Serialize, Deserialize)]
struct Data {
    object: Arc<Value>,
}

impl Event {
    /// An event about an object as it is told, without what is told only when it is asked for.
    pub(crate) fn new(kind: &str, object: Arc<Value>, created: i64, pending_webhooks: usize) -> Self {
        let id = crate::ids::new("evt").into();
        let api_version = Cow::Borrowed(crate::server::API_VERSION);
        Self { id, kind: kind.to_owned(), created, api_version, data: Data { object }, pending_webhooks }
    }

    /// As Stripe tells it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id, "object": "event", "api_version": self.api_version, "created": self.created,
            "data": {"object": self.data.object}, "livemode": false, "pending_webhooks": self.pending_webhooks,
            "request": {"id": null, "idempotency_key": null}, "type": self.kind,
        })
    }

    /// Whether it can still be listed, and is one of those that `params` ask for.
    pub(crate) fn is_listed(&self, params: &Map<String, Value>, now: i64) -> bool {
        let kinds = params.get("types").and_then(Value::as_array);
        now - self.created <= LIFETIME
            && params.get("type").and_then(Value::as_str).is_none_or(|wanted| self.is_of(wanted))
            && params.get("delivery_success").is_none_or(|wanted| *wanted == (self.pending_webhooks == 0))
            && kinds.is_none_or(|kinds| kinds.iter().any(|kind| *kind == self.kind))
    }

    /// Whether it is of the type named, or of the group named as `charge.*`.
    fn is_of(&self, wanted: &str) -> bool {
        wanted.strip_suffix('*').map_or(self.kind == wanted, |group| self.kind.starts_with(group))
    }
}

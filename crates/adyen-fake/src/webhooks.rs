//! Webhooks: signed, in batches or one by one, and delivered until they are accepted.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::server::Shared;

/// The wait between two tries of a delivery.
const RETRY_IN: Duration = Duration::from_millis(100);
/// How long an endpoint may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where events are delivered to.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The URL, on loopback.
    pub url: String,
    /// The HMAC key, in hexadecimal.
    pub hmac_key: String,
    /// The user name and password of basic authentication.
    pub basic: Option<(String, String)>,
}

/// How events are delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// They are held back until the policy is lifted.
    pub hold: bool,
    /// Each is delivered this many times more.
    pub duplicate: u32,
    /// All that are waiting go in one request.
    pub batch: bool,
    /// Those that are waiting go the last first.
    pub reverse: bool,
}

/// The signature of an item by a key in hexadecimal; empty if the key is none.
pub fn sign(item: &Value, key: &str) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let fields = [
        &item["pspReference"],
        &item["originalReference"],
        &item["merchantAccountCode"],
        &item["merchantReference"],
        &item["amount"]["value"],
        &item["amount"]["currency"],
        &item["eventCode"],
        &item["success"],
    ];
    let signed = fields.map(text).join(":");
    let Ok(key) = hex::decode(key) else { return String::new() };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(signed.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The body of a request with these items, each signed by the key.
pub fn request(items: &[Value], key: &str) -> Vec<u8> {
    let signed = items.iter().map(|item| {
        let mut item = item.clone();
        item["additionalData"]["hmacSignature"] = sign(&item, key).into();
        json!({"NotificationRequestItem": item})
    });
    json!({"live": "false", "notificationItems": signed.collect::<Vec<_>>()}).to_string().into_bytes()
}

/// Delivers what is waiting, as long as the fake lives.
pub(crate) async fn deliver(shared: Arc<Shared>) {
    loop {
        let woken = shared.events.notified();
        match take(&shared) {
            Some((endpoint, items, times)) => {
                let mut is_accepted = true;
                for _ in 0..times {
                    is_accepted &= send(&shared, &endpoint, &items).await;
                }
                if !is_accepted {
                    shared.lock().waiting.splice(0..0, items);
                    tokio::time::sleep(RETRY_IN).await;
                }
            }
            None => woken.await,
        }
    }
}

/// The next items to be delivered, and how often.
fn take(shared: &Shared) -> Option<(Endpoint, Vec<Value>, u32)> {
    let mut state = shared.lock();
    let endpoint = state.endpoint.clone().filter(|_| !state.policy.hold)?;
    let mut items = std::mem::take(&mut state.waiting);
    if state.policy.reverse {
        items.reverse();
    }
    if !state.policy.batch && items.len() > 1 {
        state.waiting = items.split_off(1);
        if state.policy.reverse {
            state.waiting.reverse();
        }
    }
    (!items.is_empty()).then_some((endpoint, items, 1 + state.policy.duplicate))
}

async fn send(shared: &Shared, endpoint: &Endpoint, items: &[Value]) -> bool {
    let request = shared.client.post(&endpoint.url).timeout(TIMEOUT).header("content-type", "application/json");
    let request = match &endpoint.basic {
        Some((username, password)) => request.basic_auth(username, Some(password)),
        None => request,
    };
    let Ok(answer) = request.body(crate::webhooks::request(items, &endpoint.hmac_key)).send().await else {
        return false;
    };
    answer.status().is_success() && answer.text().await.is_ok_and(|body| body == "[accepted]")
}

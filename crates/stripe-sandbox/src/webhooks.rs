//! Webhooks: signed, sent at least once, in no order, and tried again for three days; never of what is not on disk yet.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::{DAY, real_now};
use crate::server::Shared;
use crate::state::{Delivery, text};

/// How long a delivery is tried, in seconds of the sandbox's clock: three days.
const PATIENCE: i64 = 3 * DAY;
/// The longest wait between two tries.
const RETRY_IN_MAX: Duration = Duration::from_secs(3600);
/// How long an endpoint may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends every delivery that is not on its way yet.
pub(crate) fn dispatch(shared: &Arc<Shared>) {
    let pending: Vec<u64> = {
        let mut state = shared.lock();
        if state.webhook_policy.reorder {
            return;
        }
        let known = &mut *shared.lock_in_flight();
        let mut new: Vec<u64> = state.deliveries.keys().copied().filter(|id| known.insert(*id)).collect();
        state.dirty |= !new.is_empty();
        // After a time of holding back, the last comes first.
        new.reverse();
        new
    };
    for id in pending {
        let shared = Arc::clone(shared);
        tokio::spawn(async move { deliver(&shared, id).await });
    }
}

async fn deliver(shared: &Arc<Shared>, id: u64) {
    let mut wait = Duration::from_millis(500);
    loop {
        // Whoever hears of a change may ask for it after the sandbox was killed: it must be known then.
        if !shared.saver.saved().await {
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_IN_MAX);
            continue;
        }
        let (delivery, policy, now) = {
            let state = shared.lock();
            (state.deliveries.get(&id).cloned(), state.webhook_policy.clone(), state.now())
        };
        let Some(delivery) = delivery else { break };
        tokio::time::sleep(Duration::from_millis(policy.delay_ms)).await;
        if policy.lose || now - delivery.created > PATIENCE || send_all(shared, &delivery, policy.duplicate).await {
            finish(shared, id, &delivery);
            break;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY_IN_MAX);
    }
    shared.lock_in_flight().remove(&id);
}

fn finish(shared: &Shared, id: u64, delivery: &Delivery) {
    let mut state = shared.lock();
    state.deliveries.remove(&id);
    state.dirty = true;
    if let Some((_, event)) =
        state.accounts.get_mut(&delivery.account).and_then(|account| account.events.get_mut(&delivery.event))
    {
        event.pending_webhooks = event.pending_webhooks.saturating_sub(1);
    }
}

async fn send_all(shared: &Shared, delivery: &Delivery, duplicates: u32) -> bool {
    let first = send(shared, delivery).await;
    for _ in 0..duplicates {
        send(shared, delivery).await;
    }
    first
}

async fn send(shared: &Shared, delivery: &Delivery) -> bool {
    let Some((url, secrets, body)) = webhook_request(shared, delivery) else { return true };
    let Ok(_place) = shared.sending.acquire().await else { return false };
    let signature = sign(&body, &secrets, real_now());
    let request = shared.client.post(url).timeout(TIMEOUT).header("Content-Type", "application/json");
    let sent = request.header("Stripe-Signature", signature).body(body).send().await;
    sent.is_ok_and(|answer| answer.status().is_success())
}

/// Where a delivery goes, with which secrets and what in it; nothing if its endpoint is gone.
fn webhook_request(shared: &Shared, delivery: &Delivery) -> Option<(String, Vec<String>, String)> {
    let state = shared.lock();
    let account = state.accounts.get(&delivery.account)?;
    let endpoint = account.get("webhook_endpoint", &delivery.endpoint)?;
    let event = account.events.get(&delivery.event)?;
    let secrets = account.secrets.get(&delivery.endpoint).cloned()?;
    Some((text(endpoint, "url").to_owned(), secrets, event.to_json().to_string()))
}

/// The header `Stripe-Signature`: one `v1` for each secret that is in force.
pub(crate) fn sign(body: &str, secrets: &[String], at: i64) -> String {
    let mut header = format!("t={at}");
    for secret in secrets {
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
            mac.update(format!("{at}.{body}").as_bytes());
            header.push_str(&format!(",v1={}", hex::encode(mac.finalize().into_bytes())));
        }
    }
    header
}

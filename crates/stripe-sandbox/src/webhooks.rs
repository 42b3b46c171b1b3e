//! Webhooks: signed, sent at least once, in no order, and tried again for three days; never of what is not on disk yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::{DAY, real_now};
use crate::server::Shared;
use crate::state::{Delivery, text};

/// How long a delivery is tried, in seconds of the sandbox's clock: three days.
const PATIENCE: i64 = 3 * DAY;
/// The longest wait between two tries.
const RETRY_IN_MAX: Duration = Duration::from_secs(3600);
/// How many are sent to an endpoint at once.
const SENDING_MAX: usize = 32;
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
        let is_given_up = now - delivery.created > PATIENCE;
        if is_given_up || policy.lose || send_all(shared, &delivery, policy.duplicate).await {
            finish(shared, id, &delivery, !is_given_up);
            break;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY_IN_MAX);
    }
    shared.lock_in_flight().remove(&id);
}

fn finish(shared: &Shared, id: u64, delivery: &Delivery, is_delivered: bool) {
    let mut state = shared.lock();
    state.deliveries.remove(&id);
    state.dirty = true;
    if is_delivered
        && let Some((_, event)) =
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
    let Some(_place) = shared.places.take(&delivery.endpoint).await else { return false };
    let Some((url, secrets, body)) = webhook_request(shared, delivery) else { return true };
    let signature = sign(&body, &secrets, real_now());
    let request = shared.client.post(url).timeout(TIMEOUT).header("Content-Type", "application/json");
    let sent = request.header("Stripe-Signature", signature).body(body).send().await;
    sent.is_ok_and(|answer| answer.status().is_success())
}

/// How many may send to each endpoint still. One that hangs keeps no place of another's.
#[derive(Default)]
pub(crate) struct Places(Mutex<HashMap<String, Arc<Semaphore>>>);

impl Places {
    async fn take(&self, endpoint: &str) -> Option<OwnedSemaphorePermit> {
        let places = {
            let mut of_all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Of endpoints to which nothing is sent, all are there.
            of_all.retain(|_, places| Arc::strong_count(places) > 1);
            Arc::clone(of_all.entry(endpoint.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(SENDING_MAX))))
        };
        // They are never closed.
        places.acquire_owned().await.ok()
    }
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::server::{SandboxConfig, start};
    use crate::state::State;

    /// An endpoint that takes connections and never answers.
    async fn silent() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").await.unwrap()
    }

    /// An endpoint that thanks for everything.
    async fn thankful() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(async || "thanks")).await });
        url
    }

    #[tokio::test]
    async fn an_endpoint_that_hangs_delays_no_other_and_what_is_given_up_was_not_delivered() {
        const EVENTS: usize = SENDING_MAX + 5;
        let sandbox = start(SandboxConfig { listen: "127.0.0.1:0".parse().unwrap(), state_file: None }).await.unwrap();
        let (silent, account) = (silent().await, State::account_of_key("sk_test_a"));
        let urls = [format!("http://{}/", silent.local_addr().unwrap()), thankful().await];
        {
            let mut state = sandbox.state();
            let mut ctx = state.enter(&account, "");
            let mut call = |call: &str, body: &str| {
                let (operation, id) = crate::api::route("POST", call).unwrap();
                let form = crate::form::decode(body.as_bytes()).unwrap();
                let mut params = crate::params::parse(&operation, form).unwrap();
                crate::api::answer(&mut ctx, &operation, &id, &mut params).unwrap();
            };
            for url in urls {
                call("/v1/webhook_endpoints", &format!("url={url}&enabled_events[0]=*"));
            }
            (0..EVENTS).for_each(|_| call("/v1/products", "name=N"));
        }
        let pending = || -> Vec<usize> {
            sandbox.state().accounts[&account].events.all().map(|event| event.pending_webhooks).collect()
        };
        let told_to_one = async {
            while pending().iter().any(|pending| *pending > 1) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(TIMEOUT / 2, told_to_one).await.expect("those of the other wait as well");
        // Three days later nobody tries any more, and the events were not delivered everywhere.
        sandbox.state().clock_offset += PATIENCE + 1;
        drop(silent);
        let given_up = async {
            while !sandbox.state().deliveries.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(TIMEOUT, given_up).await.expect("it is tried for ever");
        assert_eq!(pending(), [1; EVENTS]);
        sandbox.shutdown().await;
    }
}

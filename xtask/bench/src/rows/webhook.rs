//! A signed webhook, received and stored, beside the same row inserted by pgbench.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::Mutex;

use crate::figure::{Figure, Goal, median};
use crate::http1::{self, Connection};
use crate::load;
use crate::provider_stub::ProviderStub;
use crate::service::{Service, WEBHOOK_SECRET};
use crate::statements::{self, Script};
use crate::{Setup, databases, pgbench};

const CONNECTIONS: u64 = 16;
/// How long one side of a pair is called, in seconds.
const SECONDS: u64 = 4;

pub(super) async fn stored(setup: &Setup) -> Result<Vec<Figure>> {
    let database = databases::create(&setup.postgres, "webhook").await?;
    let provider = ProviderStub::start(Duration::ZERO).await?;
    let (script, bare) = script_of_one(setup, &provider).await?;
    let service = Service::start(&setup.binary, &database, &provider.url).await?;
    let (mut pairs, mut cpu) = (Vec::new(), Vec::new());
    for round in 0..=setup.rounds {
        // Those of the round before were quiet for too long.
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Arc::new(Mutex::new(Connection::open(&service.http).await?)));
        }
        let deliver = move |number: u64| {
            let at = usize::try_from(number).unwrap_or_default() % connections.len();
            let connection = Arc::clone(&connections[at]);
            async move { connection.lock().await.call(&delivery(&event_id())?).await.map(|_| ()) }
        };
        let ours = load::in_flight(service.pid, CONNECTIONS, Duration::from_secs(SECONDS), deliver).await?;
        // What is processed behind the answers is not what is compared, and would take ten times as long.
        databases::execute(&database, "UPDATE notifications SET state = 'done' WHERE state = 'new'").await?;
        let theirs = pgbench::per_second(&setup.pgbench, &bare, &script, CONNECTIONS, SECONDS).await?;
        // The first round warms both up.
        if round > 0 {
            pairs.push((ours.per_second(), theirs));
            cpu.push(ours.cpu_us());
        }
    }
    service.stop().await?;
    let note = format!("{:.0} us of CPU, with what is processed meanwhile", median(cpu));
    Ok(vec![Figure::of_pairs("webhook", "a second", &pairs, Goal::RatioAtLeast(0.6)).noting(note)])
}

/// What a database is asked to store one, and the database, which nobody else uses then.
async fn script_of_one(setup: &Setup, provider: &ProviderStub) -> Result<(Script, String)> {
    let database = databases::create(&setup.postgres, "script").await?;
    // The first start makes the tables; sessions of the second log what they are asked.
    Service::start(&setup.binary, &database, &provider.url).await?.stop().await?;
    statements::log(&database, true).await?;
    let service = Service::start(&setup.binary, &database, &provider.url).await?;
    let from = usize::try_from(std::fs::metadata(&setup.postgres_log)?.len())?;
    let event = event_id();
    Connection::open(&service.http).await?.call(&delivery(&event)?).await?;
    let script = statements::of_call(&setup.postgres_log, from, (&[&event], &[]), "INSERT INTO notifications").await?;
    service.stop().await?;
    statements::log(&database, false).await?;
    Ok((script, database))
}

fn event_id() -> String {
    format!("evt_{:032x}", fastrand::u128(..))
}

/// An event that is stored and asks for nothing more, signed now.
fn delivery(event_id: &str) -> Result<Vec<u8>> {
    let at = SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    let body = format!(
        "{{\"id\": \"{event_id}\", \"object\": \"event\", \"type\": \"customer.created\", \"created\": {at}, \
         \"livemode\": false, \"data\": {{\"object\": {{\"id\": \"cus_1\", \"object\": \"customer\", \"name\": \"Ada\"}}}}}}"
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes())?;
    mac.update(format!("{at}.{body}").as_bytes());
    let signature = format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()));
    let headers = [("stripe-signature", signature.as_str()), ("content-type", "application/json")];
    Ok(http1::post("/webhooks/stripe", &headers, &body))
}

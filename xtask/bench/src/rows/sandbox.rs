//! The sandbox by itself: payment links created over 8 connections, each with a key of its own.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::Mutex;

use crate::Setup;
use crate::figure::{Figure, Goal, median};
use crate::http1::{self, Connection};
use crate::load::{self, Load};
use crate::provider_stub::ProviderStub;
use crate::service::Sandbox;

const CONNECTIONS: u64 = 8;
const TIME: Duration = Duration::from_secs(3);
/// What a stateless mock of the same API did a second on a machine of two processors, over as many connections.
const STATELESS_PER_SECOND: f64 = 13_600.0;
const HEADERS: [(&str, &str); 2] =
    [("authorization", "Bearer sk_test_bench"), ("content-type", "application/x-www-form-urlencoded")];

pub(super) async fn links_created(setup: &Setup) -> Result<Vec<Figure>> {
    let (mut pairs, mut cpu, mut stateless) = (Vec::new(), Vec::new(), Vec::new());
    // What keeps nothing and answers the same to whatever it is asked: how far this machine and this client can come.
    let stub = ProviderStub::start(Duration::ZERO).await?;
    for _ in 0..setup.rounds {
        // Each begins with nothing stored.
        let sandbox = Sandbox::start(&setup.binary).await?;
        let load = create(sandbox.pid, &sandbox.url, &price(&sandbox.url).await?).await?;
        pairs.push((load.per_second(), STATELESS_PER_SECOND));
        cpu.push(load.cpu_us());
        drop(sandbox);
        stateless.push(create(std::process::id(), &stub.url, "price_1").await?.per_second());
    }
    let note = format!(
        "{:.0} us of CPU; the yardstick was measured once, on another machine: here a stateless stub does {:.0} a second",
        median(cpu),
        median(stateless)
    );
    Ok(vec![Figure::of_pairs("sandbox", "a second", &pairs, Goal::RatioAtLeast(1.0)).noting(note)])
}

/// Creates links for a while, over all connections.
async fn create(pid: u32, url: &str, price: &str) -> Result<Load> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Arc::new(Mutex::new(Connection::open(url).await?)));
    }
    let body: Arc<str> = format!("line_items[0][price]={price}&line_items[0][quantity]=1").into();
    let create = move |number: u64| {
        let at = usize::try_from(number).unwrap_or_default() % connections.len();
        let (connection, body) = (Arc::clone(&connections[at]), Arc::clone(&body));
        async move {
            let key = number.to_string();
            let [authorization, form] = HEADERS;
            let headers = [authorization, form, ("idempotency-key", key.as_str())];
            let made = connection.lock().await.call(&http1::post("/v1/payment_links", &headers, &body)).await?;
            anyhow::ensure!(made.contains("\"plink_"), "no link: {made}");
            Ok(())
        }
    };
    load::in_flight(pid, CONNECTIONS, TIME, create).await
}

/// A price that links can be for; its id.
async fn price(url: &str) -> Result<String> {
    let body = "currency=sek&unit_amount=10000&product_data[name]=Book";
    let made = Connection::open(url).await?.call(&http1::post("/v1/prices", &HEADERS, body)).await?;
    let price: serde_json::Value = serde_json::from_str(&made)?;
    Ok(price["id"].as_str().context("a price without an id")?.to_owned())
}

//! An event, from the answer of the call that made it to every caller who follows: 1,000 streams are open, and all of them get
//! each event. The commit is a moment before the answer, which is when a caller can know of it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use api_proto::v1::event::Subject;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clients::{self, Keyed};
use crate::figure::{Figure, median, quantile};
use crate::provider_stub::ProviderStub;
use crate::service::Service;
use crate::{Setup, databases};

const STREAMS: usize = 1_000;
/// A connection has at most 256 calls at once.
const CONNECTIONS: usize = 8;
/// How many events each round has, and how far they are apart.
const EVENTS: usize = 20;
const EVERY: Duration = Duration::from_millis(250);
/// How long the last of them may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a stream received, and when.
struct Received {
    subject: String,
    at: Instant,
}

pub(super) async fn delivered(setup: &Setup) -> Result<Vec<Figure>> {
    let database = databases::create(&setup.postgres, "events").await?;
    let provider = ProviderStub::start(Duration::ZERO).await?;
    let service = Service::start(&setup.binary, &database, &provider.url).await?;
    let connections = clients::connections(&service.grpc, &service.token, CONNECTIONS).await?;
    let (sender, mut received) = mpsc::unbounded_channel();
    let mut streams = open(&connections, STREAMS, &sender).await?;
    let (mut p99, mut p50, mut first) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..setup.rounds {
        let mut answered = HashMap::new();
        for _ in 0..EVENTS {
            let product = clients::create_product(connections[0].clone()).await?;
            answered.insert(product, Instant::now());
            tokio::time::sleep(EVERY).await;
        }
        let (mut all, mut firsts) = (Vec::new(), HashMap::new());
        while all.len() < EVENTS * STREAMS {
            let one: Received = tokio::time::timeout(PATIENCE, received.recv())
                .await
                .context("events are missing")?
                .context("ended")?;
            // A stream may be faster than the answer.
            let Some(sent) = answered.get(&one.subject) else { continue };
            let took = one.at.saturating_duration_since(*sent).as_secs_f64() * 1e3;
            let fastest = firsts.entry(one.subject).or_insert(took);
            *fastest = took.min(*fastest);
            all.push(took);
        }
        p99.push(quantile(all.iter().copied(), 0.99));
        p50.push(median(all));
        first.push(quantile(firsts.into_values(), 0.99));
    }
    ensure!(streams.try_join_next().is_none(), "a stream ended");
    streams.abort_all();
    service.stop().await?;
    let note = format!(
        "p99 over all of {STREAMS} streams; p50 {:.1} ms; p99 of the first to get it {:.1} ms",
        median(p50),
        median(first)
    );
    Ok(vec![Figure::alone("event", "ms", &p99, 20.0).noting(note)])
}

/// Opens streams, whose tasks end with an error alone.
async fn open(
    connections: &[Keyed],
    count: usize,
    sender: &mpsc::UnboundedSender<Received>,
) -> Result<JoinSet<Result<()>>> {
    let mut streams = JoinSet::new();
    for number in 0..count {
        let mut stream = clients::follow(connections[number % connections.len()].clone()).await?;
        let sender = sender.clone();
        streams.spawn(async move {
            while let Some(message) = stream.message().await? {
                let at = Instant::now();
                if let Some(Subject::Product(product)) = message.event.and_then(|event| event.subject) {
                    sender.send(Received { subject: product.id, at })?;
                }
            }
            Ok(())
        });
    }
    Ok(streams)
}

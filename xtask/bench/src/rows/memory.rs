//! Memory that is resident: when idle, and for each 1,000 open streams.

use std::time::Duration;

use anyhow::Result;

use crate::accounting::resident_bytes;
use crate::figure::Figure;
use crate::provider_stub::ProviderStub;
use crate::service::Service;
use crate::{Setup, clients, databases};

const STREAMS: usize = 1_000;
/// A connection has at most 256 calls at once.
const CONNECTIONS: usize = 8;
/// How long all is left alone before it is measured.
const REST: Duration = Duration::from_secs(3);
const MEGABYTE: f64 = 1e6;

pub(super) async fn resident(setup: &Setup) -> Result<Vec<Figure>> {
    let provider = ProviderStub::start(Duration::ZERO).await?;
    let (mut idle, mut more) = (Vec::new(), Vec::new());
    for _ in 0..setup.rounds.min(3) {
        let database = databases::create(&setup.postgres, "memory").await?;
        // The first start of all makes the tables, which is nothing that a server does when it is idle.
        Service::start(&setup.binary, &database, &provider.url).await?.stop().await?;
        let service = Service::start(&setup.binary, &database, &provider.url).await?;
        tokio::time::sleep(REST).await;
        let before = resident_bytes(service.pid)?;
        let connections = clients::connections(&service.grpc, &service.token, CONNECTIONS).await?;
        let mut streams = Vec::new();
        for number in 0..STREAMS {
            streams.push(clients::follow(connections[number % CONNECTIONS].clone()).await?);
        }
        tokio::time::sleep(REST).await;
        let after = resident_bytes(service.pid)?;
        idle.push(before as f64 / MEGABYTE);
        more.push(after.saturating_sub(before) as f64 / MEGABYTE);
        drop(streams);
        drop(connections);
        service.stop().await?;
    }
    Ok(vec![
        Figure::alone("memory-idle", "MB", &idle, 25.0),
        Figure::alone("memory-per-1000-streams", "MB", &more, 15.0),
    ])
}

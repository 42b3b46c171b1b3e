//! `CreatePaymentLink`: how many, beside the same statements and commits by pgbench; and what the service adds to the
//! provider's own time.

use std::time::Duration;

use anyhow::{Context, Result};
use api_proto::v1::payment_link_service_client::PaymentLinkServiceClient;

use crate::clients::{self, Keyed};
use crate::figure::{Figure, Goal, median};
use crate::load::{self, Load};
use crate::provider_stub::ProviderStub;
use crate::service::Service;
use crate::statements::{self, Script};
use crate::{Setup, databases, pgbench};

const IN_FLIGHT: u64 = 16;
/// How long one side of a pair is called, in seconds.
const SECONDS: u64 = 4;
/// What the provider takes where that counts.
const PROVIDER_TAKES: Duration = Duration::from_millis(120);
/// How many links are asked for a second then: well below what can be done, so that no queue is measured.
const PER_SECOND: u32 = 20;

pub(super) async fn throughput(setup: &Setup) -> Result<Vec<Figure>> {
    let database = databases::create(&setup.postgres, "create").await?;
    let provider = ProviderStub::start(Duration::ZERO).await?;
    let (script, bare) = script_of_one(setup, &provider).await?;
    let service = Service::start(&setup.binary, &database, &provider.url).await?;
    let connections = clients::connections(&service.grpc, &service.token, 4).await?;
    let (mut pairs, mut cpu) = (Vec::new(), Vec::new());
    for round in 0..=setup.rounds {
        let ours = create(service.pid, &connections, IN_FLIGHT, Duration::from_secs(SECONDS)).await?;
        let theirs = pgbench::per_second(&setup.pgbench, &bare, &script, IN_FLIGHT, SECONDS).await?;
        // The first round warms both up.
        if round > 0 {
            pairs.push((ours.per_second(), theirs));
            cpu.push(ours.cpu_us());
        }
    }
    service.stop().await?;
    let note = format!("{:.0} us of CPU; {} statements, {} commits", median(cpu), script.statements, script.commits);
    Ok(vec![Figure::of_pairs("create-link-0ms", "a second", &pairs, Goal::RatioAtLeast(0.6)).noting(note)])
}

/// What a database is asked for one link, and the database, which nobody else uses then.
async fn script_of_one(setup: &Setup, provider: &ProviderStub) -> Result<(Script, String)> {
    let database = databases::create(&setup.postgres, "script").await?;
    // The first start makes the tables; sessions of the second log what they are asked.
    Service::start(&setup.binary, &database, &provider.url).await?.stop().await?;
    statements::log(&database, true).await?;
    let service = Service::start(&setup.binary, &database, &provider.url).await?;
    let connections = clients::connections(&service.grpc, &service.token, 1).await?;
    // What is done for the first call alone is not of each.
    clients::create_link(PaymentLinkServiceClient::new(connections[0].clone())).await?;
    let from = usize::try_from(std::fs::metadata(&setup.postgres_log)?.len())?;
    let request = clients::link_request();
    let request_id = request.request_id.clone();
    let made = PaymentLinkServiceClient::new(connections[0].clone()).create_payment_link(request).await?.into_inner();
    let link = made.payment_link.context("an answer without a link")?;
    let ids = [request_id.as_str(), &link.id, &link.provider_ref];
    // The key is read for every call, in the database by the part of the token between its mark and its secret.
    let key = service.token.split('_').nth(1).context("a token without a prefix")?;
    let script = statements::of_call(&setup.postgres_log, from, (&ids, &[key]), "UPDATE requests").await?;
    service.stop().await?;
    statements::log(&database, false).await?;
    Ok((script, database))
}

async fn create(pid: u32, connections: &[Keyed], in_flight: u64, time: Duration) -> Result<Load> {
    let connections = connections.to_vec();
    load::in_flight(pid, in_flight, time, move |number| create_one(&connections, number)).await
}

fn create_one(connections: &[Keyed], number: u64) -> impl Future<Output = Result<()>> + Send + use<> {
    let at = usize::try_from(number).unwrap_or_default() % connections.len();
    let links = PaymentLinkServiceClient::new(connections[at].clone());
    async move { clients::create_link(links).await.map(|_| ()) }
}

pub(super) async fn added(setup: &Setup) -> Result<Vec<Figure>> {
    let database = databases::create(&setup.postgres, "added").await?;
    let provider = ProviderStub::start(PROVIDER_TAKES).await?;
    let service = Service::start(&setup.binary, &database, &provider.url).await?;
    let connections = clients::connections(&service.grpc, &service.token, 4).await?;
    create(service.pid, &connections, IN_FLIGHT, Duration::from_secs(2)).await?;
    let (mut added, mut medians) = (Vec::new(), Vec::new());
    for _ in 0..setup.rounds {
        let load =
            load::at_rate(PER_SECOND, Duration::from_secs(10), |number| create_one(&connections, number)).await?;
        let delay_ms = PROVIDER_TAKES.as_secs_f64() * 1e3;
        added.push(load.quantile_ms(0.99) - delay_ms);
        medians.push(load.quantile_ms(0.5) - delay_ms);
    }
    service.stop().await?;
    let note = format!("p99 of {PER_SECOND} a second; p50 {:.1} ms", median(medians));
    Ok(vec![Figure::alone("create-link-120ms", "ms added", &added, 10.0).noting(note)])
}

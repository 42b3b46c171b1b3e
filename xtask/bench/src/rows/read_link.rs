//! `GetPaymentLink`, beside a bare handler that selects the same row.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use api_proto::v1;
use api_proto::v1::payment_link_service_client::PaymentLinkServiceClient;
use tokio::process::{Child, Command};

use crate::clients::{self, Keyed};
use crate::figure::{Figure, Goal, median};
use crate::load::{self, Load};
use crate::provider_stub::ProviderStub;
use crate::service::Service;
use crate::{Setup, databases};

/// How long one side of a pair is called.
const TIME: Duration = Duration::from_secs(3);
/// How many links are read in turn.
const LINKS: usize = 50;
/// The longest that the yardstick may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn alone(setup: &Setup) -> Result<Vec<Figure>> {
    measure(setup, "get-link-1", 1, Goal::RatioAtMost(1.2)).await
}

pub(super) async fn together(setup: &Setup) -> Result<Vec<Figure>> {
    measure(setup, "get-link-64", 64, Goal::RatioAtMost(0.9)).await
}

async fn measure(setup: &Setup, name: &'static str, in_flight: u64, goal: Goal) -> Result<Vec<Figure>> {
    let database = databases::create(&setup.postgres, "read").await?;
    let provider = ProviderStub::start(Duration::ZERO).await?;
    let service = Service::start(&setup.binary, &database, &provider.url).await?;
    let connections = clients::connections(&service.grpc, &service.token, 4).await?;
    let mut ids = Vec::new();
    for _ in 0..LINKS {
        ids.push(clients::create_link(PaymentLinkServiceClient::new(connections[0].clone())).await?);
    }
    let (bare, url) = start_yardstick(&database).await?;
    let bare_pid = bare.id().context("the yardstick has ended")?;
    let bare_connections = clients::connections(&url, &service.token, 4).await?;
    let (mut pairs, mut rates) = (Vec::new(), Vec::new());
    for round in 0..=setup.rounds {
        let time = if round == 0 { TIME / 3 } else { TIME };
        let ours = read((service.pid, &connections), &ids, in_flight, time).await?;
        let bare = read((bare_pid, &bare_connections), &ids, in_flight, time).await?;
        // The first round warms both up.
        if round > 0 {
            pairs.push((ours.cpu_us(), bare.cpu_us()));
            rates.push((ours.per_second(), bare.per_second()));
        }
    }
    let note = format!(
        "{:.0} and {:.0} a second",
        median(rates.iter().map(|rate| rate.0)),
        median(rates.iter().map(|rate| rate.1))
    );
    service.stop().await?;
    Ok(vec![Figure::of_pairs(name, "us of CPU", &pairs, goal).noting(note)])
}

async fn read((pid, connections): (u32, &[Keyed]), ids: &[String], in_flight: u64, time: Duration) -> Result<Load> {
    let (connections, ids) = (connections.to_vec(), ids.to_vec());
    load::in_flight(pid, in_flight, time, move |number| {
        let at = |count: usize| usize::try_from(number).unwrap_or_default() % count;
        let mut links = PaymentLinkServiceClient::new(connections[at(connections.len())].clone());
        let id = ids[at(ids.len())].clone();
        async move {
            let read = links.get_payment_link(v1::GetPaymentLinkRequest { id: id.clone() }).await?.into_inner();
            anyhow::ensure!(read.payment_link.is_some_and(|link| link.id == id), "another link than {id}");
            Ok(())
        }
    })
    .await
}

/// Starts the bare handler in a process of its own, whose processor time can be told apart.
async fn start_yardstick(database: &str) -> Result<(Child, String)> {
    let listen = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["yardstick", "--database", database, "--listen", &listen]);
    let child = command.stdin(Stdio::null()).kill_on_drop(true).spawn()?;
    let (url, began) = (format!("http://{listen}"), Instant::now());
    loop {
        match clients::connect(&url).await {
            Ok(_) => return Ok((child, url)),
            Err(error) if began.elapsed() > PATIENCE => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

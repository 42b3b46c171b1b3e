//! A page of 50 links of a list of ten million, beside the same of a list of a thousand.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api_proto::v1;
use api_proto::v1::payment_link_service_client::PaymentLinkServiceClient;

use crate::clients::{self, Keyed};
use crate::figure::{Figure, Goal, median};
use crate::load::{self, Load};
use crate::provider_stub::ProviderStub;
use crate::service::Service;
use crate::{Setup, databases};

const FEW: u64 = 1_000;
const PAGE: i32 = 50;
/// How many pages are read in turn, the newest first.
const PAGES: usize = 19;
const IN_FLIGHT: u64 = 4;
const TIME: Duration = Duration::from_secs(3);

/// A service with so many links.
struct Listing {
    service: Service,
    connections: Vec<Keyed>,
    tokens: Vec<String>,
}

pub(super) async fn of_a_long_list(setup: &Setup) -> Result<Vec<Figure>> {
    let provider = ProviderStub::start(Duration::ZERO).await?;
    let (few, many) = (listing(setup, &provider, FEW).await?, listing(setup, &provider, setup.rows).await?);
    let (mut pairs, mut cpu) = (Vec::new(), Vec::new());
    for round in 0..=setup.rounds {
        let (long, short) = (read(&many).await?, read(&few).await?);
        // The first round warms both up.
        if round > 0 {
            pairs.push((long.per_second(), short.per_second()));
            cpu.push(long.cpu_us());
        }
    }
    few.service.stop().await?;
    many.service.stop().await?;
    let note = format!("{} rows; {:.0} us of CPU a page", setup.rows, median(cpu));
    Ok(vec![Figure::of_pairs("page", "a second", &pairs, Goal::RatioAtLeast(0.9)).noting(note)])
}

async fn listing(setup: &Setup, provider: &ProviderStub, rows: u64) -> Result<Listing> {
    let database = databases::create(&setup.postgres, "pages").await?;
    let service = Service::start(&setup.binary, &database, &provider.url).await?;
    let connections = clients::connections(&service.grpc, &service.token, 2).await?;
    let links = PaymentLinkServiceClient::new(connections[0].clone());
    let first = clients::create_link(links.clone()).await?;
    fill(&database, &first, rows).await?;
    let tokens = tokens(links).await?;
    Ok(Listing { service, connections, tokens })
}

/// Copies a link `rows` times, each newer than the one before. The thousand newest are whole; the others, which are never read
/// here, have no document, so that a disk has room for ten million.
async fn fill(database: &str, link: &str, rows: u64) -> Result<()> {
    let sql = format!(
        "SET statement_timeout = 0; \
         INSERT INTO payment_links (id, seller_id, version, state, open, provider, provider_ref, document) \
         SELECT made.id, seller_id, version, state, open, provider, 'made-' || n, \
         CASE WHEN n > {rows} - 1000 THEN jsonb_set(document, '{{id}}', to_jsonb(made.id)) ELSE '{{}}' END \
         FROM payment_links, generate_series(1, {rows}) AS n, \
         LATERAL (SELECT 'plink_f' || lpad(to_hex(n), 11, '0') || substr(md5(n::text), 1, 20) AS id) AS made \
         WHERE payment_links.id = '{link}'"
    );
    databases::execute(database, &sql).await?;
    databases::execute(database, "VACUUM ANALYZE payment_links").await
}

/// Where the pages begin, the newest first.
async fn tokens(mut links: clients::Links) -> Result<Vec<String>> {
    let mut tokens = vec![String::new()];
    while tokens.len() < PAGES {
        let read = links.list_payment_links(request(tokens.last().context("a page")?)).await?.into_inner();
        ensure!(!read.next_page_token.is_empty(), "the list ends at page {}", tokens.len());
        tokens.push(read.next_page_token);
    }
    Ok(tokens)
}

fn request(token: &str) -> v1::ListPaymentLinksRequest {
    v1::ListPaymentLinksRequest {
        page_size: PAGE,
        page_token: token.to_owned(),
        ..v1::ListPaymentLinksRequest::default()
    }
}

async fn read(listing: &Listing) -> Result<Load> {
    let (connections, tokens) = (listing.connections.clone(), listing.tokens.clone());
    load::in_flight(listing.service.pid, IN_FLIGHT, TIME, move |number| {
        let at = |count: usize| usize::try_from(number).unwrap_or_default() % count;
        let mut links = PaymentLinkServiceClient::new(connections[at(connections.len())].clone());
        let request = request(&tokens[at(tokens.len())]);
        async move {
            let page = links.list_payment_links(request).await?.into_inner();
            ensure!(page.payment_links.len() == usize::try_from(PAGE)?, "a page that is not full");
            Ok(())
        }
    })
    .await
}

//! What must not wait for callers' calls is served beside as many of them as there can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::json;
use tokio::task::JoinSet;

use super::{CREATE_LINK, link_request};
use crate::harness::{Db, GOOD_CARD, Provider, Server, eventually, has_postgres};

/// Far more callers than mutations are worked on at once.
const CALLERS: usize = 200;
/// For how long they ask, each again as soon as it is refused.
const LOAD: Duration = Duration::from_secs(12);
/// The longest that anything else may take meanwhile: a second, and what a machine that is busy with all these callers adds.
const SLOWEST: Duration = Duration::from_secs(3);
/// How far off the end of a lease must be, of which every third brings a renewal: 12 seconds, less 4, less as much again as a
/// renewal may be late.
const LEASE_LEFT_MIN: Duration = Duration::from_secs(4);

async fn slowest(is_over: &AtomicBool, mut serve: impl AsyncFnMut(usize)) -> (usize, Duration) {
    let (mut served, mut slowest) = (0, Duration::ZERO);
    while !is_over.load(Ordering::SeqCst) {
        let asked = Instant::now();
        serve(served).await;
        slowest = slowest.max(asked.elapsed());
        served += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (served, slowest)
}

/// How long the calls that are under way are leased at least.
async fn lease_left(server: &Server) -> Option<Duration> {
    let left = "SELECT CAST(min(lease_until_us - CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)) AS TEXT) \
                FROM intents WHERE unfinished AND document ->> 'attempts' = '0' HAVING count(*) > 0";
    let left = server.texts(left).await.pop()?.parse::<i64>().unwrap();
    Some(Duration::from_micros(u64::try_from(left).unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_reads_and_leases_are_served_beside_a_load_of_calls() {
    if !has_postgres() {
        return;
    }
    let provider = Provider::start().await;
    let server = provider.server(Db::Postgres).await;
    let invoice = server.open_invoice(10_000).await;
    let done = link_request(&invoice.id);
    let link = server.links().create_payment_link(done.clone()).await.unwrap().into_inner().payment_link.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let event = provider.told().await.into_iter().find(|event| event["type"] == "checkout.session.completed").unwrap();
    let ids = futures::stream::iter(0..CALLERS).map(|_| server.open_invoice(10_000)).buffer_unordered(8);
    let requests: Vec<_> = ids.map(|invoice| link_request(&invoice.id)).collect().await;
    // Longer than it takes until a lease is renewed.
    let slow = json!([{"operation": CREATE_LINK, "kind": "delay", "ms": 5_000, "times": 100_000}]);
    server.control("faults", slow).await;

    let is_over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for request in requests.clone() {
        let (mut links, is_over) = (server.links(), Arc::clone(&is_over));
        callers.spawn(async move {
            while !is_over.load(Ordering::SeqCst) && links.create_payment_link(request.clone()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
    let webhooks = slowest(&is_over, async |nth| {
        let mut another = event.clone();
        another["id"] = json!(format!("evt_{nth}"));
        assert_eq!(server.deliver(&another).await, 200);
    });
    let reads = slowest(&is_over, async |_| assert_eq!(server.invoice(&invoice.id).await.id, invoice.id));
    let retries = slowest(&is_over, async |_| {
        let again = server.links().create_payment_link(done.clone()).await.unwrap().into_inner();
        assert_eq!(again.payment_link.unwrap().id, link.id);
    });
    let leases = async {
        let mut least = Duration::MAX;
        while !is_over.load(Ordering::SeqCst) {
            least = least.min(lease_left(&server).await.unwrap_or(Duration::MAX));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        least
    };
    let clock = async {
        tokio::time::sleep(LOAD).await;
        is_over.store(true, Ordering::SeqCst);
    };
    let (webhooks, reads, retries, least, ()) = tokio::join!(webhooks, reads, retries, leases, clock);
    println!("webhooks {webhooks:?}, reads {reads:?}, retries {retries:?}, leases {least:?}");
    for (what, (served, slowest)) in [("webhook", webhooks), ("read", reads), ("retry of what is done", retries)] {
        assert!(slowest < SLOWEST, "a {what} took {slowest:?} ({served} served)");
    }
    assert!(least > LEASE_LEFT_MIN, "a lease came within {least:?} of its end");

    server.end_faults().await;
    callers.join_all().await;
    for request in &requests {
        eventually(async || server.links().create_payment_link(request.clone()).await.ok()).await;
    }
    // That of before, and one for each.
    assert_eq!(server.executed(CREATE_LINK).await, u64::try_from(CALLERS).unwrap() + 1);
}

//! More than can be served: a database that does not answer, and clients that flood.

mod http2;

use std::time::{Duration, Instant};

use api_proto::v1;
use futures::future::join_all;
use sea_orm::{ConnectionTrait, TransactionTrait};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use self::http2::Connection;
use crate::harness::{
    Db, PATIENCE, Provider, Server, error_parts, eventually, has_postgres, http, invoice_request, item, line, unique,
};

/// How much a flood may add to the memory of a server, in bytes: far less than what was sent, or than what it would take if
/// nothing bounded it.
const GROWTH_BYTES_MAX: u64 = 192 << 20;

/// The deadline of callers, beyond the longest that a call waits for a connection.
const DEADLINE: Duration = Duration::from_secs(8);

/// Code and reason of an error that came within the deadline of its caller.
async fn refused_in_time<T>(call: impl Future<Output = Result<T, Status>>) -> (Code, String) {
    let began = Instant::now();
    let status = call.await.err().expect("nothing is answered while the table is locked");
    assert!(began.elapsed() < DEADLINE + Duration::from_secs(2), "{status:?} after {:?}", began.elapsed());
    if status.code() == Code::Unavailable {
        assert!(status.get_details_retry_info().is_some(), "{status:?}");
    }
    (status.code(), error_parts(&status).1)
}

fn in_time<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_does_not_answer_is_refused_in_time_and_does_not_pile_up() {
    if !has_postgres() {
        return;
    }
    let server = Server::start(Db::Postgres).await;
    let invoice = server.open_invoice(10_000).await;
    let operator = server.database().await;
    let locked = operator.begin().await.unwrap();
    locked.execute_unprepared("LOCK TABLE invoices IN ACCESS EXCLUSIVE MODE").await.unwrap();

    // Those who read one thing share a connection; those who read lists have one each.
    let get = v1::GetInvoiceRequest { id: invoice.id.clone() };
    let creates: Vec<_> = (0..32)
        .map(|_| v1::CreateInvoiceRequest { lines: vec![line(10_000)], finalize: true, ..invoice_request() })
        .collect();
    let reads = join_all((0..32).map(|_| {
        let mut invoices = server.invoices();
        refused_in_time(async move { invoices.list_invoices(in_time(v1::ListInvoicesRequest::default())).await })
    }));
    let gets = join_all((0..32).map(|_| {
        let (mut invoices, get) = (server.invoices(), get.clone());
        refused_in_time(async move { invoices.get_invoice(in_time(get)).await })
    }));
    let writes = join_all(creates.iter().map(|create| {
        let (mut invoices, create) = (server.invoices(), create.clone());
        refused_in_time(async move { invoices.create_invoice(in_time(create)).await })
    }));
    let watching = async {
        // Once all wait that may: what has to do with other tables is served as ever.
        let waiting = "SELECT CAST(pid AS TEXT) FROM pg_locks WHERE relation = 'invoices'::regclass AND NOT granted";
        eventually(async || (server.texts(waiting).await.len() >= 6).then_some(())).await;
        let status = async |path: &str| http().get(format!("{}/{path}", server.http)).send().await.unwrap().status();
        assert_eq!([status("readyz").await, status("healthz").await].map(|status| status.as_u16()), [200, 200]);
        server.catalog().list_products(in_time(v1::ListProductsRequest::default())).await.unwrap();
        server.texts("SELECT CAST(count(*) AS TEXT) FROM pg_stat_activity WHERE application_name = 'paylinks' AND datname = current_database()").await
    };
    let (reads, gets, writes, connections) = futures::future::join4(reads, gets, writes, watching).await;
    let told: Vec<_> = reads.into_iter().chain(writes).collect();
    // All are told by the end of their own deadline.
    let in_time = |code: &Code| matches!(code, Code::DeadlineExceeded | Code::Cancelled | Code::Unavailable);
    assert!(gets.iter().all(|(code, _)| in_time(code)), "{gets:?}");
    let is_told = |reason: &String| ["STORAGE_UNAVAILABLE", "OVERLOADED"].contains(&reason.as_str());
    let unavailable = told.iter().filter(|(code, reason)| *code == Code::Unavailable && is_told(reason));
    // A quarter of the connections is for lists of one table, half of them for changes; the others wait for their turn.
    assert!(unavailable.count() >= 40, "{told:?}");
    let others = told.iter().filter(|(code, _)| *code != Code::Unavailable);
    assert!(others.into_iter().all(|(code, _)| matches!(code, Code::DeadlineExceeded | Code::Cancelled)), "{told:?}");
    assert!(connections[0].parse::<u32>().unwrap() <= 17, "{connections:?}");

    locked.rollback().await.unwrap();
    operator.close().await.unwrap();
    // Each retry gets what its request came to, and it came to it once.
    for create in &creates {
        eventually(async || server.invoices().create_invoice(create.clone()).await.ok()).await;
    }
    let list = v1::ListInvoicesRequest { page_size: 100, ..Default::default() };
    assert_eq!(server.invoices().list_invoices(list).await.unwrap().into_inner().invoices.len(), 33);
    let waiting = "SELECT CAST(pid AS TEXT) FROM pg_stat_activity WHERE application_name = 'paylinks' \
        AND datname = current_database() AND state LIKE 'idle in transaction%'";
    eventually(async || server.texts(waiting).await.is_empty().then_some(())).await;
}

/// Someone else is served as ever.
async fn expect_served(server: &Server) {
    let invoice = server.open_invoice(10_000);
    assert_eq!(tokio::time::timeout(PATIENCE, invoice).await.unwrap().state(), v1::InvoiceState::Open);
}

fn expect_bounded(server: &Server, before: u64) {
    let growth = server.resident_bytes().saturating_sub(before);
    assert!(growth < GROWTH_BYTES_MAX, "it grew by {growth} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_rapid_resets_on_a_connection_end_it_and_nobody_else() {
    let server = Server::start(Db::Sqlite).await;
    expect_served(&server).await;
    let before = server.resident_bytes();
    for _ in 0..3 {
        let mut flood = Connection::open(&server, &[]).await;
        for _ in 0..10_000 {
            let stream = flood.begin("/paylinks.v1.InvoiceService/CreateInvoice", &[]).await;
            flood.reset(stream).await;
            if flood.is_closed() {
                break;
            }
        }
        eventually(async || flood.is_closed().then_some(())).await;
        expect_served(&server).await;
    }
    expect_bounded(&server, before);
    let list = v1::ListInvoicesRequest { page_size: 100, ..Default::default() };
    assert_eq!(server.invoices().list_invoices(list).await.unwrap().into_inner().invoices.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_without_end_are_refused_and_cost_no_memory() {
    /// Far more than the server's limit of 16 KiB.
    const SENT_BYTES_MAX: usize = 64 << 20;
    let server = Server::start(Db::Sqlite).await;
    expect_served(&server).await;
    let before = server.resident_bytes();
    // One call with many headers, each of them small.
    let mut flood = v1::invoice_service_client::InvoiceServiceClient::with_interceptor(
        server.channel.clone(),
        |mut request: Request<()>| {
            for index in 0..64 {
                let key: tonic::metadata::MetadataKey<_> = format!("x-flood-{index}").parse().unwrap();
                request.metadata_mut().insert(key, "x".repeat(1_000).parse().unwrap());
            }
            Ok(request)
        },
    );
    assert!(flood.list_invoices(v1::ListInvoicesRequest::default()).await.is_err());
    // Headers that never end.
    let mut endless = Connection::open(&server, &[]).await;
    let mut sent = 0;
    endless.begin_endless_headers().await;
    while !endless.is_closed() && sent < SENT_BYTES_MAX {
        sent += endless.continue_headers().await;
    }
    assert!(sent < SENT_BYTES_MAX, "it was never refused");
    expect_served(&server).await;
    expect_bounded(&server, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_nobody_reads_are_bounded_in_number_and_memory() {
    const CONNECTIONS: usize = 6;
    const STREAMS: usize = 300;
    let server = Server::start(Db::Sqlite).await;
    // Enough that a reader who keeps up would have got much.
    for _ in 0..30 {
        server.open_invoice(10_000).await;
    }
    let before = server.resident_bytes();
    let from_the_first = v1::StreamEventsRequest { after_cursor: "0".to_owned(), ..Default::default() };
    let mut floods = Vec::new();
    for _ in 0..CONNECTIONS {
        // No byte may be sent on any stream of it.
        let mut flood = Connection::open(&server, &[(Connection::INITIAL_WINDOW_SIZE, 0)]).await;
        for _ in 0..STREAMS {
            flood.call("/paylinks.v1.EventService/StreamEvents", &from_the_first).await;
        }
        floods.push(flood);
    }
    // Those over the limit of a connection are refused, each by itself.
    for flood in &floods {
        eventually(async || (flood.refused() >= STREAMS - 256 || flood.is_closed()).then_some(())).await;
    }
    expect_served(&server).await;
    expect_bounded(&server, before);
    drop(floods);
    expect_served(&server).await;
    let mut events = server.events().stream_events(from_the_first).await.unwrap().into_inner();
    let first = tokio::time::timeout(PATIENCE, events.message()).await.unwrap().unwrap();
    assert!(first.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_beyond_what_can_be_worked_on_are_told_soon_and_served_later() {
    const CALLERS: usize = 120;
    let server = Server::start(Db::Sqlite).await;
    let mut invoices = Vec::new();
    for _ in 0..CALLERS {
        invoices.push(server.open_invoice(10_000).await.id);
    }
    let slow =
        serde_json::json!([{"operation": "POST /v1/payment_links", "kind": "delay", "ms": 6_000, "times": 1_000}]);
    server.control("faults", slow).await;
    let requests: Vec<_> = invoices
        .iter()
        .map(|id| v1::CreatePaymentLinkRequest {
            request_id: unique("link"),
            invoice_id: id.clone(),
            ..v1::CreatePaymentLinkRequest::default()
        })
        .collect();
    let began = Instant::now();
    let calls = join_all(requests.iter().map(async |request| {
        let told = server.links().create_payment_link(request.clone()).await.err();
        told.filter(|status| error_parts(status).1 == "OVERLOADED").map(|status| (status, began.elapsed()))
    }));
    let reads = async {
        let mut slowest = Duration::ZERO;
        for id in invoices.iter().take(20) {
            let asked = Instant::now();
            server.invoice(id).await;
            slowest = slowest.max(asked.elapsed());
        }
        slowest
    };
    let (told, slowest) = futures::future::join(calls, reads).await;
    let told: Vec<_> = told.into_iter().flatten().collect();
    assert!(!told.is_empty(), "all of them were worked on");
    for (status, after) in told {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        assert!(status.get_details_retry_info().is_some(), "{status:?}");
        assert!(after < Duration::from_secs(5), "told after {after:?}");
    }
    assert!(slowest < Duration::from_secs(2), "a read took {slowest:?}");
    server.end_faults().await;
    for request in &requests {
        eventually(async || server.links().create_payment_link(request.clone()).await.ok()).await;
    }
    assert_eq!(server.executed("POST /v1/payment_links").await, u64::try_from(CALLERS).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_hangs_keeps_out_nobody_whom_another_charges() {
    /// More than are worked on at once for one provider.
    const CALLERS: usize = 90;
    let (slow, quick) = (Provider::start().await, Provider::start().await);
    let provider = |name: &str, at: &Provider| at.part(name) + "calls_per_second_max = 1000\n";
    let seller = |name: &str| {
        format!(
            "[[sellers]]\nid = \"{name}\"\nname = \"North AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n\
             provider = \"{name}\"\n"
        )
    };
    let config = [provider("slow", &slow), provider("quick", &quick), seller("slow"), seller("quick")].concat();
    let server = Server::start_with(Db::Sqlite, &format!("access = \"open\"\n{config}")).await;
    let request = |seller: &str| v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        seller_id: seller.to_owned(),
        line_items: vec![item("Ticket", 5_000, 1)],
        ..v1::CreatePaymentLinkRequest::default()
    };
    let hang =
        serde_json::json!([{"operation": "POST /v1/payment_links", "kind": "delay", "ms": 15_000, "times": 1_000}]);
    let faults = http().post(format!("{}/_sandbox/faults", slow.url)).json(&hang).send().await.unwrap();
    assert!(faults.status().is_success());
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let (mut links, request) = (server.links(), request("slow"));
        callers.spawn(async move { links.create_payment_link(request).await.err() });
    }
    // Once one of them is refused, the others have all the places that there are for their provider.
    let refused = async {
        loop {
            let ended = callers.join_next().await.unwrap().unwrap();
            if ended.is_some_and(|status| error_parts(&status).1 == "OVERLOADED") {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    for _ in 0..3 {
        server.links().create_payment_link(request("quick")).await.unwrap();
    }
    callers.abort_all();
}

//! Outages: PostgreSQL is killed, callers go away by the hundred, the disk is full, the server is told to stop; and SQLite
//! takes many writers at once. Whoever asks again under the same request id gets what was asked for, once.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api_proto::v1;
use api_proto::v1::invoice_service_client::InvoiceServiceClient;
use api_proto::v1::payment_link_service_client::PaymentLinkServiceClient;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::json;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

use crate::harness::{
    Db, PATIENCE, Server, TestDatabase, eventually, has_postgres, http, invoice_request, let_leases_end, line, needs,
    on_both_databases, unique,
};

on_both_databases!(a_stop_under_load_costs_no_call);

/// How many sell at once.
const SELLERS: usize = 24;

/// An invoice and its link.
type Sale = (v1::Invoice, v1::PaymentLink);

/// Sells by `SELLERS` callers at once, each of whom asks under one request id until it is answered, while `outage` happens
/// as soon as some have been. What they sold, and what they were told meanwhile.
async fn sell_in_spite_of<T>(
    channel: Channel,
    outage: impl AsyncFnOnce(watch::Sender<Channel>) -> T,
) -> (Vec<Sale>, Vec<Status>, T) {
    let (server, servers) = watch::channel(channel);
    let answered = Arc::new(AtomicUsize::new(0));
    let mut sellers = JoinSet::new();
    for _ in 0..SELLERS {
        let (servers, answered) = (servers.clone(), Arc::clone(&answered));
        sellers.spawn(async move {
            let mut told = Vec::new();
            let request = v1::CreateInvoiceRequest { lines: vec![line(10_000)], finalize: true, ..invoice_request() };
            let create = move |channel| {
                let request = request.clone();
                async move { InvoiceServiceClient::new(channel).create_invoice(request).await }
            };
            let invoice = until_answered(servers.clone(), create, &mut told).await.invoice.unwrap();
            answered.fetch_add(1, Ordering::SeqCst);
            let request = v1::CreatePaymentLinkRequest {
                request_id: unique("link"),
                invoice_id: invoice.id.clone(),
                ..v1::CreatePaymentLinkRequest::default()
            };
            let create = move |channel| {
                let request = request.clone();
                async move { PaymentLinkServiceClient::new(channel).create_payment_link(request).await }
            };
            let link = until_answered(servers, create, &mut told).await.payment_link.unwrap();
            ((invoice, link), told)
        });
    }
    // In the middle: some are done, and others at work.
    eventually(async || (answered.load(Ordering::SeqCst) >= SELLERS / 4).then_some(())).await;
    let outcome = outage(server).await;
    let (mut sales, mut told) = (Vec::new(), Vec::new());
    for (sale, statuses) in sellers.join_all().await {
        sales.push(sale);
        told.extend(statuses);
    }
    (sales, told, outcome)
}

async fn until_answered<A, F>(
    servers: watch::Receiver<Channel>,
    ask: impl Fn(Channel) -> F + Send,
    told: &mut Vec<Status>,
) -> A
where
    F: Future<Output = Result<Response<A>, Status>> + Send,
{
    let began = Instant::now();
    loop {
        let channel = servers.borrow().clone();
        match ask(channel).await {
            Ok(answer) => return answer.into_inner(),
            Err(status) => {
                assert!(began.elapsed() < PATIENCE * 2, "it is not answered in time: {status:?}");
                told.push(status);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Each sale has a number and a link of its own, and the numbers have no gap.
fn expect_each_once(sales: &[Sale]) {
    let numbers: BTreeSet<_> = sales.iter().map(|(invoice, _)| invoice.number.as_str()).collect();
    let links: BTreeSet<_> = sales.iter().map(|(_, link)| link.url.as_str()).collect();
    assert_eq!((numbers.len(), links.len()), (sales.len(), sales.len()));
    assert!(numbers.last().unwrap().ends_with(&format!("{:05}", sales.len())), "{numbers:?}");
}

/// A server of ours says nothing but that it can't now, or that an earlier try is not decided yet.
fn expect_ours_to_be_temporary(told: &[Status]) {
    for status in told.iter().filter(|status| status.get_details_error_info().is_some()) {
        assert!(matches!(status.code(), Code::Unavailable | Code::Aborted), "{status:?}");
    }
}

async fn readiness(server: &Server) -> u16 {
    http().get(format!("{}/readyz", server.http)).send().await.unwrap().status().as_u16()
}

async fn count(database: &DatabaseConnection, query: &str) -> i64 {
    let statement = Statement::from_string(database.get_database_backend(), query);
    database.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgres_costs_no_call_and_doubles_none() {
    let named = needs("PAYLINKS_TEST_OUTAGE_DATABASE_URL").zip(needs("PAYLINKS_TEST_OUTAGE_PG_CTL"));
    let Some((url, pg_ctl)) = named else { return };
    let pg_ctl = async |arguments: &[&str]| {
        let mut words = pg_ctl.split(' ');
        let mut command = Command::new(words.next().unwrap());
        // What it starts would hold on to them.
        command.args(words).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(command.status().await.unwrap().success(), "{arguments:?}");
    };
    let database = TestDatabase::create(&url).await;
    let connection_url = database.url.clone();
    let server = Server::start_on(database).await;
    let (sales, told, ()) = sell_in_spite_of(server.channel.clone(), async |_| {
        pg_ctl(&["stop", "-m", "immediate"]).await;
        eventually(async || (readiness(&server).await == 503).then_some(())).await;
        pg_ctl(&["start"]).await;
        eventually(async || (readiness(&server).await == 200).then_some(())).await;
        let connection = sea_orm::Database::connect(connection_url.clone()).await.unwrap();
        // Who was cut off between the provider's answer and its commit, left the call under a lease.
        let running = "SELECT COUNT(*) FROM intents WHERE unfinished";
        eventually(async || {
            let_leases_end(&connection).await;
            (count(&connection, running).await == 0).then_some(())
        })
        .await;
        connection.close().await.unwrap();
    })
    .await;
    expect_each_once(&sales);
    assert_eq!(server.executed("POST /v1/payment_links").await, u64::try_from(sales.len()).unwrap());
    assert!(told.iter().any(|status| status.code() == Code::Unavailable), "nobody was interrupted: {told:?}");
    expect_ours_to_be_temporary(&told);
    server.expect_no_notification_stuck().await;
}

async fn a_stop_under_load_costs_no_call(db: Db) {
    let server = Server::start(db).await;
    server.control("faults", json!([{"operation": "*", "kind": "delay", "ms": 300, "times": 50}])).await;
    let (sales, told, server) = sell_in_spite_of(server.channel.clone(), async |channel| {
        let mut server = server;
        let began = Instant::now();
        assert!(server.terminate().await, "it did not exit as it should");
        assert!(began.elapsed() < Duration::from_secs(15), "it took {:?}", began.elapsed());
        let server = server.crash_and_restart().await;
        channel.send(server.channel.clone()).unwrap();
        server
    })
    .await;
    expect_each_once(&sales);
    assert_eq!(server.executed("POST /v1/payment_links").await, u64::try_from(sales.len()).unwrap());
    assert!(!told.is_empty(), "nobody was interrupted");
    expect_ours_to_be_temporary(&told);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_go_away_leave_each_write_done_or_never_begun() {
    const CALLS: u64 = 210;
    if !has_postgres() {
        return;
    }
    let database = TestDatabase::create(&crate::harness::shared_postgres()).await;
    let connection = database.connect().await;
    let server = Server::start_on(database).await;
    let requests: Vec<_> = (0..CALLS)
        .map(|_| v1::CreateInvoiceRequest { lines: vec![line(10_000)], finalize: true, ..invoice_request() })
        .collect();
    let mut answered = 0;
    // In waves, for HTTP/2 ends a connection on which hundreds go away at once.
    for wave in requests.chunks(30) {
        let mut calls = JoinSet::new();
        for (index, request) in (0_u64..).zip(wave.iter().cloned()) {
            let mut invoices = server.invoices();
            let patience = Duration::from_millis(index);
            calls.spawn(async move {
                let mut asked = Request::new(request);
                if index.is_multiple_of(2) {
                    asked.set_timeout(patience);
                    invoices.create_invoice(asked).await.is_ok()
                } else {
                    // Dropped in the middle: its stream is reset.
                    let answer = tokio::time::timeout(patience, invoices.create_invoice(asked)).await;
                    answer.is_ok_and(|answer| answer.is_ok())
                }
            });
        }
        answered += calls.join_all().await.into_iter().filter(|is_answered| *is_answered).count();
    }
    assert!(answered < requests.len(), "nobody went away");
    // Sooner than PostgreSQL ends what was forgotten, every transaction of that time is over.
    let ended = count(&connection, "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT").await;
    let left = format!(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND EXTRACT(EPOCH FROM xact_start) * 1000000 < {ended}"
    );
    let is_over = eventually(async || (count(&connection, &left).await == 0).then_some(()));
    tokio::time::timeout(Duration::from_secs(20), is_over).await.expect("a transaction was left open");
    // What began was done, whole. In one look: what waited for its turn until now may still be written.
    let halves = "SELECT ABS(invoices - done) + ABS(invoices - asked) FROM (SELECT                   (SELECT COUNT(*) FROM invoices WHERE number IS NOT NULL) AS invoices,                   (SELECT COUNT(*) FROM requests WHERE progress ->> 'progress' = 'done') AS done,                   (SELECT COUNT(*) FROM requests) AS asked) AS counted";
    assert_eq!(count(&connection, halves).await, 0);
    let mut numbers = BTreeSet::new();
    for wave in requests.chunks(30) {
        let mut calls = JoinSet::new();
        for request in wave.iter().cloned() {
            let mut invoices = server.invoices();
            calls.spawn(async move { invoices.create_invoice(request).await.map(|made| made.into_inner().invoice) });
        }
        numbers.extend(calls.join_all().await.into_iter().map(|made| made.unwrap().unwrap().number));
    }
    assert!(numbers.last().unwrap().ends_with(&format!("{CALLS:05}")), "{numbers:?}");
    let invoices = count(&connection, "SELECT COUNT(*) FROM invoices").await;
    assert_eq!((numbers.len(), invoices), (usize::try_from(CALLS).unwrap(), i64::try_from(CALLS).unwrap()));
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_with_32_writers_refuses_nobody() {
    let server = Server::start(Db::Sqlite).await;
    let mut writers = JoinSet::new();
    for _ in 0..32 {
        let channel = server.channel.clone();
        writers.spawn(async move {
            let mut numbers = Vec::new();
            for _ in 0..2 {
                let request =
                    v1::CreateInvoiceRequest { lines: vec![line(10_000)], finalize: true, ..invoice_request() };
                let made = InvoiceServiceClient::new(channel.clone()).create_invoice(request).await?;
                let invoice = made.into_inner().invoice.unwrap();
                let request = v1::CreatePaymentLinkRequest {
                    request_id: unique("link"),
                    invoice_id: invoice.id,
                    ..v1::CreatePaymentLinkRequest::default()
                };
                PaymentLinkServiceClient::new(channel.clone()).create_payment_link(request).await?;
                numbers.push(invoice.number);
            }
            Ok::<_, Status>(numbers)
        });
    }
    let numbers: Result<Vec<_>, _> = writers.join_all().await.into_iter().collect();
    let numbers: BTreeSet<_> = numbers.unwrap().into_iter().flatten().collect();
    assert!(numbers.len() == 64 && numbers.last().unwrap().ends_with("00064"), "{numbers:?}");
    assert_eq!(server.executed("POST /v1/payment_links").await, 64);
}

/// A file system of its own, of 32 MiB, until it is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Mounts it; nothing where that is not allowed.
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=32m", "paylinks-test"];
        let mounted =
            std::process::Command::new("mount").args(mount).arg(directory.path()).stderr(Stdio::null()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(directory));
        }
        eprintln!("skipped: a full disk, since none can be mounted");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all room that is left; what takes it is removed to give it back.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        for piece in [1 << 16, 1] {
            while std::io::Write::write_all(&mut file, &vec![0; piece]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that was killed may take a moment to let go of its files. One that stays mounted fails no test.
        let _ = std::process::Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_forgotten_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let url = format!("sqlite://{}", disk.path().join("paylinks.db").display());
    let log = tempfile::NamedTempFile::new().unwrap();
    let server = Server::start_logged(Db::Sqlite, "", &[("DATABASE_URL", &url)], log.path()).await;
    server.open_invoice(10_000).await;
    assert_eq!(readiness(&server).await, 200);
    let filler = disk.fill();
    assert_eq!(readiness(&server).await, 503);
    // What SQLite had room for already is soon used up.
    let mut done = 1;
    let mut refused = Vec::new();
    // Some are refused in the middle of a transaction and some at its end, which leave SQLite in other states.
    while refused.len() < 60 {
        let request = v1::CreateInvoiceRequest { lines: vec![line(10_000)], finalize: true, ..invoice_request() };
        let mut asked = Request::new(request.clone());
        asked.set_timeout(Duration::from_secs(5));
        match server.invoices().create_invoice(asked).await {
            Ok(_) => done += 1,
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                assert!(status.get_details_retry_info().is_some(), "{status:?}");
                refused.push(request);
            }
        }
        assert!(done < 10_000, "the disk does not get full");
    }
    // What is stored can be read.
    let page = server.invoices().list_invoices(v1::ListInvoicesRequest::default()).await.unwrap().into_inner();
    assert!(!page.invoices.is_empty());
    std::fs::remove_file(filler).unwrap();
    for request in refused {
        let made = eventually(async || server.invoices().create_invoice(request.clone()).await.ok()).await;
        done += 1;
        assert!(made.into_inner().invoice.unwrap().number.ends_with(&format!("{done:05}")));
    }
    assert_eq!(readiness(&server).await, 200);
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

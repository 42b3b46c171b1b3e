//! A database that says nothing any more: its process is stopped, or something on the way drops what is sent. No connection
//! breaks, so nobody but ourselves ever ends the wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api_proto::v1;
use futures::future::join_all;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::{Code, Request, Status};

use crate::harness::{
    Provider, Server, TestDatabase, eventually, has_postgres, http, invoice_request, line, shared_postgres, unique,
};

/// How much may come through.
#[derive(Debug, Clone, Copy)]
struct Flow {
    is_open: bool,
    /// Connections of before this one are dead for good.
    generation: usize,
}

/// What stands between a server and its database. Who is connected to it never learns that nothing comes through.
struct Way {
    port: u16,
    flow: Arc<watch::Sender<Flow>>,
}

impl Way {
    async fn to(host: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let flow = Arc::new(watch::Sender::new(Flow { is_open: true, generation: 0 }));
        let opened = Arc::clone(&flow);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (host, flow) = (host.clone(), opened.subscribe());
                let generation = flow.borrow().generation;
                tokio::spawn(async move {
                    let mut open = flow.clone();
                    let _ = open.wait_for(|flow| flow.is_open).await;
                    let database = TcpStream::connect(&host).await.unwrap();
                    let ((from_client, to_client), (from_database, to_database)) =
                        (client.into_split(), database.into_split());
                    tokio::join!(
                        pump(from_client, to_database, (flow.clone(), generation)),
                        pump(from_database, to_client, (flow, generation))
                    );
                });
            }
        });
        Self { port, flow }
    }

    fn stop(&self) {
        self.flow.send_modify(|flow| flow.is_open = false);
    }

    /// Lets through what comes; of connections from before it is never again, where they are `lost`.
    fn go_on(&self, lost: bool) {
        self.flow.send_modify(|flow| {
            flow.is_open = true;
            flow.generation += usize::from(lost);
        });
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, (mut flow, generation): (watch::Receiver<Flow>, usize)) {
    let mut bytes = [0; 8_192];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        // Whoever is lost waits here until the test ends.
        if flow.wait_for(|flow| flow.is_open && flow.generation == generation).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// The longest that a caller waits here.
const DEADLINE: Duration = Duration::from_secs(8);

fn in_time<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// Readiness, and how long it took to be told.
async fn readiness(server: &Server) -> (u16, Duration) {
    let asked = Instant::now();
    let status = http().get(format!("{}/readyz", server.http)).send().await.unwrap().status().as_u16();
    (status, asked.elapsed())
}

async fn told_in_time<T>(call: impl Future<Output = Result<T, Status>>) {
    let asked = Instant::now();
    let told = call.await.err().expect("nothing is answered while the database hangs");
    assert!(asked.elapsed() < DEADLINE + Duration::from_secs(2), "{told:?} after {:?}", asked.elapsed());
    assert!(matches!(told.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled), "{told:?}");
}

/// A delivery of something that is stored, and no more.
fn delivery(what: &str) -> Value {
    let id = unique(what).replace('-', "");
    let session = json!({"id": format!("cs_{id}"), "object": "checkout.session"});
    json!({"id": format!("evt_{id}"), "object": "event", "type": "checkout.session.expired", "created": 1_750_000_000,
        "livemode": false, "data": {"object": session}})
}

/// Callers of each kind while nothing comes through: each is told so in time.
async fn everyone_is_told(server: &Server, get: &v1::GetInvoiceRequest, creates: &[v1::CreateInvoiceRequest]) {
    let reads = join_all((0..12).map(|_| {
        let (mut invoices, get) = (server.invoices(), get.clone());
        told_in_time(async move { invoices.get_invoice(in_time(get)).await })
    }));
    let lists = join_all((0..6).map(|_| {
        let mut links = server.links();
        told_in_time(async move { links.list_payment_links(in_time(v1::ListPaymentLinksRequest::default())).await })
    }));
    let writes = join_all(creates.iter().map(|create| {
        let (mut invoices, create) = (server.invoices(), create.clone());
        told_in_time(async move { invoices.create_invoice(in_time(create)).await })
    }));
    let deliveries = join_all((0..8).map(async |_| {
        let delivered = server.deliver(&delivery("beside")).await;
        assert_eq!(delivered, 503);
    }));
    let told = async {
        let (status, after) = readiness(server).await;
        assert_eq!(status, 503);
        assert!(after < Duration::from_secs(6), "{after:?}");
    };
    tokio::join!(reads, lists, writes, deliveries, told);
}

async fn a_database_that_hangs_is_told_of_and_left_behind(lost: bool) {
    let database = TestDatabase::create(&shared_postgres()).await;
    let beside = database.connect().await;
    let mut url = reqwest::Url::parse(&database.url).unwrap();
    let way = Way::to(format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432))).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(way.port)).unwrap();
    let provider = Provider::start().await;
    let server = provider.server_on(url.as_str(), "access = \"open\"\nreconcile_every_seconds = 86400\n").await;
    let invoice = server.open_invoice(10_000).await;
    let get = v1::GetInvoiceRequest { id: invoice.id.clone() };
    let list = v1::ListInvoicesRequest { page_size: 100, ..Default::default() };
    let mut made = 1;
    // More than once: what each time keeps of the connections adds up.
    for _ in 0..2 {
        // As many connections as there can be are known to the pool, and all kinds of statements are under way on them.
        let load = JoinSet::from_iter((0..48).map(|_| {
            let (mut invoices, get) = (server.invoices(), get.clone());
            async move { while invoices.get_invoice(in_time(get.clone())).await.is_ok() {} }
        }));
        // Some of these may be answered before nothing comes through.
        let delivered = (0..8).map(async |_| server.deliver(&delivery("before")).await);
        let creates: Vec<_> = (0..12)
            .map(|_| v1::CreateInvoiceRequest { lines: vec![line(10_000)], finalize: true, ..invoice_request() })
            .collect();
        let stop = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            way.stop();
        };
        tokio::join!(join_all(delivered), stop);
        everyone_is_told(&server, &get, &creates).await;
        load.join_all().await;

        way.go_on(lost);
        eventually(async || (readiness(&server).await.0 == 200).then_some(())).await;
        // Not one of the connections is kept by what hung: all of them serve again.
        eventually(async || {
            let served = join_all((0..64).map(|_| {
                let (mut invoices, get) = (server.invoices(), get.clone());
                async move { invoices.get_invoice(in_time(get)).await.is_ok() }
            }));
            served.await.into_iter().all(|served| served).then_some(())
        })
        .await;
        eventually(async || {
            let in_use = server.metric("paylinks_database_connections{state=\"in_use\"}").await?;
            (in_use.parse::<f64>().unwrap() <= 1.0).then_some(())
        })
        .await;
        for create in &creates {
            eventually(async || server.invoices().create_invoice(create.clone()).await.ok()).await;
        }
        made += creates.len();
        assert_eq!(server.invoices().list_invoices(list.clone()).await.unwrap().into_inner().invoices.len(), made);
    }
    let waiting = "SELECT pid FROM pg_stat_activity WHERE application_name = 'paylinks' AND datname = current_database() \
        AND state LIKE 'idle in transaction%'";
    let waiting = Statement::from_string(beside.get_database_backend(), waiting);
    // What was lost in the middle of a transaction is ended by the database, after half a minute.
    let began = Instant::now();
    while !beside.query_all_raw(waiting.clone()).await.unwrap().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "a connection stays inside a transaction");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    beside.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_database_is_told_of_and_serves_again_once_it_goes_on() {
    if has_postgres() {
        a_database_that_hangs_is_told_of_and_left_behind(false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_on_which_nothing_comes_through_are_left_behind() {
    if has_postgres() {
        a_database_that_hangs_is_told_of_and_left_behind(true).await;
    }
}

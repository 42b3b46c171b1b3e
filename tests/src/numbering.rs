//! Numbers without a gap or a twin, though many are given at once, by several processes, some of which are killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api_proto::v1;
use api_proto::v1::invoice_service_client::InvoiceServiceClient;
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::harness::{Db, PATIENCE, Server, eventually, has_postgres, invoice_request, line, unique};

/// How many numbers are given at once.
const AT_ONCE: usize = 64;
/// After so many answers a process is killed.
const KILLS_AFTER: [usize; 3] = [1, 20, 36];

#[tokio::test(flavor = "multi_thread")]
async fn one_process_on_sqlite_that_is_killed_leaves_no_gap_and_no_twin() {
    numbers_have_no_gap_and_no_twin(vec![Server::start(Db::Sqlite).await]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_postgres_that_are_killed_leave_no_gap_and_no_twin() {
    if has_postgres() {
        let first = Server::start(Db::Postgres).await;
        let second = first.beside().await;
        // Dropped last to first: the database is the first one's.
        numbers_have_no_gap_and_no_twin(vec![second, first]).await;
    }
}

async fn numbers_have_no_gap_and_no_twin(servers: Vec<Server>) {
    let mut drafts = Vec::new();
    for _ in 0..AT_ONCE {
        let request = v1::CreateInvoiceRequest { lines: vec![line(10_000)], ..invoice_request() };
        let draft = servers[0].invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap();
        drafts.push(draft.id);
    }
    let finalize = async |channel: Channel, (request_id, id): (String, String)| {
        let request = v1::FinalizeInvoiceRequest { request_id, id, etag: String::new() };
        let invoice = InvoiceServiceClient::new(channel).finalize_invoice(request).await?.into_inner().invoice.unwrap();
        Ok(invoice.number)
    };
    let (servers, numbers) = in_spite_of_kills(servers, requests("finalize", &drafts), finalize).await;
    expect_gapless("INV", &numbers);

    let credit = async |channel: Channel, (request_id, invoice_id): (String, String)| {
        let request = v1::CreateCreditNoteRequest {
            request_id,
            invoice_id,
            scope: Some(v1::create_credit_note_request::Scope::Rest(v1::CreditRest {})),
            reason: v1::CreditNoteReason::Duplicate as i32,
            ..v1::CreateCreditNoteRequest::default()
        };
        let response = InvoiceServiceClient::new(channel).create_credit_note(request).await?.into_inner();
        Ok(response.credit_note.unwrap().number)
    };
    let (servers, numbers) = in_spite_of_kills(servers, requests("credit", &drafts), credit).await;
    expect_gapless("CN", &numbers);
    // What was answered is what is stored.
    let stored = eventually(async || stored_numbers(&servers[0]).await.ok()).await;
    assert_eq!(stored, numbers.into_iter().collect::<BTreeSet<_>>());
}

/// A request id and an id for each.
fn requests(what: &str, ids: &[String]) -> Vec<(String, String)> {
    ids.iter().map(|id| (unique(what), id.clone())).collect()
}

fn expect_gapless(series: &str, numbers: &[String]) {
    let year = numbers[0].split('-').nth(1).unwrap();
    let want: BTreeSet<_> = (1..=AT_ONCE).map(|number| format!("{series}-{year}-{number:05}")).collect();
    assert_eq!((numbers.len(), numbers.iter().cloned().collect::<BTreeSet<_>>()), (AT_ONCE, want));
}

async fn stored_numbers(server: &Server) -> Result<BTreeSet<String>, Status> {
    let request = v1::ListCreditNotesRequest { page_size: 100, ..v1::ListCreditNotesRequest::default() };
    let notes = server.invoices().list_credit_notes(request).await?.into_inner().credit_notes;
    Ok(notes.into_iter().map(|note| note.number).collect())
}

/// Makes all calls at once, spread over the servers, each until it is answered, while one server after the other is killed
/// and started again. Every try of a call has the same request id.
async fn in_spite_of_kills<R, F>(
    mut servers: Vec<Server>,
    requests: Vec<R>,
    call: impl Fn(Channel, R) -> F + Clone + Send + Sync + 'static,
) -> (Vec<Server>, Vec<String>)
where
    R: Clone + Send + Sync + 'static,
    F: Future<Output = Result<String, Status>> + Send,
{
    let channels = Arc::new(RwLock::new(servers.iter().map(|server| server.channel.clone()).collect::<Vec<_>>()));
    let answered = Arc::new(AtomicUsize::new(0));
    let interrupted = Arc::new(AtomicUsize::new(0));
    let mut calls = JoinSet::new();
    for (index, request) in requests.into_iter().enumerate() {
        let (channels, answered, call) = (Arc::clone(&channels), Arc::clone(&answered), call.clone());
        let interrupted = Arc::clone(&interrupted);
        calls.spawn(async move {
            let began = Instant::now();
            for attempt in index.. {
                let channel = {
                    let channels = channels.read().await;
                    channels[attempt % channels.len()].clone()
                };
                match call(channel, request.clone()).await {
                    Ok(number) => {
                        answered.fetch_add(1, Ordering::SeqCst);
                        return number;
                    }
                    Err(status) => {
                        assert!(may_be_tried_again(&status), "{status:?}");
                        interrupted.fetch_add(1, Ordering::SeqCst);
                    }
                }
                assert!(began.elapsed() < PATIENCE * 2, "it was not answered in time");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            unreachable!("there is always another attempt")
        });
    }
    for (round, after) in KILLS_AFTER.into_iter().enumerate() {
        while answered.load(Ordering::SeqCst) < after {
            // At once: an answer later, there may be nothing left to interrupt.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let victim = round % servers.len();
        let restarted = servers.remove(victim).crash_and_restart().await;
        channels.write().await[victim] = restarted.channel.clone();
        servers.insert(victim, restarted);
    }
    let numbers = calls.join_all().await;
    assert!(interrupted.load(Ordering::SeqCst) > 0, "no call was interrupted");
    (servers, numbers)
}

/// What a call comes to whose server is killed, or whose earlier try is not decided yet.
fn may_be_tried_again(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Aborted | Code::Unknown | Code::Cancelled | Code::Internal)
}

//! Followers of events: what they see while many write at once, and while the server dies.

use api_proto::v1;
use api_proto::v1::event_service_client::EventServiceClient;
use api_proto::v1::invoice_service_client::InvoiceServiceClient;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::harness::{Db, PATIENCE, Server, invoice_request, line, on_both_databases};

on_both_databases!(a_follower_misses_nothing_while_many_write_and_the_server_dies);

const WRITERS: usize = 16;
const INVOICES_EACH: usize = 4;

/// Many transactions at once, which commit in any order.
fn write(channel: &Channel) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let mut invoices = InvoiceServiceClient::new(channel.clone());
        writers.spawn(async move {
            for _ in 0..INVOICES_EACH {
                let request =
                    v1::CreateInvoiceRequest { lines: vec![line(10_000)], finalize: true, ..invoice_request() };
                // The server may be gone; what it has committed by then is what counts.
                if invoices.create_invoice(request).await.is_err() {
                    return;
                }
            }
        });
    }
    writers
}

/// Who has followed the events up to a cursor.
struct Follower {
    cursor: String,
    seen: Vec<v1::Event>,
}

impl Follower {
    /// Goes on behind its cursor until it has seen so many.
    async fn follow(&mut self, channel: &Channel, until: usize) {
        let request = v1::StreamEventsRequest { after_cursor: self.cursor.clone(), ..Default::default() };
        let mut stream = EventServiceClient::new(channel.clone()).stream_events(request).await.unwrap().into_inner();
        while self.seen.len() < until {
            let message = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap().unwrap();
            self.cursor = message.cursor;
            self.seen.extend(message.event);
        }
    }
}

async fn a_follower_misses_nothing_while_many_write_and_the_server_dies(db: Db) {
    let server = Server::start(db).await;
    let mut follower = Follower { cursor: "0".to_owned(), seen: Vec::new() };
    let writers = write(&server.channel);
    follower.follow(&server.channel, 40).await;
    let server = server.crash_and_restart().await;
    writers.join_all().await;
    let writers = write(&server.channel);
    follower.follow(&server.channel, 120).await;
    writers.join_all().await;
    let invoices = count_invoices(&server).await;
    // Of each, that it was made and that it was finalized.
    follower.follow(&server.channel, 2 * invoices).await;
    assert_eq!(follower.seen, server.all_events().await);
    let cursors: Vec<u64> = follower.seen.iter().map(|event| event.cursor.parse().unwrap()).collect();
    assert!(cursors.is_sorted_by(|one, next| one < next), "{cursors:?}");
}

async fn count_invoices(server: &Server) -> usize {
    let mut page = v1::ListInvoicesRequest { page_size: 100, ..Default::default() };
    let mut count = 0;
    loop {
        let listed = server.invoices().list_invoices(page.clone()).await.unwrap().into_inner();
        count += listed.invoices.len();
        if listed.next_page_token.is_empty() {
            return count;
        }
        page.page_token = listed.next_page_token;
    }
}

//! A reader of events, who goes on behind its last cursor at the other replica whenever its stream ends.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api_proto::v1;
use api_proto::v1::event_service_client::EventServiceClient;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::world::World;
use crate::harness::PATIENCE;

pub(super) struct Reader {
    /// The ids of all events that it was told, as they came.
    read: Arc<Mutex<Vec<String>>>,
    reading: JoinHandle<()>,
}

impl Reader {
    /// Reads from the first event on, until it is dropped.
    pub(super) fn start(channels: [Channel; 2]) -> Self {
        let read = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::clone(&read);
        let reading = tokio::spawn(async move {
            let mut cursor = "0".to_owned();
            for channel in channels.iter().cycle() {
                let ended = follow(channel.clone(), &mut cursor, &told).await;
                assert!(
                    matches!(ended.code(), Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled),
                    "a stream ended with {ended:?}"
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { read, reading }
    }

    /// Waits until every event was read, and checks that each was read once, in its order.
    pub(super) async fn expect_all_events(&self, world: &World) -> Result<(), String> {
        let rows = world.rows("SELECT id FROM events ORDER BY position").await;
        let all: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()).collect();
        let began = Instant::now();
        while self.read.lock().unwrap().len() < all.len() {
            if self.reading.is_finished() || began.elapsed() > PATIENCE {
                return Err("the reader of events was not told all of them".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        if *self.read.lock().unwrap() == all { Ok(()) } else { Err("events were read in another order".to_owned()) }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Reads until the stream ends; why it did.
async fn follow(channel: Channel, cursor: &mut String, told: &Mutex<Vec<String>>) -> Status {
    let request = v1::StreamEventsRequest { after_cursor: cursor.clone(), ..Default::default() };
    let mut stream = match EventServiceClient::new(channel).stream_events(request).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => return status,
    };
    loop {
        match stream.message().await {
            Ok(Some(response)) => {
                told.lock().unwrap().extend(response.event.map(|event| event.id));
                *cursor = response.cursor;
            }
            Ok(None) => return Status::unavailable("the stream ended"),
            Err(status) => return status,
        }
    }
}

//! The connections that are open: how many there may be, and which of them makes room for another when there are as many.
//!
//! A client owes us something while its connection is quiet between two requests, while a request comes in, and while it
//! takes its answer. Where nobody else finds a place any more, the one that has owed for longest is cut off. So a crowd of
//! clients that send next to nothing keeps out nobody who asks at once; and what is worked on is never cut off.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use telemetry::table;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// For how long a client may owe us something, whoever waits.
const OWED_MIN: Duration = Duration::from_secs(1);
/// How often it is looked for one that may be cut off, while somebody waits.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// All connections.
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    clients: BTreeMap<u64, Arc<Client>>,
}

struct Client {
    /// Since when it owes us something; nothing while we are at work for it.
    owes_since: Mutex<Option<Instant>>,
    cut: Notify,
}

/// A connection, for as long as it is open.
pub(crate) struct Connection {
    id: u64,
    client: Arc<Client>,
    connections: Arc<Connections>,
    _place: Option<OwnedSemaphorePermit>,
}

/// Says whether we are at work for the client of a request.
#[derive(Clone)]
pub(crate) struct AtWork(Arc<Client>);

impl Connections {
    /// At most so many at once.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(max)), open: Mutex::default() })
    }

    /// Opens one, once there is a place for it.
    pub(crate) async fn open(self: &Arc<Self>) -> Connection {
        let place = loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                break Some(place);
            }
            self.make_room();
            let acquired = tokio::time::timeout(LOOK_EVERY, Arc::clone(&self.places).acquire_owned()).await;
            if let Ok(place) = acquired {
                // The semaphore is never closed, so there always is a place in the end.
                break place.ok();
            }
        };
        let client = Arc::new(Client { owes_since: Mutex::new(Some(Instant::now())), cut: Notify::new() });
        let mut open = self.lock();
        let id = open.next;
        open.next += 1;
        open.clients.insert(id, Arc::clone(&client));
        table::HTTP_CONNECTIONS_OPEN.set_count([], open.clients.len());
        Connection { id, client, connections: Arc::clone(self), _place: place }
    }

    /// Cuts off the client that has owed for longest, if it has for long enough.
    fn make_room(&self) {
        let open = self.lock();
        let owing = open.clients.values().filter_map(|client| Some((client.owes_since()?, client)));
        let Some((since, client)) = owing.min_by_key(|(since, _)| *since) else { return };
        if since.elapsed() < OWED_MIN {
            return;
        }
        // It is on its way out, so the next who needs room takes another.
        client.owe(None);
        client.cut.notify_one();
        table::HTTP_CONNECTIONS_CUT.increment([]);
        tracing::debug!("a connection over HTTP that asked for nothing made room for another");
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    fn owes_since(&self) -> Option<Instant> {
        *self.owes_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owe(&self, since: Option<Instant>) {
        *self.owes_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

impl Connection {
    /// Completes when it must make room for another.
    pub(crate) async fn cut_off(&self) {
        self.client.cut.notified().await;
    }

    /// For a request that comes in on it.
    pub(crate) fn at_work(&self) -> AtWork {
        AtWork(Arc::clone(&self.client))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.clients.remove(&self.id);
        table::HTTP_CONNECTIONS_OPEN.set_count([], open.clients.len());
    }
}

impl AtWork {
    /// The request has come in whole.
    pub(crate) fn begin(&self) {
        self.0.owe(None);
    }

    /// It is answered.
    pub(crate) fn end(&self) {
        self.0.owe(Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these is cut off first.
    async fn first_cut(connections: &[Connection]) -> usize {
        let cuts = connections.iter().map(|connection| Box::pin(connection.cut_off()));
        futures::future::select_all(cuts).await.1
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_owed_for_longest_makes_room_and_who_is_worked_for_does_not() {
        let all = Connections::new(3);
        let mut open = Vec::new();
        for _ in 0..3 {
            open.push(all.open().await);
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        open[0].at_work().begin();
        let began = Instant::now();
        let (newcomer, cut) = tokio::join!(tokio::time::timeout(Duration::from_secs(60), all.open()), async {
            let cut = first_cut(&open).await;
            (cut, drop(open.remove(cut)))
        });
        assert_eq!(cut.0, 1);
        let waited = began.elapsed();
        assert!(waited >= OWED_MIN - Duration::from_millis(20) && waited <= OWED_MIN + LOOK_EVERY, "{waited:?}");
        open.push(newcomer.unwrap());
        // None is left that may be cut off.
        for connection in &open {
            connection.at_work().begin();
        }
        assert!(tokio::time::timeout(Duration::from_secs(60), all.open()).await.is_err());
        open[1].at_work().end();
        tokio::time::advance(OWED_MIN).await;
        let (newcomer, cut) = tokio::join!(all.open(), async {
            let cut = first_cut(&open).await;
            (cut, drop(open.remove(cut)))
        });
        assert_eq!(cut.0, 1);
        drop(newcomer);
    }
}

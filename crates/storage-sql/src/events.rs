//! The order of events.
//!
//! Transactions commit in another order than they draw sequence numbers, so a reader that follows `seq` would miss an
//! event whose transaction committed late. Events are therefore inserted without a position. After the commit a sequencer
//! takes the one row of `event_sequencer` under lock and gives positions to committed events, in order of `seq`, in one
//! transaction: positions become visible in their own order, and what a reader has passed never fills up behind it. Of one
//! thing, a later event has the larger `seq`, since it was inserted under the thing's row lock after the earlier commit.
//!
//! This needs plain row locks alone, and so works alike on SQLite and on distributed engines that speak PostgreSQL;
//! transaction snapshots and advisory locks would not.

use std::sync::Arc;
use std::time::Duration;

use domain::event::EventPosition;
use domain::ports::storage::StorageError;
use sea_orm::{ConnectionTrait, Statement};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::connection::SqlStorage;
use crate::errors::storage_error;
use crate::sql::{execute, for_update, one};

/// How many events get their positions in one transaction.
const BATCH: i64 = 1_000;
/// How long after positions were given they are given again at the earliest: under load one round serves many commits.
const PACE: Duration = Duration::from_millis(5);
/// How often the store is asked for events of other processes, while someone waits for any.
const POLL: Duration = Duration::from_millis(200);

/// Knows the last position, and wakes who waits for the next.
pub(crate) struct Sequencer {
    appended: Notify,
    last_position: watch::Sender<i64>,
    /// Held from where the last position is read or given to where it is noted, so that it is noted in order.
    turn: tokio::sync::Mutex<()>,
}

impl Sequencer {
    pub(crate) fn new() -> Self {
        Self { appended: Notify::new(), last_position: watch::Sender::new(0), turn: tokio::sync::Mutex::default() }
    }

    /// Says that events have been committed.
    pub(crate) fn events_committed(&self) {
        self.appended.notify_one();
    }

    /// Notes the last position, as the database has it. It goes back where an older copy has taken the database's place: what
    /// gets those positions then is news.
    fn positions_given(&self, last: i64) {
        self.last_position.send_if_modified(|known| std::mem::replace(known, last) != last);
    }

    /// Waits until a position behind `after` is known, at most for `patience`; answers the last that is.
    pub(crate) async fn wait(&self, after: EventPosition, patience: Duration) -> EventPosition {
        let mut last = self.last_position.subscribe();
        // Running out of patience and the end of the sequencer come to the same: look for yourself.
        let _ = tokio::time::timeout(patience, last.wait_for(|last| *last > after.0)).await;
        EventPosition(*self.last_position.borrow())
    }
}

/// Starts the task that gives positions, and looks for those that other processes gave. It ends with the last handle.
pub(crate) fn spawn_sequencer(storage: &SqlStorage) {
    let weak = Arc::downgrade(&storage.0);
    tokio::spawn(async move {
        let mut has_appended = false;
        loop {
            let Some(inner) = weak.upgrade() else { return };
            let storage = SqlStorage(inner);
            let began = Instant::now();
            let round = if has_appended { storage.give_positions().await.map(|_| ()) } else { storage.look().await };
            if let Err(error) = round {
                tracing::debug!(error = &error as &dyn std::error::Error, "events wait for their positions");
            }
            // The wait must not keep the store alive, so it holds it for one poll at the most.
            has_appended = tokio::time::timeout(POLL, storage.0.sequencer.appended.notified()).await.is_ok();
            tokio::time::sleep_until(began + PACE).await;
        }
    });
}

impl SqlStorage {
    /// Gives positions where there are events without, and looks for new ones where someone waits.
    async fn look(&self) -> Result<(), StorageError> {
        if self.has_pending().await? {
            self.give_positions().await?;
        } else if self.0.sequencer.last_position.receiver_count() > 0 {
            let _turn = self.0.sequencer.turn.lock().await;
            let last = crate::queries::last_position(&self.0.db).await?;
            self.0.sequencer.positions_given(last.0);
        }
        Ok(())
    }

    async fn has_pending(&self) -> Result<bool, StorageError> {
        const PENDING: &str = "SELECT 1 FROM events WHERE position IS NULL LIMIT 1";
        Ok(one(&self.0.db, Statement::from_string(self.backend(), PENDING)).await?.is_some())
    }

    /// Gives positions where there are events without; returns how many it gave.
    pub(crate) async fn give_pending(&self) -> Result<u64, StorageError> {
        if self.has_pending().await? { self.give_positions().await } else { Ok(0) }
    }

    /// Gives committed events their positions; returns how many it gave.
    pub(crate) async fn give_positions(&self) -> Result<u64, StorageError> {
        let mut total = 0;
        let _turn = self.0.sequencer.turn.lock().await;
        loop {
            let open = self.open().await?;
            let (last, given) = give_batch(open.get()?).await?;
            open.commit().await?;
            self.0.sequencer.positions_given(last);
            total += given;
            if given < u64::try_from(BATCH).unwrap_or(u64::MAX) {
                return Ok(total);
            }
        }
    }
}

async fn give_batch(connection: &impl ConnectionTrait) -> Result<(i64, u64), StorageError> {
    let backend = connection.get_database_backend();
    let select = format!("SELECT last_position FROM event_sequencer WHERE id = 1{}", for_update(backend));
    let row = one(connection, Statement::from_string(backend, select)).await?;
    let row = row.ok_or_else(|| crate::errors::defect("event_sequencer has no row"))?;
    let last: i64 = row.try_get_by_index(0).map_err(storage_error)?;
    let number = "UPDATE events SET position = numbered.position FROM (\
                  SELECT seq, $1 + row_number() OVER (ORDER BY seq) AS position FROM (\
                  SELECT seq FROM events WHERE position IS NULL ORDER BY seq LIMIT $2) AS pending) AS numbered \
                  WHERE events.seq = numbered.seq";
    let given = execute(connection, number, [last.into(), BATCH.into()]).await?;
    let now_last = last.saturating_add(i64::try_from(given).unwrap_or(i64::MAX));
    if given > 0 {
        let update = "UPDATE event_sequencer SET last_position = $1 WHERE id = 1";
        execute(connection, update, [now_last.into()]).await?;
    }
    Ok((now_last, given))
}

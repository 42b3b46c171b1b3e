//! The database behind the handles: what is committed, the open transactions, and who has locked what.
//!
//! It is PostgreSQL's READ COMMITTED: a statement sees what is committed when it begins and what its own transaction wrote,
//! who writes a row locks it until the end of its transaction, and who would write the same waits, also for a unique value
//! that another is inserting. Two that wait for each other are a deadlock, which the one that closes the circle loses. After
//! an error a transaction can only be rolled back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use domain::event::{EventPosition, SequencedEvent};
use domain::ports::storage::{SharedSecret, StorageError};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::tables::{Tables, View};
use crate::locked;
use crate::process::Process;

/// Which transaction.
pub(crate) type TransactionId = u64;
/// What is locked: a table or constraint, and a key or value.
pub(crate) type Resource = (&'static str, String);

/// The database. All handles of one store share it.
pub(crate) struct Database {
    state: Mutex<State>,
    /// Tells of ended transactions and of new events.
    changed: Notify,
    /// When its clock showed 0.
    epoch: Instant,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) committed: Tables,
    pub(crate) events: Vec<SequencedEvent>,
    pub(crate) secrets: BTreeMap<&'static str, SharedSecret>,
    transactions: BTreeMap<TransactionId, Transaction>,
    locks: BTreeMap<Resource, TransactionId>,
    last_transaction: TransactionId,
    last_seq: u64,
}

struct Transaction {
    own: Tables,
    process: Process,
    locked: BTreeSet<Resource>,
    waits_for: Option<Resource>,
    has_failed: bool,
}

/// Whether something can be locked.
pub(crate) enum Lock {
    /// It is ours now.
    Taken,
    /// Another transaction has it.
    Held,
}

impl Database {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: Notify::new(), epoch: Instant::now() })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Its own clock, by which leases go: microseconds since it was made.
    pub(crate) fn now_us(&self) -> i64 {
        i64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// When something is due that is put off from now for a span.
    pub(crate) fn due_us(&self, span: Duration) -> i64 {
        self.now_us().saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX))
    }

    pub(crate) fn begin(&self, process: &Process) -> TransactionId {
        let mut state = self.state();
        state.last_transaction += 1;
        let id = state.last_transaction;
        let transaction = Transaction {
            own: Tables::default(),
            process: process.clone(),
            locked: BTreeSet::new(),
            waits_for: None,
            has_failed: false,
        };
        state.transactions.insert(id, transaction);
        id
    }

    /// Ends a transaction; its writes are kept where they are to be, and nothing of it failed.
    pub(crate) fn end(&self, id: TransactionId, is_to_keep: bool) -> Result<(), StorageError> {
        let mut state = self.state();
        let Some(transaction) = state.transactions.remove(&id) else { return Err(gone()) };
        for resource in &transaction.locked {
            state.locks.remove(resource);
        }
        let ended = match (is_to_keep, transaction.has_failed) {
            (true, true) => Err(aborted()),
            (true, false) => {
                state.committed.absorb(transaction.own);
                Ok(())
            }
            (false, _) => Ok(()),
        };
        drop(state);
        self.changed.notify_waiters();
        ended
    }

    /// Rolls back all that a process has open.
    pub(crate) fn disconnect(&self, process: &Process) {
        let open: Vec<_> = {
            let state = self.state();
            let of_it = state.transactions.iter().filter(|(_, transaction)| transaction.process.is(process));
            of_it.map(|(id, _)| *id).collect()
        };
        for id in open {
            // It is there, and nothing of it is kept.
            let _ = self.end(id, false);
        }
    }

    /// Locks something, and waits for whoever has it.
    pub(crate) async fn lock(&self, id: TransactionId, resource: &Resource) -> Result<(), StorageError> {
        self.wait_until_free(id, resource, |_| true).await
    }

    /// Waits until nobody else has something; then, if `is_wanted` of what is seen since, locks it.
    pub(crate) async fn wait_until_free(
        &self,
        id: TransactionId,
        resource: &Resource,
        is_wanted: impl Fn(&View<'_>) -> bool,
    ) -> Result<(), StorageError> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.state();
                state.expect_usable(id)?;
                match state.locks.get(resource) {
                    Some(holder) if *holder != id => {
                        state.wait(id, resource.clone())?;
                    }
                    _ => {
                        if let Some(transaction) = state.transactions.get_mut(&id) {
                            transaction.waits_for = None;
                        }
                        if is_wanted(&state.view(Some(id))) {
                            state.take(id, resource.clone());
                        }
                        return Ok(());
                    }
                }
            }
            changed.await;
        }
    }

    /// Gives committed events their positions; answers how many.
    pub(crate) fn sequence(&self) -> u64 {
        let mut state = self.state();
        let new = std::mem::take(&mut state.committed.new_events);
        let given = u64::try_from(new.len()).unwrap_or(u64::MAX);
        for event in new.into_values() {
            let position = EventPosition(state.last_position().0 + 1);
            state.events.push(SequencedEvent { position, event });
        }
        given
    }

    /// Waits until an event behind `after` is there, at most for `patience`; answers the last position.
    pub(crate) async fn wait_for_event(&self, after: EventPosition, patience: Duration) -> EventPosition {
        let behind = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                self.sequence();
                if self.state().last_position() > after {
                    return;
                }
                changed.await;
            }
        };
        // The end of patience and an event come to the same: look for yourself.
        let _ = tokio::time::timeout(patience, behind).await;
        self.state().last_position()
    }
}

impl State {
    pub(crate) fn view(&self, id: Option<TransactionId>) -> View<'_> {
        let own = id.and_then(|id| self.transactions.get(&id)).map(|transaction| &transaction.own);
        View { committed: &self.committed, own }
    }

    /// What a transaction wrote.
    pub(crate) fn own(&mut self, id: TransactionId) -> Result<&mut Tables, StorageError> {
        self.transactions.get_mut(&id).map(|transaction| &mut transaction.own).ok_or_else(gone)
    }

    pub(crate) fn last_position(&self) -> EventPosition {
        self.events.last().map_or(EventPosition::START, |last| last.position)
    }

    /// The next number of insertion, as of a sequence: it is not given back.
    pub(crate) fn next_seq(&mut self) -> u64 {
        self.last_seq += 1;
        self.last_seq
    }

    /// Fails once a statement of the transaction has failed.
    pub(crate) fn expect_usable(&self, id: TransactionId) -> Result<(), StorageError> {
        match self.transactions.get(&id) {
            None => Err(gone()),
            Some(transaction) if transaction.has_failed => Err(aborted()),
            Some(_) => Ok(()),
        }
    }

    /// From now on the transaction can only be rolled back.
    pub(crate) fn fail(&mut self, id: TransactionId) {
        if let Some(transaction) = self.transactions.get_mut(&id) {
            transaction.has_failed = true;
        }
    }

    /// Locks something unless another has it, without waiting.
    pub(crate) fn try_lock(&mut self, id: TransactionId, resource: Resource) -> Lock {
        match self.locks.get(&resource) {
            Some(holder) if *holder != id => Lock::Held,
            _ => {
                self.take(id, resource);
                Lock::Taken
            }
        }
    }

    fn take(&mut self, id: TransactionId, resource: Resource) {
        if let Some(transaction) = self.transactions.get_mut(&id) {
            transaction.locked.insert(resource.clone());
            self.locks.insert(resource, id);
        }
    }

    /// Notes that a transaction waits; fails it where that closes a circle.
    fn wait(&mut self, id: TransactionId, resource: Resource) -> Result<(), StorageError> {
        let mut next = self.locks.get(&resource).copied();
        while let Some(holder) = next {
            if holder == id {
                self.fail(id);
                return Err(StorageError::Contended(format!("a deadlock about {resource:?}").into()));
            }
            let waits_for = self.transactions.get(&holder).and_then(|transaction| transaction.waits_for.as_ref());
            next = waits_for.and_then(|resource| self.locks.get(resource)).copied();
        }
        if let Some(transaction) = self.transactions.get_mut(&id) {
            transaction.waits_for = Some(resource);
        }
        Ok(())
    }
}

fn gone() -> StorageError {
    StorageError::Unavailable("the transaction's connection is gone".into())
}

fn aborted() -> StorageError {
    StorageError::Defect("the transaction has failed before, and can only be rolled back".into())
}

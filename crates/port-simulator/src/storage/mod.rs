//! The store, in memory, with the transactions of a database.

mod commands;
mod database;
mod queries;
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::checkout::CheckoutSession;
use domain::credit_note::CreditNote;
use domain::event::{Event, EventPosition};
use domain::id::InvoiceId;
use domain::idempotency::StoredRequest;
use domain::invoice::Invoice;
use domain::invoice_mail::{InvoiceMail, MailState};
use domain::payment::Payment;
use domain::payment_link::PaymentLink;
use domain::ports::storage::{Backlog, Collectable, OpenAtProvider, SharedSecret, Storage, StorageError, UnitOfWork};
use domain::provider::{InboxEntry, Intent, IntentState, ProviderAction, ProviderName};
use domain::refund::Refund;
use domain::subscription::Subscription;
use domain::timestamp::Timestamp;
use domain::trace_context::TraceContext;

use crate::process::{Chaos, Process, Reach};
use database::{Database, State, TransactionId};
use tables::{NotificationState, Row, Tables, View};

/// A process's handle onto a simulated store.
#[derive(Clone)]
pub struct SimulatedStorage {
    database: Arc<Database>,
    reach: Reach,
}

/// One transaction.
struct SimulatedUnitOfWork {
    storage: SimulatedStorage,
    id: TransactionId,
    has_ended: bool,
}

impl SimulatedStorage {
    async fn begin_own(&self) -> Result<SimulatedUnitOfWork, StorageError> {
        self.reach.go().await;
        if self.reach.chaos.happens(|faults| faults.storage_unavailable) {
            return Err(unavailable());
        }
        let id = self.database.begin(&self.reach.process);
        Ok(SimulatedUnitOfWork { storage: self.clone(), id, has_ended: false })
    }

    /// A store of its own, empty at first, that is reached by one process.
    pub fn new(process: &Process, chaos: &Chaos) -> Self {
        Self::connected(Database::new(), process, chaos)
    }

    /// The same store, as another process reaches it.
    #[must_use]
    pub fn for_process(&self, process: &Process) -> Self {
        Self::connected(Arc::clone(&self.database), process, &self.reach.chaos)
    }

    fn connected(database: Arc<Database>, process: &Process, chaos: &Chaos) -> Self {
        let (disconnected, of) = (Arc::downgrade(&database), process.clone());
        process.when_killed(move || {
            if let Some(database) = disconnected.upgrade() {
                database.disconnect(&of);
            }
        });
        Self { database, reach: Reach { process: process.clone(), chaos: chaos.clone() } }
    }

    /// Looks at all that is committed, for checks. Nothing can be read or written meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(&Contents<'_>) -> T) -> T {
        let state = self.database.state();
        look(&Contents::of(&state))
    }

    /// Reads what is committed.
    async fn read<T>(&self, read: impl FnOnce(View<'_>) -> T) -> Result<T, StorageError> {
        self.reach.go().await;
        if self.reach.chaos.happens(|faults| faults.storage_unavailable) {
            return Err(unavailable());
        }
        Ok(read(self.database.state().view(None)))
    }

    fn now_us(&self) -> i64 {
        self.database.now_us()
    }
}

/// All that a store holds about money, each kind by its ids.
#[derive(Debug)]
pub struct Contents<'a> {
    /// Invoices.
    pub invoices: Vec<&'a Invoice>,
    /// Credit notes.
    pub credit_notes: Vec<&'a CreditNote>,
    /// Payment links.
    pub links: Vec<&'a PaymentLink>,
    /// Checkout sessions.
    pub sessions: Vec<&'a CheckoutSession>,
    /// Payments.
    pub payments: Vec<&'a Payment>,
    /// Refunds.
    pub refunds: Vec<&'a Refund>,
    /// Intended calls, finished or not.
    pub intents: Vec<&'a Intent>,
    /// Notifications that wait to be processed.
    pub unprocessed: Vec<&'a InboxEntry>,
    /// Notifications that were given up.
    pub set_aside: Vec<&'a InboxEntry>,
    /// Requests.
    pub requests: Vec<&'a StoredRequest>,
    /// The open collectables of invoices.
    pub collectables: Vec<(InvoiceId, Collectable)>,
    /// Events that have a position, in that order.
    pub events: Vec<&'a Event>,
}

impl<'a> Contents<'a> {
    fn of(state: &'a State) -> Self {
        let tables = &state.committed;
        let notifications = |wanted: NotificationState| {
            let rows = tables.notifications.values().filter(move |row| row.state == wanted);
            rows.map(|row| &row.entry).collect()
        };
        Self {
            invoices: rows(tables),
            credit_notes: rows(tables),
            links: rows(tables),
            sessions: rows(tables),
            payments: rows(tables),
            refunds: rows(tables),
            intents: tables.intents.values().map(|row| &row.intent).collect(),
            unprocessed: notifications(NotificationState::NEW),
            set_aside: notifications(NotificationState::ASIDE),
            requests: tables.requests.values().collect(),
            collectables: tables.collectables.iter().filter_map(|(invoice, open)| Some((*invoice, (*open)?))).collect(),
            events: state.events.iter().map(|sequenced| &sequenced.event).collect(),
        }
    }
}

fn rows<R: Row>(tables: &Tables) -> Vec<&R> {
    R::table(tables).values().map(Arc::as_ref).collect()
}

impl SimulatedUnitOfWork {
    /// A statement begins: it takes its time, and may fail.
    async fn statement(&self) -> Result<(), StorageError> {
        self.storage.reach.go().await;
        let chaos = &self.storage.reach.chaos;
        let failed = if chaos.happens(|faults| faults.contended) {
            Err(StorageError::Contended("a simulated serialization failure".into()))
        } else if chaos.happens(|faults| faults.storage_unavailable) {
            Err(unavailable())
        } else {
            Ok(())
        };
        let mut state = self.storage.database.state();
        state.expect_usable(self.id)?;
        if failed.is_err() {
            state.fail(self.id);
        }
        failed
    }

    /// Reads what is committed and what this transaction wrote.
    async fn read<T>(&self, read: impl FnOnce(View<'_>) -> T) -> Result<T, StorageError> {
        self.statement().await?;
        Ok(read(self.storage.database.state().view(Some(self.id))))
    }

    fn now_us(&self) -> i64 {
        self.storage.database.now_us()
    }
}

#[async_trait]
impl Storage for SimulatedStorage {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError> {
        Ok(Box::new(self.begin_own().await?))
    }

    async fn wait_for_event(&self, after: EventPosition, patience: Duration) -> Result<EventPosition, StorageError> {
        self.reach.go().await;
        let last = self.database.wait_for_event(after, patience).await;
        self.reach.come_back().await;
        Ok(last)
    }

    async fn sequence_events(&self) -> Result<u64, StorageError> {
        self.reach.go().await;
        if self.reach.chaos.happens(|faults| faults.storage_unavailable) {
            return Err(unavailable());
        }
        Ok(self.database.sequence())
    }

    async fn store_notifications(&self, entries: &[InboxEntry]) -> Result<usize, StorageError> {
        let mut work = self.begin_own().await?;
        let mut news = 0;
        for entry in entries {
            news += usize::from(work.insert_notification(entry).await?);
        }
        Box::new(work).commit().await?;
        Ok(news)
    }

    async fn shared_secret(&self, name: &'static str, fresh: SharedSecret) -> Result<SharedSecret, StorageError> {
        self.reach.go().await;
        Ok(*self.database.state().secrets.entry(name).or_insert(fresh))
    }

    async fn ping(&self) -> Result<(), StorageError> {
        self.read(|_| ()).await
    }

    async fn database_time(&self) -> Result<Timestamp, StorageError> {
        self.read(|_| ()).await?;
        Ok(Timestamp::from_unix_micros(self.database.now_us()))
    }

    async fn open_at_others(&self, known: &[ProviderName]) -> Result<Vec<OpenAtProvider>, StorageError> {
        self.read(|view| {
            let mut others: BTreeMap<ProviderName, OpenAtProvider> = BTreeMap::new();
            let mut count = |provider: &ProviderName, is_open: bool, field: fn(&mut OpenAtProvider) -> &mut u64| {
                if is_open && *provider != ProviderName::out_of_band() && !known.contains(provider) {
                    let entry = others.entry(provider.clone());
                    *field(entry.or_insert_with(|| OpenAtProvider::nothing(provider.clone()))) += 1;
                }
            };
            for (_, link) in view.all(PaymentLink::table) {
                count(&link.provider, link.is_open(), |open| &mut open.links);
            }
            for (_, session) in view.all(CheckoutSession::table) {
                let is_open = ["creating", "open", "closing"].contains(&session.state_name());
                count(&session.provider, is_open, |open| &mut open.sessions);
            }
            for (_, payment) in view.all(Payment::table) {
                let is_open = ["pending", "processing", "authorized"].contains(&payment.state.name());
                count(&payment.provider, is_open, |open| &mut open.payments);
            }
            for (_, refund) in view.all(Refund::table) {
                let is_open = ["creating", "pending", "requires_action"].contains(&refund.state.name());
                count(&refund.provider, is_open, |open| &mut open.refunds);
            }
            for (_, subscription) in view.all(Subscription::table) {
                let has_ended = ["canceled", "incomplete_expired"].contains(&subscription.terms.state.name());
                count(&subscription.provider, !has_ended, |open| &mut open.subscriptions);
            }
            for (_, row) in view.all(|tables| &tables.intents) {
                count(&row.intent.provider, row.intent.state.is_unfinished(), |open| &mut open.calls);
            }
            for (_, row) in view.all(|tables| &tables.notifications) {
                count(
                    &row.entry.provider,
                    [NotificationState::NEW, NotificationState::ASIDE].contains(&row.state),
                    |open| &mut open.notifications,
                );
            }
            others.into_values().collect()
        })
        .await
    }

    /// Its clock began with it, so that what was made by another may be ahead, and is then of no age.
    async fn backlog(&self) -> Result<Backlog, StorageError> {
        let now = self.database.now_us();
        self.read(|view| {
            let tables = view.committed;
            let age = |moments: &mut dyn Iterator<Item = i64>| {
                let age = |first: i64| u64::try_from(now.saturating_sub(first)).unwrap_or_default();
                moments.min().map(age).map(Duration::from_micros)
            };
            let notifications = |state| tables.notifications.values().filter(move |row| row.state == state);
            let open = || tables.intents.values().map(|row| &row.intent).filter(|intent| intent.state.is_unfinished());
            let is_unknown_refund = |intent: &&Intent| {
                intent.state == IntentState::OutcomeUnknown
                    && matches!(intent.action, ProviderAction::CreateRefund { .. })
            };
            let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            let queued = view.rows::<InvoiceMail>().filter(|mail| matches!(mail.state, MailState::Queued { .. }));
            let due = |mail: &InvoiceMail| tables.mail_due_us.get(&mail.id).copied().filter(|due| *due < now);
            Backlog {
                oldest_notification: age(&mut notifications(NotificationState::NEW)
                    .filter(|row| !row.entry.notification.is_foreign)
                    .map(|row| row.entry.received_at.unix_micros())),
                oldest_call: age(&mut open().map(|intent| intent.created_at.unix_micros())),
                oldest_event: age(&mut tables.new_events.values().map(|event| event.occurred_at.unix_micros())),
                oldest_mail: age(&mut queued.filter_map(due)),
                unknown_refunds: count(open().filter(is_unknown_refund).count()),
                set_aside_notifications: count(notifications(NotificationState::ASIDE).count()),
            }
        })
        .await
    }

    async fn trace_of(&self, subject_id: &str) -> Result<Option<TraceContext>, StorageError> {
        self.read(|_| ()).await?;
        let state = self.database.state();
        let positioned = state.events.iter().map(|sequenced| &sequenced.event);
        let first =
            positioned.chain(state.committed.new_events.values()).find(|event| event.subject.id() == subject_id);
        Ok(first.and_then(|event| event.trace.clone()))
    }
}

#[async_trait]
impl UnitOfWork for SimulatedUnitOfWork {
    async fn commit(mut self: Box<Self>) -> Result<(), StorageError> {
        let (database, reach) = (Arc::clone(&self.storage.database), self.storage.reach.clone());
        reach.go().await;
        self.has_ended = true;
        if reach.chaos.happens(|faults| faults.commit_unknown) {
            let _ = database.end(self.id, reach.chaos.below(2) == 0);
            reach.come_back().await;
            return Err(StorageError::CommitUnknown("a simulated broken connection".into()));
        }
        let committed = database.end(self.id, true);
        reach.come_back().await;
        committed
    }

    async fn rollback(mut self: Box<Self>) {
        self.has_ended = true;
        // One whose connection is gone is rolled back already.
        let _ = self.storage.database.end(self.id, false);
    }
}

impl Drop for SimulatedUnitOfWork {
    fn drop(&mut self) {
        if !self.has_ended {
            let _ = self.storage.database.end(self.id, false);
        }
    }
}

fn unavailable() -> StorageError {
    StorageError::Unavailable("a simulated outage".into())
}

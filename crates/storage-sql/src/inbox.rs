//! The inbox: its reads, alike for the pool and for a transaction, and its writes.

use std::time::Duration;

use async_trait::async_trait;
use domain::id::NotificationId;
use domain::ports::storage::{InboxCommands, InboxQueries, StorageError, UnprocessedNotification, UnprocessedState};
use domain::provider::InboxEntry;
use domain::timestamp::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use crate::connection::SqlStorage;
use crate::errors::defect;
use crate::sql::{Filter, all, column, count, execute, for_update_skip_locked, json, now_us, one, to_json};
use crate::unit_of_work::{SqlUnitOfWork, later, micros};

/// Why a notification is set aside that this version can't read.
const UNREADABLE: &str = "this version can't read it; try it again with one that can";

/// The read port, for one type that has a connection.
macro_rules! impl_reader {
    ($reader:ty, |$it:ident| $connection:expr) => {
        #[async_trait]
        impl InboxQueries for $reader {
            async fn list_unprocessed_notifications(
                &self,
                states: &[UnprocessedState],
                limit: u32,
            ) -> Result<Vec<UnprocessedNotification>, StorageError> {
                let $it = self;
                list_unprocessed($connection, states, limit).await
            }

            async fn count_set_aside_notifications(&self) -> Result<u64, StorageError> {
                let $it = self;
                count_set_aside($connection).await
            }
        }
    };
}

impl_reader!(SqlStorage, |it| &it.0.statements);
impl_reader!(SqlUnitOfWork, |it| it.connection()?);

/// How a state is stored. That of a notification that is processed is `done`.
const fn state_name(state: UnprocessedState) -> &'static str {
    match state {
        UnprocessedState::Waiting => "new",
        UnprocessedState::SetAside => "aside",
        UnprocessedState::Closed => "closed",
    }
}

fn state_named(name: &str) -> Result<UnprocessedState, StorageError> {
    let all = [UnprocessedState::Waiting, UnprocessedState::SetAside, UnprocessedState::Closed];
    all.into_iter().find(|state| state_name(*state) == name).ok_or_else(|| defect(format!("no state is named {name}")))
}

// The states are said in the statements, as in the index over them.

async fn list_unprocessed(
    c: &impl ConnectionTrait,
    states: &[UnprocessedState],
    limit: u32,
) -> Result<Vec<UnprocessedNotification>, StorageError> {
    let names: Vec<_> = states.iter().map(|state| format!("'{}'", state_name(*state))).collect();
    let filter = Filter::new().and(&format!("state <> 'done' AND state IN ({})", names.join(", ")), []);
    let select = "SELECT id, provider, provider_event_id, received_at_us, state, reason, note, attempts, document FROM notifications";
    let order = format!(" ORDER BY seq LIMIT {limit}");
    let rows = all(c, filter.statement(c.get_database_backend(), select, &order)).await?;
    rows.iter().map(listed).collect()
}

/// A row as it is listed: what it says is read as far as this version can.
fn listed(row: &QueryResult) -> Result<UnprocessedNotification, StorageError> {
    let text = |name| column::<String>(row, name);
    let document: Option<InboxEntry> = json(row, "document").ok();
    Ok(UnprocessedNotification {
        id: NotificationId::parse(&text("id")?).map_err(defect)?,
        provider: text("provider")?.parse().map_err(defect)?,
        provider_event_id: text("provider_event_id")?,
        topic: document.map(|entry| entry.notification.topic),
        attempts: u32::try_from(column::<i64>(row, "attempts")?).unwrap_or(u32::MAX),
        received_at: Timestamp::from_unix_micros(column(row, "received_at_us")?),
        state: state_named(&text("state")?)?,
        reason: column(row, "reason")?,
        note: column(row, "note")?,
    })
}

async fn count_set_aside(c: &impl ConnectionTrait) -> Result<u64, StorageError> {
    let filter = Filter::new().and("state <> 'done' AND state = 'aside'", []);
    let row =
        one(c, filter.statement(c.get_database_backend(), "SELECT COUNT(*) AS count FROM notifications", "")).await?;
    count(&row.ok_or_else(|| defect("nothing was counted"))?, "count")
}

/// What came in, with what became of it so far.
fn entry(row: &QueryResult) -> Result<InboxEntry, StorageError> {
    let count = |name| column::<i64>(row, name).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let (attempts, failures, unended_tries) = (count("attempts")?, count("failures")?, count("unended_tries")?);
    Ok(InboxEntry { attempts, failures, unended_tries, ..json(row, "document")? })
}

impl SqlStorage {
    /// Stores notifications. One alone, as most are delivered, needs no transaction around it on PostgreSQL: that would be two
    /// more round trips, while the provider waits.
    pub(crate) async fn insert_notifications(&self, entries: &[InboxEntry]) -> Result<usize, StorageError> {
        match entries {
            [] => Ok(0),
            [one] if self.backend() == DbBackend::Postgres => insert(&self.0.statements, one).await,
            several => {
                let open = self.open().await?;
                let mut news = 0;
                for entry in several {
                    news += insert(open.get()?, entry).await?;
                }
                open.commit().await?;
                Ok(news)
            }
        }
    }
}

/// Inserts a notification; answers how many are there now that were not.
async fn insert(c: &impl ConnectionTrait, entry: &InboxEntry) -> Result<usize, StorageError> {
    let sql = format!(
        "INSERT INTO notifications (id, provider, provider_event_id, state, due_at_us, attempts, received_at_us, document) \
         VALUES ($1, $2, $3, 'new', {}, 0, $4, $5) ON CONFLICT (provider, provider_event_id) DO NOTHING",
        now_us(c.get_database_backend())
    );
    let values = [
        entry.id.to_string().into(),
        entry.provider.as_str().into(),
        entry.notification.provider_event_id.as_str().into(),
        entry.received_at.unix_micros().into(),
        to_json(entry)?,
    ];
    usize::try_from(execute(c, &sql, values).await?).map_err(defect)
}

#[async_trait]
impl InboxCommands for SqlUnitOfWork {
    async fn lease_due_notifications(&mut self, limit: u32, lease: Duration) -> Result<Vec<InboxEntry>, StorageError> {
        let c = self.connection()?;
        let backend = c.get_database_backend();
        let now = now_us(backend);
        // Each is the range of an index: what it costs does not grow with what waits.
        let first = |kind: u8, which: &str| {
            format!(
                "SELECT seq, kind FROM (SELECT due.seq, {kind} AS kind FROM notifications AS due \
                 WHERE due.state = 'new' AND due.due_at_us <= {now} AND {which} \
                 ORDER BY due.due_at_us LIMIT {limit}{lock}) AS first{kind}",
                lock = for_update_skip_locked(backend)
            )
        };
        let suspect = format!(
            "SELECT suspect.seq FROM notifications AS suspect WHERE suspect.state = 'new' AND suspect.attempts > 0 \
             AND suspect.due_at_us <= {now} AND suspect.unended_tries >= 2 ORDER BY suspect.due_at_us, suspect.seq LIMIT 1"
        );
        let tried = format!("due.attempts > 0 AND (due.unended_tries < 2 OR due.seq = ({suspect}))");
        let sql = format!(
            "UPDATE notifications SET due_at_us = {now} + $1, attempts = attempts + 1, unended_tries = unended_tries + 1 \
             WHERE seq IN (SELECT seq FROM ({} UNION ALL {}) AS firsts ORDER BY kind LIMIT {limit}) \
             RETURNING id, attempts, failures, unended_tries, document",
            first(0, "due.attempts = 0"),
            first(1, &tried)
        );
        let rows = all(c, Statement::from_sql_and_values(backend, sql, [micros(lease).into()])).await?;
        let mut leased = Vec::with_capacity(rows.len());
        for row in &rows {
            match entry(row) {
                Ok(entry) => leased.push(entry),
                Err(unreadable) => self.set_unreadable_aside(row, &unreadable.to_string()).await?,
            }
        }
        Ok(leased)
    }

    async fn renew_notification_lease(&mut self, held: &InboxEntry, lease: Duration) -> Result<bool, StorageError> {
        let now = now_us(self.connection()?.get_database_backend());
        let values = vec![micros(lease).into()];
        let due = later("due_at_us", &format!("{now} + $3"));
        Ok(self.change_held(held, &format!("due_at_us = {due}"), values).await? == 1)
    }

    async fn finish_notification(&mut self, held: &InboxEntry) -> Result<(), StorageError> {
        held_still(self.change_held(held, "state = 'done', reason = NULL", vec![]).await?)
    }

    async fn retry_notification(
        &mut self,
        held: &InboxEntry,
        retry_in: Duration,
        reason: &str,
    ) -> Result<(), StorageError> {
        let now = now_us(self.connection()?.get_database_backend());
        let values = vec![micros(retry_in).into(), reason.into(), i64::from(held.failures).into()];
        let changes = format!("due_at_us = {now} + $3, reason = $4, failures = $5, unended_tries = 0");
        held_still(self.change_held(held, &changes, values).await?)
    }

    async fn set_notification_aside(&mut self, held: &InboxEntry, reason: &str) -> Result<(), StorageError> {
        held_still(self.change_held(held, "state = 'aside', reason = $3", vec![reason.into()]).await?)
    }

    async fn close_notification(&mut self, id: NotificationId, note: &str) -> Result<bool, StorageError> {
        let sql = "UPDATE notifications SET state = 'closed', note = $2 WHERE id = $1 AND state = 'aside'";
        Ok(execute(self.connection()?, sql, [id.to_string().into(), note.into()]).await? == 1)
    }

    async fn take_notification_up_again(&mut self, id: NotificationId) -> Result<bool, StorageError> {
        let which = "state IN ('aside', 'closed') AND id = $1";
        Ok(self.take_up_again(which, vec![id.to_string().into()]).await? == 1)
    }

    async fn take_all_notifications_up_again(&mut self) -> Result<u64, StorageError> {
        self.take_up_again("state = 'aside'", vec![]).await
    }
}

impl SqlUnitOfWork {
    /// Leaves a row to a person that this version can't read, as where a later one has stored it and was taken back: whoever
    /// can read it has it tried again.
    async fn set_unreadable_aside(&self, row: &QueryResult, error: &str) -> Result<(), StorageError> {
        let id: String = column(row, "id")?;
        tracing::error!(notification = %id, error, "a notification can't be read by this version, and is set aside");
        let sql = "UPDATE notifications SET state = 'aside', reason = $2, unended_tries = 0 WHERE id = $1";
        execute(self.connection()?, sql, [id.into(), UNREADABLE.into()]).await?;
        Ok(())
    }

    async fn take_up_again(&self, which: &str, values: Vec<Value>) -> Result<u64, StorageError> {
        let c = self.connection()?;
        let sql = format!(
            "UPDATE notifications SET state = 'new', due_at_us = {}, failures = 0, unended_tries = 0 \
             WHERE state <> 'done' AND {which}",
            now_us(c.get_database_backend())
        );
        execute(c, &sql, values).await
    }

    /// Changes a notification that is leased to us by this attempt; the values of `changes` begin at `$3`. Returns how many
    /// rows that were: none if it is not ours any more.
    async fn change_held(&self, held: &InboxEntry, changes: &str, values: Vec<Value>) -> Result<u64, StorageError> {
        let sql = format!("UPDATE notifications SET {changes} WHERE id = $1 AND attempts = $2 AND state = 'new'");
        let whose = [held.id.to_string().into(), i64::from(held.attempts).into()];
        execute(self.connection()?, &sql, whose.into_iter().chain(values)).await
    }
}

fn held_still(rows: u64) -> Result<(), StorageError> {
    if rows == 0 { Err(StorageError::Stale) } else { Ok(()) }
}

//! What waits, and where in a trace things were made: reads for operators. Each goes by a partial index over what waits, so that
//! it costs what waits, and not what was ever done.

use std::time::Duration;

use domain::event::Event;
use domain::ports::storage::{Backlog, StorageError};
use domain::timestamp::Timestamp;
use domain::trace_context::TraceContext;
use sea_orm::{QueryResult, Statement, Value};
use serde::Deserialize;
use telemetry::table;

use crate::connection::SqlStorage;
use crate::errors::defect;
use crate::sql::{Filter, column, count, json, now_us, one};

/// The oldest call by its order, which no index over all calls may be walked for: hence the sum.
const OLDEST_CALL: &str = "SELECT document FROM intents WHERE seq = (SELECT MIN(seq + 0) FROM intents AS open_ones WHERE open_ones.unfinished)";

/// What is looked at of an intended call: one that this version can't read counts as well.
#[derive(Deserialize)]
struct Intended {
    created_at: Timestamp,
}

impl SqlStorage {
    pub(crate) async fn read_backlog(&self) -> Result<Backlog, StorageError> {
        let backend = self.backend();
        let sql = format!(
            "SELECT {} AS now_us, \
             (SELECT MIN(received_at_us) FROM notifications WHERE state = 'new' \
             AND document -> 'notification' ->> 'is_foreign' IS NULL) AS notification_us, \
             (SELECT MIN(occurred_at_us) FROM events WHERE position IS NULL) AS event_us, \
             (SELECT MIN(due_at_us) FROM invoice_mails WHERE state = 'queued') AS mail_us, \
             (SELECT COUNT(*) FROM notifications WHERE state <> 'done' AND state = 'aside') AS set_aside, \
             (SELECT COUNT(*) FROM intents WHERE unfinished AND state = 'outcome_unknown' AND subject LIKE 're\\_%' ESCAPE '\\') AS refunds",
            now_us(backend)
        );
        let row = one(&self.0.db, Statement::from_string(backend, sql)).await?;
        let row = row.ok_or_else(|| defect("the database told nothing of what waits"))?;
        let now: i64 = column(&row, "now_us")?;
        let call = one(&self.0.db, Statement::from_string(backend, OLDEST_CALL)).await?;
        let call = call.map(|row| json::<Intended>(&row, "document")).transpose()?;
        let mail = since(&row, "mail_us", now)?.filter(|overdue| !overdue.is_zero());
        Ok(Backlog {
            oldest_notification: since(&row, "notification_us", now)?,
            oldest_call: call.map(|intent| span(now.saturating_sub(intent.created_at.unix_micros()))),
            oldest_event: since(&row, "event_us", now)?,
            oldest_mail: mail,
            unknown_refunds: count(&row, "refunds")?,
            set_aside_notifications: count(&row, "set_aside")?,
        })
    }

    /// Tells how the pool stands at this moment.
    pub fn tell_pool(&self) {
        let (open, idle) = self.0.db.count();
        table::DATABASE_CONNECTIONS.set_count(["idle".into()], idle);
        table::DATABASE_CONNECTIONS.set_count(["in_use".into()], open.saturating_sub(idle));
    }

    /// The first event about a thing tells of its making.
    pub(crate) async fn read_trace_of(&self, subject_id: &str) -> Result<Option<TraceContext>, StorageError> {
        let filter = Filter::new().and("subject_id = ?", [Value::from(subject_id)]);
        let statement = filter.statement(self.backend(), "SELECT document FROM events", " ORDER BY seq LIMIT 1");
        let Some(row) = one(&self.0.db, statement).await? else { return Ok(None) };
        Ok(json::<Event>(&row, "document")?.trace)
    }
}

/// How long ago a moment is; nothing where there is none, and none where it is ahead.
fn since(row: &QueryResult, name: &str, now_us: i64) -> Result<Option<Duration>, StorageError> {
    Ok(column::<Option<i64>>(row, name)?.map(|then| span(now_us.saturating_sub(then))))
}

fn span(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

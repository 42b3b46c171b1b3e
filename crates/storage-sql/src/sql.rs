//! Statements: the few places where the two databases differ, and a builder for filters.

use std::time::Duration;

use sea_orm::sqlx::Row as _;
use sea_orm::sqlx::types::JsonRawValue;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

use domain::ports::storage::StorageError;
use serde::de::DeserializeOwned;
use telemetry::trace;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::errors::{count_error, defect, sql_error, storage_error};

/// The longest that the database may take to answer: more than it gives one statement, so that it tells by itself what took
/// too long. Beyond, it is the database or the way to it that hangs, of which the operating system may say nothing for hours.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(17);
/// The longest that it may take to end a transaction without keeping it, or to find out whether a connection still answers.
/// What takes longer hangs, and its connection is given up.
pub(crate) const LIVELY_MAX: Duration = Duration::from_secs(2);

/// Keeps others from changing the selected rows. On SQLite the one writer does.
///
/// No key ever changes, so rows that refer to a locked one may be added meanwhile: were that kept off too, a foreign key
/// would be one more lock, outside of the order in which rows are locked.
pub(crate) fn for_update(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres { " FOR NO KEY UPDATE" } else { "" }
}

/// The same, leaving out rows that another transaction has.
pub(crate) fn for_update_skip_locked(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres { " FOR NO KEY UPDATE SKIP LOCKED" } else { "" }
}

/// The database's time in microseconds since the Unix epoch. Leases go by it, so that replicas' clocks don't matter. A query of
/// its own, which PostgreSQL asks once for each statement: a clock that may tell another time for each row serves no index.
pub(crate) fn now_us(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres {
        "(SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT))"
    } else {
        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
    }
}

/// A condition with its values, put together piece by piece. `?` in a piece stands for its next value.
pub(crate) struct Filter {
    sql: String,
    values: Vec<Value>,
}

impl Filter {
    pub(crate) fn new() -> Self {
        Self { sql: String::new(), values: Vec::new() }
    }

    pub(crate) fn and(mut self, piece: &str, values: impl IntoIterator<Item = Value>) -> Self {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        let mut values = values.into_iter();
        for part in piece.split_inclusive('?') {
            match (part.strip_suffix('?'), values.next()) {
                (Some(text), Some(value)) => {
                    self.values.push(value);
                    self.sql.push_str(&format!("{text}${}", self.values.len()));
                }
                _ => self.sql.push_str(part),
            }
        }
        self
    }

    pub(crate) fn and_some<V: Into<Value>>(self, piece: &str, value: Option<V>) -> Self {
        match value {
            Some(value) => self.and(piece, [value.into()]),
            None => self,
        }
    }

    /// `column` is one of `options`; of none at all if there are no options.
    pub(crate) fn and_in<V: Into<Value>>(self, column: &str, options: impl IntoIterator<Item = V>) -> Self {
        let values: Vec<Value> = options.into_iter().map(Into::into).collect();
        if values.is_empty() {
            return self.and("1 = 0", []);
        }
        let places = vec!["?"; values.len()].join(", ");
        self.and(&format!("{column} IN ({places})"), values)
    }

    pub(crate) fn statement(self, backend: DbBackend, before: &str, after: &str) -> Statement {
        Statement::from_sql_and_values(backend, format!("{before}{}{after}", self.sql), self.values)
    }
}

/// An answer of the database, or that there is none.
pub(crate) async fn in_time<T>(answer: impl Future<Output = Result<T, DbErr>>) -> Result<T, StorageError> {
    let answered = match answered_within(ANSWER_MAX, answer).await {
        Ok(answered) => answered.map_err(storage_error),
        Err(silence) => Err(silence),
    };
    answered.inspect_err(|error| {
        Span::current().record("otel.status_code", "ERROR");
        count_error(error);
    })
}

/// A span of a statement. Its text has places for values, and no value.
pub(crate) fn statement_span(backend: DbBackend, sql: &str) -> Span {
    // Looking for work, every second and in vain, would be a trace each.
    if !trace::is_within() {
        return Span::none();
    }
    let system = if backend == DbBackend::Postgres { "postgresql" } else { "sqlite" };
    let operation = sql.split_ascii_whitespace().next().unwrap_or_default();
    telemetry::span!(
        "statement",
        otel.name = operation,
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = system,
        db.operation.name = operation,
        db.query.text = sql
    )
}

/// What the database answers, if it does within `limit`.
pub(crate) async fn answered_within<T>(limit: Duration, answer: impl Future<Output = T>) -> Result<T, StorageError> {
    tokio::time::timeout(limit, answer).await.map_err(|_| {
        let message = format!("the database did not answer within {} s", limit.as_secs());
        StorageError::Unavailable(message.into())
    })
}

/// One row at the most.
pub(crate) async fn one(c: &impl ConnectionTrait, statement: Statement) -> Result<Option<QueryResult>, StorageError> {
    let span = statement_span(c.get_database_backend(), &statement.sql);
    in_time(c.query_one_raw(statement)).instrument(span).await
}

/// All rows.
pub(crate) async fn all(c: &impl ConnectionTrait, statement: Statement) -> Result<Vec<QueryResult>, StorageError> {
    let span = statement_span(c.get_database_backend(), &statement.sql);
    in_time(c.query_all_raw(statement)).instrument(span).await
}

/// Executes; returns how many rows it touched.
pub(crate) async fn execute(
    c: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, StorageError> {
    let statement = Statement::from_sql_and_values(c.get_database_backend(), sql, values);
    let span = statement_span(c.get_database_backend(), sql);
    Ok(in_time(c.execute_raw(statement)).instrument(span).await?.rows_affected())
}

/// Reads a column.
pub(crate) fn column<T: sea_orm::TryGetable>(row: &QueryResult, name: &str) -> Result<T, StorageError> {
    row.try_get("", name).map_err(storage_error)
}

/// Reads a column that counts.
pub(crate) fn count(row: &QueryResult, name: &str) -> Result<u64, StorageError> {
    u64::try_from(column::<i64>(row, name)?).map_err(defect)
}

/// Reads what a JSON column holds.
pub(crate) fn json<T: DeserializeOwned>(row: &QueryResult, name: &str) -> Result<T, StorageError> {
    // From its text, and not through a tree of all that is in it.
    let text = match (row.try_as_pg_row(), row.try_as_sqlite_row()) {
        (Some(row), _) => row.try_get::<&JsonRawValue, _>(name),
        (None, Some(row)) => row.try_get::<&JsonRawValue, _>(name),
        (None, None) => return Err(defect("a row of neither database")),
    };
    serde_json::from_str(text.map_err(sql_error)?.get()).map_err(defect)
}

/// A value for a JSON column.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<Value, StorageError> {
    Ok(Value::from(serde_json::to_value(value).map_err(defect)?))
}

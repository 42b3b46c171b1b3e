//! Reads that many callers make at once: of a row by its key, and of the events behind a position. On PostgreSQL those that
//! come [together](crate::together) share a query. With 64 in flight that saves most of the queries: what the service takes of the
//! processor for `GetPaymentLink` came down from 2.3 times that of a bare handler to two thirds of it, and an event reached the
//! last of a thousand followers after a tenth of the time (`cargo xtask bench`).
//!
//! SQLite is in the process: there a read costs less than sharing it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::access::ApiKey;
use domain::event::{EventPosition, SequencedEvent};
use domain::ports::storage::{EventFilter, Sellers, StorageError};
use futures::{StreamExt, stream};
use sea_orm::sqlx::{self, AssertSqlSafe, Row};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::connection::SqlStorage;
use crate::database::Database;
use crate::errors::{count_error, defect, sql_error, storage_error};
use crate::pool::Pool;
use crate::queries;
use crate::sql::{answered_within, statement_span};
use crate::stored::Stored;
use crate::together::{Ask, Together};
use crate::unit_of_work::SqlUnitOfWork;

/// The longest that the rows of shared questions may take, less than any other statement. Others wait for the same answer, and
/// a row by its key waits for nothing but a table that is locked: better to be told in time to ask again. The server goes on
/// with it until its own limits, so that such a table has a handful of sessions beside those of the pool.
const ROWS_MAX: Duration = Duration::from_secs(5);
/// How many questions for events are asked at once, a connection each: a quarter of the pool as it is by default. However many
/// follow, the other connections are left to those who bill.
const EVENTS_AT_ONCE: usize = 4;

/// Where questions meet that many ask. Each table has a place of its own, so that one that is locked holds up no other, and
/// above all not that of the keys.
pub(crate) struct PointReads {
    runtime: Handle,
    rows: Mutex<HashMap<Column, Arc<Together<Rows>>>>,
    events: Arc<Together<Events>>,
    turns_for_events: Arc<Semaphore>,
}

/// A column whose values tell the rows of a table apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Column {
    table: &'static str,
    name: &'static str,
    /// Whether the rows are sellers'.
    has_seller: bool,
}

impl PointReads {
    pub(crate) fn new(runtime: &Handle, db: &Database) -> Self {
        let turns = Arc::new(Semaphore::new(EVENTS_AT_ONCE));
        let of_events = Events { db: db.clone(), turns: Arc::clone(&turns) };
        Self {
            runtime: runtime.clone(),
            rows: Mutex::default(),
            events: Together::new(runtime.clone(), of_events),
            turns_for_events: turns,
        }
    }

    fn rows(&self, of: Column, pool: &Pool) -> Arc<Together<Rows>> {
        let mut all = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Together::new(self.runtime.clone(), Rows { of, pool: pool.clone() });
        Arc::clone(all.entry(of).or_insert_with(make))
    }
}

/// A row as it is found.
#[derive(Debug, Clone)]
struct Found {
    document: Arc<str>,
    /// Whose it is; absent where rows are nobody's.
    seller: Option<Arc<str>>,
}

/// What a row that was found holds.
fn read<T: DeserializeOwned>(found: Option<Found>) -> Result<Option<T>, StorageError> {
    found.map(|found| serde_json::from_str(&found.document).map_err(defect)).transpose()
}

/// Asks for rows.
struct Rows {
    of: Column,
    pool: Pool,
}

impl Rows {
    async fn find(&self, values: &[String]) -> Result<HashMap<String, Found>, StorageError> {
        let Column { table, name, has_seller } = self.of;
        let seller = if has_seller { "seller_id" } else { "CAST(NULL AS TEXT)" };
        // Nothing in it comes from outside.
        let sql = format!("SELECT {name}, document::text, {seller} FROM {table} WHERE {name} = ANY($1)");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(values);
        let asked = async {
            let mut held = self.pool.acquire().await.map_err(storage_error)?;
            let rows = query.fetch_all(held.ask()).await;
            held.told(rows).map_err(sql_error)
        };
        let rows = answered_within(ROWS_MAX, asked).await??;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            let text = |index: usize| row.try_get::<Option<&str>, _>(index).map_err(sql_error);
            let document = text(1)?.ok_or_else(|| defect("a row without a document"))?.into();
            let value = text(0)?.unwrap_or_default().to_owned();
            found.insert(value, Found { document, seller: text(2)?.map(Arc::from) });
        }
        Ok(found)
    }
}

impl Ask for Rows {
    type Question = String;
    type Answer = Option<Found>;
    const AT_ONCE: usize = 2;

    async fn ask(&self, values: &[String], mut tell: impl FnMut(usize, Result<Option<Found>, StorageError>) + Send) {
        let found = self.find(values).await.inspect_err(count_error).map_err(Arc::new);
        for (index, value) in values.iter().enumerate() {
            tell(index, found.as_ref().map(|found| found.get(value).cloned()).map_err(crate::together::of_all));
        }
    }
}

/// A question for events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct EventsBehind {
    sellers: Sellers,
    filter: EventFilter,
    after: EventPosition,
    limit: u32,
}

/// Asks for events: each question once, however many callers follow the same.
struct Events {
    db: Database,
    turns: Arc<Semaphore>,
}

impl Ask for Events {
    type Question = EventsBehind;
    type Answer = Arc<[SequencedEvent]>;
    const AT_ONCE: usize = 2;

    async fn ask(
        &self,
        questions: &[EventsBehind],
        mut tell: impl FnMut(usize, Result<Arc<[SequencedEvent]>, StorageError>) + Send,
    ) {
        let ask = async |(index, q): (usize, &EventsBehind)| {
            (index, list_in_turn((&self.db, &self.turns), &q.sellers, &q.filter, (q.after, q.limit)).await)
        };
        let mut answers =
            std::pin::pin!(stream::iter(questions.iter().enumerate()).map(ask).buffer_unordered(EVENTS_AT_ONCE));
        while let Some((index, answer)) = answers.next().await {
            tell(index, answer);
        }
    }
}

async fn list_in_turn(
    (db, turns): (&Database, &Semaphore),
    sellers: &Sellers,
    filter: &EventFilter,
    behind: (EventPosition, u32),
) -> Result<Arc<[SequencedEvent]>, StorageError> {
    let _turn = turns.acquire().await.map_err(defect)?;
    queries::list_events(db, sellers, filter, behind).await
}

impl SqlStorage {
    /// A row on PostgreSQL. Each caller's trace has the query in which it took part.
    async fn found(&self, pool: &Pool, of: Column, value: String) -> Result<Option<Found>, StorageError> {
        let span = statement_span(self.backend(), "SELECT document WHERE its key is one of those asked for together");
        let answer = self.0.point_reads.rows(of, pool).answer(value).instrument(span.clone()).await;
        answer.inspect_err(|_| {
            span.record("otel.status_code", "ERROR");
        })
    }

    pub(crate) async fn get_row<T: Stored>(&self, sellers: &Sellers, id: String) -> Result<Option<T>, StorageError> {
        let Database::Postgres(pool) = &self.0.db else { return queries::get(&self.0.db, sellers, id).await };
        let found = self.found(pool, Column { table: T::TABLE, name: "id", has_seller: true }, id).await?;
        // Another seller's is not looked into.
        let is_theirs = |found: &Found| sellers.iter().any(|seller| found.seller.as_deref() == Some(seller.as_str()));
        read(found.filter(is_theirs))
    }

    /// Of whichever seller.
    pub(crate) async fn load_row<T: Stored>(&self, id: String) -> Result<Option<T>, StorageError> {
        let Database::Postgres(pool) = &self.0.db else { return queries::load(&self.0.db, id).await };
        read(self.found(pool, Column { table: T::TABLE, name: "id", has_seller: true }, id).await?)
    }

    pub(crate) async fn api_key(&self, prefix: &str) -> Result<Option<ApiKey>, StorageError> {
        let Database::Postgres(pool) = &self.0.db else { return queries::api_key(&self.0.db, prefix).await };
        let of = Column { table: "api_keys", name: "prefix", has_seller: false };
        read(self.found(pool, of, prefix.to_owned()).await?)
    }

    pub(crate) async fn events_behind(
        &self,
        sellers: &Sellers,
        filter: &EventFilter,
        (after, limit): (EventPosition, u32),
    ) -> Result<Arc<[SequencedEvent]>, StorageError> {
        let reads = &self.0.point_reads;
        if let Database::Sqlite(_) = &self.0.db {
            return list_in_turn((&self.0.db, &reads.turns_for_events), sellers, filter, (after, limit)).await;
        }
        let question = EventsBehind { sellers: sellers.clone(), filter: filter.clone(), after, limit };
        reads.events.answer(question).await
    }
}

/// Within a transaction, each reads by itself.
impl SqlUnitOfWork {
    pub(crate) async fn get_row<T: Stored>(&self, sellers: &Sellers, id: String) -> Result<Option<T>, StorageError> {
        queries::get(self.connection()?, sellers, id).await
    }

    pub(crate) async fn load_row<T: Stored>(&self, id: String) -> Result<Option<T>, StorageError> {
        queries::load(self.connection()?, id).await
    }

    pub(crate) async fn api_key(&self, prefix: &str) -> Result<Option<ApiKey>, StorageError> {
        queries::api_key(self.connection()?, prefix).await
    }

    pub(crate) async fn events_behind(
        &self,
        sellers: &Sellers,
        filter: &EventFilter,
        behind: (EventPosition, u32),
    ) -> Result<Arc<[SequencedEvent]>, StorageError> {
        queries::list_events(self.connection()?, sellers, filter, behind).await
    }
}

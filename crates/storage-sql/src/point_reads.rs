//! Reads that many callers make at once: of a row by its key, and of the events behind a position. On PostgreSQL those that
//! come [together](crate::together) share a query, and the one who asks keeps its connection from one query to the next, so
//! that it need not be tested each time. With 64 in flight that saves most of the queries: what the service takes of the
//! processor for `GetPaymentLink` came down from 2.3 times that of a bare handler to two thirds of it, and an event reached the
//! last of a thousand followers after a tenth of the time (`cargo xtask bench`).
//!
//! SQLite is in the process: there a read costs less than sharing it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::access::ApiKey;
use domain::event::{EventPosition, SequencedEvent};
use domain::ports::storage::{EventFilter, Sellers, StorageError};
use futures::{StreamExt, stream};
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, Postgres, Row};
use sea_orm::{DatabaseConnection, DbBackend};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::connection::SqlStorage;
use crate::errors::{count_error, defect, sql_error};
use crate::queries;
use crate::sql::{ANSWER_MAX, answered_within, statement_span};
use crate::stored::Stored;
use crate::together::{Ask, Together};
use crate::unit_of_work::SqlUnitOfWork;

/// For how long a connection is kept from one query to the next at the most: then the pool looks after it, and retires it when
/// its time has come.
const KEPT_MAX: Duration = Duration::from_secs(60);
/// How many questions for events are asked at once, a connection each: a quarter of the pool as it is by default. However many
/// follow, the other connections are left to those who bill.
const EVENTS_AT_ONCE: usize = 4;

/// Where questions meet that many ask. Each table has a place of its own, so that one that is locked holds up no other, and
/// above all not that of the keys.
pub(crate) struct PointReads {
    runtime: Handle,
    db: DatabaseConnection,
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
    pub(crate) fn new(runtime: &Handle, db: &DatabaseConnection) -> Self {
        let turns = Arc::new(Semaphore::new(EVENTS_AT_ONCE));
        let of_events = Events { db: db.clone(), turns: Arc::clone(&turns) };
        Self {
            runtime: runtime.clone(),
            db: db.clone(),
            rows: Mutex::default(),
            events: Together::new(runtime.clone(), move || of_events.clone()),
            turns_for_events: turns,
        }
    }

    fn rows(&self, of: Column) -> Arc<Together<Rows>> {
        let mut all = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let db = self.db.clone();
            Together::new(self.runtime.clone(), move || Rows { of, db: db.clone(), kept: None })
        };
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

/// Asks for rows, on one connection that it keeps.
struct Rows {
    of: Column,
    db: DatabaseConnection,
    kept: Option<(Instant, PoolConnection<Postgres>)>,
}

impl Rows {
    async fn find(&mut self, values: &[String]) -> Result<HashMap<String, Found>, StorageError> {
        let pool = self.db.get_postgres_connection_pool();
        let is_fresh = |(since, _): &(Instant, _)| since.elapsed() < KEPT_MAX && !pool.is_closed();
        let (since, mut connection) = match self.kept.take().filter(is_fresh) {
            Some(kept) => kept,
            None => {
                let acquired = pool.acquire().await.map_err(|error| StorageError::Unavailable(error.into()))?;
                (Instant::now(), acquired)
            }
        };
        let Column { table, name, has_seller } = self.of;
        let seller = if has_seller { "seller_id" } else { "CAST(NULL AS TEXT)" };
        // Nothing in it comes from outside.
        let sql = format!("SELECT {name}, document::text, {seller} FROM {table} WHERE {name} = ANY($1)");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(values).fetch_all(&mut *connection);
        let rows = answered_within(ANSWER_MAX, query).await?.map_err(sql_error)?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            let text = |index: usize| row.try_get::<Option<&str>, _>(index).map_err(sql_error);
            let document = text(1)?.ok_or_else(|| defect("a row without a document"))?.into();
            let value = text(0)?.unwrap_or_default().to_owned();
            found.insert(value, Found { document, seller: text(2)?.map(Arc::from) });
        }
        // One on which something failed goes back to the pool, which tests it.
        self.kept = Some((since, connection));
        Ok(found)
    }
}

impl Ask for Rows {
    type Question = String;
    type Answer = Option<Found>;
    const AT_ONCE: usize = 2;

    async fn ask(
        &mut self,
        values: &[String],
        mut tell: impl FnMut(usize, Result<Option<Found>, StorageError>) + Send,
    ) {
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
#[derive(Clone)]
struct Events {
    db: DatabaseConnection,
    turns: Arc<Semaphore>,
}

impl Ask for Events {
    type Question = EventsBehind;
    type Answer = Arc<[SequencedEvent]>;
    const AT_ONCE: usize = 2;

    async fn ask(
        &mut self,
        questions: &[EventsBehind],
        mut tell: impl FnMut(usize, Result<Arc<[SequencedEvent]>, StorageError>) + Send,
    ) {
        let ask = async |(index, q): (usize, &EventsBehind)| {
            let events = list_in_turn((&self.db, &self.turns), &q.sellers, &q.filter, (q.after, q.limit)).await;
            (index, events.map(Arc::from))
        };
        let mut answers =
            std::pin::pin!(stream::iter(questions.iter().enumerate()).map(ask).buffer_unordered(EVENTS_AT_ONCE));
        while let Some((index, answer)) = answers.next().await {
            tell(index, answer);
        }
    }
}

async fn list_in_turn(
    (db, turns): (&DatabaseConnection, &Semaphore),
    sellers: &Sellers,
    filter: &EventFilter,
    behind: (EventPosition, u32),
) -> Result<Vec<SequencedEvent>, StorageError> {
    let _turn = turns.acquire().await.map_err(defect)?;
    queries::list_events(db, sellers, filter, behind).await
}

impl SqlStorage {
    /// A row on PostgreSQL. Each caller's trace has the query in which it took part.
    async fn found(&self, of: Column, value: String) -> Result<Option<Found>, StorageError> {
        let span = statement_span(self.backend(), "SELECT document WHERE its key is one of those asked for together");
        let answer = self.0.point_reads.rows(of).answer(value).instrument(span.clone()).await;
        answer.inspect_err(|_| {
            span.record("otel.status_code", "ERROR");
        })
    }

    pub(crate) async fn get_row<T: Stored>(&self, sellers: &Sellers, id: String) -> Result<Option<T>, StorageError> {
        if self.backend() != DbBackend::Postgres {
            return queries::get(&self.0.db, sellers, id).await;
        }
        let found = self.found(Column { table: T::TABLE, name: "id", has_seller: true }, id).await?;
        // Another seller's is not looked into.
        let is_theirs = |found: &Found| sellers.iter().any(|seller| found.seller.as_deref() == Some(seller.as_str()));
        read(found.filter(is_theirs))
    }

    /// Of whichever seller.
    pub(crate) async fn load_row<T: Stored>(&self, id: String) -> Result<Option<T>, StorageError> {
        if self.backend() != DbBackend::Postgres {
            return queries::load(&self.0.db, id).await;
        }
        read(self.found(Column { table: T::TABLE, name: "id", has_seller: true }, id).await?)
    }

    pub(crate) async fn api_key(&self, prefix: &str) -> Result<Option<ApiKey>, StorageError> {
        if self.backend() != DbBackend::Postgres {
            return queries::api_key(&self.0.db, prefix).await;
        }
        let of = Column { table: "api_keys", name: "prefix", has_seller: false };
        read(self.found(of, prefix.to_owned()).await?)
    }

    pub(crate) async fn events_behind(
        &self,
        sellers: &Sellers,
        filter: &EventFilter,
        (after, limit): (EventPosition, u32),
    ) -> Result<Vec<SequencedEvent>, StorageError> {
        if self.backend() != DbBackend::Postgres {
            let reads = &self.0.point_reads;
            return list_in_turn((&self.0.db, &reads.turns_for_events), sellers, filter, (after, limit)).await;
        }
        let question = EventsBehind { sellers: sellers.clone(), filter: filter.clone(), after, limit };
        Ok(self.0.point_reads.events.answer(question).await?.to_vec())
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
    ) -> Result<Vec<SequencedEvent>, StorageError> {
        queries::list_events(self.connection()?, sellers, filter, behind).await
    }
}

//! Reads that nobody shares, as lists and look-ups by other things than a key, on connections of the pool.
//!
//! On PostgreSQL each is asked in a task of its own: a connection whose reader went away in the middle of an answer is closed by
//! the pool, which opens another, while the server goes on with the question for as long as a statement may take; callers with
//! short deadlines would fill the server with such sessions, far beyond the pool. And of each table so many are asked at once at
//! the most, so that one that is locked, or slow to read, holds up no other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::sql::ANSWER_MAX;

/// The pool, for reads outside of transactions.
pub(crate) struct Reads {
    db: DatabaseConnection,
    runtime: Handle,
    turns: Mutex<HashMap<String, Arc<Semaphore>>>,
    at_once: usize,
    patience: Duration,
}

impl Reads {
    /// A quarter of the connections for each table; who waits longer than `patience` for one is told that there is none.
    pub(crate) fn new(runtime: &Handle, db: &DatabaseConnection, connections_max: u32, patience: Duration) -> Self {
        let at_once = usize::try_from(connections_max / 4).unwrap_or(usize::MAX).max(1);
        Self { db: db.clone(), runtime: runtime.clone(), turns: Mutex::default(), at_once, patience }
    }

    async fn turn(&self, sql: &str) -> Result<OwnedSemaphorePermit, DbErr> {
        let turns = {
            let mut all = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            match all.get(table(sql)) {
                Some(known) => Arc::clone(known),
                None => Arc::clone(
                    all.entry(table(sql).to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.at_once))),
                ),
            }
        };
        let turn = tokio::time::timeout(self.patience, turns.acquire_owned()).await;
        turn.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?
            .map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))
    }
}

/// Asks in a task, which goes on where its reader goes away.
macro_rules! ask {
    ($reads:ident, $ask:ident($statement:ident)) => {{
        if $reads.get_database_backend() != DbBackend::Postgres {
            return $reads.db.$ask($statement).await;
        }
        let (turn, db) = ($reads.turn(&$statement.sql).await?, $reads.db.clone());
        let asked = $reads.runtime.spawn(async move {
            // Of a connection that is lost nothing comes any more.
            let answer = tokio::time::timeout(ANSWER_MAX, db.$ask($statement)).await;
            drop(turn);
            answer.unwrap_or(Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))
        });
        asked.await.unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())))
    }};
}

#[async_trait]
impl ConnectionTrait for Reads {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        ask!(self, query_one_raw(statement))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        ask!(self, query_all_raw(statement))
    }
}

/// The table that a statement reads, the first of several.
fn table(sql: &str) -> &str {
    let (_, from) = sql.split_once(" FROM ").unwrap_or_default();
    from.split([' ', ')', ',']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_table_counts() {
        for (sql, name) in [
            ("SELECT document FROM payment_links WHERE id = $1", "payment_links"),
            ("SELECT 1 FROM events, payments", "events"),
            ("SELECT (SELECT max(seq) FROM intents) AS last", "intents"),
            ("SELECT 1", ""),
        ] {
            assert_eq!(table(sql), name);
        }
    }
}

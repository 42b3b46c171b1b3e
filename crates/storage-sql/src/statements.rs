//! Statements outside of transactions that nobody shares: lists, look-ups by other things than a key, and what is stored by one
//! statement alone.
//!
//! On PostgreSQL each is asked in a task of its own: a connection whose caller went away in the middle of an answer is cut off,
//! while the server goes on with the statement for as long as one may take; callers with short deadlines would fill the server
//! with such sessions, far beyond the pool. And of each table so many are asked at once at the most, so that one that is locked,
//! or slow to read, holds up no other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sea_orm::{ConnAcquireErr, ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::database::Database;

/// The database, for statements outside of transactions.
pub(crate) struct Statements {
    db: Database,
    runtime: Handle,
    reads: Turns,
    stores: Turns,
}

/// Whose turn it is, for each table by itself.
struct Turns {
    of_tables: Mutex<HashMap<String, Arc<Semaphore>>>,
    at_once: usize,
    patience: Duration,
}

impl Statements {
    /// Of each table a quarter of the connections reads at once, and a third of them store in it: more, since commits that come
    /// together share a sync of the disk, and so many that beside the half of callers' transactions some are left for reads.
    pub(crate) fn new(runtime: &Handle, db: &Database, connections_max: u32, patience: Duration) -> Self {
        let share = |of: u32| {
            let at_once = usize::try_from(connections_max / of).unwrap_or(usize::MAX).max(1);
            Turns { of_tables: Mutex::default(), at_once, patience }
        };
        Self { db: db.clone(), runtime: runtime.clone(), reads: share(4), stores: share(3) }
    }
}

impl Turns {
    /// A turn at the table of a statement. Who waits too long for one is told that there is no connection.
    async fn of(&self, sql: &str) -> Result<OwnedSemaphorePermit, DbErr> {
        let turns = {
            let mut all = self.of_tables.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Asks in a task, which goes on where its caller goes away.
macro_rules! ask {
    ($all:ident, $turns:ident, $ask:ident($statement:ident)) => {{
        if $all.get_database_backend() != DbBackend::Postgres {
            return $all.db.$ask($statement).await;
        }
        let (turn, db) = ($all.$turns.of(&$statement.sql).await?, $all.db.clone());
        let asked = $all.runtime.spawn(async move {
            let answer = db.$ask($statement).await;
            drop(turn);
            answer
        });
        asked.await.unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())))
    }};
}

#[async_trait]
impl ConnectionTrait for Statements {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        ask!(self, stores, execute_raw(statement))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        ask!(self, reads, query_one_raw(statement))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        ask!(self, reads, query_all_raw(statement))
    }
}

/// The table that a statement stores in or reads, the first of several; a function takes something `FROM` a call.
fn table(sql: &str) -> &str {
    let name =
        |behind: &'static str| move |(at, _): (usize, &str)| sql[at + behind.len()..].split([' ', ')', ',']).next();
    let stored_in = sql.match_indices(" INTO ").filter_map(name(" INTO "));
    let read = sql.match_indices(" FROM ").filter_map(name(" FROM "));
    stored_in.chain(read).find(|name| !name.contains('(')).unwrap_or_default()
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
            ("INSERT INTO notifications (id) VALUES ($1)", "notifications"),
            ("SELECT (SELECT extract(epoch FROM clock_timestamp())) AS now FROM intents", "intents"),
            ("SELECT 1", ""),
        ] {
            assert_eq!(table(sql), name);
        }
    }
}

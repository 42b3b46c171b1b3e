//! The two databases, and a transaction of either, as what statements are asked of.

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use tokio::sync::Mutex;

use crate::pool::{Held, Pool};

/// A database; each statement has a connection to itself. A clone is another handle onto the same connections.
#[derive(Clone)]
pub(crate) enum Database {
    Postgres(Pool),
    Sqlite(DatabaseConnection),
}

/// A transaction that was begun.
pub(crate) enum Transaction {
    Postgres(Box<Mutex<Held>>),
    Sqlite(DatabaseTransaction),
}

impl Database {
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        match self {
            Self::Postgres(pool) => {
                let mut held = pool.acquire().await?;
                held.begin().await?;
                Ok(Transaction::Postgres(Box::new(Mutex::new(held))))
            }
            Self::Sqlite(db) => db.begin_with_options(immediate()).await.map(Transaction::Sqlite),
        }
    }

    /// How many connections there are, and how many of them are idle.
    pub(crate) fn count(&self) -> (usize, usize) {
        match self {
            Self::Postgres(pool) => pool.count(),
            Self::Sqlite(db) => {
                let pool = db.get_sqlite_connection_pool();
                (usize::try_from(pool.size()).unwrap_or(usize::MAX), pool.num_idle())
            }
        }
    }

    /// Closes all connections; what is under way ends first.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            // One that is closed already is fine.
            Self::Sqlite(db) => drop(db.close_by_ref().await),
        }
    }
}

/// SQLite's one lock for writing is taken at once, and not where something is written first: by then another may have it.
pub(crate) fn immediate() -> TransactionOptions {
    TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() }
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(held) => held.into_inner().commit().await,
            Self::Sqlite(transaction) => transaction.commit().await,
        }
    }

    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(held) => held.into_inner().rollback().await,
            Self::Sqlite(transaction) => transaction.rollback().await,
        }
    }
}

/// What statements are asked of, for one type; `$held` is PostgreSQL's connection for one of them.
macro_rules! impl_connection {
    ($type:ty, |$postgres:ident| $held:expr) => {
        #[async_trait]
        impl ConnectionTrait for $type {
            fn get_database_backend(&self) -> DbBackend {
                match self {
                    Self::Postgres(_) => DbBackend::Postgres,
                    Self::Sqlite(_) => DbBackend::Sqlite,
                }
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                match self {
                    Self::Postgres($postgres) => $held.execute(statement).await,
                    Self::Sqlite(sqlite) => sqlite.execute_raw(statement).await,
                }
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                match self {
                    Self::Postgres($postgres) => $held.execute_unprepared(sql).await,
                    Self::Sqlite(sqlite) => sqlite.execute_unprepared(sql).await,
                }
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                match self {
                    Self::Postgres($postgres) => $held.query_one(statement).await,
                    Self::Sqlite(sqlite) => sqlite.query_one_raw(statement).await,
                }
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                match self {
                    Self::Postgres($postgres) => $held.query_all(statement).await,
                    Self::Sqlite(sqlite) => sqlite.query_all_raw(statement).await,
                }
            }
        }
    };
}

impl_connection!(Database, |pool| pool.acquire().await?);
impl_connection!(Transaction, |held| held.lock().await);

//! Connections, and transactions that can't leak.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::network::{is_loopback, parse_host};
use domain::ports::storage::{StorageError, UnitOfWork};
use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{ConnectOptions as _, Connection as _};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, TransactionTrait};
use telemetry::{table, trace};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::Instrument;

use crate::database::{Database, Transaction, immediate};
use crate::errors::{commit_error, count_error, is_locked, storage_error};
use crate::events::Sequencer;
use crate::point_reads::PointReads;
use crate::pool::Pool;
use crate::sql::{ANSWER_MAX, LIVELY_MAX, answered_within, in_time, statement_span};
use crate::statements::Statements;
use crate::unit_of_work::SqlUnitOfWork;

/// The longest that a session may sit inside a transaction without a statement. A safety net: ours never sit.
const IDLE_IN_TRANSACTION: &str = "30s";
/// The longest that one statement may take.
const STATEMENT_TIMEOUT: &str = "15s";
/// The longest that one statement may wait for a lock; less than a caller's patience.
const LOCK_TIMEOUT: &str = "10s";
/// The longest that SQLite waits for another process's writer.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after SQLite's file was found locked it is opened again.
const SQLITE_PAUSE: Duration = Duration::from_millis(20);
/// The room that SQLite must have left on its disk, in bytes, for anything to be taken on: what its log grows to before it is
/// emptied (1 000 pages of 4 KiB, SQLite's default for `wal_autocheckpoint`), and as much for the database itself.
pub const SQLITE_ROOM_MIN: u64 = 8 << 20;
/// The key of the advisory lock under which migrations run: "paylinks" in ASCII.
const MIGRATION_LOCK: i64 = 0x7061_796c_696e_6b73;

/// How to connect.
#[derive(Clone)]
pub struct SqlConfig {
    /// `postgres://…`, or `sqlite://path` (made if absent). May hold a password, so it has no `Debug`.
    pub url: String,
    /// The most connections of the pool.
    pub connections_max: u32,
    /// The longest that a caller waits for a connection.
    pub acquire_timeout: Duration,
}

impl SqlConfig {
    /// The configuration for a URL, with 16 connections and 5 seconds of patience.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), connections_max: 16, acquire_timeout: Duration::from_secs(5) }
    }

    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// The URL is none of a database that can be used; the text says what it must be, and nothing of what it is.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_fit = match self.url.split_once(':').map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => self.url.parse::<PgConnectOptions>().is_ok() && !is_cut_short(&self.url),
            Some("sqlite") => self.url.parse::<SqliteConnectOptions>().is_ok() && !self.url.contains('\0'),
            _ => return Err("must begin with postgres:// or sqlite://"),
        };
        let expected = "must be a URL such as postgres://user@host:5432/name or sqlite://path, with what is special in a \
            password percent-encoded";
        if is_fit { Ok(()) } else { Err(expected) }
    }

    /// Whether what goes to the database may be read on its way: over a network, by a `sslmode` that does without TLS where the
    /// server does.
    pub fn may_go_in_the_clear(&self) -> bool {
        if self.is_sqlite() {
            return false;
        }
        let Ok(options) = self.url.parse::<PgConnectOptions>() else { return false };
        let host = options.get_host().trim_matches(['[', ']']);
        let is_local = options.get_socket().is_some()
            || host.starts_with('/')
            || parse_host(host).is_ok_and(|host| is_loopback(&host));
        !is_local && matches!(options.get_ssl_mode(), PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer)
    }

    fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// How many transactions of callers' mutations may be open at once: half of the connections, so that the others are there
    /// for what must not wait for them.
    pub fn callers_transactions_max(&self) -> usize {
        usize::try_from(self.connections_max / 2).unwrap_or(usize::MAX)
    }
}

/// The store on an SQL database. A clone is another handle onto the same pool.
#[derive(Clone)]
pub struct SqlStorage(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) db: Database,
    /// SQLite's one writer.
    writer: Option<Arc<Semaphore>>,
    /// SQLite's file, if it is in one.
    sqlite_file: Option<PathBuf>,
    pub(crate) sequencer: Sequencer,
    pub(crate) point_reads: PointReads,
    pub(crate) statements: Statements,
    /// Where rollbacks run that a drop outside of the runtime asks for.
    runtime: Handle,
}

/// A transaction that is rolled back when it is dropped, in a task of its own: a drop can't wait, and dropping sea-orm's
/// own handle relies on a try-lock that panics when it fails.
pub(crate) struct OpenTransaction {
    transaction: Option<Transaction>,
    permit: Option<OwnedSemaphorePermit>,
    runtime: Handle,
}

impl SqlStorage {
    /// Connects, and brings the schema up to date.
    ///
    /// # Errors
    /// The database can't be reached, or a migration fails.
    pub async fn connect(config: &SqlConfig) -> Result<Self, StorageError> {
        let storage = Self::open_pool(config, true).await?;
        storage.migrate(config).await?;
        crate::events::spawn_sequencer(&storage);
        Ok(storage)
    }

    /// The same, of a database that is there already.
    ///
    /// # Errors
    /// There is none, or it is none of ours; and as [`connect`](Self::connect).
    pub async fn connect_existing(config: &SqlConfig) -> Result<Self, StorageError> {
        let absent = || StorageError::Unavailable("there is none yet: the first server that starts makes it".into());
        let storage = Self::look_at(config).await?.ok_or_else(absent)?;
        storage.migrate(config).await?;
        crate::events::spawn_sequencer(&storage);
        Ok(storage)
    }

    /// Connects to a database that is there already, and leaves its schema as it is: for who only looks at it. `None` where no
    /// server has made one yet.
    ///
    /// # Errors
    /// It can't be reached, or it is none of ours.
    pub async fn look_at(config: &SqlConfig) -> Result<Option<Self>, StorageError> {
        if config.is_sqlite() && !sqlite_file(&config.url).is_some_and(|file| file.is_file()) {
            return Ok(None);
        }
        let storage = Self::open_pool(config, false).await?;
        if !storage.has_schema().await? {
            storage.close().await;
            return Ok(None);
        }
        Ok(Some(storage))
    }

    async fn open_pool(config: &SqlConfig, makes_file: bool) -> Result<Self, StorageError> {
        let is_sqlite = config.is_sqlite();
        let db = if is_sqlite {
            Database::Sqlite(open_sqlite(config, makes_file).await?)
        } else {
            let options = postgres_options(&config.url)?;
            reach(&options, config.acquire_timeout).await?;
            Database::Postgres(Pool::new(options, config.connections_max, config.acquire_timeout))
        };
        table::DATABASE_CONNECTIONS_MAX.set([], config.connections_max);
        let runtime = Handle::current();
        Ok(Self(Arc::new(Inner {
            point_reads: PointReads::new(&runtime, &db),
            statements: Statements::new(&runtime, &db, config.connections_max, config.acquire_timeout),
            db,
            writer: is_sqlite.then(|| Arc::new(Semaphore::new(1))),
            sqlite_file: if is_sqlite { sqlite_file(&config.url) } else { None },
            sequencer: Sequencer::new(),
            runtime,
        })))
    }

    /// Closes the pool; transactions that are open are finished first.
    pub async fn close(&self) {
        self.0.db.close().await;
    }

    /// Brings the schema up to date, on PostgreSQL over a connection that it has for that alone. In a task, so that whoever
    /// goes away leaves nothing half-way.
    async fn migrate(&self, config: &SqlConfig) -> Result<(), StorageError> {
        let (db, url, patience) = (self.0.db.clone(), config.url.clone(), config.acquire_timeout);
        let migrated = self.0.runtime.spawn(async move {
            match db {
                Database::Sqlite(db) => migrate(&db).await,
                Database::Postgres(_) => {
                    let mut options = ConnectOptions::new(url);
                    options.max_connections(1).acquire_timeout(patience).sqlx_logging(false);
                    let db = sea_orm::Database::connect(options.map_sqlx_postgres_opts(limited).clone()).await;
                    let db = db.map_err(storage_error)?;
                    let migrated = migrate(&db).await;
                    // One that is silent is left to its server.
                    let _ = tokio::time::timeout(LIVELY_MAX, db.close()).await;
                    migrated
                }
            }
        });
        migrated.await.unwrap_or_else(|panicked| Err(StorageError::Defect(panicked.into())))
    }

    /// Fails when SQLite's disk is about to be full: reads still succeed then, and writes soon do not. Of PostgreSQL's disk its
    /// server alone knows.
    pub(crate) fn expect_room(&self) -> Result<(), StorageError> {
        let Some(room) = self.room()? else { return Ok(()) };
        if room < SQLITE_ROOM_MIN {
            let message =
                format!("{room} bytes are left on the disk of the database, and {SQLITE_ROOM_MIN} are needed");
            return Err(StorageError::Unavailable(message.into()));
        }
        Ok(())
    }

    /// The bytes that are free on SQLite's disk; nothing of a server's.
    ///
    /// # Errors
    /// The disk can't be asked.
    pub fn room(&self) -> Result<Option<u64>, StorageError> {
        let Some(file) = &self.0.sqlite_file else { return Ok(None) };
        let disk = rustix::fs::statvfs(file).map_err(|error| StorageError::Unavailable(error.into()))?;
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.0.db.get_database_backend()
    }

    /// Begins a transaction in a task of its own: a caller that goes away in the middle of `BEGIN` would leave the
    /// connection inside a transaction that nobody knows of.
    pub(crate) async fn open(&self) -> Result<OpenTransaction, StorageError> {
        let inner = Arc::clone(&self.0);
        let (hand_over, receive) = oneshot::channel();
        let span = statement_span(inner.db.get_database_backend(), "BEGIN");
        self.0.runtime.spawn(trace::carried(async move {
            // If nobody receives it any more, dropping it rolls it back.
            let _ = hand_over.send(inner.begin().instrument(span).await);
        }));
        receive.await.unwrap_or_else(|gone| Err(StorageError::Unavailable(Box::new(gone))))
    }

    pub(crate) async fn begin_unit_of_work(&self) -> Result<Box<dyn UnitOfWork>, StorageError> {
        Ok(Box::new(SqlUnitOfWork::new(self.clone(), self.open().await?)))
    }
}

impl Inner {
    async fn begin(&self) -> Result<OpenTransaction, StorageError> {
        let began = Instant::now();
        let permit = match &self.writer {
            Some(writer) => {
                let permit = Arc::clone(writer).acquire_owned().await;
                Some(permit.map_err(|closed| StorageError::Unavailable(Box::new(closed)))?)
            }
            None => None,
        };
        let transaction = in_time(self.db.begin()).await?;
        table::DATABASE_BEGIN_SECONDS.record([], began.elapsed());
        Ok(OpenTransaction { transaction: Some(transaction), permit, runtime: self.runtime.clone() })
    }
}

impl OpenTransaction {
    pub(crate) fn get(&self) -> Result<&Transaction, StorageError> {
        self.transaction.as_ref().ok_or_else(|| crate::errors::defect("the transaction has ended"))
    }

    /// Commits, in a task that its caller can't stop.
    pub(crate) async fn commit(mut self) -> Result<(), StorageError> {
        let Some(transaction) = self.transaction.take() else {
            return Err(crate::errors::defect("the transaction has ended"));
        };
        let permit = self.permit.take();
        let span = statement_span(transaction.get_database_backend(), "COMMIT");
        let committed = self.runtime.spawn(trace::carried(async move {
            let committed = answered_within(ANSWER_MAX, transaction.commit()).instrument(span).await;
            drop(permit);
            committed
        }));
        let committed = match committed.await {
            Ok(Ok(committed)) => committed.map_err(commit_error),
            Ok(Err(silence)) => Err(StorageError::CommitUnknown(Box::new(silence))),
            Err(panicked) => Err(StorageError::CommitUnknown(Box::new(panicked))),
        };
        committed.inspect_err(count_error)
    }

    /// Rolls back, and waits for it.
    pub(crate) async fn rollback(mut self) {
        if let Some(task) = self.start_rollback() {
            // A rollback that fails has lost its connection, and with it the transaction.
            let _ = task.await;
        }
    }

    fn start_rollback(&mut self) -> Option<tokio::task::JoinHandle<()>> {
        let transaction = self.transaction.take()?;
        let permit = self.permit.take();
        let span = statement_span(transaction.get_database_backend(), "ROLLBACK");
        Some(self.runtime.spawn(trace::carried(async move {
            match answered_within(LIVELY_MAX, transaction.rollback()).instrument(span).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "rollback failed; the connection is lost"),
                Err(error) => tracing::debug!(%error, "rollback hangs; the connection is given up"),
            }
            drop(permit);
        })))
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        self.start_rollback();
    }
}

fn sqlite_file(url: &str) -> Option<PathBuf> {
    let options: SqliteConnectOptions = url.parse().ok()?;
    // One in memory has a name as well, and is nowhere.
    let is_in_memory = url.contains(":memory:") || url.contains("mode=memory");
    (!is_in_memory).then(|| options.get_filename().to_owned())
}

/// All steps of the schema in one transaction: all of it or nothing, and replicas that start at once wait for one another, on
/// PostgreSQL by an advisory lock and on SQLite by the file's one writer. What limits statements elsewhere is lifted for it: to
/// build an index takes longer than any request may.
async fn migrate(db: &DatabaseConnection) -> Result<(), StorageError> {
    let is_postgres = db.get_database_backend() == DbBackend::Postgres;
    let options = if is_postgres { Default::default() } else { immediate() };
    let transaction = in_time(db.begin_with_options(options)).await?;
    let migrated = async {
        if is_postgres {
            let alone = format!(
                "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                 SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"
            );
            transaction.execute_unprepared(&alone).await?;
        }
        Migrator::up(&transaction, None).await
    };
    match migrated.await {
        Ok(()) => answered_within(ANSWER_MAX, transaction.commit()).await?.map_err(commit_error),
        Err(error) => {
            // A rollback that fails has lost its connection, and with it the transaction.
            let _ = answered_within(LIVELY_MAX, transaction.rollback()).await;
            Err(storage_error(error))
        }
    }
}

/// Connects once without the pool, which would ask again for a while, and not say where.
async fn reach(options: &PgConnectOptions, patience: Duration) -> Result<(), StorageError> {
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let failed = match tokio::time::timeout(patience, PgConnection::connect_with(options)).await {
        Ok(Ok(connection)) => return connection.close().await.map_err(|error| StorageError::Unavailable(error.into())),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", patience.as_secs()),
    };
    Err(StorageError::Unavailable(format!("PostgreSQL at {place}: {failed}").into()))
}

/// Whether a password with `/`, `?` or `#` in it, that is not percent-encoded, has ended the server's address before its `@`.
fn is_cut_short(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    // A value may have one, such as of `user`.
    let names = rest.split(['?', '&']).map(|pair| pair.split('=').next().unwrap_or_default());
    rest.contains('#') || (!authority.contains('@') && names.into_iter().any(|name| name.contains('@')))
}

fn postgres_options(url: &str) -> Result<PgConnectOptions, StorageError> {
    let options: PgConnectOptions =
        url.parse().map_err(|error: sqlx::Error| StorageError::Unavailable(error.into()))?;
    // Statements hold customers' data, and the log must not.
    Ok(limited(options).disable_statement_logging())
}

/// How each of our sessions is known to the server, and what it may take.
fn limited(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("paylinks").options([
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
        ("statement_timeout", STATEMENT_TIMEOUT),
        ("lock_timeout", LOCK_TIMEOUT),
    ])
}

/// Opens SQLite's file. Where several find it new at once, each wants it for itself to begin its log, and SQLite tells all but
/// one that it is locked, without the wait that it has for other locks: each would wait for the other.
async fn open_sqlite(config: &SqlConfig, makes_file: bool) -> Result<DatabaseConnection, StorageError> {
    let began = Instant::now();
    loop {
        match sea_orm::Database::connect(sqlite_options(config, makes_file)).await {
            Err(error) if is_locked(&error) && began.elapsed() < SQLITE_BUSY_TIMEOUT => {
                tokio::time::sleep(SQLITE_PAUSE).await;
            }
            opened => return opened.map_err(storage_error),
        }
    }
}

fn sqlite_options(config: &SqlConfig, makes_file: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(config.url.clone());
    options
        .max_connections(config.connections_max)
        .acquire_timeout(config.acquire_timeout)
        .connect_timeout(config.acquire_timeout)
        // Statements hold customers' data, and the log must not.
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| {
            options
                .create_if_missing(makes_file)
                .journal_mode(SqliteJournalMode::Wal)
                // Money: a commit is on the disk when it is told.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(SQLITE_BUSY_TIMEOUT)
        })
        .map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|connection, _| Box::pin(is_fit_for_others(connection))));
    options
}

/// Whether a connection may go back to the pool. Where a commit or a rollback failed, as on a full disk, its transaction may
/// still be open, and with it SQLite's one lock for writing: such a connection is closed, which ends both.
async fn is_fit_for_others(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A rollback may be on its way; it ends before the answer to this.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

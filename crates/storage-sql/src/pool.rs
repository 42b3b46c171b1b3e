//! Connections to PostgreSQL.
//!
//! A server may fall silent without a connection breaking: its process is stopped, or something on the way drops what is
//! sent. Each wait for it therefore has an end, and a connection is kept for others only where its last question was
//! answered and no transaction is open; any other is cut off. So none has to be asked whether it lives as it is given back,
//! which would be one more round trip for each use. Where a statement was not answered, connections that answered last before
//! it are asked first; where one of those is silent, the others are replaced, and not waited for one after the other.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::{self, Manager, Metrics, Object, PoolError, RecycleError, RecycleResult};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgSeverity};
use sea_orm::sqlx::query::Query;
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Postgres};
use sea_orm::{ConnAcquireErr, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use tokio::runtime::Handle;

use crate::sql::{ANSWER_MAX, LIVELY_MAX};

/// For how long a connection counts as one that answers, since it last did.
const KNOWN_LIVELY_FOR: Duration = Duration::from_secs(1);
/// After how long a connection that nobody uses is closed, so that a burst does not hold sessions of the server for ever.
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);
/// After how long a connection is replaced: what a session gathers in the server is let go of, and a server that moved is
/// found.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);
/// By how much connections that were opened together differ in that, and how many times.
const AGES_APART: (Duration, u32) = (Duration::from_secs(30), 16);
/// How often it is looked for connections that are to be closed.
const SWEEP: Duration = Duration::from_secs(30);
/// How long after a server was asked in vain for a connection it is asked again, at first and at the most.
const CONNECT_AGAIN: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(250)];

/// The connections. A clone is another handle onto the same.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: managed::Pool<Server>,
    /// The longest that a caller waits for a connection.
    patience: Duration,
}

/// The server that is connected to.
struct Server {
    options: PgConnectOptions,
    doubts: Mutex<Doubts>,
    /// How many connections were opened.
    opened: AtomicU32,
    /// How many are held.
    held: AtomicUsize,
}

/// When something was asked last that was not answered.
#[derive(Default)]
struct Doubts {
    /// A statement. Whether a connection that answered last before then still does is asked.
    statement: Option<Instant>,
    /// Whether a connection lives. One that answered last before then is not asked any more.
    ping: Option<Instant>,
}

/// A connection as the pool keeps it.
struct Session {
    raw: PgConnection,
    answered_at: Instant,
    /// When it is to be replaced.
    ends_at: Instant,
}

/// A connection that its holder has for itself; dropped, it goes back.
pub(crate) struct Held {
    /// Absent once it is being dropped.
    session: Option<Object<Server>>,
    /// Since when an answer is awaited; nothing where none is, or one that was an error without the end of the connection.
    asked_at: Option<Instant>,
    is_in_transaction: bool,
    /// Whether a statement has failed: PostgreSQL then keeps nothing of its transaction, and takes `COMMIT` for a rollback
    /// without a word.
    is_lost: bool,
}

impl Pool {
    /// A pool without connections yet. Its tasks run on the runtime that this is called on.
    #[expect(clippy::expect_used, reason = "building fails for want of a runtime for timeouts, and there are none")]
    pub(crate) fn new(options: PgConnectOptions, connections_max: u32, patience: Duration) -> Self {
        let server = Server { options, doubts: Mutex::default(), opened: AtomicU32::new(0), held: AtomicUsize::new(0) };
        // They are taken in turn, so that each of them knows the statements, and was heard a moment ago.
        let connections = managed::Pool::builder(server)
            .max_size(usize::try_from(connections_max).unwrap_or(usize::MAX))
            .build()
            .expect("a pool without timeouts can be built");
        let weak = connections.weak();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(connections) = weak.upgrade() else { return };
                let stays = |session: &Session, _| session.answered_at.elapsed() < IDLE_MAX && !session.is_old();
                connections.retain(stays).removed.into_iter().for_each(close);
            }
        });
        Self { connections, patience }
    }

    /// A connection, opened where none is idle and there may be one more.
    ///
    /// # Errors
    /// There is none within a caller's patience, the server can't be connected to, or the pool is closed.
    pub(crate) async fn acquire(&self) -> Result<Held, DbErr> {
        let deadline = tokio::time::Instant::now() + self.patience;
        let [mut pause, pause_max] = CONNECT_AGAIN;
        loop {
            match tokio::time::timeout_at(deadline, self.connections.get()).await {
                // One that was being opened as the pool was closed is nobody's.
                Ok(Ok(_)) if self.connections.is_closed() => return Err(closed()),
                Ok(Ok(session)) => {
                    self.connections.manager().held.fetch_add(1, Ordering::Relaxed);
                    return Ok(Held {
                        session: Some(session),
                        asked_at: None,
                        is_in_transaction: false,
                        is_lost: false,
                    });
                }
                Ok(Err(PoolError::Backend(error)))
                    if may_soon_do(&error) && tokio::time::Instant::now() + pause < deadline =>
                {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(pause_max);
                }
                Ok(Err(PoolError::Backend(error))) => return Err(DbErr::Conn(RuntimeErr::SqlxError(error.into()))),
                Ok(Err(PoolError::Closed)) => return Err(closed()),
                Ok(Err(_)) | Err(_) => return Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
            }
        }
    }

    /// How many connections there are, and how many of them are idle.
    pub(crate) fn count(&self) -> (usize, usize) {
        let (size, held) = (self.connections.status().size, self.connections.manager().held.load(Ordering::Relaxed));
        (size.max(held), size.saturating_sub(held))
    }

    /// Closes it, and waits until each connection is given back, which statements that have an end do soon.
    pub(crate) async fn close(&self) {
        self.connections.retain(|_, _| false).removed.into_iter().for_each(close);
        self.connections.close();
        while self.connections.status().size > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn closed() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}

/// Closes a connection that owes nothing, as the server likes it. Outside of a runtime it is cut off.
fn close(session: Session) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(tokio::time::timeout(LIVELY_MAX, session.raw.close()));
    }
}

impl Session {
    fn is_old(&self) -> bool {
        self.ends_at <= Instant::now()
    }
}

impl Server {
    fn doubts(&self) -> MutexGuard<'_, Doubts> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Manager for Server {
    type Type = Session;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Session, sqlx::Error> {
        // In a box, since it is large, and seldom.
        let raw = Box::pin(self.options.connect()).await?;
        let (apart, times) = AGES_APART;
        let age_max = AGE_MAX + apart * (self.opened.fetch_add(1, Ordering::Relaxed) % times);
        let now = Instant::now();
        Ok(Session { raw, answered_at: now, ends_at: now + age_max })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<sqlx::Error> {
        let is_doubted = {
            let doubts = self.doubts();
            if doubts.ping.is_some_and(|asked_at| session.answered_at < asked_at) {
                return Err(RecycleError::message("another that idled as long is silent"));
            }
            doubts.statement.is_some_and(|asked_at| session.answered_at < asked_at)
        };
        if !is_doubted && session.answered_at.elapsed() < KNOWN_LIVELY_FOR {
            return Ok(());
        }
        let asked_at = Instant::now();
        match tokio::time::timeout(LIVELY_MAX, Box::pin(session.raw.ping())).await {
            Ok(answered) => {
                answered?;
                session.answered_at = Instant::now();
                Ok(())
            }
            Err(_) => {
                let mut doubts = self.doubts();
                doubts.ping = doubts.ping.max(Some(asked_at));
                Err(RecycleError::message("it is silent"))
            }
        }
    }
}

/// Nobody listens yet; the server starts up, shuts down or recovers, or has as many connections as it can. It is asked again for
/// as long as a caller waits, who meanwhile takes what another gives back.
fn may_soon_do(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P03" | "53300")),
        _ => false,
    }
}

impl Held {
    #[expect(clippy::expect_used, reason = "only a drop takes it")]
    fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("it is not dropped yet")
    }

    /// The connection, for one question whose answer [`told`](Self::told) must be told of.
    pub(crate) fn ask(&mut self) -> &mut PgConnection {
        self.asked_at = Some(Instant::now());
        &mut self.session().raw
    }

    /// What was answered. A connection that broke, or that the server ends, goes back to nobody.
    pub(crate) fn told<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let goes_on = match &answer {
            Ok(_) => true,
            // What is left of the answer to an error is read before the next question.
            Err(sqlx::Error::Database(error)) => {
                let severity = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
                severity.is_some_and(|severity| !matches!(severity, PgSeverity::Fatal | PgSeverity::Panic))
            }
            Err(_) => false,
        };
        if goes_on {
            self.asked_at = None;
            self.session().answered_at = Instant::now();
        }
        self.is_lost |= answer.is_err();
        answer
    }

    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        let done = in_limit(query(statement).execute(self.ask())).await;
        self.told(done).map(ExecResult::from).map_err(exec_error)
    }

    /// Executes text as it is, which may be several statements.
    pub(crate) async fn execute_unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        let done = in_limit(self.ask().execute(AssertSqlSafe(sql.to_owned()))).await;
        self.told(done).map(ExecResult::from).map_err(exec_error)
    }

    pub(crate) async fn query_one(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let row = in_limit(query(statement).fetch_optional(self.ask())).await;
        self.told(row).map(|row| row.map(QueryResult::from)).map_err(query_error)
    }

    pub(crate) async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let rows = in_limit(query(statement).fetch_all(self.ask())).await;
        self.told(rows).map(|rows| rows.into_iter().map(QueryResult::from).collect()).map_err(query_error)
    }

    /// Begins a transaction. Until it has ended in order, the connection is nobody else's.
    pub(crate) async fn begin(&mut self) -> Result<(), DbErr> {
        self.is_in_transaction = true;
        self.execute_unprepared("BEGIN").await.map(|_| ())
    }

    /// Ends a transaction.
    ///
    /// # Errors
    /// A statement of it has failed or was not waited for, so that nothing of it is kept; or as any statement.
    pub(crate) async fn commit(&mut self) -> Result<(), DbErr> {
        if self.is_lost || self.asked_at.is_some() {
            // One that fails has lost its connection, and with it the transaction.
            let _ = self.rollback().await;
            return Err(DbErr::Custom("a statement failed, so that nothing of its transaction is kept".to_owned()));
        }
        self.end("COMMIT").await
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), DbErr> {
        self.end("ROLLBACK").await
    }

    async fn end(&mut self, how: &str) -> Result<(), DbErr> {
        self.execute_unprepared(how).await?;
        self.is_in_transaction = false;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let is_free = self.asked_at.is_none() && !self.is_in_transaction;
        let is_old = session.is_old();
        if let Some(pool) = Object::pool(&session) {
            let server = pool.manager();
            server.held.fetch_sub(1, Ordering::Relaxed);
            if let Some(asked_at) = self.asked_at {
                let mut doubts = server.doubts();
                doubts.statement = doubts.statement.max(Some(asked_at));
            }
        }
        match (is_free, is_old) {
            (true, false) => drop(session),
            (true, true) => close(Object::take(session)),
            // Cut off here and now, which asks nothing of the server.
            (false, _) => drop(Object::take(session)),
        }
    }
}

/// What the server answers, if it does within the longest that a statement may take.
async fn in_limit<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(ANSWER_MAX, answer).await.unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into())))
}

/// A statement with its values. None of its text comes from outside.
fn query<'q>(statement: Statement) -> Query<'q, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or_else(|| Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// A pool of one connection to the PostgreSQL of the tests.
    fn pool_of_one() -> Option<Pool> {
        let Some(url) = std::env::var("PAYLINKS_TEST_DATABASE_URL").ok().filter(|url| !url.is_empty()) else {
            eprintln!("skipped: PAYLINKS_TEST_DATABASE_URL is not set");
            return None;
        };
        Some(Pool::new(url.parse().unwrap(), 1, PATIENCE))
    }

    /// Which session of the server it is.
    async fn session_of(held: &mut Held) -> i32 {
        let asked = Statement::from_string(DbBackend::Postgres, "SELECT pg_backend_pid()");
        held.query_one(asked).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    #[tokio::test]
    async fn what_was_answered_goes_back_and_errors_are_answers() {
        let Some(pool) = pool_of_one() else { return };
        let mut held = pool.acquire().await.unwrap();
        let first = session_of(&mut held).await;
        held.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
        drop(held);
        assert_eq!(pool.count(), (1, 1));
        let mut held = pool.acquire().await.unwrap();
        assert_eq!((session_of(&mut held).await, pool.count()), (first, (1, 0)));
    }

    #[tokio::test]
    async fn what_is_not_waited_for_is_cut_off_and_its_place_is_free() {
        let Some(pool) = pool_of_one() else { return };
        let mut held = pool.acquire().await.unwrap();
        let first = session_of(&mut held).await;
        let asked = tokio::time::timeout(Duration::from_millis(50), held.execute_unprepared("SELECT pg_sleep(3)"));
        asked.await.unwrap_err();
        drop(held);
        assert_eq!(pool.count(), (0, 0));
        assert_ne!(session_of(&mut pool.acquire().await.unwrap()).await, first);
    }

    #[tokio::test]
    async fn what_the_server_ends_goes_back_to_nobody() {
        let Some(pool) = pool_of_one() else { return };
        let mut held = pool.acquire().await.unwrap();
        held.execute_unprepared("SELECT pg_terminate_backend(pg_backend_pid())").await.unwrap_err();
        drop(held);
        assert_eq!(pool.count(), (0, 0));
        session_of(&mut pool.acquire().await.unwrap()).await;
    }

    #[tokio::test]
    async fn a_transaction_that_nobody_ends_goes_back_to_nobody() {
        let Some(pool) = pool_of_one() else { return };
        let mut held = pool.acquire().await.unwrap();
        held.begin().await.unwrap();
        drop(held);
        assert_eq!(pool.count(), (0, 0));
        let mut held = pool.acquire().await.unwrap();
        held.begin().await.unwrap();
        held.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
        held.commit().await.unwrap_err();
        drop(held);
        // It was rolled back in order.
        assert_eq!(pool.count(), (1, 1));
    }

    #[tokio::test]
    async fn a_pool_that_closes_waits_for_who_holds_a_connection() {
        let Some(pool) = pool_of_one() else { return };
        let held = pool.acquire().await.unwrap();
        let mut closing = std::pin::pin!(pool.close());
        tokio::time::timeout(Duration::from_millis(50), &mut closing).await.unwrap_err();
        drop(held);
        tokio::time::timeout(PATIENCE, closing).await.unwrap();
        assert!(matches!(pool.acquire().await, Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))));
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_waited_for_as_long_as_a_caller_does() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://nobody@{}/nothing", silent.local_addr().unwrap());
        let pool = Pool::new(url.parse().unwrap(), 1, Duration::from_millis(200));
        for _ in 0..2 {
            assert!(matches!(pool.acquire().await, Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))));
            assert_eq!(pool.count(), (0, 0));
        }
    }
}

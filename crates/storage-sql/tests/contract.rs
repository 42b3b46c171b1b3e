//! Storage on SQL under its contract, on SQLite always, and on the PostgreSQL that `PAYLINKS_TEST_DATABASE_URL` names.
//!
//! Without that variable the PostgreSQL half says that it is skipped, except under `CI`, where it fails. Each test has a
//! database of its own and drops it, so the URL's role must be allowed to create databases.
#![expect(clippy::unwrap_used, reason = "in a test, an error is a failure")]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use domain::event::{EventKind, EventPosition};
use domain::id::{PaymentLinkId, ProductId, RefundId, TaxIdCheckId};
use domain::page::PageRequest;
use domain::payment::{OutOfBandMethod, Payment};
use domain::ports::storage::{
    ApiKeyQueries, CatalogQueries, CreditNoteQueries, EventFilter, EventQueries, InboxQueries, InvoiceQueries,
    LinkFilter, PaymentLinkQueries, Storage, StorageError, TaxRecordQueries, UnprocessedState,
};
use domain::provider::ProviderAction;
use domain::refund::{NewRefund, OutOfBandRefund, Refund};
use domain::tax_id_check::{RegistryAnswer, TaxIdCheck};
use port_contracts::fixtures::{
    PaymentParties, credit_note, draft_invoice, inbox_entry, intent, later, metadata, money, next_uuid, only,
    open_invoice, pending_payment, product, product_event, provider_ref, seller, tax_id,
};
use port_contracts::storage::Store;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, Statement, TransactionTrait};
use storage_sql::{SqlConfig, SqlStorage};
use time::macros::date;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);
/// How many tests use PostgreSQL at once: each has a pool, and a server allows 100 connections by default.
static POSTGRES_PLACES: Semaphore = Semaphore::const_new(4);

mod sqlite {
    port_contracts::storage_contract!(super::keeps_on_sqlite);
}

mod postgres {
    port_contracts::storage_contract!(super::keeps_on_postgres);
    port_contracts::storage_contract_of_concurrent_writers!(super::keeps_on_postgres);
}

/// One test of each for both databases, of functions that get the URL of an empty one.
macro_rules! on_both_databases {
    ($($test:ident,)+) => {
        mod sqlite_alone {
            $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::on_sqlite(super::$test).await; })+
        }
        mod postgres_alone {
            $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::on_postgres(super::$test).await; })+
        }
    };
}

on_both_databases! {
    cancelled_callers_leave_no_transaction_behind,
    positions_go_on_after_reopening,
    replicas_that_start_at_once_share_the_schema,
    an_event_of_another_replica_wakes_who_waits,
    the_last_position_goes_back_with_the_database,
    what_a_later_version_added_is_tolerated,
    a_notification_that_can_not_be_read_is_set_aside_and_others_go_on,
    a_call_that_can_not_be_read_waits_and_others_go_on,
    a_statement_that_would_change_what_is_final_is_refused,
    a_statement_that_would_rewrite_the_books_is_refused,
    a_database_that_is_gone_is_unavailable,
}

async fn keeps_on_sqlite<F>(rule: impl FnOnce(Store) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    on_sqlite(|url| keeps(url, rule)).await;
}

async fn keeps_on_postgres<F>(rule: impl FnOnce(Store) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    on_postgres(|url| keeps(url, rule)).await;
}

async fn keeps<F: Future<Output = ()>>(url: String, rule: impl FnOnce(Store) -> F) {
    let storage = open(&url).await;
    rule(Arc::new(storage.clone())).await;
    storage.close().await;
}

async fn on_sqlite<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(String) -> F) {
    let directory = tempfile::tempdir().unwrap();
    test(format!("sqlite://{}", directory.path().join("paylinks.db").display())).await;
}

async fn on_postgres<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(String) -> F) {
    let Some(server) = postgres_url() else { return };
    let _place = POSTGRES_PLACES.acquire().await.unwrap();
    let admin = Database::connect(&server).await.unwrap();
    let name = format!("paylinks_test_{}", next_uuid().simple());
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    // In a task of its own, so that the database is dropped also after a failure.
    let outcome = tokio::spawn(test(with_database(&server, &name))).await;
    admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn postgres_url() -> Option<String> {
    let url = std::env::var("PAYLINKS_TEST_DATABASE_URL").ok().filter(|url| !url.is_empty());
    if url.is_none() {
        let is_ci = std::env::var("CI").is_ok_and(|ci| !ci.is_empty() && ci != "false");
        assert!(!is_ci, "PAYLINKS_TEST_DATABASE_URL must name a PostgreSQL under CI");
        eprintln!("skipped on PostgreSQL: PAYLINKS_TEST_DATABASE_URL is not set");
    }
    url
}

/// The server's URL with another database: `scheme://authority/database?parameters`.
fn with_database(server: &str, name: &str) -> String {
    let (base, parameters) = server.split_once('?').map_or((server, None), |(base, rest)| (base, Some(rest)));
    let (scheme, rest) = base.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap_or_default();
    let parameters = parameters.map(|parameters| format!("?{parameters}")).unwrap_or_default();
    format!("{scheme}://{authority}/{name}{parameters}")
}

#[test]
fn the_database_of_a_url_is_replaced_and_its_parameters_stay() {
    for (server, expected) in [
        ("postgres://u:p@127.0.0.1:5432/postgres", "postgres://u:p@127.0.0.1:5432/x"),
        ("postgresql://u@[::1]", "postgresql://u@[::1]/x"),
        ("postgres:///main?host=/run/pg&port=1", "postgres:///x?host=/run/pg&port=1"),
    ] {
        assert_eq!(with_database(server, "x"), expected);
    }
}

async fn open(url: &str) -> SqlStorage {
    SqlStorage::connect(&SqlConfig::new(url)).await.unwrap()
}

/// Drives a future for at most `polls` polls, and drops it wherever it is then: `None`.
async fn abandoned_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left <= 1 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// A whole transaction. Tells the product that it committed.
async fn write(storage: SqlStorage) -> Result<ProductId, StorageError> {
    let mut cup = product(&seller("north"));
    let mut work = storage.begin().await?;
    work.insert_product(&mut cup).await?;
    work.append_event(&product_event(EventKind::ProductCreated, &cup)).await?;
    work.next_number(&seller("north"), "INV").await?;
    work.commit().await?;
    Ok(cup.id)
}

/// Callers go away at every point of a transaction; afterwards no connection is inside of one, what was told as committed
/// is there, and more than a pool's worth of transactions go through.
async fn cancelled_callers_leave_no_transaction_behind(url: String) {
    let storage = open(&url).await;
    let mut outcomes = Vec::new();
    // As many at once as find a connection: who only waits for one is not inside of anything.
    for batch in 0..25 {
        // Every other batch goes away early: in the middle of the begin.
        let polls_max = if batch % 2 == 0 { 3 } else { 8 };
        let mut callers = JoinSet::new();
        for index in 0..12 {
            callers.spawn(abandoned_after(1 + (batch + index) % polls_max, write(storage.clone())));
        }
        outcomes.extend(callers.join_all().await);
    }
    let cancelled = outcomes.iter().filter(|outcome| outcome.is_none()).count();
    assert!((100..300).contains(&cancelled), "{cancelled} of 300 were cancelled");
    for committed in outcomes.into_iter().flatten() {
        let id = committed.unwrap();
        assert!(storage.get_product(&only(&seller("north")), id).await.unwrap().is_some());
    }
    if url.starts_with("postgres") {
        // Before anything else is written: it would end what a caller left behind on the connection that it gets.
        none_idles_in_a_transaction(&url).await;
    }

    let mut writers = JoinSet::new();
    for _ in 0..40 {
        writers.spawn(tokio::time::timeout(DEADLINE, write(storage.clone())));
    }
    for written in writers.join_all().await {
        written.unwrap().unwrap();
    }
    storage.close().await;
}

async fn none_idles_in_a_transaction(url: &str) {
    let admin = Database::connect(url).await.unwrap();
    let count = "SELECT count(*) FROM pg_stat_activity \
                 WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let began = Instant::now();
    // The sequencer's own transactions come and go, so look until there is none.
    while number(&admin, count).await > 0 {
        assert!(began.elapsed() < DEADLINE, "a connection stays inside of a transaction");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    admin.close().await.unwrap();
}

async fn number(connection: &DatabaseConnection, sql: &str) -> i64 {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

async fn append(storage: &SqlStorage) {
    let mut work = storage.begin().await.unwrap();
    work.append_event(&product_event(EventKind::ProductCreated, &product(&seller("north")))).await.unwrap();
    work.commit().await.unwrap();
}

/// Positions, numbers and the schema outlive the process; an event that it left without a position gets one.
async fn positions_go_on_after_reopening(url: String) {
    for round in 1..=3 {
        let storage = open(&url).await;
        append(&storage).await;
        storage.sequence_events().await.unwrap();
        assert_eq!(storage.last_position().await.unwrap(), EventPosition(round));
        let mut work = storage.begin().await.unwrap();
        assert_eq!(work.next_number(&seller("north"), "INV").await.unwrap(), u64::try_from(round).unwrap());
        work.commit().await.unwrap();
        storage.close().await;
    }
    let storage = open(&url).await;
    append(&storage).await;
    storage.close().await;
    let storage = open(&url).await;
    storage.sequence_events().await.unwrap();
    let all = storage.list_events(&only(&seller("north")), &EventFilter::default(), EventPosition::START, 10).await;
    let positions: Vec<_> = all.unwrap().iter().map(|it| it.position.0).collect();
    assert_eq!(positions, [1, 2, 3, 4]);
    storage.close().await;
}

/// Several that find the database empty migrate it once, and all go on.
async fn replicas_that_start_at_once_share_the_schema(url: String) {
    let mut replicas = JoinSet::new();
    for _ in 0..4 {
        let url = url.clone();
        replicas.spawn(async move {
            let storage = open(&url).await;
            write(storage.clone()).await.unwrap();
            storage.close().await;
        });
    }
    replicas.join_all().await;
    let connection = Database::connect(&url).await.unwrap();
    assert_eq!(number(&connection, "SELECT count(*) FROM products").await, 4);
    connection.close().await.unwrap();
}

/// A waiter of one replica learns of what another appended.
async fn an_event_of_another_replica_wakes_who_waits(url: String) {
    let (one, other) = (open(&url).await, open(&url).await);
    let waiting = tokio::spawn({
        let one = one.clone();
        async move { one.wait_for_event(EventPosition::START, DEADLINE * 3).await }
    });
    append(&other).await;
    tokio::time::timeout(DEADLINE, waiting).await.unwrap().unwrap().unwrap();
    let own = only(&seller("north"));
    let seen = one.list_events(&own, &EventFilter::default(), EventPosition::START, 10).await.unwrap();
    assert_eq!(seen.len(), 1);
    one.close().await;
    other.close().await;
}

/// An older copy takes the database's place: what gets those positions there is news to who waits.
async fn the_last_position_goes_back_with_the_database(url: String) {
    let storage = open(&url).await;
    for _ in 0..3 {
        append(&storage).await;
    }
    storage.sequence_events().await.unwrap();
    assert_eq!(storage.wait_for_event(EventPosition(2), DEADLINE).await.unwrap(), EventPosition(3));
    let connection = Database::connect(&url).await.unwrap();
    connection.execute_unprepared("UPDATE event_sequencer SET last_position = 1").await.unwrap();
    connection.close().await.unwrap();
    let began = Instant::now();
    // Behind the last that there was, so that it is looked for while this waits.
    while storage.wait_for_event(EventPosition(3), Duration::from_millis(300)).await.unwrap() != EventPosition(1) {
        assert!(began.elapsed() < DEADLINE, "the last position stays where it was");
    }
    storage.close().await;
}

/// During an upgrade the newer version writes fields that this one does not know: it reads on. A state that it does not
/// know it can't read, and says so rather than guess.
async fn what_a_later_version_added_is_tolerated(url: String) {
    let storage = open(&url).await;
    let own = only(&seller("north"));
    let mut cup = product(&seller("north"));
    let mut link = port_contracts::fixtures::items_link(&seller("north"), None, metadata(&[]));
    let mut work = storage.begin().await.unwrap();
    work.insert_product(&mut cup).await.unwrap();
    work.insert_payment_link(&mut link).await.unwrap();
    work.commit().await.unwrap();
    let connection = Database::connect(&url).await.unwrap();
    let [add_field, unknown_state] = if url.starts_with("postgres") {
        [
            r#"UPDATE products SET document = document || '{"added_later": {"deep": [1]}}'"#,
            r#"UPDATE payment_links SET document = jsonb_set(document, '{state,state}', '"sleeping"')"#,
        ]
    } else {
        [
            r#"UPDATE products SET document = json_set(document, '$.added_later', json('{"deep": [1]}'))"#,
            "UPDATE payment_links SET document = json_set(document, '$.state.state', 'sleeping')",
        ]
    };
    connection.execute_unprepared(add_field).await.unwrap();
    connection.execute_unprepared(unknown_state).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(storage.get_product(&own, cup.id).await.unwrap(), Some(cup));
    let unreadable = storage.load_payment_link(link.id).await;
    assert!(matches!(unreadable, Err(StorageError::Defect(_))), "{unreadable:?}");
    storage.close().await;
}

/// Keeps everyone from a table of PostgreSQL until it is rolled back.
async fn lock_table(admin: &DatabaseConnection, table: &str) -> DatabaseTransaction {
    let lock = admin.begin().await.unwrap();
    lock.execute_unprepared(&format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
    lock
}

/// How many wait for a lock on a table, once there are so many at least.
async fn waiting_for(admin: &DatabaseConnection, table: &str, least: i64) -> i64 {
    let waiting = format!("SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted");
    let began = Instant::now();
    loop {
        let count = number(admin, &waiting).await;
        if count >= least {
            return count;
        }
        assert!(began.elapsed() < DEADLINE, "{count} wait for {table}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Reads of a table that someone has locked wait, and hold up neither reads of another nor the keys of callers.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_holds_up_no_other() {
    on_postgres(|url| async move {
        let storage = open(&url).await;
        let key = port_contracts::fixtures::api_key("pk_1");
        let mut work = storage.begin().await.unwrap();
        work.insert_api_key(&key).await.unwrap();
        work.commit().await.unwrap();
        let admin = Database::connect(&url).await.unwrap();
        let lock = lock_table(&admin, "products").await;
        let mut waiting = JoinSet::new();
        for _ in 0..6 {
            let storage = storage.clone();
            let id = ProductId::from_uuid(next_uuid());
            waiting.spawn(async move { storage.get_product(&only(&seller("north")), id).await });
        }
        // As many as ask at once for the rows of one table wait for it.
        assert!(waiting_for(&admin, "products", 2).await >= 2);
        let read = storage.load_api_key_by_prefix("pk_1");
        assert_eq!(tokio::time::timeout(DEADLINE, read).await.unwrap().unwrap(), Some(key));
        let (own, absent) = (only(&seller("north")), PaymentLinkId::from_uuid(next_uuid()));
        let link = storage.get_payment_link(&own, absent);
        assert_eq!(tokio::time::timeout(DEADLINE, link).await.unwrap().unwrap(), None);
        assert!(waiting.try_join_next().is_none(), "they wait still");
        lock.rollback().await.unwrap();
        for read in waiting.join_all().await {
            assert_eq!(read.unwrap(), None);
        }
        admin.close().await.unwrap();
        storage.close().await;
    })
    .await;
}

/// Readers that go away from a locked table leave few sessions behind, which wait for it still, and hold up no other list.
#[tokio::test(flavor = "multi_thread")]
async fn lists_that_nobody_waits_for_any_more_fill_no_server() {
    const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
    on_postgres(|url| async move {
        let storage = open(&url).await;
        let admin = Database::connect(&url).await.unwrap();
        let lock = lock_table(&admin, "payment_links").await;
        let mut readers = JoinSet::new();
        for _ in 0..80 {
            let storage = storage.clone();
            readers.spawn(async move {
                let own = seller("north");
                let list = storage.list_payment_links(&own, LinkFilter::default(), PageRequest::NEWEST);
                tokio::time::timeout(Duration::from_millis(100), list).await.is_err()
            });
        }
        assert_eq!(readers.join_all().await.iter().filter(|went_away| **went_away).count(), 80);
        let own = seller("north");
        let waiting = waiting_for(&admin, "payment_links", 1).await;
        let sessions = number(&admin, SESSIONS).await;
        assert!((1..=4).contains(&waiting), "{waiting} wait for the lock");
        assert!(sessions < 20, "{sessions} sessions");
        let products = storage.list_products(&own, None, PageRequest::NEWEST);
        assert!(tokio::time::timeout(DEADLINE, products).await.unwrap().unwrap().items.is_empty());
        lock.rollback().await.unwrap();
        let links = storage.list_payment_links(&own, LinkFilter::default(), PageRequest::NEWEST);
        assert!(tokio::time::timeout(DEADLINE, links).await.unwrap().unwrap().items.is_empty());
        admin.close().await.unwrap();
        storage.close().await;
    })
    .await;
}

/// The same of notifications that are to be stored, whose callers are a provider's many tries.
#[tokio::test(flavor = "multi_thread")]
async fn notifications_that_wait_for_a_lock_take_few_connections() {
    on_postgres(|url| async move {
        let storage = open(&url).await;
        let admin = Database::connect(&url).await.unwrap();
        let lock = lock_table(&admin, "notifications").await;
        let mut deliveries = JoinSet::new();
        for index in 0..80 {
            let storage = storage.clone();
            deliveries.spawn(async move {
                let told = [inbox_entry(&format!("evt_{index}"))];
                tokio::time::timeout(Duration::from_millis(100), storage.store_notifications(&told)).await.is_err()
            });
        }
        assert_eq!(deliveries.join_all().await.iter().filter(|went_away| **went_away).count(), 80);
        let waiting = waiting_for(&admin, "notifications", 1).await;
        assert!((1..=5).contains(&waiting), "{waiting} wait for the lock");
        tokio::time::timeout(DEADLINE, write(storage.clone())).await.unwrap().unwrap();
        lock.rollback().await.unwrap();
        let last = [inbox_entry("evt_last")];
        let stored = tokio::time::timeout(DEADLINE, storage.store_notifications(&last)).await;
        assert_eq!(stored.unwrap().unwrap(), 1);
        admin.close().await.unwrap();
        storage.close().await;
    })
    .await;
}

/// PostgreSQL keeps nothing of a transaction in which a statement failed, and takes its commit for a rollback without a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_in_which_a_statement_failed_is_not_told_as_kept() {
    on_postgres(|url| async move {
        let storage = open(&url).await;
        let own = seller("north");
        let (kept, mut cup) = (product(&own), product(&own));
        let mut work = storage.begin().await.unwrap();
        work.insert_product(&mut cup).await.unwrap();
        let twice = work.insert_product(&mut cup.clone()).await;
        assert!(matches!(twice, Err(StorageError::Conflict { .. })), "{twice:?}");
        let committed = work.commit().await;
        assert!(matches!(committed, Err(StorageError::Defect(_))), "{committed:?}");
        assert_eq!(storage.get_product(&only(&own), cup.id).await.unwrap(), None);
        // Its connection is not left inside of it, and others are there.
        none_idles_in_a_transaction(&url).await;
        let mut work = storage.begin().await.unwrap();
        work.insert_product(&mut kept.clone()).await.unwrap();
        work.commit().await.unwrap();
        assert!(storage.get_product(&only(&own), kept.id).await.unwrap().is_some());
        storage.close().await;
    })
    .await;
}

/// However many notifications wait, those that are due are found by an index.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_leased_without_reading_all_that_waits() {
    on_postgres(|url| async move {
        let storage = open(&url).await;
        assert_eq!(storage.store_notifications(&[inbox_entry("evt_0")]).await.unwrap(), 1);
        let admin = Database::connect(&url).await.unwrap();
        let copies = "INSERT INTO notifications (id, provider, provider_event_id, state, due_at_us, attempts, \
                      received_at_us, document) SELECT 'copy_' || copy, provider, 'copy_' || copy, state, due_at_us, \
                      copy % 2, received_at_us, document FROM notifications, generate_series(1, 5000) AS copy";
        admin.execute_unprepared(copies).await.unwrap();
        // As the server does by itself, within a minute.
        admin.execute_unprepared("ANALYZE notifications").await.unwrap();
        let mut work = storage.begin().await.unwrap();
        assert_eq!(work.lease_due_notifications(16, Duration::from_secs(60)).await.unwrap().len(), 16);
        work.commit().await.unwrap();
        // Sessions tell what they read at the latest as they end.
        storage.close().await;
        let counted = |what: &str| format!("SELECT {what} FROM pg_stat_user_tables WHERE relname = 'notifications'");
        let deadline = Instant::now() + Duration::from_secs(10);
        while number(&admin, &counted("n_tup_upd")).await < 16 {
            assert!(Instant::now() < deadline, "nothing is told of the lease");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let read = number(&admin, &counted("seq_tup_read + idx_tup_fetch")).await;
        assert!(read < 1_000, "{read} rows were read");
        admin.close().await.unwrap();
    })
    .await;
}

/// An intended call of a later version's holds up no other, and counts among what waits.
async fn a_call_that_can_not_be_read_waits_and_others_go_on(url: String) {
    let storage = open(&url).await;
    let refund = || ProviderAction::CreateRefund { refund_id: RefundId::from_uuid(next_uuid()) };
    let intents: Vec<_> = (0..3).map(|_| intent(&seller("north"), refund(), None)).collect();
    let mut work = storage.begin().await.unwrap();
    for intent in &intents {
        work.insert_intent(intent, Duration::ZERO).await.unwrap();
    }
    work.commit().await.unwrap();
    let changed = match url.starts_with("postgres") {
        true => "jsonb_set(document, '{action}', '\"moonlight\"')",
        false => "json_set(document, '$.action', 'moonlight')",
    };
    let connection = Database::connect(&url).await.unwrap();
    let change = format!("UPDATE intents SET document = {changed} WHERE id = '{}'", intents[0].id);
    assert_eq!(connection.execute_unprepared(&change).await.unwrap().rows_affected(), 1);
    let mut work = storage.begin().await.unwrap();
    let leased = work.lease_due_intents(10, Duration::from_secs(60)).await.unwrap();
    work.commit().await.unwrap();
    let mut ids: Vec<_> = leased.iter().map(|intent| intent.id).collect();
    ids.sort();
    let mut readable = vec![intents[1].id, intents[2].id];
    readable.sort();
    assert_eq!(ids, readable);
    assert!(storage.backlog().await.unwrap().oldest_call.is_some());
    storage.close().await;
}

/// A notification of a later version's holds up no other: it is set aside, listed, and read once there is a version that can.
async fn a_notification_that_can_not_be_read_is_set_aside_and_others_go_on(url: String) {
    let storage = open(&url).await;
    let entries: Vec<_> = ["evt_1", "evt_2", "evt_3"].map(inbox_entry).into();
    assert_eq!(storage.store_notifications(&entries).await.unwrap(), entries.len());
    let set_topic = |topic: &str| {
        let changed = match url.starts_with("postgres") {
            true => format!("jsonb_set(document, '{{notification,topic,topic}}', '\"{topic}\"')"),
            false => format!("json_set(document, '$.notification.topic.topic', '{topic}')"),
        };
        format!("UPDATE notifications SET document = {changed} WHERE id = '{}'", entries[1].id)
    };
    let connection = Database::connect(&url).await.unwrap();
    connection.execute_unprepared(&set_topic("moonlight")).await.unwrap();
    let take = async || {
        let mut work = storage.begin().await.unwrap();
        let leased = work.lease_due_notifications(10, Duration::from_secs(60)).await.unwrap();
        work.commit().await.unwrap();
        let mut ids: Vec<_> = leased.iter().map(|entry| entry.id).collect();
        ids.sort();
        ids
    };
    let mut readable = vec![entries[0].id, entries[2].id];
    readable.sort();
    assert_eq!(take().await, readable);
    assert_eq!(storage.count_set_aside_notifications().await.unwrap(), 1);
    let (waiting, aside) = (UnprocessedState::Waiting, UnprocessedState::SetAside);
    let listed = storage.list_unprocessed_notifications(&[waiting, aside], 10).await.unwrap();
    let of: Vec<_> = listed.iter().map(|it| (it.id, it.topic.is_some(), it.state)).collect();
    assert_eq!(of, [(entries[0].id, true, waiting), (entries[1].id, false, aside), (entries[2].id, true, waiting)]);
    assert!(listed[1].reason.as_ref().is_some_and(|reason| reason.contains("can't read it")), "{listed:?}");
    let retry = async || {
        let mut work = storage.begin().await.unwrap();
        assert!(work.take_notification_up_again(entries[1].id).await.unwrap());
        work.commit().await.unwrap();
    };
    retry().await;
    assert_eq!(take().await, []);
    connection.execute_unprepared(&set_topic("checkout")).await.unwrap();
    retry().await;
    assert_eq!(take().await, [entries[1].id]);
    connection.close().await.unwrap();
    storage.close().await;
}

/// At a database console too: what a finalized invoice, a credit note or a check of a tax id says can't be changed, and none of
/// them can be removed.
/// The shape in which a later version spells a finalized invoice does not matter, since it is not written again.
async fn a_statement_that_would_change_what_is_final_is_refused(url: String) {
    let storage = open(&url).await;
    let own = only(&seller("north"));
    let mut invoice = open_invoice(&seller("north"), None, 1, date!(2026 - 12 - 24));
    let mut draft = draft_invoice(&seller("north"), None);
    let mut note = credit_note(&mut invoice, 1_000, 1);
    let asked = (tax_id(), RegistryAnswer::Unavailable);
    let mut check = TaxIdCheck::new(TaxIdCheckId::from_uuid(next_uuid()), seller("north"), asked, later());
    let mut work = storage.begin().await.unwrap();
    work.insert_invoice(&mut invoice).await.unwrap();
    work.insert_invoice(&mut draft).await.unwrap();
    work.insert_credit_note(&mut note).await.unwrap();
    work.insert_tax_id_check(&mut check).await.unwrap();
    work.commit().await.unwrap();
    let is_postgres = url.starts_with("postgres");
    let set = |table: &str, path: &str| match (is_postgres, path.split('.').collect::<Vec<_>>()) {
        (true, keys) => {
            format!("UPDATE {table} SET document = jsonb_set(document, '{{{}}}', '\"x\"')", keys.join(","))
        }
        (false, _) => format!("UPDATE {table} SET document = json_set(document, '$.{path}', 'x')"),
    };
    let mut statements = vec![
        "DELETE FROM invoices".to_owned(),
        "DELETE FROM credit_notes".to_owned(),
        "UPDATE credit_notes SET version = version".to_owned(),
        "UPDATE invoices SET number = NULL".to_owned(),
        "UPDATE invoices SET number = 'INV-9' WHERE number IS NOT NULL".to_owned(),
        "UPDATE invoices SET gross = gross + 1, net = net + 1".to_owned(),
        "UPDATE invoices SET due_date = '2031-01-01' WHERE number IS NOT NULL".to_owned(),
        "UPDATE invoices SET state = 'draft'".to_owned(),
        "UPDATE invoices SET credited_before_payment = gross + 1".to_owned(),
        "DELETE FROM tax_id_checks".to_owned(),
        "UPDATE tax_id_checks SET version = version".to_owned(),
        set("tax_id_checks", "answer"),
        set("credit_notes", "memo"),
        set("invoices", "description"),
        set("invoices", "lines"),
        set("invoices", "tax.net"),
        set("invoices", "metadata.order"),
        set("invoices", "state.finalization.number"),
        set("invoices", "state.finalization"),
        set("invoices", "state"),
        set("invoices", "new_key"),
    ];
    if is_postgres {
        let tables = ["credit_notes", "invoices", "tax_id_checks"];
        statements.extend(tables.map(|table| format!("TRUNCATE {table} CASCADE")));
    }
    let connection = Database::connect(&url).await.unwrap();
    for statement in statements {
        let refused = connection.execute_unprepared(&statement).await;
        assert!(refused.is_err(), "{statement}");
    }
    assert_eq!(number(&connection, "SELECT count(*) FROM invoices").await, 2);
    assert_eq!(storage.get_invoice(&own, invoice.id).await.unwrap().as_ref(), Some(&invoice));
    assert_eq!(storage.get_credit_note(&own, note.id).await.unwrap().as_ref(), Some(&note));
    assert_eq!(storage.get_tax_id_check(&own, check.id).await.unwrap().as_ref(), Some(&check));

    // The draft becomes a finalized invoice in the shape of a later version.
    let later_shape = if is_postgres {
        r#"jsonb_set(jsonb_set(jsonb_set(other.document, '{state,finalization,number}', '"INV-00002"'),
           '{state,finalization,sequence}', '2'), '{id}', to_jsonb(invoices.id)) || '{"added_later": {"deep": [1]}}'"#
    } else {
        r#"json_set(other.document, '$.state.finalization.number', 'INV-00002', '$.state.finalization.sequence', 2,
           '$.id', invoices.id, '$.added_later', json('{"deep": [1]}'))"#
    };
    let finalize = format!(
        "UPDATE invoices SET number = 'INV-00002', series = 'INV', sequence = 2, due_date = '2026-12-24', state = 'open', \
         document = (SELECT {later_shape} FROM invoices AS other WHERE other.number IS NOT NULL) WHERE number IS NULL"
    );
    connection.execute_unprepared(&finalize).await.unwrap();
    let mut work = storage.begin().await.unwrap();
    let mut paid = work.lock_invoice(draft.id).await.unwrap().unwrap();
    paid.receive(money(1), later()).unwrap();
    work.update_invoice(&mut paid).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(storage.get_invoice(&own, draft.id).await.unwrap(), Some(paid));
    let kept = "SELECT count(*) FROM invoices WHERE CAST(document AS TEXT) LIKE '%added_later%' AND amount_paid = 1";
    assert_eq!(number(&connection, kept).await, 1);
    connection.close().await.unwrap();
    storage.close().await;
}

/// At a database console too: money that came in and went back, events and the last number of a series are not rewritten, what
/// was paid on an invoice does not shrink, and no column says another thing than its document. What the code asks goes through.
async fn a_statement_that_would_rewrite_the_books_is_refused(url: String) {
    let storage = open(&url).await;
    let mut invoice = open_invoice(&seller("north"), None, 1, date!(2026 - 12 - 24));
    let parties = PaymentParties { invoice_id: Some(invoice.id), ..PaymentParties::default() };
    let mut payment = pending_payment(&seller("north"), parties);
    let mut work = storage.begin().await.unwrap();
    work.next_number(&seller("north"), "INV").await.unwrap();
    work.insert_invoice(&mut invoice).await.unwrap();
    work.insert_payment(&mut payment).await.unwrap();
    let session = payment.checkout_session_id.unwrap();
    let total = payment.total;
    assert!(payment.succeed((provider_ref("pi_1"), session), total, vec![], later()));
    work.update_payment(&mut payment).await.unwrap();
    invoice.receive(payment.total, later()).unwrap();
    work.update_invoice(&mut invoice).await.unwrap();
    let mut refund = refund_in_cash(&payment);
    assert!(work.insert_refund(&mut refund).await.unwrap());
    payment.recount_refund(None, refund.counted(), later()).unwrap();
    work.update_payment(&mut payment).await.unwrap();
    work.append_event(&product_event(EventKind::ProductCreated, &product(&seller("north")))).await.unwrap();
    work.commit().await.unwrap();
    storage.sequence_events().await.unwrap();

    let connection = Database::connect(&url).await.unwrap();
    let is_postgres = url.starts_with("postgres");
    let set = |table: &str, path: &str, value: &str| {
        if is_postgres {
            let keys = path.replace('.', ",");
            format!("UPDATE {table} SET document = jsonb_set(document, '{{{keys}}}', '{value}')")
        } else {
            format!("UPDATE {table} SET document = json_set(document, '$.{path}', json('{value}'))")
        }
    };
    let columns = |table: &'static str, names: &'static [&'static str]| {
        names.iter().map(move |name| format!("UPDATE {table} SET {name} = {name} || 'x'"))
    };
    let amounts = |table: &'static str, names: &'static [&'static str]| {
        names.iter().map(move |name| format!("UPDATE {table} SET {name} = {name} + 1"))
    };
    let tables = ["payments", "refunds", "events", "number_series", "invoices"];
    let mut statements: Vec<String> = tables.iter().map(|table| format!("DELETE FROM {table}")).collect();
    if is_postgres {
        statements.extend(tables.iter().map(|table| format!("TRUNCATE {table} CASCADE")));
    }
    statements.extend(columns("payments", &["id", "seller_id", "provider", "currency", "received_currency", "state"]));
    statements.extend(columns("refunds", &["id", "seller_id", "provider", "currency", "state"]));
    statements.extend(columns("events", &["id", "seller_id", "kind", "subject_id"]));
    statements.extend(columns("number_series", &["seller_id", "series"]));
    statements.extend(amounts("payments", &["total", "received", "refunded", "created_at_us"]));
    statements.extend(amounts("refunds", &["amount", "created_at_us"]));
    statements.extend(amounts("events", &["seq", "position", "occurred_at_us"]));
    statements.extend(amounts("invoices", &["amount_paid", "amount_overpaid"]));
    statements.extend([
        "UPDATE payments SET invoice_id = NULL".to_owned(),
        "UPDATE payments SET received = NULL".to_owned(),
        "UPDATE events SET position = NULL".to_owned(),
        "UPDATE number_series SET last_number = last_number".to_owned(),
        "UPDATE number_series SET last_number = last_number + 2".to_owned(),
        "UPDATE number_series SET last_number = last_number - 1".to_owned(),
        "UPDATE invoices SET amount_paid = 0".to_owned(),
        "UPDATE invoices SET state = 'uncollectible'".to_owned(),
        set("payments", "received.minor", "1"),
        set("payments", "total.minor", "1"),
        set("payments", "state.state", "\"failed\""),
        set("refunds", "amount.minor", "1"),
        set("refunds", "out_of_band.refunded_on", "\"x\""),
        set("events", "kind", "\"x\""),
        set("invoices", "amount_paid.minor", "0"),
        set("invoices", "state.state", "\"void\""),
    ]);
    let tables = ["invoices", "payments", "refunds", "events", "number_series"];
    let mut before = Vec::new();
    for table in tables {
        before.push(number(&connection, &format!("SELECT count(*) FROM {table}")).await);
    }
    for statement in statements {
        assert!(connection.execute_unprepared(&statement).await.is_err(), "{statement}");
    }
    for (table, count) in tables.into_iter().zip(before) {
        assert!(count > 0 && number(&connection, &format!("SELECT count(*) FROM {table}")).await == count, "{table}");
    }
    connection.close().await.unwrap();
    storage.close().await;
}

fn refund_in_cash(payment: &Payment) -> Refund {
    let new = NewRefund {
        id: RefundId::from_uuid(next_uuid()),
        amount: payment.total,
        reason: None,
        credit_note_id: None,
        metadata: metadata(&[]),
    };
    let how = OutOfBandRefund { method: OutOfBandMethod::Cash, reference: None, refunded_on: date!(2026 - 12 - 31) };
    Refund::recorded(new, how, payment, later()).unwrap()
}

/// Once the pool is closed everything says that the store is unavailable: reads, `begin`, and readiness.
async fn a_database_that_is_gone_is_unavailable(url: String) {
    let storage = open(&url).await;
    storage.ping().await.unwrap();
    storage.close().await;
    let pinged = storage.ping().await;
    assert!(matches!(pinged, Err(StorageError::Unavailable(_))), "{pinged:?}");
    let begun = storage.begin().await.map(|_| ());
    assert!(matches!(begun, Err(StorageError::Unavailable(_))), "{begun:?}");
    let read = storage.get_product(&only(&seller("north")), product(&seller("north")).id).await;
    assert!(matches!(read, Err(StorageError::Unavailable(_))), "{read:?}");
}

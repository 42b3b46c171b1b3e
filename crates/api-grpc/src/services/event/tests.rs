//! Followers of events over a simulated store, whose time stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use application::{AccessPolicy, App, AppParts, NewApiKey, mocks};
use domain::access::{ApiKey, Scope};
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, Storage, StorageError};
use domain::text::DisplayName;
use futures::StreamExt;
use port_contracts::fixtures::{product, product_event};
use port_simulator::{Chaos, Faults, Process, SimulatedClock, SimulatedStorage};
use tokio::sync::watch;
use tonic::Code;
use tonic_types::StatusExt;

use super::*;
use crate::services::Reads;

/// A store, and an application on it whose clock goes with the runtime's.
fn simulated(access: AccessPolicy) -> (SimulatedStorage, App) {
    simulated_by(&Chaos::new(0), access)
}

fn simulated_by(chaos: &Chaos, access: AccessPolicy) -> (SimulatedStorage, App) {
    let storage = SimulatedStorage::new(&Process::default(), chaos);
    let parts = mocks::parts(storage.clone(), MockPaymentProvider::new());
    let clock = Arc::new(SimulatedClock::starting_at(mocks::NOW));
    (storage, App::new(AppParts { clock, access, ..parts }).unwrap())
}

/// One who follows what passes the filter, from the beginning.
fn follower(app: App, filter: EventFilter, key: Option<String>) -> Follower {
    let services = Services { app, stop: watch::channel(false).1, reads: Reads::default() };
    let sellers = [mocks::north()].into();
    let query = EventQuery { sellers, filter, after: EventPosition::START, limit: BATCH };
    Follower::new(services, query, Credentials(key))
}

/// A key of one who only reads.
fn reader(expires_at: Option<Timestamp>) -> NewApiKey {
    NewApiKey {
        name: DisplayName::parse("reader").unwrap(),
        scope: Scope::Read,
        sellers: [mocks::north()].into(),
        expires_at,
        entropy: [7; 32],
    }
}

/// An event of a product of its own.
async fn append(storage: &SimulatedStorage) {
    let mut work = storage.begin().await.unwrap();
    work.append_event(&product_event(EventKind::ProductCreated, &product(&mocks::north()))).await.unwrap();
    work.commit().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_filtered_follower_hears_of_the_cursor_beside_others_events() {
    let (storage, app) = simulated(AccessPolicy::Open);
    let of_one = EventFilter { subject_id: Some("prod_0".to_owned()), ..EventFilter::default() };
    let mut follower = follower(app, of_one, None);
    let began = follower.next().await.unwrap();
    assert_eq!((began.event, began.cursor.as_str()), (None, "0"));
    let others = tokio::spawn(async move {
        loop {
            tokio::time::sleep(SIGN_OF_LIFE / 3).await;
            append(&storage).await;
        }
    });
    for _ in 0..3 {
        let before: i64 = follower.query.after.0;
        let told = tokio::time::timeout(SIGN_OF_LIFE * 2, follower.next()).await.unwrap().unwrap();
        assert_eq!(told.event, None);
        assert!(told.cursor.parse::<i64>().unwrap() > before, "it goes on with what it does not tell");
    }
    others.abort();
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_a_key_ended_is_told_to_nobody_after_it() {
    let (storage, app) = simulated(AccessPolicy::ApiKeys);
    let token = app.create_api_key(reader(Some(mocks::NOW.plus(SIGN_OF_LIFE * 2)))).await.unwrap().token;
    for _ in 0..4 {
        append(&storage).await;
    }
    let mut follower = follower(app, EventFilter::default(), Some(token));
    assert_eq!(follower.next().await.unwrap().event, None);
    let first = follower.next().await.unwrap().event.unwrap();
    // A reader that was away as long as the key is good is told the next one, and each once.
    tokio::time::advance(SIGN_OF_LIFE + Duration::from_secs(1)).await;
    let second = follower.next().await.unwrap();
    assert_eq!((first.cursor.as_str(), second.cursor.as_str()), ("1", "2"));
    tokio::time::advance(SIGN_OF_LIFE + Duration::from_secs(1)).await;
    assert_eq!(follower.next().await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test(start_paused = true)]
async fn a_follower_ahead_of_a_database_that_went_back_is_told_so() {
    let mut storage = MockStorage::new();
    storage.expect_list_events().returning(|_, _, _, _| Ok([].into()));
    storage.expect_wait_for_event().returning(|_, _| Ok(EventPosition(3)));
    storage.expect_last_position().returning(|| Ok(EventPosition(3)));
    let mut follower = follower(mocks::app(storage, MockPaymentProvider::new()), EventFilter::default(), None);
    follower.query.after = EventPosition(5);
    follower.next().await.unwrap();
    tokio::time::advance(SIGN_OF_LIFE).await;
    let ended = follower.next().await.unwrap_err();
    let violations = ended.get_details_bad_request().unwrap().field_violations;
    assert_eq!((ended.code(), violations[0].reason.as_str()), (Code::InvalidArgument, "UNKNOWN_CURSOR"));
}

#[test]
fn who_asks_for_the_same_types_asks_the_same() {
    let filter = |types: &[&str]| {
        let types: Vec<String> = types.iter().map(|&name| name.to_owned()).collect();
        filter(&mut Validator::new(), &types, "").unwrap()
    };
    let asked = filter(&["invoice.paid", "invoice.created", "invoice.paid", "invoice.paid"]);
    assert_eq!(asked.kinds.len(), 2);
    assert_eq!(asked, filter(&["invoice.created", "invoice.paid"]));
}

#[tokio::test]
async fn the_same_is_read_once_for_all_who_ask_at_once_and_anew_for_who_comes_later() {
    let read = Arc::new(AtomicU32::new(0));
    let mut storage = MockStorage::new();
    let counted = Arc::clone(&read);
    storage.expect_list_events().returning(move |_, _, _, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok([].into())
    });
    let (app, reads) = (mocks::app(storage, MockPaymentProvider::new()), Reads::default());
    let query = EventQuery {
        sellers: [mocks::north()].into(),
        filter: EventFilter::default(),
        after: EventPosition::START,
        limit: BATCH,
    };
    let ask = |known| {
        reads.read(
            &app,
            Question { token: None, query: query.clone(), known: EventPosition(known) },
            &BegunCall::present(),
        )
    };
    // Who knows of a second event is not told what was read for those who knew of the first.
    for asked in [ask(1), ask(1), ask(2)] {
        asked.await.unwrap();
    }
    assert_eq!(read.load(Ordering::SeqCst), 2);
    // Nor is who comes later told what was read before.
    ask(1).await.unwrap();
    assert_eq!(read.load(Ordering::SeqCst), 3);
}

/// What is asked of events behind a position.
fn question(after: i64) -> Question {
    let query = EventQuery {
        sellers: [mocks::north()].into(),
        filter: EventFilter::default(),
        after: EventPosition(after),
        limit: BATCH,
    };
    Question { token: None, query, known: EventPosition(after) }
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_read_no_further_and_kept_nowhere() {
    let (_storage, app) = simulated(AccessPolicy::Open);
    let reads = Reads::default();
    let ask = |after| reads.read(&app, question(after), &BegunCall::present());
    for after in 0..1_000 {
        drop(ask(after));
    }
    assert!(reads.listed() < 200, "{}", reads.listed());
    // Who asks the same after all is told, and what follows it in the list is not lost with what was ended.
    let (first, ended) = (ask(7), ask(8));
    drop(ended);
    let again = ask(8);
    assert!(first.await.is_ok() && again.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_was_ended_takes_nothing_from_the_list_that_was_begun_after_it() {
    let chaos = Chaos::new(0);
    chaos.set(Faults { delay_ms_max: 1_000, ..Faults::default() });
    let (_storage, app) = simulated_by(&chaos, AccessPolicy::Open);
    let reads = Reads::default();
    let ask = || reads.read(&app, question(0), &BegunCall::present());
    let ended = ask();
    tokio::task::yield_now().await;
    drop(ended);
    let again = ask();
    // The first one's end comes to the list, while the second is being read.
    tokio::task::yield_now().await;
    assert!(again.peek().is_none());
    assert_eq!(reads.listed(), 1);
    again.await.unwrap();
    assert_eq!(reads.listed(), 0);
}

#[tokio::test]
async fn who_shares_what_failed_is_told_of_a_call_of_its_own() {
    let mut storage = MockStorage::new();
    storage.expect_list_events().returning(|_, _, _, _| Err(StorageError::Unavailable("away".into())));
    let app = mocks::app(storage, MockPaymentProvider::new());
    let mut one = follower(app.clone(), EventFilter::default(), None);
    let mut other = follower(app, EventFilter::default(), None);
    other.services.reads = one.services.reads.clone();
    for (follower, id) in [(&mut one, "call-1"), (&mut other, "call-2")] {
        follower.call = BegunCall::of(id);
        follower.next().await.unwrap();
    }
    let mut told = [std::pin::pin!(one.told()), std::pin::pin!(other.told())];
    let ended = futures::future::join_all(told.iter_mut().map(StreamExt::next)).await;
    for (ended, id) in ended.into_iter().zip(["call-1", "call-2"]) {
        let info = ended.unwrap().unwrap_err().get_details_request_info().unwrap();
        assert_eq!(info.request_id, id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_that_takes_long_tells_its_followers_all_the_same() {
    let event = |position| {
        let event = product_event(EventKind::ProductCreated, &product(&mocks::north()));
        SequencedEvent { position: EventPosition(position), event }
    };
    let (mut storage, asked) = (MockStorage::new(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&asked);
    storage.expect_list_events().returning(move |_, _, after, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok((after.0 + 1..=3).map(event).collect())
    });
    let mut follower = follower(mocks::app(storage, MockPaymentProvider::new()), EventFilter::default(), None);
    follower.next().await.unwrap();
    // It has just been read, and the key had been asked for longer ago than a reader may be away.
    follower.events = (1..=3).map(event).collect();
    tokio::time::advance(SIGN_OF_LIFE * 2).await;
    for position in 1..=3 {
        assert_eq!(follower.next().await.unwrap().cursor, position.to_string());
        assert_eq!(asked.load(Ordering::SeqCst), u32::from(position > 1), "the first is told, the rest is read anew");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_as_the_server_stops_and_after_an_error() {
    let (_storage, app) = simulated(AccessPolicy::Open);
    let (stop, stopping) = watch::channel(false);
    let mut following = follower(app, EventFilter::default(), None);
    following.services.stop = stopping;
    let mut told = std::pin::pin!(following.told());
    assert_eq!(told.next().await.unwrap().unwrap().event, None);
    let waits = tokio::time::timeout(SIGN_OF_LIFE / 2, told.next()).await;
    assert!(waits.is_err(), "there is nothing to tell: {waits:?}");
    stop.send_replace(true);
    assert_eq!(told.next().await.unwrap().unwrap_err().code(), Code::Unavailable);
    assert!(told.next().await.is_none());
}

#[tokio::test]
async fn what_is_written_after_a_key_was_revoked_is_not_told_to_it_however_long_the_events_are_waited_for() {
    let (_storage, app) = simulated(AccessPolicy::ApiKeys);
    let issued = app.create_api_key(reader(None)).await.unwrap();
    let is_revoked = Arc::new(AtomicBool::new(false));
    let mut storage = MockStorage::new();
    let revoke = Arc::clone(&is_revoked);
    storage.expect_list_events().returning(move |_, _, _, _| {
        // It is revoked while the read waits for its turn; then the event is written, and then it is read.
        revoke.store(true, Ordering::SeqCst);
        let event = product_event(EventKind::ProductCreated, &product(&mocks::north()));
        Ok([SequencedEvent { position: EventPosition(1), event }].into())
    });
    let mut key = issued.key;
    key.last_used_at = Some(mocks::NOW);
    storage.expect_load_api_key_by_prefix().returning(move |_| {
        let revoked_at = is_revoked.load(Ordering::SeqCst).then_some(mocks::NOW);
        Ok(Some(ApiKey { revoked_at, ..key.clone() }))
    });
    let parts = mocks::parts(storage, MockPaymentProvider::new());
    let app = App::new(AppParts { access: AccessPolicy::ApiKeys, ..parts }).unwrap();
    let mut follower = follower(app, EventFilter::default(), Some(issued.token));
    assert_eq!(follower.next().await.unwrap().event, None);
    assert_eq!(follower.next().await.unwrap_err().code(), Code::Unauthenticated);
}

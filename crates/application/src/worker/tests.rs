//! Work that takes long or always fails, beside work that does not.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::id::PaymentLinkId;
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, MockUnitOfWork, StorageError};
use tokio::sync::watch;

use super::*;
use crate::mocked;

/// Things to work on, of which some never end.
#[derive(Clone, Default)]
struct Things {
    waiting: Arc<Mutex<Vec<u32>>>,
    done: Arc<Mutex<BTreeSet<u32>>>,
    wake: Arc<Notify>,
}

impl Things {
    /// Works on them until `stop`.
    async fn work(self, stop: watch::Receiver<bool>) {
        let shutdown = async move {
            let mut stop = stop;
            let _ = stop.wait_for(|stop| *stop).await;
        };
        let take = |free: u32| {
            let mut waiting = self.waiting.lock().unwrap();
            let rest = waiting.len().saturating_sub(usize::try_from(free).unwrap());
            let taken = waiting.split_off(rest);
            async move { Ok(taken) }.boxed()
        };
        let work = |thing: u32| {
            let done = Arc::clone(&self.done);
            async move {
                match thing % 10 {
                    0 => std::future::pending::<()>().await,
                    1 => return Err(Error::internal("it always fails")),
                    2 => panic!("it always panics"),
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
                done.lock().unwrap().insert(thing);
                Ok(())
            }
            .boxed()
        };
        hands(shutdown, (&self.wake, HANDS), take, work).await;
    }

    async fn wait_for(&self, count: usize) {
        while self.done.lock().unwrap().len() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_ends_fails_or_panics_keeps_nothing_else_waiting() {
    let things = Things::default();
    things.waiting.lock().unwrap().extend(1..=100);
    let (stop, stopped) = watch::channel(false);
    let began = Instant::now();
    let working = tokio::spawn(things.clone().work(stopped));
    things.wait_for(70).await;
    // Ten hands are stuck, and six did all the rest.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // What comes in is taken at once.
    let began = Instant::now();
    things.waiting.lock().unwrap().push(105);
    things.wake.notify_one();
    things.wait_for(71).await;
    assert!(began.elapsed() < Duration::from_millis(60), "{:?}", began.elapsed());
    stop.send(true).unwrap();
    let drained = tokio::time::timeout(DRAIN, working).await;
    assert!(drained.is_err(), "what was begun is waited for");
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_what_was_begun_end_and_begins_nothing_more() {
    let things = Things::default();
    things.waiting.lock().unwrap().extend((0..40).map(|number| number * 10 + 5));
    let (stop, stopped) = watch::channel(false);
    let working = tokio::spawn(things.clone().work(stopped));
    tokio::time::sleep(Duration::from_millis(10)).await;
    stop.send(true).unwrap();
    working.await.unwrap();
    assert_eq!((things.done.lock().unwrap().len(), things.waiting.lock().unwrap().len()), (HANDS, 40 - HANDS));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_cannot_be_closed_keeps_no_other_open_and_is_left_alone_for_a_while() {
    let ids: Vec<_> = (0..200).map(|number| PaymentLinkId::from_uuid(uuid::Uuid::from_u128(number))).collect();
    let tried = Arc::new(Mutex::new(BTreeMap::<PaymentLinkId, u32>::new()));
    let mut storage = MockStorage::new();
    let due = ids.clone();
    storage
        .expect_list_expiring_payment_links()
        .returning(move |_, limit| Ok(due.iter().copied().take(usize::try_from(limit).unwrap()).collect()));
    storage.expect_list_expiring_checkout_sessions().returning(|_, _| Ok(Vec::new()));
    let counted = Arc::clone(&tried);
    storage.expect_begin().returning(move || {
        let (mut uow, counted) = (MockUnitOfWork::new(), Arc::clone(&counted));
        uow.expect_lock_payment_link().returning(move |id| {
            *counted.lock().unwrap().entry(id).or_default() += 1;
            Err(StorageError::Defect("it can't be read".into()))
        });
        uow.expect_rollback().returning(|| ());
        Ok(Box::new(uow))
    });
    let app = mocked::app(storage, MockPaymentProvider::new());
    let expiry = Expiry::default();
    // As many as are listed at once fail each time, and the next ones are reached all the same.
    for _ in 0..4 {
        assert_eq!(expiry.begin_closing(&app).await.unwrap(), 0);
    }
    let times = || tried.lock().unwrap().values().copied().collect::<BTreeSet<_>>();
    assert_eq!(tried.lock().unwrap().len(), 200);
    assert_eq!(times(), [1].into());
    tokio::time::advance(REST * 2).await;
    expiry.begin_closing(&app).await.unwrap();
    assert_eq!(times(), [2].into());
    tokio::time::advance(REST).await;
    expiry.begin_closing(&app).await.unwrap();
    assert_eq!(times(), [2].into(), "it is left alone for longer each time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn expired_links_are_closed_side_by_side() {
    let mut storage = MockStorage::new();
    let due: Vec<_> = (0..2).map(|number| PaymentLinkId::from_uuid(uuid::Uuid::from_u128(number))).collect();
    storage.expect_list_expiring_payment_links().returning(move |_, _| Ok(due.clone()));
    storage.expect_list_expiring_checkout_sessions().returning(|_, _| Ok(Vec::new()));
    // Each waits for the other to have begun as well.
    let begun = Arc::new((Mutex::new(0), std::sync::Condvar::new()));
    let met = Arc::clone(&begun);
    storage.expect_begin().returning(move || {
        let (mut uow, met) = (MockUnitOfWork::new(), Arc::clone(&met));
        uow.expect_lock_payment_link().returning(move |_| {
            let (count, changed) = &*met;
            let mut count = count.lock().unwrap();
            *count += 1;
            changed.notify_all();
            let waited = changed.wait_timeout_while(count, DRAIN, |count| *count < 2).unwrap().1;
            assert!(!waited.timed_out(), "the other waits for this one to end");
            Err(StorageError::Unavailable("an outage".into()))
        });
        uow.expect_rollback().returning(|| ());
        Ok(Box::new(uow))
    });
    let app = mocked::app(storage, MockPaymentProvider::new());
    assert_eq!(Expiry::default().begin_closing(&app).await.unwrap(), 0);
    assert_eq!(*begun.0.lock().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn however_often_it_is_woken_it_looks_at_its_pace() {
    let (wake, looks) = (Notify::new(), Mutex::new(Vec::new()));
    let take = |_| {
        looks.lock().unwrap().push(Instant::now());
        async { Ok(Vec::<u32>::new()) }.boxed()
    };
    let wakes = async {
        for _ in 0..1_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            wake.notify_one();
        }
    };
    tokio::select! {
        () = hands(std::future::pending(), (&wake, HANDS), take, |_| async { Ok(()) }.boxed()) => {}
        () = wakes => {}
    }
    let looks = looks.into_inner().unwrap();
    assert!((45..=52).contains(&looks.len()), "{} looks in a second", looks.len());
    assert!(looks.windows(2).all(|pair| pair[1] - pair[0] >= PACE), "{looks:?}");
}

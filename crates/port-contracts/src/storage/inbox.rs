//! The inbox: what comes in does so once, is tried by one holder at a time, and waits for a person where it must.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::ports::storage::{StorageError, UnprocessedNotification, UnprocessedState};
use domain::provider::InboxEntry;
use tokio::task::JoinSet;

use super::work::{CLOCK_STEP, LONG, SHORT};
use super::{LOOK_EVERY, Store, check_deadline};
use crate::fixtures::inbox_entry;

/// However often and at once a notification is delivered, it comes in once.
pub async fn a_notification_comes_in_once(storage: Store) {
    let mut deliveries = JoinSet::new();
    for index in 0..24 {
        let storage = Store::clone(&storage);
        deliveries.spawn(async move {
            storage.store_notifications(&[inbox_entry(&format!("evt_{}", index % 3))]).await.unwrap()
        });
    }
    assert_eq!(deliveries.join_all().await.into_iter().sum::<usize>(), 3);
    assert_eq!(storage.store_notifications(&[]).await.unwrap(), 0);
    let mut elsewhere = inbox_entry("evt_0");
    elsewhere.provider = "other".parse().unwrap();
    // Several at once, of which one is there and one is named twice.
    let told = [inbox_entry("evt_1"), elsewhere.clone(), inbox_entry("evt_3"), elsewhere];
    assert_eq!(storage.store_notifications(&told).await.unwrap(), 2);
    let mut work = storage.begin().await.unwrap();
    assert_eq!(work.lease_due_notifications(10, LONG).await.unwrap().len(), 5);
    work.commit().await.unwrap();
}

/// Of several that come in together, each does once, also where others bring some of them at the same time.
pub async fn notifications_that_come_together_come_in_once(storage: Store) {
    let mut deliveries = JoinSet::new();
    for index in 0..16 {
        let storage = Store::clone(&storage);
        deliveries.spawn(async move {
            let first = index % 4 * 2;
            let told: Vec<_> = (first..first + 6).map(|number| inbox_entry(&format!("evt_{number:02}"))).collect();
            storage.store_notifications(&told).await.unwrap()
        });
    }
    assert_eq!(deliveries.join_all().await.into_iter().sum::<usize>(), 12);
    let mut work = storage.begin().await.unwrap();
    assert_eq!(work.lease_due_notifications(20, LONG).await.unwrap().len(), 12);
    work.commit().await.unwrap();
}

/// Many workers at once get every notification, each once, with its first attempt counted.
pub async fn a_notification_is_leased_to_one_alone_and_counted(storage: Store) {
    let mut expected = BTreeMap::new();
    let entries: Vec<_> = (0..30).map(|index| inbox_entry(&format!("evt_{index}"))).collect();
    assert_eq!(storage.store_notifications(&entries).await.unwrap(), entries.len());
    for entry in &entries {
        expected.insert(entry.id, tried(entry, 1));
    }
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let storage = Store::clone(&storage);
        workers.spawn(async move {
            let mut mine = Vec::new();
            for _ in 0..30 {
                let mut work = storage.begin().await.unwrap();
                let leased = work.lease_due_notifications(3, LONG).await.unwrap();
                work.commit().await.unwrap();
                assert!(leased.len() <= 3);
                mine.extend(leased);
            }
            mine
        });
    }
    let leased: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(leased.len(), 30);
    assert_eq!(leased.into_iter().map(|entry| (entry.id, entry)).collect::<BTreeMap<_, _>>(), expected);
}

/// A notification is due again after its lease or the time that a failure gave it, until it is finished or set aside.
pub async fn a_notification_is_tried_again_until_finished_or_set_aside(storage: Store) {
    let (kept, finished) = (inbox_entry("evt_1"), inbox_entry("evt_2"));
    storage.store_notifications(&[kept.clone(), finished.clone()]).await.unwrap();
    let mut work = storage.begin().await.unwrap();
    assert_eq!(work.lease_due_notifications(10, LONG).await.unwrap().len(), 2);
    assert_eq!(work.lease_due_notifications(10, LONG).await.unwrap(), []);
    work.finish_notification(&tried(&finished, 1)).await.unwrap();
    work.retry_notification(&tried(&kept, 1), Duration::ZERO, "the provider is down").await.unwrap();
    work.commit().await.unwrap();

    let began = Instant::now();
    let mut work = storage.begin().await.unwrap();
    let again = work.lease_due_notifications(10, SHORT).await.unwrap();
    assert_eq!(again.iter().map(|entry| (entry.id, entry.attempts)).collect::<Vec<_>>(), [(kept.id, 2)]);
    work.commit().await.unwrap();
    let third = loop {
        let mut work = storage.begin().await.unwrap();
        let leased = work.lease_due_notifications(10, LONG).await.unwrap().pop();
        work.commit().await.unwrap();
        if let Some(leased) = leased {
            break leased;
        }
        check_deadline(began, "the lease runs out");
        tokio::time::sleep(LOOK_EVERY).await;
    };
    assert!(began.elapsed() + CLOCK_STEP >= SHORT, "leased after {:?}", began.elapsed());
    assert_eq!((third.id, third.attempts), (kept.id, 3));

    let mut work = storage.begin().await.unwrap();
    work.retry_notification(&third, Duration::ZERO, "still down").await.unwrap();
    work.set_notification_aside(&third, "what it names is unknown").await.unwrap();
    assert_eq!(work.lease_due_notifications(10, LONG).await.unwrap(), []);
    work.commit().await.unwrap();
    // It is kept: a delivery of the same comes to nothing.
    assert_eq!(storage.store_notifications(&["evt_1", "evt_2"].map(inbox_entry)).await.unwrap(), 0);
}

/// A notification in that try of it, where the tries before had an end.
fn tried(entry: &InboxEntry, attempts: u32) -> InboxEntry {
    InboxEntry { attempts, unended_tries: 1, ..entry.clone() }
}

/// Takes the notifications that are due.
async fn take_due(storage: &Store, lease: Duration) -> Vec<InboxEntry> {
    let mut work = storage.begin().await.unwrap();
    let leased = work.lease_due_notifications(10, lease).await.unwrap();
    work.commit().await.unwrap();
    leased
}

async fn renew_notification(storage: &Store, held: &InboxEntry, lease: Duration) -> bool {
    let mut work = storage.begin().await.unwrap();
    let is_held = work.renew_notification_lease(held, lease).await.unwrap();
    work.commit().await.unwrap();
    is_held
}

/// Who holds a notification may go on holding it; who has lost it to another may write nothing of it.
pub async fn a_lease_of_a_notification_is_renewed_by_its_holder_alone(storage: Store) {
    storage.store_notifications(&[inbox_entry("evt_1")]).await.unwrap();
    let first = take_due(&storage, Duration::ZERO).await.pop().unwrap();
    assert!(renew_notification(&storage, &first, LONG).await);
    assert_eq!(take_due(&storage, LONG).await, []);
    // One that comes late does not shorten what came before it.
    assert!(renew_notification(&storage, &first, Duration::ZERO).await);
    assert_eq!(take_due(&storage, LONG).await, []);
    let mut work = storage.begin().await.unwrap();
    work.retry_notification(&first, Duration::ZERO, "the provider is down").await.unwrap();
    work.commit().await.unwrap();
    let second = take_due(&storage, LONG).await.pop().unwrap();
    assert_eq!(second, tried(&first, 2));
    assert!(!renew_notification(&storage, &first, Duration::ZERO).await);
    let mut work = storage.begin().await.unwrap();
    for refused in [
        work.finish_notification(&first).await,
        work.retry_notification(&first, Duration::ZERO, "late").await,
        work.set_notification_aside(&first, "late").await,
    ] {
        assert!(matches!(refused, Err(StorageError::Stale)), "{refused:?}");
    }
    work.finish_notification(&second).await.unwrap();
    work.commit().await.unwrap();
    assert!(!renew_notification(&storage, &second, LONG).await);
}

/// What waits for a person is listed, counted, closed, and taken up again when it is told so.
pub async fn notifications_set_aside_are_listed_counted_closed_and_taken_up_again(storage: Store) {
    storage.store_notifications(&["evt_1", "evt_2", "evt_3"].map(inbox_entry)).await.unwrap();
    let mut work = storage.begin().await.unwrap();
    let leased = work.lease_due_notifications(10, LONG).await.unwrap();
    work.set_notification_aside(&leased[1], "what it names is unknown").await.unwrap();
    work.retry_notification(&leased[0], LONG, "the provider is down").await.unwrap();
    work.finish_notification(&leased[2]).await.unwrap();
    work.commit().await.unwrap();
    use UnprocessedState::{Closed, SetAside, Waiting};
    let list =
        async |states: &[UnprocessedState], limit| storage.list_unprocessed_notifications(states, limit).await.unwrap();
    let listed = |nth: usize, state, reason: &str, note: Option<&str>| {
        UnprocessedNotification::of(&leased[nth], state, (Some(reason.to_owned()), note.map(str::to_owned)))
    };
    let waiting = listed(0, Waiting, "the provider is down", None);
    let aside = listed(1, SetAside, "what it names is unknown", None);
    assert_eq!(list(&[Waiting, SetAside], 10).await, [waiting.clone(), aside.clone()]);
    assert_eq!(list(&[Waiting, SetAside], 1).await, [waiting]);
    assert_eq!(list(&[SetAside], 10).await, [aside]);
    assert_eq!(storage.count_set_aside_notifications().await.unwrap(), 1);
    // What waits for a person alone can be closed, and what was closed in error is taken up again.
    let mut work = storage.begin().await.unwrap();
    for (nth, is_aside) in [(0, false), (1, true), (1, false), (2, false)] {
        assert_eq!(work.close_notification(leased[nth].id, "refunded by hand").await.unwrap(), is_aside, "{nth}");
    }
    assert_eq!(work.take_all_notifications_up_again().await.unwrap(), 0);
    work.commit().await.unwrap();
    assert_eq!(storage.count_set_aside_notifications().await.unwrap(), 0);
    let closed = listed(1, Closed, "what it names is unknown", Some("refunded by hand"));
    assert_eq!(list(&[Closed], 10).await, [closed]);
    assert_eq!(list(&[SetAside], 10).await, []);
    assert_eq!(take_due(&storage, LONG).await, []);
    let mut work = storage.begin().await.unwrap();
    assert!(work.take_notification_up_again(leased[1].id).await.unwrap());
    work.commit().await.unwrap();
    let again = take_due(&storage, LONG).await;
    assert_eq!(again, [tried(&leased[1], 2)]);
    let mut work = storage.begin().await.unwrap();
    work.set_notification_aside(&again[0], "what it names is unknown").await.unwrap();
    work.commit().await.unwrap();
    let mut work = storage.begin().await.unwrap();
    for (nth, is_aside) in [(0, false), (1, true), (1, false), (2, false)] {
        assert_eq!(work.take_notification_up_again(leased[nth].id).await.unwrap(), is_aside, "{nth}");
    }
    work.commit().await.unwrap();
    assert_eq!(storage.count_set_aside_notifications().await.unwrap(), 0);
    let again = take_due(&storage, LONG).await;
    assert_eq!(again, [tried(&leased[1], 3)]);
    // All at once.
    let mut work = storage.begin().await.unwrap();
    work.set_notification_aside(&again[0], "still unknown").await.unwrap();
    assert_eq!(work.take_all_notifications_up_again().await.unwrap(), 1);
    assert_eq!(work.take_all_notifications_up_again().await.unwrap(), 0);
    work.commit().await.unwrap();
    assert_eq!(take_due(&storage, LONG).await, [tried(&leased[1], 4)]);
}

/// What is new comes before what was tried already, however long that has been due.
pub async fn what_is_new_comes_before_what_was_tried(storage: Store) {
    storage.store_notifications(&["evt_1", "evt_2", "evt_3"].map(inbox_entry)).await.unwrap();
    let mut work = storage.begin().await.unwrap();
    for entry in work.lease_due_notifications(10, LONG).await.unwrap() {
        work.retry_notification(&entry, Duration::ZERO, "its payment is not known").await.unwrap();
    }
    work.commit().await.unwrap();
    let new = inbox_entry("evt_4");
    storage.store_notifications(std::slice::from_ref(&new)).await.unwrap();
    let mut work = storage.begin().await.unwrap();
    let first = work.lease_due_notifications(1, LONG).await.unwrap();
    assert_eq!(first.iter().map(|entry| entry.id).collect::<Vec<_>>(), [new.id]);
    assert_eq!(work.lease_due_notifications(10, LONG).await.unwrap().len(), 3);
    work.commit().await.unwrap();
}

/// Failures are kept as their holder counts them until a person has it tried again; tries are counted until one has an end,
/// and of those that had none again and again, one is taken at a time.
pub async fn failures_of_a_notification_and_tries_without_an_end_are_counted(storage: Store) {
    storage.store_notifications(&["evt_1", "evt_2", "evt_3"].map(inbox_entry)).await.unwrap();
    let counts =
        |taken: &[InboxEntry]| taken.iter().map(|entry| (entry.failures, entry.unended_tries)).collect::<Vec<_>>();
    let first = take_due(&storage, Duration::ZERO).await;
    assert_eq!(counts(&first), [(0, 1); 3]);
    let second = take_due(&storage, Duration::ZERO).await;
    assert_eq!(counts(&second), [(0, 2); 3]);
    // Two have had no end: one of them at a time.
    let failed = second.iter().find(|entry| entry.id == first[0].id).unwrap();
    let mut work = storage.begin().await.unwrap();
    work.retry_notification(&InboxEntry { failures: 5, ..failed.clone() }, Duration::ZERO, "refused").await.unwrap();
    work.commit().await.unwrap();
    let third = take_due(&storage, Duration::ZERO).await;
    let mut counted = counts(&third);
    counted.sort_unstable();
    assert_eq!(counted, [(0, 3), (5, 1)]);
    let failed = third.iter().find(|entry| entry.failures == 5).unwrap();
    let mut work = storage.begin().await.unwrap();
    work.set_notification_aside(failed, "refused").await.unwrap();
    assert!(work.take_notification_up_again(failed.id).await.unwrap());
    work.commit().await.unwrap();
    let fourth = take_due(&storage, Duration::ZERO).await;
    let again = fourth.iter().find(|entry| entry.id == failed.id).unwrap();
    assert_eq!(counts(std::slice::from_ref(again)), [(0, 1)]);
    assert_eq!(fourth.len(), 2);
}

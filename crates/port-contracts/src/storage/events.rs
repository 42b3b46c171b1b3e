//! The order of events: a reader that follows positions misses nothing and sees nothing twice, whatever order
//! transactions commit in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use domain::catalog::Product;
use domain::event::{Event, EventKind, EventPosition, SequencedEvent};
use domain::ports::storage::{EventFilter, Sellers};
use tokio::task::JoinSet;

use super::{DEADLINE, LOOK_EVERY, Store, check_deadline};
use crate::fixtures::{next_uuid, only, product, product_event, seller};

fn some_event(name: &str) -> Event {
    product_event(EventKind::ProductCreated, &product(&seller(name)))
}

async fn append(storage: &Store, events: &[Event]) {
    let mut work = storage.begin().await.unwrap();
    for event in events {
        work.append_event(event).await.unwrap();
    }
    work.commit().await.unwrap();
}

/// Follows the events of all sellers here until it has seen `count`.
async fn follow(storage: &Store, after: EventPosition, count: usize) -> Vec<SequencedEvent> {
    let sellers = Sellers::from([seller("north"), seller("south")]);
    let (began, mut position, mut seen) = (Instant::now(), after, Vec::new());
    while seen.len() < count {
        check_deadline(began, &format!("{count} events, {} seen", seen.len()));
        let known = storage.wait_for_event(position, Duration::from_millis(500)).await.unwrap();
        let page = storage.list_events(&sellers, &EventFilter::default(), position, 7).await.unwrap();
        assert!(page.len() <= 7);
        // What is known to have a position is there: who follows one seller alone goes on behind it.
        let last = page.last().map_or(position, |last| last.position);
        assert!(page.len() == 7 || last >= known, "{known:?} is known, and the last to be read is {last:?}");
        for next in page.iter() {
            assert!(next.position > position, "{:?} behind {position:?}", next.position);
            position = next.position;
            seen.push(next.clone());
        }
    }
    seen
}

/// An event reads back equal, has no place before its commit, and then one behind those before it.
pub async fn events_get_increasing_positions_after_the_commit(storage: Store) {
    let own = only(&seller("north"));
    assert_eq!(storage.last_position().await.unwrap(), EventPosition::START);
    let events = [some_event("north"), some_event("north"), some_event("north")];
    let mut work = storage.begin().await.unwrap();
    work.append_event(&events[0]).await.unwrap();
    assert!(work.list_events(&own, &EventFilter::default(), EventPosition::START, 10).await.unwrap().is_empty());
    assert!(storage.list_events(&own, &EventFilter::default(), EventPosition::START, 10).await.unwrap().is_empty());
    work.append_event(&events[1]).await.unwrap();
    work.commit().await.unwrap();
    append(&storage, &events[2..]).await;
    let seen = follow(&storage, EventPosition::START, 3).await;
    assert_eq!(seen.iter().map(|it| &it.event).collect::<Vec<_>>(), events.iter().collect::<Vec<_>>());
    assert_eq!(storage.last_position().await.unwrap(), seen[2].position);
    assert_eq!(follow(&storage, seen[0].position, 2).await, seen[1..]);

    let mut work = storage.begin().await.unwrap();
    work.append_event(&some_event("north")).await.unwrap();
    work.rollback().await;
    storage.sequence_events().await.unwrap();
    assert_eq!(storage.last_position().await.unwrap(), seen[2].position);
}

/// Events by seller, kind, thing, place and number.
pub async fn events_are_listed_by_seller_kind_subject_and_limit(storage: Store) {
    let (cup, pot) = (product(&seller("north")), product(&seller("south")));
    let events = [
        product_event(EventKind::ProductCreated, &cup),
        product_event(EventKind::ProductCreated, &pot),
        product_event(EventKind::ProductUpdated, &cup),
        product_event(EventKind::ProductUpdated, &pot),
    ];
    append(&storage, &events).await;
    let all = follow(&storage, EventPosition::START, 4).await;
    let (north, south) = (only(&seller("north")), only(&seller("south")));
    let both = Sellers::from([seller("north"), seller("south"), seller("west")]);
    let kind = |kinds: &[EventKind]| EventFilter { kinds: kinds.to_vec(), subject_id: None };
    let of = |thing: &Product| EventFilter { subject_id: Some(thing.id.to_string()), ..EventFilter::default() };
    let (created, updated) = (EventKind::ProductCreated, EventKind::ProductUpdated);
    let start = EventPosition::START;
    for (sellers, filter, after, limit, expected) in [
        (&both, kind(&[]), start, 10, &[0, 1, 2, 3][..]),
        (&both, kind(&[]), start, 3, &[0, 1, 2]),
        (&both, kind(&[]), all[1].position, 10, &[2, 3]),
        (&both, kind(&[]), all[3].position, 10, &[]),
        (&north, kind(&[]), start, 10, &[0, 2]),
        (&Sellers::new(), kind(&[]), start, 10, &[]),
        (&both, kind(&[updated]), start, 10, &[2, 3]),
        (&both, kind(&[updated, created]), start, 10, &[0, 1, 2, 3]),
        (&both, kind(&[EventKind::InvoicePaid]), start, 10, &[]),
        (&both, of(&cup), start, 10, &[0, 2]),
        (&south, of(&cup), start, 10, &[]),
        (&south, EventFilter { kinds: vec![created], ..of(&pot) }, start, 10, &[1]),
    ] {
        let listed = storage.list_events(sellers, &filter, after, limit).await.unwrap();
        let expected: Vec<_> = expected.iter().map(|index| all[*index].clone()).collect();
        assert_eq!(*listed, *expected, "{sellers:?} {filter:?} {after:?} {limit}");
    }
}

/// Who waits is woken by the event, long before patience ends.
pub async fn an_event_wakes_who_waits_for_it(storage: Store) {
    let patience = DEADLINE * 3;
    let waiting = {
        let storage = Store::clone(&storage);
        tokio::spawn(async move {
            let (began, own) = (Instant::now(), only(&seller("north")));
            loop {
                storage.wait_for_event(EventPosition::START, patience).await.unwrap();
                let start = EventPosition::START;
                if !storage.list_events(&own, &EventFilter::default(), start, 1).await.unwrap().is_empty() {
                    return began.elapsed();
                }
            }
        })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    append(&storage, &[some_event("north")]).await;
    let waited = tokio::time::timeout(DEADLINE, waiting).await.unwrap().unwrap();
    assert!(waited < DEADLINE, "{waited:?}");
}

/// Where nothing comes, the wait ends with patience.
pub async fn a_wait_for_no_event_ends(storage: Store) {
    let wait = storage.wait_for_event(EventPosition::START, Duration::from_millis(50));
    tokio::time::timeout(DEADLINE, wait).await.unwrap().unwrap();
}

/// Sequencers that run at once give each event one place.
pub async fn sequencing_at_once_gives_each_event_one_position(storage: Store) {
    let events: Vec<_> = (0..50).map(|_| some_event("north")).collect();
    let mut tasks = JoinSet::new();
    for chunk in events.chunks(10).map(<[Event]>::to_vec) {
        let storage = Store::clone(&storage);
        tasks.spawn(async move {
            append(&storage, &chunk).await;
            let mut given = 0;
            for _ in 0..4 {
                given += storage.sequence_events().await.unwrap();
            }
            given
        });
    }
    // The store may have a sequencer of its own, that gives the others.
    let given: u64 = tasks.join_all().await.into_iter().sum();
    assert!(given <= 50, "{given}");
    storage.sequence_events().await.unwrap();
    assert_eq!(storage.sequence_events().await.unwrap(), 0);
    let seen = follow(&storage, EventPosition::START, 50).await;
    let seen_ids: BTreeSet<_> = seen.iter().map(|it| it.event.id).collect();
    assert_eq!(seen_ids, events.iter().map(|event| event.id).collect());
    assert_eq!(storage.last_position().await.unwrap(), seen[49].position);
}

/// Many writers, some of which roll back, and a reader that follows them meanwhile: it sees each committed event once,
/// by increasing place, and those of one thing in their order.
pub async fn a_tailing_reader_sees_each_event_once_and_in_order(storage: Store) {
    const WRITERS: usize = 8;
    const ROUNDS: usize = 15;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let storage = Store::clone(&storage);
        writers.spawn(async move {
            let (subject, mut written) = (product(&seller("north")), Vec::new());
            for round in 0..ROUNDS {
                let count = 1 + round % 3;
                let events: Vec<_> = (0..count).map(|_| product_event(EventKind::ProductUpdated, &subject)).collect();
                let mut work = storage.begin().await.unwrap();
                for event in &events {
                    work.append_event(event).await.unwrap();
                    tokio::time::sleep(Duration::from_micros(u64::from(next_uuid().as_bytes()[15]) * 20)).await;
                }
                if round % 5 == 4 {
                    work.rollback().await;
                } else {
                    work.commit().await.unwrap();
                    written.extend(events.into_iter().map(|event| event.id));
                }
            }
            (subject.id.to_string(), written)
        });
    }
    // Of every five rounds the first four are kept: 1, 2, 3 and 1 events, then 3, 1, 2, 3, then 2, 3, 1, 2.
    let count = WRITERS * (7 + 9 + 8);
    let reader = tokio::spawn({
        let storage = Store::clone(&storage);
        async move { follow(&storage, EventPosition::START, count).await }
    });
    let written: BTreeMap<_, _> = writers.join_all().await.into_iter().collect();
    assert_eq!(written.values().map(Vec::len).sum::<usize>(), count);
    let mut seen: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for next in reader.await.unwrap() {
        seen.entry(next.event.subject.id()).or_default().push(next.event.id);
    }
    assert_eq!(seen, written);
}

/// An event whose transaction commits after others that began later is seen by a reader that has passed those.
pub async fn an_event_that_is_committed_late_is_not_missed(storage: Store) {
    let (early, late) = (some_event("north"), some_event("north"));
    let mut open = storage.begin().await.unwrap();
    open.append_event(&late).await.unwrap();
    append(&storage, std::slice::from_ref(&early)).await;
    let first = follow(&storage, EventPosition::START, 1).await;
    assert_eq!(first[0].event, early);
    open.commit().await.unwrap();
    tokio::time::sleep(LOOK_EVERY).await;
    let second = follow(&storage, first[0].position, 1).await;
    assert_eq!(second[0].event, late);
}

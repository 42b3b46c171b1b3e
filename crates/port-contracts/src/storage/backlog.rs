//! What waits, and the traces of things, as operators are told.

use std::time::Duration;

use domain::event::{Event, EventKind};
use domain::id::RefundId;
use domain::ports::storage::Backlog;
use domain::provider::{IntentState, ProviderAction};
use domain::trace_context::TraceContext;

use super::Store;
use super::work::LONG;
use crate::fixtures::{inbox_entry, intent, next_uuid, product, product_event, seller};

/// How many kinds of things wait, in the order of the fields.
fn waiting(backlog: &Backlog) -> [bool; 4] {
    [
        backlog.oldest_notification.is_some(),
        backlog.oldest_call.is_some(),
        backlog.oldest_event.is_some(),
        backlog.oldest_mail.is_some(),
    ]
}

/// What waits is told for as long as it waits: what is finished, set aside or delivered does not.
pub async fn what_waits_is_told_until_it_is_done(storage: Store) {
    assert_eq!(storage.backlog().await.unwrap(), Backlog::default());
    let seller = seller("north");
    let (done, aside) = (inbox_entry("evt_1"), inbox_entry("evt_2"));
    let mut refund =
        intent(&seller, ProviderAction::CreateRefund { refund_id: RefundId::from_uuid(next_uuid()) }, None);
    refund.state = IntentState::OutcomeUnknown;
    storage.store_notifications(&[done.clone(), aside.clone()]).await.unwrap();
    let mut work = storage.begin().await.unwrap();
    work.insert_intent(&refund, LONG).await.unwrap();
    work.commit().await.unwrap();
    let backlog = storage.backlog().await.unwrap();
    assert_eq!(waiting(&backlog), [true, true, false, false]);
    assert_eq!((backlog.unknown_refunds, backlog.set_aside_notifications), (1, 0));

    let mut work = storage.begin().await.unwrap();
    let held = work.lease_due_notifications(10, LONG).await.unwrap();
    for entry in held {
        if entry.id == done.id {
            work.finish_notification(&entry).await.unwrap();
        } else {
            work.set_notification_aside(&entry, "odd").await.unwrap();
        }
    }
    refund.state = IntentState::Done;
    work.update_intent(&refund, Duration::ZERO).await.unwrap();
    work.commit().await.unwrap();
    let backlog = storage.backlog().await.unwrap();
    assert_eq!(waiting(&backlog), [false; 4]);
    assert_eq!((backlog.unknown_refunds, backlog.set_aside_notifications), (0, 1));

    let mut work = storage.begin().await.unwrap();
    assert!(work.close_notification(aside.id, "seen to").await.unwrap());
    work.commit().await.unwrap();
    assert_eq!(storage.backlog().await.unwrap(), Backlog::default());
}

/// A thing has the trace of its first event, whatever comes later.
pub async fn a_thing_has_the_trace_in_which_it_was_made(storage: Store) {
    let trace = |digit: char| {
        let id = digit.to_string().repeat(32);
        TraceContext::parse(&format!("00-{id}-00f067aa0ba902b7-01"), Some("vendor=1"))
    };
    let (known, other) = (product(&seller("north")), product(&seller("north")));
    let event = |kind, product, trace| Event { trace, ..product_event(kind, product) };
    let first = event(EventKind::ProductCreated, &known, trace('a'));
    let later = event(EventKind::ProductUpdated, &known, trace('b'));
    let untraced = event(EventKind::ProductCreated, &other, None);
    let mut work = storage.begin().await.unwrap();
    for event in [&first, &later, &untraced] {
        work.append_event(event).await.unwrap();
    }
    work.commit().await.unwrap();
    storage.sequence_events().await.unwrap();
    assert_eq!(storage.trace_of(&first.subject.id()).await.unwrap(), trace('a'));
    assert_eq!(storage.trace_of(&untraced.subject.id()).await.unwrap(), None);
    assert_eq!(storage.trace_of("prod_none").await.unwrap(), None);
}

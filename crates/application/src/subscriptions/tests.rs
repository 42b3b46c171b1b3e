//! Looks and answers that end in another order than they began, over mocks of the ports: what must not be written is not
//! expected.

use domain::id::SubscriptionId;
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, MockUnitOfWork};
use domain::provider::ProviderRef;
use domain::subscription::{SubscriptionState, SubscriptionTerms};
use uuid::Uuid;

use super::*;
use crate::mocked::{self, NOW, UUID, link, money};

/// The version of the subscription in the books.
const VERSION: i64 = 7;

fn app() -> App {
    mocked::app(MockStorage::new(), MockPaymentProvider::new())
}

fn told(state: SubscriptionState) -> SubscriptionSnapshot {
    let terms = SubscriptionTerms {
        state,
        currency: money(0).currency(),
        items: vec![],
        started_at: NOW,
        period_start: NOW,
        period_end: NOW,
        trial_end: None,
        cancel_at: None,
        canceled_at: None,
        ended_at: None,
    };
    SubscriptionSnapshot { provider_ref: ProviderRef("s_1".into()), payment_link_id: link(0).id, terms }
}

fn session() -> CheckoutSessionId {
    CheckoutSessionId::from_uuid(Uuid::from_u128(UUID))
}

fn stored(state: SubscriptionState) -> Subscription {
    let id = SubscriptionId::from_uuid(Uuid::from_u128(UUID));
    let mut subscription = Subscription::begun(id, &link(0), &told(state), NOW);
    subscription.mark_stored(VERSION);
    subscription
}

/// A unit of work in which these events are told, in this order.
fn telling(kinds: &'static [EventKind]) -> MockUnitOfWork {
    let mut uow = MockUnitOfWork::new();
    let mut expected = kinds.iter();
    uow.expect_append_event().times(kinds.len()).returning(move |event| {
        assert_eq!(Some(&event.kind), expected.next());
        Ok(())
    });
    uow
}

/// The books have the subscription in a state, or not at all.
fn with(mut uow: MockUnitOfWork, state: Option<SubscriptionState>) -> MockUnitOfWork {
    let known = state.map(stored);
    let locked = known.clone();
    uow.expect_load_subscription_by_ref().returning(move |_, _| Ok(known.clone()));
    uow.expect_lock_subscription().returning(move |_| Ok(locked.clone()));
    uow.expect_load_payment_link().returning(|_| Ok(Some(link(0))));
    uow.expect_update_subscription().returning(|_| Ok(()));
    uow
}

#[tokio::test]
async fn a_first_look_that_another_overtook_is_repeated() {
    let mut uow = with(telling(&[]), None);
    uow.expect_insert_subscription().once().returning(|_| Ok(false));
    let active = told(SubscriptionState::Active);
    assert!(!app().settle_subscription(&mut uow, &link(0).provider, None, &active).await.unwrap());
}

#[tokio::test]
async fn a_subscription_ends_once_whatever_is_learnt_of_it_later() {
    let (provider, canceled) = (link(0).provider.clone(), told(SubscriptionState::Canceled));
    let mut unknown = with(telling(&[EventKind::SubscriptionCreated, EventKind::SubscriptionEnded]), None);
    unknown.expect_insert_subscription().once().returning(|_| Ok(true));
    assert!(app().settle_subscription(&mut unknown, &provider, None, &canceled).await.unwrap());

    let mut active = with(telling(&[EventKind::SubscriptionEnded]), Some(SubscriptionState::Active));
    assert!(app().settle_subscription(&mut active, &provider, Some(VERSION), &canceled).await.unwrap());

    let mut ended = with(telling(&[EventKind::SubscriptionUpdated]), Some(SubscriptionState::Canceled));
    ended.expect_insert_subscription().once().returning(|_| Ok(false));
    app().subscription_begun(&mut ended, &link(0), session(), &canceled).await.unwrap();
}

#[tokio::test]
async fn what_came_about_without_its_session_learns_it_once_and_keeps_what_it_knows() {
    let mut known = stored(SubscriptionState::PastDue);
    assert_eq!(known.checkout_session_id, None);
    for (told_again, kinds) in [(false, [EventKind::SubscriptionUpdated].as_slice()), (true, &[])] {
        let mut uow = MockUnitOfWork::new();
        let mut expected = kinds.iter();
        uow.expect_append_event().times(kinds.len()).returning(move |event| {
            assert_eq!(Some(&event.kind), expected.next());
            Ok(())
        });
        let (by_ref, locked) = (known.clone(), known.clone());
        uow.expect_insert_subscription().once().returning(|_| Ok(false));
        uow.expect_load_subscription_by_ref().returning(move |_, _| Ok(Some(by_ref.clone())));
        uow.expect_lock_subscription().returning(move |_| Ok(Some(locked.clone())));
        uow.expect_update_subscription().times(kinds.len()).returning(|written| {
            assert_eq!(written.checkout_session_id, Some(session()));
            assert_eq!(written.terms.state, SubscriptionState::PastDue, "the session's look may be older");
            Ok(())
        });
        let active = told(SubscriptionState::Active);
        app().subscription_begun(&mut uow, &link(0), session(), &active).await.unwrap();
        assert_eq!(known.came_about_in(session(), NOW), !told_again);
    }
}

#[tokio::test]
async fn an_answer_that_a_look_overtook_writes_nothing() {
    let (id, canceled) = (stored(SubscriptionState::Active).id, told(SubscriptionState::Canceled));
    let mut uow = with(telling(&[]), Some(SubscriptionState::Active));
    let kept = app().conclude_cancellation(&mut uow, id, Some((VERSION - 1, &canceled))).await.unwrap();
    assert_eq!(kept.terms.state, SubscriptionState::Active);

    let mut uow = with(telling(&[EventKind::SubscriptionEnded]), Some(SubscriptionState::Active));
    let ended = app().conclude_cancellation(&mut uow, id, Some((VERSION, &canceled))).await.unwrap();
    assert_eq!(ended.terms.state, SubscriptionState::Canceled);
}

#[tokio::test]
async fn one_whose_link_is_lost_waits_for_a_person_as_long_as_it_runs() {
    let provider = link(0).provider.clone();
    let of_link = |found: Option<PaymentLink>| {
        let mut uow = telling(&[]);
        uow.expect_load_subscription_by_ref().returning(|_, _| Ok(None));
        uow.expect_load_payment_link().returning(move |_| Ok(found.clone()));
        uow
    };
    let settle = async |found: Option<PaymentLink>, provider: &ProviderName, state: SubscriptionState| {
        app().settle_subscription(&mut of_link(found), provider, None, &told(state)).await
    };
    let lost = settle(None, &provider, SubscriptionState::Active).await.unwrap_err();
    assert!(lost.to_string().ends_with("which is not known here"), "{lost}");
    assert!(settle(None, &provider, SubscriptionState::Canceled).await.unwrap());
    // Another provider's own notifications tell of it.
    let other = "south".parse().unwrap();
    assert!(settle(Some(link(0)), &other, SubscriptionState::Active).await.unwrap());
}

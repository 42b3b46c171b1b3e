//! Looks that end in another order than they began, over mocks of the ports: what must not be written is not expected.

use domain::dispute::{DisputeSnapshot, DisputeState};
use domain::id::RefundId;
use domain::metadata::Metadata;
use domain::page::Page;
use domain::payment::Payment;
use domain::ports::provider::MockPaymentProvider;
use domain::ports::provider::ProviderError;
use domain::ports::storage::{MockStorage, MockUnitOfWork};
use domain::provider::{IntentState, ProviderAction, ProviderRef};
use domain::refund::{NewRefund, Refund, RefundProgress, RefundSnapshot, RefundState};

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{KEY_PATIENCE, Look, SENT_AGAIN_FOR};
use crate::app::App;
use crate::error::Error;
use crate::mocked::{self, NOW, money};
use crate::provider_calls::Lookup;

/// The version of the payment in the books.
const VERSION: i64 = 7;

fn app() -> App {
    mocked::app(MockStorage::new(), MockPaymentProvider::new())
}

fn payment() -> Payment {
    let mut payment = Payment::pending(mocked::new_payment(), NOW);
    payment.succeed((ProviderRef("p_1".into()), mocked::session_id()), money(100), vec![], NOW);
    payment.recount_refund(None, Some(money(100)), NOW).unwrap();
    payment.mark_stored(VERSION);
    payment
}

fn told(progress: RefundProgress) -> RefundSnapshot {
    let provider_ref = ProviderRef("r_1".into());
    RefundSnapshot { provider_ref, refund_id: None, progress, amount: money(100), reason: None }
}

/// A store with one refund that waits for its customer.
fn store() -> MockUnitOfWork {
    let id = RefundId::parse("re_0193a5c2e8b27c3a9f0e1d2c3b4a5968").unwrap();
    let new = NewRefund { id, amount: money(100), reason: None, credit_note_id: None, metadata: Metadata::default() };
    let mut refund = Refund::creating(new, &payment(), NOW);
    assert!(refund.created(&told(RefundProgress::RequiresAction), NOW));
    let mut uow = MockUnitOfWork::new();
    uow.expect_lock_payment().returning(|_| Ok(Some(payment())));
    uow.expect_load_refund_by_ref().returning(move |_, _| Ok(Some(refund.clone())));
    uow
}

fn look(payment_version: i64) -> Look {
    Look { payment_id: payment().id, payment_version }
}

#[tokio::test]
async fn a_look_that_another_overtook_writes_nothing_and_is_repeated() {
    let mut uow = store();
    uow.expect_load_dispute_by_ref().returning(|_, _| Ok(None));
    let (app, outdated) = (app(), look(VERSION - 1));
    let pending = [told(RefundProgress::Pending)];
    assert!(!app.settle_refunds(&mut uow, &outdated, &pending, Refund::observe).await.unwrap());
    let dispute = DisputeSnapshot {
        provider_ref: ProviderRef("d_1".into()),
        state: DisputeState::NeedsResponse,
        amount: money(100),
        reason: "fraudulent".into(),
        evidence_due_at: None,
    };
    assert!(!app.settle_dispute(&mut uow, &outdated, &dispute, None).await.unwrap());
}

#[tokio::test]
async fn a_look_that_says_what_is_in_the_books_is_done_however_old() {
    let same = [told(RefundProgress::RequiresAction)];
    for version in [VERSION - 1, VERSION] {
        assert!(app().settle_refunds(&mut store(), &look(version), &same, Refund::observe).await.unwrap());
    }
}

#[tokio::test]
async fn a_look_that_brings_something_new_writes_the_payment_too() {
    let mut uow = store();
    uow.expect_update_refund().once().returning(|_| Ok(()));
    uow.expect_update_payment().once().returning(|_| Ok(()));
    // The sum is as it was, so the payment has no event.
    uow.expect_append_event().once().withf(|event| event.kind.name() == "refund.updated").returning(|_| Ok(()));
    let pending = [told(RefundProgress::Pending)];
    assert!(app().settle_refunds(&mut uow, &look(VERSION), &pending, Refund::observe).await.unwrap());
}

/// Which id a refund is taken under that is told without ours; nothing where it waits. Another of its payment has had no
/// answer for so long, and was perhaps made or surely not sent; or it is known by the provider's id.
async fn taken_as(unanswered_for: Option<Duration>, is_known: bool, is_sent: bool) -> Option<Option<RefundId>> {
    let id = RefundId::parse("re_0193a5c2e8b27c3a9f0e1d2c3b4a5968").unwrap();
    let amount = told(RefundProgress::Succeeded).amount;
    let new = NewRefund { id, amount, reason: None, credit_note_id: None, metadata: Metadata::default() };
    let asked_at = unanswered_for.map_or(NOW, |since| NOW.minus(since));
    let refund = Refund::creating(new, &payment(), asked_at);
    let (known, items) = (is_known.then(|| refund.clone()), unanswered_for.map(|_| refund));
    let mut storage = MockStorage::new();
    storage.expect_load_payment_by_ref().returning(|_, _| Ok(Some(payment())));
    storage.expect_load_refund_by_ref().returning(move |_, _| Ok(known.clone()));
    storage.expect_list_refunds().returning(move |seller, filter, _| {
        let wanted = (&payment().seller_id, Some(payment().id), Some(RefundState::CREATING));
        assert_eq!((seller, filter.payment_id, filter.state), wanted);
        Ok(Page { items: items.clone().into_iter().collect(), has_more: false })
    });
    storage.expect_list_intents_of_unknown_outcome().returning(move |_| {
        let intent = mocked::intent(ProviderAction::CreateRefund { refund_id: id });
        Ok(Vec::from_iter(is_sent.then_some(intent)))
    });
    let (provider, payment_ref) = ("acquirer".parse().unwrap(), ProviderRef("p_1".into()));
    let app = mocked::app(storage, MockPaymentProvider::new());
    let told = RefundSnapshot { refund_id: None, ..told(RefundProgress::Succeeded) };
    match app.named_refund(&provider, &payment_ref, told).await {
        Ok(told) => Some(told.refund_id),
        Err(Error::Aborted { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_refund_that_is_told_without_our_id_waits_for_the_answer_that_may_name_it_and_not_for_ever() {
    let id = RefundId::parse("re_0193a5c2e8b27c3a9f0e1d2c3b4a5968").unwrap();
    let long = super::ANSWER_PATIENCE + Duration::from_secs(1);
    assert_eq!(taken_as(Some(Duration::from_secs(60)), false, true).await, None);
    assert_eq!(taken_as(Some(long), false, true).await, Some(Some(id)));
    assert_eq!(taken_as(None, false, true).await, Some(None));
    assert_eq!(taken_as(Some(Duration::from_secs(60)), true, true).await, Some(None));
    // One that still is to be sent is not what was told.
    assert_eq!(taken_as(Some(long), false, false).await, Some(None));
}

#[test]
fn what_is_not_of_a_payments_money_is_for_a_person() {
    let in_dollars = |minor| domain::money::Money::new(minor, domain::money::Currency::parse("USD").unwrap());
    let told = |amount| super::expect_of_its_money(&payment(), amount, &ProviderRef("d_1".into()));
    assert!(told(money(100)).is_ok() && told(money(1_000)).is_ok());
    for amount in [in_dollars(100), money(0), money(-100)] {
        assert!(matches!(told(amount), Err(Error::FailedPrecondition { .. })), "{amount}");
    }
}

/// Under which key a refund is asked for whose outcome has been unknown for so long, and which the provider does not show;
/// `intended` tells how old its intent is.
async fn key_sent(intended: Duration, unknown_for: Option<Duration>) -> Option<String> {
    let now = NOW.plus(Duration::from_secs(100_000));
    let id = RefundId::parse("re_0193a5c2e8b27c3a9f0e1d2c3b4a5968").unwrap();
    let new = NewRefund { id, amount: money(100), reason: None, credit_note_id: None, metadata: Metadata::default() };
    let refund = Refund::creating(new, &payment(), NOW);
    let mut storage = MockStorage::new();
    storage.expect_load_refund().returning(move |_| Ok(Some(refund.clone())));
    storage.expect_get_payment().returning(|_, _| Ok(Some(payment())));
    let sent = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&sent);
    let mut provider = MockPaymentProvider::new();
    provider.expect_capabilities().return_const(mocked::capabilities());
    provider.expect_fetch_refunds().once().returning(|_| Ok(vec![]));
    provider.expect_create_refund().returning(move |key, _, _| {
        *noted.lock().unwrap() = Some(key.0.clone());
        Err(ProviderError::OutcomeUnknown)
    });
    let mut parts = mocked::parts(storage, MockPaymentProvider::new());
    let mut clock = domain::ports::clock::MockClock::new();
    clock.expect_now().return_const(now);
    parts.clock = Arc::new(clock);
    let mut intent = mocked::intent(ProviderAction::CreateRefund { refund_id: id });
    intent.state = IntentState::OutcomeUnknown;
    intent.created_at = now.minus(intended);
    let lookup = Lookup { must_look: true, key_is_old: false };
    intent.unknown_since = unknown_for.map(|since| now.minus(since));
    let answered = App::new(parts).unwrap().request_refund(&provider, &mut intent, id, lookup).await.unwrap();
    assert_eq!(answered, Err(ProviderError::OutcomeUnknown));
    sent.lock().unwrap().take()
}

#[tokio::test]
async fn another_key_is_used_only_once_what_was_sent_under_the_old_one_is_over() {
    let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3_600));
    let old = key_sent(hour, Some(second)).await;
    // However old the intent is, and as often as it was put off before it was ever sent.
    assert!(old.is_some());
    assert_eq!(key_sent(hour, Some(SENT_AGAIN_FOR)).await, old);
    for silent in [SENT_AGAIN_FOR + second, KEY_PATIENCE] {
        assert_eq!(key_sent(hour, Some(silent)).await, None, "{silent:?}");
    }
    let new = key_sent(hour, Some(KEY_PATIENCE + second)).await;
    assert!(new.is_some() && new != old);
    // A version that did not note it may have sent it just now.
    for intended in [hour, second] {
        assert_eq!(key_sent(intended, None).await, old);
    }
}

#[tokio::test]
async fn a_refund_that_was_given_up_and_is_told_of_all_the_same_is_recorded_as_one_more() {
    let id = RefundId::parse("re_0193a5c2e8b27c3a9f0e1d2c3b4a5968").unwrap();
    let new = NewRefund { id, amount: money(100), reason: None, credit_note_id: None, metadata: Metadata::default() };
    let mut given_up = Refund::creating(new, &payment(), NOW);
    assert!(given_up.refused("not_made".into(), NOW));
    let mut uow = MockUnitOfWork::new();
    uow.expect_lock_payment().returning(|_| Ok(Some(payment())));
    uow.expect_load_refund_by_ref().returning(|_, _| Ok(None));
    uow.expect_load_refund().returning(move |_| Ok(Some(given_up.clone())));
    let is_made = |refund: &Refund| refund.counted() == Some(money(100)) && refund.state.name() == "succeeded";
    uow.expect_insert_refund().once().withf(move |refund| is_made(refund)).returning(|_| Ok(true));
    uow.expect_update_payment().once().returning(|_| Ok(()));
    uow.expect_append_event().returning(|_| Ok(()));
    let told = [RefundSnapshot { refund_id: Some(id), ..told(RefundProgress::Succeeded) }];
    assert!(app().settle_refunds(&mut uow, &look(VERSION), &told, Refund::observe_told).await.unwrap());
}

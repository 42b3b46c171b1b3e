//! What becomes of intents, over mocks of the ports: what must not be called is not expected.

use domain::payment_link::{CompletedSessionsMax, LinkChanges, LinkField, LinkOptions, LinkState, PaymentLink};
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, MockUnitOfWork, StorageError};

use domain::idempotency::RequestProgress;
use domain::payment_link::CloseReason;
use domain::ports::provider::HostedPage;
use domain::provider::{CheckoutProgress, CheckoutSnapshot, Feature, ProviderRef};

use super::performing::Performed;
use super::*;
use crate::mocked::{self, intent, link};

/// A change of the link to one completed checkout at the most.
fn limit() -> ProviderAction {
    let options = LinkOptions { completed_sessions_max: Some(CompletedSessionsMax::ONE), ..LinkOptions::default() };
    let fields = [LinkField::CompletedSessionsMax].into();
    let changes = Box::new(LinkChanges { fields, options, ..LinkChanges::default() });
    ProviderAction::UpdatePaymentLink { payment_link_id: link(0).id, changes }
}

/// A store of one link, in which a unit of work writes as it is expected to.
fn storage(link: PaymentLink, mut uow: MockUnitOfWork) -> MockStorage {
    let mut storage = MockStorage::new();
    let known = link.clone();
    storage.expect_load_payment_link().returning(move |_| Ok(Some(known.clone())));
    uow.expect_lock_payment_link().returning(move |_| Ok(Some(link.clone())));
    uow.expect_commit().returning(|| Ok(()));
    storage.expect_begin().return_once(move || Ok(Box::new(uow)));
    storage
}

#[tokio::test]
async fn a_change_that_a_checkout_overtook_is_refused_for_good_with_its_field() {
    let mut uow = MockUnitOfWork::new();
    uow.expect_update_intent().once().withf(|intent, _| intent.state == IntentState::Failed).returning(|_, _| Ok(()));
    let is_refused = |progress: &RequestProgress| match progress {
        RequestProgress::Refused { refusal } => refusal.violations[0].field == "restrictions.completed_sessions_limit",
        _ => false,
    };
    uow.expect_update_request().once().withf(move |_, progress| is_refused(progress)).returning(|_, _| Ok(()));
    let app = mocked::app(storage(link(1), uow), MockPaymentProvider::new());
    app.call_and_conclude(intent(limit()), Waiting::Caller).await.unwrap();
}

/// Concludes a call that was made once already, for a link of one checkout whose only one is in the books before the answer.
/// Both are told: what the call did first, `told`, and then that the link is used up.
async fn used_up_before_the_answer(known: PaymentLink, action: ProviderAction, told: &'static str) {
    let mut uow = MockUnitOfWork::new();
    let is_closed =
        |link: &PaymentLink| matches!(link.state, LinkState::Inactive { reason: CloseReason::Completed, .. });
    uow.expect_update_payment_link().times(2).returning(|_| Ok(()));
    let is_update = matches!(action, ProviderAction::UpdatePaymentLink { .. });
    // An opened one may be that of an invoice, whose money may still be on its way.
    uow.expect_release_collectable().times(usize::from(is_update)).returning(|_| Ok(()));
    let mut kinds = vec!["payment_link.deactivated", told];
    uow.expect_append_event().times(2).returning(move |event| {
        assert_eq!(Some(event.kind.name()), kinds.pop());
        Ok(())
    });
    uow.expect_update_intent().once().withf(|intent, _| intent.state == IntentState::Done).returning(|_, _| Ok(()));
    let is_told = move |progress: &RequestProgress| match progress {
        RequestProgress::Done { answer } => is_closed(&serde_json::from_value(answer.clone()).unwrap()),
        _ => false,
    };
    uow.expect_update_request().once().withf(move |_, progress| is_told(progress)).returning(|_, _| Ok(()));
    let mut provider = MockPaymentProvider::new();
    provider.expect_update_payment_link().times(usize::from(is_update)).returning(|_, _, _| Ok(()));
    provider.expect_activate_payment_link().times(usize::from(!is_update)).returning(|_, _| Ok(()));
    let app = mocked::app(storage(known, uow), provider);
    let unknown = Intent { state: IntentState::OutcomeUnknown, ..intent(action) };
    app.call_and_conclude(unknown, Waiting::Worker).await.unwrap();
}

#[tokio::test]
async fn a_change_that_the_provider_made_is_kept_though_a_checkout_overtook_it() {
    used_up_before_the_answer(link(1), limit(), "payment_link.updated").await;
}

#[tokio::test]
async fn a_link_that_was_paid_before_its_opening_was_answered_is_used_up() {
    let ProviderAction::UpdatePaymentLink { payment_link_id, changes } = limit() else { unreachable!() };
    let mut known = link(0).with_checked(&changes, mocked::NOW);
    assert!(known.closed(CloseReason::Requested, mocked::NOW));
    known.count_completed_session(mocked::NOW);
    let action = ProviderAction::ActivatePaymentLink { payment_link_id };
    used_up_before_the_answer(known, action, "payment_link.activated").await;
}

#[tokio::test]
async fn a_page_that_could_not_be_closed_is_closed_anew_and_not_by_the_old_key() {
    let still_open = ProviderError::Conflict { code: "session_still_open".to_owned() };
    let refused = ProviderError::Rejected { field: None, code: "account_restricted".to_owned() };
    let unsupported = ProviderError::Unsupported { capability: "closing" };
    for failure in [still_open, refused, unsupported] {
        let mut uow = MockUnitOfWork::new();
        let is_retried = |intent: &Intent| intent.state == IntentState::Pending && intent.key_generation == 1;
        uow.expect_update_intent().once().withf(move |intent, _| is_retried(intent)).returning(|_, _| Ok(()));
        let mut provider = MockPaymentProvider::new();
        provider.expect_deactivate_payment_link().once().return_once(move |_, _| Err(failure));
        let app = mocked::app(storage(link(0), uow), provider);
        let action =
            ProviderAction::DeactivatePaymentLink { payment_link_id: link(0).id, reason: CloseReason::Requested };
        // Its caller is not told a last word that there is none of.
        let told = app.call_and_conclude(intent(action), Waiting::Caller).await.unwrap_err();
        assert!(matches!(told, Error::Unavailable { retry_after: Some(_), .. }), "{told:?}");
    }
}

#[tokio::test]
async fn what_an_earlier_try_may_have_done_stays_unknown_while_the_provider_can_not_be_asked() {
    let reason_told = async |state: IntentState| {
        let mut uow = MockUnitOfWork::new();
        uow.expect_update_intent().once().withf(move |intent, _| intent.state == state).returning(|_, _| Ok(()));
        let mut provider = MockPaymentProvider::new();
        let limited = || ProviderError::RateLimited { retry_after: None };
        provider.expect_find_payment_link().returning(move |_, _| Err(limited()));
        provider.expect_create_payment_link().returning(move |_, _| Err(limited()));
        let app = mocked::app(storage(link(0), uow), provider);
        let action = ProviderAction::CreatePaymentLink { payment_link_id: link(0).id };
        let unknown_since = (state == IntentState::OutcomeUnknown).then_some(mocked::NOW);
        let intent = Intent { state, unknown_since, ..intent(action) };
        match app.call_and_conclude(intent, Waiting::Caller).await {
            Err(Error::Unavailable { reason, .. }) => reason,
            told => panic!("{told:?}"),
        }
    };
    assert_eq!(reason_told(IntentState::Pending).await, Reason::ProviderRateLimited);
    assert_eq!(reason_told(IntentState::OutcomeUnknown).await, Reason::OutcomeUnknown);
}

#[tokio::test]
async fn what_the_books_refuse_after_the_call_is_told_as_unknown_and_tried_again() {
    let mut refusing = MockUnitOfWork::new();
    refusing.expect_load_payment_link().returning(|_| Ok(Some(link(0))));
    refusing.expect_lock_payment_link().returning(|_| Ok(Some(link(0))));
    refusing.expect_update_intent().returning(|_, _| Err(StorageError::ProviderRefTaken));
    refusing.expect_rollback().once().returning(|| ());
    let mut putting_off = MockUnitOfWork::new();
    putting_off.expect_update_intent().once().withf(|_, wait| !wait.is_zero()).returning(|_, _| Ok(()));
    putting_off.expect_commit().once().returning(|| Ok(()));
    let mut works: Vec<MockUnitOfWork> = vec![putting_off, refusing];
    let mut storage = MockStorage::new();
    storage.expect_load_payment_link().returning(|_| Ok(Some(link(0))));
    storage.expect_begin().returning(move || Ok(Box::new(works.pop().unwrap())));
    let mut provider = MockPaymentProvider::new();
    let page = HostedPage { provider_ref: ProviderRef("link_2".into()), url: "https://pay.example/2".into() };
    provider.expect_create_payment_link().once().return_once(|_, _| Ok(page));
    let action = ProviderAction::CreatePaymentLink { payment_link_id: link(0).id };
    let told = mocked::app(storage, provider).call_and_conclude(intent(action), Waiting::Caller).await;
    assert!(matches!(told, Err(Error::Unavailable { reason: Reason::OutcomeUnknown, .. })), "{told:?}");
}

/// A provider that can't look up what it made, and keeps keys for so long.
fn mute(key_lifetime: Duration) -> MockPaymentProvider {
    let mut abilities = mocked::capabilities();
    abilities.features.remove(&Feature::LookupByReference);
    abilities.key_lifetime = key_lifetime;
    let mut provider = MockPaymentProvider::new();
    provider.expect_capabilities().return_const(abilities);
    provider
}

/// Makes the call of an intent once more whose outcome is unknown.
async fn perform_again(
    action: ProviderAction,
    link: PaymentLink,
    provider: MockPaymentProvider,
) -> Result<Performed, ProviderError> {
    let created_at = mocked::NOW.minus(HOUR);
    let mut unknown = Intent { state: IntentState::OutcomeUnknown, attempts: 1, created_at, ..intent(action) };
    let app = mocked::app(storage(link, MockUnitOfWork::new()), provider);
    app.perform(&mut unknown, Waiting::Caller).await.unwrap()
}

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn what_cannot_be_looked_up_is_asked_for_under_the_same_key_as_long_as_that_protects() {
    let action = || ProviderAction::CreatePaymentLink { payment_link_id: link(0).id };
    let mut provider = mute(3 * HOUR);
    let key = intent(action()).provider_key();
    let page = HostedPage { provider_ref: ProviderRef("link_1".into()), url: "https://pay.example".into() };
    provider.expect_create_payment_link().once().withf(move |sent, _| *sent == key).return_once(|_, _| Ok(page));
    assert!(matches!(perform_again(action(), link(0), provider).await, Ok(Performed::Page(_))));
    // Once it is old, another page is made: nobody has the URL of the first.
    let mut provider = mute(HOUR);
    let key = intent(action()).provider_key();
    let lost = |_: &_, _: &_| Err(ProviderError::OutcomeUnknown);
    provider.expect_create_payment_link().once().withf(move |sent, _| *sent != key).return_once(lost);
    assert!(matches!(perform_again(action(), link(0), provider).await, Err(ProviderError::OutcomeUnknown)));
}

#[tokio::test]
async fn closing_waits_for_money_of_which_a_notification_is_still_to_tell() {
    let action =
        || ProviderAction::DeactivatePaymentLink { payment_link_id: link(0).id, reason: CloseReason::Requested };
    let completed = || CheckoutSnapshot {
        payment_link_id: Some(link(0).id),
        ..mocked::told("link_1", CheckoutProgress::Completed, mocked::money(10_000))
    };
    let closes = |told: PaymentLink| {
        let mut provider = mute(3 * HOUR);
        provider.expect_deactivate_payment_link().once().return_once(move |_, _| Ok(vec![completed()]));
        perform_again(action(), told, provider)
    };
    assert!(matches!(closes(link(0)).await, Err(ProviderError::Conflict { .. })));
    let mut paid = (*link(1)).clone();
    paid.options.completed_sessions_max = Some(CompletedSessionsMax::ONE);
    assert!(matches!(closes(PaymentLink::from_stored(paid)).await, Ok(Performed::LinkClosed(_))));
}

//! Refunds of which no call finds out any more whether they were made: the provider can't be asked what it made, and the key
//! under which it would have made one alone protects no more. Nothing is sent for them then. A notification may still tell; where
//! none does, a person looks at the provider, and says so here.

use domain::id::RefundId;
use domain::ports::provider::ProviderError;
use domain::ports::storage::UnitOfWork;
use domain::provider::{Feature, Intent, IntentState, ProviderAction, ProviderName};
use domain::refund::Refund;
use domain::timestamp::Timestamp;
use telemetry::table::REFUNDS_UNANSWERED;

use crate::app::{App, Waiting};
use crate::error::Error;

/// The most that are looked at once.
const LISTED_MAX: u32 = 1_000;
/// Why a refund failed of which a person has said that it was not made.
const NOT_MADE: &str = "not_made";

/// A refund of which no call finds out any more whether it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct UnansweredRefund {
    /// The refund, as it was asked for.
    pub refund: Refund,
    /// Who was asked for it.
    pub provider: ProviderName,
    /// When it was intended.
    pub intended_at: Timestamp,
}

impl App {
    /// Refunds of which no call finds out any more whether they were made, the oldest first, at most a thousand.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list_unanswered_refunds(&self) -> Result<Vec<UnansweredRefund>, Error> {
        let mut listed = Vec::new();
        for intent in self.0.storage.list_intents_of_unknown_outcome(LISTED_MAX).await? {
            let Some(id) = self.unanswered_refund(&intent) else { continue };
            let Some(refund) = self.0.storage.load_refund(id).await? else { continue };
            listed.push(UnansweredRefund { refund, provider: intent.provider, intended_at: intent.created_at });
        }
        Ok(listed)
    }

    /// Takes a refund for one that was not made, as a person saw at the provider: it fails, and its money can be refunded anew.
    /// Were it told of all the same, it would be recorded as one that was made at the provider, and flagged if it is too much.
    ///
    /// # Errors
    /// There is no such refund among [those](Self::list_unanswered_refunds).
    pub async fn give_up_refund(&self, id: RefundId) -> Result<(), Error> {
        self.transact(move |app, uow| Box::pin(async move { Box::pin(app.conclude_as_not_made(uow, id)).await })).await
    }

    async fn conclude_as_not_made(&self, uow: &mut dyn UnitOfWork, id: RefundId) -> Result<(), Error> {
        let unknown = uow.list_intents_of_unknown_outcome(LISTED_MAX).await?;
        let intent = unknown.into_iter().find(|intent| self.unanswered_refund(intent) == Some(id));
        let intent = intent.ok_or_else(|| Error::not_found("unanswered refund", id))?;
        let not_made = Err(ProviderError::Rejected { field: None, code: NOT_MADE.to_owned() });
        Box::pin(self.conclude(uow, intent, &not_made)).await.map(|_| ())
    }

    /// Sets the gauge of refunds that wait for a person.
    pub(crate) async fn tell_how_many_refunds_are_unanswered(&self) -> Result<(), Error> {
        let count = self.list_unanswered_refunds().await?.len();
        REFUNDS_UNANSWERED.set_count([], count);
        Ok(())
    }

    /// The refund of a call, where no call finds out any more whether it was made.
    fn unanswered_refund(&self, intent: &Intent) -> Option<RefundId> {
        let ProviderAction::CreateRefund { refund_id } = intent.action else { return None };
        let provider = self.provider_for(Waiting::Worker, &intent.provider).ok()?;
        let abilities = provider.capabilities();
        let can_be_found_out = abilities.has(Feature::LookupByReference) || !self.is_key_old(intent, abilities);
        (intent.state == IntentState::OutcomeUnknown && !can_be_found_out).then_some(refund_id)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::metadata::Metadata;
    use domain::payment::Payment;
    use domain::ports::provider::MockPaymentProvider;
    use domain::ports::storage::{MockStorage, MockUnitOfWork};
    use domain::provider::ProviderRef;
    use domain::refund::NewRefund;

    use super::*;
    use crate::mocked::{self, NOW, UUID, money};

    fn payment() -> Payment {
        let mut payment = Payment::pending(mocked::new_payment(), NOW);
        payment.succeed((ProviderRef("p_1".into()), mocked::session_id()), money(100), vec![], NOW);
        payment.hold_refund(None, NOW).unwrap();
        payment
    }

    fn refund() -> Refund {
        let id = RefundId::from_uuid(uuid::Uuid::from_u128(UUID));
        let new =
            NewRefund { id, amount: money(100), reason: None, credit_note_id: None, metadata: Metadata::default() };
        Refund::creating(new, &payment(), NOW)
    }

    /// Gives a refund up that was intended so long ago, by a provider that can be asked or not. Says what is listed before.
    async fn give_up(intended: Duration, can_be_asked: bool, mut uow: MockUnitOfWork) -> (usize, Result<(), Error>) {
        let mut intent = mocked::intent(ProviderAction::CreateRefund { refund_id: refund().id });
        intent.state = IntentState::OutcomeUnknown;
        let now = NOW.plus(intended);
        let mut abilities = mocked::capabilities();
        if !can_be_asked {
            abilities.features.remove(&Feature::LookupByReference);
        }
        let mut provider = MockPaymentProvider::new();
        provider.expect_capabilities().return_const(abilities);
        let of = intent.clone();
        uow.expect_list_intents_of_unknown_outcome().returning(move |_| Ok(vec![of.clone()]));
        uow.expect_load_refund().returning(|_| Ok(Some(refund())));
        uow.expect_lock_payment().returning(|_| Ok(Some(payment())));
        uow.expect_commit().returning(|| Ok(()));
        uow.expect_rollback().returning(|| ());
        let mut storage = MockStorage::new();
        storage.expect_list_intents_of_unknown_outcome().returning(move |_| Ok(vec![intent.clone()]));
        storage.expect_load_refund().returning(|_| Ok(Some(refund())));
        storage.expect_begin().return_once(move || Ok(Box::new(uow)));
        let mut parts = mocked::parts(storage, provider);
        let mut clock = domain::ports::clock::MockClock::new();
        clock.expect_now().return_const(now);
        parts.clock = std::sync::Arc::new(clock);
        let app = App::new(parts).unwrap();
        let listed = app.list_unanswered_refunds().await.unwrap().len();
        (listed, app.give_up_refund(refund().id).await)
    }

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[tokio::test]
    async fn a_refund_that_nothing_finds_out_fails_by_a_persons_word_and_gives_its_money_back() {
        let mut uow = MockUnitOfWork::new();
        let is_failed = |refund: &Refund| refund.state.name() == "failed" && refund.counted().is_none();
        uow.expect_update_refund().once().withf(is_failed).returning(|_| Ok(()));
        let is_free = |payment: &Payment| payment.refundable() == Some(money(100));
        uow.expect_update_payment().once().withf(is_free).returning(|_| Ok(()));
        uow.expect_append_event().times(2).returning(|_| Ok(()));
        let is_over = |intent: &Intent, _: &Duration| intent.state == IntentState::Failed;
        uow.expect_update_intent().once().withf(is_over).returning(|_, _| Ok(()));
        uow.expect_update_request().once().returning(|_, _| Ok(()));
        let (listed, given_up) = give_up(DAY, false, uow).await;
        given_up.unwrap();
        assert_eq!(listed, 1);
    }

    #[tokio::test]
    async fn what_can_still_be_found_out_is_not_given_up() {
        // Its key protects still, or the provider can be asked.
        for (intended, can_be_asked) in [(DAY / 2, false), (DAY, true)] {
            let (listed, refused) = give_up(intended, can_be_asked, MockUnitOfWork::new()).await;
            assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
            assert_eq!(listed, 0);
        }
    }
}

//! Provider calls: intent committed, call made, outcome committed.
//!
//! A crash between two of these leaves an unfinished intent, which [`App::take_due_calls`] takes up once its lease has
//! run out. It is sent again under the same provider key, which the provider does once. Where the outcome is unknown, or
//! the key has grown too old to protect, the thing is looked up at the provider first.

mod concluding;
mod performing;
mod unanswered;

use std::time::Duration;

use domain::idempotency::RequestProgress;
use domain::ports::provider::ProviderError;
use domain::ports::storage::UnitOfWork;
use domain::provider::{Intent, IntentState, ProviderAction, ProviderName};
use telemetry::table::PROVIDER_ACTIONS;
use telemetry::trace;

use crate::app::{App, Waiting};
use crate::backoff::{RETRY_IN_MAX, backed_off, spread};
use crate::error::{Error, RETRY_AFTER, Reason};
use crate::leases::{Held, LEASE, expect_held};
use crate::mutation::{Mutation, Step};
use crate::traced;

pub(crate) use concluding::done;
pub(crate) use performing::{Lookup, look_up, unknown_still};
pub use unanswered::UnansweredRefund;

/// How long a new page is tried to be made while the provider surely has not made it.
const CREATION_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

impl App {
    /// Intends a provider call for a request, leased to its caller's task, which makes it right after the commit.
    ///
    /// # Errors
    /// Another call about the same thing is unfinished.
    pub(crate) async fn call<C, T>(
        &self,
        uow: &mut dyn UnitOfWork,
        mutation: &Mutation<C>,
        provider: &ProviderName,
        action: ProviderAction,
    ) -> Result<Step<T>, Error> {
        // What is created is made in this transaction, so that nobody can have asked for anything of it.
        if !is_creation(&action) {
            self.expect_no_call(uow, &action.subject()).await?;
        }
        let intent = self.new_intent((&mutation.seller.id, provider), action, Some(mutation.request_key()));
        uow.insert_intent(&intent, LEASE).await?;
        Ok(Step::Call(Box::new(intent)))
    }

    /// Fails while a call about a thing is unfinished.
    pub(crate) async fn expect_no_call(&self, uow: &dyn UnitOfWork, subject: &str) -> Result<(), Error> {
        if uow.has_unfinished_intent(subject).await? {
            return Err(Error::Aborted {
                reason: Reason::ConcurrentChange,
                message: "another request about the same thing is being worked on; retry".to_owned(),
                retry_after: Some(RETRY_AFTER),
            });
        }
        Ok(())
    }

    /// Makes the call of an intent that is leased to us, and commits what came of it; answers what its request is answered.
    ///
    /// # Errors
    /// Nothing final came of it: the intent stays, and is tried again. Or its lease was lost: then nothing is written here.
    pub(crate) async fn call_and_conclude(
        &self,
        intent: Intent,
        waiting: Waiting,
    ) -> Result<Option<RequestProgress>, Error> {
        let held = Held::Call(Box::new(intent.clone()));
        self.while_held(held, Box::pin(self.try_call(intent, waiting))).await
    }

    async fn try_call(&self, mut intent: Intent, waiting: Waiting) -> Result<Option<RequestProgress>, Error> {
        intent.attempts += 1;
        let performed = self.perform(&mut intent, waiting).await?;
        if let Err(error) = &performed {
            tracing::warn!(intent = %intent.id, action = intent.action.name(), %error, "provider call did not succeed");
        }
        let unfinished = match &performed {
            Ok(_) => None,
            Err(error) => self.state_after(&intent, error),
        };
        let outcome = match (&performed, unfinished) {
            (Ok(_), _) => "done",
            (Err(_), None) => "refused",
            (Err(error), Some(state)) if is_unknown(error, state) => "unknown",
            (Err(_), Some(_)) => "put_off",
        };
        let action = intent.action.name();
        PROVIDER_ACTIONS.increment([intent.provider.to_string().into(), action.into(), outcome.into()]);
        match (performed, unfinished) {
            (Err(error), Some(state)) => {
                intent.state = state;
                if state == IntentState::OutcomeUnknown && intent.unknown_since.is_none() {
                    intent.unknown_since = Some(self.now());
                }
                let is_final = matches!(
                    error,
                    ProviderError::Rejected { .. } | ProviderError::Conflict { .. } | ProviderError::Unsupported { .. }
                );
                if is_final && !is_creation(&intent.action) {
                    // Under the same key a provider repeats its refusal, whatever has become of its cause.
                    intent.key_generation += 1;
                }
                let retry_in = self.retry_in(&intent, &error);
                self.put_call_off(waiting, intent, retry_in).await?;
                // It is not withdrawn: the worker makes the call then, whether or not its caller asks again.
                let told = if is_unknown(&error, state) { ProviderError::OutcomeUnknown } else { error };
                Err(Error::put_off(told, retry_in))
            }
            (performed, _) => {
                let (performed, concluded) = (std::sync::Arc::new(performed), intent.clone());
                let committed = self.transact_for(waiting, move |app, uow| {
                    let (intent, performed) = (concluded.clone(), std::sync::Arc::clone(&performed));
                    Box::pin(async move { Box::pin(app.conclude(uow, intent, performed.as_ref())).await })
                });
                let answer = match committed.await {
                    Ok(answer) => answer,
                    Err(defect) => return Err(self.not_concluded(waiting, intent, defect).await?),
                };
                // A later call about the same thing waited for this one, or one was intended with its outcome.
                self.0.call_work.notify_one();
                Ok(answer)
            }
        }
    }

    /// What is told of a call whose outcome could not be committed. A defect is put off, or the call would be sent again as soon
    /// as its lease has run out, for ever.
    async fn not_concluded(&self, waiting: Waiting, intent: Intent, defect: Error) -> Result<Error, Error> {
        if !matches!(defect, Error::Internal(_) | Error::FailedPrecondition { .. }) {
            return Ok(defect);
        }
        let retry_in = backed_off(RETRY_AFTER, intent.attempts, intent.id.uuid().as_bytes()[15]);
        self.put_call_off(waiting, intent, retry_in).await?;
        if matches!(defect, Error::Internal(_)) {
            return Ok(defect);
        }
        // No refusal was stored: the provider has done something, and what is not known yet.
        tracing::error!(error = %defect, "a call can't be concluded; it is tried again");
        Ok(Error::put_off(ProviderError::OutcomeUnknown, retry_in))
    }

    /// Leaves a call to the worker, which takes it up again after a while.
    async fn put_call_off(&self, waiting: Waiting, intent: Intent, retry_in: Duration) -> Result<(), Error> {
        self.transact_for(waiting, move |_, uow| {
            let intent = intent.clone();
            Box::pin(async move { expect_held(uow.update_intent(&intent, retry_in).await) })
        })
        .await
    }

    /// How long a call is put off: it doubles with each attempt, and is at least what the provider asked for.
    fn retry_in(&self, intent: &Intent, error: &ProviderError) -> Duration {
        let asked = match error {
            ProviderError::RateLimited { retry_after } => retry_after.unwrap_or_default().min(RETRY_IN_MAX),
            ProviderError::CircuitOpen { retry_after } => *retry_after,
            ProviderError::Rejected { .. } => RETRY_IN_MAX,
            _ => Duration::ZERO,
        };
        let seed = intent.id.uuid().as_bytes()[15];
        let backed_off = backed_off(RETRY_AFTER, intent.attempts, seed);
        let backed_off = match intent.action {
            // It is found out as soon as it can be.
            ProviderAction::CreateRefund { .. } => backed_off.min(self.until_another_key(intent).unwrap_or(backed_off)),
            _ => backed_off,
        };
        spread(asked, seed).max(backed_off)
    }

    /// The state in which a failed call leaves its intent, unless the failure is final.
    fn state_after(&self, intent: &Intent, error: &ProviderError) -> Option<IntentState> {
        match error {
            // What is not closed may still be paid, so closing never ends in a refusal: a person must see to it.
            ProviderError::Rejected { .. } | ProviderError::Unsupported { .. } if is_page_closing(&intent.action) => {
                tracing::error!(intent = %intent.id, "the provider refuses to close a page; it is tried again");
                Some(intent.state)
            }
            ProviderError::Rejected { .. } | ProviderError::NotFound | ProviderError::Unsupported { .. } => None,
            ProviderError::OutcomeUnknown => Some(IntentState::OutcomeUnknown),
            // Surely not done this time; an earlier unknown outcome stays one.
            ProviderError::RateLimited { .. }
            | ProviderError::Unavailable
            | ProviderError::CircuitOpen { .. }
            | ProviderError::Unauthorized => {
                let given_up = is_creation(&intent.action)
                    && intent.state == IntentState::Pending
                    && self.now().since(intent.created_at) > CREATION_PATIENCE;
                (!given_up).then_some(intent.state)
            }
            ProviderError::Conflict { .. } => Some(intent.state),
        }
    }

    /// Takes calls whose lease has run out, at most `limit`.
    pub(crate) async fn take_due_calls(&self, limit: u32) -> Result<Vec<Intent>, Error> {
        self.transact(move |_, uow| Box::pin(async move { Ok(uow.lease_due_intents(limit, LEASE).await?) })).await
    }

    /// Makes a call that was taken, and concludes it. What does not succeed is kept by the intent, and told already.
    ///
    /// # Errors
    /// A defect of ours: its lease runs out, and it is tried again.
    pub(crate) async fn finish_call(&self, intent: Intent) -> Result<(), Error> {
        let (log, span) = traced::intended_call(&intent);
        match trace::in_call(log, span, Box::pin(self.call_and_conclude(intent, Waiting::Worker))).await {
            Err(defect @ Error::Internal(_)) => Err(defect),
            _ => Ok(()),
        }
    }
}

/// Whether it is not known what became of a call that is tried again: where an earlier try may have done it, a provider that
/// can't be asked now says nothing else.
fn is_unknown(error: &ProviderError, state: IntentState) -> bool {
    let is_answer = matches!(error, ProviderError::Rejected { .. } | ProviderError::Unsupported { .. });
    state == IntentState::OutcomeUnknown && !is_answer
}

fn is_creation(action: &ProviderAction) -> bool {
    matches!(
        action,
        ProviderAction::CreatePaymentLink { .. }
            | ProviderAction::CreateCheckoutSession { .. }
            | ProviderAction::CreateRefund { .. }
            | ProviderAction::CreatePromotionCode { .. }
    )
}

fn is_closing(action: &ProviderAction) -> bool {
    matches!(
        action,
        ProviderAction::DeactivatePaymentLink { .. }
            | ProviderAction::ExpireCheckoutSession { .. }
            | ProviderAction::DetachPaymentMethod { .. }
    )
}

fn is_page_closing(action: &ProviderAction) -> bool {
    matches!(action, ProviderAction::DeactivatePaymentLink { .. } | ProviderAction::ExpireCheckoutSession { .. })
}

#[cfg(test)]
mod tests;

//! Held money: it is captured or let go at the provider, and the payment follows what its session then says there.
//!
//! A payment is captured or let go once. So where it is not known whether a call did it, a look at the session tells, and a
//! call that is refused is followed by a look: someone may have been faster in the provider's dashboard.

use domain::id::PaymentId;
use domain::money::Money;
use domain::payment::Payment;
use domain::ports::provider::{PaymentProvider, ProviderError};
use domain::ports::storage::UnitOfWork;
use domain::provider::{CheckoutProgress, CheckoutSnapshot, HeldPayment, Intent, ProviderName};

use crate::app::App;
use crate::error::{Error, Reason};

impl App {
    /// Has the provider capture `amount` of what a payment holds, or let all of it go where there is none; answers how the
    /// payment's session stands since.
    pub(crate) async fn move_held_money(
        &self,
        provider: &dyn PaymentProvider,
        intent: &Intent,
        (held, amount): (&HeldPayment, Option<Money>),
        must_look: bool,
    ) -> Result<CheckoutSnapshot, ProviderError> {
        if must_look {
            match provider.fetch_checkout(&held.session_ref).await {
                Ok(snapshot) if is_held(&snapshot) => {}
                Ok(snapshot) => return decided(snapshot),
                Err(error @ ProviderError::RateLimited { .. }) => return Err(error),
                // A lookup that failed tells nothing about what was looked for.
                Err(_) => return Err(ProviderError::OutcomeUnknown),
            }
        }
        let key = intent.provider_key();
        let called = match amount {
            Some(amount) => provider.capture_payment(&key, &held.payment_ref, amount).await,
            None => provider.cancel_payment(&key, &held.payment_ref).await,
        };
        match called {
            Ok(()) => match provider.fetch_checkout(&held.session_ref).await {
                Ok(snapshot) => decided(snapshot),
                Err(_) => Err(ProviderError::OutcomeUnknown),
            },
            Err(rejected @ ProviderError::Rejected { .. }) => match provider.fetch_checkout(&held.session_ref).await {
                Ok(snapshot) if is_held(&snapshot) => Err(rejected),
                Ok(snapshot) => decided(snapshot),
                Err(_) => Err(ProviderError::OutcomeUnknown),
            },
            Err(error) => Err(error),
        }
    }

    /// The names by which its provider knows an authorized payment.
    pub(crate) async fn held_at_provider(&self, uow: &dyn UnitOfWork, payment: &Payment) -> Result<HeldPayment, Error> {
        let session = match payment.checkout_session_id {
            Some(id) => uow.load_checkout_session(id).await?.and_then(|session| session.provider_ref.clone()),
            None => None,
        };
        let held = payment.provider_ref.clone().zip(session).map(|(payment_ref, session_ref)| HeldPayment {
            payment_id: payment.id,
            payment_ref,
            session_ref,
        });
        held.ok_or_else(|| Error::internal("an authorized payment is not known at its provider"))
    }

    /// Brings what came of [`move_held_money`](Self::move_held_money) into the books. Answers the payment as it is since,
    /// and why it is not what was asked for, where someone was faster at the provider.
    pub(crate) async fn conclude_held_money(
        &self,
        uow: &mut dyn UnitOfWork,
        provider: &ProviderName,
        (id, amount): (PaymentId, Option<Money>),
        snapshot: Option<&CheckoutSnapshot>,
    ) -> Result<(Payment, Option<Error>), Error> {
        if let Some(snapshot) = snapshot {
            self.settle(uow, provider, snapshot).await?;
        }
        let payment = uow.lock_payment(id).await?.ok_or_else(|| Error::internal("the payment of an intent is gone"))?;
        let is_as_asked = match (snapshot.map(|snapshot| &snapshot.progress), amount) {
            (None, _) | (Some(CheckoutProgress::Released { .. }), None) => true,
            (Some(CheckoutProgress::Paid { received, .. }), Some(amount)) => *received == amount,
            (Some(_), _) => false,
        };
        let refusal = (!is_as_asked).then(|| {
            let message = format!("the payment is {}: it was captured or let go at the provider", payment.state.name());
            Error::precondition(Reason::PaymentState, message)
        });
        Ok((payment, refusal))
    }
}

fn is_held(snapshot: &CheckoutSnapshot) -> bool {
    matches!(snapshot.progress, CheckoutProgress::Authorized { .. })
}

/// The session, once it says what became of the money. Until then the call is neither done nor refused.
fn decided(snapshot: CheckoutSnapshot) -> Result<CheckoutSnapshot, ProviderError> {
    match snapshot.progress {
        CheckoutProgress::Paid { .. } | CheckoutProgress::Released { .. } | CheckoutProgress::PaymentFailed { .. } => {
            Ok(snapshot)
        }
        CheckoutProgress::Open
        | CheckoutProgress::Expired
        | CheckoutProgress::NothingToPay
        | CheckoutProgress::Completed
        | CheckoutProgress::Processing { .. }
        | CheckoutProgress::Authorized { .. } => Err(ProviderError::OutcomeUnknown),
    }
}

#[cfg(test)]
mod tests;

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
use crate::error::Error;

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
                Ok(snapshot) => return Ok(snapshot),
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
                Ok(snapshot) if !is_held(&snapshot) => Ok(snapshot),
                Ok(_) | Err(_) => Err(ProviderError::OutcomeUnknown),
            },
            Err(rejected @ ProviderError::Rejected { .. }) => match provider.fetch_checkout(&held.session_ref).await {
                Ok(snapshot) if is_held(&snapshot) => Err(rejected),
                Ok(snapshot) => Ok(snapshot),
                Err(_) => Err(ProviderError::OutcomeUnknown),
            },
            Err(error) => Err(error),
        }
    }

    /// Brings what came of [`move_held_money`](Self::move_held_money) into the books. Answers the payment as it is since,
    /// and why it is not what was asked for, where someone was faster at the provider.
    pub(crate) async fn conclude_held_money(
        &self,
        uow: &mut dyn UnitOfWork,
        provider: &ProviderName,
        (id, amount): (PaymentId, Option<Money>),
        snapshot: Option<&CheckoutSnapshot>,
    ) -> Result<(Payment, Option<ProviderError>), Error> {
        if let Some(snapshot) = snapshot {
            self.settle(uow, provider, snapshot).await?;
        }
        let payment = uow.lock_payment(id).await?.ok_or_else(|| Error::internal("the payment of an intent is gone"))?;
        let otherwise = |code: &str| Some(ProviderError::Rejected { field: None, code: code.to_owned() });
        let refusal = match (snapshot.map(|snapshot| &snapshot.progress), amount) {
            (None, _) | (Some(CheckoutProgress::Released { .. }), None) => None,
            (Some(CheckoutProgress::Paid { received, .. }), Some(amount)) if *received == amount => None,
            (Some(CheckoutProgress::Paid { .. }), _) => otherwise("payment_captured_at_provider"),
            (Some(_), _) => otherwise("payment_canceled_at_provider"),
        };
        Ok((payment, refusal))
    }
}

fn is_held(snapshot: &CheckoutSnapshot) -> bool {
    matches!(snapshot.progress, CheckoutProgress::Authorized { .. })
}

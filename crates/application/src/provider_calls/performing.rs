//! What is asked of the provider for each action, and how it is found out whether it was done before.

use std::time::Duration;

use domain::catalog::PromotionCodeSnapshot;
use domain::checkout::SessionState;
use domain::payment_link::LinkError;
use domain::ports::provider::{HostedPage, ProviderError};
use domain::provider::{
    Capabilities, CheckoutProgress, CheckoutSnapshot, Feature, Intent, IntentState, ProviderAction,
};
use domain::refund::RefundSnapshot;
use domain::subscription::SubscriptionSnapshot;

use super::is_creation;
use crate::app::{App, Waiting};
use crate::error::Error;

/// How long before its end a provider's key counts as old: a request may be on its way that long, and clocks may differ.
const KEY_MARGIN: Duration = Duration::from_secs(60 * 60);
/// After how many attempts, those that were never sent included, another key is tried where the same one alone can tell whether
/// there is a page. Too early costs a page of which nobody has the URL, and no money.
const SAME_KEY_TRIES: u32 = 4;

/// How long the closing of a page of which parts were paid waits to hear of the rest.
const REST_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Whether a call may have been made before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup {
    /// What it was to make is to be looked up first: its outcome is unknown, or its key is old.
    pub(crate) must_look: bool,
    /// Its key does not surely protect any more.
    pub(crate) key_is_old: bool,
}

/// What a provider did.
pub(super) enum Performed {
    /// It made a page.
    Page(HostedPage),
    /// It closed a session, which then stood so.
    Session(Box<CheckoutSnapshot>),
    /// It closed a link, of which these sessions had been completed.
    LinkClosed(Vec<CheckoutSnapshot>),
    /// It made a refund, which then stood so.
    Refund(Box<RefundSnapshot>),
    /// It made a promotion code.
    PromotionCode(PromotionCodeSnapshot),
    /// It ended a subscription, or noted that it will; with the stored version from before.
    Subscription(i64, Box<SubscriptionSnapshot>),
    /// It was not asked: what has happened since it was intended does not allow it any more.
    Overtaken(LinkError),
    /// It did what was asked.
    Done,
}

impl App {
    /// Whether the key of a call does not surely protect any more.
    pub(super) fn is_key_old(&self, intent: &Intent, abilities: &Capabilities) -> bool {
        self.now().since(intent.created_at) > abilities.key_lifetime.saturating_sub(KEY_MARGIN)
    }

    /// Whether nothing more is waited for of a page that is gone through at the provider: parts of what it asks for were told,
    /// and the rest would have been by now. What comes all the same is flagged as late.
    fn has_waited_for_rest(&self, intent: &Intent, is_paid_in_parts: bool) -> bool {
        is_paid_in_parts && self.now().since(intent.created_at) > REST_PATIENCE
    }

    /// Makes the call of an intent, or finds out what became of it.
    pub(super) async fn perform(
        &self,
        intent: &mut Intent,
        waiting: Waiting,
    ) -> Result<Result<Performed, ProviderError>, Error> {
        let provider = self.provider_for(waiting, &intent.provider)?.clone();
        let storage = &self.0.storage;
        let abilities = provider.capabilities();
        let key_is_old = self.is_key_old(intent, abilities);
        let must_look = intent.state == IntentState::OutcomeUnknown || key_is_old;
        let lookup = Lookup { must_look, key_is_old };
        if must_look && !is_creation(&intent.action) {
            // What sets a state may be done twice, and under the old key a provider repeats its old answer, failures too.
            intent.key_generation += 1;
        }
        let performed = match &intent.action {
            ProviderAction::CreatePaymentLink { payment_link_id } => {
                let Some(link) = storage.load_payment_link(*payment_link_id).await? else {
                    return Ok(Err(ProviderError::NotFound));
                };
                let find = || provider.find_payment_link(link.id, link.created_at);
                if let Some(known) = look_up(abilities, intent, lookup, find).await {
                    return Ok(known.map(Performed::Page));
                }
                provider.create_payment_link(&intent.provider_key(), &link).await.map(Performed::Page)
            }
            ProviderAction::CreateCheckoutSession { checkout_session_id } => {
                let Some(session) = storage.load_checkout_session(*checkout_session_id).await? else {
                    return Ok(Err(ProviderError::NotFound));
                };
                let find = || provider.find_checkout(session.id, session.created_at);
                if let Some(known) = look_up(abilities, intent, lookup, find).await {
                    return Ok(known.map(Performed::Page));
                }
                let customer = match session.customer_id {
                    Some(id) => storage.get_customer(&[session.seller_id.clone()].into(), id).await?,
                    None => None,
                };
                provider.create_checkout(&intent.provider_key(), &session, customer.as_ref()).await.map(Performed::Page)
            }
            ProviderAction::UpdatePaymentLink { payment_link_id, changes } => {
                let Some(link) = storage.load_payment_link(*payment_link_id).await? else {
                    return Ok(Err(ProviderError::NotFound));
                };
                let changed = match link.changed(changes, self.now()) {
                    Ok(changed) => changed,
                    // It was perhaps done already, so the provider has the last word.
                    Err(_) if intent.state == IntentState::OutcomeUnknown => link.with_checked(changes, self.now()),
                    Err(error) => return Ok(Ok(Performed::Overtaken(error))),
                };
                provider.update_payment_link(&intent.provider_key(), &link, &changed).await.map(|()| Performed::Done)
            }
            ProviderAction::ActivatePaymentLink { payment_link_id } => {
                let Some(link) = storage.load_payment_link(*payment_link_id).await? else {
                    return Ok(Err(ProviderError::NotFound));
                };
                provider.activate_payment_link(&intent.provider_key(), &link).await.map(|()| Performed::Done)
            }
            ProviderAction::DeactivatePaymentLink { payment_link_id, .. } => {
                let Some(link) = storage.load_payment_link(*payment_link_id).await? else {
                    return Ok(Err(ProviderError::NotFound));
                };
                if link.provider_ref.is_none() {
                    // It was never made, so there is nothing to close.
                    return Ok(Ok(Performed::Done));
                }
                match provider.deactivate_payment_link(&intent.provider_key(), &link).await {
                    Ok(completed)
                        if is_to_be_told(&completed)
                            && !link.is_used_up()
                            && !self.has_waited_for_rest(intent, link.paid_in_parts.is_some()) =>
                    {
                        Err(money_to_be_told())
                    }
                    closed => closed.map(Performed::LinkClosed),
                }
            }
            ProviderAction::ExpireCheckoutSession { checkout_session_id, .. } => {
                let Some(session) = storage.load_checkout_session(*checkout_session_id).await? else {
                    return Ok(Err(ProviderError::NotFound));
                };
                if session.provider_ref.is_none() {
                    return Ok(Ok(Performed::Done));
                }
                match provider.expire_checkout(&intent.provider_key(), &session).await {
                    // It could not be closed, and is not done with either.
                    Ok(snapshot) if snapshot.progress == CheckoutProgress::Open => {
                        Err(ProviderError::Conflict { code: "still_open".to_owned() })
                    }
                    Ok(snapshot) if is_to_be_told(std::slice::from_ref(&snapshot)) => match session.state {
                        SessionState::Completed { .. } => Ok(Performed::Done),
                        _ if self.has_waited_for_rest(intent, session.paid_in_parts.is_some()) => Ok(Performed::Done),
                        _ => Err(money_to_be_told()),
                    },
                    closed => closed.map(|snapshot| Performed::Session(Box::new(snapshot))),
                }
            }
            ProviderAction::DetachPaymentMethod { payment_method_id } => {
                let Some(method) = storage.load_payment_method(*payment_method_id).await? else {
                    return Ok(Err(ProviderError::NotFound));
                };
                provider
                    .detach_payment_method(&intent.provider_key(), &method.provider_ref)
                    .await
                    .map(|()| Performed::Done)
            }
            ProviderAction::CreateRefund { refund_id } => {
                let id = *refund_id;
                let made = self.request_refund(provider.as_ref(), intent, id, lookup).await?;
                made.map(|made| made.map_or(Performed::Done, |snapshot| Performed::Refund(Box::new(snapshot))))
            }
            ProviderAction::CreatePromotionCode { promotion_code_id } => {
                let id = *promotion_code_id;
                self.make_promotion_code(provider.as_ref(), intent, id, lookup).await?.map(Performed::PromotionCode)
            }
            ProviderAction::UpdatePromotionCode { promotion_code_id, changes } => {
                let code = storage.load_promotion_code(*promotion_code_id).await?;
                match (code.and_then(|code| code.provider_ref.clone()), changes.active) {
                    (Some(code), Some(active)) => provider
                        .set_promotion_code_active(&intent.provider_key(), &code, active)
                        .await
                        .map(|()| Performed::Done),
                    (Some(_), None) => Ok(Performed::Done),
                    (None, _) => Err(ProviderError::NotFound),
                }
            }
            ProviderAction::CancelSubscription { subscription_id, at } => {
                let Some(subscription) = storage.load_subscription(*subscription_id).await? else {
                    return Ok(Err(ProviderError::NotFound));
                };
                provider
                    .cancel_subscription(&intent.provider_key(), &subscription.provider_ref, *at)
                    .await
                    .map(|snapshot| Performed::Subscription(subscription.version, Box::new(snapshot)))
            }
            ProviderAction::CapturePayment { payment, amount } => {
                let moved = self.move_held_money(provider.as_ref(), intent, (payment, Some(*amount)), must_look).await;
                moved.map(|snapshot| Performed::Session(Box::new(snapshot)))
            }
            ProviderAction::CancelPayment { payment } => {
                let moved = self.move_held_money(provider.as_ref(), intent, (payment, None), must_look).await;
                moved.map(|snapshot| Performed::Session(Box::new(snapshot)))
            }
        };
        Ok(performed)
    }
}

/// What became of a thing that may have been made before: it was made, or that can't be told now. Nothing where it is to be
/// made, under a new key if it surely is not there.
pub(crate) async fn look_up<T, F>(
    abilities: &Capabilities,
    intent: &mut Intent,
    Lookup { must_look, key_is_old }: Lookup,
    find: impl FnOnce() -> F,
) -> Option<Result<T, ProviderError>>
where
    F: Future<Output = Result<Option<T>, ProviderError>>,
{
    if !must_look {
        return None;
    }
    if !abilities.has(Feature::LookupByReference) {
        // The same key makes no second one. Where it answers nothing but a failure, or protects no more, another makes one: what
        // was made before is nobody's then, since nobody has its URL.
        if key_is_old || intent.attempts.is_multiple_of(SAME_KEY_TRIES) {
            intent.key_generation += 1;
        }
        return None;
    }
    match find().await {
        Ok(Some(made)) => Some(Ok(made)),
        Ok(None) => {
            intent.key_generation += 1;
            None
        }
        Err(error) => Some(Err(unknown_still(error))),
    }
}

/// Whether money came in of which only a notification can tell.
fn is_to_be_told(snapshots: &[CheckoutSnapshot]) -> bool {
    snapshots.iter().any(|snapshot| snapshot.progress == CheckoutProgress::Completed)
}

/// Closing waits for the notification, so that what a customer has just paid is in the books first.
fn money_to_be_told() -> ProviderError {
    ProviderError::Conflict { code: "completed_and_not_told_yet".to_owned() }
}

/// A lookup that failed tells nothing about what was looked for.
pub(crate) fn unknown_still(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::RateLimited { .. } | ProviderError::CircuitOpen { .. } => error,
        _ => ProviderError::OutcomeUnknown,
    }
}

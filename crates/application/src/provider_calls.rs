//! Provider calls: intent committed, call made, outcome committed.
//!
//! A crash between two of these leaves an unfinished intent, which [`App::take_due_calls`] takes up once its lease has
//! run out. It is sent again under the same provider key, which the provider does once. Where the outcome is unknown, or
//! the key has grown too old to protect, the thing is looked up at the provider first.

use std::time::Duration;

use domain::catalog::PromotionCodeSnapshot;
use domain::checkout::SessionState;
use domain::event::{EventKind, EventSubject};
use domain::id::InvoiceId;
use domain::idempotency::RequestProgress;
use domain::payment::{Payment, PaymentState};
use domain::payment_link::{CloseReason, LinkError, PaymentLink};
use domain::ports::provider::{HostedPage, ProviderError};
use domain::ports::storage::{Collectable, UnitOfWork};
use domain::provider::{
    Capabilities, CheckoutProgress, CheckoutSnapshot, Feature, Intent, IntentState, ProviderAction, ProviderName,
    Sequel,
};
use domain::refund::RefundSnapshot;
use domain::subscription::SubscriptionSnapshot;
use serde::Serialize;
use telemetry::table::PROVIDER_ACTIONS;
use telemetry::trace;

use crate::app::{App, Waiting};
use crate::backoff::{RETRY_IN_MAX, backed_off, spread};
use crate::error::{Error, RETRY_AFTER, Reason};
use crate::leases::{Held, LEASE, expect_held};
use crate::mutation::{Mutation, Step};
use crate::traced;
use crate::use_cases::payment_link::link_error;

/// How long before its end a provider's key counts as old: a request may be on its way that long, and clocks may differ.
const KEY_MARGIN: Duration = Duration::from_secs(60 * 60);
/// After how many attempts, those that were never sent included, another key is tried where the same one alone can tell whether
/// there is a page. Too early costs a page of which nobody has the URL, and no money.
const SAME_KEY_TRIES: u32 = 4;
/// How long a new page is tried to be made while the provider surely has not made it.
const CREATION_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether a call may have been made before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup {
    /// What it was to make is to be looked up first: its outcome is unknown, or its key is old.
    pub(crate) must_look: bool,
    /// Its key does not surely protect any more.
    pub(crate) key_is_old: bool,
}

/// What a provider did.
enum Performed {
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
        self.expect_no_call(uow, &action.subject()).await?;
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

    /// Makes the call of an intent that is leased to us, and commits what came of it.
    ///
    /// # Errors
    /// Nothing final came of it: the intent stays, and is tried again. Or its lease was lost: then nothing is written here.
    pub(crate) async fn call_and_conclude(&self, intent: Intent, waiting: Waiting) -> Result<(), Error> {
        let held = Held::Call(Box::new(intent.clone()));
        self.while_held(held, Box::pin(self.try_call(intent, waiting))).await
    }

    async fn try_call(&self, mut intent: Intent, waiting: Waiting) -> Result<(), Error> {
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
            (Err(ProviderError::OutcomeUnknown), Some(_)) => "unknown",
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
                Err(Error::from(error).retry_in(retry_in))
            }
            (performed, _) => {
                let (performed, concluded) = (std::sync::Arc::new(performed), intent.clone());
                let committed = self.transact_for(waiting, move |app, uow| {
                    let (intent, performed) = (concluded.clone(), std::sync::Arc::clone(&performed));
                    Box::pin(async move { Box::pin(app.conclude(uow, intent, performed.as_ref())).await })
                });
                if let Err(defect) = committed.await {
                    if matches!(defect, Error::Internal(_)) {
                        // Or it would be sent again as soon as its lease has run out, for ever.
                        let seed = intent.id.uuid().as_bytes()[15];
                        let retry_in = backed_off(RETRY_AFTER, intent.attempts, seed);
                        self.put_call_off(waiting, intent, retry_in).await?;
                    }
                    return Err(defect);
                }
                // A later call about the same thing waited for this one, or one was intended with its outcome.
                self.0.call_work.notify_one();
                Ok(())
            }
        }
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

    async fn perform(&self, intent: &mut Intent, waiting: Waiting) -> Result<Result<Performed, ProviderError>, Error> {
        let provider = self.provider_for(waiting, &intent.provider)?.clone();
        let storage = &self.0.storage;
        let abilities = provider.capabilities();
        let key_is_old = self.now().since(intent.created_at) > abilities.key_lifetime.saturating_sub(KEY_MARGIN);
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
                    Ok(completed) if is_to_be_told(&completed) && !link.is_used_up() => Err(money_to_be_told()),
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

    /// Commits the final outcome of a call: the thing, its event, the intent and the stored answer, all at once.
    async fn conclude(
        &self,
        uow: &mut dyn UnitOfWork,
        mut intent: Intent,
        performed: &Result<Performed, ProviderError>,
    ) -> Result<(), Error> {
        let action = intent.action.clone();
        let operation = self.requested_operation(uow, &intent).await?;
        // An invoice that is to be withdrawn, credited or paid is locked before what it can be paid by.
        let to_void = match operation.as_deref() {
            Some(App::VOID_INVOICE) => self.invoice_of(uow, &intent).await?,
            _ => None,
        };
        let sequel = intent.sequel.clone();
        if let Some(invoice) = to_void.or(sequel.as_ref().map(Sequel::invoice_id)) {
            uow.lock_invoice(invoice).await?;
        }
        let mut is_made_anyway = false;
        let mut done_otherwise = None;
        let mut progress = match &action {
            ProviderAction::CreatePaymentLink { payment_link_id } => {
                self.conclude_link_creation(uow, *payment_link_id, performed).await?
            }
            ProviderAction::CreateCheckoutSession { checkout_session_id } => {
                self.conclude_session_creation(uow, *checkout_session_id, performed).await?
            }
            ProviderAction::UpdatePaymentLink { payment_link_id, changes } => {
                let mut link = found(uow.lock_payment_link(*payment_link_id).await?)?;
                if let Ok(Performed::Overtaken(error)) = performed {
                    done_otherwise = Some(link_error(error.clone()));
                } else if performed.is_ok() {
                    link = link.with_checked(changes, self.now());
                    uow.update_payment_link(&mut link).await?;
                    self.record(uow, EventKind::PaymentLinkUpdated, EventSubject::PaymentLink(Box::new(link.clone())))
                        .await?;
                    // The checkout that reached a new limit may be in the books before the limit is.
                    if link.is_used_up() {
                        self.link_closed(uow, &mut link, CloseReason::Completed).await?;
                    }
                }
                done(&link)?
            }
            ProviderAction::ActivatePaymentLink { payment_link_id } => {
                let mut link = found(uow.lock_payment_link(*payment_link_id).await?)?;
                if performed.is_err() {
                    uow.release_collectable(Collectable::PaymentLink(link.id)).await?;
                } else if link.reopened(self.now()) {
                    uow.update_payment_link(&mut link).await?;
                    self.record(
                        uow,
                        EventKind::PaymentLinkActivated,
                        EventSubject::PaymentLink(Box::new(link.clone())),
                    )
                    .await?;
                }
                done(&link)?
            }
            ProviderAction::DeactivatePaymentLink { payment_link_id, reason } => {
                let (link, payment) =
                    self.conclude_link_closing(uow, &intent, (*payment_link_id, *reason), performed).await?;
                match payment.filter(|_| operation.as_deref() == Some(App::CANCEL_PAYMENT)) {
                    // The request was to cancel the payment, so the payment is the answer.
                    Some(payment) => {
                        if !matches!(payment.state, PaymentState::Canceled { .. }) {
                            let message = format!("the payment is {}: its customer was faster", payment.state.name());
                            done_otherwise = Some(Error::precondition(Reason::PaymentState, message));
                        }
                        done(&payment)?
                    }
                    None => done(&link)?,
                }
            }
            ProviderAction::ExpireCheckoutSession { checkout_session_id, reason } => {
                self.conclude_session_closing(uow, &intent, (*checkout_session_id, *reason), performed).await?
            }
            ProviderAction::DetachPaymentMethod { payment_method_id } => {
                let mut method = found(uow.load_payment_method(*payment_method_id).await?)?;
                // One that the provider has not got any more is detached as well.
                if matches!(performed, Ok(_) | Err(ProviderError::NotFound)) && method.detach(self.now()) {
                    uow.update_payment_method(&mut method).await?;
                    self.record(
                        uow,
                        EventKind::PaymentMethodDetached,
                        EventSubject::PaymentMethod(Box::new(method.clone())),
                    )
                    .await?;
                }
                done(&method)?
            }
            ProviderAction::CreateRefund { refund_id } => {
                let outcome = match performed {
                    Ok(Performed::Refund(snapshot)) => Ok(Some(snapshot.as_ref())),
                    Ok(_) => Ok(None),
                    Err(error) => Err(failure_code(error)),
                };
                let refund = self.conclude_refund(uow, *refund_id, outcome).await?;
                // A notification told of it while the call failed.
                is_made_anyway = refund.provider_ref.is_some();
                done(&refund)?
            }
            ProviderAction::CreatePromotionCode { promotion_code_id } => {
                let outcome = match performed {
                    Ok(Performed::PromotionCode(snapshot)) => Ok(snapshot),
                    Ok(_) => return Err(Error::internal("a promotion code was made into something else")),
                    Err(error) => Err(failure_code(error)),
                };
                done(&self.conclude_promotion_code(uow, *promotion_code_id, outcome).await?)?
            }
            ProviderAction::UpdatePromotionCode { promotion_code_id, changes } => {
                if performed.is_ok() {
                    done(&self.conclude_promotion_code_update(uow, *promotion_code_id, changes).await?)?
                } else {
                    done(&found(uow.lock_promotion_code(*promotion_code_id).await?)?)?
                }
            }
            ProviderAction::CancelSubscription { subscription_id, .. } => {
                let told = match performed {
                    Ok(Performed::Subscription(version, snapshot)) => Some((*version, snapshot.as_ref())),
                    _ => None,
                };
                done(&self.conclude_cancellation(uow, *subscription_id, told).await?)?
            }
            ProviderAction::CapturePayment { payment, .. } | ProviderAction::CancelPayment { payment } => {
                let asked = (payment.payment_id, captured_amount(&action));
                let snapshot = match performed {
                    Ok(Performed::Session(snapshot)) => Some(snapshot.as_ref()),
                    _ => None,
                };
                let (payment, refusal) = self.conclude_held_money(uow, &intent.provider, asked, snapshot).await?;
                done_otherwise = refusal;
                done(&payment)?
            }
        };
        let is_closed = performed.is_ok() || (is_closing(&action) && matches!(performed, Err(ProviderError::NotFound)));
        if let Some(invoice) = to_void.filter(|_| is_closed) {
            match self.conclude_void(uow, invoice).await? {
                Ok(invoice) => progress = done(&invoice)?,
                Err(refusal) => done_otherwise = Some(refusal),
            }
        }
        if let Some(sequel) = sequel.filter(|_| is_closed) {
            match self.conclude_sequel(uow, sequel).await? {
                Ok(answer) => progress = answer,
                Err(refusal) => done_otherwise = Some(refusal),
            }
        }
        let refused = match performed {
            Err(_) if is_made_anyway => None,
            Err(ProviderError::NotFound) if is_closing(&action) => done_otherwise,
            Err(error) => Some(Error::from(error.clone())),
            Ok(_) => done_otherwise,
        };
        intent.state = if refused.is_some() { IntentState::Failed } else { IntentState::Done };
        expect_held(uow.update_intent(&intent, Duration::ZERO).await)?;
        if let Some(key) = &intent.request {
            let progress = match refused.and_then(|error| error.to_refusal()) {
                Some(refusal) => RequestProgress::Refused { refusal },
                None => progress,
            };
            uow.update_request(key, &progress).await?;
        }
        Ok(())
    }

    async fn conclude_link_creation(
        &self,
        uow: &mut dyn UnitOfWork,
        id: domain::id::PaymentLinkId,
        performed: &Result<Performed, ProviderError>,
    ) -> Result<RequestProgress, Error> {
        let now = self.now();
        // The invoice's row comes before the link's, as everywhere, so that two transactions never wait for each other.
        if let Some(invoice_id) = found(uow.load_payment_link(id).await?)?.invoice_id() {
            uow.lock_invoice(invoice_id).await?;
        }
        let mut link = found(uow.lock_payment_link(id).await?)?;
        let kind = match performed {
            Ok(Performed::Page(page)) if link.created(page.provider_ref.clone(), page.url.clone(), now) => {
                EventKind::PaymentLinkCreated
            }
            Err(error) if link.failed(failure_code(error), now) => EventKind::PaymentLinkFailed,
            _ => return done(&link),
        };
        uow.update_payment_link(&mut link).await?;
        self.record(uow, kind, EventSubject::PaymentLink(Box::new(link.clone()))).await?;
        if kind == EventKind::PaymentLinkFailed {
            uow.release_collectable(Collectable::PaymentLink(id)).await?;
        }
        match link.payment_id {
            Some(payment_id) => self.conclude_ad_hoc_payment(uow, payment_id, link.url.clone()).await,
            None => done(&link),
        }
    }

    /// The page of an ad-hoc payment is there, or was refused: then the payment failed, and its invoice is withdrawn.
    async fn conclude_ad_hoc_payment(
        &self,
        uow: &mut dyn UnitOfWork,
        id: domain::id::PaymentId,
        url: Option<String>,
    ) -> Result<RequestProgress, Error> {
        let now = self.now();
        let mut payment = found(uow.lock_payment(id).await?)?;
        let kind = match url {
            Some(url) => {
                payment.host(url, now);
                EventKind::PaymentCreated
            }
            None => {
                payment.fail(now);
                EventKind::PaymentFailed
            }
        };
        uow.update_payment(&mut payment).await?;
        if kind == EventKind::PaymentFailed {
            self.void_invoice_of(uow, &payment).await?;
        }
        self.record(uow, kind, EventSubject::Payment(Box::new(payment.clone()))).await?;
        done(&payment)
    }

    async fn conclude_session_creation(
        &self,
        uow: &mut dyn UnitOfWork,
        id: domain::id::CheckoutSessionId,
        performed: &Result<Performed, ProviderError>,
    ) -> Result<RequestProgress, Error> {
        let now = self.now();
        let mut session = found(uow.lock_checkout_session(id).await?)?;
        let kind = match performed {
            Ok(Performed::Page(page)) if session.created(page.provider_ref.clone(), page.url.clone(), now) => {
                EventKind::CheckoutSessionCreated
            }
            Err(error) if session.failed(failure_code(error), now) => EventKind::CheckoutSessionFailed,
            _ => return done(&session),
        };
        uow.update_checkout_session(&mut session).await?;
        if kind == EventKind::CheckoutSessionFailed {
            uow.release_collectable(Collectable::CheckoutSession(id)).await?;
        }
        self.record(uow, kind, EventSubject::CheckoutSession(Box::new(session.clone()))).await?;
        done(&session)
    }

    async fn conclude_link_closing(
        &self,
        uow: &mut dyn UnitOfWork,
        intent: &Intent,
        (id, reason): (domain::id::PaymentLinkId, CloseReason),
        performed: &Result<Performed, ProviderError>,
    ) -> Result<(PaymentLink, Option<Payment>), Error> {
        // Money that came in just before is in the books first: then the link is closed by its completion already.
        if let Ok(Performed::LinkClosed(completed)) = performed {
            for snapshot in completed {
                self.settle(uow, &intent.provider, snapshot).await?;
            }
        }
        // The invoice's row first, see above.
        let invoice_id = found(uow.load_payment_link(id).await?)?.invoice_id();
        if let Some(invoice_id) = invoice_id {
            uow.lock_invoice(invoice_id).await?;
        }
        let mut link = found(uow.lock_payment_link(id).await?)?;
        if matches!(performed, Ok(_) | Err(ProviderError::NotFound)) {
            self.link_closed(uow, &mut link, reason).await?;
        }
        let payment = match link.payment_id {
            Some(id) => Some(found(uow.lock_payment(id).await?)?),
            None => None,
        };
        Ok((link, payment))
    }

    /// Which operation asked for what the provider closes or lets go, for different ones do.
    async fn requested_operation(&self, uow: &dyn UnitOfWork, intent: &Intent) -> Result<Option<String>, Error> {
        match (&intent.action, &intent.request) {
            (
                ProviderAction::DeactivatePaymentLink { .. }
                | ProviderAction::ExpireCheckoutSession { .. }
                | ProviderAction::CancelPayment { .. },
                Some(key),
            ) => Ok(uow.load_request(key).await?.map(|request| request.operation)),
            _ => Ok(None),
        }
    }

    /// The invoice of what is closed or let go.
    async fn invoice_of(&self, uow: &dyn UnitOfWork, intent: &Intent) -> Result<Option<InvoiceId>, Error> {
        Ok(match &intent.action {
            ProviderAction::DeactivatePaymentLink { payment_link_id, .. } => {
                uow.load_payment_link(*payment_link_id).await?.and_then(|link| link.invoice_id())
            }
            ProviderAction::ExpireCheckoutSession { checkout_session_id, .. } => {
                uow.load_checkout_session(*checkout_session_id).await?.and_then(|session| session.invoice_id())
            }
            ProviderAction::CancelPayment { payment } => uow
                .get_payment(&[intent.seller_id.clone()].into(), payment.payment_id)
                .await?
                .and_then(|payment| payment.invoice_id),
            _ => None,
        })
    }

    async fn conclude_session_closing(
        &self,
        uow: &mut dyn UnitOfWork,
        intent: &Intent,
        (id, reason): (domain::id::CheckoutSessionId, CloseReason),
        performed: &Result<Performed, ProviderError>,
    ) -> Result<RequestProgress, Error> {
        match performed {
            Ok(Performed::Session(snapshot)) => {
                self.settle(uow, &intent.provider, snapshot).await?;
            }
            Ok(_) | Err(ProviderError::NotFound) => {
                let mut session = found(uow.lock_checkout_session(id).await?)?;
                self.session_expired(uow, &mut session, reason).await?;
            }
            Err(_) => {}
        }
        done(&found(uow.load_checkout_session(id).await?)?)
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

/// How much of what is held is captured; nothing where it is let go.
fn captured_amount(action: &ProviderAction) -> Option<domain::money::Money> {
    match action {
        ProviderAction::CapturePayment { amount, .. } => Some(*amount),
        _ => None,
    }
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

fn failure_code(error: &ProviderError) -> String {
    match error {
        ProviderError::Rejected { code, .. } => code.clone(),
        ProviderError::Unsupported { capability } => (*capability).to_owned(),
        _ => "provider_unavailable".to_owned(),
    }
}

fn found<T>(thing: Option<T>) -> Result<T, Error> {
    thing.ok_or_else(|| Error::internal("the thing of an intent is gone"))
}

/// The answer of a request that is done.
pub(crate) fn done(answer: &impl Serialize) -> Result<RequestProgress, Error> {
    Ok(RequestProgress::Done { answer: serde_json::to_value(answer).map_err(Error::internal)? })
}

#[cfg(test)]
mod tests;

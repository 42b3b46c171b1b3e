//! What comes of a call in our books: the thing, its event, the intent and the stored answer, all at once.

use std::time::Duration;

use domain::event::{EventKind, EventSubject};
use domain::id::InvoiceId;
use domain::idempotency::RequestProgress;
use domain::payment::{Payment, PaymentState};
use domain::payment_link::{CloseReason, PaymentLink};
use domain::ports::provider::ProviderError;
use domain::ports::storage::{Collectable, UnitOfWork};
use domain::provider::{Intent, IntentState, ProviderAction, Sequel};
use serde::Serialize;

use super::is_closing;
use super::performing::Performed;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::leases::expect_held;
use crate::use_cases::payment_link::link_error;

impl App {
    /// Commits the final outcome of a call: the thing, its event, the intent and the stored answer, all at once; answers that
    /// answer, where the call was a request's.
    pub(super) async fn conclude(
        &self,
        uow: &mut dyn UnitOfWork,
        mut intent: Intent,
        performed: &Result<Performed, ProviderError>,
    ) -> Result<Option<RequestProgress>, Error> {
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
                if performed.is_ok() {
                    self.link_opened(uow, &mut link).await?;
                } else if !link.is_used_up() {
                    // An earlier try had opened one that is: its invoice is kept, or given free, for the money that came so.
                    uow.release_collectable(Collectable::PaymentLink(link.id)).await?;
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
        let Some(key) = &intent.request else { return Ok(None) };
        let progress = match refused.and_then(|error| error.to_refusal()) {
            Some(refusal) => RequestProgress::Refused { refusal },
            None => progress,
        };
        uow.update_request(key, &progress).await?;
        Ok(Some(progress))
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
}

/// How much of what is held is captured; nothing where it is let go.
fn captured_amount(action: &ProviderAction) -> Option<domain::money::Money> {
    match action {
        ProviderAction::CapturePayment { amount, .. } => Some(*amount),
        _ => None,
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

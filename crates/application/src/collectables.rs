//! At most one open collectable (link or session) per invoice: taking it, giving it back, and closing it.

use std::time::Duration;

use domain::checkout::SessionState;
use domain::event::{EventKind, EventSubject};
use domain::id::InvoiceId;
use domain::idempotency::RequestKey;
use domain::invoice::{Invoice, InvoiceState};
use domain::payment::{Payment, PaymentState};
use domain::payment_link::{CloseReason, LinkState};
use domain::ports::storage::{Collectable, Reservation, UnitOfWork};
use domain::provider::{Intent, IntentState, ProviderAction, ProviderName};
use domain::seller::SellerId;

use crate::app::App;
use crate::error::{Error, Reason};

impl App {
    /// Takes the one open collectable of an invoice.
    ///
    /// # Errors
    /// Another has it: the error names it.
    pub(crate) async fn reserve_collectable(
        &self,
        uow: &mut dyn UnitOfWork,
        seller: &SellerId,
        invoice: InvoiceId,
        collectable: Collectable,
    ) -> Result<(), Error> {
        match uow.reserve_collectable(seller, invoice, collectable).await? {
            Reservation::Reserved => Ok(()),
            Reservation::HeldBy(existing) => Err(Error::AlreadyExists {
                reason: Reason::CollectableOpen,
                message: format!("the invoice can be paid by {existing} already; close that first"),
                existing: Some(existing.to_string()),
            }),
        }
    }

    /// Has the open collectable of an invoice closed, if there is one: the provider is called as soon as this
    /// transaction is committed.
    pub(crate) async fn close_collectable_of(
        &self,
        uow: &mut dyn UnitOfWork,
        invoice: InvoiceId,
        reason: CloseReason,
    ) -> Result<(), Error> {
        match self.begin_closing_of(uow, invoice, reason).await? {
            Some((seller, provider, action)) => self.intend(uow, &seller, &provider, action).await,
            None => Ok(()),
        }
    }

    /// Has the open collectable of an invoice closed where it asks for more than is due since money came in, or a credit:
    /// whoever paid by it would pay too much.
    pub(crate) async fn close_what_asks_too_much(
        &self,
        uow: &mut dyn UnitOfWork,
        invoice: &Invoice,
    ) -> Result<(), Error> {
        let asked = match uow.open_collectable(invoice.id).await? {
            None => None,
            // One that is closed may be about to be opened; one that is used up holds the invoice for its money.
            Some(Collectable::PaymentLink(id)) => uow
                .load_payment_link(id)
                .await?
                .filter(|link| !link.is_used_up() && !matches!(link.state, LinkState::Closing { .. }))
                .and_then(|link| link.asks_on_invoice()),
            Some(Collectable::CheckoutSession(id)) => uow
                .load_checkout_session(id)
                .await?
                .filter(|session| session.is_open() && !matches!(session.state, SessionState::Closing { .. }))
                .map(|session| session.asks()),
        };
        match asked {
            Some(asked) if !invoice.is_due(asked) => {
                self.close_collectable_of(uow, invoice.id, CloseReason::InvoiceClosed).await
            }
            _ => Ok(()),
        }
    }

    /// Fails where an invoice can be paid by something that was made while another was closed for what is asked.
    ///
    /// # Errors
    /// It can; who asks again has it closed first.
    pub(crate) async fn expect_no_other_page(&self, uow: &mut dyn UnitOfWork, invoice: &Invoice) -> Result<(), Error> {
        match uow.open_collectable(invoice.id).await? {
            None => Ok(()),
            Some(made) => {
                let message = format!("the invoice can be paid by {made}, made meanwhile; ask again to have it closed");
                Err(Error::precondition(Reason::PaymentUnderWay, message))
            }
        }
    }

    /// Begins to close the open collectable of an invoice, if there is one: whose it is, and the call that closes it.
    pub(crate) async fn begin_closing_of(
        &self,
        uow: &mut dyn UnitOfWork,
        invoice: InvoiceId,
        reason: CloseReason,
    ) -> Result<Option<(SellerId, ProviderName, ProviderAction)>, Error> {
        match uow.open_collectable(invoice).await? {
            None => Ok(None),
            Some(Collectable::PaymentLink(id)) => {
                let Some(mut link) = uow.lock_payment_link(id).await? else { return Ok(None) };
                // One that is still being made is closed right after, since calls on one thing keep their order.
                if link.begin_closing(reason, self.now()).unwrap_or(false) {
                    uow.update_payment_link(&mut link).await?;
                }
                let action = ProviderAction::DeactivatePaymentLink { payment_link_id: id, reason };
                Ok(Some((link.seller_id.clone(), link.provider.clone(), action)))
            }
            Some(Collectable::CheckoutSession(id)) => {
                let Some(mut session) = uow.lock_checkout_session(id).await? else { return Ok(None) };
                if session.begin_closing(reason, self.now()).unwrap_or(false) {
                    uow.update_checkout_session(&mut session).await?;
                }
                let action = ProviderAction::ExpireCheckoutSession { checkout_session_id: id, reason };
                Ok(Some((session.seller_id.clone(), session.provider.clone(), action)))
            }
        }
    }

    /// The call that must come before an invoice is withdrawn: that closes what it can be paid by, or lets go of what is
    /// held for it.
    pub(crate) async fn close_before_void(
        &self,
        uow: &mut dyn UnitOfWork,
        invoice: &Invoice,
    ) -> Result<Option<(ProviderName, ProviderAction)>, Error> {
        if let Some(payment) = self.payment_in(uow, invoice, PaymentState::AUTHORIZED).await? {
            let held = self.held_at_provider(uow, &payment).await?;
            return Ok(Some((payment.provider.clone(), ProviderAction::CancelPayment { payment: held })));
        }
        let closing = self.begin_closing_of(uow, invoice.id, CloseReason::InvoiceClosed).await?;
        Ok(closing.map(|(_, provider, action)| (provider, action)))
    }

    /// Begins to close a link for a reason of the system's own.
    pub(crate) async fn close_link(
        &self,
        uow: &mut dyn UnitOfWork,
        id: domain::id::PaymentLinkId,
        reason: CloseReason,
    ) -> Result<(), Error> {
        let Some(mut link) = uow.lock_payment_link(id).await? else { return Ok(()) };
        if link.begin_closing(reason, self.now()).unwrap_or(false) {
            uow.update_payment_link(&mut link).await?;
            let action = ProviderAction::DeactivatePaymentLink { payment_link_id: id, reason };
            self.intend(uow, &link.seller_id, &link.provider, action).await?;
        }
        Ok(())
    }

    /// Begins to close a session for a reason of the system's own.
    async fn close_session(
        &self,
        uow: &mut dyn UnitOfWork,
        id: domain::id::CheckoutSessionId,
        reason: CloseReason,
    ) -> Result<(), Error> {
        let Some(mut session) = uow.lock_checkout_session(id).await? else { return Ok(()) };
        if session.begin_closing(reason, self.now()).unwrap_or(false) {
            uow.update_checkout_session(&mut session).await?;
            let action = ProviderAction::ExpireCheckoutSession { checkout_session_id: id, reason };
            self.intend(uow, &session.seller_id, &session.provider, action).await?;
        }
        Ok(())
    }

    /// Begins to close a link or session for a reason of the system's own.
    pub(crate) async fn close(
        &self,
        uow: &mut dyn UnitOfWork,
        collectable: Collectable,
        reason: CloseReason,
    ) -> Result<(), Error> {
        match collectable {
            Collectable::PaymentLink(id) => self.close_link(uow, id, reason).await,
            Collectable::CheckoutSession(id) => self.close_session(uow, id, reason).await,
        }
    }

    /// Intends a provider call that no request waits for; the worker makes it.
    pub(crate) async fn intend(
        &self,
        uow: &mut dyn UnitOfWork,
        seller: &SellerId,
        provider: &ProviderName,
        action: ProviderAction,
    ) -> Result<(), Error> {
        let intent = self.new_intent((seller, provider), action, None);
        Ok(uow.insert_intent(&intent, Duration::ZERO).await?)
    }

    /// An intent that has not been tried yet.
    pub(crate) fn new_intent(
        &self,
        (seller, provider): (&SellerId, &ProviderName),
        action: ProviderAction,
        request: Option<RequestKey>,
    ) -> Intent {
        Intent {
            id: self.new_intent_id(),
            seller_id: seller.clone(),
            provider: provider.clone(),
            action,
            request,
            state: IntentState::Pending,
            attempts: 0,
            key_generation: 0,
            unknown_since: None,
            created_at: self.now(),
            lease_epoch: 0,
            sequel: None,
            trace: telemetry::trace::current(),
        }
    }

    /// Notes that a closed link is open at the provider again.
    pub(crate) async fn link_opened(
        &self,
        uow: &mut dyn UnitOfWork,
        link: &mut domain::payment_link::PaymentLink,
    ) -> Result<(), Error> {
        if !link.reopened(self.now()) {
            return Ok(());
        }
        uow.update_payment_link(link).await?;
        self.record(uow, EventKind::PaymentLinkActivated, EventSubject::PaymentLink(Box::new(link.clone()))).await?;
        // The checkout that reached its limit may be in the books before the opening is. Its money, which may still be on its
        // way, gives the invoice free.
        if link.is_used_up() && link.closed(CloseReason::Completed, self.now()) {
            uow.update_payment_link(link).await?;
            let subject = EventSubject::PaymentLink(Box::new(link.clone()));
            self.record(uow, EventKind::PaymentLinkDeactivated, subject).await?;
        }
        Ok(())
    }

    /// Notes that a link is closed at the provider, gives its invoice free, and ends an ad-hoc payment that waited on it.
    pub(crate) async fn link_closed(
        &self,
        uow: &mut dyn UnitOfWork,
        link: &mut domain::payment_link::PaymentLink,
        reason: CloseReason,
    ) -> Result<(), Error> {
        let now = self.now();
        if !link.closed(reason, now) {
            return Ok(());
        }
        uow.update_payment_link(link).await?;
        uow.release_collectable(Collectable::PaymentLink(link.id)).await?;
        self.record(uow, EventKind::PaymentLinkDeactivated, EventSubject::PaymentLink(Box::new(link.clone()))).await?;
        match (link.payment_id, reason) {
            // Its own completion ends a payment otherwise.
            (Some(_), CloseReason::Completed) | (None, _) => Ok(()),
            (Some(payment), _) => self.end_ad_hoc_payment(uow, payment, reason).await,
        }
    }

    /// Withdraws an ad-hoc payment that can't be paid any more, and the invoice that was made for it.
    async fn end_ad_hoc_payment(
        &self,
        uow: &mut dyn UnitOfWork,
        id: domain::id::PaymentId,
        reason: CloseReason,
    ) -> Result<(), Error> {
        let now = self.now();
        let Some(mut payment) = uow.lock_payment(id).await? else { return Ok(()) };
        let kind = match reason {
            CloseReason::Expired if payment.expire(now) => EventKind::PaymentExpired,
            CloseReason::Expired => return Ok(()),
            _ if payment.cancel(now).is_ok() => EventKind::PaymentCanceled,
            _ => return Ok(()),
        };
        uow.update_payment(&mut payment).await?;
        self.void_invoice_of(uow, &payment).await?;
        self.record(uow, kind, EventSubject::Payment(Box::new(payment))).await
    }

    /// Voids the invoice that was made for an ad-hoc payment, unless money has come in on it, or it was given up: that
    /// says something else to the books.
    pub(crate) async fn void_invoice_of(&self, uow: &mut dyn UnitOfWork, payment: &Payment) -> Result<(), Error> {
        if let Some(invoice_id) = payment.invoice_id
            && let Some(mut invoice) = uow.lock_invoice(invoice_id).await?
            && !matches!(invoice.state, InvoiceState::Uncollectible { .. })
            && invoice.void(self.now()).is_ok()
        {
            uow.update_invoice(&mut invoice).await?;
            self.record(uow, EventKind::InvoiceVoided, EventSubject::Invoice(Box::new(invoice))).await?;
        }
        Ok(())
    }
}

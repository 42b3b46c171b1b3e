//! Settlement: what a checkout session at the provider came to, brought into our books.
//!
//! It takes the session as it stands now, or as a fact that the provider told of it, and every step is one that happens once
//! and that nothing earlier undoes: so notifications that come late, doubled or in another order all lead to the same books.
//!
//! Rows are locked in one order everywhere: invoice, link, session, subscription, payment; refunds and disputes go with
//! their payment.

use domain::checkout::{
    CheckoutMode, CheckoutSession, CollectedAmounts, NewCheckoutSession, SessionOrigin, SessionPayment,
};
use domain::customer::Customer;
use domain::event::{EventKind, EventSubject};
use domain::id::CustomerId;
use domain::invoice::{Invoice, InvoiceState};
use domain::money::Money;
use domain::payment::{NewPayment, Payment, PaymentFlag, PaymentKind, PaymentState};
use domain::payment_link::{CloseReason, LinkState, LinkTarget, PaymentLink};
use domain::payment_method::PaymentMethod;
use domain::ports::storage::{Collectable, UnitOfWork};
use domain::provider::{CheckoutProgress, CheckoutSnapshot, ProviderName, ProviderRef, StoredCard};

use crate::app::App;
use crate::error::Error;

/// What a settlement works on: everything that the session touches, locked.
struct Books {
    invoice: Option<Invoice>,
    link: Option<PaymentLink>,
    session: CheckoutSession,
    /// Money that is a part of what a page asks for, which takes the rest still.
    part: Option<Money>,
}

impl App {
    /// Brings a session into the books. `false` if it is not one of ours.
    pub(crate) async fn settle(
        &self,
        uow: &mut dyn UnitOfWork,
        provider: &ProviderName,
        snapshot: &CheckoutSnapshot,
    ) -> Result<bool, Error> {
        if snapshot.progress == CheckoutProgress::Completed {
            // The notification that tells what was paid settles it.
            return Ok(true);
        }
        let Some(mut books) = self.open_books(uow, provider, snapshot).await? else { return Ok(false) };
        // A call whose answer was lost may have made another page of the session, of which nobody has the URL. Its end is
        // not that of the one that can be paid; money that came through it would be money all the same.
        let is_its_page = books.session.provider_ref.as_ref().is_none_or(|known| *known == snapshot.provider_ref);
        if !is_its_page && matches!(snapshot.progress, CheckoutProgress::Open | CheckoutProgress::Expired) {
            return Ok(true);
        }
        match &snapshot.progress {
            CheckoutProgress::Open | CheckoutProgress::Completed => {}
            CheckoutProgress::Expired => {
                let reason = match books.session.state {
                    domain::checkout::SessionState::Closing { reason } => reason,
                    _ => CloseReason::Expired,
                };
                self.session_expired(uow, &mut books.session, reason).await?;
            }
            CheckoutProgress::NothingToPay => {
                if self.session_completed(uow, &mut books, snapshot, SessionPayment::NotRequired).await? {
                    self.release(uow, &books).await?;
                    if let (Some(customer), Some(card)) = (customer_of(&books), &snapshot.payment_method) {
                        self.vault(uow, provider, &books, customer, card).await?;
                    }
                }
            }
            CheckoutProgress::Processing { payment_ref } => {
                let flags = late(&books);
                if self.session_completed(uow, &mut books, snapshot, SessionPayment::Processing).await? {
                    let mut payment = self.payment_of(uow, provider, &books, payment_ref, snapshot).await?;
                    if payment.process((payment_ref.clone(), books.session.id), flags, self.now()) {
                        self.store_payment(uow, &mut payment, EventKind::PaymentProcessing).await?;
                    }
                }
            }
            CheckoutProgress::Authorized { payment_ref, authorization } => {
                let flags = late(&books);
                if self.session_completed(uow, &mut books, snapshot, SessionPayment::Processing).await? {
                    let mut payment = self.payment_of(uow, provider, &books, payment_ref, snapshot).await?;
                    let at_provider = (payment_ref.clone(), books.session.id);
                    if payment.authorize(at_provider, *authorization, flags, self.now()) {
                        self.store_payment(uow, &mut payment, EventKind::PaymentAuthorized).await?;
                    }
                }
            }
            CheckoutProgress::Released { payment_ref } => {
                if self.session_completed(uow, &mut books, snapshot, SessionPayment::Failed).await? {
                    let mut payment = self.payment_of(uow, provider, &books, payment_ref, snapshot).await?;
                    if payment.release((payment_ref.clone(), books.session.id), self.now()) {
                        self.store_payment(uow, &mut payment, EventKind::PaymentCanceled).await?;
                    }
                    self.release(uow, &books).await?;
                }
            }
            CheckoutProgress::PaymentFailed { payment_ref } => {
                if self.session_completed(uow, &mut books, snapshot, SessionPayment::Failed).await? {
                    let mut payment = self.payment_of(uow, provider, &books, payment_ref, snapshot).await?;
                    if payment.fail_at((payment_ref.clone(), books.session.id), self.now()) {
                        self.store_payment(uow, &mut payment, EventKind::PaymentFailed).await?;
                    }
                    self.release(uow, &books).await?;
                }
            }
            CheckoutProgress::Paid { payment_ref, received } => {
                self.settle_paid(uow, provider, snapshot, books, (payment_ref, *received)).await?;
            }
        }
        Ok(true)
    }

    async fn settle_paid(
        &self,
        uow: &mut dyn UnitOfWork,
        provider: &ProviderName,
        snapshot: &CheckoutSnapshot,
        mut books: Books,
        (payment_ref, received): (&ProviderRef, Money),
    ) -> Result<(), Error> {
        let was_closed = was_closed(&books);
        let known = uow.load_payment_by_ref(provider, payment_ref).await?;
        // A visit that is told by its payment alone says what was paid, not what was asked for, nor whether the page is done.
        let is_told_by_payment = snapshot.provider_ref == *payment_ref;
        if is_told_by_payment {
            if known.as_ref().is_some_and(|known| matches!(known.state, PaymentState::Succeeded { .. })) {
                return Ok(());
            }
            let takes_rest = match &books.link {
                Some(link) => link.is_open() && link.takes_rest_after(received),
                None => books.session.is_open() && books.session.takes_rest_after(received),
            };
            books.part = Some(received).filter(|_| takes_rest);
        }
        // Where a page can be paid by two at once, the second payment is as much money as the first.
        let is_another = books.session.is_paid() && known.is_none();
        if books.part.is_some() && books.link.is_none() {
            books.session.count_part(received, self.now());
            uow.update_checkout_session(&mut books.session).await?;
        } else if !is_another && !self.session_completed(uow, &mut books, snapshot, SessionPayment::Paid).await? {
            return Ok(());
        }
        let mut payment = self.payment_of(uow, provider, &books, payment_ref, snapshot).await?;
        // Of which the payment is no younger: it may be new.
        let now = self.now();
        // What was paid while this payment was under way is before it now.
        if let Some(invoice) = &books.invoice {
            payment.split(net_and_tax(payment.total, Some(invoice), None));
        }
        let mut flags = match &mut books.invoice {
            Some(invoice) => {
                let flags = invoice.receive(received, now).map_err(Error::internal)?;
                self.store_invoice(uow, invoice, &flags).await?;
                flags
            }
            None => {
                let fixed = books.link.as_ref().filter(|_| is_told_by_payment).and_then(|link| match &link.target {
                    LinkTarget::Items { items } => items.fixed_amount(),
                    LinkTarget::Invoice { .. } => None,
                });
                compare(received, fixed.unwrap_or(snapshot.amount))
            }
        };
        // A link that was closed after the money was held, or on its way, is no reason to look at it.
        let was_closed = match payment.state {
            PaymentState::Authorized { .. } | PaymentState::Processing => {
                payment.flags.contains(&PaymentFlag::CollectableClosed)
            }
            _ => was_closed,
        };
        if was_closed {
            flags.push(PaymentFlag::CollectableClosed);
        }
        if payment.succeed((payment_ref.clone(), books.session.id), received, flags, now) {
            self.store_payment(uow, &mut payment, EventKind::PaymentSucceeded).await?;
        }
        if books.part.is_none() {
            self.release(uow, &books).await?;
        }
        // What else can be paid on the invoice may ask for too much now.
        if let Some(invoice) = &books.invoice {
            self.close_what_asks_too_much(uow, invoice).await?;
        }
        match (customer_of(&books), &snapshot.payment_method) {
            (Some(customer), Some(card)) => self.vault(uow, provider, &books, customer, card).await,
            _ => Ok(()),
        }
    }

    /// Locks all that a session touches; a visit to one of our links that is seen for the first time gets its session.
    async fn open_books(
        &self,
        uow: &mut dyn UnitOfWork,
        provider: &ProviderName,
        snapshot: &CheckoutSnapshot,
    ) -> Result<Option<Books>, Error> {
        let known = match snapshot.checkout_session_id {
            Some(id) => uow.load_checkout_session(id).await?.filter(|session| &session.provider == provider),
            None => uow.load_checkout_session_by_ref(provider, &snapshot.provider_ref).await?,
        };
        let link_id = known.as_ref().map_or(snapshot.payment_link_id, |session| session.payment_link_id());
        let link = match link_id {
            Some(id) => uow.load_payment_link(id).await?.filter(|link| &link.provider == provider),
            None => None,
        };
        let invoice_id =
            known.as_ref().and_then(|s| s.invoice_id()).or_else(|| link.as_ref().and_then(|l| l.invoice_id()));
        let invoice = match invoice_id {
            Some(id) => uow.lock_invoice(id).await?,
            None => None,
        };
        let link = match link {
            Some(link) => uow.lock_payment_link(link.id).await?,
            None => None,
        };
        let session = match (known, &link) {
            (Some(session), _) => uow.lock_checkout_session(session.id).await?,
            (None, Some(link)) => Some(self.visit(uow, link, snapshot).await?),
            (None, None) => None,
        };
        Ok(session.map(|session| Books { invoice, link, session, part: None }))
    }

    async fn visit(
        &self,
        uow: &mut dyn UnitOfWork,
        link: &PaymentLink,
        snapshot: &CheckoutSnapshot,
    ) -> Result<CheckoutSession, Error> {
        let new = NewCheckoutSession {
            id: self.new_checkout_session_id(),
            seller_id: link.seller_id.clone(),
            origin: SessionOrigin::Link { payment_link_id: link.id },
            mode: CheckoutMode::Payment,
            amount: snapshot.amount,
            title: None,
            description: None,
            locale: None,
            return_url: None,
            cancel_url: None,
            customer_id: None,
            metadata: link.options.metadata.clone(),
            provider: link.provider.clone(),
            livemode: link.livemode,
        };
        let mut session =
            CheckoutSession::visited(new, (snapshot.provider_ref.clone(), snapshot.expires_at), self.now());
        if uow.insert_checkout_session(&mut session, link.invoice_id()).await? {
            return Ok(session);
        }
        // Another transaction was faster; the link's lock has made us wait for it.
        let known = uow.load_checkout_session_by_ref(&link.provider, &snapshot.provider_ref).await?;
        let id = known.ok_or_else(|| Error::internal("a session is there and is not"))?.id;
        uow.lock_checkout_session(id).await?.ok_or_else(|| Error::internal("a session is there and is not"))
    }

    /// Notes that the customer went through the session, and counts it at its link. Says whether that was news.
    async fn session_completed(
        &self,
        uow: &mut dyn UnitOfWork,
        books: &mut Books,
        snapshot: &CheckoutSnapshot,
        payment: SessionPayment,
    ) -> Result<bool, Error> {
        let now = self.now();
        let first_time = !matches!(books.session.state, domain::checkout::SessionState::Completed { .. });
        // One that is told by its payment alone keeps the page that it is known by.
        let is_its_payment = snapshot.progress.payment_ref() == Some(&snapshot.provider_ref);
        let known = books.session.provider_ref.clone().filter(|_| is_its_payment);
        if !books.session.completed(known.unwrap_or_else(|| snapshot.provider_ref.clone()), payment, now) {
            return Ok(false);
        }
        if let Some(collected) = &snapshot.collected {
            books.session.collect((**collected).clone());
        }
        uow.update_checkout_session(&mut books.session).await?;
        let subject = EventSubject::CheckoutSession(Box::new(books.session.clone()));
        self.record(uow, EventKind::CheckoutSessionCompleted, subject).await?;
        if let (Some(link), Some(subscription)) = (&books.link, &snapshot.subscription) {
            self.subscription_begun(uow, link, books.session.id, subscription).await?;
        }
        if first_time && let Some(link) = &mut books.link {
            match books.part {
                Some(part) => link.count_part(part, now),
                None => link.count_completed_session(now),
            }
            if link.is_used_up() && link.closed(CloseReason::Completed, now) {
                uow.update_payment_link(link).await?;
                let subject = EventSubject::PaymentLink(Box::new(link.clone()));
                self.record(uow, EventKind::PaymentLinkDeactivated, subject).await?;
            } else {
                uow.update_payment_link(link).await?;
            }
        }
        Ok(true)
    }

    /// Notes that the session was closed unpaid, and gives its invoice free.
    pub(crate) async fn session_expired(
        &self,
        uow: &mut dyn UnitOfWork,
        session: &mut CheckoutSession,
        reason: CloseReason,
    ) -> Result<(), Error> {
        if !session.expired(reason, self.now()) {
            return Ok(());
        }
        uow.update_checkout_session(session).await?;
        uow.release_collectable(Collectable::CheckoutSession(session.id)).await?;
        self.record(uow, EventKind::CheckoutSessionExpired, EventSubject::CheckoutSession(Box::new(session.clone())))
            .await
    }

    /// Gives the invoice of a session or link free that can't be paid any more.
    async fn release(&self, uow: &mut dyn UnitOfWork, books: &Books) -> Result<(), Error> {
        uow.release_collectable(Collectable::CheckoutSession(books.session.id)).await?;
        if let Some(link) = books.link.as_ref().filter(|link| !link.is_open()) {
            uow.release_collectable(Collectable::PaymentLink(link.id)).await?;
        }
        Ok(())
    }

    /// The payment of a session: the one known at the provider, the one that was asked for, or a new one.
    async fn payment_of(
        &self,
        uow: &mut dyn UnitOfWork,
        provider: &ProviderName,
        books: &Books,
        payment_ref: &ProviderRef,
        snapshot: &CheckoutSnapshot,
    ) -> Result<Payment, Error> {
        let asked = snapshot.amount;
        let is_in_vain =
            matches!(snapshot.progress, CheckoutProgress::PaymentFailed { .. } | CheckoutProgress::Released { .. });
        let known = uow.load_payment_by_ref(provider, payment_ref).await?.map(|payment| payment.id);
        let asked_for = books.link.as_ref().and_then(|link| link.payment_id);
        for id in known.into_iter().chain(asked_for) {
            let payment = uow.lock_payment(id).await?;
            // A second payment through an ad-hoc link is a payment of its own, and so is one without money behind its end.
            let is_it = |it: &Payment| match &it.provider_ref {
                Some(known) => known == payment_ref,
                None => !(is_in_vain && it.ended_untried()),
            };
            if let Some(payment) = payment.filter(is_it) {
                return Ok(payment);
            }
        }
        let collected = books.session.collected.as_ref().map(|collected| &collected.amounts);
        let (subtotal, tax) = net_and_tax(asked, books.invoice.as_ref(), collected);
        let session = &books.session;
        let new = NewPayment {
            id: self.new_payment_id(),
            seller_id: session.seller_id.clone(),
            kind: if books.link.is_some() { PaymentKind::Link } else { PaymentKind::Checkout },
            provider: provider.clone(),
            invoice_id: books.invoice.as_ref().map(|invoice| invoice.id),
            payment_link_id: books.link.as_ref().map(|link| link.id),
            checkout_session_id: Some(session.id),
            customer_id: customer_of(books),
            subtotal,
            tax,
            total: asked,
            description: None,
            metadata: session.metadata.clone(),
            expires_at: None,
            livemode: session.livemode,
        };
        Ok(Payment::pending(new, self.now()))
    }

    async fn store_payment(
        &self,
        uow: &mut dyn UnitOfWork,
        payment: &mut Payment,
        kind: EventKind,
    ) -> Result<(), Error> {
        // Version 0 is one that was never stored.
        if payment.version == 0 {
            uow.insert_payment(payment).await?;
        } else {
            uow.update_payment(payment).await?;
        }
        self.record(uow, kind, EventSubject::Payment(Box::new(payment.clone()))).await
    }

    /// Stores an invoice on which money came in, and tells of it.
    pub(crate) async fn store_invoice(
        &self,
        uow: &mut dyn UnitOfWork,
        invoice: &mut Invoice,
        flags: &[PaymentFlag],
    ) -> Result<(), Error> {
        if flags.iter().any(|flag| matches!(flag, PaymentFlag::WrongCurrency | PaymentFlag::InvoiceNotOpen)) {
            return Ok(());
        }
        uow.update_invoice(invoice).await?;
        let is_paid = matches!(invoice.state, InvoiceState::Paid { .. });
        let was_paid = flags.contains(&PaymentFlag::InvoiceAlreadyPaid);
        let kind = if is_paid && !was_paid { EventKind::InvoicePaid } else { EventKind::InvoicePaymentReceived };
        self.record(uow, kind, EventSubject::Invoice(Box::new(invoice.clone()))).await
    }

    /// Keeps what may be shown of the payment method that the provider stored.
    async fn vault(
        &self,
        uow: &mut dyn UnitOfWork,
        provider: &ProviderName,
        books: &Books,
        customer: CustomerId,
        stored: &StoredCard,
    ) -> Result<(), Error> {
        let owner = (books.session.seller_id.clone(), customer);
        let at_provider = (provider.clone(), stored.provider_ref.clone());
        let mut method =
            PaymentMethod::new(self.new_payment_method_id(), owner, at_provider, stored.card.clone(), self.now());
        if uow.insert_payment_method(&mut method).await? {
            self.record(uow, EventKind::PaymentMethodAttached, EventSubject::PaymentMethod(Box::new(method))).await?;
        }
        Ok(())
    }

    /// A customer of an invoice's seller, for its snapshot.
    pub(crate) async fn customer_of_invoice(
        &self,
        uow: &dyn UnitOfWork,
        invoice: &Invoice,
    ) -> Result<Option<Customer>, Error> {
        match invoice.customer_id {
            Some(id) => Ok(uow.get_customer(&[invoice.seller_id.clone()].into(), id).await?),
            None => Ok(None),
        }
    }
}

/// What is odd about money that is ordered, or held, now.
fn late(books: &Books) -> Vec<PaymentFlag> {
    if was_closed(books) { vec![PaymentFlag::CollectableClosed] } else { Vec::new() }
}

/// Whether what was paid had been closed, other than by its own completion. What is only being closed was open to the
/// customer.
fn was_closed(books: &Books) -> bool {
    books.session.was_closed() || books.link.as_ref().is_some_and(takes_no_more)
}

/// Whether money that comes through a link now is late. One that its limit closed took what it was to take. Of one for items
/// that was closed at the provider, the provider alone knows what came first there, whatever is heard of first here; and no
/// caller, invoice or payment was told that nothing more comes.
fn takes_no_more(link: &PaymentLink) -> bool {
    let LinkState::Inactive { reason, .. } = link.state else { return false };
    match reason {
        CloseReason::Completed => false,
        CloseReason::AtProvider => link.invoice_id().is_some() || link.payment_id.is_some(),
        CloseReason::Requested | CloseReason::Expired | CloseReason::InvoiceClosed => true,
    }
}

/// What is asked for without tax, and the tax in it: the invoice's [part](Invoice::part); else what the provider computed, whether it stood on top of the prices or inside, and with that of shipping.
pub(crate) fn net_and_tax(
    asked: Money,
    invoice: Option<&Invoice>,
    collected: Option<&CollectedAmounts>,
) -> (Money, Money) {
    let split = match (invoice, collected) {
        (Some(invoice), _) => invoice.part(asked).ok(),
        (None, Some(amounts)) => asked.checked_sub(amounts.tax).ok().map(|net| (net, amounts.tax)),
        (None, None) => None,
    };
    // What is in another currency than its invoice is told by a flag.
    split.unwrap_or((asked, Money::zero(asked.currency())))
}

fn customer_of(books: &Books) -> Option<CustomerId> {
    books.session.customer_id.or_else(|| books.invoice.as_ref().and_then(|invoice| invoice.customer_id))
}

/// What is odd about money for a list of items.
pub(crate) fn compare(received: Money, asked: Money) -> Vec<PaymentFlag> {
    if received.currency() != asked.currency() {
        return vec![PaymentFlag::WrongCurrency];
    }
    match received.minor().cmp(&asked.minor()) {
        std::cmp::Ordering::Less => vec![PaymentFlag::Partial],
        std::cmp::Ordering::Equal => Vec::new(),
        std::cmp::Ordering::Greater => vec![PaymentFlag::Overpaid],
    }
}

#[cfg(test)]
mod tests;

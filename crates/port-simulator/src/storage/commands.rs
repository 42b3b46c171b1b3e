//! Writes, all of them inside of a transaction.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::access::ApiKey;
use domain::catalog::{Coupon, Price, Product, PromotionCode, ShippingRate};
use domain::checkout::CheckoutSession;
use domain::credit_note::CreditNote;
use domain::customer::Customer;
use domain::dispute::Dispute;
use domain::event::Event;
use domain::id::{
    ApiKeyId, CheckoutSessionId, IntentId, InvoiceId, NotificationId, PaymentId, PaymentLinkId, PromotionCodeId,
    SubscriptionId,
};
use domain::idempotency::{RequestKey, RequestProgress, StoredRequest};
use domain::invoice::{Finalization, Invoice, InvoiceData, InvoiceState};
use domain::invoice_mail::{InvoiceMail, MailState};
use domain::payment::Payment;
use domain::payment_link::PaymentLink;
use domain::payment_method::PaymentMethod;
use domain::ports::storage::{
    ApiKeyCommands, CatalogCommands, CheckoutCommands, Collectable, CreditNoteCommands, CustomerCommands,
    DiscountCommands, DisputeCommands, EventCommands, InboxCommands, IntentCommands, InvoiceCommands,
    InvoiceMailCommands, PaymentCommands, PaymentLinkCommands, ReconciliationCommands, RefundCommands, RequestCommands,
    Reservation, StorageError, SubscriptionCommands, TaxRecordCommands,
};
use domain::provider::{InboxEntry, Intent, ProviderName};
use domain::refund::Refund;
use domain::seller::SellerId;
use domain::subscription::Subscription;
use domain::tax::{StoredTaxRegistration, TaxRate};
use domain::tax_id_check::TaxIdCheck;
use domain::timestamp::Timestamp;

use super::SimulatedUnitOfWork;
use super::database::{Lock, Resource, State};
use super::tables::{
    IntentRow, NotificationRow, NotificationState, ReconciliationRow, Row, UniqueKey, View, at_provider, request_id,
};

impl SimulatedUnitOfWork {
    /// Reads a row and keeps others from changing it.
    async fn lock_row<R: Row>(&self, id: R::Id) -> Result<Option<R>, StorageError> {
        self.statement().await?;
        // One that is not there is not locked; one that another is inserting is not seen.
        if self.storage.database.state().view(Some(self.id)).row::<R>(id).is_none() {
            return Ok(None);
        }
        self.storage.database.lock(self.id, &resource::<R>(id)).await?;
        Ok(self.storage.database.state().view(Some(self.id)).row::<R>(id).map(|row| row.as_ref().clone()))
    }

    /// Adds a row as version 1.
    async fn insert<R: Row>(&self, row: &mut R) -> Result<(), StorageError> {
        self.statement().await?;
        row.mark_stored(1);
        self.storage.database.lock(self.id, &resource::<R>(row.id())).await?;
        self.lock_values(row).await?;
        let mut state = self.storage.database.state();
        if state.view(Some(self.id)).row::<R>(row.id()).is_some() {
            return self.conflict(&mut state, R::TABLE);
        }
        self.put(&mut state, row)
    }

    /// The same, unless the provider's id of it is there already: `false`, and nothing is written.
    async fn insert_once<R: Row>(&self, row: &mut R, constraint: &'static str) -> Result<bool, StorageError> {
        let known = row.unique().into_iter().find(|(name, _)| *name == constraint);
        if let Some(key) = known {
            self.statement().await?;
            let is_free = |view: &View<'_>| owner(view, &key).is_none();
            self.storage.database.wait_until_free(self.id, &(key.0, key.1.clone()), is_free).await?;
            if owner(&self.storage.database.state().view(Some(self.id)), &key).is_some() {
                return Ok(false);
            }
        }
        self.insert(row).await.map(|()| true)
    }

    /// Writes a row as the version after the one that was read.
    async fn update<R: Row>(&self, row: &mut R) -> Result<(), StorageError> {
        self.statement().await?;
        self.storage.database.lock(self.id, &resource::<R>(row.id())).await?;
        self.lock_values(row).await?;
        let mut state = self.storage.database.state();
        let stored = state.view(Some(self.id)).row::<R>(row.id()).cloned();
        let Some(stored) = stored.filter(|stored| stored.version() == row.version()) else {
            return Err(StorageError::Stale);
        };
        let own = state.own(self.id)?;
        own.unique.extend(stored.unique().into_iter().map(|key| (key, None)));
        row.mark_stored(stored.version() + 1);
        let written = self.put(&mut state, row);
        if written.is_err() {
            row.mark_stored(stored.version());
        }
        written
    }

    /// Waits for whoever is writing a value that may stand once alone.
    async fn lock_values<R: Row>(&self, row: &R) -> Result<(), StorageError> {
        for key in row.unique() {
            let mine = row.id().to_string();
            let is_free = |view: &View<'_>| owner(view, &key).is_none_or(|owner| *owner == mine);
            self.storage.database.wait_until_free(self.id, &(key.0, key.1.clone()), is_free).await?;
        }
        Ok(())
    }

    /// Writes a row that is locked, with all that it may not break.
    fn put<R: Row>(&self, state: &mut State, row: &R) -> Result<(), StorageError> {
        let (id, unique) = (row.id(), row.unique());
        let view = state.view(Some(self.id));
        let taken = unique.iter().find(|key| owner(&view, key).is_some_and(|owner| *owner != id.to_string()));
        let broken = taken.map(|(constraint, _)| *constraint).or_else(|| row.broken_constraint(&view));
        if let Some(constraint) = broken {
            return self.conflict(state, constraint);
        }
        let own = state.own(self.id)?;
        own.unique.extend(unique.into_iter().map(|key| (key, Some(id.to_string()))));
        R::table_mut(own).insert(id, Arc::new(row.clone()));
        Ok(())
    }

    fn conflict(&self, state: &mut State, constraint: &str) -> Result<(), StorageError> {
        state.fail(self.id);
        Err(match constraint.ends_with("_once_per_provider") {
            true => StorageError::ProviderRefTaken,
            false => StorageError::Conflict { constraint: constraint.to_owned() },
        })
    }

    /// Leases due calls that fit, the longest due first.
    async fn lease_intents(
        &self,
        fits: impl Fn(&Intent) -> bool + Send,
        (limit, lease): (u32, Duration),
    ) -> Result<Vec<Intent>, StorageError> {
        self.statement().await?;
        let database = &self.storage.database;
        let (now, until) = (database.now_us(), database.due_us(lease));
        let mut state = database.state();
        let view = state.view(Some(self.id));
        let unfinished: Vec<&IntentRow> = view
            .all(|tables| &tables.intents)
            .map(|(_, row)| row)
            .filter(|row| row.intent.state.is_unfinished())
            .collect();
        let is_first = |row: &&IntentRow| {
            let subject = row.intent.action.subject();
            !unfinished.iter().any(|older| older.seq < row.seq && older.intent.action.subject() == subject)
        };
        let mut due: Vec<IntentRow> = unfinished
            .iter()
            .copied()
            .filter(|row| row.lease_until_us <= now && fits(&row.intent))
            .filter(is_first)
            .cloned()
            .collect();
        due.sort_by_key(|row| (row.lease_until_us, row.seq));
        let mut leased = Vec::new();
        for mut row in due {
            if leased.len() == to_usize(limit) {
                break;
            }
            if let Lock::Held = state.try_lock(self.id, ("intents", row.intent.id.to_string())) {
                continue;
            }
            row.lease_until_us = until;
            row.is_put_off = false;
            row.intent.lease_epoch += 1;
            leased.push(row.intent.clone());
            state.own(self.id)?.intents.insert(row.intent.id, row);
        }
        Ok(leased)
    }

    /// Changes a notification, where it is there.
    /// Changes a notification if it fits; whether it does.
    async fn change_notification(
        &self,
        id: NotificationId,
        fits: impl FnOnce(&NotificationRow) -> bool + Send,
        change: impl FnOnce(&mut NotificationRow) + Send,
    ) -> Result<bool, StorageError> {
        self.statement().await?;
        self.storage.database.lock(self.id, &("notifications", id.to_string())).await?;
        let mut state = self.storage.database.state();
        let found = state.view(Some(self.id)).find(|tables| &tables.notifications, &id).cloned();
        let Some(mut row) = found.filter(fits) else { return Ok(false) };
        change(&mut row);
        state.own(self.id)?.notifications.insert(id, row);
        Ok(true)
    }

    /// Changes a notification that is leased to us by this attempt; whether it is.
    async fn change_held(
        &self,
        held: &InboxEntry,
        change: impl FnOnce(&mut NotificationRow) + Send,
    ) -> Result<bool, StorageError> {
        let attempts = held.attempts;
        let is_ours =
            move |row: &NotificationRow| row.state == NotificationState::NEW && row.entry.attempts == attempts;
        self.change_notification(held.id, is_ours, change).await
    }
}

fn resource<R: Row>(id: R::Id) -> Resource {
    (R::TABLE, id.to_string())
}

/// Whose row has a unique value.
fn owner<'a>(view: &View<'a>, key: &UniqueKey) -> Option<&'a String> {
    view.find(|tables| &tables.unique, key).and_then(Option::as_ref)
}

fn to_usize(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Methods that add or change a row, and nothing else.
macro_rules! plain {
    ($commands:ident: $($how:ident $method:ident($row:ty),)+) => {
        #[async_trait]
        impl $commands for SimulatedUnitOfWork {
            $(async fn $method(&mut self, row: &mut $row) -> Result<(), StorageError> {
                self.$how(row).await
            })+
        }
    };
}

plain! { CatalogCommands:
    insert insert_product(Product),
    update update_product(Product),
    insert insert_price(Price),
    update update_price(Price),
    insert insert_tax_rate(TaxRate),
    update update_tax_rate(TaxRate),
    insert insert_shipping_rate(ShippingRate),
    update update_shipping_rate(ShippingRate),
}
plain! { TaxRecordCommands:
    insert insert_tax_registration(StoredTaxRegistration),
    update update_tax_registration(StoredTaxRegistration),
    insert insert_tax_id_check(TaxIdCheck),
}
plain! { CreditNoteCommands:
    insert insert_credit_note(CreditNote),
}

#[async_trait]
impl CustomerCommands for SimulatedUnitOfWork {
    async fn insert_customer(&mut self, customer: &mut Customer) -> Result<(), StorageError> {
        self.insert(customer).await
    }

    async fn update_customer(&mut self, customer: &mut Customer) -> Result<(), StorageError> {
        self.update(customer).await
    }

    async fn insert_payment_method(&mut self, method: &mut PaymentMethod) -> Result<bool, StorageError> {
        self.insert_once(method, "payment_methods_once_per_provider").await
    }

    async fn update_payment_method(&mut self, method: &mut PaymentMethod) -> Result<(), StorageError> {
        self.update(method).await
    }
}

#[async_trait]
impl InvoiceCommands for SimulatedUnitOfWork {
    async fn insert_invoice(&mut self, invoice: &mut Invoice) -> Result<(), StorageError> {
        self.insert(invoice).await
    }

    async fn lock_invoice(&mut self, id: InvoiceId) -> Result<Option<Invoice>, StorageError> {
        self.lock_row(id).await
    }

    async fn update_invoice(&mut self, invoice: &mut Invoice) -> Result<(), StorageError> {
        let stored: Option<Invoice> = self.lock_row(invoice.id).await?;
        let fixed = stored.as_ref().and_then(Invoice::finalization);
        match (&stored, fixed) {
            (Some(stored), Some(fixed)) => {
                let Some(state) = with_finalization(invoice.state.clone(), fixed) else {
                    let mut state = self.storage.database.state();
                    return self.conflict(&mut state, "what finalization fixed never changes");
                };
                let moved = InvoiceData {
                    version: invoice.version,
                    state,
                    amount_paid: invoice.amount_paid,
                    amount_overpaid: invoice.amount_overpaid,
                    credits: invoice.credits.clone(),
                    updated_at: invoice.updated_at,
                    ..(**stored).clone()
                };
                let mut moved = Invoice::from_stored(moved);
                let written = self.update(&mut moved).await;
                invoice.mark_stored(moved.version);
                written
            }
            _ => self.update(invoice).await,
        }
    }

    async fn next_number(&mut self, seller: &SellerId, series: &str) -> Result<u64, StorageError> {
        self.statement().await?;
        self.storage.database.lock(self.id, &("number_series", format!("{seller} {series}"))).await?;
        let mut state = self.storage.database.state();
        let key = (seller.clone(), series.to_owned());
        let next = state.view(Some(self.id)).find(|tables| &tables.number_series, &key).map_or(1, |last| last + 1);
        state.own(self.id)?.number_series.insert(key, next);
        Ok(next)
    }

    async fn reserve_collectable(
        &mut self,
        _seller: &SellerId,
        invoice: InvoiceId,
        collectable: Collectable,
    ) -> Result<Reservation, StorageError> {
        self.statement().await?;
        let open = |view: &View<'_>| view.find(|tables| &tables.collectables, &invoice).copied().flatten();
        self.storage.database.wait_until_free(self.id, &of_invoice(invoice), |view| open(view).is_none()).await?;
        let mut state = self.storage.database.state();
        match open(&state.view(Some(self.id))) {
            Some(held) if held == collectable => Ok(Reservation::Reserved),
            Some(held) => Ok(Reservation::HeldBy(held)),
            None if state.view(Some(self.id)).row::<Invoice>(invoice).is_none() => {
                self.conflict(&mut state, "collectables_invoice").map(|()| Reservation::Reserved)
            }
            None => {
                state.own(self.id)?.collectables.insert(invoice, Some(collectable));
                Ok(Reservation::Reserved)
            }
        }
    }

    async fn release_collectable(&mut self, collectable: Collectable) -> Result<(), StorageError> {
        self.statement().await?;
        let holder = |view: &View<'_>| {
            let mut rows = view.all(|tables| &tables.collectables);
            rows.find(|(_, open)| **open == Some(collectable)).map(|(invoice, _)| *invoice)
        };
        let Some(invoice) = holder(&self.storage.database.state().view(Some(self.id))) else { return Ok(()) };
        self.storage.database.lock(self.id, &of_invoice(invoice)).await?;
        let mut state = self.storage.database.state();
        if holder(&state.view(Some(self.id))) == Some(invoice) {
            state.own(self.id)?.collectables.insert(invoice, None);
        }
        Ok(())
    }

    async fn open_collectable(&mut self, invoice: InvoiceId) -> Result<Option<Collectable>, StorageError> {
        self.read(|view| view.find(|tables| &tables.collectables, &invoice).copied().flatten()).await
    }
}

/// The place of an invoice's one open collectable.
fn of_invoice(invoice: InvoiceId) -> Resource {
    ("collectables_one_open_per_invoice", invoice.to_string())
}

/// A state with what was fixed when it was finalized; none for a state of an invoice that never was.
fn with_finalization(state: InvoiceState, fixed: &Finalization) -> Option<InvoiceState> {
    let finalization = fixed.clone();
    Some(match state {
        InvoiceState::Draft | InvoiceState::Void { finalization: None, .. } => return None,
        InvoiceState::Open { .. } => InvoiceState::Open { finalization },
        InvoiceState::Paid { paid_at, .. } => InvoiceState::Paid { finalization, paid_at },
        InvoiceState::Void { voided_at, .. } => InvoiceState::Void { finalization: Some(finalization), voided_at },
        InvoiceState::Uncollectible { marked_at, .. } => InvoiceState::Uncollectible { finalization, marked_at },
    })
}

#[async_trait]
impl InvoiceMailCommands for SimulatedUnitOfWork {
    async fn insert_invoice_mail(&mut self, mail: &mut InvoiceMail) -> Result<(), StorageError> {
        self.insert(mail).await?;
        self.storage.database.state().own(self.id)?.mail_due_us.insert(mail.id, 0);
        Ok(())
    }

    async fn lease_due_invoice_mails(&mut self, limit: u32, lease: Duration) -> Result<Vec<InvoiceMail>, StorageError> {
        self.statement().await?;
        let database = &self.storage.database;
        let (now, until) = (database.now_us(), database.due_us(lease));
        let mut state = database.state();
        let view = state.view(Some(self.id));
        let due_at = |mail: &InvoiceMail| view.find(|tables| &tables.mail_due_us, &mail.id).copied().unwrap_or(0);
        let queued = view.rows::<InvoiceMail>().filter(|mail| matches!(mail.state, MailState::Queued { .. }));
        let mut due: Vec<_> = queued.filter(|mail| due_at(mail) <= now).cloned().collect();
        due.sort_by_key(|mail| (due_at(mail), mail.id));
        let mut leased = Vec::new();
        for mut mail in due {
            if leased.len() == to_usize(limit) {
                break;
            }
            if let Lock::Held = state.try_lock(self.id, resource::<InvoiceMail>(mail.id)) {
                continue;
            }
            mail.mark_stored(mail.version + 1);
            let own = state.own(self.id)?;
            own.mail_due_us.insert(mail.id, until);
            InvoiceMail::table_mut(own).insert(mail.id, Arc::new(mail.clone()));
            leased.push(mail);
        }
        Ok(leased)
    }

    async fn update_invoice_mail(&mut self, mail: &mut InvoiceMail, retry_in: Duration) -> Result<(), StorageError> {
        self.update(mail).await?;
        let due_us = self.storage.database.due_us(retry_in);
        self.storage.database.state().own(self.id)?.mail_due_us.insert(mail.id, due_us);
        Ok(())
    }
}

#[async_trait]
impl PaymentLinkCommands for SimulatedUnitOfWork {
    async fn insert_payment_link(&mut self, link: &mut PaymentLink) -> Result<(), StorageError> {
        self.insert(link).await
    }

    async fn lock_payment_link(&mut self, id: PaymentLinkId) -> Result<Option<PaymentLink>, StorageError> {
        self.lock_row(id).await
    }

    async fn update_payment_link(&mut self, link: &mut PaymentLink) -> Result<(), StorageError> {
        self.update(link).await
    }
}

#[async_trait]
impl CheckoutCommands for SimulatedUnitOfWork {
    async fn insert_checkout_session(
        &mut self,
        session: &mut CheckoutSession,
        invoice: Option<InvoiceId>,
    ) -> Result<bool, StorageError> {
        let is_new = self.insert_once(session, "checkout_sessions_once_per_provider").await?;
        if let (true, Some(invoice)) = (is_new, invoice) {
            let mut state = self.storage.database.state();
            if state.view(Some(self.id)).row::<Invoice>(invoice).is_none() {
                return self.conflict(&mut state, "checkout_sessions_invoice").map(|()| false);
            }
            state.own(self.id)?.session_invoices.insert(session.id, invoice);
        }
        Ok(is_new)
    }

    async fn lock_checkout_session(&mut self, id: CheckoutSessionId) -> Result<Option<CheckoutSession>, StorageError> {
        self.lock_row(id).await
    }

    async fn update_checkout_session(&mut self, session: &mut CheckoutSession) -> Result<(), StorageError> {
        self.update(session).await
    }
}

#[async_trait]
impl PaymentCommands for SimulatedUnitOfWork {
    async fn insert_payment(&mut self, payment: &mut Payment) -> Result<(), StorageError> {
        self.insert(payment).await
    }

    async fn lock_payment(&mut self, id: PaymentId) -> Result<Option<Payment>, StorageError> {
        self.lock_row(id).await
    }

    async fn update_payment(&mut self, payment: &mut Payment) -> Result<(), StorageError> {
        self.update(payment).await
    }
}

#[async_trait]
impl RefundCommands for SimulatedUnitOfWork {
    async fn insert_refund(&mut self, refund: &mut Refund) -> Result<bool, StorageError> {
        self.insert_once(refund, "refunds_once_per_provider").await
    }

    async fn update_refund(&mut self, refund: &mut Refund) -> Result<(), StorageError> {
        self.update(refund).await
    }
}

#[async_trait]
impl DisputeCommands for SimulatedUnitOfWork {
    async fn insert_dispute(&mut self, dispute: &mut Dispute) -> Result<bool, StorageError> {
        self.insert_once(dispute, "disputes_once_per_provider").await
    }

    async fn update_dispute(&mut self, dispute: &mut Dispute) -> Result<(), StorageError> {
        self.update(dispute).await
    }
}

#[async_trait]
impl DiscountCommands for SimulatedUnitOfWork {
    async fn insert_coupon(&mut self, coupon: &mut Coupon) -> Result<(), StorageError> {
        self.insert(coupon).await
    }

    async fn update_coupon(&mut self, coupon: &mut Coupon) -> Result<(), StorageError> {
        self.update(coupon).await
    }

    async fn lock_promotion_code(&mut self, id: PromotionCodeId) -> Result<Option<PromotionCode>, StorageError> {
        self.lock_row(id).await
    }

    async fn insert_promotion_code(&mut self, code: &mut PromotionCode) -> Result<(), StorageError> {
        self.insert(code).await
    }

    async fn update_promotion_code(&mut self, code: &mut PromotionCode) -> Result<(), StorageError> {
        self.update(code).await
    }
}

#[async_trait]
impl SubscriptionCommands for SimulatedUnitOfWork {
    async fn lock_subscription(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError> {
        self.lock_row(id).await
    }

    async fn insert_subscription(&mut self, subscription: &mut Subscription) -> Result<bool, StorageError> {
        self.insert_once(subscription, "subscriptions_once_per_provider").await
    }

    async fn update_subscription(&mut self, subscription: &mut Subscription) -> Result<(), StorageError> {
        self.update(subscription).await
    }
}

#[async_trait]
impl EventCommands for SimulatedUnitOfWork {
    async fn append_event(&mut self, event: &Event) -> Result<(), StorageError> {
        self.statement().await?;
        let mut state = self.storage.database.state();
        let seq = state.next_seq();
        state.own(self.id)?.new_events.insert(seq, event.clone());
        Ok(())
    }
}

#[async_trait]
impl RequestCommands for SimulatedUnitOfWork {
    async fn claim_request(&mut self, request: &StoredRequest) -> Result<Option<StoredRequest>, StorageError> {
        self.statement().await?;
        let key = request_id(&request.key);
        let is_free = |view: &View<'_>| view.request(&request.key).is_none();
        self.storage.database.wait_until_free(self.id, &("requests", format!("{} {}", key.0, key.1)), is_free).await?;
        let mut state = self.storage.database.state();
        let earlier = state.view(Some(self.id)).request(&request.key).cloned();
        if earlier.is_none() {
            state.own(self.id)?.requests.insert(key, request.clone());
        }
        Ok(earlier)
    }

    async fn update_request(&mut self, key: &RequestKey, progress: &RequestProgress) -> Result<(), StorageError> {
        self.statement().await?;
        let id = request_id(key);
        self.storage.database.lock(self.id, &("requests", format!("{} {}", id.0, id.1))).await?;
        let mut state = self.storage.database.state();
        let found = state.view(Some(self.id)).request(key).cloned();
        if let Some(request) = found {
            state.own(self.id)?.requests.insert(id, StoredRequest { progress: progress.clone(), ..request });
        }
        Ok(())
    }
}

#[async_trait]
impl IntentCommands for SimulatedUnitOfWork {
    async fn insert_intent(&mut self, intent: &Intent, lease: Duration) -> Result<(), StorageError> {
        self.statement().await?;
        let lease_until_us = self.storage.database.due_us(lease);
        let mut state = self.storage.database.state();
        let seq = state.next_seq();
        let row =
            IntentRow { seq, intent: Intent { lease_epoch: 0, ..intent.clone() }, lease_until_us, is_put_off: false };
        state.own(self.id)?.intents.insert(intent.id, row);
        Ok(())
    }

    async fn lease_due_intents(&mut self, limit: u32, lease: Duration) -> Result<Vec<Intent>, StorageError> {
        self.lease_intents(|_| true, (limit, lease)).await
    }

    async fn lease_intent(&mut self, id: IntentId, lease: Duration) -> Result<Option<Intent>, StorageError> {
        Ok(self.lease_intents(move |intent| intent.id == id, (1, lease)).await?.into_iter().next())
    }

    async fn renew_intent_lease(&mut self, held: &Intent, lease: Duration) -> Result<bool, StorageError> {
        // It may come behind what put the call off for longer.
        self.write_held_intent(held, lease, |row, due| IntentRow { lease_until_us: due.max(row.lease_until_us), ..row })
            .await
    }

    async fn update_intent(&mut self, intent: &Intent, retry_in: Duration) -> Result<(), StorageError> {
        if self
            .write_held_intent(intent, retry_in, |row, lease_until_us| IntentRow {
                intent: intent.clone(),
                lease_until_us,
                is_put_off: true,
                ..row
            })
            .await?
        {
            Ok(())
        } else {
            Err(StorageError::Stale)
        }
    }
}

impl SimulatedUnitOfWork {
    /// Writes an intent that is leased to us by its epoch, and until when nobody else may take it; whether it is ours.
    async fn write_held_intent(
        &self,
        intent: &Intent,
        due_in: Duration,
        write: impl FnOnce(IntentRow, i64) -> IntentRow + Send,
    ) -> Result<bool, StorageError> {
        self.statement().await?;
        let database = &self.storage.database;
        database.lock(self.id, &("intents", intent.id.to_string())).await?;
        let due_us = database.due_us(due_in);
        let mut state = database.state();
        let stored = state.view(Some(self.id)).find(|tables| &tables.intents, &intent.id).cloned();
        let is_ours =
            |row: &IntentRow| row.intent.state.is_unfinished() && row.intent.lease_epoch == intent.lease_epoch;
        let Some(stored) = stored.filter(is_ours) else { return Ok(false) };
        state.own(self.id)?.intents.insert(intent.id, write(stored, due_us));
        Ok(true)
    }
}

impl SimulatedUnitOfWork {
    /// Adds a notification; `false` if it is there already.
    pub(super) async fn insert_notification(&mut self, entry: &InboxEntry) -> Result<bool, StorageError> {
        self.statement().await?;
        let event = domain::provider::ProviderRef(entry.notification.provider_event_id.clone());
        let key: UniqueKey = ("notifications_once", at_provider(&entry.provider, &event));
        let is_free = |view: &View<'_>| owner(view, &key).is_none();
        self.storage.database.wait_until_free(self.id, &(key.0, key.1.clone()), is_free).await?;
        let due_at_us = self.storage.database.now_us();
        let mut state = self.storage.database.state();
        if owner(&state.view(Some(self.id)), &key).is_some() {
            return Ok(false);
        }
        let row = NotificationRow {
            seq: state.next_seq(),
            entry: entry.clone(),
            state: NotificationState::NEW,
            due_at_us,
            reason: None,
            note: None,
        };
        let own = state.own(self.id)?;
        own.unique.insert(key, Some(entry.id.to_string()));
        own.notifications.insert(entry.id, row);
        Ok(true)
    }
}

#[async_trait]
impl InboxCommands for SimulatedUnitOfWork {
    async fn lease_due_notifications(&mut self, limit: u32, lease: Duration) -> Result<Vec<InboxEntry>, StorageError> {
        self.statement().await?;
        let database = &self.storage.database;
        let (now, until) = (database.now_us(), database.due_us(lease));
        let mut state = database.state();
        let view = state.view(Some(self.id));
        let rows = view.all(|tables| &tables.notifications).map(|(_, row)| row);
        let is_due = |row: &&NotificationRow| row.state == NotificationState::NEW && row.due_at_us <= now;
        let mut due: Vec<_> = rows.filter(is_due).cloned().collect();
        due.sort_by_key(|row| (row.entry.attempts > 0, row.due_at_us, row.seq));
        // Of those whose holders may have died of them, one at most.
        let is_suspect = |row: &NotificationRow| row.entry.unended_tries >= 2;
        let suspect = due.iter().find(|row| is_suspect(row)).map(|row| row.seq);
        due.retain(|row| !is_suspect(row) || Some(row.seq) == suspect);
        let mut leased = Vec::new();
        for mut row in due {
            if leased.len() == to_usize(limit) {
                break;
            }
            if let Lock::Held = state.try_lock(self.id, ("notifications", row.entry.id.to_string())) {
                continue;
            }
            row.due_at_us = until;
            row.entry.attempts += 1;
            row.entry.unended_tries += 1;
            leased.push(row.entry.clone());
            state.own(self.id)?.notifications.insert(row.entry.id, row);
        }
        Ok(leased)
    }

    async fn renew_notification_lease(&mut self, held: &InboxEntry, lease: Duration) -> Result<bool, StorageError> {
        let due_at_us = self.storage.database.due_us(lease);
        self.change_held(held, move |row| row.due_at_us = row.due_at_us.max(due_at_us)).await
    }

    async fn finish_notification(&mut self, held: &InboxEntry) -> Result<(), StorageError> {
        held_still(self.change_held(held, |row| row.state = NotificationState::Done).await?)
    }

    async fn retry_notification(
        &mut self,
        held: &InboxEntry,
        retry_in: Duration,
        reason: &str,
    ) -> Result<(), StorageError> {
        let (due_at_us, reason) = (self.storage.database.due_us(retry_in), Some(reason.to_owned()));
        let failures = held.failures;
        let put_off = move |row: &mut NotificationRow| {
            (row.due_at_us, row.reason) = (due_at_us, reason);
            (row.entry.failures, row.entry.unended_tries) = (failures, 0);
        };
        held_still(self.change_held(held, put_off).await?)
    }

    async fn set_notification_aside(&mut self, held: &InboxEntry, reason: &str) -> Result<(), StorageError> {
        let reason = Some(reason.to_owned());
        let set_aside = move |row: &mut NotificationRow| (row.state, row.reason) = (NotificationState::ASIDE, reason);
        held_still(self.change_held(held, set_aside).await?)
    }

    async fn close_notification(&mut self, id: NotificationId, note: &str) -> Result<bool, StorageError> {
        let note = Some(note.to_owned());
        let close = move |row: &mut NotificationRow| (row.state, row.note) = (NotificationState::CLOSED, note);
        self.change_notification(id, |row| row.state == NotificationState::ASIDE, close).await
    }

    async fn take_notification_up_again(&mut self, id: NotificationId) -> Result<bool, StorageError> {
        let due_at_us = self.storage.database.now_us();
        let take_up = move |row: &mut NotificationRow| {
            (row.state, row.due_at_us) = (NotificationState::NEW, due_at_us);
            (row.entry.failures, row.entry.unended_tries) = (0, 0);
        };
        let may_be_taken_up =
            |row: &NotificationRow| [NotificationState::ASIDE, NotificationState::CLOSED].contains(&row.state);
        self.change_notification(id, may_be_taken_up, take_up).await
    }

    async fn take_all_notifications_up_again(&mut self) -> Result<u64, StorageError> {
        let aside: Vec<_> = {
            let state = self.storage.database.state();
            let view = state.view(Some(self.id));
            let rows = view.all(|tables| &tables.notifications).map(|(_, row)| row);
            rows.filter(|row| row.state == NotificationState::ASIDE).map(|row| row.entry.id).collect()
        };
        let mut count = 0;
        for id in aside {
            count += u64::from(self.take_notification_up_again(id).await?);
        }
        Ok(count)
    }
}

fn held_still(is_ours: bool) -> Result<(), StorageError> {
    if is_ours { Ok(()) } else { Err(StorageError::Stale) }
}

#[async_trait]
impl ReconciliationCommands for SimulatedUnitOfWork {
    async fn lease_reconciliation(
        &mut self,
        provider: &ProviderName,
        beginning: Timestamp,
        lease: Duration,
    ) -> Result<Option<Timestamp>, StorageError> {
        self.statement().await?;
        let database = &self.storage.database;
        database.lock(self.id, &("reconciliations", provider.to_string())).await?;
        let (now, until) = (database.now_us(), database.due_us(lease));
        let mut state = database.state();
        let stored = state.view(Some(self.id)).find(|tables| &tables.reconciliations, provider).copied();
        let mut row = stored.unwrap_or(ReconciliationRow { read_until_us: beginning.unix_micros(), due_at_us: 0 });
        let is_due = row.due_at_us <= now;
        if is_due {
            row.due_at_us = until;
        }
        state.own(self.id)?.reconciliations.insert(provider.clone(), row);
        Ok(is_due.then(|| Timestamp::from_unix_micros(row.read_until_us)))
    }

    async fn update_reconciliation(
        &mut self,
        provider: &ProviderName,
        until: Timestamp,
        due_in: Duration,
    ) -> Result<(), StorageError> {
        self.statement().await?;
        let database = &self.storage.database;
        database.lock(self.id, &("reconciliations", provider.to_string())).await?;
        let due_at_us = database.due_us(due_in);
        let mut state = database.state();
        let stored = state.view(Some(self.id)).find(|tables| &tables.reconciliations, provider).copied();
        if let Some(stored) = stored {
            let read_until_us = stored.read_until_us.max(until.unix_micros());
            let row = ReconciliationRow { read_until_us, due_at_us };
            state.own(self.id)?.reconciliations.insert(provider.clone(), row);
        }
        Ok(())
    }
}

#[async_trait]
impl ApiKeyCommands for SimulatedUnitOfWork {
    async fn insert_api_key(&mut self, key: &ApiKey) -> Result<(), StorageError> {
        self.statement().await?;
        let prefix: UniqueKey = ("api_keys_prefix", key.prefix.clone());
        let is_free = |view: &View<'_>| owner(view, &prefix).is_none();
        self.storage.database.wait_until_free(self.id, &(prefix.0, prefix.1.clone()), is_free).await?;
        let mut state = self.storage.database.state();
        if owner(&state.view(Some(self.id)), &prefix).is_some() {
            return self.conflict(&mut state, prefix.0);
        }
        let own = state.own(self.id)?;
        own.unique.insert(prefix, Some(key.id.to_string()));
        own.api_keys.insert(key.id, key.clone());
        Ok(())
    }

    async fn revoke_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<bool, StorageError> {
        self.statement().await?;
        self.storage.database.lock(self.id, &("api_keys", id.to_string())).await?;
        let mut state = self.storage.database.state();
        let found = state.view(Some(self.id)).find(|tables| &tables.api_keys, &id).cloned();
        let Some(key) = found.filter(|key| key.revoked_at.is_none()) else { return Ok(false) };
        state.own(self.id)?.api_keys.insert(id, ApiKey { revoked_at: Some(now), ..key });
        Ok(true)
    }

    async fn note_use_of_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<(), StorageError> {
        self.statement().await?;
        self.storage.database.lock(self.id, &("api_keys", id.to_string())).await?;
        let mut state = self.storage.database.state();
        let found = state.view(Some(self.id)).find(|tables| &tables.api_keys, &id).cloned();
        if let Some(key) = found.filter(|key| key.revoked_at.is_none() && key.is_use_worth_noting(now)) {
            state.own(self.id)?.api_keys.insert(id, ApiKey { last_used_at: Some(now), ..key });
        }
        Ok(())
    }
}

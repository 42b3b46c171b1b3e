//! Where everything is kept.
//!
//! [`Storage`] reads without a transaction and begins units of work. A [`UnitOfWork`] is one transaction: all its reads
//! and writes see one another, and nothing of it is kept unless [`UnitOfWork::commit`] returns `Ok`.
//!
//! Reads that begin with `get` take the sellers that the caller may see, or a single one; a thing of another seller is
//! `None`, as if it were not there. Lookups inside the system (`load`) take ids alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::access::ApiKey;
use crate::catalog::{Price, Product, ShippingRate};
use crate::checkout::CheckoutSession;
use crate::customer::Customer;
use crate::event::{Event, EventKind, EventPosition, SequencedEvent};
use crate::id::{
    ApiKeyId, CheckoutSessionId, CustomerId, IntentId, InvoiceId, NotificationId, PaymentId, PaymentLinkId,
    PaymentMethodId, PriceId, ProductId, ShippingRateId, SubscriptionId, TaxRateId,
};
use crate::idempotency::{RequestKey, RequestProgress, StoredRequest};
use crate::invoice::Invoice;
use crate::page::{Page, PageRequest};
use crate::payment::Payment;
use crate::payment_link::PaymentLink;
use crate::payment_method::PaymentMethod;
use crate::provider::{InboxEntry, Intent, NotificationTopic, ProviderName, ProviderRef};
use crate::seller::SellerId;
use crate::tax::TaxRate;
use crate::timestamp::Timestamp;
use crate::trace_context::TraceContext;

pub use super::credit_notes::{CreditNoteCommands, CreditNoteFilter, CreditNoteQueries};
pub use super::discounts::{DiscountCommands, DiscountQueries, PromotionCodeFilter};
pub use super::invoice_mails::{InvoiceMailCommands, InvoiceMailQueries};
pub use super::reconciliation::ReconciliationCommands;
pub use super::reversals::{
    DisputeCommands, DisputeFilter, DisputeQueries, RefundCommands, RefundFilter, RefundQueries,
};
pub use super::secrets::SharedSecret;
pub use super::subscriptions::{SubscriptionCommands, SubscriptionFilter, SubscriptionQueries};
pub use super::tax_records::{TaxRecordCommands, TaxRecordQueries};

/// The store.
#[async_trait]
pub trait Storage: Reader {
    /// Begins a transaction for writing. On an embedded database this waits for the one writer before it.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError>;

    /// Waits until an event behind `after` may be there, but at most for `patience`. It may return early for nothing. Answers
    /// the last position that is known here: what has one up to it is there to be read, and more may be.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn wait_for_event(&self, after: EventPosition, patience: Duration) -> Result<EventPosition, StorageError>;

    /// Gives committed events their positions; returns how many it gave. Safe to call from everywhere at once.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn sequence_events(&self) -> Result<u64, StorageError>;

    /// Puts notifications into the inbox, all of them or none, and each once: what is there already stays as it is. Answers how
    /// many were not. They are there for good once this answers; nothing else is committed with them.
    ///
    /// # Errors
    /// [`StorageError::Contended`]: another is putting the same there, in another order. [`StorageError::Unavailable`] and
    /// [`StorageError::CommitUnknown`]: they may be there or not.
    async fn store_notifications(&self, entries: &[InboxEntry]) -> Result<usize, StorageError>;

    /// The secret of that name: the one that is kept, or else `fresh`, which is kept from then on. Servers that ask at once
    /// get the same.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn shared_secret(&self, name: &'static str, fresh: SharedSecret) -> Result<SharedSecret, StorageError>;

    /// Whether the database answers, for readiness.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn ping(&self) -> Result<(), StorageError>;

    /// The time by the database's clock, which leases go by.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn database_time(&self) -> Result<Timestamp, StorageError>;

    /// What is still open at providers other than `known`, which are those that are configured. Money that came in beside
    /// every provider is at none. Reads little where there are no others.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn open_at_others(&self, known: &[ProviderName]) -> Result<Vec<OpenAtProvider>, StorageError>;

    /// What waits, for operators. Ages go by the database's clock.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn backlog(&self) -> Result<Backlog, StorageError>;

    /// Where in a trace the first thing happened that is told of a thing; nothing where that was not traced.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn trace_of(&self, subject_id: &str) -> Result<Option<TraceContext>, StorageError>;
}

/// How much is still open at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAtProvider {
    /// The provider.
    pub provider: ProviderName,
    /// Links that can be paid, or may be.
    pub links: u64,
    /// Sessions that can be paid, or may be.
    pub sessions: u64,
    /// Payments whose money is not there yet, and has not failed.
    pub payments: u64,
    /// Refunds that are under way.
    pub refunds: u64,
    /// Subscriptions that have not ended.
    pub subscriptions: u64,
    /// Calls that are intended and not done.
    pub calls: u64,
    /// Notifications that are not processed.
    pub notifications: u64,
}

impl OpenAtProvider {
    /// A provider at which nothing is open.
    pub const fn nothing(provider: ProviderName) -> Self {
        Self { provider, links: 0, sessions: 0, payments: 0, refunds: 0, subscriptions: 0, calls: 0, notifications: 0 }
    }

    /// Whether anything is open.
    pub fn is_any(&self) -> bool {
        self.counts().iter().any(|(count, _)| *count > 0)
    }

    const fn counts(&self) -> [(u64, &'static str); 7] {
        [
            (self.links, "payment links"),
            (self.sessions, "checkout sessions"),
            (self.payments, "payments"),
            (self.refunds, "refunds"),
            (self.subscriptions, "subscriptions"),
            (self.calls, "calls"),
            (self.notifications, "notifications"),
        ]
    }
}

/// For people: `payment links: 2, refunds: 1`.
impl std::fmt::Display for OpenAtProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let open = self.counts().into_iter().filter(|(count, _)| *count > 0);
        let each: Vec<_> = open.map(|(count, what)| format!("{what}: {count}")).collect();
        f.write_str(&each.join(", "))
    }
}

/// What waits: for how long the oldest of each kind has, and how much waits for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The oldest notification that is neither processed nor set aside, since it came in; those that name nothing of ours are
    /// left out, for they may wait long and in vain.
    pub oldest_notification: Option<Duration>,
    /// The oldest intended provider call that is not finished, since it was intended.
    pub oldest_call: Option<Duration>,
    /// The oldest event without a position, since it was recorded: no reader sees it yet.
    pub oldest_event: Option<Duration>,
    /// The mail that has been due for longest, since then. One that is being sent is not due.
    pub oldest_mail: Option<Duration>,
    /// Refunds of which it is not known whether the provider made them.
    pub unknown_refunds: u64,
    /// Notifications that are set aside.
    pub set_aside_notifications: u64,
}

/// Everything that can be read.
pub trait Reader:
    CatalogQueries
    + CustomerQueries
    + InvoiceQueries
    + CreditNoteQueries
    + InvoiceMailQueries
    + PaymentLinkQueries
    + CheckoutQueries
    + PaymentQueries
    + RefundQueries
    + DisputeQueries
    + DiscountQueries
    + TaxRecordQueries
    + SubscriptionQueries
    + EventQueries
    + RequestQueries
    + IntentQueries
    + InboxQueries
    + ApiKeyQueries
    + Send
    + Sync
{
}

/// One transaction. Dropping it without [`commit`](Self::commit) keeps nothing.
#[async_trait]
pub trait UnitOfWork:
    Reader
    + CatalogCommands
    + CustomerCommands
    + InvoiceCommands
    + CreditNoteCommands
    + InvoiceMailCommands
    + PaymentLinkCommands
    + CheckoutCommands
    + PaymentCommands
    + RefundCommands
    + DisputeCommands
    + DiscountCommands
    + TaxRecordCommands
    + SubscriptionCommands
    + EventCommands
    + RequestCommands
    + IntentCommands
    + InboxCommands
    + ReconciliationCommands
    + ApiKeyCommands
{
    /// Keeps all of it.
    ///
    /// # Errors
    /// [`StorageError::CommitUnknown`] if the connection broke in the middle: it may have been kept.
    async fn commit(self: Box<Self>) -> Result<(), StorageError>;

    /// Keeps nothing of it.
    async fn rollback(self: Box<Self>);
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It can't be reached, is out of connections or of space. Surely not done.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A transaction lost against another; the whole of it can be tried again.
    #[error("the transaction lost against another")]
    Contended(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The row has been changed since it was read.
    #[error("the row has been changed meanwhile")]
    Stale,
    /// A row of that kind is there already.
    #[error("the constraint {constraint} does not allow it")]
    Conflict {
        /// The name of the constraint.
        constraint: String,
    },
    /// Another thing has the id that a provider gave to this one.
    #[error("another thing has that id of the provider's already")]
    ProviderRefTaken,
    /// The connection broke during the commit: it may have been kept.
    #[error("it is not known whether the transaction was committed")]
    CommitUnknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored can't be read, or a statement is wrong: a defect.
    #[error("the database gave something unexpected")]
    Defect(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The sellers whose things may be seen.
pub type Sellers = BTreeSet<SellerId>;

/// Reads of the catalog.
#[async_trait]
pub trait CatalogQueries {
    /// A product.
    async fn get_product(&self, sellers: &Sellers, id: ProductId) -> Result<Option<Product>, StorageError>;
    /// Products of a seller, newest first.
    async fn list_products(
        &self,
        seller: &SellerId,
        active: Option<bool>,
        page: PageRequest<ProductId>,
    ) -> Result<Page<Product>, StorageError>;
    /// A price.
    async fn get_price(&self, sellers: &Sellers, id: PriceId) -> Result<Option<Price>, StorageError>;
    /// Prices of a seller, newest first.
    async fn list_prices(
        &self,
        seller: &SellerId,
        filter: PriceFilter,
        page: PageRequest<PriceId>,
    ) -> Result<Page<Price>, StorageError>;
    /// A manual tax rate.
    async fn get_tax_rate(&self, sellers: &Sellers, id: TaxRateId) -> Result<Option<TaxRate>, StorageError>;
    /// Manual tax rates of a seller, newest first.
    async fn list_tax_rates(
        &self,
        seller: &SellerId,
        active: Option<bool>,
        page: PageRequest<TaxRateId>,
    ) -> Result<Page<TaxRate>, StorageError>;
    /// A shipping rate.
    async fn get_shipping_rate(
        &self,
        sellers: &Sellers,
        id: ShippingRateId,
    ) -> Result<Option<ShippingRate>, StorageError>;
    /// Shipping rates of a seller, newest first.
    async fn list_shipping_rates(
        &self,
        seller: &SellerId,
        active: Option<bool>,
        page: PageRequest<ShippingRateId>,
    ) -> Result<Page<ShippingRate>, StorageError>;
}

/// Which prices to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PriceFilter {
    /// Of this product.
    pub product_id: Option<ProductId>,
    /// Active or not.
    pub active: Option<bool>,
}

/// Writes of the catalog. An `update` fails with [`StorageError::Stale`] unless the stored version is the aggregate's.
#[async_trait]
pub trait CatalogCommands {
    /// Adds a product.
    async fn insert_product(&mut self, product: &mut Product) -> Result<(), StorageError>;
    /// Changes a product.
    async fn update_product(&mut self, product: &mut Product) -> Result<(), StorageError>;
    /// Adds a price.
    async fn insert_price(&mut self, price: &mut Price) -> Result<(), StorageError>;
    /// Changes a price.
    async fn update_price(&mut self, price: &mut Price) -> Result<(), StorageError>;
    /// Adds a manual tax rate.
    async fn insert_tax_rate(&mut self, rate: &mut TaxRate) -> Result<(), StorageError>;
    /// Changes a manual tax rate.
    async fn update_tax_rate(&mut self, rate: &mut TaxRate) -> Result<(), StorageError>;
    /// Adds a shipping rate.
    async fn insert_shipping_rate(&mut self, rate: &mut ShippingRate) -> Result<(), StorageError>;
    /// Changes a shipping rate.
    async fn update_shipping_rate(&mut self, rate: &mut ShippingRate) -> Result<(), StorageError>;
}

/// Reads of customers and their payment methods.
#[async_trait]
pub trait CustomerQueries {
    /// A customer.
    async fn get_customer(&self, sellers: &Sellers, id: CustomerId) -> Result<Option<Customer>, StorageError>;
    /// Customers of a seller, newest first.
    async fn list_customers(
        &self,
        seller: &SellerId,
        page: PageRequest<CustomerId>,
    ) -> Result<Page<Customer>, StorageError>;
    /// A payment method.
    async fn get_payment_method(
        &self,
        sellers: &Sellers,
        id: PaymentMethodId,
    ) -> Result<Option<PaymentMethod>, StorageError>;
    /// A payment method by id, of whichever seller.
    async fn load_payment_method(&self, id: PaymentMethodId) -> Result<Option<PaymentMethod>, StorageError>;
    /// A payment method by its id at a provider.
    async fn load_payment_method_by_ref(
        &self,
        provider: &ProviderName,
        provider_ref: &ProviderRef,
    ) -> Result<Option<PaymentMethod>, StorageError>;
    /// The payment methods of a customer that are not detached, newest first.
    async fn list_payment_methods(
        &self,
        customer: CustomerId,
        page: PageRequest<PaymentMethodId>,
    ) -> Result<Page<PaymentMethod>, StorageError>;
}

/// Writes of customers and their payment methods.
#[async_trait]
pub trait CustomerCommands {
    /// Adds a customer.
    async fn insert_customer(&mut self, customer: &mut Customer) -> Result<(), StorageError>;
    /// Changes a customer.
    async fn update_customer(&mut self, customer: &mut Customer) -> Result<(), StorageError>;
    /// Adds a payment method. `false` if the provider's id is there already; nothing is written then.
    async fn insert_payment_method(&mut self, method: &mut PaymentMethod) -> Result<bool, StorageError>;
    /// Changes a payment method.
    async fn update_payment_method(&mut self, method: &mut PaymentMethod) -> Result<(), StorageError>;
}

/// Which invoices to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvoiceFilter {
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// In this state, by its name.
    pub state: Option<&'static str>,
    /// With this number; a seller has at most one such invoice.
    pub number: Option<String>,
    /// Open, and due before this moment's date in UTC.
    pub due_before: Option<time::Date>,
}

/// Reads of invoices.
#[async_trait]
pub trait InvoiceQueries {
    /// An invoice.
    async fn get_invoice(&self, sellers: &Sellers, id: InvoiceId) -> Result<Option<Invoice>, StorageError>;
    /// Invoices of a seller, newest first.
    async fn list_invoices(
        &self,
        seller: &SellerId,
        filter: InvoiceFilter,
        page: PageRequest<InvoiceId>,
    ) -> Result<Page<Invoice>, StorageError>;
}

/// What can be paid on an invoice: a link or a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Collectable {
    /// A payment link.
    PaymentLink(PaymentLinkId),
    /// A checkout session.
    CheckoutSession(CheckoutSessionId),
}

impl Collectable {
    /// The bare id in it.
    pub const fn uuid(&self) -> uuid::Uuid {
        match self {
            Self::PaymentLink(id) => id.uuid(),
            Self::CheckoutSession(id) => id.uuid(),
        }
    }
}

impl std::fmt::Display for Collectable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PaymentLink(id) => id.fmt(f),
            Self::CheckoutSession(id) => id.fmt(f),
        }
    }
}

/// Whether an invoice's one open collectable could be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// It is taken now.
    Reserved,
    /// Another has it.
    HeldBy(Collectable),
}

/// Writes of invoices.
#[async_trait]
pub trait InvoiceCommands {
    /// Adds an invoice.
    async fn insert_invoice(&mut self, invoice: &mut Invoice) -> Result<(), StorageError>;
    /// Reads an invoice and keeps others from changing it until the end of the transaction.
    async fn lock_invoice(&mut self, id: InvoiceId) -> Result<Option<Invoice>, StorageError>;
    /// Changes an invoice. What finalization fixed is never written again; a change of it is refused or left out.
    async fn update_invoice(&mut self, invoice: &mut Invoice) -> Result<(), StorageError>;
    /// Takes the next number of a series, from 1, without gaps: a rolled-back transaction gives it back, and others wait.
    async fn next_number(&mut self, seller: &SellerId, series: &str) -> Result<u64, StorageError>;
    /// Takes the one open collectable of an invoice. The database itself allows no second.
    async fn reserve_collectable(
        &mut self,
        seller: &SellerId,
        invoice: InvoiceId,
        collectable: Collectable,
    ) -> Result<Reservation, StorageError>;
    /// Gives it back; fine if it is not taken.
    async fn release_collectable(&mut self, collectable: Collectable) -> Result<(), StorageError>;
    /// The open collectable of an invoice.
    async fn open_collectable(&mut self, invoice: InvoiceId) -> Result<Option<Collectable>, StorageError>;
}

/// Which links to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkFilter {
    /// Active (can be paid, or may be) or not.
    pub active: Option<bool>,
    /// For this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// With this pair in the metadata.
    pub metadata: Option<(String, String)>,
}

/// Reads of payment links.
#[async_trait]
pub trait PaymentLinkQueries {
    /// A link.
    async fn get_payment_link(&self, sellers: &Sellers, id: PaymentLinkId)
    -> Result<Option<PaymentLink>, StorageError>;
    /// A link by id, of whichever seller.
    async fn load_payment_link(&self, id: PaymentLinkId) -> Result<Option<PaymentLink>, StorageError>;
    /// Links of a seller, newest first.
    async fn list_payment_links(
        &self,
        seller: &SellerId,
        filter: LinkFilter,
        page: PageRequest<PaymentLinkId>,
    ) -> Result<Page<PaymentLink>, StorageError>;
    /// Active links whose expiry is at or before `until`, at most `limit`, soonest first.
    async fn list_expiring_payment_links(
        &self,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<PaymentLinkId>, StorageError>;
}

/// Writes of payment links.
#[async_trait]
pub trait PaymentLinkCommands {
    /// Adds a link.
    async fn insert_payment_link(&mut self, link: &mut PaymentLink) -> Result<(), StorageError>;
    /// Reads a link and keeps others from changing it until the end of the transaction.
    async fn lock_payment_link(&mut self, id: PaymentLinkId) -> Result<Option<PaymentLink>, StorageError>;
    /// Changes a link.
    async fn update_payment_link(&mut self, link: &mut PaymentLink) -> Result<(), StorageError>;
}

/// Which sessions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Of this invoice, whether by checkout or by link.
    pub invoice_id: Option<InvoiceId>,
    /// Of this link.
    pub payment_link_id: Option<PaymentLinkId>,
    /// In this state, by its name.
    pub state: Option<&'static str>,
}

/// Reads of checkout sessions.
#[async_trait]
pub trait CheckoutQueries {
    /// A session.
    async fn get_checkout_session(
        &self,
        sellers: &Sellers,
        id: CheckoutSessionId,
    ) -> Result<Option<CheckoutSession>, StorageError>;
    /// A session by id, of whichever seller.
    async fn load_checkout_session(&self, id: CheckoutSessionId) -> Result<Option<CheckoutSession>, StorageError>;
    /// A session by its id at a provider.
    async fn load_checkout_session_by_ref(
        &self,
        provider: &ProviderName,
        provider_ref: &ProviderRef,
    ) -> Result<Option<CheckoutSession>, StorageError>;
    /// Sessions of a seller, newest first.
    async fn list_checkout_sessions(
        &self,
        seller: &SellerId,
        filter: SessionFilter,
        page: PageRequest<CheckoutSessionId>,
    ) -> Result<Page<CheckoutSession>, StorageError>;
    /// Open sessions that end at or before `until`, at most `limit`, soonest first.
    async fn list_expiring_checkout_sessions(
        &self,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<CheckoutSessionId>, StorageError>;
}

/// Writes of checkout sessions.
#[async_trait]
pub trait CheckoutCommands {
    /// Adds a session. `false` if its id at the provider is there already; nothing is written then.
    async fn insert_checkout_session(
        &mut self,
        session: &mut CheckoutSession,
        invoice: Option<InvoiceId>,
    ) -> Result<bool, StorageError>;
    /// Reads a session and keeps others from changing it until the end of the transaction.
    async fn lock_checkout_session(&mut self, id: CheckoutSessionId) -> Result<Option<CheckoutSession>, StorageError>;
    /// Changes a session.
    async fn update_checkout_session(&mut self, session: &mut CheckoutSession) -> Result<(), StorageError>;
}

/// Which payments to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentFilter {
    /// Of this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// Through this link.
    pub payment_link_id: Option<PaymentLinkId>,
    /// For a period of this subscription after the first.
    pub subscription_id: Option<SubscriptionId>,
    /// In this state, by its name.
    pub state: Option<&'static str>,
    /// With something odd about them, or nothing.
    pub flagged: Option<bool>,
}

/// Reads of payments.
#[async_trait]
pub trait PaymentQueries {
    /// A payment.
    async fn get_payment(&self, sellers: &Sellers, id: PaymentId) -> Result<Option<Payment>, StorageError>;
    /// A payment by its id at a provider.
    async fn load_payment_by_ref(
        &self,
        provider: &ProviderName,
        provider_ref: &ProviderRef,
    ) -> Result<Option<Payment>, StorageError>;
    /// Payments of a seller, newest first.
    async fn list_payments(
        &self,
        seller: &SellerId,
        filter: PaymentFilter,
        page: PageRequest<PaymentId>,
    ) -> Result<Page<Payment>, StorageError>;
}

/// Writes of payments.
#[async_trait]
pub trait PaymentCommands {
    /// Adds a payment.
    async fn insert_payment(&mut self, payment: &mut Payment) -> Result<(), StorageError>;
    /// Reads a payment and keeps others from changing it until the end of the transaction.
    async fn lock_payment(&mut self, id: PaymentId) -> Result<Option<Payment>, StorageError>;
    /// Changes a payment.
    async fn update_payment(&mut self, payment: &mut Payment) -> Result<(), StorageError>;
}

/// Which events to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct EventFilter {
    /// Of these kinds; of every kind if empty.
    pub kinds: Vec<EventKind>,
    /// That happened to this thing.
    pub subject_id: Option<String>,
}

/// Reads of events.
#[async_trait]
pub trait EventQueries {
    /// Events behind `after`, in their order, at most `limit`. Only events that have a position. All who follow the same may be
    /// given the same.
    async fn list_events(
        &self,
        sellers: &Sellers,
        filter: &EventFilter,
        after: EventPosition,
        limit: u32,
    ) -> Result<Arc<[SequencedEvent]>, StorageError>;
    /// The last position given.
    async fn last_position(&self) -> Result<EventPosition, StorageError>;
}

/// Writes of events.
#[async_trait]
pub trait EventCommands {
    /// Adds an event. It gets its position after the commit.
    async fn append_event(&mut self, event: &Event) -> Result<(), StorageError>;
}

/// Reads of requests.
#[async_trait]
pub trait RequestQueries {
    /// A request.
    async fn load_request(&self, key: &RequestKey) -> Result<Option<StoredRequest>, StorageError>;
}

/// Writes of requests.
#[async_trait]
pub trait RequestCommands {
    /// Adds a request, or gives the one that is there. Waits for a concurrent transaction that is adding the same.
    async fn claim_request(&mut self, request: &StoredRequest) -> Result<Option<StoredRequest>, StorageError>;
    /// Notes how far it is.
    async fn update_request(&mut self, key: &RequestKey, progress: &RequestProgress) -> Result<(), StorageError>;
}

/// Reads of intended calls.
#[async_trait]
pub trait IntentQueries {
    /// An intended call.
    async fn load_intent(&self, id: IntentId) -> Result<Option<Intent>, StorageError>;
    /// The unfinished call that a request waits for.
    async fn load_intent_of_request(&self, key: &RequestKey) -> Result<Option<Intent>, StorageError>;
    /// Whether a call about the thing is unfinished.
    async fn has_unfinished_intent(&self, subject: &str) -> Result<bool, StorageError>;
    /// Unfinished calls of which it is not known whether the provider did them, the oldest first, at most `limit`.
    async fn list_intents_of_unknown_outcome(&self, limit: u32) -> Result<Vec<Intent>, StorageError>;
    /// For how long an unfinished call that was tried is still put off, by the database's clock; nothing where someone is at
    /// work on it, or it is due.
    async fn intent_put_off_for(&self, id: IntentId) -> Result<Option<Duration>, StorageError>;
}

/// Writes of intended calls. Leases are measured by the database's clock. Each has an epoch, which is higher than that of the
/// lease before: by it a holder whose lease was taken over is told from the new one.
#[async_trait]
pub trait IntentCommands {
    /// Adds a call, leased to its creator for `lease`; zero lets anyone take it at once.
    async fn insert_intent(&mut self, intent: &Intent, lease: Duration) -> Result<(), StorageError>;
    /// Takes unfinished calls whose lease has run out, at most `limit`, for `lease`; of each thing the oldest alone, and
    /// none that another transaction is taking.
    async fn lease_due_intents(&mut self, limit: u32, lease: Duration) -> Result<Vec<Intent>, StorageError>;
    /// Takes one unfinished call if its lease has run out and no older one of the same thing is unfinished.
    async fn lease_intent(&mut self, id: IntentId, lease: Duration) -> Result<Option<Intent>, StorageError>;
    /// Leases a call for `lease` from now on, by whoever holds it. `false` if it is finished, or leased to someone else
    /// meanwhile; nothing is written then.
    async fn renew_intent_lease(&mut self, held: &Intent, lease: Duration) -> Result<bool, StorageError>;
    /// Notes how far it is; an unfinished one is due again after `retry_in`. Fails with [`StorageError::Stale`] if it is
    /// finished, or leased to someone else meanwhile.
    async fn update_intent(&mut self, intent: &Intent, retry_in: Duration) -> Result<(), StorageError>;
}

/// What is to become of a notification that is not processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnprocessedState {
    /// It is due, or will be.
    Waiting,
    /// It waits for a person.
    SetAside,
    /// A person has closed it: what it told is seen to elsewhere, and nothing here will be made of it.
    Closed,
}

/// A notification that is not processed.
#[derive(Debug, Clone, PartialEq)]
pub struct UnprocessedNotification {
    /// Its id here.
    pub id: NotificationId,
    /// Who sent it.
    pub provider: ProviderName,
    /// The provider's id of it.
    pub provider_event_id: String,
    /// What it is about; absent where this version can't read that, as where a later one has stored it.
    pub topic: Option<NotificationTopic>,
    /// How often it has been tried to process it.
    pub attempts: u32,
    /// When it came in.
    pub received_at: Timestamp,
    /// What is to become of it.
    pub state: UnprocessedState,
    /// Why the last try failed; absent before the first.
    pub reason: Option<String>,
    /// What the person who closed it last said.
    pub note: Option<String>,
}

impl UnprocessedNotification {
    /// One that can be read.
    pub fn of(entry: &InboxEntry, state: UnprocessedState, (reason, note): (Option<String>, Option<String>)) -> Self {
        Self {
            id: entry.id,
            provider: entry.provider.clone(),
            provider_event_id: entry.notification.provider_event_id.clone(),
            topic: Some(entry.notification.topic.clone()),
            attempts: entry.attempts,
            received_at: entry.received_at,
            state,
            reason,
            note,
        }
    }
}

/// Reads of the inbox.
#[async_trait]
pub trait InboxQueries {
    /// Notifications that are not processed and in one of these states, those that came in first before all others, at most
    /// `limit`.
    async fn list_unprocessed_notifications(
        &self,
        states: &[UnprocessedState],
        limit: u32,
    ) -> Result<Vec<UnprocessedNotification>, StorageError>;
    /// How many notifications are set aside.
    async fn count_set_aside_notifications(&self) -> Result<u64, StorageError>;
}

/// Writes of the inbox. Leases are measured by the database's clock. Each is one attempt, whose number tells it from later
/// ones: what is written of a leased notification fails with [`StorageError::Stale`] if it is not waiting any more, or was
/// leased to someone else meanwhile.
#[async_trait]
pub trait InboxCommands {
    /// Takes unprocessed notifications that are due, at most `limit`, for `lease`, and none that another transaction is
    /// taking. Counts the attempt, of which no end is noted yet. Of those that had no end twice and more, it takes one at
    /// most: one of which its holders die must not take others with it each time. Those that were never tried come first, so
    /// that what is new does not wait behind what may never be processed. What can't be read is set aside, and others are taken.
    async fn lease_due_notifications(&mut self, limit: u32, lease: Duration) -> Result<Vec<InboxEntry>, StorageError>;
    /// Leases a notification for `lease` from now on, by whoever holds it. `false` if it is not waiting any more, or leased to
    /// someone else meanwhile; nothing is written then.
    async fn renew_notification_lease(&mut self, held: &InboxEntry, lease: Duration) -> Result<bool, StorageError>;
    /// It is processed.
    async fn finish_notification(&mut self, held: &InboxEntry) -> Result<(), StorageError>;
    /// It could not be processed, and is due again after `retry_in`; its failures are kept as `held` counts them. Its tries
    /// have an end again.
    async fn retry_notification(
        &mut self,
        held: &InboxEntry,
        retry_in: Duration,
        reason: &str,
    ) -> Result<(), StorageError>;
    /// It can't be processed: it is kept, with the reason, and not tried again.
    async fn set_notification_aside(&mut self, held: &InboxEntry, reason: &str) -> Result<(), StorageError>;
    /// A person has seen to one that is set aside: it is closed with this note beside its reason, and waits for nobody.
    /// `false` if it is not set aside.
    async fn close_notification(&mut self, id: NotificationId, note: &str) -> Result<bool, StorageError>;
    /// It is due now, though it was set aside, or closed in error; how often it was tried stays known, and its failures count
    /// anew. `false` if it is neither.
    async fn take_notification_up_again(&mut self, id: NotificationId) -> Result<bool, StorageError>;
    /// The same for all that are set aside; returns how many that were.
    async fn take_all_notifications_up_again(&mut self) -> Result<u64, StorageError>;
}

/// Reads of API keys.
#[async_trait]
pub trait ApiKeyQueries {
    /// A key by the public part of its token.
    async fn load_api_key_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, StorageError>;
    /// All keys, newest first.
    async fn list_api_keys(&self) -> Result<Vec<ApiKey>, StorageError>;
}

/// Writes of API keys.
#[async_trait]
pub trait ApiKeyCommands {
    /// Adds a key.
    async fn insert_api_key(&mut self, key: &ApiKey) -> Result<(), StorageError>;
    /// Revokes a key. `false` if there is none, or it is revoked already.
    async fn revoke_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<bool, StorageError>;
    /// Notes that a key is used, unless it is revoked, or a use is noted already that
    /// [is close enough](ApiKey::is_use_worth_noting).
    async fn note_use_of_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<(), StorageError>;
}

#[cfg(feature = "mocks")]
pub use mocks::{MockStorage, MockUnitOfWork};

#[cfg(feature = "mocks")]
#[path = "storage_mocks.rs"]
mod mocks;

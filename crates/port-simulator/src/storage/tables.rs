//! What is stored: typed rows by id. Nothing is ever removed, so a transaction's own writes are tables too, laid over those
//! that are committed.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use domain::access::ApiKey;
use domain::catalog::{Coupon, Price, Product, PromotionCode, ShippingRate};
use domain::checkout::CheckoutSession;
use domain::credit_note::CreditNote;
use domain::customer::Customer;
use domain::dispute::Dispute;
use domain::event::Event;
use domain::id;
use domain::idempotency::{RequestKey, StoredRequest};
use domain::invoice::Invoice;
use domain::invoice_mail::InvoiceMail;
use domain::payment::Payment;
use domain::payment_link::PaymentLink;
use domain::payment_method::PaymentMethod;
use domain::ports::storage::{Collectable, UnprocessedState};
use domain::provider::{InboxEntry, Intent, ProviderName, ProviderRef};
use domain::refund::Refund;
use domain::seller::SellerId;
use domain::subscription::Subscription;
use domain::tax::{StoredTaxRegistration, TaxRate};
use domain::tax_id_check::TaxIdCheck;

/// A value that may stand once alone: the constraint and the value.
pub(crate) type UniqueKey = (&'static str, String);

/// An aggregate that is a row.
pub(crate) trait Row: Clone + Send + Sync + 'static {
    type Id: Copy + Ord + Display + Send + Sync;
    const TABLE: &'static str;

    fn id(&self) -> Self::Id;
    fn seller(&self) -> &SellerId;
    fn version(&self) -> i64;
    fn mark_stored(&mut self, version: i64);
    fn table(tables: &Tables) -> &BTreeMap<Self::Id, Arc<Self>>;
    fn table_mut(tables: &mut Tables) -> &mut BTreeMap<Self::Id, Arc<Self>>;
    /// What of it may stand once alone, beside its id.
    fn unique(&self) -> Vec<UniqueKey>;
    /// The constraint that a row breaks by itself, or by naming one that is not there.
    fn broken_constraint(&self, view: &View<'_>) -> Option<&'static str>;
}

/// An intended call, with its lease.
#[derive(Debug, Clone)]
pub(crate) struct IntentRow {
    pub(crate) seq: u64,
    pub(crate) intent: Intent,
    pub(crate) lease_until_us: i64,
    /// Whether its last holder put it off, and nobody has taken it since.
    pub(crate) is_put_off: bool,
}

/// A notification that came in.
#[derive(Debug, Clone)]
pub(crate) struct NotificationRow {
    pub(crate) seq: u64,
    pub(crate) entry: InboxEntry,
    pub(crate) state: NotificationState,
    pub(crate) due_at_us: i64,
    pub(crate) reason: Option<String>,
    pub(crate) note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotificationState {
    Unprocessed(UnprocessedState),
    Done,
}

impl NotificationState {
    pub(crate) const NEW: Self = Self::Unprocessed(UnprocessedState::Waiting);
    pub(crate) const ASIDE: Self = Self::Unprocessed(UnprocessedState::SetAside);
    pub(crate) const CLOSED: Self = Self::Unprocessed(UnprocessedState::Closed);
}

/// How far what a provider told was read back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReconciliationRow {
    pub(crate) read_until_us: i64,
    pub(crate) due_at_us: i64,
}

macro_rules! tables {
    ($($row:ident, $id:ident, $table:ident,
        |$it:ident| unique [$($constraint:literal = $value:expr),* $(,)?]
        |$view:ident| breaks [$($broken:literal if $is_broken:expr),* $(,)?];)+) => {
        /// All tables.
        #[derive(Default)]
        pub(crate) struct Tables {
            $($table: BTreeMap<id::$id, Arc<$row>>,)+
            /// Whose row has a unique value; nobody's any more where there is none.
            pub(crate) unique: BTreeMap<UniqueKey, Option<String>>,
            pub(crate) session_invoices: BTreeMap<id::CheckoutSessionId, id::InvoiceId>,
            pub(crate) mail_due_us: BTreeMap<id::InvoiceMailId, i64>,
            pub(crate) number_series: BTreeMap<(SellerId, String), u64>,
            /// The open collectable of an invoice; none once it is released.
            pub(crate) collectables: BTreeMap<id::InvoiceId, Option<Collectable>>,
            /// Events without a position, in the order of their insertion.
            pub(crate) new_events: BTreeMap<u64, Event>,
            pub(crate) requests: BTreeMap<(SellerId, String), StoredRequest>,
            pub(crate) intents: BTreeMap<id::IntentId, IntentRow>,
            pub(crate) notifications: BTreeMap<id::NotificationId, NotificationRow>,
            pub(crate) reconciliations: BTreeMap<ProviderName, ReconciliationRow>,
            pub(crate) api_keys: BTreeMap<id::ApiKeyId, ApiKey>,
        }

        impl Tables {
            /// Lays a transaction's writes over these.
            pub(crate) fn absorb(&mut self, own: Self) {
                $(self.$table.extend(own.$table);)+
                self.unique.extend(own.unique);
                self.session_invoices.extend(own.session_invoices);
                self.mail_due_us.extend(own.mail_due_us);
                self.number_series.extend(own.number_series);
                self.collectables.extend(own.collectables);
                self.new_events.extend(own.new_events);
                self.requests.extend(own.requests);
                self.intents.extend(own.intents);
                self.notifications.extend(own.notifications);
                self.reconciliations.extend(own.reconciliations);
                self.api_keys.extend(own.api_keys);
            }
        }

        $(impl Row for $row {
            type Id = id::$id;
            const TABLE: &'static str = stringify!($table);

            fn id(&self) -> Self::Id {
                self.id
            }

            fn seller(&self) -> &SellerId {
                &self.seller_id
            }

            fn version(&self) -> i64 {
                self.version
            }

            fn mark_stored(&mut self, version: i64) {
                <$row>::mark_stored(self, version);
            }

            fn table(tables: &Tables) -> &BTreeMap<Self::Id, Arc<Self>> {
                &tables.$table
            }

            fn table_mut(tables: &mut Tables) -> &mut BTreeMap<Self::Id, Arc<Self>> {
                &mut tables.$table
            }

            fn unique(&self) -> Vec<UniqueKey> {
                let $it = self;
                let _ = $it;
                let values: Vec<(&'static str, Option<String>)> = vec![$(($constraint, $value)),*];
                values.into_iter().filter_map(|(constraint, value)| Some((constraint, value?))).collect()
            }

            fn broken_constraint(&self, $view: &View<'_>) -> Option<&'static str> {
                let $it = self;
                let constraints: [(&'static str, bool); _] = [$(($broken, $is_broken)),*];
                let _ = ($it, $view);
                constraints.into_iter().find(|(_, is_broken)| *is_broken).map(|(name, _)| name)
            }
        })+
    };
}

/// What a provider calls a thing, of which there is one.
pub(crate) fn at_provider(provider: &ProviderName, provider_ref: &ProviderRef) -> String {
    format!("{provider} {provider_ref}")
}

/// A number, or a place in a series, of a seller's.
fn of_seller(seller: &SellerId, what: impl Display) -> String {
    format!("{seller} {what}")
}

tables! {
    Product, ProductId, products, |it| unique [] |view| breaks [];
    Price, PriceId, prices, |it| unique [] |view| breaks ["prices_product" if view.lacks::<Product>(Some(it.product_id))];
    TaxRate, TaxRateId, tax_rates, |it| unique [] |view| breaks [];
    StoredTaxRegistration, TaxRegistrationId, tax_registrations, |it| unique [] |view| breaks [];
    TaxIdCheck, TaxIdCheckId, tax_id_checks, |it| unique [] |view| breaks [];
    ShippingRate, ShippingRateId, shipping_rates, |it| unique [] |view| breaks [];
    Coupon, CouponId, coupons, |it| unique [] |view| breaks [];
    PromotionCode, PromotionCodeId, promotion_codes,
        |it| unique ["promotion_codes_once_per_provider" =
            it.provider_ref.as_ref().map(|known| at_provider(&it.provider, known))]
        |view| breaks ["promotion_codes_coupon" if view.lacks::<Coupon>(Some(it.terms.coupon_id))];
    Customer, CustomerId, customers, |it| unique [] |view| breaks [];
    PaymentMethod, PaymentMethodId, payment_methods,
        |it| unique ["payment_methods_once_per_provider" = Some(at_provider(&it.provider, &it.provider_ref))]
        |view| breaks ["payment_methods_customer" if view.lacks::<Customer>(Some(it.customer_id))];
    Invoice, InvoiceId, invoices,
        |it| unique [
            "invoices_number_once" = it.finalization().map(|fixed| of_seller(&it.seller_id, &fixed.number)),
            "invoices_sequence_once" =
                it.finalization().map(|fixed| of_seller(&it.seller_id, format!("{} {}", fixed.series, fixed.sequence))),
        ]
        |view| breaks [
            "invoices_customer" if view.lacks::<Customer>(it.customer_id),
            "invoices_paid_in_range" if it.amount_paid.minor() < 0 || it.amount_overpaid.minor() < 0,
            "invoices_settled_in_range" if it.amount_settled().minor() > it.total().minor(),
            "invoices_credited_in_range" if it.amount_credited().minor() > it.total().minor(),
        ];
    InvoiceMail, InvoiceMailId, invoice_mails, |it| unique []
        |view| breaks ["invoice_mails_invoice" if view.lacks::<Invoice>(Some(it.order.invoice_id))];
    CreditNote, CreditNoteId, credit_notes,
        |it| unique [
            "credit_notes_number_once" = Some(of_seller(&it.seller_id, &it.number.number)),
            "credit_notes_sequence_once" =
                Some(of_seller(&it.seller_id, format!("{} {}", it.number.series, it.number.sequence))),
        ]
        |view| breaks [
            "credit_notes_invoice" if view.lacks::<Invoice>(Some(it.invoice_id)),
            "credit_notes_of_something" if it.gross.minor() <= 0,
        ];
    PaymentLink, PaymentLinkId, payment_links,
        |it| unique ["payment_links_once_per_provider" =
            it.provider_ref.as_ref().map(|known| at_provider(&it.provider, known))]
        |view| breaks ["payment_links_invoice" if view.lacks::<Invoice>(it.invoice_id())];
    CheckoutSession, CheckoutSessionId, checkout_sessions,
        |it| unique ["checkout_sessions_once_per_provider" =
            it.provider_ref.as_ref().map(|known| at_provider(&it.provider, known))]
        |view| breaks ["checkout_sessions_link" if view.lacks::<PaymentLink>(it.payment_link_id())];
    Payment, PaymentId, payments,
        |it| unique ["payments_once_per_provider" =
            it.provider_ref.as_ref().map(|known| at_provider(&it.provider, known))]
        |view| breaks [
            "payments_invoice" if view.lacks::<Invoice>(it.invoice_id),
            "payments_link" if view.lacks::<PaymentLink>(it.payment_link_id),
            "payments_customer" if view.lacks::<Customer>(it.customer_id),
            "payments_subscription" if view.lacks::<Subscription>(it.subscription_id),
        ];
    Refund, RefundId, refunds,
        |it| unique ["refunds_once_per_provider" =
            it.provider_ref.as_ref().map(|known| at_provider(&it.provider, known))]
        |view| breaks [
            "refunds_payment" if view.lacks::<Payment>(Some(it.payment_id)),
            "refunds_credit_note" if view.lacks::<CreditNote>(it.credit_note_id),
            "refunds_of_something" if it.amount.minor() <= 0,
        ];
    Dispute, DisputeId, disputes,
        |it| unique ["disputes_once_per_provider" = Some(at_provider(&it.provider, &it.provider_ref))]
        |view| breaks [
            "disputes_payment" if view.lacks::<Payment>(Some(it.payment_id)),
            "disputes_of_something" if it.amount.minor() <= 0,
        ];
    Subscription, SubscriptionId, subscriptions,
        |it| unique ["subscriptions_once_per_provider" = Some(at_provider(&it.provider, &it.provider_ref))]
        |view| breaks [
            "subscriptions_link" if view.lacks::<PaymentLink>(Some(it.payment_link_id)),
            "subscriptions_session" if view.lacks::<CheckoutSession>(it.checkout_session_id),
        ];
}

/// What a reader sees: what is committed, and what its own transaction wrote.
pub(crate) struct View<'a> {
    pub(crate) committed: &'a Tables,
    pub(crate) own: Option<&'a Tables>,
}

impl<'a> View<'a> {
    /// A value of a table, by its key.
    pub(crate) fn find<K: Ord + 'a, V>(&self, table: impl Fn(&Tables) -> &BTreeMap<K, V>, key: &K) -> Option<&'a V>
    where
        V: 'a,
    {
        self.own.and_then(|own| table(own).get(key)).or_else(|| table(self.committed).get(key))
    }

    /// All values of a table, each once; the transaction's own come last.
    pub(crate) fn all<K: Ord + 'a, V: 'a>(
        &self,
        table: impl Fn(&Tables) -> &BTreeMap<K, V>,
    ) -> impl Iterator<Item = (&'a K, &'a V)> {
        let own = self.own.map(&table);
        let committed =
            table(self.committed).iter().filter(move |(key, _)| own.is_none_or(|own| !own.contains_key(*key)));
        committed.chain(own.into_iter().flatten())
    }

    pub(crate) fn row<R: Row>(&self, id: R::Id) -> Option<&'a Arc<R>> {
        self.find(R::table, &id)
    }

    pub(crate) fn rows<R: Row>(&self) -> impl Iterator<Item = &'a R> {
        self.all(R::table).map(|(_, row)| row.as_ref())
    }

    /// Whether a row is named that is not there.
    fn lacks<R: Row>(&self, id: Option<R::Id>) -> bool {
        id.is_some_and(|id| self.row::<R>(id).is_none())
    }

    pub(crate) fn request(&self, key: &RequestKey) -> Option<&'a StoredRequest> {
        self.find(|tables| &tables.requests, &request_id(key))
    }
}

pub(crate) fn request_id(key: &RequestKey) -> (SellerId, String) {
    (key.seller_id.clone(), key.request_id.as_str().to_owned())
}

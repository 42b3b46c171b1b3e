//! Reads, alike for the store and for a transaction.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::access::ApiKey;
use domain::catalog::{Coupon, Price, Product, PromotionCode, ShippingRate};
use domain::checkout::{CheckoutSession, SessionState};
use domain::credit_note::CreditNote;
use domain::customer::Customer;
use domain::dispute::Dispute;
use domain::event::{EventPosition, SequencedEvent};
use domain::id::{
    CheckoutSessionId, CouponId, CreditNoteId, CustomerId, DisputeId, IntentId, InvoiceId, InvoiceMailId, PaymentId,
    PaymentLinkId, PaymentMethodId, PriceId, ProductId, PromotionCodeId, RefundId, ShippingRateId, SubscriptionId,
    TaxIdCheckId, TaxRateId, TaxRegistrationId,
};
use domain::idempotency::{RequestKey, StoredRequest};
use domain::invoice::{Invoice, InvoiceState};
use domain::invoice_mail::InvoiceMail;
use domain::page::{Page, PageRequest};
use domain::payment::Payment;
use domain::payment_link::{LinkState, PaymentLink};
use domain::payment_method::PaymentMethod;
use domain::ports::storage::{
    ApiKeyQueries, CatalogQueries, CheckoutQueries, CreditNoteFilter, CreditNoteQueries, CustomerQueries,
    DiscountQueries, DisputeFilter, DisputeQueries, EventFilter, EventQueries, InboxQueries, IntentQueries,
    InvoiceFilter, InvoiceMailQueries, InvoiceQueries, LinkFilter, PaymentFilter, PaymentLinkQueries, PaymentQueries,
    PriceFilter, PromotionCodeFilter, Reader, RefundFilter, RefundQueries, RequestQueries, Sellers, SessionFilter,
    StorageError, SubscriptionFilter, SubscriptionQueries, TaxRecordQueries, UnprocessedNotification, UnprocessedState,
};
use domain::provider::{Intent, IntentState, ProviderName, ProviderRef};
use domain::refund::Refund;
use domain::seller::SellerId;
use domain::subscription::Subscription;
use domain::tax::{StoredTaxRegistration, TaxRate, TaxRegistration};
use domain::tax_id::TaxId;
use domain::tax_id_check::TaxIdCheck;
use domain::timestamp::Timestamp;

use super::database::Database;
use super::tables::{IntentRow, NotificationRow, NotificationState, Row, View};
use super::{SimulatedStorage, SimulatedUnitOfWork};

/// A row of one of these sellers.
fn get<R: Row>(view: &View<'_>, sellers: &Sellers, id: R::Id) -> Option<R> {
    load::<R>(view, id).filter(|row| sellers.contains(row.seller()))
}

fn load<R: Row>(view: &View<'_>, id: R::Id) -> Option<R> {
    view.row::<R>(id).map(|row| row.as_ref().clone())
}

/// The one row that fits.
fn find<R: Row>(view: &View<'_>, fits: impl Fn(&R) -> bool) -> Option<R> {
    view.rows::<R>().find(|row| fits(row)).cloned()
}

/// A page of the rows that fit, newest first.
fn page<R: Row>(view: &View<'_>, fits: impl Fn(&R) -> bool, request: PageRequest<R::Id>) -> Page<R> {
    let before = |row: &&R| request.before.is_none_or(|before| row.id() < before);
    let mut rows: Vec<_> = view.rows::<R>().filter(before).filter(|row| fits(row)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.id()));
    // One more tells that there are more.
    let size = usize::try_from(request.size.get()).unwrap_or(usize::MAX).saturating_add(1);
    Page::from_overfetched(rows.into_iter().take(size).cloned().collect(), request.size)
}

/// Whether a filter that may be absent fits.
fn is<T: PartialEq>(wanted: Option<T>, value: impl Into<Option<T>>) -> bool {
    wanted.is_none() || wanted == value.into()
}

/// The oldest intended call that fits.
fn oldest_intent(view: &View<'_>, fits: impl Fn(&Intent) -> bool) -> Option<Intent> {
    let rows = view.all(|tables| &tables.intents).map(|(_, row)| row);
    rows.filter(|row| fits(&row.intent)).min_by_key(|row: &&IntentRow| row.seq).map(|row| row.intent.clone())
}

/// What an async method of a port gives, as `async_trait` writes it: that macro does not see into the ones below.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// Methods that read one row by its id.
macro_rules! by_id {
    ($(get $get:ident($get_row:ty, $get_id:ty);)* $(load $load:ident($load_row:ty, $load_id:ty);)*) => {
        $(fn $get<'s, 'o, 'a>(&'s self, sellers: &'o Sellers, id: $get_id) -> Answer<'a, Option<$get_row>>
        where
            's: 'a,
            'o: 'a,
            Self: 'a,
        {
            Box::pin(self.read(move |view| get(&view, sellers, id)))
        })*
        $(fn $load<'s, 'a>(&'s self, id: $load_id) -> Answer<'a, Option<$load_row>>
        where
            's: 'a,
            Self: 'a,
        {
            Box::pin(self.read(move |view| load(&view, id)))
        })*
    };
}

/// A method that reads one row by its id at a provider, which is `known` of it.
macro_rules! by_ref {
    ($method:ident($row:ty), |$it:ident| $known:expr) => {
        fn $method<'s, 'p, 'r, 'a>(
            &'s self,
            provider: &'p ProviderName,
            provider_ref: &'r ProviderRef,
        ) -> Answer<'a, Option<$row>>
        where
            's: 'a,
            'p: 'a,
            'r: 'a,
            Self: 'a,
        {
            let fits = move |$it: &$row| $it.provider == *provider && $known == Some(provider_ref);
            Box::pin(self.read(move |view| find(&view, fits)))
        }
    };
}

/// A method that lists rows of a seller.
macro_rules! list {
    ($method:ident($row:ty, $id:ty, $filter:ty), |$it:ident, $wanted:ident| $fits:expr) => {
        fn $method<'s, 'o, 'a>(
            &'s self,
            seller: &'o SellerId,
            $wanted: $filter,
            request: PageRequest<$id>,
        ) -> Answer<'a, Page<$row>>
        where
            's: 'a,
            'o: 'a,
            Self: 'a,
        {
            Box::pin(self.read(move |view| page(&view, |$it: &$row| $it.seller_id == *seller && $fits, request)))
        }
    };
}

/// The read ports, for one type that reads through a [`View`].
macro_rules! impl_reader {
    ($reader:ty) => {
        impl Reader for $reader {}

        #[async_trait::async_trait]
        impl CatalogQueries for $reader {
            by_id! {
                get get_product(Product, ProductId);
                get get_price(Price, PriceId);
                get get_tax_rate(TaxRate, TaxRateId);
                get get_shipping_rate(ShippingRate, ShippingRateId);
            }
            list! { list_products(Product, ProductId, Option<bool>), |it, active| is(active, it.active) }
            list! { list_prices(Price, PriceId, PriceFilter), |it, filter|
                is(filter.product_id, it.product_id) && is(filter.active, it.active)
            }
            list! { list_tax_rates(TaxRate, TaxRateId, Option<bool>), |it, active| is(active, it.active) }
            list! { list_shipping_rates(ShippingRate, ShippingRateId, Option<bool>), |it, active| is(active, it.active) }
        }

        #[async_trait::async_trait]
        impl CustomerQueries for $reader {
            by_id! {
                get get_customer(Customer, CustomerId);
                get get_payment_method(PaymentMethod, PaymentMethodId);
                load load_payment_method(PaymentMethod, PaymentMethodId);
            }
            by_ref! { load_payment_method_by_ref(PaymentMethod), |it| Some(&it.provider_ref) }

            async fn list_customers(
                &self,
                seller: &SellerId,
                request: PageRequest<CustomerId>,
            ) -> Result<Page<Customer>, StorageError> {
                self.read(|view| page(&view, |it: &Customer| it.seller_id == *seller, request)).await
            }

            async fn list_payment_methods(
                &self,
                customer: CustomerId,
                request: PageRequest<PaymentMethodId>,
            ) -> Result<Page<PaymentMethod>, StorageError> {
                let is_kept = |it: &PaymentMethod| it.customer_id == customer && it.detached_at.is_none();
                self.read(|view| page(&view, is_kept, request)).await
            }
        }

        #[async_trait::async_trait]
        impl InvoiceQueries for $reader {
            by_id! { get get_invoice(Invoice, InvoiceId); }
            list! { list_invoices(Invoice, InvoiceId, InvoiceFilter), |it, filter|
                is(filter.customer_id, it.customer_id)
                    && is(filter.state, it.state.name())
                    && is(filter.number.as_ref(), it.finalization().map(|fixed| &fixed.number))
                    && filter.due_before.is_none_or(|day| {
                        it.state.name() == InvoiceState::OPEN
                            && it.finalization().is_some_and(|fixed| fixed.due_date < day)
                    })
            }
        }

        #[async_trait::async_trait]
        impl InvoiceMailQueries for $reader {
            by_id! { get get_invoice_mail(InvoiceMail, InvoiceMailId); }
            list! { list_invoice_mails(InvoiceMail, InvoiceMailId, Option<InvoiceId>), |it, invoice|
                is(invoice, it.order.invoice_id)
            }
        }

        #[async_trait::async_trait]
        impl CreditNoteQueries for $reader {
            by_id! { get get_credit_note(CreditNote, CreditNoteId); }
            list! { list_credit_notes(CreditNote, CreditNoteId, CreditNoteFilter), |it, filter|
                is(filter.invoice_id, it.invoice_id)
                    && is(filter.customer_id, it.customer_id)
                    && filter.number.as_ref().is_none_or(|number| *number == it.number.number)
            }
        }

        #[async_trait::async_trait]
        impl PaymentLinkQueries for $reader {
            by_id! {
                get get_payment_link(PaymentLink, PaymentLinkId);
                load load_payment_link(PaymentLink, PaymentLinkId);
            }
            list! { list_payment_links(PaymentLink, PaymentLinkId, LinkFilter), |it, filter|
                is(filter.active, it.is_open())
                    && is(filter.invoice_id, it.invoice_id())
                    && filter.metadata.as_ref().is_none_or(|(key, value)| {
                        it.options.metadata.iter().any(|pair| pair == (key.as_str(), value.as_str()))
                    })
            }

            async fn list_expiring_payment_links(
                &self,
                until: Timestamp,
                limit: u32,
            ) -> Result<Vec<PaymentLinkId>, StorageError> {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                self.read(|view| {
                    let active = view.rows::<PaymentLink>().filter(|it| it.state_name() == LinkState::ACTIVE);
                    let expiring = active.filter_map(|it| Some((it.options.expires_at?, it.id)));
                    let mut due: Vec<_> = expiring.filter(|(end, _)| *end <= until).collect();
                    due.sort_unstable();
                    due.into_iter().take(limit).map(|(_, id)| id).collect()
                })
                .await
            }
        }

        #[async_trait::async_trait]
        impl CheckoutQueries for $reader {
            by_id! {
                get get_checkout_session(CheckoutSession, CheckoutSessionId);
                load load_checkout_session(CheckoutSession, CheckoutSessionId);
            }
            by_ref! { load_checkout_session_by_ref(CheckoutSession), |it| it.provider_ref.as_ref() }

            async fn list_expiring_checkout_sessions(
                &self,
                until: Timestamp,
                limit: u32,
            ) -> Result<Vec<CheckoutSessionId>, StorageError> {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                self.read(|view| {
                    let open = view.rows::<CheckoutSession>().filter(|it| it.state_name() == SessionState::OPEN);
                    let mut due: Vec<_> = open.map(|it| (it.expires_at, it.id)).filter(|(end, _)| *end <= until).collect();
                    due.sort_unstable();
                    due.into_iter().take(limit).map(|(_, id)| id).collect()
                })
                .await
            }

            async fn list_checkout_sessions(
                &self,
                seller: &SellerId,
                filter: SessionFilter,
                request: PageRequest<CheckoutSessionId>,
            ) -> Result<Page<CheckoutSession>, StorageError> {
                self.read(|view| {
                    let invoice = |it: &CheckoutSession| {
                        view.find(|tables| &tables.session_invoices, &it.id).copied()
                    };
                    let fits = |it: &CheckoutSession| {
                        it.seller_id == *seller
                            && is(filter.invoice_id, invoice(it))
                            && is(filter.payment_link_id, it.payment_link_id())
                            && is(filter.state, it.state_name())
                    };
                    page(&view, fits, request)
                })
                .await
            }
        }

        #[async_trait::async_trait]
        impl PaymentQueries for $reader {
            by_id! { get get_payment(Payment, PaymentId); }
            by_ref! { load_payment_by_ref(Payment), |it| it.provider_ref.as_ref() }
            list! { list_payments(Payment, PaymentId, PaymentFilter), |it, filter|
                is(filter.invoice_id, it.invoice_id)
                    && is(filter.customer_id, it.customer_id)
                    && is(filter.payment_link_id, it.payment_link_id)
                    && is(filter.subscription_id, it.subscription_id)
                    && is(filter.state, it.state.name())
                    && is(filter.flagged, !it.flags.is_empty())
            }
        }

        #[async_trait::async_trait]
        impl RefundQueries for $reader {
            by_id! {
                get get_refund(Refund, RefundId);
                load load_refund(Refund, RefundId);
            }
            by_ref! { load_refund_by_ref(Refund), |it| it.provider_ref.as_ref() }
            list! { list_refunds(Refund, RefundId, RefundFilter), |it, filter|
                is(filter.payment_id, it.payment_id)
                    && is(filter.credit_note_id, it.credit_note_id)
                    && is(filter.state, it.state.name())
            }
        }

        #[async_trait::async_trait]
        impl DisputeQueries for $reader {
            by_id! { get get_dispute(Dispute, DisputeId); }
            by_ref! { load_dispute_by_ref(Dispute), |it| Some(&it.provider_ref) }
            list! { list_disputes(Dispute, DisputeId, DisputeFilter), |it, filter|
                is(filter.payment_id, it.payment_id) && is(filter.state, it.state.name())
            }
        }

        #[async_trait::async_trait]
        impl DiscountQueries for $reader {
            by_id! {
                get get_coupon(Coupon, CouponId);
                get get_promotion_code(PromotionCode, PromotionCodeId);
                load load_promotion_code(PromotionCode, PromotionCodeId);
            }
            by_ref! { load_promotion_code_by_ref(PromotionCode), |it| it.provider_ref.as_ref() }
            list! { list_coupons(Coupon, CouponId, Option<bool>), |it, active| is(active, it.active) }
            list! { list_promotion_codes(PromotionCode, PromotionCodeId, PromotionCodeFilter), |it, filter|
                is(filter.coupon_id, it.terms.coupon_id)
                    && filter.code.as_ref().is_none_or(|code| {
                        it.terms.code.as_str().eq_ignore_ascii_case(code.as_str())
                    })
                    && is(filter.state, it.state.name())
            }
        }

        #[async_trait::async_trait]
        impl TaxRecordQueries for $reader {
            by_id! {
                get get_tax_registration(StoredTaxRegistration, TaxRegistrationId);
                get get_tax_id_check(TaxIdCheck, TaxIdCheckId);
            }
            list! { list_tax_id_checks(TaxIdCheck, TaxIdCheckId, Option<TaxId>), |it, tax_id|
                is(tax_id.as_ref(), &it.tax_id)
            }

            async fn list_tax_registrations(
                &self,
                seller: &SellerId,
                request: PageRequest<TaxRegistrationId>,
            ) -> Result<Page<StoredTaxRegistration>, StorageError> {
                self.read(|view| page(&view, |it: &StoredTaxRegistration| it.seller_id == *seller, request)).await
            }

            async fn load_tax_registrations(&self, seller: &SellerId) -> Result<Vec<TaxRegistration>, StorageError> {
                self.read(|view| {
                    let own = view.rows::<StoredTaxRegistration>().filter(|it| it.seller_id == *seller);
                    let mut own: Vec<_> = own.collect();
                    own.sort_by_key(|it| it.id);
                    own.into_iter().map(|it| it.registration.clone()).collect()
                })
                .await
            }
        }

        #[async_trait::async_trait]
        impl SubscriptionQueries for $reader {
            by_id! {
                get get_subscription(Subscription, SubscriptionId);
                load load_subscription(Subscription, SubscriptionId);
            }
            by_ref! { load_subscription_by_ref(Subscription), |it| Some(&it.provider_ref) }
            list! { list_subscriptions(Subscription, SubscriptionId, SubscriptionFilter), |it, filter|
                is(filter.payment_link_id, it.payment_link_id)
                    && is(filter.checkout_session_id, it.checkout_session_id)
                    && is(filter.state.as_ref().map(|state| state.name()), it.terms.state.name())
            }
        }

        #[async_trait::async_trait]
        impl EventQueries for $reader {
            async fn list_events(
                &self,
                sellers: &Sellers,
                filter: &EventFilter,
                after: EventPosition,
                limit: u32,
            ) -> Result<Arc<[SequencedEvent]>, StorageError> {
                self.read(|_| ()).await?;
                let state = self.database().state();
                let behind = state.events.iter().filter(|it| it.position > after);
                let fits = |it: &&SequencedEvent| {
                    sellers.contains(&it.event.seller_id)
                        && (filter.kinds.is_empty() || filter.kinds.contains(&it.event.kind))
                        && filter.subject_id.as_ref().is_none_or(|id| *id == it.event.subject.id())
                };
                Ok(behind.filter(fits).take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect())
            }

            async fn last_position(&self) -> Result<EventPosition, StorageError> {
                self.read(|_| ()).await?;
                Ok(self.database().state().last_position())
            }
        }

        #[async_trait::async_trait]
        impl RequestQueries for $reader {
            async fn load_request(&self, key: &RequestKey) -> Result<Option<StoredRequest>, StorageError> {
                self.read(|view| view.request(key).cloned()).await
            }
        }

        #[async_trait::async_trait]
        impl IntentQueries for $reader {
            async fn load_intent(&self, id: IntentId) -> Result<Option<Intent>, StorageError> {
                self.read(|view| view.find(|tables| &tables.intents, &id).map(|row| row.intent.clone())).await
            }

            async fn load_intent_of_request(&self, key: &RequestKey) -> Result<Option<Intent>, StorageError> {
                let waits = |intent: &Intent| intent.state.is_unfinished() && intent.request.as_ref() == Some(key);
                self.read(|view| oldest_intent(&view, waits)).await
            }

            async fn has_unfinished_intent(&self, subject: &str) -> Result<bool, StorageError> {
                let is_about = |intent: &Intent| intent.state.is_unfinished() && intent.action.subject() == subject;
                self.read(|view| oldest_intent(&view, is_about).is_some()).await
            }

            async fn list_intents_of_unknown_outcome(&self, limit: u32) -> Result<Vec<Intent>, StorageError> {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                self.read(|view| {
                    let rows = view.all(|tables| &tables.intents).map(|(_, row)| row);
                    let is_unknown = |row: &&IntentRow| row.intent.state == IntentState::OutcomeUnknown;
                    let mut rows: Vec<_> = rows.filter(is_unknown).collect();
                    rows.sort_unstable_by_key(|row| row.seq);
                    rows.into_iter().take(limit).map(|row| row.intent.clone()).collect()
                })
                .await
            }

            async fn intent_put_off_for(&self, id: IntentId) -> Result<Option<Duration>, StorageError> {
                let due_us = self
                    .read(|view| {
                        let row = view.find(|tables| &tables.intents, &id);
                        row.filter(|row| row.is_put_off && row.intent.state.is_unfinished()).map(|row| row.lease_until_us)
                    })
                    .await?;
                let left = due_us.map(|due_us| due_us - self.now_us());
                Ok(left.and_then(|left| u64::try_from(left).ok()).filter(|left| *left > 0).map(Duration::from_micros))
            }
        }

        #[async_trait::async_trait]
        impl InboxQueries for $reader {
            async fn list_unprocessed_notifications(
                &self,
                states: &[UnprocessedState],
                limit: u32,
            ) -> Result<Vec<UnprocessedNotification>, StorageError> {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                self.read(|view| {
                    let mut rows: Vec<_> = view
                        .all(|tables| &tables.notifications)
                        .filter_map(|(_, row)| match row.state {
                            NotificationState::Unprocessed(state) if states.contains(&state) => Some((row, state)),
                            _ => None,
                        })
                        .collect();
                    rows.sort_unstable_by_key(|(row, _)| row.seq);
                    rows.truncate(limit);
                    let listed = |(row, state): (&NotificationRow, _)| {
                        UnprocessedNotification::of(&row.entry, state, (row.reason.clone(), row.note.clone()))
                    };
                    rows.into_iter().map(listed).collect()
                })
                .await
            }

            async fn count_set_aside_notifications(&self) -> Result<u64, StorageError> {
                self.read(|view| {
                    let rows = view.all(|tables| &tables.notifications);
                    let set_aside = rows.filter(|(_, row)| row.state == NotificationState::ASIDE);
                    u64::try_from(set_aside.count()).unwrap_or(u64::MAX)
                })
                .await
            }
        }

        #[async_trait::async_trait]
        impl ApiKeyQueries for $reader {
            async fn load_api_key_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, StorageError> {
                self.read(|view| {
                    let mut keys = view.all(|tables| &tables.api_keys).map(|(_, key)| key);
                    keys.find(|key| key.prefix == prefix).cloned()
                })
                .await
            }

            async fn list_api_keys(&self) -> Result<Vec<ApiKey>, StorageError> {
                self.read(|view| {
                    let mut keys: Vec<_> = view.all(|tables| &tables.api_keys).map(|(_, key)| key.clone()).collect();
                    keys.sort_by_key(|key| std::cmp::Reverse(key.id));
                    keys
                })
                .await
            }
        }
    };
}

impl_reader!(SimulatedStorage);
impl_reader!(SimulatedUnitOfWork);

impl SimulatedStorage {
    fn database(&self) -> &Database {
        &self.database
    }
}

impl SimulatedUnitOfWork {
    fn database(&self) -> &Database {
        &self.storage.database
    }
}

//! `mockall` doubles of the storage ports. The lists repeat the traits' signatures, since a double of several traits at
//! once must be spelled out; the compiler holds them to the traits.

use mockall::mock;

use super::*;
use crate::catalog::{Coupon, PromotionCode};
use crate::credit_note::CreditNote;
use crate::dispute::Dispute;
use crate::id::{
    CouponId, CreditNoteId, DisputeId, InvoiceMailId, PromotionCodeId, RefundId, SubscriptionId, TaxIdCheckId,
    TaxRegistrationId,
};
use crate::invoice_mail::InvoiceMail;
use crate::refund::Refund;
use crate::subscription::Subscription;
use crate::tax::{StoredTaxRegistration, TaxRegistration};
use crate::tax_id::TaxId;
use crate::tax_id_check::TaxIdCheck;

mock! {
    /// A double of [`Storage`].
    pub Storage {}

    #[async_trait]
    impl CatalogQueries for Storage {
        async fn get_product(&self, sellers: &Sellers, id: ProductId) -> Result<Option<Product>, StorageError>;
        async fn list_products(&self, seller: &SellerId, active: Option<bool>, page: PageRequest<ProductId>) -> Result<Page<Product>, StorageError>;
        async fn get_price(&self, sellers: &Sellers, id: PriceId) -> Result<Option<Price>, StorageError>;
        async fn list_prices(&self, seller: &SellerId, filter: PriceFilter, page: PageRequest<PriceId>) -> Result<Page<Price>, StorageError>;
        async fn get_tax_rate(&self, sellers: &Sellers, id: TaxRateId) -> Result<Option<TaxRate>, StorageError>;
        async fn list_tax_rates(&self, seller: &SellerId, active: Option<bool>, page: PageRequest<TaxRateId>) -> Result<Page<TaxRate>, StorageError>;
        async fn list_shipping_rates(&self, seller: &SellerId, active: Option<bool>, page: PageRequest<ShippingRateId>) -> Result<Page<ShippingRate>, StorageError>;
        async fn get_shipping_rate(&self, sellers: &Sellers, id: ShippingRateId) -> Result<Option<ShippingRate>, StorageError>;
    }

    #[async_trait]
    impl CustomerQueries for Storage {
        async fn get_customer(&self, sellers: &Sellers, id: CustomerId) -> Result<Option<Customer>, StorageError>;
        async fn list_customers(&self, seller: &SellerId, page: PageRequest<CustomerId>) -> Result<Page<Customer>, StorageError>;
        async fn get_payment_method(&self, sellers: &Sellers, id: PaymentMethodId) -> Result<Option<PaymentMethod>, StorageError>;
        async fn load_payment_method(&self, id: PaymentMethodId) -> Result<Option<PaymentMethod>, StorageError>;
        async fn load_payment_method_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<PaymentMethod>, StorageError>;
        async fn list_payment_methods(&self, customer: CustomerId, page: PageRequest<PaymentMethodId>) -> Result<Page<PaymentMethod>, StorageError>;
    }

    #[async_trait]
    impl InvoiceQueries for Storage {
        async fn get_invoice(&self, sellers: &Sellers, id: InvoiceId) -> Result<Option<Invoice>, StorageError>;
        async fn list_invoices(&self, seller: &SellerId, filter: InvoiceFilter, page: PageRequest<InvoiceId>) -> Result<Page<Invoice>, StorageError>;
    }

    #[async_trait]
    impl InvoiceMailQueries for Storage {
        async fn get_invoice_mail(&self, sellers: &Sellers, id: InvoiceMailId) -> Result<Option<InvoiceMail>, StorageError>;
        async fn list_invoice_mails(&self, seller: &SellerId, invoice: Option<InvoiceId>, page: PageRequest<InvoiceMailId>) -> Result<Page<InvoiceMail>, StorageError>;
    }

    #[async_trait]
    impl CreditNoteQueries for Storage {
        async fn get_credit_note(&self, sellers: &Sellers, id: CreditNoteId) -> Result<Option<CreditNote>, StorageError>;
        async fn list_credit_notes(&self, seller: &SellerId, filter: CreditNoteFilter, page: PageRequest<CreditNoteId>) -> Result<Page<CreditNote>, StorageError>;
    }

    #[async_trait]
    impl PaymentLinkQueries for Storage {
        async fn get_payment_link(&self, sellers: &Sellers, id: PaymentLinkId) -> Result<Option<PaymentLink>, StorageError>;
        async fn load_payment_link(&self, id: PaymentLinkId) -> Result<Option<PaymentLink>, StorageError>;
        async fn list_payment_links(&self, seller: &SellerId, filter: LinkFilter, page: PageRequest<PaymentLinkId>) -> Result<Page<PaymentLink>, StorageError>;
        async fn list_expiring_payment_links(&self, until: Timestamp, limit: u32) -> Result<Vec<PaymentLinkId>, StorageError>;
    }

    #[async_trait]
    impl CheckoutQueries for Storage {
        async fn get_checkout_session(&self, sellers: &Sellers, id: CheckoutSessionId) -> Result<Option<CheckoutSession>, StorageError>;
        async fn load_checkout_session(&self, id: CheckoutSessionId) -> Result<Option<CheckoutSession>, StorageError>;
        async fn load_checkout_session_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<CheckoutSession>, StorageError>;
        async fn list_checkout_sessions(&self, seller: &SellerId, filter: SessionFilter, page: PageRequest<CheckoutSessionId>) -> Result<Page<CheckoutSession>, StorageError>;
        async fn list_expiring_checkout_sessions(&self, until: Timestamp, limit: u32) -> Result<Vec<CheckoutSessionId>, StorageError>;
    }

    #[async_trait]
    impl PaymentQueries for Storage {
        async fn get_payment(&self, sellers: &Sellers, id: PaymentId) -> Result<Option<Payment>, StorageError>;
        async fn load_payment_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<Payment>, StorageError>;
        async fn list_payments(&self, seller: &SellerId, filter: PaymentFilter, page: PageRequest<PaymentId>) -> Result<Page<Payment>, StorageError>;
    }

    #[async_trait]
    impl RefundQueries for Storage {
        async fn get_refund(&self, sellers: &Sellers, id: RefundId) -> Result<Option<Refund>, StorageError>;
        async fn load_refund(&self, id: RefundId) -> Result<Option<Refund>, StorageError>;
        async fn load_refund_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<Refund>, StorageError>;
        async fn list_refunds(&self, seller: &SellerId, filter: RefundFilter, page: PageRequest<RefundId>) -> Result<Page<Refund>, StorageError>;
    }

    #[async_trait]
    impl DisputeQueries for Storage {
        async fn get_dispute(&self, sellers: &Sellers, id: DisputeId) -> Result<Option<Dispute>, StorageError>;
        async fn load_dispute_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<Dispute>, StorageError>;
        async fn list_disputes(&self, seller: &SellerId, filter: DisputeFilter, page: PageRequest<DisputeId>) -> Result<Page<Dispute>, StorageError>;
    }

    #[async_trait]
    impl TaxRecordQueries for Storage {
        async fn get_tax_registration(&self, sellers: &Sellers, id: TaxRegistrationId) -> Result<Option<StoredTaxRegistration>, StorageError>;
        async fn list_tax_registrations(&self, seller: &SellerId, page: PageRequest<TaxRegistrationId>) -> Result<Page<StoredTaxRegistration>, StorageError>;
        async fn load_tax_registrations(&self, seller: &SellerId) -> Result<Vec<TaxRegistration>, StorageError>;
        async fn get_tax_id_check(&self, sellers: &Sellers, id: TaxIdCheckId) -> Result<Option<TaxIdCheck>, StorageError>;
        async fn list_tax_id_checks(&self, seller: &SellerId, tax_id: Option<TaxId>, page: PageRequest<TaxIdCheckId>) -> Result<Page<TaxIdCheck>, StorageError>;
    }

    #[async_trait]
    impl DiscountQueries for Storage {
        async fn get_coupon(&self, sellers: &Sellers, id: CouponId) -> Result<Option<Coupon>, StorageError>;
        async fn list_coupons(&self, seller: &SellerId, active: Option<bool>, page: PageRequest<CouponId>) -> Result<Page<Coupon>, StorageError>;
        async fn get_promotion_code(&self, sellers: &Sellers, id: PromotionCodeId) -> Result<Option<PromotionCode>, StorageError>;
        async fn load_promotion_code(&self, id: PromotionCodeId) -> Result<Option<PromotionCode>, StorageError>;
        async fn load_promotion_code_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<PromotionCode>, StorageError>;
        async fn list_promotion_codes(&self, seller: &SellerId, filter: PromotionCodeFilter, page: PageRequest<PromotionCodeId>) -> Result<Page<PromotionCode>, StorageError>;
    }

    #[async_trait]
    impl SubscriptionQueries for Storage {
        async fn get_subscription(&self, sellers: &Sellers, id: SubscriptionId) -> Result<Option<Subscription>, StorageError>;
        async fn load_subscription(&self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError>;
        async fn load_subscription_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<Subscription>, StorageError>;
        async fn list_subscriptions(&self, seller: &SellerId, filter: SubscriptionFilter, page: PageRequest<SubscriptionId>) -> Result<Page<Subscription>, StorageError>;
    }

    #[async_trait]
    impl EventQueries for Storage {
        async fn list_events(&self, sellers: &Sellers, filter: &EventFilter, after: EventPosition, limit: u32) -> Result<Arc<[SequencedEvent]>, StorageError>;
        async fn last_position(&self) -> Result<EventPosition, StorageError>;
    }

    #[async_trait]
    impl RequestQueries for Storage {
        async fn load_request(&self, key: &RequestKey) -> Result<Option<StoredRequest>, StorageError>;
    }

    #[async_trait]
    impl IntentQueries for Storage {
        async fn load_intent(&self, id: IntentId) -> Result<Option<Intent>, StorageError>;
        async fn load_intent_of_request(&self, key: &RequestKey) -> Result<Option<Intent>, StorageError>;
        async fn has_unfinished_intent(&self, subject: &str) -> Result<bool, StorageError>;
        async fn list_intents_of_unknown_outcome(&self, limit: u32) -> Result<Vec<Intent>, StorageError>;
        async fn intent_put_off_for(&self, id: IntentId) -> Result<Option<Duration>, StorageError>;
    }

    #[async_trait]
    impl InboxQueries for Storage {
        async fn list_unprocessed_notifications(&self, states: &[UnprocessedState], limit: u32) -> Result<Vec<UnprocessedNotification>, StorageError>;
        async fn count_set_aside_notifications(&self) -> Result<u64, StorageError>;
    }

    #[async_trait]
    impl ApiKeyQueries for Storage {
        async fn load_api_key_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, StorageError>;
        async fn list_api_keys(&self) -> Result<Vec<ApiKey>, StorageError>;
    }

    impl Reader for Storage {}

    #[async_trait]
    impl Storage for Storage {
        async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError>;
        async fn wait_for_event(&self, after: EventPosition, patience: Duration) -> Result<EventPosition, StorageError>;
        async fn sequence_events(&self) -> Result<u64, StorageError>;
        async fn store_notifications(&self, entries: &[InboxEntry]) -> Result<usize, StorageError>;
        async fn shared_secret(&self, name: &'static str, fresh: SharedSecret) -> Result<SharedSecret, StorageError>;
        async fn ping(&self) -> Result<(), StorageError>;
        async fn database_time(&self) -> Result<Timestamp, StorageError>;
        async fn open_at_others(&self, known: &[ProviderName]) -> Result<Vec<OpenAtProvider>, StorageError>;
        async fn backlog(&self) -> Result<Backlog, StorageError>;
        async fn trace_of(&self, subject_id: &str) -> Result<Option<TraceContext>, StorageError>;
    }
}

mock! {
    /// A double of [`UnitOfWork`].
    pub UnitOfWork {}

    #[async_trait]
    impl CatalogQueries for UnitOfWork {
        async fn get_product(&self, sellers: &Sellers, id: ProductId) -> Result<Option<Product>, StorageError>;
        async fn list_products(&self, seller: &SellerId, active: Option<bool>, page: PageRequest<ProductId>) -> Result<Page<Product>, StorageError>;
        async fn get_price(&self, sellers: &Sellers, id: PriceId) -> Result<Option<Price>, StorageError>;
        async fn list_prices(&self, seller: &SellerId, filter: PriceFilter, page: PageRequest<PriceId>) -> Result<Page<Price>, StorageError>;
        async fn get_tax_rate(&self, sellers: &Sellers, id: TaxRateId) -> Result<Option<TaxRate>, StorageError>;
        async fn list_tax_rates(&self, seller: &SellerId, active: Option<bool>, page: PageRequest<TaxRateId>) -> Result<Page<TaxRate>, StorageError>;
        async fn list_shipping_rates(&self, seller: &SellerId, active: Option<bool>, page: PageRequest<ShippingRateId>) -> Result<Page<ShippingRate>, StorageError>;
        async fn get_shipping_rate(&self, sellers: &Sellers, id: ShippingRateId) -> Result<Option<ShippingRate>, StorageError>;
    }

    #[async_trait]
    impl CatalogCommands for UnitOfWork {
        async fn insert_product(&mut self, product: &mut Product) -> Result<(), StorageError>;
        async fn update_product(&mut self, product: &mut Product) -> Result<(), StorageError>;
        async fn insert_price(&mut self, price: &mut Price) -> Result<(), StorageError>;
        async fn update_price(&mut self, price: &mut Price) -> Result<(), StorageError>;
        async fn insert_tax_rate(&mut self, rate: &mut TaxRate) -> Result<(), StorageError>;
        async fn update_tax_rate(&mut self, rate: &mut TaxRate) -> Result<(), StorageError>;
        async fn insert_shipping_rate(&mut self, rate: &mut ShippingRate) -> Result<(), StorageError>;
        async fn update_shipping_rate(&mut self, rate: &mut ShippingRate) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl CustomerQueries for UnitOfWork {
        async fn get_customer(&self, sellers: &Sellers, id: CustomerId) -> Result<Option<Customer>, StorageError>;
        async fn list_customers(&self, seller: &SellerId, page: PageRequest<CustomerId>) -> Result<Page<Customer>, StorageError>;
        async fn get_payment_method(&self, sellers: &Sellers, id: PaymentMethodId) -> Result<Option<PaymentMethod>, StorageError>;
        async fn load_payment_method(&self, id: PaymentMethodId) -> Result<Option<PaymentMethod>, StorageError>;
        async fn load_payment_method_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<PaymentMethod>, StorageError>;
        async fn list_payment_methods(&self, customer: CustomerId, page: PageRequest<PaymentMethodId>) -> Result<Page<PaymentMethod>, StorageError>;
    }

    #[async_trait]
    impl CustomerCommands for UnitOfWork {
        async fn insert_customer(&mut self, customer: &mut Customer) -> Result<(), StorageError>;
        async fn update_customer(&mut self, customer: &mut Customer) -> Result<(), StorageError>;
        async fn insert_payment_method(&mut self, method: &mut PaymentMethod) -> Result<bool, StorageError>;
        async fn update_payment_method(&mut self, method: &mut PaymentMethod) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl InvoiceQueries for UnitOfWork {
        async fn get_invoice(&self, sellers: &Sellers, id: InvoiceId) -> Result<Option<Invoice>, StorageError>;
        async fn list_invoices(&self, seller: &SellerId, filter: InvoiceFilter, page: PageRequest<InvoiceId>) -> Result<Page<Invoice>, StorageError>;
    }

    #[async_trait]
    impl InvoiceCommands for UnitOfWork {
        async fn insert_invoice(&mut self, invoice: &mut Invoice) -> Result<(), StorageError>;
        async fn lock_invoice(&mut self, id: InvoiceId) -> Result<Option<Invoice>, StorageError>;
        async fn update_invoice(&mut self, invoice: &mut Invoice) -> Result<(), StorageError>;
        async fn next_number(&mut self, seller: &SellerId, series: &str) -> Result<u64, StorageError>;
        async fn reserve_collectable(&mut self, seller: &SellerId, invoice: InvoiceId, collectable: Collectable) -> Result<Reservation, StorageError>;
        async fn release_collectable(&mut self, collectable: Collectable) -> Result<(), StorageError>;
        async fn open_collectable(&mut self, invoice: InvoiceId) -> Result<Option<Collectable>, StorageError>;
    }

    #[async_trait]
    impl InvoiceMailQueries for UnitOfWork {
        async fn get_invoice_mail(&self, sellers: &Sellers, id: InvoiceMailId) -> Result<Option<InvoiceMail>, StorageError>;
        async fn list_invoice_mails(&self, seller: &SellerId, invoice: Option<InvoiceId>, page: PageRequest<InvoiceMailId>) -> Result<Page<InvoiceMail>, StorageError>;
    }

    #[async_trait]
    impl InvoiceMailCommands for UnitOfWork {
        async fn insert_invoice_mail(&mut self, mail: &mut InvoiceMail) -> Result<(), StorageError>;
        async fn lease_due_invoice_mails(&mut self, limit: u32, lease: Duration) -> Result<Vec<InvoiceMail>, StorageError>;
        async fn update_invoice_mail(&mut self, mail: &mut InvoiceMail, retry_in: Duration) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl CreditNoteQueries for UnitOfWork {
        async fn get_credit_note(&self, sellers: &Sellers, id: CreditNoteId) -> Result<Option<CreditNote>, StorageError>;
        async fn list_credit_notes(&self, seller: &SellerId, filter: CreditNoteFilter, page: PageRequest<CreditNoteId>) -> Result<Page<CreditNote>, StorageError>;
    }

    #[async_trait]
    impl PaymentLinkQueries for UnitOfWork {
        async fn get_payment_link(&self, sellers: &Sellers, id: PaymentLinkId) -> Result<Option<PaymentLink>, StorageError>;
        async fn load_payment_link(&self, id: PaymentLinkId) -> Result<Option<PaymentLink>, StorageError>;
        async fn list_payment_links(&self, seller: &SellerId, filter: LinkFilter, page: PageRequest<PaymentLinkId>) -> Result<Page<PaymentLink>, StorageError>;
        async fn list_expiring_payment_links(&self, until: Timestamp, limit: u32) -> Result<Vec<PaymentLinkId>, StorageError>;
    }

    #[async_trait]
    impl CreditNoteCommands for UnitOfWork {
        async fn insert_credit_note(&mut self, note: &mut CreditNote) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl PaymentLinkCommands for UnitOfWork {
        async fn insert_payment_link(&mut self, link: &mut PaymentLink) -> Result<(), StorageError>;
        async fn lock_payment_link(&mut self, id: PaymentLinkId) -> Result<Option<PaymentLink>, StorageError>;
        async fn update_payment_link(&mut self, link: &mut PaymentLink) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl CheckoutQueries for UnitOfWork {
        async fn get_checkout_session(&self, sellers: &Sellers, id: CheckoutSessionId) -> Result<Option<CheckoutSession>, StorageError>;
        async fn load_checkout_session(&self, id: CheckoutSessionId) -> Result<Option<CheckoutSession>, StorageError>;
        async fn load_checkout_session_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<CheckoutSession>, StorageError>;
        async fn list_checkout_sessions(&self, seller: &SellerId, filter: SessionFilter, page: PageRequest<CheckoutSessionId>) -> Result<Page<CheckoutSession>, StorageError>;
        async fn list_expiring_checkout_sessions(&self, until: Timestamp, limit: u32) -> Result<Vec<CheckoutSessionId>, StorageError>;
    }

    #[async_trait]
    impl CheckoutCommands for UnitOfWork {
        async fn insert_checkout_session(&mut self, session: &mut CheckoutSession, invoice: Option<InvoiceId>) -> Result<bool, StorageError>;
        async fn lock_checkout_session(&mut self, id: CheckoutSessionId) -> Result<Option<CheckoutSession>, StorageError>;
        async fn update_checkout_session(&mut self, session: &mut CheckoutSession) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl PaymentQueries for UnitOfWork {
        async fn get_payment(&self, sellers: &Sellers, id: PaymentId) -> Result<Option<Payment>, StorageError>;
        async fn load_payment_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<Payment>, StorageError>;
        async fn list_payments(&self, seller: &SellerId, filter: PaymentFilter, page: PageRequest<PaymentId>) -> Result<Page<Payment>, StorageError>;
    }

    #[async_trait]
    impl PaymentCommands for UnitOfWork {
        async fn insert_payment(&mut self, payment: &mut Payment) -> Result<(), StorageError>;
        async fn lock_payment(&mut self, id: PaymentId) -> Result<Option<Payment>, StorageError>;
        async fn update_payment(&mut self, payment: &mut Payment) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl RefundQueries for UnitOfWork {
        async fn get_refund(&self, sellers: &Sellers, id: RefundId) -> Result<Option<Refund>, StorageError>;
        async fn load_refund(&self, id: RefundId) -> Result<Option<Refund>, StorageError>;
        async fn load_refund_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<Refund>, StorageError>;
        async fn list_refunds(&self, seller: &SellerId, filter: RefundFilter, page: PageRequest<RefundId>) -> Result<Page<Refund>, StorageError>;
    }

    #[async_trait]
    impl DisputeQueries for UnitOfWork {
        async fn get_dispute(&self, sellers: &Sellers, id: DisputeId) -> Result<Option<Dispute>, StorageError>;
        async fn load_dispute_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<Dispute>, StorageError>;
        async fn list_disputes(&self, seller: &SellerId, filter: DisputeFilter, page: PageRequest<DisputeId>) -> Result<Page<Dispute>, StorageError>;
    }

    #[async_trait]
    impl RefundCommands for UnitOfWork {
        async fn insert_refund(&mut self, refund: &mut Refund) -> Result<bool, StorageError>;
        async fn update_refund(&mut self, refund: &mut Refund) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl DisputeCommands for UnitOfWork {
        async fn insert_dispute(&mut self, dispute: &mut Dispute) -> Result<bool, StorageError>;
        async fn update_dispute(&mut self, dispute: &mut Dispute) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl TaxRecordQueries for UnitOfWork {
        async fn get_tax_registration(&self, sellers: &Sellers, id: TaxRegistrationId) -> Result<Option<StoredTaxRegistration>, StorageError>;
        async fn list_tax_registrations(&self, seller: &SellerId, page: PageRequest<TaxRegistrationId>) -> Result<Page<StoredTaxRegistration>, StorageError>;
        async fn load_tax_registrations(&self, seller: &SellerId) -> Result<Vec<TaxRegistration>, StorageError>;
        async fn get_tax_id_check(&self, sellers: &Sellers, id: TaxIdCheckId) -> Result<Option<TaxIdCheck>, StorageError>;
        async fn list_tax_id_checks(&self, seller: &SellerId, tax_id: Option<TaxId>, page: PageRequest<TaxIdCheckId>) -> Result<Page<TaxIdCheck>, StorageError>;
    }

    #[async_trait]
    impl TaxRecordCommands for UnitOfWork {
        async fn insert_tax_registration(&mut self, registration: &mut StoredTaxRegistration) -> Result<(), StorageError>;
        async fn update_tax_registration(&mut self, registration: &mut StoredTaxRegistration) -> Result<(), StorageError>;
        async fn insert_tax_id_check(&mut self, check: &mut TaxIdCheck) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl DiscountQueries for UnitOfWork {
        async fn get_coupon(&self, sellers: &Sellers, id: CouponId) -> Result<Option<Coupon>, StorageError>;
        async fn list_coupons(&self, seller: &SellerId, active: Option<bool>, page: PageRequest<CouponId>) -> Result<Page<Coupon>, StorageError>;
        async fn get_promotion_code(&self, sellers: &Sellers, id: PromotionCodeId) -> Result<Option<PromotionCode>, StorageError>;
        async fn load_promotion_code(&self, id: PromotionCodeId) -> Result<Option<PromotionCode>, StorageError>;
        async fn load_promotion_code_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<PromotionCode>, StorageError>;
        async fn list_promotion_codes(&self, seller: &SellerId, filter: PromotionCodeFilter, page: PageRequest<PromotionCodeId>) -> Result<Page<PromotionCode>, StorageError>;
    }

    #[async_trait]
    impl SubscriptionQueries for UnitOfWork {
        async fn get_subscription(&self, sellers: &Sellers, id: SubscriptionId) -> Result<Option<Subscription>, StorageError>;
        async fn load_subscription(&self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError>;
        async fn load_subscription_by_ref(&self, provider: &ProviderName, provider_ref: &ProviderRef) -> Result<Option<Subscription>, StorageError>;
        async fn list_subscriptions(&self, seller: &SellerId, filter: SubscriptionFilter, page: PageRequest<SubscriptionId>) -> Result<Page<Subscription>, StorageError>;
    }

    #[async_trait]
    impl DiscountCommands for UnitOfWork {
        async fn insert_coupon(&mut self, coupon: &mut Coupon) -> Result<(), StorageError>;
        async fn update_coupon(&mut self, coupon: &mut Coupon) -> Result<(), StorageError>;
        async fn lock_promotion_code(&mut self, id: PromotionCodeId) -> Result<Option<PromotionCode>, StorageError>;
        async fn insert_promotion_code(&mut self, code: &mut PromotionCode) -> Result<(), StorageError>;
        async fn update_promotion_code(&mut self, code: &mut PromotionCode) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl SubscriptionCommands for UnitOfWork {
        async fn lock_subscription(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError>;
        async fn insert_subscription(&mut self, subscription: &mut Subscription) -> Result<bool, StorageError>;
        async fn update_subscription(&mut self, subscription: &mut Subscription) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl EventQueries for UnitOfWork {
        async fn list_events(&self, sellers: &Sellers, filter: &EventFilter, after: EventPosition, limit: u32) -> Result<Arc<[SequencedEvent]>, StorageError>;
        async fn last_position(&self) -> Result<EventPosition, StorageError>;
    }

    #[async_trait]
    impl EventCommands for UnitOfWork {
        async fn append_event(&mut self, event: &Event) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl RequestQueries for UnitOfWork {
        async fn load_request(&self, key: &RequestKey) -> Result<Option<StoredRequest>, StorageError>;
    }

    #[async_trait]
    impl RequestCommands for UnitOfWork {
        async fn claim_request(&mut self, request: &StoredRequest) -> Result<Option<StoredRequest>, StorageError>;
        async fn update_request(&mut self, key: &RequestKey, progress: &RequestProgress) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl IntentQueries for UnitOfWork {
        async fn load_intent(&self, id: IntentId) -> Result<Option<Intent>, StorageError>;
        async fn load_intent_of_request(&self, key: &RequestKey) -> Result<Option<Intent>, StorageError>;
        async fn has_unfinished_intent(&self, subject: &str) -> Result<bool, StorageError>;
        async fn list_intents_of_unknown_outcome(&self, limit: u32) -> Result<Vec<Intent>, StorageError>;
        async fn intent_put_off_for(&self, id: IntentId) -> Result<Option<Duration>, StorageError>;
    }

    #[async_trait]
    impl IntentCommands for UnitOfWork {
        async fn insert_intent(&mut self, intent: &Intent, lease: Duration) -> Result<(), StorageError>;
        async fn lease_due_intents(&mut self, limit: u32, lease: Duration) -> Result<Vec<Intent>, StorageError>;
        async fn lease_intent(&mut self, id: IntentId, lease: Duration) -> Result<Option<Intent>, StorageError>;
        async fn renew_intent_lease(&mut self, held: &Intent, lease: Duration) -> Result<bool, StorageError>;
        async fn update_intent(&mut self, intent: &Intent, retry_in: Duration) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl InboxCommands for UnitOfWork {
        async fn lease_due_notifications(&mut self, limit: u32, lease: Duration) -> Result<Vec<InboxEntry>, StorageError>;
        async fn renew_notification_lease(&mut self, held: &InboxEntry, lease: Duration) -> Result<bool, StorageError>;
        async fn finish_notification(&mut self, held: &InboxEntry) -> Result<(), StorageError>;
        async fn retry_notification(&mut self, held: &InboxEntry, retry_in: Duration, reason: &str) -> Result<(), StorageError>;
        async fn set_notification_aside(&mut self, held: &InboxEntry, reason: &str) -> Result<(), StorageError>;
        async fn close_notification(&mut self, id: NotificationId, note: &str) -> Result<bool, StorageError>;
        async fn take_notification_up_again(&mut self, id: NotificationId) -> Result<bool, StorageError>;
        async fn take_all_notifications_up_again(&mut self) -> Result<u64, StorageError>;
    }

    #[async_trait]
    impl ReconciliationCommands for UnitOfWork {
        async fn lease_reconciliation(&mut self, provider: &ProviderName, beginning: Timestamp, lease: Duration) -> Result<Option<Timestamp>, StorageError>;
        async fn update_reconciliation(&mut self, provider: &ProviderName, until: Timestamp, due_in: Duration) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl InboxQueries for UnitOfWork {
        async fn list_unprocessed_notifications(&self, states: &[UnprocessedState], limit: u32) -> Result<Vec<UnprocessedNotification>, StorageError>;
        async fn count_set_aside_notifications(&self) -> Result<u64, StorageError>;
    }

    #[async_trait]
    impl ApiKeyQueries for UnitOfWork {
        async fn load_api_key_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, StorageError>;
        async fn list_api_keys(&self) -> Result<Vec<ApiKey>, StorageError>;
    }

    #[async_trait]
    impl ApiKeyCommands for UnitOfWork {
        async fn insert_api_key(&mut self, key: &ApiKey) -> Result<(), StorageError>;
        async fn revoke_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<bool, StorageError>;
        async fn note_use_of_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<(), StorageError>;
    }

    impl Reader for UnitOfWork {}

    #[async_trait]
    impl UnitOfWork for UnitOfWork {
        async fn commit(self: Box<Self>) -> Result<(), StorageError>;
        async fn rollback(self: Box<Self>);
    }
}

//! The port, over the provider's operations.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use domain::catalog::{Coupon, PromotionCode, PromotionCodeSnapshot};
use domain::checkout::CheckoutSession;
use domain::customer::Customer;
use domain::dispute::DisputeSnapshot;
use domain::id::{CheckoutSessionId, PaymentLinkId};
use domain::money::Money;
use domain::payment_link::{LinkSharing, PaymentLink};
use domain::ports::provider::{
    Delivery, HostedPage, LinkSnapshot, NotificationError, NotificationPage, PaymentProvider, ProviderError,
};
use domain::provider::{Capabilities, CheckoutSnapshot, Feature, Notification, ProviderKey, ProviderName, ProviderRef};
use domain::refund::{Refund, RefundSnapshot};
use domain::subscription::{CancellationTime, RenewalSnapshot, SubscriptionSnapshot};
use domain::timestamp::Timestamp;

use crate::config::TemplateConfig;

/// How long the provider keeps an idempotency key, as its documentation says.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Template as a payment provider. It does nothing yet: each method says that it can't.
pub struct TemplateProvider {
    config: TemplateConfig,
    capabilities: Capabilities,
}

impl TemplateProvider {
    /// The provider for a configuration.
    pub fn new(config: TemplateConfig) -> Self {
        Self { capabilities: capabilities(config.live), config }
    }
}

/// What the provider can do: only what is written here is asked of it.
pub(crate) fn capabilities(livemode: bool) -> Capabilities {
    Capabilities {
        livemode,
        locales: BTreeSet::new(),
        line_items_max: 0,
        bank_transfer_currencies: BTreeSet::new(),
        link_lifetime_max: None,
        key_lifetime: KEY_LIFETIME,
        features: BTreeSet::new(),
    }
}

#[async_trait]
impl PaymentProvider for TemplateProvider {
    fn name(&self) -> &ProviderName {
        &self.config.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn provider_time(&self) -> Option<Timestamp> {
        None
    }

    async fn create_payment_link(&self, _key: &ProviderKey, _link: &PaymentLink) -> Result<HostedPage, ProviderError> {
        Err(unsupported("create_payment_link"))
    }

    async fn update_payment_link(
        &self,
        _key: &ProviderKey,
        _before: &PaymentLink,
        _changed: &PaymentLink,
    ) -> Result<(), ProviderError> {
        Err(unsupported("update_payment_link"))
    }

    async fn activate_payment_link(&self, _key: &ProviderKey, _link: &PaymentLink) -> Result<(), ProviderError> {
        Err(unsupported(Feature::LinkReactivation.name()))
    }

    async fn deactivate_payment_link(
        &self,
        _key: &ProviderKey,
        _link: &PaymentLink,
    ) -> Result<Vec<CheckoutSnapshot>, ProviderError> {
        Err(unsupported("deactivate_payment_link"))
    }

    fn payment_link_url(&self, _url: &str, _sharing: &LinkSharing) -> Result<String, ProviderError> {
        Err(unsupported(Feature::LinkUrlParameters.name()))
    }

    async fn create_checkout<'a>(
        &self,
        _key: &ProviderKey,
        _session: &CheckoutSession,
        _customer: Option<&'a Customer>,
    ) -> Result<HostedPage, ProviderError> {
        Err(unsupported("create_checkout"))
    }

    async fn expire_checkout(
        &self,
        _key: &ProviderKey,
        _session: &CheckoutSession,
    ) -> Result<CheckoutSnapshot, ProviderError> {
        Err(unsupported("expire_checkout"))
    }

    async fn detach_payment_method(&self, _key: &ProviderKey, _method: &ProviderRef) -> Result<(), ProviderError> {
        Err(unsupported(Feature::StoredPaymentMethods.name()))
    }

    async fn fetch_checkout(&self, _session: &ProviderRef) -> Result<CheckoutSnapshot, ProviderError> {
        Err(unsupported("fetch_checkout"))
    }

    async fn fetch_payment_link(&self, _link: &ProviderRef) -> Result<Option<LinkSnapshot>, ProviderError> {
        Err(unsupported("fetch_payment_link"))
    }

    async fn find_payment_link(
        &self,
        _id: PaymentLinkId,
        _since: Timestamp,
    ) -> Result<Option<HostedPage>, ProviderError> {
        Err(unsupported(Feature::LookupByReference.name()))
    }

    async fn find_checkout(
        &self,
        _id: CheckoutSessionId,
        _since: Timestamp,
    ) -> Result<Option<HostedPage>, ProviderError> {
        Err(unsupported(Feature::LookupByReference.name()))
    }

    async fn capture_payment(
        &self,
        _key: &ProviderKey,
        _payment: &ProviderRef,
        _amount: Money,
    ) -> Result<(), ProviderError> {
        Err(unsupported(Feature::ManualCapture.name()))
    }

    async fn cancel_payment(&self, _key: &ProviderKey, _payment: &ProviderRef) -> Result<(), ProviderError> {
        Err(unsupported(Feature::ManualCapture.name()))
    }

    async fn create_refund(
        &self,
        _key: &ProviderKey,
        _refund: &Refund,
        _payment: &ProviderRef,
    ) -> Result<RefundSnapshot, ProviderError> {
        Err(unsupported("create_refund"))
    }

    async fn fetch_refunds(&self, _payment: &ProviderRef) -> Result<Vec<RefundSnapshot>, ProviderError> {
        Err(unsupported(Feature::LookupByReference.name()))
    }

    async fn fetch_dispute(&self, _dispute: &ProviderRef) -> Result<DisputeSnapshot, ProviderError> {
        Err(unsupported("fetch_dispute"))
    }

    async fn create_promotion_code(
        &self,
        _key: &ProviderKey,
        _code: &PromotionCode,
        _coupon: &Coupon,
    ) -> Result<PromotionCodeSnapshot, ProviderError> {
        Err(unsupported(Feature::PromotionCodes.name()))
    }

    async fn set_promotion_code_active(
        &self,
        _key: &ProviderKey,
        _code: &ProviderRef,
        _active: bool,
    ) -> Result<(), ProviderError> {
        Err(unsupported(Feature::PromotionCodes.name()))
    }

    async fn fetch_promotion_code(&self, _code: &ProviderRef) -> Result<Option<PromotionCodeSnapshot>, ProviderError> {
        Err(unsupported(Feature::PromotionCodes.name()))
    }

    async fn find_promotion_code(&self, _code: &PromotionCode) -> Result<Option<PromotionCodeSnapshot>, ProviderError> {
        Err(unsupported(Feature::PromotionCodes.name()))
    }

    async fn cancel_subscription(
        &self,
        _key: &ProviderKey,
        _subscription: &ProviderRef,
        _at: CancellationTime,
    ) -> Result<SubscriptionSnapshot, ProviderError> {
        Err(unsupported(Feature::Subscriptions.name()))
    }

    async fn fetch_subscription(
        &self,
        _subscription: &ProviderRef,
    ) -> Result<Option<SubscriptionSnapshot>, ProviderError> {
        Err(unsupported(Feature::Subscriptions.name()))
    }

    async fn fetch_renewal(&self, _invoice: &ProviderRef) -> Result<Option<RenewalSnapshot>, ProviderError> {
        Err(unsupported(Feature::Subscriptions.name()))
    }

    fn acknowledgement(&self) -> &'static str {
        ""
    }

    fn parse_notification(
        &self,
        _headers: &[(String, String)],
        _body: &[u8],
        _now: Timestamp,
    ) -> Result<Vec<Notification>, NotificationError> {
        Err(NotificationError::BadSignature)
    }

    async fn list_notifications(
        &self,
        _since: Timestamp,
        _cursor: Option<String>,
    ) -> Result<NotificationPage, ProviderError> {
        Err(unsupported(Feature::NotificationHistory.name()))
    }

    async fn probe(&self, _webhook_url: &str) -> Result<Delivery, ProviderError> {
        Err(unsupported("probe"))
    }
}

fn unsupported(capability: &'static str) -> ProviderError {
    ProviderError::Unsupported { capability }
}

//! The port, over the provider's operations.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use domain::checkout::CheckoutSession;
use domain::customer::Customer;
use domain::dispute::DisputeSnapshot;
use domain::payment_link::{LinkSharing, PaymentLink};
use domain::ports::provider::{Delivery, HostedPage, LinkSnapshot, NotificationError, PaymentProvider, ProviderError};
use domain::provider::{Capabilities, CheckoutSnapshot, Feature, Notification, ProviderKey, ProviderName, ProviderRef};
use domain::refund::{Refund, RefundSnapshot};
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

    async fn fetch_checkout(&self, _session: &ProviderRef) -> Result<CheckoutSnapshot, ProviderError> {
        Err(unsupported("fetch_checkout"))
    }

    async fn fetch_payment_link(&self, _link: &ProviderRef) -> Result<Option<LinkSnapshot>, ProviderError> {
        Err(unsupported("fetch_payment_link"))
    }

    async fn create_refund(
        &self,
        _key: &ProviderKey,
        _refund: &Refund,
        _payment: &ProviderRef,
    ) -> Result<RefundSnapshot, ProviderError> {
        Err(unsupported("create_refund"))
    }

    async fn fetch_dispute(&self, _dispute: &ProviderRef) -> Result<DisputeSnapshot, ProviderError> {
        Err(unsupported("fetch_dispute"))
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

    async fn probe(&self, _webhook_url: &str) -> Result<Delivery, ProviderError> {
        Err(unsupported("probe"))
    }
}

fn unsupported(capability: &'static str) -> ProviderError {
    ProviderError::Unsupported { capability }
}

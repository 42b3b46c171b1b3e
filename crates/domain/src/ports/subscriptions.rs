//! Where subscriptions are kept: a part of the [storage](super::storage) port.

use async_trait::async_trait;

use super::storage::{Sellers, StorageError};
use crate::id::{CheckoutSessionId, PaymentLinkId, SubscriptionId};
use crate::page::{Page, PageRequest};
use crate::provider::{ProviderName, ProviderRef};
use crate::seller::SellerId;
use crate::subscription::{Subscription, SubscriptionState};

/// Which subscriptions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// Of this link.
    pub payment_link_id: Option<PaymentLinkId>,
    /// Of this session.
    pub checkout_session_id: Option<CheckoutSessionId>,
    /// In this state.
    pub state: Option<SubscriptionState>,
}

/// Reads of subscriptions.
#[async_trait]
pub trait SubscriptionQueries {
    /// A subscription.
    async fn get_subscription(
        &self,
        sellers: &Sellers,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, StorageError>;
    /// A subscription by id, of whichever seller.
    async fn load_subscription(&self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError>;
    /// A subscription by its id at a provider.
    async fn load_subscription_by_ref(
        &self,
        provider: &ProviderName,
        provider_ref: &ProviderRef,
    ) -> Result<Option<Subscription>, StorageError>;
    /// Subscriptions of a seller, newest first.
    async fn list_subscriptions(
        &self,
        seller: &SellerId,
        filter: SubscriptionFilter,
        page: PageRequest<SubscriptionId>,
    ) -> Result<Page<Subscription>, StorageError>;
}

/// Writes of subscriptions. An `update` fails with [`StorageError::Stale`] unless the stored version is the aggregate's.
#[async_trait]
pub trait SubscriptionCommands {
    /// Reads a subscription and keeps others from changing it until the end of the transaction.
    async fn lock_subscription(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError>;
    /// Adds a subscription. `false` if its id at the provider is there already; nothing is written then.
    async fn insert_subscription(&mut self, subscription: &mut Subscription) -> Result<bool, StorageError>;
    /// Changes a subscription.
    async fn update_subscription(&mut self, subscription: &mut Subscription) -> Result<(), StorageError>;
}

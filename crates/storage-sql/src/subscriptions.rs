//! Subscriptions: their reads, alike for the pool and for a transaction, and their writes.

use async_trait::async_trait;
use domain::id::SubscriptionId;
use domain::page::{Page, PageRequest};
use domain::ports::storage::{Sellers, StorageError, SubscriptionCommands, SubscriptionFilter, SubscriptionQueries};
use domain::provider::{ProviderName, ProviderRef};
use domain::seller::SellerId;
use domain::subscription::Subscription;

use crate::connection::SqlStorage;
use crate::queries::{load_by_ref, of, page, text};
use crate::stored::{insert, update};
use crate::unit_of_work::{SqlUnitOfWork, UNLESS_KNOWN};

/// The read port, for one type that has a connection.
macro_rules! impl_reader {
    ($reader:ty, |$it:ident| $connection:expr) => {
        #[async_trait]
        impl SubscriptionQueries for $reader {
            async fn get_subscription(
                &self,
                sellers: &Sellers,
                id: SubscriptionId,
            ) -> Result<Option<Subscription>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn load_subscription(&self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError> {
                self.load_row(id.to_string()).await
            }

            async fn load_subscription_by_ref(
                &self,
                provider: &ProviderName,
                provider_ref: &ProviderRef,
            ) -> Result<Option<Subscription>, StorageError> {
                let $it = self;
                load_by_ref($connection, provider, provider_ref).await
            }

            async fn list_subscriptions(
                &self,
                seller: &SellerId,
                filter: SubscriptionFilter,
                request: PageRequest<SubscriptionId>,
            ) -> Result<Page<Subscription>, StorageError> {
                let $it = self;
                let filter = of(seller)
                    .and_some("payment_link_id = ?", text(filter.payment_link_id))
                    .and_some("checkout_session_id = ?", text(filter.checkout_session_id))
                    .and_some("state = ?", filter.state.map(|state| state.name().to_owned()));
                page($connection, filter, request).await
            }
        }
    };
}

impl_reader!(SqlStorage, |it| &it.0.statements);
impl_reader!(SqlUnitOfWork, |it| it.connection()?);

#[async_trait]
impl SubscriptionCommands for SqlUnitOfWork {
    async fn lock_subscription(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError> {
        self.lock(id.to_string()).await
    }

    async fn insert_subscription(&mut self, subscription: &mut Subscription) -> Result<bool, StorageError> {
        insert(self.connection()?, subscription, vec![], UNLESS_KNOWN).await
    }

    async fn update_subscription(&mut self, subscription: &mut Subscription) -> Result<(), StorageError> {
        update(self.connection()?, subscription).await
    }
}

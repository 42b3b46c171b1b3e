//! Refunds and disputes: their reads, alike for the pool and for a transaction, and their writes.

use async_trait::async_trait;
use domain::dispute::Dispute;
use domain::id::{DisputeId, RefundId};
use domain::page::{Page, PageRequest};
use domain::ports::storage::{
    DisputeCommands, DisputeFilter, DisputeQueries, RefundCommands, RefundFilter, RefundQueries, Sellers, StorageError,
};
use domain::provider::{ProviderName, ProviderRef};
use domain::refund::Refund;
use domain::seller::SellerId;

use crate::connection::SqlStorage;
use crate::queries::{load_by_ref, of, page, text};
use crate::stored::{insert, update};
use crate::unit_of_work::{SqlUnitOfWork, UNLESS_KNOWN};

/// The read ports, for one type that has a connection.
macro_rules! impl_reader {
    ($reader:ty, |$it:ident| $connection:expr) => {
        #[async_trait]
        impl RefundQueries for $reader {
            async fn get_refund(&self, sellers: &Sellers, id: RefundId) -> Result<Option<Refund>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn load_refund(&self, id: RefundId) -> Result<Option<Refund>, StorageError> {
                self.load_row(id.to_string()).await
            }

            async fn load_refund_by_ref(
                &self,
                provider: &ProviderName,
                provider_ref: &ProviderRef,
            ) -> Result<Option<Refund>, StorageError> {
                let $it = self;
                load_by_ref($connection, provider, provider_ref).await
            }

            async fn list_refunds(
                &self,
                seller: &SellerId,
                filter: RefundFilter,
                request: PageRequest<RefundId>,
            ) -> Result<Page<Refund>, StorageError> {
                let $it = self;
                let filter = of(seller)
                    .and_some("payment_id = ?", text(filter.payment_id))
                    .and_some("credit_note_id = ?", text(filter.credit_note_id))
                    .and_some("state = ?", filter.state);
                page($connection, filter, request).await
            }
        }

        #[async_trait]
        impl DisputeQueries for $reader {
            async fn get_dispute(&self, sellers: &Sellers, id: DisputeId) -> Result<Option<Dispute>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn load_dispute_by_ref(
                &self,
                provider: &ProviderName,
                provider_ref: &ProviderRef,
            ) -> Result<Option<Dispute>, StorageError> {
                let $it = self;
                load_by_ref($connection, provider, provider_ref).await
            }

            async fn list_disputes(
                &self,
                seller: &SellerId,
                filter: DisputeFilter,
                request: PageRequest<DisputeId>,
            ) -> Result<Page<Dispute>, StorageError> {
                let $it = self;
                let filter =
                    of(seller).and_some("payment_id = ?", text(filter.payment_id)).and_some("state = ?", filter.state);
                page($connection, filter, request).await
            }
        }
    };
}

impl_reader!(SqlStorage, |it| &it.0.statements);
impl_reader!(SqlUnitOfWork, |it| it.connection()?);

#[async_trait]
impl RefundCommands for SqlUnitOfWork {
    async fn insert_refund(&mut self, refund: &mut Refund) -> Result<bool, StorageError> {
        insert(self.connection()?, refund, vec![], UNLESS_KNOWN).await
    }

    async fn update_refund(&mut self, refund: &mut Refund) -> Result<(), StorageError> {
        update(self.connection()?, refund).await
    }
}

#[async_trait]
impl DisputeCommands for SqlUnitOfWork {
    async fn insert_dispute(&mut self, dispute: &mut Dispute) -> Result<bool, StorageError> {
        insert(self.connection()?, dispute, vec![], UNLESS_KNOWN).await
    }

    async fn update_dispute(&mut self, dispute: &mut Dispute) -> Result<(), StorageError> {
        update(self.connection()?, dispute).await
    }
}

//! Where refunds and disputes are kept: parts of the [storage](super::storage) port.
//!
//! None is locked by itself: whoever writes one has locked its payment first.

use async_trait::async_trait;

use super::storage::{Sellers, StorageError};
use crate::dispute::Dispute;
use crate::id::{CreditNoteId, DisputeId, PaymentId, RefundId};
use crate::page::{Page, PageRequest};
use crate::provider::{ProviderName, ProviderRef};
use crate::refund::Refund;
use crate::seller::SellerId;

/// Which refunds to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefundFilter {
    /// Of this payment.
    pub payment_id: Option<PaymentId>,
    /// By this credit note.
    pub credit_note_id: Option<CreditNoteId>,
    /// In this state, by its name.
    pub state: Option<&'static str>,
}

/// Reads of refunds.
#[async_trait]
pub trait RefundQueries {
    /// A refund.
    async fn get_refund(&self, sellers: &Sellers, id: RefundId) -> Result<Option<Refund>, StorageError>;
    /// A refund by id, of whichever seller.
    async fn load_refund(&self, id: RefundId) -> Result<Option<Refund>, StorageError>;
    /// A refund by its id at a provider.
    async fn load_refund_by_ref(
        &self,
        provider: &ProviderName,
        provider_ref: &ProviderRef,
    ) -> Result<Option<Refund>, StorageError>;
    /// Refunds of a seller, newest first.
    async fn list_refunds(
        &self,
        seller: &SellerId,
        filter: RefundFilter,
        page: PageRequest<RefundId>,
    ) -> Result<Page<Refund>, StorageError>;
}

/// Writes of refunds. An `update` fails with [`StorageError::Stale`] unless the stored version is the aggregate's.
#[async_trait]
pub trait RefundCommands {
    /// Adds a refund. `false` if its id at the provider is there already; nothing is written then.
    async fn insert_refund(&mut self, refund: &mut Refund) -> Result<bool, StorageError>;
    /// Changes a refund.
    async fn update_refund(&mut self, refund: &mut Refund) -> Result<(), StorageError>;
}

/// Which disputes to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DisputeFilter {
    /// Of this payment.
    pub payment_id: Option<PaymentId>,
    /// In this state, by its name.
    pub state: Option<&'static str>,
}

/// Reads of disputes.
#[async_trait]
pub trait DisputeQueries {
    /// A dispute.
    async fn get_dispute(&self, sellers: &Sellers, id: DisputeId) -> Result<Option<Dispute>, StorageError>;
    /// A dispute by its id at a provider.
    async fn load_dispute_by_ref(
        &self,
        provider: &ProviderName,
        provider_ref: &ProviderRef,
    ) -> Result<Option<Dispute>, StorageError>;
    /// Disputes of a seller, newest first.
    async fn list_disputes(
        &self,
        seller: &SellerId,
        filter: DisputeFilter,
        page: PageRequest<DisputeId>,
    ) -> Result<Page<Dispute>, StorageError>;
}

/// Writes of disputes. An `update` fails with [`StorageError::Stale`] unless the stored version is the aggregate's.
#[async_trait]
pub trait DisputeCommands {
    /// Adds a dispute. `false` if its id at the provider is there already; nothing is written then.
    async fn insert_dispute(&mut self, dispute: &mut Dispute) -> Result<bool, StorageError>;
    /// Changes a dispute.
    async fn update_dispute(&mut self, dispute: &mut Dispute) -> Result<(), StorageError>;
}

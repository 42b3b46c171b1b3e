//! Where credit notes are kept: a part of the [storage](super::storage) port.
//!
//! There is no write but the first: a credit note never changes. Whoever adds one has locked its invoice.

use async_trait::async_trait;

use super::storage::{Sellers, StorageError};
use crate::credit_note::CreditNote;
use crate::id::{CreditNoteId, CustomerId, InvoiceId};
use crate::page::{Page, PageRequest};
use crate::seller::SellerId;

/// Which credit notes to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreditNoteFilter {
    /// Of this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// With this number; a seller has at most one such credit note.
    pub number: Option<String>,
}

/// Reads of credit notes.
#[async_trait]
pub trait CreditNoteQueries {
    /// A credit note.
    async fn get_credit_note(&self, sellers: &Sellers, id: CreditNoteId) -> Result<Option<CreditNote>, StorageError>;
    /// Credit notes of a seller, newest first.
    async fn list_credit_notes(
        &self,
        seller: &SellerId,
        filter: CreditNoteFilter,
        page: PageRequest<CreditNoteId>,
    ) -> Result<Page<CreditNote>, StorageError>;
}

/// Writes of credit notes.
#[async_trait]
pub trait CreditNoteCommands {
    /// Adds a credit note. Its number is taken once for each seller; the store itself refuses to change or remove it.
    async fn insert_credit_note(&mut self, note: &mut CreditNote) -> Result<(), StorageError>;
}

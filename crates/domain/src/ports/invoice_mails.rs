//! Where mails about invoices are kept until they are sent, and afterwards: a part of the [storage](super::storage) port.

use std::time::Duration;

use async_trait::async_trait;

use super::storage::{Sellers, StorageError};
use crate::id::{InvoiceId, InvoiceMailId};
use crate::invoice_mail::InvoiceMail;
use crate::page::{Page, PageRequest};
use crate::seller::SellerId;

/// Reads of mails.
#[async_trait]
pub trait InvoiceMailQueries {
    /// A mail.
    async fn get_invoice_mail(&self, sellers: &Sellers, id: InvoiceMailId)
    -> Result<Option<InvoiceMail>, StorageError>;
    /// Mails of a seller, about that invoice alone if one is named, newest first.
    async fn list_invoice_mails(
        &self,
        seller: &SellerId,
        invoice: Option<InvoiceId>,
        page: PageRequest<InvoiceMailId>,
    ) -> Result<Page<InvoiceMail>, StorageError>;
}

/// Writes of mails. Leases are measured by the database's clock.
#[async_trait]
pub trait InvoiceMailCommands {
    /// Adds a mail, due at once.
    async fn insert_invoice_mail(&mut self, mail: &mut InvoiceMail) -> Result<(), StorageError>;
    /// Takes queued mails that are due, at most `limit`, for `lease`, the longest due first, and none that another
    /// transaction is taking. Each lease makes a new version of the mail, so that whoever had it before can't write it any
    /// more.
    async fn lease_due_invoice_mails(&mut self, limit: u32, lease: Duration) -> Result<Vec<InvoiceMail>, StorageError>;
    /// Changes a mail; one that is still queued is due again after `retry_in`. Fails with [`StorageError::Stale`] if it was
    /// leased to someone else meanwhile.
    async fn update_invoice_mail(&mut self, mail: &mut InvoiceMail, retry_in: Duration) -> Result<(), StorageError>;
}

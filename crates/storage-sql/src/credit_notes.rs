//! Credit notes: their reads, alike for the pool and for a transaction, and their one write.

use async_trait::async_trait;
use domain::credit_note::CreditNote;
use domain::id::CreditNoteId;
use domain::page::{Page, PageRequest};
use domain::ports::storage::{CreditNoteCommands, CreditNoteFilter, CreditNoteQueries, Sellers, StorageError};
use domain::seller::SellerId;

use crate::connection::SqlStorage;
use crate::queries::{of, page, text};
use crate::stored::insert;
use crate::unit_of_work::SqlUnitOfWork;

/// The read port, for one type that has a connection.
macro_rules! impl_reader {
    ($reader:ty, |$it:ident| $connection:expr) => {
        #[async_trait]
        impl CreditNoteQueries for $reader {
            async fn get_credit_note(
                &self,
                sellers: &Sellers,
                id: CreditNoteId,
            ) -> Result<Option<CreditNote>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn list_credit_notes(
                &self,
                seller: &SellerId,
                filter: CreditNoteFilter,
                request: PageRequest<CreditNoteId>,
            ) -> Result<Page<CreditNote>, StorageError> {
                let $it = self;
                let filter = of(seller)
                    .and_some("invoice_id = ?", text(filter.invoice_id))
                    .and_some("customer_id = ?", text(filter.customer_id))
                    .and_some("number = ?", filter.number);
                page($connection, filter, request).await
            }
        }
    };
}

impl_reader!(SqlStorage, |it| &it.0.statements);
impl_reader!(SqlUnitOfWork, |it| it.connection()?);

#[async_trait]
impl CreditNoteCommands for SqlUnitOfWork {
    async fn insert_credit_note(&mut self, note: &mut CreditNote) -> Result<(), StorageError> {
        insert(self.connection()?, note, vec![], "").await.map(|_| ())
    }
}

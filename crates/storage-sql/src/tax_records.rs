//! Registrations for tax and checks of tax ids: their reads, alike for the pool and for a transaction, and their writes.

use async_trait::async_trait;
use domain::id::{TaxIdCheckId, TaxRegistrationId};
use domain::page::{Page, PageRequest};
use domain::ports::storage::{Sellers, StorageError, TaxRecordCommands, TaxRecordQueries};
use domain::seller::SellerId;
use domain::tax::{StoredTaxRegistration, TaxRegistration};
use domain::tax_id::TaxId;
use domain::tax_id_check::TaxIdCheck;

use crate::connection::SqlStorage;
use crate::queries::{every, of, page};
use crate::stored::{insert, update};
use crate::unit_of_work::SqlUnitOfWork;

/// The read ports, for one type that has a connection.
macro_rules! impl_reader {
    ($reader:ty, |$it:ident| $connection:expr) => {
        #[async_trait]
        impl TaxRecordQueries for $reader {
            async fn get_tax_registration(
                &self,
                sellers: &Sellers,
                id: TaxRegistrationId,
            ) -> Result<Option<StoredTaxRegistration>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn list_tax_registrations(
                &self,
                seller: &SellerId,
                request: PageRequest<TaxRegistrationId>,
            ) -> Result<Page<StoredTaxRegistration>, StorageError> {
                let $it = self;
                page($connection, of(seller), request).await
            }

            async fn load_tax_registrations(&self, seller: &SellerId) -> Result<Vec<TaxRegistration>, StorageError> {
                let $it = self;
                let stored: Vec<StoredTaxRegistration> = every($connection, of(seller)).await?;
                Ok(stored.into_iter().map(|stored| stored.registration).collect())
            }

            async fn get_tax_id_check(
                &self,
                sellers: &Sellers,
                id: TaxIdCheckId,
            ) -> Result<Option<TaxIdCheck>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn list_tax_id_checks(
                &self,
                seller: &SellerId,
                tax_id: Option<TaxId>,
                request: PageRequest<TaxIdCheckId>,
            ) -> Result<Page<TaxIdCheck>, StorageError> {
                let $it = self;
                let tax_id = tax_id.map(|id| id.as_str().to_owned());
                page($connection, of(seller).and_some("tax_id = ?", tax_id), request).await
            }
        }
    };
}

impl_reader!(SqlStorage, |it| &it.0.statements);
impl_reader!(SqlUnitOfWork, |it| it.connection()?);

#[async_trait]
impl TaxRecordCommands for SqlUnitOfWork {
    async fn insert_tax_registration(&mut self, registration: &mut StoredTaxRegistration) -> Result<(), StorageError> {
        insert(self.connection()?, registration, vec![], "").await.map(|_| ())
    }

    async fn update_tax_registration(&mut self, registration: &mut StoredTaxRegistration) -> Result<(), StorageError> {
        update(self.connection()?, registration).await
    }

    async fn insert_tax_id_check(&mut self, check: &mut TaxIdCheck) -> Result<(), StorageError> {
        insert(self.connection()?, check, vec![], "").await.map(|_| ())
    }
}

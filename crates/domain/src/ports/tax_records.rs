//! Where registrations for tax and checks of tax ids are kept: parts of the [storage](super::storage) port.

use async_trait::async_trait;

use super::storage::{Sellers, StorageError};
use crate::id::{TaxIdCheckId, TaxRegistrationId};
use crate::page::{Page, PageRequest};
use crate::seller::SellerId;
use crate::tax::{StoredTaxRegistration, TaxRegistration};
use crate::tax_id::TaxId;
use crate::tax_id_check::TaxIdCheck;

/// Reads of registrations and checks.
#[async_trait]
pub trait TaxRecordQueries {
    /// A registration.
    async fn get_tax_registration(
        &self,
        sellers: &Sellers,
        id: TaxRegistrationId,
    ) -> Result<Option<StoredTaxRegistration>, StorageError>;
    /// Registrations of a seller, newest first.
    async fn list_tax_registrations(
        &self,
        seller: &SellerId,
        page: PageRequest<TaxRegistrationId>,
    ) -> Result<Page<StoredTaxRegistration>, StorageError>;
    /// All registrations of a seller, in force or not.
    async fn load_tax_registrations(&self, seller: &SellerId) -> Result<Vec<TaxRegistration>, StorageError>;
    /// A check of a tax id.
    async fn get_tax_id_check(&self, sellers: &Sellers, id: TaxIdCheckId) -> Result<Option<TaxIdCheck>, StorageError>;
    /// Checks of a seller, of that id alone if one is named, newest first.
    async fn list_tax_id_checks(
        &self,
        seller: &SellerId,
        tax_id: Option<TaxId>,
        page: PageRequest<TaxIdCheckId>,
    ) -> Result<Page<TaxIdCheck>, StorageError>;
}

/// Writes of registrations and checks. An `update` fails with [`StorageError::Stale`] unless the stored version is the
/// aggregate's.
#[async_trait]
pub trait TaxRecordCommands {
    /// Adds a registration.
    async fn insert_tax_registration(&mut self, registration: &mut StoredTaxRegistration) -> Result<(), StorageError>;
    /// Changes a registration.
    async fn update_tax_registration(&mut self, registration: &mut StoredTaxRegistration) -> Result<(), StorageError>;
    /// Adds a check.
    async fn insert_tax_id_check(&mut self, check: &mut TaxIdCheck) -> Result<(), StorageError>;
}

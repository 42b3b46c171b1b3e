//! How far what providers have told was read back: a part of the [storage](super::storage) port. It must not know what
//! they told.

use std::time::Duration;

use async_trait::async_trait;

use super::storage::StorageError;
use crate::provider::ProviderName;
use crate::timestamp::Timestamp;

/// Turns of reading back. Leases are measured by the database's clock; how far it is goes by the provider's.
#[async_trait]
pub trait ReconciliationCommands {
    /// Takes the turn of reading back what a provider told, for `lease`, if it is due and nobody has it; answers until when
    /// that was done before. Of a provider that was never read back, that is `beginning`.
    async fn lease_reconciliation(
        &mut self,
        provider: &ProviderName,
        beginning: Timestamp,
        lease: Duration,
    ) -> Result<Option<Timestamp>, StorageError>;

    /// Notes until when it is done: never for less than before. The next turn is due after `due_in`.
    async fn update_reconciliation(
        &mut self,
        provider: &ProviderName,
        until: Timestamp,
        due_in: Duration,
    ) -> Result<(), StorageError>;
}

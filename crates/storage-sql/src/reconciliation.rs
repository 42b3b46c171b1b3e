//! How far what providers have told was read back.

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::storage::{ReconciliationCommands, StorageError};
use domain::provider::ProviderName;
use domain::timestamp::Timestamp;
use sea_orm::{ConnectionTrait, Statement, Value};

use crate::sql::{column, execute, now_us, one};
use crate::unit_of_work::{SqlUnitOfWork, micros};

#[async_trait]
impl ReconciliationCommands for SqlUnitOfWork {
    async fn lease_reconciliation(
        &mut self,
        provider: &ProviderName,
        beginning: Timestamp,
        lease: Duration,
    ) -> Result<Option<Timestamp>, StorageError> {
        let c = self.connection()?;
        let backend = c.get_database_backend();
        let name = || Value::from(provider.as_str());
        // It is due from the beginning of time on, whatever the database's clock says.
        let insert = "INSERT INTO reconciliations (provider, read_until_us, due_at_us) VALUES ($1, $2, 0) \
                      ON CONFLICT (provider) DO NOTHING";
        execute(c, insert, [name(), beginning.unix_micros().into()]).await?;
        let now = now_us(backend);
        let sql = format!(
            "UPDATE reconciliations SET due_at_us = {now} + $1 WHERE provider = $2 AND due_at_us <= {now} \
             RETURNING read_until_us"
        );
        let leased = one(c, Statement::from_sql_and_values(backend, sql, [micros(lease).into(), name()])).await?;
        leased.map(|row| column(&row, "read_until_us").map(Timestamp::from_unix_micros)).transpose()
    }

    async fn update_reconciliation(
        &mut self,
        provider: &ProviderName,
        until: Timestamp,
        due_in: Duration,
    ) -> Result<(), StorageError> {
        let c = self.connection()?;
        let sql = format!(
            "UPDATE reconciliations SET due_at_us = {} + $1, \
             read_until_us = CASE WHEN read_until_us < $2 THEN $2 ELSE read_until_us END WHERE provider = $3",
            now_us(c.get_database_backend())
        );
        let values = [micros(due_in).into(), until.unix_micros().into(), provider.as_str().into()];
        execute(c, &sql, values).await.map(|_| ())
    }
}

//! Mails about invoices: their reads, alike for the pool and for a transaction, their writes, and the queue that they wait
//! in.

use std::time::Duration;

use async_trait::async_trait;
use domain::id::{InvoiceId, InvoiceMailId};
use domain::invoice_mail::InvoiceMail;
use domain::page::{Page, PageRequest};
use domain::ports::storage::{InvoiceMailCommands, InvoiceMailQueries, Sellers, StorageError};
use domain::seller::SellerId;
use sea_orm::{ConnectionTrait, Statement, Value};

use crate::connection::SqlStorage;
use crate::queries::{of, page, text};
use crate::sql::{all, column, execute, for_update_skip_locked, json, now_us};
use crate::stored::{Stored, insert, update};
use crate::unit_of_work::{SqlUnitOfWork, micros};

/// The read port, for one type that has a connection.
macro_rules! impl_reader {
    ($reader:ty, |$it:ident| $connection:expr) => {
        #[async_trait]
        impl InvoiceMailQueries for $reader {
            async fn get_invoice_mail(
                &self,
                sellers: &Sellers,
                id: InvoiceMailId,
            ) -> Result<Option<InvoiceMail>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn list_invoice_mails(
                &self,
                seller: &SellerId,
                invoice: Option<InvoiceId>,
                request: PageRequest<InvoiceMailId>,
            ) -> Result<Page<InvoiceMail>, StorageError> {
                let $it = self;
                page($connection, of(seller).and_some("invoice_id = ?", text(invoice)), request).await
            }
        }
    };
}

impl_reader!(SqlStorage, |it| &it.0.statements);
impl_reader!(SqlUnitOfWork, |it| it.connection()?);

#[async_trait]
impl InvoiceMailCommands for SqlUnitOfWork {
    async fn insert_invoice_mail(&mut self, mail: &mut InvoiceMail) -> Result<(), StorageError> {
        // It is due from the beginning of time on, whatever the database's clock says.
        insert(self.connection()?, mail, vec![("due_at_us", Value::from(0_i64))], "").await.map(|_| ())
    }

    async fn lease_due_invoice_mails(&mut self, limit: u32, lease: Duration) -> Result<Vec<InvoiceMail>, StorageError> {
        let c = self.connection()?;
        let backend = c.get_database_backend();
        let sql = format!(
            "UPDATE invoice_mails SET due_at_us = {now} + $1, version = version + 1 WHERE id IN (\
             SELECT due.id FROM invoice_mails AS due WHERE due.state = 'queued' AND due.due_at_us <= {now} \
             ORDER BY due.due_at_us, due.id LIMIT {limit}{lock}) RETURNING version, document",
            now = now_us(backend),
            lock = for_update_skip_locked(backend)
        );
        let rows = all(c, Statement::from_sql_and_values(backend, sql, [micros(lease).into()])).await?;
        rows.iter()
            .map(|row| {
                let mut mail: InvoiceMail = json(row, "document")?;
                mail.mark_stored(column(row, "version")?);
                Ok(mail)
            })
            .collect()
    }

    async fn update_invoice_mail(&mut self, mail: &mut InvoiceMail, retry_in: Duration) -> Result<(), StorageError> {
        let c = self.connection()?;
        update(c, mail).await?;
        let sql =
            format!("UPDATE invoice_mails SET due_at_us = {} + $1 WHERE id = $2", now_us(c.get_database_backend()));
        execute(c, &sql, [micros(retry_in).into(), mail.key().into()]).await.map(|_| ())
    }
}

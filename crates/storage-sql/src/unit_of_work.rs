//! Writes, all of them inside of a transaction.

use std::time::Duration;

use async_trait::async_trait;
use domain::access::ApiKey;
use domain::catalog::{Price, Product, ShippingRate};
use domain::checkout::CheckoutSession;
use domain::customer::Customer;
use domain::event::{Event, EventPosition};
use domain::id::{ApiKeyId, CheckoutSessionId, IntentId, InvoiceId, PaymentId, PaymentLinkId};
use domain::idempotency::{RequestKey, RequestProgress, StoredRequest};
use domain::invoice::Invoice;
use domain::payment::Payment;
use domain::payment_link::PaymentLink;
use domain::payment_method::PaymentMethod;
use domain::ports::storage::{
    ApiKeyCommands, Backlog, CatalogCommands, CheckoutCommands, Collectable, CustomerCommands, EventCommands,
    IntentCommands, InvoiceCommands, OpenAtProvider, PaymentCommands, PaymentLinkCommands, RequestCommands,
    RequestQueries, Reservation, SharedSecret, Storage, StorageError, UnitOfWork,
};
use domain::provider::{InboxEntry, Intent, ProviderName};
use domain::seller::SellerId;
use domain::tax::TaxRate;
use domain::timestamp::Timestamp;
use domain::trace_context::TraceContext;
use sea_orm::{ConnectionTrait, Statement, Value};

use crate::connection::{OpenTransaction, SqlStorage};
use crate::database::Transaction;
use crate::errors::{defect, storage_error};
use crate::sql::{
    Filter, all, answered_within, column, count, execute, for_update, for_update_skip_locked, json, now_us, one,
    to_json,
};
use crate::stored::{Stored, insert, update};

/// The longest that the database may take to say that it is there: whoever asks wants to know it soon.
const READY_MAX: Duration = Duration::from_secs(3);

/// One transaction.
pub(crate) struct SqlUnitOfWork {
    storage: SqlStorage,
    open: OpenTransaction,
    has_events: bool,
}

impl SqlUnitOfWork {
    pub(crate) fn new(storage: SqlStorage, open: OpenTransaction) -> Self {
        Self { storage, open, has_events: false }
    }

    pub(crate) fn connection(&self) -> Result<&Transaction, StorageError> {
        self.open.get()
    }

    /// Reads a row and keeps others from changing it.
    pub(crate) async fn lock<T: Stored>(&self, id: String) -> Result<Option<T>, StorageError> {
        let c = self.connection()?;
        let backend = c.get_database_backend();
        let select = format!("SELECT document FROM {}", T::TABLE);
        let filter = Filter::new().and("id = ?", [id.into()]);
        let row = one(c, filter.statement(backend, &select, for_update(backend))).await?;
        row.map(|row| json(&row, "document")).transpose()
    }
}

#[async_trait]
impl Storage for SqlStorage {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError> {
        self.begin_unit_of_work().await
    }

    async fn wait_for_event(&self, after: EventPosition, patience: Duration) -> Result<EventPosition, StorageError> {
        Ok(self.0.sequencer.wait(after, patience).await)
    }

    async fn sequence_events(&self) -> Result<u64, StorageError> {
        self.give_pending().await
    }

    async fn store_notifications(&self, entries: &[InboxEntry]) -> Result<usize, StorageError> {
        self.insert_notifications(entries).await
    }

    async fn shared_secret(&self, name: &'static str, fresh: SharedSecret) -> Result<SharedSecret, StorageError> {
        self.keep_secret(name, fresh).await
    }

    async fn ping(&self) -> Result<(), StorageError> {
        self.expect_room()?;
        let storage = self.clone();
        // In a task, since whoever asks may go away, and leave a connection in the middle of an answer.
        let asked = tokio::spawn(async move {
            let answered = answered_within(READY_MAX, storage.0.db.execute_unprepared("SELECT 1")).await?;
            answered.map_err(storage_error).map(|_| ())
        });
        asked.await.unwrap_or_else(|error| Err(StorageError::Unavailable(error.into())))
    }

    async fn database_time(&self) -> Result<Timestamp, StorageError> {
        let backend = self.backend();
        let row =
            one(&self.0.db, Statement::from_string(backend, format!("SELECT {} AS now_us", now_us(backend)))).await?;
        let row = row.ok_or_else(|| defect("the database told no time"))?;
        column(&row, "now_us").map(Timestamp::from_unix_micros)
    }

    async fn open_at_others(&self, known: &[ProviderName]) -> Result<Vec<OpenAtProvider>, StorageError> {
        self.count_open_at_others(known).await
    }

    async fn backlog(&self) -> Result<Backlog, StorageError> {
        self.read_backlog().await
    }

    async fn trace_of(&self, subject_id: &str) -> Result<Option<TraceContext>, StorageError> {
        self.read_trace_of(subject_id).await
    }
}

#[async_trait]
impl UnitOfWork for SqlUnitOfWork {
    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
        let Self { storage, open, has_events } = *self;
        open.commit().await?;
        if has_events {
            storage.0.sequencer.events_committed();
        }
        Ok(())
    }

    async fn rollback(self: Box<Self>) {
        self.open.rollback().await;
    }
}

#[async_trait]
impl CatalogCommands for SqlUnitOfWork {
    async fn insert_product(&mut self, product: &mut Product) -> Result<(), StorageError> {
        insert(self.connection()?, product, vec![], "").await.map(|_| ())
    }

    async fn update_product(&mut self, product: &mut Product) -> Result<(), StorageError> {
        update(self.connection()?, product).await
    }

    async fn insert_price(&mut self, price: &mut Price) -> Result<(), StorageError> {
        insert(self.connection()?, price, vec![], "").await.map(|_| ())
    }

    async fn update_price(&mut self, price: &mut Price) -> Result<(), StorageError> {
        update(self.connection()?, price).await
    }

    async fn insert_tax_rate(&mut self, rate: &mut TaxRate) -> Result<(), StorageError> {
        insert(self.connection()?, rate, vec![], "").await.map(|_| ())
    }

    async fn update_tax_rate(&mut self, rate: &mut TaxRate) -> Result<(), StorageError> {
        update(self.connection()?, rate).await
    }

    async fn insert_shipping_rate(&mut self, rate: &mut ShippingRate) -> Result<(), StorageError> {
        insert(self.connection()?, rate, vec![], "").await.map(|_| ())
    }

    async fn update_shipping_rate(&mut self, rate: &mut ShippingRate) -> Result<(), StorageError> {
        update(self.connection()?, rate).await
    }
}

/// Nothing is written where the provider's id is there already.
pub(crate) const UNLESS_KNOWN: &str = " ON CONFLICT (provider, provider_ref) DO NOTHING";

#[async_trait]
impl CustomerCommands for SqlUnitOfWork {
    async fn insert_customer(&mut self, customer: &mut Customer) -> Result<(), StorageError> {
        insert(self.connection()?, customer, vec![], "").await.map(|_| ())
    }

    async fn update_customer(&mut self, customer: &mut Customer) -> Result<(), StorageError> {
        update(self.connection()?, customer).await
    }

    async fn insert_payment_method(&mut self, method: &mut PaymentMethod) -> Result<bool, StorageError> {
        insert(self.connection()?, method, vec![], UNLESS_KNOWN).await
    }

    async fn update_payment_method(&mut self, method: &mut PaymentMethod) -> Result<(), StorageError> {
        update(self.connection()?, method).await
    }
}

#[async_trait]
impl InvoiceCommands for SqlUnitOfWork {
    async fn insert_invoice(&mut self, invoice: &mut Invoice) -> Result<(), StorageError> {
        insert(self.connection()?, invoice, vec![], "").await.map(|_| ())
    }

    async fn lock_invoice(&mut self, id: InvoiceId) -> Result<Option<Invoice>, StorageError> {
        self.lock(id.to_string()).await
    }

    async fn update_invoice(&mut self, invoice: &mut Invoice) -> Result<(), StorageError> {
        crate::stored::update_invoice(self.connection()?, invoice).await
    }

    async fn next_number(&mut self, seller: &SellerId, series: &str) -> Result<u64, StorageError> {
        let c = self.connection()?;
        let sql = "INSERT INTO number_series (seller_id, series, last_number) VALUES ($1, $2, 1) \
                   ON CONFLICT (seller_id, series) DO UPDATE SET last_number = number_series.last_number + 1 \
                   RETURNING last_number";
        let values = [Value::from(seller.as_str()), Value::from(series)];
        let row = one(c, Statement::from_sql_and_values(c.get_database_backend(), sql, values)).await?;
        count(&row.ok_or_else(|| defect("the series gave no number"))?, "last_number")
    }

    async fn reserve_collectable(
        &mut self,
        seller: &SellerId,
        invoice: InvoiceId,
        collectable: Collectable,
    ) -> Result<Reservation, StorageError> {
        let c = self.connection()?;
        let kind = match collectable {
            Collectable::PaymentLink(_) => "payment_link",
            Collectable::CheckoutSession(_) => "checkout_session",
        };
        let sql = format!(
            "INSERT INTO collectables (id, kind, seller_id, invoice_id, opened_at_us) VALUES ($1, $2, $3, $4, {}) \
             ON CONFLICT (invoice_id) WHERE closed_at_us IS NULL DO NOTHING",
            now_us(c.get_database_backend())
        );
        let values = [
            Value::from(collectable.to_string()),
            Value::from(kind),
            Value::from(seller.as_str()),
            Value::from(invoice.to_string()),
        ];
        if execute(c, &sql, values).await? == 1 {
            return Ok(Reservation::Reserved);
        }
        match self.open_collectable(invoice).await? {
            Some(held) if held == collectable => Ok(Reservation::Reserved),
            Some(held) => Ok(Reservation::HeldBy(held)),
            // Given back between the two statements: the next try finds it free.
            None => Err(StorageError::Contended("the collectable was released meanwhile".into())),
        }
    }

    async fn release_collectable(&mut self, collectable: Collectable) -> Result<(), StorageError> {
        let c = self.connection()?;
        let now = now_us(c.get_database_backend());
        let sql = format!("UPDATE collectables SET closed_at_us = {now} WHERE id = $1 AND closed_at_us IS NULL");
        execute(c, &sql, [collectable.to_string().into()]).await.map(|_| ())
    }

    async fn open_collectable(&mut self, invoice: InvoiceId) -> Result<Option<Collectable>, StorageError> {
        let c = self.connection()?;
        let filter = Filter::new().and("invoice_id = ? AND closed_at_us IS NULL", [invoice.to_string().into()]);
        let statement = filter.statement(c.get_database_backend(), "SELECT id, kind FROM collectables", "");
        let Some(row) = one(c, statement).await? else { return Ok(None) };
        let (id, kind): (String, String) = (column(&row, "id")?, column(&row, "kind")?);
        let collectable = match kind.as_str() {
            "payment_link" => PaymentLinkId::parse(&id).map(Collectable::PaymentLink),
            _ => CheckoutSessionId::parse(&id).map(Collectable::CheckoutSession),
        };
        collectable.map(Some).map_err(defect)
    }
}

#[async_trait]
impl PaymentLinkCommands for SqlUnitOfWork {
    async fn insert_payment_link(&mut self, link: &mut PaymentLink) -> Result<(), StorageError> {
        insert(self.connection()?, link, vec![], "").await?;
        self.write_metadata(link).await
    }

    async fn lock_payment_link(&mut self, id: PaymentLinkId) -> Result<Option<PaymentLink>, StorageError> {
        self.lock(id.to_string()).await
    }

    async fn update_payment_link(&mut self, link: &mut PaymentLink) -> Result<(), StorageError> {
        update(self.connection()?, link).await?;
        execute(
            self.connection()?,
            "DELETE FROM payment_link_metadata WHERE payment_link_id = $1",
            [link.key().into()],
        )
        .await?;
        self.write_metadata(link).await
    }
}

impl SqlUnitOfWork {
    /// Keeps the pairs by which links are searched.
    async fn write_metadata(&self, link: &PaymentLink) -> Result<(), StorageError> {
        let sql = "INSERT INTO payment_link_metadata (payment_link_id, seller_id, key, value) VALUES ($1, $2, $3, $4)";
        for (key, value) in link.options.metadata.iter() {
            execute(self.connection()?, sql, [link.key().into(), link.seller().into(), key.into(), value.into()])
                .await?;
        }
        Ok(())
    }
}

#[async_trait]
impl CheckoutCommands for SqlUnitOfWork {
    async fn insert_checkout_session(
        &mut self,
        session: &mut CheckoutSession,
        invoice: Option<InvoiceId>,
    ) -> Result<bool, StorageError> {
        let invoice = ("invoice_id", Value::from(invoice.map(|id| id.to_string())));
        insert(self.connection()?, session, vec![invoice], UNLESS_KNOWN).await
    }

    async fn lock_checkout_session(&mut self, id: CheckoutSessionId) -> Result<Option<CheckoutSession>, StorageError> {
        self.lock(id.to_string()).await
    }

    async fn update_checkout_session(&mut self, session: &mut CheckoutSession) -> Result<(), StorageError> {
        update(self.connection()?, session).await
    }
}

#[async_trait]
impl PaymentCommands for SqlUnitOfWork {
    async fn insert_payment(&mut self, payment: &mut Payment) -> Result<(), StorageError> {
        insert(self.connection()?, payment, vec![], "").await.map(|_| ())
    }

    async fn lock_payment(&mut self, id: PaymentId) -> Result<Option<Payment>, StorageError> {
        self.lock(id.to_string()).await
    }

    async fn update_payment(&mut self, payment: &mut Payment) -> Result<(), StorageError> {
        update(self.connection()?, payment).await
    }
}

#[async_trait]
impl EventCommands for SqlUnitOfWork {
    async fn append_event(&mut self, event: &Event) -> Result<(), StorageError> {
        self.has_events = true;
        let sql = "INSERT INTO events (id, seller_id, kind, subject_id, occurred_at_us, document) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let values = [
            event.id.to_string().into(),
            event.seller_id.as_str().into(),
            event.kind.name().into(),
            event.subject.id().into(),
            event.occurred_at.unix_micros().into(),
            to_json(event)?,
        ];
        execute(self.connection()?, sql, values).await.map(|_| ())
    }
}

#[async_trait]
impl RequestCommands for SqlUnitOfWork {
    async fn claim_request(&mut self, request: &StoredRequest) -> Result<Option<StoredRequest>, StorageError> {
        let sql = "INSERT INTO requests (seller_id, request_id, operation, payload_sha256, created_at_us, progress) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (seller_id, request_id) DO NOTHING";
        let values = [
            request.key.seller_id.as_str().into(),
            request.key.request_id.as_str().into(),
            request.operation.as_str().into(),
            request.payload_sha256.as_str().into(),
            request.created_at.unix_micros().into(),
            to_json(&request.progress)?,
        ];
        if execute(self.connection()?, sql, values).await? == 1 {
            return Ok(None);
        }
        match self.load_request(&request.key).await? {
            Some(earlier) => Ok(Some(earlier)),
            None => Err(StorageError::Contended("the request was forgotten meanwhile".into())),
        }
    }

    async fn update_request(&mut self, key: &RequestKey, progress: &RequestProgress) -> Result<(), StorageError> {
        let sql = "UPDATE requests SET progress = $1 WHERE seller_id = $2 AND request_id = $3";
        let values = [to_json(progress)?, key.seller_id.as_str().into(), key.request_id.as_str().into()];
        execute(self.connection()?, sql, values).await.map(|_| ())
    }
}

#[async_trait]
impl IntentCommands for SqlUnitOfWork {
    async fn insert_intent(&mut self, intent: &Intent, lease: Duration) -> Result<(), StorageError> {
        let c = self.connection()?;
        let sql = format!(
            "INSERT INTO intents (id, seller_id, subject, state, unfinished, request_id, lease_until_us, lease_epoch, document) \
             VALUES ($1, $2, $3, $4, $5, $6, {} + $7, 0, $8)",
            now_us(c.get_database_backend())
        );
        let values = [
            intent.id.to_string().into(),
            intent.seller_id.as_str().into(),
            intent.action.subject().into(),
            intent.state.name().into(),
            intent.state.is_unfinished().into(),
            intent.request.as_ref().map(|key| key.request_id.as_str().to_owned()).into(),
            micros(lease).into(),
            to_json(intent)?,
        ];
        execute(c, &sql, values).await.map(|_| ())
    }

    async fn lease_due_intents(&mut self, limit: u32, lease: Duration) -> Result<Vec<Intent>, StorageError> {
        self.lease_intents("1 = 1", vec![], (limit, lease)).await
    }

    async fn lease_intent(&mut self, id: IntentId, lease: Duration) -> Result<Option<Intent>, StorageError> {
        Ok(self.lease_intents("due.id = $2", vec![id.to_string().into()], (1, lease)).await?.into_iter().next())
    }

    async fn renew_intent_lease(&mut self, held: &Intent, lease: Duration) -> Result<bool, StorageError> {
        let c = self.connection()?;
        let sql = format!(
            "UPDATE intents SET lease_until_us = {} WHERE id = $2 AND unfinished AND lease_epoch = $3",
            later("lease_until_us", &format!("{} + $1", now_us(c.get_database_backend())))
        );
        let values = [micros(lease).into(), held.id.to_string().into(), held.lease_epoch.into()];
        Ok(execute(c, &sql, values).await? == 1)
    }

    async fn update_intent(&mut self, intent: &Intent, retry_in: Duration) -> Result<(), StorageError> {
        let c = self.connection()?;
        let sql = format!(
            "UPDATE intents SET state = $1, unfinished = $2, lease_until_us = {} + $3, document = $4 \
             WHERE id = $5 AND unfinished AND lease_epoch = $6",
            now_us(c.get_database_backend())
        );
        let values = [
            intent.state.name().into(),
            intent.state.is_unfinished().into(),
            micros(retry_in).into(),
            to_json(intent)?,
            intent.id.to_string().into(),
            intent.lease_epoch.into(),
        ];
        match execute(c, &sql, values).await? {
            0 => Err(StorageError::Stale),
            _ => Ok(()),
        }
    }
}

impl SqlUnitOfWork {
    /// Leases intents under a condition that begins its values at `$2`.
    async fn lease_intents(
        &self,
        condition: &str,
        values: Vec<Value>,
        (limit, lease): (u32, Duration),
    ) -> Result<Vec<Intent>, StorageError> {
        let c = self.connection()?;
        let backend = c.get_database_backend();
        let sql = format!(
            "UPDATE intents SET lease_until_us = {now} + $1, lease_epoch = lease_epoch + 1 WHERE seq IN (\
             SELECT due.seq FROM intents AS due WHERE due.unfinished AND due.lease_until_us <= {now} AND {condition} \
             AND NOT EXISTS (SELECT 1 FROM intents AS older \
             WHERE older.subject = due.subject AND older.unfinished AND older.seq < due.seq) \
             ORDER BY due.lease_until_us LIMIT {limit}{lock}) RETURNING id, lease_epoch, document",
            now = now_us(backend),
            lock = for_update_skip_locked(backend)
        );
        let values = std::iter::once(Value::from(micros(lease))).chain(values);
        let rows = all(c, Statement::from_sql_and_values(backend, sql, values)).await?;
        Ok(crate::queries::readable_intents(&rows))
    }
}

#[async_trait]
impl ApiKeyCommands for SqlUnitOfWork {
    async fn insert_api_key(&mut self, key: &ApiKey) -> Result<(), StorageError> {
        let sql = "INSERT INTO api_keys (id, prefix, revoked, document) VALUES ($1, $2, $3, $4)";
        let values =
            [key.id.to_string().into(), key.prefix.as_str().into(), key.revoked_at.is_some().into(), to_json(key)?];
        execute(self.connection()?, sql, values).await.map(|_| ())
    }

    async fn revoke_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<bool, StorageError> {
        let c = self.connection()?;
        let Some(key) = lock_api_key(c, id).await? else { return Ok(false) };
        let key = ApiKey { revoked_at: Some(now), ..key };
        let sql = "UPDATE api_keys SET revoked = $1, document = $2 WHERE id = $3";
        Ok(execute(c, sql, [true.into(), to_json(&key)?, id.to_string().into()]).await? == 1)
    }

    async fn note_use_of_api_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<(), StorageError> {
        let c = self.connection()?;
        let Some(key) = lock_api_key(c, id).await?.filter(|key| key.is_use_worth_noting(now)) else { return Ok(()) };
        let key = ApiKey { last_used_at: Some(now), ..key };
        let sql = "UPDATE api_keys SET document = $1 WHERE id = $2";
        execute(c, sql, [to_json(&key)?, id.to_string().into()]).await.map(|_| ())
    }
}

/// A key that is not revoked, and stays as it is until the transaction ends.
async fn lock_api_key(c: &impl ConnectionTrait, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
    let backend = c.get_database_backend();
    let filter = Filter::new().and("id = ? AND NOT revoked", [id.to_string().into()]);
    let statement = filter.statement(backend, "SELECT document FROM api_keys", for_update(backend));
    one(c, statement).await?.map(|row| json(&row, "document")).transpose()
}

/// The later of two moments. A renewal may come behind what put the thing off for longer.
pub(crate) fn later(one: &str, other: &str) -> String {
    format!("CASE WHEN {one} > {other} THEN {one} ELSE {other} END")
}

pub(crate) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

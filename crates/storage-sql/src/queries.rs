//! Reads, alike for the pool and for a transaction.

use std::sync::Arc;
use std::time::Duration;

use domain::access::ApiKey;
use domain::catalog::{Price, Product, ShippingRate};
use domain::checkout::{CheckoutSession, SessionState};
use domain::customer::Customer;
use domain::event::{EventPosition, SequencedEvent};
use domain::id::{
    CheckoutSessionId, CustomerId, IntentId, InvoiceId, PaymentId, PaymentLinkId, PaymentMethodId, PriceId, ProductId,
    ShippingRateId, TaxRateId,
};
use domain::idempotency::{RequestKey, StoredRequest};
use domain::invoice::{Invoice, InvoiceState};
use domain::page::{Page, PageRequest};
use domain::payment::Payment;
use domain::payment_link::{LinkState, PaymentLink};
use domain::payment_method::PaymentMethod;
use domain::ports::storage::{
    ApiKeyQueries, CatalogQueries, CheckoutQueries, CustomerQueries, EventFilter, EventQueries, IntentQueries,
    InvoiceFilter, InvoiceQueries, LinkFilter, PaymentFilter, PaymentLinkQueries, PaymentQueries, PriceFilter, Reader,
    RequestQueries, Sellers, SessionFilter, StorageError,
};
use domain::provider::{Intent, ProviderName, ProviderRef};
use domain::seller::SellerId;
use domain::tax::TaxRate;
use domain::timestamp::Timestamp;
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use crate::connection::SqlStorage;
use crate::errors::defect;
use crate::sql::{Filter, all, column, json, now_us, one};
use crate::stored::Stored;
use crate::unit_of_work::SqlUnitOfWork;

/// The one row that a filter finds.
async fn find<T: Stored>(c: &impl ConnectionTrait, filter: Filter) -> Result<Option<T>, StorageError> {
    let select = format!("SELECT document FROM {}", T::TABLE);
    let row = one(c, filter.statement(c.get_database_backend(), &select, "")).await?;
    row.map(|row| json(&row, "document")).transpose()
}

pub(crate) async fn get<T: Stored>(
    c: &impl ConnectionTrait,
    sellers: &Sellers,
    id: String,
) -> Result<Option<T>, StorageError> {
    let filter = Filter::new().and("id = ?", [id.into()]).and_in("seller_id", sellers.iter().map(SellerId::as_str));
    find(c, filter).await
}

pub(crate) async fn load<T: Stored>(c: &impl ConnectionTrait, id: String) -> Result<Option<T>, StorageError> {
    find(c, Filter::new().and("id = ?", [id.into()])).await
}

pub(crate) async fn load_by_ref<T: Stored>(
    c: &impl ConnectionTrait,
    provider: &ProviderName,
    provider_ref: &ProviderRef,
) -> Result<Option<T>, StorageError> {
    let at_provider = [provider.as_str().into(), provider_ref.0.as_str().into()];
    find(c, Filter::new().and("provider = ? AND provider_ref = ?", at_provider)).await
}

/// A page, newest first, by keyset.
pub(crate) async fn page<T: Stored, Id: ToString>(
    c: &impl ConnectionTrait,
    filter: Filter,
    page: PageRequest<Id>,
) -> Result<Page<T>, StorageError> {
    let filter = filter.and_some("id < ?", page.before.map(|id| id.to_string()));
    let select = format!("SELECT document FROM {}", T::TABLE);
    let limit = format!(" ORDER BY id DESC LIMIT {}", page.size.get() + 1);
    let rows = all(c, filter.statement(c.get_database_backend(), &select, &limit)).await?;
    let items = rows.iter().map(|row| json(row, "document")).collect::<Result<_, _>>()?;
    Ok(Page::from_overfetched(items, page.size))
}

/// All that fit the filter, oldest first: for things of which a seller has few.
pub(crate) async fn every<T: Stored>(c: &impl ConnectionTrait, filter: Filter) -> Result<Vec<T>, StorageError> {
    let select = format!("SELECT document FROM {}", T::TABLE);
    let rows = all(c, filter.statement(c.get_database_backend(), &select, " ORDER BY id")).await?;
    rows.iter().map(|row| json(row, "document")).collect()
}

pub(crate) fn of(seller: &SellerId) -> Filter {
    Filter::new().and("seller_id = ?", [seller.as_str().into()])
}

pub(crate) fn text<T: ToString>(id: Option<T>) -> Option<String> {
    id.map(|id| id.to_string())
}

/// What ends at or before `until`, soonest first. The state is said in the statement, as in the index over what expires.
async fn expiring<Id, E: std::error::Error + Send + Sync + 'static>(
    c: &impl ConnectionTrait,
    (table, state): (&str, &str),
    until: Timestamp,
    limit: u32,
    parse: fn(&str) -> Result<Id, E>,
) -> Result<Vec<Id>, StorageError> {
    let filter = Filter::new().and(&format!("state = '{state}' AND expires_at_us <= ?"), [until.unix_micros().into()]);
    let order = format!(" ORDER BY expires_at_us LIMIT {limit}");
    let rows = all(c, filter.statement(c.get_database_backend(), &format!("SELECT id FROM {table}"), &order)).await?;
    rows.iter().map(|row| parse(&column::<String>(row, "id")?).map_err(defect)).collect()
}

pub(crate) async fn last_position(c: &impl ConnectionTrait) -> Result<EventPosition, StorageError> {
    let select = "SELECT last_position FROM event_sequencer WHERE id = 1";
    let row = one(c, Statement::from_string(c.get_database_backend(), select)).await?;
    let row = row.ok_or_else(|| defect("event_sequencer has no row"))?;
    Ok(EventPosition(column(&row, "last_position")?))
}

pub(crate) async fn list_events(
    c: &impl ConnectionTrait,
    sellers: &Sellers,
    filter: &EventFilter,
    (after, limit): (EventPosition, u32),
) -> Result<Arc<[SequencedEvent]>, StorageError> {
    let mut filter_sql = Filter::new()
        .and_in("seller_id", sellers.iter().map(SellerId::as_str))
        .and("position > ?", [after.0.into()])
        .and_some("subject_id = ?", filter.subject_id.clone());
    if !filter.kinds.is_empty() {
        filter_sql = filter_sql.and_in("kind", filter.kinds.iter().map(|kind| kind.name()));
    }
    let order = format!(" ORDER BY position LIMIT {limit}");
    let statement = filter_sql.statement(c.get_database_backend(), "SELECT position, document FROM events", &order);
    let rows = all(c, statement).await?;
    rows.iter()
        .map(|row| {
            Ok(SequencedEvent { position: EventPosition(column(row, "position")?), event: json(row, "document")? })
        })
        .collect()
}

async fn load_request(c: &impl ConnectionTrait, key: &RequestKey) -> Result<Option<StoredRequest>, StorageError> {
    let filter = of(&key.seller_id).and("request_id = ?", [key.request_id.as_str().into()]);
    let select = "SELECT operation, payload_sha256, created_at_us, progress FROM requests";
    let Some(row) = one(c, filter.statement(c.get_database_backend(), select, "")).await? else { return Ok(None) };
    Ok(Some(StoredRequest {
        key: key.clone(),
        operation: column(&row, "operation")?,
        payload_sha256: column(&row, "payload_sha256")?,
        progress: json(&row, "progress")?,
        created_at: Timestamp::from_unix_micros(column(&row, "created_at_us")?),
    }))
}

async fn find_intent(c: &impl ConnectionTrait, filter: Filter) -> Result<Option<Intent>, StorageError> {
    let select = "SELECT lease_epoch, document FROM intents";
    let row = one(c, filter.statement(c.get_database_backend(), select, " ORDER BY seq LIMIT 1")).await?;
    row.as_ref().map(intent).transpose()
}

async fn list_unknown_intents(c: &impl ConnectionTrait, limit: u32) -> Result<Vec<Intent>, StorageError> {
    let filter = Filter::new().and("unfinished AND state = 'outcome_unknown'", []);
    let select = "SELECT id, lease_epoch, document FROM intents";
    let order = format!(" ORDER BY seq LIMIT {limit}");
    let rows = all(c, filter.statement(c.get_database_backend(), select, &order)).await?;
    Ok(readable_intents(&rows))
}

/// How long it takes until a call is due that its last holder put off. One who holds it now has a later lease than the one
/// that was written down with it.
async fn put_off_for(c: &impl ConnectionTrait, id: IntentId) -> Result<Option<Duration>, StorageError> {
    let filter = Filter::new().and("id = ? AND unfinished", [id.to_string().into()]);
    let select = format!(
        "SELECT lease_until_us - {} AS left_us, lease_epoch, document FROM intents",
        now_us(c.get_database_backend())
    );
    let Some(row) = one(c, filter.statement(c.get_database_backend(), &select, "")).await? else { return Ok(None) };
    let written: Intent = json(&row, "document")?;
    if written.attempts == 0 || written.lease_epoch != column::<i64>(&row, "lease_epoch")? {
        return Ok(None);
    }
    let left: i64 = column(&row, "left_us")?;
    Ok(u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_micros))
}

/// An intent with the lease that it has now.
pub(crate) fn intent(row: &QueryResult) -> Result<Intent, StorageError> {
    Ok(Intent { lease_epoch: column(row, "lease_epoch")?, ..json(row, "document")? })
}

/// Intents of rows, without those that this version can't read, as where a later one has stored them: they wait for it, and hold
/// up no others.
pub(crate) fn readable_intents(rows: &[QueryResult]) -> Vec<Intent> {
    let read = |row| {
        intent(row).inspect_err(|error| {
        let id: String = column(row, "id").unwrap_or_default();
        tracing::error!(intent = id, %error, "an intended call can't be read by this version, and waits for one that can");
    })
    };
    rows.iter().filter_map(|row| read(row).ok()).collect()
}

async fn find_api_keys(c: &impl ConnectionTrait, filter: Filter) -> Result<Vec<ApiKey>, StorageError> {
    let rows = all(c, filter.statement(c.get_database_backend(), "SELECT document FROM api_keys", " ORDER BY id DESC"))
        .await?;
    rows.iter().map(|row| json(row, "document")).collect()
}

pub(crate) async fn api_key(c: &impl ConnectionTrait, prefix: &str) -> Result<Option<ApiKey>, StorageError> {
    Ok(find_api_keys(c, Filter::new().and("prefix = ?", [prefix.into()])).await?.into_iter().next())
}

/// The read ports, for one type that has a connection.
macro_rules! impl_reader {
    ($reader:ty, |$it:ident| $connection:expr) => {
        impl Reader for $reader {}

        #[async_trait::async_trait]
        impl CatalogQueries for $reader {
            async fn get_product(&self, sellers: &Sellers, id: ProductId) -> Result<Option<Product>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn list_products(
                &self,
                seller: &SellerId,
                active: Option<bool>,
                request: PageRequest<ProductId>,
            ) -> Result<Page<Product>, StorageError> {
                let $it = self;
                page($connection, of(seller).and_some("active = ?", active), request).await
            }

            async fn get_price(&self, sellers: &Sellers, id: PriceId) -> Result<Option<Price>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn list_prices(
                &self,
                seller: &SellerId,
                filter: PriceFilter,
                request: PageRequest<PriceId>,
            ) -> Result<Page<Price>, StorageError> {
                let $it = self;
                let filter = of(seller)
                    .and_some("product_id = ?", text(filter.product_id))
                    .and_some("active = ?", filter.active);
                page($connection, filter, request).await
            }

            async fn get_tax_rate(&self, sellers: &Sellers, id: TaxRateId) -> Result<Option<TaxRate>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn get_shipping_rate(
                &self,
                sellers: &Sellers,
                id: ShippingRateId,
            ) -> Result<Option<ShippingRate>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn list_shipping_rates(
                &self,
                seller: &SellerId,
                active: Option<bool>,
                request: PageRequest<ShippingRateId>,
            ) -> Result<Page<ShippingRate>, StorageError> {
                let $it = self;
                page($connection, of(seller).and_some("active = ?", active), request).await
            }

            async fn list_tax_rates(
                &self,
                seller: &SellerId,
                active: Option<bool>,
                request: PageRequest<TaxRateId>,
            ) -> Result<Page<TaxRate>, StorageError> {
                let $it = self;
                page($connection, of(seller).and_some("active = ?", active), request).await
            }
        }

        #[async_trait::async_trait]
        impl CustomerQueries for $reader {
            async fn get_customer(&self, sellers: &Sellers, id: CustomerId) -> Result<Option<Customer>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn list_customers(
                &self,
                seller: &SellerId,
                request: PageRequest<CustomerId>,
            ) -> Result<Page<Customer>, StorageError> {
                let $it = self;
                page($connection, of(seller), request).await
            }

            async fn get_payment_method(
                &self,
                sellers: &Sellers,
                id: PaymentMethodId,
            ) -> Result<Option<PaymentMethod>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn load_payment_method(&self, id: PaymentMethodId) -> Result<Option<PaymentMethod>, StorageError> {
                self.load_row(id.to_string()).await
            }

            async fn load_payment_method_by_ref(
                &self,
                provider: &ProviderName,
                provider_ref: &ProviderRef,
            ) -> Result<Option<PaymentMethod>, StorageError> {
                let $it = self;
                load_by_ref($connection, provider, provider_ref).await
            }

            async fn list_payment_methods(
                &self,
                customer: CustomerId,
                request: PageRequest<PaymentMethodId>,
            ) -> Result<Page<PaymentMethod>, StorageError> {
                let $it = self;
                let filter = Filter::new()
                    .and("customer_id = ?", [customer.to_string().into()])
                    .and("detached = ?", [false.into()]);
                page($connection, filter, request).await
            }
        }

        #[async_trait::async_trait]
        impl InvoiceQueries for $reader {
            async fn get_invoice(&self, sellers: &Sellers, id: InvoiceId) -> Result<Option<Invoice>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn list_invoices(
                &self,
                seller: &SellerId,
                filter: InvoiceFilter,
                request: PageRequest<InvoiceId>,
            ) -> Result<Page<Invoice>, StorageError> {
                let $it = self;
                // The state is said in the statement, as in the index over open invoices.
                let overdue = format!("state = '{}' AND due_date < ?", InvoiceState::OPEN);
                let filter = of(seller)
                    .and_some("customer_id = ?", text(filter.customer_id))
                    .and_some("state = ?", filter.state)
                    .and_some("number = ?", filter.number)
                    .and_some(&overdue, text(filter.due_before));
                page($connection, filter, request).await
            }
        }

        #[async_trait::async_trait]
        impl PaymentLinkQueries for $reader {
            async fn get_payment_link(
                &self,
                sellers: &Sellers,
                id: PaymentLinkId,
            ) -> Result<Option<PaymentLink>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn load_payment_link(&self, id: PaymentLinkId) -> Result<Option<PaymentLink>, StorageError> {
                self.load_row(id.to_string()).await
            }

            async fn list_payment_links(
                &self,
                seller: &SellerId,
                filter: LinkFilter,
                request: PageRequest<PaymentLinkId>,
            ) -> Result<Page<PaymentLink>, StorageError> {
                let $it = self;
                let mut sql =
                    of(seller).and_some("open = ?", filter.active).and_some("invoice_id = ?", text(filter.invoice_id));
                if let Some((key, value)) = filter.metadata {
                    let pair = "id IN (SELECT payment_link_id FROM payment_link_metadata \
                                WHERE seller_id = ? AND key = ? AND value = ?)";
                    sql = sql.and(pair, [seller.as_str().into(), key.into(), value.into()]);
                }
                page($connection, sql, request).await
            }

            async fn list_expiring_payment_links(
                &self,
                until: Timestamp,
                limit: u32,
            ) -> Result<Vec<PaymentLinkId>, StorageError> {
                let $it = self;
                expiring($connection, ("payment_links", LinkState::ACTIVE), until, limit, PaymentLinkId::parse).await
            }
        }

        #[async_trait::async_trait]
        impl CheckoutQueries for $reader {
            async fn get_checkout_session(
                &self,
                sellers: &Sellers,
                id: CheckoutSessionId,
            ) -> Result<Option<CheckoutSession>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn load_checkout_session(
                &self,
                id: CheckoutSessionId,
            ) -> Result<Option<CheckoutSession>, StorageError> {
                self.load_row(id.to_string()).await
            }

            async fn load_checkout_session_by_ref(
                &self,
                provider: &ProviderName,
                provider_ref: &ProviderRef,
            ) -> Result<Option<CheckoutSession>, StorageError> {
                let $it = self;
                load_by_ref($connection, provider, provider_ref).await
            }

            async fn list_checkout_sessions(
                &self,
                seller: &SellerId,
                filter: SessionFilter,
                request: PageRequest<CheckoutSessionId>,
            ) -> Result<Page<CheckoutSession>, StorageError> {
                let $it = self;
                let filter = of(seller)
                    .and_some("invoice_id = ?", text(filter.invoice_id))
                    .and_some("payment_link_id = ?", text(filter.payment_link_id))
                    .and_some("state = ?", filter.state);
                page($connection, filter, request).await
            }

            async fn list_expiring_checkout_sessions(
                &self,
                until: Timestamp,
                limit: u32,
            ) -> Result<Vec<CheckoutSessionId>, StorageError> {
                let $it = self;
                let open = ("checkout_sessions", SessionState::OPEN);
                expiring($connection, open, until, limit, CheckoutSessionId::parse).await
            }
        }

        #[async_trait::async_trait]
        impl PaymentQueries for $reader {
            async fn get_payment(&self, sellers: &Sellers, id: PaymentId) -> Result<Option<Payment>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn load_payment_by_ref(
                &self,
                provider: &ProviderName,
                provider_ref: &ProviderRef,
            ) -> Result<Option<Payment>, StorageError> {
                let $it = self;
                load_by_ref($connection, provider, provider_ref).await
            }

            async fn list_payments(
                &self,
                seller: &SellerId,
                filter: PaymentFilter,
                request: PageRequest<PaymentId>,
            ) -> Result<Page<Payment>, StorageError> {
                let $it = self;
                let filter = of(seller)
                    .and_some("invoice_id = ?", text(filter.invoice_id))
                    .and_some("customer_id = ?", text(filter.customer_id))
                    .and_some("payment_link_id = ?", text(filter.payment_link_id))
                    .and_some("subscription_id = ?", text(filter.subscription_id))
                    .and_some("state = ?", filter.state)
                    .and_some("flagged = ?", filter.flagged);
                page($connection, filter, request).await
            }
        }

        #[async_trait::async_trait]
        impl EventQueries for $reader {
            async fn list_events(
                &self,
                sellers: &Sellers,
                filter: &EventFilter,
                after: EventPosition,
                limit: u32,
            ) -> Result<Arc<[SequencedEvent]>, StorageError> {
                self.events_behind(sellers, filter, (after, limit)).await
            }

            async fn last_position(&self) -> Result<EventPosition, StorageError> {
                let $it = self;
                last_position($connection).await
            }
        }

        #[async_trait::async_trait]
        impl RequestQueries for $reader {
            async fn load_request(&self, key: &RequestKey) -> Result<Option<StoredRequest>, StorageError> {
                let $it = self;
                load_request($connection, key).await
            }
        }

        #[async_trait::async_trait]
        impl IntentQueries for $reader {
            async fn load_intent(&self, id: IntentId) -> Result<Option<Intent>, StorageError> {
                let $it = self;
                find_intent($connection, Filter::new().and("id = ?", [id.to_string().into()])).await
            }

            async fn load_intent_of_request(&self, key: &RequestKey) -> Result<Option<Intent>, StorageError> {
                let $it = self;
                let filter = of(&key.seller_id).and("request_id = ? AND unfinished", [key.request_id.as_str().into()]);
                find_intent($connection, filter).await
            }

            async fn has_unfinished_intent(&self, subject: &str) -> Result<bool, StorageError> {
                let $it = self;
                let filter = Filter::new().and("subject = ? AND unfinished", [Value::from(subject)]);
                Ok(find_intent($connection, filter).await?.is_some())
            }

            async fn list_intents_of_unknown_outcome(&self, limit: u32) -> Result<Vec<Intent>, StorageError> {
                let $it = self;
                list_unknown_intents($connection, limit).await
            }

            async fn intent_put_off_for(&self, id: IntentId) -> Result<Option<Duration>, StorageError> {
                let $it = self;
                put_off_for($connection, id).await
            }
        }

        #[async_trait::async_trait]
        impl ApiKeyQueries for $reader {
            async fn load_api_key_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, StorageError> {
                self.api_key(prefix).await
            }

            async fn list_api_keys(&self) -> Result<Vec<ApiKey>, StorageError> {
                let $it = self;
                find_api_keys($connection, Filter::new()).await
            }
        }
    };
}

impl_reader!(SqlStorage, |it| &it.0.statements);
impl_reader!(SqlUnitOfWork, |it| it.connection()?);

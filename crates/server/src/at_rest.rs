//! The application without a server, for commands that work straight in the database, beside servers that may run on it.

use std::sync::Arc;

use anyhow::{Context, Result};
use application::{App, AppParts, InvoiceSharing};
use domain::ports::storage::SharedSecret;
use storage_sql::{SqlConfig, SqlStorage};

use crate::Settings;
use crate::config::Config;
use crate::system::{SystemClock, UuidGenerator, entropy};

/// An application of which nothing runs.
pub(crate) struct AtRest {
    pub(crate) app: App,
    /// Where its database is, for people.
    pub(crate) database: String,
    storage: SqlStorage,
}

impl AtRest {
    /// Opens the database of these settings, which a server has made: none is made here, where a setting that is forgotten
    /// would lead to an empty one beside that which is meant.
    ///
    /// # Errors
    /// The configuration is wrong, or the database is not there or can't be used.
    pub(crate) async fn open(settings: &Settings) -> Result<Self> {
        let config = Config::load(settings)?;
        let database = config.database_place();
        let sql = SqlConfig::new(&config.database_url);
        let storage = SqlStorage::connect_existing(&sql).await;
        let storage =
            storage.with_context(|| format!("the database {database} can't be used (--config names the file)"))?;
        // Sellers name a provider; none of its calls is made here.
        let providers = crate::registry::idle(config.charging)?;
        let app = App::new(AppParts {
            storage: Arc::new(storage.clone()),
            callers_transactions_max: sql.callers_transactions_max(),
            providers: providers.all,
            background_providers: providers.background,
            tax_calculator: config.tax_tables.clone(),
            tax_registration_rules: config.tax_tables,
            provider_tax: providers.tax,
            tax_id_registry: None,
            renderer: crate::registry::renderer(),
            // No invoice is shared here.
            sharing: InvoiceSharing { key: SharedSecret::new(entropy()?), pages_url: String::new() },
            mail: None,
            reconcile_every: config.reconcile_every,
            clock: Arc::new(SystemClock),
            ids: Arc::new(UuidGenerator),
            sellers: config.sellers,
            access: config.access,
        })
        .map_err(|error| anyhow::anyhow!(error))?;
        Ok(Self { app, database, storage })
    }

    /// Closes the database.
    pub(crate) async fn close(self) {
        self.storage.close().await;
    }
}

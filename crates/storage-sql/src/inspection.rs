//! What operators ask of the database beside all that the service does: whether it is there, which schema it has, and what is
//! left open.

use domain::ports::storage::{OpenAtProvider, StorageError};
use domain::provider::ProviderName;
use migrations::Migrator;
use sea_orm::{DbBackend, Statement};

use crate::connection::SqlStorage;
use crate::errors::defect;
use crate::sql::{Filter, all, column, count, one};

/// A table whose rows are at a provider, which rows of it are open, and where they are counted.
type OpenRows = (&'static str, &'static str, fn(&mut OpenAtProvider) -> &mut u64);

/// All such tables. Each has an index that begins with the provider.
const OPEN: [OpenRows; 6] = [
    ("payment_links", "open", |of| &mut of.links),
    ("checkout_sessions", "state IN ('creating', 'open', 'closing')", |of| &mut of.sessions),
    ("payments", "state IN ('pending', 'processing', 'authorized')", |of| &mut of.payments),
    ("refunds", "state IN ('creating', 'pending', 'requires_action')", |of| &mut of.refunds),
    ("subscriptions", "state NOT IN ('canceled', 'incomplete_expired')", |of| &mut of.subscriptions),
    ("notifications", "state <> 'done' AND state <> 'closed'", |of| &mut of.notifications),
];

/// How the schema stands against the steps that this version knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The steps that were taken and are known.
    pub taken: usize,
    /// The names of steps that are still to be taken.
    pub missing: Vec<String>,
    /// The names of steps of a later version.
    pub unknown: Vec<String>,
}

impl SqlStorage {
    /// Whether any step was ever taken: else it is no database of ours.
    pub(crate) async fn has_schema(&self) -> Result<bool, StorageError> {
        let sql = match self.backend() {
            DbBackend::Postgres => {
                "SELECT CAST(count(*) AS BIGINT) AS n FROM pg_tables WHERE tablename = 'seaql_migrations' \
                AND schemaname = ANY (current_schemas(false))"
            }
            _ => "SELECT count(*) AS n FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
        };
        Ok(self.counted(Statement::from_string(self.backend(), sql)).await? > 0)
    }

    /// How the schema stands.
    ///
    /// # Errors
    /// The database fails.
    pub async fn schema(&self) -> Result<Schema, StorageError> {
        let known: Vec<String> = Migrator::names();
        let c = &self.0.db;
        let select = Statement::from_string(self.backend(), "SELECT version FROM seaql_migrations ORDER BY version");
        let rows = all(c, select).await?;
        let taken: Vec<String> = rows.iter().map(|row| column(row, "version")).collect::<Result<_, _>>()?;
        Ok(Schema {
            taken: known.iter().filter(|step| taken.contains(step)).count(),
            missing: known.iter().filter(|step| !taken.contains(step)).cloned().collect(),
            unknown: taken.into_iter().filter(|step| !known.contains(step)).collect(),
        })
    }

    /// The database's own name and version, such as `PostgreSQL 17.2`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn version(&self) -> Result<String, StorageError> {
        let (name, sql) = match self.backend() {
            DbBackend::Postgres => ("PostgreSQL", "SELECT current_setting('server_version') AS version"),
            _ => ("SQLite", "SELECT sqlite_version() AS version"),
        };
        let row = one(&self.0.db, Statement::from_string(self.backend(), sql)).await?;
        let version: String = column(&row.ok_or_else(|| defect("the database told no version"))?, "version")?;
        Ok(format!("{name} {version}"))
    }

    /// What is open at providers that are none of these.
    pub(crate) async fn count_open_at_others(
        &self,
        known: &[ProviderName],
    ) -> Result<Vec<OpenAtProvider>, StorageError> {
        let mut others: Vec<OpenAtProvider> = Vec::new();
        let is_other = |name: &ProviderName| *name != ProviderName::out_of_band() && !known.contains(name);
        for (table, is_open, counted) in OPEN {
            for provider in self.providers_of(table).await?.into_iter().filter(is_other) {
                let open = self.open_rows(table, is_open, &provider).await?;
                *counted(of(&mut others, provider)) = open;
            }
        }
        for (provider, calls) in self.unfinished_by_provider().await? {
            if is_other(&provider) {
                of(&mut others, provider).calls = calls;
            }
        }
        others.retain(OpenAtProvider::is_any);
        others.sort_by(|one, other| one.provider.cmp(&other.provider));
        Ok(others)
    }

    /// The providers that a table knows: each is found by one step through the index, however many rows it has.
    async fn providers_of(&self, table: &str) -> Result<Vec<ProviderName>, StorageError> {
        let mut providers: Vec<ProviderName> = Vec::new();
        loop {
            let behind = providers.last().map_or("", ProviderName::as_str);
            let filter = Filter::new().and("provider > ?", [behind.into()]);
            let select = format!("SELECT min(provider) AS provider FROM {table}");
            let row = one(&self.0.db, filter.statement(self.backend(), &select, "")).await?;
            let next: Option<String> = row.map(|row| column(&row, "provider")).transpose()?.flatten();
            match next {
                Some(name) => providers.push(name.parse().map_err(defect)?),
                None => return Ok(providers),
            }
        }
    }

    async fn open_rows(&self, table: &str, is_open: &str, provider: &ProviderName) -> Result<u64, StorageError> {
        let filter = Filter::new().and("provider = ?", [provider.as_str().into()]).and(is_open, []);
        let select = format!("SELECT CAST(count(*) AS BIGINT) AS n FROM {table}");
        self.counted(filter.statement(self.backend(), &select, "")).await
    }

    async fn unfinished_by_provider(&self) -> Result<Vec<(ProviderName, u64)>, StorageError> {
        let select = "SELECT document ->> 'provider' AS provider, CAST(count(*) AS BIGINT) AS n FROM intents \
            WHERE unfinished GROUP BY document ->> 'provider'";
        let rows = all(&self.0.db, Statement::from_string(self.backend(), select)).await?;
        let read = |row| {
            let name: String = column(row, "provider")?;
            Ok((name.parse().map_err(defect)?, count(row, "n")?))
        };
        rows.iter().map(read).collect()
    }

    /// The column `n` of a statement's one row.
    async fn counted(&self, statement: Statement) -> Result<u64, StorageError> {
        let row = one(&self.0.db, statement).await?;
        count(&row.ok_or_else(|| defect("nothing was counted"))?, "n")
    }
}

/// The entry of a provider, which is made where there is none.
fn of(all: &mut Vec<OpenAtProvider>, provider: ProviderName) -> &mut OpenAtProvider {
    let at = all.iter().position(|entry| entry.provider == provider).unwrap_or_else(|| {
        all.push(OpenAtProvider::nothing(provider));
        all.len() - 1
    });
    &mut all[at]
}

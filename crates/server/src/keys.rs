//! `paylinks keys`: API keys, straight in the database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use application::{App, AppParts, InvoiceSharing, NewApiKey};
use clap::Subcommand;
use domain::access::Scope;
use domain::id::ApiKeyId;
use domain::ports::storage::SharedSecret;
use domain::seller::SellerId;
use domain::text::DisplayName;
use storage_sql::{SqlConfig, SqlStorage};
use tax_tables::TableTaxCalculator;

use crate::config::Config;
use crate::system::{SystemClock, UuidGenerator, entropy};
use crate::{Settings, say};

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key. Its token is shown once and kept nowhere.
    Create {
        /// A name for people.
        #[arg(long)]
        name: String,
        /// What it allows.
        #[arg(long, default_value = "write", value_parser = ["read", "write", "admin"])]
        scope: String,
        /// A seller whose things it may see; may be given several times; every seller if absent.
        #[arg(long = "seller")]
        sellers: Vec<String>,
        /// After how many days it ends; never if absent.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        expires_in_days: Option<u32>,
        #[command(flatten)]
        settings: Settings,
    },
    /// List all keys.
    List(Settings),
    /// Revoke a key, at once.
    Revoke {
        /// Its id, which begins with key_
        id: String,
        #[command(flatten)]
        settings: Settings,
    },
}

impl KeysCommand {
    const fn settings(&self) -> &Settings {
        match self {
            Self::Create { settings, .. } | Self::List(settings) | Self::Revoke { settings, .. } => settings,
        }
    }
}

/// Runs a command.
pub(crate) async fn run(command: KeysCommand) -> Result<()> {
    let config = Config::load(command.settings())?;
    config.make_directories()?;
    let known: Vec<_> = config.sellers.iter().map(|seller| seller.id.as_str().to_owned()).collect();
    let database = config.database_place();
    let storage =
        SqlStorage::connect(&SqlConfig::new(&config.database_url)).await.context("the database can't be used")?;
    let clock = Arc::new(SystemClock);
    // Keys need no provider, but sellers name one; none of its calls is made here.
    let providers = crate::registry::idle(config.charging)?;
    let tables = Arc::new(TableTaxCalculator::embedded()?);
    let app = App::new(AppParts {
        storage: Arc::new(storage.clone()),
        providers: providers.all,
        tax_calculator: tables.clone(),
        tax_registration_rules: tables,
        provider_tax: providers.tax,
        tax_id_registry: None,
        renderer: crate::registry::renderer(),
        // No invoice is shared here.
        sharing: InvoiceSharing { key: SharedSecret::new(entropy()?), pages_url: String::new() },
        mail: None,
        reconcile_every: config.reconcile_every,
        clock,
        ids: Arc::new(UuidGenerator),
        sellers: config.sellers,
        access: config.access,
    })
    .map_err(|error| anyhow::anyhow!(error))?;
    let done = match command {
        KeysCommand::Create { name, scope, sellers, expires_in_days, .. } => {
            match sellers.iter().find(|seller| !known.contains(seller)) {
                None => create(&app, &database, (&name, &scope), &sellers, expires_in_days).await,
                Some(unknown) => Err(anyhow::anyhow!(
                    "--seller {unknown} is not configured (there is {}; --config names the file)",
                    known.join(", ")
                )),
            }
        }
        KeysCommand::List(_) => list(&app, &database).await,
        KeysCommand::Revoke { id, .. } => revoke(&app, &id).await,
    };
    storage.close().await;
    done
}

async fn create(
    app: &App,
    database: &str,
    (name, scope): (&str, &str),
    sellers: &[String],
    expires_in_days: Option<u32>,
) -> Result<()> {
    let name = DisplayName::parse(name).map_err(|invalid| anyhow::anyhow!("--name {invalid}"))?;
    let scope = Scope::parse(scope).map_err(|invalid| anyhow::anyhow!("--scope {invalid}"))?;
    let sellers: BTreeSet<SellerId> = sellers
        .iter()
        .map(|text| SellerId::parse(text).map_err(|invalid| anyhow::anyhow!("--seller {invalid}")))
        .collect::<Result<_>>()?;
    let expires_at = expires_in_days.map(|days| app.now().plus(Duration::from_secs(u64::from(days) * 24 * 60 * 60)));
    let issued = app.create_api_key(NewApiKey { name, scope, sellers, expires_at, entropy: entropy()? }).await?;
    say(&format!(
        "id        {}\ntoken     {}\ndatabase  {database}\nThe token is shown this once, and kept nowhere.\n",
        issued.key.id, issued.token
    ))
}

async fn list(app: &App, database: &str) -> Result<()> {
    let keys = app.list_api_keys().await?;
    if keys.is_empty() {
        return say(&format!("There are no keys in {database}\n"));
    }
    let mut rows = vec![["ID", "SCOPE", "SELLERS", "STATE", "NAME"].map(str::to_owned)];
    for key in keys {
        let state = match key.revoked_at {
            Some(at) => format!("revoked {at}"),
            None if key.is_active(app.now()) => "active".to_owned(),
            None => "expired".to_owned(),
        };
        let sellers: Vec<_> = key.sellers.iter().map(|seller| seller.as_str()).collect();
        let sellers = if sellers.is_empty() { "every seller".to_owned() } else { sellers.join(",") };
        rows.push([key.id.to_string(), key.scope.name().to_owned(), sellers, state, key.name.to_string()]);
    }
    say(&format!("{}In {database}\n", aligned(&rows)))
}

/// Rows with their columns below each other; the last is as long as it is.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let line = |row: &[String; N]| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

async fn revoke(app: &App, id: &str) -> Result<()> {
    let id = ApiKeyId::parse(id).map_err(|invalid| anyhow::anyhow!("the id {invalid}"))?;
    app.revoke_api_key(id).await?;
    say(&format!("{id} is revoked\n"))
}

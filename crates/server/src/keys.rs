//! `paylinks keys`: API keys, straight in the database.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use application::{App, NewApiKey};
use clap::Subcommand;
use domain::access::{ApiKey, Scope};
use domain::id::ApiKeyId;
use domain::seller::SellerId;
use domain::text::DisplayName;
use domain::timestamp::Timestamp;
use serde_json::{Value as Json, json};

use crate::at_rest::AtRest;
use crate::system::entropy;
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
        /// After how long it ends, such as 90d, 12h, 30m or 45s; never if absent.
        #[arg(long, value_name = "TIME", value_parser = cli::parse_duration)]
        expires_in: Option<Duration>,
        /// Tell it as one JSON object.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// List all keys.
    List {
        /// Tell each as a JSON object on a line of its own.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
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
            Self::Create { settings, .. } | Self::List { settings, .. } | Self::Revoke { settings, .. } => settings,
        }
    }
}

/// Runs a command.
pub(crate) async fn run(command: KeysCommand) -> Result<()> {
    let at_rest = AtRest::open(command.settings()).await?;
    let (app, database) = (&at_rest.app, &at_rest.database);
    let done = match command {
        KeysCommand::Create { name, scope, sellers, expires_in, json, .. } => {
            let known: Vec<&str> = app.seller_ids().map(SellerId::as_str).collect();
            match sellers.iter().find(|seller| !known.contains(&seller.as_str())) {
                None => create(app, database, (&name, &scope, &sellers, expires_in), json).await,
                Some(unknown) => Err(anyhow::anyhow!(
                    "--seller {unknown} is not configured (there is {}; --config names the file)",
                    known.join(", ")
                )),
            }
        }
        KeysCommand::List { json: true, .. } => list_json(app).await,
        KeysCommand::List { json: false, .. } => list(app, database).await,
        KeysCommand::Revoke { id, .. } => revoke(app, &id).await,
    };
    at_rest.close().await;
    done
}

async fn create(
    app: &App,
    database: &str,
    (name, scope, sellers, expires_in): (&str, &str, &[String], Option<Duration>),
    json: bool,
) -> Result<()> {
    let name = DisplayName::parse(name).map_err(|invalid| anyhow::anyhow!("--name {invalid}"))?;
    let scope = Scope::parse(scope).map_err(|invalid| anyhow::anyhow!("--scope {invalid}"))?;
    let sellers: BTreeSet<SellerId> = sellers
        .iter()
        .map(|text| SellerId::parse(text).map_err(|invalid| anyhow::anyhow!("--seller {invalid}")))
        .collect::<Result<_>>()?;
    let expires_at = expires_in.map(|lifetime| app.now().plus(lifetime));
    let issued = app.create_api_key(NewApiKey { name, scope, sellers, expires_at, entropy: entropy()? }).await?;
    if json {
        let mut told = told(&issued.key, app.now());
        told["token"] = json!(issued.token);
        return say(&format!("{told}\n"));
    }
    let end = issued.key.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    say(&format!(
        "id        {}\ntoken     {}\nends      {end}\ndatabase  {database}\nThe token is shown this once, and kept nowhere.\n",
        issued.key.id, issued.token
    ))
}

async fn list(app: &App, database: &str) -> Result<()> {
    let keys = app.list_api_keys().await?;
    if keys.is_empty() {
        return say(&format!("There are no keys in {database}\n"));
    }
    let mut rows = vec![["ID", "SCOPE", "SELLERS", "STATE", "ENDS", "LAST USED", "NAME"].map(str::to_owned)];
    for key in keys {
        let state = match key.revoked_at {
            Some(at) => format!("revoked {at}"),
            None => state(&key, app.now()).to_owned(),
        };
        let sellers: Vec<_> = key.sellers.iter().map(|seller| seller.as_str()).collect();
        let sellers = if sellers.is_empty() { "every seller".to_owned() } else { sellers.join(",") };
        let moment = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let (end, last_use) = (moment(key.expires_at), moment(key.last_used_at));
        rows.push([
            key.id.to_string(),
            key.scope.name().to_owned(),
            sellers,
            state,
            end,
            last_use,
            key.name.to_string(),
        ]);
    }
    say(&format!("{}In {database}\n", cli::aligned(&rows)))
}

async fn list_json(app: &App) -> Result<()> {
    let now = app.now();
    let lines = app.list_api_keys().await?.iter().map(|key| format!("{}\n", told(key, now))).collect::<String>();
    say(&lines)
}

fn state(key: &ApiKey, now: Timestamp) -> &'static str {
    match key.revoked_at {
        Some(_) => "revoked",
        None if key.is_active(now) => "active",
        None => "expired",
    }
}

/// A key for a script, without what opens anything. Of no seller in particular is of every one.
fn told(key: &ApiKey, now: Timestamp) -> Json {
    let moment = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": key.id.to_string(),
        "name": key.name.to_string(),
        "scope": key.scope.name(),
        "sellers": key.sellers,
        "state": state(key, now),
        "createTime": key.created_at.to_string(),
        "expireTime": moment(key.expires_at),
        "lastUseTime": moment(key.last_used_at),
        "revokeTime": moment(key.revoked_at),
    })
}

async fn revoke(app: &App, id: &str) -> Result<()> {
    let id = ApiKeyId::parse(id).map_err(|invalid| anyhow::anyhow!("the id {invalid}"))?;
    app.revoke_api_key(id).await?;
    say(&format!("{id} is revoked\n"))
}

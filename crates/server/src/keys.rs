//! `paylinks keys`: API keys, straight in the database.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use application::{App, NewApiKey};
use clap::Subcommand;
use domain::access::Scope;
use domain::id::ApiKeyId;
use domain::seller::SellerId;
use domain::text::DisplayName;
use domain::timestamp::Timestamp;

use crate::at_rest::{AtRest, aligned};
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
        #[arg(long, value_name = "TIME", value_parser = parse_lifetime)]
        expires_in: Option<Duration>,
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
    let at_rest = AtRest::open(command.settings()).await?;
    let (app, database) = (&at_rest.app, &at_rest.database);
    let done = match command {
        KeysCommand::Create { name, scope, sellers, expires_in, .. } => {
            let known: Vec<&str> = app.seller_ids().map(SellerId::as_str).collect();
            match sellers.iter().find(|seller| !known.contains(&seller.as_str())) {
                None => create(app, database, (&name, &scope), &sellers, expires_in).await,
                Some(unknown) => Err(anyhow::anyhow!(
                    "--seller {unknown} is not configured (there is {}; --config names the file)",
                    known.join(", ")
                )),
            }
        }
        KeysCommand::List(_) => list(app, database).await,
        KeysCommand::Revoke { id, .. } => revoke(app, &id).await,
    };
    at_rest.close().await;
    done
}

async fn create(
    app: &App,
    database: &str,
    (name, scope): (&str, &str),
    sellers: &[String],
    expires_in: Option<Duration>,
) -> Result<()> {
    let name = DisplayName::parse(name).map_err(|invalid| anyhow::anyhow!("--name {invalid}"))?;
    let scope = Scope::parse(scope).map_err(|invalid| anyhow::anyhow!("--scope {invalid}"))?;
    let sellers: BTreeSet<SellerId> = sellers
        .iter()
        .map(|text| SellerId::parse(text).map_err(|invalid| anyhow::anyhow!("--seller {invalid}")))
        .collect::<Result<_>>()?;
    let expires_at = expires_in.map(|lifetime| app.now().plus(lifetime));
    let issued = app.create_api_key(NewApiKey { name, scope, sellers, expires_at, entropy: entropy()? }).await?;
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
            None if key.is_active(app.now()) => "active".to_owned(),
            None => "expired".to_owned(),
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
    say(&format!("{}In {database}\n", aligned(&rows)))
}

/// A whole number of days, hours, minutes or seconds: at least a second, and at most a hundred years.
fn parse_lifetime(text: &str) -> Result<Duration, String> {
    const MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let seconds = [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60), ("s", 1)].into_iter().find_map(|(unit, seconds)| {
        let digits = text.strip_suffix(unit).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
        let number = if digits.is_empty() { None } else { Some(digits.parse::<u64>().unwrap_or(u64::MAX)) };
        number.map(|number| number.saturating_mul(seconds))
    });
    match seconds.map(Duration::from_secs) {
        Some(lifetime) if lifetime > MAX => Err("must be 36500d at most; a key without it never ends".to_owned()),
        Some(lifetime) if !lifetime.is_zero() => Ok(lifetime),
        _ => Err("must be a number of days, hours, minutes or seconds, such as 90d, 12h, 30m or 45s".to_owned()),
    }
}

async fn revoke(app: &App, id: &str) -> Result<()> {
    let id = ApiKeyId::parse(id).map_err(|invalid| anyhow::anyhow!("the id {invalid}"))?;
    app.revoke_api_key(id).await?;
    say(&format!("{id} is revoked\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_a_number_and_its_unit() {
        for (text, seconds) in
            [("90d", 7_776_000), ("12h", 43_200), ("30m", 1_800), ("1s", 1), ("36500d", 3_153_600_000)]
        {
            assert_eq!(parse_lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in
            ["", "d", "90", "0d", "-1d", "+1d", "1.5h", "1 d", "1D", "36501d", "18446744073709551615d", "1w", "1é"]
        {
            assert!(parse_lifetime(text).is_err(), "{text}");
        }
        // The unit is right, so the number is what is told.
        for long in ["36501d", "18446744073709551615d", "99999999999999999999s"] {
            assert!(parse_lifetime(long).unwrap_err().contains("36500d at most"), "{long}");
        }
    }
}

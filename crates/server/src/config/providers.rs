//! Who charges: the parts `[providers.NAME]` of the file, and the variables of the environment that stand for settings of
//! theirs. Without any, the sandbox inside.

use std::collections::BTreeMap;

use domain::ports::adapter::{AccountIdentity, ConfiguredProvider};
use domain::provider::ProviderName;
use domain::validation::{Invalid, Validator};
use toml::{Table, Value};

use crate::registry::{ADAPTERS, Adapter};

/// The setting that names the adapter of a provider which is not named as its adapter is.
const ADAPTER: &str = "adapter";

/// Checks all providers that are configured; absent where anything is wrong with one.
pub(super) fn providers(
    v: &mut Validator,
    mut file: BTreeMap<String, Table>,
    environment: &BTreeMap<String, String>,
) -> Option<Vec<Box<dyn ConfiguredProvider>>> {
    for adapter in ADAPTERS {
        take_environment(adapter, &mut file, environment);
    }
    let checked = v.within("providers", |v| {
        let each: Vec<_> =
            file.into_iter().map(|(name, table)| v.within(&name, |v| provider(v, &name, table))).collect();
        each.into_iter().collect::<Option<Vec<_>>>()
    })?;
    let live = checked.iter().filter(|provider| provider.is_live()).count();
    if live > 0 && live < checked.len() {
        // Numbers of invoices and books are of real money, or of none.
        v.refuse("providers", Invalid::new("LIVE_AND_TEST", "must all move real money, or none of them"));
        return None;
    }
    let shared = shared_accounts(&checked);
    if !shared.is_empty() {
        let expected = format!("must each have an account of its own, or each payment would count twice: {shared}");
        v.refuse("providers", Invalid::new("SAME_ACCOUNT", expected));
        return None;
    }
    Some(checked)
}

/// The names of providers that charge through the same account; empty where none do.
fn shared_accounts(providers: &[Box<dyn ConfiguredProvider>]) -> String {
    let mut accounts: BTreeMap<AccountIdentity, Vec<&str>> = BTreeMap::new();
    for provider in providers {
        accounts.entry(provider.account()).or_default().push(provider.name().as_str());
    }
    let shared = accounts.into_values().filter(|names| names.len() > 1);
    let shared: Vec<_> = shared.map(|names| format!("{} share one", names.join(" and "))).collect();
    shared.join(", ")
}

fn provider(v: &mut Validator, name: &str, mut table: Table) -> Option<Box<dyn ConfiguredProvider>> {
    let named = name.parse::<ProviderName>().ok().filter(|name| *name != ProviderName::out_of_band());
    let Some(named) = named else {
        let expected = "must have a name of 1 to 40 of a-z, 0-9 and hyphens, other than out-of-band";
        v.refuse("", Invalid::new("MALFORMED_PROVIDER_NAME", expected));
        return None;
    };
    let adapter = table.remove(ADAPTER).unwrap_or_else(|| Value::String(name.to_owned()));
    let Some(adapter) = ADAPTERS.iter().find(|known| adapter.as_str() == Some(known.name)) else {
        let known: Vec<_> = ADAPTERS.iter().map(|adapter| adapter.name).collect();
        let expected = format!("must be one of {}", known.join(", "));
        v.refuse(ADAPTER, Invalid::new("UNKNOWN_ADAPTER", expected));
        return None;
    };
    (adapter.check)(v, named, table)
}

/// What the environment says of the provider that is named as its adapter is, comes before what the file says of it.
fn take_environment(adapter: &Adapter, file: &mut BTreeMap<String, Table>, environment: &BTreeMap<String, String>) {
    for variable in adapter.environment {
        let Some(text) = environment.get(variable.name) else { continue };
        let value = match variable.is_list {
            true => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
            }
            false => Value::String(text.clone()),
        };
        let is_empty = value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            file.entry(adapter.name.to_owned()).or_default().insert(variable.setting.to_owned(), value);
        }
    }
}

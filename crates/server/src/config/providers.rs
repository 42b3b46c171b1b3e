//! Who charges: the parts `[providers.NAME]` of the file, and the variables of the environment that stand for settings of
//! theirs. Without any, the sandbox inside.

use std::collections::BTreeMap;

use domain::ports::adapter::{AccountIdentity, ConfiguredProvider, Setting, SettingKind};
use domain::provider::{Feature, ProviderName};
use domain::validation::{Invalid, Validator, join};
use toml::{Table, Value};

use super::secrets::{Warnings, read_secret, read_secrets};
use crate::registry::{ADAPTERS, Adapter};

/// The setting that names the adapter of a provider which is not named as its adapter is.
pub(crate) const ADAPTER: Setting =
    Setting::new("adapter", SettingKind::Text, "By which adapter it is spoken to").or("the name of the part");

/// A provider whose settings were checked.
pub(super) struct Checked {
    pub(super) provider: Box<dyn ConfiguredProvider>,
    /// Whether sellers can have their tax computed by it.
    pub(super) has_tax_engine: bool,
}

/// Checks all providers that are configured; absent where it is not known of one which provider it is.
pub(super) fn providers(
    v: &mut Validator,
    mut file: BTreeMap<String, Table>,
    environment: &BTreeMap<String, String>,
    warnings: &mut Warnings,
) -> Option<Vec<Checked>> {
    for adapter in ADAPTERS {
        take_environment(adapter, &mut file, environment);
    }
    let checked = v.within("providers", |v| {
        let each: Vec<_> =
            file.into_iter().map(|(name, table)| v.within(&name, |v| provider(v, &name, table, warnings))).collect();
        each.into_iter().collect::<Option<Vec<_>>>()
    })?;
    let live = checked.iter().filter(|checked| checked.provider.is_live()).count();
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
fn shared_accounts(providers: &[Checked]) -> String {
    let mut accounts: BTreeMap<AccountIdentity, Vec<&str>> = BTreeMap::new();
    for Checked { provider, .. } in providers {
        accounts.entry(provider.account()).or_default().push(provider.name().as_str());
    }
    let shared = accounts.into_values().filter(|names| names.len() > 1);
    let shared: Vec<_> = shared.map(|names| format!("{} share one", names.join(" and "))).collect();
    shared.join(", ")
}

fn provider(v: &mut Validator, name: &str, mut table: Table, warnings: &mut Warnings) -> Option<Checked> {
    let named = name.parse::<ProviderName>().ok().filter(|name| *name != ProviderName::out_of_band());
    let Some(named) = named else {
        let expected = "must have a name of 1 to 40 of a-z, 0-9 and hyphens, other than out-of-band";
        v.refuse("", Invalid::new("MALFORMED_PROVIDER_NAME", expected));
        return None;
    };
    let adapter = table.remove(ADAPTER.name).unwrap_or_else(|| Value::String(name.to_owned()));
    let Some(adapter) = ADAPTERS.iter().find(|known| adapter.as_str() == Some(known.name)) else {
        let known: Vec<_> = ADAPTERS.iter().map(|adapter| adapter.name).collect();
        let expected = format!("must be one of {}", known.join(", "));
        v.refuse(ADAPTER.name, Invalid::new("UNKNOWN_ADAPTER", expected));
        return None;
    };
    refuse_unknown(v, adapter, &mut table);
    for setting in adapter.settings {
        take_file(v, setting, &mut table, (&join("providers", name), warnings));
    }
    let provider = (adapter.check)(v, named, table)?;
    let has_tax_engine = (adapter.capabilities)(provider.is_live()).has(Feature::ProviderTax);
    Some(Checked { provider, has_tax_engine })
}

/// Refuses what is no setting of the adapter's: here and not by its form, which does not know those that name files.
fn refuse_unknown(v: &mut Validator, adapter: &Adapter, table: &mut Table) {
    let names = |setting: &Setting| std::iter::once(setting.name.to_owned()).chain(setting.file_setting());
    let known: Vec<String> = adapter.settings.iter().flat_map(names).collect();
    table.retain(|name, _| {
        let is_known = known.iter().any(|known| known == name);
        if !is_known {
            let expected = format!("unknown field `{name}`, expected one of {}", known.join(", "));
            v.refuse(name, Invalid::new("FORM", expected));
        }
        is_known
    });
}

/// What the environment says of the provider that is named as its adapter is, comes before what the file says of it.
fn take_environment(adapter: &Adapter, file: &mut BTreeMap<String, Table>, environment: &BTreeMap<String, String>) {
    for setting in adapter.settings {
        let given = |variable: &str| environment.get(variable).filter(|text| !text.is_empty());
        let text = setting.variable.and_then(given).map(|text| value(setting, text.split(',')));
        let value = text.filter(|value| !value.as_array().is_some_and(Vec::is_empty));
        let path = setting.file_variable().and_then(|variable| given(&variable)).cloned();
        if value.is_none() && path.is_none() {
            continue;
        }
        let table = file.entry(adapter.name.to_owned()).or_default();
        table.remove(setting.name);
        table.extend(value.map(|value| (setting.name.to_owned(), value)));
        if let Some(file_setting) = setting.file_setting() {
            table.remove(&file_setting);
            table.extend(path.map(|path| (file_setting, Value::String(path))));
        }
    }
}

/// Puts what stands in the file that a secret's setting names into the place of the secret.
fn take_file(v: &mut Validator, setting: &Setting, table: &mut Table, (part, warnings): (&str, &mut Warnings)) {
    let Some(file_setting) = setting.file_setting() else { return };
    let Some(path) = table.remove(&file_setting) else { return };
    let Value::String(path) = path else {
        v.refuse(&file_setting, Invalid::new("FORM", "must be the path of a file, as a string"));
        return;
    };
    if table.contains_key(setting.name) {
        v.refuse(&file_setting, Invalid::new("TWICE", format!("must be absent beside {}", setting.name)));
        return;
    }
    let place = join(part, &file_setting);
    let read = match setting.kind {
        SettingKind::Texts => read_secrets(&path, (&place, warnings)),
        _ => read_secret(&path, (&place, warnings)).map(|only| vec![only]),
    };
    if let Some(lines) = v.check(&file_setting, read) {
        table.insert(setting.name.to_owned(), value(setting, lines.iter().map(String::as_str)));
    }
}

/// A setting's value of its kind: a list's items are trimmed, and empty ones count for nothing.
fn value<'a>(setting: &Setting, items: impl Iterator<Item = &'a str>) -> Value {
    if setting.kind == SettingKind::Texts {
        let items = items.map(str::trim).filter(|item| !item.is_empty());
        return Value::Array(items.map(|item| Value::String(item.to_owned())).collect());
    }
    Value::String(items.collect::<Vec<_>>().join(","))
}

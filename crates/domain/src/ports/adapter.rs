//! How an adapter for a payment provider comes to be: its settings are read, checked, and made into ports.
//!
//! The settings of each adapter are its own; whoever wires the service knows this trait alone, so that another adapter is one
//! line there.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::provider::PaymentProvider;
use super::tax::TaxCalculator;
use crate::provider::{Capabilities, ProviderName};
use crate::validation::{Invalid, Validator};

/// A kind of adapter.
pub trait ProviderAdapter {
    /// What is configured under its name. Unknown settings must be refused, and absent ones be fine: [`check`](Self::check)
    /// asks for them.
    type Settings: DeserializeOwned + Default;

    /// What it is called in the configuration: a [`ProviderName`].
    const NAME: &'static str;

    /// Every setting there is, for whoever reads of them, and for what gives them otherwise than the file does.
    const SETTINGS: &'static [Setting];

    /// What it can do. `livemode`: whether real money moves.
    fn capabilities(livemode: bool) -> Capabilities;

    /// Checks settings; every one that is wrong is noted. `name` is the name under which the provider is registered.
    fn check(name: ProviderName, settings: Self::Settings, v: &mut Validator) -> Option<Box<dyn ConfiguredProvider>>;
}

/// A setting, as it is explained and found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the file.
    pub name: &'static str,
    /// What its value is.
    pub kind: SettingKind,
    /// What holds where it is absent, as a person would write it; empty where nothing does.
    pub default: &'static str,
    /// The variable of the environment that stands for it, and comes before the file.
    pub variable: Option<&'static str>,
    /// Whether it is a secret: then a file can hold it, which the setting of this name and `_file` names, and the variable of
    /// its variable's name and `_FILE`.
    pub is_secret: bool,
    /// What it means, with units and ranges, as a sentence without its end.
    pub meaning: &'static str,
}

/// What the value of a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// A text.
    Text,
    /// A list of texts, which commas separate in a variable, and ends of lines in a file.
    Texts,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// Others below it.
    Parts,
}

impl Setting {
    /// A setting that is absent where nobody gives it.
    pub const fn new(name: &'static str, kind: SettingKind, meaning: &'static str) -> Self {
        Self { name, kind, default: "", variable: None, is_secret: false, meaning }
    }

    /// The same, where `default` holds if nobody says otherwise.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// The same, for which a variable of the environment can stand.
    #[must_use]
    pub const fn variable(self, variable: &'static str) -> Self {
        Self { variable: Some(variable), ..self }
    }

    /// The same, as a secret.
    #[must_use]
    pub const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// The setting that names the file which holds it, where it is a secret.
    pub fn file_setting(&self) -> Option<String> {
        self.is_secret.then(|| format!("{}_file", self.name))
    }

    /// The variable that names the file which holds it, where it is a secret.
    pub fn file_variable(&self) -> Option<String> {
        self.variable.filter(|_| self.is_secret).map(|variable| format!("{variable}_FILE"))
    }
}

/// What tells whoever lacks a setting of a provider that it is required, and how it can be given. `name` is that of the
/// provider: variables stand for settings of the one that is named as its adapter is.
pub fn required<A: ProviderAdapter>(name: &ProviderName, setting: &str) -> Invalid {
    let known = A::SETTINGS.iter().find(|known| known.name == setting);
    let file = known.and_then(Setting::file_setting).map(|file| format!("in the file that {file} names"));
    let variable = known.and_then(|known| known.variable).filter(|_| name.as_str() == A::NAME);
    let variable = variable.map(|variable| format!("as {variable}"));
    let ways: Vec<String> = [Some("here".to_owned()), file, variable].into_iter().flatten().collect();
    let expected = match ways.split_last() {
        Some((last, others)) if !others.is_empty() => format!("is required: {} or {last}", others.join(", ")),
        _ => "is required".to_owned(),
    };
    Invalid::new("REQUIRED", expected)
}

/// A provider whose settings were checked.
pub trait ConfiguredProvider: Send + Sync {
    /// The name under which it is registered.
    fn name(&self) -> &ProviderName;

    /// Whether real money moves.
    fn is_live(&self) -> bool;

    /// The account through which it charges. Two providers may not share one: the account tells both of each payment.
    fn account(&self) -> AccountIdentity;

    /// Who charges and where, for people, without a secret.
    fn summary(&self) -> String;

    /// Makes the adapter. Calls nobody.
    ///
    /// # Errors
    /// What it stands on can't be had, such as a client for HTTP.
    fn make(&self) -> Result<ProviderPorts, Box<dyn Error + Send + Sync>>;
}

/// What tells one account of a provider from another: the same for the same account, whatever it is called here. It may be
/// made of what is secret, so it shows itself to nobody.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountIdentity(String);

impl AccountIdentity {
    /// The identity of an account of an adapter's at an address.
    pub fn new(adapter: &str, address: &str, account: &str) -> Self {
        Self(format!("{adapter} {address} {account}"))
    }
}

impl fmt::Debug for AccountIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountIdentity(..)")
    }
}

/// The ports of one adapter.
pub struct ProviderPorts {
    /// For calls that a caller waits for.
    pub provider: Arc<dyn PaymentProvider>,
    /// The same provider for calls that nobody waits for: the others come first.
    pub in_background: Arc<dyn PaymentProvider>,
    /// Its tax engine, where it has one.
    pub tax: Option<Arc<dyn TaxCalculator>>,
}

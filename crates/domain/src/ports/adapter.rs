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
use crate::validation::Validator;

/// A kind of adapter.
pub trait ProviderAdapter {
    /// What is configured under its name. Unknown settings must be refused, and absent ones be fine where a
    /// [variable](Self::ENVIRONMENT) can stand for them: [`check`](Self::check) asks for them.
    type Settings: DeserializeOwned;

    /// What it is called in the configuration: a [`ProviderName`].
    const NAME: &'static str;

    /// The variables of the environment that stand for settings, and come before those of the file.
    const ENVIRONMENT: &'static [Variable];

    /// What it can do. `livemode`: whether real money moves.
    fn capabilities(livemode: bool) -> Capabilities;

    /// Checks settings; every one that is wrong is noted. `name` is the name under which the provider is registered.
    fn check(name: ProviderName, settings: Self::Settings, v: &mut Validator) -> Option<Box<dyn ConfiguredProvider>>;
}

/// A variable of the environment that stands for a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The setting.
    pub setting: &'static str,
    /// Whether the setting is a list of texts, which commas separate in the variable.
    pub is_list: bool,
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

//! The adapters that can charge, look tax ids up and make documents. A new one is one line here, and one dependency.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use domain::ports::adapter::{ConfiguredProvider, ProviderAdapter, Setting, SettingKind};
use domain::ports::documents::InvoiceRenderer;
use domain::ports::provider::PaymentProvider;
use domain::ports::tax::TaxCalculator;
use domain::ports::tax_ids::TaxIdRegistry;
use domain::provider::{Capabilities, Feature, ProviderName};
use domain::validation::{Invalid, Validator};
use invoice_pdf::PdfRenderer;
use provider_adyen::Adyen;
use provider_stripe::{Stripe, StripeConfig};
use secrecy::SecretString;
pub(crate) use stripe_sandbox::Sandbox;
use stripe_sandbox::SandboxConfig;
use tax_id_vies::{ViesConfig, ViesRegistry};
use toml::Table;
use url::Url;

use crate::config::{Charging, settings_of};

/// The key with which the sandbox inside is opened.
const SANDBOX_KEY: &str = "sk_test_paylinks_sandbox";

/// The adapters for providers.
pub(crate) const ADAPTERS: &[Adapter] = &[Adapter::of::<Stripe>(), Adapter::of::<Adyen>()];

/// A kind of adapter, whatever its settings are.
pub(crate) struct Adapter {
    /// What it is called in the configuration.
    pub(crate) name: &'static str,
    /// The settings of it.
    pub(crate) settings: &'static [Setting],
    /// What it can do; the flag says whether real money moves.
    pub(crate) capabilities: fn(bool) -> Capabilities,
    /// Checks settings of it.
    pub(crate) check: fn(&mut Validator, ProviderName, Table) -> Option<Box<dyn ConfiguredProvider>>,
}

impl Adapter {
    const fn of<A: ProviderAdapter>() -> Self {
        Self { name: A::NAME, settings: A::SETTINGS, capabilities: A::capabilities, check: check::<A> }
    }
}

fn check<A: ProviderAdapter>(
    v: &mut Validator,
    name: ProviderName,
    table: Table,
) -> Option<Box<dyn ConfiguredProvider>> {
    let (settings, faults) = settings_of(table);
    for (place, fault) in faults {
        v.refuse(&place, Invalid::new("FORM", fault));
    }
    A::check(name, settings, v)
}

/// What each provider can do, as a table in Markdown, which is fine in a terminal as well.
pub(crate) fn abilities() -> String {
    let names: Vec<_> = ADAPTERS.iter().map(|adapter| format!("`{}`", adapter.name)).collect();
    let mut table = format!("| ability | {} | what a provider can do that has it |\n", names.join(" | "));
    table.push_str(&format!("| --- | {}--- |\n", "--- | ".repeat(names.len())));
    for feature in Feature::ALL {
        let has = |adapter: &Adapter| if (adapter.capabilities)(false).has(feature) { "yes" } else { "–" };
        let has: Vec<_> = ADAPTERS.iter().map(has).collect();
        table.push_str(&format!("| `{}` | {} | {} |\n", feature.name(), has.join(" | "), feature.description()));
    }
    table
}

/// What the environment says of providers: the variables that stand for settings of theirs, and for files of secrets, as far
/// as they are set.
pub(crate) fn environment() -> BTreeMap<String, String> {
    let settings = ADAPTERS.iter().flat_map(|adapter| adapter.settings);
    let names = settings.flat_map(|setting| [setting.variable.map(str::to_owned), setting.file_variable()]);
    names.flatten().filter_map(|name| Some((name.clone(), std::env::var(name).ok()?))).collect()
}

/// What the environment can say of providers, for whoever asks for help.
pub(crate) fn environment_help() -> String {
    let told = |adapter: &Adapter, setting: &Setting| {
        let variable = setting.variable?;
        let list = if setting.kind == SettingKind::Texts { ", several separated by commas" } else { "" };
        let file = setting.file_variable().map_or_else(String::new, |file| format!("; {file} names a file of it"));
        Some(format!("\n  {variable:<24} {} of [providers.{}]{list}{file}", setting.name, adapter.name))
    };
    let variables = ADAPTERS.iter().flat_map(|adapter| adapter.settings.iter().filter_map(move |it| told(adapter, it)));
    format!("Environment, for providers:{}", variables.collect::<String>())
}

/// The providers, and the sandbox if one of them is played by it.
#[derive(Default)]
pub(crate) struct Providers {
    pub(crate) all: Vec<Arc<dyn PaymentProvider>>,
    /// The same ones, for calls that no caller waits for.
    pub(crate) background: Vec<Arc<dyn PaymentProvider>>,
    /// The tax engines of those that have one.
    pub(crate) tax: BTreeMap<ProviderName, Arc<dyn TaxCalculator>>,
    pub(crate) sandbox: Option<Sandbox>,
}

/// Makes the adapters. `http_url` is where our own webhooks come in.
pub(crate) async fn providers(charging: Charging, http_url: &str) -> Result<Providers> {
    match charging {
        Charging::Providers(configured) => made(&configured, None),
        Charging::Sandbox { listen, state_file } => {
            let sandbox = sandbox(listen, Some(state_file));
            let sandbox =
                sandbox.await.context("the sandbox can't be started (PAYLINKS_SANDBOX_LISTEN chooses another port)")?;
            let secret = sandbox.webhook_endpoint(SANDBOX_KEY, &format!("{http_url}/webhooks/{}", sandbox_name()?))?;
            let played = played_by(sandbox.url().clone(), vec![SecretString::from(secret)])?;
            made(&[Box::new(played)], Some(sandbox))
        }
    }
}

/// The adapters without anything behind them, for commands that call no provider.
pub(crate) fn idle(charging: Charging) -> Result<Providers> {
    match charging {
        Charging::Providers(configured) => made(&configured, None),
        Charging::Sandbox { listen, .. } => {
            made(&[Box::new(played_by(format!("http://{listen}/").parse()?, Vec::new())?)], None)
        }
    }
}

/// The sandbox by itself.
pub(crate) async fn sandbox(listen: SocketAddr, state_file: Option<PathBuf>) -> Result<Sandbox> {
    Ok(stripe_sandbox::start(SandboxConfig { listen, state_file }).await?)
}

/// The name of the provider that the sandbox plays.
pub(crate) fn sandbox_name() -> Result<ProviderName> {
    Stripe::NAME.parse().map_err(|error| anyhow::anyhow!("{}: {error}", Stripe::NAME))
}

fn played_by(sandbox: Url, secrets: Vec<SecretString>) -> Result<StripeConfig> {
    let mut config = StripeConfig::new(sandbox_name()?, SecretString::from(SANDBOX_KEY), secrets, sandbox);
    // The sandbox is ours and near, so nobody has to be spared.
    config.calls_per_second_max = 1_000;
    Ok(config)
}

fn made(configured: &[Box<dyn ConfiguredProvider>], sandbox: Option<Sandbox>) -> Result<Providers> {
    let mut providers = Providers { sandbox, ..Providers::default() };
    for provider in configured {
        let ports = provider.make().map_err(|error| anyhow::anyhow!(error)).context("an adapter can't be made")?;
        providers.tax.extend(ports.tax.map(|tax| (provider.name().clone(), tax)));
        providers.all.push(ports.provider);
        providers.background.push(ports.in_background);
    }
    Ok(providers)
}

/// Who is asked about tax ids.
pub(crate) fn tax_ids(config: &ViesConfig) -> Result<Arc<dyn TaxIdRegistry>> {
    Ok(Arc::new(ViesRegistry::new(config)?))
}

/// Who makes documents into files.
pub(crate) fn renderer() -> Arc<dyn InvoiceRenderer> {
    Arc::new(PdfRenderer)
}

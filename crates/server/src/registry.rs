//! The adapters that can charge, look tax ids up and make documents. A new one is one line here, and one dependency.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use domain::ports::documents::InvoiceRenderer;
use domain::ports::provider::PaymentProvider;
use domain::ports::tax::TaxCalculator;
use domain::ports::tax_ids::TaxIdRegistry;
use domain::provider::ProviderName;
use invoice_pdf::PdfRenderer;
use provider_stripe::{StripeConfig, StripeProvider};
use secrecy::SecretString;
use stripe_sandbox::{Sandbox, SandboxConfig};
use tax_id_vies::{ViesConfig, ViesRegistry};

use crate::config::{Charging, SANDBOX_KEY, STRIPE};

/// The providers, and the sandbox if one of them is played by it.
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
    let (config, sandbox) = match charging {
        Charging::Stripe(config) => (*config, None),
        Charging::Sandbox { listen, state_file } => {
            let sandbox = stripe_sandbox::start(SandboxConfig { listen, state_file: Some(state_file) });
            let sandbox =
                sandbox.await.context("the sandbox can't be started (PAYLINKS_SANDBOX_LISTEN chooses another port)")?;
            let secret = sandbox.webhook_endpoint(SANDBOX_KEY, &format!("{http_url}/webhooks/{STRIPE}"))?;
            let (key, secrets) = (SecretString::from(SANDBOX_KEY), vec![SecretString::from(secret)]);
            let name = STRIPE.parse().map_err(|error| anyhow::anyhow!("{STRIPE}: {error}"))?;
            let mut config = StripeConfig::new(name, key, secrets, sandbox.url().clone());
            // The sandbox is ours and near, so nobody has to be spared.
            config.calls_per_second_max = 1_000;
            (config, Some(sandbox))
        }
    };
    providers_of(config, sandbox)
}

fn providers_of(config: StripeConfig, sandbox: Option<Sandbox>) -> Result<Providers> {
    let stripe = StripeProvider::new(config)?;
    let tax: Arc<dyn TaxCalculator> = Arc::new(stripe.tax_calculator());
    let tax = BTreeMap::from([(stripe.name().clone(), tax)]);
    let background: Arc<dyn PaymentProvider> = Arc::new(stripe.in_background());
    Ok(Providers { all: vec![Arc::new(stripe)], background: vec![background], tax, sandbox })
}

/// Who is asked about tax ids.
pub(crate) fn tax_ids(config: &ViesConfig) -> Result<Arc<dyn TaxIdRegistry>> {
    Ok(Arc::new(ViesRegistry::new(config)?))
}

/// Who makes documents into files.
pub(crate) fn renderer() -> Arc<dyn InvoiceRenderer> {
    Arc::new(PdfRenderer)
}

/// The adapters without anything behind them, for commands that call no provider.
pub(crate) fn idle(charging: Charging) -> Result<Providers> {
    let config = match charging {
        Charging::Stripe(config) => *config,
        Charging::Sandbox { listen, .. } => {
            let name = STRIPE.parse().map_err(|error| anyhow::anyhow!("{STRIPE}: {error}"))?;
            let base = format!("http://{listen}/").parse()?;
            StripeConfig::new(name, SecretString::from(SANDBOX_KEY), Vec::new(), base)
        }
    };
    providers_of(config, None)
}

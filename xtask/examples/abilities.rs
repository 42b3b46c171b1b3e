//! What each provider can do, as a table in Markdown: the part of the README that `cargo xtask codegen` writes.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::sync::Arc;

use anyhow::{Context, Result};
use domain::ports::adapter::ProviderAdapter;
use domain::ports::provider::PaymentProvider;
use domain::provider::Feature;
use domain::validation::Validator;
use provider_adyen::Adyen;
use provider_stripe::Stripe;
use serde_json::{Value, json};

fn main() -> Result<()> {
    // The adapters make their clients, and call nobody.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let stripe = json!({"api_key": "sk_test_1", "webhook_secrets": ["whsec_1"]});
    let adyen = json!({"api_key": "1", "merchant_account": "Example", "hmac_keys": ["00".repeat(32)]});
    let providers = [provider::<Stripe>(stripe)?, provider::<Adyen>(adyen)?];
    let names: Vec<_> = providers.iter().map(|provider| format!("`{}`", provider.name())).collect();
    println!("| ability | {} | what a provider can do that has it |", names.join(" | "));
    println!("| --- | {} --- |", "--- | ".repeat(names.len()));
    for feature in Feature::ALL {
        let has =
            |provider: &Arc<dyn PaymentProvider>| if provider.capabilities().has(feature) { "yes" } else { "–" };
        let has: Vec<_> = providers.iter().map(has).collect();
        println!("| `{}` | {} | {} |", feature.name(), has.join(" | "), feature.description());
    }
    Ok(())
}

fn provider<A: ProviderAdapter>(settings: Value) -> Result<Arc<dyn PaymentProvider>> {
    let mut validator = Validator::new();
    let checked = A::check(A::NAME.parse()?, serde_json::from_value(settings)?, &mut validator);
    let configured = validator.finish(checked).with_context(|| format!("the settings of {}", A::NAME))?;
    Ok(configured.make().map_err(|error| anyhow::anyhow!(error))?.provider)
}

//! Stripe's tax engine under the contract of tax calculators, against the sandbox.
#![expect(clippy::unwrap_used, reason = "in a test, an error is a failure")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use port_contracts::tax::Subject;
use provider_stripe::{StripeConfig, StripeProvider};
use stripe_sandbox::SandboxConfig;
use time::{Date, OffsetDateTime};

port_contracts::tax_calculator_contract!(keeps);

/// The sandbox takes dates near its own, which are those of the machine.
#[expect(clippy::disallowed_methods, reason = "beside a sandbox that goes by the machine's clock")]
fn today() -> Date {
    OffsetDateTime::from(SystemTime::now()).date()
}

async fn keeps(rule: impl AsyncFnOnce(Subject)) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let sandbox = stripe_sandbox::start(SandboxConfig { listen, state_file: None }).await.unwrap();
    let config = StripeConfig::new("stripe".parse().unwrap(), "sk_test_1".into(), vec![], sandbox.url().clone());
    let stripe = StripeProvider::new(config).unwrap();
    rule(Subject { calculator: Arc::new(stripe.tax_calculator()), tax_point: today() }).await;
    sandbox.shutdown().await;
}

//! Stripe's tax engine under the contract of tax calculators, against the sandbox.
#![expect(clippy::unwrap_used, reason = "in a test, an error is a failure")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use domain::ports::clock::Clock;
use domain::timestamp::Timestamp;
use port_contracts::tax::Subject;
use provider_stripe::{StripeConfig, StripeProvider};
use stripe_sandbox::SandboxConfig;
use time::OffsetDateTime;

port_contracts::tax_calculator_contract!(keeps);

/// The sandbox takes dates near its own, which are those of the machine.
struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "a clock of tests, beside a sandbox that goes by the machine's")]
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(OffsetDateTime::from(SystemTime::now()).unix_timestamp())
    }
}

async fn keeps(rule: impl AsyncFnOnce(Subject)) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let sandbox = stripe_sandbox::start(SandboxConfig { listen, state_file: None }).await.unwrap();
    let config = StripeConfig::new("stripe".parse().unwrap(), "sk_test_1".into(), vec![], sandbox.url().clone());
    let clock = Arc::new(MachineClock);
    let tax_point = clock.now().date();
    let stripe = StripeProvider::new(config, clock).unwrap();
    rule(Subject { calculator: Arc::new(stripe.tax_calculator()), tax_point }).await;
    sandbox.shutdown().await;
}

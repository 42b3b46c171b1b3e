//! The contract of every payment provider. Its rules fail until the adapter and its counterpart here are written: against
//! the provider's test system, or a double of it that keeps state as it does.

use std::sync::Arc;

use async_trait::async_trait;
use domain::money::Money;
use domain::payment_link::PaymentMethodType;
use domain::ports::provider::{HostedPage, PaymentProvider};
use domain::provider::ProviderRef;
use domain::timestamp::Timestamp;
use port_contracts::provider::{
    Call, CustomerAct, Delivery, Disturbance, Ledger, PageRefusal, ProviderCounterpart, Setup, SigningKey, Subject,
    Visit,
};

use crate::{TemplateConfig, TemplateProvider};

port_contracts::payment_provider_contract!(fails);

async fn run<F: Future<Output = ()>>(rule: impl FnOnce(Subject) -> F) {
    rule(Subject::new(Box::new(Counterpart))).await;
}

// The template alone:
/// No rule may pass for a provider that does nothing: it could pass for one that does it wrong.
async fn fails<F: Future<Output = ()>>(rule: impl FnOnce(Subject) -> F) {
    use futures::FutureExt;
    let failed = std::panic::AssertUnwindSafe(run(rule)).catch_unwind().await;
    assert!(failed.is_err(), "the rule passes although nothing is written");
}
// Until here.

/// Customers, banks and people at the dashboard.
struct Counterpart;

fn config(setup: Setup) -> TemplateConfig {
    let (old, new) = ("old-signing-key".into(), "new-signing-key".into());
    let signing_keys = match setup {
        Setup::BothKeys => vec![new, old],
        Setup::NewKey => vec![new],
        // An address where nobody listens, wrong credentials and little patience are to be written.
        Setup::Usual | Setup::Unreachable | Setup::Unauthorized | Setup::Impatient => vec![old],
    };
    TemplateConfig { name: "template".parse().unwrap(), api_key: "api-key".into(), signing_keys, live: false }
}

/// What is still to be done here. See the trait for what it must do, and another adapter for an example.
fn to_be_written(what: &str) -> ! {
    panic!("to be written: {what}")
}

#[async_trait]
impl ProviderCounterpart for Counterpart {
    fn adapter(&self, setup: Setup) -> Arc<dyn PaymentProvider> {
        Arc::new(TemplateProvider::new(config(setup)))
    }

    fn shown(&self) -> String {
        format!("{:?}", config(Setup::Usual))
    }

    fn secrets(&self) -> Vec<String> {
        to_be_written("give every secret of the configuration")
    }

    async fn now(&self) -> Timestamp {
        to_be_written("give the time at the provider")
    }

    fn signatures_expire(&self) -> bool {
        to_be_written("say whether a signature has a time")
    }

    fn delayed_method(&self) -> Option<PaymentMethodType> {
        to_be_written("name a way to pay in which the money comes later")
    }

    async fn requests(&self) -> u64 {
        to_be_written("count the requests that reached the provider")
    }

    async fn disturb(&self, _disturbance: Option<(Call, Disturbance)>) {
        to_be_written("make calls fail as asked")
    }

    async fn visit(&self, _page: &HostedPage) -> Result<Visit, PageRefusal> {
        to_be_written("open a page as a customer")
    }

    async fn act(&self, _visit: &Visit, _act: CustomerAct) -> Result<(), PageRefusal> {
        to_be_written("do what the customer does")
    }

    async fn end_delayed(&self, _visit: &Visit) {
        to_be_written("let the money come or fail")
    }

    async fn refund_at_dashboard(&self, _payment: &ProviderRef, _amount: Money) {
        to_be_written("send money back without the adapter")
    }

    async fn win_dispute(&self, _payment: &ProviderRef) -> bool {
        to_be_written("decide a dispute for the seller, or say that that can't be had")
    }

    async fn end_refunds(&self) {
        to_be_written("let refunds end")
    }

    async fn deliveries(&self, _key: SigningKey) -> Vec<Delivery> {
        to_be_written("give all that was told, signed")
    }

    async fn batch(&self, _key: SigningKey) -> Option<Delivery> {
        to_be_written("give all that was told in one request, or `None`")
    }

    async fn ledger(&self) -> Ledger {
        to_be_written("read the provider's own books")
    }
}

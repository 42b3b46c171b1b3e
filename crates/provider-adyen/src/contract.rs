//! The contract of every payment provider, against the fake.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adyen_fake::{AdyenFake, FakeConfig, Fault, FaultKind, LinkStatus, Operation, Outcome};
use async_trait::async_trait;
use domain::money::Money;
use domain::payment_link::PaymentMethodType;
use domain::ports::provider::{HostedPage, PaymentProvider};
use domain::provider::ProviderRef;
use domain::timestamp::Timestamp;
use domain::validation::Validator;
use port_contracts::provider::{
    Call, CustomerAct, DelayedEnd, Delivery, Disturbance, Ledger, LedgerPage, LedgerPayment, LedgerRefund, PageRefusal,
    ProviderCounterpart, Setup, SigningKey, Subject, Visit,
};
use serde_json::json;

use crate::amounts::Amount;
use crate::{AdyenConfig, AdyenProvider, AdyenSettings};

const API_KEY: &str = "AQE-of-the-contract";
const EXPIRED_KEY: &str = "AQE-expired-of-the-contract";
const OLD_KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
const NEW_KEY: &str = "11111111111111111111111111111111111111111111111111111111111111AA";
const USERNAME: &str = "adyen";
const PASSWORD: &str = "s3cret-of-the-contract";
/// `adyen:s3cret-of-the-contract` in the form of RFC 7617.
const AUTHORIZATION: &str = "Basic YWR5ZW46czNjcmV0LW9mLXRoZS1jb250cmFjdA==";
const MERCHANT: &str = "TestMerchant";
/// How long an impatient adapter waits.
const PATIENCE: Duration = Duration::from_secs(1);

port_contracts::payment_provider_contract!(run);

async fn run<F: Future<Output = ()>>(rule: impl FnOnce(Subject) -> F) {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = FakeConfig { listen, api_key: API_KEY.to_owned(), merchant_account: MERCHANT.to_owned() };
    let fake = Arc::new(adyen_fake::start(config).await.unwrap());
    fake.hold_refunds(true);
    rule(Subject::new(Box::new(Counterpart {
        fake: Arc::clone(&fake),
        pending: Mutex::default(),
        returning: Mutex::default(),
        visits: AtomicU64::new(0),
    })))
    .await;
    assert_eq!(fake.violations(), Vec::<String>::new());
    if let Some(skipped) = fake.skipped() {
        eprintln!("{skipped}");
    }
}

/// Customers, banks and people at the dashboard of a fake.
struct Counterpart {
    fake: Arc<AdyenFake>,
    /// The payments whose money comes later, by visit, with how each is to end.
    pending: Mutex<BTreeMap<String, (String, Outcome)>>,
    /// The payments whose refunds come back.
    returning: Mutex<Vec<String>>,
    visits: AtomicU64,
}

fn config(api_key: &str, hmac_keys: &[&str], base: &str) -> AdyenConfig {
    let settings = json!({
        "api_key": api_key, "merchant_account": MERCHANT, "hmac_keys": hmac_keys, "webhook_username": USERNAME,
        "webhook_password": PASSWORD, "api_base": base, "calls_per_second_max": 1_000,
    });
    let settings: AdyenSettings = serde_json::from_value(settings).unwrap();
    settings.checked("adyen".parse().unwrap(), &mut Validator::new()).unwrap()
}

fn told(currency: &str, value: i64) -> Money {
    Amount { currency: currency.to_owned(), value }.money().unwrap()
}

/// The payment link that is visited.
fn page_of(visit: &Visit) -> &str {
    visit.0.split('#').next().unwrap()
}

#[async_trait]
impl ProviderCounterpart for Counterpart {
    fn adapter(&self, setup: Setup) -> Arc<dyn PaymentProvider> {
        let keys: &[&str] = match setup {
            Setup::BothKeys => &[NEW_KEY, OLD_KEY],
            Setup::NewKey => &[NEW_KEY],
            _ => &[OLD_KEY],
        };
        let api_key = if setup == Setup::Unauthorized { EXPIRED_KEY } else { API_KEY };
        // Port 1 of loopback has no listener.
        let base = if setup == Setup::Unreachable { "http://127.0.0.1:1/" } else { self.fake.base().as_str() };
        let mut config = config(api_key, keys, base);
        if setup == Setup::Impatient {
            config = config.with_timeout(PATIENCE);
        }
        Arc::new(AdyenProvider::new(&config).unwrap())
    }

    fn secrets(&self) -> Vec<String> {
        [API_KEY, EXPIRED_KEY, OLD_KEY, NEW_KEY, PASSWORD].map(str::to_owned).to_vec()
    }

    fn shown(&self) -> String {
        format!("{:?}", config(API_KEY, &[OLD_KEY, NEW_KEY], self.fake.base().as_str()))
    }

    async fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.fake.now())
    }

    fn signatures_expire(&self) -> bool {
        false
    }

    fn delayed_method(&self) -> Option<PaymentMethodType> {
        Some(PaymentMethodType::parse("sepadirectdebit").unwrap())
    }

    async fn requests(&self) -> u64 {
        self.fake.requests()
    }

    async fn disturb(&self, disturbance: Option<(Call, Disturbance)>) {
        let Some((call, disturbance)) = disturbance else { return self.fake.disturb(Vec::new()) };
        let (operation, prefix) = match call {
            Call::CreatePaymentLink => (Operation::CreateLink, "plink_"),
            Call::CreateCheckout => (Operation::CreateLink, "cs_"),
            Call::DeactivatePaymentLink => (Operation::UpdateLink, "plink_"),
            Call::ExpireCheckout => (Operation::UpdateLink, "cs_"),
            Call::CreateRefund => (Operation::Refund, ""),
            Call::FetchPaymentLink => (Operation::GetLink, ""),
        };
        let kind = match disturbance {
            Disturbance::AnswerLost => FaultKind::AnswerLost,
            Disturbance::Nonsense => FaultKind::Nonsense,
            Disturbance::Oversized => FaultKind::Oversized,
            Disturbance::Late => FaultKind::Late,
            Disturbance::FailureKept => FaultKind::FailureKept,
            Disturbance::FailureKeptUndone => FaultKind::FailureKeptUndone,
            Disturbance::RateLimited { retry_after } => FaultKind::RateLimited { retry_after },
        };
        self.fake.disturb(vec![Fault { operation, reference_prefix: prefix.to_owned(), kind, times: None }]);
    }

    async fn visit(&self, page: &HostedPage) -> Result<Visit, PageRefusal> {
        if !self.fake.is_open(&page.provider_ref.0) {
            return Err(PageRefusal::Closed);
        }
        let number = self.visits.fetch_add(1, Ordering::SeqCst);
        Ok(Visit(format!("{}#{number}", page.provider_ref)))
    }

    async fn act(&self, visit: &Visit, act: CustomerAct) -> Result<(), PageRefusal> {
        let pay = |value: Option<i64>, outcome| {
            self.fake.pay(page_of(visit), value, outcome).map_err(|_closed| PageRefusal::Closed)
        };
        match act {
            CustomerAct::Pay => pay(None, Outcome::Paid).map(drop),
            CustomerAct::PayOther(other) => {
                pay(Some(Amount::of(other, "amount").unwrap().value), Outcome::Paid).map(drop)
            }
            CustomerAct::PayLater(end) => {
                let payment = pay(None, Outcome::Pending)?;
                let end = if end == DelayedEnd::Arrives { Outcome::Paid } else { Outcome::Failed };
                self.pending.lock().unwrap().insert(visit.0.clone(), (payment, end));
                Ok(())
            }
            CustomerAct::PayAndDispute => {
                let payment = pay(None, Outcome::Paid)?;
                self.fake.dispute(&payment, "CHARGEBACK", "Undefended");
                Ok(())
            }
            CustomerAct::PayAndReturnRefunds => {
                let payment = pay(None, Outcome::Paid)?;
                self.returning.lock().unwrap().push(payment);
                Ok(())
            }
            CustomerAct::BeDeclined => {
                pay(None, Outcome::Failed)?;
                Err(PageRefusal::Declined)
            }
        }
    }

    async fn end_delayed(&self, visit: &Visit) {
        let (payment, end) = self.pending.lock().unwrap().remove(&visit.0).unwrap();
        self.fake.settle(&payment, end);
    }

    async fn refund_at_dashboard(&self, payment: &ProviderRef, amount: Money) {
        self.fake.refund(&payment.0, Amount::of(amount, "amount").unwrap().value);
        self.fake.end_refunds(Outcome::Paid);
    }

    async fn win_dispute(&self, payment: &ProviderRef) -> bool {
        self.fake.dispute(&payment.0, "CHARGEBACK_REVERSED", "Won");
        true
    }

    async fn end_refunds(&self) {
        self.fake.end_refunds(Outcome::Paid);
        for payment in self.returning.lock().unwrap().drain(..) {
            self.fake.fail_refunds_of(&payment);
        }
    }

    async fn deliveries(&self, key: SigningKey) -> Vec<Delivery> {
        self.fake.events().iter().map(|event| delivery(std::slice::from_ref(event), key)).collect()
    }

    async fn batch(&self, key: SigningKey) -> Option<Delivery> {
        Some(delivery(&self.fake.events(), key))
    }

    async fn ledger(&self) -> Ledger {
        let ledger = self.fake.ledger();
        let page = |link: adyen_fake::LedgerLink| LedgerPage {
            provider_ref: ProviderRef(link.id),
            reference: link.reference,
            is_open: link.status == LinkStatus::Active,
        };
        let payment = |payment: adyen_fake::LedgerPayment| LedgerPayment {
            payment_ref: ProviderRef(payment.psp_reference),
            received: told(&payment.currency, payment.value),
        };
        let refund = |refund: adyen_fake::LedgerRefund| LedgerRefund {
            payment_ref: ProviderRef(refund.payment),
            amount: told(&refund.currency, refund.value),
            reference: refund.reference,
        };
        Ledger {
            pages: ledger.links.into_iter().map(page).collect(),
            payments: ledger.payments.into_iter().map(payment).collect(),
            refunds: ledger.refunds.into_iter().map(refund).collect(),
        }
    }
}

fn delivery(events: &[serde_json::Value], key: SigningKey) -> Delivery {
    let key = match key {
        SigningKey::Old => OLD_KEY,
        SigningKey::New => NEW_KEY,
    };
    Delivery {
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("authorization".to_owned(), AUTHORIZATION.to_owned()),
        ],
        body: adyen_fake::request(events, key),
    }
}

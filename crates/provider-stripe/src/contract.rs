//! The contract of every payment provider, against the sandbox.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::money::{Currency, Money};
use domain::payment_link::PaymentMethodType;
use domain::ports::provider::{HostedPage, PaymentProvider};
use domain::provider::ProviderRef;
use domain::timestamp::Timestamp;
use port_contracts::provider::{
    Call, CustomerAct, DelayedEnd, Delivery, Disturbance, Ledger, LedgerPage, LedgerPayment, LedgerRefund, PageRefusal,
    ProviderCounterpart, Setup, SigningKey, Subject, Visit,
};
use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stripe_sandbox::{Sandbox, SandboxConfig};

use crate::params::{CHECKOUT_KEY, LINK_KEY};
use crate::reversals::REFUND_KEY;
use crate::{StripeConfig, StripeProvider};

const KEY: &str = "sk_test_of_the_contract";
const OLD_SECRET: &str = "whsec_old_of_the_contract";
const NEW_SECRET: &str = "whsec_new_of_the_contract";
/// How long an impatient adapter waits.
const PATIENCE: Duration = Duration::from_secs(1);
/// Far longer than a debit or a refund takes at the sandbox, in seconds.
const LONG: i64 = 7 * 24 * 60 * 60;

port_contracts::payment_provider_contract!(run);

async fn run<F: Future<Output = ()>>(rule: impl FnOnce(Subject) -> F) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let sandbox = Arc::new(stripe_sandbox::start(SandboxConfig { listen, state_file: None }).await.unwrap());
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    rule(Subject::new(Box::new(Counterpart {
        sandbox: Arc::clone(&sandbox),
        http,
        returns_refunds: AtomicBool::new(false),
    })))
    .await;
    Arc::into_inner(sandbox).unwrap().shutdown().await;
}

/// Customers, banks and people at the dashboard of a sandbox.
struct Counterpart {
    sandbox: Arc<Sandbox>,
    http: reqwest::Client,
    /// Whether a customer has paid by a card whose bank gives refunds back.
    returns_refunds: AtomicBool,
}

impl Counterpart {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.http.request(method, self.sandbox.url().join(path).unwrap());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// A control of the sandbox.
    async fn control(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::POST, &format!("/_sandbox/{path}"), Some(body)).await
    }

    /// All objects of a list, as its dashboard shows them.
    async fn all(&self, path: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let url = self.sandbox.url().join(&format!("/v1/{path}?limit=100{after}")).unwrap();
            let page = self.http.get(url).bearer_auth(KEY).send().await.unwrap();
            let page: Value = page.json().await.unwrap();
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] != true {
                return all;
            }
            after = format!("&starting_after={}", all.last().unwrap()["id"].as_str().unwrap());
        }
    }

    async fn session(&self, visit: &Visit) -> Value {
        let id = visit.0.rsplit('/').next().unwrap();
        let url = self.sandbox.url().join(&format!("/v1/checkout/sessions/{id}")).unwrap();
        self.http.get(url).bearer_auth(KEY).send().await.unwrap().json().await.unwrap()
    }

    async fn pay(&self, visit: &Visit, how: Value) -> Result<Value, PageRefusal> {
        let mut pay = json!({"url": visit.0});
        pay.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
        let (status, told) = self.control("pay", pay).await;
        match status {
            StatusCode::OK => Ok(told),
            StatusCode::PAYMENT_REQUIRED => Err(PageRefusal::Declined),
            StatusCode::GONE => Err(PageRefusal::Closed),
            StatusCode::UNPROCESSABLE_ENTITY => Err(PageRefusal::NotOffered),
            other => panic!("{other}: {told}"),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What Stripe counts in its unit, which is that of ISO 4217 in every currency of the contract but one: crowns of Iceland have
/// two decimals there, which are 0. The adapter's own table is not asked: it is what is tested.
fn amount(object: &Value) -> Money {
    let (value, currency) = (object["amount"].as_i64().unwrap(), object["currency"].as_str().unwrap());
    let minor = if currency == "isk" { value / 100 } else { value };
    Money::new(minor, Currency::parse(currency).unwrap())
}

#[async_trait]
impl ProviderCounterpart for Counterpart {
    fn adapter(&self, setup: Setup) -> Arc<dyn PaymentProvider> {
        let (old, new) = (OLD_SECRET.into(), NEW_SECRET.into());
        let secrets = match setup {
            Setup::BothKeys => vec![new, old],
            Setup::NewKey => vec![new],
            _ => vec![old],
        };
        let key = if setup == Setup::Unauthorized { "sk_test_expired_of_the_contract" } else { KEY };
        let base = match setup {
            // Port 1 of loopback has no listener.
            Setup::Unreachable => "http://127.0.0.1:1/".parse().unwrap(),
            _ => self.sandbox.url().clone(),
        };
        let mut config = StripeConfig::new("stripe".parse().unwrap(), key.into(), secrets, base);
        config.calls_per_second_max = 1_000;
        if setup == Setup::Impatient {
            config.timeout = PATIENCE;
        }
        Arc::new(StripeProvider::new(config).unwrap())
    }

    fn secrets(&self) -> Vec<String> {
        [KEY, OLD_SECRET, NEW_SECRET, "sk_test_expired_of_the_contract"].map(str::to_owned).to_vec()
    }

    fn shown(&self) -> String {
        let secrets = vec![OLD_SECRET.into(), NEW_SECRET.into()];
        let config = StripeConfig::new("stripe".parse().unwrap(), KEY.into(), secrets, self.sandbox.url().clone());
        format!("{config:?}")
    }

    async fn now(&self) -> Timestamp {
        let (_, clock) = self.call(Method::GET, "/_sandbox/clock", None).await;
        Timestamp::from_unix_seconds(clock["now"].as_i64().unwrap())
    }

    fn signatures_expire(&self) -> bool {
        true
    }

    fn delayed_method(&self) -> Option<PaymentMethodType> {
        Some(PaymentMethodType::parse("sepa_debit").unwrap())
    }

    async fn requests(&self) -> u64 {
        self.sandbox.requests()
    }

    async fn disturb(&self, disturbance: Option<(Call, Disturbance)>) {
        let Some((call, disturbance)) = disturbance else {
            self.call(Method::DELETE, "/_sandbox/faults", None).await;
            return;
        };
        let operation = match call {
            Call::CreatePaymentLink => "POST /v1/payment_links",
            Call::CreateCheckout => "POST /v1/checkout/sessions",
            Call::DeactivatePaymentLink => "POST /v1/payment_links/{id}",
            Call::ExpireCheckout => "POST /v1/checkout/sessions/{id}/expire",
            Call::CreateRefund => "POST /v1/refunds",
            Call::FetchPaymentLink => "GET /v1/payment_links/{id}",
        };
        let kept = |after_execution| json!({"kind": "status", "status": 500, "after_execution": after_execution, "kept": true});
        let mut fault = match disturbance {
            Disturbance::AnswerLost => json!({"kind": "truncate"}),
            Disturbance::Nonsense => json!({"kind": "garbage"}),
            Disturbance::Oversized => json!({"kind": "huge_body"}),
            Disturbance::Late => json!({"kind": "hold_answer"}),
            Disturbance::FailureKept => kept(true),
            Disturbance::FailureKeptUndone => kept(false),
            Disturbance::RateLimited { retry_after } => {
                json!({"kind": "status", "status": 429, "retry_after": retry_after.as_secs()})
            }
        };
        fault["operation"] = operation.into();
        fault["times"] = 1_000.into();
        let (status, told) = self.control("faults", json!([fault])).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
    }

    async fn visit(&self, page: &HostedPage) -> Result<Visit, PageRefusal> {
        if page.provider_ref.0.starts_with("cs_") {
            let visit = Visit(page.url.clone());
            let is_open = self.session(&visit).await["status"] == "open";
            return if is_open { Ok(visit) } else { Err(PageRefusal::Closed) };
        }
        let answer = self.http.get(&page.url).send().await.unwrap();
        let session = answer.headers().get(LOCATION).ok_or(PageRefusal::Closed)?;
        Ok(Visit(self.sandbox.url().join(session.to_str().unwrap()).unwrap().to_string()))
    }

    async fn act(&self, visit: &Visit, act: CustomerAct) -> Result<(), PageRefusal> {
        let session = self.session(visit).await;
        if session["status"] != "open" {
            return Err(PageRefusal::Closed);
        }
        let by_transfer = session["payment_method_types"] == json!(["customer_balance"]);
        match act {
            CustomerAct::Pay => self.pay(visit, json!({})).await?,
            CustomerAct::BeDeclined => self.pay(visit, json!({"card": "4000000000000002"})).await?,
            CustomerAct::PayAndDispute => self.pay(visit, json!({"card": "4000000000000259"})).await?,
            CustomerAct::PayAndReturnRefunds => {
                self.returns_refunds.store(true, Ordering::SeqCst);
                self.pay(visit, json!({"card": "4000000000005126"})).await?
            }
            CustomerAct::PayLater(DelayedEnd::Arrives) if by_transfer => self.pay(visit, json!({})).await?,
            CustomerAct::PayLater(end) => {
                let account = if end == DelayedEnd::Arrives { "AT611904300234573201" } else { "AT861904300235470000" };
                self.pay(visit, json!({"method": "bank_debit", "account": account})).await?
            }
            CustomerAct::PayOther(other) if by_transfer => {
                let gone_through = self.pay(visit, json!({})).await?;
                let transfer = json!({"session": gone_through["session"], "amount": other.minor()});
                let (status, told) = self.control("bank_transfer", transfer).await;
                assert_eq!(status, StatusCode::OK, "{told}");
                told
            }
            CustomerAct::PayOther(_) => return Err(PageRefusal::NotOffered),
        };
        Ok(())
    }

    async fn end_delayed(&self, visit: &Visit) {
        let session = self.session(visit).await;
        if session["payment_method_types"] == json!(["customer_balance"]) {
            let (status, told) = self.control("bank_transfer", json!({"session": session["id"]})).await;
            assert_eq!(status, StatusCode::OK, "{told}");
        } else {
            self.control("clock", json!({"advance_seconds": LONG})).await;
        }
    }

    async fn refund_at_dashboard(&self, payment: &ProviderRef, amount: Money) {
        let form = [("payment_intent", payment.0.clone()), ("amount", amount.minor().to_string())];
        let url = self.sandbox.url().join("/v1/refunds").unwrap();
        let answer = self.http.post(url).bearer_auth(KEY).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    /// The sandbox decides none for the seller.
    async fn win_dispute(&self, _payment: &ProviderRef) -> bool {
        false
    }

    async fn end_refunds(&self) {
        let comes_back = self.returns_refunds.load(Ordering::SeqCst);
        if comes_back || self.all("refunds").await.iter().any(|refund| refund["status"] == "pending") {
            self.control("clock", json!({"advance_seconds": LONG})).await;
        }
    }

    async fn deliveries(&self, key: SigningKey) -> Vec<Delivery> {
        let secret = match key {
            SigningKey::Old => OLD_SECRET,
            SigningKey::New => NEW_SECRET,
        };
        let events = self.sandbox.signed_events(KEY, &[secret.to_owned()]).into_iter();
        let delivery = |(signature, body): (String, String)| Delivery {
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("stripe-signature".to_owned(), signature),
            ],
            body: body.into_bytes(),
        };
        events.map(delivery).collect()
    }

    async fn batch(&self, _key: SigningKey) -> Option<Delivery> {
        None
    }

    async fn ledger(&self) -> Ledger {
        let page = |key: &'static str, is_open: fn(&Value) -> bool| {
            move |object: &Value| {
                Some(LedgerPage {
                    provider_ref: ProviderRef(text(&object["id"])),
                    reference: object["metadata"][key].as_str()?.to_owned(),
                    is_open: is_open(object),
                })
            }
        };
        let (links, sessions) = (self.all("payment_links").await, self.all("checkout/sessions").await);
        let links = links.iter().filter_map(page(LINK_KEY, |link| link["active"] == true));
        let pages = links.chain(sessions.iter().filter_map(page(CHECKOUT_KEY, |session| session["status"] == "open")));
        let (_, ledger) = self.call(Method::GET, "/_sandbox/ledger", None).await;
        let payment = |charge: &Value| LedgerPayment {
            payment_ref: ProviderRef(text(&charge["payment_intent"])),
            received: amount(charge),
        };
        let refund = |refund: &Value| LedgerRefund {
            payment_ref: ProviderRef(text(&refund["payment_intent"])),
            amount: amount(refund),
            reference: refund["metadata"][REFUND_KEY].as_str().map(str::to_owned),
        };
        let has_failed = |refund: &&Value| ["failed", "canceled"].contains(&refund["status"].as_str().unwrap());
        Ledger {
            pages: pages.collect(),
            payments: ledger["charges"].as_array().unwrap().iter().map(payment).collect(),
            refunds: ledger["refunds"].as_array().unwrap().iter().filter(|it| !has_failed(it)).map(refund).collect(),
        }
    }
}

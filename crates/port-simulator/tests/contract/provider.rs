//! The simulated provider keeps the contract of every payment provider.
#![expect(clippy::unwrap_used, reason = "a counterpart that can't do what it should is a failed rule")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::money::Money;
use domain::payment_link::PaymentMethodType;
use domain::ports::clock::Clock;
use domain::ports::provider::{HostedPage, PaymentProvider, ProviderError};
use domain::provider::{CheckoutProgress, ProviderRef};
use domain::refund::RefundProgress;
use domain::timestamp::Timestamp;
use port_contracts::provider::{
    Call, CustomerAct, DelayedEnd, Delivery, Disturbance, Ledger, LedgerPage, LedgerPayment, LedgerRefund, PageRefusal,
    ProviderCounterpart, Setup, SigningKey, Subject, Visit,
};
use port_simulator::{Accident, Acquirer, Chaos, LedgerSession, Process, SimulatedClock, SimulatedProvider};

const NEW_KEY: &str = "acquirers-next-signing-key";

port_contracts::payment_provider_contract!(run);

async fn run<F: Future<Output = ()>>(rule: impl FnOnce(Subject) -> F) {
    let clock = SimulatedClock::starting_at(Timestamp::from_unix_seconds(1_795_521_600));
    let acquirer = Acquirer::new(clock, &Chaos::new(7));
    rule(Subject::new(Box::new(Counterpart { acquirer, clock, ends: Mutex::default() }))).await;
}

/// Customers, banks and people at the dashboard of an [`Acquirer`].
struct Counterpart {
    acquirer: Acquirer,
    clock: SimulatedClock,
    /// How the transfers end that were ordered, by their visits.
    ends: Mutex<BTreeMap<String, DelayedEnd>>,
}

impl Counterpart {
    fn session(&self, visit: &Visit) -> LedgerSession {
        let found = self.acquirer.sessions().into_iter().find(|session| session.provider_ref.0 == visit.0);
        found.expect("the session was visited")
    }

    fn way(&self) -> SimulatedProvider {
        self.acquirer.for_process("acquirer".parse().unwrap(), &Process::default())
    }
}

fn closed(error: ProviderError) -> PageRefusal {
    assert!(matches!(error, ProviderError::Conflict { .. }), "{error:?}");
    PageRefusal::Closed
}

#[async_trait]
impl ProviderCounterpart for Counterpart {
    fn adapter(&self, setup: Setup) -> Arc<dyn PaymentProvider> {
        let way = self.way();
        Arc::new(match setup {
            // Nothing here takes so long that it could be told from an answer that is lost.
            Setup::Usual | Setup::Impatient => way,
            Setup::BothKeys => way.with_signing_keys(&[NEW_KEY, Acquirer::SIGNING_KEY]),
            Setup::NewKey => way.with_signing_keys(&[NEW_KEY]),
            Setup::Unreachable => way.cut_off(ProviderError::Unavailable),
            Setup::Unauthorized => way.cut_off(ProviderError::Unauthorized),
        })
    }

    fn secrets(&self) -> Vec<String> {
        [Acquirer::SIGNING_KEY, NEW_KEY].map(str::to_owned).to_vec()
    }

    fn shown(&self) -> String {
        String::new()
    }

    async fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn signatures_expire(&self) -> bool {
        false
    }

    fn delayed_method(&self) -> Option<PaymentMethodType> {
        Some(PaymentMethodType::parse("transfer").unwrap())
    }

    async fn requests(&self) -> u64 {
        self.acquirer.calls()
    }

    async fn disturb(&self, disturbance: Option<(Call, Disturbance)>) {
        let accident = disturbance.map(|(call, disturbance)| {
            let method = match call {
                Call::CreatePaymentLink => "create_payment_link",
                Call::CreateCheckout => "create_checkout",
                Call::DeactivatePaymentLink => "deactivate_payment_link",
                Call::ExpireCheckout => "expire_checkout",
                Call::CreateRefund => "create_refund",
                Call::FetchPaymentLink => "fetch_payment_link",
            };
            let accident = match disturbance {
                // There is no wire, so an answer comes whole or not at all.
                Disturbance::AnswerLost | Disturbance::Nonsense | Disturbance::Oversized | Disturbance::Late => {
                    Accident::AnswerLost
                }
                Disturbance::FailureKept => Accident::FailureKept { is_done: true },
                Disturbance::FailureKeptUndone => Accident::FailureKept { is_done: false },
                Disturbance::RateLimited { retry_after } => {
                    Accident::NotDone(ProviderError::RateLimited { retry_after: Some(retry_after) })
                }
            };
            (method, accident)
        });
        self.acquirer.set_accident(accident);
    }

    async fn visit(&self, page: &HostedPage) -> Result<Visit, PageRefusal> {
        if let Some(session) = self.acquirer.sessions().iter().find(|it| it.provider_ref == page.provider_ref) {
            let is_open = session.progress == CheckoutProgress::Open;
            return if is_open { Ok(Visit(session.provider_ref.0.clone())) } else { Err(PageRefusal::Closed) };
        }
        self.acquirer.visit(&page.provider_ref).map(|session| Visit(session.0)).ok_or(PageRefusal::Closed)
    }

    async fn act(&self, visit: &Visit, act: CustomerAct) -> Result<(), PageRefusal> {
        let session = ProviderRef(visit.0.clone());
        match act {
            CustomerAct::Pay => self.acquirer.pay(&session).map_err(closed),
            CustomerAct::PayLater(end) => {
                self.acquirer.order_transfer(&session).map_err(closed)?;
                self.ends.lock().unwrap().insert(visit.0.clone(), end);
                Ok(())
            }
            // Less or more comes by a transfer.
            CustomerAct::PayOther(amount) => {
                self.acquirer.order_transfer(&session).map_err(closed)?;
                self.acquirer.end_transfer(&session, Some(amount)).map_err(closed)
            }
            CustomerAct::BeDeclined => match self.session(visit).progress {
                CheckoutProgress::Open => Err(PageRefusal::Declined),
                _ => Err(PageRefusal::Closed),
            },
            CustomerAct::PayAndDispute | CustomerAct::PayAndReturnRefunds => Err(PageRefusal::NotOffered),
        }
    }

    async fn end_delayed(&self, visit: &Visit) {
        let session = self.session(visit);
        let arrives = self.ends.lock().unwrap().get(&visit.0) == Some(&DelayedEnd::Arrives);
        self.acquirer.end_transfer(&session.provider_ref, arrives.then_some(session.amount)).unwrap();
    }

    async fn refund_at_dashboard(&self, payment: &ProviderRef, amount: Money) {
        self.acquirer.refund(payment, amount).unwrap();
    }

    async fn win_dispute(&self, _payment: &ProviderRef) -> bool {
        false
    }

    async fn end_refunds(&self) {
        for refund in self.acquirer.refunds() {
            if refund.snapshot.progress == RefundProgress::Pending {
                self.acquirer.end_refund(&refund.snapshot.provider_ref, RefundProgress::Succeeded).unwrap();
            }
        }
    }

    async fn deliveries(&self, key: SigningKey) -> Vec<Delivery> {
        let key = match key {
            SigningKey::Old => Acquirer::SIGNING_KEY,
            SigningKey::New => NEW_KEY,
        };
        let signed = self.acquirer.told().into_iter().map(|told| Acquirer::signed_delivery(&told, key));
        signed.map(|(headers, body)| Delivery { headers, body }).collect()
    }

    async fn batch(&self, _key: SigningKey) -> Option<Delivery> {
        None
    }

    async fn ledger(&self) -> Ledger {
        let link = |link: port_simulator::LedgerLink| LedgerPage {
            provider_ref: link.provider_ref,
            reference: link.payment_link_id.to_string(),
            is_open: link.is_active,
        };
        let sessions = self.acquirer.sessions();
        let page = |session: &LedgerSession| {
            Some(LedgerPage {
                provider_ref: session.provider_ref.clone(),
                reference: session.checkout_session_id?.to_string(),
                is_open: session.progress == CheckoutProgress::Open,
            })
        };
        let payment = |session: &LedgerSession| {
            Some(LedgerPayment { payment_ref: session.payment_ref()?.clone(), received: session.received()? })
        };
        let counts = |refund: &port_simulator::LedgerRefund| {
            !matches!(refund.snapshot.progress, RefundProgress::Failed { .. } | RefundProgress::Canceled)
        };
        let refund = |refund: port_simulator::LedgerRefund| LedgerRefund {
            payment_ref: refund.payment_ref,
            amount: refund.snapshot.amount,
            reference: refund.snapshot.refund_id.map(|id| id.to_string()),
        };
        Ledger {
            pages: self.acquirer.links().into_iter().map(link).chain(sessions.iter().filter_map(page)).collect(),
            payments: sessions.iter().filter_map(payment).collect(),
            refunds: self.acquirer.refunds().into_iter().filter(counts).map(refund).collect(),
        }
    }
}

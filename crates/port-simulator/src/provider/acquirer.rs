//! The provider itself, and what happens there without us.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use domain::money::Money;
use domain::ports::clock::Clock;
use domain::ports::provider::ProviderError;
use domain::provider::{CheckoutProgress, Notification, NotificationTopic, ProviderName, ProviderRef};
use domain::refund::{RefundProgress, RefundSnapshot};
use domain::timestamp::Timestamp;

use super::accidents::{Accident, Call};
use super::ledger::{Answer, Ledger, LedgerLink, LedgerRefund, LedgerSession, rejected};
use super::{SIGNATURE, SimulatedProvider, capabilities};
use crate::clock::SimulatedClock;
use crate::locked;
use crate::process::{Chaos, Process, Reach};

/// The provider itself: its ledger, and what happens there without us. A clone is the same.
#[derive(Clone)]
pub struct Acquirer {
    ledger: Arc<Mutex<Ledger>>,
    pub(super) clock: SimulatedClock,
    chaos: Chaos,
}

impl Acquirer {
    /// The key by which it signs what it tells.
    pub const SIGNING_KEY: &str = "acquirers-signing-key";

    /// One without customers, whose clock is `clock`.
    pub fn new(clock: SimulatedClock, chaos: &Chaos) -> Self {
        Self { ledger: Arc::new(Mutex::new(Ledger::new(clock.now(), false))), clock, chaos: chaos.clone() }
    }

    /// The same, but it can't be asked for payments and refunds, nor for what it made under an id of ours, nor for what it
    /// has told: it tells of money by facts, and goes on until they are acknowledged.
    pub fn mute(clock: SimulatedClock, chaos: &Chaos) -> Self {
        Self { ledger: Arc::new(Mutex::new(Ledger::new(clock.now(), true))), clock, chaos: chaos.clone() }
    }

    /// Whether it can't be asked.
    pub fn is_mute(&self) -> bool {
        self.ledger().is_mute
    }

    /// The way of a process to it, registered as `name`.
    pub fn for_process(&self, name: ProviderName, process: &Process) -> SimulatedProvider {
        SimulatedProvider {
            acquirer: self.clone(),
            reach: Reach { process: process.clone(), chaos: self.chaos.clone() },
            name,
            capabilities: capabilities(self.is_mute()),
            signing_keys: vec![Self::SIGNING_KEY],
            cut_off: None,
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        let mut ledger = locked(&self.ledger);
        ledger.pass_time(self.clock.now());
        ledger
    }

    /// The time by its clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// All links that were made.
    pub fn links(&self) -> Vec<LedgerLink> {
        self.ledger().links.clone()
    }

    /// All checkouts that were made, and all visits to links.
    pub fn sessions(&self) -> Vec<LedgerSession> {
        self.ledger().sessions.clone()
    }

    /// All refunds, whoever made them.
    pub fn refunds(&self) -> Vec<LedgerRefund> {
        self.ledger().refunds.clone()
    }

    /// All that was told, in the order in which it happened. Whoever plays the network delivers it, or does not.
    pub fn told(&self) -> Vec<Notification> {
        self.ledger().told.clone()
    }

    /// What a notification looks like at the webhook: headers and body.
    pub fn delivery(notification: &Notification) -> (Vec<(String, String)>, Vec<u8>) {
        Self::signed_delivery(notification, Self::SIGNING_KEY)
    }

    /// The same, signed by another key.
    pub fn signed_delivery(notification: &Notification, key: &str) -> (Vec<(String, String)>, Vec<u8>) {
        let body = notification.provider_event_id.clone().into_bytes();
        (vec![(SIGNATURE.to_owned(), signature(key, &body))], body)
    }

    /// What happens from now on to each call of a method of the port; `None`: nothing but what the dice say.
    pub fn set_accident(&self, accident: Option<(&'static str, Accident)>) {
        self.ledger().accident = accident;
    }

    /// How many calls have reached it.
    pub fn calls(&self) -> u64 {
        self.ledger().calls
    }

    /// A customer opens a link: the session that is made for the visit; none where the link is closed.
    pub fn visit(&self, link: &ProviderRef) -> Option<ProviderRef> {
        /// How long a visitor has.
        const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
        let mut ledger = self.ledger();
        let link = ledger.link_mut(link).ok().filter(|link| link.is_active)?.clone();
        let session = LedgerSession {
            provider_ref: ledger.new_ref("cs"),
            checkout_session_id: None,
            link: Some(link.provider_ref),
            progress: CheckoutProgress::Open,
            payment_link_id: Some(link.payment_link_id),
            amount: link.amount,
            holds: link.holds,
            expires_at: ledger.now.plus(PATIENCE),
        };
        ledger.sessions.push(session.clone());
        Some(session.provider_ref)
    }

    /// A customer pays by card: all that is asked for. The money is only held where the link says so.
    ///
    /// # Errors
    /// There is no such session, or it is not open.
    pub fn pay(&self, session: &ProviderRef) -> Result<(), ProviderError> {
        let mut ledger = self.ledger();
        let known = ledger.session_mut(session)?.clone();
        let authorization = ledger.authorization(known.amount);
        ledger.complete(session, |payment_ref| match known.holds {
            true => CheckoutProgress::Authorized { payment_ref, authorization },
            false => CheckoutProgress::Paid { payment_ref, received: known.amount },
        })
    }

    /// A customer orders a transfer: the money is on its way.
    ///
    /// # Errors
    /// There is no such session, or it is not open.
    pub fn order_transfer(&self, session: &ProviderRef) -> Result<(), ProviderError> {
        self.ledger().complete(session, |payment_ref| CheckoutProgress::Processing { payment_ref })
    }

    /// The money of a transfer comes in, or never will where there is none.
    ///
    /// # Errors
    /// There is no such session, or no money of it is on its way.
    pub fn end_transfer(&self, session: &ProviderRef, received: Option<Money>) -> Result<(), ProviderError> {
        let mut ledger = self.ledger();
        let CheckoutProgress::Processing { payment_ref } = ledger.session_mut(session)?.progress.clone() else {
            return Err(rejected("payment_unexpected_state"));
        };
        let progress = match received {
            Some(received) => CheckoutProgress::Paid { payment_ref, received },
            None => CheckoutProgress::PaymentFailed { payment_ref },
        };
        ledger.move_session(session, progress)
    }

    /// Someone opens or closes a link in the dashboard.
    ///
    /// # Errors
    /// There is no such link, or it is used up and can't be opened.
    pub fn set_link_active(&self, link: &ProviderRef, is_active: bool) -> Result<(), ProviderError> {
        self.ledger().set_link_active(link, is_active)
    }

    /// Someone captures held money in the dashboard, or lets it go where there is no amount.
    ///
    /// # Errors
    /// There is no such payment, it is not held, or less is.
    pub fn move_held_money(&self, payment: &ProviderRef, amount: Option<Money>) -> Result<(), ProviderError> {
        self.ledger().move_held(payment, amount)
    }

    /// Someone sends money back in the dashboard.
    ///
    /// # Errors
    /// There is no such payment, or less is left of it.
    pub fn refund(&self, payment: &ProviderRef, amount: Money) -> Result<RefundSnapshot, ProviderError> {
        self.ledger().refund(payment, (None, amount), RefundProgress::Succeeded)
    }

    /// A refund that is pending succeeds or fails, or one that succeeded comes back.
    ///
    /// # Errors
    /// There is no such refund.
    pub fn end_refund(&self, refund: &ProviderRef, progress: RefundProgress) -> Result<(), ProviderError> {
        let mut ledger = self.ledger();
        let found = ledger.refunds.iter_mut().find(|it| it.snapshot.provider_ref == *refund);
        let known = found.ok_or(ProviderError::NotFound)?;
        if matches!(known.snapshot.progress, RefundProgress::Failed { .. }) {
            return Err(rejected("refund_failed"));
        }
        known.snapshot.progress = progress;
        let payment_ref = known.payment_ref.clone();
        let moved = known.clone();
        ledger.refunds.retain(|it| it.snapshot.provider_ref != *refund);
        ledger.refunds.push(moved);
        ledger.tell(NotificationTopic::Refund { payment_ref });
        Ok(())
    }

    /// Does what is asked for under a key, once: the same call is answered the same again. Whoever uses the key for another
    /// one learns nothing of what it did before.
    pub(super) fn do_once(
        &self,
        call: &Call,
        effect: impl FnOnce(&mut Ledger) -> Result<Answer, ProviderError>,
    ) -> Result<Answer, ProviderError> {
        let mut ledger = self.ledger();
        match ledger.answers.get(&call.key.0) {
            Some((asked, answer)) if *asked == call.asked => return answer.clone(),
            Some(_) => return Err(ProviderError::OutcomeUnknown),
            None => {}
        }
        let answer = effect(&mut ledger);
        ledger.answers.insert(call.key.0.clone(), (call.asked.clone(), answer.clone()));
        answer
    }
}

/// By which a notification is known to be genuine. It keeps out mistakes, not attackers: there are none here.
pub(super) fn signature(key: &str, body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    (key, body).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

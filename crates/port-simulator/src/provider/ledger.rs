//! What the provider has: pages, payments, refunds, and what it has told of them.

use std::collections::BTreeMap;

use domain::id::{CheckoutSessionId, PaymentLinkId, RefundId};
use domain::money::Money;
use domain::payment::Authorization;
use domain::ports::provider::{HostedPage, ProviderError};
use domain::provider::{CheckoutProgress, CheckoutSnapshot, Notification, NotificationTopic, ProviderRef};
use domain::refund::{RefundProgress, RefundSnapshot};
use domain::timestamp::Timestamp;

use super::accidents::Accident;

/// A link's page at the provider.
#[derive(Debug, Clone)]
pub struct LedgerLink {
    /// The provider's id of it.
    pub provider_ref: ProviderRef,
    /// Our own id of it.
    pub payment_link_id: PaymentLinkId,
    /// Whether it can be visited.
    pub is_active: bool,
    /// How many visitors went through it.
    pub completed_sessions: u32,
    /// How many may.
    pub(crate) completed_sessions_max: Option<u32>,
    pub(crate) amount: Money,
    /// Whether money is only held at first.
    pub(crate) holds: bool,
}

/// A checkout at the provider.
#[derive(Debug, Clone)]
pub struct LedgerSession {
    /// The provider's id of it.
    pub provider_ref: ProviderRef,
    /// Our own id of it, unless it is a visit to a link.
    pub checkout_session_id: Option<CheckoutSessionId>,
    /// The link that was visited, at the provider.
    pub link: Option<ProviderRef>,
    /// How it stands.
    pub progress: CheckoutProgress,
    pub(crate) payment_link_id: Option<PaymentLinkId>,
    /// What it asks for.
    pub amount: Money,
    pub(crate) holds: bool,
    /// When it can't be paid any more.
    pub expires_at: Timestamp,
}

/// A refund at the provider.
#[derive(Debug, Clone)]
pub struct LedgerRefund {
    /// The payment of which money goes back, at the provider.
    pub payment_ref: ProviderRef,
    /// The refund as it is told.
    pub snapshot: RefundSnapshot,
}

/// What the provider has. Everything in it is at the provider alone: nobody else knows it unless told.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) links: Vec<LedgerLink>,
    pub(crate) sessions: Vec<LedgerSession>,
    pub(crate) refunds: Vec<LedgerRefund>,
    pub(crate) told: Vec<Notification>,
    /// What was asked for and answered under a key.
    pub(super) answers: BTreeMap<String, (String, Result<Answer, ProviderError>)>,
    /// How many calls have come.
    pub(super) calls: u64,
    /// What happens to each call of a method, where a test wants it.
    pub(super) accident: Option<(&'static str, Accident)>,
    last_id: u64,
    /// Whether it tells facts and can't be asked for them.
    pub(super) is_mute: bool,
    pub(crate) now: Timestamp,
}

/// What a call was answered.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Page(HostedPage),
    Sessions(Vec<CheckoutSnapshot>),
    Session(Box<CheckoutSnapshot>),
    Refund(RefundSnapshot),
    Done,
}

impl LedgerSession {
    pub(crate) fn snapshot(&self) -> CheckoutSnapshot {
        CheckoutSnapshot {
            provider_ref: self.provider_ref.clone(),
            checkout_session_id: self.checkout_session_id,
            payment_link_id: self.payment_link_id,
            progress: self.progress.clone(),
            amount: self.amount,
            payment_method: None,
            expires_at: Some(self.expires_at),
            collected: None,
            subscription: None,
        }
    }

    /// The provider's id of the payment that came of it.
    pub fn payment_ref(&self) -> Option<&ProviderRef> {
        self.progress.payment_ref()
    }

    /// What came in by it; nothing as long as it is held or on its way.
    pub fn received(&self) -> Option<Money> {
        match &self.progress {
            CheckoutProgress::Paid { received, .. } => Some(*received),
            _ => None,
        }
    }
}

impl Ledger {
    pub(crate) fn new(now: Timestamp, is_mute: bool) -> Self {
        Self {
            links: Vec::new(),
            sessions: Vec::new(),
            refunds: Vec::new(),
            told: Vec::new(),
            answers: BTreeMap::new(),
            calls: 0,
            accident: None,
            last_id: 0,
            is_mute,
            now,
        }
    }

    pub(crate) fn new_ref(&mut self, prefix: &str) -> ProviderRef {
        self.last_id += 1;
        ProviderRef(format!("{prefix}_{}", self.last_id))
    }

    /// Tells of what has just happened.
    pub(crate) fn tell(&mut self, topic: NotificationTopic) {
        let topic = match topic {
            hint if !self.is_mute => Some(hint),
            NotificationTopic::Checkout { provider_ref } => self.fact_of(&provider_ref),
            NotificationTopic::Refund { payment_ref } => {
                // The last of it that moved is behind all others.
                let moved = self.refunds.iter().rev().find(|it| it.payment_ref == payment_ref);
                moved.map(|it| NotificationTopic::RefundTold { payment_ref, snapshot: Box::new(it.snapshot.clone()) })
            }
            _ => None,
        };
        let Some(topic) = topic else { return };
        let provider_event_id = self.new_ref("evt").0;
        self.told.push(Notification { provider_event_id, occurred_at: self.now, topic, is_foreign: false });
    }

    /// What is told of a session by a provider that can't be asked: that money came, not that none did.
    fn fact_of(&mut self, session: &ProviderRef) -> Option<NotificationTopic> {
        let session = self.session_mut(session).ok()?;
        let is_told = !matches!(session.progress, CheckoutProgress::Open | CheckoutProgress::Expired);
        is_told.then(|| NotificationTopic::CheckoutTold { snapshot: Box::new(session.snapshot()) })
    }

    /// A session as it is answered to a call.
    pub(super) fn answered(&self, session: &LedgerSession) -> CheckoutSnapshot {
        let mut snapshot = session.snapshot();
        if self.is_mute && session.payment_ref().is_some() {
            snapshot.progress = CheckoutProgress::Completed;
        }
        snapshot
    }

    pub(crate) fn link_mut(&mut self, link: &ProviderRef) -> Result<&mut LedgerLink, ProviderError> {
        self.links.iter_mut().find(|it| it.provider_ref == *link).ok_or(ProviderError::NotFound)
    }

    pub(crate) fn session_mut(&mut self, session: &ProviderRef) -> Result<&mut LedgerSession, ProviderError> {
        self.sessions.iter_mut().find(|it| it.provider_ref == *session).ok_or(ProviderError::NotFound)
    }

    fn session_of(&mut self, payment: &ProviderRef) -> Result<&mut LedgerSession, ProviderError> {
        self.sessions.iter_mut().find(|it| it.payment_ref() == Some(payment)).ok_or(ProviderError::NotFound)
    }

    /// Moves a session on, and tells of it.
    pub(crate) fn move_session(
        &mut self,
        session: &ProviderRef,
        progress: CheckoutProgress,
    ) -> Result<(), ProviderError> {
        self.session_mut(session)?.progress = progress;
        self.tell(NotificationTopic::Checkout { provider_ref: session.clone() });
        Ok(())
    }

    /// Ends the sessions whose time is over.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        self.now = now;
        let is_over = |it: &&LedgerSession| it.progress == CheckoutProgress::Open && it.expires_at <= now;
        let over: Vec<_> = self.sessions.iter().filter(is_over).map(|it| it.provider_ref.clone()).collect();
        for session in over {
            // It is among them.
            let _ = self.move_session(&session, CheckoutProgress::Expired);
        }
    }

    /// Opens or closes a link; a closed one has no open sessions.
    pub(crate) fn set_link_active(&mut self, link: &ProviderRef, is_active: bool) -> Result<(), ProviderError> {
        let known = self.link_mut(link)?;
        if is_active && known.completed_sessions_max.is_some_and(|max| known.completed_sessions >= max) {
            return Err(rejected("link_used_up"));
        }
        let was_active = std::mem::replace(&mut known.is_active, is_active);
        if was_active != is_active {
            self.tell(NotificationTopic::PaymentLink { provider_ref: link.clone() });
        }
        if !is_active {
            let is_open = |it: &&LedgerSession| it.link.as_ref() == Some(link) && it.progress == CheckoutProgress::Open;
            let open: Vec<_> = self.sessions.iter().filter(is_open).map(|it| it.provider_ref.clone()).collect();
            for session in open {
                self.move_session(&session, CheckoutProgress::Expired)?;
            }
        }
        Ok(())
    }

    /// A customer goes through an open session; its link counts that, and is used up at its limit.
    pub(crate) fn complete(
        &mut self,
        session: &ProviderRef,
        progress: impl FnOnce(ProviderRef) -> CheckoutProgress,
    ) -> Result<(), ProviderError> {
        let known = self.session_mut(session)?;
        if known.progress != CheckoutProgress::Open {
            return Err(ProviderError::Conflict { code: "session_not_open".to_owned() });
        }
        let link = known.link.clone();
        let payment = self.new_ref("pi");
        self.move_session(session, progress(payment))?;
        if let Some(link) = link {
            let known = self.link_mut(&link)?;
            known.completed_sessions += 1;
            let is_used_up = known.completed_sessions_max.is_some_and(|max| known.completed_sessions >= max);
            if is_used_up && known.is_active {
                known.is_active = false;
                self.tell(NotificationTopic::PaymentLink { provider_ref: link });
            }
        }
        Ok(())
    }

    /// Captures held money, or lets it go where there is no amount.
    pub(crate) fn move_held(&mut self, payment: &ProviderRef, amount: Option<Money>) -> Result<(), ProviderError> {
        let session = self.session_of(payment)?;
        let CheckoutProgress::Authorized { authorization, .. } = &session.progress else {
            return Err(rejected("payment_unexpected_state"));
        };
        if amount.is_some_and(|amount| amount.minor() > authorization.amount.minor()) {
            return Err(rejected("amount_too_large"));
        }
        session.progress = match amount {
            Some(received) => CheckoutProgress::Paid { payment_ref: payment.clone(), received },
            None => CheckoutProgress::Released { payment_ref: payment.clone() },
        };
        self.tell(NotificationTopic::HeldPayment { payment_ref: payment.clone() });
        Ok(())
    }

    /// Sends money of a payment back, where that much is left of it.
    pub(crate) fn refund(
        &mut self,
        payment: &ProviderRef,
        (refund_id, amount): (Option<RefundId>, Money),
        progress: RefundProgress,
    ) -> Result<RefundSnapshot, ProviderError> {
        let received = self.session_of(payment)?.received().ok_or_else(|| rejected("payment_unexpected_state"))?;
        let counts = |it: &&LedgerRefund| {
            let progress = &it.snapshot.progress;
            it.payment_ref == *payment && !matches!(progress, RefundProgress::Failed { .. } | RefundProgress::Canceled)
        };
        let gone: i64 = self.refunds.iter().filter(counts).map(|it| it.snapshot.amount.minor()).sum();
        if gone + amount.minor() > received.minor() {
            return Err(rejected("amount_too_large"));
        }
        let provider_ref = self.new_ref("re");
        let snapshot = RefundSnapshot { provider_ref, refund_id, progress, amount, reason: None };
        self.refunds.push(LedgerRefund { payment_ref: payment.clone(), snapshot: snapshot.clone() });
        self.tell(NotificationTopic::Refund { payment_ref: payment.clone() });
        Ok(snapshot)
    }

    /// What a customer's bank has said of an amount that is only held.
    pub(crate) fn authorization(&self, amount: Money) -> Authorization {
        /// How long a hold lasts; whoever plays the provider lets it go then.
        const HOLD: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 60 * 60);
        Authorization { amount, capture_before: Some(self.now.plus(HOLD)) }
    }
}

pub(crate) fn rejected(code: &str) -> ProviderError {
    ProviderError::Rejected { field: None, code: code.to_owned() }
}

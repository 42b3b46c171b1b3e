//! The provider, with a ledger of its own, and what its customers and the people at its dashboard do.

mod ledger;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::catalog::{Coupon, PromotionCode, PromotionCodeSnapshot};
use domain::checkout::CheckoutSession;
use domain::customer::Customer;
use domain::dispute::DisputeSnapshot;
use domain::id::{CheckoutSessionId, PaymentLinkId};
use domain::money::Money;
use domain::payment_link::{CaptureMethod, LinkSharing, LinkTarget, PaymentLink};
use domain::ports::clock::Clock;
use domain::ports::provider::{
    HostedPage, LinkSnapshot, NotificationError, NotificationPage, PaymentProvider, ProviderError,
};
use domain::provider::{
    Capabilities, CheckoutProgress, CheckoutSnapshot, Feature, Notification, NotificationTopic, ProviderKey,
    ProviderName, ProviderRef,
};
use domain::refund::{Refund, RefundProgress, RefundSnapshot};
use domain::subscription::{CancellationTime, RenewalSnapshot, SubscriptionSnapshot};
use domain::timestamp::Timestamp;

use crate::clock::SimulatedClock;
use crate::locked;
use crate::process::{Chaos, Process, Reach};
use ledger::{Answer, Ledger, rejected};
pub use ledger::{LedgerLink, LedgerRefund, LedgerSession};

/// The header that a notification is signed by.
const SIGNATURE: (&str, &str) = ("simulated-signature", "genuine");
/// How many notifications a page has that is read back.
const TOLD_PAGE: usize = 20;
/// The longest that a call lies on its way to the provider: far less than any key is remembered.
const LATE_MAX: Duration = Duration::from_secs(240);

/// The provider itself: its ledger, and what happens there without us. A clone is the same.
#[derive(Clone)]
pub struct Acquirer {
    ledger: Arc<Mutex<Ledger>>,
    clock: SimulatedClock,
    chaos: Chaos,
}

/// A process's way to the [`Acquirer`].
#[derive(Clone)]
pub struct SimulatedProvider {
    acquirer: Acquirer,
    reach: Reach,
    name: ProviderName,
    capabilities: Capabilities,
}

impl Acquirer {
    /// One without customers, whose clock is `clock`.
    pub fn new(clock: SimulatedClock, chaos: &Chaos) -> Self {
        Self { ledger: Arc::new(Mutex::new(Ledger::new(clock.now()))), clock, chaos: chaos.clone() }
    }

    /// The way of a process to it, registered as `name`.
    pub fn for_process(&self, name: ProviderName, process: &Process) -> SimulatedProvider {
        SimulatedProvider {
            acquirer: self.clone(),
            reach: Reach { process: process.clone(), chaos: self.chaos.clone() },
            name,
            capabilities: capabilities(),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        let mut ledger = locked(&self.ledger);
        ledger.pass_time(self.clock.now());
        ledger
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
        let (name, value) = SIGNATURE;
        (vec![(name.to_owned(), value.to_owned())], notification.provider_event_id.clone().into_bytes())
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
        ledger.tell(NotificationTopic::Refund { payment_ref });
        Ok(())
    }

    /// Does what is asked for under a key, once: the same key is answered the same again.
    fn do_once(
        &self,
        key: &ProviderKey,
        effect: impl FnOnce(&mut Ledger) -> Result<Answer, ProviderError>,
    ) -> Result<Answer, ProviderError> {
        let mut ledger = self.ledger();
        if let Some(answer) = ledger.answers.get(&key.0) {
            return answer.clone();
        }
        let answer = effect(&mut ledger);
        ledger.answers.insert(key.0.clone(), answer.clone());
        answer
    }
}

impl SimulatedProvider {
    /// A call that changes something, with all that may come in between.
    async fn change(
        &self,
        key: &ProviderKey,
        is_creation: bool,
        effect: impl FnOnce(&mut Ledger) -> Result<Answer, ProviderError> + Send + 'static,
    ) -> Result<Answer, ProviderError> {
        self.reach.go().await;
        let (chaos, acquirer) = (&self.reach.chaos, &self.acquirer);
        if chaos.happens(|faults| faults.slow) {
            tokio::time::sleep(Duration::from_secs(60 + chaos.below(60))).await;
        }
        let answer = if chaos.happens(|faults| faults.not_done) {
            Err(match chaos.below(3) {
                0 => ProviderError::Unavailable,
                1 => ProviderError::RateLimited { retry_after: Some(Duration::from_secs(chaos.below(5))) },
                _ => ProviderError::Conflict { code: "key_in_use".to_owned() },
            })
        } else if is_creation && chaos.happens(|faults| faults.rejected) {
            acquirer.do_once(key, |_| Err(rejected("not_permitted")))
        } else if chaos.happens(|faults| faults.done_late) {
            let (acquirer, key) = (acquirer.clone(), key.clone());
            let late = Duration::from_millis(chaos.below(u64::try_from(LATE_MAX.as_millis()).unwrap_or(1)));
            // It is on its way already, so it goes on although its caller may die.
            tokio::spawn(async move {
                tokio::time::sleep(late).await;
                let _ = acquirer.do_once(&key, effect);
            });
            Err(ProviderError::OutcomeUnknown)
        } else if chaos.happens(|faults| faults.failure_kept) {
            let is_done = chaos.below(2) == 0;
            acquirer.do_once(key, |ledger| {
                if is_done {
                    effect(ledger)?;
                }
                Err(ProviderError::OutcomeUnknown)
            })
        } else {
            let answer = acquirer.do_once(key, effect);
            if chaos.happens(|faults| faults.answer_lost) { Err(ProviderError::OutcomeUnknown) } else { answer }
        };
        self.reach.come_back().await;
        answer
    }

    /// A call that only looks.
    async fn look<T>(&self, look: impl FnOnce(&mut Ledger) -> Result<T, ProviderError>) -> Result<T, ProviderError> {
        self.reach.go().await;
        let chaos = &self.reach.chaos;
        if chaos.happens(|faults| faults.not_done) {
            return Err(match chaos.below(2) {
                0 => ProviderError::Unavailable,
                _ => ProviderError::RateLimited { retry_after: None },
            });
        }
        let seen = look(&mut self.acquirer.ledger());
        self.reach.come_back().await;
        seen
    }
}

#[async_trait]
impl PaymentProvider for SimulatedProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn provider_time(&self) -> Option<Timestamp> {
        Some(self.acquirer.clock.now())
    }

    async fn create_payment_link(&self, key: &ProviderKey, link: &PaymentLink) -> Result<HostedPage, ProviderError> {
        let amount = asked_for(&link.target)?;
        let made = LedgerLink {
            provider_ref: ProviderRef(String::new()),
            payment_link_id: link.id,
            is_active: true,
            completed_sessions: 0,
            completed_sessions_max: link.options.completed_sessions_max.map(|max| max.get()),
            amount,
            holds: link.options.payment.capture == CaptureMethod::Manual,
        };
        let answer = self
            .change(key, true, move |ledger| {
                let provider_ref = ledger.new_ref("plink");
                ledger.links.push(LedgerLink { provider_ref: provider_ref.clone(), ..made });
                Ok(Answer::Page(page(provider_ref)))
            })
            .await?;
        expect_page(answer)
    }

    async fn update_payment_link(
        &self,
        key: &ProviderKey,
        _before: &PaymentLink,
        changed: &PaymentLink,
    ) -> Result<(), ProviderError> {
        let link = made_page(changed.provider_ref.as_ref())?;
        let max = changed.options.completed_sessions_max.map(|max| max.get());
        self.change(key, false, move |ledger| {
            ledger.link_mut(&link)?.completed_sessions_max = max;
            Ok(Answer::Done)
        })
        .await
        .map(|_| ())
    }

    async fn activate_payment_link(&self, key: &ProviderKey, link: &PaymentLink) -> Result<(), ProviderError> {
        let link = made_page(link.provider_ref.as_ref())?;
        self.change(key, false, move |ledger| ledger.set_link_active(&link, true).map(|()| Answer::Done))
            .await
            .map(|_| ())
    }

    async fn deactivate_payment_link(
        &self,
        key: &ProviderKey,
        link: &PaymentLink,
    ) -> Result<Vec<CheckoutSnapshot>, ProviderError> {
        let is_for_invoice = link.invoice_id().is_some();
        let link = made_page(link.provider_ref.as_ref())?;
        let answer = self
            .change(key, false, move |ledger| {
                ledger.set_link_active(&link, false)?;
                let of_link = ledger.sessions.iter().filter(|it| is_for_invoice && it.link.as_ref() == Some(&link));
                let completed = of_link.filter(|it| it.payment_ref().is_some());
                Ok(Answer::Sessions(completed.map(LedgerSession::snapshot).collect()))
            })
            .await?;
        match answer {
            Answer::Sessions(sessions) => Ok(sessions),
            _ => Err(other_call()),
        }
    }

    fn payment_link_url(&self, url: &str, _sharing: &LinkSharing) -> Result<String, ProviderError> {
        Ok(url.to_owned())
    }

    async fn create_checkout<'a>(
        &self,
        key: &ProviderKey,
        session: &CheckoutSession,
        _customer: Option<&'a Customer>,
    ) -> Result<HostedPage, ProviderError> {
        let made = LedgerSession {
            provider_ref: ProviderRef(String::new()),
            checkout_session_id: Some(session.id),
            link: None,
            progress: CheckoutProgress::Open,
            payment_link_id: None,
            amount: session.amount,
            holds: false,
            expires_at: session.expires_at,
        };
        let answer = self
            .change(key, true, move |ledger| {
                let provider_ref = ledger.new_ref("cs");
                ledger.sessions.push(LedgerSession { provider_ref: provider_ref.clone(), ..made });
                Ok(Answer::Page(page(provider_ref)))
            })
            .await?;
        expect_page(answer)
    }

    async fn expire_checkout(
        &self,
        key: &ProviderKey,
        session: &CheckoutSession,
    ) -> Result<CheckoutSnapshot, ProviderError> {
        let session = made_page(session.provider_ref.as_ref())?;
        let answer = self
            .change(key, false, move |ledger| {
                if ledger.session_mut(&session)?.progress == CheckoutProgress::Open {
                    ledger.move_session(&session, CheckoutProgress::Expired)?;
                }
                Ok(Answer::Session(Box::new(ledger.session_mut(&session)?.snapshot())))
            })
            .await?;
        match answer {
            Answer::Session(session) => Ok(*session),
            _ => Err(other_call()),
        }
    }

    async fn detach_payment_method(&self, _key: &ProviderKey, _method: &ProviderRef) -> Result<(), ProviderError> {
        Err(ProviderError::NotFound)
    }

    async fn fetch_checkout(&self, session: &ProviderRef) -> Result<CheckoutSnapshot, ProviderError> {
        self.look(|ledger| ledger.session_mut(session).map(|session| session.snapshot())).await
    }

    async fn fetch_payment_link(&self, link: &ProviderRef) -> Result<Option<LinkSnapshot>, ProviderError> {
        self.look(|ledger| {
            ledger.link_mut(link).map(|link| {
                Some(LinkSnapshot {
                    payment_link_id: link.payment_link_id,
                    active: link.is_active,
                    completed_sessions: link.completed_sessions,
                })
            })
        })
        .await
    }

    async fn find_payment_link(
        &self,
        id: PaymentLinkId,
        _since: Timestamp,
    ) -> Result<Option<HostedPage>, ProviderError> {
        self.look(|ledger| {
            let found = ledger.links.iter().find(|link| link.payment_link_id == id);
            Ok(found.map(|link| page(link.provider_ref.clone())))
        })
        .await
    }

    async fn find_checkout(
        &self,
        id: CheckoutSessionId,
        _since: Timestamp,
    ) -> Result<Option<HostedPage>, ProviderError> {
        self.look(|ledger| {
            let found = ledger.sessions.iter().find(|session| session.checkout_session_id == Some(id));
            Ok(found.map(|session| page(session.provider_ref.clone())))
        })
        .await
    }

    async fn capture_payment(
        &self,
        key: &ProviderKey,
        payment: &ProviderRef,
        amount: Money,
    ) -> Result<(), ProviderError> {
        let payment = payment.clone();
        let captured =
            self.change(key, false, move |ledger| ledger.move_held(&payment, Some(amount)).map(|()| Answer::Done));
        captured.await.map(|_| ())
    }

    async fn cancel_payment(&self, key: &ProviderKey, payment: &ProviderRef) -> Result<(), ProviderError> {
        let payment = payment.clone();
        let released = self.change(key, false, move |ledger| ledger.move_held(&payment, None).map(|()| Answer::Done));
        released.await.map(|_| ())
    }

    async fn create_refund(
        &self,
        key: &ProviderKey,
        refund: &Refund,
        payment: &ProviderRef,
    ) -> Result<RefundSnapshot, ProviderError> {
        let (what, payment) = ((Some(refund.id), refund.amount), payment.clone());
        // A bank may take days; whoever plays it ends the refund.
        let progress = match self.reach.chaos.below(4) {
            0 => RefundProgress::Pending,
            _ => RefundProgress::Succeeded,
        };
        let answer =
            self.change(key, true, move |ledger| ledger.refund(&payment, what, progress).map(Answer::Refund)).await?;
        match answer {
            Answer::Refund(snapshot) => Ok(snapshot),
            _ => Err(other_call()),
        }
    }

    async fn fetch_refunds(&self, payment: &ProviderRef) -> Result<Vec<RefundSnapshot>, ProviderError> {
        self.look(|ledger| {
            let of_payment = ledger.refunds.iter().filter(|it| it.payment_ref == *payment);
            Ok(of_payment.map(|it| it.snapshot.clone()).collect())
        })
        .await
    }

    async fn fetch_dispute(&self, _dispute: &ProviderRef) -> Result<DisputeSnapshot, ProviderError> {
        Err(ProviderError::NotFound)
    }

    async fn create_promotion_code(
        &self,
        _key: &ProviderKey,
        _code: &PromotionCode,
        _coupon: &Coupon,
    ) -> Result<PromotionCodeSnapshot, ProviderError> {
        Err(unsupported(Feature::PromotionCodes))
    }

    async fn set_promotion_code_active(
        &self,
        _key: &ProviderKey,
        _code: &ProviderRef,
        _active: bool,
    ) -> Result<(), ProviderError> {
        Err(unsupported(Feature::PromotionCodes))
    }

    async fn fetch_promotion_code(&self, _code: &ProviderRef) -> Result<Option<PromotionCodeSnapshot>, ProviderError> {
        Err(unsupported(Feature::PromotionCodes))
    }

    async fn find_promotion_code(&self, _code: &PromotionCode) -> Result<Option<PromotionCodeSnapshot>, ProviderError> {
        Err(unsupported(Feature::PromotionCodes))
    }

    async fn cancel_subscription(
        &self,
        _key: &ProviderKey,
        _subscription: &ProviderRef,
        _at: CancellationTime,
    ) -> Result<SubscriptionSnapshot, ProviderError> {
        Err(unsupported(Feature::Subscriptions))
    }

    async fn fetch_subscription(
        &self,
        _subscription: &ProviderRef,
    ) -> Result<Option<SubscriptionSnapshot>, ProviderError> {
        Err(unsupported(Feature::Subscriptions))
    }

    async fn fetch_renewal(&self, _invoice: &ProviderRef) -> Result<Option<RenewalSnapshot>, ProviderError> {
        Err(unsupported(Feature::Subscriptions))
    }

    fn acknowledgement(&self) -> &'static str {
        ""
    }

    fn parse_notification(
        &self,
        headers: &[(String, String)],
        body: &[u8],
        _now: Timestamp,
    ) -> Result<Vec<Notification>, NotificationError> {
        let is_genuine = headers.iter().any(|(name, value)| (name.as_str(), value.as_str()) == SIGNATURE);
        if !is_genuine {
            return Err(NotificationError::BadSignature);
        }
        let told = &self.acquirer.ledger().told;
        let known = told.iter().find(|it| it.provider_event_id.as_bytes() == body);
        known.map(|known| vec![known.clone()]).ok_or(NotificationError::Malformed)
    }

    async fn list_notifications(
        &self,
        since: Timestamp,
        cursor: Option<String>,
    ) -> Result<NotificationPage, ProviderError> {
        self.look(|ledger| {
            let since_then = ledger.told.iter().filter(|it| it.occurred_at >= since);
            let behind: Vec<_> = match cursor {
                None => since_then.cloned().collect(),
                Some(last) => since_then.skip_while(|it| it.provider_event_id != last).skip(1).cloned().collect(),
            };
            let has_more = behind.len() > TOLD_PAGE;
            let notifications: Vec<_> = behind.into_iter().take(TOLD_PAGE).collect();
            let last = notifications.last().map(|it| it.provider_event_id.clone());
            Ok(NotificationPage { notifications, next: last.filter(|_| has_more) })
        })
        .await
    }
}

/// What a page asks for.
fn asked_for(target: &LinkTarget) -> Result<Money, ProviderError> {
    match target {
        LinkTarget::Invoice { amount, .. } => Ok(*amount),
        LinkTarget::Items { items } => {
            let each = items.iter().map(|item| match &item.model {
                domain::catalog::PriceModel::PerUnit { unit_price } => {
                    unit_price.times(item.quantity).map_err(|_| rejected("amount_too_large"))
                }
                _ => Err(unsupported(Feature::TieredPrices)),
            });
            let each = each.collect::<Result<Vec<_>, _>>()?;
            Money::sum(items.currency(), each).map_err(|_| rejected("amount_too_large"))
        }
    }
}

fn page(provider_ref: ProviderRef) -> HostedPage {
    let url = format!("https://pay.example/{provider_ref}");
    HostedPage { provider_ref, url }
}

fn expect_page(answer: Answer) -> Result<HostedPage, ProviderError> {
    match answer {
        Answer::Page(page) => Ok(page),
        _ => Err(other_call()),
    }
}

/// The provider's id of what is to be changed.
fn made_page(provider_ref: Option<&ProviderRef>) -> Result<ProviderRef, ProviderError> {
    provider_ref.cloned().ok_or(ProviderError::NotFound)
}

/// The key was used for another call: a defect of the caller's.
fn other_call() -> ProviderError {
    rejected("key_reused")
}

fn unsupported(feature: Feature) -> ProviderError {
    ProviderError::Unsupported { capability: feature.name() }
}

/// Keys are kept for ever here; what is told is what real providers keep them for at least.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

fn capabilities() -> Capabilities {
    let features = [
        Feature::LinkReactivation,
        Feature::LinkCompletedSessionsLimit,
        Feature::CheckoutCancelUrl,
        Feature::ManualCapture,
        Feature::PartialRefunds,
        Feature::LookupByReference,
        Feature::NotificationHistory,
    ];
    Capabilities {
        livemode: false,
        locales: BTreeSet::from(["en".to_owned(), "sv".to_owned()]),
        line_items_max: 20,
        link_lifetime_max: None,
        key_lifetime: KEY_LIFETIME,
        bank_transfer_currencies: BTreeSet::from(["EUR".to_owned(), "SEK".to_owned()]),
        features: features.into(),
    }
}

//! The provider, with a ledger of its own, and what its customers and the people at its dashboard do.

mod accidents;
mod acquirer;
mod ledger;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use domain::checkout::{CheckoutMode, CheckoutSession};
use domain::customer::Customer;
use domain::dispute::DisputeSnapshot;
use domain::id::{CheckoutSessionId, PaymentLinkId};
use domain::money::Money;
use domain::payment_link::{CaptureMethod, LinkSharing, LinkTarget, PaymentLink};
use domain::ports::clock::Clock;
use domain::ports::provider::{
    Delivery, HostedPage, LinkSnapshot, NotificationError, NotificationPage, PaymentProvider, ProviderError,
    unsupported,
};
use domain::provider::{
    Capabilities, CheckoutProgress, CheckoutSnapshot, Feature, Notification, ProviderKey, ProviderName, ProviderRef,
};
use domain::refund::{Refund, RefundProgress, RefundSnapshot};
use domain::timestamp::Timestamp;

use crate::process::Reach;
pub use accidents::Accident;
use accidents::Call;
pub use acquirer::Acquirer;
use acquirer::signature;
use ledger::{Answer, rejected};
pub use ledger::{LedgerLink, LedgerRefund, LedgerSession};

/// The header that a notification is signed by.
const SIGNATURE: &str = "simulated-signature";
/// The largest charge, in minor units.
const CHARGE_MAX: i64 = 99_999_999_999;
/// How many notifications a page has that is read back.
const TOLD_PAGE: usize = 20;

/// A process's way to the [`Acquirer`].
#[derive(Clone)]
pub struct SimulatedProvider {
    acquirer: Acquirer,
    reach: Reach,
    name: ProviderName,
    capabilities: Capabilities,
    signing_keys: Vec<&'static str>,
    /// How every call ends, where none gets through.
    cut_off: Option<ProviderError>,
}

impl SimulatedProvider {
    /// The same way, on which notifications verify by these keys alone.
    #[must_use]
    pub fn with_signing_keys(self, signing_keys: &[&'static str]) -> Self {
        Self { signing_keys: signing_keys.to_vec(), ..self }
    }

    /// The same way, on which nothing gets through: every call ends so.
    #[must_use]
    pub fn cut_off(self, by: ProviderError) -> Self {
        Self { cut_off: Some(by), ..self }
    }

    fn expect(&self, feature: Feature) -> Result<(), ProviderError> {
        if self.capabilities.has(feature) { Ok(()) } else { Err(unsupported(feature)) }
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
        for (feature, _) in link.options.needs().into_iter().chain(link.target.needs()) {
            self.expect(feature)?;
        }
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
            .change(Call::new("create_payment_link", key, &made), move |ledger| {
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
        self.change(Call::new("update_payment_link", key, (&link, max)), move |ledger| {
            ledger.link_mut(&link)?.completed_sessions_max = max;
            Ok(Answer::Done)
        })
        .await
        .map(|_| ())
    }

    async fn activate_payment_link(&self, key: &ProviderKey, link: &PaymentLink) -> Result<(), ProviderError> {
        let link = made_page(link.provider_ref.as_ref())?;
        let call = Call::new("activate_payment_link", key, &link);
        self.change(call, move |ledger| ledger.set_link_active(&link, true).map(|()| Answer::Done)).await.map(|_| ())
    }

    async fn deactivate_payment_link(
        &self,
        key: &ProviderKey,
        link: &PaymentLink,
    ) -> Result<Vec<CheckoutSnapshot>, ProviderError> {
        let is_for_invoice = link.invoice_id().is_some();
        let link = made_page(link.provider_ref.as_ref())?;
        let answer = self
            .change(Call::new("deactivate_payment_link", key, &link), move |ledger| {
                ledger.set_link_active(&link, false)?;
                let of_link = ledger.sessions.iter().filter(|it| is_for_invoice && it.link.as_ref() == Some(&link));
                let completed = of_link.filter(|it| it.payment_ref().is_some());
                Ok(Answer::Sessions(completed.map(|it| ledger.answered(it)).collect()))
            })
            .await?;
        match answer {
            Answer::Sessions(sessions) => Ok(sessions),
            _ => Err(other_call()),
        }
    }

    fn payment_link_url(&self, url: &str, sharing: &LinkSharing) -> Result<String, ProviderError> {
        if *sharing != LinkSharing::default() {
            self.expect(Feature::LinkUrlParameters)?;
        }
        Ok(url.to_owned())
    }

    async fn create_checkout<'a>(
        &self,
        key: &ProviderKey,
        session: &CheckoutSession,
        _customer: Option<&'a Customer>,
    ) -> Result<HostedPage, ProviderError> {
        if session.mode == CheckoutMode::BankTransferPayment
            && !self.capabilities.bank_transfer_currencies.contains(session.amount.currency().code())
        {
            return Err(ProviderError::Unsupported { capability: "bank_transfer" });
        }
        chargeable(session.amount, "amount")?;
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
            .change(Call::new("create_checkout", key, &made), move |ledger| {
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
            .change(Call::new("expire_checkout", key, &session), move |ledger| {
                if ledger.session_mut(&session)?.progress == CheckoutProgress::Open {
                    ledger.move_session(&session, CheckoutProgress::Expired)?;
                }
                let closed = ledger.session_mut(&session)?.clone();
                Ok(Answer::Session(Box::new(ledger.answered(&closed))))
            })
            .await?;
        match answer {
            Answer::Session(session) => Ok(*session),
            _ => Err(other_call()),
        }
    }

    async fn fetch_checkout(&self, session: &ProviderRef) -> Result<CheckoutSnapshot, ProviderError> {
        self.look("fetch_checkout", |ledger| {
            let found = ledger.session_mut(session)?.clone();
            Ok(ledger.answered(&found))
        })
        .await
    }

    async fn fetch_payment_link(&self, link: &ProviderRef) -> Result<Option<LinkSnapshot>, ProviderError> {
        self.look("fetch_payment_link", |ledger| {
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
        self.expect(Feature::LookupByReference)?;
        self.look("find_payment_link", |ledger| {
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
        self.expect(Feature::LookupByReference)?;
        self.look("find_checkout", |ledger| {
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
        let call = Call::new("capture_payment", key, (&payment, amount));
        let captured = self.change(call, move |ledger| ledger.move_held(&payment, Some(amount)).map(|()| Answer::Done));
        captured.await.map(|_| ())
    }

    async fn cancel_payment(&self, key: &ProviderKey, payment: &ProviderRef) -> Result<(), ProviderError> {
        let payment = payment.clone();
        let call = Call::new("cancel_payment", key, &payment);
        let released = self.change(call, move |ledger| ledger.move_held(&payment, None).map(|()| Answer::Done));
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
        let call = Call::new("create_refund", key, (&what, &payment));
        let answer =
            self.change(call, move |ledger| ledger.refund(&payment, what, progress).map(Answer::Refund)).await?;
        match answer {
            Answer::Refund(snapshot) => Ok(snapshot),
            _ => Err(other_call()),
        }
    }

    async fn fetch_refunds(&self, payment: &ProviderRef) -> Result<Vec<RefundSnapshot>, ProviderError> {
        self.expect(Feature::LookupByReference)?;
        self.look("fetch_refunds", |ledger| {
            let of_payment = ledger.refunds.iter().filter(|it| it.payment_ref == *payment);
            Ok(of_payment.map(|it| it.snapshot.clone()).collect())
        })
        .await
    }

    async fn fetch_dispute(&self, _dispute: &ProviderRef) -> Result<DisputeSnapshot, ProviderError> {
        Err(ProviderError::NotFound)
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
        let signed = headers.iter().find(|(name, _)| name == SIGNATURE).map(|(_, value)| value);
        if !self.signing_keys.iter().any(|key| signed == Some(&signature(key, body))) {
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
        self.expect(Feature::NotificationHistory)?;
        self.look("list_notifications", |ledger| {
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

    async fn probe(&self, _webhook_url: &str) -> Result<Delivery, ProviderError> {
        self.look("probe", |_| Ok(Delivery::Untold)).await
    }
}

/// What a page asks for.
fn asked_for(target: &LinkTarget) -> Result<Money, ProviderError> {
    match target {
        LinkTarget::Invoice { amount, .. } => chargeable(*amount, "amount"),
        LinkTarget::Items { items } => {
            let each = items.iter().map(|item| match &item.model {
                domain::catalog::PriceModel::PerUnit { unit_price } => {
                    unit_price.times(item.quantity).map_err(|_| refused("line_items", "amount_too_large"))
                }
                _ => Err(unsupported(Feature::TieredPrices)),
            });
            let each = each.collect::<Result<Vec<_>, _>>()?;
            let total = Money::sum(items.currency(), each).map_err(|_| refused("line_items", "amount_too_large"))?;
            chargeable(total, "line_items")
        }
    }
}

/// Fails unless a customer can be charged so much.
fn chargeable(amount: Money, field: &str) -> Result<Money, ProviderError> {
    match amount.minor() {
        ..=0 => Err(refused(field, "amount_too_small")),
        minor if minor > CHARGE_MAX => Err(refused(field, "amount_too_large")),
        _ => Ok(amount),
    }
}

fn refused(field: &str, code: &str) -> ProviderError {
    ProviderError::Rejected { field: Some(field.to_owned()), code: code.to_owned() }
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

/// Keys are kept for ever here; what is told is what real providers keep them for at least.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The same where a key is the only way to find out what became of a call.
const MUTE_KEY_LIFETIME: Duration = Duration::from_secs(31 * 24 * 60 * 60);

fn capabilities(is_mute: bool) -> Capabilities {
    let mut features = BTreeSet::from([
        Feature::LinkReactivation,
        Feature::LinkCompletedSessionsLimit,
        Feature::CheckoutCancelUrl,
        Feature::ManualCapture,
        Feature::PaymentMethodTypes,
        Feature::PartialRefunds,
        Feature::LookupByReference,
        Feature::NotificationHistory,
    ]);
    if is_mute {
        features = [Feature::LinkCompletedSessionsLimit, Feature::CheckoutCancelUrl, Feature::PartialRefunds].into();
    }
    Capabilities {
        livemode: false,
        locales: BTreeSet::from(["en".to_owned(), "sv".to_owned()]),
        line_items_max: 20,
        link_lifetime_max: None,
        key_lifetime: if is_mute { MUTE_KEY_LIFETIME } else { KEY_LIFETIME },
        bank_transfer_currencies: BTreeSet::from(["EUR".to_owned(), "SEK".to_owned()]),
        features,
    }
}

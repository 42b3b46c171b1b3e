//! Who charges: creates hosted pages, and tells what became of them.

use std::time::Duration;

use async_trait::async_trait;

use crate::catalog::{Coupon, PromotionCode, PromotionCodeSnapshot};
use crate::checkout::CheckoutSession;
use crate::customer::Customer;
use crate::dispute::DisputeSnapshot;
use crate::id::{CheckoutSessionId, PaymentLinkId};
use crate::money::Money;
use crate::payment_link::{LinkSharing, PaymentLink};
use crate::provider::{Capabilities, CheckoutSnapshot, Feature, Notification, ProviderKey, ProviderName, ProviderRef};
use crate::refund::{Refund, RefundSnapshot};
use crate::subscription::{CancellationTime, RenewalSnapshot, SubscriptionSnapshot};
use crate::timestamp::Timestamp;

/// A payment provider. No method may be called inside a transaction.
///
/// A mutation sent again under the same [`ProviderKey`] is done once. Every method has a time limit of its own; one that
/// passes is [`ProviderError::OutcomeUnknown`] for a mutation.
///
/// What needs a [`Feature`] is never called at a provider that has not the feature, and need not be written there; that one
/// that has it does it, the contract suite holds.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// The name under which it is registered.
    fn name(&self) -> &ProviderName;

    /// What it can do.
    fn capabilities(&self) -> &Capabilities;

    /// The time by the provider's clock, as far as an answer of the last minutes has told it; it may be a second off. Does
    /// no I/O.
    fn provider_time(&self) -> Option<Timestamp>;

    /// Makes the hosted page of a link. The link carries our own id at the provider, by which
    /// [`find_payment_link`](Self::find_payment_link) finds it.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn create_payment_link(&self, key: &ProviderKey, link: &PaymentLink) -> Result<HostedPage, ProviderError>;

    /// Changes a link to what `changed` says. `before` is what it was.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn update_payment_link(
        &self,
        key: &ProviderKey,
        before: &PaymentLink,
        changed: &PaymentLink,
    ) -> Result<(), ProviderError>;

    /// Opens a closed link again. Needs [`Feature::LinkReactivation`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn activate_payment_link(&self, _key: &ProviderKey, _link: &PaymentLink) -> Result<(), ProviderError> {
        Err(unsupported(Feature::LinkReactivation))
    }

    /// Closes a link and every open session of it. A session that a customer completes meanwhile stays completed; those of
    /// a link for an invoice are told, so that money that came just before is in the books before the link is closed there.
    /// One that is told as [`CheckoutProgress::Completed`](crate::provider::CheckoutProgress::Completed) has its money told
    /// by a notification, for which the closing waits.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn deactivate_payment_link(
        &self,
        key: &ProviderKey,
        link: &PaymentLink,
    ) -> Result<Vec<CheckoutSnapshot>, ProviderError>;

    /// The URL `url` of a link, made longer by what it is to bring along. Does no I/O.
    ///
    /// # Errors
    /// [`ProviderError::Unsupported`] where it is asked for more than there is a parameter for, and
    /// [`ProviderError::Rejected`] where `url` is none.
    fn payment_link_url(&self, url: &str, sharing: &LinkSharing) -> Result<String, ProviderError>;

    /// Makes the hosted page of a session. `customer` prefills it.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn create_checkout<'a>(
        &self,
        key: &ProviderKey,
        session: &CheckoutSession,
        customer: Option<&'a Customer>,
    ) -> Result<HostedPage, ProviderError>;

    /// Closes a session, and tells how it stands: it may have been completed just before.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn expire_checkout(
        &self,
        key: &ProviderKey,
        session: &CheckoutSession,
    ) -> Result<CheckoutSnapshot, ProviderError>;

    /// Forgets a payment method; one that is forgotten already is fine. Needs [`Feature::StoredPaymentMethods`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn detach_payment_method(&self, _key: &ProviderKey, _method: &ProviderRef) -> Result<(), ProviderError> {
        Err(unsupported(Feature::StoredPaymentMethods))
    }

    /// How a session stands now.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn fetch_checkout(&self, session: &ProviderRef) -> Result<CheckoutSnapshot, ProviderError>;

    /// Whether a link is open now, and its own id of ours; `None` if it is not one of ours.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn fetch_payment_link(&self, link: &ProviderRef) -> Result<Option<LinkSnapshot>, ProviderError>;

    /// Looks a link up by our own id, among those made since `since`. Needs [`Feature::LookupByReference`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn find_payment_link(
        &self,
        _id: PaymentLinkId,
        _since: Timestamp,
    ) -> Result<Option<HostedPage>, ProviderError> {
        Err(unsupported(Feature::LookupByReference))
    }

    /// Looks a session up by our own id, among those made since `since`. Needs [`Feature::LookupByReference`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn find_checkout(
        &self,
        _id: CheckoutSessionId,
        _since: Timestamp,
    ) -> Result<Option<HostedPage>, ProviderError> {
        Err(unsupported(Feature::LookupByReference))
    }

    /// Captures money that a payment holds: `amount`, which is at most what is held; the rest is let go. Once, and not
    /// again. Needs [`Feature::ManualCapture`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn capture_payment(
        &self,
        _key: &ProviderKey,
        _payment: &ProviderRef,
        _amount: Money,
    ) -> Result<(), ProviderError> {
        Err(unsupported(Feature::ManualCapture))
    }

    /// Lets go all the money that a payment holds. Needs [`Feature::ManualCapture`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn cancel_payment(&self, _key: &ProviderKey, _payment: &ProviderRef) -> Result<(), ProviderError> {
        Err(unsupported(Feature::ManualCapture))
    }

    /// Sends money of a payment back. The refund carries our own id at the provider, by which it is found among
    /// [`fetch_refunds`](Self::fetch_refunds), or in a notification, where the answer is lost.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn create_refund(
        &self,
        key: &ProviderKey,
        refund: &Refund,
        payment: &ProviderRef,
    ) -> Result<RefundSnapshot, ProviderError>;

    /// How all refunds of a payment stand now, whoever made them. Needs [`Feature::LookupByReference`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn fetch_refunds(&self, _payment: &ProviderRef) -> Result<Vec<RefundSnapshot>, ProviderError> {
        Err(unsupported(Feature::LookupByReference))
    }

    /// How a dispute stands now. Needs [`Feature::LookupByReference`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn fetch_dispute(&self, _dispute: &ProviderRef) -> Result<DisputeSnapshot, ProviderError> {
        Err(unsupported(Feature::LookupByReference))
    }

    /// Makes a promotion code, and its coupon if that is not there yet. The code carries our own id at the provider, by
    /// which [`find_promotion_code`](Self::find_promotion_code) finds it. Needs [`Feature::PromotionCodes`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn create_promotion_code(
        &self,
        _key: &ProviderKey,
        _code: &PromotionCode,
        _coupon: &Coupon,
    ) -> Result<PromotionCodeSnapshot, ProviderError> {
        Err(unsupported(Feature::PromotionCodes))
    }

    /// Makes a promotion code redeemable, or not. Needs [`Feature::PromotionCodes`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn set_promotion_code_active(
        &self,
        _key: &ProviderKey,
        _code: &ProviderRef,
        _active: bool,
    ) -> Result<(), ProviderError> {
        Err(unsupported(Feature::PromotionCodes))
    }

    /// How a promotion code stands now; `None` if it is not one of ours. Needs [`Feature::PromotionCodes`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn fetch_promotion_code(&self, _code: &ProviderRef) -> Result<Option<PromotionCodeSnapshot>, ProviderError> {
        Err(unsupported(Feature::PromotionCodes))
    }

    /// Looks a promotion code up by our own id. Needs [`Feature::PromotionCodes`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn find_promotion_code(&self, _code: &PromotionCode) -> Result<Option<PromotionCodeSnapshot>, ProviderError> {
        Err(unsupported(Feature::PromotionCodes))
    }

    /// Ends a subscription, and tells how it stands then; one that has ended already is fine. Needs
    /// [`Feature::Subscriptions`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn cancel_subscription(
        &self,
        _key: &ProviderKey,
        _subscription: &ProviderRef,
        _at: CancellationTime,
    ) -> Result<SubscriptionSnapshot, ProviderError> {
        Err(unsupported(Feature::Subscriptions))
    }

    /// How a subscription stands now; `None` if it is not one of ours. Needs [`Feature::Subscriptions`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn fetch_subscription(
        &self,
        _subscription: &ProviderRef,
    ) -> Result<Option<SubscriptionSnapshot>, ProviderError> {
        Err(unsupported(Feature::Subscriptions))
    }

    /// What was paid for a period by the provider's own invoice; `None` if that is not of a subscription that a link of
    /// ours began, or of the first period, which is paid in the checkout itself. Needs [`Feature::Subscriptions`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn fetch_renewal(&self, _invoice: &ProviderRef) -> Result<Option<RenewalSnapshot>, ProviderError> {
        Err(unsupported(Feature::Subscriptions))
    }

    /// The body with which a delivery is acknowledged, beside a status of 2xx; empty where the provider reads none.
    fn acknowledgement(&self) -> &'static str;

    /// Verifies and reads what came in at the provider's webhook. The names of `headers` are in lower case; `body` are the
    /// bytes as they came in. Does no I/O.
    ///
    /// # Errors
    /// See [`NotificationError`].
    fn parse_notification(
        &self,
        headers: &[(String, String)],
        body: &[u8],
        now: Timestamp,
    ) -> Result<Vec<Notification>, NotificationError>;

    /// Reads back what [notifications](Self::parse_notification) have told since `since`, whether they arrived or not: a
    /// page of it, in any order. `cursor` is the `next` of the page before. What is read back has the `provider_event_id` of
    /// what is delivered; what means nothing here may be left out. Needs [`Feature::NotificationHistory`].
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn list_notifications(
        &self,
        _since: Timestamp,
        _cursor: Option<String>,
    ) -> Result<NotificationPage, ProviderError> {
        Err(unsupported(Feature::NotificationHistory))
    }

    /// Asks for something cheap that changes nothing, so that an operator learns whether the provider can be reached and takes
    /// our key, and how it delivers notifications to `webhook_url`, as far as it tells.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn probe(&self, webhook_url: &str) -> Result<Delivery, ProviderError>;
}

/// That a provider has not an ability.
pub const fn unsupported(feature: Feature) -> ProviderError {
    ProviderError::Unsupported { capability: feature.name() }
}

/// How a provider delivers notifications to a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It does, of all kinds that matter here.
    On,
    /// It delivers there, but not these kinds of notification, by the provider's names.
    Lacking {
        /// The kinds.
        kinds: Vec<String>,
    },
    /// It delivers there, and some that it told in the last day have not been taken.
    Untaken,
    /// It has nothing there, or it is turned off.
    Off,
    /// It does not tell, or not with our key.
    Untold,
}

/// A page of what a provider has told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationPage {
    /// What it told.
    pub notifications: Vec<Notification>,
    /// Where the next page begins; absent behind the last.
    pub next: Option<String>,
}

/// A hosted page at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedPage {
    /// The provider's id of it.
    pub provider_ref: ProviderRef,
    /// Where a customer opens it.
    pub url: String,
}

/// A link as it stands at the provider now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkSnapshot {
    /// Our own id of it.
    pub payment_link_id: PaymentLinkId,
    /// Whether it is open.
    pub active: bool,
    /// How many checkouts of it were completed, as far as the provider counts them; else 0.
    pub completed_sessions: u32,
}

/// Why a call came to nothing, by what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Refused for good; the same call would be refused again.
    #[error("the provider refused it: {code}")]
    Rejected {
        /// The field of ours that is at fault, where it is known.
        field: Option<String>,
        /// The provider's code. Never its text, which may hold what a customer entered.
        code: String,
    },
    /// The thing is not there.
    #[error("the provider has no such thing")]
    NotFound,
    /// The thing's state does not allow it, or the same key is being worked on.
    #[error("the provider says it conflicts with the present state: {code}")]
    Conflict {
        /// The provider's code.
        code: String,
    },
    /// Surely not done: too many calls, by the provider's word or by our own limit before it.
    #[error("the provider limits the rate of calls")]
    RateLimited {
        /// How long to wait, where the provider says.
        retry_after: Option<Duration>,
    },
    /// Surely not done: it can't be reached.
    #[error("the provider can't be reached")]
    Unavailable,
    /// Surely not done: it failed again and again, and is left alone.
    #[error("the provider failed again and again, and is left alone")]
    CircuitOpen {
        /// For how long.
        retry_after: Duration,
    },
    /// Perhaps done: the answer was lost, late or not to be understood.
    #[error("it is not known whether the provider did it")]
    OutcomeUnknown,
    /// The provider can't do that, whoever asks.
    #[error("the provider can't do that: {capability}")]
    Unsupported {
        /// The ability that is missing.
        capability: &'static str,
    },
    /// The provider does not accept our credentials, or they may not do that.
    #[error("the provider refuses our credentials")]
    Unauthorized,
}

/// Why a notification was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotificationError {
    /// Without the credentials that the provider was given for its deliveries, or with wrong ones.
    #[error("the credentials are missing or wrong")]
    BadCredentials,
    /// Without a signature, with a wrong one, or with one of another scheme.
    #[error("the signature does not verify")]
    BadSignature,
    /// Signed too long ago, or too far ahead.
    #[error("the signature is out of its time")]
    StaleSignature,
    /// Signed, but not to be understood.
    #[error("the notification is malformed")]
    Malformed,
}

//! What a payment provider is to the domain: names, references, abilities, calls that are intended, and what it says.
//!
//! Nothing here may be one provider's own: a second one must fit without a change.

mod capabilities;

use std::fmt;
use std::str::FromStr;

pub use capabilities::{Capabilities, Feature};
use serde::{Deserialize, Serialize};

use crate::catalog::PromotionCodeChanges;
use crate::checkout::Collected;
use crate::credit_note::CreditRequest;
use crate::dispute::DisputeSnapshot;
use crate::id::{
    CheckoutSessionId, IntentId, InvoiceId, NotificationId, PaymentId, PaymentLinkId, PaymentMethodId, PromotionCodeId,
    RefundId, SubscriptionId,
};
use crate::idempotency::RequestKey;
use crate::money::Money;
use crate::payment::{Authorization, CaptureSnapshot, OutOfBandReceipt};
use crate::payment_link::{CloseReason, LinkChanges};
use crate::payment_method::CardSummary;
use crate::refund::RefundSnapshot;
use crate::seller::SellerId;
use crate::subscription::{CancellationTime, SubscriptionSnapshot};
use crate::timestamp::Timestamp;
use crate::trace_context::TraceContext;
use crate::validation::Invalid;

/// The name under which an adapter is registered: 1 to 40 of `a-z`, `0-9` and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderName(String);

impl ProviderName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands for a provider where money came in beside every one. No adapter may have this name.
    pub fn out_of_band() -> Self {
        Self("out-of-band".to_owned())
    }
}

impl FromStr for ProviderName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fits =
            (1..=40).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("MALFORMED_PROVIDER_NAME", "must be 1 to 40 of a-z, 0-9 and hyphens"))
        }
    }
}

impl TryFrom<String> for ProviderName {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<ProviderName> for String {
    fn from(name: ProviderName) -> Self {
        name.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A provider's own id of a thing. Opaque.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderRef(pub String);

impl fmt::Display for ProviderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key under which a provider does a call once, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderKey(pub String);

/// A provider call that is intended: committed before the call, so that a crash can't forget it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Its id.
    pub id: IntentId,
    /// Whose thing it is about.
    pub seller_id: SellerId,
    /// Who is called.
    pub provider: ProviderName,
    /// What is to be done.
    pub action: ProviderAction,
    /// The caller's request that waits for it.
    pub request: Option<RequestKey>,
    /// How far it is.
    pub state: IntentState,
    /// How often the provider has been called for it.
    pub attempts: u32,
    /// Counts up when a new provider key is needed: only once the thing is surely absent at the provider.
    pub key_generation: u32,
    /// Since when it is not known whether the provider did it under the present key; absent where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_since: Option<Timestamp>,
    /// When it was intended.
    pub created_at: Timestamp,
    /// Which lease this is of: whoever holds an older one may not write any more.
    #[serde(default)]
    pub lease_epoch: i64,
    /// What is done in the transaction that notes the page as closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequel: Option<Sequel>,
    /// Where in a trace it was intended, where that was traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
}

/// What is to be done about an invoice as soon as nothing more can be paid on it at the provider. It is kept with the call
/// that closes its page, so that a crash in between loses neither.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "sequel", rename_all = "snake_case")]
pub enum Sequel {
    /// Credit it.
    Credit {
        /// The invoice.
        invoice_id: InvoiceId,
        /// What is credited.
        request: Box<CreditRequest>,
    },
    /// Record money that came in beside the provider.
    OutOfBandPayment {
        /// The invoice.
        invoice_id: InvoiceId,
        /// The money.
        receipt: Box<OutOfBandReceipt>,
    },
}

impl Sequel {
    /// The invoice that it is about.
    pub const fn invoice_id(&self) -> InvoiceId {
        match self {
            Self::Credit { invoice_id, .. } | Self::OutOfBandPayment { invoice_id, .. } => *invoice_id,
        }
    }
}

impl Intent {
    /// The key under which the provider does it once.
    pub fn provider_key(&self) -> ProviderKey {
        ProviderKey(format!("{}-{}", self.id, self.key_generation))
    }
}

/// What is to be done at a provider. The thing itself is in the store already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ProviderAction {
    /// Make a link.
    CreatePaymentLink {
        /// The link.
        payment_link_id: PaymentLinkId,
    },
    /// Change a link.
    UpdatePaymentLink {
        /// The link.
        payment_link_id: PaymentLinkId,
        /// The change.
        changes: Box<LinkChanges>,
    },
    /// Open a link again.
    ActivatePaymentLink {
        /// The link.
        payment_link_id: PaymentLinkId,
    },
    /// Close a link and its open sessions.
    DeactivatePaymentLink {
        /// The link.
        payment_link_id: PaymentLinkId,
        /// Why.
        reason: CloseReason,
    },
    /// Make a session.
    CreateCheckoutSession {
        /// The session.
        checkout_session_id: CheckoutSessionId,
    },
    /// Close a session.
    ExpireCheckoutSession {
        /// The session.
        checkout_session_id: CheckoutSessionId,
        /// Why.
        reason: CloseReason,
    },
    /// Forget a payment method.
    DetachPaymentMethod {
        /// The payment method.
        payment_method_id: PaymentMethodId,
    },
    /// Send money of a payment back.
    CreateRefund {
        /// The refund.
        refund_id: RefundId,
    },
    /// Make a promotion code, and its coupon if that is not there yet.
    CreatePromotionCode {
        /// The promotion code.
        promotion_code_id: PromotionCodeId,
    },
    /// Change a promotion code.
    UpdatePromotionCode {
        /// The promotion code.
        promotion_code_id: PromotionCodeId,
        /// The change.
        changes: Box<PromotionCodeChanges>,
    },
    /// End a subscription.
    CancelSubscription {
        /// The subscription.
        subscription_id: SubscriptionId,
        /// When it is to end.
        at: CancellationTime,
    },
    /// Capture money that a payment holds.
    CapturePayment {
        /// The payment.
        payment: HeldPayment,
        /// How much; the rest is let go.
        amount: Money,
    },
    /// Let go all the money that a payment holds.
    CancelPayment {
        /// The payment.
        payment: HeldPayment,
    },
}

/// A payment whose money is held, with the names that it and its session have at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPayment {
    /// The payment.
    pub payment_id: PaymentId,
    /// Its id at the provider.
    pub payment_ref: ProviderRef,
    /// The id at the provider of the session through which it came.
    pub session_ref: ProviderRef,
}

impl ProviderAction {
    /// The id of the thing that it is about. Actions on one thing are done in the order in which they were intended.
    pub fn subject(&self) -> String {
        match self {
            Self::CreatePaymentLink { payment_link_id }
            | Self::UpdatePaymentLink { payment_link_id, .. }
            | Self::ActivatePaymentLink { payment_link_id }
            | Self::DeactivatePaymentLink { payment_link_id, .. } => payment_link_id.to_string(),
            Self::CreateCheckoutSession { checkout_session_id }
            | Self::ExpireCheckoutSession { checkout_session_id, .. } => checkout_session_id.to_string(),
            Self::DetachPaymentMethod { payment_method_id } => payment_method_id.to_string(),
            Self::CreateRefund { refund_id } => refund_id.to_string(),
            Self::CreatePromotionCode { promotion_code_id } | Self::UpdatePromotionCode { promotion_code_id, .. } => {
                promotion_code_id.to_string()
            }
            Self::CancelSubscription { subscription_id, .. } => subscription_id.to_string(),
            Self::CapturePayment { payment, .. } | Self::CancelPayment { payment } => payment.payment_id.to_string(),
        }
    }

    /// The action's name, in snake case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreatePaymentLink { .. } => "create_payment_link",
            Self::UpdatePaymentLink { .. } => "update_payment_link",
            Self::ActivatePaymentLink { .. } => "activate_payment_link",
            Self::DeactivatePaymentLink { .. } => "deactivate_payment_link",
            Self::CreateCheckoutSession { .. } => "create_checkout_session",
            Self::ExpireCheckoutSession { .. } => "expire_checkout_session",
            Self::DetachPaymentMethod { .. } => "detach_payment_method",
            Self::CreateRefund { .. } => "create_refund",
            Self::CreatePromotionCode { .. } => "create_promotion_code",
            Self::UpdatePromotionCode { .. } => "update_promotion_code",
            Self::CancelSubscription { .. } => "cancel_subscription",
            Self::CapturePayment { .. } => "capture_payment",
            Self::CancelPayment { .. } => "cancel_payment",
        }
    }
}

/// How far an intended call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// To be called, or being called.
    Pending,
    /// Called, and perhaps done: to be found out before anything else.
    OutcomeUnknown,
    /// Done, and recorded.
    Done,
    /// Refused for good, and recorded.
    Failed,
}

impl IntentState {
    /// Whether something is still to be done.
    pub const fn is_unfinished(self) -> bool {
        matches!(self, Self::Pending | Self::OutcomeUnknown)
    }

    /// The state's name, in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// Something that a provider said happened there, verified at the door. Late, doubled and reordered ones all come to the
/// same: where the provider can be asked, it is a hint to look, and what is so now is asked when it is processed; where it
/// can't, the topic tells the whole fact, and a fact never undoes one that came after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The provider's id of the notification: the same for each delivery of it.
    pub provider_event_id: String,
    /// When it happened, as the provider says.
    pub occurred_at: Timestamp,
    /// What it is about.
    pub topic: NotificationTopic,
    /// Whether nothing that it names is ours, as far as its own words tell: most of what another program does on the same
    /// account. It may be about a payment of ours all the same, as where such a program sends money of one back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_foreign: bool,
}

/// What a notification is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "topic", rename_all = "snake_case")]
pub enum NotificationTopic {
    /// A checkout session moved.
    Checkout {
        /// The session at the provider.
        provider_ref: ProviderRef,
    },
    /// A payment link moved.
    PaymentLink {
        /// The link at the provider.
        provider_ref: ProviderRef,
    },
    /// A stored payment method was detached.
    PaymentMethodDetached {
        /// The payment method at the provider.
        provider_ref: ProviderRef,
    },
    /// Held money of a payment was captured or let go.
    HeldPayment {
        /// The payment at the provider.
        payment_ref: ProviderRef,
    },
    /// A refund of a payment moved, whoever made it.
    Refund {
        /// The payment at the provider.
        payment_ref: ProviderRef,
    },
    /// A dispute of a payment moved.
    Dispute {
        /// The dispute at the provider.
        provider_ref: ProviderRef,
        /// The payment at the provider.
        payment_ref: ProviderRef,
    },
    /// A promotion code moved.
    PromotionCode {
        /// The promotion code at the provider.
        provider_ref: ProviderRef,
    },
    /// A subscription moved.
    Subscription {
        /// The subscription at the provider.
        provider_ref: ProviderRef,
    },
    /// A period of a subscription was paid.
    Renewal {
        /// The provider's own invoice of the period.
        invoice_ref: ProviderRef,
    },
    /// A checkout session moved to what is told here; the provider can't be asked for it.
    CheckoutTold {
        /// How it stood then. Where a visit is told by its payment alone, the payment is the session as well.
        snapshot: Box<CheckoutSnapshot>,
    },
    /// A refund moved to what is told here; the provider can't be asked for it.
    RefundTold {
        /// The payment at the provider.
        payment_ref: ProviderRef,
        /// How it stood then.
        snapshot: Box<RefundSnapshot>,
    },
    /// A capture of a payment whose money is taken at once came to what is told here, after the payment itself was told; the
    /// provider can't be asked for it.
    CaptureTold {
        /// The payment at the provider.
        payment_ref: ProviderRef,
        /// What became of it.
        snapshot: Box<CaptureSnapshot>,
    },
    /// A dispute moved to what is told here; the provider can't be asked for it.
    DisputeTold {
        /// The payment at the provider.
        payment_ref: ProviderRef,
        /// How it stood then.
        snapshot: Box<DisputeSnapshot>,
    },
    /// Something about money that can't be brought into the books by itself: it is set aside for a person.
    NeedsAttention {
        /// The provider's name for it.
        name: String,
        /// The payment at the provider, as far as it is told.
        payment_ref: Option<ProviderRef>,
    },
    /// Something that means nothing here.
    Other {
        /// The provider's name for it.
        name: String,
    },
}

/// A notification in the inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InboxEntry {
    /// Its id here.
    pub id: NotificationId,
    /// Who sent it.
    pub provider: ProviderName,
    /// What it says.
    pub notification: Notification,
    /// How often it has been tried to process it; the number of the present try, which tells it from others.
    pub attempts: u32,
    /// How often it failed for reasons of its own, and not since the provider or the database was away.
    #[serde(default)]
    pub failures: u32,
    /// How many tries in a row, the present one included, of which no end was noted: whoever worked on it died of it, or
    /// could not reach the database any more.
    #[serde(default)]
    pub unended_tries: u32,
    /// When it came in.
    pub received_at: Timestamp,
    /// Where in a trace it came in, where that was traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
}

/// A checkout session as it stands at the provider.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutSnapshot {
    /// Its id there.
    pub provider_ref: ProviderRef,
    /// Our own id, if it was we who made it.
    pub checkout_session_id: Option<CheckoutSessionId>,
    /// The link that it is a visit of, by our own id.
    pub payment_link_id: Option<PaymentLinkId>,
    /// How far it is.
    pub progress: CheckoutProgress,
    /// What the customer is asked for.
    pub amount: Money,
    /// What the customer pays with, if the provider keeps it.
    pub payment_method: Option<StoredCard>,
    /// When it can't be paid any more.
    pub expires_at: Option<Timestamp>,
    /// What the customer entered and chose, once the customer went through it.
    pub collected: Option<Box<Collected>>,
    /// The subscription that it began, once the customer went through it.
    pub subscription: Option<Box<SubscriptionSnapshot>>,
}

impl CheckoutSnapshot {
    /// What of ours there is money for, by our own id: the session, or the link that it is a visit of. Nothing if it names
    /// nothing of ours, or no money has come in or is held.
    pub fn pays_for(&self) -> Option<String> {
        let has_money = matches!(self.progress, CheckoutProgress::Paid { .. } | CheckoutProgress::Authorized { .. });
        let session = self.checkout_session_id.map(|id| id.to_string());
        session.or_else(|| Some(self.payment_link_id?.to_string())).filter(|_| has_money)
    }
}

/// How far a checkout session is at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum CheckoutProgress {
    /// Can be paid.
    Open,
    /// Closed unpaid.
    Expired,
    /// Gone through, and the money is there.
    Paid {
        /// The provider's id of the payment.
        payment_ref: ProviderRef,
        /// What came in, as the provider says.
        received: Money,
    },
    /// Gone through, and the money is held until it is captured.
    Authorized {
        /// The provider's id of the payment.
        payment_ref: ProviderRef,
        /// What is held.
        authorization: Authorization,
    },
    /// Gone through, and the money that was held is let go: someone canceled the payment, or it was not captured in time.
    Released {
        /// The provider's id of the payment.
        payment_ref: ProviderRef,
    },
    /// Gone through, and the money comes later.
    Processing {
        /// The provider's id of the payment.
        payment_ref: ProviderRef,
    },
    /// Gone through, and the money will not come.
    PaymentFailed {
        /// The provider's id of the payment.
        payment_ref: ProviderRef,
    },
    /// Gone through, and there was nothing to pay.
    NothingToPay,
    /// Gone through; a notification is still to tell what was paid, since the provider can't be asked.
    Completed,
}

impl CheckoutProgress {
    /// The provider's id of the payment, where there is one.
    pub const fn payment_ref(&self) -> Option<&ProviderRef> {
        match self {
            Self::Paid { payment_ref, .. }
            | Self::Authorized { payment_ref, .. }
            | Self::Released { payment_ref }
            | Self::Processing { payment_ref }
            | Self::PaymentFailed { payment_ref } => Some(payment_ref),
            Self::Open | Self::Expired | Self::NothingToPay | Self::Completed => None,
        }
    }
}

/// A payment method that the provider keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCard {
    /// Its id there.
    pub provider_ref: ProviderRef,
    /// What may be shown of it.
    pub card: CardSummary,
}

impl fmt::Debug for CheckoutSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckoutSnapshot({}, {:?}, {})", self.provider_ref, self.progress, self.amount)
    }
}

//! The subscription: what a customer pays for again and again, since going through a link with a recurring price.
//!
//! The provider runs it: it makes the invoices, takes the money and decides where it stands. Here is what is known of it,
//! as the provider last said, see [`SubscriptionSnapshot`].

use serde::{Deserialize, Serialize};

use crate::aggregate::aggregate;
use crate::catalog::Recurrence;
use crate::checkout::EnteredText;
use crate::id::{CheckoutSessionId, PaymentLinkId, PriceId, SubscriptionId};
use crate::metadata::Metadata;
use crate::money::{Currency, Money};
use crate::payment_link::PaymentLink;
use crate::provider::{ProviderName, ProviderRef};
use crate::seller::SellerId;
use crate::timestamp::Timestamp;

aggregate!(
    /// A subscription.
    Subscription, SubscriptionData
);

/// What a subscription is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionData {
    /// Its id.
    pub id: SubscriptionId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// The link through which it came about.
    pub payment_link_id: PaymentLinkId,
    /// The session in which it came about, once that is known.
    pub checkout_session_id: Option<CheckoutSessionId>,
    /// Who runs it.
    pub provider: ProviderName,
    /// Its id at the provider. One there is one here.
    pub provider_ref: ProviderRef,
    /// What it is like, as the provider last said.
    #[serde(flatten)]
    pub terms: SubscriptionTerms,
    /// The pairs of the link's subscriptions, as they were when it came about.
    pub metadata: Metadata,
    /// Whether real money moves.
    pub livemode: bool,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a subscription is like, as the provider says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionTerms {
    /// Where it stands.
    pub state: SubscriptionState,
    /// In what it is paid.
    pub currency: Currency,
    /// What is paid for.
    pub items: Vec<SubscriptionItem>,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// From when on the present period is; where it has several periods at once, the first of them.
    pub period_start: Timestamp,
    /// Until when the present period is: then it is renewed, or ends.
    pub period_end: Timestamp,
    /// Until when nothing is due.
    pub trial_end: Option<Timestamp>,
    /// When it is to end, where that is decided.
    pub cancel_at: Option<Timestamp>,
    /// When it was decided that it ends.
    pub canceled_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Something that a subscription is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionItem {
    /// What it is called.
    pub name: EnteredText,
    /// The price of ours, if it was one.
    pub price_id: Option<PriceId>,
    /// How many of it.
    pub quantity: u32,
    /// What one costs a period; `None` where that follows from the quantity.
    pub unit_amount: Option<Money>,
    /// How often it is paid.
    pub recurrence: Recurrence,
}

/// Where a subscription stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "name", rename_all = "snake_case")]
pub enum SubscriptionState {
    /// Its first payment has not come in yet.
    Incomplete,
    /// Its first payment did not come in in time. It never ran.
    IncompleteExpired,
    /// Nothing is due yet.
    Trialing,
    /// It runs, and is paid.
    Active,
    /// It runs, but its last payment did not come in; the provider tries again.
    PastDue,
    /// It runs, but the provider has stopped to try.
    Unpaid,
    /// It waits: its trial ended without a method of payment.
    Paused,
    /// It has ended.
    Canceled,
    /// A state that is not known here, by the provider's name.
    Unknown(String),
}

impl SubscriptionState {
    /// The state's name, in snake case.
    pub fn name(&self) -> &str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
            Self::Unknown(name) => name,
        }
    }

    /// Whether it is over for good.
    pub const fn has_ended(&self) -> bool {
        matches!(self, Self::IncompleteExpired | Self::Canceled)
    }
}

/// A subscription as it stands at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionSnapshot {
    /// Its id there.
    pub provider_ref: ProviderRef,
    /// The link through which it came about, by our own id.
    pub payment_link_id: PaymentLinkId,
    /// What it is like.
    pub terms: SubscriptionTerms,
}

/// A period of a subscription that was paid, after the first: that one is paid in the checkout itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalSnapshot {
    /// The subscription at the provider.
    pub subscription_ref: ProviderRef,
    /// The link that began it.
    pub payment_link_id: PaymentLinkId,
    /// The payment at the provider; `None` where nothing was due.
    pub payment: Option<RenewalPayment>,
}

/// What was paid for a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalPayment {
    /// Its id at the provider.
    pub payment_ref: ProviderRef,
    /// What came in.
    pub received: Money,
    /// What was asked for, without tax.
    pub subtotal: Money,
    /// The tax in it.
    pub tax: Money,
    /// What was asked for.
    pub total: Money,
}

/// When a subscription is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancellationTime {
    /// Now: nothing more is due, and nothing is paid back.
    Now,
    /// When the present period ends.
    PeriodEnd,
}

/// A subscription that has ended can't be canceled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the subscription is {state}: it has ended")]
pub struct SubscriptionEnded {
    /// Its state.
    pub state: String,
}

impl Subscription {
    /// A subscription that came about through a link.
    pub fn begun(id: SubscriptionId, link: &PaymentLink, snapshot: &SubscriptionSnapshot, now: Timestamp) -> Self {
        Self(SubscriptionData {
            id,
            seller_id: link.seller_id.clone(),
            version: 0,
            payment_link_id: link.id,
            checkout_session_id: None,
            provider: link.provider.clone(),
            provider_ref: snapshot.provider_ref.clone(),
            terms: snapshot.terms.clone(),
            metadata: link.options.subscription.metadata.clone(),
            livemode: link.livemode,
            created_at: now,
            updated_at: now,
        })
    }

    /// Takes over what it is like at the provider. Says whether that was news: once it has ended, nothing is.
    pub fn observe(&mut self, terms: &SubscriptionTerms, now: Timestamp) -> bool {
        let is_news = !self.terms.state.has_ended() && &self.terms != terms;
        if is_news {
            self.0.terms = terms.clone();
            self.0.updated_at = now;
        }
        is_news
    }

    /// Notes the session in which it came about. Says whether that was news.
    pub fn came_about_in(&mut self, session: CheckoutSessionId, now: Timestamp) -> bool {
        let is_news = self.checkout_session_id.is_none();
        if is_news {
            self.0.checkout_session_id = Some(session);
            self.0.updated_at = now;
        }
        is_news
    }

    /// Fails unless it goes on.
    ///
    /// # Errors
    /// It has ended.
    pub fn expect_running(&self) -> Result<(), SubscriptionEnded> {
        let state = &self.terms.state;
        if state.has_ended() { Err(SubscriptionEnded { state: state.name().to_owned() }) } else { Ok(()) }
    }
}

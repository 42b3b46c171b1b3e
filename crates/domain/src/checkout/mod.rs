//! The checkout session: one visit to a hosted page, of an invoice or of a payment link.

mod collected;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use collected::{
    BoughtItem, Collected, CollectedAmounts, EnteredAddress, EnteredCustomer, EnteredField, EnteredPromotion,
    EnteredRecipient, EnteredTaxId, EnteredText,
};

use crate::aggregate::aggregate;
use crate::id::{CheckoutSessionId, CustomerId, InvoiceId, PaymentLinkId};
use crate::locale::Locale;
use crate::metadata::Metadata;
use crate::money::Money;
use crate::payment::{is_part, rest_after, with_part};
use crate::payment_link::CloseReason;
use crate::provider::{ProviderName, ProviderRef};
use crate::redirect::RedirectUrl;
use crate::seller::SellerId;
use crate::text::{Description, DisplayName};
use crate::timestamp::Timestamp;

/// How long a checkout session can be paid, from its creation.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

aggregate!(
    /// A checkout session.
    CheckoutSession, CheckoutSessionData
);

/// What a session is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckoutSessionData {
    /// Its id.
    pub id: CheckoutSessionId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// What it is a visit of.
    pub origin: SessionOrigin,
    /// What it does.
    pub mode: CheckoutMode,
    /// How it is paid.
    pub payment_type: PaymentType,
    /// What is asked for.
    pub amount: Money,
    /// What the page calls it.
    pub title: Option<DisplayName>,
    /// What the page says of it, such as the tax inside.
    #[serde(default)]
    pub description: Option<Description>,
    /// The language of the page; the browser's where absent.
    pub locale: Option<Locale>,
    /// Where the browser goes after payment.
    pub return_url: Option<RedirectUrl>,
    /// Where the browser goes when the customer turns back.
    pub cancel_url: Option<RedirectUrl>,
    /// The customer.
    pub customer_id: Option<CustomerId>,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// Where it stands.
    pub state: SessionState,
    /// What came in by parts while the page takes the rest still; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_in_parts: Option<Money>,
    /// What the customer entered and chose, once the customer went through it.
    #[serde(default)]
    pub collected: Option<Box<Collected>>,
    /// Who hosts it.
    pub provider: ProviderName,
    /// Its id there, once it is there.
    pub provider_ref: Option<ProviderRef>,
    /// Where it is paid, once it is there.
    pub url: Option<String>,
    /// When it can't be paid any more.
    pub expires_at: Timestamp,
    /// Whether real money moves.
    pub livemode: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a session is a visit of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "origin", rename_all = "snake_case")]
pub enum SessionOrigin {
    /// A checkout of one invoice.
    Invoice {
        /// The invoice.
        invoice_id: InvoiceId,
    },
    /// A visit to a payment link.
    Link {
        /// The link.
        payment_link_id: PaymentLinkId,
    },
    /// A customer who stores a payment method.
    Customer {
        /// The customer.
        customer_id: CustomerId,
    },
}

/// What a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutMode {
    /// Takes a payment now.
    Payment,
    /// Tells the customer where to transfer money to, which arrives days later.
    BankTransferPayment,
    /// Stores a payment method, and charges nothing.
    Setup,
}

/// How a session is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentType {
    /// By card, and whatever else the provider offers for immediate payment.
    Card,
    /// By bank transfer.
    BankTransfer,
}

impl CheckoutMode {
    /// How a session of this mode is paid.
    pub const fn payment_type(self) -> PaymentType {
        match self {
            Self::Payment | Self::Setup => PaymentType::Card,
            Self::BankTransferPayment => PaymentType::BankTransfer,
        }
    }
}

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SessionState {
    /// Intended; the provider has still to make it, or to say that it did.
    Creating,
    /// Can be paid.
    Open,
    /// Being closed: it may still be paid at the provider until that is done.
    Closing {
        /// Why.
        reason: CloseReason,
    },
    /// The customer went through it.
    Completed {
        /// When that was recorded.
        completed_at: Timestamp,
        /// Whether the money is there.
        payment: SessionPayment,
    },
    /// Closed without payment.
    Expired {
        /// Why.
        reason: CloseReason,
        /// When that was recorded.
        expired_at: Timestamp,
    },
    /// The provider refused to make it.
    Failed {
        /// The provider's code, in the adapter's words.
        code: String,
    },
}

/// The money of a completed session, as the provider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionPayment {
    /// It comes later.
    Processing,
    /// It is there.
    Paid,
    /// None was needed.
    NotRequired,
    /// It will not come.
    Failed,
}

/// A new session.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCheckoutSession {
    /// Its id.
    pub id: CheckoutSessionId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// What it is a visit of.
    pub origin: SessionOrigin,
    /// What it does.
    pub mode: CheckoutMode,
    /// What is asked for; nothing where a payment method is stored.
    pub amount: Money,
    /// What the page calls it.
    pub title: Option<DisplayName>,
    /// What the page says of it.
    pub description: Option<Description>,
    /// The language of the page.
    pub locale: Option<Locale>,
    /// Where the browser goes after payment.
    pub return_url: Option<RedirectUrl>,
    /// Where the browser goes when the customer turns back.
    pub cancel_url: Option<RedirectUrl>,
    /// The customer.
    pub customer_id: Option<CustomerId>,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// Who hosts it.
    pub provider: ProviderName,
    /// Whether real money moves.
    pub livemode: bool,
}

/// A transition that the session's state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session is {state}, not open")]
pub struct SessionNotOpen {
    /// Its state.
    pub state: &'static str,
}

impl SessionState {
    /// The name of the state in which the provider has still to make it.
    pub const CREATING: &str = "creating";
    /// The name of the state in which it can be paid.
    pub const OPEN: &str = "open";
    /// The name of the state in which it is being closed at the provider.
    pub const CLOSING: &str = "closing";
    /// The name of the state in which the customer has gone through it.
    pub const COMPLETED: &str = "completed";
    /// The name of the state in which it can't be paid any more.
    pub const EXPIRED: &str = "expired";
    /// The name of the state in which the provider refused to make it.
    pub const FAILED: &str = "failed";

    /// The state's name, in snake case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Creating => Self::CREATING,
            Self::Open => Self::OPEN,
            Self::Closing { .. } => Self::CLOSING,
            Self::Completed { .. } => Self::COMPLETED,
            Self::Expired { .. } => Self::EXPIRED,
            Self::Failed { .. } => Self::FAILED,
        }
    }
}

impl CheckoutSession {
    /// A session that is intended.
    pub fn creating(new: NewCheckoutSession, now: Timestamp) -> Self {
        Self(CheckoutSessionData {
            id: new.id,
            seller_id: new.seller_id,
            version: 0,
            origin: new.origin,
            mode: new.mode,
            payment_type: new.mode.payment_type(),
            amount: new.amount,
            title: new.title,
            description: new.description,
            locale: new.locale,
            return_url: new.return_url,
            cancel_url: new.cancel_url,
            customer_id: new.customer_id,
            metadata: new.metadata,
            state: SessionState::Creating,
            paid_in_parts: None,
            collected: None,
            provider: new.provider,
            provider_ref: None,
            url: None,
            expires_at: now.plus(SESSION_LIFETIME),
            livemode: new.livemode,
            created_at: now,
            updated_at: now,
        })
    }

    /// A session that a visit to a link made at the provider, seen for the first time. It ends when the provider says, or
    /// else as one that is made now.
    pub fn visited(
        new: NewCheckoutSession,
        (provider_ref, expires_at): (ProviderRef, Option<Timestamp>),
        now: Timestamp,
    ) -> Self {
        let mut session = Self::creating(new, now);
        session.0.provider_ref = Some(provider_ref);
        session.0.expires_at = expires_at.unwrap_or(session.expires_at);
        session.0.state = SessionState::Open;
        session
    }

    /// The provider made it. Says whether that was news.
    pub fn created(&mut self, provider_ref: ProviderRef, url: String, now: Timestamp) -> bool {
        if self.state != SessionState::Creating {
            return false;
        }
        self.0.provider_ref = Some(provider_ref);
        self.0.url = Some(url);
        self.move_to(SessionState::Open, now);
        true
    }

    /// The provider refused to make it. Says whether that was news.
    pub fn failed(&mut self, code: String, now: Timestamp) -> bool {
        if self.state != SessionState::Creating {
            return false;
        }
        self.move_to(SessionState::Failed { code }, now);
        true
    }

    /// It is to be closed. Says whether that was news.
    ///
    /// # Errors
    /// It is not open, closing or expired.
    pub fn begin_closing(&mut self, reason: CloseReason, now: Timestamp) -> Result<bool, SessionNotOpen> {
        match self.state {
            SessionState::Open => {
                self.move_to(SessionState::Closing { reason }, now);
                Ok(true)
            }
            SessionState::Closing { .. } | SessionState::Expired { .. } => Ok(false),
            _ => Err(SessionNotOpen { state: self.state_name() }),
        }
    }

    /// It is closed at the provider, unpaid. Says whether that was news.
    pub fn expired(&mut self, reason: CloseReason, now: Timestamp) -> bool {
        let is_news = self.is_open();
        if is_news {
            self.move_to(SessionState::Expired { reason, expired_at: now }, now);
        }
        is_news
    }

    /// Whether less has come in with this money than what it asks for as a whole. Its page takes the rest then, so it stays open,
    /// see [`PaymentLink::takes_rest_after`](crate::payment_link::PaymentLink::takes_rest_after).
    pub fn takes_rest_after(&self, received: Money) -> bool {
        is_part(self.amount, self.paid_in_parts, received)
    }

    /// Notes money after which [the rest is taken](Self::takes_rest_after) still.
    pub fn count_part(&mut self, received: Money, now: Timestamp) {
        self.0.paid_in_parts = with_part(self.paid_in_parts, received);
        self.0.updated_at = now;
    }

    /// What its page asks for, without the parts that came in.
    pub fn asks(&self) -> Money {
        rest_after(self.amount, self.paid_in_parts)
    }

    /// Whether it can be paid, or may be.
    pub fn is_open(&self) -> bool {
        matches!(self.state, SessionState::Creating | SessionState::Open | SessionState::Closing { .. })
    }

    /// The customer went through it, whatever it was held for here: the provider's word counts. Says whether that was
    /// news: what is paid stays paid, and of what failed only the money itself is news, for a look from before may come late.
    pub fn completed(&mut self, provider_ref: ProviderRef, payment: SessionPayment, now: Timestamp) -> bool {
        let completed_at = match self.state {
            SessionState::Completed { payment: known, .. }
                if known == payment
                    || matches!(known, SessionPayment::Paid | SessionPayment::NotRequired)
                    || (known == SessionPayment::Failed && payment != SessionPayment::Paid) =>
            {
                return false;
            }
            SessionState::Completed { completed_at, .. } => completed_at,
            _ => now,
        };
        self.0.provider_ref = Some(provider_ref);
        self.move_to(SessionState::Completed { completed_at, payment }, now);
        true
    }

    /// Notes what the customer entered and chose, as the provider told it last.
    pub fn collect(&mut self, collected: Collected) {
        self.0.collected = Some(Box::new(collected));
    }

    /// The invoice that it is a checkout of.
    pub fn invoice_id(&self) -> Option<InvoiceId> {
        match self.origin {
            SessionOrigin::Invoice { invoice_id } => Some(invoice_id),
            SessionOrigin::Link { .. } | SessionOrigin::Customer { .. } => None,
        }
    }

    /// The link that it is a visit of.
    pub fn payment_link_id(&self) -> Option<PaymentLinkId> {
        match self.origin {
            SessionOrigin::Link { payment_link_id } => Some(payment_link_id),
            SessionOrigin::Invoice { .. } | SessionOrigin::Customer { .. } => None,
        }
    }

    /// Whether its money is there.
    pub fn is_paid(&self) -> bool {
        matches!(self.state, SessionState::Completed { payment: SessionPayment::Paid, .. })
    }

    /// Whether it was closed here before the customer went through it.
    pub fn was_closed(&self) -> bool {
        matches!(self.state, SessionState::Expired { .. })
    }

    /// The state's name, in snake case.
    pub fn state_name(&self) -> &'static str {
        self.state.name()
    }

    fn move_to(&mut self, state: SessionState, now: Timestamp) {
        self.0.state = state;
        self.0.updated_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::SessionPayment::{Failed, NotRequired, Paid, Processing};
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_micros(0);

    fn completed(payment: SessionPayment) -> CheckoutSession {
        let new = NewCheckoutSession {
            id: CheckoutSessionId::from_uuid(uuid::Uuid::from_u128(1)),
            seller_id: SellerId::parse("north").unwrap(),
            origin: SessionOrigin::Invoice { invoice_id: InvoiceId::from_uuid(uuid::Uuid::from_u128(2)) },
            mode: CheckoutMode::Payment,
            amount: Money::new(100, crate::money::Currency::parse("SEK").unwrap()),
            title: None,
            description: None,
            locale: None,
            return_url: None,
            cancel_url: None,
            customer_id: None,
            metadata: Metadata::default(),
            provider: "acquirer".parse().unwrap(),
            livemode: false,
        };
        let mut session = CheckoutSession::creating(new, NOW);
        assert!(session.completed(ProviderRef("s_1".into()), payment, NOW));
        session
    }

    #[test]
    fn what_is_decided_about_the_money_no_late_look_undoes() {
        for (known, news) in
            [(Processing, &[Paid, NotRequired, Failed][..]), (Failed, &[Paid]), (Paid, &[]), (NotRequired, &[])]
        {
            for told in [Processing, Paid, NotRequired, Failed] {
                let mut session = completed(known);
                let is_news = session.completed(ProviderRef("s_1".into()), told, NOW);
                assert_eq!(is_news, news.contains(&told), "{known:?}, then {told:?}");
                let now = if is_news { told } else { known };
                assert!(matches!(session.state, SessionState::Completed { payment, .. } if payment == now));
            }
        }
    }
}

//! The payment: money that a provider or a caller says came in, or an ad-hoc request for it.

mod authorization;
mod captures;
mod out_of_band;
mod reversals;

use serde::{Deserialize, Serialize};

use crate::aggregate::aggregate;
use crate::id::{CheckoutSessionId, CustomerId, InvoiceId, PaymentId, PaymentLinkId, SubscriptionId};
use crate::metadata::Metadata;
use crate::money::Money;
use crate::provider::{ProviderName, ProviderRef};
use crate::seller::SellerId;
use crate::subscription::{RenewalPayment, Subscription};
use crate::text::Description;
use crate::timestamp::Timestamp;

pub use authorization::{Authorization, CaptureRefused};
pub use captures::{CaptureOutcome, CaptureSnapshot, MadeCapture, ToldCaptures, failed_again};
pub use out_of_band::{OutOfBand, OutOfBandMethod, OutOfBandReceipt, ReceiptRefused};
pub use reversals::RefundRefused;

aggregate!(
    /// A payment.
    Payment, PaymentData
);

/// What a payment is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentData {
    /// Its id.
    pub id: PaymentId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// How it came about.
    pub kind: PaymentKind,
    /// Where it stands.
    pub state: PaymentState,
    /// Who charges.
    pub provider: ProviderName,
    /// Its id at the provider, once there is one. One provider payment is one payment here.
    pub provider_ref: Option<ProviderRef>,
    /// The invoice that it pays.
    pub invoice_id: Option<InvoiceId>,
    /// The link through which it came.
    pub payment_link_id: Option<PaymentLinkId>,
    /// The session through which it came.
    pub checkout_session_id: Option<CheckoutSessionId>,
    /// The subscription of which it pays a period after the first.
    #[serde(default)]
    pub subscription_id: Option<SubscriptionId>,
    /// The customer.
    pub customer_id: Option<CustomerId>,
    /// What was asked for, without tax.
    pub subtotal: Money,
    /// The tax in it.
    pub tax: Money,
    /// What was asked for.
    pub total: Money,
    /// What came in, as the provider says; absent until it has.
    pub received: Option<Money>,
    /// What is refunded or being refunded of it: the sum of its refunds that have not failed and are not canceled. Absent
    /// before the first.
    #[serde(default)]
    pub refunded: Option<Money>,
    /// What disputes hold or took of it: the sum of those that are neither warnings, won nor prevented. Absent before the
    /// first.
    #[serde(default)]
    pub disputed: Option<Money>,
    /// What was told of its captures after it came in; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captures: Option<ToldCaptures>,
    /// How its money came in, where no provider had to do with it.
    #[serde(default)]
    pub out_of_band: Option<OutOfBand>,
    /// What is odd about it; empty for most.
    pub flags: Vec<PaymentFlag>,
    /// What it is for.
    pub description: Option<Description>,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// The hosted page of an ad-hoc payment.
    pub url: Option<String>,
    /// When an ad-hoc payment can't be paid any more.
    pub expires_at: Option<Timestamp>,
    /// Whether real money moves.
    pub livemode: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How a payment came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// Asked for by an ad-hoc hosted link of its own.
    AdHoc,
    /// Through a payment link.
    Link,
    /// Through a checkout of one invoice.
    Checkout,
    /// For a period of a subscription after the first, without the customer's doing.
    Renewal,
    /// Beside every provider, as a caller said.
    OutOfBand,
}

/// Where a payment stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PaymentState {
    /// Asked for.
    Pending,
    /// The customer paid by a method whose money comes later.
    Processing,
    /// The money is held, and is captured or let go.
    Authorized {
        /// What is held.
        authorization: Authorization,
        /// When that was recorded.
        authorized_at: Timestamp,
    },
    /// The money is there, as the provider says.
    Succeeded {
        /// When it was recorded.
        succeeded_at: Timestamp,
    },
    /// It did not come.
    Failed {
        /// When that was recorded.
        failed_at: Timestamp,
    },
    /// Withdrawn by the caller, or held money that was let go: asked for here or at the provider, or its time passed.
    Canceled {
        /// When.
        canceled_at: Timestamp,
    },
    /// Its time passed.
    Expired {
        /// When that was recorded.
        expired_at: Timestamp,
    },
}

impl PaymentState {
    /// The name of the state in which an ad-hoc payment waits for its customer.
    pub const PENDING: &str = "pending";
    /// The name of the state in which money is on its way.
    pub const PROCESSING: &str = "processing";
    /// The name of the state in which money is held.
    pub const AUTHORIZED: &str = "authorized";
    /// The name of the state in which the money is there.
    pub const SUCCEEDED: &str = "succeeded";
    /// The name of the state in which the money did not come.
    pub const FAILED: &str = "failed";
    /// The name of the state in which nothing is asked for or held any more.
    pub const CANCELED: &str = "canceled";
    /// The name of the state in which its time has passed.
    pub const EXPIRED: &str = "expired";

    /// The state's name, in snake case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => Self::PENDING,
            Self::Processing => Self::PROCESSING,
            Self::Authorized { .. } => Self::AUTHORIZED,
            Self::Succeeded { .. } => Self::SUCCEEDED,
            Self::Failed { .. } => Self::FAILED,
            Self::Canceled { .. } => Self::CANCELED,
            Self::Expired { .. } => Self::EXPIRED,
        }
    }
}

/// What is odd about a payment. A flagged payment is recorded like any other, and someone should look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentFlag {
    /// Less than what was due.
    Partial,
    /// More than what was due.
    Overpaid,
    /// In another currency than the invoice's; not applied to it.
    WrongCurrency,
    /// The invoice had been paid already.
    InvoiceAlreadyPaid,
    /// The invoice was a draft or void; not applied to it.
    InvoiceNotOpen,
    /// Its link or session had been closed, other than a link for items at the provider.
    CollectableClosed,
    /// More of it is refunded and disputed than what came in. It goes once that is not so any more.
    OverRefunded,
}

/// Whether `received` is, with the parts that came in before it, less than `asked`, and in its currency.
pub(crate) fn is_part(asked: Money, before: Option<Money>, received: Money) -> bool {
    let sum = with_part(before, received);
    sum.is_some_and(|sum| sum.currency() == asked.currency() && sum.minor() < asked.minor())
}

/// What has come in with one more part; nothing where that can't be told, in several currencies.
pub(crate) fn with_part(before: Option<Money>, received: Money) -> Option<Money> {
    match before {
        Some(before) => before.checked_add(received).ok(),
        None => Some(received),
    }
}

/// What is still asked for after the parts that came in; all of it where they are in another currency.
pub(crate) fn rest_after(asked: Money, parts: Option<Money>) -> Money {
    parts.and_then(|parts| asked.checked_sub(parts).ok()).unwrap_or(asked)
}

/// What a new payment is about.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPayment {
    /// Its id.
    pub id: PaymentId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// How it came about.
    pub kind: PaymentKind,
    /// Who charges.
    pub provider: ProviderName,
    /// The invoice.
    pub invoice_id: Option<InvoiceId>,
    /// The link.
    pub payment_link_id: Option<PaymentLinkId>,
    /// The session.
    pub checkout_session_id: Option<CheckoutSessionId>,
    /// The customer.
    pub customer_id: Option<CustomerId>,
    /// What is asked for, without tax.
    pub subtotal: Money,
    /// The tax in it.
    pub tax: Money,
    /// What is asked for.
    pub total: Money,
    /// What it is for.
    pub description: Option<Description>,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// When it can't be paid any more.
    pub expires_at: Option<Timestamp>,
    /// Whether real money moves.
    pub livemode: bool,
}

/// A transition that the payment's state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payment is {state}, not pending")]
pub struct PaymentNotPending {
    /// Its state.
    pub state: &'static str,
}

impl Payment {
    /// A payment that is asked for.
    pub fn pending(new: NewPayment, now: Timestamp) -> Self {
        Self(PaymentData {
            id: new.id,
            seller_id: new.seller_id,
            version: 0,
            kind: new.kind,
            state: PaymentState::Pending,
            provider: new.provider,
            provider_ref: None,
            invoice_id: new.invoice_id,
            payment_link_id: new.payment_link_id,
            checkout_session_id: new.checkout_session_id,
            subscription_id: None,
            customer_id: new.customer_id,
            subtotal: new.subtotal,
            tax: new.tax,
            total: new.total,
            received: None,
            refunded: None,
            disputed: None,
            captures: None,
            out_of_band: None,
            flags: Vec::new(),
            description: new.description,
            metadata: new.metadata,
            url: None,
            expires_at: new.expires_at,
            livemode: new.livemode,
            created_at: now,
            updated_at: now,
        })
    }

    /// A payment for a period of a subscription, whose money came in.
    pub fn renewal(
        id: PaymentId,
        subscription: &Subscription,
        paid: &RenewalPayment,
        flags: Vec<PaymentFlag>,
        now: Timestamp,
    ) -> Self {
        let new = NewPayment {
            id,
            seller_id: subscription.seller_id.clone(),
            kind: PaymentKind::Renewal,
            provider: subscription.provider.clone(),
            invoice_id: None,
            payment_link_id: Some(subscription.payment_link_id),
            checkout_session_id: None,
            customer_id: None,
            subtotal: paid.subtotal,
            tax: paid.tax,
            total: paid.total,
            description: None,
            metadata: subscription.metadata.clone(),
            expires_at: None,
            livemode: subscription.livemode,
        };
        let mut payment = Self::pending(new, now);
        payment.0.subscription_id = Some(subscription.id);
        payment.0.state = PaymentState::Succeeded { succeeded_at: now };
        payment.0.provider_ref = Some(paid.payment_ref.clone());
        payment.0.received = Some(paid.received);
        payment.0.flags = flags;
        payment
    }

    /// Notes the hosted page on which it can be paid.
    pub fn host(&mut self, url: String, now: Timestamp) {
        self.0.url = Some(url);
        self.0.updated_at = now;
    }

    /// Says anew how much of what is asked for is tax.
    pub fn split(&mut self, (subtotal, tax): (Money, Money)) {
        self.0.subtotal = subtotal;
        self.0.tax = tax;
    }

    /// Notes that the customer paid by a method whose money comes later. Says whether that was news.
    pub fn process(
        &mut self,
        at_provider: (ProviderRef, CheckoutSessionId),
        flags: Vec<PaymentFlag>,
        now: Timestamp,
    ) -> bool {
        let begins = self.state == PaymentState::Pending || self.ended_untried();
        if begins {
            self.take_on(at_provider, PaymentState::Processing, now);
            self.0.flags = flags;
        }
        begins
    }

    /// Records the money, whatever the state was: the provider's word counts. Says whether that was news.
    pub fn succeed(
        &mut self,
        (provider_ref, session): (ProviderRef, CheckoutSessionId),
        received: Money,
        flags: Vec<PaymentFlag>,
        now: Timestamp,
    ) -> bool {
        if matches!(self.state, PaymentState::Succeeded { .. }) {
            return false;
        }
        self.take_on((provider_ref, session), PaymentState::Succeeded { succeeded_at: now }, now);
        self.0.received = Some(received);
        self.0.flags = flags;
        true
    }

    /// Notes that the money will not come. Says whether that was news.
    pub fn fail(&mut self, now: Timestamp) -> bool {
        self.end(PaymentState::Failed { failed_at: now }, now)
    }

    /// Notes that the payment at the provider failed. Says whether that was news.
    pub fn fail_at(&mut self, at_provider: (ProviderRef, CheckoutSessionId), now: Timestamp) -> bool {
        let is_news = self.goes_on();
        if is_news {
            self.take_on(at_provider, PaymentState::Failed { failed_at: now }, now);
        }
        is_news
    }

    /// Notes that its time has passed. Says whether that was news.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        self.state == PaymentState::Pending && self.end(PaymentState::Expired { expired_at: now }, now)
    }

    /// Withdraws a pending payment.
    ///
    /// # Errors
    /// It is not pending.
    pub fn cancel(&mut self, now: Timestamp) -> Result<(), PaymentNotPending> {
        self.expect_pending()?;
        self.end(PaymentState::Canceled { canceled_at: now }, now);
        Ok(())
    }

    /// Fails unless it is still pending.
    ///
    /// # Errors
    /// It is not pending.
    pub fn expect_pending(&self) -> Result<(), PaymentNotPending> {
        if self.state == PaymentState::Pending { Ok(()) } else { Err(PaymentNotPending { state: self.state.name() }) }
    }

    fn end(&mut self, state: PaymentState, now: Timestamp) -> bool {
        let is_news = self.goes_on();
        if is_news {
            self.0.state = state;
            self.0.updated_at = now;
        }
        is_news
    }

    fn goes_on(&self) -> bool {
        matches!(self.state, PaymentState::Pending | PaymentState::Processing | PaymentState::Authorized { .. })
    }

    /// Whether it ended here before the provider told of any payment of it: canceled, expired, or without a page. Money that
    /// someone ordered or has held for it all the same is its own then, for its page was paid before it was closed, or opened
    /// again. What ended at the provider stays as it is: word of what was before may come in last.
    pub fn ended_untried(&self) -> bool {
        let has_ended = matches!(
            self.state,
            PaymentState::Failed { .. } | PaymentState::Canceled { .. } | PaymentState::Expired { .. }
        );
        has_ended && self.provider_ref.is_none()
    }

    /// Notes how the payment at the provider stands, and through which session it came.
    fn take_on(
        &mut self,
        (provider_ref, session): (ProviderRef, CheckoutSessionId),
        state: PaymentState,
        now: Timestamp,
    ) {
        self.0.state = state;
        self.0.provider_ref = Some(provider_ref);
        self.0.checkout_session_id = Some(session);
        self.0.updated_at = now;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A payment of so many öre that is asked for.
    pub(crate) fn pending_payment(minor: i64) -> Payment {
        let now = Timestamp::from_unix_seconds(0);
        let total = Money::new(minor, crate::money::Currency::parse("SEK").unwrap());
        let session = session_id();
        let new = NewPayment {
            id: PaymentId::from_uuid(uuid::Uuid::from_u128(1)),
            seller_id: SellerId::parse("north").unwrap(),
            kind: PaymentKind::Checkout,
            provider: "acquirer".parse().unwrap(),
            invoice_id: None,
            payment_link_id: None,
            checkout_session_id: Some(session),
            customer_id: None,
            subtotal: total,
            tax: Money::zero(total.currency()),
            total,
            description: None,
            metadata: Metadata::default(),
            expires_at: None,
            livemode: false,
        };
        Payment::pending(new, now)
    }

    /// A payment of so many öre that have come in.
    pub(crate) fn succeeded_payment(minor: i64) -> Payment {
        let mut payment = pending_payment(minor);
        let total = payment.total;
        let at_provider = (ProviderRef("p_1".into()), session_id());
        assert!(payment.succeed(at_provider, total, vec![], Timestamp::from_unix_seconds(0)));
        payment
    }

    fn session_id() -> CheckoutSessionId {
        CheckoutSessionId::from_uuid(uuid::Uuid::from_u128(2))
    }

    #[test]
    fn a_payment_that_was_stored_before_there_were_refunds_reads_back() {
        let payment = succeeded_payment(100);
        let mut stored = serde_json::to_value(&payment).unwrap();
        for later in ["refunded", "disputed", "out_of_band"] {
            stored.as_object_mut().unwrap().remove(later);
        }
        assert_eq!(serde_json::from_value::<Payment>(stored).unwrap(), payment);
    }
}

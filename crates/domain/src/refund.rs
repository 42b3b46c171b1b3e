//! The refund: money of a payment that goes back to the customer, asked for here or at the provider itself.
//!
//! It must not know how a provider words its states; adapters turn those into [`RefundProgress`].

use serde::{Deserialize, Serialize};
use time::Date;

use crate::aggregate::aggregate;
use crate::id::{CreditNoteId, PaymentId, RefundId};
use crate::metadata::Metadata;
use crate::money::Money;
use crate::payment::{CaptureSnapshot, MadeCapture, OutOfBandMethod, Payment};
use crate::provider::{ProviderName, ProviderRef};
use crate::seller::SellerId;
use crate::text::DisplayName;
use crate::timestamp::Timestamp;
use crate::validation::Invalid;

aggregate!(
    /// A refund. It changes only while its payment is locked, so that the payment's sum of refunds is always theirs.
    Refund, RefundData
);

/// What a refund is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefundData {
    /// Its id.
    pub id: RefundId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// The payment whose money goes back.
    pub payment_id: PaymentId,
    /// The credit note of the payment's invoice by which it goes back.
    #[serde(default)]
    pub credit_note_id: Option<CreditNoteId>,
    /// Who asked for it.
    pub origin: RefundOrigin,
    /// Where it stands.
    pub state: RefundState,
    /// How much goes back, in the currency of what came in.
    pub amount: Money,
    /// Why, if said.
    pub reason: Option<RefundReason>,
    /// Who pays it back: whoever charged, unless it went back out of band.
    pub provider: ProviderName,
    /// Its id at the provider, once there is one. One provider refund is one refund here.
    pub provider_ref: Option<ProviderRef>,
    /// How the money went back, where no provider had to do with it.
    #[serde(default)]
    pub out_of_band: Option<OutOfBandRefund>,
    /// When the capture of the payment failed for which it stands, by the provider's clock; absent for one that somebody asked
    /// for. See [`ToldCaptures`](crate::payment::ToldCaptures).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_failed_at: Option<Timestamp>,
    /// The caller's pairs; empty for one that was made at the provider.
    pub metadata: Metadata,
    /// Whether real money moves.
    pub livemode: bool,
    /// When it was created here.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How money went back beside every provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfBandRefund {
    /// By which way.
    pub method: OutOfBandMethod,
    /// What identifies it there, such as the reference on a bank statement or the number of a receipt.
    pub reference: Option<DisplayName>,
    /// The day on which it went back.
    pub refunded_on: Date,
}

/// Who asked for a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundOrigin {
    /// A caller of ours.
    Requested,
    /// Someone at the provider, beside us, such as a person at its dashboard.
    AtProvider,
}

/// Why money goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// The customer had paid twice.
    Duplicate,
    /// The payment was a fraud.
    Fraudulent,
    /// The customer asked for it.
    RequestedByCustomer,
}

/// Where a refund stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RefundState {
    /// Intended; the provider has not answered yet.
    Creating,
    /// Under way.
    Pending,
    /// Waits for the customer, as for details of an account to pay to.
    RequiresAction,
    /// The provider sent it. It may still fail later: a bank can give it back.
    Succeeded {
        /// When that was recorded.
        succeeded_at: Timestamp,
    },
    /// It did not reach the customer: the money is the seller's again.
    Failed {
        /// Why, as the provider says.
        code: String,
        /// When that was recorded.
        failed_at: Timestamp,
    },
    /// Withdrawn before it was sent: the money is the seller's still.
    Canceled {
        /// When that was recorded.
        canceled_at: Timestamp,
    },
}

impl RefundState {
    /// The name of the state in which the provider has still to take it.
    pub const CREATING: &str = "creating";
    /// The name of the state in which it is on its way.
    pub const PENDING: &str = "pending";
    /// The name of the state in which the customer has to do something.
    pub const REQUIRES_ACTION: &str = "requires_action";
    /// The name of the state in which the money went back.
    pub const SUCCEEDED: &str = "succeeded";
    /// The name of the state in which the money did not go back.
    pub const FAILED: &str = "failed";
    /// The name of the state in which it was withdrawn.
    pub const CANCELED: &str = "canceled";

    /// The state's name, in snake case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Creating => Self::CREATING,
            Self::Pending => Self::PENDING,
            Self::RequiresAction => Self::REQUIRES_ACTION,
            Self::Succeeded { .. } => Self::SUCCEEDED,
            Self::Failed { .. } => Self::FAILED,
            Self::Canceled { .. } => Self::CANCELED,
        }
    }

    /// Which of two that were told in an unknown order is the later: a refund is under way, then sent, then given back.
    const fn rank(&self) -> u8 {
        match self {
            Self::Creating => 0,
            Self::Pending | Self::RequiresAction => 1,
            Self::Succeeded { .. } => 2,
            Self::Failed { .. } | Self::Canceled { .. } => 3,
        }
    }

    /// Whether the money goes back, or may.
    const fn counts(&self) -> bool {
        !matches!(self, Self::Failed { .. } | Self::Canceled { .. })
    }
}

/// A refund as it stands at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundSnapshot {
    /// Its id there.
    pub provider_ref: ProviderRef,
    /// Our own id, if it was we who asked for it.
    pub refund_id: Option<RefundId>,
    /// How far it is.
    pub progress: RefundProgress,
    /// How much goes back.
    pub amount: Money,
    /// Why, if the provider says one of the reasons that are known here.
    pub reason: Option<RefundReason>,
}

/// How far a refund is at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum RefundProgress {
    /// Under way.
    Pending,
    /// Waits for the customer.
    RequiresAction,
    /// Sent.
    Succeeded,
    /// It did not reach the customer.
    Failed {
        /// Why, as the provider says.
        code: String,
    },
    /// Withdrawn before it was sent.
    Canceled,
}

impl RefundProgress {
    fn state(&self, now: Timestamp) -> RefundState {
        match self {
            Self::Pending => RefundState::Pending,
            Self::RequiresAction => RefundState::RequiresAction,
            Self::Succeeded => RefundState::Succeeded { succeeded_at: now },
            Self::Failed { code } => RefundState::Failed { code: code.clone(), failed_at: now },
            Self::Canceled => RefundState::Canceled { canceled_at: now },
        }
    }
}

/// What a caller says of a new refund.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRefund {
    /// Its id.
    pub id: RefundId,
    /// How much goes back.
    pub amount: Money,
    /// Why, if said.
    pub reason: Option<RefundReason>,
    /// The credit note by which it goes back, if it names one.
    pub credit_note_id: Option<CreditNoteId>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

impl Refund {
    /// A refund that is intended, of money that the payment holds for it, see [`Payment::hold_refund`].
    pub fn creating(new: NewRefund, payment: &Payment, now: Timestamp) -> Self {
        Self(RefundData {
            id: new.id,
            seller_id: payment.seller_id.clone(),
            version: 0,
            payment_id: payment.id,
            credit_note_id: new.credit_note_id,
            origin: RefundOrigin::Requested,
            state: RefundState::Creating,
            amount: new.amount,
            reason: new.reason,
            provider: payment.provider.clone(),
            provider_ref: None,
            out_of_band: None,
            capture_failed_at: None,
            metadata: new.metadata,
            livemode: payment.livemode,
            created_at: now,
            updated_at: now,
        })
    }

    /// A refund of money that went back beside every provider, as a caller says: it is done. It may be of money that came in
    /// by a provider, as where a card has ended since.
    ///
    /// # Errors
    /// It went back before it came in, where that day is known.
    pub fn recorded(new: NewRefund, how: OutOfBandRefund, payment: &Payment, now: Timestamp) -> Result<Self, Invalid> {
        if let Some(came_in) =
            payment.out_of_band.as_ref().map(|how| how.received_on).filter(|day| how.refunded_on < *day)
        {
            let expected = format!("must not be before {came_in}, the day on which the money came in");
            return Err(Invalid::new("DATE_BEFORE_RECEIPT", expected));
        }
        let mut refund = Self::creating(new, payment, now);
        refund.0.provider = ProviderName::out_of_band();
        refund.0.state = RefundState::Succeeded { succeeded_at: now };
        refund.0.out_of_band = Some(how);
        Ok(refund)
    }

    /// Whether whoever pays it back knows of it: the provider, or a caller who paid it back without one.
    pub fn is_made(&self) -> bool {
        self.provider_ref.is_some() || self.out_of_band.is_some()
    }

    /// A refund that someone made at the provider.
    pub fn made_at_provider(id: RefundId, payment: &Payment, snapshot: &RefundSnapshot, now: Timestamp) -> Self {
        let new = NewRefund {
            id,
            amount: snapshot.amount,
            reason: snapshot.reason,
            credit_note_id: None,
            metadata: Metadata::default(),
        };
        let mut refund = Self::creating(new, payment, now);
        refund.0.origin = RefundOrigin::AtProvider;
        refund.0.provider_ref = Some(snapshot.provider_ref.clone());
        refund.0.state = snapshot.progress.state(now);
        refund
    }

    /// What stands for a capture of a payment that failed at `failed_at`: money that was told of and never comes.
    pub fn of_failed_capture(
        id: RefundId,
        payment: &Payment,
        failed: &CaptureSnapshot,
        failed_at: Timestamp,
        now: Timestamp,
    ) -> Self {
        let snapshot = RefundSnapshot {
            provider_ref: failed.provider_ref.clone(),
            refund_id: None,
            progress: RefundProgress::Succeeded,
            amount: failed.amount,
            reason: None,
        };
        let mut refund = Self::made_at_provider(id, payment, &snapshot, now);
        refund.0.capture_failed_at = Some(failed_at);
        refund
    }

    /// Takes over what is known of the capture for which it stands: that it failed at `failed_at`, perhaps once more, and which
    /// one was made last. The money is the seller's again once one was made after the failure: then it is done with, and another
    /// failure is another refund. Says whether that was news.
    pub fn observe_captures(&mut self, failed_at: Timestamp, made: Option<&MadeCapture>, now: Timestamp) -> bool {
        let (Some(known), Some(provider_ref), true) = (self.capture_failed_at, &self.provider_ref, self.state.counts())
        else {
            return false;
        };
        let failed_at = known.max(failed_at);
        let state = match made {
            Some(made) if made.is_after(provider_ref, failed_at) => {
                RefundState::Failed { code: Self::CAPTURED_AGAIN.to_owned(), failed_at: now }
            }
            _ => RefundState::Succeeded { succeeded_at: now },
        };
        let has_moved = state.name() != self.state.name();
        let is_news = has_moved || failed_at != known;
        if has_moved {
            self.0.state = state;
        }
        if is_news {
            self.0.capture_failed_at = Some(failed_at);
            self.0.updated_at = now;
        }
        is_news
    }

    /// Why what stood for a failed capture counts no more.
    pub const CAPTURED_AGAIN: &str = "captured_again";

    /// Notes that the provider made it, as the answer to its creation says. Says whether that was news: a look that was
    /// faster knows better, since the same answer is given again however late.
    pub fn created(&mut self, snapshot: &RefundSnapshot, now: Timestamp) -> bool {
        if self.state != RefundState::Creating {
            return false;
        }
        self.0.state = snapshot.progress.state(now);
        self.0.provider_ref = Some(snapshot.provider_ref.clone());
        self.0.updated_at = now;
        true
    }

    /// Notes that the provider refused to make it. Says whether that was news.
    pub fn refused(&mut self, code: String, now: Timestamp) -> bool {
        if self.state != RefundState::Creating {
            return false;
        }
        self.0.state = RefundState::Failed { code, failed_at: now };
        self.0.updated_at = now;
        true
    }

    /// Takes over how it stands at the provider. Says whether that was news.
    pub fn observe(&mut self, snapshot: &RefundSnapshot, now: Timestamp) -> bool {
        if self.created(snapshot, now) {
            return true;
        }
        let told = snapshot.progress.state(now);
        // What was given back to be refunded again is not taken a second time.
        let is_news = self.state.counts() && self.state.name() != told.name();
        if is_news {
            self.0.state = told;
            self.0.updated_at = now;
        }
        is_news
    }

    /// Takes over how it stood at the provider at some time, as far as it is not further already. Says whether that was news.
    pub fn observe_told(&mut self, snapshot: &RefundSnapshot, now: Timestamp) -> bool {
        snapshot.progress.state(now).rank() > self.state.rank() && self.observe(snapshot, now)
    }

    /// What it takes of what can be refunded; nothing once it has failed or is canceled.
    pub fn counted(&self) -> Option<Money> {
        self.state.counts().then_some(self.amount)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::payment::OutOfBand;
    use crate::payment::tests::succeeded_payment;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_seconds(second)
    }

    fn told(progress: RefundProgress) -> RefundSnapshot {
        let amount = succeeded_payment(100).total;
        RefundSnapshot { provider_ref: ProviderRef("r_1".into()), refund_id: None, progress, amount, reason: None }
    }

    fn intended() -> Refund {
        let payment = succeeded_payment(100);
        let id = RefundId::from_uuid(uuid::Uuid::from_u128(1));
        let new =
            NewRefund { id, amount: payment.total, reason: None, credit_note_id: None, metadata: Metadata::default() };
        Refund::creating(new, &payment, at(0))
    }

    #[test]
    fn a_refund_can_fail_after_it_succeeded_and_then_counts_no_more() {
        let mut refund = intended();
        assert!(refund.created(&told(RefundProgress::Succeeded), at(1)));
        assert_eq!(refund.counted(), Some(refund.amount));
        let failed = told(RefundProgress::Failed { code: "lost_card".into() });
        assert!(refund.observe(&failed, at(2)));
        assert_eq!(refund.counted(), None);
        assert!(!refund.observe(&told(RefundProgress::Succeeded), at(3)));
        assert_eq!(refund.counted(), None);
    }

    #[test]
    fn what_is_told_of_a_refund_in_any_order_comes_to_the_same() {
        let failed = || RefundProgress::Failed { code: "given_back".into() };
        let orders = [
            [RefundProgress::Pending, RefundProgress::Succeeded, failed()],
            [failed(), RefundProgress::Succeeded, RefundProgress::Pending],
            [RefundProgress::Succeeded, failed(), RefundProgress::Succeeded],
            [RefundProgress::Succeeded, RefundProgress::Pending, failed()],
        ];
        for order in orders {
            let mut refund = intended();
            for (second, progress) in (1..).zip(order) {
                refund.observe_told(&told(progress), at(second));
            }
            assert_eq!((refund.state.name(), refund.counted()), ("failed", None));
        }
        let mut refund = intended();
        assert!(refund.observe_told(&told(RefundProgress::Succeeded), at(1)));
        assert!(!refund.observe_told(&told(RefundProgress::Pending), at(2)));
        assert_eq!(refund.state.name(), "succeeded");
    }

    #[test]
    fn a_late_answer_to_the_creation_does_not_undo_a_look() {
        let mut refund = intended();
        assert!(refund.observe(&told(RefundProgress::Succeeded), at(1)));
        assert!(!refund.observe(&told(RefundProgress::Succeeded), at(2)));
        assert!(!refund.created(&told(RefundProgress::Pending), at(2)));
        assert!(!refund.refused("late".into(), at(2)));
        assert_eq!(refund.state.name(), "succeeded");
    }

    #[test]
    fn money_goes_back_on_the_day_on_which_it_came_in_or_later() {
        let mut cash = (*succeeded_payment(100)).clone();
        let received_on = date!(2026 - 11 - 02);
        cash.out_of_band = Some(OutOfBand { method: OutOfBandMethod::Cash, reference: None, received_on });
        let cash = Payment::from_stored(cash);
        let on = |refunded_on: Date, payment: &Payment| {
            let id = RefundId::from_uuid(uuid::Uuid::from_u128(1));
            let (amount, metadata) = (payment.total, Metadata::default());
            let new = NewRefund { id, amount, reason: None, credit_note_id: None, metadata };
            let how = OutOfBandRefund { method: OutOfBandMethod::Cash, reference: None, refunded_on };
            Refund::recorded(new, how, payment, at(3))
        };
        assert_eq!(on(date!(2026 - 11 - 01), &cash).unwrap_err().rule, "DATE_BEFORE_RECEIPT");
        for (day, payment) in [(received_on, &cash), (date!(2026 - 11 - 01), &succeeded_payment(100))] {
            let refund = on(day, payment).unwrap();
            assert_eq!((refund.state.name(), refund.counted()), ("succeeded", Some(payment.total)));
            assert_eq!((refund.provider.as_str(), refund.is_made()), ("out-of-band", true));
        }
    }
}

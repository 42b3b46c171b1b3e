//! The dispute: a customer's bank takes money of a payment back, or asks about it first. It is opened, worked on and
//! closed at the provider; here it is recorded.
//!
//! It must not know how a provider words its states; adapters turn those into [`DisputeState`].

use serde::{Deserialize, Serialize};

use crate::aggregate::aggregate;
use crate::id::{DisputeId, PaymentId};
use crate::money::Money;
use crate::payment::Payment;
use crate::provider::{ProviderName, ProviderRef};
use crate::seller::SellerId;
use crate::timestamp::Timestamp;

aggregate!(
    /// A dispute. It changes only while its payment is locked, so that what the payment says of disputes is always theirs.
    Dispute, DisputeData
);

/// What a dispute is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DisputeData {
    /// Its id.
    pub id: DisputeId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// The payment that is disputed.
    pub payment_id: PaymentId,
    /// Where it stands.
    pub state: DisputeState,
    /// How much is disputed.
    pub amount: Money,
    /// Why, in the provider's word.
    pub reason: String,
    /// Who charged.
    pub provider: ProviderName,
    /// Its id there. One provider dispute is one dispute here.
    pub provider_ref: ProviderRef,
    /// Until when evidence must be with the provider, if it says.
    pub evidence_due_at: Option<Timestamp>,
    /// Whether it is about real money.
    pub livemode: bool,
    /// When what stands here was so at the provider, where that is told rather than asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
    /// When it was recorded first.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where a dispute stands. A warning is a bank's question before a dispute: it takes no money yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DisputeState {
    /// A question that the seller has not answered.
    WarningNeedsResponse,
    /// A question whose answer the bank looks at.
    WarningUnderReview,
    /// A question that became no dispute.
    WarningClosed,
    /// The seller has not answered.
    NeedsResponse,
    /// The bank looks at the seller's evidence.
    UnderReview,
    /// Decided for the seller: the money is back.
    Won,
    /// Decided for the customer, or accepted: the money is gone.
    Lost,
    /// It was settled before it became one.
    Prevented,
    /// A state that this version does not know. It counts as open, so that its money is not paid back a second time.
    Unknown {
        /// The provider's word for it.
        name: String,
    },
}

impl DisputeState {
    /// The state's name, in snake case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WarningNeedsResponse => "warning_needs_response",
            Self::WarningUnderReview => "warning_under_review",
            Self::WarningClosed => "warning_closed",
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Prevented => "prevented",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Whether it is decided.
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::WarningClosed | Self::Won | Self::Lost | Self::Prevented)
    }

    /// Which of two that were so in the same moment is the further one.
    const fn rank(&self) -> u8 {
        match self {
            Self::WarningNeedsResponse => 0,
            Self::WarningUnderReview => 1,
            Self::WarningClosed | Self::Prevented => 2,
            Self::NeedsResponse | Self::Unknown { .. } => 3,
            Self::UnderReview => 4,
            Self::Won => 5,
            Self::Lost => 6,
        }
    }

    /// Whether it holds or took money of the payment.
    const fn counts(&self) -> bool {
        matches!(self, Self::NeedsResponse | Self::UnderReview | Self::Lost | Self::Unknown { .. })
    }
}

/// A dispute as it stands at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeSnapshot {
    /// Its id there.
    pub provider_ref: ProviderRef,
    /// Where it stands.
    pub state: DisputeState,
    /// How much is disputed.
    pub amount: Money,
    /// Why, in the provider's word.
    pub reason: String,
    /// Until when evidence must be with the provider, if it says.
    pub evidence_due_at: Option<Timestamp>,
}

impl Dispute {
    /// A dispute that is seen for the first time.
    pub fn opened(id: DisputeId, payment: &Payment, snapshot: &DisputeSnapshot, now: Timestamp) -> Self {
        Self(DisputeData {
            id,
            seller_id: payment.seller_id.clone(),
            version: 0,
            payment_id: payment.id,
            state: snapshot.state.clone(),
            amount: snapshot.amount,
            reason: snapshot.reason.clone(),
            provider: payment.provider.clone(),
            provider_ref: snapshot.provider_ref.clone(),
            evidence_due_at: snapshot.evidence_due_at,
            livemode: payment.livemode,
            told_at: None,
            created_at: now,
            updated_at: now,
        })
    }

    /// Takes over how it stands at the provider; a decision can be turned round, so no state is the last one. Says whether
    /// that was news.
    pub fn observe(&mut self, snapshot: &DisputeSnapshot, now: Timestamp) -> bool {
        let before = self.clone();
        self.0.state = snapshot.state.clone();
        self.0.amount = snapshot.amount;
        self.0.reason.clone_from(&snapshot.reason);
        self.0.evidence_due_at = snapshot.evidence_due_at;
        let is_news = !self.is_alike(&before);
        if is_news {
            self.0.updated_at = now;
        }
        is_news
    }

    /// Whether another one of the same dispute tells the same.
    pub fn is_alike(&self, other: &Self) -> bool {
        self.state == other.state
            && self.amount == other.amount
            && self.reason == other.reason
            && self.evidence_due_at == other.evidence_due_at
    }

    /// Takes over how it stood at the provider at `told_at`, unless something later stands here. Of two that were so at the
    /// same time, the one that is further counts. Says whether that was news.
    pub fn observe_told(&mut self, snapshot: &DisputeSnapshot, told_at: Timestamp, now: Timestamp) -> bool {
        let is_late = self.told_at.is_some_and(|known| (told_at, snapshot.state.rank()) < (known, self.state.rank()));
        if is_late {
            return false;
        }
        let is_later = self.told_at != Some(told_at);
        self.0.told_at = Some(told_at);
        // The time counts even where it tells nothing else: what was so in between must not come after it.
        self.observe(snapshot, now) || is_later
    }

    /// What it holds or took of the payment; nothing for a warning, and nothing once it is won or prevented.
    pub fn counted(&self) -> Option<Money> {
        self.state.counts().then_some(self.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::tests::succeeded_payment;

    /// What is told of a dispute of a payment of 100.
    fn told(state: DisputeState) -> DisputeSnapshot {
        DisputeSnapshot {
            provider_ref: ProviderRef("d_1".into()),
            state,
            amount: succeeded_payment(100).total,
            reason: "fraudulent".into(),
            evidence_due_at: None,
        }
    }

    #[test]
    fn money_counts_as_disputed_while_the_bank_holds_it_and_once_it_is_lost() {
        let at = Timestamp::from_unix_seconds;
        let payment = succeeded_payment(100);
        let id = DisputeId::from_uuid(uuid::Uuid::from_u128(1));
        let mut dispute = Dispute::opened(id, &payment, &told(DisputeState::WarningNeedsResponse), at(1));
        assert_eq!(dispute.counted(), None);
        let unknown = DisputeState::Unknown { name: "in_arbitration".into() };
        let steps = [
            (DisputeState::NeedsResponse, true),
            (DisputeState::UnderReview, true),
            (unknown, true),
            (DisputeState::Lost, true),
            (DisputeState::Won, false),
        ];
        for (second, (state, counts)) in (2..).zip(steps) {
            assert!(dispute.observe(&told(state.clone()), at(second)));
            assert_eq!(dispute.counted().is_some(), counts, "{state:?}");
        }
        assert!(!dispute.observe(&told(DisputeState::Won), at(9)));
    }

    #[test]
    fn what_is_told_of_a_dispute_in_any_order_comes_to_the_latest() {
        let at = Timestamp::from_unix_seconds;
        let payment = succeeded_payment(100);
        let facts = [
            (DisputeState::WarningNeedsResponse, 10),
            (DisputeState::NeedsResponse, 20),
            (DisputeState::Won, 30),
            (DisputeState::Lost, 40),
        ];
        let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]];
        for order in orders {
            let id = DisputeId::from_uuid(uuid::Uuid::from_u128(1));
            let (first, _) = &facts[order[0]];
            let mut dispute = Dispute::opened(id, &payment, &told(first.clone()), at(50));
            for index in order {
                let (state, told_at) = &facts[index];
                dispute.observe_told(&told(state.clone()), at(*told_at), at(51));
                assert!(!dispute.observe_told(&told(state.clone()), at(*told_at), at(52)), "told twice");
            }
            assert_eq!(dispute.state, DisputeState::Lost, "{order:?}");
        }
    }
}

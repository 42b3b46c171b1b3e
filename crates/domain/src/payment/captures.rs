//! What a provider tells of a payment's capture once it has told of the money itself, where money is taken at once: that the
//! capture failed after all, and that it was made again.
//!
//! A capture that failed is kept as a refund that nobody asked for, so that a payment's received money, less its refunds, is
//! what the seller has. The times are the provider's: whatever the order in which the two are heard of, the later one counts.

use serde::{Deserialize, Serialize};

use super::Payment;
use crate::id::RefundId;
use crate::money::Money;
use crate::provider::ProviderRef;
use crate::timestamp::Timestamp;

/// A capture as a provider tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureSnapshot {
    /// Its id there.
    pub provider_ref: ProviderRef,
    /// How much it was to take.
    pub amount: Money,
    /// What became of it.
    pub outcome: CaptureOutcome,
}

/// What became of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureOutcome {
    /// It is made: the money comes. It may be the first one, or one more after one that failed.
    Made,
    /// It failed: the money that was told of does not come.
    Failed,
}

/// A capture that was made, as it was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeCapture {
    /// Its id at the provider.
    pub provider_ref: ProviderRef,
    /// How much it took.
    pub amount: Money,
    /// When it was made, by the provider's clock.
    pub made_at: Timestamp,
}

impl MadeCapture {
    /// Whether it was made after one failed at `failed_at`. Providers tell whole seconds: of two in the same one, the failure
    /// of this very capture comes after it, and that of another before it.
    pub fn is_after(&self, failed: &ProviderRef, failed_at: Timestamp) -> bool {
        self.made_at > failed_at || (self.made_at == failed_at && self.provider_ref.0 != capture_of(failed))
    }
}

/// What separates the id of a capture from the time at which it failed once more.
const AGAIN: char = '@';

/// The reference of what stands for a capture that failed once more, after it was made again under the same id.
pub fn failed_again(capture: &ProviderRef, failed_at: Timestamp) -> ProviderRef {
    ProviderRef(format!("{capture}{AGAIN}{}", failed_at.unix_seconds()))
}

/// The id of the capture for which a reference stands.
fn capture_of(reference: &ProviderRef) -> &str {
    reference.0.split(AGAIN).next().unwrap_or_default()
}

/// What was told of a payment's captures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldCaptures {
    /// The last one that was made.
    pub made: Option<MadeCapture>,
    /// The refunds that stand for those that failed.
    pub failed: Vec<RefundId>,
}

impl Payment {
    /// Notes a capture that was made. Says whether none that was made later is known.
    pub fn note_made_capture(&mut self, made: MadeCapture, now: Timestamp) -> bool {
        let known = self.captures.as_ref().and_then(|captures| captures.made.as_ref());
        let is_news = known.is_none_or(|known| known.made_at < made.made_at);
        if is_news {
            self.0.captures.get_or_insert_default().made = Some(made);
            self.0.updated_at = now;
        }
        is_news
    }

    /// Notes the refund that stands for a capture that failed.
    pub fn note_failed_capture(&mut self, refund: RefundId, now: Timestamp) {
        self.0.captures.get_or_insert_default().failed.push(refund);
        self.0.updated_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::tests::succeeded_payment;

    fn made(provider_ref: &str, second: i64) -> MadeCapture {
        MadeCapture {
            provider_ref: ProviderRef(provider_ref.into()),
            amount: succeeded_payment(100).total,
            made_at: Timestamp::from_unix_seconds(second),
        }
    }

    #[test]
    fn the_capture_that_was_made_last_counts_in_whichever_order_they_are_told() {
        for order in [[1, 2], [2, 1]] {
            let mut payment = succeeded_payment(100);
            for second in order {
                payment.note_made_capture(made("c_1", second), Timestamp::from_unix_seconds(9));
            }
            assert_eq!(payment.captures.as_ref().unwrap().made, Some(made("c_1", 2)));
            assert!(!payment.note_made_capture(made("c_1", 2), Timestamp::from_unix_seconds(9)));
        }
    }

    #[test]
    fn a_failure_is_before_what_was_made_after_it_and_behind_what_it_ended() {
        let failed = |second| Timestamp::from_unix_seconds(second);
        let (same, other) = (ProviderRef("c_1".into()), ProviderRef("c_0".into()));
        for (failed_ref, at, want) in
            [(&other, 1, true), (&other, 2, true), (&other, 3, false), (&same, 1, true), (&same, 2, false)]
        {
            assert_eq!(made("c_1", 2).is_after(failed_ref, failed(at)), want, "{failed_ref} {at}");
            let again = failed_again(failed_ref, failed(at));
            assert_eq!(made("c_1", 2).is_after(&again, failed(at)), want, "{again} {at}");
        }
    }
}

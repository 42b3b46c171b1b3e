//! What goes back of a payment: the sums of its refunds and disputes, and how much can still be refunded.

use super::{Payment, PaymentFlag, PaymentState};
use crate::money::{Currency, Money, MoneyError};
use crate::timestamp::Timestamp;

/// Why money can't be refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefused {
    /// No money has come in that could go back.
    #[error("the payment is {state}, not succeeded")]
    NotSucceeded {
        /// The payment's state.
        state: &'static str,
    },
    /// No provider has the money.
    #[error("the money came in out of band, and goes back so; RecordRefund records that")]
    OutOfBand,
    /// All of it has gone back, or is going.
    #[error("nothing is left to refund: all that came in is refunded or disputed")]
    NothingLeft,
    /// What came in was in another currency.
    #[error("must be {received}, the currency of what came in")]
    WrongCurrency {
        /// The currency of what came in.
        received: Currency,
    },
    /// More than what is left.
    #[error("must be at most {left}, which is what is left to refund")]
    TooMuch {
        /// What is left.
        left: Money,
    },
}

impl Payment {
    /// What can still be refunded: what came in, without what is refunded, being refunded or disputed. Never negative;
    /// absent as long as nothing has come in.
    pub fn refundable(&self) -> Option<Money> {
        let received = self.received.filter(|_| matches!(self.state, PaymentState::Succeeded { .. }))?;
        let gone = |sum: Option<Money>| sum.map_or(0, Money::minor);
        let left = received.minor().saturating_sub(gone(self.refunded)).saturating_sub(gone(self.disputed));
        Some(Money::new(left.max(0), received.currency()))
    }

    /// Holds an amount for a refund, so that no other refund takes it: `asked`, or all that is left. Gives the amount.
    ///
    /// # Errors
    /// See [`RefundRefused`].
    pub fn hold_refund(&mut self, asked: Option<Money>, now: Timestamp) -> Result<Money, RefundRefused> {
        if self.out_of_band.is_some() {
            return Err(RefundRefused::OutOfBand);
        }
        let amount = self.expect_refundable(asked)?;
        let left = self.refundable().unwrap_or(amount);
        self.recount_refund(None, Some(amount), now).map_err(|_| RefundRefused::TooMuch { left })?;
        Ok(amount)
    }

    /// How much goes back where `asked` is to, or all that is left.
    ///
    /// # Errors
    /// See [`RefundRefused`].
    pub fn expect_refundable(&self, asked: Option<Money>) -> Result<Money, RefundRefused> {
        let left = self.refundable().ok_or(RefundRefused::NotSucceeded { state: self.state.name() })?;
        match asked {
            None if left.is_zero() => Err(RefundRefused::NothingLeft),
            None => Ok(left),
            Some(asked) if asked.currency() != left.currency() => {
                Err(RefundRefused::WrongCurrency { received: left.currency() })
            }
            Some(asked) if asked.minor() > left.minor() => Err(RefundRefused::TooMuch { left }),
            Some(asked) => Ok(asked),
        }
    }

    /// Counts a refund for `after` that was counted for `before`. Says whether the sum changed.
    ///
    /// The sum may pass what came in for a while: someone refunds at the provider while a refund of ours is on its way.
    /// The provider then refuses ours, which gives its part back. As long as it does, the payment is
    /// [flagged](PaymentFlag::OverRefunded): what is gone beyond that is a loss that nobody here asked for.
    ///
    /// # Errors
    /// The sum has no answer: another currency, or too large.
    pub fn recount_refund(
        &mut self,
        before: Option<Money>,
        after: Option<Money>,
        now: Timestamp,
    ) -> Result<bool, MoneyError> {
        let sum = recount(self.refunded, before, after)?;
        Ok(self.set(|payment| &mut payment.refunded, sum, now))
    }

    /// Counts a dispute for `after` that was counted for `before`. Says whether the sum changed.
    ///
    /// # Errors
    /// The sum has no answer: another currency, or too large.
    pub fn recount_dispute(
        &mut self,
        before: Option<Money>,
        after: Option<Money>,
        now: Timestamp,
    ) -> Result<bool, MoneyError> {
        let sum = recount(self.disputed, before, after)?;
        Ok(self.set(|payment| &mut payment.disputed, sum, now))
    }

    fn set(
        &mut self,
        field: impl Fn(&mut super::PaymentData) -> &mut Option<Money>,
        sum: Option<Money>,
        now: Timestamp,
    ) -> bool {
        let field = field(&mut self.0);
        let is_news = *field != sum;
        if is_news {
            *field = sum;
            self.0.updated_at = now;
            self.flag_what_is_over();
        }
        is_news
    }

    /// Flags that more is gone than came in, or takes that back.
    fn flag_what_is_over(&mut self) {
        let gone = [self.refunded, self.disputed].into_iter().flatten();
        let gone = gone.fold(0, |sum: i64, money| sum.saturating_add(money.minor()));
        let is_over = self.received.is_some_and(|received| gone > received.minor());
        self.0.flags.retain(|flag| *flag != PaymentFlag::OverRefunded);
        if is_over {
            self.0.flags.push(PaymentFlag::OverRefunded);
        }
    }
}

fn recount(sum: Option<Money>, before: Option<Money>, after: Option<Money>) -> Result<Option<Money>, MoneyError> {
    let without = match (sum, before) {
        (Some(sum), Some(before)) => Some(sum.checked_sub(before)?),
        (sum, _) => sum,
    };
    match (without, after) {
        (Some(sum), Some(after)) => Ok(Some(sum.checked_add(after)?)),
        (sum, after) => Ok(sum.or(after)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::payment::tests::succeeded_payment;

    const NOW: Timestamp = Timestamp::from_unix_micros(0);

    fn money(minor: i64) -> Money {
        Money::new(minor, succeeded_payment(1).total.currency())
    }

    #[test]
    fn refunds_take_what_is_left_and_no_more() {
        let mut payment = succeeded_payment(100);
        assert_eq!(payment.hold_refund(Some(money(101)), NOW), Err(RefundRefused::TooMuch { left: money(100) }));
        assert_eq!(payment.refunded, None);
        assert_eq!(payment.hold_refund(Some(money(30)), NOW), Ok(money(30)));
        assert_eq!(payment.hold_refund(Some(money(71)), NOW), Err(RefundRefused::TooMuch { left: money(70) }));
        let euros = Money::new(1, Currency::parse("EUR").unwrap());
        let received = money(0).currency();
        assert_eq!(payment.hold_refund(Some(euros), NOW), Err(RefundRefused::WrongCurrency { received }));
        assert_eq!(payment.hold_refund(None, NOW), Ok(money(70)));
        assert_eq!(payment.hold_refund(None, NOW), Err(RefundRefused::NothingLeft));
        assert_eq!(payment.recount_refund(Some(money(70)), None, NOW), Ok(true));
        assert_eq!((payment.refunded, payment.refundable()), (Some(money(30)), Some(money(70))));
    }

    #[test]
    fn what_is_disputed_can_not_be_refunded_as_well() {
        let mut payment = succeeded_payment(100);
        payment.recount_dispute(None, Some(money(60)), NOW).unwrap();
        assert_eq!(payment.hold_refund(Some(money(41)), NOW), Err(RefundRefused::TooMuch { left: money(40) }));
        payment.recount_refund(None, Some(money(100)), NOW).unwrap();
        assert_eq!(payment.refundable(), Some(money(0)));
        payment.recount_dispute(Some(money(60)), None, NOW).unwrap();
        assert_eq!(payment.refundable(), Some(money(0)));
    }

    #[test]
    fn what_is_gone_beyond_what_came_in_is_flagged_as_long_as_it_is() {
        let mut payment = succeeded_payment(100);
        payment.recount_refund(None, Some(money(100)), NOW).unwrap();
        assert_eq!(payment.flags, []);
        payment.recount_dispute(None, Some(money(1)), NOW).unwrap();
        assert_eq!(payment.flags, [PaymentFlag::OverRefunded]);
        payment.recount_refund(None, Some(money(5)), NOW).unwrap();
        assert_eq!((&payment.flags[..], payment.refundable()), (&[PaymentFlag::OverRefunded][..], Some(money(0))));
        payment.recount_dispute(Some(money(1)), None, NOW).unwrap();
        payment.recount_refund(Some(money(5)), None, NOW).unwrap();
        assert_eq!(payment.flags, []);
    }

    proptest! {
        #[test]
        fn held_refunds_never_pass_what_came_in(asked in prop::collection::vec(1..60i64, 1..20)) {
            let mut payment = succeeded_payment(100);
            let mut held = 0;
            for asked in asked {
                match payment.hold_refund(Some(money(asked)), NOW) {
                    Ok(amount) => held += amount.minor(),
                    Err(refused) => prop_assert_eq!(refused, RefundRefused::TooMuch { left: money(100 - held) }),
                }
                prop_assert!(held <= 100);
                prop_assert_eq!(payment.refundable(), Some(money(100 - held)));
            }
        }
    }
}

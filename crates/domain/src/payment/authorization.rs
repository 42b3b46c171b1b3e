//! Money that is only held: the customer's bank has authorized the payment, and the seller captures it or lets it go.

use serde::{Deserialize, Serialize};

use super::{Payment, PaymentFlag, PaymentState};
use crate::id::CheckoutSessionId;
use crate::money::{Currency, Money};
use crate::provider::ProviderRef;
use crate::timestamp::Timestamp;

/// What is held, as the provider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// What can be captured.
    pub amount: Money,
    /// Until when it can be captured, where the provider says; then it goes back to the customer.
    pub capture_before: Option<Timestamp>,
}

/// Why money can't be captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaptureRefused {
    /// None is held.
    #[error("the payment is {state}, not authorized")]
    NotAuthorized {
        /// The payment's state.
        state: &'static str,
    },
    /// It is held in another currency.
    #[error("must be {held}, the currency of what is held")]
    WrongCurrency {
        /// The currency of what is held.
        held: Currency,
    },
    /// More than what is held.
    #[error("must be at most {held}, which is what is held")]
    TooMuch {
        /// What is held.
        held: Money,
    },
}

impl Payment {
    /// What is held; absent unless the payment is authorized.
    pub const fn authorization(&self) -> Option<Authorization> {
        match self.0.state {
            PaymentState::Authorized { authorization, .. } => Some(authorization),
            _ => None,
        }
    }

    /// Notes that the money is held. Says whether that was news: what was captured or let go since is not held any more.
    pub fn authorize(
        &mut self,
        at_provider: (ProviderRef, CheckoutSessionId),
        authorization: Authorization,
        flags: Vec<PaymentFlag>,
        now: Timestamp,
    ) -> bool {
        if !matches!(self.state, PaymentState::Pending | PaymentState::Processing) && !self.ended_untried() {
            return false;
        }
        self.take_on(at_provider, PaymentState::Authorized { authorization, authorized_at: now }, now);
        self.0.flags = flags;
        true
    }

    /// The amount to capture: `asked`, or all that is held. What is not captured goes back to the customer.
    ///
    /// # Errors
    /// See [`CaptureRefused`].
    pub fn expect_capturable(&self, asked: Option<Money>) -> Result<Money, CaptureRefused> {
        let held = self.authorization().ok_or(CaptureRefused::NotAuthorized { state: self.state.name() })?.amount;
        match asked {
            None => Ok(held),
            Some(asked) if asked.currency() != held.currency() => {
                Err(CaptureRefused::WrongCurrency { held: held.currency() })
            }
            Some(asked) if asked.minor() > held.minor() => Err(CaptureRefused::TooMuch { held }),
            Some(asked) => Ok(asked),
        }
    }

    /// Notes that what was held was let go, whoever did it. Says whether that was news.
    pub fn release(&mut self, at_provider: (ProviderRef, CheckoutSessionId), now: Timestamp) -> bool {
        let is_news = self.goes_on();
        if is_news {
            self.take_on(at_provider, PaymentState::Canceled { canceled_at: now }, now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::tests::{pending_payment, succeeded_payment};

    const NOW: Timestamp = Timestamp::from_unix_micros(0);

    fn at_provider() -> (ProviderRef, CheckoutSessionId) {
        (ProviderRef("p_1".into()), CheckoutSessionId::from_uuid(uuid::Uuid::from_u128(2)))
    }

    fn money(minor: i64) -> Money {
        Money::new(minor, pending_payment(1).total.currency())
    }

    fn authorized_payment(minor: i64) -> Payment {
        let mut payment = pending_payment(minor);
        let authorization = Authorization { amount: money(minor), capture_before: None };
        assert!(payment.authorize(at_provider(), authorization, vec![], NOW));
        payment
    }

    #[test]
    fn no_more_is_captured_than_is_held() {
        let payment = authorized_payment(100);
        assert_eq!(payment.expect_capturable(None), Ok(money(100)));
        assert_eq!(payment.expect_capturable(Some(money(60))), Ok(money(60)));
        assert_eq!(payment.expect_capturable(Some(money(101))), Err(CaptureRefused::TooMuch { held: money(100) }));
        let euros = Money::new(1, Currency::parse("EUR").unwrap());
        let held = money(0).currency();
        assert_eq!(payment.expect_capturable(Some(euros)), Err(CaptureRefused::WrongCurrency { held }));
        let refused = CaptureRefused::NotAuthorized { state: "succeeded" };
        assert_eq!(succeeded_payment(100).expect_capturable(None), Err(refused));
    }

    #[test]
    fn only_what_was_captured_can_be_refunded() {
        let mut payment = authorized_payment(100);
        assert_eq!(payment.refundable(), None);
        assert!(payment.succeed(at_provider(), money(60), vec![PaymentFlag::Partial], NOW));
        assert_eq!((payment.authorization(), payment.refundable()), (None, Some(money(60))));
    }

    #[test]
    fn held_money_that_does_not_come_fails_its_payment() {
        let mut payment = authorized_payment(100);
        assert!(payment.fail_at(at_provider(), NOW));
        assert_eq!((payment.state.name(), payment.authorization()), ("failed", None));
        assert!(payment.succeed(at_provider(), money(100), vec![], NOW), "the provider's word counts");
    }

    #[test]
    fn what_ended_here_alone_goes_on_with_money_at_the_provider_and_with_no_failure() {
        let held = Authorization { amount: money(100), capture_before: None };
        let closed = vec![PaymentFlag::CollectableClosed];
        let through = (ProviderRef("p_2".into()), CheckoutSessionId::from_uuid(uuid::Uuid::from_u128(3)));
        let ends: [fn(&mut Payment) -> bool; 3] = [|it| it.cancel(NOW).is_ok(), |it| it.expire(NOW), |it| it.fail(NOW)];
        for end in ends {
            let mut ended = pending_payment(100);
            assert!(end(&mut ended));
            let (mut processing, mut authorized, mut failed) = (ended.clone(), ended.clone(), ended.clone());
            assert!(processing.process(through.clone(), closed.clone(), NOW));
            assert!(authorized.authorize(through.clone(), held, closed.clone(), NOW));
            for (payment, state) in [(&processing, "processing"), (&authorized, "authorized")] {
                assert_eq!((payment.state.name(), &payment.flags), (state, &closed));
                assert_eq!((payment.provider_ref.clone().unwrap(), payment.checkout_session_id.unwrap()), through);
            }
            assert!(!failed.fail_at(through.clone(), NOW) && !failed.release(through.clone(), NOW));
            assert_eq!(failed, ended);
        }
    }

    #[test]
    fn what_comes_late_does_not_hold_money_again() {
        let late = Authorization { amount: money(100), capture_before: None };
        let mut captured = authorized_payment(100);
        assert!(captured.succeed(at_provider(), money(100), vec![], NOW));
        let mut released = authorized_payment(100);
        assert!(released.release(at_provider(), NOW));
        assert!(!released.release(at_provider(), NOW) && !captured.release(at_provider(), NOW));
        for payment in [&mut captured, &mut released] {
            let before = payment.clone();
            assert!(!payment.authorize(at_provider(), late, vec![], NOW));
            assert!(!payment.process(at_provider(), vec![], NOW));
            assert_eq!(*payment, before);
        }
    }
}

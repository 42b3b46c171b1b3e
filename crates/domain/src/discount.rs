//! What is taken off of amounts, and how it is split over them. It must not know who gives it, nor what is bought.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::catalog::PercentOff;
use crate::money::{Currency, Money, MoneyError, Quotient, Rounding, allocate};

/// What is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discount {
    /// A part.
    Percent(PercentOff),
    /// An amount, but never more than there is.
    Amount(Money),
}

impl Discount {
    /// What it takes off of amounts in `currency`, one part for each, in their order.
    ///
    /// A percentage of their sum is rounded half up, and an amount is cut to their sum; that is split over them in
    /// proportion, by largest remainder, so that the parts add up to what is taken off the whole.
    ///
    /// # Errors
    /// Overflow, or an amount in another currency.
    pub fn parts(self, currency: Currency, amounts: &[Money]) -> Result<Vec<Money>, MoneyError> {
        let sum = Money::sum(currency, amounts.iter().copied())?;
        let off = match self {
            Self::Percent(percent) => {
                let exact = Decimal::from(sum.minor()).checked_mul(percent.percent()).ok_or(MoneyError::Overflow)?;
                Rounding::HalfUp.to_minor(exact / Decimal::ONE_HUNDRED)?
            }
            // Subtracting refuses another currency.
            Self::Amount(amount) if sum.checked_sub(amount)?.minor() < 0 => sum.minor(),
            Self::Amount(amount) => amount.minor(),
        };
        let shares = amounts.iter().map(|amount| Quotient::share(off, amount.minor(), sum.minor()));
        let parts = allocate(off, &shares.collect::<Vec<_>>())?;
        Ok(parts.into_iter().map(|minor| Money::new(minor, currency)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sek() -> Currency {
        Currency::parse("SEK").unwrap()
    }

    fn percent(percent: &str) -> Discount {
        Discount::Percent(PercentOff::parse(percent.parse().unwrap()).unwrap())
    }

    fn amount(minor: i64) -> Discount {
        Discount::Amount(Money::new(minor, sek()))
    }

    fn parts(discount: Discount, amounts: &[i64]) -> Vec<i64> {
        let amounts: Vec<Money> = amounts.iter().map(|minor| Money::new(*minor, sek())).collect();
        discount.parts(sek(), &amounts).unwrap().into_iter().map(Money::minor).collect()
    }

    #[test]
    fn worked_examples() {
        for (discount, amounts, expected) in [
            // 25 % off 100 is 75; 5 off; and never below nothing.
            (percent("25"), vec![10_000], vec![2_500]),
            (amount(500), vec![10_000], vec![500]),
            (amount(500), vec![300, 100], vec![300, 100]),
            // A half of a minor unit is taken off: 12.5 % of 1,00 is 0,125.
            (percent("12.5"), vec![100], vec![13]),
            // The whole is rounded once, and its parts add up to it: a third each of 10,00 % of 1,00.
            (percent("10"), vec![33, 33, 34], vec![3, 3, 4]),
            (amount(100), vec![1, 1, 1], vec![1, 1, 1]),
            (amount(100), vec![100, 100, 100], vec![34, 33, 33]),
            (percent("100"), vec![0, 5], vec![0, 5]),
            (percent("50"), vec![0], vec![0]),
            (percent("50"), vec![], vec![]),
        ] {
            assert_eq!(parts(discount, &amounts), expected, "{discount:?} of {amounts:?}");
        }
    }

    #[test]
    fn amounts_in_two_currencies_are_refused() {
        let euro = Money::new(1, Currency::parse("EUR").unwrap());
        assert!(amount(1).parts(sek(), &[euro]).is_err());
        assert!(Discount::Amount(euro).parts(sek(), &[Money::new(1, sek())]).is_err());
    }

    proptest! {
        #[test]
        fn parts_add_up_and_none_passes_its_amount(
            amounts in prop::collection::vec(0i64..=99_999_999, 0..20), hundredths in 1i64..=10_000, off in 1i64..=99_999_999,
        ) {
            let sum: i64 = amounts.iter().sum();
            for (discount, whole) in [
                (Discount::Percent(PercentOff::parse(Decimal::new(hundredths, 2)).unwrap()), None),
                (amount(off), Some(off.min(sum))),
            ] {
                let parts = parts(discount, &amounts);
                if let Some(whole) = whole {
                    prop_assert_eq!(parts.iter().sum::<i64>(), whole);
                }
                prop_assert!(parts.iter().zip(&amounts).all(|(part, amount)| (0..=*amount).contains(part)));
            }
        }
    }
}

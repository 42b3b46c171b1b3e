//! Rounding by name, and splits whose parts add up to the whole.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use rust_decimal::RoundingStrategy;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::{MoneyError, Quotient};

/// How a fraction of a minor unit becomes whole. Each place that rounds names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Halves go away from zero: the commercial rounding of most tax laws.
    #[default]
    HalfUp,
    /// Halves go to the even neighbour.
    HalfEven,
}

impl Rounding {
    /// Rounds minor units to whole ones.
    ///
    /// # Errors
    /// The result does not fit into 64 bits.
    pub fn to_minor(self, exact: Decimal) -> Result<i64, MoneyError> {
        let strategy = match self {
            Self::HalfUp => RoundingStrategy::MidpointAwayFromZero,
            Self::HalfEven => RoundingStrategy::MidpointNearestEven,
        };
        exact.round_dp_with_strategy(0, strategy).to_i64().ok_or(MoneyError::Overflow)
    }
}

/// Splits `total` minor units over `exact` shares by largest remainder, so that the parts add up to `total` and each is
/// less than one minor unit away from its share whenever the shares add up to `total` within the rounding of one sum.
///
/// Each part begins as its share rounded towards negative infinity; what is left goes, one unit each, to the shares with
/// the largest fractions, among equal ones to the larger share and then to the earlier.
///
/// # Errors
/// A share does not fit into 64 bits.
pub fn allocate(total: i64, exact: &[Quotient]) -> Result<Vec<i64>, MoneyError> {
    allocate_by(total, exact, |a, b| a.cmp(&b))
}

/// The same, where `precedence` tells of two indices of equal shares which is served first. It must be a total order.
pub(crate) fn allocate_by(
    total: i64,
    exact: &[Quotient],
    precedence: impl Fn(usize, usize) -> Ordering,
) -> Result<Vec<i64>, MoneyError> {
    let mut parts = Vec::with_capacity(exact.len());
    let mut fractions = Vec::with_capacity(exact.len());
    for share in exact {
        let (floor, fraction) = share.floor()?;
        parts.push(floor);
        fractions.push(fraction);
    }
    let floor_sum = parts.iter().try_fold(0i64, |sum, part| sum.checked_add(*part)).ok_or(MoneyError::Overflow)?;
    let left = total.checked_sub(floor_sum).ok_or(MoneyError::Overflow)?;
    let Ok(count) = i64::try_from(exact.len()) else { return Err(MoneyError::Overflow) };
    if left == 0 || count == 0 {
        return Ok(parts);
    }
    // Each gets as many as go round, and the first in the order one more. Taking away begins with the smallest fractions.
    let (for_each, more) = (left / count, left % count);
    if more != 0 {
        let mut order: Vec<usize> = (0..exact.len()).collect();
        // Of equal fractions, the share with the larger whole part is the larger.
        let by_claim = |a: &usize, b: &usize| {
            let by_share = fractions[*b].cmp(&fractions[*a]).then_with(|| parts[*b].cmp(&parts[*a]));
            by_share.then_with(|| precedence(*a, *b))
        };
        // Who gets one more is all that counts, and costs less than the whole order.
        let first = usize::try_from(if more < 0 { count + more } else { more }).unwrap_or_default();
        order.select_nth_unstable_by(first, by_claim);
        let served = if more > 0 { &order[..first] } else { &order[first..] };
        for &index in served {
            parts[index] = parts[index].checked_add(more.signum()).ok_or(MoneyError::Overflow)?;
        }
    }
    if for_each != 0 {
        for part in &mut parts {
            *part = part.checked_add(for_each).ok_or(MoneyError::Overflow)?;
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_go_where_the_name_says() {
        let cases = [("0.5", 1, 0), ("1.5", 2, 2), ("2.5", 3, 2), ("-0.5", -1, 0), ("-1.5", -2, -2), ("0.4999", 0, 0)];
        for (exact, half_up, half_even) in cases {
            let exact: Decimal = exact.parse().unwrap();
            assert_eq!(Rounding::HalfUp.to_minor(exact), Ok(half_up), "{exact}");
            assert_eq!(Rounding::HalfEven.to_minor(exact), Ok(half_even), "{exact}");
        }
    }

    #[test]
    fn a_figure_beyond_64_bits_is_an_error() {
        assert_eq!(Rounding::HalfUp.to_minor(Decimal::MAX), Err(MoneyError::Overflow));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole_and_stay_within_one_unit(shares in prop::collection::vec(-1_000_000i64..1_000_000, 1..50)) {
            let exact: Vec<Quotient> = shares.iter().map(|s| Quotient::share(*s, 1, 1_000)).collect();
            let total = Quotient::share(shares.iter().sum(), 1, 1_000).round(Rounding::HalfUp).unwrap();
            let parts = allocate(total, &exact).unwrap();
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            for (part, share) in parts.iter().zip(&shares) {
                prop_assert!((part * 1_000 - share).abs() < 1_000);
            }
        }
    }
}

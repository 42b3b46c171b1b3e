//! Amounts that are not whole yet: so many minor units divided by a whole number, exactly.

use std::cmp::Ordering;
use std::num::NonZeroU64;

use rust_decimal::Decimal;

use super::{MoneyError, Rounding};

/// `numerator / denominator` minor units. Unlike those of a decimal, none of its digits is lost before it is rounded.
#[derive(Debug, Clone, Copy)]
pub struct Quotient {
    numerator: i128,
    denominator: NonZeroU64,
}

impl Quotient {
    /// `numerator` divided by `denominator`.
    pub const fn new(numerator: i128, denominator: NonZeroU64) -> Self {
        Self { numerator, denominator }
    }

    /// So much of an amount as `part` is of `all`; nothing of it where `all` is nothing.
    pub fn share(amount: i64, part: i64, all: i64) -> Self {
        // Each has 64 bits with its sign, so that the product fits.
        let product = i128::from(amount) * i128::from(part);
        match NonZeroU64::new(all.unsigned_abs()) {
            Some(denominator) => Self::new(if all < 0 { -product } else { product }, denominator),
            None => Self::new(0, NonZeroU64::MIN),
        }
    }

    /// The same with its sign turned.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { numerator: self.numerator.saturating_neg(), ..self }
    }

    /// The whole part, towards negative infinity, and what is left, in parts of the denominator.
    fn split(self) -> (i128, u64) {
        // Most amounts fit into 64 bits, in which a division takes a tenth of the time.
        if let (Ok(numerator), Ok(denominator)) = (i64::try_from(self.numerator), i64::try_from(self.denominator.get()))
        {
            return (numerator.div_euclid(denominator).into(), numerator.rem_euclid(denominator).unsigned_abs());
        }
        let denominator = i128::from(self.denominator.get());
        let quotient = self.numerator / denominator;
        let rest = self.numerator - quotient * denominator;
        let (whole, rest) = if rest < 0 { (quotient - 1, rest + denominator) } else { (quotient, rest) };
        // It is below the denominator, which has 64 bits.
        (whole, u64::try_from(rest).unwrap_or_default())
    }

    /// The whole minor units below it, and the part of one that is left.
    ///
    /// # Errors
    /// They do not fit into 64 bits.
    pub(super) fn floor(self) -> Result<(i64, Part), MoneyError> {
        let (whole, part) = self.parts();
        Ok((i64::try_from(whole).map_err(|_| MoneyError::Overflow)?, part))
    }

    fn parts(self) -> (i128, Part) {
        let (whole, rest) = self.split();
        (whole, Part { rest, denominator: self.denominator })
    }

    /// The sum, where its denominator fits: the least common one.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (one, other) = (self.reduced(), other.reduced());
        let common = greatest_common_divisor(one.denominator.get().into(), other.denominator.get().into());
        let of_other = other.denominator.get() / u64::try_from(common).ok()?;
        let denominator = one.denominator.checked_mul(NonZeroU64::new(of_other)?)?;
        let times = |part: Self| part.numerator.checked_mul((denominator.get() / part.denominator.get()).into());
        Some(Self::new(times(one)?.checked_add(times(other)?)?, denominator))
    }

    /// The same in the least numbers.
    fn reduced(self) -> Self {
        let common = greatest_common_divisor(self.numerator.unsigned_abs(), self.denominator.get().into());
        // It divides the denominator, so that it has 64 bits and what is left of that is not 0.
        let least = u64::try_from(common).ok().and_then(|common| NonZeroU64::new(self.denominator.get() / common));
        match (i128::try_from(common), least) {
            (Ok(common), Some(denominator)) => Self { numerator: self.numerator / common, denominator },
            _ => self,
        }
    }

    /// The nearest whole minor units.
    ///
    /// # Errors
    /// They do not fit into 64 bits.
    pub fn round(self, rounding: Rounding) -> Result<i64, MoneyError> {
        i64::try_from(self.nearest(rounding)).map_err(|_| MoneyError::Overflow)
    }

    fn nearest(self, rounding: Rounding) -> i128 {
        let (floor, rest) = self.split();
        let is_up = match (rest.cmp(&(self.denominator.get() - rest)), rounding) {
            (Ordering::Less, _) => false,
            (Ordering::Greater, _) => true,
            (Ordering::Equal, Rounding::HalfUp) => self.numerator > 0,
            (Ordering::Equal, Rounding::HalfEven) => floor % 2 != 0,
        };
        floor + i128::from(is_up)
    }

    /// As a decimal with at most `decimals` decimals, or as many as it can have; halves away from zero, no trailing zeros.
    ///
    /// # Errors
    /// It is larger than any decimal.
    pub fn to_decimal(self, decimals: u32) -> Result<Decimal, MoneyError> {
        let places = self.denominator.ilog10();
        if places <= decimals
            && power_of_ten(places) == Some(self.denominator.get().into())
            && let Some(decimal) = without_zeros(self.numerator, places)
        {
            return Ok(decimal);
        }
        if let Some(decimal) = self.to_short_decimal(decimals) {
            return Ok(decimal);
        }
        let at = |decimals: u32| {
            let numerator = self.numerator.checked_mul(power_of_ten(decimals)?)?;
            without_zeros(Self { numerator, ..self }.nearest(Rounding::HalfUp), decimals)
        };
        (0..=decimals).rev().find_map(at).ok_or(MoneyError::Overflow)
    }

    /// The same where all on the way has 64 bits, as of most amounts: [a tenth of the time](Self::split) for a division.
    fn to_short_decimal(self, decimals: u32) -> Option<Decimal> {
        let (size, denominator) = (u64::try_from(self.numerator.unsigned_abs()).ok()?, self.denominator.get());
        let power = u64::try_from(power_of_ten(decimals)?).ok()?;
        let parts = (size % denominator).checked_mul(power)?;
        // Of the size, so that a half goes away from zero.
        let is_up = parts % denominator >= denominator - parts % denominator;
        let digits = (size / denominator).checked_mul(power)?.checked_add(parts / denominator + u64::from(is_up))?;
        let digits = i128::from(digits);
        without_zeros(if self.numerator < 0 { -digits } else { digits }, decimals)
    }
}

/// Euclid's algorithm. Of 0 and another it is the other.
fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// 10 to the power of so many, which a decimal may have decimals; none above.
fn power_of_ten(decimals: u32) -> Option<i128> {
    const POWERS: [i128; Decimal::MAX_SCALE as usize + 1] = {
        let mut powers = [1; Decimal::MAX_SCALE as usize + 1];
        let mut at = 1;
        while at < powers.len() {
            powers[at] = powers[at - 1] * 10;
            at += 1;
        }
        powers
    };
    POWERS.get(usize::try_from(decimals).ok()?).copied()
}

/// A decimal with these digits, so many of them decimals; none where it can't have as many.
fn without_zeros(digits: i128, decimals: u32) -> Option<Decimal> {
    // Most have 64 bits, whose zeros are found at a tenth of the cost.
    let Ok(mut digits) = i64::try_from(digits) else {
        return Decimal::try_from_i128_with_scale(digits, decimals).ok().map(|decimal| decimal.normalize());
    };
    let mut decimals = decimals;
    while decimals > 0 && digits % 10 == 0 {
        (digits, decimals) = (digits / 10, decimals - 1);
    }
    Decimal::try_new(digits, decimals).ok()
}

impl PartialEq for Quotient {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Quotient {}

impl PartialOrd for Quotient {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quotient {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

/// A part of a minor unit: at least nothing, and less than a whole one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    rest: u64,
    denominator: NonZeroU64,
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Part {}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.denominator == other.denominator {
            return self.rest.cmp(&other.rest);
        }
        let crossed = |rest: u64, denominator: NonZeroU64| u128::from(rest) * u128::from(denominator.get());
        crossed(self.rest, other.denominator).cmp(&crossed(other.rest, self.denominator))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quotient(numerator: i128, denominator: i64) -> Quotient {
        Quotient::new(numerator, u64::try_from(denominator).unwrap().try_into().unwrap())
    }

    #[test]
    fn halves_go_where_the_name_says() {
        for (numerator, denominator, half_up, half_even) in [
            (1, 2, 1, 0),
            (3, 2, 2, 2),
            (5, 2, 3, 2),
            (-1, 2, -1, 0),
            (-3, 2, -2, -2),
            (-5, 2, -3, -2),
            (1, 3, 0, 0),
            (-2, 3, -1, -1),
            (7, 1, 7, 7),
            (0, 9, 0, 0),
        ] {
            let exact = quotient(numerator, denominator);
            assert_eq!(exact.round(Rounding::HalfUp), Ok(half_up), "{numerator}/{denominator}");
            assert_eq!(exact.round(Rounding::HalfEven), Ok(half_even), "{numerator}/{denominator}");
        }
    }

    #[test]
    fn a_figure_beyond_64_bits_is_an_error() {
        assert_eq!(quotient(i128::MAX, 1).round(Rounding::HalfUp), Err(MoneyError::Overflow));
        assert_eq!(quotient(i128::from(i64::MAX) * 2 + 1, 2).round(Rounding::HalfUp), Err(MoneyError::Overflow));
        assert_eq!(quotient(i128::from(i64::MAX) * 2 + 1, 2).round(Rounding::HalfEven), Err(MoneyError::Overflow));
    }

    #[test]
    fn a_share_has_the_signs_of_all_three() {
        for (amount, part, all, exact) in [
            (10, 1, 4, quotient(5, 2)),
            (-10, 1, 4, quotient(-5, 2)),
            (10, -1, -4, quotient(5, 2)),
            (10, 1, -4, quotient(-5, 2)),
            (10, 1, 0, quotient(0, 1)),
            (i64::MIN, i64::MIN, i64::MIN, quotient(i64::MIN.into(), 1)),
        ] {
            assert_eq!(Quotient::share(amount, part, all), exact, "{amount} {part} {all}");
            assert_eq!(exact.negated().negated(), exact);
        }
    }

    #[test]
    fn decimals_are_as_many_as_are_asked_for_and_as_there_is_room_for() {
        for (numerator, denominator, told) in [
            (1_000_000, 1_190_000, "0.840336134454"),
            (25, 100, "0.25"),
            (2_500_000, 1_000_000, "2.5"),
            (-200, 100, "-2"),
            (1, 3, "0.333333333333"),
            (-2, 3, "-0.666666666667"),
            // Halves go away from zero.
            (2_000_000, 1_048_576, "1.907348632813"),
            (-2_000_000, 1_048_576, "-1.907348632813"),
            (1, 2_000_000_000_000, "0.000000000001"),
            (-1, 2_000_000_000_000, "-0.000000000001"),
            (i128::from(i64::MAX) * 2, 3, "6148914691236517204.6666666667"),
        ] {
            let exact = quotient(numerator, denominator);
            assert_eq!(exact.to_decimal(12).unwrap().to_string(), told, "{numerator}/{denominator}");
        }
        assert_eq!(quotient(i128::MAX, 1).to_decimal(12), Err(MoneyError::Overflow));
    }

    #[test]
    fn a_sum_has_the_least_common_denominator() {
        for (one, other, sum) in [
            (quotient(1, 6), quotient(1, 10), Some(quotient(4, 15))),
            (quotient(-1, 3), quotient(1, 3), Some(quotient(0, 1))),
            // Two primes, whose product has more than 64 bits.
            (quotient(1, 4_294_967_311), quotient(1, 4_294_967_357), None),
            (quotient(i128::MAX, 1), quotient(1, 1), None),
        ] {
            assert_eq!(one.checked_add(other), sum, "{one:?} + {other:?}");
        }
    }

    fn any_quotient() -> impl Strategy<Value = Quotient> {
        let numerator = prop_oneof![
            -30i128..30,
            any::<i64>().prop_map(i128::from),
            any::<i128>().prop_map(|n| n >> 40),
            any::<i128>().prop_map(|n| n >> 2),
        ];
        let denominator = prop_oneof![1u64..12, 1_000_000u64..6_000_000, 1..=u64::MAX];
        (numerator, denominator)
            .prop_map(|(numerator, denominator)| Quotient::new(numerator, denominator.try_into().unwrap()))
    }

    proptest! {
        #[test]
        fn a_decimal_is_the_nearest_that_it_can_be(exact in any_quotient(), decimals in 0..=Decimal::MAX_SCALE) {
            let denominator = i128::from(exact.denominator.get());
            let whole = exact.numerator / denominator;
            // So many decimals there is room for.
            let room = (0..=decimals).rev().find(|places| whole.saturating_mul(10i128.pow(*places)).unsigned_abs() < 1 << 95);
            let told = exact.to_decimal(decimals);
            let Some(room) = room else {
                prop_assert!(told.is_ok() || whole.unsigned_abs() >= 1 << 95);
                return Ok(());
            };
            let told = told.unwrap();
            prop_assert!(told.scale() <= decimals && told == told.normalize());
            let places = room.max(told.scale());
            let units = told.mantissa() * 10i128.pow(places - told.scale());
            if let (Some(told), Some(exact)) =
                (units.checked_mul(denominator), exact.numerator.checked_mul(10i128.pow(places)))
            {
                prop_assert!(2 * (told - exact).abs() <= denominator * 10i128.pow(places - room));
            }
        }

        #[test]
        fn a_sum_is_what_its_parts_come_to(a in -1_000i64..1_000, b in -1_000i64..1_000, c in 1i64..5_000_000, d in 1i64..5_000_000) {
            let sum = quotient(a.into(), c).checked_add(quotient(b.into(), d)).unwrap();
            let [a, b, c, d] = [a, b, c, d].map(i128::from);
            let crossed = Quotient::new(a * d + b * c, u64::try_from(c * d).unwrap().try_into().unwrap());
            prop_assert_eq!(sum, crossed);
        }

        #[test]
        fn nothing_is_nearer_than_what_it_is_rounded_to(exact in any_quotient(), half_even in any::<bool>()) {
            let rounding = if half_even { Rounding::HalfEven } else { Rounding::HalfUp };
            if let Ok(whole) = exact.round(rounding) {
                let denominator = i128::from(exact.denominator.get());
                let off = (i128::from(whole) * denominator - exact.numerator).abs();
                prop_assert!(off * 2 <= denominator);
                if off * 2 == denominator {
                    match rounding {
                        Rounding::HalfUp => prop_assert!((i128::from(whole) * denominator).abs() > exact.numerator.abs()),
                        Rounding::HalfEven => prop_assert_eq!(whole % 2, 0),
                    }
                }
            }
        }

        #[test]
        fn they_are_ordered_as_their_cross_products(
            a in any::<i64>(), b in any::<i64>(), c in 1..=i64::MAX, d in 1..=i64::MAX, small in any::<bool>(),
        ) {
            let (a, b, c, d) = if small { (a % 9, b % 9, c % 9 + 1, d % 9 + 1) } else { (a, b, c, d) };
            let [a, b] = [a, b].map(i128::from);
            prop_assert_eq!(quotient(a, c).cmp(&quotient(b, d)), (a * i128::from(d)).cmp(&(b * i128::from(c))));
        }
    }
}

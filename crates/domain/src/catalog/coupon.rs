//! Coupons: what is taken off, for how long, and how often.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::currency_amounts::CurrencyAmounts;
use crate::aggregate::aggregate;
use crate::id::CouponId;
use crate::metadata::{Metadata, MetadataPatch};
use crate::money::{Currency, Money, MoneyError, Rounding, allocate};
use crate::seller::SellerId;
use crate::text::CouponName;
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Violations};

aggregate!(
    /// A coupon. Customers come by it through a [promotion code](super::PromotionCode).
    Coupon, CouponData
);

/// What a coupon is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CouponData {
    /// Its id.
    pub id: CouponId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// What it says; only whether it is active and its metadata change later.
    #[serde(flatten)]
    pub terms: NewCoupon,
    /// Whether new promotion codes may give it.
    pub active: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller says of a new coupon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewCoupon {
    /// What customers call it; the code alone is shown where absent.
    pub name: Option<CouponName>,
    /// What it takes off.
    pub discount: CouponDiscount,
    /// Which payments of a subscription it takes that off.
    pub duration: CouponDuration,
    /// How often it can be redeemed, all of its codes together; without end where absent.
    pub max_redemptions: Option<Redemptions>,
    /// From when on it can't be redeemed any more.
    pub redeem_by: Option<Timestamp>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

/// What a coupon takes off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponDiscount {
    /// A part of what is bought.
    Percent(PercentOff),
    /// An amount, but never more than what is bought costs. It takes nothing off in a currency that is not named.
    Amount(CurrencyAmounts),
}

/// A percentage above 0 and up to 100 with at most two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PercentOff(Decimal);

impl PercentOff {
    /// Parses a percentage.
    ///
    /// # Errors
    /// 0 or below, above 100, or with more than two decimals.
    pub fn parse(percent: Decimal) -> Result<Self, Invalid> {
        let percent = percent.normalize();
        if percent <= Decimal::ZERO || percent > Decimal::ONE_HUNDRED || percent.scale() > 2 {
            return Err(Invalid::new("PERCENT_OUT_OF_RANGE", "must be above 0 and up to 100, at most two decimals"));
        }
        Ok(Self(percent))
    }

    /// The percentage.
    pub const fn percent(self) -> Decimal {
        self.0
    }
}

/// Which payments of a subscription a coupon is taken off. What is paid once is one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponDuration {
    /// The first alone.
    Once,
    /// Those of so many months.
    Repeating(DurationMonths),
    /// All of them.
    Forever,
}

/// The months for which a coupon is taken off: 1 to 1,200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DurationMonths(u16);

impl DurationMonths {
    /// The most months.
    pub const MAX: u16 = 1_200;

    /// Parses a number of months.
    ///
    /// # Errors
    /// Below 1 or above [`DurationMonths::MAX`].
    pub fn parse(months: i64) -> Result<Self, Invalid> {
        let fits = u16::try_from(months).ok().filter(|months| (1..=Self::MAX).contains(months));
        let expected = || format!("must be from 1 to {} months", Self::MAX);
        fits.map(Self).ok_or_else(|| Invalid::new("DURATION_OUT_OF_RANGE", expected()))
    }

    /// The months.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// How often something can be redeemed: 1 to 2,147,483,647.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Redemptions(u32);

impl Redemptions {
    /// The most.
    pub const MAX: u32 = i32::MAX as u32;

    /// Parses a number.
    ///
    /// # Errors
    /// Below 1 or above [`Redemptions::MAX`].
    pub fn parse(times: i64) -> Result<Self, Invalid> {
        let fits = u32::try_from(times).ok().filter(|times| (1..=Self::MAX).contains(times));
        let expected = || format!("must be from 1 to {}", Self::MAX);
        fits.map(Self).ok_or_else(|| Invalid::new("REDEMPTIONS_OUT_OF_RANGE", expected()))
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A change of a coupon: absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CouponChanges {
    /// Whether new promotion codes may give it.
    pub active: Option<bool>,
    /// Change of the metadata.
    pub metadata: MetadataPatch,
}

impl CouponDiscount {
    /// What it takes off of amounts in `currency`, one part for each, in their order.
    ///
    /// A percentage of their sum is rounded half up, and an amount is cut to their sum; that is split over them in
    /// proportion, by largest remainder, so that the parts add up to what is taken off the whole.
    ///
    /// # Errors
    /// Overflow, or an amount in another currency.
    pub fn parts(&self, currency: Currency, amounts: &[Money]) -> Result<Vec<Money>, MoneyError> {
        let sum = Money::sum(currency, amounts.iter().copied())?.minor();
        let off = match self {
            Self::Percent(percent) => {
                let exact = Decimal::from(sum).checked_mul(percent.percent()).ok_or(MoneyError::Overflow)?;
                Rounding::HalfUp.to_minor(exact / Decimal::ONE_HUNDRED)?
            }
            Self::Amount(amounts) => amounts.of(currency).map_or(0, |amount| amount.minor().min(sum)),
        };
        let share = |amount: &Money| match sum {
            0 => Some(Decimal::ZERO),
            sum => Decimal::from(off).checked_mul(amount.minor().into())?.checked_div(sum.into()),
        };
        let shares: Option<Vec<Decimal>> = amounts.iter().map(share).collect();
        let parts = allocate(off, &shares.ok_or(MoneyError::Overflow)?)?;
        Ok(parts.into_iter().map(|minor| Money::new(minor, currency)).collect())
    }
}

impl Coupon {
    /// A new coupon, active.
    pub fn new(id: CouponId, seller_id: SellerId, terms: NewCoupon, now: Timestamp) -> Self {
        Self(CouponData { id, seller_id, version: 0, terms, active: true, created_at: now, updated_at: now })
    }

    /// Applies a change.
    ///
    /// # Errors
    /// The metadata would have too many pairs.
    pub fn change(&mut self, changes: CouponChanges, now: Timestamp) -> Result<(), Violations> {
        self.0.terms.metadata = self.terms.metadata.patched(&changes.metadata)?;
        if let Some(active) = changes.active {
            self.0.active = active;
        }
        self.0.updated_at = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sek() -> Currency {
        Currency::parse("SEK").unwrap()
    }

    fn percent(percent: &str) -> CouponDiscount {
        CouponDiscount::Percent(PercentOff::parse(percent.parse().unwrap()).unwrap())
    }

    fn amount(minor: i64) -> CouponDiscount {
        CouponDiscount::Amount(CurrencyAmounts::parse(Money::new(minor, sek()), "options", &[]).unwrap())
    }

    fn parts(discount: &CouponDiscount, amounts: &[i64]) -> Vec<i64> {
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
            assert_eq!(parts(&discount, &amounts), expected, "{discount:?} of {amounts:?}");
        }
    }

    #[test]
    fn an_amount_is_taken_off_in_its_own_currencies_alone() {
        let eur = Currency::parse("EUR").unwrap();
        let yen = Currency::parse("JPY").unwrap();
        let amounts = CurrencyAmounts::parse(Money::new(500, sek()), "options", &[Money::new(50, eur)]).unwrap();
        let discount = CouponDiscount::Amount(amounts);
        let off = |currency| discount.parts(currency, &[Money::new(1_000, currency)]).unwrap()[0].minor();
        assert_eq!((off(sek()), off(eur), off(yen)), (500, 50, 0));
        assert!(discount.parts(sek(), &[Money::new(1, eur)]).is_err());
    }

    #[test]
    fn bounds() {
        for (value, rule) in [("0", true), ("0.01", false), ("100", false), ("100.01", true), ("1.001", true)] {
            assert_eq!(PercentOff::parse(value.parse().unwrap()).is_err(), rule, "{value}");
        }
        assert!(DurationMonths::parse(0).is_err() && DurationMonths::parse(1_201).is_err());
        assert!(Redemptions::parse(0).is_err() && Redemptions::parse(1 << 31).is_err());
    }

    proptest! {
        #[test]
        fn parts_add_up_and_none_passes_its_amount(
            amounts in prop::collection::vec(0i64..=99_999_999, 0..20), hundredths in 1i64..=10_000, off in 1i64..=99_999_999,
        ) {
            let sum: i64 = amounts.iter().sum();
            for (discount, whole) in [
                (CouponDiscount::Percent(PercentOff::parse(Decimal::new(hundredths, 2)).unwrap()), None),
                (amount(off), Some(off.min(sum))),
            ] {
                let parts = parts(&discount, &amounts);
                if let Some(whole) = whole {
                    prop_assert_eq!(parts.iter().sum::<i64>(), whole);
                }
                prop_assert!(parts.iter().zip(&amounts).all(|(part, amount)| (0..=*amount).contains(part)));
            }
        }
    }
}

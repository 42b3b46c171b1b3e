//! Coupons: what is taken off, for how long, and how often.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::currency_amounts::CurrencyAmounts;
use crate::aggregate::aggregate;
use crate::discount::Discount;
use crate::id::CouponId;
use crate::metadata::{Metadata, MetadataPatch};
use crate::money::Currency;
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
    /// What it takes off in a currency; nothing in one that it does not name.
    pub fn in_currency(&self, currency: Currency) -> Option<Discount> {
        match self {
            Self::Percent(percent) => Some(Discount::Percent(*percent)),
            Self::Amount(amounts) => amounts.of(currency).map(Discount::Amount),
        }
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
    use super::*;
    use crate::money::Money;

    #[test]
    fn an_amount_is_taken_off_in_its_own_currencies_alone() {
        let [sek, eur, yen] = ["SEK", "EUR", "JPY"].map(|code| Currency::parse(code).unwrap());
        let amounts = CurrencyAmounts::parse(Money::new(500, sek), "options", &[Money::new(50, eur)]).unwrap();
        let discount = CouponDiscount::Amount(amounts);
        let off = |currency| discount.in_currency(currency);
        let amount = |minor, currency| Some(Discount::Amount(Money::new(minor, currency)));
        assert_eq!((off(sek), off(eur), off(yen)), (amount(500, sek), amount(50, eur), None));
    }

    #[test]
    fn bounds() {
        for (value, rule) in [("0", true), ("0.01", false), ("100", false), ("100.01", true), ("1.001", true)] {
            assert_eq!(PercentOff::parse(value.parse().unwrap()).is_err(), rule, "{value}");
        }
        assert!(DurationMonths::parse(0).is_err() && DurationMonths::parse(1_201).is_err());
        assert!(Redemptions::parse(0).is_err() && Redemptions::parse(1 << 31).is_err());
    }
}

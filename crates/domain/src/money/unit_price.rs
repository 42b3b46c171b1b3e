//! What one piece costs, and how many pieces.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Currency, Money, MoneyError, Rounding};
use crate::validation::Invalid;

/// The price of one piece in minor units, at most 12 decimals: finer than money can be, as some units cost fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitPrice {
    minor: Decimal,
    currency: Currency,
}

impl UnitPrice {
    /// The most decimals of a minor unit.
    pub const DECIMALS_MAX: u32 = 12;

    /// Parses a price in minor units.
    ///
    /// # Errors
    /// Negative, above [`Money::MINOR_MAX`], or with more than [`UnitPrice::DECIMALS_MAX`] decimals.
    pub fn parse(minor: Decimal, currency: Currency) -> Result<Self, Invalid> {
        let minor = minor.normalize();
        if minor.is_sign_negative() && !minor.is_zero() || minor > Decimal::from(Money::MINOR_MAX) {
            return Err(Invalid::new(
                "AMOUNT_OUT_OF_RANGE",
                format!("must be from 0 to {} minor units", Money::MINOR_MAX),
            ));
        }
        if minor.scale() > Self::DECIMALS_MAX {
            return Err(Invalid::new(
                "TOO_MANY_DECIMALS",
                format!("must have at most {} decimals", Self::DECIMALS_MAX),
            ));
        }
        Ok(Self { minor, currency })
    }

    /// The price in minor units.
    pub const fn minor(self) -> Decimal {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The price of `quantity` pieces, with fractions of a minor unit rounded half up, once, at the line's total: what
    /// the common providers do with decimal unit prices.
    ///
    /// # Errors
    /// The total is above [`Money::MINOR_MAX`].
    pub fn times(self, quantity: Quantity) -> Result<Money, MoneyError> {
        let exact = self.minor.checked_mul(Decimal::from(quantity.get())).ok_or(MoneyError::Overflow)?;
        match Rounding::HalfUp.to_minor(exact)? {
            minor if minor <= Money::MINOR_MAX => Ok(Money::new(minor, self.currency)),
            _ => Err(MoneyError::Overflow),
        }
    }
}

/// How many pieces: 1 to 999,999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(u32);

impl Quantity {
    /// The most pieces of one line.
    pub const MAX: u32 = 999_999;
    /// One piece.
    pub const ONE: Self = Self(1);

    /// Parses a quantity.
    ///
    /// # Errors
    /// Below 1 or above [`Quantity::MAX`].
    pub fn parse(quantity: i64) -> Result<Self, Invalid> {
        u32::try_from(quantity)
            .ok()
            .filter(|quantity| (1..=Self::MAX).contains(quantity))
            .map(Self)
            .ok_or_else(|| Invalid::new("QUANTITY_OUT_OF_RANGE", format!("must be from 1 to {}", Self::MAX)))
    }

    /// The number of pieces.
    pub const fn get(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(minor: &str) -> Result<UnitPrice, Invalid> {
        UnitPrice::parse(minor.parse().unwrap(), Currency::parse("SEK").unwrap())
    }

    #[test]
    fn a_fractional_price_is_rounded_once_at_the_total() {
        let total = price("0.333333333333").unwrap().times(Quantity::parse(3_000).unwrap()).unwrap();
        assert_eq!(total.minor(), 1_000);
    }

    #[test]
    fn prices_and_quantities_outside_their_range_are_refused() {
        assert_eq!(price("-1").unwrap_err().rule, "AMOUNT_OUT_OF_RANGE");
        assert_eq!(price("1000000000000").unwrap_err().rule, "AMOUNT_OUT_OF_RANGE");
        assert_eq!(price("0.1234567890123").unwrap_err().rule, "TOO_MANY_DECIMALS");
        assert!(price("0").is_ok());
        for bad in [0, -1, 1_000_000, i64::MAX] {
            assert_eq!(Quantity::parse(bad).unwrap_err().rule, "QUANTITY_OUT_OF_RANGE");
        }
        assert_eq!(price("999999999999").unwrap().times(Quantity::parse(2).unwrap()), Err(MoneyError::Overflow));
    }
}

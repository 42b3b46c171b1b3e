//! Money: whole minor units and a currency, with checked arithmetic and named rounding.

mod currency;
mod exchange_rate;
mod quotient;
mod rounding;
mod unit_price;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use currency::Currency;
pub use exchange_rate::ExchangeRate;
pub use quotient::Quotient;
pub(crate) use rounding::allocate_by;
pub use rounding::{Rounding, allocate};
pub use unit_price::{Quantity, UnitPrice};

use crate::validation::Invalid;

/// An amount in whole minor units of its currency (ISO 4217), such as 160875 for 1608.75 SEK. May be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Arithmetic on money that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The sum does not fit into 64 bits of minor units.
    #[error("the amount is too large")]
    Overflow,
    /// The two amounts are in different currencies.
    #[error("{left} and {right} can't be added")]
    CurrencyMismatch {
        /// Currency of the amount on the left.
        left: Currency,
        /// Currency of the amount on the right.
        right: Currency,
    },
}

impl Money {
    /// The largest amount that a caller may name, in minor units: twelve digits. It leaves room so that the sums of a
    /// document stay within 64 bits. A provider's own limit may be lower.
    pub const MINOR_MAX: i64 = 999_999_999_999;

    /// `minor` minor units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Parses an amount that a caller wants to be paid.
    ///
    /// # Errors
    /// Zero, negative, or above [`Money::MINOR_MAX`].
    pub fn positive(minor: i64, currency: Currency) -> Result<Self, Invalid> {
        match minor {
            1..=Self::MINOR_MAX => Ok(Self::new(minor, currency)),
            _ => Err(Invalid::new("AMOUNT_OUT_OF_RANGE", format!("must be from 1 to {} minor units", Self::MINOR_MAX))),
        }
    }

    /// Minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether the amount is zero.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum.
    ///
    /// # Errors
    /// Overflow, or another currency.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference; negative if `other` is more.
    ///
    /// # Errors
    /// Overflow, or another currency.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    /// The sum of amounts in `currency`.
    ///
    /// # Errors
    /// Overflow, or another currency among them.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    fn combine(self, other: Self, operation: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency });
        }
        operation(self.minor, other.minor).map(|minor| Self::new(minor, self.currency)).ok_or(MoneyError::Overflow)
    }
}

impl fmt::Display for Money {
    /// The code and the amount with a full stop, such as `SEK 1608.75`: for logs and errors, not for people's documents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.exponent());
        let scale = 10u64.pow(u32::from(self.currency.exponent()));
        let sign = if self.minor < 0 { "-" } else { "" };
        let (whole, part) = (self.minor.unsigned_abs() / scale, self.minor.unsigned_abs() % scale);
        if digits == 0 {
            write!(f, "{} {sign}{whole}", self.currency)
        } else {
            write!(f, "{} {sign}{whole}.{part:0digits$}", self.currency)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sek(minor: i64) -> Money {
        Money::new(minor, Currency::parse("SEK").unwrap())
    }

    #[test]
    fn display_has_the_decimals_of_the_currency() {
        let jpy = Currency::parse("jpy").unwrap();
        let kwd = Currency::parse("KWD").unwrap();
        assert_eq!(sek(160_875).to_string(), "SEK 1608.75");
        assert_eq!(sek(-5).to_string(), "SEK -0.05");
        assert_eq!(Money::new(50, jpy).to_string(), "JPY 50");
        assert_eq!(Money::new(1_005, kwd).to_string(), "KWD 1.005");
    }

    #[test]
    fn arithmetic_never_wraps_and_never_mixes_currencies() {
        let eur = Money::new(1, Currency::parse("EUR").unwrap());
        assert_eq!(sek(i64::MAX).checked_add(sek(1)), Err(MoneyError::Overflow));
        assert!(matches!(sek(1).checked_add(eur), Err(MoneyError::CurrencyMismatch { .. })));
        assert_eq!(Money::sum(sek(0).currency(), [sek(1), sek(2)]), Ok(sek(3)));
    }

    #[test]
    fn an_amount_to_pay_is_positive_and_bounded() {
        let currency = sek(0).currency();
        for bad in [0, -1, i64::MIN, Money::MINOR_MAX + 1, i64::MAX] {
            assert_eq!(Money::positive(bad, currency).unwrap_err().rule, "AMOUNT_OUT_OF_RANGE", "{bad}");
        }
        assert_eq!(Money::positive(Money::MINOR_MAX, currency).unwrap().minor(), Money::MINOR_MAX);
    }
}

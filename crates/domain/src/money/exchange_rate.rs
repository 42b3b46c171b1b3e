//! What a currency is worth in another. It must not know where a rate comes from.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Currency, Money, MoneyError, Rounding};
use crate::validation::Invalid;

/// What one unit of a currency is worth in another: above 0, at most ten decimals and 1,000,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExchangeRate(Decimal);

impl ExchangeRate {
    /// The most decimals.
    pub const DECIMALS_MAX: u32 = 10;
    /// The highest rate.
    pub const MAX: u32 = 1_000_000_000;

    /// Parses a rate.
    ///
    /// # Errors
    /// Not above 0, above [`ExchangeRate::MAX`], or with more than [`ExchangeRate::DECIMALS_MAX`] decimals.
    pub fn parse(rate: Decimal) -> Result<Self, Invalid> {
        let rate = rate.normalize();
        if rate <= Decimal::ZERO || rate > Decimal::from(Self::MAX) || rate.scale() > Self::DECIMALS_MAX {
            let expected = format!("must be above 0, at most {}, with at most ten decimals", Self::MAX);
            return Err(Invalid::new("EXCHANGE_RATE_OUT_OF_RANGE", expected));
        }
        Ok(Self(rate))
    }

    /// The rate.
    pub const fn get(self) -> Decimal {
        self.0
    }

    /// An amount in another currency, of which one unit of the amount's is worth so many; rounded half up to whole minor
    /// units, the one rounding of it.
    ///
    /// # Errors
    /// The result does not fit into 64 bits.
    pub fn convert(self, amount: Money, to: Currency) -> Result<Money, MoneyError> {
        let minor = Decimal::from(amount.minor());
        let power = |currency: Currency| Decimal::from(10u32.pow(currency.exponent().into()));
        let exact = minor
            .checked_mul(self.0)
            .and_then(|product| product.checked_mul(power(to)))
            .and_then(|product| product.checked_div(power(amount.currency())))
            .ok_or(MoneyError::Overflow)?;
        Ok(Money::new(Rounding::HalfUp.to_minor(exact)?, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money::new(minor, Currency::parse(currency).unwrap())
    }

    #[test]
    fn an_exchange_rate_is_positive_and_bounded() {
        assert_eq!(ExchangeRate::parse("11.2345".parse().unwrap()).unwrap().get().to_string(), "11.2345");
        for bad in ["0", "-1", "1000000000.1", "0.00000000001"] {
            assert_eq!(ExchangeRate::parse(bad.parse().unwrap()).unwrap_err().rule, "EXCHANGE_RATE_OUT_OF_RANGE");
        }
    }

    #[test]
    fn an_amount_is_converted_between_minor_units_and_rounded_half_up() {
        for (amount, rate, expected) in [
            (money(2_500, "EUR"), "11.2345", money(28_086, "SEK")),
            (money(1, "EUR"), "0.5", money(1, "SEK")),
            (money(-1, "EUR"), "0.5", money(-1, "SEK")),
            (money(1_000, "JPY"), "0.0061", money(610, "EUR")),
            (money(1_234, "EUR"), "163.5", money(2_018, "JPY")),
            (money(1_000, "KWD"), "3.25", money(325, "USD")),
        ] {
            let rate = ExchangeRate::parse(rate.parse().unwrap()).unwrap();
            assert_eq!(rate.convert(amount, expected.currency()), Ok(expected), "{amount} at {rate:?}");
        }
        let highest = ExchangeRate::parse(ExchangeRate::MAX.into()).unwrap();
        let sek = Currency::parse("SEK").unwrap();
        assert_eq!(highest.convert(money(Money::MINOR_MAX, "JPY"), sek), Err(MoneyError::Overflow));
    }
}

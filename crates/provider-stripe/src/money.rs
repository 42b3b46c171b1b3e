//! Stripe's own view of currencies and amounts, as its page "Supported currencies" (docs.stripe.com/currencies) has it.
//!
//! Stripe's amounts are whole numbers in a unit that is mostly ISO 4217's minor unit, but not always. The domain knows
//! ISO 4217 alone; all that differs is in this room.

use domain::money::{Currency, Money, Quantity, Rounding, UnitPrice};
use domain::ports::provider::ProviderError;
use rust_decimal::Decimal;

/// Currencies without decimals at Stripe.
const ZERO_DECIMAL: [&str; 15] = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
];
/// Currencies with three decimals at Stripe, of which the last must be 0.
const THREE_DECIMAL: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];
/// Currencies that have no minor unit any more, but two decimals at Stripe, which must be 00.
const WHOLE_AS_TWO_DECIMAL: [&str; 2] = ["ISK", "UGX"];
/// The largest charge, in Stripe's unit: eight digits.
const AMOUNT_MAX: i64 = 99_999_999;
/// The smallest charges, in Stripe's unit. In other currencies Stripe's own answer decides.
const AMOUNT_MIN: [(&str, i64); 16] = [
    ("AUD", 50),
    ("CAD", 50),
    ("CHF", 50),
    ("CZK", 1_500),
    ("DKK", 250),
    ("EUR", 50),
    ("GBP", 30),
    ("HUF", 17_500),
    ("JPY", 50),
    ("MXN", 1_000),
    ("NOK", 300),
    ("NZD", 50),
    ("PLN", 200),
    ("SEK", 300),
    ("SGD", 50),
    ("USD", 50),
];

/// Why Stripe would not take an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AmountError {
    /// Below the smallest charge.
    #[error("AMOUNT_TOO_SMALL")]
    TooSmall,
    /// Above the largest charge.
    #[error("AMOUNT_TOO_LARGE")]
    TooLarge,
    /// Finer than Stripe's unit, or than it takes of that currency.
    #[error("AMOUNT_PRECISION")]
    Precision,
    /// Stripe's unit of this currency is not known.
    #[error("CURRENCY_UNSUPPORTED")]
    Currency,
}

impl AmountError {
    /// The refusal, on a field of ours.
    pub(crate) fn on(self, field: impl Into<String>) -> ProviderError {
        ProviderError::Rejected { field: Some(field.into()), code: self.to_string() }
    }
}

/// The total of a charge in Stripe's unit.
pub(crate) fn charge_to_stripe(total: Money) -> Result<i64, AmountError> {
    let unit = StripeUnit::of(total.currency())?;
    let amount = unit.amount_of(total)?;
    let code = total.currency();
    let min = AMOUNT_MIN.iter().find(|(of, _)| *of == code.code()).map_or(1, |(_, min)| *min);
    if amount < min {
        return Err(AmountError::TooSmall);
    }
    if amount > AMOUNT_MAX {
        return Err(AmountError::TooLarge);
    }
    Ok(amount)
}

/// The price of one piece in Stripe's unit, perhaps with decimals, such that Stripe's total for `quantity` pieces is ours.
pub(crate) fn unit_price_to_stripe(price: UnitPrice, quantity: Quantity) -> Result<Decimal, AmountError> {
    let unit = StripeUnit::of(price.currency())?;
    let scaled = if unit.shift < 0 {
        price.minor() / Decimal::from(unit.factor())
    } else {
        price.minor().checked_mul(Decimal::from(unit.factor())).ok_or(AmountError::TooLarge)?
    };
    let scaled = scaled.normalize();
    if scaled > Decimal::from(AMOUNT_MAX) {
        return Err(AmountError::TooLarge);
    }
    let is_fine = scaled.scale() <= UnitPrice::DECIMALS_MAX;
    let is_in_grain = unit.grain == 1 || (scaled % Decimal::from(unit.grain)).is_zero();
    if !is_fine || !is_in_grain {
        return Err(AmountError::Precision);
    }
    // Stripe rounds half up once, at the line's total, as we do; but in its own unit.
    let ours = price.times(quantity).map_err(|_| AmountError::TooLarge)?;
    let theirs = scaled.checked_mul(Decimal::from(quantity.get())).ok_or(AmountError::TooLarge)?;
    let theirs = Rounding::HalfUp.to_minor(theirs).map_err(|_| AmountError::TooLarge)?;
    if unit.amount_of(ours)? != theirs {
        return Err(AmountError::Precision);
    }
    Ok(scaled)
}

/// An amount that Stripe tells, in the domain's terms; `None` where it makes no sense.
pub(crate) fn from_stripe(amount: i64, currency: &str) -> Option<Money> {
    let currency = Currency::parse(currency).ok()?;
    let unit = StripeUnit::of(currency).ok()?;
    let minor = if unit.shift < 0 {
        amount.checked_mul(unit.factor())?
    } else {
        (amount % unit.factor() == 0).then(|| amount / unit.factor())?
    };
    Some(Money::new(minor, currency))
}

/// How Stripe's unit of a currency relates to ISO 4217's.
struct StripeUnit {
    /// Stripe's decimals minus ISO 4217's.
    shift: i32,
    /// What a charge must be a multiple of, in Stripe's unit.
    grain: i64,
}

impl StripeUnit {
    fn of(currency: Currency) -> Result<Self, AmountError> {
        let code = currency.code();
        let (decimals, grain) = if ZERO_DECIMAL.contains(&code) {
            (0, 1)
        } else if THREE_DECIMAL.contains(&code) {
            (3, 10)
        } else if WHOLE_AS_TWO_DECIMAL.contains(&code) {
            (2, 100)
        } else if currency.exponent() == 2 {
            (2, 1)
        } else {
            // Stripe's documents do not say what their unit is, and a guess could be wrong by a factor of a thousand.
            return Err(AmountError::Currency);
        };
        Ok(Self { shift: decimals - i32::from(currency.exponent()), grain })
    }

    fn factor(&self) -> i64 {
        10i64.pow(self.shift.unsigned_abs())
    }

    fn amount_of(&self, money: Money) -> Result<i64, AmountError> {
        let amount = if self.shift < 0 {
            if money.minor() % self.factor() != 0 {
                return Err(AmountError::Precision);
            }
            money.minor() / self.factor()
        } else {
            money.minor().checked_mul(self.factor()).ok_or(AmountError::TooLarge)?
        };
        if amount % self.grain == 0 { Ok(amount) } else { Err(AmountError::Precision) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, Currency::parse(code).unwrap())
    }

    #[test]
    fn charges_become_stripes_integers_and_back() {
        let cases = [
            ("SEK", 160_875, 160_875),
            ("USD", 50, 50),
            ("JPY", 50, 50),
            ("KRW", 1_000, 1_000),
            ("ISK", 150, 15_000),
            ("UGX", 500, 50_000),
            ("MGA", 150_000, 1_500),
            ("KWD", 1_230, 1_230),
            ("CLP", 900, 900),
            ("SEK", 99_999_999, 99_999_999),
            ("ISK", 999_999, 99_999_900),
        ];
        for (code, ours, stripes) in cases {
            assert_eq!(charge_to_stripe(money(ours, code)), Ok(stripes), "{ours} {code}");
            assert_eq!(from_stripe(stripes, &code.to_lowercase()), Some(money(ours, code)), "{stripes} {code}");
        }
    }

    #[test]
    fn charges_that_stripe_would_refuse_are_refused_before_the_call() {
        let cases = [
            ("USD", 49, AmountError::TooSmall),
            ("SEK", 299, AmountError::TooSmall),
            ("JPY", 49, AmountError::TooSmall),
            ("HUF", 17_499, AmountError::TooSmall),
            ("BRL", 0, AmountError::TooSmall),
            ("EUR", 100_000_000, AmountError::TooLarge),
            ("ISK", 1_000_000, AmountError::TooLarge),
            ("UGX", i64::MAX, AmountError::TooLarge),
            ("KWD", 1_235, AmountError::Precision),
            ("MGA", 150_050, AmountError::Precision),
            ("IQD", 1_000_000, AmountError::Currency),
            ("LYD", 1_000_000, AmountError::Currency),
            ("UYI", 1_000_000, AmountError::Currency),
        ];
        for (code, minor, error) in cases {
            // Units of account are no currencies to the domain in the first place.
            let Ok(currency) = Currency::parse(code) else { continue };
            assert_eq!(charge_to_stripe(Money::new(minor, currency)), Err(error), "{minor} {code}");
        }
    }

    #[test]
    fn amounts_of_stripes_that_make_no_sense_are_not_guessed() {
        assert_eq!(from_stripe(150, "isk"), None);
        assert_eq!(from_stripe(1, "xxx"), None);
        assert_eq!(from_stripe(1, ""), None);
        assert_eq!(from_stripe(1, "iqd"), None);
        assert_eq!(from_stripe(i64::MAX, "mga"), None);
        assert_eq!(from_stripe(1_235, "kwd"), Some(money(1_235, "KWD")), "odd, but the money is there");
    }

    #[test]
    fn unit_prices_keep_their_decimals_or_are_refused_where_the_totals_would_differ() {
        let cases = [
            ("SEK", "1099", 1, Ok("1099")),
            ("SEK", "0.333333333333", 3_000, Ok("0.333333333333")),
            ("USD", "0.5", 1, Ok("0.5")),
            ("ISK", "150", 3, Ok("15000")),
            ("ISK", "0.5", 2, Err(AmountError::Precision)),
            ("MGA", "150", 2, Ok("1.5")),
            ("MGA", "150", 3, Err(AmountError::Precision)),
            ("KWD", "1.5", 2, Err(AmountError::Precision)),
            ("KWD", "1230", 2, Ok("1230")),
            ("SEK", "100000000", 1, Err(AmountError::TooLarge)),
            ("UGX", "999999999999", 1, Err(AmountError::TooLarge)),
            ("MGA", "0.123456789012", 1, Err(AmountError::Precision)),
        ];
        for (code, price, quantity, want) in cases {
            let price = UnitPrice::parse(price.parse().unwrap(), Currency::parse(code).unwrap()).unwrap();
            let got = unit_price_to_stripe(price, Quantity::parse(quantity).unwrap()).map(|p| p.to_string());
            assert_eq!(got, want.map(str::to_owned), "{quantity} × {price:?}");
        }
    }

    proptest! {
        #[test]
        fn what_stripe_takes_reads_back_equal(minor in 1i64..=10_000_000_000, code in prop::sample::select(vec![
            "SEK", "JPY", "ISK", "UGX", "MGA", "KWD", "TND", "USD", "XPF",
        ])) {
            let money = money(minor, code);
            if let Ok(amount) = charge_to_stripe(money) {
                prop_assert_eq!(from_stripe(amount, code), Some(money));
            }
        }
    }
}

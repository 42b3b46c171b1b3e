//! Amounts as Stripe counts them, from its documentation on supported currencies: mostly the minor unit of ISO 4217, with
//! exceptions, a smallest charge for some, and at most eight digits.

use domain::money::{Currency, Money, UnitPrice};
use domain::ports::provider::ProviderError;
use rust_decimal::Decimal;

/// Currencies without decimals at Stripe.
const ZERO_DECIMAL: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies with three decimals at Stripe, the last of which must be 0.
const THREE_DECIMAL: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];
/// Currencies with two decimals at Stripe that must be 00, since they have none any more.
const WHOLE_ONLY: [&str; 2] = ["ISK", "UGX"];
/// The largest amount: eight digits.
const AMOUNT_MAX: i64 = 99_999_999;

fn decimals(currency: Currency) -> u32 {
    if ZERO_DECIMAL.contains(&currency.code()) {
        0
    } else if THREE_DECIMAL.contains(&currency.code()) {
        3
    } else {
        2
    }
}

/// The smallest charge, in Stripe's units, where it is documented.
fn minimum(currency: Currency) -> i64 {
    match currency.code() {
        "USD" | "EUR" | "CHF" | "AUD" | "CAD" | "NZD" | "SGD" | "JPY" => 50,
        "SEK" | "NOK" => 300,
        "DKK" => 250,
        "GBP" => 30,
        "PLN" => 200,
        "CZK" => 1_500,
        "HUF" => 17_500,
        "MXN" => 1_000,
        _ => 1,
    }
}

/// The code as Stripe writes it.
pub(crate) fn code(currency: Currency) -> String {
    currency.code().to_ascii_lowercase()
}

/// The total of a charge in Stripe's units.
///
/// # Errors
/// `field` is at fault: finer than Stripe counts, below its smallest charge, or above its largest.
pub(crate) fn total(money: Money, field: &str) -> Result<i64, ProviderError> {
    match part(money, field)? {
        amount if amount < minimum(money.currency()) => {
            Err(ProviderError::Rejected { field: Some(field.to_owned()), code: "amount_too_small".to_owned() })
        }
        amount => Ok(amount),
    }
}

/// A part of a charge, or what is not charged by itself, in Stripe's units: it may be smaller than a charge.
///
/// # Errors
/// `field` is at fault: finer than Stripe counts, or above its largest charge.
pub(crate) fn part(money: Money, field: &str) -> Result<i64, ProviderError> {
    let rejected = |code: &str| ProviderError::Rejected { field: Some(field.to_owned()), code: code.to_owned() };
    let exact = scaled(Decimal::from(money.minor()), money.currency());
    let amount =
        i64::try_from(exact).ok().filter(|_| exact.is_integer()).ok_or_else(|| rejected("amount_precision"))?;
    if THREE_DECIMAL.contains(&money.currency().code()) && amount % 10 != 0 {
        return Err(rejected("amount_precision"));
    }
    match amount {
        amount if amount > AMOUNT_MAX => Err(rejected("amount_too_large")),
        amount => Ok(amount),
    }
}

/// A price of one piece in Stripe's units, which may have decimals.
///
/// # Errors
/// `field` is at fault: finer than Stripe counts in a currency whose last decimals must be 0, or above its largest charge.
pub(crate) fn unit(price: UnitPrice, field: &str) -> Result<Decimal, ProviderError> {
    let rejected = |code: &str| Err(ProviderError::Rejected { field: Some(field.to_owned()), code: code.to_owned() });
    let unit = scaled(price.minor(), price.currency()).normalize();
    let step = match price.currency().code() {
        code if THREE_DECIMAL.contains(&code) => Some(Decimal::TEN),
        code if WHOLE_ONLY.contains(&code) => Some(Decimal::ONE_HUNDRED),
        _ => None,
    };
    match step {
        Some(step) if !(unit % step).is_zero() => rejected("amount_precision"),
        _ if unit > Decimal::from(AMOUNT_MAX) => rejected("amount_too_large"),
        _ => Ok(unit),
    }
}

/// An amount that Stripe tells.
pub(crate) fn money(amount: i64, currency: &str) -> Option<Money> {
    let currency = Currency::parse(currency).ok()?;
    let (ours, theirs) = (u32::from(currency.exponent()), decimals(currency));
    let minor = if ours >= theirs {
        amount.checked_mul(10i64.pow(ours - theirs))?
    } else {
        let scale = 10i64.pow(theirs - ours);
        (amount % scale == 0).then_some(amount / scale)?
    };
    Some(Money::new(minor, currency))
}

fn scaled(minor: Decimal, currency: Currency) -> Decimal {
    let (ours, theirs) = (u32::from(currency.exponent()), decimals(currency));
    // At most twelve digits and twelve decimals, times or by a hundred: within a decimal's 28 digits.
    if theirs >= ours {
        minor * Decimal::from(10u32.pow(theirs - ours))
    } else {
        minor / Decimal::from(10u32.pow(ours - theirs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, minor: i64, want: Result<i64, &str>) {
        let money = Money::new(minor, Currency::parse(code).unwrap());
        let got = total(money, "amount");
        match want {
            Ok(amount) => {
                assert_eq!(got, Ok(amount), "{money}");
                assert_eq!(super::money(amount, &code.to_lowercase()), Some(money), "{money}");
            }
            Err(want) => assert_eq!(
                got,
                Err(ProviderError::Rejected { field: Some("amount".into()), code: want.into() }),
                "{money}"
            ),
        }
    }

    #[test]
    fn amounts_go_to_stripe_and_back_with_its_exceptions() {
        check("SEK", 160_875, Ok(160_875));
        check("JPY", 50, Ok(50));
        check("ISK", 1_500, Ok(150_000));
        check("UGX", 5_000, Ok(500_000));
        check("MGA", 150_000, Ok(1_500));
        check("MGA", 150_050, Err("amount_precision"));
        check("KWD", 1_010, Ok(1_010));
        check("KWD", 1_005, Err("amount_precision"));
        check("SEK", 299, Err("amount_too_small"));
        check("EUR", 100_000_000, Err("amount_too_large"));
    }

    #[test]
    fn prices_of_a_piece_may_be_finer_than_a_charge_but_not_larger() {
        let unit = |code: &str, minor: &str| {
            let price = UnitPrice::parse(minor.parse().unwrap(), Currency::parse(code).unwrap()).unwrap();
            unit(price, "price").map_err(|error| match error {
                ProviderError::Rejected { code, .. } => code,
                other => other.to_string(),
            })
        };
        assert_eq!(unit("SEK", "0.5"), Ok("0.5".parse().unwrap()));
        assert_eq!(unit("KWD", "1010"), Ok(1_010.into()));
        assert_eq!(unit("KWD", "1005"), Err("amount_precision".to_owned()));
        assert_eq!(unit("ISK", "1050"), Ok(105_000.into()));
        for (code, finer) in [("ISK", "10.5"), ("UGX", "10.05")] {
            assert_eq!(unit(code, finer), Err("amount_precision".to_owned()), "{code}");
        }
        assert_eq!(unit("SEK", "100000000"), Err("amount_too_large".to_owned()));
    }
}

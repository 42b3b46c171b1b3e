//! Amounts as Adyen counts them: docs.adyen.com/development-resources/currency-codes. Mostly the minor unit of ISO 4217,
//! with four exceptions.

use domain::money::{Currency, Money};
use domain::ports::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// Currencies whose amounts have another number of decimals at Adyen than in ISO 4217, with that number.
const OTHER_DECIMALS: [(&str, u32); 4] = [("CLP", 2), ("CVE", 0), ("IDR", 0), ("ISK", 2)];

/// The largest amount: card networks have twelve digits for it (ISO 8583, field 4).
const VALUE_MAX: i64 = 999_999_999_999;

/// An amount on Adyen's wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    /// The code of ISO 4217, in upper case.
    pub(crate) currency: String,
    /// How much, in Adyen's unit of that currency.
    pub(crate) value: i64,
}

fn decimals(currency: Currency) -> u32 {
    let other = OTHER_DECIMALS.iter().find(|(code, _)| *code == currency.code());
    other.map_or(u32::from(currency.exponent()), |(_, decimals)| *decimals)
}

impl Amount {
    /// An amount that is charged or sent back.
    ///
    /// # Errors
    /// `field` is at fault: finer than Adyen counts, larger than it can tell, or nothing at all.
    pub(crate) fn of(money: Money, field: &str) -> Result<Self, ProviderError> {
        let rejected = |code: &str| ProviderError::Rejected { field: Some(field.to_owned()), code: code.to_owned() };
        let (ours, theirs) = (u32::from(money.currency().exponent()), decimals(money.currency()));
        let value = if theirs >= ours {
            money.minor().checked_mul(10i64.pow(theirs - ours)).ok_or_else(|| rejected("amount_too_large"))?
        } else {
            let scale = 10i64.pow(ours - theirs);
            Some(money.minor() / scale)
                .filter(|value| value * scale == money.minor())
                .ok_or_else(|| rejected("amount_precision"))?
        };
        match value {
            ..=0 => return Err(rejected("amount_too_small")),
            1..=VALUE_MAX => {}
            _ => return Err(rejected("amount_too_large")),
        }
        Ok(Self { currency: money.currency().code().to_owned(), value })
    }

    /// The amount that Adyen tells; nothing if it is in no currency that is known here, or can't be told in its minor unit.
    pub(crate) fn money(&self) -> Option<Money> {
        let currency = Currency::parse(&self.currency).ok()?;
        let (ours, theirs) = (u32::from(currency.exponent()), decimals(currency));
        let minor = if ours >= theirs {
            self.value.checked_mul(10i64.pow(ours - theirs))?
        } else {
            let scale = 10i64.pow(theirs - ours);
            (self.value % scale == 0).then_some(self.value / scale)?
        };
        Some(Money::new(minor, currency))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(code: &str, minor: i64) -> Money {
        Money::new(minor, Currency::parse(code).unwrap())
    }

    fn check(code: &str, minor: i64, want: Result<i64, &str>) {
        let got = Amount::of(money(code, minor), "amount").map(|amount| {
            assert_eq!(amount.money(), Some(money(code, minor)), "{code} {minor}");
            amount.value
        });
        let want = want.map_err(|code| ProviderError::Rejected { field: Some("amount".into()), code: code.into() });
        assert_eq!(got, want, "{code} {minor}");
    }

    #[test]
    fn the_unit_is_that_of_iso_4217_but_for_adyens_exceptions() {
        check("EUR", 1_130, Ok(1_130));
        check("JPY", 500, Ok(500));
        check("KWD", 1_234, Ok(1_234));
        check("CLP", 500, Ok(50_000));
        check("ISK", 7, Ok(700));
        check("IDR", 10_000, Ok(100));
        check("CVE", 12_300, Ok(123));
    }

    #[test]
    fn what_cannot_be_told_is_refused_with_its_field() {
        check("IDR", 10_050, Err("amount_precision"));
        check("CVE", 1, Err("amount_precision"));
        check("CLP", i64::MAX, Err("amount_too_large"));
        check("SEK", VALUE_MAX + 1, Err("amount_too_large"));
        check("SEK", VALUE_MAX, Ok(VALUE_MAX));
        check("SEK", 0, Err("amount_too_small"));
        check("SEK", -1, Err("amount_too_small"));
    }

    #[test]
    fn what_adyen_tells_in_fractions_of_a_minor_unit_is_no_amount() {
        let told = |currency: &str, value| Amount { currency: currency.to_owned(), value }.money();
        assert_eq!(told("ISK", 700), Some(money("ISK", 7)));
        assert_eq!(told("ISK", 701), None);
        assert_eq!(told("XXX", 100), None);
        assert_eq!(told("IDR", i64::MAX), None);
    }

    proptest! {
        #[test]
        fn what_is_sent_reads_back_equal(index in 0usize..8, minor in 1i64..=999_999_999_999) {
            let code = ["SEK", "JPY", "BHD", "CLP", "CVE", "IDR", "ISK", "EUR"][index];
            if let Ok(amount) = Amount::of(money(code, minor), "amount") {
                prop_assert_eq!(amount.money(), Some(money(code, minor)));
            }
        }
    }
}

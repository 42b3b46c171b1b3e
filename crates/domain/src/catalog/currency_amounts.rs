//! An amount in one currency, and what it is in others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};
use crate::validation::{Invalid, Validator, Violations};

/// An amount, and what it is in other currencies: figures of the seller's own, never converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyAmounts {
    amount: Money,
    /// Stored shipping rates have them under their older name.
    #[serde(default, alias = "currency_options")]
    options: BTreeMap<Currency, Money>,
}

impl CurrencyAmounts {
    /// The most other currencies.
    pub const OPTIONS_MAX: usize = 20;
    /// The most of each amount, in minor units: what a card payment can be at the most.
    pub const MINOR_MAX: i64 = 99_999_999;

    /// Fails unless an amount is one that can be paid: 1 to [`CurrencyAmounts::MINOR_MAX`] minor units.
    ///
    /// # Errors
    /// It is not.
    pub fn expect_amount(amount: Money) -> Result<Money, Invalid> {
        if (1..=Self::MINOR_MAX).contains(&amount.minor()) {
            return Ok(amount);
        }
        Err(Invalid::new("AMOUNT_OUT_OF_RANGE", format!("must be from 1 to {} minor units", Self::MINOR_MAX)))
    }

    /// Parses an amount and its options; `field` is the options' name in errors.
    ///
    /// # Errors
    /// More options than [`CurrencyAmounts::OPTIONS_MAX`], a currency twice, or the amount's own among them.
    pub fn parse(amount: Money, field: &str, options: &[Money]) -> Result<Self, Violations> {
        let mut v = Validator::new();
        if options.len() > Self::OPTIONS_MAX {
            v.refuse(field, Invalid::new("TOO_MANY", format!("must be at most {}", Self::OPTIONS_MAX)));
        }
        let mut found = BTreeMap::new();
        for (index, option) in options.iter().enumerate() {
            let currency = option.currency();
            if currency == amount.currency() || found.insert(currency, *option).is_some() {
                let expected = "must be in another currency than the amount and the options before it";
                v.refuse(&format!("{field}[{index}].currency_code"), Invalid::new("TWICE", expected));
            }
        }
        v.finish(Some(Self { amount, options: found }))
    }

    /// The amount.
    pub const fn amount(&self) -> Money {
        self.amount
    }

    /// What it is in other currencies.
    pub fn options(&self) -> impl Iterator<Item = Money> {
        self.options.values().copied()
    }

    /// What it is in a currency, if it is said.
    pub fn of(&self, currency: Currency) -> Option<Money> {
        let own = Some(self.amount).filter(|amount| amount.currency() == currency);
        own.or_else(|| self.options.get(&currency).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_such_as_can_be_paid() {
        let krona = Currency::parse("SEK").unwrap();
        for (minor, fits) in [(0, false), (1, true), (99_999_999, true), (100_000_000, false)] {
            assert_eq!(CurrencyAmounts::expect_amount(Money::new(minor, krona)).is_ok(), fits, "{minor}");
        }
    }

    #[test]
    fn each_currency_is_said_once() {
        let in_currency = |code: &str| Money::new(5, Currency::parse(code).unwrap());
        let amounts = CurrencyAmounts::parse(in_currency("SEK"), "options", &[in_currency("EUR")]).unwrap();
        assert_eq!(amounts.of(Currency::parse("EUR").unwrap()), Some(in_currency("EUR")));
        assert_eq!(amounts.of(Currency::parse("SEK").unwrap()), Some(in_currency("SEK")));
        assert_eq!(amounts.of(Currency::parse("JPY").unwrap()), None);
        let twice = [in_currency("EUR"), in_currency("SEK"), in_currency("EUR")];
        let refused = CurrencyAmounts::parse(in_currency("SEK"), "options", &twice).unwrap_err();
        let fields: Vec<&str> = refused.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["options[1].currency_code", "options[2].currency_code"]);
        assert!(CurrencyAmounts::parse(in_currency("SEK"), "options", &[in_currency("EUR"); 21]).is_err());
    }
}

//! How numbers, money, percentages and dates are written in each language. It rounds nothing: what can't be shown in full is
//! a defect. It must not know what a figure means.
//!
//! The forms are those of Unicode CLDR, with two exceptions: English dates name the month, so that no day is taken for one;
//! and Spanish groups four digits too, since amounts stand in columns with longer ones. Currencies are written as their codes
//! of ISO 4217: the signs are shared between currencies.

use domain::document::Language;
use domain::money::{Currency, Money, UnitPrice};
use domain::tax::Percentage;
use rust_decimal::Decimal;
use time::{Date, Month};

/// A space at which a line does not break.
const NO_BREAK_SPACE: char = '\u{a0}';
/// Its narrow form, which French has between thousands.
const NARROW_NO_BREAK_SPACE: char = '\u{202f}';
/// A minus is as wide as a digit, and never taken for a hyphen.
const MINUS: char = '\u{2212}';

/// How a language writes figures.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    language: Language,
}

impl Format {
    /// The way of a language.
    pub const fn of(language: Language) -> Self {
        Self { language }
    }

    /// An amount without its currency, in major units: `1,234.50`.
    pub fn amount(self, money: Money) -> String {
        let digits = usize::from(money.currency().exponent());
        let unsigned = money.minor().unsigned_abs().to_string();
        let padded = format!("{unsigned:0>width$}", width = digits + 1);
        let (whole, fraction) = padded.split_at(padded.len() - digits);
        self.assemble(money.minor() < 0, whole, fraction)
    }

    /// An amount with the code of its currency: `EUR 1,234.50`, `1.234,50 EUR`.
    pub fn money(self, money: Money) -> String {
        let (amount, code) = (self.amount(money), money.currency());
        match self.language {
            Language::English => format!("{code}{NO_BREAK_SPACE}{amount}"),
            _ => format!("{amount}{NO_BREAK_SPACE}{code}"),
        }
    }

    /// A unit price in major units, with at least the digits of its currency and as many more as it has.
    pub fn unit_price(self, price: UnitPrice) -> String {
        let currency: Currency = price.currency();
        let minor = price.minor().normalize();
        let scale = minor.scale() as usize + usize::from(currency.exponent());
        let mantissa = minor.mantissa();
        let padded = format!("{:0>width$}", mantissa.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        let kept = fraction.trim_end_matches('0').len().max(usize::from(currency.exponent()));
        self.assemble(mantissa < 0, whole, &fraction[..kept.min(scale)])
    }

    /// A plain number.
    pub fn number(self, number: Decimal) -> String {
        let plain = number.normalize().abs().to_string();
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        self.assemble(number.is_sign_negative() && !number.is_zero(), whole, fraction)
    }

    /// A percentage: `25%`, `5,5 %`.
    pub fn percentage(self, percentage: Percentage) -> String {
        self.percent(percentage.percent())
    }

    /// So many parts of a hundred, written as a percentage.
    pub(crate) fn percent(self, percent: Decimal) -> String {
        let number = self.number(percent);
        match self.language {
            Language::English => format!("{number}%"),
            Language::French => format!("{number}{NARROW_NO_BREAK_SPACE}%"),
            _ => format!("{number}{NO_BREAK_SPACE}%"),
        }
    }

    /// A date: `3 March 2026`, `2026-03-03`, `03.03.2026`, `03/03/2026`.
    pub fn date(self, date: Date) -> String {
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        match self.language {
            Language::English => {
                format!("{day}{NO_BREAK_SPACE}{}{NO_BREAK_SPACE}{year}", english_month(date.month()))
            }
            Language::Swedish => format!("{year:04}-{month:02}-{day:02}"),
            Language::German => format!("{day:02}.{month:02}.{year:04}"),
            Language::French | Language::Spanish => format!("{day:02}/{month:02}/{year:04}"),
        }
    }

    /// What parts a fraction from the whole.
    pub const fn decimal_separator(self) -> char {
        match self.language {
            Language::English => '.',
            _ => ',',
        }
    }

    fn assemble(self, is_negative: bool, whole: &str, fraction: &str) -> String {
        let mut text = String::with_capacity(whole.len() * 2 + fraction.len() + 4);
        if is_negative {
            text.push(MINUS);
        }
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                text.push(self.group_separator());
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push(self.decimal_separator());
            text.push_str(fraction);
        }
        text
    }

    const fn group_separator(self) -> char {
        match self.language {
            Language::English => ',',
            Language::Swedish => NO_BREAK_SPACE,
            Language::French => NARROW_NO_BREAK_SPACE,
            Language::German | Language::Spanish => '.',
        }
    }
}

const fn english_month(month: Month) -> &'static str {
    match month {
        Month::January => "January",
        Month::February => "February",
        Month::March => "March",
        Month::April => "April",
        Month::May => "May",
        Month::June => "June",
        Month::July => "July",
        Month::August => "August",
        Month::September => "September",
        Month::October => "October",
        Month::November => "November",
        Month::December => "December",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    fn in_all<T>(write: impl Fn(Format) -> T) -> [T; 5] {
        Language::ALL.map(|language| write(Format::of(language)))
    }

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, Currency::parse(code).unwrap())
    }

    #[test]
    fn money_is_written_as_each_language_has_it() {
        assert_eq!(
            in_all(|format| format.money(money(123_456_789, "EUR"))),
            [
                "EUR\u{a0}1,234,567.89",
                "1\u{a0}234\u{a0}567,89\u{a0}EUR",
                "1.234.567,89\u{a0}EUR",
                "1\u{202f}234\u{202f}567,89\u{a0}EUR",
                "1.234.567,89\u{a0}EUR"
            ]
        );
    }

    #[test]
    fn digits_are_those_of_the_currency() {
        let english = Format::of(Language::English);
        assert_eq!(english.amount(money(1_234, "JPY")), "1,234");
        assert_eq!(english.amount(money(1_234, "KWD")), "1.234");
        assert_eq!(english.amount(money(-5, "EUR")), "\u{2212}0.05");
        assert_eq!(english.amount(money(i64::MIN, "EUR")), "\u{2212}92,233,720,368,547,758.08");
    }

    #[test]
    fn a_unit_price_keeps_every_decimal_and_pads_to_its_currency() {
        let price = |minor: &str, code: &str| {
            let price = UnitPrice::parse(minor.parse().unwrap(), Currency::parse(code).unwrap()).unwrap();
            Format::of(Language::Swedish).unit_price(price)
        };
        assert_eq!(price("0", "SEK"), "0,00");
        assert_eq!(price("100", "SEK"), "1,00");
        assert_eq!(price("150000", "SEK"), "1\u{a0}500,00");
        assert_eq!(price("0.333333333333", "SEK"), "0,00333333333333");
        assert_eq!(price("12.5", "SEK"), "0,125");
        assert_eq!(price("12.5", "JPY"), "12,5");
        assert_eq!(price("12", "JPY"), "12");
        assert_eq!(price("1000", "KWD"), "1,000");
    }

    #[test]
    fn percentages_and_dates_are_written_as_each_language_has_them() {
        let rate = Percentage::parse("5.5".parse().unwrap()).unwrap();
        let day = date!(2026 - 03 - 09);
        assert_eq!(
            in_all(|format| format.percentage(rate)),
            ["5.5%", "5,5\u{a0}%", "5,5\u{a0}%", "5,5\u{202f}%", "5,5\u{a0}%"]
        );
        assert_eq!(
            in_all(|format| format.date(day)),
            ["9\u{a0}March\u{a0}2026", "2026-03-09", "09.03.2026", "09/03/2026", "09/03/2026"]
        );
    }

    proptest! {
        #[test]
        fn no_digit_of_an_amount_is_lost(minor: i64, index in 0usize..5) {
            let written = Format::of(Language::ALL[index]).amount(money(minor, "EUR"));
            let digits: String = written.chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(digits.parse::<u64>().unwrap(), minor.unsigned_abs());
            prop_assert_eq!(written.starts_with(MINUS), minor < 0);
        }
    }
}

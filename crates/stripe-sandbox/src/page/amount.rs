//! Amounts as people of a language write them.

use super::words::Locale;
use crate::money::decimals;

/// An amount in minor units, such as `SEK 1,608.75` in English and `1 608,75 kr` in Swedish.
pub(super) fn amount(minor: i64, currency: &str, locale: Locale) -> String {
    let digits = decimals(currency);
    let scale = 10u64.pow(digits);
    let (whole, part) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
    let (group, point) = match locale {
        Locale::En => (',', '.'),
        // A no-break space, so that a figure is never torn apart.
        Locale::Sv => ('\u{a0}', ','),
    };
    let mut figure = grouped(whole, group);
    if digits > 0 {
        figure.push(point);
        figure.push_str(&format!("{part:0width$}", width = digits as usize));
    }
    let sign = if minor < 0 { "−" } else { "" };
    let code = currency.to_ascii_uppercase();
    match (locale, code.as_str()) {
        (Locale::En, "USD") => format!("{sign}${figure}"),
        (Locale::En, "EUR") => format!("{sign}€{figure}"),
        (Locale::En, "GBP") => format!("{sign}£{figure}"),
        (Locale::En, _) => format!("{sign}{code}\u{a0}{figure}"),
        (Locale::Sv, "SEK") => format!("{sign}{figure}\u{a0}kr"),
        (Locale::Sv, "EUR") => format!("{sign}{figure}\u{a0}€"),
        (Locale::Sv, _) => format!("{sign}{figure}\u{a0}{code}"),
    }
}

fn grouped(whole: u64, group: char) -> String {
    let digits = whole.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_follow_the_language_and_the_currency() {
        for (minor, currency, locale, want) in [
            (160_875, "sek", Locale::En, "SEK\u{a0}1,608.75"),
            (160_875, "sek", Locale::Sv, "1\u{a0}608,75\u{a0}kr"),
            (1_099, "usd", Locale::En, "$10.99"),
            (50, "jpy", Locale::En, "JPY\u{a0}50"),
            (1_234_567_890, "eur", Locale::Sv, "12\u{a0}345\u{a0}678,90\u{a0}€"),
            (1_500, "kwd", Locale::En, "KWD\u{a0}1.500"),
            (5, "eur", Locale::En, "€0.05"),
        ] {
            assert_eq!(amount(minor, currency, locale), want);
        }
    }
}

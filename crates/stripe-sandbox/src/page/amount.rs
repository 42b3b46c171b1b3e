//! Amounts as people of a language write them, and as they type them. Exact: no amount is ever a float.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::words::Locale;
use crate::money::decimals;

/// An amount in minor units, such as `SEK 1,608.75` in English and `1 608,75 kr` in Swedish.
pub(super) fn amount(minor: i64, currency: &str, locale: Locale) -> String {
    let digits = decimals(currency);
    let scale = 10u64.pow(digits);
    let (whole, part) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
    let part = if digits > 0 { format!("{part:0width$}", width = digits as usize) } else { String::new() };
    written(minor < 0, whole, &part, currency, locale)
}

/// A unit price in minor units, which can be finer than the currency: `SEK 0.005`.
pub(super) fn unit_amount(minor: Decimal, currency: &str, locale: Locale) -> String {
    if let (true, Some(minor)) = (minor.is_integer(), minor.to_i64()) {
        return amount(minor, currency, locale);
    }
    let digits = decimals(currency);
    let major = (minor.abs() / Decimal::from(10u64.pow(digits))).normalize();
    let (whole, part) = (major.trunc().to_u64().unwrap_or_default(), major.fract().to_string());
    let part = part.split_once('.').map_or("", |(_, part)| part);
    written(minor.is_sign_negative(), whole, &format!("{part:0<width$}", width = digits as usize), currency, locale)
}

/// An amount without its currency and without groups, as it stands in a field: `1608.75`, or `1608,75` in Swedish.
pub(super) fn plain(minor: i64, currency: &str, locale: Locale) -> String {
    let digits = decimals(currency);
    let scale = 10u64.pow(digits);
    let (whole, part) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
    if digits == 0 {
        whole.to_string()
    } else {
        format!("{whole}{}{part:0width$}", point(locale), width = digits as usize)
    }
}

/// Minor units of an amount that was typed. What could be read in two ways is not read at all.
pub(super) fn parse(text: &str, currency: &str, locale: Locale) -> Option<i64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    // Swedish keyboards have both signs, and no Swede groups with a point.
    let point = if locale == Locale::Sv && !text.contains(',') { '.' } else { point(locale) };
    let (whole, part) = match text.split_once(point) {
        Some((whole, part)) if !part.is_empty() => (whole, part),
        Some(_) => return None,
        None => (text.as_str(), ""),
    };
    let whole = match locale {
        Locale::En => ungrouped(whole)?,
        Locale::Sv => whole.to_owned(),
    };
    let digits = decimals(currency) as usize;
    let fits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !fits(&whole) || !fits(part) || part.len() > digits {
        return None;
    }
    format!("{whole}{part:0<digits$}").parse().ok()
}

/// `1,608` without its comma; nothing where the groups are not of three.
fn ungrouped(whole: &str) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let mut text = first.to_owned();
    for group in groups {
        if group.len() != 3 || !(1..=3).contains(&first.len()) {
            return None;
        }
        text.push_str(group);
    }
    Some(text)
}

const fn point(locale: Locale) -> char {
    match locale {
        Locale::En => '.',
        Locale::Sv => ',',
    }
}

/// What a currency is called beside a figure: `SEK`, or `kr` in Swedish.
pub(super) fn currency_name(currency: &str, locale: Locale) -> String {
    let code = currency.to_ascii_uppercase();
    if locale == Locale::Sv && code == "SEK" { "kr".to_owned() } else { code }
}

fn written(negative: bool, whole: u64, part: &str, currency: &str, locale: Locale) -> String {
    let group = match locale {
        Locale::En => ',',
        // A no-break space, so that a figure is never torn apart.
        Locale::Sv => '\u{a0}',
    };
    let mut figure = grouped(whole, group);
    if !part.is_empty() {
        figure.push(point(locale));
        figure.push_str(part);
    }
    let sign = if negative { "−" } else { "" };
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
            (-1_000, "eur", Locale::En, "−€10.00"),
        ] {
            assert_eq!(amount(minor, currency, locale), want);
        }
    }

    #[test]
    fn a_unit_price_shows_all_its_decimals() {
        for (minor, currency, want) in
            [("0.5", "sek", "SEK\u{a0}0.005"), ("1050.0", "usd", "$10.50"), ("0.25", "jpy", "JPY\u{a0}0.25")]
        {
            assert_eq!(unit_amount(minor.parse().unwrap(), currency, Locale::En), want);
        }
    }

    #[test]
    fn typed_amounts_are_read_exactly_or_not_at_all() {
        for (text, currency, locale, want) in [
            ("100", "sek", Locale::En, Some(10_000)),
            ("1,608.75", "sek", Locale::En, Some(160_875)),
            ("1 608,75", "sek", Locale::Sv, Some(160_875)),
            ("1\u{a0}608,7", "sek", Locale::Sv, Some(160_870)),
            ("10.50", "sek", Locale::Sv, Some(1_050)),
            ("1.000", "kwd", Locale::En, Some(1_000)),
            ("500", "jpy", Locale::Sv, Some(500)),
            // A comma in English groups; `10,50` was meant otherwise, and would be a hundredfold.
            ("10,50", "sek", Locale::En, None),
            ("1234,567", "sek", Locale::En, None),
            ("1.000,50", "sek", Locale::Sv, None),
            ("10.505", "sek", Locale::En, None),
            ("5.5", "jpy", Locale::En, None),
            ("-5", "sek", Locale::En, None),
            ("1e3", "sek", Locale::En, None),
            ("", "sek", Locale::En, None),
            (".5", "sek", Locale::En, None),
            ("5.", "sek", Locale::En, None),
            ("99999999999999999999", "sek", Locale::En, None),
        ] {
            assert_eq!(parse(text, currency, locale), want, "{text}");
        }
    }

    #[test]
    fn what_stands_in_a_field_is_read_back_as_it_was() {
        for (minor, currency) in [(160_875, "sek"), (5, "eur"), (1_500, "kwd"), (50, "jpy")] {
            for locale in [Locale::En, Locale::Sv] {
                assert_eq!(parse(&plain(minor, currency, locale), currency, locale), Some(minor));
            }
        }
    }
}

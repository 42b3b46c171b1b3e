//! Amounts as people write and read them: `1 608.75 SEK`. Digits are moved, never computed with, so nothing is rounded.

/// Currencies whose minor unit is not a hundredth, by ISO 4217, list one, with the decimal digits of it.
#[rustfmt::skip]
const OTHER_MINOR_UNITS: [(&str, usize); 23] = [
    ("BHD", 3), ("BIF", 0), ("CLP", 0), ("DJF", 0), ("GNF", 0), ("IQD", 3), ("ISK", 0), ("JOD", 3),
    ("JPY", 0), ("KMF", 0), ("KRW", 0), ("KWD", 3), ("LYD", 3), ("OMR", 3), ("PYG", 0), ("RWF", 0),
    ("TND", 3), ("UGX", 0), ("VND", 0), ("VUV", 0), ("XAF", 0), ("XOF", 0), ("XPF", 0),
];

/// The most digits behind the minor unit of a price of one piece.
const FINER_DIGITS_MAX: usize = 12;

/// The digits after the point of an amount in this currency, whose code is in upper case: 0, 2 or 3. A code that no currency
/// has counts as one with 2; the server refuses it.
pub fn minor_digits(currency_code: &str) -> usize {
    OTHER_MINOR_UNITS.iter().find(|(code, _)| *code == currency_code).map_or(2, |(_, digits)| *digits)
}

/// An amount as it was written: its digits before and after the point, and the code of its currency in upper case.
struct Written {
    whole: String,
    fraction: String,
    currency_code: String,
}

/// Whole minor units, and the currency's code.
///
/// # Errors
/// What is expected instead.
pub(crate) fn parse_money(text: &str) -> Result<(i64, String), String> {
    let Written { whole, fraction, currency_code } = written(text)?;
    let digits = minor_digits(&currency_code);
    if fraction.len() > digits {
        return Err(format!("must have at most {digits} decimals in {currency_code}"));
    }
    let minor_units = format!("{whole}{fraction:0<digits$}").parse().map_err(|_| "is too large".to_owned())?;
    Ok((minor_units, currency_code))
}

/// Minor units as a decimal that may be finer than one, and the currency's code.
///
/// # Errors
/// What is expected instead.
pub(crate) fn parse_unit_price(text: &str) -> Result<(String, String), String> {
    let Written { whole, fraction, currency_code } = written(text)?;
    let digits = minor_digits(&currency_code);
    let fraction = format!("{fraction:0<digits$}");
    let (minor, finer) = fraction.split_at(digits);
    // A price may be finer than the currency. One that ends in 0 behind its decimals is rather meant as thousands: 12.500 SEK.
    if finer.ends_with('0') {
        return Err(format!(
            "must not end in 0 behind {digits} decimals of {currency_code}: thousands are parted by spaces"
        ));
    }
    if finer.len() > FINER_DIGITS_MAX {
        return Err(format!("must have at most {} decimals in {currency_code}", digits + FINER_DIGITS_MAX));
    }
    let all = format!("{whole}{minor}");
    let minor_units = match all.trim_start_matches('0') {
        "" => "0",
        significant => significant,
    };
    let point = if finer.is_empty() { "" } else { "." };
    Ok((format!("{minor_units}{point}{finer}"), currency_code))
}

fn written(text: &str) -> Result<Written, String> {
    let expected = || "must be an amount and its currency, such as 1608.75 SEK".to_owned();
    let text = text.trim();
    let at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(expected)?;
    let (number, code) = text.split_at(at);
    let number = number.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    // Groups of three digits may be parted by spaces: what is printed can be given back. Other spaces are slips of the hand.
    let mut groups = whole.split([' ', '\u{a0}', '\u{202f}']);
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let is_grouped = rest.is_empty() || (first.len() <= 3 && rest.iter().all(|group| group.len() == 3));
    let whole = format!("{first}{}", rest.concat());
    let is_code = code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic());
    let is_number = !whole.is_empty() && are_digits(&whole) && are_digits(fraction) && !number.ends_with('.');
    if !is_grouped || !is_number || !is_code {
        return Err(expected());
    }
    Ok(Written { whole, fraction: fraction.to_owned(), currency_code: code.to_ascii_uppercase() })
}

/// Minor units as a decimal, such as `160875` or `-0.25`, the way people read them: `1 608.75 SEK`. What is no decimal is told
/// as it is.
pub(crate) fn display_minor_units(minor_units: &str, currency_code: &str) -> String {
    let (sign, unsigned) = minor_units.strip_prefix('-').map_or(("", minor_units), |unsigned| ("-", unsigned));
    let (minor, finer) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if minor.is_empty() || !minor.bytes().chain(finer.bytes()).all(|b| b.is_ascii_digit()) {
        return format!("{minor_units} minor units of {currency_code}");
    }
    let digits = minor_digits(currency_code);
    let padded = format!("{minor:0>0$}", digits + 1);
    let (whole, fraction) = padded.split_at(padded.len() - digits);
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    let point = if fraction.is_empty() && finer.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{fraction}{finer} {currency_code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_digit_for_digit_in_the_currency_s_own_unit() {
        for (text, minor_units, currency_code) in [
            ("1608.75 SEK", 160_875, "SEK"),
            ("1 608.75 SEK", 160_875, "SEK"),
            ("1\u{a0}608.75sek", 160_875, "SEK"),
            ("1608.7 SEK", 160_870, "SEK"),
            ("1608 SEK", 160_800, "SEK"),
            ("0.01 EUR", 1, "EUR"),
            ("50 JPY", 50, "JPY"),
            ("9 007 199.5 SEK", 900_719_950, "SEK"),
            ("1.234 KWD", 1_234, "KWD"),
            ("9007199254740993 JPY", 9_007_199_254_740_993, "JPY"),
        ] {
            assert_eq!(parse_money(text), Ok((minor_units, currency_code.to_owned())), "{text}");
        }
        for text in [
            "",
            "1608.75",
            "SEK",
            "1608,75 SEK",
            "-1 SEK",
            "1. SEK",
            ".5 SEK",
            "1.2.3 SEK",
            "1 SEKK",
            "1e3 SEK",
            "12 50 SEK",
            "1 6 08 SEK",
            "1608 750 SEK",
            "1  608 SEK",
            " 1608 .75 SEK",
            "1 608. 75 SEK",
        ] {
            assert!(parse_money(text).unwrap_err().starts_with("must be an amount and its currency"), "{text}");
        }
        assert_eq!(parse_money("1.005 SEK").unwrap_err(), "must have at most 2 decimals in SEK");
        // Whoever parts thousands by a point does not mean a thousandth of it.
        assert_eq!(parse_money("12.500 SEK").unwrap_err(), "must have at most 2 decimals in SEK");
        assert_eq!(parse_money("5.000 JPY").unwrap_err(), "must have at most 0 decimals in JPY");
        assert_eq!(parse_money("0.5 JPY").unwrap_err(), "must have at most 0 decimals in JPY");
        assert_eq!(parse_money("99999999999999999999 SEK").unwrap_err(), "is too large");
    }

    #[test]
    fn prices_of_one_piece_may_be_finer_than_a_minor_unit() {
        for (text, minor_units) in
            [("10.99 SEK", "1099"), ("0.0025 SEK", "0.25"), ("0 SEK", "0"), ("1.5 JPY", "1.5"), ("007 SEK", "700")]
        {
            assert_eq!(parse_unit_price(text).unwrap().0, minor_units, "{text}");
        }
        for text in ["12.500 SEK", "5.000 JPY", "0.00250 SEK"] {
            assert!(parse_unit_price(text).unwrap_err().starts_with("must not end in 0"), "{text}");
        }
        assert!(parse_unit_price("0.123456789012345 SEK").unwrap_err().contains("at most 14 decimals"));
    }

    #[test]
    fn what_is_shown_can_be_given_back() {
        for (minor_units, currency_code, shown) in [
            ("160875", "SEK", "1 608.75 SEK"),
            ("5", "SEK", "0.05 SEK"),
            ("0", "SEK", "0.00 SEK"),
            ("-160875", "SEK", "-1 608.75 SEK"),
            ("100000000", "JPY", "100 000 000 JPY"),
            ("1234", "KWD", "1.234 KWD"),
            ("0.25", "SEK", "0.0025 SEK"),
            ("1.5", "JPY", "1.5 JPY"),
            ("oops", "SEK", "oops minor units of SEK"),
        ] {
            assert_eq!(display_minor_units(minor_units, currency_code), shown);
            if let Ok((back, _)) = parse_unit_price(shown) {
                assert_eq!(back, minor_units);
            }
        }
    }
}

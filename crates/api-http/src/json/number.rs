//! Numbers of JSON, exactly as they are written: no float is ever made of one.

use domain::validation::Invalid;

/// What stands for an exponent that is beyond every amount.
const EXPONENT_FAR: i64 = 1_000_000_000;
/// The most decimal digits that surely fit into 64 bits.
const DIGITS_MAX: i64 = 18;

/// A number: its sign, and `digits` × 10^`exponent`. The digits neither begin nor end with a zero; zero has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExactNumber {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl ExactNumber {
    /// Reads a number of JSON (RFC 8259, section 6); `None` if it is none.
    pub(crate) fn parse(json: &str) -> Option<Self> {
        let (is_negative, unsigned) = json.strip_prefix('-').map_or((false, json), |rest| (true, rest));
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, parse_power(power)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if !is_digits(whole) || (!is_digits(fraction) && mantissa.contains('.')) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - significant.len()).ok()?;
        let digits = significant.trim_start_matches('0').to_owned();
        let exponent = power.saturating_sub(i64::try_from(fraction.len()).ok()?).saturating_add(dropped);
        Some(Self { is_negative, digits, exponent })
    }

    /// The number in units of which `decimals` digits make one of it, such as öre for kronor and 2. What does not fit
    /// into 64 bits comes out as the most that does, for the rule of amounts to refuse.
    ///
    /// # Errors
    /// It is finer than that.
    pub(crate) fn minor_units(&self, decimals: u8) -> Result<i64, Invalid> {
        if self.digits.is_empty() {
            return Ok(0);
        }
        let zeros = self.exponent.saturating_add(i64::from(decimals));
        if zeros < 0 {
            let expected = match decimals {
                0 => "must be a whole number".to_owned(),
                _ => format!("must have at most {decimals} decimals"),
            };
            return Err(Invalid::new("TOO_MANY_DECIMALS", expected));
        }
        let length = i64::try_from(self.digits.len()).unwrap_or(i64::MAX).saturating_add(zeros);
        let written = if length > DIGITS_MAX {
            None
        } else {
            let zeros = usize::try_from(zeros).unwrap_or_default();
            format!("{}{}", self.digits, "0".repeat(zeros)).parse::<i64>().ok()
        };
        let magnitude = written.unwrap_or(i64::MAX);
        Ok(if self.is_negative { -magnitude } else { magnitude })
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn parse_power(text: &str) -> Option<i64> {
    let (is_negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let digits = if is_negative { unsigned } else { unsigned.strip_prefix('+').unwrap_or(unsigned) };
    if !is_digits(digits) {
        return None;
    }
    let magnitude = digits.parse().unwrap_or(EXPONENT_FAR).min(EXPONENT_FAR);
    Some(if is_negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(json: &str, decimals: u8) -> Result<i64, &'static str> {
        ExactNumber::parse(json).unwrap().minor_units(decimals).map_err(|invalid| invalid.rule)
    }

    #[test]
    fn amounts_are_read_digit_for_digit() {
        for (json, decimals, want) in [
            ("1608.75", 2, 160_875),
            ("1608.750", 2, 160_875),
            ("1608", 2, 160_800),
            ("0.29", 2, 29),
            ("1.1", 2, 110),
            ("4.35", 2, 435),
            ("1.60875e3", 2, 160_875),
            ("160875E-2", 2, 160_875),
            ("16e+2", 0, 1_600),
            ("0", 2, 0),
            ("-0.00", 2, 0),
            ("0e999999999999999999999", 2, 0),
            ("-5.05", 2, -505),
            ("1.005", 3, 1_005),
            ("50", 0, 50),
            ("9999999999.99", 2, 999_999_999_999),
            ("9007199254740993", 0, 9_007_199_254_740_993),
        ] {
            assert_eq!(minor(json, decimals), Ok(want), "{json}");
        }
    }

    #[test]
    fn what_is_finer_than_the_currency_is_refused_and_never_rounded() {
        for (json, decimals) in [
            ("1608.755", 2),
            ("0.001", 2),
            ("0.5", 0),
            ("1e-3", 2),
            ("1e-999999999999999999999", 2),
            ("1.0000000001", 3),
        ] {
            assert_eq!(minor(json, decimals), Err("TOO_MANY_DECIMALS"), "{json}");
        }
    }

    #[test]
    fn what_is_too_large_stays_too_large() {
        for json in ["1e18", "1e999999999999999999999", "9999999999999999999", &"9".repeat(5_000)] {
            assert_eq!(minor(json, 2), Ok(i64::MAX), "{json}");
            assert_eq!(minor(&format!("-{json}"), 2), Ok(-i64::MAX), "{json}");
        }
    }

    #[test]
    fn every_amount_of_money_survives_being_written_with_decimals() {
        let mut minor_units: i64 = 1;
        while minor_units < 1_000_000_000_000 {
            for (decimals, scale) in [(2u8, 100), (3, 1_000)] {
                let (whole, part) = (minor_units / scale, minor_units % scale);
                let json = format!("{whole}.{part:0width$}", width = usize::from(decimals));
                assert_eq!(minor(&json, decimals), Ok(minor_units), "{json}");
            }
            minor_units = minor_units * 7 + 3;
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", ".", "1.", ".5", "1e", "1e+", "1e1.5", "+1", "0x1", "NaN", "1,5", "--1", "\"1\""] {
            assert_eq!(ExactNumber::parse(text), None, "{text}");
        }
    }
}

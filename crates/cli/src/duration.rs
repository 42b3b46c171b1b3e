//! Lengths of time as people write them.

use std::time::Duration;

/// The longest that is taken: a hundred years.
const MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A whole number of days, hours, minutes or seconds, such as `90d`: at least a second, and at most a hundred years.
///
/// # Errors
/// The text is anything else; the error says what is expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let seconds = [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60), ("s", 1)].into_iter().find_map(|(unit, seconds)| {
        let digits = text.strip_suffix(unit).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
        let number = if digits.is_empty() { None } else { Some(digits.parse::<u64>().unwrap_or(u64::MAX)) };
        number.map(|number| number.saturating_mul(seconds))
    });
    match seconds.map(Duration::from_secs) {
        Some(duration) if duration > MAX => Err("must be 36500d at most".to_owned()),
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("must be a number of days, hours, minutes or seconds, such as 90d, 12h, 30m or 45s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_its_unit() {
        for (text, seconds) in
            [("90d", 7_776_000), ("12h", 43_200), ("30m", 1_800), ("1s", 1), ("36500d", 3_153_600_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in
            ["", "d", "90", "0d", "-1d", "+1d", "1.5h", "1 d", "1D", "36501d", "18446744073709551615d", "1w", "1é"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        // The unit is right, so the number is what is told.
        for long in ["36501d", "18446744073709551615d", "99999999999999999999s"] {
            assert!(parse_duration(long).unwrap_err().contains("36500d at most"), "{long}");
        }
    }
}

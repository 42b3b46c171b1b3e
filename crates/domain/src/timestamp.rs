//! A moment in time, to the microsecond: the finest that PostgreSQL keeps, so that what was stored reads back equal.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

use crate::validation::Invalid;

/// A moment in time as microseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From seconds since the Unix epoch; saturates far outside of any calendar.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the Unix epoch.
    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// Nanoseconds within the second, 0 to 999,999,999.
    pub const fn subsec_nanos(self) -> i32 {
        (self.0.rem_euclid(MICROS_PER_SECOND) * 1_000) as i32
    }

    /// This moment plus `span`; saturates.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// This moment minus `span`; saturates.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// The time from `earlier` to this moment; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The calendar date in UTC.
    pub fn date(self) -> Date {
        self.to_offset_date_time().date()
    }

    fn to_offset_date_time(self) -> OffsetDateTime {
        // Only moments beyond the year 9999 are out of range, and no constructor of ours is fed those.
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl From<OffsetDateTime> for Timestamp {
    /// Truncates to the microsecond.
    fn from(moment: OffsetDateTime) -> Self {
        Self(i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_offset_date_time().format(&Rfc3339) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// The most days that something which is recorded now may lie back: ten years, as long as books are kept in most countries.
const DAYS_BACK_MAX: i64 = 3_653;

/// Refuses a day that has not begun anywhere on earth, or lies too far back, where something is said to have happened on it.
///
/// # Errors
/// It lies more than a day after `today` in UTC, or more than ten years before.
pub fn check_day_has_come(day: Date, today: Date) -> Result<Date, Invalid> {
    let days = (day - today).whole_days();
    if days > 1 {
        return Err(Invalid::new("DATE_IN_FUTURE", "must be a day that has come"));
    }
    if days < -DAYS_BACK_MAX {
        return Err(Invalid::new("DATE_OUT_OF_RANGE", "must be a day of the last ten years"));
    }
    Ok(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_truncated_so_that_a_stored_moment_reads_back_equal() {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(1_764_000_000_123_456_789).unwrap();
        let stamp = Timestamp::from(moment);
        assert_eq!(stamp.unix_micros(), 1_764_000_000_123_456);
        assert_eq!(stamp.subsec_nanos(), 123_456_000);
        assert_eq!(stamp.to_string(), "2025-11-24T16:00:00.123456Z");
    }

    #[test]
    fn moments_before_the_epoch_split_into_floored_seconds_and_positive_nanoseconds() {
        let stamp = Timestamp::from_unix_micros(-1);
        assert_eq!((stamp.unix_seconds(), stamp.subsec_nanos()), (-1, 999_999_000));
    }

    #[test]
    fn something_happens_on_a_day_that_has_begun_somewhere() {
        let today = time::macros::date!(2026 - 11 - 24);
        for fine in [time::macros::date!(2016 - 11 - 25), today, today.next_day().unwrap()] {
            assert_eq!(check_day_has_come(fine, today), Ok(fine));
        }
        let refused = check_day_has_come(time::macros::date!(2026 - 11 - 26), today).unwrap_err();
        assert_eq!(refused.rule, "DATE_IN_FUTURE");
        let refused = check_day_has_come(time::macros::date!(2016 - 11 - 22), today).unwrap_err();
        assert_eq!(refused.rule, "DATE_OUT_OF_RANGE");
    }
}

//! The sandbox's clock: real time plus what was moved by hand, so that days pass in a test.

use std::time::{SystemTime, UNIX_EPOCH};

/// A day, in seconds.
pub(crate) const DAY: i64 = 24 * 60 * 60;
/// Where the clock stops, in seconds since the Unix epoch: the beginning of the year 9000. The calendar that periods are
/// counted by ends with the year 9999, and the longest period and trial take but a few years.
pub(crate) const NOW_MAX: i64 = 221_845_392_000;

/// Seconds since the Unix epoch, in real time.
#[expect(clippy::disallowed_methods, reason = "this is the sandbox's one reader of the system's clock")]
pub(crate) fn real_now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

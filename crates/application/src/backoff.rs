//! How long what failed is left alone before it is tried again.

use std::time::Duration;

/// The longest wait between two tries of one thing, but for the spread.
pub(crate) const RETRY_IN_MAX: Duration = Duration::from_secs(300);

/// How long to wait after so many tries: `first`, doubled with each. Spread over a quarter more by `seed`, a random byte of the
/// thing's own such as the last of its id, so that what failed together does not come back together.
pub(crate) fn backed_off(first: Duration, attempts: u32, seed: u8) -> Duration {
    /// Beyond this, doubling has long met the longest wait.
    const DOUBLINGS_MAX: u32 = 16;
    spread(first.saturating_mul(1 << attempts.min(DOUBLINGS_MAX)).min(RETRY_IN_MAX), seed)
}

/// A wait, and up to a quarter more.
pub(crate) fn spread(wait: Duration, seed: u8) -> Duration {
    wait + wait / 4 * u32::from(seed) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let wait = |attempts, seed| backed_off(Duration::from_millis(250), attempts, seed);
        for (attempts, millis) in [(0, 250), (1, 500), (5, 8_000), (10, 256_000), (11, 300_000), (u32::MAX, 300_000)] {
            assert_eq!(wait(attempts, 0), Duration::from_millis(millis), "{attempts}");
            assert_eq!(wait(attempts, 255), Duration::from_millis(millis) * 5 / 4, "{attempts}");
        }
        assert!(wait(3, 1) < wait(3, 200));
    }
}

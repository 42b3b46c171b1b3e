//! Time and ids that follow from a seed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::clock::{Clock, IdGenerator};
use domain::timestamp::Timestamp;
use tokio::time::Instant;
use uuid::{Builder, Uuid};

use crate::locked;
use crate::process::Chaos;

/// A clock that goes with the runtime's: it stands still in a runtime whose time is paused, and jumps with it.
#[derive(Debug, Clone, Copy)]
pub struct SimulatedClock {
    began: Instant,
    beginning: Timestamp,
}

impl SimulatedClock {
    /// A clock that shows `beginning` now.
    pub fn starting_at(beginning: Timestamp) -> Self {
        Self { began: Instant::now(), beginning }
    }

    /// The clock of someone who is that much ahead.
    #[must_use]
    pub fn ahead_by(self, span: Duration) -> Self {
        Self { beginning: self.beginning.plus(span), ..self }
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.beginning.plus(self.began.elapsed())
    }
}

/// Ids whose random bits come from the dice of a simulation. A clone goes on with the same sequence.
#[derive(Clone)]
pub struct SeededIds {
    chaos: Chaos,
    clock: SimulatedClock,
    /// The millisecond of the last id, and how many came before it in that millisecond.
    last: Arc<Mutex<(u64, u16)>>,
}

impl SeededIds {
    /// Ids of that time.
    pub fn new(chaos: Chaos, clock: SimulatedClock) -> Self {
        Self { chaos, clock, last: Arc::default() }
    }
}

impl IdGenerator for SeededIds {
    fn uuid_v7(&self) -> Uuid {
        /// As many ids as a millisecond has, by the 12 bits behind the time (RFC 9562, section 6.2, method 1).
        const PER_MILLISECOND: u16 = 1 << 12;
        let now_ms = u64::try_from(self.clock.now().unix_micros() / 1_000).unwrap_or(0);
        let (millis, count) = {
            let mut last = locked(&self.last);
            *last = match *last {
                (before, _) if now_ms > before => (now_ms, 0),
                (before, count) if count + 1 < PER_MILLISECOND => (before, count + 1),
                (before, _) => (before + 1, 0),
            };
            *last
        };
        let mut rest = [0; 10];
        rest[..2].copy_from_slice(&count.to_be_bytes());
        rest[2..].copy_from_slice(&self.chaos.below(u64::MAX).to_be_bytes());
        Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ids_sort_by_their_making_and_follow_from_the_seed() {
        let clock = SimulatedClock::starting_at(Timestamp::from_unix_seconds(1_795_521_600));
        let ids = |seed| {
            let ids = SeededIds::new(Chaos::new(seed), clock);
            (0..5_000).map(|_| ids.uuid_v7()).collect::<Vec<_>>()
        };
        let first = ids(1);
        assert!(first.is_sorted_by(|a, b| a < b));
        assert!(first.iter().all(|id| id.get_version_num() == 7));
        assert_ne!(first[0].as_bytes()[8..], ids(2)[0].as_bytes()[8..]);
    }
}

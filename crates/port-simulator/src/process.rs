//! A server that can be killed, and what goes wrong around it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::locked;

/// One server, as the ports see it: every handle that it has of a simulated port belongs to it.
///
/// Once it is [killed](Self::kill), no call of a port that it makes, or is making, ever returns. Since it reaches the
/// world through its ports alone, that is what a crash is: tasks of it that no caller waits for end like all others.
#[derive(Clone)]
pub struct Process(Arc<ProcessState>);

struct ProcessState {
    is_killed: AtomicBool,
    when_killed: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
}

impl Default for Process {
    fn default() -> Self {
        Self(Arc::new(ProcessState { is_killed: AtomicBool::new(false), when_killed: Mutex::default() }))
    }
}

impl Process {
    /// Kills it. Its open transactions are rolled back, as a database does when a connection breaks.
    pub fn kill(&self) {
        self.0.is_killed.store(true, Ordering::SeqCst);
        for undo in std::mem::take(&mut *locked(&self.0.when_killed)) {
            undo();
        }
    }

    /// Whether it lives.
    pub fn is_alive(&self) -> bool {
        !self.0.is_killed.load(Ordering::SeqCst)
    }

    pub(crate) fn when_killed(&self, undo: impl FnOnce() + Send + 'static) {
        locked(&self.0.when_killed).push(Box::new(undo));
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A place where a killed process stops for good.
    async fn survive(&self) {
        if !self.is_alive() {
            std::future::pending::<()>().await;
        }
    }
}

/// What goes wrong, and how often: each chance is so many of a thousand. Nothing does by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// The longest that a call of a port takes, in milliseconds. This is what makes tasks overtake one another.
    pub delay_ms_max: u64,
    /// A statement loses against another transaction.
    pub contended: u32,
    /// The database can't be reached: nothing of the transaction is kept.
    pub storage_unavailable: u32,
    /// A commit's answer is lost: half of them are kept.
    pub commit_unknown: u32,
    /// The provider does not do it: it can't be reached, limits the rate, or says that it conflicts.
    pub not_done: u32,
    /// The provider refuses for good what has not been made yet.
    pub rejected: u32,
    /// The provider does it, and the answer is lost.
    pub answer_lost: u32,
    /// The provider's answer is lost, and it does it only some time later.
    pub done_late: u32,
    /// The provider fails by itself, having done it or not, and repeats that failure under the same key.
    pub failure_kept: u32,
    /// The provider takes longer than a minute to answer.
    pub slow: u32,
}

/// The dice of a simulation. A clone throws the same dice.
#[derive(Clone)]
pub struct Chaos(Arc<Mutex<Dice>>);

struct Dice {
    rng: fastrand::Rng,
    faults: Faults,
}

impl Chaos {
    /// Dice whose every throw follows from the seed. Nothing goes wrong as yet.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Dice { rng: fastrand::Rng::with_seed(seed), faults: Faults::default() })))
    }

    /// Changes what goes wrong from now on.
    pub fn set(&self, faults: Faults) {
        locked(&self.0).faults = faults;
    }

    /// A number below `end`, which is above 0.
    pub fn below(&self, end: u64) -> u64 {
        locked(&self.0).rng.u64(..end.max(1))
    }

    /// Whether a fault happens now.
    pub(crate) fn happens(&self, chance: impl Fn(&Faults) -> u32) -> bool {
        let mut dice = locked(&self.0);
        let chance = chance(&dice.faults);
        chance > 0 && dice.rng.u32(..1000) < chance
    }

    /// The call takes its time.
    async fn delay(&self) {
        let delay_ms = {
            let mut dice = locked(&self.0);
            match dice.faults.delay_ms_max {
                0 => 0,
                max => dice.rng.u64(..=max),
            }
        };
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
    }
}

/// How a process reaches a port: through delays, and not once it is killed.
#[derive(Clone)]
pub(crate) struct Reach {
    pub(crate) process: Process,
    pub(crate) chaos: Chaos,
}

impl Reach {
    /// On the way to the port.
    pub(crate) async fn go(&self) {
        self.process.survive().await;
        self.chaos.delay().await;
        self.process.survive().await;
    }

    /// On the way back: what was done is done, whether its caller lives or not.
    pub(crate) async fn come_back(&self) {
        self.chaos.delay().await;
        self.process.survive().await;
    }
}

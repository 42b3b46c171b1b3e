//! Simulated ports.

mod clock;
mod process;
mod storage;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use clock::{SeededIds, SimulatedClock};
pub use process::{Chaos, Faults, Process};
pub use storage::{Leftovers, SimulatedStorage};

/// What is behind a mutex. No panic of a holder leaves it half-written: each writes what it has computed before.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

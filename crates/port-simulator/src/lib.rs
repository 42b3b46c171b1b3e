//! Ports that are simulated: a store, a provider, a clock and ids, all of whose accidents follow from a seed.
//!
//! They keep state, and the store passes the contract of every store, so that a test of a caller says what happens and not
//! which methods are called. What goes wrong, and how often, is [`Faults`]; a server is a [`Process`], which can be killed
//! at any moment. In a runtime whose time is paused, days pass in no time:
//!
//! ```
//! use domain::ports::clock::Clock;
//! use domain::ports::provider::PaymentProvider;
//! use domain::ports::storage::Storage;
//! use domain::timestamp::Timestamp;
//! use port_simulator::{Acquirer, Chaos, Faults, Process, SimulatedClock, SimulatedStorage};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let (chaos, process) = (Chaos::new(7), Process::default());
//! let clock = SimulatedClock::starting_at(Timestamp::from_unix_seconds(1_795_521_600));
//! let storage = SimulatedStorage::new(&process, &chaos);
//! let provider = Acquirer::new(clock, &chaos).for_process("acquirer".parse().unwrap(), &process);
//! assert!(storage.ping().await.is_ok());
//! assert!(provider.list_notifications(clock.now(), None).await.unwrap().notifications.is_empty());
//!
//! chaos.set(Faults { storage_unavailable: 1_000, ..Faults::default() });
//! assert!(storage.ping().await.is_err());
//! # });
//! ```
//!
//! It knows the domain alone. It makes no promotion codes, subscriptions, disputes or stored cards: its
//! capabilities say so.

mod clock;
mod process;
mod provider;
mod storage;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use clock::{SeededIds, SimulatedClock};
pub use process::{Chaos, Faults, Process};
pub use provider::{Accident, Acquirer, LedgerLink, LedgerRefund, LedgerSession, SimulatedProvider};
pub use storage::{Contents, SimulatedStorage};

/// What is behind a mutex. No panic of a holder leaves it half-written: each writes what it has computed before.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

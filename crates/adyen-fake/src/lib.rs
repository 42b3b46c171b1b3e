//! A stateful Adyen over HTTP, for tests: as much of its Checkout API as paylinks uses, and its webhooks.
//!
//! It is strict: unknown and malformed fields are refused, keys replay, and where a description of the API is at hand, each
//! request and each answer is held to it. What customers, people at the dashboard and the network do, a test says. No money
//! moves, nothing is kept, and nothing leaves the machine: it listens on loopback alone.
//!
//! It must not know anything of paylinks: the real adapter talks to it as to Adyen.

mod api;
mod description;
mod faults;
mod page;
mod server;
mod state;
mod webhooks;

pub use faults::{Fault, FaultKind, Operation};
pub use server::{AdyenFake, FakeConfig, FakeError, start};
pub use state::{Closed, Ledger, LedgerLink, LedgerPayment, LedgerRefund, LinkStatus, Outcome};
pub use webhooks::{Endpoint, Policy, request, sign};

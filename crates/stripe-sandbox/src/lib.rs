//! A stateful Stripe over HTTP, for laptops, tests and demonstrations.
//!
//! It speaks Stripe's wire for the operations that paylinks uses, strictly: unknown parameters are refused, idempotency
//! keys replay, lists page, webhooks are signed and delivered at least once. It also hosts the page on which a person pays
//! with a test card. No money moves, and nothing leaves the machine: it listens on loopback and delivers webhooks to
//! loopback alone.
//!
//! It must not know anything of paylinks: the real adapter talks to it as to Stripe.

#![recursion_limit = "512"] // a checkout session in `json!` has more fields than the default allows

mod api;
mod banks;
mod check;
mod clock;
mod collection;
mod control;
mod error;
mod event;
mod expand;
mod faults;
mod form;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hosted;
mod ids;
mod money;
mod page;
mod params;
mod pricing;
mod purchase;
mod save;
mod scheduled_tasks;
mod server;
mod state;
#[cfg(test)]
mod testing;
mod webhooks;

pub use control::{Fault, FaultKind, WebhookPolicy};
pub use server::{Sandbox, SandboxConfig, SandboxError, start};

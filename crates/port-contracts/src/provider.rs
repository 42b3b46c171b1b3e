//! The contract of [`PaymentProvider`](domain::ports::provider::PaymentProvider): what every adapter promises, whatever its
//! provider, and what the application builds on.
//!
//! An adapter passes it against a [`ProviderCounterpart`]: the provider, or a double that keeps state as the provider does.

mod counterpart;

pub use counterpart::*;

//! Stripe as a payment provider, and its tax engine: the one place that speaks its wire.
//!
//! It implements [`PaymentProvider`](domain::ports::provider::PaymentProvider) and
//! [`TaxCalculator`](domain::ports::tax::TaxCalculator) over Stripe's HTTP API at a pinned version.
//! Stripe's own rules (amounts in its currencies' units, smallest charges, parameter names, signatures) live here and
//! nowhere else. It must not know any use case or storage.

mod amounts;
mod capabilities;
mod client;
mod config;
#[cfg(test)]
mod contract;
mod discounts;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod notifications;
mod params;
mod provider;
mod reversals;
mod sharing;
mod signature;
mod subscriptions;
mod tax;
mod wire;

pub use config::{ConfigError, Stripe, StripeConfig, StripeSettings};
pub use provider::StripeProvider;
pub use tax::StripeTaxCalculator;

//! Adyen as a payment provider: the one place that speaks its wire.
//!
//! It implements [`PaymentProvider`](domain::ports::provider::PaymentProvider) with Pay by Link of Adyen's Checkout API,
//! version 71: a link and a session of ours are both a payment link there. Adyen's own rules (amounts in its currencies'
//! units, its languages, signatures, which event means what) live here and nowhere else. It must not know any use case or
//! storage.
//!
//! Adyen can't be asked what was paid: its notifications alone tell that, so each one is taken as the fact that it states.

mod amounts;
mod capabilities;
mod client;
mod config;
#[cfg(test)]
mod contract;
mod events;
mod notifications;
mod pages;
mod provider;
mod signature;

pub use config::{Adyen, AdyenConfig, AdyenSettings};
pub use provider::AdyenProvider;

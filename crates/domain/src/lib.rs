//! The billing domain of paylinks: money, tax, invoices, payment links, checkouts, payments, events, and the ports
//! through which they reach the world.
//!
//! This crate is pure: no async runtime, no I/O, no clock, no randomness and no floating point. Time and ids come in as
//! arguments. It must not know any provider, database or wire format; adapters know it, never the other way round.
//!
//! # Testing a caller against a mock port
//!
//! With the feature `mocks`, every port has a [`mockall`](https://docs.rs/mockall) double:
//!
//! ```
//! # #[cfg(feature = "mocks")] {
//! use domain::money::{Currency, Money};
//! use domain::ports::provider::{MockPaymentProvider, PaymentProvider, ProviderError};
//!
//! let mut provider = MockPaymentProvider::new();
//! provider.expect_name().return_const("mock".parse::<domain::provider::ProviderName>().expect("a valid name"));
//! assert_eq!(provider.name().as_str(), "mock");
//! # }
//! ```
#![deny(clippy::float_arithmetic)]

pub mod access;
pub mod aggregate;
pub mod catalog;
pub mod checkout;
pub mod customer;
pub mod event;
pub mod id;
pub mod idempotency;
pub mod invoice;
pub mod locale;
pub mod metadata;
pub mod money;
pub mod page;
pub mod party;
pub mod payment;
pub mod payment_link;
pub mod payment_method;
pub mod ports;
pub mod provider;
pub mod redirect;
pub mod seller;
pub mod tax;
pub mod text;
pub mod timestamp;
pub mod validation;

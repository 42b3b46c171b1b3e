//! The billing domain of paylinks: money, tax, invoices, payment links, checkouts, payments, events, and the ports
//! through which they reach the world.
//!
//! This crate is pure: no async runtime, no I/O, no clock, no randomness and no floating point. Time and ids come in as
//! arguments. It must not know any provider, database or wire format; adapters know it, never the other way round.
//!
//! # Testing a caller against a mock port
//!
//! With the feature `mocks`, every port has a [`mockall`](https://docs.rs/mockall) double. A caller takes a port as a
//! trait object, and its test says what the port is asked and what it answers:
//!
//! ```
//! # #[cfg(feature = "mocks")] {
//! use domain::ports::provider::{MockPaymentProvider, PaymentProvider, ProviderError};
//! use domain::provider::{ProviderKey, ProviderRef};
//!
//! /// The caller: forgets a stored card. One that the provider does not know is as good as forgotten.
//! async fn forget(provider: &dyn PaymentProvider, key: &ProviderKey, card: &ProviderRef) -> Result<(), ProviderError> {
//!     match provider.detach_payment_method(key, card).await {
//!         Err(ProviderError::NotFound) => Ok(()),
//!         told => told,
//!     }
//! }
//!
//! // Its test.
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let key = ProviderKey("forget-1".to_owned());
//! let card = ProviderRef("pm_1".to_owned());
//! let mut provider = MockPaymentProvider::new();
//! let mut answers = [Err(ProviderError::NotFound), Err(ProviderError::Unavailable)].into_iter();
//! provider
//!     .expect_detach_payment_method()
//!     .withf(|key, card| key.0 == "forget-1" && card.0 == "pm_1")
//!     .times(2)
//!     .returning(move |_, _| answers.next().unwrap());
//! assert_eq!(forget(&provider, &key, &card).await, Ok(()));
//! assert_eq!(forget(&provider, &key, &card).await, Err(ProviderError::Unavailable));
//! # });
//! # }
//! ```
#![deny(clippy::float_arithmetic)]

pub mod access;
pub mod aggregate;
pub mod bank_account;
pub mod catalog;
mod check_digit;
pub mod checkout;
pub mod credit_note;
pub mod customer;
pub mod discount;
pub mod dispute;
pub mod document;
pub mod event;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod id;
pub mod idempotency;
pub mod invoice;
pub mod invoice_mail;
pub mod letterhead;
pub mod locale;
pub mod metadata;
pub mod money;
pub mod network;
pub mod page;
pub mod party;
pub mod payment;
pub mod payment_link;
pub mod payment_method;
pub mod ports;
pub mod provider;
pub mod redirect;
pub mod refund;
pub mod seller;
pub mod subscription;
pub mod tax;
pub mod tax_id;
pub mod tax_id_check;
pub mod text;
mod text_form;
pub mod timestamp;
pub mod trace_context;
pub mod validation;

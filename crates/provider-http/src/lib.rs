//! HTTP to a payment provider: what every adapter's calls need and no provider's wire decides.
//!
//! Each call waits for its turn, has a time limit, a capped answer and bounded retries under one key; a provider that fails
//! again and again is left alone for a moment. What an answer means is the adapter's to say, as a [`Verdict`]. It must not
//! know any provider.

mod circuit;
mod client;
mod pressure;

pub use client::{Answer, Call, Client, Content, Limits, Verdict, unchanged};

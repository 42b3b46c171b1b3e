//! What a port promises, as rules that every adapter of it must pass, and the test data for them.
//!
//! A rule is an async function over the port; a macro makes one test of each, so that a failure has the rule's name. It
//! must not know any adapter.

pub mod fixtures;
pub mod mail;
pub mod provider;
pub mod storage;
pub mod tax;

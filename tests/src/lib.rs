//! Tests of the whole: the binary, over gRPC and HTTP, with its sandbox, on both databases, and in a browser.
//!
//! `cargo xtask test` sets up what they need. What a test finds missing it skips by name; in CI that is a failure.
//!
#![doc = include_str!("../FAULTS.md")]
#![cfg(test)]

mod access;
mod backups;
mod bad_input;
mod browser;
mod captures;
mod catalog;
mod checkouts;
mod client;
mod collected;
mod commands;
mod credit_notes;
mod discounts;
mod doctor;
mod documents;
mod faults;
mod followers;
mod gates;
mod harness;
mod hosted;
mod invoices;
mod json;
mod link_options;
mod links;
mod mail;
mod main_job;
mod numbering;
mod out_of_band;
mod outages;
mod payments;
mod provider_tax;
mod providers;
mod reconciliation;
mod reference;
mod refunds;
mod resilience;
mod rows;
mod sharing;
mod subscriptions;
mod tax;
mod telemetry;
mod tls;
mod torture;
mod workers;

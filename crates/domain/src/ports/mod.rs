//! The ports: what the application needs of the world, in the domain's own terms. A port exists for real I/O only.

pub mod adapter;
pub mod clock;
pub mod credit_notes;
pub mod discounts;
pub mod documents;
pub mod invoice_mails;
pub mod mail;
pub mod provider;
pub mod reconciliation;
pub mod reversals;
pub mod secrets;
pub mod storage;
pub mod subscriptions;
pub mod tax;
pub mod tax_ids;
pub mod tax_records;

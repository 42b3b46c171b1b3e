//! Storage on PostgreSQL, and on SQLite embedded, from one code base over sea-orm.
//!
//! - Each aggregate is one row, read by one indexed select: what is searched, constrained, ordered or summed is a column,
//!   and the whole is a JSON `document`. A new option of a link is then no migration, and an old row still reads; figures
//!   that an auditor sums, and rules that only a database can hold, are columns and constraints.
//! - Every transaction belongs to an [`OpenTransaction`](connection): dropped in whatever state, it is rolled back in a
//!   task of its own, so that no pooled connection is ever left inside a transaction.
//! - On PostgreSQL the connections are in a [`pool`] that waits for none without an end.
//! - SQLite has one writer: a fair queue in the process, and `BEGIN IMMEDIATE`.
//! - On PostgreSQL, reads that many callers make at once share queries, see [`point_reads`] and [`together`].
//! - Events get their positions after the commit, see [`events`].
//!
//! It must not know any use case, provider or wire format.

mod backlog;
mod connection;
mod credit_notes;
mod database;
mod discounts;
mod errors;
mod events;
mod inbox;
mod inspection;
mod invoice_mails;
mod point_reads;
mod pool;
mod queries;
mod reconciliation;
mod reversals;
mod secrets;
mod sql;
mod statements;
mod stored;
mod subscriptions;
mod tax_records;
mod together;
mod unit_of_work;

pub use connection::{SQLITE_ROOM_MIN, SqlConfig, SqlStorage};
pub use inspection::Schema;

//! The schema, one file a step, for PostgreSQL and SQLite alike.
//!
//! A step only ever adds (expand); what it makes needless is dropped in a later release (contract), so that the version
//! before keeps running against the new schema. There is no way back down: a step back is a new step.

mod m0001_tables;
mod m0002_refunds;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

/// Every step, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_tables::Migration), Box::new(m0002_refunds::Migration)]
    }
}

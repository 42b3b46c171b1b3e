//! The schema, one file a step, for PostgreSQL and SQLite alike.
//!
//! A step only ever adds (expand); what it makes needless is dropped in a later release (contract), so that the version
//! before keeps running against the new schema. There is no way back down: a step back is a new step.

mod m0001_tables;
mod m0002_refunds;
mod m0003_shipping_rates;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Every step, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_tables::Migration),
            Box::new(m0002_refunds::Migration),
            Box::new(m0003_shipping_rates::Migration),
        ]
    }
}

/// Statements with the types that differ between the databases.
fn sql(manager: &SchemaManager, statements: &str) -> String {
    let (json, serial) = match manager.get_database_backend() {
        DbBackend::Postgres => ("JSONB", "BIGSERIAL PRIMARY KEY"),
        _ => ("TEXT", "INTEGER PRIMARY KEY AUTOINCREMENT"),
    };
    statements.replace("{json}", json).replace("{serial}", serial)
}

/// What a step answers that is asked to go back.
fn no_way_back() -> DbErr {
    DbErr::Migration("there is no way back down: restore a backup, or add a new step".to_owned())
}

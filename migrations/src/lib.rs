//! The schema, one file a step, for PostgreSQL and SQLite alike.
//!
//! A step only ever adds (expand); what it makes needless is dropped in a later release (contract), so that the version
//! before keeps running against the new schema. There is no way back down: a step back is a new step.

mod m0001_tables;
mod m0002_refunds;
mod m0003_shipping_rates;
mod m0004_discounts_and_subscriptions;
mod m0005_credit_notes;
mod m0006_tax_records;
mod m0007_shared_secrets;
mod m0008_invoice_mails;
mod m0009_tax_id_checks_are_fixed;
mod m0010_books_stay;
mod m0011_reconciliations;
mod m0013_notifications_set_aside;
mod m0014_notification_failures;
mod m0015_expiring_sessions;
mod m0016_notifications_by_tries;
mod m0017_notification_notes;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, EntityTrait};
use sea_orm_migration::seaql_migrations;

/// Every step, in order.
pub struct Migrator;

impl Migrator {
    /// The names of all steps, in order.
    pub fn names() -> Vec<String> {
        Self::migrations().iter().map(|step| step.name().to_owned()).collect()
    }
}

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let step =
            |name, statements| Box::new(Step { name, statements, postgres: "", sqlite: "" }) as Box<dyn MigrationTrait>;
        vec![
            step("m0001_tables", m0001_tables::STATEMENTS),
            step("m0002_refunds", m0002_refunds::STATEMENTS),
            step("m0003_shipping_rates", m0003_shipping_rates::STATEMENTS),
            step("m0004_discounts_and_subscriptions", m0004_discounts_and_subscriptions::STATEMENTS),
            Box::new(Step {
                name: "m0005_credit_notes",
                statements: m0005_credit_notes::STATEMENTS,
                postgres: m0005_credit_notes::POSTGRES,
                sqlite: m0005_credit_notes::SQLITE,
            }),
            step("m0006_tax_records", m0006_tax_records::STATEMENTS),
            step("m0007_shared_secrets", m0007_shared_secrets::STATEMENTS),
            step("m0008_invoice_mails", m0008_invoice_mails::STATEMENTS),
            Box::new(Step {
                name: "m0009_tax_id_checks_are_fixed",
                statements: "",
                postgres: m0009_tax_id_checks_are_fixed::POSTGRES,
                sqlite: m0009_tax_id_checks_are_fixed::SQLITE,
            }),
            Box::new(Step {
                name: "m0010_books_stay",
                statements: "",
                postgres: m0010_books_stay::POSTGRES,
                sqlite: m0010_books_stay::SQLITE,
            }),
            step("m0011_reconciliations", m0011_reconciliations::STATEMENTS),
            step("m0013_notifications_set_aside", m0013_notifications_set_aside::STATEMENTS),
            step("m0014_notification_failures", m0014_notification_failures::STATEMENTS),
            step("m0015_expiring_sessions", m0015_expiring_sessions::STATEMENTS),
            step("m0016_notifications_by_tries", m0016_notifications_by_tries::STATEMENTS),
            step("m0017_notification_notes", m0017_notification_notes::STATEMENTS),
        ]
    }

    /// The steps that were taken, as far as this version knows of them: one that is started again while the next version is
    /// rolled out finds that version's steps taken as well, and can go on, since they only added.
    async fn get_migration_models<C>(db: &C) -> Result<Vec<seaql_migrations::Model>, DbErr>
    where
        C: ConnectionTrait,
    {
        Self::install(db).await?;
        let known = Self::migrations();
        let mut taken = seaql_migrations::Entity::find().all(db).await?;
        taken.retain(|step| known.iter().any(|known| known.name() == step.version));
        Ok(taken)
    }
}

/// Statements that run once. `{json}` and `{serial}` stand for the types that differ between the databases.
struct Step {
    /// Under which it is noted that they ran.
    name: &'static str,
    statements: &'static str,
    /// What only PostgreSQL runs after them.
    postgres: &'static str,
    /// What only SQLite runs after them.
    sqlite: &'static str,
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (json, serial, alone) = match manager.get_database_backend() {
            DbBackend::Postgres => ("JSONB", "BIGSERIAL PRIMARY KEY", self.postgres),
            _ => ("TEXT", "INTEGER PRIMARY KEY AUTOINCREMENT", self.sqlite),
        };
        let statements = self.statements.replace("{json}", json).replace("{serial}", serial);
        for statements in [statements.as_str(), alone].into_iter().filter(|statements| !statements.is_empty()) {
            manager.get_connection().execute_unprepared(statements).await?;
        }
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("there is no way back down: restore a backup, or add a new step".to_owned()))
    }
}

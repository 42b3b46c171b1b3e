//! The schema is one step ahead, as while the next version is rolled out and this one still serves.

use api_proto::v1;

use crate::harness::{Db, GOOD_CARD, Provider, Server, on_both_databases};

on_both_databases!(a_schema_one_step_ahead_is_served_by_this_version,);

/// What the next version's migration may do while this one serves: add tables and columns that need no value.
async fn migrate_one_step_ahead(server: &Server) {
    let tables = server.texts(if server.on_postgres() {
        "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'seaql_migrations'"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'seaql_migrations'"
    });
    let tables = tables.await;
    assert!(tables.len() > 15, "{tables:?}");
    for table in tables {
        server.execute(&format!("ALTER TABLE {table} ADD COLUMN added_later TEXT")).await;
    }
    server.execute("CREATE TABLE added_later (id TEXT PRIMARY KEY)").await;
    server.execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_added_later', 0)").await;
}

async fn is_paid(provider: &Provider, server: &Server, (invoice, link): (v1::Invoice, v1::PaymentLink)) {
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    for event in provider.told().await {
        assert_eq!(server.deliver(&event).await, 200);
    }
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
}

async fn offer(server: &Server) -> (v1::Invoice, v1::PaymentLink) {
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    (invoice, link)
}

async fn a_schema_one_step_ahead_is_served_by_this_version(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    // Its connections know the statements already, as they were before.
    let before = offer(&server).await;
    is_paid(&provider, &server, offer(&server).await).await;
    migrate_one_step_ahead(&server).await;
    is_paid(&provider, &server, before).await;
    is_paid(&provider, &server, offer(&server).await).await;

    // One that is started again meanwhile, as after a crash, serves as well.
    let server = server.crash_and_restart().await;
    is_paid(&provider, &server, offer(&server).await).await;
}

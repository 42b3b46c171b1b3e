//! What the README says of backups is done here: a backup of a server that runs is restored elsewhere, a server is started on
//! it, and what happened since is read back from the provider.

use std::path::Path;

use api_proto::v1;
use tokio::process::Command;

use crate::harness::{Db, Provider, Server, TestDatabase, eventually, has_postgres, minor, needs, shared_postgres};

/// Read back every second, so that a test need not wait.
const CONFIG: &str = "access = \"open\"\nreconcile_every_seconds = 1\n";
/// Before the backup nothing is read back.
const BEFORE: &str = "access = \"open\"\nreconcile_every_seconds = 86400\n";

async fn run(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What is to be found again: an invoice that was paid before the backup, and one that is paid after it.
struct Books {
    paid: v1::Invoice,
    open: v1::Invoice,
    link: v1::PaymentLink,
}

async fn books(provider: &Provider, server: &Server) -> Books {
    let paid = server.open_invoice(10_000).await;
    let link = server.invoice_link(&paid.id).await.unwrap();
    provider.pay(&link.url).await;
    for told in provider.told().await {
        assert_eq!(server.deliver(&told).await, 200);
    }
    let paid = server.wait_for_invoice(&paid.id, v1::InvoiceState::Paid).await;
    let open = server.open_invoice(20_000).await;
    let link = server.invoice_link(&open.id).await.unwrap();
    Books { paid, open, link }
}

/// What is done between the backup and the loss: an invoice of before is paid, and another one is issued. The URL of its link.
async fn go_on(provider: &Provider, server: &Server, books: &Books) -> String {
    provider.pay(&books.link.url).await;
    let lost = server.open_invoice(40_000).await;
    server.invoice_link(&lost.id).await.unwrap().url
}

/// A server on what was restored has the books of the backup, and finds what the provider did since. Money for what was lost
/// waits for a person.
async fn expect_restored(provider: &Provider, url: &str, books: &Books, lost: &str) {
    let server = provider.server_on(url, CONFIG).await;
    // The next time that is due was set by the server of before; it comes, as time would bring it.
    server.execute("UPDATE reconciliations SET due_at_us = 0").await;
    assert_eq!(server.invoice(&books.paid.id).await, books.paid);
    let found = server.wait_for_invoice(&books.open.id, v1::InvoiceState::Paid).await;
    assert_eq!(minor(found.amount_paid.as_ref()), 25_000);
    let request = v1::ListPaymentsRequest { page_size: 100, ..Default::default() };
    let all_there = async || {
        let payments = server.payments().list_payments(request.clone()).await.unwrap().into_inner().payments;
        let received = payments.iter().filter_map(|payment| payment.received.as_ref());
        let mut received: Vec<i64> = received.map(|received| received.minor_units).collect();
        received.sort_unstable();
        (received == [12_500, 25_000]).then_some(())
    };
    eventually(all_there).await;
    // Numbers go on behind those of the backup, without a gap.
    let next = server.open_invoice(1_000).await;
    let sequence = |invoice: &v1::Invoice| invoice.number.rsplit('-').next().unwrap().parse::<u32>().unwrap();
    assert_eq!(sequence(&next), sequence(&books.open) + 1);
    let told = server.try_command(&["doctor"]).await;
    assert!(told.as_ref().is_ok_and(|told| told.contains("ok    schema: ")), "{told:?}");
    provider.pay(lost).await;
    let reasons = "SELECT reason FROM notifications WHERE state <> 'done' AND reason LIKE '%has money for plink_%'";
    let told = eventually(async || server.texts(reasons).await.pop()).await;
    assert!(told.ends_with(", which is none of stripe's here"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_sqlite_is_restored_and_goes_on() {
    let provider = Provider::start().await;
    let server = provider.server(Db::Sqlite).await;
    let books = books(&provider, &server).await;
    let directory = tempfile::tempdir().unwrap();
    let backup = directory.path().join("backup.db");
    server.execute(&format!("VACUUM INTO '{}'", backup.display())).await;
    let lost = go_on(&provider, &server, &books).await;
    drop(server);
    expect_restored(&provider, &format!("sqlite://{}", backup.display()), &books, &lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_postgresql_is_restored_and_goes_on() {
    let Some(programs) = has_postgres().then(|| needs("PAYLINKS_TEST_PG_PROGRAMS")).flatten() else { return };
    let program = |name: &str| Path::new(&programs).join(name);
    let provider = Provider::start().await;
    let database = TestDatabase::create(&shared_postgres()).await;
    let server = provider.server_on(&database.url, BEFORE).await;
    let books = books(&provider, &server).await;
    let directory = tempfile::tempdir().unwrap();
    let backup = directory.path().join("backup.dump").display().to_string();
    run(&program("pg_dump"), &["--format=custom", "--no-owner", "--file", &backup, &database.url]).await;
    let lost = go_on(&provider, &server, &books).await;
    drop(server);
    let restored = TestDatabase::create(&shared_postgres()).await;
    let options = ["--exit-on-error", "--single-transaction", "--no-owner", "--dbname", &restored.url, &backup];
    run(&program("pg_restore"), &options).await;
    expect_restored(&provider, &restored.url, &books, &lost).await;
}

//! Databases of tests, and time that passes in them.

use sea_orm::{ConnectionTrait, Database, DatabaseConnection};

/// A database of its own, for as long as this lives.
pub(crate) struct TestDatabase {
    server: String,
    name: String,
    pub(crate) url: String,
}

impl TestDatabase {
    /// Makes one on a server, which is named by the URL of another of its databases.
    pub(crate) async fn create(server: &str) -> Self {
        let name = Self::new_name();
        on_server(server, &format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}");
        Self { server: server.to_owned(), name, url }
    }

    pub(crate) async fn connect(&self) -> DatabaseConnection {
        Database::connect(self.url.clone()).await.unwrap()
    }

    /// A name that no run before this one has left behind.
    #[expect(clippy::disallowed_methods, reason = "a database of the tests is nobody's id")]
    fn new_name() -> String {
        format!("t_{}", uuid::Uuid::now_v7().simple())
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The killed server may still be connected. A runtime of its own: that of the test can't be waited for here.
        let (server, drop) = (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(on_server(&server, &drop));
        });
        // A database that stays fails no test.
        let _ = dropping.join();
    }
}

async fn on_server(url: &str, statement: &str) {
    let server = Database::connect(url).await.unwrap();
    server.execute_unprepared(statement).await.unwrap();
    server.close().await.unwrap();
}

/// Lets time pass for what waits: what was leased by a process that was killed, and what is to be tried again, is due. One
/// that lives and is at work finds its lease gone, as if it had stalled for so long.
pub(crate) async fn let_leases_end(database: &DatabaseConnection) {
    for statement in [
        "UPDATE intents SET lease_until_us = 0 WHERE unfinished",
        "UPDATE notifications SET due_at_us = 0 WHERE state = 'new'",
        "UPDATE reconciliations SET due_at_us = 0",
    ] {
        database.execute_unprepared(statement).await.unwrap();
    }
}

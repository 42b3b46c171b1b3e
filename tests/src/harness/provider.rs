//! A provider in a process of its own: it outlives the servers that call it, and what it tells is delivered by hand.

use std::process::Stdio;
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::{Db, GOOD_CARD, PATIENCE, Server, http, paylinks};

/// The key that opens the provider's account.
const KEY: &str = "sk_test_paylinks_sandbox";
/// The secret that deliveries are signed with, unless a test says another.
const SECRET: &str = "whsec_first";

/// A sandbox in a process of its own. It sends no webhooks, since it knows of no server.
pub(crate) struct Provider {
    _process: Child,
    pub(crate) url: String,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let mut command = paylinks(&[]);
        let command = command.args(["sandbox", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut process = command.spawn().expect("cargo build -p server comes first");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let (_, rest) = line.split_once("listens on ").unwrap();
        let url = rest.split_once(". ").unwrap().0.to_owned();
        Self { _process: process, url }
    }

    /// A server that charges by it, and learns nothing that is not delivered to it.
    pub(crate) async fn server(&self, db: Db) -> Server {
        self.server_with(db, "").await
    }

    /// The same, with more of a configuration file.
    pub(crate) async fn server_with(&self, db: Db, config: &str) -> Server {
        Self::server_at(&self.url, db, config).await
    }

    /// A server that takes whatever listens at `url` for its provider.
    pub(crate) async fn server_at(url: &str, db: Db, config: &str) -> Server {
        let settings = [("STRIPE_API_KEY", KEY), ("STRIPE_API_BASE", url), ("STRIPE_WEBHOOK_SECRET", SECRET)];
        let config = format!("access = \"open\"\nreconcile_every_seconds = 86400\n{config}");
        let mut server = Server::start_in(db, &config, &settings, Stdio::inherit()).await;
        server.sandbox = url.to_owned();
        server
    }

    /// A server that charges by it, on the database at `url`, which may hold books already.
    pub(crate) async fn server_on(&self, url: &str, config: &str) -> Server {
        let mut server = Server::start_in(Db::Sqlite, config, &self.settings(url), Stdio::inherit()).await;
        server.sandbox = self.url.clone();
        server
    }

    /// The environment of such a server.
    pub(crate) fn settings<'a>(&'a self, url: &'a str) -> [(&'a str, &'a str); 4] {
        [
            ("STRIPE_API_KEY", KEY),
            ("STRIPE_API_BASE", &self.url),
            ("STRIPE_WEBHOOK_SECRET", SECRET),
            ("DATABASE_URL", url),
        ]
    }

    /// The part of a configuration file that charges by it under a name of its own.
    pub(crate) fn part(&self, name: &str) -> String {
        format!(
            "[providers.{name}]\nadapter = \"stripe\"\napi_key = \"{KEY}\"\nwebhook_secrets = [\"{SECRET}\"]\napi_base = \"{}\"\n",
            self.url
        )
    }

    /// What it has told so far, the oldest first.
    pub(crate) async fn told(&self) -> Vec<Value> {
        let mut events = self.get("events?limit=100").await["data"].as_array().unwrap().clone();
        events.reverse();
        events
    }

    /// Goes through the page at `url` with a card that pays.
    pub(crate) async fn pay(&self, url: &str) {
        let body = json!({"url": url, "card": GOOD_CARD});
        let paid = http().post(format!("{}/_sandbox/pay", self.url)).json(&body).send().await.unwrap();
        assert_eq!(paid.status().as_u16(), 200);
    }

    /// Reads of its API.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = http().get(format!("{}/v1/{path}", self.url)).bearer_auth(KEY);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Changes by its API, as a person does at its dashboard.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = http().post(format!("{}/v1/{path}", self.url)).bearer_auth(KEY).form(form);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        answer.json().await.unwrap()
    }
}

/// The header that signs a body `age_seconds` ago.
pub(crate) fn sign(body: &str, secret: &str, age_seconds: u64) -> String {
    let at = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() - age_seconds;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

impl Server {
    /// Delivers what the provider has told; answers the status.
    pub(crate) async fn deliver(&self, event: &Value) -> u16 {
        let body = event.to_string();
        let signature = sign(&body, SECRET, 0);
        self.deliver_signed(body, &signature).await
    }

    /// Delivers a body with a signature; answers the status.
    pub(crate) async fn deliver_signed(&self, body: String, signature: &str) -> u16 {
        let request = http().post(format!("{}/webhooks/stripe", self.http)).header("stripe-signature", signature);
        request.body(body).send().await.unwrap().status().as_u16()
    }

    /// Ends the server at once, and starts it again on the same data with its provider at another place.
    pub(crate) async fn crash_and_restart_at(mut self, provider: &Provider) -> Self {
        self.environment.push(("STRIPE_API_BASE".to_owned(), provider.url.clone()));
        self.sandbox = provider.url.clone();
        self.crash_and_restart().await
    }

    /// Ends the server, and starts it again on the same data with another configuration, with its log in a file.
    pub(crate) async fn restart_logged(mut self, config: &str, log: &std::path::Path) -> Self {
        std::fs::write(self.directory.path().join("paylinks.toml"), config).unwrap();
        self.child.kill().await.unwrap();
        let (child, [grpc, http, _]) =
            super::spawn(&self.environment, std::fs::File::create(log).unwrap().into()).await;
        let channel = super::connect(&grpc).await;
        Self { child, grpc, http, channel, ..self }
    }

    /// What the doctor says of the server's settings, to people.
    pub(crate) async fn doctor_says(&self) -> String {
        let output = paylinks(&self.environment).arg("doctor").output().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Where the server's database is.
    pub(crate) fn database_url(&self) -> String {
        let named = self.environment.iter().rev().find(|(name, _)| name == "DATABASE_URL").map(|(_, url)| url.clone());
        named.unwrap_or_else(|| format!("sqlite://{}", self.directory.path().join("paylinks.db").display()))
    }

    /// Changes an environment variable of the server from its next start on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Lets the leases of provider calls run out, and the waits between their tries, as time would.
    pub(crate) async fn let_leases_run_out(&self) {
        self.execute("UPDATE intents SET lease_until_us = 0").await;
    }

    /// Ends the waits between two tries of notifications, as time would.
    pub(crate) async fn let_notifications_be_due(&self) {
        self.execute("UPDATE notifications SET due_at_us = 0 WHERE state = 'new'").await;
    }

    /// Runs a statement on the server's database, beside the server.
    pub(crate) async fn execute(&self, sql: &str) {
        let database = self.database().await;
        database.execute_unprepared(sql).await.unwrap();
        database.close().await.unwrap();
    }

    /// The texts that a query of one column answers.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let database = self.database().await;
        let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await.unwrap();
        database.close().await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    pub(crate) fn on_postgres(&self) -> bool {
        self.database.is_some()
    }

    /// The memory that the server's process has resident, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        /// The size of a page on every machine that this runs on.
        const PAGE_BYTES: u64 = 4_096;
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id().unwrap())).unwrap();
        statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * PAGE_BYTES
    }
}

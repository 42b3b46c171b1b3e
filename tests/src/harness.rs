//! A server of its own for each test.

mod database;
mod provider;
pub(crate) mod raw;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use api_proto::v1;
use api_proto::v1::catalog_service_client::CatalogServiceClient;
use api_proto::v1::checkout_service_client::CheckoutServiceClient;
use api_proto::v1::customer_service_client::CustomerServiceClient;
use api_proto::v1::event_service_client::EventServiceClient;
use api_proto::v1::invoice_service_client::InvoiceServiceClient;
use api_proto::v1::payment_link_service_client::PaymentLinkServiceClient;
use api_proto::v1::payment_service_client::PaymentServiceClient;
use api_proto::v1::subscription_service_client::SubscriptionServiceClient;
use api_proto::v1::tax_service_client::TaxServiceClient;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

pub(crate) use self::database::{TestDatabase, let_leases_end};
pub(crate) use provider::{Provider, sign};

/// The longest that a test waits for one thing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Which database a server runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Db {
    Sqlite,
    Postgres,
}

/// Makes a test for each database.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::harness::Db::Sqlite).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if $crate::harness::has_postgres() {
                    super::$name($crate::harness::Db::Postgres).await;
                }
            })+
        }
    };
}
pub(crate) use on_both_databases;

pub(crate) fn has_postgres() -> bool {
    needs("PAYLINKS_TEST_DATABASE_URL").is_some()
}

/// The PostgreSQL that all tests share.
pub(crate) fn shared_postgres() -> String {
    std::env::var("PAYLINKS_TEST_DATABASE_URL").unwrap()
}

/// What a variable names; a test that finds it missing is skipped, but not in CI.
pub(crate) fn needs(variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok();
    assert!(
        value.is_some() || std::env::var_os("CI").is_none(),
        "{variable} is not set, and in CI nothing may be skipped"
    );
    if value.is_none() {
        eprintln!("skipped: {variable} is not set");
    }
    value
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Processes that end with it.
    beside: Vec<Child>,
    /// Dropped after the server, which is connected to it.
    database: Option<TestDatabase>,
    directory: tempfile::TempDir,
    environment: Vec<(String, String)>,
    pub(crate) grpc: String,
    pub(crate) http: String,
    pub(crate) sandbox: String,
    pub(crate) channel: Channel,
}

impl Server {
    /// Starts a server with its sandbox inside.
    pub(crate) async fn start(db: Db) -> Self {
        Self::start_with(db, "").await
    }

    /// Starts a server with a configuration file.
    pub(crate) async fn start_with(db: Db, config: &str) -> Self {
        Self::start_in(db, config, &[], Stdio::inherit()).await
    }

    /// Starts a server on a database of the test's own.
    pub(crate) async fn start_on(database: TestDatabase) -> Self {
        let url = database.url.clone();
        let started = Self::start_in(Db::Sqlite, "", &[("DATABASE_URL", &url)], Stdio::inherit()).await;
        Self { database: Some(database), ..started }
    }

    /// Starts a server with a configuration file, which says by whom it charges.
    pub(crate) async fn start_configured(db: Db, config: &str, log: Stdio) -> Self {
        Self::start_in(db, config, &[], log).await
    }

    async fn start_in(db: Db, config: &str, more: &[(&str, &str)], log: Stdio) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut environment = vec![("PAYLINKS_DATA_DIR".to_owned(), directory.path().display().to_string())];
        let database = if db == Db::Postgres { Some(TestDatabase::create(&shared_postgres()).await) } else { None };
        if let Some(database) = &database {
            environment.push(("DATABASE_URL".to_owned(), database.url.clone()));
        }
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if !config.is_empty() {
            let path = directory.path().join("paylinks.toml");
            std::fs::write(&path, config).unwrap();
            environment.push(("PAYLINKS_CONFIG".to_owned(), path.display().to_string()));
        }
        let (child, [grpc, http, sandbox]) = spawn(&environment, log).await;
        let channel = connect(&grpc).await;
        Self { child, beside: Vec::new(), database, directory, environment, grpc, http, sandbox, channel }
    }

    /// Starts a server with more of an environment; what it writes to standard error goes to a file.
    pub(crate) async fn start_logged(db: Db, config: &str, more: &[(&str, &str)], log: &Path) -> Self {
        Self::start_in(db, config, more, std::fs::File::create(log).unwrap().into()).await
    }

    /// Ends a process with this server.
    pub(crate) fn keep(&mut self, beside: Child) {
        self.beside.push(beside);
    }

    /// Starts another server on the same database, with the same settings; a sandbox inside is its own. It must be dropped
    /// first.
    pub(crate) async fn beside(&self) -> Self {
        assert!(self.database.is_some(), "SQLite belongs to one server");
        let directory = tempfile::tempdir().unwrap();
        let mut environment = self.environment.clone();
        environment.push(("PAYLINKS_DATA_DIR".to_owned(), directory.path().display().to_string()));
        let (child, [grpc, http, sandbox]) = spawn(&environment, Stdio::inherit()).await;
        let (sandbox, channel) = (or_else(sandbox, &self.sandbox), connect(&grpc).await);
        Self { child, beside: Vec::new(), database: None, directory, environment, grpc, http, sandbox, channel }
    }

    /// Ends the server at once, as a crash does, and starts it again on the same data.
    pub(crate) async fn crash_and_restart(self) -> Self {
        let Self { mut child, beside, database, directory, environment, sandbox: before, .. } = self;
        child.kill().await.unwrap();
        let (child, [grpc, http, sandbox]) = spawn(&environment, Stdio::inherit()).await;
        let (sandbox, channel) = (or_else(sandbox, &before), connect(&grpc).await);
        Self { child, beside, database, directory, environment, grpc, http, sandbox, channel }
    }

    /// Ends the server, and starts it again on the same data with another configuration. It must have begun with one.
    pub(crate) async fn restart_with(self, config: &str) -> Self {
        std::fs::write(self.directory.path().join("paylinks.toml"), config).unwrap();
        self.crash_and_restart().await
    }

    /// Asks the server to stop, and waits until it has; says whether it ended well.
    pub(crate) async fn terminate(&mut self) -> bool {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success()
    }

    /// Runs another command of the binary on the same settings; answers what it prints.
    pub(crate) async fn command(&self, arguments: &[&str]) -> String {
        self.try_command(arguments).await.unwrap()
    }

    /// Like `command`; what it says when it fails is an error.
    pub(crate) async fn try_command(&self, arguments: &[&str]) -> Result<String, String> {
        let output = paylinks(&self.environment).args(arguments).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    pub(crate) fn catalog(&self) -> CatalogServiceClient<Channel> {
        CatalogServiceClient::new(self.channel.clone())
    }

    pub(crate) fn customers(&self) -> CustomerServiceClient<Channel> {
        CustomerServiceClient::new(self.channel.clone())
    }

    pub(crate) fn tax(&self) -> TaxServiceClient<Channel> {
        TaxServiceClient::new(self.channel.clone())
    }

    pub(crate) fn invoices(&self) -> InvoiceServiceClient<Channel> {
        InvoiceServiceClient::new(self.channel.clone())
    }

    pub(crate) fn links(&self) -> PaymentLinkServiceClient<Channel> {
        PaymentLinkServiceClient::new(self.channel.clone())
    }

    pub(crate) fn checkouts(&self) -> CheckoutServiceClient<Channel> {
        CheckoutServiceClient::new(self.channel.clone())
    }

    pub(crate) fn payments(&self) -> PaymentServiceClient<Channel> {
        PaymentServiceClient::new(self.channel.clone())
    }

    pub(crate) fn subscriptions(&self) -> SubscriptionServiceClient<Channel> {
        SubscriptionServiceClient::new(self.channel.clone())
    }

    pub(crate) fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel.clone())
    }

    /// An open invoice of `minor` SEK before 25 % of tax.
    pub(crate) async fn open_invoice(&self, minor: i64) -> v1::Invoice {
        let request = v1::CreateInvoiceRequest { lines: vec![line(minor)], finalize: true, ..invoice_request() };
        self.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap()
    }

    pub(crate) async fn invoice(&self, id: &str) -> v1::Invoice {
        let request = v1::GetInvoiceRequest { id: id.to_owned() };
        self.invoices().get_invoice(request).await.unwrap().into_inner().invoice.unwrap()
    }

    pub(crate) async fn link(&self, id: &str) -> v1::PaymentLink {
        let request = v1::GetPaymentLinkRequest { id: id.to_owned() };
        self.links().get_payment_link(request).await.unwrap().into_inner().payment_link.unwrap()
    }

    /// A link for an invoice.
    pub(crate) async fn invoice_link(&self, invoice_id: &str) -> Result<v1::PaymentLink, Status> {
        let request = v1::CreatePaymentLinkRequest {
            request_id: unique("link"),
            invoice_id: invoice_id.to_owned(),
            ..v1::CreatePaymentLinkRequest::default()
        };
        Ok(self.links().create_payment_link(request).await?.into_inner().payment_link.unwrap())
    }

    /// Waits until an invoice is in a state.
    pub(crate) async fn wait_for_invoice(&self, id: &str, state: v1::InvoiceState) -> v1::Invoice {
        eventually(async || Some(self.invoice(id).await).filter(|invoice| invoice.state() == state)).await
    }

    /// Waits until a link is in a state.
    pub(crate) async fn wait_for_link(&self, id: &str, state: v1::PaymentLinkState) -> v1::PaymentLink {
        eventually(async || Some(self.link(id).await).filter(|link| link.state() == state)).await
    }

    /// Calls the sandbox's control.
    pub(crate) async fn control(&self, path: &str, body: Value) -> reqwest::Response {
        http().post(format!("{}/_sandbox/{path}", self.sandbox)).json(&body).send().await.unwrap()
    }

    /// Ends every fault.
    pub(crate) async fn end_faults(&self) {
        let ended = http().delete(format!("{}/_sandbox/faults", self.sandbox)).send().await.unwrap();
        assert!(ended.status().is_success());
    }

    /// Pays a page with a test card, without a browser; answers the status.
    pub(crate) async fn pay(&self, url: &str, card: &str) -> u16 {
        self.control("pay", json!({"url": url, "card": card})).await.status().as_u16()
    }

    /// How often the sandbox has executed an operation.
    pub(crate) async fn executed(&self, operation: &str) -> u64 {
        self.all_executed().await.get(operation).copied().unwrap_or(0)
    }

    /// How often the sandbox has executed each operation that changes something.
    pub(crate) async fn all_changes(&self) -> BTreeMap<String, u64> {
        let all = self.all_executed().await;
        all.into_iter().filter(|(operation, _)| !operation.starts_with("GET ")).collect()
    }

    async fn all_executed(&self) -> BTreeMap<String, u64> {
        http().get(format!("{}/_sandbox/requests", self.sandbox)).send().await.unwrap().json().await.unwrap()
    }

    /// A connection of one's own to the server's database.
    pub(crate) async fn database(&self) -> DatabaseConnection {
        Database::connect(self.database_url()).await.unwrap()
    }

    /// Waits until all that the provider has told is processed. What can't be is tried again for long before it is set aside
    /// for a person: a test that ends before has not seen that nobody ever learns of it.
    pub(crate) async fn expect_no_notification_stuck(&self) {
        let database = self.database().await;
        let sql = "SELECT COALESCE(reason, 'not tried yet') AS reason FROM notifications WHERE state <> 'done'";
        let unprocessed = Statement::from_string(database.get_database_backend(), sql);
        let began = Instant::now();
        loop {
            let pending = http().get(format!("{}/_sandbox/webhooks/pending", self.sandbox));
            let sent: Value = pending.send().await.unwrap().json().await.unwrap();
            let rows = database.query_all_raw(unprocessed.clone()).await.unwrap();
            let reasons: Vec<String> = rows.iter().map(|row| row.try_get("", "reason").unwrap()).collect();
            if sent["pending"] == 0 && reasons.is_empty() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{} webhooks, and notifications stuck: {reasons:?}", sent["pending"]);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        database.close().await.unwrap();
    }

    /// The types of all events so far.
    pub(crate) async fn event_types(&self) -> Vec<String> {
        self.all_events().await.into_iter().map(|event| event.r#type).collect()
    }

    /// What a metric tells; nothing if it is not there.
    pub(crate) async fn metric(&self, name: &str) -> Option<String> {
        let text = http().get(format!("{}/metrics", self.http)).send().await.unwrap().text().await.unwrap();
        text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(' ')?.to_owned()))
    }

    /// All events so far.
    pub(crate) async fn all_events(&self) -> Vec<v1::Event> {
        self.events_of("").await
    }

    /// The events so far of a thing, by its id. What is committed gets its position, and is listed, a moment later: a test that saw
    /// a change need not wait for what tells of it.
    pub(crate) async fn events_of(&self, id: &str) -> Vec<v1::Event> {
        let unlisted = "SELECT id FROM events WHERE position IS NULL";
        eventually(async || self.texts(unlisted).await.is_empty().then_some(())).await;
        let mut request = v1::ListEventsRequest { page_size: 100, subject_id: id.to_owned(), ..Default::default() };
        let mut all = Vec::new();
        loop {
            let page = self.events().list_events(request.clone()).await.unwrap().into_inner();
            if page.events.is_empty() {
                return all;
            }
            all.extend(page.events);
            request.after_cursor = page.next_cursor;
        }
    }
}

/// The card that pays.
pub(crate) const GOOD_CARD: &str = "4242424242424242";

/// The beginning of a request for an invoice in SEK.
pub(crate) fn invoice_request() -> v1::CreateInvoiceRequest {
    v1::CreateInvoiceRequest {
        request_id: unique("invoice"),
        currency_code: "SEK".to_owned(),
        ..v1::CreateInvoiceRequest::default()
    }
}

/// A line of `minor` SEK before tax, taxed by the tables.
pub(crate) fn line(minor: i64) -> v1::InvoiceLineInput {
    v1::InvoiceLineInput {
        description: "Web hosting".to_owned(),
        quantity: 1,
        price: Some(v1::invoice_line_input::Price::PriceData(v1::InlinePrice {
            unit_price: Some(sek(minor)),
            tax_behavior: v1::TaxBehavior::Exclusive as i32,
        })),
        tax: Some(automatic()),
        discount: None,
    }
}

/// An item of a link.
pub(crate) fn item(name: &str, minor: i64, quantity: i64) -> v1::LineItemInput {
    v1::LineItemInput {
        price: Some(v1::line_item_input::Price::PriceData(v1::LinePriceData {
            name: name.to_owned(),
            description: String::new(),
            unit_price: Some(sek(minor)),
            ..v1::LinePriceData::default()
        })),
        quantity,
        adjustable_quantity: None,
    }
}

/// An item of a link, at a stored price.
pub(crate) fn stored_item(price_id: &str, quantity: i64) -> v1::LineItemInput {
    let price = Some(v1::line_item_input::Price::PriceId(price_id.to_owned()));
    v1::LineItemInput { price, quantity, adjustable_quantity: None }
}

pub(crate) fn sek(minor: i64) -> v1::UnitPrice {
    v1::UnitPrice { minor_units: minor.to_string(), currency_code: "SEK".to_owned() }
}

/// An amount in SEK.
pub(crate) fn sek_amount(minor_units: i64) -> v1::Money {
    v1::Money { minor_units, currency_code: "SEK".to_owned() }
}

pub(crate) fn automatic() -> v1::LineTax {
    item_tax("")
}

/// Automatic tax of that kind of product.
pub(crate) fn item_tax(tax_code: &str) -> v1::LineTax {
    let automatic = v1::AutomaticTax { tax_code: tax_code.to_owned() };
    v1::LineTax { treatment: Some(v1::line_tax::Treatment::Automatic(automatic)) }
}

/// An update mask of these paths.
pub(crate) fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

pub(crate) fn minor(money: Option<&v1::Money>) -> i64 {
    money.unwrap().minor_units
}

/// A name that no other call of this run has.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Code, reason and bad fields of a status.
pub(crate) fn error_parts(status: &Status) -> (Code, String, Vec<String>) {
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    let fields = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    (status.code(), reason, fields.into_iter().map(|violation| violation.field).collect())
}

/// Asks again until there is an answer.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "it did not come in time");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// A client for HTTP that follows no redirect.
pub(crate) fn http() -> reqwest::Client {
    // reqwest wants a provider of cryptography even for plain HTTP; an error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).no_proxy().build().unwrap()
}

/// The binary, with these settings and no others.
pub(crate) fn paylinks(environment: &[(String, String)]) -> Command {
    let binary = std::env::var("PAYLINKS_TEST_BINARY").map_or_else(|_| built_binary(), PathBuf::from);
    let mut command = Command::new(binary);
    let settings = ["DATABASE_URL", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "PAYLINKS_CONFIG"];
    let of_clients = ["SERVER", "SELLER", "API_KEY", "API_KEY_FILE", "CA_FILE", "CERT_FILE", "KEY_FILE", "DEADLINE"];
    for name in settings.map(str::to_owned).into_iter().chain(of_clients.map(|name| format!("PAYLINKS_{name}"))) {
        command.env_remove(name);
    }
    for listen in ["GRPC", "HTTP", "SANDBOX"] {
        command.env(format!("PAYLINKS_{listen}_LISTEN"), "127.0.0.1:0");
    }
    command.env("PAYLINKS_LOG", "warn").envs(environment.iter().map(|(name, value)| (name, value))).kill_on_drop(true);
    command
}

/// The binary beside the tests, where `cargo build` puts it.
fn built_binary() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().and_then(|deps| deps.parent()).unwrap().join("paylinks")
}

/// Starts a server, and reads from its greeting where it listens.
pub(crate) async fn spawn(environment: &[(String, String)], log: Stdio) -> (Child, [String; 3]) {
    let mut command = paylinks(environment);
    let command = command.arg("serve").stdout(Stdio::piped()).stderr(log);
    let mut child = command.spawn().expect("cargo build -p server comes first");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut addresses = [String::new(), String::new(), String::new()];
    let greeting = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            for (address, name) in addresses.iter_mut().zip(["gRPC", "HTTP", "sandbox"]) {
                if let Some(rest) = line.trim().strip_prefix(name) {
                    *address = rest.split_whitespace().next().unwrap_or_default().to_owned();
                }
            }
            if line.starts_with("Try:") {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(PATIENCE, greeting).await.unwrap(), "the server did not start");
    (child, addresses)
}

/// Where the sandbox of a server listens; one that has none inside says nothing of it, and goes on with that of before.
fn or_else(sandbox: String, before: &str) -> String {
    if sandbox.is_empty() { before.to_owned() } else { sandbox }
}

async fn connect(url: &str) -> Channel {
    Channel::from_shared(url.to_owned()).unwrap().connect().await.unwrap()
}

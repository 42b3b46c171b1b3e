//! The processes: two replicas on one database, and the provider, all of which can be killed and come back where they were.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tonic::transport::Channel;

use super::plan::Victim;
use crate::harness::{PATIENCE, TestDatabase, http, paylinks, shared_postgres, spawn};

/// The key of the account at the provider.
const KEY: &str = "sk_test_torture";
/// What the two are configured with: what webhooks lost is looked for all the time, and nobody spares the provider.
const CONFIG: &str =
    "access = \"open\"\nreconcile_every_seconds = 1\n[providers.stripe]\ncalls_per_second_max = 1000\n";

pub(super) struct World {
    provider: Provider,
    replicas: [Replica; 2],
    pub(super) connection: DatabaseConnection,
    /// Dropped after those who are connected to it.
    _database: TestDatabase,
    directory: tempfile::TempDir,
}

/// A process that listens where it always did.
struct Replica {
    child: Child,
    environment: Vec<(String, String)>,
    log: PathBuf,
    /// Finds it again after a restart.
    channel: Channel,
}

struct Provider {
    child: Child,
    address: String,
    state_file: PathBuf,
}

impl World {
    pub(super) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = TestDatabase::create(&shared_postgres()).await;
        let address = format!("127.0.0.1:{}", free_ports()[0]);
        let state_file = directory.path().join("provider.json");
        let provider = Provider { child: run_provider(&address, &state_file).await, address, state_file };
        let config = directory.path().join("paylinks.toml");
        std::fs::write(&config, CONFIG).unwrap();
        let first = Replica::start(&provider, &database.url, (&config, "first")).await;
        let second = Replica::start(&provider, &database.url, (&config, "second")).await;
        let connection = database.connect().await;
        Self { provider, replicas: [first, second], connection, _database: database, directory }
    }

    pub(super) fn channels(&self) -> [Channel; 2] {
        [0, 1].map(|index: usize| self.replicas[index].channel.clone())
    }

    /// Where the provider is.
    pub(super) fn provider_url(&self) -> String {
        format!("http://{}", self.provider.address)
    }

    /// Kills a process in the middle of whatever it does, and starts it again after a while.
    pub(super) async fn kill(&mut self, victim: Victim, down: Duration) {
        match victim {
            Victim::Replica(index) => {
                let replica = &mut self.replicas[index];
                replica.child.kill().await.unwrap();
                tokio::time::sleep(down).await;
                replica.child = run_replica(&replica.environment, &replica.log).await;
            }
            Victim::Provider => {
                let provider = &mut self.provider;
                provider.child.kill().await.unwrap();
                tokio::time::sleep(down).await;
                provider.child = run_provider(&provider.address, &provider.state_file).await;
            }
        }
    }

    /// Tells the provider how to behave. One that is being started again will behave well.
    pub(super) async fn control(&self, path: &str, body: Value) {
        let asked = http().post(format!("{}/_sandbox/{path}", self.provider_url())).json(&body).send().await;
        if let Ok(answer) = asked {
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
        }
    }

    /// Nothing goes wrong any more.
    pub(super) async fn end_mishaps(&self) {
        let ended = http().delete(format!("{}/_sandbox/faults", self.provider_url())).send().await.unwrap();
        assert!(ended.status().is_success());
        self.control("webhooks/policy", json!({})).await;
    }

    /// What the provider says of itself, such as its ledger.
    pub(super) async fn provider_says(&self, path: &str) -> Value {
        let asked = http().get(format!("{}/_sandbox/{path}", self.provider_url())).send().await;
        asked.unwrap().json().await.unwrap()
    }

    /// All objects of a kind that the provider has.
    pub(super) async fn provider_lists(&self, kind: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::<Value>::new(), String::new());
        loop {
            let url = format!("{}/v1/{kind}?limit=100{after}", self.provider_url());
            let page: Value = http().get(url).bearer_auth(KEY).send().await.unwrap().json().await.unwrap();
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] != true {
                return all;
            }
            after = format!("&starting_after={}", all.last().unwrap()["id"].as_str().unwrap());
        }
    }

    /// What a query finds, each row an object.
    pub(super) async fn rows(&self, query: &str) -> Vec<Value> {
        let sql = format!("SELECT row_to_json(found)::TEXT AS found FROM ({query}) AS found");
        let backend = self.connection.get_database_backend();
        let rows = self.connection.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        let texts = rows.iter().map(|row| row.try_get::<String>("", "found").unwrap());
        texts.map(|text| serde_json::from_str(&text).unwrap()).collect()
    }

    /// What the two logged that must never happen.
    pub(super) fn complaints(&self) -> Vec<String> {
        let logs = self.replicas.iter().map(|replica| std::fs::read_to_string(&replica.log).unwrap());
        let lines = logs.flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>());
        lines.filter(|line| line.contains("panicked") || line.contains("ERROR")).collect()
    }

    /// Where the logs and the provider's state stay for whoever looks into it.
    pub(super) fn keep_files(self) -> PathBuf {
        self.directory.keep()
    }
}

impl Replica {
    async fn start(provider: &Provider, database_url: &str, (config, name): (&Path, &str)) -> Self {
        let [grpc, web] = free_ports().map(|port| format!("127.0.0.1:{port}"));
        let endpoint = [("url", format!("http://{web}/webhooks/stripe")), ("enabled_events[]", "*".to_owned())];
        let register = http().post(format!("http://{}/v1/webhook_endpoints", provider.address)).bearer_auth(KEY);
        let made: Value = register.form(&endpoint).send().await.unwrap().json().await.unwrap();
        let settings = [
            ("PAYLINKS_GRPC_LISTEN", grpc.clone()),
            ("PAYLINKS_HTTP_LISTEN", web),
            ("PAYLINKS_CONFIG", config.display().to_string()),
            ("PAYLINKS_DATA_DIR", config.with_file_name(name).display().to_string()),
            ("DATABASE_URL", database_url.to_owned()),
            ("STRIPE_API_KEY", KEY.to_owned()),
            ("STRIPE_API_BASE", format!("http://{}/", provider.address)),
            ("STRIPE_WEBHOOK_SECRET", made["secret"].as_str().unwrap().to_owned()),
        ];
        let environment: Vec<_> = settings.map(|(name, value)| (name.to_owned(), value)).into();
        let log = config.with_file_name(format!("{name}.log"));
        let child = run_replica(&environment, &log).await;
        let channel = Channel::from_shared(format!("http://{grpc}")).unwrap().connect_lazy();
        Self { child, environment, log, channel }
    }
}

async fn run_replica(environment: &[(String, String)], log: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
    spawn(environment, log.into()).await.0
}

async fn run_provider(address: &str, state_file: &Path) -> Child {
    let mut command = paylinks(&[]);
    command.args(["sandbox", "--listen", address, "--state-file"]).arg(state_file).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let greeting = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
    assert!(greeting.is_some_and(|line| line.contains(address)), "the provider did not start");
    child
}

/// Ports of loopback that stay free while their process is away: none of those that connections are given.
fn free_ports() -> [u16; 2] {
    let mut found = Vec::new();
    while found.len() < 2 {
        found.extend(std::net::TcpListener::bind(("127.0.0.1", fastrand::u16(20_000..32_000))));
    }
    [0, 1].map(|index: usize| found[index].local_addr().unwrap().port())
}

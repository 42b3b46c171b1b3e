//! The service under measurement: the release binary, in a process of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// The longest that a start may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What webhooks are signed with.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_measured";

/// A running service, which ends with its handle.
pub(crate) struct Service {
    child: Child,
    _directory: TempDir,
    pub(crate) pid: u32,
    pub(crate) grpc: String,
    pub(crate) http: String,
    pub(crate) token: String,
}

impl Service {
    /// Starts it on PostgreSQL, as in production: behind API keys, with its log, charging by what listens at `provider`.
    pub(crate) async fn start(binary: &Path, database: &str, provider: &str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let config = directory.path().join("paylinks.toml");
        // The limit of calls is the provider's, and not what is measured.
        let text = "access = \"api_keys\"\nreconcile_every_seconds = 86400\n\
                    [providers.stripe]\ncalls_per_second_max = 100000\n\
                    [[sellers]]\nid = \"acme\"\nname = \"Acme AB\"\ncountry = \"SE\"\nline1 = \"Storgatan 1\"\n\
                    postal_code = \"111 22\"\ncity = \"Stockholm\"\ntax_ids = [\"SE556000000101\"]\n\
                    tax_registrations = [{ country = \"SE\" }]\ncurrency = \"SEK\"\n";
        std::fs::write(&config, text)?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(binary);
            command.args(arguments).arg("--config").arg(&config).args(["--database-url", database]);
            command.env("STRIPE_API_KEY", "sk_test_measured").env("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET);
            command.env("STRIPE_API_BASE", provider).stdin(Stdio::null()).kill_on_drop(true);
            command
        };
        let log = std::fs::File::create(directory.path().join("log"))?;
        let mut serve = command(&["serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]);
        let mut child = serve.stdout(Stdio::piped()).stderr(log).spawn().context("the service can't be started")?;
        let pid = child.id().context("the service has ended")?;
        let [grpc, http] = addresses(child.stdout.take()).await?;
        // The first server makes the tables, and keys stand in one of them.
        let made = command(&["keys", "create", "--name", "bench", "--scope", "admin"]).output().await?;
        ensure!(made.status.success(), "no key could be made: {}", String::from_utf8_lossy(&made.stderr));
        let told = String::from_utf8(made.stdout)?;
        let token = told.lines().find_map(|line| line.strip_prefix("token"));
        let token = token.with_context(|| format!("no token in {told}"))?.trim().to_owned();
        Ok(Self { child, _directory: directory, pid, grpc, http, token })
    }

    /// Ends it as an operator does.
    pub(crate) async fn stop(mut self) -> Result<()> {
        terminate(&mut self.child).await
    }
}

/// Asks a process to stop, and waits until it has.
async fn terminate(child: &mut Child) -> Result<()> {
    let pid = child.id().context("it has ended by itself")?.to_string();
    ensure!(Command::new("kill").args(["-TERM", &pid]).status().await?.success(), "{pid} can't be stopped");
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await.context("it does not stop")??;
    ensure!(ended.success(), "it ended with {ended}");
    Ok(())
}

/// Where gRPC and HTTP listen, as it tells once it is ready.
async fn addresses(stdout: Option<ChildStdout>) -> Result<[String; 2]> {
    let mut lines = BufReader::new(stdout.context("it has no output")?).lines();
    let mut found = [String::new(), String::new()];
    let greeting = async {
        while let Some(line) = lines.next_line().await? {
            for (address, name) in found.iter_mut().zip(["gRPC", "HTTP"]) {
                if let Some(rest) = line.trim().strip_prefix(name) {
                    *address = rest.split_whitespace().next().unwrap_or_default().to_owned();
                }
            }
            if line.starts_with("Try:") {
                return Ok(());
            }
        }
        bail!("it ended before it was ready");
    };
    tokio::time::timeout(PATIENCE, greeting).await.context("it is not ready")??;
    Ok(found)
}

/// Starts it on SQLite as it is by default, with its sandbox, and answers how long its first answer took, in milliseconds.
pub(crate) async fn first_answer_ms(binary: &Path, data: &Path) -> Result<f64> {
    let mut command = Command::new(binary);
    command.args(["serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]);
    command.args(["--sandbox-listen", "127.0.0.1:0", "--data-dir"]).arg(data).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn()?;
    let [grpc, _] = addresses(child.stdout.take()).await?;
    let channel = crate::clients::connect(&grpc).await?;
    crate::clients::list_products(channel).await?;
    let took = began.elapsed();
    terminate(&mut child).await?;
    Ok(took.as_secs_f64() * 1e3)
}

/// A sandbox in a process of its own, which ends with its handle.
pub(crate) struct Sandbox {
    _child: Child,
    pub(crate) pid: u32,
    pub(crate) url: String,
}

impl Sandbox {
    pub(crate) async fn start(binary: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["sandbox", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).kill_on_drop(true);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let pid = child.id().context("the sandbox has ended")?;
        let mut lines = BufReader::new(child.stdout.take().context("it has no output")?).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await??.context("the sandbox has ended")?;
        let url = line.split_once("listens on ").and_then(|(_, rest)| rest.split_once(". "));
        let url = url.with_context(|| format!("no address in {line}"))?.0.to_owned();
        Ok(Self { _child: child, pid, url })
    }
}

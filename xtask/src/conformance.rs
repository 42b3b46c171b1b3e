//! `cargo xtask conformance`: Stripe's official SDK against the sandbox, unchanged but for the base address, and
//! Schemathesis against the JSON face and its description.

use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::repo::{self, Running};

/// The SDK that is installed.
const SDK: &str = "stripe==16.1.0";
/// The tester of descriptions that is installed.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server that Schemathesis meets: by key alone, so that a call without one is seen to be refused.
const CONFIG: &str = "access = \"api_keys\"\n[[sellers]]\nid = \"acme\"\nname = \"Acme AB\"\ncountry = \"SE\"\n\
    currency = \"SEK\"\ntax_registrations = [{ country = \"SE\" }]\n";

pub(crate) fn run() -> Result<()> {
    repo::run(repo::cargo().args(["build", "--locked", "-p", "server"]))?;
    let programs = install()?;
    sandbox(&programs)?;
    json_face(&programs)
}

/// Installs what drives the servers; answers where its programs are.
fn install() -> Result<PathBuf> {
    let environment = repo::target().join("conformance/python");
    let programs = environment.join("bin");
    let python = programs.join("python3");
    if !python.is_file() {
        repo::run(repo::command("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SDK, SCHEMATHESIS];
    repo::run(repo::command(&python).args(pip))?;
    Ok(programs)
}

/// The SDK against the sandbox.
fn sandbox(programs: &Path) -> Result<()> {
    let port = repo::free_port()?;
    let mut sandbox = repo::command(binary());
    sandbox.args(["sandbox", "--listen", &format!("127.0.0.1:{port}")]);
    let _sandbox = Running(sandbox.spawn()?);
    wait_for(port)?;
    let scripts = repo::root().join("xtask/conformance/stripe_python");
    let table = repo::root().join("crates/stripe-sandbox/data/params.json");
    // -B: nothing compiled is left among the scripts.
    let mut python = repo::command(programs.join("python3"));
    repo::run(python.arg("-B").arg(scripts).arg(format!("http://127.0.0.1:{port}")).arg(table))
}

/// Schemathesis against the JSON face: whatever it sends, each answer is one that `openapi.json` describes.
fn json_face(programs: &Path) -> Result<()> {
    let directory = repo::target().join("conformance/json");
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    std::fs::create_dir_all(&directory)?;
    let config = directory.join("paylinks.toml");
    std::fs::write(&config, CONFIG)?;
    let port = repo::free_port()?;
    let paylinks = |arguments: &[&str]| {
        let mut command = repo::command(binary());
        // Nothing of the caller's own settings.
        for name in ["DATABASE_URL", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE"] {
            command.env_remove(name);
        }
        let listens = [("GRPC", 0), ("HTTP", port), ("SANDBOX", 0)];
        command.envs(listens.map(|(name, port)| (format!("PAYLINKS_{name}_LISTEN"), format!("127.0.0.1:{port}"))));
        command.env("PAYLINKS_DATA_DIR", &directory).env("PAYLINKS_CONFIG", &config).env("PAYLINKS_LOG", "error");
        command.args(arguments);
        command
    };
    let _server = Running(paylinks(&["serve"]).stdout(Stdio::null()).spawn()?);
    wait_for(port)?;
    let told = repo::output(&mut paylinks(&["keys", "create", "--name", "schemathesis", "--scope", "write"]))?;
    let token = told.lines().find_map(|line| line.strip_prefix("token ")).context("no token was told")?.trim();
    let mut schemathesis = repo::command(programs.join("schemathesis"));
    schemathesis.arg("--config-file").arg(repo::root().join("xtask/conformance/schemathesis.toml"));
    schemathesis.args(["run", &format!("http://127.0.0.1:{port}/openapi.json"), "--checks", "all"]);
    // Both ways to present the key, since it would make up the one that is not given.
    schemathesis.args(["-H", &format!("X-API-Key: {token}"), "-H", &format!("Authorization: Bearer {token}")]);
    // What it keeps between runs goes with the directory.
    repo::run(schemathesis.current_dir(&directory))
}

fn binary() -> PathBuf {
    repo::target().join("debug/paylinks")
}

/// Waits until something listens.
fn wait_for(port: u16) -> Result<()> {
    let began = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if began.elapsed() > PATIENCE {
            bail!("the server did not answer in time");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

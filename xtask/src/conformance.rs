//! `cargo xtask conformance`: Stripe's official SDK against the sandbox, unchanged but for the base address.

use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::repo::{self, Running};

/// The SDK that is installed.
const SDK: &str = "stripe==16.1.0";
/// How long the sandbox may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn run() -> Result<()> {
    repo::run(repo::cargo().args(["build", "--locked", "-p", "server"]))?;
    let environment = repo::target().join("conformance/python");
    let python = environment.join("bin/python3");
    if !python.is_file() {
        repo::run(repo::command("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    repo::run(repo::command(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SDK]))?;
    let port = repo::free_port()?;
    let mut sandbox = repo::command(repo::target().join("debug/paylinks"));
    sandbox.args(["sandbox", "--listen", &format!("127.0.0.1:{port}")]);
    let _sandbox = Running(sandbox.spawn()?);
    wait_for(port)?;
    let script = repo::root().join("xtask/conformance/stripe_python.py");
    repo::run(repo::command(&python).arg(script).arg(format!("http://127.0.0.1:{port}")))
}

/// Waits until something listens.
fn wait_for(port: u16) -> Result<()> {
    let began = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if began.elapsed() > PATIENCE {
            bail!("the sandbox did not answer in time");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

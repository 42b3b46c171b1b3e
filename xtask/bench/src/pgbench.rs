//! pgbench: the database alone, asked the same.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::statements::Script;

/// Runs a script with so many clients for so many seconds; how often it was done a second.
pub(crate) async fn per_second(
    program: &Path,
    database: &str,
    script: &Script,
    clients: u64,
    seconds: u64,
) -> Result<f64> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &script.text)?;
    let mut command = Command::new(program);
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--file"]).arg(file.path());
    command.arg(format!("--client={clients}")).arg(format!("--time={seconds}"));
    for (name, value) in &script.variables {
        command.arg(format!("--define={name}={value}"));
    }
    let output = command.arg(database).stdin(Stdio::null()).output().await?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    parse(&told).with_context(|| format!("pgbench tells no rate: {told}"))
}

fn parse(told: &str) -> Option<f64> {
    let line = told.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read() {
        let told = "latency average = 1.2 ms\ntps = 1234.5 (without initial connection time)\n";
        assert_eq!((parse(told), parse("")), (Some(1234.5), None));
    }
}

//! `cargo xtask bench`: builds the service as it is released, sets up a PostgreSQL that syncs to its disk, and has the program
//! in `xtask/bench` measure.

use anyhow::{Context, Result};

use crate::postgres::Cluster;
use crate::repo;

pub(crate) fn run(only: Option<&str>, json: bool, rounds: u32, rows: u64) -> Result<()> {
    // Each by itself: together, the service could get features that only what measures it asks for.
    for package in ["server", "bench"] {
        repo::run(repo::cargo().args(["build", "--release", "--locked", "--quiet", "--package", package]))?;
    }
    let cluster = Cluster::start_for_measuring()?;
    let program = |name: &str| repo::target().join("release").join(name);
    let mut bench = repo::command(program("bench"));
    bench.arg("run").arg("--binary").arg(program("paylinks")).arg("--postgres").arg(&cluster.url);
    bench.arg("--postgres-log").arg(cluster.log()).arg("--pgbench").arg(cluster.program("pgbench"));
    bench.args(["--rounds", &rounds.to_string(), "--rows", &rows.to_string()]);
    if let Some(only) = only {
        bench.args(["--only", only]);
    }
    if json {
        bench.arg("--json");
    }
    let measured = repo::run(&mut bench);
    drop(cluster);
    measured.context("bench")
}

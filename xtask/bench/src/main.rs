//! The program behind `cargo xtask bench`, which builds it and sets up what it compares with.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use bench::{Setup, yardstick};
use clap::{Parser, Subcommand};

/// Measures the service.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure, and print one line a figure.
    Run {
        /// The release binary of the service.
        #[arg(long)]
        binary: PathBuf,
        /// A PostgreSQL server that syncs to its disk, by the URL of one of its databases.
        #[arg(long)]
        postgres: String,
        /// What that server logs to.
        #[arg(long)]
        postgres_log: PathBuf,
        /// The program of that name.
        #[arg(long)]
        pgbench: PathBuf,
        /// The figures whose names contain this; all where absent.
        #[arg(long)]
        only: Option<String>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        /// How often each pair is measured; medians are told.
        #[arg(long, default_value_t = 5)]
        rounds: u32,
        /// How many links the table of the long list has.
        #[arg(long, default_value_t = 10_000_000)]
        rows: u64,
    },
    /// Serve `GetPaymentLink` in the simplest way there is, to compare with.
    Yardstick {
        /// The database.
        #[arg(long)]
        database: String,
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Run { binary, postgres, postgres_log, pgbench, only, json, rounds, rows } => {
            bench::run(&Setup { binary, postgres, postgres_log, pgbench, only, json, rounds, rows }).await
        }
        Command::Yardstick { database, listen } => yardstick::serve(&database, listen).await,
    }
}

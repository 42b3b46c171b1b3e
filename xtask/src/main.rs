//! The repository's own tool: `cargo xtask test | check | codegen | conformance | torture | bench | new-provider`.

mod abilities;
mod bench;
mod browser;
mod check;
mod codegen;
mod conformance;
mod deny;
mod new_provider;
mod node;
mod pdf_tools;
mod postgres;
mod python;
mod reference;
mod repo;
mod rules;
mod test;
mod torture;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The repository's own tool.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up what the tests need (PostgreSQL, a browser), and run them all.
    Test {
        /// Arguments for the test runner, behind `--`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check form, lints, layers, generated code, the proto, dependencies and docs.
    Check,
    /// Generate the code of `crates/api-proto` from `proto/`, the README's table of what providers can do, and the reference of
    /// all settings.
    Codegen {
        /// Only say whether what is committed is fresh.
        #[arg(long)]
        check: bool,
    },
    /// Drive the sandbox with Stripe's official SDKs and the JSON face with Schemathesis, hold tax to what others publish, and
    /// run the examples for callers.
    Conformance {
        /// What of it; all where absent.
        parts: Vec<conformance::Part>,
    },
    /// Kill servers under load while their provider fails, in loops, and audit the books after every twenty.
    Torture {
        /// How many loops, of a second or two each; every twenty take half a minute more until all has settled.
        #[arg(long, default_value_t = 100)]
        loops: u32,
        /// What the plan follows from; drawn where absent.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Measure how fast the service is beside what it is compared with, and print one line a figure.
    Bench {
        /// The figures whose names contain this; all where absent.
        #[arg(long)]
        only: Option<String>,
        /// One JSON object a line: `figure`, `unit`, `ours`, `yardstick`, `ratio`, `goal`, `met`, `note`.
        #[arg(long)]
        json: bool,
        /// How often each pair is measured; medians are told.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
        /// How many links the table of the long list has; ten million take some minutes to make, and 5 GB.
        #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
        rows: u64,
    },
    /// Make the crate of another payment provider, whose contract is still to be kept, and say what remains to be done.
    NewProvider {
        /// What it is called: letters, digits and hyphens.
        name: String,
    },
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Test { arguments } => test::run(&arguments),
        Command::Check => check::run(),
        Command::Codegen { check } => {
            codegen::run(check)?;
            abilities::run(check)?;
            reference::run(check)
        }
        Command::Conformance { parts } => conformance::run(&parts),
        Command::Torture { loops, seed } => torture::run(loops, seed),
        Command::Bench { only, json, rounds, rows } => bench::run(only.as_deref(), json, rounds, rows),
        Command::NewProvider { name } => new_provider::run(&name),
    }
}

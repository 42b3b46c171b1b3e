//! The repository's own tool: `cargo xtask test | check | codegen | conformance | torture | new-provider`.

mod abilities;
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
        Command::NewProvider { name } => new_provider::run(&name),
    }
}

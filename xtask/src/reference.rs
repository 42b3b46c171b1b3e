//! Holds the committed reference of all settings to what the binary says of them.

use std::fs;

use anyhow::{Result, bail};

use crate::repo;

/// Where it is, in the repository.
const PATH: &str = "crates/server/CONFIGURATION.md";

/// Writes the reference; with `check`, only says whether what is there is fresh.
pub(crate) fn run(check: bool) -> Result<()> {
    let arguments = ["run", "--quiet", "--locked", "--package", "server", "--", "config", "reference"];
    let fresh = repo::output(repo::cargo().args(arguments))?;
    let path = repo::root().join(PATH);
    if fs::read_to_string(&path).is_ok_and(|committed| committed == fresh) {
        return Ok(());
    }
    if check {
        bail!("{PATH} is stale: run `cargo xtask codegen`");
    }
    Ok(fs::write(path, fresh)?)
}

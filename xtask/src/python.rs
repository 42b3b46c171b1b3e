//! Python environments of our own, below the target directory.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::repo;

/// Makes the environment of this name, or finds it, with these packages; answers where its programs are.
pub(crate) fn environment(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let environment = repo::target().join(name);
    let programs = environment.join("bin");
    let python = programs.join("python3");
    if !python.is_file() {
        // Debian has Python without what makes environments.
        if repo::output(repo::command("python3").args(["-c", "import ensurepip, venv"])).is_err() {
            repo::apt_install(&["python3-venv"]).context("python3 with its module venv is needed")?;
        }
        repo::run(repo::command("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    repo::run(repo::command(&python).args(pip).args(packages))?;
    Ok(programs)
}

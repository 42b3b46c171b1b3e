//! `cargo xtask check`: everything about the repository that a machine can tell.

use std::process::Command;

use anyhow::{Context, Result};

use crate::node::Node;
use crate::{abilities, codegen, deny, reference, repo, rules};

/// The linter of protos; its npm package carries its binary.
const BUF: &str = "@bufbuild/buf@1.75.0";

/// A check and its name.
type Step = (&'static str, fn() -> Result<()>);

pub(crate) fn run() -> Result<()> {
    let steps: [Step; 11] = [
        ("form", || repo::run(repo::cargo().args(["fmt", "--all", "--check"]))),
        ("layers", rules::check_layers),
        ("dependencies", deny::check),
        ("rules of the repository", rules::check_files),
        ("generated code", || codegen::run(true)),
        ("table of abilities", || abilities::run(true)),
        ("reference of settings", || reference::run(true)),
        ("proto", proto),
        ("alerts", alerts),
        ("lints", || {
            repo::run(repo::cargo().args([
                "clippy",
                "--locked",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]))
        }),
        ("docs", || {
            // They are for those who work on the code, so links to private items lead somewhere.
            let docs = ["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"];
            repo::run(repo::cargo().args(docs).env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links"))
        }),
    ];
    for (name, step) in steps {
        repo::say(&format!("checking {name}"));
        step().with_context(|| format!("check of {name}"))?;
    }
    repo::say("every check passed");
    Ok(())
}

/// Prometheus' own judgement of the alerts; what they ask for is held to the table of metrics by a test.
fn alerts() -> Result<()> {
    let promtool = match repo::find("promtool") {
        Some(promtool) => promtool,
        None => match repo::apt_install(&["prometheus"]) {
            Ok(()) => repo::find("promtool").context("prometheus was installed, and promtool is not to be found")?,
            Err(error) if repo::is_ci() => return Err(error.context("in CI nothing may be skipped")),
            Err(error) => {
                repo::say(&format!("skipped: promtool: {error:#}"));
                return Ok(());
            }
        },
    };
    repo::run(repo::command(&promtool).args(["check", "rules", "--lint-fatal", "crates/server/ops/alerts.yaml"]))
}

/// `buf lint`, and `buf breaking` against the contract that callers have.
fn proto() -> Result<()> {
    let Some(buf) = buf()? else { return Ok(()) };
    let proto = repo::root().join("proto");
    repo::run(buf().arg("lint").arg(&proto))?;
    let Some(base) = proto_base()? else {
        repo::say("buf breaking has nothing to compare with yet");
        return Ok(());
    };
    let before = repo::target().join("buf-before");
    if before.exists() {
        std::fs::remove_dir_all(&before)?;
    }
    std::fs::create_dir_all(&before)?;
    let archive = before.join("proto.tar");
    repo::run(repo::command("git").args(["archive", "--output"]).arg(&archive).args([&base, "proto"]))?;
    repo::run(repo::command("tar").arg("-xf").arg(&archive).arg("-C").arg(&before))?;
    repo::run(buf().arg("breaking").arg(&proto).arg("--against").arg(before.join("proto")))
}

/// The commit whose protos callers may have: the last release; else where this branch left the main one; else the last
/// one whose protos are others.
fn proto_base() -> Result<Option<String>> {
    let git = |arguments: &[&str]| {
        let told = repo::output(repo::command("git").args(arguments)).ok()?;
        Some(told.trim().to_owned()).filter(|told| !told.is_empty())
    };
    if git(&["rev-parse", "--is-shallow-repository"]).as_deref() == Some("true") {
        repo::say("skipped: buf breaking, since the clone is shallow");
        return Ok(None);
    }
    let head = git(&["rev-parse", "HEAD"]);
    let is_changed = git(&["status", "--porcelain", "--", "proto"]).is_some();
    let left = git(&["merge-base", "HEAD", "origin/main"]).filter(|base| is_changed || head.as_ref() != Some(base));
    let candidates = [
        git(&["describe", "--tags", "--abbrev=0"]),
        left,
        head.filter(|_| is_changed),
        git(&["rev-list", "-1", "HEAD", "--", "proto"]).map(|last| format!("{last}^")),
    ];
    let has_proto =
        |base: &String| git(&["rev-parse", "--verify", "--quiet", &format!("{base}:proto/buf.yaml")]).is_some();
    Ok(candidates.into_iter().flatten().find(has_proto))
}

/// How buf is run: it is a program of Node where it is not on the path.
fn buf() -> Result<Option<Box<dyn Fn() -> Command>>> {
    if let Some(buf) = repo::find("buf") {
        return Ok(Some(Box::new(move || repo::command(&buf))));
    }
    let node = match Node::find() {
        Ok(node) => node,
        Err(error) if repo::is_ci() => return Err(error.context("in CI nothing may be skipped")),
        Err(error) => {
            repo::say(&format!("skipped: buf: {error:#}"));
            return Ok(None);
        }
    };
    let tools = repo::target().join("tools");
    let buf = tools.join("node_modules/.bin/buf");
    if !buf.is_file() {
        std::fs::create_dir_all(&tools)?;
        let install = ["install", "--silent", "--no-audit", "--no-fund", "--prefix"];
        repo::run(node.command("npm").args(install).arg(&tools).arg(BUF))?;
    }
    Ok(Some(Box::new(move || node.command(&buf))))
}

//! Where things are, and how other programs are run.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use anyhow::{Context, Result, bail};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// Where what is built or installed goes.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program, run at the root of the repository, without standard input.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(std::process::Stdio::null());
    command
}

/// Cargo, the one that runs us, told as little of us as when it is called by hand: build scripts look at the names of the
/// package that is run, and what they build would be built anew at each change from one to the other.
pub(crate) fn cargo() -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Where a program is, if it is at hand.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file())
}

/// Runs a program; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} could not be run"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

/// What a program prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?} could not be run"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether we run as root, and so can install packages.
pub(crate) fn is_root() -> bool {
    output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Installs Debian packages.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    if find("apt-get").is_none() || !is_root() {
        bail!("{} must be installed, and only root with apt-get can", packages.join(" and "));
    }
    say(&format!("installing {}", packages.join(", ")));
    let quiet = |command: &mut Command| {
        run(command.env("DEBIAN_FRONTEND", "noninteractive").stdout(std::process::Stdio::null()))
    };
    quiet(command("apt-get").args(["update", "-qq"]))?;
    quiet(command("apt-get").args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages))
}

/// A port of loopback that nothing listens on now. It is none of those that connections are given, so it stays free while
/// whoever listens there is started again.
pub(crate) fn free_port() -> Result<u16> {
    let mut tried = (0..100).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, fastrand::u16(20_000..32_000))));
    let listener = tried.find_map(std::io::Result::ok).context("every port of loopback is taken")?;
    Ok(listener.local_addr()?.port())
}

/// Whether a run in CI, where nothing may be skipped.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| !ci.is_empty())
}

/// Tells what is going on.
pub(crate) fn say(text: &str) {
    // Where nobody listens, nothing is lost.
    let _ = writeln!(std::io::stdout(), "xtask: {text}");
}

/// A process that ends with its handle.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

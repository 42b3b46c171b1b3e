//! A private PostgreSQL cluster for the tests and for what is measured, which ends with them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::repo;

/// The variable by which a test finds its server; a server of one's own can be named by it.
pub(crate) const URL: &str = "PAYLINKS_TEST_DATABASE_URL";

/// The variables by which the test that kills its server finds it, and the words of the command that stops and starts it.
pub(crate) const OUTAGE_URL: &str = "PAYLINKS_TEST_OUTAGE_DATABASE_URL";
pub(crate) const OUTAGE_PG_CTL: &str = "PAYLINKS_TEST_OUTAGE_PG_CTL";

/// The variable by which tests find PostgreSQL's own programs, as for backups.
pub(crate) const PROGRAMS: &str = "PAYLINKS_TEST_PG_PROGRAMS";

/// A cluster that is stopped and removed with its handle.
pub(crate) struct Cluster {
    bin: PathBuf,
    directory: PathBuf,
    user: Option<String>,
    pub(crate) url: String,
}

/// What the configuration of a cluster is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Durability is the product's concern, not the tests'.
    Tests,
    /// What is measured syncs to the disk, as in production.
    Measuring,
}

impl Purpose {
    const fn settings(self) -> &'static str {
        match self {
            Self::Tests => "fsync = off\nfull_page_writes = off\nmax_connections = 300\nshared_buffers = 128MB\n",
            // Enough between checkpoints that none of them is what is measured, and names in English, which are read.
            Self::Measuring => {
                "fsync = on\nmax_connections = 300\nshared_buffers = 512MB\nmax_wal_size = 8GB\nlc_messages = 'C'\n"
            }
        }
    }
}

impl Cluster {
    /// Finds or installs PostgreSQL, makes a cluster for tests and starts it.
    pub(crate) fn start() -> Result<Self> {
        Self::start_for(Purpose::Tests)
    }

    /// The same, for what is measured.
    pub(crate) fn start_for_measuring() -> Result<Self> {
        Self::start_for(Purpose::Measuring)
    }

    fn start_for(purpose: Purpose) -> Result<Self> {
        let bin = match find() {
            Some(bin) => bin,
            None => {
                repo::apt_install(&["postgresql"])?;
                find().context("PostgreSQL was installed, and is not to be found")?
            }
        };
        let user = unprivileged_user()?;
        let port = repo::free_port()?;
        // Not below the target directory: another user must be able to get there.
        let directory = std::env::temp_dir().join(format!("paylinks-postgres-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        if let Some(user) = &user {
            repo::run(repo::command("chown").arg(user).arg(&directory))?;
        }
        let cluster = Self { bin, directory, user, url: format!("postgres://paylinks@127.0.0.1:{port}/postgres") };
        cluster.initialize(port, purpose)?;
        Ok(cluster)
    }

    fn initialize(&self, port: u16, purpose: Purpose) -> Result<()> {
        let data = self.directory.join("data");
        let quiet = |command: &mut Command| repo::run(command.stdout(std::process::Stdio::null()));
        quiet(self.tool("initdb").arg("-D").arg(&data).args([
            "-A",
            "trust",
            "-U",
            "paylinks",
            "-E",
            "UTF8",
            "--no-sync",
        ]))?;
        let settings = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n{}",
            purpose.settings()
        );
        // The file is the other user's, whom root may write for.
        let file = std::fs::File::options().append(true).open(data.join("postgresql.conf"));
        std::io::Write::write_all(&mut file?, settings.as_bytes())?;
        let [program, arguments @ ..] = &self.pg_ctl()[..] else { bail!("there is no pg_ctl") };
        quiet(repo::command(program).args(arguments).current_dir(&self.directory).arg("start"))
    }

    /// The directory of PostgreSQL's programs.
    pub(crate) fn programs(&self) -> &Path {
        &self.bin
    }

    /// The words of a command that starts or stops the cluster, as the word behind them says, and waits until it has.
    pub(crate) fn pg_ctl(&self) -> Vec<String> {
        let tool = self.tool("pg_ctl");
        let words = std::iter::once(tool.get_program()).chain(tool.get_args());
        let mut words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        let data = self.directory.join("data").display().to_string();
        words.extend(["-w", "-D", &data, "-l", &self.log().display().to_string()].map(str::to_owned));
        words
    }

    /// What it logs to.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Where a program of PostgreSQL's is.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// A tool of PostgreSQL, run by a user that it accepts: it refuses root.
    fn tool(&self, name: &str) -> Command {
        let path = self.bin.join(name);
        let mut command = match &self.user {
            Some(user) => {
                let mut command = repo::command("runuser");
                command.args(["-u", user, "--"]).arg(path);
                command
            }
            None => repo::command(path),
        };
        command.current_dir(&self.directory);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.directory.join("data");
        let mut stop = self.tool("pg_ctl");
        stop.arg("-D").arg(data).args(["-m", "immediate", "-w", "stop"]).stdout(std::process::Stdio::null());
        if let Err(error) = repo::run(&mut stop) {
            repo::say(&format!("the cluster could not be stopped: {error:#}"));
        }
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            repo::say(&format!("{} could not be removed: {error}", self.directory.display()));
        }
    }
}

/// The directory of `initdb` and `pg_ctl`: on the path, or the newest where Debian puts them.
fn find() -> Option<PathBuf> {
    let complete = |directory: &Path| directory.join("initdb").is_file() && directory.join("pg_ctl").is_file();
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|entry| entry.path().join("bin")).filter(|path| complete(path)).collect();
    found.sort();
    let on_path =
        || repo::find("initdb").and_then(|path| path.parent().map(Path::to_owned)).filter(|path| complete(path));
    found.pop().or_else(on_path)
}

fn unprivileged_user() -> Result<Option<String>> {
    if !repo::is_root() {
        return Ok(None);
    }
    for user in ["postgres", "nobody"] {
        if repo::output(repo::command("id").arg(user)).is_ok() {
            return Ok(Some(user.to_owned()));
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is no other user");
}

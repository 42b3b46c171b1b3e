//! `paylinks`: the service, and the commands of its operator.

mod at_rest;
mod config;
mod doctor;
mod keys;
mod logs;
mod measured;
mod notifications;
mod registry;
mod running;
mod system;
mod traces;
mod unanswered;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::Config;
use crate::running::Running;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Invoices, tax, payment links and payments for internal services, over gRPC.
#[derive(Parser)]
#[command(name = "paylinks", version, after_help = logs::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service. Without any setting: SQLite in ./data, the sandbox inside, loopback only.
    #[command(after_help = registry::environment_help())]
    Serve(Settings),
    /// Run the service for a moment, and play the whole story against it.
    Demo,
    /// Run the sandbox alone.
    Sandbox {
        /// Where to listen; loopback alone.
        #[arg(long, default_value = "127.0.0.1:12111")]
        listen: SocketAddr,
        /// A file in which the state outlives the process.
        #[arg(long)]
        state_file: Option<PathBuf>,
    },
    /// Manage API keys.
    Keys {
        #[command(subcommand)]
        command: keys::KeysCommand,
    },
    /// Look after notifications of providers that could not be processed.
    Notifications {
        #[command(subcommand)]
        command: notifications::NotificationsCommand,
    },
    /// Check a deployment, and say what to mend: settings, database, providers, webhooks, certificates, mail. Changes nothing;
    /// ends with 1 where anything fails.
    Doctor {
        /// One JSON object a line: `check`, `verdict` (ok, warn, fail), `told`, and `mend` where there is something to do.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Look after refunds of which no call finds out any more whether they were made.
    UnansweredRefunds {
        #[command(subcommand)]
        command: unanswered::UnansweredCommand,
    },
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Write a script for a shell that completes commands and flags, to be sourced.
    Completions {
        /// The shell.
        shell: Shell,
    },
    // What calls a server, on behalf of a person or a script.
    #[command(flatten)]
    Client(cli::ClientCommand),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check the configuration without running anything.
    Check(Box<Settings>),
    /// Tell what each provider can do that can be configured.
    Providers,
    /// Tell every setting there is, as Markdown.
    Reference,
}

/// Settings of the command line and of the environment; they come before those of the file. All are texts: they are parsed
/// with the file, so that everything wrong is told at once, and an empty one counts as absent.
#[derive(Args, Clone, Default)]
struct Settings {
    /// The configuration file (TOML).
    #[arg(long, env = "PAYLINKS_CONFIG", value_name = "FILE")]
    config: Option<String>,
    /// Where gRPC listens [default: 127.0.0.1:50051].
    #[arg(long, env = "PAYLINKS_GRPC_LISTEN", value_name = "IP:PORT")]
    grpc_listen: Option<String>,
    /// Where HTTP listens, for webhooks, the JSON endpoints, hosted invoices, health and metrics [default: 127.0.0.1:8080].
    #[arg(long, env = "PAYLINKS_HTTP_LISTEN", value_name = "IP:PORT")]
    http_listen: Option<String>,
    /// Where the world reaches the HTTP listener, for URLs of hosted invoices [default: http:// and the HTTP listener].
    #[arg(long, env = "PAYLINKS_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Where the sandbox listens, if it is used [default: 127.0.0.1:12111].
    #[arg(long, env = "PAYLINKS_SANDBOX_LISTEN", value_name = "IP:PORT")]
    sandbox_listen: Option<String>,
    /// Where SQLite and the sandbox keep their files [default: ./data].
    #[arg(long, env = "PAYLINKS_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: Option<String>,
    /// The database: postgres://… or sqlite://…; SQLite in the data directory if absent.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// A file that holds the database's URL.
    #[arg(long, env = "DATABASE_URL_FILE", value_name = "FILE")]
    database_url_file: Option<String>,
    /// The password of the mail server.
    #[arg(long, env = "PAYLINKS_MAIL_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    mail_password: Option<String>,
    /// A file that holds the password of the mail server.
    #[arg(long, env = "PAYLINKS_MAIL_PASSWORD_FILE", value_name = "FILE")]
    mail_password_file: Option<String>,
    /// Who takes traces, by OTLP over gRPC; none are made if absent.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// Which part of the traces that begin here is recorded, from 0 to 1 [default: 1].
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", value_name = "RATIO")]
    trace_sample_ratio: Option<String>,
    /// What the environment says of providers.
    #[arg(skip = registry::environment())]
    environment: BTreeMap<String, String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The demo and the doctor tell their own stories, and so do commands that call a server: only what goes wrong belongs
    // beside them.
    let tells_itself = matches!(cli.command, Command::Demo | Command::Doctor { .. } | Command::Client(_));
    let traces = match &cli.command {
        Command::Serve(settings) => Config::load_traces(settings),
        _ => None,
    };
    // rustls has no provider of cryptography by itself; an error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.context("the runtime can't be started").and_then(|runtime| {
        let exporter = traces.map(|traces| runtime.block_on(async { traces::Exporter::new(&traces) })).transpose()?;
        logs::init(if tells_itself { "warn" } else { logs::DEFAULT }, exporter.as_ref());
        let done = runtime.block_on(run(cli.command));
        // What is still to be sent is, for a moment.
        if let Some(exporter) = exporter {
            exporter.finish();
        }
        done
    });
    match done {
        Ok(code) => code,
        // Whoever read our output has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Written by hand: a backtrace says nothing to whoever mistyped a setting.
            let told = std::io::stderr().lock().write_all(format!("paylinks: {error:#}\n").as_bytes());
            // With standard error gone there is nobody to tell.
            drop(told);
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    kinds.into_iter().any(|kind| kind == std::io::ErrorKind::BrokenPipe)
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Client(command) => {
            return Ok(command.run(&mut std::io::stdout(), &mut std::io::stderr()).await.into());
        }
        Command::Doctor { json, settings } => return Box::pin(doctor::run(&settings, json)).await,
        Command::Completions { shell } => completions(shell),
        Command::Serve(settings) => serve(Config::load(&settings)?).await,
        Command::Demo => demo().await,
        Command::Sandbox { listen, state_file } => sandbox(listen, state_file).await,
        Command::Keys { command } => keys::run(command).await,
        Command::Notifications { command } => notifications::run(command).await,
        Command::UnansweredRefunds { command } => unanswered::run(command).await,
        Command::Config { command: ConfigCommand::Providers } => say(&registry::abilities()),
        Command::Config { command: ConfigCommand::Reference } => say(&config::reference()),
        Command::Config { command: ConfigCommand::Check(settings) } => {
            let config = Config::load(&settings)?;
            say(&config.summary())
        }
    }
    .map(|()| ExitCode::SUCCESS)
}

fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "paylinks", &mut script);
    say(&String::from_utf8(script)?)
}

async fn serve(config: Config) -> Result<()> {
    for (setting, told) in &config.warnings {
        tracing::warn!(setting, "{told}");
    }
    let running = Running::start(config).await?;
    running.log_ready();
    say(&running.greeting())?;
    running.run_until(system::wait_for_stop()).await
}

/// The story against a server of its own, in a directory that is gone afterwards.
async fn demo() -> Result<()> {
    let directory = std::env::temp_dir().join(format!("paylinks-demo-{}", std::process::id()));
    std::fs::create_dir_all(&directory).context("can't make a directory for the demo")?;
    let config = Config::for_demo(&directory)?;
    let told = async {
        let running = Running::start(config).await?;
        let told = cli::demo::run(&running.grpc_url(), &mut std::io::stdout()).await;
        running.stop().await;
        told
    };
    let told = told.await;
    std::fs::remove_dir_all(&directory).context("can't remove the demo's directory")?;
    told
}

async fn sandbox(listen: SocketAddr, state_file: Option<PathBuf>) -> Result<()> {
    let sandbox = registry::sandbox(listen, state_file).await?;
    let url = sandbox.url().as_str().trim_end_matches('/');
    say(&format!("The sandbox listens on {url}. Any key that begins with sk_test_ opens it. No money moves.\n"))?;
    system::wait_for_stop().await;
    sandbox.shutdown().await;
    Ok(())
}

/// Writes to standard output, plainly.
fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

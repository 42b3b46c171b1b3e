//! The log: to standard error, plain where there is no terminal or no wish for colours.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::traces::Exporter;

/// What a service logs where `PAYLINKS_LOG` says nothing.
pub(crate) const DEFAULT: &str = "info,sqlx=warn,sea_orm=warn,sea_orm_migration=warn,h2=warn,hyper=warn,tower=warn";

/// What `--help` says of the log.
pub(crate) const HELP: &str = "\
The log goes to standard error. PAYLINKS_LOG filters it, such as `info` or `warn,application=debug`;\n\
PAYLINKS_LOG_FORMAT=json makes it one object a line.";

/// Starts the log. `PAYLINKS_LOG` filters it, `default` where it says nothing; `PAYLINKS_LOG_FORMAT=json` makes it one object a line.
/// Spans also go to an exporter of traces, where there is one.
pub(crate) fn init(default: &str, exporter: Option<&Exporter>) {
    let wanted = std::env::var("PAYLINKS_LOG").ok().filter(|filter| !filter.is_empty());
    let parsed = wanted.as_deref().map(EnvFilter::try_new);
    let refused = matches!(parsed, Some(Err(_)));
    let filter = parsed.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(default));
    // It tells the values of parameters of the database's URL that it does not know, which may be secrets; `config` names them.
    let silent = "sqlx_postgres::options::parse=off".parse();
    let filter = silent.into_iter().fold(filter, EnvFilter::add_directive);
    let format = std::env::var("PAYLINKS_LOG_FORMAT").unwrap_or_default();
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        // Told on standard error too, which would panic in the middle of a call where that is what fails.
        .log_internal_errors(false);
    let log = if format == "json" { log.json().boxed() } else { log.boxed() };
    tracing_subscriber::registry().with(log.with_filter(filter)).with(exporter.map(Exporter::layer)).init();
    if refused {
        tracing::warn!("PAYLINKS_LOG is no filter, so it counts for nothing");
    }
    if !matches!(format.as_str(), "" | "json" | "text") {
        tracing::warn!("PAYLINKS_LOG_FORMAT must be json or text, so it counts for nothing");
    }
}

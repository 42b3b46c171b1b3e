//! The log: to standard error, plain where there is no terminal or no wish for colours.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What a service logs where `PAYLINKS_LOG` says nothing.
pub(crate) const DEFAULT: &str = "info,sqlx=warn,sea_orm=warn,sea_orm_migration=warn,h2=warn,hyper=warn,tower=warn";

/// Starts the log. `PAYLINKS_LOG` filters it, `default` where it says nothing; `PAYLINKS_LOG_FORMAT=json` makes it one object a line.
pub(crate) fn init(default: &str) {
    let filter = EnvFilter::try_from_env("PAYLINKS_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    if std::env::var("PAYLINKS_LOG_FORMAT").is_ok_and(|format| format == "json") {
        builder.json().init();
    } else {
        builder.init();
    }
}

//! The database's URL: what its query says, of which connecting tells less or too much.

use domain::validation::{Invalid, Validator};
use storage_sql::SqlConfig;
use url::Url;

use super::secrets::Warnings;
use super::tls::{read_certificates, read_key};

const FIELD: &str = "database_url";

/// Checks the URL and the files that it names. Paths are not repeated, since somebody may have put a key there instead; and
/// values of what is unknown are not, which may be secrets.
pub(super) fn check(v: &mut Validator, url: &str, warnings: &mut Warnings) {
    let config = SqlConfig::new(url);
    let is_fit = v.check(FIELD, config.check().map_err(|expected| Invalid::new("MALFORMED_URL", expected))).is_some();
    let is_postgres = url.starts_with("postgres");
    let Some(parsed) = Url::parse(url).ok().filter(|_| is_fit && is_postgres) else { return };
    let (mut has_certificate, mut has_key) = (false, false);
    for (name, value) in parsed.query_pairs() {
        let read = match name.as_ref() {
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => read_certificates(&value),
            "sslcert" | "ssl-cert" => {
                has_certificate = true;
                read_certificates(&value)
            }
            "sslkey" | "ssl-key" => {
                has_key = true;
                read_key(&value, (FIELD, warnings))
            }
            name if is_known(name) => continue,
            name => {
                // What is no name of libpq's may be the rest of a password.
                let named = LIBPQ.iter().find(|known| **known == name).map_or("another parameter", |known| known);
                let told = format!("{named} in it is not known here and does nothing: see whether it is misspelt");
                warnings.push((FIELD.to_owned(), told));
                continue;
            }
        };
        if let Err(invalid) = read {
            v.refuse(FIELD, Invalid::new(invalid.rule, format!("has {name}, which {}", invalid.expected)));
        }
    }
    // The environment may have the other one.
    let has_certificate = has_certificate || std::env::var_os("PGSSLCERT").is_some();
    let has_key = has_key || std::env::var_os("PGSSLKEY").is_some();
    if has_certificate != has_key {
        v.refuse(FIELD, Invalid::new("PAIR", "must have sslcert and sslkey together, or neither"));
    }
    if config.may_go_in_the_clear() {
        let told = "its sslmode lets customers' data go over the network in the clear: set sslmode=verify-full in its query, \
            and sslrootcert=… where the server's certificate is of an authority of your own";
        warnings.push((FIELD.to_owned(), told.to_owned()));
    }
}

/// What libpq knows and sqlx does not, as it comes in URLs that are meant for other programs.
const LIBPQ: [&str; 16] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "keepalives",
    "krbsrvname",
    "passfile",
    "require_auth",
    "service",
    "sslcompression",
    "sslcrl",
    "sslnegotiation",
    "sslpassword",
    "sslsni",
    "target_session_attrs",
];

/// Whether a parameter that names no file counts for something: those that sqlx reads.
fn is_known(name: &str) -> bool {
    let known = [
        "sslmode",
        "ssl-mode",
        "statement-cache-capacity",
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "password",
        "application_name",
        "options",
    ];
    known.contains(&name) || name.starts_with("options[")
}

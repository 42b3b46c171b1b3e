//! The way to a server: where it is, how it is trusted, and by which key it is called. A key comes from the environment or a
//! file, never from the command line, where every user of the machine can read it; and it is in no text that is written.

use std::net::IpAddr;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::fault::Fault;

/// How long a connection may be silent before it is asked whether it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The largest file of a key or of certificates, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// What is said where something answers that speaks no TLS.
const NO_TLS: &str = ": it speaks no TLS there; is it http://, or another port?";
/// The environment's variable of the key.
pub(crate) const API_KEY: &str = "PAYLINKS_API_KEY";

/// A server that can be called.
pub(crate) struct Connection {
    pub(crate) channel: Channel,
    /// How long a call may take.
    pub(crate) deadline: Duration,
    authorization: Option<MetadataValue<Ascii>>,
}

/// The arguments that every command has.
pub(crate) fn args() -> Vec<Arg> {
    let arg = |name: &'static str, variable: &'static str, value: &'static str, help: &'static str| {
        let arg = Arg::new(name).long(name).env(variable).hide_env_values(true);
        arg.value_name(value).help(help).help_heading("Connection")
    };
    let server = arg("server", "PAYLINKS_SERVER", "URL", "The server, as a URL or as HOST:PORT; https:// for TLS");
    let key = "A file with the API key; the key itself is in PAYLINKS_API_KEY otherwise, and never on a command line";
    let ca =
        "A file with the authorities, in PEM, that the server's certificate is trusted by; those of the web if absent";
    let deadline = "How long a call may take, such as 30s or 2m";
    vec![
        server.default_value("http://127.0.0.1:50051"),
        arg("api-key-file", "PAYLINKS_API_KEY_FILE", "FILE", key),
        arg("ca-file", "PAYLINKS_CA_FILE", "FILE", ca),
        arg("cert-file", "PAYLINKS_CERT_FILE", "FILE", "A file with our own certificate, in PEM").requires("key-file"),
        arg("key-file", "PAYLINKS_KEY_FILE", "FILE", "A file with the key of our certificate, in PEM")
            .requires("cert-file"),
        arg("deadline", "PAYLINKS_DEADLINE", "DURATION", deadline).default_value("30s"),
        Arg::new("insecure").long("insecure").action(ArgAction::SetTrue).help_heading("Connection").help(
            "Send the API key in the clear, over http:// beyond this machine, where everyone on the way can read it",
        ),
    ]
}

/// What the arguments say of the way to the server.
pub(crate) struct Settings {
    server: String,
    endpoint: Endpoint,
    deadline: Duration,
    authorization: Option<MetadataValue<Ascii>>,
}

impl Settings {
    /// Whether the key is sent in the clear beyond this machine, as it was consented to.
    pub(crate) fn exposes_key(&self) -> bool {
        self.authorization.is_some() && is_in_the_clear(&self.endpoint)
    }

    /// Reads the arguments, and the files that they name.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(crate) fn read(matches: &ArgMatches) -> Result<Self, Vec<String>> {
        let text = |name: &str| matches.get_one::<String>(name).filter(|text| !text.is_empty());
        let mut faults = Vec::new();
        let mut file = |name: &str| {
            let path = text(name)?;
            match crate::bounded::read_file(path, FILE_BYTES_MAX) {
                Ok(content) => Some(content),
                Err(error) => {
                    faults.push(format!("--{name} {path} can't be read: {error}"));
                    None
                }
            }
        };
        let (authorities, certificate, key) = (file("ca-file"), file("cert-file"), file("key-file"));
        let api_key = match text("api-key-file") {
            Some(_) => file("api-key-file").map(|content| ("the file of --api-key-file", content)),
            None => std::env::var(API_KEY).ok().filter(|key| !key.is_empty()).map(|key| (API_KEY, key)),
        };
        let deadline = text("deadline").map_or("30s", String::as_str);
        let deadline =
            crate::parse_duration(deadline).map_err(|expected| faults.push(format!("--deadline {expected}")));
        let authorization = api_key.and_then(|(place, key)| {
            let value = bearer(key.trim());
            if value.is_none() {
                faults.push(format!("{place} must have an API key, which begins with pl_"));
            }
            value
        });
        let server = with_scheme(text("server").map_or("http://127.0.0.1:50051", String::as_str));
        let endpoint = endpoint(&server, authorities, certificate.zip(key)).map_err(|expected| faults.push(expected));
        if authorization.is_some() && endpoint.as_ref().is_ok_and(is_in_the_clear) && !matches.get_flag("insecure") {
            let expected =
                "--server must be https://, since the API key would go there in the clear (--insecure consents to it)";
            faults.push(expected.to_owned());
        }
        match (endpoint, deadline) {
            (Ok(endpoint), Ok(deadline)) if faults.is_empty() => Ok(Self { server, endpoint, deadline, authorization }),
            _ => Err(faults),
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// The server can't be reached.
    pub(crate) async fn connect(self) -> Result<Connection, Fault> {
        let Self { server, endpoint, deadline, authorization } = self;
        let unreachable = |cause: String| Fault::Unreachable { server: server.clone(), cause, was_sent_before: false };
        let channel = match tokio::time::timeout(deadline, endpoint.connect()).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => {
                let cause = innermost(&error);
                // What no TLS speaker says, in rustls' words.
                let advice = if cause.contains("corrupt message") { NO_TLS } else { "" };
                return Err(unreachable(cause + advice));
            }
            Err(_) => return Err(unreachable("it does not answer".to_owned())),
        };
        Ok(Connection { channel, deadline, authorization })
    }
}

impl Connection {
    /// A request with the caller's key.
    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }
}

/// What shows a key to a server; nothing of what is no key, which is nobody else's to read.
fn bearer(key: &str) -> Option<MetadataValue<Ascii>> {
    let is_key =
        key.strip_prefix("pl_").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    let mut value: MetadataValue<Ascii> = Some(format!("Bearer {key}")).filter(|_| is_key)?.parse().ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The address of a server as a URL: a host and a port alone are called in the clear.
fn with_scheme(server: &str) -> String {
    let has_port = server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port && !server.contains("://") { format!("http://{server}") } else { server.to_owned() }
}

/// Whether what is sent can be read on its way: this machine's own loopback is none.
fn is_in_the_clear(endpoint: &Endpoint) -> bool {
    let uri = endpoint.uri();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    uri.scheme_str() == Some("http") && !is_loopback
}

fn endpoint(server: &str, authorities: Option<String>, identity: Option<(String, String)>) -> Result<Endpoint, String> {
    let expected = || "--server must be a URL, such as http://127.0.0.1:50051, or HOST:PORT".to_owned();
    let (_, rest) = server.split_once("://").unwrap_or((server, server));
    if rest.split('/').next().is_some_and(|authority| authority.contains('@')) {
        // A password may be in it, and addresses are told: this one is not.
        return Err("--server must not have a user or a password: the API key says who calls".to_owned());
    }
    let is_tls = server.starts_with("https://");
    if !is_tls && !server.starts_with("http://") {
        return Err(expected());
    }
    if !is_tls && (authorities.is_some() || identity.is_some()) {
        return Err("--ca-file, --cert-file and --key-file need a --server that begins with https://".to_owned());
    }
    let endpoint = Endpoint::from_shared(server.to_owned()).map_err(|_| expected())?;
    let endpoint = endpoint.http2_keep_alive_interval(KEEP_ALIVE).keep_alive_while_idle(true);
    let endpoint = endpoint.user_agent(concat!("paylinks/", env!("CARGO_PKG_VERSION"))).map_err(|_| expected())?;
    if !is_tls {
        return Ok(endpoint);
    }
    let mut tls = match authorities {
        Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        None => ClientTlsConfig::new().with_webpki_roots(),
    };
    if let Some((certificate, key)) = identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    endpoint.tls_config(tls).map_err(|error| format!("--ca-file, --cert-file or --key-file: {}", innermost(&error)))
}

/// The cause of causes, which is what a person can mend: `Connection refused`.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(cause) = at.source() {
        at = cause;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    fn read(arguments: &[&str]) -> Result<Settings, Vec<String>> {
        let file = std::env::temp_dir().join(format!("paylinks-cli-key-{}", std::process::id()));
        std::fs::write(&file, "pl_test\n").unwrap();
        let command = Command::new("x").no_binary_name(true).args(args());
        let with_key = ["--api-key-file", file.to_str().unwrap()];
        Settings::read(&command.get_matches_from(with_key.iter().chain(arguments)))
    }

    #[test]
    fn a_key_goes_in_the_clear_beyond_this_machine_by_consent_alone() {
        for fine in
            ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "127.0.0.1:1", "https://db.internal:1"]
        {
            assert!(read(&["--server", fine]).is_ok_and(|settings| !settings.exposes_key()), "{fine}");
        }
        for clear in ["http://192.0.2.1:1", "192.0.2.1:1", "pay.internal:50051"] {
            let told = read(&["--server", clear]).err().unwrap();
            assert!(told[0].contains("in the clear"), "{told:?}");
            assert!(read(&["--server", clear, "--insecure"]).is_ok_and(|settings| settings.exposes_key()), "{clear}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_told() {
        for server in ["http://ada:canary@127.0.0.1:1", "https://canary@localhost", "ada:canary@localhost:1"] {
            let told = read(&["--server", server]).err().unwrap().join("; ");
            assert!(told.contains("must not have a user") && !told.contains("canary"), "{told}");
        }
    }

    #[test]
    fn what_is_no_key_is_not_sent() {
        for other in ["", "pk_1", "-----BEGIN PRIVATE KEY-----\ncanary", "pl_a b", "pl_å"] {
            assert!(bearer(other).is_none(), "{other}");
        }
        assert!(bearer("pl_0aZ_").is_some_and(|value| value == "Bearer pl_0aZ_"));
    }

    #[test]
    fn a_file_that_never_ends_is_no_key() {
        let told = read(&["--server", "https://localhost", "--ca-file", "/dev/zero"]).err().unwrap();
        assert!(told[0].contains("--ca-file /dev/zero can't be read: it has more than"), "{told:?}");
    }
}

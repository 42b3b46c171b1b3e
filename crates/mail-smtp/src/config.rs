//! How to reach the mail server, and as whom.

use std::time::Duration;

use domain::network::{is_loopback, parse_host};
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use secrecy::SecretString;

/// How mail is handed over.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// The name of the server, which its certificate must have; or its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How what travels is kept secret.
    pub encryption: Encryption,
    /// Who sends, for the server; none where it asks nobody.
    pub credentials: Option<SmtpCredentials>,
    /// What we call ourselves in EHLO (RFC 5321, 4.1.1.1): a domain that is ours.
    pub hello: String,
    /// The longest that handing one message over may take, from the connection to the last answer.
    pub timeout: Duration,
    /// Certificates in PEM that are trusted beside those of the public authorities, such as that of a company's own.
    pub trusted: Option<Vec<u8>>,
}

/// How what travels is kept secret. None of them falls back to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte on (RFC 8314).
    Implicit,
    /// TLS after STARTTLS (RFC 3207), without which nothing is sent.
    StartTls,
    /// Nothing, on loopback alone.
    None,
}

/// A name and a password. `Debug` shows the password's place alone.
#[derive(Debug, Clone)]
pub struct SmtpCredentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no name of a server.
    #[error("must be the name or the address of a mail server")]
    NoHost,
    /// Mail and password would travel in the clear.
    #[error("must be implicit or starttls unless the host is on loopback")]
    InsecureHost,
    /// The certificates can't be read, or TLS can't be set up.
    #[error("must hold certificates in PEM")]
    Certificates(#[source] lettre::transport::smtp::Error),
}

impl ConfigError {
    /// The setting that is at fault.
    pub const fn setting(&self) -> &'static str {
        match self {
            Self::NoHost => "host",
            Self::InsecureHost => "tls",
            Self::Certificates(_) => "ca_file",
        }
    }
}

impl Encryption {
    /// The port on which servers offer it (RFC 8314, RFC 6409, RFC 5321).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

impl SmtpConfig {
    /// How long handing a message over may take where nothing else is said.
    pub const TIMEOUT: Duration = Duration::from_secs(60);

    /// Checks what can be checked without a call.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.tls().map(|_| ())
    }

    /// The rules of TLS; `None` for no TLS at all.
    pub(crate) fn tls(&self) -> Result<Option<TlsParameters>, ConfigError> {
        parse_host(&self.host).map_err(|_| ConfigError::NoHost)?;
        if self.encryption == Encryption::None {
            return if self.is_loopback() { Ok(None) } else { Err(ConfigError::InsecureHost) };
        }
        let mut tls = TlsParameters::builder(self.host.clone());
        if let Some(pem) = &self.trusted {
            tls = tls.add_root_certificate(Certificate::from_pem(pem).map_err(ConfigError::Certificates)?);
        }
        tls.build_rustls().map(Some).map_err(ConfigError::Certificates)
    }

    fn is_loopback(&self) -> bool {
        parse_host(&self.host).is_ok_and(|host| is_loopback(&host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(host: &str, encryption: Encryption) -> SmtpConfig {
        SmtpConfig {
            host: host.to_owned(),
            port: encryption.default_port(),
            encryption,
            credentials: Some(SmtpCredentials { username: "ada".to_owned(), password: "canary".into() }),
            hello: "example.com".to_owned(),
            timeout: SmtpConfig::TIMEOUT,
            trusted: None,
        }
    }

    #[test]
    fn nothing_travels_in_the_clear_beyond_loopback() {
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert!(config(host, Encryption::None).check().is_ok(), "{host}");
        }
        for host in ["mail.example.com", "10.0.0.1", "localhost.example.com"] {
            assert!(matches!(config(host, Encryption::None).check(), Err(ConfigError::InsecureHost)), "{host}");
            assert!(config(host, Encryption::Implicit).check().is_ok(), "{host}");
            assert!(config(host, Encryption::StartTls).check().is_ok(), "{host}");
        }
        assert!(matches!(config(" ", Encryption::Implicit).check(), Err(ConfigError::NoHost)));
    }

    #[test]
    fn certificates_that_can_not_be_read_are_refused() {
        let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec();
        let config = SmtpConfig { trusted: Some(broken), ..config("mail.example.com", Encryption::Implicit) };
        assert!(matches!(config.check(), Err(ConfigError::Certificates(_))));
    }

    #[test]
    fn debug_shows_no_password() {
        assert!(!format!("{:?}", config("localhost", Encryption::None)).contains("canary"));
    }
}

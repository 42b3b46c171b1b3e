//! The exchange with the server, and what its answers mean for whoever wanted a message sent.
//!
//! Connections are kept for a while, since a day's invoices go out together. Each is out of the shelf while it is used, and
//! comes back after a whole exchange alone: one whose call was dropped in the middle of a message is closed with it.

use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::mail::{MailError, Mailer, Message};
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::config::{ConfigError, Encryption, SmtpConfig};
use crate::mime::compose;

/// How long a connection is kept that nobody uses. Servers close theirs after a few minutes (RFC 5321, 4.5.3.2.7).
const IDLE_MAX: Duration = Duration::from_secs(30);
/// The most connections that are kept.
const KEPT_MAX: usize = 4;
/// The codes by which a server says that it does not know who sends, whenever it says so (RFC 4954).
const UNAUTHORIZED: [u16; 4] = [530, 534, 535, 538];

/// Mail over SMTP.
pub struct SmtpMailer {
    config: SmtpConfig,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    kept: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// How far an exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Until TLS is there: nothing is known of us or of the message.
    Connect,
    /// Who sends.
    Authenticate,
    /// The message itself.
    Submit,
}

impl SmtpMailer {
    /// A mailer by a configuration. It calls nobody.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: SmtpConfig) -> Result<Self, ConfigError> {
        let tls = config.tls()?;
        let credentials = config.credentials.as_ref().map(|credentials| {
            Credentials::new(credentials.username.clone(), credentials.password.expose_secret().to_owned())
        });
        Ok(Self { config, tls, credentials, kept: Mutex::default() })
    }

    /// Goes as far as for a mail, authentication included, and sends none: for operators.
    ///
    /// # Errors
    /// See [`MailError`].
    pub async fn probe(&self) -> Result<(), MailError> {
        match tokio::time::timeout(self.config.timeout, self.connect()).await {
            Ok(connected) => connected.map(|connection| self.keep(connection)),
            Err(_) => Err(MailError::Unavailable { reason: "timeout".to_owned() }),
        }
    }

    async fn exchange(&self, envelope: &Envelope, bytes: &[u8]) -> Result<(), MailError> {
        let mut connection = match self.kept_connection().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.send(envelope, bytes).await.map_err(|error| told(&error, Step::Submit))?;
        self.keep(connection);
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let server = (self.config.host.as_str(), self.config.port);
        let hello = ClientId::Domain(self.config.hello.clone());
        let at_once = self.tls.clone().filter(|_| self.config.encryption == Encryption::Implicit);
        // The time limit is that of the whole exchange.
        let connected = AsyncSmtpConnection::connect_tokio1(server, None, &hello, at_once, None).await;
        let mut connection = connected.map_err(|error| told(&error, Step::Connect))?;
        if let Some(tls) = self.tls.clone().filter(|_| self.config.encryption == Encryption::StartTls) {
            connection.starttls(tls, &hello).await.map_err(|error| told(&error, Step::Connect))?;
        }
        if let Some(credentials) = &self.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let known = connection.auth(&mechanisms, credentials).await;
            known.map_err(|error| told(&error, Step::Authenticate))?;
        }
        Ok(connection)
    }

    /// A connection that is still good, out of the shelf.
    async fn kept_connection(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let (mut connection, since) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if since.elapsed() < IDLE_MAX && connection.test_connected().await {
                return Some(connection);
            }
        }
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX && !connection.has_broken() {
            kept.push((connection, Instant::now()));
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let (envelope, bytes) = compose(message)?;
        match tokio::time::timeout(self.config.timeout, self.exchange(&envelope, &bytes)).await {
            Ok(exchanged) => exchanged,
            Err(_) => Err(MailError::Unavailable { reason: "timeout".to_owned() }),
        }
    }
}

/// What an error means for whoever wanted the message sent.
fn told(error: &lettre::transport::smtp::Error, step: Step) -> MailError {
    let code = error.status().map(u16::from);
    let reason = match code {
        Some(code) => with_enhanced_code(code, error),
        None => reason_without_code(error).to_owned(),
    };
    let is_unknown_sender = code.is_some_and(|code| UNAUTHORIZED.contains(&code));
    match step {
        Step::Authenticate if error.is_permanent() || error.is_client() => MailError::Unauthorized { reason },
        Step::Submit if error.is_permanent() && is_unknown_sender => MailError::Unauthorized { reason },
        // What the server has not the extensions for, it never will take.
        Step::Submit if error.is_permanent() || error.is_client() => MailError::Rejected { reason },
        _ => MailError::Unavailable { reason },
    }
}

/// A code with the one of RFC 3463 behind it, where the server tells one: digits and dots alone, whatever else it says.
fn with_enhanced_code(code: u16, error: &lettre::transport::smtp::Error) -> String {
    let told = error.source().map(ToString::to_string).unwrap_or_default();
    let first = told.split_whitespace().next().unwrap_or_default();
    let parts: Vec<&str> = first.split('.').collect();
    let is_number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if parts.len() == 3 && parts.iter().all(is_number) { format!("{code} {first}") } else { code.to_string() }
}

fn reason_without_code(error: &lettre::transport::smtp::Error) -> &'static str {
    if has_bad_certificate(error) {
        "certificate"
    } else if error.is_tls() {
        "tls"
    } else if error.is_timeout() {
        "timeout"
    } else if error.is_client() {
        "extension missing"
    } else if error.is_response() {
        "protocol"
    } else {
        "connection"
    }
}

/// Whether TLS failed since the server's certificate is not to be trusted: the one failure of it that an operator must mend.
fn has_bad_certificate(error: &lettre::transport::smtp::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = inside.and_then(|inside| inside.downcast_ref::<rustls::Error>());
        if matches!(tls.or(error.downcast_ref()), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        source = error.source();
    }
    false
}

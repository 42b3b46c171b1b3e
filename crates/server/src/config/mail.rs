//! How mail is sent: the part `[mail]` of the file. Without it none is.

use std::time::Duration;

use application::MailParts;
use domain::ports::mail::SenderAddress;
use domain::validation::{Invalid, Validator};
use mail_smtp::{Encryption, SmtpConfig, SmtpCredentials};
use secrecy::SecretString;
use serde::Deserialize;

use super::tls::read_certificates;

/// The longest time limit in seconds: below that of the application, which cuts a mail off.
const TIMEOUT_SECONDS_MAX: u64 = 120;

/// The checked part.
pub(crate) struct MailConfig {
    /// The mail server.
    pub(crate) smtp: SmtpConfig,
    /// Where mail comes from, of sellers that name no address of their own: answers and bounces go there.
    pub(crate) from: SenderAddress,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileMail {
    host: String,
    port: Option<u16>,
    tls: FileTls,
    from: String,
    username: Option<String>,
    password: Option<SecretString>,
    timeout_seconds: Option<u64>,
    /// A file of certificates in PEM that are trusted beside those of the public authorities.
    ca_file: Option<String>,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum FileTls {
    #[default]
    Implicit,
    Starttls,
    None,
}

/// How mail is sent: `Some(None)` is not at all. `password` comes before that of the file.
pub(super) fn mail(v: &mut Validator, file: Option<FileMail>, password: Option<String>) -> Option<Option<MailConfig>> {
    let Some(file) = file else { return Some(None) };
    v.within("mail", |v| checked(v, file, password)).map(Some)
}

fn checked(v: &mut Validator, file: FileMail, password: Option<String>) -> Option<MailConfig> {
    let encryption = match file.tls {
        FileTls::Implicit => Encryption::Implicit,
        FileTls::Starttls => Encryption::StartTls,
        FileTls::None => Encryption::None,
    };
    let from = v.check("from", SenderAddress::parse(&file.from));
    let password = password.map(SecretString::from).or(file.password);
    let credentials = match (file.username.filter(|name| !name.is_empty()), password) {
        (None, None) => Some(None),
        (Some(username), Some(password)) => Some(Some(SmtpCredentials { username, password })),
        (Some(_), None) => {
            let expected = "is required beside a username (PAYLINKS_MAIL_PASSWORD)";
            v.refuse("password", Invalid::new("REQUIRED", expected));
            None
        }
        (None, Some(_)) => {
            v.refuse("username", Invalid::new("REQUIRED", "is required beside a password"));
            None
        }
    };
    let timeout = v.check("timeout_seconds", timeout(file.timeout_seconds));
    let port = match file.port {
        Some(0) => v.check("port", Err(Invalid::new("OUT_OF_RANGE", "must be from 1 to 65535"))),
        port => Some(port.unwrap_or(encryption.default_port())),
    };
    let trusted = v.check_optional("ca_file", file.ca_file.as_deref(), read_certificates);
    // The server is held to its rules whatever else is wrong.
    let hello = from.as_ref().map_or("localhost", SenderAddress::domain).to_owned();
    let smtp = SmtpConfig {
        host: file.host,
        port: port.unwrap_or(encryption.default_port()),
        encryption,
        credentials: credentials.clone().flatten(),
        hello,
        timeout: timeout.unwrap_or(SmtpConfig::TIMEOUT),
        trusted: trusted.clone().flatten(),
    };
    let is_fine = smtp.check().map_err(|error| Invalid::new("SMTP", format!("is refused: {error}")));
    v.check("host", is_fine)?;
    credentials.zip(timeout).zip(trusted.zip(port)).zip(from).map(|(_, from)| MailConfig { smtp, from })
}

fn timeout(seconds: Option<u64>) -> Result<Duration, Invalid> {
    match seconds {
        None => Ok(SmtpConfig::TIMEOUT),
        Some(seconds @ 1..=TIMEOUT_SECONDS_MAX) => Ok(Duration::from_secs(seconds)),
        Some(_) => Err(Invalid::new("OUT_OF_RANGE", format!("must be from 1 to {TIMEOUT_SECONDS_MAX}"))),
    }
}

impl MailConfig {
    /// What the application sends mail by.
    ///
    /// # Errors
    /// TLS can't be set up.
    pub(crate) fn parts(self) -> anyhow::Result<MailParts> {
        let mailer = mail_smtp::SmtpMailer::new(self.smtp)?;
        Ok(MailParts { mailer: std::sync::Arc::new(mailer), from: self.from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, password: Option<&str>) -> Result<MailConfig, Vec<String>> {
        let mut validator = Validator::new();
        let parsed = mail(&mut validator, Some(toml::from_str(file).unwrap()), password.map(str::to_owned));
        let told = validator.finish(parsed).map(|mail| mail.expect("there is a part [mail]"));
        told.map_err(|violations| violations.iter().map(|v| format!("{} {}", v.field, v.rule)).collect())
    }

    #[test]
    fn tls_is_on_and_ports_are_the_usual_ones_where_nothing_is_said() {
        let ports = ["", "tls = \"implicit\"", "tls = \"starttls\"", "port = 2525"].map(|more| {
            let file = format!("host = \"mail.example.com\"\nfrom = \"billing@example.com\"\n{more}");
            let SmtpConfig { port, encryption, hello, .. } = check(&file, None).unwrap().smtp;
            assert_eq!(hello, "example.com");
            (port, encryption)
        });
        let wanted = [
            (465, Encryption::Implicit),
            (465, Encryption::Implicit),
            (587, Encryption::StartTls),
            (2525, Encryption::Implicit),
        ];
        assert_eq!(ports, wanted);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let file = "host = \"mail.example.com\"\nfrom = \"å@exämple.com\"\nusername = \"ada\"\ntimeout_seconds = 121\n\
            ca_file = \"/nowhere/ca.pem\"";
        let wanted = [
            "mail.from MALFORMED_SENDER",
            "mail.password REQUIRED",
            "mail.timeout_seconds OUT_OF_RANGE",
            "mail.ca_file UNREADABLE",
        ];
        assert_eq!(check(file, None).err().unwrap(), wanted);
        let clear = "host = \"mail.example.com\"\nfrom = \"billing@example.com\"\ntls = \"none\"";
        assert_eq!(check(clear, None).err().unwrap(), ["mail.host SMTP"]);
        assert_eq!(check(clear, Some("x")).err().unwrap(), ["mail.username REQUIRED", "mail.host SMTP"]);
    }

    #[test]
    fn port_0_is_refused() {
        let file = "host = \"mail.example.com\"\nfrom = \"billing@example.com\"\nport = 0";
        assert_eq!(check(file, None).err().unwrap(), ["mail.port OUT_OF_RANGE"]);
    }

    #[test]
    fn a_part_with_nothing_in_it_lacks_a_server_and_a_sender() {
        assert_eq!(check("", None).err().unwrap(), ["mail.from MALFORMED_EMAIL", "mail.host SMTP"]);
    }

    #[test]
    fn the_password_of_the_environment_comes_first() {
        use secrecy::ExposeSecret;
        let file = "host = \"localhost\"\nfrom = \"b@example.com\"\nusername = \"ada\"\npassword = \"file\"";
        let password =
            |given| check(file, given).unwrap().smtp.credentials.unwrap().password.expose_secret().to_owned();
        assert_eq!((password(None), password(Some("environment"))), ("file".to_owned(), "environment".to_owned()));
    }
}

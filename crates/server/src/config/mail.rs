//! How mail is sent: the part `[mail]` of the file. Without it none is.

use std::time::Duration;

use application::MailParts;
use domain::network::{is_loopback, is_reserved_for_examples, parse_host};
use domain::ports::mail::SenderAddress;
use domain::validation::{Invalid, Validator};
use mail_smtp::{Encryption, SmtpConfig, SmtpCredentials};
use secrecy::SecretString;
use serde::Deserialize;

use super::secrets::{Given, Warnings, secret};
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
    password: Option<String>,
    password_file: Option<String>,
    timeout_seconds: Option<u64>,
    /// A file of certificates in PEM that are trusted beside those of the public authorities.
    ca_file: Option<String>,
}

impl FileMail {
    /// Whether a secret stands in it.
    pub(super) const fn holds_secrets(&self) -> bool {
        self.password.is_some()
    }
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum FileTls {
    #[default]
    Implicit,
    Starttls,
    None,
}

/// How mail is sent: `Some(None)` is not at all. The password that is `given` comes before that of the file. What is wrong is
/// told below `mail`.
pub(super) fn mail(
    v: &mut Validator,
    file: Option<FileMail>,
    given: Given,
    warnings: &mut Warnings,
) -> Option<Option<MailConfig>> {
    let Some(file) = file else { return Some(None) };
    checked(v, file, given, warnings).map(Some)
}

fn checked(v: &mut Validator, file: FileMail, given: Given, warnings: &mut Warnings) -> Option<MailConfig> {
    let encryption = match file.tls {
        FileTls::Implicit => Encryption::Implicit,
        FileTls::Starttls => Encryption::StartTls,
        FileTls::None => Encryption::None,
    };
    let from = v.check("from", SenderAddress::parse(&file.from));
    let in_file = Given::new(file.password, file.password_file);
    let password = secret(v, ("password", "mail.password"), [given, in_file], warnings);
    let credentials = match (file.username.filter(|name| !name.is_empty()), password) {
        (_, None) => None,
        (None, Some(None)) => Some(None),
        (_, Some(Some(password))) if !password.is_ascii() && password.contains('…') => {
            v.refuse("password", Invalid::new("PLACEHOLDER", "must be the password, and not what stands for it"));
            None
        }
        (Some(username), Some(Some(password))) => {
            Some(Some(SmtpCredentials { username, password: SecretString::from(password) }))
        }
        (Some(_), Some(None)) => {
            let expected = "is required beside a username: here, in the file that password_file names or as \
                PAYLINKS_MAIL_PASSWORD";
            v.refuse("password", Invalid::new("REQUIRED", expected));
            None
        }
        (None, Some(Some(_))) => {
            v.refuse("username", Invalid::new("REQUIRED", "is required beside a password"));
            None
        }
    };
    refuse_examples(v, &file.host, from.as_ref());
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
    if let Err(error) = smtp.check() {
        v.refuse(error.setting(), Invalid::new("SMTP", error.to_string()));
        return None;
    }
    credentials.zip(timeout).zip(trusted.zip(port)).zip(from).map(|(_, from)| MailConfig { smtp, from })
}

/// Refuses a server and a sender that only stand in examples, as in the file that comes with the program: no mail would ever
/// come from there. A server on this machine is for trying things out.
fn refuse_examples(v: &mut Validator, host: &str, from: Option<&SenderAddress>) {
    if is_reserved_for_examples(host) {
        v.refuse("host", Invalid::new("PLACEHOLDER", "must be your mail server, and not that of an example"));
    }
    let is_tried_out = parse_host(host).is_ok_and(|host| is_loopback(&host));
    if !is_tried_out && from.is_some_and(|from| is_reserved_for_examples(from.domain())) {
        v.refuse("from", Invalid::new("PLACEHOLDER", "must be an address of yours, and not that of an example"));
    }
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
        let given = Given::new(password.map(str::to_owned), None);
        let file = Some(toml::from_str(file).unwrap());
        let parsed = validator.within("mail", |v| mail(v, file, given, &mut Vec::new()));
        let told = validator.finish(parsed).map(|mail| mail.expect("there is a part [mail]"));
        told.map_err(|violations| violations.iter().map(|v| format!("{} {}", v.field, v.rule)).collect())
    }

    #[test]
    fn tls_is_on_and_ports_are_the_usual_ones_where_nothing_is_said() {
        let ports = ["", "tls = \"implicit\"", "tls = \"starttls\"", "port = 2525"].map(|more| {
            let file = format!("host = \"mail.acme.test\"\nfrom = \"billing@acme.test\"\n{more}");
            let SmtpConfig { port, encryption, hello, .. } = check(&file, None).unwrap().smtp;
            assert_eq!(hello, "acme.test");
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
        let file = "host = \"mail.acme.test\"\nfrom = \"å@exämple.com\"\nusername = \"ada\"\ntimeout_seconds = 121\n\
            ca_file = \"/nowhere/ca.pem\"";
        let wanted = [
            "mail.from MALFORMED_SENDER",
            "mail.password REQUIRED",
            "mail.timeout_seconds OUT_OF_RANGE",
            "mail.ca_file UNREADABLE",
        ];
        assert_eq!(check(file, None).err().unwrap(), wanted);
        let clear = "host = \"mail.acme.test\"\nfrom = \"billing@acme.test\"\ntls = \"none\"";
        assert_eq!(check(clear, None).err().unwrap(), ["mail.tls SMTP"]);
        assert_eq!(check(clear, Some("x")).err().unwrap(), ["mail.username REQUIRED", "mail.tls SMTP"]);
    }

    #[test]
    fn what_stands_in_the_example_is_no_server_no_sender_and_no_password() {
        let example =
            "host = \"smtp.example.com\"\nfrom = \"billing@example.com\"\nusername = \"ada\"\npassword = \"…\"";
        let wanted = ["mail.password PLACEHOLDER", "mail.host PLACEHOLDER", "mail.from PLACEHOLDER"];
        assert_eq!(check(example, None).err().unwrap(), wanted);
        // Tried out on this machine, it may come from anywhere.
        assert!(check("host = \"localhost\"\ntls = \"none\"\nfrom = \"billing@example.com\"", None).is_ok());
    }

    #[test]
    fn a_password_in_a_file_is_read_and_not_given_twice() {
        let both = "host = \"localhost\"\nfrom = \"b@acme.test\"\nusername = \"ada\"\npassword_file = \"/nowhere\"";
        assert_eq!(check(both, None).err().unwrap(), ["mail.password_file UNREADABLE"]);
        assert_eq!(check(&format!("{both}\npassword = \"x\""), None).err().unwrap(), ["mail.password_file TWICE"]);
        // The environment comes first.
        assert!(check(both, Some("x")).is_ok());
    }

    #[test]
    fn port_0_is_refused() {
        let file = "host = \"mail.acme.test\"\nfrom = \"billing@acme.test\"\nport = 0";
        assert_eq!(check(file, None).err().unwrap(), ["mail.port OUT_OF_RANGE"]);
    }

    #[test]
    fn a_part_with_nothing_in_it_lacks_a_server_and_a_sender() {
        assert_eq!(check("", None).err().unwrap(), ["mail.from MALFORMED_EMAIL", "mail.host SMTP"]);
    }

    #[test]
    fn the_password_of_the_environment_comes_first() {
        use secrecy::ExposeSecret;
        let file = "host = \"localhost\"\nfrom = \"b@acme.test\"\nusername = \"ada\"\npassword = \"file\"";
        let password =
            |given| check(file, given).unwrap().smtp.credentials.unwrap().password.expose_secret().to_owned();
        assert_eq!((password(None), password(Some("environment"))), ("file".to_owned(), "environment".to_owned()));
    }
}

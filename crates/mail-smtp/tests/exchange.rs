//! The adapter against a mail server of its own process: aiosmtpd, which `cargo xtask test` installs. Without it the tests
//! are skipped by name; in CI that is a failure.
#![cfg(test)]

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::ports::mail::{MailError, Mailer, Message};
use mail_smtp::{Encryption, SmtpConfig, SmtpCredentials, SmtpMailer};
use port_contracts::mail::{Arrived, PostOffice, message};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The longest that a test waits for one thing.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mail server that ends with its handle.
struct MailServer {
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
    port: u16,
    /// Its certificate in PEM, if it has one.
    certificate: Option<String>,
    _files: tempfile::TempDir,
}

impl MailServer {
    /// Starts one; `None` where there is no Python with aiosmtpd.
    async fn start(encryption: Encryption, login: Option<&str>) -> Option<Self> {
        let Ok(python) = std::env::var("PAYLINKS_TEST_MAIL_PYTHON") else {
            assert!(std::env::var_os("CI").is_none(), "in CI nothing may be skipped");
            eprintln!("skipped: PAYLINKS_TEST_MAIL_PYTHON is not set");
            return None;
        };
        let files = tempfile::tempdir().unwrap();
        let mut command = Command::new(python);
        command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server.py"));
        let name = match encryption {
            Encryption::None => "none",
            Encryption::StartTls => "starttls",
            Encryption::Implicit => "implicit",
        };
        command.args(["--encryption", name]);
        let mut certificate = None;
        if encryption != Encryption::None {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            let (pem, key) = (files.path().join("certificate.pem"), files.path().join("key.pem"));
            std::fs::write(&pem, made.cert.pem()).unwrap();
            std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
            command.arg("--certificate").arg(pem).arg("--key").arg(key);
            certificate = Some(made.cert.pem());
        }
        if let Some(login) = login {
            command.args(["--login", login]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = tokio::time::timeout(PATIENCE, told.next_line()).await.unwrap().unwrap().expect("it starts");
        let first: Value = serde_json::from_str(&first).unwrap();
        let port = first["port"].as_u64().unwrap().try_into().unwrap();
        Some(Self { child, told, port, certificate, _files: files })
    }

    /// The next message that it took.
    async fn taken(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.told.next_line()).await.unwrap().unwrap().expect("it runs");
        serde_json::from_str(&line).unwrap()
    }

    fn config(&self, encryption: Encryption) -> SmtpConfig {
        SmtpConfig {
            host: if encryption == Encryption::None { "127.0.0.1" } else { "localhost" }.to_owned(),
            port: self.port,
            encryption,
            credentials: None,
            hello: "example.com".to_owned(),
            timeout: PATIENCE,
            trusted: None,
        }
    }

    /// A configuration that trusts its certificate.
    fn trusting(&self, encryption: Encryption) -> SmtpConfig {
        SmtpConfig { trusted: self.certificate.clone().map(String::into_bytes), ..self.config(encryption) }
    }
}

/// The mail server, read by Python's own reader of mail.
struct Office {
    server: MailServer,
    mailer: Arc<SmtpMailer>,
}

impl Office {
    async fn open() -> Option<Self> {
        let server = MailServer::start(Encryption::None, None).await?;
        let mailer = Arc::new(SmtpMailer::new(server.config(Encryption::None)).unwrap());
        Some(Self { server, mailer })
    }
}

#[async_trait::async_trait]
impl PostOffice for Office {
    fn mailer(&self) -> Arc<dyn Mailer> {
        self.mailer.clone()
    }

    async fn arrived(&mut self) -> Arrived {
        let taken = self.server.taken().await;
        let read = read(&taken["content"]).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let file = |file: &Value| (text(&file[0]), text(&file[1]), STANDARD.decode(text(&file[2])).unwrap());
        Arrived {
            bounces_to: text(&taken["mail_from"]),
            recipients: taken["rcpt_tos"].as_array().unwrap().iter().map(text).collect(),
            id: text(&read["id"]).trim_matches(['<', '>']).to_owned(),
            from: (text(&read["from"][0]), text(&read["from"][1])),
            reply_to: read["reply_to"].as_str().map(str::to_owned),
            subject: text(&read["subject"]),
            text: text(&read["plain"]),
            files: read["files"].as_array().unwrap().iter().map(file).collect(),
        }
    }
}

port_contracts::mailer_contract!(Office::open());

async fn send(config: SmtpConfig, message: &Message) -> Result<(), MailError> {
    SmtpMailer::new(config).unwrap().send(message).await
}

fn unavailable(reason: &str) -> Result<(), MailError> {
    Err(MailError::Unavailable { reason: reason.to_owned() })
}

fn login(password: &str) -> Option<SmtpCredentials> {
    Some(SmtpCredentials { username: "ada".to_owned(), password: password.into() })
}

/// What Python's own reader of mail makes of what the server took.
async fn read(content: &Value) -> Value {
    const READER: &str = "import base64, email, email.policy, json, sys\n\
        m = email.message_from_bytes(base64.b64decode(sys.stdin.read()), policy=email.policy.default)\n\
        file = lambda p: [p.get_filename(), p.get_content_type(), base64.b64encode(p.get_payload(decode=True)).decode()]\n\
        body = lambda kind: m.get_body([kind]).get_content().replace('\\r\\n', '\\n') if m.get_body([kind]) else None\n\
        print(json.dumps({'subject': m['subject'], 'id': m['message-id'],\n\
        'from': [m['from'].addresses[0].display_name, m['from'].addresses[0].addr_spec],\n\
        'reply_to': m['reply-to'] and str(m['reply-to']),\n\
        'plain': body('plain'), 'html': body('html'), 'files': [file(p) for p in m.iter_attachments()]}))";
    let python = std::env::var("PAYLINKS_TEST_MAIL_PYTHON").unwrap();
    // Through a pipe, since an argument can't be that long.
    let mut reader = Command::new(python);
    reader.args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut reader = reader.spawn().unwrap();
    let mut pipe = reader.stdin.take().unwrap();
    pipe.write_all(content.as_str().unwrap().as_bytes()).await.unwrap();
    drop(pipe);
    let output = reader.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_certificate_of_nobody_is_refused_and_one_that_is_trusted_taken() {
    for encryption in [Encryption::StartTls, Encryption::Implicit] {
        let Some(mut server) = MailServer::start(encryption, Some("ada:right")).await else { return };
        let refused = SmtpConfig { credentials: login("right"), ..server.config(encryption) };
        assert_eq!(send(refused, &message("ada@example.com")).await, unavailable("certificate"), "{encryption:?}");
        let by_address = SmtpConfig { host: "127.0.0.1".to_owned(), ..server.trusting(encryption) };
        assert_eq!(send(by_address, &message("ada@example.com")).await, unavailable("certificate"), "{encryption:?}");
        let trusted = SmtpConfig { credentials: login("right"), ..server.trusting(encryption) };
        send(trusted, &message("ada@example.com")).await.unwrap();
        let taken = server.taken().await;
        assert_eq!((&taken["tls"], &taken["user"]), (&true.into(), &"ada".into()), "{encryption:?}");
    }
}

#[tokio::test]
async fn without_the_starttls_that_is_asked_for_nothing_is_sent() {
    let Some(mut server) = MailServer::start(Encryption::None, None).await else { return };
    let sent = send(server.config(Encryption::StartTls), &message("ada@example.com")).await;
    assert_eq!(sent, unavailable("extension missing"));
    // The next message is the first that it took.
    send(server.config(Encryption::None), &message("eve@example.com")).await.unwrap();
    assert_eq!(server.taken().await["rcpt_tos"][0], "eve@example.com");
}

#[tokio::test]
async fn wrong_or_missing_credentials_are_for_an_operator() {
    let Some(server) = MailServer::start(Encryption::StartTls, Some("ada:right")).await else { return };
    for (credentials, want) in [(login("wrong"), "535 5.7.8"), (None, "530 5.7.0")] {
        let config = SmtpConfig { credentials, ..server.trusting(Encryption::StartTls) };
        let sent = send(config, &message("ada@example.com")).await;
        assert_eq!(sent, Err(MailError::Unauthorized { reason: want.to_owned() }));
    }
}

#[tokio::test]
async fn a_server_that_puts_us_off_is_unavailable_and_one_that_refuses_rejects() {
    let Some(mut server) = MailServer::start(Encryption::None, None).await else { return };
    let mailer = SmtpMailer::new(server.config(Encryption::None)).unwrap();
    // The reasons name nobody, although the server does.
    assert_eq!(mailer.send(&message("greylisted@example.com")).await, unavailable("451 4.7.1"));
    let rejected = |reason: &str| Err(MailError::Rejected { reason: reason.to_owned() });
    assert_eq!(mailer.send(&message("unknown@example.com")).await, rejected("550 5.1.1"));
    assert_eq!(mailer.send(&message("å@example.com")).await, rejected("extension missing"));
    mailer.send(&message("ada@example.com")).await.unwrap();
    assert_eq!(server.taken().await["rcpt_tos"][0], "ada@example.com");
}

#[tokio::test]
async fn a_server_that_is_gone_or_silent_is_unavailable() {
    let Some(mut server) = MailServer::start(Encryption::None, None).await else { return };
    let hasty = SmtpConfig { timeout: Duration::from_millis(300), ..server.config(Encryption::None) };
    assert_eq!(send(hasty, &message("slow@example.com")).await, unavailable("timeout"));
    let mailer = SmtpMailer::new(server.config(Encryption::None)).unwrap();
    mailer.send(&message("ada@example.com")).await.unwrap();
    server.child.kill().await.unwrap();
    // The connection that was kept is found dead, and no new one can be made.
    assert_eq!(mailer.send(&message("ada@example.com")).await, unavailable("connection"));
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_was_cut_off_is_not() {
    let Some(mut server) = MailServer::start(Encryption::None, None).await else { return };
    let config = SmtpConfig { timeout: Duration::from_secs(2), ..server.config(Encryption::None) };
    let mailer = SmtpMailer::new(config).unwrap();
    let mut peers = Vec::new();
    for _ in 0..2 {
        mailer.send(&message("ada@example.com")).await.unwrap();
        peers.push(server.taken().await["peer"].clone());
    }
    assert_eq!(peers[0], peers[1]);
    assert_eq!(mailer.send(&message("slow@example.com")).await, unavailable("timeout"));
    mailer.send(&message("ada@example.com")).await.unwrap();
    assert_ne!(server.taken().await["peer"], peers[0]);
}

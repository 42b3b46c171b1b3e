//! TLS of gRPC, and certificates of callers: who comes in, and what a wrong configuration is told.

use std::path::{Path, PathBuf};

use api_proto::v1;
use api_proto::v1::invoice_service_client::InvoiceServiceClient;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Error, Identity};

use crate::harness::{PATIENCE, error_parts, paylinks, spawn};

/// A certificate of version 1, as `openssl x509 -req -signkey` makes it. Nothing is signed with its key.
const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBJDCBywIUZgwiDEnKkxznfvLq41hhAYIowHUwCgYIKoZIzj0EAwIwFDESMBAG
A1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyOTA3MDIxNFoYDzIxMjYxMTA1MDcwMjE0
WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQDhIGkb0KDhJv6U57PoGALk0nV3Gzjrr+inwAfLVjA5BqLex9GiBB7Oa4pg+Cv
7pV1ep3WrC7NGg+xOOL6YOsBMAoGCCqGSM49BAMCA0gAMEUCIH9jvhDBlFfk2MKd
Ek47TdSJBmuYSKQkBfNdnUH7VfD0AiEAhzu/BVDfK6CADW7waugzWAw9oJi9LLwC
NKwAdupnxNk=
-----END CERTIFICATE-----
";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name` and its key, in PEM.
fn signed_by(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn written(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

async fn connect(url: &str, tls: ClientTlsConfig) -> Result<Channel, Error> {
    Endpoint::from_shared(url.to_owned()).unwrap().tls_config(tls)?.connect().await
}

/// What a call without a key is told, if it comes through at all.
async fn told(channel: Result<Channel, Error>) -> Option<String> {
    let mut invoices = InvoiceServiceClient::new(channel.ok()?);
    let status = invoices.list_invoices(v1::ListInvoicesRequest::default()).await.unwrap_err();
    (status.code() == Code::Unauthenticated).then(|| error_parts(&status).1)
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_show_a_certificate_and_then_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let (servers, callers, others) = (authority(), authority(), authority());
    let (certificate, key) = signed_by(&servers, "127.0.0.1");
    let config = format!(
        "access = \"api_keys\"\n[grpc_tls]\ncert_file = {:?}\nkey_file = {:?}\nclient_ca_file = {:?}\n",
        written(directory.path(), "server.crt", &certificate),
        written(directory.path(), "server.key", &key),
        written(directory.path(), "callers.crt", &callers.pem()),
    );
    let environment = [
        ("PAYLINKS_DATA_DIR".to_owned(), directory.path().display().to_string()),
        ("PAYLINKS_CONFIG".to_owned(), written(directory.path(), "paylinks.toml", &config).display().to_string()),
    ];
    let checked = paylinks(&environment).args(["config", "check"]).output().await.unwrap();
    let checked = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.contains(", TLS, for callers with a certificate\n"), "{checked}");
    let log = directory.path().join("log");
    let (_server, [grpc, _, _]) = spawn(&environment, std::fs::File::create(&log).unwrap().into()).await;
    assert!(grpc.starts_with("https://"), "{grpc}");

    let trusting = || ClientTlsConfig::new().ca_certificate(Certificate::from_pem(servers.pem()));
    let showing = |(certificate, key): (String, String)| trusting().identity(Identity::from_pem(certificate, key));
    let known = || showing(signed_by(&callers, "billing"));
    commands_show_a_certificate(&grpc, directory.path(), &servers.pem(), signed_by(&callers, "billing")).await;
    // A caller who says nothing holds nobody up.
    let _silent = tokio::net::TcpStream::connect(grpc.trim_start_matches("https://")).await.unwrap();
    let came = tokio::time::timeout(PATIENCE, connect(&grpc, known())).await.unwrap();
    assert_eq!(told(came).await.as_deref(), Some("CREDENTIALS_MISSING"));
    assert_eq!(told(connect(&grpc, trusting()).await).await, None);
    assert_eq!(told(connect(&grpc, showing(signed_by(&others, "billing"))).await).await, None);
    let untrusting = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(others.pem()));
    assert!(connect(&grpc, untrusting).await.is_err());
    let plain = Channel::from_shared(grpc.replace("https", "http")).unwrap().connect().await;
    assert_eq!(told(plain).await, None);
    assert_eq!(told(connect(&grpc, known()).await).await.as_deref(), Some("CREDENTIALS_MISSING"));
    // The operator learns who did not get in, and why.
    let log = std::fs::read_to_string(&log).unwrap();
    let refused: Vec<_> = log.lines().filter(|line| line.contains("a caller's TLS handshake failed")).collect();
    assert!(refused.first().is_some_and(|line| line.contains("it showed no certificate")), "{log}");
    assert!(refused[0].contains("127.0.0.1:"), "{log}");
}

/// The commands come in as other callers do: with the authority named, and a certificate of their own.
async fn commands_show_a_certificate(grpc: &str, directory: &Path, authority: &str, own: (String, String)) {
    let files = [
        ("--ca-file", written(directory, "ca.crt", authority)),
        ("--cert-file", written(directory, "own.crt", &own.0)),
        ("--key-file", written(directory, "own.key", &own.1)),
    ];
    let list = async |flags: usize| {
        let mut command = paylinks(&[("PAYLINKS_SERVER".to_owned(), grpc.to_owned())]);
        command.args(["invoice", "list", "--deadline", "10s"]);
        for (flag, file) in &files[..flags] {
            command.arg(flag).arg(file);
        }
        let output = command.output().await.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = list(3).await;
    assert!(code == Some(5) && told.contains("CREDENTIALS_MISSING"), "{told}");
    // Without a certificate of its own the connection breaks, before or after the call was sent.
    for (flags, code) in [(1, 6), (0, 6), (2, 2)] {
        let (ended, told) = list(flags).await;
        assert_eq!(ended, Some(code), "{told}");
    }
}

#[tokio::test]
async fn files_that_are_no_certificates_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let issuer = authority();
    let (certificate, key) = signed_by(&issuer, "127.0.0.1");
    let certificate = written(path, "server.crt", &certificate);
    let (key, other) = (written(path, "server.key", &key), written(path, "other.key", &signed_by(&issuer, "b").1));
    let empty = written(path, "empty", "-----BEGIN CERTIFICATE-----\nnonsense\n");
    let absent = path.join("absent");
    let version_1 = written(path, "v1.crt", VERSION_1);
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let own = KeyPair::generate().unwrap();
    let expired = written(path, "expired.crt", &params.signed_by(&own, &issuer).unwrap().pem());
    let expired_key = written(path, "expired.key", &own.serialize_pem());
    let endless = Path::new("/dev/zero").to_owned();
    for (files, expected) in [
        (
            [&empty, &key, &key],
            vec!["cert_file must hold certificates in PEM", "client_ca_file must hold certificates"],
        ),
        (
            [&certificate, &certificate, &absent],
            vec!["key_file must hold a private key", "client_ca_file must be a file"],
        ),
        (
            [&certificate, &other, &certificate],
            vec!["key_file must be the private key of the certificate in cert_file"],
        ),
        ([&version_1, &key, &certificate], vec!["cert_file must hold a certificate of version 3"]),
        (
            [&expired, &expired_key, &certificate],
            vec!["cert_file must hold a certificate in its time: it ended 2020-01-01T00:00:00Z"],
        ),
        ([&endless, &key, &certificate], vec!["cert_file must be a regular file"]),
    ] {
        let [cert_file, key_file, client_ca_file] = files;
        let config = format!(
            "[grpc_tls]\ncert_file = {cert_file:?}\nkey_file = {key_file:?}\nclient_ca_file = {client_ca_file:?}\n"
        );
        let config = written(path, "paylinks.toml", &config).display().to_string();
        let checked = paylinks(&[]).args(["config", "check", "--config", &config]).output().await.unwrap();
        let told = String::from_utf8(checked.stderr).unwrap();
        assert!(!checked.status.success());
        for expected in &expected {
            assert!(told.contains(&format!("grpc_tls.{expected}")), "{told}");
        }
        assert_eq!(told.matches("grpc_tls.").count(), expected.len(), "{told}");
        assert!(!told.contains("BEGIN"), "{told}");
    }
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let (path, issuer) = (directory.path(), authority());
    for (days, is_warned_of) in [(13, true), (30, false)] {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let now = time::OffsetDateTime::UNIX_EPOCH + std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        params.not_after = now + time::Duration::days(days);
        let key = KeyPair::generate().unwrap();
        let config = format!(
            "[grpc_tls]\ncert_file = {:?}\nkey_file = {:?}\n",
            written(path, "server.crt", &params.signed_by(&key, &issuer).unwrap().pem()),
            written(path, "server.key", &key.serialize_pem()),
        );
        let config = written(path, "paylinks.toml", &config).display().to_string();
        let checked = paylinks(&[]).args(["config", "check", "--config", &config]).output().await.unwrap();
        let told = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
        assert!(checked.status.success(), "{told}");
        assert_eq!(told.contains("warning: grpc_tls.cert_file: the certificate ends "), is_warned_of, "{told}");
    }
}

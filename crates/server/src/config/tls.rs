//! How gRPC speaks TLS: the part `[grpc_tls]` of the file. Without it, it is in the clear.

use std::time::Duration;

use api_grpc::GrpcTls;
use domain::ports::clock::Clock;
use domain::timestamp::Timestamp;
use domain::validation::{Invalid, Validator};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

use super::secrets::{Warnings, read, read_private};
use crate::system::SystemClock;

/// How long before its end a certificate is warned of: enough to have another made.
const ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileTls {
    cert_file: Option<String>,
    key_file: Option<String>,
    client_ca_file: Option<String>,
}

/// What is used of the part.
pub(super) struct CheckedTls {
    pub(super) tls: GrpcTls,
    /// When the server's certificate ends.
    pub(super) ends: Timestamp,
}

/// How it is spoken: `Some(None)` is not at all. What is wrong is told below `grpc_tls`.
pub(super) fn tls(v: &mut Validator, file: Option<FileTls>, warnings: &mut Warnings) -> Option<Option<CheckedTls>> {
    let Some(file) = file else { return Some(None) };
    let certificate = file.cert_file.ok_or_else(Invalid::required).and_then(|path| read_certificates(&path));
    let certificate = certificate.and_then(|pem| expect_accepted(pem, SystemClock.now(), warnings));
    let certificate = v.check("cert_file", certificate);
    let key =
        file.key_file.ok_or_else(Invalid::required).and_then(|path| read_key(&path, ("grpc_tls.key_file", warnings)));
    let key = v.check("key_file", key);
    let authorities = v.check_optional("client_ca_file", file.client_ca_file.as_deref(), read_certificates);
    let ((certificate, ends), key, authorities) = (certificate?, key?, authorities?);
    // Each file is fine by itself.
    let theirs = "must be the private key of the certificate in cert_file";
    let tls = GrpcTls::new(&certificate, &key).map_err(|_| Invalid::new("KEY_MISMATCH", theirs));
    let tls = v.check("key_file", tls)?;
    let Some(authorities) = authorities else { return Some(Some(CheckedTls { tls, ends })) };
    let unfit = "must hold certificates of authorities";
    let tls = tls.with_client_authorities(&authorities).map_err(|_| Invalid::new("AUTHORITIES", unfit));
    v.check("client_ca_file", tls).map(|tls| Some(CheckedTls { tls, ends }))
}

/// What a file of certificates in PEM holds.
pub(super) fn read_certificates(path: &str) -> Result<Vec<u8>, Invalid> {
    let bytes = read(path)?;
    let certificates = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>().unwrap_or_default();
    if certificates.is_empty() {
        Err(Invalid::new("MALFORMED_PEM", "must hold certificates in PEM"))
    } else {
        Ok(bytes)
    }
}

/// Fails for a certificate of ours that no caller accepts: of an old version, or not in its time. Answers when it ends; that
/// this is soon is warned of.
fn expect_accepted(pem: Vec<u8>, now: Timestamp, warnings: &mut Warnings) -> Result<(Vec<u8>, Timestamp), Invalid> {
    let malformed = || Invalid::new("MALFORMED_PEM", "must hold certificates in PEM");
    // The first is the server's own.
    let own = CertificateDer::from_pem_slice(&pem).map_err(|_| malformed())?;
    let (_, own) = x509_parser::parse_x509_certificate(&own).map_err(|_| malformed())?;
    if own.version() != X509Version::V3 {
        let expected = "must hold a certificate of version 3, as TLS wants it: one of version 1 has no name in it";
        return Err(Invalid::new("CERTIFICATE_VERSION", expected));
    }
    let moment = |time: ASN1Time| Timestamp::from_unix_seconds(time.timestamp());
    let (begins, ends) = (moment(own.validity().not_before), moment(own.validity().not_after));
    if now >= ends {
        return Err(Invalid::new(
            "CERTIFICATE_EXPIRED",
            format!("must hold a certificate in its time: it ended {ends}"),
        ));
    }
    if now < begins {
        let expected = format!("must hold a certificate in its time: it begins {begins}");
        return Err(Invalid::new("CERTIFICATE_NOT_YET_VALID", expected));
    }
    if now.plus(ENDS_SOON) >= ends {
        let told = format!("the certificate ends {ends}: put another in its place, and restart");
        warnings.push(("grpc_tls.cert_file".to_owned(), told));
    }
    Ok((pem, ends))
}

/// What a file of a private key in PEM holds; that others can read it is noted by the name of its setting.
pub(super) fn read_key(path: &str, note: (&str, &mut Warnings)) -> Result<Vec<u8>, Invalid> {
    let bytes = read_private(path, note)?;
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(Invalid::new("MALFORMED_PEM", "must hold a private key in PEM, without a passphrase")),
    }
}

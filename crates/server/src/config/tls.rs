//! How gRPC speaks TLS: the part `[grpc_tls]` of the file. Without it, it is in the clear.

use std::fs::File;
use std::io::Read;
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

use crate::system::SystemClock;

/// How long before its end a certificate is warned of: enough to have another made.
const ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// The largest file that is read, in bytes: 1 MiB holds every authority that the world trusts, several times.
const FILE_BYTES_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileTls {
    cert_file: String,
    key_file: String,
    client_ca_file: Option<String>,
}

/// How it is spoken: `Some(None)` is not at all.
pub(super) fn tls(v: &mut Validator, file: Option<FileTls>) -> Option<Option<GrpcTls>> {
    let Some(file) = file else { return Some(None) };
    let certificate = read_certificates(&file.cert_file).and_then(|pem| expect_accepted(pem, SystemClock.now()));
    let certificate = v.check("cert_file", certificate);
    let key = v.check("key_file", read_key(&file.key_file));
    let authorities = v.check_optional("client_ca_file", file.client_ca_file.as_deref(), read_certificates);
    let (certificate, key, authorities) = (certificate?, key?, authorities?);
    // Each file is fine by itself.
    let theirs = "must be the private key of the certificate in cert_file";
    let tls = GrpcTls::new(&certificate, &key).map_err(|_| Invalid::new("KEY_MISMATCH", theirs));
    let tls = v.check("key_file", tls)?;
    let Some(authorities) = authorities else { return Some(Some(tls)) };
    let unfit = "must hold certificates of authorities";
    v.check("client_ca_file", tls.with_client_authorities(&authorities).map_err(|_| Invalid::new("AUTHORITIES", unfit)))
        .map(Some)
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

/// Fails for a certificate of ours that no caller accepts: of an old version, or not in its time. One that ends soon is told
/// in the log.
fn expect_accepted(pem: Vec<u8>, now: Timestamp) -> Result<Vec<u8>, Invalid> {
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
        tracing::warn!(%ends, "the certificate of gRPC ends soon: put another in its place, and restart");
    }
    Ok(pem)
}

fn read_key(path: &str) -> Result<Vec<u8>, Invalid> {
    let bytes = read(path)?;
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(Invalid::new("MALFORMED_PEM", "must hold a private key in PEM, without a passphrase")),
    }
}

fn read(path: &str) -> Result<Vec<u8>, Invalid> {
    let unreadable = |error| Invalid::new("UNREADABLE", format!("must be a file that can be read: {error}"));
    let mut bytes = Vec::new();
    // One that never ends, as a device does not, is not read to its end.
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(Invalid::new("TOO_LARGE", format!("must be a file of {FILE_BYTES_MAX} bytes at most")));
    }
    Ok(bytes)
}

//! How gRPC speaks TLS: the part `[grpc_tls]` of the file. Without it, it is in the clear.

use std::fs::File;
use std::io::Read;

use api_grpc::GrpcTls;
use domain::validation::{Invalid, Validator};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;

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
    let certificate = v.check("cert_file", read_certificates(&file.cert_file));
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

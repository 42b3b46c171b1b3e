//! TLS of the listener: its certificate, those that callers must show, and what is told of callers that do not get in.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;

/// How long a caller may take to agree on keys before its connection ends.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many callers agree on keys at once; others wait to be accepted.
const HANDSHAKES_MAX: usize = 1_024;
/// How often a caller that did not get in is told of in the log; those in between are counted.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// The protocol that is spoken inside.
const HTTP2: &[u8] = b"h2";

/// With what the listener speaks TLS. Debug output has none of it.
#[derive(Clone)]
pub struct GrpcTls {
    certificates: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    config: Arc<ServerConfig>,
    asks_for_certificates: bool,
}

impl GrpcTls {
    /// TLS with a certificate, the server's first and then those that vouch for it, and its private key, both in PEM.
    ///
    /// # Errors
    /// They can't be read, or the key is not the certificate's.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let certificates = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key)?;
        let config = ServerConfig::builder().with_no_client_auth();
        let config = of_http2(config.with_single_cert(certificates.clone(), key.clone_key())?);
        Ok(Self { certificates, key: Arc::new(key), config, asks_for_certificates: false })
    }

    /// The same, for callers alone that show a certificate which one of these authorities, in PEM, has signed. That opens the
    /// connection; what may be called is still the API key's to say.
    ///
    /// # Errors
    /// There is no certificate of an authority in it.
    pub fn with_client_authorities(self, authorities: &[u8]) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut roots = RootCertStore::empty();
        let authorities = CertificateDer::pem_slice_iter(authorities).collect::<Result<Vec<_>, _>>()?;
        roots.add_parsable_certificates(authorities);
        let verifier = WebPkiClientVerifier::builder(roots.into()).build()?;
        let config = ServerConfig::builder().with_client_cert_verifier(verifier);
        let config = of_http2(config.with_single_cert(self.certificates.clone(), self.key.clone_key())?);
        Ok(Self { config, asks_for_certificates: true, ..self })
    }

    /// Whether callers must show a certificate.
    pub fn asks_for_certificates(&self) -> bool {
        self.asks_for_certificates
    }

    /// The connections that come in and agree on keys, as long as they are asked for.
    pub(crate) fn incoming(&self, listener: TcpListener) -> ReceiverStream<io::Result<TlsStream<TcpStream>>> {
        // Each waits in it for a moment, until it is taken up.
        let (agreed, incoming) = mpsc::channel(16);
        tokio::spawn(accept(listener, TlsAcceptor::from(Arc::clone(&self.config)), agreed));
        ReceiverStream::new(incoming)
    }
}

impl fmt::Debug for GrpcTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcTls").field("asks_for_certificates", &self.asks_for_certificates).finish_non_exhaustive()
    }
}

fn of_http2(mut config: ServerConfig) -> Arc<ServerConfig> {
    config.alpn_protocols.push(HTTP2.to_vec());
    Arc::new(config)
}

/// Accepts connections until nobody asks for them. One that does not agree on keys holds up no other.
async fn accept(listener: TcpListener, acceptor: TlsAcceptor, agreed: mpsc::Sender<io::Result<TlsStream<TcpStream>>>) {
    let mut handshakes = JoinSet::new();
    let mut refusals = Refusals::default();
    loop {
        tokio::select! {
            () = agreed.closed() => return,
            accepted = listener.accept(), if handshakes.len() < HANDSHAKES_MAX => match accepted {
                Ok((connection, peer)) => {
                    // One on which this fails is broken, which its handshake finds out.
                    let _ = connection.set_nodelay(true);
                    let handshake = acceptor.accept(connection);
                    handshakes.spawn(async move { (peer, tokio::time::timeout(HANDSHAKE, handshake).await) });
                }
                // Of one connection, or of too many files that are open: others may fare better.
                Err(error) => {
                    tracing::warn!(%error, "a connection can't be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(Ok((peer, handshake))) = handshakes.join_next() => match handshake {
                Ok(Ok(connection)) => {
                    if agreed.send(Ok(connection)).await.is_err() {
                        return;
                    }
                }
                Ok(Err(error)) => refusals.tell(peer, &reason(&error)),
                Err(_) => refusals.tell(peer, "it took too long"),
            },
        }
    }
}

/// Callers that did not get in. Whoever floods us with them fills no log.
#[derive(Default)]
struct Refusals {
    told_at: Option<Instant>,
    untold: u64,
}

impl Refusals {
    fn tell(&mut self, peer: SocketAddr, reason: &str) {
        if self.told_at.is_some_and(|at| at.elapsed() < TOLD_EVERY) {
            self.untold += 1;
            return;
        }
        tracing::warn!(%peer, reason, untold_before = self.untold, "a caller's TLS handshake failed");
        *self = Self { told_at: Some(Instant::now()), untold: 0 };
    }
}

/// Why a handshake failed, in words that have nothing of a certificate in them.
fn reason(error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|inside| inside.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::NoCertificatesPresented) => "it showed no certificate".to_owned(),
        Some(rustls::Error::InvalidCertificate(error)) => format!("its certificate is refused: {}", fault(error)),
        // Of the protocol alone: alerts, versions, and messages that are none of TLS.
        Some(error @ (rustls::Error::AlertReceived(_) | rustls::Error::InvalidMessage(_))) => error.to_string(),
        Some(rustls::Error::PeerIncompatible(_)) => "it speaks no version or cipher of ours".to_owned(),
        Some(_) => "it broke the protocol".to_owned(),
        None => format!("the connection broke: {}", error.kind()),
    }
}

fn fault(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer => "no authority of client_ca_file has signed it",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its time is over",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "its time has not come",
        CertificateError::BadSignature => "its signature is wrong",
        CertificateError::BadEncoding => "it can't be read",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => "it is not for clients",
        _ => "it is not fit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_failed_handshakes_is_counted_and_told_now_and_then() {
        let mut refusals = Refusals::default();
        let peer = "192.0.2.1:7".parse().unwrap();
        for _ in 0..1_000 {
            refusals.tell(peer, "it showed no certificate");
        }
        assert_eq!(refusals.untold, 999);
        tokio::time::advance(TOLD_EVERY).await;
        refusals.tell(peer, "it showed no certificate");
        assert_eq!(refusals.untold, 0);
    }

    #[test]
    fn a_reason_has_nothing_of_a_certificate_in_it() {
        let told = |error: rustls::Error| reason(&io::Error::new(io::ErrorKind::InvalidData, error));
        let other = CertificateError::Other(rustls::OtherError(Arc::new(io::Error::other("canary"))));
        assert_eq!(told(rustls::Error::InvalidCertificate(other)), "its certificate is refused: it is not fit");
        assert_eq!(told(rustls::Error::NoCertificatesPresented), "it showed no certificate");
        assert_eq!(told(rustls::Error::General("canary".to_owned())), "it broke the protocol");
        assert_eq!(reason(&io::ErrorKind::UnexpectedEof.into()), "the connection broke: unexpected end of file");
    }
}

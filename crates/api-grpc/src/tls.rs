//! TLS of the listener: its certificate, and those that callers must show.

use std::time::Duration;

use tonic::transport::{Certificate, Error, Identity, Server, ServerTlsConfig};

/// How long a caller may take to agree on keys before its connection ends.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// With what the listener speaks TLS. Debug output has none of it.
#[derive(Debug, Clone)]
pub struct GrpcTls {
    config: ServerTlsConfig,
    asks_for_certificates: bool,
}

impl GrpcTls {
    /// TLS with a certificate, the server's first and then those that vouch for it, and its private key, both in PEM.
    ///
    /// # Errors
    /// They can't be read, or the key is not the certificate's.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        let identity = Identity::from_pem(certificate, key);
        Self::checked(ServerTlsConfig::new().identity(identity).timeout(HANDSHAKE), false)
    }

    /// The same, for callers alone that show a certificate which one of these authorities, in PEM, has signed. That opens the
    /// connection; what may be called is still the API key's to say.
    ///
    /// # Errors
    /// There is no certificate of an authority in it.
    pub fn with_client_authorities(self, authorities: &[u8]) -> Result<Self, Error> {
        Self::checked(self.config.client_ca_root(Certificate::from_pem(authorities)), true)
    }

    /// Whether callers must show a certificate.
    pub fn asks_for_certificates(&self) -> bool {
        self.asks_for_certificates
    }

    fn checked(config: ServerTlsConfig, asks_for_certificates: bool) -> Result<Self, Error> {
        Server::builder().tls_config(config.clone())?;
        Ok(Self { config, asks_for_certificates })
    }

    pub(crate) fn config(&self) -> ServerTlsConfig {
        self.config.clone()
    }
}

//! How to reach VIES, and as whom.

use std::time::Duration;

use domain::network::expect_api_base;
use domain::tax_id::{TaxId, TaxIdKind};
use domain::validation::Invalid;
use url::Url;

/// How VIES is asked.
#[derive(Debug, Clone)]
pub struct ViesConfig {
    /// The address of the REST API.
    pub api_base: Url,
    /// The VAT id of who asks. VIES gives a consultation number to those alone that tell theirs.
    pub requester: Option<TaxId>,
    /// The longest that a lookup may take. Registers of some member states need many seconds.
    pub timeout: Duration,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The requester's id is none that VIES knows.
    #[error("must be a VAT id of the EU or of Northern Ireland")]
    ForeignRequester,
    /// The address is none to which tax ids may go.
    #[error(transparent)]
    Base(#[from] Invalid),
    /// The HTTP client can't be made.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
}

impl ConfigError {
    /// The setting that is at fault.
    pub const fn setting(&self) -> &'static str {
        match self {
            Self::ForeignRequester => "requester",
            Self::Base(_) | Self::Client(_) => "api_base",
        }
    }
}

impl ViesConfig {
    /// The address of the Commission's own service.
    pub const API_BASE: &str = "https://ec.europa.eu/taxation_customs/vies/rest-api/";

    /// A configuration with that API, no requester and 20 seconds.
    pub fn new(api_base: Url) -> Self {
        Self { api_base, requester: None, timeout: Duration::from_secs(20) }
    }

    /// Checks what can be checked without a call.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        expect_api_base(&self.api_base)?;
        if self.requester.as_ref().is_some_and(|id| parts(id).is_none()) {
            return Err(ConfigError::ForeignRequester);
        }
        Ok(())
    }
}

/// The prefix and the number of an id that VIES knows.
pub(crate) fn parts(id: &TaxId) -> Option<(&str, &str)> {
    match id.kind()? {
        TaxIdKind::EuVat(_) | TaxIdKind::NorthernIrelandVat => id.as_str().split_at_checked(2),
        TaxIdKind::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, requester: Option<&str>) -> Result<(), ConfigError> {
        let mut config = ViesConfig::new(base.parse().unwrap());
        config.requester = requester.map(|id| TaxId::parse(id).unwrap());
        config.check()
    }

    #[test]
    fn ids_travel_over_tls_and_are_asked_about_by_taxable_persons_of_the_eu() {
        assert!(check(ViesConfig::API_BASE, Some("SE556703748501")).is_ok());
        assert!(check(ViesConfig::API_BASE, Some("XI980780684")).is_ok());
        assert!(check("http://127.0.0.1:9/", None).is_ok());
        assert!(matches!(check("http://ec.europa.eu/", None), Err(ConfigError::Base(_))));
        assert!(matches!(check("ftp://localhost/", None), Err(ConfigError::Base(_))));
        for foreign in ["GB980780684", "5567037485"] {
            assert!(matches!(check(ViesConfig::API_BASE, Some(foreign)), Err(ConfigError::ForeignRequester)));
        }
    }
}

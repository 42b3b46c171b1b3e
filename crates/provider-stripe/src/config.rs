//! How to reach Stripe.

use std::fmt;
use std::time::Duration;

use domain::provider::ProviderName;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// How to reach Stripe.
#[derive(Clone)]
pub struct StripeConfig {
    /// The name under which the adapter is registered.
    pub name: ProviderName,
    /// The secret or restricted API key.
    pub api_key: SecretString,
    /// The signing secrets of the webhook endpoint: several while one is being rolled.
    pub webhook_secrets: Vec<SecretString>,
    /// Where the API is: `https://api.stripe.com/`, or a double of it.
    pub api_base: Url,
    /// The connected account on whose behalf every call is made.
    pub account: Option<String>,
    /// The most calls a second on average; within any one second it may be a quarter more. Stripe allows 25 in a sandbox and
    /// 100 live.
    pub calls_per_second_max: u32,
    /// The longest that one try of a call may take.
    pub timeout: Duration,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The key is none of Stripe's.
    #[error("the API key must begin with sk_test_, sk_live_, rk_test_ or rk_live_")]
    MalformedKey,
    /// The connected account is no value for a header.
    #[error("the account must be an id such as acct_…")]
    MalformedAccount,
    /// The key or customers' data would travel in the clear.
    #[error("the API base must be https (http is fine on loopback)")]
    InsecureBase,
    /// The address holds what may be a secret, and addresses are shown.
    #[error("the API base must be scheme, host, port and path alone, without user or query")]
    CrowdedBase,
    /// A live key would be sent elsewhere than to Stripe.
    #[error("a live key goes to https://api.stripe.com alone")]
    LiveKeyElsewhere,
    /// The HTTP client can't be made.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
}

impl StripeConfig {
    /// The host of Stripe's API.
    pub const API_HOST: &str = "api.stripe.com";

    /// A configuration for a key, with Stripe's own address, 20 calls a second and 20 seconds a try.
    pub fn new(name: ProviderName, api_key: SecretString, webhook_secrets: Vec<SecretString>, api_base: Url) -> Self {
        Self {
            name,
            api_key,
            webhook_secrets,
            api_base,
            account: None,
            calls_per_second_max: 20,
            timeout: Duration::from_secs(20),
        }
    }

    /// Whether real money moves.
    pub fn is_live(&self) -> bool {
        let key = self.api_key.expose_secret();
        key.starts_with("sk_live_") || key.starts_with("rk_live_")
    }

    /// Checks what can be checked without a call.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let key = self.api_key.expose_secret();
        if !["sk_test_", "sk_live_", "rk_test_", "rk_live_"].iter().any(|prefix| key.starts_with(prefix)) {
            return Err(ConfigError::MalformedKey);
        }
        let is_loopback = match self.api_base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let base = &self.api_base;
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
            return Err(ConfigError::CrowdedBase);
        }
        if self.is_live() && (self.api_base.scheme() != "https" || self.api_base.host_str() != Some(Self::API_HOST)) {
            return Err(ConfigError::LiveKeyElsewhere);
        }
        if self.api_base.scheme() != "https" && !is_loopback {
            return Err(ConfigError::InsecureBase);
        }
        Ok(())
    }
}

impl fmt::Debug for StripeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeConfig").field("name", &self.name).field("live", &self.is_live()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, base: &str) -> Result<(), ConfigError> {
        StripeConfig::new("stripe".parse().unwrap(), key.into(), vec![], base.parse().unwrap()).check()
    }

    #[test]
    fn keys_go_only_where_they_are_safe() {
        assert!(check("sk_test_1", "http://127.0.0.1:12111").is_ok());
        assert!(check("sk_live_1", "https://api.stripe.com").is_ok());
        assert!(matches!(check("sk_live_1", "http://127.0.0.1:12111"), Err(ConfigError::LiveKeyElsewhere)));
        assert!(matches!(check("sk_live_1", "https://example.com"), Err(ConfigError::LiveKeyElsewhere)));
        assert!(matches!(check("sk_test_1", "http://example.com"), Err(ConfigError::InsecureBase)));
        for crowded in ["https://u:secret@example.com", "https://example.com/?key=secret"] {
            assert!(matches!(check("sk_test_1", crowded), Err(ConfigError::CrowdedBase)), "{crowded}");
        }
        assert!(matches!(check("pk_test_1", "https://api.stripe.com"), Err(ConfigError::MalformedKey)));
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = StripeConfig::new(
            "stripe".parse().unwrap(),
            "sk_test_canary".into(),
            vec!["whsec_canary".into()],
            "https://api.stripe.com".parse().unwrap(),
        );
        assert!(!format!("{config:?}").contains("canary"));
    }
}

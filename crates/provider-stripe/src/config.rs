//! How to reach Stripe.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::adapter::{AccountIdentity, ConfiguredProvider, ProviderAdapter, ProviderPorts, Variable};
use domain::provider::{Capabilities, ProviderName};
use domain::validation::{Invalid, Validator};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Host, Url};

use crate::capabilities::capabilities;
use crate::provider::StripeProvider;

/// Stripe's adapter, as it is registered and configured.
#[derive(Debug, Clone, Copy)]
pub struct Stripe;

/// What is configured of Stripe.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct StripeSettings {
    api_key: Option<String>,
    webhook_secrets: Vec<String>,
    api_base: Option<String>,
    account: Option<String>,
    calls_per_second_max: Option<u32>,
}

impl ProviderAdapter for Stripe {
    type Settings = StripeSettings;

    const NAME: &'static str = "stripe";

    const ENVIRONMENT: &'static [Variable] = &[
        Variable { name: "STRIPE_API_KEY", setting: "api_key", is_list: false },
        Variable { name: "STRIPE_WEBHOOK_SECRET", setting: "webhook_secrets", is_list: true },
        Variable { name: "STRIPE_API_BASE", setting: "api_base", is_list: false },
    ];

    fn capabilities(livemode: bool) -> Capabilities {
        capabilities(livemode)
    }

    fn check(name: ProviderName, settings: StripeSettings, v: &mut Validator) -> Option<Box<dyn ConfiguredProvider>> {
        let secrets = settings.webhook_secrets;
        let is_secret = |secret: &String| secret.strip_prefix("whsec_").is_some_and(is_given);
        if !secrets.iter().all(is_secret) {
            let expected = "must be signing secrets, which begin with whsec_ and go on in ASCII";
            v.refuse("webhook_secrets", Invalid::new("MALFORMED_SECRET", expected));
        }
        if secrets.is_empty() {
            let expected = "must have the signing secret of the webhook endpoint (STRIPE_WEBHOOK_SECRET)";
            v.refuse("webhook_secrets", Invalid::new("REQUIRED", expected));
        }
        let base = Url::parse(settings.api_base.as_deref().unwrap_or(StripeConfig::API_BASE));
        let expected = format!("must be a URL such as {}", StripeConfig::API_BASE);
        let base = v.check("api_base", base.map_err(|_| Invalid::new("MALFORMED_URL", expected)));
        let key = settings.api_key.filter(|key| !key.is_empty());
        let expected = "is required (STRIPE_API_KEY): else nobody would be charged";
        let key = v.check("api_key", key.ok_or_else(|| Invalid::new("REQUIRED", expected)));
        let secrets = secrets.into_iter().map(SecretString::from).collect();
        let mut config = StripeConfig::new(name, SecretString::from(key?), secrets, base?);
        config.account = settings.account;
        if config.is_live() {
            config.calls_per_second_max = StripeConfig::LIVE_CALLS_PER_SECOND;
        }
        config.calls_per_second_max = settings.calls_per_second_max.unwrap_or(config.calls_per_second_max);
        if let Err(error) = config.check() {
            v.refuse(error.setting(), Invalid::new("STRIPE", error.to_string()));
            return None;
        }
        Some(Box::new(config))
    }
}

impl ConfiguredProvider for StripeConfig {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn is_live(&self) -> bool {
        let key = self.api_key.expose_secret();
        key.starts_with("sk_live_") || key.starts_with("rk_live_")
    }

    fn account(&self) -> AccountIdentity {
        let key = self.api_key.expose_secret();
        let account = self.account.as_deref().or_else(|| account_of_key(key)).unwrap_or(key);
        AccountIdentity::new(Stripe::NAME, self.api_base.as_str(), account.trim_start_matches("acct_"))
    }

    fn summary(&self) -> String {
        match self.is_live() {
            true => "Stripe, with a live key".to_owned(),
            false => format!("Stripe, with a test key, at {}", self.api_base),
        }
    }

    fn make(&self) -> Result<ProviderPorts, Box<dyn Error + Send + Sync>> {
        let stripe = StripeProvider::new(self.clone())?;
        Ok(ProviderPorts {
            in_background: Arc::new(stripe.in_background()),
            tax: Some(Arc::new(stripe.tax_calculator())),
            provider: Arc::new(stripe),
        })
    }
}

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
    #[error("must begin with sk_test_, sk_live_, rk_test_ or rk_live_, and go on in ASCII")]
    MalformedKey,
    /// The connected account is no value for a header.
    #[error("must be an id such as acct_1Nv0FGQ9RKHgCVdK")]
    MalformedAccount,
    /// The key or customers' data would travel in the clear.
    #[error("must be https (http is fine on loopback)")]
    InsecureBase,
    /// The address holds what may be a secret, and addresses are shown.
    #[error("must be scheme, host, port and path alone, without user or query")]
    CrowdedBase,
    /// A live key would be sent elsewhere than to Stripe.
    #[error("must be https://api.stripe.com with a live key")]
    LiveKeyElsewhere,
    /// No call could ever be made.
    #[error("must be at least 1")]
    NoCalls,
    /// The HTTP client can't be made.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
}

impl ConfigError {
    /// The setting that is at fault.
    const fn setting(&self) -> &'static str {
        match self {
            Self::MalformedKey | Self::Client(_) => "api_key",
            Self::MalformedAccount => "account",
            Self::NoCalls => "calls_per_second_max",
            Self::InsecureBase | Self::CrowdedBase | Self::LiveKeyElsewhere => "api_base",
        }
    }
}

impl StripeConfig {
    /// The host of Stripe's API.
    pub const API_HOST: &str = "api.stripe.com";
    /// Where it is, unless it is configured.
    const API_BASE: &str = "https://api.stripe.com/";
    /// The most calls a second with a live key, unless it is configured: a fifth below what Stripe allows.
    const LIVE_CALLS_PER_SECOND: u32 = 80;

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

    /// Checks what can be checked without a call.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let key = self.api_key.expose_secret();
        let rest = ["sk_test_", "sk_live_", "rk_test_", "rk_live_"].iter().find_map(|prefix| key.strip_prefix(prefix));
        if !rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')) {
            return Err(ConfigError::MalformedKey);
        }
        let is_account =
            |id: &str| id.strip_prefix("acct_").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric()));
        if !self.account.as_deref().is_none_or(is_account) {
            return Err(ConfigError::MalformedAccount);
        }
        if self.calls_per_second_max == 0 {
            return Err(ConfigError::NoCalls);
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

/// The account whose key this is. All keys of an account, restricted ones too, begin with its id, `5` in front of it. Stripe does
/// not promise that: what does not look so is an account by itself.
fn account_of_key(key: &str) -> Option<&str> {
    const ID_CHARS: usize = 16;
    const KEY_CHARS_MIN: usize = 60;
    let rest = key.splitn(3, '_').nth(2)?;
    rest.strip_prefix('5').filter(|_| rest.len() >= KEY_CHARS_MIN)?.get(..ID_CHARS)
}

/// Whether there is something behind a prefix that can be meant: not the ellipsis of an example.
fn is_given(rest: &str) -> bool {
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
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
    fn keys_of_one_account_are_one_account_and_others_are_others() {
        let account = |key: &str, account: Option<&str>| {
            let mut config =
                StripeConfig::new("one".parse().unwrap(), key.into(), vec![], StripeConfig::API_BASE.parse().unwrap());
            config.account = account.map(str::to_owned);
            config.account()
        };
        let rest = "x".repeat(80);
        let secret = account(&format!("sk_test_51Nv0FGQ9RKHgCVdKa{rest}"), None);
        assert_eq!(secret, account(&format!("rk_test_51Nv0FGQ9RKHgCVdKb{rest}"), None));
        assert_eq!(secret, account("sk_test_platform", Some("acct_1Nv0FGQ9RKHgCVdK")));
        assert_ne!(secret, account(&format!("sk_test_51Nv0FGQ9RKHgCVdLa{rest}"), None));
        assert_ne!(account("sk_test_1", None), account("sk_test_2", None));
        assert_eq!(account("sk_test_1", None), account("sk_test_1", None));
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

//! How to reach Stripe.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::network::{expect_api_base, expect_bare};
use domain::ports::adapter::{
    AccountIdentity, ConfiguredProvider, ProviderAdapter, ProviderPorts, Setting, SettingKind, required,
};
use domain::provider::{Capabilities, ProviderName};
use domain::validation::{Invalid, Validator};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

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

    const SETTINGS: &'static [Setting] = &[
        Setting::new("api_key", SettingKind::Text, "The secret or restricted API key, `sk_…` or `rk_…`")
            .variable("STRIPE_API_KEY")
            .secret(),
        Setting::new(
            "webhook_secrets",
            SettingKind::Texts,
            "The signing secrets of the webhook endpoint, `whsec_…`: all of them verify, so that one can be rolled",
        )
        .variable("STRIPE_WEBHOOK_SECRET")
        .secret(),
        Setting::new("api_base", SettingKind::Text, "Where the API is; https, or http on loopback")
            .or(StripeConfig::API_BASE)
            .variable("STRIPE_API_BASE"),
        Setting::new("account", SettingKind::Text, "A connected account, `acct_…`, on whose behalf every call is made"),
        Setting::new(
            "calls_per_second_max",
            SettingKind::Number,
            "The most calls a second of each server on average, 1 at least, with a quarter more in a burst. Stripe's limit is \
             the account's: share it out among servers",
        )
        .or("80 with a live key, 20 with a test key"),
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
            v.refuse("webhook_secrets", required::<Self>(&name, "webhook_secrets"));
        }
        let key = settings.api_key.filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| required::<Self>(&name, "api_key"));
        let key = v.check("api_key", key.and_then(|key| check_key(&key).map(|()| key).map_err(Invalid::from)));
        let base = Url::parse(settings.api_base.as_deref().unwrap_or(StripeConfig::API_BASE));
        let expected = format!("must be a URL such as {}", StripeConfig::API_BASE);
        let base = base.map_err(|_| Invalid::new("MALFORMED_URL", expected));
        let is_live = key.as_deref().is_some_and(is_live);
        let base = base.and_then(|base| check_base(&base, is_live).map(|()| base).map_err(Invalid::from));
        let base = v.check("api_base", base);
        let account = v.check_optional("account", settings.account, |account| {
            check_account(&account).map(|()| account).map_err(Invalid::from)
        });
        let usual = if is_live { StripeConfig::LIVE_CALLS_PER_SECOND } else { StripeConfig::TEST_CALLS_PER_SECOND };
        let calls_per_second_max = settings.calls_per_second_max.unwrap_or(usual);
        v.check("calls_per_second_max", check_calls(calls_per_second_max).map_err(Invalid::from));
        let secrets = secrets.into_iter().map(SecretString::from).collect();
        let config = StripeConfig::new(name, SecretString::from(key?), secrets, base?);
        Some(Box::new(StripeConfig { account: account?, calls_per_second_max, ..config }))
    }
}

impl ConfiguredProvider for StripeConfig {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn is_live(&self) -> bool {
        is_live(self.api_key.expose_secret())
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
    /// The address is none for an API that is called with a secret.
    #[error(transparent)]
    Base(#[from] Invalid),
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

impl From<ConfigError> for Invalid {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Base(invalid) => invalid,
            other => Self::new("STRIPE", other.to_string()),
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
    /// The same with a test key.
    const TEST_CALLS_PER_SECOND: u32 = 20;

    /// A configuration for a key, with Stripe's own address, 20 calls a second and 20 seconds a try.
    pub fn new(name: ProviderName, api_key: SecretString, webhook_secrets: Vec<SecretString>, api_base: Url) -> Self {
        Self {
            name,
            api_key,
            webhook_secrets,
            api_base,
            account: None,
            calls_per_second_max: Self::TEST_CALLS_PER_SECOND,
            timeout: Duration::from_secs(20),
        }
    }

    /// Checks what can be checked without a call.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        check_key(self.api_key.expose_secret())?;
        self.account.as_deref().map_or(Ok(()), check_account)?;
        check_calls(self.calls_per_second_max)?;
        check_base(&self.api_base, self.is_live())
    }
}

fn is_live(key: &str) -> bool {
    key.starts_with("sk_live_") || key.starts_with("rk_live_")
}

fn check_key(key: &str) -> Result<(), ConfigError> {
    let rest = ["sk_test_", "sk_live_", "rk_test_", "rk_live_"].iter().find_map(|prefix| key.strip_prefix(prefix));
    let fits = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if rest.is_some_and(fits) { Ok(()) } else { Err(ConfigError::MalformedKey) }
}

fn check_account(id: &str) -> Result<(), ConfigError> {
    let fits = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    if id.strip_prefix("acct_").is_some_and(fits) { Ok(()) } else { Err(ConfigError::MalformedAccount) }
}

const fn check_calls(per_second_max: u32) -> Result<(), ConfigError> {
    if per_second_max == 0 { Err(ConfigError::NoCalls) } else { Ok(()) }
}

fn check_base(base: &Url, is_live: bool) -> Result<(), ConfigError> {
    // What must not be shown comes first, and then where a live key would go.
    expect_bare(base)?;
    let is_stripes = base.scheme() == "https" && base.host_str() == Some(StripeConfig::API_HOST);
    if is_live && !is_stripes {
        return Err(ConfigError::LiveKeyElsewhere);
    }
    Ok(expect_api_base(base)?)
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
        for elsewhere in ["http://example.com", "https://.example.com/"] {
            assert!(matches!(check("sk_test_1", elsewhere), Err(ConfigError::Base(_))), "{elsewhere}");
        }
        for crowded in ["https://u:secret@example.com", "https://example.com/?key=secret"] {
            assert!(matches!(check("sk_test_1", crowded), Err(ConfigError::Base(_))), "{crowded}");
        }
        assert!(matches!(check("pk_test_1", "https://api.stripe.com"), Err(ConfigError::MalformedKey)));
    }

    #[test]
    fn every_fault_is_told_at_once_and_a_variable_only_where_it_would_count() {
        let told = |name: &str, settings: StripeSettings| {
            let mut v = Validator::new();
            let checked = Stripe::check(name.parse().unwrap(), settings, &mut v).map(|_| ());
            let told = v.finish(checked).unwrap_err();
            told.iter().map(|told| format!("{} {}", told.field, told.expected)).collect::<Vec<_>>()
        };
        let wrong = StripeSettings {
            api_key: Some("pk_test_1".to_owned()),
            webhook_secrets: vec!["whsec_1".to_owned()],
            api_base: Some("https://.stripe.com".to_owned()),
            account: Some("acct_".to_owned()),
            calls_per_second_max: Some(0),
        };
        let fields: Vec<_> =
            told("stripe", wrong).iter().filter_map(|told| Some(told.split_once(' ')?.0.to_owned())).collect();
        assert_eq!(fields, ["api_key", "api_base", "account", "calls_per_second_max"]);
        let missing = told("stripe", StripeSettings::default());
        assert_eq!(missing[1], "api_key is required: here, in the file that api_key_file names or as STRIPE_API_KEY");
        let other = told("other", StripeSettings::default());
        assert_eq!(other[0], "webhook_secrets is required: here or in the file that webhook_secrets_file names");
        assert_eq!(other[1], "api_key is required: here or in the file that api_key_file names");
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

//! How to reach Adyen.

use std::fmt;
use std::time::Duration;

use domain::validation::{Invalid, Validator};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Host, Url};

use crate::signature::{BasicAuthentication, KEY_HEX_CHARS};

/// Where the API is for tests.
const TEST_BASE: &str = "https://checkout-test.adyen.com/v71/";
/// The domain below which all of Adyen's live addresses are.
const LIVE_DOMAIN: &str = ".adyenpayments.com";
/// The most calls a second where nothing is said.
const CALLS_PER_SECOND_MAX: u32 = 20;
/// The longest that one try of a call may take where nothing is said, in milliseconds.
const TIMEOUT_MS: u64 = 20_000;

/// How to reach Adyen, as an operator says it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdyenConfig {
    /// The API key, of a user with the role for the Checkout web service.
    #[serde(default)]
    pub api_key: SecretString,
    /// The merchant account to which payments belong.
    #[serde(default)]
    pub merchant_account: String,
    /// The HMAC keys of the webhook, 64 hexadecimal digits each: several while one is being rolled.
    #[serde(default)]
    pub hmac_keys: Vec<SecretString>,
    /// The user name by which the webhook authenticates itself; with [`webhook_password`](Self::webhook_password) or not at all.
    #[serde(default)]
    pub webhook_username: Option<String>,
    /// The password of [`webhook_username`](Self::webhook_username).
    #[serde(default)]
    pub webhook_password: Option<SecretString>,
    /// The company's prefix of live addresses, needed where [`live`](Self::live).
    #[serde(default)]
    pub live_endpoint_prefix: Option<String>,
    /// Whether real money moves.
    #[serde(default)]
    pub live: bool,
    /// Where the API is, the version included; Adyen's own address where absent.
    #[serde(default)]
    pub api_base: Option<Url>,
    /// The most calls a second on average, 1 at least; within any one second it may be a quarter more.
    #[serde(default = "calls_per_second_max")]
    pub calls_per_second_max: u32,
    /// The longest that one try of a call may take, in milliseconds: 1 to 60,000.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
}

const fn calls_per_second_max() -> u32 {
    CALLS_PER_SECOND_MAX
}

const fn timeout_ms() -> u64 {
    TIMEOUT_MS
}

/// Why a configuration that had passed its check could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Fields are bad.
    #[error("the configuration is invalid")]
    Invalid(#[source] domain::validation::Violations),
    /// The HTTP client can't be made.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
}

impl AdyenConfig {
    /// Notes everything that is wrong with it, by the names of its fields, without a call.
    pub fn check(&self, v: &mut Validator) {
        v.check("api_key", api_key(&self.api_key));
        v.check("merchant_account", merchant_account(&self.merchant_account));
        if self.hmac_keys.is_empty() {
            v.refuse("hmac_keys", Invalid::new("REQUIRED", "must have the HMAC key of the webhook"));
        }
        for (index, key) in self.hmac_keys.iter().enumerate() {
            v.check(&format!("hmac_keys[{index}]"), hmac_key(key));
        }
        if self.webhook_username.is_some() != self.webhook_password.is_some() {
            let (absent, there) = match self.webhook_username {
                Some(_) => ("webhook_password", "webhook_username"),
                None => ("webhook_username", "webhook_password"),
            };
            v.refuse(absent, Invalid::new("REQUIRED", format!("is required beside {there}")));
        }
        for (field, is_empty) in [
            ("webhook_username", self.webhook_username.as_deref().is_some_and(str::is_empty)),
            ("webhook_password", self.webhook_password.as_ref().is_some_and(|p| p.expose_secret().is_empty())),
        ] {
            if is_empty {
                v.refuse(field, Invalid::new("REQUIRED", "must not be empty"));
            }
        }
        match (&self.live_endpoint_prefix, self.live) {
            (None, true) if self.api_base.is_none() => {
                v.refuse("live_endpoint_prefix", Invalid::new("REQUIRED", "is required for live payments"));
            }
            (Some(_), false) => {
                let expected = "must be absent unless `live` is true: test payments have one address for all";
                v.refuse("live_endpoint_prefix", Invalid::new("NOT_LIVE", expected));
            }
            (Some(prefix), true) => {
                v.check("live_endpoint_prefix", endpoint_prefix(prefix));
            }
            (None, _) => {}
        }
        if let Some(base) = &self.api_base {
            v.check("api_base", api_base(base, self.live));
        }
        if self.calls_per_second_max == 0 {
            v.refuse("calls_per_second_max", Invalid::new("OUT_OF_RANGE", "must be 1 or more"));
        }
        if !(1..=60_000).contains(&self.timeout_ms) {
            v.refuse("timeout_ms", Invalid::new("OUT_OF_RANGE", "must be 1 to 60,000"));
        }
    }

    /// Where the API is. It ends with a slash, so that paths are below it.
    pub(crate) fn base(&self) -> Option<Url> {
        let prefix = self.live_endpoint_prefix.as_deref().unwrap_or_default();
        let mut base = match (&self.api_base, self.live) {
            (Some(base), _) => base.clone(),
            (None, true) => Url::parse(&format!("https://{prefix}-checkout-live{LIVE_DOMAIN}/checkout/v71/")).ok()?,
            (None, false) => Url::parse(TEST_BASE).ok()?,
        };
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Some(base)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(crate) fn basic_authentication(&self) -> Option<BasicAuthentication> {
        Some(BasicAuthentication::new(self.webhook_username.as_deref()?, self.webhook_password.as_ref()?))
    }
}

fn api_key(key: &SecretString) -> Result<(), Invalid> {
    match key.expose_secret() {
        "" => Err(Invalid::required()),
        key if key.bytes().all(|b| b.is_ascii_graphic()) => Ok(()),
        _ => Err(Invalid::new("MALFORMED_KEY", "must be printable ASCII without spaces")),
    }
}

fn merchant_account(name: &str) -> Result<(), Invalid> {
    match name {
        "" => Err(Invalid::required()),
        // A colon would make the text that is signed ambiguous.
        name if name.len() <= 80 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') => Ok(()),
        _ => Err(Invalid::new("MALFORMED_ACCOUNT", "must be at most 80 letters, digits, hyphens and underscores")),
    }
}

fn hmac_key(key: &SecretString) -> Result<(), Invalid> {
    let key = key.expose_secret();
    if key.len() == KEY_HEX_CHARS && key.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Invalid::new("MALFORMED_KEY", format!("must be {KEY_HEX_CHARS} hexadecimal digits")))
}

fn endpoint_prefix(prefix: &str) -> Result<(), Invalid> {
    let is_fit = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if (1..=60).contains(&prefix.len()) && prefix.bytes().all(is_fit) && !prefix.starts_with('-') {
        return Ok(());
    }
    let expected = "must be the prefix of your live addresses, such as 1797a841fbb37ca7-AdyenDemo";
    Err(Invalid::new("MALFORMED_PREFIX", expected))
}

fn api_base(base: &Url, live: bool) -> Result<(), Invalid> {
    let is_loopback = match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
        let expected = "must be scheme, host, port and path alone, without user or query";
        return Err(Invalid::new("CROWDED_URL", expected));
    }
    if live && (base.scheme() != "https" || !base.host_str().is_some_and(|host| host.ends_with(LIVE_DOMAIN))) {
        let expected = format!("must be https below {LIVE_DOMAIN}: a live key goes nowhere else");
        return Err(Invalid::new("LIVE_KEY_ELSEWHERE", expected));
    }
    if base.scheme() != "https" && !(is_loopback && base.scheme() == "http") {
        return Err(Invalid::new("URL_SCHEME", "must be https (http is fine on loopback)"));
    }
    Ok(())
}

impl fmt::Debug for AdyenConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AdyenConfig");
        shown.field("merchant_account", &self.merchant_account).field("live", &self.live).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn right() -> Value {
        json!({"api_key": "AQE_canary", "merchant_account": "TestMerchant", "hmac_keys": ["a0".repeat(32)]})
    }

    fn config(change: Value) -> AdyenConfig {
        let mut config = right();
        for (name, value) in change.as_object().unwrap() {
            config[name] = value.clone();
        }
        serde_json::from_value(config).unwrap()
    }

    fn faults(change: Value) -> Vec<String> {
        let mut v = Validator::new();
        config(change).check(&mut v);
        let found = v.finish(Some(())).err();
        found.iter().flat_map(|found| found.iter()).map(|v| format!("{} {}", v.field, v.rule)).collect()
    }

    fn base(change: Value) -> String {
        config(change).base().unwrap().to_string()
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let wrong = json!({"api_key": "", "merchant_account": "a:b", "hmac_keys": ["zz", "a0".repeat(32), "a0"],
            "webhook_username": "adyen", "live_endpoint_prefix": "x", "api_base": "http://example.com/v71",
            "calls_per_second_max": 0, "timeout_ms": 0});
        let want = [
            "api_key REQUIRED",
            "merchant_account MALFORMED_ACCOUNT",
            "hmac_keys[0] MALFORMED_KEY",
            "hmac_keys[2] MALFORMED_KEY",
            "webhook_password REQUIRED",
            "live_endpoint_prefix NOT_LIVE",
            "api_base URL_SCHEME",
            "calls_per_second_max OUT_OF_RANGE",
            "timeout_ms OUT_OF_RANGE",
        ];
        assert_eq!(faults(wrong), want);
        assert_eq!(faults(json!({})), Vec::<String>::new());
        let nothing: AdyenConfig = serde_json::from_value(json!({})).unwrap();
        let mut v = Validator::new();
        nothing.check(&mut v);
        assert_eq!(v.finish(Some(())).unwrap_err().iter().count(), 3);
    }

    #[test]
    fn a_live_key_goes_to_adyens_live_addresses_alone() {
        let live = |change: Value| {
            let mut all = json!({"live": true, "live_endpoint_prefix": "1797a841fbb37ca7-AdyenDemo"});
            all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            all
        };
        assert_eq!(faults(live(json!({}))), Vec::<String>::new());
        assert_eq!(
            base(live(json!({}))),
            "https://1797a841fbb37ca7-AdyenDemo-checkout-live.adyenpayments.com/checkout/v71/".to_lowercase()
        );
        assert_eq!(faults(json!({"live": true})), ["live_endpoint_prefix REQUIRED"]);
        assert_eq!(faults(live(json!({"live_endpoint_prefix": "a.b/"}))), ["live_endpoint_prefix MALFORMED_PREFIX"]);
        for elsewhere in ["http://127.0.0.1:9", "https://example.com/v71", "https://adyenpayments.com.example.com"] {
            assert_eq!(faults(live(json!({"api_base": elsewhere}))), ["api_base LIVE_KEY_ELSEWHERE"], "{elsewhere}");
        }
        let crowded = live(json!({"api_base": "https://u:secret@x.adyenpayments.com"}));
        assert_eq!(faults(crowded), ["api_base CROWDED_URL"]);
    }

    #[test]
    fn paths_are_below_the_base() {
        assert_eq!(base(json!({})), TEST_BASE);
        assert_eq!(base(json!({"api_base": "http://127.0.0.1:9/checkout/v71"})), "http://127.0.0.1:9/checkout/v71/");
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = config(json!({"webhook_username": "adyen", "webhook_password": "canary"}));
        assert!(!format!("{config:?}").contains("canary"));
    }
}

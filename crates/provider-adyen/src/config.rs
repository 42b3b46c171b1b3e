//! How to reach Adyen.

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
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::capabilities::capabilities;
use crate::provider::AdyenProvider;
use crate::signature::{BasicAuthentication, KEY_HEX_CHARS};

/// Where the API is for tests.
const TEST_BASE: &str = "https://checkout-test.adyen.com/v71/";
/// The domain below which all of Adyen's live addresses are.
const LIVE_DOMAIN: &str = ".adyenpayments.com";
/// The most calls a second where nothing is said.
const CALLS_PER_SECOND_MAX: u32 = 20;
/// The longest that one try of a call may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Adyen's adapter, as it is registered and configured.
#[derive(Debug, Clone, Copy)]
pub struct Adyen;

/// What is configured of Adyen.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct AdyenSettings {
    /// The API key, of a user with the role for the Checkout web service.
    api_key: Option<SecretString>,
    /// The merchant account to which payments belong.
    merchant_account: Option<String>,
    /// The HMAC keys of the webhook, 64 hexadecimal digits each: several while one is being rolled.
    hmac_keys: Vec<SecretString>,
    /// The user name by which the webhook authenticates itself; beside its password or not at all.
    webhook_username: Option<String>,
    /// The password of the webhook's user name.
    webhook_password: Option<SecretString>,
    /// The company's prefix of live addresses, needed where real money moves.
    live_endpoint_prefix: Option<String>,
    /// Whether real money moves.
    live: bool,
    /// Where the API is, the version included; Adyen's own address where absent.
    api_base: Option<String>,
    /// The most calls a second on average, 1 at least; within any one second it may be a quarter more.
    calls_per_second_max: Option<u32>,
}

impl ProviderAdapter for Adyen {
    type Settings = AdyenSettings;

    const NAME: &'static str = "adyen";

    const SETTINGS: &'static [Setting] = &[
        Setting::new("api_key", SettingKind::Text, "The API key, of a user with the role for the Checkout web service")
            .variable("ADYEN_API_KEY")
            .secret(),
        Setting::new("merchant_account", SettingKind::Text, "The merchant account to which payments belong"),
        Setting::new(
            "hmac_keys",
            SettingKind::Texts,
            "The HMAC keys of the webhook, 64 hexadecimal digits each: all of them verify, so that one can be rolled",
        )
        .variable("ADYEN_HMAC_KEYS")
        .secret(),
        Setting::new(
            "webhook_username",
            SettingKind::Text,
            "The user name of the webhook's basic authentication, where that is turned on",
        ),
        Setting::new("webhook_password", SettingKind::Text, "The password beside it")
            .variable("ADYEN_WEBHOOK_PASSWORD")
            .secret(),
        Setting::new("live", SettingKind::Flag, "Whether real money moves").or("false"),
        Setting::new(
            "live_endpoint_prefix",
            SettingKind::Text,
            "The company's prefix of live addresses, such as `1797a841fbb37ca7-AdyenDemo`; needed where `live` is true, unless \
             `api_base` says the whole address",
        ),
        Setting::new(
            "api_base",
            SettingKind::Text,
            "Where the API is, the version included; https, or http on loopback",
        )
        .or("Adyen's own address")
        .variable("ADYEN_API_BASE"),
        Setting::new(
            "calls_per_second_max",
            SettingKind::Number,
            "The most calls a second of each server on average, 1 at least, with a quarter more in a burst",
        )
        .or("20"),
    ];

    fn capabilities(livemode: bool) -> Capabilities {
        capabilities(livemode)
    }

    fn check(name: ProviderName, settings: AdyenSettings, v: &mut Validator) -> Option<Box<dyn ConfiguredProvider>> {
        Some(Box::new(settings.checked(name, v)?))
    }
}

impl AdyenSettings {
    /// The configuration for these settings; every one that is wrong is noted.
    pub fn checked(self, name: ProviderName, v: &mut Validator) -> Option<AdyenConfig> {
        let api_key = self.api_key.filter(|key| !key.expose_secret().is_empty());
        let api_key = api_key.ok_or_else(|| required::<Adyen>(&name, "api_key")).and_then(header);
        let api_key = v.check("api_key", api_key);
        let account = self.merchant_account.ok_or_else(Invalid::required).and_then(merchant_account);
        let merchant_account = v.check("merchant_account", account);
        if self.hmac_keys.is_empty() {
            v.refuse("hmac_keys", required::<Adyen>(&name, "hmac_keys"));
        }
        let keys = self.hmac_keys.into_iter().enumerate();
        let hmac_keys: Vec<_> =
            keys.map(|(index, key)| v.check(&format!("hmac_keys[{index}]"), hmac_key(key))).collect();
        let basic = basic(v, &name, self.webhook_username, self.webhook_password);
        let base = match (self.api_base, self.live_endpoint_prefix, self.live) {
            (_, Some(_), false) => {
                let expected = "must be absent unless `live` is true: test payments have one address for all";
                v.refuse("live_endpoint_prefix", Invalid::new("NOT_LIVE", expected));
                None
            }
            (Some(base), prefix, live) => {
                if prefix.is_some() {
                    let expected = "must be absent beside api_base, which says the whole address";
                    v.refuse("live_endpoint_prefix", Invalid::new("TWICE", expected));
                }
                v.check("api_base", api_base(&base, live))
            }
            (None, Some(prefix), true) => v.check("live_endpoint_prefix", live_base(&prefix)),
            (None, None, true) => {
                v.refuse("live_endpoint_prefix", Invalid::new("REQUIRED", "is required where `live` is true"));
                None
            }
            (None, None, false) => v.check("api_base", api_base(TEST_BASE, false)),
        };
        let calls_per_second_max = self.calls_per_second_max.unwrap_or(CALLS_PER_SECOND_MAX);
        if calls_per_second_max == 0 {
            v.refuse("calls_per_second_max", Invalid::new("OUT_OF_RANGE", "must be 1 or more"));
        }
        Some(AdyenConfig {
            name,
            api_key: api_key?,
            merchant_account: merchant_account?,
            hmac_keys: hmac_keys.into_iter().collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty())?,
            basic: basic?,
            live: self.live,
            base: base?,
            calls_per_second_max: Some(calls_per_second_max).filter(|calls| *calls > 0)?,
            timeout: TIMEOUT,
        })
    }
}

/// How to reach Adyen: settings that were checked.
#[derive(Clone)]
pub struct AdyenConfig {
    pub(crate) name: ProviderName,
    /// The API key, as the value of a header.
    pub(crate) api_key: HeaderValue,
    pub(crate) merchant_account: String,
    pub(crate) hmac_keys: Vec<SecretString>,
    pub(crate) basic: Option<BasicAuthentication>,
    pub(crate) live: bool,
    /// Where the API is. It ends with a slash, so that paths are below it.
    pub(crate) base: Url,
    pub(crate) calls_per_second_max: u32,
    pub(crate) timeout: Duration,
}

impl AdyenConfig {
    /// The same, where one try of a call may take so long at the most.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

impl ConfiguredProvider for AdyenConfig {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn is_live(&self) -> bool {
        self.live
    }

    fn account(&self) -> AccountIdentity {
        // Whatever version of its API is spoken, and through which of its hosts.
        AccountIdentity::new(Adyen::NAME, if self.live { "live" } else { "test" }, &self.merchant_account)
    }

    fn summary(&self) -> String {
        let kind = if self.live { "live" } else { "test" };
        format!("Adyen, {kind} payments of {}, at {}", self.merchant_account, self.base)
    }

    fn make(&self) -> Result<ProviderPorts, Box<dyn Error + Send + Sync>> {
        let adyen = AdyenProvider::new(self)?;
        Ok(ProviderPorts { in_background: Arc::new(adyen.in_background()), tax: None, provider: Arc::new(adyen) })
    }
}

fn header(key: SecretString) -> Result<HeaderValue, Invalid> {
    let expected = "must be printable ASCII without spaces";
    let malformed = || Invalid::new("MALFORMED_KEY", expected);
    let is_fit = key.expose_secret().bytes().all(|b| b.is_ascii_graphic());
    let mut value = HeaderValue::try_from(key.expose_secret()).ok().filter(|_| is_fit).ok_or_else(malformed)?;
    value.set_sensitive(true);
    Ok(value)
}

fn merchant_account(name: String) -> Result<String, Invalid> {
    // A colon would make the text that is signed ambiguous.
    let is_fit = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    match name.len() {
        0 => Err(Invalid::required()),
        1..=80 if name.bytes().all(is_fit) => Ok(name),
        _ => Err(Invalid::new("MALFORMED_ACCOUNT", "must be at most 80 letters, digits, hyphens and underscores")),
    }
}

fn hmac_key(key: SecretString) -> Result<SecretString, Invalid> {
    let digits = key.expose_secret();
    if digits.len() == KEY_HEX_CHARS && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(key);
    }
    Err(Invalid::new("MALFORMED_KEY", format!("must be {KEY_HEX_CHARS} hexadecimal digits")))
}

/// The credentials of the webhook, where there are any.
fn basic(
    v: &mut Validator,
    name: &ProviderName,
    username: Option<String>,
    password: Option<SecretString>,
) -> Option<Option<BasicAuthentication>> {
    let username = username.filter(|username| !username.is_empty());
    let password = password.filter(|password| !password.expose_secret().is_empty());
    match (username, password) {
        (None, None) => Some(None),
        (Some(username), _) if username.contains(':') => {
            v.refuse("webhook_username", Invalid::new("MALFORMED_NAME", "must not have a colon"));
            None
        }
        (Some(username), Some(password)) => Some(Some(BasicAuthentication::new(&username, &password))),
        (Some(_), None) => {
            v.refuse("webhook_password", required::<Adyen>(name, "webhook_password"));
            None
        }
        (None, Some(_)) => {
            v.refuse("webhook_username", Invalid::new("REQUIRED", "is required beside webhook_password"));
            None
        }
    }
}

fn live_base(prefix: &str) -> Result<Url, Invalid> {
    let is_fit = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let expected = "must be the prefix of your live addresses, such as 1797a841fbb37ca7-AdyenDemo";
    let malformed = || Invalid::new("MALFORMED_PREFIX", expected);
    if !(1..=40).contains(&prefix.len()) || !prefix.bytes().all(is_fit) || prefix.starts_with('-') {
        return Err(malformed());
    }
    Url::parse(&format!("https://{prefix}-checkout-live{LIVE_DOMAIN}/checkout/v71/")).map_err(|_| malformed())
}

fn is_live_address(base: &Url) -> bool {
    let below = base.host_str().and_then(|host| host.strip_suffix(LIVE_DOMAIN));
    base.scheme() == "https" && below.is_some_and(|name| !name.is_empty())
}

fn api_base(text: &str, live: bool) -> Result<Url, Invalid> {
    let expected = format!("must be a URL such as {TEST_BASE}");
    let mut base = Url::parse(text).map_err(|_| Invalid::new("MALFORMED_URL", expected))?;
    // What must not be shown comes first, and then where a live key would go.
    expect_bare(&base)?;
    if live && !is_live_address(&base) {
        let expected = format!("must be https below {LIVE_DOMAIN}: a live key goes nowhere else");
        return Err(Invalid::new("LIVE_KEY_ELSEWHERE", expected));
    }
    expect_api_base(&base)?;
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    Ok(base)
}

impl fmt::Debug for AdyenConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AdyenConfig");
        shown.field("name", &self.name).field("merchant_account", &self.merchant_account).field("live", &self.live);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(change: Value) -> Result<AdyenConfig, Vec<String>> {
        let mut settings =
            json!({"api_key": "AQE_canary", "merchant_account": "TestMerchant", "hmac_keys": ["a0".repeat(32)]});
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let settings: AdyenSettings = serde_json::from_value(settings).unwrap();
        let mut v = Validator::new();
        let config = settings.checked("adyen".parse().unwrap(), &mut v);
        let told = |found: domain::validation::Violations| {
            found.iter().map(|found| format!("{} {}", found.field, found.rule)).collect()
        };
        v.finish(config).map_err(told)
    }

    fn faults(change: Value) -> Vec<String> {
        checked(change).err().unwrap_or_default()
    }

    fn base(change: Value) -> String {
        checked(change).unwrap().base.to_string()
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let wrong = json!({"api_key": "", "merchant_account": "a:b", "hmac_keys": ["zz", "a0".repeat(32), "a0"],
            "webhook_username": "adyen", "api_base": "http://example.com/v71", "calls_per_second_max": 0});
        let want = [
            "api_key REQUIRED",
            "merchant_account MALFORMED_ACCOUNT",
            "hmac_keys[0] MALFORMED_KEY",
            "hmac_keys[2] MALFORMED_KEY",
            "webhook_password REQUIRED",
            "api_base URL_SCHEME",
            "calls_per_second_max OUT_OF_RANGE",
        ];
        assert_eq!(faults(wrong), want);
        assert_eq!(faults(json!({})), Vec::<String>::new());
        let nothing = json!({"api_key": null, "merchant_account": null, "hmac_keys": []});
        assert_eq!(faults(nothing), ["api_key REQUIRED", "merchant_account REQUIRED", "hmac_keys REQUIRED"]);
        for (change, want) in [
            (json!({"api_key": "two words"}), "api_key MALFORMED_KEY"),
            (json!({"webhook_password": "s"}), "webhook_username REQUIRED"),
            (json!({"webhook_password": "s", "webhook_username": "a:b"}), "webhook_username MALFORMED_NAME"),
            (json!({"live_endpoint_prefix": "x"}), "live_endpoint_prefix NOT_LIVE"),
            (json!({"api_base": "adyen"}), "api_base MALFORMED_URL"),
        ] {
            assert_eq!(faults(change), [want]);
        }
    }

    #[test]
    fn a_live_key_goes_to_adyens_live_addresses_alone() {
        let live = |change: Value| {
            let mut all = json!({"live": true, "live_endpoint_prefix": "1797a841fbb37ca7-AdyenDemo"});
            all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            all
        };
        let want = "https://1797a841fbb37ca7-adyendemo-checkout-live.adyenpayments.com/checkout/v71/";
        assert_eq!(base(live(json!({}))), want);
        assert_eq!(faults(json!({"live": true})), ["live_endpoint_prefix REQUIRED"]);
        assert_eq!(faults(live(json!({"live_endpoint_prefix": "a.b/"}))), ["live_endpoint_prefix MALFORMED_PREFIX"]);
        let without_prefix = |base: &str| live(json!({"api_base": base, "live_endpoint_prefix": null}));
        for elsewhere in [
            "http://127.0.0.1:9",
            "https://example.com/v71",
            "https://adyenpayments.com.example.com",
            "https://.adyenpayments.com/",
        ] {
            assert_eq!(faults(without_prefix(elsewhere)), ["api_base LIVE_KEY_ELSEWHERE"], "{elsewhere}");
        }
        assert_eq!(faults(without_prefix("https://a..adyenpayments.com/")), ["api_base MALFORMED_HOST"]);
        assert_eq!(faults(without_prefix("https://a.adyenpayments.com/")), Vec::<String>::new());
        let both = live(json!({"api_base": "https://a.adyenpayments.com/"}));
        assert_eq!(faults(both), ["live_endpoint_prefix TWICE"]);
        let crowded = without_prefix("https://u:secret@x.adyenpayments.com");
        assert_eq!(faults(crowded), ["api_base CROWDED_URL"]);
    }

    #[test]
    fn paths_are_below_the_base() {
        assert_eq!(base(json!({})), TEST_BASE);
        assert_eq!(base(json!({"api_base": "http://127.0.0.1:9/checkout/v71"})), "http://127.0.0.1:9/checkout/v71/");
    }

    #[test]
    fn neither_debug_nor_a_summary_shows_a_secret() {
        let config = checked(json!({"webhook_username": "adyen", "webhook_password": "canary"})).unwrap();
        assert!(!format!("{config:?} {}", config.summary()).contains("canary"));
    }
}

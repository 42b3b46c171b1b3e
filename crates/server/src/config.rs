//! The configuration: defaults, then the file, then the environment and the command line. Everything that is wrong with it
//! is told at once.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use api_grpc::GrpcTls;
use application::AccessPolicy;
use domain::ports::adapter::ConfiguredProvider;
use domain::seller::Seller;
use domain::tax_id::TaxId;
use domain::validation::{Invalid, Validator};
use serde::Deserialize;
use tax_id_vies::ViesConfig;
use toml::Table;
use url::Url;

use crate::Settings;

mod form;
mod mail;
mod providers;
mod registrations;
mod sellers;
mod tls;

pub(crate) use self::form::settings_of;
pub(crate) use self::mail::MailConfig;

/// How often what the provider has told is read back, unless it is configured.
const RECONCILE_EVERY_SECONDS: u32 = 300;
/// The most that it can be: the longest that a lost webhook may go unnoticed.
const RECONCILE_EVERY_SECONDS_MAX: u32 = 86_400;

/// The checked configuration.
pub(crate) struct Config {
    pub(crate) grpc_listen: SocketAddr,
    /// How gRPC speaks TLS; in the clear where absent.
    pub(crate) grpc_tls: Option<GrpcTls>,
    pub(crate) http_listen: SocketAddr,
    /// Where the world reaches the HTTP listener; at its own address where absent.
    pub(crate) public_url: Option<Url>,
    data_dir: PathBuf,
    pub(crate) database_url: String,
    pub(crate) access: AccessPolicy,
    pub(crate) charging: Charging,
    /// How tax ids are looked up; absent where that is turned off.
    pub(crate) vies: Option<ViesConfig>,
    /// How mail is sent; absent where that is turned off.
    pub(crate) mail: Option<MailConfig>,
    /// How often what the provider has told is read back.
    pub(crate) reconcile_every: Duration,
    pub(crate) sellers: Vec<Seller>,
}

/// Who charges.
pub(crate) enum Charging {
    /// The sandbox inside this process.
    Sandbox { listen: SocketAddr, state_file: PathBuf },
    /// Providers, or doubles of them elsewhere; at least one.
    Providers(Vec<Box<dyn ConfiguredProvider>>),
}

/// The file.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct File {
    grpc_listen: Option<String>,
    grpc_tls: Option<tls::FileTls>,
    http_listen: Option<String>,
    public_url: Option<String>,
    data_dir: Option<String>,
    database_url: Option<String>,
    access: Option<Access>,
    reconcile_every_seconds: Option<u32>,
    sandbox: FileSandbox,
    providers: BTreeMap<String, Table>,
    vies: FileVies,
    mail: Option<mail::FileMail>,
    sellers: Vec<sellers::FileSeller>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Access {
    Open,
    ApiKeys,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct FileSandbox {
    listen: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct FileVies {
    enabled: bool,
    api_base: Option<String>,
    requester: Option<String>,
}

impl Config {
    /// Loads and checks the configuration.
    ///
    /// # Errors
    /// The file can't be read, or anything in it is wrong: all of that at once.
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        let file = match given(&settings.config) {
            Some(path) => {
                let text = std::fs::read_to_string(&path).with_context(|| format!("can't read {path}"))?;
                form::read(&path, &text)?
            }
            None => File::default(),
        };
        Self::check(settings, file)
    }

    /// The configuration of the demo: nothing is shared with anything else.
    pub(crate) fn for_demo(directory: &Path) -> Result<Self> {
        let any = Some("127.0.0.1:0".to_owned());
        let settings = Settings {
            grpc_listen: any.clone(),
            http_listen: any.clone(),
            sandbox_listen: any,
            data_dir: Some(directory.display().to_string()),
            ..Settings::default()
        };
        Self::check(&settings, File::default())
    }

    fn check(settings: &Settings, file: File) -> Result<Self> {
        let mut validator = Validator::new();
        let data_dir = given(&settings.data_dir).or(file.data_dir).map_or_else(|| PathBuf::from("data"), PathBuf::from);
        let v = &mut validator;
        let grpc_listen = address(v, "grpc_listen", given(&settings.grpc_listen).or(file.grpc_listen), 50_051);
        let http_listen = address(v, "http_listen", given(&settings.http_listen).or(file.http_listen), 8_080);
        let public_url = given(&settings.public_url).or(file.public_url);
        let public_url = v.check_optional("public_url", public_url.as_deref(), parse_public_url);
        let sandbox_listen = given(&settings.sandbox_listen).or(file.sandbox.listen);
        let sandbox_listen = address(v, "sandbox.listen", sandbox_listen, 12_111);
        let database_url = given(&settings.database_url).or(file.database_url);
        let database_url =
            database_url.unwrap_or_else(|| format!("sqlite://{}", data_dir.join("paylinks.db").display()));
        if !["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| database_url.starts_with(scheme)) {
            validator.refuse("database_url", Invalid::new("SCHEME", "must begin with postgres:// or sqlite://"));
        }
        let providers = providers::providers(&mut validator, file.providers, &settings.environment);
        let is_live = providers.as_ref().is_some_and(|providers| providers.iter().any(|provider| provider.is_live()));
        let in_sandbox = providers.as_ref().is_some_and(Vec::is_empty);
        let names = match &providers {
            Some(providers) if !in_sandbox => Some(providers.iter().map(|provider| provider.name().clone()).collect()),
            Some(_) => crate::registry::sandbox_name().ok().map(|name| vec![name]),
            None => None,
        };
        if in_sandbox && !sandbox_listen.ip().is_loopback() {
            let expected = "must be on loopback: it lets everyone in";
            validator.refuse("sandbox.listen", Invalid::new("NOT_LOOPBACK", expected));
        }
        let state_file = data_dir.join("sandbox.json");
        let charging = providers.map(|providers| match in_sandbox {
            true => Charging::Sandbox { listen: sandbox_listen, state_file },
            false => Charging::Providers(providers),
        });
        // Both listeners take requests that move money.
        let on_loopback = grpc_listen.ip().is_loopback() && http_listen.ip().is_loopback();
        let access = match file.access {
            Some(Access::Open) => AccessPolicy::Open,
            Some(Access::ApiKeys) => AccessPolicy::ApiKeys,
            None if in_sandbox && on_loopback => AccessPolicy::Open,
            None => AccessPolicy::ApiKeys,
        };
        if access == AccessPolicy::Open && (!on_loopback || is_live) {
            let expected = "must be api_keys unless it listens on loopback without a live key";
            validator.refuse("access", Invalid::new("OPEN_ACCESS", expected));
        }
        let reconcile_every = file.reconcile_every_seconds.unwrap_or(RECONCILE_EVERY_SECONDS);
        if !(1..=RECONCILE_EVERY_SECONDS_MAX).contains(&reconcile_every) {
            let expected = format!("must be between 1 and {RECONCILE_EVERY_SECONDS_MAX}");
            validator.refuse("reconcile_every_seconds", Invalid::new("OUT_OF_RANGE", expected));
        }
        let grpc_tls = validator.within("grpc_tls", |v| tls::tls(v, file.grpc_tls));
        let vies = vies(&mut validator, file.vies);
        let mail = mail::mail(&mut validator, file.mail, given(&settings.mail_password));
        let sellers = sellers::sellers(&mut validator, file.sellers, (is_live, names.as_deref()));
        match &public_url {
            Some(None) if is_live => {
                let expected = "is required with a live key: customers get URLs of invoices below it";
                validator.refuse("public_url", Invalid::new("REQUIRED", expected));
            }
            Some(Some(url)) if is_live && url.scheme() != "https" => {
                let expected =
                    "must begin with https:// with a live key: whoever reads the URL of an invoice can open it";
                validator.refuse("public_url", Invalid::new("SCHEME", expected));
            }
            _ => {}
        }
        let parts = charging.zip(sellers).zip(vies.zip(mail)).zip(public_url.zip(grpc_tls));
        let config = parts.map(|(((charging, sellers), (vies, mail)), (public_url, grpc_tls))| Self {
            grpc_listen,
            grpc_tls,
            http_listen,
            public_url,
            data_dir,
            database_url,
            access,
            charging,
            vies,
            mail,
            reconcile_every: Duration::from_secs(reconcile_every.into()),
            sellers,
        });
        match validator.finish(config) {
            Ok(config) => Ok(config),
            Err(violations) => {
                let each: Vec<_> = violations.iter().map(|v| format!("\n  {} {}", v.field, v.expected)).collect();
                bail!("the configuration is wrong:{}", each.concat())
            }
        }
    }

    /// Makes the directories of everything that is kept in files, and answers the files whose locks this process needs: two
    /// that keep their data in one place would overwrite each other's.
    ///
    /// # Errors
    /// A directory can't be made.
    pub(crate) fn make_directories(&self) -> Result<Vec<PathBuf>> {
        let mut locks = Vec::new();
        // Beside the database, wherever it is: two data directories can name one.
        if let Some(database) = self.sqlite_file() {
            let mut lock = database.as_os_str().to_owned();
            lock.push(".lock");
            locks.push(PathBuf::from(lock));
        }
        if matches!(self.charging, Charging::Sandbox { .. }) {
            locks.push(self.data_dir.join("paylinks.lock"));
        }
        for directory in locks.iter().filter_map(|lock| lock.parent()).filter(|path| !path.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).with_context(|| format!("can't make {}", directory.display()))?;
        }
        Ok(locks)
    }

    fn sqlite_file(&self) -> Option<&Path> {
        let rest = self.database_url.strip_prefix("sqlite:")?;
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.strip_prefix("//").unwrap_or(path);
        let in_memory = path == ":memory:" || options.split('&').any(|option| option == "mode=memory");
        (!in_memory).then_some(Path::new(path))
    }

    /// Where the database is, without its password: the whole path of a file, or a server's address.
    pub(crate) fn database_place(&self) -> String {
        if let Some(file) = self.sqlite_file() {
            return std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).display().to_string();
        }
        let scheme = self.database_url.split(':').next().unwrap_or_default();
        match Url::parse(&self.database_url) {
            // Neither who logs in nor an option, which may be a password too.
            Ok(url) if url.has_host() => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!("{scheme}://{}{port}{}", url.host_str().unwrap_or_default(), url.path())
            }
            _ => scheme.to_owned(),
        }
    }

    /// What is configured, without secrets.
    pub(crate) fn summary(&self) -> String {
        let database = self.database_place();
        let charging = match &self.charging {
            Charging::Sandbox { listen, .. } => format!("the sandbox, on http://{listen}"),
            Charging::Providers(providers) => {
                let each: Vec<_> = providers.iter().map(|p| format!("{}: {}", p.name(), p.summary())).collect();
                each.join("\n            ")
            }
        };
        let access = match self.access {
            AccessPolicy::Open => "open to everyone on this machine",
            AccessPolicy::ApiKeys => "by API key",
        };
        let sellers: Vec<_> = self.sellers.iter().map(|seller| seller.id.as_str()).collect();
        let tls = match &self.grpc_tls {
            Some(tls) if tls.asks_for_certificates() => ", TLS, for callers with a certificate",
            Some(_) => ", TLS",
            None => "",
        };
        format!(
            "The configuration is fine.\n  gRPC      {}{tls}\n  HTTP      {}\n  database  {database}\n  charging  {charging}\n  access    {access}\n  sellers   {}\n",
            self.grpc_listen,
            self.http_listen,
            sellers.join(", ")
        )
    }
}

/// A setting that says something.
fn given(setting: &Option<String>) -> Option<String> {
    setting.clone().filter(|text| !text.is_empty())
}

/// Where something listens: on loopback at `port` where nothing is said.
fn address(v: &mut Validator, field: &str, text: Option<String>, port: u16) -> SocketAddr {
    let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let Some(text) = text else { return default };
    let expected = format!("must be IP:PORT, such as 127.0.0.1:{port}");
    v.check(field, text.parse().map_err(|_| Invalid::new("MALFORMED_ADDRESS", expected))).unwrap_or(default)
}

/// Where the world reaches the HTTP listener: a proxy may put it below a path.
fn parse_public_url(text: &str) -> Result<Url, Invalid> {
    let malformed = || Invalid::new("MALFORMED_URL", "must be a URL such as https://pay.example.com");
    let url = Url::parse(text).map_err(|_| malformed())?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare && url.fragment().is_none() {
        return Ok(url);
    }
    Err(Invalid::new("PUBLIC_URL", "must be http or https, without a user, query or fragment"))
}

/// How tax ids are looked up: `Some(None)` is not at all.
fn vies(v: &mut Validator, file: FileVies) -> Option<Option<ViesConfig>> {
    let base = Url::parse(file.api_base.as_deref().unwrap_or(ViesConfig::API_BASE));
    let base =
        base.map_err(|_| Invalid::new("MALFORMED_URL", format!("must be a URL such as {}", ViesConfig::API_BASE)));
    let base = v.check("vies.api_base", base);
    let requester = v.check_optional("vies.requester", file.requester.as_deref(), TaxId::parse);
    let config = ViesConfig { requester: requester?, ..ViesConfig::new(base?) };
    let checked = config.check().map_err(|error| Invalid::new("VIES", format!("is refused: {error}")));
    v.check("vies", checked).map(|()| file.enabled.then_some(config))
}

#[cfg(test)]
mod tests {
    use domain::seller::TaxEngine;

    use super::*;

    fn check(settings: Settings, file: &str) -> Result<Config, String> {
        Config::check(&settings, toml::from_str(file).unwrap()).map_err(|error| format!("{error:#}"))
    }

    fn set(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn nothing_configured_is_the_sandbox_on_loopback_with_open_access() {
        let config = check(Settings::default(), "").unwrap();
        assert!(matches!(config.charging, Charging::Sandbox { .. }));
        assert_eq!((config.access, config.grpc_listen.port()), (AccessPolicy::Open, 50_051));
    }

    #[test]
    fn beyond_loopback_callers_need_a_key() {
        let grpc = Settings { grpc_listen: Some("0.0.0.0:50051".to_owned()), ..Settings::default() };
        let http = Settings { http_listen: Some("0.0.0.0:8080".to_owned()), ..Settings::default() };
        for settings in [grpc, http] {
            assert_eq!(check(settings.clone(), "").unwrap().access, AccessPolicy::ApiKeys);
            assert!(check(settings, "access = \"open\"").err().unwrap().contains("access must be api_keys"));
        }
    }

    #[test]
    fn a_live_key_needs_secrets_sellers_and_hosts_and_everything_is_told_at_once() {
        let settings = Settings { environment: set(&[("STRIPE_API_KEY", "sk_live_x")]), ..Settings::default() };
        let error = check(settings.clone(), "access = \"open\"").err().unwrap();
        for field in ["providers.stripe.webhook_secrets", "sellers", "access", "public_url is required"] {
            assert!(error.contains(field), "{field}: {error}");
        }
        let seller = "[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"";
        assert!(check(settings, seller).err().unwrap().contains("sellers[0].redirect_hosts"));
    }

    #[test]
    fn every_setting_that_can_not_work_is_told_on_a_line_of_its_own() {
        let settings = Settings {
            http_listen: Some(":8080".to_owned()),
            environment: set(&[("STRIPE_API_KEY", "sk_test_x"), ("STRIPE_WEBHOOK_SECRET", "foo")]),
            ..Settings::default()
        };
        let seller = "[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n";
        let twice = format!("{seller}{seller}redirect_hosts = [\"https://x.example.net/\"]\n");
        let error = check(settings, &twice).err().unwrap();
        for told in [
            "http_listen must be IP:PORT",
            "providers.stripe.webhook_secrets must be",
            "sellers[1].redirect_hosts[0] must",
        ] {
            assert!(error.lines().any(|line| line.trim().starts_with(told)), "{told}: {error}");
        }
        let error = check(Settings::default(), &seller.repeat(2)).err().unwrap();
        assert!(error.contains("sellers[1].id must be another's"), "{error}");
    }

    #[test]
    fn a_public_url_is_one_that_pages_can_be_below() {
        let with = |url: &str| check(Settings { public_url: Some(url.to_owned()), ..Settings::default() }, "");
        for url in ["http://127.0.0.1:8080", "https://example.com/billing/"] {
            assert_eq!(with(url).unwrap().public_url.unwrap(), Url::parse(url).unwrap());
        }
        for url in ["example.com", "ftp://example.com", "https://a:b@example.com", "https://x.se/?a", "https://x.se/#a"]
        {
            assert!(with(url).err().unwrap().contains("public_url must be"), "{url}");
        }
        let live = Settings {
            environment: set(&[("STRIPE_API_KEY", "sk_live_x"), ("STRIPE_WEBHOOK_SECRET", "whsec_x")]),
            public_url: Some("http://example.com".to_owned()),
            ..Settings::default()
        };
        assert!(check(live, "").err().unwrap().contains("public_url must begin with https://"));
        assert_eq!(
            check(Settings::default(), "public_url = \"https://x.se\"").unwrap().public_url.unwrap().host_str(),
            Some("x.se")
        );
    }

    #[test]
    fn a_webhook_secret_without_a_key_is_no_silent_sandbox() {
        let expected = "providers.stripe.api_key is required";
        let settings = Settings { environment: set(&[("STRIPE_WEBHOOK_SECRET", "whsec_x")]), ..Settings::default() };
        assert!(check(settings, "").err().unwrap().contains(expected));
        let file = "[providers.stripe]\nwebhook_secrets = [\"whsec_x\"]\n";
        assert!(check(Settings::default(), file).err().unwrap().contains(expected));
    }

    /// A provider in the file.
    fn provider(name: &str, more: &str) -> String {
        format!(
            "[providers.{name}]\nadapter = \"stripe\"\napi_key = \"sk_test_{name}\"\nwebhook_secrets = [\"whsec_x\"]\n{more}"
        )
    }

    #[test]
    fn providers_are_as_many_as_are_named_and_each_seller_has_one() {
        let two = provider("north", "") + &provider("south", "");
        let seller = |more: &str| {
            format!("{two}[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n{more}")
        };
        let config = check(Settings::default(), &seller("provider = \"south\"")).unwrap();
        assert_eq!(config.sellers[0].provider.as_str(), "south");
        assert_eq!(config.access, AccessPolicy::ApiKeys);
        let error = check(Settings::default(), &seller("")).err().unwrap();
        assert!(error.contains("sellers[0].provider is required, one of north, south"), "{error}");
        let error = check(Settings::default(), &seller("provider = \"east\"")).err().unwrap();
        assert!(error.contains("sellers[0].provider must be one of north, south"), "{error}");
        assert!(check(Settings::default(), &two).err().unwrap().contains("sellers must say by which provider"));
    }

    #[test]
    fn what_is_wrong_with_providers_is_told_by_setting_and_without_values() {
        for (file, told) in [
            (provider("north", "account = \"canary\""), "providers.north.account must be an id"),
            (provider("north", "calls_per_second_max = 0"), "providers.north.calls_per_second_max must be at least 1"),
            (provider("north", "api_base = \"http://canary.example\""), "providers.north.api_base must be https"),
            (provider("north", "colour = 1"), "providers.north.colour unknown field `colour`"),
            (provider("north", "account = 7"), "providers.north.account invalid type: integer, expected a string"),
            (provider("North", ""), "providers.North must have a name of 1 to 40"),
            (provider("out-of-band", ""), "providers.out-of-band must have a name"),
            ("[providers.canary]\n".to_owned(), "providers.canary.adapter must be one of "),
            (
                provider("a", "") + &provider("b", "").replace("sk_test_b", "sk_live_b"),
                "providers must all move real money, or none of them",
            ),
            (
                provider("a", "") + &provider("b", "") + &provider("c", "").replace("sk_test_c", "sk_test_a"),
                "providers must each have an account of its own, or each payment would count twice: a and c share one",
            ),
        ] {
            let error = check(Settings::default(), &file).err().unwrap();
            assert!(error.lines().any(|line| line.trim().starts_with(told)), "{told}: {error}");
        }
    }

    #[test]
    fn an_empty_setting_counts_as_absent() {
        let empty = || Some(String::new());
        let settings = Settings {
            config: empty(),
            grpc_listen: empty(),
            database_url: empty(),
            environment: set(&[("STRIPE_API_KEY", ""), ("STRIPE_WEBHOOK_SECRET", ", ")]),
            ..Settings::default()
        };
        assert!(Config::load(&settings).is_ok_and(|config| matches!(config.charging, Charging::Sandbox { .. })));
    }

    #[test]
    fn the_example_file_is_right_and_dates_may_be_written_as_toml_writes_them() {
        let config = check(Settings::default(), include_str!("../paylinks.example.toml")).unwrap();
        assert_eq!(config.sellers[0].tax_registrations[1].since, Some(time::macros::date!(2024 - 01 - 01)));
        let text = "[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n\
            tax_registrations = [{ country = \"SE\", since = \"soon\" }]\n";
        assert!(check(Settings::default(), text).err().unwrap().contains("tax_registrations[0].since must be a date"));
    }

    #[test]
    fn the_example_in_the_readme_is_right() {
        let readme = include_str!("../../../README.md");
        let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        // Its secrets stand in the environment.
        let settings = Settings {
            environment: set(&[("STRIPE_API_KEY", "sk_test_1"), ("STRIPE_WEBHOOK_SECRET", "whsec_1")]),
            ..Settings::default()
        };
        let config = check(settings, example).unwrap();
        assert_eq!(config.sellers[0].tax_ids[0].as_str(), "SE556000000101");
    }

    #[test]
    fn a_seller_is_taxed_by_the_tables_unless_it_says_otherwise() {
        let file = |more: &str| {
            format!("[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n{more}")
        };
        for (more, engine) in [
            ("", TaxEngine::Tables),
            ("tax_engine = \"tables\"", TaxEngine::Tables),
            ("tax_engine = \"provider\"", TaxEngine::Provider),
        ] {
            assert_eq!(check(Settings::default(), &file(more)).unwrap().sellers[0].tax_engine, engine, "{more}");
        }
        assert!(toml::from_str::<File>(&file("tax_engine = \"abacus\"")).is_err());
    }

    #[test]
    fn a_sellers_tax_id_is_right_down_to_its_check_digits() {
        let file = |id: &str| {
            format!(
                "[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntax_ids = [\"{id}\"]\n"
            )
        };
        assert!(check(Settings::default(), &file("SE 556703-7485 01")).is_ok());
        for (id, expected) in
            [("SE556703748401", "must have check digits"), ("SE5567037485", "must be SE, 10 digits and 01")]
        {
            let error = check(Settings::default(), &file(id)).err().unwrap();
            assert!(error.contains(&format!("tax_ids[0] {expected}")), "{error}");
        }
    }

    #[test]
    fn a_database_in_a_file_is_locked_beside_it_and_the_sandbox_in_its_directory() {
        let locks = |url: &str| {
            let directory = std::env::temp_dir().join(format!("paylinks-locks-{}", std::process::id()));
            let url = url.replace('~', &directory.display().to_string());
            let settings = Settings {
                data_dir: Some(directory.join("data").display().to_string()),
                database_url: Some(url),
                ..Settings::default()
            };
            let locks = check(settings, "").unwrap().make_directories().unwrap();
            std::fs::remove_dir_all(&directory).unwrap();
            let name = |lock: PathBuf| lock.strip_prefix(&directory).unwrap().display().to_string();
            locks.into_iter().map(name).collect::<Vec<_>>()
        };
        for url in ["sqlite://~/x/y.db", "sqlite:~/x/y.db?mode=rwc"] {
            assert_eq!(locks(url), ["x/y.db.lock", "data/paylinks.lock"]);
        }
        for url in ["sqlite::memory:", "sqlite://y?mode=memory", "postgres://localhost/x"] {
            assert_eq!(locks(url), ["data/paylinks.lock"]);
        }
    }

    #[test]
    fn the_summary_shows_no_secret() {
        let settings = Settings {
            environment: set(&[("STRIPE_API_KEY", "sk_test_canary"), ("STRIPE_WEBHOOK_SECRET", "whsec_canary")]),
            database_url: Some("postgres://user:canary@localhost/x".into()),
            ..Settings::default()
        };
        assert!(!check(settings, "").unwrap().summary().contains("canary"));
    }

    #[test]
    fn the_database_is_told_by_its_whole_path_or_its_server_without_a_password() {
        let place = |url: &str| {
            let settings = Settings { database_url: Some(url.to_owned()), ..Settings::default() };
            check(settings, "").unwrap().database_place()
        };
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            check(Settings::default(), "").unwrap().database_place(),
            here.join("data/paylinks.db").display().to_string()
        );
        assert_eq!(place("sqlite://x/y.db?mode=rwc"), here.join("x/y.db").display().to_string());
        assert_eq!(place("sqlite::memory:"), "sqlite");
        assert_eq!(place("postgres://ada:canary@db:5433/pay?password=canary"), "postgres://db:5433/pay");
        assert_eq!(place("postgres:///pay?password=canary"), "postgres");
    }
}

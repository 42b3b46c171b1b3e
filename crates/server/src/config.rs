//! The configuration: defaults, then the file, then the environment and the command line. Everything that is wrong with it
//! is told at once.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use api_grpc::GrpcTls;
use application::AccessPolicy;
use domain::network::is_host_name;
use domain::ports::adapter::ConfiguredProvider;
use domain::seller::Seller;
use domain::tax_id::TaxId;
use domain::timestamp::Timestamp;
use domain::validation::{Invalid, Validator, Violation};
use serde::Deserialize;
use tax_id_vies::ViesConfig;
use tax_tables::TableTaxCalculator;
use toml::Table;
use url::Url;

use crate::Settings;

mod database;
mod form;
mod mail;
mod providers;
mod reference;
mod registrations;
mod secrets;
mod sellers;
mod tls;
mod traces;

pub(crate) use self::form::settings_of;
pub(crate) use self::mail::MailConfig;
pub(crate) use self::reference::reference;
use self::secrets::{Given, Warnings};
use self::sellers::Charger;
pub(crate) use self::traces::TraceConfig;

/// How often what the provider has told is read back, unless it is configured.
const RECONCILE_EVERY_SECONDS: u32 = 300;
/// The most that it can be: the longest that a lost webhook may go unnoticed.
const RECONCILE_EVERY_SECONDS_MAX: u32 = 86_400;

/// The checked configuration.
pub(crate) struct Config {
    /// The file that was read.
    file: Option<String>,
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
    /// How tax is computed, by tables that sellers' registrations are checked by.
    pub(crate) tax_tables: Arc<TableTaxCalculator>,
    /// When the certificate of gRPC ends.
    pub(crate) certificate_ends: Option<Timestamp>,
    /// What is no fault, and should be mended all the same: each with the name of its setting.
    pub(crate) warnings: Warnings,
    /// Where traces are sent; absent where nothing is traced.
    pub(crate) traces: Option<TraceConfig>,
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
    database_url_file: Option<String>,
    access: Option<Access>,
    reconcile_every_seconds: Option<u32>,
    sandbox: FileSandbox,
    providers: BTreeMap<String, Table>,
    vies: FileVies,
    mail: Option<mail::FileMail>,
    telemetry: traces::FileTelemetry,
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

impl File {
    /// Whether a secret stands in it.
    fn holds_secrets(&self) -> bool {
        let is_secret = |name: &String| {
            let settings = crate::registry::ADAPTERS.iter().flat_map(|adapter| adapter.settings);
            settings.into_iter().any(|setting| setting.is_secret && setting.name == name)
        };
        // A user's name in a URL may have a password behind it.
        self.database_url.as_ref().is_some_and(|url| url.contains('@'))
            || self.mail.as_ref().is_some_and(mail::FileMail::holds_secrets)
            || self.providers.values().flat_map(Table::keys).any(is_secret)
    }
}

impl Config {
    /// Loads and checks the configuration.
    ///
    /// # Errors
    /// The file can't be read, or anything in it is wrong: all of that at once.
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        let (file, faults) = match given(&settings.config) {
            Some(path) => {
                let text = std::fs::read_to_string(&path).with_context(|| format!("can't read {path}"))?;
                form::read(&path, &text)?
            }
            None => (File::default(), form::Faults::new()),
        };
        let warning =
            given(&settings.config).filter(|_| file.holds_secrets()).and_then(|path| secrets::too_open(&path));
        let mut config = Self::check(settings, file, faults)?;
        config.warnings.extend(warning.map(|told| ("config".to_owned(), told)));
        config.file = given(&settings.config);
        Ok(config)
    }

    /// Where traces are sent, which is to be known before anything is told: what is wrong with the configuration is told by
    /// [`load`](Self::load), and sends none.
    pub(crate) fn load_traces(settings: &Settings) -> Option<TraceConfig> {
        let path = given(&settings.config);
        let file = match path {
            Some(path) => form::read(&path, &std::fs::read_to_string(&path).ok()?).ok()?.0,
            None => File::default(),
        };
        traces::traces(&mut Validator::new(), file.telemetry, settings).flatten()
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
        Self::check(&settings, File::default(), form::Faults::new())
    }

    /// Checks the values of a file whose form has these faults, which are told with all others.
    fn check(settings: &Settings, file: File, faults: form::Faults) -> Result<Self> {
        let mut validator = Validator::new();
        let mut warnings = Warnings::new();
        let v = &mut validator;
        let are_providers_known = !faults.iter().any(|(place, _)| is_at_or_below(place, "providers"));
        for (place, fault) in faults {
            v.refuse(&place, Invalid::new(FORM, fault));
        }
        let data_dir = given(&settings.data_dir).or(file.data_dir).unwrap_or_else(|| "data".to_owned());
        v.check("data_dir", expect_directory(&data_dir));
        let data_dir = PathBuf::from(data_dir);
        let listen = listeners(v, settings, (file.grpc_listen, file.http_listen, file.sandbox.listen));
        let public_url = given(&settings.public_url).or(file.public_url);
        let public_url = v.check_optional("public_url", public_url.as_deref(), parse_public_url);
        let database_url = [
            Given::new(settings.database_url.clone(), settings.database_url_file.clone()),
            Given::new(file.database_url, file.database_url_file),
        ];
        let database_url = secrets::secret(v, ("database_url", "database_url"), database_url, &mut warnings);
        let database_url = database_url
            .map(|url| url.unwrap_or_else(|| format!("sqlite://{}", data_dir.join("paylinks.db").display())));
        if let Some(url) = &database_url {
            database::check(v, url, &mut warnings);
        }
        let providers = providers::providers(v, file.providers, &settings.environment, &mut warnings);
        let providers = providers.filter(|_| are_providers_known);
        let is_live = providers.as_ref().is_some_and(|all| all.iter().any(|checked| checked.provider.is_live()));
        let in_sandbox = providers.as_ref().is_some_and(Vec::is_empty);
        let chargers = providers.as_deref().and_then(chargers);
        if in_sandbox && !listen.sandbox.ip().is_loopback() {
            let expected = "must be on loopback: it lets everyone in";
            v.refuse("sandbox.listen", Invalid::new("NOT_LOOPBACK", expected));
        }
        for (name, other) in [("grpc_listen", listen.grpc), ("http_listen", listen.http)] {
            if in_sandbox && collide(listen.sandbox, other) {
                v.refuse("sandbox.listen", twice(name));
            }
        }
        let state_file = data_dir.join("sandbox.json");
        let charging = providers.map(|providers| match in_sandbox {
            true => Charging::Sandbox { listen: listen.sandbox, state_file },
            false => Charging::Providers(providers.into_iter().map(|checked| checked.provider).collect()),
        });
        let access = access(v, file.access, &listen, (in_sandbox, is_live));
        let reconcile_every = file.reconcile_every_seconds.unwrap_or(RECONCILE_EVERY_SECONDS);
        if !(1..=RECONCILE_EVERY_SECONDS_MAX).contains(&reconcile_every) {
            let expected = format!("must be between 1 and {RECONCILE_EVERY_SECONDS_MAX}");
            v.refuse("reconcile_every_seconds", Invalid::new("OUT_OF_RANGE", expected));
        }
        let traces = traces::traces(v, file.telemetry, settings);
        let grpc_tls = v.within("grpc_tls", |v| tls::tls(v, file.grpc_tls, &mut warnings));
        if !listen.grpc.ip().is_loopback() && matches!(grpc_tls, Some(None)) {
            let told = "callers' keys come over the network in the clear: set [grpc_tls], or have a proxy on this machine speak TLS";
            warnings.push(("grpc_listen".to_owned(), told.to_owned()));
        }
        let vies = v.within("vies", |v| vies(v, file.vies));
        let password = Given::new(settings.mail_password.clone(), settings.mail_password_file.clone());
        let mail = v.within("mail", |v| mail::mail(v, file.mail, password, &mut warnings));
        let tax_tables = Arc::new(TableTaxCalculator::embedded().context("the tax tables can't be read")?);
        let sellers = sellers::sellers(v, &tax_tables, file.sellers, (is_live, chargers.as_deref()));
        match &public_url {
            Some(None) if is_live => {
                let expected = "is required with a live key: customers get URLs of invoices below it";
                v.refuse("public_url", Invalid::new("REQUIRED", expected));
            }
            Some(Some(url)) if is_live && url.scheme() != "https" => {
                let expected =
                    "must begin with https:// with a live key: whoever reads the URL of an invoice can open it";
                v.refuse("public_url", Invalid::new("SCHEME", expected));
            }
            _ => {}
        }
        let parts =
            charging.zip(sellers).zip(vies.zip(mail)).zip(public_url.zip(grpc_tls)).zip(database_url.zip(traces));
        let config =
            parts.map(|((((charging, sellers), (vies, mail)), (public_url, grpc_tls)), (database_url, traces))| Self {
                file: None,
                grpc_listen: listen.grpc,
                certificate_ends: grpc_tls.as_ref().map(|checked| checked.ends),
                grpc_tls: grpc_tls.map(|checked| checked.tls),
                http_listen: listen.http,
                public_url,
                data_dir,
                database_url,
                access,
                charging,
                vies,
                mail,
                reconcile_every: Duration::from_secs(reconcile_every.into()),
                sellers,
                tax_tables,
                warnings,
                traces,
            });
        match validator.finish(config) {
            Ok(config) => Ok(config),
            Err(violations) => {
                let all: Vec<&Violation> = violations.iter().collect();
                let told = all.iter().filter(|violation| !follows_from_another(violation, &all));
                let each: Vec<_> = told.map(|v| format!("\n  {} {}", v.field, v.expected)).collect();
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
            // Customers' data is in it.
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.with_context(|| format!("can't make {}", directory.display()))?;
        }
        Ok(locks)
    }

    /// SQLite's file, where the database is in one.
    pub(crate) fn sqlite_file(&self) -> Option<&Path> {
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
        let warnings: String =
            self.warnings.iter().map(|(setting, told)| format!("warning: {setting}: {told}\n")).collect();
        let traces = self.traces.as_ref().map_or_else(|| "off".to_owned(), TraceConfig::summary);
        let file = self.file.as_deref().unwrap_or("none: neither --config nor PAYLINKS_CONFIG names one");
        format!(
            "{warnings}The configuration is fine.\n  file      {file}\n  gRPC      {}{tls}\n  HTTP      {}\n  database  {database}\n  charging  {charging}\n  access    {access}\n  sellers   {}\n  traces    {traces}\n",
            self.grpc_listen,
            self.http_listen,
            sellers.join(", ")
        )
    }
}

/// The rule that a fault of form breaks.
const FORM: &str = "FORM";

/// Whether a violation is told of what was taken away for its form, or for a file that can't be read, and means nothing by
/// itself.
fn follows_from_another(violation: &Violation, all: &[&Violation]) -> bool {
    all.iter().any(|other| {
        let is_of_form = other.rule == FORM && violation.rule != FORM;
        let is_near = is_at_or_below(&violation.field, &other.field) || is_at_or_below(&other.field, &violation.field);
        let is_of_file = other.field.strip_suffix("_file") == Some(&violation.field) && violation.rule == "REQUIRED";
        (is_of_form && is_near) || is_of_file
    })
}

/// Whether a setting is that at `place`, or below it.
fn is_at_or_below(field: &str, place: &str) -> bool {
    field.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A setting that says something.
fn given(setting: &Option<String>) -> Option<String> {
    setting.clone().filter(|text| !text.is_empty())
}

/// Where everything listens.
struct Listeners {
    grpc: SocketAddr,
    http: SocketAddr,
    sandbox: SocketAddr,
}

/// Whether two can't listen at once. Any free port is another for each.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let is_everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (one.ip() == other.ip() || is_everywhere)
}

fn twice(other: &str) -> Invalid {
    Invalid::new("TWICE", format!("must be another address than that of {other}"))
}

fn listeners(
    v: &mut Validator,
    settings: &Settings,
    (grpc, http, sandbox): (Option<String>, Option<String>, Option<String>),
) -> Listeners {
    let listen = Listeners {
        grpc: address(v, "grpc_listen", given(&settings.grpc_listen).or(grpc), 50_051),
        http: address(v, "http_listen", given(&settings.http_listen).or(http), 8_080),
        sandbox: address(v, "sandbox.listen", given(&settings.sandbox_listen).or(sandbox), 12_111),
    };
    if collide(listen.grpc, listen.http) {
        v.refuse("http_listen", twice("grpc_listen"));
    }
    listen
}

/// Who may call, where nothing or something is said.
fn access(
    v: &mut Validator,
    said: Option<Access>,
    listen: &Listeners,
    (in_sandbox, is_live): (bool, bool),
) -> AccessPolicy {
    // Both listeners take requests that move money.
    let on_loopback = listen.grpc.ip().is_loopback() && listen.http.ip().is_loopback();
    let access = match said {
        Some(Access::Open) => AccessPolicy::Open,
        Some(Access::ApiKeys) => AccessPolicy::ApiKeys,
        None if in_sandbox && on_loopback => AccessPolicy::Open,
        None => AccessPolicy::ApiKeys,
    };
    if access == AccessPolicy::Open && (!on_loopback || is_live) {
        let expected = "must be api_keys unless it listens on loopback without a live key";
        v.refuse("access", Invalid::new("OPEN_ACCESS", expected));
    }
    access
}

/// Who can charge: those that are configured, or the one that the sandbox plays.
fn chargers(providers: &[providers::Checked]) -> Option<Vec<Charger>> {
    if providers.is_empty() {
        return Some(vec![Charger { name: crate::registry::sandbox_name().ok()?, has_tax_engine: true }]);
    }
    let charger = |checked: &providers::Checked| Charger {
        name: checked.provider.name().clone(),
        has_tax_engine: checked.has_tax_engine,
    };
    Some(providers.iter().map(charger).collect())
}

/// A directory, or one that can be made.
fn expect_directory(path: &str) -> Result<(), Invalid> {
    if path.contains('\0') {
        return Err(Invalid::new("MALFORMED_PATH", "must be a path, without NUL"));
    }
    // Of the path, what is there already.
    let there = Path::new(path).ancestors().find(|path| path.exists());
    match there {
        Some(there) if !there.is_dir() => Err(Invalid::new("DIRECTORY", "must be a directory, and below no file")),
        _ => Ok(()),
    }
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
    if url.domain().is_some_and(|name| !is_host_name(name)) {
        return Err(malformed());
    }
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare && url.fragment().is_none() {
        return Ok(url);
    }
    Err(Invalid::new("PUBLIC_URL", "must be http or https, without a user, query or fragment"))
}

/// How tax ids are looked up: `Some(None)` is not at all. What is wrong is told below `vies`.
fn vies(v: &mut Validator, file: FileVies) -> Option<Option<ViesConfig>> {
    let base = Url::parse(file.api_base.as_deref().unwrap_or(ViesConfig::API_BASE));
    let base =
        base.map_err(|_| Invalid::new("MALFORMED_URL", format!("must be a URL such as {}", ViesConfig::API_BASE)));
    let base = v.check("api_base", base);
    let requester = v.check_optional("requester", file.requester.as_deref(), TaxId::parse);
    let config = ViesConfig { requester: requester?, ..ViesConfig::new(base?) };
    if let Err(error) = config.check() {
        v.refuse(error.setting(), Invalid::new("VIES", error.to_string()));
        return None;
    }
    Some(file.enabled.then_some(config))
}

#[cfg(test)]
mod tests;

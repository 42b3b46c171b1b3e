//! `paylinks doctor`: looks at a deployment as it is set up, and says what to mend. It changes nothing and tells no secret.
//! It can run beside servers, and before the first one.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use domain::ports::adapter::ConfiguredProvider;
use domain::ports::clock::Clock;
use domain::ports::provider::{Delivery, ProviderError};
use domain::ports::storage::{Storage, StorageError};
use domain::provider::ProviderName;
use domain::timestamp::Timestamp;
use serde::Serialize;
use storage_sql::{SQLITE_ROOM_MIN, SqlConfig, SqlStorage};

use crate::config::{Charging, Config};
use crate::system::SystemClock;
use crate::{Settings, say};

/// How far two clocks may be apart before it is worth a look, and before it is wrong.
const APART_WARN: Duration = Duration::from_secs(5);
const APART_MAX: Duration = Duration::from_secs(60);
/// How old what waits may be: longer than any outage that passes by itself.
const AGE_MAX: Duration = Duration::from_secs(60 * 60);
/// How long before its end a certificate is worth a look.
const ENDS_SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The room on SQLite's disk below which it is worth a look, in bytes.
const ROOM_WARN: u64 = 1 << 30;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: String,
    verdict: Verdict,
    told: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Finding {
    fn ok(check: impl Into<String>, told: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Ok, told: told.into(), mend: None }
    }

    fn warn(check: impl Into<String>, told: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Warn, told: told.into(), mend: Some(mend.into()) }
    }

    fn fail(check: impl Into<String>, told: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Fail, told: told.into(), mend: Some(mend.into()) }
    }

    fn line(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        let mend = self.mend.as_ref().map_or_else(String::new, |mend| format!("\n      -> {mend}"));
        format!("{verdict}  {}: {}{mend}\n", self.check, self.told)
    }
}

/// Looks at everything, and tells it: a line each, or with `json` an object each. Fails where anything must be mended.
pub(crate) async fn run(settings: &Settings, json: bool) -> Result<ExitCode> {
    let findings = look(settings).await;
    for finding in &findings {
        say(&if json { format!("{}\n", serde_json::to_string(finding)?) } else { finding.line() })?;
    }
    let has_failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn look(settings: &Settings) -> Vec<Finding> {
    let config = match Config::load(settings) {
        Ok(config) => config,
        Err(error) => {
            let mend = "mend the settings; without them nothing else can be looked at";
            return vec![Finding::fail("configuration", format!("{error:#}"), mend)];
        }
    };
    let mut findings = match config.warnings.as_slice() {
        [] => vec![Finding::ok("configuration", "all settings are fine")],
        warnings => warnings.iter().map(|(setting, told)| of_warning(setting, told)).collect(),
    };
    findings.extend(certificate(config.certificate_ends));
    findings.extend(files(&config));
    findings.extend(database(&config).await);
    findings.extend(providers(&config).await);
    findings.extend(mail(config).await);
    findings
}

fn of_warning(setting: &str, told: &str) -> Finding {
    let (told, mend) = told.split_once(": ").unwrap_or((told, "see to it"));
    Finding::warn("configuration", format!("{setting}: {told}"), mend)
}

fn certificate(ends: Option<Timestamp>) -> Option<Finding> {
    let ends = ends?;
    let told = format!("gRPC's ends {ends}");
    Some(match SystemClock.now().plus(ENDS_SOON) < ends {
        true => Finding::ok("certificate", told),
        false => Finding::warn("certificate", told, "put another in its place, and restart the servers one by one"),
    })
}

/// What is kept in files holds customers' data.
fn files(config: &Config) -> Option<Finding> {
    let file = config.sqlite_file()?;
    let mode = |path: &Path| Some(std::fs::metadata(path).ok()?.permissions().mode());
    let is_open = |path: &Path| mode(path).is_some_and(|mode| mode & 0o007 != 0);
    // A folder that nobody else can enter keeps what is in it.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !file.is_file() {
        return None;
    }
    Some(match is_open(folder) && is_open(file) {
        false => Finding::ok("files", format!("others can't read {}", file.display())),
        true => Finding::warn(
            "files",
            format!("others can read {}, with all customers in it", file.display()),
            format!("chmod 0700 {}", folder.display()),
        ),
    })
}

async fn database(config: &Config) -> Vec<Finding> {
    let place = config.database_place();
    let storage = match SqlStorage::look_at(&SqlConfig::new(&config.database_url)).await {
        Ok(Some(storage)) => storage,
        Ok(None) => {
            let mend = "the first server that starts makes it; if one has, see that database_url names the same place";
            return vec![Finding::fail("database", format!("there is none yet at {place}"), mend)];
        }
        Err(error) => {
            let mend = "see that it runs and takes connections from this machine, and that database_url has its address, user, \
                password and certificate right";
            return vec![Finding::fail("database", format!("{place} can't be used: {}", reason(&error)), mend)];
        }
    };
    let known = provider_names(config);
    let mut findings = Vec::new();
    let looked = [version(&storage, &place).await, schema(&storage).await, clock(&storage).await, room(&storage)];
    for finding in looked {
        findings.extend(finding.unwrap_or_else(|error| Some(unreadable(&error))));
    }
    findings.extend(backlog(&storage).await.unwrap_or_else(|error| vec![unreadable(&error)]));
    findings.extend(gone(&storage, &known).await.unwrap_or_else(|error| vec![unreadable(&error)]));
    storage.close().await;
    findings
}

/// What became of a look at the database.
type Looked = Result<Option<Finding>, StorageError>;

async fn version(storage: &SqlStorage, place: &str) -> Looked {
    Ok(Some(Finding::ok("database", format!("{} at {place}", storage.version().await?))))
}

async fn schema(storage: &SqlStorage) -> Looked {
    let schema = storage.schema().await?;
    Ok(Some(match (schema.missing.as_slice(), schema.unknown.as_slice()) {
        ([], []) => Finding::ok("schema", format!("all {} steps are taken", schema.taken)),
        ([], later) => Finding::warn(
            "schema",
            format!("it has steps of a later version: {}", later.join(", ")),
            "use that version of paylinks, unless you are going back from it",
        ),
        (missing, _) => Finding::warn(
            "schema",
            format!("steps are not taken yet: {}", missing.join(", ")),
            "the next server of this version that starts takes them",
        ),
    }))
}

async fn clock(storage: &SqlStorage) -> Looked {
    let before = SystemClock.now();
    let told = storage.database_time().await?;
    Ok(Some(apart("clock", "the database's", (before, SystemClock.now()), told)))
}

/// How a clock that told its time between two moments stands against ours.
fn apart(check: &str, whose: &str, (asked, answered): (Timestamp, Timestamp), told: Timestamp) -> Finding {
    let apart = asked.since(told).max(told.since(answered));
    let text = format!("ours and {whose} are {} s apart", apart.as_secs());
    let mend = "set the clocks by NTP: dates of invoices, expiries and signatures go by them";
    match apart {
        apart if apart > APART_MAX => Finding::fail(check, text, mend),
        apart if apart > APART_WARN => Finding::warn(check, text, mend),
        _ => Finding::ok(check, text),
    }
}

fn room(storage: &SqlStorage) -> Looked {
    let Some(bytes) = storage.room()? else { return Ok(None) };
    let told = format!("{} MiB are free on the disk of the database", bytes >> 20);
    let mend = "make room, or move the data directory: a full disk stops all writing";
    Ok(Some(match bytes {
        bytes if bytes < SQLITE_ROOM_MIN => Finding::fail("disk", told, mend),
        bytes if bytes < ROOM_WARN => Finding::warn("disk", told, mend),
        _ => Finding::ok("disk", told),
    }))
}

/// What waits longer than anything that passes by itself, and what waits for a person.
async fn backlog(storage: &SqlStorage) -> Result<Vec<Finding>, StorageError> {
    let backlog = storage.backlog().await?;
    let oldest = |check: &str, what: &str, age: Option<Duration>, mend: &str| match age {
        None => Finding::ok(check, format!("no {what} waits")),
        Some(age) => {
            let told = format!("the oldest {what} that is not done is {} min old", age.as_secs() / 60);
            if age > AGE_MAX { Finding::warn(check, told, mend) } else { Finding::ok(check, told) }
        }
    };
    let look = "see that a server runs, and what its log says of the provider";
    let aside = match backlog.set_aside_notifications {
        0 => Finding::ok("notifications set aside", "none is"),
        count => Finding::warn(
            "notifications set aside",
            format!("{count} are, and wait for a person"),
            "`paylinks notifications list --aside` shows why; `paylinks notifications retry` has them tried again, and `close` \
             ticks off what was seen to at the provider",
        ),
    };
    Ok(vec![
        oldest("calls", "call to a provider", backlog.oldest_call, look),
        oldest("notifications", "notification", backlog.oldest_notification, look),
        aside,
    ])
}

async fn gone(storage: &SqlStorage, known: &[ProviderName]) -> Result<Vec<Finding>, StorageError> {
    let gone = storage.open_at_others(known).await?;
    let finding = |open: domain::ports::storage::OpenAtProvider| {
        let told = format!("{} is not configured, and is not done with: {open}", open.provider);
        let mend =
            format!("put [providers.{}] back until they are closed: nothing of it goes on meanwhile", open.provider);
        Finding::fail("removed provider", told, mend)
    };
    Ok(gone.into_iter().map(finding).collect())
}

fn unreadable(error: &StorageError) -> Finding {
    let mend = "see that the database runs, and that its user may read all tables";
    Finding::fail("database", format!("it does not answer as it should: {}", reason(error)), mend)
}

/// An error with what it came from: `Display` never repeats its source.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn provider_names(config: &Config) -> Vec<ProviderName> {
    match &config.charging {
        Charging::Providers(providers) => providers.iter().map(|provider| provider.name().clone()).collect(),
        Charging::Sandbox { .. } => crate::registry::sandbox_name().into_iter().collect(),
    }
}

async fn providers(config: &Config) -> Vec<Finding> {
    let providers = match &config.charging {
        Charging::Providers(providers) => providers,
        Charging::Sandbox { .. } => {
            let mend = "before real money moves, configure a provider";
            return vec![Finding::warn("provider", "the sandbox charges: no money moves", mend)];
        }
    };
    let mut findings = Vec::new();
    for provider in providers {
        let url = config
            .public_url
            .as_ref()
            .map(|url| format!("{}/webhooks/{}", url.as_str().trim_end_matches('/'), provider.name()));
        findings.extend(probe(provider.as_ref(), url.as_deref()).await);
    }
    findings
}

/// Calls a provider once, and tells what that showed.
async fn probe(configured: &dyn ConfiguredProvider, webhook_url: Option<&str>) -> Vec<Finding> {
    let check = format!("provider {}", configured.name());
    let provider = match configured.make() {
        Ok(ports) => ports.provider,
        Err(error) => return vec![Finding::fail(check, reason(error.as_ref()), "see to the system's certificates")],
    };
    let asked = SystemClock.now();
    let delivery = match provider.probe(webhook_url.unwrap_or_default()).await {
        Ok(delivery) => delivery,
        Err(error) => return vec![unreached(check, &error)],
    };
    let mut findings = vec![Finding::ok(&check, format!("{}: it takes the key", configured.summary()))];
    if let Some(told) = provider.provider_time() {
        findings.push(apart(&format!("{check}, clock"), "the provider's", (asked, SystemClock.now()), told));
    }
    findings.push(delivered(format!("{check}, webhooks"), delivery, webhook_url));
    findings
}

fn unreached(check: String, error: &ProviderError) -> Finding {
    match error {
        ProviderError::Unauthorized => {
            let mend = "put a key there that the provider takes, and restart the servers one by one";
            Finding::fail(check, "it does not take the key", mend)
        }
        ProviderError::RateLimited { .. } => {
            Finding::warn(check, error.to_string(), "try again, and lower calls_per_second_max if it stays so")
        }
        _ => {
            let mend = "see that this machine reaches it: name resolution, firewall, api_base";
            Finding::fail(check, error.to_string(), mend)
        }
    }
}

fn delivered(check: String, delivery: Delivery, url: Option<&str>) -> Finding {
    let Some(url) = url else {
        let mend = "set public_url to where the world reaches HTTP, and look again";
        return Finding::warn(check, "it is not known where they should come, without public_url", mend);
    };
    match delivery {
        Delivery::On => Finding::ok(check, format!("they come to {url}")),
        Delivery::Lacking { kinds } => {
            let told = format!("not all kinds come to {url}");
            Finding::fail(check, told, format!("turn these on there: {}", kinds.join(", ")))
        }
        Delivery::Untaken => {
            // After an outage they are delivered again for hours, and are read back long before.
            let mend = "see that the secret in the settings is that of this endpoint, and what the provider's dashboard tells of \
                        its deliveries (those of the account's other endpoints count as well)";
            Finding::warn(check, format!("they come to {url}, and some of the last day were not taken"), mend)
        }
        Delivery::Off => {
            let mend = format!("point a webhook at {url}, and put its secret into the settings");
            Finding::fail(check, "none come here: the provider has no endpoint that is on with our URL", mend)
        }
        Delivery::Untold => {
            let mend = format!("see in its dashboard that a webhook points at {url}");
            Finding::warn(check, "the provider does not tell whether they come", mend)
        }
    }
}

async fn mail(config: Config) -> Option<Finding> {
    let mail = config.mail?;
    let server = format!("{}:{}", mail.smtp.host, mail.smtp.port);
    let mend = "see to [mail]: host, port, tls, username and password";
    let probed = match mail_smtp::SmtpMailer::new(mail.smtp) {
        Ok(mailer) => mailer.probe().await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    Some(match probed {
        Ok(()) => Finding::ok("mail", format!("{server} takes us")),
        Err(told) => Finding::fail("mail", format!("{server}: {told}"), mend),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_be_a_little_apart_and_an_answer_may_take_its_time() {
        let at = Timestamp::from_unix_seconds;
        for (told, verdict) in [
            (100, Verdict::Ok),
            (130, Verdict::Ok),
            (95, Verdict::Ok),
            (94, Verdict::Warn),
            (190, Verdict::Warn),
            (191, Verdict::Fail),
            (39, Verdict::Fail),
        ] {
            assert_eq!(apart("clock", "its", (at(100), at(130)), at(told)).verdict, verdict, "{told}");
        }
    }

    #[test]
    fn a_finding_is_a_line_with_what_to_do_below_it() {
        let finding = Finding::fail("mail", "it is gone", "call it back");
        assert_eq!(finding.line(), "FAIL  mail: it is gone\n      -> call it back\n");
        assert_eq!(Finding::ok("mail", "fine").line(), "ok    mail: fine\n");
        let json = serde_json::to_value(&finding).unwrap();
        assert_eq!(json["verdict"], "fail");
    }

    #[test]
    fn webhooks_that_do_not_come_are_a_failure_where_that_is_known() {
        let url = Some("https://pay.example.com/webhooks/north");
        let told = |delivery, url| delivered("x".to_owned(), delivery, url).verdict;
        assert_eq!(told(Delivery::On, url), Verdict::Ok);
        assert_eq!(told(Delivery::Off, url), Verdict::Fail);
        assert_eq!(told(Delivery::Lacking { kinds: vec!["a".to_owned()] }, url), Verdict::Fail);
        assert_eq!(told(Delivery::Untold, url), Verdict::Warn);
        assert_eq!(told(Delivery::Off, None), Verdict::Warn);
    }
}

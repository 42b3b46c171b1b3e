//! Calls, tried as often as helps.
//!
//! What is refused here, before anything was sent, is surely not done: [`ProviderError::RateLimited`] where too many calls
//! wait or the provider asked to be left alone for longer than a call may wait, and [`ProviderError::CircuitOpen`] while the
//! circuit is open.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use domain::ports::provider::ProviderError;
use domain::timestamp::Timestamp;
use governor::Jitter;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use telemetry::table::{PROVIDER_CALL_SECONDS, PROVIDER_CALLS, PROVIDER_WAIT_SECONDS};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use url::Url;

use crate::circuit::{Circuit, Failure};
use crate::pressure::{Pressure, Urgency, WAIT_MAX as TURN_WAIT_MAX};

/// The longest that connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a call is tried.
const TRIES_MAX: u32 = 3;
/// The longest wait between two tries; what asks for more is left to whoever called.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// The longest that all calls are held back since one was asked to wait.
const COOL_DOWN_MAX: Duration = Duration::from_secs(60);
/// The wait after the first try, on average; it doubles.
const WAIT_FIRST: Duration = Duration::from_millis(250);
/// The largest answer that is read, in bytes. A page of a hundred sessions with full metadata is about 3 MiB.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// For how long an answer tells the time.
const TIME_KNOWN_FOR: Duration = Duration::from_secs(120);
/// A part of a path with so many characters is an id, which no log shows; the names of resources are shorter.
const ID_CHARS_MIN: usize = 16;

/// A way to one provider. A clone is another, behind the same door.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    headers: HeaderMap,
    request_id: HeaderName,
    door: Arc<Door>,
    urgency: Urgency,
}

/// What calls to a provider may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most calls a second on average, 1 at least; within any one second it may be a quarter more.
    pub calls_per_second_max: u32,
    /// The longest that one try of a call may take.
    pub timeout: Duration,
}

/// A call.
#[derive(Debug)]
pub struct Call<'a> {
    /// How.
    pub method: Method,
    /// Where, below the base.
    pub path: &'a str,
    /// What is sent with it.
    pub content: Content<'a>,
    /// The key under which the provider does it once, in the header `Idempotency-Key`.
    pub key: Option<&'a str>,
}

/// What is sent with a call.
#[derive(Debug)]
pub enum Content<'a> {
    /// Nothing.
    Nothing,
    /// Pairs in the URL.
    Query(&'a [(String, String)]),
    /// Pairs in the body.
    Form(&'a [(String, String)]),
    /// JSON in the body.
    Json(&'a Value),
}

/// What a provider answered to a try.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; nothing if it is too large, broken off or no JSON.
    pub body: Option<Value>,
}

impl Answer {
    /// A header's text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the provider asks to be left alone, where it says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.parse().ok().map(Duration::from_secs)
    }
}

/// What one answer means.
#[derive(Debug)]
pub enum Verdict {
    /// Done.
    Done(Value),
    /// Final, and surely not done.
    Refused(ProviderError),
    /// Surely not done; another try may help.
    NotDone {
        /// What is told if none does.
        error: ProviderError,
        /// How long the provider asked to be left alone.
        wait: Option<Duration>,
    },
    /// Perhaps done; another try under the same key may tell.
    Unknown {
        /// How long the provider asked to be left alone.
        wait: Option<Duration>,
    },
}

impl Verdict {
    /// Whether the provider was not itself. A limit of its own, or a refusal, is an answer.
    fn has_failed(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::NotDone { error: ProviderError::Unavailable, .. })
    }

    /// For how long the provider asked all calls to wait, where it limits their rate. What it asks for beside a failure of one
    /// call is for that call alone, and a wait without an end says that a call is not to be tried again by itself.
    fn asked_wait(&self) -> Option<Duration> {
        match self {
            Self::NotDone { error: ProviderError::RateLimited { .. }, wait } => {
                wait.filter(|wait| *wait < Duration::MAX)
            }
            Self::NotDone { .. } | Self::Unknown { .. } | Self::Done(_) | Self::Refused(_) => None,
        }
    }
}

/// What all calls to one provider share.
struct Door {
    /// The name of the provider, for metrics.
    name: String,
    pressure: Pressure,
    circuit: Circuit,
    /// Until when the provider asked to be left alone: all calls, not only the one that it told.
    cool_until: Mutex<Option<Instant>>,
    /// The date of the last answer, and when it came.
    last_date: Mutex<Option<(Timestamp, Instant)>>,
}

impl Client {
    /// A way to the provider that is called `name`. Every call is below `base`, and has `headers`. The provider names each call
    /// in the header `request_id` of its answer, by which its support finds it: the log has that.
    ///
    /// # Errors
    /// The HTTP client can't be made.
    pub fn new(
        name: String,
        base: Url,
        (headers, request_id): (HeaderMap, HeaderName),
        limits: Limits,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(limits.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("paylinks/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let per_second = NonZeroU32::new(limits.calls_per_second_max).unwrap_or(NonZeroU32::MIN);
        let door = Door {
            pressure: Pressure::new(per_second),
            circuit: Circuit::new(name.clone()),
            name,
            cool_until: Mutex::new(None),
            last_date: Mutex::new(None),
        };
        Ok(Self { http, base, headers, request_id, door: Arc::new(door), urgency: Urgency::Caller })
    }

    /// The same way for calls that no caller waits for: they come behind the callers'.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { urgency: Urgency::Worker, ..self.clone() }
    }

    /// The time by the provider's clock, as far as an answer of the last two minutes told it.
    pub fn provider_time(&self) -> Option<Timestamp> {
        let (date, came) = (*self.door.last_date.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = came.elapsed();
        (since <= TIME_KNOWN_FOR).then(|| date.plus(since))
    }

    /// Makes a call, and tries it again as long as that may help; `judge` says what an answer means.
    ///
    /// # Errors
    /// What the last verdict says; [`ProviderError::OutcomeUnknown`] once one try was perhaps done.
    pub async fn call(&self, call: &Call<'_>, judge: impl Fn(Answer) -> Verdict) -> Result<Value, ProviderError> {
        let mut perhaps_done = false;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let span = self.span(call, attempt);
            let tried = self.try_in_turn(call, &judge).instrument(span.clone()).await;
            let outcome = outcome(&tried);
            if outcome != "answered" {
                span.record("error.type", outcome).record("otel.status_code", "ERROR");
            }
            PROVIDER_CALLS.increment([self.door.name.clone().into(), call.operation().into(), outcome.into()]);
            let (error, told) = match tried {
                Ok(Verdict::Done(value)) => return Ok(value),
                // Credentials that ended in between say nothing of the try before.
                Ok(Verdict::Refused(ProviderError::Unauthorized)) if perhaps_done => {
                    return Err(ProviderError::OutcomeUnknown);
                }
                Ok(Verdict::Refused(error)) => return Err(error),
                Ok(Verdict::NotDone { error, wait }) => (error, wait),
                Ok(Verdict::Unknown { wait }) => {
                    perhaps_done = true;
                    (ProviderError::OutcomeUnknown, wait)
                }
                Err(error) => return Err(if perhaps_done { ProviderError::OutcomeUnknown } else { error }),
            };
            let doubled = WAIT_FIRST * 2u32.pow(attempt - 1);
            let wait = told.unwrap_or(doubled);
            if attempt == TRIES_MAX || wait > WAIT_MAX {
                // Once it was perhaps done, a later try that surely was not changes nothing about that.
                return Err(if perhaps_done { ProviderError::OutcomeUnknown } else { error });
            }
            // Calls that failed together do not come back together, and none before it was told to.
            let spread = match told {
                Some(told) => Jitter::up_to(WAIT_FIRST) + told,
                None => Jitter::up_to(doubled) + doubled / 2,
            };
            tokio::time::sleep(spread).await;
        }
    }

    /// One try, once it may be made.
    ///
    /// # Errors
    /// Nothing was sent, and nothing is to be sent for now.
    async fn try_in_turn(&self, call: &Call<'_>, judge: impl Fn(Answer) -> Verdict) -> Result<Verdict, ProviderError> {
        let door = &self.door;
        let left_alone = |retry_after| ProviderError::CircuitOpen { retry_after };
        if let Some(rest) = door.circuit.rest() {
            return Err(left_alone(rest));
        }
        door.cool_down().await?;
        let began = Instant::now();
        let turn = door.pressure.enter(self.urgency).await;
        PROVIDER_WAIT_SECONDS.record([door.name.clone().into()], began.elapsed());
        let Ok(_under_way) = turn else {
            return Err(ProviderError::RateLimited { retry_after: Some(TURN_WAIT_MAX) });
        };
        let pass = door.circuit.pass().map_err(left_alone)?;
        let began = Instant::now();
        let answered = self.send(call).await;
        PROVIDER_CALL_SECONDS.record([door.name.clone().into(), call.operation().into()], began.elapsed());
        let (verdict, failure) = match answered {
            Ok(answer) => {
                let verdict = judge(answer);
                let failure = verdict.has_failed().then(|| Failure::of(call));
                (verdict, failure)
            }
            Err((verdict, failure)) => (verdict, failure),
        };
        pass.answered(failure);
        if let Some(wait) = verdict.asked_wait() {
            door.leave_alone(wait);
        }
        Ok(verdict)
    }

    /// A span of one try. No header tells the provider of its trace.
    fn span(&self, call: &Call<'_>, attempt: u32) -> Span {
        let span = telemetry::span!(
            "provider call",
            otel.name = Empty,
            otel.kind = "client",
            otel.status_code = Empty,
            http.request.method = %call.method,
            http.request.resend_count = attempt - 1,
            http.response.status_code = Empty,
            url.template = Empty,
            server.address = self.base.host_str().unwrap_or_default(),
            paylinks.provider = self.door.name,
            error.type = Empty
        );
        if !span.is_disabled() {
            span.record("otel.name", call.operation()).record("url.template", operation(call.path));
        }
        span
    }

    /// Sends a call once.
    ///
    /// # Errors
    /// There is no answer: what that means, and whose failure it is.
    async fn send(&self, call: &Call<'_>) -> Result<Answer, (Verdict, Option<Failure>)> {
        let (method, operation) = (&call.method, operation(call.path));
        let Ok(url) = self.base.join(call.path) else {
            return Err((Verdict::Refused(ProviderError::Unavailable), None));
        };
        let mut request = self.http.request(method.clone(), url).headers(self.headers.clone());
        request = match call.content {
            Content::Nothing => request,
            Content::Query(pairs) => request.query(pairs),
            Content::Form(pairs) => request.form(pairs),
            Content::Json(value) => request.json(value),
        };
        if let Some(key) = call.key {
            request = request.header("idempotency-key", key);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                tracing::warn!(%method, operation, "can't connect to the provider");
                let not_done = Verdict::NotDone { error: ProviderError::Unavailable, wait: None };
                return Err((not_done, Some(Failure::Unreachable)));
            }
            Err(error) => {
                tracing::warn!(%method, operation, timeout = error.is_timeout(), "the provider's answer was lost");
                return Err((Verdict::Unknown { wait: None }, Some(Failure::of(call))));
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        Span::current().record("http.response.status_code", status.as_u16());
        let answer = Answer { status, headers, body: read_capped(response).await };
        if let Some(date) = answer.header("date").and_then(read_date) {
            *self.door.last_date.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, Instant::now()));
        }
        let request_id = answer.header(self.request_id.as_str()).unwrap_or_default();
        tracing::debug!(%method, operation, status = status.as_u16(), request_id, "called the provider");
        Ok(answer)
    }
}

impl Door {
    /// Waits until the provider may be asked again, if that is soon.
    ///
    /// # Errors
    /// It is not.
    async fn cool_down(&self) -> Result<(), ProviderError> {
        let until = *self.cool_until.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = until.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default();
        if rest > TURN_WAIT_MAX {
            return Err(ProviderError::RateLimited { retry_after: Some(rest) });
        }
        tokio::time::sleep(rest).await;
        Ok(())
    }

    fn leave_alone(&self, wait: Duration) {
        let until = Instant::now() + wait.min(COOL_DOWN_MAX);
        let mut cool_until = self.cool_until.lock().unwrap_or_else(PoisonError::into_inner);
        *cool_until = Some(cool_until.map_or(until, |before| before.max(until)));
    }
}

impl Call<'_> {
    /// What is asked for, whatever it is about: one of few.
    fn operation(&self) -> String {
        format!("{} {}", self.method, operation(self.path))
    }
}

impl Failure {
    /// A failure of a call that was sent: it may be what the call is about that fails, and not the provider.
    fn of(call: &Call<'_>) -> Self {
        let mut hasher = DefaultHasher::new();
        // All tries of a thing that is made have its key; what is read or changed stands in the path.
        call.key.unwrap_or(call.path).hash(&mut hasher);
        Self::Subject(hasher.finish())
    }
}

/// The failure of a call that changes nothing: one of unknown outcome is just unavailable.
pub fn unchanged(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::OutcomeUnknown => ProviderError::Unavailable,
        other => other,
    }
}

/// What became of a try, for metrics.
fn outcome(tried: &Result<Verdict, ProviderError>) -> &'static str {
    match tried {
        Ok(Verdict::Done(_)) => "answered",
        Ok(Verdict::Refused(_)) => "rejected",
        Ok(Verdict::NotDone { error: ProviderError::RateLimited { .. }, .. }) => "rate_limited",
        Ok(Verdict::NotDone { .. }) => "not_done",
        Ok(Verdict::Unknown { .. }) => "unknown",
        Err(ProviderError::RateLimited { .. }) => "queue_full",
        Err(_) => "circuit_open",
    }
}

/// The date of an answer, which is whole seconds.
fn read_date(header: &str) -> Option<Timestamp> {
    let since_epoch = httpdate::parse_http_date(header).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since_epoch.as_secs()).ok().map(Timestamp::from_unix_seconds)
}

/// The path without ids: for logs, and for metrics, which must be few. What has digits is an id, unless it is a version.
fn operation(path: &str) -> String {
    let is_version = |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    let has_digits = |part: &str| part.bytes().any(|b| b.is_ascii_digit());
    let is_id = |part: &str| part.len() >= ID_CHARS_MIN || (has_digits(part) && !is_version(part));
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').map(|part| if is_id(part) { "{id}" } else { part }).collect::<Vec<_>>().join("/")
}

/// The answer as JSON; nothing if it is too large, broken off or something else.
async fn read_capped(mut response: Response) -> Option<Value> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return None;
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests;

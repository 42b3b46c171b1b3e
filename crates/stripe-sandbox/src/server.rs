//! The HTTP server: authentication, strict parameters, idempotency, faults.

use std::collections::HashSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State as Extract};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use base64::Engine;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use url::Url;

use crate::control::FaultKind;
use crate::error::ApiError;
use crate::faults::{after_execution, before_execution, kept_answer, take_fault};
use crate::save::Saver;
use crate::state::{Answer, State};
use crate::{api, banks, form, hosted, ids, params, save, scheduled_tasks, webhooks};

/// The version of Stripe's API whose shapes are spoken.
pub(crate) const API_VERSION: &str = "2026-10-28.endive";
/// The largest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How often what is due is done, and the state is written to its file.
const TICK: Duration = Duration::from_millis(500);

/// How to run a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where to listen; port 0 for any. Loopback alone.
    pub listen: SocketAddr,
    /// Where to keep the state over restarts; in memory alone if absent.
    pub state_file: Option<PathBuf>,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// It would be reachable from elsewhere, and it lets everyone in.
    #[error("the sandbox listens on loopback alone, not on {0}")]
    NotLoopback(SocketAddr),
    /// The address can't be listened on.
    #[error("can't listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The state's file can't be read.
    #[error("can't read the state from {0}")]
    StateFile(PathBuf, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another sandbox keeps its state there.
    #[error("another sandbox that runs keeps its state in {0}")]
    StateFileInUse(PathBuf),
    /// A webhook endpoint was refused.
    #[error("the webhook endpoint was refused: {0}")]
    Endpoint(String),
    /// The HTTP client for webhooks can't be made.
    #[error("can't make the client for webhooks")]
    Client(#[source] reqwest::Error),
}

/// A running sandbox.
pub struct Sandbox {
    url: Url,
    shared: Arc<Shared>,
    stop: oneshot::Sender<()>,
    stopped: tokio::task::JoinHandle<()>,
}

impl Sandbox {
    /// Where it is: the base address for API clients and browsers.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The signing secret of the webhook endpoint of `key`'s account at `url`, which is registered for every event if it
    /// is not there yet.
    ///
    /// # Errors
    /// The endpoint can't be registered.
    pub fn webhook_endpoint(&self, key: &str, url: &str) -> Result<String, SandboxError> {
        let account = State::account_of_key(key);
        let mut state = self.shared.lock();
        let mut ctx = state.enter(&account, &self.shared.public_url);
        let known = ctx.account().all("webhook_endpoint").find(|endpoint| endpoint["url"] == url);
        let known = known.and_then(|endpoint| endpoint["id"].as_str()).map(str::to_owned);
        if let Some(secret) = known.and_then(|id| ctx.account().secrets.get(&id)?.first().cloned()) {
            return Ok(secret);
        }
        let mut params = Map::new();
        params.insert("url".to_owned(), url.into());
        params.insert("enabled_events".to_owned(), Value::Array(vec!["*".into()]));
        let made = api::answer(&mut ctx, "POST /v1/webhook_endpoints", "", &mut params);
        let made = made.map_err(|error| SandboxError::Endpoint(error.to_json().to_string()))?;
        Ok(made["secret"].as_str().unwrap_or_default().to_owned())
    }

    /// What a webhook endpoint with these secrets gets of `key`'s account: the header `Stripe-Signature`, signed now, and the
    /// body, of every event in its order. For tests that are the network themselves.
    pub fn signed_events(&self, key: &str, secrets: &[String]) -> Vec<(String, String)> {
        let state = self.shared.lock();
        let account = state.accounts.get(&State::account_of_key(key));
        let events = account.into_iter().flat_map(|account| account.events.all());
        let signed = events.map(|event| {
            let body = event.to_json().to_string();
            (webhooks::sign(&body, secrets, state.now()), body)
        });
        signed.collect()
    }

    /// How many requests have come in at its API, those that were refused included.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Stops it, and writes its state to the file if it has one.
    pub async fn shutdown(self) {
        // Both fail only if it has stopped already.
        let _ = self.stop.send(());
        let _ = self.stopped.await;
    }
}

pub(crate) struct Shared {
    state: Mutex<State>,
    in_flight: Mutex<HashSet<u64>>,
    requests: AtomicU64,
    /// Lets calls go on that a fault holds.
    pub(crate) held: watch::Sender<Released>,
    /// The cards about which a bank is being asked.
    pub(crate) pending_authentications: hosted::PendingAuthentications,
    pub(crate) client: reqwest::Client,
    pub(crate) places: webhooks::Places,
    pub(crate) public_url: String,
    pub(crate) saver: Saver,
}

/// What lets calls go on that a fault holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Released {
    /// The faults were cleared. Those that are held from then on wait for the next time.
    Once,
    /// The sandbox ends.
    ForGood,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock_in_flight(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a sandbox.
///
/// # Errors
/// See [`SandboxError`].
pub async fn start(config: SandboxConfig) -> Result<Sandbox, SandboxError> {
    if !config.listen.ip().is_loopback() {
        return Err(SandboxError::NotLoopback(config.listen));
    }
    let listener = TcpListener::bind(config.listen).await.map_err(|e| SandboxError::Listen(config.listen, e))?;
    let address = listener.local_addr().map_err(|e| SandboxError::Listen(config.listen, e))?;
    let public_url = format!("http://{address}");
    let (state, lock) = match &config.state_file {
        Some(path) => {
            let lock = save::lock(path)?;
            (save::load(path)?, Some(lock))
        }
        None => (State::default(), None),
    };
    // Another part of the process may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
    let shared = Arc::new(Shared {
        state: Mutex::new(state),
        in_flight: Mutex::default(),
        requests: AtomicU64::new(0),
        held: watch::Sender::new(Released::Once),
        pending_authentications: hosted::PendingAuthentications::default(),
        client: client.map_err(SandboxError::Client)?,
        places: webhooks::Places::default(),
        public_url: public_url.clone(),
        saver: Saver::new(config.state_file),
    });
    let (stop, stopping) = oneshot::channel::<()>();
    let router = router(Arc::clone(&shared));
    let running = Arc::clone(&shared);
    let stopped = tokio::spawn(async move {
        let shared = running;
        let writer = tokio::spawn(save::run(Arc::clone(&shared)));
        let ticker = tokio::spawn(tick(Arc::clone(&shared)));
        let ending = Arc::clone(&shared);
        let server = axum::serve(listener, router).with_graceful_shutdown(async move {
            let _ = stopping.await;
            ending.held.send_replace(Released::ForGood);
        });
        if let Err(error) = server.await {
            tracing::error!(%error, "the sandbox's listener failed");
        }
        ticker.abort();
        shared.saver.saved().await;
        writer.abort();
        drop(lock);
    });
    let url = Url::parse(&public_url).map_err(|e| SandboxError::StateFile(PathBuf::new(), e.into()))?;
    Ok(Sandbox { url, shared, stop, stopped })
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(hosted::index))
        .route("/v1/{*path}", any(api))
        .route("/c/pay/{session}", get(hosted::session_page).post(hosted::pay))
        .route("/c/pay/{session}/authenticate", post(hosted::authenticate))
        .route("/i/{token}", get(hosted::invoice_page))
        .route("/{token}", get(hosted::visit))
        .nest("/_sandbox", hosted::control_routes().merge(banks::control_routes()))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(Arc::clone(&shared), save::durable))
        .with_state(shared)
}

/// Does what time brings: sessions expire, webhooks go out, the state is written.
async fn tick(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(TICK).await;
        expire_due(&shared);
        webhooks::dispatch(&shared);
        shared.saver.want();
    }
}

pub(crate) fn expire_due(shared: &Shared) {
    let mut state = shared.lock();
    let (was_dirty, before) = (state.dirty, state.events);
    let accounts: Vec<String> = state.accounts.keys().cloned().collect();
    for account in accounts {
        scheduled_tasks::run(&mut state.enter(&account, &shared.public_url));
    }
    // Each change that time brings is an event.
    state.dirty = was_dirty || state.events != before;
}

async fn api(
    Extract(shared): Extract<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shared.requests.fetch_add(1, Ordering::Relaxed);
    let request_id = ids::new("req");
    let idempotency_key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let mut response = match answer(&shared, &method, &uri, &headers, &body, idempotency_key.as_deref()).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert("stripe-version", HeaderValue::from_static(API_VERSION));
    for (name, value) in [("request-id", Some(request_id)), ("idempotency-key", idempotency_key)] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

async fn answer(
    shared: &Arc<Shared>,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    idempotency_key: Option<&str>,
) -> Result<Response, ApiError> {
    let account = authenticate(headers)?;
    let (operation, id) =
        api::route(method.as_str(), uri.path()).ok_or_else(|| ApiError::unknown_url(method.as_str(), uri.path()))?;
    let encoded = if method == Method::POST { body } else { uri.query().unwrap_or_default().as_bytes() };
    let params = params::parse(&operation, form::decode(encoded)?)?;
    let key = idempotency_key.filter(|_| method == Method::POST);
    if key.is_some_and(|key| key.len() > 255) {
        return Err(ApiError::invalid("Idempotency keys must be at most 255 characters."));
    }
    let fingerprint = hex::encode(Sha256::digest([uri.path().as_bytes(), b"\0", encoded].concat()));
    let once = key.map(|key| (key.to_owned(), fingerprint));
    let mut call = Call { account: account.clone(), operation, id, params, once };
    // Where no fault was asked for, a call ends where it begins: nobody sees it under way, and nothing breaks it off.
    let (done, has_deliveries) = {
        let mut state = shared.lock();
        match take_fault(&mut state, &call.operation) {
            Some(fault) => (Err((fault, shared.held.subscribe())), false),
            None => {
                let done = run(&mut state, &mut call, &shared.public_url);
                (Ok(done), !state.deliveries.is_empty())
            }
        }
    };
    let (fault, released) = match done {
        Ok(done) => {
            if has_deliveries {
                webhooks::dispatch(shared);
            }
            return done.map(|(answer, is_replayed)| respond(answer, is_replayed));
        }
        Err(faulty) => faulty,
    };
    // What began goes on to its end, though its caller may be gone: nobody else would free its key.
    let done = tokio::spawn(run_with_fault(Arc::clone(shared), call, fault, released)).await;
    webhooks::dispatch(shared);
    done.unwrap_or_else(|broken_off| Err(failed(&broken_off)))
}

/// An error of the sandbox's own.
fn failed(reason: &dyn Display) -> ApiError {
    tracing::error!(error = %reason, "the sandbox failed at a call");
    ApiError::api(StatusCode::INTERNAL_SERVER_ERROR, "The sandbox failed.")
}

/// A call whose parameters are understood.
struct Call {
    account: String,
    operation: String,
    id: String,
    params: Map<String, Value>,
    /// The idempotency key, and what it stands for.
    once: Option<(String, String)>,
}

impl Call {
    /// Its key is in use from now on; answers what was answered under it before.
    fn begin(&self, state: &mut State, public_url: &str) -> Result<Option<Answer>, ApiError> {
        let Some((key, fingerprint)) = &self.once else { return Ok(None) };
        state.enter(&self.account, public_url).begin_once(key, fingerprint)
    }

    /// What its key answers from now on; none where nothing was executed.
    fn end(&self, state: &mut State, public_url: &str, answer: Option<Answer>) {
        if let Some((key, _)) = &self.once {
            state.enter(&self.account, public_url).end_once(key, answer);
        }
    }
}

/// A whole call: its answer, and whether that was given before.
fn run(state: &mut State, call: &mut Call, public_url: &str) -> Result<(Answer, bool), ApiError> {
    match call.begin(state, public_url)? {
        Some(answer) => Ok((answer, true)),
        None => Ok((execute(state, call, public_url), false)),
    }
}

/// Begins a call, stalls or fails as was asked for, and executes it. Its key is in use all the while.
///
/// `released` tells when the faults are cleared, from when this one was taken on.
async fn run_with_fault(
    shared: Arc<Shared>,
    mut call: Call,
    fault: FaultKind,
    mut released: watch::Receiver<Released>,
) -> Result<Response, ApiError> {
    let replay = call.begin(&mut shared.lock(), &shared.public_url)?;
    match fault {
        FaultKind::Delay { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
        FaultKind::Hold => until_released(&mut released).await,
        _ => {}
    }
    let is_replayed = replay.is_some();
    if let Some(response) = before_execution(&fault) {
        if !is_replayed {
            call.end(&mut shared.lock(), &shared.public_url, kept_answer(&fault));
        }
        return Ok(response);
    }
    // A refusal is an answer as good as any, and can be lost as any.
    let answer = match replay {
        Some(answer) => answer,
        None => execute(&mut shared.lock(), &mut call, &shared.public_url),
    };
    if let Some(kept) = kept_answer(&fault).filter(|_| !is_replayed) {
        call.end(&mut shared.lock(), &shared.public_url, Some(kept));
    }
    if matches!(fault, FaultKind::HoldAnswer) {
        until_released(&mut released).await;
    }
    Ok(after_execution(&fault, &answer.1).unwrap_or_else(|| respond(answer, is_replayed)))
}

async fn until_released(released: &mut watch::Receiver<Released>) {
    if *released.borrow() == Released::Once {
        // An error means that the sandbox is gone, which comes to the same.
        let _ = released.changed().await;
    }
}

fn respond((status, body): Answer, is_replayed: bool) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), axum::Json(body)).into_response();
    if is_replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// The status and the body.
fn execute(state: &mut State, call: &mut Call, public_url: &str) -> Answer {
    let (was_dirty, before) = (state.dirty, state.events);
    let mut ctx = state.enter(&call.account, public_url);
    let attempt = AssertUnwindSafe(|| api::answer(&mut ctx, &call.operation, &call.id, &mut call.params));
    let executed = catch_unwind(attempt).unwrap_or_else(|panic| {
        // Its key answers so from now on, as Stripe's do for errors of its own.
        ctx.undo();
        let reason = panic.downcast_ref::<String>().map(String::as_str);
        Err(failed(&reason.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")))
    });
    let is_refused = executed.is_err();
    let answer = executed.map_or_else(|error| (error.status.as_u16(), error.to_json().into()), |body| (200, body));
    if let Some((key, _)) = &call.once {
        // Only parameters that nobody looked at leave a key unused.
        ctx.end_once(key, Some(answer.clone()));
    }
    if is_refused {
        return answer;
    }
    *ctx.account().executed.entry(call.operation.clone()).or_default() += 1;
    if call.operation.starts_with("GET ") {
        // Reading changes nothing that must be written, unless something was due meanwhile.
        state.dirty = was_dirty || state.events != before;
    }
    answer
}

/// The account of the key: bearer, or basic with the key as user.
fn authenticate(headers: &HeaderMap) -> Result<String, ApiError> {
    let header = headers.get("authorization").and_then(|header| header.to_str().ok()).unwrap_or_default();
    let key = match header.split_once(' ') {
        Some(("Bearer", key)) => Some(key.trim().to_owned()),
        Some(("Basic", encoded)) => base64::engine::general_purpose::STANDARD
            .decode(encoded.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|pair| pair.split(':').next().map(str::to_owned)),
        _ => None,
    };
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        return Err(ApiError::unauthorized(
            "You did not provide an API key. Provide it in the Authorization header, as in `Authorization: Bearer sk_test_…`.",
        ));
    };
    if key.starts_with("sk_live_") || key.starts_with("rk_live_") {
        return Err(ApiError::unauthorized(
            "This is a sandbox: it takes no live key. Use any key that begins with sk_test_.",
        ));
    }
    if !(key.starts_with("sk_test_") || key.starts_with("rk_test_")) {
        return Err(ApiError::unauthorized(
            "Invalid API Key provided. Any key that begins with sk_test_ opens this sandbox.",
        ));
    }
    if key.starts_with("sk_test_expired") {
        return Err(ApiError::unauthorized("Expired API Key provided. Any key that begins so has expired.")
            .code("api_key_expired"));
    }
    Ok(State::account_of_key(&key))
}

#[cfg(test)]
mod tests;

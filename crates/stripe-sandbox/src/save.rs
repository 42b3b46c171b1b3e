//! Keeping the state on disk: nothing that changed is answered before the file holds it.
//!
//! One task writes. Requests that come while it writes share the next write, so that many at once cost few. A snapshot of
//! everything is followed by a journal of what changed since, one line for each write, until it is as long as the snapshot:
//! so a change costs what it changes, however much there is.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State as Extract};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use tokio::sync::watch;

use crate::error::ApiError;
use crate::server::{SandboxError, Shared};
use crate::state::{Changes, State};

/// Who wants the state written, and what was.
pub(crate) struct Saver {
    path: Option<PathBuf>,
    wanted: watch::Sender<u64>,
    /// The last attempt that was met, and whether the write succeeded.
    met: watch::Sender<(u64, bool)>,
    /// Absent before the first write, and after one that failed.
    journal: Mutex<Option<Journal>>,
}

/// How long a journal becomes at the least before the next snapshot, in bytes.
const JOURNAL_BYTES_MIN: usize = 1 << 20;

impl Saver {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, wanted: watch::Sender::new(0), met: watch::Sender::new((0, true)), journal: Mutex::default() }
    }

    /// Waits until all that was changed before this call is on disk; whether it is.
    pub(crate) async fn saved(&self) -> bool {
        if self.path.is_none() {
            return true;
        }
        let ticket = self.want();
        let mut met = self.met.subscribe();
        met.wait_for(|(upto, _)| *upto >= ticket).await.is_ok_and(|met| met.1)
    }

    /// Asks for a write without waiting for it.
    pub(crate) fn want(&self) -> u64 {
        let mut ticket = 0;
        self.wanted.send_modify(|last| {
            *last += 1;
            ticket = *last;
        });
        ticket
    }
}

/// Writes whenever someone wants it, until it is aborted.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut wanted = shared.saver.wanted.subscribe();
    let mut last = 0;
    loop {
        // Read before the state is: whoever asked by now has changed it already.
        let upto = *wanted.borrow_and_update();
        if upto == last {
            if wanted.changed().await.is_err() {
                return;
            }
            continue;
        }
        let writer = Arc::clone(&shared);
        let is_written = tokio::task::spawn_blocking(move || save(&writer)).await.unwrap_or(false);
        last = upto;
        shared.saver.met.send_replace((upto, is_written));
    }
}

/// Answers a request that may have changed something only when the change is on disk.
pub(crate) async fn durable(Extract(shared): Extract<Arc<Shared>>, request: Request, next: Next) -> Response {
    // A visit to a link makes a session.
    let changes = request.method() != Method::GET || request.uri().path().starts_with("/test_");
    let response = next.run(request).await;
    if changes && !shared.saver.saved().await {
        let failed = StatusCode::INTERNAL_SERVER_ERROR;
        return ApiError::api(failed, "The sandbox's state could not be written.").into_response();
    }
    response
}

/// Keeps other sandboxes from a state, for as long as what is answered lives: each would write over what the other answered.
pub(crate) fn lock(path: &Path) -> Result<File, SandboxError> {
    let failed = |error: std::io::Error| SandboxError::StateFile(path.to_owned(), error.into());
    // A file of its own, since a snapshot takes the place of the one before.
    let file = File::create(beside(path, ".lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SandboxError::StateFileInUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The state that the files hold, to go on from: what was under way is over.
pub(crate) fn load(path: &Path) -> Result<State, SandboxError> {
    let mut state = read(path)?;
    state.adopt_events().map_err(|error| SandboxError::StateFile(path.to_owned(), error.into()))?;
    state.forget_unfinished();
    Ok(state)
}

/// A snapshot, and what changed since.
fn read(path: &Path) -> Result<State, SandboxError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| SandboxError::StateFile(path.to_owned(), error);
    let mut state: State = match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::default()),
        Err(error) => return Err(failed(error.into())),
    };
    let former = former_journal_path(path);
    let journal = match std::fs::read(journal_path(path)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && former != path => std::fs::read(former),
        read => read,
    };
    let journal = match journal {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(state),
        Err(error) => return Err(failed(error.into())),
    };
    // What a crash broke off has no end of line, and was never answered.
    let whole = journal.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
    let mut lines = journal.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
    // After a crash between the two files, the journal may be of the snapshot before; then the snapshot holds it already.
    if lines.next() == Some(state.generation.as_bytes()) {
        for line in lines {
            // Anything else that can't be read was answered: going on without it, and without all after it, would lose it.
            let changes = serde_json::from_slice::<Changes>(line).map_err(|error| failed(error.into()))?;
            state.apply(changes);
        }
    }
    Ok(state)
}

fn journal_path(path: &Path) -> PathBuf {
    beside(path, ".journal")
}

/// Where the journal was once: other files of the same name and another extension had the same.
fn former_journal_path(path: &Path) -> PathBuf {
    path.with_extension("journal")
}

/// A file whose name is another's and more, so that no two have the same.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    name.into()
}

/// What is written to after a snapshot.
struct Journal {
    file: File,
    bytes: usize,
    /// When it is time for the next snapshot.
    bytes_max: usize,
}

/// Writes what changed; whether the files hold it.
fn save(shared: &Shared) -> bool {
    let Some(path) = &shared.saver.path else {
        shared.lock().forget_changes();
        return true;
    };
    let mut journal = shared.saver.journal.lock().unwrap_or_else(PoisonError::into_inner);
    let written = match journal.take() {
        Some(open) if open.bytes < open.bytes_max => append(shared, open),
        _ => snapshot(shared, path),
    };
    match written {
        Ok(open) => {
            *journal = open;
            true
        }
        Err(error) => {
            tracing::warn!(%error, "the sandbox's state could not be written");
            // Without a journal, the next write is of everything.
            shared.lock().dirty = true;
            false
        }
    }
}

fn append(shared: &Shared, mut journal: Journal) -> std::io::Result<Option<Journal>> {
    let changes = {
        let mut state = shared.lock();
        if !std::mem::take(&mut state.dirty) {
            return Ok(Some(journal));
        }
        state.take_changes()
    };
    let mut line = serde_json::to_vec(&changes)?;
    line.push(b'\n');
    journal.file.write_all(&line)?;
    journal.file.sync_data()?;
    journal.bytes += line.len();
    Ok(Some(journal))
}

/// Writes everything beside the file and moves it there, so that a crash leaves the old or the new.
fn snapshot(shared: &Shared, path: &Path) -> std::io::Result<Option<Journal>> {
    let (bytes, generation) = {
        let mut state = shared.lock();
        if !std::mem::take(&mut state.dirty) {
            return Ok(None);
        }
        state.generation = crate::ids::random(16);
        state.take_changes();
        (serde_json::to_vec(&*state)?, state.generation.clone())
    };
    let new = beside(path, ".tmp");
    let mut file = File::create(&new)?;
    file.write_all(&bytes)?;
    file.sync_data()?;
    std::fs::rename(&new, path)?;
    let mut file = File::create(journal_path(path))?;
    file.write_all(format!("{generation}\n").as_bytes())?;
    file.sync_data()?;
    Ok(Some(Journal { file, bytes: 0, bytes_max: bytes.len().max(JOURNAL_BYTES_MIN) }))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use crate::server::{Sandbox, SandboxConfig, SandboxError, start};

    async fn sandbox(path: &std::path::Path) -> Sandbox {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        start(SandboxConfig { listen, state_file: Some(path.to_owned()) }).await.unwrap()
    }

    fn client() -> reqwest::Client {
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().no_proxy().build().unwrap()
    }

    async fn make_product(client: &reqwest::Client, url: &url::Url) -> reqwest::Response {
        let request = client.post(url.join("/v1/products").unwrap()).bearer_auth("sk_test_a").body("name=Book");
        request.send().await.unwrap()
    }

    /// What a sandbox would know that was started now.
    fn on_disk(path: &std::path::Path) -> serde_json::Value {
        serde_json::to_value(super::load(path).ok().unwrap()).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_answered_is_on_disk() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state.json");
        let (sandbox, client) = (sandbox(&path).await, client());
        for _ in 0..20 {
            let answer = make_product(&client, sandbox.url()).await.text().await.unwrap();
            let id = answer.split('"').find(|part| part.starts_with("prod_")).unwrap().to_owned();
            // The sandbox might be killed here: nothing but the files counts.
            assert!(on_disk(&path).to_string().contains(&id));
        }
        let many = futures::future::join_all((0..50).map(|_| make_product(&client, sandbox.url()))).await;
        assert!(many.iter().all(|answer| answer.status().is_success()));
        let account = super::load(&path).ok().unwrap().accounts.into_values().next().unwrap();
        assert_eq!(account.all("product").count(), 70);
        sandbox.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_journal_holds_all_that_changes() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state.json");
        let (sandbox, client) = (sandbox(&path).await, client());
        sandbox.webhook_endpoint("sk_test_a", "http://127.0.0.1:9/none").unwrap();
        let post = async |path: &str, body: &str| {
            let kind = if path.starts_with("/v1/") { "application/x-www-form-urlencoded" } else { "application/json" };
            let request = client.post(sandbox.url().join(path).unwrap()).bearer_auth("sk_test_a");
            let request = request.header("content-type", kind).header("idempotency-key", crate::ids::random(9));
            request.body(body.to_owned()).send().await.unwrap().json::<serde_json::Value>().await.unwrap_or_default()
        };
        // Webhooks held back are tried by nobody, and change nothing meanwhile.
        post("/_sandbox/webhooks/policy", "{\"reorder\": true}").await;
        let body = "mode=subscription&line_items[0][price_data][currency]=sek&line_items[0][price_data][unit_amount]=10000&line_items[0][price_data][product_data][name]=Book&line_items[0][price_data][recurring][interval]=month";
        for card in ["4242424242424242", "4000000000000259"] {
            let session = post("/v1/checkout/sessions", body).await;
            let attempt = serde_json::json!({"url": session["url"], "card": card});
            assert_eq!(post("/_sandbox/pay", &attempt.to_string()).await["payment_status"], "paid");
        }
        post("/v1/coupons", "id=C&percent_off=5").await;
        post("/v1/coupons", "percent_off=500").await;
        client.delete(sandbox.url().join("/v1/coupons/C").unwrap()).bearer_auth("sk_test_a").send().await.unwrap();
        post("/_sandbox/clock", "{\"advance_seconds\": 8000000}").await;
        let known = serde_json::to_value(&*sandbox.state()).unwrap();
        assert!(std::fs::metadata(super::journal_path(&path)).unwrap().len() > 10_000);
        assert!(known == on_disk(&path), "the journal is not what is known");
        // A write that a crash broke off is left out, and what is before it stays.
        let mut torn = std::fs::read(super::journal_path(&path)).unwrap();
        torn.extend(b"{\"clock_offset\": 1, \"next");
        std::fs::write(super::journal_path(&path), torn).unwrap();
        assert!(known == on_disk(&path), "the journal is not what is known");
        // A line that was answered and can't be read any more is told.
        let mut broken = std::fs::read(super::journal_path(&path)).unwrap();
        let end = broken.iter().position(|byte| *byte == b'\n').unwrap();
        broken.splice(end + 1..end + 2, *b"?");
        std::fs::write(super::journal_path(&path), broken).unwrap();
        assert!(matches!(super::load(&path), Err(SandboxError::StateFile(..))));
        sandbox.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn files_that_differ_in_their_extension_alone_are_apart() {
        let place = tempfile::tempdir().unwrap();
        let paths = ["shop.test", "shop.dev", "shop.journal", "shop.tmp"].map(|name| place.path().join(name));
        let client = client();
        for _ in 0..2 {
            for path in &paths {
                let sandbox = sandbox(path).await;
                for _ in 0..2 {
                    assert_eq!(make_product(&client, sandbox.url()).await.status(), 200);
                }
                sandbox.shutdown().await;
            }
        }
        for path in &paths {
            let account = super::load(path).ok().unwrap().accounts.into_values().next().unwrap();
            assert_eq!(account.all("product").count(), 4, "{path:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_can_not_keep_their_state_in_one_file() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state.json");
        let first = sandbox(&path).await;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let second = start(SandboxConfig { listen, state_file: Some(path.clone()) }).await;
        assert!(matches!(second, Err(SandboxError::StateFileInUse(_))));
        first.shutdown().await;
        sandbox(&path).await.shutdown().await;
    }

    #[test]
    fn events_of_files_that_have_them_among_the_objects_are_known() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state.json");
        let event = |id: &str| {
            serde_json::json!({
                "id": id, "object": "event", "api_version": "2026-10-28.endive", "created": 5, "data": {"object": {"id": "C"}},
                "livemode": false, "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "type": "coupon.created",
            })
        };
        let account = serde_json::json!({
            "collections": {"event": {"objects": {"evt_1": [0, event("evt_1")]}, "order": ["evt_1"]}}, "line_items": {}, "replays": {},
            "secrets": {}, "form_tokens": {}, "executed": {},
        });
        let state = serde_json::json!({
            "clock_offset": 0, "accounts": {"a": account}, "public": {}, "deliveries": {}, "next_delivery": 0, "generation": "g",
        });
        std::fs::write(&path, state.to_string()).unwrap();
        let changes = serde_json::json!({
            "clock_offset": 0, "next_delivery": 0, "deliveries": {}, "public": {}, "accounts": {"a": {
                "objects": [["event", "evt_2", event("evt_2")], ["coupon", "C", {"id": "C"}]], "line_items": {}, "form_tokens": {},
                "replays": {}, "secrets": {}, "scheduled": [], "executed": {}}},
        });
        // And they have their journal where it was then.
        std::fs::write(super::former_journal_path(&path), format!("g\n{changes}\n")).unwrap();
        let state = super::load(&path).ok().unwrap();
        let told: Vec<_> = state.accounts["a"].events.all().map(crate::event::Event::to_json).collect();
        assert_eq!(told, [event("evt_1"), event("evt_2")]);
        assert!(state.accounts["a"].get("coupon", "C").is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn without_a_file_changes_are_not_kept_to_be_written() {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let sandbox = start(SandboxConfig { listen, state_file: None }).await.unwrap();
        assert_eq!(make_product(&client(), sandbox.url()).await.status(), 200);
        let forgets = async {
            while sandbox.state().has_changes() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), forgets).await.unwrap();
        sandbox.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_webhooks_tell_is_on_disk() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("inside").join("state.json");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        let (sandbox, client) = (sandbox(&path).await, client());
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel::<bool>();
        let known = path.clone();
        let hear = axum::routing::post(async move |event: axum::Json<serde_json::Value>| {
            let state = super::load(&known).map(|state| serde_json::to_string(&state).unwrap()).unwrap_or_default();
            told.send(state.contains(event["id"].as_str().unwrap())).unwrap();
        });
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let hook = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async { axum::serve(listener, axum::Router::new().route("/", hear)).await.unwrap() });
        sandbox.webhook_endpoint("sk_test_a", &hook).unwrap();
        assert_eq!(make_product(&client, sandbox.url()).await.status(), 200);
        assert!(heard.recv().await.unwrap());
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        // The journal that is open can be written to, though nobody finds it any more.
        *sandbox.shared().saver.journal.lock().unwrap() = None;
        assert_eq!(make_product(&client, sandbox.url()).await.status(), 500);
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        assert_eq!(make_product(&client, sandbox.url()).await.status(), 200);
        for _ in 0..2 {
            assert!(heard.recv().await.unwrap());
        }
        sandbox.shutdown().await;
        server.abort();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_can_not_be_written_is_not_answered_as_done() {
        let place = tempfile::tempdir().unwrap();
        let sandbox = sandbox(&place.path().join("state.json")).await;
        std::fs::remove_dir_all(place.path()).unwrap();
        assert_eq!(make_product(&client(), sandbox.url()).await.status(), 500);
        sandbox.shutdown().await;
    }
}

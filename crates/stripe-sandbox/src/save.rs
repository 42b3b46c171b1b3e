//! Keeping the state on disk: nothing that changed is answered before the file holds it.
//!
//! One task writes. Requests that come while it writes share the next write, so that many at once cost few.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use tokio::sync::watch;

use crate::error::ApiError;
use crate::server::{SandboxError, Shared};
use crate::state::State;

/// Who wants the state written, and what was.
pub(crate) struct Saver {
    path: Option<PathBuf>,
    wanted: watch::Sender<u64>,
    /// The last wish that was met, and whether the write succeeded.
    met: watch::Sender<(u64, bool)>,
}

impl Saver {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, wanted: watch::Sender::new(0), met: watch::Sender::new((0, true)) }
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

pub(crate) fn load(path: &Path) -> Result<State, SandboxError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| SandboxError::StateFile(path.to_owned(), error);
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::default()),
        Err(error) => Err(failed(error.into())),
    }
}

/// Writes the state if it changed; whether the file holds it.
fn save(shared: &Shared) -> bool {
    let Some(path) = &shared.saver.path else { return true };
    let bytes = {
        let mut state = shared.lock();
        if !std::mem::take(&mut state.dirty) {
            return true;
        }
        serde_json::to_vec(&*state)
    };
    let written = bytes.map_err(std::io::Error::other).and_then(|bytes| replace(path, &bytes));
    if let Err(error) = &written {
        tracing::warn!(%error, "the sandbox's state could not be written");
        shared.lock().dirty = true;
    }
    written.is_ok()
}

/// Writes beside the file and moves it there, so that a crash leaves the old or the new.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("tmp");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use crate::server::{Sandbox, SandboxConfig, start};

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

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_answered_is_on_disk() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state.json");
        let (sandbox, client) = (sandbox(&path).await, client());
        for _ in 0..20 {
            let answer = make_product(&client, sandbox.url()).await.text().await.unwrap();
            let id = answer.split("prod_").nth(1).unwrap()[..14].to_owned();
            // The sandbox might be killed here: nothing but the file counts.
            assert!(std::fs::read_to_string(&path).unwrap().contains(&id));
        }
        let many = futures::future::join_all((0..50).map(|_| make_product(&client, sandbox.url()))).await;
        assert!(many.iter().all(|answer| answer.status().is_success()));
        let state = super::load(&path).ok().unwrap();
        let account = state.accounts.values().next().unwrap();
        assert_eq!(account.all("product").count(), 70);
        sandbox.shutdown().await;
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

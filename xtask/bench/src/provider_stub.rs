//! A provider's API that keeps nothing and answers after a delay: what is measured is the service, not a double.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use axum::extract::State;
use axum::http::Method;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A stub that ends with its handle.
pub(crate) struct ProviderStub {
    pub(crate) url: String,
    serving: JoinHandle<std::io::Result<()>>,
}

struct Answers {
    delay: Duration,
    next: AtomicU64,
}

impl ProviderStub {
    /// One whose answers take `delay`.
    pub(crate) async fn start(delay: Duration) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        // Ids of earlier runs may be stored.
        let answers = Arc::new(Answers { delay, next: AtomicU64::new(fastrand::u64(..1 << 48) << 8) });
        let router = Router::new().fallback(answer).with_state(answers);
        Ok(Self { url, serving: tokio::spawn(async move { axum::serve(listener, router).await }) })
    }
}

impl Drop for ProviderStub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What is made has an id and a page; what is looked for is not there.
async fn answer(State(answers): State<Arc<Answers>>, method: Method) -> Json<Value> {
    if !answers.delay.is_zero() {
        tokio::time::sleep(answers.delay).await;
    }
    if method == Method::GET {
        return Json(json!({"object": "list", "data": [], "has_more": false}));
    }
    let number = answers.next.fetch_add(1, Ordering::Relaxed);
    Json(json!({"id": format!("plink_{number}"), "active": true, "url": format!("http://127.0.0.1/{number}")}))
}

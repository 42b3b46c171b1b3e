//! The listener: connections with limits, and a graceful stop.
//!
//! A client that sends slowly, or nothing, costs a connection for a bounded time, and makes room for others when there is none
//! left; more connections than are allowed wait at the door. What stands before this (a proxy) may be stricter.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connections::{Connection, Connections};

/// How long is waited when no connection can be accepted, as while the process is out of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// How many are open at once.
    pub connections_max: usize,
    /// The longest that the head of a request may take to come in; also the longest that a connection may be quiet.
    pub head: Duration,
    /// The longest that a request may take from its head to the head of its answer.
    pub request: Duration,
    /// The longest that a connection lives: then it ends with the answer that it is at.
    pub connection: Duration,
    /// How long answers may still take once the server stops.
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            head: Duration::from_secs(15),
            // More than the faces give themselves, since they tell it better.
            request: Duration::from_secs(40),
            connection: Duration::from_secs(600),
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves until `stop` turns true, or whoever holds its other end is gone; then lets calls finish.
pub async fn serve(router: Router, listener: TcpListener, limits: HttpLimits, stop: watch::Receiver<bool>) {
    let router = router.layer(middleware::from_fn(move |request, next| answer_in_time(limits.request, request, next)));
    let all = Connections::new(limits.connections_max);
    let mut connections = JoinSet::new();
    let mut stopping = pin!(stopped(stop.clone()));
    loop {
        let stream = tokio::select! {
            biased;
            () = &mut stopping => break,
            Some(_) = connections.join_next() => continue,
            stream = accept(&listener) => stream,
        };
        tokio::select! {
            biased;
            () = &mut stopping => break,
            connection = all.open() => {
                connections.spawn(serve_connection(router.clone(), (connection, stream), limits, stop.clone()));
            }
        }
    }
    drop(listener);
    // Each connection has its own end; they are waited for.
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "no connection over HTTP can be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that whoever stops us is gone, which comes to the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn serve_connection(
    router: Router,
    (place, stream): (Connection, TcpStream),
    limits: HttpLimits,
    stop: watch::Receiver<bool>,
) {
    // Answers are small, and each is sent whole.
    let _ = stream.set_nodelay(true);
    let at_work = place.at_work();
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let at_work = at_work.clone();
        if request.body().is_end_stream() {
            at_work.begin();
        }
        request.extensions_mut().insert(at_work.clone());
        let answering = router.call(request);
        async move {
            let answered = answering.await;
            at_work.end();
            answered
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // Clients go away as they like; that is nobody's fault here.
        _ = connection.as_mut() => return,
        () = place.cut_off() => return,
        () = stopped(stop) => {}
        () = tokio::time::sleep(limits.connection) => {}
    }
    connection.as_mut().graceful_shutdown();
    if tokio::time::timeout(limits.drain, connection).await.is_err() {
        tracing::warn!("a call over HTTP was still running, and is cut off");
    }
}

/// A request whose body does not come, or whose answer does not, ends: what it began goes on by itself.
async fn answer_in_time(limit: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the request took too long\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::Bytes;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;

    use super::*;

    /// Far longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    struct Running {
        address: SocketAddr,
        stop: watch::Sender<bool>,
        serving: JoinHandle<()>,
    }

    async fn start(router: Router, limits: HttpLimits) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        Running { address, stop, serving: tokio::spawn(serve(router, listener, limits, stopping)) }
    }

    fn router() -> Router {
        Router::new().route("/", get(|| async { "hello" })).route("/", post(|body: Bytes| async move { body }))
    }

    async fn connect(running: &Running, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// All that comes until the server closes the connection.
    async fn read_all(stream: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        // A reset ends a connection as well as a close does.
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("it is closed");
        String::from_utf8(bytes).unwrap()
    }

    const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_head_or_a_body_that_does_not_come_ends_the_connection() {
        let short = Duration::from_millis(50);
        let running = start(router(), HttpLimits { head: short, request: short, ..HttpLimits::default() }).await;
        for nothing in ["", "GET / HTTP/1.1\r\nhost: a\r\nx-slow: "] {
            let told = read_all(&mut connect(&running, nothing).await).await;
            assert!(!told.contains("200"), "{told}");
        }
        let body = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 10\r\n\r\nhalf";
        let told = read_all(&mut connect(&running, body).await).await;
        assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
        assert!(read_all(&mut connect(&running, GET).await).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_for_a_place() {
        let running = start(router(), HttpLimits { connections_max: 1, ..HttpLimits::default() }).await;
        let mut quiet = connect(&running, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let mut first = [0; 12];
        quiet.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        let mut waiting = connect(&running, GET).await;
        let none = tokio::time::timeout(Duration::from_millis(50), waiting.read_u8()).await;
        assert!(none.is_err(), "{none:?}");
        drop(quiet);
        assert!(read_all(&mut waiting).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn bodies_that_never_come_keep_nobody_out() {
        let running = start(router(), HttpLimits { connections_max: 8, ..HttpLimits::default() }).await;
        let mut trickling = Vec::new();
        for _ in 0..20 {
            let half = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf";
            trickling.push(connect(&running, half).await);
        }
        // Far sooner than any of them ends by itself.
        let mut asking = connect(&running, GET).await;
        let told = tokio::time::timeout(Duration::from_secs(8), read_all(&mut asking)).await.unwrap();
        assert!(told.ends_with("hello"), "{told}");
    }

    #[tokio::test]
    async fn a_connection_ends_after_its_time_with_its_answer() {
        let limits = HttpLimits { connection: Duration::from_millis(50), ..HttpLimits::default() };
        let running = start(router(), limits).await;
        let told = read_all(&mut connect(&running, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await).await;
        assert!(told.ends_with("hello"), "{told}");
    }

    #[tokio::test]
    async fn a_stop_lets_an_answer_finish_and_cuts_off_one_that_never_ends() {
        for never in [false, true] {
            let (called, mut calls) = tokio::sync::mpsc::channel::<()>(1);
            let (finish, finished) = watch::channel(false);
            let slow = get(move || async move {
                called.send(()).await.unwrap();
                let mut finished = finished;
                let _ = finished.wait_for(|finished| *finished).await;
                "done"
            });
            let drain = if never { Duration::from_millis(50) } else { PATIENCE };
            let running = start(Router::new().route("/", slow), HttpLimits { drain, ..HttpLimits::default() }).await;
            let mut caller = connect(&running, GET).await;
            calls.recv().await.unwrap();
            running.stop.send(true).unwrap();
            if !never {
                finish.send(true).unwrap();
            }
            assert_eq!(read_all(&mut caller).await.ends_with("done"), !never);
            tokio::time::timeout(PATIENCE, running.serving).await.unwrap().unwrap();
        }
    }
}

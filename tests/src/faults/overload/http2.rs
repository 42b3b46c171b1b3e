//! HTTP/2 written by hand, for what no client would send. Frames are as RFC 9113 has them, headers as RFC 7541 does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use crate::harness::Server;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const CONTINUATION: u8 = 0x9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
/// The error code of a stream that its client does not want any more.
const CANCEL: u32 = 0x8;

/// A connection on which whatever is asked for is sent.
pub(super) struct Connection {
    writer: OwnedWriteHalf,
    next_stream: u32,
    seen: Arc<Seen>,
}

/// What the server has sent.
#[derive(Default)]
struct Seen {
    is_closed: AtomicBool,
    /// How many streams it has reset.
    refused: AtomicUsize,
}

impl Connection {
    /// The setting that says how many bytes may be sent on a stream at first.
    pub(super) const INITIAL_WINDOW_SIZE: u16 = 0x4;

    pub(super) async fn open(server: &Server, settings: &[(u16, u32)]) -> Self {
        let address = server.grpc.strip_prefix("http://").unwrap();
        let (mut reader, writer) = TcpStream::connect(address).await.unwrap().into_split();
        let seen = Arc::new(Seen::default());
        let noting = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut head = [0; 9];
            while reader.read_exact(&mut head).await.is_ok() {
                let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                if head[3] == RST_STREAM {
                    noting.refused.fetch_add(1, Ordering::SeqCst);
                }
                if reader.read_exact(&mut vec![0; length]).await.is_err() {
                    break;
                }
            }
            noting.is_closed.store(true, Ordering::SeqCst);
        });
        let mut connection = Self { writer, next_stream: 1, seen };
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [id.to_be_bytes().as_slice(), &value.to_be_bytes()].concat())
            .collect();
        connection.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        connection.frame(SETTINGS, 0, 0, &settings).await;
        connection
    }

    pub(super) fn is_closed(&self) -> bool {
        self.seen.is_closed.load(Ordering::SeqCst)
    }

    /// How many of its streams the server has reset.
    pub(super) fn refused(&self) -> usize {
        self.seen.refused.load(Ordering::SeqCst)
    }

    /// Begins a call whose message does not come yet; answers its stream.
    pub(super) async fn begin(&mut self, path: &str, more: &[(&str, &str)]) -> u32 {
        let stream = self.next_stream();
        self.frame(HEADERS, END_HEADERS, stream, &headers(path, more)).await;
        stream
    }

    /// Makes a call with one message.
    pub(super) async fn call(&mut self, path: &str, message: &impl Message) {
        let stream = self.begin(path, &[]).await;
        let message = message.encode_to_vec();
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        self.frame(DATA, END_STREAM, stream, &[&[0], length.as_slice(), &message].concat()).await;
    }

    pub(super) async fn reset(&mut self, stream: u32) {
        self.frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()).await;
    }

    /// Begins headers that more are to follow.
    pub(super) async fn begin_endless_headers(&mut self) {
        let stream = self.next_stream();
        self.frame(HEADERS, 0, stream, &headers("/paylinks.v1.InvoiceService/ListInvoices", &[])).await;
    }

    /// Sends more headers of the stream that was begun last; answers how many bytes.
    pub(super) async fn continue_headers(&mut self) -> usize {
        let more: Vec<u8> = (0..100).flat_map(|_| header("x-flood", &"x".repeat(100))).collect();
        self.frame(CONTINUATION, 0, self.next_stream - 2, &more).await;
        more.len()
    }

    fn next_stream(&mut self) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        stream
    }

    async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.write(&[&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        // A connection that the server has closed is what the tests look for.
        if self.writer.write_all(bytes).await.is_err() {
            self.seen.is_closed.store(true, Ordering::SeqCst);
        }
    }
}

/// The block of headers of a gRPC call.
fn headers(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let all = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "127.0.0.1")];
    let grpc = [("content-type", "application/grpc"), ("te", "trailers")];
    all.iter().chain(&grpc).chain(more).flat_map(|(name, value)| header(name, value)).collect()
}

/// A literal header with a new name, which no table remembers; both shorter than 127 bytes.
fn header(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap();
    [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

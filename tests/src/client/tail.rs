//! `event tail`, over a restart of its server.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{command, output, say};
use crate::harness::{Db, PATIENCE, Server};

/// A tail, and what it tells as it comes.
struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    fn start(server: &str, arguments: &[&str]) -> Self {
        let mut command = command(server, &[&["event", "tail", "--json"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap().expect("it goes on");
        serde_json::from_str(&line).unwrap()
    }

    /// Stops it as ctrl-c does; answers its code, and what it noted.
    async fn stop(self) -> (Option<i32>, String) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
        let output = tokio::time::timeout(PATIENCE, self.child.wait_with_output()).await.unwrap().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_goes_on_where_it_was_over_a_restart_of_the_server() {
    let directory = tempfile::tempdir().unwrap();
    // Not one of the ports that connections are given, so it stays free while the server is away.
    let mut tried = (0..100).map(|_| std::net::TcpListener::bind(("127.0.0.1", fastrand::u16(20_000..32_000))));
    let listener = tried.find_map(Result::ok).expect("a port is free");
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let listen = [("PAYLINKS_GRPC_LISTEN", address.as_str())];
    let server = Server::start_logged(Db::Sqlite, "", &listen, &directory.path().join("log")).await;
    let product = async |server: &Server| {
        let said = say(server, &["product", "create", "--name", "P", "--json"]).await;
        said.objects()[0]["id"].clone()
    };
    let mut tail = Tail::start(&server.grpc, &["--from", "0", "--types", "product.created"]);
    let first = product(&server).await;
    assert_eq!(tail.next().await["product"]["id"], first);
    let server = server.crash_and_restart().await;
    let second = product(&server).await;
    let event = tail.next().await;
    assert_eq!((&event["product"]["id"], &event["type"]), (&second, &json!("product.created")));
    let (code, notes) = tail.stop().await;
    assert_eq!(code, Some(0), "{notes}");
    let notes: Vec<Value> = notes.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(notes.iter().any(|note| note["broken"].is_string()), "{notes:?}");

    // The cursor that it told at last is where another goes on.
    let cursor = notes.last().unwrap()["cursor"].as_str().unwrap().to_owned();
    let third = product(&server).await;
    let mut tail = Tail::start(&server.grpc, &["--from", &cursor]);
    assert_eq!(tail.next().await["product"]["id"], third);
    assert_eq!(tail.stop().await.0, Some(0));

    let refused = say(&server, &["event", "tail", "--from", "0", "--types", "nonsense"]).await;
    assert!(refused.code == 2 && refused.notes.contains("UNKNOWN_EVENT_TYPE"), "{}", refused.notes);
    assert!(!refused.notes.contains("Go on with"), "it would be refused again: {}", refused.notes);
    assert_eq!(output(command("http://127.0.0.1:1", &["event", "tail"])).await.code, 6);
}

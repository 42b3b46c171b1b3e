//! The commands that call a server, as a person and a script use them.

mod every_command;
mod tail;

use std::process::Stdio;

use api_proto::v1;
use domain::money::Currency;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::access::create_key;
use crate::harness::{Db, PATIENCE, Server, eventually, paylinks, unique};

/// What a command said, and the code that it ended with.
struct Said {
    code: i32,
    out: String,
    notes: String,
}

impl Said {
    /// What it answered, one object for each line.
    fn objects(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn command(server: &str, arguments: &[&str]) -> Command {
    let mut command = paylinks(&[("PAYLINKS_SERVER".to_owned(), server.to_owned())]);
    command.args(arguments).stdin(Stdio::null());
    command
}

async fn output(mut command: Command) -> Said {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), notes: text(output.stderr) }
}

async fn say(server: &Server, arguments: &[&str]) -> Said {
    output(command(&server.grpc, arguments)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_can_tell_what_went_wrong() {
    let server = Server::start(Db::Sqlite).await;
    let create = ["invoice", "create", "--item", "0 x 10.00 SEK Web", "--tax-behavior", "exclusive"];
    let bad = say(&server, &[&create[..], &["--customer-id", "cus_x", "--json"]].concat()).await;
    let lines: Vec<Value> = bad.notes.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [made, told] = &lines[..] else { panic!("{}", bad.notes) };
    assert_eq!((bad.code, &told["code"], &told["reason"]), (2, &json!("INVALID_ARGUMENT"), &json!("INVALID_FIELDS")));
    let fields: Vec<_> = told["fieldViolations"].as_array().unwrap().iter().map(|it| it["field"].as_str()).collect();
    assert_eq!(fields, [Some("customer_id"), Some("lines[0].quantity")]);
    assert!(made["requestId"].is_string() && made["requestId"] == told["requestId"] && told["callId"].is_string());

    let wrong = ["invoice", "create", "--due-date", "soon", "--deadline", "1", "--item", "x", "--server", "nowhere"];
    let local = say(&server, &wrong).await;
    assert_eq!((local.code, local.notes.lines().count()), (2, 5), "{}", local.notes);
    for flag in ["--due-date ", "--deadline ", "--item ", "--server "] {
        assert!(local.notes.contains(&format!("\n  {flag}")), "{flag}: {}", local.notes);
    }
    assert_eq!(say(&server, &["invoice", "list", "--limit", "0"]).await.code, 2);
    assert_eq!(say(&server, &["invoice", "lits"]).await.code, 2);
    assert_eq!(say(&server, &["invoice", "get", "inv_0193a5c2e8b27c3a9f0e1d2c3b4a5968"]).await.code, 3);
    let absent = say(&server, &["invoice", "get", "INV-2001-00001"]).await;
    assert_eq!((absent.code, absent.notes.contains("has the number INV-2001-00001")), (3, true), "{}", absent.notes);
    assert_eq!(say(&server, &["invoice", "get", "№1"]).await.code, 2);
    let away = output(command("http://127.0.0.1:1", &["invoice", "list"])).await;
    assert_eq!(away.code, 6);
    assert!(away.notes.starts_with("paylinks: the server at http://127.0.0.1:1 can't be reached: "), "{}", away.notes);

    // Nobody knows what becomes of a call whose time has passed; the same request finds out.
    let invoice = server.open_invoice(10_000).await;
    let stall = json!([{"operation": "POST /v1/payment_links", "kind": "delay", "ms": 5_000}]);
    assert!(server.control("faults", stall).await.status().is_success());
    let request_id = unique("link");
    let link = ["link", "create", "--invoice-id", &invoice.id, "--request-id", &request_id];
    let late = say(&server, &[&link[..], &["--deadline", "1s"]].concat()).await;
    assert_eq!(late.code, 7, "{}", late.notes);
    assert!(late.notes.contains(&format!("request id: {request_id}")), "{}", late.notes);
    let made = eventually(async || Some(say(&server, &link).await).filter(|said| said.code != 7)).await;
    assert_eq!(made.code, 0, "{}", made.notes);
    // Another payload under that id is refused.
    let none = say(&server, &["link", "create", "--item", "1 x 5 SEK T", "--request-id", ""]).await;
    assert_eq!(none.code, 2, "{}", none.notes);
    let other = say(&server, &["link", "create", "--item", "1 x 5 SEK T", "--request-id", &request_id]).await;
    assert_eq!(other.code, 4);
    assert!(other.notes.contains("ALREADY_EXISTS (REQUEST_ID_REUSED)"), "{}", other.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_read_whole_from_a_file_or_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(Db::Sqlite).await;
    let file = directory.path().join("customer.json");
    std::fs::write(&file, r#"{"requestId": "r-1", "name": "Ada", "email": "ada@example.com"}"#).unwrap();
    let create = ["customer", "create", "--json", "--from"];
    let made = say(&server, &[&create[..], &[file.to_str().unwrap()]].concat()).await;
    assert_eq!((made.code, made.notes.as_str()), (0, ""), "the id of the request is that of the file");
    let mut again = command(&server.grpc, &[&create[..], &["-"]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    again.stdin.take().unwrap().write_all(&std::fs::read(&file).unwrap()).await.unwrap();
    let again = again.wait_with_output().await.unwrap();
    assert_eq!(String::from_utf8(again.stdout).unwrap(), made.out, "the same request has the same answer");
    std::fs::write(&file, r#"{"nmae": "Ada", "taxIds": "SE1", "email": 7}"#).unwrap();
    let wrong = say(&server, &[&create[..3], &["--from", file.to_str().unwrap()]].concat()).await;
    let told: Value = serde_json::from_str(&wrong.notes).unwrap();
    assert_eq!((wrong.code, &told["code"]), (2, &json!("INVALID_ARGUMENT")));
    for field in ["nmae", "taxIds", "email"] {
        assert!(told["message"].as_str().unwrap().contains(field), "{field}: {}", wrong.notes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_followed() {
    let server = Server::start(Db::Sqlite).await;
    let create = async |index: usize| {
        let request =
            v1::CreateProductRequest { request_id: unique("product"), name: format!("P{index}"), ..Default::default() };
        server.catalog().create_product(request).await.unwrap();
    };
    for index in 0..102 {
        create(index).await;
    }
    let names = async |more: &[&str]| {
        let listed = say(&server, &[&["product", "list", "--json"], more].concat()).await.objects();
        listed.into_iter().map(|product| product["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all: Vec<String> = (0..102).rev().map(|index| format!("P{index}")).collect();
    assert_eq!(names(&["--all"]).await, all);
    assert_eq!(names(&["--limit", "101"]).await, all[..101]);
    assert_eq!(names(&[]).await, all[..20]);
    let table = say(&server, &["product", "list", "--limit", "2"]).await;
    assert_eq!((table.code, table.out.lines().count()), (0, 3), "a heading and two: {}", table.out);
    assert!(table.out.starts_with("ID ") && table.notes.starts_with("There are more"), "{}", table.notes);
    assert_eq!(server.all_events().await.len(), 102);
    let events = say(&server, &["event", "list", "--all", "--json"]).await.objects();
    let cursors: Vec<u64> = events.iter().map(|event| event["cursor"].as_str().unwrap().parse().unwrap()).collect();
    assert!(cursors.len() == 102 && cursors.is_sorted_by(|a, b| a < b));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_and_is_never_told() {
    let directory = tempfile::tempdir().unwrap();
    let sellers = ["one", "two"]
        .map(|id| format!("[[sellers]]\nid = \"{id}\"\nname = \"{id} AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n"));
    let server = Server::start_with(Db::Sqlite, &format!("access = \"api_keys\"\n{}", sellers.concat())).await;
    let (_, key) = create_key(&server, "write", "one", &["--seller", "two"]).await;
    let file = directory.path().join("key");
    std::fs::write(&file, format!("{key}\n")).unwrap();
    let file = file.to_str().unwrap();
    let with = async |key: Option<&str>, arguments: &[&str]| {
        let mut command = command(&server.grpc, arguments);
        // Not even in the log of all that there is.
        command.env("PAYLINKS_LOG", "trace").envs(key.map(|key| ("PAYLINKS_API_KEY", key)));
        let said = output(command).await;
        if let Some(key) = key.filter(|key| key.len() > 3) {
            assert!(!said.out.contains(key) && !said.notes.contains(key), "{arguments:?}");
        }
        said
    };
    assert_eq!(with(None, &["product", "list"]).await.code, 5);
    let wrong = with(Some("pl_0123456789abcdef_00"), &["product", "list"]).await;
    assert!(wrong.code == 5 && wrong.notes.contains("UNAUTHENTICATED (CREDENTIALS_INVALID)"), "{}", wrong.notes);
    assert_eq!(with(Some("pl_\u{7}canary"), &["product", "list"]).await.code, 2);
    assert_eq!(with(Some(&key), &["product", "create", "--name", "P", "--seller", "two"]).await.code, 0);
    let nobody = with(Some(&key), &["product", "create", "--name", "P"]).await;
    assert!(nobody.code == 2 && nobody.notes.contains("seller_id"), "{}", nobody.notes);
    let read = with(None, &["product", "list", "--seller", "two", "--json", "--api-key-file", file]).await;
    assert_eq!((read.code, read.objects().len()), (0, 1), "{}", read.notes);
    let absent = with(None, &["product", "list", "--api-key-file", "/nowhere/key"]).await;
    assert!(absent.code == 2 && absent.notes.contains("--api-key-file /nowhere/key can't be read"), "{}", absent.notes);
    let help = with(Some(&key), &["product", "list", "--help"]).await;
    assert!(
        help.code == 0 && help.out.contains("PAYLINKS_API_KEY") && !help.out.contains("--api-key "),
        "{}",
        help.out
    );
    let (_, reader) = create_key(&server, "read", "one", &[]).await;
    let scope = with(Some(&reader), &["product", "create", "--name", "P"]).await;
    assert!(scope.code == 5 && scope.notes.contains("SCOPE_INSUFFICIENT"), "{}", scope.notes);
}

#[tokio::test]
async fn shells_get_scripts_that_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let said = output(command("http://127.0.0.1:1", &["completions", shell])).await;
        let knows = |word: &str| said.out.contains(word);
        assert!(
            said.code == 0 && ["finalize", "mark-uncollectible", "tail", "api-key-file"].into_iter().all(knows),
            "{shell}"
        );
    }
}

#[test]
fn amounts_have_the_decimals_of_their_currency() {
    let letters = || (b'A'..=b'Z').map(char::from);
    for code in
        letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| String::from_iter([a, b, c]))))
    {
        if let Ok(currency) = Currency::parse(&code) {
            assert_eq!(cli::minor_digits(&code), usize::from(currency.exponent()), "{code}");
        }
    }
}

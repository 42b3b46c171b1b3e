//! The commands of the binary that an operator runs by hand.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::harness::{Db, Server, http, paylinks, spawn};

#[tokio::test]
async fn config_check_says_what_would_run_or_every_fault_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("paylinks.toml");
    let check = async |text: &str| {
        std::fs::write(&path, text).unwrap();
        let output = paylinks(&[]).args(["config", "check", "--config"]).arg(&path).output().await.unwrap();
        let output_text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), output_text)
    };
    let (fine, output_text) = check(
        "[[sellers]]\nid = \"acme\"\nname = \"Acme AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n\
         tax_registrations = [{ country = \"SE\" }]\n",
    )
    .await;
    assert!(
        fine && output_text.starts_with("The configuration is fine.\n  file      /") && output_text.contains("acme"),
        "{output_text}"
    );
    assert!(!output_text.contains('\u{1b}'), "colours where there is no terminal: {output_text}");
    let (fine, output_text) =
        check("[[sellers]]\nid = \"Acme!\"\nname = \"\"\ncountry = \"Sweden\"\ncurrency = \"XXX\"\n").await;
    assert!(!fine);
    for field in ["sellers[0].id", "sellers[0].name", "sellers[0].country", "sellers[0].currency"] {
        assert!(output_text.contains(&format!("  {field} ")), "{field} is not named: {output_text}");
    }
    let (fine, output_text) = check("[providers.stripe]\nwebhook_secrets = \"whsec_canary\"\n").await;
    assert!(
        !fine && output_text.contains("providers.stripe.webhook_secrets") && !output_text.contains("canary"),
        "{output_text}"
    );
    let (fine, output_text) = check("acces = \"open\"\n").await;
    assert!(!fine && output_text.contains("acces"), "{output_text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_the_databases_url_is_told() {
    let run = async |command: &[&str], more: &str| {
        let url = format!("postgres://x:canary@127.0.0.1:1/y?sslpassword=canary&sslmode=require{more}");
        let variables = [("DATABASE_URL", url.as_str()), ("PAYLINKS_LOG", "trace")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let output = paylinks(&variables).args(command).output().await.unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    for command in [["config", "check"].as_slice(), &["doctor"], &["keys", "list"], &["serve"]] {
        let (fine, told) = run(command, "&sslkey=%0Acanary").await;
        assert!(!fine && told.contains("database_url has sslkey, which must be a file"), "{told}");
        assert!(!told.contains("canary"), "{told}");
    }
    let (fine, told) = run(&["config", "check"], "").await;
    assert!(fine && told.contains("sslpassword in it is not known here"), "{told}");
    assert!(!told.contains("canary"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_need_no_server_but_a_database_and_one_directory_has_one_server() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("new").display().to_string();
    let keys = async |arguments: &[&str]| {
        let output = paylinks(&[]).arg("keys").args(arguments).args(["--data-dir", &data]).output().await.unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    // A setting that is forgotten leads to no empty database.
    for arguments in [["list"].as_slice(), &["create", "--name", "billing"]] {
        let refused = keys(arguments).await;
        assert!(refused.contains(&format!("the database {data}/paylinks.db can't be used")), "{refused}");
        assert!(refused.contains("there is none yet") && !std::path::Path::new(&data).exists(), "{refused}");
    }
    let (mut first, _) = spawn(&[("PAYLINKS_DATA_DIR".to_owned(), data.clone())], Stdio::inherit()).await;
    first.kill().await.unwrap();
    assert_eq!(keys(&["list"]).await, format!("There are no keys in {data}/paylinks.db\n"));
    let made = keys(&["create", "--name", "billing"]).await;
    assert!(made.contains("token     pl_") && made.contains(&format!("database  {data}/paylinks.db\n")), "{made}");
    let refused = keys(&["create", "--name", "billing", "--expires-in", "soon"]).await;
    assert!(refused.contains("must be a number of days, hours, minutes or seconds, such as 90d"), "{refused}");
    let told: Value = serde_json::from_str(&keys(&["list", "--json"]).await).unwrap();
    let expected = ["billing", "write", "active"];
    assert_eq!(["name", "scope", "state"].map(|field| told[field].as_str().unwrap()), expected, "{told}");
    assert!(told["token"].is_null() && told["expireTime"].is_null() && told["sellers"] == json!([]), "{told}");
    let listed = keys(&["list"]).await;
    let (header, row) = listed.split_once('\n').unwrap();
    // Each column begins where its heading does.
    for (heading, cell) in [
        ("ID", "key_"),
        ("SCOPE", "write"),
        ("SELLERS", "every seller"),
        ("STATE", "active"),
        ("ENDS", "never"),
        ("NAME", "billing"),
    ] {
        assert_eq!(header.find(heading), row.find(cell), "{heading}: {listed}");
    }
    assert!(keys(&["create", "--name", "x", "--seller", "acme"]).await.contains("--seller acme is not configured"));
    let server = Server::start(Db::Sqlite).await;
    let second = server.try_command(&["serve"]).await.unwrap_err();
    assert!(second.contains("is in use by another paylinks"), "{second}");
}

#[tokio::test]
async fn the_sandbox_runs_alone_and_opens_to_test_keys() {
    let mut child = paylinks(&[]).args(["sandbox", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let greeting = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
    let url = greeting.split_whitespace().find(|word| word.starts_with("http://")).unwrap().trim_end_matches('.');
    let ask = async |key: &str| {
        let answer = http().get(format!("{url}/v1/payment_links")).bearer_auth(key).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!((ask("sk_test_anything").await, ask("sk_live_anything").await), (200, 401));
    child.kill().await.unwrap();
    let elsewhere = paylinks(&[]).args(["sandbox", "--listen", "0.0.0.0:0"]).output().await.unwrap();
    assert!(!elsewhere.status.success(), "the sandbox must not listen beyond this machine");
}

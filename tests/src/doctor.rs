//! `paylinks doctor`: what it says of deployments that are fine, and of those that are not.

use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Db, Provider, Server, eventually, item, on_both_databases, paylinks, unique};
use api_proto::v1;

on_both_databases!(
    a_deployment_that_is_fine_is_told_so_and_what_is_missing_at_the_provider_too,
    a_provider_that_was_removed_with_things_open_is_told_of
);

/// What the doctor says: whether nothing fails, and each finding by its check.
async fn doctor(environment: &[(String, String)]) -> (bool, Vec<Value>) {
    let output = paylinks(environment).args(["doctor", "--json"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let secrets = ["sk_test_paylinks", "whsec_first", "canary"];
    assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    (output.status.success(), text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn verdict<'a>(findings: &'a [Value], check: &str) -> (&'a str, &'a str) {
    let found = findings.iter().find(|finding| finding["check"] == check);
    let found = found.unwrap_or_else(|| panic!("{check} is not told: {findings:#?}"));
    (found["verdict"].as_str().unwrap(), found["told"].as_str().unwrap())
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn link(server: &Server) -> v1::PaymentLink {
    let request = v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        line_items: vec![item("Ticket", 5_000, 1)],
        ..Default::default()
    };
    server.links().create_payment_link(request).await.unwrap().into_inner().payment_link.unwrap()
}

async fn a_deployment_that_is_fine_is_told_so_and_what_is_missing_at_the_provider_too(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    let url = server.database_url();
    let public = [("PAYLINKS_PUBLIC_URL", "http://127.0.0.1:8080/pay/")];
    let settings = environment(&[provider.settings(&url).as_slice(), &public].concat());
    let (fine, findings) = doctor(&settings).await;
    assert!(!fine, "{findings:#?}");
    assert_eq!(verdict(&findings, "provider stripe, webhooks").0, "fail");
    let endpoint =
        [("url", "http://127.0.0.1:8080/pay/webhooks/stripe"), ("enabled_events[0]", "checkout.session.completed")];
    let made = provider.post("webhook_endpoints", &endpoint).await;
    let (_, findings) = doctor(&settings).await;
    let webhooks = verdict(&findings, "provider stripe, webhooks");
    assert!(webhooks.0 == "fail" && webhooks.1.starts_with("not all kinds"), "{findings:#?}");
    let path = format!("webhook_endpoints/{}", made["id"].as_str().unwrap());
    provider.post(&path, &[("enabled_events[0]", "*")]).await;
    let (fine, findings) = doctor(&settings).await;
    assert!(fine, "{findings:#?}");
    for check in [
        "database",
        "schema",
        "clock",
        "calls",
        "notifications",
        "notifications set aside",
        "provider stripe",
        "provider stripe, clock",
        "provider stripe, webhooks",
    ] {
        assert_eq!(verdict(&findings, check).0, "ok", "{findings:#?}");
    }
    // What has just been told may be on its way.
    provider.pay(&link(&server).await.url).await;
    let (fine, findings) = doctor(&settings).await;
    assert!(fine, "{findings:#?}");
    // Another key than the provider's, and a provider that is not there.
    let refused = [settings.clone(), environment(&[("STRIPE_API_KEY", "sk_live_canary")])].concat();
    let (fine, findings) = doctor(&refused).await;
    assert!(!fine && verdict(&findings, "configuration").1.contains("api_base"), "{findings:#?}");
    let away = [settings, environment(&[("STRIPE_API_BASE", "http://127.0.0.1:9")])].concat();
    let (fine, findings) = doctor(&away).await;
    assert!(!fine && verdict(&findings, "provider stripe").0 == "fail", "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_told_and_none_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (fine, findings) = doctor(&environment(&[("PAYLINKS_DATA_DIR", &data.display().to_string())])).await;
    assert!(!fine && !data.exists(), "{findings:#?}");
    let (verdict, told) = verdict(&findings, "database");
    assert!(verdict == "fail" && told.contains(&data.display().to_string()), "{findings:#?}");
}

async fn a_provider_that_was_removed_with_things_open_is_told_of(db: Db) {
    let provider = Provider::start().await;
    let named = |name: &str| format!("access = \"open\"\n{}", provider.part(name));
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let server = Server::start_configured(db, &named("north"), Stdio::inherit()).await;
    provider.pay(&link(&server).await.url).await;
    let server = server.restart_logged(&named("south"), &log).await;
    // It is told when a server starts, and by the doctor.
    let told = async || {
        let log = std::fs::read_to_string(&log).unwrap();
        log.contains("a provider is not configured any more").then_some(log)
    };
    let log = eventually(told).await;
    assert!(log.contains("north") && log.contains("payment links: 1"), "{log}");
    let told = server.doctor_says().await;
    assert!(
        told.contains("FAIL  removed provider: north is not configured, and is not done with: payment links: 1"),
        "{told}"
    );
    let server = server.restart_with(&named("north")).await;
    let told = server.doctor_says().await;
    assert!(!told.contains("removed provider"), "{told}");
}

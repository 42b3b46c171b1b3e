//! The hosted page in a real browser: paid, declined, closed. Screenshots are kept in `target/screenshots`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use api_proto::v1;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{Db, PATIENCE, Server, needs, sek_amount, unique};

/// The narrowest window that Chromium makes, in pixels.
const WINDOW_WIDTH_MIN: u32 = 500;

/// A driver that ends with its handle.
pub(crate) struct Driver {
    _child: Child,
    pub(crate) client: Client,
    /// Where it listens.
    pub(crate) address: String,
    _profile: tempfile::TempDir,
}

pub(crate) async fn start(chromium: &str, driver: &str, (width, height): (u32, u32)) -> Driver {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(driver);
    // It chooses a port itself, and says which.
    command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = loop {
        let line = tokio::time::timeout(PATIENCE, said.next_line()).await.unwrap().unwrap().expect("the driver ended");
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            break port.trim_end_matches('.').parse::<u16>().unwrap();
        }
    };
    let arguments = [
        "--headless".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--lang=en".to_owned(),
        format!("--window-size={width},{height}"),
        format!("--user-data-dir={}", profile.path().display()),
    ];
    // A window can't be as narrow as a phone: the page is shown as if it were.
    let emulation = json!({"deviceMetrics": {"width": width, "height": height, "pixelRatio": 2.0}});
    let mut options = json!({"binary": chromium, "args": arguments});
    if width < WINDOW_WIDTH_MIN {
        options["mobileEmulation"] = emulation;
    }
    let capabilities = json!({"goog:chromeOptions": options});
    let capabilities = capabilities.as_object().unwrap().clone();
    let address = format!("http://127.0.0.1:{port}");
    let client = crate::harness::eventually(async || {
        // Plain HTTP is all that the driver on loopback needs.
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.clone());
        builder.connect(&address).await.ok()
    })
    .await;
    // Whatever else it says is read, so that it never waits for a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    Driver { _child: child, client, address, _profile: profile }
}

/// Where cargo builds, wherever that is.
fn target() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(default, PathBuf::from)
}

pub(crate) async fn shoot(client: &Client, name: &str) {
    let folder = target().join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let overflow = client.execute(overflow, Vec::new()).await.unwrap();
    assert_eq!(overflow, json!(0), "{name} scrolls sideways");
    std::fs::write(folder.join(format!("{name}.png")), client.screenshot().await.unwrap()).unwrap();
}

async fn fill_and_pay(client: &Client, card: &str) {
    for (field, text) in [
        ("email", "ada@example.com"),
        ("card_number", card),
        ("card_expiry", "12 / 34"),
        ("card_cvc", "123"),
        ("name", "Ada Lovelace"),
    ] {
        let input = client.find(Locator::Id(field)).await.unwrap();
        input.clear().await.unwrap();
        input.send_keys(text).await.unwrap();
    }
    client.find(Locator::Css("button[type=submit]")).await.unwrap().click().await.unwrap();
}

async fn text(client: &Client) -> String {
    client.find(Locator::Css("body")).await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_declined_pays_and_finds_the_page_closed() {
    let (Some(chromium), Some(driver)) = (needs("PAYLINKS_TEST_CHROMIUM"), needs("PAYLINKS_TEST_CHROMEDRIVER")) else {
        return;
    };
    let server = Server::start(Db::Sqlite).await;
    let invoice = server.open_invoice(128_700).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let browser = start(&chromium, &driver, (1_280, 1_000)).await;
    let client = &browser.client;

    client.goto(&link.url).await.unwrap();
    shoot(client, "checkout").await;
    assert!(text(client).await.contains("No money moves here"));
    fill_and_pay(client, "4000 0000 0000 0002").await;
    client.wait().at_most(Duration::from_secs(10)).for_element(Locator::Css("[role=alert]")).await.unwrap();
    shoot(client, "declined").await;
    assert!(text(client).await.contains("The card was declined"));
    client.find(Locator::Css("button[type=submit]")).await.unwrap().click().await.unwrap();
    client.wait().at_most(Duration::from_secs(10)).for_element(Locator::Id("card_number-error")).await.unwrap();
    shoot(client, "field-errors").await;
    fill_and_pay(client, "4242 4242 4242 4242").await;
    client.wait().at_most(Duration::from_secs(10)).for_element(Locator::Css(".mark")).await.unwrap();
    shoot(client, "paid").await;
    assert!(text(client).await.contains("Your payment was received"));
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    client.goto(&link.url).await.unwrap();
    shoot(client, "closed").await;
    assert!(text(client).await.contains("This has already been paid."));
    browser.client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_on_a_phone_authenticates_in_swedish() {
    let (Some(chromium), Some(driver)) = (needs("PAYLINKS_TEST_CHROMIUM"), needs("PAYLINKS_TEST_CHROMEDRIVER")) else {
        return;
    };
    let server = Server::start(Db::Sqlite).await;
    let request = v1::CreatePaymentRequest {
        request_id: unique("payment"),
        amount: Some(sek_amount(160_875)),
        description: "Webbhotell, ett år".to_owned(),
        ..Default::default()
    };
    let payment = server.payments().create_payment(request).await.unwrap().into_inner().payment.unwrap();
    let browser = start(&chromium, &driver, (360, 800)).await;
    let client = &browser.client;
    client.goto(&format!("{}?locale=sv", payment.url)).await.unwrap();
    shoot(client, "phone-checkout").await;
    assert!(text(client).await.contains("Inga pengar flyttas här"));
    fill_and_pay(client, "4000 0025 0000 3155").await;
    client
        .wait()
        .at_most(Duration::from_secs(10))
        .for_element(Locator::Css("button[value=complete]"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    client.wait().at_most(Duration::from_secs(10)).for_element(Locator::Css(".mark")).await.unwrap();
    shoot(client, "phone-paid").await;
    server.wait_for_invoice(&payment.invoice_id, v1::InvoiceState::Paid).await;
    browser.client.close().await.unwrap();
}

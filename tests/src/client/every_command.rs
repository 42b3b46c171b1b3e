//! Every command against a running server, by which the list of commands is held to be tested.

use std::collections::BTreeSet;

use api_proto::v1;
use serde_json::{Value, json};

use super::{command, output, say};
use crate::harness::{Db, GOOD_CARD, Server};

/// What goes well is answered; each command that was run so is noted.
struct Person<'a> {
    server: &'a Server,
    did: BTreeSet<String>,
}

impl Person<'_> {
    /// Runs a command, which is written with spaces between its words, and then with `more`; answers its objects.
    async fn all(&mut self, words: &str, more: &[&str]) -> Vec<Value> {
        let arguments = [&words.split(' ').collect::<Vec<_>>()[..], more, &["--json"]].concat();
        let said = say(self.server, &arguments).await;
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.notes);
        self.did.insert(arguments[..2].join(" "));
        said.objects()
    }

    /// Like `all`, of a command that answers one object.
    async fn one(&mut self, words: &str, more: &[&str]) -> Value {
        let mut all = self.all(words, more).await;
        assert_eq!(all.len(), 1, "{words}");
        all.remove(0)
    }

    /// The id of what a command answers.
    async fn id(&mut self, words: &str, more: &[&str]) -> String {
        self.one(words, more).await["id"].as_str().unwrap().to_owned()
    }

    /// A command that is refused as things stand.
    async fn refused(&mut self, words: &str, reason: &str) {
        let arguments: Vec<_> = words.split(' ').chain(["--json"]).collect();
        let said = say(self.server, &arguments).await;
        let told: Value = serde_json::from_str(said.notes.lines().last().unwrap()).unwrap();
        assert_eq!((said.code, told["reason"].as_str()), (4, Some(reason)), "{words}: {}", said.notes);
        self.did.insert(arguments[..2].join(" "));
    }
}

/// The names below `Commands:` of a help text.
async fn commands_of(arguments: &[&str]) -> Vec<String> {
    let said = output(command("http://127.0.0.1:1", &[arguments, &["-h"]].concat())).await;
    let listed = said.out.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is said of a command may go on in lines of its own, which stand further in.
    let named = listed.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names = named.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(Db::Sqlite).await;
    let mut person = Person { server: &server, did: BTreeSet::new() };

    selling(&mut person).await;
    let customer = person.id("customer create", &["--name", "Ada", "--address.country-code", "SE"]).await;
    person.one(&format!("customer get {customer}"), &[]).await;
    let changed = person.one(&format!("customer update {customer} --metadata tenant=7"), &["--name", "Ada L"]).await;
    assert_eq!((&changed["name"], &changed["metadata"]["tenant"]), (&json!("Ada L"), &json!("7")));
    assert_eq!(person.all("customer list", &[]).await.len(), 1);
    assert_eq!(person.all(&format!("payment-method list {customer}"), &[]).await.len(), 0);

    let invoice = invoicing(&mut person, &customer, directory.path()).await;
    paying(&mut person, &invoice).await;
    tax(&mut person).await;

    person.all("event list", &["--types", "invoice.paid"]).await;
    assert_eq!(person.all("provider list", &[]).await, ["stripe"]);
    assert_eq!(person.one("provider get stripe", &[]).await["livemode"], false);
    person.all("subscription list", &[]).await;

    // What needs a long story is seen to reach its method alone.
    for (words, code) in [
        ("payment-method detach pm_0193a5c2e8b27c3a9f0e1d2c3b4a5968", 3),
        ("subscription get sub_0193a5c2e8b27c3a9f0e1d2c3b4a5968", 3),
        ("subscription cancel sub_0193a5c2e8b27c3a9f0e1d2c3b4a5968 --at now", 3),
        ("dispute get dp_0193a5c2e8b27c3a9f0e1d2c3b4a5968", 3),
        ("mail get mail_0193a5c2e8b27c3a9f0e1d2c3b4a5968", 3),
    ] {
        let words: Vec<_> = words.split(' ').collect();
        let said = say(&server, &words).await;
        assert_eq!(said.code, code, "{words:?}: {}", said.notes);
        assert!(said.notes.contains("NOT_FOUND"), "{}", said.notes);
        person.did.insert(words[..2].join(" "));
    }

    // `event tail` has tests of its own.
    person.did.insert("event tail".to_owned());
    let operators =
        ["serve", "demo", "sandbox", "keys", "notifications", "unanswered-refunds", "doctor", "config", "completions"];
    for noun in commands_of(&[]).await.into_iter().filter(|noun| !operators.contains(&noun.as_str())) {
        for verb in commands_of(&[&noun]).await {
            assert!(person.did.contains(&format!("{noun} {verb}")), "{noun} {verb} is not tested");
        }
    }
}

async fn selling(person: &mut Person<'_>) {
    let product = person.id("product create", &["--name", "Web hosting"]).await;
    assert_eq!(person.one(&format!("product get {product}"), &[]).await["name"], "Web hosting");
    let changed = person.one(&format!("product update {product} --description"), &["One year"]).await;
    assert_eq!(changed["description"], "One year");
    assert_eq!(person.all("product list --active true", &[]).await.len(), 1);
    let words = format!("price create --product-id {product} --tax-behavior exclusive");
    let price = person.one(&words, &["--unit-price", "1 287.00 SEK", "--recurrence.interval", "month"]).await;
    assert_eq!(price["unitPrice"], json!({"minorUnits": "128700", "currencyCode": "SEK"}));
    let price = price["id"].as_str().unwrap();
    person.one(&format!("price get {price}"), &[]).await;
    assert_eq!(person.one(&format!("price update {price} --active false"), &[]).await["active"], false);
    assert_eq!(person.all(&format!("price list --product-id {product}"), &[]).await.len(), 1);
    let rate = person.id("shipping-rate create --display-name Post", &["--amount", "49 SEK"]).await;
    person.one(&format!("shipping-rate get {rate}"), &[]).await;
    person.one(&format!("shipping-rate update {rate} --metadata a=b"), &[]).await;
    person.all("shipping-rate list", &[]).await;
    let coupon = person.id("coupon create --percent-off 10 --duration.once", &[]).await;
    person.one(&format!("coupon get {coupon}"), &[]).await;
    person.all("coupon list", &[]).await;
    let code = person.id(&format!("promotion-code create --coupon-id {coupon} --code SAVE10"), &[]).await;
    person.one(&format!("promotion-code get {code}"), &[]).await;
    let changed = person.one(&format!("promotion-code update {code} --active false"), &[]).await;
    assert_eq!(changed["state"], "PROMOTION_CODE_STATE_INACTIVE");
    person.all("promotion-code list", &[]).await;
    person.one(&format!("coupon update {coupon} --active false"), &[]).await;
}

const ITEM: [&str; 4] = ["--item", "1 x 1287.00 SEK Web hosting", "--tax-behavior", "exclusive"];

/// From a draft to documents; answers the open invoice of 1 608.75 SEK, with 600.00 of it paid in cash.
async fn invoicing(person: &mut Person<'_>, customer: &str, directory: &std::path::Path) -> String {
    let draft = person.id(&format!("invoice create --customer-id {customer}"), &ITEM).await;
    let changed = person.one(&format!("invoice update {draft} --due-date 2030-12-31"), &[]).await;
    assert_eq!(changed["dueDate"], json!({"year": 2030, "month": 12, "day": 31}));
    let open = person.one(&format!("invoice finalize {draft}"), &[]).await;
    assert_eq!(open["total"], json!({"minorUnits": "160875", "currencyCode": "SEK"}));
    person.one(&format!("invoice get {draft}"), &[]).await;
    assert_eq!(person.all("invoice list --state open", &[]).await.len(), 1);
    assert!(person.one(&format!("invoice share {draft} --lifetime 7d"), &[]).await["url"].is_string());
    person.refused(&format!("invoice send {draft} --to ada@example.com"), "MAIL_DISABLED").await;
    person.all("mail list", &[]).await;

    let file = directory.join("invoice.pdf").display().to_string();
    let said = say(person.server, &["invoice", "render", &draft, "--kind", "invoice", "--output", &file]).await;
    assert_eq!((said.code, said.out.trim()), (0, file.as_str()), "{}", said.notes);
    assert!(std::fs::read(&file).unwrap().starts_with(b"%PDF-"));
    let mut here = command(&person.server.grpc, &["invoice", "render", &draft, "--kind", "invoice"]);
    here.current_dir(directory);
    let name = output(here).await.out.trim().to_owned();
    assert!(name.ends_with(".pdf") && directory.join(&name).is_file(), "{name}");
    // A file that is there is not written over.
    let mut again = command(&person.server.grpc, &["invoice", "render", &draft, "--kind", "invoice"]);
    again.current_dir(directory);
    assert_eq!(output(again).await.code, 2);
    person.one(&format!("invoice render {draft} --kind invoice"), &[]).await;

    let voided = person.id("invoice create --finalize", &ITEM).await;
    assert_eq!(person.one(&format!("invoice void {voided}"), &[]).await["state"], "INVOICE_STATE_VOID");
    let lost = person.id("invoice create --finalize", &ITEM).await;
    person.one(&format!("invoice mark-uncollectible {lost}"), &[]).await;
    let words = format!("invoice record-payment {draft} --method cash --receive-date 2026-01-02");
    let recorded = person.one(&words, &["--amount", "600 SEK"]).await;
    assert_eq!(recorded["invoice"]["amountDue"]["minorUnits"], "100875");
    let payment = recorded["payment"]["id"].as_str().unwrap();
    let words = format!("refund record {payment} --method cash --refund-date 2026-01-03");
    assert_eq!(person.one(&words, &["--amount", "0.01 SEK"]).await["refund"]["state"], "REFUND_STATE_SUCCEEDED");
    draft
}

async fn paying(person: &mut Person<'_>, invoice: &str) {
    let checkout = person
        .one(&format!("checkout create --invoice-id {invoice} --mode payment --return-url http://localhost/"), &[])
        .await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    person.one(&format!("checkout get {checkout}"), &[]).await;
    let expired = person.one(&format!("checkout expire {checkout}"), &[]).await;
    assert_eq!(expired["state"], "CHECKOUT_SESSION_STATE_EXPIRED");
    person.all("checkout list", &[]).await;

    let link = person.one(&format!("link create --invoice-id {invoice}"), &[]).await;
    let (id, url) = (link["id"].as_str().unwrap(), link["url"].as_str().unwrap());
    let shown = say(person.server, &["link", "qr", id]).await;
    assert!(shown.out.starts_with("████") && shown.out.trim_end().ends_with(url), "{}", shown.out);
    assert!(!shown.out.contains('\u{1b}'), "colours where there is no terminal");
    person.one(&format!("link qr {id}"), &[]).await;
    assert!(person.one(&format!("link share {id} --locale sv"), &[]).await["qrCodeSvg"].is_string());
    assert_eq!(person.all(&format!("link items {id}"), &[]).await.len(), 1);
    person.one(&format!("link update {id} --inactive-message"), &["Closed."]).await;
    person.one(&format!("link get {id}"), &[]).await;
    assert_eq!(person.all(&format!("link list --invoice-id {invoice}"), &[]).await.len(), 1);
    assert_eq!(person.server.pay(url, GOOD_CARD).await, 200);
    person.server.wait_for_invoice(invoice, v1::InvoiceState::Paid).await;

    let said = say(person.server, &["link", "create", "--item", "2 x 250.00 SEK Ticket", "--qr"]).await;
    assert!(
        said.code == 0 && said.out.contains("500.00 SEK") && said.out.contains("████"),
        "{}{}",
        said.out,
        said.notes
    );
    let open = person.id("link create --item", &["1 x 250.00 SEK Ticket"]).await;
    let closed = person.one(&format!("link deactivate {open}"), &[]).await;
    assert_eq!(closed["state"], "PAYMENT_LINK_STATE_INACTIVE");
    person.one(&format!("link activate {open}"), &[]).await;

    let words = format!("payment list --payment-link-id {id}");
    let payment = person.one(&words, &[]).await["id"].as_str().unwrap().to_owned();
    person.one(&format!("payment get {payment}"), &[]).await;
    person.refused(&format!("payment capture {payment}"), "PAYMENT_STATE").await;
    let note = person.one(&format!("credit-note create {invoice} --rest --reason order-change"), &[]).await;
    let number = note["creditNote"]["number"].as_str().unwrap().to_owned();
    let note = note["creditNote"]["id"].as_str().unwrap().to_owned();
    person.one(&format!("credit-note get {note}"), &[]).await;
    assert_eq!(person.all("credit-note list", &[]).await.len(), 1);
    // The number on a document names it too.
    assert_eq!(person.id(&format!("credit-note get {number}"), &[]).await, note);
    assert_eq!(person.id(&format!("credit-note list --number {number}"), &[]).await, note);
    let credited = person.one(&format!("invoice get {invoice}"), &[]).await["number"].as_str().unwrap().to_owned();
    assert_eq!(person.id(&format!("invoice get {credited}"), &[]).await, *invoice);
    assert_eq!(person.all(&format!("invoice list --number {number}"), &[]).await.len(), 0);
    person.one(&format!("credit-note render {note}"), &[]).await;
    let words = format!("payment refund {payment} --credit-note-id {note}");
    let refund = person.id(&words, &["--amount", "1000 SEK"]).await;
    person.one(&format!("refund get {refund}"), &[]).await;
    person.id(&format!("refund create {payment}"), &["--amount", "0.75 SEK"]).await;
    assert_eq!(person.all(&format!("refund list --payment-id {payment}"), &[]).await.len(), 2);
    person.all("dispute list", &[]).await;

    let asked = person.id("payment create --description Coffee", &["--amount", "12.50 SEK"]).await;
    assert_eq!(person.one(&format!("payment cancel {asked}"), &[]).await["state"], "PAYMENT_STATE_CANCELED");
}

async fn tax(person: &mut Person<'_>) {
    let line = r#"{"amount": {"minorUnits": 10000, "currencyCode": "SEK"}, "taxBehavior": "TAX_BEHAVIOR_EXCLUSIVE", "tax": {"automatic": {}}}"#;
    assert_eq!(person.one("tax calculate --lines", &[line]).await["tax"]["minorUnits"], "2500");
    let rate = person.id("tax-rate create --display-name VAT --percentage 25", &[]).await;
    person.one(&format!("tax-rate get {rate}"), &[]).await;
    person.one(&format!("tax-rate update {rate} --active false"), &[]).await;
    person.all("tax-rate list", &[]).await;
    let registration = person.id("tax-registration create --country-code NO --since 2026-01-01", &[]).await;
    person.one(&format!("tax-registration end {registration} --until 2026-12-31"), &[]).await;
    // That of the configuration is listed too.
    assert!(person.all("tax-registration list", &[]).await.len() > 1);
    assert_eq!(person.one("tax-id check SE556703748501", &[]).await["euVat"], true);
    assert_eq!(person.all("tax-id list", &[]).await.len(), 1);
}

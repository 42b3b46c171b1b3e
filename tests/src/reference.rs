//! The example requests of the reference documents for the JSON endpoints, sent to the letter by a seller who is set up as the
//! documents' own: whose invoice has the number 51910, and who may send customers back to the example's host.

use api_proto::v1;
use serde_json::{Value, json};

use crate::harness::{Db, GOOD_CARD, Server, http, invoice_request, line, on_both_databases};

on_both_databases!(
    the_checkout_of_the_document_is_answered_as_it_says,
    the_payment_of_the_document_is_answered_as_it_says,
);

/// Its tenth invoice is 51910.
const CONFIG: &str = "[[sellers]]\nid = \"cloud\"\nname = \"Cloud AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n\
    tax_registrations = [{ country = \"SE\" }]\ninvoice_numbers = \"519{number:2}\"\nredirect_hosts = [\"cloud.hostup.se\"]\n";

/// The names of a JSON object, sorted.
fn names(object: &Value) -> Vec<&str> {
    let object = object.as_object().unwrap_or_else(|| panic!("{object} is no object"));
    let mut names: Vec<_> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// Whether a time is told as the documents tell it: `2026-02-10T00:00:00.000Z`.
fn is_time(value: &Value) -> bool {
    let like = "2026-02-10T00:00:00.000Z";
    let same = |(told, like): (u8, u8)| told == like || (told.is_ascii_digit() && like.is_ascii_digit());
    value.as_str().is_some_and(|told| told.len() == like.len() && told.bytes().zip(like.bytes()).all(same))
}

fn is_uuid(value: &Value) -> bool {
    value.as_str().is_some_and(|text| uuid::Uuid::parse_str(text).is_ok())
}

async fn send(server: &Server, path: &str, body: &'static str) -> (u16, Value) {
    let request = http().post(format!("{}{path}", server.http));
    let request = request.header("X-API-Key", "YOUR_API_KEY").header("Content-Type", "application/json");
    let answer = request.body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

const CHECKOUT: &str = r#"{
    "mode": "payment",
    "invoiceId": "51910",
    "returnUrl": "https://cloud.hostup.se/billing?paid=1&invoice=51910",
    "cancelUrl": "https://cloud.hostup.se/billing?invoice=51910",
    "locale": "sv"
  }"#;

async fn the_checkout_of_the_document_is_answered_as_it_says(db: Db) {
    let server = Server::start_with(db, CONFIG).await;
    let mut invoice = v1::Invoice::default();
    for _ in 0..10 {
        let request = v1::CreateInvoiceRequest { lines: vec![line(128_700)], finalize: true, ..invoice_request() };
        invoice = server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap();
    }
    assert_eq!(invoice.number, "51910");

    // Its key is a place to put one's own, and is no key.
    let (status, refused) = send(&server, "/api/billing/stripe-checkout", CHECKOUT).await;
    assert_eq!((status, names(&refused)), (401, vec!["code", "error", "message", "requestId", "timestamp"]));
    assert!(is_uuid(&refused["requestId"]) && is_time(&refused["timestamp"]), "{refused}");
    assert_eq!((&refused["code"], &refused["error"]), (&json!("CREDENTIALS_INVALID"), &json!("Unauthorized")));

    let request = http().post(format!("{}/api/billing/stripe-checkout", server.http));
    let answer = request.header("Content-Type", "application/json").body(CHECKOUT).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(names(&answer), ["data", "requestId", "success", "timestamp"]);
    assert_eq!(names(&answer["data"]), ["paymentType", "sessionId", "sessionUrl"]);
    assert_eq!((&answer["success"], &answer["data"]["paymentType"]), (&json!(true), &json!("card")));
    assert!(is_uuid(&answer["requestId"]) && is_time(&answer["timestamp"]), "{answer}");
    assert!(answer["data"]["sessionId"].as_str().unwrap().starts_with("cs_"), "{answer}");
    let url = answer["data"]["sessionUrl"].as_str().unwrap();
    assert!(url.starts_with("http"), "{url}");
    assert_eq!(server.pay(url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
}

async fn the_payment_of_the_document_is_answered_as_it_says(db: Db) {
    let server = Server::start_with(db, CONFIG).await;
    let post = async |body: &'static str| {
        let request = http().post(format!("{}/payments", server.http)).header("Content-Type", "application/json");
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    // What the document sends has the names of types where values go, and is told so.
    let (status, refused) = post(r#"{ "amount": 1, "currency": "string", "description": "string" }"#).await;
    assert_eq!((status, names(&refused)), (400, vec!["error", "success"]));
    assert_eq!(refused["success"], json!(false));
    assert_eq!(names(&refused["error"]), ["code", "details", "doc_url", "message", "param", "type"]);
    assert_eq!(refused["error"]["param"], "currency");

    let (status, answer) = post(r#"{ "amount": 12500, "currency": "SEK", "description": "string" }"#).await;
    assert_eq!((status, names(&answer)), (200, vec!["data", "success"]), "{answer}");
    let data = &answer["data"];
    let documented = [
        "amountSubtotal",
        "amountTotal",
        "createdAt",
        "currency",
        "customerId",
        "description",
        "expiresAt",
        "id",
        "kind",
        "livemode",
        "metadata",
        "object",
        "provider",
        "status",
        "taxAmount",
        "updatedAt",
        "url",
    ];
    assert_eq!(names(data), documented);
    for (name, value) in [
        ("kind", json!("link")),
        ("status", json!("pending")),
        ("provider", json!("stripe")),
        ("object", json!("payment")),
        ("description", json!("string")),
        ("metadata", json!({})),
        ("livemode", json!(false)),
    ] {
        assert_eq!(data[name], value, "{name}");
    }
    let figures = ["amountSubtotal", "taxAmount", "amountTotal"].map(|name| data[name].as_i64().unwrap());
    assert_eq!(figures, [10_000, 2_500, 12_500]);
    assert!(is_time(&data["createdAt"]) && is_time(&data["updatedAt"]), "{data}");
    assert_eq!(server.pay(data["url"].as_str().unwrap(), GOOD_CARD).await, 200);
}

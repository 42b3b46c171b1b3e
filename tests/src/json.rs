//! JSON over HTTP: the two endpoints of the reference documents, with their own examples, and held to the description
//! that the server gives of them.

use api_proto::v1;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::harness::{Db, GOOD_CARD, PATIENCE, Server, eventually, http, minor, on_both_databases, unique};

on_both_databases!(
    the_reference_checkout_is_made_and_paid,
    a_part_in_major_units_is_exact_or_refused,
    the_reference_payment_is_made_and_paid,
    every_bad_field_is_told_at_once,
    keys_scopes_and_sellers_hold_as_over_grpc,
    what_is_no_request_has_an_answer_of_the_same_shape,
    a_write_outlives_a_caller_that_goes_away,
);

const CHECKOUT: &str = "/api/billing/stripe-checkout";
const PAYMENTS: &str = "/payments";
const UUID: &str = "2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba";
const RETURN_URL: &str = "https://cloud.hostup.se/billing?paid=1&invoice=51910";
const CANCEL_URL: &str = "https://cloud.hostup.se/billing?invoice=51910";

/// Two sellers, reached by key.
const CONFIG: &str = "access = \"api_keys\"\n\
    [[sellers]]\nid = \"one\"\nname = \"One AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntax_registrations = [{ country = \"SE\" }]\n\
    [[sellers]]\nid = \"two\"\nname = \"Two AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntax_registrations = [{ country = \"SE\" }]\n";

/// The reference's request, of another invoice.
fn reference(invoice: &str) -> Value {
    json!({
        "mode": "payment",
        "invoiceId": invoice,
        "returnUrl": RETURN_URL,
        "cancelUrl": CANCEL_URL,
        "locale": "sv",
    })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

fn request(server: &Server, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    http().post(format!("{}{path}", server.http)).header("content-type", "application/json").body(body)
}

/// Calls, and holds the answer to the description.
async fn call(server: &Server, path: &str, body: impl ToString) -> (u16, Value) {
    held(server, path, request(server, path, body.to_string()).send().await.unwrap()).await
}

async fn held(server: &Server, path: &str, response: Response) -> (u16, Value) {
    let description: Value =
        http().get(format!("{}/openapi.json", server.http)).send().await.unwrap().json().await.unwrap();
    let status = response.status().as_u16();
    let described = &description["paths"][path]["post"]["responses"][status.to_string()];
    for (name, header) in described["headers"].as_object().unwrap() {
        assert!(name == "Retry-After" || response.headers().contains_key(name), "{status} without {name}: {header}");
    }
    let answer: Value = response.json().await.unwrap();
    let schema = &described["content"]["application/json"]["schema"];
    conforms(&description, schema, &answer, &format!("{path} {status}"));
    (status, answer)
}

/// Whether a value is as a schema of ours says, in the words of JSON Schema that ours use for answers.
fn conforms(description: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return conforms(description, description.pointer(&reference[1..]).unwrap(), value, at);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = &schema["type"];
    assert!(allowed == kind || allowed.as_array().is_some_and(|any| any.contains(&json!(kind))), "{at}: {value}");
    if let Some(only) = schema.get("const") {
        assert_eq!(value, only, "{at}");
    }
    if let Some(choices) = schema["enum"].as_array() {
        assert!(choices.contains(value), "{at}: {value}");
    }
    for item in value.as_array().into_iter().flatten() {
        conforms(description, &schema["items"], item, &format!("{at}[]"));
    }
    let Some(object) = value.as_object() else { return };
    for (name, value) in object {
        let below = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
        assert!(below.is_object(), "{at}.{name} is not described");
        conforms(description, below, value, &format!("{at}.{name}"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(object.contains_key(name.as_str().unwrap()), "{at} has no {name}");
    }
}

/// The names of the fields at fault.
fn fields(answer: &Value) -> Vec<&str> {
    let details = answer.get("details").unwrap_or(&answer["error"]["details"]);
    details.as_array().into_iter().flatten().map(|detail| detail["field"].as_str().unwrap()).collect()
}

async fn the_reference_checkout_is_made_and_paid(db: Db) {
    let server = Server::start(db).await;
    let (status, answer) = call(&server, CHECKOUT, reference("51910")).await;
    assert_eq!(
        (status, answer["code"].as_str(), answer["error"].as_str()),
        (404, Some("NOT_FOUND"), Some("Not Found"))
    );

    // 1,287.00 kronor and 25 % of tax.
    let invoice = server.open_invoice(128_700).await;
    let body = with(with(reference(&invoice.number), "requestId", json!(UUID)), "amount", json!(1608.75));
    let (status, first) = call(&server, CHECKOUT, &body).await;
    assert_eq!((status, &first["success"], first["requestId"].as_str()), (200, &json!(true), Some(UUID)), "{first}");
    assert_eq!(first["data"]["paymentType"], "card");
    assert!(first["timestamp"].as_str().is_some_and(|at| at.len() == "2026-02-10T00:00:00.000Z".len()));

    // The same id and content are the same session, whichever way the invoice is named; another content is not.
    let by_id = with(body.clone(), "invoiceId", json!(invoice.id));
    for again in [&body, &by_id] {
        assert_eq!(call(&server, CHECKOUT, again).await.1["data"], first["data"]);
    }
    let (status, reused) = call(&server, CHECKOUT, with(body, "locale", json!("en"))).await;
    assert_eq!(
        (status, reused["code"].as_str(), reused["requestId"].as_str()),
        (409, Some("REQUEST_ID_REUSED"), Some(UUID))
    );
    assert_eq!(server.executed("POST /v1/checkout/sessions").await, 1);
    // Without an id one is made, and an invoice has one open page.
    let (status, second) = call(&server, CHECKOUT, reference(&invoice.id)).await;
    assert_eq!((status, second["code"].as_str()), (409, Some("COLLECTABLE_OPEN")));
    assert_eq!(second["requestId"].as_str().map(str::len), Some(UUID.len()));

    let url = first["data"]["sessionUrl"].as_str().unwrap();
    let page = http().get(url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("1\u{a0}608,75\u{a0}kr") && page.contains("lang=\"sv\""), "{page}");
    assert_eq!(server.pay(url, GOOD_CARD).await, 200);
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    assert_eq!(minor(paid.amount_paid.as_ref()), 160_875);
    // What is paid can't be paid again.
    let (status, closed) = call(&server, CHECKOUT, reference(&invoice.id)).await;
    assert_eq!((status, closed["code"].as_str()), (422, Some("INVOICE_STATE")));
}

async fn a_part_in_major_units_is_exact_or_refused(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(128_700).await;
    // As text, since a float on the way here would prove nothing.
    let written =
        |amount: &str| reference(&invoice.id).to_string().replacen('{', &format!("{{\"amount\": {amount}, "), 1);
    for (amount, reason, message) in [
        ("1608.755", "TOO_MANY_DECIMALS", "must have at most 2 decimals"),
        ("1608.76", "ABOVE_AMOUNT_DUE", "must be at most what is due, SEK 1608.75"),
        ("0", "AMOUNT_OUT_OF_RANGE", "must be from 1 to 999999999999 minor units"),
        ("-1", "AMOUNT_OUT_OF_RANGE", "must be from 1 to 999999999999 minor units"),
        ("1e99", "AMOUNT_OUT_OF_RANGE", "must be from 1 to 999999999999 minor units"),
        ("\"1608.75\"", "WRONG_TYPE", "must be a number"),
        ("null", "WRONG_TYPE", "must be a number"),
    ] {
        let (status, answer) = call(&server, CHECKOUT, written(amount)).await;
        let response = (status, answer["code"].as_str(), &answer["details"]);
        let want = json!([{"field": "amount", "reason": reason, "message": message}]);
        assert_eq!(response, (400, Some("INVALID_FIELDS"), &want), "{amount}");
    }
    let (status, answer) = call(&server, CHECKOUT, written("0.29")).await;
    assert_eq!((status, answer["code"].as_str(), fields(&answer)), (422, Some("PROVIDER_REJECTED"), vec!["amount"]));
    let (status, answer) = call(&server, CHECKOUT, written("1.60829e3")).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(server.pay(answer["data"]["sessionUrl"].as_str().unwrap(), GOOD_CARD).await, 200);
    let paid = async || Some(minor(server.invoice(&invoice.id).await.amount_paid.as_ref())).filter(|paid| *paid > 0);
    assert_eq!(eventually(paid).await, 160_829);
}

async fn the_reference_payment_is_made_and_paid(db: Db) {
    let server = Server::start(db).await;
    let body = json!({
        "amount": 12_500,
        "currency": "SEK",
        "description": "Consulting",
        "metadata": {"order": "51910"},
        "expiresAt": "2099-08-24T14:15:22Z",
    });
    let keyed = async |key: &str, body: &Value| {
        let asked = request(&server, PAYMENTS, body.to_string()).header("idempotency-key", key);
        held(&server, PAYMENTS, asked.send().await.unwrap()).await
    };
    let (status, made) = keyed("order-51910", &body).await;
    assert_eq!(status, 200, "{made}");
    let data = &made["data"];
    let figures = ["amountSubtotal", "taxAmount", "amountTotal"].map(|name| data[name].as_i64().unwrap());
    assert_eq!(figures, [10_000, 2_500, 12_500]);
    for (name, value) in [
        ("kind", json!("link")),
        ("status", json!("pending")),
        ("provider", json!("stripe")),
        ("currency", json!("SEK")),
        ("description", json!("Consulting")),
        ("metadata", json!({"order": "51910"})),
        ("customerId", Value::Null),
        ("expiresAt", json!("2099-08-24T14:15:22.000Z")),
        ("object", json!("payment")),
        ("livemode", json!(false)),
    ] {
        assert_eq!(data[name], value, "{name}");
    }
    // The same key and content are the same payment; without a key, each request is one of its own.
    assert_eq!(keyed("order-51910", &body).await.1, made);
    let (status, reused) = keyed("order-51910", &with(body.clone(), "amount", json!(12_600))).await;
    let error = &reused["error"];
    assert_eq!(
        (status, error["code"].as_str(), error["type"].as_str()),
        (409, Some("REQUEST_ID_REUSED"), Some("conflict_error"))
    );
    assert_ne!(call(&server, PAYMENTS, &body).await.1["data"]["id"], data["id"]);

    assert_eq!(server.pay(data["url"].as_str().unwrap(), GOOD_CARD).await, 200);
    let id = data["id"].as_str().unwrap().to_owned();
    eventually(async || {
        let request = v1::GetPaymentRequest { id: id.clone() };
        let payment = server.payments().get_payment(request).await.unwrap().into_inner().payment.unwrap();
        (payment.state() == v1::PaymentState::Succeeded).then_some(())
    })
    .await;
}

async fn every_bad_field_is_told_at_once(db: Db) {
    let server = Server::start(db).await;
    let (status, answer) = call(&server, CHECKOUT, "{}").await;
    assert_eq!((status, fields(&answer)), (400, vec!["invoiceId", "mode", "locale", "returnUrl", "cancelUrl"]));
    let bad = json!({
        "amount": 1.2345, "cancelUrl": "javascript:alert(1)", "invoiceId": server.open_invoice(10_000).await.id,
        "locale": "de", "mode": "subscription", "requestId": "a b", "returnUrl": 7, "return_url": RETURN_URL,
    });
    let (status, answer) = call(&server, CHECKOUT, bad).await;
    let want = ["requestId", "mode", "locale", "returnUrl", "cancelUrl", "amount", "return_url"];
    assert_eq!((status, fields(&answer)), (400, want.to_vec()), "{answer}");
    // The provider takes no transfers in SEK, and a method is stored for an invoice's customer.
    let invoice = server.open_invoice(10_000).await;
    let in_mode = |mode: &str| with(reference(&invoice.id), "mode", json!(mode));
    let (status, answer) = call(&server, CHECKOUT, in_mode("bank_transfer_payment")).await;
    assert_eq!((status, answer["code"].as_str(), fields(&answer)), (422, Some("UNSUPPORTED_CAPABILITY"), vec!["mode"]));
    let (status, answer) = call(&server, CHECKOUT, with(in_mode("setup"), "amount", json!(1))).await;
    assert_eq!((status, fields(&answer)), (400, vec!["amount", "invoiceId"]));
    let unknown = "inv_0193a5c2e8b27c3a9f0e1d2c3b4a5968";
    let (status, answer) = call(&server, CHECKOUT, with(reference(unknown), "extra", json!(1))).await;
    assert_eq!((status, fields(&answer)), (400, vec!["extra"]));
    assert_eq!(call(&server, CHECKOUT, reference(unknown)).await.0, 404);

    let (status, answer) = call(&server, PAYMENTS, "{\"amount\": 1, \"amount\": 2, \"tax\": {}}").await;
    assert_eq!((status, answer["error"]["param"].as_str()), (400, Some("currency")));
    assert_eq!(fields(&answer), ["currency", "description", "amount", "tax"]);
    let bad = json!({
        "amount": 12.5, "currency": "XXX", "description": "card 4242 4242 4242 4242", "customerId": "cus_1",
        "metadata": {"order": 7}, "expiresAt": "2001-01-01T00:00:00Z",
    });
    let (_, answer) = call(&server, PAYMENTS, bad).await;
    assert_eq!(fields(&answer), ["currency", "amount", "description", "customerId", "metadata[\"order\"]"]);
    let payment =
        |expires: &str| json!({"amount": 12_500, "currency": "SEK", "description": "Consulting", "expiresAt": expires});
    let (status, answer) = call(&server, PAYMENTS, payment("2001-01-01T00:00:00Z")).await;
    assert_eq!((status, fields(&answer)), (400, vec!["expiresAt"]));
    let absent = "cus_0193a5c2e8b27c3a9f0e1d2c3b4a5968";
    let body = with(payment("2099-01-01T00:00:00Z"), "customerId", json!(absent));
    let (status, answer) = call(&server, PAYMENTS, body).await;
    assert_eq!((status, fields(&answer)), (400, vec!["customerId"]));
    assert_eq!(server.executed("POST /v1/payment_links").await, 0);
}

async fn create_key(server: &Server, arguments: &[&str]) -> String {
    let text = server.command(&[&["keys", "create", "--name", "test"], arguments].concat()).await;
    text.lines().find_map(|line| line.strip_prefix("token ")).unwrap().trim().to_owned()
}

async fn keys_scopes_and_sellers_hold_as_over_grpc(db: Db) {
    let server = Server::start_with(db, CONFIG).await;
    let body = json!({"amount": 12_500, "currency": "SEK", "description": "Consulting"}).to_string();
    let refusal_for = async |headers: &[(&str, &str)]| {
        let asked = headers
            .iter()
            .fold(request(&server, PAYMENTS, body.clone()), |asked, (name, value)| asked.header(*name, *value));
        let (status, answer) = held(&server, PAYMENTS, asked.send().await.unwrap()).await;
        (status, answer["error"]["code"].as_str().unwrap_or("OK").to_owned())
    };
    let reader = create_key(&server, &["--scope", "read", "--seller", "one"]).await;
    let writer = create_key(&server, &["--scope", "write", "--seller", "one"]).await;
    let both = create_key(&server, &["--scope", "write"]).await;
    let as_of = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(refusal_for(&[]).await, as_of(401, "CREDENTIALS_MISSING"));
    for wrong in ["nonsense", "pl_0123456789abcdef_00", ""] {
        assert_eq!(refusal_for(&[("x-api-key", wrong)]).await, as_of(401, "CREDENTIALS_INVALID"), "{wrong}");
    }
    assert_eq!(refusal_for(&[("x-api-key", &reader)]).await, as_of(403, "SCOPE_INSUFFICIENT"));
    assert_eq!(refusal_for(&[("x-api-key", &writer)]).await, as_of(200, "OK"));
    assert_eq!(refusal_for(&[("authorization", &format!("Bearer {writer}"))]).await, as_of(200, "OK"));
    assert_eq!(refusal_for(&[("x-api-key", &writer), ("x-seller-id", "two")]).await, as_of(404, "NOT_FOUND"));
    assert_eq!(refusal_for(&[("x-api-key", &both)]).await, as_of(400, "INVALID_FIELDS"));
    assert_eq!(refusal_for(&[("x-api-key", &both), ("x-seller-id", "two")]).await, as_of(200, "OK"));
    // The error of the other endpoint has its own shape, and its id is one that the caller can quote.
    let asked = request(&server, CHECKOUT, reference("51910").to_string()).header("x-request-id", "trace-1");
    let response = asked.send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "trace-1");
    let (status, answer) = held(&server, CHECKOUT, response).await;
    assert_eq!(
        (status, answer["error"].as_str(), answer["requestId"].as_str().map(str::len)),
        (401, Some("Unauthorized"), Some(36))
    );
}

async fn what_is_no_request_has_an_answer_of_the_same_shape(db: Db) {
    let server = Server::start(db).await;
    for path in [CHECKOUT, PAYMENTS] {
        let url = format!("{}{path}", server.http);
        let code = |answer: &Value| answer.get("code").unwrap_or(&answer["error"]["code"]).as_str().map(str::to_owned);
        let refusal_of = async |asked: RequestBuilder| {
            let (status, answer) = held(&server, path, asked.send().await.unwrap()).await;
            (status, code(&answer).unwrap())
        };
        let plain = http().post(&url).header("content-type", "text/plain").body("{}");
        assert_eq!(refusal_of(plain).await, (415, "UNSUPPORTED_MEDIA_TYPE".to_owned()));
        assert_eq!(refusal_of(http().post(&url).body("{}")).await, (415, "UNSUPPORTED_MEDIA_TYPE".to_owned()));
        assert_eq!(refusal_of(http().get(&url)).await, (405, "METHOD_NOT_ALLOWED".to_owned()));
        for broken in ["", "{", "[]", "7", "\"x\"", "{\"a\": \"\\ud800\"", "{} {}", "{\"amount\": NaN}"] {
            assert_eq!(
                refusal_of(request(&server, path, broken)).await,
                (400, "MALFORMED_JSON".to_owned()),
                "{broken}"
            );
        }
        let large = format!("{{\"description\": \"{}\"}}", "x".repeat(600 << 10));
        assert_eq!(refusal_of(request(&server, path, large)).await, (413, "BODY_TOO_LARGE".to_owned()));
        // As deep as it is wide, it is one field that is not known.
        let deep = format!("{{\"deep\": {}{}}}", "[".repeat(100), "]".repeat(100));
        assert_eq!(refusal_of(request(&server, path, deep)).await, (400, "INVALID_FIELDS".to_owned()));
    }
}

async fn a_write_outlives_a_caller_that_goes_away(db: Db) {
    let server = Server::start(db).await;
    let fault = json!([{"operation": "POST /v1/payment_links", "kind": "delay", "ms": 2_000}]);
    let status = server.control("faults", fault).await.status();
    assert!(status.is_success(), "{status}");
    let body = json!({"amount": 12_500, "currency": "SEK", "description": "Consulting"}).to_string();
    let key = unique("gone");
    let asked = || request(&server, PAYMENTS, body.clone()).header("idempotency-key", &key);
    let gone = asked().timeout(std::time::Duration::from_millis(500)).send().await;
    assert!(gone.is_err_and(|error| error.is_timeout()));
    let began = std::time::Instant::now();
    let made = eventually(async || {
        assert!(began.elapsed() < PATIENCE);
        let (status, answer) = held(&server, PAYMENTS, asked().send().await.unwrap()).await;
        assert!(matches!(status, 200 | 409), "{answer}");
        (status == 200).then_some(answer)
    })
    .await;
    assert_eq!(made["data"]["status"], "pending");
    assert_eq!(server.executed("POST /v1/payment_links").await, 1);
}

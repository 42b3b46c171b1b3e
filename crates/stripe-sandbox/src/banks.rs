//! What a test plays without a browser: a customer who buys, banks that move money or decide; and the page of an invoice.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{delayed, disputes, sessions};
use crate::error::ApiError;
use crate::expand::veiled;
use crate::purchase::{self, NotPaid, Purchase};
use crate::server::Shared;
use crate::state::{Ctx, text};
use crate::webhooks;

/// Under `/_sandbox`.
pub(crate) fn control_routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/bank_transfer", post(bank_transfer))
        .route("/disputes/{id}", post(close_dispute))
        .route("/quote", post(quoted))
        .route("/purchase", post(bought))
}

pub(crate) fn page_routes() -> Router<Arc<Shared>> {
    Router::new().route("/i/{token}", get(invoice))
}

/// A purchase of a session, in full: what the page of a session can send.
#[derive(Deserialize)]
struct Wish {
    /// The session's id.
    session: String,
    #[serde(flatten)]
    purchase: Purchase,
}

/// The figures of a purchase, and what does not fit.
async fn quoted(Extract(shared): Extract<Arc<Shared>>, Json(wish): Json<Wish>) -> Response {
    play(&shared, "checkout.session", &wish.session, |ctx| {
        let session = sessions::get(ctx, &wish.session)?;
        let (quote, misfits) = purchase::quote(ctx, &session, &wish.purchase);
        let prefilled = sessions::prefilled_promo_code(ctx, &wish.session);
        Ok(json!({"quote": quote, "misfits": misfits, "prefilled_promo_code": prefilled}))
    })
}

/// Buys as the page would; answers the session, or what does not fit.
async fn bought(Extract(shared): Extract<Arc<Shared>>, Json(wish): Json<Wish>) -> Response {
    let mut refused = None;
    let answer = play(&shared, "checkout.session", &wish.session, |ctx| {
        let session = sessions::get(ctx, &wish.session)?;
        Ok(purchase::complete(ctx, &session, &wish.purchase).unwrap_or_else(|not_paid| {
            refused = Some(not_paid);
            Value::Null
        }))
    });
    match refused {
        None => answer,
        Some(NotPaid::Misfits(misfits)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"misfits": misfits}))).into_response()
        }
        Some(NotPaid::NeedsAuthentication) => StatusCode::PAYMENT_REQUIRED.into_response(),
        Some(NotPaid::Declined(code)) => (StatusCode::PAYMENT_REQUIRED, Json(json!({"error": code}))).into_response(),
        Some(NotPaid::Closed(message)) => {
            (StatusCode::GONE, Json(json!({"error": "closed", "message": message}))).into_response()
        }
    }
}

#[derive(Deserialize)]
struct Transfer {
    /// The id of a session that waits for a bank transfer.
    session: String,
    /// In minor units; all that is left if absent.
    amount: Option<i64>,
}

/// The customer's bank sends the money that a session waits for; answers the session.
async fn bank_transfer(Extract(shared): Extract<Arc<Shared>>, Json(transfer): Json<Transfer>) -> Response {
    let id = transfer.session.clone();
    play(&shared, "checkout.session", &id, |ctx| delayed::transfer(ctx, &transfer.session, transfer.amount))
}

#[derive(Deserialize)]
struct Outcome {
    /// `won` or `lost`.
    status: String,
}

/// The customer's bank decides a dispute, found by its id or its charge's; answers the dispute.
async fn close_dispute(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    Json(outcome): Json<Outcome>,
) -> Response {
    let id = {
        let state = shared.lock();
        let mut all = state.accounts.values().flat_map(|account| account.all("dispute"));
        let found = all.find(|dispute| dispute["charge"] == id.as_str() || dispute["payment_intent"] == id.as_str());
        found.map_or(id, |dispute| text(dispute, "id").to_owned())
    };
    play(&shared, "dispute", &id, |ctx| disputes::close(ctx, &id, &outcome.status))
}

/// Works in the account that has the object.
fn play(
    shared: &Arc<Shared>,
    kind: &'static str,
    id: &str,
    work: impl FnOnce(&mut Ctx<'_>) -> Result<Value, ApiError>,
) -> Response {
    let done = {
        let mut state = shared.lock();
        let account = state.accounts.iter().find(|(_, account)| account.get(kind, id).is_some());
        match account.map(|(name, _)| name.clone()) {
            Some(account) => work(&mut state.enter(&account, &shared.public_url)),
            None => Err(ApiError::missing(kind, id)),
        }
    };
    webhooks::dispatch(shared);
    match done {
        Ok(object) => Json(veiled(&object)).into_response(),
        Err(error) => error.into_response(),
    }
}

/// `GET /i/invst_…`: an invoice as plain text, for whoever has its address.
async fn invoice(Extract(shared): Extract<Arc<Shared>>, Path(token): Path<String>) -> Response {
    let invoice = {
        let state = shared.lock();
        let found = state.public.get(&token).filter(|(_, id)| id.starts_with("in_"));
        found.and_then(|(account, id)| state.accounts.get(account)?.get("invoice", id).cloned())
    };
    let Some(invoice) = invoice else { return StatusCode::NOT_FOUND.into_response() };
    let mut page = written(&invoice).into_response();
    for (name, value) in [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")] {
        page.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    page
}

fn written(invoice: &Value) -> String {
    let currency = text(invoice, "currency");
    let amount = |value: &Value| {
        let decimals = crate::money::decimals(currency);
        let amount = rust_decimal::Decimal::new(value.as_i64().unwrap_or_default(), decimals);
        format!("{amount} {}", currency.to_ascii_uppercase())
    };
    let mut page = format!(
        "paylinks sandbox: no money moves\n\nInvoice {}\nTo {}\n\n",
        text(invoice, "number"),
        text(invoice, "customer_email")
    );
    for line in invoice["lines"]["data"].as_array().into_iter().flatten() {
        page.push_str(&format!("{}  {}\n", text(line, "description"), amount(&line["amount"])));
    }
    page.push_str(&format!("\nTotal  {}\nState  {}\n", amount(&invoice["total"]), text(invoice, "status")));
    page
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use serde_json::{Value, json};

    use crate::server::{Sandbox, SandboxConfig, start};

    async fn post(sandbox: &Sandbox, path: &str, body: String) -> (u16, Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(sandbox.url().join(path).unwrap()).bearer_auth("sk_test_a");
        let kind = if path.starts_with("/v1/") { "application/x-www-form-urlencoded" } else { "application/json" };
        let answer = request.header("content-type", kind).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    #[tokio::test]
    async fn a_test_plays_the_customer_and_the_banks() {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let sandbox = start(SandboxConfig { listen, state_file: None }).await.unwrap();
        let body = "mode=payment&line_items[0][price_data][currency]=sek&line_items[0][price_data][unit_amount]=10000&line_items[0][price_data][product_data][name]=Book&invoice_creation[enabled]=true";
        let (_, session) = post(&sandbox, "/v1/checkout/sessions", body.to_owned()).await;
        let wish = |rest: Value| {
            let mut wish =
                json!({"session": session["id"], "email": "a@b.se", "name": "Ada", "billing": {"country": "SE"}});
            wish.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            wish.to_string()
        };
        let (_, figures) = post(&sandbox, "/_sandbox/quote", wish(json!({}))).await;
        assert_eq!(figures["quote"]["total"], 10_000);
        let (status, refused) =
            post(&sandbox, "/_sandbox/purchase", wish(json!({"name": "", "method": {"card": "4000000000000259"}})))
                .await;
        assert_eq!((status, refused), (422, json!({"misfits": [{"field": "name", "why": "missing"}]})));
        let (status, _) =
            post(&sandbox, "/_sandbox/purchase", wish(json!({"method": {"card": "4000 0000 0000 0002"}}))).await;
        assert_eq!(status, 402);
        let (status, paid) =
            post(&sandbox, "/_sandbox/purchase", wish(json!({"method": {"card": "4000000000000259"}}))).await;
        assert_eq!((status, &paid["payment_status"]), (200, &json!("paid")));
        let dispute = format!("/_sandbox/disputes/{}", paid["payment_intent"].as_str().unwrap());
        let (status, dispute) = post(&sandbox, &dispute, json!({"status": "lost"}).to_string()).await;
        assert_eq!((status, &dispute["status"]), (200, &json!("lost")));
        let waits = json!({"session": paid["id"]}).to_string();
        assert_eq!(post(&sandbox, "/_sandbox/bank_transfer", waits).await.0, 400);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let invoice = sandbox.url().join(&format!("/v1/invoices/{}", paid["invoice"].as_str().unwrap())).unwrap();
        let invoice: Value = client.get(invoice).bearer_auth("sk_test_a").send().await.unwrap().json().await.unwrap();
        let page =
            client.get(invoice["hosted_invoice_url"].as_str().unwrap()).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("100.00 SEK") && page.contains("no money moves"), "{page}");
        sandbox.shutdown().await;
    }
}

//! What a test plays of the banks: they move money, and decide disputes.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use crate::api::{delayed, disputes};
use crate::error::ApiError;
use crate::expand::without_expandable;
use crate::server::Shared;
use crate::state::{Ctx, text};
use crate::webhooks;

/// Under `/_sandbox`.
pub(crate) fn control_routes() -> Router<Arc<Shared>> {
    Router::new().route("/bank_transfer", post(bank_transfer)).route("/disputes/{id}", post(close_dispute))
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
        Ok(object) => Json(without_expandable(&object)).into_response(),
        Err(error) => error.into_response(),
    }
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
        let pay = |rest: Value| {
            let mut pay = json!({"url": session["url"]});
            pay.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            pay.to_string()
        };
        let (status, refused) = post(&sandbox, "/_sandbox/pay", pay(json!({"name": ""}))).await;
        assert_eq!((status, &refused["fields"][0]["field"]), (422, &json!("name")));
        for (card, told) in
            [("4000 0000 0000 0002", "generic_decline"), ("4000002500003155", "authentication_required")]
        {
            let (status, refused) = post(&sandbox, "/_sandbox/pay", pay(json!({"card": card}))).await;
            assert_eq!((status, &refused["error"]), (402, &json!(told)));
        }
        let (status, paid) = post(&sandbox, "/_sandbox/pay", pay(json!({"card": "4000000000000259"}))).await;
        assert_eq!((status, &paid["payment_status"]), (200, &json!("paid")));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let get = async |path: &str, name: &Value| -> Value {
            let url = sandbox.url().join(&format!("/v1/{path}/{}", name.as_str().unwrap())).unwrap();
            client.get(url).bearer_auth("sk_test_a").send().await.unwrap().json().await.unwrap()
        };
        let paid = get("checkout/sessions", &paid["session"]).await;
        let dispute = format!("/_sandbox/disputes/{}", paid["payment_intent"].as_str().unwrap());
        let (status, dispute) = post(&sandbox, &dispute, json!({"status": "lost"}).to_string()).await;
        assert_eq!((status, &dispute["status"]), (200, &json!("lost")));
        let waits = json!({"session": paid["id"]}).to_string();
        assert_eq!(post(&sandbox, "/_sandbox/bank_transfer", waits).await.0, 400);
        let invoice = get("invoices", &paid["invoice"]).await;
        let page =
            client.get(invoice["hosted_invoice_url"].as_str().unwrap()).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("SEK\u{a0}100.00") && page.contains("No money moves"), "{page}");
        sandbox.shutdown().await;
    }
}

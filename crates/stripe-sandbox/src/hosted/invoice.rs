//! The page of an invoice, as plain text.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::server::Shared;
use crate::state::text;

/// `GET /i/invst_…`: an invoice as plain text, for whoever has its address.
pub(crate) async fn invoice_page(Extract(shared): Extract<Arc<Shared>>, Path(token): Path<String>) -> Response {
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

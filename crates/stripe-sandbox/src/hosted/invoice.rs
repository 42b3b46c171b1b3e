//! The page of an invoice.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use crate::hosted;
use crate::page;
use crate::server::Shared;

/// `GET /i/invst_…`: an invoice, for whoever has its address.
pub(crate) async fn invoice_page(
    Extract(shared): Extract<Arc<Shared>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let locale = hosted::locale(&headers, None, None);
    let invoice = {
        let state = shared.lock();
        let found = state.public.get(&token).filter(|(_, id)| id.starts_with("in_"));
        found.and_then(|(account, id)| state.accounts.get(account)?.get("invoice", id).cloned())
    };
    match invoice {
        Some(invoice) => hosted::show(StatusCode::OK, page::invoice(&invoice, locale)),
        None => hosted::show(StatusCode::NOT_FOUND, page::not_found(locale)),
    }
}

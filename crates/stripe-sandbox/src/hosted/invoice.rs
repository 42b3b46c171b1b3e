//! The page of an invoice.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use crate::hosted;
use crate::page;
use crate::server::Shared;
use crate::state::text;

/// `GET /i/invst_…`: an invoice, for whoever has its address.
pub(crate) async fn invoice_page(
    Extract(shared): Extract<Arc<Shared>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let locale = hosted::locale(&headers, None, None);
    let found = {
        let state = shared.lock();
        let found = state.public.get(&token).filter(|(_, id)| id.starts_with("in_"));
        found.and_then(|(account, id)| {
            let account = state.accounts.get(account)?;
            let invoice = account.get("invoice", id).cloned()?;
            let session = account.all("checkout.session").find(|session| session["invoice"] == invoice["id"]);
            Some((invoice, session.map(|session| format!("/c/pay/{}", text(session, "id")))))
        })
    };
    match found {
        Some((invoice, receipt)) => hosted::show(StatusCode::OK, page::invoice(&invoice, receipt.as_deref(), locale)),
        None => hosted::show(StatusCode::NOT_FOUND, page::not_found(locale)),
    }
}

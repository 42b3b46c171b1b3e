//! The hosted page of an invoice, for the customer who has its URL, and the documents to download from it.
//!
//! The token in the path is all that a reader needs, so it is a secret: it is in no log, no metric and no `Referer`, and no
//! cache keeps what it shows. A token that is forged or has ended gets the same answer as a path that never was. Pages have
//! no scripts, load nothing, and can't be framed. It must not know how a token is made, nor any figure that a document has
//! not.

mod page;
mod style;
mod words;

use std::sync::LazyLock;
use std::time::Instant;

use application::{Error, RenderedFile, SharedDocument};
use axum::Router;
use axum::extract::{FromRequestParts, Query, RawPathParams, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::document::{InvoiceDocumentKind, Language};
use maud::Markup;
use sha2::{Digest, Sha256};

use crate::Face;

/// Below which the hosted invoices are.
pub const INVOICE_PAGES: &str = "/invoices";

/// What a page may do: be shown, in the one style that it has. A link is all that leads away from it.
static CONTENT_SECURITY_POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let style = BASE64_STANDARD.encode(Sha256::digest(style::CSS));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

/// The routes.
pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route("/invoices/{token}", get(invoice))
        .route("/invoices/{token}/invoice.pdf", get(invoice_file))
        .route("/invoices/{token}/receipt.pdf", get(receipt_file))
        .route("/invoices/{token}/credit-notes/{file}", get(credit_note_file))
        .route("/invoices/{token}/{*rest}", get(nothing))
}

/// What a reader asks for: whatever they send, they get a page and no error of a parser.
struct Asked {
    /// The parameters of the path, in their order; none where they are no text.
    path: Vec<String>,
    /// The language of the query, if it is one of ours.
    language: Option<Language>,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path = RawPathParams::from_request_parts(parts, state).await.ok();
        let path = path.iter().flatten().map(|(_, value)| value.to_owned()).collect();
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await.ok();
        let language = query.iter().flat_map(|Query(pairs)| pairs).find(|(name, _)| name == "lang");
        let language = language.and_then(|(_, tag)| Language::parse(tag).ok());
        Ok(Self { path, language, headers: parts.headers.clone() })
    }
}

impl Asked {
    fn token(&self) -> &str {
        self.path.first().map(String::as_str).unwrap_or_default()
    }

    /// The language of a page that knows no invoice: the chosen one, else the first that the browser asks for and we speak.
    fn page_language(&self) -> Language {
        let accepted = self.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut accepted = accepted.unwrap_or_default().split(',').filter_map(|range| range.split(';').next());
        self.language.or_else(|| accepted.find_map(|tag| Language::parse(tag.trim()).ok())).unwrap_or_default()
    }
}

async fn invoice(State(face): State<Face>, asked: Asked) -> Response {
    let began = Instant::now();
    let response = match face.app.open_shared_invoice(asked.token(), asked.language).await {
        Ok(shared) => show(StatusCode::OK, page::invoice(&shared, asked.token())),
        Err(error) => refuse(&error, &asked),
    };
    log("page", response, began)
}

async fn invoice_file(State(face): State<Face>, asked: Asked) -> Response {
    file(&face, &asked, Some(SharedDocument::OfInvoice(InvoiceDocumentKind::Invoice))).await
}

async fn receipt_file(State(face): State<Face>, asked: Asked) -> Response {
    file(&face, &asked, Some(SharedDocument::OfInvoice(InvoiceDocumentKind::Receipt))).await
}

/// The last part of the path is the place of the credit note and `.pdf`.
async fn credit_note_file(State(face): State<Face>, asked: Asked) -> Response {
    let place = asked.path.get(1).and_then(|name| name.strip_suffix(".pdf")?.parse().ok());
    file(&face, &asked, place.map(SharedDocument::CreditNote)).await
}

/// What lies below an invoice and is none of its documents.
async fn nothing(State(face): State<Face>, asked: Asked) -> Response {
    file(&face, &asked, None).await
}

async fn file(face: &Face, asked: &Asked, which: Option<SharedDocument>) -> Response {
    let began = Instant::now();
    let response = match which {
        Some(which) => match face.app.render_shared(asked.token(), which, asked.language).await {
            Ok(file) => download(file),
            Err(error) => refuse(&error, asked),
        },
        None => show(StatusCode::NOT_FOUND, page::not_found(asked.page_language())),
    };
    log("document", response, began)
}

/// A page with the headers that all of them have.
fn show(status: StatusCode, page: Markup) -> Response {
    let mut response = (status, page).into_response();
    if let Some(policy) = CONTENT_SECURITY_POLICY.clone() {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    guard(response)
}

fn download(file: RenderedFile) -> Response {
    // The name has no character that would have to be escaped.
    let disposition = format!("attachment; filename=\"{}\"", file.file_name);
    let headers = [(header::CONTENT_TYPE, file.content_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    guard((headers, file.content).into_response())
}

/// What keeps a customer's invoice and its URL between the two of us.
fn guard(mut response: Response) -> Response {
    for (name, value) in [
        (header::CACHE_CONTROL, "private, no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The page that says why there is none. What can't be known is not found; the rest is ours to mend.
fn refuse(error: &Error, asked: &Asked) -> Response {
    let language = asked.page_language();
    match error {
        Error::NotFound { .. } => show(StatusCode::NOT_FOUND, page::not_found(language)),
        Error::Unavailable { .. } | Error::Aborted { .. } => {
            let mut response = show(StatusCode::SERVICE_UNAVAILABLE, page::unavailable(language));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "a hosted invoice can't be shown");
            show(StatusCode::INTERNAL_SERVER_ERROR, page::unavailable(language))
        }
    }
}

/// A line in the log, without the path: the token is in it.
fn log(what: &'static str, response: Response, began: Instant) -> Response {
    let status = response.status().as_u16();
    tracing::info!(what, status, ms = began.elapsed().as_millis(), "hosted invoice");
    response
}

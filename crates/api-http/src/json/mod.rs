//! The JSON face: two endpoints for callers without gRPC, over the same use cases.
//!
//! What surrounds a call is here: who calls and for which seller, the deadline, the kind and size of the body, and a line
//! in the log. `openapi.json` describes all of it, and is served as it is.
//!
//! A page in a browser can't call it on loopback, where access may be open: JSON from another origin needs a preflight,
//! and nothing here answers one.

mod checkout;
#[cfg(test)]
mod contract;
mod fault;
pub(crate) mod number;
mod payment;
pub(crate) mod reader;

use std::sync::Arc;
use std::time::{Duration, Instant};

use application::App;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use call_headers::CALL_ID;
use domain::access::{Caller, Scope};
use domain::idempotency::RequestId;
use domain::seller::Seller;
use domain::timestamp::Timestamp;
use serde::Serialize;
use telemetry::trace;

use self::fault::Fault;
use self::reader::Reader;
use crate::Face;
use crate::body::WholeBody;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The description of both endpoints.
const OPENAPI: &str = include_str!("../../openapi.json");

const SELLER: HeaderName = HeaderName::from_static("x-seller-id");

/// Where they are.
pub(crate) const PATHS: [&str; 2] = [checkout::Checkout::PATH, payment::Payments::PATH];

/// The routes.
pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route(checkout::Checkout::PATH, endpoint::<checkout::Checkout>())
        .route(payment::Payments::PATH, endpoint::<payment::Payments>())
        .route("/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], OPENAPI) }))
}

/// One endpoint: a request that changes something, how it is read, and how its answers are written.
trait Endpoint: 'static {
    /// Where it is.
    const PATH: &'static str;
    /// Where a request has its id.
    const REQUEST_ID: RequestIdPlace;
    /// What the use cases call a field, and what it is called here, where that differs.
    const NAMES: &'static [(&'static str, &'static str)];
    /// What is answered.
    type Data: Serialize;

    /// Reads a request and carries it out.
    fn answer(app: &App, asked: Asked<'_>) -> impl Future<Output = Result<Self::Data, Fault>> + Send;

    /// Writes an answer down.
    fn success(ids: &Ids, at: Timestamp, data: Self::Data) -> Response;

    /// Writes down why there is none.
    fn failure(ids: &Ids, at: Timestamp, fault: Fault) -> Response;
}

/// Where a request has its id, under which it can be tried again.
enum RequestIdPlace {
    Field(&'static str),
    Header(HeaderName),
}

/// The ids of a call.
struct Ids {
    /// The call's own: one for each attempt.
    call: String,
    /// The caller's: the same one for each attempt. One of ours if there is none, or as long as it is not known.
    request: String,
}

/// What is asked: by whom, on whose behalf, under which id (absent if it is unfit), and what.
struct Asked<'a> {
    caller: Caller,
    seller: Arc<Seller>,
    request_id: Option<RequestId>,
    reader: Reader<'a>,
}

fn endpoint<E: Endpoint>() -> MethodRouter<Face> {
    post(serve::<E>).fallback(refuse_method::<E>)
}

async fn serve<E: Endpoint>(State(face): State<Face>, request: Request) -> Response {
    let (app, began) = (face.app, Instant::now());
    let mut ids = Ids::new(&app, request.headers());
    trace::note_in_log("call_id", &ids.call);
    let answered = match tokio::time::timeout(TIMEOUT, answer::<E>(&app, &mut ids, request)).await {
        Ok(answered) => answered,
        Err(_) => Err(Fault::deadline_exceeded()),
    };
    let code = answered.as_ref().map_or_else(|fault| fault.code, |_| "OK");
    if let Err(Fault { cause: Some(cause), .. }) = &answered {
        tracing::error!(request_id = ids.request, error = cause.as_ref() as &dyn std::error::Error, "internal error");
    }
    let response = match answered {
        Ok(data) => E::success(&ids, app.now(), data),
        Err(fault) => refusal::<E>(&ids, app.now(), fault),
    };
    let status = response.status().as_u16();
    trace::note_in_log("request_id", &ids.request);
    tracing::info!(method = E::PATH, status, code, ms = began.elapsed().as_millis(), "call");
    with_call_id(response, &ids)
}

async fn answer<E: Endpoint>(app: &App, ids: &mut Ids, request: Request) -> Result<E::Data, Fault> {
    let caller = app.authenticate(call_headers::token(request.headers())).await?;
    app.authorize(&caller, Scope::Write)?;
    if !is_json(request.headers()) {
        let message = "the content-type must be application/json";
        return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message));
    }
    let headers = request.headers().clone();
    let WholeBody(body) = WholeBody::from_request(request, &()).await.map_err(Fault::of_body)?;
    let malformed =
        |why| Fault::new(StatusCode::BAD_REQUEST, "MALFORMED_JSON", format!("the body is not as it should be: {why}"));
    let mut reader = Reader::open(&body).map_err(malformed)?;
    let (name, given) = match E::REQUEST_ID {
        RequestIdPlace::Field(name) => (name.to_owned(), reader.optional(name, reader::text)),
        RequestIdPlace::Header(name) => (title_case(&name), Some(lossy(&headers, &name))),
    };
    let request_id = given.and_then(|given| {
        let id = given.unwrap_or_else(|| ids.request.clone());
        reader.validator.check(&name, RequestId::parse(&id))
    });
    if let Some(id) = &request_id {
        ids.request = id.as_str().to_owned();
    }
    let seller = app.resolve_seller(&caller, lossy(&headers, &SELLER).as_deref())?;
    E::answer(app, Asked { caller, seller, request_id, reader }).await
}

async fn refuse_method<E: Endpoint>(State(face): State<Face>, request: Request) -> Response {
    let ids = Ids::new(&face.app, request.headers());
    let fault = Fault::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "the method must be POST");
    let mut response = refusal::<E>(&ids, face.app.now(), fault);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    with_call_id(response, &ids)
}

fn refusal<E: Endpoint>(ids: &Ids, at: Timestamp, fault: Fault) -> Response {
    let (status, retry_after) = (fault.status, fault.retry_after);
    let mut response = E::failure(ids, at, fault.renamed(E::NAMES));
    *response.status_mut() = status;
    if let Some(after) = retry_after {
        // Whole seconds, and never none.
        let seconds = after.as_millis().div_ceil(1_000).max(1);
        response.headers_mut().extend(HeaderValue::try_from(seconds.to_string()).map(|v| (header::RETRY_AFTER, v)));
    }
    if status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer realm=\"paylinks\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

impl Ids {
    fn new(app: &App, headers: &HeaderMap) -> Self {
        let request = app.new_request_id();
        let given = call_headers::call_id(headers);
        Self { call: given.map_or_else(|| request.clone(), str::to_owned), request }
    }
}

fn with_call_id(mut response: Response, ids: &Ids) -> Response {
    response.headers_mut().extend(HeaderValue::try_from(ids.call.as_str()).map(|id| (CALL_ID, id)));
    response
}

/// A header's text. Bytes that are none are kept as what no rule lets through.
fn lossy(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// A header's name as people write it.
fn title_case(name: &HeaderName) -> String {
    let part =
        |part: &str| part.get(..1).map(str::to_ascii_uppercase).unwrap_or_default() + part.get(1..).unwrap_or_default();
    name.as_str().split('-').map(part).collect::<Vec<_>>().join("-")
}

/// A moment in UTC to the millisecond, in ISO 8601.
fn iso(at: Timestamp) -> String {
    let second = Timestamp::from_unix_seconds(at.unix_seconds()).to_string();
    format!("{}.{:03}Z", second.trim_end_matches('Z'), at.subsec_nanos() / 1_000_000)
}

fn json(body: &impl Serialize) -> Response {
    Json(body).into_response()
}

//! The fake over HTTP, and what a test tells it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, patch, post};
use axum::{Form, Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use url::Url;

use crate::api;
use crate::description::{Description, VARIABLE};
use crate::faults::{Fault, FaultKind, Operation, failure};
use crate::page;
use crate::state::{Closed, Ledger, Outcome, State};
use crate::webhooks::{Endpoint, Policy, deliver};

/// How a fake is set up.
#[derive(Debug, Clone)]
pub struct FakeConfig {
    /// Where it listens, on loopback.
    pub listen: SocketAddr,
    /// The key that it accepts.
    pub api_key: String,
    /// The one merchant account that it has.
    pub merchant_account: String,
}

/// Why a fake can't start.
#[derive(Debug, thiserror::Error)]
pub enum FakeError {
    /// It would listen beyond loopback.
    #[error("it listens on loopback alone")]
    BeyondLoopback,
    /// It can't listen there.
    #[error("it can't listen")]
    Listen(#[source] std::io::Error),
    /// The description of the API can't be read where it is said to be.
    #[error("{VARIABLE} names no description of the API that can be read")]
    Description(#[source] std::io::Error),
    /// The HTTP client can't be made.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
}

/// What all parts of a fake share.
pub(crate) struct Shared {
    state: Mutex<State>,
    api_key: String,
    origin: String,
    description: Option<Description>,
    pub(crate) client: reqwest::Client,
    /// Woken when there may be something to deliver.
    pub(crate) events: Notify,
    /// Counts the changes of the faults.
    faults: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running fake. Dropped, it stops.
pub struct AdyenFake {
    shared: Arc<Shared>,
    base: Url,
    tasks: [JoinHandle<()>; 2],
}

/// Starts a fake.
///
/// # Errors
/// It can't listen where it is told to.
pub async fn start(config: FakeConfig) -> Result<AdyenFake, FakeError> {
    if !config.listen.ip().is_loopback() {
        return Err(FakeError::BeyondLoopback);
    }
    // Another part of the process may have done it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind(config.listen).await.map_err(FakeError::Listen)?;
    let origin = format!("http://{}", listener.local_addr().map_err(FakeError::Listen)?);
    let base = Url::parse(&format!("{origin}/v71/")).map_err(|_| FakeError::BeyondLoopback)?;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let shared = Arc::new(Shared {
        state: Mutex::new(State { merchant_account: config.merchant_account, ..State::default() }),
        api_key: config.api_key,
        origin,
        description: Description::find().map_err(FakeError::Description)?,
        client: client.map_err(FakeError::Client)?,
        events: Notify::new(),
        faults: watch::Sender::new(0),
    });
    let router = router(Arc::clone(&shared));
    let serving = tokio::spawn(async move {
        // It ends with the task alone.
        let _ = axum::serve(listener, router).await;
    });
    let delivering = tokio::spawn(deliver(Arc::clone(&shared)));
    Ok(AdyenFake { shared, base, tasks: [serving, delivering] })
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v71/paymentLinks", post(create_link))
        .route("/v71/paymentLinks/{id}", get(get_link))
        .route("/v71/paymentLinks/{id}", patch(update_link))
        .route("/v71/payments/{id}/refunds", post(refund))
        .route("/pay/{id}", get(show_page).post(act_on_page))
        .with_state(shared)
}

async fn create_link(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let origin = shared.origin.clone();
    let call = ApiCall { operation: Operation::CreateLink, id: String::new(), headers, body };
    call.answer(&shared, |state, _, body| api::create_link(state, body, &origin)).await
}

async fn get_link(Extract(shared): Extract<Arc<Shared>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let origin = shared.origin.clone();
    let call = ApiCall { operation: Operation::GetLink, id, headers, body: Bytes::new() };
    call.answer(&shared, |state, id, _| api::get_link(state, id, &origin)).await
}

async fn update_link(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let origin = shared.origin.clone();
    let call = ApiCall { operation: Operation::UpdateLink, id, headers, body };
    call.answer(&shared, |state, id, body| api::update_link(state, id, body, &origin)).await
}

async fn refund(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = ApiCall { operation: Operation::Refund, id, headers, body };
    call.answer(&shared, api::refund).await
}

/// A call of the API.
struct ApiCall {
    operation: Operation,
    /// What it is about; empty where something is made.
    id: String,
    headers: HeaderMap,
    body: Bytes,
}

impl ApiCall {
    async fn answer(self, shared: &Shared, execute: impl FnOnce(&mut State, &str, &Value) -> api::Outcome) -> Response {
        let (status, answer, fault) = self.execute(shared, execute);
        shared.events.notify_one();
        let mut response = (status, Json(&answer)).into_response();
        if let Some(kind) = fault {
            match kind.response(&answer) {
                Some(instead) => response = instead,
                None => wait_until_cleared(shared, kind).await,
            }
        }
        response
    }

    /// What the call came to, and what happens to its answer.
    fn execute(
        &self,
        shared: &Shared,
        execute: impl FnOnce(&mut State, &str, &Value) -> api::Outcome,
    ) -> (StatusCode, Value, Option<FaultKind>) {
        let mut state = shared.lock();
        state.requests += 1;
        if self.headers.get("x-api-key").and_then(|key| key.to_str().ok()) != Some(shared.api_key.as_str()) {
            let (status, answer) = api::error(StatusCode::UNAUTHORIZED, "000", "HTTP Status Response - Unauthorized");
            return (status, answer, None);
        }
        let body: Value = match self.operation {
            Operation::GetLink => Value::Null,
            _ => serde_json::from_slice(&self.body).unwrap_or_default(),
        };
        let key = self.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
        if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > 64) {
            let (status, answer) = api::error(StatusCode::BAD_REQUEST, "702", "The idempotency key is too long.");
            return (status, answer, None);
        }
        let known = state.links.get(&self.id).map(|link| link.request["reference"].clone());
        let reference = known.unwrap_or_else(|| body["reference"].clone());
        let fault = state.take_fault(self.operation, reference.as_str().unwrap_or_default()).map(|fault| fault.kind);
        let at = key.map(|key| (format!("{:?} {}", self.operation, self.id), key));
        if let Some((status, answer)) = at.as_ref().and_then(|at| state.answers.get(at)).cloned() {
            return (StatusCode::from_u16(status).unwrap_or_default(), answer, fault);
        }
        let is_done = fault.is_none_or(FaultKind::does_it);
        let (status, answer) = match is_done {
            true => execute(&mut state, &self.id, &body),
            false => (StatusCode::INTERNAL_SERVER_ERROR, failure()),
        };
        if is_done {
            self.hold_to_description(shared, &mut state, &body, (status, &answer));
        }
        let is_kept = fault.is_some_and(FaultKind::is_kept);
        if let Some(at) = at.filter(|_| is_done || is_kept) {
            let kept = if is_kept { (500, failure()) } else { (status.as_u16(), answer.clone()) };
            state.answers.insert(at, kept);
        }
        (status, answer, fault)
    }

    /// Notes what in a call and its answer does not fit the description of the API. A request that was refused may be wrong.
    fn hold_to_description(&self, shared: &Shared, state: &mut State, body: &Value, answer: (StatusCode, &Value)) {
        let Some(description) = &shared.description else { return };
        let (request, done) = match self.operation {
            Operation::CreateLink => (Some("PaymentLinkRequest"), "PaymentLinkResponse"),
            Operation::GetLink => (None, "PaymentLinkResponse"),
            Operation::UpdateLink => (Some("UpdatePaymentLinkRequest"), "PaymentLinkResponse"),
            Operation::Refund => (Some("PaymentRefundRequest"), "PaymentRefundResponse"),
        };
        let (status, answer) = answer;
        if status.is_success()
            && let Some(request) = request
        {
            state.violations.extend(description.violations(request, body));
        }
        let schema = if status.is_success() { done } else { "ServiceError" };
        state.violations.extend(description.violations(schema, answer));
    }
}

async fn wait_until_cleared(shared: &Shared, kind: FaultKind) {
    let mut changes = shared.faults.subscribe();
    while shared.lock().faults.iter().any(|fault| fault.kind == kind) {
        if changes.changed().await.is_err() {
            return;
        }
    }
}

async fn show_page(Extract(shared): Extract<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let page = page::page(&shared.lock(), &id);
    page.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |page| page.into_response())
}

#[derive(Deserialize)]
struct Act {
    act: String,
}

async fn act_on_page(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    Form(Act { act }): Form<Act>,
) -> Response {
    let outcome = match act.as_str() {
        "pay" => Outcome::Paid,
        "decline" => Outcome::Failed,
        "later" => Outcome::Pending,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    let paid = shared.lock().pay(&id, None, outcome, false);
    shared.events.notify_one();
    match paid {
        Ok(_) => Redirect::to(&format!("/pay/{id}")).into_response(),
        Err(Closed) => StatusCode::GONE.into_response(),
    }
}

impl AdyenFake {
    /// Where the API is, with its version: what an adapter is given as its base.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// What is not checked, for people; nothing where calls are held to Adyen's own description of its API.
    pub fn skipped(&self) -> Option<String> {
        let skipped =
            format!("skipped: holding calls to Adyen's description of its API, which is not at hand ({VARIABLE})");
        Some(skipped).filter(|_| self.shared.description.is_none())
    }

    /// What did not fit that description.
    pub fn violations(&self) -> Vec<String> {
        self.shared.lock().violations.clone()
    }

    /// How many calls of the API there were, refused ones included.
    pub fn requests(&self) -> u64 {
        self.shared.lock().requests
    }

    /// What goes wrong from now on, in the place of what went wrong before.
    pub fn disturb(&self, faults: Vec<Fault>) {
        self.shared.lock().faults = faults;
        self.shared.faults.send_modify(|changes| *changes += 1);
    }

    /// The bodies of the requests that made the links, by id.
    pub fn link_requests(&self) -> Vec<(String, Value)> {
        let state = self.shared.lock();
        state.links.iter().map(|(id, link)| (id.clone(), link.request.clone())).collect()
    }

    /// Whether a link can be paid now.
    pub fn is_open(&self, link: &str) -> bool {
        let state = self.shared.lock();
        state.links.get(link).is_some_and(|link| state.status(link) == crate::state::LinkStatus::Active)
    }

    /// A customer pays through a link, what it asks for or so much in Adyen's unit: the payment's reference.
    ///
    /// # Errors
    /// The link can't be paid.
    pub fn pay(&self, link: &str, value: Option<i64>, outcome: Outcome) -> Result<String, Closed> {
        self.change(|state| state.pay(link, value, outcome, false))
    }

    /// A customer pays through a link that is paid once and was paid just now, as where two pay at the same moment.
    ///
    /// # Errors
    /// The link was not paid, or is closed otherwise.
    pub fn pay_once_more(&self, link: &str) -> Result<String, Closed> {
        self.change(|state| state.pay(link, None, Outcome::Paid, true))
    }

    /// How a payment that was pending ends.
    pub fn settle(&self, payment: &str, outcome: Outcome) {
        self.change(|state| state.settle(payment, outcome));
    }

    /// Someone at the dashboard closes a link. No event tells of that.
    pub fn expire_link(&self, link: &str) {
        self.change(|state| {
            if let Some(link) = state.links.get_mut(link) {
                link.status = crate::state::LinkStatus::Expired;
            }
        });
    }

    /// Someone at the dashboard sends money of a payment back: the refund's reference.
    pub fn refund(&self, payment: &str, value: i64) -> String {
        self.change(|state| state.refund(payment, value, None))
    }

    /// Whether refunds wait for [`end_refunds`](Self::end_refunds); else they succeed at once.
    pub fn hold_refunds(&self, hold: bool) {
        self.change(|state| state.holds_refunds = hold);
    }

    /// How all refunds end that are under way.
    pub fn end_refunds(&self, outcome: Outcome) {
        self.change(|state| {
            let pending = state.refunds.iter().filter(|(_, refund)| refund.outcome == Outcome::Pending);
            let pending: Vec<String> = pending.map(|(psp, _)| psp.clone()).collect();
            pending.iter().for_each(|psp| state.end_refund(psp, outcome));
        });
    }

    /// All refunds of a payment that had succeeded fail at the customer's bank.
    pub fn fail_refunds_of(&self, payment: &str) {
        self.change(|state| {
            let of = |refund: &crate::state::Refund| refund.payment == payment && refund.outcome == Outcome::Paid;
            let failing: Vec<String> =
                state.refunds.iter().filter(|(_, it)| of(it)).map(|(psp, _)| psp.clone()).collect();
            failing.iter().for_each(|psp| state.end_refund(psp, Outcome::Failed));
        });
    }

    /// A refund that had succeeded fails at the customer's bank.
    pub fn fail_refund(&self, refund: &str) {
        self.change(|state| state.end_refund(refund, Outcome::Failed));
    }

    /// Something else happens to a payment, told by an event of this code, such as `CAPTURE_FAILED`: the event's reference.
    pub fn modify(&self, payment: &str, code: &str, value: i64, success: bool) -> String {
        self.change(|state| {
            let psp = state.new_reference("MOD");
            state.modification_event(code, &psp, payment, value, success);
            psp
        })
    }

    /// Something happens in the dispute of a payment, told by an event of this code, such as `CHARGEBACK`, with a status of
    /// the dispute: its reference, which is the same for all.
    pub fn dispute(&self, payment: &str, code: &str, status: &str) -> String {
        self.change(|state| state.dispute(payment, code, status))
    }

    /// All events, in the order in which they happened, unsigned.
    pub fn events(&self) -> Vec<Value> {
        self.shared.lock().events.clone()
    }

    /// Where events are delivered to from now on, those that are waiting included; nowhere where absent.
    pub fn deliver_to(&self, endpoint: Option<Endpoint>) {
        self.change(|state| state.endpoint = endpoint);
    }

    /// How events are delivered from now on.
    pub fn set_policy(&self, policy: Policy) {
        self.change(|state| state.policy = policy);
    }

    /// How many events are still to be delivered.
    pub fn waiting(&self) -> usize {
        self.shared.lock().waiting.len()
    }

    /// Lets time pass by the fake's clock.
    pub fn pass_time(&self, span: Duration) {
        self.change(|state| state.ahead += i64::try_from(span.as_secs()).unwrap_or(i64::MAX));
    }

    /// Sets the fake's clock back, so that what happens can be told apart by its time without being ahead of everyone else's.
    pub fn set_back(&self, span: Duration) {
        self.change(|state| state.ahead -= i64::try_from(span.as_secs()).unwrap_or(i64::MAX));
    }

    /// The time by the fake's clock, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.shared.lock().now().unix_timestamp()
    }

    /// What is in the fake's books.
    pub fn ledger(&self) -> Ledger {
        self.shared.lock().ledger()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.shared.lock());
        self.shared.events.notify_one();
        changed
    }
}

impl Drop for AdyenFake {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

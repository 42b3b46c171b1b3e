//! What a browser sees: the visit to a link, the page of a session, paying; and what a test controls.

use std::sync::Arc;

use axum::extract::{Form, Path, Query, State as Extract};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderValue, StatusCode, header};
use maud::Markup;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::api::payments::{Card, CardBehavior, Payer};
use crate::api::sessions;
use crate::control::{Fault, WebhookPolicy};
use crate::page::{
    self, CheckoutView, ClosedReason, ConfirmationView, Entered, FormErrors, ItemView, Locale, PaymentForm,
};
use crate::purchase::{self, Address, Method, NotPaid, Purchase};
use crate::server::Shared;
use crate::state::{Ctx, text};
use crate::webhooks;

/// URL parameters of a link or session.
#[derive(Deserialize, Default)]
pub(crate) struct Wishes {
    locale: Option<String>,
    prefilled_email: Option<String>,
    prefilled_promo_code: Option<String>,
    client_reference_id: Option<String>,
}

/// A session found by its public token, with the account that it belongs to.
struct Found {
    account: String,
    session: Value,
}

pub(crate) async fn index(headers: HeaderMap) -> Response {
    show(StatusCode::OK, page::index(locale(&headers, None, None)))
}

/// `GET /test_…`: a visit to a payment link makes a session.
pub(crate) async fn visit(
    Extract(shared): Extract<Arc<Shared>>,
    Path(token): Path<String>,
    Query(wishes): Query<Wishes>,
    headers: HeaderMap,
) -> Response {
    let locale = locale(&headers, wishes.locale.as_deref(), None);
    let Some((account, id)) = shared.lock().public.get(&token).cloned().filter(|(_, id)| id.starts_with("plink_"))
    else {
        return show(StatusCode::NOT_FOUND, page::not_found(locale));
    };
    let visited = {
        let mut state = shared.lock();
        let mut ctx = state.enter(&account, &shared.public_url);
        start_visit(&mut ctx, &id, &wishes)
    };
    webhooks::dispatch(&shared);
    match visited {
        Ok(session) => Redirect::to(&format!("/c/pay/{}", text(&session, "id"))).into_response(),
        Err(message) => show(StatusCode::OK, page::closed(locale, ClosedReason::Inactive, message.as_deref())),
    }
}

/// A session for a visit, or the message of a closed link.
fn start_visit(ctx: &mut Ctx<'_>, link_id: &str, wishes: &Wishes) -> Result<Value, Option<String>> {
    let link = ctx.object("payment_link", link_id).map_err(|_| None)?.clone();
    if link["active"] != true {
        return Err(link["inactive_message"].as_str().map(str::to_owned));
    }
    let mut query = Map::new();
    let bounded = |text: &Option<String>| text.clone().filter(|text| text.chars().count() <= 200);
    for (name, wish) in [
        ("locale", &wishes.locale),
        ("prefilled_email", &wishes.prefilled_email),
        ("prefilled_promo_code", &wishes.prefilled_promo_code),
        ("client_reference_id", &wishes.client_reference_id),
    ] {
        if let Some(wish) = bounded(wish) {
            query.insert(name.to_owned(), wish.into());
        }
    }
    sessions::visit(ctx, &link, &query).map_err(|_| None)
}

/// `GET /c/pay/cs_test_…`.
pub(crate) async fn session_page(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    Query(wishes): Query<Wishes>,
    headers: HeaderMap,
) -> Response {
    let Some(found) = find(&shared, &id) else {
        return show(StatusCode::NOT_FOUND, page::not_found(locale(&headers, None, None)));
    };
    let locale = locale(&headers, wishes.locale.as_deref(), found.session["locale"].as_str());
    page_of(&shared, &found, locale, (Entered::default(), FormErrors::default()), StatusCode::OK)
}

/// `POST /c/pay/cs_test_…`: pays, or shows what is wrong.
pub(crate) async fn pay(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(raw): Form<page::RawForm>,
) -> Response {
    let Some(found) = find(&shared, &id) else {
        return show(StatusCode::NOT_FOUND, page::not_found(locale(&headers, None, None)));
    };
    let locale = locale(&headers, Some(&raw.locale), found.session["locale"].as_str());
    if found.session["status"] != "open" {
        return page_of(&shared, &found, locale, (Entered::default(), FormErrors::default()), StatusCode::OK);
    }
    if form_token(&shared, &found) != Some(raw.token.clone()) {
        return show(StatusCode::FORBIDDEN, page::not_found(locale));
    }
    let form = match PaymentForm::parse(&raw, crate::clock::real_now()) {
        Ok(form) => form,
        Err(errors) => {
            return page_of(&shared, &found, locale, (raw.entered(), errors), StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    if form.card.behavior == CardBehavior::AsksForAuthentication {
        return show(StatusCode::OK, page::challenge(locale, &id, &raw));
    }
    finish_payment(&shared, &found, locale, &form, &raw)
}

/// `POST …/authenticate`: the customer's bank was asked, and said yes or no.
pub(crate) async fn authenticate(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(raw): Form<page::RawForm>,
) -> Response {
    let Some(found) = find(&shared, &id) else {
        return show(StatusCode::NOT_FOUND, page::not_found(locale(&headers, None, None)));
    };
    let locale = locale(&headers, Some(&raw.locale), found.session["locale"].as_str());
    if found.session["status"] != "open" || form_token(&shared, &found) != Some(raw.token.clone()) {
        return page_of(&shared, &found, locale, (Entered::default(), FormErrors::default()), StatusCode::OK);
    }
    if raw.outcome != "complete" {
        let errors = FormErrors { decline: Some("authentication_failed"), ..FormErrors::default() };
        return page_of(&shared, &found, locale, (raw.entered(), errors), StatusCode::PAYMENT_REQUIRED);
    }
    let card = Card {
        brand: "visa",
        last4: "3155".to_owned(),
        exp_month: raw.exp_month.parse().unwrap_or(12),
        exp_year: raw.exp_year.parse().unwrap_or(2099),
        behavior: CardBehavior::Pays,
    };
    let payer = Payer { email: raw.email.clone(), name: raw.name.clone(), country: raw.country.clone() };
    finish_payment(&shared, &found, locale, &PaymentForm { payer, card }, &raw)
}

fn finish_payment(
    shared: &Arc<Shared>,
    found: &Found,
    locale: Locale,
    form: &PaymentForm,
    raw: &page::RawForm,
) -> Response {
    let paid = pay_session(shared, found, &form.payer, &form.card);
    webhooks::dispatch(shared);
    match paid {
        Ok(session) => after(shared, &Found { account: found.account.clone(), session }),
        Err(NotPaid::Misfits(_)) => {
            page_of(shared, found, locale, (raw.entered(), FormErrors::default()), StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(NotPaid::Declined(code)) => {
            let errors = FormErrors { decline: Some(code), ..FormErrors::default() };
            page_of(shared, found, locale, (raw.entered(), errors), StatusCode::PAYMENT_REQUIRED)
        }
        Err(NotPaid::Closed(message)) => {
            show(StatusCode::OK, page::closed(locale, ClosedReason::Inactive, message.as_deref()))
        }
    }
}

/// Pays once: the session is looked at and completed under one lock.
fn pay_session(shared: &Shared, found: &Found, payer: &Payer, card: &Card) -> Result<Value, NotPaid> {
    let mut state = shared.lock();
    let mut ctx = state.enter(&found.account, &shared.public_url);
    let purchase = Purchase {
        email: payer.email.clone(),
        name: payer.name.clone(),
        billing: Address { country: payer.country.clone(), ..Address::default() },
        method: Method::Card(card.clone()),
        ..Purchase::default()
    };
    purchase::complete(&mut ctx, &found.session, &purchase)
}

/// Where the browser goes after payment.
fn after(shared: &Arc<Shared>, found: &Found) -> Response {
    let id = text(&found.session, "id");
    match found.session["success_url"].as_str() {
        Some(url) => Redirect::to(&url.replace("{CHECKOUT_SESSION_ID}", id)).into_response(),
        None => {
            let _ = shared;
            Redirect::to(&format!("/c/pay/{id}")).into_response()
        }
    }
}

/// The page of a session in whatever state it is.
fn page_of(
    shared: &Arc<Shared>,
    found: &Found,
    locale: Locale,
    (entered, errors): (Entered, FormErrors),
    status: StatusCode,
) -> Response {
    let session = &found.session;
    let (items, link, form_token) = {
        let mut state = shared.lock();
        let mut ctx = state.enter(&found.account, &shared.public_url);
        let account = ctx.account();
        let id = text(session, "id");
        let link = session["payment_link"]
            .as_str()
            .and_then(|id| account.get("payment_link", id))
            .cloned()
            .unwrap_or(Value::Null);
        let items = account.line_items.get(id).cloned().unwrap_or_default();
        (items, link, account.form_tokens.get(id).cloned().unwrap_or_default())
    };
    let currency = text(session, "currency");
    let total = session["amount_total"].as_i64().unwrap_or_default();
    match text(session, "status") {
        "complete" => {
            let message = link["after_completion"]["hosted_confirmation"]["custom_message"].as_str();
            let return_url = session["success_url"].as_str();
            show(StatusCode::OK, page::confirmation(&ConfirmationView { locale, currency, total, message, return_url }))
        }
        "open" => {
            let email = session["customer_email"].as_str().unwrap_or_default();
            let view = CheckoutView {
                locale,
                session_id: text(session, "id"),
                form_token: &form_token,
                currency,
                total,
                items: items
                    .iter()
                    .map(|item| ItemView {
                        name: &item.description,
                        detail: item.detail.as_deref(),
                        quantity: item.quantity,
                        amount: item.amount,
                    })
                    .collect(),
                cancel_url: session["cancel_url"].as_str(),
                submit_type: text(session, "submit_type"),
                entered: Entered {
                    email: if entered.email.is_empty() { email.to_owned() } else { entered.email },
                    ..entered
                },
                errors,
            };
            show(status, page::checkout(&view))
        }
        _ => show(StatusCode::OK, page::closed(locale, ClosedReason::Expired, link["inactive_message"].as_str())),
    }
}

fn find(shared: &Shared, id: &str) -> Option<Found> {
    let mut state = shared.lock();
    let (account, id) = state.public.get(id).cloned().filter(|(_, id)| id.starts_with("cs_"))?;
    let session = sessions::get(&mut state.enter(&account, &shared.public_url), &id).ok()?;
    Some(Found { account, session })
}

fn form_token(shared: &Shared, found: &Found) -> Option<String> {
    let mut state = shared.lock();
    let mut ctx = state.enter(&found.account, &shared.public_url);
    ctx.account().form_tokens.get(text(&found.session, "id")).cloned()
}

fn locale(headers: &HeaderMap, wished: Option<&str>, session: Option<&str>) -> Locale {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
    Locale::negotiate(wished, session, accepted)
}

fn show(status: StatusCode, page: Markup) -> Response {
    let mut response = (status, page).into_response();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// `/_sandbox/…`: what tests control.
pub(crate) fn control_routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/clock", get(read_clock).post(move_clock))
        .route("/faults", get(read_faults).post(add_faults).delete(clear_faults))
        .route("/webhooks/policy", post(set_policy))
        .route("/webhooks/roll", post(roll_secret))
        .route("/webhooks/resend", post(resend))
        .route("/webhooks/pending", get(pending_webhooks))
        .route("/ledger", get(ledger))
        .route("/requests", get(requests))
        .route("/pay", post(control_pay))
}

async fn read_clock(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    Json(json!({"now": shared.lock().now()}))
}

#[derive(Deserialize)]
struct Advance {
    advance_seconds: i64,
}

async fn move_clock(Extract(shared): Extract<Arc<Shared>>, Json(advance): Json<Advance>) -> Json<Value> {
    {
        let mut state = shared.lock();
        state.clock_offset = state.clock_offset.saturating_add(advance.advance_seconds.max(0));
        state.dirty = true;
    }
    crate::server::expire_due(&shared);
    webhooks::dispatch(&shared);
    read_clock(Extract(shared)).await
}

async fn read_faults(Extract(shared): Extract<Arc<Shared>>) -> Json<Vec<Fault>> {
    Json(shared.lock().faults.clone())
}

async fn add_faults(Extract(shared): Extract<Arc<Shared>>, Json(faults): Json<Vec<Fault>>) -> StatusCode {
    shared.lock().faults.extend(faults);
    StatusCode::NO_CONTENT
}

async fn clear_faults(Extract(shared): Extract<Arc<Shared>>) -> StatusCode {
    shared.lock().faults.clear();
    StatusCode::NO_CONTENT
}

async fn set_policy(Extract(shared): Extract<Arc<Shared>>, Json(policy): Json<WebhookPolicy>) -> StatusCode {
    shared.lock().webhook_policy = policy;
    webhooks::dispatch(&shared);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// Gives an endpoint a new secret; the one before stays in force beside it.
async fn roll_secret(Extract(shared): Extract<Arc<Shared>>, Json(named): Json<Named>) -> Response {
    let mut state = shared.lock();
    state.dirty = true;
    let Some(secrets) = state.accounts.values_mut().find_map(|account| account.secrets.get_mut(&named.id)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let secret = format!("whsec_{}", crate::ids::random(32));
    secrets.insert(0, secret.clone());
    secrets.truncate(2);
    Json(json!({"secret": secret})).into_response()
}

/// Sends an event again to each endpoint.
async fn resend(Extract(shared): Extract<Arc<Shared>>, Json(named): Json<Named>) -> StatusCode {
    {
        let mut guard = shared.lock();
        let state = &mut *guard;
        let created = state.now();
        for (name, account) in &state.accounts {
            if account.get("event", &named.id).is_some() {
                for endpoint in account.all("webhook_endpoint").map(|endpoint| text(endpoint, "id").to_owned()) {
                    state.next_delivery += 1;
                    let delivery =
                        crate::state::Delivery { account: name.clone(), endpoint, event: named.id.clone(), created };
                    state.deliveries.insert(state.next_delivery, delivery);
                }
            }
        }
    }
    webhooks::dispatch(&shared);
    StatusCode::NO_CONTENT
}

async fn pending_webhooks(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    Json(json!({"pending": shared.lock().deliveries.len()}))
}

/// Every charge that succeeded, over all accounts: tests hold their books against it.
async fn ledger(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    let state = shared.lock();
    let of = |kind: &str| state.accounts.values().flat_map(|account| account.all(kind)).cloned().collect::<Vec<_>>();
    Json(json!({"charges": of("ledger"), "refunds": of("refund")}))
}

/// How often each operation was executed, over all accounts.
async fn requests(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    let state = shared.lock();
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for (operation, count) in state.accounts.values().flat_map(|account| &account.executed) {
        *counts.entry(operation.clone()).or_default() += count;
    }
    Json(json!(counts))
}

#[derive(Deserialize)]
struct ControlPay {
    /// The URL of a link or session.
    url: String,
    #[serde(default = "paying_card")]
    card: String,
    #[serde(default = "some_email")]
    email: String,
}

fn paying_card() -> String {
    "4242424242424242".to_owned()
}

fn some_email() -> String {
    "customer@example.com".to_owned()
}

/// Pays as the page would, without a browser.
async fn control_pay(Extract(shared): Extract<Arc<Shared>>, Json(pay): Json<ControlPay>) -> Response {
    let token = pay.url.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
    let refused = |status: StatusCode, why: &str| (status, Json(json!({"error": why}))).into_response();
    let Some((account, id)) = shared.lock().public.get(&token).cloned() else {
        return refused(StatusCode::NOT_FOUND, "no such page");
    };
    let session = {
        let mut state = shared.lock();
        let mut ctx = state.enter(&account, &shared.public_url);
        if id.starts_with("plink_") {
            start_visit(&mut ctx, &id, &Wishes::default()).ok()
        } else {
            sessions::get(&mut ctx, &id).ok()
        }
    };
    let Some(session) = session else { return refused(StatusCode::GONE, "closed") };
    let raw = page::RawForm {
        email: pay.email,
        name: "Test Customer".to_owned(),
        country: "SE".to_owned(),
        card_number: pay.card,
        card_expiry: "12/99".to_owned(),
        card_cvc: "123".to_owned(),
        ..page::RawForm::default()
    };
    let Ok(form) = PaymentForm::parse(&raw, crate::clock::real_now()) else {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "not a test card");
    };
    let paid = pay_session(&shared, &Found { account, session }, &form.payer, &form.card);
    webhooks::dispatch(&shared);
    match paid {
        Ok(session) => Json(json!({"session": session["id"], "status": session["status"]})).into_response(),
        Err(NotPaid::Misfits(_)) => refused(StatusCode::UNPROCESSABLE_ENTITY, "something entered does not fit"),
        Err(NotPaid::Declined(code)) => refused(StatusCode::PAYMENT_REQUIRED, code),
        Err(NotPaid::Closed(_)) => refused(StatusCode::GONE, "closed"),
    }
}

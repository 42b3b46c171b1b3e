//! What a browser sees: the visit to a link, the page of a session, paying, and what comes after.
//!
//! A person is never charged an amount that the page did not show them, and the number of a card ends here.

mod control;
mod done;
mod invoice;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Form, Path, Query, State as Extract};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};
use maud::Markup;
use serde::Deserialize;
use serde_json::{Map, Value};

pub(crate) use control::control_routes;
use done::{closed_link, done};
pub(crate) use invoice::invoice_page;

use crate::api::payments::Card;
use crate::api::sessions;
use crate::page::{self, Action, Checkout, CheckoutForm, Locale, Problems, RawForm};
use crate::purchase::{self, Method, NotPaid, Purchase, Quote};
use crate::server::Shared;
use crate::state::{Ctx, text};
use crate::webhooks;

/// URL parameters of a link or session.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct UrlParameters {
    locale: Option<String>,
    prefilled_email: Option<String>,
    locked_prefilled_email: Option<String>,
    prefilled_promo_code: Option<String>,
    client_reference_id: Option<String>,
    utm_source: Option<String>,
    utm_medium: Option<String>,
    utm_campaign: Option<String>,
    utm_term: Option<String>,
    utm_content: Option<String>,
}

impl UrlParameters {
    fn of_query(query: &str) -> Self {
        let mut parameters = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let parameter = match name.as_ref() {
                "locale" => &mut parameters.locale,
                "prefilled_email" => &mut parameters.prefilled_email,
                "locked_prefilled_email" => &mut parameters.locked_prefilled_email,
                "prefilled_promo_code" => &mut parameters.prefilled_promo_code,
                "client_reference_id" => &mut parameters.client_reference_id,
                "utm_source" => &mut parameters.utm_source,
                "utm_medium" => &mut parameters.utm_medium,
                "utm_campaign" => &mut parameters.utm_campaign,
                "utm_term" => &mut parameters.utm_term,
                "utm_content" => &mut parameters.utm_content,
                _ => continue,
            };
            *parameter = Some(value.into_owned());
        }
        parameters
    }
}

/// A session found by its public token, with the account that it belongs to.
struct Found {
    account: String,
    session: Value,
}

/// What a session asks, and what the form comes to.
struct EvaluatedForm {
    form: CheckoutForm,
    quote: Quote,
    purchase: Purchase,
    problems: Problems,
    form_token: String,
    now: i64,
}

/// The cards about which their bank is being asked, by session. They do not outlive the sandbox: who was asked before it
/// started again enters the card once more.
#[derive(Default)]
pub(crate) struct PendingAuthentications(Mutex<HashMap<String, Card>>);

impl PendingAuthentications {
    fn insert(&self, session_id: &str, card: Card) {
        self.lock().insert(session_id.to_owned(), card);
    }

    /// Whatever the bank said, it said once.
    fn take(&self, session_id: &str) -> Option<Card> {
        self.lock().remove(session_id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Card>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What else the page tells.
#[derive(Default)]
struct PageNotice {
    decline: Option<&'static str>,
    changed: bool,
}

/// Where an attempt to pay leads.
enum Step {
    Show(StatusCode, PageNotice),
    Challenge,
    Paid(Value),
    Closed,
}

pub(crate) async fn index(headers: HeaderMap) -> Response {
    show(StatusCode::OK, page::index(locale(&headers, None, None)))
}

/// `GET /test_…`: a visit to a payment link makes a session.
pub(crate) async fn visit(
    Extract(shared): Extract<Arc<Shared>>,
    Path(token): Path<String>,
    Query(parameters): Query<UrlParameters>,
    headers: HeaderMap,
) -> Response {
    let locale = locale(&headers, parameters.locale.as_deref(), None);
    let Some((account, id)) = shared.lock().public.get(&token).cloned().filter(|(_, id)| id.starts_with("plink_"))
    else {
        return show(StatusCode::NOT_FOUND, page::not_found(locale));
    };
    let visited = {
        let mut state = shared.lock();
        let mut ctx = state.enter(&account, &shared.public_url);
        start_visit(&mut ctx, &id, &parameters)
    };
    webhooks::dispatch(&shared);
    match visited {
        Ok(session) => Redirect::to(&format!("/c/pay/{}", text(&session, "id"))).into_response(),
        Err(link) => closed_link(&link, None, locale),
    }
}

/// A session for a visit, or the link that is closed.
fn start_visit(ctx: &mut Ctx<'_>, link_id: &str, parameters: &UrlParameters) -> Result<Value, Value> {
    let link = ctx.object("payment_link", link_id).cloned().map_err(|_| Value::Null)?;
    if link["active"] != true {
        return Err(link);
    }
    let mut query = Map::new();
    for (name, parameter) in [
        ("locale", &parameters.locale),
        ("prefilled_email", &parameters.prefilled_email),
        ("locked_prefilled_email", &parameters.locked_prefilled_email),
        ("prefilled_promo_code", &parameters.prefilled_promo_code),
        ("client_reference_id", &parameters.client_reference_id),
        ("utm_source", &parameters.utm_source),
        ("utm_medium", &parameters.utm_medium),
        ("utm_campaign", &parameters.utm_campaign),
        ("utm_term", &parameters.utm_term),
        ("utm_content", &parameters.utm_content),
    ] {
        if let Some(parameter) = parameter {
            query.insert(name.to_owned(), parameter.as_str().into());
        }
    }
    sessions::visit(ctx, &link, &query).map_err(|_| link)
}

/// `GET /c/pay/cs_test_…`.
pub(crate) async fn session_page(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    Query(parameters): Query<UrlParameters>,
    headers: HeaderMap,
) -> Response {
    let Some(found) = find(&shared, &id) else {
        return show(StatusCode::NOT_FOUND, page::not_found(locale(&headers, None, None)));
    };
    let locale = locale(&headers, parameters.locale.as_deref(), found.session["locale"].as_str());
    if found.session["status"] != "open" {
        return done(&shared, &found, locale);
    }
    let (raw, mut evaluated) = {
        let mut state = shared.lock();
        let mut ctx = state.enter(&found.account, &shared.public_url);
        let code = parameters.prefilled_promo_code.or_else(|| sessions::prefilled_promo_code(&mut ctx, &id));
        let raw = RawForm::initial(&checkout_form(&mut ctx, &found.session), code.as_deref(), locale);
        let evaluated = evaluate(&mut ctx, &found.session, &raw, locale);
        (raw, evaluated)
    };
    // Nothing was entered yet but the code that came with the address.
    evaluated.problems = evaluated.problems.of_promotion_code();
    open(&found, locale, (&raw, &evaluated), StatusCode::OK, &PageNotice::default())
}

/// `POST /c/pay/cs_test_…`: pays, or asks for the figures again, or shows what is wrong.
pub(crate) async fn pay(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let mut raw = RawForm::of(pairs);
    let (found, locale) = match entered(&shared, &id, &headers, &raw) {
        Ok(entered) => entered,
        Err(response) => return response,
    };
    if raw.action() == Action::Pay {
        return attempt(&shared, &found, locale, raw, None);
    }
    raw.forget_secrets();
    let mut evaluated = {
        let mut state = shared.lock();
        evaluate(&mut state.enter(&found.account, &shared.public_url), &found.session, &raw, locale)
    };
    evaluated.problems = evaluated.problems.of_choices();
    open(&found, locale, (&raw, &evaluated), StatusCode::OK, &PageNotice::default())
}

/// `POST …/authenticate`: the customer's bank was asked, and said yes or no.
pub(crate) async fn authenticate(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let mut raw = RawForm::of(pairs);
    let (found, locale) = match entered(&shared, &id, &headers, &raw) {
        Ok(entered) => entered,
        Err(response) => return response,
    };
    // Without a card about which the bank was asked there is nothing to confirm.
    let authenticated = shared.pending_authentications.take(text(&found.session, "id"));
    if let Some(card) = authenticated.filter(|_| raw.get("outcome") == "complete") {
        return attempt(&shared, &found, locale, raw, Some(card));
    }
    raw.forget_secrets();
    let mut evaluated = {
        let mut state = shared.lock();
        evaluate(&mut state.enter(&found.account, &shared.public_url), &found.session, &raw, locale)
    };
    evaluated.problems = evaluated.problems.of_choices();
    let notice = PageNotice { decline: Some("authentication_failed"), ..PageNotice::default() };
    open(&found, locale, (&raw, &evaluated), StatusCode::PAYMENT_REQUIRED, &notice)
}

/// The open session whose own form was sent, or what is shown instead.
#[expect(clippy::result_large_err, reason = "the response is the answer, made once")]
fn entered(shared: &Arc<Shared>, id: &str, headers: &HeaderMap, raw: &RawForm) -> Result<(Found, Locale), Response> {
    let Some(found) = find(shared, id) else {
        return Err(show(StatusCode::NOT_FOUND, page::not_found(locale(headers, None, None))));
    };
    let locale = locale(headers, Some(raw.get("locale")), found.session["locale"].as_str());
    if found.session["status"] != "open" {
        return Err(done(shared, &found, locale));
    }
    let token = {
        let mut state = shared.lock();
        let mut ctx = state.enter(&found.account, &shared.public_url);
        ctx.account().form_token(id).map(str::to_owned)
    };
    if token.as_deref() != Some(raw.get("token")) {
        return Err(show(StatusCode::FORBIDDEN, page::not_found(locale)));
    }
    Ok((found, locale))
}

/// Pays once: the form is evaluated and the session completed under one lock. `authenticated` is the card to which its bank
/// said yes.
fn attempt(
    shared: &Arc<Shared>,
    found: &Found,
    locale: Locale,
    mut raw: RawForm,
    authenticated: Option<Card>,
) -> Response {
    let id = text(&found.session, "id");
    let (evaluated, step) = {
        let mut state = shared.lock();
        let mut ctx = state.enter(&found.account, &shared.public_url);
        let mut evaluated = evaluate(&mut ctx, &found.session, &raw, locale);
        evaluated.purchase.authenticated = authenticated.is_some();
        let paying = (&evaluated.quote, ctx.now, authenticated);
        evaluated.purchase.method = page::read_method(&evaluated.form, &raw, paying, &mut evaluated.problems);
        raw.forget_secrets();
        let field_errors = purchase::check(&mut ctx, &found.session, &evaluated.purchase);
        evaluated.problems.add_field_errors(&evaluated.form, &raw, field_errors);
        let step = step(&mut ctx, found, &raw, &mut evaluated);
        (evaluated, step)
    };
    webhooks::dispatch(shared);
    // Another attempt is another card.
    shared.pending_authentications.take(id);
    match step {
        Step::Show(status, notice) => open(found, locale, (&raw, &evaluated), status, &notice),
        Step::Challenge => {
            if let Method::Card(card) = &evaluated.purchase.method {
                shared.pending_authentications.insert(id, card.clone());
            }
            let notice = PageNotice::default();
            show(StatusCode::OK, page::challenge(&view(found, locale, (&raw, &evaluated), &notice)))
        }
        Step::Paid(session) => after(&session, locale),
        Step::Closed => {
            let link = {
                let mut state = shared.lock();
                let ctx = state.enter(&found.account, &shared.public_url);
                ctx.object("payment_link", text(&found.session, "payment_link")).cloned().unwrap_or_default()
            };
            closed_link(&link, evaluated.form.merchant(), locale)
        }
    }
}

fn step(ctx: &mut Ctx<'_>, found: &Found, raw: &RawForm, evaluated: &mut EvaluatedForm) -> Step {
    // Figures that were never shown come before everything else: they may change the customer's mind.
    if page::has_changed(raw, &evaluated.quote, evaluated.purchase.custom_amount) {
        evaluated.problems = std::mem::take(&mut evaluated.problems).of_choices();
        return Step::Show(StatusCode::CONFLICT, PageNotice { changed: true, ..PageNotice::default() });
    }
    if !evaluated.problems.is_empty() {
        return Step::Show(StatusCode::UNPROCESSABLE_ENTITY, PageNotice::default());
    }
    match purchase::complete(ctx, &found.session, &evaluated.purchase) {
        Ok(session) => Step::Paid(session),
        Err(NotPaid::NeedsAuthentication) => Step::Challenge,
        Err(NotPaid::InvalidFields(field_errors)) => {
            evaluated.problems.add_field_errors(&evaluated.form, raw, field_errors);
            Step::Show(StatusCode::UNPROCESSABLE_ENTITY, PageNotice::default())
        }
        Err(NotPaid::Declined(code)) => {
            Step::Show(StatusCode::PAYMENT_REQUIRED, PageNotice { decline: Some(code), ..PageNotice::default() })
        }
        Err(NotPaid::Closed) => Step::Closed,
    }
}

fn evaluate(ctx: &mut Ctx<'_>, session: &Value, raw: &RawForm, locale: Locale) -> EvaluatedForm {
    let form = checkout_form(ctx, session);
    let (purchase, mut problems) = page::read(&form, raw, locale);
    let (quote, field_errors) = purchase::quote(ctx, session, &purchase);
    problems.add_field_errors(&form, raw, field_errors);
    let form_token = ctx.account().form_token(text(session, "id")).unwrap_or_default().to_owned();
    EvaluatedForm { form, quote, purchase, problems, form_token, now: ctx.now }
}

fn checkout_form(ctx: &mut Ctx<'_>, session: &Value) -> CheckoutForm {
    let account = ctx.account();
    let items = account.line_items(text(session, "id"));
    CheckoutForm::of(session, items, &|kind, id| account.get(kind, id).cloned())
}

fn view<'a>(
    found: &'a Found,
    locale: Locale,
    (raw, evaluated): (&'a RawForm, &'a EvaluatedForm),
    notice: &PageNotice,
) -> Checkout<'a> {
    Checkout {
        locale,
        session_id: text(&found.session, "id"),
        form_token: &evaluated.form_token,
        form: &evaluated.form,
        quote: &evaluated.quote,
        raw,
        problems: &evaluated.problems,
        decline: notice.decline,
        changed: notice.changed,
        now: evaluated.now,
    }
}

/// The page of an open session.
fn open(
    found: &Found,
    locale: Locale,
    entered: (&RawForm, &EvaluatedForm),
    status: StatusCode,
    notice: &PageNotice,
) -> Response {
    show(status, page::checkout(&view(found, locale, entered, notice)))
}

/// Where the browser goes after payment.
fn after(session: &Value, locale: Locale) -> Response {
    match success_url(session) {
        Some(url) => Redirect::to(&url).into_response(),
        None => Redirect::to(&format!("/c/pay/{}?locale={}", text(session, "id"), locale.tag())).into_response(),
    }
}

/// Where the merchant goes on after payment, if they said.
fn success_url(session: &Value) -> Option<String> {
    Some(session["success_url"].as_str()?.replace("{CHECKOUT_SESSION_ID}", text(session, "id")))
}

fn find(shared: &Shared, id: &str) -> Option<Found> {
    let mut state = shared.lock();
    let (account, id) = state.public.get(id).cloned().filter(|(_, id)| id.starts_with("cs_"))?;
    let session = sessions::get(&mut state.enter(&account, &shared.public_url), &id).ok()?;
    Some(Found { account, session })
}

pub(crate) fn locale(headers: &HeaderMap, requested: Option<&str>, session: Option<&str>) -> Locale {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
    Locale::negotiate(requested, session, accepted)
}

pub(crate) fn show(status: StatusCode, page: Markup) -> Response {
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

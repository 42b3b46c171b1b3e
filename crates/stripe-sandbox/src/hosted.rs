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
use crate::page::{self, Action, Ask, Checkout, Locale, Problems, RawForm};
use crate::purchase::{self, Method, NotPaid, Purchase, Quote};
use crate::server::Shared;
use crate::state::{Ctx, text};
use crate::webhooks;

/// URL parameters of a link or session.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Wishes {
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

impl Wishes {
    fn of_query(query: &str) -> Self {
        let mut wishes = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let wish = match name.as_ref() {
                "locale" => &mut wishes.locale,
                "prefilled_email" => &mut wishes.prefilled_email,
                "locked_prefilled_email" => &mut wishes.locked_prefilled_email,
                "prefilled_promo_code" => &mut wishes.prefilled_promo_code,
                "client_reference_id" => &mut wishes.client_reference_id,
                "utm_source" => &mut wishes.utm_source,
                "utm_medium" => &mut wishes.utm_medium,
                "utm_campaign" => &mut wishes.utm_campaign,
                "utm_term" => &mut wishes.utm_term,
                "utm_content" => &mut wishes.utm_content,
                _ => continue,
            };
            *wish = Some(value.into_owned());
        }
        wishes
    }
}

/// A session found by its public token, with the account that it belongs to.
struct Found {
    account: String,
    session: Value,
}

/// What a session asks, and what the form comes to.
struct Weighed {
    ask: Ask,
    quote: Quote,
    purchase: Purchase,
    problems: Problems,
    form_token: String,
    now: i64,
}

/// The cards about which their bank is being asked, by session. They do not outlive the sandbox: who was asked before it
/// started again enters the card once more.
#[derive(Default)]
pub(crate) struct AskedCards(Mutex<HashMap<String, Card>>);

impl AskedCards {
    fn ask(&self, session_id: &str, card: Card) {
        self.lock().insert(session_id.to_owned(), card);
    }

    /// Whatever the bank said, it said once.
    fn answered(&self, session_id: &str) -> Option<Card> {
        self.lock().remove(session_id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Card>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What else the page tells.
#[derive(Default)]
struct Telling {
    decline: Option<&'static str>,
    changed: bool,
}

/// Where an attempt to pay leads.
enum Step {
    Show(StatusCode, Telling),
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
        Err(link) => closed_link(&link, None, locale),
    }
}

/// A session for a visit, or the link that is closed.
fn start_visit(ctx: &mut Ctx<'_>, link_id: &str, wishes: &Wishes) -> Result<Value, Value> {
    let link = ctx.object("payment_link", link_id).cloned().map_err(|_| Value::Null)?;
    if link["active"] != true {
        return Err(link);
    }
    let mut query = Map::new();
    for (name, wish) in [
        ("locale", &wishes.locale),
        ("prefilled_email", &wishes.prefilled_email),
        ("locked_prefilled_email", &wishes.locked_prefilled_email),
        ("prefilled_promo_code", &wishes.prefilled_promo_code),
        ("client_reference_id", &wishes.client_reference_id),
        ("utm_source", &wishes.utm_source),
        ("utm_medium", &wishes.utm_medium),
        ("utm_campaign", &wishes.utm_campaign),
        ("utm_term", &wishes.utm_term),
        ("utm_content", &wishes.utm_content),
    ] {
        if let Some(wish) = wish {
            query.insert(name.to_owned(), wish.as_str().into());
        }
    }
    sessions::visit(ctx, &link, &query).map_err(|_| link)
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
    if found.session["status"] != "open" {
        return done(&shared, &found, locale);
    }
    let (raw, mut weighed) = {
        let mut state = shared.lock();
        let mut ctx = state.enter(&found.account, &shared.public_url);
        let code = wishes.prefilled_promo_code.or_else(|| sessions::prefilled_promo_code(&mut ctx, &id));
        let raw = RawForm::initial(&ask_of(&mut ctx, &found.session), code.as_deref(), locale);
        let weighed = weigh(&mut ctx, &found.session, &raw, locale);
        (raw, weighed)
    };
    // Nothing was entered yet but the code that came with the address.
    weighed.problems = weighed.problems.of_promotion_code();
    open(&found, locale, (&raw, &weighed), StatusCode::OK, &Telling::default())
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
    if raw.act() == Action::Pay {
        return attempt(&shared, &found, locale, raw, None);
    }
    raw.forget_secrets();
    let mut weighed = {
        let mut state = shared.lock();
        weigh(&mut state.enter(&found.account, &shared.public_url), &found.session, &raw, locale)
    };
    weighed.problems = weighed.problems.of_choices();
    open(&found, locale, (&raw, &weighed), StatusCode::OK, &Telling::default())
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
    let asked = shared.asked_cards.answered(text(&found.session, "id"));
    if let Some(card) = asked.filter(|_| raw.get("outcome") == "complete") {
        return attempt(&shared, &found, locale, raw, Some(card));
    }
    raw.forget_secrets();
    let mut weighed = {
        let mut state = shared.lock();
        weigh(&mut state.enter(&found.account, &shared.public_url), &found.session, &raw, locale)
    };
    weighed.problems = weighed.problems.of_choices();
    let telling = Telling { decline: Some("authentication_failed"), ..Telling::default() };
    open(&found, locale, (&raw, &weighed), StatusCode::PAYMENT_REQUIRED, &telling)
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

/// Pays once: the form is weighed and the session completed under one lock. `authenticated` is the card to which its bank
/// said yes.
fn attempt(
    shared: &Arc<Shared>,
    found: &Found,
    locale: Locale,
    mut raw: RawForm,
    authenticated: Option<Card>,
) -> Response {
    let id = text(&found.session, "id");
    let (weighed, step) = {
        let mut state = shared.lock();
        let mut ctx = state.enter(&found.account, &shared.public_url);
        let mut weighed = weigh(&mut ctx, &found.session, &raw, locale);
        weighed.purchase.authenticated = authenticated.is_some();
        let paying = (&weighed.quote, ctx.now, authenticated);
        weighed.purchase.method = page::read_method(&weighed.ask, &raw, paying, &mut weighed.problems);
        raw.forget_secrets();
        let misfits = purchase::check(&mut ctx, &found.session, &weighed.purchase);
        weighed.problems.add_misfits(&weighed.ask, &raw, misfits);
        let step = step(&mut ctx, found, &raw, &mut weighed);
        (weighed, step)
    };
    webhooks::dispatch(shared);
    // Another attempt is another card.
    shared.asked_cards.answered(id);
    match step {
        Step::Show(status, telling) => open(found, locale, (&raw, &weighed), status, &telling),
        Step::Challenge => {
            if let Method::Card(card) = &weighed.purchase.method {
                shared.asked_cards.ask(id, card.clone());
            }
            let telling = Telling::default();
            show(StatusCode::OK, page::challenge(&view(found, locale, (&raw, &weighed), &telling)))
        }
        Step::Paid(session) => after(&session, locale),
        Step::Closed => {
            let link = {
                let mut state = shared.lock();
                let mut ctx = state.enter(&found.account, &shared.public_url);
                ctx.object("payment_link", text(&found.session, "payment_link")).cloned().unwrap_or_default()
            };
            closed_link(&link, weighed.ask.merchant(), locale)
        }
    }
}

fn step(ctx: &mut Ctx<'_>, found: &Found, raw: &RawForm, weighed: &mut Weighed) -> Step {
    // Figures that were never shown come before everything else: they may change the customer's mind.
    if page::has_changed(raw, &weighed.quote, weighed.purchase.custom_amount) {
        weighed.problems = std::mem::take(&mut weighed.problems).of_choices();
        return Step::Show(StatusCode::CONFLICT, Telling { changed: true, ..Telling::default() });
    }
    if !weighed.problems.is_empty() {
        return Step::Show(StatusCode::UNPROCESSABLE_ENTITY, Telling::default());
    }
    match purchase::complete(ctx, &found.session, &weighed.purchase) {
        Ok(session) => Step::Paid(session),
        Err(NotPaid::NeedsAuthentication) => Step::Challenge,
        Err(NotPaid::Misfits(misfits)) => {
            weighed.problems.add_misfits(&weighed.ask, raw, misfits);
            Step::Show(StatusCode::UNPROCESSABLE_ENTITY, Telling::default())
        }
        Err(NotPaid::Declined(code)) => {
            Step::Show(StatusCode::PAYMENT_REQUIRED, Telling { decline: Some(code), ..Telling::default() })
        }
        Err(NotPaid::Closed) => Step::Closed,
    }
}

fn weigh(ctx: &mut Ctx<'_>, session: &Value, raw: &RawForm, locale: Locale) -> Weighed {
    let ask = ask_of(ctx, session);
    let (purchase, mut problems) = page::read(&ask, raw, locale);
    let (quote, misfits) = purchase::quote(ctx, session, &purchase);
    problems.add_misfits(&ask, raw, misfits);
    let form_token = ctx.account().form_token(text(session, "id")).unwrap_or_default().to_owned();
    Weighed { ask, quote, purchase, problems, form_token, now: ctx.now }
}

fn ask_of(ctx: &mut Ctx<'_>, session: &Value) -> Ask {
    let account = ctx.account();
    let items = account.line_items(text(session, "id"));
    Ask::of(session, items, &|kind, id| account.get(kind, id).cloned())
}

fn view<'a>(
    found: &'a Found,
    locale: Locale,
    (raw, weighed): (&'a RawForm, &'a Weighed),
    telling: &Telling,
) -> Checkout<'a> {
    Checkout {
        locale,
        session_id: text(&found.session, "id"),
        form_token: &weighed.form_token,
        ask: &weighed.ask,
        quote: &weighed.quote,
        raw,
        problems: &weighed.problems,
        decline: telling.decline,
        changed: telling.changed,
        now: weighed.now,
    }
}

/// The page of an open session.
fn open(
    found: &Found,
    locale: Locale,
    entered: (&RawForm, &Weighed),
    status: StatusCode,
    telling: &Telling,
) -> Response {
    show(status, page::checkout(&view(found, locale, entered, telling)))
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

pub(crate) fn locale(headers: &HeaderMap, wished: Option<&str>, session: Option<&str>) -> Locale {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
    Locale::negotiate(wished, session, accepted)
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

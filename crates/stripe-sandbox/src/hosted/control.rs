//! `/_sandbox/…`: what tests control, and paying without a browser.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{UrlParameters, checkout_form, start_visit};
use crate::api::sessions;
use crate::control::{Fault, WebhookPolicy};
use crate::page;
use crate::purchase::{self, Address, FieldError, FieldErrorKind, FormField, Method, NotPaid, Purchase, Recipient};
use crate::server::{Released, Shared};
use crate::state::{Ctx, text};
use crate::webhooks;

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
    let mut state = shared.lock();
    state.faults.clear();
    shared.held.send_replace(Released::Once);
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
            if account.events.get(&named.id).is_some() {
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
    let mut counts = BTreeMap::<String, u64>::new();
    for (operation, count) in state.accounts.values().flat_map(|account| &account.executed) {
        *counts.entry(operation.clone()).or_default() += count;
    }
    Json(json!(counts))
}

/// What a customer would choose and enter; what is not said is as the page has it at first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlPay {
    /// The URL of a link or session, with its parameters if it has any.
    url: String,
    #[serde(default = "paying_card")]
    card: String,
    #[serde(default = "some_email")]
    email: String,
    #[serde(default = "some_name")]
    name: String,
    /// In Sweden where not said.
    #[serde(default)]
    billing: Option<PostalAddress>,
    #[serde(default)]
    shipping: Option<Addressee>,
    phone: Option<String>,
    individual_name: Option<String>,
    business_name: Option<String>,
    tax_id: Option<TaxId>,
    /// By line item's id.
    #[serde(default)]
    quantities: BTreeMap<String, i64>,
    /// By price's id.
    #[serde(default)]
    optional_items: BTreeMap<String, i64>,
    /// In minor units.
    custom_amount: Option<i64>,
    promotion_code: Option<String>,
    shipping_rate: Option<String>,
    #[serde(default)]
    custom_fields: BTreeMap<String, String>,
    #[serde(default)]
    terms: bool,
    #[serde(default)]
    promotions: bool,
    /// The first that the session takes, where not said.
    method: Option<ControlMethod>,
    /// The account of a bank debit.
    #[serde(default = "paying_account")]
    account: String,
    /// Whether the customer's bank was asked about the card, and said yes.
    #[serde(default)]
    authenticate: bool,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum ControlMethod {
    Card,
    BankTransfer,
    BankDebit,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct PostalAddress {
    country: String,
    line1: String,
    line2: String,
    postal_code: String,
    city: String,
    state: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Addressee {
    name: String,
    address: PostalAddress,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaxId {
    r#type: String,
    value: String,
}

fn paying_card() -> String {
    "4242424242424242".to_owned()
}

fn paying_account() -> String {
    "AT611904300234573201".to_owned()
}

fn some_email() -> String {
    "customer@example.com".to_owned()
}

fn some_name() -> String {
    "Test Customer".to_owned()
}

impl From<PostalAddress> for Address {
    fn from(from: PostalAddress) -> Self {
        let PostalAddress { country, line1, line2, postal_code, city, state } = from;
        Self { country, line1, line2, postal_code, city, state }
    }
}

impl ControlPay {
    /// What is bought in a session. The code of the URL counts where the session takes codes, as on the page.
    fn purchase(self, session: &Value, parameters: &UrlParameters) -> Purchase {
        let takes_codes = session["allow_promotion_codes"] == true;
        let prefilled = || parameters.prefilled_promo_code.clone().filter(|_| takes_codes);
        let home = || Address { country: "SE".to_owned(), ..Address::default() };
        Purchase {
            email: Some(self.email),
            name: self.name,
            billing: self.billing.map_or_else(home, Address::from),
            shipping: self.shipping.map(|to| Recipient { name: to.name, address: to.address.into() }),
            phone: self.phone,
            individual_name: self.individual_name,
            business_name: self.business_name,
            tax_id: self.tax_id.map(|tax_id| (tax_id.r#type, tax_id.value)),
            quantities: self.quantities,
            optional_items: self.optional_items,
            custom_amount: self.custom_amount,
            promotion_code: self.promotion_code.or_else(prefilled),
            shipping_rate: self.shipping_rate,
            custom_fields: self.custom_fields,
            terms_accepted: self.terms,
            promotions_accepted: self.promotions,
            method: Method::None,
            authenticated: self.authenticate,
        }
    }
}

/// How it is paid, by the customer's choice or else by what the session asks; nothing where the card is no test card.
fn method(
    ctx: &mut Ctx<'_>,
    session: &Value,
    (purchase, chosen): (&Purchase, Option<ControlMethod>),
    (card, account): (&str, &str),
) -> Option<Method> {
    let form = checkout_form(ctx, session);
    let (quote, _) = purchase::quote(ctx, session, purchase);
    let tag = match chosen {
        Some(ControlMethod::Card) => "card",
        Some(ControlMethod::BankTransfer) => "bank_transfer",
        Some(ControlMethod::BankDebit) => "bank_debit",
        None if !form.needs_method(&quote) => return Some(Method::None),
        None => form.first_payment_option(),
    };
    match tag {
        "bank_transfer" => Some(Method::BankTransfer),
        "bank_debit" => {
            let ends = account.len().saturating_sub(4);
            Some(Method::BankDebit { account_ends: account.get(ends..).unwrap_or_default().to_owned() })
        }
        _ => page::test_card(card).map(Method::Card),
    }
}

/// Pays as the page would, without a browser.
async fn control_pay(Extract(shared): Extract<Arc<Shared>>, Json(pay): Json<ControlPay>) -> Response {
    let (address, query) = pay.url.split_once('?').unwrap_or((&pay.url, ""));
    let token = address.rsplit('/').next().unwrap_or_default().to_owned();
    let parameters = UrlParameters::of_query(query);
    let refused = |status: StatusCode, message: &str| (status, Json(json!({"error": message}))).into_response();
    let Some((account, id)) = shared.lock().public.get(&token).cloned() else {
        return refused(StatusCode::NOT_FOUND, "no such page");
    };
    let (chosen, card, debited) = (pay.method, pay.card.clone(), pay.account.clone());
    let paid = {
        let mut state = shared.lock();
        let mut ctx = state.enter(&account, &shared.public_url);
        let session = if id.starts_with("plink_") {
            start_visit(&mut ctx, &id, &parameters).ok()
        } else {
            sessions::get(&mut ctx, &id).ok()
        };
        let Some(session) = session else { return refused(StatusCode::GONE, "closed") };
        let mut purchase = pay.purchase(&session, &parameters);
        let Some(method) = method(&mut ctx, &session, (&purchase, chosen), (&card, &debited)) else {
            return refused(StatusCode::UNPROCESSABLE_ENTITY, "not a test card");
        };
        purchase.method = method;
        purchase::complete(&mut ctx, &session, &purchase)
    };
    webhooks::dispatch(&shared);
    match paid {
        Ok(session) => Json(json!({"session": session["id"], "status": session["status"],
            "payment_status": session["payment_status"], "amount_total": session["amount_total"]}))
        .into_response(),
        Err(NotPaid::InvalidFields(field_errors)) => {
            let fields: Vec<Value> = field_errors.iter().map(to_json).collect();
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"error": "invalid_fields", "fields": fields})))
                .into_response()
        }
        Err(NotPaid::Declined(code)) => refused(StatusCode::PAYMENT_REQUIRED, code),
        Err(NotPaid::NeedsAuthentication) => refused(StatusCode::PAYMENT_REQUIRED, "authentication_required"),
        Err(NotPaid::Closed) => refused(StatusCode::GONE, "closed"),
    }
}

/// A field error by the name that the request has for its field.
fn to_json(field_error: &FieldError) -> Value {
    let field = match &field_error.field {
        FormField::Quantity(id) => format!("quantities.{id}"),
        FormField::OptionalItem(id) => format!("optional_items.{id}"),
        FormField::CustomField(key) => format!("custom_fields.{key}"),
        FormField::CustomAmount => "custom_amount".to_owned(),
        FormField::PromotionCode => "promotion_code".to_owned(),
        FormField::ShippingRate => "shipping_rate".to_owned(),
        FormField::ShippingName => "shipping.name".to_owned(),
        FormField::ShippingAddress(part) => format!("shipping.address.{}", part.name()),
        FormField::BillingAddress(part) => format!("billing.{}", part.name()),
        FormField::Phone => "phone".to_owned(),
        FormField::IndividualName => "individual_name".to_owned(),
        FormField::BusinessName => "business_name".to_owned(),
        FormField::TaxIdType => "tax_id.type".to_owned(),
        FormField::TaxId => "tax_id.value".to_owned(),
        FormField::Terms => "terms".to_owned(),
        FormField::Email => "email".to_owned(),
        FormField::Name => "name".to_owned(),
        FormField::Method => "method".to_owned(),
    };
    let (kind, limit) = match field_error.kind {
        FieldErrorKind::Missing => ("missing", None),
        FieldErrorKind::Malformed => ("malformed", None),
        FieldErrorKind::TooSmall(limit) => ("too_small", Some(limit)),
        FieldErrorKind::TooLarge(limit) => ("too_large", Some(limit)),
        FieldErrorKind::TooShort(limit) => ("too_short", Some(limit)),
        FieldErrorKind::TooLong(limit) => ("too_long", Some(limit)),
        FieldErrorKind::UnknownCode => ("unknown_code", None),
        FieldErrorKind::ExpiredCode => ("expired_code", None),
        FieldErrorKind::CodeNotForYou => ("code_not_for_you", None),
        FieldErrorKind::BelowMinimum(limit) => ("below_minimum", Some(limit)),
        FieldErrorKind::BelowCharge(limit) => ("below_charge", Some(limit)),
        FieldErrorKind::CountryNotServed => ("country_not_served", None),
        FieldErrorKind::CardBrandNotAccepted => ("card_brand_not_accepted", None),
        FieldErrorKind::NotAnOption => ("not_an_option", None),
    };
    json!({"field": field, "kind": kind, "limit": limit})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_needs_a_url_alone_and_a_misspelt_field_is_told() {
        let pay: ControlPay = serde_json::from_value(json!({"url": "u"})).unwrap();
        let parameters = UrlParameters::of_query("prefilled_promo_code=SAVE%2010");
        let purchase = pay.purchase(&json!({"allow_promotion_codes": true}), &parameters);
        assert_eq!((purchase.billing.country.as_str(), purchase.terms_accepted), ("SE", false));
        assert_eq!(purchase.promotion_code.as_deref(), Some("SAVE 10"));
        assert!(serde_json::from_value::<ControlPay>(json!({"url": "u", "promo_code": "X"})).is_err());
    }

    #[test]
    fn a_code_of_the_url_is_left_out_where_no_codes_are_taken() {
        for takes_codes in [json!(false), Value::Null] {
            let pay: ControlPay = serde_json::from_value(json!({"url": "u"})).unwrap();
            let parameters = UrlParameters::of_query("prefilled_promo_code=SAVE");
            assert_eq!(pay.purchase(&json!({"allow_promotion_codes": takes_codes}), &parameters).promotion_code, None);
        }
    }

    #[test]
    fn field_errors_are_told_by_field_kind_and_limit() {
        let field_error =
            FieldError { field: FormField::Quantity("li_1".to_owned()), kind: FieldErrorKind::TooLarge(5) };
        assert_eq!(to_json(&field_error), json!({"field": "quantities.li_1", "kind": "too_large", "limit": 5}));
    }
}

//! Checkout sessions.

use serde_json::{Map, Value, json};

use crate::api::links::read_line_items;
use crate::error::ApiError;
use crate::money::check_total;
use crate::state::{Ctx, LineItem, copy, merge_metadata, text};

/// Seconds that a session lives where nothing is said, and at the most: 24 hours.
const LIFETIME_MAX: i64 = 24 * 60 * 60;
/// Seconds that a session lives at the least: 30 minutes.
const LIFETIME_MIN: i64 = 30 * 60;

/// Parameters that are kept and told as they came.
const KEPT: [&str; 26] = [
    "adaptive_pricing",
    "allow_promotion_codes",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "consent_collection",
    "custom_fields",
    "custom_text",
    "customer",
    "customer_creation",
    "customer_email",
    "integration_identifier",
    "invoice_creation",
    "locale",
    "managed_payments",
    "name_collection",
    "origin_context",
    "payment_method_collection",
    "payment_method_options",
    "payment_method_types",
    "permissions",
    "phone_number_collection",
    "shipping_address_collection",
    "submit_type",
    "success_url",
];

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    match params.get("mode").and_then(Value::as_str) {
        Some("payment") => {}
        Some(other) => {
            return Err(ApiError::invalid(format!("The sandbox does not serve the mode {other} yet.")).param("mode"));
        }
        None => return Err(ApiError::invalid("Missing required param: mode.").code("parameter_missing").param("mode")),
    }
    if let Some(customer) = params.get("customer").and_then(Value::as_str) {
        ctx.object("customer", customer).map_err(|error| error.param("customer"))?;
        if params.contains_key("customer_email") {
            return Err(ApiError::invalid("You may only specify one of these parameters: customer, customer_email.")
                .param("customer"));
        }
    }
    let expires_at = match params.get("expires_at").and_then(Value::as_i64) {
        None => ctx.now + LIFETIME_MAX,
        Some(at) if (LIFETIME_MIN..=LIFETIME_MAX).contains(&(at - ctx.now)) => at,
        Some(_) => {
            let message =
                "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.";
            return Err(ApiError::invalid(message).param("expires_at"));
        }
    };
    let items = read_line_items(ctx, params, 100)?;
    let mut session = new(ctx, &items, expires_at)?;
    copy(&mut session, params, &KEPT);
    merge_metadata(&mut session, params.get("metadata"))?;
    let data = params.get("payment_intent_data").cloned().unwrap_or(Value::Null);
    Ok(open(ctx, session, items, data))
}

/// The session of a visit to a link.
pub(crate) fn visit(ctx: &mut Ctx<'_>, link: &Value, query: &Map<String, Value>) -> Result<Value, ApiError> {
    let link_id = text(link, "id");
    let items = ctx.account().line_items.get(link_id).cloned().unwrap_or_default();
    let expires_at = ctx.now + LIFETIME_MAX;
    let mut session = new(ctx, &items, expires_at)?;
    session["payment_link"] = link_id.into();
    session["metadata"] = link["metadata"].clone();
    session["success_url"] = link["after_completion"]["redirect"]["url"].clone();
    for name in ["customer_creation", "submit_type", "custom_text"] {
        session[name] = link[name].clone();
    }
    copy(&mut session, query, &["client_reference_id", "customer_email", "locale"]);
    let data = link["payment_intent_data"].clone();
    Ok(open(ctx, session, items, data))
}

fn new(ctx: &Ctx<'_>, items: &[LineItem], expires_at: i64) -> Result<Value, ApiError> {
    let id = crate::ids::new("cs_test");
    let currency = items.first().map(|item| item.currency.clone()).unwrap_or_default();
    let total: i64 = items.iter().map(|item| item.amount).sum();
    check_total(total, &currency)?;
    Ok(json!({
        "id": id, "object": "checkout.session", "adaptive_pricing": {"enabled": false}, "after_expiration": null,
        "allow_promotion_codes": null, "amount_subtotal": total, "amount_total": total,
        "automatic_tax": {"enabled": false, "liability": null, "provider": null, "status": null},
        "billing_address_collection": null, "cancel_url": null, "client_reference_id": null, "client_secret": null,
        "collected_information": null, "consent": null, "consent_collection": null, "created": ctx.now,
        "currency": currency, "currency_conversion": null, "custom_fields": [],
        "custom_text": {"after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null},
        "customer": null, "customer_account": null, "customer_creation": "if_required", "customer_details": null,
        "customer_email": null, "discounts": [], "expires_at": expires_at, "integration_identifier": null, "invoice": null,
        "invoice_creation": {"enabled": false}, "livemode": false, "locale": null, "metadata": {}, "mode": "payment",
        "origin_context": null, "payment_intent": null, "payment_link": null, "payment_method_collection": "if_required",
        "payment_method_options": {}, "payment_method_types": ["card"], "payment_status": "unpaid", "permissions": null,
        "phone_number_collection": {"enabled": false}, "recovered_from": null, "saved_payment_method_options": null,
        "setup_intent": null, "shipping_address_collection": null, "shipping_cost": null, "shipping_options": [],
        "status": "open", "submit_type": null, "subscription": null, "success_url": null,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}, "ui_mode": "hosted",
        "url": format!("{}/c/pay/{id}", ctx.public_url), "wallet_options": null,
    }))
}

fn open(ctx: &mut Ctx<'_>, session: Value, items: Vec<LineItem>, payment_intent_data: Value) -> Value {
    let session = ctx.add("checkout.session", session);
    let id = text(&session, "id").to_owned();
    ctx.account().line_items.insert(id.clone(), items);
    ctx.account().form_tokens.insert(id.clone(), crate::ids::random(32));
    if !payment_intent_data.is_null() {
        let mut data = payment_intent_data;
        data["id"] = id.clone().into();
        ctx.add("payment_intent_data", data);
    }
    ctx.publish(&id, &id);
    session
}

/// A session as it is now: one whose time has passed expires on the way.
pub(crate) fn get(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let now = ctx.now;
    let session = ctx.object("checkout.session", id)?;
    if session["status"] == "open" && session["expires_at"].as_i64().is_some_and(|end| end <= now) {
        return Ok(close(ctx, id));
    }
    Ok(session.clone())
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    expire_due(ctx);
    let filters = ["customer", "payment_intent", "payment_link", "status", "subscription"];
    let email = params.get("customer_details").map(|details| details["email"].clone());
    ctx.list("checkout.session", "/v1/checkout/sessions", params, |session| {
        filters.iter().all(|name| params.get(*name).is_none_or(|wanted| &session[*name] == wanted))
            && email.as_ref().is_none_or(|email| &session["customer_details"]["email"] == email)
    })
}

pub(crate) fn expire(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let session = get(ctx, id)?;
    if session["status"] != "open" {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {}.",
            text(&session, "status")
        );
        return Err(ApiError::invalid(message));
    }
    Ok(close(ctx, id))
}

/// Expires all sessions whose time has passed.
pub(crate) fn expire_due(ctx: &mut Ctx<'_>) {
    let now = ctx.now;
    let is_due = |s: &&Value| s["status"] == "open" && s["expires_at"].as_i64().is_some_and(|end| end <= now);
    let due: Vec<String> =
        ctx.account().all("checkout.session").filter(is_due).map(|s| text(s, "id").to_owned()).collect();
    for id in due {
        close(ctx, &id);
    }
}

fn close(ctx: &mut Ctx<'_>, id: &str) -> Value {
    let Ok(session) = ctx.object("checkout.session", id) else { return Value::Null };
    session["status"] = "expired".into();
    session["url"] = Value::Null;
    let session = session.clone();
    ctx.emit("checkout.session.expired", &session);
    session
}

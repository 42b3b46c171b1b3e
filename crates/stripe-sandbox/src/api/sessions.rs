//! Checkout sessions: made by a request or by a visit to a link, open until they are paid or their time passes.

use serde_json::{Map, Value, json};

use crate::api::items::{self, Facts};
use crate::api::{coupons, links, options, payments, promotion_codes, shipping_rates};
use crate::check::{at_most, below, missing, refused, url};
use crate::clock::DAY;
use crate::error::ApiError;
use crate::money::{check_currency, check_total};
use crate::purchase::{Purchase, figures, is_email};
use crate::state::{Ctx, LineItem, copy, merge_metadata, merge_metadata_at, text};

/// Seconds that a session lives where nothing is said, and at the most: 24 hours.
const LIFETIME_MAX: i64 = DAY;
/// Seconds that a session lives at the least: 30 minutes.
const LIFETIME_MIN: i64 = 30 * 60;
/// Seconds until the end of a trial that is named by its end, at the least: two days.
const TRIAL_MIN: i64 = 2 * DAY;
/// Seconds until then at the most: two years.
const TRIAL_MAX: i64 = 730 * DAY;
const ITEMS_MAX: usize = 100;
/// The most line items of a session in subscription mode: 20 recurring ones and 20 that are paid once.
const SUBSCRIPTION_ITEMS_MAX: usize = 40;
const SHIPPING_MAX: usize = 5;

/// Parameters that are kept and told as they came, beside those shared with links.
const KEPT: [&str; 13] = [
    "adaptive_pricing",
    "branding_settings",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "integration_identifier",
    "locale",
    "origin_context",
    "permissions",
    "saved_payment_method_options",
    "success_url",
    "wallet_options",
];
/// What a link hands on to the session of a visit.
const FROM_LINK: [&str; 18] = [
    "allow_promotion_codes",
    "billing_address_collection",
    "consent_collection",
    "custom_text",
    "customer_creation",
    "invoice_creation",
    "managed_payments",
    "metadata",
    "name_collection",
    "optional_items",
    "payment_method_collection",
    "payment_method_options",
    "phone_number_collection",
    "shipping_address_collection",
    "shipping_options",
    "submit_type",
    "tax_id_collection",
    "automatic_tax",
];
/// Campaign codes that a link's URL may bring.
const UTM: [&str; 5] = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];
/// Bank transfers: the currency of each type.
const TRANSFERS: [(&str, &str); 5] = [
    ("eu_bank_transfer", "eur"),
    ("gb_bank_transfer", "gbp"),
    ("jp_bank_transfer", "jpy"),
    ("mx_bank_transfer", "mxn"),
    ("us_bank_transfer", "usd"),
];
/// Delayed debits: the currency that each needs.
pub(crate) const DEBITS: [(&str, &str); 5] = [
    ("acss_debit", "cad"),
    ("au_becs_debit", "aud"),
    ("bacs_debit", "gbp"),
    ("sepa_debit", "eur"),
    ("us_bank_account", "usd"),
];

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    let Some(mode) = given("mode").as_str() else { return Err(missing("mode")) };
    if !matches!(given("ui_mode").as_str(), None | Some("hosted_page")) {
        return Err(refused("The sandbox serves hosted pages alone.", "ui_mode"));
    }
    check_texts(ctx, params)?;
    let (items, facts) = match mode {
        "setup" if given("line_items").is_null() => (Vec::new(), Facts::default()),
        "setup" => return Err(refused("`line_items` can't be passed in `setup` mode.", "line_items")),
        _ => {
            let most = if mode == "payment" { ITEMS_MAX } else { SUBSCRIPTION_ITEMS_MAX };
            let items = items::read(ctx, params, most)?;
            let facts = items::facts(ctx, &items)?;
            (items, facts)
        }
    };
    check_mode(params, mode, facts.period.is_some())?;
    let currency = match (items.first(), given("currency").as_str()) {
        (Some(item), _) => Some(item.currency.clone()),
        (None, Some(currency)) => Some(check_currency(currency, "currency")?),
        (None, None) => None,
    };
    let currency_text = currency.clone().unwrap_or_default();
    let expires_at = expiry(ctx.now, given("expires_at"))?;
    let mut session = new(ctx, mode, currency.as_deref(), expires_at);
    copy(&mut session, params, &KEPT);
    options::apply(&mut session, params)?;
    if let Some(recovery) = params.get("after_expiration").map(|after| &after["recovery"]).filter(|r| r.is_object()) {
        session["after_expiration"] = json!({"recovery": {"allow_promotion_codes": recovery["allow_promotion_codes"] == true,
            "enabled": recovery["enabled"], "expires_at": null, "url": null}});
    }
    session["payment_method_types"] = methods(params, mode, &currency_text)?;
    let optional = (currency_text.as_str(), &facts, ITEMS_MAX);
    session["optional_items"] = items::read_optional(ctx, given("optional_items"), optional)?;
    let rates = shipping_rates::read_options(ctx, given("shipping_options"), &currency_text, SHIPPING_MAX)?;
    session["shipping_options"] = links::shipping(ctx, &rates, &currency_text);
    session["discounts"] = discounts(ctx, params)?;
    merge_metadata(&mut session, params.get("metadata"))?;
    let data = given("subscription_data");
    if data["trial_end"].as_i64().is_some_and(|end| end < ctx.now + TRIAL_MIN) {
        let message = "The `trial_end` must be at least 2 days in the future.";
        return Err(refused(message, "subscription_data[trial_end]"));
    }
    if data["trial_end"].as_i64().is_some_and(|end| end > ctx.now + TRIAL_MAX) {
        let message = "The `trial_end` must be at most 2 years in the future.";
        return Err(refused(message, "subscription_data[trial_end]"));
    }
    if data["trial_end"].is_i64() && data["trial_period_days"].is_i64() {
        let message = "You may only specify one of these parameters: trial_end, trial_period_days.";
        return Err(refused(message, "subscription_data[trial_end]"));
    }
    let internal = internal(params)?;
    let session = open(ctx, session, items, internal);
    if facts.is_chosen || mode == "setup" {
        return Ok(session);
    }
    check_total(session["amount_total"].as_i64().unwrap_or_default(), &currency_text)?;
    Ok(session)
}

fn check_texts(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<(), ApiError> {
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    at_most(given("client_reference_id"), 200, "client_reference_id")?;
    at_most(given("customer_email"), 800, "customer_email")?;
    url(given("cancel_url"), "cancel_url")?;
    url(&given("success_url").as_str().map(|url| url.replace(['{', '}'], "")).into(), "success_url")?;
    if let Some(customer) = given("customer").as_str() {
        ctx.object("customer", customer).map_err(|error| error.of_param("customer"))?;
        for other in ["customer_email", "customer_creation"] {
            if !given(other).is_null() {
                let message = format!("You may only specify one of these parameters: customer, {other}.");
                return Err(refused(message, "customer"));
            }
        }
    }
    Ok(())
}

/// Parameters that belong to one mode, or need it.
fn check_mode(params: &Map<String, Value>, mode: &str, is_recurring: bool) -> Result<(), ApiError> {
    match (mode, is_recurring) {
        ("payment", true) => {
            let message = "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.";
            return Err(refused(message, "mode"));
        }
        ("subscription", false) => {
            let message = "You must provide at least one recurring price in `subscription` mode.";
            return Err(refused(message, "mode"));
        }
        _ => {}
    }
    let is_given = |name: &str| match params.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    for (name, modes) in [
        ("payment_intent_data", &["payment"][..]),
        ("invoice_creation", &["payment"]),
        ("shipping_options", &["payment"]),
        ("customer_creation", &["payment", "setup"]),
        ("setup_intent_data", &["setup"]),
        ("subscription_data", &["subscription"]),
        ("discounts", &["payment", "subscription"]),
        ("allow_promotion_codes", &["payment", "subscription"]),
        ("optional_items", &["payment", "subscription"]),
        ("automatic_tax", &["payment", "subscription"]),
        ("submit_type", &["payment", "subscription"]),
    ] {
        if is_given(name) && !modes.contains(&mode) {
            return Err(refused(format!("`{name}` can't be passed in `{mode}` mode."), name));
        }
    }
    if mode != "subscription" && params.get("payment_method_collection").is_some_and(|given| given == "if_required") {
        let message = "`payment_method_collection=if_required` needs `subscription` mode.";
        return Err(refused(message, "payment_method_collection"));
    }
    Ok(())
}

fn expiry(now: i64, given: &Value) -> Result<i64, ApiError> {
    match given.as_i64() {
        None => Ok(now + LIFETIME_MAX),
        Some(at) if (LIFETIME_MIN..=LIFETIME_MAX).contains(&at.saturating_sub(now)) => Ok(at),
        Some(_) => {
            let message =
                "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.";
            Err(refused(message, "expires_at"))
        }
    }
}

/// The ways to pay: those allowed, without those excluded and those that do not fit currency, mode and customer.
fn methods(params: &Map<String, Value>, mode: &str, currency: &str) -> Result<Value, ApiError> {
    let given = |name: &str| params.get(name).and_then(Value::as_array).cloned();
    let (allowed, excluded) = (given("allowed_payment_method_types"), given("excluded_payment_method_types"));
    if allowed.is_some() && excluded.is_some() {
        let message = "You may only specify one of these parameters: allowed_payment_method_types, excluded_payment_method_types.";
        return Err(refused(message, "allowed_payment_method_types"));
    }
    let excluded = excluded.unwrap_or_default();
    let has_customer = params.contains_key("customer");
    let mut methods = Vec::new();
    for method in allowed.unwrap_or_else(|| vec!["card".into()]) {
        let name = method.as_str().unwrap_or_default().to_owned();
        check_played(&name, "allowed_payment_method_types")?;
        let fits = match name.as_str() {
            "customer_balance" => {
                let fits = has_customer && mode == "payment" && TRANSFERS.iter().any(|(_, of)| *of == currency);
                if fits {
                    check_transfer(
                        &params.get("payment_method_options").unwrap_or(&Value::Null)["customer_balance"],
                        currency,
                    )?;
                }
                fits
            }
            name => fits_currency(name, currency),
        };
        if fits && !excluded.contains(&method) && !methods.contains(&method) {
            methods.push(method);
        }
    }
    if methods.is_empty() {
        let message = "No valid payment method types for this Checkout Session: none of them fits its currency, mode and customer.";
        return Err(refused(message, "allowed_payment_method_types"));
    }
    Ok(methods.into())
}

/// Refuses a way to pay that nobody can take here, as Stripe refuses one that the account has not activated.
pub(crate) fn check_played(method: &str, param: &str) -> Result<(), ApiError> {
    let is_played = matches!(method, "card" | "customer_balance") || DEBITS.iter().any(|(name, _)| *name == method);
    if is_played {
        return Ok(());
    }
    let message = format!(
        "The payment method type provided: {method} is invalid. The sandbox plays cards, bank transfers and bank debits."
    );
    Err(refused(message, param))
}

/// Whether a way to pay exists in a currency.
pub(crate) fn fits_currency(method: &str, currency: &str) -> bool {
    currency.is_empty() || DEBITS.iter().all(|(name, of)| *name != method || *of == currency)
}

fn check_transfer(options: &Value, currency: &str) -> Result<(), ApiError> {
    let path = "payment_method_options[customer_balance]";
    if options["funding_type"] != "bank_transfer" {
        return Err(missing(below(path, "funding_type")));
    }
    let kind = text(&options["bank_transfer"], "type");
    let param = format!("{path}[bank_transfer][type]");
    match TRANSFERS.iter().find(|(name, _)| *name == kind) {
        None => Err(missing(param)),
        Some((_, of)) if *of != currency => Err(refused(format!("{kind} needs the currency {of}."), param)),
        Some(_) if kind == "eu_bank_transfer" && options["bank_transfer"]["eu_bank_transfer"].is_null() => {
            Err(missing(format!("{path}[bank_transfer][eu_bank_transfer][country]")))
        }
        Some(_) => Ok(()),
    }
}

fn discounts(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let given = params.get("discounts").and_then(Value::as_array).cloned().unwrap_or_default();
    let [discount] = given.as_slice() else {
        return if given.is_empty() {
            Ok(json!([]))
        } else {
            Err(refused("You can have at most one discount.", "discounts"))
        };
    };
    if params.get("allow_promotion_codes").and_then(Value::as_bool) == Some(true) {
        let message = "You may only specify one of these parameters: allow_promotion_codes, discounts.";
        return Err(refused(message, "allow_promotion_codes"));
    }
    match (discount["coupon"].as_str(), discount["promotion_code"].as_str()) {
        (Some(id), None) => {
            let coupon = coupons::get(ctx, id).map_err(|error| error.of_param("discounts[0][coupon]"))?;
            if coupon["valid"] != true {
                return Err(refused("The coupon is not valid any more.", "discounts[0][coupon]"));
            }
            Ok(json!([{"coupon": id, "promotion_code": null}]))
        }
        (None, Some(id)) => {
            let param = "discounts[0][promotion_code]";
            let promotion = promotion_codes::get(ctx, id).map_err(|error| error.of_param(param))?;
            if promotion["active"] != true {
                return Err(refused("The promotion code is not active.", param));
            }
            Ok(json!([{"coupon": promotion["promotion"]["coupon"], "promotion_code": id}]))
        }
        _ => {
            let message = "You must specify exactly one of `coupon` or `promotion_code`.";
            Err(refused(message, "discounts[0]").code("parameter_missing"))
        }
    }
}

/// What is to be done with the session that nobody is told.
fn internal(params: &Map<String, Value>) -> Result<Value, ApiError> {
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    let mut setup = json!({"metadata": {}});
    if let Some(data) = given("setup_intent_data").as_object() {
        copy(&mut setup, data, &["description", "on_behalf_of"]);
        merge_metadata_at(&mut setup, data.get("metadata"), "setup_intent_data[metadata]")?;
    }
    Ok(json!({
        "payment_intent_data": options::payment_intent_data(given("payment_intent_data"), &Value::Null)?,
        "subscription_data": options::subscription_data(given("subscription_data"), &Value::Null)?,
        "setup_intent_data": setup, "customer_update": given("customer_update"),
    }))
}

/// The session of a visit to a link. `query` may hold `client_reference_id`, `prefilled_email` (or `customer_email`),
/// `locked_prefilled_email`, `prefilled_promo_code`, `locale` and campaign codes; what does not fit is left out, as Stripe
/// does.
pub(crate) fn visit(ctx: &mut Ctx<'_>, link: &Value, query: &Map<String, Value>) -> Result<Value, ApiError> {
    let link_id = text(link, "id");
    let mut items = ctx.account().line_items(link_id).to_vec();
    let facts = items::facts(ctx, &items)?;
    for item in &mut items {
        item.id = crate::ids::new("li");
    }
    let mode = if facts.period.is_some() { "subscription" } else { "payment" };
    let currency = text(link, "currency");
    let expires_at = ctx.now + LIFETIME_MAX;
    let mut session = new(ctx, mode, Some(currency), expires_at);
    if let Some(link) = link.as_object() {
        copy(&mut session, link, &FROM_LINK);
    }
    session["payment_link"] = link_id.into();
    session["success_url"] = link["after_completion"]["redirect"]["url"].clone();
    session["custom_fields"] = link["custom_fields"].clone();
    if mode == "subscription" {
        session["customer_creation"] = Value::Null;
    }
    let fitting = link["payment_method_types"].as_array().into_iter().flatten();
    let fitting: Vec<&Value> =
        fitting.filter(|method| method.as_str().is_some_and(|name| fits_currency(name, currency))).collect();
    if !fitting.is_empty() {
        session["payment_method_types"] = json!(fitting);
    }
    let bounded = |name: &str, max: usize| {
        query
            .get(name)
            .filter(|value| value.as_str().is_some_and(|text| !text.is_empty() && text.len() <= max))
            .cloned()
    };
    let is_code = |value: &Value| {
        let is_fit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        value.as_str().is_some_and(|text| text.bytes().all(is_fit))
    };
    session["client_reference_id"] = bounded("client_reference_id", 200).filter(is_code).unwrap_or(Value::Null);
    if let Some(url) = session["success_url"].as_str() {
        let codes = UTM.iter().filter_map(|name| Some((*name, bounded(name, 150).filter(is_code)?)));
        session["success_url"] = with_codes(url, codes).into();
    }
    let locked = bounded("locked_prefilled_email", 800).filter(|email| email.as_str().is_some_and(is_email));
    session["customer_email"] = locked
        .clone()
        .or_else(|| bounded("prefilled_email", 800))
        .or_else(|| bounded("customer_email", 800))
        .unwrap_or(Value::Null);
    session["locale"] = bounded("locale", 10).unwrap_or(Value::Null);
    let mut internal = json!({"payment_intent_data": link["payment_intent_data"],
        "subscription_data": link["subscription_data"], "setup_intent_data": {},
        "prefilled_promo_code": bounded("prefilled_promo_code", 500), "is_email_locked": locked.is_some()});
    for name in ["application_fee_amount", "application_fee_percent", "on_behalf_of", "transfer_data"] {
        internal[name] = link[name].clone();
    }
    Ok(open(ctx, session, items, internal))
}

/// A URL to redirect to with campaign codes behind its query: none of them needs to be encoded, and what else the URL has,
/// such as `{CHECKOUT_SESSION_ID}`, stays as it is.
fn with_codes(url: &str, codes: impl Iterator<Item = (&'static str, Value)>) -> String {
    let (address, fragment) = url.split_once('#').map_or((url, None), |(address, rest)| (address, Some(rest)));
    let mut address = address.to_owned();
    for (name, code) in codes {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(name);
        address.push('=');
        address.push_str(code.as_str().unwrap_or_default());
    }
    if let Some(fragment) = fragment {
        address.push('#');
        address.push_str(fragment);
    }
    address
}

fn new(ctx: &Ctx<'_>, mode: &str, currency: Option<&str>, expires_at: i64) -> Value {
    let id = crate::ids::new("cs_test");
    let if_required = (mode != "subscription").then_some("if_required");
    json!({
        "id": id, "object": "checkout.session", "adaptive_pricing": {"enabled": false}, "after_expiration": null,
        "allow_promotion_codes": null, "amount_subtotal": null, "amount_total": null,
        "automatic_tax": {"enabled": false, "liability": null, "provider": null, "status": null},
        "billing_address_collection": null, "branding_settings": null, "cancel_url": null, "client_reference_id": null,
        "client_secret": null, "collected_information": null, "consent": null, "consent_collection": null,
        "created": ctx.now, "currency": currency, "currency_conversion": null, "custom_fields": [],
        "custom_text": {"after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null},
        "customer": null, "customer_account": null, "customer_creation": if_required, "customer_details": null,
        "customer_email": null, "discounts": [], "expires_at": expires_at, "integration_identifier": null, "invoice": null,
        "invoice_creation": if mode == "payment" { json!({"enabled": false, "invoice_data": {"account_tax_ids": null,
            "custom_fields": null, "description": null, "footer": null, "issuer": null, "metadata": {},
            "rendering_options": null}}) } else { Value::Null },
        "livemode": false, "locale": null, "managed_payments": null, "metadata": {}, "mode": mode, "name_collection": null,
        "optional_items": null, "origin_context": null, "payment_intent": null, "payment_link": null,
        "payment_method_collection": if mode == "payment" { "if_required" } else { "always" },
        "payment_method_configuration_details": null, "payment_method_options": {}, "payment_method_types": ["card"],
        "payment_status": if mode == "setup" { "no_payment_required" } else { "unpaid" }, "permissions": null,
        "phone_number_collection": {"enabled": false}, "presentment_details": null, "recovered_from": null,
        "saved_payment_method_options": null, "setup_intent": null, "shipping_address_collection": null,
        "shipping_cost": null, "shipping_options": [], "status": "open", "submit_type": null, "subscription": null,
        "success_url": null, "tax_id_collection": {"enabled": false, "required": "never"},
        "total_details": if mode == "setup" { Value::Null } else {
            json!({"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}) },
        "ui_mode": "hosted_page", "url": format!("{}/c/pay/{id}", ctx.public_url), "wallet_options": null,
    })
}

fn open(ctx: &mut Ctx<'_>, mut session: Value, items: Vec<LineItem>, mut internal: Value) -> Value {
    let id = text(&session, "id").to_owned();
    let tax = &mut session["automatic_tax"];
    let enabled = tax["enabled"] == true;
    tax["provider"] = enabled.then_some("stripe").into();
    tax["status"] = enabled.then_some("requires_location_inputs").into();
    for field in session["custom_fields"].as_array_mut().into_iter().flatten() {
        let kind = text(field, "type").to_owned();
        field[kind.as_str()]["value"] = Value::Null;
    }
    internal["id"] = id.clone().into();
    ctx.add("session_internal", internal);
    ctx.account().set_line_items(&id, items.clone());
    ctx.account().set_form_token(&id, crate::ids::random(32));
    ctx.add("checkout.session", session.clone());
    if session["mode"] != "setup" {
        let figures = figures::of(ctx, &session, &Purchase::default(), &mut Vec::new());
        figures.write(&mut session);
        // The lines add up to what the session tells from the beginning.
        ctx.account().set_line_items(&id, figures.line_items(&items));
        ctx.replace("checkout.session", &session);
    }
    ctx.publish(&id, &id);
    session
}

/// What is to be done with a session that nobody is told.
pub(crate) fn internal_of(ctx: &mut Ctx<'_>, id: &str) -> Value {
    ctx.account().get("session_internal", id).cloned().unwrap_or(Value::Null)
}

/// Whether the way to pay is kept for later payments.
pub(crate) fn keeps_method(session: &Value, internal: &Value) -> bool {
    session["mode"] != "payment"
        || internal["payment_intent_data"]["setup_future_usage"].is_string()
        || session["payment_method_options"]["card"]["setup_future_usage"].is_string()
}

/// Whether the money is only held on a card at first, and taken later.
pub(crate) fn holds_money(session: &Value, internal: &Value) -> bool {
    internal["payment_intent_data"]["capture_method"] == "manual"
        || session["payment_method_options"]["card"]["capture_method"] == "manual"
}

/// The promotion code that the link's URL brought, for the page to begin with.
pub(crate) fn prefilled_promo_code(ctx: &mut Ctx<'_>, id: &str) -> Option<String> {
    internal_of(ctx, id)["prefilled_promo_code"].as_str().map(str::to_owned)
}

/// The e-mail address that the link's URL brought and the customer can't change.
pub(crate) fn locked_email(ctx: &mut Ctx<'_>, session: &Value) -> Option<String> {
    let is_locked = internal_of(ctx, text(session, "id"))["is_email_locked"] == true;
    session["customer_email"].as_str().filter(|_| is_locked).map(str::to_owned)
}

/// A session as it is now: one whose time has passed expires on the way.
pub(crate) fn get(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let now = ctx.now;
    let session = ctx.object("checkout.session", id)?;
    if session["status"] == "open" && session["expires_at"].as_i64().is_some_and(|end| end <= now) {
        return Ok(expire_overdue(ctx, id));
    }
    Ok(session.clone())
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    for (_, id) in overdue(ctx) {
        expire_overdue(ctx, &id);
    }
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
    Ok(mark_expired(ctx, id))
}

/// The open sessions whose time has passed, by that time.
pub(crate) fn overdue(ctx: &mut Ctx<'_>) -> Vec<(i64, String)> {
    let now = ctx.now;
    let end = |session: &Value| session["expires_at"].as_i64().filter(|end| *end <= now);
    let open = ctx.account().all("checkout.session").filter(|session| session["status"] == "open");
    let mut overdue: Vec<_> =
        open.filter_map(|session| Some((end(session)?, text(session, "id").to_owned()))).collect();
    overdue.sort();
    overdue
}

/// Expires a session.
pub(crate) fn mark_expired(ctx: &mut Ctx<'_>, id: &str) -> Value {
    payments::give_up_session(ctx, id);
    let Ok(session) = ctx.object_mut("checkout.session", id) else { return Value::Null };
    session["status"] = "expired".into();
    session["url"] = Value::Null;
    let session = session.clone();
    ctx.emit("checkout.session.expired", &session);
    session
}

/// Expires a session whose time has passed. It happened, whatever becomes of the call that came upon it.
fn expire_overdue(ctx: &mut Ctx<'_>, id: &str) -> Value {
    let session = mark_expired(ctx, id);
    ctx.keep();
    session
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::visit;
    use crate::testing::{Sandbox, refusal};

    const CREATE: &str = "POST /v1/checkout/sessions";
    const ONE: &str = "line_items[0][quantity]=1&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=10000&line_items[0][price_data][product_data][name]=Book";
    const MONTHLY: &str = "&line_items[0][price_data][recurring][interval]=month";

    #[test]
    fn each_mode_has_its_own_options() {
        let mut sandbox = Sandbox::new();
        for (body, param) in [
            (format!("mode=payment&{ONE}{MONTHLY}"), "mode"),
            (format!("mode=subscription&{ONE}"), "mode"),
            (format!("mode=setup&{ONE}"), "line_items"),
            ("mode=payment".to_owned(), "line_items"),
            (format!("mode=subscription&{ONE}{MONTHLY}&payment_intent_data[description]=x"), "payment_intent_data"),
            (format!("mode=subscription&{ONE}{MONTHLY}&invoice_creation[enabled]=true"), "invoice_creation"),
            (format!("mode=payment&{ONE}&subscription_data[trial_period_days]=3"), "subscription_data"),
            (format!("mode=payment&{ONE}&payment_method_collection=if_required"), "payment_method_collection"),
            (
                format!("mode=subscription&{ONE}{MONTHLY}&subscription_data[trial_end]=5"),
                "subscription_data[trial_end]",
            ),
            (
                format!("mode=subscription&{ONE}{MONTHLY}&subscription_data[trial_end]={}", i64::MAX),
                "subscription_data[trial_end]",
            ),
            (
                format!("mode=subscription&{ONE}{MONTHLY}&subscription_data[billing_cycle_anchor]=5"),
                "subscription_data[billing_cycle_anchor]",
            ),
            (
                format!("mode=payment&{ONE}&line_items[0][metadata][{}]=x", "k".repeat(41)),
                &*format!("line_items[0][metadata][{}]", "k".repeat(41)),
            ),
            ("mode=setup&allow_promotion_codes=true".to_owned(), "allow_promotion_codes"),
            (format!("mode=payment&{ONE}&payment_method_types[0]=card"), "payment_method_types"),
            (format!("mode=payment&{ONE}&allowed_payment_method_types[0]=klarna"), "allowed_payment_method_types"),
            (format!("mode=payment&{ONE}&success_url=nowhere"), "success_url"),
            (format!("mode=payment&{ONE}&expires_at={}", i64::MIN), "expires_at"),
        ] {
            assert_eq!(refusal(sandbox.try_call(CREATE, &body)), param, "{body}");
        }
        let setup = sandbox.call(CREATE, "mode=setup&currency=eur&success_url=https://a.example/{CHECKOUT_SESSION_ID}");
        assert_eq!(
            (setup["payment_status"].as_str(), &setup["amount_total"]),
            (Some("no_payment_required"), &Value::Null)
        );
    }

    #[test]
    fn a_discount_is_one_and_shows_in_the_totals_at_once() {
        let mut sandbox = Sandbox::new();
        sandbox.call("POST /v1/coupons", "id=C&percent_off=10");
        let session = sandbox.call(CREATE, &format!("mode=payment&{ONE}&discounts[0][coupon]=C"));
        assert_eq!(
            (session["amount_subtotal"].as_i64(), session["amount_total"].as_i64()),
            (Some(10_000), Some(9_000))
        );
        assert_eq!(session["discounts"], json!([{"coupon": "C", "promotion_code": null}]));
        let line = sandbox.call_on("GET /v1/checkout/sessions/{id}/line_items", &session, "")["data"][0].clone();
        assert_eq!((&line["amount_discount"], &line["amount_total"]), (&json!(1_000), &json!(9_000)));
        for (body, param) in [
            ("&discounts[0][coupon]=C&discounts[1][coupon]=C", "discounts"),
            ("&discounts[0][coupon]=C&allow_promotion_codes=true", "allow_promotion_codes"),
            ("&discounts[0][coupon]=none", "discounts[0][coupon]"),
        ] {
            assert_eq!(refusal(sandbox.try_call(CREATE, &format!("mode=payment&{ONE}{body}"))), param);
        }
    }

    #[test]
    fn a_bank_transfer_needs_a_customer_and_the_currency_of_its_kind() {
        let mut sandbox = Sandbox::new();
        let customer = sandbox.call("POST /v1/customers", "email=a@b.se");
        let customer = format!("&customer={}", customer["id"].as_str().unwrap());
        let only = format!("mode=payment&{ONE}&allowed_payment_method_types[0]=customer_balance");
        let options = "&payment_method_options[customer_balance][funding_type]=bank_transfer&payment_method_options[customer_balance][bank_transfer][type]";
        assert_eq!(refusal(sandbox.try_call(CREATE, &only)), "allowed_payment_method_types");
        let funding = "payment_method_options[customer_balance][funding_type]";
        assert_eq!(refusal(sandbox.try_call(CREATE, &format!("{only}{customer}"))), funding);
        let kind = "payment_method_options[customer_balance][bank_transfer][type]";
        assert_eq!(refusal(sandbox.try_call(CREATE, &format!("{only}{customer}{options}=us_bank_transfer"))), kind);
        let country = "&payment_method_options[customer_balance][bank_transfer][eu_bank_transfer][country]=DE";
        let session = sandbox.call(CREATE, &format!("{only}{customer}{options}=eu_bank_transfer{country}"));
        assert_eq!(session["payment_method_types"], json!(["customer_balance"]));
        let both = format!(
            "{only}&allowed_payment_method_types[1]=sepa_debit&allowed_payment_method_types[2]=us_bank_account"
        );
        assert_eq!(sandbox.call(CREATE, &both)["payment_method_types"], json!(["sepa_debit"]));
    }

    #[test]
    fn a_session_expires_with_its_time_and_says_so_once() {
        let mut sandbox = Sandbox::new();
        let session = sandbox.call(CREATE, &format!("mode=payment&{ONE}"));
        sandbox.state.clock_offset += super::DAY + 1;
        assert!(sandbox.try_call_on("POST /v1/checkout/sessions/{id}/expire", &session, "").is_err());
        assert_eq!(sandbox.call_on("GET /v1/checkout/sessions/{id}", &session, "")["status"], "expired");
        assert_eq!(sandbox.events().iter().filter(|event| *event == "checkout.session.expired").count(), 1);
    }

    #[test]
    fn a_visit_copies_the_link_and_takes_what_fits_of_the_url() {
        let mut sandbox = Sandbox::new();
        let link = sandbox.call("POST /v1/payment_links", &format!("{ONE}&metadata[order]=7&phone_number_collection[enabled]=true&allow_promotion_codes=true&automatic_tax[enabled]=true&custom_fields[0][key]=k&custom_fields[0][type]=text&custom_fields[0][label][type]=custom&custom_fields[0][label][custom]=L"));
        let mut query = Map::new();
        for (name, value) in [
            ("client_reference_id", "a-1"),
            ("prefilled_email", "a@b.se"),
            ("prefilled_promo_code", "FALL"),
            ("locale", "sv"),
        ] {
            query.insert(name.to_owned(), value.into());
        }
        let session = sandbox.within(|ctx| visit(ctx, &link, &query)).unwrap();
        assert_eq!(session["client_reference_id"], "a-1");
        assert_eq!((&session["customer_email"], &session["locale"]), (&json!("a@b.se"), &json!("sv")));
        assert_eq!(
            (&session["metadata"], &session["phone_number_collection"]["enabled"]),
            (&json!({"order": "7"}), &json!(true))
        );
        assert_eq!(session["automatic_tax"]["status"], "requires_location_inputs");
        assert_eq!(session["custom_fields"][0]["text"]["value"], Value::Null);
        let id = session["id"].as_str().unwrap();
        assert_eq!(sandbox.within(|ctx| super::prefilled_promo_code(ctx, id)).as_deref(), Some("FALL"));
        query.insert("client_reference_id".to_owned(), "a b".into());
        assert_eq!(sandbox.within(|ctx| visit(ctx, &link, &query)).unwrap()["client_reference_id"], Value::Null);
    }
}

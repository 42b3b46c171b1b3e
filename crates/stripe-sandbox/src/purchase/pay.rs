//! What paying does: a customer, a payment method, an intent or a subscription, and the session that is complete.

use serde_json::{Map, Value, json};

use crate::api::payments::{self, CardBehavior, Order};
use crate::api::subscriptions::{self, Start};
use crate::api::{customers, delayed, invoices, sessions};
use crate::purchase::figures::Figures;
use crate::purchase::{Method, NotPaid, Purchase, validation};
use crate::state::{Ctx, copy, text};

/// Pays a session whose purchase fits.
///
/// # Errors
/// The card was declined, or its bank must be asked first; the session stays open.
pub(crate) fn pay(
    ctx: &mut Ctx<'_>,
    session: &Value,
    purchase: &Purchase,
    figures: &Figures,
) -> Result<Value, NotPaid> {
    if let Method::Card(card) = &purchase.method
        && card.behavior == CardBehavior::AsksForAuthentication
        && !purchase.authenticated
    {
        return Err(NotPaid::NeedsAuthentication);
    }
    let id = text(session, "id").to_owned();
    let internal = sessions::internal_of(ctx, &id);
    let kind = kind(session, purchase);
    let data = intent_data(session, &internal, purchase);
    let order = Order {
        amount: figures.due(),
        currency: &figures.currency,
        data: &data,
        customer: session["customer"].as_str(),
        session: &id,
        invoice: None,
        kind,
    };
    if let Some(code) = declined(purchase) {
        if session["mode"] == "payment" && figures.due() > 0 {
            let mut intent = payments::intent(ctx, &order);
            let method = payments::method(ctx, purchase, kind);
            payments::decline(ctx, &mut intent, &method, code);
        }
        return Err(NotPaid::Declined(code));
    }
    let mut session = session.clone();
    let customer = customer(ctx, &session, &internal, purchase);
    session["customer"] = customer.clone().into();
    let mut method = payments::method(ctx, purchase, kind);
    let is_kept = sessions::keeps_method(&session, &internal);
    if let Some(customer) = customer.as_deref().filter(|_| is_kept && !method.is_null()) {
        payments::attach(ctx, &mut method, customer);
    }
    collect(ctx, &mut session, purchase, figures);
    let before = ctx.account().line_items(&id).to_vec();
    ctx.account().set_line_items(&id, figures.line_items(&before));
    if let Some(applied) = figures.applied.as_ref().filter(|_| session["mode"] == "payment") {
        subscriptions::discount(ctx, applied, &session, None);
    }
    let paid = match text(&session, "mode") {
        "setup" => {
            session["setup_intent"] = setup(ctx, &session, &internal, &method)["id"].clone();
            "no_payment_required"
        }
        "subscription" => {
            let mut data = internal["subscription_data"].as_object().cloned().unwrap_or_default();
            for name in ["application_fee_percent", "on_behalf_of", "transfer_data"] {
                if !internal[name].is_null() {
                    data.insert(name.to_owned(), internal[name].clone());
                }
            }
            let customer = customer.as_deref().unwrap_or_default();
            let data = Value::from(data);
            let start = Start { session: &id, data: &data, figures, customer, method: &method };
            let (subscription, invoice, intent) = subscriptions::start(ctx, &start);
            session["subscription"] = subscription["id"].clone();
            session["invoice"] = invoice["id"].clone();
            state(intent.as_ref())
        }
        _ if figures.due() == 0 => "no_payment_required",
        _ => {
            let order = Order { customer: customer.as_deref(), ..order };
            let mut intent = payments::intent(ctx, &order);
            intent["customer"] = customer.clone().into();
            intent["payment_method"] = method["id"].clone();
            match purchase.method {
                Method::BankDebit { .. } => delayed::start_debit(ctx, &mut intent, &method),
                Method::BankTransfer => {
                    let transfer = &session["payment_method_options"]["customer_balance"]["bank_transfer"];
                    delayed::await_transfer(ctx, &mut intent, &method, text(transfer, "type"));
                }
                Method::None | Method::Card(_) => payments::succeed(ctx, &mut intent, &method),
            }
            session["payment_intent"] = intent["id"].clone();
            state(Some(&intent))
        }
    };
    session["status"] = "complete".into();
    session["payment_status"] = paid.into();
    session["url"] = Value::Null;
    ctx.replace("checkout.session", &session);
    if session["mode"] == "payment" && matches!(paid, "paid" | "no_payment_required") {
        invoices::after_payment(ctx, &session);
    }
    let session = ctx.account().get("checkout.session", &id).cloned().unwrap_or(session);
    ctx.emit("checkout.session.completed", &session);
    count(ctx, &session);
    Ok(session)
}

/// What the session says of payment: money that is held, on its way or awaited is not there.
fn state(intent: Option<&Value>) -> &'static str {
    match intent {
        None => "no_payment_required",
        Some(intent) if intent["status"] == "succeeded" => "paid",
        Some(_) => "unpaid",
    }
}

fn kind(session: &Value, purchase: &Purchase) -> &'static str {
    match &purchase.method {
        Method::None | Method::Card(_) => "card",
        Method::BankTransfer => "customer_balance",
        Method::BankDebit { .. } => validation::debit_type(session).unwrap_or("sepa_debit"),
    }
}

fn declined(purchase: &Purchase) -> Option<&'static str> {
    let Method::Card(card) = &purchase.method else { return None };
    match card.behavior {
        CardBehavior::Declined => Some("generic_decline"),
        CardBehavior::InsufficientFunds => Some("insufficient_funds"),
        _ => None,
    }
}

/// What the intent is made with: a link tells fees and transfers beside its `payment_intent_data`, a session within.
fn intent_data(session: &Value, internal: &Value, purchase: &Purchase) -> Value {
    let mut data = json!({});
    if let Some(given) = internal["payment_intent_data"].as_object() {
        let names: Vec<&str> = given.keys().map(String::as_str).collect();
        copy(&mut data, given, &names);
    }
    for name in ["application_fee_amount", "on_behalf_of", "transfer_data"] {
        if !internal[name].is_null() {
            data[name] = internal[name].clone();
        }
    }
    if let Some(recipient) = &purchase.shipping {
        data["shipping"] = json!({"address": payments::address(&recipient.address), "carrier": null,
            "name": recipient.name, "phone": purchase.phone, "tracking_number": null});
    }
    let future = &session["payment_method_options"]["card"]["setup_future_usage"];
    if data["setup_future_usage"].is_null() && future.is_string() {
        data["setup_future_usage"] = future.clone();
    }
    if sessions::holds_money(session, internal) {
        data["capture_method"] = "manual".into();
    }
    data
}

/// The session's customer, or a new one where the session, or keeping the payment method, needs one.
fn customer(ctx: &mut Ctx<'_>, session: &Value, internal: &Value, purchase: &Purchase) -> Option<String> {
    let mut given = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() && value != "" {
            given.insert(name.to_owned(), value);
        }
    };
    put("name", purchase.name.clone().into());
    put("address", payments::address(&purchase.billing));
    put("shipping", purchase.shipping.as_ref().map_or(Value::Null, |recipient| {
        json!({"address": payments::address(&recipient.address), "name": recipient.name, "phone": purchase.phone})
    }));
    if let Some(customer) = session["customer"].as_str() {
        let update = &internal["customer_update"];
        given.retain(|name, _| update[name] == "auto");
        if !given.is_empty() {
            // A customer that was deleted meanwhile is left so.
            let _ = customers::update(ctx, customer, &given);
        }
        return Some(customer.to_owned());
    }
    let is_needed = session["mode"] == "subscription"
        || session["customer_creation"] == "always"
        || session["invoice_creation"]["enabled"] == true
        || (session["mode"] == "payment" && sessions::keeps_method(session, internal));
    if !is_needed {
        return None;
    }
    put("email", email(ctx, session, purchase));
    let mut put = |name: &str, value: &Option<String>| {
        if let Some(value) = value.as_ref().filter(|value| !value.trim().is_empty()) {
            given.insert(name.to_owned(), value.clone().into());
        }
    };
    put("phone", &purchase.phone);
    put("business_name", &purchase.business_name);
    put("individual_name", &purchase.individual_name);
    let customer = customers::create(ctx, &given).ok()?;
    Some(text(&customer, "id").to_owned())
}

fn email(ctx: &mut Ctx<'_>, session: &Value, purchase: &Purchase) -> Value {
    if let Some(entered) = purchase.email.as_deref() {
        return entered.trim().into();
    }
    let known = session["customer"].as_str().and_then(|id| ctx.account().get("customer", id));
    known
        .map_or(Value::Null, |customer| customer["email"].clone())
        .as_str()
        .or(session["customer_email"].as_str())
        .into()
}

/// Writes what was entered and chosen into the session.
fn collect(ctx: &mut Ctx<'_>, session: &mut Value, purchase: &Purchase, figures: &Figures) {
    if session["mode"] != "setup" {
        figures.write(session);
    }
    if let Some(applied) = &figures.applied {
        session["discounts"] = json!([{"coupon": applied.coupon["id"], "promotion_code": applied.promotion}]);
    }
    if session["automatic_tax"]["enabled"] == true {
        session["automatic_tax"]["status"] = "complete".into();
    }
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let (individual, business) = (filled(&purchase.individual_name), filled(&purchase.business_name));
    let shipping = purchase.shipping.as_ref().filter(|_| session["shipping_address_collection"].is_object());
    session["collected_information"] = json!({
        "business_name": business, "individual_name": individual,
        "shipping_details": shipping.map(|recipient| json!({"address": payments::address(&recipient.address),
            "name": recipient.name})),
    });
    let customer = session["customer"].as_str().and_then(|id| ctx.account().get("customer", id)).cloned();
    let exempt = customer.as_ref().map_or("none", |customer| text(customer, "tax_exempt")).to_owned();
    let tax_ids: Value = match purchase.tax_id.as_ref().filter(|(_, value)| !value.trim().is_empty()) {
        Some((kind, value)) if session["tax_id_collection"]["enabled"] == true => {
            json!([{"type": kind, "value": value}])
        }
        _ => json!([]),
    };
    let name = filled(&Some(purchase.name.clone()));
    let email = email(ctx, session, purchase);
    session["customer_details"] = json!({
        "address": payments::address(&purchase.billing), "business_name": business, "email": email,
        "individual_name": individual, "name": name, "phone": filled(&purchase.phone), "tax_exempt": exempt,
        "tax_ids": tax_ids,
    });
    let asks = session["consent_collection"].clone();
    if asks["promotions"] == "auto" || asks["terms_of_service"] == "required" {
        let promotions =
            (asks["promotions"] == "auto").then_some(if purchase.promotions_accepted { "opt_in" } else { "opt_out" });
        let terms = (asks["terms_of_service"] == "required").then_some("accepted");
        session["consent"] = json!({"promotions": promotions, "terms_of_service": terms});
    }
    for field in session["custom_fields"].as_array_mut().into_iter().flatten() {
        let entered = purchase.custom_fields.get(text(field, "key")).map(String::as_str);
        let value = validation::custom_value(field, entered).unwrap_or_default();
        let kind = text(field, "type").to_owned();
        field[kind.as_str()]["value"] = value.into();
    }
}

/// Keeps a payment method without a payment.
fn setup(ctx: &mut Ctx<'_>, session: &Value, internal: &Value, method: &Value) -> Value {
    let id = crate::ids::new("seti");
    let data = &internal["setup_intent_data"];
    let mut intent = json!({
        "id": id, "object": "setup_intent", "application": null, "automatic_payment_methods": null,
        "cancellation_reason": null, "client_secret": format!("{id}_secret_{}", crate::ids::random(25)), "created": ctx.now,
        "customer": session["customer"], "customer_account": null, "description": data["description"],
        "excluded_payment_method_types": null, "flow_directions": null, "last_setup_error": null, "latest_attempt": null,
        "livemode": false, "mandate": null, "metadata": data["metadata"].as_object().cloned().unwrap_or_default(),
        "next_action": null, "on_behalf_of": data["on_behalf_of"], "payment_method": null,
        "payment_method_configuration_details": null, "payment_method_options": {},
        "payment_method_types": session["payment_method_types"], "single_use_mandate": null,
        "status": "requires_payment_method", "usage": "off_session",
    });
    ctx.add("setup_intent", intent.clone());
    ctx.emit("setup_intent.created", &intent);
    intent["status"] = "succeeded".into();
    intent["payment_method"] = method["id"].clone();
    ctx.replace("setup_intent", &intent);
    ctx.emit("setup_intent.succeeded", &intent);
    intent
}

/// Counts a completed session against its link's limit; the last one closes the link.
fn count(ctx: &mut Ctx<'_>, session: &Value) {
    let Some(link) = session["payment_link"].as_str() else { return };
    let Ok(link) = ctx.object_mut("payment_link", link) else { return };
    if !link["restrictions"].is_object() {
        return;
    }
    let sessions = &mut link["restrictions"]["completed_sessions"];
    let count = sessions["count"].as_i64().unwrap_or_default() + 1;
    sessions["count"] = count.into();
    if sessions["limit"].as_i64().is_some_and(|limit| count >= limit) {
        link["active"] = false.into();
        let link = link.clone();
        ctx.emit("payment_link.updated", &link);
    }
}

//! Payment intents, payment methods and charges.

use serde_json::{Map, Value, json};

use crate::api::{delayed, disputes};
use crate::check::{refused, within};
use crate::error::ApiError;
use crate::purchase::{Address, Method, Purchase};
use crate::state::{Ctx, ScheduledTask, copy, merge_metadata, text};

/// How long money is held, in seconds: seven days, as for most cards.
const HOLD_SECONDS: i64 = 7 * crate::clock::DAY;

/// A test card, of which only what may be shown is kept.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) brand: &'static str,
    pub(crate) last4: String,
    pub(crate) exp_month: u8,
    pub(crate) exp_year: u16,
    pub(crate) behavior: CardBehavior,
}

/// What paying with a test card comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CardBehavior {
    Pays,
    Declined,
    InsufficientFunds,
    AsksForAuthentication,
    PaysThenDisputed,
    PaysRefundFails,
}

/// Stripe's test cards that the sandbox plays: number, brand by Stripe's name, and what paying with it comes to. See
/// <https://docs.stripe.com/testing>.
const TEST_CARDS: [(&str, &str, CardBehavior); 14] = [
    ("4242424242424242", "visa", CardBehavior::Pays),
    ("5555555555554444", "mastercard", CardBehavior::Pays),
    ("2223003122003222", "mastercard", CardBehavior::Pays),
    ("378282246310005", "amex", CardBehavior::Pays),
    ("6011111111111117", "discover", CardBehavior::Pays),
    ("3056930009020004", "diners", CardBehavior::Pays),
    ("36227206271667", "diners", CardBehavior::Pays),
    ("3566002020360505", "jcb", CardBehavior::Pays),
    ("6200000000000005", "unionpay", CardBehavior::Pays),
    ("4000000000000002", "visa", CardBehavior::Declined),
    ("4000000000009995", "visa", CardBehavior::InsufficientFunds),
    ("4000002500003155", "visa", CardBehavior::AsksForAuthentication),
    ("4000000000000259", "visa", CardBehavior::PaysThenDisputed),
    ("4000000000005126", "visa", CardBehavior::PaysRefundFails),
];

/// The brand of a test card, by its digits alone, and what it does.
pub(crate) fn test_card(digits: &str) -> Option<(&'static str, CardBehavior)> {
    TEST_CARDS.iter().find(|(number, ..)| *number == digits).map(|(_, brand, behavior)| (*brand, *behavior))
}

/// What an intent is for.
pub(crate) struct Order<'a> {
    pub(crate) amount: i64,
    pub(crate) currency: &'a str,
    /// In the shape of a link's `payment_intent_data`, with fees and transfers beside.
    pub(crate) data: &'a Value,
    pub(crate) customer: Option<&'a str>,
    /// Empty where no session is paid.
    pub(crate) session: &'a str,
    pub(crate) invoice: Option<&'a str>,
    pub(crate) kind: &'a str,
}

/// An address as Stripe tells it: null where a part is absent.
pub(crate) fn address(address: &Address) -> Value {
    let part = |text: &str| if text.trim().is_empty() { Value::Null } else { Value::from(text.trim()) };
    json!({"city": part(&address.city), "country": part(&address.country), "line1": part(&address.line1),
        "line2": part(&address.line2), "postal_code": part(&address.postal_code), "state": part(&address.state)})
}

/// A payment method of what the customer entered, not attached to anyone; none where there is none.
pub(crate) fn method(ctx: &mut Ctx<'_>, purchase: &Purchase, kind: &str) -> Value {
    let (details, behavior) = match &purchase.method {
        Method::None => return Value::Null,
        Method::Card(card) => (
            json!({"brand": card.brand, "checks": {"address_line1_check": null, "address_postal_code_check": null,
                "cvc_check": "pass"}, "country": "US", "display_brand": card.brand, "exp_month": card.exp_month,
                "exp_year": card.exp_year, "fingerprint": crate::ids::random(16), "funding": "credit",
                "generated_from": null, "last4": card.last4, "networks": {"available": [card.brand], "preferred": null},
                "regulated_status": "unregulated", "three_d_secure_usage": {"supported": true}, "wallet": null}),
            Some(card.behavior),
        ),
        Method::BankTransfer => (json!({}), None),
        Method::BankDebit { account_ends } => (
            json!({"bank_code": null, "country": purchase.billing.country, "fingerprint": crate::ids::random(16),
                "last4": account_ends}),
            None,
        ),
    };
    let mut method = json!({
        "id": crate::ids::new("pm"), "object": "payment_method", "allow_redisplay": "limited",
        "billing_details": {"address": address(&purchase.billing), "email": purchase.email, "name": purchase.name,
            "phone": purchase.phone, "tax_id": null},
        "created": ctx.now, "customer": null, "customer_account": null, "livemode": false, "metadata": {}, "type": kind,
    });
    method[kind] = details;
    ctx.add(
        "method_internal",
        json!({"id": method["id"], "refund_fails": behavior == Some(CardBehavior::PaysRefundFails),
        "is_disputed": behavior == Some(CardBehavior::PaysThenDisputed)}),
    );
    ctx.add("payment_method", method)
}

/// Keeps a payment method for a customer.
pub(crate) fn attach(ctx: &mut Ctx<'_>, method: &mut Value, customer: &str) {
    method["customer"] = customer.into();
    ctx.replace("payment_method", method);
    ctx.emit("payment_method.attached", method);
}

/// The intent that pays: a session's stays the same over declines.
pub(crate) fn intent(ctx: &mut Ctx<'_>, order: &Order<'_>) -> Value {
    let open = ctx.account().get("session_intent", order.session).map(|kept| text(kept, "intent").to_owned());
    if let Some(mut intent) = open.and_then(|open| ctx.account().get("payment_intent", &open).cloned()) {
        // What is chosen, and with it what is due, may have changed since a decline.
        intent["amount"] = order.amount.into();
        intent["payment_method_types"] = json!([order.kind]);
        apply(&mut intent, order.data);
        return intent;
    }
    let id = crate::ids::new("pi");
    let mut intent = json!({
        "id": id, "object": "payment_intent", "amount": order.amount, "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": 0, "application": null, "application_fee_amount": null,
        "automatic_payment_methods": null, "canceled_at": null, "cancellation_reason": null,
        "capture_method": "automatic_async", "client_secret": format!("{id}_secret_{}", crate::ids::random(25)),
        "confirmation_method": "automatic", "created": ctx.now, "currency": order.currency, "customer": order.customer,
        "customer_account": null, "description": null, "excluded_payment_method_types": null, "last_payment_error": null,
        "latest_charge": null, "livemode": false, "managed_payments": null, "metadata": {}, "next_action": null, "on_behalf_of": null,
        "payment_method": null, "payment_method_configuration_details": null, "payment_method_options": {},
        "payment_method_types": [order.kind], "processing": null, "receipt_email": null, "review": null,
        "setup_future_usage": null, "shipping": null, "source": null, "statement_descriptor": null,
        "statement_descriptor_suffix": null, "status": "requires_payment_method", "transfer_data": null,
        "transfer_group": null,
    });
    apply(&mut intent, order.data);
    let intent = ctx.add("payment_intent", intent);
    if !order.session.is_empty() {
        ctx.add("session_intent", json!({"id": order.session, "intent": id}));
    }
    ctx.add("intent_internal", json!({"id": id, "session": order.session, "invoice": order.invoice}));
    ctx.emit("payment_intent.created", &intent);
    intent
}

fn apply(intent: &mut Value, data: &Value) {
    for (name, value) in data.as_object().into_iter().flatten() {
        // Null leaves the default, as for `capture_method`.
        if intent.get(name).is_some() && !value.is_null() {
            intent[name] = value.clone();
        }
    }
}

/// Notes a decline: a charge that failed, and an intent that waits for another way to pay.
pub(crate) fn decline(ctx: &mut Ctx<'_>, intent: &mut Value, method: &Value, code: &str) {
    const MESSAGE: &str = "Your card was declined.";
    let mut charge = charge(ctx, intent, method, "failed");
    charge["failure_code"] = "card_declined".into();
    charge["failure_message"] = MESSAGE.into();
    charge["outcome"] = json!({"advice_code": null, "network_advice_code": null, "network_decline_code": null,
        "network_status": "declined_by_network", "reason": code, "risk_level": "normal",
        "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined"});
    ctx.replace("charge", &charge);
    ctx.emit("charge.failed", &charge);
    intent["status"] = "requires_payment_method".into();
    intent["latest_charge"] = charge["id"].clone();
    intent["last_payment_error"] = json!({"type": "card_error", "charge": charge["id"], "code": "card_declined",
        "decline_code": code, "message": MESSAGE, "payment_method": method});
    ctx.replace("payment_intent", intent);
    ctx.emit("payment_intent.payment_failed", intent);
}

/// Charges a payment method at once; with manual capture the money is only held.
pub(crate) fn succeed(ctx: &mut Ctx<'_>, intent: &mut Value, method: &Value) {
    let is_held = intent["capture_method"] == "manual";
    let mut charge = charge(ctx, intent, method, if is_held { "held" } else { "succeeded" });
    if is_held {
        let (end, kind) = (ctx.now + HOLD_SECONDS, text(method, "type").to_owned());
        charge["payment_method_details"][kind.as_str()]["capture_before"] = end.into();
        ctx.replace("charge", &charge);
        ctx.schedule(end, ScheduledTask::Hold(text(intent, "id").to_owned()));
    }
    intent["payment_method"] = method["id"].clone();
    intent["latest_charge"] = charge["id"].clone();
    intent["last_payment_error"] = Value::Null;
    ctx.emit("charge.succeeded", &charge);
    if is_held {
        intent["status"] = "requires_capture".into();
        intent["amount_capturable"] = intent["amount"].clone();
        ctx.replace("payment_intent", intent);
        ctx.emit("payment_intent.amount_capturable_updated", intent);
        return;
    }
    receive(ctx, intent, &charge);
}

/// The money of an intent is there.
pub(crate) fn receive(ctx: &mut Ctx<'_>, intent: &mut Value, charge: &Value) {
    intent["status"] = "succeeded".into();
    intent["amount_capturable"] = 0.into();
    intent["amount_received"] = charge["amount_captured"].clone();
    intent["next_action"] = Value::Null;
    intent["processing"] = Value::Null;
    ctx.replace("payment_intent", intent);
    record_in_ledger(ctx, charge);
    ctx.emit("payment_intent.succeeded", intent);
    let internal = ctx.account().get("method_internal", text(charge, "payment_method"));
    if internal.is_some_and(|internal| internal["is_disputed"] == true) {
        disputes::open(ctx, charge);
    }
}

/// A charge, `succeeded`, `pending`, `held` or `failed`.
pub(crate) fn charge(ctx: &mut Ctx<'_>, intent: &Value, method: &Value, state: &str) -> Value {
    let is_captured = state == "succeeded";
    let kind = text(method, "type").to_owned();
    let mut charge = json!({
        "id": crate::ids::new(if kind == "card" { "ch" } else { "py" }), "object": "charge", "amount": intent["amount"],
        "amount_captured": if is_captured { intent["amount"].clone() } else { 0.into() }, "amount_refunded": 0,
        "application": null, "application_fee": null, "application_fee_amount": intent["application_fee_amount"],
        "balance_transaction": null, "billing_details": method["billing_details"],
        "calculated_statement_descriptor": intent["statement_descriptor"], "captured": is_captured, "created": ctx.now,
        "currency": intent["currency"], "customer": intent["customer"], "description": intent["description"],
        "disputed": false, "failure_balance_transaction": null, "failure_code": null, "failure_message": null,
        "fraud_details": {}, "livemode": false, "metadata": intent["metadata"], "on_behalf_of": intent["on_behalf_of"],
        "outcome": {"advice_code": null, "network_advice_code": null, "network_decline_code": null,
            "network_status": "approved_by_network", "reason": null, "risk_level": "normal", "seller_message": "Payment complete.",
            "type": "authorized"},
        "paid": matches!(state, "succeeded" | "held"), "payment_intent": intent["id"], "payment_method": method["id"],
        "payment_method_details": {"type": kind}, "receipt_email": intent["receipt_email"], "receipt_number": null,
        "receipt_url": null, "refunded": false, "review": null, "shipping": intent["shipping"], "source": null,
        "source_transfer": null, "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": if state == "held" { "succeeded" } else { state }, "transfer_data": intent["transfer_data"],
        "transfer_group": intent["transfer_group"],
    });
    charge["payment_method_details"][kind.as_str()] = if kind == "card" {
        let card = &method["card"];
        json!({"amount_authorized": charge["amount"], "authorization_code": "123456",
            "extended_authorization": {"status": "disabled"}, "incremental_authorization": {"status": "unavailable"},
            "installments": null, "mandate": null, "multicapture": {"status": "unavailable"},
            "network_token": {"used": false}, "network_transaction_id": null,
            "overcapture": {"maximum_amount_capturable": charge["amount"], "status": "unavailable"},
            "regulated_status": "unregulated", "transaction_link_id": null, "brand": card["brand"],
            "checks": card["checks"], "country": card["country"], "exp_month": card["exp_month"],
            "exp_year": card["exp_year"], "fingerprint": card["fingerprint"], "funding": card["funding"],
            "last4": card["last4"], "network": card["brand"], "three_d_secure": null, "wallet": null})
    } else {
        method[kind.as_str()].clone()
    };
    ctx.add("charge", charge)
}

/// Enters a charge into the ledger, against which tests hold their books.
fn record_in_ledger(ctx: &mut Ctx<'_>, charge: &Value) {
    let internal = ctx.account().get("intent_internal", text(charge, "payment_intent")).cloned().unwrap_or(Value::Null);
    let session = ctx.account().get("checkout.session", text(&internal, "session")).cloned().unwrap_or(Value::Null);
    let method = ctx.account().get("method_internal", text(charge, "payment_method"));
    let refund_fails = method.is_some_and(|method| method["refund_fails"] == true);
    ctx.add(
        "ledger",
        json!({
            "id": charge["id"], "charge": charge["id"], "payment_intent": charge["payment_intent"], "session": session["id"],
            "payment_link": session["payment_link"], "invoice": internal["invoice"], "amount": charge["amount_captured"],
            "currency": charge["currency"], "metadata": session["metadata"], "refund_fails": refund_fails,
        }),
    );
}

/// Takes money that was held, all of it or a part.
pub(crate) fn capture(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut intent = ctx.object("payment_intent", id)?.clone();
    if intent["status"] != "requires_capture" {
        return Err(unexpected_state("captured", &intent));
    }
    let held = intent["amount_capturable"].as_i64().unwrap_or_default();
    let given = params.get("amount_to_capture").unwrap_or(&Value::Null);
    let amount = within(given, 1..=held, "amount_to_capture")?.unwrap_or(held);
    merge_metadata(&mut intent, params.get("metadata"))?;
    let charge = ctx.object_mut("charge", text(&intent, "latest_charge"))?;
    charge["captured"] = true.into();
    charge["amount_captured"] = amount.into();
    // What is not captured is let go.
    charge["amount_refunded"] = (held - amount).into();
    let charge = charge.clone();
    ctx.emit("charge.captured", &charge);
    receive(ctx, &mut intent, &charge);
    delayed::mark_paid(ctx, id);
    Ok(intent)
}

/// Gives up an intent that is not paid.
pub(crate) fn cancel(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut intent = ctx.object("payment_intent", id)?.clone();
    if !matches!(text(&intent, "status"), "requires_payment_method" | "requires_capture" | "requires_action") {
        return Err(unexpected_state("canceled", &intent));
    }
    let is_of_session =
        ctx.account().get("intent_internal", id).is_some_and(|internal| !text(internal, "session").is_empty());
    if is_of_session && intent["status"] != "requires_capture" {
        let message = "You can't cancel the PaymentIntent of a Checkout Session: expire the session instead.";
        return Err(refused(message, "intent").code("payment_intent_unexpected_state"));
    }
    copy(&mut intent, params, &["cancellation_reason"]);
    give_up(ctx, &mut intent);
    Ok(intent)
}

/// Cancels the intent of a session that was not paid, if it has one.
pub(crate) fn give_up_session(ctx: &mut Ctx<'_>, session: &str) {
    let open = ctx.account().get("session_intent", session).map(|kept| text(kept, "intent").to_owned());
    if let Some(mut intent) = open.and_then(|open| ctx.account().get("payment_intent", &open).cloned()) {
        intent["cancellation_reason"] = "automatic".into();
        give_up(ctx, &mut intent);
    }
}

fn give_up(ctx: &mut Ctx<'_>, intent: &mut Value) {
    // A charge that failed has nothing to give back.
    let held = ctx.account().get_mut("charge", text(intent, "latest_charge"));
    if let Some(charge) = held.filter(|charge| charge["status"] == "succeeded") {
        charge["amount_refunded"] = charge["amount"].clone();
        charge["refunded"] = true.into();
    }
    intent["status"] = "canceled".into();
    intent["canceled_at"] = ctx.now.into();
    intent["amount_capturable"] = 0.into();
    intent["next_action"] = Value::Null;
    ctx.replace("payment_intent", intent);
    ctx.emit("payment_intent.canceled", intent);
}

/// The time of held money has passed: what was not captured goes back to the customer.
pub(crate) fn end_hold(ctx: &mut Ctx<'_>, id: &str) {
    let is_held = ctx.account().get("payment_intent", id).is_some_and(|intent| intent["status"] == "requires_capture");
    if is_held {
        let mut params = Map::new();
        params.insert("cancellation_reason".to_owned(), "expired".into());
        // It is held, so it can be given up.
        let _ = cancel(ctx, id, &params);
    }
}

fn unexpected_state(what: &str, intent: &Value) -> ApiError {
    let message =
        format!("This PaymentIntent could not be {what} because it has a status of {}.", text(intent, "status"));
    refused(message, "intent").code("payment_intent_unexpected_state")
}

pub(crate) fn list(
    ctx: &mut Ctx<'_>,
    kind: &'static str,
    url: &str,
    params: &Map<String, Value>,
) -> Result<Value, ApiError> {
    let names = ["customer", "payment_intent", "charge", "payment_method"];
    ctx.list(kind, url, params, |object| {
        names.iter().all(|name| params.get(*name).is_none_or(|wanted| &object[*name] == wanted))
    })
}

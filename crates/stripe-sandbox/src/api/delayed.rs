//! Money that comes later: debits that a bank answers in days, and transfers that a customer makes.

use serde_json::{Map, Value, json};

use crate::api::{invoices, payments, subscriptions};
use crate::check::{refused, within};
use crate::clock::DAY;
use crate::error::ApiError;
use crate::money::{AMOUNT_MAX, check_currency};
use crate::state::{Ctx, ScheduledTask, text};

/// How long a bank takes for a debit, in seconds: five days.
const DEBIT_TIME: i64 = 5 * DAY;

/// Starts a debit, whose end the bank tells later: an account that ends in 0000 has no money.
pub(crate) fn start_debit(ctx: &mut Ctx<'_>, intent: &mut Value, method: &Value) {
    let charge = payments::charge(ctx, intent, method, "pending");
    let id = text(intent, "id").to_owned();
    intent["status"] = "processing".into();
    intent["payment_method"] = method["id"].clone();
    intent["latest_charge"] = charge["id"].clone();
    intent["last_payment_error"] = Value::Null;
    ctx.replace("payment_intent", intent);
    ctx.emit("charge.pending", &charge);
    ctx.emit("payment_intent.processing", intent);
    if let Some(internal) = ctx.account().get_mut("intent_internal", &id) {
        internal["fails"] = (method[text(method, "type")]["last4"] == "0000").into();
    }
    ctx.schedule(ctx.now + DEBIT_TIME, ScheduledTask::Debit(id));
}

/// The bank answers for a debit.
pub(crate) fn settle_debit(ctx: &mut Ctx<'_>, id: &str) {
    let Ok(mut intent) = ctx.object("payment_intent", id).cloned() else { return };
    if intent["status"] != "processing" {
        return;
    }
    let Ok(charge) = ctx.object("charge", text(&intent, "latest_charge")) else { return };
    let mut charge = charge.clone();
    let fails = ctx.account().get("intent_internal", id).is_some_and(|internal| internal["fails"] == true);
    if fails {
        charge["status"] = "failed".into();
        charge["failure_code"] = "insufficient_funds".into();
        charge["failure_message"] = "The customer's account has insufficient funds to cover this payment.".into();
        ctx.replace("charge", &charge);
        ctx.emit("charge.failed", &charge);
        intent["status"] = "requires_payment_method".into();
        intent["last_payment_error"] = json!({"type": "card_error", "code": "payment_intent_payment_attempt_failed",
            "message": charge["failure_message"], "charge": charge["id"]});
        ctx.replace("payment_intent", &intent);
        ctx.emit("payment_intent.payment_failed", &intent);
        tell_session(ctx, id, "checkout.session.async_payment_failed");
        subscriptions::payment_failed(ctx, id);
        return;
    }
    charge["status"] = "succeeded".into();
    charge["paid"] = true.into();
    charge["captured"] = true.into();
    charge["amount_captured"] = charge["amount"].clone();
    ctx.replace("charge", &charge);
    ctx.emit("charge.succeeded", &charge);
    payments::receive(ctx, &mut intent, &charge);
    mark_paid(ctx, id);
    tell_session(ctx, id, "checkout.session.async_payment_succeeded");
}

/// The money of an intent is there: its session and its invoice are paid.
pub(crate) fn mark_paid(ctx: &mut Ctx<'_>, intent: &str) {
    let internal = ctx.account().get("intent_internal", intent).cloned().unwrap_or(Value::Null);
    if let Some(invoice) = internal["invoice"].as_str() {
        invoices::pay(ctx, invoice, Some(intent));
    }
    let session = text(&internal, "session").to_owned();
    let Some(session) = ctx.account().get_mut("checkout.session", &session) else { return };
    session["payment_status"] = "paid".into();
    let session = session.clone();
    if internal["invoice"].is_null() {
        invoices::after_payment(ctx, &session);
    }
}

fn tell_session(ctx: &mut Ctx<'_>, intent: &str, event: &str) {
    let session = ctx.account().get("intent_internal", intent).map(|internal| text(internal, "session").to_owned());
    let session = session.and_then(|id| ctx.account().get("checkout.session", &id).cloned());
    if let Some(session) = session {
        ctx.emit(event, &session);
    }
}

/// Pays from the money that the customer has sent before, or else waits for a transfer: the intent tells where the money
/// is to go.
pub(crate) fn await_transfer(ctx: &mut Ctx<'_>, intent: &mut Value, method: &Value, kind: &str) {
    let (customer, currency) = (text(intent, "customer").to_owned(), text(intent, "currency").to_owned());
    let amount = intent["amount"].as_i64().unwrap_or_default();
    let balance = cash(ctx, &customer, &currency);
    let part = amount.min(balance);
    if part > 0 {
        set_cash(ctx, &customer, &currency, balance - part);
    }
    intent["payment_method_types"] = json!(["customer_balance"]);
    if part == amount {
        payments::succeed(ctx, intent, method);
        return;
    }
    let reference = crate::ids::random(12).to_ascii_uppercase();
    intent["status"] = "requires_action".into();
    intent["next_action"] = json!({"type": "display_bank_transfer_instructions", "display_bank_transfer_instructions": {
        "amount_remaining": amount - part, "currency": intent["currency"],
        "financial_addresses": [{"type": "iban", "iban": {"account_holder_name": "Sandbox merchant", "bic": "SANDSE00",
            "country": "SE", "iban": "SE0000000000000000000000"}, "supported_networks": ["sepa"]}],
        "hosted_instructions_url": null, "reference": reference, "type": kind}});
    ctx.replace("payment_intent", intent);
    ctx.emit("payment_intent.requires_action", intent);
    if part > 0 {
        ctx.emit("payment_intent.partially_funded", intent);
    }
}

/// `POST /v1/test_helpers/customers/{id}/fund_cash_balance`: money arrives, and pays what waits for it, the oldest first.
pub(crate) fn fund(ctx: &mut Ctx<'_>, customer: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    arrive_at(ctx, customer, params, None)
}

/// The same, where the transfer may name an intent that is paid before others.
fn arrive_at(
    ctx: &mut Ctx<'_>,
    customer: &str,
    params: &Map<String, Value>,
    named: Option<&Value>,
) -> Result<Value, ApiError> {
    ctx.object("customer", customer)?;
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    let amount = within(given("amount"), 1..=AMOUNT_MAX, "amount")?.unwrap_or_default();
    let currency = check_currency(given("currency").as_str().unwrap_or_default(), "currency")?;
    if !["eur", "gbp", "jpy", "mxn", "usd"].contains(&currency.as_str()) {
        return Err(refused(format!("A cash balance can't be held in {currency}."), "currency"));
    }
    let balance = cash(ctx, customer, &currency) + amount;
    set_cash(ctx, customer, &currency, balance);
    let transaction = ctx.add(
        "customer_cash_balance_transaction",
        json!({
            "id": crate::ids::new("ccsbtxn"), "object": "customer_cash_balance_transaction", "created": ctx.now,
            "currency": currency, "customer": customer, "customer_account": null, "ending_balance": balance,
            "funded": {"bank_transfer": {"reference": given("reference"), "type": transfer_type(&currency)}},
            "livemode": false, "net_amount": amount, "type": "funded",
        }),
    );
    ctx.emit("customer_cash_balance_transaction.created", &transaction);
    reconcile(ctx, customer, &currency, named);
    Ok(transaction)
}

fn transfer_type(currency: &str) -> &'static str {
    match currency {
        "gbp" => "gb_bank_transfer",
        "jpy" => "jp_bank_transfer",
        "mxn" => "mx_bank_transfer",
        "usd" => "us_bank_transfer",
        _ => "eu_bank_transfer",
    }
}

fn cash(ctx: &mut Ctx<'_>, customer: &str, currency: &str) -> i64 {
    ctx.account().get("cash", customer).and_then(|cash| cash["available"][currency].as_i64()).unwrap_or_default()
}

fn set_cash(ctx: &mut Ctx<'_>, customer: &str, currency: &str, balance: i64) {
    if ctx.account().get("cash", customer).is_none() {
        ctx.add("cash", json!({"id": customer, "available": {}}));
    }
    if let Some(cash) = ctx.account().get_mut("cash", customer) {
        cash["available"][currency] = balance.into();
    }
}

fn reconcile(ctx: &mut Ctx<'_>, customer: &str, currency: &str, named: Option<&Value>) {
    let waits = |intent: &&Value| {
        intent["status"] == "requires_action"
            && intent["customer"] == customer
            && intent["currency"] == currency
            && intent["payment_method_types"][0] == "customer_balance"
    };
    let mut waiting: Vec<Value> = ctx.account().all("payment_intent").filter(waits).cloned().collect();
    waiting.sort_by_key(|intent| named != Some(&intent["id"]));
    for mut intent in waiting {
        let balance = cash(ctx, customer, currency);
        let instructions = &mut intent["next_action"]["display_bank_transfer_instructions"];
        let left = instructions["amount_remaining"].as_i64().unwrap_or_default();
        let part = left.min(balance);
        if part == 0 {
            break;
        }
        instructions["amount_remaining"] = (left - part).into();
        set_cash(ctx, customer, currency, balance - part);
        if part < left {
            ctx.replace("payment_intent", &intent);
            ctx.emit("payment_intent.partially_funded", &intent);
            break;
        }
        arrive(ctx, &mut intent);
    }
}

/// All the money of a transfer is there.
fn arrive(ctx: &mut Ctx<'_>, intent: &mut Value) {
    let id = text(intent, "id").to_owned();
    let method = ctx.account().get("payment_method", text(intent, "payment_method")).cloned().unwrap_or(Value::Null);
    let charge = payments::charge(ctx, intent, &method, "succeeded");
    intent["latest_charge"] = charge["id"].clone();
    ctx.emit("charge.succeeded", &charge);
    payments::receive(ctx, intent, &charge);
    mark_paid(ctx, &id);
    tell_session(ctx, &id, "checkout.session.async_payment_succeeded");
}

/// A transfer for a session arrives, all that is left or so much.
pub(crate) fn transfer(ctx: &mut Ctx<'_>, session: &str, amount: Option<i64>) -> Result<Value, ApiError> {
    let session = ctx.object("checkout.session", session)?.clone();
    let intent = ctx.object("payment_intent", text(&session, "payment_intent"))?.clone();
    let left = intent["next_action"]["display_bank_transfer_instructions"]["amount_remaining"].as_i64();
    let Some(left) = left else { return Err(ApiError::invalid("This session waits for no bank transfer.")) };
    let mut params = Map::new();
    params.insert("amount".to_owned(), amount.unwrap_or(left).into());
    params.insert("currency".to_owned(), intent["currency"].clone());
    arrive_at(ctx, text(&intent, "customer"), &params, Some(&intent["id"]))?;
    ctx.object("checkout.session", text(&session, "id")).cloned()
}

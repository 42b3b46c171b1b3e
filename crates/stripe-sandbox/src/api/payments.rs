//! Payment intents, charges, refunds; and what paying a session does.

use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::state::{Ctx, copy, merge_metadata, text};

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

/// Who pays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Payer {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) country: String,
}

/// Pays an open session. A decline leaves it open.
///
/// # Errors
/// The decline code.
pub(crate) fn pay(ctx: &mut Ctx<'_>, session: &Value, payer: &Payer, card: &Card) -> Result<Value, &'static str> {
    let id = text(session, "id").to_owned();
    let data = ctx.account().get("payment_intent_data", &id).cloned().unwrap_or(Value::Null);
    let method = payment_method(ctx, payer, card);
    let mut intent = intent(ctx, session, &data);
    let decline = match card.behavior {
        CardBehavior::Declined => Some("generic_decline"),
        CardBehavior::InsufficientFunds => Some("insufficient_funds"),
        _ => None,
    };
    if let Some(code) = decline {
        intent["status"] = "requires_payment_method".into();
        intent["last_payment_error"] = json!({"type": "card_error", "code": "card_declined", "decline_code": code,
            "message": "Your card was declined."});
        save_intent(ctx, &id, &intent);
        ctx.emit("payment_intent.payment_failed", &intent);
        return Err(code);
    }
    let customer = customer(ctx, session, &data, payer);
    let saves = data["setup_future_usage"].is_string() && customer.is_some();
    let method = store_method(ctx, method, customer.as_deref().filter(|_| saves));
    let charge = charge(ctx, session, &intent, (&method, customer.as_deref()), card);
    for (name, value) in [
        ("status", Value::from("succeeded")),
        ("amount_received", intent["amount"].clone()),
        ("customer", customer.clone().into()),
        ("payment_method", method["id"].clone()),
        ("latest_charge", charge["id"].clone()),
    ] {
        intent[name] = value;
    }
    save_intent(ctx, &id, &intent);
    ctx.emit("charge.succeeded", &charge);
    ctx.emit("payment_intent.succeeded", &intent);
    if card.behavior == CardBehavior::PaysThenDisputed {
        dispute(ctx, &charge);
    }
    Ok(complete(ctx, &id, &intent, payer))
}

fn complete(ctx: &mut Ctx<'_>, id: &str, intent: &Value, payer: &Payer) -> Value {
    let Ok(session) = ctx.object("checkout.session", id) else { return Value::Null };
    session["status"] = "complete".into();
    session["payment_status"] = "paid".into();
    session["payment_intent"] = intent["id"].clone();
    session["customer"] = intent["customer"].clone();
    session["url"] = Value::Null;
    let address = json!({"city": null, "country": payer.country, "line1": null, "line2": null, "postal_code": null, "state": null});
    session["customer_details"] = json!({"address": address, "business_name": null, "email": payer.email,
        "individual_name": null, "name": payer.name, "phone": null, "tax_exempt": "none", "tax_ids": []});
    let session = session.clone();
    ctx.emit("checkout.session.completed", &session);
    if let Some(link_id) = session["payment_link"].as_str()
        && let Ok(link) = ctx.object("payment_link", link_id)
        && link["restrictions"].is_object()
    {
        let sessions = &mut link["restrictions"]["completed_sessions"];
        let count = sessions["count"].as_i64().unwrap_or_default() + 1;
        sessions["count"] = count.into();
        if sessions["limit"].as_i64().is_some_and(|limit| count >= limit) {
            link["active"] = false.into();
            let link = link.clone();
            ctx.emit("payment_link.updated", &link);
        }
    }
    session
}

fn intent(ctx: &mut Ctx<'_>, session: &Value, data: &Value) -> Value {
    let id = text(session, "id");
    let open = ctx.account().get("session_intent", id).map(|kept| text(kept, "intent").to_owned());
    if let Some(intent) = open.and_then(|open| ctx.account().get("payment_intent", &open).cloned()) {
        return intent;
    }
    let mut intent = json!({
        "id": crate::ids::new("pi"), "object": "payment_intent", "amount": session["amount_total"], "amount_capturable": 0,
        "amount_received": 0, "application": null, "application_fee_amount": null, "canceled_at": null,
        "cancellation_reason": null, "capture_method": "automatic_async", "confirmation_method": "automatic",
        "created": ctx.now, "currency": session["currency"], "customer": null, "description": null,
        "last_payment_error": null, "latest_charge": null, "livemode": false, "metadata": {}, "next_action": null,
        "on_behalf_of": null, "payment_method": null, "payment_method_options": {}, "payment_method_types": ["card"],
        "processing": null, "receipt_email": null, "review": null, "setup_future_usage": null, "shipping": null,
        "statement_descriptor": null, "statement_descriptor_suffix": null, "status": "requires_payment_method",
        "transfer_data": null, "transfer_group": null,
    });
    if let Some(data) = data.as_object() {
        let names = [
            "capture_method",
            "description",
            "setup_future_usage",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_group",
            "receipt_email",
        ];
        copy(&mut intent, data, &names);
        // Metadata was checked when it came in.
        let _ = merge_metadata(&mut intent, data.get("metadata").filter(|m| m.is_object()));
    }
    let intent = ctx.add("payment_intent", intent);
    ctx.add("session_intent", json!({"id": id, "intent": intent["id"]}));
    ctx.emit("payment_intent.created", &intent);
    intent
}

fn save_intent(ctx: &mut Ctx<'_>, _session: &str, intent: &Value) {
    if let Ok(kept) = ctx.object("payment_intent", text(intent, "id")) {
        *kept = intent.clone();
    }
}

fn payment_method(ctx: &Ctx<'_>, payer: &Payer, card: &Card) -> Value {
    let address = json!({"city": null, "country": payer.country, "line1": null, "line2": null, "postal_code": null, "state": null});
    json!({
        "id": crate::ids::new("pm"), "object": "payment_method", "allow_redisplay": "limited",
        "billing_details": {"address": address, "email": payer.email, "name": payer.name, "phone": null, "tax_id": null},
        "card": {"brand": card.brand, "checks": {"address_line1_check": null, "address_postal_code_check": null,
            "cvc_check": "pass"}, "country": "US", "display_brand": card.brand, "exp_month": card.exp_month,
            "exp_year": card.exp_year, "fingerprint": crate::ids::random(16), "funding": "credit",
            "generated_from": null, "last4": card.last4, "networks": {"available": [card.brand], "preferred": null},
            "three_d_secure_usage": {"supported": true}, "wallet": null},
        "created": ctx.now, "customer": null, "livemode": false, "metadata": {}, "type": "card",
    })
}

fn store_method(ctx: &mut Ctx<'_>, mut method: Value, customer: Option<&str>) -> Value {
    method["customer"] = customer.into();
    let method = ctx.add("payment_method", method);
    if customer.is_some() {
        ctx.emit("payment_method.attached", &method);
    }
    method
}

/// The session's customer, or a new one where the session, or keeping the payment method, needs one.
fn customer(ctx: &mut Ctx<'_>, session: &Value, data: &Value, payer: &Payer) -> Option<String> {
    if let Some(customer) = session["customer"].as_str() {
        return Some(customer.to_owned());
    }
    if session["customer_creation"] != "always" && !data["setup_future_usage"].is_string() {
        return None;
    }
    let mut params = Map::new();
    params.insert("email".to_owned(), payer.email.clone().into());
    params.insert("name".to_owned(), payer.name.clone().into());
    let customer = super::customers::create(ctx, &params).ok()?;
    Some(text(&customer, "id").to_owned())
}

fn charge(
    ctx: &mut Ctx<'_>,
    session: &Value,
    intent: &Value,
    (method, customer): (&Value, Option<&str>),
    card: &Card,
) -> Value {
    let charge = json!({
        "id": crate::ids::new("ch"), "object": "charge", "amount": intent["amount"], "amount_captured": intent["amount"],
        "amount_refunded": 0, "billing_details": method["billing_details"], "captured": true, "created": ctx.now,
        "currency": intent["currency"], "customer": customer, "description": intent["description"], "disputed": false,
        "failure_code": null, "failure_message": null, "livemode": false, "metadata": intent["metadata"],
        "outcome": {"network_status": "approved_by_network", "type": "authorized"}, "paid": true,
        "payment_intent": intent["id"], "payment_method": method["id"],
        "payment_method_details": {"card": {"brand": card.brand, "exp_month": card.exp_month, "exp_year": card.exp_year,
            "last4": card.last4}, "type": "card"},
        "refunded": false, "status": "succeeded",
    });
    let charge = ctx.add("charge", charge);
    ctx.add(
        "ledger",
        json!({
            "id": charge["id"], "charge": charge["id"], "payment_intent": intent["id"], "session": session["id"],
            "payment_link": session["payment_link"], "amount": charge["amount"], "currency": charge["currency"],
            "metadata": session["metadata"], "refund_fails": card.behavior == CardBehavior::PaysRefundFails,
        }),
    );
    charge
}

fn dispute(ctx: &mut Ctx<'_>, charge: &Value) {
    let dispute = ctx.add(
        "dispute",
        json!({
            "id": crate::ids::new("dp"), "object": "dispute", "amount": charge["amount"], "charge": charge["id"],
            "created": ctx.now, "currency": charge["currency"], "livemode": false, "metadata": {},
            "payment_intent": charge["payment_intent"], "reason": "fraudulent", "status": "needs_response",
            "evidence_details": {"due_by": ctx.now + 14 * 24 * 60 * 60, "has_evidence": false, "past_due": false,
                "submission_count": 0},
        }),
    );
    if let Ok(kept) = ctx.object("charge", text(charge, "id")) {
        kept["disputed"] = true.into();
    }
    ctx.emit("charge.dispute.created", &dispute);
}

pub(crate) fn list(
    ctx: &mut Ctx<'_>,
    kind: &'static str,
    url: &str,
    params: &Map<String, Value>,
) -> Result<Value, ApiError> {
    ctx.list(kind, url, params, |object| {
        ["customer", "payment_intent", "charge"]
            .iter()
            .all(|name| params.get(*name).is_none_or(|wanted| &object[*name] == wanted))
    })
}

pub(crate) fn refund(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let charge =
        match (params.get("charge").and_then(Value::as_str), params.get("payment_intent").and_then(Value::as_str)) {
            (Some(charge), _) => ctx.object("charge", charge).map_err(|error| error.param("charge"))?.clone(),
            (None, Some(intent)) => {
                let intent = ctx.object("payment_intent", intent).map_err(|error| error.param("payment_intent"))?;
                let charge = text(intent, "latest_charge").to_owned();
                ctx.object("charge", &charge)
                    .map_err(|_| ApiError::invalid("This PaymentIntent does not have a successful charge to refund."))?
                    .clone()
            }
            (None, None) => {
                return Err(ApiError::invalid(
                    "One of the following params should be provided for this request: payment_intent or charge.",
                )
                .code("parameter_missing")
                .param("charge"));
            }
        };
    let (total, refunded) =
        (charge["amount"].as_i64().unwrap_or_default(), charge["amount_refunded"].as_i64().unwrap_or_default());
    let left = total - refunded;
    if left == 0 {
        return Err(ApiError::invalid(format!("Charge {} has already been refunded.", text(&charge, "id")))
            .code("charge_already_refunded"));
    }
    let amount = params.get("amount").and_then(Value::as_i64).unwrap_or(left);
    if !(1..=left).contains(&amount) {
        let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).");
        return Err(ApiError::invalid(message).param("amount"));
    }
    let fails = ctx.account().get("ledger", text(&charge, "id")).is_some_and(|entry| entry["refund_fails"] == true);
    let mut refund = json!({
        "id": crate::ids::new("re"), "object": "refund", "amount": amount, "charge": charge["id"], "created": ctx.now,
        "currency": charge["currency"], "metadata": {}, "payment_intent": charge["payment_intent"],
        "reason": params.get("reason"), "status": if fails { "pending" } else { "succeeded" },
    });
    merge_metadata(&mut refund, params.get("metadata"))?;
    let mut refund = ctx.add("refund", refund);
    ctx.emit("refund.created", &refund);
    if fails {
        refund["status"] = "failed".into();
        refund["failure_reason"] = "expired_or_canceled_card".into();
        *ctx.object("refund", text(&refund, "id"))? = refund.clone();
        ctx.emit("refund.failed", &refund);
        return Ok(refund);
    }
    let kept = ctx.object("charge", text(&charge, "id"))?;
    kept["amount_refunded"] = (refunded + amount).into();
    kept["refunded"] = (refunded + amount == total).into();
    let kept = kept.clone();
    ctx.emit("charge.refunded", &kept);
    Ok(refund)
}

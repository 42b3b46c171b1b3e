//! Refunds: of cards at once, of banks a day later, of transfers once the customer names an account; of one test card
//! they seem done, and come back.

use serde_json::{Map, Value, json};

use crate::check::{missing, refused, within};
use crate::clock::DAY;
use crate::error::ApiError;
use crate::state::{Ctx, ScheduledTask, merge_metadata, text};

/// How long a refund takes that is not done at once, and how long until one comes back, in seconds: a day.
const REFUND_TIME: i64 = DAY;

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    let charge = charge_of(ctx, given("charge"), given("payment_intent"))?;
    if charge["captured"] != true {
        return Err(ApiError::invalid("This charge was not captured: cancel its PaymentIntent instead.")
            .code("charge_not_refundable"));
    }
    if charge["disputed"] == true {
        return Err(ApiError::invalid(format!(
            "Charge {} has been charged back; cannot issue a refund.",
            text(&charge, "id")
        ))
        .code("charge_disputed"));
    }
    let refunded = charge["amount_refunded"].as_i64().unwrap_or_default();
    let left = charge["amount"].as_i64().unwrap_or_default() - refunded;
    if left == 0 {
        return Err(ApiError::invalid(format!("Charge {} has already been refunded.", text(&charge, "id")))
            .code("charge_already_refunded"));
    }
    if given("reverse_transfer") == true && charge["transfer_data"].is_null() {
        return Err(refused("This charge has no transfer to reverse.", "reverse_transfer"));
    }
    if given("refund_application_fee") == true && charge["application_fee_amount"].is_null() {
        return Err(refused("This charge has no application fee to refund.", "refund_application_fee"));
    }
    let amount = within(given("amount"), 1..=i64::MAX, "amount")?.unwrap_or(left);
    if amount > left {
        let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).");
        return Err(refused(message, "amount"));
    }
    let kind = text(&charge["payment_method_details"], "type").to_owned();
    let state = match kind.as_str() {
        "card" => "succeeded",
        // Stripe asks the customer by e-mail where the money is to go.
        "customer_balance" => "requires_action",
        _ => "pending",
    };
    let mut refund = json!({
        "id": crate::ids::new("re"), "object": "refund", "amount": amount, "balance_transaction": null,
        "charge": charge["id"], "created": ctx.now, "currency": charge["currency"], "customer": charge["customer"],
        "customer_account": null, "destination_details": {"type": kind}, "metadata": {},
        "payment_intent": charge["payment_intent"], "payment_method": charge["payment_method"], "reason": given("reason"),
        "receipt_number": null, "source_transfer_reversal": null, "status": state,
        "transfer_reversal": null,
    });
    refund["destination_details"][kind.as_str()] = json!({"reference": null, "reference_status": "pending",
        "type": "refund"});
    merge_metadata(&mut refund, params.get("metadata"))?;
    let refund = ctx.add("refund", refund);
    ctx.emit("refund.created", &refund);
    let charge = give_back(ctx, &charge, amount);
    ctx.emit("charge.refunded", &charge);
    if state != "succeeded" || fails(ctx, text(&charge, "id")) {
        ctx.schedule(ctx.now + REFUND_TIME, ScheduledTask::Refund(text(&refund, "id").to_owned()));
    }
    Ok(refund)
}

fn charge_of(ctx: &mut Ctx<'_>, charge: &Value, intent: &Value) -> Result<Value, ApiError> {
    match (charge.as_str(), intent.as_str()) {
        (Some(charge), _) => ctx.object("charge", charge).map_err(|error| error.of_param("charge")).cloned(),
        (None, Some(intent)) => {
            let intent = ctx.object("payment_intent", intent).map_err(|error| error.of_param("payment_intent"))?;
            let charge = text(intent, "latest_charge").to_owned();
            let charge = ctx.account().get("charge", &charge).filter(|charge| charge["status"] == "succeeded");
            charge
                .cloned()
                .ok_or_else(|| ApiError::invalid("This PaymentIntent does not have a successful charge to refund."))
        }
        (None, None) => Err(missing("charge")),
    }
}

fn fails(ctx: &mut Ctx<'_>, charge: &str) -> bool {
    ctx.account().get("ledger", charge).is_some_and(|entry| entry["refund_fails"] == true)
}

/// Moves what a charge has given back, up or down.
fn give_back(ctx: &mut Ctx<'_>, charge: &Value, amount: i64) -> Value {
    let Some(kept) = ctx.account().get_mut("charge", text(charge, "id")) else { return Value::Null };
    let refunded = kept["amount_refunded"].as_i64().unwrap_or_default() + amount;
    kept["amount_refunded"] = refunded.into();
    kept["refunded"] = (kept["amount"].as_i64() == Some(refunded)).into();
    kept.clone()
}

/// A refund that waited arrives at the customer, or comes back.
pub(crate) fn settle(ctx: &mut Ctx<'_>, id: &str) {
    let Ok(mut refund) = ctx.object("refund", id).cloned() else { return };
    let charge = text(&refund, "charge").to_owned();
    if !fails(ctx, &charge) {
        if !matches!(text(&refund, "status"), "pending" | "requires_action") {
            return;
        }
        refund["status"] = "succeeded".into();
        ctx.replace("refund", &refund);
        ctx.emit("refund.updated", &refund);
        return;
    }
    refund["status"] = "failed".into();
    refund["failure_reason"] = "expired_or_canceled_card".into();
    undo(ctx, &refund);
    ctx.emit("refund.updated", &refund);
    ctx.emit("refund.failed", &refund);
}

fn undo(ctx: &mut Ctx<'_>, refund: &Value) {
    ctx.replace("refund", refund);
    let amount = refund["amount"].as_i64().unwrap_or_default();
    give_back(ctx, &json!({"id": refund["charge"]}), -amount);
}

pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut refund = ctx.object("refund", id)?.clone();
    merge_metadata(&mut refund, params.get("metadata"))?;
    ctx.replace("refund", &refund);
    ctx.emit("refund.updated", &refund);
    Ok(refund)
}

/// Takes back a refund that waits for the customer; Stripe lets no other be taken back.
pub(crate) fn cancel(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let mut refund = ctx.object("refund", id)?.clone();
    if refund["status"] != "requires_action" {
        let message = format!("A refund with a status of {} can't be canceled.", text(&refund, "status"));
        return Err(ApiError::invalid(message));
    }
    refund["status"] = "canceled".into();
    undo(ctx, &refund);
    ctx.emit("refund.updated", &refund);
    Ok(refund)
}

//! Disputes: a test card's customer disputes the charge, and whoever plays the bank decides.

use serde_json::{Value, json};

use crate::check::refused;
use crate::error::ApiError;
use crate::state::{Ctx, text};

const EVIDENCE_TIME: i64 = 7 * 24 * 60 * 60;

pub(crate) fn open(ctx: &mut Ctx<'_>, charge: &Value) {
    let evidence = [
        "access_activity_log",
        "billing_address",
        "cancellation_policy",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "customer_communication",
        "customer_email_address",
        "customer_name",
        "customer_purchase_ip",
        "customer_signature",
        "duplicate_charge_documentation",
        "duplicate_charge_explanation",
        "duplicate_charge_id",
        "product_description",
        "receipt",
        "refund_policy",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "service_date",
        "service_documentation",
        "shipping_address",
        "shipping_carrier",
        "shipping_date",
        "shipping_documentation",
        "shipping_tracking_number",
        "uncategorized_file",
        "uncategorized_text",
    ];
    let mut evidence: Value = evidence.into_iter().map(|name| (name.to_owned(), Value::Null)).collect();
    evidence["enhanced_evidence"] = json!({});
    let dispute = ctx.add(
        "dispute",
        json!({
            "id": crate::ids::new("dp"), "object": "dispute", "amount": charge["amount_captured"],
            "balance_transactions": [], "charge": charge["id"], "created": ctx.now, "currency": charge["currency"],
            "enhanced_eligibility_types": [], "evidence": evidence,
            "evidence_details": {"due_by": ctx.now + EVIDENCE_TIME, "enhanced_eligibility": {}, "has_evidence": false,
                "past_due": false, "submission_count": 0},
            "is_charge_refundable": false, "livemode": false, "metadata": {}, "payment_intent": charge["payment_intent"],
            "payment_method_details": {"card": {"brand": "visa", "case_type": "chargeback", "network": "visa",
                "network_reason_code": "10.4"}, "type": "card"},
            "reason": "fraudulent", "status": "needs_response",
        }),
    );
    if let Ok(kept) = ctx.object_mut("charge", text(charge, "id")) {
        kept["disputed"] = true.into();
    }
    ctx.emit("charge.dispute.created", &dispute);
    ctx.emit("charge.dispute.funds_withdrawn", &dispute);
}

/// Ends a dispute, `won` or `lost`.
pub(crate) fn close(ctx: &mut Ctx<'_>, id: &str, outcome: &str) -> Result<Value, ApiError> {
    if !matches!(outcome, "won" | "lost") {
        return Err(refused("A dispute ends won or lost.", "status"));
    }
    let dispute = ctx.object_mut("dispute", id)?;
    if matches!(text(dispute, "status"), "won" | "lost") {
        return Err(ApiError::invalid("This dispute is already closed."));
    }
    dispute["status"] = outcome.into();
    let dispute = dispute.clone();
    ctx.emit("charge.dispute.closed", &dispute);
    if outcome == "won" {
        ctx.emit("charge.dispute.funds_reinstated", &dispute);
    }
    Ok(dispute)
}

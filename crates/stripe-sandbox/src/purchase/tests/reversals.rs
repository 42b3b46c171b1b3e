//! Money that goes back: refunds and disputes.

use super::*;

#[test]
fn refunds_of_one_card_seem_done_and_come_back() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.link_session(&lines("sek", &[10_000]));
    let done = sandbox.pay(&session, &purchase("5126"));
    let intent = format!("payment_intent={}", done["payment_intent"].as_str().unwrap());
    let refund = sandbox.call("POST /v1/refunds", &format!("{intent}&amount=4000"));
    assert_eq!(refund["status"], "succeeded");
    let charge = sandbox.get("charges", &refund["charge"]);
    assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(4_000), &json!(false)));
    sandbox.advance(DAY + 1);
    let refund = sandbox.get("refunds", &refund["id"]);
    assert_eq!((&refund["status"], refund["failure_reason"].is_string()), (&json!("failed"), true));
    assert_eq!(sandbox.get("charges", &refund["charge"])["amount_refunded"], 0);
    let again = sandbox.call("POST /v1/refunds", &intent);
    assert!(sandbox.try_call_on("POST /v1/refunds/{id}/cancel", &again, "").is_err());
    let count = |sandbox: &mut Sandbox, kind: &str| sandbox.happened(kind);
    assert_eq!(
        (
            count(&mut sandbox, "refund.created"),
            count(&mut sandbox, "refund.failed"),
            count(&mut sandbox, "charge.refunded")
        ),
        (2, 1, 2)
    );
}

#[test]
fn other_refunds_are_done_at_once_and_never_give_back_more_than_was_paid() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.link_session(&lines("sek", &[10_000]));
    let done = sandbox.pay(&session, &purchase("4242"));
    let intent = format!("payment_intent={}", done["payment_intent"].as_str().unwrap());
    assert_eq!(sandbox.call("POST /v1/refunds", &format!("{intent}&amount=4000"))["status"], "succeeded");
    assert_eq!(refusal(sandbox.try_call("POST /v1/refunds", &format!("{intent}&amount=6001"))), "amount");
    let rest = sandbox.call("POST /v1/refunds", &intent);
    assert_eq!((&rest["amount"], &sandbox.get("charges", &rest["charge"])["refunded"]), (&json!(6_000), &json!(true)));
    assert!(sandbox.try_call("POST /v1/refunds", &intent).is_err());
}

#[test]
fn a_dispute_is_opened_and_closed_once() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.link_session(&lines("sek", &[10_000]));
    let done = sandbox.pay(&session, &purchase("0259"));
    let disputes =
        sandbox.call("GET /v1/disputes", &format!("payment_intent={}", done["payment_intent"].as_str().unwrap()));
    let dispute = disputes["data"][0].clone();
    assert_eq!(
        (&dispute["status"], &sandbox.get("charges", &dispute["charge"])["disputed"]),
        (&json!("needs_response"), &json!(true))
    );
    let id = dispute["id"].as_str().unwrap();
    assert_eq!(sandbox.within(|ctx| crate::api::disputes::close(ctx, id, "won")).unwrap()["status"], "won");
    assert!(sandbox.within(|ctx| crate::api::disputes::close(ctx, id, "lost")).is_err());
    assert_eq!((sandbox.happened("charge.dispute.created"), sandbox.happened("charge.dispute.closed")), (1, 1));
}

#[test]
fn a_refund_to_a_bank_arrives_a_day_later() {
    let mut sandbox = Sandbox::new();
    let session =
        sandbox.session(&format!("mode=payment&{}allowed_payment_method_types[0]=sepa_debit", lines("eur", &[10_000])));
    let attempt = Purchase { method: Method::BankDebit { account_ends: "6789".to_owned() }, ..purchase("4242") };
    let done = sandbox.pay(&session, &attempt);
    let intent = format!("payment_intent={}", done["payment_intent"].as_str().unwrap());
    assert!(sandbox.try_call("POST /v1/refunds", &intent).is_err());
    sandbox.advance(5 * DAY + 1);
    let refund = sandbox.call("POST /v1/refunds", &intent);
    assert_eq!(refund["status"], "pending");
    sandbox.advance(DAY + 1);
    assert_eq!(sandbox.get("refunds", &refund["id"])["status"], "succeeded");
    assert_eq!(sandbox.happened("refund.updated"), 1);
}

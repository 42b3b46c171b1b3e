//! Money that customers send by bank transfer, and what it pays.

use super::*;

/// A session over an amount of EUR that a customer pays by bank transfer.
fn by_transfer(sandbox: &mut Sandbox, customer: &Value, amount: i64) -> Value {
    let body = format!(
        "mode=payment&{}invoice_creation[enabled]=true&customer={}&allowed_payment_method_types[0]=customer_balance&payment_method_options[customer_balance][funding_type]=bank_transfer&payment_method_options[customer_balance][bank_transfer][type]=eu_bank_transfer&payment_method_options[customer_balance][bank_transfer][eu_bank_transfer][country]=DE",
        lines("eur", &[amount]),
        customer["id"].as_str().unwrap()
    );
    let session = sandbox.session(&body);
    sandbox.pay(&session, &Purchase { method: Method::BankTransfer, ..Purchase::default() })
}

#[test]
fn money_that_is_there_pays_at_once_and_what_is_left_is_asked_for() {
    let mut sandbox = Sandbox::new();
    let customer = sandbox.call("POST /v1/customers", "email=a@b.se");
    let fund = "POST /v1/test_helpers/customers/{id}/fund_cash_balance";
    sandbox.call_on(fund, &customer, "amount=15000&currency=eur");
    let paid = by_transfer(&mut sandbox, &customer, 10_000);
    assert_eq!((&paid["payment_status"], paid["invoice"].is_string()), (&json!("paid"), true));
    assert_eq!(sandbox.happened("checkout.session.async_payment_succeeded"), 0);
    let part = by_transfer(&mut sandbox, &customer, 8_000);
    let intent = sandbox.get("payment_intents", &part["payment_intent"]);
    let left = &intent["next_action"]["display_bank_transfer_instructions"]["amount_remaining"];
    assert_eq!((&part["payment_status"], left), (&json!("unpaid"), &json!(3_000)));
    assert_eq!(sandbox.happened("payment_intent.partially_funded"), 1);
    sandbox.call_on(fund, &customer, "amount=3000&currency=eur");
    assert_eq!(sandbox.get("checkout/sessions", &part["id"])["payment_status"], "paid");
    assert_eq!((sandbox.happened("invoice.paid"), sandbox.happened("charge.succeeded")), (2, 2));
}

#[test]
fn a_transfer_for_a_session_pays_that_one_before_older_ones() {
    let mut sandbox = Sandbox::new();
    let customer = sandbox.call("POST /v1/customers", "email=a@b.se");
    let (older, named) = (by_transfer(&mut sandbox, &customer, 10_000), by_transfer(&mut sandbox, &customer, 10_000));
    let id = named["id"].as_str().unwrap();
    let paid = sandbox.within(|ctx| crate::api::delayed::transfer(ctx, id, None)).unwrap();
    assert_eq!(paid["payment_status"], "paid");
    assert_eq!(sandbox.get("checkout/sessions", &older["id"])["payment_status"], "unpaid");
}

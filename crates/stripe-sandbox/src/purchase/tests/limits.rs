//! What is not taken, for how much it is, by what it is paid, or for whom.

use super::*;

#[test]
fn nothing_is_charged_beyond_eight_digits_in_any_period() {
    let mut sandbox = Sandbox::new();
    // A session whose total is known to be too large is refused; this one becomes so by its tax.
    let large = format!("{}automatic_tax[enabled]=true&", lines("sek", &[99_999_000, 300]));
    let second = "line_items[1][price_data][recurring][interval]=month&";
    for body in [
        format!("mode=payment&{large}"),
        format!("mode=subscription&{large}{MONTHLY}"),
        format!("mode=subscription&{large}{MONTHLY}{second}subscription_data[trial_period_days]=3"),
    ] {
        let session = sandbox.session(&body);
        let field_error = sandbox.field_error(&session, &purchase("4242"));
        assert_eq!(field_error, (FormField::Method, FieldErrorKind::TooLarge(99_999_999)), "{body}");
    }
}

#[test]
fn a_card_of_a_brand_that_is_blocked_is_not_taken() {
    let mut sandbox = Sandbox::new();
    let blocked = "payment_method_options[card][restrictions][brands_blocked]";
    let blocked = format!("{blocked}[0]=american_express&{blocked}[1]=discover_global_network");
    let link = format!("{}{blocked}", lines("sek", &[10_000]));
    for (number, brand, is_taken) in [
        ("4242424242424242", "visa", true),
        ("5555555555554444", "mastercard", true),
        ("378282246310005", "amex", false),
        ("6011111111111117", "discover", false),
        ("36227206271667", "diners", false),
        ("3566002020360505", "jcb", false),
        ("6200000000000005", "unionpay", false),
    ] {
        let session = sandbox.link_session(&link);
        let attempt = Purchase { method: Method::Card(crate::page::test_card(number).unwrap()), ..purchase("4242") };
        if is_taken {
            let paid = sandbox.pay(&session, &attempt);
            let intent = sandbox.get("payment_intents", &paid["payment_intent"]);
            assert_eq!(sandbox.get("payment_methods", &intent["payment_method"])["card"]["brand"], brand);
        } else {
            assert_eq!(
                sandbox.field_error(&session, &attempt),
                (FormField::Method, FieldErrorKind::CardBrandNotAccepted),
                "{brand}"
            );
        }
    }
}

#[test]
fn a_code_for_a_first_purchase_is_gone_with_the_first_money() {
    let mut sandbox = Sandbox::new();
    sandbox.call("POST /v1/coupons", "id=C&percent_off=10&duration=once");
    let first = "restrictions[first_time_transaction]=true";
    sandbox.call("POST /v1/promotion_codes", &format!("promotion[type]=coupon&promotion[coupon]=C&code=FIRST&{first}"));
    let trial = format!("mode=subscription&{}{MONTHLY}subscription_data[trial_period_days]=3", lines("sek", &[10_000]));
    let trial = sandbox.session(&trial);
    sandbox.pay(&trial, &purchase("4242"));
    let debit =
        sandbox.session(&format!("mode=payment&{}allowed_payment_method_types[0]=sepa_debit", lines("eur", &[10_000])));
    let bounces = Method::BankDebit { account_ends: "0000".to_owned() };
    sandbox.pay(&debit, &Purchase { method: bounces, ..purchase("4242") });
    let link = format!("{}allow_promotion_codes=true", lines("sek", &[10_000]));
    let attempt = Purchase { promotion_code: Some("FIRST".to_owned()), ..purchase("4242") };
    let session = sandbox.link_session(&link);
    let (figures, field_errors) = sandbox.quote(&session, &attempt);
    assert_eq!((figures.total, field_errors), (9_000, vec![]), "nothing was paid yet");
    sandbox.advance(6 * DAY);
    let session = sandbox.link_session(&link);
    assert_eq!(
        sandbox.field_error(&session, &attempt),
        (FormField::PromotionCode, FieldErrorKind::CodeNotForYou),
        "the trial has ended"
    );
}

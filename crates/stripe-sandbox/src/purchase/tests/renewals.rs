//! What a subscription costs in the periods after its first, and what pays it.

use super::*;

/// A monthly session of 100 in a currency.
fn monthly(currency: &str, more: &str) -> String {
    format!("mode=subscription&{}{MONTHLY}{more}", lines(currency, &[10_000]))
}

impl Sandbox {
    /// The totals of a subscription's invoices, the newest first.
    fn totals(&mut self, session: &Value) -> Vec<i64> {
        let of = format!("subscription={}", session["subscription"].as_str().unwrap());
        let invoices = self.call("GET /v1/invoices", &of)["data"].clone();
        invoices.as_array().unwrap().iter().map(|invoice| invoice["total"].as_i64().unwrap()).collect()
    }

    /// Keeps a card for a customer, in a session of its own.
    fn keep_card(&mut self, customer: &Value) -> Value {
        let session = self.session(&format!("mode=setup&currency=eur&customer={}", customer.as_str().unwrap()));
        let intent = self.pay(&session, &purchase("4242"))["setup_intent"].clone();
        self.get("setup_intents", &intent)["payment_method"].clone()
    }
}

#[test]
fn a_method_that_was_detached_is_charged_no_more() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.session(&monthly("sek", ""));
    let done = sandbox.pay(&session, &purchase("4242"));
    let method = sandbox.get("subscriptions", &done["subscription"])["default_payment_method"].clone();
    sandbox.call(&format!("POST /v1/payment_methods/{}/detach", method.as_str().unwrap()), "");
    sandbox.advance(32 * DAY);
    assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], "past_due");
    assert_eq!(sandbox.happened("charge.succeeded"), 1);
}

#[test]
fn a_subscription_takes_its_own_customers_methods_alone_and_pays_as_their_kind() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.session(&monthly("eur", "allowed_payment_method_types[0]=sepa_debit"));
    let debit = Purchase { method: Method::BankDebit { account_ends: "6789".to_owned() }, ..purchase("4242") };
    let done = sandbox.pay(&session, &debit);
    sandbox.advance(6 * DAY);
    let (own, stranger) = (done["customer"].clone(), sandbox.call("POST /v1/customers", "")["id"].clone());
    let subscription = sandbox.get("subscriptions", &done["subscription"]);
    let update = |method: &Value| format!("default_payment_method={}", method.as_str().unwrap());
    let foreign = sandbox.keep_card(&stranger);
    let refused = sandbox.try_call_on("POST /v1/subscriptions/{id}", &subscription, &update(&foreign));
    assert_eq!(refusal(refused), "default_payment_method");
    let card = sandbox.keep_card(&own);
    sandbox.call_on("POST /v1/subscriptions/{id}", &subscription, &update(&card));
    sandbox.advance(26 * DAY);
    let charges = sandbox.call("GET /v1/charges", "")["data"].clone();
    assert_eq!(
        (&charges[0]["payment_method_details"]["type"], &charges[0]["status"]),
        (&json!("card"), &json!("succeeded"))
    );
    assert_eq!(charges.as_array().unwrap().len(), 2);
}

#[test]
fn a_customer_who_is_exempt_is_taxed_in_no_period() {
    let mut sandbox = Sandbox::new();
    let customer = sandbox.call("POST /v1/customers", "email=a@b.se&tax_exempt=exempt")["id"].clone();
    let body = format!("automatic_tax[enabled]=true&customer={}", customer.as_str().unwrap());
    let session = sandbox.session(&monthly("sek", &body));
    let done = sandbox.pay(&session, &purchase("4242"));
    sandbox.advance(32 * DAY);
    assert_eq!(sandbox.totals(&done), [10_000, 10_000]);
    // What the customer is now counts, as they may have lost their exemption.
    sandbox.call(&format!("POST /v1/customers/{}", customer.as_str().unwrap()), "tax_exempt=none");
    sandbox.advance(31 * DAY);
    assert_eq!(sandbox.totals(&done), [12_500, 10_000, 10_000]);
}

#[test]
fn a_discount_that_is_given_once_is_given_once_over_a_trial() {
    let mut sandbox = Sandbox::new();
    sandbox.call("POST /v1/coupons", "id=ONCE&amount_off=1000&currency=sek&duration=once");
    let trial = "discounts[0][coupon]=ONCE&subscription_data[trial_period_days]=7";
    let session = sandbox.session(&format!("mode=subscription&{}{MONTHLY}{trial}", lines("sek", &[10_000, 2_000])));
    let (quoted, _) = sandbox.quote(&session, &purchase("4242"));
    assert_eq!((quoted.total, quoted.discount, quoted.recurring.unwrap().total), (1_000, 1_000, 10_000));
    let done = sandbox.pay(&session, &purchase("4242"));
    sandbox.advance(40 * DAY);
    assert_eq!(sandbox.totals(&done), [10_000, 10_000, 1_000]);
    // Where nothing is paid at first, the discount is kept for the first period that costs something.
    let session = sandbox.session(&monthly("sek", trial));
    let done = sandbox.pay(&session, &purchase("4242"));
    sandbox.advance(40 * DAY);
    assert_eq!(sandbox.totals(&done), [10_000, 9_000, 0]);
}

#[test]
fn a_discount_that_stays_is_told_for_later_periods_as_it_will_be_given() {
    let mut sandbox = Sandbox::new();
    sandbox.call("POST /v1/coupons", "id=STAYS&amount_off=1200&currency=sek&duration=forever");
    let body = format!("mode=subscription&{}{MONTHLY}discounts[0][coupon]=STAYS", lines("sek", &[10_000, 2_000]));
    let session = sandbox.session(&body);
    assert_eq!(sandbox.quote(&session, &purchase("4242")).0.recurring.unwrap().total, 8_800);
    let done = sandbox.pay(&session, &purchase("4242"));
    sandbox.advance(32 * DAY);
    assert_eq!(sandbox.totals(&done), [8_800, 10_800]);
}

#[test]
fn an_end_with_the_period_is_not_earlier_than_that() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.session(&monthly("sek", ""));
    let done = sandbox.pay(&session, &purchase("4242"));
    let subscription = sandbox.get("subscriptions", &done["subscription"]);
    let update = "POST /v1/subscriptions/{id}";
    let soon = sandbox.now() + 10 * DAY;
    sandbox.call_on(update, &subscription, &format!("cancel_at={soon}"));
    sandbox.call_on(update, &subscription, "cancel_at_period_end=true");
    sandbox.advance(11 * DAY);
    assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], "active");
    let later = sandbox.now() + 90 * DAY;
    let told = sandbox.call_on(update, &subscription, &format!("cancel_at={later}"));
    assert_eq!((&told["cancel_at"], &told["cancel_at_period_end"]), (&json!(later), &json!(false)));
    sandbox.advance(80 * DAY);
    assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], "active");
    sandbox.advance(11 * DAY);
    assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], "canceled");
}

#[test]
fn what_costs_nothing_needs_no_method_to_go_on() {
    let mut sandbox = Sandbox::new();
    let body = format!("mode=subscription&{}{MONTHLY}payment_method_collection=if_required", lines("sek", &[0]));
    let session = sandbox.session(&body);
    let done = sandbox.pay(&session, &Purchase { method: Method::None, ..purchase("4242") });
    sandbox.advance(32 * DAY);
    assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], "active");
    assert_eq!((sandbox.happened("invoice.paid"), sandbox.happened("invoice.payment_failed")), (2, 0));
}

#[test]
fn an_invoices_lines_tell_the_period_that_they_pay() {
    let mut sandbox = Sandbox::new();
    let body = format!("mode=subscription&{}{MONTHLY}", lines("sek", &[10_000, 2_000]));
    let session = sandbox.session(&body);
    let done = sandbox.pay(&session, &purchase("4242"));
    let period = |of: &Value| (of["current_period_start"].clone(), of["current_period_end"].clone());
    let first = period(&sandbox.get("subscriptions", &done["subscription"])["items"]["data"][0]);
    let invoice = sandbox.get("invoices", &done["invoice"]);
    let told = |invoice: &Value, line: usize| {
        let period = &invoice["lines"]["data"][line]["period"];
        (period["start"].clone(), period["end"].clone())
    };
    assert_eq!((told(&invoice, 0), &invoice["period_end"]), (first.clone(), &first.0));
    assert_eq!(told(&invoice, 1), (first.0.clone(), first.0.clone()));
    sandbox.advance(32 * DAY);
    let subscription = sandbox.get("subscriptions", &done["subscription"]);
    let invoice = sandbox.get("invoices", &subscription["latest_invoice"]);
    assert_eq!(told(&invoice, 0), period(&subscription["items"]["data"][0]));
    assert_eq!((invoice["period_start"].clone(), invoice["period_end"].clone()), first);
}

#[test]
fn the_clock_stops_before_the_calendar_does() {
    let mut sandbox = Sandbox::new();
    sandbox.state.clock_offset = crate::clock::NOW_MAX - 800 * DAY - crate::clock::real_now();
    let yearly = MONTHLY.replace("month", "year");
    let session = sandbox.session(&format!("mode=subscription&{}{yearly}", lines("sek", &[10_000])));
    let done = sandbox.pay(&session, &purchase("4242"));
    sandbox.advance(i64::MAX / 4);
    assert_eq!(sandbox.now(), crate::clock::NOW_MAX);
    assert_eq!(sandbox.totals(&done).len(), 3);
    assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], "active");
}

impl Sandbox {
    /// The states of an invoice's payments, each with the id of its intent.
    fn payments_of(&mut self, invoice: &Value) -> Vec<(String, String)> {
        let path = format!("GET /v1/invoices/{}", invoice.as_str().unwrap());
        let told = self.call(&path, "expand[]=payments.data.payment.payment_intent");
        let of = |payment: &Value| {
            let intent = &payment["payment"]["payment_intent"]["id"];
            (payment["status"].as_str().unwrap().to_owned(), intent.as_str().unwrap().to_owned())
        };
        told["payments"]["data"].as_array().unwrap().iter().map(of).collect()
    }
}

#[test]
fn an_invoices_payments_are_told_when_asked_for_and_none_where_nothing_was_due() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.session(&monthly("sek", "subscription_data[trial_period_days]=3"));
    let done = sandbox.pay(&session, &purchase("4242"));
    assert_eq!(sandbox.get("invoices", &done["invoice"]).get("payments"), None, "it was not asked for");
    assert_eq!(sandbox.payments_of(&done["invoice"]), []);
    sandbox.advance(3 * DAY);
    let renewed = sandbox.get("subscriptions", &done["subscription"])["latest_invoice"].clone();
    let [(state, intent)] = sandbox.payments_of(&renewed).try_into().unwrap();
    assert_eq!(state, "paid");
    let intent = sandbox.get("payment_intents", &intent.into());
    assert_eq!((&intent["status"], &intent["description"]), (&json!("succeeded"), &json!("Subscription update")));
}

#[test]
fn an_invoice_that_a_debit_is_to_pay_is_open_until_the_bank_has_answered() {
    for (account_ends, (state, status)) in [("6789", ("paid", "paid")), ("0000", ("open", "open"))] {
        let mut sandbox = Sandbox::new();
        let session = sandbox.session(&monthly("eur", "allowed_payment_method_types[0]=sepa_debit"));
        let debit =
            Purchase { method: Method::BankDebit { account_ends: account_ends.to_owned() }, ..purchase("4242") };
        let done = sandbox.pay(&session, &debit);
        let [(before, intent)] = sandbox.payments_of(&done["invoice"]).try_into().unwrap();
        assert_eq!(before, "open");
        assert_eq!(sandbox.get("payment_intents", &intent.clone().into())["status"], "processing");
        sandbox.advance(6 * DAY);
        assert_eq!(sandbox.payments_of(&done["invoice"]), [(state.to_owned(), intent)]);
        assert_eq!(sandbox.get("invoices", &done["invoice"])["status"], status);
    }
}

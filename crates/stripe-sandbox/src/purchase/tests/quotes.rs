//! What the page is told of a purchase: figures that add up, and where they come from.

use super::*;

/// That the figures add up, by the rule that the quote's documentation has.
fn adds_up(quote: &Quote) -> bool {
    let today = quote.subtotal - quote.waived - quote.discount;
    today + quote.shipping + quote.tax == quote.total
}

#[test]
fn tax_within_is_that_of_today_with_the_shipping() {
    let mut sandbox = Sandbox::new();
    let rate = sandbox.call(
        "POST /v1/shipping_rates",
        "display_name=Post&tax_behavior=inclusive&fixed_amount[amount]=5000&fixed_amount[currency]=sek",
    );
    let body = format!(
        "mode=payment&{}automatic_tax[enabled]=true&line_items[0][price_data][tax_behavior]=inclusive&line_items[1][price_data][tax_behavior]=exclusive&shipping_options[0][shipping_rate]={}",
        lines("sek", &[10_000, 4_000]),
        rate["id"].as_str().unwrap()
    );
    let session = sandbox.session(&body);
    let (quote, _) = sandbox.quote(&session, &purchase("4242"));
    assert_eq!((quote.tax, quote.tax_included, quote.tax_percent), (1_000, 3_000, Some(25)));
    assert_eq!((quote.shipping_rate.as_deref(), quote.total), (rate["id"].as_str(), 20_000));
    assert!(adds_up(&quote));
}

#[test]
fn what_a_trial_leaves_for_later_is_waived_and_told_with_its_day() {
    let mut sandbox = Sandbox::new();
    let body = format!(
        "mode=subscription&{}{MONTHLY}automatic_tax[enabled]=true&line_items[0][price_data][tax_behavior]=inclusive&subscription_data[trial_period_days]=14",
        lines("sek", &[10_000, 5_000])
    );
    let session = sandbox.session(&body);
    let (quote, _) = sandbox.quote(&session, &purchase("4242"));
    // The second line is due today, and its tax is added.
    assert_eq!((quote.waived, quote.total, quote.tax, quote.tax_included), (10_000, 6_250, 1_250, 0));
    assert!(adds_up(&quote));
    let in_two_weeks = sandbox.now() + 14 * DAY;
    let later = quote.recurring.unwrap();
    assert!(later.trial_ends == later.next_payment && (in_two_weeks - later.next_payment.unwrap()).abs() < 60);
    let done = sandbox.pay(&session, &purchase("4242"));
    let subscription = sandbox.get("subscriptions", &done["subscription"]);
    let upcoming = sandbox.within(|ctx| crate::api::subscriptions::upcoming(ctx, &subscription)).unwrap();
    assert_eq!((upcoming.total, upcoming.trial_ends.is_some()), (later.total, true));
    assert!((upcoming.next_payment.unwrap() - in_two_weeks).abs() < 60);
}

#[test]
fn a_subscription_tells_the_day_of_its_next_payment() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.session(&format!("mode=subscription&{}{MONTHLY}", lines("sek", &[10_000])));
    let (quote, _) = sandbox.quote(&session, &purchase("4242"));
    let days = (quote.recurring.unwrap().next_payment.unwrap() - sandbox.now() + 60) / DAY;
    assert!((28..=31).contains(&days), "{days}");
    let done = sandbox.pay(&session, &purchase("4242"));
    let subscription = sandbox.get("subscriptions", &done["subscription"]);
    sandbox.call_on("POST /v1/subscriptions/{id}", &subscription, "cancel_at_period_end=true");
    let ending = sandbox.get("subscriptions", &done["subscription"]);
    assert_eq!(sandbox.within(|ctx| crate::api::subscriptions::upcoming(ctx, &ending)), None);
}

#[test]
fn what_takes_the_discount_off_is_told() {
    let mut sandbox = Sandbox::new();
    sandbox.call("POST /v1/coupons", "id=C&percent_off=12.5&name=Spring");
    let session = sandbox.session(&format!("mode=payment&{}discounts[0][coupon]=C", lines("sek", &[10_000])));
    let (quote, _) = sandbox.quote(&session, &purchase("4242"));
    assert_eq!((quote.coupon_name.as_deref(), quote.percent_off), (Some("Spring"), "12.5".parse().ok()));
    assert!(quote.discount == 1_250 && adds_up(&quote));
}

#[test]
fn packages_and_tiers_are_told_as_they_are_counted() {
    let mut sandbox = Sandbox::new();
    let package = sandbox.call("POST /v1/prices", "currency=sek&unit_amount=2500&product_data[name]=Egg&transform_quantity[divide_by]=5&transform_quantity[round]=up");
    let tiered = sandbox.call("POST /v1/prices", "currency=sek&billing_scheme=tiered&tiers_mode=volume&product_data[name]=Seat&tiers[0][up_to]=5&tiers[0][unit_amount]=700&tiers[1][up_to]=inf&tiers[1][unit_amount]=600");
    let id = |price: &Value| price["id"].as_str().unwrap().to_owned();
    let body = format!(
        "mode=payment&line_items[0][price]={}&line_items[0][quantity]=6&line_items[1][price]={}&line_items[1][quantity]=6",
        id(&package),
        id(&tiered)
    );
    let session = sandbox.session(&body);
    let (quote, _) = sandbox.quote(&session, &purchase("4242"));
    let told: Vec<_> = quote.lines.iter().map(|line| (line.packages, line.tiers.clone())).collect();
    assert_eq!(told, [(Some(2), 0..0), (None, 1..2)]);
}

#[test]
fn both_halves_of_a_tax_id_that_is_needed_are_told() {
    let mut sandbox = Sandbox::new();
    let asks = "tax_id_collection[enabled]=true&tax_id_collection[required]=if_supported";
    let session = sandbox.session(&format!("mode=payment&{}{asks}", lines("sek", &[10_000])));
    let with =
        |kind: &str, value: &str| Purchase { tax_id: Some((kind.to_owned(), value.to_owned())), ..purchase("4242") };
    let missing = |field| FieldError { field, kind: FieldErrorKind::Missing };
    let both = NotPaid::InvalidFields(vec![missing(FormField::TaxIdType), missing(FormField::TaxId)]);
    assert_eq!(sandbox.try_pay(&session, &with("", "")), Err(both));
    assert_eq!(sandbox.field_error(&session, &with("eu_vat", "")), (FormField::TaxId, FieldErrorKind::Missing));
    assert_eq!(
        sandbox.field_error(&session, &with("", "SE556703748501")),
        (FormField::TaxIdType, FieldErrorKind::Missing)
    );
    assert_eq!(sandbox.pay(&session, &with("eu_vat", "SE556703748501"))["status"], "complete");
}

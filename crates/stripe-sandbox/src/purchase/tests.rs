//! Purchases from end to end, as the page makes them.

use serde_json::{Map, Value, json};

use super::{
    AddressPart, FieldError, FieldErrorKind, FormField, Method, NotPaid, Purchase, Quote, Recipient, complete, quote,
};
use crate::clock::DAY;
use crate::testing::{Sandbox, purchase, refusal};

mod cash;
mod entered;
mod limits;
mod quotes;
mod renewals;
mod reversals;
mod taxes;

/// Line items at these amounts, in a currency.
fn lines(currency: &str, amounts: &[i64]) -> String {
    let line = |(i, amount): (usize, &i64)| {
        format!(
            "line_items[{i}][quantity]=1&line_items[{i}][price_data][currency]={currency}&line_items[{i}][price_data][unit_amount]={amount}&line_items[{i}][price_data][product_data][name]=Item{i}&"
        )
    };
    amounts.iter().enumerate().map(line).collect()
}

const MONTHLY: &str = "line_items[0][price_data][recurring][interval]=month&";

impl Sandbox {
    fn session(&mut self, body: &str) -> Value {
        self.call("POST /v1/checkout/sessions", body)
    }

    fn link_session(&mut self, body: &str) -> Value {
        let link = self.call("POST /v1/payment_links", body);
        self.within(|ctx| crate::api::sessions::visit(ctx, &link, &Map::new())).unwrap()
    }

    fn quote(&mut self, session: &Value, purchase: &Purchase) -> (Quote, Vec<FieldError>) {
        self.within(|ctx| quote(ctx, session, purchase))
    }

    fn pay(&mut self, session: &Value, purchase: &Purchase) -> Value {
        self.try_pay(session, purchase).unwrap_or_else(|error| panic!("{error:?}"))
    }

    fn try_pay(&mut self, session: &Value, purchase: &Purchase) -> Result<Value, NotPaid> {
        self.within(|ctx| complete(ctx, session, purchase))
    }

    fn field_error(&mut self, session: &Value, purchase: &Purchase) -> (FormField, FieldErrorKind) {
        match self.try_pay(session, purchase) {
            Err(NotPaid::InvalidFields(field_errors)) if field_errors.len() == 1 => {
                (field_errors[0].field.clone(), field_errors[0].kind)
            }
            other => panic!("{other:?}"),
        }
    }

    fn get(&mut self, kind: &str, id: &Value) -> Value {
        self.call(&format!("GET /v1/{kind}/{}", id.as_str().unwrap()), "")
    }

    fn items(&mut self, session: &Value, expand: &str) -> Vec<Value> {
        let items = self.call_on("GET /v1/checkout/sessions/{id}/line_items", session, expand);
        items["data"].as_array().unwrap().clone()
    }

    fn happened(&mut self, kind: &str) -> usize {
        self.events().iter().filter(|event| *event == kind).count()
    }
}

#[test]
fn a_card_pays_what_was_chosen_and_the_session_tells_it() {
    let mut sandbox = Sandbox::new();
    let mug = sandbox.call("POST /v1/prices", "currency=sek&unit_amount=5000&product_data[name]=Mug");
    let mug = mug["id"].as_str().unwrap();
    let body = format!(
        "{}line_items[0][adjustable_quantity][enabled]=true&line_items[0][adjustable_quantity][maximum]=5&optional_items[0][price]={mug}&optional_items[0][quantity]=1",
        lines("sek", &[10_000])
    );
    let session = sandbox.link_session(&body);
    let item = sandbox.items(&session, "")[0]["id"].as_str().unwrap().to_owned();
    let mut attempt = purchase("4242");
    attempt.quantities.insert(item.clone(), 3);
    attempt.optional_items.insert(mug.to_owned(), 1);
    let (figures, field_errors) = sandbox.quote(&session, &attempt);
    assert_eq!((figures.subtotal, figures.total, field_errors.len()), (35_000, 35_000, 0));
    assert_eq!(figures.lines.iter().map(|line| line.optional).collect::<Vec<_>>(), [false, true]);
    let paid = sandbox.pay(&session, &attempt);
    assert_eq!(
        (&paid["status"], &paid["payment_status"], &paid["amount_total"]),
        (&json!("complete"), &json!("paid"), &json!(35_000))
    );
    assert_eq!(
        (&paid["customer_details"]["name"], &paid["customer_details"]["address"]["country"]),
        (&json!("Ada"), &json!("SE"))
    );
    let items = sandbox.items(&paid, "");
    assert_eq!(items.iter().map(|item| item["amount_total"].as_i64().unwrap()).collect::<Vec<_>>(), [30_000, 5_000]);
    let intent = sandbox.get("payment_intents", &paid["payment_intent"]);
    assert_eq!((&intent["amount_received"], &intent["status"]), (&json!(35_000), &json!("succeeded")));
    assert_eq!(sandbox.pay(&session, &attempt)["id"], paid["id"]);
    assert_eq!(
        (sandbox.happened("charge.succeeded"), sandbox.events().last().unwrap().as_str()),
        (1, "checkout.session.completed")
    );
}

#[test]
fn quantities_stay_within_their_bounds_and_a_lone_item_stays() {
    let mut sandbox = Sandbox::new();
    let body = format!(
        "{}line_items[0][adjustable_quantity][enabled]=true&line_items[0][adjustable_quantity][maximum]=5",
        lines("sek", &[10_000])
    );
    let session = sandbox.link_session(&body);
    let item = sandbox.items(&session, "")[0]["id"].as_str().unwrap().to_owned();
    for (quantity, kind) in [(0, FieldErrorKind::TooSmall(1)), (6, FieldErrorKind::TooLarge(5))] {
        let mut attempt = purchase("4242");
        attempt.quantities.insert(item.clone(), quantity);
        assert_eq!(sandbox.field_error(&session, &attempt), (FormField::Quantity(item.clone()), kind));
        assert_eq!(sandbox.quote(&session, &attempt).0.total, 10_000);
    }
    let fixed = sandbox.link_session(&lines("sek", &[10_000]));
    let item = sandbox.items(&fixed, "")[0]["id"].as_str().unwrap().to_owned();
    let mut attempt = purchase("4242");
    attempt.quantities.insert(item, 9);
    assert_eq!(sandbox.pay(&fixed, &attempt)["amount_total"], 10_000);
}

#[test]
fn a_discount_is_split_over_its_products_by_largest_remainder() {
    let mut sandbox = Sandbox::new();
    sandbox.call("POST /v1/coupons", "id=C&amount_off=1000&currency=sek");
    sandbox.call("POST /v1/promotion_codes", "promotion[type]=coupon&promotion[coupon]=C&code=FALL");
    let session = sandbox.link_session(&format!("{}allow_promotion_codes=true", lines("sek", &[3_333, 3_333, 3_334])));
    let mut attempt = purchase("4242");
    attempt.promotion_code = Some(" fall ".to_owned());
    let paid = sandbox.pay(&session, &attempt);
    assert_eq!((&paid["amount_total"], &paid["total_details"]["amount_discount"]), (&json!(9_000), &json!(1_000)));
    let items = sandbox.items(&paid, "expand[]=data.discounts");
    assert_eq!(items.iter().map(|item| item["amount_discount"].as_i64().unwrap()).collect::<Vec<_>>(), [333, 333, 334]);
    assert_eq!(items[0]["discounts"][0]["amount"], 333);
    assert_eq!(paid["discounts"][0]["coupon"], "C");
    assert_eq!(sandbox.call("GET /v1/coupons/C", "")["times_redeemed"], 1);
    let code = sandbox.call("GET /v1/promotion_codes", "code=FALL");
    assert_eq!(code["data"][0]["times_redeemed"], 1);
}

#[test]
fn a_coupon_for_some_products_takes_nothing_off_of_others() {
    let mut sandbox = Sandbox::new();
    let book = sandbox.call("POST /v1/prices", "currency=sek&unit_amount=10000&product_data[name]=Book");
    let product = book["product"].as_str().unwrap();
    sandbox.call("POST /v1/coupons", &format!("id=C&percent_off=50&applies_to[products][0]={product}"));
    let body = format!(
        "mode=payment&line_items[1][price]={}&line_items[1][quantity]=1&{}discounts[0][coupon]=C",
        book["id"].as_str().unwrap(),
        lines("sek", &[7_000])
    );
    let session = sandbox.session(&body);
    assert_eq!(session["amount_total"], 12_000);
    let paid = sandbox.pay(&session, &purchase("4242"));
    let items = sandbox.items(&paid, "");
    assert_eq!(items.iter().map(|item| item["amount_discount"].as_i64().unwrap()).collect::<Vec<_>>(), [0, 5_000]);
}

#[test]
fn a_promotion_code_is_held_to_all_of_its_conditions() {
    let mut sandbox = Sandbox::new();
    let end = sandbox.now() + 100;
    let customer = sandbox.call("POST /v1/customers", "email=other@example.com");
    let customer = customer["id"].as_str().unwrap();
    sandbox.call("POST /v1/coupons", "id=C&percent_off=10");
    sandbox.call("POST /v1/coupons", "id=EUR&amount_off=10&currency=eur");
    for body in [
        "[coupon]=C&code=ONCE&max_redemptions=1".to_owned(),
        format!("[coupon]=C&code=SOON&expires_at={end}"),
        format!("[coupon]=C&code=THEIRS&customer={customer}"),
        "[coupon]=C&code=FIRST&restrictions[first_time_transaction]=true".to_owned(),
        "[coupon]=C&code=BIG&restrictions[minimum_amount]=20000&restrictions[minimum_amount_currency]=sek".to_owned(),
        "[coupon]=EUR&code=EUR".to_owned(),
        "[coupon]=C&code=OFF&active=false".to_owned(),
    ] {
        sandbox.call("POST /v1/promotion_codes", &format!("promotion[type]=coupon&promotion{body}"));
    }
    let link = format!("{}allow_promotion_codes=true", lines("sek", &[10_000]));
    let attempt = |code: &str| Purchase { promotion_code: Some(code.to_owned()), ..purchase("4242") };
    let first = sandbox.link_session(&link);
    assert_eq!(sandbox.pay(&first, &attempt("FIRST"))["amount_total"], 9_000);
    let second = sandbox.link_session(&link);
    assert_eq!(sandbox.pay(&second, &attempt("ONCE"))["amount_total"], 9_000);
    let session = sandbox.link_session(&link);
    sandbox.advance(101);
    for (code, kind) in [
        ("NONE", FieldErrorKind::UnknownCode),
        ("OFF", FieldErrorKind::UnknownCode),
        ("ONCE", FieldErrorKind::ExpiredCode),
        ("SOON", FieldErrorKind::ExpiredCode),
        ("THEIRS", FieldErrorKind::CodeNotForYou),
        ("FIRST", FieldErrorKind::CodeNotForYou),
        ("BIG", FieldErrorKind::BelowMinimum(20_000)),
        ("EUR", FieldErrorKind::NotAnOption),
    ] {
        assert_eq!(sandbox.field_error(&session, &attempt(code)), (FormField::PromotionCode, kind), "{code}");
        assert_eq!(sandbox.quote(&session, &attempt(code)).0.total, 10_000);
    }
    let closed = sandbox.link_session(&lines("sek", &[10_000]));
    assert_eq!(sandbox.field_error(&closed, &attempt("C")), (FormField::PromotionCode, FieldErrorKind::NotAnOption));
}

#[test]
fn shipping_and_tax_come_on_top() {
    let mut sandbox = Sandbox::new();
    let rate = |sandbox: &mut Sandbox, amount: i64| {
        let body = format!("display_name=Post&fixed_amount[amount]={amount}&fixed_amount[currency]=sek");
        sandbox.call("POST /v1/shipping_rates", &body)["id"].as_str().unwrap().to_owned()
    };
    let (slow, fast) = (rate(&mut sandbox, 4_900), rate(&mut sandbox, 9_900));
    let body = format!(
        "{}shipping_options[0][shipping_rate]={slow}&shipping_options[1][shipping_rate]={fast}&automatic_tax[enabled]=true&shipping_address_collection[allowed_countries][0]=DE",
        lines("sek", &[10_000])
    );
    let session = sandbox.link_session(&body);
    let mut attempt = purchase("4242");
    let part = FormField::ShippingAddress;
    let Err(NotPaid::InvalidFields(field_errors)) = sandbox.try_pay(&session, &attempt) else { panic!("paid") };
    let fields: Vec<_> = field_errors.into_iter().map(|field_error| field_error.field).collect();
    let parts = [AddressPart::Country, AddressPart::Line1, AddressPart::PostalCode, AddressPart::City].map(part);
    assert_eq!(fields, [&[FormField::ShippingName], &parts[..]].concat());
    let mut address = super::Address {
        country: "SE".to_owned(),
        line1: "Gatan 1".to_owned(),
        postal_code: "111 22".to_owned(),
        city: "Lund".to_owned(),
        ..Default::default()
    };
    attempt.shipping = Some(Recipient { name: "Ada".to_owned(), address: address.clone() });
    assert_eq!(sandbox.field_error(&session, &attempt), (part(AddressPart::Country), FieldErrorKind::CountryNotServed));
    address.country = "DE".to_owned();
    attempt.shipping = Some(Recipient { name: "Ada".to_owned(), address });
    attempt.shipping_rate = Some("shr_none".to_owned());
    assert_eq!(sandbox.field_error(&session, &attempt), (FormField::ShippingRate, FieldErrorKind::NotAnOption));
    attempt.shipping_rate = Some(fast.clone());
    let (figures, _) = sandbox.quote(&session, &attempt);
    assert_eq!((figures.shipping, figures.tax, figures.total), (9_900, 1_900 + 1_881, 10_000 + 9_900 + 3_781));
    let paid = sandbox.pay(&session, &attempt);
    assert_eq!(
        paid["shipping_cost"],
        json!({"amount_subtotal": 9_900, "amount_tax": 1_881, "amount_total": 11_781, "shipping_rate": fast})
    );
    let paid = sandbox.get("checkout/sessions", &paid["id"]);
    assert_eq!(paid["total_details"], json!({"amount_discount": 0, "amount_shipping": 9_900, "amount_tax": 3_781}));
    assert_eq!(paid["collected_information"]["shipping_details"]["address"]["city"], "Lund");
    let items = sandbox.items(&paid, "expand[]=data.taxes");
    assert_eq!((&items[0]["amount_tax"], &items[0]["amount_total"]), (&json!(1_900), &json!(11_900)));
    assert_eq!(
        (&items[0]["taxes"][0]["taxability_reason"], &items[0]["taxes"][0]["rate"]["percentage"]),
        (&json!("standard_rated"), &json!(19))
    );
}

#[test]
fn tax_within_a_price_is_told_and_not_added() {
    let mut sandbox = Sandbox::new();
    let body = format!(
        "mode=payment&{}line_items[0][price_data][tax_behavior]=inclusive&automatic_tax[enabled]=true",
        lines("sek", &[12_500])
    );
    let session = sandbox.session(&body);
    let paid = sandbox.pay(&session, &purchase("4242"));
    assert_eq!((&paid["amount_total"], &paid["total_details"]["amount_tax"]), (&json!(12_500), &json!(2_500)));
}

#[test]
fn a_customer_chooses_within_bounds() {
    let mut sandbox = Sandbox::new();
    let price = sandbox.call("POST /v1/prices", "currency=sek&product_data[name]=Gift&custom_unit_amount[enabled]=true&custom_unit_amount[minimum]=500&custom_unit_amount[maximum]=90000");
    let session = sandbox
        .link_session(&format!("line_items[0][price]={}&line_items[0][quantity]=1", price["id"].as_str().unwrap()));
    let attempt = |amount| Purchase { custom_amount: amount, ..purchase("4242") };
    for (amount, kind) in [
        (None, FieldErrorKind::Missing),
        (Some(499), FieldErrorKind::TooSmall(500)),
        (Some(90_001), FieldErrorKind::TooLarge(90_000)),
    ] {
        let Err(NotPaid::InvalidFields(field_errors)) = sandbox.try_pay(&session, &attempt(amount)) else {
            panic!("{amount:?}")
        };
        assert!(field_errors.contains(&FieldError { field: FormField::CustomAmount, kind }), "{field_errors:?}");
    }
    assert_eq!(sandbox.pay(&session, &attempt(Some(12_345)))["amount_total"], 12_345);
}

#[test]
fn a_line_that_is_too_large_tells_the_quantity_that_is_not() {
    let mut sandbox = Sandbox::new();
    let adjustable =
        "line_items[0][adjustable_quantity][enabled]=true&line_items[0][adjustable_quantity][maximum]=999999";
    let session = sandbox.link_session(&format!("{}{adjustable}", lines("sek", &[99_999_999])));
    let item = sandbox.items(&session, "")[0]["id"].as_str().unwrap().to_owned();
    let attempt = Purchase { quantities: [(item.clone(), 20_000)].into(), ..purchase("4242") };
    let (_, field_errors) = sandbox.quote(&session, &attempt);
    assert_eq!(field_errors, [FieldError { field: FormField::Quantity(item), kind: FieldErrorKind::TooLarge(10_000) }]);
}

#[test]
fn a_chosen_amount_that_can_not_be_charged_is_not_changed_but_refused() {
    let mut sandbox = Sandbox::new();
    let price =
        sandbox.call("POST /v1/prices", "currency=isk&product_data[name]=Gift&custom_unit_amount[enabled]=true");
    let session = sandbox
        .link_session(&format!("line_items[0][price]={}&line_items[0][quantity]=1", price["id"].as_str().unwrap()));
    let attempt = |amount| Purchase { custom_amount: Some(amount), ..purchase("4242") };
    assert_eq!(sandbox.field_error(&session, &attempt(20_050)), (FormField::CustomAmount, FieldErrorKind::Malformed));
    assert_eq!(sandbox.pay(&session, &attempt(20_100))["amount_total"], 20_100);
}

#[test]
fn all_that_the_page_asks_for_is_needed_and_told_afterwards() {
    let mut sandbox = Sandbox::new();
    let field = |i: usize, key: &str, rest: &str| {
        format!(
            "custom_fields[{i}][key]={key}&custom_fields[{i}][label][type]=custom&custom_fields[{i}][label][custom]=L&custom_fields[{i}][{rest}&"
        )
    };
    let body = format!(
        "{}{}{}{}phone_number_collection[enabled]=true&name_collection[individual][enabled]=true&name_collection[business][enabled]=true&name_collection[business][optional]=true&tax_id_collection[enabled]=true&consent_collection[terms_of_service]=required&consent_collection[promotions]=auto&billing_address_collection=required",
        lines("sek", &[10_000]),
        field(
            0,
            "size",
            "type]=dropdown&custom_fields[0][dropdown][options][0][label]=Small&custom_fields[0][dropdown][options][0][value]=s"
        ),
        field(
            1,
            "pin",
            "type]=numeric&custom_fields[1][numeric][minimum_length]=4&custom_fields[1][numeric][maximum_length]=6"
        ),
        field(2, "note", "type]=text&custom_fields[2][optional]=true"),
    );
    let session = sandbox.link_session(&body);
    let Err(NotPaid::InvalidFields(field_errors)) = sandbox.try_pay(&session, &purchase("4242")) else {
        panic!("paid")
    };
    let fields: Vec<_> = field_errors.into_iter().map(|field_error| field_error.field).collect();
    let custom = |key: &str| FormField::CustomField(key.to_owned());
    assert_eq!(
        fields,
        [
            FormField::BillingAddress(AddressPart::Line1),
            FormField::BillingAddress(AddressPart::PostalCode),
            FormField::BillingAddress(AddressPart::City),
            FormField::Phone,
            FormField::IndividualName,
            custom("size"),
            custom("pin"),
            FormField::Terms
        ]
    );
    let mut attempt = purchase("4242");
    attempt.billing = super::Address {
        country: "SE".to_owned(),
        line1: "Gatan 1".to_owned(),
        postal_code: "111 22".to_owned(),
        city: "Lund".to_owned(),
        ..Default::default()
    };
    attempt.phone = Some("+46 70 123 45 67".to_owned());
    attempt.individual_name = Some("Ada L".to_owned());
    attempt.tax_id = Some(("eu_vat".to_owned(), "SE123456789001".to_owned()));
    attempt.terms_accepted = true;
    attempt.custom_fields =
        [("size", "s"), ("pin", "1234")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    for (key, value, kind) in [
        ("size", "x", FieldErrorKind::NotAnOption),
        ("pin", "12a4", FieldErrorKind::Malformed),
        ("pin", "123", FieldErrorKind::TooShort(4)),
        ("pin", "1234567", FieldErrorKind::TooLong(6)),
        ("pin", "", FieldErrorKind::Missing),
    ] {
        let mut wrong = attempt.clone();
        wrong.custom_fields.insert(key.to_owned(), value.to_owned());
        assert_eq!(sandbox.field_error(&session, &wrong), (custom(key), kind));
    }
    let wrong = Purchase { tax_id: Some(("eu_vat".to_owned(), "123".to_owned())), ..attempt.clone() };
    assert_eq!(sandbox.field_error(&session, &wrong), (FormField::TaxId, FieldErrorKind::Malformed));
    let untyped = Purchase { tax_id: Some((String::new(), "SE123456789001".to_owned())), ..attempt.clone() };
    assert_eq!(sandbox.field_error(&session, &untyped), (FormField::TaxIdType, FieldErrorKind::Missing));
    let abroad = super::Address { country: "US".to_owned(), ..attempt.billing.clone() };
    let stateless = Purchase { billing: abroad, ..attempt.clone() };
    assert_eq!(
        sandbox.field_error(&session, &stateless),
        (FormField::BillingAddress(AddressPart::State), FieldErrorKind::Missing)
    );
    let wrong = Purchase { phone: Some("call me".to_owned()), ..attempt.clone() };
    assert_eq!(sandbox.field_error(&session, &wrong), (FormField::Phone, FieldErrorKind::Malformed));
    let paid = sandbox.pay(&session, &attempt);
    assert_eq!(paid["consent"], json!({"promotions": "opt_out", "terms_of_service": "accepted"}));
    assert_eq!(
        (
            &paid["custom_fields"][0]["dropdown"]["value"],
            &paid["custom_fields"][1]["numeric"]["value"],
            &paid["custom_fields"][2]["text"]["value"]
        ),
        (&json!("s"), &json!("1234"), &Value::Null)
    );
    assert_eq!(paid["customer_details"]["tax_ids"], json!([{"type": "eu_vat", "value": "SE123456789001"}]));
    assert_eq!(
        (&paid["collected_information"]["individual_name"], &paid["customer_details"]["phone"]),
        (&json!("Ada L"), &json!("+46 70 123 45 67"))
    );
}

#[test]
fn nothing_due_needs_no_payment() {
    let mut sandbox = Sandbox::new();
    sandbox.call("POST /v1/coupons", "id=C&percent_off=100");
    let session = sandbox.session(&format!("mode=payment&{}discounts[0][coupon]=C", lines("sek", &[10_000])));
    let attempt = Purchase { method: Method::None, ..purchase("4242") };
    let paid = sandbox.pay(&session, &attempt);
    assert_eq!(
        (&paid["payment_status"], &paid["payment_intent"], &paid["amount_total"]),
        (&json!("no_payment_required"), &Value::Null, &json!(0))
    );
    let dear = sandbox.session(&format!("mode=payment&{}", lines("sek", &[10_000])));
    assert_eq!(sandbox.field_error(&dear, &attempt), (FormField::Method, FieldErrorKind::Missing));
}

#[test]
fn a_code_must_leave_nothing_or_what_can_be_charged() {
    let mut sandbox = Sandbox::new();
    sandbox.call("POST /v1/coupons", "id=C&amount_off=9900&currency=sek");
    sandbox.call("POST /v1/promotion_codes", "promotion[type]=coupon&promotion[coupon]=C&code=MOST");
    let session = sandbox.link_session(&format!("{}allow_promotion_codes=true", lines("sek", &[10_000])));
    let attempt = Purchase { promotion_code: Some("MOST".to_owned()), ..purchase("4242") };
    assert_eq!(sandbox.field_error(&session, &attempt), (FormField::PromotionCode, FieldErrorKind::BelowCharge(300)));
}

#[test]
fn a_decline_leaves_the_session_open_and_its_intent_the_same() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.link_session(&lines("sek", &[10_000]));
    assert_eq!(sandbox.try_pay(&session, &purchase("0002")), Err(NotPaid::Declined("generic_decline")));
    assert_eq!(sandbox.get("checkout/sessions", &session["id"])["status"], "open");
    let failed = sandbox.call("GET /v1/charges", "")["data"][0].clone();
    assert_eq!(
        (&failed["status"], &failed["paid"], &failed["failure_code"]),
        (&json!("failed"), &json!(false), &json!("card_declined"))
    );
    let intent = sandbox.get("payment_intents", &failed["payment_intent"]);
    assert_eq!((&intent["latest_charge"], &intent["last_payment_error"]["charge"]), (&failed["id"], &failed["id"]));
    let none = format!("payment_intent={}", intent["id"].as_str().unwrap());
    assert!(sandbox.try_call("POST /v1/refunds", &none).is_err());
    sandbox.pay(&session, &purchase("4242"));
    assert_eq!((sandbox.happened("payment_intent.payment_failed"), sandbox.happened("payment_intent.created")), (1, 1));
    assert_eq!((sandbox.happened("charge.failed"), sandbox.happened("charge.succeeded")), (1, 1));
}

#[test]
fn a_card_that_asks_for_authentication_pays_once_the_bank_was_asked() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.link_session(&lines("sek", &[10_000]));
    assert_eq!(sandbox.try_pay(&session, &purchase("3155")), Err(NotPaid::NeedsAuthentication));
    assert_eq!(sandbox.get("checkout/sessions", &session["id"])["status"], "open");
    let asked = Purchase { authenticated: true, ..purchase("3155") };
    assert_eq!(sandbox.pay(&session, &asked)["payment_status"], "paid");
}

#[test]
fn an_intent_ends_with_its_session_and_not_before() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.link_session(&lines("sek", &[10_000]));
    assert!(sandbox.try_pay(&session, &purchase("0002")).is_err());
    let intent = sandbox.call("GET /v1/payment_intents", "")["data"][0].clone();
    assert_eq!(refusal(sandbox.try_call_on("POST /v1/payment_intents/{id}/cancel", &intent, "")), "intent");
    sandbox.call_on("POST /v1/checkout/sessions/{id}/expire", &session, "");
    let intent = sandbox.get("payment_intents", &intent["id"]);
    assert_eq!((&intent["status"], &intent["cancellation_reason"]), (&json!("canceled"), &json!("automatic")));
    assert_eq!(sandbox.try_pay(&session, &purchase("4242")), Err(NotPaid::Closed));
}

#[test]
fn a_card_of_a_brand_that_is_blocked_is_not_charged() {
    let mut sandbox = Sandbox::new();
    let blocked = "mode=payment&payment_method_options[card][restrictions][brands_blocked][0]";
    let session = sandbox.session(&format!("{}{blocked}=visa", lines("sek", &[10_000])));
    assert_eq!(
        sandbox.field_error(&session, &purchase("4242")),
        (FormField::Method, FieldErrorKind::CardBrandNotAccepted)
    );
    let session = sandbox.session(&format!("{}{blocked}=mastercard", lines("sek", &[10_000])));
    assert_eq!(sandbox.pay(&session, &purchase("4242"))["payment_status"], "paid");
}

#[test]
fn a_card_that_is_kept_is_kept_for_a_customer() {
    for kept in ["payment_intent_data", "payment_method_options[card]"] {
        let mut sandbox = Sandbox::new();
        let session =
            sandbox.session(&format!("mode=payment&{}{kept}[setup_future_usage]=off_session", lines("sek", &[10_000])));
        let done = sandbox.pay(&session, &purchase("4242"));
        let intent = sandbox.get("payment_intents", &done["payment_intent"]);
        assert_eq!(intent["setup_future_usage"], "off_session");
        let method = sandbox.get("payment_methods", &intent["payment_method"]);
        assert_eq!((&method["customer"], done["customer"].is_string()), (&done["customer"], true), "{kept}");
    }
}

#[test]
fn money_that_is_held_is_captured_or_let_go() {
    let mut sandbox = Sandbox::new();
    let body = format!(
        "{}payment_intent_data[capture_method]=manual&application_fee_amount=100&transfer_data[destination]=acct_1&on_behalf_of=acct_1",
        lines("sek", &[10_000])
    );
    let session = sandbox.link_session(&body);
    let paid = sandbox.pay(&session, &purchase("4242"));
    let intent = sandbox.get("payment_intents", &paid["payment_intent"]);
    assert_eq!(
        (&paid["payment_status"], &intent["status"], &intent["amount_capturable"]),
        (&json!("unpaid"), &json!("requires_capture"), &json!(10_000))
    );
    assert_eq!(
        (&intent["application_fee_amount"], &intent["transfer_data"]["destination"], &intent["on_behalf_of"]),
        (&json!(100), &json!("acct_1"), &json!("acct_1"))
    );
    let captured =
        sandbox.call_on("POST /v1/payment_intents/{id}/capture", &intent, "amount_to_capture=6000&metadata[part]=1");
    assert_eq!((&captured["status"], &captured["amount_received"]), (&json!("succeeded"), &json!(6_000)));
    assert_eq!(captured["metadata"], json!({"part": "1"}));
    let charge = sandbox.get("charges", &captured["latest_charge"]);
    assert_eq!((&charge["application_fee_amount"], &charge["amount_captured"]), (&json!(100), &json!(6_000)));
    assert_eq!(sandbox.get("checkout/sessions", &paid["id"])["payment_status"], "paid");
    let session = sandbox.link_session(&body);
    let paid = sandbox.pay(&session, &purchase("4242"));
    let intent = sandbox.get("payment_intents", &paid["payment_intent"]);
    assert_eq!(sandbox.call_on("POST /v1/payment_intents/{id}/cancel", &intent, "")["status"], "canceled");
    assert!(sandbox.try_call_on("POST /v1/payment_intents/{id}/capture", &intent, "").is_err());
}

#[test]
fn setup_keeps_a_payment_method_for_the_customer() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.session("mode=setup&currency=sek&customer_creation=always&setup_intent_data[metadata][a]=b");
    assert_eq!(
        sandbox.field_error(&session, &Purchase { method: Method::None, ..purchase("4242") }),
        (FormField::Method, FieldErrorKind::Missing)
    );
    let done = sandbox.pay(&session, &purchase("4242"));
    let intent = sandbox.get("setup_intents", &done["setup_intent"]);
    assert_eq!((&intent["status"], &intent["metadata"]["a"]), (&json!("succeeded"), &json!("b")));
    let method = sandbox.get("payment_methods", &intent["payment_method"]);
    assert_eq!((&method["customer"], method["customer"].is_string()), (&done["customer"], true));
    assert_eq!((sandbox.happened("setup_intent.succeeded"), sandbox.happened("payment_intent.created")), (1, 0));
    assert_eq!(done["amount_total"], Value::Null);
}

#[test]
fn a_bank_transfer_is_paid_when_the_money_comes() {
    let mut sandbox = Sandbox::new();
    let customer = sandbox.call("POST /v1/customers", "email=a@b.se");
    let body = format!(
        "mode=payment&{}customer={}&allowed_payment_method_types[0]=customer_balance&payment_method_options[customer_balance][funding_type]=bank_transfer&payment_method_options[customer_balance][bank_transfer][type]=eu_bank_transfer&payment_method_options[customer_balance][bank_transfer][eu_bank_transfer][country]=DE",
        lines("eur", &[10_000]),
        customer["id"].as_str().unwrap()
    );
    let session = sandbox.session(&body);
    assert_eq!(sandbox.field_error(&session, &purchase("4242")), (FormField::Method, FieldErrorKind::NotAnOption));
    let done = sandbox.pay(&session, &Purchase { method: Method::BankTransfer, ..Purchase::default() });
    assert_eq!(
        (&done["status"], &done["payment_status"], &done["customer_details"]["email"]),
        (&json!("complete"), &json!("unpaid"), &json!("a@b.se"))
    );
    let fund = "POST /v1/test_helpers/customers/{id}/fund_cash_balance";
    sandbox.call_on(fund, &customer, "amount=4000&currency=eur");
    assert_eq!(sandbox.get("checkout/sessions", &done["id"])["payment_status"], "unpaid");
    sandbox.call_on(fund, &customer, "amount=7000&currency=eur");
    assert_eq!(sandbox.get("checkout/sessions", &done["id"])["payment_status"], "paid");
    assert_eq!(
        (
            sandbox.happened("checkout.session.async_payment_succeeded"),
            sandbox.happened("payment_intent.partially_funded")
        ),
        (1, 1)
    );
    let second = sandbox.session(&body);
    let done = sandbox.pay(&second, &Purchase { method: Method::BankTransfer, ..Purchase::default() });
    let paid = sandbox.within(|ctx| crate::api::delayed::transfer(ctx, done["id"].as_str().unwrap(), None)).unwrap();
    assert_eq!(paid["payment_status"], "paid");
    // The money of a transfer goes back once the customer has named an account; until then the refund can be taken back.
    let intent = format!("payment_intent={}", paid["payment_intent"].as_str().unwrap());
    let refund = sandbox.call("POST /v1/refunds", &intent);
    assert_eq!(refund["status"], "requires_action");
    sandbox.call_on("POST /v1/refunds/{id}/cancel", &refund, "");
    assert_eq!(sandbox.get("charges", &refund["charge"])["amount_refunded"], 0);
    let again = sandbox.call("POST /v1/refunds", &intent);
    sandbox.advance(DAY + 1);
    assert_eq!(sandbox.get("refunds", &refund["id"])["status"], "canceled");
    assert_eq!(sandbox.get("refunds", &again["id"])["status"], "succeeded");
}

#[test]
fn a_debit_is_decided_five_days_later() {
    for (account_ends, event, state) in [
        ("6789", "checkout.session.async_payment_succeeded", "paid"),
        ("0000", "checkout.session.async_payment_failed", "unpaid"),
    ] {
        let mut sandbox = Sandbox::new();
        let session = sandbox.session(&format!(
            "mode=payment&{}allowed_payment_method_types[0]=sepa_debit&invoice_creation[enabled]=true",
            lines("eur", &[10_000])
        ));
        let attempt =
            Purchase { method: Method::BankDebit { account_ends: account_ends.to_owned() }, ..purchase("4242") };
        let done = sandbox.pay(&session, &attempt);
        assert_eq!((&done["payment_status"], &done["invoice"]), (&json!("unpaid"), &Value::Null));
        sandbox.advance(5 * DAY - 2);
        assert_eq!(sandbox.happened(event), 0);
        sandbox.advance(3);
        assert_eq!(sandbox.happened(event), 1);
        let done = sandbox.get("checkout/sessions", &done["id"]);
        assert_eq!((&done["payment_status"], done["invoice"].is_string()), (&json!(state), state == "paid"));
        assert_eq!(sandbox.happened("invoice.paid"), usize::from(state == "paid"));
    }
}

#[test]
fn a_subscription_is_renewed_each_period_until_it_is_canceled() {
    let mut sandbox = Sandbox::new();
    sandbox.call("POST /v1/coupons", "id=C&percent_off=50&duration=repeating&duration_in_months=2");
    let session = sandbox.session(&format!(
        "mode=subscription&{}{MONTHLY}discounts[0][coupon]=C&subscription_data[metadata][a]=b",
        lines("sek", &[10_000, 5_000])
    ));
    let (figures, _) = sandbox.quote(&session, &purchase("4242"));
    let recurring = figures.recurring.unwrap();
    assert_eq!((figures.total, recurring.total, recurring.interval.as_str()), (7_500, 5_000, "month"));
    let done = sandbox.pay(&session, &purchase("4242"));
    assert_eq!(
        (&done["payment_status"], &done["payment_intent"], &done["amount_total"]),
        (&json!("paid"), &Value::Null, &json!(7_500))
    );
    let subscription = sandbox.get("subscriptions", &done["subscription"]);
    assert_eq!(
        (&subscription["status"], &subscription["metadata"]["a"], &subscription["latest_invoice"]),
        (&json!("active"), &json!("b"), &done["invoice"])
    );
    let invoice = sandbox.get("invoices", &done["invoice"]);
    assert_eq!(invoice["total_discount_amounts"][0]["discount"], subscription["discounts"][0]);
    assert_eq!(
        (&invoice["status"], &invoice["amount_paid"], &invoice["billing_reason"]),
        (&json!("paid"), &json!(7_500), &json!("subscription_create"))
    );
    sandbox.advance(95 * DAY);
    let invoices = sandbox.call("GET /v1/invoices", &format!("subscription={}", subscription["id"].as_str().unwrap()));
    let totals: Vec<_> =
        invoices["data"].as_array().unwrap().iter().map(|invoice| invoice["total"].as_i64().unwrap()).collect();
    assert_eq!(totals, [10_000, 10_000, 5_000, 7_500]);
    let ending = sandbox.call_on("POST /v1/subscriptions/{id}", &subscription, "cancel_at_period_end=true");
    assert_eq!(ending["cancel_at"], ending["items"]["data"][0]["current_period_end"]);
    sandbox.advance(40 * DAY);
    assert_eq!(sandbox.get("subscriptions", &subscription["id"])["status"], "canceled");
    assert_eq!((sandbox.happened("invoice.paid"), sandbox.happened("customer.subscription.deleted")), (4, 1));
}

#[test]
fn a_trial_costs_nothing_until_it_ends() {
    let mut sandbox = Sandbox::new();
    let session =
        sandbox.link_session(&format!("{}{MONTHLY}subscription_data[trial_period_days]=7", lines("sek", &[10_000])));
    let (figures, _) = sandbox.quote(&session, &purchase("4242"));
    assert_eq!((figures.total, figures.recurring.unwrap().trial_ends), (0, Some(sandbox.now() + 7 * DAY)));
    assert_eq!(
        sandbox.field_error(&session, &Purchase { method: Method::None, ..purchase("4242") }),
        (FormField::Method, FieldErrorKind::Missing)
    );
    let done = sandbox.pay(&session, &purchase("4242"));
    assert_eq!((&done["payment_status"], &done["amount_total"]), (&json!("no_payment_required"), &json!(0)));
    assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], "trialing");
    sandbox.advance(4 * DAY + 1);
    assert_eq!(
        (sandbox.happened("customer.subscription.trial_will_end"), sandbox.happened("charge.succeeded")),
        (1, 0)
    );
    sandbox.advance(3 * DAY);
    assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], "active");
    assert_eq!(sandbox.happened("charge.succeeded"), 1);
}

#[test]
fn a_trial_without_a_way_to_pay_ends_as_the_link_says() {
    for (behavior, state) in [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")] {
        let mut sandbox = Sandbox::new();
        let body = format!(
            "{}{MONTHLY}payment_method_collection=if_required&subscription_data[trial_period_days]=7&subscription_data[trial_settings][end_behavior][missing_payment_method]={behavior}",
            lines("sek", &[10_000])
        );
        let session = sandbox.link_session(&body);
        let done = sandbox.pay(&session, &Purchase { method: Method::None, ..purchase("4242") });
        sandbox.advance(7 * DAY + 1);
        assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], state);
    }
}

#[test]
fn a_subscription_can_be_canceled_at_once() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.session(&format!("mode=subscription&{}{MONTHLY}", lines("sek", &[10_000])));
    let done = sandbox.pay(&session, &purchase("4242"));
    let subscription = sandbox.get("subscriptions", &done["subscription"]);
    let ended = sandbox.call_on("DELETE /v1/subscriptions/{id}", &subscription, "");
    assert_eq!(
        (&ended["status"], &ended["cancellation_details"]["reason"]),
        (&json!("canceled"), &json!("cancellation_requested"))
    );
    let update = "POST /v1/subscriptions/{id}";
    let changed = sandbox.call_on(update, &ended, "metadata[left]=1&cancellation_details[comment]=Moved");
    assert_eq!(
        (&changed["metadata"], &changed["cancellation_details"]["comment"], &changed["status"]),
        (&json!({"left": "1"}), &json!("Moved"), &json!("canceled"))
    );
    let refused = sandbox.try_call_on(update, &ended, "cancel_at_period_end=true");
    assert_eq!(refusal(refused), "cancel_at_period_end");
    sandbox.advance(60 * DAY);
    assert_eq!(sandbox.happened("invoice.paid"), 1);
    assert!(sandbox.call("GET /v1/subscriptions", "")["data"].as_array().unwrap().is_empty());
    assert_eq!(sandbox.call("GET /v1/subscriptions", "status=all")["data"].as_array().unwrap().len(), 1);
    let session = sandbox.session(&format!("mode=subscription&{}{MONTHLY}", lines("sek", &[10_000])));
    let done = sandbox.pay(&session, &purchase("4242"));
    sandbox.call(&format!("DELETE /v1/customers/{}", done["customer"].as_str().unwrap()), "");
    assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], "canceled");
}

#[test]
fn what_a_leap_of_the_clock_brings_is_sent_from_the_end_of_the_leap_on() {
    let mut sandbox = Sandbox::new();
    sandbox.call("POST /v1/webhook_endpoints", "url=http://localhost/&enabled_events[0]=invoice.paid");
    let session = sandbox.session(&format!("mode=subscription&{}{MONTHLY}", lines("sek", &[10_000])));
    sandbox.pay(&session, &purchase("4242"));
    sandbox.advance(45 * DAY);
    let (now, deliveries) = (sandbox.now(), &sandbox.state.deliveries);
    let renewal = deliveries.values().last().unwrap();
    assert_eq!((deliveries.len(), now - renewal.created), (2, 0));
}

#[test]
fn an_invoice_is_made_of_a_paid_session_that_asks_for_one() {
    let mut sandbox = Sandbox::new();
    let session = sandbox.link_session(&format!("{}invoice_creation[enabled]=true&invoice_creation[invoice_data][metadata][a]=b&invoice_creation[invoice_data][footer]=Tack", lines("sek", &[10_000])));
    let done = sandbox.pay(&session, &purchase("4242"));
    let invoice = sandbox.get("invoices", &done["invoice"]);
    assert_eq!(
        (&invoice["status"], &invoice["total"], &invoice["metadata"]["a"], &invoice["footer"]),
        (&json!("paid"), &json!(10_000), &json!("b"), &json!("Tack"))
    );
    assert_eq!((&invoice["customer"], done["customer"].is_string()), (&done["customer"], true));
    assert!(invoice["hosted_invoice_url"].as_str().unwrap().starts_with("http://127.0.0.1/i/invst_"));
    assert_eq!(
        (sandbox.happened("invoice.paid"), sandbox.events().last().unwrap().as_str()),
        (1, "checkout.session.completed")
    );
}

#[test]
fn the_last_session_of_a_link_closes_it() {
    let mut sandbox = Sandbox::new();
    let link = sandbox.call(
        "POST /v1/payment_links",
        &format!("{}restrictions[completed_sessions][limit]=1&inactive_message=Gone", lines("sek", &[10_000])),
    );
    let visit =
        |sandbox: &mut Sandbox| sandbox.within(|ctx| crate::api::sessions::visit(ctx, &link, &Map::new())).unwrap();
    let (first, second) = (visit(&mut sandbox), visit(&mut sandbox));
    sandbox.pay(&first, &purchase("4242"));
    assert_eq!(sandbox.try_pay(&second, &purchase("4242")), Err(NotPaid::Closed));
    let link = sandbox.call_on("GET /v1/payment_links/{id}", &link, "");
    assert_eq!((&link["active"], &link["restrictions"]["completed_sessions"]["count"]), (&json!(false), &json!(1)));
}

#[test]
fn a_debit_that_fails_leaves_the_subscription_past_due() {
    for (account_ends, state, paid) in [("6789", "active", "paid"), ("0000", "past_due", "unpaid")] {
        let mut sandbox = Sandbox::new();
        let session = sandbox.session(&format!(
            "mode=subscription&{}{MONTHLY}allowed_payment_method_types[0]=sepa_debit",
            lines("eur", &[10_000])
        ));
        let attempt =
            Purchase { method: Method::BankDebit { account_ends: account_ends.to_owned() }, ..purchase("4242") };
        let done = sandbox.pay(&session, &attempt);
        assert_eq!(done["payment_status"], "unpaid");
        sandbox.advance(6 * DAY);
        assert_eq!(sandbox.get("subscriptions", &done["subscription"])["status"], state);
        assert_eq!(sandbox.get("checkout/sessions", &done["id"])["payment_status"], paid);
        assert_eq!(sandbox.happened("invoice.payment_failed"), usize::from(state == "past_due"));
        assert_eq!(sandbox.happened("invoice.paid"), usize::from(state == "active"));
    }
}

#[test]
fn what_is_named_can_be_expanded() {
    let mut sandbox = Sandbox::new();
    sandbox.call("POST /v1/coupons", "id=C&percent_off=50");
    let body = format!(
        "mode=payment&{}discounts[0][coupon]=C&invoice_creation[enabled]=true&automatic_tax[enabled]=true",
        lines("sek", &[10_000])
    );
    let session = sandbox.session(&body);
    let paid = sandbox.pay(&session, &purchase("4242"));
    let expand = "expand[]=payment_intent.latest_charge&expand[]=payment_intent.payment_method&expand[]=line_items.data.price.product&expand[]=line_items.data.taxes&expand[]=total_details.breakdown&expand[]=discounts.coupon&expand[]=invoice&expand[]=customer";
    let told = sandbox.call_on("GET /v1/checkout/sessions/{id}", &paid, expand);
    assert_eq!(told["payment_intent"]["latest_charge"]["amount"], 6_250);
    assert_eq!(told["payment_intent"]["payment_method"]["card"]["last4"], "4242");
    let item = &told["line_items"]["data"][0];
    assert_eq!((&item["price"]["product"]["name"], &item["taxes"][0]["amount"]), (&json!("Item0"), &json!(1_250)));
    assert_eq!((item.get("discounts"), item["price"].get("currency_options")), (None, None));
    assert_eq!(told["total_details"]["breakdown"]["taxes"][0]["taxable_amount"], 5_000);
    assert_eq!(
        (&told["discounts"][0]["coupon"]["percent_off"], &told["invoice"]["total"]),
        (&json!(50), &json!(6_250))
    );
    assert_eq!(told["customer"]["email"], "ada@example.com");
    let listed = sandbox.call("GET /v1/checkout/sessions", "expand[]=data.payment_intent");
    assert_eq!(listed["data"][0]["payment_intent"]["status"], "succeeded");
    for path in ["secret", "currency", "payment_intent.nothing"] {
        let error = sandbox.try_call_on("GET /v1/checkout/sessions/{id}", &paid, &format!("expand[]={path}"));
        assert_eq!(refusal(error), "expand", "{path}");
    }
}

//! After the payment: what the customer entered and chose is on the session, and what came of it in the books.

use api_proto::v1;
use serde_json::{Value, json};

use crate::harness::{Db, Server, eventually, http, item, minor, on_both_databases, sek, unique};

on_both_databases!(
    what_a_customer_enters_is_readable_afterwards,
    a_promotion_code_takes_off_what_it_says,
    an_optional_item_is_bought_beside_the_others,
    a_chosen_amount_is_paid_as_it_was_entered,
    nothing_is_paid_where_a_code_takes_off_everything,
    a_recurring_link_is_paid_for_its_first_period_and_not_in_a_trial,
);

pub(crate) async fn create(server: &Server, request: v1::CreatePaymentLinkRequest) -> v1::PaymentLink {
    let request = v1::CreatePaymentLinkRequest { request_id: unique("link"), ..request };
    server.links().create_payment_link(request).await.unwrap().into_inner().payment_link.unwrap()
}

/// Buys at a link as a customer would, and answers the session once it is in our books.
pub(crate) async fn buy(server: &Server, link: &v1::PaymentLink, mut entered: Value) -> v1::CheckoutSession {
    if entered.get("url").is_none() {
        entered["url"] = link.url.clone().into();
    }
    let answer = server.control("pay", entered).await;
    assert_eq!(answer.status().as_u16(), 200, "{}", answer.text().await.unwrap());
    eventually(async || {
        let request = v1::ListCheckoutSessionsRequest {
            payment_link_id: link.id.clone(),
            state: v1::CheckoutSessionState::Completed as i32,
            ..Default::default()
        };
        server.checkouts().list_checkout_sessions(request).await.unwrap().into_inner().checkout_sessions.pop()
    })
    .await
}

/// Calls the provider's own API, as its dashboard would.
pub(crate) async fn at_provider(server: &Server, path: &str, form: &[(&str, &str)]) -> Value {
    let request = http().post(format!("{}{path}", server.sandbox)).bearer_auth("sk_test_paylinks_sandbox");
    let answer = request.form(form).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    answer.json().await.unwrap()
}

async fn what_a_customer_enters_is_readable_afterwards(db: Db) {
    let server = Server::start(db).await;
    let kind = Some(v1::custom_field::Kind::Text(v1::TextField::default()));
    let field = |key: &str, optional| v1::CustomField {
        key: key.to_owned(),
        label: key.to_uppercase(),
        optional,
        kind: kind.clone(),
    };
    let request = v1::CreatePaymentLinkRequest {
        line_items: vec![item("T-shirt", 10_000, 2)],
        collection: Some(v1::Collection {
            billing_address: v1::AddressCollection::Required as i32,
            shipping_address: Some(v1::ShippingAddressCollection { allowed_country_codes: vec!["SE".to_owned()] }),
            phone_number: true,
            names: Some(v1::NameCollection {
                individual: v1::NameField::Required as i32,
                business: v1::NameField::Optional as i32,
            }),
            custom_fields: vec![field("engraving", false), field("secret", false), field("gift", true)],
            consent: Some(v1::ConsentCollection { terms_of_service: true, ..Default::default() }),
            ..Default::default()
        }),
        metadata: [("shop".to_owned(), "north".to_owned())].into(),
        ..Default::default()
    };
    let link = create(&server, request).await;
    let address = json!({"country": "SE", "line1": "Storgatan 1", "postal_code": "111 22", "city": "Stockholm"});
    let missing = server.control("pay", json!({"url": link.url})).await;
    assert_eq!(missing.status().as_u16(), 422, "the page asks for more than a card");
    let entered = json!({
        "url": format!("{}?client_reference_id=basket-7", link.url), "email": "ada@example.com", "name": "A Lovelace",
        "billing": address, "shipping": {"name": "Ada Lovelace", "address": address}, "phone": "+46701234567",
        "individual_name": "Ada Lovelace", "terms": true,
        "custom_fields": {"engraving": "For Charles", "secret": "4242 4242 4242 4242"},
    });
    let session = buy(&server, &link, entered).await;
    assert_eq!(session.metadata["shop"], "north");
    let collected = session.collected.unwrap();
    let customer = collected.customer.unwrap();
    assert_eq!(
        [&customer.email, &customer.individual_name, &customer.phone_number],
        ["ada@example.com", "Ada Lovelace", "+46701234567"]
    );
    assert_eq!(customer.billing_address.unwrap().city, "Stockholm");
    let shipping = collected.shipping.unwrap();
    assert_eq!((shipping.name.as_str(), shipping.address.unwrap().line1.as_str()), ("Ada Lovelace", "Storgatan 1"));
    let fields: Vec<_> = collected.custom_fields.iter().map(|f| (f.key.as_str(), f.value.as_str())).collect();
    assert_eq!(fields, [("engraving", "For Charles"), ("secret", "(removed: a card number)"), ("gift", "")]);
    assert_eq!((collected.terms_accepted, collected.promotions_accepted), (Some(true), None));
    assert_eq!(collected.client_reference, "basket-7");
    let bought = &collected.items[0];
    assert_eq!((bought.name.as_str(), bought.quantity, minor(bought.amount_total.as_ref())), ("T-shirt", 2, 20_000));
    assert_eq!(minor(collected.amount_total.as_ref()), 20_000);
}

async fn a_promotion_code_takes_off_what_it_says(db: Db) {
    let server = Server::start(db).await;
    at_provider(&server, "/v1/coupons", &[("id", "TEN"), ("percent_off", "10"), ("duration", "once")]).await;
    let promotion = [("promotion[type]", "coupon"), ("promotion[coupon]", "TEN"), ("code", "SUMMER")];
    at_provider(&server, "/v1/promotion_codes", &promotion).await;
    let request = v1::CreatePaymentLinkRequest {
        line_items: vec![item("Chair", 9_999, 1), item("Table", 20_000, 1)],
        allow_promotion_codes: true,
        ..Default::default()
    };
    let link = create(&server, request).await;
    let unknown = server.control("pay", json!({"url": link.url, "promotion_code": "WINTER"})).await;
    assert_eq!(unknown.status().as_u16(), 422);
    let session = buy(&server, &link, json!({"promotion_code": "summer"})).await;
    let collected = session.collected.unwrap();
    assert_eq!(collected.promotion_codes[0].code, "SUMMER");
    let totals: Vec<_> = collected.items.iter().map(|item| minor(item.amount_total.as_ref())).collect();
    let total = minor(collected.amount_total.as_ref());
    assert_eq!((minor(collected.amount_subtotal.as_ref()), minor(collected.amount_discount.as_ref())), (29_999, 3_000));
    assert_eq!((total, totals.iter().sum::<i64>()), (26_999, 26_999));
    let request = v1::ListPaymentsRequest { payment_link_id: link.id, ..Default::default() };
    let payment = server.payments().list_payments(request).await.unwrap().into_inner().payments.pop().unwrap();
    assert_eq!((minor(payment.received.as_ref()), payment.flags), (26_999, vec![]));
}

async fn an_optional_item_is_bought_beside_the_others(db: Db) {
    let server = Server::start(db).await;
    let product =
        v1::CreateProductRequest { request_id: unique("product"), name: "Wrapping".to_owned(), ..Default::default() };
    let product = server.catalog().create_product(product).await.unwrap().into_inner().product.unwrap();
    let price = v1::CreatePriceRequest {
        request_id: unique("price"),
        product_id: product.id,
        unit_price: Some(sek(2_500)),
        tax_behavior: v1::TaxBehavior::Inclusive as i32,
        ..Default::default()
    };
    let price = server.catalog().create_price(price).await.unwrap().into_inner().price.unwrap();
    let request = v1::CreatePaymentLinkRequest {
        line_items: vec![item("Mug", 10_000, 1)],
        optional_items: vec![v1::OptionalItem { price_id: price.id.clone(), quantity: 1, ..Default::default() }],
        ..Default::default()
    };
    let link = create(&server, request).await;
    let url = format!("{}/v1/payment_links/{}", server.sandbox, link.provider_ref);
    let there: Value =
        http().get(url).bearer_auth("sk_test_paylinks_sandbox").send().await.unwrap().json().await.unwrap();
    let theirs = there.pointer("/optional_items/0/price").and_then(Value::as_str).unwrap();
    let session = buy(&server, &link, json!({"optional_items": {theirs: 1}})).await;
    let collected = session.collected.unwrap();
    let items: Vec<_> = collected.items.iter().map(|item| (item.name.as_str(), item.price_id.as_str())).collect();
    assert_eq!(items, [("Mug", ""), ("Wrapping", price.id.as_str())]);
    assert_eq!(minor(collected.amount_total.as_ref()), 12_500);
}

async fn a_chosen_amount_is_paid_as_it_was_entered(db: Db) {
    let server = Server::start(db).await;
    let product =
        v1::CreateProductRequest { request_id: unique("product"), name: "Donation".to_owned(), ..Default::default() };
    let product = server.catalog().create_product(product).await.unwrap().into_inner().product.unwrap();
    let chosen = v1::ChosenAmount {
        currency_code: "SEK".to_owned(),
        minimum: Some(2_000),
        maximum: Some(100_000),
        preset: None,
    };
    let price = v1::CreatePriceRequest {
        request_id: unique("price"),
        product_id: product.id,
        model: Some(v1::PriceModel { model: Some(v1::price_model::Model::CustomerChosen(chosen)) }),
        tax_behavior: v1::TaxBehavior::Inclusive as i32,
        ..Default::default()
    };
    let price = server.catalog().create_price(price).await.unwrap().into_inner().price.unwrap();
    let request = v1::CreatePaymentLinkRequest {
        line_items: vec![crate::harness::stored_item(&price.id, 1)],
        collection: Some(v1::Collection { submit_type: v1::SubmitType::Donate as i32, ..Default::default() }),
        ..Default::default()
    };
    let link = create(&server, request).await;
    assert_eq!(server.control("pay", json!({"url": link.url, "custom_amount": 1_999})).await.status().as_u16(), 422);
    let session = buy(&server, &link, json!({"custom_amount": 12_345})).await;
    assert_eq!(minor(session.collected.unwrap().items[0].amount_total.as_ref()), 12_345);
    let request = v1::ListPaymentsRequest { payment_link_id: link.id, ..Default::default() };
    let payment = server.payments().list_payments(request).await.unwrap().into_inner().payments.pop().unwrap();
    assert_eq!((minor(payment.received.as_ref()), payment.flags), (12_345, vec![]));
}

async fn nothing_is_paid_where_a_code_takes_off_everything(db: Db) {
    let server = Server::start(db).await;
    at_provider(&server, "/v1/coupons", &[("id", "ALL"), ("percent_off", "100"), ("duration", "once")]).await;
    let promotion = [("promotion[type]", "coupon"), ("promotion[coupon]", "ALL"), ("code", "FREE")];
    at_provider(&server, "/v1/promotion_codes", &promotion).await;
    let request = v1::CreatePaymentLinkRequest {
        line_items: vec![item("Chair", 10_000, 1)],
        allow_promotion_codes: true,
        ..Default::default()
    };
    let link = create(&server, request).await;
    let session = buy(&server, &link, json!({"promotion_code": "FREE"})).await;
    assert_eq!(session.payment_state(), v1::SessionPaymentState::NotRequired);
    assert_eq!(minor(session.collected.unwrap().amount_total.as_ref()), 0);
    server.expect_no_notification_stuck().await;
    let request = v1::ListPaymentsRequest { payment_link_id: link.id, ..Default::default() };
    assert!(server.payments().list_payments(request).await.unwrap().into_inner().payments.is_empty());
}

async fn a_recurring_link_is_paid_for_its_first_period_and_not_in_a_trial(db: Db) {
    let server = Server::start(db).await;
    let monthly = || {
        let mut plan = item("Plan", 9_900, 1);
        if let Some(v1::line_item_input::Price::PriceData(data)) = &mut plan.price {
            let interval = v1::RecurrenceInterval::Month as i32;
            data.recurrence = Some(v1::Recurrence { interval, interval_count: 1 });
        }
        v1::CreatePaymentLinkRequest { line_items: vec![plan], ..Default::default() }
    };
    let link = create(&server, monthly()).await;
    let session = buy(&server, &link, json!({})).await;
    assert_eq!(session.payment_state(), v1::SessionPaymentState::Paid);
    let of =
        |link: &v1::PaymentLink| v1::ListPaymentsRequest { payment_link_id: link.id.clone(), ..Default::default() };
    server.expect_no_notification_stuck().await;
    let payments = server.payments().list_payments(of(&link)).await.unwrap().into_inner().payments;
    assert_eq!((payments.len(), minor(payments[0].received.as_ref())), (1, 9_900));
    assert!(payments[0].provider_ref.starts_with("pi_"), "a refund of it must find it");

    let trial = Some(v1::SubscriptionSettings { trial_period_days: 14, ..Default::default() });
    let link = create(&server, v1::CreatePaymentLinkRequest { subscription: trial, ..monthly() }).await;
    let session = buy(&server, &link, json!({})).await;
    assert_eq!(session.payment_state(), v1::SessionPaymentState::NotRequired);
    server.expect_no_notification_stuck().await;
    assert!(server.payments().list_payments(of(&link)).await.unwrap().into_inner().payments.is_empty());
}

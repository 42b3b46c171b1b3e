//! What a link can do besides being paid: told over gRPC, kept at the provider, changed and cleared; and what is refused before
//! anything leaves the service.

use api_proto::v1;
use serde_json::{Value, json};
use tonic::Code;

use crate::harness::{
    Db, Server, error_parts, http, item, mask, on_both_databases, sek, sek_amount, stored_item, unique,
};

on_both_databases!(
    every_option_reaches_the_provider_and_can_be_cleared,
    prices_of_every_model_are_sold_by_a_link,
    what_customers_may_add_is_offered,
    a_price_is_sold_in_the_currency_that_the_link_names,
    options_that_exclude_one_another_are_refused_together,
    prices_and_shipping_rates_name_every_bad_field,
    a_link_for_an_invoice_leaves_the_amount_to_its_invoice,
    shipping_rates_are_kept_and_archived,
);

fn link(items: Vec<v1::LineItemInput>) -> v1::CreatePaymentLinkRequest {
    v1::CreatePaymentLinkRequest { request_id: unique("link"), line_items: items, ..Default::default() }
}

async fn create(server: &Server, request: v1::CreatePaymentLinkRequest) -> v1::PaymentLink {
    server.links().create_payment_link(request).await.unwrap().into_inner().payment_link.unwrap()
}

async fn refused(server: &Server, request: v1::CreatePaymentLinkRequest) -> Vec<String> {
    let (code, reason, fields) = error_parts(&server.links().create_payment_link(request).await.unwrap_err());
    assert_eq!((code, reason.as_str()), (Code::InvalidArgument, "INVALID_FIELDS"), "{fields:?}");
    fields
}

/// A link as the provider has it.
async fn at_provider(server: &Server, link: &v1::PaymentLink) -> Value {
    let url = format!("{}/v1/payment_links/{}?expand[]=line_items", server.sandbox, link.provider_ref);
    let answer = http().get(url).bearer_auth("sk_test_paylinks_sandbox").send().await.unwrap();
    answer.json().await.unwrap()
}

async fn price(server: &Server, request: v1::CreatePriceRequest) -> v1::Price {
    server.catalog().create_price(priced(server, request).await).await.unwrap().into_inner().price.unwrap()
}

/// A request for a price of a new product.
async fn priced(server: &Server, request: v1::CreatePriceRequest) -> v1::CreatePriceRequest {
    let product =
        v1::CreateProductRequest { request_id: unique("product"), name: "Seat".to_owned(), ..Default::default() };
    let product = server.catalog().create_product(product).await.unwrap().into_inner().product.unwrap();
    v1::CreatePriceRequest {
        request_id: unique("price"),
        product_id: product.id,
        tax_behavior: v1::TaxBehavior::Inclusive as i32,
        ..request
    }
}

fn model(model: v1::price_model::Model) -> Option<v1::PriceModel> {
    Some(v1::PriceModel { model: Some(model) })
}

fn collection() -> v1::Collection {
    let options =
        ["small", "large"].map(|value| v1::DropdownOption { label: value.to_uppercase(), value: value.into() });
    let dropdown = v1::DropdownField { options: options.to_vec(), default_value: "small".to_owned() };
    v1::Collection {
        billing_address: v1::AddressCollection::Required as i32,
        shipping_address: Some(v1::ShippingAddressCollection {
            allowed_country_codes: vec!["SE".to_owned(), "NO".to_owned()],
        }),
        phone_number: true,
        names: Some(v1::NameCollection {
            individual: v1::NameField::Required as i32,
            business: v1::NameField::Optional as i32,
        }),
        tax_id: v1::TaxIdCollection::RequiredIfSupported as i32,
        custom_fields: vec![v1::CustomField {
            key: "size".to_owned(),
            label: "Size".to_owned(),
            optional: true,
            kind: Some(v1::custom_field::Kind::Dropdown(dropdown)),
        }],
        consent: Some(v1::ConsentCollection { terms_of_service: true, ..Default::default() }),
        custom_text: Some(v1::CustomText { submit: "We ship on Mondays.".to_owned(), ..Default::default() }),
        submit_type: v1::SubmitType::Book as i32,
        customer_creation: v1::CustomerCreation::Always as i32,
    }
}

async fn every_option_reaches_the_provider_and_can_be_cleared(db: Db) {
    let server = Server::start(db).await;
    let request = v1::CreatePaymentLinkRequest {
        collection: Some(collection()),
        payment: Some(v1::PaymentSettings {
            method_types: vec!["card".to_owned()],
            blocked_card_brands: vec![v1::CardBrand::AmericanExpress as i32],
            description: "Order 7".to_owned(),
            metadata: [("order".to_owned(), "7".to_owned())].into(),
            statement_descriptor: "ACME SHOP".to_owned(),
            ..Default::default()
        }),
        platform: Some(v1::PlatformSettings {
            application_fee: Some(v1::platform_settings::ApplicationFee::ApplicationFeeAmount(v1::Money {
                minor_units: 500,
                currency_code: "SEK".to_owned(),
            })),
            on_behalf_of: "acct_1".to_owned(),
            transfer: Some(v1::Transfer { destination: "acct_2".to_owned(), amount: None }),
        }),
        invoice_creation: Some(v1::InvoiceCreation {
            invoice: Some(v1::ProviderInvoice { footer: "Thanks".to_owned(), ..Default::default() }),
            ..Default::default()
        }),
        automatic_tax: Some(v1::ProviderTax::default()),
        allow_promotion_codes: true,
        ..link(vec![item("T-shirt", 10_000, 1)])
    };
    let made = create(&server, request.clone()).await;
    assert_eq!(made.collection, request.collection);
    assert_eq!((made.payment.as_ref().unwrap().description.as_str(), made.allow_promotion_codes), ("Order 7", true));
    let there = at_provider(&server, &made).await;
    for (pointer, value) in [
        ("/billing_address_collection", json!("required")),
        ("/shipping_address_collection/allowed_countries", json!(["SE", "NO"])),
        ("/phone_number_collection/enabled", json!(true)),
        ("/tax_id_collection/required", json!("if_supported")),
        ("/custom_fields/0/dropdown/default_value", json!("small")),
        ("/consent_collection/terms_of_service", json!("required")),
        ("/custom_text/submit/message", json!("We ship on Mondays.")),
        ("/submit_type", json!("book")),
        ("/customer_creation", json!("always")),
        ("/payment_method_types", json!(["card"])),
        ("/payment_intent_data/statement_descriptor", json!("ACME SHOP")),
        ("/payment_intent_data/metadata/order", json!("7")),
        ("/application_fee_amount", json!(500)),
        ("/on_behalf_of", json!("acct_1")),
        ("/transfer_data/destination", json!("acct_2")),
        ("/invoice_creation/invoice_data/footer", json!("Thanks")),
        ("/automatic_tax/enabled", json!(true)),
        ("/allow_promotion_codes", json!(true)),
    ] {
        assert_eq!(there.pointer(pointer), Some(&value), "{pointer} of {there}");
    }

    let change = v1::UpdatePaymentLinkRequest {
        request_id: unique("update"),
        payment_link: Some(v1::PaymentLink { id: made.id.clone(), etag: made.etag.clone(), ..Default::default() }),
        update_mask: mask(&[
            "collection",
            "platform",
            "payment",
            "invoice_creation",
            "automatic_tax",
            "allow_promotion_codes",
        ]),
    };
    let cleared = server.links().update_payment_link(change).await.unwrap().into_inner().payment_link.unwrap();
    assert!(cleared.invoice_creation.is_none() && cleared.automatic_tax.is_none() && !cleared.allow_promotion_codes);
    assert!(cleared.collection.unwrap().custom_fields.is_empty());
    let there = at_provider(&server, &made).await;
    for (pointer, value) in [
        ("/phone_number_collection/enabled", json!(false)),
        ("/invoice_creation/enabled", json!(false)),
        ("/automatic_tax/enabled", json!(false)),
        ("/allow_promotion_codes", json!(false)),
        ("/submit_type", json!("auto")),
        ("/on_behalf_of", Value::Null),
        ("/transfer_data", Value::Null),
        ("/shipping_address_collection", Value::Null),
    ] {
        assert_eq!(there.pointer(pointer), Some(&value), "{pointer} of {there}");
    }
}

/// 7.00 up to five, 6.50 up to ten, 6.00 above, in SEK.
fn tiers() -> v1::TieredPrice {
    let tier = |up_to, minor| v1::PriceTier { up_to, unit_price: Some(sek(minor)), flat_price: None };
    v1::TieredPrice { tiers: vec![tier(Some(5), 700), tier(Some(10), 650), tier(None, 600)] }
}

async fn prices_of_every_model_are_sold_by_a_link(db: Db) {
    use v1::price_model::Model;
    let server = Server::start(db).await;
    let package = v1::PackagePrice { price: Some(sek(2_500)), size: 5, rounding: v1::PackageRounding::Up as i32 };
    let models = [
        (Model::Graduated(tiers()), 20, 12_750),
        (Model::Volume(tiers()), 20, 12_000),
        (Model::Package(package), 6, 5_000),
    ];
    for (priced, quantity, amount) in models {
        let stored =
            price(&server, v1::CreatePriceRequest { model: model(priced.clone()), ..Default::default() }).await;
        assert_eq!((&stored.model, &stored.unit_price), (&model(priced), &None));
        let made = create(&server, link(vec![stored_item(&stored.id, quantity)])).await;
        assert_eq!(made.amount.as_ref().unwrap().minor_units, amount);
        let there = at_provider(&server, &made).await;
        assert_eq!(there.pointer("/line_items/data/0/amount_total"), Some(&json!(amount)), "{there}");
        // A second link sells by the same price there.
        let again = create(&server, link(vec![stored_item(&stored.id, 1)])).await;
        let prices = [there, at_provider(&server, &again).await];
        assert_eq!(prices[0].pointer("/line_items/data/0/price/id"), prices[1].pointer("/line_items/data/0/price/id"));
    }
    let chosen =
        v1::ChosenAmount { currency_code: "SEK".to_owned(), minimum: Some(2_000), maximum: None, preset: Some(5_000) };
    let stored =
        price(&server, v1::CreatePriceRequest { model: model(Model::CustomerChosen(chosen)), ..Default::default() })
            .await;
    let made = create(&server, link(vec![stored_item(&stored.id, 1)])).await;
    let there = at_provider(&server, &made).await;
    let custom = there.pointer("/line_items/data/0/price/custom_unit_amount").unwrap();
    assert_eq!((&custom["minimum"], &custom["preset"]), (&json!(2_000), &json!(5_000)));
    let two = link(vec![stored_item(&stored.id, 1), item("Mug", 5_000, 1)]);
    assert_eq!(refused(&server, two).await, ["line_items[0]"]);
}

async fn what_customers_may_add_is_offered(db: Db) {
    let server = Server::start(db).await;
    let wrap = price(&server, v1::CreatePriceRequest { unit_price: Some(sek(2_500)), ..Default::default() }).await;
    let bound = |unit: v1::DeliveryUnit, value| Some(v1::DeliveryBound { unit: unit as i32, value });
    let shipping = v1::CreateShippingRateRequest {
        request_id: unique("shipping"),
        display_name: "Courier".to_owned(),
        amount: Some(sek_amount(4_900)),
        delivery_estimate: Some(v1::DeliveryEstimate {
            minimum: bound(v1::DeliveryUnit::BusinessDay, 1),
            maximum: bound(v1::DeliveryUnit::BusinessDay, 3),
        }),
        ..Default::default()
    };
    let shipping = server.catalog().create_shipping_rate(shipping).await.unwrap().into_inner().shipping_rate.unwrap();
    let adjustable = Some(v1::AdjustableQuantity { minimum: Some(1), maximum: Some(5) });
    let request = v1::CreatePaymentLinkRequest {
        optional_items: vec![v1::OptionalItem {
            price_id: wrap.id.clone(),
            quantity: 1,
            adjustable_quantity: Some(v1::AdjustableQuantity { minimum: Some(0), maximum: Some(3) }),
            ..Default::default()
        }],
        shipping_options: vec![v1::ShippingOption { shipping_rate_id: shipping.id.clone(), ..Default::default() }],
        collection: Some(v1::Collection {
            shipping_address: Some(v1::ShippingAddressCollection { allowed_country_codes: vec!["SE".to_owned()] }),
            ..Default::default()
        }),
        ..link(vec![v1::LineItemInput { adjustable_quantity: adjustable, ..item("Mug", 10_000, 2) }])
    };
    let made = create(&server, request).await;
    assert_eq!((made.optional_items[0].name.as_str(), &made.optional_items[0].price_id), ("Seat", &wrap.id));
    assert_eq!(
        (made.shipping_options[0].display_name.as_str(), made.shipping_options[0].amount.clone()),
        ("Courier", shipping.amount)
    );
    let there = at_provider(&server, &made).await;
    assert_eq!(there.pointer("/optional_items/0/adjustable_quantity/maximum"), Some(&json!(3)), "{there}");
    assert_eq!(there.pointer("/line_items/data/0/adjustable_quantity/maximum"), Some(&json!(5)), "{there}");
    assert_eq!(there["shipping_options"].as_array().map(Vec::len), Some(1), "{there}");
    let change = v1::UpdatePaymentLinkRequest {
        request_id: unique("update"),
        payment_link: Some(v1::PaymentLink { id: made.id.clone(), ..Default::default() }),
        update_mask: mask(&["optional_items", "shipping_options"]),
    };
    let changed = server.links().update_payment_link(change).await.unwrap().into_inner().payment_link.unwrap();
    assert!(changed.optional_items.is_empty() && changed.shipping_options.is_empty());
}

async fn a_price_is_sold_in_the_currency_that_the_link_names(db: Db) {
    let server = Server::start(db).await;
    let euros = v1::UnitPrice { minor_units: "900".to_owned(), currency_code: "EUR".to_owned() };
    let option = v1::CurrencyOption {
        model: model(v1::price_model::Model::PerUnit(euros)),
        tax_behavior: v1::TaxBehavior::Inclusive as i32,
    };
    let request =
        v1::CreatePriceRequest { unit_price: Some(sek(10_000)), currency_options: vec![option], ..Default::default() };
    let stored = price(&server, request).await;
    let own = create(&server, link(vec![stored_item(&stored.id, 2)])).await;
    assert_eq!((own.currency_code.as_str(), own.amount.unwrap().minor_units), ("SEK", 20_000));
    let in_currency = |code: &str| v1::CreatePaymentLinkRequest {
        currency_code: code.to_owned(),
        ..link(vec![stored_item(&stored.id, 2)])
    };
    let euro = create(&server, in_currency("EUR")).await;
    assert_eq!((euro.currency_code.as_str(), euro.amount.unwrap().minor_units), ("EUR", 1_800));
    assert_eq!(refused(&server, in_currency("USD")).await, ["line_items[0].price_id"]);
}

async fn options_that_exclude_one_another_are_refused_together(db: Db) {
    let server = Server::start(db).await;
    let percent = |text: &str| {
        Some(v1::PlatformSettings {
            application_fee: Some(v1::platform_settings::ApplicationFee::ApplicationFeePercent(text.to_owned())),
            ..Default::default()
        })
    };
    let once = v1::CreatePaymentLinkRequest {
        platform: percent("5"),
        subscription: Some(v1::SubscriptionSettings { trial_period_days: 14, ..Default::default() }),
        payment: Some(v1::PaymentSettings {
            method_collection: v1::PaymentMethodCollection::IfRequired as i32,
            ..Default::default()
        }),
        collection: Some(v1::Collection {
            submit_type: v1::SubmitType::Subscribe as i32,
            custom_text: Some(v1::CustomText { shipping_address: "To the door".to_owned(), ..Default::default() }),
            ..Default::default()
        }),
        ..link(vec![item("Ticket", 10_000, 1)])
    };
    let want = [
        "platform.application_fee_percent",
        "subscription",
        "payment.method_collection",
        "collection.submit_type",
        "collection.custom_text.shipping_address",
    ];
    assert_eq!(refused(&server, once).await, want);
    let mut monthly = item("Plan", 10_000, 1);
    if let Some(v1::line_item_input::Price::PriceData(data)) = &mut monthly.price {
        data.recurrence = Some(v1::Recurrence { interval: v1::RecurrenceInterval::Month as i32, interval_count: 1 });
    }
    let again = v1::CreatePaymentLinkRequest {
        payment: Some(v1::PaymentSettings { description: "Order".to_owned(), ..Default::default() }),
        invoice_creation: Some(v1::InvoiceCreation::default()),
        ..link(vec![monthly.clone()])
    };
    assert_eq!(refused(&server, again).await, ["invoice_creation", "payment"]);
    let made = create(
        &server,
        v1::CreatePaymentLinkRequest {
            platform: percent("2.5"),
            subscription: Some(v1::SubscriptionSettings { trial_period_days: 14, ..Default::default() }),
            ..link(vec![monthly])
        },
    )
    .await;
    assert_eq!(made.subscription.as_ref().unwrap().trial_period_days, 14);
    let there = at_provider(&server, &made).await;
    assert_eq!(there.pointer("/subscription_data/trial_period_days"), Some(&json!(14)), "{there}");

    let bad = v1::CreatePaymentLinkRequest {
        platform: percent("100.5"),
        subscription: Some(v1::SubscriptionSettings { trial_period_days: -1, ..Default::default() }),
        payment: Some(v1::PaymentSettings {
            method_types: vec!["Card!".to_owned()],
            statement_descriptor: "A*".to_owned(),
            ..Default::default()
        }),
        collection: Some(v1::Collection {
            shipping_address: Some(v1::ShippingAddressCollection { allowed_country_codes: vec!["XX1".to_owned()] }),
            custom_fields: vec![v1::CustomField { key: "a b".to_owned(), ..Default::default() }],
            custom_text: Some(v1::CustomText { submit: "x".repeat(1_201), ..Default::default() }),
            ..Default::default()
        }),
        ..link(vec![v1::LineItemInput {
            adjustable_quantity: Some(v1::AdjustableQuantity { minimum: Some(5), maximum: Some(4) }),
            ..item("Ticket", 10_000, 1)
        }])
    };
    let want = [
        "line_items[0].adjustable_quantity",
        "collection.shipping_address.allowed_country_codes[0]",
        "collection.custom_fields[0].key",
        "collection.custom_fields[0].label",
        "collection.custom_fields[0].kind",
        "collection.custom_text.submit",
        "payment.method_types[0]",
        "payment.statement_descriptor",
        "platform.application_fee_percent",
        "subscription.trial_period_days",
    ];
    assert_eq!(refused(&server, bad).await, want);
    assert_eq!(server.executed("POST /v1/payment_links").await, 1);
}

async fn prices_and_shipping_rates_name_every_bad_field(db: Db) {
    use v1::price_model::Model;
    let server = Server::start(db).await;
    let refused = async |request: v1::CreatePriceRequest| {
        let request = priced(&server, request).await;
        error_parts(&server.catalog().create_price(request).await.unwrap_err()).2
    };
    assert_eq!(refused(v1::CreatePriceRequest::default()).await, ["unit_price"]);
    let both = v1::CreatePriceRequest {
        unit_price: Some(sek(100)),
        model: model(Model::PerUnit(sek(100))),
        ..Default::default()
    };
    assert_eq!(refused(both).await, ["model"]);
    let mut unordered = tiers();
    unordered.tiers.swap(0, 1);
    let unordered = v1::CreatePriceRequest { model: model(Model::Volume(unordered)), ..Default::default() };
    assert_eq!(refused(unordered).await, ["model.volume.tiers[1].up_to"]);
    let mut endless = tiers();
    endless.tiers[1].up_to = Some(1_000_000);
    let endless = v1::CreatePriceRequest { model: model(Model::Volume(endless)), ..Default::default() };
    assert_eq!(refused(endless).await, ["model.volume.tiers[1].up_to"]);
    let chosen = v1::ChosenAmount { currency_code: "XXX".to_owned(), minimum: Some(5), maximum: Some(4), preset: None };
    let chosen = v1::CreatePriceRequest { model: model(Model::CustomerChosen(chosen)), ..Default::default() };
    assert_eq!(refused(chosen).await, ["model.customer_chosen.currency_code", "model.customer_chosen.maximum"]);
    let pace = v1::Recurrence { interval: v1::RecurrenceInterval::Year as i32, interval_count: 4 };
    let option =
        v1::CurrencyOption { model: model(Model::PerUnit(sek(100))), tax_behavior: v1::TaxBehavior::Inclusive as i32 };
    let same = v1::CreatePriceRequest {
        unit_price: Some(sek(100)),
        recurrence: Some(pace),
        currency_options: vec![option],
        ..Default::default()
    };
    assert_eq!(refused(same.clone()).await, ["recurrence.interval_count"]);
    let same = v1::CreatePriceRequest { recurrence: None, ..same };
    assert_eq!(refused(same).await, ["currency_options[0]"]);
    let shipping = v1::CreateShippingRateRequest {
        request_id: unique("shipping"),
        amount: Some(sek_amount(-1)),
        delivery_estimate: Some(v1::DeliveryEstimate::default()),
        ..Default::default()
    };
    let status = server.catalog().create_shipping_rate(shipping).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["display_name", "amount.minor_units", "delivery_estimate"]);
    let money = |code: &str| v1::Money { minor_units: 100, currency_code: code.to_owned() };
    let others = "AED AUD NOK BRL CAD CHF CLP CNY CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN SEK";
    let shipping = v1::CreateShippingRateRequest {
        request_id: unique("shipping"),
        display_name: "Post".to_owned(),
        amount: Some(money("SEK")),
        currency_options: others.split(' ').map(money).collect(),
        ..Default::default()
    };
    let status = server.catalog().create_shipping_rate(shipping).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["currency_options", "currency_options[20].currency_code"]);
}

async fn a_link_for_an_invoice_leaves_the_amount_to_its_invoice(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let request = v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        invoice_id: invoice.id.clone(),
        allow_promotion_codes: true,
        automatic_tax: Some(v1::ProviderTax::default()),
        ..Default::default()
    };
    assert_eq!(refused(&server, request).await, ["allow_promotion_codes", "automatic_tax"]);
    let request = v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        invoice_id: invoice.id,
        collection: Some(v1::Collection { phone_number: true, ..Default::default() }),
        ..Default::default()
    };
    let made = create(&server, request).await;
    assert_eq!(at_provider(&server, &made).await.pointer("/phone_number_collection/enabled"), Some(&json!(true)));
}

async fn shipping_rates_are_kept_and_archived(db: Db) {
    let server = Server::start(db).await;
    let request = v1::CreateShippingRateRequest {
        request_id: unique("shipping"),
        display_name: "Post".to_owned(),
        amount: Some(sek_amount(0)),
        currency_options: vec![v1::Money { minor_units: 100, currency_code: "EUR".to_owned() }],
        ..Default::default()
    };
    let rate = server.catalog().create_shipping_rate(request).await.unwrap().into_inner().shipping_rate.unwrap();
    let get = v1::GetShippingRateRequest { id: rate.id.clone() };
    assert_eq!(server.catalog().get_shipping_rate(get).await.unwrap().into_inner().shipping_rate.unwrap(), rate);
    let change = v1::UpdateShippingRateRequest {
        request_id: unique("change"),
        shipping_rate: Some(v1::ShippingRate { active: false, ..rate.clone() }),
        update_mask: mask(&["active"]),
    };
    let archived = server.catalog().update_shipping_rate(change).await.unwrap().into_inner().shipping_rate.unwrap();
    assert!(!archived.active);
    let list = v1::ListShippingRatesRequest { active: Some(true), ..Default::default() };
    assert!(server.catalog().list_shipping_rates(list).await.unwrap().into_inner().shipping_rates.is_empty());
    let request = v1::CreatePaymentLinkRequest {
        shipping_options: vec![v1::ShippingOption { shipping_rate_id: rate.id, ..Default::default() }],
        ..link(vec![item("Mug", 10_000, 1)])
    };
    assert_eq!(refused(&server, request).await, ["shipping_options[0].shipping_rate_id"]);
}

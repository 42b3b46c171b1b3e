//! The example requests of Stripe's reference for payment links with the answers that it documents for them, and the steps
//! of its guide to them.

use serde_json::{Value, json};

use crate::testing::{Sandbox, refusal};

/// What the reference shows of a link over one price that is paid each month. What differs from link to link is in
/// [`check_named`].
fn documented_link(metadata: &Value) -> Value {
    json!({
        "object": "payment_link",
        "active": true,
        "after_completion": {"hosted_confirmation": {"custom_message": null}, "type": "hosted_confirmation"},
        "allow_promotion_codes": false,
        "application_fee_amount": null,
        "application_fee_percent": null,
        "automatic_tax": {"enabled": false, "liability": null},
        "billing_address_collection": "auto",
        "consent_collection": null,
        "currency": "usd",
        "custom_fields": [],
        "custom_text": {"shipping_address": null, "submit": null},
        "customer_creation": "if_required",
        "invoice_creation": {
            "enabled": false,
            "invoice_data": {
                "account_tax_ids": null,
                "custom_fields": null,
                "description": null,
                "footer": null,
                "issuer": null,
                "metadata": {},
                "rendering_options": null,
            },
        },
        "livemode": false,
        "metadata": metadata,
        "on_behalf_of": null,
        "payment_intent_data": null,
        "payment_method_collection": "always",
        "payment_method_types": null,
        "phone_number_collection": {"enabled": false},
        "shipping_address_collection": null,
        "shipping_options": [],
        "submit_type": "auto",
        "subscription_data": {
            "description": null,
            "invoice_settings": {"issuer": {"type": "self"}},
            "trial_period_days": null,
        },
        "tax_id_collection": {"enabled": false},
        "transfer_data": null,
    })
}

/// Holds what differs from link to link to its form: the id, and where customers go.
fn check_named(link: &Value, at: &str) {
    let text = |name: &str| link[name].as_str().unwrap_or_else(|| panic!("{at}.{name} is no text"));
    assert!(text("id").starts_with("plink_"), "{at}.id");
    assert!(text("url").starts_with("http") && text("url").contains("/test_"), "{at}.url");
}

/// Holds that an answer has all that is documented; it may have more.
fn check(answered: &Value, documented: &Value, at: &str) {
    match (answered, documented) {
        (Value::Object(answered), Value::Object(documented)) => {
            for (key, value) in documented {
                let there = answered.get(key).unwrap_or_else(|| panic!("{at}.{key} is missing"));
                check(there, value, &format!("{at}.{key}"));
            }
        }
        (Value::Array(answered), Value::Array(documented)) => {
            assert_eq!(answered.len(), documented.len(), "{at}");
            for (index, (answered, documented)) in answered.iter().zip(documented).enumerate() {
                check(answered, documented, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(answered, documented, "{at}"),
    }
}

#[test]
fn the_requests_of_the_reference_have_the_documented_answers() {
    let mut sandbox = Sandbox::new();
    let body = "currency=usd&unit_amount=1000&recurring[interval]=month&product_data[name]=Gold special";
    let price = sandbox.call("POST /v1/prices", body);
    let items =
        |price: &Value| format!("line_items[0][price]={}&line_items[0][quantity]=1", price["id"].as_str().unwrap());
    let link = sandbox.call("POST /v1/payment_links", &items(&price));
    check(&link, &documented_link(&json!({})), "created");
    check_named(&link, "created");
    let retrieved = sandbox.call_on("GET /v1/payment_links/{id}", &link, "");
    assert_eq!(retrieved, link, "retrieved");
    let list = sandbox.call("GET /v1/payment_links", "limit=3");
    let documented = json!({"object": "list", "url": "/v1/payment_links", "has_more": false, "data": [link]});
    check(&list, &documented, "list");
    let updated = sandbox.call_on("POST /v1/payment_links/{id}", &link, "metadata[order_id]=6735");
    check(&updated, &documented_link(&json!({"order_id": "6735"})), "updated");
    assert_eq!((&updated["id"], &updated["url"]), (&link["id"], &link["url"]));
    let price = sandbox.call("POST /v1/prices", "currency=usd&unit_amount=1099&product_data[name]=T-shirt");
    let link = sandbox.call("POST /v1/payment_links", &items(&price));
    let line_items = sandbox.call_on("GET /v1/payment_links/{id}/line_items", &link, "");
    let documented = json!({
        "object": "list",
        "data": [{
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": 1099,
            "amount_tax": 0,
            "amount_total": 1099,
            "currency": "usd",
            "description": "T-shirt",
            "price": {
                "id": price["id"],
                "object": "price",
                "active": true,
                "billing_scheme": "per_unit",
                "currency": "usd",
                "custom_unit_amount": null,
                "livemode": false,
                "lookup_key": null,
                "metadata": {},
                "nickname": null,
                "product": price["product"],
                "recurring": null,
                "tax_behavior": "unspecified",
                "tiers_mode": null,
                "transform_quantity": null,
                "type": "one_time",
                "unit_amount": 1099,
                "unit_amount_decimal": "1099",
            },
            "quantity": 1,
        }],
        "has_more": false,
        "url": format!("/v1/payment_links/{}/line_items", link["id"].as_str().unwrap()),
    });
    check(&line_items, &documented, "line items");
    let item = &line_items["data"][0];
    assert!(item["id"].as_str().is_some_and(|id| id.starts_with("li_")), "{item}");
    assert!(item["price"]["created"].is_i64(), "{item}");
}

#[test]
fn a_link_with_a_price_that_is_paid_once_says_nothing_of_subscriptions() {
    let mut sandbox = Sandbox::new();
    let link = sandbox.call("POST /v1/payment_links", INLINE);
    assert_eq!(link["subscription_data"], Value::Null);
}

/// A price said inline, as the guide has it for what is sold once.
const INLINE: &str = "line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=1000\
    &line_items[0][price_data][product_data][name]=T-shirt&line_items[0][quantity]=1";

#[test]
fn each_step_of_the_guide_is_taken_and_told() {
    let mut sandbox = Sandbox::new();
    let field = "&custom_fields[0][key]=engraving&custom_fields[0][type]=text&custom_fields[0][label][type]=custom\
        &custom_fields[0][label][custom]=Personalized engraving";
    let rate = sandbox.call(
        "POST /v1/shipping_rates",
        "display_name=Ground&type=fixed_amount&fixed_amount[amount]=500&fixed_amount[currency]=usd",
    );
    let ships =
        "&shipping_address_collection[allowed_countries][0]=US&shipping_address_collection[allowed_countries][1]=CA";
    let rated = format!("{ships}&shipping_options[0][shipping_rate]={}", rate["id"].as_str().unwrap());
    let monthly = "&line_items[0][price_data][recurring][interval]=month&subscription_data[trial_period_days]=7";
    let invoice = "&invoice_creation[enabled]=true&invoice_creation[invoice_data][description]=Invoice for Product X\
        &invoice_creation[invoice_data][metadata][order]=order-xyz&invoice_creation[invoice_data][account_tax_ids][0]=txi_1\
        &invoice_creation[invoice_data][custom_fields][0][name]=Purchase Order\
        &invoice_creation[invoice_data][custom_fields][0][value]=PO-XYZ\
        &invoice_creation[invoice_data][rendering_options][amount_tax_display]=include_inclusive_tax\
        &invoice_creation[invoice_data][footer]=B2B Inc.";
    for (given, at, told) in [
        ("", "/active", json!(true)),
        (
            "&after_completion[type]=redirect&after_completion[redirect][url]=https://example.com",
            "/after_completion",
            json!({"redirect": {"url": "https://example.com"}, "type": "redirect"}),
        ),
        ("&allow_promotion_codes=true", "/allow_promotion_codes", json!(true)),
        ("&automatic_tax[enabled]=true", "/automatic_tax/enabled", json!(true)),
        ("&billing_address_collection=required", "/billing_address_collection", json!("required")),
        (ships, "/shipping_address_collection/allowed_countries", json!(["US", "CA"])),
        (&rated, "/shipping_options/0/shipping_rate", rate["id"].clone()),
        (&rated, "/shipping_options/0/shipping_amount", json!(500)),
        (monthly, "/subscription_data/trial_period_days", json!(7)),
        ("&payment_method_types[0]=card", "/payment_method_types", json!(["card"])),
        ("&consent_collection[terms_of_service]=required", "/consent_collection/terms_of_service", json!("required")),
        (field, "/custom_fields/0/label/custom", json!("Personalized engraving")),
        ("&application_fee_amount=100", "/application_fee_amount", json!(100)),
        (invoice, "/invoice_creation/enabled", json!(true)),
        (invoice, "/invoice_creation/invoice_data/custom_fields/0/value", json!("PO-XYZ")),
        (invoice, "/invoice_creation/invoice_data/metadata/order", json!("order-xyz")),
    ] {
        let link = sandbox.call("POST /v1/payment_links", &format!("{INLINE}{given}"));
        assert_eq!(link.pointer(at), Some(&told), "{given}");
    }
    let adjustable = "&line_items[0][adjustable_quantity][enabled]=true\
        &line_items[0][adjustable_quantity][minimum]=1&line_items[0][adjustable_quantity][maximum]=10";
    let link = sandbox.call("POST /v1/payment_links", &format!("{INLINE}{adjustable}"));
    let item = sandbox.call_on("GET /v1/payment_links/{id}/line_items", &link, "")["data"][0].clone();
    assert_eq!(item["adjustable_quantity"], json!({"enabled": true, "maximum": 10, "minimum": 1}));
    for active in [false, true] {
        let changed = sandbox.call_on("POST /v1/payment_links/{id}", &link, &format!("active={active}"));
        assert_eq!(changed["active"], json!(active));
    }
}

#[test]
fn each_kind_of_price_of_the_guide_is_sold_to_its_number_of_items() {
    let mut sandbox = Sandbox::new();
    for priced in [
        "unit_amount=1000",
        "billing_scheme=tiered&tiers_mode=volume&tiers[0][up_to]=5&tiers[0][unit_amount]=700\
            &tiers[1][up_to]=inf&tiers[1][unit_amount]=650",
        "unit_amount=2500&transform_quantity[divide_by]=5&transform_quantity[round]=up",
        "custom_unit_amount[enabled]=true",
    ] {
        let price = sandbox.call("POST /v1/prices", &format!("currency=usd&product_data[name]=Seat&{priced}"));
        let body = format!("line_items[0][price]={}&line_items[0][quantity]=1", price["id"].as_str().unwrap());
        let link = sandbox.call("POST /v1/payment_links", &body);
        assert_eq!(link["currency"], "usd", "{priced}");
        let is_chosen = priced.starts_with("custom_unit_amount");
        let beside = format!("{body}&{}", INLINE.replace("line_items[0]", "line_items[1]"));
        assert_eq!(sandbox.try_call("POST /v1/payment_links", &beside).is_err(), is_chosen, "{priced}");
    }
    let items = |count: usize| {
        let item = |index: usize| INLINE.replace("line_items[0]", &format!("line_items[{index}]"));
        (0..count).map(item).collect::<Vec<_>>().join("&")
    };
    sandbox.call("POST /v1/payment_links", &items(20));
    assert_eq!(refusal(sandbox.try_call("POST /v1/payment_links", &items(21))), "line_items");
}

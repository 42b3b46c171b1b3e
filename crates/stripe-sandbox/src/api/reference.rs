//! The example requests of Stripe's reference for payment links, and the answers that it documents for them.

use serde_json::{Value, json};

use crate::testing::Sandbox;

/// What the reference shows of a link over one price that is paid each month. What differs from link to link is left out, and
/// so is `subscription_data`: the sandbox has none until one is given.
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
        "tax_id_collection": {"enabled": false},
        "transfer_data": null,
    })
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
    check(&sandbox.call_on("GET /v1/payment_links/{id}", &link, ""), &documented_link(&json!({})), "retrieved");
    let list = sandbox.call("GET /v1/payment_links", "limit=3");
    let documented =
        json!({"object": "list", "url": "/v1/payment_links", "has_more": false, "data": [documented_link(&json!({}))]});
    check(&list, &documented, "list");
    let updated = sandbox.call_on("POST /v1/payment_links/{id}", &link, "metadata[order_id]=6735");
    check(&updated, &documented_link(&json!({"order_id": "6735"})), "updated");
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
}

//! Payment links, and the line items that links and sessions share.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::api::catalog::price;
use crate::error::ApiError;
use crate::money::{check_total, times};
use crate::state::{Ctx, LineItem, copy, limit, merge_metadata, text};

/// Parameters that are kept and told as they came.
const KEPT: [&str; 26] = [
    "allow_promotion_codes",
    "application_fee_amount",
    "application_fee_percent",
    "automatic_tax",
    "billing_address_collection",
    "consent_collection",
    "custom_fields",
    "custom_text",
    "customer_creation",
    "inactive_message",
    "invoice_creation",
    "managed_payments",
    "name_collection",
    "on_behalf_of",
    "optional_items",
    "payment_intent_data",
    "payment_method_collection",
    "payment_method_options",
    "payment_method_types",
    "phone_number_collection",
    "shipping_address_collection",
    "shipping_options",
    "submit_type",
    "subscription_data",
    "tax_id_collection",
    "transfer_data",
];

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let items = read_line_items(ctx, params, 20)?;
    let currency = items.first().map(|item| item.currency.clone()).unwrap_or_default();
    check_total(items.iter().map(|item| item.amount).sum(), &currency)?;
    let token = format!("test_{}", crate::ids::random(14));
    let mut link = json!({
        "id": crate::ids::new("plink"), "object": "payment_link", "active": true,
        "after_completion": {"hosted_confirmation": {"custom_message": null}, "type": "hosted_confirmation"},
        "allow_promotion_codes": false, "application": null, "application_fee_amount": null, "application_fee_percent": null,
        "automatic_tax": {"enabled": false, "liability": null}, "billing_address_collection": "auto",
        "consent_collection": null, "currency": currency, "custom_fields": [],
        "custom_text": {"after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null},
        "customer_creation": "if_required", "inactive_message": null,
        "invoice_creation": {"enabled": false, "invoice_data": {"account_tax_ids": null, "custom_fields": null,
            "description": null, "footer": null, "issuer": null, "metadata": {}, "rendering_options": null}},
        "livemode": false, "managed_payments": null, "metadata": {}, "name_collection": null, "on_behalf_of": null,
        "optional_items": null, "payment_intent_data": null, "payment_method_collection": "always",
        "payment_method_options": null, "payment_method_types": null, "phone_number_collection": {"enabled": false},
        "restrictions": null, "shipping_address_collection": null, "shipping_options": [], "submit_type": "auto",
        "subscription_data": null, "tax_id_collection": {"enabled": false, "required": "never"}, "transfer_data": null,
        "url": format!("{}/{token}", ctx.public_url),
    });
    copy(&mut link, params, &KEPT);
    apply(&mut link, params)?;
    merge_metadata(&mut link, params.get("metadata"))?;
    let link = ctx.add("payment_link", link);
    let id = text(&link, "id").to_owned();
    ctx.account().line_items.insert(id.clone(), items);
    ctx.publish(&token, &id);
    ctx.emit("payment_link.created", &link);
    Ok(link)
}

pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut link = ctx.object("payment_link", id)?.clone();
    copy(&mut link, params, &KEPT);
    copy(&mut link, params, &["active"]);
    apply(&mut link, params)?;
    merge_metadata(&mut link, params.get("metadata"))?;
    if let Some(changes) = params.get("line_items").and_then(Value::as_array) {
        change_quantities(ctx, id, changes)?;
    }
    *ctx.object("payment_link", id)? = link.clone();
    ctx.emit("payment_link.updated", &link);
    Ok(link)
}

/// Parameters that are told in another shape than they came in.
fn apply(link: &mut Value, params: &Map<String, Value>) -> Result<(), ApiError> {
    match params.get("after_completion") {
        Some(after) if after["type"] == "redirect" => {
            if text(&after["redirect"], "url").is_empty() {
                return Err(ApiError::invalid("Missing required param: after_completion[redirect].")
                    .code("parameter_missing")
                    .param("after_completion[redirect]"));
            }
            link["after_completion"] = json!({"redirect": {"url": after["redirect"]["url"]}, "type": "redirect"});
        }
        Some(after) => {
            let message = after["hosted_confirmation"]["custom_message"].clone();
            link["after_completion"] =
                json!({"hosted_confirmation": {"custom_message": message}, "type": "hosted_confirmation"});
        }
        None => {}
    }
    match params.get("restrictions") {
        Some(Value::Null) => link["restrictions"] = Value::Null,
        Some(restrictions) => {
            let limit = restrictions["completed_sessions"]["limit"].as_i64().unwrap_or_default();
            if limit < 1 {
                return Err(ApiError::invalid("This value must be greater than or equal to 1.")
                    .code("parameter_invalid_integer")
                    .param("restrictions[completed_sessions][limit]"));
            }
            let count = link["restrictions"]["completed_sessions"]["count"].as_i64().unwrap_or_default();
            link["restrictions"] = json!({"completed_sessions": {"count": count, "limit": limit}});
        }
        None => {}
    }
    Ok(())
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    ctx.list("payment_link", "/v1/payment_links", params, |link| {
        params.get("active").is_none_or(|active| &link["active"] == active)
    })
}

/// The line items that a request names, with prices made for inline ones.
pub(crate) fn read_line_items(
    ctx: &mut Ctx<'_>,
    params: &Map<String, Value>,
    most: usize,
) -> Result<Vec<LineItem>, ApiError> {
    let wanted = params.get("line_items").and_then(Value::as_array).cloned().unwrap_or_default();
    if wanted.is_empty() {
        return Err(ApiError::invalid("Missing required param: line_items.")
            .code("parameter_missing")
            .param("line_items"));
    }
    if wanted.len() > most {
        return Err(ApiError::invalid(format!("You can have at most {most} line items.")).param("line_items"));
    }
    let mut items: Vec<LineItem> = Vec::with_capacity(wanted.len());
    for (index, item) in wanted.iter().enumerate() {
        let item = read_line_item(ctx, item, &format!("line_items[{index}]"))?;
        if items.first().is_some_and(|first| first.currency != item.currency) {
            let message = "All line items must have the same currency.";
            return Err(ApiError::invalid(message).param(format!("line_items[{index}]")));
        }
        items.push(item);
    }
    Ok(items)
}

fn read_line_item(ctx: &mut Ctx<'_>, item: &Value, path: &str) -> Result<LineItem, ApiError> {
    let quantity = item["quantity"].as_i64().unwrap_or(1);
    if !(1..=999_999).contains(&quantity) {
        return Err(ApiError::invalid("This value must be between 1 and 999999.")
            .code("parameter_invalid_integer")
            .param(format!("{path}[quantity]")));
    }
    let price = match (item["price"].as_str(), item.get("price_data")) {
        (Some(id), None) => {
            let price = ctx.object("price", id).map_err(|error| error.param(format!("{path}[price]")))?.clone();
            if price["active"] == false {
                return Err(
                    ApiError::invalid(format!("The price specified is inactive: {id}")).param(format!("{path}[price]"))
                );
            }
            price
        }
        (None, Some(Value::Object(data))) => price(ctx, data, false, &format!("{path}[price_data]"))?,
        _ => {
            let message = "You must specify exactly one of `price` or `price_data`.";
            return Err(ApiError::invalid(message).code("parameter_missing").param(format!("{path}[price]")));
        }
    };
    let unit: Decimal = text(&price, "unit_amount_decimal").parse().unwrap_or_default();
    let amount =
        times(unit, quantity).ok_or_else(|| ApiError::invalid("The amount is too large.").code("amount_too_large"))?;
    let product = ctx.object("product", text(&price, "product"))?;
    Ok(LineItem {
        id: crate::ids::new("li"),
        price: text(&price, "id").to_owned(),
        quantity,
        amount,
        currency: text(&price, "currency").to_owned(),
        description: text(product, "name").to_owned(),
        detail: product["description"].as_str().map(str::to_owned),
        adjustable_quantity: item.get("adjustable_quantity").cloned().unwrap_or(Value::Null),
    })
}

fn change_quantities(ctx: &mut Ctx<'_>, id: &str, changes: &[Value]) -> Result<(), ApiError> {
    let mut items = ctx.account().line_items.get(id).cloned().unwrap_or_default();
    for (index, change) in changes.iter().enumerate() {
        let wanted = text(change, "id");
        let item = items.iter_mut().find(|item| item.id == wanted);
        let item =
            item.ok_or_else(|| ApiError::missing("line item", wanted).param(format!("line_items[{index}][id]")))?;
        if let Some(quantity) = change["quantity"].as_i64() {
            if !(1..=999_999).contains(&quantity) {
                let param = format!("line_items[{index}][quantity]");
                return Err(ApiError::invalid("This value must be between 1 and 999999.")
                    .code("parameter_invalid_integer")
                    .param(param));
            }
            item.quantity = quantity;
        }
        let unit = ctx.account().get("price", &item.price).map(|price| text(price, "unit_amount_decimal").to_owned());
        let unit: Decimal = unit.and_then(|unit| unit.parse().ok()).unwrap_or_default();
        item.amount = times(unit, item.quantity)
            .ok_or_else(|| ApiError::invalid("The amount is too large.").code("amount_too_large"))?;
    }
    let currency = items.first().map(|item| item.currency.clone()).unwrap_or_default();
    check_total(items.iter().map(|item| item.amount).sum(), &currency)?;
    ctx.account().line_items.insert(id.to_owned(), items);
    Ok(())
}

/// A page of the line items of a link or session, in their own order.
pub(crate) fn line_items(
    ctx: &mut Ctx<'_>,
    id: &str,
    url: &str,
    params: &Map<String, Value>,
) -> Result<Value, ApiError> {
    let limit = limit(params)?;
    let items = ctx.account().line_items.get(id).cloned().unwrap_or_default();
    let start = match params.get("starting_after").and_then(Value::as_str) {
        None => 0,
        Some(after) => match items.iter().position(|item| item.id == after) {
            Some(index) => index + 1,
            None => return Err(ApiError::missing("line item", after).param("starting_after")),
        },
    };
    let rest = items.get(start..).unwrap_or_default();
    let data: Vec<Value> = rest.iter().take(limit).map(|item| told(ctx, item)).collect();
    Ok(json!({"object": "list", "url": url, "has_more": rest.len() > limit, "data": data}))
}

fn told(ctx: &mut Ctx<'_>, item: &LineItem) -> Value {
    let price = ctx.account().get("price", &item.price).cloned().unwrap_or(Value::Null);
    json!({
        "id": item.id, "object": "item", "adjustable_quantity": item.adjustable_quantity, "amount_discount": 0,
        "amount_subtotal": item.amount, "amount_tax": 0, "amount_total": item.amount, "currency": item.currency,
        "description": item.description, "price": price, "quantity": item.quantity,
    })
}

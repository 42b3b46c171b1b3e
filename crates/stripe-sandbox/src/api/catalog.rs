//! Products and prices.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::money::check_currency;
use crate::state::{Ctx, copy, merge_metadata, text};

pub(crate) fn create_product(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut product = product(ctx, params, true)?;
    if let Some(id) = params.get("id").and_then(Value::as_str) {
        if ctx.account().get("product", id).is_some() {
            return Err(ApiError::invalid(format!("Product already exists: {id}"))
                .code("resource_already_exists")
                .param("id"));
        }
        product["id"] = id.into();
    }
    let product = ctx.add("product", product);
    ctx.emit("product.created", &product);
    if let Some(Value::Object(price)) = params.get("default_price_data") {
        let mut price = price.clone();
        price.insert("product".to_owned(), product["id"].clone());
        let price = create_price(ctx, &price)?;
        ctx.object("product", text(&product, "id"))?["default_price"] = price["id"].clone();
    }
    ctx.object("product", text(&product, "id")).cloned()
}

fn product(ctx: &Ctx<'_>, params: &Map<String, Value>, active: bool) -> Result<Value, ApiError> {
    let mut product = json!({
        "id": crate::ids::new("prod"), "object": "product", "active": active, "created": ctx.now, "default_price": null,
        "description": null, "images": [], "livemode": false, "marketing_features": [], "metadata": {}, "name": "",
        "package_dimensions": null, "shippable": null, "statement_descriptor": null, "tax_code": null, "type": "service",
        "unit_label": null, "updated": ctx.now, "url": null,
    });
    let names = [
        "name",
        "active",
        "description",
        "images",
        "marketing_features",
        "package_dimensions",
        "shippable",
        "statement_descriptor",
        "tax_code",
        "unit_label",
        "url",
        "type",
    ];
    copy(&mut product, params, &names);
    merge_metadata(&mut product, params.get("metadata"))?;
    Ok(product)
}

pub(crate) fn create_price(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    price(ctx, params, true, "")
}

/// Makes a price, inline ones as Stripe does: with an archived product and price of their own.
pub(crate) fn price(
    ctx: &mut Ctx<'_>,
    params: &Map<String, Value>,
    active: bool,
    path: &str,
) -> Result<Value, ApiError> {
    let named = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}[{name}]") };
    let currency =
        check_currency(params.get("currency").and_then(Value::as_str).unwrap_or_default(), &named("currency"))?;
    let amount = unit_amount(params, path)?;
    let product = match (params.get("product").and_then(Value::as_str), params.get("product_data")) {
        (Some(id), None) => {
            ctx.object("product", id).map_err(|error| error.param(named("product")))?;
            id.to_owned()
        }
        (None, Some(Value::Object(data))) => {
            let product = product(ctx, data, active)?;
            let product = ctx.add("product", product);
            ctx.emit("product.created", &product);
            text(&product, "id").to_owned()
        }
        (None, None) => {
            return Err(ApiError::invalid(
                "You must specify either `product` or `product_data` when creating a price.",
            )
            .code("parameter_missing")
            .param(named("product")));
        }
        _ => {
            return Err(ApiError::invalid("You may only specify one of these parameters: product, product_data.")
                .param(named("product")));
        }
    };
    let mut price = json!({
        "id": crate::ids::new("price"), "object": "price", "active": active, "billing_scheme": "per_unit", "created": ctx.now,
        "currency": currency, "custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {},
        "nickname": null, "product": product, "recurring": null, "tax_behavior": "unspecified", "tiers_mode": null,
        "transform_quantity": null, "type": "one_time",
        "unit_amount": if amount.is_integer() { whole(amount).map_or(Value::Null, Value::from) } else { Value::Null },
        "unit_amount_decimal": amount.normalize().to_string(),
    });
    copy(&mut price, params, &["active", "lookup_key", "nickname", "recurring", "tax_behavior", "transform_quantity"]);
    if !price["recurring"].is_null() {
        price["type"] = "recurring".into();
    }
    merge_metadata(&mut price, params.get("metadata"))?;
    let price = ctx.add("price", price);
    ctx.emit("price.created", &price);
    Ok(price)
}

fn whole(amount: Decimal) -> Option<i64> {
    use rust_decimal::prelude::ToPrimitive;
    amount.to_i64()
}

fn unit_amount(params: &Map<String, Value>, path: &str) -> Result<Decimal, ApiError> {
    let named = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}[{name}]") };
    let whole = params.get("unit_amount").and_then(Value::as_i64);
    let decimal =
        params.get("unit_amount_decimal").and_then(Value::as_str).and_then(|text| text.parse::<Decimal>().ok());
    let amount = match (whole, decimal) {
        (Some(whole), None) => Decimal::from(whole),
        (None, Some(decimal)) if decimal.scale() <= 12 => decimal,
        (None, Some(_)) => {
            return Err(
                ApiError::invalid("Invalid decimal: at most 12 decimal places.").param(named("unit_amount_decimal"))
            );
        }
        (None, None) => {
            return Err(ApiError::invalid("You must specify one of `unit_amount` or `unit_amount_decimal`.")
                .code("parameter_missing")
                .param(named("unit_amount")));
        }
        _ => {
            return Err(ApiError::invalid(
                "You may only specify one of these parameters: unit_amount, unit_amount_decimal.",
            )
            .param(named("unit_amount")));
        }
    };
    if amount.is_sign_negative() && !amount.is_zero() {
        return Err(ApiError::invalid("This value must be greater than or equal to 0.")
            .code("parameter_invalid_integer")
            .param(named("unit_amount")));
    }
    Ok(amount)
}

pub(crate) fn update(
    ctx: &mut Ctx<'_>,
    kind: &'static str,
    id: &str,
    params: &Map<String, Value>,
) -> Result<Value, ApiError> {
    let now = ctx.now;
    let object = ctx.object(kind, id)?;
    merge_metadata(object, params.get("metadata"))?;
    let names: Vec<&str> =
        params.keys().map(String::as_str).filter(|name| !matches!(*name, "metadata" | "expand")).collect();
    copy(object, params, &names);
    if kind == "product" {
        object["updated"] = now.into();
    }
    let object = object.clone();
    ctx.emit(&format!("{kind}.updated"), &object);
    Ok(object)
}

/// Deletes a product; one that has prices can only be archived.
pub(crate) fn delete_product(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let product = ctx.object("product", id)?.clone();
    if ctx.account().all("price").any(|price| price["product"] == id) {
        return Err(ApiError::invalid(
            "This product cannot be deleted because it has one or more user-created prices.",
        ));
    }
    ctx.account().remove("product", id);
    ctx.emit("product.deleted", &product);
    Ok(json!({"id": id, "object": "product", "deleted": true}))
}

pub(crate) fn list(ctx: &mut Ctx<'_>, kind: &'static str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let filters = ["active", "product", "currency", "type", "shippable", "url"];
    let one_of = [("ids", "id"), ("lookup_keys", "lookup_key")];
    let keep = |object: &Value| {
        filters
            .iter()
            .all(|name| params.get(*name).is_none_or(|wanted| object.get(*name).is_none_or(|is| is == wanted)))
            && one_of.iter().all(|(name, field)| {
                let wanted = params.get(*name).and_then(Value::as_array);
                wanted.is_none_or(|wanted| wanted.contains(&object[*field]))
            })
    };
    ctx.list(kind, &format!("/v1/{kind}s"), params, keep)
}

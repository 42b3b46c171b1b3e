//! Products.

use serde_json::{Map, Value, json};

use crate::api::prices;
use crate::check::{at_most, below, decimal, number, refused, statement_descriptor, tax_code, texts, url};
use crate::error::ApiError;
use crate::state::{Ctx, copy, merge_metadata, text};

const FIELDS: [&str; 12] = [
    "active",
    "description",
    "images",
    "marketing_features",
    "name",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "type",
    "unit_label",
    "url",
];
const IMAGES_MAX: usize = 8;
const FEATURES_MAX: usize = 15;

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let product = make(ctx, params, true, "")?;
    if let Some(Value::Object(data)) = params.get("default_price_data") {
        let mut data = data.clone();
        data.insert("product".to_owned(), product["id"].clone());
        let price = prices::make(ctx, &data, true, "default_price_data")?;
        ctx.object_mut("product", text(&product, "id"))?["default_price"] = price["id"].clone();
    }
    ctx.object("product", text(&product, "id")).cloned()
}

/// Makes a product, alone or with a price.
pub(crate) fn make(
    ctx: &mut Ctx<'_>,
    params: &Map<String, Value>,
    active: bool,
    path: &str,
) -> Result<Value, ApiError> {
    check(params, path)?;
    let mut product = json!({
        "id": crate::ids::new("prod"), "object": "product", "active": active, "created": ctx.now, "default_price": null,
        "description": null, "images": [], "livemode": false, "marketing_features": [], "metadata": {}, "name": "",
        "package_dimensions": null, "shippable": null, "statement_descriptor": null, "tax_code": null,
        "tax_details": null, "type": "service", "unit_label": null, "updated": ctx.now, "url": null,
    });
    if let Some(id) = params.get("id").and_then(Value::as_str) {
        if ctx.account().get("product", id).is_some() {
            return Err(
                refused(format!("Product already exists: {id}"), below(path, "id")).code("resource_already_exists")
            );
        }
        product["id"] = id.into();
    }
    apply(&mut product, params);
    merge_metadata(&mut product, params.get("metadata"))?;
    let product = ctx.add("product", product);
    ctx.emit("product.created", &product);
    Ok(product)
}

fn apply(product: &mut Value, params: &Map<String, Value>) {
    copy(product, params, &FIELDS);
    if params.get("images").is_some_and(Value::is_null) {
        product["images"] = json!([]);
    }
    if params.get("marketing_features").is_some_and(Value::is_null) {
        product["marketing_features"] = json!([]);
    }
    if let Some(details) = params.get("tax_details") {
        product["tax_details"] = details.clone();
        product["tax_code"] = details["tax_code"].clone();
    }
    if let Some(dimensions) = product["package_dimensions"].as_object_mut() {
        for side in dimensions.values_mut() {
            *side = decimal(side).map_or(Value::Null, number);
        }
    }
}

fn check(params: &Map<String, Value>, path: &str) -> Result<(), ApiError> {
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    texts(params, path, &["name", "description"])?;
    at_most(given("unit_label"), 12, below(path, "unit_label"))?;
    statement_descriptor(given("statement_descriptor"), 5, &below(path, "statement_descriptor"))?;
    tax_code(given("tax_code"), below(path, "tax_code"))?;
    tax_code(&given("tax_details")["tax_code"], below(&below(path, "tax_details"), "tax_code"))?;
    url(given("url"), below(path, "url"))?;
    let images = given("images").as_array().map(Vec::as_slice).unwrap_or_default();
    if images.len() > IMAGES_MAX {
        return Err(refused(format!("A product can have at most {IMAGES_MAX} images."), below(path, "images")));
    }
    for (index, image) in images.iter().enumerate() {
        url(image, format!("{}[{index}]", below(path, "images")))?;
    }
    let features = given("marketing_features").as_array().map(Vec::as_slice).unwrap_or_default();
    if features.len() > FEATURES_MAX {
        let message = format!("A product can have at most {FEATURES_MAX} marketing features.");
        return Err(refused(message, below(path, "marketing_features")));
    }
    features.iter().enumerate().try_for_each(|(index, feature)| {
        at_most(&feature["name"], 80, format!("{}[{index}][name]", below(path, "marketing_features")))
    })
}

pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    check(params, "")?;
    if let Some(price) = params.get("default_price").and_then(Value::as_str) {
        let price = ctx.object("price", price).map_err(|error| error.param("default_price"))?;
        if price["product"] != id {
            return Err(refused("The price is not one of this product.", "default_price"));
        }
    }
    let now = ctx.now;
    let mut product = ctx.object("product", id)?.clone();
    apply(&mut product, params);
    copy(&mut product, params, &["default_price"]);
    merge_metadata(&mut product, params.get("metadata"))?;
    product["updated"] = now.into();
    *ctx.object_mut("product", id)? = product.clone();
    ctx.emit("product.updated", &product);
    Ok(product)
}

/// Deletes a product; one that has prices can only be archived.
pub(crate) fn delete(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
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

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let ids = params.get("ids").and_then(Value::as_array);
    ctx.list("product", "/v1/products", params, |product| {
        ["active", "shippable", "type", "url"]
            .iter()
            .all(|name| params.get(*name).is_none_or(|wanted| &product[*name] == wanted))
            && ids.is_none_or(|ids| ids.contains(&product["id"]))
    })
}

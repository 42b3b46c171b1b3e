//! Customers and their payment methods.

use serde_json::{Map, Value, json};

use crate::api::subscriptions;
use crate::error::ApiError;
use crate::state::{Ctx, copy, merge_metadata, text};

const FIELDS: [&str; 10] = [
    "address",
    "business_name",
    "description",
    "email",
    "individual_name",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
];

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut customer = json!({
        "id": crate::ids::new("cus"), "object": "customer", "address": null, "balance": 0, "created": ctx.now,
        "business_name": null, "currency": null, "customer_account": null, "default_source": null, "delinquent": false, "description": null, "discount": null, "email": null,
        "individual_name": null, "invoice_settings": {"custom_fields": null, "default_payment_method": null, "footer": null,
            "rendering_options": null},
        "invoice_prefix": crate::ids::random(8).to_ascii_uppercase(), "livemode": false, "metadata": {}, "name": null,
        "next_invoice_sequence": 1, "test_clock": null,
        "phone": null, "preferred_locales": [], "shipping": null, "tax_exempt": "none",
    });
    copy(&mut customer, params, &FIELDS);
    merge_metadata(&mut customer, params.get("metadata"))?;
    let customer = ctx.add("customer", customer);
    ctx.emit("customer.created", &customer);
    Ok(customer)
}

pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let customer = ctx.object_mut("customer", id)?;
    copy(customer, params, &FIELDS);
    merge_metadata(customer, params.get("metadata"))?;
    let customer = customer.clone();
    ctx.emit("customer.updated", &customer);
    Ok(customer)
}

/// A customer, or what is left of a deleted one.
pub(crate) fn get(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    if let Some(deleted) = ctx.account().get("deleted_customer", id) {
        return Ok(deleted.clone());
    }
    ctx.object("customer", id).cloned()
}

pub(crate) fn delete(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let customer = ctx.object("customer", id)?.clone();
    subscriptions::cancel_all(ctx, id);
    ctx.account().remove("customer", id);
    let deleted = ctx.add("deleted_customer", json!({"id": id, "object": "customer", "deleted": true}));
    ctx.emit("customer.deleted", &customer);
    Ok(deleted)
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    ctx.list("customer", "/v1/customers", params, |customer| {
        params.get("email").is_none_or(|email| &customer["email"] == email)
    })
}

pub(crate) fn payment_methods(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    ctx.object("customer", id)?;
    ctx.list("payment_method", &format!("/v1/customers/{id}/payment_methods"), params, |method| {
        method["customer"] == id && params.get("type").is_none_or(|kind| &method["type"] == kind)
    })
}

pub(crate) fn detach(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let method = ctx.object_mut("payment_method", id)?;
    if text(method, "customer").is_empty() {
        return Err(ApiError::invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
        ));
    }
    method["customer"] = Value::Null;
    let method = method.clone();
    ctx.emit("payment_method.detached", &method);
    Ok(method)
}

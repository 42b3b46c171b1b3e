//! The operations, by resource.

mod catalog;
mod customers;
mod endpoints;
pub(crate) mod links;
pub(crate) mod payments;
pub(crate) mod sessions;

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::state::Ctx;

/// The name of the operation that a request asks for, such as `POST /v1/payment_links/{id}`, and the id in its path.
pub(crate) fn route(method: &str, path: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (pattern, id) = match parts.as_slice() {
        ["v1", "checkout", "sessions"] => ("/v1/checkout/sessions".to_owned(), ""),
        ["v1", "checkout", "sessions", id] => ("/v1/checkout/sessions/{id}".to_owned(), *id),
        ["v1", "checkout", "sessions", id, sub] => (format!("/v1/checkout/sessions/{{id}}/{sub}"), *id),
        ["v1", resource] => (format!("/v1/{resource}"), ""),
        ["v1", resource, id] => (format!("/v1/{resource}/{{id}}"), *id),
        ["v1", resource, id, sub] => (format!("/v1/{resource}/{{id}}/{sub}"), *id),
        _ => return None,
    };
    let operation = format!("{method} {pattern}");
    crate::params::is_served(&operation).then(|| (operation, id.to_owned()))
}

/// Executes an operation.
pub(crate) fn execute(
    ctx: &mut Ctx<'_>,
    operation: &str,
    id: &str,
    params: &Map<String, Value>,
) -> Result<Value, ApiError> {
    match operation {
        "POST /v1/payment_links" => links::create(ctx, params),
        "GET /v1/payment_links/{id}" => ctx.object("payment_link", id).cloned(),
        "POST /v1/payment_links/{id}" => links::update(ctx, id, params),
        "GET /v1/payment_links" => links::list(ctx, params),
        "GET /v1/payment_links/{id}/line_items" => {
            ctx.object("payment_link", id)?;
            links::line_items(ctx, id, &format!("/v1/payment_links/{id}/line_items"), params)
        }
        "POST /v1/checkout/sessions" => sessions::create(ctx, params),
        "GET /v1/checkout/sessions/{id}" => sessions::get(ctx, id),
        "GET /v1/checkout/sessions" => sessions::list(ctx, params),
        "POST /v1/checkout/sessions/{id}/expire" => sessions::expire(ctx, id),
        "GET /v1/checkout/sessions/{id}/line_items" => {
            ctx.object("checkout.session", id)?;
            links::line_items(ctx, id, &format!("/v1/checkout/sessions/{id}/line_items"), params)
        }
        "POST /v1/products" => catalog::create_product(ctx, params),
        "POST /v1/products/{id}" => catalog::update(ctx, "product", id, params),
        "GET /v1/products/{id}" => ctx.object("product", id).cloned(),
        "DELETE /v1/products/{id}" => catalog::delete_product(ctx, id),
        "GET /v1/products" => catalog::list(ctx, "product", params),
        "POST /v1/prices" => catalog::create_price(ctx, params),
        "POST /v1/prices/{id}" => catalog::update(ctx, "price", id, params),
        "GET /v1/prices/{id}" => ctx.object("price", id).cloned(),
        "GET /v1/prices" => catalog::list(ctx, "price", params),
        "POST /v1/customers" => customers::create(ctx, params),
        "POST /v1/customers/{id}" => customers::update(ctx, id, params),
        "GET /v1/customers/{id}" => customers::get(ctx, id),
        "DELETE /v1/customers/{id}" => customers::delete(ctx, id),
        "GET /v1/customers" => customers::list(ctx, params),
        "GET /v1/customers/{id}/payment_methods" => customers::payment_methods(ctx, id, params),
        "GET /v1/payment_methods/{id}" => ctx.object("payment_method", id).cloned(),
        "POST /v1/payment_methods/{id}/detach" => customers::detach(ctx, id),
        "GET /v1/payment_intents/{id}" => ctx.object("payment_intent", id).cloned(),
        "GET /v1/payment_intents" => payments::list(ctx, "payment_intent", "/v1/payment_intents", params),
        "GET /v1/charges/{id}" => ctx.object("charge", id).cloned(),
        "GET /v1/charges" => payments::list(ctx, "charge", "/v1/charges", params),
        "POST /v1/refunds" => payments::refund(ctx, params),
        "GET /v1/refunds/{id}" => ctx.object("refund", id).cloned(),
        "GET /v1/refunds" => payments::list(ctx, "refund", "/v1/refunds", params),
        "GET /v1/disputes/{id}" => ctx.object("dispute", id).cloned(),
        "GET /v1/events/{id}" => ctx.object("event", id).cloned(),
        "GET /v1/events" => endpoints::list_events(ctx, params),
        "POST /v1/webhook_endpoints" => endpoints::create(ctx, params),
        "POST /v1/webhook_endpoints/{id}" => endpoints::update(ctx, id, params),
        "GET /v1/webhook_endpoints/{id}" => ctx.object("webhook_endpoint", id).cloned(),
        "GET /v1/webhook_endpoints" => ctx.list("webhook_endpoint", "/v1/webhook_endpoints", params, |_| true),
        "DELETE /v1/webhook_endpoints/{id}" => endpoints::delete(ctx, id),
        _ => Err(ApiError::unknown_url("", operation)),
    }
}

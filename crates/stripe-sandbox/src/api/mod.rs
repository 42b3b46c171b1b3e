//! The operations, by resource.

pub(crate) mod coupons;
pub(crate) mod customers;
pub(crate) mod delayed;
pub(crate) mod disputes;
mod endpoints;
pub(crate) mod invoices;
pub(crate) mod items;
mod links;
pub(crate) mod options;
pub(crate) mod payments;
mod prices;
mod products;
pub(crate) mod promotion_codes;
#[cfg(test)]
mod reference;
pub(crate) mod refunds;
pub(crate) mod sessions;
pub(crate) mod shipping_rates;
pub(crate) mod subscriptions;
mod tax_calculations;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::expand;
use crate::state::Ctx;

/// The name of the operation that a request asks for, such as `POST /v1/payment_links/{id}`, and the id in its path.
pub(crate) fn route(method: &str, path: &str) -> Option<(String, String)> {
    let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    // Some resources are in a group.
    let place = if matches!(parts.get(1), Some(&("checkout" | "tax" | "test_helpers"))) { 3 } else { 2 };
    let id = parts.get_mut(place).map_or("", |part| std::mem::replace(part, "{id}"));
    let operation = [method, " /", &parts.join("/")].concat();
    crate::params::is_served(&operation).then(|| (operation, id.to_owned()))
}

/// Executes an operation, and answers what is asked for of what it made.
pub(crate) fn answer(
    ctx: &mut Ctx<'_>,
    operation: &str,
    id: &str,
    params: &mut Map<String, Value>,
) -> Result<Arc<Value>, ApiError> {
    let paths = params.remove("expand");
    let answer = execute(ctx, operation, id, params).and_then(|full| match &paths {
        Some(Value::Array(paths)) => {
            let mut shown = expand::without_expandable(&full);
            expand::expand(ctx, &full, &mut shown, paths)?;
            Ok(Arc::new(shown))
        }
        _ => Ok(expand::shown(&full)),
    });
    if answer.is_err() {
        ctx.undo();
    }
    answer
}

/// Executes an operation.
fn execute(ctx: &mut Ctx<'_>, operation: &str, id: &str, params: &Map<String, Value>) -> Result<Arc<Value>, ApiError> {
    match (told_as_kept(operation), operation) {
        (Some(kind), _) => ctx.shared(kind, id),
        (None, "POST /v1/payment_links") => links::create(ctx, params),
        _ => execute_copying(ctx, operation, id, params).map(Arc::new),
    }
}

/// What kind of object an operation reads that does nothing but that.
fn told_as_kept(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "GET /v1/payment_links/{id}" => "payment_link",
        "GET /v1/products/{id}" => "product",
        "GET /v1/prices/{id}" => "price",
        "GET /v1/payment_methods/{id}" => "payment_method",
        "GET /v1/payment_intents/{id}" => "payment_intent",
        "GET /v1/charges/{id}" => "charge",
        "GET /v1/refunds/{id}" => "refund",
        "GET /v1/setup_intents/{id}" => "setup_intent",
        "GET /v1/disputes/{id}" => "dispute",
        "GET /v1/shipping_rates/{id}" => "shipping_rate",
        "GET /v1/subscriptions/{id}" => "subscription",
        "GET /v1/invoices/{id}" => "invoice",
        "GET /v1/webhook_endpoints/{id}" => "webhook_endpoint",
        _ => return None,
    })
}

/// The operations whose answer is a copy of what they made: those on pages, the catalog, customers and payments.
fn execute_copying(
    ctx: &mut Ctx<'_>,
    operation: &str,
    id: &str,
    params: &Map<String, Value>,
) -> Result<Value, ApiError> {
    match operation {
        "POST /v1/payment_links/{id}" => links::update(ctx, id, params),
        "GET /v1/payment_links" => links::list(ctx, params),
        "GET /v1/payment_links/{id}/line_items" => {
            ctx.object("payment_link", id)?;
            items::list(ctx, id, &format!("/v1/payment_links/{id}/line_items"), params)
        }
        "POST /v1/checkout/sessions" => sessions::create(ctx, params),
        "GET /v1/checkout/sessions/{id}" => sessions::get(ctx, id),
        "GET /v1/checkout/sessions" => sessions::list(ctx, params),
        "POST /v1/checkout/sessions/{id}/expire" => sessions::expire(ctx, id),
        "GET /v1/checkout/sessions/{id}/line_items" => {
            ctx.object("checkout.session", id)?;
            items::list(ctx, id, &format!("/v1/checkout/sessions/{id}/line_items"), params)
        }
        "POST /v1/products" => products::create(ctx, params),
        "POST /v1/products/{id}" => products::update(ctx, id, params),
        "DELETE /v1/products/{id}" => products::delete(ctx, id),
        "GET /v1/products" => products::list(ctx, params),
        "POST /v1/prices" => prices::create(ctx, params),
        "POST /v1/prices/{id}" => prices::update(ctx, id, params),
        "GET /v1/prices" => prices::list(ctx, params),
        "POST /v1/customers" => customers::create(ctx, params),
        "POST /v1/customers/{id}" => customers::update(ctx, id, params),
        "GET /v1/customers/{id}" => customers::get(ctx, id),
        "DELETE /v1/customers/{id}" => customers::delete(ctx, id),
        "GET /v1/customers" => customers::list(ctx, params),
        "GET /v1/customers/{id}/payment_methods" => customers::payment_methods(ctx, id, params),
        "POST /v1/payment_methods/{id}/detach" => customers::detach(ctx, id),
        "GET /v1/payment_intents" => payments::list(ctx, "payment_intent", "/v1/payment_intents", params),
        "GET /v1/charges" => payments::list(ctx, "charge", "/v1/charges", params),
        "POST /v1/refunds" => refunds::create(ctx, params),
        "GET /v1/refunds" => payments::list(ctx, "refund", "/v1/refunds", params),
        "POST /v1/refunds/{id}" => refunds::update(ctx, id, params),
        "POST /v1/refunds/{id}/cancel" => refunds::cancel(ctx, id),
        "POST /v1/payment_intents/{id}/capture" => payments::capture(ctx, id, params),
        "POST /v1/payment_intents/{id}/cancel" => payments::cancel(ctx, id, params),
        "GET /v1/setup_intents" => payments::list(ctx, "setup_intent", "/v1/setup_intents", params),
        "GET /v1/disputes" => payments::list(ctx, "dispute", "/v1/disputes", params),
        "POST /v1/disputes/{id}/close" => disputes::close(ctx, id, "lost"),
        "POST /v1/test_helpers/customers/{id}/fund_cash_balance" => delayed::fund(ctx, id, params),
        _ => execute_other(ctx, operation, id, params),
    }
}

/// The same on discounts, shipping, subscriptions, tax and events, apart so that a function fits a screen.
fn execute_other(ctx: &mut Ctx<'_>, operation: &str, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    match operation {
        "POST /v1/coupons" => coupons::create(ctx, params),
        "POST /v1/coupons/{id}" => coupons::update(ctx, id, params),
        "GET /v1/coupons/{id}" => coupons::get(ctx, id),
        "DELETE /v1/coupons/{id}" => coupons::delete(ctx, id),
        "GET /v1/coupons" => coupons::list(ctx, params),
        "POST /v1/promotion_codes" => promotion_codes::create(ctx, params),
        "POST /v1/promotion_codes/{id}" => promotion_codes::update(ctx, id, params),
        "GET /v1/promotion_codes/{id}" => promotion_codes::get(ctx, id),
        "GET /v1/promotion_codes" => promotion_codes::list(ctx, params),
        "POST /v1/shipping_rates" => shipping_rates::create(ctx, params),
        "POST /v1/shipping_rates/{id}" => shipping_rates::update(ctx, id, params),
        "GET /v1/shipping_rates" => shipping_rates::list(ctx, params),
        "POST /v1/subscriptions/{id}" => subscriptions::update(ctx, id, params),
        "DELETE /v1/subscriptions/{id}" => subscriptions::cancel(ctx, id, params),
        "GET /v1/subscriptions" => subscriptions::list(ctx, params),
        "GET /v1/invoices" => invoices::list(ctx, params),
        "GET /v1/invoices/{id}/lines" => invoices::lines(ctx, id, params),
        "POST /v1/tax/calculations" => tax_calculations::create(ctx, params),
        "GET /v1/tax/calculations/{id}" => tax_calculations::get(ctx, id),
        "GET /v1/tax/calculations/{id}/line_items" => tax_calculations::lines(ctx, id, params),
        "GET /v1/events/{id}" => ctx.event(id),
        "GET /v1/events" => ctx.list_events(params),
        "POST /v1/webhook_endpoints" => endpoints::create(ctx, params),
        "POST /v1/webhook_endpoints/{id}" => endpoints::update(ctx, id, params),
        "GET /v1/webhook_endpoints" => ctx.list("webhook_endpoint", "/v1/webhook_endpoints", params, |_| true),
        "DELETE /v1/webhook_endpoints/{id}" => endpoints::delete(ctx, id),
        _ => Err(ApiError::unknown_url("", operation)),
    }
}

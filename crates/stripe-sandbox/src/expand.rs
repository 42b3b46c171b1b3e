//! What an answer leaves out until it is asked for, and `expand[]`, which asks: ids become the objects that they name.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::api::items;
use crate::error::ApiError;
use crate::state::{Ctx, text};

/// The deepest expansion.
const DEPTH_MAX: usize = 4;

/// An object as it is told: without what Stripe tells only when asked. Most have nothing of that, and need no copy.
pub(crate) fn shown(full: &Arc<Value>) -> Arc<Value> {
    if has_expandable(full) { Arc::new(without_expandable(full)) } else { Arc::clone(full) }
}

fn has_expandable(full: &Value) -> bool {
    match full {
        Value::Array(items) => items.iter().any(has_expandable),
        Value::Object(fields) => {
            let (hidden, hidden_below) = expandable(fields);
            hidden.iter().any(|name| fields.contains_key(*name))
                || hidden_below.is_some_and(|(outer, inner)| full[outer].get(inner).is_some())
                || fields.values().any(has_expandable)
        }
        _ => false,
    }
}

/// The fields that an object tells only when asked, and one of a part of it: the part's name and the field's.
fn expandable(fields: &Map<String, Value>) -> (&'static [&'static str], Option<(&'static str, &'static str)>) {
    let Some(kind) = fields.get("object").and_then(Value::as_str) else { return (&[], None) };
    let hidden: &[&str] = match kind {
        "price" => &["tiers", "currency_options"],
        "coupon" => &["applies_to", "currency_options"],
        "invoice" => &["payments"],
        "item" => &["taxes", "discounts"],
        "tax.calculation" => &["line_items"],
        "tax.calculation_line_item" => &["tax_breakdown"],
        _ => &[],
    };
    let hidden_below = match kind {
        "promotion_code" => Some(("restrictions", "currency_options")),
        "shipping_rate" => Some(("fixed_amount", "currency_options")),
        "checkout.session" => Some(("total_details", "breakdown")),
        "tax.calculation" => Some(("shipping_cost", "tax_breakdown")),
        _ => None,
    };
    (hidden, hidden_below)
}

/// A copy of an object without the fields that Stripe tells only when asked; also those inside of it.
pub(crate) fn without_expandable(full: &Value) -> Value {
    match full {
        Value::Array(items) => items.iter().map(without_expandable).collect(),
        Value::Object(fields) => {
            let (hidden, hidden_below) = expandable(fields);
            let mut shown: Map<String, Value> = fields
                .iter()
                .filter(|(name, _)| !hidden.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), without_expandable(value)))
                .collect();
            if let Some((outer, inner)) = hidden_below
                && let Some(Value::Object(part)) = shown.get_mut(outer)
            {
                part.remove(inner);
            }
            shown.into()
        }
        other => other.clone(),
    }
}

/// Expands each path, such as `payment_intent.payment_method` or `data.line_items`, in what is shown of an answer.
pub(crate) fn expand(ctx: &mut Ctx<'_>, full: &Value, shown: &mut Value, paths: &[Value]) -> Result<(), ApiError> {
    for path in paths.iter().filter_map(Value::as_str) {
        let parts: Vec<&str> = path.split('.').collect();
        if parts.len() > DEPTH_MAX {
            let message = format!("You cannot expand more than {DEPTH_MAX} levels of a property.");
            return Err(ApiError::invalid(message).param("expand"));
        }
        expand_one(ctx, full, shown, &parts, path)?;
    }
    Ok(())
}

fn expand_one(ctx: &mut Ctx<'_>, full: &Value, shown: &mut Value, parts: &[&str], path: &str) -> Result<(), ApiError> {
    let [name, rest @ ..] = parts else { return Ok(()) };
    let kind = text(full, "object");
    if *name == "line_items" && matches!(kind, "payment_link" | "checkout.session") {
        let id = text(full, "id").to_owned();
        let resource = if kind == "payment_link" { "payment_links" } else { "checkout/sessions" };
        let all = items::list(ctx, &id, &format!("/v1/{resource}/{id}/line_items"), &Map::new())?;
        if shown["line_items"].is_null() {
            shown["line_items"] = without_expandable(&all);
        }
        return expand_one(ctx, &all, &mut shown["line_items"], rest, path);
    }
    match full.get(*name) {
        None => Err(ApiError::invalid(format!("This property cannot be expanded ({path}).")).param("expand")),
        Some(value) => {
            if let Some(fields) = shown.as_object_mut() {
                fields.entry(*name).or_insert_with(|| without_expandable(value));
            }
            expand_value(ctx, value, &mut shown[*name], (name, rest), path)
        }
    }
}

fn expand_value(
    ctx: &mut Ctx<'_>,
    full: &Value,
    shown: &mut Value,
    (name, rest): (&str, &[&str]),
    path: &str,
) -> Result<(), ApiError> {
    match full {
        Value::String(id) => {
            let Some(kind) = kind(name, id) else {
                let message = format!("This property cannot be expanded ({path}).");
                return Err(ApiError::invalid(message).param("expand"));
            };
            let found = ctx.account().get(kind, id).cloned().unwrap_or(Value::Null);
            if !shown.is_object() {
                *shown = without_expandable(&found);
            }
            if found.is_null() { Ok(()) } else { expand_one(ctx, &found, shown, rest, path) }
        }
        Value::Array(items) => {
            let places = shown.as_array_mut().into_iter().flatten();
            items.iter().zip(places).try_for_each(|(item, place)| match item {
                Value::String(_) => expand_value(ctx, item, place, (name, rest), path),
                _ => expand_one(ctx, item, place, rest, path),
            })
        }
        Value::Object(_) => expand_one(ctx, full, shown, rest, path),
        _ => Ok(()),
    }
}

/// What kind of object an id names.
fn kind(name: &str, id: &str) -> Option<&'static str> {
    // Of these the caller may choose the id, so that it tells nothing.
    match name {
        "coupon" => return Some("coupon"),
        "product" => return Some("product"),
        _ => {}
    }
    Some(match id.split_once('_')?.0 {
        "pi" => "payment_intent",
        "pm" => "payment_method",
        "cus" => "customer",
        "plink" => "payment_link",
        "ch" | "py" => "charge",
        "price" => "price",
        "prod" => "product",
        "cs" => "checkout.session",
        "sub" => "subscription",
        "in" => "invoice",
        "seti" => "setup_intent",
        "shr" => "shipping_rate",
        "promo" => "promotion_code",
        "re" => "refund",
        "di" => "discount",
        "dp" => "dispute",
        _ => return None,
    })
}

//! `expand[]`: ids become the objects that they name.

use serde_json::Value;

use crate::api::links;
use crate::error::ApiError;
use crate::state::{Ctx, text};

/// The deepest expansion.
const DEPTH_MAX: usize = 4;

/// Expands each path, such as `payment_intent.payment_method` or `data.line_items`.
pub(crate) fn expand(ctx: &mut Ctx<'_>, answer: &mut Value, paths: &[Value]) -> Result<(), ApiError> {
    for path in paths.iter().filter_map(Value::as_str) {
        let parts: Vec<&str> = path.split('.').collect();
        if parts.len() > DEPTH_MAX {
            return Err(ApiError::invalid(format!("You cannot expand more than {DEPTH_MAX} levels of a property."))
                .param("expand"));
        }
        if parts.first() == Some(&"data") && answer["object"] == "list" {
            for item in answer["data"].as_array_mut().into_iter().flatten() {
                expand_one(ctx, item, &parts[1..], path)?;
            }
        } else {
            expand_one(ctx, answer, &parts, path)?;
        }
    }
    Ok(())
}

fn expand_one(ctx: &mut Ctx<'_>, object: &mut Value, parts: &[&str], path: &str) -> Result<(), ApiError> {
    let [name, rest @ ..] = parts else { return Ok(()) };
    let refused = || {
        let message = format!("This property cannot be expanded ({path}).");
        Err(ApiError::invalid(message).param("expand"))
    };
    if *name == "line_items" && matches!(text(object, "object"), "payment_link" | "checkout.session") {
        let id = text(object, "id").to_owned();
        let resource = if object["object"] == "payment_link" { "payment_links" } else { "checkout/sessions" };
        object["line_items"] =
            links::line_items(ctx, &id, &format!("/v1/{resource}/{id}/line_items"), &serde_json::Map::new())?;
        return Ok(());
    }
    let kind = match *name {
        "payment_intent" | "payment_method" | "customer" | "payment_link" | "charge" | "price" | "product" => *name,
        "latest_charge" => "charge",
        "default_price" => "price",
        _ => return refused(),
    };
    match object.get(*name) {
        None => refused(),
        Some(Value::String(id)) => {
            let mut found = ctx.account().get(kind, id).cloned().unwrap_or(Value::Null);
            expand_one(ctx, &mut found, rest, path)?;
            object[*name] = found;
            Ok(())
        }
        Some(Value::Object(_)) => expand_one(ctx, &mut object[*name], rest, path),
        Some(_) => Ok(()),
    }
}

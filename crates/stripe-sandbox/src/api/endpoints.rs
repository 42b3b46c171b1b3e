//! Webhook endpoints, and the events that they are sent.

use serde_json::{Map, Value, json};
use url::{Host, Url};

use crate::error::ApiError;
use crate::state::{Ctx, copy, merge_metadata, text};

/// The most endpoints of an account.
const ENDPOINTS_MAX: usize = 16;

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let url = params.get("url").and_then(Value::as_str).unwrap_or_default();
    check_url(url)?;
    if ctx.account().all("webhook_endpoint").count() >= ENDPOINTS_MAX {
        return Err(ApiError::invalid(format!(
            "You have reached the maximum of {ENDPOINTS_MAX} test webhook endpoints."
        )));
    }
    let mut endpoint = json!({
        "id": crate::ids::new("we"), "object": "webhook_endpoint", "api_version": null, "application": null,
        "created": ctx.now, "description": null, "enabled_events": [], "livemode": false, "metadata": {},
        "status": "enabled", "url": url,
    });
    copy(&mut endpoint, params, &["api_version", "description", "enabled_events"]);
    merge_metadata(&mut endpoint, params.get("metadata"))?;
    let endpoint = ctx.add("webhook_endpoint", endpoint);
    let secret = format!("whsec_{}", crate::ids::random(32));
    ctx.account().set_secrets(text(&endpoint, "id"), vec![secret.clone()]);
    // The secret is created once, here.
    let mut created = endpoint;
    created["secret"] = secret.into();
    Ok(created)
}

pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    if let Some(url) = params.get("url").and_then(Value::as_str) {
        check_url(url)?;
    }
    let endpoint = ctx.object_mut("webhook_endpoint", id)?;
    copy(endpoint, params, &["description", "enabled_events", "url"]);
    if let Some(disabled) = params.get("disabled").and_then(Value::as_bool) {
        endpoint["status"] = if disabled { "disabled" } else { "enabled" }.into();
    }
    merge_metadata(endpoint, params.get("metadata"))?;
    Ok(endpoint.clone())
}

pub(crate) fn delete(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    if !ctx.account().remove("webhook_endpoint", id) {
        return Err(ApiError::missing("webhook_endpoint", id));
    }
    Ok(json!({"id": id, "object": "webhook_endpoint", "deleted": true}))
}

/// Loopback alone: the sandbox must not become a way to reach others.
fn check_url(url: &str) -> Result<(), ApiError> {
    let refused =
        |reason: &str| Err(ApiError::invalid(format!("Invalid URL: {reason}")).code("url_invalid").param("url"));
    let Ok(url) = Url::parse(url) else { return refused("an absolute URL is needed") };
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if is_loopback && matches!(url.scheme(), "http" | "https") {
        Ok(())
    } else {
        refused("the sandbox delivers to loopback alone")
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Sandbox;

    #[test]
    fn events_are_listed_by_group_and_by_delivery() {
        let mut sandbox = Sandbox::new();
        sandbox.call("POST /v1/products", "name=Told to nobody");
        sandbox.call("POST /v1/webhook_endpoints", "url=http://localhost/&enabled_events[0]=*");
        sandbox.call("POST /v1/products", "name=On its way");
        sandbox.call("POST /v1/coupons", "percent_off=5");
        for (filter, count) in [
            ("", 3),
            ("type=product.created", 2),
            ("type=product.*", 2),
            ("type=product", 0),
            ("type=*", 3),
            ("delivery_success=true", 1),
            ("delivery_success=false&type=coupon.*", 1),
        ] {
            assert_eq!(sandbox.call("GET /v1/events", filter)["data"].as_array().unwrap().len(), count, "{filter}");
        }
    }
}

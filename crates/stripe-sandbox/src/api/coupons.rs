//! Coupons: what is taken off, from what, and for how long.

use serde_json::{Map, Value, json};

use crate::check::{at_most, below, missing, percentage, refused, within};
use crate::error::ApiError;
use crate::money::{AMOUNT_MAX, check_currency};
use crate::state::{Ctx, copy, merge_metadata, text};

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    let percent_off = percentage(given("percent_off"), true, "percent_off")?;
    let amount_off = within(given("amount_off"), 1..=AMOUNT_MAX, "amount_off")?;
    if percent_off.is_some() == amount_off.is_some() {
        let message = "You must pass exactly one of `percent_off` or `amount_off`.";
        return Err(refused(message, "percent_off").code("parameter_missing"));
    }
    let currency = match given("currency").as_str() {
        Some(currency) => Value::from(check_currency(currency, "currency")?),
        None if amount_off.is_some() => return Err(missing("currency")),
        None => Value::Null,
    };
    let duration = given("duration").as_str().unwrap_or("once");
    let months = within(given("duration_in_months"), 1..=1_200, "duration_in_months")?;
    match (duration, months) {
        ("repeating", None) => return Err(missing("duration_in_months")),
        ("once" | "forever", Some(_)) => {
            let message = "`duration_in_months` can only be passed when `duration` is `repeating`.";
            return Err(refused(message, "duration_in_months"));
        }
        _ => {}
    }
    at_most(given("name"), 40, "name")?;
    let redeem_by = given("redeem_by").as_i64();
    if redeem_by.is_some_and(|end| end <= ctx.now) {
        return Err(refused("The timestamp must be in the future.", "redeem_by"));
    }
    let max_redemptions = within(given("max_redemptions"), 1..=i64::from(i32::MAX), "max_redemptions")?;
    let id = id(ctx, given("id"))?;
    for (index, product) in given("applies_to")["products"].as_array().into_iter().flatten().enumerate() {
        let id = product.as_str().unwrap_or_default();
        ctx.object("product", id).map_err(|error| error.of_param(format!("applies_to[products][{index}]")))?;
    }
    let mut coupon = json!({
        "id": id, "object": "coupon", "amount_off": amount_off, "applies_to": given("applies_to"), "created": ctx.now,
        "currency": currency, "currency_options": {}, "duration": duration, "duration_in_months": months,
        "livemode": false, "max_redemptions": max_redemptions, "metadata": {}, "name": given("name"),
        "percent_off": percent_off, "redeem_by": redeem_by, "times_redeemed": 0, "valid": true,
    });
    set_options(&mut coupon, given("currency_options"))?;
    merge_metadata(&mut coupon, params.get("metadata"))?;
    let coupon = ctx.add("coupon", coupon);
    ctx.emit("coupon.created", &coupon);
    Ok(coupon)
}

fn id(ctx: &mut Ctx<'_>, given: &Value) -> Result<String, ApiError> {
    let Some(id) = given.as_str() else { return Ok(crate::ids::random(8)) };
    let fits = id.len() <= 200 && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !fits {
        return Err(refused("A coupon's id may have letters, digits, - and _ alone.", "id"));
    }
    if ctx.account().get("coupon", id).is_some() {
        return Err(refused(format!("Coupon already exists: {id}"), "id").code("resource_already_exists"));
    }
    Ok(id.to_owned())
}

/// Amounts in other currencies; those of a coupon can be added to, never changed.
fn set_options(coupon: &mut Value, given: &Value) -> Result<(), ApiError> {
    let mut options = coupon["currency_options"].as_object().cloned().unwrap_or_default();
    for (currency, option) in given.as_object().into_iter().flatten() {
        let path = below("currency_options", currency);
        let currency = check_currency(currency, &path)?;
        if coupon["amount_off"].is_null() {
            return Err(refused("`currency_options` need `amount_off`.", path));
        }
        if options.contains_key(&currency) {
            return Err(refused("A coupon's amount in a currency can't be changed.", path));
        }
        let amount = within(&option["amount_off"], 1..=AMOUNT_MAX, below(&path, "amount_off"))?;
        options.insert(currency, json!({"amount_off": amount}));
    }
    if let Some(own) = coupon["currency"].as_str().filter(|_| !coupon["amount_off"].is_null()) {
        options.insert(own.to_owned(), json!({"amount_off": coupon["amount_off"]}));
    }
    coupon["currency_options"] = options.into();
    Ok(())
}

/// A coupon as it is now: one whose time has passed is not valid any more.
pub(crate) fn get(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let now = ctx.now;
    let coupon = ctx.object("coupon", id)?;
    let is_valid = is_valid(coupon, now);
    if coupon["valid"] == is_valid {
        return Ok(coupon.clone());
    }
    let coupon = ctx.object_mut("coupon", id)?;
    coupon["valid"] = is_valid.into();
    Ok(coupon.clone())
}

/// Whether a coupon can be redeemed.
pub(crate) fn is_valid(coupon: &Value, now: i64) -> bool {
    let redeemed = coupon["times_redeemed"].as_i64().unwrap_or_default();
    coupon["redeem_by"].as_i64().is_none_or(|end| now < end)
        && coupon["max_redemptions"].as_i64().is_none_or(|max| redeemed < max)
}

/// What a coupon takes off in a currency: minor units; none where it has no amount in the currency.
pub(crate) fn amount_off(coupon: &Value, currency: &str) -> Option<i64> {
    coupon["currency_options"][currency]["amount_off"].as_i64()
}

pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut coupon = get(ctx, id)?;
    at_most(params.get("name").unwrap_or(&Value::Null), 40, "name")?;
    copy(&mut coupon, params, &["name"]);
    set_options(&mut coupon, params.get("currency_options").unwrap_or(&Value::Null))?;
    merge_metadata(&mut coupon, params.get("metadata"))?;
    *ctx.object_mut("coupon", id)? = coupon.clone();
    ctx.emit("coupon.updated", &coupon);
    Ok(coupon)
}

/// Deletes a coupon: what it was given for stays discounted.
pub(crate) fn delete(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let coupon = get(ctx, id)?;
    ctx.account().remove("coupon", id);
    ctx.emit("coupon.deleted", &coupon);
    Ok(json!({"id": id, "object": "coupon", "deleted": true}))
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let ids: Vec<String> = ctx.account().all("coupon").map(|coupon| text(coupon, "id").to_owned()).collect();
    for id in ids {
        get(ctx, &id)?;
    }
    ctx.list("coupon", "/v1/coupons", params, |_| true)
}

/// Counts a redemption of a coupon, and of the promotion code that it came by.
pub(crate) fn redeem(ctx: &mut Ctx<'_>, coupon: &str, promotion: Option<&str>) {
    for (kind, id) in [("coupon", Some(coupon)), ("promotion_code", promotion)] {
        if let Some(object) = id.and_then(|id| ctx.account().get_mut(kind, id)) {
            object["times_redeemed"] = (object["times_redeemed"].as_i64().unwrap_or_default() + 1).into();
        }
    }
    // Both are looked at again, since this redemption may have been the last.
    let _ = get(ctx, coupon);
    if let Some(promotion) = promotion
        && let Ok(promotion) = super::promotion_codes::get(ctx, promotion)
        && promotion["active"] != true
    {
        ctx.emit("promotion_code.updated", &promotion);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Sandbox, refusal};

    #[test]
    fn a_coupon_takes_off_a_percentage_or_an_amount() {
        let mut sandbox = Sandbox::new();
        let coupon = sandbox.call("POST /v1/coupons", "id=SUMMER&percent_off=12.5&max_redemptions=3");
        assert_eq!((coupon["id"].as_str(), coupon["percent_off"].to_string().as_str()), (Some("SUMMER"), "12.5"));
        assert_eq!((coupon["duration"].as_str(), coupon["valid"].as_bool()), (Some("once"), Some(true)));
        for (body, param) in [
            ("", "percent_off"),
            ("percent_off=10&amount_off=5&currency=sek", "percent_off"),
            ("amount_off=500", "currency"),
            ("percent_off=101", "percent_off"),
            ("percent_off=10&duration=repeating", "duration_in_months"),
            ("percent_off=10&duration_in_months=3", "duration_in_months"),
            ("percent_off=10&redeem_by=5", "redeem_by"),
            ("percent_off=10&id=SUMMER", "id"),
            ("percent_off=10&applies_to[products][0]=prod_none", "applies_to[products][0]"),
            ("percent_off=10&name=12345678901234567890123456789012345678901", "name"),
        ] {
            assert_eq!(refusal(sandbox.try_call("POST /v1/coupons", body)), param, "{body}");
        }
    }

    #[test]
    fn a_coupon_stops_being_valid_with_its_time_or_its_last_redemption() {
        let mut sandbox = Sandbox::new();
        let soon = sandbox.now() + 60;
        sandbox.call("POST /v1/coupons", &format!("id=A&percent_off=10&redeem_by={soon}"));
        sandbox.call("POST /v1/coupons", "id=B&percent_off=10&max_redemptions=1");
        sandbox.within(|ctx| redeem(ctx, "B", None));
        assert_eq!(sandbox.call("GET /v1/coupons/A", "")["valid"], true);
        assert_eq!(sandbox.call("GET /v1/coupons/B", "")["valid"], false);
        sandbox.advance(61);
        assert_eq!(sandbox.call("GET /v1/coupons", "")["data"][1]["valid"], false);
    }

    #[test]
    fn options_and_products_are_told_when_asked_for() {
        let mut sandbox = Sandbox::new();
        let body = "id=A&amount_off=500&currency=sek&currency_options[eur][amount_off]=50";
        assert!(sandbox.call("POST /v1/coupons", body).get("currency_options").is_none());
        let retrieved = sandbox.call("GET /v1/coupons/A", "expand[]=currency_options");
        assert_eq!(retrieved["currency_options"]["eur"]["amount_off"], 50);
    }
}

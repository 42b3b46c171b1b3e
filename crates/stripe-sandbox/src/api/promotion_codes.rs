//! Promotion codes: what customers type to have a coupon's discount.

use serde_json::{Map, Value, json};

use crate::api::coupons;
use crate::check::{below, missing, refused, within};
use crate::error::ApiError;
use crate::money::{AMOUNT_MAX, check_currency};
use crate::state::{Ctx, copy, merge_metadata, text};

const CODE_MAX: usize = 500;

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    let Some(coupon_id) = given("promotion")["coupon"].as_str() else { return Err(missing("promotion[coupon]")) };
    let coupon = coupons::get(ctx, coupon_id).map_err(|error| error.of_param("promotion[coupon]"))?;
    if coupon["valid"] != true {
        return Err(refused("The coupon is not valid any more.", "promotion[coupon]"));
    }
    if let Some(customer) = given("customer").as_str() {
        ctx.object("customer", customer).map_err(|error| error.of_param("customer"))?;
    }
    let code = match given("code").as_str() {
        Some(code) => code.to_owned(),
        None => crate::ids::random(8).to_ascii_uppercase(),
    };
    let fits = code.len() <= CODE_MAX && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !fits {
        return Err(refused("A promotion code may have the letters a–z, digits and - alone.", "code"));
    }
    let active = given("active").as_bool().unwrap_or(true);
    if active && by_code(ctx, &code).is_some_and(|known| known["active"] == true) {
        let message = format!("An active promotion code with `code: {code}` already exists.");
        return Err(refused(message, "code").code("resource_already_exists"));
    }
    let expires_at = given("expires_at").as_i64();
    if expires_at.is_some_and(|end| end <= ctx.now) {
        return Err(refused("The timestamp must be in the future.", "expires_at"));
    }
    if expires_at.zip(coupon["redeem_by"].as_i64()).is_some_and(|(end, coupons)| end > coupons) {
        return Err(refused("A promotion code can't outlive its coupon's `redeem_by`.", "expires_at"));
    }
    let max = within(given("max_redemptions"), 1..=i64::from(i32::MAX), "max_redemptions")?;
    if max.zip(coupon["max_redemptions"].as_i64()).is_some_and(|(max, coupons)| max > coupons) {
        return Err(refused("This can't be more than the coupon's `max_redemptions`.", "max_redemptions"));
    }
    let mut promotion = json!({
        "id": crate::ids::new("promo"), "object": "promotion_code", "active": active, "code": code, "created": ctx.now,
        "customer": given("customer"), "customer_account": null, "expires_at": expires_at, "livemode": false,
        "max_redemptions": max, "metadata": {}, "promotion": {"coupon": coupon_id, "type": "coupon"},
        "restrictions": restrictions(given("restrictions"))?, "times_redeemed": 0,
    });
    merge_metadata(&mut promotion, params.get("metadata"))?;
    let promotion = ctx.add("promotion_code", promotion);
    ctx.emit("promotion_code.created", &promotion);
    Ok(promotion)
}

fn restrictions(given: &Value) -> Result<Value, ApiError> {
    let least = within(&given["minimum_amount"], 1..=AMOUNT_MAX, "restrictions[minimum_amount]")?;
    let mut options = options(&given["currency_options"])?;
    let currency = match (least, given["minimum_amount_currency"].as_str()) {
        (Some(least), Some(currency)) => {
            let currency = check_currency(currency, "restrictions[minimum_amount_currency]")?;
            options.insert(currency.clone(), json!({"minimum_amount": least}));
            Some(currency)
        }
        (None, None) => None,
        (Some(_), None) => return Err(missing("restrictions[minimum_amount_currency]")),
        (None, Some(_)) => return Err(missing("restrictions[minimum_amount]")),
    };
    Ok(json!({"currency_options": options, "first_time_transaction": given["first_time_transaction"] == true,
        "minimum_amount": least, "minimum_amount_currency": currency}))
}

fn options(given: &Value) -> Result<Map<String, Value>, ApiError> {
    let mut options = Map::new();
    for (currency, option) in given.as_object().into_iter().flatten() {
        let path = below("restrictions[currency_options]", currency);
        let least = within(&option["minimum_amount"], 1..=AMOUNT_MAX, below(&path, "minimum_amount"))?;
        options.insert(check_currency(currency, &path)?, json!({"minimum_amount": least}));
    }
    Ok(options)
}

/// A code as it is now: one that expired or was used up is not active any more.
pub(crate) fn get(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let now = ctx.now;
    let promotion = ctx.object("promotion_code", id)?.clone();
    let coupon = ctx.account().get("coupon", text(&promotion["promotion"], "coupon")).cloned();
    let is_spent = is_spent(&promotion, coupon.as_ref(), now);
    if !is_spent || promotion["active"] == false {
        return Ok(promotion);
    }
    let promotion = ctx.object_mut("promotion_code", id)?;
    promotion["active"] = false.into();
    Ok(promotion.clone())
}

/// Whether the code, or its coupon, expired or was used up.
pub(crate) fn is_spent(promotion: &Value, coupon: Option<&Value>, now: i64) -> bool {
    let redeemed = promotion["times_redeemed"].as_i64().unwrap_or_default();
    promotion["expires_at"].as_i64().is_some_and(|end| end <= now)
        || promotion["max_redemptions"].as_i64().is_some_and(|max| redeemed >= max)
        || coupon.is_none_or(|coupon| !coupons::is_valid(coupon, now))
}

/// The code that a customer typed, in whatever case; an active one before others, the newest before older ones.
pub(crate) fn by_code(ctx: &mut Ctx<'_>, typed: &str) -> Option<Value> {
    refresh(ctx);
    let mut found: Option<&Value> = None;
    for promotion in ctx.account().all("promotion_code") {
        let fits = text(promotion, "code").eq_ignore_ascii_case(typed.trim());
        if fits && (promotion["active"] == true || found.is_none_or(|known| known["active"] != true)) {
            found = Some(promotion);
        }
    }
    found.cloned()
}

fn refresh(ctx: &mut Ctx<'_>) {
    let ids: Vec<String> = ctx.account().all("promotion_code").map(|code| text(code, "id").to_owned()).collect();
    for id in ids {
        let _ = get(ctx, &id);
    }
}

pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut promotion = get(ctx, id)?;
    if params.get("active").and_then(Value::as_bool) == Some(true) && promotion["active"] != true {
        let coupon = ctx.account().get("coupon", text(&promotion["promotion"], "coupon")).cloned();
        if is_spent(&promotion, coupon.as_ref(), ctx.now) {
            return Err(refused("This promotion code can't be made active: it expired or was used up.", "active"));
        }
        if by_code(ctx, text(&promotion, "code")).is_some_and(|known| known["active"] == true) {
            return Err(refused("Another promotion code with this code is active.", "active"));
        }
    }
    copy(&mut promotion, params, &["active"]);
    if let Some(given) = params.get("restrictions") {
        let mut all = promotion["restrictions"]["currency_options"].as_object().cloned().unwrap_or_default();
        all.extend(options(&given["currency_options"])?);
        promotion["restrictions"]["currency_options"] = all.into();
    }
    merge_metadata(&mut promotion, params.get("metadata"))?;
    *ctx.object_mut("promotion_code", id)? = promotion.clone();
    ctx.emit("promotion_code.updated", &promotion);
    Ok(promotion)
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    refresh(ctx);
    let code = params.get("code").and_then(Value::as_str);
    ctx.list("promotion_code", "/v1/promotion_codes", params, |promotion| {
        ["active", "customer"].iter().all(|name| params.get(*name).is_none_or(|wanted| &promotion[*name] == wanted))
            && params.get("coupon").is_none_or(|coupon| &promotion["promotion"]["coupon"] == coupon)
            && code.is_none_or(|code| text(promotion, "code").eq_ignore_ascii_case(code))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Sandbox, refusal};

    #[test]
    fn an_active_code_is_unique_in_whatever_case() {
        let mut sandbox = Sandbox::new();
        sandbox.call("POST /v1/coupons", "id=C&percent_off=10");
        let create = "POST /v1/promotion_codes";
        let first = sandbox.call(create, "promotion[type]=coupon&promotion[coupon]=C&code=Fall20");
        let again = "promotion[type]=coupon&promotion[coupon]=C&code=FALL20";
        assert_eq!(refusal(sandbox.try_call(create, again)), "code");
        sandbox.call_on("POST /v1/promotion_codes/{id}", &first, "active=false");
        let second = sandbox.call(create, again);
        let error = sandbox.try_call_on("POST /v1/promotion_codes/{id}", &first, "active=true");
        assert_eq!(refusal(error), "active");
        let found = sandbox.call("GET /v1/promotion_codes", "code=fall20&active=true&coupon=C");
        assert_eq!(found["data"].as_array().unwrap().len(), 1);
        assert_eq!(found["data"][0]["id"], second["id"]);
    }

    #[test]
    fn a_code_is_held_to_its_coupon() {
        let mut sandbox = Sandbox::new();
        let end = sandbox.now() + 100;
        sandbox.call("POST /v1/coupons", &format!("id=C&percent_off=10&max_redemptions=2&redeem_by={end}"));
        let later = end + 1;
        for (body, param) in [
            ("promotion[coupon]=none".to_owned(), "promotion[coupon]"),
            ("promotion[coupon]=C&max_redemptions=3".to_owned(), "max_redemptions"),
            (format!("promotion[coupon]=C&expires_at={later}"), "expires_at"),
            ("promotion[coupon]=C&code=å".to_owned(), "code"),
            ("promotion[coupon]=C&restrictions[minimum_amount]=5".to_owned(), "restrictions[minimum_amount_currency]"),
        ] {
            let body = format!("promotion[type]=coupon&{body}");
            assert_eq!(refusal(sandbox.try_call("POST /v1/promotion_codes", &body)), param, "{body}");
        }
        let code = sandbox.call("POST /v1/promotion_codes", "promotion[type]=coupon&promotion[coupon]=C");
        assert_eq!((code["active"].as_bool(), code["code"].as_str().unwrap().len()), (Some(true), 8));
        sandbox.advance(101);
        assert_eq!(sandbox.call_on("GET /v1/promotion_codes/{id}", &code, "")["active"], false);
    }
}

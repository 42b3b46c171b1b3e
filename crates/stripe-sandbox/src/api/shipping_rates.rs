//! Shipping rates.

use serde_json::{Map, Value, json};

use crate::check::{at_most, below, missing, refused, tax_code, within};
use crate::error::ApiError;
use crate::money::{AMOUNT_MAX, check_currency};
use crate::state::{Ctx, copy, merge_metadata, text};

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    make(ctx, params, "")
}

/// Makes a rate, alone or for a session.
pub(crate) fn make(ctx: &mut Ctx<'_>, params: &Map<String, Value>, path: &str) -> Result<Value, ApiError> {
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    at_most(given("display_name"), 100, below(path, "display_name"))?;
    tax_code(given("tax_code"), below(path, "tax_code"))?;
    let fixed = given("fixed_amount");
    let fixed_path = below(path, "fixed_amount");
    if fixed.is_null() {
        return Err(missing(fixed_path));
    }
    let amount = within(&fixed["amount"], 0..=AMOUNT_MAX, below(&fixed_path, "amount"))?;
    let currency = check_currency(text(fixed, "currency"), &below(&fixed_path, "currency"))?;
    let behavior = given("tax_behavior").as_str().unwrap_or("unspecified");
    let mut options = options(&fixed["currency_options"], &Map::new(), &below(&fixed_path, "currency_options"))?;
    options.insert(currency.clone(), json!({"amount": amount, "tax_behavior": behavior}));
    let mut rate = json!({
        "id": crate::ids::new("shr"), "object": "shipping_rate", "active": true, "created": ctx.now,
        "delivery_estimate": estimate(given("delivery_estimate"), &below(path, "delivery_estimate"))?,
        "display_name": given("display_name"),
        "fixed_amount": {"amount": amount, "currency": currency, "currency_options": options}, "livemode": false,
        "metadata": {}, "tax_behavior": behavior, "tax_code": given("tax_code"), "type": "fixed_amount",
    });
    merge_metadata(&mut rate, params.get("metadata"))?;
    Ok(ctx.add("shipping_rate", rate))
}

fn options(given: &Value, known: &Map<String, Value>, path: &str) -> Result<Map<String, Value>, ApiError> {
    let mut options = known.clone();
    for (currency, option) in given.as_object().into_iter().flatten() {
        let path = below(path, currency);
        let currency = check_currency(currency, &path)?;
        let mut amount_in_currency =
            options.get(&currency).cloned().unwrap_or(json!({"amount": null, "tax_behavior": "unspecified"}));
        if let Some(amount) = within(&option["amount"], 0..=AMOUNT_MAX, below(&path, "amount"))? {
            amount_in_currency["amount"] = amount.into();
        }
        if let Some(option) = option.as_object() {
            copy(&mut amount_in_currency, option, &["tax_behavior"]);
        }
        if amount_in_currency["amount"].is_null() {
            return Err(missing(below(&path, "amount")));
        }
        options.insert(currency, amount_in_currency);
    }
    Ok(options)
}

fn estimate(given: &Value, path: &str) -> Result<Value, ApiError> {
    if given.is_null() {
        return Ok(Value::Null);
    }
    let bound = |name: &str| -> Result<Value, ApiError> {
        let path = below(path, name);
        within(&given[name]["value"], 1..=10_000, below(&path, "value"))?;
        Ok(given[name].clone())
    };
    let (least, most) = (bound("minimum")?, bound("maximum")?);
    let is_reversed = least["unit"] == most["unit"] && least["value"].as_i64() > most["value"].as_i64();
    if is_reversed && !most.is_null() {
        return Err(refused("The maximum must not be less than the minimum.", below(path, "maximum")));
    }
    Ok(json!({"maximum": most, "minimum": least}))
}

/// What a rate costs in a currency, in minor units; none where it has no amount there.
pub(crate) fn amount(rate: &Value, currency: &str) -> Option<i64> {
    rate["fixed_amount"]["currency_options"][currency]["amount"].as_i64()
}

/// Whether what a rate costs in a currency has its tax in it.
pub(crate) fn is_inclusive(rate: &Value, currency: &str) -> bool {
    let fixed = &rate["fixed_amount"];
    let terms = if fixed["currency"] == currency { rate } else { &fixed["currency_options"][currency] };
    terms["tax_behavior"] == "inclusive"
}

pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut rate = ctx.object("shipping_rate", id)?.clone();
    if let Some(behavior) = params.get("tax_behavior") {
        if rate["tax_behavior"] != "unspecified" && &rate["tax_behavior"] != behavior {
            let message = "The tax behavior of a shipping rate can't be changed once it is specified.";
            return Err(refused(message, "tax_behavior"));
        }
        rate["tax_behavior"] = behavior.clone();
    }
    if let Some(given) = params.get("fixed_amount") {
        let known = rate["fixed_amount"]["currency_options"].as_object().cloned().unwrap_or_default();
        let path = "fixed_amount[currency_options]";
        rate["fixed_amount"]["currency_options"] = options(&given["currency_options"], &known, path)?.into();
    }
    copy(&mut rate, params, &["active"]);
    merge_metadata(&mut rate, params.get("metadata"))?;
    *ctx.object_mut("shipping_rate", id)? = rate.clone();
    Ok(rate)
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    ctx.list("shipping_rate", "/v1/shipping_rates", params, |rate| {
        params.get("active").is_none_or(|active| &rate["active"] == active)
            && params.get("currency").is_none_or(|currency| &rate["fixed_amount"]["currency"] == currency)
    })
}

/// The options of a link or session, each a rate's id or, for a session, a rate made for it.
pub(crate) fn read_options(
    ctx: &mut Ctx<'_>,
    given: &Value,
    currency: &str,
    most: usize,
) -> Result<Vec<String>, ApiError> {
    let given = given.as_array().cloned().unwrap_or_default();
    if given.len() > most {
        return Err(refused(format!("You can have at most {most} shipping options."), "shipping_options"));
    }
    let mut rates = Vec::with_capacity(given.len());
    for (index, option) in given.iter().enumerate() {
        let path = format!("shipping_options[{index}]");
        let param = below(&path, "shipping_rate");
        let rate = match (option["shipping_rate"].as_str(), option["shipping_rate_data"].as_object()) {
            (Some(id), None) => ctx.object("shipping_rate", id).map_err(|error| error.of_param(&param))?.clone(),
            (None, Some(data)) => make(ctx, data, &below(&path, "shipping_rate_data"))?,
            _ => {
                let message = "You must specify exactly one of `shipping_rate` or `shipping_rate_data`.";
                return Err(refused(message, param).code("parameter_missing"));
            }
        };
        if rate["active"] != true {
            return Err(refused("The shipping rate is archived.", param));
        }
        if amount(&rate, currency).is_none() {
            return Err(refused(format!("The shipping rate has no amount in {currency}."), param));
        }
        rates.push(text(&rate, "id").to_owned());
    }
    Ok(rates)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Sandbox, refusal};

    #[test]
    fn a_rate_has_an_amount_in_each_of_its_currencies() {
        let mut sandbox = Sandbox::new();
        let rate = sandbox.call(
            "POST /v1/shipping_rates",
            "display_name=Post&fixed_amount[amount]=4900&fixed_amount[currency]=sek&fixed_amount[currency_options][eur][amount]=500&delivery_estimate[minimum][unit]=day&delivery_estimate[minimum][value]=2",
        );
        assert_eq!(rate["fixed_amount"], serde_json::json!({"amount": 4_900, "currency": "sek"}));
        let retrieved = sandbox.call_on("GET /v1/shipping_rates/{id}", &rate, "expand[]=fixed_amount.currency_options");
        assert_eq!(retrieved["fixed_amount"]["currency_options"]["eur"]["amount"], 500);
        for (body, param) in [
            ("display_name=Post", "fixed_amount"),
            ("display_name=Post&fixed_amount[amount]=-1&fixed_amount[currency]=sek", "fixed_amount[amount]"),
            ("display_name=Post&fixed_amount[amount]=1&fixed_amount[currency]=kronor", "fixed_amount[currency]"),
        ] {
            assert_eq!(refusal(sandbox.try_call("POST /v1/shipping_rates", body)), param, "{body}");
        }
    }
}

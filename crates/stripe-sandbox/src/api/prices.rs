//! Prices: flat, tiered, packaged, or chosen by the customer; once or each period; in one currency or several.

use serde_json::{Map, Value, json};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::api::products;
use crate::check::{at_most, below, decimal, missing, refused, texts, within};
use crate::error::ApiError;
use crate::money::{AMOUNT_MAX, check_currency};
use crate::state::{Ctx, copy, merge_metadata, text};

/// The largest amount of a unit: twelve digits.
const UNIT_MAX: i64 = 999_999_999_999;

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    make(ctx, params, true, "")
}

/// Makes a price, inline ones as Stripe does: with an archived product and price of their own.
pub(crate) fn make(
    ctx: &mut Ctx<'_>,
    params: &Map<String, Value>,
    active: bool,
    path: &str,
) -> Result<Value, ApiError> {
    let named = |name: &str| below(path, name);
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    let currency = check_currency(given("currency").as_str().unwrap_or_default(), &named("currency"))?;
    let scheme = scheme(params, path)?;
    let amounts = amounts(params, scheme.billing, path)?;
    let options = options(given("currency_options"), scheme.billing, path)?;
    let recurring = recurring(given("recurring"), &named("recurring"))?;
    if !recurring.is_null() && !amounts["custom_unit_amount"].is_null() {
        return Err(refused("A price that the customer chooses can't be recurring.", named("custom_unit_amount")));
    }
    texts(params, path, &["nickname"])?;
    let lookup_key = free_lookup_key(ctx, params, None)?;
    let product = product_of(ctx, params, active, path)?;
    let mut price = json!({
        "id": crate::ids::new("price"), "object": "price", "active": active, "billing_scheme": scheme.billing,
        "created": ctx.now, "currency": currency, "custom_unit_amount": null, "livemode": false, "lookup_key": lookup_key,
        "metadata": {}, "nickname": null, "product": product, "recurring": recurring, "tax_behavior": "unspecified",
        "tiers_mode": scheme.tiers_mode, "transform_quantity": given("transform_quantity"),
        "type": if recurring.is_null() { "one_time" } else { "recurring" },
    });
    copy(&mut price, &amounts, &["custom_unit_amount", "tiers", "unit_amount", "unit_amount_decimal"]);
    copy(&mut price, params, &["active", "nickname", "tax_behavior"]);
    set_options(&mut price, options);
    merge_metadata(&mut price, params.get("metadata"))?;
    let price = ctx.add("price", price);
    ctx.emit("price.created", &price);
    Ok(price)
}

fn product_of(ctx: &mut Ctx<'_>, params: &Map<String, Value>, active: bool, path: &str) -> Result<String, ApiError> {
    let param = below(path, "product");
    match (params.get("product").and_then(Value::as_str), params.get("product_data")) {
        (Some(id), None) => {
            ctx.object("product", id).map_err(|error| error.of_param(param))?;
            Ok(id.to_owned())
        }
        (None, Some(Value::Object(data))) => {
            let product = products::make(ctx, data, active, &below(path, "product_data"))?;
            Ok(text(&product, "id").to_owned())
        }
        (None, None) => {
            let message = "You must specify either `product` or `product_data` when creating a price.";
            Err(refused(message, param).code("parameter_missing"))
        }
        _ => Err(refused("You may only specify one of these parameters: product, product_data.", param)),
    }
}

/// How a price computes.
struct Scheme {
    billing: &'static str,
    tiers_mode: Value,
}

fn scheme(params: &Map<String, Value>, path: &str) -> Result<Scheme, ApiError> {
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    let tiered = given("billing_scheme") == "tiered";
    if !tiered {
        for name in ["tiers", "tiers_mode"] {
            if !given(name).is_null() {
                return Err(refused(format!("`{name}` needs `billing_scheme=tiered`."), below(path, name)));
            }
        }
        within(&given("transform_quantity")["divide_by"], 1..=999_999, below(path, "transform_quantity[divide_by]"))?;
        return Ok(Scheme { billing: "per_unit", tiers_mode: Value::Null });
    }
    for name in ["tiers", "tiers_mode"] {
        if given(name).is_null() {
            return Err(missing(below(path, name)));
        }
    }
    if !given("transform_quantity").is_null() {
        let message = "`transform_quantity` can't be combined with tiers.";
        return Err(refused(message, below(path, "transform_quantity")));
    }
    Ok(Scheme { billing: "tiered", tiers_mode: given("tiers_mode").clone() })
}

/// The amounts in one currency.
fn amounts(source: &Map<String, Value>, billing: &str, path: &str) -> Result<Map<String, Value>, ApiError> {
    let given = |name: &str| source.get(name).unwrap_or(&Value::Null);
    let mut amounts = Map::new();
    let mut put = |name: &str, value: Value| amounts.insert(name.to_owned(), value);
    put("unit_amount", Value::Null);
    put("unit_amount_decimal", Value::Null);
    put("custom_unit_amount", Value::Null);
    let custom = given("custom_unit_amount");
    let (unit, shown) = pair(source, "unit_amount", path)?;
    if billing == "tiered" {
        if shown.is_string() || custom["enabled"] == true {
            return Err(refused("A tiered price has its amounts in its tiers.", below(path, "unit_amount")));
        }
        put("tiers", tiers(given("tiers"), &below(path, "tiers"))?);
        return Ok(amounts);
    }
    if custom["enabled"] == true {
        if shown.is_string() {
            let message = "You may only specify one of these parameters: unit_amount, custom_unit_amount.";
            return Err(refused(message, below(path, "custom_unit_amount")));
        }
        put("custom_unit_amount", chosen(custom, &below(path, "custom_unit_amount"))?);
        return Ok(amounts);
    }
    if !shown.is_string() {
        let message = "You must specify one of `unit_amount` or `unit_amount_decimal`.";
        return Err(refused(message, below(path, "unit_amount")).code("parameter_missing"));
    }
    put("unit_amount", unit);
    put("unit_amount_decimal", shown);
    Ok(amounts)
}

/// The two forms of an amount: an integer where it is whole, and a decimal text; null where it is not given.
fn pair(source: &Map<String, Value>, name: &str, path: &str) -> Result<(Value, Value), ApiError> {
    let decimal_name = format!("{name}_decimal");
    let amount = match (source.get(name).and_then(Value::as_i64), source.get(&decimal_name).and_then(decimal)) {
        (None, None) => return Ok((Value::Null, Value::Null)),
        (Some(whole), None) => Decimal::from(whole),
        (None, Some(amount)) if amount.scale() <= 12 => amount,
        (None, Some(_)) => {
            return Err(refused("Invalid decimal: at most 12 decimal places.", below(path, &decimal_name)));
        }
        (Some(_), Some(_)) => {
            let message = format!("You may only specify one of these parameters: {name}, {decimal_name}.");
            return Err(refused(message, below(path, name)));
        }
    };
    if (amount.is_sign_negative() && !amount.is_zero()) || amount > Decimal::from(UNIT_MAX) {
        let message = format!("This value must be at least 0 and at most {UNIT_MAX}.");
        return Err(refused(message, below(path, name)).code("parameter_invalid_integer"));
    }
    let whole = amount.to_i64().filter(|_| amount.is_integer());
    Ok((whole.map_or(Value::Null, Value::from), amount.normalize().to_string().into()))
}

fn tiers(given: &Value, path: &str) -> Result<Value, ApiError> {
    let given = given.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut tiers: Vec<Value> = Vec::with_capacity(given.len());
    let mut before = 0;
    for (index, tier) in given.iter().filter_map(Value::as_object).enumerate() {
        let path = format!("{path}[{index}]");
        let is_last = index + 1 == given.len();
        let up_to = match tier.get("up_to").and_then(Value::as_i64) {
            Some(_) if is_last => return Err(refused("The last tier must be open: up_to=inf.", below(&path, "up_to"))),
            Some(end) if end <= before => {
                return Err(refused("Tiers must be in the order of their ends.", below(&path, "up_to")));
            }
            None if !is_last => return Err(refused("Only the last tier can be open.", below(&path, "up_to"))),
            Some(end) => {
                before = end;
                Value::from(end)
            }
            None => Value::Null,
        };
        let ((unit, unit_decimal), (flat, flat_decimal)) =
            (pair(tier, "unit_amount", &path)?, pair(tier, "flat_amount", &path)?);
        if unit_decimal.is_null() && flat_decimal.is_null() {
            let message = "A tier needs one of `unit_amount`, `flat_amount` or their decimals.";
            return Err(refused(message, below(&path, "unit_amount")).code("parameter_missing"));
        }
        tiers.push(json!({"flat_amount": flat, "flat_amount_decimal": flat_decimal, "unit_amount": unit,
            "unit_amount_decimal": unit_decimal, "up_to": up_to}));
    }
    if tiers.is_empty() { Err(missing(path)) } else { Ok(tiers.into()) }
}

fn chosen(custom: &Value, path: &str) -> Result<Value, ApiError> {
    let bound = |name: &str| within(&custom[name], 0..=AMOUNT_MAX, below(path, name));
    let (least, most, preset) = (bound("minimum")?, bound("maximum")?, bound("preset")?);
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        return Err(refused("The maximum must not be less than the minimum.", below(path, "maximum")));
    }
    if preset.is_some_and(|preset| least.is_some_and(|l| preset < l) || most.is_some_and(|m| preset > m)) {
        return Err(refused("The preset must be within the minimum and the maximum.", below(path, "preset")));
    }
    Ok(json!({"maximum": most, "minimum": least, "preset": preset}))
}

fn options(given: &Value, billing: &str, path: &str) -> Result<Map<String, Value>, ApiError> {
    let mut options = Map::new();
    for (currency, option) in given.as_object().into_iter().flatten() {
        let path = below(&below(path, "currency_options"), currency);
        let currency = check_currency(currency, &path)?;
        let Some(option) = option.as_object() else { continue };
        let mut amounts_in_currency = amounts(option, billing, &path)?;
        let tax = option.get("tax_behavior").cloned().unwrap_or_else(|| "unspecified".into());
        amounts_in_currency.insert("tax_behavior".to_owned(), tax);
        options.insert(currency, amounts_in_currency.into());
    }
    Ok(options)
}

/// A price's options tell its own currency, too.
fn set_options(price: &mut Value, mut options: Map<String, Value>) {
    let mut own = json!({});
    for name in ["custom_unit_amount", "tax_behavior", "tiers", "unit_amount", "unit_amount_decimal"] {
        if let Some(value) = price.get(name) {
            own[name] = value.clone();
        }
    }
    options.insert(text(price, "currency").to_owned(), own);
    price["currency_options"] = options.into();
}

fn recurring(given: &Value, path: &str) -> Result<Value, ApiError> {
    let Some(interval) = given["interval"].as_str() else { return Ok(Value::Null) };
    if given["usage_type"] == "metered" || !given["meter"].is_null() {
        return Err(refused("The sandbox serves licensed usage alone.", below(path, "usage_type")));
    }
    // Three years at the most.
    let most = match interval {
        "day" => 1_095,
        "week" => 156,
        "month" => 36,
        _ => 3,
    };
    let count = within(&given["interval_count"], 1..=most, below(path, "interval_count"))?.unwrap_or(1);
    let trial = within(&given["trial_period_days"], 1..=730, below(path, "trial_period_days"))?;
    Ok(json!({"interval": interval, "interval_count": count, "meter": null, "trial_period_days": trial,
        "usage_type": "licensed"}))
}

/// The lookup key asked for, taken from the price that has it where the request says so.
fn free_lookup_key(ctx: &mut Ctx<'_>, params: &Map<String, Value>, own: Option<&str>) -> Result<Value, ApiError> {
    let Some(key) = params.get("lookup_key").filter(|key| key.is_string()) else { return Ok(Value::Null) };
    at_most(key, 200, "lookup_key")?;
    let holder = ctx.account().all("price").find(|price| &price["lookup_key"] == key && price["active"] == true);
    let holder = holder.map(|price| text(price, "id").to_owned()).filter(|id| own != Some(id.as_str()));
    if let Some(holder) = holder {
        if params.get("transfer_lookup_key").and_then(Value::as_bool) != Some(true) {
            let message = format!("A price (`{holder}`) already uses that lookup key.");
            return Err(refused(message, "lookup_key"));
        }
        ctx.object_mut("price", &holder)?["lookup_key"] = Value::Null;
    }
    Ok(key.clone())
}

pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut price = ctx.object("price", id)?.clone();
    texts(params, "", &["nickname"])?;
    if let Some(behavior) = params.get("tax_behavior") {
        if price["tax_behavior"] != "unspecified" && &price["tax_behavior"] != behavior {
            let message = "The tax behavior of a price can't be changed once it is specified.";
            return Err(refused(message, "tax_behavior"));
        }
        price["tax_behavior"] = behavior.clone();
    }
    if let Some(given) = params.get("currency_options") {
        let mut all = price["currency_options"].as_object().cloned().unwrap_or_default();
        all.extend(options(given, text(&price, "billing_scheme"), "")?);
        set_options(&mut price, all);
    }
    if params.contains_key("lookup_key") {
        price["lookup_key"] = free_lookup_key(ctx, params, Some(id))?;
    }
    copy(&mut price, params, &["active", "nickname"]);
    merge_metadata(&mut price, params.get("metadata"))?;
    *ctx.object_mut("price", id)? = price.clone();
    ctx.emit("price.updated", &price);
    Ok(price)
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let keys = params.get("lookup_keys").and_then(Value::as_array);
    let recurring = params.get("recurring").and_then(Value::as_object);
    ctx.list("price", "/v1/prices", params, |price| {
        ["active", "product", "currency", "type"]
            .iter()
            .all(|name| params.get(*name).is_none_or(|wanted| &price[*name] == wanted))
            && keys.is_none_or(|keys| keys.contains(&price["lookup_key"]))
            && recurring.is_none_or(|wanted| wanted.iter().all(|(name, is)| &price["recurring"][name] == is))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{Sandbox, refusal};

    const CREATE: &str = "POST /v1/prices";
    const NAMED: &str = "currency=sek&product_data[name]=Seat&";

    #[test]
    fn tiers_are_in_order_and_the_last_is_open() {
        let mut sandbox = Sandbox::new();
        let tiered = format!("{NAMED}billing_scheme=tiered&tiers_mode=graduated&");
        let price = sandbox.call(CREATE, &format!("{tiered}tiers[0][up_to]=10&tiers[0][unit_amount]=500&tiers[1][up_to]=inf&tiers[1][unit_amount_decimal]=99.5&tiers[1][flat_amount]=7"));
        assert_eq!((&price["unit_amount"], price.get("tiers")), (&Value::Null, None));
        let retrieved = sandbox.call_on("GET /v1/prices/{id}", &price, "expand[]=tiers");
        assert_eq!(
            retrieved["tiers"][1],
            json!({"flat_amount": 7, "flat_amount_decimal": "7", "unit_amount": null, "unit_amount_decimal": "99.5", "up_to": null})
        );
        for (tiers, param) in [
            ("tiers[0][up_to]=10&tiers[0][unit_amount]=5", "tiers[0][up_to]"),
            (
                "tiers[0][up_to]=inf&tiers[0][unit_amount]=5&tiers[1][up_to]=inf&tiers[1][unit_amount]=5",
                "tiers[0][up_to]",
            ),
            (
                "tiers[0][up_to]=9&tiers[0][unit_amount]=5&tiers[1][up_to]=9&tiers[1][unit_amount]=5&tiers[2][up_to]=inf&tiers[2][unit_amount]=5",
                "tiers[1][up_to]",
            ),
            ("tiers[0][up_to]=inf", "tiers[0][unit_amount]"),
            ("tiers[0][up_to]=inf&tiers[0][unit_amount]=5&unit_amount=5", "unit_amount"),
            (
                "tiers[0][up_to]=inf&tiers[0][unit_amount]=5&transform_quantity[divide_by]=5&transform_quantity[round]=up",
                "transform_quantity",
            ),
        ] {
            assert_eq!(refusal(sandbox.try_call(CREATE, &format!("{tiered}{tiers}"))), param, "{tiers}");
        }
        assert_eq!(
            refusal(sandbox.try_call(CREATE, &format!("{NAMED}billing_scheme=tiered&tiers_mode=volume"))),
            "tiers"
        );
    }

    #[test]
    fn amounts_and_periods_have_bounds() {
        let mut sandbox = Sandbox::new();
        for (body, param) in [
            ("", "unit_amount"),
            ("unit_amount=-1", "unit_amount"),
            ("unit_amount=1&unit_amount_decimal=1.5", "unit_amount"),
            ("unit_amount_decimal=0.1234567890123", "unit_amount_decimal"),
            ("unit_amount=1&recurring[interval]=month&recurring[interval_count]=37", "recurring[interval_count]"),
            ("unit_amount=1&recurring[interval]=year&recurring[interval_count]=4", "recurring[interval_count]"),
            ("unit_amount=1&recurring[interval]=year&recurring[usage_type]=metered", "recurring[usage_type]"),
            (
                "custom_unit_amount[enabled]=true&custom_unit_amount[minimum]=9&custom_unit_amount[maximum]=8",
                "custom_unit_amount[maximum]",
            ),
            (
                "custom_unit_amount[enabled]=true&custom_unit_amount[minimum]=9&custom_unit_amount[preset]=8",
                "custom_unit_amount[preset]",
            ),
            ("custom_unit_amount[enabled]=true&recurring[interval]=month", "custom_unit_amount"),
            ("unit_amount=1&currency_options[eur][unit_amount]=-1", "currency_options[eur][unit_amount]"),
        ] {
            assert_eq!(refusal(sandbox.try_call(CREATE, &format!("{NAMED}{body}"))), param, "{body}");
        }
    }

    #[test]
    fn a_lookup_key_has_one_price_until_it_is_transferred() {
        let mut sandbox = Sandbox::new();
        let body = format!("{NAMED}unit_amount=100&lookup_key=standard");
        let first = sandbox.call(CREATE, &body);
        assert_eq!(refusal(sandbox.try_call(CREATE, &body)), "lookup_key");
        let second = sandbox.call(CREATE, &format!("{body}&transfer_lookup_key=true"));
        assert_eq!(sandbox.call_on("GET /v1/prices/{id}", &first, "")["lookup_key"], Value::Null);
        let found = sandbox.call("GET /v1/prices", "lookup_keys[]=standard&lookup_keys[]=other");
        assert_eq!((found["data"].as_array().unwrap().len(), &found["data"][0]["id"]), (1, &second["id"]));
        let update = "POST /v1/prices/{id}";
        assert_eq!(refusal(sandbox.try_call_on(update, &first, "lookup_key=standard")), "lookup_key");
        sandbox.call_on(update, &second, "lookup_key=standard&tax_behavior=exclusive");
        assert_eq!(refusal(sandbox.try_call_on(update, &second, "tax_behavior=inclusive")), "tax_behavior");
    }

    #[test]
    fn products_are_held_to_stripes_limits() {
        let mut sandbox = Sandbox::new();
        let images: String = (0..9).map(|i| format!("&images[{i}]=https://a.example/{i}.png")).collect();
        for (body, param) in [
            (images.as_str(), "images"),
            ("&images[0]=picture", "images[0]"),
            ("&unit_label=thirteen char", "unit_label"),
            ("&statement_descriptor=ABC", "statement_descriptor"),
            ("&tax_code=books", "tax_code"),
            ("&url=nowhere", "url"),
            ("&default_price_data[currency]=sek", "default_price_data[unit_amount]"),
        ] {
            assert_eq!(refusal(sandbox.try_call("POST /v1/products", &format!("name=Book{body}"))), param, "{body}");
        }
        let product = sandbox.call("POST /v1/products", "name=Book&default_price_data[currency]=sek&default_price_data[unit_amount]=900&package_dimensions[height]=1.5&package_dimensions[width]=1&package_dimensions[length]=1&package_dimensions[weight]=2&expand[]=default_price");
        assert_eq!(
            (&product["default_price"]["unit_amount"], product["package_dimensions"]["height"].to_string().as_str()),
            (&json!(900), "1.5")
        );
        let product = sandbox.call_on("GET /v1/products/{id}", &product, "");
        let other = sandbox.call(CREATE, "currency=sek&unit_amount=1&product_data[name]=Other");
        let foreign = format!("default_price={}", other["id"].as_str().unwrap());
        assert_eq!(refusal(sandbox.try_call_on("POST /v1/products/{id}", &product, &foreign)), "default_price");
    }
}

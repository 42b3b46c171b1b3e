//! Line items and optional items, which links and sessions share.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::prices;
use crate::check::{below, missing, refused, within};
use crate::error::ApiError;
use crate::money::check_currency;
use crate::pricing;
use crate::state::{Ctx, LineItem, limit, merge_metadata_at, text};

const QUANTITY_MAX: i64 = 999_999;
/// The most optional items of a link or session.
const OPTIONAL_MAX: usize = 10;

/// What is so of all line items together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The period of the recurring prices, if there are any.
    pub(crate) period: Option<(String, i64)>,
    /// Whether the customer chooses the amount.
    pub(crate) is_chosen: bool,
    pub(crate) count: usize,
}

/// The line items that a request names, with prices made for inline ones.
pub(crate) fn read(ctx: &mut Ctx<'_>, params: &Map<String, Value>, most: usize) -> Result<Vec<LineItem>, ApiError> {
    let wanted = params.get("line_items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if wanted.is_empty() {
        return Err(missing("line_items"));
    }
    if wanted.len() > most {
        return Err(refused(format!("You can have at most {most} line items."), "line_items"));
    }
    let mut currency = match params.get("currency").and_then(Value::as_str) {
        Some(currency) => Some(check_currency(currency, "currency")?),
        None => None,
    };
    let mut items: Vec<LineItem> = Vec::with_capacity(wanted.len());
    for (index, item) in wanted.iter().enumerate() {
        let item = read_one(ctx, item, currency.as_deref(), &format!("line_items[{index}]"))?;
        currency = Some(item.currency.clone());
        items.push(item);
    }
    Ok(items)
}

fn read_one(ctx: &mut Ctx<'_>, item: &Value, currency: Option<&str>, path: &str) -> Result<LineItem, ApiError> {
    let quantity = within(&item["quantity"], 1..=QUANTITY_MAX, below(path, "quantity"))?.unwrap_or(1);
    let adjustable = adjustable(&item["adjustable_quantity"], quantity, path)?;
    if let Some(rate) = item["tax_rates"][0].as_str() {
        return Err(ApiError::missing_param("tax rate", rate, format!("{path}[tax_rates][0]")));
    }
    let price = match (item["price"].as_str(), item.get("price_data")) {
        (Some(id), None) => active_price(ctx, id, &below(path, "price"))?,
        (None, Some(Value::Object(data))) => prices::make(ctx, data, false, &below(path, "price_data"))?.into(),
        _ => {
            let message = "You must specify exactly one of `price` or `price_data`.";
            return Err(refused(message, below(path, "price")).code("parameter_missing"));
        }
    };
    let currency = currency.unwrap_or(text(&price, "currency")).to_owned();
    if pricing::terms(&price, &currency).is_none() {
        let message = format!("All line items must have the same currency; the price has no amount in {currency}.");
        return Err(refused(message, path));
    }
    let amount = amount(&price, &currency, quantity)?;
    let mut noted = json!({});
    merge_metadata_at(&mut noted, item.get("metadata"), &below(path, "metadata"))?;
    let product = ctx.object("product", text(&price, "product"))?;
    Ok(LineItem {
        id: crate::ids::new("li"),
        price: text(&price, "id").to_owned(),
        quantity,
        amount,
        discount: 0,
        tax: 0,
        total: amount,
        currency,
        description: text(product, "name").to_owned(),
        detail: product["description"].as_str().map(str::to_owned),
        adjustable_quantity: adjustable,
        metadata: noted["metadata"].take(),
        discounts: json!([]),
        taxes: json!([]),
    })
}

/// The amount before the customer chose anything.
fn amount(price: &Value, currency: &str, quantity: i64) -> Result<i64, ApiError> {
    let is_chosen = !price["custom_unit_amount"].is_null();
    let amount = pricing::amount(
        price,
        currency,
        quantity,
        is_chosen.then_some(0).filter(|_| pricing::terms(price, currency).and_then(pricing::preset).is_none()),
    );
    amount.ok_or_else(|| ApiError::invalid("The amount is too large.").code("amount_too_large"))
}

fn active_price(ctx: &mut Ctx<'_>, id: &str, param: &str) -> Result<Arc<Value>, ApiError> {
    let price = ctx.shared("price", id).map_err(|error| error.of_param(param))?;
    if price["active"] == false {
        return Err(refused(format!("The price specified is inactive: {id}"), param));
    }
    let product = ctx.object("product", text(&price, "product"))?;
    if product["active"] == false {
        return Err(refused("The product of the price is inactive.", param));
    }
    Ok(price)
}

/// How a customer may change a quantity: from 0 to 99 where nothing is said.
fn adjustable(given: &Value, quantity: i64, path: &str) -> Result<Value, ApiError> {
    if given.is_null() {
        return Ok(Value::Null);
    }
    let path = below(path, "adjustable_quantity");
    if given["enabled"] != true {
        return Ok(json!({"enabled": false, "maximum": null, "minimum": null}));
    }
    let least = within(&given["minimum"], 0..=QUANTITY_MAX, below(&path, "minimum"))?;
    let most = within(&given["maximum"], 1..=QUANTITY_MAX, below(&path, "maximum"))?;
    let (from, to) = (least.unwrap_or(0), most.unwrap_or(99));
    if from > to {
        return Err(refused("The maximum must not be less than the minimum.", below(&path, "maximum")));
    }
    if quantity < from {
        return Err(refused("The quantity must be at least the minimum.", below(&path, "minimum")));
    }
    if quantity > to {
        return Err(refused("The quantity must be at most the maximum.", below(&path, "maximum")));
    }
    Ok(json!({"enabled": true, "maximum": to, "minimum": from}))
}

/// The bounds within which a customer may change a quantity, if they may.
pub(crate) fn bounds(adjustable: &Value) -> Option<(i64, i64)> {
    let is_enabled = adjustable["enabled"] == true;
    is_enabled.then(|| (adjustable["minimum"].as_i64().unwrap_or(0), adjustable["maximum"].as_i64().unwrap_or(99)))
}

/// The interval of a price that recurs, and how many of it make a period.
pub(crate) fn period(price: &Value) -> Option<(String, i64)> {
    let recurring = &price["recurring"];
    Some((recurring["interval"].as_str()?.to_owned(), recurring["interval_count"].as_i64().unwrap_or(1)))
}

/// Looks at all line items together; recurring prices must have one period.
pub(crate) fn facts(ctx: &mut Ctx<'_>, items: &[LineItem]) -> Result<Facts, ApiError> {
    let mut facts = Facts { count: items.len(), ..Facts::default() };
    for (index, item) in items.iter().enumerate() {
        let price = ctx.object("price", &item.price)?;
        let path = format!("line_items[{index}]");
        if let Some(period) = period(price) {
            if facts.period.as_ref().is_some_and(|known| *known != period) {
                return Err(refused("All recurring prices must have the same billing interval.", path));
            }
            facts.period = Some(period);
        }
        if !price["custom_unit_amount"].is_null() {
            facts.is_chosen = true;
            if items.len() > 1 {
                let message = "A price that the customer chooses must be the only line item.";
                return Err(refused(message, "line_items"));
            }
            if item.quantity != 1 || bounds(&item.adjustable_quantity).is_some() {
                let message = "A price that the customer chooses has a quantity of 1.";
                return Err(refused(message, below(&path, "quantity")));
            }
        }
    }
    Ok(facts)
}

/// Optional items in the shape in which they are kept; the line items count against the limit of all.
pub(crate) fn read_optional(
    ctx: &mut Ctx<'_>,
    given: &Value,
    (currency, facts, most): (&str, &Facts, usize),
) -> Result<Value, ApiError> {
    let Some(given) = given.as_array().filter(|given| !given.is_empty()) else { return Ok(Value::Null) };
    if given.len() > OPTIONAL_MAX {
        return Err(refused(format!("You can have at most {OPTIONAL_MAX} optional items."), "optional_items"));
    }
    if given.len() + facts.count > most {
        let message = format!("You can have at most {most} line items and optional items together.");
        return Err(refused(message, "optional_items"));
    }
    let mut offers = Vec::with_capacity(given.len());
    for (index, item) in given.iter().enumerate() {
        let path = format!("optional_items[{index}]");
        let param = below(&path, "price");
        let price = active_price(ctx, text(item, "price"), &param)?;
        if pricing::terms(&price, currency).is_none() {
            return Err(refused(format!("The price has no amount in {currency}."), param));
        }
        if !price["custom_unit_amount"].is_null() {
            return Err(refused("A price that the customer chooses can't be optional.", param));
        }
        let period = period(&price);
        if period.is_some() && period != facts.period {
            let message = "A recurring price is optional only beside line items with the same billing interval.";
            return Err(refused(message, param));
        }
        let quantity = within(&item["quantity"], 1..=QUANTITY_MAX, below(&path, "quantity"))?.unwrap_or(1);
        let adjustable = adjustable(&item["adjustable_quantity"], quantity, &path)?;
        offers.push(json!({"adjustable_quantity": adjustable, "price": price["id"], "quantity": quantity}));
    }
    Ok(offers.into())
}

/// Changes the quantities of a link's line items, which is all that can change of them.
pub(crate) fn change(ctx: &mut Ctx<'_>, id: &str, changes: &[Value]) -> Result<Vec<LineItem>, ApiError> {
    let mut items = ctx.account().line_items(id).to_vec();
    for (index, change) in changes.iter().enumerate() {
        let path = format!("line_items[{index}]");
        let wanted = text(change, "id");
        let Some(item) = items.iter_mut().find(|item| item.id == wanted) else {
            return Err(ApiError::missing_param("line item", wanted, below(&path, "id")));
        };
        if let Some(quantity) = within(&change["quantity"], 1..=QUANTITY_MAX, below(&path, "quantity"))? {
            item.quantity = quantity;
        }
        if let Some(given) = change.get("adjustable_quantity") {
            item.adjustable_quantity = adjustable(given, item.quantity, &path)?;
        } else if let Some((least, most)) = bounds(&item.adjustable_quantity) {
            within(&item.quantity.into(), least.max(1)..=most, below(&path, "quantity"))?;
        }
        let price = ctx.object("price", &item.price)?.clone();
        item.amount = amount(&price, &item.currency, item.quantity)?;
        item.total = item.amount;
    }
    Ok(items)
}

/// A page of the line items of a link or session, in their own order.
pub(crate) fn list(ctx: &mut Ctx<'_>, id: &str, url: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let limit = limit(params)?;
    let items = ctx.account().line_items(id).to_vec();
    let all: Vec<Value> = items.iter().map(|item| to_json(ctx, item)).collect();
    let (data, has_more) = page(&all, params, limit)?;
    Ok(json!({"object": "list", "url": url, "has_more": has_more, "data": data}))
}

/// So many of the objects after the one named, and whether there are more.
pub(crate) fn page(all: &[Value], params: &Map<String, Value>, limit: usize) -> Result<(Vec<Value>, bool), ApiError> {
    let place = |name: &str| match params.get(name).and_then(Value::as_str) {
        None => Ok(None),
        Some(id) => match all.iter().position(|object| object["id"] == id) {
            Some(index) => Ok(Some(index)),
            None => Err(ApiError::missing_param("line item", id, name)),
        },
    };
    if let Some(before) = place("ending_before")? {
        let from = before.saturating_sub(limit);
        return Ok((all.get(from..before).unwrap_or_default().to_vec(), from > 0));
    }
    let rest = all.get(place("starting_after")?.map_or(0, |index| index + 1)..).unwrap_or_default();
    Ok((rest.iter().take(limit).cloned().collect(), rest.len() > limit))
}

fn to_json(ctx: &mut Ctx<'_>, item: &LineItem) -> Value {
    let price = ctx.account().get("price", &item.price).cloned().unwrap_or(Value::Null);
    json!({
        "id": item.id, "object": "item", "adjustable_quantity": item.adjustable_quantity, "amount_discount": item.discount,
        "amount_subtotal": item.amount, "amount_tax": item.tax, "amount_total": item.total, "currency": item.currency,
        "description": item.description, "discounts": item.discounts, "metadata": item.metadata, "price": price,
        "quantity": item.quantity, "taxes": item.taxes,
    })
}

//! Tax calculations, by the sandbox's own rates: one for each of some countries, whatever is sold there. An account is
//! registered in those countries and nowhere else, and its head office is in Sweden, so that a business elsewhere in the EU
//! that has a VAT id accounts for the tax itself.
//!
//! A kind of product that is outside of the scope of tax (`txcd_00000000`) is not taxed; all others are taxed alike. Which
//! tax codes there are is not known: one of the right form is taken.

use serde_json::{Map, Value, json};

use super::items;
use crate::check::{at_most, below, missing, not_served, refused, tax_code, texts, within};
use crate::clock::DAY;
use crate::error::ApiError;
use crate::money::{AMOUNT_MAX, check_currency};
use crate::purchase::tax::Tax;
use crate::state::{Ctx, limit, merge_metadata_at, text};

/// The kind of object, and of the collection.
const KIND: &str = "tax.calculation";
/// The most lines.
const LINES_MAX: usize = 1_000;
const QUANTITY_MAX: i64 = 999_999;
/// How long a calculation is kept, in seconds: 90 days.
const LIFETIME: i64 = 90 * DAY;
/// How far from now a date of tax may be, in seconds: 48 hours.
const TAX_DATE_DISTANCE_MAX: i64 = 2 * DAY;
/// What is not taxed anywhere.
const NONTAXABLE: &str = "txcd_00000000";
/// The kind of product of a line that names none: what Stripe's accounts begin with.
const DEFAULT_TAX_CODE: &str = "txcd_10000000";
/// Shipping.
const SHIPPING_TAX_CODE: &str = "txcd_92010001";
/// Where an account's head office is.
const HEAD_OFFICE: &str = "SE";
/// The countries whose VAT ids are those of the EU.
const MEMBER_STATES: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let given = |name: &str| params.get(name).unwrap_or(&Value::Null);
    let currency = check_currency(given("currency").as_str().unwrap_or_default(), "currency")?;
    let customer = given("customer").as_str();
    let details = details(ctx, customer, given("customer_details"))?;
    let tax_date = match given("tax_date").as_i64() {
        None => ctx.now,
        Some(at) => within(&at.into(), ctx.now - TAX_DATE_DISTANCE_MAX..=ctx.now + TAX_DATE_DISTANCE_MAX, "tax_date")?
            .unwrap_or(ctx.now),
    };
    let taxed = Taxed::of(&details);
    let wanted = given("line_items").as_array().cloned().unwrap_or_default();
    if wanted.is_empty() {
        return Err(missing("line_items"));
    }
    if wanted.len() > LINES_MAX {
        return Err(refused(format!("You can have at most {LINES_MAX} line items."), "line_items"));
    }
    let mut lines = Vec::with_capacity(wanted.len());
    let mut shares = Vec::with_capacity(wanted.len() + 1);
    for (index, line) in wanted.iter().enumerate() {
        let path = format!("line_items[{index}]");
        let (line, share) = line_item(ctx, line, (&path, index), (&taxed, &currency))?;
        if lines.iter().any(|other: &Value| other["reference"] == line["reference"]) {
            return Err(refused("The reference of each line item must be unique.", below(&path, "reference")));
        }
        lines.push(line);
        shares.push(share);
    }
    let shipping = shipping_cost(ctx, given("shipping_cost"), (&taxed, &currency), &mut shares)?;
    let ship_from = ship_from(given("ship_from_details"))?;
    let sum = |of: fn(&Share) -> i64| shares.iter().map(of).sum::<i64>();
    let added = sum(|share| if share.is_inclusive { 0 } else { share.tax });
    let id = crate::ids::new("taxcalc");
    let url = format!("/v1/tax/calculations/{id}/line_items");
    let calculation = json!({
        "id": id, "object": KIND, "amount_total": sum(|share| share.amount) + added, "currency": currency,
        "customer": customer, "customer_details": details, "expires_at": ctx.now + LIFETIME,
        // All of them are kept in it; a reader gets a page.
        "line_items": {"object": "list", "url": url, "has_more": false, "data": lines},
        "livemode": false, "ship_from_details": ship_from, "shipping_cost": shipping, "tax_amount_exclusive": added,
        "tax_amount_inclusive": sum(|share| if share.is_inclusive { share.tax } else { 0 }),
        "tax_breakdown": taxed.breakdown(&shares), "tax_date": tax_date,
    });
    Ok(first_page(&ctx.add(KIND, calculation)))
}

pub(crate) fn get(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    kept(ctx, id).map(|calculation| first_page(&calculation))
}

pub(crate) fn lines(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let limit = limit(params)?;
    let calculation = kept(ctx, id)?;
    let all = calculation["line_items"]["data"].as_array().cloned().unwrap_or_default();
    let (data, has_more) = items::page(&all, params, limit)?;
    Ok(json!({"object": "list", "url": calculation["line_items"]["url"], "has_more": has_more, "data": data}))
}

/// A calculation that has not expired.
fn kept(ctx: &mut Ctx<'_>, id: &str) -> Result<Value, ApiError> {
    let now = ctx.now;
    let calculation = ctx.object(KIND, id)?;
    if calculation["expires_at"].as_i64().is_some_and(|end| end <= now) {
        return Err(ApiError::missing(KIND, id));
    }
    Ok(calculation.clone())
}

/// The calculation with the first of its lines, as many as a page has that says no number.
fn first_page(calculation: &Value) -> Value {
    let mut shown = calculation.clone();
    if let Some(data) = shown["line_items"]["data"].as_array_mut() {
        let has_more = data.len() > 10;
        data.truncate(10);
        shown["line_items"]["has_more"] = has_more.into();
    }
    shown
}

/// What is known of the customer: what is told, over what is kept of the one that is named.
fn details(ctx: &mut Ctx<'_>, customer: Option<&str>, told: &Value) -> Result<Value, ApiError> {
    let path = "customer_details";
    let told = told.as_object().cloned().unwrap_or_default();
    not_served(&told, path, &["ip_address"])?;
    let mut details = json!({"address": null, "address_source": null, "ip_address": null, "tax_ids": [],
        "taxability_override": "none"});
    if let Some(id) = customer {
        let kept = ctx.object("customer", id).map_err(|error| error.of_param("customer"))?;
        for (source, address) in [("billing", &kept["address"]), ("shipping", &kept["shipping"]["address"])] {
            if address.is_object() {
                details["address"] = address.clone();
                details["address_source"] = source.into();
            }
        }
        details["taxability_override"] = match text(kept, "tax_exempt") {
            "exempt" => "customer_exempt".into(),
            "reverse" => "reverse_charge".into(),
            _ => "none".into(),
        };
    }
    if told.contains_key("address") && !told.contains_key("address_source") {
        return Err(missing(below(path, "address_source")));
    }
    for (name, value) in told {
        details[&name] = value;
    }
    let address = below(path, "address");
    let Some(parts) = details["address"].as_object().cloned() else {
        let message = "The customer's location isn't recognized. Set a valid customer address.";
        return Err(refused(message, address).code("customer_tax_location_invalid"));
    };
    texts(&parts, &address, &["city", "line1", "line2", "postal_code", "state"])?;
    locate(&parts, &address)?;
    for part in ["city", "country", "line1", "line2", "postal_code", "state"] {
        details["address"][part] = parts.get(part).cloned().unwrap_or_default();
    }
    for (index, id) in details["tax_ids"].as_array().into_iter().flatten().enumerate() {
        let is_id = |id: &str| (4..=30).contains(&id.len()) && id.bytes().any(|b| b.is_ascii_digit());
        let starts = text(id, "type") != "eu_vat" || member_state(text(id, "value")).is_some();
        if !is_id(text(id, "value")) || !starts {
            let param = format!("{path}[tax_ids][{index}][value]");
            return Err(refused("Invalid value for the tax ID.", param).code("tax_id_invalid"));
        }
    }
    Ok(details)
}

/// Refuses an address that does not tell by which rates it is taxed.
fn locate(address: &Map<String, Value>, path: &str) -> Result<(), ApiError> {
    let has = |name: &str| address.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let country = address.get("country").and_then(Value::as_str).unwrap_or_default();
    if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(refused("Country must be a two-letter code.", below(path, "country")).code("country_code_invalid"));
    }
    let is_found = match country {
        "US" => has("postal_code"),
        "CA" => has("postal_code") || has("state"),
        _ => true,
    };
    if is_found {
        return Ok(());
    }
    let message = "The customer's location isn't recognized. Set a valid customer address.";
    Err(refused(message, path).code("customer_tax_location_invalid"))
}

/// The member state of a VAT id of the EU. Greece writes EL, and Northern Ireland XI, which is none.
fn member_state(id: &str) -> Option<&str> {
    let prefix = id.get(..2)?;
    match prefix {
        "EL" => Some("GR"),
        "XI" => Some("XI"),
        _ => MEMBER_STATES.contains(&prefix).then_some(prefix),
    }
}

/// By what rate the customer's place taxes.
struct Taxed {
    tax: Tax,
    state: Value,
}

/// An amount and its tax.
struct Share {
    amount: i64,
    tax: i64,
    is_inclusive: bool,
    is_taxed: bool,
}

impl Share {
    /// What the tax is on.
    const fn base(&self) -> i64 {
        if self.is_inclusive { self.amount - self.tax } else { self.amount }
    }
}

impl Taxed {
    fn of(details: &Value) -> Self {
        let country = text(&details["address"], "country");
        let ids = details["tax_ids"].as_array().into_iter().flatten();
        let has_vat_id =
            ids.filter(|id| text(id, "type") == "eu_vat").any(|id| member_state(text(id, "value")) == Some(country));
        let exempt = match text(details, "taxability_override") {
            "customer_exempt" => "exempt",
            "reverse_charge" => "reverse",
            _ if has_vat_id && country != HEAD_OFFICE => "reverse",
            _ => "none",
        };
        Self { tax: Tax::of(country, exempt), state: details["address"]["state"].clone() }
    }

    fn share(&self, amount: i64, is_inclusive: bool, code: &str, currency: &str) -> Share {
        let is_taxed = code != NONTAXABLE;
        let tax = if is_taxed { self.tax.on(amount, is_inclusive, currency) } else { 0 };
        Share { amount, tax, is_inclusive, is_taxed }
    }

    fn reason(&self, is_taxed: bool) -> &'static str {
        if is_taxed { self.tax.reason } else { "not_subject_to_tax" }
    }

    /// How a line tells its tax.
    fn of_line(&self, share: &Share) -> Value {
        let rate = json!({"display_name": "VAT", "percentage_decimal": self.percentage(share), "tax_type": "vat"});
        let country = json!({"country": self.tax.country, "display_name": self.tax.name(), "level": "country",
            "state": null});
        json!([{
            "amount": share.tax, "jurisdiction": country, "sourcing": "destination",
            "tax_rate_details": if self.is_charged(share) { rate } else { Value::Null },
            "taxability_reason": self.reason(share.is_taxed),
            "taxable_amount": if self.is_charged(share) { share.base() } else { 0 },
        }])
    }

    /// How the whole tells its tax: what is inside of prices and what is added apart, and what is not taxed.
    fn breakdown(&self, shares: &[Share]) -> Value {
        let kinds = [(false, true), (true, true), (false, false), (true, false)];
        let told = kinds.into_iter().filter_map(|(is_inclusive, is_taxed)| {
            let of_kind = |share: &&Share| (share.is_inclusive, share.is_taxed) == (is_inclusive, is_taxed);
            let one = shares.iter().find(of_kind)?;
            let (tax, base) =
                shares.iter().filter(of_kind).fold((0, 0), |(tax, base), share| (tax + share.tax, base + share.base()));
            Some(json!({
                "amount": tax, "inclusive": is_inclusive,
                "tax_rate_details": {"country": self.tax.country, "flat_amount": null,
                    "percentage_decimal": self.percentage(one), "rate_type": "percentage", "state": self.state,
                    "tax_type": "vat"},
                "taxability_reason": self.reason(is_taxed),
                "taxable_amount": if self.is_charged(one) { base } else { 0 },
            }))
        });
        told.collect()
    }

    fn is_charged(&self, share: &Share) -> bool {
        share.is_taxed && self.tax.reason == "standard_rated"
    }

    fn percentage(&self, share: &Share) -> String {
        format!("{}.0", if share.is_taxed { self.tax.percent } else { 0 })
    }
}

fn line_item(
    ctx: &mut Ctx<'_>,
    line: &Value,
    (path, index): (&str, usize),
    (taxed, currency): (&Taxed, &str),
) -> Result<(Value, Share), ApiError> {
    if let Some(params) = line.as_object() {
        not_served(params, path, &["performance_location"])?;
    }
    let amount = within(&line["amount"], 0..=AMOUNT_MAX, below(path, "amount"))?.unwrap_or_default();
    let quantity = within(&line["quantity"], 1..=QUANTITY_MAX, below(path, "quantity"))?.unwrap_or(1);
    at_most(&line["reference"], 500, below(path, "reference"))?;
    tax_code(&line["tax_code"], below(path, "tax_code"))?;
    let product = match line["product"].as_str() {
        None => Value::Null,
        Some(id) => ctx.object("product", id).map_err(|error| error.of_param(below(path, "product")))?.clone(),
    };
    let code = line["tax_code"].as_str().or_else(|| product["tax_code"].as_str()).unwrap_or(DEFAULT_TAX_CODE);
    let behavior = line["tax_behavior"].as_str().unwrap_or("exclusive");
    let share = taxed.share(amount, behavior == "inclusive", code, currency);
    let mut noted = json!({});
    merge_metadata_at(&mut noted, line.get("metadata"), &below(path, "metadata"))?;
    let reference = line["reference"].as_str().map_or_else(|| format!("L{}", index + 1), str::to_owned);
    let item = json!({
        "id": crate::ids::new("tax_li"), "object": "tax.calculation_line_item", "amount": amount,
        "amount_tax": share.tax, "livemode": false, "metadata": noted["metadata"], "product": product["id"],
        "quantity": quantity, "reference": reference, "tax_behavior": behavior,
        "tax_breakdown": taxed.of_line(&share), "tax_code": code,
    });
    Ok((item, share))
}

/// What shipping costs, and the tax of it: by a rate that is named, or as it is said.
fn shipping_cost(
    ctx: &mut Ctx<'_>,
    given: &Value,
    (taxed, currency): (&Taxed, &str),
    shares: &mut Vec<Share>,
) -> Result<Value, ApiError> {
    if given.is_null() {
        return Ok(Value::Null);
    }
    let path = "shipping_cost";
    tax_code(&given["tax_code"], below(path, "tax_code"))?;
    let param = below(path, "shipping_rate");
    let (amount, is_inclusive, rate) = match (given["shipping_rate"].as_str(), given["amount"].as_i64()) {
        (Some(id), None) => {
            let rate = ctx.object("shipping_rate", id).map_err(|error| error.of_param(&param))?;
            let Some(amount) = super::shipping_rates::amount(rate, currency) else {
                return Err(refused(format!("The shipping rate has no amount in {currency}."), param));
            };
            (amount, super::shipping_rates::is_inclusive(rate, currency), rate.clone())
        }
        (None, Some(_)) => {
            let amount = within(&given["amount"], 0..=AMOUNT_MAX, below(path, "amount"))?.unwrap_or_default();
            (amount, given["tax_behavior"] == "inclusive", Value::Null)
        }
        _ => return Err(refused("You must specify exactly one of `amount` or `shipping_rate`.", path)),
    };
    let code = given["tax_code"].as_str().or_else(|| rate["tax_code"].as_str()).unwrap_or(SHIPPING_TAX_CODE);
    let share = taxed.share(amount, is_inclusive, code, currency);
    let mut told = json!({
        "amount": amount, "amount_tax": share.tax, "tax_behavior": if is_inclusive { "inclusive" } else { "exclusive" },
        "tax_breakdown": taxed.of_line(&share), "tax_code": code,
    });
    if let Some(id) = rate["id"].as_str() {
        told["shipping_rate"] = id.into();
    }
    shares.push(share);
    Ok(told)
}

/// Where goods are sent from. It changes nothing: an account's head office is where the sandbox has it.
fn ship_from(given: &Value) -> Result<Value, ApiError> {
    let Some(address) = given["address"].as_object() else { return Ok(Value::Null) };
    let path = "ship_from_details[address]";
    locate(address, path)?;
    let parts = ["city", "country", "line1", "line2", "postal_code", "state"];
    texts(address, path, &parts)?;
    let told = parts.map(|part| (part.to_owned(), address.get(part).cloned().unwrap_or_default()));
    Ok(json!({"address": Map::from_iter(told)}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Sandbox, refusal};

    const CREATE: &str = "POST /v1/tax/calculations";
    const SWEDEN: &str = "customer_details[address][country]=SE&customer_details[address_source]=billing";

    fn from(country: &str) -> String {
        SWEDEN.replace("SE", country)
    }

    fn body(lines: &str, more: &str) -> String {
        format!("currency=sek&{lines}&{more}")
    }

    #[test]
    fn lines_and_shipping_are_taxed_by_the_customers_country_and_add_up() {
        let mut sandbox = Sandbox::new();
        let lines = "line_items[0][amount]=1001&line_items[0][reference]=a\
            &line_items[1][amount]=1250&line_items[1][tax_behavior]=inclusive&line_items[1][quantity]=2\
            &line_items[2][amount]=300&line_items[2][tax_code]=txcd_00000000\
            &shipping_cost[amount]=400";
        let expand = format!("{SWEDEN}&expand[0]=line_items&expand[1]=line_items.data.tax_breakdown");
        let made = sandbox.call(CREATE, &body(lines, &expand));
        let told = |name: &str| made[name].as_i64().unwrap();
        assert_eq!(
            [told("amount_total"), told("tax_amount_exclusive"), told("tax_amount_inclusive")],
            [1_001 + 1_250 + 300 + 400 + 350, 250 + 100, 250]
        );
        let lines = made["line_items"]["data"].as_array().unwrap();
        let line = |index: usize| {
            let (line, part) = (&lines[index], &lines[index]["tax_breakdown"][0]);
            let reason = part["taxability_reason"].as_str().unwrap();
            (text(line, "reference"), line["amount_tax"].as_i64().unwrap(), part["taxable_amount"].as_i64(), reason)
        };
        assert_eq!(line(0), ("a", 250, Some(1_001), "standard_rated"));
        assert_eq!(line(1), ("L2", 250, Some(1_000), "standard_rated"));
        assert_eq!(line(2), ("L3", 0, Some(0), "not_subject_to_tax"));
        assert_eq!((&lines[0]["tax_code"], &lines[1]["quantity"]), (&json!(DEFAULT_TAX_CODE), &json!(2)));
        assert_eq!((&made["shipping_cost"]["amount_tax"], &made["ship_from_details"]), (&json!(100), &Value::Null));
        let amounts: Vec<_> = made["tax_breakdown"].as_array().unwrap().iter().map(|part| &part["amount"]).collect();
        assert_eq!(amounts, [350, 250, 0], "added, inside, and untaxed");
        // What is told only when asked is told only then.
        let read = sandbox.call_on("GET /v1/tax/calculations/{id}", &made, "expand[0]=line_items");
        assert_eq!(read["line_items"]["data"][0]["amount_tax"], 250);
        assert!(read["line_items"]["data"][0].get("tax_breakdown").is_none());
        assert!(sandbox.call_on("GET /v1/tax/calculations/{id}", &made, "").get("line_items").is_none());
    }

    #[test]
    fn who_the_customer_is_decides_whether_tax_is_charged() {
        let mut sandbox = Sandbox::new();
        let line = "line_items[0][amount]=1000&expand[0]=line_items.data.tax_breakdown";
        let vat_id =
            |id: &str| format!("customer_details[tax_ids][0][type]=eu_vat&customer_details[tax_ids][0][value]={id}");
        let overridden = |how: &str| format!("customer_details[taxability_override]={how}");
        let postal = "customer_details[address][postal_code]=94105".to_owned();
        for (country, more, tax, reason) in [
            ("DE", String::new(), 190, "standard_rated"),
            ("DE", vat_id("DE136695976"), 0, "reverse_charge"),
            ("DE", vat_id("FR40303265045"), 190, "standard_rated"),
            ("SE", vat_id("SE556703748501"), 250, "standard_rated"),
            ("SE", overridden("customer_exempt"), 0, "customer_exempt"),
            ("FR", overridden("reverse_charge"), 0, "reverse_charge"),
            ("FR", overridden("none"), 200, "standard_rated"),
            ("NO", String::new(), 0, "not_collecting"),
            ("US", postal, 0, "not_collecting"),
        ] {
            let made = sandbox.call(CREATE, &body(line, &format!("{}&{more}", from(country))));
            let line = &made["line_items"]["data"][0];
            let told = (line["amount_tax"].as_i64(), text(&line["tax_breakdown"][0], "taxability_reason"));
            assert_eq!(told, (Some(tax), reason), "{country} {more}");
            assert_eq!(line["tax_breakdown"][0]["tax_rate_details"].is_null(), tax == 0, "{country} {more}");
            assert_eq!(text(&made["tax_breakdown"][0], "taxability_reason"), reason, "{country} {more}");
        }
    }

    #[test]
    fn a_customer_that_is_kept_brings_its_address() {
        let mut sandbox = Sandbox::new();
        let customer = sandbox.call("POST /v1/customers", "address[country]=DE&tax_exempt=none");
        let named = format!("customer={}", text(&customer, "id"));
        let made = sandbox.call(CREATE, &body("line_items[0][amount]=1000", &named));
        assert_eq!(
            (&made["tax_amount_exclusive"], &made["customer_details"]["address_source"]),
            (&json!(190), &json!("billing"))
        );
        let nowhere = sandbox.call("POST /v1/customers", "tax_exempt=none");
        let named = format!("customer={}", text(&nowhere, "id"));
        let refused = sandbox.try_call(CREATE, &body("line_items[0][amount]=1000", &named));
        assert_eq!(refusal(refused), "customer_details[address]");
    }

    #[test]
    fn lines_are_told_page_by_page_and_for_ninety_days() {
        let mut sandbox = Sandbox::new();
        let lines: Vec<_> = (0..12).map(|index| format!("line_items[{index}][amount]={index}")).collect();
        let made = sandbox.call(CREATE, &body(&lines.join("&"), &format!("{SWEDEN}&expand[0]=line_items")));
        let first = made["line_items"]["data"].as_array().unwrap();
        assert_eq!((first.len(), &made["line_items"]["has_more"]), (10, &json!(true)));
        let after = format!("limit=5&starting_after={}", text(&first[9], "id"));
        let page = sandbox.call_on("GET /v1/tax/calculations/{id}/line_items", &made, &after);
        let amounts: Vec<_> = page["data"].as_array().unwrap().iter().map(|line| &line["amount"]).collect();
        assert_eq!((amounts, &page["has_more"]), (vec![&json!(10), &json!(11)], &json!(false)));
        sandbox.advance(LIFETIME);
        for operation in ["GET /v1/tax/calculations/{id}", "GET /v1/tax/calculations/{id}/line_items"] {
            assert_eq!(sandbox.try_call_on(operation, &made, "").unwrap_err().status, 404, "{operation}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_parameter() {
        let mut sandbox = Sandbox::new();
        let line = "line_items[0][amount]=1000";
        let late = format!("tax_date={}", sandbox.now() + TAX_DATE_DISTANCE_MAX + 100);
        let early = format!("tax_date={}", sandbox.now() - TAX_DATE_DISTANCE_MAX - 100);
        let us = from("US");
        for (lines, more, param) in [
            ("line_items[0][amount]=-1", SWEDEN, "line_items[0][amount]"),
            ("line_items[0][amount]=1&line_items[0][tax_code]=ebook", SWEDEN, "line_items[0][tax_code]"),
            ("line_items[0][amount]=1&line_items[0][product]=none", SWEDEN, "line_items[0][product]"),
            ("line_items[0][amount]=1&line_items[0][quantity]=0", SWEDEN, "line_items[0][quantity]"),
            ("line_items[0][quantity]=1", SWEDEN, "line_items[0][amount]"),
            (
                "line_items[0][amount]=1&line_items[0][performance_location]=x",
                SWEDEN,
                "line_items[0][performance_location]",
            ),
            (
                "line_items[0][amount]=1&line_items[0][reference]=a&line_items[1][amount]=1&line_items[1][reference]=a",
                SWEDEN,
                "line_items[1][reference]",
            ),
            ("line_items=", SWEDEN, "line_items"),
            (line, "customer=cus_none", "customer"),
            (line, "customer_details[taxability_override]=none", "customer_details[address]"),
            (line, "customer_details[address][country]=SE", "customer_details[address_source]"),
            (line, &us, "customer_details[address]"),
            (line, &format!("{SWEDEN}&{late}"), "tax_date"),
            (line, &format!("{SWEDEN}&{early}"), "tax_date"),
            (line, &format!("{SWEDEN}&shipping_cost[shipping_rate]=shr_none"), "shipping_cost[shipping_rate]"),
            (line, &format!("{SWEDEN}&shipping_cost[tax_behavior]=exclusive"), "shipping_cost"),
            (line, &format!("{SWEDEN}&metadata[a]=b"), "metadata"),
            (
                line,
                &format!(
                    "{SWEDEN}&customer_details[tax_ids][0][type]=eu_vat&customer_details[tax_ids][0][value]=123456"
                ),
                "customer_details[tax_ids][0][value]",
            ),
        ] {
            assert_eq!(refusal(sandbox.try_call(CREATE, &body(lines, more))), param, "{lines} {more}");
        }
    }

    #[test]
    fn shipping_may_be_a_rate_with_its_own_tax_behavior() {
        let mut sandbox = Sandbox::new();
        let rate = sandbox.call(
            "POST /v1/shipping_rates",
            "display_name=Post&fixed_amount[amount]=1250&fixed_amount[currency]=sek&tax_behavior=inclusive",
        );
        let shipping = format!("{SWEDEN}&shipping_cost[shipping_rate]={}", text(&rate, "id"));
        let made = sandbox.call(CREATE, &body("line_items[0][amount]=1000", &shipping));
        assert_eq!((&made["amount_total"], &made["tax_amount_inclusive"]), (&json!(2_500), &json!(250)));
        assert_eq!(made["shipping_cost"]["shipping_rate"], rate["id"]);
        assert!(made["shipping_cost"].get("tax_breakdown").is_none());
        let read = sandbox.call_on("GET /v1/tax/calculations/{id}", &made, "expand[0]=shipping_cost.tax_breakdown");
        assert_eq!(read["shipping_cost"]["tax_breakdown"][0]["taxable_amount"], 1_000);
    }
}

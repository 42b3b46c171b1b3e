//! Payment links.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::{items, options, sessions, shipping_rates};
use crate::check::{at_most, missing, refused, url, within};
use crate::error::ApiError;
use crate::money::check_total;
use crate::state::{Ctx, LineItem, copy, merge_metadata, text};

/// The most line items of a link, optional ones counted.
const ITEMS_MAX: usize = 20;
const SHIPPING_MAX: usize = 10;

pub(crate) fn create(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Arc<Value>, ApiError> {
    let items = items::read(ctx, params, ITEMS_MAX)?;
    let currency = items.first().map(|item| item.currency.clone()).unwrap_or_default();
    let token = format!("test_{}", crate::ids::random(14));
    let mut link = json!({
        "id": crate::ids::new("plink"), "object": "payment_link", "active": true,
        "after_completion": {"hosted_confirmation": {"custom_message": null}, "type": "hosted_confirmation"},
        "allow_promotion_codes": false, "application": null, "application_fee_amount": null, "application_fee_percent": null,
        "automatic_tax": {"enabled": false, "liability": null}, "billing_address_collection": "auto",
        "consent_collection": null, "currency": currency, "custom_fields": [],
        "custom_text": {"after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null},
        "customer_creation": "if_required", "inactive_message": null,
        "invoice_creation": {"enabled": false, "invoice_data": {"account_tax_ids": null, "custom_fields": null,
            "description": null, "footer": null, "issuer": null, "metadata": {}, "rendering_options": null}},
        "livemode": false, "managed_payments": null, "metadata": {}, "name_collection": null, "on_behalf_of": null,
        "optional_items": null, "payment_intent_data": null, "payment_method_collection": "always",
        "payment_method_options": null, "payment_method_types": null, "phone_number_collection": {"enabled": false},
        "restrictions": null, "shipping_address_collection": null, "shipping_options": [], "submit_type": "auto",
        "subscription_data": null, "tax_id_collection": {"enabled": false, "required": "never"}, "transfer_data": null,
        "url": format!("{}/{token}", ctx.public_url),
    });
    apply(ctx, &mut link, params, &items)?;
    let link = ctx.add_shared("payment_link", link);
    let id = text(&link, "id");
    ctx.account().set_line_items(id, items);
    ctx.publish(&token, id);
    ctx.emit_shared("payment_link.created", &link);
    Ok(link)
}

/// Changes a link. Its currency and the set of its line items stay; a refusal changes nothing.
pub(crate) fn update(ctx: &mut Ctx<'_>, id: &str, params: &Map<String, Value>) -> Result<Value, ApiError> {
    let mut link = ctx.object("payment_link", id)?.clone();
    let changes = params.get("line_items").and_then(Value::as_array).cloned().unwrap_or_default();
    let items = items::change(ctx, id, &changes)?;
    copy(&mut link, params, &["active"]);
    apply(ctx, &mut link, params, &items)?;
    ctx.replace("payment_link", &link);
    ctx.account().set_line_items(id, items);
    ctx.emit("payment_link.updated", &link);
    Ok(link)
}

fn apply(ctx: &mut Ctx<'_>, link: &mut Value, params: &Map<String, Value>, items: &[LineItem]) -> Result<(), ApiError> {
    let currency = text(link, "currency").to_owned();
    options::apply(link, params)?;
    if let Some(after) = params.get("after_completion") {
        link["after_completion"] = after_completion(after)?;
    }
    if let Some(restrictions) = params.get("restrictions") {
        link["restrictions"] = match restrictions["completed_sessions"]["limit"].as_i64() {
            None => Value::Null,
            limit => {
                let param = "restrictions[completed_sessions][limit]";
                let limit = within(&json!(limit), 1..=i64::from(i32::MAX), param)?;
                // All that were completed on the link count, those too that came before there was a limit.
                let id = text(link, "id");
                let is_completed = |it: &&Value| it["payment_link"] == id && it["status"] == "complete";
                let count = ctx.account().all("checkout.session").filter(is_completed).count();
                json!({"completed_sessions": {"count": count, "limit": limit}})
            }
        };
    }
    if let Some(given) = params.get("payment_intent_data") {
        link["payment_intent_data"] = options::payment_intent_data(given, &link["payment_intent_data"])?;
    }
    if link["payment_method_types"].as_array().is_some_and(Vec::is_empty) {
        link["payment_method_types"] = Value::Null;
    }
    for method in link["payment_method_types"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        sessions::check_played(method, "payment_method_types")?;
        if !sessions::fits_currency(method, &currency) {
            return Err(refused(format!("{method} can't be paid in {currency}."), "payment_method_types"));
        }
    }
    let optional = params.get("optional_items").unwrap_or(&link["optional_items"]).clone();
    let facts = items::facts(ctx, items)?;
    link["optional_items"] = items::read_optional(ctx, &optional, (&currency, &facts, ITEMS_MAX))?;
    let subscription = params.get("subscription_data").filter(|given| !given.is_null());
    if facts.period.is_some() || subscription.is_some() {
        // What makes subscriptions says how, also where nothing was given.
        let given = subscription.cloned().unwrap_or_else(|| json!({}));
        link["subscription_data"] = options::subscription_data(&given, &link["subscription_data"])?;
    }
    if let Some(given) = params.get("shipping_options") {
        let rates = shipping_rates::read_options(ctx, given, &currency, SHIPPING_MAX)?;
        link["shipping_options"] = shipping(ctx, &rates, &currency);
    }
    merge_metadata(link, params.get("metadata"))?;
    if facts.is_chosen {
        if !link["optional_items"].is_null() {
            let message = "A price that the customer chooses must be the only item.";
            return Err(refused(message, "optional_items"));
        }
    } else {
        check_total(items.iter().map(|item| item.amount).sum(), &currency)?;
    }
    check_mode(link, params, facts.period.is_some(), items)
}

/// What a link or session tells of its shipping rates.
pub(crate) fn shipping(ctx: &mut Ctx<'_>, rates: &[String], currency: &str) -> Value {
    let options = rates.iter().map(|id| {
        let amount = ctx.account().get("shipping_rate", id).and_then(|rate| shipping_rates::amount(rate, currency));
        json!({"shipping_amount": amount, "shipping_rate": id})
    });
    options.collect()
}

fn after_completion(given: &Value) -> Result<Value, ApiError> {
    let is_redirect = given["type"] == "redirect";
    let (wanted, other) =
        if is_redirect { ("redirect", "hosted_confirmation") } else { ("hosted_confirmation", "redirect") };
    if !given[other].is_null() {
        return Err(refused(format!("`{other}` needs `type={other}`."), format!("after_completion[{other}]")));
    }
    if is_redirect {
        if given[wanted].is_null() {
            return Err(missing("after_completion[redirect]"));
        }
        url(&given[wanted]["url"], "after_completion[redirect][url]")?;
        return Ok(json!({"redirect": {"url": given[wanted]["url"]}, "type": "redirect"}));
    }
    let message = &given[wanted]["custom_message"];
    at_most(message, 500, "after_completion[hosted_confirmation][custom_message]")?;
    Ok(json!({"hosted_confirmation": {"custom_message": message}, "type": "hosted_confirmation"}))
}

/// Options that need a recurring price, or need that there is none.
fn check_mode(
    link: &Value,
    params: &Map<String, Value>,
    is_recurring: bool,
    items: &[LineItem],
) -> Result<(), ApiError> {
    let is_given = |name: &str| params.get(name).is_some_and(|given| !given.is_null());
    let needs_recurring = ["subscription_data", "application_fee_percent"];
    let needs_once = ["payment_intent_data", "application_fee_amount"];
    for name in needs_recurring.into_iter().filter(|name| is_given(name)) {
        if !is_recurring {
            return Err(refused(format!("`{name}` needs a recurring price among the line items."), name));
        }
    }
    for name in needs_once.into_iter().filter(|name| is_given(name)) {
        if is_recurring {
            return Err(refused(format!("`{name}` can't be combined with a recurring price."), name));
        }
    }
    for (name, is_set) in [
        ("invoice_creation", link["invoice_creation"]["enabled"] == true),
        ("shipping_options", link["shipping_options"].as_array().is_some_and(|options| !options.is_empty())),
        ("customer_creation", is_given("customer_creation")),
    ] {
        if is_recurring && is_set {
            return Err(refused(format!("`{name}` can't be combined with a recurring price."), name));
        }
    }
    for (name, value) in [("payment_method_collection", "if_required"), ("submit_type", "subscribe")] {
        if !is_recurring && params.get(name).is_some_and(|given| given == value) {
            return Err(refused(format!("`{name}={value}` needs a recurring price among the line items."), name));
        }
    }
    let total: i64 = items.iter().map(|item| item.amount).sum();
    let fee = link["application_fee_amount"].as_i64().unwrap_or_default();
    let is_fixed = items.iter().all(|item| items::bounds(&item.adjustable_quantity).is_none());
    if is_fixed && total > 0 && fee > total {
        return Err(refused("The application fee can't be more than the total.", "application_fee_amount"));
    }
    Ok(())
}

pub(crate) fn list(ctx: &mut Ctx<'_>, params: &Map<String, Value>) -> Result<Value, ApiError> {
    ctx.list("payment_link", "/v1/payment_links", params, |link| {
        params.get("active").is_none_or(|active| &link["active"] == active)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{Sandbox, refusal};

    const CREATE: &str = "POST /v1/payment_links";
    const ONE: &str = "line_items[0][quantity]=1&line_items[0][price_data][currency]=sek&line_items[0][price_data][unit_amount]=10000&line_items[0][price_data][product_data][name]=Book";
    const MONTHLY: &str = "&line_items[0][price_data][recurring][interval]=month";

    fn refused(body: &str, param: &str) {
        let mut sandbox = Sandbox::new();
        assert_eq!(refusal(sandbox.try_call(CREATE, &format!("{ONE}{body}"))), param, "{body}");
    }

    #[test]
    fn an_event_keeps_the_link_as_it_was_then() {
        let mut sandbox = Sandbox::new();
        let link = sandbox.call(CREATE, ONE);
        sandbox.call_on("POST /v1/payment_links/{id}", &link, "active=false");
        let told = sandbox.call("GET /v1/events", "type=payment_link.*")["data"].clone();
        let told: Vec<_> = told.as_array().unwrap().iter().map(|event| &event["data"]["object"]).collect();
        assert_eq!(told[0]["active"], false);
        assert_eq!(*told[1], link);
    }

    #[test]
    fn options_are_held_to_stripes_limits_and_name_the_parameter() {
        let long = "a".repeat(1_201);
        let fields: String = (0..4)
            .map(|i| format!("&custom_fields[{i}][key]=k{i}&custom_fields[{i}][type]=text&custom_fields[{i}][label][type]=custom&custom_fields[{i}][label][custom]=L"))
            .collect();
        let field =
            "&custom_fields[0][key]=size&custom_fields[0][label][type]=custom&custom_fields[0][label][custom]=Size";
        for (body, param) in [
            (fields.as_str(), "custom_fields"),
            (&format!("{field}&custom_fields[0][type]=dropdown"), "custom_fields[0][dropdown][options]"),
            (
                &format!(
                    "{field}&custom_fields[0][type]=text&custom_fields[0][text][minimum_length]=9&custom_fields[0][text][maximum_length]=8"
                ),
                "custom_fields[0][text][maximum_length]",
            ),
            (
                &format!("{field}&custom_fields[0][type]=numeric&custom_fields[0][numeric][default_value]=x"),
                "custom_fields[0][numeric][default_value]",
            ),
            (&format!("&custom_text[submit][message]={long}"), "custom_text[submit][message]"),
            ("&payment_intent_data[statement_descriptor]=A*BCDE", "payment_intent_data[statement_descriptor]"),
            ("&restrictions[completed_sessions][limit]=0", "restrictions[completed_sessions][limit]"),
            ("&after_completion[type]=redirect", "after_completion[redirect]"),
            (
                "&line_items[0][adjustable_quantity][enabled]=true&line_items[0][adjustable_quantity][minimum]=2",
                "line_items[0][adjustable_quantity][minimum]",
            ),
            (
                "&line_items[0][adjustable_quantity][enabled]=true&line_items[0][adjustable_quantity][maximum]=1000000",
                "line_items[0][adjustable_quantity][maximum]",
            ),
            ("&optional_items[0][price]=price_none&optional_items[0][quantity]=1", "optional_items[0][price]"),
            ("&shipping_options[0][shipping_rate]=shr_none", "shipping_options[0][shipping_rate]"),
            ("&application_fee_amount=10001", "application_fee_amount"),
            ("&transfer_data[destination]=me", "transfer_data[destination]"),
            ("&payment_method_types[0]=sepa_debit", "payment_method_types"),
            ("&payment_method_types[0]=klarna", "payment_method_types"),
        ] {
            refused(body, param);
        }
    }

    #[test]
    fn options_of_subscriptions_and_of_single_payments_exclude_each_other() {
        for (body, param) in [
            ("&subscription_data[trial_period_days]=7", "subscription_data"),
            ("&application_fee_percent=5", "application_fee_percent"),
            ("&payment_method_collection=if_required", "payment_method_collection"),
            ("&submit_type=subscribe", "submit_type"),
        ] {
            refused(body, param);
            let mut sandbox = Sandbox::new();
            sandbox.call(CREATE, &format!("{ONE}{MONTHLY}{body}"));
        }
        for (body, param) in [
            ("&payment_intent_data[description]=x", "payment_intent_data"),
            ("&application_fee_amount=5", "application_fee_amount"),
            ("&invoice_creation[enabled]=true", "invoice_creation"),
            ("&customer_creation=always", "customer_creation"),
        ] {
            refused(&format!("{MONTHLY}{body}"), param);
            let mut sandbox = Sandbox::new();
            sandbox.call(CREATE, &format!("{ONE}{body}"));
        }
        refused(&format!("{MONTHLY}&subscription_data[trial_period_days]=0"), "subscription_data[trial_period_days]");
    }

    #[test]
    fn a_customers_choice_stands_alone() {
        let mut sandbox = Sandbox::new();
        let price = sandbox.call(
            "POST /v1/prices",
            "currency=sek&product_data[name]=Gift&custom_unit_amount[enabled]=true&custom_unit_amount[minimum]=500",
        );
        let id = price["id"].as_str().unwrap();
        let link = sandbox.call(CREATE, &format!("line_items[0][price]={id}&line_items[0][quantity]=1"));
        assert_eq!(link["currency"], "sek");
        let two = format!("line_items[0][price]={id}&line_items[0][quantity]=2");
        assert_eq!(refusal(sandbox.try_call(CREATE, &two)), "line_items[0][quantity]");
        let beside = format!("{ONE}&line_items[1][price]={id}&line_items[1][quantity]=1");
        assert_eq!(refusal(sandbox.try_call(CREATE, &beside)), "line_items");
    }

    #[test]
    fn an_update_merges_and_one_that_is_refused_changes_nothing() {
        let mut sandbox = Sandbox::new();
        let link =
            sandbox.call(CREATE, &format!("{ONE}&custom_text[submit][message]=Hej&payment_intent_data[description]=A"));
        let update = "POST /v1/payment_links/{id}";
        let changed = sandbox.call_on(
            update,
            &link,
            "custom_text[after_submit][message]=Tack&payment_intent_data[statement_descriptor]=BOOKS",
        );
        assert_eq!(changed["custom_text"]["submit"]["message"], "Hej");
        assert_eq!(changed["payment_intent_data"]["description"], "A");
        assert_eq!(changed["payment_intent_data"]["statement_descriptor"], "BOOKS");
        let item = sandbox.call_on("GET /v1/payment_links/{id}/line_items", &link, "")["data"][0]["id"].clone();
        let item = item.as_str().unwrap();
        let bad =
            format!("line_items[0][id]={item}&line_items[0][quantity]=5&restrictions[completed_sessions][limit]=0");
        assert_eq!(refusal(sandbox.try_call_on(update, &link, &bad)), "restrictions[completed_sessions][limit]");
        let items = sandbox.call_on("GET /v1/payment_links/{id}/line_items", &link, "");
        assert_eq!(items["data"][0]["quantity"], 1);
        assert_eq!(refusal(sandbox.try_call_on(update, &link, "currency=eur")), "currency");
        assert_eq!(refusal(sandbox.try_call_on(update, &link, "line_items[0][id]=li_none")), "line_items[0][id]");
    }

    #[test]
    fn a_recurring_price_is_optional_only_beside_its_like() {
        let mut sandbox = Sandbox::new();
        let price = sandbox.call(
            "POST /v1/prices",
            "currency=sek&unit_amount=500&product_data[name]=Support&recurring[interval]=month",
        );
        let optional =
            format!("&optional_items[0][quantity]=1&optional_items[0][price]={}", price["id"].as_str().unwrap());
        sandbox.call(CREATE, &format!("{ONE}{MONTHLY}{optional}"));
        for other in ["", "&line_items[0][price_data][recurring][interval]=year"] {
            let error = sandbox.try_call(CREATE, &format!("{ONE}{other}{optional}"));
            assert_eq!(refusal(error), "optional_items[0][price]", "{other}");
        }
    }

    #[test]
    fn a_link_that_is_refused_leaves_nothing_behind() {
        let mut sandbox = Sandbox::new();
        assert!(sandbox.try_call(CREATE, &format!("{ONE}&submit_type=subscribe")).is_err());
        assert!(sandbox.events().is_empty());
        assert!(sandbox.call("GET /v1/prices", "")["data"].as_array().unwrap().is_empty());
    }

    #[test]
    fn a_link_sells_in_one_currency_of_its_prices() {
        let mut sandbox = Sandbox::new();
        let price = sandbox.call(
            "POST /v1/prices",
            "currency=sek&unit_amount=10000&product_data[name]=Book&currency_options[eur][unit_amount]=900",
        );
        let items = format!("line_items[0][price]={}&line_items[0][quantity]=2", price["id"].as_str().unwrap());
        let link = sandbox.call(CREATE, &format!("{items}&currency=eur"));
        let retrieved = sandbox.call_on("GET /v1/payment_links/{id}", &link, "expand[]=line_items");
        assert_eq!(
            (&retrieved["currency"], &retrieved["line_items"]["data"][0]["amount_total"]),
            (&json!("eur"), &json!(1_800))
        );
        assert_eq!(refusal(sandbox.try_call(CREATE, &format!("{items}&currency=usd"))), "line_items[0]");
        let rate = sandbox
            .call("POST /v1/shipping_rates", "display_name=Post&fixed_amount[amount]=1&fixed_amount[currency]=sek");
        let shipping =
            format!("{items}&currency=eur&shipping_options[0][shipping_rate]={}", rate["id"].as_str().unwrap());
        assert_eq!(refusal(sandbox.try_call(CREATE, &shipping)), "shipping_options[0][shipping_rate]");
    }

    #[test]
    fn metadata_of_what_a_link_makes_are_declared_and_its_own_are_merged() {
        let mut sandbox = Sandbox::new();
        for (data, more) in [("subscription_data", MONTHLY), ("payment_intent_data", "")] {
            let pairs = format!("&{data}[metadata][a]=1&{data}[metadata][b]=2&metadata[a]=1");
            let link = sandbox.call(CREATE, &format!("{ONE}{more}{pairs}"));
            let mut update = |body: &str| sandbox.call_on("POST /v1/payment_links/{id}", &link, body);
            let changed = update(&format!("{data}[metadata][b]=3&metadata[b]=3"));
            assert_eq!(changed[data]["metadata"], json!({"b": "3"}));
            assert_eq!(changed["metadata"], json!({"a": "1", "b": "3"}));
            assert_eq!(update("metadata[c]=4")[data]["metadata"], json!({"b": "3"}), "what is not said at all stays");
            assert_eq!(update(&format!("{data}[metadata]="))[data]["metadata"], json!({}));
        }
    }

    #[test]
    fn shapes_are_stripes() {
        let mut sandbox = Sandbox::new();
        let body = "&custom_fields[0][key]=size&custom_fields[0][label][type]=custom&custom_fields[0][label][custom]=Size&custom_fields[0][type]=dropdown&custom_fields[0][dropdown][options][0][label]=Small&custom_fields[0][dropdown][options][0][value]=s&name_collection[individual][enabled]=true&automatic_tax[enabled]=true&line_items[0][adjustable_quantity][enabled]=true";
        let link = sandbox.call(CREATE, &format!("{ONE}{body}"));
        assert_eq!(
            link["custom_fields"][0],
            json!({"dropdown": {"default_value": null, "options": [{"label": "Small", "value": "s"}]},
            "key": "size", "label": {"custom": "Size", "type": "custom"}, "numeric": null, "optional": false, "text": null, "type": "dropdown"})
        );
        assert_eq!(link["name_collection"], json!({"individual": {"enabled": true, "optional": false}}));
        assert_eq!(link["automatic_tax"], json!({"enabled": true, "liability": {"type": "self"}}));
        let items = sandbox.call_on("GET /v1/payment_links/{id}/line_items", &link, "expand[]=data.price.product");
        let item = &items["data"][0];
        assert_eq!(item["adjustable_quantity"], json!({"enabled": true, "maximum": 99, "minimum": 0}));
        assert_eq!(item["price"]["product"]["name"], "Book");
        assert_eq!(item["price"].get("currency_options"), None::<&Value>);
    }
}

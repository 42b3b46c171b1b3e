//! The options that links and sessions share: checked against Stripe's limits, and told in its shapes.

use serde_json::{Map, Value, json};

use crate::check::{at_most, below, missing, not_served, percentage, refused, statement_descriptor, texts, within};
use crate::error::ApiError;
use crate::money::AMOUNT_MAX;
use crate::state::{copy, merge_metadata_at, text};

const FIELDS_MAX: usize = 3;
const DROPDOWN_MAX: usize = 200;
/// The longest value of a custom field.
pub(crate) const FIELD_VALUE_MAX: i64 = 255;
const MESSAGE_MAX: usize = 1_200;
const INVOICE_FIELDS_MAX: usize = 4;

/// Options that are told as they came.
const PLAIN: [&str; 12] = [
    "allow_promotion_codes",
    "billing_address_collection",
    "customer_creation",
    "inactive_message",
    "managed_payments",
    "on_behalf_of",
    "payment_method_collection",
    "payment_method_options",
    "payment_method_types",
    "phone_number_collection",
    "shipping_address_collection",
    "submit_type",
];

/// Puts the options that a request gives onto a link or session.
pub(crate) fn apply(object: &mut Value, params: &Map<String, Value>) -> Result<(), ApiError> {
    copy(object, params, &PLAIN);
    at_most(&object["inactive_message"], 500, "inactive_message")?;
    let mut set = |name: &str, tell: &dyn Fn(&Value, &Value) -> Result<Value, ApiError>| -> Result<(), ApiError> {
        if let Some(given) = params.get(name) {
            let rendered = if given.is_null() { Value::Null } else { tell(given, &object[name])? };
            object[name] = rendered;
        }
        Ok(())
    };
    set("automatic_tax", &|given, _| automatic_tax(given))?;
    set("consent_collection", &|given, _| {
        Ok(json!({"payment_method_reuse_agreement": given["payment_method_reuse_agreement"],
            "promotions": given["promotions"], "terms_of_service": given["terms_of_service"]}))
    })?;
    set("custom_text", &custom_text)?;
    set("invoice_creation", &|given, _| invoice_creation(given))?;
    set("name_collection", &|given, _| Ok(name_collection(given)))?;
    set("tax_id_collection", &|given, _| {
        let required = given["required"].as_str().unwrap_or("never");
        Ok(json!({"enabled": given["enabled"], "required": required}))
    })?;
    set("transfer_data", &|given, _| transfer_data(given, "transfer_data"))?;
    set("application_fee_amount", &|given, _| {
        Ok(within(given, 0..=AMOUNT_MAX, "application_fee_amount")?.map_or(Value::Null, Value::from))
    })?;
    set("application_fee_percent", &|given, _| {
        Ok(percentage(given, false, "application_fee_percent")?.unwrap_or(Value::Null))
    })?;
    if let Some(given) = params.get("custom_fields") {
        object["custom_fields"] = custom_fields(given)?;
    }
    if let Some(countries) = params.get("shipping_address_collection")
        && countries["allowed_countries"].as_array().is_some_and(Vec::is_empty)
    {
        return Err(missing("shipping_address_collection[allowed_countries]"));
    }
    Ok(())
}

fn automatic_tax(given: &Value) -> Result<Value, ApiError> {
    let enabled = given["enabled"] == true;
    let liability = match &given["liability"] {
        Value::Null if enabled => json!({"type": "self"}),
        Value::Null => Value::Null,
        liability => issuer(liability, "automatic_tax[liability]")?,
    };
    Ok(json!({"enabled": enabled, "liability": liability}))
}

fn issuer(given: &Value, path: &str) -> Result<Value, ApiError> {
    if given["type"] == "account" && given["account"].is_null() {
        return Err(missing(below(path, "account")));
    }
    Ok(given.clone())
}

fn name_collection(given: &Value) -> Value {
    let mut rendered = json!({});
    for kind in ["business", "individual"] {
        if given[kind].is_object() {
            let optional = given[kind]["optional"] == true;
            rendered[kind] = json!({"enabled": given[kind]["enabled"], "optional": optional});
        }
    }
    rendered
}

/// Money that goes on to another account.
pub(crate) fn transfer_data(given: &Value, path: &str) -> Result<Value, ApiError> {
    let destination = text(given, "destination");
    if !destination.starts_with("acct_") {
        return Err(ApiError::missing_param("destination", destination, below(path, "destination")));
    }
    let amount = within(&given["amount"], 1..=AMOUNT_MAX, below(path, "amount"))?;
    Ok(json!({"amount": amount, "destination": destination}))
}

fn custom_text(given: &Value, before: &Value) -> Result<Value, ApiError> {
    let mut rendered = json!({"after_submit": null, "shipping_address": null, "submit": null,
        "terms_of_service_acceptance": null});
    for (place, rendered) in rendered.as_object_mut().into_iter().flatten() {
        match given.get(place) {
            Some(given) => {
                at_most(&given["message"], MESSAGE_MAX, format!("custom_text[{place}][message]"))?;
                *rendered = given.clone();
            }
            None => *rendered = before[place].clone(),
        }
    }
    Ok(rendered)
}

/// The fields that a merchant adds to the page.
fn custom_fields(given: &Value) -> Result<Value, ApiError> {
    let given = given.as_array().map(Vec::as_slice).unwrap_or_default();
    if given.len() > FIELDS_MAX {
        return Err(refused(format!("You can have at most {FIELDS_MAX} custom fields."), "custom_fields"));
    }
    let mut rendered: Vec<Value> = Vec::with_capacity(given.len());
    for (index, field) in given.iter().enumerate() {
        let path = format!("custom_fields[{index}]");
        let key = text(field, "key");
        if key.len() > 200 || !key.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let message = "A custom field's key must be alphanumeric, and have at most 200 characters.";
            return Err(refused(message, below(&path, "key")));
        }
        if rendered.iter().any(|known| known["key"] == key) {
            return Err(refused("The keys of custom fields must be unique.", below(&path, "key")));
        }
        at_most(&field["label"]["custom"], 100, below(&path, "label][custom"))?;
        let kind = text(field, "type");
        for other in ["dropdown", "numeric", "text"] {
            if other != kind && !field[other].is_null() {
                return Err(refused(format!("`{other}` needs `type={other}`."), below(&path, other)));
            }
        }
        let mut rendered_field = json!({"dropdown": null, "key": key, "label": field["label"], "numeric": null,
            "optional": field["optional"] == true, "text": null, "type": kind});
        let path = below(&path, kind);
        rendered_field[kind] =
            if kind == "dropdown" { dropdown(&field[kind], &path)? } else { entry(&field[kind], kind, &path)? };
        rendered.push(rendered_field);
    }
    Ok(rendered.into())
}

fn dropdown(given: &Value, path: &str) -> Result<Value, ApiError> {
    let param = below(path, "options");
    let options = given["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    if options.is_empty() {
        return Err(missing(param));
    }
    if options.len() > DROPDOWN_MAX {
        return Err(refused(format!("A dropdown can have at most {DROPDOWN_MAX} options."), param));
    }
    for (index, option) in options.iter().enumerate() {
        let path = format!("{param}[{index}]");
        at_most(&option["label"], 100, below(&path, "label"))?;
        at_most(&option["value"], 100, below(&path, "value"))?;
        let value = text(option, "value");
        if !value.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(refused("An option's value must be alphanumeric.", below(&path, "value")));
        }
        if options.iter().take(index).any(|known| known["value"] == value) {
            return Err(refused("The values of options must be unique.", below(&path, "value")));
        }
    }
    let default = &given["default_value"];
    if default.is_string() && !options.iter().any(|option| &option["value"] == default) {
        return Err(refused("The default value must be one of the options.", below(path, "default_value")));
    }
    Ok(json!({"default_value": default, "options": options}))
}

fn entry(given: &Value, kind: &str, path: &str) -> Result<Value, ApiError> {
    let length = |name: &str| within(&given[name], 1..=FIELD_VALUE_MAX, below(path, name));
    let (least, most) = (length("minimum_length")?, length("maximum_length")?);
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        let message = "The maximum length must not be less than the minimum length.";
        return Err(refused(message, below(path, "maximum_length")));
    }
    let default = &given["default_value"];
    if let Some(value) = default.as_str() {
        let length = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
        let fits = length <= most.unwrap_or(FIELD_VALUE_MAX)
            && length >= least.unwrap_or(0)
            && (kind == "text" || value.bytes().all(|b| b.is_ascii_digit()));
        if !fits {
            return Err(refused("The default value does not fit the field.", below(path, "default_value")));
        }
    }
    Ok(json!({"default_value": default, "maximum_length": most, "minimum_length": least}))
}

fn invoice_creation(given: &Value) -> Result<Value, ApiError> {
    let path = "invoice_creation[invoice_data]";
    let data = &given["invoice_data"];
    let mut rendered = json!({"account_tax_ids": null, "custom_fields": null, "description": null, "footer": null,
        "issuer": null, "metadata": {}, "rendering_options": null});
    if let Some(data) = data.as_object() {
        invoice_fields(data, path)?;
        let names = ["account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options"];
        copy(&mut rendered, data, &names);
        merge_metadata_at(&mut rendered, data.get("metadata"), &below(path, "metadata"))?;
    }
    Ok(json!({"enabled": given["enabled"], "invoice_data": rendered}))
}

fn invoice_fields(data: &Map<String, Value>, path: &str) -> Result<(), ApiError> {
    texts(data, path, &["footer"])?;
    at_most(data.get("description").unwrap_or(&Value::Null), 1_500, below(path, "description"))?;
    let fields = data.get("custom_fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if fields.len() > INVOICE_FIELDS_MAX {
        let message = format!("An invoice can have at most {INVOICE_FIELDS_MAX} custom fields.");
        return Err(refused(message, below(path, "custom_fields")));
    }
    fields.iter().enumerate().try_for_each(|(index, field)| {
        let path = format!("{}[{index}]", below(path, "custom_fields"));
        at_most(&field["name"], 40, below(&path, "name"))?;
        at_most(&field["value"], 140, below(&path, "value"))
    })
}

/// What a link or session says of the payment intents that it makes.
pub(crate) fn payment_intent_data(given: &Value, before: &Value) -> Result<Value, ApiError> {
    let path = "payment_intent_data";
    let mut rendered = json!({"capture_method": null, "description": null, "metadata": {}, "setup_future_usage": null,
        "statement_descriptor": null, "statement_descriptor_suffix": null, "transfer_group": null});
    if let Some(before) = before.as_object() {
        rendered = before.clone().into();
    }
    let Some(given) = given.as_object() else { return Ok(Value::Null) };
    let value = |name: &str| given.get(name).unwrap_or(&Value::Null);
    at_most(value("description"), 1_000, below(path, "description"))?;
    statement_descriptor(value("statement_descriptor"), 5, &below(path, "statement_descriptor"))?;
    statement_descriptor(value("statement_descriptor_suffix"), 1, &below(path, "statement_descriptor_suffix"))?;
    texts(given, path, &["transfer_group"])?;
    let names = [
        "capture_method",
        "description",
        "setup_future_usage",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
    ];
    copy(&mut rendered, given, &names);
    // These a session has, and a link has elsewhere.
    copy(&mut rendered, given, &["on_behalf_of", "receipt_email", "shipping"]);
    if let Some(fee) = within(value("application_fee_amount"), 0..=AMOUNT_MAX, below(path, "application_fee_amount"))? {
        rendered["application_fee_amount"] = fee.into();
    }
    if value("transfer_data").is_object() {
        rendered["transfer_data"] = transfer_data(value("transfer_data"), &below(path, "transfer_data"))?;
    }
    declare_metadata(&mut rendered, given, path)?;
    Ok(rendered)
}

/// Metadata of what a link makes are declared: unlike a link's own, those that are not said again are gone. See
/// `subscription_data[metadata]` at <https://docs.stripe.com/api/payment-link/update>.
fn declare_metadata(rendered: &mut Value, given: &Map<String, Value>, path: &str) -> Result<(), ApiError> {
    if given.contains_key("metadata") {
        rendered["metadata"] = json!({});
    }
    merge_metadata_at(rendered, given.get("metadata"), &below(path, "metadata"))
}

/// What the sandbox has no use for: its subscriptions begin with their first payment or trial, and prorate nothing.
const SUBSCRIPTION_NOT_SERVED: [&str; 6] = [
    "billing_cycle_anchor",
    "billing_cycle_anchor_config",
    "billing_mode",
    "default_tax_rates",
    "pending_invoice_item_interval",
    "proration_behavior",
];

/// What a link or session says of the subscriptions that it makes.
pub(crate) fn subscription_data(given: &Value, before: &Value) -> Result<Value, ApiError> {
    let path = "subscription_data";
    let mut rendered = json!({"description": null, "invoice_settings": {"issuer": {"type": "self"}}, "metadata": {},
        "trial_period_days": null, "trial_settings": null});
    if let Some(before) = before.as_object() {
        rendered = before.clone().into();
    }
    let Some(given) = given.as_object() else { return Ok(Value::Null) };
    let value = |name: &str| given.get(name).unwrap_or(&Value::Null);
    not_served(given, path, &SUBSCRIPTION_NOT_SERVED)?;
    at_most(value("description"), 500, below(path, "description"))?;
    within(value("trial_period_days"), 1..=730, below(path, "trial_period_days"))?;
    if let Some(settings) = value("invoice_settings").as_object() {
        invoice_fields(settings, &below(path, "invoice_settings"))?;
        let before = rendered["invoice_settings"].as_object().cloned().unwrap_or_default();
        rendered["invoice_settings"] = before.into_iter().chain(settings.clone()).collect::<Map<_, _>>().into();
    }
    copy(&mut rendered, given, &["description", "trial_period_days", "trial_settings"]);
    // These a session has alone.
    copy(&mut rendered, given, &["on_behalf_of", "trial_end"]);
    if let Some(fee) = percentage(value("application_fee_percent"), false, &below(path, "application_fee_percent"))? {
        rendered["application_fee_percent"] = fee;
    }
    if value("transfer_data").is_object() {
        let path = below(path, "transfer_data");
        let percent = percentage(&value("transfer_data")["amount_percent"], false, &below(&path, "amount_percent"))?;
        let mut transfer = transfer_data(value("transfer_data"), &path)?;
        transfer["amount_percent"] = percent.unwrap_or(Value::Null);
        rendered["transfer_data"] = transfer;
    }
    declare_metadata(&mut rendered, given, path)?;
    Ok(rendered)
}

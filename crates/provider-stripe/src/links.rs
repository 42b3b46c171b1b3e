//! Payment links: what is sent to Stripe to make and change one.
//!
//! A link's items are sent as inline prices of inline products, one of each for each item: what is stored here stays the
//! truth, and nobody's change of a price in Stripe's dashboard can change what a link asks for.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::LineItemId;
use domain::money::{Money, Quantity};
use domain::payment_link::{AfterCompletion, LineItem, LineItems, LinkTarget, PaymentLink};
use domain::ports::provider::ProviderError;
use domain::provider::Feature;

use crate::failure::segments;
use crate::form::Form;
use crate::money::{charge_to_stripe, unit_price_to_stripe};
use crate::references;

/// The most items of a link (Stripe's reference, "Create a payment link").
pub(crate) const LINE_ITEMS_MAX: u32 = 20;

/// What makes a link.
pub(crate) fn creation(link: &PaymentLink) -> Result<Form, ProviderError> {
    let mut form = Form::default();
    match &link.target {
        LinkTarget::Invoice { amount, title, .. } => push_whole(&mut form, *amount, title.as_str())?,
        LinkTarget::Items { items } => push_items(&mut form, items)?,
    }
    push_after_completion(&mut form, &link.options.after_completion);
    if let Some(message) = &link.options.inactive_message {
        form.push("inactive_message", message);
    }
    if let Some(limit) = link.options.completed_sessions_max {
        form.push("restrictions[completed_sessions][limit]", limit.get());
    }
    if link.stores_payment_method {
        push_vault(&mut form);
    }
    references::write(
        &mut form,
        &link.options.metadata,
        &[
            (references::LINK, Some(link.id.to_string())),
            (references::SELLER, Some(link.seller_id.to_string())),
            (references::INVOICE, link.invoice_id().map(|id| id.to_string())),
            (references::PAYMENT, link.payment_id.map(|id| id.to_string())),
        ],
    );
    Ok(form)
}

/// The items whose quantities differ between two states of a link, with the new ones.
pub(crate) fn changed_quantities(before: &PaymentLink, changed: &PaymentLink) -> BTreeMap<LineItemId, Quantity> {
    let (LinkTarget::Items { items: before }, LinkTarget::Items { items: changed }) = (&before.target, &changed.target)
    else {
        return BTreeMap::new();
    };
    let known: BTreeSet<_> = before.iter().map(|item| (item.id, item.quantity)).collect();
    changed.iter().map(|item| (item.id, item.quantity)).filter(|pair| !known.contains(pair)).collect()
}

/// What brings a link at Stripe from one state to another; empty where they are the same to Stripe. `items` are Stripe's
/// ids of the items whose quantities change.
pub(crate) fn update(
    before: &PaymentLink,
    changed: &PaymentLink,
    items: &BTreeMap<LineItemId, String>,
) -> Result<Form, ProviderError> {
    let mut form = Form::default();
    let quantities = changed_quantities(before, changed);
    if let (LinkTarget::Items { items }, false) = (&changed.target, quantities.is_empty()) {
        check_items(items)?;
    }
    for (index, (id, quantity)) in quantities.iter().enumerate() {
        let Some(item) = items.get(id) else {
            return Err(ProviderError::Rejected {
                field: Some("line_items".to_owned()),
                code: "LINE_ITEM_MISSING_AT_PROVIDER".to_owned(),
            });
        };
        form.push(format!("line_items[{index}][id]"), item);
        form.push(format!("line_items[{index}][quantity]"), quantity.get());
    }
    let (old, new) = (&before.options, &changed.options);
    if old.after_completion != new.after_completion {
        push_after_completion(&mut form, &new.after_completion);
    }
    if old.inactive_message != new.inactive_message {
        form.push("inactive_message", new.inactive_message.as_ref().map_or("", |message| message.as_str()));
    }
    if old.completed_sessions_max != new.completed_sessions_max {
        match new.completed_sessions_max {
            Some(limit) => form.push("restrictions[completed_sessions][limit]", limit.get()),
            None => form.push("restrictions", ""),
        }
    }
    let keys: BTreeSet<&str> = old.metadata.iter().chain(new.metadata.iter()).map(|(key, _)| key).collect();
    for key in keys.into_iter().filter(|key| old.metadata.get(key) != new.metadata.get(key)) {
        // An empty value unsets the key.
        form.push(format!("metadata[{key}]"), new.metadata.get(key).unwrap_or_default());
    }
    Ok(form)
}

/// The field of ours that a parameter of a link's came from.
pub(crate) fn field(link: &PaymentLink, param: &str) -> Option<String> {
    let is_invoice = matches!(link.target, LinkTarget::Invoice { .. });
    match segments(param).as_slice() {
        ["line_items", ..] if is_invoice => Some("amount".to_owned()),
        ["line_items", index, "quantity"] => Some(format!("line_items[{index}].quantity")),
        ["line_items", index, ..] => Some(format!("line_items[{index}]")),
        ["line_items"] => Some("line_items".to_owned()),
        ["after_completion", "redirect", ..] => Some("after_completion.redirect.url".to_owned()),
        ["after_completion", "hosted_confirmation", ..] => {
            Some("after_completion.hosted_confirmation.custom_message".to_owned())
        }
        ["after_completion", ..] => Some("after_completion".to_owned()),
        ["inactive_message"] => Some("inactive_message".to_owned()),
        ["restrictions", ..] => Some("restrictions.completed_sessions_limit".to_owned()),
        ["metadata", ..] => Some("metadata".to_owned()),
        ["customer_creation"] | ["payment_intent_data", "setup_future_usage"] => {
            Some(Feature::StoredPaymentMethods.name().to_owned())
        }
        _ => None,
    }
}

/// One line with the whole amount.
pub(crate) fn push_whole(form: &mut Form, amount: Money, title: &str) -> Result<(), ProviderError> {
    let unit_amount = charge_to_stripe(amount).map_err(|error| error.on("amount"))?;
    form.push("line_items[0][price_data][currency]", amount.currency().code().to_ascii_lowercase());
    form.push("line_items[0][price_data][product_data][name]", title);
    form.push("line_items[0][price_data][unit_amount]", unit_amount);
    form.push("line_items[0][quantity]", 1);
    Ok(())
}

/// Has Stripe keep the payment method: for a customer, which it has to make, and for charges without the customer there.
pub(crate) fn push_vault(form: &mut Form) {
    form.push("customer_creation", "always");
    form.push("payment_intent_data[setup_future_usage]", "off_session");
}

fn push_items(form: &mut Form, items: &LineItems) -> Result<(), ProviderError> {
    check_items(items)?;
    for (index, item) in items.iter().enumerate() {
        push_item(form, index, item)?;
    }
    Ok(())
}

fn push_item(form: &mut Form, index: usize, item: &LineItem) -> Result<(), ProviderError> {
    let unit = unit_price_to_stripe(item.unit_price, item.quantity)
        .map_err(|error| error.on(format!("line_items[{index}]")))?;
    let at = |name: &str| format!("line_items[{index}]{name}");
    form.push(at("[price_data][currency]"), item.unit_price.currency().code().to_ascii_lowercase());
    form.push(at("[price_data][product_data][name]"), &item.name);
    if let Some(description) = &item.description {
        form.push(at("[price_data][product_data][description]"), description);
    }
    // The product is this item's own, so its metadata tells Stripe's items apart whatever order they come in.
    form.push(at(&format!("[price_data][product_data][metadata][{}]", references::ITEM)), item.id);
    let name = if unit.scale() == 0 { "unit_amount" } else { "unit_amount_decimal" };
    form.push(at(&format!("[price_data][{name}]")), unit);
    form.push(at("[quantity]"), item.quantity.get());
    Ok(())
}

/// Checks each item and their total against what Stripe can charge.
fn check_items(items: &LineItems) -> Result<(), ProviderError> {
    for (index, item) in items.iter().enumerate() {
        unit_price_to_stripe(item.unit_price, item.quantity)
            .map_err(|error| error.on(format!("line_items[{index}]")))?;
    }
    let total = Money::sum(items.currency(), items.iter().map(LineItem::amount)).map_err(|_| {
        ProviderError::Rejected { field: Some("line_items".to_owned()), code: "AMOUNT_TOO_LARGE".to_owned() }
    })?;
    charge_to_stripe(total).map_err(|error| error.on("line_items"))?;
    Ok(())
}

fn push_after_completion(form: &mut Form, after_completion: &AfterCompletion) {
    match after_completion {
        AfterCompletion::Confirmation => form.push("after_completion[type]", "hosted_confirmation"),
        AfterCompletion::ConfirmationWithMessage { message } => {
            form.push("after_completion[type]", "hosted_confirmation");
            form.push("after_completion[hosted_confirmation][custom_message]", message);
        }
        AfterCompletion::Redirect { url } => {
            form.push("after_completion[type]", "redirect");
            form.push("after_completion[redirect][url]", url.as_str());
        }
    }
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;

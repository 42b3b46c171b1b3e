//! From the domain to Stripe's parameters, and from the names of those back to fields of ours.

use domain::checkout::CheckoutSession;
use domain::customer::Customer;
use domain::metadata::Metadata;
use domain::payment_link::{AfterCompletion, LinkTarget, PaymentLink};
use domain::ports::provider::ProviderError;
use domain::text::DisplayName;
use domain::timestamp::Timestamp;
use rust_decimal::Decimal;

use crate::amounts;
use crate::client::Params;

/// The metadata key under which a link carries our id.
pub(crate) const LINK_KEY: &str = "paylinks_link";
/// The metadata key under which a session carries our id.
pub(crate) const CHECKOUT_KEY: &str = "paylinks_checkout";
/// The shortest and the longest life of a session, in seconds: 30 minutes and 24 hours, with a minute for clocks that
/// differ.
const SESSION_SECONDS: (i64, i64) = (31 * 60, 24 * 60 * 60 - 60);

/// The parameters that make a link.
pub(crate) fn create_link(link: &PaymentLink) -> Result<Params, ProviderError> {
    let mut params = Params::new();
    match &link.target {
        LinkTarget::Invoice { amount, title, .. } => {
            let total = amounts::total(*amount, "amount")?;
            line_item(&mut params, 0, (title, None), (total.into(), &amounts::code(amount.currency())), 1);
        }
        LinkTarget::Items { items } => {
            let mut total = domain::money::Money::zero(items.currency());
            for (index, item) in items.iter().enumerate() {
                let unit = amounts::unit(item.unit_price.minor(), item.unit_price.currency());
                let description = item.description.as_ref().map(|text| text.as_str());
                let price = (unit, amounts::code(item.unit_price.currency()));
                line_item(&mut params, index, (&item.name, description), (price.0, &price.1), item.quantity.get());
                total = total.checked_add(item.amount()).map_err(|_| too_large())?;
            }
            amounts::total(total, "line_items")?;
        }
    }
    after_completion(&mut params, &link.options.after_completion);
    if let Some(message) = &link.options.inactive_message {
        push(&mut params, "inactive_message", message.as_str());
    }
    if let Some(max) = link.options.completed_sessions_max {
        push(&mut params, "restrictions[completed_sessions][limit]", max.get());
    }
    metadata(&mut params, &link.options.metadata);
    push(&mut params, &format!("metadata[{LINK_KEY}]"), link.id);
    if link.stores_payment_method {
        push(&mut params, "customer_creation", "always");
        push(&mut params, "payment_intent_data[setup_future_usage]", "off_session");
    }
    Ok(params)
}

/// The parameters that change a link; quantities are told by `items`, Stripe's ids of its items in order.
pub(crate) fn update_link(before: &PaymentLink, changed: &PaymentLink, items: &[String]) -> Params {
    let mut params = Params::new();
    let (old, new) = (&before.options, &changed.options);
    if old.after_completion != new.after_completion {
        after_completion(&mut params, &new.after_completion);
    }
    if old.inactive_message != new.inactive_message {
        // An empty text clears.
        push(&mut params, "inactive_message", new.inactive_message.as_ref().map_or("", |text| text.as_str()));
    }
    if old.completed_sessions_max != new.completed_sessions_max {
        match new.completed_sessions_max {
            Some(max) => push(&mut params, "restrictions[completed_sessions][limit]", max.get()),
            None => push(&mut params, "restrictions", ""),
        }
    }
    for (key, _) in old.metadata.iter().filter(|(key, _)| new.metadata.get(key).is_none()) {
        push(&mut params, &format!("metadata[{key}]"), "");
    }
    for (key, value) in new.metadata.iter().filter(|(key, value)| old.metadata.get(key) != Some(*value)) {
        push(&mut params, &format!("metadata[{key}]"), value);
    }
    for (index, (id, quantity)) in
        changed_quantities(before, changed).filter_map(|(i, q)| Some((items.get(i)?, q))).enumerate()
    {
        push(&mut params, &format!("line_items[{index}][id]"), id);
        push(&mut params, &format!("line_items[{index}][quantity]"), quantity);
    }
    params
}

/// The places of items whose quantity changes, with the new one.
pub(crate) fn changed_quantities<'a>(
    before: &'a PaymentLink,
    changed: &'a PaymentLink,
) -> impl Iterator<Item = (usize, u32)> + 'a {
    let quantities = |link: &'a PaymentLink| -> Vec<u32> {
        match &link.target {
            LinkTarget::Items { items } => items.iter().map(|item| item.quantity.get()).collect(),
            LinkTarget::Invoice { .. } => Vec::new(),
        }
    };
    let (old, new) = (quantities(before), quantities(changed));
    new.into_iter().enumerate().filter(move |(index, quantity)| old.get(*index) != Some(quantity))
}

/// The parameters that make a session. Its end is held to what Stripe takes, seen from `now`.
pub(crate) fn create_checkout(
    session: &CheckoutSession,
    customer: Option<&Customer>,
    now: Timestamp,
) -> Result<Params, ProviderError> {
    let mut params = Params::new();
    push(&mut params, "mode", "payment");
    let total = amounts::total(session.amount, "amount")?;
    let title = session.title.as_ref().map_or("Payment", |title| title.as_str());
    let title =
        DisplayName::parse(title).map_err(|_| ProviderError::Rejected { field: None, code: "title".to_owned() })?;
    line_item(&mut params, 0, (&title, None), (total.into(), &amounts::code(session.amount.currency())), 1);
    if let Some(url) = &session.return_url {
        push(&mut params, "success_url", url.as_str());
    }
    if let Some(url) = &session.cancel_url {
        push(&mut params, "cancel_url", url.as_str());
    }
    if let Some(locale) = &session.locale {
        push(&mut params, "locale", locale.as_str());
    }
    let (shortest, longest) = SESSION_SECONDS;
    let now = now.unix_seconds();
    push(&mut params, "expires_at", session.expires_at.unix_seconds().clamp(now + shortest, now + longest));
    metadata(&mut params, &session.metadata);
    push(&mut params, &format!("metadata[{CHECKOUT_KEY}]"), session.id);
    if let Some(customer) = customer {
        push(&mut params, "customer_creation", "always");
        push(&mut params, "payment_intent_data[setup_future_usage]", "off_session");
        if let Some(email) = &customer.profile.email {
            push(&mut params, "customer_email", email.as_str());
        }
    }
    Ok(params)
}

pub(crate) fn push(params: &mut Params, name: &str, value: impl ToString) {
    params.push((name.to_owned(), value.to_string()));
}

fn line_item(
    params: &mut Params,
    index: usize,
    (name, description): (&DisplayName, Option<&str>),
    (unit, code): (Decimal, &str),
    quantity: u32,
) {
    let at = format!("line_items[{index}]");
    push(params, &format!("{at}[price_data][currency]"), code);
    let amount = if unit.is_integer() { "unit_amount" } else { "unit_amount_decimal" };
    push(params, &format!("{at}[price_data][{amount}]"), unit.normalize());
    push(params, &format!("{at}[price_data][product_data][name]"), name.as_str());
    if let Some(description) = description {
        push(params, &format!("{at}[price_data][product_data][description]"), description);
    }
    push(params, &format!("{at}[quantity]"), quantity);
}

fn after_completion(params: &mut Params, after: &AfterCompletion) {
    match after {
        AfterCompletion::Confirmation => push(params, "after_completion[type]", "hosted_confirmation"),
        AfterCompletion::ConfirmationWithMessage { message } => {
            push(params, "after_completion[type]", "hosted_confirmation");
            push(params, "after_completion[hosted_confirmation][custom_message]", message.as_str());
        }
        AfterCompletion::Redirect { url } => {
            push(params, "after_completion[type]", "redirect");
            push(params, "after_completion[redirect][url]", url.as_str());
        }
    }
}

pub(crate) fn metadata(params: &mut Params, metadata: &Metadata) {
    for (key, value) in metadata.iter().filter(|(_, value)| !value.is_empty()) {
        push(params, &format!("metadata[{key}]"), value);
    }
}

fn too_large() -> ProviderError {
    ProviderError::Rejected { field: Some("line_items".to_owned()), code: "amount_too_large".to_owned() }
}

/// The field of ours that a parameter of Stripe's came from.
pub(crate) fn our_field(param: &str) -> Option<String> {
    let (first, rest) = param.split_once('[').unwrap_or((param, ""));
    let index = rest.split_once(']').map_or("", |(index, _)| index);
    match first {
        "line_items" if index.is_empty() => Some("line_items".to_owned()),
        "line_items" if param.contains("[quantity]") => Some(format!("line_items[{index}].quantity")),
        "line_items" => Some(format!("line_items[{index}]")),
        "metadata" => Some(format!("metadata[\"{index}\"]")),
        "success_url" => Some("return_url".to_owned()),
        "amount" | "reason" | "cancel_url" | "locale" | "expires_at" | "inactive_message" | "after_completion" => {
            Some(first.to_owned())
        }
        "restrictions" => Some("restrictions.completed_sessions_limit".to_owned()),
        _ => None,
    }
}

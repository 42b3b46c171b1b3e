//! From the domain to Stripe's parameters, and from the names of those back to fields of ours.

mod fields;
mod options;
mod prepared;
#[cfg(test)]
pub(crate) mod table;
#[cfg(test)]
mod tests;

use domain::checkout::{CheckoutMode, CheckoutSession};
use domain::customer::Customer;
use domain::metadata::Metadata;
use domain::payment_link::{
    AfterCompletion, CustomerCreation, FutureUsage, LineItem, LinkOptions, LinkTarget, PaymentLink,
};
use domain::ports::provider::ProviderError;
use domain::text::{Description, DisplayName};

use crate::amounts;
use crate::capabilities::TRANSFERS;
use crate::client::Params;

pub(crate) use self::fields::{of_one_amount, our_field, refused_in};
pub(crate) use self::prepared::{
    Prepared, check_tax_codes, create_price, create_product, create_shipping_rate, items_to_prepare, lookup_key,
    optional_items_to_prepare, price_of_lookup_key,
};
use self::prepared::{behavior_name, inline_price, tax_code};

/// The metadata key under which a link carries our id.
pub(crate) const LINK_KEY: &str = "paylinks_link";
/// The metadata key under which a session carries our id.
pub(crate) const CHECKOUT_KEY: &str = "paylinks_checkout";
/// The shortest and the longest life of a session, in seconds: 30 minutes and 24 hours, with a minute for clocks that
/// differ.
const SESSION_SECONDS: (i64, i64) = (31 * 60, 24 * 60 * 60 - 60);

/// The parameters that make a link.
pub(crate) fn create_link(link: &PaymentLink, prepared: &Prepared) -> Result<Params, ProviderError> {
    let mut params = Params::new();
    match &link.target {
        LinkTarget::Invoice { amount, title, description, .. } => {
            let total = amounts::total(*amount, "amount")?;
            flat_item(&mut params, (title, description.as_ref()), (total, &amounts::code(amount.currency())));
        }
        LinkTarget::Items { items } => {
            let mut total = domain::money::Money::zero(items.currency());
            for (index, item) in items.iter().enumerate() {
                line_item(&mut params, &format!("line_items[{index}]"), item, prepared)?;
                total = total.checked_add(item.amount()).map_err(|_| too_large())?;
            }
            // What the customer chooses, and what is free for a while, is not known here.
            if !items.is_customer_chosen() && items.recurrence().is_none() {
                amounts::total(total, "line_items")?;
            }
        }
    }
    optional_items(&mut params, &link.options.optional_items.0, prepared)?;
    shipping_options(&mut params, &prepared.shipping_rates);
    after_completion(&mut params, &link.options.after_completion);
    if let Some(message) = &link.options.inactive_message {
        push(&mut params, "inactive_message", message.as_str());
    }
    if let Some(max) = link.options.completed_sessions_max {
        push(&mut params, "restrictions[completed_sessions][limit]", max.get());
    }
    metadata(&mut params, &link.options.metadata);
    push(&mut params, &format!("metadata[{LINK_KEY}]"), link.id);
    options::create(&mut params, &options_at_provider(link), link.is_recurring().then_some(link.id))?;
    Ok(params)
}

/// The options of a link as Stripe is told them: to store a payment method, it makes a customer who keeps it.
fn options_at_provider(link: &PaymentLink) -> LinkOptions {
    let mut options = link.options.clone();
    if link.stores_payment_method {
        options.collection.customer_creation = CustomerCreation::Always;
        options.payment.future_usage = Some(FutureUsage::OffSession);
    }
    options
}

/// The parameters that change a link; items are told by `items`, Stripe's ids of its items in order.
pub(crate) fn update_link(
    before: &PaymentLink,
    changed: &PaymentLink,
    items: &[String],
    prepared: &Prepared,
) -> Result<Params, ProviderError> {
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
    options::update(&mut params, changed.id, &options_at_provider(before), &options_at_provider(changed))?;
    if old.optional_items != new.optional_items {
        if new.optional_items.0.is_empty() {
            push(&mut params, "optional_items", "");
        }
        optional_items(&mut params, &new.optional_items.0, prepared)?;
    }
    if old.shipping_options != new.shipping_options {
        if prepared.shipping_rates.is_empty() {
            push(&mut params, "shipping_options", "");
        }
        shipping_options(&mut params, &prepared.shipping_rates);
    }
    for (index, (id, item)) in
        changed_items(before, changed).filter_map(|(i, item)| Some((items.get(i)?, item))).enumerate()
    {
        push(&mut params, &format!("line_items[{index}][id]"), id);
        push(&mut params, &format!("line_items[{index}][quantity]"), item.quantity.get());
        adjustable(&mut params, &format!("line_items[{index}]"), item);
    }
    Ok(params)
}

/// The items that change, with their places.
pub(crate) fn changed_items<'a>(
    before: &'a PaymentLink,
    changed: &'a PaymentLink,
) -> impl Iterator<Item = (usize, &'a LineItem)> {
    let items = |link: &'a PaymentLink| -> Vec<&'a LineItem> {
        match &link.target {
            LinkTarget::Items { items } => items.iter().collect(),
            LinkTarget::Invoice { .. } => Vec::new(),
        }
    };
    let old = items(before);
    items(changed).into_iter().enumerate().filter(move |(index, item)| old.get(*index) != Some(item))
}

/// Countries in which an account for transfers in euro can be. In others the first of them stands.
const EURO_ACCOUNT_COUNTRIES: [&str; 6] = ["IE", "BE", "DE", "ES", "FR", "NL"];

/// The parameters that make a customer for a session that needs one beforehand.
pub(crate) fn create_customer(session: &CheckoutSession, customer: &Customer) -> Params {
    let mut params = Params::new();
    if let Some(name) = &customer.profile.name {
        push(&mut params, "name", name.as_str());
    }
    if let Some(email) = &customer.profile.email {
        push(&mut params, "email", email.as_str());
    }
    push(&mut params, &format!("metadata[{CHECKOUT_KEY}]"), session.id);
    params
}

/// The parameters that make a session. Its end is held to what Stripe takes, seen from the session's own beginning: a retry
/// under the same key must say the same. Who pays is [said](name_customer) once everything else can be.
pub(crate) fn create_checkout(session: &CheckoutSession, customer: Option<&Customer>) -> Result<Params, ProviderError> {
    let mut params = Params::new();
    let code = amounts::code(session.amount.currency());
    if session.mode == CheckoutMode::Setup {
        push(&mut params, "mode", "setup");
        push(&mut params, "currency", &code);
    } else {
        push(&mut params, "mode", "payment");
        let total = amounts::total(session.amount, "amount")?;
        let title = session.title.as_ref().map_or("Payment", |title| title.as_str());
        let title =
            DisplayName::parse(title).map_err(|_| ProviderError::Rejected { field: None, code: "title".to_owned() })?;
        flat_item(&mut params, (&title, session.description.as_ref()), (total, &code));
    }
    if session.mode == CheckoutMode::BankTransferPayment {
        bank_transfer(&mut params, session, customer)?;
    }
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
    let now = session.created_at.unix_seconds();
    push(&mut params, "expires_at", session.expires_at.unix_seconds().clamp(now + shortest, now + longest));
    metadata(&mut params, &session.metadata);
    push(&mut params, &format!("metadata[{CHECKOUT_KEY}]"), session.id);
    Ok(params)
}

/// Says who pays in a session. `customer_ref` is the customer at Stripe, where one was made for it.
pub(crate) fn name_customer(params: &mut Params, customer: Option<&Customer>, customer_ref: Option<&str>) {
    match (customer_ref, customer) {
        (Some(customer), _) => push(params, "customer", customer),
        (None, Some(customer)) => {
            push(params, "customer_creation", "always");
            push(params, "payment_intent_data[setup_future_usage]", "off_session");
            if let Some(email) = &customer.profile.email {
                push(params, "customer_email", email.as_str());
            }
        }
        (None, None) => {}
    }
}

fn bank_transfer(
    params: &mut Params,
    session: &CheckoutSession,
    customer: Option<&Customer>,
) -> Result<(), ProviderError> {
    let currency = session.amount.currency();
    let code = currency.code();
    let kind = TRANSFERS.iter().find(|(currency, _)| *currency == code).map(|(_, kind)| *kind);
    let kind = kind.ok_or(ProviderError::Unsupported { capability: "bank_transfer" })?;
    let at = "payment_method_options[customer_balance]";
    push(params, "allowed_payment_method_types[0]", "customer_balance");
    push(params, &format!("{at}[funding_type]"), "bank_transfer");
    push(params, &format!("{at}[bank_transfer][type]"), kind);
    if kind == "eu_bank_transfer" {
        let home = customer.and_then(|customer| customer.profile.address.as_ref()).map(|a| a.country.alpha2());
        let home = home.filter(|country| EURO_ACCOUNT_COUNTRIES.contains(country));
        let country = home.unwrap_or(EURO_ACCOUNT_COUNTRIES[0]);
        push(params, &format!("{at}[bank_transfer][eu_bank_transfer][country]"), country);
    }
    Ok(())
}

pub(crate) fn push(params: &mut Params, name: &str, value: impl ToString) {
    params.push((name.to_owned(), value.to_string()));
}

/// An item whose whole price is said here.
fn flat_item(
    params: &mut Params,
    (name, description): (&DisplayName, Option<&Description>),
    (total, code): (i64, &str),
) {
    push(params, "line_items[0][price_data][currency]", code);
    push(params, "line_items[0][price_data][unit_amount]", total);
    push(params, "line_items[0][price_data][product_data][name]", name.as_str());
    if let Some(description) = description {
        push(params, "line_items[0][price_data][product_data][description]", description);
    }
    push(params, "line_items[0][quantity]", 1);
}

fn line_item(params: &mut Params, at: &str, item: &LineItem, prepared: &Prepared) -> Result<(), ProviderError> {
    if let Some(unit_price) = inline_price(item) {
        let data = format!("{at}[price_data]");
        let unit = amounts::unit(unit_price, at)?;
        push(params, &format!("{data}[currency]"), amounts::code(unit_price.currency()));
        let amount = if unit.is_integer() { "unit_amount" } else { "unit_amount_decimal" };
        push(params, &format!("{data}[{amount}]"), unit.normalize());
        push(params, &format!("{data}[product_data][name]"), item.name.as_str());
        if let Some(description) = &item.description {
            push(params, &format!("{data}[product_data][description]"), description);
        }
        tax_code(params, &format!("{data}[product_data][tax_code]"), item.tax_code.as_ref());
        if let Some(behavior) = item.tax_behavior {
            push(params, &format!("{data}[tax_behavior]"), behavior_name(behavior));
        }
        if let Some(recurrence) = item.recurrence {
            push(params, &format!("{data}[recurring][interval]"), recurrence.interval().name());
            push(params, &format!("{data}[recurring][interval_count]"), recurrence.count());
        }
    } else {
        push(params, &format!("{at}[price]"), price_of(item, prepared)?);
    }
    push(params, &format!("{at}[quantity]"), item.quantity.get());
    if item.adjustable.is_some() {
        adjustable(params, at, item);
    }
    Ok(())
}

fn optional_items(params: &mut Params, items: &[LineItem], prepared: &Prepared) -> Result<(), ProviderError> {
    for (index, item) in items.iter().enumerate() {
        let at = format!("optional_items[{index}]");
        push(params, &format!("{at}[price]"), price_of(item, prepared)?);
        push(params, &format!("{at}[quantity]"), item.quantity.get());
        if item.adjustable.is_some() {
            adjustable(params, &at, item);
        }
    }
    Ok(())
}

fn shipping_options(params: &mut Params, rates: &[String]) {
    for (index, rate) in rates.iter().enumerate() {
        push(params, &format!("shipping_options[{index}][shipping_rate]"), rate);
    }
}

fn adjustable(params: &mut Params, at: &str, item: &LineItem) {
    push(params, &format!("{at}[adjustable_quantity][enabled]"), item.adjustable.is_some());
    if let Some(adjustable) = item.adjustable {
        push(params, &format!("{at}[adjustable_quantity][minimum]"), adjustable.minimum());
        push(params, &format!("{at}[adjustable_quantity][maximum]"), adjustable.maximum());
    }
}

fn price_of<'a>(item: &LineItem, prepared: &'a Prepared) -> Result<&'a str, ProviderError> {
    // Every item of `items_to_prepare` is there.
    prepared.prices.get(&item.id).map(String::as_str).ok_or(ProviderError::NotFound)
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

//! From the domain to Stripe's parameters, and from the names of those back to fields of ours.

mod options;
#[cfg(test)]
mod table;

use std::collections::BTreeMap;

use domain::catalog::{PackageRounding, PriceModel, TierEnd};
use domain::checkout::{CheckoutMode, CheckoutSession};
use domain::customer::Customer;
use domain::id::{LineItemId, PriceId};
use domain::metadata::Metadata;
use domain::money::UnitPrice;
use domain::payment_link::{
    AfterCompletion, CustomerCreation, FutureUsage, LineItem, LinkTarget, PaymentLink, ShippingOption,
};
use domain::ports::provider::ProviderError;
use domain::tax::TaxBehavior;
use domain::text::DisplayName;
use domain::timestamp::Timestamp;

use crate::amounts;
use crate::capabilities::TRANSFERS;
use crate::client::Params;

/// The metadata key under which a link carries our id.
pub(crate) const LINK_KEY: &str = "paylinks_link";
/// The metadata key under which a session carries our id.
pub(crate) const CHECKOUT_KEY: &str = "paylinks_checkout";
/// The shortest and the longest life of a session, in seconds: 30 minutes and 24 hours, with a minute for clocks that
/// differ.
const SESSION_SECONDS: (i64, i64) = (31 * 60, 24 * 60 * 60 - 60);

/// What a link names and Stripe must have before it: by the link's own items and ways to ship.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// Stripe's prices of those items that can't be said inline.
    pub(crate) prices: BTreeMap<LineItemId, String>,
    /// Stripe's shipping rates, in the link's order.
    pub(crate) shipping_rates: Vec<String>,
}

/// The items of a link whose prices Stripe must have before it: it takes inline only what is priced per unit, and no
/// optional item at all.
pub(crate) fn items_to_prepare(link: &PaymentLink) -> impl Iterator<Item = &LineItem> {
    let items: Vec<&LineItem> = match &link.target {
        LinkTarget::Items { items } => items.iter().collect(),
        LinkTarget::Invoice { .. } => Vec::new(),
    };
    let by_price = items.into_iter().filter(|item| !matches!(item.model, PriceModel::PerUnit { .. }));
    by_price.chain(&link.options.optional_items.0)
}

/// The key by which a price of an item is found again.
pub(crate) fn lookup_key(item: &LineItem) -> String {
    let currency = amounts::code(item.model.currency());
    match item.price_id {
        Some(price_id) => format!("paylinks_{price_id}_{currency}"),
        None => format!("paylinks_{}_{currency}", item.id),
    }
}

/// Our price in a key of [`lookup_key`].
pub(crate) fn price_of_lookup_key(key: &str) -> Option<PriceId> {
    let (price_id, _currency) = key.strip_prefix("paylinks_")?.rsplit_once('_')?;
    PriceId::parse(price_id).ok()
}

/// The parameters that make a price for an item.
pub(crate) fn create_price(item: &LineItem) -> Result<Params, ProviderError> {
    let mut params = Params::new();
    let currency = item.model.currency();
    let unit = |price: UnitPrice| amounts::unit(price.minor(), currency);
    push(&mut params, "currency", amounts::code(currency));
    push(&mut params, "lookup_key", lookup_key(item));
    push(&mut params, "product_data[name]", item.name.as_str());
    if let Some(code) = &item.tax_code {
        push(&mut params, "product_data[tax_code]", code.as_str());
    }
    if let Some(behavior) = item.tax_behavior {
        push(&mut params, "tax_behavior", behavior_name(behavior));
    }
    if let Some(recurrence) = item.recurrence {
        push(&mut params, "recurring[interval]", recurrence.interval().name());
        push(&mut params, "recurring[interval_count]", recurrence.count());
    }
    match &item.model {
        PriceModel::PerUnit { unit_price } => push(&mut params, "unit_amount_decimal", unit(*unit_price)),
        PriceModel::Package { package_price, size, rounding } => {
            push(&mut params, "unit_amount_decimal", unit(*package_price));
            push(&mut params, "transform_quantity[divide_by]", size.get());
            let round = match rounding {
                PackageRounding::Up => "up",
                PackageRounding::Down => "down",
            };
            push(&mut params, "transform_quantity[round]", round);
        }
        PriceModel::Graduated { tiers } | PriceModel::Volume { tiers } => {
            push(&mut params, "billing_scheme", "tiered");
            push(&mut params, "tiers_mode", item.model.kind());
            for (index, tier) in tiers.iter().enumerate() {
                let at = format!("tiers[{index}]");
                match tier.up_to {
                    TierEnd::Unit(last) => push(&mut params, &format!("{at}[up_to]"), last),
                    TierEnd::Open => push(&mut params, &format!("{at}[up_to]"), "inf"),
                }
                push(&mut params, &format!("{at}[unit_amount_decimal]"), unit(tier.unit_price));
                if !tier.flat_price.minor().is_zero() {
                    push(&mut params, &format!("{at}[flat_amount_decimal]"), unit(tier.flat_price));
                }
            }
        }
        PriceModel::CustomerChosen(chosen) => {
            push(&mut params, "custom_unit_amount[enabled]", true);
            for (name, amount) in
                [("minimum", chosen.minimum()), ("maximum", chosen.maximum()), ("preset", chosen.preset())]
            {
                if let Some(amount) = amount {
                    let amount = amounts::exact(amount, "line_items")?;
                    push(&mut params, &format!("custom_unit_amount[{name}]"), amount);
                }
            }
        }
    }
    Ok(params)
}

/// The parameters that make a shipping rate for a way to ship.
pub(crate) fn create_shipping_rate(option: &ShippingOption) -> Result<Params, ProviderError> {
    let mut params = Params::new();
    push(&mut params, "type", "fixed_amount");
    push(&mut params, "display_name", option.display_name.as_str());
    push(&mut params, "fixed_amount[amount]", amounts::exact(option.amount, "shipping_options")?);
    push(&mut params, "fixed_amount[currency]", amounts::code(option.amount.currency()));
    push(&mut params, "metadata[paylinks_shipping_rate]", option.shipping_rate_id);
    if let Some(behavior) = option.tax_behavior {
        push(&mut params, "tax_behavior", behavior_name(behavior));
    }
    if let Some(code) = &option.tax_code {
        push(&mut params, "tax_code", code.as_str());
    }
    if let Some(estimate) = option.delivery_estimate {
        for (name, bound) in [("minimum", estimate.minimum()), ("maximum", estimate.maximum())] {
            if let Some(bound) = bound {
                push(&mut params, &format!("delivery_estimate[{name}][unit]"), bound.unit().name());
                push(&mut params, &format!("delivery_estimate[{name}][value]"), bound.value());
            }
        }
    }
    Ok(params)
}

const fn behavior_name(behavior: TaxBehavior) -> &'static str {
    match behavior {
        TaxBehavior::Exclusive => "exclusive",
        TaxBehavior::Inclusive => "inclusive",
    }
}

/// The parameters that make a link.
pub(crate) fn create_link(link: &PaymentLink, prepared: &Prepared) -> Result<Params, ProviderError> {
    let mut params = Params::new();
    match &link.target {
        LinkTarget::Invoice { amount, title, .. } => {
            let total = amounts::total(*amount, "amount")?;
            flat_item(&mut params, title, (total, &amounts::code(amount.currency())));
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
    let mut said = link.options.clone();
    if link.stores_payment_method {
        said.collection.customer_creation = CustomerCreation::Always;
        said.payment.future_usage = Some(FutureUsage::OffSession);
    }
    options::create(&mut params, &said, link.is_recurring())?;
    if link.is_recurring() {
        // By this a subscription is known as ours, whoever tells of it first.
        push(&mut params, &format!("subscription_data[metadata][{LINK_KEY}]"), link.id);
    }
    Ok(params)
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
    options::update(&mut params, old, new)?;
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

/// The parameters that make a session. Its end is held to what Stripe takes, seen from `now`. `customer_ref` is the
/// customer at Stripe, where one was made for it.
pub(crate) fn create_checkout(
    session: &CheckoutSession,
    customer: Option<&Customer>,
    customer_ref: Option<&str>,
    now: Timestamp,
) -> Result<Params, ProviderError> {
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
        flat_item(&mut params, &title, (total, &code));
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
    let now = now.unix_seconds();
    push(&mut params, "expires_at", session.expires_at.unix_seconds().clamp(now + shortest, now + longest));
    metadata(&mut params, &session.metadata);
    push(&mut params, &format!("metadata[{CHECKOUT_KEY}]"), session.id);
    match (customer_ref, customer) {
        (Some(customer), _) => push(&mut params, "customer", customer),
        (None, Some(customer)) => {
            push(&mut params, "customer_creation", "always");
            push(&mut params, "payment_intent_data[setup_future_usage]", "off_session");
            if let Some(email) = &customer.profile.email {
                push(&mut params, "customer_email", email.as_str());
            }
        }
        (None, None) => {}
    }
    Ok(params)
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
fn flat_item(params: &mut Params, name: &DisplayName, (total, code): (i64, &str)) {
    push(params, "line_items[0][price_data][currency]", code);
    push(params, "line_items[0][price_data][unit_amount]", total);
    push(params, "line_items[0][price_data][product_data][name]", name.as_str());
    push(params, "line_items[0][quantity]", 1);
}

fn line_item(params: &mut Params, at: &str, item: &LineItem, prepared: &Prepared) -> Result<(), ProviderError> {
    if let PriceModel::PerUnit { unit_price } = &item.model {
        let data = format!("{at}[price_data]");
        let unit = amounts::unit(unit_price.minor(), unit_price.currency());
        push(params, &format!("{data}[currency]"), amounts::code(unit_price.currency()));
        let amount = if unit.is_integer() { "unit_amount" } else { "unit_amount_decimal" };
        push(params, &format!("{data}[{amount}]"), unit.normalize());
        push(params, &format!("{data}[product_data][name]"), item.name.as_str());
        if let Some(description) = &item.description {
            push(params, &format!("{data}[product_data][description]"), description);
        }
        if let Some(code) = &item.tax_code {
            push(params, &format!("{data}[product_data][tax_code]"), code.as_str());
        }
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
        "promotion" => Some("coupon_id".to_owned()),
        "restrictions" if param.contains("minimum_amount") => Some("minimum_amount".to_owned()),
        "restrictions" if index == "first_time_transaction" => Some("first_time_only".to_owned()),
        "amount" | "reason" | "code" | "max_redemptions" | "active" => Some(first.to_owned()),
        "cancel_url"
        | "locale"
        | "expires_at"
        | "inactive_message"
        | "after_completion"
        | "allow_promotion_codes"
        | "optional_items"
        | "shipping_options"
        | "invoice_creation"
        | "automatic_tax"
        | "managed_payments" => Some(first.to_owned()),
        "restrictions" => Some("restrictions.completed_sessions_limit".to_owned()),
        "billing_address_collection" => Some("collection.billing_address".to_owned()),
        "shipping_address_collection" => Some("collection.shipping_address".to_owned()),
        "phone_number_collection" => Some("collection.phone_number".to_owned()),
        "name_collection" => Some("collection.names".to_owned()),
        "tax_id_collection" => Some("collection.tax_id".to_owned()),
        "consent_collection" => Some("collection.consent".to_owned()),
        "custom_fields" | "custom_text" | "submit_type" | "customer_creation" => Some(format!("collection.{first}")),
        "payment_method_types" => Some("payment.method_types".to_owned()),
        "payment_method_collection" => Some("payment.method_collection".to_owned()),
        "payment_method_options" => Some("payment.blocked_card_brands".to_owned()),
        "payment_intent_data" if index.is_empty() => Some("payment".to_owned()),
        "payment_intent_data" => Some(format!("payment.{index}")),
        "application_fee_amount" | "application_fee_percent" | "on_behalf_of" => Some(format!("platform.{first}")),
        "transfer_data" => Some("platform.transfer".to_owned()),
        "subscription_data" if index.is_empty() => Some("subscription".to_owned()),
        "subscription_data" => Some(format!("subscription.{index}")),
        _ => None,
    }
}

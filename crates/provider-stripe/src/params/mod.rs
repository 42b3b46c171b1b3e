//! From the domain to Stripe's parameters, and from the names of those back to fields of ours.

mod options;
#[cfg(test)]
pub(crate) mod table;

use std::collections::BTreeMap;

use domain::catalog::{PackageRounding, PriceModel, TierEnd};
use domain::checkout::{CheckoutMode, CheckoutSession};
use domain::customer::Customer;
use domain::id::{LineItemId, PriceId};
use domain::metadata::Metadata;
use domain::money::UnitPrice;
use domain::payment_link::{
    AfterCompletion, CustomerCreation, FutureUsage, LineItem, LinkOptions, LinkTarget, PaymentLink, ShippingOption,
};
use domain::ports::provider::ProviderError;
use domain::tax::{TaxBehavior, TaxCode};
use domain::text::{Description, DisplayName};
use sha2::{Digest, Sha256};

use crate::amounts;
use crate::capabilities::TRANSFERS;
use crate::client::Params;
use crate::tax::codes::stripe_code;

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

/// The items of a link whose prices Stripe must have before it, with the link's fields for them: it takes inline only what
/// is priced per unit, and no optional item at all. A stored price is one there too, by which it is told what was bought.
pub(crate) fn items_to_prepare(link: &PaymentLink) -> impl Iterator<Item = (String, &LineItem)> {
    let items: Vec<&LineItem> = match &link.target {
        LinkTarget::Items { items } => items.iter().collect(),
        LinkTarget::Invoice { .. } => Vec::new(),
    };
    let by_price = items.into_iter().enumerate().filter(|(_, item)| inline_price(item).is_none());
    let by_price = by_price.map(|(index, item)| (format!("line_items[{index}]"), item));
    by_price.chain(optional_items_to_prepare(&link.options.optional_items.0))
}

/// The same of optional items alone.
pub(crate) fn optional_items_to_prepare(items: &[LineItem]) -> impl Iterator<Item = (String, &LineItem)> {
    items.iter().enumerate().map(|(index, item)| (format!("optional_items[{index}]"), item))
}

/// A refusal of what was prepared for a link, as one of the link's field for it: whoever makes the link knows nothing of
/// the product, price or shipping rate that Stripe refused.
pub(crate) fn refused_in(error: ProviderError, field: &str) -> ProviderError {
    match error {
        ProviderError::Rejected { code, .. } => ProviderError::Rejected { field: Some(field.to_owned()), code },
        other => other,
    }
}

/// Refuses a kind of product that Stripe has no code for where Stripe computes the tax: it would tax it as what its account
/// usually sells. Where it computes none, its code would say nothing, and [`tax_code`] leaves it out.
///
/// # Errors
/// The first such kind, as the link's field.
pub(crate) fn check_tax_codes(link: &PaymentLink) -> Result<(), ProviderError> {
    if link.options.automatic_tax.is_none() {
        return Ok(());
    }
    let items = match &link.target {
        LinkTarget::Items { items } => items.iter().collect(),
        LinkTarget::Invoice { .. } => Vec::new(),
    };
    let items = items.into_iter().map(|item| item.tax_code.as_ref()).enumerate();
    let optional = link.options.optional_items.0.iter().map(|item| item.tax_code.as_ref()).enumerate();
    let shipping = link.options.shipping_options.0.iter().map(|option| option.tax_code.as_ref()).enumerate();
    let named = |field: &'static str| move |(index, code)| (field, index, code);
    let all = items.map(named("line_items")).chain(optional.map(named("optional_items")));
    for (field, index, code) in all.chain(shipping.map(named("shipping_options"))) {
        if code.is_some_and(|code: &TaxCode| stripe_code(code).is_none()) {
            let field = Some(format!("{field}[{index}]"));
            return Err(ProviderError::Rejected { field, code: "unknown_tax_code".to_owned() });
        }
    }
    Ok(())
}

/// The price of an item that is said inline: one per unit that is stored nowhere.
const fn inline_price(item: &LineItem) -> Option<UnitPrice> {
    match (&item.model, item.price_id) {
        (PriceModel::PerUnit { unit_price }, None) => Some(*unit_price),
        _ => None,
    }
}

/// The key by which a price of an item is found again. What its product says may change, and then it is another's.
pub(crate) fn lookup_key(item: &LineItem) -> String {
    let currency = amounts::code(item.model.currency());
    let product_texts = [
        Some(item.name.as_str()),
        item.description.as_ref().map(|text| text.as_str()),
        item.tax_code.as_ref().and_then(stripe_code),
    ];
    let mut hasher = Sha256::new();
    for part in product_texts {
        hasher.update(part.unwrap_or_default().as_bytes());
        hasher.update([0]);
    }
    let product = hex::encode(&hasher.finalize()[..6]);
    match item.price_id {
        Some(price_id) => format!("paylinks_{price_id}_{currency}_{product}"),
        None => format!("paylinks_{}_{currency}_{product}", item.id),
    }
}

/// Our price in a key of [`lookup_key`].
pub(crate) fn price_of_lookup_key(key: &str) -> Option<PriceId> {
    let mut parts = key.strip_prefix("paylinks_")?.splitn(3, '_');
    PriceId::parse(&format!("{}_{}", parts.next()?, parts.next()?)).ok()
}

/// The parameters that make the product of an item's price.
pub(crate) fn create_product(item: &LineItem) -> Params {
    let mut params = Params::new();
    push(&mut params, "name", item.name.as_str());
    if let Some(description) = &item.description {
        push(&mut params, "description", description);
    }
    tax_code(&mut params, "tax_code", item.tax_code.as_ref());
    params
}

/// The parameters that make a price for an item, of its product at Stripe.
pub(crate) fn create_price(item: &LineItem, product: &str) -> Result<Params, ProviderError> {
    let mut params = Params::new();
    let currency = item.model.currency();
    let unit = |price: UnitPrice| amounts::unit(price, "line_items");
    push(&mut params, "currency", amounts::code(currency));
    push(&mut params, "lookup_key", lookup_key(item));
    push(&mut params, "product", product);
    if let Some(behavior) = item.tax_behavior {
        push(&mut params, "tax_behavior", behavior_name(behavior));
    }
    if let Some(recurrence) = item.recurrence {
        push(&mut params, "recurring[interval]", recurrence.interval().name());
        push(&mut params, "recurring[interval_count]", recurrence.count());
    }
    match &item.model {
        PriceModel::PerUnit { unit_price } => push(&mut params, "unit_amount_decimal", unit(*unit_price)?),
        PriceModel::Package { package_price, size, rounding } => {
            push(&mut params, "unit_amount_decimal", unit(*package_price)?);
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
                push(&mut params, &format!("{at}[unit_amount_decimal]"), unit(tier.unit_price)?);
                if !tier.flat_price.minor().is_zero() {
                    push(&mut params, &format!("{at}[flat_amount_decimal]"), unit(tier.flat_price)?);
                }
            }
        }
        PriceModel::CustomerChosen(chosen) => {
            push(&mut params, "custom_unit_amount[enabled]", true);
            for (name, amount) in
                [("minimum", chosen.minimum()), ("maximum", chosen.maximum()), ("preset", chosen.preset())]
            {
                if let Some(amount) = amount {
                    let amount = amounts::part(amount, "line_items")?;
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
    push(&mut params, "fixed_amount[amount]", amounts::part(option.amount, "shipping_options")?);
    push(&mut params, "fixed_amount[currency]", amounts::code(option.amount.currency()));
    push(&mut params, "metadata[paylinks_shipping_rate]", option.shipping_rate_id);
    if let Some(behavior) = option.tax_behavior {
        push(&mut params, "tax_behavior", behavior_name(behavior));
    }
    tax_code(&mut params, "tax_code", option.tax_code.as_ref());
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

/// The kind of a product, where Stripe has a code for it.
fn tax_code(params: &mut Params, name: &str, code: Option<&TaxCode>) {
    if let Some(code) = code.and_then(stripe_code) {
        push(params, name, code);
    }
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

/// The same refusal of a page for one amount: its only item is what is asked for.
pub(crate) fn of_one_amount(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Rejected { field: Some(field), code } if field.starts_with("line_items") => {
            ProviderError::Rejected { field: Some("amount".to_owned()), code }
        }
        other => other,
    }
}

/// The field of ours that a parameter of Stripe's came from.
pub(crate) fn our_field(param: &str) -> Option<String> {
    let (first, rest) = param.split_once('[').unwrap_or((param, ""));
    let index = rest.split_once(']').map_or("", |(index, _)| index);
    match first {
        "line_items" | "optional_items" | "shipping_options" if index.is_empty() => Some(first.to_owned()),
        "line_items" if param.contains("[quantity]") => Some(format!("line_items[{index}].quantity")),
        "line_items" | "optional_items" | "shipping_options" => Some(format!("{first}[{index}]")),
        "metadata" => Some(format!("metadata[\"{index}\"]")),
        "success_url" => Some("return_url".to_owned()),
        "promotion" => Some("coupon_id".to_owned()),
        "restrictions" if param.contains("minimum_amount") => Some("minimum_amount".to_owned()),
        "restrictions" if index == "first_time_transaction" => Some("first_time_only".to_owned()),
        "amount" | "reason" | "code" | "max_redemptions" | "active" => Some(first.to_owned()),
        "amount_to_capture" => Some("amount".to_owned()),
        "expires_at" => Some("expire_time".to_owned()),
        "cancel_url"
        | "locale"
        | "inactive_message"
        | "after_completion"
        | "allow_promotion_codes"
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
        // What is said of transfers follows from the mode of the checkout.
        "payment_method_options" if index == "customer_balance" => Some("mode".to_owned()),
        "payment_method_options" => Some("payment.blocked_card_brands".to_owned()),
        "payment_intent_data" if index.is_empty() => Some("payment".to_owned()),
        "payment_intent_data" => Some(format!("payment.{index}")),
        "application_fee_amount" | "application_fee_percent" | "on_behalf_of" => Some(format!("platform.{first}")),
        "transfer_data" => Some("platform.transfer".to_owned()),
        "subscription_data" if index.is_empty() => Some("subscription".to_owned()),
        "subscription_data" => match index {
            "trial_settings" => Some("subscription.trial_end".to_owned()),
            "invoice_settings" => Some("subscription.invoice".to_owned()),
            _ => Some(format!("subscription.{index}")),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::id::InvoiceId;
    use domain::payment_link::{LineItems, NewPaymentLink, OptionalItems, ShippingOptions};
    use port_contracts::fixtures::{items_link, made_link, moment, money, next_uuid, seller};

    use super::*;

    fn new(target: LinkTarget, options: LinkOptions) -> NewPaymentLink {
        NewPaymentLink {
            id: domain::id::PaymentLinkId::from_uuid(next_uuid()),
            seller_id: seller("north"),
            target,
            options,
            payment_id: None,
            stores_payment_method: false,
            provider: "stripe".parse().unwrap(),
            livemode: false,
        }
    }

    fn vaulting() -> PaymentLink {
        let target = LinkTarget::Invoice {
            invoice_id: InvoiceId::from_uuid(next_uuid()),
            amount: money(10_000),
            title: DisplayName::parse("Hosting").unwrap(),
            description: Some(Description::parse("SEK 100.00 + Moms 25% SEK 25.00").unwrap()),
        };
        let new = NewPaymentLink { stores_payment_method: true, ..new(target, LinkOptions::default()) };
        made_link(PaymentLink::creating(new, moment()), "plink_1")
    }

    #[test]
    fn a_change_of_a_link_that_stores_the_payment_method_leaves_that_as_it_is() {
        let before = vaulting();
        let fields = [domain::payment_link::LinkField::Collection, domain::payment_link::LinkField::Payment].into();
        let mut options = LinkOptions::default();
        options.collection.phone = true;
        options.payment.description = Some(Description::parse("Order 7").unwrap());
        let changes = domain::payment_link::LinkChanges { fields, options, ..Default::default() };
        let params = update_link(&before, &before.changed(&changes, moment()).unwrap(), &[], &Prepared::default());
        let encoded: BTreeMap<String, String> = params.unwrap().into_iter().collect();
        for (name, value) in
            [("customer_creation", "always"), ("payment_intent_data[setup_future_usage]", "off_session")]
        {
            assert_eq!(encoded.get(name).map(String::as_str), Some(value), "{name}");
        }
    }

    #[test]
    fn a_change_of_subscription_settings_says_all_pairs_again_with_our_link_among_them() {
        let pairs = |given: &[(&str, &str)]| {
            Metadata::parse(given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))).unwrap()
        };
        let link = vaulting();
        let mut old = LinkOptions::default();
        old.subscription.metadata = pairs(&[("plan", "basic"), ("tenant", "7")]);
        for (metadata, want) in [(pairs(&[("tenant", "7")]), vec!["tenant"]), (pairs(&[]), vec![])] {
            let mut new = old.clone();
            new.subscription.metadata = metadata;
            let mut params = Params::new();
            options::update(&mut params, link.id, &old, &new).unwrap();
            let of = |name: &str| params.iter().find(|(encoded, _)| encoded == name).map(|(_, value)| value.clone());
            assert_eq!(of("subscription_data[metadata][paylinks_link]"), Some(link.id.to_string()));
            assert_eq!(of("subscription_data[metadata][plan]"), None, "what is not said is gone");
            let encoded = |key: &&str| of(&format!("subscription_data[metadata][{key}]")).is_some();
            assert_eq!(["tenant"].into_iter().filter(encoded).collect::<Vec<_>>(), want);
        }
        old.payment.metadata = pairs(&[("order", "1")]);
        let (mut new, mut params) = (old.clone(), Params::new());
        new.payment.metadata = Metadata::default();
        options::update(&mut params, link.id, &old, &new).unwrap();
        assert!(params.contains(&("payment_intent_data[metadata]".to_owned(), String::new())), "{params:?}");
    }

    #[test]
    fn a_price_is_found_again_until_its_product_says_something_else() {
        let link = items_link(&seller("north"), None, Metadata::default());
        let item = items_to_prepare(&link).next().unwrap().1.clone();
        let key = lookup_key(&item);
        assert_eq!(price_of_lookup_key(&key), item.price_id);
        let unhashed = format!("paylinks_{}_sek", item.price_id.unwrap());
        assert_eq!(price_of_lookup_key(&unhashed), item.price_id, "those of before");
        assert_eq!(lookup_key(&LineItem { quantity: domain::money::Quantity::ONE, ..item.clone() }), key);
        for changed in [
            LineItem { name: DisplayName::parse("Other").unwrap(), ..item.clone() },
            LineItem { description: None, ..item.clone() },
            LineItem { tax_code: None, ..item.clone() },
        ] {
            assert_ne!(lookup_key(&changed), key);
        }
        assert_eq!(price_of_lookup_key(&lookup_key(&LineItem { price_id: None, ..item })), None);
    }

    #[test]
    fn a_kind_of_product_is_told_by_stripes_code_or_not_at_all() {
        let link = items_link(&seller("north"), None, Metadata::default());
        let LinkTarget::Items { items } = &link.target else { panic!("it sells items") };
        let item = items.iter().next().unwrap().clone();
        let shipping = link.options.shipping_options.0[0].clone();
        for (ours, theirs) in
            [("ebook", Some("txcd_10302000")), ("txcd_92010001", Some("txcd_92010001")), ("accommodation", None)]
        {
            let code = Some(TaxCode::parse(ours).unwrap());
            let item = LineItem { tax_code: code.clone(), adjustable: None, ..item.clone() };
            let inline = LineItem {
                model: PriceModel::PerUnit { unit_price: UnitPrice::parse(100.into(), item.model.currency()).unwrap() },
                price_id: None,
                ..item.clone()
            };
            let mut in_line = Params::new();
            line_item(&mut in_line, "line_items[0]", &inline, &Prepared::default()).unwrap();
            let option = ShippingOption { tax_code: code, ..shipping.clone() };
            for params in [create_product(&item), in_line, create_shipping_rate(&option).unwrap()] {
                let told = params.iter().find(|(name, _)| name.ends_with("tax_code") || name.ends_with("tax_code]"));
                assert_eq!(told.map(|(_, code)| code.as_str()), theirs, "{ours}");
            }
            // A price is found again by what Stripe was told of its product.
            let bare = LineItem { tax_code: None, ..item.clone() };
            assert_eq!(lookup_key(&item) == lookup_key(&bare), theirs.is_none(), "{ours}");

            let taxed = |options: LinkOptions| LinkOptions { automatic_tax: Some(Default::default()), ..options };
            let none = LinkOptions::default;
            let shipped = LinkOptions { shipping_options: ShippingOptions(vec![option]), ..none() };
            let added = LinkOptions { optional_items: OptionalItems(vec![item.clone()]), ..none() };
            for (sold, options, refused) in [
                (&item, taxed(none()), Some("line_items[0]")),
                (&bare, taxed(added), Some("optional_items[0]")),
                (&bare, taxed(shipped), Some("shipping_options[0]")),
                (&bare, taxed(none()), None),
                (&item, none(), None),
            ] {
                let items = LineItems::parse(vec![sold.clone()]).unwrap();
                let link = PaymentLink::creating(new(LinkTarget::Items { items }, options), moment());
                let field = refused.filter(|_| theirs.is_none()).map(str::to_owned);
                let unknown =
                    |field| ProviderError::Rejected { field: Some(field), code: "unknown_tax_code".to_owned() };
                assert_eq!(check_tax_codes(&link), field.map_or(Ok(()), |field| Err(unknown(field))), "{ours}");
            }
        }
    }

    #[test]
    fn parameters_of_stripes_are_told_as_fields_of_ours() {
        for (param, field) in [
            ("subscription_data[trial_settings][end_behavior]", "subscription.trial_end"),
            ("subscription_data[invoice_settings][issuer]", "subscription.invoice"),
            ("subscription_data[trial_period_days]", "subscription.trial_period_days"),
            ("expires_at", "expire_time"),
            ("amount_to_capture", "amount"),
            ("optional_items[1][quantity]", "optional_items[1]"),
            ("shipping_options", "shipping_options"),
            ("payment_method_options[customer_balance][bank_transfer][type]", "mode"),
            ("payment_method_options[card][restrictions]", "payment.blocked_card_brands"),
            ("line_items[2][price_data][unit_amount]", "line_items[2]"),
        ] {
            assert_eq!(our_field(param).as_deref(), Some(field), "{param}");
        }
        let rejected = |field: &str| ProviderError::Rejected { field: Some(field.into()), code: "c".into() };
        assert_eq!(of_one_amount(rejected("line_items[0]")), rejected("amount"));
        assert_eq!(of_one_amount(rejected("locale")), rejected("locale"));
    }
}

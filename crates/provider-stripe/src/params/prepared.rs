//! What Stripe must have before a link that names it: products, prices and shipping rates.

use std::collections::BTreeMap;

use domain::catalog::{PackageRounding, PriceModel, TierEnd};
use domain::id::{LineItemId, PriceId};
use domain::money::UnitPrice;
use domain::payment_link::{LineItem, LinkTarget, PaymentLink, ShippingOption};
use domain::ports::provider::ProviderError;
use domain::tax::{TaxBehavior, TaxCode};
use sha2::{Digest, Sha256};

use super::push;
use crate::amounts;
use crate::client::Params;
use crate::tax::codes::stripe_code;

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
pub(super) const fn inline_price(item: &LineItem) -> Option<UnitPrice> {
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
pub(super) fn tax_code(params: &mut Params, name: &str, code: Option<&TaxCode>) {
    if let Some(code) = code.and_then(stripe_code) {
        push(params, name, code);
    }
}

pub(super) const fn behavior_name(behavior: TaxBehavior) -> &'static str {
    match behavior {
        TaxBehavior::Exclusive => "exclusive",
        TaxBehavior::Inclusive => "inclusive",
    }
}

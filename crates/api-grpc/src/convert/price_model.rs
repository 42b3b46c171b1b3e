//! Prices and shipping rates, both ways.

use std::collections::BTreeMap;

use api_proto::v1;
use api_proto::v1::price_model::Model;
use domain::catalog::{
    ChosenAmount, CurrencyAmounts, CurrencyOption, DeliveryBound, DeliveryEstimate, DeliveryUnit, Interval,
    NewShippingRate, PackageRounding, PackageSize, PriceModel, Recurrence, ShippingRate, Tier, TierEnd, Tiers,
};
use domain::money::{Currency, Money, UnitPrice};
use domain::validation::{Invalid, Validator, Violations};
use rust_decimal::Decimal;

use super::input::{currency_amounts, known, tax_behavior, unit_price};
use super::output;

/// Keeps a parsed value, or notes what is wrong with it below `field`.
pub(super) fn absorbed<T>(v: &mut Validator, field: &str, parsed: Result<T, Violations>) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(violations) => {
            v.within(field, |v| v.absorb(violations));
            None
        }
    }
}

/// Exactly one of a unit price and a model.
pub(crate) fn price_model(
    v: &mut Validator,
    short: Option<&v1::UnitPrice>,
    model: Option<&v1::PriceModel>,
) -> Option<PriceModel> {
    match (short, model) {
        (Some(_), None) => unit_price(v, "unit_price", short).map(|unit_price| PriceModel::PerUnit { unit_price }),
        (None, Some(model)) => v.within("model", |v| parse_model(v, model)),
        (None, None) => {
            v.refuse("unit_price", Invalid::new("REQUIRED", "is required, unless there is a model"));
            None
        }
        (Some(_), Some(_)) => {
            v.refuse("model", Invalid::new("EXCLUSIVE", "must be absent where unit_price is given"));
            None
        }
    }
}

fn parse_model(v: &mut Validator, model: &v1::PriceModel) -> Option<PriceModel> {
    let missing = Invalid::new("REQUIRED", "must be per_unit, package, graduated, volume or customer_chosen");
    match v.check("", model.model.as_ref().ok_or(missing))? {
        Model::PerUnit(price) => {
            unit_price(v, "per_unit", Some(price)).map(|unit_price| PriceModel::PerUnit { unit_price })
        }
        Model::Package(package) => v.within("package", |v| {
            let package_price = unit_price(v, "price", package.price.as_ref());
            let size = v.check("size", PackageSize::parse(package.size));
            let rounding = match known(v, "rounding", package.rounding) {
                Some(v1::PackageRounding::Up) => Some(PackageRounding::Up),
                Some(v1::PackageRounding::Down) => Some(PackageRounding::Down),
                Some(v1::PackageRounding::Unspecified) => {
                    v.refuse("rounding", Invalid::new("REQUIRED", "must be UP or DOWN"));
                    None
                }
                None => None,
            };
            Some(PriceModel::Package { package_price: package_price?, size: size?, rounding: rounding? })
        }),
        Model::Graduated(tiered) => parse_tiers(v, "graduated", tiered).map(|tiers| PriceModel::Graduated { tiers }),
        Model::Volume(tiered) => parse_tiers(v, "volume", tiered).map(|tiers| PriceModel::Volume { tiers }),
        Model::CustomerChosen(chosen) => v.within("customer_chosen", |v| {
            let currency = v.check("currency_code", Currency::parse(&chosen.currency_code));
            let probe = currency.or_else(|| Currency::parse("EUR").ok())?;
            let parsed = ChosenAmount::parse(probe, chosen.minimum, chosen.maximum, chosen.preset);
            absorbed(v, "", parsed).filter(|_| currency.is_some()).map(PriceModel::CustomerChosen)
        }),
    }
}

fn parse_tiers(v: &mut Validator, field: &str, tiered: &v1::TieredPrice) -> Option<Tiers> {
    v.within(field, |v| {
        let tiers = tiered.tiers.iter().enumerate().map(|(index, tier)| {
            v.within(&format!("tiers[{index}]"), |v| {
                let up_to = match tier.up_to {
                    None => Some(TierEnd::Open),
                    Some(unit) => v.check("up_to", TierEnd::parse(unit)),
                };
                let unit = unit_price(v, "unit_price", tier.unit_price.as_ref());
                let flat = match &tier.flat_price {
                    Some(_) => unit_price(v, "flat_price", tier.flat_price.as_ref()),
                    None => unit.and_then(|unit| UnitPrice::parse(Decimal::ZERO, unit.currency()).ok()),
                };
                Some(Tier { up_to: up_to?, unit_price: unit?, flat_price: flat? })
            })
        });
        let tiers: Option<Vec<_>> = tiers.collect::<Vec<_>>().into_iter().collect();
        absorbed(v, "tiers", Tiers::parse(tiers?))
    })
}

pub(crate) fn recurrence(
    v: &mut Validator,
    field: &str,
    recurrence: Option<&v1::Recurrence>,
) -> Option<Option<Recurrence>> {
    let Some(recurrence) = recurrence else { return Some(None) };
    v.within(field, |v| {
        let interval = match known(v, "interval", recurrence.interval)? {
            v1::RecurrenceInterval::Day => Interval::Day,
            v1::RecurrenceInterval::Week => Interval::Week,
            v1::RecurrenceInterval::Month => Interval::Month,
            v1::RecurrenceInterval::Year => Interval::Year,
            v1::RecurrenceInterval::Unspecified => {
                v.refuse("interval", Invalid::new("REQUIRED", "must be DAY, WEEK, MONTH or YEAR"));
                return None;
            }
        };
        let count = if recurrence.interval_count == 0 { 1 } else { recurrence.interval_count };
        v.check("interval_count", Recurrence::parse(interval, count.into())).map(Some)
    })
}

/// The same violations, with options of other currencies named by their places in the request, where they are in this order.
pub(crate) fn by_index(order: impl Iterator<Item = Option<Currency>>, violations: Violations) -> Violations {
    order.enumerate().fold(violations, |violations, (index, currency)| match currency {
        Some(currency) => {
            let key = format!("currency_options[\"{}\"]", currency.code());
            violations.renamed(&key, &format!("currency_options[{index}]"))
        }
        None => violations,
    })
}

/// The currency in which a model says its prices, if it says one.
pub(crate) fn model_currency(model: Option<&v1::PriceModel>) -> Option<Currency> {
    let tiered = |tiered: &v1::TieredPrice| tiered.tiers.first()?.unit_price.clone();
    let code = match model?.model.as_ref()? {
        Model::PerUnit(price) => price.currency_code.clone(),
        Model::Package(package) => package.price.as_ref()?.currency_code.clone(),
        Model::Graduated(tiers) | Model::Volume(tiers) => tiered(tiers)?.currency_code,
        Model::CustomerChosen(chosen) => chosen.currency_code.clone(),
    };
    Currency::parse(&code).ok()
}

pub(crate) fn currency_options(
    v: &mut Validator,
    options: &[v1::CurrencyOption],
) -> Option<BTreeMap<Currency, CurrencyOption>> {
    let mut found = BTreeMap::new();
    let mut is_whole = true;
    for (index, option) in options.iter().enumerate() {
        v.within(&format!("currency_options[{index}]"), |v| {
            let model = match &option.model {
                Some(model) => v.within("model", |v| parse_model(v, model)),
                None => {
                    v.refuse("model", Invalid::required());
                    None
                }
            };
            let behavior = tax_behavior(v, "tax_behavior", option.tax_behavior());
            match model.zip(behavior) {
                Some((model, tax_behavior)) => {
                    let currency = model.currency();
                    if found.insert(currency, CurrencyOption { model, tax_behavior }).is_some() {
                        v.refuse(
                            "model",
                            Invalid::new("TWICE", "must be in another currency than the options before it"),
                        );
                    }
                }
                None => is_whole = false,
            }
        });
    }
    is_whole.then_some(found)
}

/// What it costs to ship, in one currency and in others: it may be free.
pub(crate) fn shipping_amounts(
    v: &mut Validator,
    own: Option<&v1::Money>,
    options: &[v1::Money],
) -> Option<CurrencyAmounts> {
    currency_amounts(v, ("amount", own), ("currency_options", options), NewShippingRate::amount)
}

pub(crate) fn delivery_estimate(
    v: &mut Validator,
    field: &str,
    estimate: Option<&v1::DeliveryEstimate>,
) -> Option<Option<DeliveryEstimate>> {
    let Some(estimate) = estimate else { return Some(None) };
    let (minimum, maximum) = v.within(field, |v| {
        let minimum = delivery_bound(v, "minimum", estimate.minimum.as_ref());
        minimum.zip(delivery_bound(v, "maximum", estimate.maximum.as_ref()))
    })?;
    v.check(field, DeliveryEstimate::parse(minimum, maximum)).map(Some)
}

fn delivery_bound(v: &mut Validator, field: &str, bound: Option<&v1::DeliveryBound>) -> Option<Option<DeliveryBound>> {
    let Some(bound) = bound else { return Some(None) };
    v.within(field, |v| {
        let unit = match known(v, "unit", bound.unit)? {
            v1::DeliveryUnit::Hour => DeliveryUnit::Hour,
            v1::DeliveryUnit::Day => DeliveryUnit::Day,
            v1::DeliveryUnit::BusinessDay => DeliveryUnit::BusinessDay,
            v1::DeliveryUnit::Week => DeliveryUnit::Week,
            v1::DeliveryUnit::Month => DeliveryUnit::Month,
            v1::DeliveryUnit::Unspecified => {
                v.refuse("unit", Invalid::new("REQUIRED", "must be HOUR, DAY, BUSINESS_DAY, WEEK or MONTH"));
                return None;
            }
        };
        v.check("value", DeliveryBound::parse(unit, bound.value.into())).map(Some)
    })
}

/// What one piece costs, where the model is per unit.
pub(crate) fn told_unit_price(model: &PriceModel) -> Option<v1::UnitPrice> {
    match model {
        PriceModel::PerUnit { unit_price } => Some(output::unit_price(*unit_price)),
        _ => None,
    }
}

pub(crate) fn told_model(model: &PriceModel) -> v1::PriceModel {
    let tiered = |tiers: &Tiers| v1::TieredPrice {
        tiers: tiers
            .iter()
            .map(|tier| v1::PriceTier {
                up_to: match tier.up_to {
                    TierEnd::Unit(unit) => Some(unit.into()),
                    TierEnd::Open => None,
                },
                unit_price: Some(output::unit_price(tier.unit_price)),
                flat_price: (!tier.flat_price.minor().is_zero()).then(|| output::unit_price(tier.flat_price)),
            })
            .collect(),
    };
    let told = match model {
        PriceModel::PerUnit { unit_price } => Model::PerUnit(output::unit_price(*unit_price)),
        PriceModel::Package { package_price, size, rounding } => Model::Package(v1::PackagePrice {
            price: Some(output::unit_price(*package_price)),
            size: size.get().into(),
            rounding: match rounding {
                PackageRounding::Up => v1::PackageRounding::Up as i32,
                PackageRounding::Down => v1::PackageRounding::Down as i32,
            },
        }),
        PriceModel::Graduated { tiers } => Model::Graduated(tiered(tiers)),
        PriceModel::Volume { tiers } => Model::Volume(tiered(tiers)),
        PriceModel::CustomerChosen(chosen) => Model::CustomerChosen(v1::ChosenAmount {
            currency_code: model.currency().code().to_owned(),
            minimum: chosen.minimum().map(Money::minor),
            maximum: chosen.maximum().map(Money::minor),
            preset: chosen.preset().map(Money::minor),
        }),
    };
    v1::PriceModel { model: Some(told) }
}

pub(crate) fn told_recurrence(recurrence: Recurrence) -> v1::Recurrence {
    let interval = match recurrence.interval() {
        Interval::Day => v1::RecurrenceInterval::Day,
        Interval::Week => v1::RecurrenceInterval::Week,
        Interval::Month => v1::RecurrenceInterval::Month,
        Interval::Year => v1::RecurrenceInterval::Year,
    };
    // At most 1,095.
    v1::Recurrence { interval: interval as i32, interval_count: i32::try_from(recurrence.count()).unwrap_or(i32::MAX) }
}

pub(crate) fn told_delivery(estimate: DeliveryEstimate) -> v1::DeliveryEstimate {
    let bound = |bound: DeliveryBound| v1::DeliveryBound {
        unit: match bound.unit() {
            DeliveryUnit::Hour => v1::DeliveryUnit::Hour as i32,
            DeliveryUnit::Day => v1::DeliveryUnit::Day as i32,
            DeliveryUnit::BusinessDay => v1::DeliveryUnit::BusinessDay as i32,
            DeliveryUnit::Week => v1::DeliveryUnit::Week as i32,
            DeliveryUnit::Month => v1::DeliveryUnit::Month as i32,
        },
        // At most 10,000.
        value: i32::try_from(bound.value()).unwrap_or(i32::MAX),
    };
    v1::DeliveryEstimate { minimum: estimate.minimum().map(bound), maximum: estimate.maximum().map(bound) }
}

pub(crate) fn shipping_rate(rate: &ShippingRate) -> v1::ShippingRate {
    v1::ShippingRate {
        id: rate.id.to_string(),
        seller_id: rate.seller_id.to_string(),
        display_name: rate.terms.display_name.to_string(),
        amount: Some(output::money(rate.terms.amounts.amount())),
        currency_options: rate.terms.amounts.options().map(output::money).collect(),
        delivery_estimate: rate.terms.delivery_estimate.map(told_delivery),
        tax_behavior: output::optional_tax_behavior(rate.terms.tax_behavior),
        tax_code: rate.terms.tax_code.as_ref().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        active: rate.active,
        metadata: output::pairs(&rate.terms.metadata),
        etag: rate.etag(),
        create_time: Some(output::timestamp(rate.created_at)),
        update_time: Some(output::timestamp(rate.updated_at)),
    }
}

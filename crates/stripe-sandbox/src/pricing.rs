//! What a quantity of a price comes to: exact decimals, rounded half up to the minor unit once for a line.

use std::ops::Range;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

use crate::check::decimal;
use crate::state::text;

/// Half up, to the smallest amount of the currency that can be charged: the minor unit, but for a few.
pub(crate) fn round(amount: Decimal, currency: &str) -> Option<i64> {
    let increment = crate::money::charge_increment(currency);
    let steps = amount.checked_div(increment.into())?;
    steps.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()?.checked_mul(increment)
}

/// The amounts of a price in a currency: its own, or one of its options.
pub(crate) fn terms<'a>(price: &'a Value, currency: &str) -> Option<&'a Value> {
    if text(price, "currency") == currency {
        return Some(price);
    }
    price["currency_options"].get(currency)
}

/// The largest line, in minor units: far beyond what can be charged, and small enough to be summed.
const LINE_MAX: i64 = 999_999_999_999;

/// Minor units of a quantity, before discount and tax; `chosen` is the customer's amount where the price leaves it open.
/// None where the price has no amount in the currency, or the line would be too large.
pub(crate) fn amount(price: &Value, currency: &str, quantity: i64, chosen: Option<i64>) -> Option<i64> {
    exact(price, currency, quantity, chosen).filter(|amount| *amount <= LINE_MAX)
}

fn exact(price: &Value, currency: &str, quantity: i64, chosen: Option<i64>) -> Option<i64> {
    let terms = terms(price, currency)?;
    if !price["custom_unit_amount"].is_null() {
        return round(Decimal::from(chosen.or(preset(terms))?).checked_mul(quantity.into())?, currency);
    }
    if price["billing_scheme"] == "tiered" {
        let tiers = terms["tiers"].as_array()?;
        let sum = if price["tiers_mode"] == "volume" { volume(tiers, quantity)? } else { graduated(tiers, quantity)? };
        return round(sum, currency);
    }
    let unit = decimal(&terms["unit_amount_decimal"])?;
    round(unit.checked_mul(packages(price, quantity)?.into())?, currency)
}

/// What a customer pays who chooses nothing.
pub(crate) fn preset(terms: &Value) -> Option<i64> {
    terms["custom_unit_amount"]["preset"].as_i64()
}

/// The bounds of an amount that the customer chooses.
pub(crate) fn chosen_bounds(terms: &Value, currency: &str) -> (i64, i64) {
    let custom = &terms["custom_unit_amount"];
    let least = custom["minimum"].as_i64().unwrap_or(crate::money::minimum(currency));
    (least, custom["maximum"].as_i64().unwrap_or(crate::money::AMOUNT_MAX))
}

/// How many packages a quantity is, or pieces where the price is for each; none where it can't be told.
pub(crate) fn packages(price: &Value, quantity: i64) -> Option<i64> {
    let Some(by) = price["transform_quantity"]["divide_by"].as_i64() else { return Some(quantity) };
    let whole = quantity.checked_div(by)?;
    let is_broken = quantity.checked_rem(by)? != 0;
    Some(if is_broken && price["transform_quantity"]["round"] == "up" { whole + 1 } else { whole })
}

/// The places of the tiers that a quantity is priced at: one of a volume price, and of a graduated one all up to where the
/// quantity ends. Empty where the price has no tiers.
pub(crate) fn tiers(price: &Value, currency: &str, quantity: i64) -> Range<usize> {
    let tiers = terms(price, currency).and_then(|terms| terms["tiers"].as_array());
    match tiers.and_then(|tiers| last_tier(tiers, quantity)) {
        Some(last) if price["tiers_mode"] == "volume" => last..last + 1,
        Some(last) => 0..last + 1,
        None => 0..0,
    }
}

fn last_tier(tiers: &[Value], quantity: i64) -> Option<usize> {
    tiers.iter().position(|tier| tier["up_to"].as_i64().is_none_or(|end| quantity <= end))
}

/// All of the quantity at the tier that the whole falls into.
fn volume(tiers: &[Value], quantity: i64) -> Option<Decimal> {
    part(tiers.get(last_tier(tiers, quantity)?)?, quantity)
}

/// Each tier for the part of the quantity that falls into it; a tier that is not reached costs nothing.
fn graduated(tiers: &[Value], quantity: i64) -> Option<Decimal> {
    let (mut sum, mut before) = (Decimal::ZERO, 0);
    for (index, tier) in tiers.iter().enumerate() {
        // The first tier counts even for nothing, as its flat fee does.
        if index > 0 && quantity <= before {
            break;
        }
        let end = tier["up_to"].as_i64().unwrap_or(i64::MAX).min(quantity);
        sum = sum.checked_add(part(tier, end - before)?)?;
        before = end;
    }
    Some(sum)
}

fn part(tier: &Value, units: i64) -> Option<Decimal> {
    let unit = decimal(&tier["unit_amount_decimal"]).unwrap_or_default();
    let flat = decimal(&tier["flat_amount_decimal"]).unwrap_or_default();
    unit.checked_mul(units.into())?.checked_add(flat)
}

/// Splits an amount over weights in steps of the currency, each part within its share by less than one step; the largest
/// remainders get the steps that are left, the first of equals first.
pub(crate) fn split_in(amount: i64, weights: &[i64], currency: &str) -> Vec<i64> {
    let increment = crate::money::charge_increment(currency);
    split(amount / increment, weights).into_iter().map(|steps| steps * increment).collect()
}

fn split(amount: i64, weights: &[i64]) -> Vec<i64> {
    let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if total <= 0 {
        return vec![0; weights.len()];
    }
    let share = |weight: &i64| i128::from(amount) * i128::from(*weight);
    let mut parts: Vec<i64> =
        weights.iter().map(|weight| i64::try_from(share(weight) / total).unwrap_or_default()).collect();
    let left = usize::try_from(amount - parts.iter().sum::<i64>()).unwrap_or_default();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(weights.get(*index).map_or(0, |weight| share(weight) % total)));
    for index in order.into_iter().take(left) {
        if let Some(part) = parts.get_mut(index) {
            *part += 1;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(price: &Value, quantity: i64, is: i64) {
        assert_eq!(amount(price, "sek", quantity, None), Some(is), "{quantity} of {price}");
    }

    fn tiered(mode: &str) -> Value {
        json!({"currency": "sek", "billing_scheme": "tiered", "tiers_mode": mode, "tiers": [
            {"up_to": 10, "unit_amount_decimal": "100", "flat_amount_decimal": null},
            {"up_to": 20, "unit_amount_decimal": "50.5", "flat_amount_decimal": "7"},
            {"up_to": null, "unit_amount_decimal": "20", "flat_amount_decimal": null}]})
    }

    #[test]
    fn graduated_tiers_price_each_part_at_its_own_tier() {
        for (quantity, is) in [(10, 1_000), (11, 1_058), (20, 1_512), (25, 1_612)] {
            check(&tiered("graduated"), quantity, is);
        }
    }

    #[test]
    fn volume_tiers_price_the_whole_at_one_tier() {
        for (quantity, is) in [(10, 1_000), (11, 563), (20, 1_017), (21, 420)] {
            check(&tiered("volume"), quantity, is);
        }
    }

    #[test]
    fn the_tiers_that_price_a_quantity_are_told() {
        for (quantity, last) in [(0, 0), (10, 0), (11, 1), (21, 2)] {
            assert_eq!(tiers(&tiered("volume"), "sek", quantity), last..last + 1);
            assert_eq!(tiers(&tiered("graduated"), "sek", quantity), 0..last + 1);
        }
        assert!(tiers(&json!({"currency": "sek", "unit_amount_decimal": "1"}), "sek", 1).is_empty());
    }

    #[test]
    fn a_line_is_rounded_once_and_half_up() {
        let price = json!({"currency": "sek", "unit_amount_decimal": "0.5"});
        check(&price, 1, 1);
        check(&price, 3, 2);
        check(&json!({"currency": "sek", "unit_amount_decimal": "0.333333333333"}), 3, 1);
    }

    #[test]
    fn a_currency_without_small_coins_is_rounded_to_what_can_be_charged() {
        let price = json!({"currency": "isk", "unit_amount_decimal": "150"});
        assert_eq!((amount(&price, "isk", 1, None), amount(&price, "isk", 3, None)), (Some(200), Some(500)));
        assert_eq!(split_in(300, &[1, 1], "isk"), [200, 100]);
        assert_eq!(round(Decimal::from(1_234), "kwd"), Some(1_230));
    }

    #[test]
    fn a_line_that_could_not_be_summed_is_none() {
        let price = json!({"currency": "sek", "unit_amount_decimal": "999999999999"});
        assert_eq!(amount(&price, "sek", 1, None), Some(999_999_999_999));
        assert_eq!(amount(&price, "sek", 999_999, None), None);
    }

    #[test]
    fn packages_are_rounded_as_the_price_says() {
        let price = |round: &str| json!({"currency": "sek", "unit_amount_decimal": "500", "transform_quantity": {"divide_by": 12, "round": round}});
        check(&price("up"), 13, 1_000);
        check(&price("down"), 13, 500);
        check(&price("up"), 12, 500);
    }

    #[test]
    fn another_currency_has_its_own_amounts_or_none() {
        let price = json!({"currency": "sek", "unit_amount_decimal": "100",
            "currency_options": {"eur": {"unit_amount_decimal": "9"}}});
        assert_eq!(amount(&price, "eur", 2, None), Some(18));
        assert_eq!(amount(&price, "usd", 2, None), None);
    }

    #[test]
    fn a_split_adds_up_and_favours_the_largest_remainder() {
        assert_eq!(split(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(split(5, &[10, 20, 30]), [1, 2, 2]);
        assert_eq!(split(1, &[300, 700]), [0, 1]);
        assert_eq!(split(7, &[0, 0]), [0, 0]);
    }
}

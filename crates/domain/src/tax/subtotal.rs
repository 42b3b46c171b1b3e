//! What a document comes to by category and rate: the breakdown that an invoice must show (Directive 2006/112/EC, article
//! 226, point 8; EN 16931, BG-23). It must not know why a line has its category.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::compute::order_of_rates;
use super::{AppliedRate, TaxCategory, TaxComponent, TaxedLine};
use crate::money::{Money, MoneyError};

/// The taxable amount and the tax of a document by one rate, or of its supplies of one category to which no rate applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredSubtotal")]
pub struct TaxSubtotal {
    /// What the supplies are for tax.
    pub category: TaxCategory,
    /// The rate; absent where none applies.
    pub rate: Option<AppliedRate>,
    /// What it was charged on, without tax.
    pub base: Money,
    /// Tax by it.
    pub tax: Money,
}

/// The form in which subtotals are stored: those of before there were categories have none.
#[derive(Deserialize)]
struct StoredSubtotal {
    category: Option<TaxCategory>,
    rate: Option<AppliedRate>,
    base: Money,
    tax: Money,
}

impl From<StoredSubtotal> for TaxSubtotal {
    fn from(stored: StoredSubtotal) -> Self {
        let StoredSubtotal { category, rate, base, tax } = stored;
        let category = category.unwrap_or_else(|| TaxCategory::of_rates(rate.as_slice()));
        Self { category, rate, base, tax }
    }
}

/// The form in which lines are stored: those of before there were categories have none. Of a line without a rate no more is
/// known than that no tax was charged: the rules of then were that it was untaxed by its caller, or outside of the seller's
/// registrations.
#[derive(Deserialize)]
pub(super) struct StoredTaxedLine {
    net: Money,
    tax: Money,
    gross: Money,
    category: Option<TaxCategory>,
    components: Vec<TaxComponent>,
}

impl From<StoredTaxedLine> for TaxedLine {
    fn from(stored: StoredTaxedLine) -> Self {
        let StoredTaxedLine { net, tax, gross, category, components } = stored;
        let category = category.unwrap_or_else(|| TaxCategory::of(components.iter().map(|component| &component.rate)));
        Self { net, tax, gross, category, components }
    }
}

impl TaxedLine {
    /// The category in which one of the line's rates counts. A line that is taxed by several may have one of zero among
    /// them: what that is charged on is zero-rated by it.
    pub fn category_of(&self, rate: &AppliedRate) -> TaxCategory {
        rate_category(self.category, rate)
    }
}

/// The category in which a rate on a line of `category` counts.
pub(super) fn rate_category(category: TaxCategory, rate: &AppliedRate) -> TaxCategory {
    match category {
        TaxCategory::Standard | TaxCategory::ZeroRated => TaxCategory::of_rates(std::slice::from_ref(rate)),
        other => other,
    }
}

/// The order of a document's subtotals: by rate as [`compute()`](super::compute()) tells, those without a rate last.
pub(super) fn order_of_subtotals(a: &TaxSubtotal, b: &TaxSubtotal) -> Ordering {
    let by_rate = match (&a.rate, &b.rate) {
        (Some(a), Some(b)) => order_of_rates(a, b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    by_rate.then(a.category.cmp(&b.category))
}

/// Adds to the sum of the same category and rate, or begins it. A document has few of them.
pub(super) fn add_subtotal(sums: &mut Vec<TaxSubtotal>, one: TaxSubtotal) -> Result<(), MoneyError> {
    match sums.iter_mut().find(|sum| (sum.category, &sum.rate) == (one.category, &one.rate)) {
        Some(sum) => {
            sum.base = sum.base.checked_add(one.base)?;
            sum.tax = sum.tax.checked_add(one.tax)?;
        }
        None => sums.push(one),
    }
    Ok(())
}

/// The subtotals of `lines`, as they were stored, with those of the lines to which no rate applies. Documents from before
/// these were told have none, whatever their lines.
pub(crate) fn with_untaxed<'a>(
    stored: &[TaxSubtotal],
    lines: impl Iterator<Item = &'a TaxedLine>,
) -> Result<Vec<TaxSubtotal>, MoneyError> {
    let mut subtotals = stored.to_vec();
    if stored.iter().all(|subtotal| subtotal.rate.is_some()) {
        for line in lines.filter(|line| line.components.is_empty()) {
            let one = TaxSubtotal { category: line.category, rate: None, base: line.net, tax: line.tax };
            add_subtotal(&mut subtotals, one)?;
        }
        subtotals.sort_by(order_of_subtotals);
    }
    Ok(subtotals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::tax::{Jurisdiction, Percentage};
    use crate::tax::{RatedLine, TaxBehavior, TaxCalculation, TaxDecision, TaxRounding, compute};
    use crate::text::DisplayName;

    fn sek(minor: i64) -> Money {
        Money::new(minor, Currency::parse("SEK").unwrap())
    }

    fn rate(percent: &str) -> AppliedRate {
        AppliedRate {
            tax_rate_id: None,
            display_name: DisplayName::parse("Moms").unwrap(),
            percentage: Percentage::parse(percent.parse().unwrap()).unwrap(),
            jurisdiction: Some(Jurisdiction::parse("SE").unwrap()),
            source: None,
            since: None,
        }
    }

    fn free(minor: i64, category: TaxCategory) -> RatedLine<'static> {
        let decision = TaxDecision { rule: "TEST".into(), category, jurisdiction: None, law: None };
        RatedLine { amount: sek(minor), behavior: TaxBehavior::Exclusive, rates: vec![].into(), decision }
    }

    fn taxed(minor: i64, percents: &[&str]) -> RatedLine<'static> {
        RatedLine::manual(
            sek(minor),
            TaxBehavior::Exclusive,
            percents.iter().map(|percent| rate(percent)).collect::<Vec<_>>(),
        )
    }

    fn told(subtotals: &[TaxSubtotal]) -> Vec<(&'static str, Option<String>, i64, i64)> {
        let percent = |rate: &AppliedRate| rate.percentage.percent().to_string();
        let row =
            |it: &TaxSubtotal| (it.category.name(), it.rate.as_ref().map(percent), it.base.minor(), it.tax.minor());
        subtotals.iter().map(row).collect()
    }

    fn mixed() -> TaxCalculation {
        let lines = [
            free(500, TaxCategory::Export),
            taxed(1_000, &["25"]),
            free(700, TaxCategory::Exempt),
            taxed(300, &["0"]),
            free(11, TaxCategory::Export),
            taxed(100, &["0", "25"]),
        ];
        compute(sek(0).currency(), TaxRounding::default(), &lines).unwrap()
    }

    #[test]
    fn every_base_is_told_by_its_category_also_where_no_rate_applies() {
        assert_eq!(
            told(&mixed().subtotals),
            [
                ("zero_rated", Some("0".to_owned()), 400, 0),
                ("standard", Some("25".to_owned()), 1_100, 275),
                ("exempt", None, 700, 0),
                ("export", None, 511, 0),
            ]
        );
    }

    #[test]
    fn a_calculation_from_before_there_were_categories_is_told_like_one_of_today() {
        let untaxed = || RatedLine::manual(sek(700), TaxBehavior::Exclusive, vec![]);
        let lines = [untaxed(), taxed(1_000, &["25"]), taxed(300, &["0"]), untaxed()];
        let today = compute(sek(0).currency(), TaxRounding::default(), &lines).unwrap();
        let mut stored = serde_json::to_value(&today).unwrap();
        let uncategorized = |list: &mut serde_json::Value| {
            for one in list.as_array_mut().unwrap() {
                one.as_object_mut().unwrap().remove("category").unwrap();
            }
        };
        for list in ["lines", "subtotals", "trace"] {
            uncategorized(&mut stored[list]);
        }
        stored["subtotals"].as_array_mut().unwrap().retain(|subtotal| !subtotal["rate"].is_null());
        let read: TaxCalculation = serde_json::from_value(stored).unwrap();
        assert_eq!((&read.lines, &read.subtotals), (&today.lines, &today.subtotals));
        let categories: Vec<_> = read.trace.iter().map(|step| step.decision.category.name()).collect();
        assert_eq!(categories, ["outside_scope", "standard", "zero_rated", "outside_scope"]);
    }

    #[test]
    fn a_calculation_reads_back_as_it_was_stored() {
        let calculation = mixed();
        let stored = serde_json::to_value(&calculation).unwrap();
        assert_eq!(serde_json::from_value::<TaxCalculation>(stored).unwrap(), calculation);
    }
}

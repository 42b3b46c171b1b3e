//! The arithmetic of tax: from lines with their rates to figures that add up exactly.
//!
//! Tax is reckoned exactly on each line and rate, and rounded in one place: on each line and rate, or once for each rate
//! of the document, whose lines then share the rounded sum by largest remainder. A price with tax inside keeps its gross;
//! its net is what is left. Several rates of a line all apply to the same net.

use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    AppliedRate, RoundingScope, TaxBehavior, TaxCalculation, TaxComponent, TaxRounding, TaxSubtotal, TaxedLine,
    TraceStep,
};
use crate::money::{Currency, Money, MoneyError, allocate};

/// A line whose rates have been decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedLine {
    /// The price of the whole line.
    pub amount: Money,
    /// Whether `amount` has the tax inside.
    pub behavior: TaxBehavior,
    /// The rates that apply.
    pub rates: Vec<AppliedRate>,
    /// The rule that chose the rates, or that there are none: see [`TraceStep::rule`].
    pub rule: &'static str,
}

/// A line whose figures can't be reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {source}")]
pub struct TaxComputeError {
    /// Index of the line; the number of lines for a sum over all of them.
    pub line: usize,
    /// What does not fit.
    pub source: MoneyError,
}

/// Decimals of the unrounded figures that a trace shows.
const TRACE_DECIMALS: u32 = 12;

/// The tax of one line by one rate, before rounding.
struct Exact<'a> {
    line: usize,
    rate: &'a AppliedRate,
    /// The line's net in minor units.
    base: Decimal,
    /// The tax in minor units.
    tax: Decimal,
    /// The tax as charged.
    rounded: i64,
}

/// Computes the tax of a document in `currency`.
///
/// # Errors
/// A line in another currency, or a figure out of range.
pub fn compute(
    currency: Currency,
    rounding: TaxRounding,
    lines: &[RatedLine],
) -> Result<TaxCalculation, TaxComputeError> {
    let mut exact = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        reckon(currency, index, line, &mut exact).map_err(|source| TaxComputeError { line: index, source })?;
    }
    let overall = |source| TaxComputeError { line: lines.len(), source };
    let groups = group_by_rate(&exact);
    match rounding.scope {
        RoundingScope::PerLine => {
            for part in &mut exact {
                let rounded = rounding.mode.to_minor(part.tax);
                part.rounded = rounded.map_err(|source| TaxComputeError { line: part.line, source })?;
            }
        }
        RoundingScope::PerInvoice => {
            for group in &groups {
                share(rounding, group, &mut exact).map_err(overall)?;
            }
        }
    }
    finish(currency, lines, &exact, &groups).map_err(overall)
}

/// Adds the exact tax of a line by each of its rates.
fn reckon<'a>(
    currency: Currency,
    index: usize,
    line: &'a RatedLine,
    exact: &mut Vec<Exact<'a>>,
) -> Result<(), MoneyError> {
    if line.amount.currency() != currency {
        return Err(MoneyError::CurrencyMismatch { left: currency, right: line.amount.currency() });
    }
    let amount = Decimal::from(line.amount.minor());
    let factors: Decimal = line.rates.iter().map(|rate| rate.percentage.factor()).sum();
    let base = match line.behavior {
        TaxBehavior::Exclusive => amount,
        TaxBehavior::Inclusive => amount.checked_div(Decimal::ONE + factors).ok_or(MoneyError::Overflow)?,
    };
    for rate in &line.rates {
        let tax = base.checked_mul(rate.percentage.factor()).ok_or(MoneyError::Overflow)?;
        exact.push(Exact { line: index, rate, base, tax, rounded: 0 });
    }
    Ok(())
}

/// The places of equal rates, in an order that does not depend on that of the lines.
fn group_by_rate(exact: &[Exact<'_>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, part) in exact.iter().enumerate() {
        match groups.iter_mut().find(|group| exact[group[0]].rate == part.rate) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    let key = |group: &Vec<usize>| {
        let rate = exact[group[0]].rate;
        (rate.country, rate.percentage, rate.display_name.as_str().to_owned(), rate.tax_rate_id)
    };
    groups.sort_by_key(key);
    groups
}

/// Rounds the sum of a rate once, and splits it over its lines.
fn share(rounding: TaxRounding, group: &[usize], exact: &mut [Exact<'_>]) -> Result<(), MoneyError> {
    let shares: Vec<Decimal> = group.iter().map(|&index| exact[index].tax).collect();
    let sum =
        shares.iter().try_fold(Decimal::ZERO, |sum, share| sum.checked_add(*share)).ok_or(MoneyError::Overflow)?;
    let parts = allocate(rounding.mode.to_minor(sum)?, &shares)?;
    for (&index, part) in group.iter().zip(parts) {
        exact[index].rounded = part;
    }
    Ok(())
}

/// Puts the figures together.
fn finish(
    currency: Currency,
    lines: &[RatedLine],
    exact: &[Exact<'_>],
    groups: &[Vec<usize>],
) -> Result<TaxCalculation, MoneyError> {
    let money = |minor| Money::new(minor, currency);
    let mut taxed = Vec::with_capacity(lines.len());
    let mut trace = Vec::with_capacity(exact.len());
    let mut parts = exact.iter().peekable();
    for (index, line) in lines.iter().enumerate() {
        let mut components = Vec::with_capacity(line.rates.len());
        while let Some(part) = parts.next_if(|part| part.line == index) {
            components.push(TaxComponent { rate: part.rate.clone(), tax: money(part.rounded) });
            trace.push(step(index, line.rule, Some(part)));
        }
        if components.is_empty() {
            trace.push(TraceStep { base: Decimal::from(line.amount.minor()), ..step(index, line.rule, None) });
        }
        let tax = Money::sum(currency, components.iter().map(|component| component.tax))?;
        let (net, gross) = match line.behavior {
            TaxBehavior::Exclusive => (line.amount, line.amount.checked_add(tax)?),
            TaxBehavior::Inclusive => (line.amount.checked_sub(tax)?, line.amount),
        };
        taxed.push(TaxedLine { net, tax, gross, components });
    }
    let subtotal = |group: &Vec<usize>| {
        Ok(TaxSubtotal {
            rate: exact[group[0]].rate.clone(),
            base: Money::sum(currency, group.iter().map(|&index| taxed[exact[index].line].net))?,
            tax: Money::sum(currency, group.iter().map(|&index| money(exact[index].rounded)))?,
        })
    };
    Ok(TaxCalculation {
        subtotals: groups.iter().map(subtotal).collect::<Result<_, MoneyError>>()?,
        net: Money::sum(currency, taxed.iter().map(|line| line.net))?,
        tax: Money::sum(currency, taxed.iter().map(|line| line.tax))?,
        gross: Money::sum(currency, taxed.iter().map(|line| line.gross))?,
        lines: taxed,
        trace,
    })
}

fn step(line: usize, rule: &str, part: Option<&Exact<'_>>) -> TraceStep {
    let shown = |figure: Decimal| {
        figure.round_dp_with_strategy(TRACE_DECIMALS, RoundingStrategy::MidpointNearestEven).normalize()
    };
    TraceStep {
        line,
        rule: rule.to_owned(),
        rate: part.map(|part| part.rate.clone()),
        base: part.map_or(Decimal::ZERO, |part| shown(part.base)),
        unrounded: part.map_or(Decimal::ZERO, |part| shown(part.tax)),
        rounded: part.map_or(0, |part| part.rounded),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Rounding;
    use crate::tax::Percentage;
    use crate::text::DisplayName;

    fn sek() -> Currency {
        Currency::parse("SEK").unwrap()
    }

    fn rate(percent: &str) -> AppliedRate {
        AppliedRate {
            tax_rate_id: None,
            display_name: DisplayName::parse("VAT").unwrap(),
            percentage: Percentage::parse(percent.parse().unwrap()).unwrap(),
            country: None,
            source: None,
            since: None,
        }
    }

    fn line(amount: i64, behavior: TaxBehavior, percents: &[&str]) -> RatedLine {
        let rates = percents.iter().map(|percent| rate(percent)).collect();
        RatedLine { amount: Money::new(amount, sek()), behavior, rates, rule: "MANUAL_RATE" }
    }

    fn rounding(scope: RoundingScope, mode: Rounding) -> TaxRounding {
        TaxRounding { scope, mode }
    }

    fn check(lines: &[RatedLine], scope: RoundingScope, want: (i64, i64, i64)) {
        let calculation = compute(sek(), rounding(scope, Rounding::HalfUp), lines).unwrap();
        assert_eq!((calculation.net.minor(), calculation.tax.minor(), calculation.gross.minor()), want);
    }

    #[test]
    fn the_swedish_invoice_of_1608_75_has_321_75_of_tax_from_either_side() {
        for scope in [RoundingScope::PerLine, RoundingScope::PerInvoice] {
            check(&[line(128_700, TaxBehavior::Exclusive, &["25"])], scope, (128_700, 32_175, 160_875));
            check(&[line(160_875, TaxBehavior::Inclusive, &["25"])], scope, (128_700, 32_175, 160_875));
        }
    }

    #[test]
    fn rounding_per_line_and_per_invoice_differ_where_they_should() {
        let lines: Vec<_> = (0..3).map(|_| line(10, TaxBehavior::Exclusive, &["25"])).collect();
        check(&lines, RoundingScope::PerLine, (30, 9, 39));
        check(&lines, RoundingScope::PerInvoice, (30, 8, 38));
    }

    #[test]
    fn rates_of_one_line_apply_to_the_same_net() {
        check(
            &[line(10_000, TaxBehavior::Exclusive, &["5", "9.975"])],
            RoundingScope::PerLine,
            (10_000, 1_498, 11_498),
        );
        check(
            &[line(11_498, TaxBehavior::Inclusive, &["5", "9.975"])],
            RoundingScope::PerLine,
            (10_000, 1_498, 11_498),
        );
    }

    #[test]
    fn an_untaxed_line_says_why_in_the_trace() {
        let calculation = compute(sek(), TaxRounding::default(), &[line(500, TaxBehavior::Exclusive, &[])]).unwrap();
        assert_eq!((calculation.tax.minor(), calculation.trace.len()), (0, 1));
        assert_eq!(calculation.trace[0].base, Decimal::from(500));
    }

    #[test]
    fn another_currency_names_its_line() {
        let foreign = RatedLine {
            amount: Money::new(1, Currency::parse("EUR").unwrap()),
            ..line(1, TaxBehavior::Exclusive, &[])
        };
        let error =
            compute(sek(), TaxRounding::default(), &[line(1, TaxBehavior::Exclusive, &[]), foreign]).unwrap_err();
        assert_eq!(error.line, 1);
    }

    fn any_line() -> impl Strategy<Value = RatedLine> {
        let percents = prop::sample::subsequence(vec!["25", "12", "6", "5.5", "9.975"], 0..=2);
        let behavior = prop_oneof![Just(TaxBehavior::Exclusive), Just(TaxBehavior::Inclusive)];
        (-10_000_000i64..10_000_000, behavior, percents)
            .prop_map(|(amount, behavior, percents)| line(amount, behavior, &percents))
    }

    fn any_rounding() -> impl Strategy<Value = TaxRounding> {
        let scope = prop_oneof![Just(RoundingScope::PerLine), Just(RoundingScope::PerInvoice)];
        (scope, prop_oneof![Just(Rounding::HalfUp), Just(Rounding::HalfEven)])
            .prop_map(|(scope, mode)| TaxRounding { scope, mode })
    }

    fn sum(amounts: impl Iterator<Item = Money>) -> Money {
        Money::sum(sek(), amounts).unwrap()
    }

    proptest! {
        #[test]
        fn parts_add_up_to_wholes(lines in prop::collection::vec(any_line(), 1..30), rounding in any_rounding()) {
            let it = compute(sek(), rounding, &lines).unwrap();
            prop_assert_eq!(it.net.checked_add(it.tax).unwrap(), it.gross);
            prop_assert_eq!(sum(it.lines.iter().map(|l| l.net)), it.net);
            prop_assert_eq!(sum(it.lines.iter().map(|l| l.tax)), it.tax);
            prop_assert_eq!(sum(it.subtotals.iter().map(|s| s.tax)), it.tax);
            for (taxed, line) in it.lines.iter().zip(&lines) {
                prop_assert_eq!(taxed.net.checked_add(taxed.tax).unwrap(), taxed.gross);
                prop_assert_eq!(sum(taxed.components.iter().map(|c| c.tax)), taxed.tax);
                let stated = if line.behavior == TaxBehavior::Exclusive { taxed.net } else { taxed.gross };
                prop_assert_eq!(stated, line.amount);
            }
        }

        #[test]
        fn the_order_of_lines_changes_no_total(lines in prop::collection::vec(any_line(), 1..20), rounding in any_rounding()) {
            let there = compute(sek(), rounding, &lines).unwrap();
            let reversed: Vec<_> = lines.into_iter().rev().collect();
            let back = compute(sek(), rounding, &reversed).unwrap();
            prop_assert_eq!((there.net, there.tax, there.gross), (back.net, back.tax, back.gross));
            let taxes = |it: &TaxCalculation| it.subtotals.iter().map(|s| (s.rate.clone(), s.tax)).collect::<Vec<_>>();
            prop_assert_eq!(taxes(&there), taxes(&back));
        }

        #[test]
        fn the_negative_of_a_document_has_the_negative_tax(lines in prop::collection::vec(any_line(), 1..20), rounding in any_rounding()) {
            let negate = |line: &RatedLine| RatedLine { amount: Money::new(-line.amount.minor(), sek()), ..line.clone() };
            let mirrored: Vec<_> = lines.iter().map(negate).collect();
            let (there, mirror) = (compute(sek(), rounding, &lines).unwrap(), compute(sek(), rounding, &mirrored).unwrap());
            prop_assert_eq!(there.tax.minor(), -mirror.tax.minor());
        }

        #[test]
        fn a_gross_price_is_taxed_like_its_net_to_the_rounding(net in 0i64..100_000_000, percent in prop::sample::select(vec!["25", "12", "6", "5.5"])) {
            let there = compute(sek(), TaxRounding::default(), &[line(net, TaxBehavior::Exclusive, &[percent])]).unwrap();
            let back = compute(sek(), TaxRounding::default(), &[line(there.gross.minor(), TaxBehavior::Inclusive, &[percent])]).unwrap();
            prop_assert!((back.tax.minor() - there.tax.minor()).abs() <= 1);
        }
    }
}

//! Tax that somebody else has computed: held to what our own figures are held to, and joined with them.
//!
//! It must not round or compute any tax: what was told is taken as it is, or refused.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::subtotal::{add_subtotal, order_of_subtotals, rate_category};
use super::{
    AppliedRate, TaxBehavior, TaxCalculation, TaxCategory, TaxComponent, TaxDecision, TaxSubtotal, TaxedLine, TraceStep,
};
use crate::money::{Currency, Money, MoneyError};

/// A line with the tax that somebody else has computed for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargedLine {
    /// The price of the whole line.
    pub amount: Money,
    /// Whether `amount` has the tax inside.
    pub behavior: TaxBehavior,
    /// All tax of the line.
    pub tax: Money,
    /// What the supply is for tax.
    pub category: TaxCategory,
    /// What the tax is made of, and what was found to be free of it: one at least.
    pub charges: Vec<Charge>,
}

/// A part of a line's tax, or the reason for which one is not charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Why it is charged or not.
    pub decision: TaxDecision,
    /// The rate; absent where nothing is charged.
    pub rate: Option<AppliedRate>,
    /// What it was charged on, without tax.
    pub base: Money,
    /// The tax.
    pub tax: Money,
}

/// Figures that can't be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tax of line {line} is told wrongly")]
pub struct ChargedError {
    /// Index of the line that is at fault. Where a sum over lines is too large, the last line that it takes in.
    pub line: usize,
    /// What is wrong with it.
    pub source: ChargedFault,
}

/// What is wrong with the tax of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChargedFault {
    /// The parts of the tax are not the tax.
    #[error("its parts do not add up to its tax")]
    DoesNotAddUp,
    /// Tax is charged, and no rate says how much of what.
    #[error("tax is charged without a rate")]
    NoRate,
    /// Nothing says why it is taxed as it is.
    #[error("nothing is told of why it is taxed so")]
    NoReason,
    /// Another currency, or a figure that does not fit into 64 bits of minor units.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl TaxCalculation {
    /// The calculation of a document in `currency` whose tax somebody else has computed.
    ///
    /// As with [`compute()`](super::compute()), net and tax add up to gross on each line and in total, components to their
    /// line's tax and subtotals to the whole tax; an inclusive line keeps its gross, an exclusive one its net. How the tax
    /// was before it was rounded is not told, so that `unrounded` of the trace is what was charged.
    ///
    /// # Errors
    /// The figures do not add up, or don't fit.
    pub fn charged(currency: Currency, lines: &[ChargedLine]) -> Result<Self, ChargedError> {
        let mut taxed = Vec::with_capacity(lines.len());
        let mut trace = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let fail = |source: ChargedFault| ChargedError { line: index, source };
            taxed.push(tax_line(currency, line).map_err(fail)?);
            trace.extend(line.charges.iter().map(|charge| step(index, charge)));
        }
        let subtotals = subtotals(lines).map_err(|(line, source)| ChargedError { line, source: source.into() })?;
        let last = lines.len().saturating_sub(1);
        Self::summed(currency, taxed, subtotals, trace)
            .map_err(|source| ChargedError { line: last, source: source.into() })
    }

    /// This calculation and another of the same document as one: `places` tells for each line of this one where it is in
    /// the document, and `others` the same of the other.
    ///
    /// Every place from 0 on must be there once; a line whose place is not told is left out.
    ///
    /// # Errors
    /// A sum does not fit, or the two are in different currencies.
    pub fn joined(self, places: &[usize], other: Self, others: &[usize]) -> Result<Self, MoneyError> {
        let currency = self.net.currency();
        let mut lines = BTreeMap::new();
        let mut trace = Vec::with_capacity(self.trace.len() + other.trace.len());
        let mut subtotals = Vec::with_capacity(self.subtotals.len() + other.subtotals.len());
        for (part, places) in [(self, places), (other, others)] {
            lines.extend(places.iter().copied().zip(part.lines));
            trace.extend(
                part.trace.into_iter().filter_map(|step| Some(TraceStep { line: *places.get(step.line)?, ..step })),
            );
            subtotals.extend(part.subtotals);
        }
        trace.sort_by_key(|step| step.line);
        Self::summed(currency, lines.into_values().collect(), merged(subtotals)?, trace)
    }

    /// The calculation with these parts, and their sums.
    fn summed(
        currency: Currency,
        lines: Vec<TaxedLine>,
        subtotals: Vec<TaxSubtotal>,
        trace: Vec<TraceStep>,
    ) -> Result<Self, MoneyError> {
        let net = Money::sum(currency, lines.iter().map(|line| line.net))?;
        let tax = Money::sum(currency, lines.iter().map(|line| line.tax))?;
        let gross = Money::sum(currency, lines.iter().map(|line| line.gross))?;
        Ok(Self { lines, subtotals, net, tax, gross, trace })
    }
}

fn tax_line(currency: Currency, line: &ChargedLine) -> Result<TaxedLine, ChargedFault> {
    if line.charges.is_empty() {
        return Err(ChargedFault::NoReason);
    }
    let parts = Money::sum(currency, line.charges.iter().map(|charge| charge.tax))?;
    if parts != line.tax {
        return Err(ChargedFault::DoesNotAddUp);
    }
    let mut components = Vec::with_capacity(line.charges.len());
    for charge in &line.charges {
        match &charge.rate {
            Some(rate) => components.push(TaxComponent { rate: rate.clone(), tax: charge.tax }),
            None if charge.tax.minor() == 0 => {}
            None => return Err(ChargedFault::NoRate),
        }
    }
    let (net, gross) = match line.behavior {
        TaxBehavior::Exclusive => (line.amount, line.amount.checked_add(line.tax)?),
        TaxBehavior::Inclusive => (line.amount.checked_sub(line.tax)?, line.amount),
    };
    Ok(TaxedLine { net, tax: line.tax, gross, category: line.category, components })
}

fn step(line: usize, charge: &Charge) -> TraceStep {
    TraceStep {
        line,
        decision: charge.decision.clone(),
        rate: charge.rate.clone(),
        base: Decimal::from(charge.base.minor()),
        unrounded: Decimal::from(charge.tax.minor()),
        rounded: charge.tax.minor(),
    }
}

/// One for each category and rate; an error names the line with which the sum became too large.
fn subtotals(lines: &[ChargedLine]) -> Result<Vec<TaxSubtotal>, (usize, MoneyError)> {
    let mut sums = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let mut add = |one| add_subtotal(&mut sums, one).map_err(|error| (index, error));
        for charge in &line.charges {
            if let Some(rate) = &charge.rate {
                let category = rate_category(charge.decision.category, rate);
                add(TaxSubtotal { category, rate: Some(rate.clone()), base: charge.base, tax: charge.tax })?;
            }
        }
        if line.charges.iter().all(|charge| charge.rate.is_none()) {
            // Without a rate there is no tax, so that the amount is net, whatever its behavior.
            add(TaxSubtotal { category: line.category, rate: None, base: line.amount, tax: line.tax })?;
        }
    }
    sums.sort_by(order_of_subtotals);
    Ok(sums)
}

fn merged(subtotals: Vec<TaxSubtotal>) -> Result<Vec<TaxSubtotal>, MoneyError> {
    let mut sums = Vec::with_capacity(subtotals.len());
    for subtotal in subtotals {
        add_subtotal(&mut sums, subtotal)?;
    }
    sums.sort_by(order_of_subtotals);
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::tax::{Jurisdiction, Percentage, RatedLine, TaxRounding, compute};
    use crate::text::DisplayName;

    fn sek(minor: i64) -> Money {
        Money::new(minor, Currency::parse("SEK").unwrap())
    }

    fn rate(percent: &str, place: &str) -> AppliedRate {
        AppliedRate {
            tax_rate_id: None,
            display_name: DisplayName::parse("VAT").unwrap(),
            percentage: Percentage::parse(percent.parse().unwrap()).unwrap(),
            jurisdiction: Some(Jurisdiction::parse(place).unwrap()),
            source: None,
            since: None,
        }
    }

    fn decision() -> TaxDecision {
        TaxDecision {
            rule: Cow::Borrowed("PROVIDER_TAX"),
            category: TaxCategory::Standard,
            jurisdiction: None,
            law: None,
        }
    }

    fn charge(rate: Option<AppliedRate>, base: i64, tax: i64) -> Charge {
        Charge { decision: decision(), rate, base: sek(base), tax: sek(tax) }
    }

    fn line(amount: i64, behavior: TaxBehavior, charges: Vec<Charge>) -> ChargedLine {
        let tax = charges.iter().map(|charge| charge.tax.minor()).sum();
        ChargedLine { amount: sek(amount), behavior, tax: sek(tax), category: TaxCategory::Standard, charges }
    }

    fn charged(lines: &[ChargedLine]) -> Result<TaxCalculation, ChargedError> {
        TaxCalculation::charged(sek(0).currency(), lines)
    }

    /// What holds of every calculation, whoever computed it.
    fn check_sums(calculation: &TaxCalculation) {
        for line in &calculation.lines {
            assert_eq!(line.net.checked_add(line.tax).unwrap(), line.gross);
            assert_eq!(line.components.iter().map(|part| part.tax.minor()).sum::<i64>(), line.tax.minor());
        }
        assert_eq!(calculation.subtotals.iter().map(|part| part.tax.minor()).sum::<i64>(), calculation.tax.minor());
        assert_eq!(calculation.trace.iter().map(|step| step.rounded).sum::<i64>(), calculation.tax.minor());
        for (total, part) in [
            (calculation.net, calculation.lines.iter().map(|line| line.net.minor()).sum::<i64>()),
            (calculation.tax, calculation.lines.iter().map(|line| line.tax.minor()).sum()),
            (calculation.gross, calculation.lines.iter().map(|line| line.gross.minor()).sum()),
        ] {
            assert_eq!(total.minor(), part);
        }
    }

    #[test]
    fn what_was_told_is_taken_as_it_is_and_adds_up() {
        // Not what we would round to: 25 % of 1003 is 250.75.
        let calculation = charged(&[
            line(1_003, TaxBehavior::Exclusive, vec![charge(Some(rate("25", "SE")), 1_003, 250)]),
            line(1_250, TaxBehavior::Inclusive, vec![charge(Some(rate("25", "SE")), 1_000, 250)]),
            line(500, TaxBehavior::Exclusive, vec![charge(None, 500, 0)]),
            line(
                1_000,
                TaxBehavior::Exclusive,
                vec![charge(Some(rate("6.25", "US-CA")), 1_000, 63), charge(Some(rate("1", "US")), 1_000, 10)],
            ),
        ])
        .unwrap();
        check_sums(&calculation);
        let nets: Vec<_> = calculation.lines.iter().map(|line| line.net.minor()).collect();
        assert_eq!(nets, [1_003, 1_000, 500, 1_000]);
        let subtotals: Vec<_> =
            calculation.subtotals.iter().map(|part| (part.base.minor(), part.tax.minor())).collect();
        assert_eq!(subtotals, [(2_003, 500), (1_000, 10), (1_000, 63), (500, 0)], "in the order of jurisdictions");
        assert_eq!(calculation.trace.len(), 5);
        assert!(calculation.trace.iter().all(|step| step.unrounded == Decimal::from(step.rounded)));
    }

    #[test]
    fn figures_that_do_not_add_up_are_refused_with_their_line() {
        let right = || line(100, TaxBehavior::Exclusive, vec![charge(Some(rate("25", "SE")), 100, 25)]);
        let euro = Money::new(25, Currency::parse("EUR").unwrap());
        for (wrong, fault) in [
            (ChargedLine { tax: sek(24), ..right() }, ChargedFault::DoesNotAddUp),
            (line(100, TaxBehavior::Exclusive, vec![charge(None, 100, 25)]), ChargedFault::NoRate),
            (line(100, TaxBehavior::Exclusive, vec![]), ChargedFault::NoReason),
            (ChargedLine { amount: sek(i64::MAX), ..right() }, ChargedFault::Money(MoneyError::Overflow)),
            (
                ChargedLine { amount: euro, ..right() },
                ChargedFault::Money(MoneyError::CurrencyMismatch { left: euro.currency(), right: sek(0).currency() }),
            ),
        ] {
            assert_eq!(charged(&[right(), wrong]), Err(ChargedError { line: 1, source: fault }));
        }
    }

    #[test]
    fn a_document_is_joined_in_its_own_order_with_one_subtotal_for_each_rate() {
        let ours = RatedLine {
            amount: sek(1_000),
            behavior: TaxBehavior::Exclusive,
            rates: vec![rate("25", "SE")].into(),
            decision: TaxDecision { rule: Cow::Borrowed("MANUAL_RATE"), ..decision() },
        };
        let ours = compute(sek(0).currency(), TaxRounding::default(), &[ours.clone(), ours]).unwrap();
        let theirs = charged(&[
            line(200, TaxBehavior::Exclusive, vec![charge(Some(rate("25", "SE")), 200, 50)]),
            line(300, TaxBehavior::Exclusive, vec![charge(Some(rate("12", "SE")), 300, 36)]),
        ])
        .unwrap();
        let joined = ours.joined(&[1, 2], theirs, &[3, 0]).unwrap();
        check_sums(&joined);
        let nets: Vec<_> = joined.lines.iter().map(|line| line.net.minor()).collect();
        assert_eq!(nets, [300, 1_000, 1_000, 200]);
        let rules: Vec<_> = joined.trace.iter().map(|step| (step.line, step.decision.rule.as_ref())).collect();
        assert_eq!(rules, [(0, "PROVIDER_TAX"), (1, "MANUAL_RATE"), (2, "MANUAL_RATE"), (3, "PROVIDER_TAX")]);
        let subtotals: Vec<_> = joined.subtotals.iter().map(|part| (part.base.minor(), part.tax.minor())).collect();
        assert_eq!(subtotals, [(300, 36), (2_200, 550)]);
    }
}

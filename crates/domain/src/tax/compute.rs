//! The arithmetic of tax: lines whose rates are decided become figures that add up.
//!
//! It must not know why a rate applies, nor any country's law: a calculator decides that. Rounding happens in two places
//! here, `round_each` and `round_by_rate`, and nowhere else.
//!
//! All rates of a line are charged on the same net base; none is charged on another's tax. A rate named twice on a line
//! is charged twice and counts twice in its subtotal's base.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;

use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    AppliedRate, RoundingScope, TaxBehavior, TaxCalculation, TaxCategory, TaxComponent, TaxDecision, TaxRounding,
    TaxSubtotal, TaxedLine, TraceStep, amount_field, currency_mismatch,
};
use crate::money::{Currency, Money, MoneyError, Quotient, Rounding, allocate_by};
use crate::validation::{Invalid, Violations};

/// A line whose rates have been decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedLine<'a> {
    /// The price of the whole line.
    pub amount: Money,
    /// Whether `amount` has the tax inside.
    pub behavior: TaxBehavior,
    /// The rates that apply. Lines of one kind have the same, which they need not own.
    pub rates: Cow<'a, [AppliedRate]>,
    /// Why it has those rates, or none.
    pub decision: TaxDecision,
}

impl<'a> RatedLine<'a> {
    /// A line with rates that its caller named, or none.
    pub fn manual(amount: Money, behavior: TaxBehavior, rates: impl Into<Cow<'a, [AppliedRate]>>) -> Self {
        let rates = rates.into();
        let decision = TaxDecision::manual(&rates);
        Self { amount, behavior, rates, decision }
    }
}

/// Figures that can't be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tax of line {line} can't be computed")]
pub struct TaxComputeError {
    /// Index of the line that is at fault. Where a sum over lines is too large, the last line that it takes in.
    pub line: usize,
    /// What is wrong with it.
    pub source: MoneyError,
}

impl From<TaxComputeError> for Violations {
    /// The error as the caller of a calculator hears it: of a line's amount.
    fn from(error: TaxComputeError) -> Self {
        let invalid = match error.source {
            MoneyError::Overflow => {
                Invalid::new("AMOUNT_OUT_OF_RANGE", "must keep the sums of the document within 64 bits of minor units")
            }
            MoneyError::CurrencyMismatch { left, .. } => currency_mismatch(left),
        };
        Self::one(amount_field(error.line), invalid)
    }
}

impl TaxComputeError {
    /// Turns an error of money into one that names `line`.
    fn on(line: usize) -> impl Fn(MoneyError) -> Self {
        move |source| Self { line, source }
    }
}

/// Computes the tax of a document in `currency`.
///
/// Net and tax add up to gross on each line and in total; components add up to their line's tax, and subtotals to the
/// whole tax. An inclusive line keeps its gross to the minor unit, an exclusive one its net. Totals and subtotals do not
/// depend on the order of the lines, and with [`Rounding::HalfUp`] or [`Rounding::HalfEven`] the figures of a document
/// with all signs turned are those of the document with the signs turned.
///
/// With [`RoundingScope::PerLine`] each rate is rounded on each line. With [`RoundingScope::PerInvoice`] the exact tax of
/// a rate is summed over all lines and rounded once; the lines share it by largest remainder.
///
/// Subtotals are in the order of jurisdiction (none first), percentage and name, and those of what has no rate come last,
/// by category.
///
/// # Errors
/// A line is in another currency, or a figure does not fit into 64 bits of minor units.
pub fn compute(
    currency: Currency,
    rounding: TaxRounding,
    lines: &[RatedLine<'_>],
) -> Result<TaxCalculation, TaxComputeError> {
    let (rates, ranks) = rank_rates(lines);
    let mut charges = charge(currency, lines, &ranks)?;
    match rounding.scope {
        RoundingScope::PerLine => round_each(rounding.mode, &mut charges)?,
        RoundingScope::PerInvoice => round_by_rate(rounding.mode, lines, &ranks, &rates, &mut charges)?,
    }
    let taxed = tax_lines(currency, lines, &charges)?;
    let [net, tax, gross] = totals(currency, &taxed)?;
    let subtotals = subtotals(currency, &rates, &taxed, &charges)?;
    Ok(TaxCalculation { trace: trace(lines, &charges)?, lines: taxed, subtotals, net, tax, gross })
}

/// One rate on one line.
struct Charge {
    /// Index of the line.
    line: usize,
    /// Rank of the rate among those of the document.
    rate: usize,
    /// The rate's factor, in millionths.
    factor: u64,
    /// What turns the line's amount into its base, in millionths: 1, or 1 plus all factors of an inclusive line.
    divisor: NonZeroU64,
    /// Tax in minor units before rounding.
    exact: Quotient,
    /// Tax in minor units.
    tax: i64,
}

/// 1, in millionths.
const MILLION: NonZeroU64 = NonZeroU64::new(1_000_000).unwrap();

/// Among how many borrowed slices of rates one is looked for: a document has few kinds of products.
const BORROWED_MAX: usize = 16;

/// The distinct rates in the order of the subtotals, and the rank in that order of each rate of each line, one after the
/// other.
///
/// From here on rates are compared by rank: they carry text, and a document may have thousands of lines.
fn rank_rates<'l>(lines: &'l [RatedLine<'_>]) -> (Vec<&'l AppliedRate>, Vec<usize>) {
    let mut places: HashMap<&AppliedRate, usize> = HashMap::new();
    let mut found: Vec<(usize, &AppliedRate)> = Vec::new();
    let mut place_of = |rate| {
        *places.entry(rate).or_insert_with(|| {
            found.push((found.len(), rate));
            found.len() - 1
        })
    };
    let mut ranks: Vec<usize> = Vec::with_capacity(lines.len());
    // Lines that borrow the same rates have the same ranks, which are found without looking into them.
    let mut borrowed: Vec<(&[AppliedRate], usize)> = Vec::new();
    for rates in lines.iter().map(|line| &line.rates) {
        let is_same = |(known, _): &&(&[AppliedRate], usize)| std::ptr::eq(*known, &**rates);
        match borrowed.iter().find(is_same) {
            Some((_, first)) => ranks.extend_from_within(*first..first + rates.len()),
            None => {
                if matches!(rates, Cow::Borrowed(_)) && borrowed.len() < BORROWED_MAX {
                    borrowed.push((rates, ranks.len()));
                }
                ranks.extend(rates.iter().map(&mut place_of));
            }
        }
    }
    found.sort_unstable_by(|(_, a), (_, b)| order_of_rates(a, b));
    let mut rank_of = vec![0; found.len()];
    for (rank, (place, _)) in found.iter().enumerate() {
        rank_of[*place] = rank;
    }
    ranks.iter_mut().for_each(|rank| *rank = rank_of[*rank]);
    (found.into_iter().map(|(_, rate)| rate).collect(), ranks)
}

/// A total order in which only equal rates are equal.
pub(super) fn order_of_rates(a: &AppliedRate, b: &AppliedRate) -> Ordering {
    a.jurisdiction
        .cmp(&b.jurisdiction)
        .then_with(|| a.percentage.cmp(&b.percentage))
        .then_with(|| a.display_name.cmp(&b.display_name))
        .then_with(|| a.tax_rate_id.cmp(&b.tax_rate_id))
        .then_with(|| a.since.cmp(&b.since))
        .then_with(|| a.source.cmp(&b.source))
}

/// The exact tax of each rate on each line, in the order of the lines and of the rates on them.
fn charge(currency: Currency, lines: &[RatedLine<'_>], ranks: &[usize]) -> Result<Vec<Charge>, TaxComputeError> {
    let mut charges = Vec::with_capacity(ranks.len());
    let mut ranks = ranks.iter();
    for (line, rated) in lines.iter().enumerate() {
        let error = TaxComputeError::on(line);
        if rated.amount.currency() != currency {
            return Err(error(MoneyError::CurrencyMismatch { left: currency, right: rated.amount.currency() }));
        }
        let divisor = divisor(rated).map_err(&error)?;
        for (rate, rank) in rated.rates.iter().zip(ranks.by_ref()) {
            let factor = rate.percentage.millionths();
            let exact = exact_tax(rated.amount.minor().into(), factor, divisor).map_err(&error)?;
            charges.push(Charge { line, rate: *rank, factor, divisor, exact, tax: 0 });
        }
    }
    Ok(charges)
}

fn divisor(line: &RatedLine<'_>) -> Result<NonZeroU64, MoneyError> {
    match line.behavior {
        TaxBehavior::Exclusive => Ok(MILLION),
        TaxBehavior::Inclusive => line
            .rates
            .iter()
            .try_fold(MILLION, |sum, rate| sum.checked_add(rate.percentage.millionths()))
            .ok_or(MoneyError::Overflow),
    }
}

/// Tax on `amount` minor units before rounding.
fn exact_tax(amount: i128, factor: u64, divisor: NonZeroU64) -> Result<Quotient, MoneyError> {
    let product = amount.checked_mul(factor.into()).ok_or(MoneyError::Overflow)?;
    // One less than 64 bits hold: a share of a sum may still get the unit that is left over.
    let fits = product.unsigned_abs() < u128::from(i64::MAX.unsigned_abs()) * u128::from(divisor.get());
    if fits { Ok(Quotient::new(product, divisor)) } else { Err(MoneyError::Overflow) }
}

/// Rounds each rate on each line.
fn round_each(mode: Rounding, charges: &mut [Charge]) -> Result<(), TaxComputeError> {
    for charge in charges {
        charge.tax = charge.exact.round(mode).map_err(TaxComputeError::on(charge.line))?;
    }
    Ok(())
}

/// Rounds the sum of each rate once and splits it over the lines.
fn round_by_rate(
    mode: Rounding,
    lines: &[RatedLine<'_>],
    ranks: &[usize],
    rates: &[&AppliedRate],
    charges: &mut [Charge],
) -> Result<(), TaxComputeError> {
    let mut of_rate: Vec<Vec<usize>> = vec![Vec::new(); rates.len()];
    for (index, charge) in charges.iter().enumerate() {
        of_rate[charge.rate].push(index);
    }
    let claims = claims(lines, ranks);
    for members in of_rate {
        let Some(last) = members.last().map(|index| charges[*index].line) else { continue };
        let error = TaxComputeError::on(last);
        let total = round_sum(mode, lines, charges, &members).map_err(&error)?;
        let claim = |member: usize| &claims[charges[members[member]].line];
        // Lines with the same figures are served in their order.
        let precedence = |a: usize, b: usize| claim(a).cmp(claim(b)).then(a.cmp(&b));
        let shares: Vec<Quotient> = members.iter().map(|index| charges[*index].exact).collect();
        for (index, tax) in members.iter().zip(allocate_mirrored(total, shares, precedence).map_err(&error)?) {
            charges[*index].tax = tax;
        }
    }
    Ok(())
}

/// What decides when lines with equal shares compete for a minor unit: whether the tax is inside, the amount, and the ranks of
/// the rates.
type Claim<'a> = (bool, u64, Cow<'a, [usize]>);

/// The claim of each line.
///
/// Were the place in the document to decide, the order of the lines would tell whether an inclusive or an exclusive line gets
/// the unit, and with it the total. By claims only lines with the same figures can change places.
fn claims<'a>(lines: &[RatedLine<'_>], ranks: &'a [usize]) -> Vec<Claim<'a>> {
    let mut rest = ranks;
    lines
        .iter()
        .map(|line| {
            let (ranks, others) = rest.split_at(line.rates.len());
            rest = others;
            let mut ranks = Cow::from(ranks);
            if !ranks.is_sorted() {
                ranks.to_mut().sort_unstable();
            }
            (line.behavior == TaxBehavior::Inclusive, line.amount.minor().unsigned_abs(), ranks)
        })
        .collect()
}

/// Decimals that are kept of a sum that no common denominator fits: the noise of the last digits must not decide which way a
/// half goes.
const SUM_DECIMALS: u32 = 12;

/// The tax of one rate over its charges, rounded once.
///
/// Amounts with the same divisor are added before they are divided, and their quotients exactly, so that the sum does not
/// depend on the order of the lines. Only where the divisors are so many, or have so little in common, that no denominator
/// fits, it is the sum of decimals: then a half may be one that is off by less than its twelfth decimal.
fn round_sum(
    mode: Rounding,
    lines: &[RatedLine<'_>],
    charges: &[Charge],
    members: &[usize],
) -> Result<i64, MoneyError> {
    let Some(factor) = members.first().map(|index| charges[*index].factor) else { return Ok(0) };
    let mut amounts: BTreeMap<NonZeroU64, i128> = BTreeMap::new();
    for charge in members.iter().map(|index| &charges[*index]) {
        *amounts.entry(charge.divisor).or_default() += i128::from(lines[charge.line].amount.minor());
    }
    let quotients = amounts.into_iter().map(|(divisor, amount)| exact_tax(amount, factor, divisor));
    let quotients: Vec<Quotient> = quotients.collect::<Result<_, _>>()?;
    let nothing = Quotient::new(0, NonZeroU64::MIN);
    if let Some(sum) = quotients.iter().try_fold(nothing, |sum, quotient| sum.checked_add(*quotient)) {
        return sum.round(mode);
    }
    let mut sum = Decimal::ZERO;
    for quotient in quotients {
        sum = sum.checked_add(quotient.to_decimal(Decimal::MAX_SCALE)?).ok_or(MoneyError::Overflow)?;
    }
    mode.to_minor(sum.round_dp_with_strategy(SUM_DECIMALS, RoundingStrategy::MidpointAwayFromZero))
}

/// Splits like [`allocate_by`], but so that turned signs give the same parts with their signs turned.
///
/// That favours the upper of two equal claims, which is the one further from zero only among positive shares. So
/// the document and its mirror image are both split as that one of the two with the larger sum; at a sum of zero, the
/// one whose shares are the larger when compared from the largest on.
fn allocate_mirrored(
    total: i64,
    mut shares: Vec<Quotient>,
    precedence: impl Fn(usize, usize) -> Ordering,
) -> Result<Vec<i64>, MoneyError> {
    let mirrored = match total.cmp(&0) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => {
            let mut down = shares.clone();
            down.sort_unstable_by(|a, b| b.cmp(a));
            down.iter().rev().map(|share| share.negated()).gt(down.iter().copied())
        }
    };
    if !mirrored {
        return allocate_by(total, &shares, precedence);
    }
    shares.iter_mut().for_each(|share| *share = share.negated());
    let total = total.checked_neg().ok_or(MoneyError::Overflow)?;
    allocate_by(total, &shares, precedence)?
        .into_iter()
        .map(|part| part.checked_neg().ok_or(MoneyError::Overflow))
        .collect()
}

/// Each line with the charges on it, which are in the order of the lines.
fn tax_lines(
    currency: Currency,
    lines: &[RatedLine<'_>],
    charges: &[Charge],
) -> Result<Vec<TaxedLine>, TaxComputeError> {
    let mut charges = charges.iter();
    let mut taxed = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let error = TaxComputeError::on(index);
        let components: Vec<TaxComponent> = line
            .rates
            .iter()
            .zip(charges.by_ref())
            .map(|(rate, charge)| TaxComponent { rate: rate.clone(), tax: Money::new(charge.tax, currency) })
            .collect();
        let tax = Money::sum(currency, components.iter().map(|component| component.tax)).map_err(&error)?;
        let (net, gross) = match line.behavior {
            TaxBehavior::Exclusive => (line.amount, line.amount.checked_add(tax).map_err(&error)?),
            TaxBehavior::Inclusive => (line.amount.checked_sub(tax).map_err(&error)?, line.amount),
        };
        taxed.push(TaxedLine { net, tax, gross, category: line.decision.category, components });
    }
    Ok(taxed)
}

/// Net, tax and gross of all lines.
fn totals(currency: Currency, lines: &[TaxedLine]) -> Result<[Money; 3], TaxComputeError> {
    // Wider than 64 bits while adding: whether a sum fits must not depend on the order of its parts.
    let mut sums = [0i128; 3];
    for line in lines {
        for (sum, part) in sums.iter_mut().zip([line.net, line.tax, line.gross]) {
            *sum += i128::from(part.minor());
        }
    }
    let error = TaxComputeError::on(lines.len().saturating_sub(1));
    let [net, tax, gross] = sums.map(|sum| narrow(currency, sum));
    Ok([net.map_err(&error)?, tax.map_err(&error)?, gross.map_err(&error)?])
}

fn narrow(currency: Currency, minor: i128) -> Result<Money, MoneyError> {
    i64::try_from(minor).map(|minor| Money::new(minor, currency)).map_err(|_| MoneyError::Overflow)
}

fn subtotals(
    currency: Currency,
    rates: &[&AppliedRate],
    lines: &[TaxedLine],
    charges: &[Charge],
) -> Result<Vec<TaxSubtotal>, TaxComputeError> {
    // By the rank of the rate and the category; what has no rate comes after all rates.
    let mut sums: BTreeMap<(usize, TaxCategory), (i128, i128, usize)> = BTreeMap::new();
    let mut add = |key, line: usize, tax: i64| {
        let (base_sum, tax_sum, last) = sums.entry(key).or_default();
        *base_sum += i128::from(lines[line].net.minor());
        *tax_sum += i128::from(tax);
        *last = line;
    };
    for charge in charges {
        let category = lines[charge.line].category_of(rates[charge.rate]);
        add((charge.rate, category), charge.line, charge.tax);
    }
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.components.is_empty()) {
        add((rates.len(), line.category), index, 0);
    }
    sums.into_iter()
        .map(|((rank, category), (base, tax, last))| {
            let error = TaxComputeError::on(last);
            let base = narrow(currency, base).map_err(&error)?;
            let tax = narrow(currency, tax).map_err(&error)?;
            Ok(TaxSubtotal { category, rate: rates.get(rank).map(|rate| (*rate).clone()), base, tax })
        })
        .collect()
}

/// The most decimals of a figure in the trace.
const TRACE_DECIMALS: u32 = 12;

/// A step for each charge, and one for each line without any.
fn trace(lines: &[RatedLine<'_>], charges: &[Charge]) -> Result<Vec<TraceStep>, TaxComputeError> {
    let mut charges = charges.iter();
    let mut steps = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let (amount, error) = (line.amount.minor(), TaxComputeError::on(index));
        let step = |rate, base, unrounded, rounded| TraceStep {
            line: index,
            decision: line.decision.clone(),
            rate,
            base,
            unrounded,
            rounded,
        };
        if line.rates.is_empty() {
            steps.push(step(None, amount.into(), Decimal::ZERO, 0));
        }
        for (rate, charge) in line.rates.iter().zip(charges.by_ref()) {
            let base = match charge.divisor {
                MILLION => amount.into(),
                divisor => {
                    let product = i128::from(amount) * i128::from(MILLION.get());
                    Quotient::new(product, divisor).to_decimal(TRACE_DECIMALS).map_err(&error)?
                }
            };
            let unrounded = charge.exact.to_decimal(TRACE_DECIMALS).map_err(&error)?;
            steps.push(step(Some(rate.clone()), base, unrounded, charge.tax));
        }
    }
    Ok(steps)
}

/// A figure as the trace tells it: at most [`TRACE_DECIMALS`] decimals, halves away from zero, no trailing zeros.
pub(crate) fn traced(exact: Decimal) -> Decimal {
    exact.round_dp_with_strategy(TRACE_DECIMALS, RoundingStrategy::MidpointAwayFromZero).normalize()
}

#[cfg(test)]
mod tests;

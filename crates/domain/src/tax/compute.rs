//! The arithmetic of tax. (Written next.)
use super::{AppliedRate, TaxBehavior, TaxCalculation, TaxRounding};
use crate::money::{Currency, Money, MoneyError};

/// A line whose rates have been decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedLine {
    /// The price of the whole line.
    pub amount: Money,
    /// Whether `amount` has the tax inside.
    pub behavior: TaxBehavior,
    /// The rates that apply, with the rule that chose each.
    pub rates: Vec<AppliedRate>,
    /// The rule that chose the rates, or that there are none: see [`super::TraceStep::rule`].
    pub rule: String,
}

/// Figures that can't be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaxComputeError {
    /// An amount out of range.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Computes.
pub fn compute(
    currency: Currency,
    rounding: TaxRounding,
    lines: &[RatedLine],
) -> Result<TaxCalculation, TaxComputeError> {
    let _ = (currency, rounding, lines);
    Err(TaxComputeError::Money(MoneyError::Overflow))
}

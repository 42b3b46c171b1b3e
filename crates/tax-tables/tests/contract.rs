//! The tables under the contract of tax calculators.
#![expect(clippy::unwrap_used, reason = "in a test, an error is a failure")]

use std::sync::Arc;

use port_contracts::tax::Subject;
use tax_tables::TableTaxCalculator;
use time::macros::date;

port_contracts::tax_calculator_contract!(keeps);

async fn keeps(rule: impl AsyncFnOnce(Subject)) {
    let calculator = Arc::new(TableTaxCalculator::embedded().unwrap());
    rule(Subject { calculator, tax_point: date!(2026 - 11 - 28) }).await;
}

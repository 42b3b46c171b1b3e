//! The tax of the longest invoice, in the domain: the rules, the tables and the arithmetic, of 1,000 lines. `cargo bench -p
//! tax-tables` looks at it more closely.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result};
use domain::money::{Currency, Money};
use domain::ports::tax::TaxCalculator;
use domain::tax::{
    Jurisdiction, RoundingScope, TaxBehavior, TaxCode, TaxRegistration, TaxRequest, TaxRounding, TaxScheme,
    TaxTreatment, TaxableLine, TaxedCustomer,
};
use tax_tables::TableTaxCalculator;
use time::macros::date;

use crate::Setup;
use crate::figure::{Figure, median};

const LINES: i64 = 1_000;
const CODES: [&str; 6] = ["goods", "electronic_service", "service", "food", "book", "ebook"];
/// How often it is computed in a round.
const TIMES: usize = 300;

pub(super) async fn of_a_thousand_lines(setup: &Setup) -> Result<Vec<Figure>> {
    let calculator = TableTaxCalculator::embedded()?;
    let mut slowest: Vec<f64> = Vec::new();
    for _ in 0..setup.rounds {
        let mut of_scope = Vec::new();
        for scope in [RoundingScope::PerInvoice, RoundingScope::PerLine] {
            let request = invoice(scope)?;
            let mut took = Vec::new();
            for _ in 0..TIMES {
                let began = Instant::now();
                black_box(calculator.calculate(black_box(&request)).await?);
                took.push(began.elapsed().as_secs_f64() * 1e6);
            }
            of_scope.push(median(took));
        }
        slowest.push(of_scope.into_iter().fold(0.0, f64::max));
    }
    Ok(vec![Figure::alone("tax", "us", &slowest, 300.0).noting("1,000 lines, the slower way of rounding".to_owned())])
}

/// A Swedish seller's invoice to a consumer in Germany: six kinds of products at three rates, half of them with tax inside.
fn invoice(scope: RoundingScope) -> Result<TaxRequest> {
    let sweden = Jurisdiction::parse("SE")?;
    let currency = Currency::parse("EUR")?;
    let registration = TaxRegistration::standard(sweden);
    let line = |index: i64| {
        let code = CODES.get(usize::try_from(index)? % CODES.len()).context("a code")?;
        anyhow::Ok(TaxableLine {
            amount: Money::new(index * 7_919 % 100_003, currency),
            behavior: if index % 2 == 0 { TaxBehavior::Exclusive } else { TaxBehavior::Inclusive },
            treatment: TaxTreatment::Automatic { tax_code: Some(TaxCode::parse(code)?) },
        })
    };
    Ok(TaxRequest {
        seller: sweden,
        registrations: vec![registration, TaxRegistration { scheme: TaxScheme::UnionOss, ..registration }],
        default_tax_code: TaxCode::parse("electronic_service")?,
        customer: TaxedCustomer { place: Some(Jurisdiction::parse("DE")?), ..TaxedCustomer::default() },
        tax_point: date!(2026 - 11 - 28),
        currency,
        rounding: TaxRounding { scope, ..TaxRounding::default() },
        lines: (0..LINES).map(line).collect::<Result<_>>()?,
    })
}

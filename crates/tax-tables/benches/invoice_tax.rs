//! How long the tax of the longest invoice takes: the rules, the tables and the arithmetic, of 1,000 lines.
//! `cargo bench -p tax-tables` tells it; 300 µs is the goal on a machine of today.
#![expect(clippy::unwrap_used, reason = "a bench that can't begin has nothing to measure")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use domain::money::{Currency, Money};
use domain::ports::tax::TaxCalculator;
use domain::tax::{
    Jurisdiction, RoundingScope, TaxBehavior, TaxCalculation, TaxCode, TaxRegistration, TaxRequest, TaxRounding,
    TaxScheme, TaxTreatment, TaxableLine, TaxedCustomer,
};
use tax_tables::TableTaxCalculator;
use time::macros::date;

const LINES: usize = 1_000;
const CODES: [&str; 6] = ["goods", "electronic_service", "service", "food", "book", "ebook"];

fn main() {
    divan::main();
}

/// A Swedish seller's invoice to a consumer in Germany: six kinds of products at three rates, half of them with tax inside.
fn invoice(scope: RoundingScope) -> TaxRequest {
    let sweden = Jurisdiction::parse("SE").unwrap();
    let currency = Currency::parse("EUR").unwrap();
    let registration = TaxRegistration::standard(sweden);
    let line = |index: usize| TaxableLine {
        amount: Money::new(i64::try_from(index * 7_919 % 100_003).unwrap(), currency),
        behavior: if index.is_multiple_of(2) { TaxBehavior::Exclusive } else { TaxBehavior::Inclusive },
        treatment: TaxTreatment::Automatic { tax_code: Some(TaxCode::parse(CODES[index % CODES.len()]).unwrap()) },
    };
    TaxRequest {
        seller: sweden,
        registrations: vec![registration, TaxRegistration { scheme: TaxScheme::UnionOss, ..registration }],
        default_tax_code: TaxCode::parse("electronic_service").unwrap(),
        customer: TaxedCustomer { place: Some(Jurisdiction::parse("DE").unwrap()), ..TaxedCustomer::default() },
        tax_point: date!(2026 - 11 - 28),
        currency,
        rounding: TaxRounding { scope, ..TaxRounding::default() },
        lines: (0..LINES).map(line).collect(),
    }
}

/// The calculator never waits, so that one poll has the answer.
fn calculate(calculator: &TableTaxCalculator, request: &TaxRequest) -> TaxCalculation {
    match pin!(calculator.calculate(request)).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.unwrap(),
        Poll::Pending => unreachable!("the tables ask nobody"),
    }
}

#[divan::bench(args = [RoundingScope::PerInvoice, RoundingScope::PerLine])]
fn tax_of_a_thousand_lines(bencher: divan::Bencher<'_, '_>, scope: RoundingScope) {
    let (calculator, request) = (TableTaxCalculator::embedded().unwrap(), invoice(scope));
    bencher.bench(|| calculate(&calculator, divan::black_box(&request)));
}

//! The contract of [`TaxCalculator`].
//!
//! Each rule gets a calculator, and a day for which it has rates. It is asked for a seller in Sweden that is registered there
//! and for the one-stop shop of the Union, and for buyers in Sweden and Germany: every calculator knows both.
//! `tax_calculator_contract!(run)` makes one test of each rule, where `run(rule)` is an async function of the adapter's
//! tests that makes the calculator and gives it to the rule. Which rate is right where is no part of the contract: the law
//! is, and each calculator has its own tests for it.
#![expect(clippy::unwrap_used, reason = "a calculator that does not answer is a failed rule")]

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::money::{Currency, Money};
use domain::ports::tax::{TaxCalculator, TaxError};
use domain::tax::{
    AppliedRate, CustomerTaxStatus, Jurisdiction, Percentage, TaxBehavior, TaxCalculation, TaxCategory, TaxCode,
    TaxRegistration, TaxRequest, TaxRounding, TaxScheme, TaxSubtotal, TaxTreatment, TaxableLine, TaxedCustomer,
    TaxedLine, TraceStep,
};
use domain::text::DisplayName;
use time::Date;

/// A calculator under test.
pub struct Subject {
    /// The calculator.
    pub calculator: Arc<dyn TaxCalculator>,
    /// A day for which it can tell the tax.
    pub tax_point: Date,
}

impl Subject {
    fn request(&self, buyer: &str, lines: Vec<TaxableLine>) -> TaxRequest {
        let sweden = Jurisdiction::parse("SE").unwrap();
        let registration = TaxRegistration::standard(sweden);
        TaxRequest {
            seller: sweden,
            registrations: vec![registration, TaxRegistration { scheme: TaxScheme::UnionOss, ..registration }],
            default_tax_code: TaxCode::parse("electronic_service").unwrap(),
            customer: TaxedCustomer { place: Some(Jurisdiction::parse(buyer).unwrap()), ..TaxedCustomer::default() },
            tax_point: self.tax_point,
            currency: currency("SEK"),
            rounding: TaxRounding::default(),
            lines,
        }
    }

    async fn tax(&self, request: &TaxRequest) -> TaxCalculation {
        self.calculator.calculate(request).await.unwrap()
    }

    /// What a request is refused for: the fields, in their order.
    async fn refused(&self, request: &TaxRequest) -> Vec<String> {
        match self.calculator.calculate(request).await {
            Err(TaxError::Rejected(violations)) => violations.iter().map(|v| v.field.clone()).collect(),
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// Makes one test of each rule that every calculator must keep.
#[macro_export]
macro_rules! tax_calculator_contract {
    ($run:path) => {
        $crate::tax_calculator_rules! { $run,
            parts_add_up_to_their_wholes,
            an_inclusive_line_keeps_its_gross_and_an_exclusive_one_its_net,
            the_order_of_the_lines_changes_no_figure,
            lines_are_taxed_after_discounts_down_to_nothing,
            manual_rates_are_charged_as_they_are_named,
            every_figure_is_explained,
            the_same_question_has_the_same_answer,
            who_is_exempt_or_accounts_for_the_tax_is_charged_none,
            every_line_that_can_not_be_taxed_is_named_at_once,
            a_figure_that_does_not_fit_is_refused,
        }
    };
}

/// One test of each rule named.
#[doc(hidden)]
#[macro_export]
macro_rules! tax_calculator_rules {
    ($run:path, $($rule:ident,)+) => {
        $(
            #[tokio::test]
            async fn $rule() {
                $run($crate::tax::$rule).await;
            }
        )+
    };
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn line(minor: i64, behavior: TaxBehavior, treatment: TaxTreatment) -> TaxableLine {
    TaxableLine { amount: Money::new(minor, currency("SEK")), behavior, treatment }
}

fn automatic(minor: i64, behavior: TaxBehavior) -> TaxableLine {
    line(minor, behavior, TaxTreatment::Automatic { tax_code: None })
}

fn coded(code: &str) -> TaxableLine {
    let tax_code = Some(TaxCode::parse(code).unwrap());
    line(1_000, Exclusive, TaxTreatment::Automatic { tax_code })
}

fn manual(minor: i64, behavior: TaxBehavior, percents: &[i64]) -> TaxableLine {
    let rate = |percent: &i64| AppliedRate {
        tax_rate_id: None,
        display_name: DisplayName::parse("Local tax").unwrap(),
        percentage: Percentage::parse((*percent).into()).unwrap(),
        jurisdiction: None,
        source: None,
        since: None,
    };
    line(minor, behavior, TaxTreatment::Manual(percents.iter().map(rate).collect()))
}

use TaxBehavior::{Exclusive, Inclusive};

/// Lines of every kind whose figures all differ, with taxes that do not come out even.
fn mixed() -> Vec<TaxableLine> {
    vec![
        automatic(1_003, Exclusive),
        automatic(1_999, Inclusive),
        manual(777, Exclusive, &[12]),
        manual(1_501, Inclusive, &[7, 3]),
        manual(333, Exclusive, &[]),
        automatic(17, Exclusive),
        automatic(29, Inclusive),
    ]
}

/// Lines add up to totals, net and tax to gross, components to lines, and subtotals to all tax.
pub async fn parts_add_up_to_their_wholes(subject: Subject) {
    for buyer in ["SE", "DE"] {
        let request = subject.request(buyer, mixed());
        let answer = subject.tax(&request).await;
        assert_eq!(answer.lines.len(), request.lines.len());
        let mut sums = [0; 3];
        for line in &answer.lines {
            let parts = [line.net, line.tax, line.gross].map(|part| part.minor());
            assert_eq!(parts[0] + parts[1], parts[2], "{line:?}");
            let components: i64 = line.components.iter().map(|component| component.tax.minor()).sum();
            assert_eq!(components, parts[1], "{line:?}");
            for (sum, part) in sums.iter_mut().zip(parts) {
                *sum += part;
            }
        }
        assert_eq!([answer.net, answer.tax, answer.gross].map(|total| total.minor()), sums);
        let subtotals: i64 = answer.subtotals.iter().map(|subtotal| subtotal.tax.minor()).sum();
        assert_eq!(subtotals, answer.tax.minor());
        for subtotal in &answer.subtotals {
            let is_in = |line: &&TaxedLine| match &subtotal.rate {
                Some(rate) => line.components.iter().any(|component| &component.rate == rate),
                None => line.components.is_empty() && line.category == subtotal.category,
            };
            let (base, tax) = answer.lines.iter().filter(is_in).fold((0, 0), |(base, tax), line| {
                let of_rate = line.components.iter().filter(|part| Some(&part.rate) == subtotal.rate.as_ref());
                (base + line.net.minor(), tax + of_rate.map(|component| component.tax.minor()).sum::<i64>())
            });
            assert_eq!((subtotal.base.minor(), subtotal.tax.minor()), (base, tax), "{subtotal:?}");
        }
    }
}

/// What the seller said a line costs is what it costs, with or without the tax as the seller said.
pub async fn an_inclusive_line_keeps_its_gross_and_an_exclusive_one_its_net(subject: Subject) {
    let request = subject.request("DE", mixed());
    let answer = subject.tax(&request).await;
    for (asked, told) in request.lines.iter().zip(&answer.lines) {
        let kept = if asked.behavior == Inclusive { told.gross } else { told.net };
        assert_eq!(kept, asked.amount);
    }
}

/// Turned around, a document has the same totals, the same subtotals, and the same figures on each line.
pub async fn the_order_of_the_lines_changes_no_figure(subject: Subject) {
    let mut request = subject.request("DE", mixed());
    let mut forwards = subject.tax(&request).await;
    request.lines.reverse();
    let backwards = subject.tax(&request).await;
    forwards.lines.reverse();
    assert_eq!(forwards.lines, backwards.lines);
    assert_eq!([forwards.net, forwards.tax, forwards.gross], [backwards.net, backwards.tax, backwards.gross]);
    let sorted = |answer: &TaxCalculation| {
        let rate = |it: &TaxSubtotal| it.rate.as_ref().map(|rate| rate.percentage);
        let figures = answer.subtotals.iter().map(|it| (rate(it), it.base.minor(), it.tax.minor()));
        figures.collect::<BTreeSet<_>>()
    };
    assert_eq!(sorted(&forwards), sorted(&backwards));
}

/// Amounts are those after discounts: half of one has half of its tax, and one that is all taken off has none, by its rate.
pub async fn lines_are_taxed_after_discounts_down_to_nothing(subject: Subject) {
    let amounts = [10_000, 5_000, 0];
    let request = subject.request("DE", amounts.map(|minor| automatic(minor, Exclusive)).to_vec());
    let answer = subject.tax(&request).await;
    let taxes: Vec<_> = answer.lines.iter().map(|line| line.tax.minor()).collect();
    assert_eq!(taxes, [taxes[0], taxes[0] / 2, 0]);
    assert!(taxes[0] > 0);
    assert_eq!(answer.lines[2].gross.minor(), 0);
}

/// A line with manual rates has those and no others, each on the same net; one without any has no tax.
pub async fn manual_rates_are_charged_as_they_are_named(subject: Subject) {
    let lines =
        vec![manual(10_000, Exclusive, &[12, 3]), manual(11_500, Inclusive, &[12, 3]), manual(100, Exclusive, &[])];
    let request = subject.request("DE", lines);
    let answer = subject.tax(&request).await;
    for (index, net) in [(0, 10_000), (1, 10_000), (2, 100)] {
        assert_eq!(answer.lines[index].net.minor(), net);
    }
    for index in [0, 1] {
        let told: Vec<_> = answer.lines[index].components.iter().map(|it| it.tax.minor()).collect();
        assert_eq!(told, [1_200, 300]);
        let TaxTreatment::Manual(named) = &request.lines[index].treatment else { unreachable!() };
        assert!(answer.lines[index].components.iter().map(|it| &it.rate).eq(named));
    }
    assert_eq!((answer.lines[2].tax.minor(), answer.lines[2].components.len()), (0, 0));
    let rules: BTreeSet<_> = answer.trace.iter().map(|step| (step.line, &*step.decision.rule)).collect();
    assert_eq!(rules, BTreeSet::from([(0, "MANUAL_RATE"), (1, "MANUAL_RATE"), (2, "UNTAXED")]));
}

/// The trace has a step for each rate on each line, and one for a line without; with its rule, and its figures.
pub async fn every_figure_is_explained(subject: Subject) {
    for buyer in ["SE", "DE"] {
        let request = subject.request(buyer, mixed());
        let answer = subject.tax(&request).await;
        assert!(answer.trace.iter().all(|step| step.line < request.lines.len()));
        for (index, line) in answer.lines.iter().enumerate() {
            let steps: Vec<&TraceStep> = answer.trace.iter().filter(|step| step.line == index).collect();
            assert_eq!(steps.len(), line.components.len().max(1), "{steps:?}");
            assert_eq!(steps.iter().map(|step| step.rounded).sum::<i64>(), line.tax.minor(), "{steps:?}");
            let rates = line.components.iter().map(|component| Some(&component.rate));
            assert!(line.components.is_empty() || steps.iter().map(|step| step.rate.as_ref()).eq(rates), "{steps:?}");
            for step in steps {
                assert!(!step.decision.rule.is_empty());
                assert_eq!(step.decision.category, line.category, "{step:?}");
                let off = (step.unrounded - rust_decimal::Decimal::from(step.rounded)).abs();
                assert!(off <= rust_decimal::Decimal::ONE, "{step:?}");
                let is_automatic = matches!(request.lines[index].treatment, TaxTreatment::Automatic { .. });
                assert_eq!(step.decision.jurisdiction.is_some(), is_automatic, "{step:?}");
            }
        }
    }
}

/// Nothing is counted or remembered.
pub async fn the_same_question_has_the_same_answer(subject: Subject) {
    let request = subject.request("DE", mixed());
    assert_eq!(subject.tax(&request).await, subject.tax(&request).await);
}

/// The status of a customer counts, and is told as the category of its lines.
pub async fn who_is_exempt_or_accounts_for_the_tax_is_charged_none(subject: Subject) {
    for (status, category) in [
        (CustomerTaxStatus::Exempt, TaxCategory::Exempt),
        (CustomerTaxStatus::ReverseCharge, TaxCategory::ReverseCharge),
    ] {
        let mut request = subject.request("DE", vec![automatic(1_000, Exclusive), automatic(1_000, Inclusive)]);
        request.customer.status = status;
        let answer = subject.tax(&request).await;
        let [only] = &answer.subtotals[..] else { panic!("one category: {:?}", answer.subtotals) };
        assert_eq!((only.category, &only.rate, only.base.minor(), answer.tax.minor()), (category, &None, 2_000, 0));
        assert!(answer.lines.iter().all(|line| line.category == category && line.gross == line.net), "{answer:?}");
    }
}

/// Unknown kinds of products, foreign currencies and too many rates: the caller hears of all of them, by their fields.
pub async fn every_line_that_can_not_be_taxed_is_named_at_once(subject: Subject) {
    let foreign = TaxableLine { amount: Money::new(1_000, currency("EUR")), ..automatic(0, Exclusive) };
    let crowded = manual(1_000, Exclusive, &[1; TaxTreatment::RATES_MAX + 1]);
    let fine = automatic(1_000, Exclusive);
    let request = subject.request("DE", vec![coded("unheard_of"), fine, foreign, crowded, coded("unheard_of")]);
    let told: BTreeSet<_> = subject.refused(&request).await.into_iter().collect();
    let expected =
        ["lines[0].tax.automatic.tax_code", "lines[2].amount", "lines[3].tax", "lines[4].tax.automatic.tax_code"];
    assert_eq!(told, expected.map(str::to_owned).into());
}

/// What is beyond 64 bits is told of the amount, not wrapped around.
pub async fn a_figure_that_does_not_fit_is_refused(subject: Subject) {
    let request = subject.request("DE", vec![manual(1, Exclusive, &[25]), manual(i64::MAX, Exclusive, &[25])]);
    assert_eq!(subject.refused(&request).await, ["lines[1].amount"]);
}

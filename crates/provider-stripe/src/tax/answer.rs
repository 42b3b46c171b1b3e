//! What Stripe answers about tax, read into our figures. It must not mend an answer: one that can't be read, or that is of
//! other lines than were asked for, is none.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::money::{Currency, Money};
use domain::party::Country;
use domain::tax::{
    AppliedRate, Charge, ChargedError, ChargedLine, Jurisdiction, Percentage, TaxBehavior, TaxCalculation, TaxCategory,
    TaxDecision,
};
use domain::text::DisplayName;
use serde_json::Value;

use super::question::{Question, SentLine, behavior};
use crate::amounts;

/// The rule by which every automatic line is taxed: it is kept with documents.
const RULE: &str = "PROVIDER_TAX";
/// Where the rates come from.
const SOURCE: &str = "Stripe Tax";

/// An answer that can't be taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerError {
    /// A part is absent, or of another kind than it should be.
    #[error("the answer has no {0} that can be read")]
    Unreadable(&'static str),
    /// The lines are not those that were asked for.
    #[error("the answer is of other lines than were asked for")]
    OtherLines,
    /// The totals are not the sums of the lines.
    #[error("{0} of the answer is not the sum of its lines")]
    WrongTotal(&'static str),
    /// A line's figures do not go together.
    #[error("the answer contradicts itself at line {}: {}", .0.line, .0.source)]
    Line(ChargedError),
}

/// The calculation of the lines that were asked for, in their order.
///
/// # Errors
/// See [`AnswerError`].
pub(super) fn calculation(question: &Question, answer: &Value, lines: &[Value]) -> Result<TaxCalculation, AnswerError> {
    if answer["currency"] != amounts::code(question.currency).as_str() {
        return Err(AnswerError::Unreadable("currency"));
    }
    let by_reference: HashMap<&str, &Value> =
        lines.iter().filter_map(|line| Some((line["reference"].as_str()?, line))).collect();
    if by_reference.len() != question.lines.len() || lines.len() != question.lines.len() {
        return Err(AnswerError::OtherLines);
    }
    let mut charged = Vec::with_capacity(lines.len());
    let mut totals = Totals::default();
    for sent in &question.lines {
        let line = by_reference.get(sent.reference().as_str()).ok_or(AnswerError::OtherLines)?;
        if line["amount"] != sent.amount || line["tax_behavior"] != behavior(sent.behavior) {
            return Err(AnswerError::OtherLines);
        }
        charged.push(read_line(question.currency, sent, line, &mut totals)?);
    }
    totals.check(answer)?;
    TaxCalculation::charged(question.currency, &charged).map_err(|error| {
        // The caller's own place of the line.
        let line = question.lines.get(error.line).map_or(error.line, |sent| sent.index);
        AnswerError::Line(ChargedError { line, ..error })
    })
}

/// Sums of the lines in Stripe's units, wide enough for any lines.
#[derive(Default)]
struct Totals {
    amount: i128,
    exclusive: i128,
    inclusive: i128,
}

impl Totals {
    fn add(&mut self, sent: &SentLine, tax: i64) {
        self.amount += i128::from(sent.amount);
        match sent.behavior {
            TaxBehavior::Exclusive => {
                self.amount += i128::from(tax);
                self.exclusive += i128::from(tax);
            }
            TaxBehavior::Inclusive => self.inclusive += i128::from(tax),
        }
    }

    fn check(&self, answer: &Value) -> Result<(), AnswerError> {
        for (name, sum) in [
            ("amount_total", self.amount),
            ("tax_amount_exclusive", self.exclusive),
            ("tax_amount_inclusive", self.inclusive),
        ] {
            match answer[name].as_i64() {
                None => return Err(AnswerError::Unreadable(name)),
                Some(total) if i128::from(total) != sum => return Err(AnswerError::WrongTotal(name)),
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn read_line(
    currency: Currency,
    sent: &SentLine,
    line: &Value,
    totals: &mut Totals,
) -> Result<ChargedLine, AnswerError> {
    let tax = line["amount_tax"].as_i64().ok_or(AnswerError::Unreadable("amount_tax"))?;
    totals.add(sent, tax);
    let amount = money(sent.amount, currency, "amount")?;
    let breakdown = line["tax_breakdown"].as_array().ok_or(AnswerError::Unreadable("tax_breakdown"))?;
    let mut charges = breakdown.iter().map(|part| read_charge(currency, part)).collect::<Result<Vec<_>, _>>()?;
    if charges.is_empty() && tax == 0 {
        // Nothing was looked at, as with what is outside of the scope of any tax.
        let decision = decision(TaxCategory::OutsideScope, None);
        charges.push(Charge { decision, rate: None, base: amount, tax: Money::zero(currency) });
    }
    Ok(ChargedLine {
        amount,
        behavior: sent.behavior,
        tax: money(tax, currency, "amount_tax")?,
        category: category_of_line(&charges),
        charges,
    })
}

/// A line is what most concerns who reads its invoice: taxed, if any part of it is.
fn category_of_line(charges: &[Charge]) -> TaxCategory {
    let has = |category: &TaxCategory| charges.iter().any(|charge| charge.decision.category == *category);
    [TaxCategory::Standard, TaxCategory::ReverseCharge, TaxCategory::Exempt, TaxCategory::ZeroRated]
        .into_iter()
        .find(has)
        .unwrap_or(TaxCategory::OutsideScope)
}

fn read_charge(currency: Currency, part: &Value) -> Result<Charge, AnswerError> {
    let tax = part["amount"].as_i64().ok_or(AnswerError::Unreadable("tax_breakdown.amount"))?;
    let base = part["taxable_amount"].as_i64().ok_or(AnswerError::Unreadable("tax_breakdown.taxable_amount"))?;
    let reason = part["taxability_reason"].as_str().ok_or(AnswerError::Unreadable("taxability_reason"))?;
    let place = jurisdiction(&part["jurisdiction"]);
    let untaxed = untaxed_category(reason).filter(|_| tax == 0);
    let (category, rate) = match untaxed {
        Some(category) => (category, None),
        None => {
            let rate = read_rate(part, place)?;
            (TaxCategory::of_rates(std::slice::from_ref(&rate)), Some(rate))
        }
    };
    Ok(Charge {
        decision: decision(category, place),
        rate,
        base: money(base, currency, "tax_breakdown.taxable_amount")?,
        tax: money(tax, currency, "tax_breakdown.amount")?,
    })
}

/// What a supply is that is not taxed for that reason; nothing for one that a rate is charged on, be it of zero. Stripe may
/// have reasons that are not known here: they say nothing where they charge nothing.
fn untaxed_category(reason: &str) -> Option<TaxCategory> {
    match reason {
        "standard_rated"
        | "reduced_rated"
        | "zero_rated"
        | "portion_standard_rated"
        | "portion_reduced_rated"
        | "proportionally_rated"
        | "taxable_basis_reduced" => None,
        "customer_exempt" | "product_exempt" | "product_exempt_holiday" | "portion_product_exempt" => {
            Some(TaxCategory::Exempt)
        }
        "reverse_charge" => Some(TaxCategory::ReverseCharge),
        _ => Some(TaxCategory::OutsideScope),
    }
}

fn decision(category: TaxCategory, jurisdiction: Option<Jurisdiction>) -> TaxDecision {
    TaxDecision { rule: Cow::Borrowed(RULE), category, jurisdiction, law: None }
}

/// Whose tax it is. Of a county, city or district that is the state, since the domain knows nothing below it.
fn jurisdiction(told: &Value) -> Option<Jurisdiction> {
    let country = Country::parse(told["country"].as_str()?).ok()?;
    let part = told["state"].as_str().filter(|_| told["level"] != "country");
    Some(part.and_then(|state| Jurisdiction::part(country, state).ok()).unwrap_or_else(|| Jurisdiction::of(country)))
}

fn read_rate(part: &Value, jurisdiction: Option<Jurisdiction>) -> Result<AppliedRate, AnswerError> {
    let details = &part["tax_rate_details"];
    let percentage = details["percentage_decimal"].as_str().and_then(|text| text.parse().ok());
    let percentage = percentage.and_then(|percent| Percentage::parse(percent).ok());
    let name = details["display_name"].as_str().unwrap_or("Tax");
    let place = &part["jurisdiction"];
    let name = match (place["level"].as_str(), place["display_name"].as_str()) {
        // Several may tax one line by the same name.
        (Some("county" | "city" | "district"), Some(of)) => DisplayName::parse(&format!("{name} ({of})")),
        _ => DisplayName::parse(name),
    };
    Ok(AppliedRate {
        tax_rate_id: None,
        display_name: name.map_err(|_| AnswerError::Unreadable("tax_rate_details.display_name"))?,
        percentage: percentage.ok_or(AnswerError::Unreadable("tax_rate_details.percentage_decimal"))?,
        jurisdiction,
        source: Some(SOURCE.into()),
        since: None,
    })
}

fn money(amount: i64, currency: Currency, name: &'static str) -> Result<Money, AnswerError> {
    amounts::money(amount, currency.code()).ok_or(AnswerError::Unreadable(name))
}

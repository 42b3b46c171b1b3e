//! Stripe's tax engine behind the port of calculators. It must not compute tax of its own: what Stripe charges is taken as
//! it is told, to the minor unit, and what does not add up is refused.
//!
//! - Stripe decides by its own settings: the seller's registrations, head office and registered tax codes are those of the
//!   Stripe account. [`TaxRequest::registrations`], [`TaxRequest::seller`] and [`TaxRequest::rounding`] are not sent.
//! - Stripe takes no rates of ours for a calculation. Lines with manual rates, and untaxed ones, are computed here as the
//!   tables do it, and only the automatic ones are sent; both are then one document.
//! - Stripe needs to know where the customer is, and takes a tax point of up to two days ago or ahead.
//! - Stripe does not tell the tax before it was rounded: `unrounded` of the trace is the tax as charged.
//! - Goods to a business in another Member State are a reverse charge to Stripe, not a category of their own.
//!
//! A calculation is thrown away at Stripe by itself after a time, and nothing is recorded there for tax returns.

mod answer;
pub(crate) mod codes;
mod ids;
mod question;

use std::sync::Arc;

use async_trait::async_trait;
use domain::money::MoneyError;
use domain::ports::provider::ProviderError;
use domain::ports::tax::{TaxCalculator, TaxError};
use domain::tax::{RatedLine, TaxCalculation, TaxComputeError, TaxRequest, TaxTreatment, TaxableLine, compute};
use domain::validation::{Validator, Violations};
use serde_json::Value;

use self::answer::AnswerError;
use self::question::Question;
use crate::client::Client;
use crate::params::push;

/// Where calculations are made.
const CALCULATIONS: &str = "/v1/tax/calculations";

/// Stripe's tax engine. Made by [`StripeProvider::tax_calculator`](crate::StripeProvider::tax_calculator).
#[derive(Clone)]
pub struct StripeTaxCalculator {
    client: Arc<Client>,
}

impl StripeTaxCalculator {
    pub(crate) const fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    /// Asks Stripe; answers the calculation and all of its lines.
    async fn ask(&self, question: &Question) -> Result<(Value, Vec<Value>), TaxError> {
        let error = |error| failure(error, question);
        let answer = self.client.compute(CALCULATIONS, question.params.clone()).await.map_err(error)?;
        let mut lines = data(&answer["line_items"])?;
        let mut has_more = answer["line_items"]["has_more"] == true;
        while has_more && lines.len() < question.lines.len() {
            let (Some(id), Some(last)) = (answer["id"].as_str(), lines.last().and_then(|line| line["id"].as_str()))
            else {
                return Err(failed(AnswerError::Unreadable("id").to_string()));
            };
            let mut params = Vec::new();
            push(&mut params, "limit", 100);
            push(&mut params, "starting_after", last);
            push(&mut params, "expand[0]", "data.tax_breakdown");
            let page = self.client.get(&format!("{CALCULATIONS}/{id}/line_items"), params).await.map_err(error)?;
            let more = data(&page)?;
            // A page without lines would be asked for again and again.
            has_more = page["has_more"] == true && !more.is_empty();
            lines.extend(more);
        }
        Ok((answer, lines))
    }
}

#[async_trait]
impl TaxCalculator for StripeTaxCalculator {
    async fn calculate(&self, request: &TaxRequest) -> Result<TaxCalculation, TaxError> {
        let (mut by_hand, mut at_stripe) = (Vec::new(), Vec::new());
        let mut rated = Vec::new();
        for (index, line) in request.lines.iter().enumerate() {
            match &line.treatment {
                TaxTreatment::Manual(_) => {
                    by_hand.push(index);
                    rated.extend(manual(line));
                }
                TaxTreatment::Automatic { tax_code } => at_stripe.push((index, tax_code.as_ref())),
            }
        }
        let mut validator = Validator::new();
        request.check_lines(&mut validator);
        let question = Question::of(&mut validator, request, &at_stripe);
        let question = validator.finish(Some(question)).map_err(TaxError::Rejected)?;
        let of_document = |error: TaxComputeError| {
            let line = by_hand.get(error.line).copied().unwrap_or_default();
            TaxError::Rejected(Violations::from(TaxComputeError { line, ..error }))
        };
        let ours = compute(request.currency, request.rounding, &rated).map_err(of_document)?;
        let Some(question) = question else { return Ok(ours) };
        let (answer, lines) = self.ask(&question).await?;
        let theirs = answer::calculation(&question, &answer, &lines).map_err(|error| failed(error.to_string()))?;
        let places: Vec<usize> = question.lines.iter().map(|line| line.index).collect();
        ours.joined(&by_hand, theirs, &places).map_err(|source: MoneyError| {
            let line = request.lines.len().saturating_sub(1);
            TaxError::Rejected(Violations::from(TaxComputeError { line, source }))
        })
    }
}

/// A line with the caller's own rates, ready to be computed; nothing of one that the engine is to decide.
fn manual(line: &TaxableLine) -> Option<RatedLine<'_>> {
    let TaxTreatment::Manual(rates) = &line.treatment else { return None };
    Some(RatedLine::manual(line.amount, line.behavior, rates))
}

/// The objects of a list.
fn data(list: &Value) -> Result<Vec<Value>, TaxError> {
    list["data"].as_array().cloned().ok_or_else(|| failed(AnswerError::Unreadable("line_items").to_string()))
}

fn failed(why: String) -> TaxError {
    tracing::error!(why, "the provider's tax engine fails");
    TaxError::Failed(why)
}

/// What a failed call means to who asked for tax.
fn failure(error: ProviderError, question: &Question) -> TaxError {
    match error {
        ProviderError::Rejected { field: param, code } => match question.refusal(param.as_deref(), &code) {
            Some(violations) => TaxError::Rejected(violations),
            None => failed(code),
        },
        ProviderError::Unsupported { capability } => failed(capability.to_owned()),
        ProviderError::NotFound => failed("resource_missing".to_owned()),
        // As with the provider's other calls: a key that is refused may be mended without a change of the request.
        ProviderError::Unauthorized
        | ProviderError::Conflict { .. }
        | ProviderError::RateLimited { .. }
        | ProviderError::Unavailable
        | ProviderError::CircuitOpen { .. }
        | ProviderError::OutcomeUnknown => TaxError::Unavailable,
    }
}

#[cfg(test)]
mod tests;

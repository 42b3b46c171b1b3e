//! Tax by the [place of supply](crate::place) and the rates of a table. It must not compute tax: that is
//! [`domain::tax::compute`]'s.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use domain::ports::tax::{TaxCalculator, TaxError};
use domain::tax::{
    AppliedRate, Jurisdiction, RatedLine, TaxCalculation, TaxCategory, TaxCode, TaxDecision, TaxRequest, TaxTreatment,
    compute,
};
use domain::validation::{Invalid, Validator, Violations};

use crate::place::{BeforeKnownRules, KNOWN_SINCE, Parties, Place};
use crate::table::{PartRelation, RateTable, TableError};

/// Calculates tax by a [`RateTable`], without asking anybody.
#[derive(Debug, Clone)]
pub struct TableTaxCalculator {
    pub(crate) table: RateTable,
}

impl TableTaxCalculator {
    /// A calculator over `table`.
    pub const fn new(table: RateTable) -> Self {
        Self { table }
    }

    /// A calculator over the table that is part of the program.
    ///
    /// # Errors
    /// The program was built with a bad table.
    pub fn embedded() -> Result<Self, TableError> {
        RateTable::embedded().map(Self::new)
    }

    /// Whether that is the code of a kind of product, of our own list or of the one that is widely used.
    pub fn knows_tax_code(&self, code: &TaxCode) -> bool {
        self.table.tax_code(code).is_some()
    }

    fn answer(&self, request: &TaxRequest) -> Result<TaxCalculation, Violations> {
        let parties = Parties::of(request, &self.table);
        let mut validator = Validator::new();
        request.check_lines(&mut validator);
        // Lines with the same kind of product have the same rates: each kind is decided once.
        let mut places: BTreeMap<&TaxCode, usize> = BTreeMap::new();
        let mut decided: Vec<Result<Decided, Refusal>> = Vec::new();
        let mut decide = |code| {
            *places.entry(code).or_insert_with(|| {
                decided.push(self.decide(&parties, request, code));
                decided.len() - 1
            })
        };
        let of_line = request.lines.iter().map(|line| match &line.treatment {
            TaxTreatment::Manual(rates) => LineRates::Named(rates),
            TaxTreatment::Automatic { tax_code } => {
                LineRates::OfKind(decide(tax_code.as_ref().unwrap_or(&request.default_tax_code)))
            }
        });
        let of_line: Vec<LineRates<'_>> = of_line.collect();
        let mut of_whole = BTreeSet::new();
        let mut lines = Vec::with_capacity(request.lines.len());
        for (index, (line, rates)) in request.lines.iter().zip(of_line).enumerate() {
            let rated = match rates {
                LineRates::Named(rates) => Ok(RatedLine::manual(line.amount, line.behavior, rates)),
                LineRates::OfKind(kind) => match &decided[kind] {
                    Ok(Decided { rates, decision }) => Ok(RatedLine {
                        amount: line.amount,
                        behavior: line.behavior,
                        rates: Cow::Borrowed(rates),
                        decision: decision.clone(),
                    }),
                    Err(refusal) => Err(refusal),
                },
            };
            match rated {
                Ok(rated) => lines.push(rated),
                Err(Refusal { at: At::Line(field), invalid }) => {
                    validator.refuse(&format!("lines[{index}].{field}"), invalid.clone());
                }
                // What is wrong with the whole is told once, though it is found at many lines.
                Err(Refusal { at: At::Whole(field), invalid }) => {
                    if of_whole.insert((*field, invalid.rule)) {
                        validator.refuse(field, invalid.clone());
                    }
                }
            }
        }
        let lines = validator.finish(Some(lines))?;
        Ok(compute(request.currency, request.rounding, &lines)?)
    }

    /// What applies to the automatic lines with that kind of product.
    fn decide(&self, parties: &Parties<'_>, request: &TaxRequest, code: &TaxCode) -> Result<Decided, Refusal> {
        let Some(kind) = self.table.tax_code(code) else {
            let expected = "must be a tax code that the tables know, such as goods, electronic_service or ebook";
            return Err(Refusal::of_code("UNKNOWN_TAX_CODE", expected.to_owned()));
        };
        let place = parties.place_of(kind.supply).map_err(|BeforeKnownRules| {
            let expected = format!("must be {KNOWN_SINCE} or later for a supply to another country");
            Refusal::of_whole("tax_point", "NO_TAX_RULES", expected)
        })?;
        let Some(jurisdiction) = place.jurisdiction.filter(|_| place.is_charged) else {
            return Ok(Decided::of(place, Vec::new()));
        };
        let mut rates = Vec::new();
        for taxing in self.taxing(parties, request, jurisdiction)? {
            if let Some(reason) = self.table.undetermined(&taxing, code, request.tax_point) {
                let expected = format!("needs a manual rate in {taxing}, where it does not tell the rate: {reason}");
                return Err(Refusal::of_code("UNDETERMINED_TAX_RATE", expected));
            }
            let Some(rate) = self.table.rate(&taxing, Some(code), request.tax_point) else {
                let expected = format!("must be a date for which the tax rate of {taxing} is known");
                return Err(Refusal::of_whole("tax_point", "NO_TAX_RATE", expected));
            };
            rates.push(rate.clone());
        }
        Ok(Decided::of(place, rates))
    }

    /// The jurisdictions whose taxes are charged in `place`: a country, a part of one in its stead, or both.
    fn taxing(
        &self,
        parties: &Parties<'_>,
        request: &TaxRequest,
        place: Jurisdiction,
    ) -> Result<Vec<Jurisdiction>, Refusal> {
        let country = Jurisdiction::of(place.country());
        if !self.table.contains(&country) {
            let expected = format!("must be manual: the tables have no tax of {country}");
            return Err(Refusal { at: At::Line("tax"), invalid: Invalid::new("NO_TAX_TABLE", expected) });
        }
        if self.table.parts_of(country.country()).next().is_none() {
            return Ok(vec![country]);
        }
        match self.table.relation(&place) {
            Some(PartRelation::Replaces) => Ok(vec![place]),
            // Each is charged by its own registration.
            Some(PartRelation::Adds | PartRelation::Untaxed) => {
                Ok([country, place].into_iter().filter(|taxing| parties.is_registered_with(*taxing)).collect())
            }
            None => {
                let field = if request.customer.place.is_some() { "customer.place" } else { "seller" };
                let expected = format!("must say in which part of {country} it is, such as {}", self.example(country));
                Err(Refusal::of_whole(field, "SUBDIVISION_REQUIRED", expected))
            }
        }
    }

    fn example(&self, country: Jurisdiction) -> String {
        self.table.parts_of(country.country()).next().map(|part| part.to_string()).unwrap_or_default()
    }
}

#[async_trait]
impl TaxCalculator for TableTaxCalculator {
    async fn calculate(&self, request: &TaxRequest) -> Result<TaxCalculation, TaxError> {
        self.answer(request).map_err(TaxError::Rejected)
    }
}

/// Why the tax of a line can't be told.
struct Refusal {
    at: At,
    invalid: Invalid,
}

/// What is wrong: a field of each line, or one of the whole request.
#[derive(Clone, Copy)]
enum At {
    Line(&'static str),
    Whole(&'static str),
}

impl Refusal {
    fn of_code(rule: &'static str, expected: String) -> Self {
        Self { at: At::Line("tax.automatic.tax_code"), invalid: Invalid::new(rule, expected) }
    }

    fn of_whole(field: &'static str, rule: &'static str, expected: String) -> Self {
        Self { at: At::Whole(field), invalid: Invalid::new(rule, expected) }
    }
}

/// Where a line has its rates from.
enum LineRates<'r> {
    /// Its caller.
    Named(&'r [AppliedRate]),
    /// What was decided of its kind of product, at this place.
    OfKind(usize),
}

/// The rates of a line, and why.
struct Decided {
    rates: Vec<AppliedRate>,
    decision: TaxDecision,
}

impl Decided {
    fn of(place: Place, rates: Vec<AppliedRate>) -> Self {
        let category = match &rates[..] {
            [] => place.rule.category_without_rate(),
            rates => TaxCategory::of_rates(rates),
        };
        let decision = TaxDecision {
            rule: Cow::Borrowed(place.rule.code()),
            category,
            jurisdiction: place.jurisdiction,
            law: place.law.map(Cow::Borrowed),
        };
        Self { rates, decision }
    }
}

#[cfg(test)]
mod tests;

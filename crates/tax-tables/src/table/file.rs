//! The form of the data files, and what they must hold to become a table. It must not know what is looked up in it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use domain::tax::{AppliedRate, Jurisdiction, Percentage, TaxCode};
use domain::text::DisplayName;
use domain::validation::Invalid;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::Date;

use super::history::{DatedRate, History, Period};
use super::{JurisdictionRates, PartRelation, TableError, Undetermined};
use crate::tax_code::{Supply, TaxCodeEntry, TaxCodeIndex, TaxCodes};

/// Reads the kinds of products.
pub(super) fn tax_codes(file: (&str, &str)) -> Result<TaxCodes, TableError> {
    let form: TaxCodeFile = parse(file)?;
    let mut codes = TaxCodes::default();
    for TaxCodeForm { code, name, supply, aliases } in form.tax_code {
        let unfit = |source| TableError::Unfit { of: code.clone(), source };
        let aliases = aliases.iter().map(|alias| TaxCode::parse(alias)).collect::<Result<_, _>>().map_err(unfit)?;
        let name = DisplayName::parse(&name).map_err(unfit)?;
        let code = TaxCode::parse(&code).map_err(unfit)?;
        codes
            .add(TaxCodeEntry { code, name, supply }, aliases)
            .map_err(|taken| TableError::DuplicateTaxCode(taken.as_str().to_owned()))?;
    }
    Ok(codes)
}

/// Reads the rates of a file's jurisdictions, in the order of the file.
pub(super) fn rates(
    file: (&str, &str),
    tax_codes: &TaxCodes,
) -> Result<Vec<(Jurisdiction, JurisdictionRates)>, TableError> {
    let form: RatesFile = parse(file)?;
    form.jurisdiction.into_iter().map(|entry| Ok((entry.code, entry.read(tax_codes)?))).collect()
}

fn parse<T: DeserializeOwned>((file, text): (&str, &str)) -> Result<T, TableError> {
    toml::from_str(text).map_err(|error| TableError::Malformed { file: file.to_owned(), source: Box::new(error) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaxCodeFile {
    tax_code: Vec<TaxCodeForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaxCodeForm {
    code: String,
    name: String,
    supply: Supply,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RatesFile {
    jurisdiction: Vec<JurisdictionForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JurisdictionForm {
    code: Jurisdiction,
    name: Option<String>,
    eu_member_since: Option<Date>,
    eu_member_until: Option<Date>,
    relation: Option<PartRelation>,
    #[serde(default)]
    foreign_sellers_charge_businesses: bool,
    source: Option<String>,
    #[serde(default)]
    rates: Vec<RateForm>,
    #[serde(default)]
    reduced: Vec<ReducedForm>,
    #[serde(default)]
    undetermined: Vec<UndeterminedForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReducedForm {
    tax_codes: Vec<String>,
    source: Option<String>,
    rates: Vec<RateForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UndeterminedForm {
    tax_codes: Vec<String>,
    since: Option<Date>,
    until: Option<Date>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateForm {
    since: Option<Date>,
    by: Option<Date>,
    until: Option<Date>,
    percent: Decimal,
    source: Option<String>,
}

impl JurisdictionForm {
    fn read(self, tax_codes: &TaxCodes) -> Result<JurisdictionRates, TableError> {
        let jurisdiction = self.code;
        let eu_membership = self.eu_membership()?;
        if self.relation.is_some() != jurisdiction.subdivision().is_some() {
            return Err(TableError::Misplaced(jurisdiction));
        }
        if stated(self.source.as_deref()).is_none() {
            return Err(TableError::NoSource(jurisdiction));
        }
        let mut rates = JurisdictionRates {
            eu_membership,
            relation: self.relation,
            foreign_sellers_charge_businesses: self.foreign_sellers_charge_businesses,
            standard: History::default(),
            reduced: Vec::with_capacity(self.reduced.len()),
            reduced_by_code: HashMap::new(),
            undetermined: HashMap::new(),
        };
        if self.relation == Some(PartRelation::Untaxed) {
            let has_tax = self.name.is_some()
                || !(self.rates.is_empty() && self.reduced.is_empty() && self.undetermined.is_empty());
            return if has_tax { Err(TableError::Misplaced(jurisdiction)) } else { Ok(rates) };
        }
        let name = DisplayName::parse(self.name.as_deref().unwrap_or_default()).map_err(unfit(jurisdiction))?;
        let reader = Reader { jurisdiction, name: &name, tax_codes };
        rates.standard = reader.history(self.rates, self.source.as_deref())?;
        if rates.standard.0.iter().any(|dated| dated.until.is_some()) {
            return Err(TableError::StandardEnds(jurisdiction));
        }
        for (list, ReducedForm { tax_codes, source, rates: dated }) in self.reduced.into_iter().enumerate() {
            rates.reduced.push(reader.history(dated, source.as_deref())?);
            reader.index(&mut rates.reduced_by_code, &tax_codes, &list)?;
        }
        for undetermined in self.undetermined {
            let tax_codes = undetermined.tax_codes.clone();
            let undetermined = undetermined.read(jurisdiction)?;
            reader.index(&mut rates.undetermined, &tax_codes, &undetermined)?;
        }
        reader.refuse_rates_that_never_apply(&rates)?;
        Ok(rates)
    }

    fn eu_membership(&self) -> Result<Option<Period>, TableError> {
        let period = period(self.code, self.eu_member_since, self.eu_member_until)?;
        match (self.eu_member_since, self.eu_member_until, self.code.subdivision()) {
            (None, None, _) => Ok(None),
            (Some(_), _, None) => Ok(Some(period)),
            _ => Err(TableError::Misplaced(self.code)),
        }
    }
}

impl UndeterminedForm {
    fn read(self, jurisdiction: Jurisdiction) -> Result<Undetermined, TableError> {
        let Some(reason) = stated(Some(&self.reason)) else { return Err(TableError::NoSource(jurisdiction)) };
        Ok(Undetermined { period: period(jurisdiction, self.since, self.until)?, reason: reason.to_owned() })
    }
}

/// What the lists of a jurisdiction have in common.
struct Reader<'a> {
    jurisdiction: Jurisdiction,
    name: &'a DisplayName,
    tax_codes: &'a TaxCodes,
}

impl Reader<'_> {
    fn history(&self, forms: Vec<RateForm>, source: Option<&str>) -> Result<History, TableError> {
        let jurisdiction = self.jurisdiction;
        let mut rates: Vec<DatedRate> = Vec::with_capacity(forms.len());
        for form in forms {
            let dated = self.dated(form, source)?;
            let in_order = match rates.last() {
                Some(DatedRate { until: Some(until), .. }) => *until < dated.from,
                // A rate that is in force by a day would overlap one that has not ended.
                Some(before) => before.from < dated.from && dated.began,
                None => true,
            };
            if !in_order {
                return Err(TableError::OutOfOrder { jurisdiction, day: dated.from });
            }
            rates.push(dated);
        }
        if rates.is_empty() { Err(TableError::NoRates(jurisdiction)) } else { Ok(History(rates)) }
    }

    fn dated(&self, form: RateForm, source: Option<&str>) -> Result<DatedRate, TableError> {
        let jurisdiction = self.jurisdiction;
        let (from, began) = match (form.since, form.by) {
            (Some(since), None) => (since, true),
            (None, Some(by)) => (by, false),
            _ => return Err(TableError::NoBeginning(jurisdiction)),
        };
        let period = period(jurisdiction, Some(from), form.until)?;
        let source = stated(form.source.as_deref().or(source)).ok_or(TableError::NoSource(jurisdiction))?;
        let rate = AppliedRate {
            tax_rate_id: None,
            display_name: self.name.clone(),
            percentage: Percentage::parse(form.percent).map_err(unfit(jurisdiction))?,
            jurisdiction: Some(jurisdiction),
            source: Some(source.into()),
            since: began.then_some(from),
        };
        Ok(DatedRate { from, began, until: period.until, rate })
    }

    /// Files `value` under each of the tax codes.
    fn index<T: Clone>(
        &self,
        by_code: &mut HashMap<TaxCodeIndex, T>,
        tax_codes: &[String],
        value: &T,
    ) -> Result<(), TableError> {
        let jurisdiction = self.jurisdiction;
        for tax_code in tax_codes {
            match by_code.entry(self.tax_code(tax_code)?) {
                Entry::Vacant(vacant) => _ = vacant.insert(value.clone()),
                Entry::Occupied(_) => {
                    return Err(TableError::TaxCodeTwice { jurisdiction, tax_code: tax_code.clone() });
                }
            }
        }
        Ok(())
    }

    fn tax_code(&self, tax_code: &str) -> Result<TaxCodeIndex, TableError> {
        let unknown = || TableError::UnknownTaxCode { jurisdiction: self.jurisdiction, tax_code: tax_code.to_owned() };
        let code = TaxCode::parse(tax_code).map_err(|_| unknown())?;
        let found = self.tax_codes.find(&code).filter(|(_, entry)| entry.code == code);
        found.map(|(index, _)| index).ok_or_else(unknown)
    }

    /// A tax code that never tells the rate has no use for rates: one of the two lists is a mistake.
    fn refuse_rates_that_never_apply(&self, rates: &JurisdictionRates) -> Result<(), TableError> {
        for (index, undetermined) in &rates.undetermined {
            let always = undetermined.period.since.is_none() && undetermined.period.until.is_none();
            if always && rates.reduced_by_code.contains_key(index) {
                let tax_code = self.tax_codes.entries().get(*index);
                let tax_code = tax_code.map(|entry| entry.code.as_str().to_owned()).unwrap_or_default();
                return Err(TableError::TaxCodeTwice { jurisdiction: self.jurisdiction, tax_code });
            }
        }
        Ok(())
    }
}

fn period(jurisdiction: Jurisdiction, since: Option<Date>, until: Option<Date>) -> Result<Period, TableError> {
    match (since, until) {
        (Some(since), Some(until)) if until < since => Err(TableError::OutOfOrder { jurisdiction, day: until }),
        _ => Ok(Period { since, until }),
    }
}

/// What a text says, if it says anything.
fn stated(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn unfit(jurisdiction: Jurisdiction) -> impl Fn(Invalid) -> TableError {
    move |source| TableError::Unfit { of: jurisdiction.to_string(), source }
}

//! Dated rates by jurisdiction and tax code. It knows when a rate is in force, and nothing of sellers and customers.

mod file;
mod history;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use domain::party::Country;
use domain::tax::{AppliedRate, Jurisdiction, TaxCode};
use domain::validation::Invalid;
use serde::Deserialize;
use time::Date;

use self::history::{History, Period, State};
use crate::tax_code::{Supply, TaxCodeEntry, TaxCodeIndex, TaxCodes};

/// A data file: its name, which errors tell, and its text.
type DataFile = (&'static str, &'static str);

const TAX_CODES: DataFile = ("tax_codes.toml", include_str!("../data/tax_codes.toml"));
const RATES: [DataFile; 4] = [
    ("eu.toml", include_str!("../data/eu.toml")),
    ("europe.toml", include_str!("../data/europe.toml")),
    ("canada.toml", include_str!("../data/canada.toml")),
    ("asia_pacific.toml", include_str!("../data/asia_pacific.toml")),
];

/// The rates of some jurisdictions, each in force from its date until it ends or the next one begins.
///
/// A lookup hashes the tax code once and walks two small trees; it never allocates.
#[derive(Debug, Clone)]
pub struct RateTable {
    tax_codes: TaxCodes,
    jurisdictions: BTreeMap<Jurisdiction, JurisdictionRates>,
}

/// How the tax of a part of a country stands to the country's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartRelation {
    /// It is charged instead of the country's tax, and has that inside (HST).
    Replaces,
    /// It is charged beside the country's tax, on the same price (PST, QST, RST).
    Adds,
    /// The part has no tax of its own: the country's alone is charged. The table has no rate for it.
    Untaxed,
}

#[derive(Debug, Clone)]
struct JurisdictionRates {
    eu_membership: Option<Period>,
    relation: Option<PartRelation>,
    foreign_sellers_charge_businesses: bool,
    /// Empty for an untaxed part alone.
    standard: History,
    reduced: Vec<History>,
    /// Which of `reduced` a tax code has.
    reduced_by_code: HashMap<TaxCodeIndex, usize>,
    undetermined: HashMap<TaxCodeIndex, Undetermined>,
}

/// A tax code that does not tell the rate.
#[derive(Debug, Clone)]
struct Undetermined {
    period: Period,
    reason: String,
}

/// Table data that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not TOML, or not of the table's form; an unknown country or a malformed date is told here too.
    #[error("the tax data in {file} can't be read")]
    Malformed {
        /// Name of the file.
        file: String,
        /// What is wrong, and where.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A jurisdiction stands there twice.
    #[error("{0} is in the tax data twice")]
    DuplicateJurisdiction(Jurisdiction),
    /// Two kinds of products have that code or alias.
    #[error("the tax code {0} is in the tax data twice")]
    DuplicateTaxCode(String),
    /// A list of rates is empty.
    #[error("{0} has a list without rates in the tax data")]
    NoRates(Jurisdiction),
    /// A rate begins neither on nor by a day, or it says both.
    #[error("a rate of {0} must have one of since and by")]
    NoBeginning(Jurisdiction),
    /// A period does not begin after the one before it, or ends before it begins.
    #[error("a period of {jurisdiction} at {day} is not in the order of dates")]
    OutOfOrder {
        /// Whose it is.
        jurisdiction: Jurisdiction,
        /// The day that is out of order.
        day: Date,
    },
    /// The end of a standard rate: there is nothing that could apply after it.
    #[error("a standard rate of {0} must not end before the next one begins")]
    StandardEnds(Jurisdiction),
    /// A jurisdiction has rates for a tax code that nothing defines. Aliases are not for the data.
    #[error("{jurisdiction} has rates for the unknown tax code {tax_code}")]
    UnknownTaxCode {
        /// Whose rates they are.
        jurisdiction: Jurisdiction,
        /// The code.
        tax_code: String,
    },
    /// A tax code stands in two lists of a jurisdiction, or twice in one.
    #[error("{jurisdiction} lists the tax code {tax_code} twice")]
    TaxCodeTwice {
        /// Whose lists they are.
        jurisdiction: Jurisdiction,
        /// The code.
        tax_code: String,
    },
    /// Nothing tells where a rate comes from, or why there is none.
    #[error("{0} has a rate without a source in the tax data")]
    NoSource(Jurisdiction),
    /// A part of a country without a relation to the country's tax, or without that country in the data; or a relation or
    /// rates where there must be none.
    #[error("{0} does not stand in the tax data as a country or a part of one must")]
    Misplaced(Jurisdiction),
    /// A name, a tax code or a percentage is unfit.
    #[error("the tax data has an unfit value for {of}")]
    Unfit {
        /// The code of the jurisdiction or of the kind of product.
        of: String,
        /// What was expected.
        #[source]
        source: Invalid,
    },
}

impl RateTable {
    /// The table that is part of the program; `data/README.md` tells what it holds.
    ///
    /// # Errors
    /// The program was built with a bad table.
    pub fn embedded() -> Result<Self, TableError> {
        Self::parse(TAX_CODES, &RATES)
    }

    /// Reads tax codes and rates, each file as its name and its text, of the form that `data/README.md` tells.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn parse(tax_codes: (&str, &str), rates: &[(&str, &str)]) -> Result<Self, TableError> {
        let tax_codes = file::tax_codes(tax_codes)?;
        let mut jurisdictions = BTreeMap::new();
        for rates in rates {
            for (jurisdiction, rates) in file::rates(*rates, &tax_codes)? {
                if jurisdictions.insert(jurisdiction, rates).is_some() {
                    return Err(TableError::DuplicateJurisdiction(jurisdiction));
                }
            }
        }
        let orphan = |jurisdiction: &&Jurisdiction| !jurisdictions.contains_key(&jurisdiction.country().into());
        if let Some(part) = jurisdictions.keys().find(orphan) {
            return Err(TableError::Misplaced(*part));
        }
        Ok(Self { tax_codes, jurisdictions })
    }

    /// All kinds of products, in the order of the data.
    pub fn tax_codes(&self) -> impl Iterator<Item = &TaxCodeEntry> {
        self.tax_codes.entries().iter()
    }

    /// The kind of product with that code, or with an alias that is that code.
    pub fn tax_code(&self, code: &TaxCode) -> Option<&TaxCodeEntry> {
        self.tax_codes.find(code).map(|(_, entry)| entry)
    }

    /// All jurisdictions of the table, each country before its parts.
    pub fn jurisdictions(&self) -> impl Iterator<Item = Jurisdiction> {
        self.jurisdictions.keys().copied()
    }

    /// Whether the table knows the jurisdiction. It may have no rate on a date all the same.
    pub fn contains(&self, jurisdiction: &Jurisdiction) -> bool {
        self.jurisdictions.contains_key(jurisdiction)
    }

    /// The parts of the country, with taxes of their own and without; none for a country that is taxed as a whole.
    pub fn parts_of(&self, country: Country) -> impl Iterator<Item = Jurisdiction> {
        let after_country = (Bound::Excluded(Jurisdiction::of(country)), Bound::Unbounded);
        let parts = self.jurisdictions.range(after_country).map(|(jurisdiction, _)| *jurisdiction);
        parts.take_while(move |jurisdiction| jurisdiction.country() == country)
    }

    /// How the tax of a part stands to the tax of its country; `None` for whole countries and for parts that the table
    /// does not know.
    pub fn relation(&self, part: &Jurisdiction) -> Option<PartRelation> {
        self.jurisdictions.get(part)?.relation
    }

    /// Whether the law of the EU on VAT applies in the country on that date, as in a Member State.
    pub fn is_eu_member(&self, country: Country, on: Date) -> bool {
        let rates = self.jurisdictions.get(&country.into());
        rates.and_then(|rates| rates.eu_membership).is_some_and(|membership| membership.contains(on))
    }

    /// Whether the country is as a Member State on the first and the last of those days; without a last day, for good.
    pub fn is_eu_member_throughout(&self, country: Country, since: Option<Date>, until: Option<Date>) -> bool {
        let is_member = |on| self.is_eu_member(country, on);
        since.is_none_or(is_member) && is_member(until.unwrap_or(Date::MAX))
    }

    /// Whether sellers from abroad that are registered in the country charge its tax to businesses too, and not to consumers
    /// alone.
    pub fn foreign_sellers_charge_businesses(&self, country: Country) -> bool {
        self.jurisdictions.get(&country.into()).is_some_and(|rates| rates.foreign_sellers_charge_businesses)
    }

    /// The standard rate that is in force in the country on that date, if the table has one.
    pub fn standard(&self, country: Country, on: Date) -> Option<&AppliedRate> {
        self.rate(&country.into(), None, on)
    }

    /// The rate that is in force on that date: that of the tax code or of what it is an alias of, and the standard rate
    /// without one, for a code that the jurisdiction does not name, and for one that nothing defines.
    ///
    /// `None` where the table has no rate: for a jurisdiction or a time that it does not know, for a part without a tax of
    /// its own, where the tax code does not tell the rate ([`RateTable::undetermined`] says why), and for kinds of
    /// products outside of the scope of tax ([`Supply::Nontaxable`]). It never means a rate of zero.
    pub fn rate(&self, jurisdiction: &Jurisdiction, tax_code: Option<&TaxCode>, on: Date) -> Option<&AppliedRate> {
        let rates = self.jurisdictions.get(jurisdiction)?;
        let kind = tax_code.and_then(|code| self.tax_codes.find(code));
        let named = match kind {
            None => State::NotInForce,
            Some((_, entry)) if entry.supply == Supply::Nontaxable => State::Unknown,
            Some((index, _)) => rates.of_tax_code(index, on),
        };
        match named {
            State::InForce(rate) => Some(rate),
            State::Unknown => None,
            State::NotInForce => match rates.standard.on(on) {
                State::InForce(rate) => Some(rate),
                State::NotInForce | State::Unknown => None,
            },
        }
    }

    /// Why the tax code does not tell the rate in the jurisdiction on that date, if it does not: a line with it needs a
    /// manual rate.
    pub fn undetermined(&self, jurisdiction: &Jurisdiction, tax_code: &TaxCode, on: Date) -> Option<&str> {
        let (index, _) = self.tax_codes.find(tax_code)?;
        self.jurisdictions
            .get(jurisdiction)?
            .undetermined_on(index, on)
            .map(|undetermined| undetermined.reason.as_str())
    }
}

impl JurisdictionRates {
    fn of_tax_code(&self, index: TaxCodeIndex, on: Date) -> State<'_> {
        if self.undetermined_on(index, on).is_some() {
            return State::Unknown;
        }
        let list = self.reduced_by_code.get(&index).and_then(|list| self.reduced.get(*list));
        list.map_or(State::NotInForce, |list| list.on(on))
    }

    fn undetermined_on(&self, index: TaxCodeIndex, on: Date) -> Option<&Undetermined> {
        self.undetermined.get(&index).filter(|undetermined| undetermined.period.contains(on))
    }
}

#[cfg(test)]
mod tests;

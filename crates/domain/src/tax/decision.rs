//! Why a line is taxed as it is. It knows the names of the reasons, and not the rules that lead to them: those are a
//! calculator's.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{AppliedRate, Jurisdiction};

/// What a supply is for tax: the categories of the European standard for invoices (EN 16931, BT-118), which also say what
/// an invoice must tell about a supply without tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxCategory {
    /// Taxed by a rate above zero, be it the standard or a reduced one.
    Standard,
    /// Taxed at zero per cent.
    ZeroRated,
    /// Exempt from tax.
    Exempt,
    /// The customer accounts for the tax (Directive 2006/112/EC, art. 194 to 199a).
    ReverseCharge,
    /// Goods to a business in another Member State (Directive 2006/112/EC, art. 138).
    IntraCommunitySupply,
    /// Goods that leave the country for good (in the EU, Directive 2006/112/EC, art. 146).
    Export,
    /// Not a supply that the seller's law taxes, or not a seller that it taxes.
    OutsideScope,
}

impl TaxCategory {
    /// What a supply with these rates is; outside the scope where there are none.
    pub fn of_rates(rates: &[AppliedRate]) -> Self {
        Self::of(rates.iter())
    }

    pub(super) fn of<'a>(rates: impl Iterator<Item = &'a AppliedRate>) -> Self {
        rates.fold(Self::OutsideScope, |category, rate| match (category, rate.percentage.percent().is_zero()) {
            (Self::Standard, _) | (_, false) => Self::Standard,
            (_, true) => Self::ZeroRated,
        })
    }

    /// The name in snake case, as it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::ZeroRated => "zero_rated",
            Self::Exempt => "exempt",
            Self::ReverseCharge => "reverse_charge",
            Self::IntraCommunitySupply => "intra_community_supply",
            Self::Export => "export",
            Self::OutsideScope => "outside_scope",
        }
    }
}

/// Why a line has its rates, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaxDecision {
    /// The rule, as a stable code such as `MANUAL_RATE` or `DOMESTIC`: it is kept with documents.
    pub rule: Cow<'static, str>,
    /// What the supply is by that rule.
    pub category: TaxCategory,
    /// Whose tax the supply is subject to, where the rule finds one: the place of supply.
    pub jurisdiction: Option<Jurisdiction>,
    /// The law that the rule follows, such as `Directive 2006/112/EC, art. 196`, where one is to be named.
    pub law: Option<Cow<'static, str>>,
}

impl TaxDecision {
    /// That of a line with the caller's own rates: no calculator looks for a place of supply.
    pub fn manual(rates: &[AppliedRate]) -> Self {
        let rule = if rates.is_empty() { "UNTAXED" } else { "MANUAL_RATE" };
        Self { rule: Cow::Borrowed(rule), category: TaxCategory::of_rates(rates), jurisdiction: None, law: None }
    }
}

/// The form in which decisions are stored: early ones are of a rule alone.
#[derive(Deserialize)]
pub(super) struct StoredDecision {
    rule: Cow<'static, str>,
    category: Option<TaxCategory>,
    jurisdiction: Option<Jurisdiction>,
    law: Option<Cow<'static, str>>,
}

impl StoredDecision {
    /// The decision. Without a category, the rates to which it led tell what the supply is.
    pub(super) fn of_rates(self, rates: &[AppliedRate]) -> TaxDecision {
        let Self { rule, category, jurisdiction, law } = self;
        TaxDecision { rule, category: category.unwrap_or_else(|| TaxCategory::of_rates(rates)), jurisdiction, law }
    }
}

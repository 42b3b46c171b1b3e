//! Rates of tax: manual ones that callers keep, and the snapshot of any rate on what it was applied to.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::Date;

use crate::aggregate::aggregate;
use crate::id::TaxRateId;
use crate::metadata::{Metadata, MetadataPatch};
use crate::seller::SellerId;
use crate::tax::Jurisdiction;
use crate::text::{DisplayName, refuse_card_number};
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Violations};

/// A percentage from 0 to 100, at most four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub struct Percentage(Decimal);

impl TryFrom<Decimal> for Percentage {
    type Error = Invalid;

    fn try_from(percent: Decimal) -> Result<Self, Invalid> {
        Self::parse(percent)
    }
}

impl From<Percentage> for Decimal {
    fn from(percentage: Percentage) -> Self {
        percentage.0
    }
}

impl Percentage {
    /// The most decimals.
    pub const DECIMALS_MAX: u32 = 4;

    /// Parses a percentage, such as 25 or 5.5.
    ///
    /// # Errors
    /// Below 0, above 100, or with too many decimals.
    pub fn parse(percent: Decimal) -> Result<Self, Invalid> {
        let percent = percent.normalize();
        if percent < Decimal::ZERO || percent > Decimal::ONE_HUNDRED || percent.scale() > Self::DECIMALS_MAX {
            return Err(Invalid::new("PERCENTAGE_OUT_OF_RANGE", "must be from 0 to 100 with at most four decimals"));
        }
        Ok(Self(percent))
    }

    /// The percentage, 0 to 100.
    pub const fn percent(self) -> Decimal {
        self.0
    }

    /// The factor, 0 to 1, in millionths: 25 % are 250,000.
    pub fn millionths(self) -> u64 {
        // At most four decimals of at most 100: no more than a million, and whole.
        let tens = 10u64.pow(Self::DECIMALS_MAX.saturating_sub(self.0.scale()));
        u64::try_from(self.0.mantissa()).unwrap_or_default() * tens
    }
}

/// The kind of a product for tax, such as a provider's tax code: 1 to 60 letters, digits, `_`, `-` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaxCode(String);

impl TaxCode {
    /// Parses a code.
    ///
    /// # Errors
    /// Empty, too long, or with other characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let fits =
            (1..=60).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if !fits {
            return Err(Invalid::new("MALFORMED_TAX_CODE", "must be 1 to 60 letters, digits, _, - and ."));
        }
        refuse_card_number(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A rate as it stood when it was applied: kept with the document, whatever becomes of the rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedRate {
    /// The manual rate, or absent for one of a table.
    pub tax_rate_id: Option<TaxRateId>,
    /// What it is called on documents, such as `VAT` or `Moms`.
    pub display_name: DisplayName,
    /// The percentage.
    pub percentage: Percentage,
    /// Whose tax it is, if known.
    #[serde(alias = "country")]
    pub jurisdiction: Option<Jurisdiction>,
    /// Where the figure comes from: a law or an official publication; absent for manual rates.
    pub source: Option<Arc<str>>,
    /// The first date on which it is in force, if known.
    pub since: Option<Date>,
}

impl Hash for AppliedRate {
    /// Of what tells most rates of a document apart: hashing all of a rate on each of a thousand lines takes as long as taxing
    /// them.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.tax_rate_id, self.percentage.0.mantissa()).hash(state);
    }
}

aggregate!(
    /// A rate that a caller keeps and names on lines.
    TaxRate, TaxRateData
);

/// What a manual rate is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaxRateData {
    /// Its id.
    pub id: TaxRateId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// What it is called on documents.
    pub display_name: DisplayName,
    /// The percentage; it never changes, a new percentage is a new rate.
    pub percentage: Percentage,
    /// Whose tax it is, if said.
    #[serde(alias = "country")]
    pub jurisdiction: Option<Jurisdiction>,
    /// Whether new lines may name it.
    pub active: bool,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A change of a manual rate: absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TaxRateChanges {
    /// New name.
    pub display_name: Option<DisplayName>,
    /// Whether new lines may name it.
    pub active: Option<bool>,
    /// Change of the metadata.
    pub metadata: MetadataPatch,
}

impl TaxRate {
    /// A new rate, active.
    pub fn new(
        id: TaxRateId,
        seller_id: SellerId,
        (display_name, percentage, jurisdiction): (DisplayName, Percentage, Option<Jurisdiction>),
        metadata: Metadata,
        now: Timestamp,
    ) -> Self {
        Self(TaxRateData {
            id,
            seller_id,
            version: 0,
            display_name,
            percentage,
            jurisdiction,
            active: true,
            metadata,
            created_at: now,
            updated_at: now,
        })
    }

    /// Applies a change.
    ///
    /// # Errors
    /// The metadata would have too many pairs.
    pub fn change(&mut self, changes: TaxRateChanges, now: Timestamp) -> Result<(), Violations> {
        self.0.metadata = self.metadata.patched(&changes.metadata)?;
        if let Some(display_name) = changes.display_name {
            self.0.display_name = display_name;
        }
        if let Some(active) = changes.active {
            self.0.active = active;
        }
        self.0.updated_at = now;
        Ok(())
    }

    /// The rate as it stands now, to be kept with a document.
    pub fn applied(&self) -> AppliedRate {
        AppliedRate {
            tax_rate_id: Some(self.id),
            display_name: self.display_name.clone(),
            percentage: self.percentage,
            jurisdiction: self.jurisdiction,
            source: None,
            since: None,
        }
    }
}

//! That a tax id was checked, and what its register said then: evidence for an auditor. It asks nobody itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::aggregate::aggregate;
use crate::id::TaxIdCheckId;
use crate::ports::tax_ids::TaxIdLookup;
use crate::seller::SellerId;
use crate::tax_id::TaxId;
use crate::timestamp::Timestamp;

aggregate!(
    /// A check of a tax id. It is never changed.
    TaxIdCheck, TaxIdCheckData
);

/// What a check is made of.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct TaxIdCheckData {
    /// Its id.
    pub id: TaxIdCheckId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version; a check has one alone.
    #[serde(default)]
    pub version: i64,
    /// The id, whose form and check digits are right: else there is no check.
    pub tax_id: TaxId,
    /// What its register said.
    pub answer: RegistryAnswer,
    /// When it was checked.
    pub checked_at: Timestamp,
}

impl fmt::Debug for TaxIdCheckData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaxIdCheck({}, ..)", self.id)
    }
}

/// What the register of a tax id said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "lookup", rename_all = "snake_case")]
pub enum RegistryAnswer {
    /// It was not asked: looking tax ids up is turned off, or the caller did not want it.
    NotAsked,
    /// It knows the id or does not, and may tell whose it is.
    Told(TaxIdLookup),
    /// It did not answer, which says nothing about the id.
    Unavailable,
    /// There is no register for ids of that kind.
    Unsupported,
}

impl TaxIdCheck {
    /// A check that was made now.
    pub fn new(
        id: TaxIdCheckId,
        seller_id: SellerId,
        (tax_id, answer): (TaxId, RegistryAnswer),
        now: Timestamp,
    ) -> Self {
        Self(TaxIdCheckData { id, seller_id, version: 0, tax_id, answer, checked_at: now })
    }
}

//! Where an invoice stands, and what finalization fixes for good.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::letterhead::Letterhead;
use crate::party::{Address, Email};
use crate::tax_id::TaxId;
use crate::text::PartyName;
use crate::timestamp::Timestamp;

/// Where an invoice stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum InvoiceState {
    /// May be edited; has no number.
    Draft,
    /// Finalized, and to be paid.
    Open {
        /// What was fixed.
        finalization: Finalization,
    },
    /// Paid in full, or what had not been paid was credited.
    Paid {
        /// What was fixed.
        finalization: Finalization,
        /// When the payment or credit note that completed it was recorded.
        paid_at: Timestamp,
    },
    /// Withdrawn. Its number stays taken.
    Void {
        /// What was fixed; absent if it was still a draft.
        finalization: Option<Finalization>,
        /// When.
        voided_at: Timestamp,
    },
    /// Given up. A payment that still comes makes it paid.
    Uncollectible {
        /// What was fixed.
        finalization: Finalization,
        /// When.
        marked_at: Timestamp,
    },
}

impl InvoiceState {
    /// The name of the state in which it may still change.
    pub const DRAFT: &str = "draft";
    /// The name of the state in which it is to be paid.
    pub const OPEN: &str = "open";
    /// The name of the state in which nothing is due any more.
    pub const PAID: &str = "paid";
    /// The name of the state in which it does not count.
    pub const VOID: &str = "void";
    /// The name of the state in which it was given up.
    pub const UNCOLLECTIBLE: &str = "uncollectible";

    /// The state's name, in snake case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft => Self::DRAFT,
            Self::Open { .. } => Self::OPEN,
            Self::Paid { .. } => Self::PAID,
            Self::Void { .. } => Self::VOID,
            Self::Uncollectible { .. } => Self::UNCOLLECTIBLE,
        }
    }
}

/// What finalization fixes for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finalization {
    /// The number, without gaps within the series.
    pub number: String,
    /// The series.
    pub series: String,
    /// The place in the series, from 1.
    pub sequence: u64,
    /// When it was finalized: the date of issue.
    pub finalized_at: Timestamp,
    /// The date whose tax rates apply.
    pub tax_point: Date,
    /// The last day to pay.
    pub due_date: Date,
    /// The seller as it was.
    pub seller: PartySnapshot,
    /// What else stood on the seller's documents.
    #[serde(default)]
    pub letterhead: Letterhead,
    /// The customer as it was.
    pub buyer: Option<PartySnapshot>,
}

/// A party as it stood when the invoice was finalized.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartySnapshot {
    /// Its name.
    pub name: Option<PartyName>,
    /// Its address.
    pub address: Option<Address>,
    /// Its e-mail address.
    pub email: Option<Email>,
    /// Its tax ids.
    pub tax_ids: Vec<TaxId>,
}

impl std::fmt::Debug for PartySnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartySnapshot(..)")
    }
}

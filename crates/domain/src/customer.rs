//! The customer: whom a seller invoices.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::aggregate::aggregate;
use crate::id::CustomerId;
use crate::locale::Locale;
use crate::metadata::{Metadata, MetadataPatch};
use crate::party::{Address, Email};
use crate::seller::SellerId;
use crate::tax::CustomerTaxStatus;
use crate::tax_id::TaxId;
use crate::text::PartyName;
use crate::timestamp::Timestamp;
use crate::validation::Violations;

aggregate!(
    /// A customer of a seller.
    Customer, CustomerData
);

/// What a customer is made of.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomerData {
    /// Its id.
    pub id: CustomerId,
    /// The seller whose customer it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// What the caller said of it.
    #[serde(flatten)]
    pub profile: CustomerProfile,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller says of a customer. All of it may be absent, and most of it is personal.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CustomerProfile {
    /// Name of the person or company.
    pub name: Option<PartyName>,
    /// Where receipts go.
    pub email: Option<Email>,
    /// Where the customer is: decides where tax is due.
    pub address: Option<Address>,
    /// Tax ids, at most [`CustomerProfile::TAX_IDS_MAX`].
    pub tax_ids: Vec<TaxId>,
    /// What it is for tax, whatever its place and its tax ids say.
    #[serde(default, skip_serializing_if = "CustomerTaxStatus::is_taxable")]
    pub tax_status: CustomerTaxStatus,
    /// Preferred language.
    pub locale: Option<Locale>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

impl CustomerProfile {
    /// The most tax ids of a customer.
    pub const TAX_IDS_MAX: usize = 5;
}

/// A change of a customer: absent fields stay as they are, `Some(None)` clears.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CustomerChanges {
    /// New name.
    pub name: Option<Option<PartyName>>,
    /// New e-mail address.
    pub email: Option<Option<Email>>,
    /// New address.
    pub address: Option<Option<Address>>,
    /// New tax ids.
    pub tax_ids: Option<Vec<TaxId>>,
    /// New tax status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_status: Option<CustomerTaxStatus>,
    /// New language.
    pub locale: Option<Option<Locale>>,
    /// Change of the metadata.
    pub metadata: MetadataPatch,
}

impl Customer {
    /// A new customer.
    pub fn new(id: CustomerId, seller_id: SellerId, profile: CustomerProfile, now: Timestamp) -> Self {
        Self(CustomerData { id, seller_id, version: 0, profile, created_at: now, updated_at: now })
    }

    /// Applies a change.
    ///
    /// # Errors
    /// The metadata would have too many pairs.
    pub fn change(&mut self, changes: CustomerChanges, now: Timestamp) -> Result<(), Violations> {
        let metadata = self.profile.metadata.patched(&changes.metadata)?;
        let profile = &mut self.0.profile;
        profile.metadata = metadata;
        if let Some(name) = changes.name {
            profile.name = name;
        }
        if let Some(email) = changes.email {
            profile.email = email;
        }
        if let Some(address) = changes.address {
            profile.address = address;
        }
        if let Some(tax_ids) = changes.tax_ids {
            profile.tax_ids = tax_ids;
        }
        if let Some(tax_status) = changes.tax_status {
            profile.tax_status = tax_status;
        }
        if let Some(locale) = changes.locale {
            profile.locale = locale;
        }
        self.0.updated_at = now;
        Ok(())
    }
}

impl fmt::Debug for CustomerData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Customer({}, ..)", self.id)
    }
}

impl fmt::Debug for CustomerProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerProfile(..)")
    }
}

impl fmt::Debug for CustomerChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerChanges(..)")
    }
}

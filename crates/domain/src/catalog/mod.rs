//! The catalog: products, the prices at which they are sold, the rates at which they are shipped, and what is taken off.

mod coupon;
mod currency_amounts;
mod price;
mod price_model;
mod promotion_code;
mod shipping;

pub use coupon::{
    Coupon, CouponChanges, CouponData, CouponDiscount, CouponDuration, DurationMonths, NewCoupon, PercentOff,
    Redemptions,
};
pub use currency_amounts::CurrencyAmounts;
pub use price::{CurrencyOption, NewPrice, Price, PriceChanges, PriceData};
pub use price_model::{
    ChosenAmount, Interval, PackageRounding, PackageSize, PriceModel, Recurrence, Tier, TierEnd, Tiers,
};
pub use promotion_code::{
    Code, NewPromotionCode, PromotionCode, PromotionCodeChanges, PromotionCodeData, PromotionCodeNotMade,
    PromotionCodeSnapshot, PromotionCodeState,
};
pub use shipping::{
    DeliveryBound, DeliveryEstimate, DeliveryUnit, NewShippingRate, ShippingRate, ShippingRateChanges, ShippingRateData,
};

use serde::{Deserialize, Serialize};

use crate::aggregate::aggregate;
use crate::id::ProductId;
use crate::metadata::{Metadata, MetadataPatch};
use crate::seller::SellerId;
use crate::tax::TaxCode;
use crate::text::{Description, DisplayName};
use crate::timestamp::Timestamp;
use crate::validation::Violations;

aggregate!(
    /// Something that a seller sells.
    Product, ProductData
);

/// What a product is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductData {
    /// Its id.
    pub id: ProductId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// Its name, as customers see it.
    pub name: DisplayName,
    /// More about it, as customers see it.
    pub description: Option<Description>,
    /// Its kind for tax.
    pub tax_code: Option<TaxCode>,
    /// Whether new prices and links may name it.
    pub active: bool,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller says of a new product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewProduct {
    /// Its name.
    pub name: DisplayName,
    /// More about it.
    pub description: Option<Description>,
    /// Its kind for tax.
    pub tax_code: Option<TaxCode>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

/// A change of a product: absent fields stay as they are, `Some(None)` clears.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProductChanges {
    /// New name.
    pub name: Option<DisplayName>,
    /// New description.
    pub description: Option<Option<Description>>,
    /// New kind for tax.
    pub tax_code: Option<Option<TaxCode>>,
    /// Whether new prices and links may name it.
    pub active: Option<bool>,
    /// Change of the metadata.
    pub metadata: MetadataPatch,
}

impl Product {
    /// A new product, active.
    pub fn new(id: ProductId, seller_id: SellerId, new: NewProduct, now: Timestamp) -> Self {
        Self(ProductData {
            id,
            seller_id,
            version: 0,
            name: new.name,
            description: new.description,
            tax_code: new.tax_code,
            active: true,
            metadata: new.metadata,
            created_at: now,
            updated_at: now,
        })
    }

    /// Applies a change.
    ///
    /// # Errors
    /// The metadata would have too many pairs.
    pub fn change(&mut self, changes: ProductChanges, now: Timestamp) -> Result<(), Violations> {
        self.0.metadata = self.metadata.patched(&changes.metadata)?;
        if let Some(name) = changes.name {
            self.0.name = name;
        }
        if let Some(description) = changes.description {
            self.0.description = description;
        }
        if let Some(tax_code) = changes.tax_code {
            self.0.tax_code = tax_code;
        }
        if let Some(active) = changes.active {
            self.0.active = active;
        }
        self.0.updated_at = now;
        Ok(())
    }
}

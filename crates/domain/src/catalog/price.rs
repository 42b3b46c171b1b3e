//! Prices: what a product costs, in which currencies, once or again and again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::price_model::{PriceModel, Recurrence};
use crate::aggregate::aggregate;
use crate::id::{PriceId, ProductId};
use crate::metadata::{Metadata, MetadataPatch};
use crate::money::Currency;
use crate::seller::SellerId;
use crate::tax::TaxBehavior;
use crate::text::DisplayName;
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Validator, Violations};

aggregate!(
    /// What a product costs.
    Price, PriceData
);

/// What a price is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PriceData {
    /// Its id.
    pub id: PriceId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// The product.
    pub product_id: ProductId,
    /// How its amount follows from a quantity; it never changes, a new amount is a new price.
    pub model: PriceModel,
    /// Whether tax is inside.
    pub tax_behavior: TaxBehavior,
    /// What it is in other currencies.
    pub currency_options: BTreeMap<Currency, CurrencyOption>,
    /// How often it is paid; once where absent.
    pub recurrence: Option<Recurrence>,
    /// A name for the seller's own use.
    pub nickname: Option<DisplayName>,
    /// Whether new invoices and links may name it.
    pub active: bool,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller says of a new price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewPrice {
    /// The product.
    pub product_id: ProductId,
    /// How its amount follows from a quantity.
    pub model: PriceModel,
    /// Whether tax is inside.
    pub tax_behavior: TaxBehavior,
    /// What it is in other currencies.
    pub currency_options: BTreeMap<Currency, CurrencyOption>,
    /// How often it is paid; once where absent.
    pub recurrence: Option<Recurrence>,
    /// A name for the seller's own use.
    pub nickname: Option<DisplayName>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

/// A change of a price: absent fields stay as they are, `Some(None)` clears.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PriceChanges {
    /// New nickname.
    pub nickname: Option<Option<DisplayName>>,
    /// Whether new invoices and links may name it.
    pub active: Option<bool>,
    /// Change of the metadata.
    pub metadata: MetadataPatch,
}

/// What a price is in one of its other currencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyOption {
    /// How its amount follows from a quantity.
    pub model: PriceModel,
    /// Whether tax is inside.
    pub tax_behavior: TaxBehavior,
}

impl NewPrice {
    /// The most other currencies of a price.
    pub const CURRENCY_OPTIONS_MAX: usize = 20;

    /// Checks what no single field can tell.
    ///
    /// # Errors
    /// A price that the customer chooses again and again, too many currencies, one of them twice, or one that is priced in
    /// another way than the price itself.
    pub fn checked(self) -> Result<Self, Violations> {
        let mut v = Validator::new();
        if self.recurrence.is_some() && matches!(self.model, PriceModel::CustomerChosen(_)) {
            v.refuse("recurrence", Invalid::new("CHOSEN_ONCE", "must be absent where the customer chooses the price"));
        }
        if self.currency_options.len() > Self::CURRENCY_OPTIONS_MAX {
            let expected = format!("must have at most {} currencies", Self::CURRENCY_OPTIONS_MAX);
            v.refuse("currency_options", Invalid::new("TOO_MANY", expected));
        }
        for (currency, option) in &self.currency_options {
            let field = format!("currency_options[\"{}\"]", currency.code());
            if *currency == self.model.currency() || option.model.currency() != *currency {
                v.refuse(
                    &field,
                    Invalid::new("CURRENCY_MISMATCH", "must be in another currency than the price itself"),
                );
            }
            if option.model.kind() != self.model.kind() {
                let expected = format!("must be priced as the price itself: {}", self.model.kind());
                v.refuse(&field, Invalid::new("PRICE_KIND_MISMATCH", expected));
            }
        }
        v.finish(Some(self))
    }
}

impl Price {
    /// How its amount follows from a quantity in a currency, and whether tax is inside; `None` if it has no price there.
    pub fn in_currency(&self, currency: Currency) -> Option<(&PriceModel, TaxBehavior)> {
        if self.model.currency() == currency {
            return Some((&self.model, self.tax_behavior));
        }
        self.currency_options.get(&currency).map(|option| (&option.model, option.tax_behavior))
    }

    /// A new price, active.
    pub fn new(id: PriceId, seller_id: SellerId, new: NewPrice, now: Timestamp) -> Self {
        Self(PriceData {
            id,
            seller_id,
            version: 0,
            product_id: new.product_id,
            model: new.model,
            tax_behavior: new.tax_behavior,
            currency_options: new.currency_options,
            recurrence: new.recurrence,
            nickname: new.nickname,
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
    pub fn change(&mut self, changes: PriceChanges, now: Timestamp) -> Result<(), Violations> {
        self.0.metadata = self.metadata.patched(&changes.metadata)?;
        if let Some(nickname) = changes.nickname {
            self.0.nickname = nickname;
        }
        if let Some(active) = changes.active {
            self.0.active = active;
        }
        self.0.updated_at = now;
        Ok(())
    }
}

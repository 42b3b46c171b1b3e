//! The items of a link.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ItemChange;
use crate::catalog::{PriceModel, Recurrence};
use crate::id::{LineItemId, PriceId, ProductId};
use crate::money::{Currency, Money, Quantity};
use crate::tax::{TaxBehavior, TaxCode};
use crate::text::{Description, DisplayName};
use crate::validation::{Invalid, Validator, Violations};

/// The items of a link: 1 to 20, in one currency, of a total within range; a lone one where the customer chooses its price;
/// all recurring ones at the same pace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LineItems(Vec<LineItem>);

/// An item of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineItem {
    /// Its id.
    pub id: LineItemId,
    /// What the page calls it.
    pub name: DisplayName,
    /// What the page says of it.
    pub description: Option<Description>,
    /// How its amount follows from its quantity.
    pub model: PriceModel,
    /// How often it is paid; once where absent.
    pub recurrence: Option<Recurrence>,
    /// Whether tax is inside; said where a price says so.
    pub tax_behavior: Option<TaxBehavior>,
    /// The kind of product for tax.
    pub tax_code: Option<TaxCode>,
    /// How many, or how many to begin with.
    pub quantity: Quantity,
    /// Whether and how customers may change the quantity.
    pub adjustable: Option<AdjustableQuantity>,
    /// The stored price that it came from.
    pub price_id: Option<PriceId>,
    /// The stored product that it is.
    pub product_id: Option<ProductId>,
}

/// How customers may change a quantity: from `minimum` to `maximum` pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustableQuantity {
    minimum: u32,
    maximum: u32,
}

impl AdjustableQuantity {
    /// The maximum where none is said.
    pub const MAXIMUM_DEFAULT: u32 = 99;

    /// Parses bounds: 0 and [`AdjustableQuantity::MAXIMUM_DEFAULT`] where nothing is said.
    ///
    /// # Errors
    /// A minimum below 0, a maximum above [`Quantity::MAX`], or crossed bounds.
    pub fn parse(minimum: Option<i64>, maximum: Option<i64>) -> Result<Self, Invalid> {
        let bound = |value: i64| u32::try_from(value).ok().filter(|value| *value <= Quantity::MAX);
        let (minimum, maximum) = (minimum.unwrap_or(0), maximum.unwrap_or(Self::MAXIMUM_DEFAULT.into()));
        match (bound(minimum), bound(maximum)) {
            (Some(minimum), Some(maximum)) if maximum >= minimum.max(1) => Ok(Self { minimum, maximum }),
            _ => {
                let expected = format!(
                    "must have a minimum of 0 or more, and a maximum from it (1 at least) to {}",
                    Quantity::MAX
                );
                Err(Invalid::new("ADJUSTABLE_QUANTITY_OUT_OF_RANGE", expected))
            }
        }
    }

    /// The fewest pieces.
    pub const fn minimum(self) -> u32 {
        self.minimum
    }

    /// The most pieces.
    pub const fn maximum(self) -> u32 {
        self.maximum
    }
}

impl LineItem {
    /// The amount of its quantity.
    pub fn amount(&self) -> Money {
        // In range, by `LineItems::parse`.
        self.model.amount(self.quantity).unwrap_or(Money::zero(self.model.currency()))
    }

    /// Notes what is wrong with the item by itself.
    pub(super) fn check(&self, v: &mut Validator) {
        let bounds = self.adjustable.map(|adjustable| adjustable.minimum..=adjustable.maximum);
        if bounds.is_some_and(|bounds| !bounds.contains(&self.quantity.get())) {
            let expected = "must be within the bounds of its adjustable quantity";
            v.refuse("quantity", Invalid::new("QUANTITY_OUT_OF_BOUNDS", expected));
        }
        let most = self.adjustable.map_or(Ok(self.quantity), |adjustable| Quantity::parse(adjustable.maximum.into()));
        if most.is_ok_and(|most| self.model.amount(most).is_err()) {
            v.refuse("", out_of_range());
        }
    }
}

impl LineItems {
    /// What all items come to, where their customer chooses neither a price nor a quantity.
    pub fn fixed_amount(&self) -> Option<Money> {
        let is_chosen =
            |item: &LineItem| matches!(item.model, PriceModel::CustomerChosen(_)) || item.adjustable.is_some();
        let each = self.iter().map(|item| (!is_chosen(item)).then(|| item.amount())).collect::<Option<Vec<_>>>()?;
        Money::sum(self.currency(), each).ok()
    }

    /// The most items of a link, optional ones counted.
    pub const ITEMS_MAX: usize = 20;

    /// Parses a list of items.
    ///
    /// # Errors
    /// Every violation, with paths such as `[3].quantity` below the list.
    pub fn parse(items: Vec<LineItem>) -> Result<Self, Violations> {
        let mut v = Validator::new();
        Self::check_count(items.len(), &mut v);
        let first = items.first();
        let pace = items.iter().find_map(|item| item.recurrence);
        let mut total: i64 = 0;
        for (index, item) in items.iter().enumerate() {
            let at = format!("[{index}]");
            if Some(item.model.currency()) != first.map(|first| first.model.currency()) {
                v.refuse(&at, Invalid::new("CURRENCY_MISMATCH", "must be in the currency of the first item"));
            }
            if item.recurrence.is_some() && item.recurrence != pace {
                let expected = "must be paid as often as the other recurring items";
                v.refuse(&at, Invalid::new("RECURRENCE_MISMATCH", expected));
            }
            v.within(&at, |v| item.check(v));
            total = total.saturating_add(item.amount().minor());
        }
        let is_chosen = |item: &LineItem| matches!(item.model, PriceModel::CustomerChosen(_));
        if let Some(index) = items.iter().position(is_chosen) {
            let item = &items[index];
            if items.len() > 1 || item.quantity != Quantity::ONE || item.adjustable.is_some() {
                let expected = "must be the only item, one piece of it, where the customer chooses the price";
                v.refuse(&format!("[{index}]"), Invalid::new("CHOSEN_PRICE_ALONE", expected));
            }
        } else if v.is_clean() && !(1..=Money::MINOR_MAX).contains(&total) {
            v.refuse("", out_of_range());
        }
        if let [item] = items.as_slice()
            && item.adjustable.is_some_and(|adjustable| adjustable.minimum == 0)
        {
            let expected = "must have a minimum of 1 or more where there is no other item";
            v.refuse("[0].adjustable_quantity", Invalid::new("LONE_ITEM_TO_ZERO", expected));
        }
        v.finish(Some(Self(items)))
    }

    /// Notes a wrong number of items. For faces, which must tell it beside what is wrong with the items. Says whether it is
    /// right.
    pub fn check_count(count: usize, validator: &mut Validator) -> bool {
        let fits = (1..=Self::ITEMS_MAX).contains(&count);
        if !fits {
            validator.refuse("", Invalid::new("ITEM_COUNT", format!("must have 1 to {} items", Self::ITEMS_MAX)));
        }
        fits
    }

    /// The items.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &LineItem> {
        self.0.iter()
    }

    /// Their currency.
    pub fn currency(&self) -> Currency {
        // Never empty, by `parse`.
        self.0[0].model.currency()
    }

    /// How often the recurring ones are paid; `None` if none is.
    pub fn recurrence(&self) -> Option<Recurrence> {
        self.0.iter().find_map(|item| item.recurrence)
    }

    /// Whether the customer chooses what is paid.
    pub fn is_customer_chosen(&self) -> bool {
        self.0.iter().any(|item| matches!(item.model, PriceModel::CustomerChosen(_)))
    }

    pub(super) fn changed(&self, changes: &BTreeMap<LineItemId, ItemChange>) -> Result<Self, Violations> {
        let mut v = Validator::new();
        for id in changes.keys() {
            if !self.0.iter().any(|item| item.id == *id) {
                v.refuse("", Invalid::new("UNKNOWN_LINE_ITEM", format!("has no item {id}")));
            }
        }
        v.finish(Some(()))?;
        let mut items = self.0.clone();
        for item in &mut items {
            if let Some(change) = changes.get(&item.id) {
                item.quantity = change.quantity.unwrap_or(item.quantity);
                item.adjustable = change.adjustable.unwrap_or(item.adjustable);
            }
        }
        Self::parse(items)
    }
}

fn out_of_range() -> Invalid {
    Invalid::new("AMOUNT_OUT_OF_RANGE", format!("must come to 1 to {} minor units", Money::MINOR_MAX))
}

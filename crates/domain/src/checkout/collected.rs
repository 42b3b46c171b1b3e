//! What a customer entered and chose on a hosted page, as the provider tells it once the page is completed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::PriceId;
use crate::money::Money;
use crate::provider::ProviderRef;
use crate::text::has_card_number;

/// The most characters that are kept of one text.
const TEXT_CHARS_MAX: usize = 1_000;

/// A text that a customer entered: cut to 1,000 characters, without control characters, and gone if a card number is in it,
/// since none may ever be kept here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnteredText(String);

impl EnteredText {
    /// The text as it may be kept.
    pub fn of(text: &str) -> Self {
        if has_card_number(text) {
            return Self("(removed: a card number)".to_owned());
        }
        Self(text.chars().filter(|c| !c.is_control() || *c == '\n').take(TEXT_CHARS_MAX).collect())
    }

    /// The text; `None` if there is none or it is empty.
    pub fn of_some(text: Option<&str>) -> Option<Self> {
        text.filter(|text| !text.is_empty()).map(Self::of)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows nothing of it: it may be a person's.
impl fmt::Debug for EnteredText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnteredText(…)")
    }
}

impl fmt::Display for EnteredText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was entered and chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// Who the customer is.
    pub customer: EnteredCustomer,
    /// To whom and where it is shipped.
    pub shipping: Option<EnteredRecipient>,
    /// What was entered in the seller's own fields, in their order.
    pub custom_fields: Vec<EnteredField>,
    /// Whether the terms of service were accepted; absent where they were not asked.
    pub terms_accepted: Option<bool>,
    /// Whether promotions are welcome; absent where it was not asked.
    pub promotions_accepted: Option<bool>,
    /// The promotion codes that applied.
    pub promotion_codes: Vec<EnteredPromotion>,
    /// The reference that the visitor's URL carried.
    pub client_reference: Option<EnteredText>,
    /// What was bought, optional items and chosen quantities included.
    pub items: Vec<BoughtItem>,
    /// What it came to.
    pub amounts: CollectedAmounts,
}

/// Who a customer says to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnteredCustomer {
    /// E-mail address.
    pub email: Option<EnteredText>,
    /// Name on the card or of the account.
    pub name: Option<EnteredText>,
    /// The person's name.
    pub individual_name: Option<EnteredText>,
    /// The company's name.
    pub business_name: Option<EnteredText>,
    /// Phone number.
    pub phone: Option<EnteredText>,
    /// Billing address.
    pub billing_address: Option<EnteredAddress>,
    /// Tax ids.
    pub tax_ids: Vec<EnteredTaxId>,
}

/// An address as it was entered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnteredAddress {
    /// First line.
    pub line1: Option<EnteredText>,
    /// Second line.
    pub line2: Option<EnteredText>,
    /// Postal code.
    pub postal_code: Option<EnteredText>,
    /// City.
    pub city: Option<EnteredText>,
    /// State, county or province.
    pub state: Option<EnteredText>,
    /// Country, by ISO 3166-1 alpha-2.
    pub country: Option<EnteredText>,
}

/// To whom it is shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnteredRecipient {
    /// Name.
    pub name: Option<EnteredText>,
    /// Address.
    pub address: EnteredAddress,
}

/// A tax id as it was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnteredTaxId {
    /// The provider's name for its kind, such as `eu_vat`.
    pub kind: EnteredText,
    /// The id.
    pub value: EnteredText,
}

/// What was entered in a field of the seller's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnteredField {
    /// The field's key.
    pub key: EnteredText,
    /// What was entered; absent where the field stayed empty.
    pub value: Option<EnteredText>,
}

/// A promotion code that applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnteredPromotion {
    /// The code, as customers enter it.
    pub code: Option<EnteredText>,
    /// Its id at the provider.
    pub provider_ref: ProviderRef,
}

/// Something that was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoughtItem {
    /// What the page called it.
    pub name: EnteredText,
    /// The stored price that it came from.
    pub price_id: Option<PriceId>,
    /// How many.
    pub quantity: u32,
    /// Before discount and tax.
    pub subtotal: Money,
    /// Discount in it.
    pub discount: Money,
    /// Tax in it.
    pub tax: Money,
    /// What was paid for it.
    pub total: Money,
}

/// What a checkout came to, as the provider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectedAmounts {
    /// Before discount, shipping and tax.
    pub subtotal: Money,
    /// Discount.
    pub discount: Money,
    /// Shipping.
    pub shipping: Money,
    /// Tax.
    pub tax: Money,
    /// What was due.
    pub total: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_that_a_customer_enters_is_not_kept() {
        assert_eq!(EnteredText::of("my card is 4242 4242 4242 4242").as_str(), "(removed: a card number)");
        assert_eq!(EnteredText::of("Size M\u{7}\nblue").as_str(), "Size M\nblue");
        assert_eq!(EnteredText::of(&"å".repeat(2_000)).as_str().chars().count(), TEXT_CHARS_MAX);
        assert_eq!(format!("{:?}", EnteredText::of("Ada")), "EnteredText(…)");
    }
}

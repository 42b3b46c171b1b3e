//! What a provider can do, as data.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::ProviderKey;
use crate::locale::Locale;
use crate::payment_link::parse_link_expiry;
use crate::timestamp::Timestamp;
use crate::validation::Invalid;

/// What a provider can do. What it can't is refused before a call, with the field named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Whether this configuration moves real money.
    pub livemode: bool,
    /// The languages of its hosted pages.
    pub locales: BTreeSet<String>,
    /// The most items of a link.
    pub line_items_max: u32,
    /// Codes of the currencies in which it takes bank transfers; none where it takes none.
    pub bank_transfer_currencies: BTreeSet<String>,
    /// How long after a link was made it can still be paid there; absent where a link stays until it is closed.
    pub link_lifetime_max: Option<Duration>,
    /// How long a [`ProviderKey`] surely protects, from its first use on.
    pub key_lifetime: Duration,
    /// Single abilities.
    pub features: BTreeSet<Feature>,
}

impl Capabilities {
    /// Whether it has an ability.
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// When a link that is made now is closed: as asked for, and no later than it can be paid at the provider.
    ///
    /// # Errors
    /// That is too soon, see [`parse_link_expiry`], or later than the provider's links live.
    pub fn link_expiry(&self, asked: Option<Timestamp>, now: Timestamp) -> Result<Option<Timestamp>, Invalid> {
        let latest = self.link_lifetime_max.map(|lifetime| now.plus(lifetime));
        let Some(asked) = asked else { return Ok(latest) };
        let asked = parse_link_expiry(asked, now)?;
        match latest {
            Some(latest) if asked > latest => {
                let expected = format!("must be {latest} or earlier: the provider keeps links no longer");
                Err(Invalid::new("EXPIRY_TOO_LATE", expected))
            }
            _ => Ok(Some(asked)),
        }
    }

    /// Fails unless a link can have so many items, those that customers may add included.
    ///
    /// # Errors
    /// There are more.
    pub fn expect_item_count(&self, count: usize) -> Result<(), Invalid> {
        match u32::try_from(count) {
            Ok(count) if count <= self.line_items_max => Ok(()),
            _ => Err(Invalid::new(
                "ITEM_COUNT",
                format!("must be at most {} items at the provider", self.line_items_max),
            )),
        }
    }

    /// Fails unless it has pages in a language.
    ///
    /// # Errors
    /// It has none.
    pub fn expect_locale(&self, locale: &Locale) -> Result<(), Invalid> {
        if self.locales.contains(locale.as_str()) {
            return Ok(());
        }
        let known: Vec<_> = self.locales.iter().map(String::as_str).collect();
        Err(Invalid::new("UNKNOWN_LOCALE", format!("must be one of {}", known.join(", "))))
    }
}

/// Declares the abilities, each with its name in snake case and one sentence that is its documentation as well.
macro_rules! features {
    ($($variant:ident, $name:literal, $description:literal;)+) => {
        /// An ability in which providers differ.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Feature {
            $(#[doc = $description] $variant,)+
        }

        impl Feature {
            /// Every ability.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The ability's name, in snake case.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What a provider can do that has it, in a sentence.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description,)+
                }
            }
        }
    };
}

features! {
    LinkReactivation, "link_reactivation", "A closed link can be opened again.";
    LinkInactiveMessage, "link_inactive_message", "A closed link can show a message of the seller's.";
    LinkCompletedSessionsLimit, "link_completed_sessions_limit",
        "A link closes by itself after a number of completed checkouts.";
    LinkConfirmationMessage, "link_confirmation_message", "A link can show a message of the seller's after payment.";
    LinkQuantityUpdate, "link_quantity_update", "The quantities of a link's items can change.";
    LinkUrlParameters, "link_url_parameters",
        "The URL of a link can bring something along, such as the visitor's e-mail address.";
    CheckoutCancelUrl, "checkout_cancel_url", "A page can turn back to a URL of the seller's.";
    StoredPaymentMethods, "stored_payment_methods", "The provider can keep a customer's payment method.";
    PhoneCollection, "phone_collection", "A page can ask for the phone number.";
    ShippingAddressCollection, "shipping_address_collection", "A page can ask for a shipping address.";
    NameCollection, "name_collection", "A page can ask for names beside the one on the card.";
    TaxIdCollection, "tax_id_collection", "A page can ask for tax ids.";
    CustomFields, "custom_fields", "A page can have fields of the seller's own.";
    CustomText, "custom_text", "A page can have words of the seller's own.";
    ConsentCollection, "consent_collection", "A page can ask for consent.";
    PromotionCodes, "promotion_codes", "Customers can enter promotion codes.";
    OptionalItems, "optional_items", "Customers can add items.";
    AdjustableQuantities, "adjustable_quantities", "Customers can change quantities.";
    ShippingOptions, "shipping_options", "Customers can choose how it is shipped.";
    TieredPrices, "tiered_prices", "A link can sell by tiers and packages.";
    CustomerChosenPrices, "customer_chosen_prices", "Customers can choose what they pay.";
    Subscriptions, "subscriptions", "A link can take payments again and again.";
    Platforms, "platforms", "A payment can be split between a platform and others.";
    InvoiceCreation, "invoice_creation", "The provider can send an invoice of its own after a payment.";
    ProviderTax, "provider_tax", "The provider can compute tax itself.";
    ManagedPayments, "managed_payments", "The provider can sell in its own name.";
    ManualCapture, "manual_capture", "A payment can be held and taken later.";
    BlockedCardBrands, "blocked_card_brands", "Brands of card can be refused.";
    PartialRefunds, "partial_refunds", "A part of a payment can be refunded, and another later.";
    LinkPageUpdate, "link_page_update", "What the page of a link says, asks for and allows can change.";
    BillingAddressCollection, "billing_address_collection", "A page can insist on the billing address.";
    SubmitButtonText, "submit_button_text", "The button of a page can say what it does, such as donate.";
    CustomerCreation, "customer_creation", "Each checkout of a link can make a customer at the provider.";
    PaymentMethodTypes, "payment_method_types", "A link can name the methods by which it is paid.";
    PaymentDetails, "payment_details",
        "A payment can have a description, pairs and a group of its own at the provider.";
    StatementDescriptor, "statement_descriptor", "A link can say what the customer's bank statement shows.";
    StatementDescriptorSuffix, "statement_descriptor_suffix",
        "A link can say what the bank statement shows after the account's own words.";
    LookupByReference, "lookup_by_reference",
        "What was made can be looked up by our own id of it. Without it, a call whose answer was lost is sent again under the same key.";
    NotificationHistory, "notification_history",
        "What notifications have told can be read back. Without it, the provider must deliver until it is acknowledged.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ability_is_stored_by_its_name_and_told_in_one_sentence() {
        let mut seen = BTreeSet::new();
        for feature in Feature::ALL {
            assert_eq!(serde_json::to_value(feature).unwrap(), feature.name());
            assert!(feature.description().ends_with('.') && seen.insert(feature.description()), "{feature:?}");
        }
        assert_eq!(seen.len(), Feature::ALL.len());
    }
}

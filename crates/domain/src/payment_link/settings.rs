//! How a link charges: methods of payment, the payment itself, a platform's part, subscriptions, and the provider's own
//! invoices and tax.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::metadata::Metadata;
use crate::money::Money;
use crate::provider::Feature;
use crate::text::{Description, InvoiceFieldName, InvoiceFieldValue, InvoiceFooter, refuse_card_number};
use crate::validation::Invalid;

/// How the payment is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaymentSettings {
    /// The methods that are offered; those that the provider chooses where empty.
    pub method_types: Vec<PaymentMethodType>,
    /// Whether a method is asked for when nothing is due.
    pub method_collection: PaymentMethodCollection,
    /// Brands of card that are refused.
    pub blocked_brands: BTreeSet<CardBrand>,
    /// When the money is taken.
    pub capture: CaptureMethod,
    /// What the payment says it is for.
    pub description: Option<Description>,
    /// Pairs of the payment's own.
    pub metadata: Metadata,
    /// Whether the method is kept for later.
    pub future_usage: Option<FutureUsage>,
    /// What the customer's bank statement says.
    pub statement_descriptor: Option<StatementDescriptor>,
    /// What the customer's bank statement says after the seller's own words, for cards.
    pub statement_descriptor_suffix: Option<StatementDescriptor>,
    /// What payments and transfers belong together.
    pub transfer_group: Option<Description>,
}

impl PaymentSettings {
    /// Whether the payment itself is described: not its methods, which a subscription has as well.
    pub fn describes_payment(&self) -> bool {
        let untouched = Self {
            method_types: self.method_types.clone(),
            method_collection: self.method_collection,
            blocked_brands: self.blocked_brands.clone(),
            ..Self::default()
        };
        *self != untouched
    }

    /// What a provider must be able to do for it, with the field that wants it, and whether it does.
    pub(super) fn wants(&self) -> impl Iterator<Item = (Feature, &'static str, bool)> {
        [
            (Feature::PaymentMethodTypes, "payment.method_types", !self.method_types.is_empty()),
            (
                Feature::Subscriptions,
                "payment.method_collection",
                self.method_collection == PaymentMethodCollection::IfRequired,
            ),
            (Feature::BlockedCardBrands, "payment.blocked_card_brands", !self.blocked_brands.is_empty()),
            (Feature::ManualCapture, "payment.capture_method", self.capture == CaptureMethod::Manual),
            (Feature::PaymentDetails, "payment.description", self.description.is_some()),
            (Feature::PaymentDetails, "payment.metadata", self.metadata != Metadata::default()),
            (Feature::PaymentDetails, "payment.transfer_group", self.transfer_group.is_some()),
            (Feature::StoredPaymentMethods, "payment.setup_future_usage", self.future_usage.is_some()),
            (Feature::StatementDescriptor, "payment.statement_descriptor", self.statement_descriptor.is_some()),
            (
                Feature::StatementDescriptorSuffix,
                "payment.statement_descriptor_suffix",
                self.statement_descriptor_suffix.is_some(),
            ),
        ]
        .into_iter()
    }
}

/// A method of payment, such as `card`, `ideal` or `swish`: 1 to 40 lower-case ASCII letters, digits and underscores. Which
/// ones there are is the provider's to say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentMethodType(String);

impl PaymentMethodType {
    /// The most characters.
    pub const CHARS_MAX: usize = 40;

    /// Parses a name.
    ///
    /// # Errors
    /// Anything else than such a name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_fit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if text.is_empty() || text.len() > Self::CHARS_MAX || !text.bytes().all(is_fit) {
            return Err(Invalid::new("MALFORMED_METHOD", "must be the name of a payment method, such as card"));
        }
        refuse_card_number(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a method of payment is asked for when nothing is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethodCollection {
    /// It is.
    #[default]
    Always,
    /// It is not, such as in a free trial.
    IfRequired,
}

/// A brand of card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardBrand {
    /// American Express.
    AmericanExpress,
    /// Discover, and the networks that share its acceptance.
    DiscoverGlobalNetwork,
    /// Mastercard.
    Mastercard,
    /// Visa.
    Visa,
}

impl CardBrand {
    /// Its name, in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AmericanExpress => "american_express",
            Self::DiscoverGlobalNetwork => "discover_global_network",
            Self::Mastercard => "mastercard",
            Self::Visa => "visa",
        }
    }
}

/// When the money is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMethod {
    /// At once.
    #[default]
    Automatic,
    /// When the seller says so; until then the money is only held.
    Manual,
}

/// How a method that is kept will be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FutureUsage {
    /// With the customer there.
    OnSession,
    /// Without the customer.
    OffSession,
}

/// Words on a bank statement: 5 to 22 Latin characters, one letter at least, none of `< > \ " ' *`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatementDescriptor(String);

impl StatementDescriptor {
    /// Parses the words; those after others, a suffix, may be shorter.
    ///
    /// # Errors
    /// Too short, too long, without a letter, or with a character that statements can't show.
    pub fn parse(text: &str, is_suffix: bool) -> Result<Self, Invalid> {
        let (text, least) = (text.trim(), if is_suffix { 1 } else { 5 });
        let is_fit = |c: char| (c.is_ascii_graphic() || c == ' ') && !"<>\\\"'*".contains(c);
        let has_letter = text.bytes().any(|b| b.is_ascii_alphabetic());
        if !(least..=22).contains(&text.len()) || !text.chars().all(is_fit) || !has_letter {
            let expected =
                format!("must be {least} to 22 Latin characters, a letter among them, none of < > \\ \" ' *");
            return Err(Invalid::new("MALFORMED_DESCRIPTOR", expected));
        }
        refuse_card_number(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a platform takes and passes on, where the seller is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlatformSettings {
    /// What it keeps.
    pub application_fee: Option<ApplicationFee>,
    /// On whose behalf the payment is made.
    pub on_behalf_of: Option<AccountRef>,
    /// To whom the money goes on.
    pub transfer: Option<Transfer>,
}

/// A platform's fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationFee {
    /// So much of a payment, in its currency.
    Amount(Money),
    /// So much of each payment of a subscription.
    Percent(FeePercent),
}

/// A percentage from 0 to 100 with at most two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeePercent(Decimal);

impl FeePercent {
    /// Parses a percentage.
    ///
    /// # Errors
    /// Below 0, above 100, or with more than two decimals.
    pub fn parse(percent: Decimal) -> Result<Self, Invalid> {
        let percent = percent.normalize();
        if percent < Decimal::ZERO || percent > Decimal::ONE_HUNDRED || percent.scale() > 2 {
            return Err(Invalid::new("PERCENT_OUT_OF_RANGE", "must be from 0 to 100, with at most two decimals"));
        }
        Ok(Self(percent))
    }

    /// The percentage.
    pub const fn percent(self) -> Decimal {
        self.0
    }
}

/// Another account at the provider: 1 to 100 graphic ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountRef(String);

impl AccountRef {
    /// The most characters.
    pub const CHARS_MAX: usize = 100;

    /// Parses a reference.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > Self::CHARS_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::new("MALFORMED_ACCOUNT", "must be the id of an account at the provider"));
        }
        refuse_card_number(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Money that goes on to another account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Whose.
    pub destination: AccountRef,
    /// How much; all of it where absent.
    pub amount: Option<Money>,
}

/// What a recurring link makes besides taking money.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubscriptionSettings {
    /// What the subscription is.
    pub description: Option<Description>,
    /// Pairs of the subscription's own.
    pub metadata: Metadata,
    /// How long nothing is due.
    pub trial: Option<TrialDays>,
    /// What happens when a trial ends without a method of payment; as the provider does by default where absent.
    pub trial_end: Option<TrialEnd>,
    /// What its invoices say.
    pub invoice: InvoiceTexts,
}

/// The days of a free trial: 1 to 730.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrialDays(u16);

impl TrialDays {
    /// The most days: two years.
    pub const MAX: u16 = 730;

    /// Parses a number of days.
    ///
    /// # Errors
    /// Below 1 or above [`TrialDays::MAX`].
    pub fn parse(days: i64) -> Result<Self, Invalid> {
        let fits = u16::try_from(days).ok().filter(|days| (1..=Self::MAX).contains(days));
        fits.map(Self)
            .ok_or_else(|| Invalid::new("TRIAL_OUT_OF_RANGE", format!("must be from 1 to {} days", Self::MAX)))
    }

    /// The days.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// What happens when a trial ends without a method of payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialEnd {
    /// The subscription ends.
    Cancel,
    /// An invoice is made, and is open.
    CreateInvoice,
    /// The subscription waits.
    Pause,
}

impl TrialEnd {
    /// Its name, in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::CreateInvoice => "create_invoice",
            Self::Pause => "pause",
        }
    }
}

/// The provider's own invoice after a payment. For sellers that do not invoice here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InvoiceCreation {
    /// What it says.
    pub invoice: InvoiceTexts,
    /// Pairs of its own.
    pub metadata: Metadata,
    /// Whether its prices show tax inside; as the provider does by default where absent.
    pub tax_inside: Option<bool>,
    /// The provider's template that it is rendered by.
    pub template: Option<AccountRef>,
}

/// What an invoice of the provider's says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InvoiceTexts {
    /// What it is for.
    pub description: Option<Description>,
    /// What stands at its foot.
    pub footer: Option<InvoiceFooter>,
    /// Fields of the seller's own.
    pub custom_fields: Vec<InvoiceField>,
    /// The seller's tax ids on it, by the provider's ids.
    pub account_tax_ids: Vec<AccountRef>,
    /// Who issues it; the seller's own account where absent.
    pub issuer: Option<AccountRef>,
}

impl InvoiceTexts {
    /// The most fields of the seller's own.
    pub const CUSTOM_FIELDS_MAX: usize = 4;
    /// The most tax ids of the seller's.
    pub const TAX_IDS_MAX: usize = 10;
}

/// A field of the seller's own on an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceField {
    /// Its name.
    pub name: InvoiceFieldName,
    /// What it says.
    pub value: InvoiceFieldValue,
}

/// The provider's own computation of tax.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutomaticTax {
    /// Who owes it; the seller's own account where absent.
    pub liability: Option<AccountRef>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_descriptors_are_what_statements_can_show() {
        assert_eq!(StatementDescriptor::parse(" ACME Shop ", false).unwrap().as_str(), "ACME Shop");
        for bad in ["ACME", "12345", "ACME*SHOP", "ACME \"SHOP\"", "Årlig avgift", &"A".repeat(23)] {
            assert_eq!(StatementDescriptor::parse(bad, false).unwrap_err().rule, "MALFORMED_DESCRIPTOR", "{bad}");
        }
        assert!(StatementDescriptor::parse("AB", true).is_ok());
    }

    #[test]
    fn fees_and_trials_are_in_range() {
        let fee = |text: &str| FeePercent::parse(text.parse().unwrap());
        assert!(fee("0").is_ok() && fee("12.25").is_ok() && fee("100").is_ok());
        for bad in ["-1", "100.01", "1.234"] {
            assert_eq!(fee(bad).unwrap_err().rule, "PERCENT_OUT_OF_RANGE");
        }
        assert!(TrialDays::parse(0).is_err() && TrialDays::parse(731).is_err());
        assert_eq!(TrialDays::parse(14).unwrap().get(), 14);
    }
}

//! What a link can do besides being paid, and which of its options exclude or need one another.

use serde::{Deserialize, Serialize};

use super::collection::{Collection, CustomerCreation, SubmitType};
use super::items::{LineItem, LineItems};
use super::settings::{
    ApplicationFee, AutomaticTax, InvoiceCreation, PaymentMethodCollection, PaymentSettings, PlatformSettings,
    SubscriptionSettings,
};
use super::{LinkTarget, fixed_for_invoice};
use crate::catalog::{DeliveryEstimate, PriceModel};
use crate::id::ShippingRateId;
use crate::metadata::Metadata;
use crate::money::Money;
use crate::provider::Feature;
use crate::redirect::RedirectUrl;
use crate::tax::{TaxBehavior, TaxCode};
use crate::text::{ConfirmationMessage, InactiveMessage, ShippingName};
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Validator};

/// What a link can do besides being paid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkOptions {
    /// What follows a completed checkout.
    pub after_completion: AfterCompletion,
    /// What visitors of the closed link see; a standard text where absent.
    pub inactive_message: Option<InactiveMessage>,
    /// After how many completed checkouts it closes by itself; always 1 for an invoice.
    pub completed_sessions_max: Option<CompletedSessionsMax>,
    /// When it closes by itself.
    pub expires_at: Option<Timestamp>,
    /// The caller's pairs; each checkout of the link gets a copy.
    pub metadata: Metadata,
    /// What the page asks, and in which words.
    pub collection: Collection,
    /// How the payment is made.
    pub payment: PaymentSettings,
    /// A platform's part.
    pub platform: PlatformSettings,
    /// What a subscription is like.
    pub subscription: SubscriptionSettings,
    /// The provider's own invoice after a payment.
    pub invoice_creation: Option<InvoiceCreation>,
    /// The provider's own computation of tax.
    pub automatic_tax: Option<AutomaticTax>,
    /// Whether customers may enter promotion codes.
    pub promotion_codes: bool,
    /// Items that customers may add.
    pub optional_items: OptionalItems,
    /// Ways to ship, of which customers choose one.
    pub shipping_options: ShippingOptions,
    /// Whether the provider sells in its own name (merchant of record). It can't change later.
    pub managed_payments: bool,
}

/// Items that customers may add: at most [`OptionalItems::MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OptionalItems(pub Vec<LineItem>);

impl OptionalItems {
    /// The most optional items of a link; they count against [`LineItems::ITEMS_MAX`] too.
    pub const MAX: usize = 10;

    /// Notes more optional items than a link can have beside so many line items. Says whether there are not too many.
    pub fn check_count(count: usize, line_items: usize, validator: &mut Validator) -> bool {
        let (most, all) = (Self::MAX, LineItems::ITEMS_MAX);
        let fits = count <= most && count + line_items <= all;
        if !fits {
            let expected = format!("must be at most {most} items, and {all} together with the line items");
            validator.refuse("", Invalid::new("ITEM_COUNT", expected));
        }
        fits
    }
}

/// Ways to ship: at most [`ShippingOptions::MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShippingOptions(pub Vec<ShippingOption>);

impl ShippingOptions {
    /// The most ways to ship that a page offers.
    pub const MAX: usize = 5;
}

/// A way to ship, as its rate said when the link named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingOption {
    /// The stored rate.
    pub shipping_rate_id: ShippingRateId,
    /// What customers call it.
    pub display_name: ShippingName,
    /// What it costs, in the link's currency.
    pub amount: Money,
    /// How long it takes.
    pub delivery_estimate: Option<DeliveryEstimate>,
    /// Whether tax is inside.
    pub tax_behavior: Option<TaxBehavior>,
    /// Its kind for tax.
    pub tax_code: Option<TaxCode>,
}

/// An option that an update may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkField {
    /// [`LinkOptions::after_completion`].
    AfterCompletion,
    /// [`LinkOptions::inactive_message`].
    InactiveMessage,
    /// [`LinkOptions::completed_sessions_max`].
    CompletedSessionsMax,
    /// [`LinkOptions::expires_at`].
    ExpiresAt,
    /// [`LinkOptions::collection`].
    Collection,
    /// [`LinkOptions::payment`].
    Payment,
    /// [`LinkOptions::platform`].
    Platform,
    /// [`LinkOptions::subscription`].
    Subscription,
    /// [`LinkOptions::invoice_creation`].
    InvoiceCreation,
    /// [`LinkOptions::automatic_tax`].
    AutomaticTax,
    /// [`LinkOptions::promotion_codes`].
    PromotionCodes,
    /// [`LinkOptions::optional_items`].
    OptionalItems,
    /// [`LinkOptions::shipping_options`].
    ShippingOptions,
}

impl LinkField {
    /// Every field.
    pub const ALL: [Self; 13] = [
        Self::AfterCompletion,
        Self::InactiveMessage,
        Self::CompletedSessionsMax,
        Self::ExpiresAt,
        Self::Collection,
        Self::Payment,
        Self::Platform,
        Self::Subscription,
        Self::InvoiceCreation,
        Self::AutomaticTax,
        Self::PromotionCodes,
        Self::OptionalItems,
        Self::ShippingOptions,
    ];

    /// The field's name in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AfterCompletion => "after_completion",
            Self::InactiveMessage => "inactive_message",
            Self::CompletedSessionsMax => "restrictions",
            Self::ExpiresAt => "expire_time",
            Self::Collection => "collection",
            Self::Payment => "payment",
            Self::Platform => "platform",
            Self::Subscription => "subscription",
            Self::InvoiceCreation => "invoice_creation",
            Self::AutomaticTax => "automatic_tax",
            Self::PromotionCodes => "allow_promotion_codes",
            Self::OptionalItems => "optional_items",
            Self::ShippingOptions => "shipping_options",
        }
    }
}

impl LinkOptions {
    /// Takes one option over from others.
    pub(super) fn take(&mut self, field: LinkField, from: &Self) {
        match field {
            LinkField::AfterCompletion => self.after_completion.clone_from(&from.after_completion),
            LinkField::InactiveMessage => self.inactive_message.clone_from(&from.inactive_message),
            LinkField::CompletedSessionsMax => self.completed_sessions_max = from.completed_sessions_max,
            LinkField::ExpiresAt => self.expires_at = from.expires_at,
            LinkField::Collection => self.collection.clone_from(&from.collection),
            LinkField::Payment => self.payment.clone_from(&from.payment),
            LinkField::Platform => self.platform.clone_from(&from.platform),
            LinkField::Subscription => self.subscription.clone_from(&from.subscription),
            LinkField::InvoiceCreation => self.invoice_creation.clone_from(&from.invoice_creation),
            LinkField::AutomaticTax => self.automatic_tax.clone_from(&from.automatic_tax),
            LinkField::PromotionCodes => self.promotion_codes = from.promotion_codes,
            LinkField::OptionalItems => self.optional_items.clone_from(&from.optional_items),
            LinkField::ShippingOptions => self.shipping_options.clone_from(&from.shipping_options),
        }
    }

    /// Notes which options exclude one another or need something of what is paid. The rules are those of payment links at
    /// the providers that have them; they are kept here, so that they are told before anything leaves the service.
    pub fn check(&self, target: &LinkTarget, v: &mut Validator) {
        match target {
            LinkTarget::Invoice { .. } => self.check_for_invoice(v),
            LinkTarget::Items { items } => {
                self.check_for_items(items, v);
                self.check_for_pace(items.recurrence().is_some(), v);
            }
        }
        let transfer = self.platform.transfer.as_ref().and_then(|transfer| transfer.amount);
        for (field, part) in
            [("platform.application_fee_amount", self.fee_amount()), ("platform.transfer.amount", transfer)]
        {
            check_part(v, field, part, target);
        }
    }

    /// What is so whether the link is paid once or again and again.
    fn check_for_pace(&self, is_recurring: bool, v: &mut Validator) {
        let platform = &self.platform;
        match platform.application_fee {
            Some(ApplicationFee::Percent(_)) if !is_recurring => {
                v.refuse("platform.application_fee_percent", needs_recurring());
            }
            Some(ApplicationFee::Amount(_)) if is_recurring => {
                v.refuse("platform.application_fee_amount", needs_one_time());
            }
            _ => {}
        }
        let fee_and_part = matches!(platform.application_fee, Some(ApplicationFee::Amount(_)))
            && platform.transfer.as_ref().is_some_and(|transfer| transfer.amount.is_some());
        if fee_and_part {
            let expected = "must be absent beside an application fee: what is not the fee goes on";
            v.refuse("platform.transfer.amount", Invalid::new("FEE_AND_TRANSFER_AMOUNT", expected));
        }
        if self.subscription != SubscriptionSettings::default() && !is_recurring {
            v.refuse("subscription", needs_recurring());
        }
        if self.payment.describes_payment() && is_recurring {
            v.refuse("payment", needs_one_time());
        }
        if self.payment.method_collection == PaymentMethodCollection::IfRequired && !is_recurring {
            v.refuse("payment.method_collection", needs_recurring());
        }
        let collection = &self.collection;
        if collection.customer_creation == CustomerCreation::Always && is_recurring {
            let expected = "must be left out: a subscription always has a customer";
            v.refuse("collection.customer_creation", Invalid::new("IMPLIED_BY_RECURRING", expected));
        }
        match collection.submit_type {
            SubmitType::Subscribe if !is_recurring => v.refuse("collection.submit_type", needs_recurring()),
            SubmitType::Book | SubmitType::Donate | SubmitType::Pay if is_recurring => {
                v.refuse("collection.submit_type", needs_one_time());
            }
            _ => {}
        }
        if collection.custom_text.shipping_address.is_some() && collection.shipping_countries.is_none() {
            let expected = "needs a shipping address to be collected";
            v.refuse("collection.custom_text.shipping_address", Invalid::new("NEEDS_SHIPPING_ADDRESS", expected));
        }
        if collection.custom_text.terms_of_service.is_some() && !collection.consent.terms_of_service {
            let expected = "needs the terms of service to be accepted";
            v.refuse("collection.custom_text.terms_of_service_acceptance", Invalid::new("NEEDS_CONSENT", expected));
        }
    }

    fn check_for_items(&self, items: &LineItems, v: &mut Validator) {
        let optional = &self.optional_items.0;
        v.within("optional_items", |v| OptionalItems::check_count(optional.len(), items.iter().len(), v));
        for (index, item) in optional.iter().enumerate() {
            let at = format!("optional_items[{index}]");
            if item.model.currency() != items.currency() {
                v.refuse(&at, Invalid::new("CURRENCY_MISMATCH", "must be in the currency of the line items"));
            }
            if item.recurrence.is_some() && item.recurrence != items.recurrence() {
                let expected = "must be paid as often as the line items, or once";
                v.refuse(&at, Invalid::new("RECURRENCE_MISMATCH", expected));
            }
            if matches!(item.model, PriceModel::CustomerChosen(_)) {
                v.refuse(&at, Invalid::new("CHOSEN_PRICE_ALONE", "must not be a price that the customer chooses"));
            }
            v.within(&at, |v| item.check(v));
        }
        if items.is_customer_chosen() && !optional.is_empty() {
            let expected = "must be absent where the customer chooses the price";
            v.refuse("optional_items", Invalid::new("CHOSEN_PRICE_ALONE", expected));
        }
        if items.recurrence().is_some() {
            if !self.shipping_options.0.is_empty() {
                v.refuse("shipping_options", needs_one_time());
            }
            if self.invoice_creation.is_some() {
                v.refuse("invoice_creation", needs_one_time());
            }
        }
        if self.shipping_options.0.len() > ShippingOptions::MAX {
            let expected = format!("must be at most {} ways to ship", ShippingOptions::MAX);
            v.refuse("shipping_options", Invalid::new("TOO_MANY", expected));
        }
        for (index, option) in self.shipping_options.0.iter().enumerate() {
            if option.amount.currency() != items.currency() {
                let expected = "must have an amount in the currency of the line items";
                v.refuse(&format!("shipping_options[{index}]"), Invalid::new("CURRENCY_MISMATCH", expected));
            }
        }
    }

    /// Notes what a link for an invoice can't do, but for what depends on its amount. What is paid is the invoice's alone to
    /// say, and so is its tax and who sells.
    pub fn check_for_invoice(&self, v: &mut Validator) {
        for (field, is_set) in [
            ("allow_promotion_codes", self.promotion_codes),
            ("optional_items", !self.optional_items.0.is_empty()),
            ("shipping_options", !self.shipping_options.0.is_empty()),
            ("automatic_tax", self.automatic_tax.is_some()),
            ("invoice_creation", self.invoice_creation.is_some()),
            ("managed_payments", self.managed_payments),
        ] {
            if is_set {
                v.refuse(field, fixed_for_invoice());
            }
        }
        self.check_for_pace(false, v);
    }

    fn fee_amount(&self) -> Option<Money> {
        match self.platform.application_fee {
            Some(ApplicationFee::Amount(amount)) => Some(amount),
            _ => None,
        }
    }

    /// What a provider must be able to do for these options, with the field that wants it.
    pub fn needs(&self) -> Vec<(Feature, &'static str)> {
        let wanted = [
            (Feature::LinkInactiveMessage, "inactive_message", self.inactive_message.is_some()),
            (Feature::LinkCompletedSessionsLimit, "restrictions", self.completed_sessions_max.is_some()),
            (
                Feature::LinkConfirmationMessage,
                "after_completion",
                matches!(self.after_completion, AfterCompletion::ConfirmationWithMessage { .. }),
            ),
            (Feature::PromotionCodes, "allow_promotion_codes", self.promotion_codes),
            (Feature::OptionalItems, "optional_items", !self.optional_items.0.is_empty()),
            (Feature::ShippingOptions, "shipping_options", !self.shipping_options.0.is_empty()),
            (Feature::Platforms, "platform", self.platform != PlatformSettings::default()),
            (Feature::Subscriptions, "subscription", self.subscription != SubscriptionSettings::default()),
            (Feature::InvoiceCreation, "invoice_creation", self.invoice_creation.is_some()),
            (Feature::ProviderTax, "automatic_tax", self.automatic_tax.is_some()),
            (Feature::ManagedPayments, "managed_payments", self.managed_payments),
        ];
        let all = wanted.into_iter().chain(self.collection.wants()).chain(self.payment.wants());
        all.filter(|(_, _, is_wanted)| *is_wanted).map(|(feature, field, _)| (feature, field)).collect()
    }
}

/// A part of what is paid is in its currency, and at most all of it where that is known.
fn check_part(v: &mut Validator, field: &str, part: Option<Money>, target: &LinkTarget) {
    let Some(part) = part else { return };
    match target {
        LinkTarget::Items { items } if part.currency() != items.currency() => {
            v.refuse(field, Invalid::new("CURRENCY_MISMATCH", "must be in the currency of the line items"));
        }
        LinkTarget::Invoice { amount, .. } if part.currency() != amount.currency() => {
            let expected = format!("must be in the invoice's currency, {}", amount.currency());
            v.refuse(field, Invalid::new("CURRENCY_MISMATCH", expected));
        }
        LinkTarget::Invoice { amount, .. } if part.minor() > amount.minor() => {
            v.refuse(field, Invalid::new("ABOVE_AMOUNT", format!("must be at most what the link asks for, {amount}")));
        }
        LinkTarget::Items { .. } | LinkTarget::Invoice { .. } => {}
    }
}

fn needs_recurring() -> Invalid {
    Invalid::new("NEEDS_RECURRING_PRICE", "needs a line item with a recurring price")
}

fn needs_one_time() -> Invalid {
    Invalid::new("NEEDS_ONE_TIME_PRICES", "must be absent on a link with a recurring price")
}

/// What follows a completed checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AfterCompletion {
    /// The hosted page says so.
    #[default]
    Confirmation,
    /// The hosted page says so in these words.
    ConfirmationWithMessage {
        /// The words.
        message: ConfirmationMessage,
    },
    /// The browser goes elsewhere.
    Redirect {
        /// Where.
        url: RedirectUrl,
    },
}

/// How many checkouts of a link may be completed: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CompletedSessionsMax(u32);

impl CompletedSessionsMax {
    /// The largest limit.
    pub const MAX: u32 = 1_000_000;
    /// One checkout, as for an invoice.
    pub const ONE: Self = Self(1);

    /// Parses a limit.
    ///
    /// # Errors
    /// Below 1 or above [`CompletedSessionsMax::MAX`].
    pub fn parse(limit: i64) -> Result<Self, Invalid> {
        u32::try_from(limit)
            .ok()
            .filter(|limit| (1..=Self::MAX).contains(limit))
            .map(Self)
            .ok_or_else(|| Invalid::new("LIMIT_OUT_OF_RANGE", format!("must be from 1 to {}", Self::MAX)))
    }

    /// The number of checkouts.
    pub const fn get(self) -> u32 {
        self.0
    }
}

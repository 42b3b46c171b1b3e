//! The payment link: a hosted page that lives until it is closed, for one invoice or for a list of items.

mod collection;
mod items;
mod options;
mod settings;
mod sharing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use collection::{
    AddressCollection, Collection, Consent, CustomField, CustomFieldKey, CustomFieldKind, CustomFieldLength,
    CustomFields, CustomTexts, CustomerCreation, DropdownOption, NameCollection, NameField, ReuseAgreement,
    ShippingCountries, SubmitType, TaxIdCollection,
};
pub use items::{AdjustableQuantity, LineItem, LineItems};
pub use options::{
    AfterCompletion, CompletedSessionsMax, LinkField, LinkOptions, OptionalItems, ShippingOption, ShippingOptions,
};
pub use settings::{
    AccountRef, ApplicationFee, AutomaticTax, CaptureMethod, CardBrand, FeePercent, FutureUsage, InvoiceCreation,
    InvoiceField, InvoiceTexts, PaymentMethodCollection, PaymentMethodType, PaymentSettings, PlatformSettings,
    StatementDescriptor, SubscriptionSettings, Transfer, TrialDays, TrialEnd,
};
pub use sharing::{ClientReference, LinkSharing, PrefilledEmail, SharingSpec, UtmCodes};

use crate::aggregate::aggregate;
use crate::catalog::PriceModel;
use crate::id::{InvoiceId, LineItemId, PaymentId, PaymentLinkId};
use crate::metadata::MetadataPatch;
use crate::money::{Currency, Money, Quantity};
use crate::payment::{is_part, rest_after, with_part};
use crate::provider::{Feature, ProviderName, ProviderRef};
use crate::seller::SellerId;
use crate::text::{Description, DisplayName};
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Validator, Violations};

aggregate!(
    /// A payment link.
    PaymentLink, PaymentLinkData
);

/// What a link is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentLinkData {
    /// Its id.
    pub id: PaymentLinkId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// What is paid through it.
    pub target: LinkTarget,
    /// What it can do besides.
    pub options: LinkOptions,
    /// Where it stands.
    pub state: LinkState,
    /// How many checkouts have been completed.
    pub completed_sessions: u32,
    /// What came in by parts through a page that takes the rest still, see [`PaymentLink::takes_rest_after`]; absent before the
    /// first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_in_parts: Option<Money>,
    /// The ad-hoc payment that it is the page of.
    pub payment_id: Option<PaymentId>,
    /// Whether the customer's payment method is stored once paid.
    pub stores_payment_method: bool,
    /// Who hosts it.
    pub provider: ProviderName,
    /// Its id there, once it is there.
    pub provider_ref: Option<ProviderRef>,
    /// Where it is paid, once it is there.
    pub url: Option<String>,
    /// Whether real money moves.
    pub livemode: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What is paid through a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LinkTarget {
    /// An invoice, or a part of it: the link closes after one completed payment.
    Invoice {
        /// The invoice.
        invoice_id: InvoiceId,
        /// What is asked for: at most what was due.
        amount: Money,
        /// What the page calls it.
        title: DisplayName,
        /// What the page says of it, such as the tax inside.
        #[serde(default)]
        description: Option<Description>,
    },
    /// A list of items, as often as people like.
    Items {
        /// The items.
        items: LineItems,
    },
}

impl LinkTarget {
    /// Whether it is paid again and again.
    pub fn is_recurring(&self) -> bool {
        matches!(self, Self::Items { items } if items.recurrence().is_some())
    }

    /// What a provider must be able to do for it, with the field that wants it.
    pub fn needs(&self) -> Vec<(Feature, &'static str)> {
        let Self::Items { items } = self else { return Vec::new() };
        let any = |is_so: fn(&LineItem) -> bool| items.iter().any(is_so);
        let wanted = [
            (Feature::Subscriptions, any(|item| item.recurrence.is_some())),
            (Feature::AdjustableQuantities, any(|item| item.adjustable.is_some())),
            (Feature::CustomerChosenPrices, items.is_customer_chosen()),
            (
                Feature::TieredPrices,
                any(|item| !matches!(item.model, PriceModel::PerUnit { .. } | PriceModel::CustomerChosen(_))),
            ),
        ];
        wanted.into_iter().filter(|(_, is_wanted)| *is_wanted).map(|(feature, _)| (feature, "line_items")).collect()
    }
}

/// What is refused on a link for an invoice: its invoice says it.
fn fixed_for_invoice() -> Invalid {
    Invalid::new("FIXED_FOR_INVOICE", "can't be set on a link for an invoice")
}

/// The shortest time ahead that a link's expiry may be.
pub const LINK_EXPIRY_AHEAD_MIN: Duration = Duration::from_secs(60);

/// Parses the expiry of a link.
///
/// # Errors
/// Less than [`LINK_EXPIRY_AHEAD_MIN`] ahead of `now`.
pub fn parse_link_expiry(expires_at: Timestamp, now: Timestamp) -> Result<Timestamp, Invalid> {
    if expires_at < now.plus(LINK_EXPIRY_AHEAD_MIN) {
        let seconds = LINK_EXPIRY_AHEAD_MIN.as_secs();
        return Err(Invalid::new("EXPIRY_TOO_SOON", format!("must be at least {seconds} seconds ahead")));
    }
    Ok(expires_at)
}

/// Where a link stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LinkState {
    /// Intended; the provider has still to make it, or to say that it did.
    Creating,
    /// Can be paid.
    Active,
    /// Being closed: it may still be paid at the provider until that is done.
    Closing {
        /// Why.
        reason: CloseReason,
    },
    /// Closed; visitors see the inactive message.
    Inactive {
        /// Why.
        reason: CloseReason,
        /// Since when.
        closed_at: Timestamp,
    },
    /// The provider refused to make it.
    Failed {
        /// The provider's code, in the adapter's words.
        code: String,
    },
}

/// Why a link or a session was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// A caller asked.
    Requested,
    /// Its time passed.
    Expired,
    /// Its limit of completed checkouts was reached.
    Completed,
    /// Its invoice was paid otherwise, voided or given up, or less is due on it than the page asks for.
    InvoiceClosed,
    /// Someone closed it at the provider.
    AtProvider,
}

/// A change of a link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkChanges {
    /// Which options change.
    pub fields: BTreeSet<LinkField>,
    /// What they become; the other options here mean nothing.
    pub options: LinkOptions,
    /// Change of the metadata.
    pub metadata: MetadataPatch,
    /// Changes of some items.
    pub items: BTreeMap<LineItemId, ItemChange>,
}

/// A change of an item: absent fields stay as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemChange {
    /// The new quantity.
    pub quantity: Option<Quantity>,
    /// Whether and how customers may change it.
    pub adjustable: Option<Option<AdjustableQuantity>>,
}

/// A new link.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPaymentLink {
    /// Its id.
    pub id: PaymentLinkId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// What is paid through it.
    pub target: LinkTarget,
    /// What it can do besides.
    pub options: LinkOptions,
    /// The ad-hoc payment that it is the page of.
    pub payment_id: Option<PaymentId>,
    /// Whether the customer's payment method is stored once paid.
    pub stores_payment_method: bool,
    /// Who hosts it.
    pub provider: ProviderName,
    /// Whether real money moves.
    pub livemode: bool,
}

/// A transition that the link's state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It is not in a state for that.
    #[error("the link is {state}")]
    WrongState {
        /// Its state.
        state: &'static str,
    },
    /// Fields that can't be changed so.
    #[error(transparent)]
    Violations(#[from] Violations),
}

impl LinkState {
    /// The name of the state in which it can be paid.
    pub const ACTIVE: &str = "active";
}

impl PaymentLink {
    /// What a provider must be able to do for it, with the field that wants it. That a link for an invoice closes after one
    /// payment is what such a link is, whether or not others can be limited so.
    pub fn needs(&self) -> Vec<(Feature, &'static str)> {
        let is_paid_once = matches!(self.target, LinkTarget::Invoice { .. });
        let mut needs = self.options.needs();
        needs.retain(|(feature, _)| !(is_paid_once && *feature == Feature::LinkCompletedSessionsLimit));
        needs.extend(self.target.needs());
        needs
    }

    /// A link that is intended.
    pub fn creating(new: NewPaymentLink, now: Timestamp) -> Self {
        let mut options = new.options;
        if matches!(new.target, LinkTarget::Invoice { .. }) {
            options.completed_sessions_max = Some(CompletedSessionsMax::ONE);
        }
        Self(PaymentLinkData {
            id: new.id,
            seller_id: new.seller_id,
            version: 0,
            target: new.target,
            options,
            state: LinkState::Creating,
            completed_sessions: 0,
            paid_in_parts: None,
            payment_id: new.payment_id,
            stores_payment_method: new.stores_payment_method,
            provider: new.provider,
            provider_ref: None,
            url: None,
            livemode: new.livemode,
            created_at: now,
            updated_at: now,
        })
    }

    /// The provider made it. Says whether that was news.
    pub fn created(&mut self, provider_ref: ProviderRef, url: String, now: Timestamp) -> bool {
        if self.state != LinkState::Creating {
            return false;
        }
        self.0.provider_ref = Some(provider_ref);
        self.0.url = Some(url);
        self.move_to(LinkState::Active, now);
        true
    }

    /// The provider refused to make it. Says whether that was news.
    pub fn failed(&mut self, code: String, now: Timestamp) -> bool {
        if self.state != LinkState::Creating {
            return false;
        }
        self.move_to(LinkState::Failed { code }, now);
        true
    }

    /// It is to be closed. Says whether that was news.
    ///
    /// # Errors
    /// It is not there yet, or was never made.
    pub fn begin_closing(&mut self, reason: CloseReason, now: Timestamp) -> Result<bool, LinkError> {
        match self.state {
            LinkState::Active => {
                self.move_to(LinkState::Closing { reason }, now);
                Ok(true)
            }
            LinkState::Closing { .. } | LinkState::Inactive { .. } => Ok(false),
            LinkState::Creating | LinkState::Failed { .. } => Err(self.wrong_state()),
        }
    }

    /// It is closed at the provider. Says whether that was news.
    pub fn closed(&mut self, reason: CloseReason, now: Timestamp) -> bool {
        match self.state {
            LinkState::Active | LinkState::Closing { .. } => {
                self.move_to(LinkState::Inactive { reason, closed_at: now }, now);
                true
            }
            _ => false,
        }
    }

    /// It is open at the provider again. Says whether that was news.
    pub fn reopened(&mut self, now: Timestamp) -> bool {
        let is_news = matches!(self.state, LinkState::Inactive { .. });
        if is_news {
            self.move_to(LinkState::Active, now);
        }
        is_news
    }

    /// Fails unless it can be opened again: closed, not expired, and below its limit of completed checkouts.
    ///
    /// # Errors
    /// Another state, or closed for good.
    pub fn expect_reopenable(&self, now: Timestamp) -> Result<(), LinkError> {
        let expired = self.options.expires_at.is_some_and(|end| end <= now);
        match self.state {
            LinkState::Inactive { .. } if expired => Err(LinkError::WrongState { state: "expired" }),
            LinkState::Inactive { .. } if self.is_used_up() => Err(LinkError::WrongState { state: "completed" }),
            LinkState::Inactive { .. } => Ok(()),
            _ => Err(self.wrong_state()),
        }
    }

    /// A checkout of it was completed.
    pub fn count_completed_session(&mut self, now: Timestamp) {
        self.0.completed_sessions = self.completed_sessions.saturating_add(1);
        self.0.updated_at = now;
    }

    /// Whether less has come in with this money than what it asks for as a whole, as where a customer pays with two cards. A page
    /// that is paid once takes the rest then, so the link stays open with it: were it closed here, another page could be
    /// made for that rest beside the one that still takes it.
    pub fn takes_rest_after(&self, received: Money) -> bool {
        match &self.target {
            LinkTarget::Invoice { amount, .. } => is_part(*amount, self.paid_in_parts, received),
            LinkTarget::Items { .. } => false,
        }
    }

    /// Notes money after which [the rest is taken](Self::takes_rest_after) still.
    pub fn count_part(&mut self, received: Money, now: Timestamp) {
        self.0.paid_in_parts = with_part(self.paid_in_parts, received);
        self.0.updated_at = now;
    }

    /// What its page asks for on its invoice, without the parts that came in; absent where it is for items.
    pub fn asks_on_invoice(&self) -> Option<Money> {
        match &self.target {
            LinkTarget::Invoice { amount, .. } => Some(rest_after(*amount, self.paid_in_parts)),
            LinkTarget::Items { .. } => None,
        }
    }

    /// Whether its limit of completed checkouts is reached.
    pub fn is_used_up(&self) -> bool {
        self.options.completed_sessions_max.is_some_and(|max| self.completed_sessions >= max.get())
    }

    /// The link with a change applied, as it would be.
    ///
    /// # Errors
    /// The link is not there yet or was never made, or fields can't be changed so.
    pub fn changed(&self, changes: &LinkChanges, now: Timestamp) -> Result<Self, LinkError> {
        if matches!(self.state, LinkState::Creating | LinkState::Failed { .. }) {
            return Err(self.wrong_state());
        }
        let mut validator = Validator::new();
        let changed = self.apply(changes, now, &mut validator);
        if self.invoice_id().is_some() {
            if !changes.items.is_empty() {
                validator.refuse("line_items", fixed_for_invoice());
            }
            if changes.fields.contains(&LinkField::CompletedSessionsMax) {
                validator.refuse(LinkField::CompletedSessionsMax.name(), fixed_for_invoice());
            }
        }
        if changes.fields.contains(&LinkField::ExpiresAt) {
            let expires_at = changed.options.expires_at;
            validator.check_optional(LinkField::ExpiresAt.name(), expires_at, |at| parse_link_expiry(at, now));
        }
        let limit = changed
            .options
            .completed_sessions_max
            .filter(|_| changes.fields.contains(&LinkField::CompletedSessionsMax));
        if let Some(max) = limit
            && max.get() <= self.completed_sessions
        {
            let expected = format!("must be above the {} sessions that are completed", self.completed_sessions);
            validator.refuse("restrictions.completed_sessions_limit", Invalid::new("LIMIT_REACHED", expected));
        }
        let (old, new) = (&self.options, &changed.options);
        for (field, is_changed) in [
            ("payment.capture_method", old.payment.capture != new.payment.capture),
            ("subscription.description", old.subscription.description != new.subscription.description),
        ] {
            if is_changed {
                validator.refuse(field, Invalid::new("FIXED", "can't be changed once the link is made"));
            }
        }
        if self.payment_id.is_some() && changes.fields.contains(&LinkField::ExpiresAt) {
            let expected = "is that of the ad-hoc payment, and can't be changed";
            validator.refuse(LinkField::ExpiresAt.name(), Invalid::new("FIXED", expected));
        }
        changed.options.check(&changed.target, &mut validator);
        Ok(validator.finish(Some(changed))?)
    }

    /// The link with a change that was checked by [`changed`](Self::changed) when it was intended. What has happened to the
    /// link since, such as one more completed checkout, does not undo what the provider has done.
    #[must_use]
    pub fn with_checked(&self, changes: &LinkChanges, now: Timestamp) -> Self {
        self.apply(changes, now, &mut Validator::new())
    }

    /// The link with a change applied, but for parts that `v` is told of, which stay as they are.
    fn apply(&self, changes: &LinkChanges, now: Timestamp, v: &mut Validator) -> Self {
        let mut changed = self.clone();
        match self.options.metadata.patched(&changes.metadata) {
            Ok(metadata) => changed.0.options.metadata = metadata,
            Err(violations) => v.within("metadata", |v| v.absorb(violations)),
        }
        if let LinkTarget::Items { items } = &self.target {
            match items.changed(&changes.items) {
                Ok(items) => changed.0.target = LinkTarget::Items { items },
                Err(violations) => v.within("line_items", |v| v.absorb(violations)),
            }
        }
        for field in &changes.fields {
            changed.0.options.take(*field, &changes.options);
        }
        changed.0.updated_at = now;
        changed
    }

    /// The currency in which it is paid.
    pub fn currency(&self) -> Currency {
        match &self.target {
            LinkTarget::Invoice { amount, .. } => amount.currency(),
            LinkTarget::Items { items } => items.currency(),
        }
    }

    /// Whether what is paid through it is paid again and again.
    pub fn is_recurring(&self) -> bool {
        self.target.is_recurring()
    }

    /// The invoice that it is for.
    pub fn invoice_id(&self) -> Option<InvoiceId> {
        match self.target {
            LinkTarget::Invoice { invoice_id, .. } => Some(invoice_id),
            LinkTarget::Items { .. } => None,
        }
    }

    /// Whether it can be paid, or may be.
    pub fn is_open(&self) -> bool {
        matches!(self.state, LinkState::Creating | LinkState::Active | LinkState::Closing { .. })
    }

    /// The state's name, in snake case.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            LinkState::Creating => "creating",
            LinkState::Active => LinkState::ACTIVE,
            LinkState::Closing { .. } => "closing",
            LinkState::Inactive { .. } => "inactive",
            LinkState::Failed { .. } => "failed",
        }
    }

    fn wrong_state(&self) -> LinkError {
        LinkError::WrongState { state: self.state_name() }
    }

    fn move_to(&mut self, state: LinkState, now: Timestamp) {
        self.0.state = state;
        self.0.updated_at = now;
    }
}

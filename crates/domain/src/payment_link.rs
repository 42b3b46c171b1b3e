//! The payment link: a hosted page that lives until it is closed, for one invoice or for a list of items.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aggregate::aggregate;
use crate::id::{InvoiceId, LineItemId, PaymentId, PaymentLinkId, PriceId, ProductId};
use crate::metadata::{Metadata, MetadataPatch};
use crate::money::{Currency, Money, Quantity, UnitPrice};
use crate::provider::{ProviderName, ProviderRef};
use crate::redirect::RedirectUrl;
use crate::seller::SellerId;
use crate::text::{ConfirmationMessage, Description, DisplayName, InactiveMessage};
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
    },
    /// A list of items, as often as people like.
    Items {
        /// The items.
        items: LineItems,
    },
}

/// The items of a link: 1 to 20, in one currency, of a positive total within range.
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
    /// What one costs.
    pub unit_price: UnitPrice,
    /// How many.
    pub quantity: Quantity,
    /// The stored price that it came from.
    pub price_id: Option<PriceId>,
    /// The stored product that it is.
    pub product_id: Option<ProductId>,
}

impl LineItems {
    /// The most items of a link.
    pub const ITEMS_MAX: usize = 20;

    /// Parses a list of items.
    ///
    /// # Errors
    /// Every violation, with paths such as `[3].price.currency` below the list.
    pub fn parse(items: Vec<LineItem>) -> Result<Self, Violations> {
        let mut validator = Validator::new();
        Self::check_count(items.len(), &mut validator);
        let currency = items.first().map(|item| item.unit_price.currency());
        let mut total: i64 = 0;
        for (index, item) in items.iter().enumerate() {
            if Some(item.unit_price.currency()) != currency {
                validator.refuse(
                    &format!("[{index}]"),
                    Invalid::new("CURRENCY_MISMATCH", "must be in the currency of the first item"),
                );
            }
            match item.unit_price.times(item.quantity) {
                Ok(amount) => total = total.saturating_add(amount.minor()),
                Err(_) => validator.refuse(&format!("[{index}]"), out_of_range()),
            }
        }
        if validator.is_clean() && !(1..=Money::MINOR_MAX).contains(&total) {
            validator.refuse("", out_of_range());
        }
        validator.finish(Some(Self(items)))
    }

    /// Notes a wrong number of items. For faces, which must tell it beside what is wrong with the items.
    pub fn check_count(count: usize, validator: &mut Validator) {
        if !(1..=Self::ITEMS_MAX).contains(&count) {
            validator.refuse("", Invalid::new("ITEM_COUNT", format!("must have 1 to {} items", Self::ITEMS_MAX)));
        }
    }

    /// The items.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &LineItem> {
        self.0.iter()
    }

    /// Their currency.
    pub fn currency(&self) -> Currency {
        // Never empty, by `parse`.
        self.0[0].unit_price.currency()
    }

    fn with_quantities(&self, quantities: &BTreeMap<LineItemId, Quantity>) -> Result<Self, Violations> {
        let mut validator = Validator::new();
        for id in quantities.keys() {
            if !self.0.iter().any(|item| item.id == *id) {
                validator.refuse("", Invalid::new("UNKNOWN_LINE_ITEM", format!("has no item {id}")));
            }
        }
        let mut items = self.0.clone();
        for item in &mut items {
            if let Some(quantity) = quantities.get(&item.id) {
                item.quantity = *quantity;
            }
        }
        validator.finish(Some(()))?;
        Self::parse(items)
    }
}

fn out_of_range() -> Invalid {
    Invalid::new("AMOUNT_OUT_OF_RANGE", format!("must come to 1 to {} minor units", Money::MINOR_MAX))
}

impl LineItem {
    /// Quantity times unit price.
    pub fn amount(&self) -> Money {
        // In range, by `LineItems::parse`.
        self.unit_price.times(self.quantity).unwrap_or(Money::zero(self.unit_price.currency()))
    }
}

/// What a link can do besides being paid. All of it can change later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Its invoice was paid otherwise, voided or given up.
    InvoiceClosed,
    /// Someone closed it at the provider.
    AtProvider,
}

/// A change of a link: absent fields stay as they are, `Some(None)` clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkChanges {
    /// What follows a completed checkout.
    pub after_completion: Option<AfterCompletion>,
    /// What visitors of the closed link see.
    pub inactive_message: Option<Option<InactiveMessage>>,
    /// After how many completed checkouts it closes.
    pub completed_sessions_max: Option<Option<CompletedSessionsMax>>,
    /// When it closes.
    pub expires_at: Option<Option<Timestamp>>,
    /// Change of the metadata.
    pub metadata: MetadataPatch,
    /// New quantities of some items.
    pub quantities: BTreeMap<LineItemId, Quantity>,
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

impl PaymentLink {
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
        let mut changed = self.clone();
        match self.options.metadata.patched(&changes.metadata) {
            Ok(metadata) => changed.0.options.metadata = metadata,
            Err(violations) => validator.within("metadata", |v| v.absorb(violations)),
        }
        match &self.target {
            LinkTarget::Items { items } => match items.with_quantities(&changes.quantities) {
                Ok(items) => changed.0.target = LinkTarget::Items { items },
                Err(violations) => validator.within("line_items", |v| v.absorb(violations)),
            },
            LinkTarget::Invoice { .. } => {
                let fixed = Invalid::new("FIXED_FOR_INVOICE", "can't be changed on a link for an invoice");
                if !changes.quantities.is_empty() {
                    validator.refuse("line_items", fixed.clone());
                }
                if changes.completed_sessions_max.is_some() {
                    validator.refuse("restrictions.completed_sessions_limit", fixed);
                }
            }
        }
        if let Some(Some(max)) = changes.completed_sessions_max
            && max.get() <= self.completed_sessions
        {
            let expected = format!("must be above the {} sessions that are completed", self.completed_sessions);
            validator.refuse("restrictions.completed_sessions_limit", Invalid::new("LIMIT_REACHED", expected));
        }
        let options = &mut changed.0.options;
        if let Some(after_completion) = &changes.after_completion {
            options.after_completion = after_completion.clone();
        }
        if let Some(inactive_message) = &changes.inactive_message {
            options.inactive_message = inactive_message.clone();
        }
        if let Some(completed_sessions_max) = changes.completed_sessions_max {
            options.completed_sessions_max = completed_sessions_max;
        }
        if let Some(expires_at) = changes.expires_at {
            options.expires_at = expires_at;
        }
        changed.0.updated_at = now;
        Ok(validator.finish(Some(changed))?)
    }

    /// The currency in which it is paid.
    pub fn currency(&self) -> Currency {
        match &self.target {
            LinkTarget::Invoice { amount, .. } => amount.currency(),
            LinkTarget::Items { items } => items.currency(),
        }
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
            LinkState::Active => "active",
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

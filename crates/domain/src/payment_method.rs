//! Stored payment methods: what may be shown of a card that a customer let the provider keep. No card number ever
//! enters this service.

use serde::{Deserialize, Serialize};

use crate::aggregate::aggregate;
use crate::id::{CustomerId, PaymentMethodId};
use crate::provider::{ProviderName, ProviderRef};
use crate::seller::SellerId;
use crate::timestamp::Timestamp;

aggregate!(
    /// A payment method that a provider keeps for a customer.
    PaymentMethod, PaymentMethodData
);

/// What is known of a stored payment method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentMethodData {
    /// Its id.
    pub id: PaymentMethodId,
    /// Whose customer's it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// The customer.
    pub customer_id: CustomerId,
    /// Who keeps it.
    pub provider: ProviderName,
    /// Its id there.
    pub provider_ref: ProviderRef,
    /// The card.
    pub card: CardSummary,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was detached: it can't be charged any more.
    pub detached_at: Option<Timestamp>,
}

/// What may be shown of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardSummary {
    /// The scheme in lower case, such as `visa`.
    pub brand: String,
    /// The last four digits.
    pub last4: String,
    /// Month of expiry, 1 to 12.
    pub exp_month: u8,
    /// Year of expiry, four digits.
    pub exp_year: u16,
}

impl PaymentMethod {
    /// A payment method that was just stored.
    pub fn new(
        id: PaymentMethodId,
        (seller_id, customer_id): (SellerId, CustomerId),
        (provider, provider_ref): (ProviderName, ProviderRef),
        card: CardSummary,
        now: Timestamp,
    ) -> Self {
        Self(PaymentMethodData {
            id,
            seller_id,
            version: 0,
            customer_id,
            provider,
            provider_ref,
            card,
            created_at: now,
            detached_at: None,
        })
    }

    /// Notes that it was detached. Says whether that was news.
    pub fn detach(&mut self, now: Timestamp) -> bool {
        let is_news = self.detached_at.is_none();
        if is_news {
            self.0.detached_at = Some(now);
        }
        is_news
    }
}

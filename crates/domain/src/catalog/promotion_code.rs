//! Promotion codes: what customers enter on a page of the provider to have a [coupon](super::Coupon)'s discount.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::coupon::{Coupon, Redemptions};
use super::currency_amounts::CurrencyAmounts;
use crate::aggregate::aggregate;
use crate::id::{CouponId, PromotionCodeId};
use crate::metadata::{Metadata, MetadataPatch};
use crate::provider::{ProviderName, ProviderRef};
use crate::seller::SellerId;
use crate::text::parse_code;
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Validator, Violations};

aggregate!(
    /// A promotion code. It is kept at the provider, whose pages customers enter it on.
    PromotionCode, PromotionCodeData
);

/// What a promotion code is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromotionCodeData {
    /// Its id.
    pub id: PromotionCodeId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// What it says; only its metadata changes later.
    #[serde(flatten)]
    pub terms: NewPromotionCode,
    /// Where it stands.
    pub state: PromotionCodeState,
    /// Whose pages take it.
    pub provider: ProviderName,
    /// Its id at the provider, once there is one.
    pub provider_ref: Option<ProviderRef>,
    /// Whether real money moves.
    pub livemode: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a new promotion code says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewPromotionCode {
    /// The coupon whose discount it gives.
    pub coupon_id: CouponId,
    /// What customers enter.
    pub code: Code,
    /// How often it can be redeemed; as often as its coupon where absent.
    pub max_redemptions: Option<Redemptions>,
    /// From when on it can't be redeemed any more; as long as its coupon where absent.
    pub expires_at: Option<Timestamp>,
    /// Whether only customers may redeem it who never paid this seller before, as far as the provider knows.
    pub first_time_only: bool,
    /// The least that must be bought.
    pub minimum: Option<CurrencyAmounts>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

/// What customers enter: 1 to 500 letters a to z, digits and hyphens. Small letters and capitals are the same to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(String);

impl Code {
    /// The most characters.
    pub const CHARS_MAX: usize = 500;
    /// The digits of a drawn code: no letter that is easily taken for a digit or another one (I, L, O, U).
    const DIGITS: [u8; 32] = *b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    /// How many characters of a drawn code come from each of two ids: 40 bits of chance in all.
    const DRAWN_CHARS: u32 = 4;

    /// Parses a code.
    ///
    /// # Errors
    /// Empty, too long, with other characters, or with a card number in it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse_code(text, Self::CHARS_MAX, false).map(Self)
    }

    /// A code that is hard to guess, from the last bits of two new ids of version 7. The bits before them may be a counter
    /// (RFC 9562, 6.2), so that one id alone would have too few of chance.
    pub fn drawn(ids: [Uuid; 2]) -> Self {
        let digits = ids.into_iter().flat_map(|id| {
            let (_, chance) = id.as_u64_pair();
            (0..Self::DRAWN_CHARS).map(move |place| Self::DIGITS[(chance >> (place * 5)) as usize % Self::DIGITS.len()])
        });
        Self(digits.map(char::from).collect())
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a promotion code stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PromotionCodeState {
    /// Intended; the provider has not answered yet.
    Creating,
    /// Customers can redeem it, within its limits.
    Active,
    /// It can't be redeemed.
    Inactive,
    /// The provider refused to make it.
    Failed {
        /// The provider's code for why.
        reason: String,
    },
}

impl PromotionCodeState {
    /// The state's name, in snake case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Failed { .. } => "failed",
        }
    }
}

/// A change of a promotion code: absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PromotionCodeChanges {
    /// Whether it can be redeemed.
    pub active: Option<bool>,
    /// Change of the metadata.
    pub metadata: MetadataPatch,
}

/// A promotion code as it stands at the provider now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionCodeSnapshot {
    /// Its id there.
    pub provider_ref: ProviderRef,
    /// Our own id of it.
    pub promotion_code_id: PromotionCodeId,
    /// Whether it can be redeemed.
    pub active: bool,
}

/// A promotion code that the provider does not have can't be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the promotion code is {state}, not active or inactive")]
pub struct PromotionCodeNotMade {
    /// Its state.
    pub state: &'static str,
}

impl NewPromotionCode {
    /// Checks it against its coupon, which it can't outdo.
    ///
    /// # Errors
    /// It ends before it begins, or goes on after its coupon, or can be redeemed more often than that.
    pub fn expect_within(&self, coupon: &Coupon, now: Timestamp) -> Result<(), Violations> {
        let mut v = Validator::new();
        if !coupon.active {
            v.refuse("coupon_id", Invalid::new("INACTIVE", "must name a coupon that is active"));
        } else if coupon.terms.redeem_by.is_some_and(|end| end <= now) {
            v.refuse("coupon_id", Invalid::new("EXPIRED", "must name a coupon whose redeem_by_time is ahead"));
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            v.refuse("expire_time", Invalid::new("IN_THE_PAST", "must be ahead"));
        } else if self.expires_at.zip(coupon.terms.redeem_by).is_some_and(|(end, coupons)| end > coupons) {
            v.refuse("expire_time", Invalid::new("AFTER_COUPON", "must not be after the coupon's redeem_by_time"));
        }
        if self.max_redemptions.zip(coupon.terms.max_redemptions).is_some_and(|(max, coupons)| max > coupons) {
            let expected = "must not be above the coupon's max_redemptions";
            v.refuse("max_redemptions", Invalid::new("ABOVE_COUPON", expected));
        }
        v.finish(Some(()))
    }
}

impl PromotionCode {
    /// A promotion code that is intended.
    pub fn creating(
        id: PromotionCodeId,
        seller_id: SellerId,
        terms: NewPromotionCode,
        (provider, livemode): (ProviderName, bool),
        now: Timestamp,
    ) -> Self {
        Self(PromotionCodeData {
            id,
            seller_id,
            version: 0,
            terms,
            state: PromotionCodeState::Creating,
            provider,
            provider_ref: None,
            livemode,
            created_at: now,
            updated_at: now,
        })
    }

    /// Notes that the provider has it. Says whether that was news.
    pub fn created(&mut self, snapshot: &PromotionCodeSnapshot, now: Timestamp) -> bool {
        if self.state != PromotionCodeState::Creating {
            return false;
        }
        self.0.provider_ref = Some(snapshot.provider_ref.clone());
        self.turn(snapshot.active, now);
        true
    }

    /// Notes that the provider refused to make it. Says whether that was news.
    pub fn refused(&mut self, reason: &str, now: Timestamp) -> bool {
        if self.state != PromotionCodeState::Creating {
            return false;
        }
        self.0.state = PromotionCodeState::Failed { reason: reason.to_owned() };
        self.0.updated_at = now;
        true
    }

    /// Takes over whether it can be redeemed at the provider. Says whether that was news.
    pub fn observe(&mut self, active: bool, now: Timestamp) -> bool {
        let is_news = self.is_made() && (self.state == PromotionCodeState::Active) != active;
        if is_news {
            self.turn(active, now);
        }
        is_news
    }

    /// Applies a change, of which the provider has what concerns it.
    ///
    /// # Errors
    /// The metadata would have too many pairs.
    pub fn change(&mut self, changes: &PromotionCodeChanges, now: Timestamp) -> Result<(), Violations> {
        self.0.terms.metadata = self.terms.metadata.patched(&changes.metadata)?;
        if let Some(active) = changes.active {
            self.turn(active, now);
        }
        self.0.updated_at = now;
        Ok(())
    }

    /// Fails unless the provider has it.
    ///
    /// # Errors
    /// It is being made, or was refused.
    pub fn expect_made(&self) -> Result<(), PromotionCodeNotMade> {
        if self.is_made() { Ok(()) } else { Err(PromotionCodeNotMade { state: self.state.name() }) }
    }

    fn is_made(&self) -> bool {
        matches!(self.state, PromotionCodeState::Active | PromotionCodeState::Inactive)
    }

    fn turn(&mut self, active: bool, now: Timestamp) {
        self.0.state = if active { PromotionCodeState::Active } else { PromotionCodeState::Inactive };
        self.0.updated_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_parsed_and_drawn() {
        for bad in ["å", "a b", "a_b"] {
            assert_eq!(Code::parse(bad).unwrap_err().rule, "MALFORMED_CODE", "{bad}");
        }
        for (bad, rule) in [("", "REQUIRED"), (&"A".repeat(501), "TOO_LONG"), ("4242424242424242", "CARD_NUMBER")] {
            assert_eq!(Code::parse(bad).unwrap_err().rule, rule, "{bad}");
        }
        assert_eq!(Code::parse("Fall-20").unwrap().as_str(), "Fall-20");
        let id = Uuid::from_u128(0x0193_a5c2_e8b2_7c3a_9f0e_1d2c_3b4a_5968);
        let drawn = Code::drawn([id, id]);
        assert_eq!(drawn.as_str().len(), 8);
        assert_eq!(Code::parse(drawn.as_str()), Ok(drawn.clone()));
        assert_ne!(drawn, Code::drawn([id, Uuid::from_u128(id.as_u128() + 1)]));
    }
}

//! Shipping rates: what it costs to send something, and how long it takes.

use serde::{Deserialize, Serialize};

use super::currency_amounts::CurrencyAmounts;
use crate::aggregate::aggregate;
use crate::id::ShippingRateId;
use crate::metadata::{Metadata, MetadataPatch};
use crate::money::{Currency, Money};
use crate::seller::SellerId;
use crate::tax::{TaxBehavior, TaxCode};
use crate::text::ShippingName;
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Violations};

aggregate!(
    /// A way to ship.
    ShippingRate, ShippingRateData
);

/// What a shipping rate is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShippingRateData {
    /// Its id.
    pub id: ShippingRateId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// What it says; only whether it is active and its metadata change later.
    #[serde(flatten)]
    pub terms: NewShippingRate,
    /// Whether new links may offer it.
    pub active: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller says of a new shipping rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewShippingRate {
    /// What customers call it.
    pub display_name: ShippingName,
    /// What it costs, in one currency and in others.
    #[serde(flatten)]
    pub amounts: CurrencyAmounts,
    /// How long it takes.
    pub delivery_estimate: Option<DeliveryEstimate>,
    /// Whether tax is inside; the provider's own default where absent.
    pub tax_behavior: Option<TaxBehavior>,
    /// Its kind for tax.
    pub tax_code: Option<TaxCode>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

/// How long it takes, from and to; one of them at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryEstimate {
    minimum: Option<DeliveryBound>,
    maximum: Option<DeliveryBound>,
}

/// A bound of a delivery estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryBound {
    unit: DeliveryUnit,
    value: u32,
}

/// The unit of a delivery estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryUnit {
    /// An hour.
    Hour,
    /// A day of the calendar.
    Day,
    /// A working day.
    BusinessDay,
    /// A week.
    Week,
    /// A month.
    Month,
}

impl DeliveryUnit {
    /// Its name, in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::BusinessDay => "business_day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl DeliveryBound {
    /// The largest value.
    pub const VALUE_MAX: u32 = 10_000;

    /// Parses a bound.
    ///
    /// # Errors
    /// Below 1 or above [`DeliveryBound::VALUE_MAX`].
    pub fn parse(unit: DeliveryUnit, value: i64) -> Result<Self, Invalid> {
        let fits = u32::try_from(value).ok().filter(|value| (1..=Self::VALUE_MAX).contains(value));
        let expected = || format!("must be from 1 to {}", Self::VALUE_MAX);
        let value = fits.ok_or_else(|| Invalid::new("DELIVERY_OUT_OF_RANGE", expected()))?;
        Ok(Self { unit, value })
    }

    /// The unit.
    pub const fn unit(self) -> DeliveryUnit {
        self.unit
    }

    /// How many of them.
    pub const fn value(self) -> u32 {
        self.value
    }
}

impl DeliveryEstimate {
    /// An estimate.
    ///
    /// # Errors
    /// Neither bound, or a maximum below a minimum of the same unit.
    pub fn parse(minimum: Option<DeliveryBound>, maximum: Option<DeliveryBound>) -> Result<Self, Invalid> {
        let crossed = minimum.zip(maximum).is_some_and(|(min, max)| min.unit == max.unit && min.value > max.value);
        match (minimum, maximum) {
            (None, None) => Err(Invalid::new("REQUIRED", "must have a minimum or a maximum")),
            _ if crossed => Err(Invalid::new("BOUNDS_CROSSED", "must not have a maximum below its minimum")),
            _ => Ok(Self { minimum, maximum }),
        }
    }

    /// From.
    pub const fn minimum(self) -> Option<DeliveryBound> {
        self.minimum
    }

    /// To.
    pub const fn maximum(self) -> Option<DeliveryBound> {
        self.maximum
    }
}

/// A change of a shipping rate: absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ShippingRateChanges {
    /// Whether new links may offer it.
    pub active: Option<bool>,
    /// Change of the metadata.
    pub metadata: MetadataPatch,
}

impl NewShippingRate {
    /// Parses one of the amounts, in minor units: to ship may be free.
    ///
    /// # Errors
    /// Below 0 or above [`Money::MINOR_MAX`].
    pub fn amount(minor: i64, currency: Currency) -> Result<Money, Invalid> {
        if (0..=Money::MINOR_MAX).contains(&minor) {
            return Ok(Money::new(minor, currency));
        }
        Err(Invalid::new("AMOUNT_OUT_OF_RANGE", format!("must be from 0 to {} minor units", Money::MINOR_MAX)))
    }
}

impl ShippingRate {
    /// A new shipping rate, active.
    pub fn new(id: ShippingRateId, seller_id: SellerId, terms: NewShippingRate, now: Timestamp) -> Self {
        Self(ShippingRateData { id, seller_id, version: 0, terms, active: true, created_at: now, updated_at: now })
    }

    /// What it costs in a currency; `None` if it has no price there.
    pub fn amount_in(&self, currency: Currency) -> Option<Money> {
        self.terms.amounts.of(currency)
    }

    /// Applies a change.
    ///
    /// # Errors
    /// The metadata would have too many pairs.
    pub fn change(&mut self, changes: ShippingRateChanges, now: Timestamp) -> Result<(), Violations> {
        self.0.terms.metadata = self.terms.metadata.patched(&changes.metadata)?;
        if let Some(active) = changes.active {
            self.0.active = active;
        }
        self.0.updated_at = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_was_stored_with_a_map_of_its_own_reads_as_it_was() {
        let money = |minor, code: &str| Money::new(minor, Currency::parse(code).unwrap());
        let stored = serde_json::json!({
            "display_name": "Post",
            "amount": money(4_900, "SEK"),
            "currency_options": {"EUR": money(590, "EUR")},
            "delivery_estimate": null,
            "tax_behavior": null,
            "tax_code": null,
            "metadata": {},
        });
        let terms: NewShippingRate = serde_json::from_value(stored).unwrap();
        assert_eq!(terms.amounts, CurrencyAmounts::parse(money(4_900, "SEK"), "", &[money(590, "EUR")]).unwrap());
        let again: NewShippingRate = serde_json::from_value(serde_json::to_value(&terms).unwrap()).unwrap();
        assert_eq!(again, terms);
    }

    #[test]
    fn to_ship_may_be_free_and_never_less() {
        let krona = Currency::parse("SEK").unwrap();
        for (minor, fits) in [(-1, false), (0, true), (Money::MINOR_MAX, true), (Money::MINOR_MAX + 1, false)] {
            assert_eq!(NewShippingRate::amount(minor, krona).is_ok(), fits, "{minor}");
        }
    }
}

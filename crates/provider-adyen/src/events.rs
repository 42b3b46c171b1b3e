//! Adyen's webhooks as they are on the wire, and what makes one Adyen's own: docs.adyen.com/development-resources/webhooks.
//!
//! A request has several items, each signed by itself. One that is not what it should be refuses them all, so that nothing of
//! a forged request is taken; Adyen delivers again what was not accepted.

use std::collections::BTreeMap;
use std::fmt;

use domain::ports::provider::NotificationError;
use domain::timestamp::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::amounts::Amount;
use crate::signature::{BasicAuthentication, verifies};

/// What a request at the webhook must be.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) hmac_keys: Vec<SecretString>,
    pub(crate) basic: Option<BasicAuthentication>,
    pub(crate) live: bool,
    pub(crate) merchant_account: String,
}

/// A request at the webhook.
#[derive(Deserialize)]
struct Envelope {
    live: Flag,
    #[serde(rename = "notificationItems")]
    items: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(rename = "NotificationRequestItem")]
    item: Item,
}

/// An event. What may be a customer's is in it, so it is never shown whole.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    pub(crate) event_code: String,
    pub(crate) psp_reference: String,
    #[serde(default)]
    original_reference: Option<String>,
    #[serde(default)]
    merchant_account_code: String,
    #[serde(default)]
    merchant_reference: Option<String>,
    #[serde(default)]
    pub(crate) amount: Option<Amount>,
    pub(crate) success: Flag,
    #[serde(default)]
    event_date: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    additional_data: Option<BTreeMap<String, Value>>,
}

/// A truth value, which Adyen writes as a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(value) => Ok(Self(value)),
            Value::String(text) if text == "true" => Ok(Self(true)),
            Value::String(text) if text == "false" => Ok(Self(false)),
            _ => Err(serde::de::Error::custom("neither true nor false")),
        }
    }
}

impl Item {
    /// What is signed of it.
    fn signed(&self) -> String {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (value, currency) = match &self.amount {
            Some(amount) => (amount.value.to_string(), amount.currency.clone()),
            None => (String::new(), String::new()),
        };
        [
            self.psp_reference.clone(),
            text(&self.original_reference),
            self.merchant_account_code.clone(),
            text(&self.merchant_reference),
            value,
            currency,
            self.event_code.clone(),
            self.success.0.to_string(),
        ]
        .join(":")
    }

    /// The reference that we gave to what it is about, or to what was done to that.
    pub(crate) fn reference(&self) -> &str {
        self.merchant_reference.as_deref().unwrap_or_default()
    }

    /// The payment that was modified or disputed.
    pub(crate) fn original(&self) -> Option<&str> {
        self.original_reference.as_deref().filter(|text| !text.is_empty())
    }

    /// A field beside those that every event has.
    pub(crate) fn additional(&self, name: &str) -> Option<&str> {
        self.additional_data.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// When it happened, in whole seconds.
    pub(crate) fn occurred_at(&self) -> Option<Timestamp> {
        time(&self.event_date)
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({} of {})", self.event_code, self.psp_reference)
    }
}

/// A time of Adyen's, such as `2020-12-18T10:15:30+01:00`.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(Timestamp::from)
}

impl Door {
    /// The events of a request. The names of `headers` are in lower case.
    ///
    /// # Errors
    /// It does not authenticate itself, one item is not signed by any of the keys, or it is none of this account's.
    pub(crate) fn open(&self, headers: &[(String, String)], body: &[u8]) -> Result<Vec<Item>, NotificationError> {
        let told: Vec<_> = headers.iter().filter(|(name, _)| name == "authorization").collect();
        // Whoever stands before us may have judged another of several.
        let authorization = if let [(_, only)] = told.as_slice() { only.as_str() } else { "" };
        if self.basic.as_ref().is_some_and(|basic| !basic.accepts(authorization)) {
            return Err(NotificationError::BadCredentials);
        }
        let envelope: Envelope = serde_json::from_slice(body).map_err(|_| NotificationError::Malformed)?;
        let items: Vec<Item> = envelope.items.into_iter().map(|container| container.item).collect();
        let is_signed = |item: &Item| {
            let signature = item.additional("hmacSignature").unwrap_or_default();
            verifies(signature, &item.signed(), &self.hmac_keys)
        };
        if !items.iter().all(is_signed) {
            return Err(NotificationError::BadSignature);
        }
        // Tests at a live endpoint are set up wrongly.
        if items.is_empty() || envelope.live.0 != self.live {
            return Err(NotificationError::Malformed);
        }
        // A webhook of the whole company tells of its other accounts as well. They are none of ours, and must hold up nothing.
        Ok(items.into_iter().filter(|item| item.merchant_account_code == self.merchant_account).collect())
    }
}

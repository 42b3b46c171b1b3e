//! `request_id`: the same request asked twice is done once, and answered the same.

use serde::{Deserialize, Serialize};

use crate::seller::SellerId;
use crate::text::refuse_card_number;
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Violation};

/// The caller's id of a request: 1 to 100 visible ASCII characters; a UUID is best.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// The most characters.
    pub const CHARS_MAX: usize = 100;

    /// Parses an id.
    ///
    /// # Errors
    /// Empty, too long, with other characters, or with a card number in it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new(
                "REQUIRED",
                "is required: an id of your own, best a UUID; the same one when you retry",
            ));
        }
        if text.len() > Self::CHARS_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::new("MALFORMED_REQUEST_ID", "must be 1 to 100 visible ASCII characters"));
        }
        refuse_card_number(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request of a seller's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestKey {
    /// The seller; each has request ids of its own.
    pub seller_id: SellerId,
    /// The caller's id.
    pub request_id: RequestId,
}

/// A mutation that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredRequest {
    /// Which.
    pub key: RequestKey,
    /// The operation, such as `CreatePaymentLink`.
    pub operation: String,
    /// SHA-256 of the operation and its payload, in hexadecimal.
    pub payload_sha256: String,
    /// How far it is.
    pub progress: RequestProgress,
    /// When it was first asked.
    pub created_at: Timestamp,
}

/// How far a mutation is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum RequestProgress {
    /// Not finished: a provider has still to answer.
    Running,
    /// Done; the answer is the one to give again.
    Done {
        /// The answer in the application's own form.
        answer: serde_json::Value,
    },
    /// Refused for good; the refusal is the one to give again.
    Refused {
        /// Why.
        refusal: StoredRefusal,
    },
}

/// A refusal that is given again to the same request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRefusal {
    /// A stable upper-case code.
    pub reason: String,
    /// For people.
    pub message: String,
    /// The fields at fault, if any.
    pub violations: Vec<Violation>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_no_card_number_and_every_uuid_will_do() {
        for text in ["order-51910", "42424242-4242-4242-8242-424242424242", "01J9Z3K8Q2"] {
            assert!(RequestId::parse(text).is_ok(), "{text}");
        }
        for (text, rule) in [("", "REQUIRED"), ("a b", "MALFORMED_REQUEST_ID"), ("pay-4242424242424242", "CARD_NUMBER")]
        {
            assert_eq!(RequestId::parse(text).unwrap_err().rule, rule, "{text}");
        }
    }
}

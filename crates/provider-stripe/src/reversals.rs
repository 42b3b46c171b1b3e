//! Refunds and disputes on Stripe's wire.

use domain::dispute::{DisputeSnapshot, DisputeState};
use domain::id::RefundId;
use domain::ports::provider::ProviderError;
use domain::provider::ProviderRef;
use domain::refund::{Refund, RefundProgress, RefundReason, RefundSnapshot};
use domain::timestamp::Timestamp;
use serde_json::Value;

use crate::amounts;
use crate::client::Params;
use crate::params::{metadata, push};

/// The metadata key under which a refund carries our id.
pub(crate) const REFUND_KEY: &str = "paylinks_refund";
/// The most characters that are kept of a word of Stripe's.
const WORD_CHARS_MAX: usize = 100;

/// The parameters that make a refund.
pub(crate) fn create_refund(refund: &Refund, payment: &ProviderRef) -> Result<Params, ProviderError> {
    let mut params = Params::new();
    push(&mut params, "payment_intent", payment);
    push(&mut params, "amount", amounts::part(refund.amount, "amount")?);
    if let Some(reason) = refund.reason {
        let reason = match reason {
            RefundReason::Duplicate => "duplicate",
            RefundReason::Fraudulent => "fraudulent",
            RefundReason::RequestedByCustomer => "requested_by_customer",
        };
        push(&mut params, "reason", reason);
    }
    metadata(&mut params, &refund.metadata);
    push(&mut params, &format!("metadata[{REFUND_KEY}]"), refund.id);
    Ok(params)
}

/// A refund as it stands.
pub(crate) fn refund_snapshot(refund: &Value) -> Option<RefundSnapshot> {
    Some(RefundSnapshot {
        provider_ref: ProviderRef(refund["id"].as_str()?.to_owned()),
        refund_id: refund["metadata"][REFUND_KEY].as_str().and_then(|id| RefundId::parse(id).ok()),
        progress: match refund["status"].as_str()? {
            "succeeded" => RefundProgress::Succeeded,
            "failed" => RefundProgress::Failed { code: word(&refund["failure_reason"]) },
            "canceled" => RefundProgress::Canceled,
            "requires_action" => RefundProgress::RequiresAction,
            // A state that is not known is on its way to one that is.
            _ => RefundProgress::Pending,
        },
        amount: amounts::money(refund["amount"].as_i64()?, refund["currency"].as_str()?)?,
        reason: match refund["reason"].as_str() {
            Some("duplicate") => Some(RefundReason::Duplicate),
            Some("fraudulent") => Some(RefundReason::Fraudulent),
            Some("requested_by_customer") => Some(RefundReason::RequestedByCustomer),
            _ => None,
        },
    })
}

/// A dispute as it stands.
pub(crate) fn dispute_snapshot(dispute: &Value) -> Option<DisputeSnapshot> {
    let name = word(&dispute["status"]);
    Some(DisputeSnapshot {
        provider_ref: ProviderRef(dispute["id"].as_str()?.to_owned()),
        state: match name.as_str() {
            "warning_needs_response" => DisputeState::WarningNeedsResponse,
            "warning_under_review" => DisputeState::WarningUnderReview,
            "warning_closed" => DisputeState::WarningClosed,
            "needs_response" => DisputeState::NeedsResponse,
            "under_review" => DisputeState::UnderReview,
            "won" => DisputeState::Won,
            "lost" => DisputeState::Lost,
            "prevented" => DisputeState::Prevented,
            _ => DisputeState::Unknown { name },
        },
        amount: amounts::money(dispute["amount"].as_i64()?, dispute["currency"].as_str()?)?,
        reason: word(&dispute["reason"]),
        evidence_due_at: dispute["evidence_details"]["due_by"].as_i64().map(Timestamp::from_unix_seconds),
    })
}

/// A word of Stripe's own: never a text that a person wrote.
pub(crate) fn word(value: &Value) -> String {
    let word = value.as_str().unwrap_or("unknown");
    word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(WORD_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dispute_is_read_with_its_due_date_and_unknown_words_are_kept() {
        let mut dispute = json!({"id": "dp_1", "amount": 1000, "currency": "usd", "reason": "general",
            "status": "warning_needs_response", "evidence_details": {"due_by": 1_723_679_999}});
        let read = dispute_snapshot(&dispute).unwrap();
        assert_eq!((read.state, read.reason.as_str()), (DisputeState::WarningNeedsResponse, "general"));
        assert_eq!(read.evidence_due_at, Some(Timestamp::from_unix_seconds(1_723_679_999)));
        dispute["status"] = "in_arbitration".into();
        dispute["evidence_details"] = Value::Null;
        let read = dispute_snapshot(&dispute).unwrap();
        assert_eq!(read.state, DisputeState::Unknown { name: "in_arbitration".into() });
        assert_eq!(read.evidence_due_at, None);
    }

    #[test]
    fn a_refund_is_read_in_every_state() {
        let id = "re_0193a5c2e8b27c3a9f0e1d2c3b4a5968";
        for (status, progress) in [
            ("pending", RefundProgress::Pending),
            ("requires_action", RefundProgress::RequiresAction),
            ("succeeded", RefundProgress::Succeeded),
            ("failed", RefundProgress::Failed { code: "lost_or_stolen_card".into() }),
            ("canceled", RefundProgress::Canceled),
            ("something_new", RefundProgress::Pending),
        ] {
            let refund = json!({"id": "re_1", "amount": 100, "currency": "sek", "status": status, "reason": "duplicate",
                "failure_reason": "lost_or_stolen_card", "metadata": {"paylinks_refund": id}});
            let read = refund_snapshot(&refund).unwrap();
            assert_eq!((read.progress, read.reason), (progress, Some(RefundReason::Duplicate)), "{status}");
            assert_eq!(read.refund_id.unwrap().to_string(), id);
        }
    }
}

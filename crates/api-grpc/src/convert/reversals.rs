//! Refunds and disputes, from proto messages and to them.

use api_proto::v1;
use domain::dispute::{Dispute, DisputeState};
use domain::refund::{Refund, RefundOrigin, RefundReason, RefundState};

use super::out_of_band::told_out_of_band_refund;
use super::output::{money, pairs, text, timestamp};

/// The reason that a request names.
pub(crate) fn refund_reason(reason: v1::RefundReason) -> Option<RefundReason> {
    match reason {
        v1::RefundReason::Unspecified => None,
        v1::RefundReason::Duplicate => Some(RefundReason::Duplicate),
        v1::RefundReason::Fraudulent => Some(RefundReason::Fraudulent),
        v1::RefundReason::RequestedByCustomer => Some(RefundReason::RequestedByCustomer),
    }
}

/// The name of the state that a list is asked for.
pub(crate) fn refund_state_name(state: v1::RefundState) -> Option<&'static str> {
    match state {
        v1::RefundState::Unspecified => None,
        v1::RefundState::Creating => Some(RefundState::CREATING),
        v1::RefundState::Pending => Some(RefundState::PENDING),
        v1::RefundState::RequiresAction => Some(RefundState::REQUIRES_ACTION),
        v1::RefundState::Succeeded => Some(RefundState::SUCCEEDED),
        v1::RefundState::Failed => Some(RefundState::FAILED),
        v1::RefundState::Canceled => Some(RefundState::CANCELED),
    }
}

/// The name of the state that a list is asked for.
pub(crate) fn dispute_state_name(state: v1::DisputeState) -> Option<&'static str> {
    match state {
        v1::DisputeState::Unspecified => None,
        v1::DisputeState::WarningNeedsResponse => Some(DisputeState::WarningNeedsResponse.name()),
        v1::DisputeState::WarningUnderReview => Some(DisputeState::WarningUnderReview.name()),
        v1::DisputeState::WarningClosed => Some(DisputeState::WarningClosed.name()),
        v1::DisputeState::NeedsResponse => Some(DisputeState::NeedsResponse.name()),
        v1::DisputeState::UnderReview => Some(DisputeState::UnderReview.name()),
        v1::DisputeState::Won => Some(DisputeState::Won.name()),
        v1::DisputeState::Lost => Some(DisputeState::Lost.name()),
        v1::DisputeState::Prevented => Some(DisputeState::Prevented.name()),
    }
}

pub(crate) fn refund(refund: &Refund) -> v1::Refund {
    let (state, failure_code) = match &refund.state {
        RefundState::Creating => (v1::RefundState::Creating, ""),
        RefundState::Pending => (v1::RefundState::Pending, ""),
        RefundState::RequiresAction => (v1::RefundState::RequiresAction, ""),
        RefundState::Succeeded { .. } => (v1::RefundState::Succeeded, ""),
        RefundState::Failed { code, .. } => (v1::RefundState::Failed, code.as_str()),
        RefundState::Canceled { .. } => (v1::RefundState::Canceled, ""),
    };
    let reason = match refund.reason {
        None => v1::RefundReason::Unspecified,
        Some(RefundReason::Duplicate) => v1::RefundReason::Duplicate,
        Some(RefundReason::Fraudulent) => v1::RefundReason::Fraudulent,
        Some(RefundReason::RequestedByCustomer) => v1::RefundReason::RequestedByCustomer,
    };
    let origin = match refund.origin {
        RefundOrigin::Requested => v1::RefundOrigin::Requested,
        RefundOrigin::AtProvider => v1::RefundOrigin::AtProvider,
    };
    v1::Refund {
        id: refund.id.to_string(),
        seller_id: refund.seller_id.to_string(),
        payment_id: refund.payment_id.to_string(),
        credit_note_id: text(refund.credit_note_id.as_ref()),
        out_of_band: refund.out_of_band.as_ref().map(told_out_of_band_refund),
        amount: Some(money(refund.amount)),
        state: state as i32,
        failure_code: failure_code.to_owned(),
        reason: reason as i32,
        origin: origin as i32,
        provider: refund.provider.to_string(),
        provider_ref: text(refund.provider_ref.as_ref()),
        metadata: pairs(&refund.metadata),
        livemode: refund.livemode,
        create_time: Some(timestamp(refund.created_at)),
        update_time: Some(timestamp(refund.updated_at)),
    }
}

pub(crate) fn dispute(dispute: &Dispute) -> v1::Dispute {
    let (state, unknown_state) = match &dispute.state {
        DisputeState::WarningNeedsResponse => (v1::DisputeState::WarningNeedsResponse, ""),
        DisputeState::WarningUnderReview => (v1::DisputeState::WarningUnderReview, ""),
        DisputeState::WarningClosed => (v1::DisputeState::WarningClosed, ""),
        DisputeState::NeedsResponse => (v1::DisputeState::NeedsResponse, ""),
        DisputeState::UnderReview => (v1::DisputeState::UnderReview, ""),
        DisputeState::Won => (v1::DisputeState::Won, ""),
        DisputeState::Lost => (v1::DisputeState::Lost, ""),
        DisputeState::Prevented => (v1::DisputeState::Prevented, ""),
        DisputeState::Unknown { name } => (v1::DisputeState::Unspecified, name.as_str()),
    };
    v1::Dispute {
        id: dispute.id.to_string(),
        seller_id: dispute.seller_id.to_string(),
        payment_id: dispute.payment_id.to_string(),
        amount: Some(money(dispute.amount)),
        state: state as i32,
        unknown_state: unknown_state.to_owned(),
        reason: dispute.reason.clone(),
        evidence_due_time: dispute.evidence_due_at.map(timestamp),
        provider: dispute.provider.to_string(),
        provider_ref: dispute.provider_ref.to_string(),
        livemode: dispute.livemode,
        create_time: Some(timestamp(dispute.created_at)),
        update_time: Some(timestamp(dispute.updated_at)),
    }
}

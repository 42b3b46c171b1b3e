//! What Adyen's events mean here: docs.adyen.com/development-resources/webhooks/webhook-types and
//! docs.adyen.com/risk-management/disputes-api/dispute-notifications. It must not verify anything: that is done before.
//!
//! Each event is taken as the fact that it states. An authorisation is a payment, since money is taken at once. What later
//! keeps that money from us, without anyone having sent it back, is told as a refund of it: the books then hold what Adyen
//! pays out, in whichever order the two come. A capture that fails is told as that, since Adyen makes it again by itself where
//! it can (docs.adyen.com/online-payments/capture/failure-reasons). A failed attempt leaves its page open, and means nothing.

use domain::dispute::{DisputeSnapshot, DisputeState};
use domain::id::{CheckoutSessionId, PaymentLinkId, RefundId};
use domain::money::Money;
use domain::payment::{CaptureOutcome, CaptureSnapshot};
use domain::provider::{CheckoutProgress, CheckoutSnapshot, Notification, NotificationTopic, ProviderRef};
use domain::refund::{RefundProgress, RefundSnapshot};
use domain::timestamp::Timestamp;

use crate::amounts::Amount;
use crate::events::{Item, time};

/// The most characters of Adyen's words for why something is so.
const REASON_CHARS_MAX: usize = 100;

/// What an event tells. One that lacks a part that it must have, such as an amount in a currency that is known, is for a person.
pub(crate) fn read(item: &Item, now: Timestamp) -> Notification {
    let topic = topic(item).unwrap_or_else(|| needs_attention(item));
    let occurred_at = item.occurred_at().unwrap_or(now);
    Notification { provider_event_id: event_id(item), occurred_at, topic, is_foreign: !is_ours(item) }
}

fn needs_attention(item: &Item) -> NotificationTopic {
    let payment_ref = Some(ProviderRef(item.original().unwrap_or(&item.psp_reference).to_owned()));
    NotificationTopic::NeedsAttention { name: name(item), payment_ref }
}

/// By Adyen's word, deliveries of one event have the same code and reference; where both can come of one reference, success
/// and failure are two events. A capture that is made again may have the reference of the first, so its time counts too; told
/// twice, it comes to the same.
fn event_id(item: &Item) -> String {
    let told = format!("{}:{}:{}", item.event_code, item.psp_reference, item.success.0);
    match item.occurred_at() {
        Some(at) if item.event_code.starts_with("CAPTURE") => format!("{told}:{}", at.unix_seconds()),
        _ => told,
    }
}

fn topic(item: &Item) -> Option<NotificationTopic> {
    let code = item.event_code.as_str();
    let sent_back = || refund(item, RefundProgress::Succeeded);
    let kept = |default: &str| refund(item, RefundProgress::Failed { code: reason(item, default) });
    if let Some(state) = dispute_state(item) {
        return dispute(item, state);
    }
    match (code, item.success.0) {
        ("AUTHORISATION", true) => authorisation(item),
        ("REFUND" | "CANCEL_OR_REFUND", true) => sent_back(),
        ("REFUND" | "CANCEL_OR_REFUND", false) => kept("refused"),
        // Both are of a refund that had succeeded, and are sure whatever their success says.
        ("REFUND_FAILED", _) => kept("refund_failed"),
        ("REFUNDED_REVERSED", _) => kept("refunded_reversed"),
        // The money of a payment that was told never comes.
        ("CANCELLATION" | "TECHNICAL_CANCEL", true) => sent_back(),
        ("CAPTURE", true) => capture(item, CaptureOutcome::Made),
        ("CAPTURE_FAILED", _) => capture(item, CaptureOutcome::Failed),
        // Money that was authorised is not taken, and may still be.
        ("CAPTURE", false) | ("EXPIRE", _) if is_ours(item) => Some(needs_attention(item)),
        _ => Some(other(item)),
    }
}

fn other(item: &Item) -> NotificationTopic {
    NotificationTopic::Other { name: name(item) }
}

fn name(item: &Item) -> String {
    item.event_code.chars().take(REASON_CHARS_MAX).collect()
}

/// Whether it names a page or a refund of ours.
fn is_ours(item: &Item) -> bool {
    let reference = item.reference();
    PaymentLinkId::parse(reference).is_ok()
        || CheckoutSessionId::parse(reference).is_ok()
        || RefundId::parse(reference).is_ok()
}

/// A payment of a page of ours; another program's means nothing here.
fn authorisation(item: &Item) -> Option<NotificationTopic> {
    let link = PaymentLinkId::parse(item.reference()).ok();
    let session = CheckoutSessionId::parse(item.reference()).ok();
    if link.is_none() && session.is_none() {
        return Some(other(item));
    }
    // A card that is only checked is authorised for nothing, which no page of ours asks for; less than nothing is no payment.
    let received = money(item).filter(|money| money.minor() > 0)?;
    let payment_ref = ProviderRef(item.psp_reference.clone());
    let snapshot = CheckoutSnapshot {
        // A visit has no name of its own: it is its payment. Which page it was of is not signed.
        provider_ref: payment_ref.clone(),
        checkout_session_id: session,
        payment_link_id: link,
        progress: CheckoutProgress::Paid { payment_ref, received },
        amount: received,
        payment_method: None,
        expires_at: None,
        collected: None,
        subscription: None,
    };
    Some(NotificationTopic::CheckoutTold { snapshot: Box::new(snapshot) })
}

/// What became of a refund, whoever asked for it, or of money that is kept from us as if it were one.
fn refund(item: &Item, progress: RefundProgress) -> Option<NotificationTopic> {
    let snapshot = RefundSnapshot {
        provider_ref: ProviderRef(item.psp_reference.clone()),
        // Mostly it is the reference of the payment.
        refund_id: RefundId::parse(item.reference()).ok(),
        progress,
        amount: money(item)?,
        reason: None,
    };
    let payment_ref = ProviderRef(item.original()?.to_owned());
    Some(NotificationTopic::RefundTold { payment_ref, snapshot: Box::new(snapshot) })
}

/// The longest code of a reason that is passed on: schemes have shorter ones.
const REASON_CODE_CHARS_MAX: usize = 20;

/// What became of taking the money of a payment.
fn capture(item: &Item, outcome: CaptureOutcome) -> Option<NotificationTopic> {
    let provider_ref = ProviderRef(item.psp_reference.clone());
    let snapshot = CaptureSnapshot { provider_ref, amount: money(item)?, outcome };
    let payment_ref = ProviderRef(item.original()?.to_owned());
    Some(NotificationTopic::CaptureTold { payment_ref, snapshot: Box::new(snapshot) })
}

fn dispute(item: &Item, state: DisputeState) -> Option<NotificationTopic> {
    // It is not signed.
    let is_code = |code: &&str| {
        (1..=REASON_CODE_CHARS_MAX).contains(&code.len())
            && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
    };
    let code = item.additional("chargebackReasonCode").filter(is_code).map(str::to_owned);
    let snapshot = DisputeSnapshot {
        provider_ref: ProviderRef(item.psp_reference.clone()),
        state,
        amount: money(item)?,
        reason: code.unwrap_or_else(|| reason(item, "unknown")),
        evidence_due_at: item.additional("defensePeriodEndsAt").and_then(time),
    };
    let payment_ref = ProviderRef(item.original()?.to_owned());
    Some(NotificationTopic::DisputeTold { payment_ref, snapshot: Box::new(snapshot) })
}

/// Where a dispute stands after an event; nothing if the event is of none, or moves no money, as where the seller has answered
/// (an answer to a mere question must not count as money taken). What is said of it beside the event's code is not signed.
fn dispute_state(item: &Item) -> Option<DisputeState> {
    Some(match item.event_code.as_str() {
        "REQUEST_FOR_INFORMATION" => DisputeState::WarningNeedsResponse,
        // Before a chargeback its money is about to be taken, and must not be sent back beside that.
        "NOTIFICATION_OF_CHARGEBACK" | "CHARGEBACK" | "DISPUTE_OPENED_WITH_CHARGEBACK" => DisputeState::NeedsResponse,
        // The money is back; the bank may still come a second time.
        "CHARGEBACK_REVERSED"
        | "PREARBITRATION_WON"
        | "SCHEME_ARBITRATION_WON"
        | "ISSUER_RESPONSE_TIMEFRAME_EXPIRED" => DisputeState::Won,
        "SECOND_CHARGEBACK" | "PREARBITRATION_LOST" | "SCHEME_ARBITRATION_LOST" | "DISPUTE_DEFENSE_PERIOD_ENDED" => {
            DisputeState::Lost
        }
        _ => return None,
    })
}

fn money(item: &Item) -> Option<Money> {
    item.amount.as_ref().and_then(Amount::money)
}

/// Adyen's own words for why, as one word: they are of a list of Adyen's, and digits, which may be a card's, are left out.
fn reason(item: &Item, default: &str) -> String {
    let words = item.reason.as_deref().unwrap_or_default();
    let joined: String =
        words.chars().map(|c| if c.is_ascii_alphabetic() { c.to_ascii_lowercase() } else { ' ' }).collect();
    let joined = joined.split_whitespace().collect::<Vec<_>>().join("_");
    let cut: String = joined.chars().take(REASON_CHARS_MAX).collect();
    if cut.is_empty() { default.to_owned() } else { cut }
}

#[cfg(test)]
mod tests;

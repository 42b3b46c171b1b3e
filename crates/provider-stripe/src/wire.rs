//! What is read of Stripe's objects. Fields that are not needed are not read, and words that are not known are tolerated.

use domain::id::{CheckoutSessionId, PaymentLinkId};
use domain::payment_method::CardSummary;
use domain::ports::provider::{HostedPage, LinkSnapshot, ProviderError};
use domain::provider::{CheckoutProgress, CheckoutSnapshot, ProviderRef, StoredCard};
use domain::timestamp::Timestamp;
use serde_json::Value;

use crate::amounts::money;
use crate::params::{CHECKOUT_KEY, LINK_KEY};

/// The id and URL of a link or session.
pub(crate) fn hosted_page(object: &Value) -> Result<HostedPage, ProviderError> {
    match (object["id"].as_str(), object["url"].as_str()) {
        (Some(id), Some(url)) => Ok(HostedPage { provider_ref: ProviderRef(id.to_owned()), url: url.to_owned() }),
        // It was done, as the status said; what it is must be looked up.
        _ => Err(ProviderError::OutcomeUnknown),
    }
}

/// The id and URL of a link or session that was looked up: one that is completed or expired has no URL any more.
pub(crate) fn found_page(object: &Value) -> Option<HostedPage> {
    let url = object["url"].as_str().unwrap_or_default().to_owned();
    Some(HostedPage { provider_ref: ProviderRef(object["id"].as_str()?.to_owned()), url })
}

/// Our id of a link.
pub(crate) fn link_id(object: &Value) -> Option<PaymentLinkId> {
    object["metadata"][LINK_KEY].as_str().and_then(|id| PaymentLinkId::parse(id).ok())
}

/// Our id of a session.
pub(crate) fn checkout_id(object: &Value) -> Option<CheckoutSessionId> {
    object["metadata"][CHECKOUT_KEY].as_str().and_then(|id| CheckoutSessionId::parse(id).ok())
}

pub(crate) fn link_snapshot(object: &Value) -> Option<LinkSnapshot> {
    Some(LinkSnapshot {
        payment_link_id: link_id(object)?,
        active: object["active"].as_bool()?,
        completed_sessions: object["restrictions"]["completed_sessions"]["count"]
            .as_u64()
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0),
    })
}

/// A session, read with its payment intent and payment method expanded.
pub(crate) fn checkout_snapshot(session: &Value) -> Result<CheckoutSnapshot, ProviderError> {
    if checkout_id(session).is_none() && link_id(session).is_none() {
        // Another program on the same account made it.
        return Err(ProviderError::NotFound);
    }
    // One of ours that can't be read needs a person: no retry will help.
    read_snapshot(session)
        .ok_or_else(|| ProviderError::Rejected { field: None, code: "unreadable_checkout".to_owned() })
}

fn read_snapshot(session: &Value) -> Option<CheckoutSnapshot> {
    let currency = session["currency"].as_str()?;
    let intent = &session["payment_intent"];
    Some(CheckoutSnapshot {
        provider_ref: ProviderRef(session["id"].as_str()?.to_owned()),
        checkout_session_id: checkout_id(session),
        payment_link_id: link_id(session),
        progress: progress(session, intent)?,
        amount: money(session["amount_total"].as_i64()?, currency)?,
        payment_method: stored_card(&intent["payment_method"]),
        expires_at: session["expires_at"].as_i64().map(Timestamp::from_unix_seconds),
    })
}

/// How far a session is: it is paid only when Stripe says paid.
fn progress(session: &Value, intent: &Value) -> Option<CheckoutProgress> {
    let payment_ref = || intent["id"].as_str().map(|id| ProviderRef(id.to_owned()));
    match (session["status"].as_str()?, session["payment_status"].as_str()?) {
        ("open", _) => Some(CheckoutProgress::Open),
        ("expired", _) => Some(CheckoutProgress::Expired),
        ("complete", "no_payment_required") => Some(CheckoutProgress::NothingToPay),
        ("complete", "paid") => Some(CheckoutProgress::Paid {
            payment_ref: payment_ref()?,
            received: money(intent["amount_received"].as_i64()?, intent["currency"].as_str()?)?,
        }),
        ("complete", _) => match intent["status"].as_str()? {
            "requires_payment_method" | "canceled" => {
                Some(CheckoutProgress::PaymentFailed { payment_ref: payment_ref()? })
            }
            _ => Some(CheckoutProgress::Processing { payment_ref: payment_ref()? }),
        },
        _ => None,
    }
}

/// A card that Stripe keeps: one that is attached to a customer.
fn stored_card(method: &Value) -> Option<StoredCard> {
    method["customer"].as_str()?;
    let card = &method["card"];
    Some(StoredCard {
        provider_ref: ProviderRef(method["id"].as_str()?.to_owned()),
        card: CardSummary {
            brand: card["brand"].as_str()?.to_owned(),
            last4: card["last4"].as_str()?.to_owned(),
            exp_month: u8::try_from(card["exp_month"].as_u64()?).ok()?,
            exp_year: u16::try_from(card["exp_year"].as_u64()?).ok()?,
        },
    })
}

//! Checkout sessions: what is sent to Stripe to make one, and what Stripe's session means to the domain.

use std::time::Duration;

use domain::checkout::CheckoutSession;
use domain::customer::Customer;
use domain::payment_method::CardSummary;
use domain::ports::provider::ProviderError;
use domain::provider::{CheckoutProgress, CheckoutSnapshot, ProviderRef, StoredCard};
use domain::timestamp::Timestamp;

use crate::failure::{Failure, segments};
use crate::form::Form;
use crate::links::{push_vault, push_whole};
use crate::money::from_stripe;
use crate::references;
use crate::wire::{PaymentIntent, PaymentMethod, Session};

/// What has to come with a session so that its payment can be told.
pub(crate) const EXPANDED: &str = "payment_intent.payment_method";
/// How long a session must live at the least, from its making at Stripe.
const LIFETIME_MIN: Duration = Duration::from_secs(30 * 60);
/// How long a session may live at the most, from its making at Stripe.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How far our clock may be from Stripe's without a session's expiry falling outside of its limits.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5 * 60);
/// What the page calls a payment without a title.
const TITLE_DEFAULT: &str = "Payment";
/// The languages of Stripe's page: the parameter's values, without `auto`.
#[rustfmt::skip]
pub(crate) const LOCALES: [&str; 41] = [
    "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hi-IN", "hr", "hu",
    "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th",
    "tr", "vi", "zh", "zh-HK", "zh-TW",
];

/// What makes a session.
pub(crate) fn creation(session: &CheckoutSession, customer: Option<&Customer>) -> Result<Form, ProviderError> {
    let Some(return_url) = &session.return_url else {
        return Err(rejected("return_url", "REQUIRED"));
    };
    let mut form = Form::default().with("mode", "payment");
    push_whole(&mut form, session.amount, session.title.as_ref().map_or(TITLE_DEFAULT, |title| title.as_str()))?;
    form.push("success_url", return_url.as_str());
    if let Some(cancel_url) = &session.cancel_url {
        form.push("cancel_url", cancel_url.as_str());
    }
    if let Some(locale) = &session.locale {
        if !LOCALES.contains(&locale.as_str()) {
            return Err(rejected("locale", "LOCALE_UNSUPPORTED"));
        }
        form.push("locale", locale.as_str());
    }
    form.push("expires_at", expiry(session).unix_seconds());
    if let Some(customer) = customer {
        if let Some(email) = &customer.profile.email {
            form.push("customer_email", email.as_str());
        }
        push_vault(&mut form);
    }
    references::write(
        &mut form,
        &session.metadata,
        &[
            (references::CHECKOUT, Some(session.id.to_string())),
            (references::SELLER, Some(session.seller_id.to_string())),
            (references::INVOICE, session.invoice_id().map(|id| id.to_string())),
        ],
    );
    Ok(form)
}

/// When the session expires at Stripe: as told, but within Stripe's limits.
///
/// The limits count from our own creation of the session, not from now, so that a call sent again under the same key is
/// the same. At the top they are narrowed by what clocks may differ: earlier than told is harmless, later is not. At the
/// bottom a session must live for as long as Stripe demands, even when it was told to end sooner.
fn expiry(session: &CheckoutSession) -> Timestamp {
    let earliest = session.created_at.plus(LIFETIME_MIN + CLOCK_SKEW_MAX);
    let latest = session.created_at.plus(LIFETIME_MAX - CLOCK_SKEW_MAX);
    session.expires_at.clamp(earliest, latest)
}

/// The field of ours that a parameter of a session's came from.
pub(crate) fn field(param: &str) -> Option<String> {
    let field = match segments(param).as_slice() {
        ["line_items", ..] => "amount",
        ["success_url"] => "return_url",
        ["cancel_url"] => "cancel_url",
        ["locale"] => "locale",
        ["metadata", ..] => "metadata",
        ["customer_email"] => "customer_id",
        _ => return None,
    };
    Some(field.to_owned())
}

/// What Stripe's session means.
///
/// # Errors
/// Parts are missing that Stripe always gives.
pub(crate) fn snapshot(session: Session) -> Result<CheckoutSnapshot, Failure> {
    let intent = session.payment_intent.and_then(|intent| intent.object());
    let progress = progress(session.status.as_deref(), session.payment_status.as_deref(), intent.as_ref())?;
    let amount = match (session.amount_total, session.currency.as_deref()) {
        (Some(amount), Some(currency)) => from_stripe(amount, currency).ok_or_else(nonsense)?,
        _ => return Err(nonsense()),
    };
    Ok(CheckoutSnapshot {
        checkout_session_id: references::read(session.metadata.as_ref(), references::CHECKOUT),
        payment_link_id: references::read(session.metadata.as_ref(), references::LINK),
        provider_ref: ProviderRef(session.id),
        progress,
        amount,
        payment_method: intent
            .and_then(|intent| intent.payment_method)
            .and_then(|method| method.object())
            .and_then(stored_card),
        expires_at: session.expires_at.map(Timestamp::from_unix_seconds),
    })
}

fn progress(
    status: Option<&str>,
    payment_status: Option<&str>,
    intent: Option<&PaymentIntent>,
) -> Result<CheckoutProgress, Failure> {
    match status {
        Some("complete") => {}
        Some("expired") => return Ok(CheckoutProgress::Expired),
        Some("open") => return Ok(CheckoutProgress::Open),
        // A status that is newer than we are is not known to be an end.
        other => {
            tracing::warn!(status = other.unwrap_or_default(), "unknown status of a checkout session");
            return Ok(CheckoutProgress::Open);
        }
    }
    if payment_status == Some("no_payment_required") {
        return Ok(CheckoutProgress::NothingToPay);
    }
    let intent = intent.ok_or_else(nonsense)?;
    let payment_ref = ProviderRef(intent.id.clone());
    match (payment_status, intent.status.as_deref()) {
        (Some("paid"), _) => {
            let received = from_stripe(intent.amount_received, &intent.currency).ok_or_else(nonsense)?;
            Ok(CheckoutProgress::Paid { payment_ref, received })
        }
        (_, Some("requires_payment_method" | "canceled")) => Ok(CheckoutProgress::PaymentFailed { payment_ref }),
        _ => Ok(CheckoutProgress::Processing { payment_ref }),
    }
}

fn stored_card(method: PaymentMethod) -> Option<StoredCard> {
    let is_kept = method.is_kept();
    let card = method.card.filter(|_| is_kept)?;
    Some(StoredCard {
        provider_ref: ProviderRef(method.id),
        card: CardSummary {
            brand: card.brand.to_ascii_lowercase(),
            last4: card.last4,
            exp_month: card.exp_month,
            exp_year: card.exp_year,
        },
    })
}

fn nonsense() -> Failure {
    tracing::error!("a checkout session of Stripe's makes no sense");
    Failure::Unclear
}

fn rejected(field: &str, code: &str) -> ProviderError {
    ProviderError::Rejected { field: Some(field.to_owned()), code: code.to_owned() }
}

#[cfg(test)]
#[path = "checkouts_tests.rs"]
mod tests;

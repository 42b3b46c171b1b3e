//! What is read of Stripe's objects. Fields that are not needed are not read, and words that are not known are tolerated.

use domain::checkout::{
    BoughtItem, Collected, CollectedAmounts, EnteredAddress, EnteredCustomer, EnteredField, EnteredPromotion,
    EnteredRecipient, EnteredTaxId, EnteredText,
};
use domain::id::{CheckoutSessionId, PaymentLinkId};
use domain::payment::Authorization;
use domain::payment_method::CardSummary;
use domain::ports::provider::{HostedPage, LinkSnapshot, ProviderError};
use domain::provider::{CheckoutProgress, CheckoutSnapshot, ProviderRef, StoredCard};
use domain::timestamp::Timestamp;
use serde_json::Value;

use crate::amounts::money;
use crate::params::{CHECKOUT_KEY, LINK_KEY, price_of_lookup_key};

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
        // A session that stores a method asks for nothing.
        amount: money(session["amount_total"].as_i64().unwrap_or(0), currency)?,
        payment_method: stored_card(&intent["payment_method"])
            .or_else(|| stored_card(&session["setup_intent"]["payment_method"])),
        expires_at: session["expires_at"].as_i64().map(Timestamp::from_unix_seconds),
        collected: if session["status"] == "complete" { collected(session, currency).map(Box::new) } else { None },
        // It takes a look of its own.
        subscription: None,
    })
}

/// What the customer entered and chose. The session's line items are expanded in it.
fn collected(session: &Value, currency: &str) -> Option<Collected> {
    let amount = |value: &Value| money(value.as_i64().unwrap_or(0), currency);
    let entered = |value: &Value| EnteredText::of_some(value.as_str());
    let (details, kept) = (&session["customer_details"], &session["collected_information"]);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let tax_id = |id: &Value| Some(EnteredTaxId { kind: entered(&id["type"])?, value: entered(&id["value"])? });
    let field = |field: &Value| {
        let kind = field["type"].as_str()?;
        Some(EnteredField { key: entered(&field["key"])?, value: entered(&field[kind]["value"]) })
    };
    let promotion = |discount: &Value| {
        let promotion = &discount["promotion_code"];
        let id = promotion.as_str().or_else(|| promotion["id"].as_str())?;
        Some(EnteredPromotion { code: entered(&promotion["code"]), provider_ref: ProviderRef(id.to_owned()) })
    };
    let item = |item: &Value| {
        Some(BoughtItem {
            name: EnteredText::of(item["description"].as_str()?),
            price_id: item["price"]["lookup_key"].as_str().and_then(price_of_lookup_key),
            quantity: item["quantity"].as_u64().and_then(|quantity| u32::try_from(quantity).ok())?,
            subtotal: amount(&item["amount_subtotal"])?,
            discount: amount(&item["amount_discount"])?,
            tax: amount(&item["amount_tax"])?,
            total: amount(&item["amount_total"])?,
        })
    };
    let shipping = &kept["shipping_details"];
    let totals = &session["total_details"];
    Some(Collected {
        customer: EnteredCustomer {
            email: entered(&details["email"]),
            name: entered(&details["name"]),
            individual_name: entered(&kept["individual_name"]).or_else(|| entered(&details["individual_name"])),
            business_name: entered(&kept["business_name"]).or_else(|| entered(&details["business_name"])),
            phone: entered(&details["phone"]),
            billing_address: address(&details["address"]),
            tax_ids: list(&details["tax_ids"]).iter().filter_map(tax_id).collect(),
        },
        shipping: address(&shipping["address"])
            .map(|address| EnteredRecipient { name: entered(&shipping["name"]), address }),
        custom_fields: list(&session["custom_fields"]).iter().filter_map(field).collect(),
        terms_accepted: session["consent"]["terms_of_service"].as_str().map(|said| said == "accepted"),
        promotions_accepted: session["consent"]["promotions"].as_str().map(|said| said == "opt_in"),
        promotion_codes: list(&session["discounts"]).iter().filter_map(promotion).collect(),
        client_reference: entered(&session["client_reference_id"]),
        items: list(&session["line_items"]["data"]).iter().filter_map(item).collect(),
        amounts: CollectedAmounts {
            subtotal: amount(&session["amount_subtotal"])?,
            discount: amount(&totals["amount_discount"])?,
            shipping: amount(&totals["amount_shipping"])?,
            tax: amount(&totals["amount_tax"])?,
            total: amount(&session["amount_total"])?,
        },
    })
}

fn address(value: &Value) -> Option<EnteredAddress> {
    value.as_object()?;
    let part = |name: &str| EnteredText::of_some(value[name].as_str());
    let address = EnteredAddress {
        line1: part("line1"),
        line2: part("line2"),
        postal_code: part("postal_code"),
        city: part("city"),
        state: part("state"),
        country: part("country"),
    };
    (address != EnteredAddress::default()).then_some(address)
}

/// How far a session is: it is paid only when Stripe says paid.
fn progress(session: &Value, intent: &Value) -> Option<CheckoutProgress> {
    let payment_ref = || intent["id"].as_str().map(|id| ProviderRef(id.to_owned()));
    match (session["status"].as_str()?, session["payment_status"].as_str()?) {
        ("open", _) => Some(CheckoutProgress::Open),
        ("expired", _) => Some(CheckoutProgress::Expired),
        // What the session says of held money is not documented; its intent says it.
        ("complete", _) if intent["capture_method"] == "manual" => held(intent),
        ("complete", "no_payment_required") => Some(CheckoutProgress::NothingToPay),
        // A trial is told as paid, by an invoice of nothing.
        ("complete", "paid") if intent.is_null() && session["amount_total"] == 0 => {
            Some(CheckoutProgress::NothingToPay)
        }
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

/// How far a payment is that is captured by hand.
fn held(intent: &Value) -> Option<CheckoutProgress> {
    let payment_ref = ProviderRef(intent["id"].as_str()?.to_owned());
    let amount = |field: &str| money(intent[field].as_i64()?, intent["currency"].as_str()?);
    Some(match intent["status"].as_str()? {
        "requires_capture" => {
            let details = &intent["latest_charge"]["payment_method_details"];
            let capture_before = &details[details["type"].as_str().unwrap_or_default()]["capture_before"];
            let authorization = Authorization {
                amount: amount("amount_capturable")?,
                capture_before: capture_before.as_i64().map(Timestamp::from_unix_seconds),
            };
            CheckoutProgress::Authorized { payment_ref, authorization }
        }
        "succeeded" => CheckoutProgress::Paid { payment_ref, received: amount("amount_received")? },
        "canceled" => CheckoutProgress::Released { payment_ref },
        "requires_payment_method" => CheckoutProgress::PaymentFailed { payment_ref },
        _ => CheckoutProgress::Processing { payment_ref },
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn money_that_is_captured_by_hand_is_told_by_its_intent() {
        let payment_ref = || ProviderRef("pi_1".to_owned());
        let sek = |minor| money(minor, "sek").unwrap();
        let held = |capture_before| CheckoutProgress::Authorized {
            payment_ref: payment_ref(),
            authorization: Authorization { amount: sek(900), capture_before },
        };
        let charge = json!({"payment_method_details": {"type": "card", "card": {"capture_before": 1_700_000_000}}});
        let before = Some(Timestamp::from_unix_seconds(1_700_000_000));
        for (session, status, charge, progress) in [
            ("unpaid", "requires_capture", charge.clone(), held(before)),
            ("paid", "requires_capture", Value::Null, held(None)),
            ("unpaid", "succeeded", charge, CheckoutProgress::Paid { payment_ref: payment_ref(), received: sek(600) }),
            ("unpaid", "canceled", Value::Null, CheckoutProgress::Released { payment_ref: payment_ref() }),
        ] {
            let intent = json!({"id": "pi_1", "capture_method": "manual", "status": status, "currency": "sek",
                "amount_capturable": 900, "amount_received": 600, "latest_charge": charge});
            let session = json!({"status": "complete", "payment_status": session, "amount_total": 900});
            assert_eq!(super::progress(&session, &intent), Some(progress), "{status}");
        }
    }
}

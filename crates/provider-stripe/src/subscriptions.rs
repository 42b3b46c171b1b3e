//! Subscriptions and the invoices of their periods, on Stripe's wire.

use domain::catalog::{Interval, Recurrence};
use domain::checkout::EnteredText;
use domain::id::PaymentLinkId;
use domain::money::Currency;
use domain::provider::ProviderRef;
use domain::subscription::{
    RenewalPayment, SubscriptionItem, SubscriptionSnapshot, SubscriptionState, SubscriptionTerms,
};
use domain::timestamp::Timestamp;
use serde_json::Value;

use crate::amounts;
use crate::params::{LINK_KEY, price_of_lookup_key};
use crate::reversals::word;

/// Our link in the metadata of a subscription. Only what has one is ours.
pub(crate) fn link_of(metadata: &Value) -> Option<PaymentLinkId> {
    metadata[LINK_KEY].as_str().and_then(|id| PaymentLinkId::parse(id).ok())
}

/// A subscription of a link of ours as it stands, with the products of its items expanded; `None` if it can't be read.
pub(crate) fn snapshot(subscription: &Value, link: PaymentLinkId) -> Option<SubscriptionSnapshot> {
    let at = |value: &Value| value.as_i64().map(Timestamp::from_unix_seconds);
    let currency = Currency::parse(subscription["currency"].as_str()?).ok()?;
    // Since Stripe's version of 2025-03-31 each item has a period of its own.
    let items = subscription["items"]["data"].as_array()?;
    let bounds = |name: &'static str| items.iter().filter_map(move |item| item[name].as_i64());
    Some(SubscriptionSnapshot {
        provider_ref: ProviderRef(subscription["id"].as_str()?.to_owned()),
        payment_link_id: link,
        terms: SubscriptionTerms {
            state: state(&subscription["status"]),
            currency,
            items: items.iter().map(|item| read_item(item, subscription)).collect::<Option<_>>()?,
            started_at: at(&subscription["start_date"])?,
            period_start: Timestamp::from_unix_seconds(bounds("current_period_start").min()?),
            period_end: Timestamp::from_unix_seconds(bounds("current_period_end").min()?),
            trial_end: at(&subscription["trial_end"]),
            cancel_at: at(&subscription["cancel_at"]),
            canceled_at: at(&subscription["canceled_at"]),
            ended_at: at(&subscription["ended_at"]),
        },
    })
}

fn state(status: &Value) -> SubscriptionState {
    match status.as_str().unwrap_or_default() {
        "incomplete" => SubscriptionState::Incomplete,
        "incomplete_expired" => SubscriptionState::IncompleteExpired,
        "trialing" => SubscriptionState::Trialing,
        "active" => SubscriptionState::Active,
        "past_due" => SubscriptionState::PastDue,
        "unpaid" => SubscriptionState::Unpaid,
        "paused" => SubscriptionState::Paused,
        "canceled" => SubscriptionState::Canceled,
        _ => SubscriptionState::Unknown(word(status)),
    }
}

fn read_item(item: &Value, subscription: &Value) -> Option<SubscriptionItem> {
    let price = &item["price"];
    let interval = match price["recurring"]["interval"].as_str()? {
        "day" => Interval::Day,
        "week" => Interval::Week,
        "month" => Interval::Month,
        _ => Interval::Year,
    };
    let name = price["product"]["name"].as_str().or(price["nickname"].as_str()).or(price["id"].as_str())?;
    Some(SubscriptionItem {
        name: EnteredText::of(name),
        price_id: price["lookup_key"].as_str().and_then(price_of_lookup_key),
        quantity: item["quantity"].as_u64().and_then(|quantity| u32::try_from(quantity).ok()).unwrap_or(1),
        unit_amount: price["unit_amount"]
            .as_i64()
            .filter(|_| price["transform_quantity"].is_null())
            .and_then(|amount| amounts::money(amount, subscription["currency"].as_str()?)),
        recurrence: Recurrence::parse(interval, price["recurring"]["interval_count"].as_i64()?).ok()?,
    })
}

/// The subscription, and what was paid for a period after the first, from an invoice with its payments and their intents
/// expanded; `None` if it is not a paid invoice of a subscription for such a period. Whether the subscription is ours, it does
/// not say.
pub(crate) fn renewal(invoice: &Value) -> Option<(ProviderRef, Option<RenewalPayment>)> {
    let details = &invoice["parent"]["subscription_details"];
    // Stripe's `subscription_create` is the first period, which is paid in the checkout.
    if invoice["status"] != "paid" || invoice["billing_reason"] == "subscription_create" {
        return None;
    }
    let subscription = &details["subscription"];
    let subscription = subscription.as_str().or(subscription["id"].as_str())?;
    Some((ProviderRef(subscription.to_owned()), payment(invoice)))
}

/// The intent that pays an invoice, by its id or expanded, from an invoice with its payments expanded: the one that has
/// paid, or else the one that is to. Others were given up.
pub(crate) fn intent_of(invoice: &Value) -> Option<&Value> {
    let payments = invoice["payments"]["data"].as_array()?;
    let in_state = |state: &str| payments.iter().find(|payment| payment["status"] == state);
    let intent = &in_state("paid").or_else(|| in_state("open"))?["payment"]["payment_intent"];
    (!intent.is_null()).then_some(intent)
}

fn payment(invoice: &Value) -> Option<RenewalPayment> {
    let intent = intent_of(invoice).filter(|intent| intent["id"].is_string())?;
    let told = |value: &Value| amounts::money(value.as_i64()?, invoice["currency"].as_str()?);
    let (total, subtotal) = (told(&invoice["total"])?, told(&invoice["total_excluding_tax"])?);
    Some(RenewalPayment {
        payment_ref: ProviderRef(intent["id"].as_str()?.to_owned()),
        received: amounts::money(intent["amount_received"].as_i64()?, intent["currency"].as_str()?)?,
        subtotal,
        tax: total.checked_sub(subtotal).ok()?,
        total,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LINK: &str = "plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968";

    fn subscription() -> Value {
        let price = json!({"id": "price_1", "unit_amount": 9_900, "lookup_key": null, "transform_quantity": null,
            "product": {"id": "prod_1", "name": "Hosting"}, "recurring": {"interval": "month", "interval_count": 3}});
        let item = json!({"price": price, "quantity": 2, "current_period_start": 100, "current_period_end": 200});
        json!({"id": "sub_1", "status": "active", "currency": "sek", "metadata": {"paylinks_link": LINK},
            "items": {"data": [item]}, "start_date": 50, "trial_end": null, "cancel_at": 200, "canceled_at": 150,
            "ended_at": null})
    }

    #[test]
    fn a_subscription_is_read_in_every_state() {
        let mut subscription = subscription();
        let link = link_of(&subscription["metadata"]).unwrap();
        let read = snapshot(&subscription, link).unwrap();
        assert_eq!(read.payment_link_id.to_string(), LINK);
        let item = &read.terms.items[0];
        assert_eq!((item.name.as_str(), item.quantity, item.recurrence.count()), ("Hosting", 2, 3));
        assert_eq!(item.unit_amount.unwrap().to_string(), "SEK 99.00");
        assert_eq!(read.terms.cancel_at, Some(read.terms.period_end));
        for name in
            ["incomplete", "incomplete_expired", "trialing", "active", "past_due", "unpaid", "paused", "canceled"]
        {
            subscription["status"] = name.into();
            assert_eq!(snapshot(&subscription, link).unwrap().terms.state.name(), name);
        }
        subscription["status"] = "resting".into();
        let state = snapshot(&subscription, link).unwrap().terms.state;
        assert_eq!((state.clone(), state.has_ended()), (SubscriptionState::Unknown("resting".into()), false));
        assert_eq!(link_of(&json!({})), None, "another program's");
    }

    #[test]
    fn a_renewal_is_a_paid_invoice_after_the_first() {
        let intent = json!({"id": "pi_1", "amount_received": 12_500, "currency": "sek"});
        let mut invoice = json!({"status": "paid", "billing_reason": "subscription_cycle", "currency": "sek",
            "total": 12_500, "total_excluding_tax": 10_000,
            "payments": {"data": [{"status": "paid", "payment": {"payment_intent": intent}}]},
            "parent": {"subscription_details": {"subscription": "sub_1", "metadata": {"paylinks_link": LINK}}}});
        let (_, paid) = renewal(&invoice).unwrap();
        let paid = paid.unwrap();
        assert_eq!((paid.subtotal.minor(), paid.tax.minor(), paid.received.minor()), (10_000, 2_500, 12_500));
        invoice["payments"] = Value::Null;
        assert_eq!(renewal(&invoice).unwrap().1, None, "nothing was due");
        for (field, value) in [("status", "open"), ("billing_reason", "subscription_create")] {
            let mut other = invoice.clone();
            other[field] = value.into();
            assert_eq!(renewal(&other), None, "{field}");
        }
    }

    #[test]
    fn an_invoice_is_paid_by_the_intent_that_paid_it_or_is_to() {
        let payment = |status: &str, intent: &str| json!({"status": status, "payment": {"payment_intent": intent}});
        let (given_up, open) = (payment("canceled", "pi_1"), payment("open", "pi_2"));
        let by_charge = json!({"status": "paid", "payment": {"charge": "ch_1"}});
        for (payments, want) in [
            (json!([given_up, open, payment("paid", "pi_3")]), Some("pi_3")),
            (json!([given_up, open]), Some("pi_2")),
            (json!([given_up]), None),
            (json!([by_charge]), None),
            (json!([]), None),
        ] {
            let invoice = json!({"payments": {"data": payments}});
            assert_eq!(intent_of(&invoice).and_then(Value::as_str), want, "{invoice}");
        }
    }
}

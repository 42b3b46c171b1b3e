//! Stripe's events as notifications, delivered to the webhook or listed afterwards. It must not verify anything: that is
//! done of the bytes, before.

use std::time::Duration;

use domain::ports::provider::{Delivery, NotificationPage};
use domain::provider::{Notification, NotificationTopic, ProviderRef};
use domain::timestamp::Timestamp;
use serde_json::Value;

use crate::client::Params;
use crate::params::push;

/// How far back events are looked at that were not taken.
const UNTAKEN_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);
/// How long after an event it is to have been taken.
const UNTAKEN_AFTER: Duration = Duration::from_secs(5 * 60);

/// The events that tell something here. A list can be asked for at most 20 kinds at once.
const EVENTS: [&str; 20] = [
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.updated",
    "invoice.paid",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.succeeded",
    "payment_link.updated",
    "payment_method.detached",
    "promotion_code.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
];
/// How many events are asked for at once. An event holds a whole object, and an answer must not be too large to be read.
const PAGE: u32 = 50;

/// What an event tells; nothing if it is none.
pub(crate) fn read(event: &Value, livemode: bool) -> Option<Notification> {
    let kind = event["type"].as_str()?;
    let object = &event["data"]["object"];
    let topic = match object["id"].as_str() {
        // Test events at a live endpoint, or the other way round, are not ours.
        Some(id) if event["livemode"].as_bool() == Some(livemode) => topic(kind, id, object),
        _ => NotificationTopic::Other { name: kind.to_owned() },
    };
    Some(Notification {
        provider_event_id: event["id"].as_str()?.to_owned(),
        occurred_at: Timestamp::from_unix_seconds(event["created"].as_i64()?),
        topic,
        // It is asked how things stand, and told nothing of what is not ours.
        is_foreign: false,
    })
}

/// What is asked for to read back events since `since`, behind the one named.
pub(crate) fn question(since: Timestamp, after: Option<&str>) -> Params {
    let mut params = Params::new();
    push(&mut params, "created[gte]", since.unix_seconds());
    push(&mut params, "limit", PAGE);
    push_kinds(&mut params);
    if let Some(after) = after {
        push(&mut params, "starting_after", after);
    }
    params
}

fn push_kinds(params: &mut Params) {
    for (index, kind) in EVENTS.iter().enumerate() {
        push(params, &format!("types[{index}]"), kind);
    }
}

/// What is asked for to see whether events of the last day wait for longer than a delivery takes: those that some endpoint of
/// the account has not taken.
pub(crate) fn untaken(now: Timestamp) -> Params {
    let mut params = newest();
    push(&mut params, "created[gte]", now.unix_seconds() - UNTAKEN_WITHIN.as_secs().cast_signed());
    push(&mut params, "created[lt]", now.unix_seconds() - UNTAKEN_AFTER.as_secs().cast_signed());
    push(&mut params, "delivery_success", false);
    push_kinds(&mut params);
    params
}

/// What is asked for to see whether events can be read.
pub(crate) fn newest() -> Params {
    let mut params = Params::new();
    push(&mut params, "limit", 1);
    params
}

/// How events come to `url`, by a list of the account's endpoints.
pub(crate) fn delivery(endpoints: &Value, url: &str) -> Delivery {
    let all = endpoints["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_ours = |endpoint: &&Value| endpoint["status"] == "enabled" && endpoint["url"] == url;
    let enabled: Vec<&str> = all
        .iter()
        .filter(is_ours)
        .flat_map(|endpoint| endpoint["enabled_events"].as_array().map(Vec::as_slice).unwrap_or_default())
        .filter_map(Value::as_str)
        .collect();
    if enabled.is_empty() {
        return Delivery::Off;
    }
    let is_enabled = |kind: &&&str| enabled.iter().any(|enabled| *enabled == "*" || enabled == *kind);
    let (_, lacking): (Vec<&&str>, Vec<&&str>) = EVENTS.iter().partition(is_enabled);
    match lacking.is_empty() {
        true => Delivery::On,
        false => Delivery::Lacking { kinds: lacking.into_iter().map(|kind| (*kind).to_owned()).collect() },
    }
}

/// A page of events; nothing if it is none. An event that can't be read must not hide the others.
pub(crate) fn page(page: &Value, livemode: bool) -> Option<NotificationPage> {
    let events = page["data"].as_array()?;
    let read_or_tell = |event: &Value| {
        let told = read(event, livemode);
        if told.is_none() {
            tracing::error!(event = event["id"].as_str(), "an event can't be read");
        }
        told
    };
    let notifications = events.iter().filter_map(read_or_tell).collect();
    let next = events.last().and_then(|last| last["id"].as_str()).filter(|_| page["has_more"] == true);
    Some(NotificationPage { notifications, next: next.map(str::to_owned) })
}

fn topic(kind: &str, id: &str, object: &Value) -> NotificationTopic {
    let provider_ref = ProviderRef(id.to_owned());
    // Ours are all paid through a payment intent; what was charged without one is another program's.
    let payment_ref = object["payment_intent"].as_str().map(|id| ProviderRef(id.to_owned()));
    match (kind, payment_ref) {
        ("refund.created" | "refund.updated" | "refund.failed" | "charge.refunded", Some(payment_ref)) => {
            return NotificationTopic::Refund { payment_ref };
        }
        (kind, Some(payment_ref)) if kind.starts_with("charge.dispute.") => {
            return NotificationTopic::Dispute { provider_ref, payment_ref };
        }
        _ => {}
    }
    match kind {
        // All others are told by their sessions; those of held money have nothing more to tell.
        "payment_intent.succeeded" | "payment_intent.canceled" | "payment_intent.amount_capturable_updated"
            if object["capture_method"] == "manual" =>
        {
            NotificationTopic::HeldPayment { payment_ref: provider_ref }
        }
        kind if kind.starts_with("checkout.session.") => NotificationTopic::Checkout { provider_ref },
        "payment_link.updated" => NotificationTopic::PaymentLink { provider_ref },
        "payment_method.detached" => NotificationTopic::PaymentMethodDetached { provider_ref },
        "promotion_code.updated" => NotificationTopic::PromotionCode { provider_ref },
        kind if kind.starts_with("customer.subscription.") => NotificationTopic::Subscription { provider_ref },
        "invoice.paid" if !object["parent"]["subscription_details"].is_null() => {
            NotificationTopic::Renewal { invoice_ref: provider_ref }
        }
        _ => NotificationTopic::Other { name: kind.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, object: Value) -> Value {
        json!({"id": "evt_1", "type": kind, "created": 1_800_000_000, "livemode": false, "data": {"object": object}})
    }

    #[test]
    fn an_endpoint_is_ours_by_its_url_and_tells_which_events_it_lacks() {
        let url = "https://pay.example.com/webhooks/stripe";
        let told = |status: &str, events: Value| {
            delivery(&json!({"data": [{"url": url, "status": status, "enabled_events": events}]}), url)
        };
        assert_eq!(told("enabled", json!(["*"])), Delivery::On);
        assert_eq!(told("enabled", json!(EVENTS)), Delivery::On);
        let lacking = Delivery::Lacking { kinds: vec![EVENTS[0].to_owned()] };
        assert_eq!(told("enabled", json!(EVENTS[1..])), lacking);
        assert_eq!(told("disabled", json!(["*"])), Delivery::Off);
        assert_eq!(delivery(&json!({"data": []}), url), Delivery::Off);
    }

    #[test]
    fn what_was_not_taken_is_asked_for_between_a_day_and_five_minutes_before() {
        let asked = untaken(Timestamp::from_unix_seconds(1_796_040_000));
        let of = |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let wanted = ["1795953600", "1796039700", "false"].map(Some);
        assert_eq!(["created[gte]", "created[lt]", "delivery_success"].map(of), wanted);
    }

    #[test]
    fn every_event_that_is_read_back_tells_something() {
        let object = json!({"id": "obj_1", "payment_intent": "pi_1", "capture_method": "manual",
            "parent": {"subscription_details": {}}});
        for kind in EVENTS {
            let told = read(&event(kind, object.clone()), false).unwrap();
            assert!(!matches!(told.topic, NotificationTopic::Other { .. }), "{kind}: {told:?}");
        }
    }

    #[test]
    fn an_event_of_the_other_mode_tells_nothing_and_one_without_its_parts_is_none() {
        let right = event("checkout.session.completed", json!({"id": "cs_1"}));
        let other = NotificationTopic::Other { name: "checkout.session.completed".to_owned() };
        assert_eq!(read(&right, true).unwrap().topic, other);
        for part in ["id", "type", "created"] {
            let mut wrong = right.clone();
            wrong[part] = Value::Null;
            assert_eq!(read(&wrong, false), None, "{part}");
            let read = page(&json!({"data": [wrong, right], "has_more": false}), false).unwrap();
            assert_eq!(read.notifications.len(), 1, "{part}");
        }
        assert_eq!(page(&json!({"error": {}}), false), None);
    }

    #[test]
    fn a_page_says_where_the_next_begins_and_the_last_does_not() {
        let data = [event("refund.updated", json!({"id": "re_1"}))];
        let next = |has_more: bool| page(&json!({"data": data, "has_more": has_more}), false).unwrap().next;
        assert_eq!((next(true).as_deref(), next(false)), (Some("evt_1"), None));
        let asked = question(Timestamp::from_unix_seconds(7), Some("evt_1"));
        let value = |name: &str| asked.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        assert_eq!(
            ["created[gte]", "starting_after", "types[19]"].map(value),
            [Some("7"), Some("evt_1"), Some("refund.updated")]
        );
    }
}

//! Webhooks: which things a verified event is about. What became of them is asked of Stripe later, since events come
//! late, doubled and out of order.

use domain::ports::provider::NotificationError;
use domain::provider::{Notification, NotificationTopic, ProviderRef};
use domain::timestamp::Timestamp;

use crate::wire::Event;

/// What the events must fit to be ours.
pub(crate) struct Expected<'a> {
    /// The mode of our key.
    pub(crate) livemode: bool,
    /// The connected account that we act for.
    pub(crate) account: Option<&'a str>,
}

/// Reads a verified body.
///
/// # Errors
/// It is no event of Stripe's.
pub(crate) fn read(body: &[u8], expected: &Expected<'_>) -> Result<Notification, NotificationError> {
    let event: Event = serde_json::from_slice(body).map_err(|_| NotificationError::Malformed)?;
    let is_ours = event.livemode == expected.livemode && event.account.as_deref() == expected.account;
    let topic = if is_ours { topic(&event.kind, event.data.object.id)? } else { None };
    Ok(Notification {
        provider_event_id: event.id,
        occurred_at: Timestamp::from_unix_seconds(event.created),
        topic: topic.unwrap_or(NotificationTopic::Other { name: event.kind }),
    })
}

fn topic(kind: &str, object: Option<String>) -> Result<Option<NotificationTopic>, NotificationError> {
    let about = |make: fn(ProviderRef) -> NotificationTopic| {
        object.map(|id| Some(make(ProviderRef(id)))).ok_or(NotificationError::Malformed)
    };
    match kind {
        "payment_link.updated" => about(|provider_ref| NotificationTopic::PaymentLink { provider_ref }),
        "payment_method.detached" => about(|provider_ref| NotificationTopic::PaymentMethodDetached { provider_ref }),
        _ if kind.starts_with("checkout.session.") => about(|provider_ref| NotificationTopic::Checkout { provider_ref }),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: Expected<'_> = Expected { livemode: false, account: None };

    fn event(kind: &str, extra: &str) -> String {
        format!(
            r#"{{"id":"evt_1","object":"event","type":"{kind}","created":1764000000,"livemode":false,{extra}
            "data":{{"object":{{"id":"thing_1","object":"x","unknown":[1,2]}}}}}}"#
        )
    }

    fn topic_of(kind: &str) -> NotificationTopic {
        read(event(kind, "").as_bytes(), &TEST).unwrap().topic
    }

    #[test]
    fn events_tell_what_they_are_about_and_others_are_kept_by_name() {
        let provider_ref = ProviderRef("thing_1".to_owned());
        for kind in ["completed", "expired", "async_payment_succeeded", "async_payment_failed"] {
            let about = NotificationTopic::Checkout { provider_ref: provider_ref.clone() };
            assert_eq!(topic_of(&format!("checkout.session.{kind}")), about);
        }
        assert_eq!(
            topic_of("payment_link.updated"),
            NotificationTopic::PaymentLink { provider_ref: provider_ref.clone() }
        );
        assert_eq!(topic_of("payment_method.detached"), NotificationTopic::PaymentMethodDetached { provider_ref });
        assert_eq!(topic_of("price.created"), NotificationTopic::Other { name: "price.created".to_owned() });
    }

    #[test]
    fn the_event_keeps_its_id_and_time() {
        let notification = read(event("price.created", "").as_bytes(), &TEST).unwrap();
        assert_eq!(notification.provider_event_id, "evt_1");
        assert_eq!(notification.occurred_at, Timestamp::from_unix_seconds(1_764_000_000));
    }

    #[test]
    fn events_of_another_mode_or_account_are_not_ours() {
        let body = event("checkout.session.completed", r#""account":"acct_1","#);
        let read = |livemode, account| read(body.as_bytes(), &Expected { livemode, account }).unwrap().topic;
        let other = NotificationTopic::Other { name: "checkout.session.completed".to_owned() };
        assert_eq!(read(true, Some("acct_1")), other);
        assert_eq!(read(false, None), other);
        assert_eq!(read(false, Some("acct_2")), other);
        assert!(matches!(read(false, Some("acct_1")), NotificationTopic::Checkout { .. }));
    }

    #[test]
    fn what_is_no_event_is_malformed() {
        let without_id = event("checkout.session.completed", "").replace(r#""id":"thing_1","#, "");
        for body in ["", "{}", "[]", "null", "{\"id\":\"evt_1\"", &without_id] {
            assert_eq!(read(body.as_bytes(), &TEST), Err(NotificationError::Malformed), "{body}");
        }
    }
}

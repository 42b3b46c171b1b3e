//! Notifications: nothing is believed that the provider did not sign, nothing that it signed is lost, and however they come,
//! they come to the same.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use domain::money::Money;
use domain::ports::provider::{NotificationError, ProviderError};
use domain::provider::{Feature, Notification, NotificationTopic};

use super::counterpart::{Delivery, Setup, SigningKey};
use super::subject::{Finding, Subject, key, money};
use crate::fixtures;

/// How many genuine deliveries a rule changes byte by byte, at the most: each has a few thousand bytes.
const CHANGED_MAX: usize = 6;

impl Subject {
    /// An account in which something of each kind has happened.
    async fn story(&self) {
        let amount = money(10_000, "SEK");
        let (link, page) = self.make_link(self.items_link(amount.currency(), &[(10_000, 1)]).await).await;
        self.pay(&page).await;
        let (_, payment) = self.paid_session(amount).await;
        self.provider.create_refund(&key(), &self.refund(amount), &payment).await.unwrap();
        self.counterpart.end_refunds().await;
        let (_, payment) = self.paid_session(amount).await;
        self.counterpart.refund_at_dashboard(&payment, amount).await;
        self.counterpart.end_refunds().await;
        self.provider.deactivate_payment_link(&key(), &link).await.unwrap();
    }
}

/// What a notification says that moves money or states: what no change of its bytes may alter. A provider may sign no more.
fn essence(notification: &Notification) -> (String, String) {
    let what = match &notification.topic {
        NotificationTopic::CheckoutTold { snapshot: told } => {
            format!("{told:?} of {:?} {:?}", told.checkout_session_id, told.payment_link_id)
        }
        NotificationTopic::RefundTold { payment_ref, snapshot: told } => {
            let progress = std::mem::discriminant(&told.progress);
            format!("{payment_ref} {} {:?} {progress:?} {}", told.provider_ref, told.refund_id, told.amount)
        }
        NotificationTopic::CaptureTold { payment_ref, snapshot: told } => format!("{payment_ref} {told:?}"),
        NotificationTopic::DisputeTold { payment_ref, snapshot: told } => {
            format!("{payment_ref} {} {:?} {}", told.provider_ref, told.state, told.amount)
        }
        hint => format!("{hint:?}"),
    };
    (notification.provider_event_id.clone(), what)
}

/// Bytes that were changed, cut off or added to are refused, or say what the genuine ones say.
pub async fn what_was_changed_on_its_way_says_nothing_else(at: Subject) {
    at.story().await;
    let now = at.counterpart.now().await;
    let deliveries = at.counterpart.deliveries(SigningKey::Old).await;
    let step = deliveries.len().div_ceil(CHANGED_MAX).max(1);
    for delivery in deliveries.iter().step_by(step) {
        let genuine: Vec<_> = at.read(delivery).await.iter().map(essence).collect();
        let mut refused = 0;
        let mut hold = |headers: &[(String, String)], body: &[u8], what: &str| match at
            .provider
            .parse_notification(headers, body, now)
        {
            Ok(read) => assert_eq!(read.iter().map(essence).collect::<Vec<_>>(), genuine, "{what}"),
            Err(_) => refused += 1,
        };
        for index in 0..delivery.body.len() {
            for change in [1, 0x20] {
                let mut body = delivery.body.clone();
                body[index] ^= change;
                hold(&delivery.headers, &body, &format!("byte {index} changed by {change}"));
            }
        }
        for length in [0, 1, delivery.body.len() / 2, delivery.body.len() - 1] {
            hold(&delivery.headers, &delivery.body[..length], &format!("cut off behind {length} bytes"));
        }
        let longer = [&delivery.body[..], b"}"].concat();
        hold(&delivery.headers, &longer, "a byte more");
        assert!(refused > 0, "every change was taken");
    }
}

/// Without its signature, with that of another notification, or signed by who knows no key: refused, as that.
pub async fn what_is_not_signed_by_the_provider_is_refused(at: Subject) {
    at.story().await;
    let now = at.counterpart.now().await;
    let deliveries = at.counterpart.deliveries(SigningKey::Old).await;
    let foreign = at.counterpart.deliveries(SigningKey::New).await;
    assert!(deliveries.len() >= 3, "too little is told: {}", deliveries.len());
    let bad = Err(NotificationError::BadSignature);
    for delivery in &foreign {
        assert_eq!(at.provider.parse_notification(&delivery.headers, &delivery.body, now), bad, "a foreign key");
    }
    // Where the signature is in the body, the headers are nothing, and the foreign key above says it all.
    let signed_by_header = deliveries.iter().all(|delivery| {
        at.provider.parse_notification(&[], &delivery.body, now) == Err(NotificationError::BadSignature)
    });
    let differ = deliveries.windows(2).any(|pair| pair[0].headers != pair[1].headers);
    assert!(signed_by_header || !differ, "signatures in headers do not count");
    if signed_by_header && differ {
        for pair in deliveries.windows(2).filter(|pair| pair[0].body != pair[1].body) {
            assert_eq!(at.provider.parse_notification(&pair[0].headers, &pair[1].body, now), bad, "of another");
        }
    }
    assert!(at.provider.parse_notification(&[], b"", now).is_err());
    assert!(at.provider.parse_notification(&[], b"{}", now).is_err());
}

/// While the signing key is rolled, both verify; after that the new one alone.
pub async fn both_keys_verify_while_the_key_is_rolled(at: Subject) {
    at.paid_session(money(10_000, "SEK")).await;
    let now = at.counterpart.now().await;
    let (both, new) = (at.counterpart.adapter(Setup::BothKeys), at.counterpart.adapter(Setup::NewKey));
    let signed = [at.counterpart.deliveries(SigningKey::Old).await, at.counterpart.deliveries(SigningKey::New).await];
    for (old, rolled) in signed[0].iter().zip(&signed[1]) {
        let read = at.provider.parse_notification(&old.headers, &old.body, now).unwrap();
        for delivery in [old, rolled] {
            let told = both.parse_notification(&delivery.headers, &delivery.body, now).unwrap();
            assert_eq!(told.iter().map(essence).collect::<Vec<_>>(), read.iter().map(essence).collect::<Vec<_>>());
        }
        assert!(new.parse_notification(&rolled.headers, &rolled.body, now).is_ok());
        let refused = new.parse_notification(&old.headers, &old.body, now);
        assert_eq!(refused, Err(NotificationError::BadSignature));
    }
    assert!(!signed[0].is_empty());
}

/// Where a signature has a time, it is refused long after it and long before it, as that.
pub async fn a_signature_holds_for_a_while_where_it_has_a_time(at: Subject) {
    at.paid_session(money(10_000, "SEK")).await;
    let now = at.counterpart.now().await;
    let hour = Duration::from_secs(3_600);
    for delivery in at.counterpart.deliveries(SigningKey::Old).await {
        for then in [now.plus(hour), now.minus(hour)] {
            let told = at.provider.parse_notification(&delivery.headers, &delivery.body, then);
            if at.counterpart.signatures_expire() {
                assert_eq!(told, Err(NotificationError::StaleSignature));
            } else {
                assert!(told.is_ok());
            }
        }
    }
}

/// A notification is the same however often it is delivered, so its double is known by its id; and two that say different
/// things have different ids, so none is taken for another's double.
pub async fn a_double_is_known_by_its_id_and_nothing_else_is(at: Subject) {
    at.story().await;
    let (first, again) = (at.told().await, at.told().await);
    assert_eq!(first, again);
    let mut by_id = BTreeMap::new();
    for notification in &first {
        let before = by_id.insert(&notification.provider_event_id, notification);
        assert!(before.is_none_or(|before| before == notification), "one id, two things: {notification:?}");
        assert!((1..=255).contains(&notification.provider_event_id.len()), "{notification:?}");
    }
    let distinct: BTreeSet<_> = first.iter().map(essence).collect();
    assert_eq!(distinct.len(), by_id.len());
}

/// In which order they come, and how often, makes no difference to what is known in the end.
pub async fn doubled_and_reordered_they_come_to_the_same(at: Subject) {
    at.story().await;
    let told = at.told().await;
    let mut known = Vec::new();
    let forwards: Vec<_> = told.iter().collect();
    let backwards: Vec<_> = told.iter().rev().collect();
    let doubled: Vec<_> = told.iter().flat_map(|it| [it, it]).collect();
    for order in [forwards, backwards, doubled] {
        let mut findings = BTreeSet::new();
        for notification in order {
            findings.insert(format!("{:?}", at.resolve(notification).await.unwrap()));
        }
        known.push(findings);
    }
    assert_eq!(known[0], known[1]);
    assert_eq!(known[0], known[2]);
    // And what is known is all that there is: payments, refunds and the link's close.
    at.books_agree().await;
    let mut refunded: Vec<Money> = at.refunds().await.iter().map(|it| it.amount).collect();
    refunded.sort_by_key(|it| it.minor());
    assert_eq!(refunded, at.refunded().await);
    assert!(at.findings().await.iter().any(|it| matches!(it, Finding::Checkout(_))));
}

/// Several in one request are all of them, each as it would be alone.
pub async fn several_in_one_request_are_read_one_by_one(at: Subject) {
    at.story().await;
    let alone: Vec<_> = at.told().await.iter().map(essence).collect();
    let Some(batch) = at.counterpart.batch(SigningKey::Old).await else {
        // Then one that comes alone is one.
        let deliveries = at.counterpart.deliveries(SigningKey::Old).await;
        assert_eq!(deliveries.len(), alone.len());
        return;
    };
    let together: Vec<_> = at.read(&batch).await.iter().map(essence).collect();
    assert_eq!(together, alone);
    let now = at.counterpart.now().await;
    let foreign = at.counterpart.batch(SigningKey::New).await.unwrap();
    assert!(at.provider.parse_notification(&foreign.headers, &foreign.body, now).is_err());
}

/// What was told is read back, page by page, each with the id of its delivery and none twice: so what was lost is found.
pub async fn what_was_told_is_read_back_where_that_can_be(at: Subject) {
    let since = at.counterpart.now().await.minus(Duration::from_secs(60));
    if !at.has(Feature::NotificationHistory) {
        let before = at.counterpart.requests().await;
        let refused = at.provider.list_notifications(since, None).await;
        let capability = Feature::NotificationHistory.name();
        assert_eq!(refused.err(), Some(ProviderError::Unsupported { capability }));
        assert_eq!(at.counterpart.requests().await, before);
        return;
    }
    // More than a page has, at every provider that is known.
    let (_, page) = at.make_link(at.items_link(fixtures::currency(), &[(10_000, 1)]).await).await;
    for _ in 0..30 {
        at.pay(&page).await;
    }
    for (payment, amount) in at.payments_of(|_| true).await {
        at.counterpart.refund_at_dashboard(&payment, amount).await;
    }
    let (mut read_back, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = at.provider.list_notifications(since, cursor).await.unwrap();
        read_back.extend(page.notifications.iter().map(essence));
        pages += 1;
        assert!(pages < 100, "the list has no end");
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let distinct: BTreeSet<_> = read_back.iter().cloned().collect();
    assert_eq!(distinct.len(), read_back.len(), "some are told twice");
    let delivered: BTreeSet<_> = at.told().await.iter().map(essence).collect();
    assert!(distinct.is_subset(&delivered), "what is read back is what is delivered");
    // What means nothing here may be left out, and so may a second one that means the same; else nothing may.
    let topics: BTreeSet<_> = read_back.iter().map(|(_, topic)| topic).collect();
    let means = |told: &&Notification| !matches!(told.topic, NotificationTopic::Other { .. });
    let told = at.told().await;
    let missing: Vec<_> = told.iter().filter(means).map(essence).filter(|(_, it)| !topics.contains(it)).collect();
    assert!(missing.is_empty(), "not read back: {missing:?}");
    let later = at.counterpart.now().await.plus(Duration::from_secs(3_600));
    assert_eq!(at.provider.list_notifications(later, None).await.unwrap().notifications, []);
}

/// Whatever bytes come in, they are refused or mean something; nothing panics, and nothing is believed.
pub async fn noise_is_refused_and_nothing_panics(at: Subject) {
    at.paid_session(money(10_000, "SEK")).await;
    let now = at.counterpart.now().await;
    let mut dice = fastrand::Rng::with_seed(20_261_129);
    let genuine = at.counterpart.deliveries(SigningKey::Old).await;
    let parse = |headers: &[(String, String)], body: &[u8]| {
        let told = catch_unwind(AssertUnwindSafe(|| at.provider.parse_notification(headers, body, now)));
        told.unwrap_or_else(|_| panic!("a panic at {headers:?} and {:?}", String::from_utf8_lossy(body)))
    };
    for _ in 0..2_000 {
        let Delivery { mut headers, mut body } = genuine[dice.usize(..genuine.len())].clone();
        match dice.u8(..5) {
            0 => {
                body = vec![0; dice.usize(..200)];
                dice.fill(&mut body);
            }
            1 => body = json_noise(&mut dice, 4).into_bytes(),
            2 => body = vec![b"[{\"0"[dice.usize(..4)]; dice.usize(..3_000)],
            _ => {}
        }
        let mut noise = |text: &mut String| {
            *text = match dice.u8(..5) {
                // A genuine signature, of something else.
                0 => return,
                4 => String::new(),
                1 => "x".repeat(dice.usize(..20_000)),
                2 => std::iter::repeat_with(|| dice.char(..)).take(40).collect(),
                _ => format!("t={},v1={}", i64::MIN, "f".repeat(64)),
            }
        };
        for (_, value) in &mut headers {
            noise(value);
        }
        let is_genuine = genuine.iter().any(|it| it.body == body);
        // Where the signature is in the body, headers may be anything.
        assert!(is_genuine || parse(&headers, &body).is_err(), "believed: {:?}", String::from_utf8_lossy(&body));
        let _ = parse(&headers, &body);
    }
}

/// Something that is JSON, and no notification.
fn json_noise(dice: &mut fastrand::Rng, depth: u8) -> String {
    match dice.u8(..if depth == 0 { 4 } else { 6 }) {
        0 => "null".to_owned(),
        1 => dice.i64(..).to_string(),
        2 => format!("{:?}", dice.u32(..).to_string()),
        3 => "1e999".to_owned(),
        4 => {
            let parts: Vec<_> = (0..dice.u8(..4)).map(|_| json_noise(dice, depth - 1)).collect();
            format!("[{}]", parts.join(","))
        }
        _ => {
            let names = ["id", "type", "created", "data", "object", "live", "notificationItems", "livemode", ""];
            let mut part = |_| format!("{:?}:{}", names[dice.usize(..names.len())], json_noise(dice, depth - 1));
            let parts: Vec<_> = (0..4).map(&mut part).collect();
            format!("{{{}}}", parts.join(","))
        }
    }
}

//! What becomes of a notification that is looked into.

use domain::id::NotificationId;
use domain::payment_link::{PaymentLink, PaymentLinkData};
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, MockUnitOfWork, StorageError};
use domain::provider::{CheckoutProgress, Notification};

use super::*;
use crate::mocked::{self, link};

/// A notification that has failed so often.
fn entry(topic: NotificationTopic, failures: u32) -> InboxEntry {
    InboxEntry {
        id: NotificationId::from_uuid(uuid::Uuid::from_u128(mocked::UUID)),
        provider: "acquirer".parse().unwrap(),
        notification: Notification {
            provider_event_id: "e_1".to_owned(),
            occurred_at: mocked::NOW,
            topic,
            is_foreign: false,
        },
        attempts: 1_000,
        failures,
        unended_tries: 1,
        received_at: mocked::NOW,
        trace: None,
    }
}

/// What is found where an open link's page `page` is told to be closed, while a call of our own is under way or not;
/// and how often the provider was asked.
async fn found(page: &str, is_call_under_way: bool) -> (Result<Findings, Error>, usize) {
    let provider_ref = ProviderRef(page.to_owned());
    let entry = entry(NotificationTopic::PaymentLink { provider_ref }, 1);
    let mut storage = MockStorage::new();
    storage.expect_load_payment_link().returning(|_| Ok(Some(link(0))));
    storage.expect_has_unfinished_intent().returning(move |_| Ok(is_call_under_way));
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&asked);
    let mut provider = MockPaymentProvider::new();
    provider.expect_fetch_payment_link().returning(move |_| {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(Some(LinkSnapshot { payment_link_id: link(0).id, active: false, completed_sessions: 0 }))
    });
    let found = mocked::app(storage, provider).look(&entry).await;
    (found, asked.load(std::sync::atomic::Ordering::SeqCst))
}

#[tokio::test]
async fn a_link_that_moved_is_asked_for_once_more_behind_what_is_known_of_it() {
    let (moved, asked) = found("link_1", false).await;
    assert!(matches!(moved, Ok(Findings::Link(0, LinkSnapshot { active: false, .. }))));
    assert_eq!(asked, 2);
}

#[tokio::test]
async fn a_move_of_a_link_waits_for_our_own_call_about_it() {
    assert!(matches!(found("link_1", true).await.0, Err(Error::Aborted { .. })));
}

#[tokio::test]
async fn a_page_that_a_lost_call_made_says_nothing_of_the_link() {
    assert!(matches!(found("link_2", false).await.0, Ok(Findings::Nothing)));
}

#[tokio::test]
async fn a_move_of_a_link_waits_for_a_call_that_ends_while_it_is_looked_at() {
    // The first question is still answered as before the end of the call, the next one as after it.
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let has_ended = move || asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0;
    let mut storage = MockStorage::new();
    let ended = has_ended.clone();
    storage.expect_has_unfinished_intent().returning(move |_| Ok(!ended()));
    storage.expect_load_payment_link().returning(move |_| {
        let mut known = link(0);
        if !has_ended() {
            known.closed(CloseReason::Requested, mocked::NOW);
        }
        Ok(Some(known))
    });
    let mut provider = MockPaymentProvider::new();
    let closed = || LinkSnapshot { payment_link_id: link(0).id, active: false, completed_sessions: 0 };
    provider.expect_fetch_payment_link().returning(move |_| Ok(Some(closed())));
    let entry = entry(NotificationTopic::PaymentLink { provider_ref: ProviderRef("link_1".to_owned()) }, 1);
    let app = mocked::app(storage, provider);
    assert!(matches!(app.look(&entry).await, Err(Error::Aborted { .. })));
    assert!(matches!(app.look(&entry).await, Ok(Findings::Link(..))));
}

/// Processes a notification whose session the provider refuses to tell of, and which has failed so often before.
async fn process_refused(failures: u32, uow: MockUnitOfWork) -> Result<(), Error> {
    let refused = || Err(ProviderError::Rejected { field: None, code: "resource_gone".to_owned() });
    process_failing(failures, uow, refused).await
}

/// Processes a notification for whose session that comes of asking the provider.
async fn process_failing(
    failures: u32,
    mut uow: MockUnitOfWork,
    asked: fn() -> Result<CheckoutSnapshot, ProviderError>,
) -> Result<(), Error> {
    uow.expect_commit().returning(|| Ok(()));
    uow.expect_rollback().returning(|| ());
    let mut storage = MockStorage::new();
    storage.expect_begin().return_once(move || Ok(Box::new(uow)));
    storage.expect_count_set_aside_notifications().returning(|| Ok(1));
    let mut provider = MockPaymentProvider::new();
    provider.expect_fetch_checkout().returning(move |_| asked());
    let topic = NotificationTopic::Checkout { provider_ref: ProviderRef("session_1".to_owned()) };
    mocked::app(storage, provider).process(entry(topic, failures)).await
}

#[tokio::test]
async fn what_fails_for_reasons_of_its_own_is_set_aside_with_the_reason_after_many_failures() {
    let mut uow = MockUnitOfWork::new();
    uow.expect_retry_notification().once().returning(|_, _, _| Ok(()));
    process_refused(FAILURES_MAX - 2, uow).await.unwrap();
    let mut uow = MockUnitOfWork::new();
    let told = "the provider refused it: resource_gone";
    uow.expect_set_notification_aside().once().withf(move |_, reason| reason == told).returning(|_, _| Ok(()));
    process_refused(FAILURES_MAX - 1, uow).await.unwrap();
}

#[tokio::test]
async fn what_panics_is_tried_again_and_set_aside_as_well() {
    let panics = || panic!("an adapter that meets what it does not know");
    let mut uow = MockUnitOfWork::new();
    uow.expect_retry_notification().once().returning(|_, _, _| Ok(()));
    process_failing(1, uow, panics).await.unwrap();
    let mut uow = MockUnitOfWork::new();
    uow.expect_set_notification_aside().once().returning(|_, _| Ok(()));
    process_failing(FAILURES_MAX - 1, uow, panics).await.unwrap();
}

#[tokio::test]
async fn what_asks_for_time_is_left_alone_for_as_long() {
    let limited = || Err(ProviderError::RateLimited { retry_after: Some(Duration::from_secs(60)) });
    let mut uow = MockUnitOfWork::new();
    let is_obeyed = |_: &InboxEntry, retry_in: &Duration, _: &str| *retry_in >= Duration::from_secs(60);
    uow.expect_retry_notification().once().withf(is_obeyed).returning(|_, _, _| Ok(()));
    process_failing(1, uow, limited).await.unwrap();
}

#[tokio::test]
async fn what_another_server_has_taken_over_is_left_to_it() {
    let mut uow = MockUnitOfWork::new();
    uow.expect_retry_notification().once().returning(|_, _, _| Err(StorageError::Stale));
    process_refused(1, uow).await.unwrap();
}

#[tokio::test]
async fn outages_do_not_count_however_many_there_were() {
    // In its thousandth try, as after a long outage.
    let is_counted = |counted: u32| move |held: &InboxEntry, _: &Duration, _: &str| held.failures == counted;
    let mut uow = MockUnitOfWork::new();
    uow.expect_retry_notification().once().withf(is_counted(0)).returning(|_, _, _| Ok(()));
    process_failing(0, uow, || Err(ProviderError::Unavailable)).await.unwrap();
    let mut uow = MockUnitOfWork::new();
    uow.expect_retry_notification().once().withf(is_counted(1)).returning(|_, _, _| Ok(()));
    process_refused(0, uow).await.unwrap();
}

#[tokio::test]
async fn what_its_holders_die_of_is_set_aside_without_another_look() {
    let topic = || NotificationTopic::Checkout { provider_ref: ProviderRef("session_1".to_owned()) };
    let mut uow = MockUnitOfWork::new();
    uow.expect_set_notification_aside()
        .once()
        .withf(|_, told| told.contains(&format!("{UNENDED_TRIES_MAX} times")))
        .returning(|_, _| Ok(()));
    uow.expect_commit().once().returning(|| Ok(()));
    let mut storage = MockStorage::new();
    storage.expect_begin().return_once(move || Ok(Box::new(uow)));
    storage.expect_count_set_aside_notifications().returning(|| Ok(1));
    // A provider that is asked panics, since nothing is expected of it.
    let poison = InboxEntry { unended_tries: UNENDED_TRIES_MAX + 1, ..entry(topic(), 0) };
    mocked::app(storage, MockPaymentProvider::new()).process(poison).await.unwrap();
}

/// What becomes of a refund that was told so long ago, was tried so often, and whose payment is not known: for how long it is
/// put off, or that it is done with.
async fn put_off_for((age, tries): (Duration, u32), is_foreign: bool) -> Option<Duration> {
    let told = RefundSnapshot {
        provider_ref: ProviderRef("r_1".to_owned()),
        refund_id: None,
        progress: domain::refund::RefundProgress::Succeeded,
        amount: mocked::money(100),
        reason: None,
    };
    let payment_ref = ProviderRef("p_1".to_owned());
    let mut told = entry(NotificationTopic::RefundTold { payment_ref, snapshot: Box::new(told) }, 0);
    told.notification.is_foreign = is_foreign;
    told.attempts = tries;
    let wait = std::sync::Arc::new(std::sync::Mutex::new(None));
    let noted = std::sync::Arc::clone(&wait);
    let mut uow = MockUnitOfWork::new();
    uow.expect_retry_notification().returning(move |_, retry_in, _| {
        *noted.lock().unwrap() = Some(retry_in);
        Ok(())
    });
    uow.expect_finish_notification().returning(|_| Ok(()));
    uow.expect_commit().returning(|| Ok(()));
    let mut storage = MockStorage::new();
    storage.expect_load_payment_by_ref().returning(|_, _| Ok(None));
    storage.expect_begin().return_once(move || Ok(Box::new(uow)));
    let mut abilities = mocked::capabilities();
    abilities.features.remove(&Feature::NotificationHistory);
    let mut provider = MockPaymentProvider::new();
    provider.expect_capabilities().return_const(abilities);
    let mut parts = mocked::parts(storage, provider);
    let mut clock = domain::ports::clock::MockClock::new();
    clock.expect_now().return_const(mocked::NOW.plus(age));
    parts.clock = std::sync::Arc::new(clock);
    App::new(parts).unwrap().process(told).await.unwrap();
    *wait.lock().unwrap()
}

#[tokio::test]
async fn what_names_nothing_of_ours_is_tried_ever_more_seldom_and_not_for_long() {
    let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
    assert!(put_off_for((2 * hour, 1_000), true).await.unwrap() >= 2 * hour);
    assert!(put_off_for((2 * day, 1_000), true).await.unwrap() >= FOREIGN_RETRY_IN_MAX);
    assert_eq!(put_off_for((4 * day + hour, 1_000), true).await, None);
    // Every server was away for as long: what tells of the payment may be processed right after this.
    assert!(put_off_for((5 * day, 1), true).await.is_some());
    // What names ours may be told before its payment, as long as that is still delivered.
    assert!(put_off_for((2 * hour, 1_000), false).await.unwrap() <= RETRY_IN_MAX + RETRY_IN_MAX / 4);
    assert!(put_off_for((30 * day, 1_000), false).await.is_some());
    // After that it fails for a reason of its own, and is set aside for a person at last.
    assert!(put_off_for((32 * day, 1_000), false).await.is_some());
}

#[tokio::test]
async fn money_for_what_is_here_no_more_waits_for_a_person() {
    let paid = || CheckoutProgress::Paid { payment_ref: ProviderRef("pi_1".into()), received: mocked::money(100) };
    let processing = || CheckoutProgress::Processing { payment_ref: ProviderRef("pi_1".into()) };
    // What a session of the link is found to be, where the link is not here, or another provider's.
    let applied = async |progress: CheckoutProgress, names_ours: bool, is_anothers: bool, is_last_word: bool| {
        let mut uow = MockUnitOfWork::new();
        uow.expect_load_checkout_session_by_ref().returning(|_, _| Ok(None));
        uow.expect_load_payment_link().returning(move |_| Ok(is_anothers.then(|| link(0))));
        uow.expect_finish_notification().returning(|_| Ok(()));
        uow.expect_commit().returning(|| Ok(()));
        uow.expect_rollback().returning(|| ());
        let mut storage = MockStorage::new();
        storage.expect_begin().return_once(move || Ok(Box::new(uow)));
        let told = mocked::told("cs_1", progress, mocked::money(100));
        let told = Box::new(CheckoutSnapshot { payment_link_id: names_ours.then(|| link(0).id), ..told });
        let found = if is_last_word { Findings::CheckoutTold(told) } else { Findings::Checkout(told) };
        let topic = NotificationTopic::Checkout { provider_ref: ProviderRef("cs_1".into()) };
        let entry = InboxEntry { provider: "south".parse().unwrap(), ..entry(topic, 0) };
        mocked::app(storage, MockPaymentProvider::new()).apply(&entry, std::sync::Arc::new(found)).await
    };
    for (is_anothers, is_last_word, is_lost) in
        [(false, false, true), (false, true, true), (true, false, false), (true, true, true)]
    {
        let ended = applied(paid(), true, is_anothers, is_last_word).await;
        let is_told = ended.as_ref().is_err_and(|error| error.to_string().contains("cs_1 has money for plink_"));
        assert_eq!((is_told, ended.is_ok()), (is_lost, !is_lost), "{is_anothers} {is_last_word} {ended:?}");
        // Another program's, and what is no money yet.
        assert!(applied(paid(), false, is_anothers, is_last_word).await.unwrap());
        assert!(applied(processing(), true, is_anothers, is_last_word).await.unwrap());
    }
}

#[tokio::test]
async fn a_renewal_of_what_is_here_no_more_waits_for_a_person() {
    let looked = async |link: Option<PaymentLink>, days: u64| {
        let money = mocked::money(100);
        let mut storage = MockStorage::new();
        storage.expect_load_subscription_by_ref().returning(|_, _| Ok(None));
        storage.expect_load_payment_link().returning(move |_| Ok(link.clone()));
        let mut provider = MockPaymentProvider::new();
        provider.expect_fetch_renewal().returning(move |_| {
            let payment_ref = ProviderRef("pi_1".into());
            let paid =
                RenewalPayment { payment_ref, received: money, subtotal: money, tax: mocked::money(0), total: money };
            Ok(Some(RenewalSnapshot {
                subscription_ref: ProviderRef("sub_1".into()),
                payment_link_id: mocked::link(0).id,
                payment: Some(paid),
            }))
        });
        provider.expect_capabilities().return_const(mocked::capabilities());
        let mut parts = mocked::parts(storage, provider);
        let mut clock = domain::ports::clock::MockClock::new();
        clock.expect_now().return_const(mocked::NOW.plus(Duration::from_secs(days * 86_400)));
        parts.clock = std::sync::Arc::new(clock);
        let topic = NotificationTopic::Renewal { invoice_ref: ProviderRef("in_1".into()) };
        App::new(parts).unwrap().look(&entry(topic, 0)).await
    };
    let waits_for_a_person = |looked: Result<Findings, Error>| {
        let told = looked.err().map(|error| (matches!(error, Error::FailedPrecondition { .. }), error.to_string()));
        told.is_some_and(|(is_its_own, told)| is_its_own && told.contains("pi_1 has money for sub_1 of plink_"))
    };
    assert!(waits_for_a_person(looked(None, 0).await));
    // Its subscription may be told of later, and is in all that time.
    assert!(matches!(looked(Some(link(0)), 0).await, Err(Error::NotFound { .. })));
    assert!(waits_for_a_person(looked(Some(link(0)), 5).await));
    // Another provider's own notifications tell of it.
    let anothers = PaymentLinkData { provider: "south".parse().unwrap(), ..(*link(0)).clone() };
    assert!(matches!(looked(Some(PaymentLink::from_stored(anothers)), 0).await, Ok(Findings::Nothing)));
}

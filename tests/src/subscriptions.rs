//! Subscriptions: begun by a recurring link, renewed by the provider, and ended.

use api_proto::v1;
use serde_json::{Value, json};
use tonic::Code;

use crate::collected::{at_provider, buy, create};
use crate::harness::{
    Db, GOOD_CARD, Server, error_parts, eventually, http, item, mask, minor, on_both_databases, unique,
};
use crate::refunds::told_of;

on_both_databases!(
    a_subscription_is_read_and_listed_since_its_checkout,
    a_subscription_that_is_known_before_its_checkout_learns_it,
    each_period_is_paid_and_recorded_once,
    a_trial_ends_in_a_payment,
    a_subscription_ends_when_its_period_does,
    a_subscription_ends_at_once,
    a_subscription_that_is_ended_at_the_provider_ends_here,
    an_end_that_is_called_off_at_the_provider_is_called_off_here,
    a_change_of_its_links_settings_leaves_what_is_bought_later_recorded,
    a_period_that_a_code_makes_free_is_recorded_as_nothing_paid,
    a_debit_pays_when_the_bank_has_answered,
    a_debit_that_bounces_is_a_payment_that_failed,
    cancellations_are_refused_by_name,
);

const DAY: i64 = 24 * 60 * 60;

pub(crate) fn monthly() -> v1::CreatePaymentLinkRequest {
    let mut plan = item("Plan", 9_900, 2);
    if let Some(v1::line_item_input::Price::PriceData(data)) = &mut plan.price {
        let interval = v1::RecurrenceInterval::Month as i32;
        data.recurrence = Some(v1::Recurrence { interval, interval_count: 1 });
    }
    let metadata = [("tenant".to_owned(), "7".to_owned())].into();
    let subscription = Some(v1::SubscriptionSettings { metadata, ..Default::default() });
    v1::CreatePaymentLinkRequest { line_items: vec![plan], subscription, ..Default::default() }
}

async fn list(server: &Server, request: v1::ListSubscriptionsRequest) -> Vec<v1::Subscription> {
    server.subscriptions().list_subscriptions(request).await.unwrap().into_inner().subscriptions
}

async fn get(server: &Server, id: &str) -> v1::Subscription {
    let request = v1::GetSubscriptionRequest { id: id.to_owned() };
    server.subscriptions().get_subscription(request).await.unwrap().into_inner().subscription.unwrap()
}

/// Buys at a link, and answers the subscription that it began.
pub(crate) async fn subscribe(server: &Server, link: &v1::PaymentLink) -> v1::Subscription {
    let session = buy(server, link, json!({})).await;
    let of = v1::ListSubscriptionsRequest { checkout_session_id: session.id, ..Default::default() };
    eventually(async || list(server, of.clone()).await.pop()).await
}

async fn wait_for(server: &Server, id: &str, state: v1::SubscriptionState) -> v1::Subscription {
    eventually(async || Some(get(server, id).await).filter(|subscription| subscription.state() == state)).await
}

pub(crate) async fn renewals(server: &Server, subscription: &v1::Subscription) -> Vec<v1::Payment> {
    let request = v1::ListPaymentsRequest { subscription_id: subscription.id.clone(), ..Default::default() };
    server.payments().list_payments(request).await.unwrap().into_inner().payments
}

pub(crate) async fn pass(server: &Server, days: i64) {
    let answer = server.control("clock", json!({"advance_seconds": days * DAY})).await;
    assert_eq!(answer.status().as_u16(), 200);
}

async fn cancel(server: &Server, id: &str, at: v1::CancellationTime) -> Result<v1::Subscription, tonic::Status> {
    let request = v1::CancelSubscriptionRequest { request_id: unique("cancel"), id: id.to_owned(), at: at as i32 };
    Ok(server.subscriptions().cancel_subscription(request).await?.into_inner().subscription.unwrap())
}

async fn a_subscription_is_read_and_listed_since_its_checkout(db: Db) {
    let server = Server::start(db).await;
    let link = create(&server, monthly()).await;
    let begun = subscribe(&server, &link).await;
    assert_eq!((begun.state(), begun.payment_link_id.as_str()), (v1::SubscriptionState::Active, link.id.as_str()));
    assert_eq!((begun.currency_code.as_str(), begun.metadata["tenant"].as_str()), ("SEK", "7"));
    let [item] = begun.items.as_slice() else { panic!("{begun:?}") };
    assert_eq!((item.name.as_str(), item.quantity, minor(item.unit_amount.as_ref())), ("Plan", 2, 9_900));
    assert_eq!(item.recurrence.unwrap().interval(), v1::RecurrenceInterval::Month);
    let length = begun.current_period_end_time.unwrap().seconds - begun.current_period_start_time.unwrap().seconds;
    assert!((28 * DAY..=31 * DAY).contains(&length), "{length}");
    assert_eq!((begun.trial_end_time, begun.cancel_at_time, begun.end_time), (None, None, None));

    let other = subscribe(&server, &create(&server, monthly()).await).await;
    let of_link = v1::ListSubscriptionsRequest { payment_link_id: link.id, ..Default::default() };
    assert_eq!(list(&server, of_link).await, [begun]);
    let first = v1::ListSubscriptionsRequest { page_size: 1, ..Default::default() };
    assert_eq!(list(&server, first).await, std::slice::from_ref(&other));
    let past_due = v1::SubscriptionState::PastDue as i32;
    let of_state = v1::ListSubscriptionsRequest { state: past_due, ..Default::default() };
    assert_eq!(list(&server, of_state).await, []);
    server.expect_no_notification_stuck().await;
    assert!(renewals(&server, &other).await.is_empty(), "the first period is the checkout's own payment");
    assert_eq!(told_of(&server, &other.id).await.first().unwrap(), "subscription.created");
}

async fn a_subscription_that_is_known_before_its_checkout_learns_it(db: Db) {
    let server = Server::start(db).await;
    let link = create(&server, monthly()).await;
    server.control("webhooks/policy", json!({"lose": true})).await;
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.expect_no_notification_stuck().await;
    let of_link = v1::ListSubscriptionsRequest { payment_link_id: link.id.clone(), ..Default::default() };
    assert_eq!(list(&server, of_link.clone()).await, [], "all that told of it was lost");

    server.control("webhooks/policy", json!({})).await;
    let [there] = read_at_provider(&server, "/v1/subscriptions").await.try_into().unwrap();
    let path = format!("/v1/subscriptions/{}", there["id"].as_str().unwrap());
    at_provider(&server, &path, &[("cancel_at_period_end", "true")]).await;
    let known = eventually(async || list(&server, of_link.clone()).await.pop()).await;
    assert_eq!((known.checkout_session_id.as_str(), known.cancel_at_time.is_some()), ("", true));

    let [told] = read_at_provider(&server, "/v1/events?type=checkout.session.completed").await.try_into().unwrap();
    server.control("webhooks/resend", json!({"id": told["id"]})).await;
    let learnt =
        eventually(async || Some(get(&server, &known.id).await).filter(|it| !it.checkout_session_id.is_empty())).await;
    let session = v1::GetCheckoutSessionRequest { id: learnt.checkout_session_id.clone() };
    let session = server.checkouts().get_checkout_session(session).await.unwrap().into_inner().checkout_session;
    assert_eq!(session.unwrap().payment_link_id, link.id);
    let of_session =
        v1::ListSubscriptionsRequest { checkout_session_id: learnt.checkout_session_id.clone(), ..Default::default() };
    assert_eq!(list(&server, of_session).await, std::slice::from_ref(&learnt));
    assert_eq!((learnt.cancel_at_time, learnt.state()), (known.cancel_at_time, known.state()), "what it knew stays");
    server.expect_no_notification_stuck().await;
    assert_eq!(told_of(&server, &known.id).await, ["subscription.created", "subscription.updated"]);
}

/// A list of the provider's.
pub(crate) async fn read_at_provider(server: &Server, path: &str) -> Vec<Value> {
    let request = http().get(format!("{}{path}", server.sandbox)).bearer_auth("sk_test_paylinks_sandbox");
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["data"].as_array().unwrap().clone()
}

async fn each_period_is_paid_and_recorded_once(db: Db) {
    let server = Server::start(db).await;
    let link = create(&server, monthly()).await;
    let begun = subscribe(&server, &link).await;
    for period in 1..=2 {
        pass(&server, 31).await;
        let paid = eventually(async || {
            let paid = renewals(&server, &begun).await;
            (paid.len() == period).then_some(paid)
        })
        .await;
        let newest = &paid[0];
        assert_eq!((newest.kind(), newest.state()), (v1::PaymentKind::Renewal, v1::PaymentState::Succeeded));
        assert_eq!(minor(newest.received.as_ref()), 19_800);
        assert_eq!((newest.payment_link_id.as_str(), newest.flags.len()), (link.id.as_str(), 0));
        assert!(newest.provider_ref.starts_with("pi_"), "a refund of it must find it");
    }
    let renewed = eventually(async || {
        let now = get(&server, &begun.id).await;
        (now.current_period_end_time.unwrap().seconds > begun.current_period_end_time.unwrap().seconds).then_some(now)
    })
    .await;
    assert_eq!(renewed.state(), v1::SubscriptionState::Active);
    let newest = renewals(&server, &begun).await.remove(0);
    let refund = v1::CreateRefundRequest {
        request_id: unique("refund"),
        payment_id: newest.id,
        amount: None,
        ..Default::default()
    };
    let refund = server.payments().create_refund(refund).await.unwrap().into_inner().refund.unwrap();
    assert_eq!(minor(refund.amount.as_ref()), 19_800);
    server.expect_no_notification_stuck().await;
    assert_eq!(renewals(&server, &begun).await.len(), 2);
}

async fn a_trial_ends_in_a_payment(db: Db) {
    let server = Server::start(db).await;
    let trial = Some(v1::SubscriptionSettings { trial_period_days: 14, ..Default::default() });
    let link = create(&server, v1::CreatePaymentLinkRequest { subscription: trial, ..monthly() }).await;
    let begun = subscribe(&server, &link).await;
    assert_eq!(begun.state(), v1::SubscriptionState::Trialing);
    assert_eq!(begun.trial_end_time, begun.current_period_end_time);
    pass(&server, 15).await;
    wait_for(&server, &begun.id, v1::SubscriptionState::Active).await;
    let paid = eventually(async || renewals(&server, &begun).await.pop()).await;
    assert_eq!(minor(paid.received.as_ref()), 19_800);
    server.expect_no_notification_stuck().await;
}

async fn a_subscription_ends_when_its_period_does(db: Db) {
    let server = Server::start(db).await;
    let begun = subscribe(&server, &create(&server, monthly()).await).await;
    let ending = cancel(&server, &begun.id, v1::CancellationTime::PeriodEnd).await.unwrap();
    assert_eq!(ending.state(), v1::SubscriptionState::Active);
    assert_eq!(ending.cancel_at_time, begun.current_period_end_time);
    assert!(ending.cancel_time.is_some() && ending.end_time.is_none());
    pass(&server, 31).await;
    let ended = wait_for(&server, &begun.id, v1::SubscriptionState::Canceled).await;
    assert!(ended.end_time.is_some());
    server.expect_no_notification_stuck().await;
    assert!(renewals(&server, &begun).await.is_empty(), "nothing more is due");
    assert_eq!(told_of(&server, &begun.id).await.last().unwrap(), "subscription.ended");
}

async fn a_subscription_ends_at_once(db: Db) {
    let server = Server::start(db).await;
    let begun = subscribe(&server, &create(&server, monthly()).await).await;
    let request = v1::CancelSubscriptionRequest {
        request_id: unique("cancel"),
        id: begun.id.clone(),
        at: v1::CancellationTime::Now as i32,
    };
    let mut subscriptions = server.subscriptions();
    let ended = subscriptions.cancel_subscription(request.clone()).await.unwrap().into_inner().subscription.unwrap();
    assert_eq!(ended.state(), v1::SubscriptionState::Canceled);
    let again = subscriptions.cancel_subscription(request).await.unwrap().into_inner().subscription.unwrap();
    assert_eq!(again, ended, "asked again, it is the same");
    let refused = cancel(&server, &begun.id, v1::CancellationTime::PeriodEnd).await.unwrap_err();
    assert_eq!(error_parts(&refused).1, "SUBSCRIPTION_STATE");
    server.expect_no_notification_stuck().await;
    assert_eq!(ends(&server, &begun).await, 1);
}

/// How often it was told that a subscription has ended.
async fn ends(server: &Server, subscription: &v1::Subscription) -> usize {
    told_of(server, &subscription.id).await.into_iter().filter(|kind| kind == "subscription.ended").count()
}

async fn a_subscription_that_is_ended_at_the_provider_ends_here(db: Db) {
    let server = Server::start(db).await;
    let begun = subscribe(&server, &create(&server, monthly()).await).await;
    let url = format!("{}/v1/subscriptions/{}", server.sandbox, begun.provider_ref);
    let ended = http().delete(url).bearer_auth("sk_test_paylinks_sandbox").send().await.unwrap();
    assert_eq!(ended.status().as_u16(), 200);
    let ended = wait_for(&server, &begun.id, v1::SubscriptionState::Canceled).await;
    assert!(ended.end_time.is_some() && ended.cancel_time.is_some());
    server.expect_no_notification_stuck().await;
    assert_eq!(ends(&server, &begun).await, 1);
}

async fn an_end_that_is_called_off_at_the_provider_is_called_off_here(db: Db) {
    let server = Server::start(db).await;
    let begun = subscribe(&server, &create(&server, monthly()).await).await;
    let path = format!("/v1/subscriptions/{}", begun.provider_ref);
    at_provider(&server, &path, &[("cancel_at_period_end", "true")]).await;
    let told_end = eventually(async || get(&server, &begun.id).await.cancel_at_time).await;
    assert_eq!(Some(told_end), begun.current_period_end_time);
    at_provider(&server, &path, &[("cancel_at_period_end", "false")]).await;
    let going_on =
        eventually(async || Some(get(&server, &begun.id).await).filter(|it| it.cancel_at_time.is_none())).await;
    assert_eq!((going_on.state(), going_on.cancel_time), (v1::SubscriptionState::Active, None));
    server.expect_no_notification_stuck().await;
}

async fn a_change_of_its_links_settings_leaves_what_is_bought_later_recorded(db: Db) {
    let server = Server::start(db).await;
    let link = create(&server, monthly()).await;
    let metadata = [("tenant".to_owned(), "8".to_owned())].into();
    let changed = v1::PaymentLink {
        id: link.id.clone(),
        subscription: Some(v1::SubscriptionSettings { metadata, ..Default::default() }),
        ..Default::default()
    };
    let request = v1::UpdatePaymentLinkRequest {
        request_id: unique("update"),
        payment_link: Some(changed),
        update_mask: mask(&["subscription"]),
    };
    server.links().update_payment_link(request).await.unwrap();
    let begun = subscribe(&server, &link).await;
    assert_eq!(begun.metadata["tenant"], "8");
    let [paid] = paid_at(&server, &link).await.try_into().unwrap();
    assert_eq!((paid.state(), minor(paid.received.as_ref())), (v1::PaymentState::Succeeded, 19_800));
    pass(&server, 31).await;
    eventually(async || renewals(&server, &begun).await.pop()).await;
    server.expect_no_notification_stuck().await;
}

/// The payments of a link.
async fn paid_at(server: &Server, link: &v1::PaymentLink) -> Vec<v1::Payment> {
    let request = v1::ListPaymentsRequest { payment_link_id: link.id.clone(), ..Default::default() };
    server.payments().list_payments(request).await.unwrap().into_inner().payments
}

async fn a_period_that_a_code_makes_free_is_recorded_as_nothing_paid(db: Db) {
    let server = Server::start(db).await;
    at_provider(&server, "/v1/coupons", &[("id", "ALL"), ("percent_off", "100"), ("duration", "forever")]).await;
    let promotion = [("promotion[type]", "coupon"), ("promotion[coupon]", "ALL"), ("code", "FREE")];
    at_provider(&server, "/v1/promotion_codes", &promotion).await;
    let request = v1::CreatePaymentLinkRequest { allow_promotion_codes: true, ..monthly() };
    let link = create(&server, request).await;
    let session = buy(&server, &link, json!({"promotion_code": "FREE"})).await;
    let of = v1::ListSubscriptionsRequest { checkout_session_id: session.id, ..Default::default() };
    let begun = eventually(async || list(&server, of.clone()).await.pop()).await;
    pass(&server, 31).await;
    let goes_on = async || {
        let now = get(&server, &begun.id).await;
        (now.current_period_end_time.unwrap().seconds > begun.current_period_end_time.unwrap().seconds).then_some(now)
    };
    assert_eq!(eventually(goes_on).await.state(), v1::SubscriptionState::Active);
    server.expect_no_notification_stuck().await;
    assert_eq!(paid_at(&server, &link).await, []);
}

/// A monthly link in euro that is paid by debit, and its session once the customer went through it.
async fn debited(server: &Server, account: &str) -> (v1::PaymentLink, v1::CheckoutSession) {
    let mut request = monthly();
    if let Some(v1::line_item_input::Price::PriceData(data)) = &mut request.line_items[0].price {
        data.unit_price = Some(v1::UnitPrice { minor_units: "9900".to_owned(), currency_code: "EUR".to_owned() });
    }
    let method_types = vec!["sepa_debit".to_owned()];
    request.payment = Some(v1::PaymentSettings { method_types, ..Default::default() });
    let link = create(server, request).await;
    let session = buy(server, &link, json!({"method": "bank_debit", "account": account})).await;
    assert_eq!(session.payment_state(), v1::SessionPaymentState::Processing);
    (link, session)
}

async fn a_debit_pays_when_the_bank_has_answered(db: Db) {
    let server = Server::start(db).await;
    let (link, session) = debited(&server, "AT611904300234573201").await;
    pass(&server, 6).await;
    let paid = eventually(async || {
        paid_at(&server, &link).await.pop().filter(|payment| payment.state() == v1::PaymentState::Succeeded)
    })
    .await;
    assert_eq!((minor(paid.received.as_ref()), paid.checkout_session_id), (19_800, session.id));
    assert!(paid.provider_ref.starts_with("pi_"), "a refund of it must find it");
    server.expect_no_notification_stuck().await;
}

async fn a_debit_that_bounces_is_a_payment_that_failed(db: Db) {
    let server = Server::start(db).await;
    let (link, session) = debited(&server, "AT861904300235470000").await;
    pass(&server, 6).await;
    eventually(async || {
        paid_at(&server, &link).await.pop().filter(|payment| payment.state() == v1::PaymentState::Failed)
    })
    .await;
    let of = v1::ListSubscriptionsRequest { checkout_session_id: session.id, ..Default::default() };
    let begun = eventually(async || list(&server, of.clone()).await.pop()).await;
    wait_for(&server, &begun.id, v1::SubscriptionState::PastDue).await;
    server.expect_no_notification_stuck().await;
}

async fn cancellations_are_refused_by_name(db: Db) {
    let server = Server::start(db).await;
    let request = v1::CancelSubscriptionRequest { request_id: String::new(), id: "sub_1".to_owned(), at: 0 };
    let refused = server.subscriptions().cancel_subscription(request).await.unwrap_err();
    assert_eq!(
        (refused.code(), error_parts(&refused).2),
        (Code::InvalidArgument, ["request_id", "id", "at"].map(str::to_owned).to_vec())
    );
    let unknown = cancel(&server, "sub_0193a5c2e8b27c3a9f0e1d2c3b4a5968", v1::CancellationTime::Now).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let request = v1::ListSubscriptionsRequest { payment_link_id: "x".to_owned(), state: 99, ..Default::default() };
    let refused = server.subscriptions().list_subscriptions(request).await.unwrap_err();
    assert_eq!(error_parts(&refused).2, ["payment_link_id", "state"]);
}

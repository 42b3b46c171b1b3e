//! Coupons, promotion codes and subscriptions: read back equal, taken once, listed by filter and page, and of one seller
//! alone.

use domain::catalog::{
    Code, CouponChanges, CouponDiscount, CouponDuration, CurrencyAmounts, DurationMonths, Interval, PromotionCode,
    PromotionCodeChanges, PromotionCodeSnapshot, PromotionCodeState, Recurrence,
};
use domain::checkout::{EnteredText, SessionOrigin};
use domain::id::{CheckoutSessionId, PaymentId, PriceId, SubscriptionId};
use domain::page::{PageRequest, PageSize};
use domain::payment::{Payment, PaymentFlag};
use domain::payment_link::PaymentLink;
use domain::ports::storage::{PaymentFilter, PromotionCodeFilter, StorageError, SubscriptionFilter};
use domain::subscription::{
    RenewalPayment, Subscription, SubscriptionItem, SubscriptionSnapshot, SubscriptionState, SubscriptionTerms,
};

use super::Store;
use crate::fixtures::{
    checkout_session, coupon, currency, items_link, later, metadata, moment, money, next_uuid, only, percent,
    promotion_code, provider, provider_ref, seller,
};

fn made(code: &mut PromotionCode, reference: &str) {
    let provider_ref = provider_ref(reference);
    assert!(code.created(&PromotionCodeSnapshot { provider_ref, promotion_code_id: code.id, active: true }, later()));
}

fn subscription(link: &PaymentLink, reference: &str, state: SubscriptionState) -> Subscription {
    let item = SubscriptionItem {
        name: EnteredText::of("Hosting"),
        price_id: Some(PriceId::from_uuid(next_uuid())),
        quantity: 2,
        unit_amount: Some(money(9_900)),
        recurrence: Recurrence::parse(Interval::Month, 3).unwrap(),
    };
    let terms = SubscriptionTerms {
        state,
        currency: currency(),
        items: vec![item],
        started_at: moment(),
        period_start: moment(),
        period_end: later(),
        trial_end: Some(later()),
        cancel_at: None,
        canceled_at: None,
        ended_at: None,
    };
    let snapshot = SubscriptionSnapshot { provider_ref: provider_ref(reference), payment_link_id: link.id, terms };
    Subscription::begun(SubscriptionId::from_uuid(next_uuid()), link, &snapshot, moment())
}

async fn stored_link(storage: &Store, name: &str) -> PaymentLink {
    let mut link = items_link(&seller(name), None, metadata(&[]));
    let mut work = storage.begin().await.unwrap();
    work.insert_payment_link(&mut link).await.unwrap();
    work.commit().await.unwrap();
    link
}

async fn stored_session(storage: &Store, link: &PaymentLink) -> CheckoutSessionId {
    let origin = SessionOrigin::Link { payment_link_id: link.id };
    let mut session = checkout_session(&link.seller_id, origin, None);
    let mut work = storage.begin().await.unwrap();
    work.insert_checkout_session(&mut session, None).await.unwrap();
    work.commit().await.unwrap();
    session.id
}

/// Coupons of every kind and promotion codes in every state, new and changed.
pub async fn discounts_read_back_equal(storage: Store) {
    let (north, own) = (seller("north"), only(&seller("north")));
    let amount = CouponDiscount::Amount(CurrencyAmounts::parse(money(500), "options", &[]).unwrap());
    let months = CouponDuration::Repeating(DurationMonths::parse(3).unwrap());
    for (discount, duration) in
        [(percent(), CouponDuration::Once), (amount, months), (percent(), CouponDuration::Forever)]
    {
        let mut coupon = coupon(&north, discount, duration);
        let mut work = storage.begin().await.unwrap();
        work.insert_coupon(&mut coupon).await.unwrap();
        assert_eq!(work.get_coupon(&own, coupon.id).await.unwrap().as_ref(), Some(&coupon), "inside");
        work.commit().await.unwrap();
        let mut stale = coupon.clone();
        coupon.change(CouponChanges { active: Some(false), ..Default::default() }, later()).unwrap();
        let mut work = storage.begin().await.unwrap();
        work.update_coupon(&mut coupon).await.unwrap();
        assert!(matches!(work.update_coupon(&mut stale).await, Err(StorageError::Stale)));
        work.commit().await.unwrap();
        assert_eq!(storage.get_coupon(&own, coupon.id).await.unwrap().as_ref(), Some(&coupon));
        assert_eq!(storage.get_coupon(&only(&seller("south")), coupon.id).await.unwrap(), None);
    }

    let mut coupon = coupon(&north, percent(), CouponDuration::Once);
    let mut work = storage.begin().await.unwrap();
    work.insert_coupon(&mut coupon).await.unwrap();
    work.commit().await.unwrap();
    let mut codes = ["A", "B", "C", "D"].map(|code| promotion_code(&coupon, code));
    made(&mut codes[1], "promo_1");
    made(&mut codes[2], "promo_2");
    codes[2].change(&PromotionCodeChanges { active: Some(false), ..Default::default() }, later()).unwrap();
    codes[3].refused("resource_already_exists", later());
    for code in &mut codes {
        let mut work = storage.begin().await.unwrap();
        work.insert_promotion_code(code).await.unwrap();
        assert_eq!(work.get_promotion_code(&own, code.id).await.unwrap().as_ref(), Some(&*code), "inside");
        work.commit().await.unwrap();
        assert_eq!(storage.load_promotion_code(code.id).await.unwrap().as_ref(), Some(&*code));
        assert_eq!(storage.get_promotion_code(&only(&seller("south")), code.id).await.unwrap(), None);
        if let Some(reference) = &code.provider_ref {
            let found = storage.load_promotion_code_by_ref(&provider(), reference).await.unwrap();
            assert_eq!(found.as_ref(), Some(&*code));
        }
    }
    let mut work = storage.begin().await.unwrap();
    let mut locked = work.lock_promotion_code(codes[0].id).await.unwrap().unwrap();
    made(&mut locked, "promo_3");
    work.update_promotion_code(&mut locked).await.unwrap();
    assert!(matches!(work.update_promotion_code(&mut codes[0]).await, Err(StorageError::Stale)));
    work.commit().await.unwrap();
    assert_eq!(storage.get_promotion_code(&own, locked.id).await.unwrap(), Some(locked));
}

/// Coupons by whether they are active; codes by coupon, by what is entered and by state.
pub async fn discounts_are_listed_by_filter_and_page(storage: Store) {
    let (north, south) = (seller("north"), seller("south"));
    let mut coupons = [&north, &north, &north, &south].map(|seller| coupon(seller, percent(), CouponDuration::Once));
    coupons[1].change(CouponChanges { active: Some(false), ..Default::default() }, later()).unwrap();
    let mut codes = [
        promotion_code(&coupons[0], "Fall-20"),
        promotion_code(&coupons[0], "FALL-20"),
        promotion_code(&coupons[1], "other"),
        promotion_code(&coupons[3], "fall-20"),
    ];
    made(&mut codes[1], "promo_1");
    let mut work = storage.begin().await.unwrap();
    for coupon in &mut coupons {
        work.insert_coupon(coupon).await.unwrap();
    }
    for code in &mut codes {
        work.insert_promotion_code(code).await.unwrap();
    }
    work.commit().await.unwrap();

    let size = PageSize::parse(2).unwrap();
    let first = storage.list_coupons(&north, None, PageRequest { size, before: None }).await.unwrap();
    let ids: Vec<_> = first.items.iter().map(|coupon| coupon.id).collect();
    assert_eq!((ids, first.has_more), (vec![coupons[2].id, coupons[1].id], true));
    let rest = storage.list_coupons(&north, None, PageRequest { size, before: Some(coupons[1].id) }).await.unwrap();
    assert_eq!((rest.items[0].id, rest.has_more), (coupons[0].id, false));
    let archived = storage.list_coupons(&north, Some(false), PageRequest { size, before: None }).await.unwrap();
    assert_eq!(archived.items, [coupons[1].clone()]);

    let by = |filter: PromotionCodeFilter| {
        let (storage, north) = (storage.clone(), north.clone());
        async move {
            let page = storage.list_promotion_codes(&north, filter, PageRequest { size, before: None }).await.unwrap();
            page.items.into_iter().map(|code| code.id).collect::<Vec<_>>()
        }
    };
    let entered = PromotionCodeFilter { code: Some(Code::parse("fall-20").unwrap()), ..Default::default() };
    assert_eq!(by(entered).await, [codes[1].id, codes[0].id]);
    let of_coupon = PromotionCodeFilter { coupon_id: Some(coupons[1].id), ..Default::default() };
    assert_eq!(by(of_coupon).await, [codes[2].id]);
    assert_eq!(
        by(PromotionCodeFilter { state: Some(PromotionCodeState::Active.name()), ..Default::default() }).await,
        [codes[1].id]
    );
}

/// Subscriptions in every state, new and changed; one of a provider's is one here.
pub async fn subscriptions_read_back_equal_in_every_state(storage: Store) {
    let link = stored_link(&storage, "north").await;
    let session = stored_session(&storage, &link).await;
    let own = only(&link.seller_id);
    let states = [
        SubscriptionState::Incomplete,
        SubscriptionState::IncompleteExpired,
        SubscriptionState::Trialing,
        SubscriptionState::Active,
        SubscriptionState::PastDue,
        SubscriptionState::Unpaid,
        SubscriptionState::Paused,
        SubscriptionState::Canceled,
        SubscriptionState::Unknown("resting".to_owned()),
    ];
    for (index, state) in states.into_iter().enumerate() {
        let reference = format!("sub_{index}");
        let mut begun = subscription(&link, &reference, state);
        let mut work = storage.begin().await.unwrap();
        assert!(work.insert_subscription(&mut begun).await.unwrap());
        assert!(
            !work.insert_subscription(&mut subscription(&link, &reference, SubscriptionState::Active)).await.unwrap()
        );
        assert_eq!(work.load_subscription(begun.id).await.unwrap().as_ref(), Some(&begun), "inside");
        work.commit().await.unwrap();
        let mut stale = begun.clone();
        begun.came_about_in(session, later());
        let mut work = storage.begin().await.unwrap();
        assert_eq!(work.lock_subscription(begun.id).await.unwrap().as_ref(), Some(&stale));
        work.update_subscription(&mut begun).await.unwrap();
        assert!(matches!(work.update_subscription(&mut stale).await, Err(StorageError::Stale)));
        work.commit().await.unwrap();
        assert_eq!(storage.get_subscription(&own, begun.id).await.unwrap().as_ref(), Some(&begun));
        assert_eq!(storage.get_subscription(&only(&seller("south")), begun.id).await.unwrap(), None);
        let found = storage.load_subscription_by_ref(&provider(), &provider_ref(&reference)).await.unwrap();
        assert_eq!(found, Some(begun));
    }
}

/// The payments of a subscription's periods: as they were written, by its id, and each once.
pub async fn renewals_read_back_equal_and_are_listed_by_subscription(storage: Store) {
    let link = stored_link(&storage, "north").await;
    let own = only(&link.seller_id);
    let mut both = ["sub_1", "sub_2"].map(|reference| subscription(&link, reference, SubscriptionState::Active));
    let mut work = storage.begin().await.unwrap();
    for subscription in &mut both {
        assert!(work.insert_subscription(subscription).await.unwrap());
    }
    let period = |subscription: &Subscription, reference: &str, flags: Vec<PaymentFlag>| {
        let (received, subtotal, tax, total) = (money(19_800), money(15_840), money(3_960), money(19_800));
        let paid = RenewalPayment { payment_ref: provider_ref(reference), received, subtotal, tax, total };
        Payment::renewal(PaymentId::from_uuid(next_uuid()), subscription, &paid, flags, later())
    };
    let [one, other] = &both;
    let mut payments =
        [period(one, "pi_1", vec![]), period(one, "pi_2", vec![PaymentFlag::Partial]), period(other, "pi_3", vec![])];
    for payment in &mut payments {
        work.insert_payment(payment).await.unwrap();
    }
    work.commit().await.unwrap();
    for payment in &payments {
        assert_eq!(storage.get_payment(&own, payment.id).await.unwrap().as_ref(), Some(payment));
        let found = storage.load_payment_by_ref(&provider(), payment.provider_ref.as_ref().unwrap()).await.unwrap();
        assert_eq!(found.as_ref(), Some(payment));
    }
    let size = PageSize::parse(10).unwrap();
    for (subscription_id, flagged, want) in
        [(one.id, None, vec![1, 0]), (one.id, Some(true), vec![1]), (other.id, None, vec![2])]
    {
        let filter = PaymentFilter { subscription_id: Some(subscription_id), flagged, ..Default::default() };
        let page = storage.list_payments(&link.seller_id, filter, PageRequest { size, before: None }).await.unwrap();
        let want: Vec<Payment> = want.into_iter().map(|index: usize| payments[index].clone()).collect();
        assert_eq!(page.items, want);
    }
    let mut work = storage.begin().await.unwrap();
    let twice = work.insert_payment(&mut period(one, "pi_1", vec![])).await;
    assert!(matches!(twice, Err(StorageError::ProviderRefTaken)), "{twice:?}");
}

/// By link, by session and by state.
pub async fn subscriptions_are_listed_by_filter_and_page(storage: Store) {
    let (one, other) = (stored_link(&storage, "north").await, stored_link(&storage, "north").await);
    let elsewhere = stored_link(&storage, "south").await;
    let session = stored_session(&storage, &other).await;
    let mut all = [
        subscription(&one, "sub_1", SubscriptionState::Active),
        subscription(&one, "sub_2", SubscriptionState::PastDue),
        subscription(&other, "sub_3", SubscriptionState::Active),
        subscription(&elsewhere, "sub_4", SubscriptionState::Active),
    ];
    all[2].came_about_in(session, later());
    let mut work = storage.begin().await.unwrap();
    for subscription in &mut all {
        assert!(work.insert_subscription(subscription).await.unwrap());
    }
    work.commit().await.unwrap();
    let [a, b, c, _] = all.map(|subscription| subscription.id);
    let size = PageSize::parse(2).unwrap();
    let by = |filter: SubscriptionFilter, before| {
        let (storage, north) = (storage.clone(), one.seller_id.clone());
        async move {
            let page = storage.list_subscriptions(&north, filter, PageRequest { size, before }).await.unwrap();
            (page.items.into_iter().map(|it| it.id).collect::<Vec<_>>(), page.has_more)
        }
    };
    assert_eq!(by(SubscriptionFilter::default(), None).await, (vec![c, b], true));
    assert_eq!(by(SubscriptionFilter::default(), Some(b)).await, (vec![a], false));
    let of_link = SubscriptionFilter { payment_link_id: Some(one.id), ..Default::default() };
    assert_eq!(by(of_link, None).await, (vec![b, a], false));
    let of_session = SubscriptionFilter { checkout_session_id: Some(session), ..Default::default() };
    assert_eq!(by(of_session, None).await, (vec![c], false));
    let active = SubscriptionFilter { state: Some(SubscriptionState::Active), ..Default::default() };
    assert_eq!(by(active, None).await, (vec![c, a], false));
}

//! What a provider keeps for later, where it can: payment methods, promotion codes and subscriptions.

use std::collections::BTreeMap;

use domain::catalog::{Code, Coupon, CouponDuration, Interval, NewCoupon, NewPromotionCode, PromotionCode, Recurrence};
use domain::checkout::CheckoutMode;
use domain::id::{CouponId, PromotionCodeId};
use domain::payment_link::{LineItem, LineItems, LinkOptions, LinkTarget, PaymentLink};
use domain::provider::{Feature, NotificationTopic};
use domain::subscription::{CancellationTime, SubscriptionSnapshot};

use super::subject::{Subject, key, money};
use crate::fixtures;

impl Subject {
    /// What is not kept is refused by another rule; pages are made all the same.
    async fn pages_are_made_without_it(&self) {
        self.make_link(self.invoice_link(money(10_000, "SEK")).await).await;
    }

    /// A coupon, and a promotion code of it that is intended: neither ends by itself, whatever the time is at the provider.
    async fn promotion(&self) -> (Coupon, PromotionCode) {
        let (seller, now) = (fixtures::seller("north"), self.counterpart.now().await);
        let coupon = NewCoupon {
            name: None,
            discount: fixtures::percent(),
            duration: CouponDuration::Once,
            max_redemptions: None,
            redeem_by: None,
            metadata: fixtures::metadata(&[]),
        };
        let coupon = Coupon::new(CouponId::from_uuid(fixtures::next_uuid()), seller.clone(), coupon, now);
        let code = NewPromotionCode {
            coupon_id: coupon.id,
            code: Code::parse("AUTUMN").unwrap(),
            max_redemptions: None,
            expires_at: None,
            first_time_only: false,
            minimum: None,
            metadata: fixtures::metadata(&[]),
        };
        let id = PromotionCodeId::from_uuid(fixtures::next_uuid());
        let charged_by = (self.provider.name().clone(), self.provider.capabilities().livemode);
        (coupon, PromotionCode::creating(id, seller, code, charged_by, now))
    }

    /// A link whose item is paid each month.
    async fn monthly_link(&self) -> PaymentLink {
        let link = self.items_link(fixtures::currency(), &[(9_900, 1)]).await;
        let LinkTarget::Items { items } = &link.target else { panic!("a link for items") };
        let recurrence = Some(Recurrence::parse(Interval::Month, 1).unwrap());
        let items = items.iter().map(|item| LineItem { recurrence, ..item.clone() }).collect();
        self.link(LinkTarget::Items { items: LineItems::parse(items).unwrap() }, LinkOptions::default()).await
    }

    /// The subscriptions that began with checkouts that were told of, each as it was told last.
    async fn subscriptions(&self) -> Vec<SubscriptionSnapshot> {
        let mut last = BTreeMap::new();
        for told in self.checkouts().await.into_iter().filter_map(|told| told.subscription) {
            last.insert(told.provider_ref.clone(), *told);
        }
        last.into_values().collect()
    }
}

/// A payment method that is kept without a payment is told, forgotten once it is not wanted any more, and no money moves.
pub async fn a_method_that_is_kept_is_told_and_can_be_forgotten(at: Subject) {
    if !at.has(Feature::StoredPaymentMethods) {
        return at.pages_are_made_without_it().await;
    }
    let customer = fixtures::customer(&fixtures::seller("north"));
    let nothing = money(0, "SEK");
    let session = at.session_of_mode(CheckoutMode::Setup, nothing, Some(&customer)).await;
    let page = at.provider.create_checkout(&key(), &session, Some(&customer)).await.unwrap();
    at.pay(&page).await;
    let kept = at.checkouts().await.into_iter().find_map(|told| told.payment_method).expect("no method was kept");
    assert_eq!(at.received().await, []);
    for _ in 0..2 {
        at.provider.detach_payment_method(&key(), &kept.provider_ref).await.unwrap();
    }
    let forgotten = at.told().await.into_iter().any(|told| {
        matches!(told.topic, NotificationTopic::PaymentMethodDetached { provider_ref } if provider_ref == kept.provider_ref)
    });
    assert!(forgotten, "nobody was told");
}

/// A promotion code is made once, found by our id, and redeemable as far as we say.
pub async fn a_promotion_code_is_one_and_is_redeemable_as_far_as_we_say(at: Subject) {
    if !at.has(Feature::PromotionCodes) {
        return at.pages_are_made_without_it().await;
    }
    let (coupon, code) = at.promotion().await;
    assert_eq!(at.provider.find_promotion_code(&code).await, Ok(None));
    let sent = key();
    let made = at.provider.create_promotion_code(&sent, &code, &coupon).await.unwrap();
    assert_eq!((made.promotion_code_id, made.active), (code.id, true));
    assert_eq!(at.provider.create_promotion_code(&sent, &code, &coupon).await.as_ref(), Ok(&made));
    assert_eq!(at.provider.find_promotion_code(&code).await, Ok(Some(made.clone())));
    for active in [false, false, true] {
        at.provider.set_promotion_code_active(&key(), &made.provider_ref, active).await.unwrap();
        let now = at.provider.fetch_promotion_code(&made.provider_ref).await.unwrap().unwrap();
        assert_eq!((now.promotion_code_id, now.active), (code.id, active));
    }
}

/// A subscription begins with the checkout of its link, is asked for by its id, and ends once, now or with its period.
pub async fn a_subscription_begins_with_its_link_and_ends_when_we_say(at: Subject) {
    if !at.has(Feature::Subscriptions) {
        return at.pages_are_made_without_it().await;
    }
    for when in [CancellationTime::PeriodEnd, CancellationTime::Now] {
        let (link, page) = at.make_link(at.monthly_link().await).await;
        at.pay(&page).await;
        let begun = at.subscriptions().await.into_iter().find(|told| told.payment_link_id == link.id).unwrap();
        assert!(!begun.terms.state.has_ended());
        let asked = at.provider.fetch_subscription(&begun.provider_ref).await.unwrap().unwrap();
        assert_eq!((asked.payment_link_id, asked.terms.items.len()), (link.id, 1));
        let ended = at.provider.cancel_subscription(&key(), &begun.provider_ref, when).await.unwrap();
        assert_eq!(ended.terms.state.has_ended(), when == CancellationTime::Now);
        if when == CancellationTime::Now {
            let again = at.provider.cancel_subscription(&key(), &begun.provider_ref, when).await.unwrap();
            assert!(again.terms.state.has_ended());
        }
    }
    at.books_agree().await;
}

//! Promotion codes that are made while answers are lost, over mocks of the ports: what must not be called is not expected.

use domain::catalog::{Code, Coupon, CouponDiscount, CouponDuration, NewCoupon, NewPromotionCode, PercentOff};
use domain::id::CouponId;
use domain::metadata::Metadata;
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::MockStorage;
use domain::provider::{IntentState, ProviderAction, ProviderRef};
use uuid::Uuid;

use super::*;
use crate::mocked::{self, NOW, UUID, intent, north};

fn coupon() -> Coupon {
    let new = NewCoupon {
        name: None,
        discount: CouponDiscount::Percent(PercentOff::parse(10.into()).unwrap()),
        duration: CouponDuration::Once,
        max_redemptions: None,
        redeem_by: None,
        metadata: Metadata::default(),
    };
    Coupon::new(CouponId::from_uuid(Uuid::from_u128(UUID)), north(), new, NOW)
}

fn code() -> PromotionCode {
    let terms = NewPromotionCode {
        coupon_id: coupon().id,
        code: Code::parse("FALL").unwrap(),
        max_redemptions: None,
        expires_at: None,
        first_time_only: false,
        minimum: None,
        metadata: Metadata::default(),
    };
    let id = PromotionCodeId::from_uuid(Uuid::from_u128(UUID));
    PromotionCode::creating(id, north(), terms, ("acquirer".parse().unwrap(), false), NOW)
}

/// What becomes of a code whose first request was not answered and whose second is refused, as the two looks tell.
async fn outcome(found: [bool; 2]) -> Result<PromotionCodeSnapshot, ProviderError> {
    let snapshot =
        PromotionCodeSnapshot { provider_ref: ProviderRef("c_1".into()), promotion_code_id: code().id, active: true };
    let mut storage = MockStorage::new();
    storage.expect_load_promotion_code().returning(|_| Ok(Some(code())));
    storage.expect_get_coupon().returning(|_, _| Ok(Some(coupon())));
    let mut provider = MockPaymentProvider::new();
    provider.expect_capabilities().return_const(mocked::capabilities());
    let mut looks = found.map(|is_there| is_there.then(|| snapshot.clone())).into_iter();
    provider.expect_find_promotion_code().returning(move |_| Ok(looks.next().unwrap()));
    let taken = || ProviderError::Rejected { field: Some("code".to_owned()), code: "taken".to_owned() };
    provider.expect_create_promotion_code().times(usize::from(!found[0])).returning(move |_, _, _| Err(taken()));
    let app = mocked::app(storage, MockPaymentProvider::new());
    let action = ProviderAction::CreatePromotionCode { promotion_code_id: code().id };
    let mut unknown = Intent { state: IntentState::OutcomeUnknown, ..intent(action) };
    app.make_promotion_code(&provider, &mut unknown, code().id, Lookup { must_look: true, key_is_old: false })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_code_that_came_about_by_an_unanswered_request_is_ours() {
    assert!(outcome([true, true]).await.is_ok(), "it was there before");
    assert!(outcome([false, true]).await.is_ok(), "the first request arrived after the look");
    assert!(matches!(outcome([false, false]).await, Err(ProviderError::Rejected { .. })), "it is another's");
}

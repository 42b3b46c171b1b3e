//! Coupons and promotion codes: kept here, made at the provider, redeemed on its page.

use api_proto::v1;
use api_proto::v1::coupon_duration::{Duration, Forever, Once};
use api_proto::v1::create_coupon_request::Discount;
use domain::catalog::{Code, CouponDiscount, CurrencyAmounts, PercentOff};
use domain::money::{Currency, Money};
use serde_json::json;
use tonic::{Code as GrpcCode, Status};

use crate::collected::{at_provider, buy, create};
use crate::harness::{Db, Server, error_parts, eventually, item, mask, minor, on_both_databases, sek_amount, unique};
use crate::refunds::told_of;

on_both_databases!(
    a_promotion_code_is_made_redeemed_and_put_away,
    what_is_taken_off_is_computed_alike_here_and_there,
    coupons_are_kept_and_archived,
    coupons_and_codes_name_every_bad_field,
    a_code_that_is_taken_is_refused_by_name,
    a_code_that_is_put_away_at_the_provider_is_put_away_here,
);

fn once() -> Option<v1::CouponDuration> {
    Some(v1::CouponDuration { duration: Some(Duration::Once(Once {})) })
}

pub(crate) fn percent(percent: &str) -> v1::CreateCouponRequest {
    v1::CreateCouponRequest {
        request_id: unique("coupon"),
        discount: Some(Discount::PercentOff(percent.to_owned())),
        duration: once(),
        ..Default::default()
    }
}

pub(crate) fn amount(amount: v1::Money, currency_options: Vec<v1::Money>) -> v1::CreateCouponRequest {
    let discount = Some(Discount::AmountOff(v1::AmountOff { amount: Some(amount), currency_options }));
    v1::CreateCouponRequest { discount, ..percent("1") }
}

pub(crate) async fn coupon(server: &Server, request: v1::CreateCouponRequest) -> v1::Coupon {
    server.catalog().create_coupon(request).await.unwrap().into_inner().coupon.unwrap()
}

pub(crate) fn code_of(coupon: &v1::Coupon, code: &str) -> v1::CreatePromotionCodeRequest {
    v1::CreatePromotionCodeRequest {
        request_id: unique("code"),
        coupon_id: coupon.id.clone(),
        code: code.to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn promotion_code(
    server: &Server,
    request: v1::CreatePromotionCodeRequest,
) -> Result<v1::PromotionCode, Status> {
    let made = server.catalog().create_promotion_code(request).await?;
    Ok(made.into_inner().promotion_code.unwrap())
}

async fn set_active(server: &Server, code: &v1::PromotionCode, active: bool) -> v1::PromotionCode {
    let request = v1::UpdatePromotionCodeRequest {
        request_id: unique("update"),
        promotion_code: Some(v1::PromotionCode { id: code.id.clone(), active, ..Default::default() }),
        update_mask: mask(&["active"]),
    };
    server.catalog().update_promotion_code(request).await.unwrap().into_inner().promotion_code.unwrap()
}

async fn link(server: &Server, items: Vec<v1::LineItemInput>) -> v1::PaymentLink {
    let request = v1::CreatePaymentLinkRequest { line_items: items, allow_promotion_codes: true, ..Default::default() };
    create(server, request).await
}

async fn a_promotion_code_is_made_redeemed_and_put_away(db: Db) {
    let server = Server::start(db).await;
    let coupon = coupon(&server, v1::CreateCouponRequest { name: "Autumn".to_owned(), ..percent("12.5") }).await;
    let request = v1::CreatePromotionCodeRequest {
        minimum_amount: Some(sek_amount(5_000)),
        max_redemptions: 2,
        metadata: [("channel".to_owned(), "mail".to_owned())].into(),
        ..code_of(&coupon, "Fall-20")
    };
    let code = promotion_code(&server, request.clone()).await.unwrap();
    assert_eq!((code.state(), code.active, code.code.as_str()), (v1::PromotionCodeState::Active, true, "Fall-20"));
    assert_eq!(promotion_code(&server, request).await.unwrap(), code, "asked again, it is the same");
    assert_eq!(server.executed("POST /v1/promotion_codes").await, 1);
    let read = v1::GetPromotionCodeRequest { id: code.id.clone() };
    assert_eq!(server.catalog().get_promotion_code(read).await.unwrap().into_inner().promotion_code.unwrap(), code);

    let small = link(&server, vec![item("Cup", 4_000, 1)]).await;
    let refused = server.control("pay", json!({"url": small.url, "promotion_code": "FALL-20"})).await;
    assert_eq!(refused.status().as_u16(), 422, "below the least amount");
    let large = link(&server, vec![item("Cup", 4_000, 2)]).await;
    let session = buy(&server, &large, json!({"promotion_code": "fall-20"})).await;
    let collected = session.collected.unwrap();
    assert_eq!(collected.promotion_codes[0].code, "Fall-20");
    assert_eq!(minor(collected.amount_discount.as_ref()), 1_000);
    assert_eq!(minor(collected.amount_total.as_ref()), 7_000);

    let away = set_active(&server, &code, false).await;
    assert_eq!((away.state(), away.active), (v1::PromotionCodeState::Inactive, false));
    let other = link(&server, vec![item("Cup", 4_000, 2)]).await;
    let refused = server.control("pay", json!({"url": other.url, "promotion_code": "fall-20"})).await;
    assert_eq!(refused.status().as_u16(), 422, "put away");
    let back = set_active(&server, &code, true).await;
    assert_eq!(back.state(), v1::PromotionCodeState::Active);
    let session = buy(&server, &other, json!({"promotion_code": "fall-20"})).await;
    assert_eq!(minor(session.collected.unwrap().amount_discount.as_ref()), 1_000);

    let spent = eventually(async || {
        let listed = v1::ListPromotionCodesRequest { code: "FALL-20".to_owned(), ..Default::default() };
        let mut found = server.catalog().list_promotion_codes(listed).await.unwrap().into_inner().promotion_codes;
        assert_eq!(found.len(), 1);
        found.pop().filter(|code| code.state() == v1::PromotionCodeState::Inactive)
    });
    assert_eq!(spent.await.id, code.id, "the second redemption was the last that it allows");
    let updated = "promotion_code.updated";
    let expected = ["promotion_code.created", updated, updated, updated];
    assert_eq!(told_of(&server, &code.id).await, expected);
}

/// The domain's figures and the page's, over every kind of coupon and orders that don't split evenly.
async fn what_is_taken_off_is_computed_alike_here_and_there(db: Db) {
    let server = Server::start(db).await;
    let currency = Currency::parse("SEK").unwrap();
    let percent_off = |text: &str| CouponDiscount::Percent(PercentOff::parse(text.parse().unwrap()).unwrap());
    let amount_off =
        |minor: i64| CouponDiscount::Amount(CurrencyAmounts::parse(Money::new(minor, currency), "o", &[]).unwrap());
    let orders: [&[(i64, i64)]; 3] = [&[(9_999, 1)], &[(3_333, 1), (3_333, 1), (3_334, 1)], &[(1, 7), (12_345, 3)]];
    for (index, (request, discount)) in [
        (percent("12.5"), percent_off("12.5")),
        (percent("33.33"), percent_off("33.33")),
        (amount(sek_amount(1_000), vec![]), amount_off(1_000)),
        (amount(sek_amount(1_001), vec![]), amount_off(1_001)),
    ]
    .into_iter()
    .enumerate()
    {
        let coupon = coupon(&server, request).await;
        promotion_code(&server, code_of(&coupon, &format!("CODE-{index}"))).await.unwrap();
        for order in orders {
            let items = order.iter().map(|(unit, quantity)| item("Cup", *unit, *quantity)).collect();
            let link = link(&server, items).await;
            let session = buy(&server, &link, json!({"promotion_code": format!("CODE-{index}")})).await;
            let amounts: Vec<Money> =
                order.iter().map(|(unit, quantity)| Money::new(unit * quantity, currency)).collect();
            let discount = discount.in_currency(currency).unwrap();
            let ours: Vec<i64> = discount.parts(currency, &amounts).unwrap().into_iter().map(Money::minor).collect();
            let theirs: Vec<i64> =
                session.collected.unwrap().items.iter().map(|item| minor(item.amount_discount.as_ref())).collect();
            assert_eq!(ours, theirs, "{discount:?} of {order:?}");
        }
    }
}

async fn coupons_are_kept_and_archived(db: Db) {
    let server = Server::start(db).await;
    let euro = v1::Money { currency_code: "EUR".to_owned(), minor_units: 100 };
    let request = v1::CreateCouponRequest {
        duration: Some(v1::CouponDuration { duration: Some(Duration::Months(3)) }),
        max_redemptions: 10,
        redeem_by_time: Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 }),
        ..amount(sek_amount(1_000), vec![euro.clone()])
    };
    let made = coupon(&server, request).await;
    let forever = Some(v1::CouponDuration { duration: Some(Duration::Forever(Forever {})) });
    let other = coupon(&server, v1::CreateCouponRequest { duration: forever, ..percent("0.01") }).await;
    let read = v1::GetCouponRequest { id: made.id.clone() };
    assert_eq!(server.catalog().get_coupon(read).await.unwrap().into_inner().coupon.unwrap(), made);
    let Some(v1::coupon::Discount::AmountOff(off)) = &made.discount else { panic!("{made:?}") };
    assert_eq!(off.currency_options, [euro]);
    let request = v1::UpdateCouponRequest {
        request_id: unique("update"),
        coupon: Some(v1::Coupon { id: made.id.clone(), etag: made.etag.clone(), ..Default::default() }),
        update_mask: mask(&["active"]),
    };
    let archived = server.catalog().update_coupon(request).await.unwrap().into_inner().coupon.unwrap();
    assert!(!archived.active);
    let listed = v1::ListCouponsRequest { active: Some(true), ..Default::default() };
    assert_eq!(server.catalog().list_coupons(listed).await.unwrap().into_inner().coupons, [other]);
    let refused = promotion_code(&server, code_of(&archived, "")).await.unwrap_err();
    assert_eq!(
        error_parts(&refused),
        (GrpcCode::InvalidArgument, "INVALID_FIELDS".to_owned(), vec!["coupon_id".to_owned()])
    );
}

async fn coupons_and_codes_name_every_bad_field(db: Db) {
    let server = Server::start(db).await;
    let past = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
    let fields = |refused: Status| {
        assert_eq!(refused.code(), GrpcCode::InvalidArgument, "{refused:?}");
        error_parts(&refused).2
    };
    let bad = v1::CreateCouponRequest {
        request_id: String::new(),
        name: "x".repeat(41),
        duration: Some(v1::CouponDuration { duration: Some(Duration::Months(0)) }),
        max_redemptions: -1,
        ..percent("100.001")
    };
    let refused = server.catalog().create_coupon(bad).await.unwrap_err();
    assert_eq!(fields(refused), ["request_id", "name", "percent_off", "duration.months", "max_redemptions"]);
    let nothing = v1::CreateCouponRequest { discount: None, duration: None, ..percent("1") };
    assert_eq!(fields(server.catalog().create_coupon(nothing).await.unwrap_err()), ["discount", "duration"]);
    let twice = amount(sek_amount(0), vec![sek_amount(5)]);
    assert_eq!(fields(server.catalog().create_coupon(twice).await.unwrap_err()), ["amount_off.amount.minor_units"]);
    let twice = amount(sek_amount(1), vec![sek_amount(5)]);
    let refused = server.catalog().create_coupon(twice).await.unwrap_err();
    assert_eq!(fields(refused), ["amount_off.currency_options[0].currency_code"]);
    let over = v1::CreateCouponRequest { redeem_by_time: past, ..percent("1") };
    assert_eq!(fields(server.catalog().create_coupon(over).await.unwrap_err()), ["redeem_by_time"]);

    let soon = Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 });
    let limits = v1::CreateCouponRequest { max_redemptions: 2, redeem_by_time: soon, ..percent("1") };
    let coupon = coupon(&server, limits).await;
    let bad = v1::CreatePromotionCodeRequest {
        max_redemptions: -2,
        minimum_amount_options: vec![sek_amount(5)],
        ..code_of(&coupon, "å")
    };
    let refused = promotion_code(&server, bad).await.unwrap_err();
    assert_eq!(fields(refused), ["code", "max_redemptions", "minimum_amount"]);
    let later = Some(prost_types::Timestamp { seconds: 4_000_000_001, nanos: 0 });
    for (expire_time, field) in [(past, "expire_time"), (later, "expire_time")] {
        let bad = v1::CreatePromotionCodeRequest { max_redemptions: 3, expire_time, ..code_of(&coupon, "A") };
        assert_eq!(fields(promotion_code(&server, bad).await.unwrap_err()), [field, "max_redemptions"]);
    }
    let unknown = v1::Coupon { id: "coup_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned(), ..coupon };
    assert_eq!(fields(promotion_code(&server, code_of(&unknown, "A")).await.unwrap_err()), ["coupon_id"]);
    assert_eq!(server.executed("POST /v1/promotion_codes").await, 0, "nothing left the service");
}

async fn a_code_that_is_taken_is_refused_by_name(db: Db) {
    let server = Server::start(db).await;
    let coupon = coupon(&server, percent("10")).await;
    let first = promotion_code(&server, code_of(&coupon, "SUMMER")).await.unwrap();
    let refused = promotion_code(&server, code_of(&coupon, "summer")).await.unwrap_err();
    assert_eq!(error_parts(&refused), (GrpcCode::AlreadyExists, "PROMOTION_CODE_TAKEN".to_owned(), vec![]));
    assert_eq!(server.executed("POST /v1/promotion_codes").await, 1);
    // One that another program made only the provider knows.
    set_active(&server, &first, false).await;
    let http = crate::harness::http();
    let made = http.post(format!("{}/v1/promotion_codes/{}", server.sandbox, first.provider_ref));
    let made = made.bearer_auth("sk_test_paylinks_sandbox").form(&[("active", "true")]).send();
    server.control("webhooks/policy", json!({"lose": true})).await;
    assert_eq!(made.await.unwrap().status().as_u16(), 200);
    let refused = promotion_code(&server, code_of(&coupon, "summer")).await.unwrap_err();
    let (code, reason, fields) = error_parts(&refused);
    assert_eq!((code, reason.as_str()), (GrpcCode::FailedPrecondition, "PROVIDER_REJECTED"));
    assert_eq!(fields, ["code"]);
    let failed = v1::ListPromotionCodesRequest { state: v1::PromotionCodeState::Failed as i32, ..Default::default() };
    let failed = server.catalog().list_promotion_codes(failed).await.unwrap().into_inner().promotion_codes;
    assert_eq!((failed.len(), failed[0].failure_code.as_str()), (1, "resource_already_exists"));
    let request = v1::UpdatePromotionCodeRequest {
        request_id: unique("update"),
        promotion_code: Some(v1::PromotionCode { id: failed[0].id.clone(), active: true, ..Default::default() }),
        update_mask: mask(&["active"]),
    };
    let refused = server.catalog().update_promotion_code(request).await.unwrap_err();
    assert_eq!(error_parts(&refused).1, "PROMOTION_CODE_STATE");
    // One that nobody chose is hard to guess, and never the same twice.
    let drawn =
        [promotion_code(&server, code_of(&coupon, "")).await, promotion_code(&server, code_of(&coupon, "")).await];
    let drawn = drawn.map(|code| Code::parse(&code.unwrap().code).unwrap());
    assert_ne!(drawn[0], drawn[1]);
}

async fn a_code_that_is_put_away_at_the_provider_is_put_away_here(db: Db) {
    let server = Server::start(db).await;
    let coupon = coupon(&server, percent("10")).await;
    let code = promotion_code(&server, code_of(&coupon, "SUMMER")).await.unwrap();
    at_provider(&server, &format!("/v1/promotion_codes/{}", code.provider_ref), &[("active", "false")]).await;
    let read = v1::GetPromotionCodeRequest { id: code.id.clone() };
    let away = eventually(async || {
        let found = server.catalog().get_promotion_code(read.clone()).await.unwrap().into_inner().promotion_code;
        found.filter(|code| !code.active)
    })
    .await;
    assert_eq!(away.state(), v1::PromotionCodeState::Inactive);
}

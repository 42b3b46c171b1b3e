//! Coupons and promotion codes on Stripe's wire.

use domain::catalog::{Coupon, CouponDiscount, CouponDuration, PromotionCode, PromotionCodeSnapshot};
use domain::id::PromotionCodeId;
use domain::ports::provider::ProviderError;
use domain::provider::ProviderRef;
use serde_json::Value;

use crate::amounts;
use crate::client::{Client, Params};
use crate::params::push;

/// The metadata key under which a promotion code carries our id.
const PROMOTION_CODE_KEY: &str = "paylinks_promotion_code";
/// Stripe's code for what is there already.
const EXISTS: &str = "resource_already_exists";

/// Makes a promotion code. Its coupon is made under our own id, once, however many codes name it and however often.
pub(crate) async fn create(
    client: &Client,
    key: &str,
    code: &PromotionCode,
    coupon: &Coupon,
) -> Result<PromotionCodeSnapshot, ProviderError> {
    match client.post("/v1/coupons", coupon_params(coupon)?, &format!("{key}-coupon")).await {
        Ok(_) => {}
        Err(ProviderError::Rejected { code, .. }) if code == EXISTS => {}
        // What is wrong with a coupon is told when its first code is made.
        Err(ProviderError::Rejected { code, .. }) => {
            return Err(ProviderError::Rejected { field: Some("coupon_id".to_owned()), code });
        }
        Err(error) => return Err(error),
    }
    let made = client.post("/v1/promotion_codes", code_params(code)?, key).await?;
    // It was done, as the status said; what it is must be looked up.
    snapshot(&made).ok_or(ProviderError::OutcomeUnknown)
}

fn coupon_params(coupon: &Coupon) -> Result<Params, ProviderError> {
    let mut params = Params::new();
    push(&mut params, "id", coupon.id);
    if let Some(name) = &coupon.terms.name {
        push(&mut params, "name", name);
    }
    match &coupon.terms.discount {
        CouponDiscount::Percent(percent) => push(&mut params, "percent_off", percent.percent()),
        CouponDiscount::Amount(off) => {
            push(&mut params, "amount_off", amounts::part(off.amount(), "coupon_id")?);
            push(&mut params, "currency", amounts::code(off.amount().currency()));
            for amount in off.options() {
                let name = format!("currency_options[{}][amount_off]", amounts::code(amount.currency()));
                push(&mut params, &name, amounts::part(amount, "coupon_id")?);
            }
        }
    }
    match coupon.terms.duration {
        CouponDuration::Once => push(&mut params, "duration", "once"),
        CouponDuration::Forever => push(&mut params, "duration", "forever"),
        CouponDuration::Repeating(months) => {
            push(&mut params, "duration", "repeating");
            push(&mut params, "duration_in_months", months.get());
        }
    }
    if let Some(max) = coupon.terms.max_redemptions {
        push(&mut params, "max_redemptions", max.get());
    }
    if let Some(end) = coupon.terms.redeem_by {
        push(&mut params, "redeem_by", end.unix_seconds());
    }
    Ok(params)
}

fn code_params(code: &PromotionCode) -> Result<Params, ProviderError> {
    let terms = &code.terms;
    let mut params = Params::new();
    push(&mut params, "promotion[type]", "coupon");
    push(&mut params, "promotion[coupon]", terms.coupon_id);
    push(&mut params, "code", terms.code.as_str());
    if let Some(max) = terms.max_redemptions {
        push(&mut params, "max_redemptions", max.get());
    }
    if let Some(end) = terms.expires_at {
        push(&mut params, "expires_at", end.unix_seconds());
    }
    if terms.first_time_only {
        push(&mut params, "restrictions[first_time_transaction]", true);
    }
    if let Some(minimum) = &terms.minimum {
        let least = minimum.amount();
        push(&mut params, "restrictions[minimum_amount]", amounts::part(least, "minimum_amount")?);
        push(&mut params, "restrictions[minimum_amount_currency]", amounts::code(least.currency()));
        for amount in minimum.options() {
            let name = format!("restrictions[currency_options][{}][minimum_amount]", amounts::code(amount.currency()));
            push(&mut params, &name, amounts::part(amount, "minimum_amount_options")?);
        }
    }
    // The caller's own pairs are not needed there: what they are read from is kept here.
    push(&mut params, &format!("metadata[{PROMOTION_CODE_KEY}]"), code.id);
    Ok(params)
}

/// A promotion code as it stands; `None` if it is not one of ours.
pub(crate) fn snapshot(code: &Value) -> Option<PromotionCodeSnapshot> {
    Some(PromotionCodeSnapshot {
        provider_ref: ProviderRef(code["id"].as_str()?.to_owned()),
        promotion_code_id: PromotionCodeId::parse(code["metadata"][PROMOTION_CODE_KEY].as_str()?).ok()?,
        active: code["active"].as_bool()?,
    })
}

#[cfg(test)]
mod tests {
    use domain::catalog::{
        Code, CurrencyAmounts, DurationMonths, NewCoupon, NewPromotionCode, PercentOff, PromotionCodeState, Redemptions,
    };
    use domain::id::CouponId;
    use domain::metadata::Metadata;
    use domain::money::{Currency, Money};
    use domain::seller::SellerId;
    use domain::text::CouponName;
    use domain::timestamp::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn coupon(discount: CouponDiscount, duration: CouponDuration) -> Coupon {
        let terms = NewCoupon {
            name: Some(CouponName::parse("Autumn").unwrap()),
            discount,
            duration,
            max_redemptions: Some(Redemptions::parse(10).unwrap()),
            redeem_by: Some(Timestamp::from_unix_seconds(2_000_000_000)),
            metadata: Metadata::default(),
        };
        let id = CouponId::from_uuid(Uuid::from_u128(7));
        Coupon::new(id, SellerId::parse("north").unwrap(), terms, Timestamp::from_unix_seconds(0))
    }

    fn encoded(params: &Params) -> Vec<String> {
        params.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn a_coupon_says_everything_in_stripes_words() {
        let percent = CouponDiscount::Percent(PercentOff::parse("12.5".parse().unwrap()).unwrap());
        let repeating = CouponDuration::Repeating(DurationMonths::parse(3).unwrap());
        assert_eq!(
            encoded(&coupon_params(&coupon(percent, repeating)).unwrap()),
            [
                "id=coup_00000000000000000000000000000007",
                "name=Autumn",
                "percent_off=12.5",
                "duration=repeating",
                "duration_in_months=3",
                "max_redemptions=10",
                "redeem_by=2000000000",
            ]
        );
        let (sek, isk) = (Currency::parse("SEK").unwrap(), Currency::parse("ISK").unwrap());
        // Stripe counts the króna in hundredths, ISO 4217 does not.
        let off = CurrencyAmounts::parse(Money::new(500, sek), "options", &[Money::new(50, isk)]).unwrap();
        let encoded = encoded(&coupon_params(&coupon(CouponDiscount::Amount(off), CouponDuration::Once)).unwrap());
        for expected in ["amount_off=500", "currency=sek", "currency_options[isk][amount_off]=5000", "duration=once"] {
            assert!(encoded.iter().any(|encoded| encoded == expected), "{expected}: {encoded:?}");
        }
    }

    #[test]
    fn a_promotion_code_says_its_limits_and_is_known_again() {
        let sek = Currency::parse("SEK").unwrap();
        let terms = NewPromotionCode {
            coupon_id: CouponId::from_uuid(Uuid::from_u128(7)),
            code: Code::parse("FALL20").unwrap(),
            max_redemptions: Some(Redemptions::parse(5).unwrap()),
            expires_at: Some(Timestamp::from_unix_seconds(2_000_000_000)),
            first_time_only: true,
            minimum: Some(CurrencyAmounts::parse(Money::new(10_000, sek), "options", &[]).unwrap()),
            metadata: Metadata::default(),
        };
        let id = PromotionCodeId::from_uuid(Uuid::from_u128(8));
        let at = ("stripe".parse().unwrap(), false);
        let now = Timestamp::from_unix_seconds(0);
        let mut code = PromotionCode::creating(id, SellerId::parse("north").unwrap(), terms, at, now);
        assert_eq!(
            encoded(&code_params(&code).unwrap()),
            [
                "promotion[type]=coupon",
                "promotion[coupon]=coup_00000000000000000000000000000007",
                "code=FALL20",
                "max_redemptions=5",
                "expires_at=2000000000",
                "restrictions[first_time_transaction]=true",
                "restrictions[minimum_amount]=10000",
                "restrictions[minimum_amount_currency]=sek",
                "metadata[paylinks_promotion_code]=promo_00000000000000000000000000000008",
            ]
        );
        let made = json!({"id": "promo_1", "active": true, "metadata": {"paylinks_promotion_code": id.to_string()}});
        assert!(code.created(&snapshot(&made).unwrap(), now));
        assert_eq!(code.state, PromotionCodeState::Active);
        assert_eq!(snapshot(&json!({"id": "promo_2", "active": true, "metadata": {}})), None);
    }
}

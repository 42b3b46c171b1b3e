//! Coupons and promotion codes, from proto messages and to them.

use api_proto::v1;
use domain::catalog::{
    Coupon, CouponDiscount, CouponDuration, CurrencyAmounts, DurationMonths, PercentOff, PromotionCode,
    PromotionCodeState, Redemptions,
};
use domain::discount::Discount;
use domain::invoice::InvoiceContent;
use domain::money::{Currency, Money};
use domain::validation::{Invalid, Validator};

use super::input::{currency_amounts, decimal, required_amount};
use super::output::{money, pairs, text, timestamp};

/// An amount of a discount with what it is in other currencies, which are below `options_field`.
pub(crate) fn discount_amounts(
    v: &mut Validator,
    own: (&str, Option<&v1::Money>),
    options: (&str, &[v1::Money]),
) -> Option<CurrencyAmounts> {
    currency_amounts(v, own, options, |minor, currency| CurrencyAmounts::expect_amount(Money::new(minor, currency)))
}

/// What a coupon takes off.
pub(crate) fn discount(
    v: &mut Validator,
    discount: Option<&v1::create_coupon_request::Discount>,
) -> Option<CouponDiscount> {
    use v1::create_coupon_request::Discount;
    match discount {
        None => {
            v.refuse("discount", Invalid::new("REQUIRED", "must be percent_off or amount_off"));
            None
        }
        Some(Discount::PercentOff(percent)) => {
            v.check("percent_off", decimal(percent).and_then(PercentOff::parse)).map(CouponDiscount::Percent)
        }
        Some(Discount::AmountOff(off)) => v.within("amount_off", |v| {
            let options = ("currency_options", off.currency_options.as_slice());
            discount_amounts(v, ("amount", off.amount.as_ref()), options).map(CouponDiscount::Amount)
        }),
    }
}

/// What is taken off of an invoice or of a line of it; `Some(None)` for nothing.
pub(crate) fn invoice_discount(
    v: &mut Validator,
    field: &str,
    discount: Option<&v1::InvoiceDiscount>,
    currency: Option<Currency>,
) -> Option<Option<Discount>> {
    use v1::invoice_discount::Discount as Said;
    let Some(discount) = discount else { return Some(None) };
    let missing = Invalid::new("REQUIRED", "must be percent_off or amount_off");
    let parsed = match v.check(field, discount.discount.as_ref().ok_or(missing))? {
        Said::PercentOff(percent) => {
            let percent = decimal(percent).and_then(PercentOff::parse);
            v.check(&format!("{field}.percent_off"), percent).map(Discount::Percent)
        }
        Said::AmountOff(amount) => {
            required_amount(v, &format!("{field}.amount_off"), Some(amount)).map(Discount::Amount)
        }
    };
    if let Some(currency) = currency {
        let fits = InvoiceContent::check_discount_currency(parsed, currency);
        v.check(&format!("{field}.amount_off.currency_code"), fits);
    }
    parsed.map(Some)
}

pub(super) fn told_invoice_discount(discount: Discount) -> v1::InvoiceDiscount {
    use v1::invoice_discount::Discount as Told;
    let told = match discount {
        Discount::Percent(percent) => Told::PercentOff(percent.percent().to_string()),
        Discount::Amount(amount) => Told::AmountOff(money(amount)),
    };
    v1::InvoiceDiscount { discount: Some(told) }
}

/// Which payments a coupon is taken off.
pub(crate) fn duration(v: &mut Validator, duration: Option<&v1::CouponDuration>) -> Option<CouponDuration> {
    use v1::coupon_duration::Duration;
    match duration.and_then(|duration| duration.duration.as_ref()) {
        None => {
            v.refuse("duration", Invalid::new("REQUIRED", "must be once, months or forever"));
            None
        }
        Some(Duration::Once(_)) => Some(CouponDuration::Once),
        Some(Duration::Forever(_)) => Some(CouponDuration::Forever),
        Some(Duration::Months(months)) => {
            v.check("duration.months", DurationMonths::parse((*months).into())).map(CouponDuration::Repeating)
        }
    }
}

/// How often something can be redeemed; 0 for without end.
pub(crate) fn max_redemptions(v: &mut Validator, max: i32) -> Option<Option<Redemptions>> {
    if max == 0 { Some(None) } else { v.check("max_redemptions", Redemptions::parse(max.into())).map(Some) }
}

/// The name of the state that a list is asked for.
pub(crate) fn state_name(state: v1::PromotionCodeState) -> Option<&'static str> {
    match state {
        v1::PromotionCodeState::Unspecified => None,
        v1::PromotionCodeState::Creating => Some(PromotionCodeState::Creating.name()),
        v1::PromotionCodeState::Active => Some(PromotionCodeState::Active.name()),
        v1::PromotionCodeState::Inactive => Some(PromotionCodeState::Inactive.name()),
        v1::PromotionCodeState::Failed => Some(PromotionCodeState::Failed { reason: String::new() }.name()),
    }
}

/// At most 2,147,483,647, see [`Redemptions::MAX`].
fn told_redemptions(max: Option<Redemptions>) -> i32 {
    max.map_or(0, |max| i32::try_from(max.get()).unwrap_or(i32::MAX))
}

pub(crate) fn coupon(coupon: &Coupon) -> v1::Coupon {
    use v1::coupon::Discount;
    use v1::coupon_duration::{Duration, Forever, Once};
    let terms = &coupon.terms;
    let discount = match &terms.discount {
        CouponDiscount::Percent(percent) => Discount::PercentOff(percent.percent().to_string()),
        CouponDiscount::Amount(off) => Discount::AmountOff(v1::AmountOff {
            amount: Some(money(off.amount())),
            currency_options: off.options().map(money).collect(),
        }),
    };
    let duration = match terms.duration {
        CouponDuration::Once => Duration::Once(Once {}),
        CouponDuration::Forever => Duration::Forever(Forever {}),
        CouponDuration::Repeating(months) => Duration::Months(months.get().into()),
    };
    v1::Coupon {
        id: coupon.id.to_string(),
        seller_id: coupon.seller_id.to_string(),
        name: text(terms.name.as_ref()),
        discount: Some(discount),
        duration: Some(v1::CouponDuration { duration: Some(duration) }),
        max_redemptions: told_redemptions(terms.max_redemptions),
        redeem_by_time: terms.redeem_by.map(timestamp),
        active: coupon.active,
        metadata: pairs(&terms.metadata),
        etag: coupon.etag(),
        create_time: Some(timestamp(coupon.created_at)),
        update_time: Some(timestamp(coupon.updated_at)),
    }
}

pub(crate) fn promotion_code(code: &PromotionCode) -> v1::PromotionCode {
    let terms = &code.terms;
    let (state, failure_code) = match &code.state {
        PromotionCodeState::Creating => (v1::PromotionCodeState::Creating, ""),
        PromotionCodeState::Active => (v1::PromotionCodeState::Active, ""),
        PromotionCodeState::Inactive => (v1::PromotionCodeState::Inactive, ""),
        PromotionCodeState::Failed { reason } => (v1::PromotionCodeState::Failed, reason.as_str()),
    };
    v1::PromotionCode {
        id: code.id.to_string(),
        seller_id: code.seller_id.to_string(),
        coupon_id: terms.coupon_id.to_string(),
        code: terms.code.as_str().to_owned(),
        state: state as i32,
        failure_code: failure_code.to_owned(),
        active: code.state == PromotionCodeState::Active,
        max_redemptions: told_redemptions(terms.max_redemptions),
        expire_time: terms.expires_at.map(timestamp),
        first_time_only: terms.first_time_only,
        minimum_amount: terms.minimum.as_ref().map(|minimum| money(minimum.amount())),
        minimum_amount_options: terms.minimum.iter().flat_map(CurrencyAmounts::options).map(money).collect(),
        provider: code.provider.to_string(),
        provider_ref: text(code.provider_ref.as_ref()),
        metadata: pairs(&terms.metadata),
        livemode: code.livemode,
        etag: code.etag(),
        create_time: Some(timestamp(code.created_at)),
        update_time: Some(timestamp(code.updated_at)),
    }
}

//! Subscriptions, to proto messages.

use api_proto::v1;
use domain::subscription::{CancellationTime, Subscription, SubscriptionItem, SubscriptionState};
use domain::validation::{Invalid, Validator};

use super::input::known;
use super::output::{money, pairs, text, timestamp};
use super::price_model::told_recurrence;

/// The state that a list is asked for.
pub(crate) fn asked_state(state: v1::SubscriptionState) -> Option<SubscriptionState> {
    match state {
        v1::SubscriptionState::Unspecified => None,
        v1::SubscriptionState::Incomplete => Some(SubscriptionState::Incomplete),
        v1::SubscriptionState::IncompleteExpired => Some(SubscriptionState::IncompleteExpired),
        v1::SubscriptionState::Trialing => Some(SubscriptionState::Trialing),
        v1::SubscriptionState::Active => Some(SubscriptionState::Active),
        v1::SubscriptionState::PastDue => Some(SubscriptionState::PastDue),
        v1::SubscriptionState::Unpaid => Some(SubscriptionState::Unpaid),
        v1::SubscriptionState::Paused => Some(SubscriptionState::Paused),
        v1::SubscriptionState::Canceled => Some(SubscriptionState::Canceled),
    }
}

/// When a subscription is to end, which must be said.
pub(crate) fn cancellation_time(v: &mut Validator, number: i32) -> Option<CancellationTime> {
    match known::<v1::CancellationTime>(v, "at", number)? {
        v1::CancellationTime::Now => Some(CancellationTime::Now),
        v1::CancellationTime::PeriodEnd => Some(CancellationTime::PeriodEnd),
        v1::CancellationTime::Unspecified => {
            v.refuse("at", Invalid::required());
            None
        }
    }
}

pub(crate) fn subscription(subscription: &Subscription) -> v1::Subscription {
    let terms = &subscription.terms;
    let (state, unknown_state) = match &terms.state {
        SubscriptionState::Incomplete => (v1::SubscriptionState::Incomplete, ""),
        SubscriptionState::IncompleteExpired => (v1::SubscriptionState::IncompleteExpired, ""),
        SubscriptionState::Trialing => (v1::SubscriptionState::Trialing, ""),
        SubscriptionState::Active => (v1::SubscriptionState::Active, ""),
        SubscriptionState::PastDue => (v1::SubscriptionState::PastDue, ""),
        SubscriptionState::Unpaid => (v1::SubscriptionState::Unpaid, ""),
        SubscriptionState::Paused => (v1::SubscriptionState::Paused, ""),
        SubscriptionState::Canceled => (v1::SubscriptionState::Canceled, ""),
        SubscriptionState::Unknown(name) => (v1::SubscriptionState::Unspecified, name.as_str()),
    };
    let item = |item: &SubscriptionItem| v1::SubscriptionItem {
        name: item.name.as_str().to_owned(),
        price_id: text(item.price_id.as_ref()),
        quantity: item.quantity.into(),
        unit_amount: item.unit_amount.map(money),
        recurrence: Some(told_recurrence(item.recurrence)),
    };
    v1::Subscription {
        id: subscription.id.to_string(),
        seller_id: subscription.seller_id.to_string(),
        payment_link_id: subscription.payment_link_id.to_string(),
        checkout_session_id: text(subscription.checkout_session_id.as_ref()),
        state: state as i32,
        unknown_state: unknown_state.to_owned(),
        currency_code: terms.currency.code().to_owned(),
        items: terms.items.iter().map(item).collect(),
        start_time: Some(timestamp(terms.started_at)),
        current_period_start_time: Some(timestamp(terms.period_start)),
        current_period_end_time: Some(timestamp(terms.period_end)),
        trial_end_time: terms.trial_end.map(timestamp),
        cancel_at_time: terms.cancel_at.map(timestamp),
        cancel_time: terms.canceled_at.map(timestamp),
        end_time: terms.ended_at.map(timestamp),
        provider: subscription.provider.to_string(),
        provider_ref: subscription.provider_ref.to_string(),
        metadata: pairs(&subscription.metadata),
        livemode: subscription.livemode,
        create_time: Some(timestamp(subscription.created_at)),
        update_time: Some(timestamp(subscription.updated_at)),
    }
}

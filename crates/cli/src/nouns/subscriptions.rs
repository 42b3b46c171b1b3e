//! Subscriptions.

use super::{Noun, Verb};

pub(super) const NOUNS: &[Noun] = &[Noun {
    name: "subscription",
    about: "Subscriptions: what customers pay for again and again",
    columns: &[
        ("ID", "id"),
        ("STATE", "state"),
        ("CURRENCY", "currency_code"),
        ("LINK", "payment_link_id"),
        ("PERIOD ENDS", "current_period_end_time"),
        ("CANCELS", "cancel_at_time"),
        ("CREATED", "create_time"),
    ],
    verbs: &[
        Verb::new("get", "SubscriptionService.GetSubscription").by_id(),
        Verb::new("list", "SubscriptionService.ListSubscriptions"),
        Verb::new("cancel", "SubscriptionService.CancelSubscription").by_id(),
    ],
}];

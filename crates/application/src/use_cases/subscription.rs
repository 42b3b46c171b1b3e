//! Subscriptions: their reads, and their end.

use domain::id::SubscriptionId;
use domain::ports::storage::SubscriptionFilter;
use domain::provider::ProviderAction;
use domain::subscription::{CancellationTime, Subscription};
use serde::Serialize;

use super::reads;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::mutation::Mutation;

reads!("subscription", Subscription, SubscriptionId, get_subscription, list_subscriptions(SubscriptionFilter));

/// What a caller says of a cancellation.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CancelSubscription {
    /// The subscription.
    pub id: SubscriptionId,
    /// When it is to end.
    pub at: CancellationTime,
}

impl App {
    /// Ends a subscription at the provider, now or when its present period ends.
    ///
    /// # Errors
    /// There is none, it has ended, or the provider refuses or can't be reached; the request id was used otherwise.
    pub async fn cancel_subscription(&self, mutation: Mutation<CancelSubscription>) -> Result<Subscription, Error> {
        self.mutate("CancelSubscription", mutation, |app, uow, m| {
            Box::pin(async move {
                let CancelSubscription { id, at } = m.command;
                let found = uow.lock_subscription(id).await?;
                let found = found.filter(|subscription| m.caller.sellers.contains(&subscription.seller_id));
                let subscription = found.ok_or_else(|| Error::not_found("subscription", id))?;
                subscription
                    .expect_running()
                    .map_err(|refused| Error::precondition(Reason::SubscriptionState, refused))?;
                let action = ProviderAction::CancelSubscription { subscription_id: id, at };
                app.call(uow, m, &subscription.provider, action).await
            })
        })
        .await
    }
}

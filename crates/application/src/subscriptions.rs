//! Subscriptions at the provider: begun by a checkout, moved and renewed there, and brought into our books.
//!
//! A subscription becomes known by the session that began it or by a notification of its own, whichever is first. What
//! tells of it is a look at how it stands now. Looks may end in another order than they began: each that brings something
//! new writes the subscription, so one that began before finds another version, and is repeated.

use domain::event::{EventKind, EventSubject};
use domain::id::{CheckoutSessionId, SubscriptionId};
use domain::payment::Payment;
use domain::payment_link::PaymentLink;
use domain::ports::storage::UnitOfWork;
use domain::provider::ProviderName;
use domain::subscription::{RenewalPayment, Subscription, SubscriptionSnapshot};

use crate::app::App;
use crate::error::Error;
use crate::inbox::unaccountable;
use crate::settlement::compare;

impl App {
    /// Brings a subscription into the books as a look at the provider told it; `version` is the stored one from before the
    /// look, if it was known. `false` if the look is outdated and must be repeated.
    pub(crate) async fn settle_subscription(
        &self,
        uow: &mut dyn UnitOfWork,
        provider: &ProviderName,
        version: Option<i64>,
        snapshot: &SubscriptionSnapshot,
    ) -> Result<bool, Error> {
        let Some(known) = uow.load_subscription_by_ref(provider, &snapshot.provider_ref).await? else {
            let link = uow.load_payment_link(snapshot.payment_link_id).await?;
            let Some(link) = link else {
                if snapshot.terms.state.has_ended() {
                    return Ok(true);
                }
                // Its link was made here and is here no more; it goes on taking money.
                let (begun, lost) = (&snapshot.provider_ref, snapshot.payment_link_id);
                return Err(unaccountable(format!("{begun} was begun by {lost}, which is not known here")));
            };
            if &link.provider != provider {
                return Ok(true);
            }
            // Where another transaction was faster, its look may be older than this one.
            return self.begin_subscription(uow, &link, None, snapshot).await;
        };
        let Some(mut subscription) = uow.lock_subscription(known.id).await? else { return Ok(true) };
        let stored = subscription.version;
        let had_ended = subscription.terms.state.has_ended();
        if !subscription.observe(&snapshot.terms, self.now()) {
            return Ok(true);
        }
        if version != Some(stored) {
            return Ok(false);
        }
        self.store_subscription(uow, &mut subscription, had_ended).await?;
        Ok(true)
    }

    /// Notes that a checkout began a subscription.
    pub(crate) async fn subscription_begun(
        &self,
        uow: &mut dyn UnitOfWork,
        link: &PaymentLink,
        session: CheckoutSessionId,
        snapshot: &SubscriptionSnapshot,
    ) -> Result<(), Error> {
        if self.begin_subscription(uow, link, Some(session), snapshot).await? {
            return Ok(());
        }
        // Its own notification was faster. What that told stays: it may be newer.
        let known = uow.load_subscription_by_ref(&link.provider, &snapshot.provider_ref).await?;
        let Some(known) = known else { return Ok(()) };
        let Some(mut subscription) = uow.lock_subscription(known.id).await? else { return Ok(()) };
        if subscription.came_about_in(session, self.now()) {
            let had_ended = subscription.terms.state.has_ended();
            self.store_subscription(uow, &mut subscription, had_ended).await?;
        }
        Ok(())
    }

    /// Adds a subscription unless it is known. Says whether it was added.
    async fn begin_subscription(
        &self,
        uow: &mut dyn UnitOfWork,
        link: &PaymentLink,
        session: Option<CheckoutSessionId>,
        snapshot: &SubscriptionSnapshot,
    ) -> Result<bool, Error> {
        let now = self.now();
        let mut subscription = Subscription::begun(self.new_subscription_id(), link, snapshot, now);
        if let Some(session) = session {
            subscription.came_about_in(session, now);
        }
        if !uow.insert_subscription(&mut subscription).await? {
            return Ok(false);
        }
        let ended = subscription.terms.state.has_ended().then_some(EventKind::SubscriptionEnded);
        for kind in [EventKind::SubscriptionCreated].into_iter().chain(ended) {
            self.record(uow, kind, EventSubject::Subscription(Box::new(subscription.clone()))).await?;
        }
        Ok(true)
    }

    /// Records the payment of a period after the first, once.
    pub(crate) async fn settle_renewal(
        &self,
        uow: &mut dyn UnitOfWork,
        id: SubscriptionId,
        paid: &RenewalPayment,
    ) -> Result<(), Error> {
        // The lock makes two notifications of one payment follow each other.
        let Some(subscription) = uow.lock_subscription(id).await? else { return Ok(()) };
        if uow.load_payment_by_ref(&subscription.provider, &paid.payment_ref).await?.is_some() {
            return Ok(());
        }
        let flags = compare(paid.received, paid.total);
        let mut payment = Payment::renewal(self.new_payment_id(), &subscription, paid, flags, self.now());
        uow.insert_payment(&mut payment).await?;
        self.record(uow, EventKind::PaymentSucceeded, EventSubject::Payment(Box::new(payment))).await
    }

    /// Records how a subscription stood when the provider had ended it, or noted that it will; with the stored version from
    /// before the call.
    pub(crate) async fn conclude_cancellation(
        &self,
        uow: &mut dyn UnitOfWork,
        id: SubscriptionId,
        told: Option<(i64, &SubscriptionSnapshot)>,
    ) -> Result<Subscription, Error> {
        let found = uow.lock_subscription(id).await?;
        let mut subscription = found.ok_or_else(|| Error::internal("the subscription of an intent is gone"))?;
        let had_ended = subscription.terms.state.has_ended();
        // A look that came into the books meanwhile may be newer than this answer. Where it is not, the notification of
        // our own call is still to come.
        if let Some((version, snapshot)) = told
            && version == subscription.version
            && subscription.observe(&snapshot.terms, self.now())
        {
            self.store_subscription(uow, &mut subscription, had_ended).await?;
        }
        Ok(subscription)
    }

    async fn store_subscription(
        &self,
        uow: &mut dyn UnitOfWork,
        subscription: &mut Subscription,
        had_ended: bool,
    ) -> Result<(), Error> {
        uow.update_subscription(subscription).await?;
        let ends = subscription.terms.state.has_ended() && !had_ended;
        let kind = if ends { EventKind::SubscriptionEnded } else { EventKind::SubscriptionUpdated };
        self.record(uow, kind, EventSubject::Subscription(Box::new(subscription.clone()))).await
    }
}

#[cfg(test)]
mod tests;

//! Refunds and disputes: what they are at the provider, brought into our books.
//!
//! It takes them as they stand now, or as facts that the provider told of some time, and counts each at its payment in the
//! same transaction. All of it happens under the payment's lock, which comes before the rows of its refunds and disputes, as
//! the last in the order of [`settlement`](crate::settlement).

mod failed_captures;

use std::time::Duration;

use domain::dispute::{Dispute, DisputeSnapshot};
use domain::event::{EventKind, EventSubject};
use domain::id::{PaymentId, RefundId};
use domain::money::Money;
use domain::page::PageRequest;
use domain::payment::{Payment, PaymentFlag};
use domain::ports::provider::{PaymentProvider, ProviderError};
use domain::ports::storage::{RefundFilter, UnitOfWork};
use domain::provider::{Feature, Intent, ProviderAction, ProviderName, ProviderRef};
use domain::refund::{Refund, RefundSnapshot, RefundState};
use domain::timestamp::Timestamp;

use crate::app::App;
use crate::error::{Error, RETRY_AFTER, Reason};
use crate::inbox::unaccountable;
use crate::provider_calls::{Lookup, unknown_still};

/// For how long a refund whose outcome is unknown is asked for again under its key, which can't pay back twice.
const SENT_AGAIN_FOR: Duration = Duration::from_secs(60);
/// How long its outcome has been unknown before a new provider key is tried, where the refund is not to be seen among those of
/// the payment. Nothing is sent for the last five minutes of that, the tries of a call counted: far longer than a request lives
/// on its way, and than a provider works on one. A request under the old key is over by then, and what it did is seen.
const KEY_PATIENCE: Duration = Duration::from_secs(7 * 60);

/// How long what is told of a refund without our id waits for the answers to refunds that were asked for. After that it is taken
/// for one of them: a key may repeat a failure although the refund was made.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Among how many calls of unknown outcome those of the payment's refunds are looked for.
const UNKNOWN_MAX: u32 = 1_000;

/// What is known of a payment when the provider is asked about its refunds or disputes.
///
/// Looks may end in another order than they began. Each that brings something new writes the payment, so one that began
/// before finds another version, and is repeated unless it says what is in the books already. So the books follow the
/// provider, however notifications are doubled or overtake one another, and whatever the clocks of replicas say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) payment_id: PaymentId,
    pub(crate) payment_version: i64,
}

impl App {
    /// Has the provider make a refund, unless it is made already: then there is nothing to tell.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn request_refund(
        &self,
        provider: &dyn PaymentProvider,
        intent: &mut Intent,
        id: RefundId,
        Lookup { must_look, key_is_old }: Lookup,
    ) -> Result<Result<Option<RefundSnapshot>, ProviderError>, Error> {
        let Some(refund) = self.0.storage.load_refund(id).await? else { return Ok(Err(ProviderError::NotFound)) };
        if refund.state != RefundState::Creating {
            // Its notification was faster.
            return Ok(Ok(None));
        }
        let payment = self.0.storage.get_payment(&[refund.seller_id.clone()].into(), refund.payment_id).await?;
        let Some(payment_ref) = payment.and_then(|payment| payment.provider_ref.clone()) else {
            return Ok(Err(ProviderError::NotFound));
        };
        if must_look && !provider.capabilities().has(Feature::LookupByReference) {
            // The same key can't pay back twice as long as it protects. After that, a notification alone can tell; the refund
            // holds its money until one does.
            if key_is_old {
                return Ok(Err(ProviderError::OutcomeUnknown));
            }
        } else if must_look {
            match provider.fetch_refunds(&payment_ref).await {
                Ok(refunds) => {
                    if let Some(made) = refunds.into_iter().find(|snapshot| snapshot.refund_id == Some(id)) {
                        return Ok(Ok(Some(made)));
                    }
                    // A version that did not note it may have sent it just now.
                    if intent.unknown_since.is_none() {
                        intent.unknown_since = Some(self.now());
                    }
                    if self.until_another_key(intent).is_none() {
                        intent.key_generation += 1;
                        intent.unknown_since = None;
                    } else if self.unknown_for(intent) > SENT_AGAIN_FOR {
                        return Ok(Err(ProviderError::OutcomeUnknown));
                    }
                }
                Err(error) => return Ok(Err(unknown_still(error))),
            }
        }
        Ok(provider.create_refund(&intent.provider_key(), &refund, &payment_ref).await.map(Some))
    }

    /// How long it still takes until a refund of unknown outcome may be tried under another key; nothing where it may.
    pub(crate) fn until_another_key(&self, intent: &Intent) -> Option<Duration> {
        /// So that the next look does not come just before.
        const PAST: Duration = Duration::from_secs(1);
        let unknown_for = self.unknown_for(intent);
        (unknown_for <= KEY_PATIENCE).then(|| KEY_PATIENCE - unknown_for + PAST)
    }

    fn unknown_for(&self, intent: &Intent) -> Duration {
        intent.unknown_since.map_or(Duration::ZERO, |since| self.now().since(since))
    }

    /// Records what came of [`request_refund`](Self::request_refund): the refund as it is since. One that was refused is
    /// kept as failed under `refusal`, and what its payment held for it is given back.
    pub(crate) async fn conclude_refund(
        &self,
        uow: &mut dyn UnitOfWork,
        id: RefundId,
        outcome: Result<Option<&RefundSnapshot>, String>,
    ) -> Result<Refund, Error> {
        let gone = || Error::internal("the refund of an intent is gone");
        let payment_id = uow.load_refund(id).await?.ok_or_else(gone)?.payment_id;
        let mut payment = uow.lock_payment(payment_id).await?.ok_or_else(gone)?;
        let mut refund = uow.load_refund(id).await?.ok_or_else(gone)?;
        let before = refund.clone();
        let is_news = match outcome {
            Ok(Some(snapshot)) => refund.created(snapshot, self.now()),
            Ok(None) => false,
            Err(refusal) => refund.refused(refusal, self.now()),
        };
        if is_news {
            uow.update_refund(&mut refund).await?;
            self.refund_moved(uow, &mut payment, Some(&before), &refund).await?;
        }
        Ok(refund)
    }

    /// Brings refunds of a payment into the books, also those that someone made at the provider: all of them as a look there
    /// showed them, by [`Refund::observe`], or what was told of one, by [`Refund::observe_told`]. `false` if the look is
    /// outdated and must be repeated.
    pub(crate) async fn settle_refunds(
        &self,
        uow: &mut dyn UnitOfWork,
        look: &Look,
        snapshots: &[RefundSnapshot],
        observe: fn(&mut Refund, &RefundSnapshot, Timestamp) -> bool,
    ) -> Result<bool, Error> {
        let Some(mut payment) = uow.lock_payment(look.payment_id).await? else { return Ok(true) };
        let is_outdated = payment.version != look.payment_version;
        for snapshot in snapshots {
            let now = self.now();
            let before = known_refund(uow, &payment, snapshot).await?;
            let mut refund = match &before {
                Some(known) => known.clone(),
                None => Refund::made_at_provider(self.new_refund_id(), &payment, snapshot, now),
            };
            if before.is_some() && !observe(&mut refund, snapshot, now) {
                continue;
            }
            if is_outdated {
                return Ok(false);
            }
            if before.is_some() {
                uow.update_refund(&mut refund).await?;
            } else if !uow.insert_refund(&mut refund).await? {
                return Err(unaccountable(format!("{} is a refund of another payment here", snapshot.provider_ref)));
            }
            self.refund_moved(uow, &mut payment, before.as_ref(), &refund).await?;
        }
        Ok(true)
    }

    /// What is told of a refund, with our id of it where it may be one that we asked for and whose answer is lost. While the
    /// answer may still come, it tells which one it is, and what is told waits for it; otherwise it would be counted twice.
    ///
    /// # Errors
    /// It has to wait, or it is for a person: its amount can't be that of a refund of this payment.
    pub(crate) async fn named_refund(
        &self,
        provider: &ProviderName,
        payment_ref: &ProviderRef,
        told: RefundSnapshot,
    ) -> Result<RefundSnapshot, Error> {
        let storage = &self.0.storage;
        let known = match told.refund_id {
            Some(id) => storage.load_refund(id).await?,
            None => storage.load_refund_by_ref(provider, &told.provider_ref).await?,
        };
        if known.as_ref().is_some_and(|refund| refund.amount != told.amount) {
            return Err(unaccountable(format!("{} is told with another amount than it has here", told.provider_ref)));
        }
        let Some(payment) = storage.load_payment_by_ref(provider, payment_ref).await? else { return Ok(told) };
        expect_of_its_money(&payment, told.amount, &told.provider_ref)?;
        if known.as_ref().is_some_and(|refund| refund.payment_id != payment.id) {
            return Err(unaccountable(format!("{} is a refund of another payment here", told.provider_ref)));
        }
        if told.refund_id.is_some() || known.is_some() {
            return Ok(told);
        }
        let unanswered = RefundFilter {
            payment_id: Some(payment.id),
            state: Some(RefundState::CREATING),
            ..RefundFilter::default()
        };
        let unanswered = storage.list_refunds(&payment.seller_id, unanswered, PageRequest::NEWEST).await?.items;
        if unanswered.iter().any(|refund| self.now().since(refund.created_at) <= ANSWER_PATIENCE) {
            return Err(Error::Aborted {
                reason: Reason::ConcurrentChange,
                message: "a refund that was asked for has no answer yet".to_owned(),
                retry_after: Some(RETRY_AFTER),
            });
        }
        // The oldest of its amount: were it another's after all, what is told of ours later is counted as that one. One that was
        // surely not sent is none of them: it still is to be.
        let unknown = match unanswered.as_slice() {
            [] => Vec::new(),
            _ => storage.list_intents_of_unknown_outcome(UNKNOWN_MAX).await?,
        };
        let is_perhaps_made = |refund: &&Refund| {
            let of_it = |intent: &Intent| matches!(intent.action, ProviderAction::CreateRefund { refund_id } if refund_id == refund.id);
            unknown.iter().any(of_it)
        };
        let asked_for = unanswered.iter().rev().filter(is_perhaps_made).find(|refund| refund.amount == told.amount);
        Ok(RefundSnapshot { refund_id: asked_for.map(|refund| refund.id), ..told })
    }

    /// Brings a dispute into the books, as a look at the provider showed it, or as it was at `told_at`, as the provider told.
    /// `false` if the look is outdated and must be repeated.
    pub(crate) async fn settle_dispute(
        &self,
        uow: &mut dyn UnitOfWork,
        look: &Look,
        snapshot: &DisputeSnapshot,
        told_at: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let Some(mut payment) = uow.lock_payment(look.payment_id).await? else { return Ok(true) };
        expect_of_its_money(&payment, snapshot.amount, &snapshot.provider_ref)?;
        let now = self.now();
        let before = uow.load_dispute_by_ref(&payment.provider, &snapshot.provider_ref).await?;
        let mut dispute = match &before {
            Some(known) => known.clone(),
            None => Dispute::opened(self.new_dispute_id(), &payment, snapshot, now),
        };
        let is_news = match told_at {
            Some(told_at) => dispute.observe_told(snapshot, told_at, now),
            None => dispute.observe(snapshot, now),
        };
        if before.is_some() && !is_news {
            return Ok(true);
        }
        if payment.version != look.payment_version {
            return Ok(false);
        }
        let was_closed = before.as_ref().is_some_and(|before| before.state.is_closed());
        let is_decided = dispute.state.is_closed() && !was_closed;
        let kinds: &[EventKind] = match (&before, is_decided) {
            (None, false) => &[EventKind::DisputeCreated],
            (None, true) => &[EventKind::DisputeCreated, EventKind::DisputeClosed],
            // Told once more of a later time.
            (Some(before), false) if before.is_alike(&dispute) => &[],
            (Some(_), false) => &[EventKind::DisputeUpdated],
            (Some(_), true) => &[EventKind::DisputeClosed],
        };
        if before.is_some() {
            uow.update_dispute(&mut dispute).await?;
        } else if !uow.insert_dispute(&mut dispute).await? {
            return Err(unaccountable(format!("{} is a dispute of another payment here", snapshot.provider_ref)));
        }
        for kind in kinds {
            self.record(uow, *kind, EventSubject::Dispute(Box::new(dispute.clone()))).await?;
        }
        let before = before.and_then(|before| before.counted());
        let has_moved = payment.recount_dispute(before, dispute.counted(), now).map_err(Error::internal)?;
        self.store_reversals(uow, &mut payment, has_moved).await?;
        Ok(true)
    }

    /// Tells how a refund moved, after it is stored, and counts it at its payment.
    pub(crate) async fn refund_moved(
        &self,
        uow: &mut dyn UnitOfWork,
        payment: &mut Payment,
        before: Option<&Refund>,
        refund: &Refund,
    ) -> Result<(), Error> {
        let was_made = before.is_some_and(Refund::is_made);
        let created = (refund.is_made() && !was_made).then_some(EventKind::RefundCreated);
        let moved = match refund.state {
            RefundState::Succeeded { .. } => Some(EventKind::RefundSucceeded),
            RefundState::Failed { .. } => Some(EventKind::RefundFailed),
            RefundState::Canceled { .. } => Some(EventKind::RefundCanceled),
            RefundState::Creating | RefundState::Pending | RefundState::RequiresAction => {
                was_made.then_some(EventKind::RefundUpdated)
            }
        };
        for kind in created.into_iter().chain(moved) {
            self.record(uow, kind, EventSubject::Refund(Box::new(refund.clone()))).await?;
        }
        let before: Option<Money> = before.and_then(Refund::counted);
        let has_moved = payment.recount_refund(before, refund.counted(), self.now()).map_err(Error::internal)?;
        self.store_reversals(uow, payment, has_moved).await
    }

    /// Stores a payment of whose refunds or disputes one has moved, so that looks that began before are outdated; and
    /// tells of it where the sum has moved.
    pub(crate) async fn store_reversals(
        &self,
        uow: &mut dyn UnitOfWork,
        payment: &mut Payment,
        has_moved: bool,
    ) -> Result<(), Error> {
        if has_moved && payment.flags.contains(&PaymentFlag::OverRefunded) {
            tracing::error!(payment = %payment.id, "more of a payment is refunded and disputed than came in");
        }
        uow.update_payment(payment).await?;
        if has_moved {
            self.record(uow, EventKind::PaymentUpdated, EventSubject::Payment(Box::new(payment.clone()))).await?;
        }
        Ok(())
    }
}

/// The refund of a payment that a snapshot is of: by its id at the provider, or by our own as long as that is all we know. One
/// that was given up here, and was made all the same, is another refund: what has failed stays so.
async fn known_refund(
    uow: &mut dyn UnitOfWork,
    payment: &Payment,
    snapshot: &RefundSnapshot,
) -> Result<Option<Refund>, Error> {
    if let Some(refund) = uow.load_refund_by_ref(&payment.provider, &snapshot.provider_ref).await? {
        return Ok(Some(refund));
    }
    let Some(id) = snapshot.refund_id else { return Ok(None) };
    let intended = uow.load_refund(id).await?;
    let is_awaited = |refund: &Refund| refund.provider_ref.is_none() && refund.state == RefundState::Creating;
    Ok(intended.filter(|refund| refund.payment_id == payment.id && is_awaited(refund)))
}

/// Refuses what can't be counted with what a payment brought in: what is of no amount, or in another currency.
///
/// # Errors
/// A person has to see to it.
pub(crate) fn expect_of_its_money(payment: &Payment, amount: Money, what: &ProviderRef) -> Result<(), Error> {
    if amount.minor() <= 0 {
        return Err(unaccountable(format!("{what} is of no amount")));
    }
    if payment.received.is_some_and(|received| received.currency() != amount.currency()) {
        return Err(unaccountable(format!("{what} is in another currency than its payment")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

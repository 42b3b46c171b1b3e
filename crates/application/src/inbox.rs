//! The inbox: what providers tell is verified, stored once, acknowledged, and processed from the store.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use domain::catalog::PromotionCodeSnapshot;
use domain::dispute::DisputeSnapshot;
use domain::event::{EventKind, EventSubject};
use domain::id::{NotificationId, SubscriptionId};
use domain::invoice::Invoice;
use domain::payment::{CaptureOutcome, CaptureSnapshot, PaymentState};
use domain::payment_link::{CloseReason, LinkState};
use domain::ports::provider::{LinkSnapshot, NotificationError, PaymentProvider, ProviderError};
use domain::ports::storage::{Collectable, Reservation, UnitOfWork, UnprocessedNotification, UnprocessedState};
use domain::provider::{
    CheckoutSnapshot, Feature, InboxEntry, NotificationTopic, ProviderAction, ProviderName, ProviderRef,
};
use domain::refund::{Refund, RefundSnapshot};
use domain::subscription::{RenewalPayment, RenewalSnapshot, SubscriptionSnapshot};
use domain::text::OperatorNote;
use domain::timestamp::Timestamp;
use futures::FutureExt;
use telemetry::{table, trace};
use tracing::Instrument;

use crate::app::{App, Waiting};
use crate::backoff::{RETRY_IN_MAX, backed_off, spread};
use crate::error::{Error, RETRY_AFTER, Reason};
use crate::leases::{Held, LEASE, expect_held, is_lost_lease};
use crate::refunds::Look;
use crate::traced;

/// How often a notification is looked into at once, as long as another look overtakes it.
const LOOKS_MAX: u32 = 4;
/// After this many failures for reasons of its own a notification is set aside.
const FAILURES_MAX: u32 = 8;
/// After this many tries in a row that had no end a notification is set aside: whoever works on it dies of it. Servers that are
/// killed for other reasons, again and again while the machine is slow, must not come to so many.
const UNENDED_TRIES_MAX: u32 = 20;
/// The wait after the first try; it doubles.
const RETRY_IN_FIRST: Duration = Duration::from_millis(250);
/// How long a notification waits for the payment that it is about: what tells of the payment may come later, and providers
/// deliver for up to three days, behind which what they told is read back. A payment that is not known by then is another
/// program's on the same account.
const PAYMENT_PATIENCE: Duration = Duration::from_secs(4 * 24 * 60 * 60);
/// The same where nothing can be read back: such providers deliver for up to 30 days.
const UNREAD_PAYMENT_PATIENCE: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// How often it is tried at least before it is given up: where every server was away for as long as that, what tells of the
/// payment is still to be processed as well.
const GIVEN_UP_AFTER: u32 = 8;
/// The longest wait between two tries of a notification that names nothing of ours. Most are another program's on the same
/// account, and stay unknown: they are tried ever more seldom, for four days.
const FOREIGN_RETRY_IN_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// What became of a delivery at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationReceipt {
    /// Stored, or there already: acknowledge it.
    Stored {
        /// The body that the provider expects then.
        acknowledgement: &'static str,
    },
    /// There is no such provider.
    UnknownProvider,
    /// It did not verify: refuse it.
    Refused(NotificationError),
}

/// How things stand at the provider, as asked when a notification is processed, or as it told.
pub(crate) enum Findings {
    Checkout(Box<CheckoutSnapshot>),
    CheckoutTold(Box<CheckoutSnapshot>),
    /// With the version that was stored before the look.
    Link(i64, LinkSnapshot),
    MethodDetached(ProviderRef),
    Refunds(Look, Vec<RefundSnapshot>),
    RefundTold(Look, RefundSnapshot),
    /// With the time of which it is told.
    CaptureTold(Look, CaptureSnapshot, Timestamp),
    Dispute(Look, DisputeSnapshot),
    /// With the time of which it is told.
    DisputeTold(Look, DisputeSnapshot, Timestamp),
    /// With the version that was stored before the look.
    PromotionCode(i64, PromotionCodeSnapshot),
    /// With the version that was stored before the look, if it was known.
    Subscription(Option<i64>, Box<SubscriptionSnapshot>),
    Renewal(SubscriptionId, RenewalPayment),
    Nothing,
}

impl App {
    /// Takes what came in at a provider's webhook: verifies it, and stores each notification once.
    ///
    /// # Errors
    /// The store fails: answer so that the provider delivers again.
    pub async fn receive_notification(
        &self,
        provider: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<NotificationReceipt, Error> {
        let Some(provider) = self.find_provider(provider) else { return Ok(NotificationReceipt::UnknownProvider) };
        let now = self.now();
        let notifications = match provider.parse_notification(headers, body, now) {
            Ok(notifications) => notifications,
            Err(error) => return Ok(NotificationReceipt::Refused(error)),
        };
        let news = self.store_notifications(provider.name(), notifications).await?;
        table::NOTIFICATIONS_STORED.add([provider.name().to_string().into(), "delivered".into()], count(news));
        self.0.inbox_work.notify_one();
        Ok(NotificationReceipt::Stored { acknowledgement: provider.acknowledgement() })
    }

    /// Takes notifications that are due, at most `limit`.
    pub(crate) async fn take_due_notifications(&self, limit: u32) -> Result<Vec<InboxEntry>, Error> {
        self.transact(move |_, uow| Box::pin(async move { Ok(uow.lease_due_notifications(limit, LEASE).await?) })).await
    }

    /// Processes a notification that was taken. One that fails is tried again later, or set aside.
    ///
    /// # Errors
    /// The store fails: its lease runs out, and it is tried again.
    pub(crate) async fn process(&self, entry: InboxEntry) -> Result<(), Error> {
        let (log, span) = traced::notification(&entry);
        trace::in_call(log, span, self.process_traced(entry)).await
    }

    async fn process_traced(&self, entry: InboxEntry) -> Result<(), Error> {
        if entry.unended_tries > UNENDED_TRIES_MAX {
            let reason = format!("whoever worked on it ended before it did, {UNENDED_TRIES_MAX} times in a row");
            return left_to_its_holder(self.set_aside(entry, reason).await);
        }
        let held = Held::Notification(Box::new(entry.clone()));
        // One that panics is put off and set aside as well, or it would come back for ever.
        let tried = AssertUnwindSafe(self.while_held(held, Box::pin(self.try_process(&entry)))).catch_unwind().await;
        match tried.unwrap_or_else(|_| Err(Error::internal("a panic, told above"))) {
            Ok(()) => {
                table::NOTIFICATIONS_PROCESSED.increment([entry.provider.to_string().into(), "done".into()]);
                Ok(())
            }
            Err(failure) => left_to_its_holder(self.put_off(entry, &failure).await),
        }
    }

    /// Notes that a notification was tried in vain, and when it is tried again, if it is. What fails since the provider or the
    /// database is away, however often, does not count: it says nothing of the notification.
    async fn put_off(&self, mut entry: InboxEntry, failure: &Error) -> Result<(), Error> {
        let (id, attempts, reason) = (entry.id, entry.attempts, failure.to_string());
        if let Error::Internal(source) = failure {
            tracing::error!(notification = %id, attempts, error = source.as_ref() as &dyn std::error::Error, "notification failed");
        }
        let is_its_own = matches!(
            failure,
            Error::Internal(_) | Error::FailedPrecondition { .. } | Error::Unsupported { .. } | Error::Invalid(_)
        );
        entry.failures = entry.failures.saturating_add(u32::from(is_its_own));
        if is_its_own && entry.failures >= FAILURES_MAX {
            return self.set_aside(entry, reason).await;
        }
        let seed = id.uuid().as_bytes()[15];
        table::NOTIFICATIONS_PROCESSED.increment([entry.provider.to_string().into(), "put_off".into()]);
        let backed_off = backed_off(RETRY_IN_FIRST, attempts, seed);
        let asked = match failure {
            Error::NotFound { .. } if entry.notification.is_foreign => {
                self.now().since(entry.received_at).min(FOREIGN_RETRY_IN_MAX)
            }
            _ => asked_wait(failure),
        };
        let retry_in = backed_off.max(spread(asked, seed));
        self.transact(move |_, uow| {
            let (entry, reason) = (entry.clone(), reason.clone());
            Box::pin(async move { expect_held(uow.retry_notification(&entry, retry_in, &reason).await) })
        })
        .await
    }

    /// Leaves a notification to a person.
    async fn set_aside(&self, entry: InboxEntry, reason: String) -> Result<(), Error> {
        let (id, attempts, told) = (entry.id, entry.attempts, reason.clone());
        let provider = entry.provider.to_string();
        self.transact(move |_, uow| {
            let (entry, reason) = (entry.clone(), reason.clone());
            Box::pin(async move { expect_held(uow.set_notification_aside(&entry, &reason).await) })
        })
        .await?;
        table::NOTIFICATIONS_PROCESSED.increment([provider.into(), "set_aside".into()]);
        tracing::error!(
            notification = %id,
            attempts,
            reason = told,
            "a notification is set aside: a person must see to it, and have it tried again"
        );
        self.tell_how_many_are_set_aside().await
    }

    /// Notifications that are not processed and in one of these states, those that came in first before all others, at most
    /// `limit`.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list_unprocessed_notifications(
        &self,
        states: &[UnprocessedState],
        limit: u32,
    ) -> Result<Vec<UnprocessedNotification>, Error> {
        Ok(self.0.storage.list_unprocessed_notifications(states, limit).await?)
    }

    /// Closes a notification that is set aside: a person has seen to what it told, and it waits for nobody any more.
    ///
    /// # Errors
    /// No notification of that id is set aside.
    pub async fn close_notification(&self, id: NotificationId, note: OperatorNote) -> Result<(), Error> {
        let is_closed = self
            .transact(move |_, uow| {
                let note = note.clone();
                Box::pin(async move { Ok(uow.close_notification(id, note.as_str()).await?) })
            })
            .await?;
        if is_closed { Ok(()) } else { Err(Error::not_found("notification set aside", id)) }
    }

    /// Has a notification that is set aside, or was closed in error, tried again, at once.
    ///
    /// # Errors
    /// No notification of that id is set aside or closed.
    pub async fn retry_notification(&self, id: NotificationId) -> Result<(), Error> {
        let is_taken_up =
            self.transact(move |_, uow| Box::pin(async move { Ok(uow.take_notification_up_again(id).await?) })).await?;
        if is_taken_up { Ok(()) } else { Err(Error::not_found("notification set aside or closed", id)) }
    }

    /// Has all notifications that are set aside tried again, at once; returns how many that are.
    ///
    /// # Errors
    /// The store fails.
    pub async fn retry_all_notifications(&self) -> Result<u64, Error> {
        self.transact(move |_, uow| Box::pin(async move { Ok(uow.take_all_notifications_up_again().await?) })).await
    }

    async fn try_process(&self, entry: &InboxEntry) -> Result<(), Error> {
        for _ in 0..LOOKS_MAX {
            let findings = std::sync::Arc::new(Box::pin(self.look(entry)).await?);
            let span = self.span_of(&findings).await;
            if self.apply(entry, findings).instrument(span).await? {
                self.0.call_work.notify_one();
                return Ok(());
            }
        }
        Err(Error::Aborted {
            reason: Reason::ConcurrentChange,
            message: "other notifications overtook it each time".to_owned(),
            retry_after: Some(RETRY_AFTER),
        })
    }

    /// Brings what was found into the books. `false` if it is outdated: nothing is written then.
    async fn apply(&self, entry: &InboxEntry, findings: std::sync::Arc<Findings>) -> Result<bool, Error> {
        let entry = entry.clone();
        self.transact(move |app, uow| {
            let (findings, entry) = (std::sync::Arc::clone(&findings), entry.clone());
            Box::pin(async move {
                let provider = &entry.provider;
                let is_settled = match findings.as_ref() {
                    Findings::Checkout(snapshot) | Findings::CheckoutTold(snapshot) => {
                        let is_settled = app.settle(uow, provider, snapshot).await?;
                        // Nothing else will ever tell of money that can't be asked for.
                        let is_last_word = matches!(findings.as_ref(), Findings::CheckoutTold(_));
                        // What was made here and is here no more, as after an older copy was put in the database's place.
                        if let Some(lost) = snapshot.pays_for()
                            && !is_settled
                            && (is_last_word || !is_known_anywhere(uow, snapshot).await?)
                        {
                            let paid = &snapshot.provider_ref;
                            let told = format!("{paid} has money for {lost}, which is none of {provider}'s here");
                            return Err(unaccountable(told));
                        }
                        true
                    }
                    Findings::Link(version, snapshot) => app.link_moved(uow, *version, *snapshot).await?,
                    Findings::MethodDetached(provider_ref) => {
                        app.method_detached(uow, provider, provider_ref).await?;
                        true
                    }
                    Findings::Refunds(look, snapshots) => {
                        app.settle_refunds(uow, look, snapshots, Refund::observe).await?
                    }
                    Findings::RefundTold(look, snapshot) => {
                        app.settle_refunds(uow, look, std::slice::from_ref(snapshot), Refund::observe_told).await?
                    }
                    Findings::CaptureTold(look, snapshot, told_at) => {
                        app.settle_capture(uow, look.payment_id, snapshot, *told_at).await?;
                        true
                    }
                    Findings::Dispute(look, snapshot) => app.settle_dispute(uow, look, snapshot, None).await?,
                    Findings::DisputeTold(look, snapshot, told_at) => {
                        app.settle_dispute(uow, look, snapshot, Some(*told_at)).await?
                    }
                    Findings::PromotionCode(version, snapshot) => {
                        app.promotion_code_moved(uow, *version, snapshot).await?
                    }
                    Findings::Subscription(version, snapshot) => {
                        app.settle_subscription(uow, provider, *version, snapshot).await?
                    }
                    Findings::Renewal(id, paid) => {
                        app.settle_renewal(uow, *id, paid).await?;
                        true
                    }
                    Findings::Nothing => true,
                };
                if is_settled {
                    expect_held(uow.finish_notification(&entry).await)?;
                }
                Ok(is_settled)
            })
        })
        .await
    }

    /// Asks the provider how the thing of a notification stands now, unless that is told.
    async fn look(&self, entry: &InboxEntry) -> Result<Findings, Error> {
        let provider = self.provider_for(Waiting::Worker, &entry.provider)?;
        let findings = match &entry.notification.topic {
            NotificationTopic::Checkout { provider_ref } => {
                provider.fetch_checkout(provider_ref).await.map(|snapshot| Findings::Checkout(Box::new(snapshot)))
            }
            NotificationTopic::PaymentLink { provider_ref } => {
                self.look_at_link(entry, provider.as_ref(), provider_ref).await?
            }
            NotificationTopic::PaymentMethodDetached { provider_ref } => {
                Ok(Findings::MethodDetached(provider_ref.clone()))
            }
            NotificationTopic::HeldPayment { payment_ref } => {
                match self.session_of_payment(entry, payment_ref).await? {
                    Some(session) => {
                        provider.fetch_checkout(&session).await.map(|snapshot| Findings::Checkout(Box::new(snapshot)))
                    }
                    None => Ok(Findings::Nothing),
                }
            }
            NotificationTopic::Refund { payment_ref } => match self.begin_look(entry, payment_ref).await? {
                Some(look) => provider.fetch_refunds(payment_ref).await.map(|found| Findings::Refunds(look, found)),
                None => Ok(Findings::Nothing),
            },
            NotificationTopic::Dispute { provider_ref, payment_ref } => {
                match self.begin_look(entry, payment_ref).await? {
                    Some(look) => {
                        provider.fetch_dispute(provider_ref).await.map(|found| Findings::Dispute(look, found))
                    }
                    None => Ok(Findings::Nothing),
                }
            }
            NotificationTopic::PromotionCode { provider_ref } => {
                match self.0.storage.load_promotion_code_by_ref(&entry.provider, provider_ref).await? {
                    Some(known) => provider.fetch_promotion_code(provider_ref).await.map(|found| {
                        found.map_or(Findings::Nothing, |found| Findings::PromotionCode(known.version, found))
                    }),
                    // Another program's, or one that is being made: then the answer tells how it stands.
                    None => Ok(Findings::Nothing),
                }
            }
            NotificationTopic::Subscription { provider_ref } => {
                let known = self.0.storage.load_subscription_by_ref(&entry.provider, provider_ref).await?;
                let version = known.map(|subscription| subscription.version);
                provider.fetch_subscription(provider_ref).await.map(|found| match found {
                    Some(snapshot) => Findings::Subscription(version, Box::new(snapshot)),
                    None => Findings::Nothing,
                })
            }
            NotificationTopic::Renewal { invoice_ref } => match provider.fetch_renewal(invoice_ref).await {
                Ok(Some(renewal)) => Ok(self.look_at_renewal(entry, renewal).await?),
                Ok(None) => Ok(Findings::Nothing),
                Err(error) => Err(error),
            },
            NotificationTopic::CheckoutTold { snapshot } => Ok(Findings::CheckoutTold(snapshot.clone())),
            NotificationTopic::RefundTold { payment_ref, snapshot } => {
                match self.begin_look(entry, payment_ref).await? {
                    Some(look) => {
                        let told = self.named_refund(&entry.provider, payment_ref, (**snapshot).clone()).await?;
                        Ok(Findings::RefundTold(look, told))
                    }
                    None => Ok(Findings::Nothing),
                }
            }
            // Another program's takings: they are many, and most have no payment here. A failure waits, as refunds do.
            NotificationTopic::CaptureTold { payment_ref, snapshot }
                if entry.notification.is_foreign
                    && snapshot.outcome == CaptureOutcome::Made
                    && self.0.storage.load_payment_by_ref(&entry.provider, payment_ref).await?.is_none() =>
            {
                Ok(Findings::Nothing)
            }
            NotificationTopic::CaptureTold { payment_ref, snapshot } => {
                let look = self.begin_look(entry, payment_ref).await?;
                Ok(look.map_or(Findings::Nothing, |look| {
                    Findings::CaptureTold(look, (**snapshot).clone(), told_at(entry))
                }))
            }
            NotificationTopic::DisputeTold { payment_ref, snapshot } => {
                let look = self.begin_look(entry, payment_ref).await?;
                Ok(look.map_or(Findings::Nothing, |look| {
                    Findings::DisputeTold(look, (**snapshot).clone(), told_at(entry))
                }))
            }
            NotificationTopic::NeedsAttention { name, .. } => {
                return Err(unaccountable(format!(
                    "{name} can't be brought into the books: see to it at the provider"
                )));
            }
            NotificationTopic::Other { .. } => Ok(Findings::Nothing),
        };
        match findings {
            // The thing is not this account's, so it is not ours.
            Err(ProviderError::NotFound) => Ok(Findings::Nothing),
            other => Ok(other?),
        }
    }

    /// Whose renewal it is. One of a subscription that is not known yet waits until it is. One of a link that is here no more,
    /// or of whose subscription nothing has told in all the time, is money that only a person can place.
    async fn look_at_renewal(&self, entry: &InboxEntry, renewal: RenewalSnapshot) -> Result<Findings, Error> {
        let RenewalSnapshot { subscription_ref, payment_link_id, payment } = renewal;
        let Some(paid) = payment else { return Ok(Findings::Nothing) };
        if let Some(known) = self.0.storage.load_subscription_by_ref(&entry.provider, &subscription_ref).await? {
            return Ok(Findings::Renewal(known.id, paid));
        }
        match self.0.storage.load_payment_link(payment_link_id).await? {
            // That one's own notifications tell of it.
            Some(link) if link.provider != entry.provider => Ok(Findings::Nothing),
            Some(_) if !self.is_given_up(entry) => Err(Error::not_found("subscription", subscription_ref)),
            found => {
                let (paid, what) = (paid.payment_ref, if found.is_some() { "whose subscription" } else { "which" });
                let told =
                    format!("{paid} has money for {subscription_ref} of {payment_link_id}, {what} is not known here");
                Err(unaccountable(told))
            }
        }
    }

    /// Whether a notification has waited long enough for its payment.
    fn is_given_up(&self, entry: &InboxEntry) -> bool {
        // A provider tells of things in their order, so what names none of ours need not wait for the last late delivery.
        let patience = if self.names_ours(entry) { UNREAD_PAYMENT_PATIENCE } else { PAYMENT_PATIENCE };
        entry.attempts >= GIVEN_UP_AFTER && self.now().since(entry.received_at) > patience
    }

    /// Whether a notification names what was made here, as far as its provider's words tell that. One whose events can be read
    /// back tells by what is read.
    fn names_ours(&self, entry: &InboxEntry) -> bool {
        let is_read_back = self
            .provider_for(Waiting::Worker, &entry.provider)
            .is_ok_and(|provider| provider.capabilities().has(Feature::NotificationHistory));
        !is_read_back && !entry.notification.is_foreign
    }

    /// What is known of the payment of a notification before the provider is asked; nothing if it is not ours.
    ///
    /// # Errors
    /// It is not known yet: the notification waits for it.
    async fn begin_look(&self, entry: &InboxEntry, payment_ref: &ProviderRef) -> Result<Option<Look>, Error> {
        match self.0.storage.load_payment_by_ref(&entry.provider, payment_ref).await? {
            // Providers tell of money that is let go as of a refund. It never came in, so there is none to record.
            Some(payment) if matches!(payment.state, PaymentState::Canceled { .. }) => Ok(None),
            // It was captured, or is let go; that must be in the books first.
            Some(payment) if payment.authorization().is_some() => Err(Error::Aborted {
                reason: Reason::ConcurrentChange,
                message: "the payment is still authorized here".to_owned(),
                retry_after: Some(RETRY_AFTER),
            }),
            Some(payment) => Ok(Some(Look { payment_id: payment.id, payment_version: payment.version })),
            None if self.is_given_up(entry) && self.names_ours(entry) => {
                Err(unaccountable(format!("{payment_ref} is none of the payments here, and was asked for here")))
            }
            None if self.is_given_up(entry) => Ok(None),
            None => Err(Error::not_found("payment", payment_ref)),
        }
    }

    /// The session at the provider through which a payment came; nothing if it is not ours.
    ///
    /// # Errors
    /// The payment is not known yet: the notification waits for it.
    async fn session_of_payment(
        &self,
        entry: &InboxEntry,
        payment_ref: &ProviderRef,
    ) -> Result<Option<ProviderRef>, Error> {
        let id = match self.0.storage.load_payment_by_ref(&entry.provider, payment_ref).await? {
            Some(payment) => payment.checkout_session_id,
            None if self.is_given_up(entry) => None,
            None => return Err(Error::not_found("payment", payment_ref)),
        };
        let Some(id) = id else { return Ok(None) };
        Ok(self.0.storage.load_checkout_session(id).await?.and_then(|session| session.provider_ref.clone()))
    }

    /// How a link stands at the provider, where that is not as it stands here. It is asked once more behind what is known of
    /// it here, for a call of our own may have ended since it was first asked.
    ///
    /// # Errors
    /// The store fails. A call of our own about the link is under way: the notification waits for what comes of it.
    async fn look_at_link(
        &self,
        entry: &InboxEntry,
        provider: &dyn PaymentProvider,
        provider_ref: &ProviderRef,
    ) -> Result<Result<Findings, ProviderError>, Error> {
        let seen = match provider.fetch_payment_link(provider_ref).await {
            Ok(Some(seen)) => seen,
            Ok(None) => return Ok(Ok(Findings::Nothing)),
            Err(error) => return Ok(Err(error)),
        };
        // Asked first: a call that ends between the two would leave the link as it was before the call, with none under way.
        if self.0.storage.has_unfinished_intent(&seen.payment_link_id.to_string()).await? {
            return Err(Error::Aborted {
                reason: Reason::ConcurrentChange,
                message: "a call of ours about the link is under way".to_owned(),
                retry_after: Some(RETRY_AFTER),
            });
        }
        let known = self.0.storage.load_payment_link(seen.payment_link_id).await?;
        let Some(known) = known.filter(|link| link.provider == entry.provider) else {
            return Ok(Ok(Findings::Nothing));
        };
        // A call whose answer was lost may have made another page, of which nobody has the URL.
        let is_its_page = known.provider_ref.as_ref() == Some(provider_ref);
        if !is_its_page || matches!(known.state, LinkState::Active) == seen.active {
            return Ok(Ok(Findings::Nothing));
        }
        let found = provider.fetch_payment_link(provider_ref).await;
        Ok(found.map(|found| found.map_or(Findings::Nothing, |seen| Findings::Link(known.version, seen))))
    }

    /// Someone opened or closed a link at the provider, beside us. `false` if the look is outdated and must be repeated.
    async fn link_moved(&self, uow: &mut dyn UnitOfWork, version: i64, snapshot: LinkSnapshot) -> Result<bool, Error> {
        let id = snapshot.payment_link_id;
        let Some(link) = uow.load_payment_link(id).await? else { return Ok(true) };
        if let Some(invoice_id) = link.invoice_id() {
            uow.lock_invoice(invoice_id).await?;
        }
        let Some(link) = uow.lock_payment_link(id).await? else { return Ok(true) };
        if link.version != version || uow.has_unfinished_intent(&id.to_string()).await? {
            return Ok(false);
        }
        let used_up = link.options.completed_sessions_max.is_some_and(|max| snapshot.completed_sessions >= max.get());
        match (&link.state, snapshot.active) {
            // Its last checkout was completed: the checkout's own notification closes it here, with the money.
            (LinkState::Active, false) if used_up => {}
            // Visitors who came before hold sessions that can still be paid: they are closed as by a call of our own.
            (LinkState::Active, false) => self.close_link(uow, link.id, CloseReason::AtProvider).await?,
            (LinkState::Inactive { .. }, true) => self.link_opened_there(uow, link).await?,
            _ => {}
        }
        Ok(true)
    }

    /// A link was opened at the provider: it is open here too, where it may be. It is closed again where its time or its limit
    /// is reached, where it is an ad-hoc payment's, and where its invoice is not open, has something else to be paid by, or less
    /// is due on it than the link asks for.
    async fn link_opened_there(
        &self,
        uow: &mut dyn UnitOfWork,
        mut link: domain::payment_link::PaymentLink,
    ) -> Result<(), Error> {
        let mut may_open = link.expect_reopenable(self.now()).is_ok() && link.payment_id.is_none();
        if let (true, Some(invoice_id)) = (may_open, link.invoice_id()) {
            let invoice = uow.lock_invoice(invoice_id).await?;
            let is_due = |invoice: &Invoice| link.asks_on_invoice().is_some_and(|asked| invoice.is_due(asked));
            may_open = invoice.is_some_and(|invoice| invoice.expect_open().is_ok() && is_due(&invoice))
                && uow.reserve_collectable(&link.seller_id, invoice_id, Collectable::PaymentLink(link.id)).await?
                    == Reservation::Reserved;
        }
        if !may_open {
            let action =
                ProviderAction::DeactivatePaymentLink { payment_link_id: link.id, reason: CloseReason::AtProvider };
            return self.intend(uow, &link.seller_id, &link.provider, action).await;
        }
        self.link_opened(uow, &mut link).await
    }

    async fn method_detached(
        &self,
        uow: &mut dyn UnitOfWork,
        provider: &ProviderName,
        provider_ref: &ProviderRef,
    ) -> Result<(), Error> {
        let Some(mut method) = uow.load_payment_method_by_ref(provider, provider_ref).await? else { return Ok(()) };
        if method.detach(self.now()) {
            uow.update_payment_method(&mut method).await?;
            self.record(uow, EventKind::PaymentMethodDetached, EventSubject::PaymentMethod(Box::new(method))).await?;
        }
        Ok(())
    }
}

/// A number of things, for metrics.
pub(crate) fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}

/// Of which time a notification tells, by the provider's clock. A time that is ahead of ours would make all that comes after it
/// late.
fn told_at(entry: &InboxEntry) -> Timestamp {
    entry.notification.occurred_at.min(entry.received_at)
}

/// What was not written, since someone else has the notification now, is theirs to see to.
fn left_to_its_holder(written: Result<(), Error>) -> Result<(), Error> {
    match written {
        Err(error) if is_lost_lease(&error) => Ok(()),
        other => other,
    }
}

/// Whether what a session names of ours is here, be it another provider's: that one's own notifications tell of it.
async fn is_known_anywhere(uow: &mut dyn UnitOfWork, snapshot: &CheckoutSnapshot) -> Result<bool, Error> {
    Ok(match (snapshot.checkout_session_id, snapshot.payment_link_id) {
        (Some(id), _) => uow.load_checkout_session(id).await?.is_some(),
        (None, Some(id)) => uow.load_payment_link(id).await?.is_some(),
        (None, None) => false,
    })
}

/// What only a person can bring into the books: it is set aside.
pub(crate) fn unaccountable(message: String) -> Error {
    Error::precondition(Reason::ProviderRejected, message)
}

/// How long the provider asked to be left alone.
fn asked_wait(failure: &Error) -> Duration {
    match failure {
        Error::Unavailable { retry_after, .. } => retry_after.unwrap_or_default().min(RETRY_IN_MAX),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests;

//! Leases: an intended call or a notification is worked on by one holder at a time, whichever server that is.
//!
//! A lease is short, so that what a server leaves behind when it dies is taken up soon, and it is renewed as long as the work
//! goes on, however long that takes. All of it goes by the database's clock. Who has lost a lease is stopped, and the store
//! refuses what it would still write, by the lease's epoch.

use std::time::Duration;

use domain::ports::storage::{StorageError, UnitOfWork};
use domain::provider::{InboxEntry, Intent};
use telemetry::table::LEASES_LOST;
use tokio::time::Instant;

use crate::app::App;
use crate::error::{Error, RETRY_AFTER, Reason};

/// How long what is worked on belongs to its holder, from the last renewal on.
pub(crate) const LEASE: Duration = Duration::from_secs(12);
/// How often a lease is renewed: often enough that one renewal may fail.
const RENEW_EVERY: Duration = Duration::from_secs(4);
/// How long work may hold a lease in all: longer than any call with its retries takes. What hangs beyond is taken over.
const HELD_MAX: Duration = Duration::from_secs(5 * 60);

/// What is held under a lease, as it was taken.
#[derive(Clone)]
pub(crate) enum Held {
    /// An intended call.
    Call(Box<Intent>),
    /// A notification.
    Notification(Box<InboxEntry>),
}

impl Held {
    /// What kind of work it is, for metrics.
    const fn work(&self) -> &'static str {
        match self {
            Self::Call(_) => "call",
            Self::Notification(_) => "notification",
        }
    }

    /// What is held, for the log.
    fn subject(&self) -> String {
        match self {
            Self::Call(intent) => format!("{} of {}", intent.action.name(), intent.action.subject()),
            Self::Notification(entry) => entry.id.to_string(),
        }
    }

    async fn renew(&self, uow: &mut dyn UnitOfWork) -> Result<bool, StorageError> {
        match self {
            Self::Call(intent) => uow.renew_intent_lease(intent, LEASE).await,
            Self::Notification(entry) => uow.renew_notification_lease(entry, LEASE).await,
        }
    }
}

impl App {
    /// Works under a lease, which is renewed meanwhile. The work is dropped where the lease is lost: it must be one that a
    /// crash may interrupt.
    ///
    /// # Errors
    /// Those of the work; the lease is lost.
    pub(crate) async fn while_held<T>(
        &self,
        held: Held,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.hold(held) => Err(lost_lease()),
        }
    }

    /// Renews a lease, for as long as it is ours. It counts as lost once it may have run out, too: while the database can't
    /// be reached from here, another server may reach it. That is told once, with what was held.
    async fn hold(&self, held: Held) {
        let (subject, work) = (held.subject(), held.work());
        let why = self.renew_until_lost(held).await;
        LEASES_LOST.increment([work.into()]);
        tracing::warn!(subject, why, "a lease was lost: whoever has it next goes on");
    }

    /// Why it is not ours any more.
    async fn renew_until_lost(&self, held: Held) -> &'static str {
        let taken = Instant::now();
        let mut ends = taken + LEASE;
        while taken.elapsed() < HELD_MAX {
            tokio::time::sleep_until((Instant::now() + RENEW_EVERY).min(ends)).await;
            let (began, held) = (Instant::now(), held.clone());
            let renewal = self.transact(move |_, uow| {
                let held = held.clone();
                Box::pin(async move { Ok(held.renew(uow).await?) })
            });
            match tokio::time::timeout_at(ends, renewal).await {
                Ok(Ok(true)) => ends = began + LEASE,
                Ok(Ok(false)) => return "someone else has it",
                Ok(Err(error)) if Instant::now() < ends => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a lease could not be renewed");
                }
                Ok(Err(_)) | Err(_) => return "it could not be renewed in time",
            }
        }
        "the work took too long"
    }
}

/// Its lease ran out here: whoever holds it by now goes on with it, and that outcome is the one that counts.
fn lost_lease() -> Error {
    Error::Aborted {
        reason: Reason::RequestInProgress,
        message: "it took too long here, and may be gone on with elsewhere; retry to get its answer".to_owned(),
        retry_after: Some(RETRY_AFTER),
    }
}

/// Whether work came to nothing since its lease was lost.
pub(crate) fn is_lost_lease(error: &Error) -> bool {
    matches!(error, Error::Aborted { reason: Reason::RequestInProgress, .. })
}

/// The outcome of a write that the holder of a lease alone may do. No further try helps who has lost it.
pub(crate) fn expect_held(written: Result<(), StorageError>) -> Result<(), Error> {
    match written {
        Err(StorageError::Stale) => Err(lost_lease()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests;

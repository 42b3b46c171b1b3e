//! The worker: finishes what was intended, processes what came in, and closes what has expired. Any number of replicas
//! may run it; leases keep them out of each other's way.

use std::time::Duration;

use domain::payment_link::CloseReason;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::app::App;
use crate::error::Error;

/// How long the worker rests when nothing wakes it: the longest that work of another replica's, or work that came due,
/// waits.
const REST: Duration = Duration::from_secs(1);
/// How often it is looked whether reading back what providers told is due.
const RECONCILIATION_REST: Duration = Duration::from_secs(5);
/// How long a round that has begun may still take once the worker stops. What it leaves is leased, and taken up again once the
/// lease has run out, as after a crash.
const DRAIN: Duration = Duration::from_secs(10);
/// How much earlier than told a link is closed, so that it is closed at the provider by then.
pub(crate) const EXPIRY_LEAD: Duration = Duration::from_secs(30);

/// Does the work that no caller waits for.
pub struct Worker {
    app: App,
}

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerReport {
    /// Provider calls that were taken up.
    pub intents: usize,
    /// Notifications that were taken up.
    pub notifications: usize,
    /// Links that have begun to close since their time is over.
    pub expired_links: usize,
}

impl WorkerReport {
    fn is_idle(self) -> bool {
        self == Self::default()
    }
}

impl Worker {
    /// A worker for an application.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    /// Works until `shutdown` completes; a round that has begun is finished, if that takes no longer than [`DRAIN`]. Mails have rounds of their own, since a mail
    /// server may take its time, and so has what is read back from providers: nothing else is to wait for them.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let shutdown = shutdown.shared();
        let stopping = shutdown.clone();
        let app = &self.app;
        let work =
            rounds(shutdown.clone(), (&app.0.work, REST), || async { Ok(self.round().await?.is_idle()) }.boxed());
        let mails = rounds(shutdown.clone(), (&app.0.mail_work, REST), || {
            async { Ok(app.send_due_mails().await? == 0) }.boxed()
        });
        let never = Notify::new();
        let reconciliation =
            rounds(shutdown, (&never, RECONCILIATION_REST), || async { app.reconcile().await.map(|_| true) }.boxed());
        let cut_off = async {
            stopping.await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            _ = futures::future::join3(work, mails, reconciliation) => {}
            () = cut_off => tracing::warn!("the worker was still at work, and is cut off"),
        }
    }

    /// Does all that is due now, once, but for mails.
    ///
    /// # Errors
    /// The store fails.
    pub async fn round(&self) -> Result<WorkerReport, Error> {
        let notifications = self.app.process_due_notifications().await?;
        let expired_links = self.app.expire_due_links().await?;
        let intents = self.app.finish_due_intents().await?;
        self.app.0.storage.sequence_events().await?;
        Ok(WorkerReport { intents, notifications, expired_links })
    }
}

/// Does rounds, which say whether they were idle, until `shutdown` completes: at once while there is work, else as soon as
/// `wake` says so or after a rest.
async fn rounds<'a>(
    shutdown: impl Future<Output = ()>,
    (wake, rest): (&Notify, Duration),
    round: impl Fn() -> BoxFuture<'a, Result<bool, Error>>,
) {
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let rest = match round().await {
            Ok(is_idle) if !is_idle => Duration::ZERO,
            Ok(_) => rest,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the worker's round failed");
                rest
            }
        };
        tokio::select! {
            biased;
            () = &mut shutdown => return,
            () = wake.notified(), if !rest.is_zero() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

impl App {
    async fn expire_due_links(&self) -> Result<usize, Error> {
        const BATCH: u32 = 64;
        let until = self.now().plus(EXPIRY_LEAD);
        let due = self.0.storage.list_expiring_payment_links(until, BATCH).await?;
        for id in &due {
            let id = *id;
            let closed = self.transact(move |app, uow| Box::pin(app.close_link(uow, id, CloseReason::Expired))).await;
            if let Err(error) = closed {
                // One that fails must not keep the others open.
                tracing::error!(link = %id, error = &error as &dyn std::error::Error, "an expired link could not be closed");
            }
        }
        Ok(due.len())
    }
}

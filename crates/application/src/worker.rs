//! The worker: finishes what was intended, processes what came in, and closes what has expired. Any number of replicas
//! may run it; leases keep them out of each other's way.
//!
//! Each kind of work goes on by itself, with hands of its own, so that nothing waits for work of another kind, and little for
//! work of its own: what takes long, or fails again and again, keeps one hand busy and no more.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::payment_link::CloseReason;
use domain::ports::storage::Collectable;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use telemetry::table;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::app::App;
use crate::backoff::backed_off;
use crate::error::Error;
use crate::watch::{BACKLOG_EVERY, WATCH_EVERY};

/// How long the worker rests when nothing wakes it: the longest that work of another replica's, or work that came due,
/// waits.
const REST: Duration = Duration::from_secs(1);
/// How long after it was looked for work that is due it is looked again at the earliest, however often someone says that there is
/// some: under load each mutation and each notification does, and one look finds what many of them left. Where a look took all
/// that hands were free for, the next comes as soon as one of them is.
const PACE: Duration = Duration::from_millis(20);
/// How often it is looked whether reading back what providers told is due.
const RECONCILIATION_REST: Duration = Duration::from_secs(5);
/// How long after its start clocks are first looked at.
const FIRST_WATCH: Duration = Duration::from_secs(5);
/// How long work that has begun may still take once the worker stops. What it leaves is leased, and taken up again once the
/// lease has run out, as after a crash.
const DRAIN: Duration = Duration::from_secs(10);
/// How much earlier than told a link is closed, so that it is closed at the provider by then.
pub(crate) const EXPIRY_LEAD: Duration = Duration::from_secs(30);
/// How many provider calls, and how many notifications, are worked on at once.
const HANDS: usize = 16;
/// How many mails are handed over at once: mail servers bear few connections of one client.
const MAIL_HANDS: usize = 4;
/// How long after its end an open session is closed from here: most providers end and tell it themselves.
pub(crate) const SESSION_GRACE: Duration = Duration::from_secs(10 * 60);
/// How many expired links are closed at once.
const CLOSED_AT_ONCE: usize = 8;

/// Does the work that no caller waits for.
pub struct Worker {
    app: App,
    expiry: Expiry,
}

impl Worker {
    /// A worker for an application.
    pub fn new(app: App) -> Self {
        Self { app, expiry: Expiry::default() }
    }

    /// Works until `shutdown` completes; work that has begun is finished, if that takes no longer than [`DRAIN`].
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let shutdown = shutdown.shared();
        let stopped = || shutdown.clone();
        let (app, never) = (&self.app, Notify::new());
        let kinds: Vec<BoxFuture<'_, ()>> = vec![
            hands(
                stopped(),
                (&app.0.inbox_work, HANDS),
                |free| app.take_due_notifications(free).boxed(),
                |entry| {
                    let app = app.clone();
                    async move { app.process(entry).await }.boxed()
                },
            )
            .boxed(),
            hands(
                stopped(),
                (&app.0.call_work, HANDS),
                |free| app.take_due_calls(free).boxed(),
                |intent| {
                    let app = app.clone();
                    async move { app.finish_call(intent).await }.boxed()
                },
            )
            .boxed(),
            rounds(stopped(), (&never, REST), || async { Ok(self.expiry.begin_closing(app).await? == 0) }.boxed())
                .boxed(),
            rounds(stopped(), (&never, REST), || {
                // It always rests: a store that is written to gives positions by itself, at its own pace.
                async { app.0.storage.sequence_events().await.map(|_| true).map_err(Error::from) }.boxed()
            })
            .boxed(),
            hands(
                stopped(),
                (&app.0.mail_work, MAIL_HANDS),
                |free| app.take_due_mails(free).boxed(),
                |mail| {
                    let app = app.clone();
                    async move { app.send_mail(mail).await }.boxed()
                },
            )
            .boxed(),
            rounds(stopped(), (&never, RECONCILIATION_REST), || app.reconcile().map(|read| read.map(|_| true)).boxed())
                .boxed(),
            rounds(stopped(), (&never, BACKLOG_EVERY), || app.tell_backlog().map(|told| told.map(|()| true)).boxed())
                .boxed(),
            async {
                // What is read back when a server starts tells the provider's time first.
                tokio::select! {
                    () = tokio::time::sleep(FIRST_WATCH) => {}
                    () = stopped() => {}
                }
                // Once for each start: it is a person's to mend, by another start.
                if let Err(error) = app.tell_of_providers_that_are_gone().await {
                    tracing::warn!(%error, "it is not known whether anything is open at providers that are gone");
                }
                rounds(stopped(), (&never, WATCH_EVERY), || app.watch().map(|seen| seen.map(|()| true)).boxed()).await;
            }
            .boxed(),
        ];
        let cut_off = async {
            stopped().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            _ = futures::future::join_all(kinds) => {}
            () = cut_off => tracing::warn!("the worker was still at work, and is cut off"),
        }
    }

    /// Does all that is due now, once and one kind after another, for simulated histories; how much it took.
    ///
    /// # Errors
    /// The store fails.
    #[cfg(test)]
    pub(crate) async fn round(&self) -> Result<usize, Error> {
        const LIMIT: u32 = 16;
        let app = &self.app;
        let notifications = app.take_due_notifications(LIMIT).await?;
        let mut took = notifications.len();
        futures::future::try_join_all(notifications.into_iter().map(|entry| app.process(entry))).await?;
        took += self.expiry.begin_closing(app).await?;
        let calls = app.take_due_calls(LIMIT).await?;
        took += calls.len();
        futures::future::try_join_all(calls.into_iter().map(|intent| app.finish_call(intent))).await?;
        app.0.storage.sequence_events().await?;
        Ok(took)
    }
}

/// Works on things one by one, as many at once as there are `hands`, until `shutdown` completes; then waits for those that are
/// worked on. `take` is asked for as many as hands are free: as soon as `wake` says so, at its [`PACE`], after a rest, and while
/// there is more.
async fn hands<'a, T>(
    shutdown: impl Future<Output = ()>,
    (wake, hands): (&Notify, usize),
    take: impl Fn(u32) -> BoxFuture<'a, Result<Vec<T>, Error>>,
    work: impl Fn(T) -> BoxFuture<'static, Result<(), Error>>,
) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut busy = JoinSet::new();
    loop {
        let looked = Instant::now();
        let free = hands - busy.len();
        let mut may_be_more = free == 0;
        if free > 0 {
            match take(u32::try_from(free).unwrap_or(u32::MAX)).await {
                Ok(taken) => {
                    may_be_more = taken.len() == free;
                    for thing in taken {
                        busy.spawn(work(thing));
                    }
                }
                Err(error) => tell(&error),
            }
        }
        let rest = tokio::time::sleep(REST);
        let mut rest = std::pin::pin!(rest);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => {
                    while let Some(ended) = busy.join_next().await {
                        tell_end(ended);
                    }
                    return;
                }
                Some(ended) = busy.join_next() => {
                    tell_end(ended);
                    if may_be_more {
                        break;
                    }
                }
                () = wake.notified(), if busy.len() < hands => rest.as_mut().reset(looked + PACE),
                () = &mut rest, if busy.len() < hands => break,
            }
        }
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
                tell(&error);
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

/// What failed is tried again by itself, so only a defect of ours is an error for whoever reads the log.
fn tell(error: &Error) {
    match error {
        Error::Internal(source) => {
            table::WORKER_DEFECTS.increment([]);
            tracing::error!(error = source.as_ref() as &dyn StdError, "the worker met a defect; it is tried again");
        }
        other => tracing::warn!(error = other as &dyn StdError, "the worker's work failed; it is tried again"),
    }
}

fn tell_end(ended: Result<Result<(), Error>, JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tell(&error),
        Err(panicked) => tell(&Error::internal(panicked)),
    }
}

/// Begins to close links and sessions whose time is over.
#[derive(Default)]
struct Expiry {
    /// What could not be closed: how often, and when it is tried again. It must not keep the others open.
    failed: Mutex<BTreeMap<Collectable, (u32, Instant)>>,
}

impl Expiry {
    /// Begins to close what is due; how many it began to close.
    async fn begin_closing(&self, app: &App) -> Result<usize, Error> {
        const BATCH: u32 = 64;
        let limit = BATCH.saturating_add(u32::try_from(self.failed().len()).unwrap_or(u32::MAX));
        let storage = &app.0.storage;
        let links = storage.list_expiring_payment_links(app.now().plus(EXPIRY_LEAD), limit).await?;
        let sessions = storage.list_expiring_checkout_sessions(app.now().minus(SESSION_GRACE), limit).await?;
        let links = links.into_iter().map(Collectable::PaymentLink);
        let due: Vec<_> = links.chain(sessions.into_iter().map(Collectable::CheckoutSession)).collect();
        // Whatever became of those that are not due any more, it is done.
        self.failed().retain(|it, _| due.contains(it));
        let due: Vec<_> = due.into_iter().filter_map(|it| Some((it, self.attempts_if_due(it)?))).collect();
        let mut closings = futures::stream::iter(due)
            .map(|(it, attempts)| {
                let app = app.clone();
                async move {
                    let close = app.transact(move |app, uow| Box::pin(app.close(uow, it, CloseReason::Expired)));
                    (it, attempts, close.await)
                }
            })
            .buffer_unordered(CLOSED_AT_ONCE);
        let mut closed = 0;
        while let Some((it, attempts, closing)) = closings.next().await {
            match closing {
                Ok(()) => closed += 1,
                Err(error) => {
                    let source = &error as &dyn StdError;
                    tracing::error!(collectable = %it, error = source, "what has expired could not be closed");
                    let wait = backed_off(REST, attempts, it.uuid().as_bytes()[15]);
                    self.failed().insert(it, (attempts.saturating_add(1), Instant::now() + wait));
                }
            }
        }
        if closed > 0 {
            app.0.call_work.notify_one();
        }
        Ok(closed)
    }

    /// How often it could not be closed, unless it is left alone for now.
    fn attempts_if_due(&self, it: Collectable) -> Option<u32> {
        match self.failed().get(&it) {
            Some((_, again)) if *again > Instant::now() => None,
            Some((attempts, _)) => Some(*attempts),
            None => Some(0),
        }
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, BTreeMap<Collectable, (u32, Instant)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

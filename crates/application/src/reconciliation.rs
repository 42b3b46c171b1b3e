//! Reconciliation: what a lost notification would have told is found by asking the provider.
//!
//! Everything that a provider has told is read back from time to time, and comes in by the same door: what was delivered is
//! in the inbox already, and the rest is stored there, and processed like all of it. How far it was read goes by the
//! provider's own clock, so that a wrong one here loses nothing. What was set aside stays so: it did come in.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::provider::PaymentProvider;
use domain::provider::{Feature, InboxEntry, Notification, ProviderName};
use domain::timestamp::Timestamp;
use telemetry::table;

use crate::app::{App, Waiting};
use crate::error::Error;
use crate::inbox::count;
use crate::mutation::{outlive_caller, until_uncontended};

/// How long the turn belongs to whoever reads back, from each page on: longer than a page takes with its retries. Another that
/// takes it too early stores nothing twice.
const LEASE: Duration = Duration::from_secs(2 * 60);
/// How much of what was read before is read again: providers list with a delay, and clocks are read before commits.
const OVERLAP: Duration = Duration::from_secs(10 * 60);
/// How far back the first turn of all begins, since it has to go by our own clock.
const BEGINNING: Duration = Duration::from_secs(24 * 60 * 60);
/// When it is tried again after a failure, at the latest.
const RETRY_IN: Duration = Duration::from_secs(30);

impl App {
    /// Reads back what providers have told, where it is due; returns how many notifications it found that had not come in.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn reconcile(&self) -> Result<usize, Error> {
        let mut found = 0;
        for name in self.provider_names() {
            let provider = self.provider_for(Waiting::Worker, name)?;
            if provider.capabilities().has(Feature::NotificationHistory) {
                found += self.reconcile_with(provider).await?;
            }
        }
        Ok(found)
    }

    async fn reconcile_with(&self, provider: &Arc<dyn PaymentProvider>) -> Result<usize, Error> {
        let name = provider.name().clone();
        let beginning = self.now().minus(BEGINNING);
        let leased = self
            .transact(move |_, uow| {
                let name = name.clone();
                Box::pin(async move { Ok(uow.lease_reconciliation(&name, beginning, LEASE).await?) })
            })
            .await?;
        let Some(read_until) = leased else { return Ok(0) };
        let name = provider.name().clone();
        let told = |outcome: &'static str| table::RECONCILIATIONS.increment([name.to_string().into(), outcome.into()]);
        let (until, due_in, found) = match self.read_back(provider, read_until).await {
            Ok((until, found)) => {
                told("done");
                (until, self.0.reconcile_every, found)
            }
            Err(error) => {
                told("failed");
                let error = &error as &dyn std::error::Error;
                tracing::warn!(provider = %name, error, "what the provider told can't be read back; it is tried again");
                (read_until, RETRY_IN.min(self.0.reconcile_every), 0)
            }
        };
        table::NOTIFICATIONS_STORED.add([name.to_string().into(), "read_back".into()], count(found));
        if found > 0 {
            tracing::warn!(provider = %name, found, "found what no notification had told yet");
            self.0.inbox_work.notify_one();
        }
        self.put_turn(&name, until, due_in).await?;
        Ok(found)
    }

    /// Stores all that a provider told since `read_until`, page by page; answers when the last of it happened, and how much
    /// of it had not come in.
    async fn read_back(
        &self,
        provider: &Arc<dyn PaymentProvider>,
        read_until: Timestamp,
    ) -> Result<(Timestamp, usize), Error> {
        let since = read_until.minus(OVERLAP);
        let (mut until, mut found, mut cursor) = (read_until, 0, None);
        loop {
            let page = provider.list_notifications(since, cursor).await?;
            until = page.notifications.iter().map(|told| told.occurred_at).fold(until, Timestamp::max);
            found += self.store_notifications(provider.name(), page.notifications).await?;
            match page.next {
                Some(next) => {
                    cursor = Some(next);
                    // Nothing counts as read until every page is.
                    self.put_turn(provider.name(), read_until, LEASE).await?;
                }
                None => return Ok((until, found)),
            }
        }
    }

    /// Notes up to when all was read, and when the next turn is.
    async fn put_turn(&self, name: &ProviderName, read_until: Timestamp, due_in: Duration) -> Result<(), Error> {
        let name = name.clone();
        self.transact(move |_, uow| {
            let name = name.clone();
            Box::pin(async move { Ok(uow.update_reconciliation(&name, read_until, due_in).await?) })
        })
        .await
    }

    /// Puts notifications into the inbox, each once; answers how many were not there.
    pub(crate) async fn store_notifications(
        &self,
        provider: &ProviderName,
        notifications: Vec<Notification>,
    ) -> Result<usize, Error> {
        let (now, trace) = (self.now(), telemetry::trace::current());
        let entry = |notification| InboxEntry {
            id: self.new_notification_id(),
            provider: provider.clone(),
            notification,
            attempts: 0,
            failures: 0,
            unended_tries: 0,
            received_at: now,
            trace: trace.clone(),
        };
        let entries: Vec<_> = notifications.into_iter().map(entry).collect();
        let app = self.clone();
        let store =
            async move { until_uncontended(|| async { Ok(app.0.storage.store_notifications(&entries).await?) }).await };
        outlive_caller(Box::pin(store)).await
    }
}

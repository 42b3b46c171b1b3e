//! What is looked at for operators: clocks that disagree, what waits for a person, and how old what waits for us is.
//!
//! Leases go by the database's clock, so a wrong one here harms none of them. But dates of invoices, expiries and the age of
//! signatures go by ours: who is wrong is to be told before a customer tells it.

use std::time::Duration;

use domain::ports::storage::OpenAtProvider;
use domain::timestamp::Timestamp;
use telemetry::table;

use crate::app::App;
use crate::error::Error;

/// How often clocks are looked at.
pub(crate) const WATCH_EVERY: Duration = Duration::from_secs(60);
/// How often it is looked at what waits: as often as a server is usually asked for its metrics.
pub(crate) const BACKLOG_EVERY: Duration = Duration::from_secs(15);
/// How far our clock and another may be apart before it is an error.
const APART_MAX_SECONDS: i32 = 60;

/// How far our clock is ahead of another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ClockOffset {
    /// Whose clock the other is: `database`, or the name of a provider.
    against: String,
    /// In whole seconds; below 0 where ours is behind.
    seconds: i32,
}

impl App {
    /// Looks at the clocks.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn watch(&self) -> Result<(), Error> {
        for ClockOffset { against, seconds } in self.clock_offsets().await? {
            if seconds.saturating_abs() > APART_MAX_SECONDS {
                tracing::error!(
                    against,
                    seconds,
                    "our clock is that many seconds ahead of another, or behind where that is below 0: one of them is wrong"
                );
            }
            table::CLOCK_OFFSET_SECONDS.set([against.into()], seconds);
        }
        self.tell_how_many_refunds_are_unanswered().await
    }

    /// Tells how much waits for us, and for how long it has.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn tell_backlog(&self) -> Result<(), Error> {
        let backlog = self.0.storage.backlog().await?;
        for (gauge, age) in [
            (table::OLDEST_NOTIFICATION_SECONDS, backlog.oldest_notification),
            (table::OLDEST_CALL_SECONDS, backlog.oldest_call),
            (table::OLDEST_EVENT_SECONDS, backlog.oldest_event),
            (table::OLDEST_MAIL_SECONDS, backlog.oldest_mail),
        ] {
            gauge.set_seconds([], age.unwrap_or_default());
        }
        table::REFUNDS_UNKNOWN.set_count([], backlog.unknown_refunds);
        table::NOTIFICATIONS_SET_ASIDE.set_count([], backlog.set_aside_notifications);
        Ok(())
    }

    /// Tells of providers that are not configured any more, and at which something is still open: nothing of it goes on.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn tell_of_providers_that_are_gone(&self) -> Result<(), Error> {
        for open in self.open_at_providers_that_are_gone().await? {
            tracing::warn!(
                provider = %open.provider,
                %open,
                "a provider is not configured any more, and things are still open there: configure it again until they are closed"
            );
        }
        Ok(())
    }

    /// What is still open at providers that are not configured any more.
    ///
    /// # Errors
    /// The store fails.
    pub async fn open_at_providers_that_are_gone(&self) -> Result<Vec<OpenAtProvider>, Error> {
        let known: Vec<_> = self.provider_names().cloned().collect();
        Ok(self.0.storage.open_at_others(&known).await?)
    }

    /// Sets the gauge of notifications that wait for a person.
    pub(crate) async fn tell_how_many_are_set_aside(&self) -> Result<(), Error> {
        let count = self.0.storage.count_set_aside_notifications().await?;
        table::NOTIFICATIONS_SET_ASIDE.set_count([], count);
        Ok(())
    }

    /// How far our clock is ahead of the database's, and of those of the providers that have told the time lately.
    async fn clock_offsets(&self) -> Result<Vec<ClockOffset>, Error> {
        let asked = self.now();
        let told = self.0.storage.database_time().await?;
        let seconds = seconds_ahead((asked, self.now()), told);
        let mut offsets = vec![ClockOffset { against: "database".to_owned(), seconds }];
        for name in self.provider_names() {
            if let Some(told) = self.provider(name)?.provider_time() {
                let seconds = seconds_ahead((self.now(), self.now()), told);
                offsets.push(ClockOffset { against: name.to_string(), seconds });
            }
        }
        Ok(offsets)
    }
}

/// How far our clock is ahead of one that told its time between two moments: the least that it can be.
fn seconds_ahead((asked, answered): (Timestamp, Timestamp), told: Timestamp) -> i32 {
    let whole = |span: Duration| i32::try_from(span.as_secs()).unwrap_or(i32::MAX);
    if told < asked { whole(asked.since(told)) } else { -whole(told.since(answered)) }
}

#[cfg(test)]
mod tests {
    use domain::ports::provider::MockPaymentProvider;
    use domain::ports::storage::MockStorage;

    use super::*;
    use crate::mocked;

    #[tokio::test]
    async fn a_clock_is_held_against_the_databases_and_the_providers() {
        let ten_minutes = Duration::from_secs(600);
        let mut storage = MockStorage::new();
        storage.expect_database_time().returning(move || Ok(mocked::NOW.minus(ten_minutes)));
        let mut provider = MockPaymentProvider::new();
        provider.expect_provider_time().once().returning(move || Some(mocked::NOW.plus(ten_minutes)));
        provider.expect_provider_time().returning(|| None);
        let app = mocked::app(storage, provider);
        let offset = |against: &str, seconds| ClockOffset { against: against.to_owned(), seconds };
        assert_eq!(app.clock_offsets().await.unwrap(), [offset("database", 600), offset("acquirer", -600)]);
        assert_eq!(app.clock_offsets().await.unwrap(), [offset("database", 600)], "one that has not told the time");
    }

    #[tokio::test]
    async fn providers_that_are_gone_are_those_that_are_not_configured() {
        let mut storage = MockStorage::new();
        let open = OpenAtProvider { refunds: 2, links: 1, ..OpenAtProvider::nothing("gone".parse().unwrap()) };
        let told = open.clone();
        storage
            .expect_open_at_others()
            .withf(|known| matches!(known, [only] if only.as_str() == "acquirer"))
            .returning(move |_| Ok(vec![told.clone()]));
        let app = mocked::app(storage, MockPaymentProvider::new());
        assert_eq!(app.open_at_providers_that_are_gone().await.unwrap(), std::slice::from_ref(&open));
        assert_eq!(open.to_string(), "payment links: 1, refunds: 2");
    }

    #[test]
    fn an_answer_that_takes_its_time_is_no_clock_that_is_wrong() {
        let at = Timestamp::from_unix_seconds;
        for (told, seconds) in [(100, 0), (115, 0), (130, 0), (90, 10), (191, -61)] {
            assert_eq!(seconds_ahead((at(100), at(130)), at(told)), seconds, "{told}");
        }
    }
}

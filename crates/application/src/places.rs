//! How much of the service callers' mutations may hold at once: places, and of those that have one, turns at the database. What
//! must not wait for them is served beside them: webhooks, renewals of leases, reads, and the worker.

use std::sync::Arc;
use std::time::Duration;

use telemetry::{OneMore, table};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::error::{Error, Reason};

/// How many mutations are worked on at once: what a slow provider or database may hold, before callers are told to come back
/// instead of all of them waiting.
const PLACES: usize = 64;
/// How long one may wait for its place.
const PLACE_WAIT: Duration = Duration::from_secs(2);
/// How long the first transaction of one may wait for its turn: less than a caller's patience.
const TURN_WAIT: Duration = Duration::from_secs(5);
/// After which time whoever got none is asked to come back.
const RETRY_WHEN_OVERLOADED: Duration = Duration::from_secs(2);

/// Places of mutations that are worked on, and their turns at the database.
pub(crate) struct Places {
    places: Arc<Semaphore>,
    turns: Semaphore,
}

/// A place among the mutations that are worked on, as long as it lives.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: OneMore,
}

impl Place {
    fn taken(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: permit, _counted: table::MUTATIONS_UNDER_WAY.one_more([]) }
    }
}

/// A turn at the database, as long as it lives. Nobody may have one while a provider is waited for.
pub(crate) struct Turn<'a> {
    _permit: SemaphorePermit<'a>,
}

impl Places {
    /// Places for mutations that have at most `transactions_max` transactions open at once; it counts as 1 where it is 0.
    pub(crate) fn new(transactions_max: usize) -> Self {
        table::MUTATIONS_MAX.set_count([], PLACES);
        Self { places: Arc::new(Semaphore::new(PLACES)), turns: Semaphore::new(transactions_max.max(1)) }
    }

    /// A place that is free and for which nobody waits.
    pub(crate) fn try_take(&self) -> Option<Place> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(Place::taken)
    }

    /// A place, once one is free.
    ///
    /// # Errors
    /// None became free within [`PLACE_WAIT`]: nothing has begun.
    pub(crate) async fn take(&self) -> Result<Place, Error> {
        let permit = tokio::time::timeout(PLACE_WAIT, Arc::clone(&self.places).acquire_owned()).await;
        let permit = permit.map_err(|_| overloaded("no_place"))?.map_err(Error::internal)?;
        Ok(Place::taken(permit))
    }

    /// A turn for a transaction with which something begins.
    ///
    /// # Errors
    /// It did not come within [`TURN_WAIT`]: nothing has begun.
    pub(crate) async fn take_turn(&self) -> Result<Turn<'_>, Error> {
        tokio::time::timeout(TURN_WAIT, self.wait_for_turn()).await.map_err(|_| overloaded("no_turn"))?
    }

    /// A turn for a transaction that commits what has been done, however long it takes: its lease ends the wait.
    ///
    /// # Errors
    /// None but a defect.
    pub(crate) async fn wait_for_turn(&self) -> Result<Turn<'_>, Error> {
        let permit = self.turns.acquire().await.map_err(Error::internal)?;
        Ok(Turn { _permit: permit })
    }
}

fn overloaded(reason: &'static str) -> Error {
    table::MUTATIONS_REFUSED.increment([reason.into()]);
    Error::Unavailable {
        reason: Reason::Overloaded,
        message: "too many requests are being worked on; retry".to_owned(),
        retry_after: Some(RETRY_WHEN_OVERLOADED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_overloaded<T>(got: Result<T, Error>) -> bool {
        matches!(got, Err(Error::Unavailable { reason: Reason::Overloaded, retry_after: Some(_), .. }))
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_or_no_turn_is_told_after_a_while() {
        let places = Places::new(2);
        let taken: Vec<_> = std::iter::from_fn(|| places.try_take()).collect();
        assert_eq!(taken.len(), PLACES);
        assert!(is_overloaded(places.take().await));
        drop(taken);
        assert!(places.take().await.is_ok());
        let turns = (places.take_turn().await.unwrap(), places.take_turn().await.unwrap());
        assert!(is_overloaded(places.take_turn().await));
        drop(turns);
        assert!(places.take_turn().await.is_ok());
    }
}

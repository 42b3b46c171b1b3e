//! Events as callers follow them.

use std::sync::Arc;
use std::time::Duration;

use domain::access::Caller;
use domain::event::{EventPosition, SequencedEvent};
use domain::ports::storage::{EventFilter, Sellers};

use crate::app::App;
use crate::error::Error;

/// Which events to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventQuery {
    /// Of these sellers, all of them the caller's.
    pub sellers: Sellers,
    /// Which of theirs.
    pub filter: EventFilter,
    /// Behind this position.
    pub after: EventPosition,
    /// At most this many.
    pub limit: u32,
}

impl App {
    /// The sellers whose events a caller asks for: the one named, or all of the caller's.
    ///
    /// # Errors
    /// The one named is unknown or not the caller's.
    pub fn event_sellers(&self, caller: &Caller, named: Option<&str>) -> Result<Sellers, Error> {
        match named.filter(|name| !name.is_empty()) {
            Some(name) => Ok(Sellers::from([self.resolve_seller(caller, Some(name))?.id.clone()])),
            None => Ok(caller.sellers.clone()),
        }
    }

    /// Events in their order; may be empty.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list_events(&self, query: &EventQuery) -> Result<Arc<[SequencedEvent]>, Error> {
        Ok(self.0.storage.list_events(&query.sellers, &query.filter, query.after, query.limit).await?)
    }

    /// Where someone begins who wants only what is still to come: all that was committed before has its position by then.
    ///
    /// # Errors
    /// The store fails.
    pub async fn present_event_position(&self) -> Result<EventPosition, Error> {
        self.0.storage.sequence_events().await?;
        self.last_event_position().await
    }

    /// The last position given.
    ///
    /// # Errors
    /// The store fails.
    pub async fn last_event_position(&self) -> Result<EventPosition, Error> {
        Ok(self.0.storage.last_position().await?)
    }

    /// Waits until an event behind `after` may be there, but at most for `patience`. Answers the last position that is known:
    /// what has one up to it is there to be read, and more may be.
    ///
    /// # Errors
    /// The store fails.
    pub async fn wait_for_event(&self, after: EventPosition, patience: Duration) -> Result<EventPosition, Error> {
        Ok(self.0.storage.wait_for_event(after, patience).await?)
    }
}

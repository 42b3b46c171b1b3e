//! Events are appended in the transaction that makes the change that they tell of.

use domain::event::{Event, EventKind, EventSubject};
use domain::ports::storage::UnitOfWork;

use crate::app::App;
use crate::error::Error;

impl App {
    /// Appends an event about a thing as it is now. Call it after the thing is stored, so that it tells the new version.
    pub(crate) async fn record(
        &self,
        uow: &mut dyn UnitOfWork,
        kind: EventKind,
        subject: EventSubject,
    ) -> Result<(), Error> {
        let event = Event {
            id: self.new_event_id(),
            seller_id: subject.seller_id().clone(),
            kind,
            subject,
            occurred_at: self.now(),
            trace: telemetry::trace::current(),
        };
        Ok(uow.append_event(&event).await?)
    }
}

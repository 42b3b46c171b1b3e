//! What followers of events read: once for all who read the same at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use application::{App, Error, EventQuery};
use domain::event::{EventPosition, SequencedEvent};
use futures::FutureExt;
use futures::future::{Map, Shared};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tonic::Status;

use crate::layer::BegunCall;
use crate::status::status;

/// What a follower asks, with whose right. It has no `Debug`, since the token is a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) token: Option<String>,
    pub(super) query: EventQuery,
    /// Up to which position events are known to be there. Who knows of more may not take the answer to who knew of less, which
    /// was perhaps read before.
    pub(super) known: EventPosition,
}

/// What was read.
#[derive(Clone)]
pub(super) struct Read {
    /// Since when the events are those that were there.
    pub(super) began_at: Instant,
    pub(super) events: Arc<[SequencedEvent]>,
}

type Reading = Shared<Map<JoinHandle<Result<Read, Status>>, fn(Joined) -> Result<Read, Status>>>;
type Joined = Result<Result<Read, Status>, JoinError>;

/// What is being read.
#[derive(Clone, Default)]
pub(crate) struct Reads(Arc<Mutex<HashMap<Question, Reading>>>);

impl Reads {
    /// Reads on behalf of a call, or waits for what another has begun to read. A read goes on though nobody waits for it any more;
    /// the store's limits end it.
    pub(super) fn read(&self, app: &App, question: Question, call: &BegunCall) -> Reading {
        let mut reads = self.lock();
        if let Some(reading) = reads.get(&question) {
            return reading.clone();
        }
        let (app, reads_too, asked) = (app.clone(), self.clone(), question.clone());
        let reading = tokio::spawn(call.clone().work(async move {
            // Made here: a runtime that ends drops what has not begun at once, while the lock is held.
            let listed = Listed { reads: reads_too, question: asked };
            let (began_at, Question { token, query, .. }) = (Instant::now(), &listed.question);
            let events = app.list_events(query).await.map_err(status)?;
            // Behind the events, for which many may wait long: what was written after a key was revoked is not told to it.
            app.authenticate(token.as_deref()).await.map_err(status)?;
            Ok(Read { began_at, events })
        }));
        // The task can't end unlisted: for that it waits for the lock.
        let reading = reading.map(joined as fn(Joined) -> Result<Read, Status>).shared();
        reads.insert(question, reading.clone());
        reading
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Question, Reading>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has what is read listed for as long as it is being read, however that ends: who asks later is told what is read later.
struct Listed {
    reads: Reads,
    question: Question,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.reads.lock().remove(&self.question);
    }
}

/// Does something on behalf of a call that must be driven on once it has begun, for one who may not be.
pub(super) async fn in_a_task<T: Send + 'static>(
    call: &BegunCall,
    work: impl Future<Output = Result<T, Status>> + Send + 'static,
) -> Result<T, Status> {
    joined(tokio::spawn(call.clone().work(work)).await)
}

fn joined<T>(ended: Result<Result<T, Status>, JoinError>) -> Result<T, Status> {
    ended.unwrap_or_else(|error| Err(status(Error::Internal(error.into()))))
}

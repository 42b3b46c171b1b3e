//! What followers of events read: once for all who read the same at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use application::{App, Error, EventQuery};
use domain::event::{EventPosition, SequencedEvent};
use futures::FutureExt;
use futures::future::{Map, Shared, WeakShared};
use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
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
    /// Since when the key is known to be good.
    pub(super) allowed_at: Instant,
    pub(super) events: Arc<[SequencedEvent]>,
}

type Asked = Map<AbortOnDropHandle<Result<Read, Error>>, fn(Joined) -> Result<Read, Error>>;
type Joined = Result<Result<Read, Error>, JoinError>;

/// What is being read.
#[derive(Clone, Default)]
pub(crate) struct Reads(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Each with its number. It is dropped, and its task ended, with the last who waits for it.
    reads: HashMap<Question, (u64, WeakShared<Asked>)>,
    begun: u64,
    /// At how many those are forgotten that were ended before they began.
    forgets_at: usize,
}

/// At how many reads it is looked at the earliest whether some are ended.
const FORGETS_AT_FIRST: usize = 64;

impl Reads {
    /// Reads on behalf of a call, or waits for what another has begun to read.
    pub(super) fn read(&self, app: &App, question: Question, call: &BegunCall) -> Shared<Asked> {
        let mut state = self.lock();
        if let Some(reading) = state.reads.get(&question).and_then(|(_, reading)| reading.upgrade()) {
            return reading;
        }
        if state.reads.len() >= state.forgets_at {
            state.reads.retain(|_, (_, reading)| reading.upgrade().is_some());
            state.forgets_at = FORGETS_AT_FIRST.max(2 * state.reads.len());
        }
        let number = state.begun;
        state.begun += 1;
        let (app, reads, asked) = (app.clone(), self.clone(), question.clone());
        let reading = tokio::spawn(call.clone().work(async move {
            // Made here: a runtime that ends drops what has not begun at once, while the lock is held.
            let listed = Listed { reads, question: asked, number };
            let Question { token, query, .. } = &listed.question;
            let events = app.list_events(query).await?;
            // Behind the events, for which many may wait long: what was written after a key was revoked is not told to it.
            let allowed_at = Instant::now();
            app.authenticate(token.as_deref()).await?;
            Ok(Read { allowed_at, events })
        }));
        // The task can't end unlisted: for that it waits for the lock.
        let reading = AbortOnDropHandle::new(reading).map(joined as fn(Joined) -> Result<Read, Error>).shared();
        if let Some(listed) = reading.downgrade() {
            state.reads.insert(question, (number, listed));
        }
        reading
    }

    #[cfg(test)]
    pub(super) fn listed(&self) -> usize {
        self.lock().reads.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has what is read listed for as long as it is being read, however that ends: who asks later is told what is read later.
struct Listed {
    reads: Reads,
    question: Question,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut state = self.reads.lock();
        // One that nobody waited for may have been followed by another.
        if state.reads.get(&self.question).is_some_and(|(number, _)| *number == self.number) {
            state.reads.remove(&self.question);
        }
    }
}

/// Does something on behalf of a call that must be driven on once it has begun, for one who may not be.
pub(super) async fn in_a_task<T: Send + 'static>(
    call: &BegunCall,
    work: impl Future<Output = Result<T, Status>> + Send + 'static,
) -> Result<T, Status> {
    let ended = tokio::spawn(call.clone().work(work)).await;
    ended.unwrap_or_else(|error| Err(status(Error::internal(error))))
}

fn joined(ended: Joined) -> Result<Read, Error> {
    ended.unwrap_or_else(|error| Err(Error::internal(error)))
}

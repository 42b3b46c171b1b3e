//! Turns at rendering. A document keeps a processor busy, so only so many are made at once, and visitors of hosted invoices,
//! who need no key, never have all the turns. Who gets none for a while is told to come back, before a queue grows.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Reason};

/// How long is waited for a turn: longer than a large document takes, and far below what a call may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// After which time whoever got none is asked to come back.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// For whom a document is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A caller, by its key.
    Caller,
    /// Whoever has the URL of a shared invoice.
    Visitor,
    /// The recipient of a mail, for whom the worker waits as long as it takes.
    Recipient,
}

/// The turns.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    of_visitors: Arc<Semaphore>,
}

/// A turn, until it is dropped.
pub(crate) struct Turn {
    _turn: OwnedSemaphorePermit,
    _of_visitors: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// A turn for each processor; where there are several, visitors have one less.
    pub(crate) fn new() -> Self {
        /// Asked once: the answer takes several files to read.
        static PROCESSORS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));
        Self::of(*PROCESSORS)
    }

    fn of(count: usize) -> Self {
        let of_visitors = Arc::new(Semaphore::new(count.saturating_sub(1).max(1)));
        Self { all: Arc::new(Semaphore::new(count)), of_visitors }
    }

    /// The next turn.
    ///
    /// # Errors
    /// None came in time.
    pub(crate) async fn take(&self, audience: Audience) -> Result<Turn, Error> {
        if audience == Audience::Recipient {
            return self.wait(audience).await;
        }
        tokio::time::timeout(PATIENCE, self.wait(audience)).await.unwrap_or_else(|_| {
            Err(Error::Unavailable {
                reason: Reason::RendererBusy,
                message: "too many documents are being made".to_owned(),
                retry_after: Some(RETRY_AFTER),
            })
        })
    }

    async fn wait(&self, audience: Audience) -> Result<Turn, Error> {
        let turn = |turns: &Arc<Semaphore>| Arc::clone(turns).acquire_owned();
        let of_visitors = match audience {
            Audience::Visitor => Some(turn(&self.of_visitors).await.map_err(Error::internal)?),
            Audience::Caller | Audience::Recipient => None,
        };
        Ok(Turn { _turn: turn(&self.all).await.map_err(Error::internal)?, _of_visitors: of_visitors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_busy(taken: &Result<Turn, Error>) -> bool {
        matches!(taken, Err(Error::Unavailable { reason: Reason::RendererBusy, retry_after: Some(_), .. }))
    }

    #[tokio::test(start_paused = true)]
    async fn visitors_leave_a_turn_to_callers() {
        let turns = Turns::of(3);
        let held = [turns.take(Audience::Visitor).await.unwrap(), turns.take(Audience::Visitor).await.unwrap()];
        assert!(is_busy(&turns.take(Audience::Visitor).await));
        let caller = turns.take(Audience::Caller).await.unwrap();
        assert!(is_busy(&turns.take(Audience::Caller).await));
        drop(held);
        assert!(turns.take(Audience::Visitor).await.is_ok() && turns.take(Audience::Caller).await.is_ok());
        drop(caller);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mail_waits_longer_than_anyone_who_asks() {
        let turns = Turns::of(1);
        let held = turns.take(Audience::Visitor).await.unwrap();
        assert!(is_busy(&turns.take(Audience::Caller).await));
        let mail = turns.take(Audience::Recipient);
        let release = async {
            tokio::time::sleep(PATIENCE * 10).await;
            drop(held);
        };
        assert!(tokio::join!(mail, release).0.is_ok());
    }
}

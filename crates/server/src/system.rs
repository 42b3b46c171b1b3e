//! What only the system can tell: the time, randomness, signals.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use domain::ports::clock::{Clock, IdGenerator};
use domain::timestamp::Timestamp;
use uuid::Uuid;

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that owns the clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// UUIDs version 7; those of one process sort by their making, even within a millisecond.
pub(crate) struct UuidGenerator;

impl IdGenerator for UuidGenerator {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that makes ids")]
    fn uuid_v7(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Random bytes for secrets.
pub(crate) fn entropy() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Waits until the process is asked to stop: SIGTERM or ctrl-c.
pub(crate) async fn wait_for_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM can't be waited for; ctrl-c can");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

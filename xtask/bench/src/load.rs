//! Load: so many calls in flight, or so many a second whatever the answers take. A call that fails ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use crate::accounting::cpu_time;
use crate::figure::quantile;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Load {
    /// How long each call took, in milliseconds.
    pub(crate) took_ms: Vec<f64>,
    /// How long all of it took.
    elapsed: Duration,
    /// The processor time that the process called took, if it was watched.
    cpu: Duration,
}

impl Load {
    pub(crate) fn per_second(&self) -> f64 {
        self.took_ms.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The processor time of a call, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.took_ms.len() as f64
    }

    pub(crate) fn quantile_ms(&self, q: f64) -> f64 {
        quantile(self.took_ms.iter().copied(), q)
    }
}

/// Keeps `in_flight` calls going for `time`. Each gets a number of its own, and the process `pid` is watched meanwhile.
pub(crate) async fn in_flight<F, A>(pid: u32, in_flight: u64, time: Duration, call: F) -> Result<Load>
where
    F: Fn(u64) -> A + Send + Sync + 'static,
    A: Future<Output = Result<()>> + Send + 'static,
{
    let (call, next) = (Arc::new(call), Arc::new(AtomicU64::new(0)));
    let (cpu_before, began) = (cpu_time(pid)?, Instant::now());
    let mut callers = JoinSet::new();
    for _ in 0..in_flight {
        let (call, next) = (Arc::clone(&call), Arc::clone(&next));
        callers.spawn(async move {
            let mut took_ms = Vec::new();
            while began.elapsed() < time {
                let sent = Instant::now();
                call(next.fetch_add(1, Ordering::Relaxed)).await?;
                took_ms.push(sent.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(took_ms)
        });
    }
    let mut took_ms = Vec::new();
    while let Some(caller) = callers.join_next().await {
        took_ms.extend(caller??);
    }
    Ok(Load { took_ms, elapsed: began.elapsed(), cpu: cpu_time(pid)?.saturating_sub(cpu_before) })
}

/// Calls `per_second` times a second for `time`, at moments that are fixed beforehand. A call takes from the moment that it
/// was to be sent, so that one that waits behind a slow one is counted as slow too.
pub(crate) async fn at_rate<F, A>(per_second: u32, time: Duration, call: F) -> Result<Load>
where
    F: Fn(u64) -> A,
    A: Future<Output = Result<()>> + Send + 'static,
{
    let began = Instant::now();
    let every = Duration::from_secs(1) / per_second;
    let mut calls = JoinSet::new();
    for number in 0.. {
        let due = began + every * u32::try_from(number).context("too many calls")?;
        if due.duration_since(began) >= time {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let answer = call(number);
        calls.spawn(async move {
            answer.await?;
            anyhow::Ok(due.elapsed().as_secs_f64() * 1e3)
        });
    }
    let mut took_ms = Vec::new();
    while let Some(call) = calls.join_next().await {
        took_ms.push(call??);
    }
    ensure!(!took_ms.is_empty(), "no call was due");
    Ok(Load { took_ms, elapsed: began.elapsed(), cpu: Duration::ZERO })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_fails_ends_the_load() {
        let pid = std::process::id();
        let failing = |number: u64| async move {
            ensure!(number < 3, "the fourth");
            Ok(())
        };
        let time = Duration::from_secs(60);
        let failed = in_flight(pid, 2, time, failing).await.unwrap_err();
        assert_eq!(failed.to_string(), "the fourth");
        let failed = at_rate(1_000, Duration::from_millis(20), failing).await.unwrap_err();
        assert_eq!(failed.to_string(), "the fourth");
    }

    #[tokio::test]
    async fn calls_come_at_a_fixed_rate_whatever_they_take() {
        let slow = |_| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(())
        };
        let load = at_rate(100, Duration::from_millis(100), slow).await.unwrap();
        assert_eq!(load.took_ms.len(), 10);
        assert!(load.quantile_ms(0.01) >= 50.0);
    }
}

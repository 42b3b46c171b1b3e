//! What holds calls to a provider back: never more a second than it allows, never more at once than it bears, callers before the
//! worker, and no queue that is longer than a caller may wait.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The longest that a caller's call may wait for its turn; what would wait longer is refused at once.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(2);
/// How many calls may be under way at once: what a slow provider may hold.
const UNDER_WAY_MAX: usize = 100;
/// How many of them may be the worker's.
const WORKERS_UNDER_WAY_MAX: usize = UNDER_WAY_MAX / 2;

/// Who waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// A caller.
    Caller,
    /// Nobody: the worker has time. It is never refused, since it has a bounded number of calls under way.
    Worker,
}

/// The door to one provider, for all its calls.
pub(crate) struct Pressure {
    limiter: RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Duration>>,
    clock: RuntimeClock,
    /// How many calls of callers may wait for their turn.
    places: Semaphore,
    /// Whose turn it is: in the order of their coming.
    turn: Mutex<()>,
    /// The worker's calls wait here, and one of them at a time among the callers': so it gets all that they leave.
    workers_turn: Mutex<()>,
    under_way: Semaphore,
    workers_under_way: Semaphore,
}

/// A call under way.
pub(crate) struct UnderWay<'a> {
    _place: SemaphorePermit<'a>,
    _workers_place: Option<SemaphorePermit<'a>>,
}

/// A call was refused, since too many wait: surely nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Pressure {
    /// A door for at most so many calls in a second.
    pub(crate) fn new(per_second: NonZeroU32) -> Self {
        let clock = RuntimeClock { began: Instant::now() };
        // Within any second, at most the burst and what that second brings: a quarter more than on average.
        let burst = NonZeroU32::new(per_second.get() / 4).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        let places = u64::from(per_second.get()) * WAIT_MAX.as_secs();
        let places = usize::try_from(places).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            limiter: RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            places: Semaphore::new(places),
            turn: Mutex::new(()),
            workers_turn: Mutex::new(()),
            under_way: Semaphore::new(UNDER_WAY_MAX),
            workers_under_way: Semaphore::new(WORKERS_UNDER_WAY_MAX),
        }
    }

    /// Waits for the turn of a call, which is under way as long as what is answered lives.
    ///
    /// # Errors
    /// A caller would wait, or has waited, for longer than [`WAIT_MAX`].
    pub(crate) async fn enter(&self, urgency: Urgency) -> Result<UnderWay<'_>, TooMany> {
        match urgency {
            Urgency::Caller => {
                let _place = self.places.try_acquire().map_err(|_| TooMany)?;
                let place = tokio::time::timeout(WAIT_MAX, self.take_turn()).await.map_err(|_| TooMany)??;
                Ok(UnderWay { _place: place, _workers_place: None })
            }
            Urgency::Worker => {
                let workers_place = self.workers_under_way.acquire().await.map_err(|_| TooMany)?;
                let _turn = self.workers_turn.lock().await;
                let place = self.take_turn().await?;
                Ok(UnderWay { _place: place, _workers_place: Some(workers_place) })
            }
        }
    }

    async fn take_turn(&self) -> Result<SemaphorePermit<'_>, TooMany> {
        let _turn = self.turn.lock().await;
        // The semaphores are never closed, so there always is a place in the end.
        let place = self.under_way.acquire().await.map_err(|_| TooMany)?;
        while let Err(early) = self.limiter.check() {
            tokio::time::sleep(early.wait_time_from(self.clock.now())).await;
        }
        Ok(place)
    }
}

/// The runtime's own clock, which stands still where a test pauses it.
#[derive(Clone)]
struct RuntimeClock {
    began: Instant,
}

impl Clock for RuntimeClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    fn pressure(per_second: u32) -> Arc<Pressure> {
        Arc::new(Pressure::new(NonZeroU32::new(per_second).unwrap()))
    }

    /// So many calls at once: when each was let through, or that it was refused.
    async fn burst(pressure: &Arc<Pressure>, urgency: Urgency, calls: usize) -> Vec<Result<Duration, TooMany>> {
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..calls {
            let pressure = Arc::clone(pressure);
            tasks.spawn(async move { pressure.enter(urgency).await.map(|_| began.elapsed()) });
        }
        tasks.join_all().await
    }

    fn in_each_second(passed: &[Duration]) -> usize {
        let second = Duration::from_secs(1);
        let within = |from: Duration| passed.iter().filter(|at| **at >= from && **at < from + second).count();
        passed.iter().map(|from| within(*from)).max().unwrap_or(0)
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_spread_below_the_limit_and_what_would_wait_too_long_is_refused_at_once() {
        let pressure = pressure(20);
        let began = Instant::now();
        let outcomes = burst(&pressure, Urgency::Caller, 500).await;
        let mut passed: Vec<Duration> = outcomes.iter().flatten().copied().collect();
        passed.sort_unstable();
        // Those that found room at once, and as many as two seconds bring.
        assert!((40..=45).contains(&passed.len()), "{}", passed.len());
        assert!(in_each_second(&passed) <= 25, "{passed:?}");
        assert!(*passed.last().unwrap() <= WAIT_MAX && began.elapsed() <= WAIT_MAX, "{passed:?}");
        // And then there is room again.
        assert_eq!(burst(&pressure, Urgency::Caller, 10).await.iter().flatten().count(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn the_workers_calls_are_not_refused_and_leave_callers_their_turn() {
        let pressure = pressure(20);
        let background = {
            let pressure = Arc::clone(&pressure);
            tokio::spawn(async move { burst(&pressure, Urgency::Worker, 200).await })
        };
        tokio::time::sleep(Duration::from_millis(500)).await;
        for _ in 0..10 {
            let began = Instant::now();
            assert!(pressure.enter(Urgency::Caller).await.is_ok());
            // One of the worker's may be before it, and it takes a turn itself.
            assert!(began.elapsed() <= Duration::from_millis(110), "{:?}", began.elapsed());
        }
        let passed: Vec<Duration> = background.await.unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(passed.len(), 200);
        assert!(in_each_second(&passed) <= 25);
    }

    #[tokio::test(start_paused = true)]
    async fn the_worker_gets_all_that_callers_leave() {
        let began = Instant::now();
        assert_eq!(burst(&pressure(20), Urgency::Worker, 100).await.len(), 100);
        assert!(began.elapsed() <= Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_hang_keep_others_waiting_no_longer_than_they_may() {
        let pressure = pressure(1_000);
        let mut hanging = Vec::new();
        for _ in 0..UNDER_WAY_MAX {
            hanging.push(pressure.enter(Urgency::Caller).await.unwrap());
        }
        let began = Instant::now();
        assert!(pressure.enter(Urgency::Caller).await.is_err());
        assert_eq!(began.elapsed(), WAIT_MAX);
        hanging.pop();
        assert!(pressure.enter(Urgency::Caller).await.is_ok());
    }
}

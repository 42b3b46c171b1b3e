//! Stays below Stripe's rates, for all calls and for each endpoint, so that its 429 is the exception.
//!
//! The limits hold for this process: replicas share the provider's rate by configuration.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep};

/// A burst may be this part of a second's calls, so that no second has more than the rate and that.
const BURST_PART: u32 = 4;

pub(crate) struct Limiter {
    clock: DefaultClock,
    total: RateLimiter<NotKeyed, InMemoryState, DefaultClock>,
    endpoints: RateLimiter<&'static str, HashMapStateStore<&'static str>, DefaultClock>,
}

impl Limiter {
    pub(crate) fn new(per_second: NonZeroU32, endpoint_per_second: NonZeroU32) -> Self {
        Self {
            clock: DefaultClock::default(),
            total: RateLimiter::direct(quota(per_second)),
            endpoints: RateLimiter::hashmap(quota(endpoint_per_second)),
        }
    }

    /// Waits until a call may go out.
    ///
    /// # Errors
    /// It can't before `deadline`; how long it would have to wait, at the least.
    pub(crate) async fn admit(&self, operation: &'static str, deadline: Instant) -> Result<(), Duration> {
        while let Err(until) = self.endpoints.check_key(&operation) {
            pause(until.wait_time_from(self.clock.now()), deadline).await?;
        }
        while let Err(until) = self.total.check() {
            pause(until.wait_time_from(self.clock.now()), deadline).await?;
        }
        Ok(())
    }
}

fn quota(per_second: NonZeroU32) -> Quota {
    Quota::per_second(per_second)
        .allow_burst(NonZeroU32::new(per_second.get() / BURST_PART).unwrap_or(NonZeroU32::MIN))
}

async fn pause(wait: Duration, deadline: Instant) -> Result<(), Duration> {
    if Instant::now() + wait >= deadline {
        return Err(wait);
    }
    sleep(wait).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32) -> NonZeroU32 {
        NonZeroU32::new(per_second).unwrap()
    }

    #[tokio::test]
    async fn calls_beyond_the_rate_wait_and_those_that_would_wait_too_long_are_told_so() {
        let limiter = Limiter::new(rate(1_000), rate(20));
        let start = Instant::now();
        for _ in 0..9 {
            limiter.admit("GET /a", start + Duration::from_secs(5)).await.unwrap();
        }
        // A burst of 5 at once, then one each 50 ms.
        assert!(start.elapsed() >= Duration::from_millis(190), "{:?}", start.elapsed());
        limiter.admit("GET /b", Instant::now()).await.unwrap();
        let wait = limiter.admit("GET /a", Instant::now()).await.unwrap_err();
        assert!(wait <= Duration::from_millis(50), "{wait:?}");
    }

    #[tokio::test]
    async fn endpoints_share_the_total() {
        let limiter = Limiter::new(rate(4), rate(4));
        limiter.admit("GET /a", Instant::now()).await.unwrap();
        assert!(limiter.admit("GET /b", Instant::now()).await.is_err());
    }
}

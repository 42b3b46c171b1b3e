//! The circuit breaker: a provider that fails again and again is left alone for a moment, so that callers are told at once instead
//! of waiting for one more time limit, and so that it is not kept down by us.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After so many failures in a row the circuit opens.
pub(crate) const FAILURES_MAX: u32 = 10;
/// How long it then stays open, before one call may try again.
const OPEN_FOR: Duration = Duration::from_secs(5);

/// The circuit over all calls to one provider.
pub(crate) struct Circuit {
    /// Whose circuit, for the log and the metrics.
    name: String,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Calls are made; so many of the last ones failed in a row.
    Closed { failures: u32 },
    /// No call is made until then.
    Open { until: Instant },
    /// One call is under way that decides.
    HalfOpen,
}

/// Leave to make one call. Where it is the one that tries, dropping it without a [verdict](Self::answered) counts as a failure:
/// it was given up. Of others that says nothing.
pub(crate) struct Pass<'a> {
    circuit: &'a Circuit,
    is_probe: bool,
    is_judged: bool,
}

impl Circuit {
    pub(crate) fn new(name: String) -> Self {
        let circuit = Self { name, state: Mutex::new(State::Closed { failures: 0 }) };
        circuit.gauge(State::Closed { failures: 0 });
        circuit
    }

    /// Whether no call may be made now.
    pub(crate) fn is_open(&self) -> bool {
        match *self.state() {
            State::Closed { .. } => false,
            State::Open { until } => until > Instant::now(),
            State::HalfOpen => true,
        }
    }

    /// The time for which it stays open is over.
    #[cfg(test)]
    pub(crate) fn let_time_pass(&self) {
        if let State::Open { until } = &mut *self.state() {
            *until = Instant::now();
        }
    }

    /// Leave to make a call; none while the circuit is open.
    pub(crate) fn pass(&self) -> Option<Pass<'_>> {
        let mut state = self.state();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if until <= Instant::now() => {
                self.change(&mut state, State::HalfOpen);
                true
            }
            State::Open { .. } | State::HalfOpen => return None,
        };
        Some(Pass { circuit: self, is_probe, is_judged: false })
    }

    fn judge(&self, is_probe: bool, has_failed: bool) {
        let mut state = self.state();
        let next = match (*state, has_failed) {
            (State::Closed { failures }, true) if failures + 1 < FAILURES_MAX => {
                State::Closed { failures: failures + 1 }
            }
            (State::Closed { .. }, true) => State::Open { until: Instant::now() + OPEN_FOR },
            (State::Closed { .. }, false) => State::Closed { failures: 0 },
            (State::HalfOpen, true) if is_probe => State::Open { until: Instant::now() + OPEN_FOR },
            (State::HalfOpen, false) if is_probe => State::Closed { failures: 0 },
            // A call from before, which says nothing new.
            (state, _) => state,
        };
        self.change(&mut state, next);
    }

    fn change(&self, state: &mut State, next: State) {
        let before = std::mem::replace(state, next);
        if std::mem::discriminant(&before) == std::mem::discriminant(&next) {
            return;
        }
        match next {
            State::Closed { .. } => tracing::info!(provider = self.name, "the provider answers again"),
            State::Open { .. } => {
                let seconds = OPEN_FOR.as_secs();
                // No defect of ours; the metric is what an operator is woken by.
                tracing::warn!(provider = self.name, seconds, "the provider fails again and again: it is left alone");
            }
            State::HalfOpen => tracing::info!(provider = self.name, "one call tries whether the provider answers"),
        }
        self.gauge(next);
    }

    fn gauge(&self, state: State) {
        let value = match state {
            State::Closed { .. } => 0,
            State::HalfOpen => 1,
            State::Open { .. } => 2,
        };
        metrics::gauge!("paylinks_provider_circuit_state", "provider" => self.name.clone()).set(value);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// What became of the call: whether the provider answered it, or failed.
    pub(crate) fn answered(mut self, has_failed: bool) {
        self.is_judged = true;
        self.circuit.judge(self.is_probe, has_failed);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // Of many, one that is given up says little; but the one that decides must not be waited for for ever.
        if !self.is_judged && self.is_probe {
            self.circuit.judge(true, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(circuit: &Circuit, has_failed: bool) -> bool {
        circuit.pass().map(|pass| pass.answered(has_failed)).is_some()
    }

    /// A circuit that has just opened.
    fn open() -> Circuit {
        let circuit = Circuit::new("acquirer".to_owned());
        assert!((0..FAILURES_MAX).all(|_| call(&circuit, true)));
        circuit
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let circuit = Circuit::new("acquirer".to_owned());
        for _ in 0..3 {
            assert!((1..FAILURES_MAX).all(|_| call(&circuit, true)));
            assert!(call(&circuit, false));
        }
        assert!((0..FAILURES_MAX).all(|_| call(&circuit, true)));
        assert!(!call(&circuit, false));
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_tries_and_closes_it_or_leaves_it_open() {
        let circuit = open();
        tokio::time::advance(OPEN_FOR - Duration::from_millis(1)).await;
        assert!(!call(&circuit, false));
        tokio::time::advance(Duration::from_millis(1)).await;
        let probe = circuit.pass().unwrap();
        assert!(!call(&circuit, false), "one call alone tries");
        probe.answered(true);
        assert!(!call(&circuit, false));
        tokio::time::advance(OPEN_FOR).await;
        assert!(call(&circuit, false));
        assert!((1..FAILURES_MAX).all(|_| call(&circuit, true)), "it counts anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_is_given_up_does_not_keep_it_half_open() {
        let circuit = open();
        tokio::time::advance(OPEN_FOR).await;
        drop(circuit.pass().unwrap());
        assert!(!call(&circuit, false));
        tokio::time::advance(OPEN_FOR).await;
        assert!(call(&circuit, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_from_before_it_opened_decides_nothing() {
        let circuit = Circuit::new("acquirer".to_owned());
        let (early, late) = (circuit.pass().unwrap(), circuit.pass().unwrap());
        assert!((0..FAILURES_MAX).all(|_| call(&circuit, true)));
        early.answered(false);
        assert!(!call(&circuit, false));
        tokio::time::advance(OPEN_FOR).await;
        let probe = circuit.pass().unwrap();
        late.answered(false);
        assert!(circuit.pass().is_none());
        probe.answered(false);
        assert!(call(&circuit, false));
    }
}

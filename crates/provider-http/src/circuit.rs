//! The circuit breaker: a provider that fails again and again is left alone for a moment, so that callers are told at once instead
//! of waiting for one more time limit, and so that it is not kept down by us.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use telemetry::table::PROVIDER_CIRCUIT_STATE;
use tokio::time::Instant;

/// After so many failures in a row the circuit opens, if they are of [`SUBJECTS_MIN`].
pub(crate) const FAILURES_MAX: u32 = 10;
/// Of how many different things failures must be: one that can't be read without an error says nothing of the others.
const SUBJECTS_MIN: usize = 3;
/// How long it then stays open, before one call may try again; and how long one that tries may hang, before another may.
const OPEN_FOR: Duration = Duration::from_secs(5);

/// The circuit over all calls to one provider.
pub(crate) struct Circuit {
    /// Whose circuit, for the log and the metrics.
    name: String,
    state: Mutex<State>,
}

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The provider could not be reached at all, whatever the call was about.
    Unreachable,
    /// The call about some thing, told from others by a number.
    Subject(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Calls are made; so many of the last ones failed in a row.
    Closed(Failures),
    /// No call is made until then.
    Open { until: Instant },
    /// A call is under way that decides; where it hangs until then, another may.
    HalfOpen { until: Instant },
}

/// Failures in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Failures {
    count: u32,
    /// How many different things they were about, as far as that matters.
    subjects: Vec<Failure>,
    unreachable: usize,
}

impl Failures {
    fn and(mut self, failure: Failure) -> Self {
        self.count = self.count.saturating_add(1);
        match failure {
            Failure::Unreachable => self.unreachable = self.unreachable.saturating_add(1),
            subject if self.subjects.len() < SUBJECTS_MIN && !self.subjects.contains(&subject) => {
                self.subjects.push(subject);
            }
            Failure::Subject(_) => {}
        }
        self
    }

    fn are_the_providers(&self) -> bool {
        self.count >= FAILURES_MAX && self.subjects.len().saturating_add(self.unreachable) >= SUBJECTS_MIN
    }
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
        let circuit = Self { name, state: Mutex::new(State::Closed(Failures::default())) };
        circuit.gauge(&State::Closed(Failures::default()));
        circuit
    }

    /// For how long no call may be made; nothing where one may.
    pub(crate) fn rest(&self) -> Option<Duration> {
        match *self.state() {
            State::Closed(_) => None,
            State::Open { until } | State::HalfOpen { until } => {
                Some(until.saturating_duration_since(Instant::now())).filter(|rest| !rest.is_zero())
            }
        }
    }

    /// The time for which it stays open is over.
    #[cfg(test)]
    pub(crate) fn let_time_pass(&self) {
        if let State::Open { until } = &mut *self.state() {
            *until = Instant::now();
        }
    }

    /// Leave to make a call.
    ///
    /// # Errors
    /// The circuit is open: for how long.
    pub(crate) fn pass(&self) -> Result<Pass<'_>, Duration> {
        let mut state = self.state();
        let is_probe = match *state {
            State::Closed(_) => false,
            State::Open { until } | State::HalfOpen { until } => {
                let rest = until.saturating_duration_since(Instant::now());
                if !rest.is_zero() {
                    return Err(rest);
                }
                self.change(&mut state, State::HalfOpen { until: Instant::now() + OPEN_FOR });
                true
            }
        };
        Ok(Pass { circuit: self, is_probe, is_judged: false })
    }

    fn judge(&self, is_probe: bool, failure: Option<Failure>) {
        let mut state = self.state();
        let next = match (state.clone(), failure) {
            (State::Closed(before), Some(failure)) => {
                let failures = before.and(failure);
                if failures.are_the_providers() {
                    State::Open { until: Instant::now() + OPEN_FOR }
                } else {
                    State::Closed(failures)
                }
            }
            (State::Closed(_), None) => State::Closed(Failures::default()),
            (State::HalfOpen { .. }, Some(_)) if is_probe => State::Open { until: Instant::now() + OPEN_FOR },
            // One that tried is answered, however long it took.
            (_, None) if is_probe => State::Closed(Failures::default()),
            // A call from before, which says nothing new.
            (state, _) => state,
        };
        self.change(&mut state, next);
    }

    fn change(&self, state: &mut State, next: State) {
        let before = std::mem::replace(state, next.clone());
        if std::mem::discriminant(&before) == std::mem::discriminant(&next) {
            return;
        }
        match next {
            State::Closed(_) => tracing::info!(provider = self.name, "the provider answers again"),
            State::Open { .. } => {
                let seconds = OPEN_FOR.as_secs();
                // No defect of ours; the metric is what an operator is woken by.
                tracing::warn!(provider = self.name, seconds, "the provider fails again and again: it is left alone");
            }
            State::HalfOpen { .. } => {
                tracing::info!(provider = self.name, "one call tries whether the provider answers")
            }
        }
        self.gauge(&next);
    }

    fn gauge(&self, state: &State) {
        let value = match state {
            State::Closed(_) => 0,
            State::HalfOpen { .. } => 1,
            State::Open { .. } => 2,
        };
        PROVIDER_CIRCUIT_STATE.set([self.name.clone().into()], value);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// What became of the call: whether the provider answered it, or failed.
    pub(crate) fn answered(mut self, failure: Option<Failure>) {
        self.is_judged = true;
        self.circuit.judge(self.is_probe, failure);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // Of many, one that is given up says little; but the one that decides must not be waited for for ever.
        if !self.is_judged && self.is_probe {
            self.circuit.judge(true, Some(Failure::Unreachable));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Makes a call about something else than all others; whether it may be made.
    fn call(circuit: &Circuit, has_failed: bool) -> bool {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        call_about(circuit, NEXT.fetch_add(1, Ordering::SeqCst), has_failed)
    }

    fn call_about(circuit: &Circuit, subject: u64, has_failed: bool) -> bool {
        circuit.pass().map(|pass| pass.answered(has_failed.then_some(Failure::Subject(subject)))).is_ok()
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
        probe.answered(Some(Failure::Unreachable));
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
        early.answered(None);
        assert!(!call(&circuit, false));
        tokio::time::advance(OPEN_FOR).await;
        let probe = circuit.pass().unwrap();
        late.answered(None);
        assert!(circuit.pass().is_err());
        probe.answered(None);
        assert!(call(&circuit, false));
    }

    #[tokio::test(start_paused = true)]
    async fn one_thing_that_always_fails_does_not_open_it_and_an_unreachable_provider_does() {
        let circuit = Circuit::new("acquirer".to_owned());
        assert!((0..100).all(|nth| call_about(&circuit, nth % 2, true)));
        assert!(call_about(&circuit, 2, true));
        assert!(!call_about(&circuit, 3, false), "a third thing fails as well");
        let circuit = Circuit::new("acquirer".to_owned());
        for _ in 0..FAILURES_MAX {
            circuit.pass().unwrap().answered(Some(Failure::Unreachable));
        }
        assert_eq!(circuit.rest(), Some(OPEN_FOR));
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_hangs_keeps_no_other_from_trying() {
        let circuit = open();
        tokio::time::advance(OPEN_FOR).await;
        let hanging = circuit.pass().unwrap();
        assert_eq!(circuit.pass().err(), Some(OPEN_FOR));
        tokio::time::advance(OPEN_FOR).await;
        assert!(call(&circuit, false));
        // It says nothing new any more.
        hanging.answered(Some(Failure::Unreachable));
        assert!(call(&circuit, false));
    }
}

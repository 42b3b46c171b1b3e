//! How a call reaches the provider, and what may happen to it on its way.

use std::fmt::Debug;
use std::time::Duration;

use domain::ports::provider::ProviderError;
use domain::provider::ProviderKey;

use super::SimulatedProvider;
use super::ledger::{Answer, Ledger, rejected};

/// The longest that a call lies on its way to the provider: far less than any key is remembered.
const LATE_MAX: Duration = Duration::from_secs(240);

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accident {
    /// The provider does not do it, and says so, or does not hear of it at all.
    NotDone(ProviderError),
    /// The provider refuses it for good, and so it does again under the same key.
    Refused,
    /// The provider does it, and the answer is lost.
    AnswerLost,
    /// The provider's answer is lost, and it does it only so much later.
    DoneLate(Duration),
    /// The provider fails by itself, and repeats that failure under the same key.
    FailureKept {
        /// Whether it has done it all the same.
        is_done: bool,
    },
}

/// A call that changes something.
pub(super) struct Call {
    /// The port's method.
    method: &'static str,
    pub(super) key: ProviderKey,
    /// All that is asked for.
    pub(super) asked: String,
}

impl Call {
    pub(super) fn new(method: &'static str, key: &ProviderKey, asked: impl Debug) -> Self {
        Self { method, key: key.clone(), asked: format!("{method} {asked:?}") }
    }

    fn is_creation(&self) -> bool {
        self.method.starts_with("create_")
    }
}

impl SimulatedProvider {
    /// A call that changes something, with all that may come in between.
    pub(super) async fn change(
        &self,
        call: Call,
        effect: impl FnOnce(&mut Ledger) -> Result<Answer, ProviderError> + Send + 'static,
    ) -> Result<Answer, ProviderError> {
        self.reach.go().await;
        let (chaos, acquirer) = (&self.reach.chaos, &self.acquirer);
        if chaos.happens(|faults| faults.slow) {
            tokio::time::sleep(Duration::from_secs(60 + chaos.below(60))).await;
        }
        self.arrive()?;
        let answer = match self.accident(&call) {
            Some(Accident::NotDone(error)) => Err(error),
            Some(Accident::Refused) => acquirer.do_once(&call, |_| Err(rejected("not_permitted"))),
            Some(Accident::DoneLate(late)) => {
                let acquirer = acquirer.clone();
                // It is on its way already, so it goes on although its caller may die.
                tokio::spawn(async move {
                    tokio::time::sleep(late).await;
                    let _ = acquirer.do_once(&call, effect);
                });
                Err(ProviderError::OutcomeUnknown)
            }
            Some(Accident::FailureKept { is_done }) => acquirer.do_once(&call, |ledger| {
                if is_done {
                    effect(ledger)?;
                }
                Err(ProviderError::OutcomeUnknown)
            }),
            Some(Accident::AnswerLost) => {
                let _ = acquirer.do_once(&call, effect);
                Err(ProviderError::OutcomeUnknown)
            }
            None => acquirer.do_once(&call, effect),
        };
        self.reach.come_back().await;
        answer
    }

    /// A call that only looks.
    pub(super) async fn look<T>(
        &self,
        method: &'static str,
        look: impl FnOnce(&mut Ledger) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        self.reach.go().await;
        self.arrive()?;
        let chaos = &self.reach.chaos;
        match self.intended(method) {
            Some(Accident::NotDone(error)) => return Err(error),
            // A look that fails has changed nothing.
            Some(_) => return Err(ProviderError::Unavailable),
            None => {}
        }
        if chaos.happens(|faults| faults.not_done) {
            return Err(match chaos.below(2) {
                0 => ProviderError::Unavailable,
                _ => ProviderError::RateLimited { retry_after: None },
            });
        }
        let seen = look(&mut self.acquirer.ledger());
        self.reach.come_back().await;
        seen
    }

    /// The call gets through to the provider, or does not.
    fn arrive(&self) -> Result<(), ProviderError> {
        match &self.cut_off {
            Some(error) => Err(error.clone()),
            None => {
                self.acquirer.ledger().calls += 1;
                Ok(())
            }
        }
    }

    /// What a test wants to happen to each call of a method.
    fn intended(&self, method: &str) -> Option<Accident> {
        self.acquirer.ledger().accident.clone().filter(|(of, _)| *of == method).map(|(_, accident)| accident)
    }

    /// What happens to a call: what a test wants, or else what the dice say.
    fn accident(&self, call: &Call) -> Option<Accident> {
        if let Some(intended) = self.intended(call.method) {
            return Some(intended);
        }
        let chaos = &self.reach.chaos;
        if chaos.happens(|faults| faults.not_done) {
            Some(Accident::NotDone(match chaos.below(3) {
                0 => ProviderError::Unavailable,
                1 => ProviderError::RateLimited { retry_after: Some(Duration::from_secs(chaos.below(5))) },
                _ => ProviderError::Conflict { code: "key_in_use".to_owned() },
            }))
        } else if call.is_creation() && chaos.happens(|faults| faults.rejected) {
            Some(Accident::Refused)
        } else if chaos.happens(|faults| faults.done_late) {
            let late = Duration::from_millis(chaos.below(u64::try_from(LATE_MAX.as_millis()).unwrap_or(1)));
            Some(Accident::DoneLate(late))
        } else if chaos.happens(|faults| faults.failure_kept) {
            // A refund that such a provider has not made, and whose key repeats a failure, is for a person to see to.
            let is_told = call.method == "create_refund" && self.acquirer.is_mute();
            Some(Accident::FailureKept { is_done: chaos.below(2) == 0 || is_told })
        } else if chaos.happens(|faults| faults.answer_lost) {
            Some(Accident::AnswerLost)
        } else {
            None
        }
    }
}

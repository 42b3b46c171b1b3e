//! What becomes of a call when its server dies, or when the provider takes its time.

use std::sync::Arc;
use std::time::Duration;

use domain::idempotency::RequestId;
use port_simulator::{Acquirer, Chaos, Faults, Process, SeededIds, SimulatedClock, SimulatedStorage};
use tokio::time::Instant;

use super::callers::Command;
use super::history::{Action, Step};
use super::world::{BEGINNING, Replica, start_replica};
use crate::mocked;
use crate::{Error, Worker};

/// Within this time the call of a server that died goes on elsewhere.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(15);

/// Two servers of a provider that takes more than a minute for each call.
struct Two {
    chaos: Chaos,
    storage: SimulatedStorage,
    acquirer: Acquirer,
    replicas: [Replica; 2],
}

impl Two {
    fn new() -> Self {
        let chaos = Chaos::new(1);
        let clock = SimulatedClock::starting_at(BEGINNING);
        let ids = SeededIds::new(chaos.clone(), clock);
        let acquirer = Acquirer::new(clock, &chaos);
        let storage = SimulatedStorage::new(&Process::default(), &chaos);
        let seller = mocked::seller("acquirer".parse().unwrap());
        let start = || start_replica((&storage, &acquirer), (clock, &ids), &seller);
        let replicas = [start(), start()];
        chaos.set(Faults { slow: 1_000, ..Faults::default() });
        Self { chaos, storage, acquirer, replicas }
    }

    /// Asks a server for the one link.
    async fn ask(&self, replica: usize) -> Result<String, Error> {
        let step = Step { pause_ms: 0, action: Action::CreateItemsLink, pick: 1, replica };
        let command = self.storage.look(|read| Command::of(step, read)).unwrap();
        let seller = Arc::new(mocked::seller("acquirer".parse().unwrap()));
        Box::pin(command.ask(&self.replicas[replica].app, &seller, &RequestId::parse("request-1").unwrap())).await
    }

    /// How often each call was tried, and in whose lease it is.
    fn tries(&self) -> Vec<(u32, i64)> {
        self.storage.look(|books| books.intents.iter().map(|it| (it.attempts, it.lease_epoch)).collect())
    }

    /// One round of a server's worker a second, for ever.
    async fn work(&self, replica: usize) {
        let worker = Worker::new(self.replicas[replica].app.clone());
        loop {
            worker.round().await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_its_time_stays_with_who_made_it() {
    let two = Two::new();
    let began = Instant::now();
    let answer = tokio::select! {
        answer = two.ask(0) => answer.unwrap(),
        () = two.work(1) => unreachable!("it works for ever"),
    };
    assert!(began.elapsed() > TAKEN_OVER_WITHIN * 3, "{:?}", began.elapsed());
    assert_eq!(two.tries(), [(1, 0)]);
    assert_eq!(two.acquirer.links().len(), 1);
    assert_eq!(Box::pin(two.ask(1)).await.unwrap(), answer);
}

#[tokio::test(start_paused = true)]
async fn the_call_of_a_server_that_died_soon_goes_on_elsewhere() {
    let two = Two::new();
    // Long enough for its lease to have been renewed.
    let asked = tokio::time::timeout(Duration::from_secs(33), Box::pin(two.ask(0))).await;
    assert!(asked.is_err());
    two.replicas[0].process.kill();
    two.chaos.set(Faults::default());
    assert!(matches!(Box::pin(two.ask(1)).await, Err(Error::Aborted { retry_after: Some(_), .. })));
    let died = Instant::now();
    let made = async {
        while two.acquirer.links().is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = made => {}
        () = two.work(1) => {}
    }
    assert!(died.elapsed() <= TAKEN_OVER_WITHIN, "{:?}", died.elapsed());
    assert!(matches!(two.tries()[..], [(_, 1)]));
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(two.acquirer.links().len(), 1, "what the dead server sent has come to nothing more");
}

//! The simulated store under the contract of storage, also as several transactions write at once.

use std::sync::Arc;

use port_contracts::storage::Store;
use port_simulator::{Chaos, Process, SimulatedStorage};

port_contracts::storage_contract!(keeps);
port_contracts::storage_contract_of_concurrent_writers!(keeps);

async fn keeps<F: Future<Output = ()>>(rule: impl FnOnce(Store) -> F) {
    rule(Arc::new(SimulatedStorage::new(&Process::default(), &Chaos::new(0)))).await;
}

//! Reading back what providers have told has turns, and remembers how far it came.

use std::sync::Arc;
use std::time::Duration;

use domain::provider::ProviderName;
use domain::timestamp::Timestamp;
use tokio::task::JoinSet;

use super::Store;

/// Longer than a rule takes.
const LONG: Duration = Duration::from_secs(3_600);

async fn lease(storage: &Store, provider: &ProviderName, beginning: i64) -> Option<Timestamp> {
    let mut work = storage.begin().await.unwrap();
    let beginning = Timestamp::from_unix_seconds(beginning);
    let leased = work.lease_reconciliation(provider, beginning, LONG).await.unwrap();
    work.commit().await.unwrap();
    leased
}

async fn finish(storage: &Store, provider: &ProviderName, until: i64, due_in: Duration) {
    let mut work = storage.begin().await.unwrap();
    work.update_reconciliation(provider, Timestamp::from_unix_seconds(until), due_in).await.unwrap();
    work.commit().await.unwrap();
}

/// One of many has the turn of a provider; each provider has turns of its own.
pub async fn a_turn_of_reading_back_is_leased_to_one_alone(storage: Store) {
    let (one, other): (ProviderName, ProviderName) = ("one".parse().unwrap(), "other".parse().unwrap());
    let mut replicas = JoinSet::new();
    for _ in 0..8 {
        let (storage, one) = (Arc::clone(&storage), one.clone());
        replicas.spawn(async move { lease(&storage, &one, 1_000).await });
    }
    let leased: Vec<_> = replicas.join_all().await.into_iter().flatten().collect();
    assert_eq!(leased, [Timestamp::from_unix_seconds(1_000)]);
    assert_eq!(lease(&storage, &other, 5).await, Some(Timestamp::from_unix_seconds(5)));
}

/// A turn begins where the one before ended, wherever a new one would, and never goes back.
pub async fn reading_back_goes_on_where_it_ended(storage: Store) {
    let provider: ProviderName = "one".parse().unwrap();
    let at = |seconds| Some(Timestamp::from_unix_seconds(seconds));
    assert_eq!(lease(&storage, &provider, 1_000).await, at(1_000));
    finish(&storage, &provider, 2_000, Duration::ZERO).await;
    assert_eq!(lease(&storage, &provider, 9_000).await, at(2_000));
    // A slower replica, whose lease ran out.
    finish(&storage, &provider, 1_500, Duration::ZERO).await;
    assert_eq!(lease(&storage, &provider, 9_000).await, at(2_000));
    finish(&storage, &provider, 3_000, LONG).await;
    assert_eq!(lease(&storage, &provider, 9_000).await, None, "it is not due");
}

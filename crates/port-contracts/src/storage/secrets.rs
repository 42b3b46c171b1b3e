//! A secret is kept once, whoever asks first.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::ports::storage::SharedSecret;

use super::Store;

fn secret(byte: u8) -> SharedSecret {
    SharedSecret::new([byte; SharedSecret::BYTES])
}

/// Servers that begin at once agree on one secret; later ones get it too, and another name has another.
pub async fn one_of_many_secrets_of_a_name_is_kept(storage: Store) {
    let asked: Vec<_> = (1..=8)
        .map(|byte| {
            let storage = Arc::clone(&storage);
            tokio::spawn(async move { storage.shared_secret("links", secret(byte)).await.unwrap() })
        })
        .collect();
    let mut kept = BTreeSet::new();
    for asked in asked {
        kept.insert(*asked.await.unwrap().expose());
    }
    assert_eq!(kept.len(), 1, "all have the same");
    let late = storage.shared_secret("links", secret(9)).await.unwrap();
    assert!(kept.contains(late.expose()));
    assert_eq!(storage.shared_secret("other", secret(10)).await.unwrap(), secret(10));
    assert_eq!(storage.shared_secret("links", secret(10)).await.unwrap(), late);
}

//! How much of the service callers' mutations may hold at once: places, and of those that have one, turns at the database. What
//! must not wait for them is served beside them: webhooks, renewals of leases, reads, and the worker.
//!
//! Each provider has places of its own, so that one that is slow holds up nobody but the sellers that it charges for; and of
//! several sellers at one provider, none has all of its places.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::provider::ProviderName;
use domain::seller::{Seller, SellerId};
use telemetry::{OneMore, table};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::error::{Error, Reason};

/// How many mutations are worked on at once for each provider: what a slow provider or database may hold, before callers are
/// told to come back instead of all of them waiting.
const PROVIDER_PLACES: usize = 64;
/// How many of them one seller may have where its provider charges for others as well.
const SELLER_PLACES: usize = 48;
/// How long one may wait for its place.
const PLACE_WAIT: Duration = Duration::from_secs(2);
/// How long the first transaction of one may wait for its turn: less than a caller's patience.
const TURN_WAIT: Duration = Duration::from_secs(5);
/// After which time whoever got none is asked to come back.
const RETRY_WHEN_OVERLOADED: Duration = Duration::from_secs(2);

/// Places of mutations that are worked on, and their turns at the database.
pub(crate) struct Places {
    of_providers: BTreeMap<ProviderName, Arc<Semaphore>>,
    /// How much of it each seller may have.
    of_sellers: BTreeMap<SellerId, Arc<Semaphore>>,
    turns: Semaphore,
}

/// A place among the mutations that are worked on, as long as it lives.
pub(crate) struct Place {
    _of_seller: OwnedSemaphorePermit,
    _of_provider: OwnedSemaphorePermit,
    _counted: OneMore,
}

impl Place {
    fn taken(of_seller: OwnedSemaphorePermit, of_provider: OwnedSemaphorePermit, seller: &Seller) -> Self {
        let counted = table::MUTATIONS_UNDER_WAY.one_more([seller.provider.to_string().into()]);
        Self { _of_seller: of_seller, _of_provider: of_provider, _counted: counted }
    }
}

/// A turn at the database, as long as it lives. Nobody may have one while a provider is waited for.
pub(crate) struct Turn<'a> {
    _permit: SemaphorePermit<'a>,
}

impl Places {
    /// Places for the mutations of these sellers, which have at most `transactions_max` transactions open at once; it counts
    /// as 1 where it is 0.
    pub(crate) fn new<'a>(sellers: impl IntoIterator<Item = &'a Seller>, transactions_max: usize) -> Self {
        let mut charged_by: BTreeMap<ProviderName, Vec<SellerId>> = BTreeMap::new();
        for seller in sellers {
            charged_by.entry(seller.provider.clone()).or_default().push(seller.id.clone());
        }
        let mut of_sellers = BTreeMap::new();
        for sellers in charged_by.values() {
            let each = if sellers.len() == 1 { PROVIDER_PLACES } else { SELLER_PLACES };
            of_sellers.extend(sellers.iter().map(|seller| (seller.clone(), Arc::new(Semaphore::new(each)))));
        }
        for name in charged_by.keys() {
            table::MUTATIONS_MAX.set_count([name.to_string().into()], PROVIDER_PLACES);
        }
        let of_providers = charged_by.into_keys().map(|name| (name, Arc::new(Semaphore::new(PROVIDER_PLACES))));
        Self { of_providers: of_providers.collect(), of_sellers, turns: Semaphore::new(transactions_max.max(1)) }
    }

    /// A place that is free and for which nobody waits.
    pub(crate) fn try_take(&self, seller: &Seller) -> Option<Place> {
        let (of_seller, of_provider) = self.of(seller).ok()?;
        let of_seller = of_seller.try_acquire_owned().ok()?;
        let of_provider = of_provider.try_acquire_owned().ok()?;
        Some(Place::taken(of_seller, of_provider, seller))
    }

    /// A place, once one is free.
    ///
    /// # Errors
    /// None became free within [`PLACE_WAIT`]: nothing has begun.
    pub(crate) async fn take(&self, seller: &Seller) -> Result<Place, Error> {
        let (of_seller, of_provider) = self.of(seller)?;
        // In a box, or every mutation would be larger by it, though few wait.
        let both = Box::pin(async {
            // The seller's own first: whoever waits for that keeps nobody else from the provider.
            let of_seller = of_seller.acquire_owned().await?;
            Ok(Place::taken(of_seller, of_provider.acquire_owned().await?, seller))
        });
        let taken: Result<Place, tokio::sync::AcquireError> =
            tokio::time::timeout(PLACE_WAIT, both).await.map_err(|_| overloaded("no_place"))?;
        taken.map_err(Error::internal)
    }

    fn of(&self, seller: &Seller) -> Result<(Arc<Semaphore>, Arc<Semaphore>), Error> {
        let both = self.of_sellers.get(&seller.id).zip(self.of_providers.get(&seller.provider));
        let (of_seller, of_provider) =
            both.ok_or_else(|| Error::internal(format!("seller {} is not configured", seller.id)))?;
        Ok((Arc::clone(of_seller), Arc::clone(of_provider)))
    }

    /// A turn for a transaction with which something begins.
    ///
    /// # Errors
    /// It did not come within [`TURN_WAIT`]: nothing has begun.
    pub(crate) async fn take_turn(&self) -> Result<Turn<'_>, Error> {
        tokio::time::timeout(TURN_WAIT, self.wait_for_turn()).await.map_err(|_| overloaded("no_turn"))?
    }

    /// A turn for a transaction that commits what has been done, however long it takes: its lease ends the wait.
    ///
    /// # Errors
    /// None but a defect.
    pub(crate) async fn wait_for_turn(&self) -> Result<Turn<'_>, Error> {
        let permit = self.turns.acquire().await.map_err(Error::internal)?;
        Ok(Turn { _permit: permit })
    }
}

fn overloaded(reason: &'static str) -> Error {
    table::MUTATIONS_REFUSED.increment([reason.into()]);
    Error::Unavailable {
        reason: Reason::Overloaded,
        message: "too many requests are being worked on; retry".to_owned(),
        retry_after: Some(RETRY_WHEN_OVERLOADED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_overloaded<T>(got: Result<T, Error>) -> bool {
        matches!(got, Err(Error::Unavailable { reason: Reason::Overloaded, retry_after: Some(_), .. }))
    }

    /// Sellers with these ids, each charged by the provider named beside it.
    fn sellers(all: &[(&str, &str)]) -> Vec<Seller> {
        let seller = |(id, provider): &(&str, &str)| Seller {
            id: SellerId::parse(id).unwrap(),
            ..crate::mocked::seller(provider.parse().unwrap())
        };
        all.iter().map(seller).collect()
    }

    fn take_all(places: &Places, seller: &Seller) -> Vec<Place> {
        std::iter::from_fn(|| places.try_take(seller)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_or_no_turn_is_told_after_a_while() {
        let sellers = sellers(&[("north", "acquirer")]);
        let places = Places::new(&sellers, 2);
        let taken = take_all(&places, &sellers[0]);
        assert_eq!(taken.len(), PROVIDER_PLACES);
        assert!(is_overloaded(places.take(&sellers[0]).await));
        drop(taken);
        assert!(places.take(&sellers[0]).await.is_ok());
        let turns = (places.take_turn().await.unwrap(), places.take_turn().await.unwrap());
        assert!(is_overloaded(places.take_turn().await));
        drop(turns);
        assert!(places.take_turn().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_all_places_of_a_provider_holds_none_of_anothers() {
        let sellers = sellers(&[("north", "slow"), ("south", "quick")]);
        let places = Places::new(&sellers, 2);
        let slow = take_all(&places, &sellers[0]);
        assert!(is_overloaded(places.take(&sellers[0]).await));
        assert_eq!((slow.len(), take_all(&places, &sellers[1]).len()), (PROVIDER_PLACES, PROVIDER_PLACES));
    }

    #[tokio::test(start_paused = true)]
    async fn of_sellers_that_share_a_provider_none_has_all_of_its_places() {
        let sellers = sellers(&[("north", "shared"), ("south", "shared"), ("east", "shared")]);
        let places = Places::new(&sellers, 2);
        let north = take_all(&places, &sellers[0]);
        assert_eq!(north.len(), SELLER_PLACES);
        assert!(is_overloaded(places.take(&sellers[0]).await));
        let south = take_all(&places, &sellers[1]);
        assert_eq!(south.len(), PROVIDER_PLACES - SELLER_PLACES);
        assert!(is_overloaded(places.take(&sellers[2]).await));
        // Who gave up waiting for the provider's has not kept the seller's.
        drop(south);
        assert_eq!(take_all(&places, &sellers[2]).len(), PROVIDER_PLACES - SELLER_PLACES);
    }
}

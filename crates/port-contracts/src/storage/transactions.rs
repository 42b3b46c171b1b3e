//! Transactions: all or nothing, and what only the database can hold when many write at once.

use std::time::Duration;

use domain::catalog::{Product, ProductChanges};
use domain::id::{CheckoutSessionId, InvoiceId, PaymentLinkId};
use domain::invoice::Invoice;
use domain::ports::storage::{Collectable, Reservation, StorageError};
use time::macros::date;
use tokio::task::JoinSet;

use super::{Store, stored_product};
use crate::fixtures::{
    PaymentParties, api_key, draft_invoice, items_link, later, made_link, metadata, money, next_uuid, only,
    open_invoice, pending_payment, product, provider_ref, seller,
};

/// What is not committed was never there, whether it is rolled back or dropped.
pub async fn rollback_and_drop_keep_nothing(storage: Store) {
    let own = only(&seller("north"));
    for is_dropped in [false, true] {
        let mut cup = product(&seller("north"));
        let mut work = storage.begin().await.unwrap();
        work.insert_product(&mut cup).await.unwrap();
        assert_eq!(work.get_product(&own, cup.id).await.unwrap().as_ref(), Some(&cup));
        if is_dropped {
            drop(work);
        } else {
            work.rollback().await;
        }
        // The next transaction begins behind the end of the one before wherever there is but one writer.
        let after = storage.begin().await.unwrap();
        assert_eq!(after.get_product(&own, cup.id).await.unwrap(), None);
        after.rollback().await;
        assert_eq!(storage.get_product(&own, cup.id).await.unwrap(), None);
    }
    stored_product(&storage, "north").await;
}

/// A drop on a thread that knows no runtime neither panics nor leaves the transaction open.
pub async fn a_drop_outside_of_the_runtime_rolls_back(storage: Store) {
    let mut cup = product(&seller("north"));
    for _ in 0..32 {
        let mut work = storage.begin().await.unwrap();
        work.insert_product(&mut cup).await.unwrap();
        let dropped = std::thread::spawn(move || drop(work));
        assert!(dropped.join().is_ok());
    }
    let mut work = storage.begin().await.unwrap();
    work.insert_product(&mut cup).await.unwrap();
    work.commit().await.unwrap();
}

/// Until the commit, only the transaction itself sees what it wrote.
pub async fn nobody_sees_what_is_not_committed(storage: Store) {
    let own = only(&seller("north"));
    let mut cup = product(&seller("north"));
    let mut work = storage.begin().await.unwrap();
    work.insert_product(&mut cup).await.unwrap();
    assert_eq!(storage.get_product(&own, cup.id).await.unwrap(), None);
    work.commit().await.unwrap();
    assert_eq!(storage.get_product(&own, cup.id).await.unwrap(), Some(cup));
}

/// A second row where there may be one is a conflict; the transaction keeps nothing, and the store goes on.
pub async fn a_broken_constraint_is_a_conflict_and_keeps_nothing(storage: Store) {
    /// Begins, adds a product, expects a conflict, and drops it all.
    macro_rules! conflicts {
        ($write:ident($thing:expr), $refusal:pat) => {{
            let mut bystander = product(&seller("north"));
            let mut work = storage.begin().await.unwrap();
            work.insert_product(&mut bystander).await.unwrap();
            let refused = work.$write($thing).await;
            assert!(matches!(refused, Err($refusal)), "{}: {refused:?}", stringify!($write));
            if let Err(StorageError::Conflict { constraint }) = refused {
                assert!(!constraint.is_empty());
            }
            work.rollback().await;
            assert_eq!(storage.get_product(&only(&seller("north")), bystander.id).await.unwrap(), None);
        }};
    }
    let north = seller("north");
    let mut cup = stored_product(&storage, "north").await;
    conflicts!(insert_product(&mut cup), StorageError::Conflict { .. });

    let mut work = storage.begin().await.unwrap();
    let mut first = open_invoice(&north, None, 1, date!(2026 - 12 - 24));
    let mut elsewhere = open_invoice(&seller("south"), None, 1, date!(2026 - 12 - 24));
    work.insert_invoice(&mut first).await.unwrap();
    work.insert_invoice(&mut elsewhere).await.unwrap();
    let mut paid = pending_payment(&north, PaymentParties::default());
    let session = paid.checkout_session_id.unwrap();
    paid.process((provider_ref("pi_1"), session), vec![], later());
    work.insert_payment(&mut paid).await.unwrap();
    let mut made = made_link(items_link(&north, None, metadata(&[])), "plink_1");
    work.insert_payment_link(&mut made).await.unwrap();
    let mut intended = items_link(&north, None, metadata(&[]));
    work.insert_payment_link(&mut intended).await.unwrap();
    work.commit().await.unwrap();

    conflicts!(
        insert_invoice(&mut open_invoice(&north, None, 1, date!(2026 - 12 - 24))),
        StorageError::Conflict { .. }
    );
    let mut again = pending_payment(&north, PaymentParties::default());
    again.process((provider_ref("pi_1"), session), vec![], later());
    conflicts!(insert_payment(&mut again), StorageError::ProviderRefTaken);
    let mut twin = made_link(intended, "plink_1");
    conflicts!(update_payment_link(&mut twin), StorageError::ProviderRefTaken);
    let nobodys = PaymentParties { invoice_id: Some(InvoiceId::from_uuid(next_uuid())), ..Default::default() };
    conflicts!(insert_payment(&mut pending_payment(&north, nobodys)), StorageError::Conflict { .. });
}

async fn stored_invoice(storage: &Store) -> Invoice {
    let mut invoice = open_invoice(&seller("north"), None, 1, date!(2026 - 12 - 24));
    let mut work = storage.begin().await.unwrap();
    work.insert_invoice(&mut invoice).await.unwrap();
    work.commit().await.unwrap();
    invoice
}

fn some_link() -> Collectable {
    Collectable::PaymentLink(PaymentLinkId::from_uuid(next_uuid()))
}

fn some_session() -> Collectable {
    Collectable::CheckoutSession(CheckoutSessionId::from_uuid(next_uuid()))
}

/// However many reserve an invoice at once, one gets it, and the others are told which.
pub async fn one_of_many_reservations_gets_the_invoice(storage: Store) {
    let invoice = stored_invoice(&storage).await.id;
    let mut tasks = JoinSet::new();
    for index in 0..16 {
        let storage = Store::clone(&storage);
        tasks.spawn(async move {
            let mine = if index % 2 == 0 { some_link() } else { some_session() };
            let mut work = storage.begin().await.unwrap();
            let reservation = work.reserve_collectable(&seller("north"), invoice, mine).await.unwrap();
            work.commit().await.unwrap();
            (mine, reservation)
        });
    }
    let outcomes = tasks.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(_, it)| *it == Reservation::Reserved);
    assert_eq!((won.len(), lost.len()), (1, 15));
    assert!(lost.iter().all(|(_, it)| *it == Reservation::HeldBy(won[0].0)), "{won:?} {lost:?}");
    let mut work = storage.begin().await.unwrap();
    assert_eq!(work.open_collectable(invoice).await.unwrap(), Some(won[0].0));
    work.rollback().await;
}

/// What is given back, or rolled back, is free for another; who has it may ask again.
pub async fn a_released_invoice_can_be_reserved_again(storage: Store) {
    let (invoice, north) = (stored_invoice(&storage).await.id, seller("north"));
    let (first, second, third) = (some_link(), some_session(), some_link());
    let mut work = storage.begin().await.unwrap();
    assert_eq!(work.open_collectable(invoice).await.unwrap(), None);
    work.release_collectable(first).await.unwrap();
    assert_eq!(work.reserve_collectable(&north, invoice, third).await.unwrap(), Reservation::Reserved);
    work.rollback().await;
    for (holder, other) in [(first, second), (second, third), (first, third)] {
        let mut work = storage.begin().await.unwrap();
        assert_eq!(work.reserve_collectable(&north, invoice, holder).await.unwrap(), Reservation::Reserved);
        assert_eq!(work.reserve_collectable(&north, invoice, holder).await.unwrap(), Reservation::Reserved);
        assert_eq!(work.reserve_collectable(&north, invoice, other).await.unwrap(), Reservation::HeldBy(holder));
        work.release_collectable(other).await.unwrap();
        work.commit().await.unwrap();
        let mut work = storage.begin().await.unwrap();
        assert_eq!(work.open_collectable(invoice).await.unwrap(), Some(holder));
        work.release_collectable(holder).await.unwrap();
        work.release_collectable(holder).await.unwrap();
        assert_eq!(work.open_collectable(invoice).await.unwrap(), None);
        work.commit().await.unwrap();
    }
}

/// The numbers that were kept are 1, 2, 3 and so on, though a third is rolled back and a third is dropped.
pub async fn numbers_are_gapless_whatever_is_rolled_back(storage: Store) {
    let mut tasks = JoinSet::new();
    for _ in 0..48 {
        let storage = Store::clone(&storage);
        tasks.spawn(async move {
            let mut work = storage.begin().await.unwrap();
            let number = work.next_number(&seller("north"), "INV").await.unwrap();
            // The last bits of a UUID are random.
            match next_uuid().as_u128() % 3 {
                0 => {
                    work.rollback().await;
                    None
                }
                1 => {
                    drop(work);
                    None
                }
                _ => {
                    work.commit().await.unwrap();
                    Some(number)
                }
            }
        });
    }
    let mut kept: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let mut work = storage.begin().await.unwrap();
    kept.push(work.next_number(&seller("north"), "INV").await.unwrap());
    work.commit().await.unwrap();
    kept.sort_unstable();
    let gapless: Vec<_> = (1..=u64::try_from(kept.len()).unwrap()).collect();
    assert_eq!(kept, gapless);
}

/// Each seller's each series begins at 1.
pub async fn each_series_counts_by_itself(storage: Store) {
    let mut work = storage.begin().await.unwrap();
    for (name, series, expected) in
        [("north", "A", 1), ("north", "A", 2), ("north", "B", 1), ("south", "A", 1), ("north", "A", 3)]
    {
        assert_eq!(work.next_number(&seller(name), series).await.unwrap(), expected, "{name} {series}");
    }
    work.commit().await.unwrap();
}

/// Who locks first reads what the one before wrote: nothing is lost, and nobody is stale.
pub async fn changes_under_a_lock_all_count(storage: Store) {
    let invoice = stored_invoice(&storage).await.id;
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let storage = Store::clone(&storage);
        tasks.spawn(async move {
            let mut work = storage.begin().await.unwrap();
            let mut locked = work.lock_invoice(invoice).await.unwrap().unwrap();
            locked.receive(money(100), later()).unwrap();
            work.update_invoice(&mut locked).await.unwrap();
            work.commit().await.unwrap();
        });
    }
    tasks.join_all().await;
    let invoice = storage.get_invoice(&only(&seller("north")), invoice).await.unwrap().unwrap();
    assert_eq!((invoice.amount_paid, invoice.version), (money(1_600), 17));
}

/// Two that wait for each other: one is told to try again, the other gets through.
pub async fn a_deadlock_is_contended_for_one_and_passes_for_the_other(storage: Store) {
    let mut invoices = [draft_invoice(&seller("north"), None), draft_invoice(&seller("north"), None)];
    let mut work = storage.begin().await.unwrap();
    for invoice in &mut invoices {
        work.insert_invoice(invoice).await.unwrap();
    }
    work.commit().await.unwrap();
    let [a, b] = invoices.map(|invoice| invoice.id);
    let both_have_one = std::sync::Arc::new(tokio::sync::Barrier::new(2));
    let cross = |first, second| {
        let (storage, both_have_one) = (Store::clone(&storage), both_have_one.clone());
        async move {
            let mut work = storage.begin().await.unwrap();
            work.lock_invoice(first).await.unwrap().unwrap();
            both_have_one.wait().await;
            let locked = work.lock_invoice(second).await;
            work.rollback().await;
            locked.map(|_| ())
        }
    };
    let outcomes: [_; 2] = tokio::join!(cross(a, b), cross(b, a)).into();
    assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().any(|it| matches!(it, Err(StorageError::Contended(_)))), "{outcomes:?}");
}

/// An update that waits for another of the same row finds that it was changed.
pub async fn a_change_that_waited_for_another_is_stale(storage: Store) {
    let cup = stored_product(&storage, "north").await;
    let changed = |name: &str| -> Product {
        let mut changed = cup.clone();
        let name = Some(domain::text::DisplayName::parse(name).unwrap());
        changed.change(ProductChanges { name, ..Default::default() }, later()).unwrap();
        changed
    };
    let (mut winner, mut loser) = (changed("first"), changed("second"));
    let mut first = storage.begin().await.unwrap();
    first.update_product(&mut winner).await.unwrap();
    let mut second = storage.begin().await.unwrap();
    let waiting = tokio::spawn(async move {
        let refused = second.update_product(&mut loser).await;
        second.rollback().await;
        refused
    });
    // Whether it waits already or not, it is refused; the pause makes that it mostly does.
    tokio::time::sleep(Duration::from_millis(100)).await;
    first.commit().await.unwrap();
    assert!(matches!(waiting.await.unwrap(), Err(StorageError::Stale)));
    assert_eq!(storage.get_product(&only(&seller("north")), cup.id).await.unwrap(), Some(winner));
}

/// However many read at once, of whichever rows: each gets what it asked for, of its own seller and of as late as it asked.
pub async fn reads_that_come_together_each_get_their_own(storage: Store) {
    let (north, south) = (seller("north"), seller("south"));
    let mut products: Vec<Product> = (0..24).map(|n| product(if n % 3 == 0 { &south } else { &north })).collect();
    let mut link = made_link(items_link(&north, None, metadata(&[])), "plink_1");
    let keys = ["pk_1", "pk_2"].map(api_key);
    let mut work = storage.begin().await.unwrap();
    for product in &mut products {
        work.insert_product(product).await.unwrap();
    }
    work.insert_payment_link(&mut link).await.unwrap();
    for key in &keys {
        work.insert_api_key(key).await.unwrap();
    }
    work.commit().await.unwrap();
    let storage = std::sync::Arc::new(storage);
    let mut reads = JoinSet::new();
    for product in &products {
        for asked_by in [north.clone(), south.clone()] {
            let (storage, product) = (std::sync::Arc::clone(&storage), product.clone());
            reads.spawn(async move {
                let found = storage.get_product(&only(&asked_by), product.id).await.unwrap();
                assert_eq!(found, Some(product).filter(|product| product.seller_id == asked_by));
            });
        }
    }
    for _ in 0..4 {
        let (storage, link, keys, north) = (std::sync::Arc::clone(&storage), link.clone(), keys.clone(), north.clone());
        reads.spawn(async move {
            assert_eq!(storage.get_payment_link(&only(&north), link.id).await.unwrap(), Some(link));
            for key in keys {
                assert_eq!(storage.load_api_key_by_prefix(&key.prefix).await.unwrap(), Some(key));
            }
            assert_eq!(storage.load_api_key_by_prefix("pk_3").await.unwrap(), None);
            let absent = PaymentLinkId::from_uuid(next_uuid());
            assert_eq!(storage.get_payment_link(&only(&north), absent).await.unwrap(), None);
        });
    }
    while let Some(read) = reads.join_next().await {
        read.unwrap();
    }
    // What was written is read, however many read the same meanwhile.
    for _ in 0..20 {
        let (reader, id, own) = (std::sync::Arc::clone(&storage), keys[0].id, keys[0].prefix.clone());
        let busy = tokio::spawn(async move {
            for _ in 0..8 {
                reader.load_api_key_by_prefix(&own).await.unwrap();
            }
        });
        let mut work = storage.begin().await.unwrap();
        work.revoke_api_key(id, later()).await.unwrap();
        work.commit().await.unwrap();
        let read = storage.load_api_key_by_prefix(&keys[0].prefix).await.unwrap().unwrap();
        assert_eq!(read.revoked_at, Some(later()));
        busy.await.unwrap();
    }
}

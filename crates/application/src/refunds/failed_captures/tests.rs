//! Captures told in every order, over a store of one payment and its refund.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use domain::id::RefundId;
use domain::payment::PaymentFlag;
use domain::ports::clock::MockIdGenerator;
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, MockUnitOfWork};
use domain::provider::ProviderRef;

use super::*;
use crate::mocked::{self, NOW, money};

/// How many ids were given.
static LAST: AtomicU64 = AtomicU64::new(0);

/// What is stored, and what was told of it.
struct Stored {
    payment: Payment,
    refunds: BTreeMap<RefundId, Refund>,
    events: Vec<&'static str>,
}

fn payment() -> Payment {
    let mut payment = Payment::pending(mocked::new_payment(), NOW);
    assert!(payment.succeed((ProviderRef("p_1".into()), mocked::session_id()), money(100), vec![], NOW));
    payment
}

fn store() -> (Arc<Mutex<Stored>>, MockUnitOfWork) {
    let stored = Arc::new(Mutex::new(Stored { payment: payment(), refunds: BTreeMap::new(), events: Vec::new() }));
    let mut uow = MockUnitOfWork::new();
    let of = Arc::clone(&stored);
    uow.expect_lock_payment().returning(move |_| Ok(Some(of.lock().unwrap().payment.clone())));
    let of = Arc::clone(&stored);
    uow.expect_update_payment().returning(move |payment| {
        of.lock().unwrap().payment = payment.clone();
        Ok(())
    });
    let of = Arc::clone(&stored);
    uow.expect_load_refund().returning(move |id| Ok(of.lock().unwrap().refunds.get(&id).cloned()));
    let of = Arc::clone(&stored);
    uow.expect_load_refund_by_ref().returning(move |_, asked| {
        let stored = of.lock().unwrap();
        Ok(stored.refunds.values().find(|refund| refund.provider_ref.as_ref() == Some(asked)).cloned())
    });
    let of = Arc::clone(&stored);
    uow.expect_insert_refund().returning(move |refund| {
        assert!(of.lock().unwrap().refunds.insert(refund.id, refund.clone()).is_none());
        Ok(true)
    });
    let of = Arc::clone(&stored);
    uow.expect_update_refund().returning(move |refund| {
        let before = of.lock().unwrap().refunds.insert(refund.id, refund.clone()).unwrap();
        // As the database holds it: what has failed stays so.
        assert!(before.counted().is_some() || before.state == refund.state);
        Ok(())
    });
    let of = Arc::clone(&stored);
    uow.expect_append_event().returning(move |event| {
        of.lock().unwrap().events.push(event.kind.name());
        Ok(())
    });
    (stored, uow)
}

/// A capture by its reference, what became of it, how much it was of, and when.
type Told = (&'static str, CaptureOutcome, i64, i64);

async fn tell(uow: &mut MockUnitOfWork, (capture, outcome, minor, second): Told) -> Result<(), Error> {
    let snapshot = CaptureSnapshot { provider_ref: ProviderRef(capture.into()), amount: money(minor), outcome };
    let mut parts = mocked::parts(MockStorage::new(), MockPaymentProvider::new());
    let mut ids = MockIdGenerator::new();
    ids.expect_uuid_v7()
        .returning(|| uuid::Uuid::from_u128(mocked::UUID + u128::from(LAST.fetch_add(1, Ordering::SeqCst))));
    parts.ids = Arc::new(ids);
    App::new(parts).unwrap().settle_capture(uow, payment().id, &snapshot, Timestamp::from_unix_seconds(second)).await
}

/// What the payment is without, once all is told: in each order, each of them twice.
async fn missing_after(told: &[Told]) -> i64 {
    let mut ends = Vec::new();
    let indexes: Vec<usize> = (0..told.len()).chain(0..told.len()).collect();
    for order in permutations(&indexes) {
        let (stored, mut uow) = store();
        for index in order {
            tell(&mut uow, told[index]).await.unwrap();
        }
        let stored = stored.lock().unwrap();
        let missing = stored.payment.refunded.map_or(0, domain::money::Money::minor);
        let counted: i64 = stored.refunds.values().filter_map(Refund::counted).map(domain::money::Money::minor).sum();
        assert_eq!(missing, counted);
        ends.push(missing);
    }
    ends.dedup();
    assert_eq!(ends.len(), 1, "{ends:?}");
    ends[0]
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, first) in items.iter().enumerate() {
        let rest: Vec<_> = [&items[..index], &items[index + 1..]].concat();
        all.extend(permutations(&rest).into_iter().map(|tail| [vec![*first], tail].concat()));
    }
    all
}

#[tokio::test]
async fn a_capture_that_is_made_again_brings_the_money_back_in_every_order() {
    use CaptureOutcome::{Failed, Made};
    assert_eq!(missing_after(&[("c_1", Failed, 100, 10)]).await, 100);
    assert_eq!(missing_after(&[("c_1", Made, 100, 5), ("c_1", Failed, 100, 10)]).await, 100);
    assert_eq!(missing_after(&[("c_1", Failed, 100, 10), ("c_2", Made, 100, 20)]).await, 0);
    assert_eq!(missing_after(&[("c_1", Failed, 100, 10), ("c_1", Made, 100, 20)]).await, 0);
    // It fails, is made again, and fails once more.
    assert_eq!(missing_after(&[("c_1", Failed, 100, 10), ("c_1", Made, 100, 20), ("c_1", Failed, 100, 30)]).await, 100);
    // The last of all says that it is there.
    assert_eq!(missing_after(&[("c_1", Failed, 100, 10), ("c_2", Made, 100, 20), ("c_2", Made, 100, 30)]).await, 0);
}

#[tokio::test]
async fn what_moved_is_told_once() {
    let (stored, mut uow) = store();
    tell(&mut uow, ("c_0", CaptureOutcome::Made, 100, 1)).await.unwrap();
    assert_eq!(stored.lock().unwrap().events, Vec::<&str>::new(), "the first capture is no news");
    for _ in 0..2 {
        tell(&mut uow, ("c_1", CaptureOutcome::Failed, 100, 10)).await.unwrap();
    }
    let lost = ["refund.created", "refund.succeeded", "payment.updated"];
    assert_eq!(stored.lock().unwrap().events, lost);
    for _ in 0..2 {
        tell(&mut uow, ("c_2", CaptureOutcome::Made, 100, 20)).await.unwrap();
    }
    assert_eq!(stored.lock().unwrap().events[lost.len()..], ["refund.failed", "payment.updated"]);
}

#[tokio::test]
async fn a_capture_of_another_amount_is_for_a_person_and_moves_nothing() {
    for (told, minor) in [(CaptureOutcome::Made, 101), (CaptureOutcome::Made, 99)] {
        let (stored, mut uow) = store();
        let refused = tell(&mut uow, ("c_1", told, minor, 10)).await;
        assert!(matches!(refused, Err(Error::FailedPrecondition { .. })), "{refused:?}");
        assert_eq!(stored.lock().unwrap().payment, payment());
    }
    // More than came in can't fail to be taken: it is kept, and flagged.
    let (stored, mut uow) = store();
    tell(&mut uow, ("c_1", CaptureOutcome::Failed, 150, 10)).await.unwrap();
    assert_eq!(stored.lock().unwrap().payment.flags, [PaymentFlag::OverRefunded]);
    // Less was taken again than failed to be.
    let refused = tell(&mut uow, ("c_2", CaptureOutcome::Made, 100, 20)).await;
    assert!(matches!(refused, Err(Error::FailedPrecondition { .. })), "{refused:?}");
}

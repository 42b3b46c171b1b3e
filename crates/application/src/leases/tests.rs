//! What becomes of work under a lease, in a time that stands still while there is something to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::id::PaymentMethodId;
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, MockUnitOfWork};
use domain::provider::ProviderAction;

use super::*;
use crate::app::Waiting;
use crate::mocked;

fn held() -> Held {
    let payment_method_id = PaymentMethodId::from_uuid(uuid::Uuid::from_u128(mocked::UUID));
    Held::Call(Box::new(mocked::intent(ProviderAction::DetachPaymentMethod { payment_method_id })))
}

/// An application whose leases are renewed as `renew` says; and how often that was asked.
fn app(renew: fn(u32) -> Result<bool, StorageError>) -> (App, Arc<AtomicU32>) {
    let renewals = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&renewals);
    let mut storage = MockStorage::new();
    storage.expect_begin().returning(move || {
        let (mut uow, counted) = (MockUnitOfWork::new(), Arc::clone(&counted));
        uow.expect_renew_intent_lease().returning(move |_, lease| {
            assert_eq!(lease, LEASE);
            renew(counted.fetch_add(1, Ordering::SeqCst))
        });
        uow.expect_commit().returning(|| Ok(()));
        uow.expect_rollback().returning(|| ());
        Ok(Box::new(uow))
    });
    (mocked::app(storage, MockPaymentProvider::new()), renewals)
}

#[tokio::test(start_paused = true)]
async fn work_goes_on_for_as_long_as_its_lease_is_renewed() {
    let (app, renewals) = app(|_| Ok(true));
    let work = async {
        tokio::time::sleep(LEASE * 10).await;
        Ok("done")
    };
    assert_eq!(app.while_held(held(), work).await.unwrap(), "done");
    assert!(renewals.load(Ordering::SeqCst) >= 20);
}

#[tokio::test(start_paused = true)]
async fn work_ends_once_its_lease_is_lost() {
    let (app, _) = app(|renewals| Ok(renewals < 2));
    let began = Instant::now();
    let ended = app.while_held(held(), std::future::pending::<Result<(), Error>>()).await;
    assert!(is_lost_lease(&ended.unwrap_err()));
    assert_eq!(began.elapsed(), RENEW_EVERY * 3);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_may_fail_but_not_for_as_long_as_the_lease_lasts() {
    fn failed() -> Result<bool, StorageError> {
        Err(StorageError::Unavailable("an outage".into()))
    }
    let (once, _) = app(|renewals| if renewals == 1 { failed() } else { Ok(true) });
    let work = async {
        tokio::time::sleep(LEASE * 3).await;
        Ok(())
    };
    assert!(once.while_held(held(), work).await.is_ok());
    let (for_ever, _) = app(|renewals| if renewals == 0 { Ok(true) } else { failed() });
    let began = Instant::now();
    let ended = for_ever.while_held(held(), std::future::pending::<Result<(), Error>>()).await;
    assert!(is_lost_lease(&ended.unwrap_err()));
    assert_eq!(began.elapsed(), RENEW_EVERY + LEASE);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_whose_lease_was_lost_is_not_written_and_not_tried_again() {
    let mut storage = MockStorage::new();
    storage.expect_load_payment_method().returning(|_| Ok(None));
    storage.expect_begin().once().returning(|| {
        let mut uow = MockUnitOfWork::new();
        uow.expect_load_payment_link().returning(|_| Ok(Some(mocked::link(0))));
        uow.expect_update_intent().once().returning(|_, _| Err(StorageError::Stale));
        uow.expect_rollback().once().returning(|| ());
        Ok(Box::new(uow))
    });
    storage.expect_load_payment_link().returning(|_| Ok(Some(mocked::link(0))));
    let mut provider = MockPaymentProvider::new();
    provider
        .expect_activate_payment_link()
        .returning(|_, _| Err(domain::ports::provider::ProviderError::OutcomeUnknown));
    let app = mocked::app(storage, provider);
    let action = ProviderAction::ActivatePaymentLink { payment_link_id: mocked::link(0).id };
    let ended = app.call_and_conclude(mocked::intent(action), Waiting::Caller).await;
    assert!(is_lost_lease(&ended.unwrap_err()), "who asks again gets the new holder's answer");
}

//! What operators ask of a store.

use domain::payment::{Payment, PaymentData};
use domain::payment_link::{PaymentLink, PaymentLinkData};
use domain::ports::storage::OpenAtProvider;
use domain::provider::{InboxEntry, ProviderAction, ProviderName};

use super::Store;
use super::work::LONG;
use crate::fixtures;
use crate::fixtures::PaymentParties;

/// What is open at a provider that is not among those that are configured is counted by its kind; what is closed, and what is
/// at the others or at none, is not.
pub async fn what_is_open_at_providers_that_are_gone_is_counted(storage: Store) {
    let seller = fixtures::seller("north");
    let here = fixtures::provider();
    assert_eq!(storage.open_at_others(&[]).await.unwrap(), []);
    let link = |provider: &ProviderName, reference: &str| {
        let link = fixtures::items_link(&seller, None, fixtures::metadata(&[]));
        let at = PaymentLinkData { provider: provider.clone(), ..(*link).clone() };
        fixtures::made_link(PaymentLink::from_stored(at), reference)
    };
    let [gone, older]: [ProviderName; 2] = ["gone", "older"].map(|name| name.parse().unwrap());
    let (mut open, mut other, mut at_home) = (link(&gone, "a"), link(&older, "b"), link(&here, "c"));
    let mut work = storage.begin().await.unwrap();
    for link in [&mut open, &mut other, &mut at_home] {
        work.insert_payment_link(link).await.unwrap();
    }
    let payment = |provider: &ProviderName| {
        let payment = fixtures::pending_payment(&seller, PaymentParties::default());
        Payment::from_stored(PaymentData { provider: provider.clone(), ..(*payment).clone() })
    };
    let (mut payment, mut beside) = (payment(&gone), payment(&ProviderName::out_of_band()));
    work.insert_payment(&mut payment).await.unwrap();
    work.insert_payment(&mut beside).await.unwrap();
    let action = ProviderAction::CreatePaymentLink { payment_link_id: open.id };
    let mut intent = fixtures::intent(&seller, action, None);
    intent.provider = gone.clone();
    work.insert_intent(&intent, std::time::Duration::ZERO).await.unwrap();
    let told = ["evt_1", "evt_2"].map(|id| InboxEntry { provider: older.clone(), ..fixtures::inbox_entry(id) });
    work.commit().await.unwrap();
    storage.store_notifications(&told).await.unwrap();
    // One of the two waits for nobody.
    let mut work = storage.begin().await.unwrap();
    let leased = work.lease_due_notifications(1, LONG).await.unwrap();
    work.set_notification_aside(&leased[0], "odd").await.unwrap();
    assert!(work.close_notification(leased[0].id, "seen to").await.unwrap());
    work.commit().await.unwrap();

    let wanted = [
        OpenAtProvider { links: 1, payments: 1, calls: 1, ..OpenAtProvider::nothing(gone.clone()) },
        OpenAtProvider { links: 1, notifications: 1, ..OpenAtProvider::nothing(older.clone()) },
    ];
    assert_eq!(storage.open_at_others(std::slice::from_ref(&here)).await.unwrap(), wanted);
    assert_eq!(storage.open_at_others(&[here, gone, older]).await.unwrap(), []);
}

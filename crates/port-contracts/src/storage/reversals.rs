//! Refunds and disputes: read back equal, taken once, listed by filter and page, and of one seller alone.

use domain::dispute::{Dispute, DisputeSnapshot, DisputeState};
use domain::id::{DisputeId, RefundId};
use domain::money::Money;
use domain::page::{PageRequest, PageSize};
use domain::payment::Payment;
use domain::ports::storage::{DisputeFilter, RefundFilter, StorageError};
use domain::refund::{NewRefund, Refund, RefundProgress, RefundReason, RefundSnapshot, RefundState};
use domain::timestamp::Timestamp;

use super::Store;
use crate::fixtures::{
    PaymentParties, later, metadata, moment, money, next_uuid, only, pending_payment, provider, provider_ref, seller,
};

/// A payment whose money came in, stored.
async fn paid(storage: &Store, name: &str, reference: &str) -> Payment {
    let mut payment = pending_payment(&seller(name), PaymentParties::default());
    let session = payment.checkout_session_id.unwrap();
    payment.succeed((provider_ref(reference), session), money(160_875), vec![], moment());
    let mut work = storage.begin().await.unwrap();
    work.insert_payment(&mut payment).await.unwrap();
    work.commit().await.unwrap();
    payment
}

fn refund(payment: &Payment, amount: Money) -> Refund {
    let new = NewRefund {
        id: RefundId::from_uuid(next_uuid()),
        amount,
        reason: Some(RefundReason::Duplicate),
        credit_note_id: None,
        metadata: metadata(&[("case", "7")]),
    };
    Refund::creating(new, payment, moment())
}

fn refund_at(reference: &str, progress: RefundProgress) -> RefundSnapshot {
    let provider_ref = provider_ref(reference);
    RefundSnapshot { provider_ref, refund_id: None, progress, amount: money(875), reason: None }
}

fn dispute(payment: &Payment, reference: &str, state: DisputeState) -> Dispute {
    Dispute::opened(DisputeId::from_uuid(next_uuid()), payment, &dispute_at(reference, state), moment())
}

fn dispute_at(reference: &str, state: DisputeState) -> DisputeSnapshot {
    DisputeSnapshot {
        provider_ref: provider_ref(reference),
        state,
        amount: money(875),
        reason: "product_not_received".to_owned(),
        evidence_due_at: Some(later()),
    }
}

/// Refunds in every state, and the payment with what it holds for them.
pub async fn refunds_read_back_equal_in_every_state(storage: Store) {
    let mut payment = paid(&storage, "north", "pi_1").await;
    let own = only(&payment.seller_id);
    let failed = RefundProgress::Failed { code: "lost_card".to_owned() };
    let states = [
        RefundProgress::Pending,
        RefundProgress::RequiresAction,
        RefundProgress::Succeeded,
        failed,
        RefundProgress::Canceled,
    ];
    let mut refunds = vec![refund(&payment, money(875))];
    for (index, progress) in states.into_iter().enumerate() {
        let told = refund_at(&format!("re_{index}"), progress);
        let mut asked_for = refund(&payment, money(875));
        assert!(asked_for.observe(&told, later()));
        refunds.push(asked_for);
        let told = RefundSnapshot { provider_ref: provider_ref(&format!("re_found_{index}")), ..told };
        let id = RefundId::from_uuid(next_uuid());
        refunds.push(Refund::made_at_provider(id, &payment, &told, moment()));
    }
    for refund in &mut refunds {
        let mut work = storage.begin().await.unwrap();
        assert!(work.insert_refund(refund).await.unwrap());
        assert_eq!(work.load_refund(refund.id).await.unwrap().as_ref(), Some(&*refund), "inside");
        work.commit().await.unwrap();
        assert_eq!(storage.get_refund(&own, refund.id).await.unwrap().as_ref(), Some(&*refund));
        assert_eq!(storage.load_refund(refund.id).await.unwrap().as_ref(), Some(&*refund));
        if let Some(reference) = &refund.provider_ref {
            assert_eq!(storage.load_refund_by_ref(&provider(), reference).await.unwrap().as_ref(), Some(&*refund));
        }
    }
    payment.hold_refund(Some(money(1_750)), later()).unwrap();
    payment.recount_dispute(None, Some(money(875)), later()).unwrap();
    refunds[0].refused("no_funds".to_owned(), later());
    let mut work = storage.begin().await.unwrap();
    work.update_payment(&mut payment).await.unwrap();
    work.update_refund(&mut refunds[0]).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(storage.get_payment(&own, payment.id).await.unwrap(), Some(payment));
    assert_eq!(storage.get_refund(&own, refunds[0].id).await.unwrap().as_ref(), Some(&refunds[0]));
}

/// Disputes in every state, also one that is not known yet.
pub async fn disputes_read_back_equal_in_every_state(storage: Store) {
    let payment = paid(&storage, "north", "pi_1").await;
    let own = only(&payment.seller_id);
    let states = [
        DisputeState::WarningNeedsResponse,
        DisputeState::WarningUnderReview,
        DisputeState::WarningClosed,
        DisputeState::NeedsResponse,
        DisputeState::UnderReview,
        DisputeState::Won,
        DisputeState::Lost,
        DisputeState::Prevented,
        DisputeState::Unknown { name: "in_arbitration".to_owned() },
    ];
    for (index, state) in states.into_iter().enumerate() {
        let reference = format!("dp_{index}");
        let mut opened = dispute(&payment, &reference, DisputeState::NeedsResponse);
        let mut work = storage.begin().await.unwrap();
        assert!(work.insert_dispute(&mut opened).await.unwrap());
        work.commit().await.unwrap();
        opened.observe(&dispute_at(&reference, state), later());
        let mut work = storage.begin().await.unwrap();
        work.update_dispute(&mut opened).await.unwrap();
        work.commit().await.unwrap();
        assert_eq!(storage.get_dispute(&own, opened.id).await.unwrap().as_ref(), Some(&opened));
        let found = storage.load_dispute_by_ref(&provider(), &provider_ref(&reference)).await.unwrap();
        assert_eq!(found, Some(opened));
    }
}

/// What a provider has one of, there is one of here; a stale version is refused; a refund of nothing is no refund.
pub async fn a_providers_refund_or_dispute_is_taken_once(storage: Store) {
    let payment = paid(&storage, "north", "pi_1").await;
    let found = |id: RefundId, at: Timestamp| {
        Refund::made_at_provider(id, &payment, &refund_at("re_1", RefundProgress::Pending), at)
    };
    let (mut first, mut second) =
        (found(RefundId::from_uuid(next_uuid()), moment()), found(RefundId::from_uuid(next_uuid()), later()));
    let (mut opened, mut again) =
        (dispute(&payment, "dp_1", DisputeState::Won), dispute(&payment, "dp_1", DisputeState::Lost));
    let mut work = storage.begin().await.unwrap();
    assert!(work.insert_refund(&mut first).await.unwrap());
    assert!(!work.insert_refund(&mut second).await.unwrap());
    assert!(work.insert_dispute(&mut opened).await.unwrap());
    assert!(!work.insert_dispute(&mut again).await.unwrap());
    // Those without an id at the provider don't count as the same.
    for mut intended in [refund(&payment, money(1)), refund(&payment, money(2))] {
        assert!(work.insert_refund(&mut intended).await.unwrap());
    }
    work.commit().await.unwrap();
    assert_eq!(storage.load_refund(second.id).await.unwrap(), None);
    assert_eq!(storage.load_refund_by_ref(&provider(), &provider_ref("re_1")).await.unwrap().as_ref(), Some(&first));
    let found = storage.load_dispute_by_ref(&provider(), &provider_ref("dp_1")).await.unwrap();
    assert_eq!(found.as_ref(), Some(&opened));

    let (mut stale_refund, mut stale_dispute) = (first.clone(), opened.clone());
    let mut work = storage.begin().await.unwrap();
    work.update_refund(&mut first).await.unwrap();
    work.update_dispute(&mut opened).await.unwrap();
    work.commit().await.unwrap();
    let mut work = storage.begin().await.unwrap();
    assert!(matches!(work.update_refund(&mut stale_refund).await, Err(StorageError::Stale)));
    assert!(matches!(work.update_dispute(&mut stale_dispute).await, Err(StorageError::Stale)));
    work.rollback().await;

    let mut work = storage.begin().await.unwrap();
    let nothing = work.insert_refund(&mut refund(&payment, money(0))).await;
    assert!(matches!(nothing, Err(StorageError::Conflict { .. })), "{nothing:?}");
    work.rollback().await;
}

/// By payment and state, newest first across the seams of pages, and of one seller alone.
pub async fn refunds_and_disputes_are_listed_by_filter_and_page(storage: Store) {
    let (one, other) = (paid(&storage, "north", "pi_1").await, paid(&storage, "north", "pi_2").await);
    let elsewhere = paid(&storage, "south", "pi_3").await;
    let mut refunds = [&one, &one, &one, &other, &elsewhere].map(|payment| refund(payment, money(875)));
    assert!(refunds[1].created(&refund_at("re_1", RefundProgress::Succeeded), later()));
    let mut disputes = [(&one, "dp_1"), (&one, "dp_2"), (&one, "dp_3"), (&other, "dp_4"), (&elsewhere, "dp_5")]
        .map(|(payment, reference)| dispute(payment, reference, DisputeState::NeedsResponse));
    disputes[1].observe(&dispute_at("dp_2", DisputeState::Won), later());
    let mut work = storage.begin().await.unwrap();
    for refund in &mut refunds {
        assert!(work.insert_refund(refund).await.unwrap());
    }
    for dispute in &mut disputes {
        assert!(work.insert_dispute(dispute).await.unwrap());
    }
    work.commit().await.unwrap();

    /// Every id of a list, walked by pages of two.
    macro_rules! ids {
        ($list:ident($name:literal, $filter:expr)) => {{
            let mut ids = Vec::new();
            loop {
                let request = PageRequest { size: PageSize::parse(2).unwrap(), before: ids.last().copied() };
                let page = storage.$list(&seller($name), $filter, request).await.unwrap();
                ids.extend(page.items.iter().map(|item| item.id));
                if !page.has_more {
                    break ids;
                }
            }
        }};
    }
    let [a, b, c, d, e] = refunds.each_ref().map(|refund| refund.id);
    let any = RefundFilter::default;
    assert_eq!(ids!(list_refunds("north", any())), [d, c, b, a]);
    assert_eq!(ids!(list_refunds("south", any())), [e]);
    assert_eq!(ids!(list_refunds("north", RefundFilter { payment_id: Some(one.id), ..any() })), [c, b, a]);
    assert_eq!(ids!(list_refunds("north", RefundFilter { state: Some(RefundState::SUCCEEDED), ..any() })), [b]);
    assert_eq!(ids!(list_refunds("south", RefundFilter { payment_id: Some(one.id), ..any() })), []);
    let [p, q, r, s, t] = disputes.each_ref().map(|dispute| dispute.id);
    let any = DisputeFilter::default;
    assert_eq!(ids!(list_disputes("north", any())), [s, r, q, p]);
    assert_eq!(ids!(list_disputes("south", any())), [t]);
    assert_eq!(ids!(list_disputes("north", DisputeFilter { payment_id: Some(one.id), ..any() })), [r, q, p]);
    assert_eq!(ids!(list_disputes("north", DisputeFilter { state: Some("won"), ..any() })), [q]);
    let south = only(&seller("south"));
    assert_eq!(storage.get_refund(&south, a).await.unwrap(), None);
    assert_eq!(storage.get_dispute(&south, p).await.unwrap(), None);
}

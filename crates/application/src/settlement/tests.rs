//! What a session comes to in the books, over mocks of the ports.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use domain::checkout::SessionState;
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, MockUnitOfWork};

use super::*;
use crate::mocked::{self, draft_invoice, money};

/// An open session for an invoice, whose page is `page_1`.
fn open_session() -> CheckoutSession {
    let invoice = draft_invoice();
    let new = NewCheckoutSession {
        id: mocked::session_id(),
        seller_id: invoice.seller_id.clone(),
        origin: SessionOrigin::Invoice { invoice_id: invoice.id },
        mode: CheckoutMode::Payment,
        amount: money(10_000),
        title: None,
        description: None,
        locale: None,
        return_url: None,
        cancel_url: None,
        customer_id: None,
        metadata: domain::metadata::Metadata::default(),
        provider: "acquirer".parse().unwrap(),
        livemode: false,
    };
    let mut session = CheckoutSession::creating(new, mocked::NOW);
    assert!(session.created(ProviderRef("page_1".into()), "https://pay.example/1".into(), mocked::NOW));
    session
}

/// What is told of the session by a payment of it.
fn told_by_payment(payment_ref: &str, received: Money) -> CheckoutSnapshot {
    told(payment_ref, CheckoutProgress::Paid { payment_ref: ProviderRef(payment_ref.into()), received }, received)
}

/// What is told of the session: `provider_ref` is that of its page, or of the payment by which it is told.
fn told(provider_ref: &str, progress: CheckoutProgress, amount: Money) -> CheckoutSnapshot {
    let checkout_session_id = Some(mocked::session_id());
    CheckoutSnapshot { checkout_session_id, ..mocked::told(provider_ref, progress, amount) }
}

/// How often a session is written when the page `provider_ref` of it is told to have expired.
async fn writes_at_the_end_of(provider_ref: &str) -> usize {
    let session = open_session();
    let snapshot = told(provider_ref, CheckoutProgress::Expired, session.amount);
    let written = Arc::new(AtomicUsize::new(0));
    let (known, locked, counted) = (session.clone(), session, Arc::clone(&written));
    let mut uow = MockUnitOfWork::new();
    uow.expect_load_checkout_session().returning(move |_| Ok(Some(known.clone())));
    uow.expect_lock_checkout_session().returning(move |_| Ok(Some(locked.clone())));
    uow.expect_lock_invoice().returning(|_| Ok(Some(draft_invoice())));
    uow.expect_release_collectable().returning(|_| Ok(()));
    uow.expect_append_event().returning(|_| Ok(()));
    uow.expect_update_checkout_session().returning(move |session| {
        assert!(matches!(session.state, SessionState::Expired { .. }));
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let app = mocked::app(MockStorage::new(), MockPaymentProvider::new());
    assert!(app.settle(&mut uow, &"acquirer".parse().unwrap(), &snapshot).await.unwrap());
    written.load(Ordering::SeqCst)
}

#[tokio::test]
async fn the_end_of_a_page_that_a_lost_call_made_is_not_the_end_of_the_session() {
    assert_eq!(writes_at_the_end_of("page_1").await, 1);
    assert_eq!(writes_at_the_end_of("page_2").await, 0);
}

/// How many payments are added when a session that was paid by `p_1` is told to be paid by `payment_ref`.
async fn payments_added_by(payment_ref: &str) -> usize {
    let mut session = open_session();
    assert!(session.completed(ProviderRef("page_1".into()), SessionPayment::Paid, mocked::NOW));
    let snapshot = told_by_payment(payment_ref, session.amount);
    let new = NewPayment {
        invoice_id: session.invoice_id(),
        subtotal: session.amount,
        total: session.amount,
        ..mocked::new_payment()
    };
    let mut first = Payment::pending(new, mocked::NOW);
    assert!(first.succeed((ProviderRef("p_1".into()), session.id), session.amount, vec![], mocked::NOW));
    let added = Arc::new(AtomicUsize::new(0));
    let (known, locked, counted) = (session.clone(), session, Arc::clone(&added));
    let mut uow = MockUnitOfWork::new();
    uow.expect_load_checkout_session().returning(move |_| Ok(Some(known.clone())));
    uow.expect_lock_checkout_session().returning(move |_| Ok(Some(locked.clone())));
    uow.expect_lock_invoice().returning(|_| Ok(Some(draft_invoice())));
    uow.expect_open_collectable().returning(|_| Ok(None));
    uow.expect_load_payment_by_ref()
        .returning(move |_, asked| Ok(Some(first.clone()).filter(|first| first.provider_ref.as_ref() == Some(asked))));
    uow.expect_release_collectable().returning(|_| Ok(()));
    uow.expect_append_event().returning(|_| Ok(()));
    uow.expect_insert_payment().returning(move |payment| {
        assert_eq!(payment.received, Some(money(10_000)));
        assert!(payment.flags.contains(&PaymentFlag::InvoiceNotOpen), "{:?}", payment.flags);
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let app = mocked::app(MockStorage::new(), MockPaymentProvider::new());
    assert!(app.settle(&mut uow, &"acquirer".parse().unwrap(), &snapshot).await.unwrap());
    added.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_session_that_is_told_by_its_payment_keeps_its_page() {
    let session = open_session();
    let snapshot = told_by_payment("p_1", session.amount);
    let mut books = Books { invoice: None, link: None, session, part: None };
    let mut uow = MockUnitOfWork::new();
    uow.expect_append_event().returning(|_| Ok(()));
    uow.expect_update_checkout_session().once().returning(|session| {
        assert_eq!(session.provider_ref, Some(ProviderRef("page_1".into())));
        Ok(())
    });
    let app = mocked::app(MockStorage::new(), MockPaymentProvider::new());
    assert!(app.session_completed(&mut uow, &mut books, &snapshot, SessionPayment::Paid).await.unwrap());
}

#[tokio::test]
async fn a_second_payment_of_a_session_is_money_too_and_the_first_is_counted_once() {
    assert_eq!(Box::pin(payments_added_by("p_1")).await, 0);
    assert_eq!(Box::pin(payments_added_by("p_2")).await, 1);
}

#[test]
fn tax_that_the_provider_computed_is_in_what_was_paid() {
    let amounts = |tax| CollectedAmounts {
        subtotal: money(10_000),
        discount: money(0),
        shipping: money(2_000),
        tax: money(tax),
        total: money(15_000),
    };
    assert_eq!(net_and_tax(money(15_000), None, Some(&amounts(3_000))), (money(12_000), money(3_000)));
    assert_eq!(net_and_tax(money(15_000), None, None), (money(15_000), money(0)));
}

/// What became of a session for 100.00 after these payments were told of, by their references and amounts: its state, how many
/// payments there are, and how often its invoice was given free.
async fn after_parts(told: &[(&str, i64)]) -> (&'static str, usize, usize) {
    let session = Arc::new(Mutex::new(open_session()));
    let payments = Arc::new(Mutex::new(Vec::<Payment>::new()));
    let released = Arc::new(AtomicUsize::new(0));
    for (payment_ref, minor) in told {
        let snapshot = told_by_payment(payment_ref, money(*minor));
        let mut uow = MockUnitOfWork::new();
        let of = Arc::clone(&session);
        uow.expect_load_checkout_session().returning(move |_| Ok(Some(of.lock().unwrap().clone())));
        let of = Arc::clone(&session);
        uow.expect_lock_checkout_session().returning(move |_| Ok(Some(of.lock().unwrap().clone())));
        let of = Arc::clone(&session);
        uow.expect_update_checkout_session().returning(move |session| {
            *of.lock().unwrap() = session.clone();
            Ok(())
        });
        uow.expect_lock_invoice().returning(|_| Ok(Some(draft_invoice())));
        uow.expect_open_collectable().returning(|_| Ok(None));
        let of = Arc::clone(&payments);
        uow.expect_load_payment_by_ref().returning(move |_, asked| {
            let of = of.lock().unwrap();
            Ok(of.iter().find(|payment| payment.provider_ref.as_ref() == Some(asked)).cloned())
        });
        let of = Arc::clone(&payments);
        uow.expect_insert_payment().returning(move |payment| {
            of.lock().unwrap().push(payment.clone());
            Ok(())
        });
        let of = Arc::clone(&released);
        uow.expect_release_collectable().returning(move |_| {
            of.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        uow.expect_append_event().returning(|_| Ok(()));
        let app = mocked::app(MockStorage::new(), MockPaymentProvider::new());
        assert!(app.settle(&mut uow, &"acquirer".parse().unwrap(), &snapshot).await.unwrap());
    }
    let state = session.lock().unwrap().state_name();
    let count = payments.lock().unwrap().len();
    (state, count, released.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_page_that_is_paid_in_parts_stays_the_only_one_until_all_is_there() {
    assert_eq!(after_parts(&[("p_1", 4_000)]).await, ("open", 1, 0));
    // Told again, a part counts once.
    assert_eq!(after_parts(&[("p_1", 6_000), ("p_1", 6_000)]).await, ("open", 1, 0));
    assert_eq!(after_parts(&[("p_1", 6_000), ("p_2", 4_000), ("p_1", 6_000)]).await, ("completed", 2, 1));
    assert_eq!(after_parts(&[("p_1", 10_000)]).await, ("completed", 1, 1));
    assert_eq!(after_parts(&[("p_1", 6_000), ("p_2", 6_000)]).await, ("completed", 2, 1));
}

#[test]
fn what_comes_through_a_link_for_items_that_was_closed_at_the_provider_is_not_late() {
    let late = |reason| {
        let mut link = mocked::link(0);
        assert!(!takes_no_more(&link) && link.closed(reason, mocked::NOW));
        takes_no_more(&link)
    };
    assert!(!late(CloseReason::AtProvider) && !late(CloseReason::Completed));
    assert!(late(CloseReason::Requested) && late(CloseReason::Expired) && late(CloseReason::InvoiceClosed));
}

//! Races of voids and finalizations, over mocks of the ports.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use domain::access::{Caller, Scope};
use domain::customer::{Customer, CustomerProfile};
use domain::id::PaymentLinkId;
use domain::idempotency::RequestId;
use domain::page::Page;
use domain::party::Address;
use domain::payment::{NewPayment, PaymentKind};
use domain::ports::clock::MockClock;
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{Collectable, MockStorage, MockUnitOfWork, StorageError};
use domain::ports::tax::MockTaxCalculator;
use domain::tax::{RatedLine, TaxableLine, compute};
use uuid::Uuid;

use super::*;
use crate::app::AppParts;
use crate::mocked::{self, NOW, UUID, draft_invoice, money, north};

fn on_its_way() -> Payment {
    let new = NewPayment {
        kind: PaymentKind::Link,
        invoice_id: Some(draft_invoice().id),
        checkout_session_id: None,
        ..mocked::new_payment()
    };
    Payment::pending(new, NOW)
}

/// What comes of a void whose look at the payments ends so.
async fn concluded(payments: Result<Vec<Payment>, StorageError>) -> Result<Result<Invoice, Error>, Error> {
    let mut uow = MockUnitOfWork::new();
    uow.expect_lock_invoice().returning(|_| Ok(Some(draft_invoice())));
    let found = payments.map(|items| Page { items, has_more: false });
    uow.expect_list_payments().return_once(|_, _, _| found);
    mocked::app(MockStorage::new(), MockPaymentProvider::new()).conclude_void(&mut uow, draft_invoice().id).await
}

#[tokio::test]
async fn a_lost_race_is_no_refusal_of_a_void() {
    let refused = concluded(Ok(vec![on_its_way()])).await.unwrap().unwrap_err();
    assert!(matches!(refused, Error::FailedPrecondition { reason: Reason::PaymentUnderWay, .. }), "{refused:?}");
    // It would be stored as the answer for good.
    assert!(matches!(concluded(Err(StorageError::Stale)).await, Err(Error::Aborted { .. })));
}

#[tokio::test]
async fn a_page_that_was_made_while_another_was_closed_keeps_an_invoice_from_being_voided() {
    let mut uow = MockUnitOfWork::new();
    uow.expect_lock_invoice().returning(|_| Ok(Some(draft_invoice())));
    uow.expect_list_payments().returning(|_, _, _| Ok(Page { items: vec![], has_more: false }));
    let page = Collectable::PaymentLink(PaymentLinkId::from_uuid(Uuid::from_u128(UUID)));
    uow.expect_open_collectable().returning(move |_| Ok(Some(page)));
    let app = mocked::app(MockStorage::new(), MockPaymentProvider::new());
    let refused = app.conclude_void(&mut uow, draft_invoice().id).await.unwrap().unwrap_err();
    assert!(matches!(refused, Error::FailedPrecondition { reason: Reason::PaymentUnderWay, .. }), "{refused:?}");
}

/// The customer as created, at home, and as changed since: moved, in the version after.
fn customer(moved: bool) -> Customer {
    let country = if moved { "DK" } else { "SE" };
    let address = Address::parse(["Storgatan 1", "", "2100", "Here", ""], country).unwrap();
    let profile = CustomerProfile { address: Some(address), ..CustomerProfile::default() };
    let mut customer = Customer::new(customer_id(), north(), profile, NOW);
    customer.mark_stored(if moved { 2 } else { 1 });
    customer
}

fn customer_id() -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(UUID))
}

/// What changes between the computation of the tax and the first transaction.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    Nothing,
    Customer,
    Day,
}

/// The invoice that is created and finalized meanwhile, and the questions to the calculator: where and on which day. The
/// transaction is rolled back as often as there was one question too many.
async fn finalized_while(change: Change) -> (Invoice, Vec<(String, Date)>) {
    let changed = Arc::new(AtomicBool::new(false));
    let has = |what: Change| {
        let changed = changed.clone();
        move || change == what && changed.load(Ordering::SeqCst)
    };
    let mut storage = MockStorage::new();
    storage.expect_load_request().returning(|_| Ok(None));
    storage.expect_load_tax_registrations().returning(|_| Ok(vec![]));
    let moved = has(Change::Customer);
    storage.expect_get_customer().returning(move |_, _| Ok(Some(customer(moved()))));
    let (moved, begun) = (has(Change::Customer), changed.clone());
    storage.expect_begin().returning(move || {
        let is_first = !begun.swap(true, Ordering::SeqCst);
        let is_outdated = is_first && change != Change::Nothing;
        let mut uow = MockUnitOfWork::new();
        uow.expect_claim_request().returning(|_| Ok(None));
        uow.expect_insert_invoice().returning(|_| Ok(()));
        let moved = moved.clone();
        uow.expect_get_customer().returning(move |_, _| Ok(Some(customer(moved()))));
        uow.expect_append_event().returning(|_| Ok(()));
        uow.expect_rollback().times(usize::from(is_outdated)).return_const(());
        // A number is taken, and something stored, only by the one that is not outdated.
        let done = usize::from(!is_outdated);
        uow.expect_next_number().times(done).returning(|_, _| Ok(1));
        uow.expect_update_invoice().times(done).returning(|_| Ok(()));
        uow.expect_update_request().times(done).returning(|_, _| Ok(()));
        uow.expect_commit().times(done).returning(|| Ok(()));
        Ok(Box::new(uow))
    });
    let (asked, mut calculator) = (Arc::new(Mutex::new(vec![])), MockTaxCalculator::new());
    let questions = asked.clone();
    calculator.expect_calculate().returning(move |request| {
        let place = request.customer.place.unwrap().country().to_string();
        questions.lock().unwrap().push((place, request.tax_point));
        let line = |line: &TaxableLine| RatedLine::manual(line.amount, line.behavior, vec![]);
        let rated: Vec<_> = request.lines.iter().map(line).collect();
        Ok(compute(request.currency, request.rounding, &rated).unwrap())
    });
    let (turned, mut clock) = (has(Change::Day), MockClock::new());
    let day_after = NOW.plus(std::time::Duration::from_secs(24 * 60 * 60));
    clock.expect_now().returning(move || if turned() { day_after } else { NOW });
    let app = App::new(AppParts {
        tax_calculator: Arc::new(calculator),
        clock: Arc::new(clock),
        ..mocked::parts(storage, MockPaymentProvider::new())
    })
    .unwrap();
    let unit_price = UnitPrice::parse(10_000.into(), money(0).currency()).unwrap();
    let command = CreateInvoice {
        customer_id: Some(customer_id()),
        currency: money(0).currency(),
        lines: vec![InvoiceLineSpec {
            description: Some(Description::parse("Hosting").unwrap()),
            quantity: Quantity::ONE,
            price: LinePrice::Inline { unit_price, tax_behavior: TaxBehavior::Exclusive },
            tax: TaxSpec::Automatic { tax_code: None },
            discount: None,
        }],
        discount: None,
        tax_rounding: None,
        description: None,
        tax_point: None,
        due_date: None,
        tax_exchange_rate: None,
        metadata: Metadata::default(),
        finalize: true,
    };
    let caller = Caller { key: None, scope: Scope::Write, sellers: [north()].into() };
    let request_id = RequestId::parse("r-1").unwrap();
    let seller = app.seller(&north()).unwrap().clone();
    let invoice = app.create_invoice(Mutation { caller, seller, request_id, command }).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    (invoice, asked)
}

#[tokio::test]
async fn a_finalized_invoice_has_the_tax_of_the_customer_and_the_day_that_it_tells() {
    let (day, day_after) = (NOW.date(), NOW.date().next_day().unwrap());
    for (change, places, days) in [
        (Change::Nothing, vec!["SE"], vec![day]),
        (Change::Customer, vec!["SE", "DK"], vec![day, day]),
        (Change::Day, vec!["SE", "SE"], vec![day, day_after]),
    ] {
        let (invoice, asked) = finalized_while(change).await;
        let wanted: Vec<_> = places.iter().map(|place| (*place).to_owned()).zip(days).collect();
        assert_eq!(asked, wanted);
        let told = invoice.finalization().unwrap();
        let place = told.buyer.as_ref().unwrap().address.as_ref().unwrap().jurisdiction().country().to_string();
        assert_eq!(Some(&(place, told.tax_point)), asked.last());
    }
}

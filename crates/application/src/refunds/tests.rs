//! Looks that end in another order than they began, over mocks of the ports: what must not be written is not expected.

use std::sync::Arc;

use domain::dispute::{DisputeSnapshot, DisputeState};
use domain::id::{CheckoutSessionId, PaymentId, RefundId};
use domain::metadata::Metadata;
use domain::money::{Currency, Money};
use domain::party::Address;
use domain::payment::{NewPayment, Payment, PaymentKind};
use domain::ports::clock::{MockClock, MockIdGenerator};
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, MockUnitOfWork};
use domain::ports::tax::MockTaxCalculator;
use domain::provider::{ProviderName, ProviderRef};
use domain::redirect::RedirectPolicy;
use domain::refund::{NewRefund, Refund, RefundProgress, RefundSnapshot};
use domain::seller::{NumberFormat, Seller, SellerId};
use domain::tax::TaxRounding;
use domain::text::PartyName;
use domain::timestamp::Timestamp;

use super::Look;
use crate::access::AccessPolicy;
use crate::app::{App, AppParts};

const NOW: Timestamp = Timestamp::from_unix_micros(1);
/// The version of the payment in the books.
const VERSION: i64 = 7;

fn app() -> App {
    let name: ProviderName = "acquirer".parse().unwrap();
    let mut provider = MockPaymentProvider::new();
    provider.expect_name().return_const(name.clone());
    let (mut clock, mut ids) = (MockClock::new(), MockIdGenerator::new());
    clock.expect_now().return_const(NOW);
    ids.expect_uuid_v7().returning(|| payment().id.uuid());
    let seller = Seller {
        id: SellerId::parse("north").unwrap(),
        name: PartyName::parse("North AB").unwrap(),
        address: Address::parse(["Storgatan 1", "", "111 22", "Stockholm", ""], "SE").unwrap(),
        tax_ids: vec![],
        tax_registrations: vec![],
        tax_rounding: TaxRounding::default(),
        invoice_numbers: NumberFormat::parse("INV-{number}").unwrap(),
        currency: money(0).currency(),
        provider: name,
        redirects: RedirectPolicy::AnyHost,
        payment_terms_days: 30,
    };
    let parts = AppParts {
        storage: Arc::new(MockStorage::new()),
        providers: vec![Arc::new(provider)],
        tax_calculator: Arc::new(MockTaxCalculator::new()),
        clock: Arc::new(clock),
        ids: Arc::new(ids),
        sellers: vec![seller],
        access: AccessPolicy::Open,
    };
    App::new(parts).unwrap()
}

fn money(minor: i64) -> Money {
    Money::new(minor, Currency::parse("SEK").unwrap())
}

fn payment() -> Payment {
    let session = CheckoutSessionId::parse("cs_0193a5c2e8b27c3a9f0e1d2c3b4a5968").unwrap();
    let new = NewPayment {
        id: PaymentId::parse("pay_0193a5c2e8b27c3a9f0e1d2c3b4a5968").unwrap(),
        seller_id: SellerId::parse("north").unwrap(),
        kind: PaymentKind::Checkout,
        provider: "acquirer".parse().unwrap(),
        invoice_id: None,
        payment_link_id: None,
        checkout_session_id: Some(session),
        customer_id: None,
        subtotal: money(100),
        tax: money(0),
        total: money(100),
        description: None,
        metadata: Metadata::default(),
        expires_at: None,
        livemode: false,
    };
    let mut payment = Payment::pending(new, NOW);
    payment.succeed((ProviderRef("p_1".into()), session), money(100), vec![], NOW);
    payment.recount_refund(None, Some(money(100)), NOW).unwrap();
    payment.mark_stored(VERSION);
    payment
}

fn told(progress: RefundProgress) -> RefundSnapshot {
    let provider_ref = ProviderRef("r_1".into());
    RefundSnapshot { provider_ref, refund_id: None, progress, amount: money(100), reason: None }
}

/// A store with one refund that waits for its customer.
fn store() -> MockUnitOfWork {
    let id = RefundId::parse("re_0193a5c2e8b27c3a9f0e1d2c3b4a5968").unwrap();
    let new = NewRefund { id, amount: money(100), reason: None, metadata: Metadata::default() };
    let mut refund = Refund::creating(new, &payment(), NOW);
    assert!(refund.created(&told(RefundProgress::RequiresAction), NOW));
    let mut uow = MockUnitOfWork::new();
    uow.expect_lock_payment().returning(|_| Ok(Some(payment())));
    uow.expect_load_refund_by_ref().returning(move |_, _| Ok(Some(refund.clone())));
    uow
}

fn look(payment_version: i64) -> Look {
    Look { payment_id: payment().id, payment_version }
}

#[tokio::test]
async fn a_look_that_another_overtook_writes_nothing_and_is_repeated() {
    let mut uow = store();
    uow.expect_load_dispute_by_ref().returning(|_, _| Ok(None));
    let (app, outdated) = (app(), look(VERSION - 1));
    let pending = [told(RefundProgress::Pending)];
    assert!(!app.settle_refunds(&mut uow, &outdated, &pending).await.unwrap());
    let dispute = DisputeSnapshot {
        provider_ref: ProviderRef("d_1".into()),
        state: DisputeState::NeedsResponse,
        amount: money(100),
        reason: "fraudulent".into(),
        evidence_due_at: None,
    };
    assert!(!app.settle_dispute(&mut uow, &outdated, &dispute).await.unwrap());
}

#[tokio::test]
async fn a_look_that_says_what_is_in_the_books_is_done_however_old() {
    let same = [told(RefundProgress::RequiresAction)];
    for version in [VERSION - 1, VERSION] {
        assert!(app().settle_refunds(&mut store(), &look(version), &same).await.unwrap());
    }
}

#[tokio::test]
async fn a_look_that_brings_something_new_writes_the_payment_too() {
    let mut uow = store();
    uow.expect_update_refund().once().returning(|_| Ok(()));
    uow.expect_update_payment().once().returning(|_| Ok(()));
    // The sum is as it was, so the payment has no event.
    uow.expect_append_event().once().withf(|event| event.kind.name() == "refund.updated").returning(|_| Ok(()));
    let pending = [told(RefundProgress::Pending)];
    assert!(app().settle_refunds(&mut uow, &look(VERSION), &pending).await.unwrap());
}

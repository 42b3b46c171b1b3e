//! Every ability in which providers differ is asked for by a field, and without it that field is refused before anything is
//! stored or called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::access::{Caller, Scope};
use domain::catalog::{ChosenAmount, Interval, PackageRounding, PackageSize, PriceModel, Recurrence};
use domain::id::CustomerId;
use domain::idempotency::RequestId;
use domain::metadata::Metadata;
use domain::money::UnitPrice;
use domain::payment::{Authorization, Payment};
use domain::payment_link::{
    CloseReason, FutureUsage, LinkChanges, LinkField, LinkTarget, PaymentLink, SharingSpec, StatementDescriptor,
};
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, MockUnitOfWork};
use domain::provider::{Capabilities, Feature, ProviderRef};
use domain::redirect::{RedirectPolicy, RedirectUrl};
use port_contracts::fixtures;

use super::payment_link::{check_abilities, needed_to_change};
use crate::app::App;
use crate::error::{Error, Lacking};
use crate::mocked::{self, NOW, money, north};
use crate::{CapturePayment, CheckoutPurpose, CreateInvoiceCheckout, CreateRefund, Mutation};

/// A provider that has no ability at all, and must not be called.
fn provider() -> MockPaymentProvider {
    let mut provider = MockPaymentProvider::new();
    provider.expect_capabilities().return_const(Capabilities { features: BTreeSet::new(), ..mocked::capabilities() });
    provider
}

/// An application over it and a store that shows `payment` and `link`, and in which nothing may be written.
fn app(payment: Option<Payment>, link: Option<PaymentLink>) -> App {
    let mut storage = MockStorage::new();
    let shown = link.clone();
    storage.expect_get_payment_link().returning(move |_, _| Ok(shown.clone()));
    storage.expect_begin().returning(move || {
        let mut uow = MockUnitOfWork::new();
        let (payment, link) = (payment.clone(), link.clone());
        let (locked, shown) = (payment.clone(), link.clone());
        uow.expect_claim_request().returning(|_| Ok(None));
        uow.expect_get_payment().returning(move |_, _| Ok(payment.clone()));
        uow.expect_lock_payment().returning(move |_| Ok(locked.clone()));
        uow.expect_load_payment_link().returning(move |_| Ok(shown.clone()));
        uow.expect_lock_payment_link().returning(move |_| Ok(link.clone()));
        uow.expect_rollback().once().returning(|| ());
        Ok(Box::new(uow))
    });
    mocked::app(storage, provider())
}

fn caller() -> Caller {
    Caller { key: None, scope: Scope::Write, sellers: [north()].into() }
}

fn mutation<C>(command: C) -> Mutation<C> {
    let seller = Arc::new(mocked::seller("acquirer".parse().unwrap()));
    Mutation { caller: caller(), seller, request_id: RequestId::parse("r-1").unwrap(), command }
}

fn lacking<T>(outcome: Result<T, Error>) -> Vec<Lacking> {
    match outcome {
        Err(Error::Unsupported { lacking }) => lacking,
        Err(other) => panic!("refused for something else: {other}"),
        Ok(_) => panic!("not refused"),
    }
}

/// A payment of 100, held or received.
fn payment(is_held: bool) -> Payment {
    let mut payment = Payment::pending(mocked::new_payment(), NOW);
    let at_provider = (ProviderRef("p_1".into()), mocked::session_id());
    let authorization = Authorization { amount: money(100), capture_before: None };
    assert!(match is_held {
        true => payment.authorize(at_provider, authorization, vec![], NOW),
        false => payment.succeed(at_provider, money(100), vec![], NOW),
    });
    payment
}

/// Links that together want all that a link can want.
fn wanting_links() -> Vec<PaymentLink> {
    let mut with_options = (*fixtures::items_link(&north(), None, Metadata::default())).clone();
    let payment = &mut with_options.options.payment;
    payment.future_usage = Some(FutureUsage::OffSession);
    payment.statement_descriptor_suffix = Some(StatementDescriptor::parse("NO 7", true).unwrap());
    let unit_price = UnitPrice::parse(100.into(), money(0).currency()).unwrap();
    let package = PriceModel::Package {
        package_price: unit_price,
        size: PackageSize::parse(6).unwrap(),
        rounding: PackageRounding::Up,
    };
    let of_item = |change: &dyn Fn(&mut domain::payment_link::LineItem)| {
        let mut link = (*mocked::link(0)).clone();
        let LinkTarget::Items { items } = &link.target else { panic!("a link for items") };
        let mut item = items.iter().next().unwrap().clone();
        change(&mut item);
        link.target = LinkTarget::Items { items: domain::payment_link::LineItems::parse(vec![item]).unwrap() };
        link
    };
    let chosen = ChosenAmount::parse(money(0).currency(), None, None, None).unwrap();
    let links = [
        with_options,
        of_item(&|item| item.model = package.clone()),
        of_item(&|item| item.model = PriceModel::CustomerChosen(chosen.clone())),
        of_item(&|item| item.recurrence = Some(Recurrence::parse(Interval::Month, 1).unwrap())),
    ];
    links.into_iter().map(PaymentLink::from_stored).collect()
}

#[tokio::test]
async fn every_ability_is_asked_for_by_a_field_and_refused_where_it_is_missing() {
    let mut refused: Vec<Lacking> = Vec::new();
    for link in wanting_links() {
        refused.extend(lacking(check_abilities(&provider(), link.needs())));
    }
    let link = mocked::link(0);
    let item = match &link.target {
        LinkTarget::Items { items } => items.iter().next().unwrap().id,
        LinkTarget::Invoice { .. } => panic!("a link for items"),
    };
    let changes = LinkChanges {
        fields: [LinkField::AfterCompletion].into(),
        items: BTreeMap::from([(item, domain::payment_link::ItemChange::default())]),
        ..LinkChanges::default()
    };
    refused.extend(lacking(check_abilities(&provider(), needed_to_change(&link, &link, &changes))));
    let spec = SharingSpec { client_reference_id: "basket-7".to_owned(), ..SharingSpec::default() };
    refused.extend(lacking(app(None, Some(link.clone())).share_payment_link(&caller(), link.id, &spec).await));
    let url = |text| RedirectUrl::parse(text, &RedirectPolicy::AnyHost).unwrap();
    let setup = CreateInvoiceCheckout {
        purpose: CheckoutPurpose::Setup { customer_id: CustomerId::from_uuid(uuid::Uuid::from_u128(mocked::UUID)) },
        locale: None,
        return_url: url("https://example.com/thanks"),
        cancel_url: Some(url("https://example.com/cart")),
        metadata: Metadata::default(),
    };
    refused.extend(lacking(app(None, None).create_invoice_checkout(mutation(setup)).await));
    let mut closed = link.clone();
    assert!(closed.closed(CloseReason::Requested, NOW));
    refused.extend(lacking(app(None, Some(closed)).activate_payment_link(mutation(link.id)).await));
    let held = payment(true);
    let capture = CapturePayment { id: held.id, amount: None };
    refused.extend(lacking(app(Some(held), None).capture_payment(mutation(capture)).await));
    let received = payment(false);
    let refund = CreateRefund {
        payment_id: received.id,
        amount: Some(money(40)),
        reason: None,
        credit_note_id: None,
        metadata: Metadata::default(),
    };
    refused.extend(lacking(app(Some(received), None).create_refund(mutation(refund)).await));

    let refused: BTreeSet<_> = refused.iter().map(|it| it.ability.as_str()).collect();
    for feature in Feature::ALL {
        match feature {
            // Callers do not ask for these: the application goes another way without them.
            Feature::LookupByReference | Feature::NotificationHistory => {}
            asked => assert!(refused.contains(asked.name()), "nothing is refused without {asked:?}"),
        }
    }
}

#[test]
fn a_link_needs_what_it_changes_and_not_what_it_has() {
    let mut invoice_link = (*mocked::link(0)).clone();
    invoice_link.target = LinkTarget::Invoice {
        invoice_id: mocked::draft_invoice().id,
        amount: money(100),
        title: domain::text::DisplayName::parse("INV-1").unwrap(),
        description: None,
    };
    invoice_link.options.completed_sessions_max = Some(domain::payment_link::CompletedSessionsMax::ONE);
    invoice_link.options.expires_at = Some(NOW.plus(std::time::Duration::from_secs(1_000)));
    let link = PaymentLink::from_stored(invoice_link.clone());
    assert_eq!(link.needs(), []);
    let ends = |seconds: u64| {
        let mut changed = invoice_link.clone();
        changed.options.expires_at = Some(NOW.plus(std::time::Duration::from_secs(seconds)));
        let changes = LinkChanges { fields: [LinkField::ExpiresAt].into(), ..LinkChanges::default() };
        needed_to_change(&link, &PaymentLink::from_stored(changed), &changes)
    };
    assert_eq!(ends(999), [], "an earlier end is ours alone to see to");
    assert_eq!(ends(1_001), [(Feature::LinkPageUpdate, "expire_time")]);
}

//! Things of [an application over mocks](crate::mocks), for tests of what is called and written.

use domain::catalog::PriceModel;
use domain::id::{CheckoutSessionId, IntentId, InvoiceId, LineItemId, PaymentId, PaymentLinkId};
use domain::idempotency::{RequestId, RequestKey};
use domain::invoice::{Invoice, InvoiceContent};
use domain::metadata::Metadata;
use domain::money::{Money, Quantity, UnitPrice};
use domain::payment::{NewPayment, PaymentKind};
use domain::payment_link::{LineItem, LineItems, LinkOptions, LinkTarget, NewPaymentLink, PaymentLink};
use domain::provider::{CheckoutProgress, CheckoutSnapshot, Intent, IntentState, ProviderAction, ProviderRef};
use domain::tax::{TaxRounding, compute};
use domain::text::DisplayName;

pub(crate) use crate::mocks::*;

/// A draft of nothing.
pub(crate) fn draft_invoice() -> Invoice {
    let content = InvoiceContent::new(money(0).currency(), vec![]);
    let rounding = TaxRounding::default();
    let tax = compute(content.currency, rounding, &[]).unwrap();
    let id = InvoiceId::from_uuid(uuid::Uuid::from_u128(UUID));
    Invoice::draft((id, vec![]), north(), content, (rounding, tax), NOW).unwrap()
}

/// An open link for one item, of which so many checkouts have been completed.
pub(crate) fn link(completed_sessions: u32) -> PaymentLink {
    let uuid = uuid::Uuid::from_u128(UUID);
    let item = LineItem {
        id: LineItemId::from_uuid(uuid),
        name: DisplayName::parse("Ticket").unwrap(),
        description: None,
        model: PriceModel::PerUnit { unit_price: UnitPrice::parse(10_000.into(), money(0).currency()).unwrap() },
        recurrence: None,
        tax_behavior: None,
        tax_code: None,
        quantity: Quantity::ONE,
        adjustable: None,
        price_id: None,
        product_id: None,
    };
    let new = NewPaymentLink {
        id: PaymentLinkId::from_uuid(uuid),
        seller_id: north(),
        target: LinkTarget::Items { items: LineItems::parse(vec![item]).unwrap() },
        options: LinkOptions::default(),
        payment_id: None,
        stores_payment_method: false,
        provider: "acquirer".parse().unwrap(),
        livemode: false,
    };
    let mut link = PaymentLink::creating(new, NOW);
    assert!(link.created(ProviderRef("link_1".into()), "https://pay.example/1".into(), NOW));
    for _ in 0..completed_sessions {
        link.count_completed_session(NOW);
    }
    link
}

/// An intent of a request that has not been tried yet.
pub(crate) fn intent(action: ProviderAction) -> Intent {
    Intent {
        id: IntentId::from_uuid(uuid::Uuid::from_u128(UUID)),
        seller_id: north(),
        provider: "acquirer".parse().unwrap(),
        action,
        request: Some(RequestKey { seller_id: north(), request_id: RequestId::parse("r-1").unwrap() }),
        state: IntentState::Pending,
        attempts: 0,
        key_generation: 0,
        unknown_since: None,
        created_at: NOW,
        lease_epoch: 0,
        sequel: None,
        trace: None,
    }
}

/// The session of [`new_payment`].
pub(crate) fn session_id() -> CheckoutSessionId {
    CheckoutSessionId::from_uuid(uuid::Uuid::from_u128(UUID))
}

/// A payment of 100 that is asked for at a session of `north`.
pub(crate) fn new_payment() -> NewPayment {
    NewPayment {
        id: PaymentId::from_uuid(uuid::Uuid::from_u128(UUID)),
        seller_id: north(),
        kind: PaymentKind::Checkout,
        provider: "acquirer".parse().unwrap(),
        invoice_id: None,
        payment_link_id: None,
        checkout_session_id: Some(session_id()),
        customer_id: None,
        subtotal: money(100),
        tax: money(0),
        total: money(100),
        description: None,
        metadata: Metadata::default(),
        expires_at: None,
        livemode: false,
    }
}

/// A checkout that nothing names as ours, as it is told by its reference, with what it is about.
pub(crate) fn told(provider_ref: &str, progress: CheckoutProgress, amount: Money) -> CheckoutSnapshot {
    CheckoutSnapshot {
        provider_ref: ProviderRef(provider_ref.into()),
        checkout_session_id: None,
        payment_link_id: None,
        progress,
        amount,
        payment_method: None,
        expires_at: None,
        collected: None,
        subscription: None,
    }
}

//! An application over mocks of its ports, for tests of what is called and written.

use std::sync::Arc;

use domain::catalog::PriceModel;
use domain::id::{CheckoutSessionId, IntentId, InvoiceId, LineItemId, PaymentId, PaymentLinkId};
use domain::idempotency::{RequestId, RequestKey};
use domain::invoice::{Invoice, InvoiceContent};
use domain::metadata::Metadata;
use domain::money::{Currency, Money, Quantity, UnitPrice};
use domain::party::Address;
use domain::payment::{NewPayment, PaymentKind};
use domain::payment_link::{LineItem, LineItems, LinkOptions, LinkTarget, NewPaymentLink, PaymentLink};
use domain::ports::clock::{MockClock, MockIdGenerator};
use domain::ports::documents::MockInvoiceRenderer;
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, SharedSecret};
use domain::ports::tax::{MockTaxCalculator, MockTaxRegistrationRules};
use domain::provider::{
    Capabilities, CheckoutProgress, CheckoutSnapshot, Feature, Intent, IntentState, ProviderAction, ProviderName,
    ProviderRef,
};
use domain::redirect::RedirectPolicy;
use domain::seller::{NumberFormat, Seller, SellerId};
use domain::tax::{TaxRounding, compute};
use domain::text::{DisplayName, PartyName};
use domain::timestamp::Timestamp;

use crate::access::AccessPolicy;
use crate::app::{App, AppParts};
use crate::shared_invoices::InvoiceSharing;

/// The time of the mocked clock.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_micros(1);
/// The id that the mocked generator always makes.
pub(crate) const UUID: u128 = 0x0193_a5c2_e8b2_7c3a_9f0e_1d2c_3b4a_5968;

/// An application with one seller, `north`, whose provider is `acquirer`.
pub(crate) fn app(storage: MockStorage, provider: MockPaymentProvider) -> App {
    App::new(parts(storage, provider)).unwrap()
}

/// What that application is built from.
pub(crate) fn parts(storage: MockStorage, mut provider: MockPaymentProvider) -> AppParts {
    let name: ProviderName = "acquirer".parse().unwrap();
    provider.expect_name().return_const(name.clone());
    provider.expect_capabilities().return_const(capabilities());
    let (mut clock, mut ids) = (MockClock::new(), MockIdGenerator::new());
    clock.expect_now().return_const(NOW);
    ids.expect_uuid_v7().returning(|| uuid::Uuid::from_u128(UUID));
    AppParts {
        storage: Arc::new(storage),
        callers_transactions_max: 8,
        providers: vec![Arc::new(provider)],
        background_providers: vec![],
        tax_calculator: Arc::new(MockTaxCalculator::new()),
        tax_registration_rules: Arc::new(MockTaxRegistrationRules::new()),
        provider_tax: std::collections::BTreeMap::new(),
        tax_id_registry: None,
        renderer: Arc::new(MockInvoiceRenderer::new()),
        sharing: sharing(),
        mail: None,
        reconcile_every: std::time::Duration::from_secs(300),
        clock: Arc::new(clock),
        ids: Arc::new(ids),
        sellers: vec![seller(name)],
        access: AccessPolicy::Open,
    }
}

/// A provider that can do everything, and keeps its keys for a day.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        livemode: false,
        locales: std::collections::BTreeSet::new(),
        line_items_max: 20,
        bank_transfer_currencies: std::collections::BTreeSet::new(),
        link_lifetime_max: None,
        key_lifetime: std::time::Duration::from_secs(24 * 60 * 60),
        features: Feature::ALL.into(),
    }
}

/// A Swedish seller whose provider is `provider`.
pub(crate) fn seller(provider: ProviderName) -> Seller {
    Seller {
        id: north(),
        name: PartyName::parse("North AB").unwrap(),
        address: Address::parse(["Storgatan 1", "", "111 22", "Stockholm", ""], "SE").unwrap(),
        email: None,
        letterhead: domain::letterhead::Letterhead::default(),
        mail_from: None,
        mail_reply_to: None,
        tax_ids: vec![],
        tax_registrations: vec![],
        default_tax_code: domain::tax::TaxCode::parse("electronic_service").unwrap(),
        tax_engine: domain::seller::TaxEngine::Tables,
        tax_rounding: TaxRounding::default(),
        invoice_numbers: NumberFormat::parse("INV-{number}").unwrap(),
        credit_note_numbers: NumberFormat::parse("CN-{number}").unwrap(),
        currency: money(0).currency(),
        provider,
        redirects: RedirectPolicy::AnyHost,
        payment_terms_days: 30,
    }
}

/// A way to share invoices, with a key of its own.
pub(crate) fn sharing() -> InvoiceSharing {
    InvoiceSharing { key: SharedSecret::new([7; SharedSecret::BYTES]), pages_url: "https://pay.example/i/".to_owned() }
}

/// So many öre.
pub(crate) fn money(minor: i64) -> Money {
    Money::new(minor, Currency::parse("SEK").unwrap())
}

/// The seller's id.
pub(crate) fn north() -> SellerId {
    SellerId::parse("north").unwrap()
}

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

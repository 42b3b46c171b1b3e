//! An application over mocks of its ports, for tests of who calls it: what a test does not expect is not called. Instead of the
//! mocked store it may have another one, such as that of `port-simulator`.
#![expect(clippy::unwrap_used, reason = "what it makes is known to be good")]

use std::sync::Arc;

use domain::money::{Currency, Money};
use domain::party::Address;
use domain::ports::clock::{MockClock, MockIdGenerator};
use domain::ports::documents::MockInvoiceRenderer;
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{SharedSecret, Storage};
use domain::ports::tax::{MockTaxCalculator, MockTaxRegistrationRules};
use domain::provider::{Capabilities, Feature, ProviderName};
use domain::redirect::RedirectPolicy;
use domain::seller::{NumberFormat, Seller, SellerId};
use domain::tax::TaxRounding;
use domain::text::PartyName;
use domain::timestamp::Timestamp;

use crate::access::AccessPolicy;
use crate::app::{App, AppParts};
use crate::shared_invoices::InvoiceSharing;

/// The time of the mocked clock.
pub const NOW: Timestamp = Timestamp::from_unix_micros(1);
/// The id that the mocked generator always makes.
pub const UUID: u128 = 0x0193_a5c2_e8b2_7c3a_9f0e_1d2c_3b4a_5968;

/// An application with one seller, `north`, whose provider is `acquirer`.
pub fn app(storage: impl Storage + 'static, provider: MockPaymentProvider) -> App {
    App::new(parts(storage, provider)).unwrap()
}

/// What that application is built from.
pub fn parts(storage: impl Storage + 'static, mut provider: MockPaymentProvider) -> AppParts {
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
pub fn capabilities() -> Capabilities {
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
pub fn seller(provider: ProviderName) -> Seller {
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
pub fn sharing() -> InvoiceSharing {
    InvoiceSharing { key: SharedSecret::new([7; SharedSecret::BYTES]), pages_url: "https://pay.example/i/".to_owned() }
}

/// So many öre.
pub fn money(minor: i64) -> Money {
    Money::new(minor, Currency::parse("SEK").unwrap())
}

/// The seller's id.
pub fn north() -> SellerId {
    SellerId::parse("north").unwrap()
}

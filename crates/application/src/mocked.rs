//! An application over mocks of its ports, for tests of what is called and written.

use std::sync::Arc;

use domain::money::{Currency, Money};
use domain::party::Address;
use domain::ports::clock::{MockClock, MockIdGenerator};
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::MockStorage;
use domain::ports::tax::MockTaxCalculator;
use domain::provider::ProviderName;
use domain::redirect::RedirectPolicy;
use domain::seller::{NumberFormat, Seller, SellerId};
use domain::tax::TaxRounding;
use domain::text::PartyName;
use domain::timestamp::Timestamp;

use crate::access::AccessPolicy;
use crate::app::{App, AppParts};

/// The time of the mocked clock.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_micros(1);
/// The id that the mocked generator always makes.
pub(crate) const UUID: u128 = 0x0193_a5c2_e8b2_7c3a_9f0e_1d2c_3b4a_5968;

/// An application with one seller, `north`, whose provider is `acquirer`.
pub(crate) fn app(storage: MockStorage, mut provider: MockPaymentProvider) -> App {
    let name: ProviderName = "acquirer".parse().unwrap();
    provider.expect_name().return_const(name.clone());
    let (mut clock, mut ids) = (MockClock::new(), MockIdGenerator::new());
    clock.expect_now().return_const(NOW);
    ids.expect_uuid_v7().returning(|| uuid::Uuid::from_u128(UUID));
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
        storage: Arc::new(storage),
        providers: vec![Arc::new(provider)],
        tax_calculator: Arc::new(MockTaxCalculator::new()),
        clock: Arc::new(clock),
        ids: Arc::new(ids),
        sellers: vec![seller],
        access: AccessPolicy::Open,
    };
    App::new(parts).unwrap()
}

/// So many öre.
pub(crate) fn money(minor: i64) -> Money {
    Money::new(minor, Currency::parse("SEK").unwrap())
}

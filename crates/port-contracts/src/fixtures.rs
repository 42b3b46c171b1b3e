//! Test data: whole and valid things with every field filled, and ids that sort by the order of their making.
//!
//! It must not know any port: what is made here has been stored nowhere.
#![expect(clippy::unwrap_used, reason = "test data that does not parse is a failed test")]

mod discounts;

use std::time::Duration;

use domain::access::{ApiKey, Scope};
use domain::bank_account::Iban;
use domain::catalog::{
    CurrencyAmounts, CurrencyOption, DeliveryBound, DeliveryEstimate, DeliveryUnit, Interval, NewPrice, NewProduct,
    NewShippingRate, Price, PriceModel, Product, Recurrence, ShippingRate, Tier, TierEnd, Tiers,
};
use domain::checkout::{CheckoutMode, CheckoutSession, NewCheckoutSession, SessionOrigin};
use domain::credit_note::{
    CreditNote, CreditNoteNumber, CreditPart, CreditReason, CreditRequest, CreditScope, LineCredit,
};
use domain::customer::{Customer, CustomerProfile};
use domain::event::{Event, EventKind, EventSubject};
use domain::id::{
    ApiKeyId, CheckoutSessionId, CreditNoteId, CustomerId, EventId, IntentId, InvoiceId, InvoiceLineId, LineItemId,
    NotificationId, PaymentId, PaymentLinkId, PaymentMethodId, PriceId, ProductId, ShippingRateId, TaxRateId,
};
use domain::idempotency::{RequestId, RequestKey, RequestProgress, StoredRequest};
use domain::invoice::{Finalization, Invoice, InvoiceContent, InvoiceItem, PartySnapshot};
use domain::letterhead::{Letterhead, TransferInstructions};
use domain::locale::Locale;
use domain::metadata::Metadata;
use domain::money::{Currency, Money, Quantity, UnitPrice};
use domain::party::{Address, Country, Email};
use domain::payment::{NewPayment, Payment, PaymentKind};
use domain::payment_link::{
    AccountRef, AddressCollection, AdjustableQuantity, AfterCompletion, ApplicationFee, AutomaticTax, CaptureMethod,
    CardBrand, Collection, CompletedSessionsMax, Consent, CustomField, CustomFieldKey, CustomFieldKind, CustomFields,
    CustomTexts, CustomerCreation, DropdownOption, InvoiceCreation, LineItem, LineItems, LinkOptions, LinkTarget,
    NameCollection, NameField, NewPaymentLink, OptionalItems, PaymentLink, PaymentMethodType, PaymentSettings,
    PlatformSettings, ReuseAgreement, ShippingCountries, ShippingOption, ShippingOptions, StatementDescriptor,
    SubmitType, TaxIdCollection, Transfer,
};
use domain::payment_method::{CardSummary, PaymentMethod};
use domain::ports::storage::Sellers;
use domain::provider::{
    InboxEntry, Intent, IntentState, Notification, NotificationTopic, ProviderAction, ProviderName, ProviderRef,
};
use domain::redirect::{RedirectPolicy, RedirectUrl};
use domain::seller::SellerId;
use domain::tax::{
    AppliedRate, CustomerTaxStatus, Percentage, RatedLine, TaxBehavior, TaxCalculation, TaxCategory, TaxCode,
    TaxDecision, TaxRate, TaxRounding, TaxTreatment, compute,
};
use domain::tax_id::TaxId;
use domain::text::{
    ConfirmationMessage, CustomText, Description, DisplayName, FieldLabel, InactiveMessage, LetterheadText, PartyName,
    ShippingName,
};
use domain::timestamp::Timestamp;
use rust_decimal::Decimal;
use time::Date;
use time::macros::date;
use uuid::Uuid;

pub use discounts::{coupon, percent, promotion_code};

/// Text that breaks careless quoting: quotes, a percent sign, a backslash, letters of several bytes, a placeholder.
pub const AWKWARD_TEXT: &str = "Café \"Ö'Brien\" 100 % \\ ☕ 😀 $1 ?";

/// 2026-11-24, 12:00 UTC and a few microseconds: the time of everything here.
pub const fn moment() -> Timestamp {
    Timestamp::from_unix_micros(1_795_521_600_123_456)
}

/// A later time.
pub fn later() -> Timestamp {
    moment().plus(Duration::from_secs(60))
}

/// The UUID of the next id: of two, the one made later is the larger, within a process.
#[expect(clippy::disallowed_methods, reason = "test data is made without a port")]
pub fn next_uuid() -> Uuid {
    Uuid::now_v7()
}

/// A seller's id.
pub fn seller(name: &str) -> SellerId {
    SellerId::parse(name).unwrap()
}

/// What a caller of one seller may see.
pub fn only(seller: &SellerId) -> Sellers {
    Sellers::from([seller.clone()])
}

/// Swedish kronor.
pub fn currency() -> Currency {
    Currency::parse("SEK").unwrap()
}

/// An amount in öre.
pub fn money(minor: i64) -> Money {
    Money::new(minor, currency())
}

/// The provider of everything here.
pub fn provider() -> ProviderName {
    "acquirer".parse().unwrap()
}

/// A provider's id.
pub fn provider_ref(text: &str) -> ProviderRef {
    ProviderRef(text.to_owned())
}

/// Pairs.
pub fn metadata(pairs: &[(&str, &str)]) -> Metadata {
    Metadata::parse(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))).unwrap()
}

/// An active product.
pub fn product(seller: &SellerId) -> Product {
    let new = NewProduct {
        name: DisplayName::parse(AWKWARD_TEXT).unwrap(),
        description: Some(Description::parse(AWKWARD_TEXT).unwrap()),
        tax_code: Some(TaxCode::parse("txcd_10000000").unwrap()),
        metadata: metadata(&[("awkward", AWKWARD_TEXT)]),
    };
    Product::new(ProductId::from_uuid(next_uuid()), seller.clone(), new, moment())
}

/// An active price of a product, with fractions of an öre.
pub fn price(seller: &SellerId, product_id: ProductId) -> Price {
    let new = NewPrice {
        product_id,
        model: PriceModel::PerUnit { unit_price: unit_price("0.000000000001") },
        tax_behavior: TaxBehavior::Inclusive,
        currency_options: [(euro(), CurrencyOption { model: tiered(euro()), tax_behavior: TaxBehavior::Exclusive })]
            .into(),
        recurrence: Some(Recurrence::parse(Interval::Month, 36).unwrap()),
        nickname: Some(DisplayName::parse("by the second").unwrap()),
        metadata: metadata(&[("plan", "basic")]),
    };
    Price::new(PriceId::from_uuid(next_uuid()), seller.clone(), new, moment())
}

fn euro() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn tiered(currency: Currency) -> PriceModel {
    let money = |minor: &str| UnitPrice::parse(minor.parse::<Decimal>().unwrap(), currency).unwrap();
    let tier = |up_to, unit| Tier { up_to, unit_price: money(unit), flat_price: money("0.5") };
    let tiers = Tiers::parse(vec![tier(TierEnd::Unit(10), "700"), tier(TierEnd::Open, "0.000000000001")]).unwrap();
    PriceModel::Graduated { tiers }
}

/// An active shipping rate with everything that it can say.
pub fn shipping_rate(seller: &SellerId) -> ShippingRate {
    let bound = |value| Some(DeliveryBound::parse(DeliveryUnit::BusinessDay, value).unwrap());
    let terms = NewShippingRate {
        display_name: ShippingName::parse("Bud på dörren").unwrap(),
        amounts: CurrencyAmounts::parse(money(4_900), "", &[Money::new(590, euro())]).unwrap(),
        delivery_estimate: Some(DeliveryEstimate::parse(bound(2), bound(5)).unwrap()),
        tax_behavior: Some(TaxBehavior::Inclusive),
        tax_code: Some(TaxCode::parse("txcd_92010001").unwrap()),
        metadata: metadata(&[("carrier", "x")]),
    };
    ShippingRate::new(ShippingRateId::from_uuid(next_uuid()), seller.clone(), terms, moment())
}

/// A unit price in öre, with decimals.
pub fn unit_price(minor: &str) -> UnitPrice {
    UnitPrice::parse(minor.parse::<Decimal>().unwrap(), currency()).unwrap()
}

/// Swedish VAT of 25 %.
pub fn tax_rate(seller: &SellerId) -> TaxRate {
    let rate = (DisplayName::parse("Moms").unwrap(), percentage(), Some(sweden().into()));
    TaxRate::new(TaxRateId::from_uuid(next_uuid()), seller.clone(), rate, metadata(&[("law", "ML")]), moment())
}

fn percentage() -> Percentage {
    Percentage::parse(Decimal::from(25)).unwrap()
}

fn sweden() -> Country {
    Country::parse("SE").unwrap()
}

/// A customer of which everything is known.
pub fn customer(seller: &SellerId) -> Customer {
    let profile = CustomerProfile {
        name: Some(PartyName::parse(AWKWARD_TEXT).unwrap()),
        email: Some(Email::parse("ada@example.com").unwrap()),
        address: Some(address()),
        tax_ids: vec![tax_id()],
        tax_status: CustomerTaxStatus::ReverseCharge,
        locale: Some(Locale::parse("sv").unwrap()),
        metadata: metadata(&[("crm", "42")]),
    };
    Customer::new(CustomerId::from_uuid(next_uuid()), seller.clone(), profile, moment())
}

fn address() -> Address {
    Address::parse(["Åsögatan 1", "2 tr", "118 24", "Stockholm", ""], "SE").unwrap()
}

/// A VAT id of Sweden.
pub fn tax_id() -> TaxId {
    TaxId::parse("SE556000000101").unwrap()
}

/// A card that the provider keeps under `reference`.
pub fn payment_method(seller: &SellerId, customer: CustomerId, reference: &str) -> PaymentMethod {
    let card = CardSummary { brand: "visa".to_owned(), last4: "4242".to_owned(), exp_month: 12, exp_year: 2030 };
    let id = PaymentMethodId::from_uuid(next_uuid());
    PaymentMethod::new(id, (seller.clone(), customer), (provider(), provider_ref(reference)), card, moment())
}

/// A draft of three pieces at 429.00 with 25 % of tax: 1287.00 net, 1608.75 gross.
pub fn draft_invoice(seller: &SellerId, customer: Option<CustomerId>) -> Invoice {
    let item = InvoiceItem {
        description: Description::parse(AWKWARD_TEXT).unwrap(),
        quantity: Quantity::parse(3).unwrap(),
        unit_price: unit_price("42900"),
        tax_behavior: TaxBehavior::Exclusive,
        tax_treatment: TaxTreatment::Manual(vec![applied_rate()]),
        price_id: Some(PriceId::from_uuid(next_uuid())),
        shipping_rate_id: None,
        discount: None,
    };
    let content = InvoiceContent {
        customer_id: customer,
        tax_rounding: Some(TaxRounding::default()),
        description: Some(Description::parse("November").unwrap()),
        tax_point: Some(date!(2026 - 11 - 24)),
        due_date: Some(date!(2026 - 12 - 24)),
        metadata: metadata(&[("order", "1042")]),
        ..InvoiceContent::new(currency(), vec![item])
    };
    let ids = (InvoiceId::from_uuid(next_uuid()), vec![InvoiceLineId::from_uuid(next_uuid())]);
    Invoice::draft(ids, seller.clone(), content, (TaxRounding::default(), invoice_tax()), moment()).unwrap()
}

/// The tax of [`draft_invoice`].
pub fn invoice_tax() -> TaxCalculation {
    let line = RatedLine {
        amount: money(128_700),
        behavior: TaxBehavior::Exclusive,
        rates: vec![applied_rate()].into(),
        decision: TaxDecision {
            rule: "DOMESTIC".into(),
            category: TaxCategory::Standard,
            jurisdiction: Some(sweden().into()),
            law: Some("ML".into()),
        },
    };
    compute(currency(), TaxRounding::default(), &[line]).unwrap()
}

fn applied_rate() -> AppliedRate {
    AppliedRate {
        tax_rate_id: None,
        display_name: DisplayName::parse("Moms").unwrap(),
        percentage: percentage(),
        jurisdiction: Some(sweden().into()),
        source: Some("ML 9 kap. 2 §".into()),
        since: Some(date!(1990 - 07 - 01)),
    }
}

/// An open invoice: [`draft_invoice`], finalized as number `sequence` and due at a date.
pub fn open_invoice(seller: &SellerId, customer: Option<CustomerId>, sequence: u64, due_date: Date) -> Invoice {
    let mut invoice = draft_invoice(seller, customer);
    invoice.finalize(finalization(sequence, due_date), invoice_tax()).unwrap();
    invoice
}

/// A credit of so much net of an invoice's one line, as number `sequence` of the series `CN`.
pub fn credit_note(invoice: &mut Invoice, minor: i64, sequence: u64) -> CreditNote {
    let part = CreditPart::Amount(money(minor));
    let request = CreditRequest {
        scope: CreditScope::Lines(vec![LineCredit { line_id: invoice.lines[0].id, part }]),
        reason: CreditReason::Other(Description::parse(AWKWARD_TEXT).unwrap()),
        memo: Some(Description::parse(AWKWARD_TEXT).unwrap()),
        metadata: metadata(&[("case", "7")]),
    };
    let number = CreditNoteNumber { number: format!("CN-{sequence:05}"), series: "CN".to_owned(), sequence };
    CreditNote::issue(invoice, request, (CreditNoteId::from_uuid(next_uuid()), number), later()).unwrap()
}

/// What finalization fixes, as number `sequence` of the series `INV`.
pub fn finalization(sequence: u64, due_date: Date) -> Finalization {
    let party = PartySnapshot {
        name: Some(PartyName::parse(AWKWARD_TEXT).unwrap()),
        address: Some(address()),
        email: Some(Email::parse("billing@example.com").unwrap()),
        tax_ids: vec![tax_id()],
    };
    Finalization {
        number: format!("INV-{sequence:05}"),
        series: "INV".to_owned(),
        sequence,
        finalized_at: moment(),
        tax_point: date!(2026 - 11 - 24),
        due_date,
        seller: party.clone(),
        letterhead: Letterhead {
            registration_number: Some(LetterheadText::parse("556000-0001").unwrap()),
            transfer: Some(TransferInstructions {
                iban: Some(Iban::parse("SE4550000000058398257466").unwrap()),
                ..TransferInstructions::default()
            }),
            ..Letterhead::default()
        },
        buyer: Some(party),
    }
}

/// A link for the whole of an invoice, intended but not yet made.
pub fn invoice_link(seller: &SellerId, invoice: &Invoice) -> PaymentLink {
    let title = DisplayName::parse("Invoice INV-00001").unwrap();
    let target = LinkTarget::Invoice { invoice_id: invoice.id, amount: invoice.total(), title, description: None };
    payment_link(seller, target, LinkOptions::default())
}

/// A link for two items with every option, intended but not yet made.
pub fn items_link(seller: &SellerId, expires_at: Option<Timestamp>, metadata: Metadata) -> PaymentLink {
    let item = |name: &str, minor: &str| LineItem {
        id: LineItemId::from_uuid(next_uuid()),
        name: DisplayName::parse(name).unwrap(),
        description: Some(Description::parse(AWKWARD_TEXT).unwrap()),
        model: PriceModel::PerUnit { unit_price: unit_price(minor) },
        recurrence: None,
        tax_behavior: Some(TaxBehavior::Inclusive),
        tax_code: Some(TaxCode::parse("txcd_10000000").unwrap()),
        quantity: Quantity::parse(2).unwrap(),
        adjustable: Some(AdjustableQuantity::parse(Some(0), Some(9)).unwrap()),
        price_id: Some(PriceId::from_uuid(next_uuid())),
        product_id: Some(ProductId::from_uuid(next_uuid())),
    };
    let items = LineItems::parse(vec![item("Coffee", "4200"), item("Tea", "3900.5")]).unwrap();
    let options = LinkOptions {
        after_completion: AfterCompletion::ConfirmationWithMessage {
            message: ConfirmationMessage::parse(AWKWARD_TEXT).unwrap(),
        },
        inactive_message: Some(InactiveMessage::parse(AWKWARD_TEXT).unwrap()),
        completed_sessions_max: Some(CompletedSessionsMax::parse(10).unwrap()),
        expires_at,
        metadata,
        ..every_option(item("Milk", "900"))
    };
    payment_link(seller, LinkTarget::Items { items }, options)
}

/// Options that say something in every group.
fn every_option(optional: LineItem) -> LinkOptions {
    let label = FieldLabel::parse(AWKWARD_TEXT).unwrap();
    let option = DropdownOption { label: label.clone(), value: "medium".to_owned() };
    let kind = CustomFieldKind::Dropdown { options: vec![option], default_value: Some("medium".to_owned()) };
    let field = CustomField { key: CustomFieldKey::parse("size").unwrap(), label, optional: true, kind };
    let account = || AccountRef::parse("acct_1").unwrap();
    let rate = shipping_rate(&seller("north"));
    LinkOptions {
        collection: Collection {
            billing_address: AddressCollection::Required,
            shipping_countries: Some(ShippingCountries::parse(vec![sweden()]).unwrap()),
            phone: true,
            names: NameCollection { individual: Some(NameField::Optional), business: Some(NameField::Required) },
            tax_id: TaxIdCollection::RequiredIfSupported,
            custom_fields: CustomFields::parse(vec![field]).unwrap(),
            consent: Consent {
                terms_of_service: true,
                promotions: true,
                reuse_agreement: Some(ReuseAgreement::Hidden),
            },
            custom_text: CustomTexts { submit: Some(CustomText::parse(AWKWARD_TEXT).unwrap()), ..Default::default() },
            submit_type: SubmitType::Book,
            customer_creation: CustomerCreation::Always,
        },
        payment: PaymentSettings {
            method_types: vec![PaymentMethodType::parse("card").unwrap()],
            blocked_brands: [CardBrand::Visa].into(),
            capture: CaptureMethod::Manual,
            statement_descriptor: Some(StatementDescriptor::parse("ACME SHOP", false).unwrap()),
            metadata: metadata(&[("payment", AWKWARD_TEXT)]),
            ..PaymentSettings::default()
        },
        platform: PlatformSettings {
            application_fee: Some(ApplicationFee::Amount(money(100))),
            on_behalf_of: Some(account()),
            transfer: Some(Transfer { destination: account(), amount: None }),
        },
        invoice_creation: Some(InvoiceCreation { metadata: metadata(&[("invoice", "1")]), ..Default::default() }),
        automatic_tax: Some(AutomaticTax { liability: Some(account()) }),
        promotion_codes: true,
        optional_items: OptionalItems(vec![optional]),
        shipping_options: ShippingOptions(vec![ShippingOption {
            shipping_rate_id: rate.id,
            display_name: rate.terms.display_name.clone(),
            amount: rate.terms.amounts.amount(),
            delivery_estimate: rate.terms.delivery_estimate,
            tax_behavior: rate.terms.tax_behavior,
            tax_code: rate.terms.tax_code.clone(),
        }]),
        managed_payments: true,
        ..LinkOptions::default()
    }
}

fn payment_link(seller: &SellerId, target: LinkTarget, options: LinkOptions) -> PaymentLink {
    let new = NewPaymentLink {
        id: PaymentLinkId::from_uuid(next_uuid()),
        seller_id: seller.clone(),
        target,
        options,
        payment_id: Some(PaymentId::from_uuid(next_uuid())),
        stores_payment_method: true,
        provider: provider(),
        livemode: false,
    };
    PaymentLink::creating(new, moment())
}

/// The link as the provider made it under `reference`.
pub fn made_link(mut link: PaymentLink, reference: &str) -> PaymentLink {
    assert!(link.created(provider_ref(reference), format!("https://pay.example.com/{reference}"), later()));
    link
}

/// A session, intended but not yet made.
pub fn checkout_session(seller: &SellerId, origin: SessionOrigin, customer: Option<CustomerId>) -> CheckoutSession {
    let url = |text| RedirectUrl::parse(text, &RedirectPolicy::AnyHost).unwrap();
    let new = NewCheckoutSession {
        id: CheckoutSessionId::from_uuid(next_uuid()),
        seller_id: seller.clone(),
        origin,
        mode: CheckoutMode::Payment,
        amount: money(160_875),
        title: Some(DisplayName::parse(AWKWARD_TEXT).unwrap()),
        description: Some(Description::parse(AWKWARD_TEXT).unwrap()),
        locale: Some(Locale::parse("sv").unwrap()),
        return_url: Some(url("https://example.com/thanks?session={CHECKOUT_SESSION_ID}")),
        cancel_url: Some(url("https://example.com/cart")),
        customer_id: customer,
        metadata: metadata(&[("cart", "7")]),
        provider: provider(),
        livemode: false,
    };
    CheckoutSession::creating(new, moment())
}

/// The session as the provider made it under `reference`.
pub fn made_session(mut session: CheckoutSession, reference: &str) -> CheckoutSession {
    assert!(session.created(provider_ref(reference), format!("https://pay.example.com/{reference}"), later()));
    session
}

/// What a payment belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub struct PaymentParties {
    /// The invoice.
    pub invoice_id: Option<InvoiceId>,
    /// The link.
    pub payment_link_id: Option<PaymentLinkId>,
    /// The customer.
    pub customer_id: Option<CustomerId>,
}

/// A pending payment.
pub fn pending_payment(seller: &SellerId, parties: PaymentParties) -> Payment {
    let new = NewPayment {
        id: PaymentId::from_uuid(next_uuid()),
        seller_id: seller.clone(),
        kind: PaymentKind::Link,
        provider: provider(),
        invoice_id: parties.invoice_id,
        payment_link_id: parties.payment_link_id,
        checkout_session_id: Some(CheckoutSessionId::from_uuid(next_uuid())),
        customer_id: parties.customer_id,
        subtotal: money(128_700),
        tax: money(32_175),
        total: money(160_875),
        description: Some(Description::parse(AWKWARD_TEXT).unwrap()),
        metadata: metadata(&[("order", "1042")]),
        expires_at: Some(later()),
        livemode: false,
    };
    Payment::pending(new, moment())
}

/// An event about a product.
pub fn product_event(kind: EventKind, product: &Product) -> Event {
    Event {
        id: EventId::from_uuid(next_uuid()),
        seller_id: product.seller_id.clone(),
        kind,
        subject: EventSubject::Product(Box::new(product.clone())),
        occurred_at: moment(),
        trace: None,
    }
}

/// A request that runs.
pub fn request(seller: &SellerId, request_id: &str) -> StoredRequest {
    StoredRequest {
        key: RequestKey { seller_id: seller.clone(), request_id: RequestId::parse(request_id).unwrap() },
        operation: "CreatePaymentLink".to_owned(),
        payload_sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
        progress: RequestProgress::Running,
        created_at: moment(),
    }
}

/// An intended call.
pub fn intent(seller: &SellerId, action: ProviderAction, request: Option<RequestKey>) -> Intent {
    Intent {
        id: IntentId::from_uuid(next_uuid()),
        seller_id: seller.clone(),
        provider: provider(),
        action,
        request,
        state: IntentState::Pending,
        attempts: 0,
        key_generation: 1,
        unknown_since: None,
        created_at: moment(),
        lease_epoch: 0,
        sequel: None,
        trace: None,
    }
}

/// A notification about a checkout, as it comes in.
pub fn inbox_entry(provider_event_id: &str) -> InboxEntry {
    InboxEntry {
        id: NotificationId::from_uuid(next_uuid()),
        provider: provider(),
        notification: Notification {
            provider_event_id: provider_event_id.to_owned(),
            occurred_at: moment(),
            topic: NotificationTopic::Checkout { provider_ref: provider_ref("cs_test_1") },
            is_foreign: false,
        },
        attempts: 0,
        failures: 0,
        unended_tries: 0,
        received_at: later(),
        trace: None,
    }
}

/// An API key of two sellers. The hash is of no token.
pub fn api_key(prefix: &str) -> ApiKey {
    ApiKey {
        id: ApiKeyId::from_uuid(next_uuid()),
        prefix: prefix.to_owned(),
        token_sha256: "0".repeat(64),
        name: DisplayName::parse(AWKWARD_TEXT).unwrap(),
        scope: Scope::Write,
        sellers: Sellers::from([seller("north"), seller("south")]),
        created_at: moment(),
        expires_at: Some(later()),
        revoked_at: None,
        last_used_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_order_of_their_making() {
        let ids: Vec<_> = (0..10_000).map(|_| next_uuid()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn the_invoice_comes_to_its_figures() {
        let invoice = open_invoice(&seller("north"), None, 1, date!(2026 - 12 - 24));
        assert_eq!((invoice.total(), invoice.amount_due()), (money(160_875), money(160_875)));
        assert_eq!(moment().date(), date!(2026 - 11 - 24));
    }
}

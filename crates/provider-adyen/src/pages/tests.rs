//! What is sent to make a page, to the byte, and what is read of one.

use domain::checkout::{NewCheckoutSession, SessionOrigin};
use domain::customer::CustomerProfile;
use domain::id::{CustomerId, InvoiceId, LineItemId};
use domain::metadata::Metadata;
use domain::money::{Currency, Quantity, UnitPrice};
use domain::party::Email;
use domain::payment_link::{LinkOptions, NewPaymentLink, PaymentMethodType};
use domain::redirect::{RedirectPolicy, RedirectUrl};
use domain::seller::SellerId;
use domain::text::{Description, DisplayName};
use serde_json::json;
use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_micros(1_795_521_600_123_456);

fn uuid() -> Uuid {
    Uuid::from_u128(0x0193_a5c2_e8b2_7c3a_9f0e_1d2c_3b4a_5968)
}

fn money(code: &str, minor: i64) -> Money {
    Money::new(minor, Currency::parse(code).unwrap())
}

fn url(text: &str) -> RedirectUrl {
    RedirectUrl::parse(text, &RedirectPolicy::AnyHost).unwrap()
}

fn item(name: &str, minor: i64, quantity: i64) -> LineItem {
    LineItem {
        id: LineItemId::from_uuid(uuid()),
        name: DisplayName::parse(name).unwrap(),
        description: None,
        model: PriceModel::PerUnit {
            unit_price: UnitPrice::parse(minor.into(), Currency::parse("SEK").unwrap()).unwrap(),
        },
        recurrence: None,
        tax_behavior: None,
        tax_code: None,
        quantity: Quantity::parse(quantity).unwrap(),
        adjustable: None,
        price_id: None,
        product_id: None,
    }
}

fn link(target: LinkTarget, options: LinkOptions) -> PaymentLink {
    let expires_at = options.expires_at.or(Some(Timestamp::from_unix_seconds(1_800_000_000)));
    let new = NewPaymentLink {
        id: PaymentLinkId::from_uuid(uuid()),
        seller_id: SellerId::parse("north").unwrap(),
        target,
        options: LinkOptions { expires_at, ..options },
        payment_id: None,
        stores_payment_method: false,
        provider: "adyen".parse().unwrap(),
        livemode: false,
    };
    PaymentLink::creating(new, NOW)
}

fn invoice(amount: Money) -> LinkTarget {
    LinkTarget::Invoice {
        invoice_id: InvoiceId::from_uuid(uuid()),
        amount,
        title: DisplayName::parse("INV-1 · Acme AB").unwrap(),
        description: Some(Description::parse("SEK 10.00 + VAT 25% SEK 2.50").unwrap()),
    }
}

fn session(mode: CheckoutMode) -> CheckoutSession {
    let new = NewCheckoutSession {
        id: CheckoutSessionId::from_uuid(uuid()),
        seller_id: SellerId::parse("north").unwrap(),
        origin: SessionOrigin::Invoice { invoice_id: InvoiceId::from_uuid(uuid()) },
        mode,
        amount: money("ISK", 700),
        title: Some(DisplayName::parse("INV-2").unwrap()),
        description: None,
        locale: Some(Locale::parse("sv").unwrap()),
        return_url: Some(url("https://shop.example.com/thanks")),
        cancel_url: None,
        customer_id: None,
        metadata: Metadata::default(),
        provider: "adyen".parse().unwrap(),
        livemode: false,
    };
    CheckoutSession::creating(new, NOW)
}

fn body(request: Result<PageRequest, ProviderError>) -> Value {
    request.unwrap().body().unwrap()
}

#[test]
fn a_link_for_an_invoice_is_paid_once_and_at_once() {
    let mut options = LinkOptions {
        after_completion: AfterCompletion::Redirect { url: url("https://shop.example.com/done") },
        ..LinkOptions::default()
    };
    options.payment.method_types = vec![PaymentMethodType::parse("ideal").unwrap()];
    options.payment.statement_descriptor = Some(StatementDescriptor::parse("ACME-Shop 7", false).unwrap());
    let told = body(PageRequest::of_link("TestMerchant", &link(invoice(money("SEK", 1_250)), options)));
    let want = json!({
        "merchantAccount": "TestMerchant",
        "reference": "plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968",
        "amount": {"currency": "SEK", "value": 1250},
        "reusable": false,
        "captureDelayHours": 0,
        "expiresAt": "2027-01-15T08:00:00Z",
        "description": "INV-1 · Acme AB · SEK 10.00 + VAT 25% SEK 2.50",
        "returnUrl": "https://shop.example.com/done",
        "shopperStatement": "ACME-Shop 7",
        "allowedPaymentMethods": ["ideal"],
    });
    assert_eq!(told, want);
}

#[test]
fn a_link_for_items_asks_for_their_sum_again_and_again() {
    let items = LineItems::parse(vec![item("Chair", 10_050, 2), item("Table", 99, 1)]).unwrap();
    let told = body(PageRequest::of_link("TestMerchant", &link(LinkTarget::Items { items }, LinkOptions::default())));
    let want = json!({
        "merchantAccount": "TestMerchant",
        "reference": "plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968",
        "amount": {"currency": "SEK", "value": 20199},
        "reusable": true,
        "captureDelayHours": 0,
        "expiresAt": "2027-01-15T08:00:00Z",
        "description": "2 × Chair, Table",
    });
    assert_eq!(told, want);
}

#[test]
fn a_session_is_a_page_that_ends_with_it_in_its_language() {
    let profile =
        CustomerProfile { email: Some(Email::parse("ada@example.com").unwrap()), ..CustomerProfile::default() };
    let seller = SellerId::parse("north").unwrap();
    let customer = Customer::new(CustomerId::from_uuid(uuid()), seller, profile, NOW);
    let told = body(PageRequest::of_session("TestMerchant", &session(CheckoutMode::Payment), Some(&customer)));
    let want = json!({
        "merchantAccount": "TestMerchant",
        "reference": "cs_0193a5c2e8b27c3a9f0e1d2c3b4a5968",
        "amount": {"currency": "ISK", "value": 70000},
        "reusable": false,
        "captureDelayHours": 0,
        "expiresAt": "2026-11-25T12:00:00Z",
        "description": "INV-2",
        "returnUrl": "https://shop.example.com/thanks",
        "shopperLocale": "sv-SE",
        "shopperEmail": "ada@example.com",
    });
    assert_eq!(told, want);
}

#[test]
fn what_the_page_cannot_do_is_refused_before_a_call() {
    let refused = |request: Result<PageRequest, ProviderError>| request.err().unwrap();
    let rejected = |field: &str, code: &str| ProviderError::Rejected { field: Some(field.into()), code: code.into() };
    let of = |target, options| refused(PageRequest::of_link("TestMerchant", &link(target, options)));
    assert_eq!(of(invoice(money("IDR", 150)), LinkOptions::default()), rejected("amount", "amount_precision"));
    let mut options = LinkOptions::default();
    options.payment.statement_descriptor = Some(StatementDescriptor::parse("ACME & Co", false).unwrap());
    let want = rejected("payment.statement_descriptor", "statement_characters");
    assert_eq!(of(invoice(money("SEK", 150)), options), want);
    for (mode, capability) in
        [(CheckoutMode::Setup, "stored_payment_methods"), (CheckoutMode::BankTransferPayment, "bank_transfer")]
    {
        let told = refused(PageRequest::of_session("TestMerchant", &session(mode), None));
        assert_eq!(told, ProviderError::Unsupported { capability });
    }
}

#[test]
fn words_are_cut_where_the_page_shows_no_more() {
    let long = "å".repeat(DESCRIPTION_CHARS_MAX);
    assert_eq!(described([long.as_str()].into_iter(), ", "), long);
    let cut = described([long.as_str(), "more"].into_iter(), ", ");
    assert_eq!(cut.chars().count(), DESCRIPTION_CHARS_MAX);
    assert!(cut.ends_with("å…"), "{cut}");
}

#[test]
fn a_page_is_read_with_its_state_and_another_answer_is_none() {
    let told = |status: &str| {
        json!({"id": "PL01", "url": "https://test.adyen.link/PL01", "merchantAccount": "TestMerchant",
            "reference": "plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968", "amount": {"currency": "SEK", "value": 1250},
            "expiresAt": "2027-01-15T09:00:00+01:00", "status": status})
    };
    for (status, want) in [
        ("active", PageState::Active),
        ("completed", PageState::Completed),
        ("paid", PageState::Completed),
        ("paymentPending", PageState::PaymentPending),
        ("expired", PageState::Expired),
    ] {
        let page = Page::read(told(status)).unwrap();
        assert_eq!(page.state(), want);
        assert_eq!(page.expires_at(), Some(Timestamp::from_unix_seconds(1_800_000_000)));
        assert_eq!((page.amount(), page.session_id()), (Some(money("SEK", 1_250)), None));
        assert_eq!(page.link_id(), Some(PaymentLinkId::from_uuid(uuid())));
    }
    assert!(Page::read(told("melted")).is_none());
    assert!(Page::read(json!({"status": 422})).is_none());
}

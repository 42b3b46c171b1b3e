//! Rows 1 to 10, 19 and 20: what is paid, how, and what follows.

use api_proto::v1;
use api_proto::v1::SessionPaymentState::{Failed, NotRequired, Paid, Processing};

use super::case::Act::{
    Capture, CloseLink, DaysPass, ExpireSession, LetGo, LetGoThere, OpenLink, TransferArrives, UpdateLink,
};
use super::case::Screen::{Desktop, Phone};
use super::case::Step::{
    Card, Chooses, Comes, Fills, IsAsked, IsLedTo, Meanwhile, Misses, PaysUnseen, Presses, Reloads, Sees, Shoots,
    Ticks, Visits,
};
use super::case::{Case, OfferRequest};
use super::stock::{Stock, link, money, saying};
use crate::harness::{GOOD_CARD, invoice_request, item, line, minor, stored_item};

pub(super) fn cases(stock: &Stock) -> Vec<Case> {
    vec![
        Case {
            row: 1,
            name: "a part in Swedish",
            screen: Phone,
            creates: OfferRequest::Checkout(
                Box::new(v1::CreateInvoiceRequest { lines: vec![line(10_000)], ..invoice_request() }),
                Box::new(v1::CreateInvoiceCheckoutRequest {
                    amount: money(5_000, "SEK"),
                    locale: "sv".to_owned(),
                    ..checkout(stock, v1::CheckoutMode::Payment)
                }),
            ),
            does: vec![
                Visits(""),
                Sees(&["Inga pengar flyttas här", "Betala till", "50,00 kr", "Tillbaka till säljaren"]),
                // What is said of the invoice is in no language.
                Sees(&["SEK 40.00 + Moms 25% SEK 10.00"]),
                Misses(&["Invoice"]),
                IsAsked(&["E-post", "Kortnummer", "Giltigt till", "Säkerhetskod", "Namn på kortet", "Kortets land"]),
                Card("4000 0000 0000 9995"),
                Presses("Betala 50,00 kr"),
                Sees(&["Kortet saknar täckning. Inget har dragits.", "Fyll i kortet igen"]),
                Shoots("declined"),
                Card(GOOD_CARD),
                Presses("Betala 50,00 kr"),
                IsLedTo("/?thanks"),
                Comes(Paid),
                Visits(""),
                Sees(&["Tack", "Din betalning har tagits emot.", "50,00 kr"]),
            ],
            reads: |read_back| {
                let session = &read_back.session;
                assert_eq!((session.payment_type(), session.locale.as_str()), (v1::PaymentType::Card, "sv"));
                assert_eq!(minor(session.amount.as_ref()), 5_000);
                let (paid, due) = (read_back.invoice.amount_paid.as_ref(), read_back.invoice.amount_due.as_ref());
                assert_eq!(
                    (read_back.invoice.state(), minor(paid), minor(due)),
                    (v1::InvoiceState::Open, 5_000, 7_500)
                );
                assert_eq!(read_back.payments[0].kind(), v1::PaymentKind::Checkout);
                assert_eq!(minor(read_back.payments[0].received.as_ref()), 5_000);
            },
        },
        Case {
            row: 1,
            name: "turned back from and expired",
            screen: Desktop,
            creates: OfferRequest::Checkout(
                Box::new(v1::CreateInvoiceRequest { lines: vec![line(10_000)], ..invoice_request() }),
                Box::new(checkout(stock, v1::CheckoutMode::Payment)),
            ),
            does: vec![
                Visits(""),
                Sees(&["Pay Sandbox merchant", "SEK 125.00"]),
                Presses("← Back to the merchant"),
                IsLedTo("/?basket"),
                Meanwhile(ExpireSession),
                Visits(""),
                Sees(&["This checkout is no longer open", "Sandbox merchant", "This checkout has expired."]),
                Misses(&["Card number"]),
            ],
            reads: |read_back| {
                assert_eq!(read_back.session.state(), v1::CheckoutSessionState::Expired);
                assert_eq!((read_back.invoice.state(), read_back.payments.len()), (v1::InvoiceState::Open, 0));
            },
        },
        Case {
            row: 2,
            name: "a stored payment method",
            screen: Phone,
            creates: OfferRequest::Setup(Box::new(v1::CreateInvoiceCheckoutRequest {
                customer_id: stock.ada.clone(),
                ..checkout(stock, v1::CheckoutMode::Setup)
            })),
            does: vec![
                Visits(""),
                Sees(&[
                    "Save a payment method with Sandbox merchant",
                    "Nothing is charged now.",
                    "charge it for later",
                ]),
                Misses(&["SEK", "Total"]),
                Card(GOOD_CARD),
                Presses("Save card"),
                IsLedTo("/?thanks"),
                Comes(NotRequired),
                Visits(""),
                Sees(&["Your payment method is saved. Nothing was charged.", "Reference seti_"]),
                Misses(&["Payment ID"]),
            ],
            reads: |read_back| {
                let [method] = read_back.methods.as_slice() else { panic!("one method, not {:?}", read_back.methods) };
                assert_eq!((method.card_brand.as_str(), method.card_last4.as_str()), ("visa", "4242"));
                assert_eq!(read_back.session.invoice_id, "");
            },
        },
        Case {
            row: 4,
            name: "an ad-hoc payment",
            screen: Desktop,
            creates: OfferRequest::Payment(Box::new(v1::CreatePaymentRequest {
                amount: money(12_500, "SEK"),
                description: "Consulting in May".to_owned(),
                customer_id: stock.grace.clone(),
                metadata: [("order".to_owned(), "7".to_owned())].into(),
                ..Default::default()
            })),
            does: vec![
                Visits(""),
                Sees(&["Consulting in May SEK 100.00 + Moms 25% SEK 25.00", "SEK 125.00", "keep this payment method"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 125.00"),
                Sees(&["Thank you", "Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!(read_back.received(), 12_500);
                let payment = &read_back.payments[0];
                assert_eq!((payment.kind(), payment.state()), (v1::PaymentKind::AdHoc, v1::PaymentState::Succeeded));
                assert_eq!((minor(payment.subtotal.as_ref()), minor(payment.tax.as_ref())), (10_000, 2_500));
                assert_eq!(
                    (payment.description.as_str(), payment.metadata["order"].as_str()),
                    ("Consulting in May", "7")
                );
                assert_eq!((read_back.invoice.state(), read_back.methods.len()), (v1::InvoiceState::Paid, 1));
            },
        },
        Case {
            row: 5,
            name: "stored and inline prices",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("T-shirt", 10_000, 2), stored_item(&stock.book, 1)],
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["T-shirt", "SEK 100.00 each", "Quantity 2", "SEK 200.00", "Book", "SEK 199.00", "SEK 399.00"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 399.00"),
                Sees(&["What you ordered", "T-shirt", "Book"]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!(read_back.bought(), [("T-shirt", 2, 20_000), ("Book", 1, 19_900)]);
                assert_eq!((read_back.received(), read_back.link.state()), (39_900, v1::PaymentLinkState::Active));
            },
        },
        Case {
            row: 5,
            name: "an invoice is paid once",
            screen: Phone,
            creates: OfferRequest::InvoiceLink(
                Box::new(v1::CreateInvoiceRequest { lines: vec![line(128_700)], ..invoice_request() }),
                Box::default(),
            ),
            does: vec![
                Visits(""),
                Sees(&["INV-2026-", "SEK 1287.00 + Moms 25% SEK 321.75", "SEK 1,608.75"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 1,608.75"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
                Visits(""),
                Sees(&["Already paid", "You don't need to do anything."]),
            ],
            reads: |read_back| {
                assert_eq!((read_back.received(), read_back.invoice.state()), (160_875, v1::InvoiceState::Paid));
                assert_eq!(read_back.link.close_reason(), v1::CloseReason::Completed);
                assert_eq!(read_back.items[0].description, "SEK\u{a0}1287.00 + Moms 25% SEK\u{a0}321.75");
            },
        },
        Case {
            row: 6,
            name: "items page by page",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Chair", 5_000, 4), item("Table", 20_000, 1), stored_item(&stock.package, 6)],
                ..Default::default()
            }),
            does: vec![],
            reads: |read_back| {
                let figures = |item: &v1::LineItem| {
                    [&item.amount_subtotal, &item.amount_discount, &item.amount_tax, &item.amount_total]
                        .map(|amount| minor(amount.as_ref()))
                };
                let items: Vec<_> = read_back.items.iter().map(|item| (item.name.as_str(), figures(item))).collect();
                let want = [("Chair", 20_000), ("Table", 20_000), ("Egg", 5_000)];
                assert_eq!(items, want.map(|(name, amount)| (name, [amount, 0, 0, amount])));
                assert_eq!(minor(read_back.link.amount.as_ref()), 45_000);
            },
        },
        Case {
            row: 7,
            name: "a changed page",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ticket", 10_000, 1)],
                metadata: [("order".to_owned(), "1".to_owned()), ("shop".to_owned(), "north".to_owned())].into(),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["Pay Sandbox merchant"]),
                Misses(&["Phone number"]),
                Meanwhile(UpdateLink(
                    Box::new(v1::PaymentLink {
                        collection: Some(v1::Collection {
                            phone_number: true,
                            submit_type: v1::SubmitType::Book as i32,
                            ..Default::default()
                        }),
                        after_completion: saying("See you on Monday."),
                        ..Default::default()
                    }),
                    &["collection", "after_completion", "metadata"],
                )),
                Visits(""),
                Sees(&["Book with Sandbox merchant"]),
                Fills(&[("Phone number", "+46 70 123 45 67")]),
                Card(GOOD_CARD),
                Presses("Book and pay SEK 100.00"),
                Sees(&["See you on Monday."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert!(read_back.link.metadata.is_empty() && read_back.session.metadata.is_empty());
                assert_eq!(read_back.collected().customer.as_ref().unwrap().phone_number, "+46 70 123 45 67");
            },
        },
        Case {
            row: 8,
            name: "closed and opened again",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ticket", 10_000, 1)],
                inactive_message: "Sold out.\nMore on Monday.".to_owned(),
                ..Default::default()
            }),
            does: vec![
                Meanwhile(CloseLink),
                Visits(""),
                Sees(&["This page is closed", "Sold out. More on Monday."]),
                Misses(&["Card number"]),
                Meanwhile(OpenLink),
                Visits(""),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!((read_back.received(), read_back.link.state()), (10_000, v1::PaymentLinkState::Active))
            },
        },
        Case {
            row: 9,
            name: "a message in other words",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ticket", 10_000, 1)],
                after_completion: saying("Doors open at <seven>.\nBring a friend."),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Thank you", "Your payment was received.", "Doors open at <seven>. Bring a friend."]),
                Comes(Paid),
            ],
            reads: |read_back| assert_eq!(read_back.received(), 10_000),
        },
        Case {
            row: 9,
            name: "a page elsewhere",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ticket", 10_000, 1)],
                after_completion: Some(v1::AfterCompletion {
                    kind: Some(v1::after_completion::Kind::Redirect(v1::Redirect { url: stock.thanks.clone() })),
                }),
                ..Default::default()
            }),
            does: vec![Visits(""), Card(GOOD_CARD), Presses("Pay SEK 100.00"), IsLedTo("/?thanks"), Comes(Paid)],
            reads: |read_back| assert_eq!(read_back.received(), 10_000),
        },
        Case {
            row: 10,
            name: "pairs as they are when a visitor comes",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ticket", 10_000, 1)],
                metadata: [("order".to_owned(), "1".to_owned()), ("shop".to_owned(), "north".to_owned())].into(),
                ..Default::default()
            }),
            does: vec![
                Meanwhile(UpdateLink(
                    Box::new(v1::PaymentLink {
                        metadata: [("order".to_owned(), "2".to_owned())].into(),
                        ..Default::default()
                    }),
                    &["metadata.order"],
                )),
                PaysUnseen,
                Comes(Paid),
            ],
            reads: |read_back| {
                let want = [("order".to_owned(), "2".to_owned()), ("shop".to_owned(), "north".to_owned())].into();
                assert_eq!(read_back.link.metadata, want);
                assert_eq!(read_back.session.metadata, want);
            },
        },
        Case {
            row: 19,
            name: "no method where nothing is due",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![stored_item(&stock.plan, 1)],
                subscription: Some(v1::SubscriptionSettings { trial_period_days: 14, ..Default::default() }),
                payment: Some(v1::PaymentSettings {
                    method_collection: v1::PaymentMethodCollection::IfRequired as i32,
                    ..Default::default()
                }),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["14 days free", "Nothing is due today, so no payment method is needed."]),
                Sees(&["Until ", ", then SEK 99.00 per month", "When the trial ends, you are sent an invoice."]),
                Misses(&["Card number"]),
                Fills(&[("E-mail", "ada@example.com")]),
                Presses("Start the trial"),
                Sees(&["Your trial has started. Nothing was charged.", "Plan SEK 99.00", "14 days free −SEK 99.00"]),
                Comes(NotRequired),
            ],
            reads: |read_back| {
                assert!(read_back.payments.is_empty());
                assert_eq!(minor(read_back.collected().amount_total.as_ref()), 0);
            },
        },
        Case {
            row: 19,
            name: "a card of a brand that is blocked",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ticket", 10_000, 1)],
                payment: Some(v1::PaymentSettings {
                    blocked_card_brands: vec![
                        v1::CardBrand::AmericanExpress as i32,
                        v1::CardBrand::DiscoverGlobalNetwork as i32,
                    ],
                    ..Default::default()
                }),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Card("3782 822463 10005"),
                Presses("Pay SEK 100.00"),
                Sees(&["Card number: Cards of this brand are not accepted here. Please use another card."]),
                Shoots("blocked"),
                Card("6011 1111 1111 1117"),
                Presses("Pay SEK 100.00"),
                Sees(&["Card number: Cards of this brand are not accepted here."]),
                Card("5555 5555 5555 4444"),
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received"]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!(read_back.received(), 10_000);
                let brands: Vec<_> =
                    read_back.link.payment.iter().flat_map(|payment| payment.blocked_card_brands()).collect();
                assert_eq!(brands, [v1::CardBrand::AmericanExpress, v1::CardBrand::DiscoverGlobalNetwork]);
            },
        },
        Case {
            row: 20,
            name: "money is held and then taken in part",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Deposit", 50_000, 1)],
                after_completion: saying("The bicycle is yours until Sunday."),
                payment: Some(v1::PaymentSettings {
                    capture_method: v1::CaptureMethod::Manual as i32,
                    description: "Deposit for a bicycle".to_owned(),
                    metadata: [("bicycle".to_owned(), "12".to_owned())].into(),
                    setup_future_usage: v1::FutureUsage::OffSession as i32,
                    statement_descriptor: "ACME BICYCLES".to_owned(),
                    statement_descriptor_suffix: "NO 12".to_owned(),
                    transfer_group: "rent-12".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["SEK 500.00", "keep this payment method", "Reserved on your card now, charged later."]),
                Card("4000 0025 0000 3155"),
                Presses("Reserve SEK 500.00"),
                Sees(&["Confirm the payment", "SEK 500.00 to Sandbox merchant"]),
                Shoots("bank"),
                Presses("Confirm"),
                Sees(&[
                    "Reserved by Sandbox merchant",
                    "The amount is reserved on your card and will be charged later.",
                ]),
                Sees(&["The bicycle is yours until Sunday."]),
                Shoots("held"),
                Comes(Processing),
                Meanwhile(Capture(30_000)),
                Comes(Paid),
                Reloads,
                Sees(&["SEK 500.00 was reserved on your card. SEK 300.00 of it was charged"]),
            ],
            reads: |read_back| {
                let intent = &read_back.there["payment_intent"];
                for (name, value) in [
                    ("description", "Deposit for a bicycle"),
                    ("setup_future_usage", "off_session"),
                    ("statement_descriptor", "ACME BICYCLES"),
                    ("statement_descriptor_suffix", "NO 12"),
                    ("transfer_group", "rent-12"),
                ] {
                    assert_eq!(intent[name], value, "{name} of {intent}");
                }
                assert_eq!(intent["metadata"]["bicycle"], "12");
                let [payment] = read_back.payments.as_slice() else {
                    panic!("one payment, not {:?}", read_back.payments)
                };
                assert_eq!(minor(payment.received.as_ref()), 30_000);
                assert_eq!(payment.flags, [v1::PaymentFlag::Partial as i32]);
            },
        },
        Case {
            row: 20,
            name: "money is held and then let go",
            screen: Phone,
            creates: deposit(),
            does: vec![
                Visits(""),
                Card(GOOD_CARD),
                Presses("Reserve SEK 500.00"),
                Sees(&["The amount is reserved on your card and will be charged later."]),
                Comes(Processing),
                Meanwhile(LetGo),
                Comes(Failed),
                Reloads,
                Sees(&["The reserved amount was released. Nothing was charged."]),
            ],
            reads: |read_back| assert_eq!(read_back.payments[0].state(), v1::PaymentState::Canceled),
        },
        Case {
            row: 20,
            name: "money is held and let go at the provider",
            screen: Desktop,
            creates: deposit(),
            does: vec![Visits(""), PaysUnseen, Comes(Processing), Meanwhile(LetGoThere), Comes(Failed)],
            reads: |read_back| assert_eq!(read_back.payments[0].state(), v1::PaymentState::Canceled),
        },
    ]
}

/// Rows whose money comes or goes days after the customer left.
pub(super) fn later_cases(stock: &Stock) -> Vec<Case> {
    vec![
        Case {
            row: 3,
            name: "a bank transfer",
            screen: Desktop,
            creates: OfferRequest::Checkout(
                Box::new(euro_invoice(&stock.edith)),
                Box::new(checkout(stock, v1::CheckoutMode::BankTransferPayment)),
            ),
            does: vec![
                Visits(""),
                Sees(&["€100.00", "Bank transfer", "You get an account number and a reference"]),
                Misses(&["Card number"]),
                Fills(&[("E-mail", "edith@example.com")]),
                Presses("Continue to the transfer"),
                IsLedTo("/?thanks"),
                Comes(Processing),
                Visits(""),
                Sees(&[
                    "Now transfer the money",
                    "Amount €100.00 IBAN SE00 0000 0000",
                    "Account holder Sandbox merchant",
                ]),
                Sees(&["Country Sweden Reference", "do not really transfer anything"]),
                Shoots("instructions"),
                Visits("?locale=sv"),
                Sees(&["För över pengarna nu", "Land Sverige Referens"]),
                Shoots("instructions-sv"),
                Meanwhile(TransferArrives),
                Comes(Paid),
                Visits(""),
                Sees(&["Your payment was received."]),
            ],
            reads: |read_back| {
                assert_eq!(read_back.session.payment_type(), v1::PaymentType::BankTransfer);
                assert_eq!((read_back.received(), read_back.invoice.state()), (10_000, v1::InvoiceState::Paid));
            },
        },
        Case {
            row: 19,
            name: "a bank debit settles days later",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![stored_item(&stock.book, 2)],
                currency_code: "EUR".to_owned(),
                payment: Some(v1::PaymentSettings {
                    method_types: vec!["card".to_owned(), "sepa_debit".to_owned()],
                    ..Default::default()
                }),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["Card", "SEPA Direct Debit", "€36.00"]),
                IsAsked(&["Card number"]),
                Ticks("SEPA Direct Debit"),
                Sees(&["It takes a few days for your bank to confirm.", "you authorise Sandbox merchant"]),
                Shoots("debit"),
                Fills(&[
                    ("E-mail", "ada@example.com"),
                    ("Name on the card or account", "Ada Lovelace"),
                    ("IBAN", "AT61 1904 3002 3457 3201"),
                ]),
                Chooses("Billing country", "Austria"),
                Presses("Pay €36.00"),
                Sees(&["Payment on its way"]),
                Comes(Processing),
                Meanwhile(DaysPass(6)),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!((read_back.received(), read_back.payments[0].state()), (3_600, v1::PaymentState::Succeeded));
            },
        },
        Case {
            row: 19,
            name: "a bank debit fails days later",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![stored_item(&stock.book, 1)],
                currency_code: "EUR".to_owned(),
                payment: Some(v1::PaymentSettings {
                    method_types: vec!["sepa_debit".to_owned()],
                    ..Default::default()
                }),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Misses(&["Card number"]),
                Fills(&[
                    ("E-mail", "ada@example.com"),
                    ("Account holder's name", "Ada Lovelace"),
                    ("IBAN", "AT86 1904 3002 3547 0000"),
                ]),
                Chooses("Billing country", "Germany"),
                Presses("Pay €18.00"),
                Sees(&["Payment on its way"]),
                Comes(Processing),
                Meanwhile(DaysPass(6)),
                Comes(Failed),
                Reloads,
                Sees(&["The payment failed", "Your bank did not pay."]),
            ],
            reads: |read_back| assert_eq!(read_back.payments[0].state(), v1::PaymentState::Failed),
        },
    ]
}

fn checkout(stock: &Stock, mode: v1::CheckoutMode) -> v1::CreateInvoiceCheckoutRequest {
    v1::CreateInvoiceCheckoutRequest {
        mode: mode as i32,
        return_url: stock.thanks.clone(),
        cancel_url: stock.basket.clone(),
        ..Default::default()
    }
}

/// 100.00 EUR, untaxed.
fn euro_invoice(customer_id: &str) -> v1::CreateInvoiceRequest {
    let price = v1::UnitPrice { minor_units: "10000".to_owned(), currency_code: "EUR".to_owned() };
    let line = v1::InvoiceLineInput {
        description: "Consulting".to_owned(),
        quantity: 1,
        price: Some(v1::invoice_line_input::Price::PriceData(v1::InlinePrice {
            unit_price: Some(price),
            tax_behavior: v1::TaxBehavior::Exclusive as i32,
        })),
        tax: Some(v1::LineTax { treatment: Some(v1::line_tax::Treatment::Untaxed(v1::Untaxed {})) }),
        discount: None,
    };
    v1::CreateInvoiceRequest {
        currency_code: "EUR".to_owned(),
        customer_id: customer_id.to_owned(),
        lines: vec![line],
        ..Default::default()
    }
}

/// 500.00 SEK that are held at first.
fn deposit() -> OfferRequest {
    link(v1::CreatePaymentLinkRequest {
        line_items: vec![item("Deposit", 50_000, 1)],
        payment: Some(v1::PaymentSettings { capture_method: v1::CaptureMethod::Manual as i32, ..Default::default() }),
        ..Default::default()
    })
}

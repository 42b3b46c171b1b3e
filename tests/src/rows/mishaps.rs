//! What goes wrong on the customer's side: two tabs, the button back, a page that was open for too long, a slip of the pen.

use api_proto::v1;
use api_proto::v1::SessionPaymentState::Paid;

use super::case::Act::CloseLink;
use super::case::Screen::{Desktop, Phone, SmallAndDark};
use super::case::Step::{
    Card, Chooses, Comes, Fills, GoesBack, IsLedTo, Meanwhile, Misses, PaysInAnotherTab, PaysUnseen, Presses, Reads,
    Sees, Shoots, Visits,
};
use super::case::{Case, OfferRequest};
use super::stock::{Stock, asking, link};
use crate::harness::{GOOD_CARD, invoice_request, item, line};

pub(super) fn cases(stock: &Stock) -> Vec<Case> {
    [twice(stock), too_late(), slips()].concat()
}

fn of_invoice() -> Box<v1::CreateInvoiceRequest> {
    Box::new(v1::CreateInvoiceRequest { lines: vec![line(10_000)], ..invoice_request() })
}

/// Rows 1, 5 and 9.
fn twice(stock: &Stock) -> Vec<Case> {
    vec![
        Case {
            row: 1,
            name: "a checkout paid in two tabs",
            screen: Desktop,
            creates: OfferRequest::Checkout(
                of_invoice(),
                Box::new(v1::CreateInvoiceCheckoutRequest {
                    mode: v1::CheckoutMode::Payment as i32,
                    return_url: stock.thanks.clone(),
                    cancel_url: stock.basket.clone(),
                    ..Default::default()
                }),
            ),
            does: vec![
                Visits(""),
                Card(GOOD_CARD),
                PaysInAnotherTab,
                Presses("Pay SEK 125.00"),
                Sees(&["Your payment was received."]),
                Misses(&["Card number"]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!((read_back.received(), read_back.invoice.state()), (12_500, v1::InvoiceState::Paid));
            },
        },
        Case {
            row: 5,
            name: "an invoice paid by two visits",
            screen: Phone,
            creates: OfferRequest::InvoiceLink(of_invoice(), Box::default()),
            does: vec![
                Visits("?locale=sv"),
                Card(GOOD_CARD),
                PaysUnseen,
                Comes(Paid),
                Presses("Betala 125,00 kr"),
                Sees(&["Redan betalt", "Du behöver inte göra något."]),
                Misses(&["Kortnummer"]),
                Shoots("second"),
            ],
            reads: |read_back| {
                assert_eq!((read_back.received(), read_back.invoice.state()), (12_500, v1::InvoiceState::Paid));
                assert_eq!(read_back.link.close_reason(), v1::CloseReason::Completed);
            },
        },
        Case {
            row: 5,
            name: "back to the form after paying",
            screen: SmallAndDark,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ticket", 10_000, 1)],
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
                // A browser may show the form once more as it was left; it is of a session that is done.
                GoesBack,
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received."]),
                Misses(&["Card number"]),
            ],
            reads: |read_back| assert_eq!(read_back.received(), 10_000),
        },
        Case {
            row: 9,
            name: "back from where the seller sent the customer",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ticket", 10_000, 1)],
                after_completion: Some(v1::AfterCompletion {
                    kind: Some(v1::after_completion::Kind::Redirect(v1::Redirect { url: stock.thanks.clone() })),
                }),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                IsLedTo("/?thanks"),
                Comes(Paid),
                GoesBack,
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received."]),
            ],
            reads: |read_back| assert_eq!(read_back.received(), 10_000),
        },
    ]
}

/// Row 8.
fn too_late() -> Vec<Case> {
    vec![Case {
        row: 8,
        name: "closed while its page is open",
        screen: Phone,
        creates: link(v1::CreatePaymentLinkRequest {
            line_items: vec![item("Ticket", 10_000, 1)],
            inactive_message: "Sold out.".to_owned(),
            ..Default::default()
        }),
        does: vec![
            Visits(""),
            Card(GOOD_CARD),
            Meanwhile(CloseLink),
            Presses("Pay SEK 100.00"),
            Sees(&["This page is closed", "Sold out."]),
            Misses(&["Card number"]),
            GoesBack,
            Sees(&["This page is closed", "Sold out."]),
        ],
        reads: |read_back| assert!(read_back.payments.is_empty()),
    }]
}

/// Rows 11, 13 and 14.
fn slips() -> Vec<Case> {
    vec![
        Case {
            row: 11,
            name: "one code after another",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Chair", 30_000, 1)],
                allow_promotion_codes: true,
                ..Default::default()
            }),
            does: vec![
                Visits("?locale=sv"),
                Fills(&[("Rabattkod", "SUMMER, FIFTY")]),
                Presses("Använd"),
                Sees(&["Vi känner inte till koden SUMMER, FIFTY.", "Summa 300,00 kr"]),
                Fills(&[("Rabattkod", "SUMMER")]),
                Presses("Använd"),
                Sees(&["Summa 270,00 kr"]),
                // A second code has no place beside the first.
                Misses(&["Rabattkod"]),
                Presses("Ta bort SUMMER"),
                Fills(&[("Rabattkod", " fifty ")]),
                Presses("Använd"),
                Sees(&["Koden FIFTY gäller", "Summa 250,00 kr"]),
                Card(GOOD_CARD),
                Presses("Betala 250,00 kr"),
                Sees(&["Din betalning har tagits emot."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let codes: Vec<_> =
                    read_back.collected().promotion_codes.iter().map(|used| used.code.as_str()).collect();
                assert_eq!((codes, read_back.received()), (vec!["FIFTY"], 25_000));
            },
        },
        Case {
            row: 13,
            name: "a postal code of another country",
            screen: Desktop,
            creates: asking(
                vec![item("Desk", 10_000, 1)],
                v1::Collection { billing_address: v1::AddressCollection::Required as i32, ..Default::default() },
            ),
            does: vec![
                Visits(""),
                Fills(&[
                    ("billing > Address", "Unter den Linden 1"),
                    ("billing > Postal code", "111 2"),
                    ("billing > City", "Berlin"),
                ]),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Postal code: This is not a postal code of the country chosen."]),
                Reads("billing > City", "Berlin"),
                Shoots("errors"),
                Chooses("billing > Country", "Germany"),
                Fills(&[("billing > Postal code", "10117")]),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let address = read_back.collected().customer.as_ref().unwrap().billing_address.as_ref().unwrap();
                assert_eq!([&address.postal_code, &address.country_code], ["10117", "DE"]);
            },
        },
        Case {
            row: 14,
            name: "a postal code that is none in Swedish",
            screen: Phone,
            creates: asking(
                vec![item("Stol", 10_000, 1)],
                v1::Collection {
                    shipping_address: Some(v1::ShippingAddressCollection {
                        allowed_country_codes: vec!["SE".to_owned()],
                    }),
                    ..Default::default()
                },
            ),
            does: vec![
                Visits("?locale=sv"),
                Fills(&[
                    ("Mottagare", "Sofja Kovalevskaja"),
                    ("Leveransadress > Adress", "Storgatan 1"),
                    ("Leveransadress > Postnummer", "elva"),
                    ("Leveransadress > Ort", "Stockholm"),
                ]),
                Card(GOOD_CARD),
                Presses("Betala 100,00 kr"),
                Sees(&["Postnummer: Det är inget postnummer i landet som är valt."]),
                Shoots("errors"),
                Fills(&[("Leveransadress > Postnummer", "SE-111 22")]),
                Card(GOOD_CARD),
                Presses("Betala 100,00 kr"),
                Sees(&["Din betalning har tagits emot."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let address = read_back.collected().shipping.as_ref().unwrap().address.as_ref().unwrap();
                assert_eq!(address.postal_code, "SE-111 22");
            },
        },
    ]
}

//! Rows 11, 12, 18 and 21 to 28: what is sold, at which price, and until when.

use api_proto::v1;
use api_proto::v1::SessionPaymentState::{NotRequired, Paid};
use api_proto::v1::SubscriptionState::{Active as Running, Trialing};
use api_proto::v1::platform_settings::ApplicationFee;

use super::case::Act::{LinkExpires, VoidInvoice};
use super::case::Screen::{Desktop, Phone, SmallAndDark};
use super::case::Step::{
    Card, Chooses, Comes, Fills, Meanwhile, Misses, Presses, Reads, Sees, Shoots, Ticks, Unfolds, Visits, VisitsShared,
};
use super::case::{Case, OfferRequest};
use super::stock::{Stock, link};
use crate::harness::{GOOD_CARD, invoice_request, item, line, minor, stored_item};

pub(super) fn cases(stock: &Stock) -> Vec<Case> {
    [priced(stock), offered(stock), settled(stock), shared(), ended()].concat()
}

/// Rows 12 and 25, and the currency of row 24.
fn priced(stock: &Stock) -> Vec<Case> {
    let alone = |id: &str, quantity| v1::CreatePaymentLinkRequest {
        line_items: vec![stored_item(id, quantity)],
        ..Default::default()
    };
    vec![
        Case {
            row: 12,
            name: "what a platform keeps and passes on",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ride", 20_000, 1)],
                platform: Some(v1::PlatformSettings {
                    application_fee: Some(ApplicationFee::ApplicationFeeAmount(v1::Money {
                        minor_units: 1_500,
                        currency_code: "SEK".to_owned(),
                    })),
                    on_behalf_of: "acct_driver".to_owned(),
                    transfer: Some(v1::Transfer { destination: "acct_driver".to_owned(), amount: None }),
                }),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["Ride", "SEK 200.00"]),
                Misses(&["15.00", "acct_"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 200.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let intent = &read_back.there["payment_intent"];
                assert_eq!(
                    (&intent["application_fee_amount"], &intent["on_behalf_of"]),
                    (&1_500.into(), &"acct_driver".into())
                );
                assert_eq!(intent["transfer_data"]["destination"], "acct_driver");
                assert_eq!(read_back.received(), 20_000);
            },
        },
        Case {
            row: 25,
            name: "each piece at the price of its tier",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![v1::LineItemInput {
                    adjustable_quantity: Some(v1::AdjustableQuantity { minimum: Some(1), maximum: Some(50) }),
                    ..stored_item(&stock.graduated, 5)
                }],
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["SEK 7.00 each", "SEK 35.00"]),
                Unfolds("Prices by quantity"),
                Sees(&["1–5 SEK 7.00 each", "6–10 SEK 6.50 each", "11 or more SEK 6.00 each"]),
                Sees(&["Each piece at the price of its step."]),
                Shoots("tiers"),
                Fills(&[("Quantity Seat", "12")]),
                Presses("Update the total"),
                Sees(&["From SEK 6.00 each", "SEK 79.50"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 79.50"),
                Sees(&["Seat Quantity 12 SEK 79.50"]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!((read_back.bought(), read_back.received()), (vec![("Seat", 12, 7_950)], 7_950));
            },
        },
        Case {
            row: 25,
            name: "all pieces at the price of one tier",
            screen: Desktop,
            creates: link(alone(&stock.volume, 12)),
            does: vec![
                Visits(""),
                Sees(&["SEK 6.00 each", "Quantity 12", "SEK 72.00"]),
                Misses(&["From SEK"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 72.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!((read_back.bought(), read_back.received()), (vec![("Seat", 12, 7_200)], 7_200))
            },
        },
        Case {
            row: 25,
            name: "by packages",
            screen: Desktop,
            creates: link(alone(&stock.package, 6)),
            does: vec![
                Visits(""),
                Sees(&["SEK 25.00 per 5 or part of 5; 2 packages", "Quantity 6", "SEK 50.00"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 50.00"),
                Sees(&["Your payment was received.", "Quantity 6 (2 packages)"]),
                Comes(Paid),
            ],
            reads: |read_back| assert_eq!((read_back.bought(), read_back.received()), (vec![("Egg", 6, 5_000)], 5_000)),
        },
        Case {
            row: 25,
            name: "what the customer likes in Swedish",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                collection: Some(v1::Collection { submit_type: v1::SubmitType::Donate as i32, ..Default::default() }),
                ..alone(&stock.donation, 1)
            }),
            does: vec![
                Visits("?locale=sv"),
                Sees(&["Skänk till", "Mellan 20,00 kr och 1 000,00 kr", "Skänk 50,00 kr"]),
                Reads("Belopp", "50,00"),
                Fills(&[("Belopp", "19,99")]),
                Presses("Uppdatera summan"),
                Sees(&["Beloppet måste vara minst 20,00 kr.", "Visa summan"]),
                Shoots("errors"),
                Fills(&[("Belopp", "123,45")]),
                Presses("Visa summan"),
                Card(GOOD_CARD),
                Presses("Skänk 123,45 kr"),
                Sees(&["Tack", "123,45 kr"]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!((read_back.bought(), read_back.received()), (vec![("Donation", 1, 12_345)], 12_345))
            },
        },
        Case {
            row: 25,
            name: "in another currency",
            screen: SmallAndDark,
            creates: link(v1::CreatePaymentLinkRequest { currency_code: "EUR".to_owned(), ..alone(&stock.book, 2) }),
            does: vec![
                Visits(""),
                Sees(&["€18.00 each", "€36.00"]),
                Misses(&["SEK"]),
                Card(GOOD_CARD),
                Chooses("Billing country", "Ireland"),
                Presses("Pay €36.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!((read_back.received(), read_back.link.currency_code.as_str()), (3_600, "EUR"));
            },
        },
    ]
}

/// Rows 11 and 18.
fn offered(stock: &Stock) -> Vec<Case> {
    let codes = |items| {
        link(v1::CreatePaymentLinkRequest { line_items: items, allow_promotion_codes: true, ..Default::default() })
    };
    let up_to = |least, most| Some(v1::AdjustableQuantity { minimum: Some(least), maximum: Some(most) });
    vec![
        Case {
            row: 11,
            name: "a tenth off",
            screen: Desktop,
            creates: codes(vec![item("Chair", 10_000, 1), item("Table", 20_000, 1)]),
            does: vec![
                Visits(""),
                Fills(&[("Promotion code", "WINTER")]),
                Presses("Apply"),
                Sees(&["We don't know the code WINTER.", "Total SEK 300.00"]),
                Shoots("errors"),
                Fills(&[("Promotion code", "summer")]),
                Presses("Apply"),
                Sees(&["Code SUMMER applied", "Subtotal SEK 300.00", "Total SEK 270.00"]),
                Sees(&["Discount (SUMMER, 10% off) −SEK 30.00"]),
                Shoots("applied"),
                Card(GOOD_CARD),
                Presses("Pay SEK 270.00"),
                Sees(&["Your payment was received.", "Discount (SUMMER, 10% off) −SEK 30.00", "Total SEK 270.00"]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let collected = read_back.collected();
                assert_eq!((collected.promotion_codes[0].code.as_str(), read_back.received()), ("SUMMER", 27_000));
                assert_eq!(minor(collected.amount_discount.as_ref()), 3_000);
                assert_eq!(read_back.bought(), [("Chair", 1, 9_000), ("Table", 1, 18_000)]);
            },
        },
        Case {
            row: 11,
            name: "an amount off from a minimum and removed again",
            screen: Phone,
            creates: codes(vec![v1::LineItemInput { adjustable_quantity: up_to(1, 9), ..item("Chair", 10_000, 1) }]),
            does: vec![
                Visits(""),
                Fills(&[("Promotion code", "FIFTY")]),
                Presses("Apply"),
                Sees(&["The code needs an order of at least SEK 200.00."]),
                Fills(&[("Quantity Chair", "3")]),
                Presses("Update the total"),
                Sees(&["Code FIFTY applied", "Discount (FIFTY) −SEK 50.00", "Total SEK 250.00"]),
                Presses("Remove FIFTY"),
                Sees(&["Total SEK 300.00"]),
                Misses(&["Discount"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 300.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert!(read_back.collected().promotion_codes.is_empty());
                assert_eq!((read_back.bought(), read_back.received()), (vec![("Chair", 3, 30_000)], 30_000));
            },
        },
        Case {
            row: 18,
            name: "items added and quantities changed",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![v1::LineItemInput { adjustable_quantity: up_to(1, 5), ..item("Mug", 10_000, 2) }],
                optional_items: vec![
                    v1::OptionalItem { price_id: stock.wrapping.clone(), quantity: 1, ..Default::default() },
                    v1::OptionalItem {
                        price_id: stock.book.clone(),
                        quantity: 1,
                        adjustable_quantity: up_to(0, 3),
                        ..Default::default()
                    },
                ],
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&[
                    "Add to your order",
                    "Wrapping",
                    "SEK 25.00",
                    "Book",
                    "SEK 199.00 each",
                    "From 1 to 5",
                    "From 0 to 3",
                ]),
                Reads("Quantity Mug", "2"),
                Reads("Quantity Book", "0"),
                Fills(&[("Quantity Mug", "6")]),
                Presses("Update the total"),
                Sees(&["Mug: Can be at most 5."]),
                Fills(&[("Quantity Mug", "3"), ("Quantity Book", "2")]),
                Ticks("Add Wrapping"),
                Presses("Update the total"),
                Sees(&["Total SEK 723.00", "Added"]),
                Shoots("chosen"),
                Card(GOOD_CARD),
                Presses("Pay SEK 723.00"),
                Sees(&["Your payment was received.", "Wrapping", "Book Quantity 2"]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!(read_back.bought(), [("Mug", 3, 30_000), ("Wrapping", 1, 2_500), ("Book", 2, 39_800)]);
                let (bought, offered) = (&read_back.collected().items, &read_back.link.optional_items);
                assert_eq!([&bought[1].price_id, &bought[2].price_id], [&offered[0].price_id, &offered[1].price_id]);
                assert_eq!(read_back.received(), 72_300);
            },
        },
        Case {
            row: 18,
            name: "a choice made just before paying is shown first",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Mug", 10_000, 1)],
                optional_items: vec![v1::OptionalItem {
                    price_id: stock.wrapping.clone(),
                    quantity: 1,
                    ..Default::default()
                }],
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Ticks("Add Wrapping"),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["from SEK 100.00 to SEK 125.00. Nothing has been charged.", "Total SEK 125.00"]),
                Shoots("changed"),
                Card(GOOD_CARD),
                Presses("Pay SEK 125.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| assert_eq!(read_back.received(), 12_500),
        },
    ]
}

/// Rows 21 to 24.
fn settled(stock: &Stock) -> Vec<Case> {
    let exclusive = || {
        let mut item = item("Coat", 10_000, 1);
        if let Some(v1::line_item_input::Price::PriceData(data)) = &mut item.price {
            data.tax_behavior = v1::TaxBehavior::Exclusive as i32;
        }
        item
    };
    let field = |name: &str, value: &str| v1::ProviderInvoiceField { name: name.to_owned(), value: value.to_owned() };
    vec![
        Case {
            row: 21,
            name: "a subscription",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![stored_item(&stock.plan, 2), item("Start", 5_000, 1)],
                subscription: Some(v1::SubscriptionSettings {
                    description: "Two seats".to_owned(),
                    metadata: [("team".to_owned(), "red".to_owned())].into(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["Subscribe to Sandbox merchant", "SEK 248.00", "Then SEK 198.00 per month from "]),
                Sees(&["SEK 99.00 each per month", "Due today SEK 248.00"]),
                Sees(&["charge you SEK 198.00 per month until you cancel."]),
                Card(GOOD_CARD),
                Presses("Subscribe and pay SEK 248.00"),
                Sees(&["Your subscription has started.", "Then SEK 198.00 per month from ", "Total SEK 248.00"]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert_eq!(
                    (read_back.bought(), read_back.received()),
                    (vec![("Plan", 2, 19_800), ("Start", 1, 5_000)], 24_800)
                );
                let [subscription] = read_back.subscriptions.as_slice() else {
                    panic!("{:?}", read_back.subscriptions)
                };
                assert_eq!((subscription.state(), &subscription.checkout_session_id), (Running, &read_back.session.id));
                assert_eq!(subscription.metadata["team"], "red");
                let [item] = subscription.items.as_slice() else { panic!("{:?}", subscription.items) };
                assert_eq!((item.quantity, minor(item.unit_amount.as_ref())), (2, 9_900));
                assert_eq!(read_back.there["subscription"]["description"], "Two seats");
            },
        },
        Case {
            row: 21,
            name: "a trial",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![stored_item(&stock.plan, 1)],
                subscription: Some(v1::SubscriptionSettings {
                    trial_period_days: 14,
                    trial_end: v1::TrialEnd::Pause as i32,
                    ..Default::default()
                }),
                ..Default::default()
            }),
            does: vec![
                Visits("?locale=sv"),
                Sees(&["Prenumerera hos", "14 dagar gratis", ", sedan 99,00 kr per månad", "Att betala i dag 0,00 kr"]),
                Card(GOOD_CARD),
                Presses("Starta provperioden"),
                Sees(&["Din provperiod har startat. Inget har dragits.", "14 dagar gratis −99,00 kr"]),
                Comes(NotRequired),
            ],
            reads: |read_back| {
                assert!(read_back.payments.is_empty());
                let [subscription] = read_back.subscriptions.as_slice() else {
                    panic!("{:?}", read_back.subscriptions)
                };
                let (start, end) = (subscription.start_time.unwrap(), subscription.trial_end_time.unwrap());
                assert_eq!((subscription.state(), end.seconds - start.seconds), (Trialing, 14 * 24 * 60 * 60));
                let end = read_back.there.pointer("/subscription/trial_settings/end_behavior/missing_payment_method");
                assert_eq!(end, Some(&"pause".into()));
            },
        },
        Case {
            row: 22,
            name: "tax by the providers reckoning",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![exclusive()],
                automatic_tax: Some(v1::ProviderTax::default()),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["Tax follows your country.", "Tax 25% SEK 25.00", "Total SEK 125.00"]),
                Chooses("Billing country", "Germany"),
                Presses("Update the total"),
                Sees(&["Subtotal SEK 100.00", "Tax 19% SEK 19.00", "Total SEK 119.00"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 119.00"),
                Sees(&["Your payment was received.", "Tax 19% SEK 19.00"]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let collected = read_back.collected();
                assert_eq!((minor(collected.amount_tax.as_ref()), read_back.received()), (1_900, 11_900));
                assert_eq!(minor(collected.items[0].amount_tax.as_ref()), 1_900);
            },
        },
        Case {
            row: 23,
            name: "an invoice by the provider",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Workshop", 10_000, 1)],
                invoice_creation: Some(v1::InvoiceCreation {
                    invoice: Some(v1::ProviderInvoice {
                        description: "Workshop in June".to_owned(),
                        footer: "Thank you for coming.".to_owned(),
                        custom_fields: vec![field("Order", "7"), field("Room", "12")],
                        ..Default::default()
                    }),
                    metadata: [("order".to_owned(), "7".to_owned())].into(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received.", "Your invoice"]),
                Shoots("paid"),
                Comes(Paid),
                Presses("Your invoice"),
                Sees(&[
                    "From Sandbox merchant",
                    "ada@example.com",
                    "Issued",
                    "Paid",
                    "Workshop in June",
                    "Room 12",
                    "Total SEK 100.00",
                    "Thank you for coming.",
                    "Back to the receipt",
                ]),
            ],
            reads: |read_back| {
                let invoice = &read_back.there["invoice"];
                for (name, value) in [("description", "Workshop in June"), ("footer", "Thank you for coming.")] {
                    assert_eq!(invoice[name], value, "{name} of {invoice}");
                }
                assert_eq!(invoice["custom_fields"][1]["value"], "12");
                assert_eq!(invoice["metadata"]["order"], "7");
            },
        },
        Case {
            row: 24,
            name: "a booking once for a customer",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Table for two", 20_000, 1)],
                collection: Some(v1::Collection {
                    submit_type: v1::SubmitType::Book as i32,
                    customer_creation: v1::CustomerCreation::Always as i32,
                    ..Default::default()
                }),
                restrictions: Some(v1::Restrictions { completed_sessions_limit: 1 }),
                inactive_message: "The table is taken.".to_owned(),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["Book with Sandbox merchant", "SEK 200.00"]),
                Card(GOOD_CARD),
                Presses("Book and pay SEK 200.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
                Visits(""),
                Sees(&["This page is closed", "The table is taken."]),
            ],
            reads: |read_back| {
                assert_eq!(read_back.link.close_reason(), v1::CloseReason::Completed);
                assert!(read_back.there["customer"].is_string(), "{}", read_back.there["customer"]);
            },
        },
        Case {
            row: 24,
            name: "the provider sells",
            screen: Desktop,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Font", 20_000, 1)],
                managed_payments: true,
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Card(GOOD_CARD),
                Presses("Pay SEK 200.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                assert!(read_back.link.managed_payments);
                assert_eq!(read_back.there["managed_payments"]["enabled"], true);
                assert_eq!(read_back.received(), 20_000);
            },
        },
    ]
}

/// Row 26.
fn shared() -> Vec<Case> {
    vec![Case {
        row: 26,
        name: "a page that begins with what the URL brings",
        screen: Phone,
        creates: link(v1::CreatePaymentLinkRequest {
            line_items: vec![item("Chair", 10_000, 1)],
            allow_promotion_codes: true,
            ..Default::default()
        }),
        does: vec![
            VisitsShared(Box::new(v1::SharePaymentLinkRequest {
                client_reference_id: "basket_7".to_owned(),
                locked_prefilled_email: "grace@example.com".to_owned(),
                prefilled_promo_code: "summer".to_owned(),
                locale: "sv".to_owned(),
                ..Default::default()
            })),
            Sees(&["Koden SUMMER gäller", "Rabatt (SUMMER, 10 %) −10,00 kr", "Summa 90,00 kr"]),
            Reads("E-post", "grace@example.com"),
            Fills(&[("Namn på kortet", "Grace Hopper"), ("Kortnummer", GOOD_CARD)]),
            Fills(&[("Giltigt till", "12 / 34"), ("Säkerhetskod", "123")]),
            Presses("Betala 90,00 kr"),
            Sees(&["Din betalning har tagits emot."]),
            Comes(Paid),
        ],
        reads: |read_back| {
            let collected = read_back.collected();
            assert_eq!(
                (collected.client_reference.as_str(), collected.customer.as_ref().unwrap().email.as_str()),
                ("basket_7", "grace@example.com")
            );
            assert_eq!((collected.promotion_codes[0].code.as_str(), read_back.received()), ("SUMMER", 9_000));
        },
    }]
}

/// Row 28.
fn ended() -> Vec<Case> {
    vec![Case {
        row: 28,
        name: "an invoice is voided while its page is open",
        screen: Desktop,
        creates: OfferRequest::InvoiceLink(
            Box::new(v1::CreateInvoiceRequest { lines: vec![line(10_000)], ..invoice_request() }),
            Box::default(),
        ),
        does: vec![
            Visits(""),
            Card(GOOD_CARD),
            Meanwhile(VoidInvoice),
            Presses("Pay SEK 125.00"),
            Sees(&["This page is closed"]),
        ],
        reads: |read_back| {
            assert_eq!((read_back.link.close_reason(), read_back.payments.len()), (v1::CloseReason::InvoiceClosed, 0));
            assert_eq!(read_back.invoice.state(), v1::InvoiceState::Void);
        },
    }]
}

/// Row 27, whose time must pass.
pub(super) fn later_cases() -> Vec<Case> {
    vec![Case {
        row: 27,
        name: "its time has passed",
        screen: Phone,
        creates: OfferRequest::BriefLink(
            Box::new(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ticket", 10_000, 1)],
                inactive_message: "The concert is over.".to_owned(),
                ..Default::default()
            }),
            // No link may expire within a minute; the rest is for creating this one.
            75,
        ),
        does: vec![Meanwhile(LinkExpires), Visits(""), Sees(&["This page is closed", "The concert is over."])],
        reads: |read_back| {
            assert_eq!(read_back.link.close_reason(), v1::CloseReason::Expired);
            assert!(read_back.link.update_time.unwrap().seconds <= read_back.link.expire_time.unwrap().seconds);
        },
    }]
}

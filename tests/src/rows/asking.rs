//! Rows 13 to 17: what the page asks of the customer, and in which words.

use api_proto::v1;
use api_proto::v1::SessionPaymentState::Paid;
use api_proto::v1::custom_field::Kind;

use super::case::Case;
use super::case::Screen::{Desktop, Phone, SmallAndDark};
use super::case::Step::{
    Card, Chooses, Comes, Fills, IsAsked, IsOffered, Misses, Presses, Reads, Sees, Shoots, Ticks, Visits,
};
use super::stock::{Stock, asking, link};
use crate::harness::{GOOD_CARD, item, minor};

pub(super) fn cases(stock: &Stock) -> Vec<Case> {
    vec![
        Case {
            row: 13,
            name: "names address phone and tax id",
            screen: Phone,
            creates: asking(
                vec![item("Desk", 10_000, 1)],
                v1::Collection {
                    billing_address: v1::AddressCollection::Required as i32,
                    phone_number: true,
                    names: Some(v1::NameCollection {
                        individual: v1::NameField::Required as i32,
                        business: v1::NameField::Optional as i32,
                    }),
                    tax_id: v1::TaxIdCollection::RequiredIfSupported as i32,
                    ..Default::default()
                },
            ),
            does: vec![
                Visits(""),
                IsAsked(&["Phone number", "Full name", "Business name", "Type of tax ID", "Tax ID"]),
                IsAsked(&["billing > Address", "billing > Postal code", "billing > City", "billing > Country"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Please check:", "Phone number is missing", "For safety, enter your card again."]),
                Sees(&["Full name is missing", "Type of tax ID is missing", "Tax ID is missing", "City is missing"]),
                Misses(&["Business name is", "State or region is"]),
                Shoots("errors"),
                Fills(&[
                    ("Phone number", "+46 70 123 45 67"),
                    ("Full name", "Augusta Ada King"),
                    ("Business name", "Engines AB"),
                    ("Tax ID", "SE556703748501"),
                    ("billing > Address", "Storgatan 1"),
                    ("billing > Postal code", "111 22"),
                    ("billing > City", "Stockholm"),
                ]),
                Chooses("Type of tax ID", "VAT number (EU)"),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let customer = read_back.collected().customer.as_ref().unwrap();
                assert_eq!((customer.email.as_str(), customer.name.as_str()), ("ada@example.com", "Ada Lovelace"));
                assert_eq!(
                    (customer.individual_name.as_str(), customer.business_name.as_str()),
                    ("Augusta Ada King", "Engines AB")
                );
                assert_eq!(customer.phone_number, "+46 70 123 45 67");
                let address = customer.billing_address.as_ref().unwrap();
                assert_eq!(
                    [&address.line1, &address.postal_code, &address.city, &address.country_code],
                    ["Storgatan 1", "111 22", "Stockholm", "SE"]
                );
                let tax_ids: Vec<_> = customer.tax_ids.iter().map(|id| (id.kind.as_str(), id.value.as_str())).collect();
                assert_eq!(tax_ids, [("eu_vat", "SE556703748501")]);
            },
        },
        Case {
            row: 14,
            name: "where and how it is shipped in Swedish",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Stol", 10_000, 1)],
                collection: Some(v1::Collection {
                    billing_address: v1::AddressCollection::Required as i32,
                    shipping_address: Some(v1::ShippingAddressCollection {
                        allowed_country_codes: vec!["SE".to_owned(), "NO".to_owned()],
                    }),
                    ..Default::default()
                }),
                shipping_options: [&stock.post, &stock.courier]
                    .map(|id| v1::ShippingOption { shipping_rate_id: id.clone(), ..Default::default() })
                    .to_vec(),
                ..Default::default()
            }),
            does: vec![
                Visits("?locale=sv"),
                Sees(&["Frakt", "Post", "Inom 2 veckor", "Gratis", "Courier", "1–3 arbetsdagar", "49,00 kr"]),
                IsOffered("Leveransadress > Land", &["Norge", "Sverige"]),
                Ticks("Courier"),
                Presses("Uppdatera summan"),
                Sees(&["Summa 149,00 kr"]),
                Fills(&[
                    ("Mottagare", "Sofja Kovalevskaja"),
                    ("Leveransadress > Adress", "Karl Johans gate 1"),
                    ("Leveransadress > Postnummer", "0154"),
                    ("Leveransadress > Ort", "Oslo"),
                ]),
                Chooses("Leveransadress > Land", "Norge"),
                Ticks("Fakturaadressen är samma som leveransadressen"),
                IsAsked(&["billing > Adress", "billing > Ort"]),
                Ticks("Fakturaadressen är samma som leveransadressen"),
                Card(GOOD_CARD),
                Presses("Betala 149,00 kr"),
                Sees(&["Betalat till Testbutiken", "Din betalning har tagits emot.", "Frakt (Courier) 49,00 kr"]),
                Sees(&["Summa 149,00 kr", "Visa som slutar på 4242", "Karl Johans gate 1 0154 Oslo Norge"]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let collected = read_back.collected();
                let shipping = collected.shipping.as_ref().unwrap();
                let address = shipping.address.as_ref().unwrap();
                assert_eq!(
                    [&shipping.name, &address.line1, &address.postal_code, &address.city, &address.country_code],
                    ["Sofja Kovalevskaja", "Karl Johans gate 1", "0154", "Oslo", "NO"]
                );
                assert_eq!(collected.customer.as_ref().unwrap().billing_address.as_ref(), Some(address));
                assert_eq!((minor(collected.amount_shipping.as_ref()), read_back.received()), (4_900, 14_900));
            },
        },
        Case {
            row: 15,
            name: "fields of the sellers own",
            screen: Desktop,
            creates: asking(
                vec![item("Ring", 10_000, 1)],
                v1::Collection { custom_fields: fields(), ..Default::default() },
            ),
            does: vec![
                Visits(""),
                IsAsked(&["Engraving", "Member number", "Size"]),
                Sees(&["Member number (optional)"]),
                Reads("Engraving", "Forever"),
                Reads("Size", "m"),
                IsOffered("Size", &["Choose …", "Small", "Medium", "Large"]),
                Fills(&[("Engraving", "A"), ("Member number", "12ab")]),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Engraving: Needs at least 3 characters.", "Member number: Use digits only."]),
                Shoots("errors"),
                Fills(&[("Engraving", "For Charles"), ("Member number", "00123")]),
                Chooses("Size", "Large"),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let entered: Vec<_> =
                    read_back.collected().custom_fields.iter().map(|f| (f.key.as_str(), f.value.as_str())).collect();
                assert_eq!(entered, [("engraving", "For Charles"), ("member", "00123"), ("size", "l")]);
            },
        },
        Case {
            row: 16,
            name: "words of the sellers own",
            screen: SmallAndDark,
            creates: asking(
                vec![item("Lamp_with_a_name_that_has_no_space_to_break_at_all_in_it", 10_000, 1)],
                v1::Collection {
                    shipping_address: Some(v1::ShippingAddressCollection {
                        allowed_country_codes: vec!["SE".to_owned()],
                    }),
                    consent: Some(v1::ConsentCollection { terms_of_service: true, ..Default::default() }),
                    custom_text: Some(v1::CustomText {
                        submit: "We ship on Mondays.\nNot in July.".to_owned(),
                        after_submit: "You may return it within 30 days.".to_owned(),
                        shipping_address: "No boxes at the post office.".to_owned(),
                        terms_of_service_acceptance: "I have read <the terms> of the lamp shop.".to_owned(),
                    }),
                    ..Default::default()
                },
            ),
            does: vec![
                Visits(""),
                Sees(&[
                    "Shipping address No boxes at the post office.",
                    "We ship on Mondays. Not in July. Pay SEK 100.00",
                ]),
                Sees(&["Pay SEK 100.00 You may return it within 30 days."]),
                Misses(&["I agree to the terms of service", "You get the terms from the merchant."]),
                Fills(&[
                    ("Recipient", "Ada Lovelace"),
                    ("Shipping address > Address", "Storgatan 1"),
                    ("Shipping address > Postal code", "111 22"),
                    ("Shipping address > City", "Stockholm"),
                ]),
                Ticks("I have read <the terms> of the lamp shop."),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| assert_eq!(read_back.collected().terms_accepted, Some(true)),
        },
        Case {
            row: 17,
            name: "what the customer agrees to",
            screen: Desktop,
            creates: asking(
                vec![item("Course", 10_000, 1)],
                v1::Collection {
                    consent: Some(v1::ConsentCollection {
                        terms_of_service: true,
                        promotions: true,
                        ..Default::default()
                    }),
                    ..Default::default()
                },
            ),
            does: vec![
                Visits(""),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Terms of service: Please agree to the terms to go on."]),
                Shoots("errors"),
                Ticks("I agree to the terms of service of Sandbox merchant"),
                Ticks("Sandbox merchant may send me news and offers by e-mail"),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let collected = read_back.collected();
                assert_eq!((collected.terms_accepted, collected.promotions_accepted), (Some(true), Some(true)));
            },
        },
        Case {
            row: 17,
            name: "reuse that the seller tells elsewhere",
            screen: Phone,
            creates: link(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Course", 10_000, 1)],
                collection: Some(v1::Collection {
                    consent: Some(v1::ConsentCollection {
                        promotions: true,
                        payment_method_reuse_agreement: v1::ReuseAgreement::Hidden as i32,
                        ..Default::default()
                    }),
                    ..Default::default()
                }),
                payment: Some(v1::PaymentSettings {
                    setup_future_usage: v1::FutureUsage::OffSession as i32,
                    ..Default::default()
                }),
                ..Default::default()
            }),
            does: vec![
                Visits(""),
                Sees(&["Sandbox merchant may send me news and offers by e-mail"]),
                Misses(&["keep this payment method"]),
                Card(GOOD_CARD),
                Presses("Pay SEK 100.00"),
                Sees(&["Your payment was received."]),
                Comes(Paid),
            ],
            reads: |read_back| {
                let collected = read_back.collected();
                assert_eq!((collected.terms_accepted, collected.promotions_accepted), (None, Some(false)));
                assert_eq!(read_back.there["payment_intent"]["setup_future_usage"], "off_session");
            },
        },
    ]
}

fn fields() -> Vec<v1::CustomField> {
    let field = |key: &str, label: &str, optional, kind| v1::CustomField {
        key: key.to_owned(),
        label: label.to_owned(),
        optional,
        kind: Some(kind),
    };
    let text = v1::TextField { minimum_length: Some(3), maximum_length: Some(20), default_value: "Forever".to_owned() };
    let option = |value: &str, label: &str| v1::DropdownOption { value: value.to_owned(), label: label.to_owned() };
    let sizes = v1::DropdownField {
        options: vec![option("s", "Small"), option("m", "Medium"), option("l", "Large")],
        default_value: "m".to_owned(),
    };
    vec![
        field("engraving", "Engraving", false, Kind::Text(text)),
        field("member", "Member number", true, Kind::Numeric(v1::TextField::default())),
        field("size", "Size", false, Kind::Dropdown(sizes)),
    ]
}

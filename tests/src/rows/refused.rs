//! What each row refuses, by the fields that are named; what `bad_input`, `link_options`, `checkouts` and `payments` have is
//! not told again.

use api_proto::v1;
use tonic::{Code, Status};

use super::stock::{Stock, money, saying};
use crate::harness::{Db, Server, error_parts, item, mask, stored_item, unique};

/// A request that is refused.
enum Call {
    Create(Box<v1::CreatePaymentLinkRequest>),
    /// Of a link for one item.
    Update(Box<v1::PaymentLink>, &'static [&'static str]),
    /// Of a link for an invoice.
    UpdateForInvoice(Box<v1::PaymentLink>, &'static [&'static str]),
    /// Of the items of a link.
    ListItems(v1::ListPaymentLinkLineItemsRequest),
    ListLinks(Box<v1::ListPaymentLinksRequest>),
    Open(&'static str),
    Pay(Box<v1::CreatePaymentRequest>),
}

/// A row's number, what is wrong, the request, and what is answered.
type Refusal = (u8, &'static str, Call, Code, &'static [&'static str]);

#[tokio::test(flavor = "multi_thread")]
async fn every_row_names_what_it_refuses() {
    // One database is enough: each of them has the same rows, and refuses nothing of these itself.
    let server = Server::start(Db::Sqlite).await;
    let stock = Stock::fill(&server).await;
    let ticket = v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        line_items: vec![item("Ticket", 10_000, 1)],
        ..Default::default()
    };
    let link = server.links().create_payment_link(ticket).await.unwrap().into_inner().payment_link.unwrap();
    let invoice = server.open_invoice(10_000).await;
    let of_invoice = server.invoice_link(&invoice.id).await.unwrap();
    let before = server.all_changes().await;
    let mut wrong = Vec::new();
    for (row, what, call, code, fields) in refusals(&stock) {
        let (answered, _, named) = match call.make(&server, &link.id, &of_invoice.id).await {
            Ok(()) => (Code::Ok, String::new(), Vec::new()),
            Err(status) => error_parts(&status),
        };
        if answered != code || named != fields {
            wrong.push(format!("row {row}, {what}: {answered:?} {named:?}, not {code:?} {fields:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(server.all_changes().await, before, "nothing refused leaves the service");
}

impl Call {
    async fn make(self, server: &Server, link: &str, of_invoice: &str) -> Result<(), Status> {
        let update = async |id: &str, values: v1::PaymentLink, paths: &[&str]| {
            let request = v1::UpdatePaymentLinkRequest {
                request_id: unique("update"),
                payment_link: Some(v1::PaymentLink { id: id.to_owned(), ..values }),
                update_mask: mask(paths),
            };
            server.links().update_payment_link(request).await.map(drop)
        };
        match self {
            Self::Create(request) => {
                let mut request = v1::CreatePaymentLinkRequest { request_id: unique("link"), ..*request };
                if request.line_items.is_empty() {
                    request.line_items = vec![item("Ticket", 10_000, 1)];
                }
                server.links().create_payment_link(request).await.map(drop)
            }
            Self::Update(values, paths) => update(link, *values, paths).await,
            Self::UpdateForInvoice(values, paths) => update(of_invoice, *values, paths).await,
            Self::ListItems(request) => {
                let request = v1::ListPaymentLinkLineItemsRequest { payment_link_id: link.to_owned(), ..request };
                server.links().list_payment_link_line_items(request).await.map(drop)
            }
            Self::ListLinks(request) => server.links().list_payment_links(*request).await.map(drop),
            Self::Open(id) => {
                let request = v1::ActivatePaymentLinkRequest { request_id: unique("open"), id: id.to_owned() };
                server.links().activate_payment_link(request).await.map(drop)
            }
            Self::Pay(request) => {
                let request = v1::CreatePaymentRequest { request_id: unique("payment"), ..*request };
                server.payments().create_payment(request).await.map(drop)
            }
        }
    }
}

fn create(request: v1::CreatePaymentLinkRequest) -> Call {
    Call::Create(Box::new(request))
}

fn asking(collection: v1::Collection) -> Call {
    create(v1::CreatePaymentLinkRequest { collection: Some(collection), ..Default::default() })
}

fn refusals(stock: &Stock) -> Vec<Refusal> {
    use Code::InvalidArgument;
    let text = |key: &str| v1::CustomField {
        key: key.to_owned(),
        label: "Label".to_owned(),
        kind: Some(v1::custom_field::Kind::Text(v1::TextField::default())),
        ..Default::default()
    };
    let option = |value: &str| v1::DropdownOption { label: "Size".to_owned(), value: value.to_owned() };
    let sizes = v1::CustomField {
        kind: Some(v1::custom_field::Kind::Dropdown(v1::DropdownField {
            options: vec![option("s"), option("s")],
            default_value: "m".to_owned(),
        })),
        ..text("size")
    };
    let wrapping = || v1::OptionalItem { price_id: stock.wrapping.clone(), quantity: 1, ..Default::default() };
    let post = || v1::ShippingOption { shipping_rate_id: stock.post.clone(), ..Default::default() };
    let field = |name: &str| v1::ProviderInvoiceField { name: name.to_owned(), value: "1".to_owned() };
    let invoice = |texts| v1::CreatePaymentLinkRequest {
        invoice_creation: Some(v1::InvoiceCreation { invoice: Some(texts), ..Default::default() }),
        ..Default::default()
    };
    let mut too_long = field("Order");
    too_long.value = "x".repeat(141);
    vec![
        (4, "neither amount nor description", Call::Pay(Box::default()), InvalidArgument, &["amount", "description"]),
        (
            4,
            "an expiry in the past",
            Call::Pay(Box::new(v1::CreatePaymentRequest {
                amount: money(12_500, "SEK"),
                description: "Consulting".to_owned(),
                expire_time: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
                ..Default::default()
            })),
            InvalidArgument,
            &["expire_time"],
        ),
        (
            5,
            "items in two currencies",
            create(v1::CreatePaymentLinkRequest {
                line_items: vec![item("Ticket", 10_000, 1), in_euros()],
                ..Default::default()
            }),
            InvalidArgument,
            &["line_items[1]"],
        ),
        (
            6,
            "a page too large and a token that is none",
            Call::ListItems(v1::ListPaymentLinkLineItemsRequest {
                page_size: 101,
                page_token: "next".to_owned(),
                ..Default::default()
            }),
            InvalidArgument,
            &["page_size", "page_token"],
        ),
        (
            6,
            "an invoice id that is none",
            Call::ListLinks(Box::new(v1::ListPaymentLinksRequest { invoice_id: "7".to_owned(), ..Default::default() })),
            InvalidArgument,
            &["invoice_id"],
        ),
        (7, "nothing to change", Call::Update(Box::default(), &[]), InvalidArgument, &["update_mask"]),
        (
            7,
            "what never changes",
            Call::Update(Box::default(), &["inactive_message", "currency_code", "managed_payments"]),
            InvalidArgument,
            &["update_mask.paths[1]", "update_mask.paths[2]"],
        ),
        (
            7,
            "an item of another link",
            Call::Update(
                Box::new(v1::PaymentLink {
                    line_items: vec![v1::LineItem {
                        id: "li_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned(),
                        quantity: 2,
                        ..Default::default()
                    }],
                    ..Default::default()
                }),
                &["line_items"],
            ),
            InvalidArgument,
            &["payment_link.line_items"],
        ),
        (8, "an id that is none", Call::Open("plink_1"), InvalidArgument, &["id"]),
        (
            9,
            "a message too long",
            create(v1::CreatePaymentLinkRequest { after_completion: saying(&"x".repeat(501)), ..Default::default() }),
            InvalidArgument,
            &["after_completion.hosted_confirmation.custom_message"],
        ),
        (
            12,
            "a fee beside a part that goes on",
            create(v1::CreatePaymentLinkRequest {
                platform: Some(v1::PlatformSettings {
                    application_fee: money(100, "SEK").map(v1::platform_settings::ApplicationFee::ApplicationFeeAmount),
                    on_behalf_of: String::new(),
                    transfer: Some(v1::Transfer { destination: "acct_1".to_owned(), amount: money(100, "EUR") }),
                }),
                ..Default::default()
            }),
            InvalidArgument,
            &["platform.transfer.amount", "platform.transfer.amount"],
        ),
        (
            13,
            "kinds of asking that there are not",
            asking(v1::Collection {
                billing_address: 9,
                names: Some(v1::NameCollection { individual: 9, business: 9 }),
                tax_id: 9,
                ..Default::default()
            }),
            InvalidArgument,
            &[
                "collection.billing_address",
                "collection.names.individual",
                "collection.names.business",
                "collection.tax_id",
            ],
        ),
        (
            14,
            "no country",
            asking(v1::Collection {
                shipping_address: Some(v1::ShippingAddressCollection::default()),
                ..Default::default()
            }),
            InvalidArgument,
            &["collection.shipping_address.allowed_country_codes"],
        ),
        (
            14,
            "six ways to ship",
            create(v1::CreatePaymentLinkRequest {
                shipping_options: (0..6).map(|_| post()).collect(),
                ..Default::default()
            }),
            InvalidArgument,
            &["shipping_options"],
        ),
        (
            15,
            "four fields",
            asking(v1::Collection {
                custom_fields: vec![text("a"), text("b"), text("c"), text("a")],
                ..Default::default()
            }),
            InvalidArgument,
            &["collection.custom_fields", "collection.custom_fields[3].key"],
        ),
        (
            15,
            "a value twice and a default that is none",
            asking(v1::Collection { custom_fields: vec![sizes], ..Default::default() }),
            InvalidArgument,
            &[
                "collection.custom_fields[0].dropdown.options[1].value",
                "collection.custom_fields[0].dropdown.default_value",
            ],
        ),
        (
            16,
            "words of terms that are not asked",
            asking(v1::Collection {
                custom_text: Some(v1::CustomText {
                    terms_of_service_acceptance: "I agree".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            InvalidArgument,
            &["collection.custom_text.terms_of_service_acceptance"],
        ),
        (
            17,
            "an agreement that there is not",
            asking(v1::Collection {
                consent: Some(v1::ConsentCollection { payment_method_reuse_agreement: 9, ..Default::default() }),
                ..Default::default()
            }),
            InvalidArgument,
            &["collection.consent.payment_method_reuse_agreement"],
        ),
        (
            18,
            "eleven optional items",
            create(v1::CreatePaymentLinkRequest {
                optional_items: (0..11).map(|_| wrapping()).collect(),
                ..Default::default()
            }),
            InvalidArgument,
            &["optional_items"],
        ),
        (
            18,
            "twenty-one optional items, which are not looked up",
            create(v1::CreatePaymentLinkRequest {
                optional_items: (0..21).map(|_| wrapping()).collect(),
                ..Default::default()
            }),
            InvalidArgument,
            &["optional_items"],
        ),
        (
            18,
            "a lone item that can go to nothing",
            create(v1::CreatePaymentLinkRequest {
                line_items: vec![v1::LineItemInput {
                    adjustable_quantity: Some(v1::AdjustableQuantity::default()),
                    ..item("Ticket", 10_000, 1)
                }],
                ..Default::default()
            }),
            InvalidArgument,
            &["line_items[0].adjustable_quantity"],
        ),
        (
            20,
            "another way to take the money later",
            Call::Update(
                Box::new(v1::PaymentLink {
                    payment: Some(v1::PaymentSettings {
                        capture_method: v1::CaptureMethod::Manual as i32,
                        ..Default::default()
                    }),
                    ..Default::default()
                }),
                &["payment"],
            ),
            InvalidArgument,
            &["payment_link.payment.capture_method"],
        ),
        (
            21,
            "what a subscription has already or can't have",
            create(v1::CreatePaymentLinkRequest {
                line_items: vec![stored_item(&stock.plan, 1)],
                collection: Some(v1::Collection {
                    customer_creation: v1::CustomerCreation::Always as i32,
                    submit_type: v1::SubmitType::Donate as i32,
                    ..Default::default()
                }),
                shipping_options: vec![post()],
                ..Default::default()
            }),
            InvalidArgument,
            &["shipping_options", "collection.customer_creation", "collection.submit_type"],
        ),
        (
            22,
            "an account that is none",
            create(v1::CreatePaymentLinkRequest {
                automatic_tax: Some(v1::ProviderTax { liability_account: "an account".to_owned() }),
                ..Default::default()
            }),
            InvalidArgument,
            &["automatic_tax.liability_account"],
        ),
        (
            23,
            "five fields",
            create(invoice(v1::ProviderInvoice { custom_fields: vec![field("Order"); 5], ..Default::default() })),
            InvalidArgument,
            &["invoice_creation.invoice.custom_fields"],
        ),
        (
            23,
            "texts too long",
            create(invoice(v1::ProviderInvoice {
                footer: "x".repeat(5_001),
                custom_fields: vec![field(&"x".repeat(41)), too_long],
                ..Default::default()
            })),
            InvalidArgument,
            &[
                "invoice_creation.invoice.footer",
                "invoice_creation.invoice.custom_fields[0].name",
                "invoice_creation.invoice.custom_fields[1].value",
            ],
        ),
        (
            24,
            "a currency that there is not",
            create(v1::CreatePaymentLinkRequest { currency_code: "XXX".to_owned(), ..Default::default() }),
            InvalidArgument,
            &["currency_code"],
        ),
        (
            25,
            "a chosen amount, twice",
            create(v1::CreatePaymentLinkRequest {
                line_items: vec![stored_item(&stock.donation, 2)],
                ..Default::default()
            }),
            InvalidArgument,
            &["line_items[0]"],
        ),
        (
            27,
            "an expiry too soon",
            create(v1::CreatePaymentLinkRequest {
                expire_time: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
                ..Default::default()
            }),
            InvalidArgument,
            &["expire_time"],
        ),
        (
            28,
            "more than one payment of an invoice",
            Call::UpdateForInvoice(
                Box::new(v1::PaymentLink {
                    restrictions: Some(v1::Restrictions { completed_sessions_limit: 2 }),
                    ..Default::default()
                }),
                &["restrictions"],
            ),
            InvalidArgument,
            &["payment_link.restrictions"],
        ),
    ]
}

fn in_euros() -> v1::LineItemInput {
    let euros = v1::UnitPrice { minor_units: "1000".to_owned(), currency_code: "EUR".to_owned() };
    v1::LineItemInput {
        price: Some(v1::line_item_input::Price::PriceData(v1::LinePriceData {
            name: "Ticket".to_owned(),
            unit_price: Some(euros),
            ..Default::default()
        })),
        quantity: 1,
        adjustable_quantity: None,
    }
}

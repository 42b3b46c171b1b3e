//! One case for each id in each request: what is asked with it, and what whoever it is not for gets.

use api_proto::v1;
use prost::Message;
use tonic::Code;

use super::stock::{Own, Stock};
use crate::harness::{automatic, invoice_request, item, line, mask, sek, sek_amount, stored_item, unique};

/// Fields that look like ids, and name nothing that a seller has.
pub(super) const NOBODYS: [(&str, &str); 9] = [
    ("by_line.lines.invoice_line_id", "a line of the invoice that is named beside it"),
    ("subject_id", "a filter, which an invented id passes as well; of the caller's sellers alone"),
    ("tax_ids", "numbers of the customer's in its country's register"),
    ("customer_tax_ids", "numbers of the customer's in its country's register"),
    ("tax_id", "a number in a country's register; checks are listed by seller"),
    ("client_reference_id", "the caller's own text"),
    ("optional_items.id", "told, and not read"),
    ("subscription.invoice.account_tax_ids", "the provider's, of the account"),
    ("invoice_creation.invoice.account_tax_ids", "the provider's, of the account"),
];

/// Methods that ask for nothing of any seller's.
pub(super) const OF_NO_SELLER: [&str; 2] = ["ProviderService/ListProviders", "ProviderService/GetCapabilities"];

const EXCLUSIVE: i32 = v1::TaxBehavior::Exclusive as i32;
/// A day that has come, after every tax point of the tests.
const TODAY: v1::Date = v1::Date { year: 2026, month: 11, day: 28 };

type Ask = Box<dyn Fn(&str, &Own) -> Vec<u8> + Send + Sync>;

/// An id in a request.
pub(super) struct Case {
    /// Such as `InvoiceService/GetInvoice`.
    pub(super) method: &'static str,
    /// Where the id stands.
    pub(super) field: &'static str,
    /// Seller one's thing of the kind that belongs there.
    pub(super) known: String,
    /// What another seller gets, as for what never was: a list of nothing is fine.
    pub(super) foreign: Code,
    /// The request with an id there, and with what the caller has itself beside it.
    pub(super) ask: Ask,
}

/// Every case, in an order in which nothing is taken away before it is asked for.
pub(super) fn all(stock: &Stock) -> Vec<Case> {
    vec![
        case("CatalogService/GetProduct", "id", &stock.product, Code::NotFound, |id| v1::GetProductRequest { id }),
        case("CatalogService/UpdateProduct", "product.id", &stock.product, Code::NotFound, |id| {
            v1::UpdateProductRequest {
                request_id: unique("gates"),
                product: Some(v1::Product { id, ..Default::default() }),
                update_mask: mask(&["active"]),
            }
        }),
        case("CatalogService/GetPrice", "id", &stock.price, Code::NotFound, |id| v1::GetPriceRequest { id }),
        case("CatalogService/UpdatePrice", "price.id", &stock.price, Code::NotFound, |id| v1::UpdatePriceRequest {
            request_id: unique("gates"),
            price: Some(v1::Price { id, ..Default::default() }),
            update_mask: mask(&["active"]),
        }),
        case("CatalogService/GetShippingRate", "id", &stock.shipping_rate, Code::NotFound, |id| {
            v1::GetShippingRateRequest { id }
        }),
        case("CatalogService/UpdateShippingRate", "shipping_rate.id", &stock.shipping_rate, Code::NotFound, |id| {
            v1::UpdateShippingRateRequest {
                request_id: unique("gates"),
                shipping_rate: Some(v1::ShippingRate { id, ..Default::default() }),
                update_mask: mask(&["active"]),
            }
        }),
        case("CatalogService/GetCoupon", "id", &stock.coupon, Code::NotFound, |id| v1::GetCouponRequest { id }),
        case("CatalogService/UpdateCoupon", "coupon.id", &stock.coupon, Code::NotFound, |id| v1::UpdateCouponRequest {
            request_id: unique("gates"),
            coupon: Some(v1::Coupon { id, ..Default::default() }),
            update_mask: mask(&["active"]),
        }),
        case("CatalogService/GetPromotionCode", "id", &stock.promotion_code, Code::NotFound, |id| {
            v1::GetPromotionCodeRequest { id }
        }),
        case("CatalogService/UpdatePromotionCode", "promotion_code.id", &stock.promotion_code, Code::NotFound, |id| {
            v1::UpdatePromotionCodeRequest {
                request_id: unique("gates"),
                promotion_code: Some(v1::PromotionCode { id, ..Default::default() }),
                update_mask: mask(&["active"]),
            }
        }),
        case("CatalogService/CreatePrice", "product_id", &stock.product, Code::InvalidArgument, |id| {
            v1::CreatePriceRequest {
                request_id: unique("gates"),
                product_id: id,
                unit_price: Some(sek(100)),
                tax_behavior: EXCLUSIVE,
                ..Default::default()
            }
        }),
        case("CatalogService/ListPrices", "product_id", &stock.product, Code::Ok, |id| v1::ListPricesRequest {
            product_id: id,
            ..Default::default()
        }),
        case("CatalogService/CreatePromotionCode", "coupon_id", &stock.coupon, Code::InvalidArgument, |id| {
            v1::CreatePromotionCodeRequest { request_id: unique("gates"), coupon_id: id, ..Default::default() }
        }),
        case("CatalogService/ListPromotionCodes", "coupon_id", &stock.coupon, Code::Ok, |id| {
            v1::ListPromotionCodesRequest { coupon_id: id, ..Default::default() }
        }),
        case("CheckoutService/CreateInvoiceCheckout", "invoice_id", &stock.invoice, Code::NotFound, |id| {
            v1::CreateInvoiceCheckoutRequest { invoice_id: id, ..checkout() }
        }),
        case("CheckoutService/CreateInvoiceCheckout", "customer_id", &stock.customer, Code::InvalidArgument, |id| {
            v1::CreateInvoiceCheckoutRequest { customer_id: id, mode: v1::CheckoutMode::Setup as i32, ..checkout() }
        }),
        case("CheckoutService/GetCheckoutSession", "id", &stock.session, Code::NotFound, |id| {
            v1::GetCheckoutSessionRequest { id }
        }),
        case("CheckoutService/ListCheckoutSessions", "invoice_id", &stock.invoice, Code::Ok, |id| {
            v1::ListCheckoutSessionsRequest { invoice_id: id, ..Default::default() }
        }),
        case("CheckoutService/ListCheckoutSessions", "payment_link_id", &stock.link, Code::Ok, |id| {
            v1::ListCheckoutSessionsRequest { payment_link_id: id, ..Default::default() }
        }),
        case("CheckoutService/ExpireCheckoutSession", "id", &stock.session, Code::NotFound, |id| {
            v1::ExpireCheckoutSessionRequest { request_id: unique("gates"), id }
        }),
        case("CustomerService/GetCustomer", "id", &stock.customer, Code::NotFound, |id| v1::GetCustomerRequest { id }),
        case("CustomerService/UpdateCustomer", "customer.id", &stock.customer, Code::NotFound, |id| {
            v1::UpdateCustomerRequest {
                request_id: unique("gates"),
                customer: Some(v1::Customer { id, ..Default::default() }),
                update_mask: mask(&["metadata"]),
            }
        }),
        case("CustomerService/ListPaymentMethods", "customer_id", &stock.customer, Code::NotFound, |id| {
            v1::ListPaymentMethodsRequest { customer_id: id, ..Default::default() }
        }),
        case("CustomerService/DetachPaymentMethod", "id", &stock.payment_method, Code::NotFound, |id| {
            v1::DetachPaymentMethodRequest { request_id: unique("gates"), id }
        }),
        case("EventService/ListEvents", "subject_id", &stock.invoice, Code::Ok, |id| v1::ListEventsRequest {
            subject_id: id,
            ..Default::default()
        }),
        case("InvoiceService/CreateInvoice", "customer_id", &stock.customer, Code::InvalidArgument, |id| {
            v1::CreateInvoiceRequest { customer_id: id, lines: vec![line(10_000)], ..invoice_request() }
        }),
        case("InvoiceService/CreateInvoice", "lines.price_id", &stock.price, Code::InvalidArgument, |id| {
            v1::CreateInvoiceRequest {
                lines: vec![v1::InvoiceLineInput {
                    price: Some(v1::invoice_line_input::Price::PriceId(id)),
                    ..line(10_000)
                }],
                ..invoice_request()
            }
        }),
        case(
            "InvoiceService/CreateInvoice",
            "lines.shipping_rate_id",
            &stock.shipping_rate,
            Code::InvalidArgument,
            |id| v1::CreateInvoiceRequest {
                lines: vec![v1::InvoiceLineInput {
                    price: Some(v1::invoice_line_input::Price::ShippingRateId(id)),
                    ..line(10_000)
                }],
                ..invoice_request()
            },
        ),
        case(
            "InvoiceService/CreateInvoice",
            "lines.tax.manual.tax_rate_ids",
            &stock.tax_rate,
            Code::InvalidArgument,
            |id| v1::CreateInvoiceRequest {
                lines: vec![v1::InvoiceLineInput { tax: Some(manual(id)), ..line(10_000) }],
                ..invoice_request()
            },
        ),
        case("InvoiceService/UpdateInvoice", "id", &stock.draft, Code::NotFound, |id| v1::UpdateInvoiceRequest {
            request_id: unique("gates"),
            id,
            draft: Some(v1::InvoiceDraft { description: "Else".to_owned(), ..Default::default() }),
            update_mask: mask(&["description"]),
            ..Default::default()
        }),
        case_beside(
            "InvoiceService/UpdateInvoice",
            "draft.customer_id",
            &stock.customer,
            Code::InvalidArgument,
            |id, own| v1::UpdateInvoiceRequest {
                request_id: unique("gates"),
                id: own.draft.clone(),
                draft: Some(v1::InvoiceDraft { customer_id: id, ..Default::default() }),
                update_mask: mask(&["customer_id"]),
                ..Default::default()
            },
        ),
        case_beside(
            "InvoiceService/UpdateInvoice",
            "draft.lines.price_id",
            &stock.price,
            Code::InvalidArgument,
            |id, own| v1::UpdateInvoiceRequest {
                request_id: unique("gates"),
                id: own.draft.clone(),
                draft: Some(v1::InvoiceDraft {
                    lines: vec![v1::InvoiceLineInput {
                        price: Some(v1::invoice_line_input::Price::PriceId(id)),
                        ..line(10_000)
                    }],
                    ..Default::default()
                }),
                update_mask: mask(&["lines"]),
                ..Default::default()
            },
        ),
        case_beside(
            "InvoiceService/UpdateInvoice",
            "draft.lines.shipping_rate_id",
            &stock.shipping_rate,
            Code::InvalidArgument,
            |id, own| v1::UpdateInvoiceRequest {
                request_id: unique("gates"),
                id: own.draft.clone(),
                draft: Some(v1::InvoiceDraft {
                    lines: vec![v1::InvoiceLineInput {
                        price: Some(v1::invoice_line_input::Price::ShippingRateId(id)),
                        ..line(10_000)
                    }],
                    ..Default::default()
                }),
                update_mask: mask(&["lines"]),
                ..Default::default()
            },
        ),
        case_beside(
            "InvoiceService/UpdateInvoice",
            "draft.lines.tax.manual.tax_rate_ids",
            &stock.tax_rate,
            Code::InvalidArgument,
            |id, own| v1::UpdateInvoiceRequest {
                request_id: unique("gates"),
                id: own.draft.clone(),
                draft: Some(v1::InvoiceDraft {
                    lines: vec![v1::InvoiceLineInput { tax: Some(manual(id)), ..line(10_000) }],
                    ..Default::default()
                }),
                update_mask: mask(&["lines"]),
                ..Default::default()
            },
        ),
        case("InvoiceService/RenderInvoice", "id", &stock.invoice, Code::NotFound, |id| v1::RenderInvoiceRequest {
            kind: v1::InvoiceDocumentKind::Invoice as i32,
            id,
            ..Default::default()
        }),
        case("InvoiceService/ShareInvoice", "id", &stock.invoice, Code::NotFound, |id| v1::ShareInvoiceRequest {
            id,
            ..Default::default()
        }),
        case("InvoiceService/GetInvoice", "id", &stock.invoice, Code::NotFound, |id| v1::GetInvoiceRequest { id }),
        case("InvoiceService/GetInvoiceMail", "id", &stock.mail, Code::NotFound, |id| v1::GetInvoiceMailRequest { id }),
        case("InvoiceService/GetCreditNote", "id", &stock.credit_note, Code::NotFound, |id| v1::GetCreditNoteRequest {
            id,
        }),
        case("InvoiceService/RenderCreditNote", "id", &stock.credit_note, Code::NotFound, |id| {
            v1::RenderCreditNoteRequest { id, ..Default::default() }
        }),
        case("InvoiceService/ListInvoices", "customer_id", &stock.customer, Code::Ok, |id| v1::ListInvoicesRequest {
            customer_id: id,
            ..Default::default()
        }),
        case("InvoiceService/ListCreditNotes", "invoice_id", &stock.invoice, Code::Ok, |id| {
            v1::ListCreditNotesRequest { invoice_id: id, ..Default::default() }
        }),
        case("InvoiceService/ListCreditNotes", "customer_id", &stock.customer, Code::Ok, |id| {
            v1::ListCreditNotesRequest { customer_id: id, ..Default::default() }
        }),
        case("InvoiceService/ListInvoiceMails", "invoice_id", &stock.invoice, Code::Ok, |id| {
            v1::ListInvoiceMailsRequest { invoice_id: id, ..Default::default() }
        }),
        case("InvoiceService/RecordInvoicePayment", "invoice_id", &stock.invoice, Code::NotFound, |id| {
            v1::RecordInvoicePaymentRequest {
                request_id: unique("gates"),
                invoice_id: id,
                amount: Some(sek_amount(100)),
                method: v1::OutOfBandMethod::Cash as i32,
                receive_date: Some(TODAY),
                ..Default::default()
            }
        }),
        case("InvoiceService/CreateCreditNote", "invoice_id", &stock.invoice, Code::NotFound, |id| {
            v1::CreateCreditNoteRequest {
                request_id: unique("gates"),
                invoice_id: id,
                scope: Some(v1::create_credit_note_request::Scope::Rest(v1::CreditRest {})),
                reason: v1::CreditNoteReason::Duplicate as i32,
                ..Default::default()
            }
        }),
        case("InvoiceService/SendInvoice", "invoice_id", &stock.invoice, Code::NotFound, |id| v1::SendInvoiceRequest {
            request_id: unique("gates"),
            invoice_id: id,
            to: "ada@example.com".to_owned(),
            ..Default::default()
        }),
        case("InvoiceService/FinalizeInvoice", "id", &stock.draft, Code::NotFound, |id| v1::FinalizeInvoiceRequest {
            request_id: unique("gates"),
            id,
            ..Default::default()
        }),
        case("InvoiceService/VoidInvoice", "id", &stock.draft, Code::NotFound, |id| v1::VoidInvoiceRequest {
            request_id: unique("gates"),
            id,
            ..Default::default()
        }),
        case("InvoiceService/MarkInvoiceUncollectible", "id", &stock.invoice, Code::NotFound, |id| {
            v1::MarkInvoiceUncollectibleRequest { request_id: unique("gates"), id, ..Default::default() }
        }),
        case("PaymentLinkService/CreatePaymentLink", "invoice_id", &stock.invoice, Code::NotFound, |id| {
            v1::CreatePaymentLinkRequest { request_id: unique("gates"), invoice_id: id, ..Default::default() }
        }),
        case(
            "PaymentLinkService/CreatePaymentLink",
            "line_items.price_id",
            &stock.price,
            Code::InvalidArgument,
            |id| v1::CreatePaymentLinkRequest {
                request_id: unique("gates"),
                line_items: vec![stored_item(&id, 1)],
                ..Default::default()
            },
        ),
        case(
            "PaymentLinkService/CreatePaymentLink",
            "optional_items.price_id",
            &stock.price,
            Code::InvalidArgument,
            |id| v1::CreatePaymentLinkRequest {
                request_id: unique("gates"),
                line_items: vec![item("Ticket", 10_000, 1)],
                optional_items: vec![v1::OptionalItem { price_id: id, quantity: 1, ..Default::default() }],
                ..Default::default()
            },
        ),
        case(
            "PaymentLinkService/CreatePaymentLink",
            "shipping_options.shipping_rate_id",
            &stock.shipping_rate,
            Code::InvalidArgument,
            |id| v1::CreatePaymentLinkRequest {
                request_id: unique("gates"),
                line_items: vec![item("Ticket", 10_000, 1)],
                shipping_options: vec![v1::ShippingOption { shipping_rate_id: id, ..Default::default() }],
                collection: Some(v1::Collection {
                    shipping_address: Some(v1::ShippingAddressCollection {
                        allowed_country_codes: vec!["SE".to_owned()],
                    }),
                    ..Default::default()
                }),
                ..Default::default()
            },
        ),
        case("PaymentLinkService/GetPaymentLink", "id", &stock.link, Code::NotFound, |id| v1::GetPaymentLinkRequest {
            id,
        }),
        case("PaymentLinkService/SharePaymentLink", "id", &stock.link, Code::NotFound, |id| {
            v1::SharePaymentLinkRequest { id, ..Default::default() }
        }),
        case("PaymentLinkService/ListPaymentLinkLineItems", "payment_link_id", &stock.link, Code::NotFound, |id| {
            v1::ListPaymentLinkLineItemsRequest { payment_link_id: id, ..Default::default() }
        }),
        case("PaymentLinkService/ListPaymentLinks", "invoice_id", &stock.paid_invoice, Code::Ok, |id| {
            v1::ListPaymentLinksRequest { invoice_id: id, ..Default::default() }
        }),
        case("PaymentLinkService/UpdatePaymentLink", "payment_link.id", &stock.link, Code::NotFound, |id| {
            v1::UpdatePaymentLinkRequest {
                request_id: unique("gates"),
                payment_link: Some(v1::PaymentLink { id, ..Default::default() }),
                update_mask: mask(&["metadata"]),
            }
        }),
        case("PaymentLinkService/DeactivatePaymentLink", "id", &stock.link, Code::NotFound, |id| {
            v1::DeactivatePaymentLinkRequest { request_id: unique("gates"), id }
        }),
        case("PaymentLinkService/ActivatePaymentLink", "id", &stock.link, Code::NotFound, |id| {
            v1::ActivatePaymentLinkRequest { request_id: unique("gates"), id }
        }),
        case("PaymentService/CreatePayment", "customer_id", &stock.customer, Code::InvalidArgument, |id| {
            v1::CreatePaymentRequest { customer_id: id, ..payment() }
        }),
        case("PaymentService/CreatePayment", "tax.manual.tax_rate_ids", &stock.tax_rate, Code::InvalidArgument, |id| {
            v1::CreatePaymentRequest { tax: Some(manual(id)), tax_behavior: EXCLUSIVE, ..payment() }
        }),
        case("PaymentService/GetPayment", "id", &stock.payment, Code::NotFound, |id| v1::GetPaymentRequest { id }),
        case("PaymentService/GetRefund", "id", &stock.refund, Code::NotFound, |id| v1::GetRefundRequest { id }),
        case("PaymentService/GetDispute", "id", &stock.dispute, Code::NotFound, |id| v1::GetDisputeRequest { id }),
        case("PaymentService/ListPayments", "invoice_id", &stock.paid_invoice, Code::Ok, |id| {
            v1::ListPaymentsRequest { invoice_id: id, ..Default::default() }
        }),
        case("PaymentService/ListPayments", "customer_id", &stock.customer, Code::Ok, |id| v1::ListPaymentsRequest {
            customer_id: id,
            ..Default::default()
        }),
        case("PaymentService/ListPayments", "payment_link_id", &stock.link, Code::Ok, |id| v1::ListPaymentsRequest {
            payment_link_id: id,
            ..Default::default()
        }),
        case("PaymentService/ListPayments", "subscription_id", &stock.subscription, Code::Ok, |id| {
            v1::ListPaymentsRequest { subscription_id: id, ..Default::default() }
        }),
        case("PaymentService/ListRefunds", "payment_id", &stock.payment, Code::Ok, |id| v1::ListRefundsRequest {
            payment_id: id,
            ..Default::default()
        }),
        case("PaymentService/ListRefunds", "credit_note_id", &stock.refunded_note, Code::Ok, |id| {
            v1::ListRefundsRequest { credit_note_id: id, ..Default::default() }
        }),
        case("PaymentService/ListDisputes", "payment_id", &stock.disputed_payment, Code::Ok, |id| {
            v1::ListDisputesRequest { payment_id: id, ..Default::default() }
        }),
        case("PaymentService/CreateRefund", "payment_id", &stock.payment, Code::NotFound, |id| {
            v1::CreateRefundRequest {
                request_id: unique("gates"),
                payment_id: id,
                amount: Some(sek_amount(100)),
                ..Default::default()
            }
        }),
        case_beside("PaymentService/CreateRefund", "credit_note_id", &stock.credit_note, Code::NotFound, |id, own| {
            v1::CreateRefundRequest {
                request_id: unique("gates"),
                payment_id: own.payment.clone(),
                credit_note_id: id,
                amount: Some(sek_amount(100)),
                ..Default::default()
            }
        }),
        case("PaymentService/RecordRefund", "payment_id", &stock.payment, Code::NotFound, |id| {
            v1::RecordRefundRequest {
                request_id: unique("gates"),
                payment_id: id,
                method: v1::OutOfBandRefundMethod::Cash as i32,
                amount: Some(sek_amount(100)),
                refund_date: Some(TODAY),
                reason: v1::RefundReason::RequestedByCustomer as i32,
                ..Default::default()
            }
        }),
        case_beside("PaymentService/RecordRefund", "credit_note_id", &stock.credit_note, Code::NotFound, |id, own| {
            v1::RecordRefundRequest {
                request_id: unique("gates"),
                payment_id: own.payment.clone(),
                credit_note_id: id,
                method: v1::OutOfBandRefundMethod::Cash as i32,
                amount: Some(sek_amount(100)),
                refund_date: Some(TODAY),
                reason: v1::RefundReason::RequestedByCustomer as i32,
                ..Default::default()
            }
        }),
        case("PaymentService/CapturePayment", "id", &stock.open_payment, Code::NotFound, |id| {
            v1::CapturePaymentRequest { request_id: unique("gates"), id, ..Default::default() }
        }),
        case("PaymentService/CancelPayment", "id", &stock.open_payment, Code::NotFound, |id| {
            v1::CancelPaymentRequest { request_id: unique("gates"), id }
        }),
        case("SubscriptionService/GetSubscription", "id", &stock.subscription, Code::NotFound, |id| {
            v1::GetSubscriptionRequest { id }
        }),
        case("SubscriptionService/ListSubscriptions", "payment_link_id", &stock.link, Code::Ok, |id| {
            v1::ListSubscriptionsRequest { payment_link_id: id, ..Default::default() }
        }),
        case(
            "SubscriptionService/ListSubscriptions",
            "checkout_session_id",
            &stock.subscription_session,
            Code::Ok,
            |id| v1::ListSubscriptionsRequest { checkout_session_id: id, ..Default::default() },
        ),
        case("SubscriptionService/CancelSubscription", "id", &stock.subscription, Code::NotFound, |id| {
            v1::CancelSubscriptionRequest { request_id: unique("gates"), id, at: v1::CancellationTime::Now as i32 }
        }),
        case("TaxService/CalculateTax", "customer_id", &stock.customer, Code::InvalidArgument, |id| {
            v1::CalculateTaxRequest {
                customer_id: id,
                lines: vec![v1::TaxLine {
                    amount: Some(sek_amount(100)),
                    tax_behavior: EXCLUSIVE,
                    tax: Some(automatic()),
                }],
                ..Default::default()
            }
        }),
        case(
            "TaxService/CalculateTax",
            "lines.tax.manual.tax_rate_ids",
            &stock.tax_rate,
            Code::InvalidArgument,
            |id| v1::CalculateTaxRequest {
                lines: vec![v1::TaxLine {
                    amount: Some(sek_amount(100)),
                    tax_behavior: EXCLUSIVE,
                    tax: Some(manual(id)),
                }],
                ..Default::default()
            },
        ),
        case("TaxService/GetTaxRate", "id", &stock.tax_rate, Code::NotFound, |id| v1::GetTaxRateRequest { id }),
        case("TaxService/UpdateTaxRate", "tax_rate.id", &stock.tax_rate, Code::NotFound, |id| {
            v1::UpdateTaxRateRequest {
                request_id: unique("gates"),
                tax_rate: Some(v1::TaxRate { id, ..Default::default() }),
                update_mask: mask(&["active"]),
            }
        }),
        case("TaxService/EndTaxRegistration", "id", &stock.tax_registration, Code::NotFound, |id| {
            v1::EndTaxRegistrationRequest { request_id: unique("gates"), id, until: Some(TODAY) }
        }),
    ]
}

fn case<M: Message>(
    method: &'static str,
    field: &'static str,
    known: &str,
    foreign: Code,
    ask: impl Fn(String) -> M + Send + Sync + 'static,
) -> Case {
    case_beside(method, field, known, foreign, move |id, _| ask(id))
}

fn case_beside<M: Message>(
    method: &'static str,
    field: &'static str,
    known: &str,
    foreign: Code,
    ask: impl Fn(String, &Own) -> M + Send + Sync + 'static,
) -> Case {
    let ask: Ask = Box::new(move |id, own| ask(id.to_owned(), own).encode_to_vec());
    Case { method, field, known: known.to_owned(), foreign, ask }
}

fn manual(rate: String) -> v1::LineTax {
    let manual = v1::ManualTax { tax_rate_ids: vec![rate] };
    v1::LineTax { treatment: Some(v1::line_tax::Treatment::Manual(manual)) }
}

fn checkout() -> v1::CreateInvoiceCheckoutRequest {
    v1::CreateInvoiceCheckoutRequest {
        request_id: unique("gates"),
        mode: v1::CheckoutMode::Payment as i32,
        return_url: "https://shop.example.com/".to_owned(),
        ..v1::CreateInvoiceCheckoutRequest::default()
    }
}

fn payment() -> v1::CreatePaymentRequest {
    v1::CreatePaymentRequest {
        request_id: unique("gates"),
        amount: Some(sek_amount(12_500)),
        tax: Some(automatic()),
        description: "Consulting".to_owned(),
        ..v1::CreatePaymentRequest::default()
    }
}

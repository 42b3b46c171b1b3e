//! Something of every kind that a seller can have.

use api_proto::v1;
use prost::Message;

use crate::collected::create;
use crate::discounts::{code_of, coupon, percent, promotion_code};
use crate::harness::raw::call;
use crate::harness::{GOOD_CARD, Server, automatic, eventually, invoice_request, line, sek, sek_amount, unique};
use crate::refunds::{DISPUTED, paid, wait_for};
use crate::subscriptions::{monthly, pass, renewals, subscribe};

/// One seller alone, and everyone may call: promotion codes are of sellers who have the provider's account for themselves.
pub(super) const OPEN: &str = "access = \"open\"\n\
    [mail]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\nfrom = \"billing@seller.example\"\n\
    [[sellers]]\nid = \"one\"\nname = \"One AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntax_registrations = [{ country = \"SE\" }]\n";

/// The same one, and another beside it.
pub(super) const SHARED: &str = "access = \"api_keys\"\n\
    [mail]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\nfrom = \"billing@seller.example\"\n\
    [[sellers]]\nid = \"one\"\nname = \"One AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntax_registrations = [{ country = \"SE\" }]\n\
    [[sellers]]\nid = \"two\"\nname = \"Two AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntax_registrations = [{ country = \"SE\" }]\n";

/// The ids of seller one's things.
pub(super) struct Stock {
    pub(super) product: String,
    pub(super) price: String,
    pub(super) shipping_rate: String,
    pub(super) coupon: String,
    pub(super) promotion_code: String,
    pub(super) customer: String,
    pub(super) payment_method: String,
    pub(super) tax_rate: String,
    pub(super) tax_registration: String,
    /// It is open, with a customer, an expired checkout, a mail and a credit note.
    pub(super) invoice: String,
    pub(super) draft: String,
    pub(super) paid_invoice: String,
    /// It is of the paid invoice, whose money went back by it.
    pub(super) refunded_note: String,
    pub(super) credit_note: String,
    pub(super) mail: String,
    pub(super) session: String,
    /// It is of a subscription, which has been renewed.
    pub(super) link: String,
    pub(super) subscription: String,
    pub(super) subscription_session: String,
    /// It is paid, and refunded in part.
    pub(super) payment: String,
    pub(super) refund: String,
    pub(super) open_payment: String,
    pub(super) disputed_payment: String,
    pub(super) dispute: String,
}

impl Stock {
    /// Makes all of it on a server with one seller.
    pub(super) async fn fill(server: &Server) -> Self {
        let product = v1::CreateProductRequest {
            request_id: unique("product"),
            name: "T-shirt".to_owned(),
            ..v1::CreateProductRequest::default()
        };
        let product = server.catalog().create_product(product).await.unwrap().into_inner().product.unwrap().id;
        let price = v1::CreatePriceRequest {
            request_id: unique("price"),
            product_id: product.clone(),
            unit_price: Some(sek(19_900)),
            tax_behavior: v1::TaxBehavior::Exclusive as i32,
            ..v1::CreatePriceRequest::default()
        };
        let price = server.catalog().create_price(price).await.unwrap().into_inner().price.unwrap().id;
        let shipping = v1::CreateShippingRateRequest {
            request_id: unique("shipping"),
            display_name: "Parcel".to_owned(),
            amount: Some(sek_amount(4_900)),
            tax_behavior: v1::TaxBehavior::Inclusive as i32,
            ..v1::CreateShippingRateRequest::default()
        };
        let rate = server.catalog().create_shipping_rate(shipping).await.unwrap().into_inner().shipping_rate;
        let coupon = coupon(server, percent("10")).await;
        let promotion_code = promotion_code(server, code_of(&coupon, "GATES10")).await.unwrap().id;
        let customer = v1::CreateCustomerRequest {
            request_id: unique("customer"),
            name: "Ada Lovelace".to_owned(),
            email: "ada@example.com".to_owned(),
            address: Some(v1::Address { country_code: "SE".to_owned(), ..v1::Address::default() }),
            ..v1::CreateCustomerRequest::default()
        };
        let customer = server.customers().create_customer(customer).await.unwrap().into_inner().customer.unwrap().id;
        let tax_rate = v1::CreateTaxRateRequest {
            request_id: unique("rate"),
            display_name: "VAT".to_owned(),
            percentage: "25".to_owned(),
            ..v1::CreateTaxRateRequest::default()
        };
        let tax_rate = server.tax().create_tax_rate(tax_rate).await.unwrap().into_inner().tax_rate.unwrap().id;
        let registration = v1::CreateTaxRegistrationRequest {
            request_id: unique("registration"),
            country_code: "DE".to_owned(),
            ..v1::CreateTaxRegistrationRequest::default()
        };
        let registration = server.tax().create_tax_registration(registration).await.unwrap().into_inner();

        let (invoice, draft) =
            (Self::invoice(server, &customer, true).await, Self::invoice(server, &customer, false).await);
        let credit_note = Self::credit(server, &invoice).await;
        let mail = v1::SendInvoiceRequest {
            request_id: unique("mail"),
            invoice_id: invoice.id.clone(),
            ..v1::SendInvoiceRequest::default()
        };
        let mail = server.invoices().send_invoice(mail).await.unwrap().into_inner().mail.unwrap().id;
        let session = Self::checkout(server, v1::CheckoutMode::Payment, &invoice.id, "").await;
        let setup = Self::checkout(server, v1::CheckoutMode::Setup, "", &customer).await;
        assert_eq!(server.pay(&setup.url, GOOD_CARD).await, 200);
        let methods = v1::ListPaymentMethodsRequest { customer_id: customer.clone(), ..Default::default() };
        let payment_method = eventually(async || {
            let methods = server.customers().list_payment_methods(methods.clone()).await.unwrap().into_inner();
            methods.payment_methods.into_iter().next()
        })
        .await
        .id;

        let link = create(server, monthly()).await;
        let subscription = subscribe(server, &link).await;
        pass(server, 32).await;
        eventually(async || renewals(server, &subscription).await.pop()).await;
        let paid_invoice = server.open_invoice(10_000).await.id;
        assert_eq!(server.pay(&server.invoice_link(&paid_invoice).await.unwrap().url, GOOD_CARD).await, 200);
        server.wait_for_invoice(&paid_invoice, v1::InvoiceState::Paid).await;
        let refunded_note = Self::credit(server, &server.invoice(&paid_invoice).await).await;
        let of_invoice = v1::ListPaymentsRequest { invoice_id: paid_invoice.clone(), ..Default::default() };
        let of_invoice = server.payments().list_payments(of_invoice).await.unwrap().into_inner().payments;
        Self::refund(server, &of_invoice[0].id, &refunded_note).await;
        let payment = paid(server, GOOD_CARD).await;
        let refund = Self::refund(server, &payment.id, "").await;
        let disputed = paid(server, DISPUTED).await;
        wait_for(server, &disputed.id, |payment| payment.disputed.is_some()).await;
        let disputes = v1::ListDisputesRequest { payment_id: disputed.id.clone(), ..Default::default() };
        let disputes = server.payments().list_disputes(disputes).await.unwrap().into_inner().disputes;
        server.expect_no_notification_stuck().await;
        Self {
            product,
            price,
            shipping_rate: rate.unwrap().id,
            coupon: coupon.id,
            promotion_code,
            customer,
            payment_method,
            tax_rate,
            tax_registration: registration.tax_registration.unwrap().id,
            invoice: invoice.id,
            draft: draft.id,
            paid_invoice,
            refunded_note,
            credit_note,
            mail,
            session: session.id,
            link: link.id,
            subscription_session: subscription.checkout_session_id.clone(),
            subscription: subscription.id,
            payment: payment.id,
            refund,
            open_payment: crate::refunds::asked_for(server).await.id,
            disputed_payment: disputed.id,
            dispute: disputes[0].id.clone(),
        }
    }

    async fn invoice(server: &Server, customer: &str, finalize: bool) -> v1::Invoice {
        let request = v1::CreateInvoiceRequest {
            customer_id: customer.to_owned(),
            lines: vec![line(10_000)],
            finalize,
            ..invoice_request()
        };
        server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap()
    }

    async fn checkout(server: &Server, mode: v1::CheckoutMode, invoice: &str, customer: &str) -> v1::CheckoutSession {
        let request = v1::CreateInvoiceCheckoutRequest {
            request_id: unique("checkout"),
            invoice_id: invoice.to_owned(),
            customer_id: customer.to_owned(),
            mode: mode as i32,
            return_url: "https://shop.example.com/".to_owned(),
            ..v1::CreateInvoiceCheckoutRequest::default()
        };
        server.checkouts().create_invoice_checkout(request).await.unwrap().into_inner().checkout_session.unwrap()
    }

    /// The id of a credit note over a part of the first line.
    async fn credit(server: &Server, invoice: &v1::Invoice) -> String {
        let line = v1::CreditedLine {
            invoice_line_id: invoice.lines[0].id.clone(),
            part: Some(v1::credited_line::Part::Amount(sek_amount(1_000))),
        };
        let by_line = v1::CreditedLines { lines: vec![line] };
        let request = v1::CreateCreditNoteRequest {
            request_id: unique("credit"),
            invoice_id: invoice.id.clone(),
            scope: Some(v1::create_credit_note_request::Scope::ByLine(by_line)),
            reason: v1::CreditNoteReason::OrderChange as i32,
            ..v1::CreateCreditNoteRequest::default()
        };
        server.invoices().create_credit_note(request).await.unwrap().into_inner().credit_note.unwrap().id
    }

    async fn refund(server: &Server, payment: &str, credit_note: &str) -> String {
        let request = v1::CreateRefundRequest {
            request_id: unique("refund"),
            payment_id: payment.to_owned(),
            amount: Some(sek_amount(1_000)),
            credit_note_id: credit_note.to_owned(),
            ..v1::CreateRefundRequest::default()
        };
        server.payments().create_refund(request).await.unwrap().into_inner().refund.unwrap().id
    }
}

/// What a caller has itself, beside which it names another's thing.
pub(super) struct Own {
    /// A draft of an invoice.
    pub(super) draft: String,
    /// An invoice that is paid, with a payment of it.
    pub(super) payment: String,
}

impl Own {
    /// Makes it with a key.
    pub(super) async fn fill(server: &Server, token: &str) -> Self {
        let draft = v1::CreateInvoiceRequest { lines: vec![line(10_000)], ..invoice_request() };
        let draft: v1::CreateInvoiceResponse = ask(server, token, "InvoiceService/CreateInvoice", draft).await;
        let payment = v1::CreatePaymentRequest {
            request_id: unique("payment"),
            amount: Some(sek_amount(12_500)),
            tax: Some(automatic()),
            description: "Consulting".to_owned(),
            ..v1::CreatePaymentRequest::default()
        };
        let payment: v1::CreatePaymentResponse = ask(server, token, "PaymentService/CreatePayment", payment).await;
        let payment = payment.payment.unwrap();
        assert_eq!(server.pay(&payment.url, GOOD_CARD).await, 200);
        eventually(async || {
            let get = v1::GetPaymentRequest { id: payment.id.clone() };
            let got: v1::GetPaymentResponse = ask(server, token, "PaymentService/GetPayment", get).await;
            got.payment.filter(|payment| payment.state() == v1::PaymentState::Succeeded)
        })
        .await;
        Self { draft: draft.invoice.unwrap().id, payment: payment.id }
    }
}

async fn ask<M: Message, A: Message + Default>(server: &Server, token: &str, method: &str, message: M) -> A {
    let answer = call(server, &format!("/paylinks.v1.{method}"), Some(token), message.encode_to_vec()).await;
    A::decode(answer.unwrap().as_slice()).unwrap()
}

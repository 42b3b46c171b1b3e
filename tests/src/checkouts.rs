//! Checkout sessions: in English too, read, listed, and ended before they are paid.

use api_proto::v1;
use serde_json::json;
use tonic::Code;

use crate::harness::{
    Db, GOOD_CARD, Server, error_parts, eventually, http, minor, on_both_databases, sek_amount, unique,
};

on_both_databases!(
    sessions_are_read_listed_and_expired,
    a_session_of_a_part_leaves_the_rest_due,
    a_bank_transfer_completes_unpaid_and_pays_the_invoice_days_later,
    a_payment_method_is_stored_without_a_charge,
);

pub(crate) async fn checkout(server: &Server, invoice_id: &str, minor_units: Option<i64>) -> v1::CheckoutSession {
    let request = v1::CreateInvoiceCheckoutRequest {
        request_id: unique("checkout"),
        invoice_id: invoice_id.to_owned(),
        mode: v1::CheckoutMode::Payment as i32,
        amount: minor_units.map(sek_amount),
        locale: "en".to_owned(),
        return_url: "https://shop.example.com/thanks".to_owned(),
        cancel_url: "https://shop.example.com/basket".to_owned(),
        metadata: [("basket".to_owned(), "7".to_owned())].into(),
        ..v1::CreateInvoiceCheckoutRequest::default()
    };
    server.checkouts().create_invoice_checkout(request).await.unwrap().into_inner().checkout_session.unwrap()
}

async fn expire(server: &Server, id: &str) -> Result<v1::CheckoutSession, tonic::Status> {
    let request = v1::ExpireCheckoutSessionRequest { request_id: unique("expire"), id: id.to_owned() };
    Ok(server.checkouts().expire_checkout_session(request).await?.into_inner().checkout_session.unwrap())
}

async fn get(server: &Server, id: &str) -> v1::CheckoutSession {
    let request = v1::GetCheckoutSessionRequest { id: id.to_owned() };
    server.checkouts().get_checkout_session(request).await.unwrap().into_inner().checkout_session.unwrap()
}

async fn sessions_are_read_listed_and_expired(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let first = checkout(&server, &invoice.id, None).await;
    assert_eq!(get(&server, &first.id).await, first);
    assert_eq!((first.state(), first.locale.as_str()), (v1::CheckoutSessionState::Open, "en"));
    assert!(first.expire_time.unwrap().seconds > first.create_time.unwrap().seconds);
    let page = http().get(&first.url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("lang=\"en\"") && page.contains("SEK\u{a0}125.00"), "{page}");

    // A link would be a second way to pay the same invoice.
    let second = error_parts(&server.invoice_link(&invoice.id).await.unwrap_err());
    assert_eq!(second.1, "COLLECTABLE_OPEN");
    let expired = expire(&server, &first.id).await.unwrap();
    assert_eq!(
        (expired.state(), expired.close_reason()),
        (v1::CheckoutSessionState::Expired, v1::CloseReason::Requested)
    );
    assert_eq!(server.pay(&first.url, GOOD_CARD).await, 410);
    assert_eq!(expire(&server, &first.id).await.unwrap().state(), v1::CheckoutSessionState::Expired);

    let other = checkout(&server, &invoice.id, None).await;
    let list = async |state: v1::CheckoutSessionState| {
        let request = v1::ListCheckoutSessionsRequest {
            invoice_id: invoice.id.clone(),
            state: state as i32,
            page_size: 1,
            ..v1::ListCheckoutSessionsRequest::default()
        };
        server.checkouts().list_checkout_sessions(request).await.unwrap().into_inner()
    };
    let all = list(v1::CheckoutSessionState::Unspecified).await;
    assert_eq!((all.checkout_sessions[0].id.as_str(), all.next_page_token.is_empty()), (other.id.as_str(), false));
    assert_eq!(list(v1::CheckoutSessionState::Expired).await.checkout_sessions[0].id, first.id);
    assert!(list(v1::CheckoutSessionState::Completed).await.checkout_sessions.is_empty());

    assert_eq!(server.pay(&other.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let completed = get(&server, &other.id).await;
    assert_eq!(
        (completed.state(), completed.payment_state()),
        (v1::CheckoutSessionState::Completed, v1::SessionPaymentState::Paid)
    );
    assert_eq!(completed.metadata["basket"], "7");
    // What is paid can't be expired.
    let status = expire(&server, &other.id).await.unwrap_err();
    assert_eq!(error_parts(&status).1, "CHECKOUT_SESSION_STATE");
}

async fn a_session_of_a_part_leaves_the_rest_due(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let part = checkout(&server, &invoice.id, Some(5_000)).await;
    assert_eq!(server.pay(&part.url, GOOD_CARD).await, 200);
    let partly = eventually(async || {
        Some(server.invoice(&invoice.id).await).filter(|invoice| minor(invoice.amount_paid.as_ref()) == 5_000)
    })
    .await;
    assert_eq!((partly.state(), minor(partly.amount_due.as_ref())), (v1::InvoiceState::Open, 7_500));
    let rest = checkout(&server, &invoice.id, None).await;
    assert_eq!(minor(rest.amount.as_ref()), 7_500);
    assert_eq!(server.pay(&rest.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
}

/// A customer in Germany.
async fn customer(server: &Server) -> v1::Customer {
    let request = v1::CreateCustomerRequest {
        request_id: unique("customer"),
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        address: Some(v1::Address { country_code: "DE".to_owned(), ..v1::Address::default() }),
        ..v1::CreateCustomerRequest::default()
    };
    server.customers().create_customer(request).await.unwrap().into_inner().customer.unwrap()
}

/// An open invoice of 100.00 in a currency, untaxed.
async fn invoice_in(server: &Server, currency: &str, customer_id: &str) -> v1::Invoice {
    let price = v1::UnitPrice { minor_units: "10000".to_owned(), currency_code: currency.to_owned() };
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
    let request = v1::CreateInvoiceRequest {
        request_id: unique("invoice"),
        currency_code: currency.to_owned(),
        customer_id: customer_id.to_owned(),
        lines: vec![line],
        finalize: true,
        ..v1::CreateInvoiceRequest::default()
    };
    server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap()
}

fn request(mode: v1::CheckoutMode) -> v1::CreateInvoiceCheckoutRequest {
    v1::CreateInvoiceCheckoutRequest {
        request_id: unique("checkout"),
        mode: mode as i32,
        return_url: "https://shop.example.com/thanks".to_owned(),
        ..v1::CreateInvoiceCheckoutRequest::default()
    }
}

async fn create(
    server: &Server,
    request: v1::CreateInvoiceCheckoutRequest,
) -> Result<v1::CheckoutSession, tonic::Status> {
    Ok(server.checkouts().create_invoice_checkout(request).await?.into_inner().checkout_session.unwrap())
}

async fn a_bank_transfer_completes_unpaid_and_pays_the_invoice_days_later(db: Db) {
    let server = Server::start(db).await;
    let ada = customer(&server).await;
    let invoice = invoice_in(&server, "EUR", &ada.id).await;
    let asked = v1::CreateInvoiceCheckoutRequest {
        invoice_id: invoice.id.clone(),
        ..request(v1::CheckoutMode::BankTransferPayment)
    };
    let session = create(&server, asked).await.unwrap();
    assert_eq!(
        (session.mode(), session.payment_type()),
        (v1::CheckoutMode::BankTransferPayment, v1::PaymentType::BankTransfer)
    );
    let ordered = server.control("pay", json!({"url": session.url, "method": "bank_transfer"})).await;
    assert_eq!(ordered.status().as_u16(), 200);
    let waiting = eventually(async || {
        Some(get(&server, &session.id).await).filter(|s| s.state() == v1::CheckoutSessionState::Completed)
    })
    .await;
    assert_eq!(waiting.payment_state(), v1::SessionPaymentState::Processing);
    assert_eq!(server.invoice(&invoice.id).await.state(), v1::InvoiceState::Open);
    // It waits for its money, so nothing else may be opened for it.
    assert_eq!(error_parts(&server.invoice_link(&invoice.id).await.unwrap_err()).1, "COLLECTABLE_OPEN");
    assert_eq!(error_parts(&crate::payments::void(&server, &invoice.id).await.unwrap_err()).1, "PAYMENT_UNDER_WAY");
    let credit = crate::credit_notes::request(&invoice, crate::credit_notes::rest());
    let status = crate::credit_notes::try_credit(&server, credit).await.unwrap_err();
    assert_eq!(error_parts(&status).1, "PAYMENT_UNDER_WAY");
    let arrived = server.control("bank_transfer", json!({"session": session.provider_ref})).await;
    assert_eq!(arrived.status().as_u16(), 200);
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    assert_eq!(minor(paid.amount_paid.as_ref()), 10_000);
    assert_eq!(get(&server, &session.id).await.payment_state(), v1::SessionPaymentState::Paid);

    // In a currency without transfers, and without a customer, it is refused before anything leaves the service.
    let kronor = invoice_in(&server, "SEK", &ada.id).await;
    let nobody = invoice_in(&server, "EUR", "").await;
    let before = server.executed("POST /v1/checkout/sessions").await;
    for (invoice, code) in [(kronor, Code::FailedPrecondition), (nobody, Code::InvalidArgument)] {
        let asked = v1::CreateInvoiceCheckoutRequest {
            invoice_id: invoice.id,
            ..request(v1::CheckoutMode::BankTransferPayment)
        };
        let refused = error_parts(&create(&server, asked).await.unwrap_err());
        assert_eq!((refused.0, refused.2), (code, vec!["mode".to_owned()]));
    }
    assert_eq!(server.executed("POST /v1/checkout/sessions").await, before);
}

async fn a_payment_method_is_stored_without_a_charge(db: Db) {
    let server = Server::start(db).await;
    let ada = customer(&server).await;
    let asked = v1::CreateInvoiceCheckoutRequest { customer_id: ada.id.clone(), ..request(v1::CheckoutMode::Setup) };
    let session = create(&server, asked.clone()).await.unwrap();
    assert_eq!((session.mode(), session.customer_id.as_str()), (v1::CheckoutMode::Setup, ada.id.as_str()));
    assert_eq!((session.invoice_id.as_str(), minor(session.amount.as_ref())), ("", 0));
    assert_eq!(server.pay(&session.url, GOOD_CARD).await, 200);
    let done = eventually(async || {
        Some(get(&server, &session.id).await).filter(|s| s.state() == v1::CheckoutSessionState::Completed)
    })
    .await;
    assert_eq!(done.payment_state(), v1::SessionPaymentState::NotRequired);
    let request_of = v1::ListPaymentMethodsRequest { customer_id: ada.id.clone(), ..Default::default() };
    let methods = server.customers().list_payment_methods(request_of).await.unwrap().into_inner().payment_methods;
    assert_eq!((methods.len(), methods[0].card_last4.as_str()), (1, "4242"));
    assert!(
        server
            .payments()
            .list_payments(v1::ListPaymentsRequest::default())
            .await
            .unwrap()
            .into_inner()
            .payments
            .is_empty()
    );

    let refused =
        async |change: v1::CreateInvoiceCheckoutRequest| error_parts(&create(&server, change).await.unwrap_err()).2;
    let with_invoice = v1::CreateInvoiceCheckoutRequest {
        request_id: unique("checkout"),
        invoice_id: "inv_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned(),
        customer_id: String::new(),
        ..asked.clone()
    };
    assert_eq!(refused(with_invoice).await, ["invoice_id", "customer_id"]);
    let unknown = v1::CreateInvoiceCheckoutRequest {
        request_id: unique("checkout"),
        customer_id: "cus_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned(),
        ..asked
    };
    assert_eq!(refused(unknown).await, ["customer_id"]);
}

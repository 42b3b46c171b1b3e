//! The main job, end to end: an invoice with tax, a hosted page, a payment with a test card, the webhook, the invoice paid,
//! the event streamed.

use api_proto::v1;

use crate::harness::{
    Db, GOOD_CARD, PATIENCE, Server, eventually, http, invoice_request, line, minor, on_both_databases, sek_amount,
    unique,
};

on_both_databases!(
    the_reference_checkout_of_1608_75_sek_is_paid_in_swedish,
    an_invoice_link_is_paid_once_and_closes,
    a_part_is_paid_and_then_the_rest,
    voiding_an_invoice_closes_its_link_at_the_provider,
    events_come_in_order_and_resume_from_a_cursor,
);

const RETURN_URL: &str = "https://cloud.hostup.se/billing?paid=1&invoice=51910";
const CANCEL_URL: &str = "https://cloud.hostup.se/billing?invoice=51910";

async fn customer(server: &Server) -> v1::Customer {
    let request = v1::CreateCustomerRequest {
        request_id: unique("customer"),
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        address: Some(v1::Address { country_code: "SE".to_owned(), ..v1::Address::default() }),
        ..v1::CreateCustomerRequest::default()
    };
    server.customers().create_customer(request).await.unwrap().into_inner().customer.unwrap()
}

async fn the_reference_checkout_of_1608_75_sek_is_paid_in_swedish(db: Db) {
    let server = Server::start(db).await;
    let customer = customer(&server).await;
    let request = v1::CreateInvoiceRequest {
        customer_id: customer.id.clone(),
        lines: vec![line(128_700)],
        finalize: true,
        ..invoice_request()
    };
    let invoice = server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!(
        (minor(invoice.net.as_ref()), minor(invoice.tax.as_ref()), minor(invoice.total.as_ref())),
        (128_700, 32_175, 160_875)
    );
    let mut events = server.events().stream_events(v1::StreamEventsRequest::default()).await.unwrap().into_inner();

    let request = v1::CreateInvoiceCheckoutRequest {
        request_id: "2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba".to_owned(),
        invoice_id: invoice.id.clone(),
        mode: v1::CheckoutMode::Payment as i32,
        locale: "sv".to_owned(),
        return_url: RETURN_URL.to_owned(),
        cancel_url: CANCEL_URL.to_owned(),
        ..v1::CreateInvoiceCheckoutRequest::default()
    };
    let session = server
        .checkouts()
        .create_invoice_checkout(request.clone())
        .await
        .unwrap()
        .into_inner()
        .checkout_session
        .unwrap();
    assert_eq!((session.payment_type(), minor(session.amount.as_ref())), (v1::PaymentType::Card, 160_875));
    let again =
        server.checkouts().create_invoice_checkout(request).await.unwrap().into_inner().checkout_session.unwrap();
    assert_eq!((again.id.as_str(), server.executed("POST /v1/checkout/sessions").await), (session.id.as_str(), 1));

    let page = http().get(&session.url).send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("1\u{a0}608,75\u{a0}kr")
            && page.contains("lang=\"sv\"")
            && page.contains("https://cloud.hostup.se/billing?invoice=51910")
    );
    let token = page.split_once("name=\"token\" value=\"").unwrap().1.split_once('"').unwrap().0;
    let form = [
        ("token", token),
        ("locale", "sv"),
        ("email", "ada@example.com"),
        ("card_number", "4242 4242 4242 4242"),
        ("card_expiry", "12/34"),
        ("card_cvc", "123"),
        ("name", "Ada Lovelace"),
        ("country", "SE"),
    ];
    let answer = http().post(&session.url).form(&form).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, RETURN_URL));

    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    assert_eq!((minor(paid.amount_paid.as_ref()), minor(paid.amount_due.as_ref())), (160_875, 0));
    let types = until_paid(&mut events).await;
    assert_eq!(types, ["checkout_session.created", "checkout_session.completed", "invoice.paid"]);
    let request = v1::ListPaymentsRequest { invoice_id: invoice.id, ..v1::ListPaymentsRequest::default() };
    let payments = server.payments().list_payments(request).await.unwrap().into_inner().payments;
    assert_eq!(
        (payments.len(), payments[0].state(), minor(payments[0].received.as_ref())),
        (1, v1::PaymentState::Succeeded, 160_875)
    );
    assert!(payments[0].flags.is_empty());
    the_card_is_vaulted_and_detached(&server, &customer.id).await;
}

async fn until_paid(events: &mut tonic::Streaming<v1::StreamEventsResponse>) -> Vec<String> {
    let mut types = Vec::new();
    loop {
        let message = tokio::time::timeout(PATIENCE, events.message()).await.unwrap().unwrap().unwrap();
        let Some(event) = message.event else { continue };
        types.push(event.r#type.clone());
        if event.r#type == "invoice.paid" {
            return types;
        }
    }
}

async fn the_card_is_vaulted_and_detached(server: &Server, customer_id: &str) {
    let request = v1::ListPaymentMethodsRequest {
        customer_id: customer_id.to_owned(),
        ..v1::ListPaymentMethodsRequest::default()
    };
    let methods = server.customers().list_payment_methods(request.clone()).await.unwrap().into_inner().payment_methods;
    let card = (
        methods[0].card_brand.as_str(),
        methods[0].card_last4.as_str(),
        methods[0].card_exp_month,
        methods[0].card_exp_year,
    );
    assert_eq!(card, ("visa", "4242", 12, 2034));
    let detach = v1::DetachPaymentMethodRequest { request_id: unique("detach"), id: methods[0].id.clone() };
    let detached = server.customers().detach_payment_method(detach).await.unwrap().into_inner().payment_method.unwrap();
    assert!(detached.detach_time.is_some());
    assert!(server.customers().list_payment_methods(request).await.unwrap().into_inner().payment_methods.is_empty());
}

async fn an_invoice_link_is_paid_once_and_closes(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let closed = server.link(&link.id).await;
    assert_eq!((closed.state(), closed.close_reason()), (v1::PaymentLinkState::Inactive, v1::CloseReason::Completed));
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 410);
    let page = http().get(&link.url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("This has already been paid."));
}

async fn a_part_is_paid_and_then_the_rest(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let part = v1::CreatePaymentLinkRequest {
        request_id: unique("part"),
        invoice_id: invoice.id.clone(),
        amount: Some(sek_amount(5_000)),
        ..v1::CreatePaymentLinkRequest::default()
    };
    let first = server.links().create_payment_link(part).await.unwrap().into_inner().payment_link.unwrap();
    assert_eq!(server.pay(&first.url, GOOD_CARD).await, 200);
    let partly =
        eventually(async || Some(server.invoice(&invoice.id).await).filter(|i| minor(i.amount_paid.as_ref()) == 5_000))
            .await;
    assert_eq!((partly.state(), minor(partly.amount_due.as_ref())), (v1::InvoiceState::Open, 7_500));
    let second = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(minor(second.amount.as_ref()), 7_500);
    assert_eq!(server.pay(&second.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let flagged =
        v1::ListPaymentsRequest { invoice_id: invoice.id, flagged: Some(true), ..v1::ListPaymentsRequest::default() };
    let flagged = server.payments().list_payments(flagged).await.unwrap().into_inner().payments;
    assert_eq!((flagged.len(), flagged[0].flags().collect::<Vec<_>>()), (1, vec![v1::PaymentFlag::Partial]));
}

async fn voiding_an_invoice_closes_its_link_at_the_provider(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let request = v1::VoidInvoiceRequest { request_id: unique("void"), id: invoice.id.clone(), etag: invoice.etag };
    let void = server.invoices().void_invoice(request).await.unwrap().into_inner().invoice.unwrap();
    assert_eq!(void.state(), v1::InvoiceState::Void);
    let closed = server.wait_for_link(&link.id, v1::PaymentLinkState::Inactive).await;
    assert_eq!(closed.close_reason(), v1::CloseReason::InvoiceClosed);
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 410);
}

async fn events_come_in_order_and_resume_from_a_cursor(db: Db) {
    let server = Server::start(db).await;
    for minor in [10_000, 20_000, 30_000] {
        server.open_invoice(minor).await;
    }
    let all = server.all_events().await;
    let types: Vec<_> = all.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(types, ["invoice.created", "invoice.finalized"].repeat(3));
    let server = server.crash_and_restart().await;
    let request = v1::StreamEventsRequest { after_cursor: all[2].cursor.clone(), ..v1::StreamEventsRequest::default() };
    let mut stream = server.events().stream_events(request).await.unwrap().into_inner();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let message = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap().unwrap();
        seen.extend(message.event.map(|event| event.id));
    }
    assert_eq!(seen, all[3..].iter().map(|event| event.id.clone()).collect::<Vec<_>>());
}

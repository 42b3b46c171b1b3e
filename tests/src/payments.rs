//! Ad-hoc payments, and money that is odd.

use api_proto::v1;

use tonic::Code;

use crate::checkouts::checkout;
use crate::harness::{
    Db, GOOD_CARD, Server, error_parts, eventually, http, minor, on_both_databases, sek_amount, unique,
};

on_both_databases!(
    an_ad_hoc_payment_has_tax_an_invoice_and_a_page,
    a_canceled_payment_closes_its_page_and_voids_its_invoice,
    money_for_a_voided_invoice_is_recorded_and_flagged,
    an_invoice_whose_customer_was_faster_is_not_voided,
    an_invoice_is_voided_when_the_provider_is_back_unless_it_was_paid_meanwhile,
    giving_up_the_invoice_of_a_payment_does_not_void_it,
    a_declined_card_leaves_everything_open,
    voiding_the_invoice_of_a_payment_cancels_it,
    money_that_came_just_before_the_cancelation_counts,
    an_amount_beyond_the_limit_is_named_as_the_request_spells_it,
);

async fn create(server: &Server) -> v1::Payment {
    let request = v1::CreatePaymentRequest {
        request_id: unique("payment"),
        amount: Some(sek_amount(12_500)),
        description: "Consulting".to_owned(),
        metadata: [("order".to_owned(), "7".to_owned())].into(),
        ..v1::CreatePaymentRequest::default()
    };
    server.payments().create_payment(request).await.unwrap().into_inner().payment.unwrap()
}

async fn get(server: &Server, id: &str) -> v1::Payment {
    let request = v1::GetPaymentRequest { id: id.to_owned() };
    server.payments().get_payment(request).await.unwrap().into_inner().payment.unwrap()
}

async fn an_ad_hoc_payment_has_tax_an_invoice_and_a_page(db: Db) {
    let server = Server::start(db).await;
    let payment = create(&server).await;
    let figures = (minor(payment.subtotal.as_ref()), minor(payment.tax.as_ref()), minor(payment.total.as_ref()));
    assert_eq!(
        (figures, payment.state(), payment.kind()),
        ((10_000, 2_500, 12_500), v1::PaymentState::Pending, v1::PaymentKind::AdHoc)
    );
    assert!(payment.expire_time.is_some() && !payment.livemode);
    assert_eq!(server.pay(&payment.url, GOOD_CARD).await, 200);
    let paid =
        eventually(async || Some(get(&server, &payment.id).await).filter(|p| p.state() == v1::PaymentState::Succeeded))
            .await;
    assert_eq!((minor(paid.received.as_ref()), paid.flags.len()), (12_500, 0));
    assert_eq!(server.invoice(&payment.invoice_id).await.state(), v1::InvoiceState::Paid);
    let payments =
        server.payments().list_payments(v1::ListPaymentsRequest::default()).await.unwrap().into_inner().payments;
    assert_eq!(payments.len(), 1);
}

async fn a_canceled_payment_closes_its_page_and_voids_its_invoice(db: Db) {
    let server = Server::start(db).await;
    let payment = create(&server).await;
    let request = v1::CancelPaymentRequest { request_id: unique("cancel"), id: payment.id.clone() };
    let canceled = server.payments().cancel_payment(request.clone()).await.unwrap().into_inner().payment.unwrap();
    assert_eq!(canceled.state(), v1::PaymentState::Canceled);
    let again = server.payments().cancel_payment(request).await.unwrap().into_inner().payment.unwrap();
    assert_eq!(again, canceled);
    assert_eq!(server.invoice(&payment.invoice_id).await.state(), v1::InvoiceState::Void);
    assert_eq!(server.pay(&payment.url, GOOD_CARD).await, 410);
}

async fn voiding_the_invoice_of_a_payment_cancels_it(db: Db) {
    let server = Server::start(db).await;
    let payment = create(&server).await;
    assert_eq!(void(&server, &payment.invoice_id).await.unwrap().state(), v1::InvoiceState::Void);
    eventually(async || Some(get(&server, &payment.id).await).filter(|p| p.state() == v1::PaymentState::Canceled))
        .await;
}

async fn money_that_came_just_before_the_cancelation_counts(db: Db) {
    let server = Server::start(db).await;
    let payment = create(&server).await;
    // The webhook that would have told of the money is lost.
    server.control("webhooks/policy", serde_json::json!({"lose": true})).await;
    assert_eq!(server.pay(&payment.url, GOOD_CARD).await, 200);
    let request = v1::CancelPaymentRequest { request_id: unique("cancel"), id: payment.id.clone() };
    for _ in 0..2 {
        let refused = server.payments().cancel_payment(request.clone()).await.unwrap_err();
        assert_eq!(error_parts(&refused).1, "PAYMENT_STATE", "and so it is when asked again");
    }
    let paid = get(&server, &payment.id).await;
    assert_eq!(
        (paid.state(), minor(paid.received.as_ref()), paid.flags),
        (v1::PaymentState::Succeeded, 12_500, vec![])
    );
    assert_eq!(server.invoice(&payment.invoice_id).await.state(), v1::InvoiceState::Paid);
}

async fn money_for_a_voided_invoice_is_recorded_and_flagged(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    void(&server, &invoice.id).await.unwrap();
    // Someone opens the link again in the provider's dashboard, and a customer is faster than we are.
    server.control("webhooks/policy", serde_json::json!({"lose": true})).await;
    let made = http().post(format!("{}/v1/payment_links/{}", server.sandbox, link.provider_ref));
    let opened = made.bearer_auth("sk_test_paylinks_sandbox").form(&[("active", "true")]).send().await.unwrap();
    assert_eq!(opened.status().as_u16(), 200);
    server.control("webhooks/policy", serde_json::json!({"lose": false})).await;
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let payment = eventually(async || {
        let request = v1::ListPaymentsRequest { flagged: Some(true), ..v1::ListPaymentsRequest::default() };
        server.payments().list_payments(request).await.unwrap().into_inner().payments.pop()
    })
    .await;
    let flags: Vec<_> = payment.flags().collect();
    assert_eq!(flags, [v1::PaymentFlag::InvoiceNotOpen, v1::PaymentFlag::CollectableClosed]);
    assert_eq!(minor(payment.received.as_ref()), 12_500);
    assert_eq!(server.invoice(&invoice.id).await.state(), v1::InvoiceState::Void);
}

pub(crate) async fn void(server: &Server, invoice: &str) -> Result<v1::Invoice, tonic::Status> {
    let request = v1::VoidInvoiceRequest { request_id: unique("void"), id: invoice.to_owned(), ..Default::default() };
    Ok(server.invoices().void_invoice(request).await?.into_inner().invoice.unwrap())
}

async fn an_invoice_whose_customer_was_faster_is_not_voided(db: Db) {
    let server = Server::start(db).await;
    let refused =
        |status: &tonic::Status| error_parts(status) == (Code::FailedPrecondition, "INVOICE_STATE".into(), vec![]);
    // The webhooks that would have told of the money are lost.
    server.control("webhooks/policy", serde_json::json!({"lose": true})).await;
    let by_link = server.open_invoice(10_000).await;
    let link = server.invoice_link(&by_link.id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    assert!(refused(&void(&server, &by_link.id).await.unwrap_err()));
    let by_session = server.open_invoice(10_000).await;
    let session = checkout(&server, &by_session.id, None).await;
    assert_eq!(server.pay(&session.url, GOOD_CARD).await, 200);
    assert!(refused(&void(&server, &by_session.id).await.unwrap_err()));
    for invoice in [by_link, by_session] {
        assert_eq!(server.invoice(&invoice.id).await.state(), v1::InvoiceState::Paid);
        let of = v1::ListPaymentsRequest { invoice_id: invoice.id, ..Default::default() };
        let [payment] = server.payments().list_payments(of).await.unwrap().into_inner().payments.try_into().unwrap();
        assert_eq!((payment.state(), payment.flags.as_slice()), (v1::PaymentState::Succeeded, &[][..]));
    }
}

async fn an_invoice_is_voided_when_the_provider_is_back_unless_it_was_paid_meanwhile(db: Db) {
    let server = Server::start(db).await;
    for is_paid in [false, true] {
        let invoice = server.open_invoice(10_000).await;
        let link = server.invoice_link(&invoice.id).await.unwrap();
        let fault = serde_json::json!([{"operation": "POST /v1/payment_links/{id}", "kind": "status", "status": 503, "times": 1_000_000}]);
        server.control("faults", fault).await;
        let request =
            v1::VoidInvoiceRequest { request_id: unique("void"), id: invoice.id.clone(), ..Default::default() };
        assert_eq!(server.invoices().void_invoice(request.clone()).await.unwrap_err().code(), Code::Unavailable);
        assert_eq!(server.invoice(&invoice.id).await.state(), v1::InvoiceState::Open);
        if is_paid {
            assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
        }
        server.end_faults().await;
        let ended = eventually(async || match server.invoices().void_invoice(request.clone()).await {
            Ok(answer) => Some(answer.into_inner().invoice.unwrap().state()),
            Err(status) if status.code() == Code::FailedPrecondition => Some(server.invoice(&invoice.id).await.state()),
            Err(_) => None,
        })
        .await;
        assert_eq!(ended, if is_paid { v1::InvoiceState::Paid } else { v1::InvoiceState::Void });
    }
}

async fn giving_up_the_invoice_of_a_payment_does_not_void_it(db: Db) {
    let server = Server::start(db).await;
    let payment = create(&server).await;
    let request = v1::MarkInvoiceUncollectibleRequest {
        request_id: unique("give-up"),
        id: payment.invoice_id.clone(),
        ..Default::default()
    };
    server.invoices().mark_invoice_uncollectible(request).await.unwrap();
    eventually(async || Some(get(&server, &payment.id).await).filter(|p| p.state() == v1::PaymentState::Canceled))
        .await;
    assert_eq!(server.invoice(&payment.invoice_id).await.state(), v1::InvoiceState::Uncollectible);
}

async fn a_declined_card_leaves_everything_open(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, "4000000000000002").await, 402);
    assert_eq!(server.pay(&link.url, "4000000000009995").await, 402);
    server.expect_no_notification_stuck().await;
    assert_eq!(server.invoice(&invoice.id).await.state(), v1::InvoiceState::Open);
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
}

async fn an_amount_beyond_the_limit_is_named_as_the_request_spells_it(db: Db) {
    let server = Server::start(db).await;
    let request = v1::CreatePaymentRequest {
        request_id: unique("payment"),
        amount: Some(sek_amount(999_999_999_999)),
        tax_behavior: v1::TaxBehavior::Exclusive as i32,
        description: "Consulting".to_owned(),
        ..v1::CreatePaymentRequest::default()
    };
    let status = server.payments().create_payment(request).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["amount"]);
    assert!(server.all_events().await.is_empty());
}

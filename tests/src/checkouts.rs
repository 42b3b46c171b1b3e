//! Checkout sessions: in English too, read, listed, and ended before they are paid.

use api_proto::v1;

use crate::harness::{Db, GOOD_CARD, Server, http, minor, on_both_databases, told, unique};

on_both_databases!(sessions_are_read_listed_and_expired, a_session_of_a_part_leaves_the_rest_due,);

async fn checkout(server: &Server, invoice_id: &str, minor_units: Option<i64>) -> v1::CheckoutSession {
    let request = v1::CreateInvoiceCheckoutRequest {
        request_id: unique("checkout"),
        invoice_id: invoice_id.to_owned(),
        mode: v1::CheckoutMode::Payment as i32,
        amount: minor_units.map(|minor_units| v1::Money { minor_units, currency_code: "SEK".to_owned() }),
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
    let second = told(&server.invoice_link(&invoice.id).await.unwrap_err());
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
    assert_eq!(told(&status).1, "CHECKOUT_SESSION_STATE");
}

async fn a_session_of_a_part_leaves_the_rest_due(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let part = checkout(&server, &invoice.id, Some(5_000)).await;
    assert_eq!(server.pay(&part.url, GOOD_CARD).await, 200);
    let partly = crate::harness::eventually(async || {
        Some(server.invoice(&invoice.id).await).filter(|invoice| minor(invoice.amount_paid.as_ref()) == 5_000)
    })
    .await;
    assert_eq!((partly.state(), minor(partly.amount_due.as_ref())), (v1::InvoiceState::Open, 7_500));
    let rest = checkout(&server, &invoice.id, None).await;
    assert_eq!(minor(rest.amount.as_ref()), 7_500);
    assert_eq!(server.pay(&rest.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
}

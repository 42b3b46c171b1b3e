//! What the provider tells, delivered by hand: often, late, early, in every order, forged, and such that it can't be processed.

use std::collections::BTreeMap;

use api_proto::v1;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::checkouts::checkout;
use crate::harness::{Db, GOOD_CARD, Provider, Server, eventually, http, item, minor, on_both_databases, sign, unique};
use crate::refunds::DISPUTED;

on_both_databases!(
    a_notification_100_times_at_once_has_one_effect,
    every_order_of_notifications_ends_with_the_same_books,
    what_is_told_before_its_page_is_known_here_is_applied,
    a_notification_days_late_is_taken_and_an_old_signature_is_not,
    what_does_not_verify_is_counted_and_not_kept,
    a_signing_secret_is_rolled_without_a_notification_refused,
    what_can_not_be_processed_is_set_aside_and_others_go_on,
);

/// What the provider has told of a kind; nothing else of that kind may have been told.
async fn told(provider: &Provider, kind: &str) -> Value {
    let events = provider.told().await;
    let of_kind: Vec<_> = events.into_iter().filter(|event| event["type"] == kind).collect();
    let [event] = <[Value; 1]>::try_from(of_kind).unwrap();
    event
}

async fn stored(server: &Server) -> usize {
    server.texts("SELECT provider_event_id FROM notifications").await.len()
}

async fn payments_of(server: &Server, invoice_id: &str) -> Vec<v1::Payment> {
    let request = v1::ListPaymentsRequest { invoice_id: invoice_id.to_owned(), ..Default::default() };
    server.payments().list_payments(request).await.unwrap().into_inner().payments
}

/// How often each kind of event was told here, once nothing is left to do.
async fn counts(server: &Server) -> BTreeMap<String, usize> {
    server.expect_no_notification_stuck().await;
    let mut counts = BTreeMap::new();
    for event in server.all_events().await {
        *counts.entry(event.r#type).or_default() += 1;
    }
    counts
}

async fn a_notification_100_times_at_once_has_one_effect(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let event = told(&provider, "checkout.session.completed").await;
    let answers = join_all((0..100).map(|_| server.deliver(&event))).await;
    assert_eq!(answers, [200; 100]);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let counts = counts(&server).await;
    let once = ["checkout_session.completed", "payment.succeeded", "invoice.paid", "payment_link.deactivated"];
    assert_eq!(once.map(|kind| counts.get(kind).copied()), [Some(1); 4], "{counts:?}");
    let payments = payments_of(&server, &invoice.id).await;
    assert_eq!((payments.len(), minor(payments[0].received.as_ref()), stored(&server).await), (1, 12_500, 1));
}

/// The orders of `count` things: all of them.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    match count {
        0 => vec![vec![]],
        _ => {
            let shorter = permutations(count - 1);
            let with_last = |at: usize, mut order: Vec<usize>| {
                order.insert(at, count - 1);
                order
            };
            (0..count).flat_map(|at| shorter.iter().map(move |order| with_last(at, order.clone()))).collect()
        }
    }
}

/// A story that has ended at the provider before anything of it is known here: what is told of it, and its page.
async fn live_story(provider: &Provider, server: &Server, card: &str) -> (v1::PaymentLink, Vec<Value>) {
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let before: Vec<_> = provider.told().await.into_iter().map(|event| event["id"].clone()).collect();
    assert_eq!(server.pay(&link.url, card).await, 200);
    let is_new = |event: &Value| !before.contains(&event["id"]);
    let news = async || provider.told().await.into_iter().filter(|event| is_new(event)).collect::<Vec<_>>();
    let find = |events: &[Value], kind: &str| events.iter().find(|event| event["type"] == kind).unwrap().clone();
    let completed = find(&news().await, "checkout.session.completed");
    let payment = completed["data"]["object"]["payment_intent"].as_str().unwrap().to_owned();
    let kinds = if card == DISPUTED {
        let closed = server.control(&format!("disputes/{payment}"), json!({"status": "lost"})).await;
        assert_eq!(closed.status().as_u16(), 200);
        vec!["charge.dispute.created", "charge.dispute.closed"]
    } else {
        provider.post("refunds", &[("payment_intent", payment.as_str()), ("amount", "5000")]).await;
        vec!["payment_link.updated", "refund.created", "charge.refunded"]
    };
    let news = news().await;
    (link, std::iter::once(completed).chain(kinds.into_iter().map(|kind| find(&news, kind))).collect())
}

/// All that is said here of a link, its invoice and its money, without ids and times.
async fn books(server: &Server, link: &v1::PaymentLink) -> String {
    let invoice = server.invoice(&link.invoice_id).await;
    let [payment] = payments_of(server, &link.invoice_id).await.try_into().unwrap();
    let of_payment = v1::ListRefundsRequest { payment_id: payment.id.clone(), ..Default::default() };
    let refunds = server.payments().list_refunds(of_payment).await.unwrap().into_inner().refunds;
    let refunds: Vec<_> = refunds.iter().map(|refund| (refund.state(), minor(refund.amount.as_ref()))).collect();
    let now = server.link(&link.id).await;
    let mut told = Vec::new();
    for id in [&invoice.id, &link.id, &payment.id] {
        told.extend(crate::refunds::told_of(server, id).await);
    }
    // How often the payment is told to have changed depends on how much of it was found at once.
    told.retain(|kind| kind != "payment.updated");
    told.sort_unstable();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {refunds:?} {told:?}",
        (invoice.state(), invoice.amount_paid, invoice.amount_due),
        (now.state(), now.close_reason(), now.completed_sessions),
        (payment.state(), &payment.received, &payment.refunded, &payment.disputed),
        payment.flags().collect::<Vec<_>>(),
        payment.subtotal,
        payment.tax,
    )
}

/// A notification is tried before the next one comes, and those that have to wait for another wait for it.
async fn every_order_of_notifications_ends_with_the_same_books(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    for (card, count) in [(GOOD_CARD, 4), (DISPUTED, 3)] {
        let mut ends = BTreeMap::new();
        for order in permutations(count) {
            let (link, events) = live_story(&provider, &server, card).await;
            assert_eq!(events.len(), count);
            for index in &order {
                let event = &events[*index];
                assert_eq!(server.deliver(event).await, 200);
                let id = event["id"].as_str().unwrap();
                let tried = format!(
                    "SELECT state FROM notifications WHERE provider_event_id = '{id}' AND (state <> 'new' OR reason IS NOT NULL)"
                );
                eventually(async || server.texts(&tried).await.pop()).await;
            }
            server.let_notifications_be_due().await;
            counts(&server).await;
            ends.entry(books(&server, &link).await).or_insert_with(Vec::new).push(order);
        }
        assert_eq!(ends.len(), 1, "{ends:#?}");
    }
}

async fn what_is_told_before_its_page_is_known_here_is_applied(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    let invoice = server.open_invoice(10_000).await;
    server.control("faults", json!([{"operation": "POST /v1/checkout/sessions", "kind": "hold_answer"}])).await;
    let calling = async { checkout(&server, &invoice.id, None).await };
    let paying = async {
        // Someone at the provider's dashboard sees the page before we have its answer.
        let made = eventually(async || provider.get("checkout/sessions?limit=1").await["data"].get(0).cloned()).await;
        assert_eq!(server.pay(made["url"].as_str().unwrap(), GOOD_CARD).await, 200);
        let event = told(&provider, "checkout.session.completed").await;
        assert_eq!(server.deliver(&event).await, 200);
        let tried = "SELECT state FROM notifications WHERE state <> 'new' OR reason IS NOT NULL";
        eventually(async || server.texts(tried).await.pop()).await;
        server.end_faults().await;
    };
    let (session, ()) = futures::future::join(calling, paying).await;
    server.let_notifications_be_due().await;
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let counts = counts(&server).await;
    let once = ["checkout_session.completed", "payment.succeeded", "invoice.paid"];
    assert_eq!(once.map(|kind| counts.get(kind).copied()), [Some(1); 3], "{counts:?}");
    let request = v1::GetCheckoutSessionRequest { id: session.id };
    let now = server.checkouts().get_checkout_session(request).await.unwrap().into_inner().checkout_session.unwrap();
    assert_eq!(now.payment_state(), v1::SessionPaymentState::Paid);
    assert_eq!(payments_of(&server, &invoice.id).await.len(), 1);
}

async fn a_notification_days_late_is_taken_and_an_old_signature_is_not(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let mut event = told(&provider, "checkout.session.completed").await;
    // It happened three days ago.
    event["created"] = (event["created"].as_i64().unwrap() - 3 * 24 * 60 * 60).into();
    let body = event.to_string();
    for age_seconds in [310, 3 * 24 * 60 * 60] {
        let signature = sign(&body, "whsec_first", age_seconds);
        assert_eq!(server.deliver_signed(body.clone(), &signature).await, 400, "signed {age_seconds} s ago");
    }
    assert_eq!(stored(&server).await, 0);
    let signature = sign(&body, "whsec_first", 290);
    assert_eq!(server.deliver_signed(body, &signature).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
}

async fn what_does_not_verify_is_counted_and_not_kept(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let body = told(&provider, "checkout.session.completed").await.to_string();
    let genuine = sign(&body, "whsec_first", 0);
    let refused = [
        // Forged, unsigned, cut off, by another secret, by another scheme, and of another body.
        (body.clone(), "t=1,v1=00".to_owned()),
        (body.clone(), String::new()),
        (body[..body.len() / 2].to_owned(), genuine.clone()),
        (body.clone(), sign(&body, "whsec_other", 0)),
        (body.clone(), genuine.replace("v1=", "v0=")),
        (body.replace("\"paid\"", "\"unpaid\""), genuine.clone()),
    ];
    let count = i64::try_from(refused.len()).unwrap();
    for (body, signature) in refused {
        assert_eq!(server.deliver_signed(body, &signature).await, 400, "{signature}");
    }
    let metrics = http().get(format!("{}/metrics", server.http)).send().await.unwrap().text().await.unwrap();
    let counted =
        format!("paylinks_notifications_refused_total{{provider=\"stripe\",reason=\"bad_signature\"}} {count}");
    assert!(metrics.contains(&counted), "{metrics}");
    assert_eq!((stored(&server).await, payments_of(&server, &invoice.id).await.len()), (0, 0));
    assert_eq!(server.deliver_signed(body, &genuine).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
}

async fn a_signing_secret_is_rolled_without_a_notification_refused(db: Db) {
    let provider = Provider::start().await;
    let mut server = provider.server(db).await;
    // The operator takes the new secret up beside the old one, has it rolled at the provider, and then drops the old one.
    let steps = [
        ("whsec_first", [("whsec_first", 200), ("whsec_second", 400)]),
        ("whsec_first,whsec_second", [("whsec_first", 200), ("whsec_second", 200)]),
        ("whsec_second", [("whsec_first", 400), ("whsec_second", 200)]),
    ];
    for (configured, expected) in steps {
        server.set("STRIPE_WEBHOOK_SECRET", configured);
        server = server.crash_and_restart().await;
        for (secret, status) in expected {
            let invoice = server.open_invoice(10_000).await;
            let link = server.invoice_link(&invoice.id).await.unwrap();
            assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
            let is_its = |event: &Value| event["type"] == "checkout.session.completed";
            let body = provider.told().await.into_iter().rfind(is_its).unwrap().to_string();
            let delivered = server.deliver_signed(body.clone(), &sign(&body, secret, 0)).await;
            assert_eq!(delivered, status, "{secret} while {configured} is configured");
            if status == 200 {
                server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
            }
        }
    }
}

async fn what_can_not_be_processed_is_set_aside_and_others_go_on(db: Db) {
    let provider = Provider::start().await;
    let server = provider.server(db).await;
    // The provider refuses to tell of one session: an error that does not pass by itself.
    let ticket = v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        line_items: vec![item("Ticket", 10_000, 1)],
        ..Default::default()
    };
    let ticket = server.links().create_payment_link(ticket).await.unwrap().into_inner().payment_link.unwrap();
    assert_eq!(server.pay(&ticket.url, GOOD_CARD).await, 200);
    let poison = told(&provider, "checkout.session.completed").await;
    let refusal = json!([{"operation": "GET /v1/checkout/sessions/{id}", "kind": "status", "status": 400,
        "should_retry": false, "times": 1_000}]);
    server.control("faults", refusal).await;
    assert_eq!(server.deliver(&poison).await, 200);
    let set_aside = async || {
        server.let_notifications_be_due().await;
        server.texts("SELECT reason FROM notifications WHERE state = 'aside'").await.pop()
    };
    assert!(eventually(set_aside).await.contains("the provider refused it"));
    server.end_faults().await;

    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    for event in provider.told().await {
        assert_eq!(server.deliver(&event).await, 200);
    }
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    // What was set aside stays so until a person has looked at it: it is not tried again because it came once more.
    let left = async || {
        let left = server.texts("SELECT state FROM notifications WHERE state <> 'done'").await;
        (left == ["aside"]).then_some(())
    };
    eventually(left).await;
}

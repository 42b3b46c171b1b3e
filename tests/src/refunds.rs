//! Refunds and disputes: asked for here, made at the provider, failing, at once, and with answers lost.

use api_proto::v1;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::harness::{
    Db, GOOD_CARD, Server, error_parts, eventually, http, minor, on_both_databases, sek_amount, unique,
};

on_both_databases!(
    the_whole_goes_back_once_and_the_invoice_stays_paid,
    parts_go_back_until_all_has,
    more_than_what_is_left_is_refused_and_nothing_is_stored,
    refunds_at_once_never_pass_what_came_in,
    a_refund_that_fails_gives_its_money_back,
    a_dispute_is_recorded_and_what_it_holds_is_not_refunded,
    a_refund_made_at_the_provider_is_recorded,
    a_refund_that_the_provider_refuses_is_kept_as_failed,
    a_lost_answer_ends_with_one_refund,
    notifications_doubled_and_before_the_payment_come_to_the_same,
);

const CREATE: &str = "POST /v1/refunds";
/// Pays, and its refund fails later.
const REFUND_FAILS: &str = "4000000000005126";
/// Pays, and is disputed at once.
pub(crate) const DISPUTED: &str = "4000000000000259";

/// A payment of 125.00 SEK that was paid with a card.
pub(crate) async fn paid(server: &Server, card: &str) -> v1::Payment {
    let payment = asked_for(server).await;
    assert_eq!(server.pay(&payment.url, card).await, 200);
    wait_for(server, &payment.id, |payment| payment.state() == v1::PaymentState::Succeeded).await
}

pub(crate) async fn asked_for(server: &Server) -> v1::Payment {
    let request = v1::CreatePaymentRequest {
        request_id: unique("payment"),
        amount: Some(sek_amount(12_500)),
        description: "Consulting".to_owned(),
        ..v1::CreatePaymentRequest::default()
    };
    server.payments().create_payment(request).await.unwrap().into_inner().payment.unwrap()
}

async fn get(server: &Server, id: &str) -> v1::Payment {
    let request = v1::GetPaymentRequest { id: id.to_owned() };
    server.payments().get_payment(request).await.unwrap().into_inner().payment.unwrap()
}

pub(crate) async fn wait_for(server: &Server, id: &str, is_so: impl Fn(&v1::Payment) -> bool) -> v1::Payment {
    eventually(async || Some(get(server, id).await).filter(|payment| is_so(payment))).await
}

fn request(payment: &v1::Payment, amount: Option<i64>) -> v1::CreateRefundRequest {
    v1::CreateRefundRequest {
        request_id: unique("refund"),
        payment_id: payment.id.clone(),
        amount: amount.map(sek_amount),
        reason: v1::RefundReason::RequestedByCustomer as i32,
        metadata: [("case".to_owned(), "7".to_owned())].into(),
        ..v1::CreateRefundRequest::default()
    }
}

async fn refund(server: &Server, request: v1::CreateRefundRequest) -> Result<v1::Refund, Status> {
    Ok(server.payments().create_refund(request).await?.into_inner().refund.unwrap())
}

async fn refunds(server: &Server, payment: &v1::Payment) -> Vec<v1::Refund> {
    let request = v1::ListRefundsRequest { payment_id: payment.id.clone(), ..Default::default() };
    server.payments().list_refunds(request).await.unwrap().into_inner().refunds
}

/// What the provider has sent back of a payment, by its own ledger: each refund that did not fail.
async fn sent_back(server: &Server, payment: &v1::Payment) -> Vec<i64> {
    let ledger = http().get(format!("{}/_sandbox/ledger", server.sandbox)).send().await.unwrap();
    let ledger: Value = ledger.json().await.unwrap();
    let refunds = ledger["refunds"].as_array().unwrap().iter();
    let own = refunds.filter(|r| r["payment_intent"] == payment.provider_ref.as_str() && r["status"] != "failed");
    own.map(|refund| refund["amount"].as_i64().unwrap()).collect()
}

/// Refunds at the provider itself, as a person does at its dashboard.
async fn refund_at_provider(server: &Server, payment: &v1::Payment, amount: i64) {
    let form = [("payment_intent", payment.provider_ref.clone()), ("amount", amount.to_string())];
    let request = http().post(format!("{}/v1/refunds", server.sandbox)).bearer_auth("sk_test_paylinks_sandbox");
    assert_eq!(request.form(&form).send().await.unwrap().status().as_u16(), 200);
}

/// The types of all events about a thing, in their order.
pub(crate) async fn told_of(server: &Server, id: &str) -> Vec<String> {
    server.events_of(id).await.into_iter().map(|event| event.r#type).collect()
}

async fn the_whole_goes_back_once_and_the_invoice_stays_paid(db: Db) {
    let server = Server::start(db).await;
    let payment = paid(&server, GOOD_CARD).await;
    let asked = request(&payment, None);
    let made = refund(&server, asked.clone()).await.unwrap();
    assert_eq!((made.state(), minor(made.amount.as_ref())), (v1::RefundState::Succeeded, 12_500));
    assert_eq!((made.origin(), made.reason()), (v1::RefundOrigin::Requested, v1::RefundReason::RequestedByCustomer));
    assert_eq!((made.payment_id.as_str(), made.metadata["case"].as_str()), (payment.id.as_str(), "7"));
    assert!(made.id.starts_with("re_") && !made.provider_ref.is_empty());

    // The same request again is the same answer; the id for another one is refused.
    assert_eq!(refund(&server, asked.clone()).await.unwrap(), made);
    let other = v1::CreateRefundRequest { amount: Some(sek_amount(1)), ..asked };
    assert_eq!(error_parts(&refund(&server, other).await.unwrap_err()).1, "REQUEST_ID_REUSED");
    let again = refund(&server, request(&payment, None)).await.unwrap_err();
    assert_eq!((error_parts(&again).0, error_parts(&again).1.as_str()), (Code::FailedPrecondition, "PAYMENT_STATE"));

    let get_it = v1::GetRefundRequest { id: made.id.clone() };
    assert_eq!(server.payments().get_refund(get_it).await.unwrap().into_inner().refund.unwrap().id, made.id);
    let now = get(&server, &payment.id).await;
    assert_eq!((now.state(), minor(now.refunded.as_ref())), (v1::PaymentState::Succeeded, 12_500));
    assert_eq!(server.invoice(&payment.invoice_id).await.state(), v1::InvoiceState::Paid);
    assert_eq!((sent_back(&server, &payment).await, server.executed(CREATE).await), (vec![12_500], 1));
    assert_eq!(told_of(&server, &made.id).await, ["refund.created", "refund.succeeded"]);
    assert_eq!(told_of(&server, &payment.id).await, ["payment.created", "payment.succeeded", "payment.updated"]);
}

async fn parts_go_back_until_all_has(db: Db) {
    let server = Server::start(db).await;
    let payment = paid(&server, GOOD_CARD).await;
    for (part, sum) in [(1, 1), (2_499, 2_500), (5_000, 7_500)] {
        let made = refund(&server, request(&payment, Some(part))).await.unwrap();
        assert_eq!(minor(made.amount.as_ref()), part);
        assert_eq!(minor(get(&server, &payment.id).await.refunded.as_ref()), sum);
    }
    let rest = refund(&server, request(&payment, None)).await.unwrap();
    assert_eq!(minor(rest.amount.as_ref()), 5_000);
    assert_eq!(sent_back(&server, &payment).await.iter().sum::<i64>(), 12_500);
    let all = refunds(&server, &payment).await;
    let amounts: Vec<_> = all.iter().map(|refund| minor(refund.amount.as_ref())).collect();
    assert_eq!(amounts, [5_000, 5_000, 2_499, 1]);
    let mut page = v1::ListRefundsRequest { page_size: 3, ..Default::default() };
    let first = server.payments().list_refunds(page.clone()).await.unwrap().into_inner();
    page.page_token = first.next_page_token;
    let second = server.payments().list_refunds(page).await.unwrap().into_inner();
    assert_eq!((first.refunds.len(), second.refunds.len(), second.next_page_token.as_str()), (3, 1, ""));
    let failed = v1::ListRefundsRequest { state: v1::RefundState::Failed as i32, ..Default::default() };
    assert!(server.payments().list_refunds(failed).await.unwrap().into_inner().refunds.is_empty());
}

async fn more_than_what_is_left_is_refused_and_nothing_is_stored(db: Db) {
    let server = Server::start(db).await;
    let payment = paid(&server, GOOD_CARD).await;
    let euros = v1::Money { minor_units: 1, currency_code: "EUR".to_owned() };
    let cases = [
        (sek_amount(12_501), "amount.minor_units"),
        (sek_amount(0), "amount.minor_units"),
        (sek_amount(-1), "amount.minor_units"),
        (euros, "amount.currency_code"),
    ];
    for (amount, field) in cases {
        let asked = v1::CreateRefundRequest { amount: Some(amount), ..request(&payment, None) };
        let (code, _, fields) = error_parts(&refund(&server, asked).await.unwrap_err());
        assert_eq!((code, fields), (Code::InvalidArgument, vec![field.to_owned()]));
    }
    let pending = asked_for(&server).await;
    let refused = refund(&server, request(&pending, None)).await.unwrap_err();
    assert_eq!(
        (error_parts(&refused).0, error_parts(&refused).1.as_str()),
        (Code::FailedPrecondition, "PAYMENT_STATE")
    );
    let unknown = v1::Payment { id: "pay_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned(), ..Default::default() };
    assert_eq!(refund(&server, request(&unknown, None)).await.unwrap_err().code(), Code::NotFound);
    let asked = v1::CreateRefundRequest { reason: 99, ..Default::default() };
    let (_, _, fields) = error_parts(&refund(&server, asked).await.unwrap_err());
    assert_eq!(fields, ["request_id", "payment_id", "reason"]);
    assert!(refunds(&server, &payment).await.is_empty() && get(&server, &payment.id).await.refunded.is_none());
    assert_eq!(server.executed(CREATE).await, 0);
}

async fn refunds_at_once_never_pass_what_came_in(db: Db) {
    let server = Server::start(db).await;
    let payment = paid(&server, GOOD_CARD).await;
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let (mut payments, request) = (server.payments(), request(&payment, Some(4_000)));
            tokio::spawn(async move { payments.create_refund(request).await })
        })
        .collect();
    let (mut made, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => made += 1,
            Err(status) => {
                assert_eq!(error_parts(&status).2, ["amount.minor_units"], "{status:?}");
                refused += 1;
            }
        }
    }
    assert_eq!((made, refused, server.executed(CREATE).await), (3, 9, 3));
    assert_eq!(sent_back(&server, &payment).await, [4_000, 4_000, 4_000]);
    assert_eq!(minor(get(&server, &payment.id).await.refunded.as_ref()), 12_000);
    assert_eq!(refunds(&server, &payment).await.len(), 3);
}

async fn a_refund_that_fails_gives_its_money_back(db: Db) {
    let server = Server::start(db).await;
    let payment = paid(&server, REFUND_FAILS).await;
    let made = refund(&server, request(&payment, Some(12_500))).await.unwrap();
    // Stripe tells this card's refunds as done, and that they came back when the bank says so.
    assert_eq!(made.state(), v1::RefundState::Succeeded);
    assert_eq!(minor(get(&server, &payment.id).await.refunded.as_ref()), 12_500);
    // The bank says no days later.
    server.control("clock", json!({"advance_seconds": 2 * 24 * 60 * 60})).await;
    let failed = eventually(async || {
        refunds(&server, &payment).await.pop().filter(|refund| refund.state() == v1::RefundState::Failed)
    })
    .await;
    assert_eq!((failed.id.as_str(), failed.failure_code.as_str()), (made.id.as_str(), "expired_or_canceled_card"));
    assert_eq!(minor(get(&server, &payment.id).await.refunded.as_ref()), 0);
    let names = told_of(&server, &made.id).await;
    assert_eq!((names.first().unwrap().as_str(), names.last().unwrap().as_str()), ("refund.created", "refund.failed"));
    // It can be tried again.
    refund(&server, request(&payment, Some(12_500))).await.unwrap();
}

async fn a_dispute_is_recorded_and_what_it_holds_is_not_refunded(db: Db) {
    let server = Server::start(db).await;
    let payment = paid(&server, DISPUTED).await;
    let payment = wait_for(&server, &payment.id, |payment| payment.disputed.is_some()).await;
    assert_eq!((payment.state(), minor(payment.disputed.as_ref())), (v1::PaymentState::Succeeded, 12_500));
    let state = v1::DisputeState::NeedsResponse as i32;
    let request_of = v1::ListDisputesRequest { payment_id: payment.id.clone(), state, ..Default::default() };
    let disputes = server.payments().list_disputes(request_of.clone()).await.unwrap().into_inner().disputes;
    let [dispute] = disputes.as_slice() else { panic!("{disputes:?}") };
    assert_eq!((dispute.reason.as_str(), minor(dispute.amount.as_ref())), ("fraudulent", 12_500));
    assert!(dispute.id.starts_with("dp_") && dispute.evidence_due_time.is_some());
    let get_it = v1::GetDisputeRequest { id: dispute.id.clone() };
    assert_eq!(server.payments().get_dispute(get_it).await.unwrap().into_inner().dispute.as_ref(), Some(dispute));
    let won = v1::ListDisputesRequest { state: v1::DisputeState::Won as i32, ..request_of };
    assert!(server.payments().list_disputes(won.clone()).await.unwrap().into_inner().disputes.is_empty());
    let refused = refund(&server, request(&payment, Some(1))).await.unwrap_err();
    assert_eq!(error_parts(&refused).2, ["amount.minor_units"]);
    assert_eq!((server.executed(CREATE).await, server.executed("GET /v1/disputes/{id}").await > 0), (0, true));
    assert_eq!(told_of(&server, &dispute.id).await, ["dispute.created"]);
    // Once it is won, the money can be given back again.
    let path = format!("disputes/{}", dispute.provider_ref);
    assert_eq!(server.control(&path, json!({"status": "won"})).await.status().as_u16(), 200);
    wait_for(&server, &payment.id, |payment| payment.disputed.as_ref().is_none_or(|held| held.minor_units == 0)).await;
    assert_eq!(server.payments().list_disputes(won).await.unwrap().into_inner().disputes.len(), 1);
    eventually(async || (told_of(&server, &dispute.id).await.last()? == "dispute.closed").then_some(())).await;
    assert_eq!(server.invoice(&payment.invoice_id).await.state(), v1::InvoiceState::Paid);
}

async fn a_refund_made_at_the_provider_is_recorded(db: Db) {
    let server = Server::start(db).await;
    let payment = paid(&server, GOOD_CARD).await;
    refund_at_provider(&server, &payment, 5_000).await;
    let payment = wait_for(&server, &payment.id, |payment| payment.refunded.is_some()).await;
    assert_eq!(minor(payment.refunded.as_ref()), 5_000);
    let found = refunds(&server, &payment).await;
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((found.origin(), found.state()), (v1::RefundOrigin::AtProvider, v1::RefundState::Succeeded));
    // It counts as any other.
    let refused = refund(&server, request(&payment, Some(7_501))).await.unwrap_err();
    assert_eq!(error_parts(&refused).2, ["amount.minor_units"]);
    let rest = refund(&server, request(&payment, None)).await.unwrap();
    assert_eq!(minor(rest.amount.as_ref()), 7_500);
    assert_eq!(sent_back(&server, &payment).await.iter().sum::<i64>(), 12_500);
}

async fn a_refund_that_the_provider_refuses_is_kept_as_failed(db: Db) {
    let server = Server::start(db).await;
    let payment = paid(&server, GOOD_CARD).await;
    // What would have told of a refund there is lost, so that we don't know of it when the next is asked for.
    server.control("webhooks/policy", json!({"lose": true})).await;
    refund_at_provider(&server, &payment, 5_000).await;
    let asked = request(&payment, Some(12_500));
    let refused = refund(&server, asked.clone()).await.unwrap_err();
    let (code, reason, fields) = error_parts(&refused);
    assert_eq!((code, reason.as_str(), fields), (Code::FailedPrecondition, "PROVIDER_REJECTED", vec!["amount".into()]));
    assert_eq!(error_parts(&refund(&server, asked).await.unwrap_err()).1, "PROVIDER_REJECTED");
    let kept = refunds(&server, &payment).await;
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    assert!(kept.state() == v1::RefundState::Failed && !kept.failure_code.is_empty() && kept.provider_ref.is_empty());
    assert_eq!(minor(get(&server, &payment.id).await.refunded.as_ref()), 0);
    // The next notification about the payment's refunds brings both into the books.
    server.control("webhooks/policy", json!({"lose": false})).await;
    refund(&server, request(&payment, Some(1_000))).await.unwrap();
    wait_for(&server, &payment.id, |payment| minor(payment.refunded.as_ref()) == 6_000).await;
    assert_eq!(sent_back(&server, &payment).await.iter().sum::<i64>(), 6_000);
}

async fn a_lost_answer_ends_with_one_refund(db: Db) {
    let server = Server::start(db).await;
    let faults = [
        json!({"kind": "reset_after"}),
        json!({"kind": "truncate"}),
        json!({"kind": "garbage"}),
        // Beyond the patience of one call: the outcome is unknown until it is looked up.
        json!({"kind": "reset_after", "times": 3}),
        json!({"kind": "status", "status": 500, "after_execution": true, "times": 3}),
        json!({"kind": "reset_before", "times": 4}),
    ];
    for mut fault in faults {
        let payment = paid(&server, GOOD_CARD).await;
        fault["operation"] = CREATE.into();
        // Only the look tells then.
        server.control("webhooks/policy", json!({"lose": true})).await;
        server.control("faults", json!([fault])).await;
        let asked = request(&payment, Some(5_000));
        let made = eventually(async || match refund(&server, asked.clone()).await {
            Ok(refund) => Some(refund),
            Err(status) => {
                assert!(matches!(status.code(), Code::Unavailable | Code::Aborted), "{status:?}");
                None
            }
        })
        .await;
        server.control("webhooks/policy", json!({"lose": false})).await;
        assert_eq!((made.state(), minor(made.amount.as_ref())), (v1::RefundState::Succeeded, 5_000), "{fault}");
        assert_eq!(sent_back(&server, &payment).await, [5_000], "{fault}");
        assert_eq!(refunds(&server, &payment).await.len(), 1, "{fault}");
        assert_eq!(minor(get(&server, &payment.id).await.refunded.as_ref()), 5_000, "{fault}");
    }
}

async fn notifications_doubled_and_before_the_payment_come_to_the_same(db: Db) {
    let server = Server::start(db).await;
    server.control("webhooks/policy", json!({"duplicate": 5})).await;
    let asked = asked_for(&server).await;
    // The payment is not known here as long as its checkout can't be read: the refund's notifications wait for it.
    let fault = json!([{"operation": "GET /v1/checkout/sessions/{id}", "kind": "status", "status": 503, "times": 6}]);
    server.control("faults", fault).await;
    assert_eq!(server.pay(&asked.url, GOOD_CARD).await, 200);
    let ledger = http().get(format!("{}/_sandbox/ledger", server.sandbox)).send().await.unwrap();
    let ledger: Value = ledger.json().await.unwrap();
    let provider_ref = ledger["charges"][0]["payment_intent"].as_str().unwrap().to_owned();
    refund_at_provider(&server, &v1::Payment { provider_ref, ..Default::default() }, 5_000).await;
    let payment = wait_for(&server, &asked.id, |payment| payment.refunded.is_some()).await;
    assert_eq!((payment.state(), minor(payment.refunded.as_ref())), (v1::PaymentState::Succeeded, 5_000));
    let made = refund(&server, request(&payment, None)).await.unwrap();
    server.expect_no_notification_stuck().await;
    assert_eq!(minor(get(&server, &payment.id).await.refunded.as_ref()), 12_500);
    assert_eq!(refunds(&server, &payment).await.len(), 2);
    for refund in refunds(&server, &payment).await {
        assert_eq!(
            told_of(&server, &refund.id).await,
            ["refund.created", "refund.succeeded"],
            "{}",
            refund.id == made.id
        );
    }
}

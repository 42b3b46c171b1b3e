//! What operators see: traces from a caller's call to the event that comes of it, and metrics.

mod collector;
mod scrape;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use api_proto::v1;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tokio::net::TcpListener;
use tonic::Request;

pub(crate) use self::collector::Collector;
use self::collector::attribute;
use crate::harness::{Db, PATIENCE, Server, eventually, on_both_databases, unique};

on_both_databases!(one_trace_goes_from_a_call_over_the_provider_and_its_webhook_to_the_event);

/// The span of a caller, as its own tracing names it.
const CALLER: &str = "00f067aa0ba902b7";

fn link_request(invoice_id: &str, trace: Option<&str>) -> Request<v1::CreatePaymentLinkRequest> {
    let mut request = Request::new(v1::CreatePaymentLinkRequest {
        request_id: unique("traced"),
        invoice_id: invoice_id.to_owned(),
        ..v1::CreatePaymentLinkRequest::default()
    });
    if let Some(trace) = trace {
        request.metadata_mut().insert("traceparent", trace.parse().unwrap());
    }
    request
}

/// The span of a name, once it has come in; the first where there are several.
async fn span_of(collector: &Collector, trace: &str, name: &str) -> Span {
    let found = async || collector.trace(trace).into_iter().find(|span| span.name == name);
    tokio::time::timeout(PATIENCE, eventually(found)).await.unwrap_or_else(|_| panic!("no {name}"))
}

async fn one_trace_goes_from_a_call_over_the_provider_and_its_webhook_to_the_event(db: Db) {
    let collector = Collector::start().await;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let [endpoint, delay] = collector.environment();
    let server = Server::start_logged(db, "", &[endpoint, delay, ("PAYLINKS_LOG", "info")], &log).await;

    // What its caller does not record is not recorded here either.
    let unrecorded = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let invoice = server.open_invoice(5_000).await;
    let mut links = server.links();
    links.create_payment_link(link_request(&invoice.id, Some(&format!("00-{unrecorded}-{CALLER}-00")))).await.unwrap();

    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let invoice = server.open_invoice(10_000).await;
    let begun = format!("00-{trace}-{CALLER}-01");
    let link = links.create_payment_link(link_request(&invoice.id, Some(&begun))).await.unwrap().into_inner();
    let link = link.payment_link.unwrap();
    assert_eq!(server.pay(&link.url, "4242424242424242").await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;

    // Whoever follows events is told the trace of the call that began it all.
    let request = v1::StreamEventsRequest {
        after_cursor: "0".to_owned(),
        types: vec!["invoice.paid".to_owned()],
        subject_id: invoice.id.clone(),
        ..v1::StreamEventsRequest::default()
    };
    let mut stream = server.events().stream_events(request).await.unwrap().into_inner();
    let paid = loop {
        let message = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap();
        if let Some(event) = message.unwrap().unwrap().event {
            break event;
        }
    };
    assert_eq!(&paid.traceparent[..36], &format!("00-{trace}-"), "{}", paid.traceparent);

    let call = span_of(&collector, trace, "paylinks.v1.PaymentLinkService/CreatePaymentLink").await;
    assert_eq!((call.kind(), hex::encode(&call.parent_span_id)), (SpanKind::Server, CALLER.to_owned()));
    assert_eq!(attribute(&call, "rpc.method"), "CreatePaymentLink");
    assert_eq!(attribute(&call, "rpc.grpc.status_code"), "0");
    let use_case = span_of(&collector, trace, "CreatePaymentLink").await;
    assert_eq!(use_case.parent_span_id, call.span_id);
    let made = span_of(&collector, trace, "POST /v1/payment_links").await;
    assert_eq!((made.kind(), attribute(&made, "http.response.status_code")), (SpanKind::Client, "200".to_owned()));
    let statement = span_of(&collector, trace, "INSERT").await;
    let system = if db == Db::Postgres { "postgresql" } else { "sqlite" };
    assert_eq!(attribute(&statement, "db.system.name"), system);
    assert!(attribute(&statement, "db.query.text").contains("$1"), "{statement:?}");
    span_of(&collector, trace, "COMMIT").await;
    // What the provider told came in by a trace of its own, which is linked to where it was brought into the books.
    let booked = span_of(&collector, trace, "bring into the books").await;
    let told = hex::encode(&booked.links.first().expect("it is linked to what told it").trace_id);
    assert_ne!(told, trace);
    let delivered = span_of(&collector, &told, "POST /webhooks/{provider}").await;
    let processed = span_of(&collector, &told, "process notification").await;
    assert_eq!(processed.parent_span_id, delivered.span_id);
    let event = span_of(&collector, trace, "deliver event").await;
    assert_eq!(attribute(&event, "paylinks.event.kind"), "invoice.paid");
    assert_eq!(attribute(&event, "messaging.message.id"), paid.id);

    // No span is lost on the way: each hangs below another, up to the caller's.
    drop(stream);
    let connected = async || {
        let spans = collector.trace(trace);
        let ids: BTreeSet<_> = spans.iter().map(|span| hex::encode(&span.span_id)).collect();
        let parents = spans.iter().map(|span| hex::encode(&span.parent_span_id));
        parents.into_iter().all(|parent| parent == CALLER || ids.contains(&parent)).then_some(())
    };
    eventually(connected).await;
    assert_eq!(collector.trace(unrecorded), []);
    // The log tells the trace as well.
    let log = std::fs::read_to_string(&log).unwrap();
    let line = log.lines().find(|line| line.contains("/CreatePaymentLink") && line.contains(trace));
    assert!(line.is_some_and(|line| line.contains("call_id") && line.contains("request_id")), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_not_told_of_traces_and_a_stranger_begins_none_of_others() {
    let collector = Collector::start().await;
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_logged(Db::Sqlite, "", &collector.environment(), &directory.path().join("log")).await;
    let trace = "cccccccccccccccccccccccccccccccc";
    let hook = crate::harness::http().post(format!("{}/webhooks/stripe", server.http));
    let answer = hook.header("traceparent", format!("00-{trace}-{CALLER}-01")).body("{}").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
    let request = async || collector.spans().into_iter().find(|span| span.name == "POST /webhooks/{provider}");
    let request = eventually(request).await;
    assert_ne!(hex::encode(&request.trace_id), trace);
    assert!(request.parent_span_id.is_empty());
}

/// One that takes connections, and never answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_slows_no_call_and_keeps_no_server_from_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_BSP_MAX_QUEUE_SIZE", "16")];
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_logged(Db::Sqlite, "", &environment, &directory.path().join("log")).await;
    let invoice = server.open_invoice(5_000).await;
    let (began, mut slowest) = (Instant::now(), Duration::ZERO);
    // Far more spans than its queue has room for.
    for _ in 0..200 {
        let asked = Instant::now();
        server.invoice(&invoice.id).await;
        slowest = slowest.max(asked.elapsed());
    }
    // An export is given up after five seconds: a call that waited for one would show it.
    assert!(slowest < Duration::from_secs(4), "{slowest:?} of {:?}", began.elapsed());
    assert!(server.terminate().await);
    drop(listener);
}

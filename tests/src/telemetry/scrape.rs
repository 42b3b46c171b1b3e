//! What `/metrics` tells is what the table of metrics describes, no more and no less.

use std::collections::{BTreeMap, BTreeSet};

use api_proto::v1;
use sea_orm::ConnectionTrait;
use serde_json::json;
use telemetry::{Description, Kind, Values, table};

use crate::harness::{Db, Server, eventually, http, on_both_databases};

on_both_databases!(what_is_measured_is_what_is_described, how_long_things_wait_is_told);

/// A line of a scrape.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

async fn scrape(server: &Server) -> (Vec<Sample>, BTreeMap<String, String>) {
    let text = http().get(format!("{}/metrics", server.http)).send().await.unwrap().text().await.unwrap();
    let mut helps = BTreeMap::new();
    let mut samples = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            helps.insert(name.to_owned(), help.to_owned());
        } else if !line.starts_with('#') {
            samples.push(sample(line));
        }
    }
    (samples, helps)
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap();
    // No value of ours has a comma behind a quotation mark.
    let labels = labels.split("\",").filter(|pair| !pair.is_empty()).map(|pair| {
        let (label, value) = pair.split_once("=\"").unwrap();
        (label.to_owned(), value.trim_end_matches('"').to_owned())
    });
    Sample { name: name.to_owned(), labels: labels.collect(), value: value.parse().unwrap() }
}

/// The metric that a series is of.
fn described(sample: &Sample) -> &'static Description {
    let is_of = |metric: &&&Description| match metric.kind {
        Kind::Histogram(_) => {
            ["_bucket", "_sum", "_count"].iter().any(|end| sample.name == format!("{}{end}", metric.name))
        }
        Kind::Counter | Kind::Gauge => sample.name == metric.name,
    };
    table::ALL.iter().find(is_of).unwrap_or_else(|| panic!("{sample:?} is not described"))
}

fn check(sample: &Sample) {
    let metric = described(sample);
    let mut labels: BTreeSet<&str> = metric.labels.iter().map(|(label, _)| *label).collect();
    if sample.name.ends_with("_bucket") {
        labels.insert("le");
    }
    assert_eq!(sample.labels.keys().map(String::as_str).collect::<BTreeSet<_>>(), labels, "{sample:?}");
    for (label, values) in metric.labels {
        let value = sample.labels[*label].as_str();
        let is_known = match values {
            Values::Fixed(all) | Values::Listed(all, _) => all.contains(&value),
            Values::Providers => value == "stripe",
            Values::Methods | Values::UsedMethods => value == "other" || value.starts_with('/'),
            Values::Routes => value == "other" || (value.starts_with('/') && !value.contains("eyJ")),
            Values::Statuses => value.len() == 3 && value.bytes().all(|b| b.is_ascii_digit()),
            Values::Operations => value.split_once(" /").is_some_and(|(_, path)| path.len() < 60),
            Values::Clocks => ["database", "stripe"].contains(&value),
            Values::Version => value == env!("CARGO_PKG_VERSION"),
        };
        assert!(is_known, "{label} of {sample:?}");
    }
}

/// Whether all values of all labels are known when a server starts.
fn is_there_from_the_start(metric: &Description) -> bool {
    metric.labels.iter().all(|(_, values)| match values {
        Values::Fixed(_) | Values::Listed(..) | Values::Providers | Values::Methods | Values::Version => true,
        Values::UsedMethods | Values::Routes | Values::Statuses | Values::Operations | Values::Clocks => false,
    })
}

async fn what_is_measured_is_what_is_described(db: Db) {
    let server = Server::start(db).await;
    let (first, _) = scrape(&server).await;
    first.iter().for_each(check);
    let told: BTreeSet<_> = first.iter().map(|sample| described(sample).name).collect();
    for metric in table::ALL.iter().filter(|metric| is_there_from_the_start(metric)) {
        assert!(told.contains(metric.name), "{} is not there from the start", metric.name);
    }
    // A first failure is growth, and not the beginning of a series.
    let counted = |name: &str| first.iter().filter(|sample| sample.name == name).all(|sample| sample.value == 0.0);
    for name in ["paylinks_notifications_refused_total", "paylinks_worker_defects_total", "paylinks_leases_lost_total"]
    {
        assert!(counted(name), "{name}");
    }
    let calls =
        |code: &str| first.iter().filter(|sample| sample.labels.get("code").is_some_and(|told| told == code)).count();
    assert_eq!((calls("Ok"), calls("Internal"), calls("NotFound")), (calls("Unavailable"), calls("Unknown"), 0));
    assert!(calls("Internal") > 80);

    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, "4242424242424242").await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let payment = json!({"amount": 12_500, "currency": "SEK", "description": "Consulting"});
    let paid = http().post(format!("{}/payments", server.http)).json(&payment).send().await.unwrap();
    assert!(paid.status().is_success(), "{}", paid.status());
    for path in ["/invoices/eyJ.not-a-token", "/nothing/of/ours"] {
        http().get(format!("{}{path}", server.http)).send().await.unwrap();
    }
    let stream = server.events().stream_events(v1::StreamEventsRequest::default()).await.unwrap();
    let all = async || {
        let (samples, helps) = scrape(&server).await;
        let told: BTreeSet<_> = samples.iter().map(|sample| described(sample).name).collect();
        (told.len() == table::ALL.len()).then_some((samples, helps))
    };
    let (samples, helps) = eventually(all).await;
    drop(stream);
    samples.iter().for_each(check);
    for metric in table::ALL {
        assert_eq!(helps.get(metric.name).map(String::as_str), Some(metric.help), "{}", metric.name);
    }
    let value = |name: &str, labels: &[(&str, &str)]| {
        let is_it = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|v| v == value))
        };
        samples.iter().filter(is_it).map(|sample| sample.value).sum::<f64>()
    };
    assert_eq!(value("paylinks_event_streams_open", &[]), 1.0);
    assert_eq!(value("paylinks_mutations_under_way", &[]), 0.0);
    assert_eq!(value("paylinks_mutations_max", &[]), 64.0);
    assert_eq!(value("paylinks_http_calls_total", &[("route", "/payments"), ("status", paid.status().as_str())]), 1.0);
    assert_eq!(value("paylinks_http_calls_total", &[("route", "other"), ("status", "404")]), 1.0);
    let done = [("action", "create_payment_link"), ("outcome", "done")];
    assert_eq!(value("paylinks_provider_actions_total", &done), 2.0);
    let made = [("operation", "POST /v1/payment_links"), ("outcome", "answered")];
    assert_eq!(value("paylinks_provider_calls_total", &made), 2.0);
    assert!(value("paylinks_notifications_processed_total", &[("outcome", "done")]) >= 1.0);
    assert_eq!(value("paylinks_database_connections_max", &[]), 16.0);
    assert!(value("process_resident_memory_bytes", &[]) > 1e6);
}

async fn how_long_things_wait_is_told(db: Db) {
    let server = Server::start(db).await;
    let database = server.database().await;
    // One that came in an hour ago and is not due for long, as if the server that has it hung.
    let hour_ago = "received_at_us - 3600000000";
    server.open_invoice(10_000).await;
    let sql = format!(
        "INSERT INTO notifications (id, provider, provider_event_id, state, due_at_us, attempts, received_at_us, document) \
         SELECT 'ntf_old', 'stripe', 'evt_old', 'new', 9000000000000000, 1, {}, document FROM events LIMIT 1",
        hour_ago.replace("received_at_us", "occurred_at_us")
    );
    database.execute_unprepared(&sql).await.unwrap();
    let age = async || {
        let (samples, _) = scrape(&server).await;
        let age = samples.into_iter().find(|sample| sample.name == "paylinks_oldest_unprocessed_notification_seconds");
        age.map(|sample| sample.value).filter(|age| *age > 0.0)
    };
    let age = eventually(age).await;
    assert!((3_600.0..3_700.0).contains(&age), "{age}");
}

//! The alerts and the dashboard ask for nothing that the server does not measure, and the README explains each alert.

#![cfg(test)]

use std::collections::BTreeSet;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, Expr, VectorSelector};
use serde::Deserialize;
use serde_json::Value;
use telemetry::{Description, Kind, Values, table};

const ALERTS: &str = include_str!("../ops/alerts.yaml");
const DASHBOARD: &str = include_str!("../ops/dashboard.json");
const README: &str = include_str!("../../../README.md");

/// What Prometheus adds to every series.
const ADDED: [&str; 2] = ["instance", "job"];
/// What Prometheus measures itself.
const PROMETHEUS_OWN: &str = "up";

#[derive(Deserialize)]
struct Alerts {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(rename = "for", default)]
    _pending: String,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    severity: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Annotations {
    summary: String,
    description: String,
    action: String,
}

fn alerts() -> Vec<Rule> {
    let alerts: Alerts = serde_yaml_ng::from_str(ALERTS).unwrap();
    alerts.groups.into_iter().flat_map(|group| group.rules).collect()
}

/// All that the dashboard asks, as Grafana asks it.
fn asked(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if name == "expr" => vec![text.replace("$__rate_interval", "1m")],
                other => asked(other),
            })
            .collect(),
        Value::Array(all) => all.iter().flat_map(asked).collect(),
        _ => Vec::new(),
    }
}

/// The metric that a series is of.
fn described(series: &str) -> Option<&'static Description> {
    let is_of = |metric: &&&Description| match metric.kind {
        Kind::Histogram(_) => ["_bucket", "_sum", "_count"].iter().any(|end| series == format!("{}{end}", metric.name)),
        Kind::Counter | Kind::Gauge => series == metric.name,
    };
    table::ALL.iter().find(is_of).copied()
}

/// What is wrong with a query, and the names of the metrics that it asks for.
#[derive(Default)]
struct Findings {
    wrong: Vec<String>,
    metrics: BTreeSet<&'static str>,
    /// Series of counters that are not there from the start.
    late: Vec<String>,
}

impl Findings {
    fn of(query: &str) -> Self {
        let mut findings = Self::default();
        match parser::parse(query) {
            Ok(expr) => drop(findings.visit(&expr)),
            Err(error) => findings.wrong.push(error),
        }
        findings
    }

    /// Looks at a part of a query; answers the labels that its series have.
    fn visit(&mut self, expr: &Expr) -> BTreeSet<String> {
        match expr {
            Expr::VectorSelector(selector) => self.select(selector),
            Expr::MatrixSelector(matrix) => self.select(&matrix.vs),
            Expr::Aggregate(aggregate) => {
                let labels = self.visit(&aggregate.expr);
                let Some(modifier) = &aggregate.modifier else { return BTreeSet::new() };
                let by: BTreeSet<String> = modifier.labels().labels.iter().cloned().collect();
                self.wrong.extend(by.difference(&labels).map(|label| format!("{expr} has no label {label}")));
                assert!(modifier.is_include(), "only `by` is read here");
                by
            }
            Expr::Binary(binary) => {
                let (left, right) = (self.visit(&binary.lhs), self.visit(&binary.rhs));
                let is_scalar = |side: &Expr| matches!(side, Expr::NumberLiteral(_));
                // `on (…)`: the labels that both sides are matched by.
                let on = binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref());
                let is_matched = match on {
                    None => left == right,
                    Some(on) => {
                        assert!(on.is_include(), "only `on` is read here");
                        on.labels().labels.iter().all(|label| left.contains(label) && right.contains(label))
                    }
                };
                if !is_matched && !is_scalar(&binary.lhs) && !is_scalar(&binary.rhs) {
                    self.wrong.push(format!("the sides of {expr} have different labels"));
                }
                if is_scalar(&binary.lhs) { right } else { left }
            }
            Expr::Call(call) => call.args.args.iter().map(|argument| self.visit(argument)).last().unwrap_or_default(),
            Expr::Paren(inside) => self.visit(&inside.expr),
            Expr::Unary(inside) => self.visit(&inside.expr),
            Expr::Subquery(inside) => self.visit(&inside.expr),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => BTreeSet::new(),
        }
    }

    fn select(&mut self, selector: &VectorSelector) -> BTreeSet<String> {
        let name = selector.name.as_deref().unwrap_or_default();
        let mut labels: BTreeSet<String> = ADDED.into_iter().map(str::to_owned).collect();
        let known = if name == PROMETHEUS_OWN { None } else { described(name) };
        match known {
            Some(metric) => {
                self.metrics.insert(metric.name);
                labels.extend(metric.labels.iter().map(|(label, _)| (*label).to_owned()));
            }
            None if name == PROMETHEUS_OWN => {}
            None => self.wrong.push(format!("nothing measures {name}")),
        }
        if name.ends_with("_bucket") {
            labels.insert("le".to_owned());
        }
        for matcher in &selector.matchers.matchers {
            if !labels.contains(&matcher.name) {
                self.wrong.push(format!("{name} has no label {}", matcher.name));
            }
            if let Some((_, Values::Listed(_, start))) =
                known.filter(|metric| metric.kind == Kind::Counter).and_then(|metric| label_of(metric, &matcher.name))
            {
                self.late.extend(unknown_values(matcher, start).map(|value| format!("{name} {value}")));
            }
            let values = known.and_then(|metric| label_of(metric, &matcher.name));
            if let Some((_, Values::Fixed(all) | Values::Listed(all, _))) = values {
                self.wrong
                    .extend(unknown_values(matcher, all).map(|value| format!("{name} has no {matcher}: {value}")));
            }
        }
        labels
    }
}

fn label_of(metric: &'static Description, name: &str) -> Option<&'static (&'static str, Values)> {
    metric.labels.iter().find(|(label, _)| *label == name)
}

/// The values that a matcher names and that there are none of.
fn unknown_values<'a>(matcher: &'a Matcher, all: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let several = matches!(matcher.op, MatchOp::Re(_) | MatchOp::NotRe(_));
    let values = if several { matcher.value.split('|').collect() } else { vec![matcher.value.as_str()] };
    values.into_iter().filter(|value| !all.contains(value))
}

#[test]
fn each_alert_asks_for_what_is_measured_and_says_what_to_do() {
    let mut names = BTreeSet::new();
    for Rule { alert, expr, labels, annotations, .. } in alerts() {
        let found = Findings::of(&expr);
        assert_eq!(found.wrong, Vec::<String>::new(), "{alert}: {expr}");
        assert!(["critical", "warning", "info"].contains(&labels.severity.as_str()), "{alert}");
        let Annotations { summary, description, action } = annotations;
        assert!(summary.ends_with('.'), "{alert}");
        let row = format!("| `{alert}` | {summary} {description} | {action} |\n");
        assert!(README.contains(&row), "the README explains {alert} otherwise, or not at all: {row}");
        assert!(names.insert(alert), "an alert is there twice");
    }
    let explained = README.lines().filter(|line| line.starts_with("| `Paylinks")).count();
    assert_eq!(explained, names.len(), "the README explains an alert that is none");
}

#[test]
fn a_counter_that_an_alert_is_about_is_there_before_its_first_growth() {
    for Rule { alert, expr, .. } in alerts() {
        let found = Findings::of(&expr);
        assert_eq!(found.late, Vec::<String>::new(), "{alert}: its first growth would be missed");
    }
}

#[test]
fn the_dashboard_asks_for_what_is_measured_and_shows_all_of_our_own() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut shown = BTreeSet::new();
    for query in asked(&dashboard) {
        let found = Findings::of(&query);
        assert_eq!(found.wrong, Vec::<String>::new(), "{query}");
        shown.extend(found.metrics);
    }
    // What is counted when room is made for others says nothing that connections do not.
    let rare =
        ["paylinks_http_connections_cut_total", "paylinks_reconciliations_total", "paylinks_worker_defects_total"];
    let ours = table::ALL.iter().map(|metric| metric.name).filter(|name| name.starts_with("paylinks_"));
    let unseen: Vec<_> = ours.filter(|name| !shown.contains(name) && !rare.contains(name)).collect();
    assert_eq!(unseen, Vec::<&str>::new());
}

#[test]
fn what_is_not_measured_is_found() {
    for query in [
        "paylinks_nothing_total",
        "sum by (nothing) (paylinks_grpc_calls_total)",
        "paylinks_grpc_calls_total{code=\"Fine\"}",
        "paylinks_grpc_calls_total{code=~\"Ok|Fine\"}",
        "paylinks_grpc_calls_total{colour=\"red\"}",
        "paylinks_grpc_call_seconds",
        "sum by (le) (paylinks_grpc_calls_total)",
        "sum(paylinks_grpc_calls_total) / sum by (code) (paylinks_grpc_calls_total)",
        "sum(",
    ] {
        assert!(!Findings::of(query).wrong.is_empty(), "{query}");
    }
}

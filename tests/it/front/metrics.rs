//! The exposition, line by line, and the promises about it: names, labels, help, no doubles.
//!
//! Owns the reader of the text format that the other modules use.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output, with};
use andon::catalogue::{CATALOGUE, Kind, Spec};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The series of a scrape: name with labels in order of their names → value.
pub(crate) struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    /// Reads the text format; every rule that is broken is a failure.
    pub(crate) fn of(app: &TestApp) -> Self {
        let answer = app.get("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
        Self::read(&answer.text())
    }

    /// The same of a text that was scraped otherwise.
    pub(crate) fn read(text: &str) -> Self {
        let mut series = BTreeMap::new();
        let mut helped = BTreeSet::new();
        let mut typed: BTreeMap<&str, &str> = BTreeMap::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("a help has a text");
                assert!(!help.is_empty() && help.trim() == help && helped.insert(name), "{line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a type has a word");
                assert!(helped.contains(name) && typed.insert(name, kind).is_none(), "{line}");
            } else {
                let (key, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value in {line:?}"));
                let (name, labels) = labels(key);
                // Those of the process are the library's.
                if !name.starts_with("process_") {
                    check(&name, &labels, &typed, line);
                }
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(value.is_finite(), "no data must be absent, not {line}");
                let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let key = format!("{name}{{{}}}", labels.join(","));
                assert!(series.insert(key, value).is_none(), "twice: {line}");
            }
        }
        Self(series)
    }

    /// The value of a series such as `andon_mode_level{workflow=drafts}`.
    #[track_caller]
    pub(crate) fn value(&self, key: &str) -> f64 {
        *self.0.get(key).unwrap_or_else(|| panic!("no {key} in {:#?}", self.0))
    }

    /// Whether a series has a value, to within a millionth.
    #[track_caller]
    pub(crate) fn is(&self, key: &str, expected: f64) -> bool {
        (self.value(key) - expected).abs() <= expected.abs() * 1e-6
    }

    pub(crate) fn keys(&self, part: &str) -> Vec<&str> {
        self.0.keys().map(String::as_str).filter(|key| key.contains(part)).collect()
    }
}

/// Name and labels of a series, in order of the labels' names.
fn labels(key: &str) -> (String, BTreeMap<String, String>) {
    let Some((name, rest)) = key.split_once('{') else { return (key.to_owned(), BTreeMap::new()) };
    let rest = rest.strip_suffix('}').unwrap_or_else(|| panic!("no end of the labels in {key:?}"));
    let mut found = BTreeMap::new();
    for pair in rest.split("\",").filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.trim_end_matches('"').split_once("=\"").unwrap_or_else(|| panic!("{pair:?}"));
        assert!(found.insert(name.to_owned(), value.to_owned()).is_none(), "label {name} twice in {key:?}");
    }
    (name.to_owned(), found)
}

fn spec(name: &str) -> Option<&'static Spec> {
    let exact = CATALOGUE.iter().find(|spec| spec.name == name);
    exact.or_else(|| {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix))?;
        CATALOGUE.iter().find(|spec| spec.name == family && spec.kind == Kind::Histogram)
    })
}

fn check(name: &str, labels: &BTreeMap<String, String>, typed: &BTreeMap<&str, &str>, line: &str) {
    let spec = spec(name).unwrap_or_else(|| panic!("not in the catalogue: {line}"));
    let kind = match spec.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    assert_eq!(typed.get(spec.name), Some(&kind), "{line}");
    assert_eq!(spec.kind == Kind::Counter, spec.name.ends_with("_total"), "{line}");
    let mut wanted: BTreeSet<&str> = spec.labels.iter().copied().collect();
    if name.ends_with("_bucket") {
        wanted.insert("le");
    }
    let found = labels.keys().map(String::as_str).collect::<BTreeSet<_>>();
    // What has no value is left out, which means the same.
    let may_lack = |label: &&str| ["workflow", "guard", "of", "owner", "runbook", "policy"].contains(label);
    assert!(found.is_subset(&wanted) && wanted.difference(&found).all(may_lack), "{line}");
    assert!(labels.values().all(|value| !value.is_empty()), "{line}");
}

fn everything() -> String {
    format!(
        "{DRAFTS}  [[workflow.guard]]\n  signal = \"latency\"\n  limit_ms = 3000\n  bound = 0.05\n\
         \n  [[workflow.guard]]\n  signal = \"limit\"\n  spend = {{ amount = 200, per = \"24h\" }}\n\
         [[workflow]]\nid = \"idle\"\n  [[workflow.guard]]\n  signal = \"exception_rate\"\n  bound = 0.03\n\
         [[workflow]]\nid = \"tone\"\ntrack = \"lab\"\n  [[workflow.hypothesis]]\n  id = \"h-1\"\n  question = \"q\"\n\
         \x20 owner = \"ann\"\n  goals = [\"g\"]\n  exit = [\"e\"]\n"
    )
}

/// Absent where there is nothing to say yet: no change of a mode, no access token, no target is one of them.
const LATER: &[&str] = &[
    "andon_mode_changes_total",
    "andon_drift_distance",
    "andon_baseline_outputs",
    "andon_baseline_version",
    "andon_tokens",
    "andon_slo_objective_ratio",
    "andon_slo_events_total",
    "andon_slo_bad_events_total",
    "andon_slo_error_budget_remaining_ratio",
    "andon_slo_burn_rate",
    "andon_disparity_ratio",
    "andon_guard_last_breach_timestamp_seconds",
    "andon_mode_capped",
    "andon_notification_recipients_refused_total",
    "andon_cooldown_until_timestamp_seconds",
    "andon_probation_outputs_left",
    "andon_report_last_week_timestamp_seconds",
    "andon_requests_pending",
    "andon_request_oldest_timestamp_seconds",
    "andon_incident_oldest_timestamp_seconds",
    "andon_drill_interval_seconds",
    "andon_scrape_duration_seconds",
    "andon_reviewer_agreement",
    "andon_rejection_ratio",
    "andon_cost_to_serve_per_unit",
    "andon_snapshot_last_success_timestamp_seconds",
    "andon_base_audit_due_timestamp_seconds",
    "andon_base_regressed",
    "andon_token_next_expiry_timestamp_seconds",
    "andon_notifications_total",
    "andon_notifications_pending",
    "andon_notifications_dead",
    "andon_notification_oldest_pending_timestamp_seconds",
];

#[test]
fn every_series_stands_in_the_catalogue_with_its_labels() {
    let app = House::folder().start(&everything());
    let empty = Scrape::of(&app);
    assert!(empty.is("andon_events_rejected_total{reason=too_old}", 0.0), "counters exist at 0");
    assert!(empty.is("andon_outputs_total{outcome=exception,workflow=idle}", 0.0));
    assert_eq!(empty.keys("andon_exception_ratio"), Vec::<&str>::new(), "no data is absent");
    assert_eq!(empty.keys("andon_snapshot_last"), Vec::<&str>::new(), "there is no snapshot yet");
    app.take(&[
        with(
            output(1),
            &json!({"latency_ms": 120, "cost": "0.1", "value": 5, "retries": 2, "fallback": true,
            "escalated": true, "sla_met": false, "cycle_ms": 900, "mode": "automate"}),
        ),
        failure(2),
    ]);
    app.post(
        "/v1/reviews",
        &json!({"id": "r", "workflow": "drafts", "output_id": "2", "verdict": "edited", "reviewer": "ada"}),
    )
    .ok();
    app.post("/v1/events", &json!({"id": "x"})).ok();
    assert!(empty.is("andon_lab_hypotheses{status=planned,workflow=tone}", 1.0));
    assert!(empty.is("andon_lab_findings_total{kind=risk,workflow=tone}", 0.0));
    assert_eq!(empty.keys("andon_lab_time_to_learning_seconds"), Vec::<&str>::new(), "nothing was learned yet");
    app.post("/v1/hypotheses/h-1/start", &json!({})).ok();
    app.advance(90_000);
    app.post("/v1/hypotheses/h-1/findings", &json!({"kind": "risk", "text": "names"})).ok();
    app.mode("drafts");
    app.passes();
    let full = Scrape::of(&app);
    for name in CATALOGUE.iter().map(|spec| spec.name) {
        assert!(LATER.contains(&name) || !full.keys(name).is_empty(), "{name} is in the catalogue but not in a scrape");
    }
    assert!(full.is("andon_outputs_total{outcome=exception,workflow=drafts}", 1.0));
    assert!(full.is("andon_cost_total{currency=USD,workflow=drafts}", 0.1));
    assert!(full.is("andon_output_latency_seconds_count{workflow=drafts}", 1.0), "the failure reported no latency");
    assert!(full.is("andon_output_latency_seconds_sum{workflow=drafts}", 0.12));
    assert!(full.is("andon_reviews_total{verdict=edited,workflow=drafts}", 1.0));
    assert!(full.is("andon_events_rejected_total{reason=missing_field}", 1.0));
    for (name, value) in [
        ("andon_lab_hypotheses{status=active,workflow=tone}", 1.0),
        ("andon_lab_findings_total{kind=risk,workflow=tone}", 1.0),
        ("andon_lab_risks_open{workflow=tone}", 1.0),
        ("andon_lab_time_to_learning_seconds{workflow=tone}", 90.0),
    ] {
        assert!(full.is(name, value), "{name}");
    }
    let of_lab = full.keys("andon_lab_risks_open").concat();
    assert!(!of_lab.contains("drafts"), "it never was in the lab: {of_lab}");
}

#[test]
fn counters_never_go_down() {
    let app = House::folder().start(&everything());
    let mut before = Scrape::of(&app);
    for round in 0..6 {
        app.take(&[output(format!("a{round}")), failure(format!("b{round}"))]);
        app.post("/v1/events", &json!([output(format!("a{round}")), {"id": 3}])).ok();
        app.advance(40 * 60_000);
        let after = Scrape::of(&app);
        for (key, value) in &before.0 {
            if key.split('{').next().is_some_and(|name| spec(name).is_some_and(|spec| spec.kind != Kind::Gauge)) {
                assert!(after.value(key) >= *value, "{key} went from {value} to {}", after.value(key));
            }
        }
        before = after;
    }
    let app = app.stop().start(&everything());
    let after = Scrape::of(&app);
    for key in before.keys("{").into_iter().filter(|key| key.contains("workflow=") && key.contains("_total{")) {
        assert!(after.value(key) >= before.value(key), "{key} must go on over restarts");
    }
}

#[test]
fn a_kind_of_exception_that_is_called_other_is_no_second_series() {
    let app = House::folder().start(DRAFTS);
    let kind = |n: usize, kind: String| with(failure(n), &json!({"exception": kind}));
    app.take(&[kind(0, "other".into())]);
    app.take(&(1..60).map(|n| kind(n, format!("kind-{n}"))).collect::<Vec<_>>());
    let scrape = Scrape::of(&app);
    let kinds = scrape.keys("andon_exceptions_total");
    assert!(kinds.len() <= 51, "{kinds:?}");
    let sum: f64 = kinds.iter().map(|key| scrape.value(key)).sum();
    assert!((sum - 60.0).abs() < 1e-9, "{sum}");
}

//! Service level objectives, from the configuration to metrics and JSON; exemplars in OpenMetrics.

#![cfg(test)]

use super::harness::{House, TestApp, failure, output, with};
use super::metrics::Scrape;
use serde_json::{Value, json};

const PROMISED: &str = r#"
[[workflow]]
id = "drafts"
owner = "marketing"
start_mode = "delegate"
evidence_valid = "2d"
  [workflow.slo]
  good = 0.9
  latency = { limit_ms = 1000, objective = 0.5 }
  sla = 0.8
  uptime = 0.75
  [[workflow.guard]]
  signal = "exception_rate"
  bound = 0.5
  [[workflow.guard]]
  signal = "limit"
  name = "spend"
  spend = { amount = 10, per = "1h" }
  to = "assist"
[[workflow]]
id = "plain"
"#;

fn slo(app: &TestApp, name: &str) -> Value {
    let slos = app.workflow("drafts")["slos"].clone();
    slos.as_array().unwrap().iter().find(|slo| slo["slo"] == name).unwrap_or_else(|| panic!("{slos}")).clone()
}

fn near(value: &Value, wanted: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - wanted).abs() < 1e-9)
}

#[test]
fn an_objective_is_counted_and_says_what_is_left() {
    let app = House::folder().start(PROMISED);
    let empty = Scrape::of(&app);
    assert!(empty.is("andon_slo_objective_ratio{slo=good,workflow=drafts}", 0.9));
    assert!(empty.is("andon_slo_bad_events_total{slo=latency,workflow=drafts}", 0.0), "counters exist at 0");
    assert_eq!(empty.keys("andon_slo_burn_rate"), Vec::<&str>::new(), "no data is no rate");
    assert_eq!(empty.keys("andon_slo_error_budget_remaining_ratio"), Vec::<&str>::new());
    assert_eq!(slo(&app, "good")["error_budget_remaining"], Value::Null);
    // 20 outputs, one a minute: 1 exception, 4 slow, 1 that missed its service level.
    for n in 0..20 {
        let event = if n == 7 { failure(n) } else { output(n) };
        let latency = if n % 5 == 0 { 1_500 } else { 1_000 };
        app.take(&[with(event, &json!({"latency_ms": latency, "sla_met": n != 3}))]);
        app.advance(60_000);
    }
    let full = Scrape::of(&app);
    for (name, events, bad, left) in
        [("good", 20.0, 1.0, 0.5), ("latency", 20.0, 4.0, 0.6), ("sla", 20.0, 1.0, 0.75), ("uptime", 19.0, 1.0, 0.8)]
    {
        let of = |metric: &str| full.value(&format!("andon_slo_{metric}{{slo={name},workflow=drafts}}"));
        assert_eq!((of("events_total"), of("bad_events_total")), (events, bad), "{name}");
        assert!((of("error_budget_remaining_ratio") - left).abs() < 1e-9, "{name}");
        let view = slo(&app, name);
        assert!(near(&view["error_budget_remaining"], left), "{view}");
        assert!(near(&view["bad"], bad), "{view}");
    }
    assert!(full.is("andon_slo_burn_rate{slo=good,window=30d,workflow=drafts}", 0.5));
    assert!(full.is("andon_slo_burn_rate{slo=latency,window=30d,workflow=drafts}", 0.4));
    assert_eq!(full.keys("andon_slo_burn_rate").iter().filter(|key| key.contains("plain")).count(), 0);
    assert_eq!(app.workflow("plain")["slos"], json!([]));
    // A limit that changes counts for what comes then; what was counted stays.
    let app = app.stop().start(&PROMISED.replace("limit_ms = 1000", "limit_ms = 10"));
    app.take(&[with(output("x"), &json!({"latency_ms": 500}))]);
    let later = Scrape::of(&app);
    assert!(later.is("andon_slo_events_total{slo=latency,workflow=drafts}", 21.0));
    assert!(later.is("andon_slo_bad_events_total{slo=latency,workflow=drafts}", 5.0));
}

#[test]
fn where_a_workflow_stands_is_told() {
    let app = House::folder().start(PROMISED);
    app.take(&[with(output(1), &json!({"cost": "4"}))]);
    let scrape = Scrape::of(&app);
    let info =
        "andon_workflow_info{currency=USD,max_mode=automate,owner=marketing,track=factory,unit=output,workflow=drafts}";
    assert!(scrape.is(info, 1.0));
    assert!(scrape.is("andon_guard_info{guard=spend,of=spend,signal=limit,workflow=drafts}", 1.0));
    assert!(scrape.is("andon_guard_used_ratio{guard=spend,workflow=drafts}", 0.4));
    assert!(scrape.is("andon_granted_level{workflow=drafts}", 2.0));
    let at = scrape.value("andon_mode_since_timestamp_seconds{cause=adoption,mode=delegate,workflow=drafts}");
    assert!(scrape.is("andon_evidence_valid_until_timestamp_seconds{workflow=drafts}", at + 2.0 * 86_400.0));
    assert_eq!(scrape.keys("andon_evidence_valid_until_timestamp_seconds{workflow=plain}"), Vec::<&str>::new());
    assert!(scrape.is("andon_demotions_total{guard=spend,workflow=drafts}", 0.0), "it exists at 0");
    assert!(scrape.value("andon_store_free_bytes{}") > 0.0 && scrape.is("andon_ready{}", 1.0));
    // Over the limit: down, and the series say who, when and why.
    app.advance(1_000);
    app.take(&[with(output(2), &json!({"cost": "7"}))]);
    let scrape = Scrape::of(&app);
    assert!(scrape.is("andon_demotions_total{guard=spend,workflow=drafts}", 1.0));
    assert!(scrape.is("andon_guard_used_ratio{guard=spend,workflow=drafts}", 1.1));
    let since = scrape.keys("andon_mode_since_timestamp_seconds");
    let wanted = "andon_mode_since_timestamp_seconds{cause=breach,guard=spend,mode=assist,workflow=drafts}";
    assert!(since.contains(&wanted) && since.len() == 2, "one series a workflow: {since:?}");
    assert!(scrape.is(wanted, at + 1.0));
    assert!(scrape.is("andon_incidents_unacknowledged{workflow=drafts}", 1.0));
    assert!(scrape.is("andon_incident_oldest_timestamp_seconds{workflow=drafts}", at + 1.0));
    assert!(scrape.value("andon_cooldown_until_timestamp_seconds{workflow=drafts}") > at);
    // Money that was spent more than an hour ago is spent no longer, also when nothing comes.
    app.advance(2 * 3_600_000);
    assert!(Scrape::of(&app).is("andon_guard_used_ratio{guard=spend,workflow=drafts}", 0.0));
    // A removed workflow's series go.
    let app = app.stop().start("[[workflow]]\nid = \"plain\"\n");
    assert_eq!(Scrape::of(&app).keys("drafts"), Vec::<&str>::new());
}

#[test]
fn openmetrics_has_exemplars_and_the_same_series() {
    let app = House::folder().start(PROMISED);
    let traced = |id: &str, trace: &str| json!({"latency_ms": 120, "trace_id": trace, "id": id});
    app.take(&[with(output(1), &traced("1", "4bf92f3577b34da6"))]);
    app.take(&[with(failure(2), &traced("2", "a3ce929d0e0e4736"))]);
    let answer = app.send("GET", "/metrics", &[("accept", "application/openmetrics-text; version=1.0.0")], b"");
    assert_eq!(answer.header("content-type").unwrap(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let open = answer.text();
    assert!(open.ends_with("\n# EOF\n"));
    let line =
        |start: &str| open.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}\n{open}"));
    let bucket = line("andon_output_latency_seconds_bucket{workflow=\"drafts\",le=\"0.25\"}");
    assert!(bucket.contains("} 2 # {trace_id=\"4bf92f3577b34da6\"} 0.12 "), "the first of this second: {bucket}");
    let kind = line("andon_exceptions_total{workflow=\"drafts\",kind=");
    assert!(kind.contains("# {trace_id=\"a3ce929d0e0e4736\"} 1 "), "{kind}");
    line("# TYPE andon_exceptions counter");
    // Without the exemplars and the names of counters both formats say the same.
    let bare: Vec<&str> =
        open.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(" # ").next().unwrap()).collect();
    let text = app.get("/metrics").text();
    let plain: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let of_workflows = |line: &&&str| line.contains("workflow=");
    assert!(plain.iter().filter(of_workflows).count() > 100);
    assert_eq!(
        bare.iter().filter(of_workflows).collect::<Vec<_>>(),
        plain.iter().filter(of_workflows).collect::<Vec<_>>()
    );
    // Exemplars are in the snapshot, too.
    let app = app.stop().start(PROMISED);
    let again = app.send("GET", "/metrics", &[("accept", "application/openmetrics-text")], b"").text();
    assert!(again.contains("trace_id=\"4bf92f3577b34da6\""));
}

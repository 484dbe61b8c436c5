//! Alertmanager's webhook, with bodies that a real Alertmanager 0.25 sent (tests/fixtures/alertmanager).
//!
//! A failure here is: a repeat that does something, one alert that costs the others of its group, a 4xx for
//! what Alertmanager should not give up, a value of the sender in an answer, another workflow's alert taken.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, output};
use super::keys::{As, Keys};
use super::metrics::Scrape;
use andon::clock::ManualClock;
use andon::domain::Scope;
use andon::http::alertmanager::ALERTS_MAX;
use andon::store::memory::{Fault, Op};
use serde_json::{Value, json};
use std::sync::Arc;

const FIRING: &str = include_str!("../../fixtures/alertmanager/firing.json");
const REPEAT: &str = include_str!("../../fixtures/alertmanager/repeat.json");
/// The first of the two is over, the second still fires.
const RESOLVED: &str = include_str!("../../fixtures/alertmanager/resolved.json");
const PATH: &str = "/v1/alertmanager";

/// `drafts` with an external guard, and another workflow without one.
fn guarded() -> String {
    let guard = "  [[workflow.guard]]\n  signal = \"external\"\n  name = \"outside\"\n";
    format!("{DRAFTS}{guard}[[workflow]]\nid = \"other\"\nstart_mode = \"automate\"\n")
}

/// When the bodies were recorded.
fn at_that_time(house: House) -> House {
    House { clock: Arc::new(ManualClock::new("2026-11-22T12:22:00Z".parse().unwrap())), ..house }
}

fn raw(app: &TestApp, body: &str) -> Value {
    app.send("POST", PATH, &[("content-type", "application/json")], body.as_bytes()).ok()
}

/// The results of an answer, in its order.
#[track_caller]
fn results(answer: &Value) -> Vec<&str> {
    let alerts = answer["alerts"].as_array().unwrap();
    assert!(alerts.iter().enumerate().all(|(index, alert)| alert["index"] == index), "{answer}");
    alerts.iter().map(|alert| alert["result"].as_str().unwrap()).collect()
}

fn group(alerts: &[Value]) -> Value {
    json!({"version": "4", "status": "firing", "receiver": "andon", "alerts": alerts})
}

fn alert(workflow: &str, status: &str) -> Value {
    json!({"status": status, "labels": {"alertname": "A", "andon_workflow": workflow}, "annotations": {},
        "startsAt": "2026-11-22T12:00:00.123456789+01:00", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "f00d"})
}

fn guard_view(app: &TestApp, guard: usize) -> Value {
    app.workflow("drafts")["guards"][guard].clone()
}

#[test]
fn what_a_real_alertmanager_sends_lowers_the_mode_once() {
    let house = at_that_time(House::folder());
    let app = house.start(&guarded());
    let answer = raw(&app, FIRING);
    assert_eq!(results(&answer), ["breach", "breach"]);
    assert_eq!((&answer["alerts"][1]["workflow"], &answer["left_out"]), (&json!("drafts"), &json!(0)));
    assert_eq!(app.mode("drafts")["mode"], "assist");
    let why = app.get("/v1/workflows/drafts/why").ok();
    assert_eq!(why["because"], "outside: the alert CrmErrorsHigh (page), firing since 2026-11-22T12:21:44.377Z");
    let (ledger, incidents) = (app.ledger(), app.get("/v1/incidents").ok());
    let heard: Vec<&Value> = ledger.iter().filter(|entry| entry["kind"] == "alert").collect();
    assert_eq!((heard.len(), &heard[0]["by"], &heard[0]["guards"]), (2, &json!("local"), &json!(["outside"])));
    let kept = json!({"name": "CrmErrorsHigh", "fingerprint": "4603277885e7b81a", "status": "firing",
        "starts_at": "2026-11-22T12:21:44.377Z", "severity": "page"});
    assert_eq!(heard[0]["alert"], kept, "no more of it than this");
    assert!(!ledger.iter().any(|entry| entry.to_string().contains("refuses 8 %")), "annotations are not kept");
    assert_eq!(results(&raw(&app, REPEAT)), ["repeat", "repeat"]);
    assert_eq!((app.ledger(), app.get("/v1/incidents").ok()), (ledger.clone(), incidents));
    assert_eq!(results(&raw(&app, RESOLVED)), ["resolved", "repeat"]);
    assert_eq!((app.ledger().len(), app.mode("drafts")["mode"].as_str()), (ledger.len() + 1, Some("assist")));
    assert_eq!(guard_view(&app, 1)["state"], "breached");
    let gate = |app: &TestApp| app.get("/v1/workflows/drafts/gate").ok()["requirements"].to_string();
    assert!(gate(&app).contains("the alert CrmErrorsHigh is firing"));
    let scrape = Scrape::of(&app);
    for (result, count) in [("breach", 2.0), ("repeat", 3.0), ("resolved", 1.0), ("invalid", 0.0)] {
        assert!(scrape.is(&format!("andon_alerts_received_total{{result={result}}}"), count), "{result}");
    }
    // The next daemon knows what fires.
    let app = app.stop().start(&guarded());
    assert!(gate(&app).contains("the alert CrmErrorsHigh is firing"));
    assert_eq!(results(&raw(&app, REPEAT)), ["breach", "repeat"], "one fires again, the other still does");
    assert_eq!(app.mode("drafts")["mode"], "assist");
}

#[test]
fn a_crash_forgets_nothing_that_was_answered() {
    let app = at_that_time(House::memory()).start(&guarded());
    assert_eq!(results(&raw(&app, FIRING)), ["breach", "breach"]);
    assert_eq!(results(&raw(&app, RESOLVED)), ["resolved", "repeat"]);
    let (mode, house) = (app.mode("drafts"), app.house.crash(None));
    let app = house.start(&guarded());
    assert_eq!(
        (app.mode("drafts")["epoch"].clone(), app.mode("drafts")["mode"].clone()),
        (mode["epoch"].clone(), json!("assist"))
    );
    assert_eq!(results(&raw(&app, RESOLVED)), ["repeat", "repeat"]);
}

#[test]
fn each_alert_has_its_own_result_and_none_costs_the_others() {
    let app = at_that_time(House::folder()).start(&guarded());
    let without = |field: &str| {
        let mut alert = alert("drafts", "firing");
        alert.as_object_mut().unwrap().remove(field);
        alert
    };
    let labelled = |name: &str, value: Value| {
        let mut alert = alert("drafts", "firing");
        alert["labels"][name] = value;
        alert
    };
    let with = |field: &str, value: &str| {
        let mut alert = alert("drafts", "firing");
        alert[field] = json!(value);
        alert
    };
    let mut unlabelled = alert("drafts", "firing");
    unlabelled["labels"].as_object_mut().unwrap().remove("andon_workflow");
    // Alerts about andon itself carry another label, so that none is fed back.
    unlabelled["labels"]["workflow"] = json!("drafts");
    let secret = "hunter2";
    let cases = [
        (unlabelled, "unlabelled"),
        (alert("nobody", "firing"), "unknown_workflow"),
        (alert("andon-drill", "firing"), "unknown_workflow"),
        (alert(&format!("{secret} {secret}"), "firing"), "unknown_workflow"),
        (alert("other", "firing"), "no_guard"),
        (json!(secret), "invalid"),
        (json!([[[{"status": secret}]]]), "invalid"),
        (without("status"), "invalid"),
        (without("labels"), "invalid"),
        (without("startsAt"), "invalid"),
        (without("fingerprint"), "invalid"),
        (with("status", secret), "invalid"),
        (with("startsAt", secret), "invalid"),
        (with("fingerprint", ""), "invalid"),
        (with("fingerprint", &"a".repeat(33)), "invalid"),
        (labelled("alertname", json!("")), "invalid"),
        (labelled("alertname", json!("x".repeat(129))), "invalid"),
        (labelled("alertname", json!("a\nb")), "invalid"),
        (labelled("severity", json!(7)), "invalid"),
        (labelled("andon_test", json!("true")), "test"),
        (labelled("severity", json!("x".repeat(33))), "breach"),
    ];
    let (alerts, expected): (Vec<Value>, Vec<&str>) = cases.into_iter().unzip();
    let answer = app.post(PATH, &group(&alerts)).ok();
    assert_eq!(results(&answer), expected, "{answer:#}");
    assert!(!answer.to_string().contains(secret), "nothing that was sent is said again");
    let wrong = answer["alerts"].as_array().unwrap().iter().filter(|alert| alert["result"] == "invalid");
    assert!(wrong.into_iter().all(|alert| alert["detail"].as_str().is_some_and(|detail| detail.len() > 20)));
    assert_eq!(
        (app.mode("drafts")["mode"].as_str(), app.mode("other")["mode"].as_str()),
        (Some("assist"), Some("automate"))
    );
    let heard = app.ledger().into_iter().rfind(|entry| entry["kind"] == "alert").unwrap();
    assert_eq!(heard["alert"]["severity"], Value::Null, "too long to be kept");
    assert_eq!(heard["alert"]["starts_at"], "2026-11-22T11:00:00.123Z");
    assert_eq!(app.get("/v1/workflows").ok()["workflows"].as_array().unwrap().len(), 2, "an alert adopts nobody");
}

#[test]
fn a_body_that_is_no_webhook_is_refused_as_a_whole() {
    let app = House::folder().start(&guarded());
    let before = app.ledger();
    let other = json!({"version": "5", "alerts": [alert("drafts", "firing")]}).to_string();
    for body in ["", "{", "[]", "{}", "{\"version\": \"4\"}", "{\"version\": 4, \"alerts\": []}", &other] {
        let answer = app.send("POST", PATH, &[("content-type", "application/json")], body.as_bytes());
        assert_eq!(answer.problem(400), "unreadable_body", "{body}");
    }
    let answer = app.send("POST", PATH, &[("content-type", "text/plain")], FIRING.as_bytes());
    assert_eq!(answer.problem(415), "unsupported_content_type");
    assert_eq!((app.ledger(), app.mode("drafts")["mode"].as_str()), (before, Some("automate")));
    assert_eq!(app.post(PATH, &group(&[])).ok(), json!({"alerts": [], "left_out": 0}));
}

#[test]
fn of_too_many_alerts_the_first_are_read() {
    let app = House::folder().start(&guarded());
    let mut body = group(&vec![alert("nobody", "firing"); ALERTS_MAX + 3]);
    body["truncatedAlerts"] = json!(2);
    let answer = app.post(PATH, &body).ok();
    assert_eq!((results(&answer).len(), &answer["left_out"]), (ALERTS_MAX, &json!(5)));
    assert!(Scrape::of(&app).is("andon_alerts_received_total{result=too_many}", 3.0));
}

#[test]
fn two_words_about_one_alert_in_one_request_are_taken_in_order() {
    let app = at_that_time(House::folder()).start(&guarded());
    let both = group(&[alert("drafts", "firing"), alert("drafts", "resolved"), alert("drafts", "firing")]);
    assert_eq!(results(&app.post(PATH, &both).ok()), ["breach", "resolved", "breach"]);
    assert_eq!(results(&app.post(PATH, &group(&[alert("drafts", "resolved")])).ok()), ["resolved"]);
}

#[test]
fn it_takes_a_token_for_alerts_and_that_allows_nothing_else() {
    let mut keys = Keys::new();
    let boss = keys.give("boss", &[Scope::Admin]);
    let sender = keys.give("alertmanager", &[Scope::Alert]);
    let bound = keys.give_for("theirs", &[Scope::Alert], &["other"], None);
    let rest: Vec<Scope> =
        Scope::ALL.into_iter().filter(|scope| ![Scope::Alert, Scope::Admin].contains(scope)).collect();
    let others = keys.give("others", &rest);
    let app = at_that_time(keys.house().clone()).start(&guarded());
    assert_eq!(app.post(PATH, &group(&[])).problem(401), "unauthenticated");
    assert_eq!(As(&app, &others).send("POST", PATH, FIRING.as_bytes()).problem(403), "forbidden");
    for path in ["/v1/workflows", "/v1/ledger", "/metrics"] {
        assert_eq!(As(&app, &sender).get(path).problem(403), "forbidden", "{path}");
    }
    assert_eq!(As(&app, &sender).post("/v1/events", &output(1)).problem(403), "forbidden");
    // Whether a workflow is there is nobody's business who may not see it.
    let answer = As(&app, &bound)
        .post(PATH, &group(&[alert("drafts", "firing"), alert("nobody", "firing"), alert("other", "firing")]))
        .ok();
    assert_eq!(results(&answer), ["forbidden_workflow", "forbidden_workflow", "no_guard"]);
    assert!(answer["alerts"][0].get("workflow").is_none() && answer["alerts"][1].get("workflow").is_none());
    assert_eq!(results(&As(&app, &sender).send("POST", PATH, FIRING.as_bytes()).ok()), ["breach", "breach"]);
    let ledger = As(&app, &boss).ledger();
    let by = |kind: &str| ledger.iter().find(|entry| entry["kind"] == kind).unwrap()["by"].clone();
    assert_eq!((by("alert"), by("mode_changed")), (json!("alertmanager"), json!("andon")));
}

/// Alertmanager sends again what was answered with a 5xx, so what can't be made durable must be that.
#[test]
fn what_can_not_be_made_durable_is_sent_again() {
    let app = at_that_time(House::memory()).start(&guarded());
    app.house.disk().fail(Op::Sync, 1, Fault::Device);
    let send = || app.send("POST", PATH, &[("content-type", "application/json")], FIRING.as_bytes());
    assert_eq!(send().problem(503), "store_refused");
    assert_eq!(send().problem(503), "store_refused", "and never taken for said before");
    let app = app.house.crash(None).start(&guarded());
    assert!(["breach", "repeat"].contains(&results(&raw(&app, FIRING))[0]));
    assert_eq!(app.mode("drafts")["mode"], "assist");
}

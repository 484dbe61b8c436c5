//! Modes: read your breach, leases, waiting, what operators may do, and the record of it.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output};
use super::http::try_send;
use super::metrics::Scrape;
use andon::domain::Time;
use serde_json::{Value, json};

fn kinds(app: &TestApp) -> Vec<String> {
    app.ledger().iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect()
}

/// Lets the workflow fail until the acknowledgement shows a lower mode; that acknowledgement.
fn breach(app: &TestApp) -> Value {
    app.take(&(0..50).map(output).collect::<Vec<_>>());
    for n in 100..200 {
        let answer = app.take(&[failure(n)]);
        if answer["modes"]["drafts"]["level"] != 3 {
            return answer;
        }
    }
    panic!("a hundred failures in a row and no breach");
}

#[test]
fn the_acknowledgement_of_the_breach_and_every_later_read_show_the_lower_mode() {
    let app = House::folder().start(DRAFTS);
    let answer = breach(&app);
    let now = answer["modes"]["drafts"].clone();
    assert_eq!(now["epoch"], 2, "{now}");
    let mode = app.mode("drafts");
    for field in ["mode", "level", "epoch"] {
        assert_eq!(mode[field], now[field]);
    }
    assert_eq!((&mode["cause"], &mode["guard"]), (&json!("breach"), &json!("exceptions")));
    assert_eq!(mode["granted"], mode["mode"]);
    assert_eq!(mode["policy"].as_str().unwrap().len(), 64);
    let view = app.workflow("drafts");
    assert_eq!((&view["mode"]["mode"], &view["open_incidents"]), (&mode["mode"], &json!(1)));
    assert_eq!(view["guards"][0]["state"], "breached");
    let scrape = Scrape::of(&app);
    let name = mode["mode"].as_str().unwrap();
    assert!(scrape.is("andon_mode{mode=automate,workflow=drafts}", 0.0));
    assert!(scrape.is(&format!("andon_mode{{mode={name},workflow=drafts}}"), 1.0));
    assert!(scrape.is("andon_mode_level{workflow=drafts}", mode["level"].as_f64().unwrap()));
    let moved = format!("andon_mode_changes_total{{cause=breach,from=automate,to={name},workflow=drafts}}");
    assert!(scrape.is(&moved, 1.0));
    assert!(scrape.is("andon_incidents_open{workflow=drafts}", 1.0));
    assert!(scrape.is("andon_guard_state{guard=exceptions,state=breached,workflow=drafts}", 1.0));
}

#[test]
fn the_ledger_holds_the_numbers_of_the_breach() {
    let app = House::folder().start(DRAFTS);
    breach(&app);
    let ledger = app.ledger();
    let changed = ledger.iter().find(|entry| entry["kind"] == "mode_changed").unwrap();
    let breach = &changed["breach"];
    assert_eq!(
        (&breach["signal"], &breach["mode"], &breach["bound"]),
        (&json!("exception_rate"), &json!("automate"), &json!(0.02))
    );
    assert!(breach["evidence"].as_f64().unwrap() >= breach["threshold"].as_f64().unwrap(), "{breach}");
    assert!((breach["estimate"].as_f64().unwrap() - 1.0).abs() < 1e-9, "only failures since the change: {breach}");
    let interval: Vec<f64> = serde_json::from_value(breach["interval"].clone()).unwrap();
    assert!(interval[0] < 1.0 && interval[0] > 0.0 && interval[1] <= 1.0, "{interval:?}");
    assert_eq!(breach["heaviest"][0]["exception"], "timeout");
    assert!(breach["n"].as_u64() < breach["n_total"].as_u64(), "{breach}");
    assert_eq!(breach["changed_at"], START_TEXT);
    assert_eq!(changed["policy"], app.mode("drafts")["policy"]);
    assert_eq!(changed["by"], "andon");
    assert_eq!(kinds(&app), ["started", "policy_loaded", "adopted", "mode_changed", "incident_opened"]);
    let numbers: Vec<u64> = ledger.iter().map(|entry| entry["ledger_seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=5).collect::<Vec<_>>());
    let page = app.get("/v1/ledger?workflow=drafts&after=3&limit=1").ok();
    assert_eq!((&page["entries"][0]["kind"], &page["next"]), (&json!("mode_changed"), &json!(4)));
}

const START_TEXT: &str = "2026-11-20T10:00:00.000Z";

#[test]
fn a_reader_that_knows_the_answer_gets_304_and_the_lease_all_the_same() {
    let app = House::folder().start(&format!("[modes]\nlease = \"90s\"\n{DRAFTS}"));
    let first = app.get("/v1/workflows/drafts/mode");
    let body = first.ok();
    assert_eq!((&body["valid_until"], &body["valid_for_seconds"]), (&json!("2026-11-20T10:01:30.000Z"), &json!(90.0)));
    let tag = first.header("etag").unwrap().to_owned();
    app.advance(1_000);
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let again = app.send("GET", "/v1/workflows/drafts/mode", &[("if-none-match", &known)], b"");
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
        assert_eq!(
            again.header("andon-valid-until"),
            Some("2026-11-20T10:01:31.000Z"),
            "the lease moves, the tag does not"
        );
        assert_eq!(again.header("andon-valid-for-seconds"), Some("90"));
        assert_eq!(again.header("etag"), Some(&*tag));
    }
    app.post("/v1/workflows/drafts/mode", &json!({"mode": "delegate", "reason": "r"})).ok();
    let changed = app.send("GET", "/v1/workflows/drafts/mode", &[("if-none-match", &tag)], b"");
    assert_eq!(changed.ok()["mode"], "delegate");
    assert_ne!(changed.header("etag"), Some(&*tag));
}

fn wait(app: &TestApp, query: &'static str) -> std::thread::JoinHandle<Value> {
    let to = app.address;
    let before = Scrape::of(app).value("andon_long_polls{}");
    let path = format!("/v1/workflows/drafts/mode?{query}");
    let waiting = std::thread::spawn(move || try_send(to, "GET", &path, &[], b"").unwrap().ok());
    super::harness::until("it waits", || Scrape::of(app).is("andon_long_polls{}", before + 1.0));
    waiting
}

#[test]
fn a_waiting_reader_is_answered_at_a_change_at_the_end_of_its_patience_and_at_a_stop() {
    let app = House::folder().start(DRAFTS);
    let old = app.get("/v1/workflows/drafts/mode?wait=60s&epoch=0").ok();
    assert_eq!(old["epoch"], 1, "a newer epoch is answered at once");
    assert_eq!(app.get("/v1/workflows/drafts/mode?wait=20ms&epoch=1").ok()["epoch"], 1, "at the timeout");
    let waiting = wait(&app, "wait=60s&epoch=1");
    let acknowledged = breach(&app)["modes"]["drafts"]["epoch"].clone();
    assert_eq!(waiting.join().unwrap()["epoch"], acknowledged);
    let waiting = wait(&app, "wait=60s");
    let house = app.stop();
    assert_eq!(waiting.join().unwrap()["epoch"], acknowledged, "a stop answers who waits");
    drop(house);
}

#[test]
fn operators_lower_hold_release_and_stop_but_never_raise() {
    let app = House::folder().start(&format!("{DRAFTS}[[workflow]]\nid = \"other\"\nstart_mode = \"collaborate\"\n"));
    let order = |order: Value| app.post("/v1/workflows/drafts/mode", &order);
    let lowered = order(json!({"mode": "delegate", "reason": "new model"})).ok();
    assert_eq!(
        (&lowered["mode"], &lowered["epoch"], &lowered["cause"]),
        (&json!("delegate"), &json!(2), &json!("operator"))
    );
    assert_eq!(order(json!({"mode": "delegate", "reason": "again"})).ok()["epoch"], 2, "it is there already");
    assert_eq!(order(json!({"mode": "automate", "reason": "please"})).problem(409), "up_needs_the_gate");
    let held = order(json!({"hold": true, "reason": "audit"})).ok();
    assert_eq!((&held["held"], &held["mode"]), (&json!("audit"), &json!("delegate")));
    let lowered = order(json!({"mode": "collaborate", "reason": "a hold blocks raises only"})).ok();
    assert_eq!((&lowered["mode"], &lowered["held"]), (&json!("collaborate"), &json!("audit")));
    assert_eq!(order(json!({"hold": false, "reason": "done"})).ok()["held"], Value::Null);
    let stopped = app.post("/v1/stop", &json!({"reason": "fire drill"})).ok();
    assert_eq!(stopped["modes"]["drafts"], json!({"mode": "assist", "level": 0, "epoch": 4}));
    assert_eq!(stopped["modes"]["other"], json!({"mode": "assist", "level": 0, "epoch": 2}));
    assert_eq!(app.mode("drafts")["reason"], "fire drill");
    assert_eq!(order(json!({"mode": "collaborate", "reason": "up"})).problem(409), "up_needs_the_gate");
    assert_eq!(
        kinds(&app)[4..],
        ["mode_changed", "held", "mode_changed", "released", "stopped", "mode_changed", "mode_changed"]
    );
    assert!(app.ledger()[4..].iter().all(|entry| entry["by"] == "local"), "a person did it");
    let app = app.stop().start(DRAFTS);
    assert_eq!(app.mode("drafts")["mode"], "assist", "start_mode counts once");
}

#[test]
fn why_explains_every_moment() {
    let app = House::folder().start(DRAFTS);
    app.advance(Time::MINUTE);
    breach(&app);
    app.advance(Time::MINUTE);
    app.post("/v1/workflows/drafts/mode", &json!({"mode": "assist", "reason": "cautious"})).ok();
    app.advance(Time::MINUTE);
    let why = |at: &str| app.get(&format!("/v1/workflows/drafts/why{at}"));
    assert_eq!(why("?at=2026-11-20T09:59:59Z").problem(404), "not_adopted_then");
    let first = why("?at=2026-11-20T10:00:30Z").ok();
    assert_eq!((&first["mode"], &first["epoch"], &first["ledger_seq"]), (&json!("automate"), &json!(1), &json!(3)));
    let between = why("?at=2026-11-20T10:01:30Z").ok();
    assert_eq!((&between["epoch"], &between["entry"]["kind"]), (&json!(2), &json!("mode_changed")));
    assert!(between["because"].as_str().unwrap().contains("exceptions"), "{between}");
    assert_eq!(why("?at=2026-11-20T10:01:00Z").ok()["epoch"], 2, "at the moment itself it holds");
    for now in ["", "?at=2026-11-20T10:02:30Z", "?at=2026-11-20T15:00:00%2B02:00"] {
        let now = why(now).ok();
        assert_eq!(
            (&now["mode"], &now["because"], &now["entry"]["by"]),
            (&json!("assist"), &json!("cautious"), &json!("local"))
        );
    }
}

#[test]
fn incidents_are_opened_acknowledged_and_resolved_once() {
    let app = House::folder().start(DRAFTS);
    breach(&app);
    let open = app.get("/v1/incidents?status=open").ok();
    let incident = &open["incidents"][0];
    assert_eq!(
        (&incident["id"], &incident["about"], &incident["guard"]),
        (&json!("drafts-1"), &json!("breach"), &json!("exceptions"))
    );
    assert_eq!(incident["runbook"], "https://wiki.example.com/drafts");
    assert!(incident["breach"]["n"].as_u64().unwrap() > 0);
    app.advance(1_000);
    let step =
        |verb: &str, note: &str| app.post(&format!("/v1/incidents/drafts-1/{verb}"), &json!({"note": note})).ok();
    assert_eq!(step("acknowledge", "on it")["status"], "acknowledged");
    assert_eq!(step("acknowledge", "me too")["timeline"].as_array().unwrap().len(), 1, "once");
    let resolved = app.send("POST", "/v1/incidents/drafts-1/resolve", &[], b"").ok();
    assert_eq!(resolved["status"], "resolved");
    assert_eq!(
        resolved["timeline"][0],
        json!({"time": "2026-11-20T10:00:01.000Z", "by": "local", "status": "acknowledged", "note": "on it"})
    );
    assert_eq!(step("acknowledge", "late")["status"], "resolved", "never back");
    assert_eq!(app.get("/v1/incidents?status=open").ok()["incidents"], json!([]));
    assert_eq!(app.workflow("drafts")["open_incidents"], 0);
    assert_ne!(app.mode("drafts")["mode"], "automate", "resolving raises nothing");
    assert_eq!(kinds(&app)[5..], ["incident_acknowledged", "incident_resolved"]);
}

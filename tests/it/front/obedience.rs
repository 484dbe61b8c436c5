//! What time does: leases end, evidence lapses, silence is noticed, spends are limited.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, output, with};
use super::metrics::Scrape;
use andon::domain::Time;
use serde_json::{Value, json};

fn about(app: &TestApp) -> Vec<String> {
    let found = app.get("/v1/incidents").ok();
    found["incidents"].as_array().unwrap().iter().map(|it| it["about"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn outputs_above_the_allowed_mode_count_from_the_end_of_the_lease_on() {
    let app = House::folder().start(DRAFTS);
    let bold = |n: u32| with(output(n), &json!({"mode": "automate"}));
    app.post("/v1/workflows/drafts/mode", &json!({"mode": "delegate", "reason": "r"})).ok();
    app.take(&[bold(1)]);
    app.advance(60_000);
    app.take(&[bold(2), with(output(3), &json!({"mode": "delegate"}))]);
    assert_eq!(app.workflow("drafts")["outputs_above_mode"], 0, "within its lease");
    app.advance(1);
    let earlier = with(bold(4), &json!({"time": "2026-11-20T10:00:30Z"}));
    app.take(&[earlier]);
    assert_eq!(app.workflow("drafts")["outputs_above_mode"], 0, "made within the lease, reported later");
    app.take(&[bold(5), bold(6)]);
    assert_eq!(app.workflow("drafts")["outputs_above_mode"], 2);
    assert!(Scrape::of(&app).is("andon_outputs_above_mode_total{workflow=drafts}", 2.0));
    assert_eq!(about(&app), ["above_mode"], "one incident as long as it is open");
    app.post("/v1/incidents/drafts-1/resolve", &json!({})).ok();
    app.take(&[bold(7)]);
    assert_eq!(about(&app), ["above_mode", "above_mode"]);
}

#[test]
fn without_fresh_outputs_the_mode_lapses_and_nothing_brings_it_back() {
    let app = House::folder().start(&DRAFTS.replace("owner", "evidence_valid = \"2h\"\nowner"));
    app.advance(Time::HOUR);
    app.take(&[output(1)]);
    app.advance(2 * Time::HOUR - 1);
    assert_eq!(app.mode("drafts")["mode"], "automate");
    app.advance(1);
    let mode = app.mode("drafts");
    assert_eq!((&mode["mode"], &mode["cause"], &mode["epoch"]), (&json!("assist"), &json!("lapse"), &json!(2)));
    assert_eq!(mode["since"], "2026-11-20T13:00:00.000Z");
    assert_eq!(about(&app), ["lapse"]);
    app.take(&[output(2)]);
    assert_eq!(app.mode("drafts")["mode"], "assist");
}

/// The daemon was away for longer than the evidence holds: its first answer must already be assist.
#[test]
fn a_mode_that_lapsed_while_the_daemon_was_away_is_never_served() {
    let house = House::folder().start(DRAFTS).stop();
    house.clock.advance(8 * Time::DAY);
    let app = house.start(DRAFTS);
    let first = app.mode("drafts");
    assert_eq!((&first["mode"], &first["cause"]), (&json!("assist"), &json!("lapse")));
}

fn silence() -> String {
    format!("{DRAFTS}  [[workflow.guard]]\n  signal = \"silence\"\n  after = \"30m\"\n  to = \"collaborate\"\n")
}

#[test]
fn silence_lowers_once_and_the_daemons_own_absence_is_none() {
    let app = House::folder().start(&silence());
    app.take(&[output(1)]);
    app.advance(29 * Time::MINUTE);
    let house = app.stop();
    house.clock.advance(10 * Time::HOUR);
    let app = house.start(&silence());
    app.settle();
    assert_eq!(app.mode("drafts")["mode"], "automate", "nobody could report while the daemon was away");
    app.advance(30 * Time::MINUTE - 1);
    assert_eq!(app.mode("drafts")["mode"], "automate");
    app.advance(1);
    let mode = app.mode("drafts");
    assert_eq!((&mode["mode"], &mode["guard"]), (&json!("collaborate"), &json!("silence")));
    app.advance(Time::HOUR);
    assert_eq!(app.mode("drafts")["epoch"], 2, "it fires once");
}

#[test]
fn a_clock_that_was_set_is_no_silence() {
    let app = House::folder().start(&silence());
    app.take(&[output(1)]);
    app.advance(0);
    app.house.clock.step_to(Time(app.now().0 + 5 * Time::HOUR));
    app.driver().wake();
    app.settle();
    assert_eq!(app.mode("drafts")["mode"], "automate");
    app.advance(31 * Time::MINUTE);
    assert_eq!(app.mode("drafts")["mode"], "collaborate", "silence is counted from the step on");
}

#[test]
fn the_spend_limit_sends_to_assist_with_the_output_that_exceeds_it() {
    let rest = format!(
        "{DRAFTS}  [[workflow.guard]]\n  signal = \"limit\"\n  spend = {{ amount = 10, per = \"24h\" }}\n  to = \"assist\"\n"
    );
    let app = House::folder().start(&rest);
    let paid = |n: u32, cost: &str| with(output(n), &json!({"cost": cost}));
    assert_eq!(
        app.take(&[paid(1, "4"), paid(2, "6.000")])["modes"]["drafts"]["mode"],
        "automate",
        "at the limit is within it"
    );
    app.advance(20 * Time::HOUR);
    let answer = app.take(&[paid(3, "0.000001"), paid(4, "1")]);
    assert_eq!(answer["modes"]["drafts"], json!({"mode": "assist", "level": 0, "epoch": 2}));
    let ledger = app.ledger();
    let breach = &ledger.iter().find(|entry| entry["kind"] == "mode_changed").unwrap()["breach"];
    assert_eq!((&breach["lane"], &breach["output"], &breach["n"]), (&json!("limit"), &json!("3"), &json!(3)));
}

#[test]
fn one_exception_of_a_kind_may_be_the_limit() {
    let rest = format!(
        "{DRAFTS}  [[workflow.guard]]\n  signal = \"limit\"\n  exceptions = {{ count = 1, kind = \"leak\", per = \"1h\" }}\n  to = \"assist\"\n"
    );
    let app = House::folder().start(&rest);
    let kind = |n: u32, kind: &str| with(output(n), &json!({"outcome": "exception", "exception": kind}));
    assert_eq!(app.take(&[kind(1, "typo")])["modes"]["drafts"]["mode"], "automate");
    assert_eq!(app.take(&[kind(2, "leak")])["modes"]["drafts"]["mode"], "assist");
}

#[test]
fn in_the_lab_a_breach_informs_and_lowers_nothing() {
    let rest = DRAFTS
        .replace("owner", "track = \"lab\"\nowner")
        .replace("automate", "collaborate")
        .replace("{ collaborate = 0.20, delegate = 0.05, collaborate = 0.02 }", "0.02");
    let app = House::folder().start(&rest);
    for n in 0..20 {
        app.take(&[super::harness::failure(n)]);
    }
    let mode = app.mode("drafts");
    assert_eq!((&mode["mode"], &mode["epoch"]), (&json!("collaborate"), &json!(1)));
    assert_eq!(about(&app), ["breach"]);
    let noted = app.ledger().iter().filter(|entry| entry["kind"] == "breach_noted").count();
    assert_eq!(noted, 1);
    let last: Value = app.get("/v1/workflows/drafts/mode").ok();
    assert_eq!(last["review"]["sample_rate"], 1.0);
}

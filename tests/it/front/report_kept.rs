//! Reports that are made when a week is over: kept, entered in the ledger, told once, whatever happens in between.
//!
//! What is a failure here: a week without a report, another report than the one that was told of, a second message, a
//! fleet's numbers for whoever may read one workflow.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output, until};
use super::keys::{As, Keys};
use super::metrics::Scrape;
use super::notify::QUICK;
use super::receiver::Receiver;
use andon::access::Secret;
use andon::domain::{Scope, Time};
use andon::store::Shelf;
use andon::store::memory::{Fault, Op};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const SCHEDULE: &str = "[report]\ndelay_hours = 6\nkeep_weeks = 2\n";
/// From the start, a Friday at ten, to Monday at five and at six.
const BEFORE: i64 = 67 * Time::HOUR;
const WEEK: i64 = 7 * Time::DAY;

fn policy() -> String {
    format!("{SCHEDULE}{DRAFTS}")
}

fn kept(app: &TestApp) -> Vec<String> {
    let kept = app.get("/v1/reports").ok()["kept"].as_array().unwrap().clone();
    kept.iter().map(|one| one["week"].as_str().unwrap().to_owned()).collect()
}

fn entered(app: &TestApp) -> Vec<Value> {
    app.ledger().into_iter().filter(|entry| entry["kind"] == "reported").collect()
}

fn made(app: &TestApp, outcome: &str, count: f64) -> bool {
    Scrape::of(app).is(&format!("andon_reports_made_total{{outcome={outcome}}}"), count)
}

#[test]
fn a_week_that_is_over_is_reported_kept_and_told_once() {
    let (house, receiver) = (House::folder(), Receiver::start());
    let target = receiver.webhook(house.folder.path(), "board", "events = [\"report\"]");
    let config = format!("{QUICK}{target}{}", policy());
    let app = house.start(&config);
    app.take(&(0..40).map(output).collect::<Vec<_>>());
    app.take(&(40..90).map(failure).collect::<Vec<_>>());
    app.advance(BEFORE);
    assert_eq!(app.get("/v1/reports/2026-W47.json").header("andon-report"), Some("fresh"), "nothing is due");
    app.advance(Time::HOUR);
    until("the report is kept", || made(&app, "kept", 1.0));
    let answer = app.get("/v1/reports/last.json");
    let (bytes, report) = (answer.text(), answer.json());
    let entries = entered(&app);
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["sha256"], hex(&Sha256::digest(bytes.as_bytes())), "the ledger knows these very bytes");
    assert_eq!((&entries[0]["headline"], &entries[0]["week"]), (&report["headline"], &json!("2026-W47")));
    assert_eq!(entries[0]["decisions"], report["decisions"].as_array().unwrap().len());
    let origin = answer.header("andon-report").unwrap().to_owned();
    assert!(origin.starts_with("kept; made_at=\"2026-11-23T06:00:00.000Z\""), "{origin}");
    assert_eq!(report["is_provisional"], false);
    let told = receiver.wait_for(1)[0].json();
    assert_eq!(told["type"], "andon.report.made");
    assert_eq!(told["data"]["links"][0]["url"], "https://andon.example.com/reports/2026-W47");
    assert!(told["data"]["headline"].as_str().unwrap().starts_with("report 2026-W47: Of 1 workflow, 1 was lowered"));
    let is_shown = |app: &TestApp| {
        let scrape = Scrape::of(app);
        // It is absent before the first.
        !scrape.keys("andon_report_last_week").is_empty()
            && scrape.is("andon_report_last_week_timestamp_seconds{}", 1_795_392_000.0)
    };
    until("its week is shown", || is_shown(&app));
    // What comes late changes a new one, not the one that was told of; nor does a restart, nor another week.
    app.take(&[super::harness::with(output("late"), &json!({"time": "2026-11-22T09:30:00Z"}))]);
    assert_eq!(app.get("/v1/reports/2026-W47.json").text(), bytes);
    let fresh = app.get("/v1/reports/2026-W47.json?fresh=true");
    assert_eq!(fresh.header("andon-report"), Some("fresh"));
    assert_eq!(fresh.json()["workflows"][0]["late"], 1);
    assert_eq!(app.get("/v1/reports/2026-W47.json?workflow=drafts").header("andon-report"), Some("fresh"));
    assert!(app.get("/v1/reports/2026-W47.html").text().contains("2026-W47"));
    let app = app.stop().start(&config);
    until("it is known", || is_shown(&app));
    assert!(made(&app, "kept", 0.0));
    for (n, last) in (1..).zip(["2026-W48", "2026-W49"]) {
        app.advance(WEEK);
        until("the next one", || {
            kept(&app).first().is_some_and(|week| week == last) && made(&app, "kept", f64::from(n))
        });
    }
    assert_eq!(kept(&app), ["2026-W49", "2026-W48"], "two are kept");
    let told: Vec<Value> = receiver.wait_for(3).iter().map(|told| told.json()["data"]["headline"].clone()).collect();
    assert_eq!((told.len(), entered(&app).len()), (3, 3), "{told:?}");
    assert_eq!(app.get("/v1/reports/2026-W47.json").header("andon-report"), Some("fresh"));
}

#[test]
fn what_a_pause_missed_is_made_up_for_where_there_is_anything() {
    let app = House::folder().start(&policy());
    app.take(&[output(1)]);
    let house = app.stop();
    house.clock.advance(BEFORE + Time::DAY);
    let app = house.start(&policy());
    until("it is made up for", || kept(&app) == ["2026-W47"]);
    let quality = app.get("/v1/reports/now.json").ok()["quality"].clone();
    // Down since Friday at ten: of this week since its beginning.
    assert_eq!((&quality["starts"], &quality["down_ms"]), (&json!(1), &json!(29 * Time::HOUR)));
    // Two weeks in which nothing ran: of the last one there is nothing to say.
    let house = app.stop();
    house.clock.advance(2 * WEEK);
    let app = house.start(&policy());
    until("nothing was there", || made(&app, "empty", 1.0));
    assert_eq!(kept(&app), ["2026-W47"]);
    // And of a house that is new there is no past.
    let new = House::folder();
    new.clock.advance(BEFORE + Time::DAY);
    let app = new.start(&policy());
    until("nothing was there", || made(&app, "empty", 1.0));
}

/// Of a house that moved west the week ends later than its report was entered.
#[test]
fn a_week_is_entered_once_also_where_the_time_zone_is_another_one_now() {
    let app = House::folder().start(&policy());
    app.take(&[output(1)]);
    app.advance(BEFORE + Time::HOUR);
    until("it is entered", || entered(&app).len() == 1);
    let house = app.stop();
    house.clock.advance(12 * Time::HOUR);
    let west = policy().replace("[report]\n", "[report]\ntime_zone = \"America/Los_Angeles\"\n");
    let app = house.start(&west);
    until("its week is known", || !Scrape::of(&app).keys("andon_report_last_week").is_empty());
    assert_eq!(entered(&app).len(), 1);
}

#[test]
fn a_full_disk_is_tried_again_more_and_more_seldom() {
    let house = House::memory();
    let app = house.start(&policy());
    app.take(&[output(1)]);
    for n in 1..=3 {
        house.disk().fail(Op::Rename, n, Fault::NoSpace);
    }
    app.advance(BEFORE + Time::HOUR);
    for (failed, pause) in [(1.0, Time::MINUTE), (2.0, 2 * Time::MINUTE), (3.0, 4 * Time::MINUTE)] {
        until("it fails", || made(&app, "failed", failed));
        assert_eq!((kept(&app).len(), entered(&app).len()), (0, 0));
        app.advance(pause);
    }
    until("it is kept", || made(&app, "kept", 1.0));
    assert_eq!((kept(&app).len(), entered(&app).len()), (1, 1));
}

#[test]
fn a_report_that_was_kept_before_a_kill_is_the_one_that_is_told() {
    let house = House::memory();
    let app = house.start(&policy());
    app.take(&[output(1)]);
    app.advance(BEFORE);
    let mut before = app.get("/v1/reports/last.json").json();
    drop(app);
    // As an andon before this one would have made it.
    before.as_object_mut().unwrap().retain(|name, _| !["quality", "lab_kpis"].contains(&name.as_str()));
    let before = before.to_string();
    let shelf = Shelf::new(Arc::new(house.disk().clone()));
    let label = shelf.put("2026-W47", Time(7), before.as_bytes(), 9).unwrap();
    let house = house.crash(None);
    house.clock.advance(Time::HOUR);
    let app = house.start(&policy());
    until("it is entered", || entered(&app).len() == 1);
    assert_eq!(entered(&app)[0]["sha256"], label.sha256);
    assert_eq!(app.get("/v1/reports/last.json").text(), before);
    assert!(app.get("/v1/reports/last.html").text().contains("2026-W47"));
    // Damage is said, and doesn't hide what can be made.
    house.disk().damage("reports/2026-W47.json", |bytes| bytes.truncate(300));
    let answer = app.get("/v1/reports/last.json");
    assert_eq!((answer.status, &answer.json()["code"]), (500, &json!("kept_report_damaged")));
    assert_eq!(app.get("/v1/reports/last.json?fresh=true").status, 200);
    assert_eq!(app.get("/v1/reports").status, 200);
}

#[test]
fn a_token_for_some_workflows_is_not_told_what_the_fleet_did() {
    let mut keys = Keys::new();
    let all = keys.give("all", &[Scope::Admin]);
    let some = keys.give_for("some", &[Scope::Read], &["drafts"], None);
    let app = keys.house().start(&policy());
    app.advance(BEFORE + Time::HOUR);
    let entry = |of: &Secret| As(&app, of).ledger().into_iter().find(|entry| entry["kind"] == "reported");
    until("it is entered", || entry(&all).is_some());
    assert_eq!(entry(&all).unwrap()["headline"].as_array().unwrap().len(), 3);
    assert_eq!(entry(&some).unwrap()["headline"], json!([]));
    assert_eq!(As(&app, &some).get("/v1/reports/last.json").status, 403);
    assert_eq!(As(&app, &some).get("/v1/reports/last.json?workflow=drafts").header("andon-report"), Some("fresh"));
}

/// Wherever the power goes: afterwards there is one entry, and the report that it names.
#[test]
fn the_power_goes_at_any_moment_and_a_week_is_entered_once() {
    let mut was_cut = [false; 2];
    for operations in 0..12 {
        let house = House::memory();
        let app = house.start(&policy());
        app.take(&[output(1)]);
        app.advance(BEFORE);
        house.disk().crash_after(operations);
        app.advance(Time::HOUR);
        until("it is made, or fails", || made(&app, "kept", 1.0) || !made(&app, "failed", 0.0));
        was_cut[usize::from(made(&app, "kept", 1.0))] = true;
        let after = house.crash(Some(operations));
        drop(app);
        let app = after.start(&policy());
        until("its week is known", || !Scrape::of(&app).keys("andon_report_last_week").is_empty());
        let entries = entered(&app);
        assert_eq!(entries.len(), 1, "{operations}: {entries:?}");
        let report = app.get("/v1/reports/2026-W47.json").text();
        assert_eq!(entries[0]["sha256"], hex(&Sha256::digest(report.as_bytes())), "{operations}");
    }
    assert_eq!(was_cut, [true; 2], "some were cut off, and some were not");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

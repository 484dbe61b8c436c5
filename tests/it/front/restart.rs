//! Stop, crash and start again: as if nothing had happened, and the ledger without hole or repeat.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output, until, with};
use super::metrics::Scrape;
use andon::domain::Time;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Lets a snapshot be taken and waits for it.
fn snapshot(app: &TestApp) {
    // No time of a snapshot is no series: 0 would be one of 1970.
    assert!(Scrape::of(app).keys("andon_snapshot_last").iter().all(|key| !Scrape::of(app).is(key, 0.0)));
    app.advance(61_000);
    let now = app.now().0 / 1_000;
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
    let at = now as f64;
    until("a snapshot is saved", || {
        Scrape::of(app).keys("andon_snapshot_last").len() == 1
            && Scrape::of(app).is("andon_snapshot_last_success_timestamp_seconds{}", at)
    });
}

/// What readers see of everything, without what only says how often the daemon started.
fn seen(app: &TestApp) -> Value {
    let ledger: Vec<Value> = app
        .ledger()
        .into_iter()
        .filter(|entry| entry["kind"] != "started")
        .map(|mut entry| {
            let entry_ = entry.as_object_mut().unwrap();
            // The hashes hold the number too.
            for name in ["ledger_seq", "journal_seq", "index", "leaf", "chain"] {
                entry_.remove(name);
            }
            entry
        })
        .collect();
    json!({
        "workflow": app.workflow("drafts"), "mode": app.mode("drafts"), "ledger": ledger,
        "incidents": app.get("/v1/incidents").ok(),
    })
}

/// The ledger counts without gaps, holds each entry once and each epoch of a workflow once.
fn check_ledger(app: &TestApp) {
    let (mut ids, mut epochs) = (BTreeSet::new(), BTreeSet::new());
    for (n, entry) in app.ledger().iter().enumerate() {
        assert_eq!(entry["ledger_seq"], n + 1);
        assert!(ids.insert((entry["journal_seq"].as_u64(), entry["index"].as_u64())), "twice: {entry}");
        if entry["kind"] == "mode_changed" {
            assert!(epochs.insert((entry["workflow"].to_string(), entry["epoch"].as_u64())), "epoch twice: {entry}");
        }
    }
    let expected: Vec<u64> = (2..=app.mode("drafts")["epoch"].as_u64().unwrap()).collect();
    let found: Vec<u64> = epochs.iter().filter_map(|(_, epoch)| *epoch).collect();
    assert_eq!(found, expected, "an epoch is missing");
}

/// One day of a workflow: every step is an input, the twin takes all of them without a pause.
fn day(mut app: TestApp, mut between: impl FnMut(usize, TestApp) -> TestApp) -> TestApp {
    for step in 0..12_usize {
        let id = |n: usize| format!("{step}-{n}");
        let mut events: Vec<Value> = (0..20)
            .map(|n| with(output(id(n)), &json!({"latency_ms": 7 * n + step, "cost": format!("0.{:06}", 1 << step)})))
            .collect();
        if step % 3 == 1 {
            events.push(with(failure(id(90)), &json!({"time": Time(app.now().0 - 40 * Time::MINUTE).to_string()})));
        }
        if step == 6 || step == 9 {
            events.extend((30..36).map(|n| failure(id(n))));
        }
        app.take(&events);
        let review =
            json!({"id": id(0), "workflow": "drafts", "output_id": id(0), "verdict": "edited", "reviewer": "ada"});
        app.post("/v1/reviews", &review).ok();
        if step == 7 {
            app.post("/v1/workflows/drafts/mode", &json!({"hold": true, "reason": "look"})).ok();
        }
        app = between(step, app);
        assert_eq!(app.post("/v1/events", &Value::from(events.clone())).ok()["duplicates"], events.len());
        app.advance(61_000);
    }
    app
}

#[test]
fn stops_and_crashes_leave_the_same_as_no_restart_at_all() {
    let twin = seen(&day(House::memory().start(DRAFTS), |_, app| app));
    assert!(twin["mode"]["epoch"].as_u64().unwrap() >= 2, "something must have happened: {twin}");
    let restarted = day(House::memory().start(DRAFTS), |step, app| {
        let house = match step % 3 {
            0 => app.stop(),
            kind => {
                let after = app.house.crash((kind == 1).then_some(step as u64));
                drop(app);
                after
            }
        };
        house.start(DRAFTS)
    });
    check_ledger(&restarted);
    assert_eq!(seen(&restarted), twin);
    let stopped = day(House::folder().start(DRAFTS), |_, app| app.stop().start(DRAFTS));
    check_ledger(&stopped);
    assert_eq!(seen(&stopped), twin, "the real store as well");
}

/// The journal holds a breach, the ledger does not yet, and an earlier snapshot is far ahead of
/// the number of records after it.
#[test]
fn a_ledger_behind_the_journal_catches_up_also_after_a_snapshot() {
    let app = House::memory().start(DRAFTS);
    for n in 0..30 {
        app.take(&[output(n)]);
    }
    snapshot(&app);
    app.house.book().set_fault(Some("the power is about to go"));
    app.post("/v1/events", &Value::from((100..120).map(failure).collect::<Vec<_>>())).problem(503);
    let after = app.house.crash(None);
    drop(app);
    let app = after.start(DRAFTS);
    let epoch = app.mode("drafts")["epoch"].clone();
    assert!(epoch.as_u64().unwrap() >= 2, "the breach is durable");
    check_ledger(&app);
    let app = app.stop().start(DRAFTS);
    assert_eq!(app.mode("drafts")["epoch"], epoch);
    check_ledger(&app);
}

/// The former id's part of the snapshot goes also when the renaming is only in the journal's tail.
#[test]
fn a_rename_before_a_crash_leaves_no_ghost() {
    let letters = DRAFTS.replace("\"drafts\"", "\"letters\"").replace("owner", "renamed_from = \"drafts\"\nowner");
    let app = House::memory().start(DRAFTS);
    app.take(&(0..5).map(output).collect::<Vec<_>>());
    snapshot(&app);
    app.house.configure(&letters);
    app.post("/v1/reload", &json!({})).ok();
    let after = app.house.crash(None);
    drop(app);
    let app = after.start(&letters).stop().start(&letters);
    app.get("/v1/workflows/drafts/mode").problem(404);
    let list = app.get("/v1/workflows").ok();
    assert_eq!(list["workflows"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(app.workflow("letters")["outputs_total"], 5);
}

/// The same for a workflow that was removed: it stays removed.
#[test]
fn a_removal_before_a_crash_stays_one() {
    let other = "[[workflow]]\nid = \"other\"\n";
    let app = House::memory().start(DRAFTS);
    app.take(&[output(1)]);
    snapshot(&app);
    app.house.configure(other);
    app.post("/v1/reload", &json!({})).ok();
    let after = app.house.crash(None);
    drop(app);
    let app = after.start(other).stop().start(other);
    app.get("/v1/workflows/drafts/mode").problem(404);
    assert_eq!(app.post("/v1/events", &output(2)).ok()["rejected"][0]["code"], "unknown_workflow");
}

#[test]
fn the_policy_of_the_file_comes_into_force_at_the_start() {
    let house = House::folder().start(DRAFTS).stop();
    let app = house.start(&DRAFTS.replace("start_mode = \"automate\"", "max_mode = \"collaborate\""));
    let mode = app.mode("drafts");
    assert_eq!((&mode["mode"], &mode["cause"]), (&json!("collaborate"), &json!("policy")));
    let app = app.stop().start(DRAFTS);
    assert_eq!(app.mode("drafts")["mode"], "collaborate");
    check_ledger(&app);
}

/// A workflow of which nothing came yet stands in the snapshot too.
#[test]
fn a_workflow_that_never_reported_is_there_after_a_restart() {
    let app = House::folder().start(DRAFTS).stop().start(DRAFTS);
    assert_eq!(app.mode("drafts")["mode"], "automate");
    let app = app.stop().start(DRAFTS);
    app.take(&[output(1)]);
    check_ledger(&app);
}

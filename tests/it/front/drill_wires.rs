//! A real component is broken, and the drill names the wire. What lies inside of the program is cut by
//! `scripts/drill-mutants`.

#![cfg(test)]

use super::drill::{ALL, wires};
use super::failing::{FailingBook, Silent};
use super::harness::{DRAFTS, House, TestApp, until};
use super::metrics::Scrape;
use andon::store::memory::{Fault, Op};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Patient enough for memory, and not for what never comes.
const HASTY: &str = "[drill]\nevery = \"never\"\nstep_timeout = \"500ms\"\n";

/// The drill fails, at these wires only; and it says so everywhere.
#[track_caller]
fn fails(app: &TestApp, cut: &[&str]) -> Value {
    let before = Scrape::of(app).value("andon_drills_total{result=failed}");
    let drilled = app.drill();
    assert_eq!((&drilled["passed"], &drilled["drill"]["result"]), (&json!(false), &json!("failed")), "{drilled:#}");
    assert_eq!(wires(&drilled, "failed"), cut, "{drilled:#}");
    assert_eq!(drilled["drill"]["steps"].as_array().unwrap().len(), ALL.len(), "{drilled:#}");
    assert!(Scrape::of(app).is("andon_drills_total{result=failed}", before + 1.0));
    drilled
}

/// The failure is recorded, and one incident tells of it.
#[track_caller]
fn recorded(app: &TestApp, drilled: &Value, incidents: usize) {
    assert_eq!(drilled["unrecorded"], Value::Null, "{drilled:#}");
    let drills = app.drills();
    assert_eq!((&drills["drills"][0], &drills["unrecorded"]), (&drilled["drill"], &Value::Null));
    let found = app.get("/v1/incidents").ok();
    let found: Vec<&Value> = found["incidents"].as_array().unwrap().iter().collect();
    assert_eq!(found.len(), incidents, "{found:#?}");
    assert_eq!(
        (&found[0]["about"], &found[0]["severity"], &found[0]["status"]),
        (&json!("drill"), &json!("critical"), &json!("open"))
    );
    let cut = wires(drilled, "failed");
    let told = format!("{}{}", found[0]["summary"], found[0]["timeline"]);
    assert!(cut.iter().all(|wire| told.contains(&format!("{wire}: "))), "{told}");
}

fn with_book(silent: Silent) -> (TestApp, Arc<Mutex<Silent>>) {
    let house = House::memory();
    let book = FailingBook::over(house.book().clone());
    let now = Arc::clone(&book.silent);
    let app = house.start_with_book(HASTY, Some(Arc::new(book)));
    app.passes();
    *now.lock().unwrap() = silent;
    (app, now)
}

#[test]
fn a_book_that_says_it_wrote_and_did_not() {
    for (silent, wire) in [
        (Silent::Entries, "ledger"),
        (Silent::Text, "ledger"),
        (Silent::Gap, "ledger"),
        (Silent::Snapshots, "snapshot"),
        (Silent::Part("workflow/andon-drill"), "snapshot"),
        (Silent::Stale("workflow/andon-drill"), "snapshot"),
    ] {
        let (app, now) = with_book(silent);
        let drilled = fails(&app, &[wire]);
        recorded(&app, &drilled, 1);
        let again = fails(&app, &[wire]);
        recorded(&app, &again, 1);
        *now.lock().unwrap() = Silent::None;
        app.passes();
        let incident = app.get("/v1/incidents").ok()["incidents"][0].clone();
        assert_eq!(incident["status"], "open", "a person ends it");
        let notes: Vec<&str> =
            incident["timeline"].as_array().unwrap().iter().map(|step| step["note"].as_str().unwrap()).collect();
        assert!(
            notes.len() == 2 && notes[0].starts_with("drill 3 failed") && notes[1] == "drill 4 passed",
            "{notes:?}"
        );
        let id = incident["id"].as_str().unwrap();
        app.post(&format!("/v1/incidents/{id}/resolve"), &json!({"note": "a full disk"})).ok();
        *now.lock().unwrap() = silent;
        let drilled = fails(&app, &[wire]);
        recorded(&app, &drilled, 2);
    }
}

#[test]
fn a_snapshot_that_never_comes_is_a_failed_drill_and_no_hung_daemon() {
    let house = House::memory();
    let refuse = Arc::new(AtomicBool::new(false));
    let book = FailingBook { snapshots: Arc::clone(&refuse), ..FailingBook::over(house.book().clone()) };
    let app = house.start_with_book(HASTY, Some(Arc::new(book)));
    app.passes();
    refuse.store(true, Ordering::SeqCst);
    let drilled = fails(&app, &["snapshot"]);
    let steps = drilled["drill"]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["wire"] == "snapshot").unwrap();
    assert_eq!(step["detail"], "nothing came of it within 500 ms (`[drill] step_timeout`)");
    recorded(&app, &drilled, 1);
}

/// A bit flips under the running daemon, or its file is replaced by a copy, as a restore beside it would
/// do: then it goes on writing into one that no start will find.
#[test]
fn a_journal_that_can_not_be_read_back() {
    for flip in [0, 1] {
        let app = House::memory().start(HASTY);
        app.passes();
        app.house.disk().damage("journal/00000000000000000001.log", |bytes| bytes[100] ^= flip);
        let drilled = fails(&app, &["journal"]);
        recorded(&app, &drilled, 1);
    }
}

#[test]
fn a_store_that_refuses_can_not_record_the_failure_either_and_that_is_said() {
    // The order to begin, the good outputs, the exceptions.
    for nth in 1..=3 {
        let app = House::memory().start(&format!("{HASTY}{DRAFTS}"));
        app.house.disk().fail(Op::Sync, nth, Fault::Device);
        unrecorded(&app);
    }
    let app = House::memory().start(&format!("{HASTY}{DRAFTS}"));
    app.house.book().set_fault(Some("no space left"));
    unrecorded(&app);
}

#[track_caller]
fn unrecorded(app: &TestApp) {
    for _ in 0..2 {
        let drilled = fails(app, &["queue"]);
        assert!(drilled["unrecorded"].as_str().unwrap().contains("the store refused a write"), "{drilled:#}");
        assert_eq!(wires(&drilled, "skipped"), ALL[1..]);
        assert_eq!(app.drills()["unrecorded"], drilled);
    }
    assert_eq!(app.get("/readyz").status, 503);
    let house = app.house.crash(None);
    let app = house.start(&format!("{HASTY}{DRAFTS}"));
    assert_eq!(app.get("/v1/incidents").ok()["incidents"], json!([]), "nobody knows why it ended");
    app.passes();
}

#[test]
fn a_driver_that_hangs_is_a_failed_drill_that_is_recorded_when_it_goes_on() {
    let app = House::folder().start(HASTY);
    app.passes();
    let held = app.hold();
    let drilled = app.drill();
    assert_eq!((&drilled["passed"], &drilled["drill"]["number"]), (&json!(false), &json!(0)), "{drilled:#}");
    assert_eq!(wires(&drilled, "failed"), ["queue"]);
    assert_eq!(drilled["unrecorded"], "nothing came of it within 500 ms (`[drill] step_timeout`)");
    drop(held);
    until("the failure is recorded", || app.drills()["drills"][0]["result"] == "failed");
    let incidents = app.get("/v1/incidents").ok();
    assert_eq!(
        (incidents["incidents"].as_array().unwrap().len(), &incidents["incidents"][0]["about"]),
        (1, &json!("drill"))
    );
    app.passes();
}

#[test]
fn the_schedule_finds_a_cut_wire_and_does_not_hurry_after_it() {
    let (house, rest) = (House::memory(), "[drill]\nevery = \"1h\"\n");
    let book = FailingBook::over(house.book().clone());
    let silent = Arc::clone(&book.silent);
    let app = house.start_with_book(rest, Some(Arc::new(book)));
    app.passes();
    *silent.lock().unwrap() = Silent::Entries;
    app.advance(andon::domain::Time::HOUR);
    until("it is found", || app.drills()["drills"][0]["result"] == "failed" && app.drills()["running"] == false);
    assert_eq!(app.drills()["due"], json!(app.now().plus(andon::domain::Time::HOUR)));
    // One that can't even be recorded isn't tried over and over.
    house.disk().fail(Op::Sync, 1, Fault::Device);
    app.advance(andon::domain::Time::HOUR);
    until("it fails", || app.drills()["unrecorded"] != Value::Null && app.drills()["running"] == false);
    assert_eq!(app.drills()["due"], json!(app.now().plus(andon::domain::Time::HOUR)));
    assert!(Scrape::of(&app).is("andon_drills_total{result=failed}", 2.0));
}

/// Mutations that no longer fit the sources would test nothing.
#[test]
fn the_list_of_mutants_fits_the_sources_and_leaves_out_no_wire() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("scripts/drill-mutants.toml")).unwrap();
    let list: toml::Table = text.parse().unwrap();
    let mut cut = std::collections::BTreeSet::new();
    for mutant in list["mutant"].as_array().unwrap() {
        let field = |name: &str| mutant[name].as_str().unwrap_or_else(|| panic!("{name} in {mutant}"));
        let source = std::fs::read_to_string(root.join(field("file"))).unwrap();
        assert_eq!(source.matches(field("old")).count(), 1, "{}: {}", field("file"), field("name"));
        assert_ne!(field("old"), field("new"));
        cut.insert(field("wire").to_owned());
    }
    assert_eq!(cut, ALL.iter().map(|wire| (*wire).to_owned()).collect());
}

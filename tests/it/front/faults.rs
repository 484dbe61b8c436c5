//! The store fails: nothing more is acknowledged, every mode falls, nothing acknowledged is lost.

#![cfg(test)]

use super::failing::FailingBook;
use super::harness::{DRAFTS, House, TestApp, failure, output, until};
use super::http::try_send;
use super::metrics::Scrape;
use andon::store::memory::{Fault, Op};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Everything that must hold once the store refused.
fn poisoned(app: &TestApp) {
    for (path, body) in [
        ("/v1/events", output("later")),
        ("/v1/reviews", json!([])),
        ("/v1/stop", json!({"reason": "r"})),
        ("/v1/workflows/drafts/mode", json!({"mode": "assist", "reason": "r"})),
    ] {
        let answer = app.post(path, &body);
        assert_eq!(answer.problem(503), "store_refused", "{path}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(app.get("/readyz").problem(503), "store_failed");
    assert_eq!(app.get("/livez").status, 200);
    let mode = app.mode("drafts");
    assert_eq!((&mode["mode"], &mode["level"], &mode["caps"][0]["by"]), (&json!("assist"), &json!(0), &json!("store")));
    assert_eq!(app.workflow("drafts")["mode"]["mode"], "assist");
    let scrape = Scrape::of(app);
    assert!(scrape.is("andon_store_poisoned{}", 1.0) && scrape.is("andon_mode_level{workflow=drafts}", 0.0));
}

/// Starts on what the crash left and sends everything again: each output is counted once.
fn recovers(house: &House, acknowledged: u64, all: &[Value]) -> TestApp {
    let app = house.start(DRAFTS);
    let found = app.workflow("drafts")["outputs_total"].as_u64().unwrap();
    assert!(found >= acknowledged, "{acknowledged} were acknowledged and {found} are there");
    app.post("/v1/events", &Value::from(all.to_vec())).ok();
    assert_eq!(app.workflow("drafts")["outputs_total"], all.len());
    assert_eq!(app.mode("drafts")["caps"], json!([]));
    app
}

#[test]
fn a_failed_sync_or_write_poisons_and_nothing_acknowledged_is_lost() {
    for (op, fault) in [(Op::Sync, Fault::Device), (Op::Write, Fault::NoSpace), (Op::Write, Fault::Device)] {
        for seed in [None, Some(1), Some(2), Some(3)] {
            let app = House::memory().start(DRAFTS);
            let all: Vec<Value> = (0..30).map(output).collect();
            app.take(&all[..20]);
            app.house.disk().fail(op, 1, fault);
            let failed = app.post("/v1/events", &Value::from(all[20..].to_vec()));
            assert_eq!(failed.problem(503), "store_refused", "{op:?} {fault:?}");
            poisoned(&app);
            let after = app.house.crash(seed);
            drop(app);
            recovers(&after, 20, &all);
        }
    }
}

fn check_ledger(app: &TestApp) -> Vec<Value> {
    let ledger = app.ledger();
    for (n, entry) in ledger.iter().enumerate() {
        assert_eq!(entry["ledger_seq"], n + 1, "a hole or a repeat in {ledger:#?}");
    }
    ledger
}

fn changes(app: &TestApp) -> usize {
    check_ledger(app).iter().filter(|entry| entry["kind"] == "mode_changed").count()
}

#[test]
fn a_ledger_that_can_not_be_written_poisons_and_catches_up_after_the_restart() {
    let app = House::memory().start(DRAFTS);
    app.take(&(0..20).map(output).collect::<Vec<_>>());
    app.house.book().set_fault(Some("no space left"));
    app.take(&[output(20)]);
    let all: Vec<Value> = (0..21).map(output).chain((21..41).map(failure)).collect();
    let failed = app.post("/v1/events", &Value::from(all[21..].to_vec()));
    assert_eq!(failed.problem(503), "store_refused", "the breach is in no ledger, so it is not acknowledged");
    poisoned(&app);
    let after = app.house.crash(None);
    drop(app);
    let app = recovers(&after, 21, &all);
    assert!(app.mode("drafts")["epoch"].as_u64().unwrap() > 1);
    assert!(changes(&app) >= 1, "the ledger must hold the breach");
}

/// A full disk may have room again: what then came into the ledger would hide what is missing.
#[test]
fn after_a_failed_ledger_write_nothing_more_comes_in_though_there_is_room_again() {
    let app = House::memory().start(DRAFTS);
    app.house.book().set_fault(Some("no space left"));
    let failures: Vec<Value> = (0..20).map(failure).collect();
    app.post("/v1/events", &Value::from(failures)).problem(503);
    app.house.book().set_fault(None);
    poisoned(&app);
    let epoch = app.mode("drafts")["epoch"].clone();
    let after = app.house.crash(None);
    drop(app);
    let app = after.start(DRAFTS);
    assert_eq!(app.mode("drafts")["epoch"], epoch);
    assert_eq!(changes(&app) as u64, epoch.as_u64().unwrap() - 1, "each epoch stands in the ledger");
}

#[test]
fn who_waits_for_a_change_is_told_of_the_failure_and_who_asks_later_too() {
    let app = House::memory().start(DRAFTS);
    let to = app.address;
    let wait = "/v1/workflows/drafts/mode?wait=60s&epoch=1";
    let waiting = std::thread::spawn(move || try_send(to, "GET", wait, &[], b"").unwrap().ok());
    until("it waits", || Scrape::of(&app).is("andon_long_polls{}", 1.0));
    let tag = app.get("/v1/workflows/drafts/mode").header("etag").unwrap().to_owned();
    app.house.disk().fail(Op::Sync, 1, Fault::Device);
    app.post("/v1/events", &output(1)).problem(503);
    assert_eq!(waiting.join().unwrap()["mode"], "assist");
    // It knows the epoch, but from before the failure: it must not wait with the old mode in hand.
    let late = std::thread::spawn(move || try_send(to, "GET", wait, &[("if-none-match", &tag)], b"").unwrap());
    until("it is answered at once", || late.is_finished());
    assert_eq!(late.join().unwrap().ok()["mode"], "assist");
}

/// A disk that hangs holds up the driver: what the process itself knows is scraped all the same.
#[test]
fn a_scrape_is_answered_while_the_driver_hangs() {
    let app = House::memory().start(DRAFTS);
    app.take(&[output(1)]);
    let whole = Scrape::of(&app);
    assert!(whole.is("andon_ready{}", 1.0) && whole.is("andon_scrapes_partial_total{}", 0.0));
    let release = app.hold();
    let hangs = |times: f64| {
        let part = Scrape::of(&app);
        assert!(part.is("andon_ready{}", 0.0) && part.is("andon_scrapes_partial_total{}", times));
        assert_eq!(part.keys("andon_outputs_total"), Vec::<&str>::new(), "what isn't known is absent");
        assert_eq!(part.keys("andon_build_info").len(), 1);
        part
    };
    assert!(hangs(1.0).is("andon_mode_level{workflow=drafts}", 3.0), "it waited for a while: modes hold still");
    // Half a minute without a sign of life: from now on nobody waits for it.
    app.house.clock.advance(31_000);
    assert!(hangs(2.0).is("andon_mode_capped{by=driver,workflow=drafts}", 1.0));
    drop(release);
    until("it is whole again", || Scrape::of(&app).is("andon_ready{}", 1.0));
    assert!(Scrape::of(&app).is("andon_outputs_total{outcome=ok,workflow=drafts}", 1.0));
}

/// A snapshot that failed took its part of the state with it; one that comes after it, at the end,
/// must not be saved in its place.
#[test]
fn a_failed_snapshot_is_not_lost_when_the_daemon_stops() {
    let house = House::memory();
    let fail = Arc::new(AtomicBool::new(true));
    let book = FailingBook { snapshots: Arc::clone(&fail), ..FailingBook::over(house.book().clone()) };
    let rest = format!("{DRAFTS}[[workflow]]\nid = \"other\"\n");
    let app = house.start_with_book(&rest, Some(Arc::new(book)));
    app.take(&(0..50).map(output).collect::<Vec<_>>());
    app.advance(61_000);
    until("the snapshot failed", || Scrape::of(&app).value("andon_snapshot_failures_total{}") >= 1.0);
    fail.store(false, Ordering::SeqCst);
    app.take(&[super::harness::with(output(1), &json!({"workflow": "other"}))]);
    let app = app.stop().start(&rest);
    assert_eq!(app.workflow("drafts")["outputs_total"], 50);
    assert_eq!(app.workflow("other")["outputs_total"], 1);
    assert_eq!(app.post("/v1/events", &output(7)).ok()["duplicates"], 1);
}

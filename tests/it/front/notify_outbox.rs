//! An outbox that is damaged or can't be used: the daemon starts, lowers modes, says so, and notifies as soon as it can.

#![cfg(test)]

use super::harness::{House, TestApp, until};
use super::metrics::Scrape;
use super::notify::{QUICK, fleet};
use super::receiver::Receiver;
use andon::domain::Time;
use serde_json::json;
use std::path::PathBuf;

fn outbox(house: &House, part: &str) -> PathBuf {
    house.folder.path().join("data").join(format!("outbox.db{part}"))
}

fn with_target(receiver: &Receiver) -> (House, String) {
    let house = House::folder();
    let target = receiver.webhook(house.folder.path(), "hook", "");
    (house, format!("{QUICK}{target}{}", fleet(6)))
}

/// Whether the outbox can't be used, and how many damaged ones there are.
#[track_caller]
fn shows(app: &TestApp, failing: bool, damaged: u8) {
    let scrape = Scrape::of(app);
    let of = |name| scrape.value(name);
    let found = (of("andon_outbox_failing{}"), of("andon_outbox_damaged_files{}"));
    assert!(found == (f64::from(u8::from(failing)), f64::from(damaged)), "{found:?}");
}

#[test]
fn a_damaged_outbox_is_set_aside_and_the_last_hour_is_told_again() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver);
    let app = house.start(&rest);
    app.lower("w0");
    receiver.wait_for(1);
    app.advance(2 * Time::HOUR);
    app.lower("w1");
    let told = receiver.wait_for(2);
    until("nothing waits", || app.target("hook")["pending"] == 0);
    let house = app.stop();
    let garbage = "not a database ".repeat(1_000);
    std::fs::write(outbox(&house, ""), &garbage).unwrap();
    let app = house.start(&rest);
    app.fail("w2");
    assert_eq!(app.mode("w2")["mode"], "assist");
    // A repeat is known by its id. What is older than an hour is not told again.
    let after = receiver.wait_for(4);
    let headlines = receiver.headlines();
    assert_eq!((after[2].id(), &after[2].body), (told[1].id(), &told[1].body));
    assert!(headlines[3].starts_with("w2 was lowered"), "{headlines:?}");
    until("nothing waits", || app.target("hook")["pending"] == 0);
    assert_eq!(receiver.received().len(), 4);
    assert_eq!(std::fs::read_to_string(outbox(&house, ".damaged-1")).unwrap(), garbage);
    shows(&app, false, 1);
    // The next start has nothing to tell again, and a second damage overwrites nothing.
    let house = app.stop();
    let app = house.start(&rest);
    shows(&app, false, 1);
    let house = app.stop();
    std::fs::write(outbox(&house, ""), "more garbage, and shorter").unwrap();
    let app = house.start(&rest);
    receiver.wait_for(6);
    shows(&app, false, 2);
    assert_eq!(std::fs::read_to_string(outbox(&house, ".damaged-1")).unwrap(), garbage);
}

/// The first page is as it should be, so that only a look at all of them finds it.
#[test]
fn damage_in_the_middle_is_found_at_the_start() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver);
    house.start(&rest).stop();
    let mut bytes = std::fs::read(outbox(&house, "")).unwrap();
    let first = 4_096;
    assert!(bytes.len() > 2 * first, "{}", bytes.len());
    bytes[first..].fill(0x5a);
    std::fs::write(outbox(&house, ""), bytes).unwrap();
    let app = house.start(&rest);
    app.lower("w0");
    receiver.wait_for(1);
    shows(&app, false, 1);
}

#[test]
fn an_outbox_that_cant_be_used_keeps_nobody_from_being_lowered_and_is_tried_again() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver);
    // A file can't be written where a folder is, whoever one is.
    house.start(&rest).stop();
    for part in ["", "-wal", "-shm"] {
        // They are gone already where the stop took the log over.
        let _ = std::fs::remove_file(outbox(&house, part));
    }
    std::fs::create_dir(outbox(&house, "")).unwrap();
    let app = house.start(&rest);
    app.fail("w0");
    assert_eq!(app.mode("w0")["mode"], "assist");
    assert_eq!(app.get("/readyz").status, 200, "it takes outputs");
    shows(&app, true, 0);
    assert_eq!(app.get("/v1/notifications").problem(503), "outbox_failing");
    assert_eq!(app.post("/v1/notifications/hook/retry", &json!({})).problem(503), "outbox_failing");
    // A test needs no outbox.
    assert_eq!(app.post("/v1/notifications/hook/test", &json!({})).ok()["delivered"], true);
    std::fs::remove_dir(outbox(&house, "")).unwrap();
    // What happened in between is told, and nothing from before the start.
    let told = receiver.wait_for(2);
    assert_eq!(told[1].headline(), "w0 was lowered from automate to assist");
    until("it is well again", || Scrape::of(&app).is("andon_outbox_failing{}", 0.0));
    until("nothing waits", || app.target("hook")["pending"] == 0);
    assert_eq!(receiver.received().len(), 2);
}

#[test]
fn a_target_is_tested_once_at_a_time() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver);
    let app = house.start(&rest);
    receiver.hold(true);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| app.post("/v1/notifications/hook/test", &json!({})).ok());
        receiver.wait_for(1);
        assert_eq!(app.post("/v1/notifications/hook/test", &json!({})).problem(409), "test_under_way");
        receiver.hold(false);
        assert_eq!(first.join().unwrap()["delivered"], true);
    });
    assert_eq!(app.post("/v1/notifications/hook/test", &json!({})).ok()["delivered"], true);
    assert_eq!(receiver.received().len(), 2);
}

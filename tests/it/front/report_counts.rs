//! What was refused and what came again, counted by the hour: over restarts, kills, updates and the ends of weeks.

#![cfg(test)]

use super::failing::FailingBook;
use super::harness::{House, TestApp, failure, output, until};
use andon::domain::Time;
use andon::store::Book;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const POLICY: &str = r#"
[report]
keep_weeks = 0
time_zone = "Europe/Berlin"
[[workflow]]
id = "drafts"
start_mode = "automate"
  [[workflow.guard]]
  signal = "exception_rate"
  name = "exceptions"
  bound = { collaborate = 0.20, delegate = 0.05, automate = 0.02 }
  block = 1
"#;

/// A house that keeps fewer refusals than these tests make.
fn house(of: House) -> House {
    House { server: "refusals_max = 2", ..of }
}

/// Has outputs refused, of a workflow that nobody declared and without an outcome.
fn refuse(app: &TestApp, unknown: usize, unreadable: usize) {
    let wrong = |_| json!({"id": "w", "workflow": "nobody", "outcome": "ok"});
    let empty = |_| json!({"id": "e", "workflow": "drafts"});
    let events: Value = (0..unknown).map(wrong).chain((0..unreadable).map(empty)).collect();
    let answer = app.post("/v1/events", &events).json();
    assert_eq!(answer["rejected"].as_array().unwrap().len(), unknown + unreadable, "{answer}");
}

/// Sends outputs and a review twice.
fn repeat(app: &TestApp, id: &str) {
    let events = json!([output(id), output(format!("{id}2"))]);
    let review = json!({"id": id, "workflow": "drafts", "output_id": id, "verdict": "accepted", "reviewer": "ann"});
    app.post("/v1/events", &events).ok();
    app.post("/v1/reviews", &review).ok();
    assert_eq!(app.post("/v1/events", &events).ok()["duplicates"], 2);
    assert_eq!(app.post("/v1/reviews", &review).ok()["duplicates"], 1);
    app.settle();
}

fn quality(app: &TestApp, week: &str) -> Value {
    app.get(&format!("/v1/reports/{week}.json")).ok()["quality"].clone()
}

/// What a report of all workflows says: refusals of an unknown workflow and without an outcome, repeats.
#[track_caller]
fn says(app: &TestApp, week: &str, refused: [u64; 2], duplicates: u64) {
    let found = quality(app, week);
    let by_code = [("unknown_workflow", refused[0]), ("missing_field", refused[1])];
    let expected: Value = by_code.into_iter().filter(|(_, n)| *n > 0).map(|(k, n)| (k.to_owned(), json!(n))).collect();
    assert_eq!((&found["refused"], &found["duplicates"]), (&expected, &json!(duplicates)), "{found}");
    assert_eq!(found["refused_is_complete"], true, "{found}");
}

#[test]
fn a_restart_knows_what_was_refused_and_repeated_before() {
    let house = house(House::folder());
    let app = house.start(POLICY);
    refuse(&app, 4, 3);
    repeat(&app, "a");
    says(&app, "now", [4, 3], 3);
    let app = app.stop().start(POLICY);
    says(&app, "now", [4, 3], 3);
    refuse(&app, 1, 0);
    repeat(&app, "b");
    app.advance(2 * Time::HOUR);
    refuse(&app, 0, 2);
    let app = app.stop().start(POLICY);
    says(&app, "now", [5, 5], 6);
    let page = app.get("/v1/reports/now.html").text();
    assert!(page.contains("10 events and reviews were refused") && page.contains("missing_field 5"), "{page}");
    assert!(page.contains("6 events and reviews came again and changed nothing"), "{page}");
}

#[test]
fn each_week_has_its_own_counts_by_its_own_midnight_for_as_long_as_they_are_kept() {
    let house = house(House::folder());
    let app = house.start(POLICY);
    // Friday, 11:00 in Berlin, to the last minute of Sunday.
    app.advance(2 * Time::DAY + 12 * Time::HOUR + 59 * Time::MINUTE);
    refuse(&app, 3, 0);
    repeat(&app, "a");
    app.advance(Time::MINUTE);
    refuse(&app, 0, 4);
    let both = |app: &TestApp| {
        says(app, "2026-W47", [3, 0], 3);
        says(app, "2026-W48", [0, 4], 0);
    };
    both(&app);
    says(&app, "2026-W46", [0, 0], 0);
    let app = app.stop().start(POLICY);
    both(&app);
    app.advance(4 * 7 * Time::DAY);
    both(&app);
    // Now the first hour of W47 is older than what is kept, and a sum without it might be less than there was.
    app.advance(Time::HOUR);
    says(&app, "now", [0, 0], 0);
    says(&app, "2026-W48", [0, 4], 0);
    let gone = quality(&app, "2026-W47");
    assert_eq!((&gone["duplicates"], &gone["refused_is_complete"]), (&Value::Null, &json!(false)), "{gone}");
}

#[test]
fn a_kill_loses_what_came_since_the_last_second_and_no_more() {
    let house = house(House::memory());
    let app = house.start(POLICY);
    refuse(&app, 3, 1);
    repeat(&app, "a");
    app.advance(Time::SECOND);
    let written = || house.book().reader().unwrap().counted().unwrap().iter().map(|one| one.count).sum::<u64>();
    until("the counts are written", || written() == 7);
    refuse(&app, 5, 0);
    let found = house.crash(None);
    drop(app);
    says(&found.start(POLICY), "now", [3, 1], 3);
}

#[test]
fn counts_that_cannot_be_written_hold_up_nothing_and_are_written_later() {
    let house = house(House::memory());
    let book = FailingBook::over(house.book().clone());
    let refuses = Arc::clone(&book.counts);
    refuses.store(true, Ordering::SeqCst);
    let app = house.start_with_book(POLICY, Some(Arc::new(book)));
    refuse(&app, 3, 0);
    repeat(&app, "a");
    app.advance(2 * Time::SECOND);
    refuse(&app, 0, 2);
    app.advance(2 * Time::SECOND);
    let failures: Vec<_> = (0..3).map(failure).collect();
    app.take(&failures);
    assert_ne!(app.mode("drafts")["mode"], "automate", "guards work on");
    assert_eq!(app.get("/readyz").status, 200);
    says(&app, "now", [3, 2], 3);
    assert_eq!(house.book().reader().unwrap().counted().unwrap(), []);
    refuses.store(false, Ordering::SeqCst);
    refuse(&app, 1, 0);
    says(&app.stop().start(POLICY), "now", [4, 2], 3);
}

/// Garbage where the table stands: nothing else depends on it.
#[test]
fn a_damaged_table_of_counts_poisons_nothing_and_is_not_taken_for_a_count_of_all() {
    let house = house(House::folder());
    let app = house.start(POLICY);
    refuse(&app, 3, 0);
    drop(app);
    let path = house.folder.path().join("data/ledger.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap() as usize;
    let page = number("SELECT rootpage FROM sqlite_schema WHERE name = 'counted'");
    let size = number("PRAGMA page_size");
    drop(db);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[(page - 1) * size..page * size].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();

    let app = house.start(POLICY);
    refuse(&app, 3, 0);
    for n in 0..3 {
        app.advance(2 * Time::SECOND);
        refuse(&app, 1, 0);
        app.take(&[failure(n)]);
    }
    assert_ne!(app.mode("drafts")["mode"], "automate", "the ledger takes entries");
    assert_eq!(app.get("/readyz").status, 200);
    let found = quality(&app, "now");
    assert_eq!((&found["duplicates"], &found["refused_is_complete"]), (&Value::Null, &json!(false)), "{found}");
    assert_eq!(app.stop().start(POLICY).get("/readyz").status, 200);
}

#[test]
fn a_store_from_before_there_were_counts_says_so_until_a_whole_week_was_counted() {
    let house = house(House::folder());
    let app = house.start(POLICY);
    refuse(&app, 4, 0);
    drop(app);
    let db = rusqlite::Connection::open(house.folder.path().join("data/ledger.db")).unwrap();
    db.execute_batch("DROP TABLE counted; PRAGMA user_version = 2").unwrap();
    drop(db);
    let not_whole = |app: &TestApp, week: &str| {
        let found = quality(app, week);
        assert_eq!((&found["duplicates"], &found["refused_is_complete"]), (&Value::Null, &json!(false)), "{found}");
    };
    let app = house.start(POLICY);
    refuse(&app, 1, 0);
    repeat(&app, "a");
    not_whole(&app, "now");
    let app = app.stop().start(POLICY);
    not_whole(&app, "now");
    app.advance(4 * Time::DAY);
    refuse(&app, 5, 0);
    repeat(&app, "b");
    says(&app, "now", [5, 0], 3);
    not_whole(&app, "last");
    // It is the first start that counts, not the last.
    let app = app.stop().start(POLICY);
    says(&app, "now", [5, 0], 3);
}

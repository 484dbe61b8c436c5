//! The daemon and its accountable ledger: entries appear, checkpoints are served and kept elsewhere,
//! and what the verifier computes from outside is the same.

#![cfg(test)]

use super::failing::FailingBook;
use super::harness::{DRAFTS, House, TestApp, failure, output, until};
use super::metrics::Scrape;
use andon::seal::{Hash, chain_start, leaf_hash, link};
use andon::store::memory::MemoryBook;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;

/// What the verifier says of the daemon's store, with a checkpoint folder where there is one.
fn verify(house: &House, more: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
    command.args(["ledger", "verify", "--json", "--store", "data"]).args(more).current_dir(house.folder.path());
    let output = command.output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(output.status.success(), json["holds"] == true, "{json}");
    json
}

fn checkpoint(app: &TestApp) -> Value {
    app.send("GET", "/v1/ledger/checkpoint", &[("accept", "application/json")], b"").ok()
}

/// Waits until the newest checkpoint is over all entries; it.
fn complete(app: &TestApp) -> Value {
    let entries = app.ledger().len();
    until("a checkpoint of all entries", || {
        let answer = app.send("GET", "/v1/ledger/checkpoint", &[("accept", "application/json")], b"");
        answer.status == 200 && answer.json()["size"] == entries
    });
    checkpoint(app)
}

fn elsewhere() -> House {
    let house = House::folder();
    let path = house.folder.path().join("elsewhere");
    // The harness wants a text for ever; a test's process is short.
    let store = format!("[ledger]\ncheckpoint_path = {path:?}\norigin = \"andon.example/front\"").leak();
    House { store, ..house }
}

#[test]
fn a_checkpoint_is_served_that_the_verifier_computes_too() {
    let app = elsewhere().start(DRAFTS);
    let first = complete(&app);
    app.take(&(0..6).map(failure).collect::<Vec<_>>());
    let entries = app.ledger().len();
    assert!(entries > 4, "a breach stands in the ledger");
    assert_eq!(checkpoint(&app)["size"], first["size"], "the next one comes in an hour");
    app.advance(60 * 60_000);
    let second = complete(&app);
    assert_ne!(second["root"], first["root"]);
    // It is in the store before it is elsewhere.
    let latest = app.house.folder.path().join("elsewhere/latest");
    until("it is kept elsewhere", || std::fs::read_to_string(&latest).is_ok_and(|text| second["note"] == text));
    // Beside the daemon at work, with the key that it serves.
    let key = app.get("/v1/ledger/key").text();
    let verdict = verify(&app.house, &["--checkpoint", "elsewhere", "--key", key.trim(), "--strict"]);
    assert_eq!((&verdict["holds"], &verdict["report"]["root"]), (&json!(true), &second["root"]), "{verdict}");
    assert_eq!(verdict["report"]["entries"], entries);
    let note = app.get("/v1/ledger/checkpoint");
    assert_eq!(note.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(note.text().starts_with(&format!("andon.example/front\n{entries}\n")), "{}", note.text());
    assert_eq!(second["note"], note.text());
    assert_eq!(std::fs::read_to_string(app.house.folder.path().join("elsewhere/latest")).unwrap(), note.text());
    assert_eq!(second["key"], key.trim());
    let scrape = Scrape::of(&app);
    assert!(scrape.is("andon_ledger_checkpoint_failures_total{}", 0.0));
    assert!(scrape.is("andon_ledger_checkpoint_entries{}", f64::from(u32::try_from(entries).unwrap())));
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
    let now = (app.now().0 / 1_000) as f64;
    assert!(scrape.is("andon_ledger_checkpoint_timestamp_seconds{}", now));
    // Nothing new, no new checkpoint.
    app.advance(60 * 60_000);
    let (before, after) = (second["time"].clone(), checkpoint(&app)["time"].clone());
    assert_eq!(before, after);
}

#[test]
fn entries_carry_their_hashes_and_a_restart_goes_on_with_the_chain() {
    let mut app = elsewhere().start(DRAFTS);
    for round in 0..3 {
        app.take(&[output(round)]);
        app.post("/v1/workflows/drafts/mode", &json!({"hold": true, "reason": "look"})).ok();
        app = app.stop().start(DRAFTS);
    }
    let (ledger, mut chain) = (app.ledger(), chain_start());
    let lines = app.send("GET", "/v1/ledger?limit=1000", &[("accept", "application/x-ndjson")], b"");
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(lines.text().lines().count(), ledger.len());
    for (entry, line) in ledger.iter().zip(lines.text().lines()) {
        let hash = |name: &str| entry[name].as_str().unwrap().parse::<Hash>().unwrap();
        let seq = entry["ledger_seq"].as_u64().unwrap();
        let body = line.split_once("\"entry\":").unwrap().1.strip_suffix('}').unwrap();
        assert_eq!(hash("leaf"), leaf_hash(seq, 1, body.as_bytes()), "from the line alone, byte for byte");
        chain = link(&chain, &hash("leaf"));
        assert_eq!(hash("chain"), chain);
    }
    let house = app.stop();
    let verdict = verify(&house, &["--checkpoint", "elsewhere", "--strict"]);
    assert_eq!(verdict["holds"], true, "the last checkpoint is of the stop: {verdict}");
    assert_eq!(verdict["report"]["entries"], ledger.len());
}

#[test]
fn an_export_is_the_same_from_the_daemon_and_from_its_store() {
    let app = House::folder().start(DRAFTS);
    app.take(&(0..6).map(failure).collect::<Vec<_>>());
    let export = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
        command.args(["ledger", "export"]).args(more).current_dir(app.house.folder.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let url = format!("http://{}", app.address);
    let lines = export(&["--store", "data"]);
    assert_eq!(lines.lines().count(), app.ledger().len());
    assert_eq!(export(&["--url", &url]), lines);
    assert_eq!(export(&["--url", &url, "--workflow", "drafts"]), export(&["--store", "data", "--workflow", "drafts"]));
    assert_ne!(export(&["--url", &url, "--workflow", "drafts"]), lines);
}

/// A place that can't be written to is a failure that is counted and tried again; the daemon works on.
#[test]
fn a_failing_place_for_checkpoints_stops_nothing() {
    let house = elsewhere();
    let path = house.folder.path().join("unmounted/andon");
    let store = format!("[ledger]\ncheckpoint_path = {path:?}").leak();
    let app = House { store, ..house }.start(DRAFTS);
    let failures = |app: &TestApp| Scrape::of(app).value("andon_ledger_checkpoint_failures_total{}");
    until("it failed", || failures(&app) >= 1.0);
    assert!(Scrape::of(&app).keys("andon_ledger_checkpoint_entries").is_empty(), "no data is an absent series");
    app.take(&[output(1)]);
    app.advance(60_000);
    until("it was tried again", || failures(&app) >= 2.0);
    // What is signed is kept in the store meanwhile, and served.
    let kept = complete(&app);
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    app.advance(60_000);
    until("it is written late", || path.join("latest").exists());
    assert_eq!(std::fs::read_to_string(path.join("latest")).unwrap(), kept["note"].as_str().unwrap());
    until("it counts as made", || !Scrape::of(&app).keys("andon_ledger_checkpoint_entries").is_empty());
}

/// A ledger that was changed while the daemon was away is not signed; the daemon says so and works on.
#[test]
fn a_changed_ledger_is_served_but_no_longer_signed() {
    let house = elsewhere().start(DRAFTS).stop();
    let size = verify(&house, &[])["report"]["entries"].clone();
    let db = rusqlite::Connection::open(house.folder.path().join("data/ledger.db")).unwrap();
    db.execute("UPDATE entry SET body = replace(body, 'andon', 'eve') WHERE ledger_seq = 2", []).unwrap();
    let app = house.start(DRAFTS);
    until("it refused", || Scrape::of(&app).value("andon_ledger_checkpoint_failures_total{}") >= 1.0);
    app.take(&[output(1)]);
    assert_eq!(checkpoint(&app)["size"], size, "the old one is still there");
    let house = app.stop();
    let verdict = verify(&house, &["--checkpoint", "elsewhere"]);
    let findings: Vec<_> = verdict["findings"].as_array().unwrap().iter().map(|it| &it["damage"]).collect();
    assert_eq!(findings, ["edited"], "{verdict}");
}

/// Before the first checkpoint there is none; a crash loses none that was served.
#[test]
fn a_crash_loses_no_checkpoint_and_no_key() {
    let app = House::memory().start(DRAFTS);
    let before = complete(&app);
    let after = app.house.crash(None);
    drop(app);
    let app = after.start(DRAFTS);
    assert_eq!(complete(&app)["key"], before["key"]);
    assert!(app.ledger().len() > before["size"].as_u64().unwrap().try_into().unwrap());
    let empty = FailingBook { checkpoints: true, ..FailingBook::over(MemoryBook::new()) };
    let app = House::memory().start_with_book(DRAFTS, Some(Arc::new(empty)));
    until("it failed", || Scrape::of(&app).value("andon_ledger_checkpoint_failures_total{}") >= 1.0);
    assert_eq!(app.get("/v1/ledger/checkpoint").problem(404), "no_checkpoint");
    assert_eq!(app.get("/v1/ledger/key").problem(404), "no_checkpoint");
    app.take(&[output(1)]);
}

/// Looked through by the daemon itself: sound as it was written, and not after a hand was laid on it.
#[test]
fn the_daemon_looks_through_its_own_ledger() {
    let app = House::folder().start(DRAFTS);
    app.take(&(0..20).map(super::harness::failure).collect::<Vec<_>>());
    let audit = app.get("/v1/ledger/audit").ok();
    assert_eq!((&audit["sound"], &audit["findings"]), (&json!(true), &json!([])));
    assert_eq!(audit["entries"].as_u64(), Some(app.ledger().len() as u64));
    let page = super::console::Browser::new(&app).get("/ledger?verify=true").text();
    assert!(page.contains("Sound: all"), "{page}");
    let database = app.house.folder.path().join("data/ledger.db");
    let db = rusqlite::Connection::open(database).unwrap();
    let changed = db.execute("UPDATE entry SET body = replace(body, 'timeout', 'nothing') WHERE ledger_seq = (SELECT max(ledger_seq) FROM entry WHERE body LIKE '%timeout%')", []);
    assert_eq!(changed.unwrap(), 1);
    let audit = app.get("/v1/ledger/audit").ok();
    assert_eq!((&audit["sound"], audit["findings_total"].as_u64() > Some(0)), (&json!(false), true), "{audit}");
    assert!(super::console::Browser::new(&app).get("/ledger?verify=true").text().contains("Not sound"));
}

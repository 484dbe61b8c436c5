//! Stores that are in use, torn, or without their beginning: only looked at, and never changed.

#![cfg(test)]

use super::super::cli;
use super::super::front::harness::{DRAFTS as WATCHED, House, failure, output};
use super::{DRAFTS, Past, STORE, everything, printed, report, start, workflow};
use andon::domain::{Input, Time};
use andon::store::{Beside, Journal, JournalSettings, Look, RealDisk, Store, StoreOptions, encode_record};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

#[test]
fn a_running_daemon_is_not_disturbed() {
    let app = House::folder().start(WATCHED);
    for n in 0..40 {
        app.take(&[output(n)]);
    }
    let folder = app.house.folder.path().to_owned();
    let store = folder.join("data").display().to_string();
    std::fs::write(folder.join("candidate.toml"), WATCHED.replace("0.02", "0.01")).unwrap();
    let look = || cli::json(&folder, &["backtest", "--config", "candidate.toml", "--store", &store, "--json"]);
    assert_eq!(look()["read"]["outputs"], 40);
    app.take(&(0..6).map(|n| failure(format!("f-{n}"))).collect::<Vec<_>>());
    let after = look();
    assert_eq!(after["read"]["outputs"], 46, "{after:#}");
    assert_eq!(workflow(&after, "drafts")["happened"]["end"], app.mode("drafts")["mode"]);
    app.take(&[output("after")]);
    // The store is locked all the time, and free again afterwards.
    assert!(Store::open(Path::new(&store), StoreOptions::default()).is_err());
    drop(app.stop());
    assert!(Store::open(Path::new(&store), StoreOptions::default()).is_ok());
}

/// A journal that rolls and packs all the time, looked at all the time.
#[test]
fn a_growing_journal_is_never_taken_for_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path(), STORE).unwrap());
    let settings = JournalSettings { segment_bytes: 4_096, beside: Beside::Thread };
    let (mut journal, _) = Journal::open(Arc::new(RealDisk::new(folder.path())), settings).unwrap();
    let writer = std::thread::spawn(move || {
        for number in 0..3_000_u64 {
            let mut record = Vec::new();
            let version = "x".repeat(usize::try_from(number % 300).unwrap());
            encode_record(start(), &Input::Started { version }, &mut record).unwrap();
            journal.append(&record).unwrap();
            journal.commit().unwrap();
        }
        journal.settle();
    });
    let mut looks = 0;
    while !writer.is_finished() {
        let look = Look::at(folder.path()).unwrap_or_else(|error| panic!("look {looks}: {error}"));
        let mut next = 1;
        // A folder is not listed in one moment, so the newest segment may be missed; never one in between.
        let read = look.journal.replay(1, &mut |seq, _, _| {
            assert_eq!(seq, next);
            next += 1;
            Ok(())
        });
        let read = read.unwrap_or_else(|error| panic!("look {looks}: {error}"));
        assert_eq!(read, look.journal.last_seq());
        looks += 1;
    }
    writer.join().unwrap();
    assert!(looks > 3, "{looks} looks");
    assert_eq!(Look::at(folder.path()).unwrap().journal.last_seq(), 3_000);
}

/// The plain segment with the last records.
fn last_segment(folder: &Path) -> std::path::PathBuf {
    let files = everything(&folder.join("store/journal")).into_iter().map(|(path, _, _)| path);
    let plain = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    plain.filter(|path| std::fs::read(path).unwrap()[24..].iter().any(|byte| *byte != 0)).max().unwrap()
}

#[test]
fn a_torn_end_is_left_out_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.minutes("drafts", 20, false);
    drop(past);
    let whole = report(folder.path(), DRAFTS, &[]);
    let path = last_segment(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // Half of a commit: the last one once more, cut off.
    let magic = bytes.windows(4).rposition(|four| four == [0xFF, 0xAD, 0xFE, 0x0A]).unwrap();
    let half = bytes[magic..magic + 40].to_vec();
    // The last record may itself end in zeros.
    bytes.resize(bytes.len().max(end + 200), 0);
    bytes[end + 100..end + 140].copy_from_slice(&half);
    std::fs::write(&path, &bytes).unwrap();
    let before = everything(&folder.path().join("store"));
    let torn = report(folder.path(), DRAFTS, &[]);
    assert_eq!((&torn["read"]["outputs"], &torn["read"]["last_seq"]), (&20.into(), &whole["read"]["last_seq"]));
    assert!(whole["read"]["torn_bytes"].is_null() && torn["read"]["torn_bytes"].as_u64().unwrap() > 0, "{torn:#}");
    assert!(printed(folder.path(), DRAFTS, &[]).contains("no whole record"));
    assert_eq!(everything(&folder.path().join("store")), before);
}

#[test]
fn nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.minutes("drafts", 60, false);
    drop(past);
    let before = everything(&folder.path().join("store"));
    report(folder.path(), DRAFTS, &["--from", "10m"]);
    assert_eq!(everything(&folder.path().join("store")), before);
}

/// A past of which the first half is gone: lowered before the cut and after it.
fn cut(folder: &Path) -> u64 {
    let text = format!(
        "{DRAFTS}{}",
        DRAFTS
            .replace("drafts", "router")
            .replace("bound = 0.05", "bound = { collaborate = 0.6, delegate = 0.3, automate = 0.05 }")
    );
    let mut past = Past::new(folder, &text);
    past.minutes("drafts", 40, false);
    past.minutes("router", 40, false);
    past.minutes("drafts", 6, true);
    past.minutes("drafts", 300, false);
    past.minutes("router", 12, true);
    past.minutes("router", 20, false);
    let last = past.engine.store().journal.durable_seq();
    drop(past);
    let (mut store, _) = Store::open(&folder.join("store"), STORE).unwrap();
    store.journal.settle();
    let removed = store.journal.retain(start().plus(Time::DAY), i64::MAX, 1, last - 100).unwrap();
    assert!(removed.last_seq > 100 && removed.last_seq < last - 60, "{removed:?} of {last}");
    removed.last_seq + 1
}

#[test]
fn without_its_beginning_the_ledger_tells_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let first = cut(folder.path());
    let candidate = format!("{DRAFTS}{}", DRAFTS.replace("drafts", "router").replace("0.05", "0.5"));
    let store = folder.path().join("store");
    let before = everything(&store);
    let found = report(folder.path(), &candidate, &[]);
    assert_eq!(everything(&store), before, "not even the files that readers of the ledger share");
    assert_eq!((&found["happened_from"], &found["read"]["first_seq"]), (&"ledger".into(), &first.into()), "{found:#}");
    let modes = |report: &Value, id: &str, side: &str| {
        let totals = &workflow(report, id)[side];
        (totals["start"].as_str().unwrap().to_owned(), totals["end"].as_str().unwrap().to_owned())
    };
    let of = |start: &str, end: &str| (start.to_owned(), end.to_owned());
    assert_eq!(modes(&found, "drafts", "happened"), of("assist", "assist"), "lowered before the cut");
    assert_eq!(modes(&found, "drafts", "candidate"), of("assist", "assist"), "as the ledger shows it");
    assert_eq!(modes(&found, "router", "happened").0, "automate");
    let rows = workflow(&found, "router")["rows"].as_array().unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|row| row["happened"]["at_output"].as_u64() <= Some(12)), "{rows:#?}");
    assert!(printed(folder.path(), &candidate, &[]).contains("is gone. What happened is told by the ledger"));
    let forced = report(folder.path(), &candidate, &["--start-mode", "automate"]);
    assert_eq!(modes(&forced, "drafts", "candidate"), of("automate", "automate"));
    assert_eq!(modes(&forced, "drafts", "happened").0, "assist");
    // From the time after router was lowered, the ledger shows that mode.
    let late = report(folder.path(), &candidate, &["--from", "10m"]);
    assert_eq!(modes(&late, "router", "candidate").0, modes(&found, "router", "happened").1, "{late:#}");
    for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        drop(std::fs::remove_file(store.join(file)));
    }
    let said = cli::complaint(folder.path(), 1, &["backtest", "--config", "candidate.toml", "--store", "store"]);
    assert!(said.contains("stands in the ledger only"), "{said}");
}

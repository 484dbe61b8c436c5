//! Exports: the same lines from a store and from a daemon, and verified without either.

use super::{ENTRIES, Log, honest};
use serde_json::Value;

fn export(log: &Log, more: &[&str]) -> String {
    let said = log.run(&[&["ledger", "export", "--store", "store"], more].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    said.text
}

fn verify(log: &Log, lines: &str, more: &[&str]) -> super::Said {
    std::fs::write(log.path().join("ledger.ndjson"), lines).unwrap();
    log.run(&[&["ledger", "verify", "--json", "--export", "ledger.ndjson"], more].concat())
}

#[test]
fn an_export_is_verified_without_the_database() {
    let log = Log::with_checkpoints(&[4, ENTRIES]);
    let lines = export(&log, &[]);
    assert_eq!(lines.lines().count() as u64, ENTRIES);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["ledger_seq"], &first["entry"]["by"]), (&1.into(), &"ada".into()));
    assert_eq!(first["leaf"].as_str().unwrap().len(), 64);
    let key = honest().verifier().to_string();
    let outside = ["--checkpoint", "outside", "--key", &key, "--strict"];
    assert_eq!(verify(&log, &lines, &outside).sound()["report"]["root"], log.verify(&[]).sound()["report"]["root"]);
    let cut: String = lines.lines().take(8).map(|line| format!("{line}\n")).collect();
    assert_eq!(verify(&log, &cut, &outside).findings(), ["truncated 9-10"]);
    assert_eq!(verify(&log, &lines.replace("reason 5", "reason 6"), &outside).findings(), ["edited 5-5"]);
    let without: String =
        lines.lines().filter(|line| !line.contains("reason 5")).map(|line| format!("{line}\n")).collect();
    assert_eq!(verify(&log, &without, &outside).findings(), ["missing 5-5"]);
    assert_eq!(verify(&log, &format!("{lines}{{}}\n"), &outside).findings(), ["unreadable"]);
    assert_eq!(verify(&log, "", &outside).findings(), ["truncated 1-10", "empty"]);
    assert_eq!(verify(&log, &lines, &["--checkpoint", "outside"]).code, Some(64), "there is no key in it");
    assert_eq!(log.run(&["ledger", "verify", "--json", "--export", "none"]).findings(), ["no_log"]);
}

#[test]
fn a_part_of_the_ledger_can_be_exported() {
    let log = Log::new();
    let seqs = |lines: &str| -> Vec<u64> {
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["ledger_seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(&export(&log, &["--after", "7"])), [8, 9, 10]);
    assert_eq!(seqs(&export(&log, &["--workflow", "router"])), [1, 4, 7, 10]);
    assert_eq!(log.run(&["ledger", "export", "--store", "elsewhere"]).code, Some(1));
    log.sql("UPDATE entry SET body = 'so what' WHERE ledger_seq = 5");
    let said = log.run(&["ledger", "export", "--store", "store"]);
    assert!(said.code == Some(1) && said.error.contains("entry 5"), "{}", said.error);
}

//! What can't be compared is said, with what to do: exit 64 for the command line, 1 for the store.

#![cfg(test)]

use super::super::cli::{andon, complaint, json, text};
use super::{DRAFTS, Past, STORE, everything, write};
use andon::store::Store;

const BACKTEST: [&str; 5] = ["backtest", "--config", "candidate.toml", "--store", "store"];

#[test]
fn a_store_that_is_not_there_or_empty() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), DRAFTS);
    let said = complaint(folder.path(), 1, &BACKTEST);
    assert!(said.contains("there is no store of andon in `store`"), "{said}");
    // The default is the candidate's own.
    write(folder.path(), &format!("[store]\npath = \"elsewhere\"\n{DRAFTS}"));
    assert!(complaint(folder.path(), 1, &BACKTEST[..3]).contains("elsewhere"));
    assert!(!folder.path().join("elsewhere").exists() && !folder.path().join("store").exists());
    drop(Store::open(&folder.path().join("store"), STORE).unwrap());
    let said = complaint(folder.path(), 1, &BACKTEST);
    assert!(said.contains("the journal is empty"), "{said}");
    std::fs::write(folder.path().join("store/FORMAT"), "andon store 99\n").unwrap();
    assert!(complaint(folder.path(), 1, &BACKTEST).contains("format 99"));
}

#[test]
fn a_candidate_with_problems_and_times_that_make_no_sense() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.minutes("drafts", 5, false);
    drop(past);
    write(folder.path(), &DRAFTS.replace("0.05", "5").replace("30d", "soon"));
    let said = complaint(folder.path(), 64, &BACKTEST);
    assert!(said.contains("evidence_valid") && said.contains("bound"), "all problems: {said}");
    write(folder.path(), DRAFTS);
    let with = |more: &[&'static str]| [&BACKTEST, more].concat();
    let said = complaint(folder.path(), 64, &with(&["--from", "2026-11-03", "--to", "2026-11-02"]));
    assert!(said.contains("must be before --to"), "{said}");
    assert!(complaint(folder.path(), 64, &with(&["--from", "yesterday"])).contains("such as 7d"));
    assert!(complaint(folder.path(), 64, &with(&["--start-mode", "auto"])).contains("use assist"));
    for span in [["--from", "2027-01-01"], ["--to", "2026-01-01"]] {
        let said = complaint(folder.path(), 1, &with(&span));
        assert!(said.contains("from 2026-11-02T08:00:00.000Z to 2026-11-02T08:05:00.000Z"), "{said}");
    }
    complaint(folder.path(), 64, &["check", "candidate.toml", "--store", "store"]);
}

#[test]
fn a_damaged_segment_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.minutes("drafts", 300, false);
    drop(past);
    let files = everything(&folder.path().join("store/journal"));
    let packed = files.into_iter().find(|(path, _, _)| path.to_string_lossy().ends_with(".zst"));
    let (path, mut bytes, _) = packed.expect("a packed segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&path, bytes).unwrap();
    write(folder.path(), DRAFTS);
    let output = andon(folder.path(), &BACKTEST);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "no part of a comparison");
    let said = text(&output.stderr);
    assert!(
        said.contains(path.file_name().unwrap().to_str().unwrap()) && said.contains("is damaged at byte"),
        "{said}"
    );
}

#[test]
fn check_says_in_short_what_a_reload_would_have_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.minutes("drafts", 50, false);
    past.minutes("drafts", 8, true);
    drop(past);
    write(folder.path(), &DRAFTS.replace("0.05", "0.9"));
    let check = ["check", "candidate.toml", "--against-journal", "--store", "store"];
    insta::assert_snapshot!("check", text(&andon(folder.path(), &check).stdout));
    let found = json(folder.path(), &[&check[..], &["--json"]].concat());
    assert_eq!((&found["guards"], &found["against_journal"]["lowered_differently"]), (&1.into(), &1.into()));
    write(folder.path(), DRAFTS);
    let same = text(&andon(folder.path(), &check).stdout);
    assert!(same.contains("0 of 1 workflows would have been lowered differently") && !same.contains("only"), "{same}");
    assert!(complaint(folder.path(), 1, &["check", "candidate.toml", "--against-journal"]).contains("andon-data"));
}

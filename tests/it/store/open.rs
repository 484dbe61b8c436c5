//! The folder: locked, versioned, and not somebody else's.

use super::{SMALL, commit, numbers};
use andon::store::{SnapshotChange, Store, StoreError, StoreOptions};
use std::fs;
use std::path::Path;

const OPTIONS: StoreOptions = StoreOptions { journal: SMALL };

fn open(path: &Path) -> Result<Store, StoreError> {
    Store::open(path, OPTIONS).map(|(store, _)| store)
}

fn error(path: &Path) -> StoreError {
    open(path).map(|_| ()).unwrap_err()
}

#[test]
fn a_store_opens_anew_with_all_that_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/store");
    let mut store = open(&path).unwrap();
    commit(&mut store.journal, 1..=30, 100).unwrap();
    store.book.append(&[], 30).unwrap();
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(numbers(&store.journal, 1).unwrap(), (1..=30).collect::<Vec<_>>());
    assert_eq!(store.book.ledger_applied_seq().unwrap(), 30);
    assert_eq!(store.poisoned(), None);
}

#[test]
fn two_daemons_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let second = error(folder.path());
    assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    assert!(second.to_string().contains(folder.path().to_str().unwrap()), "{second}");
    drop(store);
    open(folder.path()).unwrap();
}

#[test]
fn newer_formats_are_told_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    for (file, version) in [("ledger.db", 3_u8), ("snapshot.db", 1)] {
        let db = rusqlite::Connection::open(folder.path().join(file)).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        let newer = error(folder.path());
        assert!(
            matches!(&newer, StoreError::NewerFormat { what, found: 99, known } if what == file && *known == u64::from(version)),
            "{newer}"
        );
        db.pragma_update(None, "user_version", version).unwrap();
    }
    fs::write(folder.path().join("FORMAT"), "andon store 2\n").unwrap();
    let newer = error(folder.path());
    assert!(matches!(newer, StoreError::NewerFormat { found: 2, known: 1, .. }), "{newer}");
    fs::write(folder.path().join("FORMAT"), "something").unwrap();
    assert!(matches!(error(folder.path()), StoreError::NotAStore { .. }));
}

#[test]
fn a_folder_with_other_things_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("holiday.jpg"), "x").unwrap();
    let foreign = error(folder.path());
    assert!(foreign.to_string().contains("holiday.jpg"), "{foreign}");
    assert!(!folder.path().join("FORMAT").exists());

    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    fs::remove_file(folder.path().join("ledger.db")).unwrap();
    let db = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    drop(db);
    assert!(matches!(error(folder.path()), StoreError::NotAStore { .. }));
}

#[test]
fn a_ledger_that_was_removed_or_damaged_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    commit(&mut store.journal, 1..=3, 10).unwrap();
    store.book.append(&[], 3).unwrap();
    store.book.save(&SnapshotChange { seq: 2, ..SnapshotChange::default() }).unwrap();
    drop(store);
    for file in ["ledger.db", "snapshot.db"] {
        let path = folder.path().join(file);
        let good = fs::read(&path).unwrap();
        fs::write(&path, "not a database at all, for sure".repeat(100)).unwrap();
        let damaged = error(folder.path());
        assert!(matches!(&damaged, StoreError::Corrupt { file: named, .. } if named == file), "{damaged}");
        assert!(damaged.to_string().contains("backup"), "{damaged}");
        fs::write(&path, good).unwrap();
    }
    drop(open(folder.path()).unwrap());
    fs::remove_file(folder.path().join("ledger.db")).unwrap();
    assert!(matches!(error(folder.path()), StoreError::LedgerBehind { applied: 0, snapshot: 2 }));
}

#[test]
fn a_journal_that_was_removed_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    commit(&mut store.journal, 1..=3, 10).unwrap();
    store.book.append(&[], 3).unwrap();
    drop(store);
    fs::remove_dir_all(folder.path().join("journal")).unwrap();
    let behind = error(folder.path());
    assert!(matches!(behind, StoreError::JournalBehind { last: 0, known: 3, .. }), "{behind}");
}

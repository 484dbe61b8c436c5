//! The book: the same promises from SQLite and from memory.

use super::workflow;
use andon::domain::{Entry, Mode, Refusal, RefusalCode, Time, What};
use andon::seal::{Hash, Head, chain_start, leaf_hash, link};
use andon::store::memory::MemoryBook;
use andon::store::{
    Book, Counted, HOURS_MAX, KeptCheckpoint, LedgerQuery, Part, Snapshot, SnapshotChange, SqliteBook, StoreError,
};
use proptest::prelude::*;
use std::sync::Arc;

fn entry(journal_seq: u64, index: u32, of: Option<&str>, text: &str) -> Entry {
    Entry {
        journal_seq,
        index,
        time: Time(i64::try_from(journal_seq).unwrap() * 1_000),
        workflow: of.map(workflow),
        policy: "ab".into(),
        by: "andon".into(),
        what: What::Held { reason: text.into() },
    }
}

fn refusal(number: usize) -> Refusal {
    Refusal::new(RefusalCode::Unreadable, format!("refusal {number}")).at(number, None)
}

/// Runs a test on both kinds of book.
fn on_both(test: impl Fn(Arc<dyn Book>)) {
    test(Arc::new(MemoryBook::new()));
    let folder = tempfile::tempdir().unwrap();
    test(Arc::new(SqliteBook::open(folder.path()).unwrap()));
}

#[test]
fn the_ledger_neither_misses_nor_repeats() {
    on_both(|book| {
        let first = [entry(3, 0, Some("a"), "x"), entry(3, 1, None, "y")];
        book.append(&first, 4).unwrap();
        book.append(&first, 4).unwrap();
        book.append(&[entry(3, 1, None, "y"), entry(7, 0, Some("b"), "z")], 9).unwrap();
        assert_eq!(book.ledger_applied_seq().unwrap(), 9);
        book.append(&[], 5).unwrap();
        assert_eq!(book.ledger_applied_seq().unwrap(), 9, "it never goes back");
        let all = || book.reader().unwrap().entries(&LedgerQuery::default()).unwrap();
        let expected = vec![(1, first[0].clone()), (2, first[1].clone()), (3, entry(7, 0, Some("b"), "z"))];
        assert_eq!(all(), expected);

        let changed = book.append(&[entry(10, 0, None, "new"), entry(3, 0, Some("a"), "other")], 10).unwrap_err();
        assert!(matches!(changed, StoreError::LedgerDiffers { journal_seq: 3, index: 0, .. }), "{changed}");
        let late = book.append(&[entry(8, 0, None, "late")], 10).unwrap_err();
        assert!(matches!(late, StoreError::LedgerDiffers { journal_seq: 8, .. }), "{late}");
        assert!(book.append(&[entry(12, 0, None, "early")], 11).is_err());
        assert_eq!((all(), book.ledger_applied_seq().unwrap()), (expected, 9), "all of a call or nothing");
    });
}

#[test]
fn every_entry_is_chained_to_the_one_before_it() {
    on_both(|book| {
        let reader = book.reader().unwrap();
        assert_eq!(reader.head().unwrap(), Head { entries: 0, chain: chain_start(), applied: 0 });
        book.append(&[entry(3, 0, Some("a"), "x"), entry(3, 1, None, "ü")], 4).unwrap();
        // What is there already, and a call without entries, change nothing of it.
        book.append(&[entry(3, 1, None, "ü"), entry(7, 0, Some("b"), "z")], 7).unwrap();
        book.append(&[], 9).unwrap();
        let mut chain = chain_start();
        let sealed = reader.sealed(&LedgerQuery::default()).unwrap();
        assert_eq!(sealed.len(), 3);
        for (seq, sealed) in (1..).zip(&sealed) {
            let leaf = leaf_hash(seq, 1, sealed.body.as_bytes());
            chain = link(&chain, &leaf);
            assert_eq!((sealed.ledger_seq, sealed.leaf, sealed.chain), (seq, leaf, chain));
            assert_eq!(sealed.body, serde_json::to_string(&sealed.entry().unwrap()).unwrap());
        }
        assert_eq!(reader.head().unwrap(), Head { entries: 3, chain, applied: 9 });
    });
}

#[test]
fn checkpoints_and_the_key_are_kept() {
    on_both(|book| {
        let reader = book.reader().unwrap();
        assert_eq!(reader.checkpoints(9).unwrap(), []);
        let kept = |size: u64, note: &str| KeptCheckpoint { size, time: Time(5), note: note.into(), key: "k".into() };
        for size in [3, 7, 5, 9] {
            book.checkpoint_add(&kept(size, "old"), 3).unwrap();
        }
        book.checkpoint_add(&kept(7, "new"), 3).unwrap();
        assert_eq!(reader.checkpoints(9).unwrap(), [kept(9, "old"), kept(7, "new"), kept(5, "old")]);
        assert_eq!(reader.checkpoints(1).unwrap(), [kept(9, "old")]);
        assert_eq!(book.ledger_key("first").unwrap(), "first");
        assert_eq!(book.ledger_key("second").unwrap(), "first");
    });
}

/// A cut end stays a gap to be seen, and a forged entry in the place of the next one is no next one.
#[test]
fn an_end_that_was_changed_from_outside_is_not_built_upon() {
    let folder = tempfile::tempdir().unwrap();
    let book = SqliteBook::open(folder.path()).unwrap();
    book.append(&[entry(1, 0, None, "a"), entry(1, 1, None, "b"), entry(1, 2, None, "c")], 1).unwrap();
    let other = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    other.execute("DELETE FROM entry WHERE ledger_seq = 3", []).unwrap();
    book.append(&[entry(2, 0, None, "d")], 2).unwrap();
    let found = book.reader().unwrap().sealed(&LedgerQuery::default()).unwrap();
    assert_eq!(found.iter().map(|sealed| sealed.ledger_seq).collect::<Vec<_>>(), [1, 2, 4]);
    let hash = Hash([0; 32]).0;
    other.execute("INSERT INTO entry VALUES (5, 9, 0, 0, NULL, 1, '{}', ?1, ?1)", [hash]).unwrap();
    let forged = book.append(&[entry(3, 0, None, "e")], 3).unwrap_err();
    assert!(matches!(forged, StoreError::LedgerForged { ledger_seq: 5 }), "{forged}");
    assert!(forged.to_string().contains("andon ledger verify"), "{forged}");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let book = SqliteBook::open(folder.path()).unwrap();
    book.ledger_key("secret").unwrap();
    let path = folder.path().join("ledger.key");
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    mode(0o640);
    let error = book.ledger_key("other").unwrap_err().to_string();
    assert!(error.contains("mode 640") && error.contains("0600") && !error.contains("secret"), "{error}");
    mode(0o400);
    assert_eq!(book.ledger_key("other").unwrap(), "secret");
}

#[test]
fn what_cannot_be_read_back_is_not_written() {
    on_both(|book| {
        let breach = r#"{"guard":"g","signal":"s","lane":"main","mode":"automate","bound":0.1,"estimate":0.2,"interval":null,
            "n":1,"n_total":1,"evidence":1.0,"threshold":1.0,"output":null,"changed_at":null,"heaviest":[]}"#;
        let mut breach: andon::domain::Breach = serde_json::from_str(breach).unwrap();
        breach.evidence = f64::NAN;
        let what = What::BreachNoted { breach: Box::new(breach) };
        let error = book.append(&[Entry { what, ..entry(1, 0, None, "") }], 1).unwrap_err();
        assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
        assert_eq!(book.ledger_applied_seq().unwrap(), 0);
    });
}

#[test]
fn refusals_are_bounded_and_newest_first() {
    on_both(|book| {
        book.refusals_add(&(0..3).map(refusal).collect::<Vec<_>>(), 5).unwrap();
        book.refusals_add(&(3..9).map(refusal).collect::<Vec<_>>(), 5).unwrap();
        let reader = book.reader().unwrap();
        assert_eq!(reader.refusals(99).unwrap(), (4..9).rev().map(refusal).collect::<Vec<_>>());
        assert_eq!(reader.refusals(2).unwrap(), [refusal(8), refusal(7)]);
    });
}

fn part(key: &str, bytes: &[u8]) -> Part {
    Part { key: key.into(), version: 3, bytes: bytes.into() }
}

fn chunks(book: &dyn Book) -> Vec<(u32, Vec<u8>)> {
    let mut found = Vec::new();
    book.load_dedup(&mut |generation, bytes| {
        found.push((generation, bytes));
        Ok(())
    })
    .unwrap();
    found
}

#[test]
fn a_snapshot_changes_as_a_whole_and_never_before_the_ledger() {
    on_both(|book| {
        assert_eq!((book.load().unwrap(), book.snapshot_seq().unwrap()), (None, 0));
        let first = SnapshotChange {
            seq: 5,
            taken_at: Time(50),
            parts: vec![part("wf/b", b"1"), part("wf/a", b"2"), part("house", &[7; 100_000])],
            dedup_add: vec![(1, vec![1]), (1, vec![2]), (2, vec![3])],
            ..SnapshotChange::default()
        };
        let early = book.save(&first).unwrap_err();
        assert!(matches!(early, StoreError::SnapshotAhead { seq: 5, applied: 0 }), "{early}");
        assert_eq!(book.load().unwrap(), None);
        book.append(&[], 9).unwrap();
        book.save(&first).unwrap();
        let second = SnapshotChange {
            seq: 9,
            taken_at: Time(90),
            parts: vec![part("wf/a", b"new"), part("wf/c", b"")],
            removed: vec!["wf/b".into(), "never".into()],
            dedup_add: vec![(3, vec![4; 10])],
            dedup_drop_before: 2,
        };
        book.save(&second).unwrap();
        let parts = vec![part("house", &[7; 100_000]), part("wf/a", b"new"), part("wf/c", b"")];
        assert_eq!(book.load().unwrap(), Some(Snapshot { seq: 9, taken_at: Time(90), parts }));
        assert_eq!(book.snapshot_seq().unwrap(), 9);
        assert_eq!(chunks(&*book), [(2, vec![3]), (3, vec![4; 10])]);
    });
}

#[test]
fn a_damaged_part_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let book = SqliteBook::open(folder.path()).unwrap();
    book.save(&SnapshotChange {
        parts: vec![part("a", b"state")],
        dedup_add: vec![(1, vec![5])],
        ..Default::default()
    })
    .unwrap();
    let other = rusqlite::Connection::open(folder.path().join("snapshot.db")).unwrap();
    other.execute("UPDATE part SET bytes = x'00'", []).unwrap();
    other.execute("UPDATE dedup SET bytes = x'00'", []).unwrap();
    let error = book.load().unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }) && error.to_string().contains("part `a`"), "{error}");
    assert!(book.load_dedup(&mut |_, _| Ok(())).is_err());
}

#[test]
fn readers_and_writers_do_not_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let book = Arc::new(SqliteBook::open(folder.path()).unwrap());
    book.append(&[], 1_000).unwrap();
    let reader = book.reader().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for seq in 1..=20 {
                let parts = vec![part("big", &vec![1; 4 << 20])];
                book.save(&SnapshotChange { seq, parts, ..Default::default() }).unwrap();
            }
        });
        scope.spawn(|| {
            for seq in 1_001..=1_100 {
                book.append(&[entry(seq, 0, Some("a"), "x")], seq).unwrap();
            }
        });
        for _ in 0..100 {
            let found = reader.entries(&LedgerQuery { limit: 1_000, ..Default::default() }).unwrap();
            assert!(found.iter().map(|(seq, _)| *seq).eq(1..=found.len() as u64));
        }
    });
    assert_eq!(reader.entries(&LedgerQuery { limit: 1_000, ..Default::default() }).unwrap().len(), 100);
}

#[test]
fn a_failing_memory_book_changes_nothing() {
    let book = MemoryBook::new();
    book.set_fault(Some("disk full"));
    assert!(book.append(&[entry(1, 0, None, "x")], 1).is_err());
    assert!(book.refusals_add(&[refusal(1)], 5).is_err());
    assert!(book.save(&SnapshotChange::default()).is_err());
    assert_eq!(book.poisoned().as_deref(), Some("disk full"));
    book.set_fault(None);
    book.append(&[entry(1, 0, None, "x")], 1).unwrap();
}

fn any_query() -> impl Strategy<Value = LedgerQuery> {
    let of = prop::option::of(prop::sample::select(vec!["a", "b", "none"]));
    (of, 0u64..12, prop::option::of(0u64..12), prop::option::of(0i64..12), any::<bool>(), 0usize..9).prop_map(
        |(of, after, before, until, newest_first, limit)| LedgerQuery {
            workflow: of.map(workflow),
            after,
            before,
            until: until.map(|it| Time(it * 1_000)),
            newest_first,
            limit,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn both_books_answer_alike(
        batches in prop::collection::vec((1u64..4, prop::collection::vec(prop::option::of(prop::sample::select(vec!["a", "b"])), 0..4)), 1..6),
        queries in prop::collection::vec(any_query(), 1..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let books: [Box<dyn Book>; 2] = [Box::new(MemoryBook::new()), Box::new(SqliteBook::open(folder.path()).unwrap())];
        let mut seq = 0;
        for (step, of) in batches {
            seq += step;
            let entries: Vec<_> = (0..).zip(of).map(|(index, of)| entry(seq, index, of, "text")).collect();
            books.iter().for_each(|book| book.append(&entries, seq).unwrap());
        }
        let readers = books.each_ref().map(|book| book.reader().unwrap());
        for query in queries {
            prop_assert_eq!(readers[0].entries(&query).unwrap(), readers[1].entries(&query).unwrap());
            prop_assert_eq!(readers[0].sealed(&query).unwrap(), readers[1].sealed(&query).unwrap());
        }
        prop_assert_eq!(readers[0].head().unwrap(), readers[1].head().unwrap());
    }
}

#[test]
fn modes_come_back_from_the_ledger() {
    on_both(|book| {
        let what =
            What::Adopted { mode: Mode::Delegate, source: "declared".into(), renamed_from: Some(workflow("old")) };
        let adopted = Entry { what, ..entry(1, 0, Some("a"), "") };
        book.append(std::slice::from_ref(&adopted), 1).unwrap();
        let query = LedgerQuery { workflow: Some(workflow("a")), newest_first: true, limit: 1, ..Default::default() };
        assert_eq!(book.reader().unwrap().entries(&query).unwrap(), [(1, adopted)]);
    });
}

#[test]
fn counts_add_up_and_go_after_the_hours_that_are_kept() {
    on_both(|book| {
        let one = |hour: i64, what: &str, count: u64| Counted { hour, what: what.to_owned(), count };
        let reader = book.reader().unwrap();
        book.counted_add(&[one(500_000, "a", 2), one(500_000, "b", 1)]).unwrap();
        book.counted_add(&[one(500_001, "a", 5), one(500_000, "a", 3)]).unwrap();
        let all = [one(500_000, "a", 5), one(500_000, "b", 1), one(500_001, "a", 5)];
        assert_eq!(reader.counted().unwrap(), all);
        book.counted_add(&[one(500_001 + HOURS_MAX, "a", 1)]).unwrap();
        assert_eq!(reader.counted().unwrap(), [all[2].clone(), one(500_001 + HOURS_MAX, "a", 1)]);
        // What comes late goes at once, and takes nothing with it.
        book.counted_add(&[one(500_000, "a", 1)]).unwrap();
        book.counted_add(&[one(500_001 + HOURS_MAX, "a", 1)]).unwrap();
        assert_eq!(reader.counted().unwrap(), [all[2].clone(), one(500_001 + HOURS_MAX, "a", 2)]);
    });
}

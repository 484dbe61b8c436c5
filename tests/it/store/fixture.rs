//! One store of each released format, which must read to the same values for ever.
//!
//! `make_v1` wrote `tests/fixtures/store/v1` and must not be run again once it is released: a later
//! format gets a folder and a maker of its own.

use super::codec::policy;
use super::{SMALL, workflow};
use andon::domain::{
    Action, Command, Entry, Input, Mode, Outcome, OutputEvent, Refusal, RefusalCode, Review, Time, Verdict, What,
};
use andon::driver::Notary;
use andon::seal::{Anchor, Auditor, Checkpoint, Source, VerifierKey};
use andon::store::memory::MemoryBook;
use andon::store::{
    Book, Counted, DUPLICATE, Inspection, LedgerQuery, Part, SINCE, Snapshot, SnapshotChange, Store, StoreOptions,
    encode_record,
};
use std::fs;
use std::path::{Path, PathBuf};

const OPTIONS: StoreOptions = StoreOptions { journal: SMALL };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store/v1")
}

/// The same store with the hashes of its ledger, and with a checkpoint.
fn folder_2() -> PathBuf {
    folder().with_file_name("v2")
}

/// The same store with what its intake counted.
fn folder_3() -> PathBuf {
    folder().with_file_name("v3")
}

fn inputs() -> Vec<Input> {
    let event = |id: &str| OutputEvent {
        exception: Some("policy_violation".into()),
        time: Some(Time(1_700_000_000_123)),
        latency_ms: Some(812.5),
        cycle_ms: Some(1e9),
        sla_met: Some(false),
        cost: Some("0.0042".parse().unwrap()),
        units: 2.5,
        value: Some("-17.25".parse().unwrap()),
        scores: vec![("brand_fit".into(), 0.1 + 0.2)],
        attributes: vec![("locale".into(), "de".into())],
        mode: Some(Mode::Delegate),
        version: Some("v7".into()),
        model: Some("m".into()),
        retries: 3,
        fallback: true,
        escalated: true,
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        ..OutputEvent::new(id, workflow("email-drafts"), Outcome::Exception)
    };
    let review = Review {
        id: "r-1".into(),
        workflow: workflow("email-drafts"),
        output_id: "o-1".into(),
        verdict: Verdict::Edited,
        exception: None,
        reviewer: "alice".into(),
        time: None,
        note: Some("ünïcode".into()),
        minutes: None,
    };
    let stop = Command::new("bob", Action::Stop { reason: "drill".into() });
    vec![
        Input::Started { version: "0.1.0".into() },
        Input::Policy(Box::new(policy(0.1 + 0.2))),
        Input::Events(vec![event("o-1"), OutputEvent::new("o-2", workflow("email-drafts"), Outcome::Ok)]),
        Input::Reviews(vec![review]),
        Input::Command(stop),
        Input::Tick,
        Input::Events((0..20).map(|number| event(&format!("p-{number}"))).collect()),
        Input::Tick,
    ]
}

fn entry() -> Entry {
    Entry {
        journal_seq: 2,
        index: 0,
        time: Time(2_000),
        workflow: Some(workflow("email-drafts")),
        policy: "ab".repeat(32),
        by: "andon".into(),
        what: What::Adopted { mode: Mode::Assist, source: "declared".into(), renamed_from: None },
    }
}

fn refusal() -> Refusal {
    Refusal::new(RefusalCode::UnknownWorkflow, "the workflow is not declared").at(3, Some(4)).at_field("workflow")
}

fn change() -> SnapshotChange {
    SnapshotChange {
        seq: 7,
        taken_at: Time(7_000),
        parts: vec![Part { key: "wf/email-drafts".into(), version: 1, bytes: (0..=255).collect() }],
        dedup_add: vec![(1, vec![9; 32]), (2, vec![8; 16])],
        ..SnapshotChange::default()
    }
}

#[test]
#[ignore = "writes the fixture of format 1 anew"]
fn make_v1() {
    let _ = fs::remove_dir_all(folder());
    let (mut store, _) = Store::open(&folder(), OPTIONS).unwrap();
    for (seq, input) in (1..).zip(inputs()) {
        let mut record = Vec::new();
        encode_record(Time(seq * 1_000), &input, &mut record).unwrap();
        store.journal.append(&record).unwrap();
        store.journal.commit().unwrap();
    }
    store.book.append(&[entry()], 8).unwrap();
    store.book.refusals_add(&[refusal()], 10).unwrap();
    store.book.save(&change()).unwrap();
    drop(store);
    for name in ["LOCK", "journal/spare.tmp"] {
        fs::remove_file(folder().join(name)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The checkpoint of the second fixture, which a key signed that is nowhere kept.
const CHECKPOINT_TIME: Time = Time(9_000);

#[test]
#[ignore = "writes the fixture of the ledger's format 2 anew"]
fn make_v2() {
    let _ = fs::remove_dir_all(folder_2());
    copy(&folder(), &folder_2());
    let (store, _) = Store::open(&folder_2(), OPTIONS).unwrap();
    let settings = andon::config::load("", "none").unwrap_or_else(|problems| panic!("{problems}")).ledger;
    let book = std::sync::Arc::clone(&store.book);
    assert_eq!(Notary::open(book, &settings).unwrap().checkpoint(CHECKPOINT_TIME).unwrap(), Some(1));
    drop(store);
    for name in ["LOCK", "ledger.key", "journal/spare.tmp"] {
        let _ = fs::remove_file(folder_2().join(name));
    }
}

fn counted() -> Vec<Counted> {
    let one = |what: &str, count| Counted { hour: 500_000, what: what.to_owned(), count };
    vec![one(DUPLICATE, 7), one("refused:unknown_workflow", 3), one(SINCE, 0)]
}

#[test]
#[ignore = "writes the fixture of the ledger's format 3 anew"]
fn make_v3() {
    let _ = fs::remove_dir_all(folder_3());
    copy(&folder_2(), &folder_3());
    let (store, _) = Store::open(&folder_3(), OPTIONS).unwrap();
    store.book.counted_add(&counted()).unwrap();
    drop(store);
    for name in ["LOCK", "journal/spare.tmp"] {
        let _ = fs::remove_file(folder_3().join(name));
    }
}

#[test]
fn format_1_reads_to_the_same_values() {
    let temp = tempfile::tempdir().unwrap();
    copy(&folder(), temp.path());
    reads_to_the_same_values(temp.path());
}

#[test]
fn format_2_of_the_ledger_reads_to_the_same_values() {
    let temp = tempfile::tempdir().unwrap();
    copy(&folder_2(), temp.path());
    reads_to_the_same_values(temp.path());
    is_sealed(temp.path());
}

#[test]
fn format_3_of_the_ledger_reads_to_the_same_values() {
    let temp = tempfile::tempdir().unwrap();
    copy(&folder_3(), temp.path());
    reads_to_the_same_values(temp.path());
    is_sealed(temp.path());
    let (store, _) = Store::open(temp.path(), OPTIONS).unwrap();
    assert_eq!(store.book.reader().unwrap().counted().unwrap(), counted());
}

/// Of the time before the third format nothing was counted: that is marked, once, and a new store has no mark.
#[test]
fn an_old_ledger_says_that_it_was_not_counted() {
    for old in [folder(), folder_2()] {
        let temp = tempfile::tempdir().unwrap();
        copy(&old, temp.path());
        for _ in 0..2 {
            let (store, _) = Store::open(temp.path(), OPTIONS).unwrap();
            let mark = Counted { hour: 0, what: SINCE.to_owned(), count: 0 };
            assert_eq!(store.book.reader().unwrap().counted().unwrap(), [mark]);
        }
    }
    let new = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(new.path(), OPTIONS).unwrap();
    assert_eq!(store.book.reader().unwrap().counted().unwrap(), []);
}

fn is_sealed(path: &Path) {
    let ledger = Inspection::open(path).unwrap();
    let kept = ledger.checkpoints().unwrap().remove(0);
    assert_eq!((kept.size, kept.time), (1, CHECKPOINT_TIME));
    let key: VerifierKey = kept.key.parse().unwrap();
    assert_eq!(key.name(), "andon/ledger");
    let checkpoint = Checkpoint::open(&kept.note, &[key]).unwrap();
    let mut auditor = Auditor::new(vec![Anchor { source: Source::Store, place: "kept".into(), checkpoint }]);
    ledger.audit(&mut auditor).unwrap();
    let report = auditor.finish(Some(&ledger.head().unwrap()));
    assert!(report.sound && report.anchored_inside == 1, "{report:?}");
}

/// The step from the first format to the second gives the hashes that writing gives.
#[test]
fn an_old_ledger_gets_the_hashes_that_a_new_one_has() {
    let temp = tempfile::tempdir().unwrap();
    copy(&folder(), temp.path());
    let (store, _) = Store::open(temp.path(), OPTIONS).unwrap();
    store.book.append(&[Entry { journal_seq: 9, ..entry() }], 9).unwrap();
    let new = MemoryBook::new();
    new.append(&[entry(), Entry { journal_seq: 9, ..entry() }], 9).unwrap();
    let all = |book: &dyn Book| book.reader().unwrap().sealed(&LedgerQuery::default()).unwrap();
    assert_eq!(all(&*store.book), all(&new));
    assert_eq!(store.book.reader().unwrap().head().unwrap(), new.reader().unwrap().head().unwrap());
}

fn reads_to_the_same_values(temp: &Path) {
    let names: Vec<_> =
        fs::read_dir(temp.join("journal")).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert!(
        names.iter().any(|name| name.ends_with(".log")) && names.iter().any(|name| name.ends_with(".zst")),
        "{names:?}"
    );
    let (store, recovery) = Store::open(temp, OPTIONS).unwrap();
    assert_eq!((recovery.first_seq, recovery.last_seq, recovery.cut), (1, 8, None));
    let mut found = Vec::new();
    let each = &mut |seq, now, input| {
        assert_eq!(now, Time(i64::try_from(seq).unwrap() * 1_000));
        found.push(input);
        Ok(())
    };
    store.journal.reader().replay(1, each).unwrap();
    assert_eq!(found, inputs());

    let reader = store.book.reader().unwrap();
    assert_eq!(reader.entries(&LedgerQuery::default()).unwrap(), [(1, entry())]);
    assert_eq!(reader.refusals(5).unwrap(), [refusal()]);
    assert_eq!(store.book.ledger_applied_seq().unwrap(), 8);
    let SnapshotChange { seq, taken_at, parts, dedup_add, .. } = change();
    assert_eq!(store.book.load().unwrap(), Some(Snapshot { seq, taken_at, parts }));
    let mut chunks = Vec::new();
    store
        .book
        .load_dedup(&mut |generation, bytes| {
            chunks.push((generation, bytes));
            Ok(())
        })
        .unwrap();
    assert_eq!(chunks, dedup_add);
}

#[test]
fn every_fixture_is_tested() {
    let mut folders: Vec<_> = fs::read_dir(folder().parent().unwrap())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, ["v1", "v2", "v3"], "a format without a test above");
}

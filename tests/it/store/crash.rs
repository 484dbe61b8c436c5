//! Bad weather: the power goes at every single operation, writes tear, syncs fail, space ends.

use super::{SMALL, commit, numbers, open, time_of};
use andon::domain::Time;
use andon::store::memory::{Fault, FaultyDisk, MemoryBook, Op};
use andon::store::{Journal, Store, StoreError, StoreOptions};
use std::sync::Arc;

/// Random seeds of a crash; `None` loses everything that was not synced.
const SEEDS: [Option<u64>; 7] = [None, Some(1), Some(2), Some(3), Some(4), Some(5), Some(6)];

/// Commits of various sizes until something fails. Gives the last acknowledged number and the last
/// that was tried.
fn work(journal: &mut Journal, from: u64) -> (u64, u64) {
    let (mut acknowledged, mut tried) = (from - 1, from - 1);
    for (count, bytes) in [(1, 10), (3, 200), (2, 900), (1, 40), (5, 60), (1, 3_000), (2, 10), (4, 400), (1, 5)] {
        let next = tried + 1..=tried + count;
        tried += count;
        match commit(journal, next, bytes) {
            Ok(durable) => acknowledged = durable,
            Err(_) => break,
        }
    }
    (acknowledged, tried)
}

/// Opens after a crash: everything acknowledged is there, once, in order; of the last commit all or
/// nothing. Gives the last number.
fn check(disk: &FaultyDisk, acknowledged: u64, tried: u64, case: &str) -> u64 {
    let (journal, recovery) = open(disk).unwrap_or_else(|error| panic!("{case}: {error}"));
    let found = numbers(&journal, 1).unwrap_or_else(|error| panic!("{case}: {error}"));
    let last = found.len() as u64;
    assert_eq!(found, (1..=last).collect::<Vec<_>>(), "{case}");
    assert!(last == acknowledged || last == tried, "{case}: {last} of {acknowledged} acknowledged, {tried} tried");
    assert_eq!(recovery.last_seq, last, "{case}");
    last
}

fn operations_of_work() -> u64 {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    work(&mut journal, 1);
    drop(journal);
    disk.operations()
}

#[test]
fn a_crash_at_every_operation_loses_nothing_that_was_acknowledged() {
    for crash_at in 0..=operations_of_work() {
        for seed in SEEDS {
            let case = format!("crash at operation {crash_at}, seed {seed:?}");
            let disk = FaultyDisk::new();
            disk.crash_after(crash_at);
            let (acknowledged, tried) = open(&disk).map_or((0, 0), |(mut journal, _)| work(&mut journal, 1));
            let disk = disk.crash(seed);
            let last = check(&disk, acknowledged, tried, &case);
            // And life goes on.
            let (mut journal, _) = open(&disk).unwrap();
            let (acknowledged, tried) = work(&mut journal, last + 1);
            assert_eq!(acknowledged, tried, "{case}");
            check(&disk.crash(seed), acknowledged, tried, &case);
        }
    }
}

#[test]
fn a_second_crash_during_recovery_loses_nothing_either() {
    for crash_at in (0..operations_of_work()).step_by(3) {
        for again_at in 0..24 {
            let seed = Some(crash_at * 100 + again_at);
            let case = format!("crash at {crash_at}, again at {again_at}");
            let disk = FaultyDisk::new();
            disk.crash_after(crash_at);
            let (acknowledged, tried) = open(&disk).map_or((0, 0), |(mut journal, _)| work(&mut journal, 1));
            let disk = disk.crash(seed);
            disk.crash_after(again_at);
            // What a start has shown must stay, even if it was never acknowledged.
            let shown =
                open(&disk).and_then(|(journal, _)| numbers(&journal, 1)).map_or(acknowledged, |it| it.len() as u64);
            check(&disk.crash(seed), shown, tried, &case);
        }
    }
}

#[test]
fn a_crash_during_retention_leaves_no_gap() {
    let filled = || {
        let disk = FaultyDisk::new();
        let (mut journal, _) = open(&disk).unwrap();
        for number in 1..=40 {
            commit(&mut journal, [number], 300).unwrap();
        }
        (disk, journal)
    };
    for crash_at in 0..30 {
        for seed in SEEDS {
            let (disk, mut journal) = filled();
            disk.crash_after(crash_at);
            let _ = journal.retain(Time(time_of(40)), 0, 0, 30);
            let (journal, recovery) = open(&disk.crash(seed)).unwrap();
            assert!(recovery.first_seq <= 30 && recovery.last_seq == 40);
            assert_eq!(numbers(&journal, 30).unwrap(), (30..=40).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_failed_write_or_sync_poisons_and_is_never_tried_again() {
    for (op, fault, words) in [
        (Op::Write, Fault::NoSpace, "no storage space"),
        (Op::Write, Fault::Device, "input/output error"),
        (Op::Sync, Fault::Device, "input/output error"),
    ] {
        let disk = FaultyDisk::new();
        let (mut journal, _) = open(&disk).unwrap();
        assert_eq!(commit(&mut journal, 1..=2, 10).unwrap(), 2);
        assert_eq!(journal.poisoned(), None);
        disk.fail(op, 1, fault);
        let first = commit(&mut journal, [3], 10).unwrap_err();
        assert!(matches!(first, StoreError::Io { .. }) && first.to_string().contains(words), "{first}");
        let operations = disk.operations();
        for _ in 0..3 {
            let later = journal.append(&super::record(4, 1)).unwrap_err();
            assert!(matches!(&later, StoreError::Poisoned { cause } if *cause == first.to_string()), "{later}");
            assert!(matches!(journal.commit(), Err(StoreError::Poisoned { .. })));
            assert!(journal.retain(Time(0), 0, 0, u64::MAX).is_err());
        }
        assert_eq!(disk.operations(), operations, "nothing is tried again");
        assert_eq!(journal.poisoned(), Some(&*first.to_string()));
        assert_eq!((journal.durable_seq(), numbers(&journal, 1).unwrap()), (2, vec![1, 2]));
        drop(journal);
        check(&disk.kill(), 2, 3, &format!("{op:?} {fault:?}"));
    }
}

#[test]
fn every_failing_operation_of_a_roll_poisons_and_loses_nothing() {
    for op in [Op::Write, Op::Sync, Op::Truncate, Op::Create, Op::Rename, Op::Remove, Op::SyncDir] {
        for nth in 1..40 {
            for fault in [Fault::NoSpace, Fault::Device] {
                let disk = FaultyDisk::new();
                let Ok((mut journal, _)) = open(&disk) else { panic!() };
                disk.fail(op, nth, fault);
                let (acknowledged, tried) = work(&mut journal, 1);
                assert_eq!(journal.poisoned().is_some(), acknowledged < tried, "{op:?} {nth}");
                let case = format!("{op:?} {nth} {fault:?}");
                check(&disk.kill().crash(None), acknowledged, tried, &case);
            }
        }
    }
}

/// After a failed sync the pages look written, to the next process too. What the next start shows
/// must nevertheless be durable from then on.
#[test]
fn what_a_start_shows_after_a_failed_sync_is_durable() {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    commit(&mut journal, 1..=2, 10).unwrap();
    disk.fail(Op::Sync, 1, Fault::Device);
    commit(&mut journal, [3], 600).unwrap_err();
    drop(journal);
    let disk = disk.kill();
    // Packing would make a durable copy; it may come late, or fail as here (its file is the second).
    disk.fail(Op::Create, 2, Fault::NoSpace);
    let (mut journal, recovery) = open(&disk).unwrap();
    assert_eq!(recovery.last_seq, 3, "the write itself had worked");
    assert!(disk.contents("journal/00000000000000000001.log").is_some(), "not packed");
    assert_eq!(commit(&mut journal, [4], 10).unwrap(), 4);
    check(&disk.crash(None), 4, 4, "after the failed sync");
}

#[test]
fn a_torn_tail_is_reported_and_cut() {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    commit(&mut journal, [1], 10).unwrap();
    drop(journal);
    let path = "journal/00000000000000000001.log";
    let end = disk.contents(path).unwrap().iter().rposition(|byte| *byte != 0).unwrap() + 1;
    disk.damage(path, |bytes| bytes[end + 3..end + 50].fill(7));
    let (journal, recovery) = open(&disk).unwrap();
    let cut = recovery.cut.unwrap();
    assert_eq!((cut.file.as_str(), cut.offset, cut.bytes), (path, end as u64, 50));
    assert_eq!(numbers(&journal, 1).unwrap(), [1]);
    drop(journal);
    assert_eq!(open(&disk).unwrap().1.cut, None);
}

#[test]
fn the_memory_store_crashes_as_a_whole() {
    let (disk, book) = (FaultyDisk::new(), MemoryBook::new());
    let options = StoreOptions { journal: SMALL };
    let (mut store, _) = Store::memory(disk.clone(), book.clone(), options).unwrap();
    commit(&mut store.journal, 1..=5, 10).unwrap();
    store.book.append(&[], 5).unwrap();
    assert_eq!(store.poisoned(), None);
    let (disk, book) = (disk.crash(Some(3)), book.crash());
    assert!(store.book.append(&[], 6).is_err());
    assert!(commit(&mut store.journal, [6], 1).is_err());
    assert!(store.poisoned().is_some());
    let (store, recovery) = Store::memory(disk, book.clone(), options).unwrap();
    assert_eq!((recovery.last_seq, store.book.ledger_applied_seq().unwrap()), (5, 5));
    let behind = Store::memory(FaultyDisk::new(), book, options).map(|_| ()).unwrap_err();
    assert!(matches!(behind, StoreError::JournalBehind { last: 0, known: 5, .. }), "{behind}");
}

#[test]
fn helpers_on_threads_survive_a_crash() {
    for seed in 0..20 {
        let disk = FaultyDisk::new();
        let settings = andon::store::JournalSettings { beside: andon::store::Beside::Thread, ..SMALL };
        disk.crash_after(10 + seed * 7);
        let (acknowledged, tried) =
            Journal::open(Arc::new(disk.clone()), settings).map_or((0, 0), |(mut journal, _)| work(&mut journal, 1));
        check(&disk.crash(Some(seed)), acknowledged, tried, &format!("threads, seed {seed}"));
    }
}

//! The journal in calm weather: commits, rolling, packing, retention, replay.

use super::{SMALL, commit, numbers, open, record, time_of};
use andon::domain::{Input, Outcome, OutputEvent, Time};
use andon::store::memory::{FaultyDisk, Op};
use andon::store::{
    Beside, Disk, DiskFile, EventsRecord, FileInfo, Journal, JournalReader, JournalSettings, RealDisk, Removed,
    StoreError, encode_event,
};
use std::io;
use std::sync::{Arc, Mutex};

fn files(disk: &dyn Disk) -> Vec<String> {
    disk.list("journal").unwrap().into_iter().map(|file| file.name).collect()
}

#[test]
fn a_commit_of_5000_events_is_one_write_and_one_sync() {
    let disk = FaultyDisk::new();
    let settings = JournalSettings { segment_bytes: 4 << 20, ..SMALL };
    let (mut journal, _) = Journal::open(Arc::new(disk.clone()), settings).unwrap();
    let mut events = EventsRecord::default();
    events.begin(Time(1));
    let mut bytes = Vec::new();
    for number in 0..5_000 {
        bytes.clear();
        let event = OutputEvent::new(&format!("output-{number}"), super::workflow("wf"), Outcome::Ok);
        encode_event(&event, &mut bytes).unwrap();
        events.push_encoded(&bytes);
    }
    let before = (disk.count(Op::Write), disk.count(Op::Sync), disk.operations());
    assert_eq!(journal.append(events.finish()).unwrap(), 1);
    assert_eq!(journal.durable_seq(), 0);
    assert_eq!(journal.commit().unwrap(), 1);
    let after = (disk.count(Op::Write), disk.count(Op::Sync), disk.operations());
    assert_eq!(after, (before.0 + 1, before.1 + 1, before.2 + 2));
    assert_eq!(journal.commit().unwrap(), 1, "nothing to do");
    assert_eq!(disk.operations(), after.2);
    let mut count = 0;
    let each = &mut |_, _, input| {
        let Input::Events(events) = input else { panic!() };
        count += events.len();
        Ok(())
    };
    journal.reader().replay(1, each).unwrap();
    assert_eq!(count, 5_000);
}

#[test]
fn segments_roll_are_packed_and_read_as_one() {
    for beside in [Beside::InPlace, Beside::Thread] {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(RealDisk::new(folder.path()));
        let settings = JournalSettings { segment_bytes: 4096, beside };
        let (mut journal, recovery) = Journal::open(disk.clone(), settings).unwrap();
        assert_eq!(recovery, andon::store::Recovery::default());
        for start in (1..=300).step_by(3) {
            // Every tenth commit is larger than a segment.
            commit(&mut journal, start..start + 3, if start % 10 == 1 { 3_000 } else { 100 }).unwrap();
            // A view may be read while segments are packed beside it.
            assert_eq!(numbers(&journal, start).unwrap(), [start, start + 1, start + 2]);
        }
        journal.settle();
        let all: Vec<u64> = (1..=300).collect();
        assert_eq!(numbers(&journal, 0).unwrap(), all);
        assert_eq!(numbers(&journal, 150).unwrap(), all[149..]);
        assert!(numbers(&journal, 301).unwrap().is_empty());
        let names = files(&*disk);
        assert_eq!(names.iter().filter(|name| name.ends_with(".log")).count(), 1, "{names:?}");
        assert_eq!(names.iter().filter(|name| name.ends_with(".zst")).count() + 1, journal.segments());
        let on_disk: u64 =
            disk.list("journal").unwrap().iter().filter(|it| it.name != "spare.tmp").map(|it| it.bytes).sum();
        assert_eq!(journal.bytes(), on_disk);
        drop(journal);
        assert_eq!(JournalReader::open(disk.clone()).unwrap().last_seq(), 300);
        let (mut journal, recovery) = Journal::open(disk, settings).unwrap();
        assert_eq!((recovery.first_seq, recovery.last_seq, recovery.cut), (1, 300, None));
        assert_eq!(commit(&mut journal, [301], 10).unwrap(), 301);
        assert_eq!(numbers(&journal, 0).unwrap(), (1..=301).collect::<Vec<_>>());
    }
}

#[test]
fn the_next_segment_is_prepared_with_zeros() {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    assert_eq!(disk.contents("journal/spare.tmp"), Some(vec![0; 2048]));
    commit(&mut journal, 1..=6, 400).unwrap();
    assert_eq!(journal.segments(), 1, "a commit larger than a segment replaces the empty one");
    commit(&mut journal, 7..=8, 400).unwrap();
    assert_eq!(disk.contents("journal/spare.tmp"), Some(vec![0; 2048]), "used, and prepared again");
}

#[test]
fn opening_again_and_again_loses_nothing_and_leaves_no_heap() {
    let disk = FaultyDisk::new();
    for number in 1..=20 {
        let (mut journal, recovery) = open(&disk).unwrap();
        assert_eq!(recovery.last_seq, number - 1);
        drop(journal);
        journal = open(&disk).unwrap().0;
        commit(&mut journal, [number], 10).unwrap();
    }
    let (journal, _) = open(&disk).unwrap();
    assert_eq!(numbers(&journal, 1).unwrap(), (1..=20).collect::<Vec<_>>());
    assert_eq!(files(&disk).len(), 20 + 2, "each start closes the segment before");
}

#[test]
fn retention_by_age_by_size_and_never_what_is_needed() {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    for number in 1..=60 {
        commit(&mut journal, [number], 300).unwrap();
    }
    let far = u64::MAX;
    let now = Time(time_of(60));
    assert_eq!(journal.retain(now, i64::MAX, far, far).unwrap(), Removed::default());
    assert_eq!(journal.retain(now.plus(Time::DAY), 1, 0, 1).unwrap(), Removed::default(), "all is needed");

    let aged = journal.retain(now, 30_500, far, far).unwrap();
    assert!(aged.segments > 2 && (20..30).contains(&aged.last_seq), "{aged:?}");
    assert_eq!(numbers(&journal, aged.last_seq + 1).unwrap(), (aged.last_seq + 1..=60).collect::<Vec<_>>());
    assert!(matches!(numbers(&journal, 5), Err(StoreError::Gone { from: 5, oldest }) if oldest == aged.last_seq + 1));

    let limit = journal.bytes() - 1;
    let sized = journal.retain(now, i64::MAX, limit, far).unwrap();
    assert_eq!(sized.segments, 1);
    assert_eq!(journal.bytes() + sized.bytes, limit + 1);

    let needed = journal.retain(now.plus(Time::DAY), 0, 0, 45).unwrap();
    assert!(needed.last_seq < 45 && needed.last_seq > 35, "{needed:?}");
    let first = needed.last_seq + 1;
    drop(journal);
    let (mut journal, recovery) = open(&disk).unwrap();
    assert_eq!((recovery.first_seq, recovery.last_seq), (first, 60));

    journal.retain(now.plus(Time::DAY), 0, 0, far).unwrap();
    assert_eq!((journal.segments(), journal.durable_seq()), (1, 60));
    drop(journal);
    let (mut journal, recovery) = open(&disk).unwrap();
    assert_eq!((recovery.segments, recovery.last_seq), (0, 60), "the numbers go on after everything went");
    assert!(matches!(numbers(&journal, 60), Err(StoreError::Gone { from: 60, oldest: 61 })));
    assert_eq!(commit(&mut journal, [61], 1).unwrap(), 61);
}

/// A disk on which packing waits for a gate.
struct Gated {
    disk: FaultyDisk,
    gate: Arc<Mutex<()>>,
}

impl Disk for Gated {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.create_dir(dir)
    }
    fn list(&self, dir: &str) -> io::Result<Vec<FileInfo>> {
        self.disk.list(dir)
    }
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let _open = path.ends_with(".zst.tmp").then(|| self.gate.lock().unwrap());
        self.disk.create(path)
    }
    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(path)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
}

#[test]
fn a_segment_that_is_being_packed_is_not_removed_under_it() {
    let gate = Arc::new(Mutex::new(()));
    let disk = FaultyDisk::new();
    let gated = Gated { disk: disk.clone(), gate: Arc::clone(&gate) };
    let (mut journal, _) = Journal::open(Arc::new(gated), JournalSettings { beside: Beside::Thread, ..SMALL }).unwrap();
    let closed = gate.lock().unwrap();
    for number in 1..=30 {
        commit(&mut journal, [number], 300).unwrap();
    }
    let later = Time(time_of(30)).plus(Time::DAY);
    assert_eq!(journal.retain(later, 0, 0, u64::MAX).unwrap(), Removed::default());
    assert_eq!(numbers(&journal, 1).unwrap(), (1..=30).collect::<Vec<_>>());
    drop(closed);
    journal.settle();
    assert!(journal.retain(later, 0, 0, u64::MAX).unwrap().segments > 3);
    drop(journal);
    open(&disk).unwrap();
}

#[test]
fn records_that_are_too_short_or_too_large_are_refused_and_the_rest_goes_on() {
    let (mut journal, _) = open(&FaultyDisk::new()).unwrap();
    assert!(matches!(journal.append(&[1, 2]), Err(StoreError::Codec { seq: 1, .. })));
    let huge = vec![0x61; 257 << 20];
    assert!(matches!(journal.append(&huge), Err(StoreError::TooLarge { .. })));
    assert_eq!(journal.append(&record(1, 1)).unwrap(), 1);
    assert_eq!(journal.commit().unwrap(), 1);
}

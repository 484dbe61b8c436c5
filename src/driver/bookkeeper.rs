//! What can wait: snapshots, kept refusals, retention, gauges of the store; whose turn it is beside them.
//!
//! Owns when they happen and the thread that writes them, so that no request waits for them. A
//! snapshot is only copied on the driver's thread (cheap: closed slots are shared).

use super::engine::Engine;
use super::notary_desk::NotaryDesk;
use super::recovery::Changes;
use super::tally::{Owed, Tally};
use crate::domain::{Refusal, Time};
use crate::metrics::Metrics;
use crate::store::{Book, Counted, LedgerReader, SnapshotChange, StoreError};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A snapshot is taken after so many outputs at the latest: bounds the time of a restart.
const SNAPSHOT_EVENTS: u64 = 2_000_000;
/// Refusals and counts are written at most this often, milliseconds: a kill loses those of so long.
const REFUSALS_EVERY_MS: i64 = 1_000;
/// The journal's retention is looked at this often, milliseconds.
const RETENTION_EVERY_MS: i64 = 60_000;

/// When what can wait is done.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// A snapshot at least this often, milliseconds.
    pub snapshot_every_ms: i64,
    /// Journal segments older than this go, milliseconds.
    pub retention_ms: i64,
    /// Above this many bytes the oldest segments go.
    pub journal_bytes_max: u64,
    /// Refusals kept.
    pub refusals_max: usize,
}

/// A failed snapshot is tried again after this long.
const RETRY: Duration = Duration::from_secs(5);

enum Chore {
    Snapshot(Box<Changes>, Time),
    Refusals(Vec<Refusal>),
    Count(Vec<Counted>),
}

/// Keeps the books beside the driver.
pub struct Bookkeeper {
    schedule: Schedule,
    notary: NotaryDesk,
    chores: Mutex<Option<Sender<Chore>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Kept refusals, newest first, and those that are not yet written.
    refusals: Mutex<(VecDeque<Refusal>, Vec<Refusal>)>,
    tally: Mutex<Tally>,
    /// Repeats that are in the tally already.
    duplicates: AtomicU64,
    snapshot_at: AtomicI64,
    refusals_at: AtomicI64,
    retention_at: AtomicI64,
    snapshot_running: Arc<AtomicBool>,
    snapshot_seq: Arc<AtomicU64>,
}

impl Bookkeeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start(
        book: Arc<dyn Book>,
        metrics: Metrics,
        schedule: Schedule,
        notary: NotaryDesk,
        snapshot_seq: u64,
        now: Time,
    ) -> std::io::Result<Self> {
        let (chores, inbox) = channel();
        let reader = book.reader();
        let kept = reader.as_ref().ok().and_then(|reader| reader.refusals(schedule.refusals_max).ok());
        let tally = tally(reader, now);
        let duplicates = metrics.duplicates.get();
        let snapshot_running = Arc::new(AtomicBool::new(false));
        let seq = Arc::new(AtomicU64::new(snapshot_seq));
        let desk = Desk {
            book,
            metrics,
            refusals_max: schedule.refusals_max,
            running: Arc::clone(&snapshot_running),
            seq: Arc::clone(&seq),
        };
        let thread = std::thread::Builder::new().name("bookkeeper".to_owned()).spawn(move || desk.run(&inbox))?;
        Ok(Self {
            schedule,
            notary,
            chores: Mutex::new(Some(chores)),
            thread: Mutex::new(Some(thread)),
            refusals: Mutex::new((kept.unwrap_or_default().into(), Vec::new())),
            tally: Mutex::new(tally),
            duplicates: AtomicU64::new(duplicates),
            snapshot_at: AtomicI64::new(now.0),
            refusals_at: AtomicI64::new(now.0),
            retention_at: AtomicI64::new(now.0),
            snapshot_running,
            snapshot_seq: seq,
        })
    }

    /// Keeps refusals; of all of them the newest. How many there were is counted in any case.
    pub fn keep(&self, refusals: &[Refusal], now: Time) {
        let max = self.schedule.refusals_max;
        if !refusals.is_empty()
            && let Ok(mut tally) = self.tally.lock()
        {
            tally.refused(refusals, now);
        }
        if let Ok(mut kept) = self.refusals.lock() {
            for refusal in refusals {
                let refusal = Refusal { time: Some(now), ..refusal.clone() };
                kept.0.push_front(refusal.clone());
                kept.1.push(refusal);
            }
            kept.0.truncate(max);
            let unwritten = kept.1.len();
            kept.1.drain(..unwritten.saturating_sub(max));
        }
    }

    /// How many of each there were from one hour up to before another; `None` unless all of these were counted.
    pub fn counted(&self, from_hour: i64, until_hour: i64, now: Time) -> Option<BTreeMap<String, u64>> {
        self.tally.lock().ok()?.between(from_hour, until_hour, now)
    }

    /// Repeats since the last look: with each group, so that they stand in the hour in which they came.
    fn count_repeats(&self, engine: &Engine, now: Time) {
        let all = engine.metrics.duplicates.get();
        let new = all - self.duplicates.swap(all, Ordering::Relaxed);
        if new > 0
            && let Ok(mut tally) = self.tally.lock()
        {
            tally.repeated(new, now);
        }
    }

    /// The newest refusals, newest first.
    pub fn refusals(&self, limit: usize) -> Vec<Refusal> {
        self.refusals.lock().map(|kept| kept.0.iter().take(limit).cloned().collect()).unwrap_or_default()
    }

    /// Between two groups: does what is due.
    pub(super) fn visit(&self, engine: &mut Engine, now: Time) {
        let due = |at: &AtomicI64, every_ms: i64| (now.0 - at.load(Ordering::Relaxed)).abs() >= every_ms;
        self.count_repeats(engine, now);
        let many = engine.events_since_snapshot >= SNAPSHOT_EVENTS;
        if (due(&self.snapshot_at, self.schedule.snapshot_every_ms) || many)
            && !self.snapshot_running.load(Ordering::Acquire)
        {
            self.snapshot_at.store(now.0, Ordering::Relaxed);
            self.snapshot(engine, now);
        }
        if due(&self.refusals_at, REFUSALS_EVERY_MS) {
            self.refusals_at.store(now.0, Ordering::Relaxed);
            self.write_refusals();
            show(engine, now);
        }
        self.notary.visit(now);
        if due(&self.retention_at, RETENTION_EVERY_MS) {
            self.retention_at.store(now.0, Ordering::Relaxed);
            self.retain(engine, now);
        }
    }

    fn snapshot(&self, engine: &mut Engine, now: Time) {
        if engine.dirty.is_empty() || engine.board.poisoned().is_some() {
            return;
        }
        match engine.changes() {
            Ok(changes) => {
                self.snapshot_running.store(true, Ordering::Release);
                self.send(Chore::Snapshot(Box::new(changes), now));
            }
            Err(error) => tracing::warn!(%error, "no snapshot: the ledger could not be marked"),
        }
    }

    /// Takes a snapshot now, unless the kept one holds record `seq` already or one is on its way; gives
    /// the record of the kept one.
    pub(super) fn snapshot_of(&self, engine: &mut Engine, seq: u64, now: Time) -> u64 {
        let kept = self.snapshot_seq.load(Ordering::Acquire);
        if kept < seq && !self.snapshot_running.load(Ordering::Acquire) {
            self.snapshot(engine, now);
        }
        kept
    }

    fn write_refusals(&self) {
        let counted = self.tally.lock().map(|mut tally| tally.take_unwritten()).unwrap_or_default();
        if !counted.is_empty() {
            self.send(Chore::Count(counted));
        }
        let unwritten = self.refusals.lock().map(|mut kept| std::mem::take(&mut kept.1)).unwrap_or_default();
        if !unwritten.is_empty() {
            self.send(Chore::Refusals(unwritten));
        }
    }

    fn retain(&self, engine: &mut Engine, now: Time) {
        let keep_from = self.snapshot_seq.load(Ordering::Acquire) + 1;
        let Schedule { retention_ms, journal_bytes_max, .. } = self.schedule;
        match engine.store.journal.retain(now, retention_ms, journal_bytes_max, keep_from) {
            Ok(removed) if removed.segments > 0 => {
                tracing::info!(segments = removed.segments, bytes = removed.bytes, "old journal segments removed");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "old journal segments could not be removed"),
        }
    }

    fn send(&self, chore: Chore) {
        if let Ok(chores) = self.chores.lock()
            && let Some(chores) = &*chores
            && chores.send(chore).is_err()
        {
            tracing::error!("the bookkeeper's thread is gone");
        }
    }

    /// At the end: a snapshot of everything, and the thread's end.
    pub(super) fn last_visit(&self, engine: &mut Engine, now: Time) {
        self.count_repeats(engine, now);
        self.write_refusals();
        self.snapshot(engine, now);
        self.notary.last_visit(now);
        if let Ok(mut chores) = self.chores.lock() {
            chores.take();
        }
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the bookkeeper's thread had failed");
        }
    }
}

/// What was counted before this start.
fn tally(reader: Result<Arc<dyn LedgerReader>, StoreError>, now: Time) -> Tally {
    match reader.and_then(|reader| reader.counted()) {
        Ok(kept) => Tally::new(kept, now),
        Err(error) => {
            tracing::warn!(%error, "how many events were refused or repeated before this start could not be read");
            Tally::unknown(now)
        }
    }
}

fn show(engine: &Engine, now: Time) {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    engine.metrics.journal_bytes.set(number(engine.store.journal.bytes()));
    engine.metrics.dedup_ids.set(number(engine.dedup.len() as u64));
    engine.metrics.dedup_window.set(engine.dedup.covers_ms(now).min(engine.options.dedup_window_ms) / Time::SECOND);
}

/// The thread's side.
struct Desk {
    book: Arc<dyn Book>,
    metrics: Metrics,
    refusals_max: usize,
    running: Arc<AtomicBool>,
    seq: Arc<AtomicU64>,
}

impl Desk {
    fn run(self, inbox: &Receiver<Chore>) {
        // A snapshot that failed is tried again as it is, and none is saved after it before: what it
        // took out of the state (dirty workflows, new ids) stands in no later one.
        let mut failed: Option<SnapshotChange> = None;
        let mut broken = false;
        let mut owed = Owed::default();
        loop {
            match inbox.recv_timeout(RETRY) {
                Ok(Chore::Snapshot(changes, now)) if !broken => {
                    failed = failed.and_then(|change| self.save(change));
                    match changes.encode(now) {
                        Ok(change) if failed.is_none() => failed = self.save(change),
                        Ok(_) => broken = true,
                        Err(error) => {
                            tracing::error!(%error, "a snapshot can't be encoded: no more are taken, the journal holds everything");
                            broken = true;
                        }
                    }
                }
                Ok(Chore::Snapshot(..)) => {}
                Ok(Chore::Refusals(refusals)) => {
                    if let Err(error) = self.book.refusals_add(&refusals, self.refusals_max) {
                        tracing::warn!(%error, "refusals could not be written");
                    }
                }
                Ok(Chore::Count(counted)) => self.count(&mut owed, counted),
                Err(RecvTimeoutError::Timeout) => {
                    failed = failed.and_then(|change| self.save(change));
                    self.count(&mut owed, Vec::new());
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Writes what was counted. Where that fails it stays owed and is tried again; nothing else depends on it.
    fn count(&self, owed: &mut Owed, counted: Vec<Counted>) {
        let counted = owed.with(counted);
        if counted.is_empty() {
            return;
        }
        match self.book.counted_add(&counted) {
            Ok(()) => owed.paid(),
            Err(error) => {
                tracing::warn!(%error, "how many events were refused or repeated could not be written; it is tried again");
            }
        }
    }

    /// Saves a snapshot; gives it back where that failed.
    fn save(&self, change: SnapshotChange) -> Option<SnapshotChange> {
        if let Err(error) = self.book.save(&change) {
            self.metrics.snapshot_failures.inc();
            tracing::warn!(%error, "a snapshot failed and is tried again; the journal holds everything");
            return Some(change);
        }
        self.seq.store(change.seq, Ordering::Release);
        self.metrics.snapshot_saved(change.taken_at);
        self.running.store(false, Ordering::Release);
        None
    }
}

//! The book in memory, for tests and for what needs no disk: committed = durable.
//!
//! Owns a second, plain implementation of the promises in `book.rs`, and faults on demand. The tests
//! hold it against the one in SQLite.

use super::book::{
    BODY_VERSION, Book, EachChunk, KeptCheckpoint, LedgerQuery, LedgerReader, Part, SealedEntry, Snapshot,
    SnapshotChange, check_range, check_snapshot, differs, entry_json,
};
use super::counted::{Counted, HOURS_MAX};
use super::error::StoreError;
use crate::domain::{Entry, Refusal, Time};
use crate::seal::{Head, chain_start, leaf_hash, link};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The book. Clones are the same book.
#[derive(Debug, Clone, Default)]
pub struct MemoryBook(Arc<Mutex<State>>);

#[derive(Debug, Clone, Default)]
struct State {
    entries: Vec<Entry>,
    /// The same entries with their hashes.
    sealed: Vec<SealedEntry>,
    checkpoints: BTreeMap<u64, KeptCheckpoint>,
    key: Option<String>,
    /// Where in `entries` the one of a record and index is.
    places: BTreeMap<(u64, u32), usize>,
    applied: u64,
    refusals: VecDeque<Refusal>,
    counted: BTreeMap<(i64, String), u64>,
    snapshot: Option<(u64, Time)>,
    parts: BTreeMap<String, Part>,
    dedup: Vec<(u32, Vec<u8>)>,
    fault: Option<String>,
}

impl State {
    fn head(&self) -> Head {
        let chain = self.sealed.last().map_or_else(chain_start, |last| last.chain);
        Head { entries: self.sealed.len() as u64, chain, applied: self.applied }
    }
}

impl MemoryBook {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every change fails with this, until it is set to `None`.
    pub fn set_fault(&self, fault: Option<&str>) {
        self.lock().fault = fault.map(str::to_owned);
    }

    /// Ends this book (every further change fails) and gives the one found after a crash.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut state = self.lock();
        let after = State { fault: None, ..state.clone() };
        state.fault = Some("the power is off".to_owned());
        Self(Arc::new(Mutex::new(after)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.lock();
        match &state.fault {
            Some(fault) => Err(StoreError::Injected(fault.clone())),
            None => Ok(state),
        }
    }
}

impl Book for MemoryBook {
    fn append(&self, entries: &[Entry], upto_journal_seq: u64) -> Result<(), StoreError> {
        let mut state = self.change()?;
        let mut new: BTreeMap<(u64, u32), &Entry> = BTreeMap::new();
        let mut order = Vec::new();
        for entry in entries {
            check_range(entry, upto_journal_seq)?;
            let body = entry_json(entry)?;
            let id = (entry.journal_seq, entry.index);
            let kept = state.places.get(&id).map(|place| &state.entries[*place]);
            match kept.or_else(|| new.get(&id).copied()) {
                Some(kept) if kept == entry => {}
                Some(_) => return Err(differs(entry, false)),
                None if entry.journal_seq <= state.applied => return Err(differs(entry, true)),
                None => {
                    new.insert(id, entry);
                    order.push((entry, body));
                }
            }
        }
        for (entry, body) in order {
            let place = state.entries.len();
            state.places.insert((entry.journal_seq, entry.index), place);
            state.entries.push(entry.clone());
            let ledger_seq = place as u64 + 1;
            let leaf = leaf_hash(ledger_seq, BODY_VERSION.into(), body.as_bytes());
            let chain = link(&state.head().chain, &leaf);
            state.sealed.push(SealedEntry { ledger_seq, body_version: BODY_VERSION, body, leaf, chain });
        }
        state.applied = state.applied.max(upto_journal_seq);
        Ok(())
    }

    fn checkpoint_add(&self, checkpoint: &KeptCheckpoint, max: usize) -> Result<(), StoreError> {
        let mut state = self.change()?;
        state.checkpoints.insert(checkpoint.size, checkpoint.clone());
        while state.checkpoints.len() > max {
            state.checkpoints.pop_first();
        }
        Ok(())
    }

    fn ledger_key(&self, fresh: &str) -> Result<String, StoreError> {
        Ok(self.change()?.key.get_or_insert_with(|| fresh.to_owned()).clone())
    }

    fn ledger_applied_seq(&self) -> Result<u64, StoreError> {
        Ok(self.lock().applied)
    }

    fn refusals_add(&self, refusals: &[Refusal], max: usize) -> Result<(), StoreError> {
        let mut state = self.change()?;
        state.refusals.extend(refusals.iter().cloned());
        let over = state.refusals.len().saturating_sub(max);
        state.refusals.drain(..over);
        Ok(())
    }

    fn counted_add(&self, counted: &[Counted]) -> Result<(), StoreError> {
        let mut state = self.change()?;
        for Counted { hour, what, count } in counted {
            *state.counted.entry((*hour, what.clone())).or_default() += count;
        }
        let oldest = counted.iter().map(|one| one.hour).max().map_or(i64::MIN, |last| last - HOURS_MAX);
        state.counted.retain(|(hour, _), _| *hour >= oldest);
        Ok(())
    }

    fn save(&self, change: &SnapshotChange) -> Result<(), StoreError> {
        let mut state = self.change()?;
        check_snapshot(change.seq, state.applied)?;
        state.parts.extend(change.parts.iter().map(|part| (part.key.clone(), part.clone())));
        for key in &change.removed {
            state.parts.remove(key);
        }
        state.dedup.extend(change.dedup_add.iter().cloned());
        state.dedup.retain(|(generation, _)| *generation >= change.dedup_drop_before);
        state.snapshot = Some((change.seq, change.taken_at));
        Ok(())
    }

    fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        let state = self.lock();
        let parts = || state.parts.values().cloned().collect();
        Ok(state.snapshot.map(|(seq, taken_at)| Snapshot { seq, taken_at, parts: parts() }))
    }

    fn snapshot_seq(&self) -> Result<u64, StoreError> {
        Ok(self.lock().snapshot.map_or(0, |(seq, _)| seq))
    }

    fn load_dedup(&self, each: &mut EachChunk<'_>) -> Result<(), StoreError> {
        let chunks = self.lock().dedup.clone();
        chunks.into_iter().try_for_each(|(generation, bytes)| each(generation, bytes))
    }

    fn reader(&self) -> Result<Arc<dyn LedgerReader>, StoreError> {
        Ok(Arc::new(self.clone()))
    }

    fn poisoned(&self) -> Option<String> {
        self.lock().fault.clone()
    }
}

impl LedgerReader for MemoryBook {
    fn sealed(&self, query: &LedgerQuery) -> Result<Vec<SealedEntry>, StoreError> {
        let state = self.lock();
        let wanted = |(sealed, entry): &(&SealedEntry, &Entry)| {
            sealed.ledger_seq > query.after
                && query.before.is_none_or(|before| sealed.ledger_seq < before)
                && query.until.is_none_or(|until| entry.time <= until)
                && (query.workflow.is_none() || entry.workflow == query.workflow)
        };
        let all = state.sealed.iter().zip(&state.entries).filter(wanted).map(|(sealed, _)| sealed.clone());
        if query.newest_first {
            let mut found: Vec<_> = all.collect();
            found.reverse();
            found.truncate(query.limit);
            return Ok(found);
        }
        Ok(all.take(query.limit).collect())
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(self.lock().head())
    }

    fn checkpoints(&self, limit: usize) -> Result<Vec<KeptCheckpoint>, StoreError> {
        Ok(self.lock().checkpoints.values().rev().take(limit).cloned().collect())
    }

    fn refusals(&self, limit: usize) -> Result<Vec<Refusal>, StoreError> {
        Ok(self.lock().refusals.iter().rev().take(limit).cloned().collect())
    }

    fn counted(&self) -> Result<Vec<Counted>, StoreError> {
        let one =
            |((hour, what), count): (&(i64, String), &u64)| Counted { hour: *hour, what: what.clone(), count: *count };
        Ok(self.lock().counted.iter().map(one).collect())
    }
}

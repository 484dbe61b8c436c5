//! A book that refuses a part of its work on demand, and does the rest as it is.
//!
//! Owns which part. Asserts nothing.

#![cfg(test)]

use andon::domain::{Entry, Refusal};
use andon::store::memory::MemoryBook;
use andon::store::{Book, EachChunk, KeptCheckpoint, LedgerReader, Snapshot, SnapshotChange, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A book around another one.
pub(crate) struct FailingBook {
    pub(crate) book: MemoryBook,
    /// Snapshots are refused while it is true.
    pub(crate) snapshots: Arc<AtomicBool>,
    /// Checkpoints are refused.
    pub(crate) checkpoints: bool,
}

impl FailingBook {
    /// Around a book, refusing nothing.
    pub(crate) fn over(book: MemoryBook) -> Self {
        Self { book, snapshots: Arc::default(), checkpoints: false }
    }
}

fn refuse_if(refused: bool) -> Result<(), StoreError> {
    if refused { Err(StoreError::Injected("full".into())) } else { Ok(()) }
}

impl Book for FailingBook {
    fn append(&self, entries: &[Entry], upto: u64) -> Result<(), StoreError> {
        self.book.append(entries, upto)
    }
    fn ledger_applied_seq(&self) -> Result<u64, StoreError> {
        self.book.ledger_applied_seq()
    }
    fn refusals_add(&self, refusals: &[Refusal], max: usize) -> Result<(), StoreError> {
        self.book.refusals_add(refusals, max)
    }
    fn checkpoint_add(&self, checkpoint: &KeptCheckpoint, max: usize) -> Result<(), StoreError> {
        refuse_if(self.checkpoints)?;
        self.book.checkpoint_add(checkpoint, max)
    }
    fn ledger_key(&self, fresh: &str) -> Result<String, StoreError> {
        self.book.ledger_key(fresh)
    }
    fn save(&self, change: &SnapshotChange) -> Result<(), StoreError> {
        refuse_if(self.snapshots.load(Ordering::SeqCst))?;
        self.book.save(change)
    }
    fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        self.book.load()
    }
    fn snapshot_seq(&self) -> Result<u64, StoreError> {
        self.book.snapshot_seq()
    }
    fn load_dedup(&self, each: &mut EachChunk<'_>) -> Result<(), StoreError> {
        self.book.load_dedup(each)
    }
    fn reader(&self) -> Result<Arc<dyn LedgerReader>, StoreError> {
        self.book.reader()
    }
    fn poisoned(&self) -> Option<String> {
        self.book.poisoned()
    }
}

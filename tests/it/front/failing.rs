//! A book that refuses a part of its work on demand, or says that it was done; the rest it does as it is.
//!
//! Owns which part. Asserts nothing.

#![cfg(test)]

use andon::domain::{Entry, Refusal};
use andon::seal::Head;
use andon::store::memory::MemoryBook;
use andon::store::{
    Book, Counted, EachChunk, KeptCheckpoint, LedgerQuery, LedgerReader, SealedEntry, Snapshot, SnapshotChange,
    StoreError,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A book around another one.
pub(crate) struct FailingBook {
    pub(crate) book: MemoryBook,
    /// Snapshots are refused while it is true.
    pub(crate) snapshots: Arc<AtomicBool>,
    /// What the intake counted is refused while it is true.
    pub(crate) counts: Arc<AtomicBool>,
    /// Checkpoints are refused.
    pub(crate) checkpoints: bool,
    /// What is said to be done and isn't.
    pub(crate) silent: Arc<Mutex<Silent>>,
}

/// Work that a book says it has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Silent {
    /// It has.
    #[default]
    None,
    /// No entry is written.
    Entries,
    /// No snapshot is written.
    Snapshots,
    /// Snapshots are written without this part.
    Part(&'static str),
    /// Of this part snapshots keep what they had.
    Stale(&'static str),
    /// Readers of the ledger are shown another text than what was written.
    Text,
    /// Who reads a single entry of the ledger finds none.
    Gap,
}

impl FailingBook {
    /// Around a book, refusing nothing.
    pub(crate) fn over(book: MemoryBook) -> Self {
        Self { book, snapshots: Arc::default(), counts: Arc::default(), checkpoints: false, silent: Arc::default() }
    }
}

fn refuse_if(refused: bool) -> Result<(), StoreError> {
    if refused { Err(StoreError::Injected("full".into())) } else { Ok(()) }
}

impl Book for FailingBook {
    fn append(&self, entries: &[Entry], upto: u64) -> Result<(), StoreError> {
        let silent = *self.silent.lock().unwrap() == Silent::Entries;
        self.book.append(if silent { &[] } else { entries }, upto)
    }
    fn ledger_applied_seq(&self) -> Result<u64, StoreError> {
        self.book.ledger_applied_seq()
    }
    fn refusals_add(&self, refusals: &[Refusal], max: usize) -> Result<(), StoreError> {
        self.book.refusals_add(refusals, max)
    }
    fn counted_add(&self, counted: &[Counted]) -> Result<(), StoreError> {
        refuse_if(self.counts.load(Ordering::SeqCst))?;
        self.book.counted_add(counted)
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
        let mut change = change.clone();
        match *self.silent.lock().unwrap() {
            Silent::Snapshots => return Ok(()),
            Silent::Part(key) => {
                change.parts.retain(|part| part.key != key);
                change.removed.push(key.to_owned());
            }
            Silent::Stale(key) => change.parts.retain(|part| part.key != key),
            _ => {}
        }
        self.book.save(&change)
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
        Ok(Arc::new(Reader(self.book.reader()?, Arc::clone(&self.silent))))
    }
    fn poisoned(&self) -> Option<String> {
        self.book.poisoned()
    }
}

/// The book's reader, and what it shows instead.
struct Reader(Arc<dyn LedgerReader>, Arc<Mutex<Silent>>);

impl LedgerReader for Reader {
    fn sealed(&self, query: &LedgerQuery) -> Result<Vec<SealedEntry>, StoreError> {
        let mut found = self.0.sealed(query)?;
        match *self.1.lock().unwrap() {
            Silent::Text => found.iter_mut().for_each(|sealed| sealed.body.push(' ')),
            // A list of one is how somebody looks at the entry before.
            Silent::Gap if query.limit == 1 => found.clear(),
            _ => {}
        }
        Ok(found)
    }
    fn head(&self) -> Result<Head, StoreError> {
        self.0.head()
    }
    fn checkpoints(&self, limit: usize) -> Result<Vec<KeptCheckpoint>, StoreError> {
        self.0.checkpoints(limit)
    }
    fn refusals(&self, limit: usize) -> Result<Vec<Refusal>, StoreError> {
        self.0.refusals(limit)
    }

    fn counted(&self) -> Result<Vec<Counted>, StoreError> {
        self.0.counted()
    }
}

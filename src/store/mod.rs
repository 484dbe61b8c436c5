//! The store: an append-only journal of all inputs, and the book (ledger, refusals, snapshots).
//!
//! Owns what is on disk, its formats and what a crash may take. State = f(journal): the book can
//! lag behind and catches up by replay. Must not know what inputs do, and asks no clock: the times
//! come with the records. One thread writes; reads may come from any.

mod book;
mod checkpoint_folder;
mod codec;
mod counted;
mod disk;
mod error;
mod faulty_disk;
mod faulty_image;
mod folder;
mod frame;
mod helper;
mod inspect;
mod journal;
mod key_file;
mod ledger;
mod ledger_seal;
mod letter;
mod memory_book;
mod outbox;
mod outbox_file;
mod packed;
mod read_only;
mod recovery;
mod replay;
mod retention;
mod segment;
mod shelf;
mod snapshot;
mod sqlite;

pub use book::{
    Book, EachChunk, KeptCheckpoint, LedgerQuery, LedgerReader, Part, SealedEntry, Snapshot, SnapshotChange,
};
pub use checkpoint_folder::{CheckpointFolder, LATEST};
pub use codec::{CodecError, EventsRecord, decode_record, encode_event, encode_record, record_time};
pub use counted::{Counted, DUPLICATE, HOURS_MAX, REFUSED, SINCE, hour_of};
pub use disk::{Disk, DiskFile, FileInfo, RealDisk};
pub use error::StoreError;
pub use helper::Beside;
pub use inspect::Inspection;
pub use journal::{Cut, Journal, JournalSettings, Recovery};
pub use key_file::{KEY_FILE, read_key};
pub use letter::{Change, DeadLetter, Letter, TargetState, Waiting};
pub use outbox::Outbox;
pub use read_only::Look;
pub use replay::{EachInput, EachRecord, JournalReader};
pub use retention::Removed;
pub use shelf::{Kept, Label, Shelf};
pub use sqlite::SqliteBook;

/// Twins in memory that fail on demand, for tests.
pub mod memory {
    pub use super::faulty_disk::{Fault, FaultyDisk, Op};
    pub use super::memory_book::MemoryBook;
}

use folder::Lock;
use std::path::Path;
use std::sync::Arc;

/// Settings of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreOptions {
    /// Settings of the journal.
    pub journal: JournalSettings,
}

/// Journal and book of one daemon.
pub struct Store {
    /// All inputs, in order.
    pub journal: Journal,
    /// Ledger, refusals, snapshots.
    pub book: Arc<dyn Book>,
    /// Messages that wait for their targets.
    pub outbox: Arc<Outbox>,
    /// Reports of weeks.
    pub shelf: Shelf,
    /// Dropped last, so that nobody gets in before the rest is closed.
    _lock: Option<Lock>,
}

impl Store {
    /// Opens or creates the store in a folder, which is then locked against other daemons.
    pub fn open(path: &Path, options: StoreOptions) -> Result<(Self, Recovery), StoreError> {
        let lock = Lock::take(path)?;
        folder::check_format(path)?;
        let (journal, recovery) = Journal::open(Arc::new(RealDisk::new(path)), options.journal)?;
        let book = SqliteBook::open(path)?;
        let outbox = Arc::new(Outbox::open(path));
        // The databases' names must be as durable as what is committed into them.
        RealDisk::new(path).sync_dir("").map_err(StoreError::io("sync", path.display().to_string()))?;
        let shelf = Shelf::new(Arc::new(RealDisk::new(path)));
        let store = Self { journal, book: Arc::new(book), outbox, shelf, _lock: Some(lock) };
        store.check_agreement(&path.display().to_string())?;
        Ok((store, recovery))
    }

    /// A store on twins in memory.
    pub fn memory(
        disk: memory::FaultyDisk,
        book: memory::MemoryBook,
        options: StoreOptions,
    ) -> Result<(Self, Recovery), StoreError> {
        let disk = Arc::new(disk);
        let (journal, recovery) = Journal::open(disk.clone(), options.journal)?;
        let outbox = Arc::new(Outbox::memory()?);
        let store = Self { journal, book: Arc::new(book), outbox, shelf: Shelf::new(disk), _lock: None };
        store.check_agreement("memory")?;
        Ok((store, recovery))
    }

    /// The first failure after which the store takes nothing more, when there was one.
    pub fn poisoned(&self) -> Option<String> {
        self.journal.poisoned().map(str::to_owned).or_else(|| self.book.poisoned())
    }

    /// The journal is synced before anything is derived from it, and the ledger before a snapshot:
    /// where one ends before what it led to, files were removed or replaced.
    fn check_agreement(&self, path: &str) -> Result<(), StoreError> {
        let last = self.journal.durable_seq();
        let (applied, snapshot) = (self.book.ledger_applied_seq()?, self.book.snapshot_seq()?);
        if snapshot > applied {
            return Err(StoreError::LedgerBehind { applied, snapshot });
        }
        match [(sqlite::LEDGER, applied), (sqlite::SNAPSHOT, snapshot)].into_iter().find(|(_, known)| *known > last) {
            Some((file, known)) => Err(StoreError::JournalBehind { path: path.to_owned(), last, file, known }),
            None => Ok(()),
        }
    }
}

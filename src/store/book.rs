//! Everything that the store keeps beside the journal: ledger, refusals, snapshots.
//!
//! Owns the interface and its promises. Must not know the database (`sqlite.rs`, `ledger.rs`,
//! `snapshot.rs`) nor what the parts of a snapshot mean.

use super::counted::Counted;
use super::error::{REMEDY_LEDGER, StoreError};
use super::sqlite::LEDGER;
use crate::domain::{Entry, Refusal, Time, WorkflowId};
use crate::seal::{Hash, Head};
use std::sync::Arc;

/// Version of the JSON of an entry that this program writes.
pub(super) const BODY_VERSION: u16 = 1;

/// Which ledger entries are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerQuery {
    /// Only entries that concern this workflow.
    pub workflow: Option<WorkflowId>,
    /// Only entries with a higher ledger number.
    pub after: u64,
    /// Only entries with a lower ledger number: the next page of a list that begins with the newest.
    pub before: Option<u64>,
    /// Only entries decided at this time or earlier.
    pub until: Option<Time>,
    /// Begin with the newest.
    pub newest_first: bool,
    /// At most so many.
    pub limit: usize,
}

impl Default for LedgerQuery {
    fn default() -> Self {
        Self { workflow: None, after: 0, before: None, until: None, newest_first: false, limit: 100 }
    }
}

/// An entry as it is stored, with the hashes that make it accountable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEntry {
    /// Counts the entries of the ledger from 1, without gaps.
    pub ledger_seq: u64,
    /// Version of the text.
    pub body_version: u16,
    /// The entry's JSON, byte for byte as it was hashed.
    pub body: String,
    /// Hash of the entry.
    pub leaf: Hash,
    /// Hash of the entry and of all before it.
    pub chain: Hash,
}

impl SealedEntry {
    /// What the text says.
    ///
    /// # Errors
    /// It is of a newer andon, or damaged.
    pub fn entry(&self) -> Result<Entry, StoreError> {
        let Self { ledger_seq, body_version, body, .. } = self;
        if *body_version > BODY_VERSION {
            let what = format!("{LEDGER}, entry {ledger_seq}");
            return Err(StoreError::NewerFormat { what, found: (*body_version).into(), known: BODY_VERSION.into() });
        }
        serde_json::from_str(body).map_err(|error| StoreError::Corrupt {
            file: LEDGER.to_owned(),
            offset: 0,
            what: format!("entry {ledger_seq} can't be read: {error}"),
            remedy: REMEDY_LEDGER,
        })
    }
}

/// A signed checkpoint that is kept with the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// Its entries.
    pub size: u64,
    /// When it was signed. Not part of what is signed.
    pub time: Time,
    /// The signed note.
    pub note: String,
    /// The key to verify it with, as `andon ledger key` prints it.
    pub key: String,
}

/// One part of a snapshot: the state of one workflow, say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name, unique.
    pub key: String,
    /// Version of the bytes' format; the store only keeps it.
    pub version: u16,
    /// The state.
    pub bytes: Vec<u8>,
}

/// What is to change about the kept snapshot, all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotChange {
    /// The last journal record that the state contains.
    pub seq: u64,
    /// When it was taken.
    pub taken_at: Time,
    /// Parts that are new or changed; the others stay as they are.
    pub parts: Vec<Part>,
    /// Keys of parts that are gone.
    pub removed: Vec<String>,
    /// Chunks of the deduplication table to add, each with its generation.
    pub dedup_add: Vec<(u32, Vec<u8>)>,
    /// Chunks of earlier generations go.
    pub dedup_drop_before: u32,
}

/// The kept snapshot, without the chunks of the deduplication table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The last journal record that the state contains.
    pub seq: u64,
    /// When it was taken.
    pub taken_at: Time,
    /// All parts, in order of their keys.
    pub parts: Vec<Part>,
}

/// Takes the chunks of the deduplication table: generation and bytes.
pub type EachChunk<'a> = dyn FnMut(u32, Vec<u8>) -> Result<(), StoreError> + 'a;

/// Reads of ledger and refusals, from any thread, beside the writes.
pub trait LedgerReader: Send + Sync {
    /// Entries as they are stored, with their numbers and hashes.
    fn sealed(&self, query: &LedgerQuery) -> Result<Vec<SealedEntry>, StoreError>;

    /// Entries with their ledger numbers, which count from 1 without gaps.
    fn entries(&self, query: &LedgerQuery) -> Result<Vec<(u64, Entry)>, StoreError> {
        self.sealed(query)?.iter().map(|sealed| Ok((sealed.ledger_seq, sealed.entry()?))).collect()
    }

    /// What the ledger says of its own end.
    fn head(&self) -> Result<Head, StoreError>;

    /// The newest checkpoints that are kept here, the largest first.
    fn checkpoints(&self, limit: usize) -> Result<Vec<KeptCheckpoint>, StoreError>;

    /// The newest refusals, newest first.
    fn refusals(&self, limit: usize) -> Result<Vec<Refusal>, StoreError>;

    /// What the intake counted, hour by hour.
    fn counted(&self) -> Result<Vec<Counted>, StoreError>;
}

/// Ledger, refusals and snapshots. What a call has returned is durable.
///
/// A saved snapshot and a ledger commit don't wait for each other, so they may come from two threads.
pub trait Book: Send + Sync {
    /// Writes ledger entries and the number of the last journal record whose entries are now all
    /// written, together. Entries that are there already stay; if one says something else, or one
    /// is missing although its record counted as written, nothing is written and it is an error.
    fn append(&self, entries: &[Entry], upto_journal_seq: u64) -> Result<(), StoreError>;

    /// Keeps a checkpoint, and of all of them the `max` largest. One of the same size is replaced.
    fn checkpoint_add(&self, checkpoint: &KeptCheckpoint, max: usize) -> Result<(), StoreError>;

    /// The secret text of the key that signs checkpoints: the kept one, or `fresh`, which is then kept.
    fn ledger_key(&self, fresh: &str) -> Result<String, StoreError>;

    /// The last journal record whose entries are all written.
    fn ledger_applied_seq(&self) -> Result<u64, StoreError>;

    /// Keeps refusals, and of all of them the newest `max`.
    fn refusals_add(&self, refusals: &[Refusal], max: usize) -> Result<(), StoreError>;

    /// Adds to what the intake counted; of all hours the newest [`super::HOURS_MAX`] are kept. A failure ends nothing
    /// else: it may be tried again.
    fn counted_add(&self, counted: &[Counted]) -> Result<(), StoreError>;

    /// Changes the kept snapshot. An error while the ledger holds less than led to it.
    fn save(&self, change: &SnapshotChange) -> Result<(), StoreError>;

    /// The kept snapshot.
    fn load(&self) -> Result<Option<Snapshot>, StoreError>;

    /// One part of the kept snapshot, with the number of its record.
    fn part(&self, key: &str) -> Result<Option<(u64, Part)>, StoreError> {
        let Some(snapshot) = self.load()? else { return Ok(None) };
        Ok(snapshot.parts.into_iter().find(|part| part.key == key).map(|part| (snapshot.seq, part)))
    }

    /// The number of the kept snapshot's record; 0 without one.
    fn snapshot_seq(&self) -> Result<u64, StoreError>;

    /// Hands over the chunks of the deduplication table in the order of their adding.
    fn load_dedup(&self, each: &mut EachChunk<'_>) -> Result<(), StoreError>;

    /// Something to read with.
    fn reader(&self) -> Result<Arc<dyn LedgerReader>, StoreError>;

    /// The first failure after which nothing more is taken, when there was one.
    fn poisoned(&self) -> Option<String>;
}

/// The JSON of an entry, if it reads back to the same entry: what can't be read again (a NaN) must
/// not get into the ledger, where it would break every later list.
pub(super) fn entry_json(entry: &Entry) -> Result<String, StoreError> {
    let unreadable = |cause: String| StoreError::Unreadable {
        what: format!("ledger entry {} of journal record {}", entry.index, entry.journal_seq),
        cause,
    };
    let body = serde_json::to_string(entry).map_err(|error| unreadable(error.to_string()))?;
    let back: Entry = serde_json::from_str(&body).map_err(|error| unreadable(error.to_string()))?;
    if back == *entry { Ok(body) } else { Err(unreadable("it doesn't read back as it was written".to_owned())) }
}

/// What must hold of every entry before it is written.
pub(super) fn check_range(entry: &Entry, upto_journal_seq: u64) -> Result<(), StoreError> {
    if entry.journal_seq <= upto_journal_seq {
        return Ok(());
    }
    Err(StoreError::Unreadable {
        what: format!("ledger entry {} of journal record {}", entry.index, entry.journal_seq),
        cause: format!("the call says that it writes the entries up to record {upto_journal_seq}"),
    })
}

/// The error of an entry that differs from the one in the ledger.
pub(super) const fn differs(entry: &Entry, is_missing: bool) -> StoreError {
    let what =
        if is_missing { "is new, but that record was already written" } else { "says something else than before" };
    StoreError::LedgerDiffers { journal_seq: entry.journal_seq, index: entry.index, what }
}

/// The error of a snapshot that the ledger is behind of.
pub(super) const fn check_snapshot(seq: u64, applied: u64) -> Result<(), StoreError> {
    if seq <= applied { Ok(()) } else { Err(StoreError::SnapshotAhead { seq, applied }) }
}

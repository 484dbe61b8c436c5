//! What can go wrong in the store, each with the thing, the value and what to do about it.
//!
//! Owns the error type of the room. Must not know who calls: whether an error ends the daemon or
//! one request is decided above.

use super::codec::CodecError;
use std::io;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused a file operation.
    #[error("can't {what} `{path}`: {source}")]
    Io {
        /// The operation, as a verb.
        what: &'static str,
        /// The file or folder.
        path: String,
        /// The reason.
        source: io::Error,
    },
    /// Bytes that were durable are not what was written.
    #[error("`{file}` is damaged at byte {offset}: {what}; {remedy}")]
    Corrupt {
        /// The file.
        file: String,
        /// Where in the file (in the unpacked bytes of a packed segment).
        offset: u64,
        /// What is wrong there.
        what: String,
        /// What a person can do.
        remedy: &'static str,
    },
    /// An earlier write or sync failed, so nothing can be promised any more.
    #[error(
        "the store takes nothing more since an earlier failure ({cause}): free space or repair the disk, then restart"
    )]
    Poisoned {
        /// The first failure.
        cause: String,
    },
    /// The records were removed by retention.
    #[error("journal records from {from} were asked for, but the oldest kept one is {oldest}")]
    Gone {
        /// The first record asked for.
        from: u64,
        /// The oldest record that is there.
        oldest: u64,
    },
    /// A record or commit is larger than the journal takes.
    #[error("{what} of {bytes} bytes is larger than the limit of {max}")]
    TooLarge {
        /// A record, a commit or a snapshot part.
        what: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The files were written by a newer andon.
    #[error(
        "`{what}` has format {found}, and this andon knows formats up to {known}: run the version that wrote it, or a newer one"
    )]
    NewerFormat {
        /// The file.
        what: String,
        /// Its format.
        found: u64,
        /// The newest known format.
        known: u64,
    },
    /// The folder holds something else.
    #[error("`{path}` is not a store of andon: {what}; set store.path to an empty or new folder")]
    NotAStore {
        /// The folder or file.
        path: String,
        /// Why.
        what: String,
    },
    /// There is nothing to look at.
    #[error("there is no store of andon in `{path}`: name the folder that `[store] path` of the daemon names")]
    NoStore {
        /// The folder.
        path: String,
    },
    /// Another process uses the folder.
    #[error("the store `{path}` is in use by another andon: stop that one, or give this one another store.path")]
    Locked {
        /// The folder.
        path: String,
    },
    /// A record can't be encoded or decoded.
    #[error("journal record {seq}: {source}")]
    Codec {
        /// The record; 0 where it has no number yet.
        seq: u64,
        /// The reason.
        source: CodecError,
    },
    /// The database refused.
    #[error("can't {what} in `{file}`: {source}")]
    Sqlite {
        /// The operation, as a verb.
        what: &'static str,
        /// The database file.
        file: &'static str,
        /// The reason.
        source: rusqlite::Error,
    },
    /// The ledger already says something else about this record, so history would change.
    #[error(
        "ledger entry {index} of journal record {journal_seq} {what}: the same journal must always give the same ledger; go back to the version that wrote it, and report this"
    )]
    LedgerDiffers {
        /// The record.
        journal_seq: u64,
        /// The position among its entries.
        index: u32,
        /// How it differs.
        what: &'static str,
    },
    /// Somebody else wrote an entry where the next one belongs.
    #[error(
        "ledger entry {ledger_seq} is there already, but andon didn't write it: the ledger was changed from outside; `andon ledger verify` says how, and a backup from before helps"
    )]
    LedgerForged {
        /// The entry.
        ledger_seq: u64,
    },
    /// The key that signs checkpoints can't be used.
    #[error("the key `{path}` can't be used: {cause}")]
    Key {
        /// The file.
        path: String,
        /// Why, and what to do.
        cause: String,
    },
    /// There is no ledger to look at.
    #[error("there is no ledger in `{path}`: {cause}")]
    NoLedger {
        /// The folder.
        path: String,
        /// Why.
        cause: String,
    },
    /// A checkpoint would take the place of a different one.
    #[error(
        "`{path}` holds another checkpoint of the same size: it is never overwritten, because it may be the proof that the ledger was rewritten; `andon ledger verify --checkpoint` compares them"
    )]
    CheckpointTaken {
        /// The file.
        path: String,
    },
    /// An entry or part can't be stored in a way that can be read back.
    #[error("{what} can't be kept: {cause}")]
    Unreadable {
        /// The thing.
        what: String,
        /// Why.
        cause: String,
    },
    /// A snapshot was to be saved before the ledger held what led to it.
    #[error("a snapshot at journal record {seq} can't be saved while the ledger holds only what came up to {applied}")]
    SnapshotAhead {
        /// The snapshot's record.
        seq: u64,
        /// The last record whose entries are written.
        applied: u64,
    },
    /// The journal ends before what the databases already saw.
    #[error(
        "the journal in `{path}` ends at record {last}, but `{file}` knows record {known}: journal files were removed or replaced; restore them from a backup, or move the whole folder aside and start on an empty one"
    )]
    JournalBehind {
        /// The folder.
        path: String,
        /// The last record of the journal.
        last: u64,
        /// The database.
        file: &'static str,
        /// The record that it knows.
        known: u64,
    },
    /// The ledger ends before what the snapshot already contains.
    #[error(
        "the ledger holds what came up to journal record {applied}, but the snapshot is of record {snapshot}: `ledger.db` was removed or replaced; restore it from a backup"
    )]
    LedgerBehind {
        /// The last record whose entries are written.
        applied: u64,
        /// The snapshot's record.
        snapshot: u64,
    },
    /// A fault that a test ordered.
    #[error("injected fault: {0}")]
    Injected(String),
    /// Whoever takes the replayed records stopped.
    #[error("the replay stopped at record {seq}: {cause}")]
    Stopped {
        /// The record.
        seq: u64,
        /// Why.
        cause: String,
    },
}

impl StoreError {
    /// For `map_err`: an I/O error with its operation and path.
    pub(super) fn io(what: &'static str, path: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// For `map_err`: a database error with its operation and file.
    pub(super) fn sqlite(what: &'static str, file: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { what, file, source }
    }

    /// A database that isn't what was written.
    pub(super) fn damaged(file: &str, what: String, remedy: &'static str) -> Self {
        Self::Corrupt { file: file.to_owned(), offset: 0, what, remedy }
    }

    /// The same of the outbox.
    pub(super) fn damaged_outbox(what: String) -> Self {
        Self::damaged(super::outbox_file::OUTBOX, what, REMEDY_OUTBOX)
    }
}

/// What to do about a damaged journal file.
pub(super) const REMEDY_JOURNAL: &str = "acknowledged records are lost in it, so andon does not go on by itself: restore \
     the file from a backup; without one, move the whole folder aside and start on an empty one";

/// What to do about a damaged ledger.
pub(super) const REMEDY_LEDGER: &str = "restore it from a backup; a part of it can perhaps be saved with `.recover` of the \
     sqlite3 shell";

/// What to do about a damaged outbox.
const REMEDY_OUTBOX: &str = "move `outbox.db` (with its -wal and -shm) aside: notifications then begin anew \
     from now on, and nothing else is lost; at a start andon does that by itself";

/// What to do about a damaged snapshot.
pub(super) const REMEDY_SNAPSHOT: &str = "restore it from a backup, or move `snapshot.db` (with its -wal and -shm) aside: the state is then computed anew from \
     the journal, as far back as it is kept";

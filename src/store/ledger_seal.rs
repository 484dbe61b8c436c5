//! The second version of the ledger's tables: hashes, the kept head, and checkpoints.
//!
//! Owns that step, which hashes what was there before, and the statements on checkpoints. Must not
//! know what is hashed or signed (`seal`).

use super::book::KeptCheckpoint;
use super::error::StoreError;
use super::sqlite::{LEDGER, Number};
use crate::domain::Time;
use crate::seal::{Hash, chain_start, leaf_hash, link};
use rusqlite::{Connection, Transaction, params};

/// Gives every entry its hashes. What was changed before can't be told from what was written.
pub(super) fn seal(db: &Transaction<'_>) -> rusqlite::Result<()> {
    db.execute_batch(
        "DROP INDEX entry_of_workflow;
         ALTER TABLE entry RENAME TO entry_1;
         CREATE TABLE entry (
             ledger_seq   INTEGER PRIMARY KEY,
             journal_seq  INTEGER NOT NULL,
             idx          INTEGER NOT NULL,
             time         INTEGER NOT NULL,
             workflow     TEXT,
             body_version INTEGER NOT NULL,
             body         TEXT NOT NULL,
             leaf         BLOB NOT NULL CHECK (length(leaf) = 32),
             chain        BLOB NOT NULL CHECK (length(chain) = 32),
             UNIQUE (journal_seq, idx)
         ) STRICT;
         CREATE TABLE checkpoint (
             size INTEGER PRIMARY KEY,
             time INTEGER NOT NULL,
             note TEXT NOT NULL,
             key  TEXT NOT NULL
         ) STRICT;
         ALTER TABLE applied ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
         ALTER TABLE applied ADD COLUMN chain BLOB NOT NULL DEFAULT x'';",
    )?;
    let (last, chain) = hash_old(db)?;
    db.execute("UPDATE applied SET entries = ?1, chain = ?2", params![Number(last), chain.0])?;
    db.execute_batch("DROP TABLE entry_1; CREATE INDEX entry_of_workflow ON entry (workflow, ledger_seq);")
}

/// Copies the entries with their hashes; the last one's number and chain hash.
fn hash_old(db: &Transaction<'_>) -> rusqlite::Result<(u64, Hash)> {
    let (mut last, mut chain) = (0, chain_start());
    let mut old = db.prepare(
        "SELECT ledger_seq, body_version, body, journal_seq, idx, time, workflow FROM entry_1 ORDER BY ledger_seq",
    )?;
    let mut insert = db.prepare("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, version): (Number, Number) = (row.get(0)?, row.get(1)?);
        let body: String = row.get(2)?;
        let leaf = leaf_hash(seq.0, version.0, body.as_bytes());
        chain = link(&chain, &leaf);
        last = seq.0;
        let (journal_seq, index, time): (i64, i64, i64) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let workflow: Option<String> = row.get(6)?;
        insert.execute(params![seq, journal_seq, index, time, workflow, version, body, leaf.0, chain.0])?;
    }
    Ok((last, chain))
}

/// Keeps a checkpoint; see `Book::checkpoint_add`.
pub(super) fn checkpoint_add(db: &Transaction<'_>, checkpoint: &KeptCheckpoint, max: usize) -> Result<(), StoreError> {
    let failed = || StoreError::sqlite("keep a checkpoint", LEDGER);
    let KeptCheckpoint { size, time, note, key } = checkpoint;
    db.execute("REPLACE INTO checkpoint VALUES (?1, ?2, ?3, ?4)", params![Number(*size), time.0, note, key])
        .map_err(failed())?;
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let rest =
        "DELETE FROM checkpoint WHERE size IN (SELECT size FROM checkpoint ORDER BY size DESC LIMIT -1 OFFSET ?1)";
    db.execute(rest, [max]).map_err(failed())?;
    Ok(())
}

/// The newest checkpoints, the largest first.
pub(super) fn checkpoints(db: &Connection, limit: usize) -> Result<Vec<KeptCheckpoint>, StoreError> {
    let failed = || StoreError::sqlite("read the checkpoints", LEDGER);
    let mut statement = db
        .prepare_cached("SELECT size, time, note, key FROM checkpoint ORDER BY size DESC LIMIT ?1")
        .map_err(failed())?;
    let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        let Number(size) = row.get(0)?;
        Ok(KeptCheckpoint { size, time: Time(row.get(1)?), note: row.get(2)?, key: row.get(3)? })
    });
    rows.map_err(failed())?.collect::<Result<_, _>>().map_err(failed())
}

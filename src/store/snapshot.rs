//! The snapshot of the state, and the chunks of the deduplication table, as tables.
//!
//! Owns their schema, its migrations, the statements and a checksum over each blob (SQLite has none,
//! and a wrong state would be worse than none). Must not know what the bytes mean.

use super::book::{EachChunk, Part, Snapshot, SnapshotChange};
use super::error::{REMEDY_SNAPSHOT, StoreError};
use super::sqlite::{Migration, Number, SNAPSHOT};
use crate::domain::Time;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// The steps from an empty file to this version.
pub(super) const MIGRATIONS: &[Migration] = &[create];

/// Largest part or chunk: SQLite takes blobs of up to 10⁹ bytes.
const BLOB_MAX: usize = 900_000_000;

fn create(db: &Transaction<'_>) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TABLE snapshot (
             id       INTEGER PRIMARY KEY CHECK (id = 1),
             seq      INTEGER NOT NULL,
             taken_at INTEGER NOT NULL
         ) STRICT;
         CREATE TABLE part (
             key     TEXT PRIMARY KEY,
             version INTEGER NOT NULL,
             crc     INTEGER NOT NULL,
             bytes   BLOB NOT NULL
         ) STRICT;
         CREATE TABLE dedup (
             id         INTEGER PRIMARY KEY AUTOINCREMENT,
             generation INTEGER NOT NULL,
             crc        INTEGER NOT NULL,
             bytes      BLOB NOT NULL
         ) STRICT;
         CREATE INDEX dedup_of_generation ON dedup (generation);",
    )
}

/// Changes the snapshot.
pub(super) fn save(db: &Transaction<'_>, change: &SnapshotChange) -> Result<(), StoreError> {
    let failed = || StoreError::sqlite("save the snapshot", SNAPSHOT);
    let mut put = db.prepare_cached("REPLACE INTO part VALUES (?1, ?2, ?3, ?4)").map_err(failed())?;
    for Part { key, version, bytes } in &change.parts {
        check_size(|| format!("part `{key}` of the snapshot"), bytes)?;
        put.execute(params![key, version, crc32fast::hash(bytes), bytes]).map_err(failed())?;
    }
    let mut remove = db.prepare_cached("DELETE FROM part WHERE key = ?1").map_err(failed())?;
    for key in &change.removed {
        remove.execute([key]).map_err(failed())?;
    }
    let mut add =
        db.prepare_cached("INSERT INTO dedup (generation, crc, bytes) VALUES (?1, ?2, ?3)").map_err(failed())?;
    for (generation, bytes) in &change.dedup_add {
        check_size(|| format!("a chunk of generation {generation}"), bytes)?;
        add.execute(params![generation, crc32fast::hash(bytes), bytes]).map_err(failed())?;
    }
    db.execute("DELETE FROM dedup WHERE generation < ?1", [change.dedup_drop_before]).map_err(failed())?;
    db.execute("REPLACE INTO snapshot VALUES (1, ?1, ?2)", params![Number(change.seq), change.taken_at.0])
        .map_err(failed())?;
    Ok(())
}

/// Loads the snapshot.
pub(super) fn load(db: &Connection) -> Result<Option<Snapshot>, StoreError> {
    let failed = || StoreError::sqlite("load the snapshot", SNAPSHOT);
    // One transaction, so that all parts are of the same snapshot.
    let db = db.unchecked_transaction().map_err(failed())?;
    let head: Option<(Number, i64)> = db
        .query_row("SELECT seq, taken_at FROM snapshot", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(failed())?;
    let Some((Number(seq), taken_at)) = head else { return Ok(None) };
    let mut statement = db.prepare("SELECT key, version, crc, bytes FROM part ORDER BY key").map_err(failed())?;
    let mut rows = statement.query([]).map_err(failed())?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next().map_err(failed())? {
        let key: String = row.get(0).map_err(failed())?;
        let (version, crc): (u16, u32) = (row.get(1).map_err(failed())?, row.get(2).map_err(failed())?);
        let bytes: Vec<u8> = row.get(3).map_err(failed())?;
        check_sum(|| format!("part `{key}`"), &bytes, crc)?;
        parts.push(Part { key, version, bytes });
    }
    Ok(Some(Snapshot { seq, taken_at: Time(taken_at), parts }))
}

/// One part of the snapshot, with the number of its record: without the others, which may be large.
pub(super) fn part(db: &Connection, key: &str) -> Result<Option<(u64, Part)>, StoreError> {
    let failed = || StoreError::sqlite("load a part of the snapshot", SNAPSHOT);
    let sql = "SELECT seq, version, crc, bytes FROM snapshot, part WHERE key = ?1";
    let row = |row: &rusqlite::Row<'_>| {
        let Number(seq) = row.get(0)?;
        Ok((seq, row.get::<_, u32>(2)?, Part { key: key.to_owned(), version: row.get(1)?, bytes: row.get(3)? }))
    };
    let found = db.query_row(sql, [key], row).optional().map_err(failed())?;
    let Some((seq, crc, part)) = found else { return Ok(None) };
    check_sum(|| format!("part `{key}`"), &part.bytes, crc)?;
    Ok(Some((seq, part)))
}

/// The number of the snapshot's record; 0 without one.
pub(super) fn seq(db: &Connection) -> Result<u64, StoreError> {
    db.query_row("SELECT coalesce(max(seq), 0) FROM snapshot", [], |row| row.get(0))
        .map(|Number(seq)| seq)
        .map_err(StoreError::sqlite("load the snapshot", SNAPSHOT))
}

/// Hands over the chunks of the deduplication table, one at a time.
pub(super) fn load_dedup(db: &Connection, each: &mut EachChunk<'_>) -> Result<(), StoreError> {
    let failed = || StoreError::sqlite("load the deduplication table", SNAPSHOT);
    let mut statement = db.prepare("SELECT generation, crc, bytes FROM dedup ORDER BY id").map_err(failed())?;
    let mut rows = statement.query([]).map_err(failed())?;
    while let Some(row) = rows.next().map_err(failed())? {
        let (generation, crc): (u32, u32) = (row.get(0).map_err(failed())?, row.get(1).map_err(failed())?);
        let bytes: Vec<u8> = row.get(2).map_err(failed())?;
        check_sum(|| format!("a deduplication chunk of generation {generation}"), &bytes, crc)?;
        each(generation, bytes)?;
    }
    Ok(())
}

fn check_size(what: impl FnOnce() -> String, bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.len() <= BLOB_MAX {
        return Ok(());
    }
    Err(StoreError::TooLarge { what: what(), bytes: bytes.len(), max: BLOB_MAX })
}

fn check_sum(what: impl FnOnce() -> String, bytes: &[u8], crc: u32) -> Result<(), StoreError> {
    if crc32fast::hash(bytes) == crc {
        return Ok(());
    }
    Err(StoreError::Corrupt {
        file: SNAPSHOT.to_owned(),
        offset: 0,
        what: format!("{} is not what was saved", what()),
        remedy: REMEDY_SNAPSHOT,
    })
}

//! Ledger and refusals as tables.
//!
//! Owns their schema, its migrations and the statements. Must not know connections or files:
//! `sqlite.rs` opens, locks and commits.

use super::book::{BODY_VERSION, LedgerQuery, SealedEntry, check_range, differs, entry_json};
use super::error::StoreError;
use super::sqlite::{LEDGER, Migration, Number};
use crate::domain::{Entry, Refusal};
use crate::seal::{Hash, Head, leaf_hash, link};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};

/// The steps from an empty file to this version.
pub(super) const MIGRATIONS: &[Migration] = &[create, super::ledger_seal::seal, super::counted::create];

fn create(db: &Transaction<'_>) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TABLE entry (
             ledger_seq   INTEGER PRIMARY KEY,
             journal_seq  INTEGER NOT NULL,
             idx          INTEGER NOT NULL,
             time         INTEGER NOT NULL,
             workflow     TEXT,
             body_version INTEGER NOT NULL,
             body         TEXT NOT NULL,
             UNIQUE (journal_seq, idx)
         ) STRICT;
         CREATE INDEX entry_of_workflow ON entry (workflow, ledger_seq);
         CREATE TABLE applied (
             id          INTEGER PRIMARY KEY CHECK (id = 1),
             journal_seq INTEGER NOT NULL
         ) STRICT;
         INSERT INTO applied VALUES (1, 0);
         CREATE TABLE refusal (
             id   INTEGER PRIMARY KEY AUTOINCREMENT,
             body TEXT NOT NULL
         ) STRICT;",
    )
}

/// Writes what is new; see `Book::append`.
pub(super) fn append(db: &Transaction<'_>, entries: &[Entry], upto_journal_seq: u64) -> Result<(), StoreError> {
    let failed = || StoreError::sqlite("write the ledger", LEDGER);
    // The kept head and not the last row: where rows were cut off, the gap stays to be seen.
    let Head { entries: mut last, mut chain, applied: already } = head(db)?;
    let mut find = db
        .prepare_cached("SELECT body_version, body FROM entry WHERE journal_seq = ?1 AND idx = ?2")
        .map_err(failed())?;
    let mut insert =
        db.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)").map_err(failed())?;
    for entry in entries {
        check_range(entry, upto_journal_seq)?;
        let body = entry_json(entry)?;
        let kept: Option<(u16, String)> = find
            .query_row(params![Number(entry.journal_seq), entry.index], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(failed())?;
        match kept {
            Some((BODY_VERSION, kept)) if kept == body => {}
            Some(_) => return Err(differs(entry, false)),
            None if entry.journal_seq <= already => return Err(differs(entry, true)),
            None => {
                last += 1;
                let leaf = leaf_hash(last, BODY_VERSION.into(), body.as_bytes());
                chain = link(&chain, &leaf);
                let workflow = entry.workflow.as_ref().map(|workflow| workflow.as_str());
                insert
                    .execute(params![
                        Number(last),
                        Number(entry.journal_seq),
                        entry.index,
                        entry.time.0,
                        workflow,
                        BODY_VERSION,
                        body,
                        leaf.0,
                        chain.0
                    ])
                    .map_err(taken(last))?;
            }
        }
    }
    db.prepare_cached("UPDATE applied SET journal_seq = max(journal_seq, ?1), entries = ?2, chain = ?3")
        .and_then(|mut update| update.execute(params![Number(upto_journal_seq), Number(last), chain.0]))
        .map_err(failed())?;
    Ok(())
}

/// For `map_err`: the number of a new entry is taken only where somebody else wrote into the ledger.
fn taken(ledger_seq: u64) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => StoreError::LedgerForged { ledger_seq },
        _ => StoreError::sqlite("write the ledger", LEDGER)(error),
    }
}

/// What the ledger says of its own end.
pub(super) fn head(db: &Connection) -> Result<Head, StoreError> {
    db.query_row("SELECT journal_seq, entries, chain FROM applied", [], |row| {
        let (Number(applied), Number(entries)) = (row.get(0)?, row.get(1)?);
        Ok(Head { entries, chain: Hash(row.get(2)?), applied })
    })
    .map_err(StoreError::sqlite("read the ledger", LEDGER))
}

/// The entries of a query.
pub(super) fn entries(db: &Connection, query: &LedgerQuery) -> Result<Vec<SealedEntry>, StoreError> {
    let failed = || StoreError::sqlite("read the ledger", LEDGER);
    // Two fixed texts, so that each finds its index; the order can't be a parameter.
    let of_workflow = if query.workflow.is_some() { "workflow = ?1" } else { "?1 IS NULL" };
    let order = if query.newest_first { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT ledger_seq, body_version, body, leaf, chain FROM entry
         WHERE {of_workflow} AND ledger_seq > ?2 AND ledger_seq < ?3 AND time <= ?4
         ORDER BY ledger_seq {order} LIMIT ?5"
    );
    let mut statement = db.prepare_cached(&sql).map_err(failed())?;
    let wanted = params![
        query.workflow.as_ref().map(|workflow| workflow.as_str()),
        Number(query.after),
        Number(query.before.unwrap_or(u64::MAX)),
        query.until.map_or(i64::MAX, |until| until.0),
        i64::try_from(query.limit).unwrap_or(i64::MAX),
    ];
    let rows = statement.query_map(wanted, |row| {
        let Number(ledger_seq) = row.get(0)?;
        let (body_version, body) = (row.get(1)?, row.get(2)?);
        Ok(SealedEntry { ledger_seq, body_version, body, leaf: Hash(row.get(3)?), chain: Hash(row.get(4)?) })
    });
    rows.map_err(failed())?.collect::<Result<_, _>>().map_err(failed())
}

/// Keeps refusals, and of all of them the newest `max`.
pub(super) fn refusals_add(db: &Transaction<'_>, refusals: &[Refusal], max: usize) -> Result<(), StoreError> {
    let failed = || StoreError::sqlite("keep refusals", LEDGER);
    let mut insert = db.prepare_cached("INSERT INTO refusal (body) VALUES (?1)").map_err(failed())?;
    for refusal in &refusals[refusals.len().saturating_sub(max)..] {
        let body = serde_json::to_string(refusal)
            .map_err(|error| StoreError::Unreadable { what: "a refusal".to_owned(), cause: error.to_string() })?;
        insert.execute([body]).map_err(failed())?;
    }
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    db.execute("DELETE FROM refusal WHERE id <= (SELECT max(id) FROM refusal) - ?1", [max]).map_err(failed())?;
    Ok(())
}

/// The newest refusals, newest first.
pub(super) fn refusals(db: &Connection, limit: usize) -> Result<Vec<Refusal>, StoreError> {
    let failed = || StoreError::sqlite("read refusals", LEDGER);
    let mut statement = db.prepare_cached("SELECT body FROM refusal ORDER BY id DESC LIMIT ?1").map_err(failed())?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let bodies = statement.query_map([limit], |row| row.get::<_, String>(0)).map_err(failed())?;
    bodies
        .map(|body| {
            serde_json::from_str(&body.map_err(failed())?)
                .map_err(|error| StoreError::Unreadable { what: "a kept refusal".to_owned(), cause: error.to_string() })
        })
        .collect()
}

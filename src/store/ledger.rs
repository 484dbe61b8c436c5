//! Ledger and refusals as tables.
//!
//! Owns their schema, its migrations and the statements. Must not know connections or files:
//! `sqlite.rs` opens, locks and commits.

use super::book::{LedgerQuery, check_range, differs, entry_json};
use super::error::{REMEDY_LEDGER, StoreError};
use super::sqlite::{LEDGER, Migration, Number};
use crate::domain::{Entry, Refusal};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// The steps from an empty file to this version.
pub(super) const MIGRATIONS: &[Migration] = &[create];

/// Version of the JSON in `entry.body`.
const BODY_VERSION: u16 = 1;

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
    let already = applied(db)?;
    let Number(mut last) =
        db.query_row("SELECT coalesce(max(ledger_seq), 0) FROM entry", [], |row| row.get(0)).map_err(failed())?;
    let mut find = db
        .prepare_cached("SELECT body_version, body FROM entry WHERE journal_seq = ?1 AND idx = ?2")
        .map_err(failed())?;
    let mut insert = db.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)").map_err(failed())?;
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
                let workflow = entry.workflow.as_ref().map(|workflow| workflow.as_str());
                insert
                    .execute(params![
                        Number(last),
                        Number(entry.journal_seq),
                        entry.index,
                        entry.time.0,
                        workflow,
                        BODY_VERSION,
                        body
                    ])
                    .map_err(failed())?;
            }
        }
    }
    db.execute("UPDATE applied SET journal_seq = max(journal_seq, ?1)", [Number(upto_journal_seq)]).map_err(failed())?;
    Ok(())
}

/// The last journal record whose entries are all written.
pub(super) fn applied(db: &Connection) -> Result<u64, StoreError> {
    db.query_row("SELECT journal_seq FROM applied", [], |row| row.get(0))
        .map(|Number(seq)| seq)
        .map_err(StoreError::sqlite("read the ledger", LEDGER))
}

/// The entries of a query.
pub(super) fn entries(db: &Connection, query: &LedgerQuery) -> Result<Vec<(u64, Entry)>, StoreError> {
    let failed = || StoreError::sqlite("read the ledger", LEDGER);
    // Two fixed texts, so that each finds its index; the order can't be a parameter.
    let of_workflow = if query.workflow.is_some() { "workflow = ?1" } else { "?1 IS NULL" };
    let order = if query.newest_first { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT ledger_seq, body_version, body FROM entry
         WHERE {of_workflow} AND ledger_seq > ?2 AND ledger_seq < ?3 AND time <= ?4
         ORDER BY ledger_seq {order} LIMIT ?5"
    );
    let mut statement = db.prepare_cached(&sql).map_err(failed())?;
    let mut rows = statement
        .query(params![
            query.workflow.as_ref().map(|workflow| workflow.as_str()),
            Number(query.after),
            Number(query.before.unwrap_or(u64::MAX)),
            query.until.map_or(i64::MAX, |until| until.0),
            i64::try_from(query.limit).unwrap_or(i64::MAX),
        ])
        .map_err(failed())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed())? {
        let Number(ledger_seq) = row.get(0).map_err(failed())?;
        let version: u16 = row.get(1).map_err(failed())?;
        let body: String = row.get(2).map_err(failed())?;
        found.push((ledger_seq, parse(ledger_seq, version, &body)?));
    }
    Ok(found)
}

fn parse(ledger_seq: u64, version: u16, body: &str) -> Result<Entry, StoreError> {
    if version > BODY_VERSION {
        let what = format!("{LEDGER}, entry {ledger_seq}");
        return Err(StoreError::NewerFormat { what, found: version.into(), known: BODY_VERSION.into() });
    }
    serde_json::from_str(body).map_err(|error| StoreError::Corrupt {
        file: LEDGER.to_owned(),
        offset: 0,
        what: format!("entry {ledger_seq} can't be read: {error}"),
        remedy: REMEDY_LEDGER,
    })
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

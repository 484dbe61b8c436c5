//! What the intake counts by the hour, as a table: refusals by code, and repeats.
//!
//! Owns its schema and statements. The journal holds only what was taken, and refusals are kept one by one only for a
//! while: this is what is left of the rest.

use super::error::StoreError;
use super::sqlite::{LEDGER, Number};
use crate::domain::Time;
use rusqlite::{Connection, Transaction};

/// Hours that are kept: the last five weeks, of which a report needs one.
pub const HOURS_MAX: i64 = 5 * 7 * 24;
/// What came again and changed nothing.
pub const DUPLICATE: &str = "duplicate";
/// What was refused, before its code.
pub const REFUSED: &str = "refused:";
/// Marks the hour in which counting began in a store that is older; 0 until a start says which. A new store has none.
pub const SINCE: &str = "since";

/// So many of something in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The hour, counted from 1970 on, UTC.
    pub hour: i64,
    /// What: [`DUPLICATE`], [`REFUSED`] and a code, or [`SINCE`].
    pub what: String,
    /// How many.
    pub count: u64,
}

/// The hour of a time.
pub const fn hour_of(time: Time) -> i64 {
    time.0.div_euclid(Time::HOUR)
}

/// The third version of the ledger's tables. Of what came before nothing was counted, and that is marked.
pub(super) fn create(db: &Transaction<'_>) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TABLE counted (
             hour  INTEGER NOT NULL,
             what  TEXT NOT NULL,
             count INTEGER NOT NULL,
             PRIMARY KEY (hour, what)
         ) STRICT, WITHOUT ROWID;
         INSERT INTO counted SELECT 0, 'since', 0 FROM applied WHERE journal_seq > 0;",
    )
}

/// Adds to what is there; hours long before the last one go.
pub(super) fn add(db: &Transaction<'_>, counted: &[Counted]) -> Result<(), StoreError> {
    let failed = || StoreError::sqlite("count", LEDGER);
    let add = "INSERT INTO counted VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + excluded.count";
    let mut add = db.prepare_cached(add).map_err(failed())?;
    for Counted { hour, what, count } in counted {
        add.execute((hour, what, Number(*count))).map_err(failed())?;
    }
    let oldest = counted.iter().map(|one| one.hour).max().map_or(i64::MIN, |last| last - HOURS_MAX);
    db.execute("DELETE FROM counted WHERE hour < ?1", [oldest]).map_err(failed())?;
    Ok(())
}

/// Everything that is kept.
pub(super) fn all(db: &Connection) -> Result<Vec<Counted>, StoreError> {
    let failed = || StoreError::sqlite("read what was counted", LEDGER);
    let mut all = db.prepare_cached("SELECT hour, what, count FROM counted ORDER BY hour, what").map_err(failed())?;
    let rows = all.query_map([], |row| {
        let Number(count) = row.get(2)?;
        Ok(Counted { hour: row.get(0)?, what: row.get(1)?, count })
    });
    rows.map_err(failed())?.collect::<Result<_, _>>().map_err(failed())
}

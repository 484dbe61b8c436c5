//! A look at a ledger from outside, while the daemon runs or after it ended.
//!
//! Owns opening the database without changing it and reading its rows with whatever somebody made of
//! them. Must not believe anything that it reads: that is the audit's to judge.

use super::book::{KeptCheckpoint, LedgerQuery, SealedEntry};
use super::error::StoreError;
use super::ledger_seal;
use super::sqlite::{APPLICATION, LEDGER};
use crate::domain::Time;
use crate::seal::{Auditor, Columns, Damage, Finding, Hash, Head, Row};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// The first version of the database with hashes.
const SEALED_VERSION: i32 = 2;
/// How long a look waits for a writer.
const BUSY: Duration = Duration::from_secs(30);

/// A ledger as it was at one moment.
pub struct Inspection {
    db: Connection,
}

impl Inspection {
    /// Opens the ledger of the store in a folder.
    ///
    /// # Errors
    /// There is none, or it isn't one.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let none = |cause: &str| StoreError::NoLedger { path: folder.display().to_string(), cause: cause.to_owned() };
        let path = folder.join(LEDGER);
        if !path.is_file() {
            return Err(none(
                "it holds no `ledger.db`. Name the store's folder; if that is it, the ledger was removed",
            ));
        }
        let db = connect(&path)?;
        let failed = || StoreError::sqlite("read", LEDGER);
        let number = |pragma: &str| db.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
        let (version, application) =
            (number("user_version").map_err(failed())?, number("application_id").map_err(failed())?);
        if application != APPLICATION {
            return Err(none("its `ledger.db` is a database of another program"));
        }
        if version < SEALED_VERSION {
            return Err(none(
                "its `ledger.db` is of a version without hashes: start this andon on it once, which adds them",
            ));
        }
        // One transaction, so that rows, head and checkpoints are of the same moment.
        db.execute_batch("BEGIN").map_err(failed())?;
        Ok(Self { db })
    }

    /// The checkpoints in the store, the largest first.
    ///
    /// # Errors
    /// They can't be read.
    pub fn checkpoints(&self) -> Result<Vec<KeptCheckpoint>, StoreError> {
        ledger_seal::checkpoints(&self.db, usize::MAX)
    }

    /// What the ledger says of its own end.
    ///
    /// # Errors
    /// It can't be read.
    pub fn head(&self) -> Result<Head, StoreError> {
        super::ledger::head(&self.db)
    }

    /// Entries as they are stored, for an export.
    ///
    /// # Errors
    /// They can't be read.
    pub fn sealed(&self, query: &LedgerQuery) -> Result<Vec<SealedEntry>, StoreError> {
        super::ledger::entries(&self.db, query)
    }

    /// Hands all rows to the auditor, and what the database itself says is wrong with it.
    ///
    /// # Errors
    /// The rows can't be read.
    pub fn audit(&self, auditor: &mut Auditor) -> Result<(), StoreError> {
        let failed = || StoreError::sqlite("read", LEDGER);
        let sql = "SELECT ledger_seq, body_version, body, leaf, chain, journal_seq, idx, time, workflow
                   FROM entry NOT INDEXED ORDER BY ledger_seq";
        let mut statement = self.db.prepare(sql).map_err(failed())?;
        let mut rows = statement.query([]).map_err(failed())?;
        while let Some(row) = rows.next().map_err(failed())? {
            let seq = row.get::<_, i64>(0).map_err(failed())?;
            let Ok(seq) = u64::try_from(seq) else {
                auditor.note(Finding::new(Damage::Unreadable, format!("there is an entry of the number {seq}")));
                continue;
            };
            match read(row, seq) {
                Ok(row) => auditor.row(&row),
                Err(error) => auditor.unreadable(seq, &error.to_string()),
            }
        }
        drop(rows);
        self.check_database(auditor).map_err(failed())
    }

    /// Lists by workflow go by an index: one that leaves out rows would hide entries from readers.
    fn check_database(&self, auditor: &mut Auditor) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare("PRAGMA integrity_check(5)")?;
        let said = statement.query_map([], |row| row.get::<_, String>(0))?;
        for line in said {
            let line = line?;
            if line != "ok" {
                auditor.note(Finding::new(Damage::Database, format!("the database is damaged: {line}")));
            }
        }
        Ok(())
    }
}

fn read<'r>(row: &'r rusqlite::Row<'_>, seq: u64) -> rusqlite::Result<Row<'r>> {
    let number = |column: usize| row.get::<_, super::sqlite::Number>(column).map(|number| number.0);
    let body = row.get_ref(2)?.as_bytes()?;
    let columns =
        Columns { journal_seq: number(5)?, index: number(6)?, time: Time(row.get(7)?), workflow: row.get(8)? };
    Ok(Row {
        seq,
        body_version: number(1)?,
        body,
        leaf: Hash(row.get(3)?),
        chain: Hash(row.get(4)?),
        columns: Some(columns),
    })
}

/// Read-only. A database whose log files are gone (a copy on a read-only medium) can be opened only
/// as one that nobody changes.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |connection: rusqlite::Result<Connection>| {
        let db = connection?;
        db.busy_timeout(BUSY)?;
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        Ok(db)
    };
    let failed = || StoreError::sqlite("open", LEDGER);
    let first = match open(Connection::open_with_flags(path, flags)) {
        Ok(db) => return Ok(db),
        Err(error) => error,
    };
    let log = path.with_extension("db-wal");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Err(failed()(first));
    }
    let Some(text) = path.to_str() else { return Err(failed()(first)) };
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let uri = format!("file:{escaped}?immutable=1");
    open(Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)).map_err(failed())
}

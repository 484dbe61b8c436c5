//! The book in SQLite: two database files, so that a long snapshot never delays a ledger commit.
//!
//! Owns connections, migrations, the poison and the mapping of errors. The tables and statements are
//! in `ledger.rs` and `snapshot.rs`.

use super::book::{
    Book, EachChunk, KeptCheckpoint, LedgerQuery, LedgerReader, Part, SealedEntry, Snapshot, SnapshotChange,
    check_snapshot,
};
use super::counted::Counted;
use super::error::{REMEDY_LEDGER, REMEDY_SNAPSHOT, StoreError};
use super::{counted, key_file, ledger, ledger_seal, snapshot};
use crate::domain::{Entry, Refusal};
use crate::seal::Head;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// The ledger's file.
pub(super) const LEDGER: &str = "ledger.db";
/// The snapshot's file.
pub(super) const SNAPSHOT: &str = "snapshot.db";
/// How long a write waits for another process that looks into the file.
const BUSY: Duration = Duration::from_secs(5);
/// Marks our databases: "andn".
pub(super) const APPLICATION: i32 = 0x616e_646e;
/// Write-ahead logs are cut to this after a checkpoint.
const WAL_KEPT: i64 = 4 << 20;

/// One step from a version of a database to the next.
pub(super) type Migration = fn(&Transaction<'_>) -> rusqlite::Result<()>;

/// A number of a record in SQLite, whose integers are signed. What is too large (it can only be the
/// open end of a range) becomes the largest.
pub(super) struct Number(pub(super) u64);

impl ToSql for Number {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::try_from(self.0).unwrap_or(i64::MAX).into())
    }
}

impl FromSql for Number {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let value = value.as_i64()?;
        u64::try_from(value).map(Self).map_err(|_| FromSqlError::OutOfRange(value))
    }
}

/// The book in two SQLite files.
pub struct SqliteBook {
    folder: PathBuf,
    ledger: Mutex<Connection>,
    snapshot: Mutex<Connection>,
    poison: OnceLock<String>,
}

impl SqliteBook {
    /// Opens or creates both files in a folder and brings them to this version.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let ledger = connect(folder, LEDGER, ledger::MIGRATIONS)?;
        let snapshot = connect(folder, SNAPSHOT, snapshot::MIGRATIONS)?;
        Ok(Self {
            folder: folder.to_owned(),
            ledger: Mutex::new(ledger),
            snapshot: Mutex::new(snapshot),
            poison: OnceLock::new(),
        })
    }

    /// Runs a change in one transaction, unless an earlier one failed for good.
    fn change<T>(
        &self,
        connection: &Mutex<Connection>,
        file: &'static str,
        what: &'static str,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(cause) = self.poisoned() {
            return Err(StoreError::Poisoned { cause });
        }
        transact(connection, file, what, act).inspect_err(|error| {
            if is_final(error) {
                let _ = self.poison.set(error.to_string());
            }
        })
    }
}

impl Book for SqliteBook {
    fn append(&self, entries: &[Entry], upto_journal_seq: u64) -> Result<(), StoreError> {
        self.change(&self.ledger, LEDGER, "write the ledger", |db| ledger::append(db, entries, upto_journal_seq))
    }

    fn checkpoint_add(&self, checkpoint: &KeptCheckpoint, max: usize) -> Result<(), StoreError> {
        self.change(&self.ledger, LEDGER, "keep a checkpoint", |db| ledger_seal::checkpoint_add(db, checkpoint, max))
    }

    fn ledger_key(&self, fresh: &str) -> Result<String, StoreError> {
        key_file::read_or_keep(&self.folder, fresh)
    }

    fn ledger_applied_seq(&self) -> Result<u64, StoreError> {
        ledger::head(&lock(&self.ledger)).map(|head| head.applied)
    }

    fn refusals_add(&self, refusals: &[Refusal], max: usize) -> Result<(), StoreError> {
        self.change(&self.ledger, LEDGER, "keep refusals", |db| ledger::refusals_add(db, refusals, max))
    }

    fn counted_add(&self, counted: &[Counted]) -> Result<(), StoreError> {
        if let Some(cause) = self.poisoned() {
            return Err(StoreError::Poisoned { cause });
        }
        // No poison: nothing stands on these numbers, and the next entry of the ledger finds out by itself.
        transact(&self.ledger, LEDGER, "count", |db| counted::add(db, counted))
    }

    fn save(&self, change: &SnapshotChange) -> Result<(), StoreError> {
        check_snapshot(change.seq, self.ledger_applied_seq()?)?;
        self.change(&self.snapshot, SNAPSHOT, "save the snapshot", |db| snapshot::save(db, change))?;
        // A large snapshot leaves a log of its size: it is taken over now, beside the hot path. A
        // checkpoint that can't be done is done later.
        let _ = lock(&self.snapshot).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        Ok(())
    }

    fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        snapshot::load(&lock(&self.snapshot))
    }

    fn part(&self, key: &str) -> Result<Option<(u64, Part)>, StoreError> {
        snapshot::part(&lock(&self.snapshot), key)
    }

    fn snapshot_seq(&self) -> Result<u64, StoreError> {
        snapshot::seq(&lock(&self.snapshot))
    }

    fn load_dedup(&self, each: &mut EachChunk<'_>) -> Result<(), StoreError> {
        snapshot::load_dedup(&lock(&self.snapshot), each)
    }

    fn reader(&self) -> Result<Arc<dyn LedgerReader>, StoreError> {
        let connection = connect(&self.folder, LEDGER, ledger::MIGRATIONS)?;
        connection.pragma_update(None, "query_only", true).map_err(StoreError::sqlite("open", LEDGER))?;
        Ok(Arc::new(SqliteReader(Mutex::new(connection))))
    }

    fn poisoned(&self) -> Option<String> {
        self.poison.get().cloned()
    }
}

/// A connection of its own for reading.
struct SqliteReader(Mutex<Connection>);

impl LedgerReader for SqliteReader {
    fn sealed(&self, query: &LedgerQuery) -> Result<Vec<SealedEntry>, StoreError> {
        ledger::entries(&lock(&self.0), query)
    }

    fn head(&self) -> Result<Head, StoreError> {
        ledger::head(&lock(&self.0))
    }

    fn checkpoints(&self, limit: usize) -> Result<Vec<KeptCheckpoint>, StoreError> {
        ledger_seal::checkpoints(&lock(&self.0), limit)
    }

    fn refusals(&self, limit: usize) -> Result<Vec<Refusal>, StoreError> {
        ledger::refusals(&lock(&self.0), limit)
    }

    fn counted(&self) -> Result<Vec<Counted>, StoreError> {
        counted::all(&lock(&self.0))
    }
}

/// Opens the ledger of a folder for reading only. Where no log of writes is beside it nobody writes,
/// and then not even the files that readers share are made.
pub(super) fn read_only_ledger(folder: &Path) -> Result<Arc<dyn LedgerReader>, StoreError> {
    let failed = || StoreError::sqlite("open", LEDGER);
    let has_log = std::fs::metadata(folder.join(format!("{LEDGER}-wal"))).is_ok_and(|log| log.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let path = folder.join(LEDGER);
    let connection = match path.to_str() {
        Some(path) if !has_log => Connection::open_with_flags(format!("file:{}?immutable=1", in_uri(path)), flags),
        _ => Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX),
    }
    .map_err(failed())?;
    connection.busy_timeout(BUSY).map_err(failed())?;
    Ok(Arc::new(SqliteReader(Mutex::new(connection))))
}

/// What has a meaning of its own in a URI, escaped.
fn in_uri(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// SQLite rolls a failed transaction back, so a full disk or a busy file may be tried again. After a
/// failed read, write or sync, or on a damaged file, nothing can be promised.
fn is_final(error: &StoreError) -> bool {
    let StoreError::Sqlite { source, .. } = error else { return false };
    is_damage(source) || source.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}

/// Runs a change in one transaction.
fn transact<T>(
    connection: &Mutex<Connection>,
    file: &'static str,
    what: &'static str,
    act: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut connection = lock(connection);
    let failed = || StoreError::sqlite(what, file);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
    let value = act(&transaction)?;
    transaction.commit().map_err(failed())?;
    Ok(value)
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A panic of another holder has rolled its transaction back: the connection is as good as before.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn connect(folder: &Path, file: &'static str, migrations: &[Migration]) -> Result<Connection, StoreError> {
    try_connect(folder, file, migrations).map_err(|error| match error {
        StoreError::Sqlite { source, .. } if is_damage(&source) => match file {
            LEDGER => StoreError::damaged(file, source.to_string(), REMEDY_LEDGER),
            SNAPSHOT => StoreError::damaged(file, source.to_string(), REMEDY_SNAPSHOT),
            _ => StoreError::damaged_outbox(source.to_string()),
        },
        other => other,
    })
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn try_connect(folder: &Path, file: &'static str, migrations: &[Migration]) -> Result<Connection, StoreError> {
    let failed = || StoreError::sqlite("open", file);
    let mut connection = Connection::open(folder.join(file)).map_err(failed())?;
    connection.busy_timeout(BUSY).map_err(failed())?;
    let number = |connection: &Connection, pragma: &str| {
        connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0)).map_err(failed())
    };
    let version = number(&connection, "user_version")?;
    let application = number(&connection, "application_id")?;
    if application != APPLICATION && (version != 0 || application != 0) {
        return Err(StoreError::NotAStore {
            path: folder.join(file).display().to_string(),
            what: "it is a database of another program".to_owned(),
        });
    }
    let known = migrations.len() as u64;
    let found = u64::try_from(version).unwrap_or(u64::MAX);
    if found > known {
        return Err(StoreError::NewerFormat { what: file.to_owned(), found, known });
    }
    // Write-ahead with full sync: a commit is one append and one fsync, and it is durable.
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed())?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed())?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT).map_err(failed())?;
    migrate(&mut connection, file, migrations, found)?;
    Ok(connection)
}

/// Runs the steps that the file has not seen yet, all in one transaction.
fn migrate(db: &mut Connection, file: &'static str, steps: &[Migration], from: u64) -> Result<(), StoreError> {
    let done = usize::try_from(from).unwrap_or(usize::MAX);
    if done >= steps.len() {
        return Ok(());
    }
    let failed = || StoreError::sqlite("migrate", file);
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
    for step in &steps[done..] {
        step(&transaction).map_err(failed())?;
    }
    transaction.pragma_update(None, "user_version", Number(steps.len() as u64)).map_err(failed())?;
    transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed())?;
    transaction.commit().map_err(failed())
}

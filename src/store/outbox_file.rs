//! The file of the outbox: opened as soon as it can be, and set aside where it is damaged.
//!
//! Owns that nothing of it keeps a daemon from starting: what lowers modes doesn't need it. A damaged file is never
//! deleted, because what waited may be read from it by hand. Must not know the tables.

use super::disk::{Disk, RealDisk};
use super::error::StoreError;
use super::sqlite::{Migration, connect};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The file.
pub(super) const OUTBOX: &str = "outbox.db";
/// A damaged one is called so, and a number.
const ASIDE: &str = "outbox.db.damaged-";
/// Most of those; a disk that damages more of them damages everything else, too.
const ASIDE_MAX: u32 = 100;

/// The database, or where it will be.
pub(super) struct OutboxFile {
    folder: PathBuf,
    migrations: &'static [Migration],
    db: OnceLock<Mutex<Connection>>,
    opening: Mutex<()>,
    aside: OnceLock<String>,
}

impl OutboxFile {
    pub(super) fn new(folder: PathBuf, migrations: &'static [Migration]) -> Self {
        let (db, opening, aside) = (OnceLock::new(), Mutex::new(()), OnceLock::new());
        Self { folder, migrations, db, opening, aside }
    }

    /// One in memory.
    pub(super) fn memory(migrations: &'static [Migration]) -> Result<Self, StoreError> {
        let failed = || StoreError::sqlite("open", OUTBOX);
        let mut db = Connection::open_in_memory().map_err(failed())?;
        let transaction = db.transaction().map_err(failed())?;
        migrations.iter().try_for_each(|step| step(&transaction)).map_err(failed())?;
        transaction.commit().map_err(failed())?;
        Ok(Self { db: OnceLock::from(Mutex::new(db)), ..Self::new(PathBuf::new(), migrations) })
    }

    /// The database; it is opened, where that didn't work before.
    pub(super) fn lock(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        if let Some(db) = self.db.get() {
            return Ok(held(db));
        }
        let _alone = held(&self.opening);
        if let Some(db) = self.db.get() {
            return Ok(held(db));
        }
        let fresh = self.open()?;
        Ok(held(self.db.get_or_init(|| Mutex::new(fresh))))
    }

    /// The name of the file that was set aside when this one was opened.
    pub(super) fn aside(&self) -> Option<&str> {
        self.aside.get().map(String::as_str)
    }

    /// How many damaged files there are, of earlier starts, too.
    pub(super) fn damaged(&self) -> u32 {
        let is_there = |n: &u32| self.folder.join(format!("{ASIDE}{n}")).exists();
        u32::try_from((1..=ASIDE_MAX).filter(is_there).count()).unwrap_or(ASIDE_MAX)
    }

    fn open(&self) -> Result<Connection, StoreError> {
        match self.checked() {
            Err(StoreError::Corrupt { .. }) => {
                let name = self.set_aside()?;
                let fresh = self.checked()?;
                // It is set only once: an open file is not opened again.
                let _ = self.aside.set(name);
                Ok(fresh)
            }
            opened => opened,
        }
    }

    fn checked(&self) -> Result<Connection, StoreError> {
        let db = connect(&self.folder, OUTBOX, self.migrations)?;
        // A page in the middle would show itself only when a target's turn comes.
        let found = db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        match found {
            Ok(verdict) if verdict == "ok" => {}
            Ok(_) => return Err(StoreError::damaged_outbox("its pages contradict each other".to_owned())),
            Err(error) if super::sqlite::is_damage(&error) => {
                return Err(StoreError::damaged_outbox(error.to_string()));
            }
            Err(error) => return Err(StoreError::sqlite("check", OUTBOX)(error)),
        }
        // What a power cut takes away here comes again: a repeat, never a loss.
        db.pragma_update(None, "synchronous", "NORMAL").map_err(StoreError::sqlite("open", OUTBOX))?;
        Ok(db)
    }

    /// What SQLite left of its log goes with it, so that the two can be read together; the database last, so that a start that is
    /// cut off here finds it damaged again.
    fn set_aside(&self) -> Result<String, StoreError> {
        let free = (1..=ASIDE_MAX).map(|n| format!("{ASIDE}{n}")).find(|name| !self.folder.join(name).exists());
        let Some(name) = free else {
            return Err(StoreError::damaged_outbox(format!("and there are {ASIDE_MAX} damaged ones beside it")));
        };
        for part in ["-wal", "-shm", ""] {
            let from = self.folder.join(format!("{OUTBOX}{part}"));
            if from.exists() {
                let failed = StoreError::io("set aside", from.display().to_string());
                std::fs::rename(&from, self.folder.join(format!("{name}{part}"))).map_err(failed)?;
            }
        }
        let failed = StoreError::io("sync", self.folder.display().to_string());
        RealDisk::new(&self.folder).sync_dir("").map_err(failed)?;
        Ok(name)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of another holder has rolled its transaction back: the connection is as good as before.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The outbox: messages that wait for their targets, and those that could not be delivered.
//!
//! Owns the database `outbox.db`, beside the ledger and apart from it: nothing that decides about modes waits
//! for it, and a failure of it poisons nothing. What it forgets can be made again from the ledger: a target's
//! messages and how far it has read the ledger change together. Must not know what a message says.

use super::error::StoreError;
use super::letter::{Change, DeadLetter, Letter, TargetState, Waiting};
use super::outbox_file::{OUTBOX, OutboxFile};
use super::sqlite::{Migration, Number};
use crate::domain::Time;
use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::collections::BTreeSet;
use std::path::Path;

const MIGRATIONS: &[Migration] = &[create];

fn create(db: &Transaction<'_>) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TABLE target (
             name         TEXT PRIMARY KEY,
             cursor       INTEGER NOT NULL,
             failures     INTEGER NOT NULL DEFAULT 0,
             due_at       INTEGER NOT NULL DEFAULT 0,
             error        TEXT,
             error_at     INTEGER,
             delivered_at INTEGER
         ) STRICT;
         CREATE TABLE message (
             row       INTEGER PRIMARY KEY AUTOINCREMENT,
             target    TEXT NOT NULL,
             id        TEXT NOT NULL,
             event     TEXT NOT NULL,
             incident  TEXT,
             headline  TEXT NOT NULL,
             body      TEXT NOT NULL,
             time      INTEGER NOT NULL,
             queued_at INTEGER NOT NULL,
             due_at    INTEGER NOT NULL,
             attempts  INTEGER NOT NULL DEFAULT 0,
             sent_at   INTEGER,
             error     TEXT,
             dead_at   INTEGER,
             UNIQUE (target, id)
         ) STRICT;
         CREATE INDEX message_of_target ON message (target, dead_at, row);
         CREATE TABLE overdue (
             target  TEXT NOT NULL,
             subject TEXT NOT NULL,
             PRIMARY KEY (target, subject)
         ) STRICT;",
    )
}

/// The outbox.
pub struct Outbox(OutboxFile);

impl Outbox {
    /// Opens or creates it in the folder of a store. One that can't be opened now is tried again when it is needed.
    pub(super) fn open(folder: &Path) -> Self {
        let own = Self(OutboxFile::new(folder.to_owned(), MIGRATIONS));
        // Whoever uses it is told what is wrong.
        drop(own.0.lock());
        own
    }

    /// One that is forgotten with the process.
    pub(super) fn memory() -> Result<Self, StoreError> {
        OutboxFile::memory(MIGRATIONS).map(Self)
    }

    /// The name of the damaged file that this one took the place of, if there was one.
    pub fn set_aside(&self) -> Result<Option<String>, StoreError> {
        drop(self.0.lock()?);
        Ok(self.0.aside().map(str::to_owned))
    }

    /// How many damaged files lie beside it.
    pub fn damaged(&self) -> u32 {
        self.0.damaged()
    }

    fn change<T>(
        &self,
        what: &'static str,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut db = self.0.lock()?;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed(what))?;
        let value = act(&transaction).map_err(failed(what))?;
        transaction.commit().map_err(failed(what))?;
        Ok(value)
    }

    /// Takes over the declared targets. A new one is told from ledger entry `head` on; one that is no longer
    /// declared is forgotten, and how many messages with it.
    pub fn declare(&self, targets: &[&str], head: u64) -> Result<Vec<(String, u64)>, StoreError> {
        self.change("declare targets", |db| {
            let known: Vec<String> =
                db.prepare("SELECT name FROM target")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            let mut gone = Vec::new();
            for name in known.into_iter().filter(|name| !targets.contains(&name.as_str())) {
                let lost = db.execute("DELETE FROM message WHERE target = ?1", [&name])?;
                db.execute("DELETE FROM overdue WHERE target = ?1", [&name])?;
                db.execute("DELETE FROM target WHERE name = ?1", [&name])?;
                gone.push((name, lost as u64));
            }
            for name in targets {
                db.execute("INSERT OR IGNORE INTO target (name, cursor) VALUES (?1, ?2)", params![name, Number(head)])?;
            }
            // A ledger that was restored from a backup goes on from its own end.
            db.execute("UPDATE target SET cursor = ?1 WHERE cursor > ?1", [Number(head)])?;
            Ok(gone)
        })
    }

    /// Changes a target's messages together with how far it has read the ledger.
    pub fn put(&self, target: &str, cursor: Option<u64>, changes: &[Change], now: Time) -> Result<(), StoreError> {
        self.change("queue messages", |db| {
            for change in changes {
                apply(db, target, change, now)?;
            }
            if let Some(cursor) = cursor {
                db.execute("UPDATE target SET cursor = ?2 WHERE name = ?1", params![target, Number(cursor)])?;
            }
            Ok(())
        })
    }

    /// Takes over what is overdue now, with the messages of what is newly so.
    pub fn put_overdue(
        &self,
        target: &str,
        subjects: &BTreeSet<String>,
        changes: &[Change],
        now: Time,
    ) -> Result<(), StoreError> {
        self.change("note what is overdue", |db| {
            changes.iter().try_for_each(|change| apply(db, target, change, now))?;
            db.execute("DELETE FROM overdue WHERE target = ?1", [target])?;
            let mut insert = db.prepare("INSERT INTO overdue VALUES (?1, ?2)")?;
            subjects.iter().try_for_each(|subject| insert.execute(params![target, subject]).map(drop))
        })
    }

    /// What a target was told to be overdue.
    pub fn overdue(&self, target: &str) -> Result<BTreeSet<String>, StoreError> {
        let db = self.0.lock()?;
        let mut found = db.prepare_cached("SELECT subject FROM overdue WHERE target = ?1").map_err(failed("read"))?;
        let rows = found.query_map([target], |row| row.get(0)).map_err(failed("read"))?;
        rows.collect::<Result<_, _>>().map_err(failed("read"))
    }

    /// The message of a storm that nobody can have received yet: its id and its text.
    pub fn waiting_storm(&self, target: &str, incident: &str) -> Result<Option<(String, String)>, StoreError> {
        let sql = "SELECT id, body FROM message
                   WHERE target = ?1 AND incident = ?2 AND event = 'storm' AND dead_at IS NULL AND sent_at IS NULL
                   ORDER BY row DESC LIMIT 1";
        let found = self.0.lock()?.query_row(sql, [target, incident], |row| Ok((row.get(0)?, row.get(1)?)));
        found.optional().map_err(failed("read"))
    }

    /// What became of a message: `None` where it isn't here any more, else why it was given up, if it was.
    pub fn fate(&self, target: &str, id: &str) -> Result<Option<Option<String>>, StoreError> {
        let sql = "SELECT dead_at, coalesce(error, '') FROM message WHERE target = ?1 AND id = ?2";
        let fate = |row: &Row<'_>| row.get::<_, Option<i64>>(0)?.map(|_| row.get(1)).transpose();
        self.0.lock()?.query_row(sql, [target, id], fate).optional().map_err(failed("read"))
    }

    /// The message of a target that is next.
    pub fn next(&self, target: &str) -> Result<Option<Waiting>, StoreError> {
        let sql = "SELECT row, id, body, queued_at, max(message.due_at, target.due_at), attempts, failures
                   FROM message JOIN target ON name = target
                   WHERE target = ?1 AND dead_at IS NULL ORDER BY row LIMIT 1";
        let waiting = |row: &Row<'_>| {
            let (Number(attempts), Number(failures)) = (row.get(5)?, row.get(6)?);
            let (queued_at, due_at) = (Time(row.get(3)?), Time(row.get(4)?));
            Ok(Waiting { row: row.get(0)?, id: row.get(1)?, body: row.get(2)?, queued_at, due_at, attempts, failures })
        };
        let db = self.0.lock()?;
        let mut next = db.prepare_cached(sql).map_err(failed("read"))?;
        next.query_row([target], waiting).optional().map_err(failed("read"))
    }

    /// An attempt begins: from now on the receiver may have the message as it is. `false` where it says something
    /// else by now, or is told by another.
    pub fn begin(&self, waiting: &Waiting, now: Time) -> Result<bool, StoreError> {
        self.change("note an attempt", |db| {
            let sql = "UPDATE message SET sent_at = ?3 WHERE row = ?1 AND body = ?2";
            db.execute(sql, params![waiting.row, waiting.body, now.0]).map(|count| count == 1)
        })
    }

    /// A message arrived.
    pub fn delivered(&self, target: &str, row: i64, now: Time) -> Result<(), StoreError> {
        self.change("note a delivery", |db| {
            db.execute("DELETE FROM message WHERE row = ?1", [row])?;
            let sql = "UPDATE target SET failures = 0, due_at = 0, error = NULL, error_at = NULL, delivered_at = ?2
                       WHERE name = ?1";
            db.execute(sql, params![target, now.0]).map(drop)
        })
    }

    /// An attempt failed; nothing is sent to the target before `due_at`.
    pub fn failed(&self, target: &str, row: i64, error: &str, now: Time, due_at: Time) -> Result<(), StoreError> {
        self.change("note a failure", |db| {
            db.execute("UPDATE message SET attempts = attempts + 1, error = ?2 WHERE row = ?1", params![row, error])?;
            let sql = "UPDATE target SET failures = failures + 1, due_at = ?2, error = ?3, error_at = ?4
                       WHERE name = ?1";
            db.execute(sql, params![target, due_at.0, error, now.0]).map(drop)
        })
    }

    /// A message is given up.
    pub fn dead(&self, row: i64, now: Time) -> Result<(), StoreError> {
        self.change("give a message up", |db| {
            db.execute("UPDATE message SET dead_at = ?2 WHERE row = ?1", params![row, now.0]).map(drop)
        })
    }

    /// Gives up what came before `before`; how many that were.
    pub fn expire(&self, target: &str, before: Time, error: &str, now: Time) -> Result<u64, StoreError> {
        self.change("give messages up", |db| {
            let sql = "UPDATE message SET dead_at = ?4, error = coalesce(error, ?3)
                       WHERE target = ?1 AND dead_at IS NULL AND queued_at < ?2";
            db.execute(sql, params![target, before.0, error, now.0]).map(|count| count as u64)
        })
    }

    /// Keeps the newest `max` of those that were given up; how many were lost for good.
    pub fn trim(&self, target: &str, max: u64) -> Result<u64, StoreError> {
        self.change("trim what was given up", |db| {
            let sql = "DELETE FROM message WHERE row IN
                       (SELECT row FROM message WHERE target = ?1 AND dead_at IS NOT NULL ORDER BY row DESC
                        LIMIT -1 OFFSET ?2)";
            db.execute(sql, params![target, Number(max)]).map(|count| count as u64)
        })
    }

    /// Has everything of a target tried again now, what was given up too; how many of those.
    pub fn retry(&self, target: &str, now: Time) -> Result<u64, StoreError> {
        self.change("try again", |db| {
            let sql = "UPDATE message SET dead_at = NULL, attempts = 0, queued_at = ?2
                       WHERE target = ?1 AND dead_at IS NOT NULL";
            let count = db.execute(sql, params![target, now.0])?;
            db.execute("UPDATE message SET due_at = 0 WHERE target = ?1", [target])?;
            db.execute("UPDATE target SET due_at = 0 WHERE name = ?1", [target])?;
            Ok(count as u64)
        })
    }

    /// Where a target stands.
    pub fn state(&self, target: &str) -> Result<TargetState, StoreError> {
        let sql = "SELECT cursor, failures, due_at, error, error_at, delivered_at,
                          (SELECT count(*) FROM message WHERE target = ?1 AND dead_at IS NULL),
                          (SELECT count(*) FROM message WHERE target = ?1 AND dead_at IS NOT NULL),
                          (SELECT min(queued_at) FROM message WHERE target = ?1 AND dead_at IS NULL)
                   FROM target WHERE name = ?1";
        let state = |row: &Row<'_>| {
            let time = |at: Option<i64>| at.map(Time);
            let number = |at: usize| row.get(at).map(|Number(n)| n);
            Ok(TargetState {
                cursor: number(0)?,
                failures: number(1)?,
                due_at: Time(row.get(2)?),
                error: row.get(3)?,
                error_at: time(row.get(4)?),
                delivered_at: time(row.get(5)?),
                pending: number(6)?,
                dead: number(7)?,
                oldest: time(row.get(8)?),
            })
        };
        let db = self.0.lock()?;
        let mut found = db.prepare_cached(sql).map_err(failed("read"))?;
        found.query_row([target], state).optional().map(Option::unwrap_or_default).map_err(failed("read"))
    }

    /// The newest of what was given up, newest first.
    pub fn dead_letters(&self, target: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let sql = "SELECT id, event, headline, time, attempts, coalesce(error, ''), dead_at FROM message
                   WHERE target = ?1 AND dead_at IS NOT NULL ORDER BY row DESC LIMIT ?2";
        let letter = |row: &Row<'_>| {
            let Number(attempts) = row.get(4)?;
            let (time, dead_at) = (Time(row.get(3)?), Time(row.get(6)?));
            let (id, event, headline, error) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(5)?);
            Ok(DeadLetter { id, event, headline, time, attempts, error, dead_at })
        };
        let db = self.0.lock()?;
        let mut found = db.prepare_cached(sql).map_err(failed("read"))?;
        let rows = found.query_map(params![target, Number(limit as u64)], letter).map_err(failed("read"))?;
        rows.collect::<Result<_, _>>().map_err(failed("read"))
    }
}

fn failed(what: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    StoreError::sqlite(what, OUTBOX)
}

fn apply(db: &Transaction<'_>, target: &str, change: &Change, now: Time) -> rusqlite::Result<()> {
    match change {
        Change::Add(letter) => add(db, target, letter, now)?,
        Change::Fold(incident) => {
            let sql =
                "DELETE FROM message WHERE target = ?1 AND incident = ?2 AND dead_at IS NULL AND event <> 'storm'";
            db.prepare_cached(sql)?.execute([target, incident])?;
        }
        Change::Rewrite { id, body, or } => {
            let sql = "UPDATE message SET body = ?3
                       WHERE target = ?1 AND id = ?2 AND dead_at IS NULL AND sent_at IS NULL";
            if db.prepare_cached(sql)?.execute([target, id, body])? == 0 {
                add(db, target, or, now)?;
            }
        }
    }
    Ok(())
}

fn add(db: &Transaction<'_>, target: &str, letter: &Letter, now: Time) -> rusqlite::Result<()> {
    let Letter { id, event, incident, headline, body, time, due_at } = letter;
    let sql = "INSERT OR IGNORE INTO message
               (target, id, event, incident, headline, body, time, queued_at, due_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let row = params![target, id, event, incident, headline, body, time.0, now.0, due_at.0];
    db.prepare_cached(sql)?.execute(row).map(drop)
}

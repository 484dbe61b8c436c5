//! The accountable ledger: real databases, really tampered with, and what `andon ledger verify` says.
//!
//! Owns the log that is tampered with, the attacker's tools and the reading of verdicts. Nothing
//! here uses what the verifier uses to find damage, except the hashes themselves.

#![cfg(test)]

mod checkpoints;
mod export;
mod property;
pub(crate) mod real;
mod sound;
mod tamper;

use andon::config::{self, LedgerSettings};
use andon::domain::{Entry, Time, What, WorkflowId};
use andon::driver::Notary;
use andon::seal::{Checkpoint, Hash, Signer, Tree, chain_start, leaf_hash, link};
use andon::store::{Book, SqliteBook};
use rusqlite::{Connection, params};
use serde_json::Value;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Entries of the log that is tampered with.
const ENTRIES: u64 = 10;
/// A key that is the same in every run; it signs nothing else.
const SEED: [u8; 32] = [7; 32];
const ORIGIN: &str = "andon.example/test";

fn entry(number: u64) -> Entry {
    let workflow =
        ["drafts", "router"].get(usize::try_from(number % 3).unwrap()).map(|id| WorkflowId::new(id).unwrap());
    Entry {
        journal_seq: number * 3,
        index: 0,
        time: Time(1_795_000_000_000 + i64::try_from(number).unwrap() * 1_000),
        workflow,
        policy: "ab".repeat(32),
        by: "ada".into(),
        what: What::Held { reason: format!("reason {number}: ünïcode") },
    }
}

/// A store with a ledger, a folder for checkpoints beside it, and its honest key.
struct Log {
    folder: tempfile::TempDir,
}

impl Log {
    /// A log of ten entries, without checkpoints.
    fn new() -> Self {
        let log = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(log.store()).unwrap();
        let mut key = std::fs::OpenOptions::new();
        let mut key = key.write(true).create_new(true).mode(0o600).open(log.store().join("ledger.key")).unwrap();
        key.write_all(Signer::new(ORIGIN, SEED).unwrap().secret().as_bytes()).unwrap();
        log.write(1..=ENTRIES);
        log
    }

    /// The same with a checkpoint over each of these numbers of entries.
    fn with_checkpoints(sizes: &[u64]) -> Self {
        let log = Self::new();
        log.db()
            .execute_batch("DELETE FROM entry; DELETE FROM applied; INSERT INTO applied VALUES (1, 0, 0, x'');")
            .unwrap();
        log.db().execute("UPDATE applied SET chain = ?1", [chain_start().0]).unwrap();
        let mut last = 0;
        for size in sizes {
            log.write(last + 1..=*size);
            log.notary().checkpoint(Time(1_795_000_100_000)).unwrap();
            last = *size;
        }
        log.write(last + 1..=ENTRIES);
        log
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    fn outside(&self) -> PathBuf {
        self.path().join("outside")
    }

    fn book(&self) -> Arc<SqliteBook> {
        Arc::new(SqliteBook::open(&self.store()).unwrap())
    }

    fn write(&self, numbers: std::ops::RangeInclusive<u64>) {
        let book = self.book();
        for number in numbers {
            book.append(&[entry(number)], entry(number).journal_seq).unwrap();
        }
    }

    fn settings(&self) -> LedgerSettings {
        let defaults = config::load("", "andon.toml").unwrap_or_else(|problems| panic!("{problems}")).ledger;
        LedgerSettings { origin: ORIGIN.into(), checkpoint_path: Some(self.outside()), ..defaults }
    }

    fn notary(&self) -> Notary {
        Notary::open(self.book(), &self.settings()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn db(&self) -> Connection {
        Connection::open(self.store().join("ledger.db")).unwrap()
    }

    fn sql(&self, sql: &str) {
        self.db().execute_batch(sql).unwrap();
    }

    /// What an attacker with all knowledge does: hashes from an entry on anew, and the head.
    fn reseal(&self, from: u64, with_head: bool) {
        let db = self.db();
        let mut rows: Vec<(u64, String, Vec<u8>)> = Vec::new();
        let mut read = db.prepare("SELECT ledger_seq, body, chain FROM entry ORDER BY ledger_seq").unwrap();
        let mut found = read.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let seq = u64::try_from(row.get::<_, i64>(0).unwrap()).unwrap();
            rows.push((seq, row.get(1).unwrap(), row.get(2).unwrap()));
        }
        let mut chain = chain_start();
        for (seq, body, kept) in &rows {
            if *seq < from {
                chain = Hash(kept.clone().try_into().unwrap());
                continue;
            }
            let leaf = leaf_hash(*seq, 1, body.as_bytes());
            chain = link(&chain, &leaf);
            let seq = i64::try_from(*seq).unwrap();
            let update = "UPDATE entry SET leaf = ?2, chain = ?3 WHERE ledger_seq = ?1";
            db.execute(update, params![seq, leaf.0, chain.0]).unwrap();
        }
        if with_head {
            let last = i64::try_from(rows.last().map_or(0, |row| row.0)).unwrap();
            db.execute("UPDATE applied SET entries = ?1, chain = ?2", params![last, chain.0]).unwrap();
        }
    }

    /// The checkpoint over the entries as they are now, by some key.
    fn sign(&self, signer: &Signer) -> (u64, String) {
        let db = self.db();
        let mut tree = Tree::default();
        let mut read = db.prepare("SELECT leaf FROM entry ORDER BY ledger_seq").unwrap();
        read.query_map([], |row| row.get::<_, [u8; 32]>(0)).unwrap().for_each(|leaf| tree.push(Hash(leaf.unwrap())));
        (tree.size(), Checkpoint::sign(tree.size(), tree.root(), signer))
    }

    /// Puts a checkpoint of the present entries in the place of all in the store.
    fn resign_inside(&self, signer: &Signer) {
        let (size, note) = self.sign(signer);
        let db = self.db();
        db.execute("DELETE FROM checkpoint", []).unwrap();
        let insert = "INSERT INTO checkpoint VALUES (?1, 0, ?2, ?3)";
        db.execute(insert, params![i64::try_from(size).unwrap(), note, signer.verifier().to_string()]).unwrap();
    }

    /// Replaces the text of an entry, and nothing else.
    fn edit(&self, seq: u64) {
        let update = "UPDATE entry SET body = replace(body, 'reason', 'excuse') WHERE ledger_seq = ?1";
        assert_eq!(self.db().execute(update, [i64::try_from(seq).unwrap()]).unwrap(), 1);
    }

    fn verify(&self, more: &[&str]) -> Said {
        self.run(&[&["ledger", "verify", "--json", "--store", "store"], more].concat())
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
        let output = command.args(arguments).current_dir(self.path()).stdin(Stdio::null()).output().unwrap();
        let (text, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        Said { code: output.status.code(), text, error }
    }
}

fn honest() -> Signer {
    Signer::new(ORIGIN, SEED).unwrap()
}

/// What the command said.
struct Said {
    code: Option<i32>,
    text: String,
    error: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}{}", self.text, self.error))
    }

    /// All findings as `damage from-to`.
    fn findings(&self) -> Vec<String> {
        let json = self.json();
        assert_eq!(self.code, Some(if json["holds"] == true { 0 } else { 1 }), "{json}");
        let findings = json["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| match (finding["from"].as_u64(), finding["to"].as_u64()) {
                (Some(from), Some(to)) => format!("{} {from}-{to}", finding["damage"].as_str().unwrap()),
                _ => finding["damage"].as_str().unwrap().to_owned(),
            })
            .collect()
    }

    /// The verdict of a ledger where everything holds.
    #[track_caller]
    fn sound(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}{}", self.text, self.error);
        assert_eq!(self.findings(), Vec::<String>::new());
        self.json()
    }
}

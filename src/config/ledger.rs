//! `[ledger]`: the log's name, when checkpoints are signed, and where they are kept besides.
//!
//! Owns its keys' readers and what they may say together. Must not touch files.

use super::section::Section;
use super::values::{Read, YEAR_MS, count, duration_ms, name, wrong};
use crate::domain::Time;
use std::path::{Path, PathBuf};
use toml::de::DeValue;

/// How the ledger is made accountable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSettings {
    /// The log's name, in every checkpoint and in its key.
    pub origin: String,
    /// A checkpoint is signed this often, when there is something new.
    pub checkpoint_every_ms: i64,
    /// Each checkpoint is written here too; outside of the store.
    pub checkpoint_path: Option<PathBuf>,
    /// So many checkpoints are kept in the store, and in that folder.
    pub checkpoints_max: u64,
}

pub(super) fn read(section: &Section<'_>, store: &Path) -> LedgerSettings {
    let checkpoint_path: Option<PathBuf> = section.read("checkpoint_path", |v| name(v, 1_000)).map(Into::into);
    if checkpoint_path.as_ref().is_some_and(|path| path.starts_with(store)) {
        section.problem(
            "checkpoint_path",
            "`checkpoint_path` lies inside of `[store] path`: whoever changes the ledger there changes the checkpoints too",
            "name a folder that others can write to less easily: on another disk, host or object store",
        );
    }
    let every = section.read("checkpoint_every", |v| duration_ms(v, Time::SECOND..=YEAR_MS));
    LedgerSettings {
        origin: section.read("origin", origin).unwrap_or_default(),
        checkpoint_every_ms: every.unwrap_or_default(),
        checkpoint_path,
        checkpoints_max: section.read("checkpoints_max", |v| count(v, 1..=1_000_000)).unwrap_or_default(),
    }
}

/// A name of a log: what C2SP allows as the name of a key, on one line.
fn origin(value: &DeValue<'_>) -> Read<String> {
    let origin = name(value, 200)?;
    if origin.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+') {
        return wrong(
            format!("can't be {origin:?}: spaces and `+` have a meaning of their own in checkpoints"),
            "write a name that no other log has, such as \"andon.example.com/prod\"",
        );
    }
    Ok(origin)
}

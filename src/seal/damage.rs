//! What can be wrong with a ledger, in words.
//!
//! Owns the kinds of damage and their sentences. Must not know how they are found.

use serde::{Deserialize, Serialize};

/// So many findings are told; of further ones only the number.
pub const FINDINGS_MAX: usize = 100;

/// A kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// There is no ledger.
    NoLog,
    /// The ledger has no entry.
    Empty,
    /// Entries are not there although later ones are.
    Missing,
    /// A number is there twice.
    Duplicate,
    /// The text of an entry doesn't give its hash.
    Edited,
    /// Entries stand under other numbers than they were written under.
    Moved,
    /// A column says something else than the text of the entry.
    Column,
    /// A chain hash doesn't follow from the entry before.
    Chain,
    /// An entry's journal record is not after that of the entry before.
    Order,
    /// Entries at the end are gone.
    Truncated,
    /// Entries at the end were not written by andon.
    Appended,
    /// Entries with good hashes are not those that were signed.
    Rewritten,
    /// An entry can't be read.
    Unreadable,
    /// The signature of a checkpoint is bad.
    Signature,
    /// A checkpoint is of another log, or signed by a key that isn't trusted.
    Foreign,
    /// A checkpoint can't be read.
    Malformed,
    /// Where checkpoints should be there are none.
    NoCheckpoint,
    /// The database itself is damaged.
    Database,
}

impl Damage {
    /// Whether the content of entries differs from what was hashed: that explains a root that differs.
    pub(super) const fn is_content(self) -> bool {
        matches!(self, Self::Missing | Self::Duplicate | Self::Edited | Self::Moved | Self::Chain | Self::Unreadable)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The kind.
    pub damage: Damage,
    /// The first entry that it concerns.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<u64>,
    /// The last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<u64>,
    /// The checkpoint that it concerns.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checkpoint: Option<String>,
    /// A sentence for people.
    pub what: String,
}

/// `entry 5` or `entries 5 to 7`.
pub(super) fn entries(from: u64, to: u64) -> String {
    if from == to { format!("entry {from}") } else { format!("entries {from} to {to}") }
}

impl Finding {
    /// About entries; `what` follows `entry 5` or `entries 5 to 7`.
    pub(super) fn of_entries(damage: Damage, from: u64, to: u64, what: &str) -> Self {
        let what = format!("{} {what}", entries(from, to));
        Self { damage, from: Some(from), to: Some(to), checkpoint: None, what }
    }

    /// About no entry of its own.
    pub fn new(damage: Damage, what: impl Into<String>) -> Self {
        Self { damage, from: None, to: None, checkpoint: None, what: what.into() }
    }

    /// About a checkpoint.
    pub fn of_checkpoint(damage: Damage, place: &str, cause: &str) -> Self {
        let what = format!("the checkpoint {place} can't be used: {cause}");
        Self { checkpoint: Some(place.to_owned()), ..Self::new(damage, what) }
    }

    /// Whether it concerns an entry of the range.
    pub(super) fn touches(&self, from: u64, to: u64) -> bool {
        self.from.is_some_and(|first| first <= to) && self.to.is_some_and(|last| last >= from)
    }
}

//! What is put into the outbox and what is read from it.
//!
//! Owns the types and nothing of the database.

use crate::domain::Time;

/// A message for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The same for the same event, however often it is made.
    pub id: String,
    /// The kind of event.
    pub event: String,
    /// The incident that it tells of.
    pub incident: Option<String>,
    /// Its first line.
    pub headline: String,
    /// The message.
    pub body: String,
    /// When it happened.
    pub time: Time,
    /// Not sent before.
    pub due_at: Time,
}

/// What becomes of a target's messages, all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new one; one of the same id that is there already stays as it is.
    Add(Letter),
    /// Those that tell of this incident and wait are told by another message.
    Fold(String),
    /// The one of this id that waits says something else; where it was on its way already, another one does.
    Rewrite {
        /// Its id.
        id: String,
        /// What it says.
        body: String,
        /// The other one.
        or: Box<Letter>,
    },
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the outbox.
    pub row: i64,
    /// Its id.
    pub id: String,
    /// The message.
    pub body: String,
    /// When it came into the outbox.
    pub queued_at: Time,
    /// Not sent before.
    pub due_at: Time,
    /// Attempts so far.
    pub attempts: u64,
    /// Failures of the target one after the other, up to now.
    pub failures: u64,
}

/// A message that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// The kind of event.
    pub event: String,
    /// Its first line.
    pub headline: String,
    /// When it happened.
    pub time: Time,
    /// Attempts.
    pub attempts: u64,
    /// The last error.
    pub error: String,
    /// When it was given up.
    pub dead_at: Time,
}

/// Where a target stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetState {
    /// The last ledger entry whose messages are in the outbox.
    pub cursor: u64,
    /// Messages that wait.
    pub pending: u64,
    /// Messages that were given up.
    pub dead: u64,
    /// When the one that waits longest came.
    pub oldest: Option<Time>,
    /// Failures one after the other, up to now.
    pub failures: u64,
    /// Nothing is sent before; 0 where nothing failed.
    pub due_at: Time,
    /// The last error, until something is delivered.
    pub error: Option<String>,
    /// When that was.
    pub error_at: Option<Time>,
    /// When something was last delivered.
    pub delivered_at: Option<Time>,
}

//! What people see of targets.
//!
//! Owns the view. An address is never a part of it, only the host; the paths of many are secrets.

use crate::domain::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetView {
    /// Its name.
    pub name: String,
    /// `webhook`, `slack` or `email`.
    pub kind: String,
    /// The host that it is reached at.
    pub host: String,
    /// What it is told of.
    pub events: Vec<String>,
    /// Messages that wait.
    pub pending: u64,
    /// When the one that waits longest was queued.
    pub oldest_pending: Option<Time>,
    /// Messages that were given up.
    pub dead: u64,
    /// Failures one after the other, up to now.
    pub failures: u64,
    /// The next attempt comes then, where the last one failed.
    pub next_attempt: Option<Time>,
    /// The last error, until something is delivered; of a mail that only some of its recipients took, too.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<Time>,
    /// When something was last delivered.
    pub last_delivered_at: Option<Time>,
    /// The newest of what was given up, newest first.
    pub dead_letters: Vec<DeadNotice>,
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadNotice {
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
    /// Why it was given up.
    pub error: String,
    /// When.
    pub dead_at: Time,
}

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tested {
    /// Whether the receiver took it; a mail server may do so for some of the recipients only, and `error` says so.
    pub delivered: bool,
    /// Why not.
    pub error: Option<String>,
    /// How long it took, milliseconds.
    pub ms: u64,
}

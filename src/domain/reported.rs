//! What the ledger keeps of a weekly report: which one it was, and what it said in short.
//!
//! Owns the words. The report itself is kept beside the ledger; its hash stands here, so that nobody can exchange it
//! without a trace.

use serde::{Deserialize, Serialize};

/// A report that was made and is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reported {
    /// The ISO week, such as `2026-W47`.
    pub week: String,
    /// What moved, what it cost, and what needs a decision: a sentence each.
    pub headline: Vec<String>,
    /// Decisions that it asks for.
    pub decisions: u64,
    /// SHA-256 of its JSON, as `GET /v1/reports/{week}.json` gives it: 64 hex digits.
    pub sha256: String,
}

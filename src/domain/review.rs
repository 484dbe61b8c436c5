//! Human verdicts on outputs, and what the policy asks of reviewers.
//!
//! Owns the fields of a review, their limits, and the declared numbers of the review plan. Which output
//! is to be reviewed is `selection`'s.

use super::event::{NAME_BYTES_MAX, TEXT_BYTES_MAX, check_id};
use super::{Money, Refusal, RefusalCode, Text, Time, WorkflowId};
use serde::{Deserialize, Serialize};

/// Longest note of a review, in bytes.
pub const NOTE_BYTES_MAX: usize = 1024;
/// Longest review, minutes: about a week, day and night.
pub const MINUTES_MAX: f64 = 10_000.0;

/// What a human said of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Used as it was.
    Accepted,
    /// Used after a change.
    Edited,
    /// Not used.
    Rejected,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Edited, Self::Rejected];

    /// The name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Edited => "edited",
            Self::Rejected => "rejected",
        }
    }
}

/// One human verdict on one output, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Identifies the review within its workflow.
    pub id: Text,
    /// The workflow of the output.
    pub workflow: WorkflowId,
    /// The output that was judged.
    pub output_id: Text,
    /// The judgement.
    pub verdict: Verdict,
    /// The kind of exception that the reviewer found.
    pub exception: Option<Text>,
    /// Who judged.
    pub reviewer: Text,
    /// When; `None` means when it arrived.
    pub time: Option<Time>,
    /// A remark about the verdict, never the output's text.
    pub note: Option<Text>,
    /// What it took the reviewer, minutes; `None` where nobody measured it.
    pub minutes: Option<f64>,
}

impl Review {
    /// Checks every limit that needs no context.
    pub fn check(&self) -> Result<(), Refusal> {
        let refuse = |field: &str, message: String| {
            Err(Refusal::new(RefusalCode::InvalidValue, message)
                .at_field(field)
                .of(&self.id, Some(self.workflow.as_str())))
        };
        for (field, id) in [("id", &self.id), ("output_id", &self.output_id)] {
            check_id(field, id).or_else(|(field, message)| refuse(field, message))?;
        }
        if self.reviewer.is_empty() || self.reviewer.len() > TEXT_BYTES_MAX {
            return refuse("reviewer", format!("`reviewer` must have 1 to {TEXT_BYTES_MAX} bytes"));
        }
        if self.exception.as_ref().is_some_and(|kind| kind.is_empty() || kind.len() > NAME_BYTES_MAX) {
            return refuse("exception", format!("`exception` must have 1 to {NAME_BYTES_MAX} bytes"));
        }
        if self.minutes.is_some_and(|minutes| !(0.0..=MINUTES_MAX).contains(&minutes)) {
            return Err(Refusal::new(
                RefusalCode::InvalidNumber,
                "`minutes` must be between 0 and 10000; leave it out when nobody measured it",
            )
            .at_field("minutes")
            .of(&self.id, Some(self.workflow.as_str())));
        }
        if self.note.as_ref().is_some_and(|note| note.len() > NOTE_BYTES_MAX) {
            return refuse("note", format!("`note` must have at most {NOTE_BYTES_MAX} bytes"));
        }
        Ok(())
    }
}

/// What the policy asks of reviewers, beside the depth of each mode.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReviewPolicy {
    /// A selected output without a verdict for this long is overdue, milliseconds.
    pub within_ms: i64,
    /// Share of the selected outputs that two people review, 0 to 1: how far they agree says how much a
    /// verdict is worth.
    pub twice: f64,
    /// What an hour of a reviewer costs, in the workflow's currency; `None` where it isn't declared.
    pub cost_per_hour: Option<Money>,
}

impl Default for ReviewPolicy {
    fn default() -> Self {
        Self { within_ms: 3 * Time::DAY, twice: 0.0, cost_per_hour: None }
    }
}

//! The result of a comparison, as programs read it.
//!
//! Owns the names of the fields, which stay as they are. How it is told to people is the command's.

use super::history::{Change, Kind};
use super::replay::Backtest;
use crate::domain::{Mode, PerMode, Time, Track, WorkflowId};
use serde::Serialize;

/// The whole comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Hash of the candidate policy.
    pub policy: String,
    /// What was read.
    pub read: Read,
    /// Where what happened is known from.
    pub happened_from: Where,
    /// Whether the candidate took the place of the journal's first policy, and not of the one in force at
    /// the start.
    pub whole_past: bool,
    /// The mode that workflows were made to begin in, if so.
    pub start_mode: Option<Mode>,
    /// Workflows on both sides.
    pub compared: usize,
    /// Of them, those that the candidate would have lowered differently.
    pub lowered_differently: usize,
    /// Of them, those whose breaches without a change of mode differ.
    pub noted_differently: usize,
    /// All workflows, in the order of their ids.
    pub workflows: Vec<WorkflowReport>,
}

impl Report {
    pub(super) fn new(wanted: &Backtest, read: Read, happened_from: Where, workflows: Vec<WorkflowReport>) -> Self {
        let count = |is: &dyn Fn(&WorkflowReport) -> bool| workflows.iter().filter(|workflow| is(workflow)).count();
        Self {
            policy: wanted.policy.hash.clone(),
            whole_past: read.from == read.first_time.unwrap_or_default(),
            happened_from,
            start_mode: wanted.start_mode,
            compared: count(&|workflow| workflow.both()),
            lowered_differently: count(&|workflow| workflow.both() && workflow.lowered_differently()),
            noted_differently: count(&|workflow| workflow.both() && workflow.noted_differently()),
            read,
            workflows,
        }
    }
}

/// What was read of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Read {
    /// The first record.
    pub first_seq: u64,
    /// The last record.
    pub last_seq: u64,
    /// Time of the first record.
    pub first_time: Option<Time>,
    /// From then on the candidate held.
    pub from: Time,
    /// So far time went.
    pub to: Time,
    /// Whether there is more in the journal than was asked for.
    pub ended_early: bool,
    /// Bytes behind the last record that are no whole record: torn by a crash, or being written.
    pub torn_bytes: Option<u64>,
    /// Outputs that both sides were shown.
    pub outputs: u64,
}

/// Where something is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Where {
    /// Computed from all inputs.
    Journal,
    /// Read from the ledger: the journal's beginning is gone.
    Ledger,
}

/// One workflow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkflowReport {
    /// Its id, as it happened.
    pub id: WorkflowId,
    /// The candidate's id, where that is another.
    pub candidate_id: Option<WorkflowId>,
    /// The candidate's track; where it isn't there, the journal's.
    pub track: Track,
    /// As it happened; `null` where only the candidate has it.
    pub happened: Option<Totals>,
    /// Under the candidate; `null` where it isn't there.
    pub candidate: Option<Totals>,
    /// Both histories, in the order of time.
    pub rows: Vec<Row>,
    /// Outputs that ran in a higher mode than the candidate would have allowed.
    pub outputs_above_candidate: u64,
    /// Outputs that ran in a lower mode than the candidate would have allowed.
    pub outputs_below_candidate: u64,
    /// The first time that people raised the mode after the histories had parted: from then on nobody
    /// knows what they would have decided under the candidate.
    pub uncertain_from: Option<Time>,
    /// The candidate's guards that learn what is normal from outputs.
    pub learned: Vec<Learned>,
}

impl WorkflowReport {
    /// Whether it is on both sides.
    pub const fn both(&self) -> bool {
        self.happened.is_some() && self.candidate.is_some()
    }

    /// Whether a demotion is on one side only, or not the same on both.
    pub fn lowered_differently(&self) -> bool {
        self.rows.iter().any(|row| row.kind() == Kind::Lowered && !row.is_same())
    }

    /// Whether a breach without a change of mode is on one side only, or not the same on both.
    pub fn noted_differently(&self) -> bool {
        self.rows.iter().any(|row| row.kind() == Kind::Noted && !row.is_same())
    }
}

/// The sums of one side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// Outputs judged; `null` where the journal doesn't say.
    pub outputs: Option<u64>,
    /// The mode at the start.
    pub start: Mode,
    /// The mode at the end.
    pub end: Mode,
    /// Demotions, by the mode that they led to.
    pub lowered_to: PerMode<u64>,
    /// Breaches that changed no mode.
    pub noted: u64,
    /// Time in each mode, milliseconds.
    pub time_ms: PerMode<i64>,
    /// Outputs in each mode; `null` where the journal doesn't say.
    pub outputs_in: Option<PerMode<u64>>,
}

/// One event: on both sides, or on one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// As it happened.
    pub happened: Option<Change>,
    /// Under the candidate.
    pub candidate: Option<Change>,
    /// Outputs by which the candidate would have been later (negative: earlier), where on both sides.
    pub later_outputs: Option<i64>,
    /// Milliseconds by which the candidate would have been later (negative: earlier), where on both sides.
    pub later_ms: Option<i64>,
}

impl Row {
    pub(super) fn new(happened: Option<&Change>, candidate: Option<&Change>) -> Self {
        let both = happened.zip(candidate);
        let later = |(h, c): (&Change, &Change)| c.at_output.cast_signed() - h.at_output.cast_signed();
        Self {
            happened: happened.cloned(),
            candidate: candidate.cloned(),
            later_outputs: both.map(later),
            later_ms: both.map(|(happened, candidate)| candidate.time.since(happened.time)),
        }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.happened.as_ref().or(self.candidate.as_ref()).map_or(Kind::Noted, |change| change.kind)
    }

    /// Whether both sides have it at the same time, from and to the same modes.
    pub fn is_same(&self) -> bool {
        let Some((happened, candidate)) = self.happened.as_ref().zip(self.candidate.as_ref()) else { return false };
        let key = |change: &Change| (change.time, change.at_output, change.from, change.to);
        key(happened) == key(candidate)
    }

    pub(super) fn time(&self) -> Option<Time> {
        let time = |change: &Option<Change>| change.as_ref().map(|change| change.time);
        time(&self.happened).into_iter().chain(time(&self.candidate)).min()
    }
}

/// A guard that learns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Learned {
    /// The guard.
    pub guard: String,
    /// When it had learned and began to judge; `null` while it hadn't.
    pub judged_from: Option<Time>,
    /// The workflow's output at that time.
    pub at_output: Option<u64>,
}

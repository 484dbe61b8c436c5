//! The history of each workflow on one side: where its mode was, when, and why.
//!
//! Owns what is kept of the ledger's entries. Knows neither where an entry is from (a replay or the
//! ledger itself) nor the other side.

use crate::domain::{Breach, Cause, Entry, Mode, PerMode, Time, What, WorkflowId};
use crate::monitor::sentence::sentence;
use serde::Serialize;
use std::collections::BTreeMap;

/// What became of a workflow's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It was lowered.
    Lowered,
    /// It was raised.
    Raised,
    /// A guard was breached and the mode stayed: in the lab, or at the lowest.
    Noted,
}

/// One event in the history of a mode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What became of it.
    pub kind: Kind,
    /// When.
    pub time: Time,
    /// The journal record with which it happened.
    pub journal_seq: u64,
    /// The workflow's output with which it happened, counted from 1 at the start of the comparison.
    pub at_output: u64,
    /// The mode before.
    pub from: Mode,
    /// The mode after.
    pub to: Mode,
    /// Counts the changes of the workflow; `null` for what changed no mode.
    pub epoch: Option<u64>,
    /// Why.
    pub cause: Cause,
    /// The guard, where one did it.
    pub guard: Option<String>,
    /// Mean since the estimated change, descriptive.
    pub estimate: Option<f64>,
    /// The bound, in the guard's unit.
    pub bound: Option<f64>,
    /// Observations since the estimated change.
    pub n: Option<u64>,
    /// Estimated time of the change.
    pub changed_at: Option<Time>,
    /// The output that completed the evidence.
    pub output: Option<String>,
    /// The reason in a sentence.
    pub reason: String,
}

impl Change {
    fn of(entry: &Entry, at_output: u64) -> Option<Self> {
        match &entry.what {
            What::ModeChanged { from, to, epoch, cause, reason, breach, .. } => {
                let kind = if to < from { Kind::Lowered } else { Kind::Raised };
                let new = Self::new(entry, at_output, (kind, *from, *to), breach.as_deref());
                Some(Self { epoch: Some(*epoch), cause: *cause, reason: reason.clone(), ..new })
            }
            What::BreachNoted { breach } => {
                let new = Self::new(entry, at_output, (Kind::Noted, breach.mode, breach.mode), Some(breach));
                Some(Self { reason: sentence(breach), ..new })
            }
            _ => None,
        }
    }

    fn new(entry: &Entry, at_output: u64, (kind, from, to): (Kind, Mode, Mode), breach: Option<&Breach>) -> Self {
        Self {
            kind,
            time: entry.time,
            journal_seq: entry.journal_seq,
            at_output,
            from,
            to,
            epoch: None,
            cause: Cause::Breach,
            guard: breach.map(|breach| breach.guard.clone()),
            estimate: breach.map(|breach| breach.estimate),
            bound: breach.map(|breach| breach.bound),
            n: breach.map(|breach| breach.n),
            changed_at: breach.and_then(|breach| breach.changed_at),
            output: breach.and_then(|breach| breach.output.clone()),
            reason: String::new(),
        }
    }
}

/// The history of one workflow.
#[derive(Debug, Clone)]
pub(super) struct History {
    /// When it began: with the comparison or the adoption.
    pub(super) begun: Time,
    /// The mode that it began in.
    pub(super) start: Mode,
    /// Its outputs before that.
    pub(super) base: u64,
    /// When it left the policy, if it did and stayed away.
    pub(super) left: Option<Time>,
    /// All changes and breaches, in order.
    pub(super) changes: Vec<Change>,
    /// When each guard pinned what it had learned, with the output.
    pub(super) pinned: BTreeMap<String, (Time, u64)>,
}

impl History {
    pub(super) const fn new(begun: Time, start: Mode, base: u64) -> Self {
        Self { begun, start, base, left: None, changes: Vec::new(), pinned: BTreeMap::new() }
    }

    /// The changes of the mode: from which output on (those up to it ran in the mode before), when,
    /// and to which.
    pub(super) fn steps(&self) -> impl Iterator<Item = (u64, Time, Mode)> {
        let moves = self.changes.iter().filter(|change| change.kind != Kind::Noted);
        let moves = moves.map(|change| (change.at_output, change.time, change.to));
        std::iter::once((0, self.begun, self.start)).chain(moves)
    }

    /// The mode at the end.
    pub(super) fn end(&self) -> Mode {
        self.steps().last().map_or(self.start, |(_, _, mode)| mode)
    }

    /// How long it was in each mode, milliseconds.
    pub(super) fn time_ms(&self, end: Time) -> PerMode<i64> {
        let mut spent = PerMode::default();
        let end = self.left.unwrap_or(end);
        let ends = self.steps().skip(1).map(|(_, time, _)| time).chain([end]);
        for ((_, time, mode), until) in self.steps().zip(ends) {
            *spent.get_mut(mode) += until.since(time).max(0);
        }
        spent
    }

    /// How many of its `outputs` ran in each mode.
    pub(super) fn outputs(&self, outputs: u64) -> PerMode<u64> {
        let mut ran = PerMode::default();
        let ends = self.steps().skip(1).map(|(at, _, _)| at).chain([outputs]);
        for ((at, _, mode), until) in self.steps().zip(ends) {
            *ran.get_mut(mode) += until.saturating_sub(at);
        }
        ran
    }
}

/// The histories of all workflows of one side.
#[derive(Debug, Clone, Default)]
pub(super) struct Histories(BTreeMap<WorkflowId, History>);

impl Histories {
    pub(super) const fn all(&self) -> &BTreeMap<WorkflowId, History> {
        &self.0
    }

    /// A workflow that was there before the comparison began.
    pub(super) fn begin(&mut self, id: &WorkflowId, history: History) {
        self.0.insert(id.clone(), history);
    }

    /// Takes an entry about a workflow, which had so many outputs by then.
    pub(super) fn note(&mut self, id: &WorkflowId, entry: &Entry, outputs: u64) {
        match &entry.what {
            What::Adopted { mode, .. } | What::Restored { mode } => {
                let new = || History::new(entry.time, *mode, outputs);
                self.0.entry(id.clone()).or_insert_with(new).left = None;
            }
            What::Renamed { from } => {
                if let Some(history) = self.0.remove(from) {
                    self.0.insert(id.clone(), history);
                }
            }
            what => {
                let Some(history) = self.0.get_mut(id) else { return };
                let at_output = outputs.saturating_sub(history.base);
                match what {
                    What::Removed {} => history.left = Some(entry.time),
                    What::BaselinePinned { guard, .. } => {
                        history.pinned.insert(guard.clone(), (entry.time, at_output));
                    }
                    What::BaselineDropped { guard, .. } => drop(history.pinned.remove(guard)),
                    _ => history.changes.extend(Change::of(entry, at_output)),
                }
            }
        }
    }
}

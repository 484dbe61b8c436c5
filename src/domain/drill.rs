//! Drills: somebody pulls the cord on purpose, to see that it is connected.
//!
//! Owns the words: the lane, the wires that are looked at, and what became of each. How a drill goes is
//! the conductor's, what it does to the lane is the monitor's.

use super::Time;
use serde::{Deserialize, Serialize};

/// The id of the workflow that drills lower. Nobody else can declare it, report outputs for it or order
/// anything about it.
pub const LANE: &str = "andon-drill";
/// What is said to whoever tries, and what to do instead.
pub const RESERVED: &str =
    "`andon-drill` is the workflow of andon's own drills: use another id (`andon drill` runs a drill)";

/// A connection that a demotion depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// Outputs that were reported are acknowledged.
    Queue,
    /// A guard breaks on them and lowers the mode.
    Monitor,
    /// Whoever asks for the mode, as every workflow does, is told the lower one.
    ModeRead,
    /// The demotion stands in the ledger, and its hash follows from the entry before.
    Ledger,
    /// The outputs can be read back from the journal's files.
    Journal,
    /// A snapshot of the state on disk holds the lower mode.
    Snapshot,
    /// The demotion became a notification, and targets that take part in drills got one.
    Notify,
}

impl Wire {
    /// All wires, in the order in which a drill looks at them. One that looked at fewer hasn't passed.
    pub const ALL: [Self; 7] =
        [Self::Queue, Self::Monitor, Self::ModeRead, Self::Ledger, Self::Journal, Self::Snapshot, Self::Notify];
    /// Wires of the first drills, whose findings don't say how many there were.
    const FIRST: usize = 6;

    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Monitor => "monitor",
            Self::ModeRead => "mode_read",
            Self::Ledger => "ledger",
            Self::Journal => "journal",
            Self::Snapshot => "snapshot",
            Self::Notify => "notify",
        }
    }
}

/// What became of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It is connected.
    Passed,
    /// It is cut.
    Failed,
    /// Nothing could come through it, because one before it is cut.
    Skipped,
}

/// One wire that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DrillStep {
    /// The wire.
    pub wire: Wire,
    /// What became of it.
    pub outcome: StepOutcome,
    /// How long that took, milliseconds.
    pub ms: u64,
    /// What was seen, or what is wrong, in a sentence.
    pub detail: String,
}

/// What a drill found out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Findings {
    /// The wires, in the order in which they were looked at.
    pub steps: Vec<DrillStep>,
    /// How many wires there were to be looked at; absent where they were the first six. A journal is replayed by
    /// later versions, which have more of them, and must give the same result.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wires: Option<usize>,
    /// Exceptions that were reported until the mode was lowered, or given up.
    pub exceptions: u32,
    /// From the first of them until a reader was told the lower mode, milliseconds; `None` where none was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lowered_after_ms: Option<u64>,
}

impl Findings {
    /// Whether every wire was looked at and is connected.
    pub fn passed(&self) -> bool {
        let connected = |wire: &Wire| self.steps.iter().any(|step| step.wire == *wire);
        let wires = self.wires.unwrap_or(Wire::FIRST);
        Wire::ALL.iter().take(wires).all(connected)
            && wires >= Wire::FIRST
            && self.steps.iter().all(|step| step.outcome == StepOutcome::Passed)
    }

    /// The wires that are cut, by name.
    pub fn cut(&self) -> Vec<&'static str> {
        let cut = self.steps.iter().filter(|step| step.outcome == StepOutcome::Failed);
        cut.map(|step| step.wire.name()).collect()
    }

    /// What is wrong, in a sentence; empty where nothing is.
    pub fn sentence(&self) -> String {
        let failed = self.steps.iter().filter(|step| step.outcome == StepOutcome::Failed);
        let said: Vec<String> = failed.map(|step| format!("{}: {}", step.wire.name(), step.detail)).collect();
        said.join("; ")
    }
}

/// Where a drill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillResult {
    /// It began, and its end is not recorded: it runs, or the daemon ended meanwhile.
    Running,
    /// Every wire is connected.
    Passed,
    /// One of them isn't.
    Failed,
    /// The daemon ended while it ran: that says nothing about the wires.
    Interrupted,
}

impl DrillResult {
    /// The word used in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Drill {
    /// Counts the drills of this store, from 1; 0 for one that could not even be recorded.
    pub number: u64,
    /// Who began it: a person's name, or `andon` for the schedule.
    pub by: String,
    /// When.
    pub begun_at: Time,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<Time>,
    /// Where it stands.
    pub result: DrillResult,
    /// What it found out.
    #[serde(flatten)]
    pub findings: Findings,
}

/// What the journal records of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum DrillAct {
    /// It begins: the lane is made anew in its start mode.
    Begin,
    /// It ended, with these findings.
    End(Findings),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_that_looked_at_fewer_wires_has_not_passed() {
        let step = |wire, outcome| DrillStep { wire, outcome, ms: 0, detail: String::new() };
        let of = |steps| Findings { steps, wires: Some(Wire::ALL.len()), ..Findings::default() };
        let all: Vec<DrillStep> = Wire::ALL.map(|wire| step(wire, StepOutcome::Passed)).into();
        assert!(of(all.clone()).passed() && !Findings::default().passed());
        for left_out in 0..all.len() {
            for outcome in [None, Some(StepOutcome::Failed), Some(StepOutcome::Skipped)] {
                let mut steps = all.clone();
                match outcome {
                    None => drop(steps.remove(left_out)),
                    Some(outcome) => steps[left_out].outcome = outcome,
                }
                assert!(!of(steps).passed(), "{left_out} {outcome:?}");
            }
        }
        // As the first version recorded it.
        let first = Findings { wires: None, ..of(all[..Wire::FIRST].to_vec()) };
        assert!(first.passed() && !Findings { wires: Some(0), ..first.clone() }.passed());
        assert!(!of(all[..Wire::FIRST].to_vec()).passed());
    }
}

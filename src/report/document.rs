//! The report as data: what `report.json` holds, and what the page and the text are made of.
//!
//! Owns the shape. Every number stands here: drawing and wording add none. No time of rendering is in it.

pub use super::document_council::{ActionLine, Budget, CouncilAnswer, Decision, InBudget, Offer};
use super::document_week::WorkflowWeek;
use super::quality::Quality;
use crate::domain::{Mode, Severity, Standing, Time};
use crate::monitor::lab_view::LabKpis;
use crate::stats::number::number;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The version of the shape.
pub const SCHEMA: &str = "andon-report/1";

/// The report of one week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// `andon-report/1`.
    pub schema: String,
    /// The ISO week, such as `2026-W47`.
    pub week: String,
    /// Its first moment …
    pub from: Time,
    /// … and the first one after it.
    pub until: Time,
    /// The time zone of its days.
    pub time_zone: String,
    /// The dates of the days of the week before and of this one.
    pub dates: Vec<String>,
    /// Of whom it speaks.
    pub scope: Scope,
    /// Whether the week isn't over, or not all of it was there yet.
    pub is_provisional: bool,
    /// Up to where the record was read.
    pub as_of: AsOf,
    /// What moved, what it cost, and what needs a decision: a sentence each.
    pub headline: Vec<String>,
    /// What the council is asked to decide, most urgent first; then what it has answered.
    pub decisions: Vec<Decision>,
    /// Who does what until when: what is open, and what ended in the week.
    pub actions: Vec<ActionLine>,
    /// Where each workflow stands, for people who don't read further.
    pub matrix: Vec<Place>,
    /// What moved a mode, in order of time.
    pub moves: Vec<Move>,
    /// What kept workflows below their granted modes, in order of time.
    #[serde(default)]
    pub caps: Vec<CapLine>,
    /// Incidents that were opened, joined or resolved in the week, or are open still.
    pub incidents: Vec<IncidentLine>,
    /// False demotions against what is declared.
    pub budget: Budget,
    /// Base items: audits and regressions.
    pub base: Vec<BaseLine>,
    /// Drills of the week.
    pub drills: Vec<DrillLine>,
    /// What was learned in the lab.
    pub lab: Vec<LabLine>,
    /// The numbers of the lab (docs/lab.md), as they stand; `null` where nothing is tested there.
    #[serde(default)]
    pub lab_kpis: Option<LabKpis>,
    /// What the report does not know.
    pub gaps: Vec<String>,
    /// The numbers of that.
    #[serde(default)]
    pub quality: Quality,
    /// The workflows, those that need attention first.
    pub workflows: Vec<WorkflowWeek>,
}

/// Of whom a report speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Scope {
    /// Of all workflows.
    Fleet,
    /// Of the workflows of one owner.
    Team {
        /// The owner.
        owner: String,
    },
    /// Of one workflow.
    Workflow {
        /// The workflow.
        workflow: String,
    },
}

/// Up to where the record was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AsOf {
    /// The last journal record.
    pub journal_seq: u64,
    /// The last ledger entry.
    pub ledger_seq: u64,
    /// The time of the last record; modes, gates, reviews and incidents stand as of then.
    pub time: Option<Time>,
    /// Hash of the policy in force then.
    pub policy: String,
}

/// Where a workflow stands: its row of the operating matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// The workflow.
    pub workflow: String,
    /// Who answers for it.
    pub owner: String,
    /// `lab` or `factory`.
    pub track: String,
    /// The mode that is granted to it.
    pub mode: Mode,
    /// That of when the week began; `null` where it was not there.
    pub mode_before: Option<Mode>,
    /// What keeps it below that mode; `null` where nothing does.
    #[serde(default)]
    pub held_by: Option<HeldBy>,
    /// What it stands on.
    pub base: Layer,
    /// Whoever builds and runs it.
    pub builder: Layer,
    /// Whoever gains by it.
    pub beneficiary: Layer,
    /// The weakest of the three: `base`, `builder` or `beneficiary`; `null` where all are sound.
    pub weakest: Option<String>,
    /// Its value this week, in its currency; `null` where none is reported.
    pub value: Option<f64>,
    /// What it cost this week, in its currency; `null` where nothing is reported.
    pub cost: Option<f64>,
    /// The currency; empty where it isn't known.
    pub currency: String,
    /// Outputs this week.
    pub outputs: u64,
    /// When it left the policy; `null` where the policy holds it.
    #[serde(default)]
    pub removed_at: Option<Time>,
}

/// What keeps a workflow below its granted mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldBy {
    /// No mode above this one.
    pub mode: Mode,
    /// What does, such as `base brand-guide`.
    pub by: String,
}

/// Something began or ceased to keep workflows below their granted modes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapLine {
    /// When.
    pub time: Time,
    /// The workflows.
    pub workflows: Vec<String>,
    /// No mode above this one; `null` where it ceased.
    pub mode: Option<Mode>,
    /// What did, such as `base brand-guide`.
    pub cap: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// One layer of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Layer {
    /// `met` where nothing speaks against it, `missing` where something does, `inconclusive` where nobody looked.
    pub standing: Standing,
    /// What speaks against it, or what nobody looked at.
    pub because: Vec<String>,
}

impl Layer {
    /// Whether anything is known of it: layers are those of the present, and a report of long ago has none.
    pub fn is_known(&self) -> bool {
        self.standing != Standing::Inconclusive || !self.because.is_empty()
    }
}

/// A change of a mode, or a breach that changed none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Move {
    /// When.
    pub time: Time,
    /// The workflow.
    pub workflow: String,
    /// The mode before.
    pub from: Mode,
    /// The mode after; the same for a breach that changed none.
    pub to: Mode,
    /// Counts the changes of this workflow's mode; `null` where it didn't change.
    pub epoch: Option<u64>,
    /// Why, in a word.
    pub cause: String,
    /// Who or what.
    pub by: String,
    /// The guard that did it.
    pub guard: Option<String>,
    /// Its signal, such as `exception_rate`.
    #[serde(default)]
    pub signal: Option<String>,
    /// What that is of, such as `scores.fit`; empty where there is no choice, `null` where the guard is declared no more.
    #[serde(default)]
    pub of: Option<String>,
    /// Why, in a sentence.
    pub reason: String,
    /// Estimated time of the change that the guard saw.
    pub changed_at: Option<Time>,
    /// The change lies between these times with about 95 % confidence.
    #[serde(default)]
    pub changed_between: Option<[Time; 2]>,
    /// The bound that was breached, in the guard's unit; `null` where no guard did it.
    #[serde(default)]
    pub bound: Option<f64>,
    /// What spoke against the workflow before that change, in the samples of this week and of the one before (verdicts:
    /// all of them); `null` where the guard counts no shares.
    #[serde(default)]
    pub before: Option<Counted>,
    /// The same of what came since the mode was lowered: whether it went on.
    #[serde(default)]
    pub since: Option<Counted>,
    /// The same of the second half of that: whether it goes on.
    #[serde(default)]
    pub lately: Option<Counted>,
    /// Verdicts that came since the mode was lowered on outputs of before: they say nothing of what came since. `null`
    /// where there were none.
    #[serde(default)]
    pub since_older: Option<Counted>,
    /// Where exceptions of one kind carried it: what failed since, and how much of that was of this kind.
    #[serde(default)]
    pub kind_since: Option<Counted>,
    /// Whether nearly nothing came before the change since the workflow began, and that was no better.
    #[serde(default)]
    pub is_from_first: bool,
    /// Whether these are of a sample, as there were too many outputs.
    #[serde(default)]
    pub is_sampled: bool,
    /// The one segment that carried nearly all of the excess; `null` where it was spread.
    #[serde(default)]
    pub source: Option<String>,
    /// How that segment did, and the rest without it; `null` without one, or where the guard counts no shares.
    #[serde(default)]
    pub source_counts: Option<SourceCounts>,
    /// What carried it, such as `locale = de`.
    pub carriers: Vec<String>,
    /// Outputs that weighed most.
    pub outputs: Vec<Witness>,
    /// What people judged it to be: `right` or `false`; `null` where nobody did.
    pub judged: Option<String>,
    /// The number of its entry in the ledger.
    pub ledger_seq: u64,
}

/// Outputs, or verdicts, and how many of them spoke against the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Counted {
    /// Outputs, or verdicts.
    pub n: u64,
    /// Those that spoke against it.
    pub hits: u64,
}

impl Counted {
    /// The share of those that spoke against it, 0 to 1; 0 of none.
    pub(super) fn share(self) -> f64 {
        number(self.hits) / number(self.n.max(1))
    }
}

/// How the segment did that carried a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceCounts {
    /// Its outputs, or verdicts on them, from the change until the mode was lowered.
    pub own: Counted,
    /// All of that time.
    pub all: Counted,
    /// The first and the last of those of its own that spoke against the workflow.
    pub between: [Time; 2],
    /// What came of it since the mode was lowered; `null` where nothing did.
    pub own_since: Option<Counted>,
    /// The same of all others.
    pub others_since: Option<Counted>,
}

/// An output that stands for others: never what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Witness {
    /// Its id.
    pub output: String,
    /// When it was made.
    pub time: Time,
    /// Its trace.
    pub trace_id: Option<String>,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IncidentLine {
    /// Its id.
    pub incident: String,
    /// Its workflow; `null` for the whole house.
    pub workflow: Option<String>,
    /// What it is about.
    pub about: String,
    /// How bad it is.
    pub severity: Severity,
    /// When it was opened.
    pub opened_at: Time,
    /// When a person first said that they look at it.
    pub acknowledged_at: Option<Time>,
    /// When it was resolved.
    pub resolved_at: Option<Time>,
    /// In a sentence.
    pub summary: String,
}

/// A base item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BaseLine {
    /// The item.
    pub item: String,
    /// Who answers for it.
    pub owner: String,
    /// Its version.
    pub version: String,
    /// When it was last audited.
    pub audited_at: Option<Time>,
    /// When it is to be audited next.
    pub due_at: Option<Time>,
    /// Whether that is over.
    pub is_overdue: bool,
    /// Whether it has a regression that nobody resolved.
    pub is_regressed: bool,
    /// Workflows that stand on it.
    pub dependents: u64,
}

/// A drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrillLine {
    /// Its number.
    pub drill: u64,
    /// When it ended.
    pub time: Time,
    /// How.
    pub result: String,
    /// In a sentence.
    pub summary: String,
}

/// A hypothesis of the lab in this week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabLine {
    /// The workflow.
    pub workflow: String,
    /// The hypothesis.
    pub hypothesis: String,
    /// What happened, oldest first.
    pub events: Vec<String>,
}

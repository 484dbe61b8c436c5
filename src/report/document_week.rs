//! One workflow in one week, as data.
//!
//! Owns the shape of a workflow's part of the report. The rest of it is `document`'s.

use super::burst::Burst;
use super::document::Witness;
use super::measure::Measure;
use super::shift::Shift;
use super::stretch::Stretch;
use crate::domain::{Mode, Requirement, Standing, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One workflow in one week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowWeek {
    /// The workflow.
    pub workflow: String,
    /// Who answers for it.
    pub owner: String,
    /// What one unit is called.
    pub unit: String,
    /// Its mode.
    pub mode: Mode,
    /// Its measures.
    pub measures: Vec<Measure>,
    /// Where the reference is from.
    pub reference_source: String,
    /// Exceptions by kind, most first.
    pub exceptions: Vec<KindLine>,
    /// How exceptions went: within the week where they became clearly more or fewer in it, else through both weeks where
    /// these are apart. Shares, and since when; empty where there is nothing to tell, or they changed again and again.
    #[serde(default)]
    pub stretches: Vec<Stretch>,
    /// Whether these are of a sample, as there were too many outputs.
    #[serde(default)]
    pub is_sampled: bool,
    /// What differs from the week before, clear ones first.
    pub shifts: Vec<Shift>,
    /// Its guards.
    pub guards: Vec<GuardLine>,
    /// Groups that fail more often than the others.
    pub disparities: Vec<Disparity>,
    /// Reviews.
    pub reviews: ReviewLine,
    /// What people rejected.
    #[serde(default)]
    pub rejections: Rejections,
    /// What it takes to rise; `null` where it can't.
    pub gate: Option<GateLine>,
    /// Versions and models that ran, with their outputs.
    pub versions: BTreeMap<String, u64>,
    /// Outputs that came more than an hour after they were made.
    pub late: u64,
    /// When it left the policy; `null` where the policy holds it.
    #[serde(default)]
    pub removed_at: Option<Time>,
}

/// Exceptions of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KindLine {
    /// The kind.
    pub kind: String,
    /// Exceptions this week.
    pub week: u64,
    /// Exceptions in the week before.
    pub before: u64,
    /// Share of this week's outputs, 0 to 1; `null` where there were none.
    pub ratio: Option<f64>,
    /// Share of the outputs of the week before; `null` where there were none.
    pub ratio_before: Option<f64>,
    /// Whether the difference is more than chance would make it; `null` without a week before.
    pub is_clear: Option<bool>,
    /// Outputs that stand for it.
    pub witnesses: Vec<Witness>,
}

/// Where a guard stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GuardLine {
    /// Its name.
    pub guard: String,
    /// Its signal.
    pub signal: String,
    /// What that is of, such as `scores.fit`; empty where there is no choice.
    #[serde(default)]
    pub of: String,
    /// Its state in a word.
    pub state: String,
    /// Its mean; `null` without observations.
    pub estimate: Option<f64>,
    /// Its bound in the present mode; `null` where none binds.
    pub bound: Option<f64>,
    /// Evidence against the bound: 0.4 is normal, 1 is a breach.
    pub evidence: Option<f64>,
    /// What it has learned to be normal, and how far the outputs of late are from it; `null` where its bound is
    /// declared, or nothing is pinned yet.
    #[serde(default)]
    pub baseline: Option<GuardBaseline>,
}

/// The pinned baseline of a guard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GuardBaseline {
    /// Counts the baselines of this guard, from 1.
    pub version: u32,
    /// `outputs`, `range` or the name of a file.
    pub source: String,
    /// Outputs in it.
    pub outputs: u64,
    /// Time of its first output.
    pub from: Option<Time>,
    /// Time of its last output.
    pub to: Option<Time>,
    /// Total variation between it and the outputs of late, on its bins; `null` where the guard compares no
    /// distributions, or too little came.
    pub distance: Option<f64>,
    /// What no drift would give at most, at these numbers.
    pub no_drift: Option<f64>,
    /// Outputs of late, at most the last 5,000.
    pub recent: Option<u64>,
}

/// A group that fails, or that people reject, more often than the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Disparity {
    /// Such as `locale = de`.
    pub group: String,
    /// Its outputs; its verdicts, where people reject it.
    pub outputs: u64,
    /// Its share of exceptions, or of rejections, 0 to 1.
    pub ratio: f64,
    /// That of all others.
    pub ratio_of_others: f64,
    /// How many times as often.
    pub times: Option<f64>,
    /// Whether the difference is more than chance would make it, with as many groups as there are looked at.
    pub is_clear: bool,
}

/// Reviews of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReviewLine {
    /// Verdicts of the week: accepted, edited, rejected.
    pub verdicts: [u64; 3],
    /// Outputs that wait for a verdict now; `null` for a week before the last one.
    pub awaited: Option<u64>,
    /// Of these, for longer than declared.
    pub overdue: Option<u64>,
    /// Minutes that the week's verdicts took; `null` where nobody measured them.
    pub minutes: Option<f64>,
    /// Outputs of the week that two people judged.
    pub pairs: u64,
    /// Share of these where both said the same.
    pub agreement: Option<f64>,
    /// 95 % interval of that share, one look.
    #[serde(default)]
    pub agreement_interval: Option<[f64; 2]>,
    /// Krippendorff's alpha of them.
    pub alpha: Option<f64>,
}

/// What people rejected in the week.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Rejections {
    /// Verdicts of the week on outputs that are known here: those of this week and of the one before, of earlier ones where many are judged, or a sample where
    /// there are very many.
    pub verdicts: u64,
    /// Outputs with a verdict that aren't known here.
    #[serde(default)]
    pub unknown: u64,
    /// Groups of these that people reject more often than the others: attribute values, models, versions.
    pub groups: Vec<Disparity>,
    /// Rejected outputs that stand for the others, of the clearest group where one is clear.
    pub witnesses: Vec<Witness>,
    /// What reviewers found, by kind of exception.
    pub found: BTreeMap<String, u64>,
    /// Many rejections within minutes; `null` where there were none such.
    #[serde(default)]
    pub burst: Option<Burst>,
}

impl Rejections {
    /// The group that people reject more often than chance would make them.
    pub fn clear(&self) -> Option<&Disparity> {
        self.groups.first().filter(|group| group.is_clear)
    }
}

/// What it takes to rise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GateLine {
    /// To where.
    pub to: String,
    /// `met`, `missing` or `inconclusive`.
    pub verdict: Standing,
    /// Requirements that are met.
    pub met: u64,
    /// All requirements.
    pub of: u64,
    /// Those that aren't met.
    pub missing: Vec<Requirement>,
}

impl GateLine {
    /// What isn't met, in as few lines as say it: the items of the checklist that nobody answered are one.
    pub fn lines(&self) -> Vec<String> {
        let item = |one: &&Requirement| one.name.starts_with("readiness:");
        let rest = self.missing.iter().filter(|one| !item(one));
        let mut lines: Vec<String> =
            rest.map(|one| format!("{} {}: {}", one.name, one.standing.name(), one.detail)).collect();
        let items: Vec<&str> =
            self.missing.iter().filter(item).filter_map(|one| one.name.strip_prefix("readiness:")).collect();
        if !items.is_empty() {
            lines.push(format!("readiness, {} of the checklist: {}", items.len(), items.join(", ")));
        }
        lines
    }
}

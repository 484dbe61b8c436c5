//! What people see of the lab: hypotheses with their next step, and the numbers of what was learned.
//!
//! Owns the read model and the definitions of the numbers (docs/lab.md says them in words). Nothing that
//! is decided depends on it.

use super::lab::{Decided, Finding, Found, HypothesisStatus, Record, Shown, SignOff};
use super::workflow::Workflow;
use crate::domain::{LabPolicy, Time, Track, WorkflowId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An exit criterion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CriterionView {
    /// As it is declared.
    pub criterion: String,
    /// What was said of it in this test; `null` where nothing was yet.
    pub shown: Option<Shown>,
}

/// A hypothesis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HypothesisView {
    /// Its id.
    pub id: String,
    /// Its workflow.
    #[schema(value_type = String)]
    pub workflow: WorkflowId,
    /// The track that the workflow is on.
    pub track: Track,
    /// Where it stands.
    pub status: HypothesisStatus,
    /// What is tested.
    pub question: String,
    /// Who answers for it.
    pub owner: String,
    /// What is to be learned.
    pub goals: Vec<String>,
    /// Where the sample library is; may be empty.
    pub samples: String,
    /// How long it may take, milliseconds.
    pub time_box_ms: i64,
    /// When it was declared, or left the policy.
    pub since: Time,
    /// When its test was last started.
    pub started_at: Option<Time>,
    /// Who started it.
    pub started_by: Option<String>,
    /// When its time-box ends; `null` where it isn't being tested.
    pub due_at: Option<Time>,
    /// Whether that is over.
    pub overdue: bool,
    /// What must hold before the workflow leaves the lab.
    pub exit: Vec<CriterionView>,
    /// How much was found.
    pub found: Found,
    /// Risks that nobody has disposed of.
    pub risks_open: usize,
    /// From its first start to the first thing that was found, milliseconds; `null` before that.
    pub time_to_learning_ms: Option<i64>,
    /// The end of the test.
    pub sign_off: Option<SignOff>,
    /// What it waits for, in a sentence.
    pub next: String,
}

/// A hypothesis with everything that was said of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HypothesisDetail {
    /// What stands in lists, too.
    #[serde(flatten)]
    pub hypothesis: HypothesisView,
    /// Defects by type.
    pub defect_types: BTreeMap<String, u64>,
    /// What was found, oldest first: the last 100; open risks are always among them.
    pub findings: Vec<Finding>,
    /// What was decided, oldest first: the last 100.
    pub decisions: Vec<Decided>,
}

/// How long a hypothesis took to teach something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Learned {
    /// The hypothesis.
    pub hypothesis: String,
    /// From its first start to the first thing that was found, milliseconds.
    pub ms: i64,
}

/// What was learned in the lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LabKpis {
    /// Hypotheses that nobody has started.
    pub planned: usize,
    /// Those that are being tested …
    pub active: usize,
    /// … and whose time-box is over.
    pub overdue: usize,
    /// Those whose test is over.
    pub signed_off: usize,
    /// Hypotheses that ever got an answer: signed off as confirmed or refuted, each counted once.
    pub tested: u64,
    /// Of those, in the last sprint; `null` before the first start.
    pub tested_last_sprint: Option<usize>,
    /// Sprints from the first start until now, or until the lab was left; at least 1; `null` before the first start.
    pub sprints: Option<f64>,
    /// tested / sprints.
    pub tested_per_sprint: Option<f64>,
    /// Each hypothesis with the time to its first finding, in the order of their ids.
    pub time_to_learning: Vec<Learned>,
    /// The median of these; `null` where nothing was found.
    pub time_to_learning_ms_median: Option<i64>,
    /// Started hypotheses for which nothing was found yet: they are in no median.
    pub without_finding: usize,
    /// How much was found.
    pub found: Found,
    /// Risks that were found before their workflow left the lab.
    pub risks_early: u64,
    /// Risks that nobody has disposed of.
    pub risks_open: usize,
    /// Types of defects that were discovered, each with its number.
    pub defect_types: BTreeMap<String, u64>,
}

/// What was learned of one workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LabView {
    /// The workflow.
    #[schema(value_type = String)]
    pub workflow: WorkflowId,
    /// The track that it is on.
    pub track: Track,
    /// When it left the lab; `null` while it is there.
    pub left_at: Option<Time>,
    /// The numbers.
    pub kpis: LabKpis,
}

impl LabKpis {
    /// The numbers of some workflows together.
    pub fn of(workflows: &[&Workflow], policy: &LabPolicy, now: Time) -> Self {
        let labs = || workflows.iter().map(|workflow| &workflow.state.governance.lab);
        let records = || labs().flat_map(|lab| lab.records.values());
        let is = |status: HypothesisStatus| records().filter(|record| record.status() == status).count();
        let learned =
            |record: &Record| Some(Learned { hypothesis: record.hypothesis.id.clone(), ms: record.learned()? });
        let mut times: Vec<Learned> = records().filter_map(learned).collect();
        times.sort_unstable_by(|a, b| a.hypothesis.cmp(&b.hypothesis));
        let begun = records().filter(|record| record.first_started_at.is_some()).count();
        let tested: u64 = labs().map(|lab| lab.tested).sum();
        let first = labs().filter_map(|lab| lab.first_started_at).min();
        // Where one of them is still in the lab, the time goes on.
        let last = labs().filter(|lab| lab.first_started_at.is_some()).map(|lab| lab.left_at.unwrap_or(now)).max();
        let sprints =
            first.zip(last).map(|(first, last)| (ms(last.since(first)) / ms(policy.sprint_ms.max(1))).max(1.0));
        let of_late = |record: &&Record| record.tested_at.is_some_and(|at| now.since(at) < policy.sprint_ms);
        let mut found = Found::default();
        let mut defect_types: BTreeMap<String, u64> = BTreeMap::new();
        for lab in labs() {
            found.patterns += lab.found.patterns;
            found.risks += lab.found.risks;
            found.defects += lab.found.defects;
            for (name, count) in lab.defect_types() {
                *defect_types.entry(name).or_default() += count;
            }
        }
        Self {
            planned: is(HypothesisStatus::Planned),
            active: is(HypothesisStatus::Active),
            overdue: records().filter(|record| record.is_overdue(now)).count(),
            signed_off: is(HypothesisStatus::SignedOff),
            tested,
            tested_last_sprint: first.map(|_| records().filter(of_late).count()),
            sprints,
            #[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
            tested_per_sprint: sprints.map(|sprints| tested as f64 / sprints),
            time_to_learning_ms_median: median(times.iter().map(|learned| learned.ms).collect()),
            without_finding: begun - times.len(),
            time_to_learning: times,
            found,
            risks_early: labs().map(|lab| lab.risks_early).sum(),
            risks_open: labs().map(super::lab::Lab::open_risks).sum(),
            defect_types,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of centuries are exact in an f64")]
const fn ms(ms: i64) -> f64 {
    ms as f64
}

/// The middle one, or the mean of the two in the middle.
fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let middle = values.len() / 2;
    let high = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(high);
    }
    values.get(middle.checked_sub(1)?).map(|low| low + (high - low) / 2)
}

impl Record {
    /// From its first start to its first finding, milliseconds.
    fn learned(&self) -> Option<i64> {
        Some(self.first_found_at?.since(self.first_started_at?))
    }

    /// Whether its time-box is over while it is being tested.
    pub fn is_overdue(&self, now: Time) -> bool {
        self.due_at().is_some_and(|due| due <= now)
    }

    /// Since when it stands as it does.
    pub(super) fn stands_since(&self) -> Time {
        match (self.status(), &self.run, &self.sign_off) {
            (HypothesisStatus::Active, Some(run), _) => run.at,
            (HypothesisStatus::SignedOff, _, Some(end)) => end.at,
            _ => self.since,
        }
    }
}

impl Workflow {
    /// Whether it is in the lab, or ever tested a hypothesis there.
    pub fn knows_lab(&self) -> bool {
        self.state.governance.in_lab || self.state.governance.lab.first_started_at.is_some()
    }

    /// What was learned of it.
    pub fn lab_view(&self, policy: &LabPolicy, now: Time) -> LabView {
        let left_at = self.state.governance.lab.left_at;
        LabView { workflow: self.id.clone(), track: self.track(), left_at, kpis: LabKpis::of(&[self], policy, now) }
    }

    /// One of its hypotheses.
    pub fn hypothesis_view(&self, record: &Record, policy: &LabPolicy, now: Time) -> HypothesisView {
        let (declared, run) = (&record.hypothesis, record.run.as_ref());
        let criterion = |(criterion, shown): (&str, Option<&Shown>)| CriterionView {
            criterion: criterion.to_owned(),
            shown: shown.cloned(),
        };
        HypothesisView {
            id: declared.id.clone(),
            workflow: self.id.clone(),
            track: self.track(),
            status: record.status(),
            question: declared.question.clone(),
            owner: declared.owner.clone(),
            goals: declared.goals.clone(),
            samples: declared.samples.clone(),
            time_box_ms: declared.time_box_ms,
            since: record.since,
            started_at: run.map(|run| run.at),
            started_by: run.map(|run| run.by.clone()),
            due_at: record.due_at(),
            overdue: record.is_overdue(now),
            exit: record.criteria().map(criterion).collect(),
            found: record.found,
            risks_open: record.open_risks(),
            time_to_learning_ms: record.learned(),
            sign_off: record.sign_off.clone(),
            next: self.next_of(record, policy, now),
        }
    }

    /// One of its hypotheses with everything that was said of it.
    pub fn hypothesis_detail(&self, record: &Record, policy: &LabPolicy, now: Time) -> HypothesisDetail {
        HypothesisDetail {
            hypothesis: self.hypothesis_view(record, policy, now),
            defect_types: record.defect_types.clone(),
            findings: record.findings.iter().cloned().collect(),
            decisions: record.decisions.iter().cloned().collect(),
        }
    }

    /// What a hypothesis waits for.
    pub(super) fn next_of(&self, record: &Record, policy: &LabPolicy, now: Time) -> String {
        let risks = record.open_risks();
        match record.status() {
            HypothesisStatus::Planned if !self.state.governance.in_lab => {
                "nothing: its workflow left the lab".to_owned()
            }
            HypothesisStatus::Planned => {
                let running = self.state.governance.lab.active().count();
                if running < usize::try_from(policy.active_max).unwrap_or(usize::MAX) {
                    "to be started".to_owned()
                } else {
                    format!("a place: {running} run at a time already")
                }
            }
            HypothesisStatus::Active => next_of_active(record, now),
            _ if risks > 0 => format!("{risks} open risks to be mitigated or accepted"),
            HypothesisStatus::SignedOff if record.unmet() > 0 => {
                format!("{} exit criteria that aren't met: start it again", record.unmet())
            }
            HypothesisStatus::SignedOff | HypothesisStatus::Removed => "nothing".to_owned(),
        }
    }
}

fn next_of_active(record: &Record, now: Time) -> String {
    let open = (1..).zip(record.criteria()).filter(|(_, (_, shown))| shown.is_none());
    let open: Vec<String> = open.map(|(number, _)| format!("{number}")).collect();
    let next = if record.found.all() == 0 {
        "its first finding".to_owned()
    } else if open.is_empty() {
        "a sign-off by somebody else than its owner and whoever started it".to_owned()
    } else {
        format!("an answer to exit criteria {}", open.join(", "))
    };
    match record.due_at().filter(|due| *due <= now) {
        Some(due) => format!("{next}; its time-box ended at {due}"),
        None => next,
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle_and_nothing_has_none() {
        assert_eq!((median(vec![]), median(vec![7]), median(vec![9, 1])), (None, Some(7), Some(5)));
        assert_eq!((median(vec![9, 1, 2]), median(vec![4, 100, 1, 2])), (Some(2), Some(3)));
    }
}

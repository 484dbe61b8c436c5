//! Which workflows page and Markdown tell of at length: those that need attention.
//!
//! Owns the choice. The data hold all of them.

use super::decisions::{clear_of, compared};
use super::document::{Decision, Place, Report};
use super::document_week::WorkflowWeek;
use super::measure::Figure;
use super::words::count;
use crate::domain::{Question, Standing};
use std::collections::{BTreeMap, BTreeSet};

/// So few workflows are all told of at length.
const ALL_MAX: usize = 3;
/// Workflows that are told of at length at most.
const DETAILED_MAX: usize = 20;

/// The workflows of a report, by how much is said of them.
pub(super) struct Parts<'r> {
    /// Told of at length.
    pub(super) detailed: Vec<&'r WorkflowWeek>,
    /// Their rows, in the order of the matrix.
    pub(super) places: Vec<&'r Place>,
    /// One row each.
    pub(super) rest: Vec<Rest<'r>>,
    /// How many need attention, of all.
    needing: [usize; 2],
}

impl Parts<'_> {
    /// What is told at length of how many; empty where all are.
    pub(super) fn chosen(&self) -> String {
        if self.rest.is_empty() {
            return String::new();
        }
        let (shown, [needing, all]) = (self.detailed.len(), self.needing);
        let need = if needing == 1 { "needs" } else { "need" };
        let begin = format!("{} of {} workflows {need} attention", count(needing as u64), count(all as u64));
        if shown < needing {
            return format!("{begin}; the first {shown} of them are told of at length, and the data (JSON) hold all.");
        }
        format!(
            "{begin}: a mode that moved, a breach, a question other than about overdue reviews, something clearly worse, a group that people clearly reject more, exceptions that changed, more than half of its outputs failed, or a gate that is met. The others have one row each."
        )
    }
}

/// A workflow of which one row is said.
pub(super) struct Rest<'r> {
    pub(super) place: &'r Place,
    /// Its share of exceptions.
    pub(super) exceptions: Option<f64>,
    /// Its share of verdicts that rejected.
    pub(super) rejected: Option<Figure>,
}

/// What speaks for telling of a workflow, the weightiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// Something is to be decided.
    Asked,
    /// Its mode changed, or a guard was breached.
    Moved,
    /// Something got worse, clearly also among as many comparisons as there are.
    Worse,
    /// Its gate is met.
    Ready,
}

/// The choice.
pub(super) fn parts(report: &Report) -> Parts<'_> {
    // Overdue reviews are asked about, and nothing else of the workflow helps to answer.
    let is_reviews = |one: &&Decision| matches!(one.id.parse(), Ok(Question::Reviews { .. }));
    let questions = report.decisions.iter().filter(|one| !is_reviews(one));
    let asked: BTreeSet<&str> = questions.filter_map(|one| one.workflow.as_deref()).collect();
    let moved: BTreeSet<&str> = report.moves.iter().map(|one| one.workflow.as_str()).collect();
    let clear = clear_of(&report.workflows);
    let mut chosen: Vec<(Option<Reason>, &WorkflowWeek)> =
        report.workflows.iter().map(|week| (reason(week, &asked, &moved, clear), week)).collect();
    let needing = [chosen.iter().filter(|(reason, _)| reason.is_some()).count(), chosen.len()];
    if chosen.len() > ALL_MAX {
        chosen.retain(|(reason, _)| reason.is_some());
        // The order of the report among equals.
        chosen.sort_by_key(|(reason, _)| *reason);
        chosen.truncate(DETAILED_MAX);
    }
    let detailed: Vec<&WorkflowWeek> = chosen.into_iter().map(|(_, week)| week).collect();
    let names: BTreeSet<&str> = detailed.iter().map(|week| week.workflow.as_str()).collect();
    let weeks: BTreeMap<&str, &WorkflowWeek> =
        report.workflows.iter().map(|week| (week.workflow.as_str(), week)).collect();
    let (places, others): (Vec<&Place>, Vec<&Place>) =
        report.matrix.iter().partition(|place| names.contains(place.workflow.as_str()));
    let rest = others.into_iter().map(|place| rest(place, weeks.get(place.workflow.as_str()).copied())).collect();
    Parts { detailed, places, rest, needing }
}

fn rest<'r>(place: &'r Place, week: Option<&WorkflowWeek>) -> Rest<'r> {
    let of = |name: &str| week?.measures.iter().find(|measure| measure.name == name)?.week;
    Rest { place, exceptions: of("exception_ratio").map(|figure| figure.value), rejected: of("rejected_ratio") }
}

/// Whether most of its outputs fail, two at least, however they did the week before.
fn fails(week: &WorkflowWeek) -> bool {
    let exceptions = week.measures.iter().find(|measure| measure.name == "exception_ratio");
    let failed = week.exceptions.iter().map(|kind| kind.week).sum::<u64>();
    failed > 1 && exceptions.and_then(|measure| measure.week).is_some_and(|figure| figure.value > 0.5)
}

fn reason(week: &WorkflowWeek, asked: &BTreeSet<&str>, moved: &BTreeSet<&str>, clear: f64) -> Option<Reason> {
    let worse = || compared(week).any(|(_, by, is_better)| is_better == Some(false) && by > clear);
    let id = week.workflow.as_str();
    if asked.contains(id) {
        Some(Reason::Asked)
    } else if moved.contains(id) {
        Some(Reason::Moved)
    } else if worse() || fails(week) || week.rejections.clear().is_some() || !week.stretches.is_empty() {
        Some(Reason::Worse)
    } else {
        week.gate.as_ref().filter(|gate| gate.verdict == Standing::Met).map(|_| Reason::Ready)
    }
}

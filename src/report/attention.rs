//! Which workflows the page tells of at length: in a large fleet those that need attention.
//!
//! Owns the choice. The data hold all of them.

use super::document::{Place, Report};
use super::document_week::WorkflowWeek;
use super::mean::{clear_among, strength};
use crate::domain::Standing;
use std::collections::{BTreeMap, BTreeSet};

/// Workflows that are told of at length; of fewer all are.
pub(super) const DETAILED_MAX: usize = 20;

/// The workflows of a report, by how much is said of them.
pub(super) struct Parts<'r> {
    /// Told of at length.
    pub(super) detailed: Vec<&'r WorkflowWeek>,
    /// Their rows, in the order of the matrix.
    pub(super) places: Vec<&'r Place>,
    /// One row each.
    pub(super) rest: Vec<Rest<'r>>,
    /// How many need attention.
    pub(super) needing: usize,
}

/// A workflow of which one row is said.
pub(super) struct Rest<'r> {
    pub(super) place: &'r Place,
    /// Its share of exceptions.
    pub(super) exceptions: Option<f64>,
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
    /// Somebody is behind with reviews.
    Overdue,
    /// Its gate is met.
    Ready,
}

/// The choice.
pub(super) fn parts(report: &Report) -> Parts<'_> {
    let asked: BTreeSet<&str> = report.decisions.iter().filter_map(|one| one.workflow.as_deref()).collect();
    let moved: BTreeSet<&str> = report.moves.iter().map(|one| one.workflow.as_str()).collect();
    let changes = report.workflows.iter().flat_map(|week| &week.measures).filter(|one| one.change.is_some());
    let clear = clear_among(changes.count() as u64);
    let is_small = report.workflows.len() <= DETAILED_MAX;
    let mut chosen: Vec<(Option<Reason>, &WorkflowWeek)> =
        report.workflows.iter().map(|week| (reason(week, &asked, &moved, clear), week)).collect();
    let needing = chosen.iter().filter(|(reason, _)| reason.is_some()).count();
    if !is_small {
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
    let rest = |place| Rest { place, exceptions: weeks.get(place.workflow.as_str()).and_then(|week| exceptions(week)) };
    Parts { detailed, places, rest: others.into_iter().map(rest).collect(), needing }
}

fn exceptions(week: &WorkflowWeek) -> Option<f64> {
    week.measures.iter().find(|measure| measure.name == "exception_ratio")?.week.map(|figure| figure.value)
}

fn reason(week: &WorkflowWeek, asked: &BTreeSet<&str>, moved: &BTreeSet<&str>, clear: f64) -> Option<Reason> {
    let worse = || {
        let changes = week.measures.iter().filter_map(|measure| measure.change);
        let mut worse = changes.filter(|change| change.is_better == Some(false));
        worse.any(|change| change.interval.is_some_and(|interval| strength(change.absolute, interval) > clear))
    };
    let id = week.workflow.as_str();
    if asked.contains(id) {
        Some(Reason::Asked)
    } else if moved.contains(id) {
        Some(Reason::Moved)
    } else if worse() {
        Some(Reason::Worse)
    } else if week.reviews.overdue > 0 {
        Some(Reason::Overdue)
    } else {
        week.gate.as_ref().filter(|gate| gate.verdict == Standing::Met).map(|_| Reason::Ready)
    }
}

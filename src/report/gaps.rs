//! What a report doesn't know, in sentences.
//!
//! Owns the list and its words. The numbers of what was refused or came twice are `quality`'s.

use super::build::Sources;
use super::document::{Report, Scope};
use super::document_week::WorkflowWeek;
use super::make::ENTRIES_MAX;
use super::state::Known;
use super::words::{count, many, minute, named};
use crate::domain::Time;

/// All of it, in the order in which it is told.
pub(super) fn gaps(report: &Report, sources: &Sources<'_>, left_out: usize) -> Vec<String> {
    let mut gaps = Vec::new();
    let cut_at = cut_at(sources);
    if let Some(at) = cut_at {
        let at_minute = minute(at);
        gaps.push(if at > report.from {
            format!("The journal no longer holds what came before {at_minute} UTC: this week is told of from then on, and the one before not at all.")
        } else {
            format!("The journal no longer holds what came before {at_minute} UTC: comparisons are with what is left of the week before.")
        });
    }
    // What was taken away is no silence.
    if cut_at.is_none_or(|at| at <= report.from) {
        gaps.extend(silent(report));
    }
    gaps.extend(unread(sources));
    gaps.extend(report.quality.sentences());
    gaps.extend(unmeasured(report));
    gaps.extend(partly_measured(report));
    gaps.extend(unknown_outputs(report));
    gaps.extend(removed(sources, report));
    if left_out > 0 {
        gaps.push(format!("{} more could be asked; the most urgent are.", many(left_out, "question")));
    }
    gaps.push("Distributions are compared on samples of at most 1,000 outputs of each workflow and week; intervals are for one look and take outputs for independent.".to_owned());
    if !sources.is_current {
        gaps.push("Guards, gates, reviews that wait, the base and the layers are not shown: they are only known of the present. Demotions in all, and how they were judged, are those of when this was made.".to_owned());
    }
    gaps
}

/// From when on the journal holds anything, where retention took away a part of what the report is made of.
pub(super) fn cut_at(sources: &Sources<'_>) -> Option<Time> {
    sources.is_cut.then(|| sources.fold.first_at()).flatten()
}

/// Entries of the ledger that are too many to be read.
fn unread(sources: &Sources<'_>) -> Option<String> {
    let (_, last) = sources.entries.last().filter(|_| sources.entries.len() >= ENTRIES_MAX)?;
    let (most, at) = (count(ENTRIES_MAX as u64), minute(last.time));
    Some(format!(
        "The ledger has more than {most} entries since the week began: what happened after {at} UTC is not told of."
    ))
}

fn judged(week: &WorkflowWeek) -> u64 {
    week.reviews.verdicts.iter().sum()
}

/// Workflows without outputs: of those that got verdicts at least these are known.
fn silent(report: &Report) -> Vec<String> {
    let is_judged = |id: &str| report.workflows.iter().any(|week| week.workflow == id && judged(week) > 0);
    let silent = report.matrix.iter().filter(|place| place.outputs == 0).map(|place| place.workflow.as_str());
    let (judged, unknown): (Vec<&str>, Vec<&str>) = silent.partition(|id| is_judged(id));
    let mut said = Vec::new();
    if !unknown.is_empty() {
        let them = if unknown.len() == 1 { "it" } else { "them" };
        said.push(format!("No output came of {}: nothing is known of {them}.", named(&unknown)));
    }
    if !judged.is_empty() {
        said.push(format!("No output came of {}: only verdicts on earlier ones are known.", named(&judged)));
    }
    said
}

/// Workflows that left the policy, with what it declared of them.
fn removed(sources: &Sources<'_>, report: &Report) -> Option<String> {
    if let Scope::Team { .. } = sources.scope {
        let was_there = |known: &&Known| known.removed_at.is_some() && known.view.adopted_at < report.until;
        let left: Vec<&str> =
            sources.state.workflows.values().filter(was_there).map(|known| known.view.id.as_str()).collect();
        let [was, its, is] = if left.len() == 1 { ["it was", "it", "is"] } else { ["they were", "they", "are"] };
        return (!left.is_empty()).then(|| {
            format!("{} left the policy, and nobody knows any more whose {was}: {its} {is} in the report of all workflows, not in this one.", named(&left))
        });
    }
    let left: Vec<&str> =
        report.matrix.iter().filter(|place| place.removed_at.is_some()).map(|place| place.workflow.as_str()).collect();
    let its = if left.len() == 1 { "its" } else { "their" };
    (!left.is_empty()).then(|| {
        format!("{} left the policy: {its} limits, currency and owner are no longer known, and nobody can judge {its} demotions any more.", named(&left))
    })
}

fn unmeasured(report: &Report) -> Option<String> {
    let unmeasured: Vec<&str> = (report.workflows.iter())
        .filter(|week| week.measures.iter().any(|measure| measure.name == "outputs" && measure.week.is_some()))
        .filter(|week| !week.measures.iter().any(|measure| measure.name == "cost_per_unit"))
        .map(|week| week.workflow.as_str())
        .collect();
    let report = if unmeasured.len() == 1 { "reports" } else { "report" };
    (!unmeasured.is_empty()).then(|| format!("{} {report} no cost.", named(&unmeasured)))
}

/// Workflows of whose outputs only some say what they cost: sums are of these.
fn partly_measured(report: &Report) -> Option<String> {
    let n = |week: &WorkflowWeek, name: &str| {
        week.measures.iter().find(|one| one.name == name).and_then(|one| one.week).map(|figure| figure.n)
    };
    let partly = report.workflows.iter().filter_map(|week| {
        let (costed, outputs) = (n(week, "cost_per_unit")?, n(week, "outputs")?);
        // A few that fail before they cost anything are no gap.
        (costed > 0 && costed < outputs - outputs / 10)
            .then(|| format!("{} ({} of {} outputs)", week.workflow, count(costed), count(outputs)))
    });
    let partly: Vec<String> = partly.collect();
    let names: Vec<&str> = partly.iter().map(String::as_str).collect();
    (!partly.is_empty())
        .then(|| format!("What these cost is the sum of the outputs that report a cost: {}.", named(&names)))
}

/// Outputs with a verdict of which nothing else is known.
fn unknown_outputs(report: &Report) -> Option<String> {
    let unknown: u64 = report.workflows.iter().map(|week| week.rejections.unknown).sum();
    let outputs = if unknown == 1 { "1 output".to_owned() } else { format!("{} outputs", count(unknown)) };
    let is = if unknown == 1 { "is" } else { "are" };
    (unknown > 0).then(|| {
        format!("{outputs} with a verdict of this week {is} not known to this report (made before what it reads, no longer held, or beyond its sample): which groups are rejected more often is told of the others.")
    })
}

//! The telling of a backtest: a line that sums it up, then workflow by workflow both histories.
//!
//! Owns the words. The numbers and what counts as the same are the backtest room's.

use super::table::{Side, Table};
use super::{output, words};
use crate::backtest::{Change, Kind, Report, Row, Totals, Where, WorkflowReport};
use crate::domain::{Mode, Time, Track};
use std::path::Path;

/// Hours of a day below which a time is told in smaller units, milliseconds.
const LONG_MS: i64 = 2 * Time::DAY;

/// What is told.
pub(super) struct Told<'a> {
    pub(super) report: &'a Report,
    /// The candidate's name.
    pub(super) candidate: &'a str,
    pub(super) store: &'a Path,
}

/// Prints all of it.
pub(super) fn print(told: &Told<'_>) {
    summary(told).iter().for_each(output::line);
    for workflow in told.report.workflows.iter().filter(|workflow| has_news(workflow)) {
        output::line("");
        workflow_lines(workflow).iter().for_each(output::line);
    }
    let quiet: Vec<&str> =
        told.report.workflows.iter().filter(|own| !has_news(own)).map(|own| own.id.as_str()).collect();
    if !quiet.is_empty() {
        output::line(format!("\nNothing happened on either side: {}", quiet.join(", ")));
    }
}

/// Prints which demotions differ, and no more.
pub(super) fn print_short(told: &Told<'_>) {
    summary(told).iter().for_each(output::line);
    let differs = |workflow: &&WorkflowReport| workflow.lowered_differently() || workflow.noted_differently();
    for workflow in told.report.workflows.iter().filter(differs) {
        output::line(format!("\n{}", name(workflow)));
        let rows = workflow.rows.iter().filter(|row| !row.is_same());
        rows_table(rows).iter().for_each(output::line);
    }
}

/// Whether there is anything to say of a workflow.
fn has_news(workflow: &WorkflowReport) -> bool {
    let unlearned = workflow.learned.iter().any(|guard| guard.judged_from.is_none());
    !workflow.rows.is_empty()
        || !workflow.both()
        || workflow.outputs_above_candidate > 0
        || unlearned
        || workflow.outputs_below_candidate > 0
}

fn summary(told: &Told<'_>) -> Vec<String> {
    let Told { report, candidate, store } = told;
    let read = &report.read;
    let (differ, all) = (report.lowered_differently, report.compared);
    let mut lines = vec![format!("Under {candidate} {differ} of {all} workflows would have been lowered differently.")];
    if report.noted_differently > 0 {
        let noted = report.noted_differently;
        lines.push(format!("Breaches that change no mode (lab, or already at the lowest) differ in {noted} of them."));
    }
    lines.push(format!(
        "Read records {} to {} of {}: {} outputs from {} to {}.",
        words::count(read.first_seq),
        words::count(read.last_seq),
        store.display(),
        words::count(read.outputs),
        read.from,
        read.to
    ));
    if !report.whole_past {
        lines.push(format!("The candidate was loaded at {}, into the state of that time.", read.from));
    }
    if let Some(bytes) = read.torn_bytes {
        let bytes = words::count(bytes);
        lines.push(format!("The last {bytes} bytes of the journal are no whole record: torn by a crash, or being written. They are left out."));
    }
    if report.happened_from == Where::Ledger {
        let begin = report.start_mode.map_or_else(
            || "the modes that the ledger shows for that time".to_owned(),
            |mode| format!("{mode}, as asked for"),
        );
        lines.push(format!(
            "What came before record {} is gone. What happened is told by the ledger; the candidate begins in {begin}, \
             and its guards without the evidence, the samples and the review key of the time before.",
            words::count(read.first_seq)
        ));
    }
    lines
}

fn name(workflow: &WorkflowReport) -> String {
    let other = workflow.candidate_id.as_ref().map(|id| format!(", {id} in the candidate")).unwrap_or_default();
    let track = if workflow.track == Track::Lab { ", lab" } else { "" };
    format!("{}{other}{track}", workflow.id)
}

fn workflow_lines(workflow: &WorkflowReport) -> Vec<String> {
    let mut lines = vec![name(workflow)];
    match (&workflow.happened, &workflow.candidate) {
        (None, Some(_)) => lines.push("  Only the candidate has it; no output of it is in the journal.".to_owned()),
        (Some(_), None) => lines.push("  The candidate doesn't have it: nothing would watch it.".to_owned()),
        _ => {}
    }
    if !workflow.rows.is_empty() {
        lines.extend(rows_table(workflow.rows.iter()));
    }
    lines.extend(totals_table(workflow));
    let outputs =
        |count: u64| if count == 1 { "1 output".to_owned() } else { format!("{} outputs", words::count(count)) };
    if workflow.outputs_above_candidate > 0 {
        let ran = outputs(workflow.outputs_above_candidate);
        lines.push(format!("  {ran} ran above what the candidate would have allowed."));
    }
    if workflow.outputs_below_candidate > 0 {
        let ran = outputs(workflow.outputs_below_candidate);
        lines.push(format!("  {ran} ran below what the candidate would have allowed."));
    }
    if let Some(time) = workflow.uncertain_from {
        lines.push(format!(
            "  At {time} people raised the mode after the two had parted: what they would have decided under the candidate is unknown from there on."
        ));
    }
    for guard in &workflow.learned {
        let said = match (guard.judged_from, guard.at_output) {
            (Some(time), Some(output)) if output > 0 => {
                format!("judged from {time} on, after it had learned by output {}", words::count(output))
            }
            (Some(time), _) => format!("judged from {time} on"),
            _ => "judged nothing: it had not learned what is normal by the end".to_owned(),
        };
        lines.push(format!("  The candidate's guard {} {said}.", guard.guard));
    }
    lines
}

fn rows_table<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<String> {
    let mut table = Table::new(&[
        ("  which", Side::Left),
        ("time", Side::Left),
        ("mode", Side::Left),
        ("by", Side::Left),
        ("at output", Side::Right),
        ("n", Side::Right),
        ("changed at", Side::Left),
        ("why", Side::Left),
    ]);
    for row in rows {
        match (&row.happened, &row.candidate) {
            (Some(happened), Some(_)) if row.is_same() => table.row(cells("  both", happened, None)),
            (Some(happened), Some(candidate)) => {
                table.row(cells("  both: happened", happened, None));
                table.row(cells("  both: candidate", candidate, difference(row)));
            }
            (Some(happened), None) => table.row(cells("  only happened", happened, None)),
            (None, Some(candidate)) => table.row(cells("  only candidate", candidate, None)),
            (None, None) => {}
        }
    }
    table.lines()
}

fn cells(which: &str, change: &Change, difference: Option<String>) -> Vec<String> {
    let mode = match change.kind {
        Kind::Noted => format!("{}, noted", change.from),
        _ => format!("{} → {}", change.from, change.to),
    };
    let why = match (change.estimate, change.bound) {
        (Some(estimate), Some(bound)) => format!("{} (bound {})", words::number(estimate), words::number(bound)),
        _ => change.reason.clone(),
    };
    vec![
        which.to_owned(),
        change.time.to_string(),
        mode,
        change.guard.clone().unwrap_or_else(|| change.cause.name().to_owned()),
        words::count(change.at_output),
        change.n.map_or_else(|| "-".to_owned(), words::count),
        change.changed_at.map_or_else(|| "-".to_owned(), |time| time.to_string()),
        difference.map_or(why.clone(), |difference| format!("{why}; {difference}")),
    ]
}

/// How much earlier or later the candidate would have been.
fn difference(row: &Row) -> Option<String> {
    let (outputs, ms) = row.later_outputs.zip(row.later_ms)?;
    let direction = match (outputs, ms) {
        (0, 0) => return None,
        (n, t) if n < 0 || (n == 0 && t < 0) => "earlier",
        _ => "later",
    };
    let outputs = match outputs.unsigned_abs() {
        0 => String::new(),
        1 => "1 output, ".to_owned(),
        n => format!("{} outputs, ", words::count(n)),
    };
    Some(format!("{outputs}{} {direction}", words::span(ms.saturating_abs())))
}

fn totals_table(workflow: &WorkflowReport) -> Vec<String> {
    let mut table = Table::new(&[
        ("  side", Side::Left),
        ("outputs", Side::Right),
        ("lowered", Side::Right),
        ("to assist", Side::Right),
        ("to collaborate", Side::Right),
        ("to delegate", Side::Right),
        ("noted", Side::Right),
        ("in assist", Side::Right),
        ("in collaborate", Side::Right),
        ("in delegate", Side::Right),
        ("in automate", Side::Right),
    ]);
    let sides = [("  happened", &workflow.happened), ("  candidate", &workflow.candidate)];
    for (side, totals) in sides.into_iter().filter_map(|(side, totals)| Some((side, totals.as_ref()?))) {
        table.row(totals_cells(side, totals));
    }
    table.lines()
}

fn totals_cells(side: &str, totals: &Totals) -> Vec<String> {
    let lowered: u64 = totals.lowered_to.iter().map(|(_, count)| *count).sum();
    let mut row =
        vec![side.to_owned(), totals.outputs.map_or_else(|| "-".to_owned(), words::count), words::count(lowered)];
    let to = [Mode::Assist, Mode::Collaborate, Mode::Delegate];
    row.extend(to.map(|mode| words::count(*totals.lowered_to.get(mode))));
    row.push(words::count(totals.noted));
    row.extend(Mode::ALL.map(|mode| span(*totals.time_ms.get(mode))));
    row
}

/// A length of time; none is a dash.
fn span(ms: i64) -> String {
    match ms {
        0 => "-".to_owned(),
        ms if ms < LONG_MS => words::span(ms),
        ms => {
            let tenths = ms / (Time::DAY / 10);
            format!("{}.{} d", words::count((tenths / 10).unsigned_abs()), tenths % 10)
        }
    }
}

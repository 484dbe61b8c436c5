//! Two histories of a workflow beside each other: what is on both sides, and what on one only.
//!
//! Owns which demotions count as the same. Replays nothing and prints nothing.

use super::history::{Change, Histories, History, Kind};
use super::names::Names;
use super::report::{Learned, Row, Totals, WorkflowReport};
use super::side::Side;
use crate::domain::{BaselineSource, Mode, PerMode, Time, Track, WorkflowId};
use std::collections::BTreeMap;

/// What is compared.
pub(super) struct Sides<'a> {
    pub(super) histories: &'a Histories,
    /// `None` where what happened is known from the ledger.
    pub(super) happened: Option<&'a Side>,
    pub(super) candidate: &'a Side,
    pub(super) names: &'a Names,
    pub(super) end: Time,
}

/// All workflows of both sides.
pub(super) fn workflows(sides: &Sides<'_>) -> Vec<WorkflowReport> {
    let there = sides.candidate.histories.all();
    // The candidate's id → the id as it happened: the same, or a former or later one.
    let mut pairs: BTreeMap<&WorkflowId, &WorkflowId> = BTreeMap::new();
    for id in sides.histories.all().keys() {
        let known = if there.contains_key(id) { id } else { sides.names.of(id) };
        if there.contains_key(known) && (known == id || !pairs.contains_key(known)) {
            pairs.insert(known, id);
        }
    }
    let mut found: Vec<WorkflowReport> = Vec::new();
    for (id, history) in sides.histories.all() {
        let other = pairs.iter().find(|(_, happened)| **happened == id).map(|(known, _)| *known);
        let candidate = other.and_then(|other| Some((other, there.get(other)?)));
        found.push(workflow(sides, id, Some(history), candidate));
    }
    for (id, history) in there.iter().filter(|(id, _)| !pairs.contains_key(id)) {
        found.push(workflow(sides, id, None, Some((id, history))));
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

fn workflow(
    sides: &Sides<'_>,
    id: &WorkflowId,
    happened: Option<&History>,
    candidate: Option<(&WorkflowId, &History)>,
) -> WorkflowReport {
    let count = |side: &Side, id: &WorkflowId, history: &History| side.outputs(id).saturating_sub(history.base);
    let outputs_there = candidate.map(|(id, history)| count(sides.candidate, id, history));
    let outputs_here = match (sides.happened, happened) {
        (Some(side), Some(history)) => Some(count(side, id, history)),
        _ => outputs_there,
    };
    let there = candidate.map(|(_, history)| history);
    let rows = rows(happened.map_or(&[], |h| &h.changes), there.map_or(&[], |c| &c.changes));
    let apart = happened.zip(there).zip(outputs_here).map(|((h, c), outputs)| apart(h, c, outputs));
    let (outputs_above_candidate, outputs_below_candidate) = apart.unwrap_or_default();
    WorkflowReport {
        id: id.clone(),
        candidate_id: candidate.map(|(other, _)| other.clone()).filter(|other| other != id),
        track: track(sides, id, candidate.map(|(id, _)| id)),
        happened: happened.map(|history| totals(history, outputs_here, sides.end)),
        candidate: there.map(|history| totals(history, outputs_there, sides.end)),
        outputs_above_candidate,
        outputs_below_candidate,
        uncertain_from: happened.zip(there).and_then(|(h, c)| uncertain(h, c, &rows)),
        learned: candidate.map(|(id, history)| learned(sides.candidate, id, history)).unwrap_or_default(),
        rows,
    }
}

fn track(sides: &Sides<'_>, id: &WorkflowId, candidate: Option<&WorkflowId>) -> Track {
    let of = |side: &Side, id: &WorkflowId| side.monitor.workflows().get(id).map(|own| own.plan.policy.track);
    let there = candidate.and_then(|id| of(sides.candidate, id));
    there.or_else(|| of(sides.happened?, id)).unwrap_or(Track::Factory)
}

fn totals(history: &History, outputs: Option<u64>, end: Time) -> Totals {
    let mut lowered_to = PerMode::default();
    for change in history.changes.iter().filter(|change| change.kind == Kind::Lowered) {
        *lowered_to.get_mut(change.to) += 1;
    }
    Totals {
        outputs,
        start: history.start,
        end: history.end(),
        lowered_to,
        noted: history.changes.iter().filter(|change| change.kind == Kind::Noted).count() as u64,
        time_ms: history.time_ms(end),
        outputs_in: outputs.map(|outputs| history.outputs(outputs)),
    }
}

/// The same cause, and the same guard where one did it.
fn alike(a: &Change, b: &Change) -> bool {
    (a.kind, a.cause, &a.guard) == (b.kind, b.cause, &b.guard)
}

/// Pairs what is alike: first what came with the same record, then in the order of time, but not
/// over a raise, after which it is another story.
pub(super) fn rows(happened: &[Change], candidate: &[Change]) -> Vec<Row> {
    let mut with: Vec<Option<usize>> = vec![None; happened.len()];
    let mut taken = vec![false; candidate.len()];
    let raises: Vec<Time> = happened
        .iter()
        .chain(candidate)
        .filter(|change| change.kind == Kind::Raised)
        .map(|change| change.time)
        .collect();
    let same_story = |a: &Change, b: &Change| {
        let (early, late) = (a.time.min(b.time), a.time.max(b.time));
        !raises.iter().any(|raise| early < *raise && *raise <= late)
    };
    for at_once in [true, false] {
        for (at, change) in happened.iter().enumerate().filter(|(_, change)| at_once || change.kind != Kind::Raised) {
            let fits = |other: &Change| {
                alike(change, other)
                    && if at_once { change.journal_seq == other.journal_seq } else { same_story(change, other) }
            };
            if with[at].is_none()
                && let Some(found) = (0..candidate.len()).find(|n| !taken[*n] && fits(&candidate[*n]))
            {
                taken[found] = true;
                with[at] = Some(found);
            }
        }
    }
    let here = happened.iter().zip(with).map(|(change, other)| Row::new(Some(change), other.map(|n| &candidate[n])));
    let there =
        candidate.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(change, _)| Row::new(None, Some(change)));
    let mut rows: Vec<Row> = here.chain(there).collect();
    rows.sort_by_key(Row::time);
    rows
}

/// Outputs that ran above, and below, what the candidate would have allowed.
fn apart(happened: &History, candidate: &History, outputs: u64) -> (u64, u64) {
    let (mut above, mut below) = (0, 0);
    let mut here = happened.steps().peekable();
    let mut there = candidate.steps().peekable();
    let (mut mode_here, mut mode_there): (Mode, Mode) = (happened.start, candidate.start);
    let mut at = 0;
    while at < outputs {
        while let Some((_, _, mode)) = here.next_if(|(from, _, _)| *from <= at) {
            mode_here = mode;
        }
        while let Some((_, _, mode)) = there.next_if(|(from, _, _)| *from <= at) {
            mode_there = mode;
        }
        let next = here.peek().into_iter().chain(there.peek()).map(|(from, _, _)| *from).min();
        let until = next.map_or(outputs, |next| next.min(outputs));
        match mode_here.cmp(&mode_there) {
            std::cmp::Ordering::Greater => above += until - at,
            std::cmp::Ordering::Less => below += until - at,
            std::cmp::Ordering::Equal => {}
        }
        at = until;
    }
    (above, below)
}

/// The first raise after the histories parted.
fn uncertain(happened: &History, candidate: &History, rows: &[Row]) -> Option<Time> {
    let started_apart = (happened.start != candidate.start).then_some(happened.begun.min(candidate.begun));
    let moved_apart = rows.iter().filter(|row| row.kind() == Kind::Lowered && !row.is_same()).filter_map(Row::time);
    let parted = started_apart.into_iter().chain(moved_apart).min()?;
    let raised = happened.changes.iter().filter(|change| change.kind == Kind::Raised).map(|change| change.time);
    raised.filter(|time| *time >= parted).min()
}

fn learned(side: &Side, id: &WorkflowId, history: &History) -> Vec<Learned> {
    let Some(workflow) = side.monitor.workflows().get(id) else { return Vec::new() };
    let guards = workflow.state.guards.with(&workflow.plan.guards);
    let learning = guards.filter(|(plan, _)| {
        plan.policy.baseline.as_ref().is_some_and(|own| !matches!(own.source, BaselineSource::File { .. }))
    });
    let judged = learning.map(|(plan, guard)| {
        let is_pinned = guard.watch.baseline.as_ref().is_some_and(|baseline| baseline.pinned.is_some());
        // What was pinned before the comparison began judges from its beginning on.
        let from = history.pinned.get(&plan.policy.name).copied().unwrap_or((history.begun, 0));
        let from = Some(from).filter(|_| is_pinned);
        let guard = plan.policy.name.clone();
        Learned { guard, judged_from: from.map(|(time, _)| time), at_output: from.map(|(_, output)| output) }
    });
    judged.collect()
}

/// Histories that no monitor of today can make: raises come with the promotion gate.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Cause;

    fn change(minute: i64, kind: Kind, (from, to): (Mode, Mode), guard: &str) -> Change {
        Change {
            kind,
            time: Time(minute * Time::MINUTE),
            journal_seq: minute.unsigned_abs(),
            at_output: minute.unsigned_abs(),
            from,
            to,
            epoch: None,
            cause: if guard.is_empty() { Cause::Operator } else { Cause::Breach },
            guard: Some(guard.to_owned()).filter(|guard| !guard.is_empty()),
            estimate: None,
            bound: None,
            n: None,
            changed_at: None,
            output: None,
            reason: String::new(),
        }
    }

    fn lowered(minute: i64, guard: &str) -> Change {
        change(minute, Kind::Lowered, (Mode::Automate, Mode::Assist), guard)
    }

    fn raised(minute: i64) -> Change {
        change(minute, Kind::Raised, (Mode::Assist, Mode::Automate), "")
    }

    fn minutes(rows: &[Row]) -> Vec<(Option<u64>, Option<u64>)> {
        let at = |change: &Option<Change>| change.as_ref().map(|change| change.at_output);
        rows.iter().map(|row| (at(&row.happened), at(&row.candidate))).collect()
    }

    #[test]
    fn a_raise_is_the_end_of_a_story() {
        let happened = [lowered(10, "a"), raised(20), lowered(30, "a")];
        // Not the demotion before the raise, although it is the nearest of the same guard.
        let found = rows(&happened, &[raised(20), lowered(33, "a")]);
        assert_eq!(minutes(&found), [(Some(10), None), (Some(20), Some(20)), (Some(30), Some(33))]);
        // Another guard is another thing, and the same record goes first.
        let found = rows(&[lowered(10, "a"), lowered(12, "b")], &[lowered(8, "b"), lowered(10, "a"), lowered(12, "b")]);
        assert_eq!(minutes(&found), [(None, Some(8)), (Some(10), Some(10)), (Some(12), Some(12))]);
    }

    #[test]
    fn after_a_raise_that_came_after_the_parting_nobody_knows() {
        let history =
            |changes: &[Change]| History { changes: changes.to_vec(), ..History::new(Time(0), Mode::Automate, 0) };
        let parted = |happened: &[Change], candidate: &[Change]| {
            let found = rows(happened, candidate);
            uncertain(&history(happened), &history(candidate), &found).map(|time| time.0 / Time::MINUTE)
        };
        let past = [lowered(10, "a"), raised(20), lowered(30, "a")];
        assert_eq!(parted(&past, &past), None, "they never parted");
        assert_eq!(parted(&past, &[lowered(5, "a")]), Some(20));
        assert_eq!(parted(&past, &[lowered(10, "a"), raised(20), lowered(25, "a")]), None, "no raise after it");
    }

    #[test]
    fn outputs_between_two_modes_are_counted_by_the_steps_of_both() {
        let history =
            |changes: &[Change]| History { changes: changes.to_vec(), ..History::new(Time(0), Mode::Automate, 0) };
        let (early, late) = (history(&[lowered(5, "a"), raised(20)]), history(&[lowered(10, "a")]));
        // The output that completes the evidence itself ran in the mode before.
        assert_eq!(apart(&late, &early, 30), (5, 10));
        assert_eq!(apart(&early, &late, 30), (10, 5));
        assert_eq!(early.outputs(30), PerMode { automate: 15, assist: 15, ..PerMode::default() });
        assert_eq!(early.time_ms(Time(30 * Time::MINUTE)).assist, 15 * Time::MINUTE);
    }
}

//! The report, put together.
//!
//! Owns the order of its parts. It is handed everything: the same sources give the same report.

use super::aftermath;
use super::caps::{held_by, lines};
use super::council::{actions, budget, settle};
use super::decisions::{decisions, is_demotion};
use super::document::{AsOf, Move, Place, Report, SCHEMA, Scope};
use super::document_week::WorkflowWeek;
use super::fold::Fold;
use super::gaps::gaps;
use super::headline::{are_whole, headline};
use super::moves::{Entries, drills, incidents, lab, moves};
use super::quality::{Quality, Refused, quality};
use super::state::{Known, State};
use super::week::{DAYS, Week};
use super::workflow_week::{declared, place, workflow_week};
use crate::domain::{Mode, Signal, Time, What, WorkflowId};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// What a report is made of.
#[derive(Debug)]
pub struct Sources<'s> {
    /// The week.
    pub week: Week,
    /// The time zone of its days, and its name.
    pub zone: &'s TimeZone,
    /// As above.
    pub zone_name: &'s str,
    /// Of whom it speaks.
    pub scope: Scope,
    /// Outputs and verdicts of the week and of the one before.
    pub fold: &'s Fold,
    /// What the monitor knew.
    pub state: &'s State,
    /// The ledger from the beginning of the week on.
    pub entries: Entries<'s>,
    /// The last entry of the ledger.
    pub ledger_seq: u64,
    /// What was refused of late.
    pub refused: &'s Refused,
    /// The first record of the journal that is kept is later than the week before began.
    pub is_cut: bool,
    /// Whether the week is over.
    pub is_over: bool,
    /// Whether what the monitor knows is of this week, and not of one long after it.
    pub is_current: bool,
}

impl Scope {
    /// Whether a workflow belongs to it.
    pub fn covers(&self, id: &WorkflowId, owner: &str) -> bool {
        match self {
            Self::Fleet => true,
            Self::Team { owner: of } => of == owner,
            Self::Workflow { workflow } => workflow == id.as_str(),
        }
    }
}

/// The report; `None` for a week outside of the calendar.
pub fn build(sources: &Sources<'_>) -> Option<Report> {
    let days = sources.week.days(sources.zone)?;
    let (from, until) = (days[0], days[DAYS]);
    let before = sources.week.plus(-1);
    let (journal_seq, time) = sources.fold.as_of();
    let covered: BTreeMap<&WorkflowId, &Known> = covered(sources);
    let ids: BTreeSet<&str> = covered.keys().map(|id| id.as_str()).collect();
    let is_fleet = sources.scope == Scope::Fleet;
    // Looks at each verdict, so it is asked once.
    let asks_earlier = sources.fold.asks_earlier(sources.week);
    let all_moves = moved(sources, &covered, until, asks_earlier);
    let (matrix, workflows) = weeks(sources, &covered, (from, until), asks_earlier);
    let in_week: Vec<_> = sources.entries.iter().filter(|(_, entry)| entry.time < until).cloned().collect();
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        week: sources.week.to_string(),
        from,
        until,
        time_zone: sources.zone_name.to_owned(),
        dates: before.map(Week::dates).unwrap_or_default().into_iter().chain(sources.week.dates()).collect(),
        scope: sources.scope.clone(),
        is_provisional: !sources.is_over,
        as_of: AsOf { journal_seq, ledger_seq: sources.ledger_seq, time, policy: sources.state.policy.clone() },
        headline: Vec::new(),
        decisions: Vec::new(),
        matrix,
        actions: actions(sources, &covered, until),
        budget: budget(sources.state, &covered, all_moves.iter().filter(|one| is_demotion(one)).count() as u64),
        moves: all_moves,
        caps: lines(sources.entries, &ids, until),
        incidents: opened(sources, &covered, from, until),
        base: match is_fleet {
            _ if !sources.is_current => Vec::new(),
            true => sources.state.base.clone(),
            false => base_of(sources.state, &covered),
        },
        drills: if is_fleet { drills(&in_week) } else { Vec::new() },
        lab: lab(&in_week).into_iter().filter(|line| ids.contains(line.workflow.as_str())).collect(),
        lab_kpis: sources.state.lab.clone().filter(|_| sources.is_current),
        gaps: Vec::new(),
        quality: Quality::default(),
        workflows,
    };
    // Sums of a part of a week are held against nothing.
    if !are_whole(sources) {
        let measures = report.workflows.iter_mut().flat_map(|week| &mut week.measures);
        measures.filter(|one| one.name == "outputs").for_each(|one| one.change = None);
    }
    conclude(&mut report, sources, &covered);
    Some(report)
}

/// Where each workflow stands, and its week.
fn weeks(
    sources: &Sources<'_>,
    covered: &BTreeMap<&WorkflowId, &Known>,
    (from, until): (Time, Time),
    asks_earlier: bool,
) -> (Vec<Place>, Vec<WorkflowWeek>) {
    let before = sources.week.plus(-1);
    let of = |id: &WorkflowId, week: Option<Week>| week.and_then(|week| sources.fold.of(id, week));
    let mut matrix = Vec::new();
    let mut workflows = Vec::new();
    for (id, known) in covered {
        let (week, before) = (of(id, Some(sources.week)), of(id, before));
        let at_end = mode_at(sources.entries, id, until, known.view.mode.granted);
        let was = mode_at(sources.entries, id, from, at_end);
        let mode_before = (known.view.adopted_at < from).then_some(was);
        let is_watched = sources.is_current && known.removed_at.is_none();
        let held_by = held_by(known, sources.entries, id, at_end, until).filter(|_| is_watched);
        let layers = is_watched.then_some(sources.state);
        matrix.push(Place { mode_before, held_by, ..place(known, layers, week, at_end) });
        workflows.push(workflow_week(
            known,
            (week, before),
            sources.fold.origins(id, asks_earlier),
            at_end,
            is_watched,
        ));
    }
    (matrix, workflows)
}

/// What moved modes of the covered workflows, with how these did before and since.
fn moved(sources: &Sources<'_>, covered: &BTreeMap<&WorkflowId, &Known>, until: Time, asks_earlier: bool) -> Vec<Move> {
    let own: BTreeMap<&str, (&WorkflowId, &Known)> =
        covered.iter().map(|(id, known)| (id.as_str(), (*id, *known))).collect();
    let mut all = moves(sources.entries, until);
    all.retain(|one| own.contains_key(one.workflow.as_str()));
    let ends: Vec<Option<Time>> = all.iter().map(|one| changed_otherwise(&all, one)).collect();
    for (one, until) in all.iter_mut().zip(ends) {
        let known = own.get(one.workflow.as_str());
        let Some((&(id, known), guard)) = known.zip(one.guard.as_ref()) else { continue };
        let signal = declared(&known.policy, guard).filter(|own| Some(own.name()) == one.signal.as_deref());
        one.of = signal.map(Signal::of);
        if let Some(signal) = signal {
            let weeks = [Some(sources.week), sources.week.plus(-1)];
            let weeks = weeks.map(|week| week.and_then(|week| sources.fold.of(id, week)));
            let origins = sources.fold.origins(id, asks_earlier);
            aftermath::count(one, signal, weeks, origins, until);
            // Of what was there before, or is no longer held, nobody knows how it began.
            let is_whole = sources
                .week
                .plus(-1)
                .and_then(|week| week.days(sources.zone))
                .is_some_and(|days| known.view.adopted_at >= days[0] && !sources.is_cut);
            one.is_from_first &= is_whole;
        }
    }
    all
}

/// When the mode of a demoted workflow changed next, otherwise than by a guard.
fn changed_otherwise(all: &[Move], demotion: &Move) -> Option<Time> {
    let next = all.iter().filter(|one| one.workflow == demotion.workflow && one.to != one.from && !is_demotion(one));
    next.map(|one| one.time).find(|time| *time > demotion.time)
}

/// What follows from the rest: the decisions, what isn't known, and the headline.
fn conclude(report: &mut Report, sources: &Sources<'_>, covered: &BTreeMap<&WorkflowId, &Known>) {
    let (asked, left_out) = settle(decisions(report), sources, covered, &report.workflows);
    report.decisions = asked;
    report.quality = quality(report, sources);
    report.gaps = gaps(report, sources, left_out);
    report.headline = headline(report, sources, covered);
    sort(report);
}

fn covered<'s>(sources: &Sources<'s>) -> BTreeMap<&'s WorkflowId, &'s Known> {
    let until = sources.week.days(sources.zone).map(|days| days[DAYS]);
    let was_there = |known: &Known| until.is_none_or(|until| known.view.adopted_at < until);
    // Whose the removed ones were nobody knows.
    let is_known = |known: &Known| known.removed_at.is_none() || !matches!(sources.scope, Scope::Team { .. });
    let covers = |id: &WorkflowId, known: &Known| sources.scope.covers(id, &known.policy.owner) && is_known(known);
    let all = sources.state.workflows.iter();
    all.filter(|(id, known)| covers(id, known) && was_there(known)).collect()
}

/// The granted mode of a workflow at a time, by the changes since; `now` where there was none.
fn mode_at(entries: Entries<'_>, id: &WorkflowId, time: Time, now: Mode) -> Mode {
    let since = entries.iter().filter(|(_, entry)| entry.time >= time && entry.workflow.as_ref() == Some(id));
    let mut changes = since.filter_map(|(_, entry)| match &entry.what {
        What::ModeChanged { from, .. } => Some(*from),
        _ => None,
    });
    changes.next().unwrap_or(now)
}

/// Incidents of the covered workflows, and for the whole fleet those of the house.
fn opened(
    sources: &Sources<'_>,
    covered: &BTreeMap<&WorkflowId, &Known>,
    from: Time,
    until: Time,
) -> Vec<super::document::IncidentLine> {
    let is_fleet = sources.scope == Scope::Fleet;
    let of_house = sources.state.incidents.iter().filter(|_| is_fleet);
    let known = covered.values().flat_map(|known| &known.incidents).chain(of_house);
    let mut lines = incidents(known, sources.entries, from, until);
    let is_covered = |id: &str| covered.keys().any(|own| own.as_str() == id);
    lines.retain(|line| line.workflow.as_deref().map_or(is_fleet, is_covered));
    lines
}

fn base_of(state: &State, covered: &BTreeMap<&WorkflowId, &Known>) -> Vec<super::document::BaseLine> {
    let stands = |item: &String| covered.values().any(|known| known.policy.base.contains(item));
    state.base.iter().filter(|line| stands(&line.item)).cloned().collect()
}

/// The workflows that decisions are about come first, in the order of these; then those with more exceptions.
fn sort(report: &mut Report) {
    let rank: BTreeMap<String, usize> = report
        .decisions
        .iter()
        .enumerate()
        .rev()
        .filter_map(|(at, decision)| Some((decision.workflow.clone()?, at)))
        .collect();
    let at = |id: &str| rank.get(id).copied().unwrap_or(usize::MAX);
    let exceptions = |week: &WorkflowWeek| week.exceptions.iter().map(|kind| kind.week).sum::<u64>();
    report.workflows.sort_by(|a, b| {
        (at(&a.workflow), std::cmp::Reverse(exceptions(a)), &a.workflow).cmp(&(
            at(&b.workflow),
            std::cmp::Reverse(exceptions(b)),
            &b.workflow,
        ))
    });
}

/// From when on the journal is needed: the week before.
pub fn needed_from(week: Week, zone: &TimeZone) -> Option<Time> {
    Some(week.plus(-1)?.days(zone)?[0])
}

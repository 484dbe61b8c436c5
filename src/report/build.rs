//! The report, put together.
//!
//! Owns the order of its parts, its headline, and what it says that it doesn't know. It is handed everything: the
//! same sources give the same report.

use super::aftermath;
use super::caps::{held_by, lines};
use super::council::{actions, budget, overdue, settle};
use super::decisions::{compared, decisions, is_demotion};
use super::document::{AsOf, Place, Report, SCHEMA, Scope};
use super::document_week::{Disparity, WorkflowWeek};
use super::fold::Fold;
use super::gaps::{cut_at, gaps};
use super::mean::clear_among;
use super::measure::Measure;
use super::moves::{Entries, drills, incidents, lab, moves};
use super::quality::{Quality, Refused, quality};
use super::state::{Known, State};
use super::tally::Tally;
use super::week::{DAYS, Week};
use super::words::{count, many, money, named, percent, rejected_of, relative, verdicts as said, week_and_before};
use super::workflow_week::{declared, place, workflow_week};
use crate::domain::{Mode, Signal, Time, What, WorkflowId};
use crate::stats::number::number;
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
    let mut all_moves = moves(sources.entries, until);
    all_moves.retain(|one| ids.contains(one.workflow.as_str()));
    let of = |id: &WorkflowId, week: Option<Week>| week.and_then(|week| sources.fold.of(id, week));
    for one in &mut all_moves {
        let known = covered.iter().find(|(id, _)| id.as_str() == one.workflow);
        let Some(((id, known), guard)) = known.zip(one.guard.as_ref()) else { continue };
        let signal = declared(&known.policy, guard).filter(|own| Some(own.name()) == one.signal.as_deref());
        one.of = signal.map(Signal::of);
        if let Some(signal) = signal {
            aftermath::count(one, signal, [of(id, Some(sources.week)), of(id, before)]);
        }
    }
    let mut matrix = Vec::new();
    let mut workflows = Vec::new();
    for (id, known) in &covered {
        let (week, before) = (of(id, Some(sources.week)), of(id, before));
        let at_end = mode_at(sources.entries, id, until, known.view.mode.granted);
        let was = mode_at(sources.entries, id, from, at_end);
        let mode_before = (known.view.adopted_at < from).then_some(was);
        let is_watched = sources.is_current && known.removed_at.is_none();
        let held_by = held_by(known, sources.entries, id, at_end, until).filter(|_| is_watched);
        let layers = is_watched.then_some(sources.state);
        matrix.push(Place { mode_before, held_by, ..place(known, layers, week, at_end) });
        workflows.push(workflow_week(known, (week, before), sources.fold.origins(id), at_end, is_watched));
    }
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
    if !are_whole(sources) {
        let measures = report.workflows.iter_mut().flat_map(|week| &mut week.measures);
        measures.filter(|one| one.name == "outputs").for_each(|one| one.change = None);
    }
    conclude(&mut report, sources, &covered);
    Some(report)
}

/// What follows from the rest: the decisions, what isn't known, and the headline.
fn conclude(report: &mut Report, sources: &Sources<'_>, covered: &BTreeMap<&WorkflowId, &Known>) {
    let (asked, left_out) = settle(decisions(report), sources, covered);
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

fn headline(report: &Report, sources: &Sources<'_>, covered: &BTreeMap<&WorkflowId, &Known>) -> Vec<String> {
    let counted = std::iter::once(cost(sources, covered))
        .chain(verdicts(report, sources, covered))
        .chain([false, true].into_iter().filter_map(|better| changed(report, better)));
    let said = [moved(report), counted.collect::<Vec<_>>().join(" "), asked(report, sources.is_current)];
    said.into_iter().chain(overdue(&report.actions)).collect()
}

/// What people said of outputs: a workflow that calls all of its outputs good may still be rejected.
fn verdicts(report: &Report, sources: &Sources<'_>, covered: &BTreeMap<&WorkflowId, &Known>) -> Option<String> {
    let of = |week: Option<Week>| {
        let tallies = covered.keys().filter_map(|id| week.and_then(|week| sources.fold.of(id, week)));
        tallies.fold((0, 0), |(rejected, all), tally| {
            (rejected + tally.verdicts[2], all + tally.verdicts.iter().sum::<u64>())
        })
    };
    let share = |(rejected, all): (u64, u64)| percent(number(rejected) / number(all.max(1)));
    let (week, before) = (of(Some(sources.week)), of(sources.week.plus(-1)));
    let than = if before.1 > 0 { format!(" ({} the week before)", share(before)) } else { String::new() };
    let mostly = report.workflows.iter().filter_map(|one| Some((&one.workflow, one.rejections.clear()?)));
    let excess = |group: &Disparity| (group.ratio - group.ratio_of_others) * number(group.outputs);
    let mostly = mostly.max_by(|a, b| excess(a.1).total_cmp(&excess(b.1)).then_with(|| b.0.cmp(a.0)));
    let mostly = mostly
        .map(|(of, group)| format!(", clearly more of {} in {of} ({})", group.group, rejected_of(group)))
        .unwrap_or_default();
    (week.1 > 0).then(|| format!("Of {} {} rejected{than}{mostly}.", said(week.1), share(week)))
}

/// What got worse or better, clearly also among as many comparisons as there are: of each workflow the clearest, whether or not a
/// guard saw it.
fn changed(report: &Report, better: bool) -> Option<String> {
    const NAMED_MAX: usize = 3;
    let comparisons: usize = report.workflows.iter().map(|week| compared(week).count()).sum();
    let clear = clear_among(comparisons.max(1) as u64);
    let mut found: Vec<(usize, f64, String)> = Vec::new();
    for week in &report.workflows {
        let such =
            |better: bool| compared(week).filter(move |(_, by, is_better)| *is_better == Some(better) && *by > clear);
        // Quality first: what became cheap because it broke is no news of its cost.
        let first = such(better).min_by(|a, b| rank(a.0).cmp(&rank(b.0)).then(b.1.total_cmp(&a.1)));
        let Some((one, by, _)) = first else { continue };
        if better && such(false).any(|(other, ..)| rank(other) < rank(one)) {
            continue;
        }
        let said = week_and_before(one).unwrap_or_default();
        found.push((rank(one), by, format!("{}, {} {said}", week.workflow, one.title.to_lowercase())));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then_with(|| a.2.cmp(&b.2)));
    let more = match found.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!("; and {}", many(more, "more workflow")),
    };
    let named: Vec<String> = found.into_iter().take(NAMED_MAX).map(|(.., said)| said).collect();
    let way = if better { "better" } else { "worse" };
    (!named.is_empty()).then(|| format!("Clearly {way}: {}{more}.", named.join("; ")))
}

/// What matters first: whether outputs are good, then how long they take, then what they cost.
fn rank(measure: &Measure) -> usize {
    match measure.name.as_str() {
        "exception_ratio" | "rejected_ratio" | "sla_ratio" => 0,
        name if name.starts_with("latency") || name.starts_with("cycle") => 1,
        _ => 2,
    }
}

fn moved(report: &Report) -> String {
    let ends = |up: bool| -> BTreeMap<&str, (Mode, Mode)> {
        let mut ends: BTreeMap<&str, (Mode, Mode)> = BTreeMap::new();
        for one in &report.moves {
            ends.entry(&one.workflow).and_modify(|ends| ends.1 = one.to).or_insert((one.from, one.to));
        }
        ends.retain(|_, (from, to)| if up { to > from } else { to < from });
        ends
    };
    let (down, up) = (ends(false), ends(true));
    let say = |ends: &BTreeMap<&str, (Mode, Mode)>, way: &str| {
        let each: Vec<String> = ends.iter().map(|(id, (from, to))| format!("{id} from {from} to {to}")).collect();
        let each: Vec<&str> = each.iter().map(String::as_str).collect();
        format!(
            "{} {way} ({})",
            if ends.len() == 1 { "1 was".to_owned() } else { format!("{} were", ends.len()) },
            named(&each)
        )
    };
    let of = many(report.matrix.len(), "workflow");
    let moved = match (down.is_empty(), up.is_empty()) {
        (true, true) if report.matrix.is_empty() => "There is no workflow yet.".to_owned(),
        (true, true) => format!("No mode of {of} ended the week lower or higher than it began."),
        (false, true) => format!("Of {of}, {}.", say(&down, "lowered")),
        (true, false) => format!("Of {of}, {}.", say(&up, "raised")),
        (false, false) => format!("Of {of}, {}; {}.", say(&down, "lowered"), say(&up, "raised")),
    };
    std::iter::once(moved).chain(held(report)).collect::<Vec<_>>().join(" ")
}

/// What is kept below its granted mode.
fn held(report: &Report) -> Option<String> {
    let held = report.matrix.iter().filter_map(|place| Some((place, place.held_by.as_ref()?)));
    let held: Vec<String> = held.map(|(place, by)| format!("{} at {} by {}", place.workflow, by.mode, by.by)).collect();
    let are = if held.len() == 1 { "is" } else { "are" };
    let names: Vec<&str> = held.iter().map(String::as_str).collect();
    (!held.is_empty()).then(|| format!("{} {are} kept below the granted mode ({}).", held.len(), named(&names)))
}

/// Whether sums of this week and of the one before may be held against each other: both are over, and recorded whole.
fn are_whole(sources: &Sources<'_>) -> bool {
    let weeks = [Some(sources.week), sources.week.plus(-1)];
    let is_whole = |week: Option<Week>| week.is_some_and(|week| sources.fold.runs(week).is_whole());
    sources.is_over && !sources.is_cut && weeks.into_iter().all(is_whole)
}

fn cost(sources: &Sources<'_>, covered: &BTreeMap<&WorkflowId, &Known>) -> String {
    #[derive(Default)]
    struct Sum {
        outputs: u64,
        exceptions: u64,
        cost: BTreeMap<String, f64>,
        minutes: f64,
    }
    let sum = |week: Option<Week>| {
        let mut sum = Sum::default();
        for (id, known) in covered {
            let Some(counts) = week.and_then(|week| sources.fold.of(id, week)).map(Tally::counts) else { continue };
            (sum.outputs, sum.exceptions) = (sum.outputs + counts.outputs, sum.exceptions + counts.exceptions);
            sum.minutes += counts.reviews().minutes;
            if counts.cost_outputs > 0 {
                *sum.cost.entry(known.policy.currency.clone()).or_default() += counts.cost.to_f64();
            }
        }
        sum
    };
    let (week, before) = (sum(Some(sources.week)), sum(sources.week.plus(-1)));
    if week.outputs == 0
        && cut_at(sources).is_some_and(|at| sources.week.days(sources.zone).is_some_and(|days| at > days[0]))
    {
        return "The journal no longer holds this week's outputs.".to_owned();
    }
    if week.outputs == 0 {
        return "No output came this week: it says nothing about quality, and cost is not known.".to_owned();
    }
    let ratio = |sum: &Sum| number(sum.exceptions) / number(sum.outputs.max(1));
    let than =
        if before.outputs > 0 { format!(" ({} the week before)", percent(ratio(&before))) } else { String::new() };
    let mut text = format!("{} outputs, {} of them exceptions{than}", count(week.outputs), percent(ratio(&week)));
    let money: Vec<String> = week
        .cost
        .iter()
        .map(|(currency, amount)| {
            let other = before.cost.get(currency).filter(|other| **other > 0.0 && are_whole(sources));
            let lift = other.map(|other| format!(" ({})", relative((amount - other) / other))).unwrap_or_default();
            format!("{}{lift}", money(*amount, currency))
        })
        .collect();
    if !money.is_empty() {
        text = format!("{text}, cost {}", money.join(" and "));
    }
    if week.minutes > 0.0 {
        text = format!("{text}; people reviewed for {:.1} hours", week.minutes / 60.0);
    }
    format!("{text}.")
}

fn asked(report: &Report, is_current: bool) -> String {
    let open: Vec<_> = report.decisions.iter().filter(|one| one.answer.is_none()).collect();
    match open.as_slice() {
        [] if !report.decisions.is_empty() => "Every question is answered.".to_owned(),
        [] if !is_current => "What needs a decision now stands in the report of the running week.".to_owned(),
        [] => "Nothing needs a decision.".to_owned(),
        [one] => format!("One decision is asked: {}", one.question),
        [first, ..] => format!("{} are asked; the first: {}", many(open.len(), "decision"), first.question),
    }
}

/// From when on the journal is needed: the week before.
pub fn needed_from(week: Week, zone: &TimeZone) -> Option<Time> {
    Some(week.plus(-1)?.days(zone)?[0])
}

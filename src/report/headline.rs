//! The sentences on top of a report.
//!
//! Owns what is worth saying first, and in which order. It knows no number that doesn't stand below.

use super::build::Sources;
use super::council::overdue;
use super::decisions::{clear_of, compared};
use super::document::Report;
use super::document_week::{Disparity, WorkflowWeek};
use super::gaps::cut_at;
use super::measure::Measure;
use super::phrases::exceptions_went;
use super::state::Known;
use super::stretch::Stretch;
use super::tally::Tally;
use super::together::together;
use super::week::Week;
use super::words::{
    count, many, money, named, percent, rejected_of, relative, span, verdicts as said, week_and_before,
};
use crate::domain::{Mode, WorkflowId};
use crate::stats::number::number;
use std::collections::BTreeMap;

/// The first sentences: what moved, what it cost and what people said of it, what needs a decision, what is overdue.
pub(super) fn headline(report: &Report, sources: &Sources<'_>, covered: &BTreeMap<&WorkflowId, &Known>) -> Vec<String> {
    let counted = std::iter::once(cost(sources, covered))
        .chain(verdicts(report, sources, covered))
        .chain([false, true].into_iter().filter_map(|better| changed(report, better)))
        .chain(within(report))
        .chain(together(report, covered.keys().filter_map(|id| sources.fold.of(id, sources.week))));
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
    let bursts = report.workflows.iter().filter_map(|one| Some((&one.workflow, one.rejections.burst.as_ref()?)));
    let at_once = bursts.max_by(|a, b| a.1.rejected.cmp(&b.1.rejected).then_with(|| b.0.cmp(a.0)));
    let at_once = at_once.map(|(of, burst)| {
        let [first, last] = burst.between;
        let (rejected, all) = (count(burst.rejected), count(burst.of));
        format!(" {rejected} of the {all} rejected outputs of {of} were rejected within {}.", span(last.since(first)))
    });
    let at_once = at_once.unwrap_or_default();
    (week.1 > 0).then(|| format!("Of {} {} rejected{than}{mostly}.{at_once}", said(week.1), share(week)))
}

/// What got worse or better, clearly also among as many comparisons as there are: of each workflow the clearest, whether or not a
/// guard saw it.
fn changed(report: &Report, better: bool) -> Option<String> {
    const NAMED_MAX: usize = 3;
    /// Of many outputs a few milliseconds are clear, and no news.
    const RELATIVE_MIN: f64 = 0.05;
    let clear = clear_of(&report.workflows);
    let mut found: Vec<(usize, f64, String)> = Vec::new();
    for week in &report.workflows {
        let such =
            |better: bool| compared(week).filter(move |(_, by, is_better)| *is_better == Some(better) && *by > clear);
        let is_news = |(one, ..): &(&Measure, f64, _)| {
            let relative = one.change.and_then(|change| change.relative);
            rank(one) == 0 || relative.is_none_or(|relative| relative.abs() >= RELATIVE_MIN)
        };
        // Quality first: what became cheap because it broke is no news of its cost.
        // Of times the one that changed most: of a slow twentieth the median knows little, and of many outputs little is
        // clear.
        let far = |one: &Measure, by: f64| match (rank(one), one.change.and_then(|change| change.relative)) {
            (1, Some(relative)) => relative.abs(),
            _ => by,
        };
        let order = |a: &(&Measure, f64, _), b: &(&Measure, f64, _)| {
            rank(a.0).cmp(&rank(b.0)).then(far(b.0, b.1).total_cmp(&far(a.0, a.1)))
        };
        let first = such(better).filter(is_news).min_by(order);
        let Some((one, by, _)) = first else { continue };
        if better && such(false).any(|(other, ..)| rank(other) < rank(one)) {
            continue;
        }
        let said = week_and_before(one).unwrap_or_default();
        found.push((rank(one), far(one, by), format!("{}, {} {said}", week.workflow, one.title.to_lowercase())));
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

/// What changed within the week, the largest steps first.
fn within(report: &Report) -> Option<String> {
    const NAMED_MAX: usize = 3;
    let step = |pair: &[Stretch]| (pair[1].level - pair[0].level).abs();
    let largest = |of: &[Stretch]| of.windows(2).map(step).max_by(f64::total_cmp);
    let is_within = |week: &&WorkflowWeek| week.stretches.first().is_some_and(|first| first.from >= report.from);
    let steps = report.workflows.iter().filter(is_within);
    let steps = steps.filter_map(|week| Some((largest(&week.stretches)?, week)));
    let mut steps: Vec<(f64, &WorkflowWeek)> = steps.collect();
    steps.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.workflow.cmp(&b.1.workflow)));
    let more = steps.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!("; and {}", many(more, "more workflow")) } else { String::new() };
    let named = steps.iter().take(NAMED_MAX);
    let named: Vec<String> =
        named.map(|(_, week)| format!("{}, exceptions {}", week.workflow, exceptions_went(week))).collect();
    (!named.is_empty()).then(|| format!("Within the week: {}{more}.", named.join("; ")))
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
pub(super) fn are_whole(sources: &Sources<'_>) -> bool {
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

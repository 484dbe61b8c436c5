//! One workflow's week, put together from its tallies and from what the monitor knew.
//!
//! Owns which numbers go together. Words for the council are `decisions`'.

use super::document::{Layer, Place, Witness};
use super::document_week::{GateLine, GuardBaseline, GuardLine, KindLine, ReviewLine, WorkflowWeek};
use super::groups::{disparities, rejections};
use super::measure::{apart, interval, measures};
use super::origins::Origins;
use super::shift::shifts;
use super::state::{Known, State};
use super::stretch;
use super::tally::{Example, Tally};
use crate::domain::{Mode, Signal, Standing, Track, WorkflowPolicy};
use crate::monitor::kpi::Counts;
use crate::stats::agreement::agreement;
use crate::stats::number::number;
use std::collections::BTreeMap;

/// Kinds of exceptions that are shown.
const KINDS_MAX: usize = 12;

/// A workflow's week.
pub(super) fn workflow_week(
    known: &Known,
    (week, before): (Option<&Tally>, Option<&Tally>),
    origins: [Option<&Origins>; 2],
    mode: Mode,
    is_current: bool,
) -> WorkflowWeek {
    let policy = &known.policy;
    WorkflowWeek {
        workflow: known.view.id.to_string(),
        owner: policy.owner.clone(),
        unit: policy.unit.clone(),
        mode,
        measures: measures(policy, week, before),
        reference_source: policy.reference.source.clone(),
        exceptions: kinds(week, before),
        stretches: week.map(|week| stretch::exceptions(week, before)).unwrap_or_default(),
        is_sampled: [week, before].into_iter().flatten().any(|tally| tally.sample.is_part()),
        shifts: week.zip(before).map(|(week, before)| shifts(week, before)).unwrap_or_default(),
        guards: known.view.guards.iter().filter(|_| is_current).map(|of| guard(of, policy)).collect(),
        disparities: week.map(disparities).unwrap_or_default(),
        reviews: reviews(known, week, is_current),
        rejections: week.map(|week| rejections(week, origins)).unwrap_or_default(),
        gate: known.gate.as_ref().filter(|_| is_current).map(gate),
        versions: week.map(versions).unwrap_or_default(),
        late: week.map_or(0, |week| week.late),
        removed_at: known.removed_at,
    }
}

fn versions(week: &Tally) -> BTreeMap<String, u64> {
    week.versions.iter().map(|(version, seen)| (version.clone(), seen.outputs)).collect()
}

fn by_name(tally: &Tally, counts: &Counts) -> BTreeMap<String, u64> {
    let mut named: BTreeMap<String, u64> = BTreeMap::new();
    for (kind, count) in &counts.kinds {
        *named.entry(tally.kinds.name(*kind).to_owned()).or_default() += count;
    }
    named
}

fn kinds(week: Option<&Tally>, before: Option<&Tally>) -> Vec<KindLine> {
    let counted = |tally: Option<&Tally>| {
        let Some(tally) = tally else { return (BTreeMap::new(), 0) };
        let counts = tally.counts();
        (by_name(tally, &counts), counts.outputs)
    };
    let ((now, n), (was, m)) = (counted(week), counted(before));
    let mut examples: BTreeMap<&str, Vec<&Example>> = week.map(|week| week.examples().collect()).unwrap_or_default();
    let names: std::collections::BTreeSet<&String> = now.keys().chain(was.keys()).collect();
    let line = |name: &String| {
        let (count, earlier) = (now.get(name).copied().unwrap_or(0), was.get(name).copied().unwrap_or(0));
        let ratio = |count: u64, of: u64| (of > 0).then(|| number(count) / number(of));
        let (p, q) = (ratio(count, n), ratio(earlier, m));
        KindLine {
            kind: name.clone(),
            week: count,
            before: earlier,
            ratio: p,
            ratio_before: q,
            is_clear: p.zip(q).map(|(p, q)| apart((p, n), (q, m))),
            witnesses: examples.remove(name.as_str()).unwrap_or_default().into_iter().map(witness).collect(),
        }
    };
    let mut lines: Vec<KindLine> = names.into_iter().map(line).collect();
    lines.sort_by(|a, b| (b.week, b.before).cmp(&(a.week, a.before)).then_with(|| a.kind.cmp(&b.kind)));
    lines.truncate(KINDS_MAX);
    lines
}

/// The signal of a guard, as it is declared.
pub(super) fn declared<'p>(policy: &'p WorkflowPolicy, guard: &str) -> Option<&'p Signal> {
    policy.guards.iter().find(|own| own.name == guard).map(|own| &own.signal)
}

fn witness(example: &Example) -> Witness {
    Witness { output: example.output.clone(), time: example.time, trace_id: example.trace_id.clone() }
}

fn guard(of: &crate::monitor::GuardView, policy: &WorkflowPolicy) -> GuardLine {
    GuardLine {
        guard: of.name.clone(),
        signal: of.signal.clone(),
        of: declared(policy, &of.name).map(Signal::of).unwrap_or_default(),
        state: of.state.name().to_owned(),
        estimate: of.estimate,
        bound: of.bound,
        evidence: of.evidence,
        baseline: of.baseline.as_ref().filter(|baseline| baseline.pinned).map(|baseline| pinned(of, baseline)),
    }
}

fn pinned(of: &crate::monitor::GuardView, baseline: &crate::monitor::guard_view::BaselineView) -> GuardBaseline {
    let distances = of.distances.as_ref();
    let total_variation = distances.map(|distances| distances.binned.total_variation);
    GuardBaseline {
        version: baseline.version,
        source: baseline.source.clone(),
        outputs: baseline.outputs,
        from: baseline.from,
        to: baseline.to,
        distance: total_variation.map(|distance| distance.value),
        no_drift: total_variation.map(|distance| distance.no_drift.limit),
        recent: distances.map(|distances| distances.outputs),
    }
}

fn reviews(known: &Known, week: Option<&Tally>, is_current: bool) -> ReviewLine {
    let counts = week.map(Tally::counts).unwrap_or_default().reviews();
    let pairs = week.map(Tally::pairs).unwrap_or_default();
    let total: u64 = pairs.iter().flatten().map(|count| u64::from(*count)).sum();
    let agreed = agreement(&pairs);
    ReviewLine {
        verdicts: week.map_or([0; 3], |week| week.verdicts),
        awaited: is_current.then_some(known.reviews.awaited),
        overdue: is_current.then_some(known.reviews.overdue),
        minutes: (counts.timed > 0).then_some(counts.minutes),
        pairs: total,
        agreement: agreed.map(|agreed| agreed.observed),
        agreement_interval: agreed.map(|agreed| interval(agreed.observed, agreed.pairs)),
        alpha: agreed.and_then(|agreed| agreed.alpha),
    }
}

fn gate(of: &crate::domain::Gate) -> GateLine {
    let met = |requirement: &&crate::domain::Requirement| requirement.standing == Standing::Met;
    GateLine {
        to: of.to.to_string(),
        verdict: of.verdict,
        met: of.requirements.iter().filter(met).count() as u64,
        of: of.requirements.len() as u64,
        missing: of.requirements.iter().filter(|requirement| !met(requirement)).cloned().collect(),
    }
}

/// The row of the operating matrix; its layers are known of the present only.
pub(super) fn place(known: &Known, state: Option<&State>, week: Option<&Tally>, mode: Mode) -> Place {
    let unknown = || Layer { standing: Standing::Inconclusive, because: Vec::new() };
    let base = state.map_or_else(unknown, |state| base(known, state));
    let [builder, beneficiary] =
        [&known.builder, &known.beneficiary].map(|layer| state.map_or_else(unknown, |_| layer.clone()));
    let layers = [("base", &base), ("builder", &builder), ("beneficiary", &beneficiary)];
    let weakest = layers.into_iter().filter(|(_, layer)| state.is_some() && layer.standing != Standing::Met);
    let weakest =
        weakest.max_by_key(|(_, layer)| (layer.standing, layer.because.len())).map(|(name, _)| name.to_owned());
    let counts = week.map(Tally::counts).unwrap_or_default();
    let currency = known.policy.currency.clone();
    let value = Some(counts.value.to_f64()).filter(|value| *value > 0.0);
    Place {
        workflow: known.view.id.to_string(),
        owner: known.policy.owner.clone(),
        track: if known.view.track == Track::Lab { "lab" } else { "factory" }.to_owned(),
        mode,
        mode_before: None,
        held_by: None,
        base,
        builder,
        beneficiary,
        weakest,
        value,
        cost: (counts.cost_outputs > 0).then(|| counts.cost.to_f64()),
        currency,
        outputs: counts.outputs,
        removed_at: known.removed_at,
    }
}

/// What a workflow stands on: regressions are missing, audits that are due are not looked at.
fn base(known: &Known, state: &State) -> Layer {
    if known.removed_at.is_some() {
        return known.builder.clone();
    }
    let mut layer = Layer { standing: Standing::Met, because: Vec::new() };
    for item in state.base.iter().filter(|line| known.policy.base.contains(&line.item)) {
        if item.is_regressed {
            layer.standing = Standing::Missing;
            layer.because.push(format!("{} has a regression that nobody resolved", item.item));
        } else if item.is_overdue {
            layer.standing = layer.standing.max(Standing::Inconclusive);
            layer.because.push(format!("the audit of {} is overdue", item.item));
        }
    }
    layer
}

//! What people and programs see of a guard.
//!
//! Owns the read model of guards, beside that of workflows (`view`). It decides nothing.

use super::evidence::OBSERVATIONS_NEEDED;
use super::guard::Guard;
use super::observe::{bound_x, from_x, is_share};
use super::plan::GuardPlan;
use super::workflow::Workflow;
use crate::domain::{BaselineSource, Mode, Signal, Time};
use crate::stats::baseline::{Bins, Reference};
use crate::stats::confidence::{outputs_needed, wilson_95};
use crate::stats::distance::{jensen_shannon, psi, total_variation};
use crate::stats::drift_report::{CountDistances, count_distances};
use crate::stats::quantile_sequence::quantile;
use crate::stats::sample::wasserstein_binned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Error probability of an interval that holds at every look.
const ALPHA: f64 = 0.05;
/// Quantile intervals are narrowest at about so many latencies.
const QUANTILE_N_TYPICAL: f64 = 10_000.0;

/// Where a guard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardState {
    /// Enough observations, no breach.
    Ok,
    /// Too few observations to show that the bound is kept; in assist, where none binds, also
    /// observations that would not keep to the next mode's bound.
    Inconclusive,
    /// It lowered the mode (or would have), and nothing was granted since.
    Breached,
    /// No observation yet.
    NoData,
    /// The last observation is older than the evidence may be.
    Stale,
}

impl GuardState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Inconclusive, Self::Breached, Self::NoData, Self::Stale];

    /// The word used in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Inconclusive => "inconclusive",
            Self::Breached => "breached",
            Self::NoData => "no_data",
            Self::Stale => "stale",
        }
    }
}

/// One guard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GuardView {
    /// Its name.
    pub name: String,
    /// Its signal.
    pub signal: String,
    /// Where it stands.
    pub state: GuardState,
    /// Mean of all observations since it started, in its unit; `null` without any.
    pub estimate: Option<f64>,
    /// 95 % interval of a share, valid for one look, not for watching.
    pub interval_one_look: Option<[f64; 2]>,
    /// The bound in the current mode; `null` where none binds.
    pub bound: Option<f64>,
    /// Bounds of all modes that have one.
    pub bounds: BTreeMap<Mode, f64>,
    /// Evidence against the current bound: log(1 + M) / log(1 + threshold). 0.4 is normal, 1 is a breach.
    pub evidence: Option<f64>,
    /// Observations since it started.
    pub n: u64,
    /// Observations that it takes to show that the bound is kept.
    pub needed: u64,
    /// Since when it watches.
    pub since: Time,
    /// Its last observation.
    pub last_at: Option<Time>,
    /// Its last breach.
    pub last_breach_at: Option<Time>,
    /// 95 % interval of the mean since the present epoch began, on means of blocks: it holds at every
    /// look. `null` in lists, without observations, and where the signal has no scale of its own.
    pub interval_anytime: Option<[f64; 2]>,
    /// What it has learned to be normal; `null` where its bound is declared.
    pub baseline: Option<BaselineView>,
    /// How far the outputs of late are from the baseline, for people; `null` in lists, and for other guards.
    pub distances: Option<DistancesView>,
}

/// What a guard has learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BaselineView {
    /// Counts the baselines of this guard; 0 before the first is pinned.
    pub version: u32,
    /// Whether it is pinned. Until then the guard judges nothing.
    pub pinned: bool,
    /// Outputs in it so far.
    pub outputs: u64,
    /// Outputs that it takes; `null` once it is pinned, and for a range of time.
    pub outputs_wanted: Option<u64>,
    /// `outputs`, `range` or the name of a file.
    pub source: String,
    /// Time of its first output.
    pub from: Option<Time>,
    /// Time of its last output.
    pub to: Option<Time>,
}

/// Distances of the outputs of late from a baseline, each with what no drift would give at these numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DistancesView {
    /// Outputs of late: the last 2,500 to 5,000.
    pub outputs: u64,
    /// Kolmogorov–Smirnov at the cuts of the baseline; `null` for categories.
    pub kolmogorov_smirnov: Option<f64>,
    /// Wasserstein-1 between the cuts, in the unit of the values; `null` for categories.
    pub wasserstein: Option<f64>,
    /// On the bins of the baseline.
    pub binned: CountDistances,
}

/// A quantile with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuantileView {
    /// Lower end, milliseconds; `null` where it can't be given yet.
    pub low_ms: Option<f64>,
    /// Upper end, milliseconds; `null` where it can't be given yet.
    pub high_ms: Option<f64>,
    /// Latencies since the epoch began.
    pub n: u64,
}

/// How much is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What metrics and lists show.
    Brief,
    /// Everything: intervals and distances cost tens of microseconds and more.
    Full,
}

impl Workflow {
    /// The guards, in the order of the policy.
    pub fn guard_views(&self, now: Time, detail: Detail) -> Vec<GuardView> {
        let guards = self.state.guards.with(&self.plan.guards);
        guards.map(|(plan, guard)| self.guard_view(plan, guard, now, detail)).collect()
    }

    fn guard_view(&self, plan: &GuardPlan, guard: &Guard, now: Time, detail: Detail) -> GuardView {
        let mode = self.state.granted;
        let bounds: BTreeMap<Mode, f64> =
            Mode::ALL.into_iter().filter_map(|mode| Some((mode, guard.bound(plan, mode)?))).collect();
        let bound = guard.bound(plan, mode);
        let tested = plan.binds(mode);
        // Where nothing binds (in assist), the nearest bound above is the one to show worthy of.
        let next = Mode::ALL.into_iter().filter(|above| *above >= mode).find_map(|above| guard.bets(plan, above));
        let needed = next.map_or_else(|| guard.needed(), |bets| outputs_needed(bets.bound()));
        let keeps = next.is_none_or(|bets| {
            guard.total.mean().is_none_or(|mean| bound_x(&plan.policy.signal, mean) <= bets.bound() || tested)
        });
        let share = is_share(&plan.policy.signal);
        let full = detail == Detail::Full;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of hits")]
        let hits = guard.total.numerator.round().max(0.0) as u64;
        GuardView {
            name: plan.policy.name.clone(),
            signal: plan.policy.signal.name().to_owned(),
            state: self.guard_state(plan, guard, (needed, keeps), now),
            estimate: guard.estimate(plan),
            interval_one_look: if share { wilson_95(hits, guard.total.n) } else { None },
            bound,
            bounds,
            evidence: guard.evidence(plan, mode).map(|(_, ratio)| ratio),
            n: guard.total.n,
            needed,
            since: guard.started_at,
            last_at: guard.last_at,
            last_breach_at: guard.last_breach.map(|breach| breach.time),
            interval_anytime: if full { guard.interval_anytime(plan) } else { None },
            baseline: baseline_view(plan, guard),
            distances: if full { distances(guard) } else { None },
        }
    }

    fn guard_state(&self, plan: &GuardPlan, guard: &Guard, (needed, keeps): (u64, bool), now: Time) -> GuardState {
        let valid_ms = self.plan.policy.evidence_valid_ms.unwrap_or(i64::MAX);
        // A breach stays in sight until people grant something again.
        let granted_at = self.state.governance.raised_at;
        if guard.last_breach.is_some_and(|breach| granted_at.is_none_or(|at| breach.time > at)) || guard.limit.tripped {
            return GuardState::Breached;
        }
        match guard.last_at {
            None => GuardState::NoData,
            // Nobody reports that nothing is wrong.
            Some(_) if matches!(plan.policy.signal, Signal::External { .. }) => GuardState::Ok,
            Some(last) if now.since(last) > valid_ms => GuardState::Stale,
            // Nothing is judged before it is known what is normal.
            Some(_) if guard.learns() => GuardState::Inconclusive,
            Some(_) if plan.policy.signal.is_statistical() && (guard.total.n < needed || !keeps) => {
                GuardState::Inconclusive
            }
            Some(_) => GuardState::Ok,
        }
    }

    /// Distances of the outputs of late from the baselines of drift guards: the guard, what it
    /// compares, the measure and its value.
    pub fn drift_distances(&self) -> Vec<(&str, String, &'static str, f64)> {
        let mut found = Vec::new();
        for (plan, guard) in self.state.guards.with(&self.plan.guards) {
            let Signal::Drift { of } = &plan.policy.signal else { continue };
            let Some((drift, worked)) = guard.watch.drift.as_ref().zip(guard.watch.drift_plan()) else { continue };
            let (reference, recent) = (&worked.reference, drift.recent());
            let (before, after) = (wide(&reference.counts), wide(&recent));
            let cuts = matches!(reference.bins, Bins::Cuts(_));
            let measures = [
                ("kolmogorov_smirnov", distance(reference, &recent).filter(|_| cuts)),
                ("total_variation", total_variation(&before, &after)),
                ("jensen_shannon", jensen_shannon(&before, &after)),
                ("psi", psi(&before, &after)),
            ];
            let measured = measures.into_iter().filter_map(|(measure, value)| Some((measure, value?)));
            found.extend(measured.map(|(measure, value)| (plan.policy.name.as_str(), of.name(), measure, value)));
        }
        found
    }

    /// Quantiles of the latency since the epoch began.
    pub(super) fn latency_anytime(&self) -> BTreeMap<String, QuantileView> {
        let mut histogram = crate::stats::latency::histogram::<u64>();
        self.state.epoch_latencies.add_to(&mut histogram);
        let n = histogram.len();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
        let ms = |us: Option<u64>| us.map(|us| us as f64 / 1_000.0);
        let interval = |(name, p): (&str, f64)| {
            let ends = quantile(n, p, ALPHA, QUANTILE_N_TYPICAL, histogram.max(), |us| histogram.count_between(0, us))?;
            Some((name.to_owned(), QuantileView { low_ms: ms(ends[0]), high_ms: ms(ends[1]), n }))
        };
        [("p50", 0.50), ("p95", 0.95), ("p99", 0.99)].into_iter().filter_map(interval).collect()
    }
}

impl Guard {
    /// The estimate that is shown: the mean of all observations, the distance of the outputs of late
    /// from the baseline, or the largest ratio between groups.
    pub(super) fn estimate(&self, plan: &GuardPlan) -> Option<f64> {
        match plan.policy.signal {
            Signal::Drift { .. } => {
                let drift = self.watch.drift.as_ref()?;
                let reference = &self.watch.drift_plan()?.reference;
                distance(reference, &drift.recent())
            }
            Signal::Disparity { .. } => self.watch.groups.as_ref()?.ratio(),
            _ => self.total.mean(),
        }
    }

    fn interval_anytime(&self, plan: &GuardPlan) -> Option<[f64; 2]> {
        let ends = self.sequence.interval(ALPHA)?;
        let [a, b] = [from_x(&plan.policy.signal, ends[0])?, from_x(&plan.policy.signal, ends[1])?];
        Some([a.min(b), a.max(b)])
    }

    fn needed(&self) -> u64 {
        if self.watch.drift.is_some() || self.watch.groups.is_some() { OBSERVATIONS_NEEDED } else { 1 }
    }
}

fn baseline_view(plan: &GuardPlan, guard: &Guard) -> Option<BaselineView> {
    let (baseline, policy) = (guard.watch.baseline.as_ref()?, plan.policy.baseline.as_ref()?);
    let learning = baseline.learning.as_ref();
    let wanted = learning.and_then(|sample| sample.wanted).or(match policy.source {
        BaselineSource::Outputs { count } => Some(count),
        _ => None,
    });
    let source = match &policy.source {
        BaselineSource::Outputs { .. } => "outputs",
        BaselineSource::Range { .. } => "range",
        BaselineSource::File { name, .. } => name,
    };
    let pinned = baseline.pinned.as_ref();
    let collected = learning.map_or(0, |sample| sample.len() as u64);
    Some(BaselineView {
        version: baseline.version,
        pinned: pinned.is_some(),
        outputs: pinned.map_or(collected, |pinned| pinned.reference.n()),
        outputs_wanted: wanted.filter(|_| pinned.is_none()).map(u64::from),
        source: pinned.map_or_else(|| source.to_owned(), |pinned| pinned.source.clone()),
        from: pinned.and_then(|pinned| pinned.from),
        to: pinned.and_then(|pinned| pinned.to),
    })
}

/// Kolmogorov–Smirnov at the cuts, or total variation of categories; `None` without outputs.
fn distance(reference: &Reference, recent: &[u32]) -> Option<f64> {
    let n: f64 = recent.iter().map(|count| f64::from(*count)).sum();
    if n <= 0.0 {
        return None;
    }
    let gaps = (0..reference.parts()).map(|part| (reference.of_part(recent, part) / n - reference.share(part)).abs());
    Some(match reference.bins {
        Bins::Cuts(_) => gaps.fold(0.0, f64::max),
        Bins::Names(_) => gaps.sum::<f64>() / 2.0,
    })
}

fn distances(guard: &Guard) -> Option<DistancesView> {
    let (drift, plan) = (guard.watch.drift.as_ref()?, guard.watch.drift_plan()?);
    let (reference, recent) = (&plan.reference, drift.recent());
    let real = |counts: &[u32]| counts.iter().map(|count| f64::from(*count)).collect::<Vec<f64>>();
    let wasserstein = match &reference.bins {
        Bins::Names(_) => None,
        Bins::Cuts(cuts) => {
            // Values above the last cut count as lying on it: they may lie anywhere.
            let mut support = cuts.clone();
            support.extend(cuts.last().map(|last| last.next_up()));
            wasserstein_binned(&support, &real(&reference.counts), &real(&recent))
        }
    };
    Some(DistancesView {
        outputs: recent.iter().map(|count| u64::from(*count)).sum(),
        kolmogorov_smirnov: distance(reference, &recent).filter(|_| matches!(reference.bins, Bins::Cuts(_))),
        wasserstein,
        binned: count_distances(&wide(&reference.counts), &wide(&recent))?,
    })
}

fn wide(counts: &[u32]) -> Vec<u64> {
    counts.iter().map(|count| u64::from(*count)).collect()
}

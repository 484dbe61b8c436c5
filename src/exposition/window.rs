//! KPIs and error budgets of the rolling windows, as gauges.
//!
//! Owns when a window is worked out anew: the longer ones move slowly and hold a month of slots, so at a
//! scrape most of them are as they were a minute ago. Never works on the driver's thread: it gets a copy
//! of the windows, whose slots are shared.

use super::page::Page;
use crate::catalogue;
use crate::domain::{Money, Slo, SloCount, Time, WorkflowId};
use crate::monitor::Workflow;
use crate::monitor::kpi::{Counts, Slot};
use crate::monitor::slo::in_slot;
use crate::monitor::view::review_cost_per_unit;
use crate::stats::latency::histogram;
use crate::stats::ring::{WINDOWS, Windows};
use hdrhistogram::Histogram;
use std::collections::{BTreeMap, BTreeSet};

/// For so long the gauges of a window stay as they are, milliseconds; by index into [`WINDOWS`].
const AGE_MS_MAX: [i64; WINDOWS.len()] = [0, 30_000, 60_000, 300_000, 300_000];
/// … unless outputs and verdicts grew by more than one part in this many.
const GROWTH: u64 = 50;
/// Quantiles, as the label says them.
const QUANTILES: [(&str, f64); 5] = [("0.5", 0.5), ("0.9", 0.9), ("0.95", 0.95), ("0.99", 0.99), ("0.999", 0.999)];

/// What it takes to work out the windows of one workflow.
#[derive(Debug)]
pub struct Work {
    id: WorkflowId,
    currency: String,
    cost_per_hour: Option<Money>,
    objectives: Vec<(Slo, f64)>,
    windows: Windows<Slot>,
    /// Outputs and verdicts since adoption.
    counted: u64,
}

impl Work {
    /// Of a workflow: a handle of each slot, no copy.
    pub fn of(workflow: &Workflow) -> Self {
        let (state, policy) = (&workflow.state, &workflow.plan.policy);
        Self {
            id: workflow.id.clone(),
            currency: policy.currency.clone(),
            cost_per_hour: policy.reviewing.cost_per_hour,
            objectives: workflow.objectives().collect(),
            windows: state.windows.clone(),
            counted: state.totals.counts.outputs + state.totals.reviews.iter().sum::<u64>(),
        }
    }
}

/// One window, worked out.
#[derive(Debug, Clone, Default)]
struct Gauges {
    at: Time,
    counted: u64,
    /// `None` where the window has no output.
    kpis: Option<Kpis>,
    slos: [SloCount; Slo::ALL.len()],
}

#[derive(Debug, Clone, Default)]
struct Kpis {
    exception_ratio: f64,
    cost_per_unit: Option<f64>,
    cost_to_serve_per_unit: Option<f64>,
    latency_ms: Option<[f64; QUANTILES.len()]>,
}

/// What was worked out at earlier scrapes.
#[derive(Debug, Default)]
pub struct Cache(BTreeMap<WorkflowId, [Gauges; WINDOWS.len()]>);

impl Cache {
    /// Adds the series of all windows of these workflows.
    pub fn add(&mut self, page: &mut Page, works: &[Work], now: Time) {
        let mut latencies = histogram();
        for work in works {
            let gauges = self.0.entry(work.id.clone()).or_default();
            for (window, known) in gauges.iter_mut().enumerate() {
                if is_old(known, window, work, now) {
                    *known = worked_out(work, window, now, &mut latencies);
                }
            }
            show(page, work, gauges);
        }
    }

    /// Forgets all other workflows.
    pub fn keep_only(&mut self, works: &[Work]) {
        let here: BTreeSet<&WorkflowId> = works.iter().map(|work| &work.id).collect();
        self.0.retain(|id, _| here.contains(id));
    }
}

fn is_old(known: &Gauges, window: usize, work: &Work, now: Time) -> bool {
    let age_ms = now.since(known.at);
    // Up to a quarter earlier, so that not all workflows are due at the same scrape.
    let spread = work.id.as_str().bytes().fold(0, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let most_ms = AGE_MS_MAX[window] - AGE_MS_MAX[window] / 4 * i64::from(spread) / 255;
    age_ms < 0 || age_ms >= most_ms || work.counted.saturating_sub(known.counted) > known.counted / GROWTH
}

fn worked_out(work: &Work, window: usize, now: Time, latencies: &mut Histogram<u64>) -> Gauges {
    latencies.reset();
    let mut sum = Slot::default();
    for slot in work.windows.within(window, now.0) {
        slot.latencies.add_to(latencies);
        sum.merge_counts(slot);
    }
    let counts = &sum.counts;
    Gauges {
        at: now,
        counted: work.counted,
        kpis: (counts.outputs > 0).then(|| kpis(counts, work.cost_per_hour, latencies)),
        slos: Slo::ALL.map(|slo| in_slot(slo, &sum)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds of this size are exact in an f64")]
fn kpis(counts: &Counts, cost_per_hour: Option<Money>, latencies: &Histogram<u64>) -> Kpis {
    let cost = counts.cost_per_unit().map(Money::to_f64);
    let people = cost_per_hour.and_then(|rate| review_cost_per_unit(counts, rate));
    let at = |(_, q): (&str, f64)| latencies.value_at_quantile(q) as f64 / 1_000.0;
    Kpis {
        exception_ratio: counts.exceptions as f64 / counts.outputs as f64,
        cost_per_unit: cost,
        cost_to_serve_per_unit: cost.zip(people).map(|(machine, people)| machine + people),
        latency_ms: (!latencies.is_empty()).then(|| QUANTILES.map(at)),
    }
}

fn show(page: &mut Page, work: &Work, gauges: &[Gauges; WINDOWS.len()]) {
    let (id, currency) = (work.id.as_str(), work.currency.as_str());
    for (window, known) in WINDOWS.iter().zip(gauges) {
        for (slo, objective) in &work.objectives {
            if let Some(rate) = known.slos[*slo as usize].burn_rate(*objective) {
                page.add(catalogue::SLO_BURN, &[id, slo.name(), window.name], rate);
            }
        }
        // A window without outputs has no series: no data is not 0.
        let Some(kpis) = &known.kpis else { continue };
        page.add(catalogue::EXCEPTION_RATIO, &[id, window.name], kpis.exception_ratio);
        if let Some(cost) = kpis.cost_per_unit {
            page.add(catalogue::COST_PER_UNIT, &[id, currency, window.name], cost);
        }
        if let Some(cost) = kpis.cost_to_serve_per_unit {
            page.add(catalogue::COST_TO_SERVE, &[id, currency, window.name], cost);
        }
        for (ms, (q, _)) in kpis.latency_ms.iter().flatten().zip(QUANTILES) {
            page.add(catalogue::LATENCY_QUANTILE, &[id, q, window.name], ms / 1_000.0);
        }
    }
    let month = &gauges[WINDOWS.len() - 1];
    for (slo, objective) in &work.objectives {
        if let Some(left) = month.slos[*slo as usize].budget_left(*objective) {
            page.add(catalogue::SLO_BUDGET, &[id, slo.name()], left);
        }
    }
}

//! What people and programs see of a workflow.
//!
//! Owns the read model: made from a copy of a workflow's state, so that readers never hold up the
//! state machine. It computes and rounds nothing that a decision depends on.

use super::guard_view::{Detail, GuardView, QuantileView};
use super::kpi::{Counts, Kinds, Slot};
use super::slo::SloView;
use super::workflow::Workflow;
use crate::domain::{Cause, Judgement, Mode, Money, Policy, Time, Track, WorkflowId};
use crate::stats::confidence::wilson_95;
use crate::stats::latency::{LatencySummary, histogram};
use crate::stats::ring::WINDOWS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The answer to "what may I do now?", without the lease, which depends on when it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModeView {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The effective mode: the lowest of the granted one and the caps.
    pub mode: Mode,
    /// Its level, 0 to 3.
    pub level: u8,
    /// Counts the changes of the mode.
    pub epoch: u64,
    /// When it last changed.
    pub since: Time,
    /// Why it did.
    pub cause: Cause,
    /// The guard that did it.
    pub guard: Option<String>,
    /// The reason in a sentence.
    pub reason: String,
    /// The granted mode.
    pub granted: Mode,
    /// What caps it now.
    pub caps: Vec<Cap>,
    /// Whether raises are blocked, and why.
    pub held: Option<String>,
    /// How much of the output humans review in this mode.
    pub review: ReviewPlan,
    /// Hash of the policy in force.
    pub policy: String,
}

/// Something that keeps the effective mode below the granted one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cap {
    /// No mode above this one.
    pub mode: Mode,
    /// What caps: `store`, `driver`, `base brand-guide`.
    pub by: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// The review depth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReviewPlan {
    /// Share of outputs that humans review, 0 to 1.
    pub sample_rate: f64,
    /// Share of these that two people review, 0 to 1.
    #[serde(default)]
    pub twice: f64,
    /// Whether that is more than usual, because the mode is new.
    pub probation: bool,
}

/// One workflow in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowView {
    /// The workflow.
    pub id: WorkflowId,
    /// Lab or factory.
    pub track: Track,
    /// Who answers for it.
    pub owner: String,
    /// What one unit is called.
    pub unit: String,
    /// Currency of all amounts.
    pub currency: String,
    /// Its mode.
    pub mode: ModeView,
    /// Whether `[unknown_workflows]` took it.
    pub unknown: bool,
    /// When it was adopted.
    pub adopted_at: Time,
    /// When its last output arrived; `null` before the first.
    pub last_output_at: Option<Time>,
    /// Outputs since adoption.
    pub outputs_total: u64,
    /// Unresolved incidents.
    pub open_incidents: usize,
    /// Outputs that wait for a human verdict for longer than declared.
    pub reviews_overdue: u64,
    /// Outputs that ran above the allowed mode.
    pub outputs_above_mode: u64,
    /// Demotions by guards since adoption …
    pub demotions_by_guards: u64,
    /// … those of them that two people took back …
    pub demotions_annulled: u64,
    /// … those that people judged false, taken back or not, by whatever guard …
    pub demotions_judged_false: u64,
    /// … and those that they judged right.
    pub demotions_judged_right: u64,
    /// Guards, in the order of the policy.
    pub guards: Vec<GuardView>,
    /// What is promised, and what is left of it.
    pub slos: Vec<SloView>,
    /// Quantiles of the latency since the present epoch began, `p50`, `p95` and `p99`, with intervals
    /// that hold at every look (95 % each); an end that can't be given yet is `null`.
    #[schema(value_type = BTreeMap<String, QuantileView>)]
    pub latency_anytime: BTreeMap<String, QuantileView>,
    /// KPIs by window: `5m`, `1h`, `1d`, `7d`, `30d`; `null` where a window has no output.
    #[schema(value_type = BTreeMap<String, KpiView>)]
    pub windows: BTreeMap<String, Option<KpiView>>,
}

/// KPIs of one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KpiView {
    /// Outputs.
    pub outputs: u64,
    /// Units.
    pub units: f64,
    /// Outputs that ended in an exception.
    pub exceptions: u64,
    /// Exceptions by kind.
    pub exceptions_by_kind: BTreeMap<String, u64>,
    /// exceptions / outputs.
    pub exception_rate: f64,
    /// 95 % interval of it (Wilson), valid for one look.
    pub exception_rate_interval_one_look: Option<[f64; 2]>,
    /// Latency of the outputs that reported one; `null` where none did.
    pub latency: Option<LatencySummary>,
    /// Share of the outputs that met their service level; `null` where none is known.
    pub sla_adherence: Option<f64>,
    /// Outputs whose service level is known.
    pub sla_judged: u64,
    /// Share of the 20-second slots with outputs in which at least one was no exception.
    pub uptime: Option<f64>,
    /// Σ cost; `null` where no output had one.
    pub cost: Option<Money>,
    /// Outputs that had a cost.
    pub cost_outputs: u64,
    /// Cost per unit of the outputs that had a cost.
    pub cost_per_unit: Option<Money>,
    /// Verdicts that came in this window.
    pub reviews: u64,
    /// Σ minutes that these took; `null` where nobody measured them.
    pub review_minutes: Option<f64>,
    /// What reviewers' time costs for one unit, at the declared `cost_per_hour`; `null` where that or the
    /// minutes are not known.
    pub review_cost_per_unit: Option<f64>,
    /// cost_per_unit and review_cost_per_unit together; `null` where one of them is not known.
    pub cost_to_serve_per_unit: Option<f64>,
    /// Outputs an hour, over the time that the window covers since adoption.
    pub throughput_per_hour: f64,
    /// Mean end-to-end time, milliseconds; `null` where none was reported.
    pub cycle_ms_mean: Option<f64>,
    /// Σ value.
    pub value: Money,
    /// Σ retries.
    pub retries: u64,
    /// Outputs that a fallback answered.
    pub fallbacks: u64,
    /// Outputs handed to a human.
    pub escalations: u64,
}

impl Workflow {
    /// The mode that readers get; caps of andon itself (a failed store) come on top of it.
    pub fn mode_view(&self, policy: &Policy) -> ModeView {
        let state = &self.state;
        let caps: Vec<Cap> = state.caps.iter().map(|(cap, _)| cap.clone()).collect();
        let mode = self.allowed().0;
        ModeView {
            workflow: self.id.clone(),
            mode,
            level: mode.level(),
            epoch: state.epoch,
            since: state.since,
            cause: state.cause,
            guard: state.by_guard.clone(),
            reason: state.reason.clone(),
            granted: state.granted,
            caps,
            held: state.held.clone(),
            review: self.review_plan(),
            policy: policy.hash.clone(),
        }
    }

    /// How deep people look now.
    pub fn review_plan(&self) -> ReviewPlan {
        let probation = self.state.governance.probation.is_some();
        ReviewPlan { sample_rate: self.review_depth(), twice: self.plan.policy.reviewing.twice, probation }
    }

    /// Everything about the workflow as seen at `now`.
    pub fn view(&self, policy: &Policy, now: Time, detail: Detail) -> WorkflowView {
        let (state, declared) = (&self.state, &self.plan.policy);
        // Once for the KPIs and the objectives: the longest holds a month of slots.
        let sums = state.windows.sums(now.0);
        let kpis = sums.iter().map(|sum| self.kpis_of(sum.as_ref()?, now));
        WorkflowView {
            id: self.id.clone(),
            track: self.track(),
            owner: declared.owner.clone(),
            unit: declared.unit.clone(),
            currency: declared.currency.clone(),
            mode: self.mode_view(policy),
            unknown: state.unknown,
            adopted_at: state.adopted_at,
            last_output_at: state.last_output_at,
            outputs_total: state.totals.counts.outputs,
            open_incidents: state.incidents.unresolved().count(),
            reviews_overdue: state.reviews.late(now, declared.reviewing.within_ms) as u64,
            outputs_above_mode: state.totals.above_mode,
            demotions_by_guards: state.governance.demoted,
            demotions_annulled: state.governance.annulled,
            demotions_judged_false: state.governance.judged(Judgement::False),
            demotions_judged_right: state.governance.judged(Judgement::Right),
            guards: self.guard_views(now, detail),
            slos: self.slo_views(&sums),
            latency_anytime: if detail == Detail::Full { self.latency_anytime() } else { BTreeMap::new() },
            windows: WINDOWS.iter().map(|window| window.name.to_owned()).zip(kpis).collect(),
        }
    }

    /// KPIs of a window (an index into [`WINDOWS`]); `None` where it has no output.
    pub fn kpis(&self, window: usize, now: Time) -> Option<KpiView> {
        self.kpis_of(&self.state.windows.sum(window, now.0)?, now)
    }

    /// KPIs of what a window summed up to, over the time that it covers.
    fn kpis_of(&self, (slot, covered_ms): &(Slot, i64), now: Time) -> Option<KpiView> {
        let since_adoption_ms = now.since(self.state.adopted_at).max(1_000);
        // Imported or late outputs may be older than the adoption: then the window counts.
        let ms = if slot.counts.outputs == self.state.totals.counts.outputs { since_adoption_ms } else { *covered_ms };
        // Verdicts alone make no window.
        let rate = self.plan.policy.reviewing.cost_per_hour;
        (slot.counts.outputs > 0).then(|| kpi_view(slot, &self.state.kinds, ms.min(*covered_ms), rate))
    }
}

/// What people's time costs for one unit: all verdicts of the window count, those without minutes like
/// the others in the mean; `None` where nobody measured any.
#[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
pub fn review_cost_per_unit(counts: &Counts, rate: Money) -> Option<f64> {
    let reviews = counts.reviews();
    if reviews.given == 0 {
        return Some(0.0);
    }
    let mean = (reviews.timed > 0).then(|| reviews.minutes / reviews.timed as f64)?;
    Some(mean * reviews.given as f64 / 60.0 * rate.to_f64() / counts.units)
}

#[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
fn kpi_view(slot: &Slot, kinds: &Kinds, covered_ms: i64, rate: Option<Money>) -> KpiView {
    let counts: &Counts = &slot.counts;
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let mut latencies = histogram();
    slot.latencies.add_to(&mut latencies);
    let mut by_kind = BTreeMap::new();
    for (kind, count) in &counts.kinds {
        *by_kind.entry(kinds.name(*kind).to_owned()).or_default() += count;
    }
    let cost_per_unit = counts.cost_per_unit();
    let people = rate.and_then(|rate| review_cost_per_unit(counts, rate));
    KpiView {
        outputs: counts.outputs,
        units: counts.units,
        exceptions: counts.exceptions,
        exceptions_by_kind: by_kind,
        exception_rate: share(counts.exceptions, counts.outputs).unwrap_or_default(),
        exception_rate_interval_one_look: wilson_95(counts.exceptions, counts.outputs),
        latency: LatencySummary::of(&latencies),
        sla_adherence: share(counts.sla_judged - counts.sla_missed, counts.sla_judged),
        sla_judged: counts.sla_judged,
        uptime: share(slot.up.into(), slot.active.into()),
        cost: (counts.cost_outputs > 0).then_some(counts.cost),
        cost_outputs: counts.cost_outputs,
        cost_per_unit,
        reviews: counts.reviews().given,
        review_minutes: Some(counts.reviews()).filter(|reviews| reviews.timed > 0).map(|reviews| reviews.minutes),
        review_cost_per_unit: people,
        cost_to_serve_per_unit: cost_per_unit.map(Money::to_f64).zip(people).map(|(machine, people)| machine + people),
        throughput_per_hour: counts.outputs as f64 * 3.6e6 / covered_ms.max(1) as f64,
        cycle_ms_mean: (counts.cycle_outputs > 0).then(|| counts.cycle_ms / counts.cycle_outputs as f64),
        value: counts.value,
        retries: counts.retries,
        fallbacks: counts.fallbacks,
        escalations: counts.escalations,
    }
}

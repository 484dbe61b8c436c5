//! What a guard needs beyond its plain detectors: a learned bound, a distribution, groups.
//!
//! Owns which of them a guard has and how a pinned baseline becomes something to bet against. The
//! evidence itself is the statistics' matter, what follows from it the workflow's.

use super::baseline::Baseline;
use super::plan::GuardPlan;
use crate::domain::{DriftOf, Mode, OutputEvent, PerMode, Signal};
use crate::stats::baseline::Value;
use crate::stats::disparity::Disparity;
use crate::stats::drift::{Drift, DriftPlan};
use crate::stats::learned::{Learned, LearnedPlan};
use serde::{Deserialize, Serialize};

/// State beyond the plain detectors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Watch {
    /// Where the guard learns.
    pub baseline: Option<Box<Baseline>>,
    /// A learned share: the outputs since it was pinned.
    pub learned: Learned,
    /// A distribution.
    pub drift: Option<Box<Drift>>,
    /// Groups.
    pub groups: Option<Box<Disparity>>,
    #[serde(skip)]
    worked: Worked,
}

/// What follows from the baseline and the plan; made anew at a start, so never stored or compared.
#[derive(Debug, Clone, Default)]
struct Worked {
    share: PerMode<Option<Box<LearnedPlan>>>,
    drift: Option<Box<DriftPlan>>,
}

impl PartialEq for Worked {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Watch {
    /// For a guard that has seen nothing.
    pub fn new(plan: &GuardPlan) -> Self {
        let baseline = plan.policy.baseline.as_ref().map(|policy| Box::new(Baseline::new(policy)));
        let mut new = Self { baseline, ..Self::default() };
        match plan.policy.signal {
            Signal::Drift { .. } => new.drift = Some(Box::default()),
            Signal::Disparity { .. } => new.groups = Some(Box::default()),
            _ => {}
        }
        new.prepare(plan);
        new
    }

    /// Works out what the pinned baseline says. Needed after a start, a new plan and a pinning.
    pub fn prepare(&mut self, plan: &GuardPlan) {
        self.worked = Worked::default();
        let Some(pinned) = self.baseline.as_ref().and_then(|baseline| baseline.pinned.as_ref()) else { return };
        let (reference, policy) = (&pinned.reference, &plan.policy);
        if matches!(policy.signal, Signal::Drift { .. }) {
            let Some(tolerance) = policy.bound.iter().find_map(|(_, bound)| *bound) else { return };
            let plan = DriftPlan::new(reference.clone(), tolerance, policy.block, &pinned.strata);
            self.worked.drift = Some(Box::new(plan));
            return;
        }
        let zeros = reference.bins.of(Value::Number(0.0)) + 1;
        let hits: f64 = reference.counts.iter().skip(zeros).map(|count| f64::from(*count)).sum();
        let n: f64 = reference.counts.iter().map(|count| f64::from(*count)).sum();
        // Above zero is the second side of the cut that ends the bin of zeros.
        let above = 2 * zeros - 1;
        let strata: Vec<f64> = pinned.strata.iter().map(|upper| upper.get(above).copied().unwrap_or(1.0)).collect();
        self.worked.share = PerMode::from_fn(|mode| {
            let tolerance = (*policy.bound.get(mode))?;
            LearnedPlan::new(hits, n, reference.inflation, tolerance, &strata, policy.block > 1).map(Box::new)
        });
    }

    /// The learned bound of a mode, worked out.
    pub fn share(&self, mode: Mode) -> Option<&LearnedPlan> {
        self.worked.share.get(mode).as_deref()
    }

    /// The distribution's baseline, worked out.
    pub fn drift_plan(&self) -> Option<&DriftPlan> {
        self.worked.drift.as_deref()
    }

    /// Takes the value of an output: into the sample under way, or as evidence. True when M reaches
    /// the threshold with it.
    pub fn drifts(&mut self, plan: &GuardPlan, judged: bool, value: Value<'_>, time: crate::domain::Time) -> bool {
        let Some((policy, baseline)) = plan.policy.baseline.as_ref().zip(self.baseline.as_mut()) else { return false };
        if baseline.pinned.is_none() {
            if baseline.learn(policy, value, time) {
                self.prepare(plan);
            }
            return false;
        }
        let stratum = Baseline::stratum(policy, time);
        let Some((drift, worked)) = self.drift.as_mut().zip(self.worked.drift.as_ref()) else { return false };
        drift.observe(worked, value, stratum, judged, time.0, plan.threshold)
    }

    /// Whether a baseline was pinned that the ledger doesn't know of yet.
    pub fn unannounced(&self) -> bool {
        self.baseline.as_ref().is_some_and(|baseline| baseline.unannounced())
    }

    /// The entry for the ledger, once for each pinned baseline.
    pub fn announce(&mut self, guard: &str) -> Option<crate::domain::What> {
        self.baseline.as_mut()?.announce(guard)
    }

    /// A person has it learn anew; false where there is no baseline.
    pub fn restart(&mut self, plan: &GuardPlan, outputs: Option<u32>) -> bool {
        let Some((baseline, policy)) = self.baseline.as_mut().zip(plan.policy.baseline.as_ref()) else { return false };
        baseline.restart(policy, outputs);
        self.learned = Learned::default();
        self.worked = Worked::default();
        // Not only its evidence: the next baseline may have other parts to count.
        self.drift.iter_mut().for_each(|drift| **drift = Drift::default());
        true
    }

    /// Forgets the evidence, not what was learned.
    pub fn reset(&mut self) {
        self.drift.iter_mut().for_each(|drift| drift.reset());
        self.groups.iter_mut().for_each(|groups| groups.reset());
    }

    /// The share of the budget changed: keeps share · M.
    pub fn rescale(&mut self, factor: f64) {
        self.drift.iter_mut().for_each(|drift| drift.rescale(factor));
        self.groups.iter_mut().for_each(|groups| groups.rescale(factor));
    }

    /// Whether the evidence of a distribution or of groups is complete.
    pub fn crossed(&self) -> bool {
        self.drift.as_ref().is_some_and(|drift| drift.crossed())
            || self.groups.as_ref().is_some_and(|groups| groups.crossed())
    }

    /// M of a distribution or of groups; `None` for other guards and before there is a baseline.
    pub fn evidence(&self) -> Option<f64> {
        match (&self.drift, &self.worked.drift, &self.groups) {
            (Some(drift), Some(worked), _) => Some(drift.evidence(worked)),
            (_, _, Some(groups)) => Some(groups.evidence()),
            _ => None,
        }
    }
}

/// The value that a drift guard looks at; `None` where the output has none.
pub fn value_of<'e>(of: &DriftOf, event: &'e OutputEvent) -> Option<Value<'e>> {
    match of {
        DriftOf::Score(name) => event.score(name).map(Value::Number),
        DriftOf::Attribute(name) => event.attribute(name).map(Value::Category),
        DriftOf::LatencyMs => event.latency_ms.map(Value::Number),
        DriftOf::CycleMs => event.cycle_ms.map(Value::Number),
        DriftOf::CostPerUnit => event.cost.map(|cost| Value::Number(cost.to_f64() / event.units)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::guard::{Arrival, Guard};
    use super::super::plan::Plan;
    use super::super::plan::tests::{guard, workflow};
    use super::super::segments::{Segmented, Segments};
    use super::*;
    use crate::domain::{BaselinePolicy, BaselineSource, GuardPolicy, Outcome, Time, WorkflowId, WorkflowPolicy};

    /// Drift of a score that is learned from 100 outputs, with tolerance 0.1 and block 1.
    fn of_a_score() -> GuardPlan {
        let mut policy = guard("g", Signal::Drift { of: DriftOf::Score("s".into()) }, 0.1, 1);
        policy.baseline = Some(BaselinePolicy { source: BaselineSource::Outputs { count: 100 }, hour_of_week: None });
        plan_of(policy)
    }

    fn plan_of(policy: GuardPolicy) -> GuardPlan {
        Plan::new(&WorkflowPolicy { guards: vec![policy], ..workflow("wf", 1) }, 1e6).guards.remove(0)
    }

    #[test]
    fn a_long_time_in_assist_is_no_evidence_when_a_learned_bound_binds_again() {
        let mut policy = guard("g", Signal::ExceptionRate { kind: None }, 0.0, 10);
        policy.baseline = Some(BaselinePolicy { source: BaselineSource::Outputs { count: 500 }, hour_of_week: None });
        let plan = plan_of(policy);
        let (mut watched, mut segments) = (Guard::new(&plan, Time(0)), Segments::default());
        let mut broken = |mode: Mode, n: i64| {
            let outcome = if n % 10 == 0 { Outcome::Exception } else { Outcome::Ok };
            let event = OutputEvent::new("o", WorkflowId::unknown(), outcome);
            let segments = Segmented::new(&mut segments);
            watched
                .event(
                    &plan,
                    &mut Arrival { mode, now: Time(n), event: &event, of_epoch: true, sampled: None, segments },
                )
                .is_some()
        };
        assert!((0..5_000).all(|n| !broken(Mode::Assist, n)));
        assert!((5_000..8_000).all(|n| !broken(Mode::Automate, n)), "it does what it always did");
    }

    #[test]
    fn a_distribution_learned_anew_is_counted_anew() {
        let plan = of_a_score();
        let mut watch = Watch::new(&plan);
        let see = |watch: &mut Watch, x: f64| watch.drifts(&plan, true, Value::Number(x), Time(0));
        // Nearly always the same, and then spread over many values: more parts than before.
        assert!((0..300u32).all(|n| !see(&mut watch, f64::from(n % 2))));
        assert!(watch.restart(&plan, None));
        assert!((0..3_000u32).all(|n| !see(&mut watch, f64::from(n % 50))));
        assert_eq!(watch.drift.unwrap().recent().len(), 17);
    }

    #[test]
    fn evidence_of_a_distribution_is_forgotten_where_it_no_longer_binds() {
        let plan = of_a_score();
        let mut watched = Guard::new(&plan, Time(0));
        for n in 0..120u32 {
            let far = if n < 100 { 0.0 } else { 1_000.0 };
            watched.watch.drifts(&plan, true, Value::Number(f64::from(n % 100) + far), Time(0));
        }
        watched.lowered(&plan, Mode::Delegate);
        assert!(watched.watch.evidence().is_some_and(|evidence| evidence > 100.0), "it binds there too");
        watched.lowered(&plan, Mode::Assist);
        assert!(watched.watch.evidence().is_some_and(|evidence| evidence.abs() < f64::EPSILON));
    }

    #[test]
    fn a_cost_weighs_the_same_against_a_lower_bound_whatever_mode_it_was_seen_in() {
        let signal = Signal::CostPerUnit { cap: "1".parse().unwrap(), units_max: 10.0 };
        let mut policy = guard("g", signal, 0.3, 5);
        *policy.bound.get_mut(Mode::Automate) = Some(0.1);
        let plan = plan_of(policy);
        let held = |mode: Mode| {
            let (mut watched, mut segments) = (Guard::new(&plan, Time(0)), Segments::default());
            for n in 0..400 {
                let mut event = OutputEvent::new("o", WorkflowId::unknown(), Outcome::Ok);
                event.units = f64::from(1 + n % 7);
                event.cost = Some(if n % 9 == 0 { "2.5" } else { "0.04" }.parse().unwrap());
                let segments = Segmented::new(&mut segments);
                watched.event(
                    &plan,
                    &mut Arrival { mode, now: Time(0), event: &event, of_epoch: true, sampled: None, segments },
                );
            }
            watched.evidence(&plan, Mode::Delegate).unwrap().0
        };
        let (above, itself) = (held(Mode::Automate), held(Mode::Delegate));
        assert!((above / itself - 1.0).abs() < 1e-4 && itself > 0.0, "{above} {itself}");
    }
}

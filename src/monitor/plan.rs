//! A workflow's policy, worked out once for the hot path.
//!
//! Owns grids of bets and thresholds: the split of the workflow's one budget over its guards,
//! their lanes and modes. Derived from the policy alone, so it is never stored.

use super::observe::bound_x;
use crate::domain::{GuardPolicy, Mode, PerMode, WorkflowPolicy};
use crate::stats::bets::Bets;

/// The outage lane watches for at least this share of failures.
const LANE_BOUND: f64 = 0.7;
/// The lane's part of its guard's share of the budget.
const LANE_SHARE: f64 = 0.1;

/// One guard, worked out.
#[derive(Debug, Clone)]
pub struct GuardPlan {
    /// The policy.
    pub policy: GuardPolicy,
    /// The grid against the bound of each mode; `None` where the guard doesn't bind.
    pub bets: PerMode<Option<Bets>>,
    /// M at which the bound counts as broken: B / share, in outputs.
    pub threshold: f64,
    /// The outage lane: per output, against max(0.7, all bounds), landing in assist.
    pub lane: Option<Lane>,
}

/// The outage lane of a guard.
#[derive(Debug, Clone)]
pub struct Lane {
    /// The grid.
    pub bets: Bets,
    /// M at which it fires.
    pub threshold: f64,
}

/// One workflow, worked out.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The policy.
    pub policy: WorkflowPolicy,
    /// The guards, in the order of the policy.
    pub guards: Vec<GuardPlan>,
    /// Whether a gate asks for KPIs of a rolling window.
    pub asks_kpis: bool,
}

impl Plan {
    /// Works out a policy under the budget B (outputs per false demotion).
    pub fn new(policy: &WorkflowPolicy, budget: f64) -> Self {
        let guards = policy.guards.iter().map(|guard| GuardPlan::new(guard, budget)).collect();
        let asks_kpis = policy.gate.iter().any(|(_, gate)| gate.sla_min.is_some() || gate.cost_per_unit_max.is_some());
        Self { policy: policy.clone(), guards, asks_kpis }
    }
}

impl GuardPlan {
    fn new(policy: &GuardPolicy, budget: f64) -> Self {
        let bets = PerMode::from_fn(|mode| {
            let bound = (*policy.bound.get(mode))?;
            let bound = bound_x(&policy.signal, bound);
            let bets = if policy.block > 1 { Bets::of_blocks(bound) } else { Bets::new(bound) };
            bets.ok().filter(|_| policy.declares_bound())
        });
        let loosest = bets.iter().filter_map(|(_, bets)| Some(bets.as_ref()?.bound())).fold(0.0, f64::max);
        let tightest = bets.iter().filter_map(|(_, bets)| Some(bets.as_ref()?.bound())).fold(1.0, f64::min);
        // Blocks are slow on an outright failure; without blocks, or where the bound is itself
        // near that of the lane, the lane has nothing to add.
        let indicator = policy.signal.is_indicator() && policy.baseline.is_some();
        let wants_lane = policy.block > 1 && tightest < LANE_BOUND && loosest > 0.0 || indicator && policy.block > 1;
        let lane_bets = wants_lane.then(|| Bets::new(loosest.max(LANE_BOUND)).ok()).flatten();
        let lane_share = if lane_bets.is_some() { LANE_SHARE } else { 0.0 };
        let lane = lane_bets.map(|bets| Lane { bets, threshold: budget / (policy.share * lane_share) });
        Self { policy: policy.clone(), bets, threshold: budget / (policy.share * (1.0 - lane_share)), lane }
    }

    /// Whether the guard binds in a mode. Deterministic guards bind in every mode above assist.
    pub fn binds(&self, mode: Mode) -> bool {
        if self.policy.declares_bound() {
            self.bets.get(mode).is_some()
        } else if self.policy.signal.is_statistical() {
            self.policy.bound.get(mode).is_some()
        } else {
            mode > Mode::Assist
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::{PerMode, Signal, WorkflowId};

    /// A workflow with one `exception_rate` guard of 2 % in every mode above assist.
    pub(crate) fn workflow(id: &str, block: u32) -> WorkflowPolicy {
        WorkflowPolicy {
            id: WorkflowId::new(id).unwrap(),
            start_mode: Mode::Automate,
            max_mode: Mode::Automate,
            evidence_valid_ms: Some(7 * 86_400_000),
            guards: vec![guard("exceptions", Signal::ExceptionRate { kind: None }, 0.02, block)],
            ..WorkflowPolicy::bare()
        }
    }

    pub(crate) fn guard(name: &str, signal: Signal, bound: f64, block: u32) -> GuardPolicy {
        let share = if signal.is_statistical() { 1.0 } else { 0.0 };
        let bound = PerMode::from_fn(|mode| (mode > Mode::Assist && signal.is_statistical()).then_some(bound));
        GuardPolicy { name: name.into(), signal, bound, block, share, to: None, baseline: None }
    }

    #[test]
    fn the_lane_takes_a_tenth_and_independence_needs_none() {
        let plan = Plan::new(&workflow("wf", 50), 1e6);
        let lane = plan.guards[0].lane.as_ref().unwrap();
        assert!((lane.threshold - 1e7).abs() < 1.0 && (plan.guards[0].threshold - 1e6 / 0.9).abs() < 1.0);
        assert!((lane.bets.bound() - 0.7).abs() < 1e-12);
        let mut quarter = workflow("wf", 50);
        quarter.guards[0].share = 0.25;
        let plan = Plan::new(&quarter, 1e6);
        assert!((plan.guards[0].threshold - 4e6 / 0.9).abs() < 1.0);
        assert!((plan.guards[0].lane.as_ref().unwrap().threshold - 4e7).abs() < 1.0);
        let plan = Plan::new(&workflow("wf", 1), 1e6);
        assert!(plan.guards[0].lane.is_none() && (plan.guards[0].threshold - 1e6).abs() < 1e-6);
        assert!(plan.guards[0].binds(Mode::Collaborate) && !plan.guards[0].binds(Mode::Assist));
    }
}

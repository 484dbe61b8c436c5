//! What the outputs of an epoch show about a target mode: each guard's part of the gate.
//!
//! Owns the judgement of one guard: met, missing, or inconclusive with what would decide. Nothing
//! passes on silence: without observations, or before a baseline is pinned, nothing is shown.

use super::guard::Guard;
use super::observe::{bound_x, from_x};
use super::plan::GuardPlan;
use super::workflow::Workflow;
use crate::domain::{GatePolicy, Mode, Requirement, Signal, Standing, Time};

/// Observations of a distribution or of groups before anything is said of them.
pub(super) const OBSERVATIONS_NEEDED: u64 = 500;
/// Evidence above this part of the way to the threshold is not quiet (0.4 is normal).
const QUIET_EVIDENCE: f64 = 0.6;

impl Workflow {
    /// What each guard shows about the target mode.
    pub(super) fn guard_requirements(&self, target: Mode, policy: &GatePolicy, now: Time) -> Vec<Requirement> {
        let mut found = Vec::new();
        let mut watched = false;
        for (plan, guard) in self.state.guards.with(&self.plan.guards) {
            let quiet = self.quiet(plan, guard, policy, now);
            let shown = match plan.policy.signal {
                Signal::Drift { .. } | Signal::Disparity { .. } => at_rest(plan, guard, self.state.granted),
                _ if !plan.policy.signal.is_statistical() => not_exceeded(plan, guard),
                _ => below_bound(plan, guard, target, policy),
            };
            watched |= plan.policy.signal.is_statistical() && plan.binds(target);
            found.push(if quiet.standing > shown.standing { quiet } else { shown });
            if plan.policy.signal.is_statistical() && plan.judges_means() {
                let (name, compare_times) = (&plan.policy.name, policy.days_min > 1);
                found.push(guard.strata.repeatable(name, policy.spread, compare_times, &self.state.segments));
            }
        }
        if !watched {
            let detail = format!(
                "no statistical guard binds in {target}: nothing would notice when it goes wrong; add one with a bound for {target}"
            );
            found.push(Requirement::new("guards", Standing::Missing, detail));
        }
        found
    }

    /// No breach for the declared time, since the mode was last raised or before.
    fn quiet(&self, plan: &GuardPlan, guard: &Guard, policy: &GatePolicy, now: Time) -> Requirement {
        let name = format!("guard:{}", plan.policy.name);
        match guard.last_breach.filter(|breach| now.since(breach.time) < policy.quiet_ms) {
            None => Requirement::new(name, Standing::Met, "no breach of late"),
            Some(breach) => {
                let until = breach.time.plus(policy.quiet_ms);
                let detail = format!("it was breached at {}: it must be quiet until {until}", breach.time);
                Requirement::new(name, Standing::Missing, detail)
            }
        }
    }
}

impl GuardPlan {
    /// Whether the guard watches the mean of observations, so that days and segments can be compared.
    fn judges_means(&self) -> bool {
        !matches!(self.policy.signal, Signal::Drift { .. } | Signal::Disparity { .. })
    }
}

impl Guard {
    /// The bound of a mode for the outputs since the epoch began: where it was learned by the hour of the
    /// week, the mean over the hours in which they came.
    fn bound_of_epoch(&self, plan: &GuardPlan, mode: Mode) -> Option<f64> {
        let seasonal = plan.policy.baseline.as_ref().is_some_and(|baseline| baseline.hour_of_week.is_some());
        let learned = self.watch.share(mode).filter(|_| seasonal && self.below_highest.1 > 0);
        #[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
        let n = self.below_highest.1 as f64;
        learned
            .map_or_else(|| self.bound(plan, mode), |own| Some(own.bets.bound() - self.below_highest.0.get(mode) / n))
    }
}

/// The upper bound of the mean since the epoch began lies within the bound of the target mode.
fn below_bound(plan: &GuardPlan, guard: &Guard, target: Mode, policy: &GatePolicy) -> Requirement {
    let name = format!("guard:{}", plan.policy.name);
    if guard.learns() {
        let detail = "its baseline isn't pinned yet: until then it judges nothing";
        return Requirement::new(name, Standing::Inconclusive, detail).counted(guard.total.n, None);
    }
    let Some(bound) = guard.bound_of_epoch(plan, target) else {
        if plan.policy.bound.get(target).is_some() {
            let detail = "what it learned leaves nothing to test: have it learn anew from healthy outputs";
            return Requirement::new(name, Standing::Missing, detail);
        }
        return Requirement::new(name, Standing::Met, format!("it doesn't bind in {target}"));
    };
    let signal = &plan.policy.signal;
    // A learned bound is one on X already; a declared one is in the guard's unit.
    let limit = if plan.policy.baseline.is_some() { bound } else { bound_x(signal, bound) };
    let (alpha, block) = (1.0 - policy.confidence, u64::from(plan.policy.block.max(1)));
    let n = guard.sequence.n() * block;
    let needed = guard.sequence.needed_below(limit, alpha).map(|blocks| blocks.saturating_mul(block));
    let upper = guard.sequence.upper(alpha);
    let shown = upper.and_then(|upper| from_x(signal, upper));
    let percent = policy.confidence * 100.0;
    let said = |upper: f64| format!("with {percent} % confidence it keeps to {upper:.5} since the mode was granted");
    let state = |standing, detail: String| {
        Requirement::new(name.clone(), standing, detail).valued(shown, bound).counted(n, needed)
    };
    let outputs = |needed: Option<u64>| match needed {
        Some(needed) => format!("{needed} observations like these would show it"),
        None => "at this rate no number of observations would show it".to_owned(),
    };
    match upper {
        None => state(
            Standing::Inconclusive,
            format!("nothing was observed since the mode was granted; {}", outputs(needed)),
        ),
        Some(upper) if upper <= limit => {
            state(Standing::Met, format!("{}, and {bound} is asked for", said(shown.unwrap_or(upper))))
        }
        // The lower end is beyond it: shown to be otherwise.
        Some(_) if guard.sequence.interval(2.0 * alpha).is_some_and(|[low, _]| low > limit) => {
            state(Standing::Missing, format!("it is above the bound of {bound} since the mode was granted"))
        }
        Some(upper) => state(
            Standing::Inconclusive,
            format!("{}, and {bound} is asked for; {}", said(shown.unwrap_or(upper)), outputs(needed)),
        ),
    }
}

/// A distribution keeps to its tolerance, or groups fail alike.
fn at_rest(plan: &GuardPlan, guard: &Guard, granted: Mode) -> Requirement {
    let name = format!("guard:{}", plan.policy.name);
    // What was seen before the mode was granted says nothing about it.
    let n = guard.epoch_n;
    if guard.learns() {
        let detail = "its baseline isn't pinned yet: until then it judges nothing";
        return Requirement::new(name, Standing::Inconclusive, detail).counted(n, None);
    }
    let value = guard.estimate(plan);
    let wanted = plan.policy.bound.iter().find_map(|(_, bound)| *bound).unwrap_or_default();
    let state = |standing, detail: String| {
        Requirement::new(name.clone(), standing, detail).valued(value, wanted).counted(n, Some(OBSERVATIONS_NEEDED))
    };
    let evidence = guard.evidence(plan, granted).map_or(0.0, |(_, ratio)| ratio);
    if n < OBSERVATIONS_NEEDED {
        return state(
            Standing::Inconclusive,
            format!("{n} observations: at least {OBSERVATIONS_NEEDED} tell whether it keeps to {wanted}"),
        );
    }
    if evidence > QUIET_EVIDENCE {
        return state(
            Standing::Inconclusive,
            format!("its evidence is {:.0} % of the way to a breach: not quiet", evidence * 100.0),
        );
    }
    match (value, &plan.policy.signal) {
        (Some(value), Signal::Disparity { .. }) if value > wanted => state(
            Standing::Missing,
            format!("a group fails {value:.2} times as often as the others, and {wanted} is the tolerance"),
        ),
        (Some(value), _) if value > wanted => state(
            Standing::Missing,
            format!("the outputs of late are {value:.3} away from the baseline, and {wanted} is the tolerance"),
        ),
        (None, Signal::Drift { .. }) => {
            state(Standing::Inconclusive, "nothing was compared with the baseline yet".to_owned())
        }
        (Some(value), _) => state(Standing::Met, format!("{value:.3}, and {wanted} is the tolerance")),
        // Groups without any failure fail alike.
        (None, _) => state(Standing::Met, format!("no group fails more often than the others in {n} outputs")),
    }
}

/// A fixed limit isn't exceeded now.
fn not_exceeded(plan: &GuardPlan, guard: &Guard) -> Requirement {
    let name = format!("guard:{}", plan.policy.name);
    if matches!(plan.policy.signal, Signal::External { .. }) {
        return match (guard.limit.alerts.said(), guard.last_at) {
            (Some(said), _) => Requirement::new(name, Standing::Missing, said),
            // Whether anybody would tell us is not known either.
            (None, None) => {
                let detail = "no alert ever came through to it, not even a test: send one (docs/alertmanager.md)";
                Requirement::new(name, Standing::Inconclusive, detail).counted(0, Some(1))
            }
            (None, Some(at)) => {
                Requirement::new(name, Standing::Met, format!("no alert is firing; last heard at {at}"))
            }
        };
    }
    if guard.limit.tripped {
        return Requirement::new(name, Standing::Missing, "its limit is exceeded now");
    }
    match guard.last_at {
        None => Requirement::new(name, Standing::Inconclusive, "it has seen no output yet").counted(0, Some(1)),
        Some(_) => Requirement::new(name, Standing::Met, "its limit isn't exceeded"),
    }
}

//! The guards of a workflow.
//!
//! Owns their series: where each stands, its bounds, what it has learned, how far it is from a limit.

use super::{Page, flag, real};
use crate::catalogue;
use crate::domain::Time;
use crate::monitor::guard_view::GuardState;
use crate::monitor::{Detail, GuardView, Workflow};

/// Everything about all guards.
pub(super) fn add(page: &mut Page, workflow: &Workflow, now: Time) {
    let id = workflow.id.as_str();
    workflow.guard_views(now, Detail::Brief).iter().for_each(|guard| one(page, id, guard));
    for (guard, of, measure, distance) in workflow.drift_distances() {
        page.add(catalogue::DRIFT_DISTANCE, &[id, guard, &of, measure], distance);
    }
    for (plan, guard) in workflow.state.guards.with(&workflow.plan.guards) {
        let (name, signal) = (plan.policy.name.as_str(), &plan.policy.signal);
        page.add(catalogue::GUARD_INFO, &[id, name, signal.name(), &signal.of()], 1.0);
        page.add(catalogue::DEMOTIONS, &[id, name], real(workflow.state.governance.demotions_by(name)));
        if let Some(used) = guard.limit.used(signal, now) {
            page.add(catalogue::GUARD_USED, &[id, name], used);
        }
        if let Some(worst) = guard.watch.groups.as_ref().and_then(|groups| groups.worst()) {
            page.add(catalogue::DISPARITY_RATIO, &[id, name, &worst.group], worst.ratio);
        }
    }
}

fn one(page: &mut Page, id: &str, guard: &GuardView) {
    let name = guard.name.as_str();
    for state in GuardState::ALL {
        page.add(catalogue::GUARD_STATE, &[id, name, state.name()], flag(state == guard.state));
    }
    if let Some(estimate) = guard.estimate {
        page.add(catalogue::GUARD_ESTIMATE, &[id, name], estimate);
    }
    for (mode, bound) in &guard.bounds {
        page.add(catalogue::GUARD_BOUND, &[id, name, mode.name()], *bound);
    }
    if let Some(evidence) = guard.evidence {
        page.add(catalogue::GUARD_EVIDENCE, &[id, name], evidence);
    }
    page.add(catalogue::GUARD_OBSERVATIONS, &[id, name], real(guard.n));
    page.add(catalogue::GUARD_NEEDED, &[id, name], real(guard.needed));
    if let Some(at) = guard.last_breach_at {
        page.add(catalogue::GUARD_BREACH_AT, &[id, name], at.seconds());
    }
    if let Some(baseline) = &guard.baseline {
        page.add(catalogue::BASELINE_VERSION, &[id, name], f64::from(baseline.version));
        if baseline.pinned {
            page.add(catalogue::BASELINE_OUTPUTS, &[id, name], real(baseline.outputs));
        }
    }
}

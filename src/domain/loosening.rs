//! What a new policy makes looser than the one in force: a sentence each.
//!
//! Owns the comparison. Whatever it can't tell to be tighter counts as looser: a change that waits for
//! an approver in vain costs a minute, one that slips through costs trust.

use super::{
    Better, GatePolicy, GuardPolicy, HousePolicy, Hypothesis, Mode, Policy, ScoreJudge, Signal, Track, WorkflowPolicy,
};

/// Everything that `new` makes looser; empty where it only tightens, adds, renames and removes. Whoever asks for the mode of a
/// removed workflow gets none and falls to assist; what comes back above that is for whoever knows the state to see.
pub fn loosened(old: &Policy, new: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    if new.outputs_per_false_demotion > old.outputs_per_false_demotion || new.budget_of_fleet != old.budget_of_fleet {
        found.push("the budget: guards need more evidence before they demote".to_owned());
    }
    if new.lease_ms > old.lease_ms {
        found.push("the lease: a reader that lost andon keeps its mode for longer".to_owned());
    }
    house(&old.house, &new.house, &mut found);
    for (id, after) in &new.workflows {
        // A renamed workflow is compared with what it was.
        let before = old.workflows.get(id).or_else(|| old.workflows.get(after.renamed_from.as_ref()?));
        if before.is_none() && after.start_mode > Mode::Assist {
            found.push(format!("{id}: it would start in {}, which nobody promoted it to", after.start_mode));
        }
        if let Some(before) = before {
            let mut of_it = Vec::new();
            workflow(before, after, &mut of_it);
            found.extend(of_it.into_iter().map(|what| format!("{id}: {what}")));
        }
    }
    found
}

/// What a new policy drops of a hypothesis that was begun in the lab: what was found out about it must
/// not be got rid of on the way to the gate. `is_done` says that each of its exit criteria is met and
/// none of its risks is open; then it may go.
pub fn hypothesis(before: &Hypothesis, after: Option<&Hypothesis>, is_done: bool) -> Vec<String> {
    let id = &before.id;
    let Some(after) = after else {
        let gone = format!("the hypothesis {id} is gone, with exit criteria that aren't met or risks that are open");
        return if is_done { Vec::new() } else { vec![gone] };
    };
    let mut found = Vec::new();
    let dropped = before.exit.iter().filter(|criterion| !after.exit.contains(criterion)).count();
    if dropped > 0 {
        found.push(format!("the hypothesis {id} has {dropped} of its exit criteria no more"));
    }
    if after.question != before.question {
        found.push(format!("the hypothesis {id} asks something else than what was tested"));
    }
    found
}

fn house(old: &HousePolicy, new: &HousePolicy, found: &mut Vec<String>) {
    if old.loosening_waits && !new.loosening_waits {
        found.push("looser policies would no longer wait for an approver".to_owned());
    }
    if new.regression_cap > old.regression_cap {
        found.push(format!(
            "a regression of a base item would cap at {} instead of {}",
            new.regression_cap, old.regression_cap
        ));
    }
    let (was, is) = (&old.storm, &new.storm);
    if is.share < was.share || is.workflows_min < was.workflows_min || is.within_ms > was.within_ms {
        found.push("fewer demotions would be a storm, whose demotions may be annulled all at once".to_owned());
    }
    for (id, after) in &new.base {
        if old.base.get(id).is_some_and(|before| after.audit_every_ms > before.audit_every_ms) {
            found.push(format!("base {id}: audits further apart"));
        }
    }
}

fn workflow(old: &WorkflowPolicy, new: &WorkflowPolicy, found: &mut Vec<String>) {
    if new.max_mode > old.max_mode {
        found.push(format!("max_mode {} → {}", old.max_mode, new.max_mode));
    }
    if (old.track, new.track) == (Track::Factory, Track::Lab) {
        found.push("in the lab breaches no longer demote".to_owned());
    }
    if new.evidence_valid_ms.unwrap_or(i64::MAX) > old.evidence_valid_ms.unwrap_or(i64::MAX) {
        found.push("evidence_valid: the mode lapses later".to_owned());
    }
    for (mode, depth) in new.review.iter() {
        if depth < old.review.get(mode) {
            found.push(format!("review in {mode} {} → {depth}", old.review.get(mode)));
        }
    }
    if new.reviewing.twice < old.reviewing.twice {
        found.push("fewer outputs are reviewed by two people".to_owned());
    }
    if new.reviewing.within_ms > old.reviewing.within_ms {
        found.push("reviews are overdue later".to_owned());
    }
    if let Some(item) = old.base.iter().find(|item| !new.base.contains(item)) {
        found.push(format!("it no longer stands on {item}"));
    }
    if let Some(of) = old.lapse_on.iter().find(|of| !new.lapse_on.contains(of)) {
        found.push(format!("a new {} no longer makes the mode lapse", of.name()));
    }
    let (was, is) = (old.cooldown, new.cooldown);
    if is.first_ms < was.first_ms || is.max_ms < was.max_ms || is.within_ms < was.within_ms {
        found.push("the time that it stays down after a demotion is shorter".to_owned());
    }
    let gone = old.readiness.items().find(|item| !new.readiness.items().any(|other| other == *item));
    let gone = gone.or_else(|| old.readiness.light().find(|item| !new.readiness.light().any(|other| other == *item)));
    if let Some((_, item)) = gone {
        found.push(format!("the checklist has no {item} any more"));
    }
    if new.readiness.valid_ms > old.readiness.valid_ms {
        found.push("answers to the checklist hold for longer".to_owned());
    }
    for mode in [Mode::Collaborate, Mode::Delegate, Mode::Automate] {
        gate(mode, old.gate.get(mode), new.gate.get(mode), found);
    }
    service_level(old, new, found);
    let statistical = |of: &WorkflowPolicy| of.guards.iter().filter(|guard| guard.signal.is_statistical()).count();
    let more = statistical(new) > statistical(old);
    for before in &old.guards {
        match new.guards.iter().find(|guard| guard.name == before.name) {
            None => found.push(format!("the guard {} is gone", before.name)),
            Some(after) => guard(before, after, more, found),
        }
    }
}

/// By which limit outputs met their service level, where a gate asks for a share of them: a guard put above the
/// others, or taken away, may change it. Without a limit only those count that say themselves whether they did.
fn service_level(old: &WorkflowPolicy, new: &WorkflowPolicy, found: &mut Vec<String>) {
    let asks = |of: &WorkflowPolicy, mode: Mode| of.gate.get(mode).sla_min.is_some();
    let gates: Vec<&str> =
        Mode::ALL.into_iter().filter(|mode| asks(old, *mode) && asks(new, *mode)).map(Mode::name).collect();
    let (was, is) = (old.sla_limit_ms(), new.sla_limit_ms());
    let how = match (was, is) {
        (Some(was), Some(is)) if is > was => format!("by {is} ms instead of {was} ms"),
        (None, Some(is)) => format!("by {is} ms where no limit was, so that more outputs count"),
        (Some(was), None) => format!("no longer by {was} ms, so that only what outputs say themselves counts"),
        _ => return,
    };
    if !gates.is_empty() {
        found.push(format!("the gate to {} would judge `sla` {how}", gates.join(", ")));
    }
}

fn gate(mode: Mode, old: &GatePolicy, new: &GatePolicy, found: &mut Vec<String>) {
    let mut less = |what: &str, is: bool| {
        if is {
            found.push(format!("the gate to {mode} asks for less: {what}"));
        }
    };
    less("outputs", new.outputs_min < old.outputs_min);
    less("days", new.days_min < old.days_min);
    less("time_in_mode", new.time_in_mode_ms < old.time_in_mode_ms);
    less("quiet", new.quiet_ms < old.quiet_ms);
    less("confidence", new.confidence < old.confidence);
    less("spread", new.spread > old.spread);
    less("ran_in_mode", new.ran_in_mode_min < old.ran_in_mode_min);
    less("reviewed", new.reviewed_min < old.reviewed_min);
    less("sla", old.sla_min.is_some_and(|was| new.sla_min.is_none_or(|is| is < was)));
    less("cost_per_unit", old.cost_per_unit_max.is_some_and(|was| new.cost_per_unit_max.is_none_or(|is| is > was)));
    less("probation_outputs", new.probation_outputs < old.probation_outputs);
    less("request_valid", new.request_valid_ms > old.request_valid_ms);
    // Other roles are not more roles.
    let mut left = new.approvals.clone();
    let lost = old.approvals.iter().any(|role| match left.iter().position(|other| other == role) {
        Some(at) => {
            left.remove(at);
            false
        }
        None => true,
    });
    less("approvals", lost);
}

fn guard(old: &GuardPolicy, new: &GuardPolicy, more: bool, found: &mut Vec<String>) {
    let name = &old.name;
    if !as_tight(&old.signal, &new.signal) || old.baseline != new.baseline {
        found.push(format!("the guard {name} watches something else, or less"));
        return;
    }
    for (mode, was) in old.bound.iter() {
        let Some(was) = *was else { continue };
        match *new.bound.get(mode) {
            None => found.push(format!("the guard {name} no longer binds in {mode}")),
            Some(is) if looser(&old.signal, was, is) => found.push(format!("bound of {name} in {mode} {was} → {is}")),
            Some(_) => {}
        }
    }
    if let Some(was) = landing(old)
        && landing(new).is_none_or(|is| is > was)
    {
        found.push(format!("a breach of {name} no longer goes down to {was}"));
    }
    if new.block > old.block {
        found.push(format!("{name} judges {} outputs together instead of {}", new.block, old.block));
    }
    // A further guard takes a part of the budget from the others: that is no reason to wait.
    if new.share < old.share / if more { 2.0 } else { 1.0 } {
        found.push(format!("{name} gets less of the budget: it needs more evidence"));
    }
    // However it is changed, it starts anew, and judges nothing until it has learned.
    if old.baseline.is_some() && (GuardPolicy { share: old.share, ..new.clone() }) != *old {
        found.push(format!("{name} would learn anew what is normal, and judge nothing until it has"));
    }
}

/// Whether a bound is looser: only a mean score that should be high is tighter where it is higher.
fn looser(signal: &Signal, was: f64, is: f64) -> bool {
    let high = matches!(signal, Signal::Score { judge: ScoreJudge::Mean { better: Better::Higher, .. }, .. });
    if high { is < was } else { is > was }
}

/// Where a breach lands at the highest; `None` where the bounds of the modes decide. A fixed limit that says
/// nothing goes down to assist.
fn landing(guard: &GuardPolicy) -> Option<Mode> {
    guard.to.or((!guard.signal.is_statistical()).then_some(Mode::Assist))
}

/// Whether a signal is the same, or the same with a tighter limit.
fn as_tight(old: &Signal, new: &Signal) -> bool {
    match (old, new) {
        (Signal::Latency { limit_ms: was }, Signal::Latency { limit_ms: is }) => is <= was,
        (Signal::SpendLimit { amount: was, per_ms: a }, Signal::SpendLimit { amount: is, per_ms: b }) => {
            a == b && is <= was
        }
        (Signal::Silence { after_ms: was, active: a }, Signal::Silence { after_ms: is, active: b }) => {
            a == b && is <= was
        }
        (
            Signal::ExceptionLimit { kind: k, count: was, per_ms: a },
            Signal::ExceptionLimit { kind: l, count: is, per_ms: b },
        ) => k == l && a == b && is <= was,
        // Every alert is more than those of one name.
        (Signal::External { .. }, Signal::External { of: None }) => true,
        (old, new) => old == new,
    }
}

#[cfg(test)]
#[path = "loosening_tests.rs"]
mod tests;

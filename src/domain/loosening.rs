//! What a new policy makes looser than the one in force: a sentence each.
//!
//! Owns the comparison. Whatever it can't tell to be tighter counts as looser: a change that waits for
//! an approver in vain costs a minute, one that slips through costs trust.

use super::{
    Better, GatePolicy, GuardPolicy, HousePolicy, Hypothesis, Mode, Policy, ScoreJudge, Signal, Track, WorkflowPolicy,
};

/// Everything that `new` makes looser; empty where it only tightens, adds and renames.
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
    let statistical = |of: &WorkflowPolicy| of.guards.iter().filter(|guard| guard.signal.is_statistical()).count();
    let more = statistical(new) > statistical(old);
    for before in &old.guards {
        match new.guards.iter().find(|guard| guard.name == before.name) {
            None => found.push(format!("the guard {} is gone", before.name)),
            Some(after) => guard(before, after, more, found),
        }
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
mod tests {
    use super::*;
    use crate::domain::{LapseOn, PerMode, WorkflowId};

    fn policy(change: impl FnOnce(&mut WorkflowPolicy)) -> Policy {
        let signal = Signal::ExceptionRate { kind: None };
        let bound = PerMode { automate: Some(0.02), delegate: Some(0.05), ..PerMode::default() };
        let rate = GuardPolicy {
            name: "rate".into(),
            signal,
            bound,
            block: 10,
            share: 1.0,
            to: Some(Mode::Assist),
            baseline: None,
        };
        let slow = GuardPolicy { name: "slow".into(), signal: Signal::Latency { limit_ms: 3000.0 }, ..rate.clone() };
        let id = WorkflowId::new("wf").unwrap();
        let mut workflow = WorkflowPolicy {
            id: id.clone(),
            guards: vec![rate, slow],
            max_mode: Mode::Delegate,
            ..WorkflowPolicy::bare()
        };
        workflow.evidence_valid_ms = Some(1_000);
        workflow.lapse_on = vec![LapseOn::Model];
        workflow.base = vec!["guide".into()];
        change(&mut workflow);
        Policy { workflows: [(id, workflow)].into(), ..Policy::empty() }
    }

    #[test]
    fn what_is_looser_waits_and_what_is_tighter_does_not() {
        let says = |change: fn(&mut WorkflowPolicy)| loosened(&policy(|_| {}), &policy(change));
        type Change = fn(&mut WorkflowPolicy);
        let looser: [(&str, Change); 20] = [
            ("max_mode delegate → automate", |w| w.max_mode = Mode::Automate),
            ("in the lab", |w| w.track = Track::Lab),
            ("evidence_valid", |w| w.evidence_valid_ms = None),
            ("review in automate", |w| w.review.automate = 0.01),
            ("overdue later", |w| w.reviewing.within_ms *= 2),
            ("asks for less: reviewed", |w| w.gate.automate.reviewed_min = 0.5),
            ("stands on guide", |w| w.base.clear()),
            ("new model", |w| w.lapse_on.clear()),
            ("stays down", |w| w.cooldown.first_ms = 1),
            ("checklist", |w| w.readiness.builder.clear()),
            ("checklist has no stop-rule", |w| drop(w.readiness.lab.pop())),
            ("to automate asks for less: outputs", |w| w.gate.automate.outputs_min = 1),
            ("approvals", |w| w.gate.delegate.approvals = vec!["any".into()]),
            ("the guard rate is gone", |w| drop(w.guards.remove(0))),
            ("bound of rate in automate 0.02 → 0.03", |w| w.guards[0].bound.automate = Some(0.03)),
            ("no longer binds in delegate", |w| w.guards[0].bound.delegate = None),
            ("watches something else", |w| w.guards[1].signal = Signal::Latency { limit_ms: 3001.0 }),
            ("no longer goes down", |w| w.guards[0].to = None),
            ("together", |w| w.guards[0].block = 11),
            ("less of the budget", |w| w.guards[0].share = 0.99),
        ];
        for (what, change) in looser {
            let said = says(change);
            assert!(said.len() == 1 && said[0].starts_with("wf: ") && said[0].contains(what), "{what}: {said:?}");
        }
        let tighter: [Change; 9] = [
            |w| w.max_mode = Mode::Collaborate,
            |w| w.evidence_valid_ms = Some(999),
            |w| w.review.automate = 1.0,
            |w| w.reviewing.twice = 0.5,
            |w| w.guards[0].bound.automate = Some(0.01),
            |w| w.guards[0].bound.collaborate = Some(0.5),
            |w| w.guards[1].signal = Signal::Latency { limit_ms: 2000.0 },
            |w| w.gate.delegate.approvals.push("board".into()),
            |w| {
                w.owner = "somebody else".into();
                w.guards[0].share = 0.5;
                w.guards.push(GuardPolicy { name: "third".into(), ..w.guards[0].clone() });
            },
        ];
        for change in tighter {
            assert_eq!(says(change), Vec::<String>::new());
        }
    }

    #[test]
    fn the_house_and_new_workflows() {
        let old = policy(|_| {});
        let more = Policy { outputs_per_false_demotion: 2e6, lease_ms: 60_001, ..old.clone() };
        assert_eq!(loosened(&old, &more).len(), 2);
        assert_eq!(loosened(&more, &old), Vec::<String>::new());
        assert_eq!(loosened(&Policy::empty(), &old), Vec::<String>::new(), "what is new isn't looser");
        let eager = policy(|w| w.start_mode = Mode::Automate);
        assert!(loosened(&Policy::empty(), &eager)[0].contains("start in automate"), "unless nobody promoted it");
        let twice = policy(|w| w.reviewing.twice = 0.5);
        assert!(loosened(&twice, &old)[0].contains("by two people"));
        let learned = |below: f64| {
            policy(|w| {
                let source = crate::domain::policy::BaselineSource::Outputs { count: 500 };
                let baseline = crate::domain::policy::BaselinePolicy { source, hour_of_week: None };
                (w.guards[0].baseline, w.guards[0].bound.automate) = (Some(baseline), Some(below));
            })
        };
        assert!(loosened(&learned(0.02), &learned(0.01))[0].contains("learn anew"), "a tighter one forgets, too");
        let storm = crate::domain::StormPolicy { workflows_min: 2, ..HousePolicy::default().storm };
        let stormy = HousePolicy { storm, ..HousePolicy::default() };
        assert!(loosened(&old, &Policy { house: stormy, ..old.clone() })[0].contains("storm"));
        let house = HousePolicy { loosening_waits: false, regression_cap: Mode::Delegate, ..HousePolicy::default() };
        assert_eq!(loosened(&old, &Policy { house, ..old.clone() }).len(), 2);
    }

    #[test]
    fn what_is_dropped_of_a_begun_hypothesis_is_looser() {
        let before = Hypothesis {
            id: "tone-1".into(),
            question: "does a sample of the guide keep the tone?".into(),
            owner: "ann".into(),
            time_box_ms: 1,
            goals: vec!["where it breaks".into()],
            samples: String::new(),
            exit: vec!["100 samples".into(), "no false claim".into()],
        };
        let says = |change: fn(&mut Hypothesis)| {
            let mut after = before.clone();
            change(&mut after);
            hypothesis(&before, Some(&after), true).join("; ")
        };
        assert!(says(|h| drop(h.exit.remove(0))).contains("has 1 of its exit criteria no more"));
        assert!(says(|h| h.exit[1] = "few false claims".into()).contains("exit criteria no more"), "other words");
        assert!(says(|h| h.question = "does it rhyme?".into()).contains("asks something else"));
        assert_eq!(says(|h| h.exit.push("a third".into())), "");
        assert_eq!(says(|h| (h.owner, h.time_box_ms) = ("bob".into(), 2)), "");
        assert_eq!(hypothesis(&before, None, false).len(), 1);
        assert_eq!(hypothesis(&before, None, true), Vec::<String>::new(), "what is done may go");
    }

    #[test]
    fn watching_for_every_alert_is_tighter_than_for_those_of_one_name() {
        let of = |of: Option<&str>| Signal::External { of: of.map(str::to_owned) };
        assert!(as_tight(&of(Some("A")), &of(None)) && as_tight(&of(Some("A")), &of(Some("A"))));
        assert!(!as_tight(&of(None), &of(Some("A"))) && !as_tight(&of(Some("A")), &of(Some("B"))));
    }

    #[test]
    fn a_fixed_limit_that_says_nothing_lands_in_assist() {
        let with = |signal: Signal, to: Option<Mode>| {
            let guard = |w: &WorkflowPolicy| GuardPolicy { signal: signal.clone(), to, ..w.guards[0].clone() };
            policy(|w| w.guards = vec![guard(w)])
        };
        let limits = [
            Signal::External { of: None },
            Signal::Silence { after_ms: 1, active: None },
            Signal::Volume { min: Some(1), max: None, per_ms: 1, active: None },
            Signal::ExceptionLimit { kind: None, count: 1, per_ms: 1 },
        ];
        for limit in limits {
            let says = |from, to| loosened(&with(limit.clone(), from), &with(limit.clone(), to)).join("; ");
            assert!(says(None, Some(Mode::Delegate)).contains("no longer goes down to assist"), "{limit:?}");
            assert_eq!((says(Some(Mode::Assist), None), says(None, Some(Mode::Assist))), Default::default());
        }
        let rate = Signal::ExceptionRate { kind: None };
        let freed = loosened(&with(rate.clone(), Some(Mode::Assist)), &with(rate, None));
        assert!(freed.concat().contains("no longer goes down to assist"), "its bounds decide then: {freed:?}");
    }

    #[test]
    fn a_mean_that_should_be_high_is_looser_where_it_is_lower() {
        let judge = ScoreJudge::Mean { low: 0.0, high: 1.0, better: Better::Higher };
        let signal = Signal::Score { of: "s".into(), judge };
        assert!(looser(&signal, 0.8, 0.7) && !looser(&signal, 0.7, 0.8));
    }
}

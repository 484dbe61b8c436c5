//! Policies beside policies: what counts as looser, and what doesn't.
//!
//! Owns nothing that runs outside of tests.

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
    let mut workflow =
        WorkflowPolicy { id: id.clone(), guards: vec![rate, slow], max_mode: Mode::Delegate, ..WorkflowPolicy::bare() };
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
    let nobody = Policy { workflows: [].into(), ..old.clone() };
    assert_eq!(loosened(&old, &nobody), Vec::<String>::new(), "who has no mode falls to assist");
    let mut heir = policy(|w| w.renamed_from = Some(std::mem::replace(&mut w.id, WorkflowId::new("heir").unwrap())));
    heir.workflows = heir.workflows.into_values().map(|w| (w.id.clone(), w)).collect();
    assert_eq!(loosened(&old, &heir), Vec::<String>::new(), "another id, and the same guards");
    heir.workflows.values_mut().for_each(|w| w.guards.clear());
    assert_eq!(loosened(&old, &heir).len(), 2, "another id is no way around what it was watched by");
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

/// The first guard with a limit says what a met service level is, and a gate asks for a share of these.
#[test]
fn another_limit_of_the_service_level_is_looser_where_a_gate_depends_on_it() {
    let with = |limits: &[Option<f64>], asked: Option<f64>| {
        policy(|w| {
            for (n, limit_ms) in limits.iter().enumerate() {
                // A name of its own by limit: none of these changes, they are put before each other.
                let name = limit_ms.map_or_else(|| format!("said-{n}"), |ms| format!("sla-{ms}"));
                w.guards.push(GuardPolicy { name, signal: Signal::Sla { limit_ms: *limit_ms }, ..w.guards[0].clone() });
            }
            w.gate.delegate.sla_min = asked;
        })
    };
    let says = |old: &[Option<f64>], new: &[Option<f64>]| -> Vec<String> {
        let all = loosened(&with(old, Some(0.9)), &with(new, Some(0.9)));
        all.into_iter().filter(|what| what.contains("`sla`")).collect()
    };
    let none = Vec::<String>::new();
    let strict = Some(100.0);
    let lax = Some(500.0);
    let above = says(&[strict], &[lax, strict]);
    assert_eq!(
        above,
        ["wf: the gate to delegate would judge `sla` by 500 ms instead of 100 ms"],
        "nothing else is looser"
    );
    assert_eq!(loosened(&with(&[strict], Some(0.9)), &with(&[lax, strict], Some(0.9))), above);
    assert_eq!(says(&[strict], &[None, lax, strict]).len(), 1, "one without a limit decides nothing");
    assert_eq!(says(&[strict], &[strict, lax]), none, "one below the first changes nothing");
    assert_eq!(says(&[lax, strict], &[strict, lax]), none, "a stricter one may come first");
    assert_eq!(says(&[], &[strict]).len(), 1, "what nobody judged before counts now");
    assert_eq!(says(&[strict], &[None]).len(), 1, "or no longer");
    let unasked = loosened(&with(&[strict], None), &with(&[lax, strict], None));
    assert_eq!(unasked, none, "no gate asks for it");
    assert_eq!(loosened(&with(&[strict], None), &with(&[lax, strict], Some(0.9))), none, "that it is asked for is new");
}

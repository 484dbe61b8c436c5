//! The gate: what it asks for, who may open it, and that silence opens nothing.

use super::rig::{DAY, Rig, workflow};
use andon::domain::policy::{BaselinePolicy, BaselineSource};
use andon::domain::{
    Action, Cause, Decision, Gate, GatePolicy, Mode, Outcome, OutputEvent, PerMode, ReadinessPolicy, RequestStatus,
    Signal, Standing, Target, What, WorkflowId,
};

fn gate(rig: &Rig, to: Target) -> Gate {
    rig.monitor.gate("wf", Some(to), rig.at.now).unwrap()
}

fn standing(gate: &Gate, name: &str) -> Standing {
    gate.requirements.iter().find(|r| r.name == name).unwrap_or_else(|| panic!("{name}: {gate:?}")).standing
}

#[test]
fn three_gates_with_two_approvals_each() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    for to in [Target::Collaborate, Target::Delegate, Target::Automate] {
        rig.climb("wf", to);
    }
    let entry = rig.last(|what| matches!(what, What::ModeChanged { .. }));
    let What::ModeChanged { from, to, epoch, cause, raised: Some(raised), .. } = &entry.what else {
        panic!("{entry:?}")
    };
    assert_eq!((*from, *to, *epoch, *cause), (Mode::Delegate, Mode::Automate, 4, Cause::Promotion));
    assert_eq!((raised.by.as_str(), raised.approvers.join(" "), entry.by.as_str()), ("ann", "bob cay".into(), "cay"));
    // The evidence is frozen: the entry of the request holds the numbers, the change their hash.
    let asked = rig.last(|what| matches!(what, What::Requested { .. }));
    let What::Requested { gate: Some(gate), .. } = &asked.what else { panic!("{asked:?}") };
    assert_eq!((&gate.evidence, gate.hash()), (&raised.evidence, raised.evidence.clone()));
    assert!(gate.requirements.len() > 8, "{gate:?}");
}

#[test]
fn nothing_passes_on_silence() {
    let mut policy = workflow("wf");
    policy.gate = GatePolicy::defaults();
    policy.gate.collaborate.sla_min = Some(0.9);
    policy.gate.collaborate.cost_per_unit_max = Some("1".parse().unwrap());
    policy.readiness = ReadinessPolicy::default();
    let mut rig = Rig::with(vec![policy]);
    let silent = gate(&rig, Target::Collaborate);
    assert_eq!(silent.verdict, Standing::Missing);
    for name in
        ["outputs", "days", "fresh", "ran_in_mode", "guard:exceptions", "repeatable:exceptions", "sla", "cost_per_unit"]
    {
        assert_eq!(standing(&silent, name), Standing::Inconclusive, "{name}");
    }
    assert_eq!(
        silent
            .requirements
            .iter()
            .filter(|r| r.name.starts_with("readiness:") && r.standing == Standing::Missing)
            .count(),
        10
    );
    let denial = rig.promote("ann", "wf", Target::Collaborate).unwrap_err();
    assert_eq!(denial.code, "gate_closed");
    assert!(denial.detail.contains("missing: time_in_mode, readiness:data-definitions"), "{}", denial.detail);
    assert!(denial.detail.contains("inconclusive: outputs, days"), "{}", denial.detail);
    let entry = rig.last(|what| matches!(what, What::Denied { .. }));
    assert_eq!(entry.by, "ann");
    // Months of silence change nothing about that.
    rig.pass(400 * DAY);
    let later = gate(&rig, Target::Collaborate);
    assert!(later.requirements.iter().filter(|r| r.standing == Standing::Inconclusive).count() >= 8, "{later:?}");
}

#[test]
fn a_workflow_that_nothing_watches_is_not_promoted() {
    let mut policy = workflow("wf");
    policy.guards[0].bound = PerMode { delegate: Some(0.05), automate: Some(0.05), ..PerMode::default() };
    let mut rig = Rig::with(vec![policy]);
    rig.good("wf", 400);
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "guards"), Standing::Missing);
    assert!(rig.promote("ann", "wf", Target::Collaborate).is_err());
}

#[test]
fn the_bound_must_be_shown_to_be_kept() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.good("wf", 30);
    let few = gate(&rig, Target::Collaborate);
    let guard = few.requirements.iter().find(|r| r.name == "guard:exceptions").unwrap();
    assert_eq!(guard.standing, Standing::Inconclusive);
    let needed = guard.n_needed.unwrap();
    assert!((30..60).contains(&needed), "the rule of three at 10 %, and a little: {needed}");
    rig.good("wf", u32::try_from(needed).unwrap() - 30);
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "guard:exceptions"), Standing::Met);
    // Every third output fails: that is shown, too.
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.outputs("wf", 300, |k, event| {
        if k % 3 == 0 {
            event.outcome = andon::domain::Outcome::Exception;
        }
    });
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "guard:exceptions"), Standing::Missing);
}

#[test]
fn evidence_is_of_the_mode_that_was_granted_and_of_the_newest_version() {
    let mut policy = workflow("wf");
    policy.gate.delegate.ran_in_mode_min = 0.9;
    let mut rig = Rig::with(vec![policy]);
    rig.climb("wf", Target::Collaborate);
    rig.good("wf", 200);
    assert_eq!(standing(&gate(&rig, Target::Delegate), "ran_in_mode"), Standing::Inconclusive, "they don't say");
    rig.outputs("wf", 100, |_, event| event.mode = Some(Mode::Assist));
    assert_eq!(standing(&gate(&rig, Target::Delegate), "ran_in_mode"), Standing::Missing);
    rig.outputs("wf", 3_000, |_, event| event.mode = Some(Mode::Collaborate));
    assert_eq!(standing(&gate(&rig, Target::Delegate), "ran_in_mode"), Standing::Met);
    rig.outputs("wf", 10, |_, event| event.model = Some("m-2".into()));
    let young = gate(&rig, Target::Delegate);
    assert_eq!(
        (standing(&young, "newest_version"), young.versions.join(" ")),
        (Standing::Inconclusive, "model = m-2".into())
    );
    rig.outputs("wf", 20, |_, event| event.model = Some("m-2".into()));
    assert_eq!(standing(&gate(&rig, Target::Delegate), "newest_version"), Standing::Met);
}

#[test]
fn a_cost_is_judged_by_the_bound_of_the_mode_sought() {
    let bound = PerMode { delegate: Some(0.05), automate: Some(0.02), ..PerMode::default() };
    let signal = Signal::CostPerUnit { cap: "0.50".parse().unwrap(), units_max: 10.0 };
    let at = |cost: &str, mode: Mode, to: Target| {
        let mut policy = workflow("wf");
        policy.start_mode = mode;
        policy.guards[0].signal = signal.clone();
        policy.guards[0].bound = bound;
        let mut rig = Rig::with(vec![policy]);
        rig.outputs("wf", 4_000, |_, event| event.cost = Some(cost.parse().unwrap()));
        standing(&gate(&rig, to), "guard:exceptions")
    };
    assert_eq!(at("0.01", Mode::Collaborate, Target::Delegate), Standing::Met);
    assert_ne!(at("0.20", Mode::Collaborate, Target::Delegate), Standing::Met, "four times the bound");
    assert_eq!(at("0.005", Mode::Delegate, Target::Automate), Standing::Met);
    assert_ne!(at("0.04", Mode::Delegate, Target::Automate), Standing::Met, "twice the bound of automate");
}

#[test]
fn a_group_that_fails_more_often_keeps_the_gate_closed_in_assist_too() {
    let mut policy = workflow("wf");
    let mut groups = policy.guards[0].clone();
    (groups.name, groups.signal) = ("groups".into(), Signal::Disparity { attribute: "locale".into() });
    groups.bound =
        PerMode { collaborate: Some(1.25), delegate: Some(1.25), automate: Some(1.25), ..PerMode::default() };
    policy.guards.push(groups);
    policy.guards.iter_mut().for_each(|guard| guard.share = 0.5);
    let mut rig = Rig::with(vec![policy]);
    rig.outputs("wf", 3_000, |k, event| {
        event.attributes = vec![("locale".into(), if k % 2 == 0 { "de" } else { "en" }.into())];
        if k % 20 == 0 || k % 100 == 1 {
            event.outcome = andon::domain::Outcome::Exception;
        }
    });
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "guard:groups"), Standing::Missing);
}

#[test]
fn a_few_known_service_levels_say_little() {
    let mut policy = workflow("wf");
    policy.gate.collaborate.sla_min = Some(0.9);
    let mut rig = Rig::with(vec![policy]);
    rig.outputs("wf", 400, |k, event| event.sla_met = (k < 40).then_some(true));
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "sla"), Standing::Inconclusive);
    rig.outputs("wf", 500, |_, event| event.sla_met = Some(true));
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "sla"), Standing::Met);
}

#[test]
fn what_was_made_before_the_mode_was_granted_is_no_evidence_of_it() {
    let mut policy = workflow("wf");
    policy.gate.delegate.days_min = 2;
    let mut rig = Rig::with(vec![policy]);
    rig.climb("wf", Target::Collaborate);
    let now = rig.at.now;
    rig.outputs("wf", 400, |k, event| event.time = Some(now.plus(-DAY * i64::from(1 + k % 2))));
    let late = gate(&rig, Target::Delegate);
    for name in ["outputs", "days", "guard:exceptions", "repeatable:exceptions"] {
        assert_eq!(standing(&late, name), Standing::Inconclusive, "{name}");
    }
}

#[test]
fn modes_are_climbed_one_at_a_time_and_not_above_the_policy() {
    let mut policy = workflow("wf");
    policy.max_mode = Mode::Collaborate;
    let mut rig = Rig::with(vec![policy]);
    rig.good("wf", 400);
    assert_eq!(standing(&gate(&rig, Target::Delegate), "step"), Standing::Missing);
    rig.climb("wf", Target::Collaborate);
    rig.good("wf", 400);
    let above = gate(&rig, Target::Delegate);
    assert_eq!((standing(&above, "step"), standing(&above, "max_mode")), (Standing::Met, Standing::Missing));
}

#[test]
fn whoever_asks_does_not_approve_and_nobody_twice() {
    let mut policy = workflow("wf");
    policy.gate.collaborate.approvals = vec!["owner".into(), "board".into()];
    let mut rig = Rig::with(vec![policy]);
    rig.good("wf", 400);
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    let code = |result: Result<(), andon::domain::Denial>| result.unwrap_err().code;
    assert_eq!(code(rig.promote("bob", "wf", Target::Collaborate)), "already_pending");
    assert_eq!(code(rig.approve("ann", &["owner", "board"])), "own_request");
    assert_eq!(code(rig.approve("eve", &["sre"])), "role_not_needed");
    rig.approve("bob", &["board"]).unwrap();
    assert_eq!(code(rig.approve("bob", &["owner"])), "approved_already");
    assert_eq!(rig.mode("wf"), Mode::Assist);
    rig.approve("cay", &["owner"]).unwrap();
    assert_eq!(rig.mode("wf"), Mode::Collaborate);
    assert_eq!(code(rig.approve("dan", &["owner"])), "not_pending");
    let denied = rig.ledger.iter().filter(|entry| matches!(entry.what, What::Denied { .. }));
    assert_eq!(denied.map(|entry| entry.by.as_str()).collect::<Vec<_>>(), ["bob", "ann", "eve", "bob", "dan"]);
}

#[test]
fn a_request_is_rejected_taken_back_or_too_old() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.good("wf", 400);
    let decide = |rig: &mut Rig, by: &str, decision: Decision| {
        let request = rig.newest().id;
        rig.act(by, &[], Action::Decide { request, decision, note: "not yet".into() })
    };
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    assert_eq!(decide(&mut rig, "bob", Decision::Withdraw).unwrap_err().code, "not_yours");
    decide(&mut rig, "bob", Decision::Reject).unwrap();
    assert_eq!(rig.newest().status, RequestStatus::Rejected);
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    decide(&mut rig, "ann", Decision::Withdraw).unwrap();
    assert_eq!(rig.newest().status, RequestStatus::Withdrawn);
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    rig.approve("bob", &[]).unwrap();
    assert_eq!(rig.monitor.due(), rig.newest().expires_at);
    rig.pass(14 * DAY);
    assert_eq!(rig.newest().status, RequestStatus::Expired);
    assert_eq!(rig.approve("cay", &[]).unwrap_err().code, "not_pending");
    // Too late is too late, even before the next tick.
    rig.good("wf", 1);
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    rig.approve("bob", &[]).unwrap();
    rig.at.now = rig.at.now.plus(14 * DAY);
    assert_eq!(rig.approve("cay", &[]).unwrap_err().code, "not_pending");
    assert_eq!(rig.mode("wf"), Mode::Assist);
}

#[test]
fn what_came_after_the_request_may_close_the_gate_again() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.good("wf", 200);
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    rig.approve("bob", &[]).unwrap();
    // In assist nothing is bound, so nothing is breached.
    rig.outputs("wf", 60, |_, event| event.outcome = andon::domain::Outcome::Exception);
    rig.approve("cay", &[]).unwrap();
    let ended = rig.newest();
    assert_eq!((rig.mode("wf"), ended.status), (Mode::Assist, RequestStatus::Cancelled));
    assert!(ended.because.starts_with("meanwhile the gate to collaborate is closed"), "{}", ended.because);
}

#[test]
fn the_checklist_is_answered_by_name_and_answers_grow_old() {
    let mut policy = workflow("wf");
    policy.readiness.builder = vec!["runbook".into()];
    let mut rig = Rig::with(vec![policy]);
    rig.good("wf", 400);
    let answer = |rig: &mut Rig, item: &str, ready: bool| {
        let workflow = WorkflowId::new("wf").unwrap();
        rig.act("eve", &[], Action::Answer { workflow, item: item.into(), ready, note: "seen".into() })
    };
    assert_eq!(answer(&mut rig, "lunch", true).unwrap_err().code, "unknown_item");
    answer(&mut rig, "runbook", true).unwrap();
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "readiness:runbook"), Standing::Met);
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    answer(&mut rig, "runbook", false).unwrap();
    assert_eq!(rig.newest().status, RequestStatus::Cancelled);
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "readiness:runbook"), Standing::Missing);
    answer(&mut rig, "runbook", true).unwrap();
    rig.pass(181 * DAY);
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "readiness:runbook"), Standing::Missing);
}

#[test]
fn after_a_promotion_evidence_and_review_begin_anew() {
    let mut policy = workflow("wf");
    policy.review = PerMode { assist: 1.0, collaborate: 0.5, delegate: 0.1, automate: 0.02 };
    let mut rig = Rig::with(vec![policy]);
    rig.climb("wf", Target::Collaborate);
    // Evidence against the lower mode that isn't enough for anything.
    rig.good("wf", 400);
    rig.outputs("wf", 2, |_, event| event.outcome = andon::domain::Outcome::Exception);
    rig.promote("ann", "wf", Target::Delegate).unwrap();
    rig.approve("bob", &[]).unwrap();
    rig.approve("cay", &[]).unwrap();
    let workflow = &rig.monitor.workflows()[&WorkflowId::new("wf").unwrap()];
    let view = workflow.view(rig.monitor.policy(), rig.at.now, andon::monitor::Detail::Brief);
    assert!(view.guards[0].evidence.is_some_and(|evidence| evidence.abs() < f64::EPSILON));
    assert_eq!((workflow.review_depth(), view.mode.review.probation), (0.5, true), "as much as in the mode below");
    rig.good("wf", 49);
    assert!(rig.state("wf").governance.probation.is_some());
    rig.good("wf", 1);
    assert!(rig.state("wf").governance.probation.is_none());
    assert_eq!(rig.state("wf").governance.epoch.outputs, 50);
}

/// Mornings at which half of the outputs fail are normal here, and evenings at which one in fifty does.
#[test]
fn a_bound_by_the_hour_asks_for_what_is_usual_in_the_hours_that_came() {
    const HALF_A_DAY: i64 = DAY / 2;
    let mut policy = workflow("wf");
    let source = BaselineSource::Outputs { count: 2_800 };
    policy.guards[0].baseline = Some(BaselinePolicy { source, hour_of_week: Some("UTC".into()) });
    policy.guards[0].bound = PerMode { collaborate: Some(0.05), ..PerMode::default() };
    let mut rig = Rig::with(vec![policy]);
    let hour = |rig: &mut Rig, every: u32| {
        let fails = |k: u32, event: &mut OutputEvent| {
            if k.is_multiple_of(every) {
                event.outcome = Outcome::Exception;
            }
        };
        rig.outputs("wf", 100, fails);
    };
    // Two weeks to learn from; each input takes a second, so an hour holds them all.
    let day = |rig: &mut Rig, morning: u32, evening: u32| {
        let start = rig.at.now;
        hour(rig, morning);
        rig.pass(HALF_A_DAY - rig.at.now.since(start));
        hour(rig, evening);
        rig.pass(DAY - rig.at.now.since(start));
    };
    (0..14).for_each(|_| day(&mut rig, 2, 50));
    let asked = |rig: &Rig| {
        let gate = gate(rig, Target::Collaborate);
        gate.requirements.into_iter().find(|r| r.name == "guard:exceptions").unwrap()
    };
    (0..14).for_each(|_| day(&mut rig, 2, 50));
    let both = asked(&rig);
    assert_eq!(both.standing, Standing::Met, "as it was: {both:?}");
    assert!((0.30..0.40).contains(&both.wanted.unwrap()), "between the two: {both:?}");
    // Then mostly evenings come, in which a fifth fails: little for a morning, far too much for an evening.
    for _ in 0..60 {
        rig.pass(HALF_A_DAY);
        hour(&mut rig, 5);
        rig.pass(HALF_A_DAY - 100_000);
    }
    let evenings = asked(&rig);
    assert!(evenings.wanted < both.wanted, "{evenings:?}");
    assert_ne!(evenings.standing, Standing::Met, "{evenings:?}");
}

#[test]
fn an_annulment_gives_back_what_was_left_of_the_probation() {
    let mut policy = workflow("wf");
    policy.review = PerMode { assist: 1.0, collaborate: 0.5, delegate: 0.1, automate: 0.02 };
    let mut rig = Rig::with(vec![policy]);
    rig.climb("wf", Target::Collaborate);
    rig.climb("wf", Target::Delegate);
    rig.good("wf", 20);
    rig.breach("wf");
    assert!(rig.state("wf").governance.probation.is_none());
    let workflow = WorkflowId::new("wf").unwrap();
    rig.act("ann", &[], Action::Annul { workflow, reason: "a test run".into() }).unwrap();
    rig.approve("bob", &[]).unwrap();
    let state = rig.state("wf");
    let probation = state.governance.probation.expect("it goes on");
    let left = probation.until_output - state.totals.counts.outputs;
    assert!(state.granted == Mode::Delegate && (1..30).contains(&left), "{left} of 50");
}

/// What a guard was shown to keep to was the bound of before.
#[test]
fn what_learns_anew_shows_anew() {
    let mut policy = workflow("wf");
    let source = BaselineSource::Outputs { count: 100 };
    policy.guards[0].baseline = Some(BaselinePolicy { source, hour_of_week: None });
    policy.guards[0].bound = PerMode { collaborate: Some(0.05), ..PerMode::default() };
    let mut rig = Rig::with(vec![policy]);
    rig.good("wf", 600);
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "guard:exceptions"), Standing::Met);
    let workflow = WorkflowId::new("wf").unwrap();
    let rebase = Action::Rebase { workflow, guard: "exceptions".into(), outputs: None, reason: "new tone".into() };
    rig.act("ann", &[], rebase).unwrap();
    rig.good("wf", 110);
    assert_eq!(standing(&gate(&rig, Target::Collaborate), "guard:exceptions"), Standing::Inconclusive);
}

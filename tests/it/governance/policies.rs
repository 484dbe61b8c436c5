//! A looser policy waits for an approver; a tighter one doesn't.

use super::rig::{Rig, workflow};
use andon::domain::{Action, Ask, Decision, Mode, Policy, RequestStatus, Target, What, WorkflowPolicy};

fn of(policy: &mut Policy) -> &mut WorkflowPolicy {
    policy.workflows.values_mut().next().unwrap()
}

#[test]
fn a_looser_policy_waits_and_the_old_one_stays() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.load(|policy| of(policy).guards[0].bound.automate = Some(0.2));
    let request = rig.newest();
    let Ask::Policy { hash, loosens } = &request.ask else { panic!("{request:?}") };
    assert_eq!((hash.as_str(), loosens.join("; ")), ("p1+", "wf: bound of exceptions in automate 0.05 → 0.2".into()));
    assert_eq!(rig.monitor.policy().hash, "p1");
    rig.approve("bob", &[]).unwrap();
    assert_eq!(rig.monitor.policy().hash, "p1+");
    let entry = rig.last(|what| matches!(what, What::PolicyLoaded { .. }));
    assert_eq!((entry.by.as_str(), entry.policy.as_str()), ("bob", "p1+"));
}

#[test]
fn a_tighter_policy_comes_at_once_and_replaces_one_that_waits() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.load(|policy| of(policy).guards.clear());
    let waiting = rig.newest().id;
    rig.load(|policy| *of(policy) = WorkflowPolicy { max_mode: Mode::Delegate, ..workflow("wf") });
    assert_eq!((rig.monitor.policy().hash.as_str(), rig.monitor.house().waiting.is_some()), ("p1++", false));
    let act = Action::Decide { request: waiting, decision: Decision::Approve, note: String::new() };
    assert_eq!(rig.act("bob", &[], act).unwrap_err().code, "not_pending");
    assert_eq!(rig.monitor.policy().hash, "p1++");
}

#[test]
fn a_rejected_policy_never_comes() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.load(|policy| of(policy).guards.clear());
    let request = rig.newest().id;
    rig.act("bob", &[], Action::Decide { request, decision: Decision::Reject, note: "no".into() }).unwrap();
    assert_eq!((rig.newest().status, rig.monitor.house().waiting.is_some()), (RequestStatus::Rejected, false));
    assert_eq!(rig.monitor.policy().hash, "p1");
}

#[test]
fn where_it_is_declared_a_looser_policy_comes_at_once() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.load(|policy| policy.house.loosening_waits = false);
    assert_eq!(rig.monitor.policy().hash, "p1", "that is itself looser");
    rig.approve("bob", &[]).unwrap();
    rig.load(|policy| of(policy).guards.clear());
    assert_eq!(rig.monitor.policy().hash, "p1++");
}

#[test]
fn leaving_and_coming_back_loosens_nothing_unseen() {
    let mut rig = Rig::with(vec![workflow("wf"), workflow("other")]);
    rig.climb("wf", Target::Collaborate);
    let gone = of(&mut rig.policy.clone()).id.clone();
    assert_eq!(gone.as_str(), "other");
    rig.load(|policy| policy.workflows.retain(|id, _| id.as_str() != "wf"));
    let mut looser = workflow("wf");
    looser.guards.clear();
    rig.load(|policy| drop(policy.workflows.insert(looser.id.clone(), looser)));
    let Ask::Policy { loosens, .. } = rig.newest().ask else { panic!() };
    assert_eq!(loosens, ["wf: it comes back in collaborate, under guards that nobody compared"]);
}

#[test]
fn leaving_and_coming_back_under_another_name_loosens_nothing_unseen() {
    let mut rig = Rig::with(vec![workflow("wf"), workflow("other")]);
    rig.climb("wf", Target::Collaborate);
    rig.load(|policy| policy.workflows.retain(|id, _| id.as_str() != "wf"));
    let mut heir = workflow("heir");
    heir.guards.clear();
    heir.renamed_from = Some(andon::domain::WorkflowId::new("wf").unwrap());
    rig.load(|policy| drop(policy.workflows.insert(heir.id.clone(), heir)));
    let Ask::Policy { loosens, .. } = rig.newest().ask else { panic!() };
    assert_eq!(loosens, ["heir: it comes back in collaborate, under guards that nobody compared"]);
}

#[test]
fn going_back_to_what_is_in_force_ends_what_waits() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    let before = rig.monitor.policy().clone();
    rig.load(|policy| of(policy).guards.clear());
    assert!(rig.monitor.house().waiting.is_some());
    rig.input(andon::domain::Input::Policy(Box::new((*before).clone())));
    assert_eq!((rig.newest().status, rig.monitor.house().waiting.is_some()), (RequestStatus::Cancelled, false));
}

#[test]
fn anothers_changed_policy_ends_nothing() {
    let mut rig = Rig::with(vec![workflow("wf"), workflow("other")]);
    rig.good("wf", 400);
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    rig.load(|policy| of(policy).owner = "somebody".into());
    assert_eq!(rig.newest().status, RequestStatus::Pending);
}

#[test]
fn a_changed_policy_ends_what_was_asked_for() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.good("wf", 400);
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    rig.load(|policy| of(policy).guards[0].bound.automate = Some(0.04));
    assert_eq!(rig.newest().status, RequestStatus::Cancelled);
    assert!(rig.newest().because.contains("policy changed"));
}

#[test]
fn the_way_out_of_the_lab_is_a_promotion() {
    let mut policy = workflow("wf");
    policy.track = andon::domain::Track::Lab;
    policy.max_mode = Mode::Collaborate;
    policy.hypotheses = vec![super::lab_rig::hypothesis("h-1")];
    let mut rig = Rig::with(vec![policy]);
    super::lab_rig::test(&mut rig, "h-1");
    rig.climb("wf", Target::Collaborate);
    rig.good("wf", 400);
    rig.outputs("wf", 30, |_, event| event.outcome = andon::domain::Outcome::Exception);
    assert_eq!(rig.mode("wf"), Mode::Collaborate, "in the lab breaches inform");
    let incident = rig.state("wf").incidents.list()[0].id.clone();
    rig.act("eve", &[], Action::Resolve { incident, note: "learned".into() }).unwrap();
    // Declared, but not decided: it stays in the lab.
    rig.load(|policy| {
        of(policy).track = andon::domain::Track::Factory;
        of(policy).max_mode = Mode::Automate;
    });
    rig.approve("bob", &[]).unwrap();
    assert_eq!(rig.monitor.policy().hash, "p1+");
    rig.outputs("wf", 30, |_, event| event.outcome = andon::domain::Outcome::Exception);
    assert_eq!(rig.mode("wf"), Mode::Collaborate);
    let incident = rig.state("wf").incidents.list().last().unwrap().id.clone();
    rig.act("eve", &[], Action::Resolve { incident, note: "learned".into() }).unwrap();
    assert_eq!(rig.promote("ann", "wf", Target::Delegate).unwrap_err().code, "gate_closed");
    assert_eq!(rig.promote("ann", "wf", Target::Factory).unwrap_err().code, "gate_closed", "too many failures of late");
    rig.good("wf", 2_000);
    rig.promote("ann", "wf", Target::Factory).unwrap();
    rig.approve("bob", &[]).unwrap();
    rig.approve("cay", &[]).unwrap();
    assert!(!rig.state("wf").governance.in_lab);
    assert_eq!(rig.state("wf").governance.epoch.outputs, 0, "from here on it is judged on evidence of its own");
    assert!(
        matches!(&rig.last(|what| matches!(what, What::Graduated { .. })).what, What::Graduated { approvers, .. } if approvers.len() == 2)
    );
    rig.breach("wf");
    assert_eq!(rig.mode("wf"), Mode::Assist, "in the factory they demote");
}

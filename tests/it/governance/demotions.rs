//! After a demotion: how long a workflow stays down, and the way back when andon was wrong.

use super::rig::{DAY, Rig, workflow};
use andon::domain::{Action, Cause, Decision, Mode, RequestStatus, Standing, Target, What, WorkflowId};

fn wf() -> WorkflowId {
    WorkflowId::new("wf").unwrap()
}

#[test]
fn a_second_demotion_within_a_week_keeps_it_down_longer() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.climb("wf", Target::Collaborate);
    rig.breach("wf");
    let resolve = |rig: &mut Rig| {
        let incident = rig.state("wf").incidents.list().last().unwrap().id.clone();
        rig.act("ann", &[], Action::Resolve { incident, note: "rolled back".into() }).unwrap();
    };
    resolve(&mut rig);
    rig.good("wf", 400);
    let opens = |rig: &Rig| {
        let gate = rig.monitor.gate("wf", None, rig.at.now).unwrap();
        gate.requirements.iter().find(|r| r.name == "cooldown").unwrap().standing
    };
    let denial = rig.promote("ann", "wf", Target::Collaborate).unwrap_err();
    assert!(denial.detail.contains("missing: cooldown"), "{}", denial.detail);
    rig.pass(3 * DAY);
    assert_eq!(opens(&rig), Standing::Met);
    rig.climb("wf", Target::Collaborate);
    rig.breach("wf");
    resolve(&mut rig);
    rig.pass(3 * DAY);
    assert_eq!(opens(&rig), Standing::Missing, "twice as long");
    rig.pass(3 * DAY);
    assert_eq!(opens(&rig), Standing::Met);
}

#[test]
fn two_people_annul_a_false_demotion_at_once_and_it_is_counted() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.climb("wf", Target::Collaborate);
    rig.climb("wf", Target::Delegate);
    let annul = Action::Annul { workflow: wf(), reason: "a test run was counted".into() };
    assert_eq!(rig.act("ann", &[], annul.clone()).unwrap_err().code, "nothing_to_annul");
    rig.breach("wf");
    assert_eq!(rig.mode("wf"), Mode::Collaborate);
    rig.act("ann", &[], annul.clone()).unwrap();
    assert_eq!(rig.approve("ann", &[]).unwrap_err().code, "approved_already");
    assert_eq!(rig.mode("wf"), Mode::Collaborate);
    rig.approve("bob", &[]).unwrap();
    assert_eq!((rig.mode("wf"), rig.state("wf").cause), (Mode::Delegate, Cause::Annulment));
    let governance = &rig.state("wf").governance;
    assert_eq!((governance.demoted, governance.annulled), (1, 1));
    assert!(rig.state("wf").incidents.unresolved().next().is_none(), "its incident is over");
    let gate = rig.monitor.gate("wf", None, rig.at.now).unwrap();
    assert!(!gate.requirements.iter().any(|r| r.name == "cooldown"), "nothing is held against it");
    assert_eq!(rig.act("ann", &[], annul).unwrap_err().code, "nothing_to_annul");
}

#[test]
fn what_came_after_a_demotion_ends_its_annulment() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.climb("wf", Target::Collaborate);
    rig.breach("wf");
    rig.act("ann", &[], Action::Annul { workflow: wf(), reason: "false".into() }).unwrap();
    rig.act("dan", &[], Action::Stop { reason: "all of it".into() }).unwrap();
    assert_eq!(rig.newest().status, RequestStatus::Cancelled);
    assert_eq!(rig.approve("bob", &[]).unwrap_err().code, "not_pending");
    rig.act("dan", &[], Action::Hold { workflow: wf(), hold: true, reason: "wait".into() }).unwrap();
    let held = rig.act("ann", &[], Action::Annul { workflow: wf(), reason: "false".into() });
    assert_eq!(held.unwrap_err().code, "held");
}

#[test]
fn breaches_of_one_cause_are_one_incident() {
    let mut policy = workflow("wf");
    let mut slow = policy.guards[0].clone();
    (slow.name, slow.signal) = ("slow".into(), andon::domain::Signal::Latency { limit_ms: 100.0 });
    policy.guards.push(slow);
    policy.guards.iter_mut().for_each(|guard| guard.share = 0.5);
    policy.rollback = "go back to 2026.11.1".into();
    let mut rig = Rig::with(vec![policy]);
    rig.outputs("wf", 400, |_, event| event.latency_ms = Some(10.0));
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    rig.approve("bob", &[]).unwrap();
    rig.approve("cay", &[]).unwrap();
    for _ in 0..40 {
        rig.outputs("wf", 1, |_, event| {
            event.outcome = andon::domain::Outcome::Exception;
            event.latency_ms = Some(1_000.0);
        });
    }
    let incidents = rig.state("wf").incidents.list();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!((incidents[0].guards().len(), incidents[0].rollback.as_str()), (2, "go back to 2026.11.1"));
    assert!(rig.ledger.iter().any(|entry| matches!(entry.what, What::IncidentJoined { .. })));
    let id = incidents[0].id.clone();
    rig.act("eve", &[], Action::Resolve { incident: id, note: "the provider was down".into() }).unwrap();
    assert_eq!(rig.state("wf").incidents.list()[0].cause, "the provider was down");
}

#[test]
fn rejecting_an_annulment_leaves_everything_as_it_is() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.climb("wf", Target::Collaborate);
    rig.breach("wf");
    rig.act("ann", &[], Action::Annul { workflow: wf(), reason: "false".into() }).unwrap();
    let request = rig.newest().id;
    rig.act("bob", &[], Action::Decide { request, decision: Decision::Reject, note: "it was right".into() }).unwrap();
    assert_eq!((rig.mode("wf"), rig.state("wf").governance.annulled), (Mode::Assist, 0));
}

#[test]
fn a_stop_after_a_demotion_is_the_last_word() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.climb("wf", Target::Collaborate);
    rig.breach("wf");
    rig.act("dan", &[], Action::Stop { reason: "all of it".into() }).unwrap();
    let annul = rig.act("ann", &[], Action::Annul { workflow: wf(), reason: "false".into() });
    assert_eq!(annul.unwrap_err().code, "nothing_to_annul");
}

//! Storms: many demotions at a time are one event, and can be undone together.

use super::rig::{Rig, workflow};
use andon::domain::{Action, Cause, HousePolicy, Mode, StormPolicy, Target, Time, What, WorkflowId};

const IDS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Eight workflows in collaborate; a storm is more than a quarter of them within an hour.
fn rig() -> Rig {
    let storm = StormPolicy { share: 0.25, workflows_min: 3, within_ms: Time::HOUR };
    let house = HousePolicy { storm, ..HousePolicy::default() };
    let mut rig = Rig::of(IDS.iter().map(|id| workflow(id)).collect(), house);
    IDS.iter().for_each(|id| rig.climb(id, Target::Collaborate));
    rig
}

fn storm_incidents(rig: &Rig) -> usize {
    rig.monitor.house().incidents.list().iter().filter(|incident| incident.about == "storm").count()
}

fn open(rig: &Rig) -> usize {
    IDS.iter().map(|id| rig.state(id).incidents.unresolved().count()).sum::<usize>()
        + rig.monitor.house().incidents.unresolved().count()
}

#[test]
fn all_are_still_lowered_and_it_is_one_incident() {
    let mut rig = rig();
    rig.breach("a");
    rig.breach("b");
    assert_eq!((storm_incidents(&rig), open(&rig)), (0, 2));
    for id in ["c", "d", "e"] {
        rig.breach(id);
    }
    assert!(["a", "b", "c", "d", "e"].iter().all(|id| rig.mode(id) == Mode::Assist));
    assert_eq!((storm_incidents(&rig), open(&rig)), (1, 1));
    assert_eq!(rig.state("a").incidents.list()[0].part_of.as_deref(), Some("house:1"));
    // The one incident ends all of its parts.
    rig.act("eve", &[], Action::Resolve { incident: "house:1".into(), note: "the provider".into() }).unwrap();
    assert!(IDS.iter().all(|id| rig.state(id).incidents.list().iter().all(|i| !i.is_unresolved())));
}

#[test]
fn demotions_far_apart_are_no_storm() {
    let mut rig = rig();
    for id in ["a", "b", "c", "d"] {
        rig.breach(id);
        rig.pass(Time::HOUR);
    }
    assert_eq!((storm_incidents(&rig), open(&rig)), (0, 4));
}

#[test]
fn two_people_restore_all_but_those_that_something_happened_to() {
    let mut rig = rig();
    ["a", "b", "c", "d", "e"].iter().for_each(|id| rig.breach(id));
    let restore = |storm: &str| Action::Restore { storm: storm.into(), reason: "a wrong clock".into() };
    assert_eq!(rig.act("ann", &[], restore("a-1")).unwrap_err().code, "unknown_storm");
    rig.act("ann", &[], restore("house:1")).unwrap();
    assert_eq!(rig.act("bob", &[], restore("house:1")).unwrap_err().code, "already_pending");
    let wf = |id: &str| WorkflowId::new(id).unwrap();
    rig.act("dan", &[], Action::Lower { workflow: wf("d"), mode: Mode::Assist, reason: "leave it".into() }).unwrap();
    rig.act("dan", &[], Action::Hold { workflow: wf("e"), hold: true, reason: "leave it".into() }).unwrap();
    assert_eq!(rig.approve("ann", &[]).unwrap_err().code, "approved_already");
    rig.approve("bob", &[]).unwrap();
    let modes = IDS.map(|id| rig.mode(id));
    use Mode::{Assist, Collaborate};
    assert_eq!(modes, [Collaborate, Collaborate, Collaborate, Assist, Assist, Collaborate, Collaborate, Collaborate]);
    assert_eq!((rig.state("a").cause, rig.state("a").governance.annulled), (Cause::Restoration, 1));
    assert_eq!(rig.state("d").governance.annulled, 0);
    assert!(rig.monitor.house().incidents.unresolved().next().is_none());
}

#[test]
fn a_stop_ends_a_restoration() {
    let mut rig = rig();
    ["a", "b", "c"].iter().for_each(|id| rig.breach(id));
    rig.act("ann", &[], Action::Restore { storm: "house:1".into(), reason: "false".into() }).unwrap();
    rig.act("dan", &[], Action::Stop { reason: "everything".into() }).unwrap();
    assert_eq!(rig.approve("bob", &[]).unwrap_err().code, "not_pending");
    assert!(IDS.iter().all(|id| rig.mode(id) == Mode::Assist));
    assert!(
        rig.ledger
            .iter()
            .any(|e| matches!(&e.what, What::Decided { because, .. } if because.contains("everything was stopped")))
    );
}

#[test]
fn after_a_storm_was_dealt_with_the_next_one_is_another() {
    let mut rig = rig();
    ["a", "b", "c"].iter().for_each(|id| rig.breach(id));
    rig.act("ann", &[], Action::Restore { storm: "house:1".into(), reason: "false".into() }).unwrap();
    rig.approve("bob", &[]).unwrap();
    assert_eq!((rig.mode("a"), open(&rig)), (Mode::Collaborate, 0));
    ["a", "b", "c"].iter().for_each(|id| rig.breach(id));
    assert_eq!((storm_incidents(&rig), open(&rig)), (2, 1));
}

#[test]
fn a_held_workflow_is_not_restored_and_nothing_of_it_forgotten() {
    let mut rig = rig();
    ["a", "b", "c"].iter().for_each(|id| rig.breach(id));
    let workflow = WorkflowId::new("a").unwrap();
    rig.act("dan", &[], Action::Hold { workflow, hold: true, reason: "leave it".into() }).unwrap();
    rig.act("ann", &[], Action::Restore { storm: "house:1".into(), reason: "false".into() }).unwrap();
    rig.approve("bob", &[]).unwrap();
    assert_eq!((rig.mode("a"), rig.mode("b")), (Mode::Assist, Mode::Collaborate));
    assert_eq!((rig.state("a").governance.annulled, rig.state("b").governance.annulled), (0, 1));
}

#[test]
fn one_that_got_another_id_since_is_restored_too_and_its_incident_goes_with_it() {
    let mut rig = rig();
    ["a", "b", "c"].iter().for_each(|id| rig.breach(id));
    rig.load(|policy| {
        let mut own = policy.workflows.remove("a").unwrap();
        own.renamed_from = Some(std::mem::replace(&mut own.id, WorkflowId::new("heir").unwrap()));
        policy.workflows.insert(own.id.clone(), own);
    });
    let incident = rig.state("heir").incidents.list()[0].clone();
    assert_eq!((incident.id.as_str(), incident.workflow.as_str()), ("a-1", "heir"));
    let asked: Vec<_> = rig.state("heir").governance.requests.list().map(|asked| asked.workflow.clone()).collect();
    assert_eq!(asked, [WorkflowId::new("heir").ok()], "the promotion that it had before");
    rig.act("ann", &[], Action::Restore { storm: "house:1".into(), reason: "false".into() }).unwrap();
    rig.approve("bob", &[]).unwrap();
    assert_eq!(["heir", "b", "c"].map(|id| rig.mode(id)), [Mode::Collaborate; 3]);
    assert!(!rig.state("heir").incidents.list()[0].is_unresolved());
}

#[test]
fn several_steps_down_in_a_storm_are_all_taken_back() {
    let mut rig = rig();
    rig.climb("a", Target::Delegate);
    rig.climb("a", Target::Automate);
    ["b", "c", "a"].iter().for_each(|id| rig.breach(id));
    // Further down, step by step.
    rig.outputs("a", 60, |_, event| event.outcome = andon::domain::Outcome::Exception);
    assert!(
        rig.mode("a") == Mode::Assist && rig.state("a").governance.demoted == 2,
        "{}",
        rig.state("a").governance.demoted
    );
    rig.act("ann", &[], Action::Restore { storm: "house:1".into(), reason: "false".into() }).unwrap();
    rig.approve("bob", &[]).unwrap();
    assert_eq!((rig.mode("a"), rig.state("a").governance.annulled), (Mode::Automate, 2));
}

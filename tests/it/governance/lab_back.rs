//! Ways round the lab: leaving the policy and coming back, old sign-offs, approvals of what was not shown.

#![cfg(test)]

use super::lab_rig::{lab, record, rig, start, test};
use andon::domain::{Ask, RequestStatus, Standing, Target, Track};

use Standing::{Met, Missing};

/// What was signed off comes back only as what it was: another question was never tested.
#[test]
fn a_tested_hypothesis_that_left_and_comes_back_otherwise_waits() {
    let mut rig = rig(&["h-1"]);
    test(&mut rig, "h-1");
    let kept = rig.policy.workflows.values().next().unwrap().hypotheses.clone();
    rig.load(|policy| policy.workflows.values_mut().next().unwrap().hypotheses.clear());
    assert!(rig.monitor.house().waiting.is_none(), "it is done, so it may go");
    rig.load(|policy| {
        let mut other = kept.clone();
        other[0].question = "something else?".into();
        policy.workflows.values_mut().next().unwrap().hypotheses = other;
    });
    let Ask::Policy { loosens, .. } = rig.newest().ask else { panic!() };
    assert!(loosens[0].contains("h-1"), "{loosens:?}");
    rig.load(|policy| policy.workflows.values_mut().next().unwrap().hypotheses.clone_from(&kept));
    assert!(rig.monitor.house().waiting.is_none(), "as it was");
    assert_eq!(lab(&rig), [Met, Met, Met]);
}

/// A workflow that went badly is sent back to learn anew: what it showed before is of no use.
#[test]
fn back_in_the_lab_it_has_to_test_anew() {
    let mut rig = rig(&["h-1"]);
    test(&mut rig, "h-1");
    assert_eq!(lab(&rig), [Met, Met, Met]);
    rig.load(|policy| policy.workflows.values_mut().next().unwrap().track = Track::Factory);
    rig.good("wf", 400);
    rig.promote("ann", "wf", Target::Factory).unwrap();
    rig.approve("bob", &[]).unwrap();
    rig.approve("cay", &[]).unwrap();
    rig.load(|policy| policy.workflows.values_mut().next().unwrap().track = Track::Lab);
    rig.approve("bob", &[]).unwrap();
    assert!(rig.state("wf").governance.in_lab);
    assert_eq!(lab(&rig)[..2], [Missing, Missing]);
}

/// Approvers agree to what they were shown: what was begun meanwhile they were not.
#[test]
fn a_waiting_policy_that_loosens_more_by_now_is_asked_for_again() {
    let mut rig = rig(&["h-1"]);
    rig.load(|policy| {
        let workflow = policy.workflows.values_mut().next().unwrap();
        workflow.hypotheses.clear();
        workflow.review.automate = 0.0;
    });
    start(&mut rig, "h-1").unwrap();
    rig.approve("bob", &[]).unwrap();
    let request = rig.newest();
    assert_eq!(request.status, RequestStatus::Cancelled, "{request:?}");
    assert!(request.because.contains("h-1"), "{}", request.because);
    assert!(rig.monitor.house().waiting.is_none() && record(&rig, "h-1").is_active());
}

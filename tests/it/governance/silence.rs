//! Silence: too little came. What to look for is another thing than after a breach by what came, so its
//! incident says so; in all else it is an incident of a guard.

#![cfg(test)]

use super::rig::{Rig, workflow};
use andon::domain::{
    Action, GuardPolicy, HousePolicy, Mode, Outcome, PerMode, Severity, Signal, Standing, StormPolicy, Target, Time,
    Track, WorkflowId, WorkflowPolicy,
};
use andon::monitor::Incident;

fn guard(name: &str, signal: Signal) -> GuardPolicy {
    let bound = PerMode::default();
    GuardPolicy { name: name.into(), signal, bound, block: 1, share: 0.0, to: None, baseline: None }
}

fn silence() -> GuardPolicy {
    guard("quiet", Signal::Silence { after_ms: Time::HOUR, active: None })
}

/// A workflow in collaborate with one more guard.
fn watched(id: &str, guard: GuardPolicy) -> WorkflowPolicy {
    let mut own = WorkflowPolicy { start_mode: Mode::Collaborate, ..workflow(id) };
    (own.runbook, own.rollback) = ("https://wiki/quiet".into(), "switch to the old queue".into());
    own.guards.push(guard);
    own
}

fn incidents<'r>(rig: &'r Rig, id: &str) -> &'r [Incident] {
    rig.state(id).incidents.list()
}

#[test]
fn silence_opens_one_incident_about_silence() {
    let mut rig = Rig::with(vec![watched("wf", silence())]);
    rig.good("wf", 10);
    rig.pass(Time::HOUR);
    assert_eq!(rig.mode("wf"), Mode::Assist);
    let incident = &incidents(&rig, "wf")[0];
    assert_eq!((incident.about.as_str(), incident.severity), ("silence", Severity::Critical));
    assert_eq!(
        (incident.guard.as_deref(), incident.breach.as_ref().unwrap().signal.as_str()),
        (Some("quiet"), "silence")
    );
    assert_eq!(
        (incident.runbook.as_str(), incident.rollback.as_str()),
        ("https://wiki/quiet", "switch to the old queue")
    );
    // Known, and so again: no second one.
    for _ in 0..3 {
        rig.good("wf", 1);
        rig.pass(2 * Time::HOUR);
    }
    assert_eq!(incidents(&rig, "wf").len(), 1);
    let resolve = Action::Resolve { incident: "wf-1".into(), note: "the queue".into() };
    rig.act("ann", &[], resolve).unwrap();
    rig.good("wf", 1);
    rig.pass(2 * Time::HOUR);
    assert_eq!(incidents(&rig, "wf").iter().map(|i| i.about.as_str()).collect::<Vec<_>>(), ["silence", "silence"]);
}

#[test]
fn a_volume_below_its_minimum_is_silence_and_one_above_its_maximum_is_a_breach() {
    let volume = |min, max| guard("volume", Signal::Volume { min, max, per_ms: Time::HOUR, active: None });
    let mut rig = Rig::with(vec![watched("few", volume(Some(5), None)), watched("many", volume(None, Some(5)))]);
    rig.good("few", 2);
    rig.good("many", 7);
    rig.pass(2 * Time::HOUR);
    rig.pass(2 * Time::HOUR);
    assert_eq!((incidents(&rig, "few").len(), incidents(&rig, "few")[0].about.as_str()), (1, "silence"));
    assert_eq!((incidents(&rig, "many").len(), incidents(&rig, "many")[0].about.as_str()), (1, "breach"));
}

/// A workflow that fails and then falls silent, or the other way round, has one fault: one incident.
#[test]
fn what_comes_within_an_hour_joins_whichever_was_first() {
    // In the lab breaches inform, and the mode stays: both guards go on.
    let lab = || WorkflowPolicy { track: Track::Lab, max_mode: Mode::Collaborate, ..watched("wf", silence()) };
    let fail = |rig: &mut Rig| rig.outputs("wf", 40, |_, event| event.outcome = Outcome::Exception);
    let mut rig = Rig::with(vec![lab()]);
    rig.pass(Time::HOUR);
    fail(&mut rig);
    let found = incidents(&rig, "wf");
    assert_eq!(
        (found.len(), found[0].about.as_str(), found[0].guards()),
        (1, "silence", vec!["quiet".into(), "exceptions".into()])
    );
    assert!(rig.last(|what| matches!(what, andon::domain::What::IncidentJoined { .. })).workflow.is_some());
    let mut rig = Rig::with(vec![lab()]);
    rig.good("wf", 1);
    fail(&mut rig);
    // The silence counts from the last failure, and the breach is a minute older than an hour by then.
    assert_eq!(incidents(&rig, "wf").len(), 1);
    rig.pass(2 * Time::HOUR);
    let found: Vec<(&str, usize)> = incidents(&rig, "wf").iter().map(|i| (i.about.as_str(), i.also.len())).collect();
    assert_eq!(found, [("breach", 0), ("silence", 0)], "more than an hour apart");
}

#[test]
fn workflows_that_fall_silent_together_are_a_storm() {
    let storm = StormPolicy { share: 0.25, workflows_min: 3, within_ms: Time::HOUR };
    let house = HousePolicy { storm, ..HousePolicy::default() };
    let mut rig = Rig::of(["a", "b", "c"].map(|id| watched(id, silence())).into(), house);
    rig.pass(Time::HOUR);
    let of_house = rig.monitor.house().incidents.list();
    assert_eq!((of_house.len(), of_house[0].about.as_str()), (1, "storm"));
    for id in ["a", "b", "c"] {
        assert_eq!(
            (incidents(&rig, id)[0].about.as_str(), incidents(&rig, id)[0].part_of.as_deref()),
            ("silence", Some("house:1"))
        );
    }
    rig.act("ann", &[], Action::Resolve { incident: "house:1".into(), note: "the broker".into() }).unwrap();
    assert!(["a", "b", "c"].iter().all(|id| !incidents(&rig, id)[0].is_unresolved()));
}

/// A promotion lets the evidence age from its time on. It is no output, for whoever watches what comes.
#[test]
fn a_promotion_is_no_output() {
    let mut policy = workflow("wf");
    policy.evidence_valid_ms = Some(7 * Time::DAY);
    let mut rig = Rig::with(vec![policy]);
    let last = |rig: &Rig| {
        let workflow = &rig.monitor.workflows()[&WorkflowId::new("wf").unwrap()];
        let view = workflow.view(rig.monitor.policy(), rig.at.now, andon::monitor::Detail::Brief);
        (view.last_output_at, workflow.lapses_at())
    };
    let fresh = |rig: &Rig| {
        let gate = rig.monitor.gate("wf", Some(Target::Delegate), rig.at.now).unwrap();
        gate.requirements.iter().find(|requirement| requirement.name == "fresh").unwrap().standing
    };
    assert_eq!(last(&rig), (None, None));
    rig.good("wf", 400);
    let output_at = rig.at.now;
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    rig.approve("bob", &[]).unwrap();
    rig.pass(6 * Time::DAY);
    rig.approve("cay", &[]).unwrap();
    let raised_at = rig.at.now;
    assert_eq!(rig.mode("wf"), Mode::Collaborate);
    assert_eq!(
        last(&rig),
        (Some(output_at), Some(raised_at.plus(7 * Time::DAY))),
        "its evidence counts from the promotion"
    );
    rig.pass(2 * Time::DAY);
    assert_eq!(fresh(&rig), Standing::Inconclusive, "nothing came for 8 days");
    rig.good("wf", 1);
    assert_eq!((last(&rig).0, fresh(&rig)), (Some(rig.at.now), Standing::Met));
}

//! Alerts from outside: one that fires is a breach, and nothing that is said of it afterwards is another.
//!
//! What is a failure here: a repeat that does anything, an alert that fires and doesn't close the gate, one
//! that is resolved and raises something, a wrong clock elsewhere that makes a guard deaf.

#![cfg(test)]

use super::rig::{Rig, workflow};
use andon::domain::alert::{Alert, AlertResult, AlertStatus, WorkflowAlert};
use andon::domain::{
    Action, Cause, Command, GuardPolicy, Input, Mode, PerMode, Severity, Signal, Standing, Target, Time, Track, What,
    WorkflowId, WorkflowPolicy,
};
use andon::monitor::{Detail, Effect, external};
use proptest::prelude::*;

use AlertResult::*;
use AlertStatus::{Firing, Resolved as Over, Test as Trial};

fn guard(name: &str, of: Option<&str>, to: Option<Mode>) -> GuardPolicy {
    let signal = Signal::External { of: of.map(str::to_owned) };
    GuardPolicy { name: name.into(), signal, bound: PerMode::default(), block: 1, share: 0.0, to, baseline: None }
}

/// A workflow in delegate with one external guard.
fn watched(of: Option<&str>) -> WorkflowPolicy {
    let mut own = WorkflowPolicy { start_mode: Mode::Delegate, ..workflow("wf") };
    own.guards.push(guard("outside", of, None));
    own
}

fn alert(name: &str, fingerprint: &str, status: AlertStatus, starts_at: Time) -> Alert {
    Alert { name: name.into(), fingerprint: fingerprint.into(), status, starts_at, severity: Some("page".into()) }
}

/// What became of alerts about `wf`.
fn send(rig: &mut Rig, alerts: &[Alert]) -> Vec<AlertResult> {
    let of = |alert: &Alert| WorkflowAlert { workflow: WorkflowId::new("wf").unwrap(), alert: alert.clone() };
    let action = Action::Alerts { alerts: alerts.iter().map(of).collect() };
    let effects = rig.input(Input::Command(Command::new("alertmanager", action)));
    effects.iter().filter_map(|effect| if let Effect::Alert(result) = effect { Some(*result) } else { None }).collect()
}

/// What the gate says of the guard.
fn requirement(rig: &Rig) -> (Standing, String) {
    let gate = rig.monitor.gate("wf", None, rig.at.now).unwrap();
    let found = gate.requirements.into_iter().find(|requirement| requirement.name == "guard:outside").unwrap();
    (found.standing, found.detail)
}

fn resolve(rig: &mut Rig, incident: &str) {
    rig.act("ann", &[], Action::Resolve { incident: incident.into(), note: "the CRM is back".into() }).unwrap();
}

#[test]
fn an_alert_that_fires_lowers_the_mode_and_says_why() {
    let mut rig = Rig::with(vec![watched(None)]);
    let fires = alert("CrmErrorsHigh", "4603277885e7b81a", Firing, rig.at.now);
    assert_eq!(send(&mut rig, std::slice::from_ref(&fires)), [Breach]);
    assert_eq!((rig.mode("wf"), rig.state("wf").cause), (Mode::Assist, Cause::Breach));
    let heard = rig.last(|what| matches!(what, What::Alert { .. }));
    assert_eq!(heard.what, What::Alert { alert: fires, guards: vec!["outside".into()] });
    assert_eq!(heard.by, "alertmanager");
    let lowered = rig.last(|what| matches!(what, What::ModeChanged { .. }));
    let What::ModeChanged { reason, breach: Some(breach), .. } = &lowered.what else { panic!("{lowered:?}") };
    assert_eq!(lowered.by, "andon", "the guard did it");
    assert_eq!(reason, "outside: the alert CrmErrorsHigh (page), firing since 2026-11-22T08:00:01.000Z");
    assert_eq!((breach.signal.as_str(), breach.n, breach.changed_at), ("external", 1, Some(rig.at.now.plus(-1_000))));
    let incident = &rig.state("wf").incidents.list()[0];
    assert_eq!((incident.about.as_str(), incident.severity), ("breach", Severity::Critical));
    let views = rig.monitor.workflows()["wf"].guard_views(rig.at.now, Detail::Brief);
    let states: Vec<&str> = views.iter().map(|view| view.state.name()).collect();
    assert_eq!(states, ["no_data", "breached"]);
}

#[test]
fn where_it_lands_and_which_alerts_count_is_declared() {
    let mut policy = watched(Some("CrmErrorsHigh"));
    policy.guards.push(guard("soft", Some("CrmSlow"), Some(Mode::Collaborate)));
    let mut rig = Rig::with(vec![policy]);
    let now = rig.at.now;
    assert_eq!(
        send(&mut rig, &[alert("Other", "a", Firing, now), alert("CrmSlow", "b", Firing, now)]),
        [NoGuard, Breach]
    );
    assert_eq!(rig.mode("wf"), Mode::Collaborate);
    assert_eq!(send(&mut rig, &[alert("CrmErrorsHigh", "c", Firing, now)]), [Breach]);
    assert_eq!(rig.mode("wf"), Mode::Assist);
    assert_eq!(rig.state("wf").incidents.list().len(), 1, "one cause");
}

#[test]
fn what_is_said_again_changes_nothing() {
    let mut rig = Rig::with(vec![watched(None)]);
    let fires = [alert("A", "a", Firing, rig.at.now), alert("B", "b", Firing, rig.at.now)];
    assert_eq!(send(&mut rig, &fires), [Breach, Breach]);
    let (before, entries) = (rig.state("wf").clone(), rig.ledger.len());
    for _ in 0..3 {
        assert_eq!(send(&mut rig, &fires), [Repeat, Repeat]);
    }
    let now = rig.at.now;
    assert_eq!(send(&mut rig, &[alert("C", "never heard of", Over, now)]), [Repeat]);
    assert_eq!((rig.state("wf"), rig.ledger.len()), (&before, entries));
}

#[test]
fn the_gate_is_closed_while_it_fires_and_what_is_resolved_raises_nothing() {
    let mut rig = Rig::with(vec![watched(None)]);
    let start = rig.at.now;
    assert_eq!(requirement(&rig).0, Standing::Inconclusive, "nobody knows whether anything would come through");
    send(&mut rig, &[alert("A", "a", Firing, start), alert("B", "b", Firing, start)]);
    resolve(&mut rig, "wf-1");
    assert_eq!(requirement(&rig), (Standing::Missing, "2 alerts are firing: A, B".to_owned()));
    rig.pass(60 * Time::DAY);
    assert_eq!(requirement(&rig).0, Standing::Missing, "time doesn't make it quiet");
    assert_eq!(send(&mut rig, &[alert("A", "a", Over, start)]), [Resolved]);
    assert_eq!(requirement(&rig), (Standing::Missing, "the alert B is firing".to_owned()));
    assert_eq!(send(&mut rig, &[alert("B", "b", Over, start)]), [Resolved]);
    assert_eq!((requirement(&rig).0, rig.mode("wf")), (Standing::Met, Mode::Assist));
    assert!(matches!(&rig.ledger.last().unwrap().what, What::Alert { alert, .. } if alert.status == Over));
    let state = |rig: &Rig| rig.monitor.workflows()["wf"].guard_views(rig.at.now, Detail::Brief)[1].state.name();
    assert_eq!(state(&rig), "breached", "it stays in sight until people grant something again");
    rig.climb("wf", Target::Collaborate);
    assert_eq!(state(&rig), "ok");
    // The next time is another breach.
    let now = rig.at.now;
    assert_eq!(send(&mut rig, &[alert("A", "a", Firing, now)]), [Breach]);
    assert_eq!((rig.mode("wf"), state(&rig)), (Mode::Assist, "breached"));
}

#[test]
fn an_incident_tells_what_became_of_its_alert() {
    let mut rig = Rig::with(vec![watched(None)]);
    let start = rig.at.now;
    send(&mut rig, &[alert("A", "a", Firing, start), alert("A", "a", Over, start)]);
    let incident = &rig.state("wf").incidents.list()[0];
    assert!(incident.is_unresolved(), "a person looks at it all the same");
    assert_eq!(incident.timeline.last().unwrap().note, "the alert A is resolved");
}

#[test]
fn a_promotion_that_waits_is_cancelled_even_where_the_mode_is_the_lowest() {
    let mut rig = Rig::with(vec![WorkflowPolicy { start_mode: Mode::Assist, ..watched(None) }]);
    let now = rig.at.now;
    assert_eq!(send(&mut rig, &[alert("A", "t", Trial, now)]), [Test]);
    rig.good("wf", 400);
    rig.promote("ann", "wf", Target::Collaborate).unwrap();
    rig.approve("bob", &[]).unwrap();
    let now = rig.at.now;
    assert_eq!(send(&mut rig, &[alert("A", "a", Firing, now)]), [Breach]);
    assert!(!rig.newest().is_pending());
    assert_eq!(rig.approve("cay", &[]).unwrap_err().code, "not_pending");
    assert_eq!(rig.mode("wf"), Mode::Assist);
    assert!(rig.promote("ann", "wf", Target::Collaborate).is_err());
}

#[test]
fn a_test_shows_that_the_way_is_open_and_breaches_nothing() {
    let mut rig = Rig::with(vec![watched(Some("A"))]);
    let now = rig.at.now;
    assert_eq!(send(&mut rig, &[alert("B", "b", Trial, now)]), [NoGuard]);
    assert_eq!(requirement(&rig).0, Standing::Inconclusive);
    assert_eq!(send(&mut rig, &[alert("A", "a", Trial, now)]), [Test]);
    assert_eq!((requirement(&rig).0, rig.mode("wf")), (Standing::Met, Mode::Delegate));
    let entries = rig.ledger.len();
    assert_eq!(send(&mut rig, &[alert("A", "a", Trial, now)]), [Test]);
    assert_eq!(rig.ledger.len(), entries, "once is enough");
}

#[test]
fn in_the_lab_an_alert_informs() {
    let lab = WorkflowPolicy { track: Track::Lab, start_mode: Mode::Collaborate, ..watched(None) };
    let mut rig = Rig::with(vec![lab]);
    let now = rig.at.now;
    assert_eq!(send(&mut rig, &[alert("A", "a", Firing, now)]), [Breach]);
    assert_eq!(rig.mode("wf"), Mode::Collaborate);
    assert!(rig.ledger.iter().any(|entry| matches!(entry.what, What::BreachNoted { .. })));
    resolve(&mut rig, "wf-1");
    assert_eq!(requirement(&rig).0, Standing::Missing, "whoever resolves the incident doesn't put the fire out");
}

#[test]
fn one_that_was_taken_for_resolved_and_fires_on_fires() {
    let mut rig = Rig::with(vec![watched(None)]);
    let start = rig.at.now;
    let said = [Firing, Over, Firing, Firing, Over, Over].map(|status| alert("A", "a", status, start));
    assert_eq!(send(&mut rig, &said), [Breach, Resolved, Breach, Repeat, Resolved, Repeat]);
}

#[test]
fn a_wrong_clock_elsewhere_does_not_make_the_guard_deaf() {
    let mut rig = Rig::with(vec![watched(None)]);
    let (now, ahead) = (rig.at.now, rig.at.now.plus(400 * Time::DAY));
    assert_eq!(send(&mut rig, &[alert("A", "a", Firing, ahead), alert("A", "a", Firing, ahead)]), [Breach, Repeat]);
    assert_eq!(send(&mut rig, &[alert("A", "a", Over, ahead), alert("A", "a", Firing, now)]), [Resolved, Breach]);
    assert_eq!(send(&mut rig, &[alert("A", "a", Firing, now.plus(-1))]), [Repeat], "late, and of before");
}

#[test]
fn another_definition_goes_on_knowing_what_fires() {
    let mut rig = Rig::with(vec![watched(None)]);
    let now = rig.at.now;
    send(&mut rig, &[alert("A", "a", Firing, now), alert("B", "b", Firing, now)]);
    resolve(&mut rig, "wf-1");
    // Tighter, so it comes into force at once.
    let change = |rig: &mut Rig, guard: GuardPolicy| {
        rig.load(|policy| policy.workflows.values_mut().for_each(|w| w.guards[1] = guard.clone()))
    };
    change(&mut rig, guard("outside", None, Some(Mode::Assist)));
    assert_eq!(requirement(&rig), (Standing::Missing, "2 alerts are firing: A, B".to_owned()));
    assert_eq!(send(&mut rig, &[alert("A", "a", Firing, now)]), [Repeat]);
    let effects = change(&mut rig, guard("outside", Some("B"), Some(Mode::Assist)));
    assert!(effects.iter().any(|e| matches!(e, Effect::Ledger(entry) if matches!(entry.what, What::Requested { .. }))));
    rig.approve("bob", &[]).unwrap();
    assert_eq!(requirement(&rig), (Standing::Missing, "the alert B is firing".to_owned()));
    // Without it nothing is known, and that needs an approver, too.
    let effects = rig.load(|policy| policy.workflows.values_mut().for_each(|w| drop(w.guards.pop())));
    let asked = |e: &Effect| matches!(e, Effect::Ledger(entry) if matches!(&entry.what, What::Requested { ask, .. } if format!("{ask:?}").contains("outside is gone")));
    assert!(effects.iter().any(asked), "{effects:?}");
}

#[test]
fn more_than_are_kept_are_left_to_the_next_notification() {
    let mut rig = Rig::with(vec![watched(None)]);
    let now = rig.at.now;
    let many: Vec<Alert> = (0..=external::ALERTS_MAX).map(|n| alert("A", &format!("a{n}"), Firing, now)).collect();
    let results = send(&mut rig, &many);
    assert_eq!(results.iter().filter(|result| **result == Breach).count(), external::ALERTS_MAX);
    assert_eq!(results.last(), Some(&TooMany));
    assert_eq!(send(&mut rig, &[alert("A", "a0", Over, now), many[external::ALERTS_MAX].clone()]), [Resolved, Breach]);
    assert_eq!(send(&mut rig, &[many[0].clone()]), [TooMany], "the one that is over went, not one that fires");
}

/// How often each of three alerts fires, whether the last time is over, and which notifications are said again
/// later: the alert, the time that it fired, and whether that it is over.
type Story = (Vec<(usize, bool)>, Vec<(usize, usize, bool)>);

fn story() -> impl Strategy<Value = Story> {
    let again = (0..3usize, 0..4usize, any::<bool>());
    (proptest::collection::vec((0..4usize, any::<bool>()), 3), proptest::collection::vec(again, 0..40))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    /// Each time that an alert fires is one breach, however often and however late it is said again.
    #[test]
    fn each_time_is_one_breach((times, again) in story()) {
        let mut rig = Rig::with(vec![watched(None)]);
        let mut said: Vec<Vec<[Alert; 2]>> = vec![Vec::new(); 3];
        let (mut breaches, mut again) = (0, again.into_iter());
        for round in 0..4 {
            for (of, (count, last_is_over)) in times.iter().enumerate() {
                if round >= *count {
                    continue;
                }
                let pair = [Firing, Over].map(|status| alert("A", &format!("a{of}"), status, rig.at.now));
                breaches += 1;
                prop_assert_eq!(send(&mut rig, &pair[..1]), [Breach]);
                if round + 1 < *count || *last_is_over {
                    prop_assert_eq!(send(&mut rig, &pair[1..]), [Resolved]);
                }
                said[of].push(pair);
                for (of, nth, over) in again.by_ref().take(4) {
                    // What was said before the last time, and the last word of the last time.
                    let open = said[of].len() == times[of].0 && !times[of].1;
                    let Some(pair) = said[of].get(nth) else { continue };
                    let over = if nth + 1 == said[of].len() { !open } else { over };
                    let (state, ledger) = (rig.state("wf").clone(), rig.ledger.len());
                    prop_assert_eq!(send(&mut rig, &[pair[usize::from(over)].clone()]), [Repeat]);
                    prop_assert_eq!((rig.state("wf"), rig.ledger.len()), (&state, ledger));
                }
            }
        }
        let heard = |entry: &&andon::domain::Entry| matches!(&entry.what, What::Alert { alert, .. } if alert.status == Firing);
        prop_assert_eq!(rig.ledger.iter().filter(heard).count(), breaches);
        let open = times.iter().filter(|(count, over)| *count > 0 && !over).count();
        prop_assert_eq!(requirement(&rig).0 == Standing::Missing, open > 0);
    }
}

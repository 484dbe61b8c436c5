//! Base items: audits, regressions, and what stands on them.

use super::rig::{DAY, Rig, workflow};
use andon::domain::{Action, BaseItem, Denial, HousePolicy, Mode, RequestStatus, Standing, Target, What};

fn rig() -> Rig {
    let item = BaseItem { owner: "brand".into(), version: "1".into(), audit_every_ms: 90 * DAY };
    let base = [("guide".to_owned(), item.clone()), ("schema".to_owned(), item)].into();
    let mut on_both = workflow("wf");
    on_both.base = vec!["guide".into(), "schema".into()];
    Rig::of(vec![on_both, workflow("other")], HousePolicy { base, ..HousePolicy::default() })
}

fn regress(rig: &mut Rig, item: &str) -> Result<(), Denial> {
    rig.act("eve", &[], Action::Regress { item: item.into(), summary: "the tone is off".into() })
}

fn resolve(rig: &mut Rig, incident: &str) {
    rig.act("eve", &[], Action::Resolve { incident: incident.into(), note: "back to version 1".into() }).unwrap();
}

#[test]
fn a_regression_caps_all_that_stands_on_it_until_it_is_resolved() {
    let mut rig = rig();
    rig.climb("wf", Target::Collaborate);
    rig.climb("other", Target::Collaborate);
    rig.good("wf", 400);
    rig.promote("ann", "wf", Target::Delegate).unwrap();
    regress(&mut rig, "guide").unwrap();
    assert_eq!(
        (rig.allowed("wf"), rig.mode("wf"), rig.allowed("other")),
        (Mode::Assist, Mode::Collaborate, Mode::Collaborate)
    );
    assert_eq!(rig.newest().status, RequestStatus::Cancelled, "it was asked for without knowing of that");
    assert_eq!(regress(&mut rig, "guide").unwrap_err().code, "already_regressed");
    assert_eq!(regress(&mut rig, "nothing").unwrap_err().code, "unknown_base_item");
    // Two causes, and one cap ends without the other.
    regress(&mut rig, "schema").unwrap();
    resolve(&mut rig, "house:1");
    assert_eq!(rig.allowed("wf"), Mode::Assist);
    let gate = rig.monitor.gate("wf", Some(Target::Delegate), rig.at.now).unwrap();
    assert_eq!(gate.requirements.iter().find(|r| r.name == "caps").unwrap().standing, Standing::Missing);
    resolve(&mut rig, "house:2");
    assert_eq!(rig.allowed("wf"), Mode::Collaborate, "a cap lifts by itself, and never above what was granted");
    let capped = rig.ledger.iter().filter(|entry| matches!(entry.what, What::Capped { .. })).count();
    assert_eq!(capped, 4);
}

#[test]
fn a_workflow_that_runs_above_its_cap_disobeys() {
    let mut rig = rig();
    rig.climb("wf", Target::Collaborate);
    regress(&mut rig, "guide").unwrap();
    rig.at.now = rig.at.now.plus(61_000);
    rig.outputs("wf", 1, |_, event| event.mode = Some(Mode::Collaborate));
    assert_eq!(rig.state("wf").totals.above_mode, 1);
}

#[test]
fn audits_come_due_and_the_gate_waits_for_them() {
    let mut rig = rig();
    rig.good("wf", 400);
    let base = |rig: &Rig| {
        let gate = rig.monitor.gate("wf", None, rig.at.now).unwrap();
        gate.requirements.iter().filter(|r| r.name.starts_with("base:")).map(|r| r.standing).collect::<Vec<_>>()
    };
    assert_eq!(base(&rig), [Standing::Met, Standing::Met]);
    rig.pass(91 * DAY);
    assert_eq!(base(&rig), [Standing::Missing, Standing::Missing]);
    let audit = |rig: &mut Rig, item: &str, passed: bool| {
        rig.act("eve", &[], Action::Audit { item: item.into(), passed, note: "read it".into() })
    };
    audit(&mut rig, "guide", true).unwrap();
    audit(&mut rig, "schema", false).unwrap();
    assert_eq!(base(&rig), [Standing::Met, Standing::Missing]);
    assert_eq!(audit(&mut rig, "nothing", true).unwrap_err().code, "unknown_base_item");
    let incidents = rig.monitor.house().incidents.list();
    assert_eq!(incidents.iter().map(|i| i.about.as_str()).collect::<Vec<_>>(), ["audit"]);
}

#[test]
fn a_cap_goes_where_the_dependence_goes() {
    let mut rig = rig();
    rig.climb("other", Target::Collaborate);
    regress(&mut rig, "guide").unwrap();
    rig.load(|policy| {
        policy.workflows.values_mut().filter(|w| w.id.as_str() == "other").for_each(|w| w.base = vec!["guide".into()])
    });
    assert_eq!(rig.allowed("other"), Mode::Assist);
}

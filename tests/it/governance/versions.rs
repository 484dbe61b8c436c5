//! New versions and models: seen, recorded, and where declared the end of a granted mode.

use super::rig::{Rig, workflow};
use andon::domain::{BaseItem, Cause, HousePolicy, LapseOn, Mode, Target, What};

#[test]
fn a_new_model_is_recorded_once_and_lapses_the_mode_only_where_declared() {
    for (lapse_on, mode) in
        [(vec![], Mode::Collaborate), (vec![LapseOn::Model], Mode::Assist), (vec![LapseOn::Version], Mode::Collaborate)]
    {
        let mut policy = workflow("wf");
        policy.lapse_on = lapse_on;
        let mut rig = Rig::with(vec![policy]);
        rig.outputs("wf", 40, |_, event| event.model = Some("m-1".into()));
        rig.climb("wf", Target::Collaborate);
        // Two models side by side don't fill the ledger.
        rig.outputs("wf", 50, |k, event| event.model = Some(format!("m-{}", 1 + k % 2).into()));
        assert_eq!(rig.mode("wf"), mode);
        let seen = rig.ledger.iter().filter(|entry| matches!(entry.what, What::VersionSeen { .. })).count();
        assert_eq!(seen, 2);
        if mode == Mode::Assist {
            assert_eq!(rig.state("wf").cause, Cause::Version);
            assert!(rig.state("wf").reason.contains("model = m-2 is new"));
            assert_eq!(rig.state("wf").incidents.list().last().unwrap().about, "version");
        }
    }
}

#[test]
fn a_new_version_of_a_base_item_is_one_of_its_dependents() {
    let item = |version: &str| BaseItem {
        owner: "brand".into(),
        version: version.into(),
        audit_every_ms: 90 * super::rig::DAY,
    };
    let house = HousePolicy { base: [("guide".to_owned(), item("1"))].into(), ..HousePolicy::default() };
    let mut policy = workflow("wf");
    (policy.base, policy.lapse_on) = (vec!["guide".into()], vec![LapseOn::Base]);
    let mut rig = Rig::of(vec![policy, workflow("other")], house);
    rig.climb("wf", Target::Collaborate);
    rig.climb("other", Target::Collaborate);
    rig.load(|policy| drop(policy.house.base.insert("guide".into(), item("2"))));
    assert_eq!((rig.mode("wf"), rig.mode("other")), (Mode::Assist, Mode::Collaborate));
    let entry = rig.last(|what| matches!(what, What::VersionSeen { .. }));
    assert_eq!(entry.what, What::VersionSeen { version: "base guide = 2".into() });
}

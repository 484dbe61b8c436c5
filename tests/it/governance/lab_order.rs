//! The lab in any order: whatever people do, the way out opens only where all holds.
//!
//! A model reads the ledger alone and says when the three requirements of the lab are met.

use super::lab_rig::{dispose, find, hypothesis, lab, rig, show, sign_off, start, test};
use super::rig::Rig;
use andon::domain::{Conclusion, FindingKind, Hypothesis, LabAct, Mode, Standing, Target, Track, What};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Op {
    Start(u8),
    Find(u8, u8),
    Show(u8, bool, bool),
    Dispose(u8, u8),
    SignOff(u8, u8),
    Ask,
    Approve(u8),
    Good,
    Fail,
    Drop(u8),
    Declare,
}

fn ops() -> impl Strategy<Value = Op> {
    let h = 0u8..5;
    prop_oneof![
        3 => h.clone().prop_map(Op::Start),
        3 => (h.clone(), 0u8..3).prop_map(|(h, kind)| Op::Find(h, kind)),
        8 => (h.clone(), any::<bool>(), prop::bool::weighted(0.9)).prop_map(|(h, which, met)| Op::Show(h, which, met)),
        3 => (h.clone(), 1u8..4).prop_map(|(h, n)| Op::Dispose(h, n)),
        5 => (h.clone(), 0u8..3).prop_map(|(h, by)| Op::SignOff(h, by)),
        3 => Just(Op::Ask),
        4 => (0u8..3).prop_map(Op::Approve),
        2 => Just(Op::Good),
        1 => Just(Op::Fail),
        1 => h.prop_map(Op::Drop),
        1 => Just(Op::Declare),
    ]
}

const IDS: [&str; 5] = ["h-0", "h-1", "h-2", "h-3", "h-4"];
const PEOPLE: [&str; 3] = ["ann", "bob", "cay"];

fn play(rig: &mut Rig, op: Op) {
    let id = |h: u8| IDS[usize::from(h)];
    match op {
        Op::Start(h) => drop(start(rig, id(h))),
        Op::Find(h, kind) => drop(find(rig, id(h), FindingKind::ALL[usize::from(kind)])),
        Op::Show(h, which, met) => drop(show(rig, id(h), if which { "200 judged" } else { "no false claim" }, met)),
        Op::Dispose(h, n) => drop(dispose(rig, id(h), n.into())),
        Op::SignOff(h, by) => drop(sign_off(rig, PEOPLE[usize::from(by)], id(h), Conclusion::Confirmed)),
        Op::Ask => {
            let to = rig.monitor.gate("wf", None, rig.at.now).unwrap().to;
            drop(rig.promote("ann", "wf", to));
        }
        Op::Approve(by) if rig.state("wf").governance.requests.list().count() > 0 => {
            drop(rig.approve(PEOPLE[usize::from(by)], &[]));
        }
        Op::Approve(_) => {}
        Op::Good => rig.good("wf", 200),
        Op::Fail => rig.outputs("wf", 5, |_, event| event.outcome = andon::domain::Outcome::Exception),
        // Away, or back again.
        Op::Drop(h) => drop(rig.load(|policy| {
            let declared = &mut policy.workflows.values_mut().next().unwrap().hypotheses;
            match declared.iter().position(|known| known.id == id(h)) {
                Some(at) => drop(declared.remove(at)),
                None => declared.push(hypothesis(id(h))),
            }
        })),
        Op::Declare => drop(rig.load(|policy| policy.workflows.values_mut().next().unwrap().track = Track::Factory)),
    }
}

/// Whether it runs, whether it was signed off, what was said of its criteria, and its open risks.
type Said = (bool, bool, Vec<(String, bool)>, usize);

/// Whether the entries alone say that it may leave: a model that keeps what people said, and nothing else.
#[derive(Default)]
struct Model {
    said: std::collections::BTreeMap<String, Said>,
}

impl Model {
    fn entry(&mut self, what: &What) {
        let What::Lab { hypothesis, act, .. } = what else { return };
        let (running, answered, criteria, risks) = self.said.entry(hypothesis.clone()).or_default();
        match act {
            LabAct::Start { .. } => (*running, *answered, *criteria) = (true, false, Vec::new()),
            LabAct::Finding { kind: FindingKind::Risk, .. } => *risks += 1,
            LabAct::Risk { .. } => *risks -= 1,
            LabAct::Criterion { criterion, met, .. } => {
                criteria.retain(|(known, _)| known != criterion);
                criteria.push((criterion.clone(), *met));
            }
            LabAct::SignOff { .. } => (*running, *answered) = (false, true),
            _ => {}
        }
    }

    /// A test whose hypothesis leaves the policy is broken off.
    fn declared(&mut self, declared: &[Hypothesis]) {
        for (_, (running, _, criteria, _)) in
            self.said.iter_mut().filter(|(id, (running, ..))| *running && declared.iter().all(|known| known.id != **id))
        {
            (*running, *criteria) = (false, Vec::new());
        }
    }

    fn may_leave(&self, declared: &[Hypothesis]) -> bool {
        let of = |h: &&Hypothesis| self.said.get(&h.id);
        let tested = declared.iter().filter_map(|h| of(&h)).filter(|(_, answered, ..)| *answered);
        let met = |criteria: &[(String, bool)]| criteria.len() == 2 && criteria.iter().all(|(_, met)| *met);
        tested.clone().count() > 0
            && tested.clone().all(|(_, _, criteria, _)| met(criteria))
            && declared.iter().filter_map(|h| of(&h)).all(|(running, ..)| !running)
            && self.said.values().all(|(.., risks)| *risks == 0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, ..ProptestConfig::default() })]
    /// Whatever people do in whatever order: never above collaborate in the lab, never more at work than
    /// allowed, out of it only when all holds.
    #[test]
    fn in_any_order(ops in proptest::collection::vec(ops(), 1..120)) {
        let mut rig = rig(&IDS);
        let mut model = Model::default();
        // One of two stories is well on its way.
        if ops.len() % 2 == 0 {
            rig.climb("wf", Target::Collaborate);
            rig.good("wf", 200);
            test(&mut rig, "h-0");
            play(&mut rig, Op::Declare);
        }
        rig.ledger.iter().for_each(|entry| model.entry(&entry.what));
        for op in ops {
            let (seen, was_in) = (rig.ledger.len(), rig.state("wf").governance.in_lab);
            play(&mut rig, op);
            rig.ledger[seen..].iter().for_each(|entry| model.entry(&entry.what));
            let governance = &rig.state("wf").governance;
            prop_assert!(!governance.in_lab || rig.mode("wf") <= Mode::Collaborate);
            prop_assert!(governance.lab.active().count() <= 3);
            let ends = governance.lab.records.values().filter_map(|record| record.sign_off.as_ref());
            let by_others = ends.filter(|end| end.by != "bob").count();
            prop_assert_eq!(by_others, 0);
            let declared = &rig.monitor.policy().workflows["wf"].hypotheses;
            model.declared(declared);
            let may = model.may_leave(declared);
            if governance.in_lab {
                prop_assert_eq!(lab(&rig).iter().all(|standing| *standing == Standing::Met), may, "after {:?}", op);
            }
            prop_assert!(!was_in || governance.in_lab || may, "left the lab with {:?}", op);
        }
    }
}

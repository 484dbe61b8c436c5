//! Stop beats promotion, in every order.
//!
//! A model says when a promotion may be granted: asked for while the gate was open, approved by two
//! other people since, and nothing of what ends a request in between. The monitor must agree after
//! every step of every order.

use super::rig::{Rig, workflow};
use andon::domain::alert::{AlertStatus, WorkflowAlert};
use andon::domain::{Action, BaseItem, Decision, GuardPolicy, HousePolicy, Mode, Outcome, Signal, Target, WorkflowId};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Ask,
    ApproveBob,
    ApproveCay,
    Reject,
    Withdraw,
    Stop,
    Lower,
    Hold,
    Release,
    Breach,
    Policy,
    Regress,
    Resolve,
    NotReady,
    Ready,
    Good,
    Late,
    Alert,
}

use Op::*;
const ALL: [Op; 18] = [
    Ask, ApproveBob, ApproveCay, Reject, Withdraw, Stop, Lower, Hold, Release, Breach, Policy, Regress, Resolve,
    NotReady, Ready, Good, Late, Alert,
];

fn rig() -> Rig {
    let item = BaseItem { owner: "brand".into(), version: "1".into(), audit_every_ms: 9_000 * super::rig::DAY };
    let house = HousePolicy { base: [("guide".to_owned(), item)].into(), ..HousePolicy::default() };
    let mut policy = workflow("wf");
    (policy.base, policy.readiness.builder) = (vec!["guide".into()], vec!["runbook".into()]);
    let signal = Signal::External { of: None };
    policy.guards.push(GuardPolicy { name: "outside".into(), signal, share: 0.0, ..policy.guards[0].clone() });
    let mut rig = Rig::of(vec![policy], house);
    step(&mut rig, Ready);
    alert(&mut rig, AlertStatus::Test);
    rig.climb("wf", Target::Collaborate);
    rig.good("wf", 400);
    rig
}

fn alert(rig: &mut Rig, status: AlertStatus) {
    let workflow = WorkflowId::new("wf").unwrap();
    let (name, fingerprint) = ("CrmErrorsHigh".to_owned(), "a".to_owned());
    let alert = andon::domain::alert::Alert { name, fingerprint, status, starts_at: rig.at.now, severity: None };
    rig.act("alertmanager", &[], Action::Alerts { alerts: vec![WorkflowAlert { workflow, alert }] }).unwrap();
}

/// Plays a step; an act that is denied is a step, too.
fn step(rig: &mut Rig, op: Op) {
    let workflow = WorkflowId::new("wf").unwrap();
    let reason = || "because".to_owned();
    let decide = |rig: &mut Rig, by: &str, decision: Decision| {
        let request = rig.newest().id;
        drop(rig.act(by, &[], Action::Decide { request, decision, note: reason() }));
    };
    let act = |rig: &mut Rig, action: Action| drop(rig.act("dan", &[], action));
    match op {
        Ask => drop(rig.promote("ann", "wf", next(rig))),
        ApproveBob => decide(rig, "bob", Decision::Approve),
        ApproveCay => decide(rig, "cay", Decision::Approve),
        Reject => decide(rig, "eve", Decision::Reject),
        Withdraw => decide(rig, "ann", Decision::Withdraw),
        Stop => act(rig, Action::Stop { reason: reason() }),
        Lower => act(rig, Action::Lower { workflow, mode: Mode::Assist, reason: reason() }),
        Hold | Release => act(rig, Action::Hold { workflow, hold: op == Hold, reason: reason() }),
        Breach => rig.outputs("wf", 40, |_, event| event.outcome = Outcome::Exception),
        // Tighter each time, so that it comes into force at once.
        Policy => drop(rig.load(|policy| policy.workflows.values_mut().for_each(|w| w.gate.delegate.outputs_min += 1))),
        Regress => act(rig, Action::Regress { item: "guide".into(), summary: reason() }),
        Resolve => {
            let house = rig.monitor.house().incidents.unresolved().map(|i| i.id.clone());
            let open: Vec<String> = rig.state("wf").incidents.unresolved().map(|i| i.id.clone()).chain(house).collect();
            open.into_iter().for_each(|incident| act(rig, Action::Resolve { incident, note: reason() }));
        }
        NotReady | Ready => {
            act(rig, Action::Answer { workflow, item: "runbook".into(), ready: op == Ready, note: reason() })
        }
        Good => rig.good("wf", 400),
        Late => rig.pass(15 * super::rig::DAY),
        // It is over at once, so that the gate may open again.
        Alert => [AlertStatus::Firing, AlertStatus::Resolved].into_iter().for_each(|status| alert(rig, status)),
    }
}

fn next(rig: &Rig) -> Target {
    rig.monitor.gate("wf", None, rig.at.now).unwrap().to
}

/// What may be granted: who has approved since it was asked for; `None` where nothing is pending.
type Model = Option<Vec<&'static str>>;

/// Whether the model lets a promotion happen with this step.
fn model(pending: &mut Model, op: Op, asked: bool) -> bool {
    match op {
        Ask if asked => *pending = Some(Vec::new()),
        ApproveBob | ApproveCay => {
            let by = if op == ApproveBob { "bob" } else { "cay" };
            let Some(approved) = pending else { return false };
            if !approved.contains(&by) {
                approved.push(by);
            }
            if approved.len() == 2 {
                *pending = None;
                return true;
            }
        }
        Reject | Withdraw | Stop | Lower | Hold | Breach | Policy | Regress | NotReady | Late | Alert => {
            *pending = None;
        }
        Ask | Release | Resolve | Ready | Good => {}
    }
    false
}

fn play(ops: &[Op]) -> Result<(), String> {
    let mut rig = rig();
    let (mut pending, mut stopped, mut spoiled): (Model, bool, bool) = (None, false, false);
    for (at, op) in ops.iter().enumerate() {
        let before = rig.mode("wf");
        let requests = rig.state("wf").governance.requests.list().count();
        step(&mut rig, *op);
        let asked = rig.state("wf").governance.requests.list().count() > requests;
        stopped = matches!(op, Stop | Lower) || (stopped && !asked);
        // In assist nothing is bound, so failures break nothing; but they may close the gate again.
        spoiled = (spoiled && !asked) || (*op == Breach && before == Mode::Assist);
        let may = model(&mut pending, if *op == Breach && before == Mode::Assist { Good } else { *op }, asked);
        let rose = rig.mode("wf") > before;
        if rose != may && (rose || !spoiled) {
            return Err(format!("{:?}: rose {rose}, may {may}", &ops[..=at]));
        }
        if stopped && rig.mode("wf") != Mode::Assist {
            return Err(format!("{:?}: stopped, and in {}", &ops[..=at], rig.mode("wf")));
        }
        let open = rig.state("wf").governance.requests.pending().count();
        if open != usize::from(pending.is_some()) && !spoiled {
            return Err(format!("{:?}: {open} pending, the model says {pending:?}", &ops[..=at]));
        }
    }
    Ok(())
}

/// Every order of the steps of a promotion with each thing that may come between.
#[test]
fn in_every_order_of_a_promotion_and_what_stops_it() {
    let stops = [Stop, Lower, Hold, Breach, Policy, Regress, NotReady, Late, Reject, Withdraw, Alert];
    let mut granted = 0;
    for stop in stops {
        for order in permutations(&[Ask, ApproveBob, ApproveCay, stop]) {
            play(&order).unwrap_or_else(|wrong| panic!("{wrong}"));
            granted += usize::from(order.last() == Some(&stop) && order[0] == Ask);
        }
    }
    assert_eq!(granted, 22, "orders in which the stop comes last, so that the promotion came first");
}

fn permutations(of: &[Op]) -> Vec<Vec<Op>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in of.iter().enumerate() {
        let mut rest = of.to_vec();
        rest.remove(at);
        all.extend(permutations(&rest).into_iter().map(|tail| [vec![*first], tail].concat()));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    /// Longer stories: several requests, several stops.
    #[test]
    fn in_long_stories(ops in proptest::collection::vec(proptest::sample::select(&ALL[..]), 1..30)) {
        // Two of three stories begin with a request, else few have one.
        let ops = [vec![Ask], ops].concat();
        prop_assert_eq!(play(&ops), Ok(()));
    }
}

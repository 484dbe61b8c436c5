//! A monitor with a clock, people and outputs.
//!
//! Owns the setting of the stage. Its gate asks for little, so that a test says what it is about.

use andon::domain::{
    Action, Command, Decision, Denial, Entry, GatePolicy, GuardPolicy, HousePolicy, Input, Mode, Outcome, OutputEvent,
    PerMode, Policy, ReadinessPolicy, Request, Signal, Target, Time, What, WorkflowId, WorkflowPolicy,
};
use andon::monitor::workflow::State;
use andon::monitor::{At, Effect, Monitor};

pub(crate) const DAY: i64 = Time::DAY;

/// Monitor, time, and all that followed so far.
pub(crate) struct Rig {
    pub(crate) monitor: Monitor,
    pub(crate) at: At,
    pub(crate) ledger: Vec<Entry>,
    pub(crate) policy: Policy,
}

/// A workflow that fails with one exception in fifty at most, watched output by output.
pub(crate) fn workflow(id: &str) -> WorkflowPolicy {
    let bound = PerMode { collaborate: Some(0.10), delegate: Some(0.05), automate: Some(0.05), ..PerMode::default() };
    let signal = Signal::ExceptionRate { kind: None };
    let guard =
        GuardPolicy { name: "exceptions".into(), signal, bound, block: 1, share: 1.0, to: None, baseline: None };
    let easy = |mode| GatePolicy {
        outputs_min: 100,
        days_min: 0,
        time_in_mode_ms: 0,
        quiet_ms: 0,
        ran_in_mode_min: 0.0,
        probation_outputs: 50,
        ..GatePolicy::default_of(mode)
    };
    let none = ReadinessPolicy {
        base: vec![],
        builder: vec![],
        beneficiary: vec![],
        lab: vec![],
        ..ReadinessPolicy::default()
    };
    WorkflowPolicy {
        id: WorkflowId::new(id).unwrap(),
        max_mode: Mode::Automate,
        gate: PerMode::from_fn(easy),
        readiness: none,
        guards: vec![guard],
        ..WorkflowPolicy::bare()
    }
}

impl Rig {
    pub(crate) fn with(workflows: Vec<WorkflowPolicy>) -> Self {
        Self::of(workflows, HousePolicy::default())
    }

    pub(crate) fn of(workflows: Vec<WorkflowPolicy>, house: HousePolicy) -> Self {
        let at = At { seq: 0, now: "2026-11-22T08:00:00Z".parse().unwrap() };
        let workflows = workflows.into_iter().map(|w| (w.id.clone(), w)).collect();
        let policy = Policy { hash: "p1".into(), house, workflows, outputs_per_false_demotion: 1e4, ..Policy::empty() };
        let mut rig = Self { monitor: Monitor::default(), at, ledger: Vec::new(), policy: policy.clone() };
        rig.input(Input::Policy(Box::new(policy)));
        rig
    }

    /// Loads the policy with a change.
    pub(crate) fn load(&mut self, change: impl FnOnce(&mut Policy)) -> Vec<Effect> {
        let mut policy = self.policy.clone();
        change(&mut policy);
        policy.hash = format!("{}+", policy.hash);
        self.policy = policy.clone();
        self.input(Input::Policy(Box::new(policy)))
    }

    pub(crate) fn input(&mut self, input: Input) -> Vec<Effect> {
        self.at = At { seq: self.at.seq + 1, now: self.at.now.plus(1_000) };
        let effects = self.monitor.handle(self.at, &input);
        self.ledger.extend(
            effects.iter().filter_map(|e| if let Effect::Ledger(entry) = e { Some(entry.clone()) } else { None }),
        );
        effects
    }

    /// Lets time pass, and whatever is due happen.
    pub(crate) fn pass(&mut self, ms: i64) {
        self.at.now = self.at.now.plus(ms);
        self.input(Input::Tick);
    }

    /// A person's act: who, their roles, what.
    pub(crate) fn act(&mut self, by: &str, roles: &[&str], action: Action) -> Result<(), Denial> {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let effects = self.input(Input::Command(Command { by: by.to_owned(), roles, action }));
        let denied = effects.into_iter().find_map(|e| if let Effect::Denied(denial) = e { Some(denial) } else { None });
        denied.map_or(Ok(()), Err)
    }

    /// Outputs, made by `change` from a good one.
    pub(crate) fn outputs(&mut self, id: &str, n: u32, change: impl Fn(u32, &mut OutputEvent)) {
        for k in 0..n {
            let name = format!("o-{}-{k}", self.at.seq);
            let mut event = OutputEvent::new(&name, WorkflowId::new(id).unwrap(), Outcome::Ok);
            change(k, &mut event);
            self.input(Input::Events(vec![event]));
        }
    }

    /// Good outputs.
    pub(crate) fn good(&mut self, id: &str, n: u32) {
        self.outputs(id, n, |_, _| {});
    }

    /// Failures until a guard lowers the mode.
    pub(crate) fn breach(&mut self, id: &str) {
        let before = self.state(id).governance.demoted;
        for _ in 0..200 {
            self.outputs(id, 1, |_, event| event.outcome = Outcome::Exception);
            if self.state(id).governance.demoted > before {
                return;
            }
        }
        panic!("{id} should have been lowered");
    }

    pub(crate) fn promote(&mut self, by: &str, id: &str, to: Target) -> Result<(), Denial> {
        let workflow = WorkflowId::new(id).unwrap();
        self.act(by, &[], Action::Promote { workflow, to, reason: "it does well".into(), funding: None })
    }

    /// Approves the newest request.
    pub(crate) fn approve(&mut self, by: &str, roles: &[&str]) -> Result<(), Denial> {
        let request = self.newest().id;
        self.act(by, roles, Action::Decide { request, decision: Decision::Approve, note: String::new() })
    }

    /// The newest request of all.
    pub(crate) fn newest(&self) -> Request {
        let workflows = self.monitor.workflows().values().flat_map(|w| w.state.governance.requests.list());
        workflows.chain(self.monitor.house().requests.list()).max_by_key(|request| request.at).unwrap().clone()
    }

    /// Up by one mode, as people do it.
    pub(crate) fn climb(&mut self, id: &str, to: Target) {
        self.good(id, 400);
        self.promote("ann", id, to).unwrap_or_else(|denial| panic!("{}", denial.detail));
        self.approve("bob", &[]).unwrap();
        self.approve("cay", &[]).unwrap();
        assert_eq!(Some(self.mode(id)), to.mode());
    }

    pub(crate) fn state(&self, id: &str) -> &State {
        &self.monitor.workflows()[&WorkflowId::new(id).unwrap()].state
    }

    pub(crate) fn mode(&self, id: &str) -> Mode {
        self.state(id).granted
    }

    /// The effective mode.
    pub(crate) fn allowed(&self, id: &str) -> Mode {
        self.monitor.workflows()[&WorkflowId::new(id).unwrap()].allowed().0
    }

    /// The last entry that `is` picks.
    pub(crate) fn last(&self, is: impl Fn(&What) -> bool) -> &Entry {
        self.ledger.iter().rev().find(|entry| is(&entry.what)).unwrap()
    }
}

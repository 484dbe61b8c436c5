//! The front door of the state machine: `handle(at, input) → effects`.
//!
//! Owns the set of workflows and the routing of inputs to them. Whether an event may come in at
//! all is asked here too (`admit`), because it depends on the policy and on who is known.

use super::arrivals::by_workflow;
use super::drill::lane_plan;
use super::house::House;
use super::kpi::Slot;
use super::plan::Plan;
use super::workflow::{State, Workflow};
use crate::domain::alert::AlertResult;
use crate::domain::drill::{LANE, RESERVED};
use crate::domain::{
    Command, Decision, Denial, Entry, Input, Policy, Refusal, RefusalCode, Request, Time, What, WorkflowId,
    WorkflowPolicy,
};
use crate::stats::ring::Windows;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who acts where no person does.
pub(super) const ANDON: &str = "andon";

/// An output may be dated at most so far ahead, milliseconds.
pub const AHEAD_MS_MAX: i64 = 5 * Time::MINUTE;

/// When an input happens: its number in the journal and the time that it was stamped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Number of the journal record, from 1.
    pub seq: u64,
    /// The time.
    pub now: Time,
}

/// What follows from an input.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Must be in the ledger before the input is acknowledged.
    Ledger(Entry),
    /// The mode of a workflow changed: readers must see it before the input is acknowledged.
    ModeChanged(WorkflowId),
    /// An act of a person changed nothing; the ledger says so too.
    Denied(Denial),
    /// What became of an alert, one for each that was reported.
    Alert(AlertResult),
}

/// What a workflow needs while it takes an input.
#[derive(Debug)]
pub struct Ctx {
    /// When.
    pub at: At,
    /// Who acts: `andon`, or a person.
    pub by: String,
    /// Declared lateness, milliseconds.
    pub lateness_ms: i64,
    /// Declared lease, milliseconds.
    pub lease_ms: i64,
    pub(super) policy: Arc<Policy>,
    has_windows: bool,
    entries: u32,
    effects: Vec<Effect>,
    demoted: Vec<(WorkflowId, u64)>,
}

impl Ctx {
    pub(super) fn new(at: At, policy: Arc<Policy>) -> Self {
        Self {
            at,
            by: ANDON.to_owned(),
            lateness_ms: policy.lateness_ms,
            lease_ms: policy.lease_ms,
            policy,
            has_windows: true,
            entries: 0,
            effects: Vec::new(),
            demoted: Vec::new(),
        }
    }

    /// Writes an entry.
    pub fn ledger(&mut self, workflow: Option<&WorkflowId>, by: &str, what: What) {
        self.effects.push(Effect::Ledger(Entry {
            journal_seq: self.at.seq,
            index: self.entries,
            time: self.at.now,
            workflow: workflow.cloned(),
            policy: self.policy.hash.clone(),
            by: by.to_owned(),
            what,
        }));
        self.entries += 1;
    }

    /// Counts something in the rolling windows, unless nobody will read them.
    pub(super) fn count(&self, asked: bool, windows: &mut Windows<Slot>, time: Time, count: impl Fn(&mut Slot)) {
        if self.has_windows || asked {
            windows.record(self.at.now.0, time.0, self.lateness_ms, count);
        }
    }

    /// Whether the policy declares a workflow of this id.
    pub(super) fn declares(&self, id: &WorkflowId) -> bool {
        self.policy.workflows.contains_key(id)
    }

    pub(super) fn into_effects(self) -> Vec<Effect> {
        self.effects
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Says that readers must see a new mode.
    pub fn mode_changed(&mut self, workflow: &WorkflowId) {
        self.effects.push(Effect::ModeChanged(workflow.clone()));
    }

    /// Notes that a guard lowered a workflow, and the epoch that this began.
    pub(super) fn demoted(&mut self, workflow: &WorkflowId, epoch: u64) {
        self.demoted.push((workflow.clone(), epoch));
    }

    pub(super) fn take_demoted(&mut self) -> Vec<(WorkflowId, u64)> {
        std::mem::take(&mut self.demoted)
    }

    /// An act of a person changed nothing.
    pub(super) fn denied(&mut self, act: &str, workflow: Option<&WorkflowId>, denial: Denial) {
        let (by, Denial { code, detail }) = (self.by.clone(), denial.clone());
        self.ledger(workflow, &by, What::Denied { act: act.to_owned(), code, detail });
        self.effects.push(Effect::Denied(denial));
    }

    /// Somebody asked for something.
    pub(super) fn requested(&mut self, workflow: Option<&WorkflowId>, request: &Request) {
        let what = What::Requested {
            request: request.id.clone(),
            ask: request.ask.clone(),
            reason: request.reason.clone(),
            funding: request.funding.clone(),
            needs: request.needs.clone(),
            gate: request.gate.clone(),
        };
        self.ledger(workflow, &request.by, what);
    }

    /// Somebody said something to a request, and perhaps it ended with that.
    pub(super) fn voted(
        &mut self,
        workflow: Option<&WorkflowId>,
        request: &Request,
        command: &Command,
        decision: Decision,
        note: &str,
    ) {
        let (id, roles, note) = (request.id.clone(), command.roles.clone(), note.to_owned());
        self.ledger(workflow, &command.by, What::Voted { request: id.clone(), decision, roles, note });
        if !request.is_pending() {
            let (status, because) = (request.status, request.because.clone());
            self.ledger(workflow, ANDON, What::Decided { request: id, status, because });
        }
    }
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Monitor {
    pub(super) policy: Arc<Policy>,
    pub(super) workflows: BTreeMap<WorkflowId, Workflow>,
    pub(super) house: House,
    pub(super) lane: Option<Workflow>,
    has_windows: bool,
}

impl Default for Monitor {
    fn default() -> Self {
        Self {
            policy: Arc::new(Policy::empty()),
            workflows: BTreeMap::new(),
            house: House::default(),
            lane: None,
            has_windows: true,
        }
    }
}

impl Monitor {
    /// A monitor for the sake of its decisions only. Those depend on a rolling window only where a gate
    /// asks for it, and where outputs are sparse keeping them is most of the work.
    pub fn without_windows() -> Self {
        Self { has_windows: false, ..Self::default() }
    }

    /// A monitor with what a snapshot remembers.
    pub fn restore(policy: Policy, house: House, states: impl IntoIterator<Item = (WorkflowId, State)>) -> Self {
        let policy = Arc::new(policy);
        let workflows = states.into_iter().map(|(id, state)| {
            let plan = Arc::new(if state.in_policy { plan_of(&policy, &id) } else { bare_plan(&id) });
            (id.clone(), Workflow::restore(&id, plan, state))
        });
        let mut workflows: BTreeMap<WorkflowId, Workflow> = workflows.collect();
        let lane = workflows.remove(LANE);
        Self { workflows, policy: Arc::clone(&policy), house, lane, has_windows: true }
    }

    /// What concerns more than one workflow.
    pub const fn house(&self) -> &House {
        &self.house
    }

    /// The policy in force.
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// All workflows, removed ones too.
    pub const fn workflows(&self) -> &BTreeMap<WorkflowId, Workflow> {
        &self.workflows
    }

    /// Takes one input and says what follows from it.
    pub fn handle(&mut self, at: At, input: &Input) -> Vec<Effect> {
        if let Input::Policy(policy) = input {
            return self.load(at, policy);
        }
        let mut ctx = Ctx { has_windows: self.has_windows, ..Ctx::new(at, Arc::clone(&self.policy)) };
        match input {
            Input::Events(events) => {
                for (id, events) in by_workflow(events) {
                    if let Some(workflow) = self.welcome(&mut ctx, id) {
                        events.into_iter().for_each(|event| workflow.event(&mut ctx, event));
                    }
                }
            }
            Input::Reviews(reviews) => {
                for review in reviews {
                    if let Some(workflow) = self.welcome(&mut ctx, &review.workflow) {
                        workflow.review(&mut ctx, review);
                    }
                }
            }
            Input::Command(command) => self.command(&mut ctx, command),
            Input::Tick => {
                self.present().for_each(|workflow| workflow.tick(&mut ctx));
                super::requests::expire(&mut ctx, None, &mut self.house.requests);
            }
            Input::Started { version } => {
                ctx.ledger(None, ANDON, What::Started { version: version.clone() });
                self.house.drills.started(at.now);
                self.workflows.values_mut().for_each(|workflow| workflow.resumed(at));
            }
            Input::Policy(_) => {}
        }
        self.count_demotions(&mut ctx);
        ctx.effects
    }

    fn present(&mut self) -> impl Iterator<Item = &mut Workflow> {
        self.workflows.values_mut().filter(|workflow| workflow.state.in_policy)
    }

    /// The workflow of an input; an unknown one is adopted where the policy takes such.
    fn welcome(&mut self, ctx: &mut Ctx, id: &WorkflowId) -> Option<&mut Workflow> {
        if id.is_drill_lane() {
            return self.lane.as_mut();
        }
        if !self.workflows.contains_key(id) {
            if !(self.policy.unknown.accept && self.unknown_count() < self.policy.unknown.max) {
                return None;
            }
            let plan = Arc::new(plan_of(&self.policy, id));
            self.adopt(ctx, id, plan, true);
        }
        self.workflows.get_mut(id).filter(|workflow| workflow.state.in_policy)
    }

    pub(super) fn adopt(&mut self, ctx: &mut Ctx, id: &WorkflowId, plan: Arc<Plan>, unknown: bool) {
        let renamed_from = plan.policy.renamed_from.clone();
        let mut workflow = Workflow::adopt(id, plan, unknown, ctx.at.now);
        let source = if unknown { "unknown" } else { "declared" }.to_owned();
        ctx.ledger(Some(id), ANDON, What::Adopted { mode: workflow.state.granted, source, renamed_from });
        ctx.mode_changed(id);
        workflow.state.review_key = self.house.review_key;
        workflow.go_on_after(self.house.former.get(id));
        self.workflows.insert(id.clone(), workflow);
    }

    fn unknown_count(&self) -> usize {
        self.workflows.values().filter(|workflow| workflow.state.unknown && workflow.state.in_policy).count()
    }

    /// The workflow that an incident is of. Its id begins with the workflow's, or, where that was
    /// renamed since, with a former one.
    pub fn incident_owner(&self, incident: &str) -> Option<&Workflow> {
        let has = |workflow: &&Workflow| workflow.state.incidents.list().iter().any(|found| found.id == incident);
        let named = incident.rsplit_once('-').and_then(|(workflow, _)| self.workflows.get(workflow));
        named.filter(has).or_else(|| self.workflows.values().find(has))
    }

    /// When something lapses next, if nothing comes before.
    pub fn due(&self) -> Option<Time> {
        self.workflows.values().filter_map(Workflow::due).chain(self.house.requests.due()).min()
    }

    /// Whether inputs of a workflow may come in. `adopting` are the unknown workflows that are on
    /// their way in already; a new one is added to it.
    ///
    /// # Errors
    /// The refusal, without position and id.
    pub fn admit(&self, id: &WorkflowId, adopting: &mut BTreeSet<WorkflowId>) -> Result<(), Refusal> {
        let refuse = |code, message: String| Err(Refusal::new(code, message).at_field("workflow"));
        if id.is_drill_lane() {
            return refuse(RefusalCode::ReservedWorkflow, RESERVED.into());
        }
        if self.workflows.get(id).is_some_and(|workflow| workflow.state.in_policy) || adopting.contains(id) {
            return Ok(());
        }
        if !self.policy.unknown.accept || self.workflows.contains_key(id) {
            return refuse(RefusalCode::UnknownWorkflow, "no `[[workflow]]` of this id is declared: add it to the configuration, or set `accept = true` in `[unknown_workflows]`".into());
        }
        let max = self.policy.unknown.max;
        if self.unknown_count() + adopting.len() >= max {
            return refuse(
                RefusalCode::TooManyWorkflows,
                format!("`[unknown_workflows] max` of {max} is reached: declare this workflow, or raise `max`"),
            );
        }
        adopting.insert(id.clone());
        Ok(())
    }
}

/// Whether an input dated `time` may come in at `now`: not from before the window in which repeats
/// are recognised, and not from the future.
///
/// # Errors
/// The refusal, without position and id.
pub fn admit_time(time: Time, now: Time, window_ms: i64) -> Result<(), Refusal> {
    let refuse = |code, message: String| Err(Refusal::new(code, message).at_field("time"));
    if now.since(time) > window_ms {
        let hours = window_ms / Time::HOUR;
        return refuse(
            RefusalCode::TooOld,
            format!(
                "`time` is more than {hours} h ago, outside the window in which repeats are recognised; older outputs come in by `andon import`"
            ),
        );
    }
    if time.since(now) > AHEAD_MS_MAX {
        return refuse(
            RefusalCode::InTheFuture,
            "`time` is more than five minutes ahead of this machine's clock: check the sender's clock".into(),
        );
    }
    Ok(())
}

/// The plan of a workflow that the policy doesn't hold: nothing watches it.
pub(super) fn bare_plan(id: &WorkflowId) -> Plan {
    Plan::new(&WorkflowPolicy { id: id.clone(), ..WorkflowPolicy::bare() }, 1.0)
}

/// The plan of a workflow under a policy: its own, or the template for unknown ones.
pub(super) fn plan_of(policy: &Policy, id: &WorkflowId) -> Plan {
    if id.is_drill_lane() {
        return lane_plan();
    }
    let own = policy.workflows.get(id);
    let template = || WorkflowPolicy { id: id.clone(), ..policy.unknown.template.clone() };
    Plan::new(&own.cloned().unwrap_or_else(template), policy.outputs_per_false_demotion)
}

//! A new policy comes into force while everything runs.
//!
//! Owns what stays and what starts anew: an unchanged guard keeps its evidence, a changed one
//! starts without, and both stand in the ledger. A removed workflow keeps its mode and history.

use super::guard::Guard;
use super::guards::Guards;
use super::handle::{ANDON, At, Ctx, Effect, Monitor, bare_plan, plan_of};
use super::house::{FORMER_IDS_MAX, House};
use super::requests::end_pending;
use super::workflow::Workflow;
use crate::domain::loosening::loosened;
use crate::domain::{ANY_ROLE, Ask, Cause, GuardPolicy, Mode, Policy, RequestStatus, What, WorkflowId};
use std::sync::Arc;

impl Monitor {
    /// A policy was loaded: it comes into force, or waits for an approver where it loosens something.
    pub(super) fn load(&mut self, at: At, new: &Policy) -> Vec<Effect> {
        let mut ctx = Ctx::new(at, Arc::clone(&self.policy));
        if !new.loaded_by.is_empty() {
            ctx.by.clone_from(&new.loaded_by);
        }
        let waited = self.drop_waiting(&mut ctx, "another policy was loaded");
        if waited && new.hash == self.policy.hash {
            return ctx.into_effects();
        }
        let loosens = if self.policy.house.loosening_waits { self.loosens(new) } else { Vec::new() };
        if loosens.is_empty() {
            self.put_into_force(&mut ctx, new);
        } else {
            let ask = Ask::Policy { hash: new.hash.clone(), loosens };
            let request = self.house_request(&ctx, ask, "", vec![ANY_ROLE.to_owned()]);
            ctx.requested(None, &request);
            self.house.requests.add(request);
            self.house.waiting = Some(Box::new(new.clone()));
        }
        ctx.into_effects()
    }

    /// Puts a policy into force without asking anybody: to try it on the past.
    pub fn enforce(&mut self, at: At, new: &Policy) -> Vec<Effect> {
        let mut ctx = Ctx::new(at, Arc::clone(&self.policy));
        self.put_into_force(&mut ctx, new);
        ctx.into_effects()
    }

    /// What a policy makes looser; nothing before the first one.
    pub(super) fn loosens(&self, new: &Policy) -> Vec<String> {
        if self.policy.hash.is_empty() || self.policy.hash == new.hash {
            return Vec::new();
        }
        let mut found = loosened(&self.policy, new);
        // Also under another name.
        for id in new.workflows.keys() {
            let former = |id: &WorkflowId| self.workflows.get(new.workflows.get(id)?.renamed_from.as_ref()?);
            let known = self.workflows.get(id).or_else(|| former(id));
            let back = known.filter(|w| !w.state.in_policy && w.state.granted > Mode::Assist);
            let lab = known.and_then(|workflow| Some(workflow.loosened_hypotheses(new.workflows.get(id)?)));
            found.extend(lab.into_iter().flatten().map(|what| format!("{id}: {what}")));
            if let Some(workflow) = back {
                found.push(format!(
                    "{id}: it comes back in {}, under guards that nobody compared",
                    workflow.state.granted
                ));
            }
        }
        found
    }

    fn drop_waiting(&mut self, ctx: &mut Ctx, because: &str) -> bool {
        if self.house.waiting.take().is_none() {
            return false;
        }
        let end = (RequestStatus::Cancelled, because);
        end_pending(ctx, None, &mut self.house.requests, end, |r| matches!(r.ask, Ask::Policy { .. }));
        true
    }

    /// A policy comes into force.
    pub(super) fn put_into_force(&mut self, ctx: &mut Ctx, new: &Policy) {
        let old = std::mem::replace(&mut self.policy, Arc::new(new.clone()));
        let policy = Arc::clone(&self.policy);
        ctx.policy = Arc::clone(&policy);
        let house_changed = old.house != policy.house
            || old.outputs_per_false_demotion.to_bits() != policy.outputs_per_false_demotion.to_bits();
        let loaded = What::PolicyLoaded { previous: old.hash.clone(), workflows: policy.workflows.len() };
        let by = ctx.by.clone();
        ctx.ledger(None, &by, loaded);
        for (id, declared) in &policy.workflows {
            if let Some(former) = &declared.renamed_from {
                self.rename(ctx, former, id);
            }
            let plan = Arc::new(plan_of(&policy, id));
            match self.workflows.get_mut(id) {
                Some(workflow) => workflow.replan(ctx, plan, house_changed),
                None => self.adopt(ctx, id, plan, false),
            }
        }
        let removed: Vec<WorkflowId> =
            self.workflows.keys().filter(|id| !policy.workflows.contains_key(*id)).cloned().collect();
        for id in removed {
            self.leave(ctx, &id);
        }
        self.declare_hypotheses(ctx.at.now);
        self.declare_base(ctx);
    }

    /// History of a former id goes on under the new one, unless that has a history of its own.
    fn rename(&mut self, ctx: &mut Ctx, former: &WorkflowId, id: &WorkflowId) {
        if self.workflows.contains_key(id) || self.policy.workflows.contains_key(former) {
            return;
        }
        if let Some(mut workflow) = self.workflows.remove(former) {
            self.house.left(former, workflow.numbers());
            workflow.rename(id);
            workflow.go_on_after(self.house.former.get(id));
            self.workflows.insert(id.clone(), workflow);
            self.house.actions.rename(former, id);
            self.house.storms.rename(former, id);
            self.house.answers.rename(former, id);
            ctx.ledger(Some(id), ANDON, What::Renamed { from: former.clone() });
            ctx.mode_changed(id);
        }
    }

    fn leave(&mut self, ctx: &mut Ctx, id: &WorkflowId) {
        let accept = self.policy.unknown.accept;
        let plan = Arc::new(plan_of(&self.policy, id));
        let Some(workflow) = self.workflows.get_mut(id) else { return };
        if workflow.state.unknown && accept {
            workflow.replan(ctx, plan, false);
        } else if workflow.state.in_policy {
            workflow.state.in_policy = false;
            // Without a policy nothing watches: what the guards knew would be stale when it comes back.
            workflow.state.guards = Guards::default();
            workflow.cancel_requests(ctx, "it left the policy");
            workflow.plan = Arc::new(bare_plan(id));
            ctx.ledger(Some(id), ANDON, What::Removed {});
            ctx.mode_changed(id);
        }
    }
}

impl House {
    /// A workflow left an id, under which so many incidents and requests got their numbers.
    fn left(&mut self, id: &WorkflowId, numbers: [u64; 2]) {
        if numbers == [0, 0] || (self.former.len() >= FORMER_IDS_MAX && !self.former.contains_key(id)) {
            return;
        }
        let known = self.former.entry(id.clone()).or_default();
        *known = [known[0].max(numbers[0]), known[1].max(numbers[1])];
    }
}

impl Workflow {
    /// How many incidents and requests got their numbers here.
    fn numbers(&self) -> [u64; 2] {
        [self.state.incidents.next() - 1, self.state.governance.requests.given()]
    }

    /// Incidents and requests get numbers after those that the id's former workflow gave, if there was one.
    pub(super) fn go_on_after(&mut self, numbers: Option<&[u64; 2]>) {
        let [incidents, requests] = numbers.copied().unwrap_or_default();
        self.state.incidents.go_on_after(incidents);
        self.state.governance.requests.go_on_after(requests);
    }

    /// Goes on under another id, with all that is its own. Incidents and requests keep the ids that people know.
    fn rename(&mut self, id: &WorkflowId) {
        self.id = id.clone();
        self.state.incidents.rename(id);
        self.state.governance.requests.rename(id);
    }

    /// Goes on under another plan.
    fn replan(&mut self, ctx: &mut Ctx, plan: Arc<super::plan::Plan>, house_changed: bool) {
        let now = ctx.at.now;
        let before = std::mem::replace(&mut self.plan, plan);
        let plan = Arc::clone(&self.plan);
        if house_changed || before.policy != plan.policy {
            self.cancel_requests(ctx, "the policy changed meanwhile");
        }
        // Into the lab at once, out of it only by a request.
        self.enter_lab(ctx.at.now);
        if !self.state.in_policy {
            self.state.in_policy = true;
            ctx.ledger(Some(&self.id), ANDON, What::Restored { mode: self.state.granted });
            ctx.mode_changed(&self.id);
        }
        self.state.unknown &= !ctx.declares(&self.id);
        let mut old_guards = std::mem::take(&mut self.state.guards);
        for guard in &plan.guards {
            let name = &guard.policy.name;
            let old = before.guards.iter().find(|old| old.policy.name == *name).map(|old| &old.policy);
            let state = match (old, old_guards.take(name)) {
                (Some(old), Some(mut state)) if same(old, &guard.policy) => {
                    state.rescale(old.share, guard.policy.share);
                    state.watch.prepare(guard);
                    state
                }
                (old, before) => {
                    let why = if old.is_some() { "changed" } else { "added" }.to_owned();
                    ctx.ledger(Some(&self.id), ANDON, What::GuardStarted { guard: name.clone(), why });
                    // Another definition knows nothing, but it isn't quiet either, and what fires goes on.
                    let new = Guard::new(guard, now).inherit_alerts(&guard.policy.signal, before.as_ref());
                    Guard { last_breach: before.and_then(|before| before.last_breach), ..new }
                }
            };
            self.state.guards.push(name, state);
        }
        for name in old_guards.names() {
            ctx.ledger(Some(&self.id), ANDON, What::GuardRemoved { guard: name.to_owned() });
        }
        self.refresh();
        self.announce(ctx);
        let max = self.max_mode();
        if max < self.state.granted {
            self.lower(ctx, max, Cause::Policy, format!("the policy allows at most {max}"), None);
        }
    }
}

/// Whether two definitions watch the same thing in the same way. A changed share of the budget
/// is not a change: the evidence is rescaled instead.
fn same(old: &GuardPolicy, new: &GuardPolicy) -> bool {
    GuardPolicy { share: new.share, ..old.clone() } == *new
}

//! A new policy comes into force while everything runs.
//!
//! Owns what stays and what starts anew: an unchanged guard keeps its evidence, a changed one
//! starts without, and both stand in the ledger. A removed workflow keeps its mode and history.

use super::guard::Guard;
use super::guards::Guards;
use super::handle::{At, Ctx, Effect, Monitor, bare_plan, plan_of};
use super::workflow::Workflow;
use crate::domain::{Cause, GuardPolicy, Policy, What, WorkflowId};
use std::sync::Arc;

impl Monitor {
    pub(super) fn load(&mut self, at: At, new: &Policy) -> Vec<Effect> {
        let old = std::mem::replace(&mut self.policy, Arc::new(new.clone()));
        let policy = Arc::clone(&self.policy);
        let mut ctx = Ctx::new(at, &policy);
        let loaded = What::PolicyLoaded { previous: old.hash.clone(), workflows: policy.workflows.len() };
        ctx.ledger(None, "andon", loaded);
        for (id, declared) in &policy.workflows {
            if let Some(former) = &declared.renamed_from {
                self.rename(&mut ctx, former, id);
            }
            let plan = Arc::new(plan_of(&policy, id));
            match self.workflows.get_mut(id) {
                Some(workflow) => workflow.replan(&mut ctx, plan),
                None => self.adopt(&mut ctx, id, plan, false),
            }
        }
        let removed: Vec<WorkflowId> =
            self.workflows.keys().filter(|id| !policy.workflows.contains_key(*id)).cloned().collect();
        for id in removed {
            self.leave(&mut ctx, &id);
        }
        ctx.into_effects()
    }

    /// History of a former id goes on under the new one, unless that has a history of its own.
    fn rename(&mut self, ctx: &mut Ctx<'_>, former: &WorkflowId, id: &WorkflowId) {
        if self.workflows.contains_key(id) || self.policy.workflows.contains_key(former) {
            return;
        }
        if let Some(mut workflow) = self.workflows.remove(former) {
            workflow.id = id.clone();
            self.workflows.insert(id.clone(), workflow);
            ctx.ledger(Some(id), "andon", What::Renamed { from: former.clone() });
            ctx.mode_changed(id);
        }
    }

    fn leave(&mut self, ctx: &mut Ctx<'_>, id: &WorkflowId) {
        let accept = self.policy.unknown.accept;
        let plan = Arc::new(plan_of(&self.policy, id));
        let Some(workflow) = self.workflows.get_mut(id) else { return };
        if workflow.state.unknown && accept {
            workflow.replan(ctx, plan);
        } else if workflow.state.in_policy {
            workflow.state.in_policy = false;
            // Without a policy nothing watches: what the guards knew would be stale when it comes back.
            workflow.state.guards = Guards::default();
            workflow.plan = Arc::new(bare_plan(id));
            ctx.ledger(Some(id), "andon", What::Removed {});
            ctx.mode_changed(id);
        }
    }
}

impl Workflow {
    /// Goes on under another plan.
    fn replan(&mut self, ctx: &mut Ctx<'_>, plan: Arc<super::plan::Plan>) {
        let now = ctx.at.now;
        let before = std::mem::replace(&mut self.plan, plan);
        let plan = Arc::clone(&self.plan);
        if !self.state.in_policy {
            self.state.in_policy = true;
            ctx.ledger(Some(&self.id), "andon", What::Restored { mode: self.state.granted });
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
                (old, _) => {
                    let why = if old.is_some() { "changed" } else { "added" }.to_owned();
                    ctx.ledger(Some(&self.id), "andon", What::GuardStarted { guard: name.clone(), why });
                    Guard::new(guard, now)
                }
            };
            self.state.guards.push(name, state);
        }
        for name in old_guards.names() {
            ctx.ledger(Some(&self.id), "andon", What::GuardRemoved { guard: name.to_owned() });
        }
        self.refresh();
        self.announce(ctx);
        let max = self.plan.max_mode();
        self.lower(ctx, max, Cause::Policy, format!("the policy allows at most {max}"), None);
    }
}

/// Whether two definitions watch the same thing in the same way. A changed share of the budget
/// is not a change: the evidence is rescaled instead.
fn same(old: &GuardPolicy, new: &GuardPolicy) -> bool {
    GuardPolicy { share: new.share, ..old.clone() } == *new
}

//! The way up: what a raised mode starts anew.
//!
//! Owns the only place that raises a granted mode. It is reached by a request that distinct people
//! approved, or by the record of one when another policy is tried on the past, and by nothing else.

use super::demotion::Change;
use super::governance::Probation;
use super::handle::{At, Ctx, Effect, Monitor};
use super::workflow::Workflow;
use crate::domain::{Cause, Mode, Raised, What, WorkflowId};
use std::sync::Arc;

impl Monitor {
    /// Raises a mode as a ledger says that people did, if it is the same mode that they raised. Only a
    /// monitor that tries another policy on the past is told so.
    pub fn follow(&mut self, at: At, id: &WorkflowId, what: &What) -> Vec<Effect> {
        let mut ctx = Ctx::new(at, Arc::clone(&self.policy));
        let found = self.workflows.get_mut(id).filter(|workflow| workflow.state.in_policy);
        match (found, what) {
            (Some(workflow), What::Graduated { .. }) => {
                workflow.leave_lab(at.now);
            }
            (Some(workflow), What::BaselineDropped { guard, outputs, reason, .. }) => {
                workflow.relearn(&mut ctx, guard, *outputs, reason);
            }
            (Some(workflow), What::ModeChanged { from, to, cause, reason, raised: Some(raised), .. })
                if *from == workflow.state.granted =>
            {
                let raised = (**raised).clone();
                match cause {
                    Cause::Annulment | Cause::Restoration => {
                        let epoch = workflow.state.epoch;
                        workflow.annul(&mut ctx, epoch, *to, (*cause, reason.clone(), raised));
                    }
                    _ => workflow.promoted(&mut ctx, *to, reason.clone(), raised),
                }
            }
            _ => {}
        }
        ctx.into_effects()
    }
}

impl Workflow {
    /// Raises the mode and begins the probation.
    pub(super) fn promoted(&mut self, ctx: &mut Ctx, to: Mode, reason: String, raised: Raised) {
        let from = self.state.granted;
        if self.raise(ctx, to, Cause::Promotion, reason, raised) {
            self.begin_probation(from, to);
        }
    }

    /// Raises the granted mode, never above what the policy allows; a target that is not higher changes
    /// nothing. Returns whether it did. All detectors start with a fresh budget.
    pub(super) fn raise(&mut self, ctx: &mut Ctx, to: Mode, cause: Cause, reason: String, raised: Raised) -> bool {
        let (from, to) = (self.state.granted, to.min(self.max_mode()));
        if to <= from || self.state.held.is_some() || !self.state.in_policy {
            return false;
        }
        self.begin_epoch(ctx, Change { to, cause, reason, breach: None, raised: Some(Box::new(raised)) });
        self.state.governance.raised_at = Some(ctx.at.now);
        for (_, guard) in self.state.guards.with_mut(&self.plan.guards) {
            guard.raised();
        }
        // What was granted rests on evidence up to now; silence counts from here.
        self.state.fresh_at = self.state.fresh_at.max(ctx.at.now);
        true
    }

    /// For some outputs after a promotion people review as much as in the mode below.
    fn begin_probation(&mut self, from: Mode, to: Mode) {
        let outputs = self.plan.policy.gate.get(to).probation_outputs;
        let review = &self.plan.policy.review;
        let sample_rate = review.get(from).max(*review.get(to));
        let until_output = self.state.totals.counts.outputs.saturating_add(outputs);
        self.state.governance.probation = (outputs > 0).then_some(Probation { until_output, sample_rate });
    }
}

//! The way up: what a raised mode starts anew.
//!
//! Owns the only place that raises a granted mode. It is reached by a request that distinct people
//! approved, and by nothing else.

use super::demotion::Change;
use super::governance::Probation;
use super::handle::Ctx;
use super::workflow::Workflow;
use crate::domain::{Cause, Mode, Raised};

impl Workflow {
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
    pub(super) fn begin_probation(&mut self, from: Mode, to: Mode) {
        let outputs = self.plan.policy.gate.get(to).probation_outputs;
        let review = &self.plan.policy.review;
        let sample_rate = review.get(from).max(*review.get(to));
        let until_output = self.state.totals.counts.outputs.saturating_add(outputs);
        self.state.governance.probation = (outputs > 0).then_some(Probation { until_output, sample_rate });
    }
}

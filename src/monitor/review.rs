//! The review plan of a workflow: how deep people look now, and what their verdicts lead to.
//!
//! Owns the way of a verdict to the guards that judge by it. The book of what is awaited is `reviews`'.

use super::breach::Completed;
use super::handle::Ctx;
use super::origin::{Counts, Origin};
use super::plan::GuardPlan;
use super::workflow::{State, Workflow};
use crate::domain::selection::reviewers;
use crate::domain::{OutputEvent, Review, Signal};

impl Workflow {
    /// Ends the tighter review after a promotion.
    pub(super) fn check_probation(&mut self, ctx: &mut Ctx) {
        let governance = &mut self.state.governance;
        if governance.probation.is_some_and(|probation| self.state.totals.counts.outputs >= probation.until_output) {
            governance.probation = None;
            ctx.mode_changed(&self.id);
        }
    }

    /// How many people are to review an output that comes now: none, one or two.
    pub fn reviewers(&self, output_id: &str) -> u8 {
        self.reviewers_at(self.review_depth(), output_id)
    }

    fn reviewers_at(&self, depth: f64, output_id: &str) -> u8 {
        reviewers(self.state.review_key, &self.id, output_id, depth, self.plan.policy.reviewing.twice)
    }

    /// Share of the outputs that people review now, 0 to 1.
    pub fn review_depth(&self) -> f64 {
        let declared = *self.plan.policy.review.get(self.allowed().0);
        self.state.governance.probation.map_or(declared, |probation| probation.sample_rate.max(declared))
    }

    /// An output came: people may have to review it.
    pub(super) fn expect_review(&mut self, ctx: &mut Ctx, event: &OutputEvent, of_epoch: bool) {
        let depth = self.review_depth();
        let people = self.reviewers_at(depth, &event.id);
        let depth = of_epoch.then_some(depth);
        let is_judged = of_epoch && people > 0 && self.plan.guards.iter().any(judges);
        let state = &mut self.state;
        let origin = is_judged.then(|| Origin::of(event, &mut state.segments));
        if let Some(counts) = state.reviews.output(ctx.at.now, event, depth, people, origin) {
            self.judge(ctx, &counts);
        }
    }

    /// Takes one human verdict.
    pub fn review(&mut self, ctx: &mut Ctx, review: &Review) {
        let (now, state) = (ctx.at.now, &mut self.state);
        state.totals.reviews[review.verdict as usize] += 1;
        ctx.count(false, &mut state.windows, now, |slot| slot.counts.count_review(review));
        if let Some(counts) = state.reviews.verdict(now, review) {
            self.judge(ctx, &counts);
        }
    }

    /// A verdict says something about all outputs: the guards judge by it.
    fn judge(&mut self, ctx: &mut Ctx, counts: &Counts) {
        let mode = self.state.granted;
        let State { guards, segments, .. } = &mut self.state;
        let mut broken = Vec::new();
        for (index, (plan, guard)) in guards.with_mut(&self.plan.guards).enumerate() {
            if judges(plan)
                && let Some(what) = guard.verdict(plan, (mode, ctx.at.now), counts, segments)
            {
                broken.push((index, what));
            }
        }
        self.announce(ctx);
        if !broken.is_empty() {
            self.broken(ctx, &broken, Completed::Verdict(&counts.output_id));
        }
    }
}

fn judges(plan: &GuardPlan) -> bool {
    plan.policy.signal == Signal::RejectionRate
}

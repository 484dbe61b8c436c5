//! What a guard forgets, and when: at a demotion, a promotion, a new baseline, another share.
//!
//! Owns the fresh starts. Evidence is forgotten only here; what was learned goes by a person's order.

use super::guard::{Block, Guard};
use super::plan::GuardPlan;
use super::strata::Strata;
use crate::domain::{Mode, PerMode};
use crate::stats::sequence::Sequence;

impl Guard {
    /// The workflow went down to `mode`: what watched the modes above starts anew.
    pub fn lowered(&mut self, plan: &GuardPlan, mode: Mode) {
        for above in Mode::ALL.into_iter().filter(|above| *above > mode) {
            self.main.get_mut(above).reset();
        }
        if mode == Mode::Assist {
            self.outage.reset();
        }
        if !plan.binds(mode) {
            self.watch.reset();
        }
        self.begin_epoch();
    }

    fn begin_epoch(&mut self) {
        self.block = Block::default();
        self.sequence = Sequence::default();
        self.averaged = (0.0, 0);
        self.strata = Strata::default();
        self.epoch_n = 0;
        self.below_highest = (PerMode::default(), 0);
    }

    /// People raised the mode: everything is bet anew, with a budget of its own.
    pub fn raised(&mut self) {
        self.rearm();
        self.begin_epoch();
    }

    /// Whether it waits for its baseline.
    pub(super) fn learns(&self) -> bool {
        self.watch.baseline.as_ref().is_some_and(|baseline| baseline.pinned.is_none())
    }

    /// Forgets the evidence (a lab incident was resolved, or a baseline dropped): the guard may
    /// inform again.
    pub fn rearm(&mut self) {
        Mode::ALL.into_iter().for_each(|mode| self.main.get_mut(mode).reset());
        self.outage.reset();
        self.watch.reset();
        self.block = Block::default();
    }

    /// A person has the guard learn anew; false where it has no baseline.
    pub fn relearn(&mut self, plan: &GuardPlan, outputs: Option<u32>) -> bool {
        let has_one = self.watch.restart(plan, outputs);
        if has_one {
            self.rearm();
            // What was shown against the bound of before is nothing against that to come.
            self.begin_epoch();
        }
        has_one
    }

    /// The guard's share of the budget changed from `old` to `new`: keeps share · M.
    pub fn rescale(&mut self, old: f64, new: f64) {
        if old > 0.0 && new > 0.0 {
            Mode::ALL.into_iter().for_each(|mode| self.main.get_mut(mode).rescale(old / new));
            self.outage.rescale(old / new);
            self.watch.rescale(old / new);
        }
    }
}

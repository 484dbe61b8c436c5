//! One guard at work: its detectors, its block, and the outputs that weighed most.
//!
//! Owns the evidence of one guard in every mode up to the current one. It says that a bound is
//! broken; what follows from it is the workflow's decision.

use super::hits::Hits;
use super::limit::{Limit, Tripped};
use super::observe::{Seen, observe, shift};
use super::origin::Counts;
use super::plan::GuardPlan;
use super::segments::{OF_OUTPUT_MAX, Segmented, Segments};
use super::strata::Strata;
use super::watch::{Watch, value_of};
use crate::domain::{Mode, OutputEvent, PerMode, Signal, Time};
use crate::stats::baseline::Value;
use crate::stats::bets::Bets;
use crate::stats::change::Sums;
use crate::stats::detector::{Detector, Observation};
use crate::stats::learned::LearnedPlan;
use crate::stats::sequence::Sequence;
use serde::{Deserialize, Serialize};

/// What broke.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Broken {
    /// The bound of the current mode.
    Main,
    /// The outage lane.
    Outage,
    /// A deterministic limit.
    Limit(Tripped),
}

/// Observations of the block under way.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Block {
    observations: u32,
    /// Outputs that they stand for.
    outputs: u32,
    x: f64,
    sums: Sums,
    /// Σ of how far the learned bound of each mode lay below the one that is bet against.
    offsets: PerMode<f64>,
    /// Time of the first of them.
    time: Time,
}

/// The last breach of a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBreach {
    /// When.
    pub time: Time,
    /// The workflow's epoch after it.
    pub epoch: u64,
}

/// State of one guard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// One detector a mode; those above the current mode are frozen without evidence.
    pub(super) main: PerMode<Detector>,
    pub(super) outage: Detector,
    /// When the last observation of `main` and that of `outage` began.
    pub(super) judged_at: [Time; 2],
    pub(super) block: Block,
    /// Deterministic guards only.
    pub limit: Limit,
    /// Learned bounds, distributions, groups.
    pub watch: Watch,
    /// Everything observed since the guard started.
    pub total: Sums,
    /// When it last observed something.
    pub last_at: Option<Time>,
    /// When it started.
    pub started_at: Time,
    /// Its last breach.
    pub last_breach: Option<LastBreach>,
    /// The last outputs that spoke against the workflow.
    pub(super) hits: Hits,
    /// The mean since the epoch began, on means of blocks, as an interval that holds at every look.
    pub(super) sequence: Sequence,
    pub(super) averaged: (f64, u32),
    /// The same means by day, version and segment.
    pub(super) strata: Strata,
    /// Observations since the epoch began.
    pub(super) epoch_n: u64,
    /// Σ of how far the learned bound of each mode lay below its highest, and over how many observations
    /// since the epoch began: where the hours of the week differ, what is asked for depends on which came.
    pub(super) below_highest: (PerMode<f64>, u64),
}

/// One output on its way through the guards.
#[derive(Debug)]
pub struct Arrival<'e, 's> {
    /// The granted mode.
    pub mode: Mode,
    /// When it arrived.
    pub now: Time,
    /// The output.
    pub event: &'e OutputEvent,
    /// Whether it was made since the mode was granted: only then it is evidence for the next one.
    pub of_epoch: bool,
    /// Its segments, if it is one of those by which segments are compared.
    pub sampled: Option<[u16; OF_OUTPUT_MAX]>,
    /// What segments it belongs to.
    pub segments: Segmented<'s>,
}

impl Guard {
    /// A guard that has seen nothing.
    pub fn new(plan: &GuardPlan, now: Time) -> Self {
        Self {
            main: PerMode::default(),
            outage: Detector::default(),
            judged_at: [now; 2],
            block: Block::default(),
            limit: Limit::new(now),
            watch: Watch::new(plan),
            total: Sums::default(),
            last_at: None,
            started_at: now,
            last_breach: None,
            hits: Hits::default(),
            sequence: Sequence::default(),
            averaged: (0.0, 0),
            strata: Strata::default(),
            epoch_n: 0,
            below_highest: (PerMode::default(), 0),
        }
    }

    /// The bets against the bound of a mode, declared or learned; `None` where none holds (yet).
    pub fn bets<'a>(&'a self, plan: &'a GuardPlan, mode: Mode) -> Option<&'a Bets> {
        match plan.bets.get(mode) {
            Some(bets) => Some(bets),
            None => self.watch.share(mode).map(|learned| &learned.bets),
        }
    }

    /// The bound of a mode in the guard's unit: declared, or as learned so far.
    pub fn bound(&self, plan: &GuardPlan, mode: Mode) -> Option<f64> {
        if plan.policy.baseline.is_none() || matches!(plan.policy.signal, Signal::Drift { .. }) {
            return *plan.policy.bound.get(mode);
        }
        self.watch.share(mode).map(|learned| learned.bound(&self.watch.learned, usize::MAX))
    }

    /// Takes an output; says what broke with it.
    pub fn event(&mut self, plan: &GuardPlan, arrival: &mut Arrival<'_, '_>) -> Option<Broken> {
        let (mode, now, event) = (arrival.mode, arrival.now, arrival.event);
        let time = event.time.unwrap_or(now);
        let judged = plan.binds(mode);
        match &plan.policy.signal {
            Signal::Drift { of } => {
                let value = value_of(of, event)?;
                self.saw(now, arrival.of_epoch, &Seen::value(value));
                self.watch.drifts(plan, judged, value, time).then_some(Broken::Main)
            }
            Signal::Disparity { attribute } => {
                let group = event.attribute(attribute)?;
                self.saw(now, arrival.of_epoch, &Seen::indicator(event.is_exception()));
                if event.is_exception() {
                    self.hits.push(arrival, 1.0);
                }
                let ratio = plan.policy.bound.iter().find_map(|(_, bound)| *bound)?;
                let (groups, failed) = (self.watch.groups.as_mut()?, event.is_exception());
                groups.observe(ratio, group, failed, judged, time.0, plan.threshold).then_some(Broken::Main)
            }
            Signal::RejectionRate | Signal::External { .. } => None,
            signal if !signal.is_statistical() => {
                // A spend of which nothing is known is no small one.
                if !matches!(signal, Signal::SpendLimit { .. }) || event.cost.is_some() {
                    self.last_at = Some(now);
                }
                self.limit.event(signal, now, event).map(Broken::Limit)
            }
            signal => {
                // In assist no bound holds, but people still see the observations, judged by the next bound.
                let bets = |mode| self.bets(plan, mode);
                let bound = bets(mode).or_else(|| bets(Mode::Collaborate)).or_else(|| bets(Mode::Automate));
                let bound = bound.map_or(0.5, Bets::bound);
                let seen = observe(signal, bound, event)?;
                // Only outputs that speak against the workflow.
                if seen.x > bound {
                    self.hits.push(arrival, seen.value);
                }
                self.saw(now, arrival.of_epoch, &seen);
                if arrival.of_epoch && !self.learns() {
                    // A cost is measured from a bound, and the gate asks about that of the next mode.
                    let mut above = Mode::ALL.into_iter().filter(|above| *above > mode);
                    let next = above.find_map(|above| self.bets(plan, above)).map(Bets::bound);
                    let x = shift(&plan.policy.signal, seen.x, bound, next.unwrap_or(bound), seen.sums);
                    self.average(plan, x);
                    let sampled = arrival.sampled.as_ref().map_or(&[][..], |ids| ids.as_slice());
                    self.stratify(plan, &seen, time, sampled);
                }
                self.judge(plan, mode, &seen, time, 1, arrival.of_epoch)
            }
        }
    }

    /// Takes a human verdict on an output; that stands for as many as its depth says.
    pub fn verdict(
        &mut self,
        plan: &GuardPlan,
        (mode, now): (Mode, Time),
        of: &Counts,
        segments: &mut Segments,
    ) -> Option<Broken> {
        let seen = Seen::indicator(of.rejected);
        self.saw(now, true, &seen);
        self.hits.verdict(of, now, segments);
        if !self.learns() {
            self.average(plan, seen.x);
            // Verdicts are too few to compare segments by them: a gate that waited for that would stay shut.
            self.stratify(plan, &seen, now, &[]);
        }
        self.judge(plan, mode, &seen, now, of.stands_for(), true)
    }

    fn saw(&mut self, now: Time, of_epoch: bool, seen: &Seen) {
        self.epoch_n += u64::from(of_epoch);
        self.last_at = Some(now);
        self.total.n += 1;
        self.total.numerator += seen.sums.numerator;
        self.total.denominator += seen.sums.denominator;
    }

    /// Adds to the means of days and segments; of a cost the part of its cap, since X depends on a bound.
    fn stratify(&mut self, plan: &GuardPlan, seen: &Seen, time: Time, segments: &[u16]) {
        let x = match &plan.policy.signal {
            Signal::CostPerUnit { cap, .. } => (seen.value / cap.to_f64()).min(1.0),
            _ => seen.x,
        };
        self.strata.take(time.0.div_euclid(Time::DAY), segments, x);
    }

    /// Adds to the mean since the epoch began.
    fn average(&mut self, plan: &GuardPlan, x: f64) {
        self.averaged = (self.averaged.0 + x, self.averaged.1 + 1);
        if self.averaged.1 >= plan.policy.block {
            self.sequence.update(self.averaged.0 / f64::from(self.averaged.1));
            self.averaged = (0.0, 0);
        }
    }

    /// What the detectors make of an observation that stands for `outputs` outputs.
    fn judge(
        &mut self,
        plan: &GuardPlan,
        mode: Mode,
        seen: &Seen,
        time: Time,
        outputs: u32,
        of_epoch: bool,
    ) -> Option<Broken> {
        let mut offsets = PerMode::default();
        if let (Some(policy), Some(baseline)) = (&plan.policy.baseline, &mut self.watch.baseline) {
            if baseline.pinned.is_none() {
                if baseline.learn(policy, Value::Number(seen.x), time) {
                    self.watch.prepare(plan);
                }
                return None;
            }
            let stratum = super::baseline::Baseline::stratum(policy, time);
            let offset = |learned: &LearnedPlan| learned.offset(&self.watch.learned, stratum);
            offsets = PerMode::from_fn(|level| self.watch.share(level).map_or(0.0, offset));
            if of_epoch {
                offsets.iter().for_each(|(level, offset)| *self.below_highest.0.get_mut(level) += offset);
                self.below_highest.1 += 1;
            }
            self.watch.learned.count(seen.x);
        }
        if mode == Mode::Assist {
            return None;
        }
        let bound = self.bets(plan, mode)?.bound();
        // A learned bound may lie above the lane's: then an outright failure is what is normal.
        let lane = plan.lane.as_ref().filter(|lane| bound < lane.bets.bound());
        let outage = lane.is_some_and(|lane| {
            let x = shift(&plan.policy.signal, seen.x, bound, lane.bets.bound(), seen.sums);
            let elapsed_ms = elapsed(&mut self.judged_at[1], time);
            self.outage.update(&lane.bets, &Observation { x, outputs, sums: seen.sums, elapsed_ms }, lane.threshold)
        });
        let main = self.push(plan, mode, seen, &offsets, time, outputs);
        if outage { Some(Broken::Outage) } else { main.then_some(Broken::Main) }
    }

    /// Adds to the block; a full one goes to the detectors of the current mode and those below.
    fn push(
        &mut self,
        plan: &GuardPlan,
        mode: Mode,
        seen: &Seen,
        offsets: &PerMode<f64>,
        time: Time,
        outputs: u32,
    ) -> bool {
        let block = &mut self.block;
        if block.observations == 0 {
            block.time = time;
        }
        block.observations += 1;
        block.outputs += outputs;
        block.x += seen.x;
        offsets.iter().for_each(|(level, offset)| *block.offsets.get_mut(level) += offset);
        block.sums.n += 1;
        block.sums.numerator += seen.sums.numerator;
        block.sums.denominator += seen.sums.denominator;
        if block.observations < plan.policy.block {
            return false;
        }
        let full = std::mem::take(block);
        let n = f64::from(full.observations);
        let bound = self.bets(plan, mode).map_or(0.0, Bets::bound);
        let elapsed_ms = elapsed(&mut self.judged_at[0], full.time);
        let mut broken = false;
        for level in Mode::ALL.into_iter().filter(|level| *level <= mode) {
            let learned = self.watch.share(level).map(|learned| &learned.bets);
            let Some(bets) = plan.bets.get(level).as_ref().or(learned) else { continue };
            let x =
                shift(&plan.policy.signal, full.x / n, bound, bets.bound(), full.sums) + full.offsets.get(level) / n;
            let observation = Observation { x, outputs: full.outputs, sums: full.sums, elapsed_ms };
            let crossed = self.main.get_mut(level).update(bets, &observation, plan.threshold);
            broken |= crossed && level == mode;
        }
        broken
    }

    /// Whether the evidence against the bound of a mode is complete.
    pub fn crossed(&self, plan: &GuardPlan, mode: Mode) -> bool {
        self.main.get(mode).crossed() || (self.watch.crossed() && plan.binds(mode))
    }

    /// M and the share of the way to the threshold in a mode.
    pub fn evidence(&self, plan: &GuardPlan, mode: Mode) -> Option<(f64, f64)> {
        if let Some(evidence) = self.watch.evidence().filter(|_| plan.binds(mode)) {
            let ratio = if self.watch.crossed() { 1.0 } else { evidence.ln_1p() / plan.threshold.ln_1p() };
            return Some((evidence, ratio.clamp(0.0, 1.0)));
        }
        let bets = self.bets(plan, mode)?;
        let detector = self.main.get(mode);
        let main = detector.evidence_ratio(bets, plan.threshold);
        let lane = plan.lane.as_ref().map_or(0.0, |lane| self.outage.evidence_ratio(&lane.bets, lane.threshold));
        Some((detector.evidence(bets), main.max(lane)))
    }
}

/// Milliseconds since `latest`, which moves on to `now`. An output that comes late counts as just now.
fn elapsed(latest: &mut Time, now: Time) -> f64 {
    let before = std::mem::replace(latest, now.max(*latest));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of centuries are exact")]
    let elapsed = latest.0.saturating_sub(before.0) as f64;
    elapsed
}

#[cfg(test)]
mod tests {
    use super::super::plan::Plan;
    use super::super::plan::tests::workflow;
    use super::*;

    fn failing(plan: &GuardPlan, mode: Mode, outputs: u32) -> Guard {
        let mut guard = Guard::new(plan, Time(0));
        let seen = Seen::indicator(true);
        for n in 0..outputs {
            guard.judge(plan, mode, &seen, Time(i64::from(n)), 1, true);
        }
        guard
    }

    #[test]
    fn a_lowered_guard_forgets_what_it_held_against_the_modes_above_only() {
        let plan = Plan::new(&workflow("wf", 1), 1e6).guards.remove(0);
        let mut guard = failing(&plan, Mode::Automate, 3);
        let held = |guard: &Guard, mode| guard.evidence(&plan, mode).unwrap().0;
        let before = held(&guard, Mode::Delegate);
        assert!(before > 100.0 && held(&guard, Mode::Automate) > 100.0);
        guard.lowered(&plan, Mode::Delegate);
        assert!(held(&guard, Mode::Automate).abs() < f64::EPSILON);
        assert!((held(&guard, Mode::Delegate) - before).abs() < f64::EPSILON);
    }

    #[test]
    fn evidence_keeps_its_worth_when_the_share_of_the_budget_changes() {
        let plan = Plan::new(&workflow("wf", 1), 1e6).guards.remove(0);
        let mut guard = failing(&plan, Mode::Automate, 3);
        let (before, _) = guard.evidence(&plan, Mode::Automate).unwrap();
        guard.rescale(0.5, 1.0);
        let (after, _) = guard.evidence(&plan, Mode::Automate).unwrap();
        assert!((after / before - 0.5).abs() < 1e-6, "{before} {after}: twice the share, half the threshold");
    }

    #[test]
    fn a_late_output_does_not_turn_the_clock_back() {
        let mut latest = Time(1_000);
        assert!(elapsed(&mut latest, Time(400)).abs() < f64::EPSILON);
        assert!((elapsed(&mut latest, Time(1_500)) - 500.0).abs() < f64::EPSILON);
    }
}

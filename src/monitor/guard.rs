//! One guard at work: its detectors, its block, and the outputs that weighed most.
//!
//! Owns the evidence of one guard in every mode up to the current one. It says that a bound is
//! broken; what follows from it is the workflow's decision.

use super::limit::{Limit, Tripped};
use super::observe::{Seen, is_share, observe};
use super::plan::GuardPlan;
use crate::domain::{Breach, Heaviest, Mode, OutputEvent, PerMode, Time};
use crate::stats::change::Sums;
use crate::stats::confidence::clopper_pearson_95;
use crate::stats::detector::{Detector, Observation};
use serde::{Deserialize, Serialize};

/// Outputs kept as the heaviest of a guard.
pub const HEAVIEST_MAX: usize = 10;

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
struct Block {
    outputs: u32,
    x: f64,
    sums: Sums,
    time_ms: i64,
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
    main: PerMode<Detector>,
    outage: Detector,
    block: Block,
    /// Deterministic guards only.
    pub limit: Limit,
    /// Everything observed since the guard started.
    pub total: Sums,
    /// When it last observed something.
    pub last_at: Option<Time>,
    /// When it started.
    pub started_at: Time,
    /// Its last breach.
    pub last_breach: Option<LastBreach>,
    heaviest: Vec<Heaviest>,
}

impl Guard {
    /// A guard that has seen nothing.
    pub fn new(now: Time) -> Self {
        Self {
            main: PerMode::default(),
            outage: Detector::default(),
            block: Block::default(),
            limit: Limit::new(now),
            total: Sums::default(),
            last_at: None,
            started_at: now,
            last_breach: None,
            heaviest: Vec::new(),
        }
    }

    /// Takes an output in a mode; says what broke with it.
    pub fn event(&mut self, plan: &GuardPlan, mode: Mode, now: Time, event: &OutputEvent) -> Option<Broken> {
        let signal = &plan.policy.signal;
        if !signal.is_statistical() {
            self.last_at = Some(now);
            return self.limit.event(signal, now, event).map(Broken::Limit);
        }
        // In assist no bound holds, but people still see the observations, judged by the next bound.
        let reference = plan.bets.get(mode).as_ref().or_else(|| plan.bets.get(Mode::Collaborate).as_ref());
        let bound = reference.or_else(|| plan.bets.get(Mode::Automate).as_ref())?.bound();
        let seen = observe(signal, bound, event)?;
        self.last_at = Some(now);
        self.total.n += 1;
        self.total.numerator += seen.sums.numerator;
        self.total.denominator += seen.sums.denominator;
        self.weigh(bound, &seen, now, event);
        if mode == Mode::Assist || plan.bets.get(mode).is_none() {
            return None;
        }
        let time_ms = event.time.unwrap_or(now).0;
        let outage = plan.lane.as_ref().is_some_and(|lane| {
            let x = shift(plan, seen.x, bound, lane.bets.bound(), seen.sums);
            self.outage.update(&lane.bets, &Observation { x, outputs: 1, sums: seen.sums, time_ms }, lane.threshold)
        });
        let main = self.push(plan, mode, &seen, time_ms);
        if outage { Some(Broken::Outage) } else { main.then_some(Broken::Main) }
    }

    /// Adds to the block; a full one goes to the detectors of the current mode and those below.
    fn push(&mut self, plan: &GuardPlan, mode: Mode, seen: &Seen, time_ms: i64) -> bool {
        let block = &mut self.block;
        if block.outputs == 0 {
            block.time_ms = time_ms;
        }
        block.outputs += 1;
        block.x += seen.x;
        block.sums.n += 1;
        block.sums.numerator += seen.sums.numerator;
        block.sums.denominator += seen.sums.denominator;
        if block.outputs < plan.policy.block {
            return false;
        }
        let outputs = f64::from(block.outputs);
        let full = Block { x: block.x / outputs, ..std::mem::take(block) };
        let bound = plan.bets.get(mode).as_ref().map_or(0.0, |bets| bets.bound());
        let mut broken = false;
        for (level, bets) in plan.bets.iter() {
            let Some(bets) = bets.as_ref().filter(|_| level <= mode) else { continue };
            let x = shift(plan, full.x, bound, bets.bound(), full.sums);
            let observation = Observation { x, outputs: full.outputs, sums: full.sums, time_ms: full.time_ms };
            let crossed = self.main.get_mut(level).update(bets, &observation, plan.threshold);
            broken |= crossed && level == mode;
        }
        broken
    }

    /// Whether the evidence against the bound of a mode is complete.
    pub const fn crossed(&self, mode: Mode) -> bool {
        self.main.get(mode).crossed()
    }

    /// M and the share of the way to the threshold in a mode.
    pub fn evidence(&self, plan: &GuardPlan, mode: Mode) -> Option<(f64, f64)> {
        let bets = plan.bets.get(mode).as_ref()?;
        let detector = self.main.get(mode);
        let main = detector.evidence_ratio(bets, plan.threshold);
        let lane = plan.lane.as_ref().map_or(0.0, |lane| self.outage.evidence_ratio(&lane.bets, lane.threshold));
        Some((detector.evidence(bets), main.max(lane)))
    }

    /// The workflow went down to `mode`: what watched the modes above starts anew.
    pub fn lowered(&mut self, mode: Mode) {
        for above in Mode::ALL.into_iter().filter(|above| *above > mode) {
            self.main.get_mut(above).reset();
        }
        if mode == Mode::Assist {
            self.outage.reset();
        }
        self.block = Block::default();
    }

    /// Forgets the evidence (a lab incident was resolved): the guard may inform again.
    pub fn rearm(&mut self) {
        Mode::ALL.into_iter().for_each(|mode| self.main.get_mut(mode).reset());
        self.outage.reset();
        self.block = Block::default();
    }

    /// The guard's share of the budget changed from `old` to `new`: keeps share · M.
    pub fn rescale(&mut self, old: f64, new: f64) {
        if old > 0.0 && new > 0.0 {
            Mode::ALL.into_iter().for_each(|mode| self.main.get_mut(mode).rescale(old / new));
            self.outage.rescale(old / new);
        }
    }

    /// The numbers of a breach.
    pub fn breach(&self, plan: &GuardPlan, mode: Mode, broken: Broken, output: Option<&OutputEvent>) -> Breach {
        let (detector, bets, threshold, lane) = match (broken, &plan.lane) {
            (Broken::Limit(tripped), _) => return self.limit_breach(plan, mode, tripped, output),
            (Broken::Outage, Some(lane)) => (&self.outage, Some(&lane.bets), lane.threshold, "outage"),
            _ => (self.main.get(mode), plan.bets.get(mode).as_ref(), plan.threshold, "main"),
        };
        let (mark, since) = detector.since_change().map_or((None, detector.sums()), |(mark, sums)| (Some(mark), sums));
        let changed_at = mark.map(|mark| Time(mark.time_ms));
        Breach {
            guard: plan.policy.name.clone(),
            signal: plan.policy.signal.name().to_owned(),
            lane: lane.to_owned(),
            mode,
            bound: plan.policy.bound.get(mode).unwrap_or_default(),
            estimate: since.mean().unwrap_or_default(),
            interval: is_share(&plan.policy.signal).then(|| interval(since)).flatten(),
            n: since.n,
            n_total: self.total.n,
            evidence: bets.map_or(0.0, |bets| detector.evidence(bets)),
            threshold,
            output: output.map(|event| event.id.to_string()),
            changed_at,
            changed_between: None,
            part: None,
            carriers: Vec::new(),
            heaviest: self.heaviest_since(changed_at),
        }
    }

    fn limit_breach(&self, plan: &GuardPlan, mode: Mode, tripped: Tripped, output: Option<&OutputEvent>) -> Breach {
        Breach {
            guard: plan.policy.name.clone(),
            signal: plan.policy.signal.name().to_owned(),
            lane: "limit".to_owned(),
            mode,
            bound: tripped.limit,
            estimate: tripped.value,
            interval: None,
            n: tripped.n,
            n_total: tripped.n,
            evidence: tripped.value,
            threshold: tripped.limit,
            output: output.map(|event| event.id.to_string()),
            changed_at: self.limit.quiet_since.filter(|_| output.is_none()),
            changed_between: None,
            part: None,
            carriers: Vec::new(),
            heaviest: output
                .map(|event| vec![heavy(event, event.time.unwrap_or_default(), tripped.value)])
                .unwrap_or_default(),
        }
    }

    fn weigh(&mut self, bound: f64, seen: &Seen, now: Time, event: &OutputEvent) {
        // Only outputs that speak against the workflow; equal weights: the later one stays.
        if seen.x <= bound {
            return;
        }
        if self.heaviest.len() >= HEAVIEST_MAX {
            // The oldest goes; a list by weight alone would show last year's record for ever.
            self.heaviest.remove(0);
        }
        self.heaviest.push(heavy(event, event.time.unwrap_or(now), seen.value));
    }

    fn heaviest_since(&self, changed_at: Option<Time>) -> Vec<Heaviest> {
        let mut list: Vec<Heaviest> =
            self.heaviest.iter().filter(|heavy| changed_at.is_none_or(|at| heavy.time >= at)).cloned().collect();
        list.sort_by(|a, b| b.value.total_cmp(&a.value).then(b.time.cmp(&a.time)));
        list
    }
}

fn heavy(event: &OutputEvent, time: Time, value: f64) -> Heaviest {
    Heaviest {
        id: event.id.to_string(),
        time,
        value,
        exception: event.exception.as_deref().map(str::to_owned),
        trace_id: event.trace_id.as_deref().map(str::to_owned),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of hits")]
fn interval(sums: Sums) -> Option<[f64; 2]> {
    clopper_pearson_95(sums.numerator.round().max(0.0) as u64, sums.n)
}

/// The mean X of a block as the detector of another bound sees it. Only a cost's X depends on its
/// bound: X = b + (Σ min(c, cap·u)/cap − b Σ u) / (m · units_max).
fn shift(plan: &GuardPlan, x: f64, from: f64, to: f64, sums: Sums) -> f64 {
    let crate::domain::Signal::CostPerUnit { units_max, .. } = plan.policy.signal else { return x };
    #[expect(clippy::cast_precision_loss, reason = "outputs of a block")]
    let units_mean = sums.denominator / sums.n.max(1) as f64;
    (to - from).mul_add(1.0 - units_mean / units_max, x).clamp(0.0, 1.0)
}

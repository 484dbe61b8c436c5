//! The shipped detector and the shipped guard over simulated outputs.
//!
//! Owns the loops. What is simulated is handed in; what it means is the bars'.

use super::one_guard::{OneGuard, policy, uniform_below};
use super::sample::real;
use super::streams::Stream;
use crate::domain::{GuardPolicy, Outcome, OutputEvent, Signal, WorkflowId};
use crate::stats::bets::Bets;
use crate::stats::change::Sums;
use crate::stats::detector::{Detector, Observation};
use crate::stats::rng::Rng;

/// What a [`Watch`] looks at.
const EXCEPTIONS: Signal = Signal::ExceptionRate { kind: None };

/// An alarm of a detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alarm {
    /// Outputs up to it.
    pub outputs: f64,
    /// M at it.
    pub evidence: f64,
}

/// Runs a detector at the bound of a stream, one output at a time, until its alarm. A bound that
/// can't be tested never alarms and gives NaN.
pub fn run_length(stream: Stream, threshold: f64, rng: &mut Rng) -> Alarm {
    let Ok(bets) = Bets::new(stream.bound()) else { return Alarm { outputs: f64::NAN, evidence: f64::NAN } };
    let mut detector = Detector::default();
    let mut n = 0;
    loop {
        n += 1;
        if detector.update(&bets, &observation(stream.x(rng)), threshold) {
            return Alarm { outputs: real(n), evidence: detector.evidence(&bets) };
        }
    }
}

/// One output with an X.
pub const fn observation(x: f64) -> Observation {
    Observation { x, outputs: 1, sums: Sums { n: 1, numerator: x, denominator: 1.0 }, elapsed_ms: 1.0 }
}

/// A guard on exceptions, and the two outputs that it can see.
#[derive(Debug, Clone)]
pub struct Watch {
    one: OneGuard,
    good: OutputEvent,
    bad: OutputEvent,
}

impl Watch {
    /// A guard with a bound (0 < bound < 0.98), a block (`None` = the default one), a share of the
    /// budget and the budget. `None` where the bound can't be tested.
    pub fn new(bound: f64, block: Option<u32>, share: f64, budget: f64) -> Option<Self> {
        Self::of(GuardPolicy { share, ..policy(EXCEPTIONS, bound, block, None) }, budget)
    }

    /// A guard that learns its bound from so many outputs, with no tolerance beyond it and block 1.
    pub fn learning(outputs: u32, budget: f64) -> Option<Self> {
        Self::of(policy(EXCEPTIONS, 0.0, Some(1), Some(outputs)), budget)
    }

    fn of(policy: GuardPolicy, budget: f64) -> Option<Self> {
        let event = |outcome| OutputEvent::new("o", WorkflowId::unknown(), outcome);
        let (good, bad) = (event(Outcome::Ok), event(Outcome::Exception));
        OneGuard::new(policy, budget).map(|one| Self { one, good, bad })
    }

    /// The block.
    pub const fn block(&self) -> u32 {
        self.one.block()
    }

    /// Takes an output; whether the guard broke with it.
    pub fn sees(&mut self, is_bad: bool) -> bool {
        self.one.sees(if is_bad { &self.bad } else { &self.good })
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.one.restart();
    }
}

/// A change of the rate of bad outputs, and for how long it is waited for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The rate before.
    pub from: f64,
    /// The rate after.
    pub to: f64,
    /// Outputs before; part of a block more, so that the change may come anywhere within one.
    pub history: usize,
    /// Outputs after, at most.
    pub most: usize,
}

/// Outputs from the change to the alarm: infinite where none came in time, `None` where one came
/// before the change.
pub fn delay(watch: &Watch, change: Change, rng: &mut Rng) -> Option<f64> {
    let mut watch = watch.clone();
    let within_block = uniform_below(watch.block(), rng);
    (0..change.history + within_block).all(|_| !watch.sees(rng.uniform() < change.from)).then_some(())?;
    Some((1..=change.most).find(|_| watch.sees(rng.uniform() < change.to)).map_or(f64::INFINITY, real))
}

/// Alarms of a guard in `n` outputs; it begins anew after each.
pub fn alarms(watch: &Watch, n: usize, mut is_bad: impl FnMut(usize) -> bool) -> usize {
    let mut watch = watch.clone();
    let mut count = 0;
    for t in 0..n {
        if watch.sees(is_bad(t)) {
            count += 1;
            watch.reset();
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_sees_a_failing_workflow_and_leaves_a_good_one() {
        let watch = Watch::new(0.02, None, 1.0, 1e6).unwrap();
        assert_eq!(watch.block(), 50);
        assert_eq!(alarms(&watch, 100_000, |_| false), 0);
        assert!(alarms(&watch, 1_000, |_| true) > 10);
        assert!(Watch::new(0.99, None, 1.0, 1e6).is_none());
        let change = Change { from: 0.0, to: 1.0, history: 100, most: 1_000 };
        let mut rng = Rng::new(1);
        let delay = delay(&watch, change, &mut rng).unwrap();
        assert!(delay <= 60.0, "{delay}");
    }

    #[test]
    fn a_detector_runs_to_its_alarm() {
        let alarm = run_length(Stream::Rate(0.5), 100.0, &mut Rng::new(2));
        assert!(alarm.outputs >= 1.0 && alarm.evidence >= 100.0);
    }
}

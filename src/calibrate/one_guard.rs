//! One shipped guard over simulated outputs, in the mode automate and alone under its budget.
//!
//! Owns the loops over whole output events: learning, false alarms, delays. What an output is, is
//! handed in; what the numbers mean is the bars'.

use super::sample::real;
use crate::domain::policy::default_block;
use crate::domain::{
    BaselinePolicy, BaselineSource, GuardPolicy, Mode, OutputEvent, PerMode, Signal, Time, WorkflowPolicy,
};
use crate::monitor::guard::{Arrival, Guard};
use crate::monitor::plan::{GuardPlan, Plan};
use crate::monitor::segments::{Segmented, Segments};
use crate::stats::rng::Rng;

/// The guard.
#[derive(Debug, Clone)]
pub struct OneGuard {
    plan: GuardPlan,
    guard: Guard,
    segments: Segments,
}

/// The policy of a guard that binds in automate only: `bound` is its bound, tolerance or ratio;
/// `block` `None` is the default one; `baseline` is how many outputs it learns from.
pub fn policy(signal: Signal, bound: f64, block: Option<u32>, baseline: Option<u32>) -> GuardPolicy {
    let learned = |count| BaselinePolicy { source: BaselineSource::Outputs { count }, hour_of_week: None };
    GuardPolicy {
        name: signal.name().to_owned(),
        block: block.unwrap_or_else(|| default_block(&signal, bound)),
        signal,
        bound: PerMode::from_fn(|mode| (mode == Mode::Automate).then_some(bound)),
        share: 1.0,
        to: None,
        baseline: baseline.map(learned),
    }
}

impl OneGuard {
    /// A guard that has seen nothing. `None` where its bound can't be tested.
    pub fn new(policy: GuardPolicy, budget: f64) -> Option<Self> {
        let declares_bound = policy.declares_bound();
        let workflow = WorkflowPolicy { guards: vec![policy], ..WorkflowPolicy::bare() };
        let plan = Plan::new(&workflow, budget).guards.pop()?;
        let guard = Guard::new(&plan, Time::default());
        let is_testable = guard.bets(&plan, Mode::Automate).is_some() || !declares_bound;
        (plan.binds(Mode::Automate) && is_testable).then(|| Self { plan, guard, segments: Segments::default() })
    }

    /// The block.
    pub const fn block(&self) -> u32 {
        self.plan.policy.block
    }

    /// Takes an output; whether the guard broke with it.
    pub fn sees(&mut self, event: &OutputEvent) -> bool {
        let segments = Segmented::new(&mut self.segments);
        let mut arrival =
            Arrival { mode: Mode::Automate, now: Time::default(), event, of_epoch: true, sampled: None, segments };
        self.guard.event(&self.plan, &mut arrival).is_some()
    }

    /// Whether it still learns what is normal.
    pub fn is_learning(&self) -> bool {
        self.guard.watch.baseline.as_ref().is_some_and(|baseline| baseline.pinned.is_none())
    }

    /// Begins anew with no evidence; what was learned stays.
    pub fn rearm(&mut self) {
        self.guard.rearm();
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        self.guard = Guard::new(&self.plan, Time::default());
    }
}

/// The guard after it has learned from outputs that `next` writes.
pub fn learned(one: &OneGuard, event: &mut OutputEvent, mut next: impl FnMut(&mut OutputEvent)) -> OneGuard {
    let mut one = one.clone();
    while one.is_learning() {
        next(event);
        one.sees(event);
    }
    one
}

/// Alarms in each million of `millions` million outputs that `next` writes over `event`, after the
/// learning. The guard goes on without evidence after each.
pub fn false_alarms(
    one: &OneGuard,
    mut event: OutputEvent,
    millions: usize,
    mut next: impl FnMut(&mut OutputEvent),
) -> Vec<usize> {
    let mut one = learned(one, &mut event, &mut next);
    let million = |_| {
        let is_alarm = |_: &i32| {
            next(&mut event);
            let is_alarm = one.sees(&event);
            if is_alarm {
                one.rearm();
            }
            is_alarm
        };
        (0..1_000_000).filter(is_alarm).count()
    };
    (0..millions).map(million).collect()
}

/// How outputs change.
pub struct Shift<'a> {
    /// Writes an output before the change.
    pub before: &'a (dyn Fn(&mut OutputEvent, &mut Rng) + Sync),
    /// Writes one after it.
    pub after: &'a (dyn Fn(&mut OutputEvent, &mut Rng) + Sync),
    /// Outputs between the learning and the change; part of a block more, so that the change may come
    /// anywhere within one.
    pub history: usize,
}

/// Outputs after which an alarm is no longer waited for.
const PATIENCE: usize = 200_000;

/// Outputs from the change to the alarm: infinite where none came in time, `None` where one came
/// before the change.
pub fn delay(one: &OneGuard, mut event: OutputEvent, shift: &Shift<'_>, rng: &mut Rng) -> Option<f64> {
    let mut one = learned(one, &mut event, |event| (shift.before)(event, rng));
    let history = shift.history + uniform_below(one.block(), rng);
    for _ in 0..history {
        (shift.before)(&mut event, rng);
        if one.sees(&event) {
            return None;
        }
    }
    let alarm = (1..=PATIENCE).find(|_| {
        (shift.after)(&mut event, rng);
        one.sees(&event)
    });
    Some(alarm.map_or(f64::INFINITY, real))
}

/// A whole number from 0 to n − 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to n − 1")]
pub fn uniform_below(n: u32, rng: &mut Rng) -> usize {
    (rng.uniform() * f64::from(n)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DriftOf, Outcome, WorkflowId};

    #[test]
    fn a_drift_guard_learns_then_watches_and_keeps_what_it_learned() {
        let signal = Signal::Drift { of: DriftOf::Score("s".to_owned()) };
        let one = OneGuard::new(policy(signal, 0.1, None, Some(500)), 1e6).unwrap();
        assert_eq!(one.block(), 10);
        let mut event = OutputEvent::new("o", WorkflowId::unknown(), Outcome::Ok);
        event.scores.push(("s".into(), 0.0));
        let mut rng = Rng::new(1);
        let mut one = learned(&one, &mut event, |event| event.scores[0].1 = rng.normal());
        event.scores[0].1 = 9.0;
        let alarm = (1..1_000).find(|_| one.sees(&event)).unwrap();
        assert!(alarm <= 150, "{alarm}");
        one.rearm();
        assert!(!one.is_learning(), "an alarm is no reason to learn anew");
        one.restart();
        assert!(one.is_learning());
        let shift = Shift {
            before: &|event, rng| event.scores[0].1 = rng.normal(),
            after: &|event, _| event.scores[0].1 = 9.0,
            history: 0,
        };
        let delay = delay(&one, event.clone(), &shift, &mut rng).unwrap();
        assert!(delay <= 160.0, "{delay}");
        let same = |event: &mut OutputEvent| event.scores[0].1 = 1.0;
        assert_eq!(false_alarms(&one, event, 1, same), [0]);
    }

    #[test]
    fn a_bound_that_can_not_be_tested_makes_no_guard() {
        let signal = Signal::ExceptionRate { kind: None };
        assert!(OneGuard::new(policy(signal.clone(), 0.99, None, None), 1e6).is_none());
        assert!(OneGuard::new(policy(signal, 0.0, Some(1), Some(100)), 1e6).is_some());
        let mut rng = Rng::new(9);
        let places: Vec<usize> = (0..200).map(|_| uniform_below(3, &mut rng)).collect();
        assert!(places.iter().all(|place| *place < 3) && (0..3).all(|place| places.contains(&place)));
    }
}

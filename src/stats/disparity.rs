//! Whether one group of outputs fails more than ρ times as often as all others.
//!
//! Owns the evidence for every group. It looks at exceptions only: of these, the share of a group is
//! compared with its share of all outputs. Knows no attribute and no guard.

use super::bets::ALTERNATIVES;
use super::runs::Run;
use serde::{Deserialize, Serialize};

/// Groups that are told apart; outputs of further ones belong to nobody's group.
pub const GROUPS_MAX: usize = 16;
/// Time constant of the shares of the groups, outputs: as precise as a window of the last 1,000.
const MEMORY: f64 = 500.0;
/// A group with less (or all others with less) of the outputs says nothing.
const SHARE_MIN: f64 = 0.01;
/// Outputs before the shares are believed.
const WARM: u64 = 200;
/// The odds of the alternatives are these multiples of the odds of the bound, geometrically.
const ODDS: [f64; 2] = [1.2, 40.0];

/// One group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Group {
    name: String,
    /// Exponentially weighted share of the outputs.
    share: f64,
    outputs: u64,
    exceptions: u64,
    evidence: [f64; ALTERNATIVES],
    run: Run,
}

/// The group that speaks most against the workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Unequal {
    /// Its name.
    pub group: String,
    /// How many times as often as all others it failed since the estimated change.
    pub ratio: f64,
    /// Exceptions since.
    pub exceptions: f64,
    /// When the change began, milliseconds.
    pub changed_ms: i64,
}

/// State of the evidence.
///
/// On each exception X_g = 1{group = g}, against β = ρ s / (ρ s + 1 − s), where s is the share of g
/// of the outputs before: if g fails at most ρ times as often as the rest, an exception comes from g
/// with a probability of at most β. The evidence counts outputs, not exceptions: an exception stands
/// for all outputs since the one before (v), spread evenly over the groups that are large enough.
/// This is a ratio of exception rates; it is not the four-fifths rule, which compares selection rates.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Disparity {
    groups: Vec<Group>,
    outputs: u64,
    since_exception: u64,
    crossed: bool,
}

impl Disparity {
    /// Takes one output; true when M reaches `threshold` with it. Then the evidence stands still
    /// until [`Disparity::reset`]. `judged` is false where the guard doesn't bind: then it only counts.
    pub fn observe(
        &mut self,
        ratio: f64,
        group: &str,
        exception: bool,
        judged: bool,
        time_ms: i64,
        threshold: f64,
    ) -> bool {
        let index = self.groups.iter().position(|known| known.name == group);
        self.since_exception += 1;
        if exception && judged && self.outputs >= WARM && !self.crossed {
            self.exception(ratio, index, time_ms);
            self.crossed = self.evidence() >= threshold;
        }
        if exception {
            self.since_exception = 0;
        }
        self.count(index, group, exception);
        self.crossed && exception && judged
    }

    fn exception(&mut self, ratio: f64, index: Option<usize>, time_ms: i64) {
        let large = |share: f64| (SHARE_MIN..=1.0 - SHARE_MIN).contains(&share);
        let count = self.groups.iter().filter(|group| large(group.share)).count();
        #[expect(clippy::cast_precision_loss, reason = "outputs between two exceptions")]
        let outputs = self.since_exception as f64 / f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX));
        let alternatives = alternatives();
        for (at, group) in self.groups.iter_mut().enumerate().filter(|(_, group)| large(group.share)) {
            let s = group.share;
            let bound = ratio * s / (ratio * s + 1.0 - s);
            let x = f64::from(u8::from(Some(at) == index));
            for (evidence, (odds, weight)) in group.evidence.iter_mut().zip(alternatives) {
                let payoff = (1.0 + x * (odds - 1.0)) / bound.mul_add(odds - 1.0, 1.0);
                *evidence = (outputs * weight + *evidence) * payoff;
            }
            group.run.update(Run::lost(bound), x, x, 1.0, time_ms);
        }
    }

    fn count(&mut self, index: Option<usize>, name: &str, exception: bool) {
        let index = index.or_else(|| {
            (self.groups.len() < GROUPS_MAX).then(|| {
                self.groups.push(Group {
                    name: name.to_owned(),
                    share: 0.0,
                    outputs: 0,
                    exceptions: 0,
                    evidence: [0.0; ALTERNATIVES],
                    run: Run::default(),
                });
                self.groups.len() - 1
            })
        });
        self.outputs += 1;
        // The plain mean at first, so that the share is right from the beginning.
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        let part = 1.0 / MEMORY.min(self.outputs as f64);
        for (at, group) in self.groups.iter_mut().enumerate() {
            group.share += part * (f64::from(u8::from(Some(at) == index)) - group.share);
        }
        if let Some(group) = index.map(|index| &mut self.groups[index]) {
            group.outputs += 1;
            group.exceptions += u64::from(exception);
        }
    }

    /// M, in outputs: the sum over the groups.
    pub fn evidence(&self) -> f64 {
        self.groups.iter().flat_map(|group| &group.evidence).sum()
    }

    /// Whether the threshold was reached since the last reset.
    pub const fn crossed(&self) -> bool {
        self.crossed
    }

    /// Starts anew with no evidence; the shares of the groups stay.
    pub fn reset(&mut self) {
        self.crossed = false;
        self.since_exception = 0;
        for group in &mut self.groups {
            group.evidence = [0.0; ALTERNATIVES];
            group.run = Run::default();
        }
    }

    /// Multiplies the evidence by `factor` ≥ 0 (the share of the budget changed).
    pub fn rescale(&mut self, factor: f64) {
        self.groups.iter_mut().flat_map(|group| &mut group.evidence).for_each(|r| *r *= factor);
    }

    /// The largest ratio of a group's exception rate to that of all others, since the guard started;
    /// `None` before any group and its rest have an exception each.
    pub fn ratio(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        let rate = |exceptions: u64, outputs: u64| exceptions as f64 / outputs as f64;
        let all = self.groups.iter().fold((0, 0), |sum, group| (sum.0 + group.exceptions, sum.1 + group.outputs));
        let against = |group: &Group| {
            let rest = (all.0 - group.exceptions, all.1 - group.outputs);
            (rest.0 > 0 && group.outputs > 0).then(|| rate(group.exceptions, group.outputs) / rate(rest.0, rest.1))
        };
        self.groups.iter().filter_map(against).max_by(f64::total_cmp)
    }

    /// The group with most evidence; `None` where none has a run.
    pub fn worst(&self) -> Option<Unequal> {
        let held = |group: &&Group| group.evidence.iter().sum::<f64>();
        let group = self.groups.iter().max_by(|a, b| held(a).total_cmp(&held(b)))?;
        group.run.share()?;
        // Half an exception more on each side: no group is infinitely worse after five exceptions.
        let odds = (group.run.hits + 0.5) / (group.run.outputs - group.run.hits + 0.5);
        Some(Unequal {
            group: group.name.clone(),
            ratio: odds * (1.0 - group.share) / group.share.max(1e-9),
            exceptions: group.run.outputs,
            changed_ms: group.run.time_ms,
        })
    }
}

/// Odds and weights of the alternatives: w ∝ 1/√odds.
fn alternatives() -> [(f64, f64); ALTERNATIVES] {
    let step = (ODDS[1] / ODDS[0]).powf(1.0 / 7.0);
    let mut power = 0;
    let odds = [(); ALTERNATIVES].map(|()| {
        power += 1;
        ODDS[0] * step.powi(power - 1)
    });
    let sum: f64 = odds.iter().map(|odds| 1.0 / odds.sqrt()).sum();
    odds.map(|odds| (odds, 1.0 / odds.sqrt() / sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rng::Rng;

    /// Two groups, `b` of the outputs in the second, rates as given: the outputs to the alarm.
    fn run(rng: &mut Rng, b: f64, rates: [f64; 2], change: [f64; 2], most: i64) -> Option<(i64, Disparity)> {
        let mut guard = Disparity::default();
        for t in 0..most {
            let in_b = rng.uniform() < b;
            let rates = if t < 5_000 { rates } else { change };
            let exception = rng.uniform() < rates[usize::from(in_b)];
            if guard.observe(1.25, if in_b { "b" } else { "a" }, exception, true, t, 1e6) {
                return Some((t - 5_000, guard));
            }
        }
        None
    }

    #[test]
    fn equal_groups_are_left_alone_and_an_unequal_one_is_named() {
        let mut rng = Rng::new(21);
        assert!(run(&mut rng, 0.3, [0.02, 0.02], [0.02, 0.02], 300_000).is_none());
        assert!(run(&mut rng, 0.3, [0.02, 0.02], [0.08, 0.08], 50_000).is_none(), "all fail more often: no disparity");
        let (delay, guard) = run(&mut rng, 0.3, [0.02, 0.02], [0.02, 0.10], 50_000).unwrap();
        let worst = guard.worst().unwrap();
        assert!((0..3_000).contains(&delay), "{delay}");
        assert_eq!(worst.group, "b");
        assert!((2.5..10.0).contains(&worst.ratio) && (4_000..6_500).contains(&worst.changed_ms), "{worst:?}");
        assert!(guard.ratio().unwrap() > 1.5);
    }

    #[test]
    fn a_moving_mix_is_no_disparity() {
        // The group grows from a tenth to nine tenths of the outputs: it has most exceptions then.
        let mut rng = Rng::new(22);
        let mut guard = Disparity::default();
        for t in 0..200_000 {
            let in_b = rng.uniform() < 0.1 + 0.8 * f64::from(u32::try_from(t).unwrap()) / 200_000.0;
            let exception = rng.uniform() < 0.02;
            assert!(!guard.observe(1.25, if in_b { "b" } else { "a" }, exception, true, t, 1e6), "at {t}");
        }
    }

    #[test]
    fn few_outputs_tiny_groups_and_modes_that_do_not_bind_say_nothing() {
        let mut guard = Disparity::default();
        assert!((0..150).all(|t| !guard.observe(1.25, if t % 2 == 0 { "a" } else { "b" }, t % 2 == 0, true, t, 10.0)));
        let mut guard = Disparity::default();
        assert!((0..5_000).all(|t| !guard.observe(
            1.25,
            if t % 2 == 0 { "a" } else { "b" },
            t % 2 == 0,
            false,
            t,
            10.0
        )));
        assert!(guard.evidence().abs() < f64::EPSILON && guard.worst().is_none());
        let mut guard = Disparity::default();
        for t in 0..5_000 {
            guard.observe(1.25, if t % 500 == 0 { "tiny" } else { "a" }, t % 500 == 0, true, t, 1e6);
        }
        assert!(!guard.crossed(), "a group below one percent");
        for t in 0..1_000 {
            guard.observe(1.25, &format!("group {t}"), false, true, t, 1e6);
        }
        assert_eq!(guard.groups.len(), GROUPS_MAX);
    }
}

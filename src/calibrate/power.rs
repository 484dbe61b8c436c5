//! How soon a guard finds a change of a rate.
//!
//! Owns the simulation behind `andon power`: the shipped guard, and the exact optimum beside it.

use super::bench::Bench;
use super::sample::Sample;
use super::watch::{Change, Watch, delay};
use crate::stats::run_length::optimum;
use serde::Serialize;

/// A guard on a rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Guarded {
    /// The rate before the change, 0 ≤ from ≤ bound.
    pub from: f64,
    /// The bound, 0 < bound < 0.98.
    pub bound: f64,
    /// Outputs per block; `None` = the default.
    pub block: Option<u32>,
    /// B, outputs per false demotion.
    pub budget: f64,
    /// The guard's share of it, 0 < share ≤ 1.
    pub share: f64,
}

/// How soon a change is found, in outputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Power {
    /// The rate after the change.
    pub to: f64,
    /// Half of the changes are found within this many outputs; infinite where fewer are at all.
    pub median: f64,
    /// Nine of ten are.
    pub most: f64,
    /// The median of a detector that knows the new rate and has the same run length, where it can be solved.
    pub optimum: Option<f64>,
}

/// The optimum knows rates up to this one: a certain failure has no likelihood ratio.
const CERTAIN: f64 = 0.9999;
/// Outputs that one rate may take in all, whatever the number of runs.
const OUTPUTS_MAX: f64 = 60e6;
/// Runs at most.
const RUNS_MAX: f64 = 2_000.0;
/// Runs at least.
const RUNS_MIN: f64 = 100.0;
/// Outputs after the change, at most, as a multiple of the optimum's median.
const PATIENCE: f64 = 30.0;

/// Simulates a change to the rate `to` (bound < to ≤ 1). `None` where the bound can't be tested.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to counts")]
pub fn power(bench: &Bench<'_>, guarded: &Guarded, to: f64) -> Option<Power> {
    let watch = Watch::new(guarded.bound, guarded.block, guarded.share, guarded.budget)?;
    let best =
        optimum(guarded.bound, to.min(CERTAIN), guarded.budget / guarded.share).ok().map(|best| best.steady_median);
    // KL divergence: the optimum needs about ln(B) / KL outputs where it can't be solved.
    let log_ratio = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    let divergence = log_ratio(to, guarded.bound) + log_ratio(1.0 - to, 1.0 - guarded.bound);
    let expected = best.unwrap_or((guarded.budget / guarded.share).ln() / divergence) + f64::from(watch.block());
    // Long enough for the evidence to be what it is in the long run, short enough for few false alarms.
    let history = (40.0 / guarded.bound).clamp(500.0, 20_000.0).min(guarded.budget / guarded.share / 10.0);
    let runs = (OUTPUTS_MAX / (2.0 * expected + history)).clamp(RUNS_MIN, RUNS_MAX) as usize;
    let change =
        Change { from: guarded.from, to, history: history as usize, most: (PATIENCE * expected).min(1e7) as usize };
    let what = format!("{guarded:?} to {to}");
    let delays = bench.runs(&what, runs, |rng| delay(&watch, change, rng));
    let delays = Sample::new(delays.into_iter().flatten().collect());
    Some(Power { to, median: delays.median(), most: delays.quantile(0.9), optimum: best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::Effort;

    #[test]
    fn a_greater_change_is_found_sooner_and_none_before_the_optimum() {
        let bench = Bench::new(Effort::Quick, 1, &|_, _, _| {});
        let guarded = Guarded { from: 0.1, bound: 0.1, block: Some(1), budget: 1e4, share: 1.0 };
        let found = [0.2, 0.5].map(|to| power(&bench, &guarded, to).unwrap());
        assert!(found[1].median < found[0].median && found[0].median < found[0].most, "{found:?}");
        // The optimum has the shorter run length of the two, B itself: it may not be beaten by much more than chance.
        assert!(found.iter().all(|power| power.median >= power.optimum.unwrap()), "{found:?}");
        // A budget that is used up before the change is no reason to find nothing.
        let rash = power(&bench, &Guarded { budget: 100.0, ..guarded }, 0.5).unwrap();
        assert!(rash.median < found[1].median, "{rash:?}");
        assert!(power(&bench, &Guarded { bound: 0.99, ..guarded }, 1.0).is_none());
    }
}
